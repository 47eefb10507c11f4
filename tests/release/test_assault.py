"""The adversary on whole folders: an honest release passes, and each planted count or weak table is found."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
import itertools
import json
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from primum.disclose import ledger
from primum.errors import PrimumError
from primum.release.assault import Assault, assault
from primum.release.earlier import entry_of, from_entry
from primum.release.pinned import pinned
from primum.release.registered import parse

REST = "(other groups together)"
Table = Mapping[str, Sequence[int]]
SEX = {"Female": (300, 80, 40, 60), "Male": (310, 90, 35, 45)}
AGE = {"<40": (250, 60, 30, 35), "40–64": (200, 60, 25, 40), "≥65": (160, 50, 20, 30)}
CELLS = ((0, None, 0.2), (0, 0.2, None), (1, None, 0.2), (1, 0.2, None))


def counts(attributes: Mapping[str, Table], **more: Any) -> dict[str, Any]:
    """Return counts.json of groups with people not selected and selected, without and with the outcome."""
    first = next(iter(attributes.values()))
    everyone = tuple(int(n) for n in np.sum(list(first.values()), axis=0))
    rows = [_row(None, "everyone", cell, n) for cell, n in zip(CELLS, everyone, strict=True)]
    for title, groups in attributes.items():
        rows += [
            _row(title, group, cell, n) for group, own in groups.items() for cell, n in zip(CELLS, own, strict=True)
        ]
    described = {
        t: {"shown": [g for g in own if g != REST], "remainder": REST if REST in own else None, "withheld": []}
        for t, own in attributes.items()
    }
    return {
        "format": "primum counts 1", "preset": "cbs", "t": 10, "w": 10, "rounding": "none", "base": 5,
        "outcome": "ill", "models": {"score": {"threshold": 0.2}}, "attributes": described, "counts": rows, **more,
    }  # fmt: skip


def _row(attribute: str | None, group: str, cell: tuple[int, float | None, float | None], n: int) -> dict[str, Any]:
    return {"model": "score", "attribute": attribute, "group": group, "outcome": cell[0], "low": cell[1],
            "high": cell[2], "count": n}  # fmt: skip


def people(attribute: str | None, group: str, outcome: int | None, n: int) -> dict[str, Any]:
    return {"model": None, "attribute": attribute, "group": group, "outcome": outcome, "low": None, "high": None,
            "count": n}  # fmt: skip


PAGE = """<!doctype html><html><body><h1>Audit</h1><p>{prose}</p>
<table><caption>Sensitivity, score</caption><thead><tr><th>Group</th><th>People</th><th>Cases</th><th>Sensitivity</th>
</tr></thead><tbody>{rows}</tbody></table>
<p>Groups with fewer than 10 people are not shown. Of every 1,000 people 61 are found and 77 alarmed.</p>
{more}</body></html>"""
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an honest release folder from its counts."""

    def make(content: Mapping[str, Any], name: str = "release", *, prose: str = "", more: str = "") -> Path:
        folder = tmp_path / name
        (folder / "tables").mkdir(parents=True)
        (folder / "counts.json").write_text(json.dumps(content), encoding="utf-8")
        registered = parse(content, name)
        table, rows = [], ""
        for attribute, group in dict.fromkeys((a, g) for _, a, g in registered.by_place):
            own = registered.counts_of(attribute, group, "score")
            if not own["tp"] or not own["n"]:
                continue
            n, events, tp = (min(own[m]) for m in ("n", "events", "tp"))
            rows += f"<tr><th>{group}</th><td>{n:,}</td><td>{events}</td><td>{100 * tp / events:.0f} %</td></tr>"
            table.append({
                "model": "score", "metric": "sensitivity", "attribute": attribute or "overall", "group": group,
                "at": 0.2, "value": round(tp / events, 2), "n": n, "events": events, "nonevents": n - events,
                "status": "ok",
            })  # fmt: skip
        page = PAGE.format(rows=rows, prose=prose or "What the model does in each group.", more=more)
        (folder / "report.html").write_text(page, encoding="utf-8")
        (folder / "findings.json").write_text(json.dumps({"findings": table}), encoding="utf-8")
        if table:
            text = io.StringIO(newline="")
            writer = csv.DictWriter(text, list(table[0]))
            writer.writeheader()
            writer.writerows(table)
            (folder / "tables" / "groups.csv").write_text(text.getvalue(), encoding="utf-8")
        return folder

    return make


def said(found: Assault) -> str:
    return "\n".join(f"{k.kind}: {k.where}: {k.said}" for k in found.leaks)


def test_an_honest_release_passes(write):
    found = assault(write(counts({"sex": SEX, "age": AGE})))
    assert said(found) == ""
    assert found.passed
    assert found.seen["counts"] == 24
    assert len(found.verdicts) > 30
    assert "none was pinned" in found.summary
    assert json.loads(json.dumps(found.dump()))["passed"] is True


def test_the_same_counts_by_another_name_are_not_the_register(write):
    folder = write(counts({"sex": SEX}))
    text = (folder / "tables" / "groups.csv").read_text().replace(",100,", ",99,")
    (folder / "tables" / "groups.csv").write_text(text)
    found = assault(folder)
    assert not found.passed
    assert "99 people, sex = Female" in said(found)


# planted counts -------------------------------------------------------------------------------------------------------


def pdf(text: str) -> bytes:
    """Return a small PDF that draws a text by the codes of a font of its own, packed."""
    letters = sorted(set(text))
    table = "".join(f"<{i + 1:04x}> <{ord(c):04x}>\n" for i, c in enumerate(letters))
    font = (
        f"begincodespacerange\n<0000> <ffff>\nendcodespacerange\n{len(letters)} beginbfchar\n{table}endbfchar".encode()
    )
    drawn = "".join(f"{letters.index(c) + 1:04x}" for c in text)
    page = zlib.compress(f"BT /f0 12 Tf <{drawn}> Tj ET".encode())
    packed = zlib.compress(font)
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/Resources<</Font<</f0 5 0 R>>>>/Contents 4 0 R>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(page), page),
        b"<</Type/Font/Subtype/Type0/ToUnicode 6 0 R>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(packed), packed),
    ]
    return b"%PDF-1.7\n" + b"".join(b"%d 0 obj\n%b\nendobj\n" % (i, p) for i, p in enumerate(parts, 1)) + b"%%EOF"


def word(cells: Sequence[str], text: str = "") -> bytes:
    """Return a Word file with one table of one row under its heads, and a paragraph."""
    row = "".join(f"<w:tc><w:p><w:r><w:t>{c}</w:t></w:r></w:p></w:tc>" for c in cells)
    heads = "".join(f"<w:tc><w:p><w:r><w:t>{c}</w:t></w:r></w:p></w:tc>" for c in ("Group", "People"))
    body = f"<w:tbl><w:tr>{heads}</w:tr><w:tr>{row}</w:tr></w:tbl><w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/document.xml", f'<w:document xmlns:w="w"><w:body>{body}</w:body></w:document>')
    return out.getvalue()


def png(text: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    head = chunk(b"IHDR", bytes([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"tEXt", text) + chunk(b"IEND", b"")


SECRET = "7 of the 91 people were missed"
CODED = base64.b64encode(SECRET.encode()).decode()
PACKED = base64.b64encode(zlib.compress(SECRET.encode() * 3)).decode()
PICTURE = base64.b64encode(png(b"T" + bytes(1) + b"of 91 people")).decode()
SCRIPTED = json.dumps({"groups": [{"group": "Male", "tp": [91]}]})
ROWS = "<tr><th>Group</th><th>People</th></tr><tr><td>Male</td><td>91</td></tr>"
PLANTED: dict[str, tuple[str, bytes | str]] = {
    "prose of a page": ("report.html", "<p>Among them 91 people had it.</p>"),
    "a small one": ("report.html", "<p>Only 7 were found.</p>"),
    "in brackets": ("report.html", "<td>Elsewhere</td><p>Others (n = 91)</p>"),
    "alternative text": ("report.html", '<img alt="A bar of 91 people" src="data:,">'),
    "a comment": ("report.html", "<!-- 91 people -->"),
    "an attribute": ("report.html", '<i data-note="91 patients">x</i>'),
    "JSON in a script": ("report.html", f'<script type="application/json">{SCRIPTED}</script>'),
    "code in a script": ("report.html", "<script>var s = 'of 91 people';</script>"),
    "base64 in a page": ("report.html", f'<i class="{CODED}">x</i>'),
    "packed in base64": ("report.html", f"<i class='{PACKED}'>x</i>"),
    "a table of a page": ("report.html", f"<table>{ROWS}</table>"),
    "a column without a known head": ("tables/x.csv", "ward,zzz\nnorth,91\n"),
    "a CSV": ("tables/x.csv", "group,n\nMale,91\n"),
    "a sentence in a CSV": ("tables/x.csv", 'group,words\nMale,"there were 91 cases of these in all"\n'),
    "JSON": ("x.json", json.dumps({"rows": [{"group": "Male", "events": 91}]})),
    "Markdown": ("paper/x.md", "| Group | People |\n|---|---|\n| Male | 91 |\n"),
    "LaTeX": ("paper/x.tex", "Group & People \\\\\nMale & 91 \\\\\n"),
    "text": ("notes.txt", "We dropped 91 of them.\n"),
    "Dutch": ("notes.txt", "Er waren 91 patiënten.\n"),
    "a PDF": ("report.pdf", pdf("There were 91 people in all.")),
    "a Word table": ("paper/x.docx", word(("Male", "91"))),
    "a Word paragraph": ("paper/x.docx", word(("Male", "480"), "We saw 91 women.")),
    "metadata of a picture": ("report.html", f'<img src="data:image/png;base64,{PICTURE}">'),
    "a file name": ("tables/91 people.csv", "group\nMale\n"),
    "thousands": ("report.html", "<p>There were 9,123 people.</p>"),
}


@pytest.mark.parametrize("place", PLANTED)
def test_a_planted_count_is_found(write, place):
    folder = write(counts({"sex": SEX, "age": AGE}))
    name, content = PLANTED[place]
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name == "report.html":
        path.write_text(path.read_text(encoding="utf-8").replace("</body>", f"{content}</body>"), encoding="utf-8")
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    found = assault(folder)
    assert not found.passed
    kinds = {k.kind for k in found.failed}
    assert kinds & {"not registered", "small count"}, said(found)
    assert any(n in said(found) for n in ("91 people", "7 people", "9,123 people")), said(found)


def test_people_still_needed_are_known_in_a_pdf_too(write):
    folder = write(counts({"sex": SEX}))
    table = json.loads((folder / "findings.json").read_text())["findings"]
    needed = [row | {"more_events": 7} for row in table]
    (folder / "findings.json").write_text(json.dumps({"findings": needed}))
    (folder / "report.pdf").write_bytes(pdf("7 cases"))
    assert said(assault(folder)) == ""
    for text in ("TP = 7", "6 cases"):
        (folder / "report.pdf").write_bytes(pdf(text))
        assert text in said(assault(folder))


def test_a_file_in_the_zip_only_is_found(write):
    folder = write(counts({"sex": SEX}))
    with zipfile.ZipFile(folder.with_name("release.zip"), "w") as packed:
        for file in folder.rglob("*.*"):
            packed.write(file, f"release/{file.relative_to(folder)}")
        packed.writestr("release/tables/more.csv", "group,n\nMale,91\n")
    found = assault(folder)
    assert "release.zip > tables/more.csv" in said(found)
    assert all("more.csv" in k.where for k in found.failed)


@pytest.mark.parametrize(
    "prose",
    [
        "Of every 1,000 people 91 are found.",
        "Groups of fewer than 10 people are withheld.",
        "3 of 12 groups can be judged, and 91 % of the checks ran.",
        "Table 7 shows it, as Article 10 asks; about 91 more cases are needed.",
        "A miss is as bad as 4 false alarms, at a threshold of 20 %.",
        "There are 960 people, of whom 180 have it: 105 are found, 75 are missed.",
        "Female: 480 people, 60 of 100 found (95 % interval 50–69).",
    ],
)
def test_honest_words_are_no_counts(write, prose):
    found = assault(write(counts({"sex": SEX, "age": AGE}), prose=prose))
    assert said(found) == ""


# withheld groups ------------------------------------------------------------------------------------------------------


def test_t14_nothing_stands_beside_a_withheld_group(write):
    shown = {"A": (90, 30, 15, 45), "B": (80, 30, 20, 30), REST: (60, 20, 10, 22)}
    content = counts({"ward": shown})
    content["attributes"]["ward"] |= {"withheld": ["Clinic C"], "unnamed": True}
    honest = "Largest gap 0.15, over 2 releasable groups. Clinic C: inconclusive (suppressed)."
    assert said(assault(write(content, "one", prose=honest))) == ""
    for i, leak in enumerate(("Worst: Clinic C.", "The gap to Clinic C is 0.46.", "Clinic C: 29 % found.")):
        found = assault(write(content, f"leak{i}", prose=leak))
        assert "tells something of Clinic C" in said(found)
    folder = write(content, "row")
    (folder / "tables" / "comparisons.csv").write_text("attribute,group,metric,difference\nward,Clinic C,gap,0.46\n")
    assert "“0.46” stands beside ward = Clinic C" in said(assault(folder))


def test_t30_a_label_that_one_person_has_is_named_nowhere(write):
    content = counts({"ward": {"A": (90, 30, 15, 45), "B": (80, 30, 20, 30), REST: (60, 20, 10, 22)}})
    content["attributes"]["ward"] |= {"unnamed": True}
    zero = {("score", y, d): 0 for y in (0, 1) for d in (0, 1)}
    truth = {
        ("ward", "Kiribati"): zero | {("score", 0, 0): 1},
        ("ward", "C"): {("score", 0, 0): 59, ("score", 0, 1): 20, ("score", 1, 0): 10, ("score", 1, 1): 22},
    }
    folder = write(content)
    assert assault(folder, truth=truth).passed
    (folder / "tables" / "order.csv").write_text("place,ward\nfirst,A\nlast,Kiribati\n")
    found = assault(folder, truth=truth)
    assert "'Kiribati' is named; few people have it (ward)" in said(found)
    assert "declare another reference" in found.advice
    assert any(line.startswith("to mend:") and "another reference" in line for line in found.lines())


def test_a_picture_without_counts_is_refused(write):
    folder = write(counts({"sex": SEX}))
    (folder / "figures").mkdir()
    (folder / "figures" / "mine.png").write_bytes(png(b"T" + bytes(1) + b"x"))
    assert "picture without counts" in said(assault(folder))
    (folder / "tables" / "mine.csv").write_text("group,n\nMale,480\n")
    assert assault(folder).passed


# statistics turned back -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("score,sensitivity,sex,Female,0.61,,,", "no quotient of the registered counts"),
        ("score,sensitivity,sex,Female,0.6000,,,", "4 decimals; 480 people carry 2"),
        ("score,sensitivity,sex,Female,0.60,0.121,0.646,Wilson", "is that of"),
    ],
)
def test_a_rate_that_says_more_than_the_counts(write, row, why):
    folder = write(counts({"sex": {"Female": (300, 80, 40, 60), "Male": (310, 90, 35, 45)}}))
    head = "model,metric,attribute,group,value,low,high,method\n"
    (folder / "tables" / "more.csv").write_text(f"{head}{row}\n")
    found = assault(folder)
    if "Wilson" in row:  # 0.121 to 0.646 is 3 of 9, which no registered denominator gives
        (folder / "tables" / "more.csv").write_text(f"{head}{row.replace('0.121,0.646', '0.512,0.700')}\n")
        found = assault(folder)
    assert why in said(found)
    assert {k.kind for k in found.failed} == {"inversion"}


def test_t11_two_thresholds_close_to_each_other(write):
    folder = write(counts({"sex": SEX}))
    head = "model,t,net benefit\n"
    (folder / "tables" / "decision_curve.csv").write_text(head + "score,0.2,0.087\n")
    assert assault(folder).passed
    (folder / "tables" / "decision_curve.csv").write_text(head + "score,0.2,0.087\nscore,0.2001,0.086\n")
    assert "The threshold 0.2001 is no registered score step." in said(assault(folder))


def test_t12_an_auc_has_the_digits_that_its_people_carry(write):
    content = counts({"ward": {"A": (12, 0, 0, 10), REST: (300, 80, 40, 60)}})
    folder = write(content)
    head = "model,metric,attribute,group,value\n"
    (folder / "tables" / "auc.csv").write_text(head + "score,auroc,ward,A,0.9\n")
    assert assault(folder).passed
    (folder / "tables" / "auc.csv").write_text(head + "score,auroc,ward,A,0.887446\n")
    assert "0.887446 has 6 decimals; 22 people carry 1." in said(assault(folder))


def test_t13_the_mean_of_a_hidden_group(write):
    content = counts({"ward": SEX})
    content["models"] = {}
    content["counts"] = [
        people(None, "everyone", None, 806),
        people("ward", "A", None, 500),
        people("ward", "B", None, 300),
    ]
    content["attributes"] = {"ward": {"shown": ["A", "B"], "remainder": None, "withheld": [], "unnamed": True}}
    folder = write(content)
    rows = "everyone,overall,0.2293,806\nA,ward,0.2100,500\nB,ward,0.2500,300\n"
    (folder / "tables" / "means.csv").write_text("group,attribute,mean,n\n" + rows)
    found = assault(folder)
    assert "The mean of the 6 others is 0.789 to 0.816" in said(found)
    assert "(not named, one)" in said(found)  # and the six are pinned by subtraction


def test_t15_a_test_statistic_that_is_a_table(write):
    content = counts({"ward": SEX})
    content["models"] = {}
    content["attributes"] = {"ward": {"shown": ["B"], "remainder": None, "withheld": [], "unnamed": True}}
    content["counts"] = [people(None, "everyone", None, 240), people(None, "everyone", 1, 74),
                         people(None, "everyone", 0, 166), people("ward", "B", None, 60)]  # fmt: skip
    folder = write(content)
    assert assault(folder).passed
    for text in ("21.908", "22"):
        (folder / "tables" / "tests.csv").write_text(f"attribute,group,statistic\nward,B,{text}\n")
        assert f"{text} is reproduced by 4" in said(assault(folder))


def test_a_curve_with_a_step_of_few_people(write):
    folder = write(counts({"sex": SEX}))
    head = "model,fpr,sensitivity\n"
    (folder / "tables" / "roc.csv").write_text(head + "score,0,0\nscore,0.218,0.583\nscore,1,1\n")
    assert assault(folder).passed
    (folder / "tables" / "roc.csv").write_text(head + "score,0,0\nscore,0.004,0.033\nscore,0.218,0.583\nscore,1,1\n")
    assert "A step of the curve holds 3" in said(assault(folder))


# tables that give hidden cells back -----------------------------------------------------------------------------------


def flat(groups: Table, *, total: bool = True, **attributes: Any) -> dict[str, Any]:
    """Return counts.json of people and outcomes only: group → (without, with); None is not shown."""
    content = counts({"group": SEX})
    content["models"] = {}
    rows = []
    if total:
        rows = [people(None, "everyone", y, sum(g[y] for g in attributes["all_"].values())) for y in (0, 1)]
    for group, own in groups.items():
        rows += [people("group", group, y, n) for y, n in zip((0, 1, None), own, strict=False) if n is not None]
    shown = list(groups)
    content["attributes"] = {"group": {"shown": shown, "remainder": None, "withheld": [], "unnamed": len(shown) < 3}}
    content["counts"] = rows
    return content


T1 = {"A": (60, 40), "B": (56, 4), "C": (50, 30)}


@pytest.mark.parametrize(
    ("hidden", "passes"),
    [
        ({("B", 1)}, False),
        ({("B", 0), ("B", 1)}, False),
        (set(itertools.product("BC", (0, 1))), True),
    ],
)
def test_t1_one_small_cell(write, hidden, passes):
    shown = {g: [None if (g, y) in hidden else n for y, n in enumerate(own)] + [sum(own)] for g, own in T1.items()}
    found = assault(write(flat(shown, all_=T1)))
    assert found.passed is passes
    if not passes:
        assert "group = B, with the outcome: It is 4." in said(found)


def test_t2_a_complement_of_tiny_cells(write):
    table = {"A": (60, 1), "B": (56, 4), "C": (50, 30)}
    half = {g: [None, None, sum(own)] if g in "AB" else [*own, sum(own)] for g, own in table.items()}
    found = assault(write(flat(half, all_=table), "half"))
    assert "group = A, with the outcome: It lies between 0 and 5, which is below 10." in said(found)
    whole = {g: [None, None, sum(own)] for g, own in table.items()}
    assert assault(write(flat(whole, all_=table), "whole")).passed


def test_t3_two_outputs(write):
    one = flat({"A": [None, None, 100], "B": [None, None, 60]}, total=False)
    two = flat({"A": [60, 40], "B": [56, None]}, total=False)
    for content in (one, two):
        content["attributes"]["group"]["unnamed"] = False
        content["counts"].append(people(None, "everyone", None, 160))
    assert assault(write(one, "one")).passed
    now = write(two, "two")
    found = assault(now, earlier=[now.with_name("one")])
    assert "group = B, with the outcome: It is 4." in said(found)


T4 = np.array([[[29, 46], [30, 40], [45, 38], [39, 2]], [[44, 36], [49, 39], [38, 34], [36, 3]]])


@pytest.mark.parametrize(("hidden", "passes"), [("3", False), ("23", True), ("03", True), ("13", True)])
def test_t4_hidden_everywhere_and_found_through_another_attribute(write, hidden, passes):
    content = counts({"sex": SEX})
    content["models"] = {}
    rows = [people("sex", str(s), y, int(T4[s, :, y].sum())) for s in (0, 1) for y in (0, 1)]
    rows += [people("eth", str(e), y, int(T4[:, e, y].sum())) for e in range(4) if str(e) not in hidden for y in (0, 1)]
    shown = [str(e) for e in range(4) if str(e) not in hidden]
    content["attributes"] = {
        "sex": {"shown": ["0", "1"], "unnamed": False},
        "eth": {"shown": shown, "withheld": list(hidden), "unnamed": False},
    }
    content["counts"] = rows
    found = assault(write(content))
    assert found.passed is passes
    if not passes:
        assert "eth = 3, with the outcome: It is 5." in said(found)


def test_t6_the_complement_of_a_binary_attribute(write):
    content = flat({"women": [None, None, 114]}, total=False)
    content["counts"].append(people(None, "everyone", None, 120))
    content["attributes"]["group"] = {"shown": ["women"], "withheld": [], "unnamed": True}
    found = assault(write(content))
    assert "It lies between 0 and 6, which is below 10." in said(found)


def test_t7_age_bands_that_are_shifted_by_a_year(write):
    def banded(bands: Mapping[str, int]) -> dict[str, Any]:
        content = flat({}, total=False)
        content["attributes"] = {"age": {"shown": list(bands), "withheld": [], "unnamed": False}}
        content["counts"] = [
            people(None, "everyone", None, 500),
            *(people("age", b, None, n) for b, n in bands.items()),
        ]
        return content

    old = write(banded({"0–17": 120, "18+": 380}), "old")
    new = write(banded({"0–18": 124, "19+": 376}), "new")
    assert assault(new).passed
    found = assault(new, earlier=[old])
    assert "age = 18 to <19: It is 4." in said(found)


def test_an_intersection_gives_the_cell_beside_it_back(write):
    cross = {"F · X": (150, 45, 25, 40), "F · Y": (150, 35, 15, 20), "M · X": (155, 45, 15, 25)}
    sex = {"F": (300, 80, 40, 60), "M": (310, 90, 35, 45)}
    ward = {"X": (305, 90, 40, 65), "Y": (305, 80, 35, 40)}
    assert assault(write(counts({"sex": sex, "ward": ward}), "two")).passed
    content = counts({"sex": sex, "ward": ward, "sex × ward": {**cross, "M · Y": (155, 45, 20, 20)}})
    assert assault(write(content, "whole")).passed
    sex["M"], ward["Y"] = (310, 90, 35, 28), (305, 80, 35, 23)
    thin = counts({"sex": sex, "ward": ward, "sex × ward": cross})
    found = assault(write(thin, "thin"))
    assert "sex × ward = M · Y, with the outcome, selected: It is 3." in said(found)


def test_steps_that_do_not_lie_within_each_other(write):
    content = counts({"sex": SEX})
    rows = [r for r in content["counts"] if r["attribute"] is None and r["outcome"] == 0]
    steps = {"everyone": ((0.0, 0.3, 124), (0.3, 1.0, 276)), "F": ((0.0, 0.25, 60), (0.25, 1.0, 140)),
             "M": ((0.0, 0.25, 60), (0.25, 1.0, 140))}  # fmt: skip
    content["counts"] = [
        rows[0] | {"attribute": None if g == "everyone" else "sex", "group": g, "low": a, "high": b, "count": n}
        for g, own in steps.items()
        for a, b, n in own
    ]
    content["attributes"]["sex"] = {"shown": ["F", "M"], "unnamed": False}
    content["models"]["score"] = {}
    assert "everyone, without the outcome, score 0.25 to 0.3: It is 4." in said(assault(write(content)))


def test_several_hidden_groups_that_are_few_together(write):
    ward = {"A": (300, 80, 40, 60), "B": (304, 90, 40, 60)}
    content = counts({"ward": ward})
    for row in content["counts"]:
        row["count"] += (6 if row["outcome"] else 40) * (row["attribute"] is None)
    content["attributes"]["ward"] |= {"withheld": ["C", "D"], "unnamed": False}
    found = assault(write(content))
    assert "ward = all that is not shown, with the outcome, selected: It is 6." in said(found)


def test_a_small_registered_count_is_found(write):
    assert "4 is shown" in said(assault(write(counts({"sex": {"F": (300, 80, 40, 60), "M": (300, 80, 4, 60)}}))))


def test_two_models_that_score_a_few_people_apart(write):
    content = counts({"sex": SEX})
    other = [
        r | {"model": "second", "count": r["count"] - 3 * (r["outcome"] == 1 and r["low"] is None)}
        for r in content["counts"]
    ]
    content["models"]["second"] = {"threshold": 0.2}
    content["counts"] += [r for r in other if r["attribute"] is None]
    assert "They count 3 people apart" in said(assault(write(content)))


def test_truth_shows_a_remainder_of_one_group(write):
    content = counts({"ward": {"A": (90, 30, 15, 45), REST: (60, 20, 10, 22)}})
    content["attributes"]["ward"] |= {"unnamed": True}
    folder = write(content)
    assert assault(folder).passed
    cells = {("score", y, d): n for (y, d), n in zip(((0, 0), (0, 1), (1, 0), (1, 1)), (56, 20, 10, 22), strict=True)}
    few = {("score", y, d): 4 * (y == d == 0) for y in (0, 1) for d in (0, 1)}
    assert assault(folder, truth={("ward", "C"): cells, ("ward", "D"): few}).passed
    alone = {("score", 0, 0): 4, ("score", 0, 1): 0, ("score", 1, 0): 0, ("score", 1, 1): 0}
    assert "ward = D" in said(assault(folder, truth={("ward", "D"): alone}))


# earlier releases -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("change", "passes"), [(1, False), (-3, False), (0, True), (40, True)])
def test_t5_two_versions(write, change, passes):
    old = write(counts({"sex": SEX}), "old")
    women = (SEX["Female"][0] + change, *SEX["Female"][1:])
    new = write(counts({"sex": {"Female": women, "Male": SEX["Male"]}}), "new")
    found = assault(new, earlier=[old])
    assert found.passed is passes, said(found)
    if not passes:
        assert f"It changed by {abs(change)} people since 'old'" in said(found)


def signed(folder: Path, entry: ledger.Entry, name: str) -> Path:
    head = {"name": name, "ledger": {"number": entry.number, "hash": entry.hash}}
    (folder / "release.json").write_text(json.dumps(head))
    return folder


def test_what_the_ledger_holds_is_attacked_too(write, tmp_path):
    def banded(bands: Mapping[str, int]) -> dict[str, Any]:
        content = flat({}, total=False)
        content["attributes"] = {"age": {"shown": list(bands), "withheld": [], "unnamed": False}}
        content["counts"] = [
            people(None, "everyone", None, 500),
            *(people("age", b, None, n) for b, n in bands.items()),
        ]
        return content

    book, then = tmp_path / "ledger.jsonl", dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    old, new = banded({"0–17": 120, "18+": 380}), banded({"0–18": 124, "19+": 376})
    entry = ledger.append(book, "old", *entry_of(old), population="v1", now=then)
    again = from_entry(entry)
    assert again is not None
    assert again.rows == parse(old, "old").rows
    assert "age = 18 to <19: It is 4." in said(assault(write(new), ledger=book))


def test_an_earlier_release_that_is_missing_from_the_ledger_is_refused(write, tmp_path):
    old, new = write(counts({"sex": SEX}), "old"), write(counts({"sex": SEX}), "new")
    book, then = tmp_path / "ledger.jsonl", dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    entry = ledger.append(book, "another", *entry_of(counts({"sex": SEX})), population="v1", now=then)
    signed(old, entry, "old")
    with pytest.raises(PrimumError, match="'old' is missing from the ledger"):
        assault(new, ledger=book, earlier=[old])


def test_a_ledger_whose_clock_ran_backwards_is_refused(write, tmp_path):
    book = tmp_path / "ledger.jsonl"
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
    ledger.append(book, "old", *entry_of(counts({"sex": SEX})), population="v1", now=later)
    with pytest.raises(PrimumError, match="still to come"):
        assault(write(counts({"sex": SEX})), ledger=book)


def test_a_release_that_was_edited_after_it_was_sealed_is_refused(write):
    from primum.release.bundle import seal

    folder = write(counts({"sex": SEX}))
    head = {"format": "primum release 1", "name": "release", "files": seal(folder)}
    (folder / "release.json").write_text(json.dumps(head))
    assert assault(folder).verified.startswith("every file has the size")
    (folder / "report.html").write_text("<p>nothing</p>")
    with pytest.raises(PrimumError, match="not as it was made"):
        assault(folder)


# bad input, time, size ------------------------------------------------------------------------------------------------


def test_bad_input_is_named(write, tmp_path):
    with pytest.raises(PrimumError, match="no folder"):
        assault(tmp_path / "nowhere")
    with pytest.raises(PrimumError, match=r"no counts\.json"):
        assault(tmp_path)
    folder = write(counts({"sex": SEX}))
    with pytest.raises(PrimumError, match="time limit of 0"):
        assault(folder, time_limit=0)
    with pytest.raises(PrimumError, match="the release itself"):
        assault(folder, earlier=[folder])
    (folder / "counts.json").write_text("{")
    with pytest.raises(PrimumError, match="is no JSON"):
        assault(folder)
    (folder / "counts.json").write_text(json.dumps(counts({"sex": SEX}) | {"counts": [{"group": "x", "count": 2.5}]}))
    with pytest.raises(PrimumError, match="whole numbers of people"):
        assault(folder)


def test_no_time_is_a_failure(write):
    found = assault(write(counts({"sex": SEX, "age": AGE})), time_limit=1e-6)
    assert not found.passed
    assert "The time ran out" in said(found)


def brute(table: Mapping[str, Sequence[int]], shown: set[str]) -> dict[str, tuple[int, int]]:
    """Return what each group's first count can be, by trying every table with the same total and the groups shown."""
    total = sum(own[0] for own in table.values())
    names = list(table)
    values = [
        v for v in itertools.product(range(total + 1), repeat=len(names))
        if sum(v) == total and all(v[i] == table[n][0] for i, n in enumerate(names) if n in shown)
    ]  # fmt: skip
    return {n: (min(v[i] for v in values), max(v[i] for v in values)) for i, n in enumerate(names)}


@pytest.mark.parametrize("seed", range(6))
def test_against_trying_every_table(seed):
    rng = np.random.default_rng(seed)
    table = {name: (int(rng.integers(0, 6)),) for name in "abcd"}
    shown = {n for n in "abcd" if rng.random() < 0.5}
    content = flat({}, total=False)
    content["t"], content["w"] = 2, 2
    content["attributes"] = {"group": {"shown": sorted(shown), "withheld": [], "unnamed": False}}
    content["counts"] = [people(None, "everyone", 0, sum(v[0] for v in table.values()))]
    content["counts"] += [people("group", n, 0, table[n][0]) for n in shown]
    ends = brute(table, shown)
    truth = {("group", n): {("m", 0, 0): table[n][0]} for n in set(table) - shown}
    found = pinned([parse(content, "x")], truth=truth, deadline=time.monotonic() + 20)
    asked = {f"group = {name}, without the outcome": name for name in ends}
    assert asked.keys() <= {v.where for v in found.verdicts}
    for v in found.verdicts:
        name = asked.get(v.where)
        if name is not None:
            low, high = ends[name]
            if v.how == "two tables":  # a proof by two tables need not reach the ends
                assert low <= v.low <= v.high <= high
            else:
                assert (v.low, v.high) == (low, high)
            small = name not in shown and table[name][0] == 1
            leaks = (high < 2 or high - low < 2) if small else (high >= 1 and low < 2 and (high < 2 or high - low < 2))
            assert v.passed is not leaks


@pytest.mark.slow
def test_many_groups_and_steps_in_ten_seconds():
    rng = np.random.default_rng(3)
    edges = [round(0.05 * i, 2) for i in range(1, 20)]
    ends = [None, *edges, None]
    cells = [(y, a, b) for y in (0, 1) for a, b in itertools.pairwise(ends)]
    attributes: dict[str, dict[str, Any]] = {}
    rows: list[dict[str, Any]] = []
    joint = rng.integers(60, 200, (2, 6, 4, len(cells)))
    for title, axes, names in (("sex", (1, 2), "FM"), ("origin", (0, 2), "abcdef"), ("age", (0, 1), "wxyz")):
        margin = joint.sum(axis=axes)
        attributes[title] = {"shown": list(names), "unnamed": False}
        rows += [
            _row(title, g, c, int(n))
            for g, own in zip(names, margin, strict=True)
            for c, n in zip(cells, own, strict=True)
        ]
    rows += [_row(None, "everyone", c, int(n)) for c, n in zip(cells, joint.sum(axis=(0, 1, 2)), strict=True)]
    rows = [r | {"model": m} for m in ("one", "two", "three") for r in rows]
    content = counts({"sex": SEX}) | {"attributes": attributes, "counts": rows}
    content["models"] = {m: {"threshold": 0.2} for m in ("one", "two", "three")}
    begun = time.monotonic()
    found = pinned([parse(content, "x")], deadline=begun + 20)
    assert time.monotonic() - begun < 10
    assert all(v.passed for v in found.verdicts)
