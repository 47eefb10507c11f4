"""Privacy: inside, what makes this report dangerous to take out; in a release, how people were protected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from primum.report import words
from primum.report.grid import Grid, Line, cells
from primum.report.numbers import NONE, count, percent
from primum.report.say import say, spoken, told
from primum.report.section import Block, Bullets, Heading, Pairs, Section, Table, Text
from primum.report.source import Audited, Row, primary, threshold

SMALL = (5, 10)
"""Numbers of people below which rooms commonly withhold a count."""
SHOWN = 8
UNITS = ("person", "family", "site")


def section(run: Audited) -> Section:
    """Return the chapter, of a report from inside the room or of a release."""
    release = run.manifest.get("release")
    return Section("privacy", say("privacy.title"), _released(release) if release else _inside(run))


def _inside(run: Audited) -> list[Block]:
    out: list[Block] = [Text(say("privacy.inside"))]
    found = small(run)
    if found:
        few, more = (count(sum(0 < r["n"] < t for r in found)) for t in SMALL)
        text = say(
            "privacy.smallest.text", n=count(len(found)), model=primary(run), few=few, most_few=SMALL[0] - 1,
            more=more, most_more=SMALL[1] - 1, empty=count(sum(r["n"] == 0 for r in found)),
        )  # fmt: skip
        out += [Heading(say("privacy.smallest.title")), Text(text), Table(smallest(found))]
    return [*out, Text(_units(run)), Text(say("privacy.not_here"), note=True)]


def _units(run: Audited) -> str:
    """Return what is counted, and for which kinds of belonging together no column was named."""
    named = [key for key in UNITS if getattr(run.usecase.identifiers, key) is not None]
    counted = [say(f"privacy.unit.{key}") for key in named]
    if "person" not in named:
        counted.insert(0, say("privacy.unit.row"))
    out = [say("privacy.counted", units=reduce(lambda a, b: spoken()("common.and", first=a, last=b), counted))]
    lacking = [say(f"privacy.unit.{key}") for key in UNITS[1:] if key not in named]
    if len(lacking) == 1:
        out.append(say("privacy.lacking.one", unit=lacking[0]))
    elif lacking:
        out.append(say("privacy.lacking.both", first=lacking[0], second=lacking[1]))
    return " ".join(out)


def small(run: Audited) -> list[dict[str, Any]]:
    """Return people by group, outcome and decision of the primary model; empty without tallies or threshold."""
    model = primary(run)
    at, tallies = threshold(run, model), getattr(run, "tallies", None) or {}
    if at is None or model not in tallies:
        return []
    rows = []
    for group in run.usecase.groups:
        view = tallies[model].by([group.title] if group.intersection is None else list(group.intersection))
        counted = view.at(at, "n")
        parts = {say(f"privacy.cell.{k}"): getattr(counted, k) for k in ("tp", "fn", "fp", "tn")}
        rows += [
            {"attribute": group.title, "group": " · ".join(g), "what": what, "n": int(n[i])}
            for i, g in enumerate(view.groups)
            for what, n in parts.items()
        ]
    return rows


def smallest(rows: Sequence[Row]) -> Grid:
    """Return the smallest counts that are above 0, in the order declared."""
    some = sorted((r["n"], i) for i, r in enumerate(rows) if r["n"] > 0)[:SHOWN]
    lines = [
        Line(words.full_name(rows[i]["attribute"], rows[i]["group"]), cells(rows[i]["what"], count(n)))
        for n, i in sorted(some, key=lambda x: x[1])
    ]
    return Grid(
        say("privacy.smallest.caption"), [say(f"privacy.head.{k}") for k in ("group", "counted", "people")], lines
    )


def _released(release: Mapping[str, Any]) -> list[Block]:
    out: list[Block] = [Text(say("privacy.released")), Heading(say("privacy.rules.title")), Pairs(rules(release))]
    kept = withheld(release)
    if kept:
        out += [Heading(say("privacy.withheld.title")), Table(kept), Text(say("privacy.withheld.log"), note=True)]
    else:
        out.append(Text(say("privacy.withheld.none") if "withheld" in release else say("privacy.withheld.untold")))
    for key in ("exceptions", "signatures", "review"):
        said = [_entry(x) for x in release.get(key) or []]
        none = say(f"privacy.{key}.none") if key in release else say("privacy.not_told")
        out += [Heading(say(f"privacy.{key}.title")), Bullets(said) if said else Text(none)]
    return out


def rules(release: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return by which rules people were protected and how this was tried."""
    title = str(release.get("title") or "")
    named = str(release.get("preset") or say("privacy.untold"))
    day = str(release.get("date") or "")[:10] or say("privacy.untold")
    pairs = [
        (say("privacy.rules.of"), f"{title} ({named})" if title else named),
        (say("privacy.rules.policy"), _joined(release.get("words"))),
        (say("privacy.rules.rounding"), _joined(release.get("rounding"))),
        (say("privacy.rules.day"), day),
        (say("privacy.rules.attack"), attacked(release.get("attack") or {})),
    ]
    judged = release.get("assessable") or {}
    if judged.get("inside") and judged.get("release"):
        (k, n), (left, of) = judged["inside"], judged["release"]
        numbers = {"left": count(left), "of": count(of), "inside": count(k), "n": count(n)}
        said = say("privacy.assessable.share", share=percent(left / of), **numbers) if of else ""
        pairs.append((say("privacy.rules.assessable"), said or say("privacy.assessable.none", **numbers)))
    return pairs


def attacked(attack: Mapping[str, Any]) -> str:
    """Return in one sentence how the release was attacked."""
    if attack.get("counts") is None:
        return say("privacy.always")
    timed = "attacked_in" if attack.get("seconds") else "attacked"
    values = {"counts": count(attack["counts"]), "seconds": f"{attack.get('seconds') or 0:.0f}"}
    earlier = attack.get("releases")
    if not earlier:
        return say(f"privacy.{timed}.alone", **values)
    return told(f"privacy.{timed}.earlier", earlier, releases=count(earlier), **values)


def withheld(release: Mapping[str, Any]) -> Grid:
    """Return what was withheld, by kind of reason."""
    lines = [Line(str(k), cells(_joined(v))) for k, v in (release.get("withheld") or {}).items()]
    heads = [say("privacy.withheld.reason"), say("privacy.withheld.much")]
    return Grid(say("privacy.withheld.caption"), heads, lines)


def _entry(entry: Any) -> str:
    """Return an exception, or something to review, in one sentence."""
    if not isinstance(entry, Mapping):
        return str(entry)
    signed = ", ".join(str(entry[k]) for k in ("person", "date") if entry.get(k))
    lead = ": ".join(str(entry[k]) for k in ("rule", "what", "phenotype", "reason") if entry.get(k))
    return f"{lead} ({signed})" if signed else lead or NONE


def _joined(value: Any) -> str:
    if isinstance(value, str) or value is None:
        return value or say("privacy.untold")
    if isinstance(value, Sequence):
        return " ".join(str(v) for v in value) or say("privacy.untold")
    return str(value)
