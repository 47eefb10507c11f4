"""Case mix: what a group's performance would be if its patients were like the comparator's.

Direct standardisation: the group's people are weighted so that each stratum (a combination of levels of other
attributes, or a band of predicted risk) holds the share that it holds in the comparator; any metric is then computed
from the weighted people. Sources: Keiding & Clayton (2014), Stat Sci 29:529-558; Debray et al. (2015), J Clin
Epidemiol 68:279-289 (for prediction models).

Not valid where a stratum of the comparator has nobody in the group: it is left out, and `shared` says how much of the
comparator is left. Not a causal statement: strata hold equal only what they are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.measure.compare import REST, difference
from primum.measure.estimate import Settings, estimates
from primum.measure.metric import metric
from primum.tally.score import ScoreTally
from primum.usecase import OVERALL

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def sides(tally: ScoreTally, attribute: str, group: str, comparator: str, over: Sequence[str]) -> list[ScoreTally]:
    """Return the tallies by `over` of a group and of its comparator ("overall": everyone else).

    Raises
    ------
    PrimumError
        For an unknown group or attribute, or strata made of the attribute itself.
    """
    if attribute in over:
        raise PrimumError(f"'{attribute}' is what is compared; strata are made of other attributes.")
    view = tally.by([attribute, *over])
    known = sorted({g[0] for g in view.groups})
    for name in (group, comparator):
        if name not in known and not (name == comparator and name in {OVERALL, REST}):
            raise unknown("group", name, known, where=f"'{attribute}'")
    rest = comparator in {OVERALL, REST}
    keep = [
        [g for g in view.groups if g[0] == group],
        [g for g in view.groups if (g[0] != group if rest else g[0] == comparator)],
    ]
    return [replace(view.select(k), clusters=None).by(list(over)) for k in keep]


def shares(own: ScoreTally, other: ScoreTally, bands: Ints | None = None) -> tuple[Ints, Ints, Floats, Floats]:
    """Return the stratum of each cell of both tallies, and both shares of people in each stratum, in that order."""
    levels = sorted({*own.groups, *other.groups})
    place = {g: i for i, g in enumerate(levels)}
    wide = 1 if bands is None else len(bands) + 1
    strata: list[Ints] = []
    masses: list[Floats] = []
    for side in (own, other):
        at = np.array([place[g] for g in side.groups], dtype=np.int64)[side.group]
        at = at * wide + (0 if bands is None else np.searchsorted(bands, side.label, side="right"))
        mass: Floats = np.bincount(at, weights=side.w, minlength=len(levels) * wide).astype(np.float64)
        strata.append(at)
        masses.append(mass / mass.sum() if mass.sum() > 0 else mass)
    return strata[0], strata[1], masses[0], masses[1]


def factors(own: Floats, other: Floats) -> tuple[Floats, float]:
    """Return the weight of each stratum that turns shares `own` into `other`, and the part of `other` that it reaches.

    Works on shapes (..., strata). Strata that only one of the two has weigh 0; the others are scaled up for them.
    """
    both = (own > 0) & (other > 0)
    reached = np.where(both, other, 0.0).sum(-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.where(both, other / np.where(both, own, 1.0) / reached, 0.0)
    return weight, float(np.mean(reached))


def comparable(
    tally: ScoreTally, attribute: str, group: str, comparator: str, candidates: Sequence[str], least: float = 0.95
) -> list[str]:
    """Return attributes, in the order given, over which at least a share `least` of either side has a counterpart.

    Each is taken when the strata of all taken so far still hold that much of both. Not a choice by what explains a
    gap: outcomes are not looked at.
    """
    if attribute not in tally.attributes:
        raise unknown("attribute", attribute, tally.attributes, where="this tally")
    mass = np.bincount(tally.group, weights=tally.w, minlength=len(tally.groups))
    columns = {name: [g[i] for g in tally.groups] for i, name in enumerate(tally.attributes)}
    who = np.array(columns[attribute])
    own, other = who == group, who != group if comparator in {OVERALL, REST} else who == comparator
    taken: list[str] = []
    strata = np.zeros(len(who), dtype=np.int64)
    for name in candidates:
        levels, code = np.unique(columns[name], return_inverse=True)
        finer = np.unique(strata * len(levels) + code, return_inverse=True)[1]
        pair = [np.bincount(finer[k], weights=mass[k], minlength=int(finer.max()) + 1) for k in (own, other)]
        mine, theirs = (np.asarray(x / max(x.sum(), 1e-300), dtype=np.float64) for x in pair)
        if min(factors(mine, theirs)[1], factors(theirs, mine)[1]) >= least:
            taken.append(name)
            strata = finer
    return taken


def standardise(
    tally: ScoreTally,
    attribute: str,
    group: str,
    comparator: str,
    metrics: Sequence[str],
    settings: Settings,
    *,
    over: Sequence[str] = (),
    bands: int = 0,
) -> list[dict[str, Any]]:
    """Return metrics of a group as they are, and with the case mix of its comparator.

    Parameters
    ----------
    tally
        Counts by `attribute` and the attributes in `over`.
    attribute, group, comparator
        Who is compared with whom; comparator "overall" is everyone else.
    over
        Attributes whose combinations are the strata.
    bands
        Also (or only) that many bands of predicted risk, with equal numbers of the comparator's people.

    Returns
    -------
    One row a metric: "crude" and "standardised" with limits, "comparator_value", "difference" (standardised less
    comparator) with limits, "shared" (share of the comparator's people in strata that the group has), "reason".

    Limits take both case mixes as known and are, as a rule, a little too wide: they count differences between strata
    as chance. People who belong together are taken as independent here.

    Raises
    ------
    PrimumError
        When there is nothing to standardise over, or for unknown names.
    """
    if not over and not bands:
        raise PrimumError("There are no strata.", expected="over=[attributes], or bands=10 of predicted risk")
    own, other = sides(tally, attribute, group, comparator, over)
    at, _, mine, theirs = shares(own, other, _edges(other, bands) if bands else None)
    weight, shared = factors(mine, theirs)
    f = weight[at]
    moved = replace(own, w=own.w * f, ww=own.ww * f**2, ws=own.ws * f, wss=own.wss * f)
    found = [estimates(view.by(), metrics, settings)[0] for view in (own, moved, other)]
    rows = []
    for name in metrics:
        crude, new, there = (e[name] for e in found)
        gap = difference(new, there, metric(name))
        rows.append(
            {
                "metric": name, "attribute": attribute, "group": group, "comparator": comparator,
                "over": " × ".join([*over, *(["predicted risk"] if bands else [])]),
                "crude": crude.value, "crude_low": crude.low, "crude_high": crude.high,
                "standardised": new.value, "low": new.low, "high": new.high,
                "comparator_value": there.value, "difference": gap.value, "difference_low": gap.low,
                "difference_high": gap.high, "shared": shared, "n_effective": new.n_effective,
                "reason": new.reason or ("" if shared > 0 else "no stratum holds people of both"),
            }
        )  # fmt: skip
    return rows


def _edges(view: ScoreTally, bands: int) -> Ints:
    """Return the labels at which bands of equal numbers of people begin, all but the first."""
    labels, at = np.unique(view.label, return_inverse=True)
    if not len(labels):
        return labels
    mass = np.bincount(at, weights=view.w)
    band = ((np.cumsum(mass) - mass / 2) / mass.sum() * bands).astype(np.int64)
    return np.asarray(labels[1:][band[1:] != band[:-1]], dtype=np.int64)
