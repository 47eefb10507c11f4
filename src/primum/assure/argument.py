"""Why a measurement speaks to a claim, and what would make it mislead; which of these doubts were examined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from primum.assure.evidence import Finished, released
from primum.assure.present import examined_inside, holds, part_name
from primum.yaml_text import parse

DEFAULT = "tables"
NOT_EXAMINED = "not examined in this audit"
STAYS = "does not leave the room; it was examined inside"
NOT_HERE = "not part of this release"


@dataclass(frozen=True)
class Rebuttal:
    """A doubt about an argument, and what became of it.

    Attributes
    ----------
    says
        The doubt.
    examined_by
        The checks, and the parts of chapters, of this run that looked into it.
    otherwise
        What is so where none did.
    """

    says: str
    examined_by: tuple[str, ...]
    otherwise: str = NOT_EXAMINED

    @property
    def words(self) -> str:
        """The doubt with what became of it."""
        became = f"examined by {', '.join(self.examined_by)}" if self.examined_by else self.otherwise
        return f"{self.says}: {became}."


@dataclass(frozen=True)
class Argument:
    """How a claim is tested, why that is a test of it, and the doubts that remain."""

    strategy: str
    warrant: str
    rebuttals: tuple[Rebuttal, ...]


@cache
def written() -> Mapping[str, Mapping[str, Any]]:
    """Return the arguments as written in arguments.yaml, by check code."""
    text = (files("primum.assure") / "arguments.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = parse(text)
    return found


def requirement_of(check: str) -> str:
    """Return which of the seven requirements a check serves."""
    return str(written().get(check, written()[DEFAULT])["requirement"])


def argument(
    run: Finished, check: str, *, metric: str = "", warrant: str = "", rebuttals: tuple[str, ...] = ()
) -> Argument:
    """Return the argument of a check, with the doubts that this run examined marked so.

    A warrant and rebuttals of the claim's own author replace and join those of the check; nothing examines a doubt
    that an author adds. A doubt that names metrics is one about these alone.
    """
    base = written().get(check, written()[DEFAULT])
    doubts = [
        _doubt(run, str(r["says"]), tuple(r["examined_by"]))
        for r in base["rebuttals"]
        if metric in r.get("metrics", [metric])
    ]
    doubts += [_doubt(run, r.rstrip("."), ()) for r in rebuttals]
    return Argument(str(base["strategy"]), warrant or str(base["warrant"]), tuple(doubts))


def _doubt(run: Finished, says: str, checks: tuple[str, ...]) -> Rebuttal:
    """Return a doubt with what this run did about it; a release does not tell everything that checks examined."""
    told = tuple(part_name(c) for c in checks if holds(run, c))
    if told or not checks or not released(run):
        return Rebuttal(says, told)
    return Rebuttal(says, (), STAYS if any(examined_inside(run, c) for c in checks) else NOT_HERE)
