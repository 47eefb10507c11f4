"""What a reader of the report could take wrongly: harm among few cases, uncertainty, repairs, columns, releases."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from primum.finding import Estimate, Verdict
from primum.report import words
from primum.report.html import html
from primum.report.language import language
from primum.report.numbers import NBSP
from primum.report.page_one import page_one
from primum.report.page_one_thousand import thousand
from primum.report.pages.judged import judged
from primum.report.pages.summary import summary
from primum.report.say import say
from primum.report.source import headline, primary, verdicts
from primum.report.views import capacity, claims, diagnosis, missing, people, repairs, searched
from primum.report.views import run as again
from primum.report.views.labels import relabelled
from primum.usecase_scenario import Scenario

REASON = (
    "only 20 people with the outcome; at least 30 were declared necessary; yet all of the interval lies beyond the "
)
REASON += f"margin: {words.SIGNAL}"
WORSE = "too few cases to judge, but all of the interval is worse than the margin ("


def text(page):
    body = re.sub(r"<style>.*?</style>|<head>.*?</head>", " ", page, flags=re.S)  # noqa: FURB167
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).replace("&#39;", "'")


def told(run, attribute, group, **update):
    """Change the finding of the primary model about a group."""
    key = (primary(run), headline(run), attribute, group)
    run.findings = [
        replace(f, **update) if (f.model, f.metric, f.attribute, f.group) == key else f for f in run.findings
    ]


def signal(run, attribute, group):
    few = Estimate(-0.913, -0.931, -0.751, "Newcombe", 1464, 20, 1444)
    told(run, attribute, group, estimate=few, verdict=Verdict.NOT_ASSESSABLE, reason=REASON, more_events=110)


def test_harm_among_few_cases_stands_first_of_what_is_open_intersections_too(run):
    signal(run, "age", "≥65")
    both = next(g for a, g in verdicts(run, primary(run), headline(run)) if "×" in a)
    signal(run, "sex × ethnicity", both)
    first, second, *rest = page_one(run).not_assessable
    assert first.startswith(f"≥65 (age): {WORSE}")
    own = next(line for d in page_one(run).divisions for line in d.lines if line.name == "≥65").found
    assert f"({own}; everyone else " in first
    assert "−91.3" in words.sentence(verdicts(run, primary(run), headline(run))["age", "≥65"])
    assert second.startswith(f"{both}: {WORSE}")
    assert not [line for line in rest if "≥65" in line or both in line]
    assert "all of the interval is worse" in html(run, {})


def test_more_than_eight_of_them_are_still_named(run):
    for a, g in list(verdicts(run, primary(run), headline(run)))[:10]:
        signal(run, a, g)
    lines = page_one(run).not_assessable
    assert sum("all of the interval is worse than the margin (" in line for line in lines) == 8
    assert sum(line.startswith("Also too few cases to judge, but all of the interval is worse") for line in lines) == 1


def test_other_margins_name_them_too(run):
    few = {"metric": "calibration_slope", "verdict": Verdict.NOT_ASSESSABLE, "reason": REASON}
    run.findings.append(replace(verdicts(run, primary(run), headline(run))["age", "≥65"], **few))
    assert "too few cases but worse than the margin for ≥65 (age)" in " ".join(page_one(run).other_models)


@pytest.mark.parametrize(
    ("code", "group", "said"),
    [
        ("en", "65 and over (age): ", "even the best value that fits is worse than the limit"),
        ("nl", "65 en hoger (", "zelfs de gunstigste waarde die past, is slechter dan de grens"),
    ],
)
def test_the_summaries_say_so_in_plain_words(run, code, group, said):
    assert said not in text(summary(run, code))
    signal(run, "age", "≥65")
    found = next(j for j in judged(run) if j.family == "found")
    assert [(f.attribute, f.group) for f in found.signals] == [("age", "≥65")]
    page = text(summary(run, code))
    part = page[page.index(language(code)("summary.open.title")) :]
    assert said in part
    assert group in part[: part.index(said)]


def test_inconclusive_is_about_the_margin_and_says_who_does_worse(run):
    for code, right, wrong in (("en", "larger than the margin", "chance"), ("nl", "groter is dan de marge", "toeval")):
        means = language(code)("report.verdict.inconclusive.means")
        assert right in means
        assert wrong not in means + language(code)("summary.open.lead") + language(code)("summary.harm.alone")
    told(run, "age", "≥65", estimate=Estimate(-0.12, -0.2, -0.04, "Newcombe", 900, 90, 810), reason="",
         verdict=Verdict.INCONCLUSIVE)  # fmt: skip
    line = page_one(run).not_assessable[-1]
    assert line.startswith("Worse, only the size against the margin is open: ")
    assert "≥65 (age) −12.0" in line
    worse = "This group does worse; only whether by more than the margin, these numbers cannot tell."
    assert words.sentence(verdicts(run, primary(run), headline(run))["age", "≥65"]).endswith(worse)
    told(run, "age", "≥65", estimate=Estimate(-0.05, -0.14, 0.04, "Newcombe", 900, 90, 810))
    assert not [x for x in page_one(run).not_assessable if "≥65 (age)" in x]


@pytest.mark.parametrize(
    ("metric", "low", "high", "comparator", "way"),
    [
        ("sensitivity", -0.2, -0.1, "rest", "worse"), ("sensitivity", 0.1, 0.2, "rest", "better"),
        ("fpr", 0.1, 0.2, "rest", "worse"), ("fpr", -0.2, -0.1, "rest", "better"),
        ("sensitivity", -0.1, 0.1, "rest", "open"), ("calibration_slope", 0.1, 0.2, "ideal (1)", "apart"),
        ("sensitivity", float("nan"), float("nan"), "rest", "open"),
    ],
)  # fmt: skip
def test_which_way_a_difference_lies(finished, metric, low, high, comparator, way):
    estimate = Estimate((low + high) / 2, low, high, "", 9, 4, 5)
    found = replace(finished.findings[0], metric=metric, estimate=estimate, comparator=comparator)
    assert words.leaning(found) == way


def test_more_cases_promise_no_verdict():
    note = say("page.found.note", chapter=5)
    assert "(+n): cases to add so that a true gap as large as the margin would be noticed" in note
    assert "are needed" not in note + say("words.needs.more", has="1 case", n=2, gap="a gap")


def repaired(run, train=900):
    women = {
        "attribute": "sex", "group": "Women", "n": 500, "events": 60, "nonevents": 440, "found": 2, "lost": 5,
        "spared": 31, "alarmed": 4, "value": -0.0062, "low": -0.0244, "high": 0.0094, "verdict": "not assessable",
        "decides": "not assessable", "need": 12783, "reason": "",
    }  # fmt: skip
    men = women | {"group": "Men", "value": 0.012, "low": 0.002, "high": 0.022, "verdict": "certified"}
    one = {
        "name": "calibrated", "failed": "", "granted": False, "comparator": False, "advice": "no certificate.",
        "groups": [women, men | {"decides": "certified"}], "overall": women, "ledger": [],
    }  # fmt: skip
    who = {"train": train, "fix": 300, "certify": 1000, "certify_events": 90}
    run.chapters["repairs"] = {"model": "boosting", "people": who, "repairs": [one], "performance": []}


def test_a_refused_repair_certifies_no_group(run):
    repaired(run)
    shown = [line.cells[-1].text for line in repairs.groups(run, "calibrated").lines if not line.section]
    assert shown == ["○ cannot be told (+12,783 people)", "● no loss beyond the margin"]
    assert say("figure.repairs.verdict.certified") == "no loss beyond the margin"


def test_single_people_may_lose_where_no_group_does():
    assert "single people may lose where their group gains" in say("repairs.ledger.lead")
    entry = {"gap_before": 0.2, "gap_after": 0.1, "narrowed": 0.1, "gained": 0.1, "worst": "A", "strict": False,
             "groups": [{"group": "A", "change": 0.1}], "words": ""}  # fmt: skip
    assert repairs.who_paid(entry) == "Narrowed: A, the worst-off, gained; no group lost on this average."


def test_a_model_trained_anew_is_not_that_of_page_one(run):
    repaired(run)
    assert "This is not the model of page one" in repairs.people(run)
    assert page_one(run).repairs[0] == say("page_one.repairs_trained")
    assert repairs.overview(run).lines[0].head == "boosting, trained anew"
    repaired(run, train=0)
    assert "This is not the model of page one" not in repairs.people(run)
    assert page_one(run).repairs == ["Calibrated: no certificate."]
    assert repairs.overview(run).lines[0].head == "boosting as it is"


def test_the_last_lines_of_the_summary_are_true(run):
    scenario = {"setting": "a clinic", "actors": [{"name": "nurse", "part": "decides"}]}
    scenario["decision"] = f"The nurse invites everybody by letter. {'More is said of this. ' * 9}"
    run.usecase = run.usecase.model_copy(update={"scenario": Scenario.model_validate(scenario)})
    assert "by letter. More is said of this" in text(summary(run, "en"))
    assert ".." not in text(summary(run, "en"))
    assert "Wie over een patiënt beslist" not in text(summary(run, "nl"))
    assert "All numbers are in the full report." in text(summary(run, "en"))
    run.manifest["release"] = {"preset": "cbs", "date": "2026-03-02"}
    assert "The numbers that may leave are in the full report." in text(summary(run, "en"))
    assert "All numbers are" not in text(summary(run, "en"))
    assert "De cijfers die naar buiten mogen" in text(summary(run, "nl"))


def test_a_release_says_what_is_withheld_and_does_not_contradict_itself(run):
    run.manifest["release"] = {"preset": "cbs", "date": "2026-03-02"}
    for name in ("record", "repairs"):
        run.chapters.pop(name, None)
    by, untold = page_one(run, export=True).record[:2]
    assert by.startswith("The outcome was recorded by")
    assert untold == "How equally it was recorded is not part of this release."
    assert repairs.section(run).title == "Repairs: not part of this release"
    run.manifest.pop("release")
    assert repairs.section(run).title == "Repairs: none was tried"


def looked(group, explained, suggestion=""):
    none = {"verdict": "cannot be told"}
    return {
        "attribute": "ethnicity", "group": group, "n": 338, "events": 12, "label": none, "curve": none, "own": none,
        "explained": {"value": 0.01, "verdict": explained}, "suggestion": suggestion, "evidence": [], "remedies": [],
    }  # fmt: skip


def test_a_group_with_a_sign_is_not_among_those_without(run):
    rows = [looked("Asian", "less can be explained"), looked("Black", "no sign")]
    run.chapters["diagnosis"] = {"groups": rows, "why_not": "", "noise": ""}
    assert diagnosis._said(run) == [
        "Asian (ethnicity): less than in the others can be explained; no remedy follows from this alone.",
        "Nothing is shown that would point to a cause for: Black (ethnicity).",
    ]
    cell = next(line for line in diagnosis.overview(run).lines if line.head == "Asian").cells[3]
    assert (cell.text, cell.note) == (f"1{NBSP}%", "(less than in the others can be explained)")


def test_the_search_takes_nothing_away_from_a_verdict():
    search = {"metric": "sensitivity", "depth": 2, "margin": 0.1, "confirmed": [], "searched": 9, "model": "m"}
    assert "tested on the other half, against the margin: ‘not confirmed’ takes nothing away" in searched.said(search)
    worse = searched.said(search | {"metric": "auroc", "margin": None})
    assert "tested on the other half: ‘not confirmed’ takes nothing away" in worse


@pytest.mark.parametrize(("tied", "said"), [(1.0, "1 person shares the next score"), (2.0, "2 people share the next")])
def test_one_person_who_waits_is_singular(tied, said):
    assert said in capacity.places([{"capacity": 0.1, "attribute": "sex", "groups": [], "tied": tied}], 0.1).caption


@pytest.mark.parametrize("release", [None, {"preset": "cbs", "date": "2026-03-02"}])
@pytest.mark.parametrize("people_", [5068, 420])
def test_the_thousand_add_up_on_page_one_as_in_the_summary(run, release, people_):
    run.manifest["release"] = release
    row = {"per": 1000, "with_outcome": 90.6, "found": 62.7, "missed": 27.9, "false_alarms": 197.6, "left_alone": 711.8}
    for r in run.chapters["groups"]["consequences"]:
        if (r["model"], r["attribute"]) == (primary(run), "overall"):
            r.update(row)
    run.chapters["people"]["n"] = people_
    shown = {k: n for k, n, _ in page_one(run).bar_key}
    assert sum(shown.values()) == 1000
    assert shown == thousand(run)
    assert shown["alone"] == (710 if release and people_ == 420 else 711)
    assert f"{shown['alarmed']:.0f} others are selected for nothing" in page_one(run).overall


def test_missing_membership_is_named_in_claims():
    assert claims._says("Of (missing) people") == "Of not recorded people"


def test_columns_are_called_by_their_labels(run):
    run.chapters["people"]["labels"] = {"bmi": "Body mass index?", "age": "Age in years"}
    grids = people.missingness(run)
    heads = {line.head for g in grids for line in g.lines}
    assert "Body mass index" in heads
    assert "bmi" not in heads
    assert "Age in years" in dict(again.question(run))[say("again.question.features")]
    run.chapters["missing"] = {"inputs": [
        {"loss": "age", "columns": ["age"], "attribute": "sex", "group": "Men", "metric": "net_benefit", "n": 9,
         "events": 4, "value": -0.045, "low": -0.05, "high": -0.04}
    ]}  # fmt: skip
    assert missing.inputs_lost(run)[0].startswith("Without Age in years, Men (sex) loses")


def test_labels_stand_where_columns_are_named_and_nowhere_else():
    held = {"own": {"sex": ["sex"]}, "rows": [{"feature": "sex", "attribute": "sex", "legitimate": True}]}
    names = {"sex": "Gender"}
    assert relabelled(held, names) == {
        "own": {"sex": ["Gender"]}, "rows": [{"feature": "Gender", "attribute": "sex", "legitimate": True}]
    }  # fmt: skip
    assert relabelled(held, {}) is held
