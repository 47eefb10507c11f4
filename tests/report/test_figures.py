"""The figures: they render, say what they show, carry the rows behind them, and survive awkward runs."""

from __future__ import annotations

import builtins
import copy
import json
import math
import re
import struct
import xml.etree.ElementTree as ET
import zlib
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from primum.errors import MissingExtraError
from primum.finding import Verdict
from primum.report.figures import figures, png, svg
from primum.report.figures.panels import _root_ticks
from primum.report.figures.rows import Source, cap
from primum.report.figures.shapes import of_rows
from primum.report.figures.style import BAND, LOOKS, fit, fit_label, text_width, wrap
from primum.report.language import Language, language
from primum.usecase import MISSING, OVERALL, UseCase

pytest.importorskip("vl_convert")
NASTY = "<b>&amp; #let $x$ @a *b* _c_ \"q\" 'r' \\ ` ~ 中文"


@pytest.fixture(scope="module")
def run(finished):
    return finished


@pytest.fixture(scope="module")
def drawn(run):
    found = figures(run)
    return {f.name: (f, svg(f)) for f in found}


def changed(run, **parts):
    """Return a copy of a run that may be changed."""
    fields = {k: copy.deepcopy(v) for k, v in vars(run).items()}
    return SimpleNamespace(**(fields | parts))


def renamed(run, old, new):
    """Return a run in which every group `old` is called `new`."""

    def walk(x):
        if isinstance(x, dict):
            return {(new if k == old else k): walk(v) for k, v in x.items()}
        if isinstance(x, list):
            return [walk(v) for v in x]
        return new if x == old else x

    from dataclasses import replace

    findings = [replace(f, group=new) if f.group == old else f for f in run.findings]
    return changed(run, chapters=walk(run.chapters), findings=findings)


def texts(picture):
    return [t for t in ET.fromstring(picture).itertext() if t.strip()]


def test_every_kind_of_figure_is_there_once_and_in_the_order_of_the_report(drawn):
    names = list(drawn)
    assert names[:4] == ["page-one-sensitivity", "flow", "missingness", "roc"]
    wanted = {
        "calibration-overall", "calibration-sex", "calibration-sex-ethnicity", "decision-curve-overall",
        "decision-curve-ethnicity", "groups-sensitivity", "groups-auroc", "groups-oe-ratio", "groups-calibration-slope",
        "groups-net-benefit", "groups-ppv", "groups-specificity", "differences-sensitivity",
    }  # fmt: skip
    assert wanted <= set(names)
    assert all(re.fullmatch(r"[a-z0-9-]+", n) for n in names)
    assert [f.name for f, _ in drawn.values() if f.page_one] == ["page-one-sensitivity"]


def test_every_figure_is_small_well_formed_and_refers_to_nothing_outside(drawn):
    for figure, picture in drawn.values():
        root = ET.fromstring(picture)
        assert root.tag.endswith("svg")
        assert root.get("aria-label") == figure.alt
        assert len(picture) < 60_000, figure.name
        assert "href" not in picture
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", picture) == []
        assert " id=" not in picture
        assert "NaN" not in picture
        assert len(texts(picture)) > 3
    assert sum(len(p) for _, p in drawn.values()) < 2_000_000


def test_specifications_are_json_with_all_data_inside(drawn):
    for figure, _ in drawn.values():
        text = json.dumps(figure.spec, allow_nan=False)
        assert '"url"' not in text
        assert figure.spec["$schema"].endswith("vega-lite/v5.json")
        assert figure.title
        assert figure.table
        json.dumps(figure.table)


def test_the_slimmed_picture_has_the_same_pixels_as_the_renderer_made(drawn):
    import vl_convert

    for name in ("page-one-sensitivity", "decision-curve-overall", "missingness"):
        figure, picture = drawn[name]
        full = vl_convert.vegalite_to_svg(figure.spec, vl_version="5.20", allowed_base_urls=[])
        assert len(picture) < 0.8 * len(full)
        assert sorted(texts(picture)) == sorted(texts(full))
        a, b = vl_convert.svg_to_png(picture, scale=1), vl_convert.svg_to_png(full, scale=1)
        assert struct.unpack(">II", a[16:24]) == struct.unpack(">II", b[16:24])
        assert _different(a, b) < 1e-3
    right = drawn["missingness"][1]
    wrong = vl_convert.svg_to_png(right.replace("#0072B2", "#ffffff"), scale=1)
    assert _different(wrong, vl_convert.svg_to_png(right, scale=1)) > 0.01


def _pixels(picture):
    data, place = b"", 8
    while place < len(picture):
        size = int.from_bytes(picture[place : place + 4], "big")
        if picture[place + 4 : place + 8] == b"IDAT":
            data += picture[place + 8 : place + 8 + size]
        place += size + 12
    return zlib.decompress(data)


def _colours(picture):
    """Return the pixels of a PNG whose rows are all stored as differences to the left neighbour (filter 1)."""
    width, height = struct.unpack(">II", picture[16:24])
    rows = np.frombuffer(_pixels(picture), np.uint8).reshape(height, 1 + 4 * width)
    assert set(rows[:, 0]) == {1}
    return np.cumsum(rows[:, 1:].reshape(height, width, 4), axis=1, dtype=np.uint8).astype(int)


def _different(a, b):
    return float((np.abs(_colours(a) - _colours(b)).max(axis=2) > 64).mean())


def test_the_png_is_the_renderers_picture_in_fewer_bytes(drawn):
    import vl_convert

    picture = drawn["flow"][1]
    ours, plain = png(picture), vl_convert.svg_to_png(picture, scale=2)
    assert ours[:8] == b"\x89PNG\r\n\x1a\n"
    assert _pixels(ours) == _pixels(plain)
    assert len(ours) < len(plain)
    assert struct.unpack(">II", ours[16:24]) == struct.unpack(">II", plain[16:24])
    assert png(drawn["flow"][0]) == ours


def test_the_alt_text_has_the_main_numbers(run, drawn):
    alt = drawn["page-one-sensitivity"][0].alt
    whole = next(
        r for r in run.chapters["performance"]["estimates"] if (r["model"], r["metric"]) == ("boosting", "sensitivity")
    )
    assert f"{100 * whole['value']:.0f}\N{NO-BREAK SPACE}%" in alt
    assert f"{whole['events']} cases" in alt
    judged = [
        f for f in run.findings if f.check == "PRM-G01" and f.model == "boosting" and f.attribute != "sex × ethnicity"
    ]
    for verdict in {f.verdict for f in judged}:
        assert f"{verdict}: {sum(f.verdict == verdict for f in judged)}" in alt
    assert "Mexican American" in alt  # the one group where harm is shown is named
    flow = drawn["flow"][0].alt
    assert "9,254" in flow
    assert "5,068" in flow


def test_the_table_holds_the_numbers_of_the_chapter(run, drawn):
    rows = {(r["Attribute"], r["Group"]): r for r in drawn["groups-auroc"][0].table}
    estimates = [r for r in run.chapters["groups"]["estimates"] if r["model"] == "boosting" and r["metric"] == "auroc"]
    assert len(rows) == len(estimates) + 1
    for r in estimates:
        here = rows[r["attribute"], r["group"]]
        assert (here["Estimate"], here["Low"], here["High"]) == (r["value"], r["low"], r["high"])
        assert (here["People"], here["Cases"]) == (r["n"], r["events"])
    curve = run.chapters["groups"]["decision_curves"]["boosting"]["sex"]["Women"]
    table = [r for r in drawn["decision-curve-sex"][0].table if r["Group"] == "Women"]
    assert [r["Net benefit"] for r in table] == [r["model"] for r in curve]
    differences = {(r["Attribute"], r["Group"]): r["Difference"] for r in drawn["differences-sensitivity"][0].table}
    compared = {
        (r["attribute"], r["group"]): r
        for r in run.chapters["groups"]["comparisons"]
        if (r["model"], r["comparison"], r["metric"]) == ("boosting", "difference", "sensitivity")
    }
    assert differences == {k: r["value"] for k, r in compared.items()}


def test_the_margin_band_starts_at_the_comparator(run):
    row = next(r for r in Source(run).forest_rows("sensitivity", "sex") if r["group"] == "Women")
    men = next(r for r in Source(run).forest_rows("sensitivity", "sex") if r["group"] == "Men")
    assert row["comparator_value"] == pytest.approx(men["value"])  # two groups: everyone else is the other one
    assert row["margin"] == pytest.approx(0.1)


def test_a_group_without_an_estimate_is_a_row_with_its_reason_and_no_point(drawn):
    figure, picture = drawn["groups-sensitivity"]
    said = " ".join(texts(picture))
    assert "not recorded" in said
    assert "not estimable: no people with the outcome in this group" in said
    row = next(r for r in figure.table if r["Group"] == MISSING)
    assert row["Estimate"] is None
    assert row["Cases"] == 0
    assert "no people with the outcome" in row["Status"]


def test_every_verdict_has_a_shape_of_its_own_and_too_few_is_hollow():
    shapes = [(LOOKS[v].shape, LOOKS[v].hollow) for v in list(Verdict)[:4]]
    assert len(set(shapes)) == 4
    assert LOOKS[Verdict.NOT_ASSESSABLE].hollow
    assert not LOOKS[Verdict.HARM].hollow


def test_a_group_that_cannot_be_judged_is_drawn_hollow(drawn):
    picture = drawn["page-one-sensitivity"][1]
    assert picture.count('fill="white"') >= 3  # the ground, the point and the mark beside the words
    assert "not assessable (+120)" in " ".join(texts(picture))


def test_labels_of_any_kind_survive(run):
    for figure in figures(renamed(run, "Mexican American", NASTY)):
        said = "".join(texts(svg(figure)))
        if figure.name in {"page-one-sensitivity", "groups-auroc"}:
            assert NASTY[:20] in said
        if figure.name == "calibration-ethnicity":
            assert NASTY[:5] in said


def test_one_group_only(run):
    cut = changed(run)
    groups = cut.chapters["groups"]
    for key in ("estimates", "comparisons"):
        groups[key] = [r for r in groups[key] if r["group"] == "Women"]
    for tree in ("calibration", "decision_curves"):
        groups[tree] = {m: {"sex": {"Women": v["sex"]["Women"]}} for m, v in groups[tree].items()}
    found = {f.name: f for f in figures(cut)}
    assert "calibration-ethnicity" not in found
    for name in ("page-one-sensitivity", "calibration-sex", "decision-curve-sex", "differences-sensitivity"):
        assert "Women" in " ".join(texts(svg(found[name])))


def test_sixty_intersections_make_a_taller_figure_within_bounds(run):
    many = changed(run)
    rows = many.chapters["groups"]["estimates"]
    model = [r for r in rows if r["attribute"] == "sex × ethnicity" and r["group"] == "Men · Mexican American"]
    long = "Women aged sixty-five and older · Something rather long {}"
    rows += [{**r, "group": long.format(i)} for i in range(60) for r in model]
    found = {f.name: f for f in figures(many)}
    tall = found["groups-sensitivity-intersections"]
    plain = found["groups-sensitivity"]
    assert {r["Attribute"] for r in plain.table} == {"", "sex", "ethnicity", "age"}
    assert {r["Attribute"] for r in tall.table} == {"", "sex × ethnicity"}
    picture = svg(tall)
    assert float(ET.fromstring(picture).get("height")) < 1600
    assert len(picture) < 80_000
    assert "8 more: table of estimates" in " ".join(texts(picture))
    assert len(found["page-one-sensitivity"].table) <= 25
    assert "in the table" in found["calibration-sex-ethnicity"].note


def test_the_gravest_verdicts_are_kept_when_rows_are_left_out():
    rows = [{"group": i, "verdict": str(Verdict.NO_HARM), "events": 1000 - i} for i in range(20)]
    rows[17]["verdict"] = str(Verdict.HARM)
    rows[18]["verdict"] = str(Verdict.NOT_ASSESSABLE)
    assert [r["group"] for r in cap(rows, 5)] == [0, 1, 2, 3, 17]


def test_a_run_without_chapters_has_no_figures(run):
    assert figures(changed(run, chapters={}, findings=[])) == []


def test_nulls_and_wild_intervals_do_not_break_a_forest(run):
    wild = changed(run)
    for r in wild.chapters["groups"]["estimates"]:
        if r["metric"] == "calibration_slope" and r["group"] == "Women":
            r.update(value=1.0, low=-40.0, high=math.inf)
        if r["metric"] == "oe_ratio" and r["group"] == "Men":
            r.update(value=30.0, low=None, high=None)
        if r["metric"] == "net_benefit":
            r.update(value=math.nan, low=math.nan, high=math.nan, status="not estimable", reason="none")
    found = {f.name: f for f in figures(wild)}
    assert "groups-net-benefit" not in found
    for name in ("groups-calibration-slope", "groups-oe-ratio"):
        assert "NaN" not in svg(found[name])


def test_points_instead_of_probabilities_leave_the_decision_threshold_off_the_decision_curve(run):
    points = changed(run)
    for m in points.chapters["models"]["models"]:
        m.update(scale="points", threshold=7.0)
    found = {f.name: f for f in figures(points)}
    assert "decision threshold," not in " ".join(texts(svg(found["decision-curve-overall"])))


def test_the_roc_marks_where_the_model_decides(run, drawn):
    at = next(
        r for r in run.chapters["performance"]["estimates"] if (r["model"], r["metric"]) == ("boosting", "sensitivity")
    )
    layer = drawn["roc"][0].spec["layer"][2]["data"]["values"]
    assert layer[0]["y"] == pytest.approx(at["value"], abs=1e-4)
    assert len(layer) == 3
    bare = changed(run)
    for rows in bare.chapters["performance"]["roc"].values():
        for r in rows:
            del r["t"]
    again = {f.name: f for f in figures(bare)}["roc"]
    assert again.spec["layer"][2]["data"]["values"] == layer
    assert "boosting at 10\N{NO-BREAK SPACE}%: finds" in again.alt


def test_an_unknown_metric_with_a_margin_is_drawn_too(run):
    own = run.usecase.model_copy(update={"margins": {"npv": 0.05}})
    assert isinstance(own, UseCase)
    found = {f.name for f in figures(changed(run, usecase=own))}
    assert {"page-one-npv", "groups-npv"} <= found


def test_text_is_measured_shortened_and_wrapped():
    assert text_width("WWW") > text_width("iii")
    assert text_width("中文") == pytest.approx(24)
    assert fit("short", 200) == "short"
    cut = fit("a very long label that does not fit at all", 80)
    assert cut.endswith("…")
    assert text_width(cut) <= 80
    labels = {fit_label(f"Women aged sixty-five and older · Something rather long {i}", 180) for i in range(60)}
    assert len(labels) == 60
    assert max(map(text_width, labels)) <= 180
    assert fit_label("Women · Asian", 200) == "Women · Asian"
    assert len(wrap("one two three four five six seven eight nine ten", 60, lines=2)) == 2
    assert wrap("", 60) == [""]


def test_square_root_axes_start_at_zero_and_their_labels_do_not_touch():
    for top in (0.02, 0.1, 0.3, 0.6, 1.0):
        ticks = _root_ticks(top, 150)
        places = [math.sqrt(t / top) * 150 for t in ticks]
        assert ticks[0] == 0
        assert len(ticks) >= 2
        assert all(b - a >= 28 for a, b in pairwise(places))


def test_a_missing_renderer_says_what_to_install(drawn, monkeypatch):
    real = builtins.__import__

    def absent(name, *rest, **more):
        if name == "vl_convert":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    for draw in (svg, png):
        with pytest.raises(MissingExtraError, match=r"vl-convert-python[\s\S]*primum\[report\]"):
            draw(drawn["flow"][0])


def test_smoothed_curves_lie_over_the_points_and_stand_in_the_table(run, drawn):
    figure = next(f for f in figures(run) if f.name == "calibration-ethnicity")
    held = run.chapters["groups"]["smooth"]["boosting"]["ethnicity"]
    shown = [r for r in figure.table if r["Kind"] == "smoothed"]
    points = [r for r in figure.table if r["Kind"] == "equal part"]
    assert {r["Group"] for r in points} >= {r["Group"] for r in shown} > {"Mexican American"}
    for group in {r["Group"] for r in shown}:
        rows = [(r["Predicted"], r["Observed"], r["Low"], r["High"]) for r in shown if r["Group"] == group]
        assert rows == [tuple(r[k] for k in ("predicted", "observed", "low", "high")) for r in held[group]]
    assert "smoothed" in figure.note
    layers = figure.spec["concat"][0]["layer"]
    (area,) = [x for x in layers if x["mark"]["type"] == "area"]
    assert area["data"]["values"]
    assert len(figure.alt) > 60
    everyone = next(f for f in figures(run) if f.name == "calibration-overall")
    assert {r["Model"] for r in everyone.table if r["Kind"] == "smoothed"} == set(run.chapters["groups"]["smooth"])


def test_without_smoothed_curves_the_points_remain(run):
    bare = changed(run)
    del bare.chapters["groups"]["smooth"]
    bare.chapters["groups"]["smooth"] = {"boosting": {"sex": {"Women": [], "Men": [{"predicted": None}]}}}
    figure = next(f for f in figures(bare) if f.name == "calibration-sex")
    assert {r["Kind"] for r in figure.table} == {"equal part"}
    assert "smoothed" not in figure.note
    assert "Women" in " ".join(texts(svg(figure)))


@pytest.fixture
def signs(monkeypatch):
    """A language without letters, with apostrophes and its own marks in numbers."""

    def written(text):
        parts = re.split(r"(\{[^{}]*\})", text)
        return "".join(p if i % 2 else re.sub(r"[^\W\d_]", "'", p) for i, p in enumerate(parts))

    texts = {k: written(t) for k, t in language("en").texts.items()}
    texts |= {"language.decimal": "_", "language.thousands": "^", "language.percent": "{n}#"}
    monkeypatch.setattr("primum.report.say.language", lambda _: Language("signs", texts))


def strings(x):
    """Return every text in the values of nested data."""
    if isinstance(x, dict):
        return [s for v in x.values() for s in strings(v)]
    if isinstance(x, list | tuple):
        return [s for v in x for s in strings(v)]
    return [x] if isinstance(x, str) else []


@pytest.mark.usefixtures("signs")
def test_in_another_language_no_word_of_a_figure_is_english(run):
    own = " ".join([*strings(run.usecase.model_dump()), *strings(run.chapters)])
    for figure in figures(run):
        told = [figure.title, figure.alt, figure.note, *(k for r in figure.table for k in r), *texts(svg(figure))]
        words = set(re.findall(r"[a-z]{2,}", " ".join(told).lower()))
        assert words <= set(re.findall(r"[a-z]{2,}", own.lower())), figure.name


@pytest.mark.usefixtures("signs")
def test_axes_write_numbers_as_the_language_does(run):
    found = {f.name: texts(svg(f)) for f in figures(run) if f.name in {"roc", "groups-auroc"}}
    assert {"40#", "100#"} <= set(found["roc"])
    assert not [t for ts in found.values() for t in ts if re.search(r"\d[.%]", t)]
    assert any(re.fullmatch(r"0_\d+", t) for t in found["groups-auroc"])


@pytest.mark.usefixtures("signs")
def test_the_curve_of_everyone_is_found_by_its_name_in_any_language():
    row = {"feature": "age", "attribute": OVERALL, "group": "everyone", "kind": "number", "n": 50, "small": False}
    rows = [
        {**row, "x": x, "label": str(x), "effect": x / 50 - 1, "low": x / 50 - 1.2, "high": x / 50 - 0.8}
        for x in (30.0, 50.0, 70.0)
    ]
    (figure,) = of_rows(rows, "model")
    assert f'fill="{BAND}"' in svg(figure)
    assert not [t for t in texts(svg(figure)) if re.search("[A-Za-z]{2}", t) and t != "age"]
