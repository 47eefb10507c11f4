"""The report as it may leave: pixels only, no word about the machine, and one marker for what is withheld."""

from __future__ import annotations

import base64
import copy
import csv
import re
import zlib

import numpy as np
import pytest

from primum.disclose.containers import forbidden
from primum.errors import PrimumError
from primum.report import forest, slider, words
from primum.report.figures import figures
from primum.report.figures.pixels import _unpacked, bare, size
from primum.report.html import html
from primum.report.image import drawn, image, inline
from primum.report.page_one import page_one
from primum.report.render import render
from primum.report.stamp import inside as inside_words
from primum.report.stamp import stamp
from primum.report.tables import WITHHELD, to_csv
from primum.report.views import groups, people
from primum.report.views import run as again

pypdf = pytest.importorskip("pypdf")
pytest.importorskip("vl_convert")
HIDDEN = "Other or multiracial"
BRIEF = "release · preset cbs · 2026-03-09"
CHUNKS = [b"IHDR", b"pHYs", b"PLTE", b"IDAT", b"IEND"]


@pytest.fixture(scope="module")
def text(export_folder):
    return (export_folder / "report.html").read_text(encoding="utf8")


def chunks(png):
    """Return the kinds of the chunks of a PNG; their checksums must hold, and nothing may follow the end."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    out, place = [], 8
    while place < len(png):
        length, kind = int.from_bytes(png[place : place + 4], "big"), png[place + 4 : place + 8]
        body = png[place + 4 : place + 8 + length]
        assert zlib.crc32(body).to_bytes(4, "big") == png[place + 8 + length : place + 12 + length]
        out.append(kind)
        place += 12 + length
    return out


def images(text):
    """Return (alt, PNG) of every image in the page."""
    found = re.findall(r'<img[^>]*? alt="([^"]*)"[^>]*? src="data:image/png;base64,([^"]+)">', text)
    assert len(found) == text.count("<img")
    return [(alt, base64.b64decode(data)) for alt, data in found]


# files ----------------------------------------------------------------------------------------------------------------


def test_nothing_that_no_release_may_hold(export_folder, inside_folder):
    assert not [h for h in forbidden(export_folder) if h.level == "fail"]
    assert not [h for h in forbidden(export_folder) if h.what == "a hash"]
    kinds = {h.what for h in forbidden(inside_folder) if h.level == "fail"}
    assert {"vector graphics", "metadata"} <= kinds  # the same scan sees what is wrong with the other one


def test_files_are_those_of_a_report(export_folder):
    suffixes = {p.suffix for p in export_folder.rglob("*") if p.is_file()}
    assert suffixes == {".html", ".pdf", ".csv", ".png", ".json", ".bib", ".docx", ".md", ".tex"}
    names = {p.stem for p in (export_folder / "figures").iterdir()}
    assert {"roc", "page-one-sensitivity", "calibration-ethnicity"} <= names


def test_pictures_are_pixels_and_say_nothing_else(export_folder):
    for file in (export_folder / "figures").iterdir():
        png = file.read_bytes()
        assert chunks(png) == CHUNKS
        place = png.index(b"pHYs") + 4
        assert 150 <= int.from_bytes(png[place : place + 4], "big") * 0.0254 <= 200
        assert len(png) < 200_000


def test_the_page_holds_images_with_words_and_no_drawing(text, released):
    assert not re.search(r"<svg|<!--|<script src|vega|plotly|<link|@import|http-equiv=.refresh", text, re.IGNORECASE)
    assert not re.search(r"https?://", text)
    found = images(text)
    alts = [alt for alt, _ in found if alt]
    figures_ = [f for f in figures(released) if not f.page_one]
    assert len(alts) == len(figures_) == len(set(alts))
    assert all(len(alt) > 20 for alt in alts)
    small = [png for alt, png in found if not alt]  # strips and the bar, told by the cells beside them
    assert len(small) > 8
    assert all(chunks(png) == CHUNKS for _, png in found)
    assert len(text) < 3_000_000


def test_the_pdf_holds_no_lines_of_data_and_as_many_pictures(export_folder, released):
    reader = pypdf.PdfReader(export_folder / "report.pdf")
    pictures = sum(len(page.images) for page in reader.pages)
    assert pictures == len(figures(released)) + 1  # and the bar of 1,000 people
    for page in reader.pages:
        drawn_ = [
            op
            for _, op in pypdf.generic.ContentStream(page.get_contents(), reader).operations
            if op in {b"c", b"v", b"y"}
        ]
        assert not drawn_  # no curve; the lines of tables are straight


def test_nothing_of_the_machine_the_time_or_the_data(text, released, export_folder):
    pages = " ".join(page.extract_text() for page in pypdf.PdfReader(export_folder / "report.pdf").pages)
    for said in (re.sub(r"base64,[^\"]+", "", text), pages):
        assert not re.search(r"\b[0-9a-f]{32,}\b", said)
        assert not re.search(r"(?<!\d)[0-2]\d:[0-5]\d(?!\d)", said)
        assert "Linux" not in said
        assert "9,254" not in again_chapter(said)
        assert "seconds" not in again_chapter(said)
        assert "sample-depression" not in said
        assert released.plan.hash[:12] in said
        assert "numpy 2.4.6" in said


def again_chapter(said):
    return said[said.rindex("How to do it again") :]


def test_a_package_from_a_folder_is_not_named(released):
    run = copy.deepcopy(released)
    run.manifest["packages"] = {"numpy": "2.4.6", "mine": "file:///home/someone/mine", "other": "C:\\code"}
    assert dict(again.environment(run, export=True))["Packages"] == "numpy 2.4.6"


def test_where_a_report_belongs_is_said_first_and_last(text, inside_folder, released, export_folder):
    told = "release · preset cbs · at least 10 people behind every count · 2026-03-09"
    assert stamp(released, export=True) == told
    assert f'<p class="stamp kept">{told}</p>' in text
    assert f"R{told[1:]}. This file is complete" in text
    inside = (inside_folder / "report.html").read_text(encoding="utf8")
    assert f'<p class="stamp kept inside">{inside_words()}</p>' in inside
    assert inside_words() == "inside: must not leave the room"
    assert inside_words() not in text
    for folder, first, foot in ((export_folder, told, BRIEF), (inside_folder, inside_words(), inside_words())):
        pages = [" ".join(p.extract_text().split()) for p in pypdf.PdfReader(folder / "report.pdf").pages]
        assert first in pages[0]
        assert all(foot in page for page in pages)


def test_rules_are_not_named_twice(released):
    run = copy.deepcopy(released)
    run.manifest["release"] = {"preset": "cbs", "words": "preset cbs of 2026-11", "date": "2026-03-09"}
    assert stamp(run, export=True) == "release · preset cbs of 2026-11 · 2026-03-09"
    run.manifest["release"] = {"preset": "cbs"}
    assert stamp(run, export=True) == stamp(run, export=True, brief=True) == "release · preset cbs"


def test_a_run_that_was_not_protected_is_refused_and_nothing_is_written(small, tmp_path):
    with pytest.raises(PrimumError, match=r"not protected for release(.|\n)*primum release RUN --preset"):
        render(small, tmp_path / "out", export=True)
    assert not (tmp_path / "out").exists()


def test_the_same_release_gives_the_same_bytes(released, export_folder, tmp_path):
    render(released, tmp_path, export=True, pdf=False)
    for file in (export_folder / "report.html", export_folder / "figures" / "roc.png"):
        assert (tmp_path / file.relative_to(export_folder)).read_bytes() == file.read_bytes()


def test_without_figures_their_tables_stand_alone(released, tmp_path):
    written = render(released, tmp_path, export=True, pdf=False, figures=False)
    assert not [name for name in written if name.startswith(("figure", "picture"))]
    assert "The numbers behind this figure" in written["html"].read_text(encoding="utf8")
    assert not [h for h in forbidden(tmp_path) if h.level == "fail"]


def test_what_is_not_in_a_release_is_not_said_to_be_good(released):
    run = copy.deepcopy(released)
    run.chapters["people"] = {"source": "A survey"}
    run.chapters.pop("record")
    page = html(run, {}, export=True)
    assert "found nothing" not in page
    assert "No value of any variable is missing" not in page
    assert "No repair was" not in page
    assert "were not tried" not in page
    assert page.count("Not part of this release.") >= 5
    assert "small counts are shown as they are" not in page
    assert page_one(run).no_repair == "No repair was tried."


# what is withheld -----------------------------------------------------------------------------------------------------


def row_of(text, name):
    """Return every row of a table of the page that is headed by a name, as texts of its cells."""
    rows = re.findall(rf'<tr><th scope="row">(?:<[^>]*>)*{name}.*?</tr>', text, re.DOTALL)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [[" ".join(re.sub(r"<[^>]+>", " ", c).split()) for c in row] for row in cells]


@pytest.fixture
def sealed(released):
    """The release without the chapter of the people, which tells the group's size in the sample."""
    run = copy.deepcopy(released)
    run.chapters["people"] = {"source": "A survey"}
    return run


def test_no_number_and_no_dash_stands_in_its_rows(sealed):
    drawn_ = figures(sealed)
    found = row_of(html(sealed, {}, drawn_, export=True), HIDDEN)
    told = {c for cells in found for c in cells}
    assert len(found) >= 5
    assert told == {"", WITHHELD, "everyone else", "■ inconclusive (suppressed)"}
    behind = [r for f in drawn_ for r in f.table if r.get("Group") == HIDDEN]
    assert len(behind) >= 3
    for row in behind:
        left = {k: v for k, v in row.items() if k not in {"Attribute", "Group", "Compared with", "Margin"}}
        assert set(left.values()) <= {WITHHELD, "", None, "inconclusive (suppressed)"}, row
        assert left.get("Cases", WITHHELD) == WITHHELD


def test_page_one_speaks_of_it_without_a_number(released):
    page = page_one(released, export=True)
    line = next(x for d in page.divisions for x in d.lines if x.name == HIDDEN)
    assert (line.cases, line.found, line.reason) == (WITHHELD, WITHHELD, "")
    assert line.chip == {
        "shape": "■", "kind": "gone", "text": "inconclusive (suppressed)",
        "title": f"{HIDDEN} (ethnicity): inconclusive (suppressed).",
    }  # fmt: skip
    assert 'class="mark' not in line.strip
    said = "so that nobody can be recognised. This is no good news: nothing is known from this report."
    assert page.withheld == [f"How the model does is withheld for {HIDDEN} (ethnicity), {said}"]
    assert "inconclusive (suppressed)" in {entry["text"] for entry in page.legend}
    assert any("groups that are withheld" in line for line in page.decide)
    assert not [x for x in page.not_assessable if HIDDEN in x]


def test_a_verdict_of_another_kind_on_a_withheld_number_is_suppressed_too(released):
    from dataclasses import replace

    from primum.finding import Verdict

    finding = next(f for f in released.findings if f.group == HIDDEN and f.metric == "sensitivity")
    for verdict in (Verdict.INCONCLUSIVE, Verdict.HARM, Verdict.NOT_ASSESSABLE):
        told = replace(finding, verdict=verdict, reason="only 3 people")
        assert words.chip(told)["text"] == "inconclusive (suppressed)"
        assert words.sentence(told, "depression") == f"{HIDDEN} (ethnicity): inconclusive (suppressed)."


def test_figures_draw_no_mark_for_it_and_write_so_beside_its_name(released):
    drawn_ = {f.name: f for f in figures(released)}
    for name in ("page-one-sensitivity", "groups-specificity", "differences-sensitivity"):
        spec, table = drawn_[name].spec, drawn_[name].table
        place = next(r["y"] for layer in spec["layer"] for r in layer["data"]["values"] if r.get("t") == HIDDEN)
        here = [r for layer in spec["layer"] for r in layer["data"]["values"] if r.get("y") == place]
        assert not [r for r in here if "x" in r or "lo" in r]
        assert WITHHELD in {r.get("gap") for r in here}
        assert next(r for r in table if r["Group"] == HIDDEN).get("Status", WITHHELD) == WITHHELD
        assert HIDDEN not in drawn_[name].alt
    panel = str(drawn_["calibration-ethnicity"].spec)
    assert f"'t': '{WITHHELD}'" in panel
    assert "groups that are shown" in drawn_["groups-sensitivity"].alt if "groups-sensitivity" in drawn_ else True


def test_the_threshold_does_not_move_it(released, text):
    held = slider.data(released)["models"][0]["groups"]
    assert {"attribute": "ethnicity", "group": HIDDEN, "withheld": True} in held
    line = next(x for x in slider.table(released).lines if x.head == HIDDEN)
    assert {c.text for c in line.cells} == {WITHHELD}
    assert '"withheld":true' in text


def test_the_script_keeps_it_withheld(browser, export_folder):
    page = browser.new_page()
    complaints = []
    page.on("pageerror", lambda e: complaints.append(str(e)))
    page.goto((export_folder / "report.html").as_uri())
    row = page.locator("#threshold-table tbody tr", has_text=HIDDEN)
    before = row.inner_text()
    page.locator("#threshold-range").fill("40")
    assert row.inner_text() == before
    assert before.count(WITHHELD) == 8
    assert "60" not in before
    assert complaints == []
    page.close()


def test_tables_of_numbers_mark_it_with_the_same_word(export_folder):
    for name in ("groups", "comparisons", "findings"):
        with (export_folder / "tables" / f"{name}.csv").open(encoding="utf8", newline="") as file:
            rows = [r for r in csv.DictReader(file) if r["group"] == HIDDEN]
        assert rows
        for row in rows:
            assert {row[k] for k in ("value", "n", "events", "nonevents")} == {WITHHELD}
            assert row["status"] == "suppressed"
    with (export_folder / "tables" / "thresholds.csv").open(encoding="utf8", newline="") as file:
        assert HIDDEN not in {r["group"] for r in csv.DictReader(file)}


def test_what_has_no_number_says_so_however_it_is_held():
    nan = float("nan")
    held = {"value": nan, "low": None, "n": 0, "events": 0, "at": None, "status": "suppressed"}
    assert to_csv([held]).decode().splitlines()[1] == "withheld,withheld,withheld,withheld,,suppressed"
    known = held | {"n": 40, "events": 12}  # how many they are may be told, what is decided about them may not
    assert to_csv([known]).decode().splitlines()[1] == "withheld,withheld,40,12,,suppressed"
    plain = {"value": nan, "low": None, "n": 0, "events": 0, "at": 0.1, "status": "not estimable"}
    assert to_csv([plain]).decode().splitlines()[1] == ",,0,0,0.1,not estimable"


def test_numbers_that_are_not_written_to_a_file_first_are_withheld_too(released):
    run = copy.deepcopy(released)
    for row in run.chapters["groups"]["estimates"]:
        if row["group"] == HIDDEN:
            row.update(value=float("nan"), low=float("nan"), high=float("nan"))
    behind = [r for f in figures(run) for r in f.table if r.get("Group") == HIDDEN and "Estimate" in r]
    assert behind
    assert {r[k] for r in behind for k in ("Estimate", "Low", "High", "Cases", "People")} == {WITHHELD}


def test_other_tables_of_the_groups_take_withheld_rows(run):
    """Every part of the chapter renders when one of its rows has no number."""
    held = run.chapters["groups"]
    for part in ("joint", "shrunk", "policies", "exposure", "decomposition", "capacity"):
        rows = [g for r in held.get(part, []) for g in r.get("groups", [r])]
        for row in [r for r in rows if r["group"] == "Women"]:
            kept = {"at", "level", "margin", "capacity"}
            numbers = {k for k, v in row.items() if isinstance(v, (int, float)) and k not in kept}
            row.update(dict.fromkeys(numbers) | {"status": "suppressed", "reason": "fewer than ten"})
    told = run.chapters["people"]
    for row in [r for r in told["missingness"] if r["level"] == "Women"]:
        row.update(dict.fromkeys(("n", "missing", "share", "low", "high")) | {"status": "suppressed"})
    told["table_one"]["columns"][1]["n"] = None
    told["table_one"]["rows"][0]["cells"][1] = {"status": "suppressed", "text": None}
    told["flow"][1] |= {"n": None, "removed": None}
    for m in run.chapters["models"]["models"]:
        m |= {"n_scored": None, "not_scored": None}
    page = html(run, {}, figures(run))
    assert page.count(f">{WITHHELD}<") > 40
    assert "fewer than ten" not in page
    assert people.flow(run).lines[1].cells[0].text == WITHHELD
    told["unrecorded"]["sex"]["Women"] = {"n": None, "unknown_outcome": None}
    women = next(x for x in people.unrecorded(run).lines if x.head == "Women")
    assert {c.text for c in women.cells} == {WITHHELD}
    assert {c.text for c in again.model_table(run).lines[0].cells[2:4]} == {WITHHELD}
    assert "None" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_consequences_of_a_withheld_group(released):
    table = groups.consequences(released, "boosting")
    line = next(x for x in table.lines if x.head == HIDDEN)
    assert [c.text for c in line.cells] == [WITHHELD] * 5


# pixels ---------------------------------------------------------------------------------------------------------------


def png_of(pixels, *, filters=None, kind=None, extra=()):
    """Return a PNG of pixels (height, width, channels), written the plain way, with any chunks before its data."""
    height, width, channels = pixels.shape
    rows = []
    for y in range(height):
        how = filters[y] if filters else 0
        left = np.vstack([np.zeros((1, channels), np.uint8), pixels[y, :-1]])
        above = pixels[y - 1] if y else np.zeros_like(pixels[y])
        rows.append(bytes([how]) + (pixels[y] - {0: 0, 1: left, 2: above}.get(how, 0)).astype(np.uint8).tobytes())
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, kind or {3: 2, 4: 6}[channels], 0, 0, 0])
    parts = [(b"IHDR", head), *extra, (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    made = [len(b).to_bytes(4, "big") + k + b + zlib.crc32(k + b).to_bytes(4, "big") for k, b in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


def seen(png):
    """Return the colours of an indexed PNG of ours."""
    palette = png[png.index(b"PLTE") + 4 :][: int.from_bytes(png[png.index(b"PLTE") - 4 :][:4], "big")]
    colours = np.frombuffer(palette, np.uint8).reshape(-1, 3)
    width, height = size(png)
    start = png.index(b"IDAT")
    data = zlib.decompress(png[start + 4 : start + 4 + int.from_bytes(png[start - 4 : start], "big")])
    rows = np.frombuffer(data, np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any()
    return colours[rows[:, 1:]]


@pytest.mark.parametrize("channels", [3, 4])
def test_few_colours_are_kept_exactly(channels):
    draw = np.random.default_rng(5)
    colours = draw.integers(0, 256, (200, channels), dtype=np.uint8)
    if channels == 4:
        colours[:, 3] = 255
    pixels = colours[draw.integers(0, 200, (31, 47))]
    made = bare(png_of(pixels, filters=draw.integers(0, 3, 31).tolist()))
    assert np.array_equal(seen(made), pixels[..., :3])


def test_many_colours_become_the_nearest_of_the_most_common():
    ramp = np.zeros((20, 600, 3), np.uint8)
    ramp[..., 0] = np.arange(600) % 256
    ramp[..., 1] = np.arange(600) // 3
    ramp[10:] = (255, 255, 255)
    made = seen(bare(png_of(ramp)))
    assert len(np.unique(made.reshape(-1, 3), axis=0)) <= 256
    assert np.array_equal(made[10:], ramp[10:])
    assert np.abs(made.astype(int) - ramp.astype(int)).max() < 200


def test_what_is_transparent_is_laid_on_white():
    pixels = np.array([[[0, 0, 0, 0], [0, 0, 0, 128], [200, 0, 0, 255]]], np.uint8)
    assert seen(bare(png_of(pixels))).tolist() == [[[255, 255, 255], [127, 127, 127], [200, 0, 0]]]


def test_metadata_and_what_follows_the_end_do_not_survive():
    pixels = np.full((2, 2, 3), 7, np.uint8)
    extra = [(b"tEXt", b"Author\0someone"), (b"tIME", bytes(7)), (b"eXIf", b"secret"), (b"iTXt", b"x"), (b"zTXt", b"y")]
    made = bare(png_of(pixels, extra=extra) + b"PT-00917364")
    assert chunks(made) == CHUNKS
    assert b"someone" not in made
    assert b"PT-00917364" not in made


@pytest.mark.parametrize(("change", "why"), [({"filters": [4, 4]}, "row filter 4"), ({"kind": 3}, "colour type 3")])
def test_a_picture_that_cannot_be_read_is_refused(change, why):
    with pytest.raises(PrimumError, match=rf"cannot be written anew \({why}"):
        bare(png_of(np.zeros((2, 2, 3), np.uint8), **change))


def test_the_small_drawings_look_as_in_the_page():
    harm = seen(drawn(forest.strip(0.5, 0.3, 0.7, other=0.6, margin=0.1, kind="harm")))
    assert harm.shape == (52, 520, 3)
    assert (harm[26, 260] == (0xD5, 0x5E, 0)).all()  # the mark, in the colour of the verdict
    assert (harm[8, 292] == (0xE3, 0xEE, 0xF7)).all()  # the margin
    bar = seen(drawn(forest.thousand(250, 250, 250, 250)))
    assert [tuple(bar[20, x]) for x in (200, 800, 1200, 1800)] == [
        (0, 0x72, 0xB2), (0xD5, 0x5E, 0), (0xE6, 0x9F, 0), (0xD3, 0xD7, 0xDA)
    ]  # fmt: skip
    scale = seen(drawn(forest.axis()))
    assert (scale < 150).any()  # its numbers are drawn


def test_an_image_has_the_size_of_the_drawing_and_escaped_words():
    made = inline(forest.strip(0.5, 0.3, 0.7))
    assert made.startswith('<img class="strip" alt="" width="260" height="26" src="data:image/png;base64,')
    png = bare(png_of(np.zeros((16, 32, 3), np.uint8)))
    assert 'alt="&lt;b&gt; &quot;x&quot;" width="20" height="10"' in image(png, '<b> "x"')


def test_the_reader_of_pixels_agrees_with_the_rows_as_they_were():
    draw = np.random.default_rng(8)
    pixels = draw.integers(0, 256, (9, 13, 4), dtype=np.uint8)
    for filters in ([0] * 9, [1] * 9, [2] * 9, [0, 1, 2] * 3):
        assert np.array_equal(_unpacked(png_of(pixels, filters=filters)), pixels)
