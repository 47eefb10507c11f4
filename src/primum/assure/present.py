"""Whether a finished run holds the evidence that something asks for, and what of it a release withholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from primum.assure.evidence import Finished, released
from primum.finding import Finding, Status, Verdict

ALWAYS = ("plan", "manifest")
"""What every finished run has."""
CHAPTERS = (
    "people", "models", "performance", "groups", "record", "recording", "missing", "proxies", "prior", "diagnosis",
    "repairs", "stigma", "release",
)  # fmt: skip
"""The chapters that a need may name; "release" is what a release says of itself."""

OPEN = (Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE)
"""Verdicts that settle nothing."""
SECTIONS = {"recording": "recording", "missing": "missing", "proxies": "discrimination", "prior": "prior",
            "diagnosis": "repairs", "repairs": "repairs"}  # fmt: skip
"""Chapter → the section of the plan that asks for it."""
CHAPTER_OF = {"PRM-R02": "recording", "PRM-R03": "recording", "PRM-S": "missing", "PRM-D": "proxies", "PRM-K": "prior",
              "PRM-H": "repairs"}  # fmt: skip
"""Beginning of a check code → the chapter that it belongs to."""
OF_PEOPLE = ("flow", "table_one", "missingness", "unrecorded")
"""Parts of the chapter of the people that every audit of rows has."""
BY_GROUP = ("table_one", "missingness", "unrecorded")
"""Those that tell of groups."""
WHEN_FOUND = ("PRM-D01", "PRM-K01", "PRM-P02", "people.missing_codes", "people.unrecorded", "groups.policies",
              "release.attack")  # fmt: skip
"""What is there only where something was found or asked for: that it is not there lacks nothing."""
SOME = "some groups are withheld"
"""How many groups are withheld is never told as a number."""


def told_by(run: Finished, code: str) -> list[Finding]:
    """Return the findings of a check that say something.

    One that only reports that nothing could be looked at (not applicable, and no number), or whose number is
    withheld, says nothing.
    """
    return [f for f in run.findings if f.check == code and _says(f)]


def _says(f: Finding) -> bool:
    if f.verdict is Verdict.SUPPRESSED or f.estimate.status is Status.SUPPRESSED:
        return False
    if f.verdict is Verdict.NOT_APPLICABLE:
        return f.estimate.ok or (not f.reason and bool(f.words))
    return True


def holds(run: Finished, need: str) -> bool:
    """Whether a run holds a need: a check code, a chapter, or a part of a chapter that is not empty.

    `PRM-G01|PRM-R03` asks for either, `people.table_one` for a part of a chapter.
    """
    return any(_one(run, n) for n in need.split("|"))


def _one(run: Finished, need: str) -> bool:
    if need in ALWAYS:
        return True
    if need.startswith("PRM-"):
        return bool(told_by(run, need))
    return bool(_held(run, need))


def _held(run: Finished, need: str) -> Any:
    """Return a chapter, or a part of it; None where there is none."""
    chapter, _, part = need.partition(".")
    held = run.manifest.get("release") if chapter == "release" else run.chapters.get(chapter)
    return held.get(part) if held and part else held


def named(run: Finished, need: str) -> str:
    """Return a need in words: how many findings there are behind a check, and whether groups are withheld."""
    said = []
    for one in need.split("|"):
        if not _one(run, one):
            continue
        if one.startswith("PRM-"):
            said.append(f"{one} ({_counted(told_by(run, one))}{'; ' + SOME if withheld(run, one) else ''})")
        elif one in ALWAYS:
            said.append(f"plan {str(run.plan.hash)[:12]}" if one == "plan" else "record of versions and times")
        else:
            said.append(part_name(one) + (f" ({SOME})" if withheld(run, one) else ""))
    return ", ".join(said)


def _counted(found: list[Finding]) -> str:
    """Return how many findings there are, and how many of them settle nothing."""
    n, open_ = len(found), sum(f.verdict in OPEN for f in found)
    words = f"{n} finding{'s' if n != 1 else ''}"
    return f"{words}, {open_} of them inconclusive or not assessable" if open_ else words


def withheld(run: Finished, need: str) -> bool:
    """Whether groups are withheld from a need that tells of groups: by their rows, or by what the release says."""
    if need.startswith("PRM-"):
        own = [f for f in run.findings if f.check == need]
        hidden = any(f.verdict is Verdict.SUPPRESSED or f.estimate.status is Status.SUPPRESSED for f in own)
        return hidden or (need == "PRM-G01" and _some(run))
    if any(r.get("status") == Status.SUPPRESSED for r in _rows(run, need)):
        return True
    chapter, _, part = need.partition(".")
    return (chapter in {"groups", "stigma"} or (chapter == "people" and part in BY_GROUP)) and _some(run)


def _some(run: Finished) -> bool:
    told: Mapping[str, Any] = (run.manifest.get("release") or {}).get("withheld") or {}
    return any(str(v) != "0" for v in told.values())


def unknown_part(run: Finished, need: str) -> str:
    """Return what is lacking of evidence that is there: groups that are withheld, numbers that nobody could estimate.

    "" where all of it has a number.
    """
    said = []
    for one in need.split("|"):
        rows = [] if one.startswith("PRM-") else [r for r in _rows(run, one) if "metric" in r and "status" in r]
        without = any(r["status"] != Status.SUPPRESSED and r.get("value") is None for r in rows)
        said += [SOME] if withheld(run, one) else []
        said += [f"some numbers of {part_name(one)} could not be estimated"] if without else []
    return ", ".join(said)


def _rows(run: Finished, need: str) -> list[Mapping[str, Any]]:
    held = None if need in ALWAYS else _held(run, need)
    return [r for r in held if isinstance(r, Mapping)] if isinstance(held, list) else []


def absent(run: Finished, need: str) -> str:
    """Return that evidence is not there, in words.

    In a release, what the frozen plan asked for was examined, and stays in the room.
    """
    what = " or ".join(part_name(n) for n in need.split("|"))
    if not released(run):
        return f"this run has no {what}"
    if any(f.verdict is Verdict.SUPPRESSED for n in need.split("|") for f in run.findings if f.check == n):
        return f"{what}: withheld to protect people"
    if any(examined_inside(run, n) for n in need.split("|")):
        return f"{what}: does not leave the room; it was examined inside"
    return f"{what}: not part of this release"


def examined_inside(run: Finished, need: str) -> bool:
    """Whether the audit behind a release looked at a check, chapter or part, as far as its frozen plan tells.

    An audit that was made from counts alone has seen no rows, whatever its plan says.
    """
    models = run.chapters.get("models", {}).get("models", [])
    if not released(run) or any(m.get("kind") == "tally" for m in models):
        return False
    plan: Mapping[str, Any] = getattr(run.plan, "contents", None) or {}
    asked = plan.get("chapters", ())
    if need == "PRM-R01":
        return "record" in asked and bool(plan.get("outcome", {}).get("truth"))
    if need == "PRM-P01":
        return True
    chapter, _, part = need.partition(".")
    if chapter == "people":
        return part in OF_PEOPLE
    if chapter == "record":
        return chapter in asked
    section = next((c for start, c in CHAPTER_OF.items() if need.startswith(start) and need != "PRM-D01"), chapter)
    return SECTIONS.get(section) in plan


def part_name(need: str) -> str:
    """Return the name of a need: a check by its code, a chapter or a part of one in words."""
    if need.startswith("PRM-"):
        return need
    chapter, _, part = need.partition(".")
    lead = "record of a release" if chapter == "release" else f"chapter {chapter}"
    return lead + (f", {part.replace('_', ' ')}" if part else "")
