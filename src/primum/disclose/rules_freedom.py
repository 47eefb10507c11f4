"""R4, degrees of freedom: a model that fits every cell is a table and is judged as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from primum.disclose.presets import Policy
from primum.disclose.rules_counts import count_rule
from primum.disclose.rules_ruling import Ruling, worst


def freedom_rule(
    n: int, parameters: int, policy: Policy, *, dummies: Mapping[str, int] | None = None, cells: Sequence[int] = ()
) -> Ruling:
    """Return whether the numbers of a fitted model may be shown.

    Parameters
    ----------
    n, parameters
        People fitted, and coefficients including the intercept.
    policy
        df_min, the least residual degrees of freedom, and t.
    dummies
        People with a 1 in each 0/1 variable; the ones with a 0 are the others.
    cells
        For a model of categorical predictors only: people in each cell of predictors × outcome. As many coefficients
        as patterns make the model saturated, and its cells are judged by R1.
    """
    rulings = []
    freedom = n - parameters
    if policy["df_min"] is not None and freedom < policy["df_min"]:
        rulings.append(Ruling("R4", "fail", f"{freedom} residual degrees of freedom, {policy['df_min']} are needed"))
    for name, ones in (dummies or {}).items():
        if not count_rule({"ones": ones, "zeros": n - ones}, policy["t"]).passes:
            rulings.append(Ruling("R4", "fail", f"'{name}' splits {ones} from {n - ones}"))
    if len(cells) and 2 * parameters >= len(cells):
        told = count_rule({str(i): k for i, k in enumerate(cells)}, policy["t"])
        if not told.passes:
            rulings.append(Ruling("R4", "fail", f"the model is saturated, so it is a table: {told.why}"))
    return worst("R4", rulings)
