"""Disparate censorship: only people who are tested can be found to have it, and groups are tested unequally.

The record of somebody untested says nothing; taking it for "no" teaches a model who is tested. Two models: who is
tested, P(T=1 | x, a), and who has it, P(Y=1 | x), with pseudo-labels for the untested, by expectation-maximisation.
Sources: Chang, Sjoding & Wiens (2022), MLHC, arXiv 2208.01127; Chang & Wiens (2024), ICML, arXiv 2406.18865, whose
second penalty (the record's likelihood given the propensity) is not built: tested people already carry it.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.learn.calibrate import expit
from primum.learn.label_noise import (
    CONTRADICTED,
    FEW,
    NOT_ASSESSABLE,
    UNCHECKABLE,
    UNCONTRADICTED,
    RecordedOutcome,
    auroc_difference,
    binary,
    fractional_logistic,
    group_labels,
    observed_expected,
    tells,
)

Floats = npt.NDArray[np.float64]
RANDOM = "among people alike in features and group, who is tested does not depend on the outcome"
OVERLAP = "everybody could have been tested"
SAME_RISK = "the same features mean the same risk in every group"
EXACT = "the test shows the outcome without error"
RARE = 0.02  # chance of being tested below which a person has hardly a counterpart among the tested
CLOSE = 1e-8


class DisparateCensorship(RecordedOutcome):
    """Logistic risk of the true outcome where only the tested are labelled.

    E-step: everybody gets a pseudo-label. An untested person's is the model's own risk f(x). A tested person's is the
    result; with `weighting="propensity"` it is f + (y − f)/e(x, a), e being the chance to have been tested, so that a
    tested person also stands for those alike who were not. M-step: one logistic regression of the pseudo-labels.

    Parameters
    ----------
    weighting
        "propensity" (default) aims at the risk in all people, also where log odds are not quite linear; "none" at the
        likelihood of the results: more precise if they are linear, and then the same.
    penalty
        Half of it times the sum of squared standardised slopes, in both models.
    trim
        Smallest chance of being tested that is divided by.
    max_iter
        Of expectation-maximisation.
    threshold
        Of the decision.

    Attributes
    ----------
    intercept_, coef_
        Of the risk.
    pseudo_
        Pseudo-labels of the people at fitting, shape (people,).
    propensity_
        Their chance of being tested.
    converged_, n_iter_
        Whether pseudo-labels stopped moving, and after how many steps.

    Notes
    -----
    Without propensity the fixed point is the maximum likelihood of the tested (the untested add nothing to it that the
    model has not put there itself); with it, the same weighted by 1/e. Not valid when a doctor tests on what is not
    among the features and bears on the outcome.
    """

    assumes = (RANDOM, OVERLAP, SAME_RISK, EXACT)

    def __init__(
        self,
        *,
        weighting: str = "propensity",
        penalty: float = 1.0,
        trim: float = RARE,
        max_iter: int = 500,
        threshold: float | None = None,
    ) -> None:
        self.weighting = weighting
        self.penalty = penalty
        self.trim = trim
        self.max_iter = max_iter
        self.threshold = threshold

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any, tested: npt.ArrayLike | None = None) -> Self:
        """Fit to results `y` (0/1; of the untested anything) of the people `tested` (0/1).

        Raises
        ------
        PrimumError
            When who was tested is not recorded, nobody of a group was tested, the results are all alike, an untested
            person has a positive result, or a setting is wrong.
        """
        x, g = self._start(X, group)
        if tested is None:
            raise PrimumError(
                "Who was tested is not given, so an untested person cannot be told from a negative result.",
                expected="tested=…: 0 or 1 for everybody",
                mend="where only positives are on record, Purple learns what can be learnt: relative prevalence",
            )
        if self.weighting not in {"propensity", "none"}:
            raise PrimumError(f"weighting='{self.weighting}' is not known.", available=["propensity", "none"])
        if not 0 < self.trim < 1:
            raise PrimumError(f"trim is {self.trim!r}.", expected="a chance between 0 and 1")
        t = binary(tested, "column of who was tested", len(x))
        s = _results(y, t)
        for name in self.groups_.tolist():
            if not t[g == name].any():
                raise PrimumError(
                    f"Nobody of the group '{name}' was tested: its risk would be another group's, by assumption alone.",
                    expected="tested people in every group",
                    mend="leave the group out, and say that the model was never tested on it",
                )
        if np.unique(s[t > 0]).size < 2:
            raise PrimumError("Everybody tested has the same result.", expected="positive and negative results")
        wide = self._wide(x, g)
        a, b, _ = fractional_logistic(wide, t, np.ones(len(x)), self.penalty)
        self._testing = np.r_[a, b]
        self.propensity_ = expit(a + wide @ b)
        chance = np.clip(self.propensity_, self.trim, 1.0) if self.weighting == "propensity" else np.ones(len(x))
        self._em(x, s, t, chance)
        return self

    def _em(self, x: Floats, s: Floats, t: Floats, chance: Floats) -> None:
        one = np.ones(len(x))
        known = t > 0
        intercept, slopes, _ = fractional_logistic(x[known], s[known], 1 / chance[known], self.penalty)
        self.converged_, path = False, []
        for step in range(1, self.max_iter + 1):
            risk = expit(intercept + x @ slopes)
            pseudo = np.where(known, risk + (s - risk) / chance, risk)
            path.append(float(pseudo.mean()))
            new, bent, _ = fractional_logistic(x, pseudo, one, self.penalty)
            moved = np.abs(expit(new + x @ bent) - risk).max()
            intercept, slopes, self.n_iter_ = new, bent, step
            if moved < CLOSE:
                self.converged_ = True
                break
        self.intercept_, self.coef_, self.pseudo_, self.path_ = intercept, slopes, pseudo, np.array(path)

    def _wide(self, x: Floats, g: npt.NDArray[np.str_]) -> Floats:
        """Return features, groups and their products: what the propensity is made of."""
        new = sorted(set(g.tolist()) - set(self.groups_.tolist()))
        if new:
            raise PrimumError(f"The group '{new[0]}' was not there at fitting.", available=self.groups_.tolist())
        dummies = (
            np.stack([g == name for name in self.groups_[1:]], axis=1).astype(float)
            if len(self.groups_) > 1
            else np.zeros((len(x), 0))
        )
        return np.column_stack([x, dummies, *[x * d[:, None] for d in dummies.T]])

    def testing_proba(self, X: Any, *, group: Any) -> Floats:
        """Return the chance of being tested, P(T=1 | x, a), shape (people,)."""
        x = self._matrix(X)
        wide = self._wide(x, group_labels(group, len(x)))
        return np.asarray(expit(self._testing[0] + wide @ self._testing[1:]))

    def check(
        self, X: Any, y: npt.ArrayLike, *, group: Any, tested: npt.ArrayLike, margin: float = 0.1
    ) -> list[dict[str, Any]]:
        """Return what these people say about the assumptions, one row a check and group.

        Overlap: the share of a group whose chance of being tested is below `trim`. Same risk: results against risks
        among the tested of each group, and the AUROC that a model of the group alone would gain. The propensity is
        checked against who was tested. Whether testing followed signs that are not among the features, and whether
        the test errs, cannot be seen here.
        """
        x = self._matrix(X)
        g, t = group_labels(group, len(x)), binary(tested, "column of who was tested", len(x))
        s = _results(y, t)
        risk, chance = self.predict_proba(X)[:, 1], self.testing_proba(X, group=group)
        rows = []
        for name in np.unique(g).tolist():
            own = g == name
            low = float((chance[own] < self.trim).mean())
            rows.append(
                tells(OVERLAP, f"share whose chance of being tested is below {self.trim:g}", name, low,
                      verdict=CONTRADICTED if low > margin else UNCONTRADICTED,
                      words=f"{low:.0%} of the group have hardly a counterpart among the tested")
            )  # fmt: skip
            rows.append(observed_expected(RANDOM, "tested / expected", name, t[own], chance[own], margin=margin))
            known = own & (t > 0)
            rows.append(
                observed_expected(
                    SAME_RISK, "positive / expected, of the tested", name, s[known], risk[known], margin=margin
                )
            )
            if min(s[known].sum(), (1 - s[known]).sum()) < FEW:
                rows.append(tells(SAME_RISK, "AUROC gained by a model of the group alone", name,
                                  verdict=NOT_ASSESSABLE, words="too few results"))  # fmt: skip
                continue
            free = fractional_logistic(x[known], s[known], np.ones(known.sum()), max(self.penalty, 1e-3))
            gain, a, b = auroc_difference(s[known], x[known] @ free[1], risk[known])
            rows.append(
                tells(SAME_RISK, "AUROC gained by a model of the group alone", name, gain, (a, b),
                      verdict=CONTRADICTED if a > 0.01 else UNCONTRADICTED, words=f"{gain:+.3f} [{a:+.3f}, {b:+.3f}]")
            )  # fmt: skip
        words = "whether testing followed signs that are not among the features needs tests of people who had none"
        rows.append(tells(RANDOM, "unmeasured reasons to test", "everyone", verdict=UNCHECKABLE, words=words))
        words = "errors of the test itself need a better one"
        rows.append(tells(EXACT, "errors of the test", "everyone", verdict=UNCHECKABLE, words=words))
        return rows


def _results(y: npt.ArrayLike, t: Floats) -> Floats:
    raw = np.asarray(y, dtype=np.float64).ravel()
    if len(raw) != len(t):
        raise PrimumError(f"The results have {len(raw)} rows, the people {len(t)}.", expected="one row a person")
    positive = int((raw[t == 0] == 1).sum())
    if positive:
        raise PrimumError(
            f"{positive} people who were not tested have a positive result.",
            expected="results of tested people only",
            mend="count them as tested, if another test found them",
        )
    s = np.where(t > 0, raw, 0.0)
    if not np.isin(s, (0, 1)).all():
        raise PrimumError("The results of tested people have values other than 0 and 1.", expected="0 or 1")
    return s
