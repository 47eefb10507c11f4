"""The PDF: tagged, one page for what was found, the same bytes every time, and nothing in it read as markup."""

from __future__ import annotations

import builtins
import copy
import io
from dataclasses import replace
from types import SimpleNamespace

import pytest

from primum.errors import MissingExtraError
from primum.report import pdf_content
from primum.report.figures import figures, svg
from primum.report.grid import Cell, Grid, Line
from primum.report.pdf import pdf

pypdf = pytest.importorskip("pypdf")
pytest.importorskip("typst")
pytest.importorskip("vl_convert")
NASTY = "<b>&amp; #let $x$ @a *b* _c_ [d] \"q\" 'r' \\ ` ~"


@pytest.fixture(scope="module")
def run(finished):
    return finished


@pytest.fixture(scope="module")
def drawn(run):
    found = figures(run)
    return found, {f.name: svg(f) for f in found}


@pytest.fixture(scope="module")
def file(run, drawn):
    return pdf(run, *drawn)


@pytest.fixture(scope="module")
def reader(file):
    return pypdf.PdfReader(io.BytesIO(file))


def flat(page):
    return " ".join(page.extract_text().replace("\N{NO-BREAK SPACE}", " ").split())


def changed(run, **parts):
    return SimpleNamespace(**({k: copy.deepcopy(v) for k, v in vars(run).items()} | parts))


def test_the_file_is_tagged_and_says_its_language_and_title(reader, run):
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert "/StructTreeRoot" in root
    assert reader.metadata.title == f"{run.usecase.title}: audit by group"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert "pdfuaid:part" in root["/Metadata"].get_object().get_data().decode()


def test_tables_have_heads_and_every_figure_its_alternative_text(reader, drawn):
    kinds, alts = [], []
    stack = [reader.trailer["/Root"]["/StructTreeRoot"]]
    while stack:
        node = stack.pop().get_object()
        if not hasattr(node, "get"):
            continue
        kinds.append(node.get("/S"))
        if "/Alt" in node:
            alts.append(str(node["/Alt"]))
        below = node.get("/K", [])
        stack += list(below) if isinstance(below, list) else [below]
    assert kinds.count("/H1") == 12
    assert kinds.count("/Table") >= 12
    assert kinds.count("/TH") > 50
    assert {f.alt for f in drawn[0]} <= set(alts)


def test_page_one_holds_all_that_was_found(reader, run):
    page = flat(reader.pages[0])
    assert "Would this model find the people who need it, in every group?" in page
    assert run.usecase.question in page
    assert "Before use" in page
    assert "not assessable" in page
    assert "harm shown" in page
    assert "26 cases among 525 people; 120 more would give 80 % power" in page
    assert "small counts are shown as they are." in page  # its last words: nothing has run over to page two
    assert "1. The use case" in flat(reader.pages[1])


def test_the_chapters_stand_in_the_order_of_the_html(reader):
    assert 10 <= len(reader.pages) <= 30
    text = " ".join(flat(p) for p in reader.pages)
    titles = [
        "1. The use case", "2. The people", "3. The models", "4. Everyone together", "5. Every group",
        "6. If places are limited", "7. Repairs: none was tried",
        "8. Privacy and disclosure", "9. Methods and references for a paper",
        "10. Limits and definitions", "11. How to do it again",
    ]  # fmt: skip
    places = [text.index(t) for t in titles]
    assert places == sorted(places)
    for page in reader.pages:
        assert "plan 7c1ea9a9a9a9" in flat(page)
    assert f"page {len(reader.pages)} of {len(reader.pages)}" in flat(reader.pages[-1])


def test_the_same_run_gives_the_same_bytes(run, drawn, file):
    assert pdf(run, *drawn) == file
    assert len(file) < 3_000_000
    assert b"20260302" in file


def test_nothing_is_read_as_markup(run):
    use = run.usecase.model_copy(update={"title": f"Title {NASTY}", "question": f"Question {NASTY}"})
    findings = [replace(f, group=NASTY) if f.group == "Mexican American" else f for f in run.findings]
    groups = copy.deepcopy(run.chapters["groups"])
    for row in [*groups["estimates"], *groups["comparisons"], *groups["consequences"]]:
        if row["group"] == "Mexican American":
            row["group"] = NASTY
    odd = changed(run, usecase=use, findings=findings, chapters={**run.chapters, "groups": groups})
    page_one = [f for f in figures(odd) if f.page_one]
    found = pypdf.PdfReader(io.BytesIO(pdf(odd, page_one)))
    text = " ".join(flat(p) for p in found.pages)
    assert f"Question {NASTY}" in text
    assert text.count(NASTY) >= 4
    assert "pdfuaid:part" in found.trailer["/Root"]["/Metadata"].get_object().get_data().decode()


def test_letters_that_no_font_here_has_cost_the_claim_but_not_the_report(run):
    use = run.usecase.model_copy(update={"question": "Who? 中文 \U000130b8"})
    found = pypdf.PdfReader(io.BytesIO(pdf(changed(run, usecase=use), [])))
    root = found.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert "Would this model" in flat(found.pages[0])
    assert "pdfuaid:part" not in root["/Metadata"].get_object().get_data().decode()


def test_many_findings_still_fit_page_one(run):
    twice = [replace(f, group=f"{f.group} in a place with a long name {i}") for f in run.findings for i in range(4)]
    crowded = changed(run, findings=[*run.findings, *twice])
    found = pypdf.PdfReader(io.BytesIO(pdf(crowded, [f for f in figures(run) if f.page_one])))
    assert "small counts are shown as they are." in flat(found.pages[0])


def test_a_run_with_few_chapters_is_a_short_report(run):
    bare = changed(run, chapters={"models": run.chapters["models"]}, findings=[])
    found = pypdf.PdfReader(io.BytesIO(pdf(bare, figures(bare))))
    assert len(found.pages) <= 6


def test_a_wide_table_is_divided_and_repeats_its_first_column():
    women = Line("Women", [Cell("62\N{NO-BREAK SPACE}%\N{NO-BREAK SPACE}[57–66]") for _ in range(14)])
    wide = Grid("Wide", ["Group", *(f"Column {i}" for i in range(14))], [Line("Sex", section=True), women])
    parts = pdf_content._tables(wide)
    assert len(parts) > 1
    assert sum(len(p["columns"]) - 1 for p in parts) == 14
    for part in parts:
        assert part["columns"][0] == "Group"
        assert sum(part["widths"]) <= pdf_content.PAGE + 1
        assert part["lines"][1]["head"] == "Women"
    assert parts[1]["caption"] == "Wide (further columns)"


def test_long_remarks_stand_once_below_the_table_and_short_ones_in_their_cell():
    long = "no people with the outcome in this group"
    lines = [Line("x", [Cell("–", long), Cell("1", "SMD 0.10")]), Line("y", [Cell("–", long), Cell("2")])]
    table = Grid("T", ["", "A", "B"], lines)
    (block,) = pdf_content._tables(table)
    assert block["notes"] == [f"a: {long}"]
    assert [c["mark"] for c in block["lines"][0]["cells"]] == ["a", ""]
    assert block["lines"][0]["cells"][1]["note"] == "SMD 0.10"
    assert [pdf_content._letter(i) for i in (0, 25, 26, 27, 52)] == ["a", "z", "aa", "ab", "ba"]


def test_a_missing_typesetter_says_what_to_install(run, monkeypatch):
    real = builtins.__import__

    def absent(name, *rest, **more):
        if name == "typst":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtraError, match=r"typst[\s\S]*primum\[report\]"):
        pdf(run, [])


def test_what_holds_for_all_groups_at_once_is_in_the_file_for_the_primary_model(reader):
    text = " ".join(flat(p) for p in reader.pages)
    heads = (
        "All groups at once", "Small groups, borrowing strength", "Threshold policies side by side",
        "Who is under-represented among the highest risks", "Why the gap?", "Subgroups searched",
    )  # fmt: skip
    places = [text.index(h) for h in heads]
    assert places == sorted(places)
    assert "Sensitivity, all groups compared at once, boosting" in text
    assert "compared at once, logistic" not in text


def test_table_one_is_one_table_with_stars_for_differences(run):
    from primum.report.views.people import table_one_together

    table = run.chapters["people"]["table_one"]
    grid = table_one_together(run)
    assert len(grid.columns) == len(table["columns"]) + 1
    assert grid.columns[1:3] == ["Everyone", "Sex:\nWomen"]
    shown = [line for line in grid.lines[1:] if not line.section]
    for line, row in zip(shown, table["rows"], strict=True):
        for cell, source, distance in zip(line.cells, row["cells"], row["smd"], strict=True):
            assert cell.text == source["text"] + ("*" if distance is not None and abs(distance) >= 0.1 else "")
    bare = changed(run, chapters={"people": {}})
    assert not table_one_together(bare)


def test_categories_stand_under_the_name_of_their_variable(run):
    from primum.report.views.people import table_one_together

    odd = changed(run)
    rows = odd.chapters["people"]["table_one"]["rows"]
    rows.append({**rows[-1], "category": "no"})
    heads = [(line.head, line.section) for line in table_one_together(odd).lines[-3:]]
    assert heads == [("Smokes now", True), ("\N{EM SPACE}yes", False), ("\N{EM SPACE}no", False)]


def test_intervals_stay_beside_their_number():
    interval = "[−46.1\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}−9.6]"
    (block,) = pdf_content._tables(Grid("T", ["", "A"], [Line("x", [Cell("−28.8", interval)])]))
    assert block["notes"] == []
    assert block["lines"][0]["cells"][0]["note"] == interval
    assert block["widths"][1] > 60
