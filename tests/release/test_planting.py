"""One small count planted in one file of a real release is found there, and named; the release without it passes."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from primum.audit import audit
from primum.release.assault import assault
from primum.release.bundle import ALLOWED, seal
from primum.release.gather import BY_CONTENT, READERS, gather
from primum.release.leak import Leak
from primum.release.numbers_seen import unregistered
from primum.release.order import order
from primum.release.release import release
from primum.release.unshown import beside_withheld

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from primum.usecase import UseCase

PAGE, END, FORM = "report.html", "</body>", "control-form.en.txt"


@pytest.fixture(scope="module")
def honest(
    small_case: Callable[..., UseCase],
    people: Callable[..., pl.DataFrame],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Give a release of an audit whose groups have numbers for names: a score of 1 to 5, bands, sizes of households."""
    n = 4000
    rng = np.random.default_rng(8)
    frame = people(n).with_columns(
        pl.Series("satisfaction", rng.integers(1, 6, n)),
        pl.Series("living", rng.choice(["1 person", "2 persons", "3 or more persons"], n)),
    )
    groups = [
        {"column": "sex"}, {"column": "satisfaction"}, {"column": "living"},
        {"name": "age", "column": "age", "bins": [30, 45, 65]}, {"intersection": ["sex", "satisfaction"]},
    ]  # fmt: skip
    room = tmp_path_factory.mktemp("planting")
    run = audit(small_case(groups=groups), data=frame, out=room / "run")
    return release(run, order(run, "uk_biobank", name="honest", t=10), room / "honest").folder


@pytest.fixture
def apart(honest: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Give the maker of a release of one file: the register, the findings, and a copy of that file alone."""

    def make(name: str) -> Path:
        folder = tmp_path / "release"
        for own in dict.fromkeys(("counts.json", "findings.json", name)):
            (folder / own).parent.mkdir(parents=True, exist_ok=True)
            if (honest / own).is_file():
                shutil.copy(honest / own, folder / own)
        return folder

    return make


def found(folder: Path) -> list[Leak]:
    """Return what the numbers of a folder give away, and what could not be read."""
    seen = gather(folder)
    return [*(Leak("not read", p, p) for p in seen.problems), *unregistered(seen)]


def put(path: Path, text: str, *, before: str = "") -> None:
    """Write a text into a file: before some mark of it, or at its end."""
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    assert before in old
    at = old.rindex(before) if before else len(old)
    path.write_text(old[:at] + text + old[at:], encoding="utf-8")


SENTENCES = [
    "TP = 3", "TP: 3", "tp=3", "FN 3", "FP (3)", "TN → 3", "TP_count: 3", "TP=1,FP=3", "3 TP", "n=3", "n = 3",
    "N: 3", "n of women = 3", "n_women=3", "3 cases", "there were 3 events", "3 false negatives", "false negatives: 3",
    "false positives 3", "3.0 patients", "3\u00a0patients", "3patients", "a 3-person group", "3\u200b patients",
    "events = 3", "cases: 3", "patients (3)", "missed: 3", "3 were missed", "3 died", "we excluded 3", "3 of 57 women",
    "3 of the women", "3/57", "3 (5 %)", "3 with the outcome", "the number of patients was 3", "fewer than 3 patients",
    "between 2 and 3 patients", "2–3 patients", "**3** patients", "3 groups and 3 patients",
    "Of every 1,000 people 91 are found, TP = 3", "3 patiënten", "3 gevallen", "aantal gemiste patiënten: 3",
    "3 hadden de uitkomst", "3 met de uitkomst", "3 werden gemist", "vals negatieven: 3", "Er zijn 3 vrouwen gemist.",
    "three patients", "zeven personen", "Three men were found.", "seven of the women", "four were missed",
    "TP = three", "patients: three", "één patiënt werd gemist", "one patient was missed", "twaalf van de mannen",
    "nineteen events", "twintig gevallen", "zes werden gemist", "eleven cases", "negen met de uitkomst",
]  # fmt: skip


PLACED = [
    pytest.param(place, text, marks=[] if (i % 2 == 0) == (place == PAGE) else [pytest.mark.slow])
    for i, text in enumerate(SENTENCES)
    for place in (PAGE, FORM)
]
"""Each sentence in a page or in a form; in the other one too among the slow tests."""


@pytest.mark.parametrize(("place", "text"), PLACED)
def test_a_sentence_is_found(apart, place, text):
    folder = apart("notes.txt" if place == FORM else "page.html")
    if place == FORM:
        put(folder / "notes.txt", f"About this.\n\nAmong them: {text}.\n")
    else:
        put(folder / "page.html", f"<html><body><p>Among them: {text}.</p></body></html>")
    leaks = found(folder)
    assert leaks, text
    assert all(k.where.startswith(("notes.txt", "page.html")) for k in leaks)
    near = text.translate({ord(c): None for c in "*\u200b"}).replace("_", " ").split()[-1].rstrip(".")
    assert any(near in k.said for k in leaks)


def test_a_small_number_is_called_small(apart):
    folder = apart(FORM)
    put(folder / FORM, "\n\nTP = 3\n")
    assert [(k.kind, k.where.partition(":")[0]) for k in found(folder)] == [("small count", FORM)]


IN_PAGES = {
    "a title": '<i title="3 cases">x</i>',
    "a style that is left open": '<style>.x{content:"7 people"}',
    "a script that is left open": "<script>7 people",
    "a table that is left open": "<table><tr><td>7 people",
    "a title that begins like an address": '<p title="data:7 people">x</p>',
    "an address that holds its text": '<img alt="" src="data:text/plain,7%20people">',
    "a label read aloud": '<i aria-label="n = 3">x</i>',
    "an alternative text": '<img alt="three patients" src="data:,">',
    "an attribute of data": '<i data-note="TP: 3">x</i>',
    "a bare attribute of data": '<i data-tp="3">x</i>',
    "a bare title": '<i title="3">x</i>',
    "a class": '<i class="3 cases">x</i>',
    "an address": '<a href="#n=3">x</a>',
    "a meta element": '<meta name="note" content="3 cases">',
    "a bare meta element": '<meta name="tp" content="3">',
    "a comment": "<!-- TP = 3 -->",
    "a bare comment": "<!-- 3 -->",
    "a style element": "<style>/* TP = 3 */ p { color: red }</style>",
    "what a style writes": '<style>p::after { content: "3 patients" }</style>',
    "an attribute of style": '<p style="--tp: 3">x</p>',
    "a title of the page": "<title>3 cases</title>",
    "a declaration": "<![CDATA[ 3 cases ]]>",
    "an instruction": "<?note 3 cases?>",
    "a script": '<script>let a = "3 cases"</script>',
    "JSON of a script": '<script type="application/json">{"tp": 3}</script>',
    "words in JSON of a script": '<script type="application/json">{"a": "TP = 3"}</script>',
    "a key twice": '<script type="application/json">{"n": "TP = 3", "n": 480}</script>',
    "a definition": "<dl><dt>TP</dt><dd>3</dd></dl>",
    "two lines": "<div>Cases</div><div>3</div>",
    "a table": "<table><tr><th>Group</th><th>TP</th></tr><tr><td>Female</td><td>3</td></tr></table>",
    "a table of rows": "<table><tr><th>TP</th><td>3</td></tr></table>",
    "a table of values": "<table><tr><th>Measure</th><th>Value</th></tr><tr><td>TP</td><td>3</td></tr></table>",
    "a head of a table": "<table><tr><th>Group</th><th>3 cases</th></tr><tr><td>Female</td><td>x</td></tr></table>",
    "a bare head of a table": "<table><tr><th>TP</th><th>7</th></tr><tr><td>Female</td><td>x</td></tr></table>",
    "a caption": "<table><caption>3 cases</caption><tr><td>x</td><td>y</td></tr></table>",
    "a cell across": "<table><tr><td>7</td></tr></table>",
    "two parts of a word": "<b>3</b> <i>patients</i>",
    "base64": f'<i class="{base64.b64encode(b"among them: three patients, no more").decode()}">x</i>',
    "a template": "<template>3 cases</template>",
}  # fmt: skip


@pytest.mark.parametrize("what", IN_PAGES)
def test_a_count_in_a_page_is_found(apart, what):
    folder = apart("page.html")
    put(folder / "page.html", f"<html><body><p>x</p>{IN_PAGES[what]}</body></html>")
    leaks = found(folder)
    assert leaks
    assert {k.where.partition(":")[0] for k in leaks} == {"page.html"}
    assert any(re.search(r"3|7|three|twice", k.said) for k in leaks)


def word(text: str = "", **parts: str) -> bytes:
    """Return a Word file with a paragraph, and other parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        body = f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
        packed.writestr("word/document.xml", f'<w:document xmlns:w="w"><w:body>{body}</w:body></w:document>')
        for name, content in parts.items():
            packed.writestr(name.replace("__", "/").replace("_xml", ".xml").replace("_bin", ".bin"), content)
    return out.getvalue()


IN_FILES: dict[str, tuple[str, str | bytes]] = {
    "a head of a CSV": ("tables/more.csv", "group,3 cases\nFemale,x\n"),
    "a bare head of a CSV": ("tables/more.csv", "Female,7\nMale,x\n"),
    "a cell of a CSV": ("tables/more.csv", "group,tp\nFemale,3\n"),
    "a cell of words": ("tables/more.csv", "group,note\nFemale,TP = 3\n"),
    "written out in a CSV": ("tables/more.csv", "group,note\nFemale,three patients\n"),
    "a value of a measure": ("tables/more.csv", "group,measure,value\nFemale,TP,3\n"),
    "semicolons": ("tables/more.csv", "group;tp\nFemale;3\n"),
    "a CSV in a text": ("more.txt", "group,tp\nFemale,3\n"),
    "tabs in a text": ("more.txt", "group\ttp\nFemale\t3\n"),
    "a key of JSON": ("more.json", json.dumps({"3 cases": True})),
    "a bare key of JSON": ("more.json", json.dumps({"tp": {"7": "x"}})),
    "a value of JSON": ("more.json", json.dumps({"tp": 3})),
    "a value alone": ("more.json", "7"),
    "a metric of JSON": ("more.json", json.dumps({"metric": "tp", "value": 3})),
    "words of JSON": ("more.json", json.dumps({"a": {"b": ["x", "n=3"]}})),
    "written out in JSON": ("more.json", json.dumps({"a": "three patients"})),
    "a key of JSON twice": ("more.json", '{"tp": 3, "tp": 480}'),
    "words of the seals": ("release.json", json.dumps({"format": "primum release 1", "note": "TP = 3"})),
    "a number of the seals": ("release.json", json.dumps({"format": "primum release 1", "tp": 3})),
    "a size that is none": ("release.json", json.dumps({"files": {"report.html": 3}})),
    "Markdown": ("paper/more.md", "The result: **3** patients.\n"),
    "a broken sentence": ("paper/more.md", "Of them all we missed\nseven patients in the end.\n"),
    "LaTeX": ("paper/more.tex", "We saw \\textbf{3} patients.\n"),
    "a comment of LaTeX": ("paper/more.tex", "% TP = 3\nText.\n"),
    "a label of LaTeX": ("paper/more.tex", "\\label{tab:3 patients} Text.\n"),
    "a table of LaTeX": ("paper/more.tex", "Group & TP \\\\\n\\midrule\nFemale & 3 \\\\\n"),
    "references": ("paper/more.bib", "@article{x, note = {3 patients}}\n"),
    "Word": ("paper/more.docx", word("We saw 3 patients.")),
    "settings of Word": ("paper/more.docx", word("x", word__settings_xml="<a>TP = 3</a>")),
    "properties of Word": ("paper/more.docx", word("x", docProps__core_xml="<dc:title>3 patients</dc:title>")),
    "another part of Word": ("paper/more.docx", word("x", word__more_bin="TP = 3")),
    "a file name": ("tables/3-cases.csv", "group\nFemale\n"),
    "bytes of zero": ("more.txt", "TP = 3".encode("utf-16-le")),
    "an old encoding": ("more.txt", "drie patiënten".encode("latin-1")),
    "a picture that is none": ("figures/roc.png", b"TP = 3"),
}  # fmt: skip
NOT_READ = (".tsv", ".xml", ".svg", ".yaml", ".yml", ".log", ".jpg", ".xlsx", ".parquet", ".rtf", ".zip", ".ipynb", "")


@pytest.mark.parametrize("what", IN_FILES)
def test_a_count_in_a_file_is_found(apart, what):
    name, content = IN_FILES[what]
    folder = apart("counts.json")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    leaks = found(folder)
    assert leaks
    assert {k.where.partition(":")[0] for k in leaks} == {name}


@pytest.mark.parametrize("suffix", NOT_READ)
def test_a_file_that_is_not_read_fails(apart, suffix):
    folder = apart("counts.json")
    (folder / f"more{suffix}").write_text("x")
    assert [k.where.partition(":")[0] for k in found(folder)] == [f"more{suffix}"]
    assert "it cannot be read" in found(folder)[0].said


def test_every_kind_that_may_leave_is_read():
    assert set(ALLOWED) == {*READERS, *BY_CONTENT}


ALL_AT_ONCE = {
    PAGE: (END, '<p title="three patients">Left out: FN = 3.</p>'),
    "pages/summary.nl.html": (END, "<p>Daarvan werden zeven patiënten gemist.</p>"),
    "pages/model-card.html": (END, '<i data-tp="3">x</i>'),
    "pages/model-card.json": ("}", ', "n=3": true'),
    "findings.json": ("}", ', "more": {"tp": 3}'),
    "claims.json": ("}", ', "more": "we missed 3 patients"'),
    "public-log.json": ("}", ', "more": [{"cases": 4}]'),
    "tables/groups.csv": ("", "score,three patients\n"),
    "outputs.csv": ("", "tables/x.csv,3 cases\n"),
    "paper/paper.md": ("", "\n\nIn all there were 3 events.\n"),
    "paper/paper.tex": ("", "\n% n = 3\n"),
    FORM: ("", "\n\nTP: 3\n"),
    "control-form.nl.txt": ("", "\n\nHet aantal gemiste personen is drie.\n"),
    "checklists/tripod-ai.csv": ("", "x,n=7\n"),
}


def test_the_honest_release_passes_and_each_planted_file_is_named(honest: Path, tmp_path: Path) -> None:
    before = assault(honest)
    assert [f"{k.kind}: {k.where}: {k.said}" for k in before.failed] == []
    assert before.passed
    folder = tmp_path / "planted"
    shutil.copytree(honest, folder)
    for name, (mark, text) in ALL_AT_ONCE.items():
        put(folder / name, text, before=mark)
    (folder / "tables" / "more.tsv").write_text("group\ttp\nFemale\t3\n")
    head = json.loads((folder / "release.json").read_text()) | {"remark": "3 patients"}
    (folder / "tables" / "more.tsv").rename(tmp_path / "more.tsv")  # a kind that cannot even be sealed
    (folder / "release.json").write_text(json.dumps(head | {"files": seal(folder)}))
    after = assault(folder)
    assert not after.passed
    named = {k.where.partition(":")[0] for k in after.failed}
    assert named == {*ALL_AT_ONCE, "release.json"}


def test_names_of_groups_that_are_numbers_are_no_counts(honest: Path) -> None:
    counts = json.loads((honest / "counts.json").read_text(encoding="utf-8"))
    assert counts["attributes"]["satisfaction"]["shown"] == ["1", "2", "3", "4", "5"]
    assert "1 person" in counts["attributes"]["living"]["shown"]
    assert found(honest) == []
    assert beside_withheld(gather(honest)) == []


@pytest.mark.parametrize(
    "prose",
    [
        "10 of 12 claims hold, for 3 models and 5 groups.",
        "Chapter 4 tells more; see clause 7(2) and Article 9, Table 3 and page 6.",
        "A 95 % interval, at a threshold of 0.2; version 0.1.0 of 2026-11-22, 3 decimals, seed 7.",
        "Satisfaction 3: 45 % found. satisfaction = 3 is compared with 5 (satisfaction).",
        "1 person (living): 12 % found; 18–29 and 3 or more persons (living) are open.",
        "Nine in ten people stay below; every one is to be confirmed, one by one.",
        "At least 10 people stand behind every count; fewer than 10 are never shown.",
        "Eleven questions in three parts, in two languages.",
        "PPV = TP/(TP + FP) and (TP + FP)/TP = 1/PPV.",
    ],
)
def test_honest_words_are_no_counts(apart, prose):
    folder = apart("notes.txt")
    put(folder / "notes.txt", f"{prose}\n")
    assert [k.said for k in found(folder)] == []


def test_people_still_needed_are_no_count_where_a_finding_says_so(apart):
    folder = apart("notes.txt")
    words = "about 2 more cases would tell a shortfall of 0.05 from chance"
    (folder / "findings.json").write_text(json.dumps({"findings": [{"more_events": 2, "words": words}]}))
    put(folder / "notes.txt", "About 2 more events are needed.\n")
    assert found(folder) == []
    put(folder / "notes.txt", "\nAbout 3 more events are needed.\n")
    assert [k.said.partition(" people")[0] for k in found(folder)] == ["3"]


@pytest.mark.parametrize("more", [{"note": "TP = 3"}, {"tp": 3}, {"3 cases": 1}, {"models": {"score, n=3": {}}}])
def test_a_count_in_the_register_that_is_no_registered_one_is_found(apart, more):
    folder = apart("counts.json")
    content = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
    assert found(folder) == []
    (folder / "counts.json").write_text(json.dumps(content | more), encoding="utf-8")
    assert {k.where.partition(":")[0] for k in found(folder)} == {"counts.json"}


def test_a_rule_is_one_of_the_release(apart):
    folder = apart("notes.txt")
    put(folder / "notes.txt", "No count of 1 to 9 people is shown. At least 10 patients stand behind each.\n")
    assert found(folder) == []
    put(folder / "notes.txt", "\nAt least 4 patients were women, and 1 to 4 people were men.\n")
    assert {k.said.partition(" people")[0] for k in found(folder)} == {"4"}
