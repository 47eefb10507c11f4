"""Claims of a finished run: declared, seeded, argued, covered, and exported."""

from __future__ import annotations

import copy
from dataclasses import replace

import jsonschema
import polars as pl
import pytest
from pydantic import ValidationError

from primum.assure import document, exchange
from primum.assure.argument import argument, written
from primum.assure.case import assurance
from primum.assure.claims import claims
from primum.assure.evidence import fewest, in_units
from primum.assure.state import State
from primum.errors import PrimumError
from primum.execute.run import Run
from primum.finding import Status, Verdict
from primum.usecase import METRIC_IDS, UseCase
from primum.usecase_scenario import REQUIREMENTS, Claim, Scenario, scenario_slips


@pytest.fixture
def case(small_run, with_scenario):
    return assurance(with_scenario(small_run))


def by_id(case):
    return {c.id: c for c in case.claims}


def test_declared_claims_take_the_number_of_the_tables(case, small_run):
    found = by_id(case)
    rows = small_run.chapters["performance"]["estimates"]
    auroc = next(r for r in rows if r["metric"] == "auroc")
    e = found["ranks"].evidence
    assert (e.estimate.value, e.estimate.low, e.estimate.high) == (auroc["value"], auroc["low"], auroc["high"])
    assert e.plan == small_run.plan.hash
    assert e.check == "tables of performance"
    assert found["ranks"].state is State.SUPPORTED
    assert found["finds-all"].state is State.REFUTED


def test_a_comparison_takes_the_difference_and_the_groups_own_precision(case, small_run):
    gap = next(
        r for r in small_run.chapters["groups"]["comparisons"]
        if (r["metric"], r["attribute"], r["group"], r["comparison"]) == ("sensitivity", "sex", "Male", "difference")
    )  # fmt: skip
    e = by_id(case)["men"].evidence
    assert (e.estimate.low, e.comparator, e.behind) == (gap["low"], "everyone else", gap["events"])


@pytest.mark.parametrize("metric", ["sensitivity", "specificity", "ppv", "npv", "selection_rate", "auroc", "nne"])
@pytest.mark.parametrize("who", ["everyone", "Male"])
def test_the_people_behind_a_number_are_those_in_its_denominator(small_run, with_scenario, people, metric, who):
    frame = people().filter(pl.col("sex") == who) if who != "everyone" else people()
    ill, chosen = frame["ill"] == 1, frame["risk"] >= 0.2
    n = frame.height
    wanted = {
        "sensitivity": (int(ill.sum()), "with the outcome"), "specificity": (int((~ill).sum()), "without the outcome"),
        "ppv": (int(chosen.sum()), "selected"), "nne": (int(chosen.sum()), "selected"),
        "npv": (int((~chosen).sum()), "not selected"),
        "selection_rate": (n, "everyone"), "auroc": (n, "everyone"),
    }  # fmt: skip
    claim = {"name": "it", "says": "It.", "metric": metric, "direction": "at least", "threshold": 0.1,
             "requirement": "technical robustness and safety"}  # fmt: skip
    claim |= {} if who == "everyone" else {"attribute": "sex", "group": who}
    (found,) = [c for c in claims(with_scenario(small_run, claims=[claim], tensions=[])) if c.id == "it"]
    e = found.evidence
    assert (e.behind, e.of) == wanted[metric]
    assert e.people.startswith(f"{e.behind:,} people")
    assert ("of them with the outcome" in e.people) is (e.of == "everyone")
    assert fewest(metric, e.estimate) == (
        min(int(ill.sum()), n - int(ill.sum())) if metric != "specificity" else n - int(ill.sum())
    )


def test_where_those_selected_cannot_be_counted_everyone_is_named(small_run, with_scenario):
    claim = {"name": "it", "says": "It.", "metric": "ppv", "direction": "at least", "threshold": 0.1,
             "requirement": "technical robustness and safety"}  # fmt: skip
    run = with_scenario(small_run, claims=[claim], tensions=[])
    for manifest in ({"release": {"preset": "cbs"}}, {}):
        told = Run(run.path, run.usecase, run.plan, manifest, copy.deepcopy(run.chapters), run.findings)
        rows = told.chapters["performance"]["estimates"]
        next(r for r in rows if r["metric"] == "selection_rate")["value"] += 1 / 3000  # as weights or rounding leave it
        (found,) = [c for c in claims(told) if c.id == "it"]
        assert (found.evidence.behind, found.evidence.of) == (1000, "everyone")


def test_people_judge_what_no_number_can(case):
    found = by_id(case)["explained"]
    assert (found.state, found.judge, found.evidence) == (State.HUMAN, "the ethics committee", None)


def test_the_scenario_seeds_claims(case):
    seeded = [c for c in case.claims if c.origin == "scenario"]
    # sensitivity has a margin, so a miss is tested by it; for false alarms nothing was declared
    assert [c.state for c in seeded] == [State.HUMAN, State.UNTESTED, State.HUMAN]
    assert "specificity" in seeded[1].why
    assert "at the visit" in seeded[2].why


def test_margins_seed_claims_that_agree_with_the_verdicts(case, small_run):
    said = {
        "harm shown": {State.REFUTED}, "no harm shown within the margin": {State.SUPPORTED},
        "inconclusive": {State.INCONCLUSIVE}, "not assessable": {State.INCONCLUSIVE, State.UNTESTED},
    }  # fmt: skip
    seeded = [c for c in case.claims if c.origin == "declared margin"]
    judged = [f for f in small_run.findings if f.margin is not None]
    assert len(seeded) == len(judged) > 10
    for c, f in zip(seeded, judged, strict=True):
        assert c.state in said[str(f.verdict)], f.words
    assert len({c.id for c in case.claims}) == len(case.claims)


def test_a_withheld_number_makes_a_claim_inconclusive(small_run):
    f = next(f for f in small_run.findings if f.verdict is Verdict.NO_HARM and f.margin)
    hidden = replace(f, verdict=Verdict.SUPPRESSED, estimate=replace(f.estimate, status=Status.SUPPRESSED))
    run = Run(small_run.path, small_run.usecase, small_run.plan, small_run.manifest, {}, [hidden])
    (c,) = claims(run)
    assert c.state is State.SUPPRESSED
    assert c.evidence.disclosure == "withheld"


def test_what_this_audit_lacks_is_not_testable_here(small_run, with_scenario, scenario):
    claim = scenario()["claims"][2] | {"group": "Nobody"}
    unseen = scenario()["claims"][2] | {"name": "lost", "check": "PRM-H01", "metric": "utility_change"}
    found = by_id(assurance(with_scenario(small_run, claims=[claim, unseen], tensions=[])))
    assert found["men"].state is State.UNTESTED
    assert "no sensitivity of Nobody against everyone else" in found["men"].why
    assert "no finding of PRM-H01" in found["lost"].why


def test_coverage_counts_claims_and_scores_nothing(case):
    assert [c.requirement for c in case.coverage] == list(REQUIREMENTS)
    assert sum(c.claims for c in case.coverage) == len(case.claims)
    for c in case.coverage:
        assert c.supported + c.refuted + c.inconclusive + c.suppressed + c.untested + c.human == c.claims
        assert c.computed <= c.claims
    assert "score" not in {k for row in document.to_document(case)["coverage"] for k in row}


def test_a_tension_shows_its_two_measured_sides(case):
    told = case.tensions[0]
    assert [c.state for c in told.sides] == [State.SUPPORTED, State.REFUTED]
    assert told.shown
    assert told.owner == "the board"
    assert all(t.sides[0].attribute == t.sides[1].attribute for t in case.tensions[1:])


def test_doubts_are_marked_examined_only_where_a_check_told_something(small_run):
    doubts = {r.says: r for r in argument(small_run, "PRM-G01", rebuttals=("Mine.",)).rebuttals}
    leak = argument(small_run, "PRM-M01").rebuttals[-1]
    assert leak.examined_by == ("PRM-P01",)
    unseen = doubts["The outcome is recorded less completely in some groups than in others"]
    assert unseen.examined_by == ()  # PRM-R01 is there, and says that nothing could be looked at
    assert "not examined in this audit" in doubts["Mine"].words


SLOPE = {"name": "slope", "says": "The slope is right.", "metric": "calibration_slope", "direction": "within",
         "threshold": 0.2, "requirement": "technical robustness and safety"}  # fmt: skip


def test_a_slope_is_told_as_a_slope_and_judged_by_its_distance_from_1(small_run, with_scenario):
    for check in ({}, {"check": "PRM-M01"}):  # of the tables, and of the check, which tells the slope less 1
        for value, low, high, state in (
            (1.013, 0.928, 1.099, State.SUPPORTED), (1.4, 1.3, 1.5, State.REFUTED), (0.1, 0.0, 0.19, State.REFUTED)
        ):  # fmt: skip
            run = with_scenario(small_run, claims=[SLOPE | check], tensions=[])
            chapters = copy.deepcopy(run.chapters)
            next(r for r in chapters["performance"]["estimates"] if r["metric"] == "calibration_slope").update(
                value=value, low=low, high=high
            )
            found = [f for f in run.findings if (f.check, f.metric) == ("PRM-M01", "calibration_slope")]
            assert found
            e = replace(found[0].estimate, value=value - 1, low=low - 1, high=high - 1)
            run = Run(run.path, run.usecase, run.plan, {}, chapters, [replace(found[0], estimate=e)])
            c = next(c for c in claims(run) if c.id == "slope")
            assert c.state is state, (check, value)
            assert c.evidence.estimate.value == pytest.approx(value)
            assert c.evidence.ideal == 1.0
            assert c.evidence.number.startswith(f"Calibration slope: {value:g} [{low:g} to {high:g}]")


def test_a_difference_from_an_ideal_is_never_called_one_from_a_person(small_run, with_scenario):
    claim = SLOPE | {"check": "PRM-M01", "direction": "at most"}
    named = [claim, claim | {"name": "intercept", "metric": "calibration_intercept"}]
    found = {c.id: c for c in claims(with_scenario(small_run, claims=named, tensions=[]))}
    assert found["slope"].evidence.number.startswith("Calibration slope, less its ideal (1): ")
    assert found["intercept"].evidence.number.startswith("Calibration intercept: ")


def test_shares_are_told_in_per_cent_and_their_differences_in_points(case):
    found = by_id(case)
    e = found["finds-all"].evidence.estimate
    assert f"{100 * e.value:.1f}".rstrip("0").rstrip(".") + " % [" in found["finds-all"].evidence.number
    assert " percentage points (" in found["men"].evidence.number
    assert "%" not in found["ranks"].evidence.number
    assert in_units("sensitivity", -0.0341, -0.1, 0.05, gap=True) == "−3.4 [−10 to 5] percentage points"
    assert in_units("sensitivity", 0.695, 0.651, 0.735, gap=False) == "69.5 % [65.1 to 73.5]"
    assert in_units("auroc", 0.05, gap=True) == "0.05"


def test_people_whose_group_is_not_known_are_told_so(small_run):
    f = next(f for f in small_run.findings if f.margin == small_run.usecase.margins["sensitivity"])
    f = replace(f, check="PRM-G01", metric="sensitivity", attribute="income", group="(missing)", margin=0.1)
    (c,) = claims(Run(small_run.path, small_run.usecase, small_run.plan, {}, small_run.chapters, [f]))
    assert c.says.startswith("Sensitivity of not recorded (income)")
    assert c.says.endswith("by less than 10 percentage points.")


def test_an_average_is_doubted_where_the_curve_shows_each(small_run):
    def doubt(metric, chapters):
        run = Run(small_run.path, small_run.usecase, small_run.plan, {}, chapters, [])
        return [r.words for r in argument(run, "tables", metric=metric).rebuttals if "average" in r.says]

    assert doubt("sensitivity", small_run.chapters) == []
    (said,) = doubt("ici", small_run.chapters)
    assert said.endswith(": examined by chapter performance, calibration.")
    (said,) = doubt("ici", {})
    assert said.endswith(": not examined in this audit.")


def test_every_doubt_ends_with_what_became_of_it(case):
    for c in case.claims:
        for r in c.argument.rebuttals if c.argument else ():
            assert r.words.endswith((f": {r.otherwise}.", f": examined by {', '.join(r.examined_by)}."))
            assert r.examined_by or r.otherwise


@pytest.mark.parametrize(("error", "noun"), [("false alarm", "false alarm"), ("no score", "missing score")])
def test_whether_an_error_can_be_put_right_is_asked(small_run, with_scenario, error, noun):
    wrong = {"error": error, "to": "the patient", "what": "worries"}
    found = {c.id: c.says for c in claims(with_scenario(small_run, on_error=[wrong]))}
    asked = f"Can a {noun} that the patient bears be noticed and put right?"
    assert found[f"scenario/{error}/the patient/undone"] == asked


def test_a_declared_tension_is_not_told_again_because_of_its_margins(small_run, with_scenario):
    pair = {"attribute": "sex", "group": "Male", "comparator": "everyone else", "requirement": REQUIREMENTS[0]}
    named = [
        {"name": m, "says": f"{m}.", "metric": m, "direction": "at least", "threshold": -0.1} | pair
        for m in ("sensitivity", "specificity")
    ]
    base = next(
        f for f in small_run.findings if f.check == "PRM-G01" and f.metric == "sensitivity" and f.group == "Male"
    )
    ends = {"sensitivity": (0.01, 0.2), "specificity": (-0.4, -0.2)}
    found = [
        replace(base, metric=m, margin=0.1, reason="", more_events=None,
                verdict=Verdict.NO_HARM if low > 0 else Verdict.HARM,
                estimate=replace(base.estimate, value=(low + high) / 2, low=low, high=high, status=Status.OK))
        for m, (low, high) in ends.items()
    ]  # fmt: skip
    tension = {"name": "finding against sparing", "between": ["sensitivity", "specificity"]}

    def told(tensions):
        run = with_scenario(small_run, claims=named, tensions=tensions)
        return [t.name for t in assurance(Run(run.path, run.usecase, run.plan, {}, run.chapters, found)).tensions]

    assert told([]) == ["sensitivity against specificity for Male (sex)"]
    assert told([tension]) == ["finding against sparing"]


def test_every_argument_names_a_requirement():
    for told in written().values():
        assert told["requirement"] in REQUIREMENTS
        assert told["strategy"]
        assert told["warrant"]
        assert told["rebuttals"]


def test_the_document_follows_its_schema_and_comes_back(case, tmp_path):
    jsonschema.Draft202012Validator.check_schema(document.schema())
    jsonschema.validate(document.to_document(case), document.schema())
    found = document.read(document.write(case, tmp_path / "claims.json"))
    assert len(found["claims"]) == len(case.claims)
    broken = dict(found, score=0.9)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, document.schema())
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(PrimumError, match="is not an assurance case"):
        document.read(tmp_path / "other.json")
    (tmp_path / "old.json").write_text('{"kind": "primum assurance case", "version": 0}')
    with pytest.raises(PrimumError, match="of version 0"):
        document.read(tmp_path / "old.json")
    with pytest.raises(PrimumError, match="not an assurance case that can be read"):
        document.read(tmp_path / "none.json")


def test_exports_hold_every_claim(case):
    tea, gsn = exchange.to_tea(case), exchange.to_gsn(case)
    told = [p for s in tea["goals"][0]["strategies"] for p in s["property_claims"]]
    assert sorted(p["short_description"] for p in told) == sorted(c.says for c in case.claims)
    names = [p["name"] for p in told]
    assert len(set(names)) == len(names)
    assert gsn.count(" Goal: ") == 1 + len(case.claims)
    assert gsn.count("(undeveloped)") == sum(c.evidence is None for c in case.claims)
    assert "Z-Inspection" not in gsn + str(tea)


def test_without_a_scenario_the_margins_still_make_a_case(small_run):
    plain = assurance(small_run)
    assert plain.scenario is None
    assert {c.origin for c in plain.claims} == {"declared margin"}
    jsonschema.validate(document.to_document(plain), document.schema())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"judge": "she"}, "has no metric, threshold, direction"),
        ({"threshold": None}, "threshold is lacking"),
        ({"attribute": "sex"}, "attribute and group belong together"),
        ({"comparator": "everyone else"}, "nobody to be compared with"),
        ({"direction": "within", "threshold": -1.0}, "within asks for a threshold above 0"),
        ({"name": "Ranks!"}, "String should match pattern"),
        ({"requirement": "trust"}, "Input should be"),
        ({"check": "G01"}, "String should match pattern"),
    ],
)
def test_a_claim_that_cannot_be_tested_is_refused(scenario, changes, words):
    with pytest.raises(ValidationError, match=words):
        Claim.model_validate(scenario()["claims"][0] | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"on_error": [{"error": "miss", "to": "nobody", "what": "x"}]}, "no actor 'nobody'"),
        ({"tensions": [{"name": "x", "between": ["ranks", "lost"]}]}, "no claim 'lost'"),
        ({"tensions": [{"name": "x", "between": ["ranks", "ranks"]}]}, "two different claims"),
        ({"actors": []}, "at least 1 item"),
    ],
)
def test_a_scenario_whose_names_do_not_meet_is_refused(scenario, changes, words):
    with pytest.raises(ValidationError, match=words):
        Scenario.model_validate(scenario(**changes))


def test_names_are_held_against_the_use_case(scenario, question):
    claims = [scenario()["claims"][2] | {"attribute": "race", "metric": "luck", "model": "other"}]
    told = Scenario.model_validate(scenario(claims=claims, tensions=[]))
    usecase = UseCase.model_validate(question())
    slips = scenario_slips({"groups": usecase.groups, "models": usecase.models}, told, METRIC_IDS)
    assert [s.path[-1] for s in slips] == ["attribute", "metric", "model"]
    assert scenario_slips({"groups": usecase.groups}, Scenario.model_validate(scenario()), METRIC_IDS) == []
