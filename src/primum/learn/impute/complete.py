"""Only people without a gap train, and only they can be scored."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.learn.impute.filler import Filler, Floats, Texts, matrix_of


class CompleteCases(Filler):
    """Take people without a gap, and refuse the others.

    `complete` says who they are, for training and for scoring. Everybody else gets no score: who that is, by group and
    outcome, is a result of its own (`measure.missing_selection`).
    """

    def complete(self, X: Any) -> npt.NDArray[np.bool_]:
        """Return who has no gap, shape (people,)."""
        return np.asarray(~np.isnan(matrix_of(X)).any(axis=1))

    def _learn(self, x: Floats, group: Texts | None) -> None:  # noqa: ARG002 - the others need it
        if not self.complete(x).any():
            raise PrimumError(
                "Nobody who trains is without a gap.",
                mend="leave out the column that almost nobody has, or choose a strategy that fills gaps",
            )

    def _filled(self, x: Floats, group: Texts | None) -> Floats:  # noqa: ARG002
        lost = int((~self.complete(x)).sum())
        if lost:
            raise PrimumError(
                f"{lost:,} people have a gap, and complete cases alone can be scored.",
                expected="people without a gap: X[filler.complete(X)]",
                mend="count who is left out, by group, or choose a strategy that fills gaps",
            )
        return x
