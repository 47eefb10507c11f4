"""Mistakes in a use case in plain words: line, place, what was given, what was expected, what was meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from primum.errors import PrimumError, nearest

if TYPE_CHECKING:
    from pydantic import ValidationError

    from primum.usecase_part import Slip
    from primum.usecase_yaml import Document

Path = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Mistake:
    """One mistake. `path` reads like `groups[2].bins`; `line` counts from 1."""

    line: int
    path: str
    what: str
    expected: str = ""
    mend: str = ""

    def text(self) -> str:
        """Return the mistake as indented lines."""
        lines = [f"line {self.line}: {self.path}: {self.what}" if self.path else f"line {self.line}: {self.what}"]
        lines += [f"    expected: {self.expected}"] if self.expected else []
        lines += [f"    to mend:  {self.mend}"] if self.mend else []
        return "\n".join("  " + line for line in lines)


class UseCaseError(PrimumError):
    """All mistakes of one use case; `mistakes` lists them by line."""

    def __init__(self, where: str, mistakes: list[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        count = len(self.mistakes)
        head = f"{where} has {'a mistake' if count == 1 else f'{count} mistakes'}:"
        super().__init__("\n".join([head, *(m.text() for m in self.mistakes)]))


def told(path: Path) -> str:
    """Return a path as people write it: `groups[2].bins`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def doubled(document: Document) -> list[Mistake]:
    """Return the keys that stand twice in one mapping."""
    mend = "keep one; only one of them can count"
    return [
        Mistake(line, told(path), f"the key '{path[-1]}' is there twice", mend=mend) for line, path in document.twice
    ]


def invalid(error: ValidationError, document: Document, schema: Mapping[str, Any]) -> list[Mistake]:
    """Return the mistakes that pydantic found, one a place."""
    mistakes: dict[Path, Mistake] = {}
    for item in error.errors(include_url=False):
        for path, mistake in _mistakes(item, document, schema):
            mistakes.setdefault(path, mistake)
    return list(mistakes.values())


def _mistakes(item: Any, document: Document, schema: Mapping[str, Any]) -> Iterator[tuple[Path, Mistake]]:
    kind, loc, context = item["type"], tuple(item["loc"]), item.get("ctx", {})
    if kind == "use_case":
        base: Path = () if context["root"] else loc
        for n, slip in enumerate(context["slips"]):
            yield (*base, *slip.path, f"slip {n}"), _slipped(slip, base, document)
        return
    line, path = document.find(loc)
    if kind == "missing":
        name = str(loc[-1])
        described = str(_at(schema, loc).get("description", ""))
        mend = f"add '{name}:' to {told(path) or 'the use case'}"
        yield loc, Mistake(line, told(loc), f"'{name}' is missing", described, mend)
    elif kind == "extra_forbidden":
        yield loc, _unknown_key(line, loc, schema)
    elif kind == "invalid_key" or loc[-1:] == ("[key]",):
        key = _shown(item["input"])
        place = (*(loc[:-2] if loc[-1:] == ("[key]",) else loc[:-1]), key)
        line, _ = document.find(place)
        yield (
            loc,
            Mistake(line, told(place), f"the key {key} is not text", "a name", f'put quotes round it: "{key}"'),
        )
    else:
        given = item["input"]
        expected, mend = _expected(kind, given, context, _at(schema, path), item["msg"])
        yield path, Mistake(line, told(path), f"given {_shown(given)}", expected, mend)


def _slipped(slip: Slip, base: Path, document: Document) -> Mistake:
    path = (*base, *slip.path)
    line, _ = document.find(path)
    return Mistake(line, told(path), slip.words, mend=f"did you mean '{slip.near}'?" if slip.near else "")


def _unknown_key(line: int, loc: Path, schema: Mapping[str, Any]) -> Mistake:
    name = str(loc[-1])
    known = list(_at(schema, loc[:-1]).get("properties", {}))
    near = nearest(name, known)
    homes = [home.lower() for home, part in schema.get("$defs", {}).items() if name in part.get("properties", {})]
    mend = ""
    if near:
        mend = f"did you mean '{near}'?"
    elif name in schema["properties"]:
        mend = f"'{name}' belongs at the top level; check the indentation"
    elif homes:
        mend = f"'{name}' belongs in {' or '.join(homes)}; check the indentation"
    what = f"there is no '{name}' {'in ' + told(loc[:-1]) if len(loc) > 1 else 'in a use case'}"
    return Mistake(line, told(loc), what, "" if near else f"one of {', '.join(known)}", mend)


def _at(schema: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """Return the part of the JSON Schema that describes `path`; empty where it has none."""
    node: Mapping[str, Any] = schema
    for part in path:
        options = [_resolved(o, schema) for o in _resolved(node, schema).get("anyOf", [node])]
        for option in options:
            if isinstance(part, int):
                step = (option.get("prefixItems") or [option.get("items")])[min(part, 0)]
            else:
                step = option.get("properties", {}).get(part, option.get("additionalProperties"))
            if isinstance(step, Mapping):
                node = step
                break
        else:
            return {}
    kinds = [o for o in node.get("anyOf", []) if o.get("type") != "null"]
    inner = _resolved(kinds[0], schema) if len(kinds) == 1 else {}
    return {**inner, **_resolved(node, schema), **{k: v for k, v in node.items() if k != "$ref"}}


def _resolved(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    ref = node.get("$ref")
    found: Mapping[str, Any] = schema["$defs"][ref.rsplit("/", 1)[-1]] if ref else node
    return found


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a section" if value else "an empty section"
    text = repr(value) if isinstance(value, str | list) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


_SECTION = "a section: indented lines of the form key: value"
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": _SECTION,
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "list_type": "a list: [a, b], or one line each that begins with '- '",
    "model_attributes_type": _SECTION,
    "model_type": _SECTION,
    "string_too_long": "at most {max_length} characters",
    "string_type": "text",
    "too_long": "{max_length} entries at most",
    "too_short": "{min_length} or more entries",
    "tuple_type": "two numbers: [lowest, highest]",
}
"""What was expected, for the kinds of error that pydantic knows."""


def _expected(
    kind: str, given: Any, context: Mapping[str, Any], schema: Mapping[str, Any], message: str
) -> tuple[str, str]:
    """Return what was expected, and how to mend it."""
    if kind == "literal_error":
        choices = [str(c) for c in schema.get("enum") or [schema.get("const", context["expected"])]]
        near = nearest(given, choices) if isinstance(given, str) else None
        expected = f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
        return expected, f"did you mean '{near}'?" if near else ""
    if kind == "string_pattern_mismatch":
        empty = context["pattern"] == r"\S"
        return "some text" if empty else str(schema.get("description", message)), ""
    if {"boolean", "string"} <= {o.get("type") for o in schema.get("anyOf", [])}:
        return "a number, text, or true or false", ""
    return _EXPECTED.get(kind, message).format_map(context), _mend(kind, given)


def _mend(kind: str, given: Any) -> str:
    """Return how the value given can be turned into what was expected; "" when nothing is plain."""
    if kind == "bool_type" and isinstance(given, str):
        truth = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
        word = truth.get(given.lower(), given.lower() if given.lower() in {"true", "false"} else "")
        return f"write {word}, without quotes" if word else ""
    if kind == "string_type" and given is None:
        return "write it after the colon, or leave the key out"
    if kind == "string_type" and isinstance(given, bool | int | float):
        return f'put quotes round it: "{_shown(given)}"'
    if kind in {"float_type", "int_type"} and isinstance(given, str):
        return _as_number(given)
    if kind == "list_type" and isinstance(given, str | int | float):
        return f"put it in brackets: [{_shown(given)}]"
    return ""


def _as_number(text: str) -> str:
    bare = text.strip()
    percent = bare.endswith("%")
    try:
        number = float(bare.rstrip("% ").replace(",", "."))
    except ValueError:
        return ""
    return f"write {number / 100:g}" if percent else f"write {number:g}, without quotes and with a decimal point"
