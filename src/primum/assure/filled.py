"""Clause maps and checklists filled in from a finished run: evidence supplied, and what a human must still write."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from primum.assure.draft import draft
from primum.assure.evidence import Finished, scenario_of
from primum.assure.listing import FILLED, VERIFIED, Item, Listing, builtin, names
from primum.assure.present import WHEN_FOUND, absent, holds, named, unknown_part
from primum.errors import unknown

UNSTATED = ("", "not stated")


class ItemState(StrEnum):
    """How far an item is filled in; an item is never ticked because there is some text.

    Human text is given where a person wrote it for this item. A text of the use case, written for something else,
    answers an item in part: a person must confirm it and add the rest. So an item that names what is still needed is
    never one whose text is given.
    """

    COMPUTED = "computed"
    DRAFTED = "drafted, a human must confirm"
    GIVEN = "human text given"
    MISSING = "missing"
    NOT_APPLICABLE = "not applicable"


WHY = {
    ItemState.GIVEN: "", ItemState.DRAFTED: "a text of the use case answers it in part",
    ItemState.MISSING: "a person must write this",
}  # fmt: skip
"""Why an item of human text alone is in a state."""


@dataclass(frozen=True)
class Filled:
    """One item, with what this run supplies for it.

    Attributes
    ----------
    listing, version, id, asks, refers
        Which clause or item, of which state of the text, asking for what; codes of the same in other frameworks.
    fill
        Automatic, partly automatic or human text.
    state, why
        How far it is filled in; why it is missing or does not apply.
    evidence
        What this run holds for it, in words.
    writes, draft
        What the audit supplies, and the text that it drafts for a person to confirm.
    human, text
        What a person must still write, and what they wrote, for this item or elsewhere in the use case.
    verified
        Whether the source of the item was verified, in words.
    words
        The whole as one statement.
    """

    listing: str
    version: str
    id: str
    asks: str
    refers: str
    fill: str
    state: ItemState
    why: str
    evidence: tuple[str, ...]
    writes: str
    draft: str
    human: str
    text: str
    verified: str
    words: str

    @property
    def said(self) -> str:
        """The state in words; of an item that does not apply, with the reason."""
        return f"{self.state} ({self.why})" if self.state is ItemState.NOT_APPLICABLE else str(self.state)

    def row(self) -> dict[str, Any]:
        """Return the item as one flat, JSON-ready row."""
        return {**asdict(self), "state": str(self.state), "evidence": "; ".join(self.evidence)}


def clauses(run: Finished) -> list[Filled]:
    """Return every clause of every built-in clause map, filled in from a finished run."""
    return [row for name in names("clauses") for row in fill(run, builtin("clauses", name))]


def checklist(run: Finished, name: str) -> list[Filled]:
    """Return the items of a built-in checklist, filled in from a finished run.

    Raises
    ------
    PrimumError
        If there is no checklist of that name, or the use case gives a text for an item that it does not have.
    """
    return fill(run, builtin("checklists", name))


def fill(run: Finished, listing: Listing) -> list[Filled]:
    """Return the items of a listing, filled in from a finished run.

    Raises
    ------
    PrimumError
        If the use case gives a text, or says not applicable, for an item that the listing does not have.
    """
    scenario = scenario_of(run)
    texts = scenario.texts.get(listing.name, {}) if scenario else {}
    without = scenario.not_applicable.get(listing.name, {}) if scenario else {}
    ids = [i.id for i in listing.items]
    for given in (*texts, *without):
        if given not in ids:
            raise unknown("item", given, ids, where=listing.title)
    return [_filled(run, listing, i, texts.get(i.id, ""), without.get(i.id, "")) for i in listing.items]


def _filled(run: Finished, listing: Listing, item: Item, text: str, without: str) -> Filled:
    without = without or _other_study(run, item)
    own = bool(text)
    text = text or " ".join(t for place in item.texts if (t := _of_usecase(run, place)) not in UNSTATED)
    evidence = tuple(named(run, n) for n in [*item.needs, *item.also] if holds(run, n))
    refers = "; ".join(f"{name} {', '.join(codes)}" for name, codes in item.refers.items())
    said = ItemState.GIVEN if own else ItemState.DRAFTED if text else ItemState.MISSING
    state, why = _state(run, item, said, without)
    human = "" if state is ItemState.GIVEN else item.human
    verified = VERIFIED[listing.sure(item)]
    drafted = draft(run, item.draft) if item.draft and state in {ItemState.COMPUTED, ItemState.DRAFTED} else ""
    return Filled(
        listing.title, listing.version, item.id, item.asks, refers, FILLED[item.fill], state, why, evidence,
        item.writes, drafted, human, text, verified,
        _statement(run, listing, item, state, why, evidence, verified, human),
    )  # fmt: skip


def _state(run: Finished, item: Item, said: ItemState, without: str) -> tuple[ItemState, str]:
    """Return the state of an item and why; `said` is the state that its text alone gives it.

    Computed: all that the item asks for is there as numbers, of every group. What is there in part is drafted, with
    the part that is lacking named.
    """
    if without:
        return ItemState.NOT_APPLICABLE, without
    if item.fill == "H":
        return said, WHY[said]
    if item.lacks:
        return said, item.lacks
    gone = [absent(run, n) for n in item.needs if not holds(run, n)]
    if gone:
        return said, "; ".join(gone)
    short = list(dict.fromkeys(w for n in item.needs if (w := unknown_part(run, n))))
    short += [absent(run, n) for n in item.also if n not in WHEN_FOUND and not holds(run, n)]
    if item.fill == "A" and not short:
        return ItemState.COMPUTED, ""
    return ItemState.DRAFTED, "; ".join(short)


def _other_study(run: Finished, item: Item) -> str:
    """Return why an item of another kind of study does not apply here, or ""."""
    trained = [m.train is not None for m in run.usecase.models]
    if item.applies == "development" and not any(trained):
        return "about developing a model; this audit trains none"
    if item.applies == "evaluation" and all(trained):
        return "about evaluating a model made elsewhere; every model is trained in this audit"
    return ""


def _of_usecase(run: Finished, place: str) -> str:
    held: Any = run.usecase
    for part in place.split("."):
        held = getattr(held, part, None)
        if held is None:
            return ""
    return str(held).strip()


def _statement(
    run: Finished,
    listing: Listing,
    item: Item,
    state: ItemState,
    why: str,
    evidence: tuple[str, ...],
    verified: str,
    human: str,
) -> str:
    """Return the standing sentence: evidence supplied for what, by what, on which data, and what is still needed."""
    name = f"{listing.title}, {item.id}"
    if state is ItemState.NOT_APPLICABLE:
        said = f"{name} does not apply: {why}"
    elif evidence:
        people = run.chapters.get("people", {}).get("n")
        on = f", on {people:,} people" if people else ""
        said = f"Evidence supplied for {name}, by {', '.join(evidence)}{on}"
        said += f"; yet {why}" if why else ""
    else:
        said = f"No evidence supplied for {name}"
        said += f": {why}" if why else ""
    if state is not ItemState.NOT_APPLICABLE and human:
        said += f"; still needs human text: {human}"
    note = "" if listing.sure(item) == "V" else f" What it asks for was {_how(verified)}."
    return f"{said}.{note}"


def _how(verified: str) -> str:
    return verified if verified.startswith("taken") else f"written {verified}"
