"""The words of the chapters on people and groups: what code names has words, and they say what the registry says."""

from __future__ import annotations

import pytest

from primum.measure.metric import METRICS
from primum.measure.policies import NOTE, POLICIES
from primum.measure.recording_trust import TRUST
from primum.measure.subgroup import STATUSES
from primum.report.say import say
from primum.report.views import groups, run
from primum.report.views.joint import COUNTED, counted_as
from primum.report.words import capital
from primum.stress.arms import ARMS
from primum.stress.dose_response import GAINS, LOSES, NEITHER, UNCLEAR
from primum.stress.labels import AGREES, CONTRADICTS, HIGH, LOW, OPEN, SILENT, SURVIVES, UNSHOWN
from primum.usecase import Condition


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_is_defined_as_the_registry_defines_it(metric):
    told = [say(f"limits.metric.{metric}.{k}") for k in ("words", "formula", "source")]
    own = METRICS[metric]
    assert told == [own.words, own.formula, own.reference]
    (line,) = run.glossary({metric}).lines
    assert [line.head, *(c.text for c in line.cells)] == [own.title, *told]


@pytest.mark.parametrize("arm", ARMS)
def test_an_algorithm_is_described_as_the_study_describes_it(arm):
    assert say(f"study.arm.{arm}") == ARMS[arm].words


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_is_described_as_the_measure_describes_it(policy):
    assert say(f"further.policies.{policy}") == capital(f"{policy}: {POLICIES[policy]}")
    assert say("further.policies.note").startswith(NOTE)


@pytest.mark.parametrize("status", STATUSES)
def test_every_end_of_a_search_has_words(status):
    assert say(f"searched.status.{status}.name") == capital(status)
    assert say(f"searched.status.{status}.means")


def test_every_verdict_of_a_study_is_told_as_it_is():
    for told in (GAINS, LOSES, NEITHER, UNCLEAR, AGREES, CONTRADICTS, OPEN, SILENT):
        assert say(f"study.verdict.{told}") == told
    for told in {SURVIVES, LOW, HIGH, UNSHOWN, *(line.effect for line in TRUST)}:
        assert say(f"study.measured.{told}") == told
    for told in (GAINS, LOSES):
        assert say(f"study.short.{told}", arm="A", group="B") == f"A for B (it {told} in truth)"


def test_what_is_counted_behind_a_metric():
    assert [counted_as(m, "any") for m in COUNTED] == ["Cases", "Cases", "People without it", "People without it"]
    assert [counted_as("auroc", k) for k in ("people", "any")] == ["People", "Counted"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"equals": "F"}, "x is F"),
        ({"one_of": [1, 2]}, "x is one of 1, 2"),
        ({"none_of": ["a"]}, "x is none of a"),
        ({"at_least": 18, "below": 65.5}, "x ≥ 18 and < 65.5"),
        ({"above": 0, "at_most": 9}, "x ≤ 9 and > 0"),
        ({"known": True}, "x is known"),
        ({"known": False}, "x is unknown"),
    ],
)
def test_conditions_in_words(said, words):
    assert run.condition(Condition(column="x", **said)) == words


def test_how_many_people_there_were_is_told_inside_only(finished):
    assert ("Data", "9,254 people") in run.environment(finished)
    assert "Data" not in dict(run.environment(finished, export=True))


def test_both_halves_of_the_estimates_have_a_caption(finished):
    captions = [groups.by_group(finished, "EBM", part).caption for part in groups.PARTS]
    assert captions == ["EBM: what is decided, by group", "EBM: how right the scores are, by group"]
