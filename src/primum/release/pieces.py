"""The pieces that all labels of a report cut its attributes into: groups, bands of numbers, and whoever is not named.

Two attributes about one variable, such as age in two sets of bands, are cut into pieces of which each band is a sum,
so that subtracting one band from another is part of the attack. A group that a reader knows to exist without a number
of its own is a piece inside the remainder.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.release.registered import JOINED, REST, Divided, Registered

Mask = npt.NDArray[np.bool_]
Band = tuple[float, float]
UNNAMED = ("(not named, one)", "(not named, another)")
_NUMBER = r"(-?\d+(?:[.,]\d+)?)"
_BANDS = (
    (re.compile(rf"^(?:<|under|below|less than)\s*{_NUMBER}\b"), lambda a: (-math.inf, a)),
    (re.compile(rf"^(?:≤|<=|up to|at most)\s*{_NUMBER}\b"), lambda a: (-math.inf, _next(a))),
    (re.compile(rf"^(?:≥|>=|from|at least)\s*{_NUMBER}$"), lambda a: (a, math.inf)),
    (re.compile(rf"^(?:>|over|above|more than)\s*{_NUMBER}$"), lambda a: (_next(a), math.inf)),
    (re.compile(rf"^{_NUMBER}\s*(?:\+|and over|and older|or more|or older|years and over)$"), lambda a: (a, math.inf)),
    (re.compile(rf"^{_NUMBER}\s*to\s*<\s*{_NUMBER}$"), lambda a, b: (a, b)),
    (re.compile(rf"^{_NUMBER}\s*(?:-|–|—|to)\s*{_NUMBER}$"), lambda a, b: (a, _next(b))),
    (re.compile(r"^(\d{1,3})$"), lambda a: (a, _next(a))),
)


@dataclass(frozen=True)
class Variable:
    """One attribute: its pieces, and which of them each label holds."""

    name: str
    pieces: tuple[str, ...]
    labels: Mapping[str, frozenset[int]]


def _next(value: float) -> float:
    """Return the whole number after the last one of a closed band."""
    return math.floor(value) + 1


def band(label: str) -> Band | None:
    """Return the numbers from (included) and to (excluded) that a label stands for; None where it is no band."""
    text = label.strip().lower()
    for pattern, ends in _BANDS:
        found = pattern.match(text)
        if found:
            low, high = ends(*(float(g.replace(",", ".")) for g in found.groups()))
            return (low, high) if low < high else None
    return None


def variables(
    releases: Sequence[Registered], truth: Iterable[tuple[str, str]] = ()
) -> tuple[dict[str, Variable], dict[str, str]]:
    """Return the attributes of all releases in pieces, and which variable each attribute is about.

    Parameters
    ----------
    releases
        What was registered, all about the same people.
    truth
        (attribute, label) of groups that exist without being named. Known inside only; a reader who knows the code
        list knows them too.
    """
    labels: dict[str, dict[str, None]] = {}
    hidden: dict[str, bool] = {}
    told = list(truth)
    for release in releases:
        for divided in release.attributes.values():
            names = divided.of
            for name in names:
                labels.setdefault(name, {})
            own = [*_groups(release, divided.title), *divided.withheld]
            own += [label for title, label in told if title == divided.title]
            for label in own:
                parts = label.split(JOINED) if len(names) > 1 else [label]
                if len(parts) == len(names) and label not in {divided.remainder, REST}:
                    for name, part in zip(names, parts, strict=True):
                        labels[name][part] = None
            if len(names) == 1:
                hidden[names[0]] = hidden.get(names[0], False) or _has_others(release, divided)
    about = _about(labels)
    remainders = {d.remainder for r in releases for d in r.attributes.values() if d.remainder} | {REST}
    merged: dict[str, dict[str, None]] = {}
    for name, all_ in labels.items():
        merged.setdefault(about[name], {}).update({k: None for k in all_ if k not in remainders})
    secret = {title for title, _ in told}
    found = {}
    for name, pieces in merged.items():
        others = any(hidden.get(n) for n, to in about.items() if to == name)
        named_inside = bool(secret & {n for n, to in about.items() if to == name})
        found[name] = _cut(name, tuple(pieces), UNNAMED if others and not named_inside else ())
    return found, about


def _groups(release: Registered, title: str) -> list[str]:
    divided = release.attributes[title]
    found = dict.fromkeys(divided.shown)
    found.update(
        {
            row.group: None
            for row in release.rows
            if row.attribute == title and row.group not in {divided.remainder, REST}
        }
    )
    return list(found)


def _has_others(release: Registered, divided: Divided) -> bool:
    """Whether a reader must expect groups that are not named: told so, or the groups named do not add up."""
    if divided.unnamed is not None:
        return divided.unnamed
    if divided.withheld:
        return False
    if divided.remainder is not None:
        return True
    return not _adds_up(release, divided.title)


def _adds_up(release: Registered, title: str) -> bool:
    """Whether the groups of an attribute can be everyone, in each cell that both tell of."""
    everyone = {(r.model, r.outcome, r.low, r.high): release.known(r) for r in release.rows if r.attribute is None}
    sums: dict[tuple[str | None, int | None, float | None, float | None], list[float]] = {}
    for row in release.rows:
        if row.attribute == title and row.group != REST:
            low, high = release.known(row)
            have = sums.setdefault((row.model, row.outcome, row.low, row.high), [0.0, 0.0])
            have[0] += low
            have[1] += high
    rests = {(r.model, r.outcome, r.low, r.high) for r in release.rows if r.attribute == title and r.group == REST}
    sums = {k: v for k, v in sums.items() if k not in rests}
    both = [(sums[k], everyone[k]) for k in sums if k in everyone]
    if both:
        return all(s[0] <= e[1] and e[0] <= s[1] for s, e in both)
    total = sum(release.known(r)[1] for r in release.rows if r.attribute is None and r.model is None)
    return bool(sums) and total <= sum(s[1] for k, s in sums.items() if k[0] is None)


def _about(labels: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return attribute → variable: two attributes in bands whose names share a word are about the same variable."""
    about: dict[str, str] = {}
    for name, own in labels.items():
        words = set(re.findall(r"[^\W\d_]+", name.lower()))
        bands = [band(x) for x in own]
        if not any(bands):
            about[name] = name
            continue
        same = (o for o, to in about.items() if to == o and words & set(re.findall(r"[^\W\d_]+", o.lower())))
        about[name] = next((o for o in same if any(band(x) for x in labels[o])), name)
    return about


def _cut(name: str, labels: tuple[str, ...], others: tuple[str, ...]) -> Variable:
    """Return labels as sets of pieces; bands that overlap are cut at all their limits."""
    bands = {label: b for label in labels if (b := band(label)) is not None}
    ordered = sorted(bands.values())
    apart = all(a[1] <= b[0] for a, b in itertools.pairwise(ordered)) and len(set(ordered)) == len(bands)
    if apart:
        pieces = (*labels, *others)
        return Variable(name, pieces, {label: frozenset({i}) for i, label in enumerate(pieces)})
    limits = sorted({e for b in bands.values() for e in b})
    covered = [(a, b) for a, b in itertools.pairwise(limits) if any(x[0] <= a and b <= x[1] for x in ordered)]
    plain = [label for label in labels if label not in bands]
    pieces = (*(_band_name(b) for b in covered), *plain, *others)
    held = {
        label: frozenset(i for i, p in enumerate(covered) if b[0] <= p[0] and p[1] <= b[1])
        for label, b in bands.items()
    }
    held |= {label: frozenset({len(covered) + i}) for i, label in enumerate((*plain, *others))}
    return Variable(name, pieces, held)


def _band_name(ends: Band) -> str:
    low, high = ends
    if math.isinf(low):
        return f"<{high:g}"
    return f"≥{low:g}" if math.isinf(high) else f"{low:g} to <{high:g}"


def mask(group: str, names: Sequence[str], held: Mapping[str, Variable], about: Mapping[str, str]) -> Mask | None:
    """Return which pieces of some attributes a group holds, shape (pieces of the first, …); None for another label.

    Attributes about one variable in two forms, such as two sets of age bands, may not be crossed with each other.
    """
    own = [held[about[n]] for n in names]
    parts = group.split(JOINED) if len(names) > 1 else [group]
    if len(parts) != len(names) or any(p not in v.labels for p, v in zip(parts, own, strict=True)):
        return None
    found: Mask = np.ones(tuple(len(v.pieces) for v in own), dtype=np.bool_)
    for axis, (part, variable) in enumerate(zip(parts, own, strict=True)):
        inside = np.zeros(len(variable.pieces), dtype=np.bool_)
        inside[sorted(variable.labels[part])] = True
        shape = [1] * len(own)
        shape[axis] = -1
        found &= inside.reshape(shape)
    return found
