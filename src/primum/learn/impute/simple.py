"""One value for all gaps of a column: the median, or the commonest category."""

from __future__ import annotations

import numpy as np

from primum.learn.impute.filler import Filler, Floats, Texts, typical


class SimpleFiller(Filler):
    """Fill every gap with the median (numbers) or the commonest category of those who train.

    Everybody who was not measured becomes alike, and like the majority: spread and associations shrink, most for the
    group with most gaps. A column that nobody who trains has becomes 0.
    """

    def _learn(self, x: Floats, group: Texts | None) -> None:  # noqa: ARG002 - the others need it
        self.fill_ = np.nan_to_num(typical(x, self.is_category_))

    def _filled(self, x: Floats, group: Texts | None) -> Floats:  # noqa: ARG002
        return np.where(np.isnan(x), self.fill_, x)
