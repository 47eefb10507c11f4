"""A validation sub-sample: error rates of the record by group, exactly, and carried through every metric.

Some people get a better measurement (a questionnaire, an interview, a laboratory value, a chart review). From record
against truth among them come e₀ and e₁ of each group with Clopper-Pearson limits; metrics of the whole register are
then corrected many times with error rates drawn from what the sub-sample leaves open and counts drawn anew, and the
spread of the results is the interval.

Not valid where the better measurement is itself wrong, nor where validated people were chosen by anything that
predicts how their outcome was recorded, other than the record itself when the design says so. People validated are
usually also in the register; their part in both is taken as independent, which is slightly too wide.
Sources: Clopper & Pearson (1934), Biometrika 26:404-413; Begg & Greenes (1983), Biometrics 39:207-215, for people
chosen by their record; Lang & Reiczigel (2014), Prev Vet Med 113:13-22.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.finding import Estimate, Status
from primum.measure.estimate import Settings, confusion
from primum.measure.kernel import NO_PEOPLE, Metric
from primum.measure.metric import metric
from primum.measure.recording import BY_SCORE, counted, possible, true_counts, true_histogram
from primum.tally.resample import coarsen, histogram, resample
from primum.tally.score import ScoreTally
from primum.usecase import MISSING

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Design = Literal["random", "by record", "not random"]
_DRAWS = 0x7A11D
BINS = 256  # of the score axis, in draws
MOST_IMPOSSIBLE = 0.5  # of the draws; beyond, the error rates contradict the record
METHOD = "beta draws of the error rates × resampled counts"
NOBODY_VALIDATED = "nobody in this group was validated"
NO_CASES = "no true cases were validated in this group"
NO_NONCASES = "nobody without the outcome was validated in this group"
UNRECORDED = "nobody of those validated in this group is without a record"
RECORDED = "nobody of those validated in this group is recorded"
FLAG = "people validated were not chosen at random: the error rates may be those of other people"


@dataclass(frozen=True, eq=False)
class Validation:
    """Record against truth among people validated.

    Attributes
    ----------
    groups
        Labels, as those of the register's tally (levels joined with " · ").
    n
        People, shape (groups, truth 0/1, record 0/1).
    design
        "random": within groups, by nothing that matters. "by record": random among those recorded and random among
        those not recorded, in any proportion. "not random": anything else, or unknown; carried through, and flagged.
    """

    groups: tuple[str, ...]
    n: Ints
    design: Design = "random"


def count_validation(
    record: npt.ArrayLike, truth: npt.ArrayLike, group: Sequence[Any], *, design: Design = "random"
) -> Validation:
    """Count people validated: record and truth 0/1, and a label each.

    Raises
    ------
    PrimumError
        If lengths differ, a value is not 0/1, or the design is unknown.
    """
    s, y = (np.asarray(v, dtype=np.float64) for v in (record, truth))
    if not len(s) == len(y) == len(group):
        raise PrimumError(
            f"Record, truth and groups have {len(s)}, {len(y)} and {len(group)} rows.", expected="the same number"
        )
    for name, v in (("record", s), ("truth", y)):
        if not np.isin(v, (0, 1)).all():
            raise PrimumError(f"The {name} has values other than 0 and 1.", expected="0 or 1 for everyone validated")
    labels = [MISSING if g is None or g != g else str(g) for g in group]  # noqa: PLR0124 - NaN
    names = tuple(sorted(set(labels)))
    at = {g: i for i, g in enumerate(names)}
    key = np.array([at[g] for g in labels], dtype=np.int64) * 4 + y.astype(np.int64) * 2 + s.astype(np.int64)
    return validation(names, np.bincount(key, minlength=4 * len(names)).reshape(-1, 2, 2), design=design)


def validation(groups: Sequence[str], n: npt.ArrayLike, *, design: Design = "random") -> Validation:
    """Return counts that were made elsewhere, shape (groups, truth, record), as a validation.

    Raises
    ------
    PrimumError
        If the shape is wrong, a count is negative, nobody was validated, or the design is unknown.
    """
    if design not in {"random", "by record", "not random"}:
        raise PrimumError(f"The design '{design}' is not known.", available=["random", "by record", "not random"])
    table = np.asarray(n)
    if table.shape != (len(groups), 2, 2) or (table < 0).any() or (table != np.floor(table)).any():
        raise PrimumError(
            f"The counts of people validated have shape {table.shape}.",
            expected=f"whole numbers of shape ({len(groups)}, 2, 2): groups, truth 0/1, record 0/1",
        )
    if table.sum() == 0:
        raise PrimumError(
            "There are no validation data: error rates of the record cannot be told from the record alone.",
            expected="people with both a record and a better measurement, in every group",
            mend="look at recording_sensitivity instead: what would change if one group were recorded less completely",
        )
    return Validation(tuple(groups), table.astype(np.int64), design)


def clopper_pearson(k: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the exact limits of a proportion k/n; NaN where n = 0. Covers at least `level` at every p and n."""
    from scipy.special import betaincinv

    k, n = (np.asarray(x, dtype=np.float64) for x in (k, n))
    tail = (1 - level) / 2
    low = np.where(k > 0, betaincinv(np.maximum(k, 1e-9), np.maximum(n - k, 0) + 1, tail), 0.0)
    high = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 1e-9), 1 - tail), 1.0)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def error_rates(v: Validation, *, level: float = 0.95) -> list[dict[str, Estimate]]:
    """Return, for every group, e₀ ("false positives among non-cases") and e₁ ("cases missed") with exact limits.

    With people chosen by their record the two are P(Y=0 | S=1) and P(Y=1 | S=0), the only shares that such a sample
    shows directly: keys "wrongly recorded" and "missed among unrecorded" then.
    """
    result = []
    for t in v.n:
        (tn, fp), (fn, tp) = t.tolist()
        if v.design == "by record":
            pairs = {
                "wrongly recorded": (fp, fp + tp, RECORDED),
                "missed among unrecorded": (fn, fn + tn, UNRECORDED),
            }
        else:
            pairs = {"e0": (fp, fp + tn, NO_NONCASES), "e1": (fn, fn + tp, NO_CASES)}
        result.append({k: _proportion(*x, level, flag=v.design == "not random") for k, x in pairs.items()})
    return result


def _proportion(k: int, n: int, why: str, level: float, *, flag: bool) -> Estimate:
    if n == 0:
        return Estimate(np.nan, np.nan, np.nan, "none", 0, 0, 0, Status.NOT_ESTIMABLE, why, level)
    low, high = (float(x) for x in clopper_pearson(k, n, level))
    return Estimate(k / n, low, high, "Clopper-Pearson", n, k, n - k, reason=FLAG if flag else "", level=level)


def carried(
    view: ScoreTally,
    v: Validation,
    metrics: Sequence[str],
    settings: Settings | None = None,
    *,
    no_false_positives: bool = False,
) -> list[dict[str, Estimate]]:
    """Return metric id → estimate against the truth, for every group of the register's tally, in order.

    Parameters
    ----------
    view
        The register: counts against the record.
    v
        People validated.
    metrics
        As in `recording_corrected.corrected`.
    settings
        Threshold, replicates (draws), seed and level.
    no_false_positives
        Take e₀ = 0 as known.

    Notes
    -----
    Error rates are drawn from Beta(k + ½, n − k + ½), counts of the register by resampling its cells; value and limits
    are the median and the percentiles of the draws that are possible. When more than half contradict the record the
    value is not estimable. A group without validated cases is not estimable: error rates are never borrowed from
    another group.

    Raises
    ------
    PrimumError
        For clustered people, or false positives among those validated where there were to be none.
    """
    drawn = _drawn(view, v, metrics, settings, none_made_up=no_false_positives)
    return [{k: e for k, (e, _) in one.items()} for one in drawn]


def carried_gap(
    view: ScoreTally,
    v: Validation,
    metrics: Sequence[str],
    group: str,
    comparator: str,
    settings: Settings | None = None,
    *,
    no_false_positives: bool = False,
) -> dict[str, Estimate]:
    """Return metric id → difference group − comparator against the truth, from the same draws as `carried`."""
    labels = [" · ".join(g) or "everyone" for g in view.groups]
    found = _drawn(view, v, metrics, settings, none_made_up=no_false_positives)
    own, other = found[labels.index(group)], found[labels.index(comparator)]
    level = (settings or Settings()).level
    result = {}
    for name in metrics:
        (a, x), (b, y) = own[name], other[name]
        if not (a.ok and b.ok):
            reason = a.reason if not a.ok else f"comparator: {b.reason}"
            result[name] = replace(
                a, value=np.nan, low=np.nan, high=np.nan, method="none", status=Status.NOT_ESTIMABLE, reason=reason
            )
        else:
            value, low, high = _middle(x - y, level)
            result[name] = replace(a, value=value, low=low, high=high)
    return result


def _drawn(
    view: ScoreTally, v: Validation, metrics: Sequence[str], settings: Settings | None, *, none_made_up: bool
) -> list[dict[str, tuple[Estimate, Floats]]]:
    chosen = settings or Settings()
    known = [*(m.id for m in counted()), *BY_SCORE]
    wanted = [metric(name) for name in metrics]
    if bad := [m.id for m in wanted if m.id not in known]:
        raise PrimumError(f"'{bad[0]}' cannot be carried from the record to the truth.", available=known)
    if view.clusters is not None:
        raise PrimumError(
            f"This tally was counted with clusters ('{view.clusters.name}'); draws take people as independent.",
            mend="count without cluster, or correct with known error rates (recording_corrected.corrected)",
        )
    if none_made_up and v.n[:, 0, 1].any():
        i = int(np.flatnonzero(v.n[:, 0, 1])[0])
        raise PrimumError(
            f"No false positives are assumed, but {int(v.n[i, 0, 1])} of {int(v.n[i, 0].sum())} people validated "
            f"without the outcome are recorded in the group '{v.groups[i]}'.",
            mend="leave out no_false_positives: both error rates are then estimated",
        )
    at = {g: i for i, g in enumerate(v.groups)}
    result = []
    for i, g in enumerate(view.groups):
        label = " · ".join(g) or "everyone"
        result.append(_group(view, i, at.get(label), v, wanted, chosen, none_made_up=none_made_up))
    return result


def _group(
    view: ScoreTally,
    i: int,
    j: int | None,
    v: Validation,
    wanted: list[Metric],
    settings: Settings,
    *,
    none_made_up: bool,
) -> dict[str, tuple[Estimate, Floats]]:
    people = view.people()[i]
    make = partial(Estimate, n=int(people.sum()), events=int(people[1]), nonevents=int(people[0]), level=settings.level)
    nan = float("nan")
    rng = np.random.default_rng([settings.seed, _DRAWS, i])
    reason = NO_PEOPLE if not people.sum() else NOBODY_VALIDATED if j is None else ""
    rates: tuple[Floats, Floats] | None = None
    if not reason and j is not None:
        share = float(people[1] / people.sum())
        reason, rates = _error_draws(
            v.n[j], v.design, (share, int(people.sum())), settings.replicates, rng, none_made_up=none_made_up
        )
    if reason or rates is None:
        lost = make(nan, nan, nan, "none", status=Status.NOT_ESTIMABLE, reason=reason)
        return {m.id: (lost, np.zeros(0)) for m in wanted}
    e0, e1 = rates
    at = view.grid.low if settings.at is None else settings.at
    fine = histogram(view, i, at)
    informative = e0 + e1 < 1
    e0, e1 = np.where(informative, e0, 0.0), np.where(informative, e1, 0.0)
    decided = true_counts(confusion(resample(coarsen(fine, 1), settings.replicates, rng)), e0, e1)
    shift, whole = {}, None
    if any(m.needs == "histogram" for m in wanted):
        coarse = coarsen(fine, BINS)
        whole = true_histogram(resample(coarse, settings.replicates, rng), e0, e1)
        shift = {m.id: float(m.kernel(fine, at)) - float(m.kernel(coarse, at)) for m in wanted if m.id in BY_SCORE}
    totals = np.stack([decided.fp + decided.tn, decided.tp + decided.fn])
    found = {}
    flag = FLAG if v.design == "not random" else ""
    for m in wanted:
        values = np.asarray(m.kernel(decided if m.needs == "counts" else whole, at), dtype=np.float64)
        values = values + shift.get(m.id, 0.0)  # what coarse bins do not order
        there = informative & (possible(decided) if m.threshold else (totals >= 0).all(0))
        values = np.where(there & (values >= m.range[0]) & (values <= m.range[1]), values, np.nan)
        lost_share = float(np.isnan(values).mean())
        if lost_share > MOST_IMPOSSIBLE:
            why = f"in {lost_share:.0%} of the draws the error rates contradict the record"
            found[m.id] = (make(nan, nan, nan, "none", status=Status.NOT_ESTIMABLE, reason=why), values)
            continue
        value, low, high = _middle(values, settings.level)
        note = f"{lost_share:.0%} of the draws contradict the record and are left out" if lost_share > 0.01 else ""
        status = Status.IMPRECISE if note else Status.OK
        words = "; ".join(x for x in (flag, note) if x)
        found[m.id] = (make(value, low, high, METHOD, status=status, reason=words), values)
    return found


def _error_draws(
    n: Ints, design: Design, register: tuple[float, int], draws: int, rng: np.random.Generator, *, none_made_up: bool
) -> tuple[str, tuple[Floats, Floats] | None]:
    (tn, fp), (fn, tp) = n.tolist()
    share, people = register
    if not n.sum():
        return NOBODY_VALIDATED, None
    if tp + fn == 0:
        return NO_CASES, None
    if design != "by record":
        if tn + fp == 0 and not none_made_up:
            return NO_NONCASES, None
        e1 = rng.beta(fn + 0.5, tp + 0.5, draws)
        e0 = np.zeros(draws) if none_made_up else rng.beta(fp + 0.5, tn + 0.5, draws)
        return "", (e0, e1)
    if tp + fp == 0 or tn + fn == 0:
        return RECORDED if tp + fp == 0 else UNRECORDED, None
    wrong = np.zeros(draws) if none_made_up else rng.beta(fp + 0.5, tp + 0.5, draws)
    missed = rng.beta(fn + 0.5, tn + 0.5, draws)
    s = rng.binomial(people, share, draws) / people
    cases = (1 - wrong) * s + missed * (1 - s)
    return "", (wrong * s / np.maximum(1 - cases, 1e-12), missed * (1 - s) / np.maximum(cases, 1e-12))


def _middle(values: Floats, level: float) -> tuple[float, float, float]:
    known = values[np.isfinite(values)]
    low, value, high = np.quantile(known, [(1 - level) / 2, 0.5, (1 + level) / 2])
    return float(value), float(low), float(high)


def selection_rows(view: ScoreTally, v: Validation, *, level: float = 0.95) -> list[dict[str, Any]]:
    """Return, per group, whether people validated are recorded as often as the register's: what can be seen of choice.

    `differs` is True where the exact limits of the recorded share among those validated leave out the register's.
    Says nothing of a sample chosen by record (the shares then differ by design), and cannot see choice by severity.
    """
    people = view.people()
    labels = [" · ".join(g) or "everyone" for g in view.groups]
    rows = []
    for i, label in enumerate(labels):
        t = v.n[v.groups.index(label)] if label in v.groups else np.zeros((2, 2), dtype=np.int64)
        k, n = int(t[:, 1].sum()), int(t.sum())
        low, high = (float(x) for x in clopper_pearson(k, n, level))
        own = float(people[i, 1] / people[i].sum()) if people[i].sum() else float("nan")
        rows.append(
            {
                "group": label, "validated": n, "cases": int(t[1].sum()),
                "share_recorded": k / n if n else float("nan"), "low": low, "high": high, "share_in_register": own,
                "differs": bool(n and v.design != "by record" and not low <= own <= high), "design": v.design,
                "reason": "" if n else NOBODY_VALIDATED,
            }
        )  # fmt: skip
    return rows


def point_rates(v: Validation, share: Mapping[str, float] | None = None) -> dict[str, tuple[float, float]]:
    """Return group → (e₀, e₁) as observed, for groups in which both can be seen.

    With people chosen by record the register's recorded share of each group is needed: `share`.
    """
    result = {}
    for label, t in zip(v.groups, v.n.tolist(), strict=True):
        (tn, fp), (fn, tp) = t
        if v.design != "by record":
            if tn + fp and tp + fn:
                result[label] = (fp / (tn + fp), fn / (tp + fn))
        elif share and label in share and tp + fp and tn + fn and tp + fn:
            s, wrong, missed = share[label], fp / (tp + fp), fn / (tn + fn)
            cases = (1 - wrong) * s + missed * (1 - s)
            result[label] = (wrong * s / (1 - cases), missed * (1 - s) / cases)
    return result
