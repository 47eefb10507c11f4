"""The chapter on missing values: from what is declared to findings, tables, figures and sentences."""

from __future__ import annotations

import gzip
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from primum.chapters.missing import missing_chapter
from primum.chapters.missing_audit import gap_rows
from primum.chapters.scored import tallied
from primum.check.missing import gap_words
from primum.cohort.read import from_frame
from primum.cohort.select import assemble
from primum.errors import PrimumError
from primum.execute.progress import Silent
from primum.execute.run import Run
from primum.finding import Verdict
from primum.learn.prepare import encode
from primum.measure.missing_selection import without_overlap
from primum.plan import freeze
from primum.report.figures.figure import svg
from primum.report.figures.missing import missing as figures
from primum.report.figures.rows import Source
from primum.report.section import Table
from primum.report.views.missing import lines, section
from primum.usecase import UseCase
from primum.usecase_missing import Missing, missing_slips

STRATEGIES = ["complete case", "simple", "by group", "indicator", "chained", "chained with group and outcome", "native"]


def told(usecase, frame, declared, folder, *, tallies=False, estimators=None):
    """Return run and findings of the chapter alone."""
    cohort = assemble(usecase, from_frame(frame))
    run = Run(path=folder, usecase=usecase, plan=freeze(usecase))
    if tallies:
        run.tallies[usecase.primary.name] = tallied(
            usecase, cohort, usecase.primary, cohort.scores[usecase.primary.name], 0.2
        )
    findings = missing_chapter(
        run, cohort, declared, estimators=estimators or {}, base=None, trust_pickle=False, progress=Silent()
    )
    return run, findings


def gappy(people, n=1500):
    """Return people whose marker is measured less often in men, and more often when they are ill; sex has gaps too."""
    rng = np.random.default_rng([5, n])
    frame = people(n)
    male, ill = (frame["sex"] == "Male").fill_null(value=False).to_numpy(), frame["ill"].to_numpy() == 1
    lost = rng.random(n) < np.where(male, 0.5, 0.3) - 0.25 * ill
    other = pl.Series("other", np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n))).fill_nan(None)
    return frame.with_columns(pl.when(pl.Series(lost)).then(None).otherwise(pl.col("marker")).alias("marker"), other)


@pytest.fixture(scope="module")
def run(tmp_path_factory, small_case, people):
    case = small_case(models=[{"name": "logistic", "train": "logistic"}], features=["age", "marker", "other"])
    declared = Missing(strategies=STRATEGIES, draws=2, by=["sex"], blocks={"both": ["marker", "other"]}, margin=0.01)
    run, findings = told(case, gappy(people), declared, tmp_path_factory.mktemp("missing"))
    run.findings = findings
    return run


def test_the_informative_gap_is_found_and_the_other_is_not(run):
    whole = {r["variable"]: r for r in run.chapters["missing"]["gaps"] if r["attribute"] == "overall"}
    assert whole["marker"]["p_holm"] < 0.001
    assert whole["marker"]["high"] < 0
    assert whole["other"]["p_holm"] > 0.05
    assert "marker" not in {f.group for f in run.findings}
    said = [f.words for f in run.findings if f.check == "PRM-S01"]
    assert any(w.startswith("marker: ") and "less often when it is missing" in w for w in said)
    assert any("The other features do not account for it" in w for w in said)


def test_gaps_tell_outcome_and_sex(run):
    rows = {(r["of"], r["group"]): r for r in run.chapters["missing"]["predicts"]}
    assert rows["the outcome", ""]["low"] > 0.5
    assert rows["sex", "Male"]["low"] > 0.5
    assert rows["region", "North"]["low"] < 0.5 < rows["region", "North"]["high"] + 0.02


def test_who_is_lost_is_counted_by_outcome(run, people):
    frame = gappy(people)
    gone = frame["marker"].is_null() | frame["other"].is_null()
    rows = {(r["attribute"], r["group"], r["outcome"]): r for r in run.chapters["missing"]["complete"]}
    male = frame.with_columns(gone=gone).filter(pl.col("sex") == "Male")
    assert rows["sex", "Male", "all"]["lost"] == male["gone"].sum()
    assert rows["sex", "Male", "with"]["lost"] == male.filter(pl.col("ill") == 1)["gone"].sum()
    assert rows["sex", "Male", "all"]["difference_low"] > 0
    assert any(f.check == "PRM-S03" and f.group == "Male" for f in run.findings)


def test_every_strategy_is_in_one_table_for_every_group(run):
    c = run.chapters["missing"]
    assert not [s for s in c["strategies"] if s["failed"]]
    names = {s["name"] for s in c["strategies"]}
    assert names == {"as it is", *STRATEGIES, "complete case, weighted"}
    for name in names:
        rows = {
            (r["group"], r["metric"]): r for r in c["performance"] if r["model"] == name and r["attribute"] == "sex"
        }
        for group in ("Female", "Male"):
            for metric in ("auroc", "sensitivity", "calibration_slope", "net_benefit"):
                assert rows[group, metric]["low"] <= rows[group, metric]["value"] <= rows[group, metric]["high"]
    pooled = [r for r in c["performance"] if r["model"] == "chained" and r["metric"] == "auroc"]
    assert all("Rubin's rules over 2 draws" in r["method"] or r["status"] != "ok" for r in pooled)
    scored = {s["name"]: s.get("scored") for s in c["strategies"]}
    assert scored["complete case"] < scored["simple"] == 1500


def test_the_weighted_complete_cases_stand_for_everybody(run):
    rows = {
        (r["model"], r["metric"]): r["value"]
        for r in run.chapters["missing"]["performance"]
        if r["group"] == "everyone"
    }
    ratio = {m: rows[m, "oe_ratio"] for m in ("as it is", "complete case", "complete case, weighted")}
    assert abs(ratio["complete case, weighted"] - ratio["as it is"]) < 0.2
    w = run.chapters["missing"]["weights"]
    assert w["effective"] < w["people"] < 1500


def test_the_missing_input_that_matters_costs_most(run):
    rows = {
        r["loss"]: r for r in run.chapters["missing"]["inputs"]
        if r["metric"] == "net_benefit" and r["attribute"] == "overall"
    }  # fmt: skip
    assert set(rows) == {"age", "marker", "other", "both"}
    assert rows["marker"]["high"] < 0
    assert rows["marker"]["value"] < rows["other"]["value"]
    found = {(f.group, f.comparator): f for f in run.findings if f.check == "PRM-S05"}
    assert found["everyone", "with marker"].verdict in {Verdict.HARM, Verdict.INCONCLUSIVE}
    assert found["everyone", "with other"].verdict is Verdict.NO_HARM


def test_tipping_points_follow_from_the_shifts(run):
    c = run.chapters["missing"]
    assert c["shifted_with"] == "chained"
    for t in c["tipping"]:
        own = {
            r["shift"]: r["verdict"] for r in c["shifts"]
            if (r["column"], r["attribute"], r["group"]) == (t["column"], t["attribute"], t["group"])
        }  # fmt: skip
        assert own[0.0] == t["verdict"]
        ups = [s for s in sorted(own) if s > 0 and own[s] != own[0.0]]
        assert t["up"] == (ups[0] if ups else None)
    male = {r["shift"]: r["value"] for r in c["shifts"] if (r["column"], r["group"]) == ("marker", "Male")}
    assert male[-1.0] < male[0.0] < male[1.0]  # more of the marker, more risk, more of the ill are found


def test_the_page_says_it_in_tables_and_sentences(run):
    page = section(run)
    assert page.title == "What is missing, and for whom"
    captions = [b.grid.caption for b in page.blocks if isinstance(b, Table)]
    assert "Ways of dealing with gaps" in captions
    assert any(c.startswith("Net benefit per 1,000: change without an input") for c in captions)
    for block in page.blocks:
        if isinstance(block, Table):
            for line in block.grid.lines:
                assert line.section or len(line.cells) == len(block.grid.columns) - 1, block.grid.caption
    assert any(line.startswith("marker: ") for line in lines(run))
    assert any(line.startswith("Without marker, ") for line in lines(run))


def test_the_figures_are_drawn(run):
    drawn = figures(Source(run))
    assert [f.name for f in drawn] == ["missing-outcome", "missing-inputs"]
    for figure in drawn:
        assert svg(figure).startswith("<svg")
        assert figure.table


def test_nobody_is_compared_where_nearly_all_unmeasured_are_of_one_group(tmp_path, small_case, people):
    """The marker is not measured in the young, who are rarely ill: what the gap says is what age says."""
    n = 1500
    rng = np.random.default_rng([13, n])
    young, ill = rng.random(n) < 0.3, rng.random(n)
    frame = people(n).with_columns(
        sex=pl.Series(np.where(young, "Female", "Male")), ill=pl.Series((ill < np.where(young, 0.03, 0.3)).astype(int))
    )
    case = small_case(models=[{"name": "logistic", "train": "logistic"}], features=["age", "marker"])

    def row(others):
        lost = (young & (rng.random(n) < 0.9)) | (~young & (rng.random(n) < others))
        gappy = frame.with_columns(marker=pl.when(pl.Series(lost)).then(None).otherwise(pl.col("marker")))
        cohort = assemble(case, from_frame(gappy))
        rows = gap_rows(case, cohort, encode(cohort.features), ["marker"], 0)
        return next(r for r in rows if r["attribute"] == "overall")

    few, many = row(0.01), row(0.3)
    assert few["odds_reason"] == "nearly all unmeasured are Female (sex): too few others to compare"
    assert np.isnan([few["odds_ratio"], few["odds_low"], few["odds_high"]]).all()
    assert few["p_holm"] < 0.001  # the plain difference is there, and no more is told of it
    assert "odds ratio" not in gap_words(few)
    assert many["odds_reason"] == ""
    assert many["odds_low"] < 1 < many["odds_high"]


@pytest.mark.parametrize(
    ("own", "others", "ill", "said"),
    [(270, 8, 8, "a"), (270, 30, 4, "a"), (270, 30, 5, None), (269, 30, 0, None), (1000, 29, 29, "a"), (0, 0, 0, None)],
)
def test_overlap_asks_for_other_people_and_for_some_with_the_outcome(own, others, ill, said):
    gone = np.repeat([True, True, True, False], [own, ill, others - ill, 50])
    y = np.repeat([0, 1, 0, 1], [own, ill, others - ill, 50])
    labels = np.repeat(["a", "b", "c", "a"], [own, ill, others - ill, 50])
    assert without_overlap(gone, y, labels) == said


def test_nothing_is_told_without_the_chapter():
    empty = SimpleNamespace(chapters={}, usecase=None)
    assert section(empty) is None
    assert lines(empty) == []


def test_the_same_twice(tmp_path, small_case, people):
    case = small_case(models=[{"name": "logistic", "train": "logistic"}], features=["age", "marker", "other"])
    declared = Missing(strategies=["chained"], draws=2, shifts=[1.0])
    one, two = (told(case, gappy(people, 400), declared, tmp_path / k)[0].chapters["missing"] for k in "ab")
    assert one == two


def test_a_score_brought_along_has_an_audit_bounds_and_no_stress(tmp_path, small_case, people):
    run, findings = told(small_case(), gappy(people, 900), Missing(), tmp_path, tallies=True)
    c = run.chapters["missing"]
    assert "brought along" in c["inputs_why"]
    assert not c.get("strategies")
    rows = [r for r in c["bounds"] if r["metric"] == "sensitivity" and r["attribute"] == "sex"]
    assert {r["group"] for r in rows} == {"Female", "Male"}
    for r in rows:
        assert r["outer_low"] <= r["low"] <= r["known"] <= r["high"] <= r["outer_high"]
    (unknown,) = [f for f in findings if f.check == "PRM-S02"]
    assert "sex is not recorded for 22 of 900" in unknown.words
    assert section(run) is not None


def test_a_model_brought_along_is_stressed_and_its_failures_are_told(tmp_path, small_case, people):
    class Fussy:
        classes_ = np.array([0, 1])

        def predict_proba(self, frame):
            x = np.asarray(frame, dtype=float)
            if np.isnan(x[:, 0]).all():
                raise ValueError("Input X contains NaN")
            p = 1 / (1 + np.exp(2.5 - 0.03 * (x[:, 0] - 50) - 0.9 * np.nan_to_num(x[:, 1])))
            return np.column_stack([1 - p, p])

    case = small_case(models=[{"name": "mine", "file": "mine.skops"}])
    run, findings = told(case, gappy(people, 900), Missing(), tmp_path, estimators={"mine": Fussy()})
    c = run.chapters["missing"]
    assert {r["loss"] for r in c["inputs"]} == {"marker"}
    assert [r["loss"] for r in c["inputs_failed"]] == ["age"]
    assert any(f.verdict is Verdict.NOT_ASSESSABLE and "Without age" in f.words for f in findings)


def test_a_strategy_that_cannot_be_fitted_is_told_and_the_others_go_on(tmp_path, small_case, people):
    frame = gappy(people, 900).with_columns(
        pl.when(pl.col("sex") == "Male").then(None).otherwise(pl.col("other")).alias("other")
    )
    case = small_case(models=[{"name": "logistic", "train": "logistic"}], features=["age", "marker", "other"])
    run, findings = told(case, frame, Missing(strategies=["by group", "simple"], by=["sex"]), tmp_path)
    by = {s["name"]: s["failed"] for s in run.chapters["missing"]["strategies"]}
    assert "Nobody of the group 'Male' among those who train has other" in by["by group"]
    assert not by["simple"]
    assert any(f.check == "PRM-S04" and f.verdict is Verdict.NOT_APPLICABLE for f in findings)


def test_small_cells_are_shown_as_few(tmp_path, small_case, people):
    frame = people(400).with_columns(
        pl.when((pl.col("region") == "East") & (pl.int_range(pl.len()) < 40)).then(None).otherwise(pl.col("marker"))
        .alias("marker")
    )  # fmt: skip
    run, _ = told(small_case(), frame, Missing(few=10), tmp_path)
    row = next(r for r in run.chapters["missing"]["gaps"] if (r["variable"], r["group"]) == ("marker", "East"))
    assert row["few"]
    assert row["missing"] is row["missing_events"] is row["difference"] is None
    text = str(section(run))
    assert "few" in text


def test_weights_families_and_a_capacity_are_taken_along(tmp_path, small_case, people):
    case = small_case(
        weight="weight", identifiers={"person": "id", "family": "house", "repeated_visits": False},
        decision={"act": "call", "capacity": 0.15}, models=[{"name": "trees", "train": "boosting"}],
        features=["age", "marker", "other"],
    )  # fmt: skip
    frame = gappy(people, 700).with_columns(house=np.arange(700) // 2)
    run, _ = told(case, frame, Missing(strategies=["complete case", "native"]), tmp_path)
    c = run.chapters["missing"]
    assert c["linked"]
    assert c["weighted"]
    assert not [s for s in c["strategies"] if s["failed"]]
    rows = {r["metric"]: r for r in c["performance"] if (r["model"], r["group"]) == ("native", "everyone")}
    assert "cluster-robust" in rows["sensitivity"]["method"]
    assert "These intervals count people as independent" in str(section(run))


def test_no_gaps_and_no_features_are_no_obstacle(tmp_path, small_case, people):
    case = small_case(models=[{"name": "logistic", "train": "logistic"}])
    run, findings = told(case, people(500), Missing(strategies=["complete case", "simple"]), tmp_path / "a")
    assert {f.check for f in findings} <= {"PRM-S02", "PRM-S04", "PRM-S05"}
    assert run.chapters["missing"]["weights"]["effective"] == 500
    assert section(run) is not None
    run, _ = told(small_case(features=[]), people(500), Missing(), tmp_path / "b")
    assert "nothing to look for gaps in" in run.chapters["missing"]["inputs_why"]
    assert section(run) is not None


def question_with(**changes):
    """Return what is wrong with a use case whose `missing` has these parts."""
    from primum.usecase_data import Outcome

    outcome = Outcome.model_validate(
        {"name": "illness", "when": [{"column": "ill", "equals": 1}], "recorded_by": "a generator"}
    )
    info = {"features": ["age", "marker"], "outcome": outcome,
            "groups": [SimpleNamespace(title="sex", intersection=None)],
            "models": [SimpleNamespace(name="score", scale=changes.pop("scale", "probability"))]}  # fmt: skip
    info |= changes.pop("info", {})
    return [s.words for s in missing_slips(info, Missing(**changes))]


def test_imputing_the_outcome_is_refused():
    assert "an outcome is not imputed" in question_with(columns=["ill"])[0]
    assert "an outcome is not imputed" in question_with(blocks={"all": ["age", "ill"]})[0]


def test_mistakes_in_the_declaration_are_told():
    with pytest.raises(ValidationError, match="1 is no number of draws from 2 to 100"):
        Missing(strategies=["chained"], draws=1)
    with pytest.raises(ValidationError, match="'by group' tells groups apart: say which under 'by'"):
        Missing(strategies=["by group"])
    with pytest.raises(ValidationError, match="complete case"):
        Missing(strategies=["hot deck"])
    with pytest.raises(ValidationError, match="a shift of 0 standard deviations"):
        Missing(shifts=[0.0])
    assert question_with(columns=["agee"]) == ["'agee' is no feature of the models"]
    assert question_with(strategies=["by group"], by=["race"]) == ["there are no groups 'race'; there are sex"]
    assert "name features" in question_with(strategies=["simple"], info={"features": []})[0]
    assert "cannot be compared at it" in question_with(strategies=["simple"], scale="points")[0]
    assert question_with(strategies=["simple"], columns=["age"]) == []


def test_too_few_people_are_told(tmp_path, small_case, people):
    case = small_case(models=[{"name": "logistic", "train": "logistic"}])
    with pytest.raises(PrimumError, match="too few for 3 folds"):
        told(case, people(40, seed=3), Missing(strategies=["simple"]), tmp_path)


SUPPORT = ["age", "meanbp", "crea", "alb", "bili", "pafi", "glucose", "bun", "urine", "sod", "temp"]


def support2(data_dir):
    """Return seriously ill adults as a frame of numbers and words."""
    with gzip.open(data_dir / "support2" / "support2.csv.gz") as file:
        raw = pl.read_csv(file.read(), infer_schema=False)
    number = [pl.col(c).str.strip_chars().replace("", None).cast(pl.Float64) for c in [*SUPPORT, "surv2m", "hospdead"]]
    words = [pl.col(c).str.strip_chars().replace("", None) for c in ("race", "income", "sex", "dzclass")]
    return raw.select(*number, *words).with_columns(risk=1 - pl.col("surv2m")).drop_nulls("risk")


def test_informative_missingness_on_support2_by_race_and_income(data_dir, tmp_path):
    """Checked by hand on the file: death in hospital by whether bilirubin, albumin, … were measured."""
    frame = support2(data_dir)
    case = UseCase.model_validate(
        {
            "name": "support", "title": "Death in hospital", "question": "Who dies?", "intended_use": "tests",
            "population": "seriously ill adults", "features": [*SUPPORT, "dzclass"],
            "outcome": {"name": "death in hospital", "when": [{"column": "hospdead", "equals": 1}],
                        "recorded_by": "the hospital"},
            "groups": [{"column": "race"}, {"column": "income"}, {"column": "sex"}],
            "decision": {"act": "call", "threshold": 0.3}, "models": [{"name": "support", "score": "risk"}],
        }
    )  # fmt: skip
    run, findings = told(case, frame, Missing(), tmp_path)
    rows = {(r["variable"], r["attribute"], r["group"]): r for r in run.chapters["missing"]["gaps"]}
    for column in ("alb", "bili", "pafi"):
        gone, dead = frame[column].is_null(), frame["hospdead"] == 1
        row = rows[column, "overall", "everyone"]
        assert row["missing_rate"] == pytest.approx(float((dead & gone).sum() / gone.sum()))
        assert row["measured_rate"] == pytest.approx(float((dead & ~gone).sum() / (~gone).sum()))
    said = {f.words.split(":")[0].split(" among ")[0] for f in findings if f.check == "PRM-S01"}
    assert "pafi" in said
    assert rows["pafi", "overall", "everyone"]["high"] < 0
    white, black = (rows["pafi", "race", g] for g in ("white", "black"))
    assert white["high"] < 0
    assert black["n"] == 1391
    assert rows["pafi", "income", "(missing)"]["n"] > 2900
    income = next(r for r in run.chapters["missing"]["membership"] if r["attribute"] == "income")
    assert income["low"] > 0  # those of unknown income die more often
    explained = [f.words for f in findings if f.check == "PRM-S01" and f.attribute == "overall"]
    assert all("among people alike in them the odds ratio is" in w for w in explained)
    assert any(w.startswith("pafi") and "account for most of it" in w for w in explained)
