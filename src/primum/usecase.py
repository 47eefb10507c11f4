"""The clinical question, as data: who, what outcome, which decision, which harms, which margins.

A use case is read from YAML (`primum.load`) or built in Python. Every mistake is listed at once. Nothing here
reads patients.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from primum.errors import nearest
from primum.usecase_data import SOURCES, Condition, Data, Derived, Outcome
from primum.usecase_groups import MISSING, OVERALL, Groups
from primum.usecase_missing import Missing, missing_slips
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
)
from primum.usecase_prior import Prior, prior_slips
from primum.usecase_proxies import Discrimination, proxies_slips
from primum.usecase_recording import Recording, recording_slips
from primum.usecase_repair import NoHarm, Repair, no_harm_slips, repair_slips
from primum.usecase_scenario import Scenario, scenario_slips

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
    "Discrimination",
    "Groups",
    "Identifiers",
    "Missing",
    "Model",
    "NoHarm",
    "Outcome",
    "Precision",
    "Prior",
    "Recording",
    "Repair",
    "Scalar",
    "UseCase",
]

CHAPTERS = ("people", "models", "performance", "groups", "record")
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
    train: Literal["logistic", "boosting", "ebm", "scorecard"] | None = Field(None, description="a model trained here")
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
    no_harm: NoHarm | None = Field(None, description="when a repaired model is acceptable; needed for repairs")
    repairs: list[Repair] = Field(
        default_factory=list, description="repairs to try on the primary model; each declared one is tried"
    )
    recording: Recording | None = Field(None, description="what is known, or feared, about the record of the outcome")
    missing: Missing | None = Field(None, description="what is missing, for whom, and what could be done about it")
    discrimination: Discrimination | None = Field(None, description="proxies, burdens, and who was lost on the way")
    prior: Prior | None = Field(None, description="what is known before the data")
    scenario: Scenario | None = Field(None, description="who acts, who is affected, what is claimed")
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

    @field_validator("no_harm")
    @classmethod
    def _no_harm_fits(cls, no_harm: NoHarm | None, info: ValidationInfo) -> NoHarm | None:
        if no_harm is not None:
            refuse(no_harm_slips(info.data, no_harm), root=True)
        return no_harm

    @field_validator("recording", "missing", "discrimination", "prior", "scenario")
    @classmethod
    def _section_fits(cls, section: Any, info: ValidationInfo) -> Any:
        slips: dict[str | None, Any] = {
            "recording": recording_slips, "missing": missing_slips, "discrimination": proxies_slips,
            "prior": prior_slips, "scenario": lambda told, s: scenario_slips(told, s, METRIC_IDS),
        }  # fmt: skip
        if section is not None:
            refuse(slips[info.field_name](info.data, section), root=True)
        return section

    @field_validator("repairs")
    @classmethod
    def _repairs_fit(cls, repairs: list[Repair], info: ValidationInfo) -> list[Repair]:
        refuse([*twice((r.name for r in repairs), "repairs", "name"), *repair_slips(info.data, repairs)], root=True)
        return repairs

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
