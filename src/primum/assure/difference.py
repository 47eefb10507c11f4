"""What changed between two audits of the same question: for monitoring, and for the record of changes to a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from primum.assure.claims import Claim, claims
from primum.assure.evidence import Finished
from primum.errors import PrimumError
from primum.execute.store import plain
from primum.finding import Finding
from primum.plan import deviations

ABSENT = "(absent)"
Row = dict[str, Any]


@dataclass(frozen=True)
class Changes:
    """What is different in the later audit; each list is empty where nothing is.

    Attributes
    ----------
    old, new
        Plan hash and time of each audit.
    claims
        Claims whose state changed, came or went.
    findings
        Findings whose verdict changed, came or went, or whose intervals lie apart.
    people
        Numbers of people and of cases, overall and by group, where they differ.
    plan
        Fields of the plan that differ.
    versions
        Software whose version differs.
    """

    old: Row
    new: Row
    claims: list[Row] = field(default_factory=list)
    findings: list[Row] = field(default_factory=list)
    people: list[Row] = field(default_factory=list)
    plan: list[Row] = field(default_factory=list)
    versions: list[Row] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return any((self.claims, self.findings, self.people, self.plan, self.versions))

    def lines(self) -> list[str]:
        """Return the changes as sentences, the states of claims first; one sentence says so where nothing changed."""
        out = [f"Claim {r['claim']}: {r['before']}, now {r['now']}." for r in self.claims]
        out += [f"{_where(r)}: {r['before']}, now {r['now']}{_moved(r)}." for r in self.findings]
        out += [
            f"{_count(r['before'])} → {_count(r['now'])} {'people' if r['what'] == 'n' else 'cases'} "
            f"({r['attribute']}, {r['group']})."
            for r in self.people
        ]
        out += [f"Plan, {r['field']}: {r['before']}, now {r['now']}." for r in self.plan]
        out += [f"{r['software']} {r['before']}, now {r['now']}." for r in self.versions]
        return out or ["Nothing changed."]

    def to_document(self) -> Row:
        """Return the changes as plain data."""
        return {"kind": "primum audit difference", "version": 1, **dict(plain(asdict(self)))}


def diff(old_run: Finished, new_run: Finished) -> Changes:
    """Return what changed from one finished audit to a later one.

    A difference between two numbers is called one only where their intervals do not touch. That is a cautious rule
    (intervals that overlap a little can still belong to different values), and it takes the people of the two audits
    as different; it is not meant for two audits of the same people.

    Raises
    ------
    PrimumError
        If the two audits ask different questions.
    """
    if old_run.usecase.name != new_run.usecase.name:
        raise PrimumError(
            f"These audits ask different questions: '{old_run.usecase.name}' and '{new_run.usecase.name}'.",
            expected="two audits of the same use case, by its name",
        )
    return Changes(
        _mark(old_run), _mark(new_run), _claims(old_run, new_run), _findings(old_run, new_run),
        _people(old_run, new_run), deviations(old_run.plan, new_run.plan), _versions(old_run, new_run),
    )  # fmt: skip


def _mark(run: Finished) -> Row:
    return {"plan": str(run.plan.hash), "created": str(run.plan.created)}


def _claims(old: Finished, new: Finished) -> list[Row]:
    before, now = ({c.id: c for c in claims(r)} for r in (old, new))
    return [
        {"claim": key, "says": (now.get(key) or before[key]).says, "before": _state(a), "now": _state(b)}
        for key in dict.fromkeys([*before, *now])
        if _state(a := before.get(key)) != _state(b := now.get(key))
    ]


def _state(claim: Claim | None) -> str:
    return ABSENT if claim is None else str(claim.state)


def _findings(old: Finished, new: Finished) -> list[Row]:
    before, now = ({_key(f): f for f in r.findings} for r in (old, new))
    rows = []
    for key in dict.fromkeys([*before, *now]):
        a, b = before.get(key), now.get(key)
        verdicts = tuple(ABSENT if f is None else str(f.verdict) for f in (a, b))
        apart = a is not None and b is not None and _apart(a, b)
        if verdicts[0] != verdicts[1] or apart:
            rows.append(
                {
                    **dict(zip(("check", "metric", "model", "attribute", "group", "comparator"), key, strict=True)),
                    "before": verdicts[0], "now": verdicts[1], "intervals_apart": apart,
                    "value_before": None if a is None else plain(a.estimate.value),
                    "value_now": None if b is None else plain(b.estimate.value),
                }
            )  # fmt: skip
    return rows


def _key(f: Finding) -> tuple[str, ...]:
    return (f.check, f.metric, f.model, f.attribute, f.group, f.comparator)


def _apart(a: Finding, b: Finding) -> bool:
    """Whether two intervals do not touch; NaN limits never lie apart."""
    return a.estimate.high < b.estimate.low or b.estimate.high < a.estimate.low


def _people(old: Finished, new: Finished) -> list[Row]:
    before, now = _counts(old), _counts(new)
    return [
        {"attribute": key[0], "group": key[1], "what": key[2], "before": before.get(key), "now": now.get(key)}
        for key in dict.fromkeys([*before, *now])
        if before.get(key) != now.get(key)
    ]


def _counts(run: Finished) -> dict[tuple[str, str, str], int]:
    people = run.chapters.get("people", {})
    found = {("overall", "everyone", k): int(people[k]) for k in ("n", "events") if people.get(k) is not None}
    for r in run.chapters.get("groups", {}).get("estimates", []):
        if r["metric"] == "n" and r["model"] == run.usecase.primary.name:
            found |= {(r["attribute"], r["group"], k): int(r[k]) for k in ("n", "events")}
    return found


def _versions(old: Finished, new: Finished) -> list[Row]:
    before, now = _software(old.manifest), _software(new.manifest)
    return [
        {"software": key, "before": before.get(key, ABSENT), "now": now.get(key, ABSENT)}
        for key in dict.fromkeys([*before, *now])
        if before.get(key) != now.get(key)
    ]


def _software(manifest: Mapping[str, Any]) -> dict[str, str]:
    own = {k: str(manifest[k]) for k in ("primum", "python", "platform") if k in manifest}
    return own | {k: str(v) for k, v in manifest.get("packages", {}).items()}


def _where(r: Row) -> str:
    return ", ".join(str(r[k]) for k in ("check", "metric", "model", "attribute", "group") if r[k])


def _moved(r: Row) -> str:
    if not r["intervals_apart"]:
        return ""
    return f" ({r['value_before']:.3f}, now {r['value_now']:.3f}: the intervals do not touch)"


def _count(n: int | None) -> str:
    return ABSENT if n is None else f"{n:,}"
