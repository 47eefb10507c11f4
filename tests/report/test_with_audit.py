"""The report of a real, small audit: a score on a scale of points, a named reference group, a better measurement."""

from __future__ import annotations

import json
import re

import jsonschema
import numpy as np
import polars as pl
import pytest

import primum
from primum.report.page_one import page_one
from primum.report.schema import schema
from primum.report.tables import tables
from primum.report.views import further
from primum.usecase import UseCase


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    draw = np.random.default_rng(11)
    n = 1_500
    y = draw.random(n) < 0.2
    seen = np.where(draw.random(n) < 0.15, False, y)
    points = np.clip(np.round(8 + 5 * y + draw.normal(0, 3, n)), 0, 20)
    ward = draw.choice(["north", "south", "island", None], n, p=[0.5, 0.4, 0.02, 0.08])
    frame = pl.DataFrame({"y": seen.astype(int), "truth": y.astype(int), "points": points, "ward": ward})
    usecase = UseCase.model_validate(
        {
            "name": "points", "title": "Points", "question": "Who is called?", "intended_use": "a test",
            "population": "everyone on the wards",
            "outcome": {
                "name": "sepsis", "when": [{"column": "y", "equals": 1}], "recorded_by": "a nurse",
                "truth": [{"column": "truth", "equals": 1}], "truth_name": "blood culture",
            },
            "groups": [{"column": "ward", "reference": "north"}],
            "decision": {"act": "call the team", "threshold": 10.0},
            "margins": {"sensitivity": 0.1, "ppv": 0.1},
            "models": [{"name": "points", "score": "points", "scale": "points", "range": [0, 20]}],
            "replicates": 200,
        }
    )  # fmt: skip
    run = primum.audit(usecase, data=frame, out=tmp_path_factory.mktemp("run") / "points")
    run.report(pdf=False, figures=False)
    return run


def test_the_page_speaks_of_points_and_of_the_named_reference(folder):
    page = page_one(folder)
    assert page.decision == "Call the team: people who score 10 or more."
    lines = {line.name: line for d in page.divisions for line in d.lines}
    assert set(lines) == {"north", "south", "island", "Not recorded"}
    text = (folder.path / "report.html").read_text(encoding="utf8")
    assert "compared with north" in text
    assert not re.search(r"\b(nan|NaN|None)\b", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))


def test_the_better_measurement_is_told_by_group(folder):
    assert any("by blood culture, the record misses: Everyone" in line for line in page_one(folder).record)


def test_the_findings_file_obeys_the_schema(folder):
    content = json.loads((folder.path / "findings.json").read_text(encoding="utf8"))
    jsonschema.validate(content, schema())
    assert content["findings"]


def test_a_reopened_run_gives_the_same_page(folder):
    from primum.execute.run import Run
    from primum.report.html import html

    assert html(Run.load(folder.path), {}) == html(folder, {})


def test_tables_agree_with_the_tally(folder):
    tally = folder.tallies["points"]
    counts = tally.by("ward").at(10.0)
    rows = [r for r in tables(folder)["thresholds"] if r["threshold"] == 10.0 and r["attribute"] == "ward"]
    assert rows
    expected = {
        g[0]: (int(tp), int(fp)) for g, tp, fp in zip(tally.by("ward").groups, counts.tp, counts.fp, strict=True)
    }
    assert {r["group"]: (r["tp"], r["fp"]) for r in rows} == expected


def test_a_score_in_points_has_policies_and_no_parts_of_gaps(folder):
    groups = folder.chapters["groups"]
    assert groups["decomposition"] == []
    (grid,) = further.policies(folder, "points")
    assert "Net benefit" not in grid.columns
    cuts = [line.cells[1].text for line in grid.lines if not line.section]
    assert "10" in cuts
    assert not any("%" in cut for cut in cuts)
    text = (folder.path / "report.html").read_text(encoding="utf8")
    assert 'id="policies"' in text
    assert 'id="gap-parts"' not in text
    assert 'id="at-once"' in text


def test_a_report_from_tallies_says_what_is_not_available(folder, tmp_path):
    from primum.audit_tally import audit_tallies

    question = folder.usecase.model_copy(
        update={"outcome": folder.usecase.outcome.model_copy(update={"truth": [], "truth_name": ""})}
    )
    again = audit_tallies(question, folder.tallies.values(), out=tmp_path / "again")
    again.report()
    text = (again.path / "report.html").read_text(encoding="utf8")
    assert "is not available from a tally" in text
    assert "No value of any variable is missing" not in text
    assert "found nothing" not in text
    assert 'id="policies"' in text
    assert not re.search(r"\b(nan|NaN|None)\b", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))
    assert (again.path / "report.pdf").stat().st_size > 20_000
