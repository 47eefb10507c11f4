"""R3, dominance: no sum of amounts may give away its largest contributors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from primum.disclose.presets import Policy
from primum.disclose.rules_ruling import Ruling, worst
from primum.errors import PrimumError


def dominance_rule(values: npt.ArrayLike, policy: Policy) -> Ruling:
    """Return whether a sum or mean of amounts may be shown.

    Parameters
    ----------
    values
        One amount per contributor (person, or institution), shape (contributors,). Add up repeated amounts first.
    policy
        d1, the greatest share of the largest; nk_k, of the nk_n largest; p_pct, how near (in %) the second largest
        could come to the largest: the rest must be at least p_pct % of the largest. A rule that is None is not applied.

    Raises
    ------
    PrimumError
        If an amount is not finite.
    """
    amounts = np.sort(np.asarray(values, dtype=np.float64))[::-1]
    if not np.isfinite(amounts).all():
        raise PrimumError(
            "An amount is missing or infinite.", mend="leave people without an amount out, and count them"
        )
    if (amounts < 0).any():
        return Ruling("R3", "review", "some amounts are negative, so shares of a sum have no meaning")
    total = float(amounts.sum())
    if total == 0:
        return Ruling("R3", "safe", "every amount is 0")
    rulings = []
    if policy["d1"] is not None and amounts[0] > policy["d1"] * total:
        rulings.append(Ruling("R3", "fail", f"the largest has {amounts[0] / total:.3f} of the sum"))
    if policy["nk_n"] is not None and policy["nk_k"] is not None:
        most = float(amounts[: int(policy["nk_n"])].sum())
        if most > policy["nk_k"] * total:
            rulings.append(Ruling("R3", "fail", f"the {policy['nk_n']} largest have {most / total:.3f} of the sum"))
    if policy["p_pct"] is not None and total - amounts[:2].sum() < policy["p_pct"] / 100 * amounts[0]:
        rulings.append(Ruling("R3", "fail", f"the largest is known to within {policy['p_pct']:g} %"))
    return worst("R3", rulings)
