"""One thing that the adversary found in a release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["fail", "review"]


@dataclass(frozen=True)
class Leak:
    """What was found, where, and why it matters.

    Attributes
    ----------
    kind
        "pinned", "not registered", "small count", "withheld group", "difference", "inversion", "picture", "not read"
        or "edited".
    where
        The file and the place in it, or the count.
    said
        One plain sentence.
    level
        "review" is for a person to look at; it does not refuse a release.
    """

    kind: str
    where: str
    said: str
    level: Level = "fail"
