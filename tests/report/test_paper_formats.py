"""The paper's files: Word with real headings and no author, LaTeX that compiles, Markdown, CSV, BibTeX."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import sys
import unicodedata
import zipfile

import pytest

from primum.disclose.containers import forbidden
from primum.errors import MissingExtraError, PrimumError
from primum.report.grid import Grid, Line, cells
from primum.report.paper import latex_text, references
from primum.report.paper.docx import manuscript_docx, table_docx
from primum.report.paper.latex import manuscript_tex, table_tex
from primum.report.paper.manuscript import Heading, Manuscript, PaperTable, Slot, bullets, cite, text
from primum.report.paper.markdown import escape as md
from primum.report.paper.markdown import manuscript_md, table_md
from primum.report.paper.widths import shares
from primum.report.paper.write import manuscript, table_csv, write

docx = pytest.importorskip("docx", reason="python-docx comes with the extra 'report'")
NASTY = (
    r"50% of A&B_c #1 {x} $5 ~a^b \input{/etc/passwd} <65 ≥65 – — − ½ · × ŷ p̄ α “q” 'z' \"d\" |p| `t` [o] *s* "
    "a--b ]]> -->"
)
STRANGE = "Łódź 北京 Ελλάδα 😀 עברית"


@pytest.fixture
def nasty():
    """A manuscript whose every text is hard to write."""
    lines = [
        Line("Sex & age", section=True),
        Line(NASTY, cells(STRANGE, "−1.4 (−9.8 to 7.3)")),
        Line("[a]", cells("*", "=")),
    ]
    table = PaperTable("1", "table-1-x", Grid(f"Caption {NASTY}", ["", NASTY, "95% CI"], lines), f"Note {STRANGE}")
    blocks = [
        Heading("Methods", level=1), Heading(NASTY),
        text(NASTY, cite("wilson1927"), " and ", cite("delong1988", "wilson1927"), "."),
        *bullets([STRANGE, (Slot(NASTY),)]), text("1. no list"),
    ]  # fmt: skip
    aside = PaperTable("S1", "table-s1-y", Grid("Aside", ["a"], [Line("b")]), aside=True)
    return Manuscript(NASTY, "note", blocks, [table, aside])


# Word ----------------------------------------------------------------------------------------------------------------


def opened(content):
    return docx.Document(io.BytesIO(content))


def test_word_has_real_headings_and_tables_with_repeated_heads(finished):
    paper = manuscript(finished)
    document = opened(manuscript_docx(paper))
    styles = {p.style.name for p in document.paragraphs}
    assert {"Title", "Heading 1", "Heading 2", "List Bullet", "Caption"} <= styles
    heads = [p.text for p in document.paragraphs if p.style.name == "Heading 2"]
    assert heads == [b.text for b in paper.blocks if isinstance(b, Heading) and b.level == 2]
    assert len(document.tables) == len(paper.printed)
    for table, told in zip(document.tables, paper.printed, strict=True):
        rows = table._tbl.tr_lst
        assert len(rows) == len(told.grid.lines) + 1
        assert rows[0].xpath("./w:trPr/w:tblHeader")
        assert not rows[1].xpath("./w:trPr/w:tblHeader")
        assert "".join(rows[0].xpath(".//w:t/text()")) == "".join(told.grid.columns)


def test_word_says_the_same_as_the_manuscript(finished):
    paper = manuscript(finished)
    said = "\n".join(p.text for p in opened(manuscript_docx(paper)).paragraphs)
    for b in paper.blocks:
        if not isinstance(b, Heading):
            first = next(p for p in b.parts if isinstance(p, str | Slot))
            assert (first.text if isinstance(first, Slot) else first.strip()) in said
    assert "[1]." in said
    assert said.count("Collins GS, Moons KGM") == 1


def test_slots_are_marked_in_word(finished):
    document = opened(manuscript_docx(manuscript(finished)))
    marked = [r.text for p in document.paragraphs for r in p.runs if r.font.highlight_color is not None]
    assert len(marked) > 10
    assert all(m.startswith("[to be written by the authors: ") and m.endswith("]") for m in marked)


def test_word_names_nobody_and_no_day_and_is_the_same_every_time(finished, tmp_path):
    paper = manuscript(finished)
    content = manuscript_docx(paper)
    assert content == manuscript_docx(paper)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert {i.date_time for i in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        names = parts.namelist()
        assert names[0] == "[Content_Types].xml"
        assert not [n for n in names if "thumbnail" in n or "customXml" in n]
        core = parts.read("docProps/core.xml").decode()
        assert not re.search(r"creator|modified|created|lastModifiedBy", core)
        for n in names:  # no part points to one that was left out
            if n.endswith((".rels", ".xml")):
                assert b"customXml" not in parts.read(n)
                assert b"docProps/thumbnail" not in parts.read(n)
    properties = opened(content).core_properties
    assert (properties.author, properties.created, properties.last_modified_by) == ("", None, "")
    (tmp_path / "paper.docx").write_bytes(content)
    assert forbidden(tmp_path) == []


def test_word_holds_any_text(nasty):
    document = opened(manuscript_docx(nasty))
    table = document.tables[0]
    assert [c.text for c in table.rows[2].cells] == [NASTY, STRANGE, "−1.4 (−9.8 to 7.3)"]
    assert document.paragraphs[0].text == NASTY
    assert [c.text for c in table.rows[1].cells] == ["Sex & age"] * 3  # one cell across
    broken = PaperTable("1", "x", Grid("a\x00b\x0b", ["c"], [Line("d\x1fe\ud800")]))
    assert opened(table_docx(broken)).tables[0].rows[1].cells[0].text == "de"


def test_without_python_docx_the_error_says_what_to_install(monkeypatch, nasty):
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(MissingExtraError, match=r"'python-docx'.*\n.*primum\[report\]"):
        manuscript_docx(nasty)


# LaTeX ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("character", list(r"\{}$&#%_^~<>|"))
def test_every_special_character_is_escaped(character):
    told = latex_text.escape(character)
    assert told != character
    assert not re.search(r"(?<!\\)[$&#%_^~]", told)


def test_escapes_one_by_one():
    assert latex_text.escape("50% of A&B_c") == r"50\% of A\&B\_c"
    assert latex_text.escape("a\\b") == r"a\textbackslash{}b"
    assert latex_text.escape("≥65 – −1") == r"\ensuremath{\geq}65 -- \ensuremath{-}1"
    assert latex_text.escape("a--b") == "a-{}-b"  # not a dash
    assert latex_text.escape("p̄ ŷ") == r"\ensuremath{\bar{p}} ŷ"
    assert latex_text.escape("a\x00\x07b\nc") == "ab c"
    assert latex_text.escape("“x”") == "``x''"


def test_characters_that_latex_does_not_know_are_declared():
    assert latex_text.declared("Zoë ≥ ½") == ""
    told = latex_text.declared("北")
    assert told.splitlines()[1].strip() == r"\DeclareUnicodeCharacter{5317}{[U+5317]}"
    for c in latex_text.strange(STRANGE):
        assert f"{{{ord(c):04X}}}" in latex_text.declared(STRANGE)


def balanced(tex):
    """Whether braces match and environments close in order."""
    bare = re.sub(r"\\[\\{}]", "", tex)
    assert bare.count("{") == bare.count("}")
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", tex):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []


@pytest.mark.parametrize("which", ["nasty", "finished"])
def test_latex_is_balanced_and_uses_nothing_but_tables(which, request):
    given = request.getfixturevalue(which)
    paper = given if which == "nasty" else manuscript(given)
    tex = manuscript_tex(paper)
    balanced(tex)
    assert set(re.findall(r"\\usepackage(?:\[\w+\])?\{([^}]*)\}", tex)) == {"inputenc", "booktabs,longtable"}
    cited = {k for found in re.findall(r"\\cite\{([^}]*)\}", tex) for k in found.split(",")}
    assert cited == set(re.findall(r"\\bibitem\{([^}]*)\}", tex)) == set(paper.cited)
    for t in paper.tables:
        balanced(table_tex(t))


def test_every_row_of_a_latex_table_has_as_many_cells_as_the_head(finished):
    for t in manuscript(finished).tables:
        tex = table_tex(t)
        n = len(t.grid.columns)
        rows = [x for x in tex.splitlines() if x.endswith(r"\tabularnewline")]
        assert len(rows) == 2 + sum(not line.section for line in t.grid.lines)
        assert {len(re.split(r"(?<!\\)&", x)) for x in rows} == {n}
        assert len(re.findall(r"p\{0\.\d+\\linewidth\}", tex)) == n


def test_a_command_in_the_data_stays_a_text(nasty):
    tex = manuscript_tex(nasty)
    assert r"\input{" not in tex
    assert r"\textbackslash{}input\{/etc/passwd\}" in tex


@pytest.mark.parametrize("which", ["nasty", "finished"])
def test_latex_compiles(which, request, tmp_path):
    engine = shutil.which("pdflatex")
    if engine is None:
        pytest.skip("no pdflatex is installed")
    given = request.getfixturevalue(which)
    paper = given if which == "nasty" else manuscript(given)
    (tmp_path / "paper.tex").write_text(manuscript_tex(paper), encoding="utf8")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 10_000


# Markdown, CSV, BibTeX -----------------------------------------------------------------------------------------------


def test_markdown_has_headings_numbered_citations_and_even_tables(finished):
    paper = manuscript(finished)
    told = manuscript_md(paper)
    assert told.startswith("# Risk of depression in adults")
    assert "\n## Methods\n" in told
    assert "\n### Outcome\n" in told
    assert "TRIPOD+AI items [1]." in told
    assert f"\n{len(paper.cited)}. " in told
    for t in paper.printed:
        rows = [x for x in table_md(t).splitlines() if x.startswith("| ")]
        assert len(rows) == 2 + len(t.grid.lines)
        assert {len(re.findall(r"(?<!\\)\|", x)) for x in rows} == {len(t.grid.columns) + 1}


def test_markdown_prints_texts_as_they_are(nasty):
    assert md("a*b_c|d<e") == r"a\*b\_c\|d\<e"
    assert md("1. no list") == r"1\. no list"
    told = manuscript_md(nasty)
    assert "<!--" not in told
    assert r"1\. no list" in told


def test_csv_holds_the_table_as_printed_and_opens_in_a_spreadsheet(finished):
    t = next(t for t in manuscript(finished).tables if t.name.endswith("differences"))
    content = table_csv(t)
    assert content.startswith(b"\xef\xbb\xbf")  # or spreadsheets garble "≥65"
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    lines = [x for x in t.grid.lines if not x.section]
    assert [r["Group"] for r in rows] == [x.head for x in lines]
    assert [r["Verdict"] for r in rows] == [x.cells[-1].text for x in lines]
    assert rows[0]["Section"] == t.grid.lines[0].head


def test_no_cell_of_a_csv_is_a_formula_and_no_number_gets_an_apostrophe():
    t = PaperTable("1", "x", Grid("c", ["a", "b", "d"], [Line("r", cells("=1+1", "+1.4 (−7.3 to 9.8)"))]))
    assert table_csv(t).decode("utf-8-sig").splitlines()[1] == "r,'=1+1,1.4 (−7.3 to 9.8)"


def test_the_list_of_references_is_complete_and_well_formed():
    for key, work in references.library().items():
        assert work.key == key
        assert work.authors
        assert all("," in a for a in work.authors), key
        assert 1900 < work.year < 2030
        assert work.title
        assert not work.title.endswith(".")
        assert work.kind == "misc" or work.journal, key
        assert work.doi == "" or re.fullmatch(r"10\.\d{4,9}/\S+", work.doi), key
        assert work.doi or work.arxiv or key in {"pedregosa2011", "phan2021"}, key
        assert work.pages == "" or re.fullmatch(r"\d+(-\d+)?|e\d+", work.pages), key
        first, _, last = work.pages.partition("-")
        assert not last or int(last) > int(first), key


def test_vancouver():
    wanted = (
        "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more correlated receiver operating "
        "characteristic curves: a nonparametric approach. Biometrics 1988;44:837-845. doi:10.2307/2531595"
    )
    assert references.vancouver(references.reference("delong1988")) == wanted
    assert references.vancouver(references.reference("tripod2024")).startswith(
        "Collins GS, Moons KGM, Dhiman P, et al. "
    )


def test_bibtex_has_what_was_cited_and_nothing_else(finished):
    cited = manuscript(finished).cited
    told = references.bibtex(cited)
    assert re.findall(r"^@\w+\{(\w+),", told, re.MULTILINE) == cited
    assert told.count("{") == told.count("}")
    assert "pages = {837--845}" in told
    assert "author = {Collins, Gary S. and Moons, Karel G. M. and Dhiman, Paula and others}" in told


def test_an_unknown_reference_is_an_error():
    with pytest.raises(PrimumError, match="no reference 'wilson1928'"):
        references.reference("wilson1928")


def test_widths_fit_the_longest_word():
    grid = Grid("", ["a", "b"], [Line("x", cells("y " * 100)), Line("incomprehensibilities", cells("z"))])
    one, two = shares(grid)
    assert one + two == pytest.approx(1)
    assert one > 0.3


# the folder ----------------------------------------------------------------------------------------------------------


def test_the_folder_has_every_table_in_three_formats(finished, tmp_path):
    found = write(finished, tmp_path)
    paper = manuscript(finished)
    names = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    wanted = ["paper.docx", "paper.md", "paper.tex", "references.bib"]
    wanted += [f"tables/{t.name}{e}" for t in paper.tables for e in (".csv", ".docx", ".tex")]
    assert names == sorted(wanted) == sorted(p.relative_to(tmp_path).as_posix() for p in found.values())
    assert forbidden(tmp_path) == []


def test_letters_that_latex_sets_by_itself_are_single_characters():
    assert all(unicodedata.normalize("NFC", c) == c and len(c) == 1 for c in latex_text.ACCENTED)
