"""Whether a finished run holds the evidence that something asks for."""

from __future__ import annotations

from primum.assure.evidence import Finished
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
    chapter, _, part = need.partition(".")
    held = run.manifest.get("release") if chapter == "release" else run.chapters.get(chapter)
    if not held:
        return False
    return not part or bool(held.get(part))


def named(run: Finished, need: str) -> str:
    """Return a need in words, with how many findings there are behind a check."""
    said = []
    for one in need.split("|"):
        if not _one(run, one):
            continue
        if one.startswith("PRM-"):
            said.append(f"{one} ({_counted(told_by(run, one))})")
        elif one in ALWAYS:
            said.append(f"plan {str(run.plan.hash)[:12]}" if one == "plan" else "record of versions and times")
        else:
            said.append(_part(one))
    return ", ".join(said)


def _counted(found: list[Finding]) -> str:
    """Return how many findings there are, and how many of them settle nothing."""
    n, open_ = len(found), sum(f.verdict in OPEN for f in found)
    words = f"{n} finding{'s' if n != 1 else ''}"
    return f"{words}, {open_} of them inconclusive or not assessable" if open_ else words


def lacking(need: str) -> str:
    """Return what is not there, in words."""
    return " or ".join(n if n.startswith("PRM-") else _part(n) for n in need.split("|"))


def _part(need: str) -> str:
    chapter, _, part = need.partition(".")
    lead = "record of a release" if chapter == "release" else f"chapter {chapter}"
    return lead + (f", {part.replace('_', ' ')}" if part else "")
