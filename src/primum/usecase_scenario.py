"""Of a use case: who acts, who is affected, what happens on error and to whom; and the claims made about the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from primum.usecase_part import Number, Part, Slip, Whole, Words, refuse, twice

Requirement = Literal[
    "human agency and oversight", "technical robustness and safety", "privacy and data governance", "transparency",
    "diversity, non-discrimination and fairness", "societal and environmental wellbeing", "accountability",
]  # fmt: skip
REQUIREMENTS: tuple[str, ...] = get_args(Requirement)
"""The seven requirements of the High-Level Expert Group on AI (2019)."""
Direction = Literal["at least", "at most", "within"]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
MEASURED = ("metric", "threshold", "direction")


class Actor(Part):
    """Somebody who uses the model, is judged by it, or is affected by what follows."""

    name: Words
    part: Literal["decides", "is judged", "is affected", "answers for it"] = Field(
        description="what this actor has to do with the model"
    )
    about: str = Field("", description="who this is, and what they want from the model")


class WhenWrong(Part):
    """What happens when the model errs, and to whom."""

    error: Literal["miss", "false alarm", "no score"]
    to: Words = Field(description="the name of the actor who bears it")
    what: Words = Field(description="what happens to them, in plain words")
    noticed: str = Field("not stated", description="who would notice, and when")
    undone: str = Field("not stated", description="whether and how it can be put right")


class Claim(Part):
    """A statement that a number can refute, or that a named person judges."""

    name: Slug = Field(description="short: lower-case letters, digits and hyphens")
    says: Words = Field(description="the claim in one sentence")
    requirement: Requirement = Field(description="which of the seven requirements it serves")
    metric: Words | None = Field(None, description="the number that decides: sensitivity, share_unrecorded, …")
    check: Annotated[str, Field(pattern=r"^PRM-[A-Z]\d\d$")] | None = Field(
        None, description="take the number from findings of this check; from the tables of performance if left out"
    )
    attribute: Words | None = Field(None, description="the name of groups; everyone together if left out")
    group: Words | None = None
    comparator: Words | None = Field(
        None, description="then the number is the difference: group minus this (a group, or 'everyone else')"
    )
    model: Words | None = Field(None, description="the primary one if left out")
    direction: Direction | None = None
    threshold: Number | None = None
    half_width: Annotated[Number, Field(gt=0)] | None = Field(
        None, description="widest half of the interval that can support the claim"
    )
    events: Annotated[Whole, Field(ge=1)] | None = Field(None, description="fewest people that it may rest on")
    judge: Words | None = Field(None, description="who decides, where no number can")
    judgement: str = Field("", description="what they decided, and when")
    warrant: str = Field("", description="why this number speaks to the claim")
    rebuttals: list[Words] = Field(default_factory=list, description="what would make the number mislead")

    @model_validator(mode="after")
    def _a_number_or_a_person(self) -> Self:
        given = [k for k in MEASURED if getattr(self, k) is not None]
        slips = []
        if self.judge is None and len(given) < len(MEASURED):
            lacking = ", ".join(k for k in MEASURED if k not in given)
            slips.append(Slip((), f"a claim needs {', '.join(MEASURED)}, or judge: who decides; {lacking} is lacking"))
        if self.judge is not None and given:
            slips.append(Slip(("judge",), f"a claim that a person judges has no {', '.join(given)}"))
        if (self.attribute is None) != (self.group is None):
            slips.append(Slip((), "attribute and group belong together"))
        if self.comparator is not None and self.group is None:
            slips.append(Slip(("comparator",), "everyone together has nobody to be compared with"))
        if self.direction == "within" and not (self.threshold or 0) > 0:
            slips.append(Slip(("threshold",), "within asks for a threshold above 0: how far from 0 is near enough"))
        refuse(slips)
        return self


class Tension(Part):
    """Two claims that pull against each other, and who chose where to stand."""

    name: Words
    between: tuple[Slug, Slug] = Field(description="the names of two claims")
    kind: Literal["true dilemma", "dilemma in practice", "false dilemma", "not classified"] = "not classified"
    chosen: str = Field("not stated", description="what was chosen, and why")
    owner: str = Field("not stated", description="who answers for the choice")


class Scenario(Part):
    """The socio-technical setting of the model."""

    setting: Words = Field(description="where and when the model is used, by whom, beside what")
    actors: list[Actor] = Field(min_length=1)
    decision: str = Field("", description="who decides on what, and what the score adds to what they know")
    on_error: list[WhenWrong] = Field(default_factory=list, description="what happens when it errs, and to whom")
    claims: list[Claim] = Field(default_factory=list)
    tensions: list[Tension] = Field(default_factory=list)
    texts: dict[str, dict[str, Words]] = Field(
        default_factory=dict,
        description="clause map, checklist or page (model-card, datasheet) -> item -> text that a person gives; "
        "or a language (nl) -> words of this use case -> their translation",
    )
    not_applicable: dict[str, dict[str, Words]] = Field(
        default_factory=dict, description="clause map or checklist -> item -> why it does not apply"
    )

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        actors, claims = [a.name for a in self.actors], [c.name for c in self.claims]
        slips = [*twice(actors, "actors", "name"), *twice(claims, "claims", "name")]
        slips += [
            Slip(("on_error", i, "to"), f"there is no actor '{e.to}'; there are {', '.join(actors)}")
            for i, e in enumerate(self.on_error)
            if e.to not in actors
        ]
        for i, tension in enumerate(self.tensions):
            slips += [
                Slip(("tensions", i, "between"), f"there is no claim '{n}'; there are {', '.join(claims) or 'none'}")
                for n in tension.between
                if n not in claims
            ]
            if len(set(tension.between)) == 1:
                slips.append(Slip(("tensions", i, "between"), "a tension is between two different claims"))
        refuse(slips)
        return self


def scenario_slips(info: dict[str, Any], scenario: Scenario, metrics: Sequence[str]) -> list[Slip]:
    """Return what is wrong with `scenario` in a use case whose other parts were read into `info`.

    `metrics` are the names that a claim without `check` may use.
    """
    titles = [g.title for g in info.get("groups", [])]
    models = [m.name for m in info.get("models", [])]
    slips = []
    for i, claim in enumerate(scenario.claims):
        at = ("scenario", "claims", i)
        if claim.attribute is not None and titles and claim.attribute not in titles:
            words = f"there are no groups '{claim.attribute}'; there are {', '.join(titles)}"
            slips.append(Slip((*at, "attribute"), words))
        if claim.check is None and claim.metric is not None and claim.metric not in metrics:
            slips.append(Slip((*at, "metric"), f"there is no metric '{claim.metric}'; there are {', '.join(metrics)}"))
        if claim.check is None and claim.model is not None and models and claim.model not in models:
            slips.append(Slip((*at, "model"), f"there is no model '{claim.model}'; there are {', '.join(models)}"))
    return slips
