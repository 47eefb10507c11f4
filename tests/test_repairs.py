"""Repairs in an audit: fitted on some, certified on others, told in the report."""

from __future__ import annotations

import numpy as np
import pytest

from primum.audit import audit
from primum.certify.document import read as read_certificate
from primum.chapters.repair_measured import of_rows
from primum.chapters.repair_people import three_parts
from primum.errors import PrimumError
from primum.execute.run import Run
from primum.finding import Verdict

NO_HARM = {"margin": 0.01, "alpha": 0.05, "groups": ["sex", "region"], "worst_off": {"sex": "Male"}}
REPAIRS = [
    {"name": "calibrated", "method": "group calibration", "by": ["sex"]},
    {"name": "equalised", "method": "equalized odds", "by": ["sex"]},
    {"name": "broken", "method": "levelling-up thresholds", "by": ["sex"], "settings": {"floor": 7.0}},
]


@pytest.fixture(scope="module")
def run(tmp_path_factory, small_case, people):
    case = small_case(no_harm=NO_HARM, repairs=REPAIRS)
    return audit(case, data=people(6000), out=tmp_path_factory.mktemp("repairs") / "run")


def named(run, name):
    return next(r for r in run.chapters["repairs"]["repairs"] if r["name"] == name)


def test_nobody_certifies_who_trained_or_mended(small_case, people):
    from primum.cohort.read import from_frame
    from primum.cohort.select import assemble

    case = small_case(identifiers={"person": "id", "family": "house", "repeated_visits": False})
    frame = people(900).with_columns(house=np.arange(900) // 3)
    cohort = assemble(case, from_frame(frame))
    parts = three_parts(cohort, held_out=0.5, trained=True, seed=3, known=np.ones(cohort.n, dtype=bool))
    rows = [set(getattr(parts, k).tolist()) for k in ("train", "fix", "certify")]
    assert not rows[0] & rows[1]
    assert not (rows[0] | rows[1]) & rows[2]
    assert len(rows[0] | rows[1] | rows[2]) == 900
    assert abs(len(rows[2]) - 450) <= 12
    houses = [{int(cohort.family[i]) for i in part} for part in rows]
    assert not houses[0] & houses[1]
    assert not (houses[0] | houses[1]) & houses[2]


def test_too_few_people_are_told(small_case, people):
    from primum.cohort.read import from_frame
    from primum.cohort.select import assemble

    cohort = assemble(small_case(), from_frame(people(40)))
    with pytest.raises(PrimumError, match="too few people to fit repairs on some and certify them on others"):
        three_parts(cohort, held_out=0.5, trained=True, seed=3, known=np.ones(cohort.n, dtype=bool))


def test_verdicts_follow_from_the_intervals(run):
    for repair in run.chapters["repairs"]["repairs"]:
        if repair["failed"]:
            continue
        assert repair["granted"] == all(g["verdict"] == "certified" for g in repair["groups"])
        for g in repair["groups"]:
            assert (g["verdict"] == "certified") == (g["low"] > -0.01)
            assert (g["verdict"] == "harmed") == (g["high"] < -0.01)
        groups = {(g["attribute"], g["group"]) for g in repair["groups"]}
        assert groups == {
            ("sex", "Female"), ("sex", "Male"), ("sex", "(missing)"),
            ("region", "North"), ("region", "South"), ("region", "East"),
        }  # fmt: skip


def test_changes_are_those_of_the_decisions(run):
    """The change of net benefit per person is (found − lost) − w (alarmed − spared), written out."""
    w = 0.2 / 0.8
    for g in named(run, "calibrated")["groups"]:
        by_hand = ((g["found"] - g["lost"]) - w * (g["alarmed"] - g["spared"])) / (g["events"] + g["nonevents"])
        assert g["value"] == pytest.approx(by_hand)


def test_the_table_of_everyone_agrees_with_the_change(run):
    rows = {
        r["model"]: r["value"]
        for r in run.chapters["repairs"]["performance"]
        if r["metric"] == "net_benefit" and r["attribute"] == "overall"
    }
    for name in ("calibrated", "equalised"):
        assert rows[name] - rows["score"] == pytest.approx(named(run, name)["overall"]["value"], abs=1e-9)


def test_calibrating_by_group_mends_the_ranking_of_nobody_and_the_risks_of_men(run):
    rows = {
        (r["model"], r["metric"], r["group"]): r["value"]
        for r in run.chapters["repairs"]["performance"]
        if r["attribute"] == "sex"
    }
    for group in ("Male", "Female"):
        assert rows["calibrated", "auroc", group] == pytest.approx(rows["score", "auroc", group], abs=1e-3)
    before, after = (abs(rows[m, "calibration_slope", "Male"] - 1) for m in ("score", "calibrated"))
    assert after < before


def test_a_repair_that_fails_is_shown_and_the_others_go_on(run):
    broken = named(run, "broken")
    assert broken["failed"]
    assert not named(run, "calibrated")["failed"]
    (finding,) = [f for f in run.findings if f.model == "broken"]
    assert finding.verdict is Verdict.NOT_APPLICABLE
    assert broken["failed"] in finding.words


def test_comparators_are_marked(run):
    assert named(run, "equalised")["comparator"]
    assert "for comparison only" in named(run, "equalised")["advice"]
    assert not named(run, "calibrated")["comparator"]


def test_findings_and_documents(run):
    whole = {f.model: f for f in run.findings if f.check == "PRM-H02"}
    for name in ("calibrated", "equalised"):
        repair = named(run, name)
        verdicts = {g["verdict"] for g in repair["groups"]}
        expected = Verdict.NO_HARM if repair["granted"] else Verdict.NOT_ASSESSABLE
        assert whole[name].verdict is (Verdict.HARM if "harmed" in verdicts else expected)
        assert whole[name].words == repair["advice"]
        document = read_certificate(run.path / "certificates" / f"{name}.json")
        assert document["granted"] == repair["granted"]
        assert document["plan"] == run.plan.hash
    again = Run.load(run.path)
    assert [f.row() for f in again.findings] == [f.row() for f in run.findings]


def test_the_same_audit_twice_gives_the_same_certificates(run, small_case, people, tmp_path):
    case = small_case(no_harm=NO_HARM, repairs=REPAIRS)
    again = audit(case, data=people(6000), out=tmp_path / "run")
    first, second = ({k: v for k, v in r.chapters["repairs"].items() if k != "seconds"} for r in (run, again))
    for a, b in zip(first["repairs"], second["repairs"], strict=True):
        drop = {"certificate"}  # it carries the day
        assert {k: v for k, v in a.items() if k not in drop} == {k: v for k, v in b.items() if k not in drop}


def test_rows_keep_their_order(small_case, people):
    from primum.cohort.read import from_frame
    from primum.cohort.select import assemble

    cohort = assemble(small_case(weight="weight"), from_frame(people(60)))
    some = of_rows(cohort, np.array([5, 3, 40]))
    assert some.n == 3
    assert some.outcome.tolist() == [cohort.outcome[i] for i in (5, 3, 40)]
    assert some.weight.tolist() == [cohort.weight[i] for i in (5, 3, 40)]
    assert some.scores["score"].tolist() == [cohort.scores["score"][i] for i in (5, 3, 40)]
    assert some.groups["sex"].to_list() == [cohort.groups["sex"][i] for i in (5, 3, 40)]


def test_a_model_trained_here_is_repaired_with_weights(small_case, people, tmp_path):
    case = small_case(
        models=[{"name": "logistic", "train": "logistic"}], weight="weight",
        no_harm=NO_HARM | {"largest_weight": 2.0, "held_out": 0.4},
        repairs=[{"name": "reweighed", "method": "reweighing", "by": ["region"]}, REPAIRS[0]],
    )  # fmt: skip
    run = audit(case, data=people(1500), out=tmp_path / "run")
    people_ = run.chapters["repairs"]["people"]
    assert people_["train"] > 500
    assert people_["certify"] == pytest.approx(600, abs=5)
    assert sum(people_[k] for k in ("train", "fix", "certify")) == 1500
    assert not any(r["failed"] for r in run.chapters["repairs"]["repairs"])


def test_points_cannot_be_repaired(small_case, people, tmp_path):
    models = [{"name": "points", "score": "points", "scale": "points", "range": [1, 10]}]
    case = small_case(models=models, decision={"act": "a", "threshold": 5}, repairs=REPAIRS[:1],
                      no_harm=NO_HARM | {"utility": "sensitivity"})  # fmt: skip
    with pytest.raises(PrimumError, match="gives points, and repairs need a probability"):
        audit(case, data=people(500), out=tmp_path / "run")


def test_the_report_says_who_would_be_worse_off(run, tmp_path):
    page = run.report(tmp_path / "report", figures=True).read_text(encoding="utf8")
    assert "8. Repairs, and who would be worse off" in page
    assert "7. Why does the model fail a group?" in page
    for repair in run.chapters["repairs"]["repairs"]:
        if not repair["failed"]:
            assert repair["advice"].replace("'", "&#39;")[:60] in page
    assert "Who paid for a narrower gap?" in page
    assert "No repair was tried" not in page
    assert "whether a repair would help" not in page
    tables = {p.stem for p in (tmp_path / "report" / "tables").glob("*.csv")}
    assert {"repairs", "repairs_by_group", "levelling_down"} <= tables


def test_an_intersection_is_judged_where_a_repair_cannot_reach_it_and_as_a_group_of_a_repair(
    small_case, people, tmp_path
):
    case = small_case(
        no_harm={"margin": 0.01, "alpha": 0.05, "groups": ["sex", "sex × age"]},
        repairs=[
            {"name": "levelled", "method": "levelling-up thresholds", "by": ["sex", "age"], "settings": {"floor": 0.5}},
            {"name": "crossed", "method": "levelling-up thresholds", "by": ["sex × age"], "settings": {"floor": 0.9}},
            {"name": "both", "method": "levelling-up thresholds", "by": ["sex", "sex × age"]},
        ],
    )
    run = audit(case, data=people(4000), out=tmp_path / "run")
    for name in ("levelled", "crossed", "both"):
        repair = named(run, name)
        assert not repair["failed"]
        judged = {g["group"] for g in repair["groups"] if g["attribute"] == "sex × age"}
        assert len(judged) >= 6, "two sexes by three ages, and those of whom one is missing"


def test_a_cell_with_nobody_among_those_kept_is_not_dropped(small_case, people, tmp_path):
    frame = people(3000)
    lonely = (frame["region"] == "East") & (frame["sex"] == "Male")
    frame = frame.filter(~lonely | (lonely.cum_sum() <= 1))  # one person of this cell
    groups = [{"column": "sex"}, {"column": "region"}, {"intersection": ["sex", "region"]}]
    asked = {"no_harm": NO_HARM | {"groups": ["sex × region"], "worst_off": None}, "repairs": REPAIRS[:1]}
    for seed in (1, 2, 3, 4):
        run = audit(small_case(groups=groups, seed=seed, **asked), data=frame, out=tmp_path / f"{seed}")
        found = {g["group"]: g for g in named(run, "calibrated")["groups"]}
        assert "Male · East" in found
        assert found["Male · East"]["verdict"] == "not assessable"
        assert not named(run, "calibrated")["granted"]


def test_the_step_of_a_walk_has_a_document_about_that_step(run):
    walks = [r["walk"] for r in run.chapters["repairs"]["repairs"] if not r["failed"] and r["walk"]]
    for walk in walks:
        if walk["certificate"] is not None:
            assert walk["certificate"]["plan"] == run.plan.hash
            if walk["reached"] < 1:
                assert f"{walk['reached']:.0%} of the way" in walk["certificate"]["names"][1]
                assert f"{walk['reached']:.0%} of the way" in walk["certificate"]["words"]


def test_a_margin_among_cases_is_told_per_1000_cases(small_case, people, tmp_path):
    from primum.report.views.repairs import rule

    case = small_case(no_harm=NO_HARM | {"utility": "sensitivity", "margin": 0.05}, repairs=REPAIRS[:1])
    run = audit(case, data=people(2000), out=tmp_path / "run")
    assert "50 cases found per 1,000 cases" in rule(run)


@pytest.mark.parametrize("claim", [{"worst_off": {"sex": "Femal"}}, {"recorded": {"sex": {"Femal": [0.5, 0.9]}}}])
def test_a_group_that_is_not_there_is_told_before_anything_is_computed(small_case, people, tmp_path, claim):
    case = small_case(no_harm=NO_HARM | {"worst_off": None} | claim, repairs=REPAIRS[:1])
    with pytest.raises(PrimumError, match="Femal"):
        audit(case, data=people(300), out=tmp_path / "run")
    assert not (tmp_path / "run" / "chapters" / "models.json").exists()
