"""PredictD: the published 12-month risk of major depression among people who see a general practitioner."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.learn.calibrate import expit
from primum.learn.prior.worked import worked

Floats = npt.NDArray[np.float64]
RANGES = {"age": (16.0, 110.0), "sf12_physical": (0.0, 100.0), "sf12_mental": (0.0, 100.0)}


def predictd(frame: Any) -> Floats:
    """Return the published risk of each person, shape (people,); NaN where a value is missing.

    Parameters
    ----------
    frame
        Any frame with the columns age (years), male (0/1), education ("beyond secondary", "secondary", "primary",
        "trade"), unsupported_difficulties (0/1: difficulties in paid or unpaid work without support), sf12_physical and
        sf12_mental (points of the SF-12 component scores, mean about 50), family_history (0/1: a first-degree relative
        with an emotional problem), discrimination ("none", "one area", "several areas"), lifetime_depression (0/1) and
        country ("United Kingdom", "Spain", "Slovenia", "Estonia", "Netherlands", "Portugal").

    Raises
    ------
    PrimumError
        If a column is missing, a level is unknown, or a number is on another scale.

    Notes
    -----
    Developed among general practice attendees in six European countries who were not depressed. In the general
    population of the United States it ranked less well (C .708) and was poorly calibrated: use it as a prior or an
    offset there, never as it is. Its countries are those of the study; no other has a coefficient.
    """
    told = worked("predictd")
    table = nw.from_native(frame, eager_only=True)
    needed = [*told["per_unit"], *told["indicators"], *told["levels"]]
    absent = [c for c in needed if c not in table.columns]
    if absent:
        raise PrimumError(f"PredictD needs {', '.join(absent)}.", expected=", ".join(needed), available=table.columns)
    eta = np.full(len(table), float(told["constant"]))
    for name, beta in told["per_unit"].items():
        x = _numbers(table, name)
        low, high = RANGES[name]
        _within(name, x, low, high)
        eta += beta * x
    for name, beta in told["indicators"].items():
        x = _numbers(table, name)
        if not np.isin(x[~np.isnan(x)], (0, 1)).all():
            raise PrimumError(f"'{name}' has values other than 0 and 1.", expected="1 for yes, 0 for no")
        eta += beta * x
    for name, betas in told["levels"].items():
        values = table[name].to_list()
        strange = sorted({str(v) for v in values if v is not None and v == v and v not in betas})  # noqa: PLR0124 - NaN
        if strange:
            raise PrimumError(f"PredictD knows no '{strange[0]}' of '{name}'.", available=list(betas))
        eta += np.array([betas.get(v, np.nan) for v in values])
    return np.where(np.isnan(eta), np.nan, expit(eta))


def _numbers(table: Any, name: str) -> Floats:
    try:
        return np.array([np.nan if v is None else float(v) for v in table[name].to_list()], dtype=np.float64)
    except (TypeError, ValueError) as failure:
        raise PrimumError(f"'{name}' holds values that are no numbers.", expected="numbers") from failure


def _within(name: str, x: Floats, low: float, high: float) -> None:
    known = x[~np.isnan(x)]
    if known.size and (known.min() < low or known.max() > high):
        raise PrimumError(
            f"'{name}' goes from {known.min():g} to {known.max():g}.",
            expected=f"{low:g} to {high:g}",
            mend="raw, not standardised, values in the unit of the publication",
        )
