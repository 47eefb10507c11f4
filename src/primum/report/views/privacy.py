"""Privacy: inside, what makes this report dangerous to take out; in a release, how people were protected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from primum.report import words
from primum.report.grid import Grid, Line, cells
from primum.report.numbers import NONE, count, percent
from primum.report.section import Block, Bullets, Heading, Pairs, Section, Table, Text
from primum.report.source import Audited, Row, primary, threshold

TITLE = "Privacy and disclosure"
INSIDE = (
    "Inside: this report must not leave the room that holds the data. Its numbers are shown as they were counted. "
    "Small ones can be traced to people, and an interval or a difference of two tables can give back a count that is "
    "printed nowhere. What may leave is made with primum release, which measures everything again from protected "
    "counts."
)
NOT_HERE = (
    "What a release would withhold is not computed here: it depends on the rules of the room, and on what left it "
    "before."
)
SMALL = (5, 10)
"""Numbers of people below which rooms commonly withhold a count."""
SHOWN = 8
UNITS = {"person": "people", "family": "families or households", "site": "sites or institutions"}
RELEASED = (
    "This report was measured from protected counts, and so is every number, interval and figure in it. Where a group "
    "is withheld, verdicts about it read inconclusive or suppressed; they are no sign that all is well."
)
LOG = (
    "How many counts are withheld is told by kind of reason and not by place. The log of places and true counts stays "
    "in the room."
)
ALWAYS = (
    "A release is written only where an attack on all that a reader sees finds no count that "
    "is withheld. What was tried stands in the control form."
)
UNTOLD = "not told"


def section(run: Audited) -> Section:
    """Return the chapter, of a report from inside the room or of a release."""
    release = run.manifest.get("release")
    return Section("privacy", TITLE, _released(release) if release else _inside(run))


def _inside(run: Audited) -> list[Block]:
    out: list[Block] = [Text(INSIDE)]
    found = small(run)
    if found:
        below = "; ".join(f"{count(sum(0 < r['n'] < t for r in found))} hold 1 to {t - 1} people" for t in SMALL)
        out += [
            Heading("The smallest counts"),
            Text(
                f"Of {count(len(found))} counts by group, outcome and decision of {primary(run)}, {below}, and "
                f"{count(sum(r['n'] == 0 for r in found))} are empty."
            ),
            Table(smallest(found)),
        ]
    ids = run.usecase.identifiers
    known = [said for key, said in UNITS.items() if getattr(ids, key) is not None]
    lacking = [said for key, said in UNITS.items() if getattr(ids, key) is None and key != "person"]
    if ids.person is None:
        known.insert(0, "rows, taken for people")
    units = f"Counted are {' and '.join(known)}."
    if lacking:
        units += f" No column was named for {', nor for '.join(lacking)}; a release cannot count how many are behind."
    return [*out, Text(units), Text(NOT_HERE, note=True)]


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
        parts = {
            "with it, selected": counted.tp, "with it, left alone": counted.fn, "without it, selected": counted.fp,
            "without it, left alone": counted.tn,
        }  # fmt: skip
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
    return Grid("The smallest counts of people in this report", ["Group", "Counted", "People"], lines)


def _released(release: Mapping[str, Any]) -> list[Block]:
    out: list[Block] = [Text(RELEASED), Heading("The rules"), Pairs(rules(release))]
    kept = withheld(release)
    if kept:
        out += [Heading("What is withheld"), Table(kept), Text(LOG, note=True)]
    else:
        out.append(Text("Nothing was withheld." if "withheld" in release else "What was withheld is not told here."))
    for title, key, none in (
        ("Exceptions", "exceptions", "No exception from the rules was made."),
        ("Signed for", "signatures", "Nothing needed a signature."),
        ("To be looked at before it leaves", "review", "Nothing was marked for a person to look at."),
    ):
        said = [_entry(x) for x in release.get(key) or []]
        out += [Heading(title), Bullets(said) if said else Text(none if key in release else "Not told here.")]
    return out


def rules(release: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return by which rules people were protected and how this was tried."""
    title = str(release.get("title") or "")
    named = str(release.get("preset") or UNTOLD)
    pairs = [("Rules of", f"{title} ({named})" if title else named), ("Policy", _joined(release.get("words")))]
    pairs += [("Rounding", _joined(release.get("rounding"))), ("Day", str(release.get("date") or UNTOLD)[:10])]
    pairs.append(("Attack", attacked(release.get("attack") or {})))
    told = release.get("assessable") or {}
    if told.get("inside") and told.get("release"):
        (k, n), (left, of) = told["inside"], told["release"]
        share = f" ({percent(left / of)})" if of else ""
        said = f"{count(left)} of {count(of)} questions about a group{share} have a verdict"
        said += f"; inside it is {count(k)} of {count(n)} questions."
        pairs.append(("Still assessable", said))
    return pairs


def attacked(attack: Mapping[str, Any]) -> str:
    """Return in one sentence how the release was attacked."""
    if attack.get("counts") is None:
        return ALWAYS
    earlier = attack.get("releases")
    also = f", with {count(earlier)} earlier release{'s' if earlier != 1 else ''}," if earlier else ""
    took = f", in {attack['seconds']:.0f} s" if attack.get("seconds") else ""
    return (
        f"All that a reader sees{also} was put together, {count(attack['counts'])} counts, to find a number that is "
        f"withheld{took}. None could be found."
    )


def withheld(release: Mapping[str, Any]) -> Grid:
    """Return what was withheld, by kind of reason."""
    lines = [Line(str(k), cells(_joined(v))) for k, v in (release.get("withheld") or {}).items()]
    return Grid("Withheld, by kind of reason", ["Reason", "How much"], lines)


def _entry(entry: Any) -> str:
    """Return an exception, or something to review, in one sentence."""
    if not isinstance(entry, Mapping):
        return str(entry)
    signed = ", ".join(str(entry[k]) for k in ("person", "date") if entry.get(k))
    lead = ": ".join(str(entry[k]) for k in ("rule", "what", "phenotype", "reason") if entry.get(k))
    return f"{lead} ({signed})" if signed else lead or NONE


def _joined(value: Any) -> str:
    if isinstance(value, str) or value is None:
        return value or UNTOLD
    if isinstance(value, Sequence):
        return " ".join(str(v) for v in value) or UNTOLD
    return str(value)
