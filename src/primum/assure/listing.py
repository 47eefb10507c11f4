"""Clause maps and checklists as data files: what each item asks for, and which evidence of an audit speaks to it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from primum.assure.draft import DRAFTS
from primum.assure.present import ALWAYS, CHAPTERS
from primum.errors import PrimumError, unknown
from primum.usecase_part import Flag, Part, Slip, Whole, Words, refuse, twice
from primum.yaml_text import parse

Verification = Literal["V", "V2", "M"]
Fill = Literal["A", "P", "H"]
Kind = Literal["clauses", "checklists"]
KINDS: tuple[Kind, ...] = get_args(Kind)
VERIFIED = {
    "V": "verified in a source that was read",
    "V2": "taken from a secondary source; not checked against the primary text",
    "M": "from memory; not verified",
}
FILLED = {"A": "automatic", "P": "partly automatic", "H": "human text"}
TEXTS = (
    "title", "question", "intended_use", "population", "outcome.recorded_by", "decision.act", "decision.chosen",
    "no_harm.chosen", "scenario.setting", "scenario.decision",
)  # fmt: skip
"""Texts of a use case that an item may take as text given by a person."""


class Item(Part):
    """One clause, or one item of a checklist.

    Attributes
    ----------
    id
        As the source numbers it.
    asks
        What it asks for, in our own words.
    fill
        A automatic, P partly, H human text.
    verified
        How sure the item is: V, V2 or M; that of the list if left out.
    needs, also
        Evidence without which nothing can be said, and evidence that is named when it is there.
    lacks
        Why this version computes nothing for an item that could be filled in; such an item is missing.
    writes, human
        What the audit supplies, and what a person must still write.
    draft
        The text that the audit drafts for it; "" for none.
    refers
        Another framework → its codes for the same thing.
    texts
        Texts of the use case that a person gave for this.
    applies
        Whether it is only about developing a model, or only about evaluating one.
    """

    id: Words
    asks: Words
    fill: Fill
    verified: Verification | None = None
    needs: list[Words] = Field(default_factory=list)
    also: list[Words] = Field(default_factory=list)
    lacks: str = ""
    writes: str = ""
    human: str = ""
    draft: Literal[DRAFTS] | None = None  # type: ignore[valid-type]
    refers: dict[Words, list[Words]] = Field(default_factory=dict)
    texts: list[Literal[TEXTS]] = Field(default_factory=list)  # type: ignore[valid-type]
    applies: Literal["both", "development", "evaluation"] = "both"

    @field_validator("needs", "also")
    @classmethod
    def _known_needs(cls, needs: list[str]) -> list[str]:
        refuse(Slip((i,), f"'{n}' is no check code and no chapter") for i, n in enumerate(needs) if not _is_need(n))
        return needs

    @model_validator(mode="after")
    def _fill_fits(self) -> Self:
        if self.fill == "H" and (self.needs or self.lacks):
            refuse([Slip(("needs",), f"{self.id} is human text, so it needs no evidence; name it under also")])
        if self.fill != "H" and bool(self.needs) == bool(self.lacks):
            refuse([Slip(("needs",), f"{self.id} is filled by the audit: say which evidence it needs, or lacks: why")])
        return self


class Listing(Part):
    """One clause map or checklist.

    Attributes
    ----------
    name, title, version, source
        Which text it is about, in which state, and where that was read.
    verified
        How sure the items are where they do not say it themselves.
    applies_from
        Dates, in words, with their own verification.
    note
        What a reader must know.
    itemised
        False where the source's items are not all written out here.
    totals
        How many items of each fill mark there are; what is declared is checked.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: Words
    version: Words
    source: Words
    verified: Verification
    applies_from: str = ""
    note: str = ""
    itemised: Flag = True
    totals: dict[Fill, Whole] = Field(default_factory=dict)
    items: list[Item]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        slips = twice((i.id for i in self.items), "items", "id")
        for mark, said in self.totals.items():
            there = sum(i.fill == mark for i in self.items)
            if there != said:
                slips.append(Slip(("totals", mark), f"{said} items of fill {mark} are declared, and {there} are there"))
        refuse(slips)
        return self

    def sure(self, item: Item) -> Verification:
        """Return how sure an item is."""
        return item.verified or self.verified


def loads(text: str, where: str) -> Listing:
    """Return the listing in a YAML text; `where` names the text in messages.

    Raises
    ------
    PrimumError
        If the text is no YAML or has mistakes; all of them are told, each with its place.
    """
    try:
        data = parse(text)
    except yaml.YAMLError as error:
        raise PrimumError(f"{where} is no YAML: {error}.") from None
    try:
        return Listing.model_validate(data)
    except ValidationError as error:
        told = [_told(e["loc"], e["msg"]) for e in error.errors()]
        raise PrimumError(
            f"{where} has {len(told)} mistake{'s' if len(told) != 1 else ''}: {'; '.join(told)}.",
            expected="a clause map or checklist as the files in primum/assure",
        ) from None


def read(path: str | Path) -> Listing:
    """Return the listing in a file of the user's own.

    Raises
    ------
    PrimumError
        If there is no such file, or it has mistakes.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PrimumError(f"'{path}' cannot be read ({type(error).__name__}).", expected="a YAML file") from None
    return loads(text, str(path))


def names(kind: Kind) -> list[str]:
    """Return the names of the built-in clause maps or checklists."""
    return sorted(f.name.removesuffix(".yaml") for f in _files(kind))


@cache
def builtin(kind: Kind, name: str) -> Listing:
    """Return a built-in clause map or checklist.

    Raises
    ------
    PrimumError
        If there is none of that name.
    """
    for file in _files(kind):
        if file.name == f"{name}.yaml":
            found = loads(file.read_text(encoding="utf-8"), f"{kind}/{file.name}")
            if found.name != name:
                raise PrimumError(f"{kind}/{file.name} calls itself '{found.name}'.", expected=name)
            return found
    raise unknown("clause map" if kind == "clauses" else "checklist", name, names(kind))


def _files(kind: Kind) -> Iterable[Traversable]:
    return [f for f in (files("primum.assure") / kind).iterdir() if f.name.endswith(".yaml")]


def _is_need(need: str) -> bool:
    return all(_is_one(n) for n in need.split("|"))


def _is_one(need: str) -> bool:
    if need.startswith("PRM-"):
        return len(need) == 7 and need[4].isupper() and need[5:].isdigit()
    return need in ALWAYS or need.partition(".")[0] in CHAPTERS


def _told(place: tuple[int | str, ...], words: str) -> str:
    where = ".".join(str(p) for p in place)
    return f"{where}: {words}" if where else words
