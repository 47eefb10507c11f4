"""PURPLE: how much more common an outcome is in one group than in another, when each is recorded in part.

P(S=1 | x, g) = k_g · σ(b·x): the risk of the true outcome has the same form in every group, and of the cases of group g
a share in proportion to k_g is recorded. What is identified are ratios: of prevalence between groups, and of the shares
recorded. The absolute level is not: the logistic form alone would decide it.
Source: Shanmugam, Hou & Pierson (2024), npj Women's Health, arXiv 2110.04133.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.learn.calibrate import expit
from primum.learn.label_noise import (
    CONTRADICTED,
    NOT_ASSESSABLE,
    UNCHECKABLE,
    UNCONTRADICTED,
    RecordedOutcome,
    auroc_difference,
    bands,
    binary,
    fractional_logistic,
    group_labels,
    observed_expected,
    tells,
)

Floats = npt.NDArray[np.float64]
_HALVES = 0x9091E
STARTS = (-1.0, 0.0, 1.0)
FIRST = -3.0  # where the intercept starts
BANDS = 5
LEAST = 10  # recorded cases in a group
NO_FALSE, SAME_RISK = "nobody is recorded without the outcome", "the same features mean the same risk in every group"
AT_RANDOM, LINEAR = (
    "within a group, cases are recorded at random",
    "the log odds of the risk are linear in the features",
)


class Purple(RecordedOutcome):
    """Relative prevalence from a record that is incomplete, differently so in each group.

    Parameters
    ----------
    penalty
        Half of it times the sum of squared standardised slopes is added to the negative log likelihood.
    max_iter
        Of L-BFGS-B, from each of three starts.
    threshold
        Of the decision, on the *relative* risk.

    Attributes
    ----------
    intercept_, coef_
        Of the risk; its level is not identified.
    k_
        Group → share recorded, up to a common factor that is not identified.
    loglik_
        Log likelihood (without the penalty).

    Notes
    -----
    `predict_proba` ranks people rightly and its ratios are meaningful; its level is that of the logistic form. Not
    valid with false positives on record, when mild cases are missed more often, or when the same features mean a
    different risk in different groups; `check` looks for each of these.
    """

    assumes = (NO_FALSE, AT_RANDOM, SAME_RISK, LINEAR)

    def __init__(self, *, penalty: float = 0.0, max_iter: int = 3000, threshold: float | None = None) -> None:
        self.penalty = penalty
        self.max_iter = max_iter
        self.threshold = threshold

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any) -> Self:
        """Fit to the record `y` (0/1) by maximum likelihood; the best of three starts.

        Raises
        ------
        PrimumError
            With one group only, a group with fewer than ten people recorded, or group membership among the features.
        """
        x, g = self._start(X, group)
        s = binary(y, "record", len(x))
        names, at = np.unique(g, return_inverse=True)
        _identified(x, s, names, at)
        self._centre, self._scale = x.mean(0), np.where(x.std(0) > 0, x.std(0), 1.0)
        z = (x - self._centre) / self._scale
        best = min((_climb(z, s, at, len(names), k, self.penalty, self.max_iter) for k in STARTS), key=lambda r: r[0])
        theta = best[1]
        groups = len(names)
        k, b = expit(theta[:groups]), theta[groups:]
        self.coef_ = b[1:] / self._scale
        self.intercept_ = float(b[0] - self._centre @ self.coef_)
        self.k_ = {str(name): float(v) for name, v in zip(names, k, strict=True)}
        self.n_iter_ = best[2]
        self.loglik_ = -_negative(theta, z, s, at, groups, 0.0)[0]
        self._theta, self._curve = theta, _curvature(theta, z, s, at, groups, self.penalty)
        return self

    def recorded_proba(self, X: Any, *, group: Any) -> Floats:
        """Return P(S=1 | x, g) = k_g σ(b·x), which is identified, shape (people,).

        Raises
        ------
        PrimumError
            For a group that was not there at fitting.
        """
        risk = self.predict_proba(X)[:, 1]
        g = group_labels(group, len(risk))
        new = sorted(set(g.tolist()) - set(self.k_))
        if new:
            raise unknown("group", new[0], list(self.k_), where="the fitted model")
        return np.asarray(risk * np.array([self.k_[name] for name in g.tolist()]))

    def relative_prevalence(
        self, X: Any, *, group: Any, reference: str, y: npt.ArrayLike | None = None
    ) -> list[dict[str, Any]]:
        """Return each group's prevalence over the reference's among these people, with limits.

        `recorded` is the same ratio as the record has it, when the record `y` is given; `recording` is the ratio of
        the shares recorded. Limits are normal on the log scale, from the curvature of the likelihood and the spread
        of the risks.

        Raises
        ------
        PrimumError
            For a reference that is not a group of the model.
        """
        x = self._matrix(X)
        risk = self.predict_proba(X)[:, 1]
        g = group_labels(group, len(risk))
        if reference not in self.k_ or reference not in g:
            raise unknown("group", reference, list(self.k_), where="the fitted model")
        s = None if y is None else binary(y, "record", len(x))
        z = np.column_stack([np.ones(len(x)), (x - self._centre) / self._scale])
        names = list(self.k_)
        cover = np.linalg.pinv(self._curve)
        rows = []
        for name in names:
            own, other = g == name, g == reference
            if name == reference or not own.any():
                continue
            slopes = [(z[m] * (risk[m] * (1 - risk[m]))[:, None]).mean(0) / risk[m].mean() for m in (own, other)]
            move = np.r_[np.zeros(len(names)), slopes[0] - slopes[1]]
            chance = sum(float(risk[m].var() / risk[m].mean() ** 2 / m.sum()) for m in (own, other))
            ratio = float(risk[own].mean() / risk[other].mean())
            low, high = _limits(ratio, float(move @ cover @ move) + chance)
            tilt = np.zeros(len(move))
            tilt[names.index(name)], tilt[names.index(reference)] = 1 - self.k_[name], -(1 - self.k_[reference])
            shares = self.k_[name] / self.k_[reference]
            a, b = _limits(shares, float(tilt @ cover @ tilt))
            seen = float("nan") if s is None else float(s[own].mean() / s[other].mean())
            rows.append(
                {
                    "group": name, "reference": reference, "relative_prevalence": ratio, "low": low, "high": high,
                    "recorded": seen, "recording": shares, "recording_low": a, "recording_high": b,
                    "words": f"{name}: {ratio:.2f} times as common as in {reference} [{low:.2f}, {high:.2f}]"
                    + ("" if s is None else f", where the record says {seen:.2f}") + ". Levels are not identified.",
                }
            )  # fmt: skip
        return rows

    def check(
        self, X: Any, y: npt.ArrayLike, *, group: Any, margin: float = 0.1, seed: int = 0
    ) -> list[dict[str, Any]]:
        """Return what the data say about the assumptions, one row a check and group.

        The model is fitted again on a random half and judged on the other: records expected against records seen, by
        group and by fifth of the risk (random recording, same risk); ranking within each group against a logistic
        model of that group alone with squares (same risk, linear); and whether a floor under the recorded risk, as
        false positives make it, improves the fit (likelihood ratio, at its boundary). A miscalibrated fifth and a
        floor can have the same cause; none of the checks can see a share recorded that is wrong by one factor
        everywhere.
        """
        x, g = self._matrix(X), group_labels(group, len(self._matrix(X)))
        s = binary(y, "record", len(x))
        half = np.random.default_rng([seed, _HALVES]).random(len(x)) < 0.5
        names = np.unique(g).tolist()
        if any(s[half & (g == name)].sum() < LEAST or s[~half & (g == name)].sum() < LEAST for name in names):
            words = "fewer than ten people recorded in a half of some group: nothing can be judged"
            return [tells(a, "halves", "everyone", verdict=NOT_ASSESSABLE, words=words) for a in self.assumes]
        again = Purple(penalty=self.penalty, max_iter=self.max_iter).fit(x[half], s[half], group=g[half])
        expected = again.recorded_proba(x[~half], group=g[~half])
        part = bands(expected / np.array([again.k_[v] for v in g[~half].tolist()]), BANDS)
        seen, where = s[~half], g[~half]
        rows = []
        for name in names:
            own = where == name
            rows.append(
                observed_expected(SAME_RISK, "recorded / expected", name, seen[own], expected[own], margin=margin)
            )
            for b in range(BANDS):
                inside = own & (part == b)
                what = f"recorded / expected, risk fifth {b + 1}"
                rows.append(observed_expected(AT_RANDOM, what, name, seen[inside], expected[inside], margin=2 * margin))
            mine = half & (g == name)
            wide = np.column_stack([x, x**2])
            free = fractional_logistic(wide[mine], s[mine], np.ones(mine.sum()), 1.0)
            gain, low, high = auroc_difference(seen[own], wide[~half][own] @ free[1], expected[own])
            rows.append(
                tells(SAME_RISK, "AUROC gained by a model of the group alone", name, gain, (low, high),
                      verdict=CONTRADICTED if low > 0.01 else UNCONTRADICTED,
                      words=f"{gain:+.3f} [{low:+.3f}, {high:+.3f}]")
            )  # fmt: skip
        rows.append(self._floor(x, s, g))
        words = "a share recorded that is wrong by the same factor in every group changes nothing that can be seen"
        rows.append(tells(AT_RANDOM, "the level of the shares recorded", "everyone", verdict=UNCHECKABLE, words=words))
        return rows

    def _floor(self, x: Floats, s: Floats, g: npt.NDArray[np.str_]) -> dict[str, Any]:
        """Return the likelihood-ratio test of false positives, one rate for everybody."""
        from scipy.optimize import minimize
        from scipy.special import ndtr

        names, at = np.unique(g, return_inverse=True)
        z, groups = (x - self._centre) / self._scale, len(names)
        settings: dict[str, Any] = {"jac": True, "method": "L-BFGS-B", "options": {"maxiter": self.max_iter}}
        rest = (z, s, at, groups, self.penalty)
        without = minimize(_negative, self._theta, args=rest, **settings)  # these people may be others than at fitting
        ratio, rate = 0.0, 0.0
        for first in (-7.0, -5.0):
            found = minimize(_with_floor, np.r_[first, without.x], args=rest, **settings)
            if 2 * (without.fun - found.fun) > ratio:
                ratio, rate = 2 * (without.fun - found.fun), float(expit(found.x[:1])[0])
        p = float(ndtr(-np.sqrt(max(ratio, 0.0))))
        words = f"a floor of {rate:.2%} under the recorded risk improves the fit with p = {p:.2g} (likelihood ratio)"
        verdict = CONTRADICTED if p < 0.01 else UNCONTRADICTED
        return tells(
            NO_FALSE, "false positives: floor under the recorded risk", "everyone", rate, verdict=verdict, words=words
        )


def _identified(x: Floats, s: Floats, names: npt.NDArray[np.str_], at: npt.NDArray[np.int64]) -> None:
    if len(names) < 2:
        raise PrimumError(
            f"There is only one group, '{names[0]}': without a second there is nothing that its recording could be "
            "compared with.",
            expected="two or more groups",
        )
    for i, name in enumerate(names.tolist()):
        recorded = int(s[at == i].sum())
        if recorded < LEAST:
            raise PrimumError(
                f"{recorded} people of the group '{name}' are recorded with the outcome.",
                expected=f"at least {LEAST} in every group: the share recorded of a group without records is unknown",
                mend="leave the group out, or put it together with another that is recorded alike",
            )
    dummies = np.eye(len(names))[at][:, 1:]
    centred = x - x.mean(0)
    centred = centred / np.where(centred.std(0) > 0, centred.std(0), 1.0)
    rank = np.linalg.matrix_rank
    if rank(np.column_stack([centred, dummies - dummies.mean(0)])) < rank(centred) + len(names) - 1:
        raise PrimumError(
            "Group membership can be read off the features: how common the outcome is and how completely it is "
            "recorded cannot then be told apart.",
            expected="features without the group (or a sum of columns that gives it away)",
        )


def _negative(
    theta: Floats, z: Floats, s: Floats, at: npt.NDArray[np.int64], groups: int, penalty: float
) -> tuple[float, Floats]:
    """Return the penalised negative log likelihood and its gradient; theta = logit k (groups), intercept, slopes."""
    value, slope = _with_floor(np.r_[-np.inf, theta], z, s, at, groups, penalty)
    return value, slope[1:]


def _with_floor(
    theta: Floats, z: Floats, s: Floats, at: npt.NDArray[np.int64], groups: int, penalty: float
) -> tuple[float, Floats]:
    """Return the same with P(S=1) = φ + (1 − φ) k σ; the first parameter is logit φ."""
    floor, k, b = float(expit(theta[:1])[0]), expit(theta[1 : groups + 1])[at], theta[groups + 1 :]
    risk = expit(b[0] + z @ b[1:])
    found = np.clip(k * risk, 1e-300, 1 - 1e-15)
    p = floor + (1 - floor) * found
    value = -float(np.log(np.where(s > 0, p, 1 - p)).sum()) + penalty * float(b[1:] @ b[1:]) / 2
    outer = np.where(s > 0, -1 / p, 1 / (1 - p))
    inner = outer * (1 - floor) * found
    eta = inner * (1 - risk)
    return value, np.r_[
        float((outer * (1 - found)).sum()) * floor * (1 - floor),
        np.bincount(at, weights=inner * (1 - k), minlength=groups),
        eta.sum(),
        z.T @ eta + penalty * b[1:],
    ]


def _climb(
    z: Floats, s: Floats, at: npt.NDArray[np.int64], groups: int, start: float, penalty: float, most: int
) -> tuple[float, Floats, int]:
    from scipy.optimize import minimize

    first = np.r_[np.full(groups, start), FIRST, np.zeros(z.shape[1])]
    found = minimize(
        _negative, first, args=(z, s, at, groups, penalty), jac=True, method="L-BFGS-B",
        options={"maxiter": most, "ftol": 1e-12, "gtol": 1e-6},
    )  # fmt: skip
    return float(found.fun), np.asarray(found.x, dtype=np.float64), int(found.nit)


def _curvature(theta: Floats, z: Floats, s: Floats, at: npt.NDArray[np.int64], groups: int, penalty: float) -> Floats:
    """Return the Hessian of the negative log likelihood by central differences of the gradient."""
    step = 1e-4
    columns = [
        (
            _negative(theta + step * e, z, s, at, groups, penalty)[1]
            - _negative(theta - step * e, z, s, at, groups, penalty)[1]
        )
        / (2 * step)
        for e in np.eye(len(theta))
    ]
    curve = np.stack(columns)
    return np.asarray((curve + curve.T) / 2)


def _limits(ratio: float, variance: float) -> tuple[float, float]:
    half = 1.959964 * np.sqrt(max(variance, 0.0))
    return float(ratio * np.exp(-half)), float(ratio * np.exp(half))
