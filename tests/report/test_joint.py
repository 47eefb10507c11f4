"""All groups at once in the report: every number is the chapter's, and what is undefined says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from primum.finding import Verdict
from primum.report import words
from primum.report.numbers import NBSP, NONE, count, fixed, p_value, percent, points, rate, span
from primum.report.page_one import page_one
from primum.report.say import say
from primum.report.source import chapter, decided, estimates
from primum.report.views import groups, joint
from primum.report.views import run as again

MODEL = "boosting"


def rows_of(grid):
    """Return the rows without the headings in between."""
    return [line for line in grid.lines if not line.section]


def heads_of(grid):
    return [line.head for line in grid.lines if line.section]


def held(run, part, **wanted):
    order = ["sex", "ethnicity", "age", "sex × ethnicity"]
    found = [r for r in run.chapters["groups"][part] if all(r[k] == v for k, v in wanted.items())]
    return sorted(found, key=lambda r: order.index(r["attribute"]))


def test_intervals_alone_and_at_once_are_those_of_the_chapter(finished):
    table = joint.at_once(finished, MODEL, "sensitivity")
    source = held(finished, "joint", model=MODEL, metric="sensitivity")
    assert len(rows_of(table)) == len(source) == 27
    for line, r in zip(rows_of(table), source, strict=True):
        cases, other, difference, own, at_once, p = line.cells
        assert line.head == words.group_name(r["attribute"], r["group"])
        assert (cases.text, other.text) == (count(r["events"]), "everyone else")
        if r["value"] is None:
            assert difference.text == own.text == at_once.text == p.text == NONE
            assert difference.note == "nobody with the outcome in this group"
            continue
        assert difference.text == points(r["value"], places=1)
        assert own.text == span(r["low"], r["high"], 1, scale=100)
        assert at_once.text == span(r["joint_low"], r["joint_high"], 1, scale=100)
        assert p.text.replace(NBSP, " ").split()[-1] == p_value(r["adjusted"]).replace(NBSP, " ").split()[-1]
        assert (own.note == "beyond the margin") == (r["high"] < -0.1)
        assert (at_once.note == "beyond the margin") == (r["joint_high"] < -0.1)


def test_intersections_are_exploratory_and_carry_a_q(finished):
    table = joint.at_once(finished, MODEL, "sensitivity")
    assert heads_of(table) == [
        "Sex (confirmatory)", "Ethnicity (confirmatory)", "Age (confirmatory)", "Sex × ethnicity (exploratory)"
    ]  # fmt: skip
    letters = {line.cells[-1].text[0] for line in table.lines[-10:]} - {NONE}
    assert letters == {"q"}


def test_metrics_on_their_own_scale_are_not_given_in_points(run):
    for r in run.chapters["groups"]["joint"]:
        r["metric"] = "auroc"
    text = rows_of(joint.at_once(run, MODEL, "auroc"))[0].cells[3].text
    r = held(run, "joint", model=MODEL, metric="auroc")[0]
    assert text == span(r["low"], r["high"], 2)


def test_equality_says_in_words_whether_chance_could_explain_it(finished):
    table = joint.alike(finished, MODEL)
    source = held(finished, "equality", model=MODEL)
    assert heads_of(table) == ["Sensitivity"]
    for line, r in zip(rows_of(table), source, strict=True):
        answer, p, spread, compared, method = line.cells
        assert answer.text == ("chance alone is unlikely" if r["p"] <= 0.05 else "chance alone could explain it")
        assert (p.text, method.text) == (p_value(r["p"]), r["method"])
        assert spread.text.startswith(f"{fixed(100 * r['spread'], 1)}{NBSP}points")
        assert compared.text == count(len(r["groups"]))
        assert bool(compared.note) == bool(r["left_out"])
    assert {line.cells[0].text for line in rows_of(table)} == {
        "chance alone is unlikely", "chance alone could explain it"
    }  # fmt: skip


def test_too_few_groups_for_the_test_of_equality(run):
    r = run.chapters["groups"]["equality"][0]
    r |= {"p": None, "statistic": None, "df": None, "method": "none", "groups": ["Women"], "left_out": ["(missing)"]}
    r |= dict.fromkeys(("spread", "variance", "low", "high"))
    line = rows_of(joint.alike(run, MODEL))[0]
    assert [c.text for c in line.cells] == ["too few groups to tell", NONE, NONE, "1", NONE]
    assert line.cells[3].note == "without not recorded"


def test_a_spread_of_nothing_but_chance_is_said_to_be_so(run):
    run.chapters["groups"]["equality"][0] |= {"spread": 0.0, "variance": -0.001, "low": -0.002, "high": 0.0036}
    spread = rows_of(joint.alike(run, MODEL))[0].cells[2]
    assert spread.text == f"0.0{NBSP}points{NBSP}[0.0–6.0]"
    assert spread.note == "no more than chance"


def test_borrowed_values_stand_beside_the_raw_ones(finished):
    table = joint.borrowed(finished, MODEL, "sensitivity")
    source = held(finished, "shrunk", model=MODEL, metric="sensitivity")
    assert table.columns[1:] == ["Cases", "Raw, its own people only", "Borrowing strength", "Of its own kept"]
    for line, r in zip(rows_of(table), source, strict=True):
        people, raw, borrowed, kept = line.cells
        own = decided(estimates(finished), MODEL, "sensitivity", r["attribute"], r["group"], 0.1)
        assert people.text == count(r["people"])
        assert raw.text == (NONE if r["raw"] is None else rate(r["raw"], own["low"], own["high"]))
        assert borrowed.text == rate(r["value"], r["low"], r["high"])
        assert kept.text in {percent(r["kept"]), f"under 1{NBSP}%"}
        if r["raw"] is None:
            assert raw.note == "no people with the outcome in this group"


def test_a_borrowed_value_far_from_its_own_people_says_so(run):
    r = next(r for r in run.chapters["groups"]["shrunk"] if r["group"] == "Mexican American")
    own = decided(estimates(run), MODEL, "sensitivity", "ethnicity", "Mexican American", 0.1)
    r["value"] = own["high"] + 0.01
    table = joint.borrowed(run, MODEL, "sensitivity")
    noted = [line.head for line in rows_of(table) if line.cells[2].note]
    assert "Mexican American" in noted
    assert "look better than its own people say" in say("joint.borrowed.lead")


def test_groups_drawn_wholly_together_are_headed_by_a_warning(run):
    for r in run.chapters["groups"]["shrunk"]:
        r["kept"] = 0.0002 if r["attribute"] == "sex" else 0.4
    table = joint.borrowed(run, MODEL, "sensitivity")
    assert heads_of(table)[0].startswith("Sex: the method could not tell the spread from chance")
    assert heads_of(table)[1] == "Ethnicity"
    assert rows_of(table)[0].cells[3].text == f"under 1{NBSP}%"


@pytest.mark.parametrize(
    ("p", "said"),
    [(0.3, "as well as chance allows"), (0.01, "do not explain the intersections"), (None, "nothing is left")],
)
def test_interactions_in_words(run, p, said):
    run.chapters["groups"]["structure"][0]["p"] = p
    (line,) = joint.interactions(run, MODEL)
    assert said in line
    assert line.startswith("Sex × ethnicity, sensitivity")


def test_nothing_held_gives_nothing(run):
    for part in ("joint", "equality", "shrunk", "structure"):
        del run.chapters["groups"][part]
    assert joint.metrics(run, MODEL) == []
    assert not joint.at_once(run, MODEL, "sensitivity")
    assert not joint.alike(run, MODEL)
    assert not joint.borrowed(run, MODEL, "sensitivity")
    assert joint.interactions(run, MODEL) == []


def harm_with(run, reason):
    harmed = [f for f in run.findings if f.verdict is Verdict.HARM and f.attribute == "ethnicity" and f.model == MODEL]
    run.findings = [replace(f, reason=reason) if f in harmed else f for f in run.findings]
    (line,) = [text for text in page_one(run).harmed if text.startswith("Mexican American")]
    return line


def test_page_one_says_when_harm_holds_for_this_group_alone(run):
    line = harm_with(run, "by its own interval; not when all 5 groups are compared at once")
    assert line.endswith(
        "This holds for this group looked at alone; with 5 groups compared at once, "
        "a difference within the margin is not excluded."
    )


def test_page_one_says_when_harm_holds_for_all_at_once(run):
    line = harm_with(run, "it holds when all 7 groups are compared at once")
    assert line.endswith("It also holds with all 7 groups compared at once.")


def test_page_one_says_neither_where_nothing_is_known(run):
    assert "at once" not in harm_with(run, "")
    assert "at once" not in harm_with(run, "it holds when compared")


def test_the_words_of_the_audit_are_understood(finished):
    """The reason that the audit writes is the one that page one reads."""
    from primum.chapters.joint import _noted

    (harmed, *_) = [f for f in finished.findings if f.verdict is Verdict.HARM]
    assert "looked at alone; with 5" in words.at_once(_noted(harmed, 5, holds=False))
    assert "all 5 groups" in words.at_once(_noted(harmed, 5, holds=True))
    assert words.at_once(_noted(harmed, 1, holds=True)) == ""


def test_effective_people_have_a_column_and_a_sentence_only_where_there_are_any(run, finished):
    plain = groups.by_group(finished, MODEL, "decided")
    assert "Effective people" not in plain.columns
    assert again.limits(finished) == [say(f"limits.{key}") for key in again.LIMITS]
    for r in [*run.chapters["groups"]["estimates"], *run.chapters["performance"]["estimates"]]:
        r["n_effective"] = 0.5 * r["n"] if r["metric"] == "prevalence" else None
    table = groups.by_group(run, MODEL, "decided")
    place = table.columns.index("Effective people")
    for line, before in zip(rows_of(table), rows_of(plain), strict=True):
        n = next(r["n"] for r in estimates(run) if words.group_name(r["attribute"], r["group"]) == line.head)
        assert line.cells[place - 1].text == count(0.5 * n)
        assert [c for i, c in enumerate(line.cells) if i != place - 1] == before.cells
    assert "independent people" in again.limits(run)[-1]


def test_single_groups_are_shown_without_comparison(run):
    """One group only: nothing to compare, nothing to break."""
    kept = ("estimates", "consequences", "joint", "equality", "shrunk", "structure")
    for part in kept:
        rows = run.chapters["groups"][part]
        run.chapters["groups"][part] = [r for r in rows if r["attribute"] == "sex" and r.get("group") == "Women"]
    run.chapters["groups"]["joint"] = []
    assert joint.metrics(run, MODEL) == []
    assert [line.head for line in rows_of(joint.borrowed(run, MODEL, "sensitivity"))] == ["Women"]
    assert chapter(run, "groups")["equality"] == []


def test_many_groups_show_those_with_the_most_cases_and_count_the_rest(run):
    rows = run.chapters["groups"]["joint"]
    one = next(r for r in rows if r["attribute"] == "sex × ethnicity" and r["model"] == MODEL and r["value"])
    rows += [{**one, "group": f"Women · place {i}", "events": i} for i in range(100)]
    run.chapters["groups"]["joint"] = [r for r in rows if r["attribute"] == "sex × ethnicity"]
    table = joint.at_once(run, MODEL, "sensitivity")
    shown = [line.head for line in rows_of(table)]
    assert len(shown) == joint.MOST
    assert {f"Women · place {i}" for i in range(60, 100)} < set(shown)
    assert "Women · place 0" not in shown
    assert heads_of(table)[-1] == f"{100 + 14 - joint.MOST} more groups, with fewer cases, are in the folder of tables"
