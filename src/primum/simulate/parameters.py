"""Parameters of a simulated depression registry: every number with its published source and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

T = TypeVar("T")

Status = Literal["checked", "from memory, unconfirmed", "assumed"]
Effect = Literal[
    "male", "decade", "young", "chronic_disease", "outside_work", "lives_alone", "short_education", "low_income",
    "earlier_contact", "migrant", "contacts", "severity", "in_tears", "low_mood", "risk_taking", "alcohol",
    "irritability", "self_harm",
]  # fmt: skip
"""What a chance may depend on; see `households.terms` for the units. Severity runs from -1 (mild) to 1."""
Background = Literal[
    "male", "decade", "young", "chronic_disease", "outside_work", "lives_alone", "short_education", "low_income",
    "earlier_contact", "migrant", "contacts",
]  # fmt: skip
"""What is there before anybody falls ill."""
Symptom = Literal[
    "low_interest", "low_mood", "sleep", "tired", "appetite", "worthless", "concentration", "slowed", "self_harm",
    "in_tears", "risk_taking", "alcohol", "irritability",
]  # fmt: skip
NINE: tuple[Symptom, ...] = (
    "low_interest", "low_mood", "sleep", "tired", "appetite", "worthless", "concentration", "slowed", "self_harm",
)  # fmt: skip
"""The nine answers that are added up, 0 to 3 each."""
FURTHER: tuple[Symptom, ...] = ("in_tears", "risk_taking", "alcohol", "irritability")
GRADES = ("mild", "moderate", "severe")


def _adds_to_one(shares: Any) -> Any:
    values = list(shares.values()) if isinstance(shares, Mapping) else list(shares)
    if abs(sum(values) - 1) > 1e-6:
        raise ValueError(f"shares that add to 1; these add to {sum(values):g}")
    return shares


def _bands(shares: dict[str, float]) -> dict[str, float]:
    for band in shares:
        first, _, last = band.partition("-")
        if not (first.isdigit() and last.isdigit() and 18 <= int(first) <= int(last) <= 99):
            raise ValueError(f"bands of whole years from 18 to 99 such as 18-29; '{band}' is none")
    return shares


Share = Annotated[float, Field(ge=0, le=1)]
Chance = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Sexes = Literal["female", "male"]
Grade = Literal["mild", "moderate", "severe"]
Size = Annotated[float, Field(ge=-5, le=5)]
Effects = dict[Effect, Size]
BackgroundEffects = dict[Background, Size]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Number(_Part, Generic[T]):
    """A value (or a few that belong together), where it comes from, and how sure that is.

    Attributes
    ----------
    value
        What the simulation uses.
    low, high
        The published interval, where there is one.
    source
        The publication, or, for a number that was assumed, the reason for it.
    status
        "checked" against the source's text; "from memory, unconfirmed"; or "assumed" by the authors of primum.
    """

    value: T
    low: float | None = None
    high: float | None = None
    source: Annotated[str, Field(min_length=10)]
    status: Status

    @model_validator(mode="after")
    def _inside(self) -> Self:
        low, high = self.low, self.high
        if isinstance(self.value, float) and low is not None and high is not None and not low <= self.value <= high:
            raise ValueError(f"a value inside its own interval, {low:g} to {high:g}")
        return self


class People(_Part):
    """Who lives there, and with whom."""

    female_share: Number[Chance]
    head_ages: Number[Annotated[dict[str, Share], AfterValidator(_adds_to_one), AfterValidator(_bands)]]
    family_sizes: Number[Annotated[list[Share], Field(min_length=1, max_length=8), AfterValidator(_adds_to_one)]]
    municipalities: Number[Annotated[int, Field(ge=1, le=1000)]]
    education: Number[Annotated[dict[Literal["short", "medium", "long"], Share], AfterValidator(_adds_to_one)]]
    income: Number[Positive]
    income_spread: Number[NotNegative]
    outside_work: Number[Chance]
    retirement_age: Number[Annotated[float, Field(ge=50, le=99)]]
    lives_alone: Number[Chance]
    migrant: Number[Chance]
    chronic_diseases: Number[Positive]
    chronic_diseases_decade: Number[NotNegative]
    contacts: Number[Positive]
    earlier_contact_lifetime: Number[dict[Sexes, Chance]]


class Disorder(_Part):
    """Who is depressed, and how severely."""

    prevalence: Number[Chance]
    sex_ratio: Number[Positive]
    effects: Number[BackgroundEffects]
    family_spread: Number[NotNegative]
    municipality_spread: Number[NotNegative]
    severity: Number[Annotated[dict[Grade, Chance], AfterValidator(_adds_to_one)]]


class Item(_Part):
    """One answer: how sharply it follows the trait, where its steps lie, and how the sexes differ.

    `effect_size` is men minus women among the depressed, in standard deviations of the answer; `shares` are
    shares of "yes" among the depressed, for a yes/no answer; with neither the sexes answer alike.
    """

    discrimination: Positive
    steps: Annotated[list[float], Field(min_length=1, max_length=3)]
    effect_size: Annotated[float, Field(ge=-2, le=2)] | None = None
    shares: dict[Sexes, Chance] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if sorted(self.steps) != self.steps:
            raise ValueError("steps in increasing order")
        if self.shares is not None and (len(self.steps) != 1 or self.effect_size is not None):
            raise ValueError("'shares' with one step and without 'effect_size'")
        return self


class Symptoms(_Part):
    """What people answer to a questionnaire."""

    trait: Number[dict[Literal["none", "mild", "moderate", "severe"], float]]
    trait_spread: Number[dict[Literal["none", "depressed"], Positive]]
    items: dict[Symptom, Number[Item]]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        lacking = [s for s in (*NINE, *FURTHER) if s not in self.items]
        if lacking:
            raise ValueError(f"every symptom; there is no {', '.join(lacking)}")
        return self


class HelpSeeking(_Part):
    """Who sees a general practitioner about it within the year."""

    share: Number[Chance]
    consultations: Number[NotNegative]
    effects: Number[Effects]


class Recognition(_Part):
    """Whom the general practitioner recognises, at one consultation."""

    sensitivity: Number[Chance]
    mild_sensitivity: Number[Chance]
    effects: Number[Effects]
    municipality_spread: Number[NotNegative]


class Record(_Part):
    """Who gets into a register; the effects apply to people who were recognised."""

    sensitivity: Number[Chance]
    severe_sensitivity: Number[Chance]
    sex_ratio: Number[Positive]
    ppv: Number[Chance]
    yearly_log_odds: Number[float]
    effects: Number[Effects]
    false_effects: Number[BackgroundEffects]


class Diagnosis(Record):
    """The hospital register, which also grades."""

    ppv_by_grade: Number[dict[Grade, Chance]]


class Followup(_Part):
    """Calendar time, deaths and emigration."""

    first_year: Annotated[int, Field(ge=1900, le=2100)]
    last_year: Annotated[int, Field(ge=1900, le=2100)]
    longest: Positive
    mortality_at_60: Number[Positive]
    mortality_per_year: Number[Positive]
    mortality_female_ratio: Number[Positive]
    mortality_chronic_ratio: Number[Positive]
    mortality_ratio: Number[Positive]
    emigration: Number[NotNegative]

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.last_year < self.first_year:
            raise ValueError(f"a last year that is not before the first, {self.first_year}")
        return self


class Comparisons(_Part):
    """Published numbers that the population is compared with and not made from."""

    registered_sex_ratio: Number[Positive]
    answers_sensitivity: Number[Chance]
    answers_specificity: Number[Chance]


class Parameters(_Part):
    """All numbers of one simulated country."""

    primum: Literal[1] = 1
    name: Annotated[str, Field(min_length=1)]
    title: Annotated[str, Field(min_length=1)]
    people: People
    disorder: Disorder
    symptoms: Symptoms
    help_seeking: HelpSeeking
    recognition: Recognition
    prescription: Record
    diagnosis: Diagnosis
    followup: Followup
    comparisons: Comparisons
