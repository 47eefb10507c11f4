"""Why a measurement speaks to a claim, and what would make it mislead; which of these doubts were examined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from primum.assure.evidence import Finished
from primum.assure.present import told_by

DEFAULT = "tables"


@dataclass(frozen=True)
class Rebuttal:
    """A doubt about an argument, and the checks of this run that looked into it (none: nobody did)."""

    says: str
    examined_by: tuple[str, ...]

    @property
    def words(self) -> str:
        """The doubt with what became of it."""
        if self.examined_by:
            return f"{self.says}: examined by {', '.join(self.examined_by)}."
        return f"{self.says}: not examined in this audit."


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
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return found


def requirement_of(check: str) -> str:
    """Return which of the seven requirements a check serves."""
    return str(written().get(check, written()[DEFAULT])["requirement"])


def argument(run: Finished, check: str, *, warrant: str = "", rebuttals: tuple[str, ...] = ()) -> Argument:
    """Return the argument of a check, with the doubts that this run examined marked so.

    A warrant and rebuttals of the claim's own author replace and join those of the check; nothing examines a doubt
    that an author adds.
    """
    base = written().get(check, written()[DEFAULT])
    doubts = [
        Rebuttal(str(r["says"]), tuple(c for c in r["examined_by"] if told_by(run, c))) for r in base["rebuttals"]
    ]
    doubts += [Rebuttal(r.rstrip("."), ()) for r in rebuttals]
    return Argument(str(base["strategy"]), warrant or str(base["warrant"]), tuple(doubts))
