"""Differencing: two populations, one inside the other, whose difference is a handful of people.

Between tables of one report, between this export and earlier ones, between exclusions, complements, nested thresholds
and age bands that are shifted by a year. Pairs are compared here; sums of several populations are for `attack`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from primum.disclose.releases import Release
from primum.errors import PrimumError


@dataclass(frozen=True)
class Difference:
    """A difference of two populations that a reader can work out.

    Attributes
    ----------
    inner, outer
        The places of the two numbers.
    low, high
        What a reader knows of the people who are in one only.
    level
        "fail", or "review" where the two cannot be compared.
    why
        One plain sentence.
    """

    inner: str
    outer: str
    low: float
    high: float
    level: Literal["fail", "review"]
    why: str


@dataclass(frozen=True)
class Band:
    """A count of people between two whole values of a variable, both included; None is open."""

    where: str
    first: int | None
    last: int | None
    low: float
    high: float


def nested(releases: Sequence[Release], *, t: int, w: float | None = None) -> list[Difference]:
    """Return every pair of populations A within B whose difference B without A is 1 to t − 1 people, or may be.

    A difference known exactly must be 0 or at least t. One known as an interval that could be 1 to t − 1 must reach t
    and be at least w wide.

    Parameters
    ----------
    releases
        Numbers over the same atoms.
    t
        Smallest number of persons that may be shown.
    w
        Smallest width of an interval; `t` by default.

    Raises
    ------
    PrimumError
        If the supports have different lengths.
    """
    if not releases:
        return []
    from scipy.sparse import csr_array

    sizes = {len(r.support) for r in releases}
    if len(sizes) != 1:
        raise PrimumError(f"The releases speak of {sorted(sizes)} atoms.", expected="one list of atoms for all of them")
    told = csr_array(np.vstack([r.support for r in releases]).astype(np.int64))
    shared = (told @ told.T).toarray()
    size = np.diag(shared)
    inside = (shared == size[:, None]) & (size[:, None] < size[None, :]) & (size[:, None] > 0)
    found = []
    for a, b in zip(*np.nonzero(inside), strict=True):
        low, high = max(0.0, releases[b].low - releases[a].high), releases[b].high - releases[a].low
        if unsafe(low, high, t=t, w=float(t) if w is None else w):
            found.append(_said(releases[a].where, releases[b].where, low, high, t))
    return found


def unsafe(low: float, high: float, *, t: int, w: float) -> bool:
    """Return whether a count known to lie between two limits gives 1 to t − 1 people away."""
    low, high = max(low, 0.0), max(high, 0.0)
    possible = high >= 1 and low < t
    return possible and (high < t or high - low < w)


def versions(old: Sequence[Release], new: Sequence[Release], *, t: int, w: float | None = None) -> list[Difference]:
    """Return every number that changed by 1 to t − 1 people, or may have, between two versions of a report.

    People join and leave between versions, so a change is a difference of populations even though the filter is the
    same. The same number twice shows no change. A number of the same place with another filter is for a person.

    Parameters
    ----------
    old, new
        The two versions; numbers are matched by their place.
    t, w
        As in `nested`.
    """
    before = {r.where: r for r in old}
    width = float(t) if w is None else w
    found = []
    for release in new:
        if release.where not in before:
            continue
        earlier = before[release.where]
        low, high = release.low - earlier.high, release.high - earlier.low
        names = (f"{release.where} (before)", f"{release.where} (now)")
        if not np.array_equal(earlier.support, release.support):
            said = "The same place holds another filter in the two versions: a person must compare them."
            found.append(Difference(*names, low, high, "review", said))
            continue
        if (earlier.low, earlier.high) == (release.low, release.high):
            continue  # the same number is shown twice: no change to be seen
        # an interval that covers 0 says no direction: then the wider side is what may have changed
        reach = (max(low, 0.0), high) if high >= -low else (max(-high, 0.0), -low)
        if unsafe(*reach, t=t, w=width):
            found.append(_said(*names, *reach, t))
    return found


def bands(counts: Sequence[Band], *, t: int, w: float | None = None) -> list[Difference]:
    """Return the differences of bands of a numeric variable, such as ages 0–17 and 0–18.

    Raises
    ------
    PrimumError
        If a band ends before it begins.
    """
    return nested(cut(counts), t=t, w=w)


def cut(counts: Sequence[Band]) -> list[Release]:
    """Return bands as releases over the pieces that all their limits cut the variable into.

    Raises
    ------
    PrimumError
        If a band ends before it begins.
    """
    for band in counts:
        if band.first is not None and band.last is not None and band.last < band.first:
            raise PrimumError(
                f"The band '{band.where}' runs from {band.first} to {band.last}.", expected="first ≤ last"
            )
    starts = {b.first for b in counts if b.first is not None} | {b.last + 1 for b in counts if b.last is not None}
    edges: npt.NDArray[np.float64] = np.array([-np.inf, *sorted(starts)], dtype=np.float64)
    releases = []
    for band in counts:
        first = -np.inf if band.first is None else band.first
        last = np.inf if band.last is None else band.last
        releases.append(Release(band.where, (edges >= first) & (edges <= last), band.low, band.high))
    return releases


def unknown_filters(names: Iterable[str]) -> list[Difference]:
    """Return a note for each filter that cannot be written over the atoms: nothing can be shown about it."""
    said = "The filter cannot be written over the variables of the report: a person must compare it with the others."
    return [Difference(name, "everything else", 0.0, float("inf"), "review", said) for name in names]


def _said(inner: str, outer: str, low: float, high: float, t: int) -> Difference:
    many = f"{low:.0f}" if high - low < 1e-9 else f"between {low:.0f} and {high:.0f}"
    said = f"By subtraction {many} people are in one of the two only; below {t} they may not be shown."
    return Difference(inner, outer, low, high, "fail", said)
