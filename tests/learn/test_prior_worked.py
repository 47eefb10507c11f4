"""The published equations that ship as worked priors, against values computed by hand from their printed form."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from primum.errors import PrimumError
from primum.learn.prior.ckd_epi import ckd_epi
from primum.learn.prior.predictd import predictd
from primum.learn.prior.worked import worked

PERSON = {
    "age": 40, "male": 0, "education": "secondary", "unsupported_difficulties": 1, "sf12_physical": 50.0,
    "sf12_mental": 45.0, "family_history": 1, "discrimination": "one area", "lifetime_depression": 1,
    "country": "Spain",
}  # fmt: skip


def test_predictd_by_hand():
    """1.155 − .2 + .089 + .366 − 1.5 − 2.475 + .395 + .161 + .489 + .23 = −1.29: a risk of 21.6 %."""
    eta = 1.155 - 0.005 * 40 + 0.089 + 0.366 - 0.030 * 50 - 0.055 * 45 + 0.395 + 0.161 + 0.489 + 0.23
    assert eta == pytest.approx(-1.29)
    assert predictd(pl.DataFrame([PERSON]))[0] == pytest.approx(1 / (1 + math.exp(1.29)))
    healthy = PERSON | {
        "male": 1, "age": 60, "education": "beyond secondary", "unsupported_difficulties": 0, "sf12_mental": 55.0,
        "family_history": 0, "discrimination": "none", "lifetime_depression": 0, "country": "United Kingdom",
    }  # fmt: skip
    eta = 1.155 - 0.3 - 0.212 - 1.5 - 3.025
    assert predictd(pl.DataFrame([healthy]))[0] == pytest.approx(1 / (1 + math.exp(-eta)))


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ({"education": "primary"}, 0.409 - 0.089), ({"education": "trade"}, 0.566 - 0.089),
        ({"discrimination": "several areas"}, 0.736 - 0.161), ({"country": "Slovenia"}, -0.729 - 0.23),
        ({"country": "Estonia"}, -0.467 - 0.23), ({"country": "Netherlands"}, -0.115 - 0.23),
        ({"country": "Portugal"}, -0.169 - 0.23), ({"male": 1}, -0.212), ({"age": 41}, -0.005),
    ],
)  # fmt: skip
def test_every_coefficient_of_predictd(change, by):
    p, q = predictd(pl.DataFrame([PERSON, PERSON | change], strict=False))
    assert math.log(q / (1 - q)) - math.log(p / (1 - p)) == pytest.approx(by)


def test_what_predictd_refuses():
    frame = pl.DataFrame([PERSON])
    assert np.isnan(predictd(frame.with_columns(age=pl.lit(None, dtype=pl.Int64))))[0]
    assert np.isnan(predictd(frame.with_columns(country=pl.lit(None, dtype=pl.String))))[0]
    with pytest.raises(PrimumError, match="needs age"):
        predictd(frame.drop("age"))
    with pytest.raises(PrimumError, match="knows no 'Chile' of 'country'"):
        predictd(frame.with_columns(country=pl.lit("Chile")))
    with pytest.raises(PrimumError, match="'sf12_mental' goes from"):
        predictd(frame.with_columns(sf12_mental=pl.lit(-1.2)))
    with pytest.raises(PrimumError, match="'male' has values other than 0 and 1"):
        predictd(frame.with_columns(male=pl.lit(2)))
    with pytest.raises(PrimumError, match="no numbers"):
        predictd(frame.with_columns(age=pl.lit("forty")))


def test_ckd_epi_2021_by_hand():
    """A woman of 55 with .9 mg/dL: 142 · (.9/.7)^−1.2 · .9938^55 · 1.012 = 75.5."""
    woman = 142 * (0.9 / 0.7) ** -1.2 * 0.9938**55 * 1.012
    assert woman == pytest.approx(75.5, abs=0.05)
    man = 142 * (0.8 / 0.9) ** -0.302 * 0.9938**30
    assert man == pytest.approx(122.1, abs=0.05)
    np.testing.assert_allclose(ckd_epi([0.9, 0.8], [55, 30], [1, 0]), [woman, man])


def test_ckd_epi_2009_by_hand():
    """A man of 50 with 1.0 mg/dL: 141 · (1/.9)^−1.209 · .993^50 = 87.4, and × 1.159 with the race coefficient."""
    plain = 141 * (1 / 0.9) ** -1.209 * 0.993**50
    assert plain == pytest.approx(87.4, abs=0.05)
    assert ckd_epi(1.0, 50, 0, year=2009) == pytest.approx(plain)
    assert ckd_epi(1.0, 50, 0, black=1, year=2009) == pytest.approx(plain * 1.159)
    assert ckd_epi(1.0, 50, 0, black=0, year=2009) == pytest.approx(plain)
    woman = 141 * (0.6 / 0.7) ** -0.329 * 0.993**35 * 1.018
    assert ckd_epi(0.6, 35, 1, year=2009) == pytest.approx(woman)


def test_dropping_the_race_coefficient_lowers_the_mean_and_makes_more_disease():
    """The published direction, on made-up people: of the ratio 88.1/102.8 the coefficient alone gives 1/1.159."""
    rng = np.random.default_rng(0)
    scr, age, female = rng.lognormal(0.0, 0.3, 5000), rng.uniform(20, 85, 5000), rng.integers(0, 2, 5000)
    before = ckd_epi(scr, age, female, black=np.ones(5000), year=2009)
    after = ckd_epi(scr, age, female, year=2009)
    assert after.mean() / before.mean() == pytest.approx(1 / 1.159)
    assert (after < 60).mean() > (before < 60).mean()
    for row in worked("ckd_epi")["expected"]:
        assert row["egfr_after"] / row["egfr_before"] == pytest.approx(1 / 1.159, abs=0.01)
        assert row["ckd_after"] > row["ckd_before"]


def test_what_ckd_epi_refuses():
    assert np.isnan(ckd_epi([np.nan, 1.0, 1.0], [50, np.nan, 50], [1, 1, np.nan])).all()
    with pytest.raises(PrimumError, match="divide micromol/L by"):
        ckd_epi(80, 50, 1)
    with pytest.raises(PrimumError, match="no race coefficient"):
        ckd_epi(1, 50, 1, black=1)
    with pytest.raises(PrimumError, match="no CKD-EPI equation '2012'"):
        ckd_epi(1, 50, 1, year=2012)
    with pytest.raises(PrimumError, match="younger than 18"):
        ckd_epi(1, 12, 1)
    with pytest.raises(PrimumError, match="'female' has values"):
        ckd_epi(1, 50, 2)
    with pytest.raises(PrimumError, match="no worked prior 'framingham'"):
        worked("framingham")


def test_every_number_says_where_it_is_from():
    told = worked("predictd")
    assert told["status"] == "checked"
    assert "King" in told["source"]
    for year in worked("ckd_epi")["years"].values():
        assert year["source"]
        assert year["status"] in {"checked", "from memory, unconfirmed"}
