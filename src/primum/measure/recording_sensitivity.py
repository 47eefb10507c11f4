"""How every gap between two groups depends on how well each group's cases are recorded, and where findings tip over.

For a grid of (c of the group, c of its comparator) the gap of each metric is recomputed from the recorded counts: the
heat map. The tipping point of a finding is the smallest departure from equal recording at which it changes. Most
metrics are a quotient of two straight lines in v = 1/(1 − e₀ − e₁), so the point where the gap takes a given value is
solved for, not searched.

Not valid where recording depends on more than group and outcome. Main idea: Fogliato, Chouldechova & G'Sell (2020),
AISTATS, arXiv 2003.13808; VanderWeele & Ding (2017), Ann Intern Med 167:268-274, for the tipping point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.finding import Estimate, Verdict, judge
from primum.measure.between import difference
from primum.measure.estimate import Settings, confusion
from primum.measure.kernel import Metric
from primum.measure.metric import metric
from primum.measure.recording import checked_errors, sensitivity_of_record
from primum.measure.recording_corrected import corrected
from primum.measure.utility import odds
from primum.tally.resample import histogram
from primum.tally.score import Counts, ScoreTally

Floats = npt.NDArray[np.float64]
GRID = tuple(round(x, 2) for x in np.linspace(0.3, 1.0, 15))
Change = Literal["sign", "margin", "verdict"]
STEPS = 60  # of the search for a change of verdict, between full recording and the least possible
HALVINGS = 30
TINY = 1e-12


@dataclass(frozen=True, eq=False)
class HeatMap:
    """The gap (group − comparator) of one metric for every pair of recorded shares.

    Attributes
    ----------
    metric, group, comparator
        What is compared.
    c_group, c_comparator
        Shares of cases recorded, shape (k,) and (m,).
    gap, low, high
        The difference in truth with its limits, shape (k, m); NaN where the record rules the pair out.
    verdict
        From the interval and the margin, shape (k, m); empty text without a margin.
    """

    metric: str
    group: str
    comparator: str
    c_group: Floats
    c_comparator: Floats
    gap: Floats
    low: Floats
    high: Floats
    verdict: npt.NDArray[np.str_]
    margin: float | None

    def rows(self) -> list[dict[str, Any]]:
        """Return one plain row a cell, for a table or a figure."""
        return [
            {
                "metric": self.metric, "group": self.group, "comparator": self.comparator, "c_group": float(a),
                "c_comparator": float(b), "gap": float(self.gap[i, j]), "low": float(self.low[i, j]),
                "high": float(self.high[i, j]), "verdict": str(self.verdict[i, j]), "margin": self.margin,
            }
            for i, a in enumerate(self.c_group)
            for j, b in enumerate(self.c_comparator)
        ]  # fmt: skip


@dataclass(frozen=True)
class Tipping:
    """The smallest departure from equal recording at which a finding changes.

    Attributes
    ----------
    change
        "sign": the gap is 0 there. "margin": it crosses the margin. "verdict": the verdict from the interval differs.
    worse_recorded
        Which of the two is recorded less completely.
    ratio
        Recorded share of that group over that of the other: 1 is equal recording; NaN where nothing changes.
    c_group, c_comparator
        The two shares at that point.
    gap
        Under equal recording.
    to
        What it becomes: the gap's value there, or the new verdict.
    exact
        Whether the point was solved for; otherwise it was searched on a grid and halved.
    """

    metric: str
    group: str
    comparator: str
    change: Change
    worse_recorded: str
    ratio: float
    c_group: float
    c_comparator: float
    gap: float
    to: str
    exact: bool
    words: str

    @property
    def found(self) -> bool:
        """Whether any possible departure changes the finding."""
        return bool(np.isfinite(self.ratio))

    def row(self) -> dict[str, Any]:
        """Return it as one plain row."""
        return dict(vars(self)) | {"found": self.found}


@dataclass(frozen=True, eq=False)
class LabelBias:
    """Heat maps and tipping points of one group against its comparator.

    `nearest` is the tipping point of each metric and change that needs the smaller departure of the two directions.
    """

    maps: tuple[HeatMap, ...]
    tipping: tuple[Tipping, ...]

    @property
    def nearest(self) -> tuple[Tipping, ...]:
        """The more easily reached of both directions, for every metric and change."""
        best: dict[tuple[str, str], Tipping] = {}
        for t in self.tipping:
            key = (t.metric, t.change)
            if key not in best or (t.found and not best[key].ratio >= t.ratio):
                best[key] = t
        return tuple(best.values())


def label_bias_sensitivity(
    view: ScoreTally,
    metrics: Sequence[str],
    group: str,
    comparator: str,
    *,
    settings: Settings,
    margins: Mapping[str, float] | None = None,
    c_group: Sequence[float] = GRID,
    c_comparator: Sequence[float] = GRID,
    equal: float = 1.0,
    e0: float = 0.0,
) -> LabelBias:
    """Return how the gaps between two groups depend on how completely each is recorded.

    Parameters
    ----------
    view
        Counts against the record, by one attribute or an intersection.
    metrics
        As in `recording_corrected.corrected`.
    group, comparator
        Labels of the groups.
    margins
        Metric → margin declared beforehand, for "leaves the margin" and verdicts.
    c_group, c_comparator
        Shares of cases recorded to look at, in (0, 1].
    equal
        The share recorded in both groups from which departures are measured.
    e0
        Share of non-cases that is recorded as cases, the same in both groups.

    Raises
    ------
    PrimumError
        For an unknown group, a share outside (0, 1], or error rates that add up to 1.
    """
    pair = _pair(view, group, comparator)
    for c in (*c_group, *c_comparator, equal):
        checked_errors(e0, sensitivity_of_record(float(c))[1])
    maps, points = [], []
    for name in metrics:
        side = [_Side(pair, i, label, metric(name), settings, e0) for i, label in enumerate((group, comparator))]
        margin = (margins or {}).get(name)
        maps.append(_heat_map(side[0], side[1], c_group, c_comparator, margin))
        points += _tipping(side[0], side[1], equal, margin)
    return LabelBias(tuple(maps), tuple(points))


def against_reference(
    view: ScoreTally, metrics: Sequence[str], reference: str, *, settings: Settings, **options: Any
) -> dict[str, LabelBias]:
    """Return group → `label_bias_sensitivity` against the reference, for every other group of the tally."""
    labels = [" · ".join(g) for g in view.groups]
    if reference not in labels:
        raise unknown("group", reference, labels, where=f"'{' × '.join(view.attributes)}'")
    return {
        label: label_bias_sensitivity(view, metrics, label, reference, settings=settings, **options)
        for label in labels
        if label != reference
    }


class _Side:
    """One group: its estimate at any share of cases recorded, and the metric as a quotient of two lines."""

    def __init__(self, pair: ScoreTally, i: int, label: str, m: Metric, settings: Settings, e0: float) -> None:
        at = pair.grid.low if settings.at is None else settings.at
        own = pair.select([pair.groups[i]])
        self.view = _decisions(own, at) if m.needs == "counts" and own.clusters is None else own
        self.label, self.metric, self.settings, self.e0, self.at = label, m, settings, e0, at
        self.record = confusion(histogram(self.view, 0, at))
        self._known: dict[float, Estimate] = {}

    def estimate(self, c: float) -> Estimate:
        if c not in self._known:
            name = self.metric.id
            self._known[c] = corrected(
                self.view, {" · ".join(self.view.groups[0]): (self.e0, 1 - c)}, [name], self.settings
            )[0][name]
        return self._known[c]

    @property
    def least(self) -> float:
        """The least share recorded that the record allows: below, somebody would be less than nobody."""
        r, v = self.record, np.inf
        parts = [(r.tp, r.tp + r.fp), (r.fn, r.fn + r.tn)] if self.metric.threshold else []
        parts.append((r.tp + r.fn, r.tp + r.fp + r.fn + r.tn))
        for recorded, people in parts:
            spare = float(recorded - self.e0 * people)
            v = min(v, float(people) / spare) if spare > 0 else v
        return 1 / v + self.e0 if np.isfinite(v) else self.e0 + TINY

    @cached_property
    def lines(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Numerator and denominator as intercept and slope in v = 1/(c − e₀); None where the metric is no quotient."""
        parts = _quotient(self.metric, self.at)
        if parts is not None:
            # v = 0 and v = 1: e1 = −e0 makes v = 1; v = 0 leaves no cases
            zero = Counts(
                tp=np.zeros(()), fp=self.record.tp + self.record.fp,
                fn=np.zeros(()), tn=self.record.fn + self.record.tn,
            )  # fmt: skip
            one = _cells(self.record, self.e0, 1.0)
            return (
                (float(parts[0](zero)), float(parts[0](one)) - float(parts[0](zero))),
                (float(parts[1](zero)), float(parts[1](one)) - float(parts[1](zero))),
            )
        h = histogram(self.view, 0, self.at)
        cases, people = float(h.w[1].sum()), float(h.w.sum())
        spare = cases - self.e0 * people
        if self.metric.id == "oe_ratio":
            return (0.0, spare), (float(h.ws.sum()), 0.0)
        if self.metric.id == "auroc" and spare > 0:
            s = cases / people
            pull = (float(self.metric.kernel(h, 0.0)) - 0.5) * s * (1 - s) / (s - self.e0)
            return (0.5 + pull, -0.5 * (s - self.e0)), (1.0, -(s - self.e0))
        if self.metric.id == "brier":
            missed = float(h.w[1].sum() - 2 * h.ws[1].sum()) - self.e0 * float(people - 2 * h.ws.sum())
            return (float(h.wss.sum()), missed), (people, 0.0)
        return None

    def solve(self, target: float, equal: float) -> float:
        """Return the c at which the metric equals `target`; NaN where there is none, or the metric does not move.

        Solved for where the metric is a quotient of lines; otherwise the first crossing on a grid below `equal`,
        halved.
        """
        if self.lines is None:
            return self._searched(target, equal)
        (a, b), (d, e) = self.lines
        slope = b - target * e
        scale = abs(a) + abs(b) + abs(target) * (abs(d) + abs(e))
        if abs(b * d - a * e) <= TINY * scale**2 or abs(slope) <= TINY * scale:
            return np.nan
        v = (target * d - a) / slope
        return 1 / v + self.e0 if v > 0 else np.nan

    def _searched(self, target: float, equal: float) -> float:
        inside, before = equal, self.estimate(equal).value - target
        for c in self.path(equal):
            now = self.estimate(c).value - target
            if not np.isfinite(now):
                return np.nan
            if now * before <= 0 and now != before:
                outside = c
                for _ in range(HALVINGS):
                    middle = (inside + outside) / 2
                    same = (self.estimate(middle).value - target) * before > 0
                    inside, outside = (middle, outside) if same else (inside, middle)
                return outside
            inside = c
        return np.nan

    def path(self, equal: float) -> list[float]:
        """Return shares recorded to look at, from just below `equal` to the least that the record allows."""
        last = max(self.least * (1 + 1e-6), 1e-3)
        return [float(c) for c in np.geomspace(equal, last, STEPS)[1:]] if last < equal else []


def _decisions(view: ScoreTally, at: float) -> ScoreTally:
    """Return the tally with one score bin below the threshold and one from it on: all that rates depend on."""
    cut = view.grid.cut(at)
    return replace(view, label=np.where(view.label >= cut, cut, max(cut - 1, 0)).astype(np.int64)).merged_cells()


def _cells(record: Counts, e0: float, v: float) -> Counts:
    tp = v * (record.tp - e0 * (record.tp + record.fp))
    fn = v * (record.fn - e0 * (record.fn + record.tn))
    return Counts(tp=tp, fp=record.tp + record.fp - tp, fn=fn, tn=record.fn + record.tn - fn)


def _quotient(m: Metric, at: float) -> tuple[Callable[[Counts], Any], Callable[[Counts], Any]] | None:
    """Return a metric of counts as top and bottom, both linear in the counts."""
    if m.rate is not None:
        return m.rate
    everyone: Callable[[Counts], Any] = lambda c: c.tp + c.fp + c.fn + c.tn  # noqa: E731 - one of a table
    w = odds(at)
    table: dict[str, tuple[Callable[[Counts], Any], Callable[[Counts], Any]]] = {
        "net_benefit": (lambda c: c.tp - w * c.fp, everyone),
        "standardised_net_benefit": (lambda c: c.tp - w * c.fp, lambda c: c.tp + c.fn),
        "nne": (lambda c: c.tp + c.fp, lambda c: c.tp),
        "fp_per_tp": (lambda c: c.fp, lambda c: c.tp),
        "interventions_avoided": (lambda c: 100 * (c.tn - c.fn / w) if w else c.tn * np.nan, everyone),
    }
    return table.get(m.id)


def _pair(view: ScoreTally, group: str, comparator: str) -> ScoreTally:
    labels = [" · ".join(g) for g in view.groups]
    for name in (group, comparator):
        if name not in labels:
            raise unknown("group", name, labels, where=f"'{' × '.join(view.attributes)}'")
    if group == comparator:
        raise PrimumError(f"'{group}' is compared with itself.", expected="two groups", available=labels)
    return view.select([view.groups[labels.index(group)], view.groups[labels.index(comparator)]])


def _heat_map(a: _Side, b: _Side, ca: Sequence[float], cb: Sequence[float], margin: float | None) -> HeatMap:
    shape = (len(ca), len(cb))
    gap, low, high = (np.full(shape, np.nan) for _ in range(3))
    verdict = np.full(shape, "", dtype=object)
    for i, x in enumerate(ca):
        for j, y in enumerate(cb):
            d = difference(a.estimate(float(x)), b.estimate(float(y)))
            gap[i, j], low[i, j], high[i, j] = d.value, d.low, d.high
            if margin is not None:
                verdict[i, j] = str(_judged(d, margin, a.metric))
    return HeatMap(
        a.metric.id, a.label, b.label, np.array(ca, dtype=float), np.array(cb, dtype=float), gap, low, high,
        verdict.astype(np.str_), margin,
    )  # fmt: skip


def _judged(d: Estimate, margin: float, m: Metric) -> Verdict:
    better = m.better if m.better in {"higher", "lower"} else "zero"
    return judge(d.low, d.high, margin, better=better)


def _tipping(a: _Side, b: _Side, equal: float, margin: float | None) -> list[Tipping]:
    start = difference(a.estimate(equal), b.estimate(equal))
    if not start.ok:
        return []
    gap = start.value
    found = []
    for moving, still in ((a, b), (b, a)):
        levels: list[tuple[Change, list[float]]] = [("sign", [0.0])]
        if margin is not None:
            levels.append(("margin", [margin, -margin]))
        for change, values in levels:
            found.append(_crossing(moving, still, a, equal, gap, change, values))
        if margin is not None:
            found.append(_turning(moving, still, a, equal, start, margin))
    return found


def _crossing(
    moving: _Side, still: _Side, first: _Side, equal: float, gap: float, change: Change, levels: list[float]
) -> Tipping:
    """Return where the gap takes one of these values while one group's recording gets worse."""
    fixed = still.estimate(equal).value
    sign = 1.0 if moving is first else -1.0
    at = [(moving.solve(fixed + sign * level, equal), level) for level in levels]
    there = [(c, level) for c, level in at if np.isfinite(c) and moving.least - TINY <= c <= equal]
    if not there:
        return _told(moving, still, first, change, equal, np.nan, gap, "")
    c, level = max(there)
    return _told(moving, still, first, change, equal, c, gap, f"{level:g}")


def _turning(moving: _Side, still: _Side, first: _Side, equal: float, start: Estimate, margin: float) -> Tipping:
    """Return where the verdict from the interval first differs while one group's recording gets worse."""
    before = _judged(start, margin, first.metric)

    def verdict(c: float) -> Verdict:
        one, two = (moving, still) if moving is first else (still, moving)
        d = difference(one.estimate(c if one is moving else equal), two.estimate(c if two is moving else equal))
        return _judged(d, margin, first.metric)

    inside = equal
    for c in moving.path(equal):
        now = verdict(c)
        if now is Verdict.NOT_ASSESSABLE:
            break
        if now is not before:
            outside = c
            for _ in range(HALVINGS):
                middle = (inside + outside) / 2
                inside, outside = (inside, middle) if verdict(middle) is not before else (middle, outside)
            after = verdict(outside)
            return _told(moving, still, first, "verdict", equal, outside, start.value, str(after))
        inside = c
    return _told(moving, still, first, "verdict", equal, np.nan, start.value, "")


def _told(
    moving: _Side, still: _Side, first: _Side, change: Change, equal: float, c: float, gap: float, to: str
) -> Tipping:
    second = still if moving is first else moving
    title = first.metric.title
    if np.isfinite(c):
        then = {
            "sign": "the gap disappears, and turns around beyond that",
            "margin": f"the gap crosses the margin ({to})",
            "verdict": f"the verdict becomes '{to}'",
        }
        words = (
            f"{title}, {first.label} v {second.label}: if {moving.label} is recorded {c / equal:.0%} as completely as "
            f"{still.label}, {then[change]}."
        )
    else:
        never = {"sign": "turns the gap around", "margin": "takes it over the margin", "verdict": "changes the verdict"}
        words = (
            f"{title}, {first.label} v {second.label}: no worse recording of {moving.label} that the data allow "
            f"(down to {max(moving.least, 0) / equal:.0%} as complete as {still.label}) {never[change]}."
        )
    return Tipping(
        metric=first.metric.id, group=first.label, comparator=second.label, change=change,
        worse_recorded=moving.label, ratio=c / equal, c_group=c if moving is first else equal,
        c_comparator=equal if moving is first else c, gap=gap, to=to,
        exact=change != "verdict" and moving.lines is not None, words=words,
    )  # fmt: skip
