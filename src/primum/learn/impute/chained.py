"""Chained equations: each column is drawn given all others, in turn, several times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.learn.impute.filler import Filler, Floats, Texts
from primum.learn.impute.line import PosteriorLine

STREAM = 51_978
ROUNDS = 5
SKEWED = 1.0


class ChainedFiller(Filler):
    """One draw of the gaps by chained equations (scikit-learn's `IterativeImputer` with posterior draws).

    Parameters
    ----------
    names, levels
        As in `Filler`. A category is drawn through one column a level but the first; the largest wins.
    with_group
        Whether membership helps to predict what is missing (main effects).
    with_outcome
        Whether the outcome, and outcome × membership, help to complete those who *train*. Those who are judged are
        always completed by equations without the outcome.
    draw
        Which of the imputations this is: fit one filler for each draw, and pool what comes of them.
    rounds
        How often all columns are gone through.
    seed
        The same seed and draw give the same values.

    Notes
    -----
    Positive numbers with a long right tail (skewness above 1: laboratory values) are drawn as logarithms. Draws may lie
    beyond what was seen among those who train by half its range: those with most gaps are often those with the most
    extreme values, and cutting at the largest value seen pulls them in. Right where what is missing depends on what was
    seen and columns are about linear in each other; gaps that depend on the value itself need `shifted`.
    Sources: van Buuren (2018), Flexible Imputation of Missing Data; Moons et al. (2006), J Clin Epidemiol 59:1092-1101
    (the outcome helps to complete those who train).
    """

    def __init__(
        self,
        names: Sequence[str] | None = None,
        levels: Mapping[str, Sequence[str]] | None = None,
        *,
        with_group: bool = False,
        with_outcome: bool = False,
        draw: int = 0,
        rounds: int = ROUNDS,
        seed: int = 0,
    ) -> None:
        super().__init__(names, levels)
        self.with_group = with_group
        self.with_outcome = with_outcome
        self.draw = draw
        self.rounds = rounds
        self.seed = seed

    @property
    def needs_group(self) -> bool:  # type: ignore[override]
        """Whether membership is needed at fit and at transform."""
        return self.with_group

    def fit(self, X: Any, y: Any = None, *, group: Any = None) -> Self:
        """Learn the equations; the outcome of those who train is used by `fit_transform` alone."""
        x = self._start(X, y)
        self._learn(x, self._membership(group, len(x)))
        return self

    def fit_transform(self, X: Any, y: Any = None, *, group: Any = None) -> Floats:
        """Fit to those who train and return their completed features; with `with_outcome`, y helps to complete them.

        Raises
        ------
        PrimumError
            As `fit`; or `with_outcome` without an outcome.
        """
        self.fit(X, y, group=group)
        if not self.with_outcome:
            return self.transform(X, group=group)
        if y is None:
            raise PrimumError(
                "The outcome of those who train is to help to complete them, and it was not given.",
                expected="fit_transform(X, y, …)",
            )
        x, outcome = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64).ravel()
        members = self._dummies(self._membership(group, len(x)), len(x))
        more = np.column_stack([members, outcome, members * outcome[:, None]])
        wide = np.column_stack([self._open(x), more])
        return self._close(x, self._imputer(wide).fit_transform(wide)[:, : self.width_])

    def _learn(self, x: Floats, group: Texts | None) -> None:
        self.groups_ = [] if group is None else [str(g) for g in np.unique(group)]
        self.codes_ = {
            j: np.unique(x[~np.isnan(x[:, j]), j]) for j in np.flatnonzero(self.is_category_).tolist()
        }  # fmt: skip
        self.logged_ = np.array([j not in self.codes_ and _long_tailed(x[:, j]) for j in range(x.shape[1])])
        self.least_ = np.array([np.nanmin(x[:, j]) / 2 if self.logged_[j] else 0.0 for j in range(x.shape[1])])
        opened = self._open(x)
        self.width_ = opened.shape[1]
        wide = np.column_stack([opened, self._dummies(group, len(x))])
        self.imputer_ = self._imputer(wide)
        self.imputer_.fit(wide)

    def _filled(self, x: Floats, group: Texts | None) -> Floats:
        wide = np.column_stack([self._open(x), self._dummies(group, len(x))])
        self.imputer_.random_state_ = np.random.RandomState(self._start_of(1))  # the same answer however often asked
        return self._close(x, self.imputer_.transform(wide)[:, : self.width_])

    def _imputer(self, wide: Floats) -> Any:
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - makes the next import possible
        from sklearn.impute import IterativeImputer

        known = ~np.isnan(wide)
        low = np.where(known.any(axis=0), np.min(wide, axis=0, initial=np.inf, where=known), 0.0)
        high = np.where(known.any(axis=0), np.max(wide, axis=0, initial=-np.inf, where=known), 0.0)
        room = (high - low) / 2 + 1e-9
        return IterativeImputer(
            PosteriorLine(seed=self._start_of(2)), sample_posterior=True, max_iter=self.rounds,
            random_state=self._start_of(0), min_value=low - room, max_value=high + room, keep_empty_features=True,
            skip_complete=True, initial_strategy="median",
        )  # fmt: skip

    def _start_of(self, what: int) -> int:
        return int(np.random.default_rng([self.seed, STREAM, self.draw, what]).integers(2**31 - 1))

    def _dummies(self, group: Texts | None, n: int) -> Floats:
        if group is None:
            return np.empty((n, 0))
        return np.column_stack([np.empty((n, 0)), *((group == g).astype(np.float64) for g in self.groups_[1:])])

    def _open(self, x: Floats) -> Floats:
        """Return numbers as they are and one column for each level but the first of a category, NaN in a gap."""
        parts: list[npt.NDArray[np.float64]] = []
        for j in range(x.shape[1]):
            if j not in self.codes_:
                parts.append(np.log(np.maximum(x[:, j], self.least_[j])) if self.logged_[j] else x[:, j])
            else:
                gone = np.isnan(x[:, j])
                parts += [np.where(gone, np.nan, x[:, j] == code) for code in self.codes_[j][1:]]
        return np.column_stack([np.empty((len(x), 0)), *parts])

    def _close(self, x: Floats, full: Floats) -> Floats:
        out, at = x.copy(), 0
        for j in range(x.shape[1]):
            gone = np.isnan(x[:, j])
            if j not in self.codes_:
                out[gone, j] = np.exp(full[gone, at]) if self.logged_[j] else full[gone, at]
                at += 1
                continue
            codes = self.codes_[j]
            if codes.size == 0:
                out[gone, j] = 0.0
                continue
            drawn = full[gone, at : at + codes.size - 1]
            at += codes.size - 1
            whole = np.column_stack([1 - drawn.sum(axis=1), drawn])
            out[gone, j] = codes[whole.argmax(axis=1)]
        return out


def _long_tailed(x: Floats) -> bool:
    """Return whether the known values are all positive and skewed to the right."""
    known = x[~np.isnan(x)]
    if known.size < 10 or known.min() <= 0 or known.std() <= 0:
        return False
    return bool((((known - known.mean()) / known.std()) ** 3).mean() > SKEWED)


def shifted(completed: Floats, gaps: npt.NDArray[np.bool_], column: int, size: float) -> Floats:
    """Return completed features with what was drawn for a column's gaps moved by `size`: values not missing at random.

    Parameters
    ----------
    completed
        Shape (people, columns).
    gaps
        Who had no value of this column, shape (people,).
    column
        Position of the column, a number.
    size
        In the column's own unit.
    """
    out = completed.copy()
    out[gaps, column] += size
    return out
