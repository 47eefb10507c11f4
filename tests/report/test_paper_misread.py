"""What a reader could misunderstand in the paper: each number and verdict says what it is of, and at what error."""

from __future__ import annotations

from dataclasses import replace

import pytest

from primum.finding import Verdict
from primum.report.paper import printed, results, table_set
from primum.report.paper.manuscript import Heading
from primum.report.paper.write import manuscript
from primum.usecase import UseCase

MODEL = "boosting"


def words_of(paper):
    return "\n".join(b.text if isinstance(b, Heading) else b.plain for b in paper.blocks)


def under(paper, heading):
    """The text below a heading, up to the next."""
    out, inside = [], False
    for b in paper.blocks:
        if isinstance(b, Heading):
            inside = b.text == heading
        elif inside:
            out.append(b.plain)
    return "\n".join(out)


def changed(run, **update):
    run.usecase = UseCase.model_validate(run.usecase.model_dump(exclude_unset=True) | update)
    return run


def estimate_of(run, metric, attribute="overall", group="everyone", model=MODEL):
    rows = [*run.chapters["performance"]["estimates"], *run.chapters["groups"]["estimates"]]
    keys = (model, metric, attribute, group)
    return next(r for r in rows if (r["model"], r["metric"], r["attribute"], r["group"]) == keys)


def repaired(run):
    """The run with two repairs that could not be fitted, of a model that was trained anew."""
    one = {"name": "a", "method": "group calibration", "by": ["sex"], "failed": "too few", "groups": []}
    people = {"train": 900, "fix": 300, "certify": 1000}
    run.chapters["repairs"] = {"model": MODEL, "people": people, "repairs": [one, one | {"name": "b"}]}
    return changed(run, no_harm={"margin": 0.01, "alpha": 0.05, "chosen": "by us"})


def test_the_number_of_more_people_is_told_as_what_power_takes(finished):
    said = under(manuscript(finished), "Sample size")
    assert "about how many more cases (or people without the outcome) would tell a shortfall as large as the" in said
    assert "with 80% power, and never fewer than were declared necessary" in said
    assert "lacking" not in said


def test_widths_are_of_the_group_s_own_estimate_and_may_exceed_the_margin(run):
    said = under(manuscript(run), "Sample size")
    assert "These widths are of the group's own estimate" in said
    assert "For sensitivity the declared width exceeds the margin" in said  # ±0.15 against 0.1
    changed(run, precision={"sensitivity": {"half_width": 0.1}})
    assert "exceeds the margin" not in under(manuscript(run), "Sample size")


@pytest.mark.parametrize(
    ("level", "told", "error"), [(0.95, "95%", "2.5%"), (0.9, "90%", "5%"), (0.999, "99.9%", "0.05%")]
)
def test_verdicts_are_one_sided_at_half_the_error_of_the_interval(run, level, told, error):
    changed(run, level=level)
    said = under(manuscript(run), "Measures and statistical analysis")
    assert f"each limit of a two-sided {told} interval is a test at {error}." in said
    assert "The repairs" not in said
    said = under(manuscript(repaired(run)), "Measures and statistical analysis")
    assert "The repairs have a one-sided error of their own, 5%." in said


def test_intervals_are_conditional_on_the_models(run):
    said = under(manuscript(run), "Measures and statistical analysis")
    assert "variation from training and from the division into folds is not in them" in said
    assert "pooled over the folds" in said
    changed(run, models=[{"name": MODEL, "score": "risk"}], features=[])
    said = under(manuscript(run), "Measures and statistical analysis")
    assert "folds" not in said
    assert "variation from their training is not in them" in said


@pytest.mark.parametrize(
    "declared",
    [
        {"weight": "w"}, {"identifiers": {"family": "f"}}, {"identifiers": {"person": "p", "repeated_visits": True}},
        {"identifiers": {"site": "s", "variance_by": "site"}},
    ],
)  # fmt: skip
def test_people_are_independent_only_where_nothing_else_was_declared(run, declared):
    told = "Neither clusters nor weights were declared: intervals take people as independent"
    assert told in words_of(manuscript(run))
    assert "independent" not in under(manuscript(changed(run, **declared)), "Measures and statistical analysis")


def test_a_site_or_a_person_alone_links_nobody(run):
    changed(run, identifiers={"person": "p", "site": "s"})
    assert "Neither clusters nor weights were declared" in words_of(manuscript(run))


def test_the_repaired_model_is_another_one_where_it_was_trained_anew(run):
    run = repaired(run)
    said = under(manuscript(run), "Repairs of the model")
    assert "is not the one above, which is cross-fitted on everybody: boosting was trained anew on 900 people" in said
    assert "2 repairs were tried, each with an error of 5% of its own" in said
    run.chapters["repairs"]["people"]["train"] = 0
    run.chapters["repairs"]["repairs"] = run.chapters["repairs"]["repairs"][:1]
    said = under(manuscript(run), "Repairs of the model")
    assert "anew" not in said
    assert "300 people fitted the repairs" in said
    assert "repairs were tried" not in said


CAUTION = "groups with other distributions of risk differ in sensitivity and specificity with a calibrated model too"


def test_harm_at_one_threshold_comes_with_one_caution(run):
    said = under(manuscript(run), "Performance by group")
    assert said.count(CAUTION) == 1
    assert f"{CAUTION}; Table 3 has their calibration and net benefit." in said
    heads = table_set.by_group(run, MODEL).columns
    assert {"Net benefit", "Observed/expected ratio", "Calibration slope"} <= set(heads)
    run.chapters["groups"]["estimates"] = [
        r for r in run.chapters["groups"]["estimates"] if r["metric"] != "net_benefit"
    ]
    assert f"{CAUTION}." in under(manuscript(run), "Performance by group")
    run.findings = [f for f in run.findings if f.verdict is not Verdict.HARM]
    assert CAUTION not in words_of(manuscript(run))


def test_harm_of_a_group_looked_at_alone_says_so_in_its_sentence(run):
    note = "by its own interval; not when all 7 groups are compared at once"
    run.findings = [replace(f, reason=note) if f.verdict is Verdict.HARM else f for f in run.findings]
    said = under(manuscript(run), "Performance by group")
    line = next(x for x in said.split("\n") if x.startswith("Harm shown"))
    sentence = line.partition(". ")[0]
    assert "while with all 7 groups compared at once a difference within the margin is not excluded" in sentence
    assert "Mexican American (ethnicity), a difference of" in sentence
    held = [replace(f, reason="it holds when all 7 groups are compared at once") for f in run.findings]
    run.findings = held
    said = under(manuscript(run), "Performance by group")
    assert "not excluded" not in said
    assert "It also holds with all 7 groups compared at once." in said


def test_harm_by_another_model_says_whether_it_is_of_a_group_alone(run):
    f = next(f for f in run.findings if f.verdict is Verdict.HARM and f.model == MODEL)
    other = next(m["name"] for m in run.chapters["models"]["models"] if m["name"] != MODEL)
    note = "by its own interval; not when all 7 groups are compared at once"
    same = (f.metric, f.attribute, f.group)
    run.findings = [x for x in run.findings if (x.model, x.metric, x.attribute, x.group) != (other, *same)]
    run.findings.append(replace(f, model=other, reason=note))
    said = under(manuscript(run), "Performance by group")
    assert f"{f.group} (ethnicity) (not with all groups compared at once)" in said


def test_people_without_a_recorded_outcome_are_told_between_their_shares(run):
    people = run.chapters["people"]
    people["unrecorded"] = {
        "sex": {"Women": {"n": 400, "unknown_outcome": 10}, "Men": {"n": 600, "unknown_outcome": 30}},
        "age": {"<35": {"n": 500, "unknown_outcome": 40}, "≥65": {"n": 500, "unknown_outcome": 0},
                "none": {"n": 0, "unknown_outcome": 0}},
    }  # fmt: skip
    said = under(manuscript(run), "Participants")
    assert "Of 1,000 eligible people, 40 (4.0%) were left out because the outcome was not recorded" in said
    assert "from 0.0% of ≥65 (age) to 8.0% of <35 (age); no interval covers this." in said
    people["unrecorded"]["age"]["<35"]["unknown_outcome"] = None
    assert "eligible people, " not in under(manuscript(run), "Participants")
    people["unrecorded"] = {}
    assert "not recorded" not in under(manuscript(run), "Participants")


def test_net_benefit_stands_beside_that_of_everybody_and_nobody(finished):
    row = estimate_of(finished, "prevalence")
    p = row["events"] / row["n"]
    everybody = p - (1 - p) * 0.1 / 0.9
    told = f"against {everybody:.3f} with everybody selected and 0 with nobody selected".replace("-", "−")
    assert told in under(manuscript(finished), "Performance in everyone")
    assert printed.everybody(0.2, 0.1) == "0.1"  # 0.111…, no more decimals than the prevalence has
    assert results._beside("x", {"value": 0.2}, None) == results._beside("x", None, 0.1) == "x"


def test_declared_means_before_the_program_read_an_outcome(run):
    said = words_of(manuscript(run))
    assert "beforehand" not in said
    told = "written in the plan before the program read any outcome in this audit"
    assert f"{told}, these changes apart." in under(manuscript(run), "Design")
    run.manifest["deviations"] = []
    assert f"{told}." in under(manuscript(run), "Design")
    assert not any("beforehand" in f"{t.caption} {t.notes}" for t in manuscript(run).tables)


def test_nothing_says_that_the_outcome_lies_in_the_future(finished):
    paper = manuscript(finished)
    assert paper.title.startswith("Risk of depression in ")
    assert "diagnostic and prognostic models alike are called prediction models" in under(paper, "Design")
    assert "[to be written by the authors: when the outcome was assessed" in under(paper, "Outcome")


def test_variables_whose_gaps_are_withheld_are_not_counted_as_complete(run):
    rows = [r for r in run.chapters["people"]["missingness"] if r["attribute"] == "overall"]
    said = under(manuscript(run), "Participants")
    assert f"of {len(rows)} predictor variables had missing values" in said
    gone = min(rows, key=lambda r: r["missing"])
    gone.update(missing=None, share=None)
    said = under(manuscript(run), "Participants")
    assert f"of {len(rows) - 1} predictor variables of which this may be told had missing values" in said
    run.chapters["people"]["missingness"] = [gone, *(r | {"missing": 0, "share": 0.0} for r in rows if r is not gone)]
    assert "missing values" not in under(manuscript(run), "Participants")


def test_the_recalibration_too_was_fitted_without_those_it_was_applied_to(finished):
    said = under(manuscript(finished), "Models")
    assert "; the recalibration, too, was fitted without the people to whom it was applied." in said


def judged(run, metric, group="Men", **update):
    """The run with one finding more: men compared on another measure."""
    f = next(f for f in run.findings if f.check == "PRM-G01" and f.model == MODEL and f.group == group)
    run.findings = [*run.findings, replace(f, metric=metric, **update)]
    return changed(run, margins={"sensitivity": 0.1, metric: 0.05})


@pytest.mark.parametrize(
    ("metric", "who"),
    [("specificity", "people without depression"), ("ppv", "people selected"), ("accuracy", "people")],
)
def test_a_measure_stands_on_those_who_count_for_it(run, metric, who):
    run = judged(run, metric)
    lines = table_set.differences(run, MODEL).lines
    at = next(i for i, x in enumerate(lines) if x.section and f"; n={who}. Sex" in x.head)
    p, n = (estimate_of(run, m, "sex", "Men") for m in ("ppv", "specificity"))
    found = estimate_of(run, "sensitivity", "sex", "Men")["value"] * p["events"]
    wanted = {"specificity": n["nonevents"], "ppv": round(found / p["value"]), "accuracy": p["n"]}
    assert lines[at + 1].cells[0].text == f"{wanted[metric]:,}"
    assert p["events"] not in wanted.values()


@pytest.mark.parametrize("how", ["weighted", "released"])
def test_a_share_that_does_not_tell_how_many_were_selected_is_not_made_a_number(run, how):
    run = judged(run, "ppv")
    if how == "weighted":
        changed(run, weight="w")
    else:
        run.manifest["release"] = {"preset": "cbs"}
    line = next(x for x in table_set.differences(run, MODEL).lines if "Positive predictive value" in x.head)
    assert "n=people. Sex" in line.head


def test_the_least_that_was_declared_is_not_called_what_power_takes(run):
    few = next(f for f in run.findings if f.verdict is Verdict.NOT_ASSESSABLE and f.model == MODEL)
    lacks = 30 - few.estimate.events
    changed(run, precision={"sensitivity": {"events": 30}})
    assert table_set.lack(run, replace(few, more_events=lacks)) == f"at least {lacks} more cases needed"
    assert table_set.lack(run, replace(few, more_events=99)) == "about 99 more cases needed for 80% power"
    other = replace(few, more_events=99, more_kind="non-events")
    assert table_set.lack(run, other) == "about 99 more people without the outcome needed for 80% power"
