"""Of a use case: what is known before the data, and which curves readers will see."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from primum.errors import nearest
from primum.usecase_data import Condition
from primum.usecase_part import Flag, Number, Part, Slip, Words, exactly_one, refuse, twice

Positive = Annotated[Number, Field(gt=0)]
Pair = Annotated[list[Words], Field(min_length=2, max_length=2)]
Together = Annotated[list[Words], Field(min_length=2)]


class Bound(Part):
    """An effect that may not be smaller or larger than this, for `per` units of a feature (logistic models)."""

    feature: Words
    low: Number
    high: Number
    scale: Literal["odds ratio", "log odds ratio"]
    per: Positive = 1.0
    reason: str = ""


class Published(Part):
    """A published effect: an odds ratio with its interval, or a coefficient with its standard error."""

    feature: Words
    odds_ratio: Number | None = None
    coefficient: Number | None = Field(None, description="a log odds ratio")
    low: Number | None = Field(None, description="lower limit, on the same scale as the effect")
    high: Number | None = None
    se: Number | None = Field(None, description="standard error of the coefficient, where there is no interval")
    level: Annotated[Number, Field(ge=0.5, lt=1)] = 0.95
    per: Positive = Field(1.0, description="units of the feature: 10 for an odds ratio per 10 years of age")
    source: Words = Field(description="where it was published")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        slips = exactly_one(self, "odds_ratio", "coefficient")
        interval = self.low is not None and self.high is not None
        if self.odds_ratio is not None and (not interval or self.se is not None):
            slips.append(Slip((), "an odds ratio needs its interval: low and high, and no se"))
        if self.coefficient is not None and interval == (self.se is not None):
            slips.append(Slip((), "a coefficient needs its interval (low and high) or its standard error (se)"))
        refuse(slips)
        return self


class ExpertRule(Part):
    """A rule on top of the primary model; it is certified like any repair, by what no_harm declares."""

    name: Words
    when: list[Condition] = Field(min_length=1, description="conditions on features, all of which must hold")
    at_least: Annotated[Number, Field(ge=0, le=1)] | None = Field(None, description="least risk")
    at_most: Annotated[Number, Field(ge=0, le=1)] | None = Field(None, description="greatest risk")
    select: Literal["always", "never"] | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        slips = []
        if self.at_least is None and self.at_most is None and self.select is None:
            slips.append(Slip((), "a rule needs a consequence: at_least, at_most or select"))
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            slips.append(Slip((), f"nothing is at least {self.at_least:g} and at most {self.at_most:g}"))
        refuse(slips)
        return self


class Prior(Part):
    """Prior knowledge: constraints on the primary model, published effects, expert rules; and shapes for readers."""

    monotone: dict[str, Literal["rises", "falls"]] = Field(
        default_factory=dict, description="feature -> the way the risk goes as it grows"
    )
    bounded: list[Bound] = Field(default_factory=list)
    allowed: list[Together] | None = Field(None, description="sets of features that may act together; [] forbids all")
    forbidden: list[Pair] = Field(default_factory=list, description="pairs of features that may not act together")
    published: list[Published] = Field(default_factory=list)
    adjusted_for: list[Words] = Field(
        default_factory=list, description="other features of numbers in the model that published effects are set in"
    )
    widen: Positive = Field(1.0, description="multiplies the standard error of published effects")
    rules: list[ExpertRule] = Field(default_factory=list)
    shapes: Flag = Field(default=True, description="show what the primary model makes of each feature")

    @property
    def constrained(self) -> bool:
        """Whether the model is held to anything."""
        return bool(self.monotone or self.bounded or self.forbidden or self.allowed is not None)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        slips = twice([b.feature for b in self.bounded], "bounded", "feature")
        slips += twice([p.feature for p in self.published], "published", "feature")
        slips += twice([r.name for r in self.rules], "rules", "name")
        refuse(slips)
        return self


def prior_slips(info: dict[str, Any], prior: Prior) -> list[Slip]:
    """Return what is wrong with the prior knowledge of a use case whose other parts were read into `info`."""
    features = list(info.get("features") or [])
    named: list[tuple[tuple[str | int, ...], str]] = [(("monotone", f), f) for f in prior.monotone]
    named += [(("bounded", i, "feature"), b.feature) for i, b in enumerate(prior.bounded)]
    named += [(("allowed", i, j), f) for i, s in enumerate(prior.allowed or []) for j, f in enumerate(s)]
    named += [(("forbidden", i, j), f) for i, s in enumerate(prior.forbidden) for j, f in enumerate(s)]
    named += [(("published", i, "feature"), p.feature) for i, p in enumerate(prior.published)]
    named += [(("adjusted_for", i), f) for i, f in enumerate(prior.adjusted_for)]
    named += [(("rules", i, "when", j), c.column) for i, r in enumerate(prior.rules) for j, c in enumerate(r.when)]
    slips = [
        Slip(("prior", *path), f"there is no feature '{f}'; there are {', '.join(features)}", nearest(f, features))
        for path, f in named
        if f not in features
    ]
    models = info.get("models") or []
    if prior.constrained and models and models[0].train is None:
        slips.append(
            Slip(("prior",), f"constraints need a primary model that is trained here; '{models[0].name}' is not")
        )
    if prior.constrained and models and models[0].train == "scorecard":
        slips.append(Slip(("prior",), "a scorecard takes no constraints; train: logistic, boosting or ebm does"))
    if prior.bounded and models and models[0].train not in {None, "logistic"}:
        slips.append(
            Slip(("prior", "bounded"), f"'{models[0].train}' has no single slope to bound; train: logistic has")
        )
    if prior.rules and info.get("no_harm", ...) is None:
        slips.append(Slip(("prior", "rules"), "expert rules are certified by what no group may lose: declare no_harm"))
    return slips
