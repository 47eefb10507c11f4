"""The certificate as a document: JSON with a schema and a hash; an edited one is refused."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date as calendar
from importlib.resources import files
from pathlib import Path
from typing import Any

from primum.atomic import write_bytes
from primum.certify.certificate import Certificate
from primum.certify.group_verdict import GroupVerdict
from primum.certify.robust import Breakdown, RobustVerdict
from primum.certify.utility import Utility
from primum.errors import PrimumError
from primum.finding import Estimate, Status

VERSION = 1
KIND = "primum no-harm certificate"
HASH = "sha256"


def schema() -> dict[str, Any]:
    """Return the JSON schema (2020-12) of the document."""
    text = (files("primum.certify") / "certificate.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def to_document(certificate: Certificate, *, date: str | None = None, plan: str | None = None) -> dict[str, Any]:
    """Return a certificate as plain data, ready for JSON.

    Parameters
    ----------
    certificate
        What `certify` returned.
    date
        The day it was issued, "2026-11-21"; given, not read from a clock, so that the same call gives the same hash.
    plan
        Hash of the frozen plan that it belongs to.

    Raises
    ------
    PrimumError
        If the date is no date.
    """
    if date is not None:
        try:
            calendar.fromisoformat(date)
        except ValueError:
            raise PrimumError(f"'{date}' is no date.", expected="a day such as 2026-11-21") from None
    body = asdict(certificate)
    contents = {
        "kind": KIND,
        "version": VERSION,
        "date": date,
        "plan": plan,
        "words": certificate.words,
        **{name: body[name] for name in ("granted", "improves", "names", "utility", "margin", "alpha", "bound")},
        "people": {"n": certificate.people, "events": certificate.events},
        **{name: body[name] for name in ("groups", "worst_off", "robust", "guarantee", "assumptions")},
        **{name: body[name] for name in ("does_not_say", "seed")},
    }
    plain = _plain(contents)
    return {**plain, HASH: digest(plain)}


def digest(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of everything but the hash itself: sorted keys, no spaces, UTF-8."""
    contents = {name: value for name, value in document.items() if name != HASH}
    text = json.dumps(contents, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write(certificate: Certificate, path: str | Path, *, date: str | None = None, plan: str | None = None) -> None:
    """Write a certificate as JSON; the file is complete or not there. Parameters as in `to_document`.

    Raises
    ------
    PrimumError
        If the disk is full or the folder cannot be written.
    """
    document = to_document(certificate, date=date, plan=plan)
    write_bytes(Path(path), f"{json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)}\n".encode())


def read(path: str | Path) -> dict[str, Any]:
    """Read a certificate's document and verify it; `from_document` makes a `Certificate` of it.

    Raises
    ------
    PrimumError
        If there is none, it does not follow the schema, or it was edited after it was written.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_no_constant)
    except (OSError, ValueError, RecursionError) as error:
        raise PrimumError(
            f"'{path}' is not a certificate that can be read ({type(error).__name__}).",
            expected="a JSON file written by primum",
        ) from None
    verify(document, where=str(path))
    return dict(document)


def verify(document: Any, *, where: str = "The document") -> None:
    """Check that a document follows the schema and matches its hash.

    Raises
    ------
    PrimumError
        If not.
    """
    rules = schema()
    wrong = mistakes(document, rules, rules)
    if wrong:
        raise PrimumError(
            f"{where} is not a certificate of version {VERSION}: {wrong[0]}.",
            expected="what certificate.schema.json says",
            available=wrong[1:],
            mend="use the file as it was written",
        )
    if digest(document) != document[HASH]:
        raise PrimumError(
            f"{where} was edited after it was written: its contents do not match its hash.",
            mend="restore the file, or certify again. An edited certificate is worth nothing",
        )


def from_document(document: Mapping[str, Any]) -> Certificate:
    """Return the certificate that a verified document holds.

    Raises
    ------
    PrimumError
        If the document does not follow the schema, or was edited.
    """
    verify(document)
    d = document
    worth = tuple(tuple(row) for row in d["utility"]["worth"])
    return Certificate(
        granted=d["granted"],
        improves=d["improves"],
        utility=Utility(**{**d["utility"], "worth": worth}),
        margin=d["margin"],
        alpha=d["alpha"],
        bound=d["bound"],
        groups=tuple(GroupVerdict(**{**g, "estimate": _estimate(g["estimate"])}) for g in d["groups"]),
        worst_off=None if d["worst_off"] is None else (d["worst_off"][0], d["worst_off"][1]),
        robust=None if d["robust"] is None else tuple(map(_robust, d["robust"])),
        guarantee=d["guarantee"],
        assumptions=tuple(d["assumptions"]),
        does_not_say=tuple(d["does_not_say"]),
        names=(d["names"][0], d["names"][1]),
        people=d["people"]["n"],
        events=d["people"]["events"],
        seed=d["seed"],
    )


def mistakes(value: Any, rule: Mapping[str, Any], root: Mapping[str, Any], at: str = "the file") -> list[str]:
    """Return what breaks the schema, in words. Knows the keywords that certificate.schema.json uses, and no others."""
    if "$ref" in rule:
        return mistakes(value, root["$defs"][rule["$ref"].rsplit("/", 1)[-1]], root, at)
    kinds = rule.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        return [f"{at} is not {' or '.join(kinds)}"]
    found: list[str] = []
    if "const" in rule and value != rule["const"]:
        found.append(f"{at} is not {rule['const']!r}")
    if "enum" in rule and value not in rule["enum"]:
        found.append(f"{at} is none of {rule['enum']}")
    if _is(value, "number") and not rule.get("minimum", -math.inf) <= value <= rule.get("maximum", math.inf):
        found.append(f"{at} is out of range")
    elif isinstance(value, list):
        if not rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", math.inf):
            found.append(f"{at} has {len(value)} entries")
        for i, item in enumerate(value):
            found += mistakes(item, rule.get("items", {}), root, f"{at}[{i}]")
    elif isinstance(value, dict):
        found += _object_mistakes(value, rule, root, at)
    return found


def _object_mistakes(value: dict[str, Any], rule: Mapping[str, Any], root: Mapping[str, Any], at: str) -> list[str]:
    parts = rule.get("properties", {})
    found = [f"{at} lacks '{name}'" for name in rule.get("required", []) if name not in value]
    found += [f"{at} has an unknown '{name}'" for name in value if name not in parts]
    for name in (n for n in parts if n in value):
        found += mistakes(value[name], parts[name], root, name if at == "the file" else f"{at}.{name}")
    return found


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    types: dict[str, Any] = {
        "object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "null": type(None),
        "boolean": bool,
    }  # fmt: skip
    return isinstance(value, types[kind])


def _plain(value: Any) -> Any:
    """Return nested data with lists for tuples and null for what is not finite."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, str) else value


def _estimate(row: Mapping[str, Any]) -> Estimate:
    numbers = {k: math.nan if row[k] is None else row[k] for k in ("value", "low", "high")}
    return Estimate(**{**row, **numbers, "status": Status(row["status"])})


def _robust(row: Mapping[str, Any]) -> RobustVerdict:
    breaks = {k: Breakdown(**row[k]) for k in ("breakdown", "breakdown_margin", "tested")}
    ends = {k: _estimate(row[k]) for k in ("at_low", "at_high")}
    return RobustVerdict(**{**row, **breaks, **ends, "recorded": (row["recorded"][0], row["recorded"][1])})


def _no_constant(name: str) -> None:
    raise ValueError(name)
