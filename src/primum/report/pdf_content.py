"""What stands in the PDF, as JSON-ready blocks: paragraphs, lists, pairs, tables that fit the page, figures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from primum.report import words
from primum.report.figures import Figure
from primum.report.figures.pixels import SCALE, size
from primum.report.figures.style import text_width
from primum.report.grid import Grid, Line
from primum.report.numbers import general
from primum.report.page_one import PageOne, page_one
from primum.report.say import say, spoken
from primum.report.section import Bullets, Heading, Pairs, Pictures, Section, Table, Text
from primum.report.sections import GROUPS, sections
from primum.report.source import Audited, chapter, models, primary
from primum.report.stamp import stamp
from primum.report.views import further, groups, joint, people, searched
from primum.report.views import run as again

PAGE, TALLEST = 488.0, 640.0  # points: width between the margins, height of the tallest figure
PIXEL = PAGE / 760  # points a pixel of a full-width figure
CELL, PAD, WIDEST = 7.5, 9.0, 150.0  # points: text in tables, space beside it, widest column before text wraps
SCALES = (1.0, 0.94, 0.88)  # of a table, tried until all its columns fit
MOST, SHORT, MOST_POLICIES, MOST_REPAIRS = 6, 12, 2, 4
BAR = "bar-of-a-thousand.png"
Block = dict[str, Any]


def report(
    run: Audited, figures: list[Figure], pictures: Mapping[str, str | bytes], *, export: bool = False
) -> dict[str, Any]:
    """Return the whole content; texts are plain and are never read as markup.

    A picture is its SVG; where it is a PNG, its place is the name of a file of its own, NAME.png.
    """
    first = next((f for f in figures if f.page_one), None)
    shown = {
        c: [_figure(f, pictures[f.name]) for f in figures if f.chapter == c and not f.page_one]
        for c in _chapters(figures)
    }
    told = sections(run)
    page = page_one(run, export=export)
    plan, date = str(run.plan.hash)[:12], str(run.manifest.get("created") or run.plan.created)[:10]
    kept, version = stamp(run, export=export, brief=True), str(run.manifest.get("primum", ""))
    fixed = {
        "usecase": [_pairs(again.question(run))],
        "people": _people(run, shown.get("people", []), export=export),
        "models": _models(run, shown.get("models", [])),
        "performance": _performance(run, shown.get("performance", [])),
        "groups": _groups(run, shown.get("groups", [])),
    }
    last = {"limits": _limits(run, export=export), "again": _again(run, export=export)}
    chapters = [
        *((_chapter(name), blocks) for name, blocks in fixed.items()),
        *((s.title, _section(s, shown)) for s in told),
        *((_chapter(name), blocks) for name, blocks in last.items()),
    ]
    return {
        "language": spoken().code,
        "title": say("page.title", title=run.usecase.title),
        "name": run.usecase.title,
        "plan": say("pdf.plan", plan=plan),
        "foot": say("pdf.foot", version=version, plan=plan, date=date, kept=kept),
        "page": say("pdf.page", n="{n}", last="{last}"),
        "pairs": [say("pdf.pairs.what"), say("pdf.pairs.told")],
        "kept": page.stamp,
        "inside": not export,
        "first": _first(run, page, first, pictures, export=export),
        "chapters": [{"title": f"{i}. {title}", "blocks": blocks} for i, (title, blocks) in enumerate(chapters, 1)],
    }


def _chapter(name: str) -> str:
    return spoken()(f"report.chapter.{name}")


def _chapters(figures: list[Figure]) -> set[str]:
    return {f.chapter for f in figures}


def _first(
    run: Audited, page: PageOne, figure: Figure | None, pictures: Mapping[str, str | bytes], *, export: bool
) -> dict[str, Any]:
    """Return page one: parts of a heading and blocks, and the forest between them."""
    own = spoken()
    question = [_text(run.usecase.question), _text(f"{page.decision} {page.exchange}".strip())]
    overall = [
        _text(page.overall, "lead"),
        *_bar(page, export=export),
        _text(words.intervals(run.usecase.level), "note"),
    ]
    said, few = (_most(part) for part in (page.harmed, [*page.not_assessable, *page.withheld]))
    repaired = _most(page.repairs, MOST_REPAIRS, "pdf.more_repairs")
    left = say(f"pdf.not_looked.{'release' if export else 'audit'}", what="; ".join(page.not_looked_at))
    mended = [_list(repaired) if repaired else _text(page.no_repair)]
    stands = [*([_list(page.stands)] if page.stands else []), _text(page.not_tried)]
    before = [
        (own("report.page_one.care"), [_list(page.care)] if page.care else []),
        (own("report.page_one.question"), question),
        (own("report.page_one.overall"), overall),
    ]
    after = [
        (say("pdf.harm"), [_list(said)] if said else []),
        (say("pdf.others"), [_text(" ".join(page.other_models[:MOST]))] if page.other_models else []),
        (own("report.page_one.not_assessable"), [_list(few) if few else _text(say("page.found.all_judged"))]),
        (own("report.page_one.record"), [_text(" ".join(page.record))]),
        (own("report.page_one.repairs"), mended if repaired or not export else []),  # what is not in a release is
        (own("report.page_one.stands"), stands if page.stands or not export else []),  # listed once, at the end
        (own("report.page_one.before"), [_list(page.decide), _text(left, "note")]),
    ]
    legend = "; ".join(say("pdf.legend", shape=e["shape"], verdict=e["text"], means=e["means"]) for e in page.legend)
    return {
        "question": own("report.page_one.title"),
        "stamp": _stamp(run, page),
        "before": [{"head": h, "blocks": b} for h, b in before if b],
        "figure": _figure(figure, pictures[figure.name]) if figure else None,
        "declared": say("pdf.declared", margin=page.margin) if page.margin else "",
        "legend": f"{legend}." if legend else "",
        "after": [{"head": h, "blocks": b} for h, b in after if b],
    }


def _stamp(run: Audited, page: PageOne) -> str:
    """Return use case, model, day and plan in one line."""
    about = next((str(m.get("description") or "") for m in models(run) if m["name"] == page.model), "")
    told = about and about != page.model
    model = say("pdf.model_about", model=page.model, about=about) if told else say("pdf.model", model=page.model)
    date = str(run.manifest.get("created") or run.plan.created)[:10]
    return say("pdf.stamp", name=run.usecase.title, model=model, date=date, plan=str(run.plan.hash)[:12])


def _most(lines: list[str], most: int = MOST, more: str = "pdf.more") -> list[str]:
    left = len(lines) - most
    return [*lines[:most], say(more, n=left, chapter=GROUPS)] if left > 0 else lines


def _bar(page: PageOne, *, export: bool) -> list[Block]:
    parts = [{"kind": kind, "size": people, "text": said} for kind, people, said in page.bar_key]
    return [{"is": "bar", "parts": parts, "file": BAR if export else ""}] if any(p["size"] for p in parts) else []


def _people(run: Audited, figures: list[Block], *, export: bool) -> list[Block]:
    people_chapter = chapter(run, "people")
    shares, leaks = people.representativeness(run), people.leakage(run)
    out = [_text(str(people_chapter.get("source", ""))), *(_text(n, "note") for n in people_chapter.get("notes", []))]
    out += [_text(w, "note") for part in ("flow", "missingness") if (w := people.not_told(run, part))]
    nothing = [_text(words.absent())]
    out += [*figures, _head(say("page.people.who"))]
    out += [_text(w, "note") for part in ("table_one",) if (w := people.not_told(run, part))]
    whole = people.table_one_together(run)
    out += nothing if export and not whole else []
    out += [*_tables(whole, SCALES[-1]), *([_text(say("pdf.smd", n=general(people.FAR)), "note")] if whole else [])]
    out += _tables(people.unrecorded(run)) + _tables(people.missing_codes(run))
    out += [_head(say("page.people.shares"))]
    out += _tables(shares) or (nothing if export else [_text(say("pdf.no_shares"))])
    out += [_head(say("page.people.leaks"))]
    told = people.not_told(run, "leakage")
    out += _tables(leaks) or ([_text(told)] if told else nothing if export else [_text(say("page.people.no_leaks"))])
    record = people.record(run)
    return out + ([_head(say("page.people.record")), *_tables(record)] if record else [])


def _models(run: Audited, figures: list[Block]) -> list[Block]:
    lead = say("page.models.lead", model=primary(run))
    return [_text(lead), *_tables(again.model_table(run)), *_tables(again.not_scored(run)), *figures]


def _performance(run: Audited, figures: list[Block]) -> list[Block]:
    names = [m["name"] for m in models(run)]
    return [*_tables(groups.performance(run, names)), *figures, *_tables(groups.between(run))]


def _groups(run: Audited, figures: list[Block]) -> list[Block]:
    model = primary(run)
    out = [_head(say("page.groups.verdicts"))]
    for metric in run.usecase.margins:
        out += _tables(groups.comparisons(run, model, metric))
    out += _joint(run, model)
    out += [_head(say("pdf.pictures")), *figures, _head(say("page.groups.thousand"))]
    out += _tables(groups.consequences(run, model))
    out += _further(run, model)
    out.append(_head(say("page.groups.estimates")))
    for part in groups.PARTS:
        out += _tables(groups.by_group(run, model, part, most=7))
    for search in searched.searches(run):
        out += [_head(say("page.groups.searched")), _text(searched.said(search))]
        out += [*_tables(searched.confirmed(search)), *_tables(searched.outcome(search))]
    return [*out, _text(say("pdf.elsewhere"), "note")]


def _joint(run: Audited, model: str) -> list[Block]:
    """Return what holds for all groups at once, and estimates that borrow strength, of the first declared metric."""
    out: list[Block] = []
    said, same, lent = joint.metrics(run, model), joint.alike(run, model), joint.metrics(run, model, "shrunk")
    if said or same:
        out += [_head(say("page.groups.at_once")), _text(say("joint.at_once.lead"))]
        out += [t for metric in said[:1] for t in _tables(joint.at_once(run, model, metric))]
        out += [_text(say("joint.alike.lead")), *_tables(same)] if same else []
    if lent:
        out += [_head(say("page.groups.small")), _text(say("joint.borrowed.lead"))]
        told = joint.interactions(run, model)
        out += [*([_list(told)] if told else []), *_tables(joint.borrowed(run, model, lent[0]))]
    return out


def _further(run: Audited, model: str) -> list[Block]:
    """Return threshold policies, exposure and the parts of gaps, for the attributes that are no intersections."""
    out: list[Block] = []
    choices, top = further.policies(run, model), further.exposure(run, model)
    taken = further.gap_metrics(run, model)
    if choices:
        out += [_head(say("page.groups.policies")), _text(further.policy_note(run))]
        out += [t for g in choices[:MOST_POLICIES] for t in _tables(g)]
    if top:
        out += [_head(say("page.groups.exposure_top")), _text(say("further.exposure.lead")), *_tables(top)]
    if taken:
        out += [_head(say("page.groups.gap")), _text(say("further.gap.lead"))]
        out += _tables(further.gap_parts(run, model, taken[0]))
    return out


def _section(section: Section, shown: Mapping[str, list[Block]]) -> list[Block]:
    """Return a section of the report as blocks of the PDF."""
    out: list[Block] = []
    for b in section.blocks:
        match b:
            case Heading():
                out.append(_head(b.text))
            case Text():
                out.append(_text(b.text, "note" if b.note else "plain"))
            case Bullets():
                out += [_list(list(b.lines))] if b.lines else []
            case Pairs():
                out.append(_pairs(list(b.pairs)))
            case Pictures():
                out += shown.get(b.chapter, [])
            case Table():
                out += [] if b.short else _tables(b.grid)
    return out


def _limits(run: Audited, *, export: bool) -> list[Block]:
    used = {r["metric"] for r in chapter(run, "performance").get("estimates", [])}
    return [
        _list(again.limits(run, export=export)),
        _text(words.intervals(run.usecase.level)),
        *_tables(again.glossary(used)),
    ]


def _again(run: Audited, *, export: bool) -> list[Block]:
    changed = _tables(again.deviations(run))
    folder = say("page.again.folder", audit="'primum audit'", report="'primum report'")
    return [
        _text(folder),
        *(changed or [_text(say("page.again.unchanged"))]),
        _pairs(again.environment(run, export=export)),
    ]


def _text(text: str, style: str = "plain") -> Block:
    return {"is": "text", "text": text, "style": style}


def _head(text: str) -> Block:
    return {"is": "head", "text": text}


def _list(items: list[str]) -> Block:
    return {"is": "list", "items": items}


def _pairs(pairs: list[tuple[str, str]]) -> Block:
    return {"is": "pairs", "pairs": [list(p) for p in pairs if p[1]]}


def _figure(figure: Figure, picture: str | bytes) -> Block:
    """Return a figure, its width such that text stays as large as elsewhere and the whole fits the page."""
    wide, tall = _size(picture)
    width = min(PAGE, wide * PIXEL, TALLEST * wide / tall)
    return {
        "is": "figure", "title": figure.title, "alt": figure.alt, "note": figure.note,
        "svg": picture if isinstance(picture, str) else "",
        "file": "" if isinstance(picture, str) else f"{figure.name}.png",
        "width": round(width, 1), "height": round(width * tall / wide, 1),
    }  # fmt: skip


def _size(picture: str | bytes) -> tuple[float, float]:
    """Return width and height in pixels of the page."""
    if isinstance(picture, bytes):
        wide, tall = size(picture)
        return wide / SCALE, tall / SCALE
    told = re.search(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)"', picture)
    return (float(told[1]), float(told[2])) if told else (760.0, 400.0)


def _tables(grid: Grid, largest: float = 1.0) -> list[Block]:
    """Return a table as one block, or as several side parts where its columns do not fit the width of the page."""
    if not grid:
        return []
    natural, wanted = zip(*(_widths(grid, i) for i in range(len(grid.columns))), strict=True)
    scale = min(largest, next((s for s in SCALES if s * sum(natural) <= PAGE), 1.0))
    least, most = (tuple(scale * w for w in widths) for widths in (natural, wanted))
    parts: list[list[int]] = [[]]
    room = PAGE - least[0]
    for i in range(1, len(grid.columns)):
        if parts[-1] and least[i] > room:
            parts.append([])
            room = PAGE - least[0]
        parts[-1].append(i)
        room -= least[i]
    size = round(CELL * scale, 2)
    return [_part(grid, [0, *part], least, most, first=p == 0) | {"size": size} for p, part in enumerate(parts)]


def _part(grid: Grid, columns: list[int], least: tuple[float, ...], most: tuple[float, ...], *, first: bool) -> Block:
    """Return some columns as one table: each has what it needs, and a share of what is left by what it wants."""
    wanted = sum(most[i] - least[i] for i in columns)
    spare = max(0.0, PAGE - sum(least[i] for i in columns))
    given = min(1.0, spare / wanted) if wanted else 1.0
    air = min(24.0, max(0.0, spare - wanted) / len(columns))
    lines: list[Block] = []
    notes: dict[str, str] = {}
    for line in grid.lines:
        told = [] if line.section else [_noted(_cell(line, i), notes) for i in columns[1:]]
        lines.append({"head": line.head, "section": line.section, "cells": told})
    return {
        "is": "table", "caption": grid.caption if first else say("pdf.further", caption=grid.caption),
        "columns": [grid.columns[i] for i in columns],
        "widths": [round(least[i] + given * (most[i] - least[i]) + air, 1) for i in columns],
        "right": [_numbers(grid, i) for i in columns],
        "lines": lines,
        "notes": [f"{mark}: {text}" for text, mark in notes.items()],
    }  # fmt: skip


def _noted(cell: dict[str, str], notes: dict[str, str]) -> dict[str, str]:
    """Return a cell whose long remark stands once below the table, and a letter in its place."""
    if _beside(cell["note"]):
        return {**cell, "mark": ""}
    mark = notes.setdefault(cell["note"], _letter(len(notes)))
    return {**cell, "note": "", "mark": mark}


def _beside(note: str) -> bool:
    """Whether a remark stays in its cell: short ones and intervals do."""
    return len(note) <= SHORT or note.startswith("[")


def _letter(i: int) -> str:
    """Return a, b, … z, aa, ab, …"""
    return (_letter(i // 26 - 1) if i >= 26 else "") + chr(ord("a") + i % 26)


def _cell(line: Line, i: int) -> dict[str, str]:
    cell = line.cells[i - 1] if i - 1 < len(line.cells) else None
    return {"text": cell.text, "note": cell.note, "kind": cell.kind.split()[-1] if cell.kind else ""} if cell else {
        "text": "", "note": "", "kind": "",
    }  # fmt: skip


def _widths(grid: Grid, i: int) -> tuple[float, float]:
    """Return the least width of a column, in which no number breaks, and the width in which nothing wraps."""
    lines = [ln for ln in grid.lines if not ln.section]
    texts = [grid.columns[i], *(ln.head if i == 0 else _cell(ln, i)["text"] for ln in lines)]
    notes = [] if i == 0 else [n for ln in lines if _beside(n := _cell(ln, i)["note"])]
    words_ = [w for t in [*texts, *notes] for w in re.split(r"[ \n]", t)]
    longest = max(text_width(t, CELL) for t in texts) + (4.0 if i else 0.0)
    least = max((text_width(w, CELL) for w in words_), default=0.0)
    wraps = min(longest, 60.0 if i else 90.0)
    return max(min(least, WIDEST), wraps) + PAD, max(min(longest, 2 * WIDEST), min(least, WIDEST), wraps) + PAD


def _numbers(grid: Grid, i: int) -> bool:
    """Whether a column holds plain counts, which are set flush right."""
    if i == 0:
        return False
    texts = [_cell(ln, i)["text"] for ln in grid.lines if not ln.section]
    return bool(texts) and all(re.fullmatch(r"[−–\d.,\s%\u00a0]*", t) for t in texts)
