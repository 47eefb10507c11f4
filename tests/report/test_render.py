from __future__ import annotations

import csv
import errno
import io
import json
import sys
from pathlib import Path

import jsonschema
import pytest

from primum.errors import PrimumError
from primum.report.notebook import summary_html
from primum.report.render import render
from primum.report.schema import schema
from primum.report.tables import tables, to_csv


def envelope(run):
    return {
        "schema_version": 1, "plan": run.plan.hash, "created": run.plan.created,
        "findings": [f.row() for f in run.findings],
    }  # fmt: skip


def test_findings_obey_the_published_schema(finished):
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(json.loads(json.dumps(envelope(finished), allow_nan=False)), schema())


@pytest.mark.parametrize(
    ("field", "value"), [("verdict", "fair"), ("value", "0.5"), ("check", "G01"), ("n", -1), ("margin", 0), ("new", 1)]
)
def test_the_schema_refuses_what_is_not_a_finding(finished, field, value):
    content = envelope(finished)
    content["findings"][3][field] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema())


def test_the_schema_names_every_status_and_verdict():
    from primum.finding import Finding, Status, Verdict

    fields = schema()["$defs"]["finding"]["properties"]
    assert set(fields["verdict"]["enum"]) == {str(v) for v in Verdict}
    assert set(fields["status"]["enum"]) == {str(s) for s in Status}
    assert set(Finding.__dataclass_fields__) - {"estimate"} <= set(fields)


def test_tables_hold_every_row(finished):
    made = tables(finished)
    groups = finished.chapters["groups"]
    assert len(made["groups"]) == len(groups["estimates"])
    assert len(made["findings"]) == len(finished.findings)
    held = groups["thresholds"]["boosting"]
    assert len(made["thresholds"]) == 3 * len(held["t"]) * len(held["groups"])
    row = next(r for r in made["thresholds"] if r["group"] == "Women" and r["threshold"] == 0.1)
    assert row["tp"] + row["fn"] == held["groups"][1]["events"]
    table_one = finished.chapters["people"]["table_one"]
    assert len(made["table_one"]) == len(table_one["columns"]) * len(table_one["rows"])
    assert all(made.values())


def test_csv_round_trips_and_keeps_undefined_empty(finished):
    text = to_csv(tables(finished)["groups"]).decode("utf8")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(finished.chapters["groups"]["estimates"])
    empty = next(r for r in rows if r["group"] == "(missing)" and r["metric"] == "sensitivity")
    assert (empty["value"], empty["status"]) == ("", "not estimable")
    assert {r["group"] for r in rows} >= {"≥65", "35–49"}


def test_csv_takes_no_formula_from_the_data():
    made = to_csv(
        [{"group": "=HYPERLINK(1)", "value": -0.5, "columns": ["a", "b"], "none": None, "dash": "–"}]
    ).decode()
    assert made == "group,value,columns,none,dash\r\n'=HYPERLINK(1),-0.5,a; b,,–\r\n"


def test_render_writes_everything_that_it_names(finished, tmp_path):
    made = render(finished, tmp_path / "out", pdf=False)
    assert all(p.is_file() and p.stat().st_size > 0 for p in made.values())
    names = {p.relative_to(tmp_path / "out").as_posix() for p in made.values()}
    assert {"report.html", "findings.schema.json", "tables/findings.csv", "figures/roc.svg", "figures/roc.png"} <= names
    assert {p for p in (tmp_path / "out").rglob("*") if p.is_file()} == set(made.values())


def test_render_twice_gives_the_same_bytes(finished, tmp_path):
    a = render(finished, tmp_path / "a", pdf=False, figures=False)["html"]
    b = render(finished, tmp_path / "b", pdf=False, figures=False)["html"]
    assert a.read_bytes() == b.read_bytes()


def test_without_figures_their_tables_remain(finished, tmp_path):
    made = render(finished, tmp_path, pdf=False, figures=False)
    assert not any(name.startswith("figure") for name in made)
    assert "The numbers behind this figure" in made["html"].read_text(encoding="utf8")


@pytest.mark.parametrize("allowed", [0, 3, 12])
def test_a_full_disk_leaves_nothing_that_looks_finished(finished, tmp_path, monkeypatch, allowed):
    import os

    left, real = [allowed], os.fsync

    def full(fd):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd)

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(PrimumError, match="No space left on device"):
        render(finished, tmp_path, pdf=False, figures=False)
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(files) == allowed
    assert not (tmp_path / "report.html").exists()
    assert not [p for p in files if p.name.endswith(".part")]


def test_a_folder_that_cannot_be_made_is_told(finished, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(PrimumError, match=r"could not be made.*\n.*expected: .*a folder that can be written"):
        render(finished, tmp_path / "file" / "out", pdf=False)


def test_the_notebook_summary_is_a_fragment(finished):
    made = summary_html(finished)
    assert made.startswith("<section>")
    assert "▼ harm shown" in made
    assert "One miss is taken to be as bad as 9 false alarms." in made
    assert "<script" not in made
    assert "style=" not in made


def test_the_notebook_summary_escapes(run):
    run.usecase = run.usecase.model_copy(update={"title": "<img src=x>"})
    assert "<img" not in summary_html(run)


def test_importing_the_report_loads_nothing_heavy():
    import subprocess

    code = (
        "import sys, primum.report.render, primum.report.html, primum.report.words;"
        "print([m for m in ('jinja2', 'vl_convert', 'typst', 'scipy.stats', 'sklearn', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_package_data_is_there():
    import primum.report

    folder = Path(primum.report.__file__).parent
    assert {"style.css", "threshold.js", "findings.schema.json"} <= {p.name for p in folder.iterdir()}
    assert (folder / "templates" / "report.html").is_file()
