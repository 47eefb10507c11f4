"""What the data call a column, for readers: its label where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from primum.report.source import Audited, chapter

HOLD = frozenset(
    {
        "column", "columns", "feature", "historic", "immutable", "legitimate", "loss", "not_used", "own", "retrained",
        "strata", "strata_left_out", "variable",
    }
)  # fmt: skip
"""The entries of chapters that hold names of columns."""


def labels(people: Mapping[str, Any]) -> dict[str, str]:
    """Return column → label from the chapter on the people; {} where the data have none."""
    return {name: str(label).rstrip("?. ") for name, label in (people.get("labels") or {}).items()}


def labelled(run: Audited, name: str) -> dict[str, Any]:
    """Return a chapter in which columns have their labels, or an empty one when the use case left it out."""
    return dict(relabelled(chapter(run, name), labels(chapter(run, "people"))))


def relabelled(held: Any, names: Mapping[str, str]) -> Any:
    """Return a chapter, or a part of it, with labels in place of the names of columns."""
    if not names:
        return held
    if isinstance(held, Mapping):
        return {k: _named(v, names) if k in HOLD else relabelled(v, names) for k, v in held.items()}
    return [relabelled(v, names) for v in held] if isinstance(held, list) else held


def _named(value: Any, names: Mapping[str, str]) -> Any:
    """Return the names of columns in an entry as labels; what is none of them stays, in its parts too."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return [names.get(v, v) for v in value]
    if isinstance(value, Mapping) and all(isinstance(v, list) for v in value.values()):
        return {k: _named(v, names) for k, v in value.items()}
    return relabelled(value, names)
