"""Two hospitals count, a third place audits: the numbers of an audit of all rows, and no rows exchanged."""

from __future__ import annotations

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from primum.audit import audit
from primum.audit_tally import audit_tallies
from primum.cli import app
from primum.errors import PrimumError
from primum.finding import Verdict
from primum.tally.count import count
from primum.tally.score import ScoreTally

runner = CliRunner()


@pytest.fixture
def sites(tmp_path, people, question):
    """Write the use case and the rows of two hospitals; only one of them has people of the East."""
    rows = people(1200)
    here = (pl.col("id") <= 500) & (pl.col("region") != "East")
    rows.filter(here).write_parquet(tmp_path / "a.parquet")
    rows.filter(~here).write_csv(tmp_path / "b.csv")
    shares = [{"column": "region", "reference": "North", "population_shares": {"North": 0.5, "South": 0.5}}]
    asked = question()
    asked["groups"] = [g for g in asked["groups"] if g.get("column") != "region"] + shares
    (tmp_path / "u.yaml").write_text(yaml.safe_dump(asked))
    return tmp_path, rows


def said(*words, code=0):
    result = runner.invoke(app, [str(w) for w in words], env={"COLUMNS": "160"})
    assert result.exit_code == code, result.output
    return result.output


def test_two_hospitals_one_report(sites):
    folder, rows = sites
    for site, data in (("a", "a.parquet"), ("b", "b.csv")):
        said("count", folder / "u.yaml", "--data", folder / data, "--out", folder / f"{site}.tally")
    told = said("merge", folder / "a.tally", folder / "b.tally", "--out", folder / "both.tally")
    assert "1,200 people by sex × age × region" in told
    told = said("audit", folder / "u.yaml", "--tally", folder / "a.tally", "--tally", folder / "b.tally",
                "--out", folder / "run", "--no-pdf")  # fmt: skip
    assert "report.html" in told
    page = (folder / "run" / "report.html").read_text()
    for words in (
        "Missing values are not available from a tally.",
        "no rows were read",
        "cannot be looked for in a tally",
    ):
        assert words in page
    assert "No value of any variable is missing" not in page
    assert "found nothing" not in page
    one = audit_tallies(folder / "u.yaml", [folder / "both.tally"], out=folder / "one")
    both = audit_tallies(folder / "u.yaml", [folder / "a.tally", folder / "b.tally"], out=folder / "two")
    whole = audit(folder / "u.yaml", data=rows, out=folder / "whole")
    for run in (one, both):
        for name in ("performance", "groups"):
            same(run.chapters[name], whole.chapters[name])
        ours, theirs = run.chapters["people"], whole.chapters["people"]
        assert (ours["n"], ours["events"]) == (theirs["n"], theirs["events"])
        assert ours["table_one"]["columns"] == theirs["table_one"]["columns"]
        same(ours["representativeness"], theirs["representativeness"])
        assert [f.verdict for f in run.findings if f.check == "PRM-G01"] == [
            f.verdict for f in whole.findings if f.check == "PRM-G01"
        ]
        leak = next(f for f in run.findings if f.check == "PRM-P01")
        assert leak.verdict is Verdict.NOT_ASSESSABLE


def same(a, b):
    """Check that two chapters are alike; sums may differ in their last digits."""
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for k in a:
            same(a[k], b[k])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, float) and b is not None:
        assert a == pytest.approx(b, rel=1e-9, abs=1e-12)
    else:
        assert a == b


def test_the_report_as_a_pdf_too(sites):
    folder, _ = sites
    said("count", folder / "u.yaml", "--data", folder / "b.csv", "--out", folder / "b.tally")
    said("audit", folder / "u.yaml", "--tally", folder / "b.tally", "--out", folder / "run")
    assert (folder / "run" / "report.pdf").stat().st_size > 10_000


def test_counting_columns_of_a_file(sites):
    folder, rows = sites
    rows.write_parquet(folder / "all.parquet")
    out = folder / "t.tally"
    columns = ["--outcome", "ill", "--score", "risk", "--by", "sex, region", "--by", "age", "--weight", "weight"]
    more = ["--threshold", ".123", "--cluster", "id", "--out", out]
    told = said("count", folder / "all.parquet", *columns, *more)
    assert "1,200 people by sex × region × age" in told
    tally = ScoreTally.read(out)
    assert tally.groups == count(rows, "ill", "risk", ["sex", "region", "age"], weight="weight").groups
    assert tally.grid.thresholds == (0.123,)
    assert tally.clusters is not None
    assert "there already; it was left as it is" in said(
        "count", folder / "all.parquet", "--outcome", "ill", "--score", "risk", "--out", out, code=2
    )


def test_several_scores_make_several_files(sites, question):
    folder, rows = sites
    models = [{"name": "one", "score": "risk"}, {"name": "other way", "score": "healthy", "higher_means": "less risk"}]
    (folder / "two.yaml").write_text(yaml.safe_dump(question(models=models)))
    rows.write_parquet(folder / "all.parquet")
    said("count", folder / "two.yaml", "--data", folder / "all.parquet", "--out", folder / "t.tally")
    found = sorted(p.name for p in folder.glob("t-*.tally"))
    assert len(found) == 2
    assert found[0] == "t-one.tally"
    run = audit_tallies(folder / "two.yaml", [folder / "t-one.tally"], out=folder / "run")
    assert [m["name"] for m in run.chapters["models"]["models"]] == ["one"]
    assert "There is no tally of other way: not audited." in run.chapters["people"]["notes"]
    both = audit_tallies(folder / "two.yaml", [folder / f for f in found], out=folder / "run2")
    assert [m["name"] for m in both.chapters["models"]["models"]] == ["one", "other way"]
    assert "of 2 scores: one, other way" in said("merge", *(folder / f for f in found), "--out", folder / "x", code=2)


def test_a_capacity_becomes_a_threshold_when_all_sites_are_added(sites, question):
    folder, rows = sites
    (folder / "cap.yaml").write_text(yaml.safe_dump(question(decision={"act": "invite", "capacity": 0.2})))
    for site, data in (("a", rows[:700]), ("b", rows[700:])):
        data.write_parquet(folder / f"{site}.pq.parquet")
        said("count", folder / "cap.yaml", "--data", folder / f"{site}.pq.parquet", "--out", folder / f"{site}.tally")
    run = audit_tallies(folder / "cap.yaml", [folder / "a.tally", folder / "b.tally"], out=folder / "run")
    at = run.chapters["models"]["models"][0]["threshold"]
    assert (rows["risk"] >= at).mean() <= 0.2 < (rows["risk"] >= at - 0.01).mean()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outcome_name": "death"}, "counts the outcome 'death', not 'illness'"),
        ({"score_name": "scoer"}, "did you mean 'score'"),
        ({"by": ["sex", "region"]}, "no attribute 'age' in the tally of 'score'"),
        ({"score_range": (0, 2)}, "scores from 0 to 2"),
        ({"decisions_only": True}, "counts decisions only"),
        ({"thresholds": [0.123]}, ""),
    ],
)
def test_a_tally_about_something_else_is_refused(people, small_case, tmp_path, change, words):
    asked = {"by": ["sex", "region", "age"], "outcome_name": "illness", "score_name": "score", "thresholds": [0.2]}
    tally = count(people(300).with_columns(pl.col("age") // 30), "ill", "risk", **(asked | change))
    if not words:  # whole per cents need no declaring
        assert audit_tallies(small_case(), [tally], out=tmp_path / "run").findings
        return
    with pytest.raises(PrimumError) as caught:
        audit_tallies(small_case(), [tally], out=tmp_path / "run")
    assert words in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_threshold_that_was_not_counted_is_refused(people, small_case, tmp_path):
    tally = count(people(300), "ill", "risk", ["sex", "region", "age"], outcome_name="illness", score_name="score")
    case = small_case(decision={"act": "invite", "threshold": 0.1234})
    with pytest.raises(PrimumError, match=r"threshold 0\.1234 was not declared before counting"):
        audit_tallies(case, [tally], out=tmp_path / "run")


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        ({"by": ["sex"]}, {"by": ["sex", "region"]}, "one is by ['sex'], the other by ['sex', 'region']"),
        ({"outcome_name": "a"}, {"outcome_name": "b"}, "their outcomes differ ('a' against 'b')"),
        ({"score_name": "a"}, {"score_name": "b"}, "of 2 scores: a, b"),
        ({"thresholds": [0.1]}, {"thresholds": [0.2]}, "their thresholds differ ((0.1,) against (0.2,))"),
        ({"score_range": (0, 2)}, {}, "their high differ (2.0 against 1.0)"),
        ({"resolution": 1024}, {}, "their resolution differ (1024 against 32768)"),
        ({"cluster": "id"}, {}, "only one of them was counted with clusters"),
        ({"cluster": "id", "views": [["sex"]]}, {"cluster": "id", "views": [[]]}, "counted for different groupings"),
    ],
)
def test_what_cannot_be_added_says_in_what_it_differs(people, tmp_path, one, two, words):
    for name, how in (("a", one), ("b", two)):
        count(people(200), "ill", "risk", **({"by": ["sex"]} | how)).write(tmp_path / name)
    told = said("merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "c", code=2)
    assert words in " ".join(told.split())
    if "scores" not in words:
        assert str(tmp_path / "b") in told
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["count", "u.yaml", "--outcome", "x", "--out", "t"], "A use case says itself what is counted"),
        (["count", "a.parquet", "--outcome", "ill", "--out", "t"], "--score is not given"),
        (
            ["count", "a.parquet", "--outcome", "ill", "--score", "risk", "--by", "sexx", "--out", "t"],
            "did you mean 'sex'",
        ),
        (["count", "a.parquet", "--outcome", "ill", "--score", "points", "--out", "t"], "outside [0, 1]"),
        (["count", "none.parquet", "--outcome", "ill", "--score", "risk", "--out", "t"], "none.parquet"),
        (["merge", "a.parquet", "u.yaml", "--out", "t"], "'a.parquet' is not a tally"),
        (["audit", "u.yaml", "--tally", "x.tally"], "There is no file 'x.tally'"),
        (["audit", "u.yaml", "--tally", "x.tally", "--data", "a.parquet"], "from rows or from tallies"),
    ],
)
def test_mistakes_at_the_command_line(sites, monkeypatch, words, told):
    monkeypatch.chdir(sites[0])
    assert told in said(*words, code=2)


def test_a_use_case_without_score_columns_has_nothing_to_count(sites, question):
    folder, _ = sites
    (folder / "t.yaml").write_text(yaml.safe_dump(question(models=[{"name": "m", "train": "logistic"}])))
    told = said("count", folder / "t.yaml", "--data", folder / "b.csv", "--out", folder / "t", code=2)
    assert "No model of 'small' is a score column" in told
