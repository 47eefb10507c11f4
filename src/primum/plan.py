"""What will be computed, frozen and hashed before outcomes are read; what changed since then is a deviation.

The hash covers everything that numbers depend on, and nothing that is only words: correcting a sentence of
the question is no deviation, another threshold is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from primum.atomic import write_bytes
from primum.errors import PrimumError
from primum.usecase import CHAPTERS, METRIC_IDS, OVERALL, UseCase

VERSION = 1
ABSENT = "(absent)"


@dataclass(frozen=True)
class Plan:
    """What an audit will compute.

    Attributes
    ----------
    hash
        SHA-256 of the canonical JSON of `contents`, hexadecimal.
    created
        When it was frozen, ISO 8601, UTC.
    contents
        Plain data by subject: data, people, outcome, features, groups, comparisons, thresholds, margins, …
    """

    hash: str
    created: str
    contents: dict[str, Any]

    def write(self, path: str | Path) -> None:
        """Write the plan as JSON; the file is complete or not there.

        Raises
        ------
        PrimumError
            If the disk is full or the folder cannot be written.
        """
        told = {"hash": self.hash, "created": self.created, "contents": self.contents}
        write_bytes(Path(path), f"{json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)}\n".encode())

    @classmethod
    def read(cls, path: str | Path) -> Plan:
        """Read a plan that `write` wrote.

        Raises
        ------
        PrimumError
            If there is no plan, it cannot be read, or its contents do not match its hash any more.
        """
        try:
            raw = json.loads(Path(path).read_text(encoding="utf-8"))
            plan = cls(str(raw["hash"]), str(raw["created"]), dict(raw["contents"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise PrimumError(
                f"'{path}' is not a plan that can be read ({type(error).__name__}).",
                expected="the plan.json of a run folder",
            ) from None
        if _digest(plan.contents) != plan.hash:
            raise PrimumError(
                f"'{path}' was changed after it was frozen: its contents do not match its hash.",
                mend="restore the file, or run the audit again in a new folder",
            )
        return plan


def freeze(usecase: UseCase, *, extra: Mapping[str, Any] | None = None) -> Plan:
    """Return the plan of a use case: the same use case has the same hash, wherever and whenever it is frozen.

    Parameters
    ----------
    usecase
        The clinical question.
    extra
        Further plain data that the numbers depend on, such as a fingerprint of the data; part of the hash.
    """
    contents = _contents(usecase)
    if extra:
        contents["extra"] = dict(extra)
    plain = json.loads(json.dumps(contents, allow_nan=False))
    return Plan(_digest(plain), datetime.now(UTC).isoformat(timespec="seconds"), plain)


def deviations(before: Plan, now: Plan) -> list[dict[str, Any]]:
    """Return what is different now: one row a field, `{"field", "before", "now"}`, in reading order.

    Fields read like `groups.age.bins`; what one of the plans does not have is "(absent)".
    """
    then, here = _flat(before.contents), _flat(now.contents)
    rows = []
    for field in dict.fromkeys([*then, *here]):
        old, new = then.get(field, ABSENT), here.get(field, ABSENT)
        moved = field.startswith("order.") and sorted(old) != sorted(new)
        # 1 and 1.0 and true are equal in Python and different values in data
        if _canonical(old) != _canonical(new) and not moved:
            rows.append({"field": field, "before": old, "now": new})
    return rows


def _contents(usecase: UseCase) -> dict[str, Any]:
    """Return what the numbers depend on, by subject, with names as keys wherever things have names."""
    decision = usecase.decision
    return {
        "version": VERSION,
        "data": _data(usecase),
        "derive": {d.name: _given(d, "name") for d in usecase.derive},
        "people": [_given(c) for c in usecase.include],
        "outcome": {
            "when": [_given(c) for c in usecase.outcome.when],
            "truth": None if usecase.outcome.truth is None else [_given(c) for c in usecase.outcome.truth],
        },
        "features": list(usecase.features),
        "weight": usecase.weight,
        "identifiers": usecase.identifiers.model_dump(mode="json"),
        "groups": {g.title: _given(g, "name", "reference") for g in usecase.groups},
        "comparisons": {g.title: "everyone else" if g.reference == OVERALL else g.reference for g in usecase.groups},
        "thresholds": {
            "act at": decision.threshold,
            "capacity": decision.capacity,
            "others": sorted(decision.other_thresholds),
        },
        "metrics": list(METRIC_IDS),
        "margins": dict(usecase.margins),
        "precision": {m: p.model_dump(mode="json") for m, p in usecase.precision.items()},
        "models": {m.name: _given(m, "name", "description") for m in usecase.models},
        "order": {"models": [m.name for m in usecase.models], "groups": [g.title for g in usecase.groups]},
        **_sections(usecase),
        "folds": usecase.folds,
        "replicates": usecase.replicates,
        "level": usecase.level,
        "seed": usecase.seed,
        "chapters": [c for c in CHAPTERS if c in usecase.chapters],
    }


def _sections(usecase: UseCase) -> dict[str, Any]:
    """Return what is declared in sections of their own, without mere words; nothing of those that are not there."""
    found: dict[str, Any] = {}
    for name in ("no_harm", "recording", "missing", "discrimination", "prior"):
        part = getattr(usecase, name)
        if part is not None:
            found[name] = _given(part, "chosen", "source", "visible_to", "cost")
    if usecase.repairs:
        found["repairs"] = {r.name: _given(r, "name", "description") for r in usecase.repairs}
    claims = usecase.scenario.claims if usecase.scenario is not None else []
    words = ("name", "says", "requirement", "judge", "judgement", "warrant", "rebuttals")
    return found | ({"claims": {c.name: _given(c, *words) for c in claims}} if claims else {})


def _given(part: Any, *without: str) -> dict[str, Any]:
    """Return the fields of a part that are set, except those named."""
    fields: dict[str, Any] = part.model_dump(mode="json", exclude_none=True, exclude=set(without))
    return fields


def _data(usecase: UseCase) -> dict[str, Any]:
    data = usecase.data.model_dump(mode="json")
    if usecase.data.url is not None:
        data["url"] = without_secret(usecase.data.url)
    return data


def without_secret(url: str) -> str:
    """Return a database URL without user, password and query, so that it may be shown."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rsplit('@', 1)[-1]}{parts.path}"
    except ValueError:
        return url.split(":", 1)[0] + ":…"


def _canonical(contents: Any) -> str:
    """Return the one JSON text of plain data: sorted keys, no spaces, shortest floats, no NaN."""
    return json.dumps(contents, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def _digest(contents: Any) -> str:
    return hashlib.sha256(_canonical(contents).encode()).hexdigest()


def _flat(node: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return nested mappings as one, with paths as keys; lists stay whole."""
    flat: dict[str, Any] = {}
    for key, value in node.items():
        here = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping) and value:
            flat.update(_flat(value, here))
        else:
            flat[here] = value
    return flat
