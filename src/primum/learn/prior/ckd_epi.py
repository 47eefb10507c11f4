"""CKD-EPI: kidney function from creatinine, with and without the race coefficient of 2009."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.learn.prior.worked import worked

Floats = npt.NDArray[np.float64]
HIGHEST = 30.0


def ckd_epi(
    creatinine: npt.ArrayLike,
    age: npt.ArrayLike,
    female: npt.ArrayLike,
    black: npt.ArrayLike | None = None,
    year: int = 2021,
) -> Floats:
    """Return the estimated glomerular filtration rate in mL/min/1.73 m²; NaN where a value is missing.

    Parameters
    ----------
    creatinine
        Serum creatinine in mg/dL (micromol/L divided by 88.4), standardised (IDMS).
    age
        Years, 18 and older.
    female
        1 for women, 0 for men; the equation knows no other.
    black
        1 or 0, for year=2009 only, whose equation multiplies by 1.159; None leaves the coefficient out.
    year
        2021 (without race) or 2009.

    Raises
    ------
    PrimumError
        For another year, race given to the equation of 2021, creatinine that is not above 0 or looks like micromol/L,
        ages below 18, or codes other than 0 and 1.

    Notes
    -----
    2021: 142 · min(Scr/κ, 1)^α · max(Scr/κ, 1)^−1.200 · 0.9938^age · 1.012 [if female]. On average it overestimates
    by about 4 % in people who are not Black and underestimates by about 4 % in those who are (NIDDK, page on GFR
    equations for adults). Both equations are for adults with a stable creatinine.
    """
    told = worked("ckd_epi")
    years = {int(k): v for k, v in told["years"].items()}
    if year not in years:
        raise unknown("CKD-EPI equation", str(year), [str(y) for y in years])
    k = years[year]
    if black is not None and year == 2021:
        raise PrimumError(
            "The equation of 2021 has no race coefficient.", mend="leave black out, or ask for year=2009 to compare"
        )
    scr, old = np.broadcast_arrays(np.asarray(creatinine, dtype=np.float64), np.asarray(age, dtype=np.float64))
    woman = _coded("female", female)
    known = scr[~np.isnan(scr)]
    if known.size and (known.min() <= 0 or known.max() > HIGHEST):
        raise PrimumError(
            f"Creatinine goes from {known.min():g} to {known.max():g}.",
            expected=f"mg/dL: above 0, at most {HIGHEST:g}",
            mend=f"divide micromol/L by {told['micromol_per_mg']:g}",
        )
    if old.size and np.nanmin(np.where(np.isnan(old), np.inf, old)) < 18:
        raise PrimumError("Somebody is younger than 18.", expected="adults: children need another equation")

    def by(values: dict[str, float]) -> Any:
        return np.where(np.isnan(woman), np.nan, np.where(woman == 1, values["female"], values["male"]))

    ratio = scr / by(k["kappa"])
    egfr = k["factor"] * np.minimum(ratio, 1) ** by(k["alpha"]) * np.maximum(ratio, 1) ** k["beta"]
    egfr = egfr * k["age"] ** old * by({"female": k["female"], "male": 1.0})
    if black is not None:
        race = _coded("black", black)
        egfr = egfr * np.where(np.isnan(race), np.nan, np.where(race == 1, k["black"], 1.0))
    return np.asarray(egfr, dtype=np.float64)


def _coded(name: str, values: npt.ArrayLike) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if not np.isin(x[~np.isnan(x)], (0, 1)).all():
        raise PrimumError(f"'{name}' has values other than 0 and 1.", expected="1 for yes, 0 for no")
    return x
