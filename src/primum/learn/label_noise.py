"""What estimators that learn from imperfect records share: groups, error rates, a base class, and how checks are told.

A check is one tidy row: which assumption, what was looked at, in which group, the number with its limits, and one of
four verdicts: "contradicted", "not contradicted", "not assessable", "cannot be checked". No data can prove an
assumption about what was never recorded, so no row says that one holds.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from primum.errors import PrimumError
from primum.learn.calibrate import expit
from primum.measure.intervals import wilson
from primum.measure.recording import Errors, case_share, errors_by_group
from primum.usecase import MISSING

Floats = npt.NDArray[np.float64]
CONTRADICTED, UNCONTRADICTED = "contradicted", "not contradicted"
NOT_ASSESSABLE, UNCHECKABLE = "not assessable", "cannot be checked"
STEPS, SMALL = 200, 1e-10
FEW = 5  # recorded cases or people below which a band or group is not judged


class RecordedOutcome(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A classifier of the true outcome that is fitted to the recorded one. Group membership is metadata `group`.

    Attributes
    ----------
    assumes
        What must be true for the result to mean what it says, in plain sentences.
    classes_, n_features_in_, groups_
        array([0, 1]), number of columns, labels of the groups at fitting.
    """

    threshold: float | None
    assumes: tuple[str, ...] = ()

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any) -> Self:
        """Fit to the record `y` (0/1), shape (people,)."""
        raise NotImplementedError

    def predict_proba(self, X: Any) -> Floats:
        """Return the probabilities of true outcome 0 and 1, shape (people, 2)."""
        check_is_fitted(self, "coef_")
        p = expit(self.intercept_ + self._matrix(X) @ self.coef_)
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return 1 where the risk reaches `threshold`, shape (people,).

        Raises
        ------
        PrimumError
            If no threshold was declared.
        """
        if self.threshold is None:
            raise PrimumError(
                "No threshold was declared, so there is no decision.",
                expected="threshold=…, a risk between 0 and 1",
                mend="ask how many false alarms a missed case is worth: 9 give 1/(1+9) = 0.1. There is no usual value",
            )
        return np.asarray(self.predict_proba(X)[:, 1] >= self.threshold, dtype=np.int64)

    def _matrix(self, X: Any) -> Floats:
        x = matrix(X)
        if x.shape[1] != self.n_features_in_:
            raise PrimumError(f"X has {x.shape[1]} columns; the model was fitted with {self.n_features_in_}.")
        return x

    def _start(self, X: Any, group: Any) -> tuple[Floats, npt.NDArray[np.str_]]:
        x = matrix(X)
        g = group_labels(group, len(x))
        self.n_features_in_ = x.shape[1]
        self.classes_ = np.array([0, 1])
        self.groups_ = np.unique(g)
        return x, g


def matrix(X: Any) -> Floats:
    """Return features as numbers, shape (people, features).

    Raises
    ------
    PrimumError
        For text, missing or infinite values, or nobody.
    """
    from sklearn.utils import check_array

    try:
        return np.asarray(check_array(X, dtype=np.float64), dtype=np.float64)
    except (ValueError, TypeError) as failure:
        raise PrimumError(
            f"The features cannot be used: {str(failure).strip().splitlines()[0]}",
            expected="finite numbers, one row a person, one column a feature",
            mend="impute and encode in a Pipeline before this estimator",
        ) from failure


def group_labels(group: Any, n: int) -> npt.NDArray[np.str_]:
    """Return one label a person from a list, an array, or a frame with one column an attribute, shape (people,).

    Several attributes are joined with " · "; missing membership is the group "(missing)".

    Raises
    ------
    PrimumError
        If it is missing, or has another number of rows than the people.
    """
    import narwhals.stable.v2 as nw

    if group is None:
        raise PrimumError("Group membership is needed here and was not given.", expected="group=…: one label a person")
    if isinstance(group, dict):
        columns = [list(v) for v in group.values()]
    else:
        frame = nw.from_native(group, eager_only=True, allow_series=True, pass_through=True)
        if isinstance(frame, nw.DataFrame):
            columns = [frame[c].to_list() for c in frame.columns]
        elif isinstance(frame, nw.Series):
            columns = [frame.to_list()]
        else:
            array = np.asarray(group, dtype=object)
            columns = [array.tolist()] if array.ndim == 1 else [array[:, j].tolist() for j in range(array.shape[1])]
    if not columns or any(len(c) != n for c in columns):
        rows = len(columns[0]) if columns else 0
        raise PrimumError(f"Group membership has {rows} rows, the people {n}.", expected="one row a person, same order")
    text = [[MISSING if v is None or v != v else str(v) for v in c] for c in columns]  # noqa: PLR0124 - NaN
    return np.array([" · ".join(row) for row in zip(*text, strict=True)], dtype=np.str_)


def binary(y: npt.ArrayLike, what: str, n: int) -> Floats:
    """Return a record (or whether somebody was tested) as 0.0 and 1.0.

    Raises
    ------
    PrimumError
        If it has another length than the people, or values other than 0 and 1.
    """
    raw = np.asarray(y, dtype=np.float64).ravel()
    if len(raw) != n:
        raise PrimumError(f"The {what} has {len(raw)} rows, the people {n}.", expected="one row a person, same order")
    if not np.isin(raw, (0, 1)).all():
        raise PrimumError(f"The {what} has values other than 0 and 1.", expected="0 or 1 for everybody")
    return raw


def case_weights(record: Floats, g: npt.NDArray[np.str_], errors: Errors) -> Floats:
    """Return as how much of a case each person counts, given the error rates of their group, shape (people,).

    Raises
    ------
    PrimumError
        For a group without error rates, rates that say nothing, or rates that a group's record contradicts.
    """
    names = np.unique(g).tolist()
    e0, e1 = errors_by_group(names, errors)
    no, yes = case_share(e0, e1)
    at = np.searchsorted(names, g)
    weight = np.where(record > 0, yes[at], no[at])
    for i, name in enumerate(names):
        share = float(weight[at == i].mean())
        if not 0 < share < 1:
            seen = float(record[at == i].mean())
            raise PrimumError(
                f"With e0 = {e0[i]:g} and e1 = {e1[i]:g}, {share:.1%} of the group '{name}' would have the outcome.",
                expected=f"error rates that leave a prevalence inside (0, 1): {seen:.2%} of the group are recorded",
                mend="the rates are those of another population, or the group is too small: estimate them in this one",
            )
    return weight


def fractional_logistic(x: Floats, target: Floats, weight: Floats, penalty: float) -> tuple[float, Floats, int]:
    """Return intercept, slopes and steps of the logistic regression of a target that need not lie in [0, 1].

    Minimises Σ w [log(1 + e^η) − target·η] + penalty/2 Σ (slope·sd)², which is convex whatever the target is. With
    targets outside [0, 1] it may have no minimum; a penalty above 0 gives it one, as long as the mean target lies
    inside (0, 1).

    Raises
    ------
    PrimumError
        If it does not converge: the data then separate the targets.
    """
    centre, scale = np.average(x, axis=0, weights=weight), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    z = np.column_stack([np.ones(len(x)), (x - centre) / scale])
    ridge = np.full(z.shape[1], float(penalty))
    ridge[0] = 0.0
    mean = float(np.clip(np.average(target, weights=weight), 1e-9, 1 - 1e-9))
    b = np.zeros(z.shape[1])
    b[0] = np.log(mean / (1 - mean))

    def loss(beta: Floats) -> float:
        eta = z @ beta
        return float(weight @ (np.logaddexp(0, eta) - target * eta) + ridge @ beta**2 / 2)

    here = loss(b)
    for step in range(1, STEPS + 1):
        p = expit(z @ b)
        slope = z.T @ (weight * (p - target)) + ridge * b
        curve = (z * (weight * p * (1 - p))[:, None]).T @ z + np.diag(ridge + 1e-9)
        move = np.linalg.solve(curve, slope)
        size, new = 1.0, loss(b - move)
        while not new <= here and size > SMALL:
            size /= 2
            new = loss(b - size * move)
        b, here = b - size * move, new
        if np.abs(b).max() > 1e3:
            break
        if np.abs(size * move).max() < 1e-9 or size <= SMALL:
            slopes = b[1:] / scale
            return float(b[0] - centre @ slopes), slopes, step
    raise PrimumError(
        "The model has no best fit: some features separate cases from non-cases completely.",
        expected="a penalty above 0, or fewer features",
    )


def tells(
    assumption: str,
    check: str,
    group: str,
    value: float = np.nan,
    limits: tuple[float, float] = (np.nan, np.nan),
    *,
    verdict: str,
    words: str,
) -> dict[str, Any]:
    """Return one tidy row of a check."""
    return {
        "assumption": assumption, "check": check, "group": group, "value": float(value), "low": float(limits[0]),
        "high": float(limits[1]), "verdict": verdict, "words": words,
    }  # fmt: skip


def observed_expected(
    assumption: str, check: str, group: str, seen: Floats, expected: Floats, *, margin: float
) -> dict[str, Any]:
    """Return the row of observed / expected events among these people, judged against 1 ± margin.

    Limits are Wilson's of the observed share over the mean expected one, which is taken as known. Contradicted when
    they lie outside the margin altogether; fewer than five expected or no people: not assessable.
    """
    n, k, e = len(seen), float(seen.sum()), float(expected.sum())
    if not n or e < FEW:
        words = f"{k:.0f} seen and {e:.1f} expected: too few to tell"
        return tells(assumption, check, group, verdict=NOT_ASSESSABLE, words=words)
    low, high = (float(v) * n / e for v in wilson(k, n))
    bad = low > 1 + margin or high < 1 - margin
    return tells(
        assumption, check, group, k / e, (low, high), verdict=CONTRADICTED if bad else UNCONTRADICTED,
        words=f"{k:.0f} seen, {e:.1f} expected",
    )  # fmt: skip


def bands(score: Floats, parts: int) -> npt.NDArray[np.int64]:
    """Return the band of each person, 0 the lowest, bands of about equal numbers of people."""
    edges = np.quantile(score, np.arange(1, parts) / parts)
    return np.searchsorted(edges, score, side="right").astype(np.int64)


def auroc_difference(y: Floats, a: Floats, b: Floats) -> tuple[float, float, float]:
    """Return AUROC of score `a` less that of score `b` on the same people, and its 95 % limits.

    Source: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44:837-845. NaN with fewer than two of either kind.
    """
    from scipy.stats import rankdata

    case = y > 0
    m, n = int(case.sum()), int((~case).sum())
    if min(m, n) < 2:
        return np.nan, np.nan, np.nan
    over, under, areas = [], [], []
    for s in (a, b):
        whole = rankdata(s)
        own, other = rankdata(s[case]), rankdata(s[~case])
        over.append((whole[case] - own) / n)
        under.append(1 - (whole[~case] - other) / m)
        areas.append(float(over[-1].mean()))
    spread = np.cov(np.stack(over)) / m + np.cov(np.stack(under)) / n
    value = areas[0] - areas[1]
    half = 1.959964 * float(np.sqrt(max(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1], 0.0)))
    return value, value - half, value + half
