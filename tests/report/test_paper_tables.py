"""The paper's numbers and tables: no digit added, signs and units, the numbers of the chapters in the cells."""

from __future__ import annotations

import pytest

from primum.finding import Verdict
from primum.report.paper import printed, table_set
from primum.report.paper.table_set import number_of, tables
from primum.usecase import MISSING

MODEL = "boosting"


def estimate_of(run, metric, attribute="overall", group="everyone", model=MODEL):
    rows = [*run.chapters["performance"]["estimates"], *run.chapters["groups"]["estimates"]]
    keys = (model, metric, attribute, group)
    return next(r for r in rows if (r["model"], r["metric"], r["attribute"], r["group"]) == keys)


# numbers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "three", "said"),
    [
        ("sensitivity", (0.6906, 0.6468, 0.7312), "69.1% (64.7 to 73.1)"),
        ("sensitivity", (0.69, 0.64, 0.74), "69% (64 to 74)"),
        ("sensitivity", (0.7, 0.6, 0.8), "70% (60 to 80)"),
        ("auroc", (0.8164, 0.7961, 0.8359), "0.82 (0.80 to 0.84)"),
        ("auroc", (0.8, 0.7, 0.9), "0.8 (0.7 to 0.9)"),
        ("net_benefit", (0.04123, -0.001, 0.0812), "0.041 (−0.001 to 0.081)"),
        ("ici", (0.0061, 0.0, 0.011), "0.6 points (0.0 to 1.1)"),
    ],
)
def test_no_digit_is_added_to_a_number(metric, three, said):
    row = dict(zip(("value", "low", "high"), three, strict=True))
    assert printed.estimate(metric, row) == said


def test_differences_are_signed_and_margins_in_their_unit():
    row = {"value": 0.0347, "low": -0.0873, "high": 0.1274}
    assert printed.difference("sensitivity", row) == "+3.5 (−8.7 to 12.7)"
    assert printed.difference("auroc", {"value": -0.0045, "low": -0.0503, "high": 0.0412}) == "−0.005 (−0.050 to 0.041)"
    assert printed.margin("sensitivity", 0.1) == "10"
    assert printed.margin("auroc", 0.05) == "0.05"


def test_what_is_hidden_and_what_cannot_be_known_read_differently():
    hidden = {"value": None, "low": None, "high": None, "status": "suppressed"}
    assert printed.estimate("sensitivity", hidden) == "withheld"
    assert printed.estimate("sensitivity", hidden | {"status": "not estimable"}) == "not estimable"
    assert printed.counted(None, hidden=True) == "withheld"
    assert printed.counted(None) == "–"


@pytest.mark.parametrize(("k", "n", "said"), [(26, 675, "26 (4%)"), (9, 62, "9 (10%)"), (459, 5068, "459 (9.1%)")])
def test_shares_of_protected_counts_have_the_digits_of_their_people(k, n, said):
    assert printed.share(k, n, protected=True) == said
    assert printed.share(k, n) == f"{k} ({100 * k / n:.1f}%)"


def test_shares_of_nobody():
    assert printed.share(None, 10) == "–"
    assert printed.share(0, 0) == "0"


# tables --------------------------------------------------------------------------------------------------------------


def test_tables_are_numbered_in_order_and_found_by_name(finished):
    found = tables(finished)
    assert [t.number for t in found if not t.number.startswith("S")] == ["1", "2", "3", "4"]
    assert number_of(found, "performance-by-group") == "Table 3"
    assert number_of(found, "repairs") == ""
    assert len({t.name for t in found}) == len(found)
    assert all(t.aside for t in found if "-people-by-" in t.name)


def test_the_table_by_group_holds_the_numbers_of_the_chapter(finished):
    grid = table_set.by_group(finished, MODEL)
    line = next(x for x in grid.lines if x.head == "Women")
    told = dict(zip(grid.columns[1:], (c.text for c in line.cells), strict=True))
    for metric, head in (("sensitivity", "Sensitivity"), ("ppv", "Positive predictive value"), ("auroc", "AUROC")):
        row = estimate_of(finished, metric, "sex", "Women")
        assert told[head] == printed.estimate(metric, row)
    assert told["Cases"] == str(estimate_of(finished, "sensitivity", "sex", "Women")["events"])
    assert line.head in [x.head for x in table_set.people_by_group(finished).lines]


def test_the_table_of_differences_has_margin_interval_and_verdict(finished):
    grid = table_set.differences(finished, MODEL)
    section = next(x.head for x in grid.lines if x.section)
    assert section == "Sensitivity, percentage points; margin 10; n=people with depression. Sex"
    found = {(f.attribute, f.group): f for f in finished.findings if f.check == "PRM-G01" and f.model == MODEL}
    rows = [x for x in grid.lines if not x.section]
    assert len(rows) == len(found)
    few = next(f for f in found.values() if f.verdict is Verdict.NOT_ASSESSABLE and f.group != MISSING)
    line = next(x for x in rows if x.cells[0].text == str(few.estimate.events) and x.head == few.group)
    said = f"not assessable (about {few.more_events} more cases needed for 80% power)"
    assert line.cells[-1].text == said
    assert any("(exploratory)" in x.head for x in grid.lines if x.section)
