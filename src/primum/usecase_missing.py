"""Of a use case: what is asked about missing values, and which ways of dealing with them are compared."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from primum.errors import nearest
from primum.usecase_part import Number, Part, Slip, Whole, Words, refuse, twice

Strategy = Literal[
    "complete case", "simple", "by group", "indicator", "chained", "chained with group",
    "chained with group and outcome", "native",
]  # fmt: skip
STRATEGIES: tuple[str, ...] = get_args(Strategy)
GROUPED = ("by group", "chained with group", "chained with group and outcome")
"""Strategies that tell groups apart."""
DRAWN = ("chained", "chained with group", "chained with group and outcome")
"""Strategies of which one draw is not the answer."""


class Missing(Part):
    """What is missing, for whom, and what could be done about it."""

    strategies: list[Strategy] = Field(
        default_factory=list, description="ways of dealing with gaps, compared with the model's own"
    )
    draws: Whole = Field(
        5, description="imputations of the strategies that are drawn; 2 to 100, 20 for a steady answer"
    )
    by: list[Words] | None = Field(None, min_length=1, description="names of the groups that a strategy may tell apart")
    columns: list[Words] | None = Field(
        None, min_length=1, description="features to look at; all that have gaps if left out"
    )
    blocks: dict[str, Annotated[list[Words], Field(min_length=1)]] = Field(
        default_factory=dict, description="inputs that go missing together: name -> features"
    )
    learner: Literal["logistic", "boosting", "ebm", "scorecard"] | None = Field(
        None, description="what is trained under each strategy; that of the primary model, else logistic"
    )
    shifts: list[Number] = Field(
        default_factory=lambda: [-1.0, -0.5, -0.25, 0.25, 0.5, 1.0],
        description="how far the unmeasured may lie from what was drawn for them, in standard deviations",
    )
    mask: Annotated[Number, Field(gt=0, le=0.5)] = Field(
        0.1, description="share of the known values that are hidden to see how well they are filled"
    )
    few: Whole = Field(5, ge=0, description="cells with fewer people than this are shown as few")
    margin: Annotated[Number, Field(gt=0, lt=1)] | None = Field(
        None, description="largest loss of net benefit per person that any group could bear when an input is missing"
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        slips = [
            *twice(self.strategies, "strategies"),
            *twice(self.columns or [], "columns"),
            *twice(self.by or [], "by"),
        ]
        drawn = [s for s in self.strategies if s in DRAWN]
        if self.draws > 100 or self.draws < (2 if drawn else 1):
            slips.append(
                Slip(("draws",), f"{self.draws} is no number of draws from 2 to 100: one draw taken for the truth "
                     "understates what is not known")
            )  # fmt: skip
        grouped = [s for s in self.strategies if s in GROUPED]
        if grouped and not self.by:
            slips.append(
                Slip(("by",), f"'{grouped[0]}' tells groups apart: say which under 'by', or choose another strategy")
            )
        slips += [
            Slip(("shifts", i), f"a shift of {v:g} standard deviations is none, or beyond anything plausible")
            for i, v in enumerate(self.shifts)
            if not 0 < abs(v) <= 10
        ]
        refuse(slips)
        return self


def missing_slips(info: dict[str, Any], missing: Missing) -> list[Slip]:
    """Return what is wrong with `missing` in a use case whose other parts were read into `info`."""
    slips: list[Slip] = []
    features = info.get("features")
    titles = [g.title for g in info.get("groups", []) if g.intersection is None]
    outcome = info.get("outcome")
    of_outcome = _columns_of(outcome)
    named: list[tuple[tuple[str | int, ...], str]] = [
        (("missing", "columns", i), c) for i, c in enumerate(missing.columns or [])
    ]
    named += [
        (("missing", "blocks", name, i), c) for name, listed in missing.blocks.items() for i, c in enumerate(listed)
    ]
    for path, column in named:
        if column in of_outcome:
            slips.append(
                Slip(path, f"'{column}' records the outcome, and an outcome is not imputed: people without one are "
                     "counted, by group, and left out")
            )  # fmt: skip
        elif features is not None and column not in features:
            slips.append(Slip(path, f"'{column}' is no feature of the models", nearest(column, features)))
    slips += [
        Slip(("missing", "by", i), f"there are no groups '{b}'; there are {', '.join(titles)}", nearest(b, titles))
        for i, b in enumerate(missing.by or [])
        if titles and b not in titles
    ]
    if missing.strategies and features is not None and not features:
        slips.append(Slip(("missing", "strategies"), "strategies are compared by training a model: name features"))
    models = info.get("models") or []
    if missing.strategies and models and models[0].scale == "points":
        slips.append(
            Slip(("missing", "strategies"), "the model that is trained here gives probabilities, and the decision is "
                 f"declared in the points of '{models[0].name}': strategies cannot be compared at it")
        )  # fmt: skip
    return slips


def _columns_of(outcome: Any) -> set[str]:
    """Return the columns in which the outcome, or a better measurement of it, is recorded."""
    conditions = [*(getattr(outcome, "when", None) or []), *(getattr(outcome, "truth", None) or [])]
    return {str(c.column) for c in conditions if getattr(c, "column", None) is not None}
