"""The use case as a model: what it refuses, and in which words."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from pydantic import ValidationError

from primum.usecase import CHAPTERS, DESCRIPTIVE, METRIC_IDS, UNBOUNDED, Condition, Groups, Model, UseCase

PLAIN: dict[str, Any] = {
    "name": "small",
    "title": "A small question",
    "question": "Who needs help?",
    "intended_use": "Invite people",
    "population": "Adults",
    "outcome": {"name": "ill", "when": [{"column": "y", "equals": 1}], "recorded_by": "a nurse"},
    "features": ["x", "z"],
    "groups": [
        {"name": "sex", "column": "sex", "labels": {"1": "Male", "2": "Female"}},
        {"column": "age", "bins": [35, 50]},
        {"intersection": ["sex", "age"]},
    ],
    "decision": {"act": "invite", "threshold": 0.1, "other_thresholds": [0.05, 0.2]},
    "models": [{"name": "logistic", "train": "logistic"}, {"name": "own", "score": "risk"}],
}


def build(**changes: Any) -> UseCase:
    """Validate the plain use case with `section__key=value` changes."""
    data = copy.deepcopy(PLAIN)
    for path, value in changes.items():
        *parents, last = path.split("__")
        node = data
        for part in parents:
            node = node[int(part)] if part.isdigit() else node[part]
        node[int(last) if last.isdigit() else last] = value
    return UseCase.model_validate(data)


def test_the_plain_use_case_is_valid_and_survives_its_own_dump():
    usecase = build()
    assert UseCase.model_validate(usecase.dump()) == usecase
    assert usecase.primary.name == "logistic"
    assert usecase.chapters == list(CHAPTERS)
    assert [g.title for g in usecase.groups] == ["sex", "age", "sex × age"]


def test_metric_ids_are_those_of_the_registry():
    import primum.measure  # noqa: F401  (registers them)
    from primum.measure.metric import METRICS

    assert set(METRIC_IDS) == set(METRICS)
    assert len(set(METRIC_IDS)) == len(METRIC_IDS)
    assert set(DESCRIPTIVE) == {m.id for m in METRICS.values() if m.better == "none"}
    unbounded = {m.id for m in METRICS.values() if math.inf in {abs(limit) for limit in m.range}}
    assert set(UNBOUNDED) == unbounded - set(DESCRIPTIVE)


REFUSED = [
    ({"margins": {"sensitivty": 0.1}}, "no metric 'sensitivty'.*did you mean 'sensitivity'"),
    ({"margins": {"sensitivity": 10}}, "at most 1; 10 points are 0.10"),
    ({"margins": {"sensitivity": 0}}, "greater than 0"),
    ({"margins": {"sensitivity": -0.1}}, "greater than 0"),
    ({"margins": {"prevalence": 0.1}}, "prevalence is neither better high nor better low"),
    ({"precision": {"auc": {"events": 3}}}, "no metric 'auc'"),
    ({"models__1__name": "Logistic"}, "'Logistic' is there twice"),
    ({"models__1__name": "../own"}, "pattern"),
    ({"models__1": {"name": "m"}}, "exactly one of train, score, file is needed; none is given"),
    ({"models__1__train": "ebm"}, "train and score are given"),
    ({"models__1__scale": "points"}, r"needs its range: \[lowest, highest\]"),
    ({"models__1__range": [0, 27]}, "a range belongs to scale: points"),
    ({"models__1": {"name": "p", "score": "s", "scale": "points", "range": [9, 1]}}, "lowest, highest"),
    ({"models__0__higher_means": "less risk"}, "leave higher_means out"),
    ({"features": []}, "needs features"),
    ({"features": ["x", "x"]}, "'x' is there twice"),
    ({"chapters": ["people", "people"]}, "'people' is there twice"),
    ({"chapters": []}, "at least 1 item"),
    ({"groups__1__name": "sex"}, "'sex' is the name of groups twice"),
    ({"groups__0__name": "Overall"}, "'overall' means everyone"),
    ({"groups__0__labels": {"1": "overall", "2": "b"}}, "has a meaning of its own"),
    ({"groups__0__reference": "1"}, "not among the labels: Male, Female.*did you mean 'Male'"),
    ({"groups__0__reference": "Femal"}, "did you mean 'Female'"),
    ({"groups__0__population_shares": {"Man": 0.5}}, "'Man' is not among the labels"),
    ({"groups__0__population_shares": {"Male": 0.6, "Female": 0.5}}, "the shares sum to 1.1"),
    ({"groups__2__intersection": ["sex", "agee"]}, "no groups 'agee' to cross.*did you mean 'age'"),
    ({"groups__2__intersection": ["sex", "sex"]}, "crossed with itself"),
    ({"groups__2__intersection": ["sex"]}, "at least 2 items"),
    ({"groups__2__bins": [1]}, "bins belongs to the groups that are crossed"),
    ({"groups__1__intersection": ["sex", "age"]}, "column and intersection are given"),
    ({"groups__1__bins": [50, 35]}, "inner edges in increasing order"),
    ({"groups__1__bins": []}, "at least 1 item"),
    ({"decision__threshold": 10}, "10 is outside 0 to 1, the scores of 'logistic'; 10 % is 0.10"),
    ({"decision__other_thresholds": [1.2]}, "1.2 is outside 0 to 1"),
    ({"decision__other_thresholds": [0.2, 0.2]}, "'0.2' is there twice"),
    ({"decision__capacity": 0.1}, "threshold and capacity are given"),
    ({"decision__threshold": True}, "valid number"),
    ({"decision__threshold": "0.1"}, "valid number"),
    ({"decision__threshold": float("nan")}, "finite number"),
    ({"outcome__when": []}, "at least 1 item"),
    ({"outcome__truth_name": "biopsy"}, "no conditions are given under truth"),
    ({"identifiers": {"repeated_visits": True}}, "repeated_visits needs person"),
    ({"data": {"path": "a.csv", "source": "nhanes-2017-2018"}}, "source and path"),
    (
        {"data": {"source": "nhanes-2017"}},
        "no embedded data set 'nhanes-2017'.*did you mean 'nhanes-2017-2018'",
    ),
    ({"data": {"url": "duckdb:///x.db"}}, "url and table go together"),
    ({"data": {"encoding": "utf9"}}, "no encoding 'utf9'"),
    ({"derive": [{"name": "s", "sum": ["a"], "mean": ["a"]}]}, "sum and mean are given"),
    ({"derive": [{"name": "s", "sum": ["a"]}, {"name": "s", "sum": ["b"]}]}, "'s' is there twice"),
    ({"include": [{"column": "age"}]}, "needs a test: equals, one_of"),
    ({"include": [{"column": "age", "equals": 1, "at_most": 3}]}, "equals and at_most are given"),
    ({"include": [{"column": "age", "at_least": 9, "at_most": 3}]}, "from 9 to 3 there is nothing"),
    ({"include": [{"column": "age", "one_of": []}]}, "at least 1 item"),
    ({"title": " "}, "pattern"),
    ({"name": "Two Words"}, "pattern"),
    ({"level": 95}, "less than 1"),
    ({"seed": -1}, "greater than or equal to 0"),
]


@pytest.mark.parametrize(("changes", "words"), REFUSED, ids=[w[:40] for _, w in REFUSED])
def test_a_mistake_is_refused_in_words(changes, words):
    with pytest.raises(ValidationError, match=rf"(?s){words}"):
        build(**changes)


def test_points_may_have_thresholds_inside_their_range():
    points = {"name": "phq", "score": "phq9", "scale": "points", "range": [0, 27]}
    usecase = build(models=[points], decision__threshold=10, decision__other_thresholds=[5, 15])
    assert usecase.primary.limits == (0, 27)
    with pytest.raises(ValidationError, match="28 is outside 0 to 27, the scores of 'phq'"):
        build(models=[points], decision__threshold=28, decision__other_thresholds=[5])


def test_margins_beyond_one_are_for_metrics_without_bounds():
    assert build(margins={"calibration_intercept": 1.5}).margins == {"calibration_intercept": 1.5}


def test_a_condition_may_have_a_lower_and_an_upper_bound():
    assert Condition(column="age", at_least=18, at_most=65).at_most == 65
    assert Condition(column="age", above=18, below=65).above == 18


def test_numbers_may_name_values_in_labels():
    assert Groups.model_validate({"column": "sex", "labels": {1: "Male"}}).labels == {"1": "Male"}


def test_values_do_not_change_their_type():
    assert [Condition(column="c", equals=v).equals for v in (1, 1.5, True, "1")] == [1, 1.5, True, "1"]
    assert type(Condition(column="c", equals=1).equals) is int
    assert Condition(column="c", equals=True).equals is True


def test_a_model_needs_one_origin_only():
    assert Model(name="m", file="m.skops").limits == (0.0, 1.0)


def test_mistakes_of_several_fields_come_together():
    with pytest.raises(ValidationError) as caught:
        build(level=2, margins={"x": 0.1}, features=["x", "x"], groups__1__name="sex", chapters=["peeple"])
    assert {e["loc"][0] for e in caught.value.errors()} == {
        "level",
        "margins",
        "features",
        "groups",
        "chapters",
    }


NO_HARM = {"margin": 0.005, "alpha": 0.05}
REPAIR = {"name": "by sex", "method": "group calibration", "by": ["sex"]}


def test_repairs_need_a_declared_margin_and_alpha():
    assert build(no_harm=NO_HARM, repairs=[REPAIR]).repairs[0].walk
    with pytest.raises(ValidationError, match="repairs are judged by what no group may lose"):
        build(repairs=[REPAIR])
    for missing in NO_HARM:
        with pytest.raises(ValidationError, match=missing):
            build(no_harm={k: v for k, v in NO_HARM.items() if k != missing}, repairs=[REPAIR])


@pytest.mark.parametrize(
    ("no_harm", "words"),
    [
        ({"groups": ["star sign"]}, "there are no groups 'star sign'"),
        ({"worst_off": {"star sign": "Libra"}}, "there are no groups 'star sign'"),
        ({"utility": {"true positive": 1.0}}, "one number to each of true positive"),
        ({"recorded": {"sex": {"F": [0.0, 1.0]}}}, "no range of shares"),
        ({"recorded": {"sex": {"F": [0.9, 0.4]}}}, "no range of shares"),
        ({"recorded": {"sex": {"F": [0.4, 0.9]}}, "utility": "specificity"}, "specificity is a mean among people"),
    ],
)
def test_what_no_harm_refuses(no_harm, words):
    with pytest.raises(ValidationError, match=words):
        build(no_harm=NO_HARM | no_harm)


def test_a_repair_by_unknown_groups_or_of_a_score_that_is_not_trained_here():
    with pytest.raises(ValidationError, match="there are no groups 'star sign'"):
        build(no_harm=NO_HARM, repairs=[REPAIR | {"by": ["star sign"]}])
    with pytest.raises(ValidationError, match="'m' is the name of a model"):
        build(no_harm=NO_HARM, repairs=[REPAIR | {"name": "m"}], models=[{"name": "m", "score": "s"}])
    with pytest.raises(ValidationError, match="trains the model anew"):
        build(no_harm=NO_HARM, repairs=[REPAIR | {"method": "reweighing"}], models=[{"name": "m", "score": "s"}])


def test_net_benefit_needs_a_threshold():
    with pytest.raises(ValidationError, match="net benefit needs a declared threshold"):
        build(no_harm=NO_HARM, decision={"act": "a", "capacity": 0.1})
