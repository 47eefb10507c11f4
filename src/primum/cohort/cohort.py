"""The people of an audit: who they are, what was known about them, and how the outcome turned out.

The last place where rows of patients live; everything downstream counts them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars as pl

Codes = np.ndarray[tuple[int], np.dtype[np.int64]]
Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
Outcomes = np.ndarray[tuple[int], np.dtype[np.int8]]


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One step from the rows read to the people analysed: `n` are left after it, `removed` left at it."""

    step: str
    n: int
    removed: int
    why: str


@dataclass(frozen=True)
class Cohort:
    """The people analysed, one position a row, all parts in the same order.

    Attributes
    ----------
    features
        The columns that models may use, missing codes already null; text is String, everything else numeric.
    outcome
        0 or 1, shape (n,). People whose outcome is unknown were removed in the flow; `unrecorded` counts
        them.
    truth
        A better measurement of the outcome: 0, 1 or NaN (not measured); None when the use case names none.
    groups
        One String column an attribute, without nulls: missing membership is the group "(missing)".
    levels
        Attribute -> its groups, in the order in which they are shown.
    scores
        Model -> score, turned so that higher means more risk; NaN only where the model excludes missing
        scores.
    person, family, site
        Integer codes from 0. A missing person or family is a cluster of its own; missing sites share one
        code.
    weight
        Non-negative, finite; None when the use case names none.
    flow
        From rows read to people analysed.
    unrecorded
        Attribute -> group -> {"n": people eligible, "unknown_outcome": those without a recorded outcome}.
    missing_codes
        Each value that was taken for "missing": column, code, count, how ("declared" or "detected").
    notes
        What a reader of the numbers should know, one sentence each.
    labels
        Column -> what it means in words, where the data say so.
    """

    features: pl.DataFrame
    outcome: Outcomes
    truth: Numbers | None
    groups: pl.DataFrame
    levels: dict[str, list[str]]
    scores: dict[str, Numbers]
    person: Codes | None
    family: Codes | None
    site: Codes | None
    weight: Numbers | None
    flow: list[FlowStep]
    unrecorded: dict[str, dict[str, dict[str, int]]]
    missing_codes: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """People analysed."""
        return int(self.outcome.size)

    @property
    def events(self) -> int:
        """People with the outcome."""
        return int(self.outcome.sum())
