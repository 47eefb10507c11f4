"""Who is protected: distinct persons, households and institutions behind a number, never rows and never weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.disclose.presets import Policy
from primum.disclose.rules_ruling import Ruling, worst
from primum.errors import PrimumError

LEVELS = ("persons", "households", "institutions")


@dataclass(frozen=True)
class Units:
    """Distinct units behind one number; None where their identifier was not given."""

    persons: int
    households: int | None = None
    institutions: int | None = None


def count_units(
    persons: npt.ArrayLike,
    *,
    households: npt.ArrayLike | None = None,
    institutions: npt.ArrayLike | None = None,
    among: npt.ArrayLike | None = None,
) -> Units:
    """Count distinct units.

    Parameters
    ----------
    persons, households, institutions
        An identifier per row, shape (rows,).
    among
        Which rows stand behind the number, shape (rows,); None for all.

    Raises
    ------
    PrimumError
        If the columns are not of one length.
    """
    own = np.asarray(persons)
    chosen = np.ones(len(own), dtype=np.bool_) if among is None else np.asarray(among, dtype=np.bool_)
    counts: list[int | None] = []
    for name, given in zip(LEVELS, (own, households, institutions), strict=True):
        column = None if given is None else np.asarray(given)
        if column is not None and (column.shape != own.shape or chosen.shape != own.shape):
            raise PrimumError(f"The {name} have {len(column)} rows.", expected=f"{len(own)}, one a row of persons")
        counts.append(None if column is None else len(np.unique(column[chosen])))
    return Units(counts[0] or 0, counts[1], counts[2])


def require(policy: Policy, *, households: bool, institutions: bool) -> None:
    """Refuse to start when a policy needs an identifier that the data do not have.

    Raises
    ------
    PrimumError
        If household or institution identifiers are lacking.
    """
    for name, there, key in (("household", households, "t_household"), ("institution", institutions, "t_institution")):
        if not there and isinstance(policy[key], int):
            raise PrimumError(
                f"The preset '{policy.name}' needs at least {policy[key]} {name}s behind every count, "
                f"and no {name} id was given.",
                expected=f"a column that names the {name} of each row",
                mend=f"declare the column; give each person a {name} of their own only where that is true",
            )


def enough_units(units: Units, policy: Policy) -> Ruling:
    """Return whether every level of units passes: R1 on persons, households and institutions (T19, T20, T22).

    Raises
    ------
    PrimumError
        If the policy needs a level that was not counted.
    """
    require(policy, households=units.households is not None, institutions=units.institutions is not None)
    rulings = []
    for name, key in zip(LEVELS, ("t", "t_household", "t_institution"), strict=True):
        n, least = getattr(units, name), policy[key]
        if n is None or least is None:
            continue
        if least == "review":
            rulings.append(Ruling("R1", "review" if n == 1 else "safe", f"{n} institutions"))
        elif 0 < n < least:
            rulings.append(Ruling("R1", "fail", f"{n} {name}, at least {least} are needed"))
    return worst("R1", rulings)


def too_few(units: Mapping[str, Units], policy: Policy) -> dict[str, str]:
    """Return the cells to withhold because too few households or institutions are behind them, for `protect(also=)`.

    Parameters
    ----------
    units
        Distinct units by name of the cell (`releases.place`).
    policy
        Thresholds of every level.

    Raises
    ------
    PrimumError
        If the policy needs a level that was not counted.
    """
    return {where: "R1" for where, own in units.items() if own.persons and enough_units(own, policy).status == "fail"}
