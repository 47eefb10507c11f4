"""What page one says about the record: how equally the outcome was written down, as far as is known."""

from __future__ import annotations

from typing import Any

from primum.report import words
from primum.report.numbers import NONE, count, known, percent, rate, withheld_word
from primum.report.say import say, told
from primum.report.sections import PEOPLE
from primum.report.source import Audited, Row, chapter
from primum.report.views import recording

MOST_GROUPS = 12


def record_lines(run: Audited, *, export: bool = False) -> list[str]:
    """Return what is known about how equally the outcome was recorded."""
    record = chapter(run, "record")
    outcome = run.usecase.outcome
    if not record:
        where = "release" if export else "audit"
        return [say("page_one.record.by", by=outcome.recorded_by), say(f"page_one.record.untold.{where}")]
    lines = [say("page_one.record.by", by=record.get("recorded_by") or outcome.recorded_by)]
    if record.get("truth_name") and record.get("rows"):
        said = "; ".join([_missed(r) for r in record["rows"]][:MOST_GROUPS])
        lines.append(say("page_one.record.misses", truth=record["truth_name"], groups=said))
    else:
        lines.append(say("page_one.record.alone", outcome=outcome.name))
    wrong = chapter(run, "recording")
    if wrong:
        n = len(recording.within(wrong))
        lines.append(told("page_one.record.tips", n, number=count(n)))
    return lines + _gone(record.get("unrecorded") or chapter(run, "people").get("unrecorded") or {})


def _gone(shares: dict[str, Any]) -> list[str]:
    """Return for how many people the outcome is unknown; nothing where a part of the sum is withheld."""
    first: dict[str, dict[str, int]] = next(iter(shares.values()), {})
    if any(c["n"] is None or c["unknown_outcome"] is None for c in first.values()):
        return []
    n, k = (sum(c[part] for c in first.values()) for part in ("n", "unknown_outcome"))
    if not n:
        return []
    return [say("page_one.record.gone", k=count(k), n=count(n), share=percent(k / n), chapter=PEOPLE)]


def _missed(row: Row) -> str:
    name = words.group_name(row["attribute"], row["group"])
    if row.get("status") == "suppressed":
        return say("page_one.record.group", group=name, value=withheld_word())
    if not known(row["share_missed"]):
        return say("page_one.record.unknown", group=name, none=NONE, reason=row["reason"])
    return say("page_one.record.group", group=name, value=rate(row["share_missed"], row["low"], row["high"]))
