"""People with the same score: is another measure of their need, or being tested at all, the same in every group?

A score trained on a proxy (cost for need, a diagnosis for an illness) can be calibrated for the proxy in every group
and still ask more of one group: at the same score its members are iller. The comparison needs a second label, counts
by score band and group, and nothing of the model.

Not valid where the second label is itself recorded unequally; a difference at equal score is then a difference of
that. Bands must be narrow: `score_difference` says how unequal scores still are within them.
Source: Obermeyer, Powers, Vogeli & Mullainathan (2019), Science 366:447-453.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.finding import Estimate, Status
from primum.measure.between import REST
from primum.measure.intervals import wilson, z_value
from primum.measure.kernel import divide
from primum.tally.moment import MomentTally, count_moments
from primum.tally.score import ScoreTally
from primum.usecase import OVERALL

Floats = npt.NDArray[np.float64]
BAND, SCORE = "score band", "score"


@dataclass(frozen=True, eq=False)
class AtScore:
    """Sums of a second label by group and score band.

    Attributes
    ----------
    label, groups
        Name of the label; labels of the groups.
    bands
        Names of the score bands, increasing.
    n, x, xx
        People, Σx and Σx² of the label, shape (groups, bands).
    score
        Σ of the scores, shape (groups, bands); NaN where unknown.
    """

    label: str
    groups: tuple[str, ...]
    bands: tuple[str, ...]
    n: Floats
    x: Floats
    xx: Floats
    score: Floats

    @property
    def binary(self) -> bool:
        """Whether the label is 0 or 1 for everybody."""
        return bool(np.array_equal(self.x, self.xx))


def by_score(frame: Any, score: str, label: str, by: str | Sequence[str], *, bands: int = 20) -> AtScore:
    """Count a second label by group and by band of the score, bands of about equal numbers of people.

    Parameters
    ----------
    frame
        Any frame narwhals knows that is in memory.
    score, label
        Columns; people without either are left out.
    by
        Column (or columns) of group membership.
    bands
        How many; equal scores are never torn apart.

    Raises
    ------
    PrimumError
        For an unknown column, or no two different scores.
    """
    import narwhals.stable.v2 as nw

    names = [by] if isinstance(by, str) else list(by)
    data = nw.from_native(frame, eager_only=True)
    for column in (score, label, *names):
        if column not in data.columns:
            raise unknown("column", column, data.columns, where="the data")
    s, x = (np.asarray(data[c].cast(nw.Float64).to_numpy(), dtype=np.float64) for c in (score, label))
    both = np.isfinite(s) & np.isfinite(x)
    if np.unique(s[both]).size < 2:
        raise PrimumError(f"Everybody has the same '{score}'.", expected="different scores")
    edges = np.unique(np.quantile(s[both], np.arange(1, bands) / bands, method="higher"))
    edges = edges[edges > s[both].min()]
    band = np.searchsorted(edges, s, side="right").astype(np.float64)
    width = len(str(len(edges)))
    text = [f"{int(b):0{width}d}" for b in np.where(both, band, 0)]
    rows = data.select(*names, label).with_columns(
        nw.new_series(BAND, text, backend=data.implementation), nw.new_series(SCORE, s, backend=data.implementation)
    )
    keep = nw.new_series("keep", both, backend=data.implementation)
    tally = count_moments(rows.filter(keep).to_native(), [label, SCORE], [*names, BAND])
    limits = [float(s[both].min()), *edges.tolist(), float(s[both].max())]
    return of_moments(tally, [f"{a:.3g} to {b:.3g}" for a, b in pairwise(limits)])


def of_moments(tally: MomentTally, bands: Sequence[str] | None = None) -> AtScore:
    """Return the table of a tally whose last attribute is the score band and whose first column is the label.

    A second column, the score, is used where there is one.

    Raises
    ------
    PrimumError
        If the tally has fewer than two attributes.
    """
    if len(tally.attributes) < 2:
        raise PrimumError(
            f"This tally is by {list(tally.attributes)}.", expected="groups and, last, the band of the score"
        )
    groups = tuple(sorted({" · ".join(g[:-1]) for g in tally.groups}))
    levels = tuple(sorted({g[-1] for g in tally.groups}))
    n, x, xx = (np.zeros((len(groups), len(levels))) for _ in range(3))
    score = np.full((len(groups), len(levels)), np.nan)
    for k, g in enumerate(tally.groups):
        at = groups.index(" · ".join(g[:-1])), levels.index(g[-1])
        n[at], x[at], xx[at] = tally.n[k, 0], tally.x[k, 0], tally.xx[k, 0]
        if len(tally.columns) > 1:
            score[at] = tally.x[k, 1]
    names = tuple(bands) if bands is not None and len(bands) == len(levels) else levels
    return AtScore(tally.columns[0], groups, names, n, x, xx, score)


def of_tally(view: ScoreTally, *, bands: int = 20) -> AtScore:
    """Return the table of a `ScoreTally` whose outcome is the second label (0/1): illness, or "was tested".

    Raises
    ------
    PrimumError
        For a weighted tally, or one that knows only what is decided at thresholds.
    """
    if (view.w != view.n).any():
        raise PrimumError("This tally is weighted.", mend="count again without weight, for people at equal score")
    if view.grid.decisions_only:
        raise PrimumError("Only decisions were counted.", mend="count again without decisions_only")
    labels, at = np.unique(view.label, return_inverse=True)
    people = np.bincount(at, weights=view.n, minlength=len(labels))
    rank = (np.cumsum(people) - people / 2) / people.sum()
    band = np.unique(np.minimum((rank * bands).astype(np.int64), bands - 1), return_inverse=True)[1]
    wide = int(band.max()) + 1
    key = view.group * wide + band[at]
    shape = (len(view.groups), wide)

    def table(values: npt.NDArray[Any]) -> Floats:
        added = np.bincount(key, weights=values, minlength=shape[0] * wide)
        return np.asarray(added, dtype=np.float64).reshape(shape)

    n, x, score = table(view.n), table(view.n * view.outcome), table(view.ws)
    mean = divide(score.sum(0), n.sum(0))
    names = tuple(f"about {m:.3g}" for m in mean)
    return AtScore(view.outcome_name, tuple(" · ".join(g) for g in view.groups), names, n, x, x.copy(), score)


def band_rows(t: AtScore, *, level: float = 0.95) -> list[dict[str, Any]]:
    """Return the mean of the label in every band and group with limits: Wilson's for 0/1, Student's otherwise."""
    mean, var = divide(t.x, t.n), _variance(t)
    if t.binary:
        low, high = wilson(t.x, t.n, level)
    else:
        from scipy.special import stdtrit

        with np.errstate(invalid="ignore", divide="ignore"):
            half = stdtrit(np.maximum(t.n - 1, 1), 0.5 + level / 2) * np.sqrt(var / t.n)
        half = np.where(t.n > 1, half, np.nan)
        low, high = mean - half, mean + half
    return [
        {
            "label": t.label, "group": g, "band": i, "score": band, "n": int(t.n[k, i]), "mean": float(mean[k, i]),
            "low": float(low[k, i]), "high": float(high[k, i]), "mean_score": float(divide(t.score, t.n)[k, i]),
            "reason": "" if t.n[k, i] else "nobody of this group in this band",
        }
        for k, g in enumerate(t.groups)
        for i, band in enumerate(t.bands)
    ]  # fmt: skip


@dataclass(frozen=True)
class EqualScore:
    """The difference of a label between a group and its comparator at equal score.

    Attributes
    ----------
    crude
        Difference of the plain means.
    difference
        Weighted mean over bands of the differences within them; weights are the shares of all people in each band.
    own, other
        Both means at that common distribution of scores.
    shared
        Share of all people in bands where both groups have somebody; the rest is left out.
    score_difference
        The same weighted difference of the score itself: what is left of unequal scores; NaN where unknown.
    """

    label: str
    group: str
    comparator: str
    crude: Estimate
    difference: Estimate
    own: float
    other: float
    shared: float
    score_difference: float

    @property
    def words(self) -> str:
        """The result in one sentence."""
        d = self.difference
        if not d.ok:
            return f"{self.label}, {self.group} v {self.comparator}: no comparison at equal score ({d.reason})."
        return (
            f"At the same score, {self.label} is {self.own:.3g} in {self.group} and {self.other:.3g} in "
            f"{self.comparator}: a difference of {d.value:.3g} [{d.low:.3g}, {d.high:.3g}]."
        )


def at_equal_score(t: AtScore, reference: str = OVERALL, *, level: float = 0.95) -> list[EqualScore]:
    """Return, for every group, how its label differs from the comparator's at equal score.

    Limits are normal, with the variance of each band and group (cells of one person take the pooled variance). Direct
    standardisation to the scores of all people of both; not valid where groups hardly share scores: see `shared`.

    Parameters
    ----------
    t
        Sums by group and band.
    reference
        A group, or "overall": each group against everyone else.

    Raises
    ------
    PrimumError
        For a reference that is not a group, or only one group.
    """
    if reference != OVERALL and reference not in t.groups:
        raise unknown("group", reference, list(t.groups))
    if len(t.groups) < 2:
        raise PrimumError(f"There is only one group, '{t.groups[0]}'.", expected="two or more groups to compare")
    result = []
    for k, g in enumerate(t.groups):
        if g == reference:
            continue
        rest = [j for j in range(len(t.groups)) if (j != k if reference == OVERALL else t.groups[j] == reference)]
        pair = AtScore(
            t.label, (g, REST if reference == OVERALL else reference), t.bands,
            *(np.stack([a[k], a[rest].sum(0)]) for a in (t.n, t.x, t.xx, np.nan_to_num(t.score))),
        )  # fmt: skip
        result.append(_compared(pair, level, score=bool(np.isfinite(t.score[t.n > 0]).all())))
    return result


def _compared(t: AtScore, level: float, *, score: bool) -> EqualScore:
    both = (t.n > 0).all(0)
    everyone = t.n.sum(0)
    shared = float(everyone[both].sum() / everyone.sum()) if everyone.sum() else 0.0
    people = t.n.sum(1)
    mean = divide(t.x, t.n)
    plain = divide(t.x.sum(1), people)
    spread = divide(t.xx.sum(1), people) - plain**2
    crude = _estimate(t, float(plain[0] - plain[1]), float(divide(spread, people - 1).sum()), level, "")
    if not both.any():
        nothing = _estimate(t, np.nan, np.nan, level, "no band of the score holds people of both")
        return EqualScore(t.label, t.groups[0], t.groups[1], crude, nothing, np.nan, np.nan, 0.0, np.nan)
    weight = everyone[both] / everyone[both].sum()
    own, other = ((weight * mean[j, both]).sum() for j in (0, 1))
    var = float((weight**2 * (_variance(t)[:, both] / t.n[:, both]).sum(0)).sum())
    left = float((weight * (divide(t.score, t.n)[0, both] - divide(t.score, t.n)[1, both])).sum()) if score else np.nan
    found = _estimate(t, float(own - other), var, level, "")
    return EqualScore(t.label, t.groups[0], t.groups[1], crude, found, float(own), float(other), shared, left)


def _variance(t: AtScore) -> Floats:
    """Return the variance of one person in each cell; the pooled one where a cell is too small for its own.

    A cell of 0/1 labels that are all alike takes the variance of one event more and one fewer (Agresti & Coull 1998).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.maximum(t.xx - t.x**2 / t.n, 0) / (t.n - 1)
        pooled = np.nansum(np.where(t.n > 1, own * (t.n - 1), 0)) / max(np.maximum(t.n - 1, 0).sum(), 1)
        if t.binary:
            p = (t.x + 1) / (t.n + 2)
            own = np.where((t.x <= 0) | (t.x >= t.n), p * (1 - p), own)
    return np.where(t.n > 1, own, pooled)


def _estimate(t: AtScore, value: float, var: float, level: float, reason: str) -> Estimate:
    n = int(t.n[0].sum())
    if reason or not np.isfinite(value) or not var > 0:
        why = reason or "these people do not vary enough for an interval"
        nan = float("nan")
        return Estimate(nan, nan, nan, "none", n, n, 0, Status.NOT_ESTIMABLE, why, level)
    half = z_value(level) * np.sqrt(var)
    method = "standardised to the scores of both, normal"
    return Estimate(value, float(value - half), float(value + half), method, n, n, 0, level=level)
