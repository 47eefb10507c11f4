"""What the gate for model files finds: which rule, where in the model, how grave, and in which words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from primum.disclose.rules_ruling import Ruling

GateStatus = Literal["safe", "review", "blocked"]
ORDER: tuple[GateStatus, ...] = ("safe", "review", "blocked")


@dataclass(frozen=True)
class GateFinding:
    """One thing that the gate saw.

    Attributes
    ----------
    rule
        "R1" … "R15" of the disclosure rules.
    where
        The part of the model, as one would write it in Python: `model['scale']`.
    status
        "safe", "review" (a person must look) or "blocked" (the file may not leave).
    words
        One sentence for the room. It may name true counts and never leaves.
    mend
        What to do about it; empty where nothing can be done.
    """

    rule: str
    where: str
    status: GateStatus
    words: str
    mend: str = ""

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def number(n: int, one: str, more: str = "") -> str:
    """Return a number with its noun."""
    return f"{n} {one if n == 1 else more or one + 's'}"


def grave(ruling: Ruling) -> GateStatus:
    """Return the gate's status of a ruling: what fails is blocked."""
    return {"safe": "safe", "protected": "safe", "review": "review"}.get(ruling.status, "blocked")  # type: ignore[return-value]


def together(findings: Iterable[GateFinding]) -> list[GateFinding]:
    """Return findings with those that say the same of several members of a list said once."""
    groups: dict[tuple[str, ...], list[GateFinding]] = {}
    for f in findings:
        key = (f.rule, f.status, re.sub(r"\[\d+\]", "[…]", f.where), re.sub(r"\d+", "#", f.words), f.mend)
        groups.setdefault(key, []).append(f)
    return [
        replace(many[0], where=key[2], words=f"{many[0].words} Likewise in {len(many) - 1} more.")
        if many[1:]
        else many[0]
        for key, many in groups.items()
    ]


def gravest(statuses: Iterable[GateStatus]) -> GateStatus:
    """Return the gravest of several statuses; safe when there are none."""
    return max(statuses, key=ORDER.index, default="safe")
