"""One value for all gaps of a column within a group."""

from __future__ import annotations

import numpy as np

from primum.errors import PrimumError
from primum.learn.impute.filler import Filler, Floats, Texts, typical


class GroupFiller(Filler):
    """Fill every gap with the median (numbers) or the commonest category of the person's own group.

    Attributes
    ----------
    fill_
        Group -> values, shape (columns,) each.
    everyone_
        Values of all who train, for a group that was not among them.

    Notes
    -----
    Membership becomes part of the input of the model: whoever is not measured is told apart by it.
    Source: Jeong, Wang & Calmon (2022), AAAI, arXiv 2109.10431 (what imputers of the pooled people do to groups).
    """

    needs_group = True

    def _learn(self, x: Floats, group: Texts | None) -> None:
        assert group is not None
        self.everyone_ = np.nan_to_num(typical(x, self.is_category_))
        self.fill_ = {str(g): typical(x[group == g], self.is_category_) for g in np.unique(group)}
        for g, values in self.fill_.items():
            nobody = np.isnan(values)
            if nobody.any():
                names = [self.names_[j] for j in np.flatnonzero(nobody)]
                raise PrimumError(
                    f"Nobody of the group '{g}' among those who train has {', '.join(names[:5])}.",
                    expected="at least one known value of every column in every group",
                    mend="leave the column out, join the group with another, or use a strategy that does not fill by "
                    "group: what was never measured in a group cannot be learnt there",
                )

    def _filled(self, x: Floats, group: Texts | None) -> Floats:
        assert group is not None
        for g in np.unique(group):
            own = group == g
            x[own] = np.where(np.isnan(x[own]), self.fill_.get(str(g), self.everyone_), x[own])
        return x
