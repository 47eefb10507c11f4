"""Planted values in every kind of file and layer, forbidden content, and a real report that gives a rare group away."""

from __future__ import annotations

import base64
import bz2
import gzip
import html
import json
import lzma
import struct
import zipfile
import zlib
from typing import Any

import polars as pl
import pytest

from primum.disclose.containers import forbidden, scan
from primum.disclose.unfold import PNG, unfold
from primum.errors import PrimumError

SCORES = ["0.731905846", "0.118264539", "0.904417283", "0.266390571", "0.583027914"]
DATES = ["1931-03-17", "1944-11-02", "1958-07-23", "1969-01-31", "1987-09-14"]
LABELS = ["Kiribati", "zq-label-7731", "Xanthe-ward", "rare-drug-QF12", "postcode-9999ZZ"]
IDS = ["PT-00917364", "PT-00280175", "FAM-55019", "HOSP-8842", "VISIT-731204"]
CANARIES = SCORES + DATES + LABELS + IDS


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes) -> bytes:
    """Return a picture of one pixel with more chunks."""
    pixel = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), chunk(b"IDAT", zlib.compress(b"\x00\x80"))
    return PNG + b"".join([pixel[0], *chunks, pixel[1], chunk(b"IEND", b"")])


def pdf(stream: bytes, *objects: bytes) -> bytes:
    """Return as much of a PDF as a reader of streams needs."""
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (i + 2, o) for i, o in enumerate(objects))
    return b"%PDF-1.7\n1 0 obj\n<< >>\nstream\n" + stream + b"\nendstream\nendobj\n" + body + b"%%EOF"


def zipped(folder, inside: bytes, name: str = "page.html", kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    path = folder / "made.zip"
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr(name, inside)
    data = path.read_bytes()
    path.unlink()
    return data


def raw_deflate(data: bytes) -> bytes:
    pack = zlib.compressobj(wbits=-15)
    return pack.compress(data) + pack.flush()


def wrappers(folder) -> dict[str, Any]:
    """Return ways to hide bytes in a file."""
    long = b"x," * 40
    code = base64.b64encode
    return {
        "a.html": lambda b: b"<p>" + b + b"</p>",
        "escaped.html": lambda b: b"".join(b"&#%d;" % c for c in b),
        "a.json": lambda b: json.dumps({"label": b.decode()}).encode(),
        "escaped.json": lambda b: b'"' + b"".join(b"\\u%04x" % c for c in b) + b'"',
        "address.html": lambda b: b"data:text/plain," + b"".join(b"%%%02X" % c for c in b),
        "a.csv": lambda b: b"group;n\n" + b + b";3\n",
        "a.log": lambda b: b"2026-11-02 12:00 read " + b + b"\n",
        "utf16.csv": lambda b: b.decode().encode("utf-16"),
        "short64.html": lambda b: b'<i data-x="' + code(b) + b'">',
        "long64.html": lambda b: b'<i data-x="' + code(long + b + long) + b'">',
        "lines64.txt": lambda b: b"\n" + base64.encodebytes(long + b + long),
        "twice64.html": lambda b: code(code(long + b + long)),
        "zlib64.html": lambda b: b"<script>x='" + code(zlib.compress(long + b)) + b"'</script>",
        "deflate64.html": lambda b: code(raw_deflate(long + b)),
        "gzip64.html": lambda b: code(gzip.compress(long + b)),
        "png64.html": lambda b: b"<img src='data:image/png;base64," + code(png(chunk(b"tEXt", b"a\x00" + b))) + b"'>",
        "a.gz": gzip.compress,
        "a.bz2": bz2.compress,
        "a.xz": lzma.compress,
        "a.bin": lambda b: b"\x00\xff\x01" + zlib.compress(long + b),
        "text.png": lambda b: png(chunk(b"tEXt", b"Title\x00" + b)),
        "ztxt.png": lambda b: png(chunk(b"zTXt", b"Title\x00\x00" + zlib.compress(b))),
        "itxt.png": lambda b: png(chunk(b"iTXt", b"T\x00\x01\x00\x00\x00" + zlib.compress(b))),
        "after.png": lambda b: png() + b,
        "flate.pdf": lambda b: pdf(zlib.compress(b"BT /F1 9 Tf (" + b + b") Tj ET")),
        "plain.pdf": lambda b: pdf(b"BT (" + b + b") Tj ET"),
        "kerned.pdf": lambda b: pdf(zlib.compress(b"BT /F 9 Tf [" + b"-3 ".join(b"(%c)" % c for c in b) + b"] TJ ET")),
        "info.pdf": lambda b: pdf(b"", b"<< /Title <FEFF" + b.decode().encode("utf-16-be").hex().encode() + b"> >>"),
        "a.zip": lambda b: zipped(folder, b),
        "stored.zip": lambda b: zipped(folder, b, kind=zipfile.ZIP_STORED),
        "zip.zip": lambda b: zipped(folder, zipped(folder, b"<p>" + b)),
        "named.zip": lambda b: zipped(folder, b"", f"tables/{b.decode()}.csv"),
    }


NAMES = list(wrappers(None))


class TestT24:
    @pytest.mark.parametrize("name", NAMES)
    def test_every_canary_is_found_in_every_layer(self, tmp_path, name):
        for canary in CANARIES:
            (tmp_path / name).write_bytes(wrappers(tmp_path)[name](canary.encode()))
            assert canary in {h.what for h in scan(tmp_path, [canary])}, canary

    @pytest.mark.parametrize("name", NAMES)
    def test_nothing_is_found_where_nothing_is(self, tmp_path, name):
        (tmp_path / name).write_bytes(wrappers(tmp_path)[name](b"nothing, 0.5 (73 %), 7 of 31"))
        assert scan(tmp_path, CANARIES) == []

    @pytest.mark.parametrize(
        "text",
        ["0.7319", "0,7319", ".7319", "0.73191", "0.731906", "0.7319058", "0.731905", "73.19 %", "73,19%", "73.1906",
         "73.190585", "73.19&nbsp;%", "73.19\u202f%", "73.19 percent", "0,731905846", "7.31905846e-01", "731905846",
         "0.73190584600000001"],
    )  # fmt: skip
    @pytest.mark.parametrize("around", ["<td>{}</td>", "a;{};b", '"x":{}}}'])
    def test_forms_of_a_number(self, tmp_path, text, around):
        (tmp_path / "a.html").write_text(around.format(text), encoding="utf-8")
        assert scan(tmp_path, [0.731905846]) != []

    @pytest.mark.parametrize(
        "text", ["0.73", "0.732", "10.7319", "0.73195", "73.2 %", "73.19", "[5,7319]", "7319", "0.17319", "73.195 %"]
    )
    def test_other_numbers_are_not_taken_for_it(self, tmp_path, text):
        (tmp_path / "a.html").write_text(f"<td>{text}</td>")
        assert scan(tmp_path, [0.731905846]) == []

    @pytest.mark.parametrize("order", ["<d", ">d"])
    def test_bytes_of_a_float(self, tmp_path, order):
        packed = base64.b64encode(struct.pack(order, 0.5) + struct.pack(order, 0.731905846) * 4)
        (tmp_path / "plot.html").write_bytes(b'{"bdata":"' + packed + b'"}')
        assert "bytes of a float" in {h.form for h in scan(tmp_path, [0.731905846])}

    @pytest.mark.parametrize(
        "text",
        ["17-03-1931", "17/3/1931", "3/17/1931", "17 March 1931", "Mar 17, 1931", "19310317", "1931-03-17T08:00"],
    )
    def test_forms_of_a_date(self, tmp_path, text):
        (tmp_path / "a.csv").write_text(f"born,{text}\n" if "T" not in text else text[:10] + " 08:00")
        assert [h.what for h in scan(tmp_path, ["1931-03-17"])] == ["1931-03-17"]

    def test_capitals_spaces_and_accents(self, tmp_path):
        (tmp_path / "a.html").write_text("KIRIBATI, rare\n  drug", encoding="utf-8")
        (tmp_path / "b.html").write_bytes("Gro\u0308ningen".encode())
        (tmp_path / "c.html").write_bytes(html.escape("Gröningen").encode("latin-1"))
        hits = scan(tmp_path, ["Kiribati", "rare drug", "Gröningen"])
        assert {(h.file.name, h.what) for h in hits} == {
            ("a.html", "Kiribati"), ("a.html", "rare drug"), ("b.html", "Gröningen"), ("c.html", "Gröningen")
        }  # fmt: skip

    def test_names_of_files_and_folders_count(self, tmp_path):
        (tmp_path / "tables").mkdir()
        (tmp_path / "tables" / "roc-Kiribati.csv").write_text("n\n")
        assert [(h.where, h.what) for h in scan(tmp_path, ["Kiribati"])] == [
            ("tables/roc-Kiribati.csv (name)", "Kiribati")
        ]

    def test_glyph_numbers_of_a_pdf_are_read_through_the_font(self, tmp_path):
        codes = {c: i + 3 for i, c in enumerate(sorted(set("Kiribati")))}
        table = b"beginbfchar\n" + b"".join(b"<%04X> <%04X>\n" % (i, ord(c)) for c, i in codes.items()) + b"endbfchar"
        drawn = b"BT /F1 9 Tf [" + b" 2 ".join(b"<%04X>" % codes[c] for c in "Kiribati") + b"] TJ ET"
        font = b"<< >>\nstream\n" + zlib.compress(table) + b"\nendstream"
        (tmp_path / "a.pdf").write_bytes(pdf(zlib.compress(drawn), font))
        assert "text in font" in scan(tmp_path, ["Kiribati"])[0].where

    @pytest.mark.parametrize("canary", ["no", "0.5", 0.25, 12.0])
    def test_a_canary_that_would_be_found_everywhere_is_refused(self, tmp_path, canary):
        with pytest.raises(PrimumError, match="would be found"):
            scan(tmp_path, [canary])

    def test_a_path_that_is_not_there(self, tmp_path):
        with pytest.raises(PrimumError, match="no file or folder"):
            scan(tmp_path / "nothing", ["Kiribati"])


class TestUnreadable:
    def check(self, tmp_path, data: bytes, why: str) -> None:
        (tmp_path / "a.bin").write_bytes(data)
        hits = scan(tmp_path, ["Kiribati"])
        assert [(h.what, h.level) for h in hits] == [("unreadable", "fail")]
        assert why in hits[0].form

    def test_a_broken_archive(self, tmp_path):
        data = bytearray(zipped(tmp_path, b"hello" * 100))
        data[45] ^= 255
        self.check(tmp_path, bytes(data), "broken archive")

    def test_an_encrypted_pdf(self, tmp_path):
        self.check(tmp_path, pdf(b"", b"<< /Encrypt 3 0 R >>"), "encrypted")

    def test_wrapped_too_often(self, tmp_path):
        data = b"x" * 100
        for _ in range(9):
            data = gzip.compress(data)
        self.check(tmp_path, data, "too many times")

    def test_a_bomb(self, tmp_path, monkeypatch):
        monkeypatch.setattr("primum.disclose.unfold.LIMIT", 10_000)
        self.check(tmp_path, gzip.compress(b"0" * 20_000), "too large")


class TestForbidden:
    def kinds(self, tmp_path, name: str, data: bytes) -> set[str]:
        (tmp_path / name).write_bytes(data)
        return {h.what for h in forbidden(tmp_path)}

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("<p><svg viewBox='0'>", "vector graphics"),
            ("<img src='data:image/svg+xml;base64,AA'>", "vector graphics"),
            ("<script src='a.js'>", "a script from elsewhere"),
            ("<script>Plotly.newPlot(x)</script>", "plotly"),
            ("<div class='vega-embed'>", "vega"),
            ("<!-- n = 4 -->", "a comment"),
            ("<img src='https://example.org/a.png'>", "a request to another machine"),
            ("<link rel=stylesheet href=//example.org/a.css>", "a request to another machine"),
            ("<style>p{background:url(http://example.org/a)}</style>", "a request to another machine"),
            ("<script>fetch('a')</script>", "a request to another machine"),
            ("a" * 64, "a hash"),
        ],
    )
    def test_t25_pages(self, tmp_path, text, what):
        assert self.kinds(tmp_path, "a.html", text.encode()) == {what}

    def test_t25_a_clean_page(self, tmp_path):
        page = b"<p>Las Vegas <a href='https://example.org'>source</a> <img src='data:image/png;base64,iVBORw0KGgo='>"
        assert self.kinds(tmp_path, "a.html", page) == set()

    @pytest.mark.parametrize("name", ["a.svg", "m.pkl", "m.joblib", "d.parquet", "d.npz", "n.ipynb", "m.onnx"])
    def test_r16_files_by_name(self, tmp_path, name):
        assert len(self.kinds(tmp_path, name, b"")) == 1

    def test_r16_files_by_their_bytes(self, tmp_path):
        import io
        import pickle

        import numpy as np

        assert self.kinds(tmp_path, "a.txt", pickle.dumps({"a": 1})) == {"a model or pickle"}
        array = io.BytesIO()
        np.savez(array, x=np.arange(3))
        assert self.kinds(tmp_path, "a.txt", array.getvalue()) == {"a file of rows or arrays"}
        table = io.BytesIO()
        pl.DataFrame({"a": [1]}).write_parquet(table)
        assert self.kinds(tmp_path, "a.txt", table.getvalue()) == {"a file of rows or arrays"}

    def test_r16_inside_a_zip(self, tmp_path):
        assert self.kinds(tmp_path, "a.zip", zipped(tmp_path, b"<svg>", "x/fig.svg")) == {"vector graphics"}
        assert self.kinds(tmp_path, "a.zip", zipped(tmp_path, zipped(tmp_path, b"<!-- -->"), "b.zip")) == {"a comment"}

    def test_r16_metadata(self, tmp_path):
        assert self.kinds(tmp_path, "a.png", png()) == set()
        assert self.kinds(tmp_path, "a.png", png(chunk(b"tEXt", b"Author\x00me"))) == {"metadata"}
        assert self.kinds(tmp_path, "a.png", png() + b"more") == {"metadata"}
        (tmp_path / "a.png").unlink()
        assert self.kinds(tmp_path, "a.jpg", b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00MM") == {"metadata"}
        (tmp_path / "a.jpg").unlink()
        assert self.kinds(tmp_path, "a.pdf", pdf(b"x", b"<< /Title (Report) /Lang (en) >>")) == set()
        assert self.kinds(tmp_path, "a.pdf", pdf(b"x", b"<< /Author (me) >>")) == {"metadata"}
        hidden = b"<< /Type /ObjStm >>\nstream\n" + zlib.compress(b"<< /CreationDate (D:2026) >>") + b"\nendstream"
        assert self.kinds(tmp_path, "a.pdf", pdf(b"x", hidden)) == {"metadata"}
        attached = pdf(b"x", b"<< /Type /EmbeddedFile >>")
        assert self.kinds(tmp_path, "a.pdf", attached) == {"active or attached content"}

    def test_what_to_do_is_said_and_a_hash_is_for_a_person(self, tmp_path):
        (tmp_path / "a.html").write_text("<!-- -->" + "b" * 64)
        assert {(h.what, h.level) for h in forbidden(tmp_path)} == {("a comment", "fail"), ("a hash", "review")}
        assert all(h.form for h in forbidden(tmp_path))


@pytest.fixture(scope="module")
def inside(people, small_case, tmp_path_factory):
    """The report of people of whom one comes from Kiribati, as it is made for use inside."""
    from primum.audit import audit

    rows = people(600).with_columns(
        pl.when(pl.col("id") == 17).then(pl.lit("Kiribati")).otherwise(pl.col("region")).alias("region")
    )
    folder = tmp_path_factory.mktemp("rare") / "run"
    case = small_case(groups=[{"column": "region", "reference": "North"}], replicates=200)
    audit(case, data=rows, out=folder).report(figures=False)
    return folder


class TestRealReport:
    """T30: a group of one person must not be found in a release; in a report for inside it is found everywhere."""

    def test_the_rare_group_is_found_in_every_kind_of_file(self, inside):
        hits = scan(inside, ["Kiribati"])
        assert {h.file.suffix for h in hits} >= {".html", ".json", ".csv", ".pdf", ".tally"}
        assert not [h for h in hits if h.what == "unreadable"]

    def test_canaries_that_were_not_planted_are_not_found(self, inside):
        absent = [c for c in CANARIES if c != "Kiribati"]
        assert scan(inside, absent) == []

    def test_such_a_report_is_not_fit_to_leave(self, inside):
        kinds = {(h.file.suffix, h.what) for h in forbidden(inside)}
        assert (".tally", "a file of rows or arrays") in kinds
        assert (".pdf", "metadata") in kinds

    def test_all_text_of_the_pdf_is_reached(self, inside):
        pypdf = pytest.importorskip("pypdf")
        file = inside / "report.pdf"
        ours = "".join(
            "".join(layer.data.decode("utf-8", "replace").split())
            for layer in unfold(file.read_bytes(), "report.pdf")
            if "text in font" in layer.where
        )
        words = {w for page in pypdf.PdfReader(file).pages for w in page.extract_text().split() if w.isalpha()}
        missed = {w for w in words if len(w) > 6 and w not in ours}
        assert len(words) > 100
        assert len(missed) <= 0.05 * len(words), missed  # words that the layout broke over two lines or fonts
