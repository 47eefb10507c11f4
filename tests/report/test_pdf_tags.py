"""What PDF/UA-1 asks for and can be checked without a validator, on the report for inside and on the one that leaves.

The numbers of clauses are those of ISO 14289-1:2014 (PDF/UA-1) and ISO 32000-1:2008 (PDF 1.7).
"""

from __future__ import annotations

import io
import re
from itertools import pairwise

import pytest

pypdf = pytest.importorskip("pypdf")
pytest.importorskip("typst")
pytest.importorskip("vl_convert")
SHOWN = {
    b"Tj",
    b"TJ",
    b"'",
    b'"',
    b"f",
    b"F",
    b"f*",
    b"S",
    b"s",
    b"B",
    b"B*",
    b"b",
    b"b*",
    b"Do",
    b"sh",
    b"INLINE IMAGE",
}
METADATA = rb"/(?:Author|Creator|Producer|Subject|Keywords|CreationDate|ModDate)\b|xmp:|xmpMM:|pdf:Producer|dc:creator"


@pytest.fixture(scope="module", params=["inside", "export"])
def file(request):
    return request.getfixturevalue(f"{request.param}_folder") / "report.pdf"


@pytest.fixture(scope="module")
def reader(file):
    return pypdf.PdfReader(file)


def elements(reader):
    """Yield (kind, dictionary, kinds above) of every element of structure, in reading order."""
    roles = reader.trailer["/Root"]["/StructTreeRoot"].get("/RoleMap", {})

    def below(node, above):
        node = node.get_object()
        if isinstance(node, list):
            for kid in node:
                yield from below(kid, above)
        elif isinstance(node, dict) and "/S" in node:
            kind = node["/S"]
            while kind in roles:
                kind = roles[kind]
            yield kind, node, above
            yield from below(node.get("/K", pypdf.generic.ArrayObject()), (*above, kind))

    return list(below(reader.trailer["/Root"]["/StructTreeRoot"]["/K"], ()))


def attribute(node, name):
    """Return an attribute of an element of structure."""
    held = node.get("/A", [])
    for part in held if isinstance(held, list) else [held]:
        if name in part.get_object():
            return part.get_object()[name]
    return None


def test_the_file_says_that_it_is_tagged_in_which_language_and_its_title(reader):
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"].value is True  # 7.1
    assert root["/MarkInfo"]["/Suspects"].value is False
    assert root["/Lang"] == "en"  # 7.2
    assert root["/ViewerPreferences"]["/DisplayDocTitle"].value is True  # 7.1
    said = root["/Metadata"].get_object().get_data().decode()
    title = re.search(r'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">(.*?)</rdf:li>', said)[1]
    assert title == "Inviting adults for a depression interview: audit by group"
    assert "<pdfuaid:part>1</pdfuaid:part>" in said  # 5
    assert "/StructTreeRoot" in root


def test_every_picture_has_words_in_its_place(reader):
    figures = [node for kind, node, _ in elements(reader) if kind == "/Figure"]
    assert len(figures) > 5
    assert all(len(str(node.get("/Alt", ""))) > 20 for node in figures)  # 7.3
    assert all(attribute(node, "/BBox") is not None for node in figures)  # 32000-1, 14.8.5.4.3


def test_tables_tell_which_cells_are_heads_and_are_regular(reader):
    told = elements(reader)
    tables = [node for kind, node, _ in told if kind == "/Table"]
    heads = [node for kind, node, _ in told if kind == "/TH"]
    assert len(tables) > 8
    assert {attribute(node, "/Scope") for node in heads} <= {"/Column", "/Row", "/Both"}  # 7.5
    assert not [above for kind, _, above in told if kind in {"/TH", "/TD"} and above[-1] != "/TR"]
    assert not [above for kind, _, above in told if kind == "/TR" and above[-1] not in {"/THead", "/TBody", "/Table"}]
    for table in tables:
        rows = [r for part in table["/K"] for r in kids(part) if r["/S"] == "/TR"]
        widths = {sum(attribute(c, "/ColSpan") or 1 for c in kids(row)) for row in rows}
        assert len(widths) == 1
        assert any(c["/S"] == "/TH" for row in rows for c in kids(row))


def kids(node):
    held = node.get_object().get("/K", [])
    return [k.get_object() for k in (held if isinstance(held, list) else [held])]


def test_headings_do_not_skip_a_level_and_lists_are_whole(reader):
    told = elements(reader)
    levels = [int(kind[2:]) for kind, _, _ in told if re.fullmatch(r"/H[1-6]", kind)]
    assert levels[0] == 1  # 7.4.2
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert not [above for kind, _, above in told if kind == "/LI" and above[-1] != "/L"]
    assert not [above for kind, _, above in told if kind in {"/Lbl", "/LBody"} and above[-1] != "/LI"]


def test_every_font_is_within_the_file_and_can_be_read_back(reader):
    seen = {}
    for page in reader.pages:
        for name, font in page["/Resources"].get("/Font", {}).items():
            seen[str(font.get_object().get("/BaseFont", name))] = font.get_object()
    assert seen
    for name, font in seen.items():
        inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        kinds = {"/FontFile", "/FontFile2", "/FontFile3"}
        assert font["/Subtype"] == "/Type3" or kinds & set(inner["/FontDescriptor"].get_object()), name  # 7.21.4.1
        assert "/ToUnicode" in font, name  # 7.21.7


def test_everything_drawn_is_tagged_or_marked_as_decoration(reader):
    for number, page in enumerate(reader.pages, 1):
        assert page["/Tabs"] == "/S"  # 7.18.3
        bare = untagged(page.get_contents(), reader)
        assert not bare, (number, bare[:5])  # 7.1


def untagged(content, reader):
    """Return the operators that draw outside marked content."""
    depth, bare = 0, []
    for _, operator in pypdf.generic.ContentStream(content, reader).operations:
        if operator in {b"BDC", b"BMC"}:
            depth += 1
        elif operator == b"EMC":
            depth -= 1
        elif operator in SHOWN and depth == 0:
            bare.append(operator)
    assert depth == 0
    return bare


def test_every_piece_of_content_belongs_to_one_element_of_structure(reader):
    wanted = [set() for _ in reader.pages]
    places = {page.indirect_reference.idnum: i for i, page in enumerate(reader.pages)}
    for _, node, _ in elements(reader):
        held = node.get("/K", [])
        for kid in held if isinstance(held, list) else [held]:
            if isinstance(kid, int):
                wanted[places[node.raw_get("/Pg").idnum]].add(int(kid))
            elif isinstance(kid.get_object(), dict) and kid.get_object().get("/Type") == "/MCR":
                mark = kid.get_object()
                wanted[places[(mark if "/Pg" in mark else node).raw_get("/Pg").idnum]].add(int(mark["/MCID"]))
    for page, told in zip(reader.pages, wanted, strict=True):
        marks = [
            int(operands[1]["/MCID"])
            for operands, operator in pypdf.generic.ContentStream(page.get_contents(), reader).operations
            if operator == b"BDC" and "/MCID" in operands[1]
        ]
        assert len(marks) == len(set(marks))
        assert set(marks) == told


def test_a_screen_reader_meets_the_parts_of_page_one_in_order(reader):
    titles = [str(node.get("/T", "")) for kind, node, _ in elements(reader) if kind in {"/H1", "/H2"}]
    order = [
        "Would this model find",
        "Take care",
        "The question",
        "Overall",
        "What is open",
        "Before use",
        "1. The use",
    ]
    places = [next(i for i, t in enumerate(titles) if t.startswith(start)) for start in order]
    assert places == sorted(places)


def test_what_leaves_says_nothing_of_its_making(export_folder):
    file = (export_folder / "report.pdf").read_bytes()
    assert not re.search(METADATA, file)
    reader = pypdf.PdfReader(io.BytesIO(file))
    assert reader.metadata is None
    assert "/ID" not in reader.trailer
    assert b"Typst" not in file
    assert not re.search(rb"D:20\d\d", file)


def test_what_stays_inside_keeps_it(inside_folder):
    file = (inside_folder / "report.pdf").read_bytes()
    assert re.search(METADATA, file)
    assert pypdf.PdfReader(io.BytesIO(file)).metadata.author == "primum"


def test_nothing_but_the_metadata_differs(inside_folder):
    from primum.report.pdf_scrub import scrubbed

    before = (inside_folder / "report.pdf").read_bytes()
    after = scrubbed(before)
    one, two = (pypdf.PdfReader(io.BytesIO(f)) for f in (before, after))
    assert [p.extract_text() for p in one.pages] == [p.extract_text() for p in two.pages]
    assert [k for k, _, _ in elements(one)] == [k for k, _, _ in elements(two)]
    start = int(re.search(rb"startxref\s+(\d+)", after)[1])
    changed = [i for i in range(start) if before[i] != after[i]]
    info = before.index(b"/Author")
    assert min(changed) > before.rindex(b"obj", 0, info)  # only the last objects: information and metadata
    assert len(before[:start]) == len(after[:start])
    assert scrubbed(after) == after


def test_a_letter_that_no_font_has_costs_the_claim_but_leaves_no_maker(released):
    import copy

    from primum.report.pdf import pdf

    run = copy.deepcopy(released)
    run.usecase = run.usecase.model_copy(update={"question": "Who? \U000130b8", "title": "Title (b) \\ ) 中"})
    file = pdf(run, [], export=True)
    assert file == pdf(run, [], export=True)
    assert not re.search(METADATA, file)
    reader = pypdf.PdfReader(io.BytesIO(file))
    said = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    assert "pdfuaid:part" not in said
    assert "Title (b) \\ ) 中: audit by group" in said
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"].value is True


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda f: f.replace(b"trailer", b"TRAILER"), "no plain trailer"),
        (lambda f: f.replace(b"xref\n0 ", b"xref\n1 ", 1), "no plain table of objects"),
        (lambda f: f.replace(b"\n1 0 obj", b"\n9 0 obj", 1), "object 1 is not in its place"),
        (lambda f: f.replace(b"/Type/Metadata", b"/Filter/Crypt ", 1), "its metadata is not plain text"),
        (lambda f: f.replace(b"/Root ", b"/Toor "), "names no catalogue"),
    ],
)
def test_a_file_of_another_structure_is_refused(inside_folder, damage, why):
    from primum.errors import PrimumError
    from primum.report.pdf_scrub import scrubbed

    file = damage((inside_folder / "report.pdf").read_bytes())
    with pytest.raises(PrimumError, match=rf"cannot be removed: .*{why}(.|\n)*release without the PDF"):
        scrubbed(file)
