"""A latent outcome behind several imperfect indicators, which may answer differently in different groups (MIMIC).

η = Σ_g γ_g 1{g} + β·x + ζ, ζ ~ N(0, 1), and indicator y_j = ν_j + λ_j η + Σ_g δ_jg 1{g} + ε_j, ε_j ~ N(0, θ_j).
γ is how groups truly differ; δ_jg, an intercept released in group g, is how indicator j differs between people alike
in η: a biased proxy (differential item functioning). Fitted by maximum likelihood from means and cross-products.
Sources: Jöreskog & Goldberger (1975), J Am Stat Assoc 70:631-639; Boeschoten, van Kesteren, Bagheri & Oberski (2021),
IJIMAI 6(5):9-15; Muthén (1989), Psychometrika 54:557-585.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from primum.errors import PrimumError, unknown
from primum.learn.label_noise import CONTRADICTED, UNCHECKABLE, UNCONTRADICTED, group_labels, matrix, tells
from primum.learn.latent_likelihood import Layout, Moments, deviance, maximise, saturated, start

Floats = npt.NDArray[np.float64]
ONE, ANCHORED = (
    "one latent outcome explains how the indicators go together",
    "unreleased indicators mean the same in every group",
)
EQUAL_LOADINGS = "indicators follow the latent outcome as closely in every group"
FEW = 3  # indicators that identify one latent outcome


class LatentOutcome(TransformerMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """The latent outcome of each person, from features and group (`predict`) or from indicators as well (`transform`).

    Parameters
    ----------
    release
        Names of the indicators whose intercept may differ between groups.
    indicators
        Names of the indicators, in the order of the columns of y; "indicator 1" … if left out.
    reference
        Group whose latent mean is 0; the largest if left out.
    max_iter
        Of L-BFGS-B.

    Attributes
    ----------
    loadings_, intercepts_, residual_variance_
        Of the indicators, in their own units, shape (indicators,).
    group_effect_
        Group → γ, in standard deviations of the latent outcome among people alike in x and group.
    coef_
        Effects of the features on the latent outcome.
    released_
        (indicator, group) → δ, in units of the indicator.
    loglik_, standard_errors_
        Log likelihood; standard errors of γ by group and of δ, from the curvature.

    Notes
    -----
    At least three indicators, one of them unreleased, and people with all of them known. Not valid when all indicators
    are biased alike: that difference is taken for one of the outcome. Indicators are treated as normal; transform
    skewed ones (log cost) first.
    """

    assumes = (ONE, ANCHORED, EQUAL_LOADINGS)

    def __init__(
        self,
        *,
        release: Sequence[str] = (),
        indicators: Sequence[str] | None = None,
        reference: str | None = None,
        max_iter: int = 5000,
    ) -> None:
        self.release = release
        self.indicators = indicators
        self.reference = reference
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, *, group: Any) -> Self:
        """Fit to indicators y, shape (people, indicators); X are features of the people, or None.

        Raises
        ------
        PrimumError
            With fewer than three indicators, missing values, a constant indicator, every indicator released, an
            unknown name, or one group only when something is released.
        """
        z = self._indicators(y)
        g = group_labels(group, len(z))
        x = _features(X, len(z))
        names, people = np.unique(g, return_counts=True)
        largest = str(names[int(np.argmax(people))])
        reference = largest if self.reference is None else self.reference
        if reference not in names:
            raise unknown("group", reference, names.tolist())
        self.groups_ = [reference, *(str(n) for n in names if n != reference)]
        freed = self._released(len(self.groups_))
        self.n_features_in_ = x.shape[1]
        self._moments = _moments(z, x, g, self.groups_)
        self._solve(freed)
        self.residual_correlation_ = self._residuals()
        self._free_ = _free_by_group(z, x, g, self.groups_)
        return self

    def _solve(self, freed: tuple[int, ...]) -> None:
        m = self._moments
        layout = Layout(m.indicators, len(self.groups_) - 1, m.features, freed)
        theta, value = maximise(layout, m, start(layout, m), self.max_iter)
        self._layout, self._theta, self.deviance_ = layout, theta, value
        part, unit = layout.parts(theta), m.unit
        self.loadings_, self.residual_variance_ = part.loadings * unit, np.exp(part.log_theta) * unit**2
        self.intercepts_ = m.centre + part.intercepts * unit
        self.coef_ = part.slopes / m.feature_unit
        shift = float(m.feature_centre @ self.coef_)
        self.offset_ = -shift
        self.group_effect_ = dict(zip(self.groups_, [0.0, *part.effects.tolist()], strict=True))
        self.released_ = {
            (self.indicator_names_[j], h): float(part.released[i, k] * unit[j])
            for k, j in enumerate(freed)
            for i, h in enumerate(self.groups_[1:])
        }
        self.loglik_ = -0.5 * (value + m.indicators * m.people * np.log(2 * np.pi)) - m.people * float(
            np.log(unit).sum()
        )
        error = layout.parts(layout.errors(theta, m))
        self.standard_errors_ = {
            "group_effect": dict(zip(self.groups_[1:], error.effects.tolist(), strict=True)),
            "released": {
                (self.indicator_names_[j], h): float(error.released[i, k] * unit[j])
                for k, j in enumerate(freed)
                for i, h in enumerate(self.groups_[1:])
            },
        }

    def predict(self, X: Any, *, group: Any) -> Floats:
        """Return E[η | x, g] of each person, without their indicators, shape (people,)."""
        check_is_fitted(self, "loadings_")
        g = group_labels(group, len(group) if X is None else len(X))
        return self._mean(_features(X, len(g)), g)

    def transform(self, X: Any, y: Any = None, *, group: Any) -> Floats:
        """Return E[η | y, x, g] of each person given their indicators y, shape (people, 1).

        Raises
        ------
        PrimumError
            Without indicators.
        """
        check_is_fitted(self, "loadings_")
        if y is None:
            raise PrimumError("The latent outcome of a person needs indicators.", expected="y=…", mend="or use predict")
        z = self._indicators(y)
        g = group_labels(group, len(z))
        mean = self._mean(_features(X, len(z)), g)
        shift = np.zeros_like(z)
        for (name, h), d in self.released_.items():
            shift[g == h, self.indicator_names_.index(name)] += d
        left = z - self.intercepts_ - shift - mean[:, None] * self.loadings_
        weight = self.loadings_ / self.residual_variance_
        return np.asarray((mean + left @ weight / (1 + self.loadings_ @ weight))[:, None])

    def dif(self) -> list[dict[str, Any]]:
        """Return, for every unreleased indicator, the test of releasing its intercept in all groups.

        `statistic` is the likelihood ratio with one degree of freedom a group but the reference, `p_adjusted` Holm's;
        `difference` is δ of the group with the largest one, in standard deviations of the indicator. An indicator is
        tested with all others as anchors: where several are biased, release the worst and test again (`search_dif`).
        """
        check_is_fitted(self, "loadings_")
        return self._tests()

    def search_dif(self, *, level: float = 0.05, least: float = 0.1) -> list[dict[str, Any]]:
        """Return the indicators released one after the other, the most improving first.

        Stops when none improves the fit significantly (Holm) by a difference of at least `least` standard deviations,
        or when only two anchors are left. Chosen by looking: confirm on other people.
        """
        check_is_fitted(self, "loadings_")
        again = LatentOutcome(release=self.release, indicators=self.indicator_names_, max_iter=self.max_iter)
        again.groups_, again._moments, again.indicator_names_ = self.groups_, self._moments, self.indicator_names_
        again._solve(self._layout.freed)
        found = []
        while len(again._layout.freed) < len(self.indicator_names_) - 2:
            rows = [r for r in again._tests() if r["p_adjusted"] < level and abs(r["difference"]) >= least]
            if not rows:
                break
            best = max(rows, key=lambda r: float(r["statistic"]))
            found.append(best)
            again._solve((*again._layout.freed, self.indicator_names_.index(best["indicator"])))
        return found

    def check(self) -> list[dict[str, Any]]:
        """Return what the data say about the assumptions, one row a check."""
        from scipy.special import chdtrc

        check_is_fitted(self, "loadings_")
        m = self._moments
        gap = self.deviance_ - saturated(m)
        df = self._layout.spare(m)
        rmsea = float(np.sqrt(max(gap - df, 0) / (df * m.people))) if df > 0 else np.nan
        worst = float(np.abs(self.residual_correlation_).max())
        rows = [
            tells(ONE, "RMSEA against the unrestricted model", "everyone", rmsea,
                  verdict=CONTRADICTED if rmsea > 0.08 else UNCONTRADICTED,
                  words=f"chi-squared {gap:.1f} on {df} degrees of freedom; above .08 is a poor fit"),
            tells(ONE, "largest residual correlation of two indicators", "everyone", worst,
                  verdict=CONTRADICTED if worst > 0.1 else UNCONTRADICTED, words=f"{worst:.2f}; above .1 is poor"),
        ]  # fmt: skip
        for r in self._tests():
            bad = r["p_adjusted"] < 0.05 and abs(r["difference"]) >= 0.1
            rows.append(
                tells(ANCHORED, f"intercept of {r['indicator']}", r["group"], r["difference"],
                      verdict=CONTRADICTED if bad else UNCONTRADICTED, words=r["words"])
            )  # fmt: skip
        if len(self.groups_) > 1:
            ratio, free = self._free_
            p = float(chdtrc(free, max(ratio, 0.0)))
            rows.append(
                tells(EQUAL_LOADINGS, "each group with loadings of its own", "everyone", ratio / m.people,
                      verdict=CONTRADICTED if p < 0.01 and ratio / m.people > 0.02 else UNCONTRADICTED,
                      words=f"likelihood ratio {ratio:.1f} on {free} degrees of freedom, p = {p:.2g}")
            )  # fmt: skip
        words = "a bias that all indicators share cannot be told from a true difference"
        rows.append(tells(ANCHORED, "a bias common to all indicators", "everyone", verdict=UNCHECKABLE, words=words))
        return rows

    def _tests(self) -> list[dict[str, Any]]:
        from scipy.special import chdtrc

        m, base, groups = self._moments, self._layout, len(self.groups_) - 1
        open_ = [j for j in range(m.indicators) if j not in base.freed]
        if groups < 1 or len(open_) < 2:
            return []
        rows: list[dict[str, Any]] = []
        for j in open_:
            layout = Layout(m.indicators, groups, m.features, (*base.freed, j))
            first = layout.grown(base, self._theta)
            theta, value = maximise(layout, m, first, self.max_iter)
            moved = layout.parts(theta).released[:, -1]
            error = layout.parts(layout.errors(theta, m)).released[:, -1]
            k = int(np.argmax(np.abs(moved)))
            ratio = max(self.deviance_ - value, 0.0)
            d, half = float(moved[k]), 1.959964 * float(error[k])
            rows.append(
                {
                    "indicator": self.indicator_names_[j], "group": self.groups_[1 + k], "difference": d,
                    "low": d - half, "high": d + half, "statistic": ratio, "df": groups,
                    "p": float(chdtrc(groups, ratio)), "p_adjusted": np.nan,
                    "words": f"at the same latent outcome {self.indicator_names_[j]} is {d:+.2f} standard deviations "
                    f"[{d - half:+.2f}, {d + half:+.2f}] in {self.groups_[1 + k]} against {self.groups_[0]}",
                }
            )  # fmt: skip
        order = np.argsort(np.array([float(r["p"]) for r in rows]), kind="stable")
        running = 0.0
        for rank, i in enumerate(order.tolist()):
            running = max(running, min(1.0, rows[i]["p"] * (len(rows) - rank)))
            rows[i]["p_adjusted"] = running
        return rows

    def _indicators(self, y: Any) -> Floats:
        z = np.asarray(y, dtype=np.float64)
        if z.ndim != 2 or z.shape[1] < FEW:
            raise PrimumError(
                f"The indicators have shape {z.shape}.",
                expected=f"at least {FEW} columns: fewer do not identify a latent outcome",
            )
        lost = ~np.isfinite(z).all(1)
        if lost.any():
            raise PrimumError(
                f"{int(lost.sum())} of {len(z)} people lack an indicator.",
                expected="all indicators of everybody",
                mend="leave these people out and count them by group, or impute several times and pool",
            )
        names = self.indicators
        shown = [f"indicator {j + 1}" for j in range(z.shape[1])] if names is None else [str(v) for v in names]
        if len(shown) != z.shape[1]:
            raise PrimumError(f"There are {len(shown)} names for {z.shape[1]} indicators.", expected="one name each")
        self.indicator_names_ = shown
        return z

    def _released(self, groups: int) -> tuple[int, ...]:
        for name in self.release:
            if name not in self.indicator_names_:
                raise unknown("indicator", name, self.indicator_names_)
        freed = tuple(j for j, name in enumerate(self.indicator_names_) if name in set(self.release))
        if len(freed) == len(self.indicator_names_):
            raise PrimumError(
                "Every indicator is released: groups could then differ in each of them, and nothing would tell how "
                "they differ in the outcome.",
                expected="at least one unreleased indicator, better two",
            )
        if freed and groups < 2:
            raise PrimumError("There is only one group, so no intercept can differ.", expected="two or more groups")
        return freed

    def _mean(self, x: Floats, g: npt.NDArray[np.str_]) -> Floats:
        new = sorted(set(g.tolist()) - set(self.groups_))
        if new:
            raise unknown("group", new[0], self.groups_, where="the fitted model")
        if x.shape[1] != self.n_features_in_:
            raise PrimumError(f"X has {x.shape[1]} columns; the model was fitted with {self.n_features_in_}.")
        effect = np.array([self.group_effect_[h] for h in g.tolist()])
        return np.asarray(effect + x @ self.coef_ + self.offset_)

    def _residuals(self) -> Floats:
        """Return the correlations of indicators that the model leaves over, shape (indicators, indicators)."""
        m, part = self._moments, self._layout.parts(self._theta)
        left = m.residual(self._layout.coefficients(self._theta)) / m.people
        implied = np.outer(part.loadings, part.loadings) + np.diag(np.exp(part.log_theta))
        scale = np.sqrt(np.outer(np.diag(implied), np.diag(implied)))
        gap = (left - implied) / scale
        np.fill_diagonal(gap, 0.0)
        return np.asarray(gap)


def _features(X: Any, n: int) -> Floats:
    if X is None:
        return np.zeros((n, 0))
    x = matrix(X)
    if len(x) != n:
        raise PrimumError(f"X has {len(x)} rows, the people {n}.", expected="one row a person, same order")
    return x


def _moments(z: Floats, x: Floats, g: npt.NDArray[np.str_], groups: Sequence[str]) -> Moments:
    unit = z.std(0)
    if (unit <= 0).any():
        raise PrimumError(
            f"Indicator {int(np.argmin(unit)) + 1} is the same for everybody.", expected="values that vary"
        )
    dummies = np.stack([g == h for h in groups[1:]], axis=1).astype(float) if len(groups) > 1 else np.zeros((len(z), 0))
    scale = np.where(x.std(0) > 0, x.std(0), 1.0)
    design = np.column_stack([np.ones(len(z)), dummies, (x - x.mean(0)) / scale])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise PrimumError("A feature repeats another, or the group.", expected="features that are not sums of others")
    own = (z - z.mean(0)) / unit
    return Moments(
        len(z), design.T @ design, design.T @ own, own.T @ own, z.mean(0), unit, x.mean(0), scale, dummies.shape[1]
    )


def _free_by_group(z: Floats, x: Floats, g: npt.NDArray[np.str_], groups: Sequence[str]) -> tuple[float, int]:
    """Return the likelihood ratio, and degrees of freedom, of loadings and variances of each group's own.

    Means are free in every group in both models, so that only how indicators go together is compared.
    """
    if len(groups) < 2:
        return 0.0, 0
    parts = []
    left = np.empty_like(z)
    unit = z.std(0)
    for h in groups:
        own = g == h
        if own.sum() < z.shape[1] + x.shape[1] + 2:
            return 0.0, 0
        design = np.column_stack([np.ones(own.sum()), x[own]])
        left[own] = (z[own] - design @ np.linalg.lstsq(design, z[own], rcond=None)[0]) / unit
        parts.append(left[own])
    whole = sum(deviance(p) for p in parts)
    return deviance(left) - whole, (len(groups) - 1) * 2 * z.shape[1]
