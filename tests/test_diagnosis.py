"""Where a gap comes from: found where it was put, and nothing said where nothing is."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from primum.chapters import diagnosis as chapter
from primum.chapters.repair_people import three_parts
from primum.check import diagnosis as check
from primum.cohort.read import from_frame
from primum.cohort.select import assemble
from primum.execute.progress import Silent
from primum.execute.run import Run
from primum.finding import Verdict
from primum.learn import logistic
from primum.plan import freeze
from primum.report import html, pdf_content
from primum.report.figures.diagnosis import diagnosis as figures
from primum.report.figures.figure import svg
from primum.report.figures.rows import Source
from primum.report.views import diagnosis as view

SIZES = {"own slope": 1500, "too few": 900, "noisy": 2600, "alike": 1800}


def made(what, n, seed=1):
    """Return people of a large and a small group, in which one thing is wrong with the small one (or nothing)."""
    rng = np.random.default_rng([seed, 5])
    small = rng.random(n) < (0.4 if what == "noisy" else 0.28)
    a, b = rng.normal(size=(2, n))
    z, columns = -1 + 1.2 * a + 0.6 * b, {}
    if what == "own slope":
        z = np.where(small, -1 - 1.5 * a, -1 + 1.5 * a)
    if what == "too few":  # one law for all, but ten of its causes occur in the small group only
        own = np.where(small, rng.normal(size=(10, n)), 0.0)
        z = -1 + 0.6 * a + 0.7 * own.sum(0)
        columns = {f"x{i}": x for i, x in enumerate(own)}
    lost = np.zeros(n, dtype=bool)
    if what == "noisy":  # the measurement fails for 9 of 10 in the small group, for 1 of 10 in the large one
        z = -1 + 2 * a
        lost = rng.random(n) < np.where(small, 0.9, 0.1)
    if what == "nothing to learn":
        z = np.full(n, -1.0)
    ill = rng.random(n) < 1 / (1 + np.exp(-z))
    people = {"id": np.arange(n), "size": np.where(small, "small", "large"), "ill": ill.astype(int), "a": a, "b": b}
    return pl.DataFrame(people | columns).with_columns(pl.when(~pl.Series(lost)).then(pl.col("a")))


def diagnosed(case, frame, path):
    cohort = assemble(case, from_frame(frame))
    run = Run(path, case, freeze(case))
    return run, chapter.diagnosis_chapter(run, cohort, progress=Silent())


def asked(small_case, frame, learner="logistic", **changes):
    features = [c for c in frame.columns if c not in {"id", "size", "ill", "house", "true"}]
    models = [{"name": "risk", "train": learner}]
    return small_case(features=features, groups=[{"column": "size"}], models=models, **changes)


@pytest.fixture(scope="module", autouse=True)
def _few_strengths():
    """Let the logistic learner try two strengths: which is best is not under test here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logistic, "STRENGTHS", [0.01, 0.1])
        yield


@pytest.fixture(scope="module", params=list(SIZES))
def told(request, small_case, tmp_path_factory):
    frame = made(request.param, SIZES[request.param])
    run, findings = diagnosed(asked(small_case, frame), frame, tmp_path_factory.mktemp("diagnosis"))
    return request.param, run, findings


def group(run, name):
    return next(r for r in run.chapters["diagnosis"]["groups"] if r["group"] == name)


def test_the_cause_is_found_where_it_was_put(told):
    what, run, _ = told
    small = group(run, "small")
    assert small["label"]["verdict"] == check.UNSEEN
    assert run.chapters["diagnosis"]["why_not"] == ""
    if what == "own slope":
        assert small["remedies"][-1] == "modelling"
        assert small["own"]["low"] > 0.05
        assert small["explained"]["by"] == "a model of its own"
        assert small["curve"]["points"][-1]["value"] < 0.1 < small["own_curve"]["points"][-1]["value"]
        assert "let the model treat this group differently" in small["suggestion"].lower()
    if what == "too few":
        assert small["remedies"] == ["data"]
        assert small["curve"]["verdict"] == check.IMPROVING
        assert small["own"]["verdict"] == check.NO_SIGN
        assert small["composition"]["own"]["value"] > small["composition"]["others"]["value"]
        assert small["composition"]["others"]["high"] < small["curve"]["low"]
    if what == "noisy":
        assert small["remedies"] == ["measurements"]
        assert small["curve"]["verdict"] == check.LEVELLED
        assert small["own"]["verdict"] == check.NO_SIGN
        assert small["explained"]["difference_high"] < -0.1
        assert small["auroc"]["high"] < group(run, "large")["auroc"]["low"]
        assert group(run, "large")["remedies"] == []
    if what == "alike":
        for row in run.chapters["diagnosis"]["groups"]:
            assert row["remedies"] == []
            assert row["suggestion"] == ""
            assert "composition" not in row


def test_findings_judge_no_harm(told):
    _, run, findings = told
    assert [(f.check, f.group) for f in findings] == [("PRM-H03", "large"), ("PRM-H03", "small")]
    for f, row in zip(findings, run.chapters["diagnosis"]["groups"], strict=True):
        assert f.verdict is Verdict.NOT_APPLICABLE
        assert f.reason == check.NOT_JUDGED
        assert (f.estimate.value, f.estimate.low) == (row["curve"]["value"], row["curve"]["low"])
        assert f.estimate.low < f.estimate.value < f.estimate.high
        assert all(s in f.words for s in row["evidence"])


def test_the_page_and_the_picture_say_so(told):
    _, run, _ = told
    stub = SimpleNamespace(
        path=None, usecase=run.usecase, plan=run.plan, chapters=run.chapters, findings=[], manifest={}
    )
    section = view.section(stub)
    (figure,) = figures(Source(stub))
    assert figure.chapter == "diagnosis"
    assert len(figure.table) == sum(
        len(r["curve"]["points"]) + len((r.get("own_curve") or {}).get("points", []))
        for r in run.chapters["diagnosis"]["groups"]
    )
    picture = svg(figure)
    drawn = html.by_chapter({figure.name: picture}, [figure])
    page = (
        html.templates()
        .get_template("sections.html")
        .render(sections=[section], numbers={"diagnosis": 6}, figures=drawn)
    )
    assert "6. Why does the model fail a group?" in page
    assert "<svg" in page
    assert "not measurable here" in page
    for row in run.chapters["diagnosis"]["groups"]:
        assert str(html.whole(row["suggestion"])) in page
        assert (row.get("own_curve") or row["curve"])["verdict"] in page
    assert {b["is"] for b in pdf_content._section(section, {})} >= {"text", "head", "table"}
    assert view.lines(stub) == [
        f"{r['group']} (size): {r['suggestion']}" for r in run.chapters["diagnosis"]["groups"] if r["suggestion"]
    ]


def test_those_kept_for_certificates_are_not_looked_at(small_case, tmp_path, monkeypatch):
    frame = made("alike", 700)
    case = asked(small_case, frame, no_harm={"margin": 0.01, "alpha": 0.05, "held_out": 0.5})
    seen = []
    true = chapter.of_rows
    monkeypatch.setattr(chapter, "of_rows", lambda cohort, rows: seen.append(rows) or true(cohort, rows))
    run, _ = diagnosed(case, frame, tmp_path)
    cohort = assemble(case, from_frame(frame))
    parts = three_parts(cohort, held_out=0.5, trained=True, seed=case.seed, known=np.ones(cohort.n, dtype=bool))
    assert not set(seen[0].tolist()) & set(parts.certify.tolist())
    assert len(seen[0]) + len(parts.certify) == 700
    assert run.chapters["diagnosis"]["people"]["n"] == len(seen[0])


def test_families_are_never_divided(small_case):
    frame = made("alike", 600).with_columns(house=pl.col("id") // 3)
    case = asked(small_case, frame, identifiers={"person": "id", "family": "house"})
    people = assemble(case, from_frame(frame))
    bench = chapter._bench(case, people, "logistic")
    for codes in (bench.learner.fold, bench.quarter):
        assert all(len(np.unique(codes[people.family == f])) == 1 for f in np.unique(people.family))
    assert np.array_equal(bench.unit, people.family)
    assert sorted(np.unique(bench.learner.fold * 4 + bench.quarter)) == list(range(12))


def test_a_score_brought_along_and_the_record(small_case, people, tmp_path):
    """Men's cases are written down less often; nothing can be trained again, and the record still speaks."""
    rng = np.random.default_rng(8)
    frame = people(3000)
    missed = (frame["sex"] == "Male").fill_null(value=False).to_numpy() & (rng.random(3000) < 0.5)
    frame = frame.with_columns(written=pl.Series(np.where(missed, 0, frame["ill"].to_numpy())))
    outcome = {
        "name": "illness", "when": [{"column": "written", "equals": 1}], "recorded_by": "a clerk",
        "truth": [{"column": "ill", "equals": 1}], "truth_name": "a blood test",
    }  # fmt: skip
    run, findings = diagnosed(small_case(outcome=outcome), frame, tmp_path)
    rows = {(r["attribute"], r["group"]): r for r in run.chapters["diagnosis"]["groups"]}
    assert ("sex × age", "Male · <40") not in rows  # exploratory groups are not asked about
    assert rows["sex", "Male"]["suggestion"] == "Mend the record of this group's cases."
    assert "5" in rows["sex", "Male"]["label"]["words"]
    assert rows["sex", "Female"]["label"]["verdict"] == check.NO_SIGN
    male = next(f for f in findings if f.group == "Male")
    assert male.verdict is Verdict.NOT_APPLICABLE
    assert male.reason == chapter.BROUGHT
    assert math.isnan(male.estimate.value)
    stub = SimpleNamespace(
        path=None, usecase=run.usecase, plan=run.plan, chapters=run.chapters, findings=[], manifest={}
    )
    said = [b for b in view.section(stub).blocks if b.is_ == "text"]
    assert any("the score was brought along" in b.text for b in said)
    assert figures(Source(stub)) == []


def test_too_few_people_to_train_again_are_told(small_case, tmp_path):
    frame = made("alike", 40)
    run, findings = diagnosed(asked(small_case, frame), frame, tmp_path)
    assert "people" in run.chapters["diagnosis"]["why_not"]
    assert all(f.verdict is Verdict.NOT_APPLICABLE and math.isnan(f.estimate.value) for f in findings)


def test_a_run_without_the_chapter_has_no_section(small_case):
    stub = SimpleNamespace(path=None, usecase=small_case(), plan=None, chapters={}, findings=[], manifest={})
    assert view.section(stub) is None
    assert view.lines(stub) == []


@pytest.mark.parametrize(
    ("low", "high", "curve", "own", "less"),
    [
        (0.02, 0.05, check.IMPROVING, check.SERVED_WORSE, check.NO_SIGN),
        (0.001, 0.009, check.LEVELLED, check.NO_SIGN, check.NO_SIGN),
        (0.001, 0.05, check.UNTOLD, check.NO_SIGN, check.NO_SIGN),
        (-0.02, 0.005, check.LEVELLED, check.NO_SIGN, check.UNTOLD),
        (-0.02, 0.02, check.UNTOLD, check.NO_SIGN, check.UNTOLD),
        (-0.09, -0.02, check.LEVELLED, check.NO_SIGN, check.LESS),
        (-0.008, -0.002, check.LEVELLED, check.NO_SIGN, check.NO_SIGN),
        (math.nan, math.nan, check.UNTOLD, check.NO_SIGN, check.UNTOLD),
    ],
)
def test_verdicts_come_from_intervals(low, high, curve, own, less):
    assert check.curve_verdict(low, high) == curve
    assert check.own_verdict(low, high) == own
    assert check.explained_verdict(low, high) == less


def signs(label=check.UNSEEN, less=check.NO_SIGN, curve=check.UNTOLD, own=check.NO_SIGN, own_curve=None):
    number = {"value": 0.02, "low": 0.01, "high": 0.03}
    row = {
        "label": {"verdict": label, "words": "Words on the record."},
        "explained": {"verdict": less, "rest": 0.2, **number},
        "curve": {"verdict": curve, **number}, "own": {"verdict": own, "reason": "", **number},
    }  # fmt: skip
    return row | ({"own_curve": {"verdict": own_curve, **number}} if own_curve else {})


def test_remedies_stand_in_their_order():
    assert check.remedies(signs()) == []
    assert check.suggestion(signs()) == ""
    everything = signs(check.UNEQUAL, check.LESS, check.UNTOLD, check.SERVED_WORSE, check.IMPROVING)
    assert check.remedies(everything) == ["labels", "data", "modelling"]
    assert check.suggestion(everything) == (
        "First mend the record of this group's cases, then collect more data on this group, then let the model treat "
        "this group differently."
    )
    flat = signs(check.UNEQUAL, check.LESS, check.IMPROVING, check.SERVED_WORSE, check.LEVELLED)
    assert check.remedies(flat) == ["labels", "measurements", "modelling"]
    # that less is explained is no sign while more data still help, or may
    assert check.remedies(signs(less=check.LESS, curve=check.IMPROVING)) == ["data"]
    assert check.remedies(signs(less=check.LESS, curve=check.UNTOLD)) == []
    assert check.remedies(signs(less=check.LESS, curve=check.LEVELLED)) == ["measurements"]
    assert any("+2.0 points [1.0 to 3.0]" in s for s in check.evidence(everything))


def test_whose_data_help():
    improving = signs(curve=check.IMPROVING)
    number = {"value": 0.02, "low": 0.01, "high": 0.03}
    for own, others, words in (
        (check.IMPROVING, check.LEVELLED, "Collect more data on this group."),
        (check.UNTOLD, check.IMPROVING, "Collect more data, on the others too."),
        (check.IMPROVING, check.IMPROVING, "Collect more data, on this group and on others."),
        (check.UNTOLD, check.UNTOLD, "Collect more data."),
    ):
        mix = {"own": {"verdict": own, **number}, "others": {"verdict": others, **number}}
        assert check.suggestion(improving | {"composition": mix}) == words


@pytest.mark.parametrize(
    ("ranges", "verdict"),
    [
        ({"small": (0.6, 0.8), "large": (0.9, 1.0)}, check.UNEQUAL),
        ({"small": (0.6, 0.8)}, check.UNEQUAL),
        ({"small": (0.6, 0.95), "large": (0.9, 1.0)}, check.UNTOLD),
        ({"small": (1.0, 1.0), "large": (0.8, 1.0)}, check.NO_SIGN),
        ({"large": (0.8, 1.0)}, check.UNSEEN),
        (None, check.UNSEEN),
    ],
)
def test_declared_ranges_of_recording(ranges, verdict):
    assert check.record_sign(None, ranges, "small")["verdict"] == verdict


def test_no_gain_is_not_taken_for_one():
    """The share of 'still improving' where twice the data change nothing is at most that of the interval."""
    from primum.learn.learning_curve import Known

    rng = np.random.default_rng(6)
    verdicts = []
    for _ in range(2000):
        psi = rng.normal(0, 1, 60)
        value = psi.mean() * 0.2
        known = Known(value, 0.2 * (psi - psi.mean()) / 60)
        verdicts.append(check.curve_verdict(*known.limits(0.95)))
    assert verdicts.count(check.IMPROVING) / 2000 <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / 2000)


@pytest.mark.slow
def test_where_there_is_nothing_to_learn_more_data_are_not_asked_for(small_case, tmp_path):
    """Whole audits of people whose outcome nothing foretells: false 'still improving', of 2 × 30 groups."""
    found = []
    for seed in range(30):
        frame = made("nothing to learn", 600, seed)
        run, _ = diagnosed(asked(small_case, frame), frame, tmp_path / str(seed))
        found += [r["curve"]["verdict"] for r in run.chapters["diagnosis"]["groups"]]
    assert found.count(check.IMPROVING) <= 5  # 2.5 % of 60 are 1.5; six or more would be a chance of .004
