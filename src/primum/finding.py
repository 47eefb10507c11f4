"""The one result shape: an estimate with its uncertainty, a finding with its verdict.

A value that cannot be computed is a value with a reason: 0/0 is never 0. A verdict comes from the interval and a
margin declared beforehand, never from the point.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

_PEOPLE = ("n", "events", "nonevents")


class Status(StrEnum):
    """Why a value is, or is not, there."""

    OK = "ok"
    NOT_ESTIMABLE = "not estimable"
    SUPPRESSED = "suppressed"
    IMPRECISE = "below the declared precision"


class Verdict(StrEnum):
    """The six ways in which a check can end."""

    HARM = "harm shown"
    NO_HARM = "no harm shown within the margin"
    INCONCLUSIVE = "inconclusive"
    NOT_ASSESSABLE = "not assessable"
    SUPPRESSED = "suppressed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval, the people behind it and its status.

    Attributes
    ----------
    value, low, high
        Point and interval limits at `level`; NaN where undefined.
    method
        How the interval was made ("Wilson", "DeLong", "linearised", …).
    n, events, nonevents
        People behind the number, those with and those without the outcome.
    status, reason
        `Status.OK`, or another one and the reason in words.
    n_effective
        With weights or clusters: how many independent people would give the same interval; None otherwise.
    """

    value: float
    low: float
    high: float
    method: str
    n: int
    events: int
    nonevents: int
    status: Status = Status.OK
    reason: str = ""
    level: float = 0.95
    n_effective: float | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a value at all (it may still be imprecise)."""
        return self.status in {Status.OK, Status.IMPRECISE} and math.isfinite(self.value)


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the one long table of findings.

    `check` is a stable code (PRM-G01), `title` its name; `comparator` is the group that `group` is compared with
    ("" for none). `margin` was declared beforehand and is None where a check has none. `more_events` is how many
    more people with the outcome (or without it, as `more_kind` says) would make an unassessable finding assessable.
    `words` is the finding in one plain sentence.
    """

    check: str
    title: str
    model: str
    metric: str
    attribute: str
    group: str
    comparator: str
    estimate: Estimate
    margin: float | None
    verdict: Verdict
    reason: str = ""
    more_events: int | None = None
    more_kind: str = "events"
    words: str = ""

    def row(self) -> dict[str, Any]:
        """Return the finding as one flat, JSON-ready row (NaN becomes None, and so do people who are withheld)."""
        flat = {k: v for k, v in asdict(self).items() if k != "estimate"}
        flat.update({k: _plain(v) for k, v in asdict(self.estimate).items() if k not in {"status", "reason"}})
        flat["status"], flat["status_reason"] = str(self.estimate.status), self.estimate.reason
        if self.estimate.status is Status.SUPPRESSED and not self.estimate.n:
            flat |= dict.fromkeys(_PEOPLE)
        flat["verdict"] = str(self.verdict)
        return flat

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Finding:
        """Rebuild a finding from `row`."""
        number = {k: math.nan if row[k] is None else float(row[k]) for k in ("value", "low", "high")}
        people = [int(row[k] or 0) for k in _PEOPLE]
        estimate = Estimate(
            **number,
            method=row["method"],
            n=people[0],
            events=people[1],
            nonevents=people[2],
            status=Status(row["status"]),
            reason=row["status_reason"],
            level=row["level"],
            n_effective=row.get("n_effective"),
        )
        own = {
            k: row[k]
            for k in (
                "check", "title", "model", "metric", "attribute", "group", "comparator", "margin", "reason",
                "more_events", "more_kind", "words",
            )
        }  # fmt: skip
        return cls(estimate=estimate, verdict=Verdict(row["verdict"]), **own)


def judge(low: float, high: float, margin: float, *, better: str) -> Verdict:
    """Return the verdict on a difference (group minus comparator) from its interval and the declared margin.

    With `better="higher"` a shortfall is negative: harm is shown when the whole interval lies below −margin, its
    absence within the margin when the whole interval lies above −margin. `better="lower"` mirrors this.
    `better="zero"` asks for closeness on both sides (equivalence): harm is shown when the interval lies outside
    ±margin altogether.

    Raises
    ------
    ValueError
        If `margin` is not positive or `better` is unknown.
    """
    if not margin > 0:
        raise ValueError(f"a margin is a positive number, not {margin}")
    if not (math.isfinite(low) and math.isfinite(high)):
        return Verdict.NOT_ASSESSABLE
    if better == "lower":
        low, high = -high, -low
    elif better == "zero":
        if low > margin or high < -margin:
            return Verdict.HARM
        return Verdict.NO_HARM if -margin < low and high < margin else Verdict.INCONCLUSIVE
    elif better != "higher":
        raise ValueError(f"better is 'higher', 'lower' or 'zero', not '{better}'")
    if high < -margin:
        return Verdict.HARM
    return Verdict.NO_HARM if low > -margin else Verdict.INCONCLUSIVE


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
