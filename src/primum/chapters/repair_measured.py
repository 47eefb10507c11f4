"""How a version of the model does among the people kept untouched: its decisions, and its scores, for every group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.chapters.scored import tallied
from primum.cohort.cohort import Cohort
from primum.measure.table import EVERYONE, Settings, estimates, row
from primum.usecase import OVERALL, Model, UseCase

DECIDED = ("selection_rate", "sensitivity", "specificity", "ppv", "net_benefit")
SCORED = ("auroc", "brier", "oe_ratio", "calibration_slope")
OF_PROBABILITIES = ("brier", "oe_ratio", "calibration_slope", "net_benefit")


@dataclass(frozen=True)
class Version:
    """A model as it is, or repaired: what it says of the certified people.

    Attributes
    ----------
    name
        What readers see.
    score, decision
        Risk, and 1 for those it selects, shape (people,).
    """

    name: str
    score: npt.NDArray[np.float64]
    decision: npt.NDArray[np.int64]


def of_rows(cohort: Cohort, rows: npt.NDArray[np.int64]) -> Cohort:
    """Return the cohort of these rows only."""
    kept: dict[str, Any] = {
        name: None if value is None else value[rows]
        for name in ("outcome", "truth", "person", "family", "site", "weight")
        for value in [getattr(cohort, name)]
    }
    return replace(
        cohort,
        features=cohort.features[rows] if cohort.features.width else cohort.features,  # a score needs none
        groups=cohort.groups[rows],
        scores={name: score[rows] for name, score in cohort.scores.items()},
        **kept,
    )


def performance(usecase: UseCase, people: Cohort, model: Model, version: Version, cut: float) -> list[dict[str, Any]]:
    """Return long rows: every metric of `DECIDED` and `SCORED`, for everyone and for every group.

    Decisions are counted as they were made, also where each group has a threshold of its own; net benefit keeps the
    exchange rate of the declared threshold. Ranking and calibration come from the scores.
    """
    low, high = model.limits
    made = np.where(version.decision == 1, high, low)
    settings = Settings(at=cut, replicates=usecase.replicates, seed=usecase.seed, level=usecase.level)
    rows = []
    for score, metrics in ((made, DECIDED), (version.score, SCORED)):
        tally = tallied(usecase, people, model, score, cut)
        named = [m for m in metrics if tally.grid.probability or m not in OF_PROBABILITIES]
        for group in (None, *usecase.groups):
            names = [] if group is None else group.intersection or [group.title]
            view = tally.by(*names)
            found = estimates(view, named, settings)
            rows += [
                row(
                    estimate, model=version.name, metric=metric, attribute=OVERALL if group is None else group.title,
                    group=" · ".join(label) or EVERYONE, at=cut if metric in DECIDED else None,
                )
                for label, one in zip(view.groups, found, strict=True)
                for metric, estimate in one.items()
            ]  # fmt: skip
    return rows
