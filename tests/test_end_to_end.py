"""Real data, end to end: the survey, SUPPORT's own predictions, COMPAS and the decision-curve example."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from primum.audit import audit
from primum.execute.run import Run
from primum.finding import Finding, Verdict
from primum.usecase import UseCase
from primum.usecase_file import load

NEVER = re.compile(r"\b(un)?fair(ness|ly)?\b|\bunbiased\b|\bcompliant\b", re.IGNORECASE)


def value(run: Run, metric: str, group: str = "everyone", attribute: str = "overall", model: str | None = None) -> Any:
    rows = [*run.chapters["performance"]["estimates"], *run.chapters.get("groups", {}).get("estimates", [])]
    name = model or run.usecase.primary.name
    key = (name, metric, attribute, group)
    return next(r for r in rows if (r["model"], r["metric"], r["attribute"], r["group"]) == key)


def found(run: Run, group: str, metric: str, model: str | None = None) -> Finding:
    name = model or run.usecase.primary.name
    return next(
        f for f in run.findings if (f.check, f.model, f.group, f.metric) == ("PRM-G01", name, group, metric)
    )  # fmt: skip


def test_depression_the_boosted_model_is_as_good_as_it_was(depression_run):
    assert [m["name"] for m in depression_run.chapters["models"]["models"]] == ["boosting", "logistic", "ebm"]
    assert 0.80 <= value(depression_run, "auroc")["value"] <= 0.83
    assert 0.77 <= value(depression_run, "auroc", "Female", "sex")["value"] <= 0.82
    assert 0.82 <= value(depression_run, "auroc", "Male", "sex")["value"] <= 0.85
    assert 0.9 <= value(depression_run, "oe_ratio")["value"] <= 1.1


def test_depression_asian_adults_are_missed_most_and_too_few_to_be_sure(depression_run):
    levels = ["White", "Black", "Asian", "Mexican American", "Other Hispanic", "Other or several"]
    for model in depression_run.tallies:
        shares = {e: value(depression_run, "sensitivity", e, "ethnicity", model)["value"] for e in levels}
        assert min(shares, key=shares.__getitem__) == "Asian"
        assert value(depression_run, "sensitivity", "Asian", "ethnicity", model)["events"] == 26
        finding = found(depression_run, "Asian", "sensitivity", model)
        assert finding.verdict in {Verdict.NOT_ASSESSABLE, Verdict.INCONCLUSIVE}
        assert finding.more_events is not None
        assert finding.more_events > 0
        assert f"{finding.more_events:,} more cases" in finding.words


def test_depression_nothing_is_called_what_it_cannot_be(depression_run):
    for finding in depression_run.findings:
        assert not NEVER.search(f"{finding.title} {finding.words} {finding.reason}"), finding.words
    page = depression_run.report(pdf=False, figures=False).read_text()
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    # what people answered when asked about their health, and names in the texts of others
    health = re.compile(r"\bFair\b(?= or\b|,| *\n)|non-discrimination and fairness|\bFairness [123]\b")
    said = [text[max(0, m.start() - 60) : m.end() + 60] for m in NEVER.finditer(health.sub("", text))]
    assert said == []
    assert "Asian" in text


def test_depression_the_people_are_described(depression_run):
    people = depression_run.chapters["people"]
    flow = people["flow"]
    assert flow[-1]["n"] == people["n"] > 5000
    assert all(a["n"] - b["removed"] == b["n"] for a, b in pairwise(flow))
    table = people["table_one"]
    assert table["columns"][0] == {
        "attribute": "overall",
        "level": "everyone",
        "n": people["n"],
        "events": people["events"],
    }
    assert {r["variable"] for r in table["rows"]} >= set(depression_run.usecase.features)
    assert all(len(r["cells"]) == len(table["columns"]) for r in table["rows"])
    assert people["missingness"]
    assert people["unrecorded"]["sex"]["Female"]["unknown_outcome"] > 0


def test_depression_the_folder_is_small_and_quick_enough(depression_run):
    assert depression_run.manifest["status"] == "finished"
    assert not depression_run.work.exists()
    assert sum(p.stat().st_size for p in depression_run.path.rglob("*") if p.is_file()) < 30e6
    loaded = Run.load(depression_run.path)
    assert [f.row() for f in loaded.findings] == [f.row() for f in depression_run.findings]


def test_depression_every_tally_adds_up(depression_run):
    n = depression_run.chapters["people"]["n"]
    for name, tally in depression_run.tallies.items():
        assert int(tally.n.sum()) == n
        told = next(m for m in depression_run.chapters["models"]["models"] if m["name"] == name)
        assert told["auroc_bracket"] <= 1e-4


def test_diabetes_of_black_and_asian_adults_is_missed_twice_as_often(tmp_path):
    case = load("nhanes-diabetes")
    asked = {"recording": None, "missing": None, "discrimination": None}  # they would need a model
    case = case.model_copy(update={"chapters": ["people", "record"], **asked})
    run = audit(case, out=tmp_path / "run")
    rows = {r["group"]: (r["missed"], r["n_truth"]) for r in run.chapters["record"]["rows"]}
    assert run.tallies == {}
    assert rows["everyone"] == (191, 746)
    assert (rows["White"], rows["Black"], rows["Asian"]) == ((32, 214), (61, 191), (37, 110))  # .15, .32, .34
    asian = next(f for f in run.findings if (f.check, f.group) == ("PRM-R01", "Asian"))
    assert asian.verdict in {Verdict.HARM, Verdict.INCONCLUSIVE}
    assert asian.estimate.value > asian.margin


COMPAS = {
    "African-American": (805, 1795, 532, 1901), "Caucasian": (349, 1488, 461, 966), "Hispanic": (87, 405, 129, 232),
    "Other": (36, 244, 90, 133), "Asian": (2, 23, 3, 9), "Native American": (3, 8, 1, 10),
}  # fmt: skip


def test_compas_deciles_give_the_published_rates(data_dir, tmp_path):
    case = UseCase.model_validate(
        {
            "name": "compas", "title": "t", "question": "q", "intended_use": "u", "population": "p",
            "data": {"path": str(data_dir / "compas" / "compas_two_years.csv.gz")},
            "outcome": {"name": "arrest", "when": [{"column": "two_year_recid", "equals": 1}], "recorded_by": "courts"},
            "groups": [{"column": "race", "reference": "Caucasian"}],
            "decision": {"act": "a", "threshold": 5}, "margins": {"fpr": 0.05, "fnr": 0.05},
            "models": [{"name": "decile", "score": "decile_score", "scale": "points", "range": [1, 10]}],
        }
    )  # fmt: skip
    run = audit(case, out=tmp_path / "run")
    for group, (fp, negatives, fn, positives) in COMPAS.items():
        fpr, fnr = (value(run, m, group, "race") for m in ("fpr", "fnr"))
        assert (fpr["value"], fpr["nonevents"]) == (pytest.approx(fp / negatives), negatives)
        assert (fnr["value"], fnr["events"]) == (pytest.approx(fn / positives), positives)
    black = value(run, "fpr", "African-American", "race")
    assert (black["low"], black["high"]) == (pytest.approx(0.4256, abs=5e-5), pytest.approx(0.4716, abs=5e-5))
    assert value(run, "accuracy")["value"] == pytest.approx(0.6537, abs=5e-5)
    assert value(run, "auroc")["value"] == pytest.approx(0.7022, abs=5e-5)
    assert value(run, "auroc", "African-American", "race")["value"] == pytest.approx(0.6918, abs=5e-5)
    assert found(run, "African-American", "fpr").verdict is Verdict.HARM
    assert found(run, "African-American", "fpr").estimate.value == pytest.approx(0.213925, abs=1e-6)
    assert found(run, "African-American", "fnr").verdict is Verdict.NO_HARM
    assert found(run, "Native American", "fnr").verdict in {Verdict.NOT_ASSESSABLE, Verdict.INCONCLUSIVE}


NET_BENEFIT = {0.05: 0.105544, 0.10: 0.087407, 0.15: 0.079216, 0.20: 0.067333, 0.25: 0.064000, 0.35: 0.050154}


def test_the_decision_curve_example_gives_the_published_net_benefits(data_dir, tmp_path):
    case = tmp_path / "dca.yaml"
    case.write_text(
        f"""
name: dca
title: Cancer risk
question: Whom does the score find?
intended_use: an example
data: {{path: {json.dumps(str(data_dir / "dca" / "dca.csv"))}}}
population: simulated patients
outcome:
  name: cancer
  when: [{{column: cancer, equals: 1}}]
  recorded_by: a simulation
groups:
  - {{name: risk group, column: risk_group, reference: low}}
  - {{name: age, column: age, bins: [60, 70]}}
decision: {{act: biopsy, threshold: 0.1, other_thresholds: [0.05, 0.15, 0.2, 0.25, 0.35]}}
models: [{{name: marker, score: cancerpredmarker}}]
""",
        encoding="utf-8",
    )
    run = audit(case, out=tmp_path / "run")
    curve = {c["t"]: c for c in run.chapters["performance"]["decision_curve"]["marker"]}
    for at, expected in NET_BENEFIT.items():
        if at in curve:
            assert curve[at]["model"] == pytest.approx(expected, abs=1e-6)
        got = run.tallies["marker"].measure(["net_benefit"], by=[], at=at)["value"][0]
        assert got == pytest.approx(expected, abs=1e-6)
    assert value(run, "auroc")["value"] == pytest.approx(0.8606, abs=5e-5)
    young = found(run, "<60", "sensitivity")
    assert (young.verdict, young.estimate.ok) == (Verdict.NOT_ASSESSABLE, False)


def primum(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "primum", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_support_three_lines_edited_and_nothing_trained(data_dir, tmp_path):
    drafted = primum("init", data_dir / "support2")
    assert drafted.returncode == 0, drafted.stderr
    edits = {
        "population:": "population: Seriously ill adults in five US hospitals, 1989-1994",
        "  recorded_by:": "  recorded_by: the hospitals and the national death index",
        "  threshold:": "  threshold: 0.5",
    }
    lines = drafted.stdout.splitlines()
    changed = [next((new for start, new in edits.items() if line.startswith(start)), line) for line in lines]
    assert sum(a != b for a, b in zip(lines, changed, strict=True)) == 3
    case = tmp_path / "support.yaml"
    case.write_text("\n".join(changed), encoding="utf-8")
    done = primum("audit", case, "--out", tmp_path / "run", "--no-pdf")
    assert done.returncode == 0, done.stderr
    assert "report:" in done.stdout
    run = Run.load(tmp_path / "run")
    assert [(m["name"], m["kind"]) for m in run.chapters["models"]["models"]] == [
        ("surv2m", "score column"), ("prg2m", "score column"),
    ]  # fmt: skip
    for model, auroc, people, deaths in (("surv2m", 0.813, 9104, 3158), ("prg2m", 0.804, 7456, 2538)):
        row = value(run, "auroc", model=model)
        assert row["value"] == pytest.approx(auroc, abs=5e-4)
        assert (row["n"], row["events"]) == (people, deaths)
    asian = value(run, "auroc", "asian", next(g.title for g in run.usecase.groups if g.column == "race"), "surv2m")
    assert asian["value"] == pytest.approx(0.845, abs=5e-4)
    unscored = next(m for m in run.chapters["models"]["models"] if m["name"] == "prg2m")["not_scored"]["sex"]
    assert sum(unscored.values()) == 9105 - 7456
    assert run.chapters["people"]["n"] == 9105
    assert (tmp_path / "run" / "report.html").stat().st_size < 3e6


def test_support_by_hand_matches_the_rows(data_dir, tmp_path):
    question = {
        "name": "support", "title": "t", "question": "q", "intended_use": "u", "population": "p",
        "data": {"path": str(data_dir / "support2")},
        "outcome": {
            "name": "death within 60 days", "recorded_by": "the study",
            "when": [{"column": "death", "equals": 1}, {"column": "d.time", "at_most": 60}],
        },
        "groups": [{"column": "sex"}, {"column": "race", "reference": "white"}],
        "decision": {"act": "talk about goals of care", "threshold": 0.4},
        "models": [{"name": "physicians", "score": "prg2m", "higher_means": "less risk", "missing_scores": "exclude"}],
    }  # fmt: skip
    case = tmp_path / "case.yaml"
    case.write_text(yaml.safe_dump(question), encoding="utf-8")
    run = audit(case, out=tmp_path / "run")
    raw = pl.read_csv(data_dir / "support2" / "support2.csv.gz", infer_schema=False)
    number = {c: pl.col(c).str.strip_chars().cast(pl.Float64, strict=False) for c in ("prg2m", "death", "d.time")}
    rows = raw.select("sex", **number).drop_nulls("prg2m")
    dead = rows.filter((pl.col("death") == 1) & (pl.col("d.time") <= 60))
    for sex in ("female", "male"):
        own = dead.filter(pl.col("sex") == sex)
        assert value(run, "sensitivity", sex, "sex")["value"] == pytest.approx((own["prg2m"] <= 0.6).mean())
    assert "(missing)" in {f.group for f in run.findings if f.attribute == "race"}
