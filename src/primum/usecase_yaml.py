"""YAML with a memory: text to plain data, and from every place in the data back to its line.

The dialect is that of editors (YAML 1.2): only `true` and `false` are truth values, so `equals: no` means the
text "no"; `1e-3` is a number; dates stay text, and so do numbers with leading zeros (codes such as `007`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from primum.errors import PrimumError

MAX_NODES = 50_000
_WHOLE = r"(?:0|[1-9][0-9]*)"
_POWER = r"(?:[eE][-+]?[0-9]+)"
_FLOAT = rf"[-+]?(?:{_WHOLE}\.[0-9]*|\.[0-9]+){_POWER}?|[-+]?{_WHOLE}{_POWER}|[-+]?\.(?:inf|Inf)|\.(?:nan|NaN)"
_PLAIN = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", rf"[-+]?{_WHOLE}", list("-+0123456789")),
    ("float", _FLOAT, list("-+0123456789.")),
    ("merge", r"<<", ["<"]),
)
"""Tag, pattern and first characters of the plain values that are more than text."""


class _Loader(yaml.SafeLoader):
    """Safe loading with the plain values of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML fills it on the class)


class _Dumper(yaml.SafeDumper):
    """Safe writing that quotes exactly what `_Loader` would take for something else."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML fills it on the class)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  (PyYAML's signature)
        """Write everything out: a reader should not have to look up."""
        return True


def _quoted(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Put text with line breaks that only Unicode knows in double quotes, where they are escaped."""
    style = '"' if set(text) & {"\x85", "\u2028", "\u2029"} else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _quoted)
for _name, _pattern, _first in _PLAIN:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), _first)


@dataclass(frozen=True)
class Document:
    """Plain data with the tree they were read from.

    Attributes
    ----------
    data
        What the YAML says.
    twice
        (line, key path) of every key that its mapping already has.
    """

    data: Any
    root: yaml.Node
    twice: tuple[tuple[int, tuple[str | int, ...]], ...]

    def find(self, path: tuple[str | int, ...]) -> tuple[int, tuple[str | int, ...]]:
        """Return the line of the deepest place on `path` that the text has, and the path that far."""
        node, line = self.root, self.root.start_mark.line + 1
        walked: list[str | int] = []
        for part in path:
            step = _child(node, part)
            if step is None:
                break
            line, node = step
            walked.append(part)
        return line, tuple(walked)


def read(text: str, where: str) -> Document:
    """Read YAML text.

    Raises
    ------
    PrimumError
        If the text is no YAML, is empty, has several documents, asks for Python objects, or grows out of
        proportion through aliases; the message has line and column.
    """
    loader: Any = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            raise PrimumError(f"{where} is empty.", mend="start from `primum init DATA` or a built-in use case")
        _size(root, {}, where)
        twice = tuple(_twice(root, ()))
        return Document(loader.construct_document(root), root, twice)
    except yaml.MarkedYAMLError as error:
        raise _told(error, text, where) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise PrimumError(
            f"{where}, line {line}: the character {chr(int(error.character))!r} is not allowed in YAML.",
            mend="delete it; it is invisible in some editors",
        ) from None
    except RecursionError:
        raise PrimumError(f"{where} is nested too deeply to be read.", expected="a handful of levels") from None
    except (ValueError, OverflowError) as error:
        raise PrimumError(f"{where} holds a value that cannot be read: {error}.") from None
    finally:
        if loader is not None:
            loader.dispose()


def write(data: Any) -> str:
    """Return plain data as YAML that `read` gives back unchanged."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _told(error: yaml.MarkedYAMLError, text: str, where: str) -> PrimumError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = text.splitlines()
    shown = lines[line - 1].rstrip() if line <= len(lines) else ""
    problem = str(error.problem or error.context or "not YAML")
    what, mend = problem, "compare the line with its neighbours: indentation, colons, quotes and brackets"
    if "\t" in shown[: max(column, len(shown) - len(shown.lstrip()))]:
        what, mend = "a tab where YAML wants spaces", "replace the tab by spaces"
    elif "could not determine a constructor" in problem:
        what, mend = "a tag (!…) that asks for an object", "remove the tag; a use case holds plain data only"
    elif "mapping values are not allowed" in problem:
        what = "a colon where none can be"
        mend = "put text that has a colon in quotes, and check the indentation"
    elif "expected a single document" in str(error.context) or "another document" in problem:
        what, mend = "a second document begins (---)", "one use case a file"
    elif "undefined alias" in problem:
        mend = "put text that begins with * in quotes"
    elif "cannot start any token" in problem:
        mend = "put text that begins with a special character (@ ` %) in quotes"
    elif "expected <block end>" in problem:
        what, mend = (
            "the indentation does not fit the lines above",
            "indent items of one list or section alike",
        )
    return PrimumError(
        f"{where}, line {line}, column {column}: {what}."
        + (f"\n  the line:  {shown[:100].strip()}" if shown.strip() else ""),
        mend=mend,
    )


def _child(node: yaml.Node, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):
            if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [n for pair in node.value for n in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _size(node: yaml.Node, known: dict[int, int], where: str) -> int:
    """Return how many nodes there are with every alias written out; refuse circles and floods."""
    if id(node) not in known:
        known[id(node)] = 0
        known[id(node)] = 1 + sum(_size(part, known, where) for part in _parts(node))
    elif known[id(node)] == 0:
        raise PrimumError(f"{where}, line {node.start_mark.line + 1}: an alias (*) stands inside its own anchor (&).")
    if known[id(node)] > MAX_NODES:
        raise PrimumError(f"{where} is too large for a use case: more than {MAX_NODES} entries.")
    return known[id(node)]


def _twice(node: yaml.Node, path: tuple[str | int, ...]) -> list[tuple[int, tuple[str | int, ...]]]:
    found: list[tuple[int, tuple[str | int, ...]]] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if isinstance(key, yaml.ScalarNode) and name in seen:
                found.append((key.start_mark.line + 1, (*path, name)))
            seen.add(name)
            found += _twice(value, (*path, name))
    elif isinstance(node, yaml.SequenceNode):
        for i, part in enumerate(node.value):
            found += _twice(part, (*path, i))
    return found
