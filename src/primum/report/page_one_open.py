"""What page one leaves to people: what to take care of, what was not tried, and what remains to be decided."""

from __future__ import annotations

from primum.finding import Verdict
from primum.report import words
from primum.report.numbers import known, threshold
from primum.report.page_one_groups import Found
from primum.report.say import say
from primum.report.source import Audited, chapter
from primum.report.views import missing, repairs

LEFT = ("repairs", "inputs", "shift", "causes", "after", "others", "leave")


def not_tried(*, lost: bool, export: bool) -> str:
    """Return against what the model was not tried; `lost` says whether missing inputs were."""
    where, what = "release" if export else "audit", "data" if lost else "inputs"
    return say(f"page_one.not_tried.{where}.{what}")


def not_looked_at(run: Audited, *, export: bool = False) -> list[str]:
    """Return what this audit leaves open."""
    done = {
        "leave": export,
        "repairs": bool(repairs.tried(run)),
        "causes": bool(chapter(run, "diagnosis")),
        "inputs": bool(missing.inputs_lost(run)),
    }
    return [say(f"page_one.open.{x}") for x in LEFT if not done.get(x)]


def care(run: Audited) -> list[str]:
    """Return what a reader must know before trusting any number on the page."""
    people = chapter(run, "people")
    leaks = [i for i in people.get("leakage", []) if i.get("severity") != "note"]
    lines = [say("page_one.care.leak", title=i["title"], what=i["what"]) for i in leaks]
    changed = run.manifest.get("deviations") or []
    if changed:
        lines.append(say("page_one.care.changed", what=", ".join(str(d["field"]) for d in changed)))
    if run.manifest.get("status") not in {None, "finished"}:
        lines.append(say("page_one.care.unfinished"))
    return lines


def decide(run: Audited, at: float | None, scale: str, metric: str, found: Found) -> list[str]:
    """Return the questions that remain with people."""
    decision = run.usecase.decision
    lines = []
    if known(at):
        about = {"miss": decision.miss, "alarm": decision.false_alarm}
        lines.append(say("page_one.decide.threshold", at=threshold(at, scale), **about))
    size = run.usecase.margins.get(metric)
    if size:
        lines.append(say("page_one.decide.margin", margin=words.margin(metric, size)))
    if any(f.verdict is Verdict.HARM for f in found.values()):
        lines.append(say("page_one.decide.harmed"))
    if any(f.verdict in {Verdict.NOT_ASSESSABLE, Verdict.INCONCLUSIVE} for f in found.values()):
        lines.append(say("page_one.decide.open"))
    if any(words.shown(f) is Verdict.SUPPRESSED for f in found.values()):
        lines.append(say("page_one.decide.withheld"))
    return lines
