"""What is read from each kind of file, which words are counts, and what the register says of a group."""

from __future__ import annotations

import itertools
import json
import zlib

import numpy as np
import pytest

from primum.disclose.pdf_text import drawn, strings
from primum.release.gather import READERS, gather
from primum.release.layout import Slice, layout
from primum.release.pieces import Variable, band, mask, variables
from primum.release.read_page import Page, walk
from primum.release.registered import parse
from primum.release.spoken import spoken


def test_a_table_of_a_page_keeps_its_heads_sections_and_notes():
    page = Page("x.html")
    page.feed(
        "<h2>Who</h2><table><caption>By sex</caption><tr><th>Group</th><th>People</th></tr>"
        "<tr><th colspan=2>Sex</th></tr><tr><th>Male</th><td>57 <small>of 91</small></td></tr></table><p>After</p>"
    )
    page.close()
    assert [(line.table, line.section, line.cells) for line in page.lines] == [
        ("By sex", "Sex", (("Group", "Male"), ("People", "57 of 91")))
    ]
    assert [p.text for p in page.prose] == ["Who", "By sex", "Sex", "After"]


def test_json_becomes_one_line_an_object_with_those_above_it():
    content = {"model": "score", "groups": [{"group": "Male", "tp": [57, 91], "words": "there were 57 of them"}]}
    lines, prose = walk(content, "x.json")
    assert lines[0].cells == (
        ("model", "score"), ("key", "groups"), ("group", "Male"), ("words", "there were 57 of them"),
        ("tp", "57"), ("tp", "91"),
    )  # fmt: skip
    assert lines[0].get("model") == "score"
    assert [p.text for p in prose] == ["there were 57 of them"]


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".csv", b"\xef\xbb\xbfgroup,n\nMale,57\n"),
        (".md", b"| group | n |\n|---|---:|\n| Male | 57 |\n"),
        (".tex", b"group & n \\\\\n\\midrule\nMale & 57 \\\\\n"),
    ],
)
def test_tables_of_text_files(suffix, data):
    lines, _ = READERS[suffix](f"x{suffix}", data)
    assert [line.cells for line in lines] == [(("group", "Male"), ("n", "57"))]


def test_latex_signs_are_read_as_signs():
    lines, _ = READERS[".tex"]("x.tex", rb"group & n \\" + b"\n" + rb"\textless{}35 \textbf{a} & 57\,\% \\" + b"\n")
    assert lines[0].cells == (("group", "<35 a"), ("n", "57 %"))


def test_a_pdf_is_read_in_the_font_of_each_run():
    def packed(data: bytes) -> bytes:
        body = zlib.compress(data)
        return b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(body), body)

    maps = [b"1 beginbfrange\n<0001> <0003> <%s>\nendbfrange" % first for first in (b"0041", b"0031")]
    page = b"/Span<</MCID 0>>BDC BT /f0 9 Tf <00010002> Tj /f1 9 Tf [<0001> 20 <0002>] TJ ET EMC"
    parts = [
        b"<</Type/Page/Resources<</Font<</f0 3 0 R/f1 4 0 R>>>>/Contents 2 0 R>>", packed(page),
        b"<</Type/Font/ToUnicode 5 0 R>>", b"<</Type/Font/ToUnicode 6 0 R>>", packed(maps[0]), packed(maps[1]),
        b"<</Type/StructElem/Alt(A bar \\(57\\))>>",
    ]  # fmt: skip
    data = b"%PDF-1.7\n" + b"".join(b"%d 0 obj\n%b\nendobj\n" % (i, p) for i, p in enumerate(parts, 1))
    assert [d.text for d in drawn(data)] == ["AB 12"]
    assert "A bar (57)" in list(strings(data))
    assert [d.problem for d in drawn(data + b"<</Encrypt 9 0 R>>")] == ["encrypted"]


def test_a_file_that_cannot_be_read_is_not_cleared(tmp_path):
    (tmp_path / "counts.json").write_text(
        json.dumps({"format": "primum counts 1", "t": 10, "counts": [], "attributes": {}})
    )
    (tmp_path / "x.json").write_text("{")
    (tmp_path / "y.docx").write_bytes(b"PK\x03\x04 no")
    found = gather(tmp_path)
    assert any(p.startswith("x.json: it cannot be read") for p in found.problems)
    assert any(p.startswith("y.docx") for p in found.problems)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("91 people", [91]), ("of 91 people", [91]), ("1,234 patients", [1234]), ("57 of 91", [57, 91]),
        ("n = 91", [91]), ("people: 91", [91]), ("57 (63 %)", [57]), ("57/91", [57, 91]), ("missed 7", [7]),
        ("7 were missed", [7]), ("57 of the 91 women", [57, 91]), ("91 mensen", [91]), ("no more than 0.91 people", []),
        ("2017-2018", []), ("91 % of people", []), ("version 3.7", []), ("aged 40–64", []), ("PRM-G01", []),
        ("2024/1689", []), ("aandelen van 0 of 1: personen", []), ("on 26/11/2026", []),
    ],
)  # fmt: skip
def test_which_numbers_of_a_sentence_are_people(text, values):
    assert sorted(n.value for n in spoken(text)) == values


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("at least 10 people", "rule"), ("10 people or more", "rule"), ("of every 1,000 people 91 are found", "rate"),
        ("15 of 35 groups", "thing"), ("Table 7 has people", "thing"), ("Directive (EU) 2024/2853", "thing"),
        ("about 272 more cases are needed", "needed"),
    ],
)  # fmt: skip
def test_how_a_number_is_told(text, what):
    found = spoken(text)
    assert found
    assert all(getattr(n, what) for n in found)


def test_what_follows_from_the_rows_of_a_group():
    edges = [0.0, 0.1, 0.2, 1.0]
    rows = [
        {"model": "m", "attribute": None, "group": "everyone", "outcome": y, "low": a, "high": b, "count": n}
        for y, own in ((0, (50, 30, 20)), (1, (10, 15, 40)))
        for (a, b), n in zip(itertools.pairwise(edges), own, strict=True)
    ]
    content = {
        "format": "primum counts 1",
        "t": 10,
        "models": {"m": {"threshold": 0.2}},
        "attributes": {},
        "counts": rows,
    }
    held = parse(content, "x").counts_of(None, "everyone", "m")
    assert {k: set(v) for k, v in held.items() if k != "steps"} == {
        "n": {165}, "events": {65}, "nonevents": {100}, "tp": {40}, "fn": {25}, "fp": {20}, "tn": {80},
        "selected": {60}, "unselected": {105}, "right": {120}, "wrong": {45},
    }  # fmt: skip
    assert {10, 25, 55, 60, 45} <= held["steps"]


@pytest.mark.parametrize(
    ("label", "ends"),
    [
        ("<35", (-np.inf, 35)), ("≥65", (65, np.inf)), ("18+", (18, np.inf)), ("0–17", (0, 18)),
        ("35 to <50", (35, 50)), ("40-64", (40, 65)), ("below the line", None), ("Female", None),
        ("65 and over", (65, np.inf)),
    ],
)  # fmt: skip
def test_bands_of_numbers(label, ends):
    assert band(label) == ends


def test_bands_that_overlap_are_cut_at_all_their_limits():
    def told(*labels: str) -> dict[str, object]:
        return {"format": "primum counts 1", "t": 10, "counts": [],
                "attributes": {"age": {"shown": list(labels), "unnamed": False}}}  # fmt: skip

    held, about = variables([parse(told("0–17", "18+"), "a"), parse(told("0–18", "19+"), "b")])
    assert held["age"].pieces == ("0 to <18", "18 to <19", "≥19")
    chosen = mask("18+", ("age",), held, about)
    assert chosen is not None
    assert chosen.tolist() == [False, True, True]


@pytest.mark.parametrize("seed", range(4))
def test_joined_tables_bound_cells_as_the_full_cross_does(seed):
    """Tables of crossed pairs, joined where they meet, against the full cross of all attributes at once."""
    from scipy.optimize import linprog

    rng = np.random.default_rng(seed)
    sizes = {"a": 2, "b": 3, "c": 2, "d": 2}
    held = {n: Variable(n, tuple(map(str, range(k))), {}) for n, k in sizes.items()}
    crossed = [("a", "b"), ("b", "c")] if seed % 2 else [("a", "b"), ("b", "c"), ("a", "c")]
    truth = rng.integers(0, 9, tuple(sizes.values()))
    told = [(c, rng.random(tuple(sizes[n] for n in c)) < 0.6) for c in crossed] + [(("d",), np.ones(2, dtype=bool))]
    joined = layout(held, crossed, [Slice(0, 0.0, 1.0)])
    whole = layout(held, [tuple(sizes)], [Slice(0, 0.0, 1.0)])
    one = np.array([True])
    for names, asked in ((("a", "b"), (0, 1)), (("b", "c"), (1, 1)), (("d",), (0,)), (("c",), (1,))):
        ends = []
        for places in (joined, whole):
            rows, values = [], []
            for own, shown in told:
                axes = tuple(i for i, n in enumerate(sizes) if n not in own)
                for cell in np.argwhere(shown):
                    chosen = np.zeros(shown.shape, dtype=bool)
                    chosen[tuple(cell)] = True
                    rows.append(_row(places, own, chosen, one))
                    values.append(float(truth.sum(axis=axes)[tuple(cell)]))
            for left, right in places.seams():
                row = np.zeros(places.size)
                row[left] += 1
                row[right] -= 1
                rows.append(row)
                values.append(0.0)
            chosen = np.zeros(tuple(sizes[n] for n in names), dtype=bool)
            chosen[asked] = True
            cost = _row(places, names, chosen, one)
            for sign in (1, -1):
                got = linprog(sign * cost, A_eq=np.array(rows), b_eq=values, bounds=(0, 500))
                assert got.status == 0
                ends.append(sign * got.fun)
        assert ends[:2] == pytest.approx(ends[2:])


def _row(places, names, chosen, one) -> np.ndarray:
    row = np.zeros(places.size)
    row[places.where(names, chosen, one)] = 1
    return row
