"""Several classes: every measure of one class against the rest, and means over classes, per group.

Ids of metrics: a plain id (`auroc`, `sensitivity`, `f1`) gives a row per class, named in the column `class`;
`macro_ID` and `weighted_ID` are its mean over classes, equal or by the group's own shares, with `class` empty, as have
`multiclass_accuracy`, `multiclass_balanced_accuracy` (which is `macro_sensitivity`) and `multiclass_brier`. A mean is
not estimable in a group that lacks a class: averaging fewer classes there would compare different things.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from primum.errors import PrimumError, unknown
from primum.finding import Estimate, Status
from primum.measure.between import REST, difference, quotient
from primum.measure.estimate import NO_SPREAD, Limits, Settings, confusion, estimates
from primum.measure.intervals import wilson
from primum.measure.kernel import NO_EVENTS, NO_PEOPLE, Metric, divide
from primum.measure.mean_class import Part, decided_variance, mean_limits, slope_of
from primum.measure.metric import METRICS, metric
from primum.measure.table import COLUMNS, EVERYONE, row
from primum.tally.multiclass import ClassTally
from primum.tally.resample import histogram
from primum.usecase import OVERALL

if TYPE_CHECKING:
    import polars as pl

CLASS_COLUMNS = (*COLUMNS, "class")
PRICED = ("net_benefit", "standardised_net_benefit", "interventions_avoided")
ACCURACY, BALANCED, BRIER = "multiclass_accuracy", "multiclass_balanced_accuracy", "multiclass_brier"
_BALANCED_OF = "sensitivity"
Over = Literal["all", "present"]

F1 = Metric(
    id="f1", title="F1", words="harmonic mean of sensitivity and positive predictive value",
    formula="2 TP / (2 TP + FP + FN)", range=(0.0, 1.0), better="higher", needs="counts",
    kernel=lambda c, _t: divide(2 * c.tp, 2 * c.tp + c.fp + c.fn),
    undefined=lambda c, _t: NO_EVENTS if float(c.tp + c.fn) <= 0 else "", threshold=True, denominator="events",
    reference="van Rijsbergen (1979), Information Retrieval; ignores those rightly left alone, and what mistakes cost",
)  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """How classes are measured: thresholds by class (None: as decided), means over all classes or those present."""

    at: Mapping[str, float] | None = None
    over: Over = "all"
    level: float = 0.95
    replicates: int = 1000
    seed: int = 0


def frame(
    tally: ClassTally,
    metrics: Sequence[str],
    *,
    by: str | Sequence[str] | None = None,
    at: Mapping[Any, float] | float | None = None,
    over: Over = "all",
    against: str | None = None,
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> pl.DataFrame:
    """Return one long frame with the columns of `CLASS_COLUMNS`.

    Parameters
    ----------
    tally
        Counts of several classes.
    metrics
        Ids as described above.
    by
        One attribute, or a list for their intersection. Left out: overall, every attribute, and the full intersection.
    at
        Class → threshold on its own score, or one for all. Left out: metrics of a decision take the class decided on.
    over
        "all": a mean is not estimable where a class is not. "present": the mean of the others, which are listed in
        `reason`; such means of different groups are not comparable.
    against
        Also compare: with the group of this name, or with everyone else ("overall").
    level, replicates, seed
        Of the intervals.

    Raises
    ------
    PrimumError
        For an unknown metric, attribute, group, class or threshold, or net benefit without a threshold.
    """
    import polars as pl

    if over not in {"all", "present"}:
        raise PrimumError(f"over='{over}' is not known.", available=["all", "present"])
    choice = Choice(_thresholds(tally, at), over, level, replicates, seed)
    if by is None:
        views: list[tuple[str, ...]] = [(), *((a,) for a in tally.attributes)]
        views += [tally.attributes] if len(tally.attributes) > 1 else []
    else:
        views = [(by,) if isinstance(by, str) else tuple(by)]
    rows: list[dict[str, Any]] = []
    for view in (tally.by(*v) for v in views):
        rows += class_rows(view, metrics, choice)
        if against is not None and view.attributes:
            rows += comparison_rows(view, metrics, choice, against)
    floats, whole = ("at", "value", "low", "high", "level", "n_effective"), ("n", "events", "nonevents")
    schema = {c: pl.Float64 if c in floats else pl.Int64 if c in whole else pl.String for c in CLASS_COLUMNS}
    return pl.DataFrame(rows, schema=schema)


def class_estimates(
    view: ClassTally, metrics: Sequence[str], choice: Choice | None = None
) -> list[dict[tuple[str, str], Estimate]]:
    """Return (metric id, class or "") → estimate for every group of the tally, in order."""
    choice = choice or Choice()
    asked = {name: _parsed(name) for name in metrics}
    _priced(asked, choice)
    single = list(dict.fromkeys(m.id for _, m in asked.values() if m is not None))
    per_class = [_of_class(view, k, single, choice) for k in range(len(view.classes))]
    result: list[dict[tuple[str, str], Estimate]] = []
    for i in range(len(view.groups)):
        found: dict[tuple[str, str], Estimate] = {}
        for name, (kind, m) in asked.items():
            if m is None:
                found[name, ""] = _accuracy(view, i, choice.level)
            elif kind == "each":
                found |= {(name, c): per_class[k][i][m.id] for k, c in enumerate(view.classes)}
            else:
                own = [per_class[k][i][m.id] for k in range(len(view.classes))]
                found[name, ""] = _mean(view, i, kind, m, own, choice)
        result.append(found)
    return result


def class_rows(view: ClassTally, metrics: Sequence[str], choice: Choice | None = None) -> list[dict[str, Any]]:
    """Return long rows for every group of a tally that is already regrouped."""
    choice = choice or Choice()
    return [
        _row(view, e, key, " · ".join(group) or EVERYONE, choice)
        for group, found in zip(view.groups, class_estimates(view, metrics, choice), strict=True)
        for key, e in found.items()
    ]


def comparison_rows(
    view: ClassTally, metrics: Sequence[str], choice: Choice | None = None, reference: str = OVERALL
) -> list[dict[str, Any]]:
    """Return differences (and ratios of what is never negative) to a reference, or everyone else.

    Raises
    ------
    PrimumError
        If the reference is not one of the groups.
    """
    choice = choice or Choice()
    labels = [" · ".join(g) for g in view.groups]
    if reference != OVERALL and reference not in labels:
        raise unknown("group", reference, labels, where=f"'{' × '.join(view.attributes)}'")
    names = [n for n in metrics if n != "n"]
    own = class_estimates(view, names, choice)
    rows = []
    for i, group in enumerate(view.groups):
        if labels[i] == reference or (reference == OVERALL and len(labels) == 1):
            continue
        other, comparator = own[labels.index(reference)] if reference != OVERALL else {}, reference
        if reference == OVERALL:
            other, comparator = class_estimates(view.without(group), names, choice)[0], REST
        for key, a in own[i].items():
            where = {"comparator": comparator, "comparison": "difference"}
            rows.append(_row(view, difference(a, other[key]), key, labels[i], choice, **where))
            m = _parsed(key[0])[1]
            if m is None or m.range[0] >= 0:
                where["comparison"] = "ratio"
                rows.append(_row(view, quotient(a, other[key]), key, labels[i], choice, **where))
    return rows


def _parsed(name: str) -> tuple[str, Metric | None]:
    """Return what to do ("each", "macro", "weighted", "sum") and with which metric; None for overall accuracy."""
    if name == ACCURACY:
        return "all", None
    if name == BALANCED:
        return "macro", METRICS[_BALANCED_OF]
    if name == BRIER:
        return "sum", replace(METRICS["brier"], range=(0.0, 2.0))
    for kind in ("macro", "weighted"):
        if name.startswith(f"{kind}_"):
            return kind, _known(name, name.removeprefix(f"{kind}_"))
    return "each", _known(name, name)


def _known(whole: str, name: str) -> Metric:
    if name == F1.id:
        return F1
    known = [*METRICS, F1.id, *(f"macro_{k}" for k in METRICS), ACCURACY, BALANCED, BRIER]
    if name not in METRICS or (whole != name and METRICS[name].interval == "none"):
        raise unknown("metric of classes", whole, known)
    return metric(name)


def _priced(asked: Mapping[str, tuple[str, Metric | None]], choice: Choice) -> None:
    needy = [name for name, (_, m) in asked.items() if m is not None and m.id in PRICED]
    if needy and choice.at is None:
        raise PrimumError(
            f"{', '.join(needy)} need a threshold for every class: it says what a false alarm costs.",
            mend="count with thresholds={class: …} and say at={class: …}",
        )


def _thresholds(tally: ClassTally, at: Mapping[Any, float] | float | None) -> dict[str, float] | None:
    if at is None:
        return None
    if not isinstance(at, Mapping):
        return dict.fromkeys(tally.classes, float(at))
    found = {str(k): float(v) for k, v in at.items()}
    for name in found:
        if name not in tally.classes:
            raise unknown("class", name, tally.classes, where="this tally")
    lacking = [c for c in tally.classes if c not in found]
    if lacking:
        raise PrimumError(
            f"The class '{lacking[0]}' has no threshold.", mend="give one for every class, or one for all"
        )
    return found


def _of_class(view: ClassTally, k: int, names: Sequence[str], choice: Choice) -> list[dict[str, Estimate]]:
    """Return metric id → estimate of one class against the rest, for every group."""
    at = None if choice.at is None else choice.at[view.classes[k]]
    settings = Settings(at=at, replicates=choice.replicates, seed=choice.seed, level=choice.level)
    plain = [n for n in names if n != F1.id]
    decided = [n for n in plain if metric(n).threshold and at is None]
    found = estimates(view.ovr[k], [n for n in plain if n not in decided], settings)
    if decided:
        settings = replace(settings, at=0.5)
        found = [a | b for a, b in zip(found, estimates(view.decided(k), decided, settings), strict=True)]
    if F1.id in names:
        for i, into in enumerate(found):
            into[F1.id] = _f1(view, i, k, choice)
    return found


def _f1(view: ClassTally, i: int, k: int, choice: Choice) -> Estimate:
    at = None if choice.at is None else choice.at[view.classes[k]]
    tally = view.decided(k) if at is None else view.ovr[k]
    counts = confusion(histogram(tally, i, 0.5 if at is None else at))
    zero, one = tally.people()[i]
    blank = Estimate(np.nan, np.nan, np.nan, "none", int(zero + one), int(one), int(zero), level=choice.level)
    if reason := NO_PEOPLE if zero + one == 0 else F1.undefined(counts, 0.5):
        return replace(blank, status=Status.NOT_ESTIMABLE, reason=reason)
    value = float(F1.kernel(counts, 0.5))
    part = Part(k, 1.0, replace(blank, value=value), at)
    limits = mean_limits(view, i, F1, value, [part], weighted=False, level=choice.level)
    return _with_limits(blank, value, limits, F1.range)


def _mean(view: ClassTally, i: int, kind: str, m: Metric, own: Sequence[Estimate], choice: Choice) -> Estimate:
    n = int(view.n[i].sum())
    blank = Estimate(np.nan, np.nan, np.nan, "none", n, 0, 0, Status.NOT_ESTIMABLE, NO_PEOPLE, choice.level)
    if n == 0:
        return blank
    absent = [k for k, e in enumerate(own) if not e.ok]
    present = [k for k in range(len(own)) if k not in absent]
    if absent and (choice.over == "all" or kind == "sum" or not present):
        told = "; ".join(f"class '{view.classes[k]}': {own[k].reason}" for k in absent)
        return replace(blank, reason=told)
    mass = view.w[i].sum(axis=1)
    share = mass if kind == "weighted" else np.ones(len(own))
    total = 1.0 if kind == "sum" else float(share[present].sum())
    if total <= 0:
        return replace(blank, reason="nobody in this group has one of the classes that can be measured")
    at = choice.at or {}
    parts = [Part(k, float(share[k]) / total, own[k], at.get(view.classes[k])) for k in present]
    value = float(sum(p.share * p.estimate.value for p in parts))
    limits = mean_limits(view, i, m, value, parts, weighted=kind == "weighted", level=choice.level)
    made = _with_limits(replace(blank, status=Status.OK, reason=""), value, limits, m.range)
    if absent:
        names = [", ".join(f"'{view.classes[k]}'" for k in ks) for ks in (present, absent)]
        made = replace(
            made, reason="; ".join(x for x in (made.reason, f"over {names[0]} only, without {names[1]}") if x)
        )
    return made


def _accuracy(view: ClassTally, i: int, level: float) -> Estimate:
    """Return the share of people decided to be what they are: Wilson's interval, with effective people if need be."""
    n = int(view.n[i].sum())
    blank = Estimate(np.nan, np.nan, np.nan, "none", n, 0, 0, Status.NOT_ESTIMABLE, NO_PEOPLE, level)
    total = float(view.w[i].sum())
    if total <= 0:
        return blank
    value = float(np.trace(view.w[i]) / total)
    size, told = total**2 / float(view.ww[i].sum()), None
    if view.clusters is not None or not np.array_equal(view.w[i], view.n[i]):
        psi = slope_of(view.w[i], lambda t: np.trace(t, axis1=-2, axis2=-1) / t.sum((-2, -1)))
        var = decided_variance(view, i, psi, level)
        shared = view.shared(i)
        size = min(value * (1 - value) / var, n) if var > 0 and 0 < value < 1 else min(
            size, shared.clusters if shared else size
        )  # fmt: skip
        told = float(size)
    low, high = wilson(value * size, size, level)
    method = "Wilson" if told is None else "Wilson, effective people"
    method += ", cluster-robust" if view.clusters is not None else ""
    limits = Limits(float(low), float(high), method, told)
    return _with_limits(replace(blank, status=Status.OK, reason=""), value, limits, (0.0, 1.0))


def _with_limits(e: Estimate, value: float, limits: Limits, reach: tuple[float, float]) -> Estimate:
    if not (np.isfinite(limits.low) and np.isfinite(limits.high)):
        return replace(e, value=value, status=Status.IMPRECISE, reason=NO_SPREAD)
    low, high = max(limits.low, reach[0]), min(limits.high, reach[1])
    return replace(e, value=value, low=low, high=high, method=limits.method, n_effective=limits.size)


def _row(
    view: ClassTally, e: Estimate, key: tuple[str, str], group: str, choice: Choice, **where: str
) -> dict[str, Any]:
    name, cls = key
    m = _parsed(name)[1]
    at = choice.at.get(cls) if choice.at is not None and m is not None and m.threshold else None
    attribute = " × ".join(view.attributes) or OVERALL
    made = row(e, model=view.ovr[0].score_name, metric=name, attribute=attribute, group=group, at=at, **where)
    return made | ({} if cls else {"events": None, "nonevents": None}) | {"class": cls}
