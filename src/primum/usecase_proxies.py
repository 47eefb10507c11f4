"""Of a use case: what would be discrimination here, which reasons are legitimate, and what a flag costs."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from primum.errors import nearest
from primum.usecase_part import Number, Part, Slip, Whole, Words, refuse, twice, whole_keys

Counted = Annotated[dict[str, Annotated[Whole, Field(ge=0)]], BeforeValidator(whole_keys), Field(min_length=1)]
MARGINS = (
    "added auroc",
    "direct use",
    "conditional disparity",
    "false alarms",
    "persistence",
    "share lost",
)
MARGIN_HELP = (
    "largest acceptable: 'added auroc' (AUROC of a group, given legitimate features), 'direct use' (share of decisions "
    "that change), 'conditional disparity', 'false alarms' (share ratio above 1), 'persistence' (share of the score) "
    "and 'share lost' (more than others, at any step)"
)


class Counting(Part):
    """A step before the data were read, counted elsewhere: invited, linked, …"""

    step: Words = Field(description="what readers see: 'invited'")
    people: dict[str, Counted] = Field(min_length=1, description="attribute -> group -> people there after the step")


class Discrimination(Part):
    """What is looked for in data and pipeline: proxies, direct use, unequal burdens, unequal losses."""

    groups: list[Words] | None = Field(
        None, min_length=1, description="names of the groups looked at; all but the exploratory if left out"
    )
    legitimate: list[Words] = Field(
        default_factory=list, description="features that are accepted reasons for the decision, whoever has them"
    )
    immutable: list[Words] = Field(default_factory=list, description="features that nobody can change: age, birthplace")
    historic: list[Words] = Field(
        default_factory=list, description="features that stay on file: past diagnoses, earlier reports"
    )
    strata: list[Words] | None = Field(
        None, min_length=1, description="features to compare within; the legitimate ones if left out"
    )
    selected_is: Literal["help", "burden"] = Field(
        "help", description="what being selected is: a help that can be refused, or a burden that can be imposed"
    )
    visible_to: str = Field("not stated", description="who sees that a person was flagged")
    cost: str = Field("not stated", description="what a flag costs the person who is flagged for nothing")
    learner: Literal["additive", "trees"] = Field(
        "additive", description="what tells groups from features: curves added up (quick), or trees with interactions"
    )
    retrained: Annotated[Whole, Field(ge=0, le=20)] = Field(
        3, description="how many of the strongest proxies the model is trained again without"
    )
    before: list[Counting] = Field(default_factory=list, description="steps before the data, in order")
    margins: dict[str, Annotated[Number, Field(gt=0, le=10)]] = Field(default_factory=dict, description=MARGIN_HELP)
    chosen: str = Field("not stated", description="who chose the legitimate features and the margins, and how")

    @field_validator("margins")
    @classmethod
    def _known(cls, margins: dict[str, float]) -> dict[str, float]:
        refuse(
            Slip((m,), f"there is no margin '{m}'; there are {', '.join(MARGINS)}", nearest(m, MARGINS))
            for m in margins
            if m not in MARGINS
        )
        return margins

    @field_validator("legitimate", "immutable", "historic")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        refuse([Slip((i,), f"'{b}' is there twice") for i, b in enumerate(names) if b in names[:i]])
        return names

    @field_validator("before")
    @classmethod
    def _nobody_joins(cls, before: list[Counting]) -> list[Counting]:
        slips = twice((b.step for b in before), "before", "step")
        for i, (one, two) in enumerate(pairwise(before), start=1):
            slips += [
                Slip((i, "people", a, g), f"{k:,} people at '{two.step}' and {one.people[a].get(g, 0):,} before it")
                for a, groups in two.people.items()
                if a in one.people
                for g, k in groups.items()
                if k > one.people[a].get(g, 0)
            ]
        refuse(slips)
        return before


def proxies_slips(info: dict[str, Any], told: Discrimination) -> list[Slip]:
    """Return what is wrong with `discrimination` in a use case whose other parts were read into `info`."""
    titles = [g.title for g in info.get("groups", [])]
    features = list(info.get("features") or [])
    slips = [
        Slip(("discrimination", *at), f"there are no groups '{n}'; there are {', '.join(titles)}", nearest(n, titles))
        for at, names in (
            (("groups",), told.groups or []),
            *((("before", i, "people"), list(b.people)) for i, b in enumerate(told.before)),
        )
        for n in names
        if titles and n not in titles
    ]
    for field in ("legitimate", "immutable", "historic", "strata"):
        slips += [
            Slip(
                ("discrimination", field, i),
                f"there is no feature '{n}'" + ("" if features else ": the use case names no features"),
                nearest(n, features),
            )
            for i, n in enumerate(getattr(told, field) or [])
            if n not in features
        ]
    return slips
