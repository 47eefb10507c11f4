"""What an audit can be asked: decisions, scales, weights, models brought along, groups of every kind, chapters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

import primum
from primum.audit import audit
from primum.chapters.scored import threshold
from primum.cli import app
from primum.errors import PrimumError
from primum.execute.run import Run
from primum.finding import Verdict
from primum.usecase import CHAPTERS, MISSING, UseCase

runner = CliRunner()
SEX = {"groups": [{"column": "sex"}]}


def estimates(run: Run, metric: str, attribute: str = "overall", model: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the estimates of one metric by group."""
    rows = [*run.chapters["performance"]["estimates"], *run.chapters["groups"]["estimates"]]
    name = model or run.usecase.primary.name
    return {r["group"]: r for r in rows if (r["model"], r["metric"], r["attribute"]) == (name, metric, attribute)}


def decided(data: pl.DataFrame, at: float, score: str = "risk") -> pl.DataFrame:
    return data.with_columns((pl.col(score) >= at).alias("selected"), pl.col("sex").fill_null(MISSING))


def test_the_numbers_are_those_of_the_rows(small_run, people):
    data = decided(people(), 0.2)
    for row in data.group_by("sex").agg(
        pl.len(), n=pl.len(), tp=(pl.col("selected") & (pl.col("ill") == 1)).sum(), events=pl.col("ill").sum()
    ).iter_rows(named=True):  # fmt: skip
        found = estimates(small_run, "sensitivity", "sex")[row["sex"]]
        assert found["value"] == pytest.approx(row["tp"] / row["events"])
        assert (found["n"], found["events"]) == (row["n"], row["events"])
    everyone = estimates(small_run, "n")["everyone"]
    assert everyone["value"] == 1000
    assert estimates(small_run, "selection_rate")["everyone"]["value"] == pytest.approx(data["selected"].mean())


def test_every_group_of_every_kind_is_there(small_run):
    assert list(estimates(small_run, "n", "sex")) == ["Female", "Male", MISSING] or list(
        estimates(small_run, "n", "sex")
    ) == ["Male", "Female", MISSING]
    assert list(estimates(small_run, "n", "age")) == ["<40", "40–64", "≥65"]
    crossed = estimates(small_run, "n", "sex × age")
    assert {"Female · <40", "Male · ≥65", f"{MISSING} · 40–64"} <= set(crossed)
    assert sum(r["value"] for r in crossed.values()) == 1000
    against = {(f.attribute, f.comparator) for f in small_run.findings if f.check == "PRM-G01"}
    assert {("region", "North"), ("sex", "everyone else"), ("sex × age", "everyone else")} <= against
    assert not [f for f in small_run.findings if (f.attribute, f.group) == ("region", "North")]


def test_a_group_without_events_says_why(tmp_path, small_case, people):
    data = people().with_columns(
        pl.when(pl.col("region") == "East").then(0).otherwise("ill").alias("ill"),
    )
    run = audit(small_case(), data=data, out=tmp_path / "run")
    for metric in ("sensitivity", "auroc"):
        row = estimates(run, metric, "region")["East"]
        assert (row["value"], row["status"]) == (None, "not estimable")
        assert "nobody with the outcome" in row["reason"]
        finding = next(
            f
            for f in run.findings
            if (f.check, f.attribute, f.group, f.metric) == ("PRM-G01", "region", "East", metric)
        )
        assert finding.verdict is Verdict.NOT_ASSESSABLE
        assert "nobody with the outcome" in finding.words
        assert finding.more_events
        assert finding.more_events >= 10
    assert estimates(run, "specificity", "region")["East"]["status"] == "ok"
    page = run.report(pdf=False, figures=False).read_text()
    assert "nobody with the outcome" in page


@pytest.mark.parametrize("capacity", [0.05, 0.1, 0.29, 0.5, 0.9])
@pytest.mark.parametrize("ties", [False, True])
def test_capacity_is_never_exceeded_and_used_up_to_ties(capacity, ties, small_case, people):
    data, n = people(300), 300
    score = np.round(data["risk"].to_numpy(), 1 if ties else 9)
    case = small_case(decision={"act": "a", "capacity": capacity})
    at = threshold(case, case.primary, score)
    selected = int((score >= at).sum())
    assert selected <= capacity * n + 1e-9
    below = score[score < at]
    assert selected + int((score == below.max()).sum()) > capacity * n + 1e-9


def test_capacity_counts_weights(small_case, people):
    data = people(300)
    case = small_case(decision={"act": "a", "capacity": 0.2})
    whole = np.arange(300) % 4 + 1
    repeated = np.repeat(data["risk"].to_numpy(), whole)
    weighted = threshold(case, case.primary, data["risk"].to_numpy(), whole.astype(float))
    assert weighted == threshold(case, case.primary, repeated)


def test_a_capacity_that_cannot_be_kept_is_refused(small_case):
    case = small_case(decision={"act": "a", "capacity": 0.1})
    with pytest.raises(
        PrimumError, match=r"less than the 40\.0% of people to whom 'score' gives its highest score, 0\.9"
    ):
        threshold(case, case.primary, np.array([0.9] * 4 + [0.1] * 6))
    with pytest.raises(PrimumError, match=r"A capacity of 0\.1 is less than one of 5 people"):
        threshold(case, case.primary, np.array([0.9, 0.8, 0.7, 0.6, np.nan, 0.5]))


def test_an_audit_by_capacity(tmp_path, small_case, people):
    models = [{"name": "score", "score": "risk"}, {"name": "coarse", "score": "coarse"}]
    data = people().with_columns(pl.col("risk").round(1).alias("coarse"))
    case = small_case(models=models, decision={"act": "a", "capacity": 0.2}, **SEX)
    run = audit(case, data=data, out=tmp_path / "run")
    cuts = {m["name"]: m["threshold"] for m in run.chapters["models"]["models"]}
    assert estimates(run, "selection_rate", model="score")["everyone"]["value"] == pytest.approx(0.2, abs=0.002)
    assert estimates(run, "selection_rate", model="coarse")["everyone"]["value"] <= 0.2
    assert cuts["score"] != cuts["coarse"]
    pair = run.chapters["models"]["between_models"][0]
    assert pair["people"] == 1000
    assert pair["with_outcome_both"] + pair["with_outcome_only_a"] == int(
        data.filter((pl.col("risk") >= cuts["score"]) & (pl.col("ill") == 1)).height
    )


def test_points_are_decided_exactly_and_not_taken_for_risks(tmp_path, small_case, people):
    model = {"name": "points", "score": "points", "scale": "points", "range": [1, 10]}
    run = audit(
        small_case(models=[model], decision={"act": "a", "threshold": 3}, **SEX), data=people(), out=tmp_path / "run"
    )
    data = decided(people(), 3, "points")
    found = estimates(run, "selection_rate", "sex")
    for sex, share in data.group_by("sex").agg(pl.col("selected").mean()).rows():
        assert found[sex]["value"] == pytest.approx(share)
    for metric in ("brier", "oe_ratio", "net_benefit"):
        row = estimates(run, metric)["everyone"]
        assert row["status"] == "not estimable"
        assert "points" in row["reason"]
    told = [f for f in run.findings if f.check == "PRM-M01"]
    assert {f.verdict for f in told} == {Verdict.NOT_APPLICABLE}
    assert run.chapters["performance"]["decision_curve"] == {}
    run.report(pdf=False, figures=False)


def test_a_score_that_means_less_risk_is_turned(tmp_path, small_case, people):
    models = [
        {"name": "turned", "score": "healthy", "higher_means": "less risk"}, {"name": "score", "score": "risk"},
        {"name": "points", "score": "points", "scale": "points", "range": [0, 10], "higher_means": "less risk"},
    ]  # fmt: skip
    data = people()
    run = audit(small_case(models=models[:2], **SEX), data=data, out=tmp_path / "run")
    for metric in ("sensitivity", "auroc", "brier"):
        same = [estimates(run, metric, "sex", model=m) for m in ("turned", "score")]
        for sex in same[0]:
            assert same[0][sex]["value"] == pytest.approx(same[1][sex]["value"], abs=1e-6)
    mirrored = audit(
        small_case(models=models[2:], decision={"act": "a", "threshold": 8}, **SEX), data=data, out=tmp_path / "points"
    )
    share = (data["points"] <= 2).mean()
    assert estimates(mirrored, "selection_rate")["everyone"]["value"] == pytest.approx(share)


def test_a_survival_of_nine_tenths_is_a_risk_of_one_tenth(tmp_path, small_case, people):
    tenths = pl.Series([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    data = people().with_columns(tenths.gather(people()["id"] % 10).alias("survival"))
    model = {"name": "physician", "score": "survival", "higher_means": "less risk"}
    for at in (0.1, 0.2, 0.3, 0.4, 0.7):
        run = audit(
            small_case(models=[model], decision={"act": "a", "threshold": at}, chapters=["performance"]),
            data=data, out=tmp_path / str(at),
        )  # fmt: skip
        expected = (people()["id"] % 10 <= round(10 - 10 * at)).mean()
        assert estimates_overall(run, "selection_rate") == pytest.approx(expected), at


def estimates_overall(run: Run, metric: str) -> float:
    return next(r["value"] for r in run.chapters["performance"]["estimates"] if r["metric"] == metric)


def test_weights_are_repetitions_in_every_point(tmp_path, small_case, people):
    data = people(400).with_columns((pl.col("id") % 3 + 1).alias("weight"))
    groups = [{"column": "sex"}, {"column": "region"}]
    weighted = audit(small_case(weight="weight", groups=groups), data=data, out=tmp_path / "weighted")
    rows = data.select(pl.all().repeat_by("weight")).explode(pl.all()).with_columns(pl.int_range(pl.len()).alias("id"))
    repeated = audit(small_case(groups=groups), data=rows, out=tmp_path / "repeated")
    for metric in ("prevalence", "sensitivity", "ppv", "auroc", "brier", "net_benefit", "oe_ratio"):
        for attribute in ("overall", "sex", "region"):
            one, two = estimates(weighted, metric, attribute), estimates(repeated, metric, attribute)
            for group in one:
                a, b = one[group]["value"], two[group]["value"]
                assert a == b if a is None or b is None else a == pytest.approx(b, rel=1e-9), (metric, group)


def test_who_is_not_scored_is_counted_by_group(tmp_path, small_case, people):
    data = people().with_columns(
        pl.when((pl.col("region") == "East") & (pl.col("id") % 2 == 0)).then(None).otherwise("risk").alias("risk")
    )
    model = {"name": "score", "score": "risk", "missing_scores": "exclude"}
    run = audit(small_case(models=[model]), data=data, out=tmp_path / "run")
    told = run.chapters["models"]["models"][0]
    lost = data["risk"].null_count()
    assert told["not_scored"]["region"] == {"East": lost}
    assert told["n_scored"] == 1000 - lost
    assert told["n_people"] == 1000
    assert estimates(run, "n", "region")["East"]["value"] == (data["region"] == "East").sum() - lost


def fitted(data: pl.DataFrame) -> Any:
    from sklearn.linear_model import LogisticRegression

    frame = data.select("age", "marker").to_pandas()
    return LogisticRegression(max_iter=1000).fit(frame, data["ill"].to_numpy())


def test_a_fitted_estimator_is_audited_beside_or_instead(tmp_path, small_case, people):
    data = people()
    mine = fitted(data)
    run = audit(small_case(**SEX), data=data, out=tmp_path / "run", models={"mine": mine})
    assert list(run.tallies) == ["score", "mine"]
    expected = mine.predict_proba(data.select("age", "marker").to_pandas())[:, 1]
    assert estimates(run, "brier", model="mine")["everyone"]["value"] == pytest.approx(
        np.mean((expected - data["ill"].to_numpy()) ** 2), abs=1e-9
    )
    assert Run.load(run.path).usecase == run.usecase
    instead = audit(small_case(**SEX), data=data, out=tmp_path / "instead", models={"score": mine})
    assert list(instead.tallies) == ["score"]
    assert instead.tallies["score"].measure(["auroc"], by=[]).equals(run.tallies["mine"].measure(["auroc"], by=[])) or (
        estimates(instead, "auroc")["everyone"]["value"] == estimates(run, "auroc", model="mine")["everyone"]["value"]
    )


def test_another_estimator_of_the_same_name_is_not_mistaken_for_the_first(tmp_path, small_case, people):
    from sklearn.dummy import DummyClassifier

    data = people()
    audit(small_case(**SEX), data=data, out=tmp_path / "run", models={"mine": fitted(data)})
    dull = DummyClassifier().fit(data.select("age", "marker").to_pandas(), data["ill"].to_numpy())
    again = audit(small_case(**SEX), data=data, out=tmp_path / "run", models={"mine": dull})
    assert estimates(again, "auroc", model="mine")["everyone"]["value"] == pytest.approx(0.5)


def test_a_skops_file_beside_the_use_case(tmp_path, question, people):
    import skops.io

    data = people()
    mine = fitted(data)
    skops.io.dump(mine, tmp_path / "mine.skops")
    data.write_parquet(tmp_path / "people.parquet")
    models = [{"name": "mine", "file": "mine.skops"}]
    case = tmp_path / "case.yaml"
    case.write_text(yaml.safe_dump(question(**SEX, models=models, data={"path": "people.parquet"})))
    run = audit(case, out=tmp_path / "run")
    direct = audit(UseCase.model_validate(question(**SEX)), data=data, out=tmp_path / "direct", models={"score": mine})
    for metric in ("auroc", "brier", "sensitivity"):
        a, b = estimates(run, metric)["everyone"], estimates(direct, metric)["everyone"]
        assert a["value"] == pytest.approx(b["value"])


def test_a_pickle_is_refused_unless_trusted(tmp_path, question, people):
    import joblib

    joblib.dump(fitted(people()), tmp_path / "mine.pkl")
    people().write_parquet(tmp_path / "people.parquet")
    case = tmp_path / "case.yaml"
    models = [{"name": "mine", "file": "mine.pkl"}]
    case.write_text(yaml.safe_dump(question(models=models, data={"path": "people.parquet"})))
    done = runner.invoke(app, ["audit", str(case), "--out", str(tmp_path / "run")])
    assert done.exit_code == 2
    assert "--trust-pickle" in done.stderr
    assert audit(case, out=tmp_path / "run", trust_pickle=True).manifest["status"] == "finished"


@pytest.mark.parametrize(
    "asked", [["people"], ["record"], ["people", "record"], ["performance"], ["groups"], ["models"]]
)
def test_only_the_chapters_asked_for(asked, tmp_path, small_case, people):
    run = audit(small_case(chapters=asked, **SEX), data=people(), out=tmp_path / "run")
    there = {p.stem for p in (run.path / "chapters").glob("*.json")}
    assert there == set(run.chapters) == set(run.manifest["seconds"]) - {"in all"}
    assert {"people", *asked} <= there
    assert bool(run.tallies) == bool({"models", "performance", "groups"} & set(asked))
    assert run.report(pdf=False, figures=False).stat().st_size > 1000
    Run.load(run.path).report(tmp_path / "again", pdf=False, figures=False)


def test_progress_hears_every_chapter_once(tmp_path, small_case, people):
    heard: list[str] = []

    class Ear:
        def start(self, chapters: list[str]) -> None:
            heard.append("start " + " ".join(chapters))

        def chapter(self, name: str) -> None:
            heard.append(f"+{name}")

        def step(self, done: int, total: int, text: str) -> None:
            assert 0 <= done <= total
            assert text

        def done(self, name: str) -> None:
            heard.append(f"-{name}")

    audit(small_case(), data=people(), out=tmp_path / "run", progress=Ear())
    chapters = [*CHAPTERS, "findings"]
    assert heard == ["start " + " ".join(chapters), *(f"{s}{c}" for c in chapters for s in "+-")]


def test_the_truth_against_the_record(tmp_path, small_case, people):
    data = people().with_columns(
        pl.when((pl.col("region") == "East") & (pl.col("id") % 2 == 0)).then(0).otherwise("ill").alias("written"),
    )
    outcome = {
        "name": "illness", "when": [{"column": "written", "equals": 1}], "recorded_by": "a clerk",
        "truth": [{"column": "ill", "equals": 1}], "truth_name": "a blood test", "unrecorded_margin": 0.1,
    }  # fmt: skip
    run = audit(small_case(outcome=outcome), data=data, out=tmp_path / "run")
    rows = {r["group"]: r for r in run.chapters["record"]["rows"] if r["attribute"] in {"overall", "region"}}
    east = data.filter((pl.col("region") == "East") & (pl.col("ill") == 1))
    assert rows["East"]["n_truth"] == east.height
    assert rows["East"]["missed"] == (east["written"] == 0).sum() > 0
    assert rows["North"]["missed"] == 0
    finding = next(f for f in run.findings if (f.check, f.attribute, f.group) == ("PRM-R01", "region", "East"))
    assert finding.verdict is Verdict.HARM
    assert finding.margin == 0.1


def test_exit_code_1_only_when_asked(tmp_path, question, people, monkeypatch):
    report = Run.report
    monkeypatch.setattr(Run, "report", lambda self, **k: report(self, **k, figures=False))
    data = people(2000)
    bad = data.with_columns(pl.when(pl.col("sex") == "Female").then(0.01).otherwise("risk").alias("risk"))
    bad.write_csv(tmp_path / "people.csv")
    case = tmp_path / "case.yaml"
    case.write_text(yaml.safe_dump(question(data={"path": "people.csv"}, groups=[{"column": "sex"}])))
    ask = ["audit", str(case), "--no-pdf", "--out", str(tmp_path / "run")]
    done = runner.invoke(app, ask, env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.stderr
    assert "harm shown" in done.stdout
    assert f"report: {tmp_path / 'run' / 'report.html'}" in done.stdout
    assert runner.invoke(app, [*ask, "--fail-on-violation"]).exit_code == 1
    data.write_csv(tmp_path / "people.csv")
    case.write_text(
        yaml.safe_dump(
            question(
                data={"path": "people.csv"}, groups=[{"column": "sex"}], margins={"auroc": 0.9, "sensitivity": 0.9}
            )
        )
    )
    assert runner.invoke(app, [*ask, "--fail-on-violation"]).exit_code == 0


def test_the_calls_of_the_readme(tmp_path, people):
    data = people()
    data.write_csv(tmp_path / "scores.csv")
    rows = pl.read_csv(tmp_path / "scores.csv")
    tally = primum.count(rows, outcome="ill", score="risk", by=["sex", "region"], thresholds=[0.1])
    frame = tally.measure(["sensitivity", "auroc"], by="sex", at=0.1)
    assert set(frame["group"]) == {"Female", "Male", MISSING}
    assert set(frame["metric"]) == {"sensitivity", "auroc"}
    for sex, share in (
        rows.filter(pl.col("ill") == 1).group_by(pl.col("sex").fill_null(MISSING)).agg((pl.col("risk") >= 0.1).mean())
    ).rows():
        value = frame.filter((pl.col("group") == sex) & (pl.col("metric") == "sensitivity"))["value"].item()
        assert value == pytest.approx(share)
    assert set(tally.measure(["n"])["attribute"]) == {"overall", "sex", "region", "sex × region"}


def test_two_sites_together_are_the_audit_of_both(small_run, people):
    data = people()
    sites = [
        primum.count(part, outcome="ill", score="risk", by=["sex", "region"], thresholds=[0.2])
        for part in (data.filter(pl.col("id") % 3 == 0), data.filter(pl.col("id") % 3 > 0))
    ]
    merged = (sites[0] + sites[1]).measure(["n", "sensitivity", "auroc", "brier"], by="sex", at=0.2)
    for row in merged.iter_rows(named=True):
        audited = estimates(small_run, row["metric"], "sex")[row["group"]]
        assert row["value"] == pytest.approx(audited["value"], abs=1e-12)


def test_two_runs_merge_to_the_run_of_both(tmp_path, small_case, people):
    data = people()
    runs = [
        audit(small_case(), data=part, out=tmp_path / f"site{i}")
        for i, part in enumerate((data.filter(pl.col("id") % 3 == 0), data.filter(pl.col("id") % 3 > 0), data))
    ]
    a, b, both = (Run.load(r.path).tallies["score"] for r in runs)
    metrics = ["n", "prevalence", "sensitivity", "ppv", "auroc", "brier", "net_benefit"]
    assert_same((a + b).measure(metrics, by="region", at=0.2), both.measure(metrics, by="region", at=0.2))


def assert_same(one: pl.DataFrame, two: pl.DataFrame) -> None:
    keys = ["metric", "attribute", "group"]
    one, two = one.sort(keys), two.sort(keys)
    assert one.select(*keys, "n", "events", "status").equals(two.select(*keys, "n", "events", "status"))
    np.testing.assert_allclose(one["value"].to_numpy(), two["value"].to_numpy(), atol=1e-12, equal_nan=True)


def test_a_run_shows_itself_in_a_notebook(small_run):
    shown = small_run._repr_html_()
    assert "small" in shown.lower()
    assert "<table" in shown
    assert repr(small_run).startswith("<Run small in ")


def test_the_default_folder_is_named_after_the_use_case(tmp_path, monkeypatch, small_case, people):
    monkeypatch.chdir(tmp_path)
    assert audit(small_case(chapters=["people"]), data=people()).path == Path("runs/small")


def test_any_frame_gives_the_same_numbers(small_run, tmp_path, small_case, people):
    data = people()
    for i, frame in enumerate((data.lazy(), data.to_pandas(), data.to_arrow())):
        run = audit(small_case(), data=frame, out=tmp_path / str(i))
        for metric in ("n", "sensitivity", "auroc"):
            for attribute in ("overall", "sex", "region"):
                assert estimates(run, metric, attribute) == estimates(small_run, metric, attribute)
