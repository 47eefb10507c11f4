"""Threshold policies, exposure, the parts of gaps and the search of subgroups: the chapter's numbers, in words."""

from __future__ import annotations

import pytest

from primum.measure.policies import POLICIES
from primum.report.figures import figures
from primum.report.numbers import NBSP, NONE, count, fixed, of_metric, percent, rate, span
from primum.report.numbers import threshold as threshold_words
from primum.report.say import say
from primum.report.tables import tables
from primum.report.views import further, joint, searched
from primum.report.words import group_name

MODEL = "boosting"
ATTRIBUTES = ["sex", "ethnicity", "age", "sex × ethnicity"]


def rows_of(grid):
    return [line for line in grid.lines if not line.section]


def texts(line):
    return [c.text for c in line.cells]


def held(run, part, **wanted):
    found = [r for r in run.chapters["groups"][part] if all(r[k] == v for k, v in wanted.items())]
    return sorted(found, key=lambda r: ATTRIBUTES.index(r["attribute"]))


def test_policies_side_by_side_are_those_of_the_chapter(finished):
    found = further.policies(finished, MODEL)
    assert [g.caption for g in found] == [f"Threshold policies by {a}, {MODEL}" for a in ATTRIBUTES]
    for attribute, grid in zip(ATTRIBUTES, found, strict=True):
        source = held(finished, "policies", model=MODEL, attribute=attribute)
        sections = [line.head for line in grid.lines if line.section]
        assert [s.split(":")[0].lower() for s in sections] == list(POLICIES)
        for line, r in zip(rows_of(grid), source, strict=True):
            n, cut, selected, share, alarms, worth = line.cells
            assert n.text == count(r["n"])
            assert selected.text == percent(r["selected"])
            assert share.text == rate(r["sensitivity"], r["sensitivity_low"], r["sensitivity_high"])
            assert alarms.text == count(r["false_alarms"])
            assert worth.text == of_metric("net_benefit", *(r[f"net_benefit{x}"] for x in ("", "_low", "_high")))
            if r["threshold"] is not None:
                assert cut.text == threshold_words(r["threshold"])
            else:
                assert cut.text == ("by group" if r["group"] == "everyone" else "nobody is selected")
            assert cut.note == r["reason"]


def test_a_group_without_cases_keeps_the_declared_threshold_and_says_why(finished):
    grid = further.policies(finished, MODEL)[1]
    lines = [line for line in rows_of(grid) if line.head == "Ethnicity not recorded"]
    assert [line.cells[1].note for line in lines][1].startswith("nobody with the outcome in this group")
    assert (lines[0].cells[3].text, lines[0].cells[3].note) == (NONE, "nobody has it")


def test_policies_of_a_score_in_points_have_no_net_benefit(run):
    run.chapters["models"]["models"][0]["scale"] = "points"
    rows = [r for r in run.chapters["groups"]["policies"] if r["policy"] != "highest net benefit"]
    for r in rows:
        r["threshold"] = None if r["threshold"] is None else 12.0
        for end in ("", "_low", "_high"):
            r.pop(f"net_benefit{end}")
    run.chapters["groups"]["policies"] = rows
    grid = further.policies(run, MODEL)[0]
    assert "Net benefit" not in grid.columns
    assert rows_of(grid)[0].cells[1].text == "12"
    assert all(len(line.cells) == len(grid.columns) - 1 for line in rows_of(grid))


def test_policies_are_cautioned_about():
    assert "the more they flatter" in say("further.policies.note")
    assert "unlawful" in say("further.policies.note")


def test_where_people_belong_together_intervals_that_ignore_it_say_so(run, finished):
    assert further.policy_note(finished) == say("further.policies.note")
    for r in run.chapters["groups"]["estimates"]:
        r["method"] = "Wilson, effective people, cluster-robust"
    for r in run.chapters["groups"]["exposure"]:
        r["low"] = r["high"] = None
    assert further.policy_note(run).endswith("the intervals are too narrow.")
    cells = [line.cells[-1] for line in rows_of(further.exposure(run, MODEL))]
    assert "no interval can be given" in {c.note for c in cells}
    notes = [f.note for f in figures(run) if f.name.startswith("calibration-")]
    assert notes
    assert all("so the bands are too narrow" in note for note in notes)


def test_exposure_is_that_of_the_chapter(finished):
    grid = further.exposure(finished, MODEL)
    source = held(finished, "exposure", model=MODEL)
    for line, r in zip(rows_of(grid), source, strict=True):
        assert line.head == group_name(r["attribute"], r["group"])
        assert texts(line) == [
            count(r["n"]), count(r["events"]), percent(r["share"], 1), percent(r["due"], 1),
            rate(r["value"], r["low"], r["high"]),
        ]  # fmt: skip
        assert line.cells[-1].note == r["reason"]
    assert any(line.cells[-1].text == NONE and line.cells[-1].note for line in rows_of(grid))


def test_the_parts_of_a_gap_are_those_of_the_chapter_and_add_up(finished):
    assert further.gap_metrics(finished, MODEL) == ["sensitivity", "selection_rate", "ppv", "net_benefit"]
    for metric, places, scale in (("sensitivity", 1, 100), ("net_benefit", 3, 1)):
        grid = further.gap_parts(finished, MODEL, metric)
        source = held(finished, "decomposition", model=MODEL, metric=metric)
        assert len(source) == len(rows_of(grid)) > 5
        for line, r in zip(rows_of(grid), source, strict=True):
            parts = [r[k] for k in ("gap", *further.PARTS)]
            assert line.cells[0].text == "everyone else"
            for cell, value, name in zip(line.cells[1:], parts, ("gap", *further.PARTS), strict=True):
                if value is None:
                    assert cell.text == NONE
                else:
                    assert cell.text.lstrip("+") == fixed(scale * value, places)
                    assert cell.note == span(r[f"{name}_low"], r[f"{name}_high"], places, scale=scale)
            if r["reason"]:
                assert line.cells[1].note == r["reason"]
            else:
                assert sum(p or 0.0 for p in parts[1:]) == pytest.approx(parts[0], abs=1e-9)


def test_a_gap_that_cannot_be_taken_apart_says_why(run):
    r = next(r for r in run.chapters["groups"]["decomposition"] if r["group"] == "Men" and r["metric"] == "ppv")
    r |= dict.fromkeys(("gap", *further.PARTS)) | {"reason": "only one outcome occurs", "over": ""}
    line = next(x for x in rows_of(further.gap_parts(run, MODEL, "ppv")) if x.head == "Men")
    assert texts(line)[1:] == [NONE] * 5
    assert line.cells[1].note == "only one outcome occurs"
    assert line.cells[2].note == "nothing to compare it over"


def test_signs_of_parts():
    assert [further._signed(v, 1) for v in (1.26, -1.26, 0.01, -0.01, 0.0)] == ["+1.3", "−1.3", "0.0", "0.0", "0.0"]


def test_nothing_held_gives_nothing(run):
    for part in ("policies", "exposure", "decomposition", "discovery"):
        del run.chapters["groups"][part]
    assert further.policies(run, MODEL) == []
    assert not further.exposure(run, MODEL)
    assert further.gap_metrics(run, MODEL) == []
    assert searched.searches(run) == []


def test_the_search_is_told_in_words_and_counts(finished):
    (search,) = searched.searches(finished)
    said = searched.said(search)
    assert said.startswith(f"{search['searched']} subgroups of up to 3 attributes were looked at with boosting, for a")
    assert "shortfall of more than 10 percentage points of sensitivity" in said
    assert said.endswith("One was confirmed.")
    shown = {line.head.lower(): line.cells[0].text for line in searched.outcome(search).lines}
    assert shown == {k: count(v) for k, v in search["statuses"].items() if v}


def test_confirmed_subgroups_have_the_numbers_of_the_confirming_half(finished):
    (search,) = searched.searches(finished)
    (line,), (r,) = searched.confirmed(search).lines, search["confirmed"]
    assert "Mexican American (ethnicity)" in line.head
    assert texts(line)[:3] == [count(r["support"]), rate(r["value"]), rate(r["outside"])]
    assert line.cells[3].text == of_metric("sensitivity", r["difference"], r["low"], r["high"], comparison="difference")
    assert line.cells[-1].text == "stands by itself"


def test_remarks_on_confirmed_subgroups(run):
    run.chapters["groups"]["discovery"][0]["confirmed"][0] |= {"explained_by": "sex: Men", "driven_by": "age: <35"}
    (search,) = searched.searches(run)
    assert searched.confirmed(search).lines[0].cells[-1].text == "explained by sex: Men; driven by age: <35"


def test_subgroups_not_flagged_are_listed_the_closest_first_and_the_rest_counted(finished):
    (search,) = searched.searches(finished)
    grid = searched.not_flagged(search)
    assert len(rows_of(grid)) == searched.SHOWN
    left = search["searched"] - 1 - searched.SHOWN
    assert f"{left} more are counted above" in grid.caption
    assert [line.head for line in grid.lines if line.section] == ["Not confirmed", "Not selected", "Too few"]
    listed = tables(finished)["subgroups_searched"]
    assert len(listed) == search["searched"]
    by_name = {searched._name(r): r for r in search["rows"]}
    for line in rows_of(grid):
        r = by_name[line.head]
        assert texts(line) == [count(r["n"]), count(r["support_searched"] + r["support_confirming"]), r["why"]]


@pytest.mark.parametrize(("found", "words"), [(0, "None was confirmed."), (2, "2 were confirmed.")])
def test_how_many_were_confirmed(run, found, words):
    (search,) = searched.searches(run)
    search = {**search, "confirmed": search["confirmed"] * found, "margin": None, "depth": 1}
    assert searched.said(search).endswith(words)
    assert "of up to 1 attribute were looked at with boosting, for worse sensitivity" in searched.said(search)


def test_a_search_that_could_not_be_made_says_why():
    search = {
        "model": "m", "metric": "sensitivity", "depth": 2, "reason": "No subgroup can be assessed.", "searched": 0,
        "confirmed": [], "statuses": {}, "rows": [],
    }  # fmt: skip
    assert searched.said(search) == "Subgroups were not searched for sensitivity: No subgroup can be assessed."
    assert not searched.outcome(search)
    assert not searched.confirmed(search)
    assert not searched.not_flagged(search)


def test_tables_hold_what_the_chapter_holds(finished):
    found = tables(finished)
    groups = finished.chapters["groups"]
    names = {
        "all_groups_at_once": "joint", "groups_alike": "equality", "borrowed_strength": "shrunk",
        "interactions": "structure", "policies": "policies", "exposure": "exposure", "gap_parts": "decomposition",
    }  # fmt: skip
    for name, part in names.items():
        assert found[name] == groups[part]
    smooth = found["group_calibration_smooth"]
    assert sum(len(c) for m in groups["smooth"].values() for a in m.values() for c in a.values()) == len(smooth)
    assert {"model", "attribute", "group", "predicted", "observed", "low", "high"} <= set(smooth[0])
    assert len(found["subgroups_confirmed"]) == 1


def test_selected_by_nobody_is_said(run):
    r = held(run, "policies", model=MODEL, attribute="sex", policy="same selection rate")[0]
    r |= {"threshold": None, "selected": 0.0}
    grid = further.policies(run, MODEL)[0]
    line = rows_of(grid)[9]
    assert (line.cells[1].text, line.cells[2].text) == ("nobody is selected", f"0{NBSP}%")


def test_many_groups_keep_everyone_in_the_table_of_policies(run):
    rows = run.chapters["groups"]["policies"]
    one = next(r for r in rows if r["attribute"] == "sex" and r["model"] == MODEL and r["group"] == "Men")
    rows += [{**one, "group": f"place {i}", "events": i} for i in range(90)]
    grid = further.policies(run, MODEL)[0]
    first = [line.head for line in grid.lines[1 : joint.MOST + 3]]
    assert first.count("Everyone") == 1
    assert first[-2:] == ["Everyone", f"{92 - joint.MOST} more groups, with fewer cases, are in the folder of tables"]


def test_a_long_list_of_subgroups_says_how_many_are_in_the_table(run):
    (search,) = searched.searches(run)
    search["searched"] = 5_000
    caption = searched.not_flagged(search).caption
    assert caption.endswith(f"and the first {len(search['rows'])} of all listed in tables/subgroups_searched.csv")
    assert "4,939 more are counted above" in caption
