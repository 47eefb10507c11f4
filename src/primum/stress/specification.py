"""A propagation study as data: which people, which truth, which biases at which doses, which algorithms, how often."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from primum.errors import PrimumError, nearest
from primum.measure.recording_trust import ERRORS
from primum.stress.arms import ARMS, UNCORRECTED, Rule
from primum.stress.biases import KINDS, build
from primum.usecase import UseCase
from primum.usecase_part import Number, Part, Slip, Whole, Words, exactly_one, refuse, twice

VERSION = 1
MOST_RUNS = 100_000
Share = Annotated[Number, Field(gt=0, lt=1)]


class Registry(Part):
    """A simulated depression registry: `primum.simulate.registry.population`."""

    parameters: Words = Field("denmark", description="denmark, or a YAML file")
    people: Annotated[Whole, Field(ge=100, le=5_000_000)] = Field(100_000, description="people a seed")


class Recipe(Part):
    """The small population of a fixed recipe: `primum.simulate.propagation_recipe`."""

    people: Annotated[Whole, Field(ge=100, le=5_000_000)] = Field(200_000, description="people a seed")


class Population(Part):
    """Where the people come from."""

    registry: Registry | None = None
    recipe: Recipe | None = None
    usecase: Words | UseCase | None = Field(None, description="a use case whose outcome has a truth: name or section")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        refuse(exactly_one(self, "registry", "recipe", "usecase"))
        return self


class StudyBias(Part):
    """A bias under a name of its own: one injector, or several one after the other."""

    name: Words
    parts: list[dict[str, Any]] = Field(min_length=1, description="each: kind, and the settings of that injector")
    error: str | None = Field(None, description="which line of the table of trust it should follow, if any")
    words: str = Field("", description="what happens, for readers")


class Study(Part):
    """The whole study; runs are (bias, dose, seed), each with every arm."""

    study: Literal[1] = Field(1, description="version of this format")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=80, description="lower-case letters, digits, hyphens")
    title: Words
    question: Words = Field(description="what the study asks, in one or two sentences")
    population: Population
    truth: Words | None = Field(None, description="column of 0 and 1 with the true outcome, of simulated people")
    group: Words = Field(description="column of group membership; of a use case, the name of its groups")
    features: list[Words] = Field(default_factory=list, description="columns that models use, without the group")
    threshold: Share | None = Field(None, description="select from this risk on")
    capacity: Share | None = Field(None, description="select this share of the people")
    exchange: Share | None = Field(None, description="the risk worth acting on, with a capacity: net benefit needs it")
    train_share: Share = Field(0.5, description="share of the people who train; the others are judged")
    split: Literal["random", "halves"] = Field("random", description="halves: the first part of the data trains")
    fitted_to: Literal["training", "judged"] = Field("training", description="whose record group thresholds are fitted")
    biases: list[StudyBias] = Field(min_length=1)
    doses: list[Annotated[Number, Field(ge=0, le=1)]] = Field(default_factory=lambda: [0.0, 0.5, 1.0], min_length=1)
    arms: list[str] = Field(default_factory=lambda: list(ARMS), min_length=1)
    seeds: Annotated[Whole, Field(ge=1, le=10_000)] = Field(10, description="how often; a seed is a new population")
    first_seed: Annotated[Whole, Field(ge=0, le=2**31)] = 1
    penalty: Annotated[Number, Field(ge=0)] = Field(1e-6, description="ridge of every logistic regression")
    margin: Share = Field(0.005, description="largest loss of utility that does not matter, for the no-harm arm")
    alpha: Annotated[Number, Field(gt=0, lt=0.5)] = Field(0.05, description="chance of a false certificate")
    tolerance: Share = Field(0.01, description="a metric survives when record and truth differ by less")
    level: Annotated[Number, Field(gt=0.5, lt=1)] = Field(0.95, description="of the intervals over seeds")
    notes: str = ""

    @model_validator(mode="after")
    def _rule(self) -> Self:
        slips = exactly_one(self, "threshold", "capacity")
        if self.capacity is not None and self.exchange is None:
            slips.append(Slip((), "a capacity needs exchange: the risk worth acting on, for net benefit"))
        if self.threshold is not None and self.exchange is not None:
            slips.append(Slip(("exchange",), "the exchange rate is that of the threshold; leave it out"))
        if len(self.runs()) > MOST_RUNS:
            slips.append(Slip((), f"the study has {len(self.runs()):,} runs; at most {MOST_RUNS:,}"))
        refuse(slips)
        return self

    @model_validator(mode="after")
    def _people(self) -> Self:
        slips = []
        if self.population.usecase is None:
            if self.truth is None:
                slips.append(Slip((), "a propagation study needs a truth: the column of the true outcome"))
            if not self.features:
                slips.append(Slip((), "features are needed: the columns that models use"))
            if self.group in self.features:
                at = ("features", self.features.index(self.group))
                slips.append(Slip(at, f"'{self.group}' is the group; arms add it where they use it"))
        elif self.truth is not None:
            slips.append(Slip(("truth",), "the truth is that of the use case's outcome; leave it out"))
        for i, bias in enumerate(self.biases):
            if bias.error is not None and bias.error not in ERRORS:
                words = f"there is no recording error '{bias.error}'; there are {', '.join(ERRORS)}"
                slips.append(Slip(("biases", i, "error"), words, nearest(bias.error, ERRORS)))
            try:
                build(bias.parts, self.group, name=bias.name)
            except PrimumError as error:
                more = f"; there are {', '.join(error.available)}" if error.available else ""
                more += f" (expected: {error.expected})" if error.expected else ""
                kind = str(bias.parts[0].get("kind", ""))
                near = nearest(kind, KINDS) if "kind of bias" in error.what else None
                slips.append(Slip(("biases", i, "parts"), error.what.rstrip(".") + more, near))
        refuse(slips)
        return self

    @field_validator("biases")
    @classmethod
    def _biases_once(cls, biases: list[StudyBias]) -> list[StudyBias]:
        refuse(twice((b.name for b in biases), "biases", "name"), root=True)
        return biases

    @field_validator("doses")
    @classmethod
    def _doses_rise(cls, doses: list[float]) -> list[float]:
        if sorted(set(doses)) != doses:
            refuse([Slip(("doses",), "doses are increasing, each once")], root=True)
        if doses[-1] == 0:
            refuse([Slip(("doses",), "a dose above 0 is needed: at 0 nothing changes")], root=True)
        return doses

    @field_validator("arms")
    @classmethod
    def _known_arms(cls, arms: list[str]) -> list[str]:
        slips = twice(arms, "arms")
        slips += [
            Slip(("arms", i), f"there is no arm '{a}'; there are {', '.join(ARMS)}", nearest(a, ARMS))
            for i, a in enumerate(arms)
            if a not in ARMS
        ]
        if UNCORRECTED not in arms:
            slips.append(Slip(("arms",), f"the arm '{UNCORRECTED}' is needed: every other one is compared with it"))
        refuse(slips, root=True)
        return arms

    @property
    def rule(self) -> Rule:
        """Who is selected, and what a decision is worth."""
        worth = self.threshold if self.threshold is not None else self.exchange
        return Rule(
            self.threshold, self.capacity, float(worth or 0.5), self.margin, self.alpha, self.fitted_to, self.penalty
        )

    @property
    def simulated(self) -> bool:
        """Whether each seed is a new population, rather than a new division of the same people."""
        return self.population.usecase is None

    def runs(self) -> list[tuple[int, float, int]]:
        """Return (number of the bias, dose, seed) of every run; at dose 0 all biases are one, number −1."""
        seeds = range(self.first_seed, self.first_seed + self.seeds)
        none = [(-1, 0.0, s) for s in seeds if 0.0 in self.doses]
        return none + [(b, d, s) for s in seeds for b in range(len(self.biases)) for d in self.doses if d > 0]

    def dump(self) -> dict[str, Any]:
        """Return the study as plain data that `Study.model_validate` reads back."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def hash(self, extra: Any = None) -> str:
        """Return the digest of everything that numbers depend on; not of what is only words.

        `extra` is what they depend on besides, such as a fingerprint of the people.
        """
        data = self.model_dump(mode="json", exclude={"title", "question", "notes"})
        for bias in data["biases"]:
            bias.pop("words")
        text = json.dumps([VERSION, data, extra], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()
