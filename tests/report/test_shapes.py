"""Shapes in the report: the strongest first, thin support shown as such, figures that render with a table each."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from primum.learn.calibrate import expit
from primum.learn.prepare import Matrix
from primum.learn.prior.shapes import FEW, shapes, swing
from primum.report.figures.figure import svg
from primum.report.figures.rows import Source
from primum.report.figures.shapes import of_rows, strongest
from primum.report.figures.shapes import shapes as figures
from primum.report.views.shapes import curve, overview, section

N = 900


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.uniform(20, 80, N), rng.normal(size=N), rng.integers(0, 3, N)])
    x[rng.random(N) < 0.1, 1] = np.nan
    matrix = Matrix(x, ["age", "marker", "clinic"], {"clinic": ["a", "b's", "c"]})
    sex = np.where(np.arange(N) < 12, "Other", np.where(rng.random(N) < 0.5, "Female", "Male"))
    woman = (sex == "Female").astype(float)

    def risk(scale):
        return lambda v: expit(
            scale * (0.05 * (v[:, 0] - 50) * (1 - 0.8 * woman[: len(v)].mean()) + 0.3 * np.nan_to_num(v[:, 1], nan=2))
            + 0.1 * v[:, 2]
        )

    return shapes([risk(0.8), risk(1.2)], matrix, {"sex": sex, "clinic": x[:, 2].astype(int).astype(str)})


@pytest.fixture
def run(rows):
    told = {"few": FEW, "models": [{"name": "boosting", "rows": rows, "swing": swing(rows)}]}
    return SimpleNamespace(chapters={"shapes": told}, findings=[], manifest={}, usecase=None, plan=None, path=None)


def test_the_strongest_feature_comes_first(rows, run):
    assert strongest(rows) == ["age", "marker", "clinic"]
    grid = overview(run.chapters["shapes"]["models"][0])
    assert [line.head for line in grid.lines] == ["age", "marker", "clinic"]
    age = grid.lines[0].cells
    own = {s["group"]: s for s in swing(rows) if s["feature"] == "age"}["overall"]
    assert age[2].text == f"{own['ratio']:.2f}"
    assert float(age[0].text) < float(age[1].text)


def test_the_table_of_a_curve_is_the_rows(rows):
    grid = curve(rows, "marker", FEW)
    assert grid.lines[-1].head == "not recorded"
    first = next(r for r in rows if r["feature"] == "marker")
    assert grid.lines[0].cells[1].text == f"{np.exp(first['effect']):.2f}"
    assert grid.lines[0].cells[0].text == str(first["n"])
    assert "[" in grid.lines[0].cells[2].text


def test_figures_render_and_say_where_few_people_stand(rows, run):
    found = figures(Source(run))
    assert [f.name for f in found] == ["shape-boosting-age", "shape-boosting-marker", "shape-boosting-clinic"]
    for figure in found:
        text = svg(figure)
        assert text.startswith("<svg")
        assert "Female" in text
        assert figure.chapter == "shapes"
        assert "fewer than 20 people" in figure.note
    other = [r for r in found[0].table if r["Group"] == "Other"]
    assert {r["Support"] for r in other} == {"few"}
    assert "missing value" in found[1].note
    assert of_rows(rows, "boosting", most=1)[0].name == "shape-boosting-age"


def test_the_section_holds_tables_and_pictures(run):
    found = section(run)
    kinds = [b.is_ for b in found.blocks]
    assert kinds.count("pictures") == 1
    assert kinds.count("table") == 4
    run.chapters = {}
    assert section(run) is None
    assert figures(Source(run)) == []
