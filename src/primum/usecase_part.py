"""What the parts of a use case are made of: strict plain types, and mistakes told with their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, Strict
from pydantic_core import PydanticCustomError

Scalar = bool | int | float | str
Number = Annotated[float, Strict()]
Whole = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
Words = Annotated[str, Field(pattern=r"\S")]


def whole_keys(value: object) -> object:
    """Let `1: Male` stand for `"1": Male`: keys that name values are text."""
    if not isinstance(value, Mapping):
        return value
    return {str(k) if isinstance(k, int) and not isinstance(k, bool) else k: v for k, v in value.items()}


class Slip(NamedTuple):
    """A mistake that a validator found: where (below the part, or from the root), and what in words."""

    path: tuple[str | int, ...]
    words: str
    near: str | None = None


def refuse(slips: Iterable[Slip], *, root: bool = False) -> None:
    """Raise one validation error for all slips; none, no error."""
    found = list(slips)
    if found:
        words = "; ".join(s.words + (f" (did you mean '{s.near}'?)" if s.near else "") for s in found)
        raise PydanticCustomError("use_case", "{words}", {"words": words, "slips": found, "root": root})


def exactly_one(part: BaseModel, *names: str) -> list[Slip]:
    """Return a slip unless exactly one of the named fields is given."""
    given = [n for n in names if getattr(part, n) is not None]
    if len(given) == 1:
        return []
    got = "none is given" if not given else " and ".join(given) + " are given"
    return [Slip((), f"exactly one of {', '.join(names)} is needed; {got}")]


def twice(values: Iterable[str | float], where: str, *path: str) -> list[Slip]:
    """Return a slip for every value that was there before; `path` leads on from the item."""
    seen: set[str | float] = set()
    slips = []
    for i, value in enumerate(values):
        key = value.casefold() if isinstance(value, str) and path else value
        if key in seen:
            slips.append(Slip((where, i, *path), f"'{value}' is there twice; each must be different"))
        seen.add(key)
    return slips


class Part(BaseModel):
    """Base of every part of a use case: unknown keys are mistakes, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
