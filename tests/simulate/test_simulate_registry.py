"""The simulated depression registry: what was published holds in it, and the truth hangs together."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.errors import PrimumError
from primum.simulate.chances import logistic, mean_logits, solve
from primum.simulate.parameters_file import changed
from primum.simulate.published import compare
from primum.simulate.registry import BLOCK, pieces, population, write

N = 400_000


@pytest.fixture(scope="module")
def people():
    return population(n=N, seed=11)


@pytest.fixture(scope="module")
def table(people):
    return {row["quantity"]: row for row in compare(people).iter_rows(named=True)}


# Tolerances: four standard errors of the simulated number, and 2 % for the sample that was solved on.
SHARES = [
    ("point prevalence of depression", 0.059), ("sought help, of the depressed", 0.85),
    ("prescription, of the depressed", 0.513), ("prescription, of the severely depressed", 0.634),
    ("depressed, of those with a prescription", 0.754), ("diagnosis, of the depressed", 0.145),
    ("diagnosis, of the severely depressed", 0.228), ("depressed, of those with a diagnosis", 0.754),
    ("depressed, of those with a mild diagnosis", 0.652), ("depressed, of those with a moderate diagnosis", 0.760),
    ("depressed, of those with a severe diagnosis", 0.828), ("answer_in_tears, share of depressed women", 0.826),
    ("answer_in_tears, share of depressed men", 0.440),
]  # fmt: skip


@pytest.mark.parametrize(("what", "published"), SHARES)
def test_published_shares_hold(table, what, published):
    row = table[what]
    assert row["published"] == published
    assert row["made_from"]
    error = np.sqrt(published * (1 - published) / row["people"])
    assert row["simulated"] == pytest.approx(published, abs=4 * error + 0.02 * published)


@pytest.mark.parametrize(
    ("what", "published", "tolerance"),
    [
        ("prevalence, women to men", 1.09, 0.04),
        ("prescription of the depressed, women to men", 1.375, 0.06),
        ("diagnosis of the depressed, women to men", 1.375, 0.15),
        ("deaths of the depressed to others, by age and sex", 2.07, 0.18),
        ("answer_risk_taking, men minus women of the depressed in standard deviations", 0.58, 0.06),
        ("answer_alcohol, men minus women of the depressed in standard deviations", 0.26, 0.06),
        ("answer_low_mood, men minus women of the depressed in standard deviations", -0.20, 0.06),
        ("answer_appetite, men minus women of the depressed in standard deviations", -0.20, 0.06),
        ("answer_sleep, men minus women of the depressed in standard deviations", -0.11, 0.06),
    ],
)
def test_published_ratios_and_effect_sizes_hold(table, what, published, tolerance):
    assert table[what]["published"] == published
    assert table[what]["simulated"] == pytest.approx(published, abs=tolerance)


def test_numbers_it_was_not_made_from_agree(table):
    ratio = table["diagnosis in the population, women to men"]
    assert not ratio["made_from"]
    assert ratio["simulated"] == pytest.approx(1.47, abs=0.12)
    # Inside the published intervals of the PHQ-9 at 10.
    assert 0.83 < table["answers of 10 or more, of the depressed"]["simulated"] < 0.92
    assert 0.82 < table["answers below 10, of the others"]["simulated"] < 0.88


def test_comparison_says_how_sure_each_number_is(table):
    assert {row["status"] for row in table.values()} <= {"checked", "from memory, unconfirmed", "assumed"}
    with pytest.raises(PrimumError, match="has no sex, age"):
        compare(pl.DataFrame({"x": [1]}))


def test_comparison_of_a_few_people_has_no_zero_over_zero():
    rows = {row["quantity"]: row for row in compare(population(n=3, seed=1)).iter_rows(named=True)}
    assert np.isnan(rows["diagnosis, of the depressed"]["simulated"])
    assert rows["diagnosis, of the depressed"]["people"] == 0
    assert np.isnan(rows["deaths of the depressed to others, by age and sex"]["simulated"])


def test_recognition_at_one_consultation(people):
    """Of those seen once, .501 are recognised (.338 of the mild), as solved for."""
    once = people.filter((pl.col("true_depressed") == 1) & (pl.col("true_consultations") == 1))
    assert once.height > 1000
    assert once["true_recognised"].mean() == pytest.approx(0.501, abs=0.05)
    mild = once.filter(pl.col("true_severity") == "mild")
    assert mild["true_recognised"].mean() == pytest.approx(0.338, abs=0.06)


def test_truth_hangs_together(people):
    ill = pl.col("true_depressed") == 1
    bad = people.select(
        severity=((pl.col("true_severity") == "none") == ill).sum(),
        sought=((pl.col("true_sought_help") == 1) & ~ill).sum(),
        seen=((pl.col("true_sought_help") == 1) != (pl.col("true_consultations") > 0)).sum(),
        recognised=((pl.col("true_recognised") == 1) & (pl.col("true_sought_help") == 0)).sum(),
        unrecognised=(ill & (pl.col("registered") == 1) & (pl.col("true_recognised") == 0)).sum(),
        either=(pl.max_horizontal("registered_diagnosis", "registered_prescription") != pl.col("registered")).sum(),
        grade=(pl.col("registered_grade").is_not_null() != (pl.col("registered_diagnosis") == 1)).sum(),
        when=(pl.col("registered_after").is_not_null() != (pl.col("registered") == 1)).sum(),
        late=(pl.col("registered_after") > pl.col("followup_years") + 1e-4).sum(),
        total=(pl.sum_horizontal(pl.col("^answer_.*$").exclude("answer_total", "answer_in_tears", "answer_risk_taking",
               "answer_alcohol", "answer_irritability")) != pl.col("answer_total")).sum(),
        end=((pl.col("exit") == "end of follow-up") != (pl.col("followup_years") == 5)).sum(),
    )  # fmt: skip
    assert bad.row(0) == (0,) * bad.width
    assert (
        people.select(pl.all().exclude("registered_grade", "registered_after").null_count().sum()).sum_horizontal()[0]
        == 0
    )
    assert people["age"].is_between(18, 99).all()
    assert people["true_severity"].dtype == pl.Enum(["none", "mild", "moderate", "severe"])


def test_true_risk_is_calibrated(people):
    deciles = people.with_columns((pl.col("true_risk").rank("ordinal") * 10 // (N + 1)).alias("tenth"))
    for _, n, risk, ill in deciles.group_by("tenth").agg(
        pl.len(), pl.col("true_risk").mean(), pl.col("true_depressed").mean()
    ).iter_rows():  # fmt: skip
        assert ill == pytest.approx(risk, abs=4.5 * np.sqrt(risk * (1 - risk) / n))


def test_families_and_municipalities_share(people):
    """Two members of a family are both ill more often than strangers of like age, sex and municipality would be."""
    two = people.filter(pl.len().over("family") >= 2).filter(pl.int_range(pl.len()).over("family") < 2)
    pairs = two.group_by("family", maintain_order=True).agg(pl.col("true_depressed").sum().alias("ill"))
    p = two["true_depressed"].mean()
    assert (pairs["ill"] == 2).mean() > 1.3 * p**2
    alike = two.filter(pl.col("age").is_between(40, 60)).filter(pl.len().over("family") == 2)  # so age explains little
    known = alike.group_by("family").agg(pl.col("earlier_contact").sum())["earlier_contact"]
    assert (known == 2).mean() > 1.12 * alike["earlier_contact"].mean() ** 2
    by_place = people.filter(pl.col("true_depressed") == 1).group_by("municipality").agg(
        pl.len(), pl.col("true_recognised").mean().alias("share")
    )  # fmt: skip
    expected = 0.7 * 0.3 * (1 / by_place["len"]).mean()
    assert by_place["share"].var() > 1.2 * expected
    assert people["municipality"].n_unique() == 98


def test_diagnoses_rise_with_calendar_time(people):
    """The log odds of a diagnosis of the recognised rise by .0526 a year."""
    known = people.filter(pl.col("true_recognised") == 1)
    by_year = (
        known.group_by("entry_year").agg(pl.col("registered_diagnosis").mean().alias("p"), pl.len()).sort("entry_year")
    )
    p = by_year["p"].to_numpy()
    slope, _ = np.polyfit(by_year["entry_year"].to_numpy(), np.log(p / (1 - p)), 1)
    assert slope == pytest.approx(0.0526, abs=0.027)  # four standard errors
    assert by_year["entry_year"].to_list() == list(range(2008, 2018))


def test_deaths_and_emigration(people):
    share = {e: n / N for e, n in people["exit"].value_counts().iter_rows()}
    assert 0.03 < share["died"] < 0.12
    young = people.filter(pl.col("age") < 40)
    lost = (young["exit"] == "emigrated").sum() / young["followup_years"].sum()
    assert lost == pytest.approx(0.006, abs=0.0005)


def test_sexes_recorded_alike_if_asked_for():
    alike = changed("denmark", {"prescription.sex_ratio": 1.0, "diagnosis.sex_ratio": 1.0})
    ill = population(alike, n=200_000, seed=3).filter(pl.col("true_depressed") == 1)
    by = dict(ill.group_by("sex").agg(pl.col("registered_prescription").mean()).iter_rows())
    assert by["female"] / by["male"] == pytest.approx(1.0, abs=0.06)


def test_same_seed_same_people_whatever_the_size():
    small, large = population(n=5_000, seed=4), population(n=BLOCK + 10, seed=4)
    assert large.head(5_000).equals(small)
    assert population(n=5_000, seed=4).equals(small)
    assert not population(n=5_000, seed=5).equals(small)
    assert small["person"].to_list() == list(range(1, 5_001))


def test_pieces_are_the_population():
    whole = population(n=2 * BLOCK + 77, seed=6)
    for piece in (1, BLOCK + 1, 10 * BLOCK):
        parts = list(pieces(n=2 * BLOCK + 77, seed=6, piece=piece))
        assert len(parts) == {1: 3, BLOCK + 1: 2, 10 * BLOCK: 1}[piece]
        assert pl.concat(parts).equals(whole)
        families = [set(part["family"]) for part in parts]
        assert not any(a & b for i, a in enumerate(families) for b in families[:i])


def test_written_as_parquet(tmp_path):
    files = write(tmp_path / "people", BLOCK + 5, seed=7, piece=BLOCK)
    assert [f.name for f in files] == ["people-00000.parquet", "people-00001.parquet"]
    back = pl.scan_parquet(tmp_path / "people" / "*.parquet").collect()
    assert back.equals(population(n=BLOCK + 5, seed=7))
    with pytest.raises(PrimumError, match="is there already and not an empty folder"):
        write(tmp_path / "people", 10)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"n": 0}, "n is 0"), ({"n": 2.5}, "n is 2.5"), ({"n": 10**9}, "n is 1000000000"), ({"n": True}, "n is True"),
        ({"n": 5, "seed": -1}, "seed is -1"), ({"n": 5, "seed": 0.5}, "seed is 0.5"),
    ],
)  # fmt: skip
def test_sizes_and_seeds_are_checked(asked, told):
    with pytest.raises(PrimumError, match=told):
        population(**asked)
    with pytest.raises(PrimumError, match=told):
        list(pieces(**asked))


def test_piece_is_checked():
    with pytest.raises(PrimumError, match="piece is 0"):
        list(pieces(n=5, piece=0))


def test_solving():
    x = solve(np.exp, [2.0, 3.0], [0.0, 0.0], "a test")
    assert np.exp(x) == pytest.approx([2, 3])
    with pytest.raises(PrimumError, match="The numbers of a test cannot all hold: asked for 2, nearest"):
        solve(logistic, [2.0], [0.0], "a test")


def test_intercepts_for_a_mean():
    slopes = np.random.default_rng(1).normal(size=1000)
    assert logistic(mean_logits(0.3, slopes, "x")).mean() == pytest.approx(0.3)
    assert logistic(mean_logits(1.0, slopes, "x")).min() == 1.0
    with pytest.raises(PrimumError, match="not finite"):
        mean_logits(0.3, np.array([np.nan]), "x")
