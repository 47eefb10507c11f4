"""The chapter on privacy: a warning inside, and how people were protected in a release."""

from __future__ import annotations

import polars as pl
import pytest

from primum.execute.run import Run
from primum.report.section import Pairs, Table
from primum.report.views import privacy

RELEASE = {
    "preset": "cbs", "words": ["A count is shown from 10 people on.", "Counts are not rounded."], "date": "2026-11-22",
    "rounding": "none", "withheld": {"fewer than 10 people": "10 to 19 counts", "to protect another": "20 counts"},
    "attack": {"counts": 1400, "releases": 2, "seconds": 3.4},
    "exceptions": [{"rule": "R7", "reason": "read by two people", "person": "A. Person", "date": "2026-11-20"}],
    "signatures": [{"phenotype": "depression", "person": "B. Person", "date": "2026-11-21"}],
    "review": ["depression is a phenotype that needs sign-off"],
    "assessable": {"inside": [18, 22], "release": [14, 22]},
}  # fmt: skip


def as_release(run, release):
    return Run(run.path, run.usecase, run.plan, run.manifest | {"release": release}, run.chapters, run.findings)


def told(section):
    return " ".join(str(b) for b in section.blocks)


def test_inside_it_says_that_the_report_must_stay(small_run, people):
    section = privacy.section(small_run)
    text = told(section)
    assert "must not leave the room" in text
    assert "is not computed here" in text
    (table,) = [b.grid for b in section.blocks if isinstance(b, Table)]
    rows = privacy.small(small_run)
    frame = people().with_columns(pl.col("sex").fill_null("(missing)"))
    east = frame.filter((pl.col("region") == "East") & (pl.col("ill") == 1) & (pl.col("risk") >= 0.2)).height
    assert {"attribute": "region", "group": "East", "what": "with it, selected", "n": east} in rows
    for title in ("sex", "region", "age", "sex × age"):
        assert sum(r["n"] for r in rows if r["attribute"] == title) == 1000
    below = sum(0 < r["n"] < 10 for r in rows)
    assert below > 0
    assert f"{below} hold 1 to 9 people" in text
    shown = [int(line.cells[1].text) for line in table.lines]
    assert sorted(shown) == sorted(r["n"] for r in rows if r["n"] > 0)[: privacy.SHOWN]
    assert "Counted are people. No column was named for families or households, nor for sites" in text


def test_without_tallies_the_warning_stands_alone(small_run):
    bare = Run(small_run.path, small_run.usecase, small_run.plan, {}, small_run.chapters, small_run.findings)
    section = privacy.section(bare)
    assert "must not leave the room" in told(section)
    assert not [b for b in section.blocks if isinstance(b, Table)]


def test_a_release_tells_rules_attack_and_what_is_withheld(small_run):
    section = privacy.section(as_release(small_run, RELEASE))
    text = told(section)
    assert "must not leave" not in text
    (pairs,) = [dict(b.pairs) for b in section.blocks if isinstance(b, Pairs)]
    assert pairs["Policy"] == "A count is shown from 10 people on. Counts are not rounded."
    assert pairs["Attack"] == (
        "All that a reader sees, with 2 earlier releases, was put together, 1,400 counts, to find a number that is "
        "withheld, in 3 s. None could be found."
    )
    assert pairs["Still assessable"].startswith("14 of 22 questions about a group (64")
    (table,) = [b.grid for b in section.blocks if isinstance(b, Table)]
    assert [line.head for line in table.lines] == ["fewer than 10 people", "to protect another"]
    assert "R7: read by two people (A. Person, 2026-11-20)" in text
    assert "needs sign-off" in text
    assert "depression (B. Person, 2026-11-21)" in text


@pytest.mark.parametrize("gone", [set(RELEASE) - {"preset"}, {"attack"}, {"withheld"}, {"exceptions", "review"}])
def test_what_a_release_does_not_tell_is_said_to_be_not_told(small_run, gone):
    text = told(privacy.section(as_release(small_run, {k: v for k, v in RELEASE.items() if k not in gone})))
    assert "ot told" in text or gone == {"attack"}
    if "withheld" in gone:
        assert "Nothing was withheld." not in text
        assert "What was withheld is not told here." in text
    if "attack" in gone:
        assert "A release is written only where an attack" in text
    if "exceptions" in gone:
        assert "No exception" not in text


def test_nothing_withheld_and_nothing_excepted_is_said(small_run):
    text = told(privacy.section(as_release(small_run, RELEASE | {"withheld": {}, "exceptions": [], "review": []})))
    assert "Nothing was withheld." in text
    assert "No exception from the rules was made." in text
    assert "Nothing was marked for a person to look at." in text


def test_entries_of_any_shape(small_run):
    assert privacy._entry("as it is") == "as it is"
    assert privacy._entry({"rule": "R17", "what": "mental illness"}) == "R17: mental illness"
    assert privacy._entry({}) == "–"
