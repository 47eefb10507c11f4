"""What changed between two audits of the same question: for monitoring, and for the record of changes to a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from primum.assure.claims import Claim, claim_id, claims
from primum.assure.evidence import Finished, released
from primum.assure.state import State
from primum.errors import PrimumError
from primum.execute.store import plain
from primum.finding import Finding, Verdict
from primum.plan import deviations

ABSENT = "(absent)"
Row = dict[str, Any]


@dataclass(frozen=True)
class Changes:
    """What is different in the later audit; each list is empty where nothing is.

    Attributes
    ----------
    old, new
        Of each audit: plan hash, when the plan was frozen, people, cases.
    notes
        What to know before reading the rest.
    claims
        Claims whose state changed, came or went; those that stand worse first.
    findings
        Findings whose verdict changed, came or went, or whose intervals lie apart; harm that is new first.
    people
        Numbers of people and of cases, overall and by group, where they differ.
    plan
        Fields of the plan that differ.
    versions
        Software whose version differs.
    """

    old: Row
    new: Row
    notes: list[str] = field(default_factory=list)
    claims: list[Row] = field(default_factory=list)
    findings: list[Row] = field(default_factory=list)
    people: list[Row] = field(default_factory=list)
    plan: list[Row] = field(default_factory=list)
    versions: list[Row] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return any((self.claims, self.findings, self.people, self.plan, self.versions))

    @property
    def worse(self) -> list[Row]:
        """Claims that stand worse than before, and findings in which harm is shown now and was not."""
        return [r for r in (*self.claims, *self.findings) if r["worse"]]

    def lines(self) -> list[str]:
        """Return the changes as sentences, the states of claims first; one sentence says so where nothing changed."""
        from primum.assure.difference_text import lines

        return lines(self)

    def markdown(self) -> str:
        """Return the changes as a page of Markdown, for a log of changes."""
        from primum.assure.difference_text import markdown

        return markdown(self)

    def to_document(self) -> Row:
        """Return the changes as plain data."""
        return {"kind": "primum audit difference", "version": 1, **dict(plain(asdict(self)))}


def diff(old_run: Finished, new_run: Finished) -> Changes:
    """Return what changed from one finished audit to a later one.

    A difference between two numbers is called one only where their intervals do not touch. That is a cautious rule
    (intervals that overlap a little can still belong to different values), and it takes the people of the two audits
    as different; it is not meant for two audits of the same people. Another threshold, margin or population is a
    change of the plan and is told; another outcome is another question.

    Raises
    ------
    PrimumError
        If the two audits ask different questions or are about different outcomes, or one of them is a release.
    """
    if old_run.usecase.name != new_run.usecase.name:
        raise PrimumError(
            f"These audits ask different questions: '{old_run.usecase.name}' and '{new_run.usecase.name}'.",
            expected="two audits of the same use case, by its name",
        )
    if released(old_run) != released(new_run):
        raise PrimumError(
            "One of these audits is a release, with numbers withheld or rounded, and the other is not.",
            expected="two audits from inside the room, or two releases",
        )
    moved = deviations(old_run.plan, new_run.plan)
    other = [r["field"] for r in moved if r["field"].startswith("outcome.")]
    if other:
        raise PrimumError(
            f"These audits are about different outcomes: their plans differ in {', '.join(other)}.",
            expected="two audits with the same outcome; other changes of the plan are told",
            mend="give the use case another name, and read the two reports beside each other",
        )
    return Changes(
        _mark(old_run), _mark(new_run), _notes(old_run, new_run, moved), _claims(old_run, new_run),
        _findings(old_run, new_run), _people(old_run, new_run), moved, _versions(old_run, new_run),
    )  # fmt: skip


def _mark(run: Finished) -> Row:
    people = run.chapters.get("people", {})
    return {
        "plan": str(run.plan.hash), "created": str(run.plan.created), "people": people.get("n"),
        "events": people.get("events"),
    }  # fmt: skip


def _notes(old: Finished, new: Finished, moved: list[Row]) -> list[str]:
    said = []
    measured = [r for r in moved if not r["field"].startswith("claims.")]
    if measured:
        said.append(
            f"The plan changed in {len(measured)} field{'s' if len(measured) > 1 else ''}: numbers may differ because "
            "another thing was measured, and not because the model or the people changed."
        )
    elif moved:
        said.append("Of the plan only its claims changed; what is measured is the same.")
    if str(new.plan.created) < str(old.plan.created):
        said.append("The plan of the second audit was frozen before that of the first: are they the wrong way round?")
    for name in dict.fromkeys([*old.chapters, *new.chapters]):
        if (name in old.chapters) != (name in new.chapters):
            which = "first" if name in old.chapters else "second"
            said.append(f"Only the {which} audit has the chapter '{name}'.")
    return said


def _claims(old: Finished, new: Finished) -> list[Row]:
    before, now = ({c.id: c for c in claims(r)} for r in (old, new))
    rows = []
    for key in dict.fromkeys([*before, *now]):
        a, b = before.get(key), now.get(key)
        if _state(a) != _state(b):
            told = b or a
            assert told is not None
            rows.append(
                {
                    "claim": key, "says": told.says, "origin": told.origin, "before": _state(a), "now": _state(b),
                    **_numbers(*(c.evidence.estimate if c and c.evidence else None for c in (a, b))),
                    "worse": _worse(a, b),
                }
            )  # fmt: skip
    return sorted(
        rows,
        key=lambda r: (
            not r["worse"], ABSENT in (r["before"], r["now"]), r["origin"] == "declared margin",
            r["now"] != State.REFUTED,
        ),
    )  # fmt: skip


def _worse(before: Claim | None, now: Claim | None) -> bool:
    """Whether a claim that was there stands worse: refuted now and not before, or supported before and no more."""
    if before is None or now is None:
        return False
    return State.REFUTED is now.state or before.state is State.SUPPORTED


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
                    "claim": claim_id(*key[:5]), "before": verdicts[0], "now": verdicts[1], "intervals_apart": apart,
                    **_numbers(*(None if f is None else f.estimate for f in (a, b))),
                    "worse": verdicts[1] == Verdict.HARM and verdicts[0] != verdicts[1],
                }
            )  # fmt: skip
    return sorted(rows, key=lambda r: (not r["worse"], ABSENT in (r["before"], r["now"])))


def _numbers(before: Any, now: Any) -> Row:
    """Return value and limits of two estimates, None where there is none."""
    return {
        f"{name}_{when}": None if e is None else plain(getattr(e, name))
        for when, e in (("before", before), ("now", now))
        for name in ("value", "low", "high")
    }


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
            found |= {(r["attribute"], r["group"], k): int(r[k]) for k in ("n", "events") if r[k] is not None}
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
