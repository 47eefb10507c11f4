"""The page of a study: one file, nothing fetched, every section, and numbers that are those of the tables."""

from __future__ import annotations

import re

import pytest

from primum.report.figures.study import study_figures
from primum.report.study import render_study, study_html
from primum.report.views.study import in_short, study_sections
from primum.stress.study import run_study


@pytest.fixture(scope="module")
def run(study_of, tmp_path_factory):
    study = study_of(population={"recipe": {"people": 20_000}}, arms=["uncorrected", "PURPLE", "oracle"],
                     title="Bias <in> a record", doses=[0.0, 0.5, 1.0])  # fmt: skip
    return run_study(study, out=tmp_path_factory.mktemp("page") / "run")


def test_the_page_is_whole_and_alone(run):
    page = render_study(run).read_text(encoding="utf8")
    assert "default-src 'none'" in page.replace("&#39;", "'")
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert "Bias &lt;in&gt; a record" in page
    for section in study_sections(run):
        assert f'id="{section.anchor}"' in page
    assert page.count("<svg") == len(study_figures(run)) == 3
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_same_page_twice(run):
    assert study_html(run) == study_html(run)


def test_without_figures_their_tables_stay(run):
    page = study_html(run, figures=False)
    assert "<svg" not in page
    assert "The numbers behind this figure" in page


def test_in_short_says_the_numbers_of_the_tables(run):
    from primum.report.numbers import percent
    from primum.stress.dose_response import pick

    (line,) = in_short(run)
    key = {"bias": "missed", "dose": 1.0, "arm": "uncorrected", "metric": "sensitivity", "group": "male"}
    for on in ("truth", "record"):
        assert percent(pick(run.curves, **key, judged_on=on)["mean"], 1) in line


def test_figures_tell_what_they_show(run):
    for figure in study_figures(run):
        assert "missed" in figure.alt
        assert figure.table
        assert figure.chapter == "study 1"
