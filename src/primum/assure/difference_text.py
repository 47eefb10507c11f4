"""The changes between two audits in sentences, and as a page of Markdown; the states of claims come first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from primum.assure.difference import ABSENT, Changes

Row = dict[str, Any]
NOTHING = "Nothing changed."
RULE = (
    "Two numbers are called different only where their intervals do not touch. This is cautious, and takes the people "
    "of the two audits as different people."
)


def lines(changes: Changes) -> list[str]:
    """Return the changes as sentences, the states of claims first; one sentence says so where nothing changed."""
    if not changes:
        return [NOTHING]
    out = [*changes.notes, worse(changes)]
    out += [f"Claim {r['claim']}: {r['before']}, now {r['now']}{_behind(r)}." for r in changes.claims]
    rows, gone = findings(changes)
    out += [f"{where(r)}: {r['before']}, now {r['now']}{_moved(r)}." for r in rows]
    out += gone
    out += [person(r) for r in changes.people]
    out += [f"Plan, {name}: {before}, now {now}." for name, before, now in plan(changes)]
    out += [f"{r['software']} {r['before']}, now {r['now']}." for r in changes.versions]
    return out


def markdown(changes: Changes) -> str:
    """Return the changes as a page of Markdown."""
    page = ["# What changed between two audits", ""]
    page += table(
        ["", "First", "Second"],
        [
            ("Plan", changes.old["plan"][:12], changes.new["plan"][:12]),
            ("Frozen", changes.old["created"], changes.new["created"]),
            ("People", number(changes.old["people"]), number(changes.new["people"])),
            ("Cases", number(changes.old["events"]), number(changes.new["events"])),
        ],
    )
    if not changes:
        return "\n".join([*page, NOTHING, ""])
    page += [*(f"- {n}" for n in (*changes.notes, worse(changes))), ""]
    rows, gone = findings(changes)
    counted = [
        (f"{r['group']} ({r['attribute']})", kind(r), *map(number, (r["before"], r["now"]))) for r in changes.people
    ]
    parts = (
        ("Claims", ["Claim", "Before", "Now", "Measured before", "Measured now"],
         [(r["says"], r["before"], r["now"], value(r, "before"), value(r, "now")) for r in changes.claims]),
        ("Findings", ["Finding", "Before", "Now", "Measured before", "Measured now"],
         [(where(r), r["before"], r["now"], value(r, "before"), value(r, "now") + apart(r)) for r in rows]),
        ("People", ["Group", "Counted", "Before", "Now"], counted),
        ("Plan", ["Field", "Before", "Now"], plan(changes)),
        ("Versions", ["Software", "Before", "Now"], [(r["software"], r["before"], r["now"]) for r in changes.versions]),
    )  # fmt: skip
    for title, heads, told in parts:
        if told:
            page += [f"## {title}", "", *table(heads, told)]
        if title == "Findings" and gone:
            page += [*([] if told else [f"## {title}", ""]), *(f"- {g}" for g in gone), ""]
    return "\n".join([*page, RULE, ""])


def findings(changes: Changes) -> tuple[list[Row], list[str]]:
    """Return the changed findings that no changed claim tells already, and those that came or went by check."""
    told = {r["claim"] for r in changes.claims}
    rows = [r for r in changes.findings if r["claim"] not in told]
    stay = [r for r in rows if ABSENT not in (r["before"], r["now"])]
    said = []
    for word, key in (("no more there", "now"), ("new", "before")):
        mine = [r for r in rows if r[key] == ABSENT]
        for check in dict.fromkeys(r["check"] for r in mine):
            of = [r for r in mine if r["check"] == check]
            harm = sum("harm shown" in (r["before"], r["now"]) for r in of)
            which = "finding is" if len(of) == 1 else "findings are"
            said.append(f"{check}: {len(of)} {which} {word}{f', {harm} with harm shown' if harm else ''}.")
    return stay, said


def worse(changes: Changes) -> str:
    """Return how many claims stand worse, and where harm is shown that was not shown, in one sentence."""
    claims = sum(r["worse"] for r in changes.claims)
    harm = sum(r["worse"] for r in changes.findings)
    if not claims + harm:
        return "No claim stands worse than before, and no harm is shown that was not shown before."
    return (
        f"{claims:,} claim{'s stand' if claims != 1 else ' stands'} worse than before; harm is shown in {harm:,} "
        f"finding{'s' if harm != 1 else ''} where it was not shown before."
    )


def plan(changes: Changes) -> list[tuple[str, str, str]]:
    """Return what changed in the plan; a part that is wholly new, or gone, is one line."""
    out: list[tuple[str, str, str]] = []
    part = {r["field"]: ".".join(r["field"].split(".")[:2]) for r in changes.plan}
    whole = {}
    for name in dict.fromkeys(part.values()):
        mine = [r for r in changes.plan if part[r["field"]] == name]
        for side, other in (("before", "now"), ("now", "before")):
            if len(mine) > 1 and all(r[side] == ABSENT and r[other] != ABSENT for r in mine):
                said = ", ".join(f"{r['field'].removeprefix(name + '.')} {r[other]}" for r in mine)
                whole[name] = (name, ABSENT, said) if side == "before" else (name, said, ABSENT)
    for r in changes.plan:
        told = whole.get(part[r["field"]], (r["field"], *(_set(r[k]) for k in ("before", "now"))))
        if told not in out:
            out.append(told)
    return out


def _set(value: Any) -> str:
    return "there, without a number" if value == {} else str(value)


def where(r: Row) -> str:
    """Return what a finding is about."""
    return ", ".join(str(r[k]) for k in ("check", "metric", "model", "attribute", "group") if r[k])


def value(r: Row, when: str) -> str:
    """Return a number with its interval, or a dash."""
    v, low, high = (r[f"{k}_{when}"] for k in ("value", "low", "high"))
    if v is None:
        return "–"
    return _three(v) if low is None or high is None else f"{_three(v)} [{_three(low)} to {_three(high)}]"


def apart(r: Row) -> str:
    """Say whether the intervals before and now do not touch."""
    return "; the intervals do not touch" if r.get("intervals_apart") else ""


def person(r: Row) -> str:
    """Return a change in numbers of people as a sentence."""
    return f"{number(r['before'])} → {number(r['now'])} {kind(r)} ({r['attribute']}, {r['group']})."


def kind(r: Row) -> str:
    """Return who was counted."""
    return "people" if r["what"] == "n" else "cases"


def number(n: int | None) -> str:
    """Return a count with thousands apart."""
    return ABSENT if n is None else f"{n:,}"


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return the lines of a Markdown table."""
    out = [_line(heads), "|" + " --- |" * len(heads)]
    return [*out, *map(_line, rows), ""]


def _line(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |"


def _three(x: float) -> str:
    return f"{round(x, 3) + 0.0:.3f}".replace("-", "−")  # no minus before a zero


def _moved(r: Row) -> str:
    if not r["intervals_apart"]:
        return ""
    return f" ({_three(r['value_before'])}, now {_three(r['value_now'])}: the intervals do not touch)"


def _behind(r: Row) -> str:
    if r["value_before"] is None and r["value_now"] is None:
        return ""
    return f" ({value(r, 'before')}, now {value(r, 'now')})"
