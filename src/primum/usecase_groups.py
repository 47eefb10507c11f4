"""Of a use case: the ways of dividing the patients."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from primum.errors import nearest
from primum.usecase_part import Number, Part, Slip, Words, exactly_one, refuse, whole_keys

OVERALL = "overall"
MISSING = "(missing)"


class Groups(Part):
    """One way of dividing the patients; missing membership is always a group of its own."""

    name: Words | None = Field(None, description="what readers see; the column's name if left out")
    column: Words | None = None
    bins: list[Number] | None = Field(None, min_length=1, description="inner edges: [35, 50] gives <35, 35-49, ≥50")
    labels: Annotated[dict[str, Words], BeforeValidator(whole_keys)] | None = Field(
        None, min_length=1, description="value in the data -> name shown"
    )
    intersection: list[Words] | None = Field(None, min_length=2, description="names of other groups to cross")
    reference: Words = Field(OVERALL, description="the group the others are compared with, or overall (everyone else)")
    role: Literal["confirmatory", "exploratory"] | None = Field(
        None, description="how many comparisons at once are allowed for; intersections are exploratory if left out"
    )
    population_shares: (
        Annotated[dict[str, Annotated[Number, Field(ge=0, le=1)]], BeforeValidator(whole_keys)] | None
    ) = Field(None, min_length=1, description="group -> share in the population the model is meant for")

    @property
    def title(self) -> str:
        """The name that readers see."""
        return self.name or self.column or " × ".join(self.intersection or [])

    @property
    def is_exploratory(self) -> bool:
        """Whether comparisons control the false discovery rate rather than any false finding at all."""
        return self.intersection is not None if self.role is None else self.role == "exploratory"

    @model_validator(mode="after")
    def _column_or_intersection(self) -> Self:
        slips = exactly_one(self, "column", "intersection")
        if self.bins is not None and sorted(set(self.bins)) != list(self.bins):
            slips.append(Slip(("bins",), "bins are inner edges in increasing order, each once"))
        if self.intersection is not None:
            slips += [
                Slip((k,), f"{k} belongs to the groups that are crossed, not to their intersection")
                for k in ("bins", "labels")
                if getattr(self, k) is not None
            ]
        if self.title.casefold() == OVERALL:
            at = ("name",) if self.name else ("column",)
            slips.append(Slip(at, f"'{OVERALL}' means everyone; give the groups another name"))
        refuse(slips + self._about_labels())
        return self

    def _about_labels(self) -> list[Slip]:
        if self.labels is None or self.bins is not None:
            return []
        shown = list(dict.fromkeys(self.labels.values()))
        slips = [
            Slip(("labels", k), f"'{v}' has a meaning of its own here; call the group something else")
            for k, v in self.labels.items()
            if v.casefold() == OVERALL
        ]
        if self.reference not in {OVERALL, MISSING, *shown}:
            told = self.labels.get(self.reference)
            words = f"the reference '{self.reference}' is not among the labels: {', '.join(shown)}, or {OVERALL}"
            slips.append(Slip(("reference",), words, told or nearest(self.reference, [*shown, OVERALL])))
        slips += [
            Slip(
                ("population_shares", g),
                f"'{g}' is not among the labels: {', '.join(shown)}",
                nearest(g, shown),
            )
            for g in self.population_shares or {}
            if g not in {MISSING, *shown}
        ]
        return slips

    @field_validator("population_shares")
    @classmethod
    def _shares_of_one(cls, shares: dict[str, float] | None) -> dict[str, float] | None:
        total = sum((shares or {}).values())
        if total > 1.02:
            refuse([Slip((), f"the shares sum to {total:.3g}; shares of one population sum to 1 at most")])
        return shares
