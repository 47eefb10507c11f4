"""Crowded bins of `primum`: every bin with people enough, edges on round numbers, no rare category by name."""

from __future__ import annotations

import math

import numpy as np

from primum.disclose.model_crowd import Crowd, behind, short
from primum.disclose.model_finding import GateFinding
from primum.disclose.model_parts import Part, matrix_of

CLOSE = 1e-9


def bins_findings(part: Part, people: Crowd) -> list[GateFinding]:
    """Return findings on crowded bins (R1, R5, R15), from the training data and not from what the bins say.

    Of each feature the people are counted that its columns tell apart, missing values among them.
    """
    values, thing, where = matrix_of(part.X), part.thing, part.where
    design = np.asarray(thing.transform(part.X))
    small = total = 0
    for j in sorted({c[0] for c in thing.columns_}):
        mine = [k for k, c in enumerate(thing.columns_) if c[0] == j]
        patterns, at = np.unique(design[:, mine], axis=0, return_inverse=True)
        small += int(short(people, np.ravel(at), len(patterns)).sum())
        total += len(patterns)
    found = []
    if small:
        words = f"{small} of {total} bins hold fewer than {people.t} people (or households)."
        found.append(GateFinding("R1", f"{where}.columns_", "blocked", words, f"use least={people.t} or more"))
    rare = sum(_few(values[:, j], c, people) for j, own in thing.named_.items() for c in {*own, thing.usual_[j]})
    if rare:
        words = f"{rare} categories are kept that fewer than {people.t} people have."
        found.append(GateFinding("R15", f"{where}.named_", "blocked", words, f"use least={people.t} or more"))
    kept = [(j, at) for j, kind, at in thing.columns_ if kind == "from"] + [(j, thing.usual_[j]) for j in thing.steps_]
    odd = sum(not _round(float(at), float(thing.steps_[j])) for j, at in kept)
    if odd:
        words = f"{odd} numbers are no multiples of a round step, so they may be values of people."
        found.append(
            GateFinding("R5", f"{where}.columns_", "blocked", words, "fit the bins again, and leave them alone")
        )
    words = f"Each of {total} bins holds at least {people.t} people, and every edge is a round number."
    return found or [GateFinding("R5", f"{where}.columns_", "safe", words)]


def _few(column: np.ndarray, code: float, people: Crowd) -> bool:
    return bool(behind(people, np.where(column == code, 0, -1), 1)[0] < people.t)


def _round(edge: float, step: float) -> bool:
    """Say whether a step is 1, 2 or 5 times a power of ten, and an edge a multiple of it."""
    if not step > 0:
        return edge == 0
    lead = step / 10 ** math.floor(math.log10(step) + CLOSE)
    times = edge / step
    return min(abs(lead - m) for m in (1, 2, 5)) < CLOSE and abs(times - round(times)) < CLOSE * max(1, abs(times))
