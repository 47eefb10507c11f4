"""The two chapters of the report, as blocks."""

from __future__ import annotations

from primum.assure.case import assurance
from primum.assure.listing import KINDS, names
from primum.report.section import Table
from primum.report.views import claims, clauses


def told(section):
    return " ".join(str(b) for b in section.blocks)


def test_without_a_scenario_there_is_no_chapter(small_run):
    assert claims.section(small_run) is None
    assert clauses.section(small_run) is None


def test_claims_with_state_number_and_doubts(small_run, with_scenario):
    run = with_scenario(small_run)
    section = claims.section(run)
    text = told(section)
    assert section.anchor == "claims"
    assert "It misses nobody." in text
    assert "refuted" in text
    assert "the ethics committee" in text
    assert "not examined in this audit" in text
    assert "Ranking against finding" in text
    grid = claims.coverage(assurance(run))
    assert len(grid.lines) == 7
    told_of = [[int(c.text.split()[0]) if c.text != "–" else 0 for c in line.cells] for line in grid.lines]
    assert sum(counts[0] for counts in told_of) == len(assurance(run).claims)
    for counts in told_of:
        assert counts[0] == sum(counts[2:])
    for block in section.blocks:
        if isinstance(block, Table):
            assert all(len(x.cells) == len(block.grid.columns) - 1 for x in block.grid.lines if not x.section)


def test_every_listing_is_there_with_its_state_and_source(small_run, with_scenario):
    section = clauses.section(with_scenario(small_run))
    text = told(section)
    tables = [b for b in section.blocks if isinstance(b, Table)]
    assert len(tables) == 2 + sum(len(names(k)) for k in KINDS)
    for block in tables:
        assert all(len(x.cells) == len(block.grid.columns) - 1 for x in block.grid.lines)
    assert "from memory; not verified" in text
    assert "not itemised" in text
    assert "compliant" not in text
    assert "Z-Inspection" not in text
