"""The clinical question, as data: who, what outcome, which decision, which harms, which margins.

A use case is read from YAML (`primum.load`) or built in Python. Every mistake is listed at once. Nothing here
reads patients.
"""

from __future__ import annotations

import codecs
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from primum.errors import nearest
from primum.usecase_part import (
    Flag,
    Number,
    Part,
    Scalar,
    Slip,
    Whole,
    Words,
    exactly_one,
    refuse,
    twice,
    whole_keys,
)

__all__ = [
    "CHAPTERS",
    "METRIC_IDS",
    "MISSING",
    "OVERALL",
    "SOURCES",
    "Condition",
    "Data",
    "Decision",
    "Derived",
    "Groups",
    "Identifiers",
    "Model",
    "Outcome",
    "Precision",
    "Scalar",
    "UseCase",
]

OVERALL = "overall"
MISSING = "(missing)"
CHAPTERS = ("people", "models", "performance", "groups", "record")
SOURCES = ("nhanes-2017-2018",)
METRIC_IDS = (
    "n", "prevalence", "selection_rate", "sensitivity", "specificity", "ppv", "npv", "fpr", "fnr", "accuracy",
    "balanced_accuracy", "brier", "auroc", "average_precision", "oe_ratio", "calibration_intercept",
    "calibration_slope", "net_benefit", "standardised_net_benefit", "nne", "fp_per_tp", "interventions_avoided",
    "debiased_calibration_error", "ici", "e50", "e90",
)  # fmt: skip
DESCRIPTIVE = ("n", "prevalence", "selection_rate")
"""Metrics that are neither better high nor better low: no shortfall can be declared on them."""
UNBOUNDED = (
    "oe_ratio",
    "calibration_intercept",
    "calibration_slope",
    "net_benefit",
    "standardised_net_benefit",
    "nne",
    "fp_per_tp",
    "interventions_avoided",
)
"""Metrics whose shortfall may exceed 1; every other one lies between 0 and 1."""


class Condition(Part):
    """One condition on one column: one test, or a lower and an upper bound.

    Rows where the column is missing are neither true nor false.
    """

    column: Words
    equals: Scalar | None = None
    one_of: Annotated[list[Scalar], Field(min_length=1)] | None = None
    none_of: Annotated[list[Scalar], Field(min_length=1)] | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    above: Number | None = None
    below: Number | None = None
    known: Flag | None = Field(None, description="true: the column has a value; false: it has none")

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        tests = [k for k in type(self).model_fields if k != "column" and getattr(self, k) is not None]
        lower = self.at_least if self.at_least is not None else self.above
        upper = self.at_most if self.at_most is not None else self.below
        pair = len(tests) == 2 and lower is not None and upper is not None
        if not tests:
            refuse([Slip((), f"a condition needs a test: {', '.join(list(type(self).model_fields)[1:])}")])
        elif len(tests) > 1 and not pair:
            refuse([Slip((), f"one test a condition ({' and '.join(tests)} are given); write two conditions")])
        elif pair and lower is not None and upper is not None and lower > upper:
            refuse([Slip((), f"from {lower:g} to {upper:g} there is nothing: the lower bound comes first")])
        return self


class Derived(Part):
    """A column computed from others, row by row; missing when any part is missing."""

    name: Words
    sum: list[Words] | None = Field(None, min_length=1, description="columns to add up")
    mean: list[Words] | None = Field(None, min_length=1, description="columns to average over those that are known")

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        refuse(exactly_one(self, "sum", "mean"))
        return self


class Data(Part):
    """Where the rows are and which values mean 'missing'."""

    source: str | None = Field(None, description="an embedded data set: nhanes-2017-2018")
    path: str | None = Field(None, description="file, folder or glob; relative to the use-case file")
    url: str | None = Field(None, description="database URL: duckdb:///file.db, sqlite:///…, postgresql://…")
    table: str | None = Field(None, description="table or SELECT statement, with url")
    missing_codes: dict[str, Annotated[list[Scalar], Field(min_length=1)]] = Field(
        default_factory=dict, description="column (or '*' for all) -> values that mean missing"
    )
    detect_missing_codes: Flag = Field(
        default=True,
        description="recognise common codes (?, -1, 9999, 5.4e-79 …); each one found is reported",
    )
    encoding: str = Field("utf8", description="of text files: utf8, latin1, cp1252 …")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        slips = []
        places = [k for k in ("source", "path", "url") if getattr(self, k) is not None]
        if len(places) > 1:
            slips.append(Slip((), f"the data are in one place: source, path or url; given: {' and '.join(places)}"))
        if self.source is not None and self.source not in SOURCES:
            words = f"there is no embedded data set '{self.source}'; there is {', '.join(SOURCES)}"
            slips.append(Slip(("source",), words, nearest(self.source, SOURCES)))
        if (self.url is None) != (self.table is None):
            slips.append(Slip((), "url and table go together: a database, and what to read from it"))
        try:
            codecs.lookup(self.encoding.removesuffix("-lossy"))
        except (LookupError, ValueError):
            slips.append(
                Slip(("encoding",), f"there is no encoding '{self.encoding}'; usual ones: utf8, latin1, cp1252")
            )
        refuse(slips)
        return self


class Outcome(Part):
    """What is predicted, how it was recorded, and whether the record differs from a measured truth."""

    name: Words = Field(description="in words, as a reader says it: 'depression'")
    when: list[Condition] = Field(min_length=1, description="all must hold for the outcome to be present")
    recorded_by: Words = Field(description="who or what wrote it down, and how")
    truth: list[Condition] | None = Field(
        None,
        min_length=1,
        description="a better measurement of the same thing, if there is one; all must hold",
    )
    truth_name: str | None = Field(None, description="the better measurement in words: 'HbA1c ≥ 6.5 %'")
    unrecorded_margin: Number = Field(
        0.05, gt=0, le=1, description="largest acceptable excess, in one group, of true cases that are not recorded"
    )

    @model_validator(mode="after")
    def _truth_has_conditions(self) -> Self:
        if self.truth_name is not None and self.truth is None:
            refuse([Slip(("truth_name",), "truth_name names a truth, but no conditions are given under truth")])
        return self


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


class Decision(Part):
    """What is done for patients above the threshold, and what the two kinds of mistake cost."""

    act: Words = Field(description="what happens to the people selected: 'invite for an interview'")
    threshold: Number | None = Field(None, description="act when the score is at or above this")
    other_thresholds: list[Number] = Field(default_factory=list, description="also shown, beside the one acted on")
    capacity: Annotated[Number, Field(gt=0, lt=1)] | None = Field(
        None, description="share of people that can be acted on"
    )
    chosen: str = Field("not stated", description="who chose the threshold, and how")
    miss: str = Field("is missed", description="what a miss means for the patient")
    false_alarm: str = Field("is alarmed for nothing", description="what a false alarm means")

    @model_validator(mode="after")
    def _threshold_or_capacity(self) -> Self:
        refuse(exactly_one(self, "threshold", "capacity") + twice(self.other_thresholds, "other_thresholds"))
        return self


class Precision(Part):
    """The least that must be known before a group is judged."""

    half_width: Number = Field(0.15, gt=0, description="widest acceptable half of the 95 % interval")
    events: Whole = Field(10, ge=1, description="fewest people with the outcome (or without, as the metric needs)")


class Model(Part):
    """A score to audit: trained here, or brought along."""

    name: str = Field(
        pattern=r"^\w[\w .,+()-]*$",
        max_length=80,
        description="short; letters, digits, spaces and . , + ( ) - _",
    )
    train: Literal["logistic", "boosting", "ebm"] | None = Field(None, description="a model trained here")
    score: Words | None = Field(None, description="a column that holds the score")
    higher_means: Literal["more risk", "less risk"] = "more risk"
    scale: Literal["probability", "points"] = "probability"
    range: tuple[Number, Number] | None = Field(None, description="lowest and highest possible points")
    file: str | None = Field(None, description="a fitted model: .skops or .onnx")
    missing_scores: Literal["refuse", "exclude"] = "refuse"
    description: str = ""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        slips = exactly_one(self, "train", "score", "file")
        if self.scale == "points" and self.range is None:
            slips.append(Slip((), "a model on a points scale needs its range: [lowest, highest]"))
        if self.scale == "probability" and self.range is not None:
            slips.append(Slip(("range",), "a range belongs to scale: points; probabilities go from 0 to 1"))
        if self.range is not None and not self.range[0] < self.range[1]:
            slips.append(Slip(("range",), "a range is [lowest, highest]"))
        if self.train is not None:
            slips += [
                Slip((k,), f"a model trained here gives the probability of the outcome; leave {k} out")
                for k, usual in (("scale", "probability"), ("higher_means", "more risk"))
                if getattr(self, k) != usual
            ]
        refuse(slips)
        return self

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest possible score."""
        return self.range if self.range is not None else (0.0, 1.0)


class Identifiers(Part):
    """Columns that say which rows belong together."""

    person: Words | None = None
    family: Words | None = None
    site: Words | None = None
    repeated_visits: Flag = Field(default=False, description="true: a person may have several rows")
    variance_by: Literal["person", "family", "site"] | None = Field(
        None, description="what people were sampled by, for the intervals; family and repeated visits if left out"
    )

    @model_validator(mode="after")
    def _visits_of_someone(self) -> Self:
        if self.repeated_visits and self.person is None:
            refuse([Slip((), "repeated_visits needs person: the column that says whose visit it was")])
        if self.variance_by is not None and getattr(self, self.variance_by) is None:
            refuse([Slip(("variance_by",), f"variance_by needs {self.variance_by}: the column that says which")])
        return self


class UseCase(Part):
    """The whole question; each section is a `Part` above. The first model is the primary one."""

    primum: Literal[1] = Field(1, description="version of this format")
    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        max_length=80,
        description="short: lower-case letters, digits and hyphens",
    )
    title: Words = Field(description="the title of the report")
    question: Words = Field(description="the clinical question in one sentence")
    intended_use: Words = Field(description="who would use the model, where, for what")
    data: Data = Field(Data(), description="where the rows are")
    derive: list[Derived] = Field(default_factory=list, description="columns computed from others")
    population: Words = Field(description="who the people are, in words")
    include: list[Condition] = Field(default_factory=list, description="filters, applied in order; each is counted")
    outcome: Outcome
    features: list[Words] = Field(default_factory=list, description="what trained models may use")
    weight: Words | None = Field(None, description="column of survey weights")
    identifiers: Identifiers = Field(Identifiers(), description="columns that say which rows belong together")
    groups: list[Groups] = Field(min_length=1, description="ways of dividing the patients")
    decision: Decision
    margins: dict[str, Annotated[Number, Field(gt=0)]] = Field(
        default_factory=lambda: {"sensitivity": 0.10},
        description="metric -> largest shortfall that is acceptable",
        json_schema_extra={"propertyNames": {"enum": [m for m in METRIC_IDS if m not in DESCRIPTIVE]}},
    )
    precision: dict[str, Precision] = Field(
        default_factory=dict,
        description="metric -> the least that must be known before a group is judged",
        json_schema_extra={"propertyNames": {"enum": list(METRIC_IDS)}},
    )
    models: list[Model] = Field(min_length=1, description="scores to audit; the first is the primary one")
    folds: Annotated[Whole, Field(ge=2, le=20)] = Field(5, description="parts for cross-fitting")
    replicates: Annotated[Whole, Field(ge=200, le=100_000)] = Field(1000, description="of the bootstrap")
    level: Annotated[Number, Field(gt=0.5, lt=1)] = Field(0.95, description="of the intervals")
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = Field(20260101, description="of all that is random")
    chapters: list[Literal["people", "models", "performance", "groups", "record"]] = Field(
        default_factory=lambda: list(CHAPTERS),  # type: ignore[arg-type]
        min_length=1,
        description="what to compute",
    )
    notes: str = Field("", description="free text; not part of the plan")

    @property
    def primary(self) -> Model:
        """The model that the report leads with: the first."""
        return self.models[0]

    @field_validator("derive")
    @classmethod
    def _columns_once(cls, derive: list[Derived]) -> list[Derived]:
        refuse(twice((d.name for d in derive), "derive", "name"), root=True)
        return derive

    @field_validator("features", "chapters")
    @classmethod
    def _each_once(cls, items: list[str], info: ValidationInfo) -> list[str]:
        refuse(twice(items, str(info.field_name)), root=True)
        return items

    @field_validator("groups")
    @classmethod
    def _groups_fit(cls, groups: list[Groups]) -> list[Groups]:
        slips = [
            Slip(("groups", s.path[1]), s.words.replace("is there", "is the name of groups"))
            for s in twice((g.title for g in groups), "groups", "name")
        ]
        plain = [g.title for g in groups if g.intersection is None]
        for i, group in enumerate(groups):
            for j, title in enumerate(group.intersection or []):
                if title not in plain:
                    words = f"there are no groups '{title}' to cross; there are {', '.join(plain) or 'none'}"
                    slips.append(Slip(("groups", i, "intersection", j), words, nearest(title, plain)))
                elif title in (group.intersection or [])[:j]:
                    slips.append(Slip(("groups", i, "intersection", j), f"'{title}' is crossed with itself"))
        refuse(slips, root=True)
        return groups

    @field_validator("margins", "precision")
    @classmethod
    def _known_metrics(cls, items: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        field = str(info.field_name)
        slips = []
        for metric, value in items.items():
            at = (field, metric)
            if metric not in METRIC_IDS:
                near = nearest(metric, METRIC_IDS)
                known = "" if near else f"; there are {', '.join(METRIC_IDS)}"
                slips.append(Slip(at, f"there is no metric '{metric}'{known}", near))
            elif field == "margins" and metric in DESCRIPTIVE:
                slips.append(Slip(at, f"{metric} is neither better high nor better low: it can have no margin"))
            elif field == "margins" and metric not in UNBOUNDED and value > 1:
                words = f"{metric} lies between 0 and 1, so its margin is at most 1; 10 points are 0.10"
                slips.append(Slip(at, words))
        refuse(slips, root=True)
        return items

    @field_validator("models")
    @classmethod
    def _models_fit(cls, models: list[Model], info: ValidationInfo) -> list[Model]:
        slips = twice((m.name for m in models), "models", "name")
        if "features" in info.data and not info.data["features"]:
            slips += [
                Slip(("models", i, "train"), "a model trained here needs features: the columns it may use")
                for i, m in enumerate(models)
                if m.train is not None
            ]
        decision = info.data.get("decision")
        if decision is not None:
            slips += _outside(decision, models)
        refuse(slips, root=True)
        return models

    def dump(self) -> dict[str, Any]:
        """Return the use case as plain, JSON-ready data, defaults left out."""
        return self.model_dump(mode="json", exclude_defaults=True)


def _outside(decision: Decision, models: list[Model]) -> list[Slip]:
    """Return a slip for every threshold that no score of some model can reach."""
    declared: list[tuple[tuple[str | int, ...], float]] = [
        (("decision", "other_thresholds", i), t) for i, t in enumerate(decision.other_thresholds)
    ]
    if decision.threshold is not None:
        declared.insert(0, (("decision", "threshold"), decision.threshold))
    slips = []
    for path, t in declared:
        model = next((m for m in models if not m.limits[0] <= t <= m.limits[1]), None)
        if model is not None:
            low, high = model.limits
            mend = (
                "" if model.scale == "points" else "; 10 % is 0.10, and points are declared: scale: points, range: […]"
            )
            slips.append(Slip(path, f"{t:g} is outside {low:g} to {high:g}, the scores of '{model.name}'{mend}"))
    return slips
