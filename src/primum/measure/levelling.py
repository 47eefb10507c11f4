"""The levelling-down ledger: of a gap that narrowed, how much came from the worst-off gaining, how much from losses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from primum.errors import PrimumError
from primum.measure.kernel import Metric
from primum.measure.metric import metric as metric_named
from primum.tally.paired import PairedTally
from primum.tally.score import Counts

SAME = 1e-12
ONE = "fewer than two groups have a value before and after"
NOT_NARROWED = "the gap did not narrow"


@dataclass(frozen=True)
class Ledger:
    """What a repair did to the gap between the best-off and the worst-off group; larger values are better.

    Attributes
    ----------
    metric
        What was measured.
    before, after
        Value of each group that has both.
    excluded
        (group, reason) of the others.
    worst, best
        Worst-off and best-off group before; "" where there is no gap. Of equals, the worst-off is the one that ends
        lowest and the best-off the one that ends highest.
    worst_after, best_after
        The same afterwards; of equals, `worst` and `best` themselves.
    gap_before, gap_after, narrowed
        Best minus worst, and by how much that fell (negative: the gap widened).
    gained
        Change of the group that was worst off.
    lost
        Fall of the group that was best off (negative: it gained).
    new_worst, new_best
        What is taken back because another group is worst off, or best off, afterwards: never above 0.
        narrowed = gained + lost + new_worst + new_best, exactly.
    share
        Levelling-up share max(0, gained) / narrowed: 1 is pure uplift, 0 pure levelling down, above 1 means that the
        best-off gained as well. NaN where the gap did not narrow.
    weak, strict
        Weak levelling down: the gap fell and a group lost. Strict: the gap fell and the worst-off did not gain.
    losers
        (group, change) of every group that lost, the largest loss first.
    reason
        Why `share` is undefined, or "".
    """

    metric: str
    before: dict[str, float]
    after: dict[str, float]
    excluded: tuple[tuple[str, str], ...]
    worst: str
    best: str
    worst_after: str
    best_after: str
    gap_before: float
    gap_after: float
    narrowed: float
    gained: float
    lost: float
    new_worst: float
    new_best: float
    share: float
    weak: bool
    strict: bool
    losers: tuple[tuple[str, float], ...]
    reason: str = ""

    @property
    def words(self) -> str:
        """The ledger in one or two plain sentences, in the units of the metric."""
        if not self.worst:
            return f"No gap in {self.metric} can be told: {self.reason}."
        if math.isnan(self.share):
            how = "is as wide as before" if abs(self.narrowed) <= SAME else "widened"
            return f"The gap in {self.metric} {how}: {self.gap_before:.3f} before, {self.gap_after:.3f} after."
        text = (
            f"The gap in {self.metric} narrowed from {self.gap_before:.3f} to {self.gap_after:.3f}: {self.worst}, the "
            f"worst-off group, {_moved(self.gained)}; {self.best}, the best-off, {_moved(-self.lost)}."
        )
        if self.new_worst < 0:
            text += f" {self.worst_after} is worst off now."
        if self.new_best < 0:
            text += f" {self.best_after} is best off now."
        if self.strict:
            return text + " This is levelling down: the worst-off group did not gain."
        if self.weak:
            names = ", ".join(f"{g} ({change:+.3f})" for g, change in self.losers)
            return text + f" Part of it is levelling down: {names} lost."
        return text + " Nobody lost."

    def row(self) -> dict[str, Any]:
        """Return the ledger as one JSON-ready row (NaN becomes None)."""
        plain = {k: getattr(self, k) for k in _COLUMNS}
        numbers = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in plain.items()}
        groups = [
            {"group": g, "before": v, "after": self.after[g], "change": self.after[g] - v}
            for g, v in self.before.items()
        ]
        left_out = [{"group": g, "reason": why} for g, why in self.excluded]
        return {**numbers, "groups": groups, "excluded": left_out, "words": self.words}


_COLUMNS = (
    "metric", "worst", "best", "worst_after", "best_after", "gap_before", "gap_after", "narrowed", "gained", "lost",
    "new_worst", "new_best", "share", "weak", "strict", "reason",
)  # fmt: skip


def ledger(
    before: Mapping[str, float],
    after: Mapping[str, float],
    *,
    metric: str = "sensitivity",
    reasons: Mapping[str, str] | None = None,
    least: float = SAME,
) -> Ledger:
    """Return the ledger of a metric where larger is better.

    With w and b the groups worst and best off beforehand, W and B the lowest and highest value, 0 before and 1 after:
    (B₀ − W₀) − (B₁ − W₁) = [w₁ − w₀] + [b₀ − b₁] + [W₁ − w₁] + [b₁ − B₁]: what the worst-off gained, what the
    best-off lost, and what is taken back, never above 0, when another group is worst or best off afterwards.

    Parameters
    ----------
    before, after
        Group → value; NaN where it cannot be estimated.
    reasons
        Group → why it has no value.
    least
        A change of at most this size counts as none.

    Levelling down: Mittelstadt, Wachter & Russell (2023). The levelling-up share is of this package. Points without
    intervals: in small groups the ledger is mostly chance, and a share of a small narrowing is wild. Not valid as
    proof that nobody lost: that needs a certificate.

    Raises
    ------
    PrimumError
        If groups differ before and after.
    """
    if set(before) != set(after):
        odd = sorted(set(before) ^ set(after))
        raise PrimumError(
            "The groups before and after are not the same.", available=odd, mend="measure the same people twice"
        )
    told = dict(reasons or {})
    usable = [g for g in sorted(before) if math.isfinite(before[g]) and math.isfinite(after[g])]
    excluded = tuple((g, told.get(g) or _why(before[g], after[g])) for g in sorted(before) if g not in usable)
    old, new = {g: float(before[g]) for g in usable}, {g: float(after[g]) for g in usable}
    change = {g: new[g] - old[g] for g in usable}
    losers = tuple(sorted(((g, d) for g, d in change.items() if d < -least), key=lambda x: x[1]))
    if len(usable) < 2:
        nan = float("nan")
        return Ledger(
            metric, old, new, excluded, "", "", "", "", nan, nan, nan, nan, nan, nan, nan, nan,
            weak=False, strict=False, losers=losers, reason=ONE,
        )  # fmt: skip
    worst = min(usable, key=lambda g: (old[g], new[g], g))
    best = max(usable, key=lambda g: (old[g], new[g], g != worst))
    worst_after = min(usable, key=lambda g: (new[g], g != worst, g))
    best_after = max(usable, key=lambda g: (new[g], g == best))
    gap_before, gap_after = old[best] - old[worst], new[best_after] - new[worst_after]
    narrowed, gained = gap_before - gap_after, change[worst]
    fell = narrowed > least
    return Ledger(
        metric=metric, before=old, after=new, excluded=excluded, worst=worst, best=best, worst_after=worst_after,
        best_after=best_after, gap_before=gap_before, gap_after=gap_after, narrowed=narrowed, gained=gained,
        lost=-change[best], new_worst=new[worst_after] - new[worst], new_best=new[best] - new[best_after],
        share=max(0.0, gained) / narrowed if fell else float("nan"),
        weak=fell and bool(losers), strict=fell and gained <= least, losers=losers,
        reason="" if fell else NOT_NARROWED,
    )  # fmt: skip


def ledger_of_pairs(pairs: PairedTally, metric: str, at: float) -> Ledger:
    """Return the ledger of a metric of decisions, from the paired tally of the model in use and the repaired one.

    A metric of which lower is better (such as the share of cases missed) is turned round, so that a gain is a gain.

    Parameters
    ----------
    pairs
        By the attribute or intersection whose groups are compared.
    metric
        The id of a metric that needs counts only.
    at
        The declared threshold (for net benefit).

    Raises
    ------
    PrimumError
        For a metric that is no merit, or needs more than counts.
    """
    m = metric_named(metric)
    if m.needs != "counts" or m.better not in {"higher", "lower"}:
        raise PrimumError(
            f"'{metric}' cannot be levelled.", expected="a metric of decisions where higher, or lower, is better"
        )
    sign = 1.0 if m.better == "higher" else -1.0
    values: list[dict[str, float]] = []
    reasons: dict[str, str] = {}
    for which in (0, 1):
        c = _counts(pairs, which)
        value = sign * np.asarray(m.kernel(c, at), dtype=np.float64)
        names = [" · ".join(g) for g in pairs.groups]
        values.append(dict(zip(names, value.tolist(), strict=True)))
        for i, name in enumerate(names):
            if not math.isfinite(value[i]):
                reasons.setdefault(name, _undefined(m, c, i, at))
    title = m.title.lower() if sign > 0 else f"{m.title.lower()} (sign turned: larger is better)"
    return ledger(values[0], values[1], metric=title, reasons=reasons)


def _counts(pairs: PairedTally, which: int) -> Counts:
    """Return the counts of one of the two decisions, each of shape (groups,)."""
    n = pairs.n.sum(axis=3 - which).astype(np.float64)  # groups, outcome, decision
    return Counts(tp=n[:, 1, 1], fp=n[:, 0, 1], fn=n[:, 1, 0], tn=n[:, 0, 0])


def _undefined(m: Metric, c: Counts, i: int, at: float) -> str:
    one = Counts(*(np.asarray(x[i]) for x in (c.tp, c.fp, c.fn, c.tn)))
    return m.undefined(one, at) or "not estimable"


def _why(before: float, after: float) -> str:
    when = [name for name, v in (("before", before), ("after", after)) if not math.isfinite(v)]
    return f"no value {' and '.join(when)}"


def _moved(change: float) -> str:
    return f"{'gained' if change > 0 else 'lost'} {abs(change):.3f}" if abs(change) > SAME else "stayed where it was"
