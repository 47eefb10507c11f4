"""A simple fill, and one column more for each that has gaps: whether it was measured."""

from __future__ import annotations

import numpy as np

from primum.learn.impute.filler import Filler, Floats, Texts, typical

SUFFIX = " not measured"


class IndicatorFiller(Filler):
    """Fill with the median or the commonest category, and tell the model where it did.

    The model may then learn from who was measured. This helps as long as people are measured for the same reasons; a
    hospital that tests by other habits, or a group that is tested less, gets another meaning of the same gap.

    Attributes
    ----------
    gaps_
        Positions of the columns that have gaps among those who train; a gap in another column has no indicator.
    """

    def _learn(self, x: Floats, group: Texts | None) -> None:  # noqa: ARG002 - the others need it
        self.fill_ = np.nan_to_num(typical(x, self.is_category_))
        self.gaps_ = np.flatnonzero(np.isnan(x).any(axis=0))

    def _filled(self, x: Floats, group: Texts | None) -> Floats:  # noqa: ARG002
        gone = np.isnan(x)
        return np.column_stack([np.where(gone, self.fill_, x), gone[:, self.gaps_].astype(np.float64)])

    def _names_out(self) -> list[str]:
        return [*self.names_, *(f"{self.names_[j]}{SUFFIX}" for j in self.gaps_)]
