"""Where a report belongs: it stays in the room, or it was released under rules that it names."""

from __future__ import annotations

from primum.errors import PrimumError
from primum.report.say import say
from primum.report.source import Audited


def inside() -> str:
    """Return what a report says that must stay where the data are."""
    return say("page_one.stamp.inside")


def stamp(run: Audited, *, export: bool = False, brief: bool = False) -> str:
    """Return where this report belongs: "inside: must not leave the room", or what it was released under.

    Raises
    ------
    PrimumError
        If a report is to leave whose run says nothing of a release.
    """
    if not export:
        return inside()
    told = run.manifest.get("release") or {}
    if not told.get("preset"):
        raise PrimumError(
            "This run was not protected for release, so its report cannot be written as one.",
            expected="a run whose manifest holds 'release': {'preset', 'words', 'date'}",
            mend="make the release with: primum release RUN --preset NAME",
        )
    preset, rules = say("page_one.stamp.preset", name=told["preset"]), str(told.get("words") or "")
    named = rules.startswith(f"preset {told['preset']}")  # as the release writes its rules
    parts = [preset] if brief else ["" if named else preset, rules]
    return " · ".join(p for p in (say("page_one.stamp.release"), *parts, str(told.get("date") or "")[:10]) if p)
