"""Mistakes in a file of parameters in plain words: line, place, what was given, what was expected, what was meant."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from primum.errors import nearest
from primum.usecase_mistakes import Mistake, told
from primum.usecase_yaml import Document

_BOUNDS = {
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "a number above {gt:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "at most {le:g}",
    "string_too_short": "{min_length} characters or more",
    "too_short": "{min_length} or more values",
    "too_long": "{max_length} values or fewer",
    "finite_number": "a finite number",
}
_KINDS = {"float": "a number", "int": "a whole number", "string": "text", "list": "a list", "dict": "lines key: value"}
_MEND = {
    "source": "say where the number comes from; for one that was assumed, why",
    "status": "write checked, 'from memory, unconfirmed' or assumed",
}


def bare(loc: tuple[Any, ...]) -> tuple[str | int, ...]:
    """Return the place of a mistake without pydantic's own marks."""
    return tuple(part for part in loc if part != "[key]")


def words(error: Any) -> str:
    """Return what was given and what was expected."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return f"expected {str(error['msg']).removeprefix('Value error, ')}"
    given = "" if isinstance(error["input"], dict | BaseModel) else f"given {error['input']!r}, "
    if kind in _BOUNDS:
        return f"{given}expected {_BOUNDS[kind].format_map(context)}"
    if kind.endswith("_type"):
        return f"{given}expected {_KINDS.get(kind.split('_')[0], 'a section with value, source and status')}"
    return f"{given}{error['msg']}"


def invalid(error: ValidationError, document: Document, example: BaseModel) -> list[Mistake]:
    """Return the mistakes that pydantic found; `example` is a set of parameters without any."""
    return [_mistake(item, document, example) for item in error.errors(include_url=False)]


def _mistake(item: Any, document: Document, example: BaseModel) -> Mistake:
    loc = bare(tuple(item["loc"]))
    line, _ = document.find(loc)
    name = str(loc[-1]) if loc else ""
    if item["type"] == "missing":
        mend = _MEND.get(name, f"add '{name}:' to {told(loc[:-1]) or 'the file'}")
        return Mistake(line, told(loc), f"'{name}' is missing", mend=mend)
    if item["type"] not in {"extra_forbidden", "literal_error"}:
        return Mistake(line, told(loc), words(item))
    if item["type"] == "extra_forbidden":
        given, known = name, _known(loc, example)
    else:
        given, known = (
            str(item["input"]),
            str(item["ctx"]["expected"]).replace("' or '", "', '").strip("'").split("', '"),
        )
    near = nearest(given, known)
    expected = f"one of {', '.join(known)}" if known else ""
    return Mistake(line, told(loc), f"there is no '{given}'", expected, f"did you mean '{near}'?" if near else "")


def _known(loc: tuple[Any, ...], example: BaseModel) -> list[str]:
    node: Any = example
    for part in loc[:-1]:
        node = node.get(part) if isinstance(node, dict) else getattr(node, str(part), None)
    return sorted(type(node).model_fields) if isinstance(node, BaseModel) else []
