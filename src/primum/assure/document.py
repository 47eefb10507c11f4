"""The case as JSON with a schema, ready for other tools; it carries numbers, and no score."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from primum.assure.case import Case
from primum.assure.claims import Claim
from primum.errors import PrimumError
from primum.execute.store import plain, write_json
from primum.finding import Status

VERSION = 1
KIND = "primum assurance case"
WORDS = (
    "Evidence for and against claims about a model. It certifies nothing: what a claim is worth is for people to judge."
)
NAMES = {"untested": "not_testable_here", "human": "human_judgement"}
"""Names of numbers of claims where the field is shorter than the state."""


def schema() -> dict[str, Any]:
    """Return the JSON schema (2020-12) of the document."""
    text = (files("primum.assure") / "assurance.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def to_document(case: Case) -> dict[str, Any]:
    """Return a case as plain data; what is undefined is null. The claims of the scenario are among all claims."""
    scenario = None
    if case.scenario is not None:
        scenario = case.scenario.model_dump(mode="json", exclude_defaults=True, exclude={"claims"})
    return {
        "kind": KIND,
        "version": VERSION,
        "words": WORDS,
        "usecase": {"name": case.name, "title": case.title, "question": case.question},
        "plan": case.plan,
        "created": case.created,
        "primum": case.version,
        "scenario": scenario,
        "claims": [claim_row(c) for c in case.claims],
        "tensions": [
            {
                "name": t.name, "sides": [s.id for s in t.sides], "states": [s.state for s in t.sides],
                "measured": [s.measured for s in t.sides], "kind": t.kind, "chosen": t.chosen, "owner": t.owner,
                "shown": t.shown,
            }
            for t in case.tensions
        ],
        "coverage": [{NAMES.get(k, k): v for k, v in asdict(c).items()} for c in case.coverage],
    }  # fmt: skip


def claim_row(claim: Claim) -> dict[str, Any]:
    """Return one claim as plain data; of a number that is withheld, the people are null."""
    row: dict[str, Any] = plain(asdict(claim))
    row["state"] = str(claim.state)
    if claim.evidence is not None:
        told = row["evidence"]
        told["estimate"]["status"] = str(claim.evidence.estimate.status)
        if claim.evidence.estimate.status is Status.SUPPRESSED:
            told["estimate"] |= dict.fromkeys(("n", "events", "nonevents"))
            told["behind"] = None
    return row


def write(case: Case, path: str | Path) -> Path:
    """Write a case as JSON; the file is complete or not there."""
    return write_json(Path(path), to_document(case))


def read(path: str | Path) -> dict[str, Any]:
    """Read what `write` wrote.

    Raises
    ------
    PrimumError
        If it is no such document, or of a version that is not known.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PrimumError(
            f"'{path}' is not an assurance case that can be read ({type(error).__name__}).",
            expected="a JSON file written by primum",
        ) from None
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise PrimumError(f"'{path}' is not an assurance case.", expected=f'a document with "kind": "{KIND}"')
    if found.get("version") != VERSION:
        raise PrimumError(
            f"'{path}' is an assurance case of version {found.get('version')}.",
            expected=f"version {VERSION}", mend="write it again with this version of primum",
        )  # fmt: skip
    return found
