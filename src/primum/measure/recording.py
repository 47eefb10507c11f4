"""The record and the truth: what a metric measured on recorded outcomes says about the true ones.

Y is the true outcome, S what was recorded, e₀ = P(S=1 | Y=0) and e₁ = P(S=0 | Y=1) within a group, c = 1 − e₁ the
share of cases that is recorded. When the decision (or score) tells nothing more about the record than the outcome
does, D ⊥ S | Y within the group, everything true follows from what is recorded: each person recorded counts as
(1 − e₀)/(1 − e₀ − e₁) of a case, each person not recorded as −e₀/(1 − e₀ − e₁).

Not valid when mild or unusual cases are recorded less often than others with the same outcome and the score depends
on that (`recording_trust` says what happens then), nor when the error rates are those of another population.
Sources: Rogan & Gladen (1978), Am J Epidemiol 107:71-76; Natarajan et al. (2013), NeurIPS 26; for AUROC under class
noise, Menon et al. (2015), ICML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.measure.kernel import Metric, divide
from primum.measure.metric import METRICS
from primum.tally.resample import Histogram
from primum.tally.score import Counts

Floats = npt.NDArray[np.float64]
Errors = Mapping[str, tuple[float, float]]
BY_SCORE = ("auroc", "brier", "oe_ratio")  # metrics of the whole score axis that can be inverted
SLACK = 1e-9  # of a group: what rounding may take a count below 0
FEWER = "fewer people are recorded than false positives alone would make"
MORE = "more people are recorded than if everybody had the outcome"
FEWER_SELECTED = "fewer of the selected are recorded than false positives alone would make"
MORE_SELECTED = "more of the selected are recorded than if all of them had the outcome"
FEWER_LEFT = "fewer of those not selected are recorded than false positives alone would make"
MORE_LEFT = "more of those not selected are recorded than if all of them had the outcome"


def case_share(e0: npt.ArrayLike, e1: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return as how much of a case a person counts who is not recorded, and one who is; the mean is the prevalence.

    Raises
    ------
    PrimumError
        Where the record is no better than a coin, or a rate is no probability (`checked_errors`).
    """
    no, yes = checked_errors(e0, e1)
    informative = 1 - no - yes
    return -no / informative, (1 - no) / informative


def checked_errors(e0: npt.ArrayLike, e1: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return both error rates as arrays.

    Raises
    ------
    PrimumError
        If a rate lies outside [0, 1), or they add up to 1 or more: the record then says nothing about the outcome.
    """
    no, yes = (np.asarray(e, dtype=np.float64) for e in (e0, e1))
    for name, e, what in (("e0 = P(recorded | no case)", no, "0"), ("e1 = P(not recorded | case)", yes, "0")):
        bad = ~((e >= 0) & (e < 1))
        if bad.any():
            raise PrimumError(
                f"{name} is {np.atleast_1d(e)[np.atleast_1d(bad)][0]:g}.",
                expected=f"from {what} to below 1; a share of cases recorded of c, in (0, 1], is e1 = 1 − c",
            )
    both = np.asarray(no + yes)
    if (both >= 1).any():
        raise PrimumError(
            f"The error rates add up to {float(np.max(both)):g}: cases are recorded no more often than non-cases.",
            expected="e0 + e1 below 1",
            mend="check which rate is which; a record without information cannot be corrected",
        )
    return no, yes


def sensitivity_of_record(c: float) -> tuple[float, float]:
    """Return (e₀, e₁) of a record that holds a share c of the cases and no false positives.

    Raises
    ------
    PrimumError
        If c does not lie in (0, 1].
    """
    if not 0 < c <= 1:
        raise PrimumError(
            f"A share of cases recorded of {c:g} is impossible.",
            expected="in (0, 1]: of all who truly have the outcome, the share in the record",
        )
    return 0.0, 1.0 - c


def errors_by_group(labels: Sequence[str], errors: Errors) -> tuple[Floats, Floats]:
    """Return e₀ and e₁ in the order of the groups, shape (groups,) each.

    Raises
    ------
    PrimumError
        For a group without error rates: equal recording is an assumption that must be made in words, never by default.
    """
    lacking = [g for g in labels if g not in errors]
    if lacking:
        raise PrimumError(
            f"There are no error rates for the group '{lacking[0]}'"
            + (f" and {len(lacking) - 1} more." if len(lacking) > 1 else "."),
            expected="(e0, e1) for every group",
            available=list(errors),
            mend="estimate them in a validation sub-sample, or say outright that the record is complete: (0, 0)",
        )
    pairs = np.array([errors[g] for g in labels], dtype=np.float64).reshape(-1, 2)
    return checked_errors(pairs[:, 0], pairs[:, 1])


def from_shares(joint: npt.ArrayLike, selected: npt.ArrayLike, recorded: npt.ArrayLike) -> Counts:
    """Return P(D,S), P(D) and P(S) as the four cells of the recorded confusion table, each of shape (...,)."""
    a, d, s = (np.asarray(x, dtype=np.float64) for x in (joint, selected, recorded))
    return Counts(tp=a, fp=d - a, fn=s - a, tn=1 - d - s + a)


def true_counts(recorded: Counts, e0: npt.ArrayLike, e1: npt.ArrayLike) -> Counts:
    """Return the confusion counts by true outcome that the recorded ones imply; shapes broadcast.

    TP = [P(D,S) − e₀ P(D)]/(1 − e₀ − e₁), and so on; a count below 0 means that record and error rates contradict
    each other (`contradiction`). Nobody is added or lost: TP + FP and FN + TN stay what they are.
    """
    no, yes = case_share(e0, e1)
    tp = yes * recorded.tp + no * recorded.fp
    fn = yes * recorded.fn + no * recorded.tn
    return Counts(tp=tp, fp=recorded.tp + recorded.fp - tp, fn=fn, tn=recorded.fn + recorded.tn - fn)


def true_histogram(h: Histogram, e0: Any, e1: Any) -> Histogram:
    """Return the histogram by true outcome; `e0`, `e1` have the shape of the leading axes (replicates), or none.

    Single bins may fall below 0 by chance; sums over many do not. `n` and `ww` stay those of the record.
    """
    no, yes = (x[..., None] for x in case_share(e0, e1))

    def turned(x: Floats) -> Floats:
        cases = no * x[..., 0, :] + yes * x[..., 1, :]
        return np.stack([x.sum(-2) - cases, cases], axis=-2)

    return replace(h, w=turned(h.w), ws=turned(h.ws), wss=turned(h.wss))


def contradiction(truth: Counts) -> str:
    """Return how the error rates contradict the record of one group, or ""."""
    tp, fp, fn, tn = (float(x) for x in (truth.tp, truth.fp, truth.fn, truth.tn))
    slack = SLACK * max(tp + fp + fn + tn, 1e-300)
    tests = (
        (tp + fn, FEWER), (fp + tn, MORE), (tp, FEWER_SELECTED), (fp, MORE_SELECTED), (fn, FEWER_LEFT), (tn, MORE_LEFT),
    )  # fmt: skip
    return next((f"with these error rates {why}" for x, why in tests if x < -slack), "")


def possible(truth: Counts) -> npt.NDArray[np.bool_]:
    """Return where all four true counts are at least 0, shape (...,)."""
    cells = np.stack(np.broadcast_arrays(truth.tp, truth.fp, truth.fn, truth.tn))
    return np.asarray((cells >= -SLACK * np.maximum(cells.sum(0), 1e-300)).all(0))


def clipped(truth: Counts) -> Counts:
    """Return the counts with what rounding took below 0 put back to 0."""
    return Counts(*(np.maximum(x, 0.0) for x in (truth.tp, truth.fp, truth.fn, truth.tn)))


def in_truth(
    joint: npt.ArrayLike,
    selected: npt.ArrayLike,
    recorded: npt.ArrayLike,
    e0: npt.ArrayLike = 0.0,
    e1: npt.ArrayLike = 0.0,
    *,
    threshold: float | None = None,
) -> dict[str, Floats]:
    """Return metric id → value in truth, from P(D,S), P(D) and P(S); every array broadcasts over groups.

    NaN where record and error rates contradict each other, or nobody is left to divide by. Metrics that need the
    exchange rate of a threshold (net benefit) are left out without one.
    """
    truth = true_counts(from_shares(joint, selected, recorded), e0, e1)
    there = possible(truth)
    cells = Counts(*(np.where(there, x, np.nan) for x in _cells(clipped(truth))))
    result = {}
    for m in counted():
        if m.id in {"net_benefit", "standardised_net_benefit", "interventions_avoided"} and threshold is None:
            continue
        result[m.id] = np.asarray(m.kernel(cells, 0.0 if threshold is None else threshold), dtype=np.float64)
    return result


def counted() -> list[Metric]:
    """Return the metrics of confusion counts, all of which can be inverted."""
    return [m for m in METRICS.values() if m.needs == "counts" and m.id != "n"]


def rogan_gladen(recorded: npt.ArrayLike, e0: npt.ArrayLike, e1: npt.ArrayLike) -> Floats:
    """Return the prevalence [P(S) − e₀]/(1 − e₀ − e₁); NaN where that lies outside [0, 1].

    Source: Rogan & Gladen (1978).
    """
    no, yes = case_share(e0, e1)
    share = np.asarray(recorded, dtype=np.float64)
    return _inside(yes * share + no * (1 - share))


def risk_in_truth(recorded_risk: npt.ArrayLike, e0: npt.ArrayLike, e1: npt.ArrayLike) -> Floats:
    """Return P(Y=1 | x) = [P(S=1 | x) − e₀]/(1 − e₀ − e₁) of each person; NaN where that lies outside [0, 1].

    A share of NaN above the error of the risk model means that the error rates, or the model, are wrong.
    """
    return rogan_gladen(recorded_risk, e0, e1)


def auroc_on_record(truth: npt.ArrayLike, prevalence: npt.ArrayLike, e0: npt.ArrayLike, e1: npt.ArrayLike) -> Floats:
    """Return the AUROC that the record shows: ½ + (α − ρ)(AUC − ½), pulled towards ½.

    α = P(Y=1 | S=1) and ρ = P(Y=1 | S=0). With e₀ = 0 it is (1 − ρ) AUC + ρ/2 and ρ = π(1 − c)/(1 − πc).
    """
    no, yes = checked_errors(e0, e1)
    p, auc = np.asarray(prevalence, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    share = p * (1 - yes) + (1 - p) * no
    pull = divide(p * (1 - yes), share) - divide(p * yes, 1 - share)
    return np.asarray(0.5 + pull * (auc - 0.5))


def auroc_in_truth(recorded: npt.ArrayLike, share: npt.ArrayLike, e0: npt.ArrayLike, e1: npt.ArrayLike) -> Floats:
    """Return the AUROC against the true outcome from that against the record and the recorded share P(S).

    The inverse of `auroc_on_record`; NaN where the prevalence is not inside (0, 1), or the AUROC comes out above 1
    or below 0.
    """
    no, _ = checked_errors(e0, e1)
    s, auc = np.asarray(share, dtype=np.float64), np.asarray(recorded, dtype=np.float64)
    p = rogan_gladen(s, e0, e1)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = 0.5 + (auc - 0.5) * s * (1 - s) / ((s - no) * (1 - p))
    return _inside(np.where((p > 0) & (p < 1), value, np.nan))


def _cells(c: Counts) -> tuple[Floats, Floats, Floats, Floats]:
    return c.tp, c.fp, c.fn, c.tn


def _inside(x: npt.ArrayLike) -> Floats:
    value = np.asarray(x, dtype=np.float64)
    kept = np.where((value >= -SLACK) & (value <= 1 + SLACK), value, np.nan)
    return np.asarray(np.clip(kept, 0.0, 1.0))
