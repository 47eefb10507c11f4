"""What a rule costs or gives each group: paired differences in log loss, Brier score and net benefit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.certify.bound import bound
from primum.certify.sample import sample
from primum.certify.utility import net_benefit
from primum.errors import PrimumError
from primum.learn.prior.columns import labels_of
from primum.usecase import OVERALL

Floats = npt.NDArray[np.float64]
EDGE, LEAST = 1e-6, 10
GAINS, LOSES, OPEN = "gains", "loses", "no difference shown"
SAME, UNKNOWN = "nothing changes", "not assessable"


def price(
    outcome: npt.ArrayLike,
    free: npt.ArrayLike,
    held: npt.ArrayLike,
    groups: Mapping[str, Sequence[str]],
    *,
    threshold: float | None = None,
    alpha: float = 0.025,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Return what changes when a rule is kept: for everyone and each group, positive where the rule helps.

    Parameters
    ----------
    outcome
        (people,) 0 or 1.
    free, held
        (people,) risks without and with the rule, from models that never saw the person (see `twins`).
    groups
        Attribute → (people,) labels.
    threshold
        Of the decision; without one there is no net benefit.
    alpha
        Level of each one-sided limit: 0.025 gives a two-sided 95 % interval.
    seed
        Of Gaffke's bound.

    Returns
    -------
    list of dict
        One row a group and measure: means without and with, the mean paired gain with its limits, and a verdict
        ("gains", "loses", "no difference shown", "nothing changes", or "not assessable" below 10 people with, or
        without, the outcome).

    Notes
    -----
    Losses use Student's t on the paired differences; net benefit, where few decisions change, uses Gaffke's bound,
    which keeps its level in small groups. People are taken as independent and unweighted: with families or survey
    weights the limits are too narrow. Each verdict stands alone; among many groups some will be false.

    Raises
    ------
    PrimumError
        If lengths differ, or a risk is missing or outside 0 to 1.
    """
    p, q = (np.asarray(v, dtype=np.float64).ravel() for v in (free, held))
    y = labels_of(outcome, p.size)
    if p.size != q.size or any(not ((v >= 0) & (v <= 1)).all() for v in (p, q)):
        raise PrimumError("The two risks differ in length, are missing, or lie outside 0 to 1.", expected="0 to 1")
    measures = {"log loss": (_log_loss(y, p), _log_loss(y, q)), "brier": ((y - p) ** 2, (y - q) ** 2)}
    limits = {"log loss": math.log(1 - EDGE) - math.log(EDGE), "brier": 1.0}
    if threshold is not None:
        worth = np.array(net_benefit(threshold).worth)
        measures["net benefit"] = tuple(worth[(v >= threshold).astype(int), y.astype(int)] for v in (p, q))
        limits["net benefit"] = 1.0 if threshold <= 0.5 else threshold / (1 - threshold)
    whos = [(OVERALL, OVERALL, np.ones(y.size, dtype=bool))]
    for attribute, labels in groups.items():
        own = np.asarray(labels, dtype=np.str_)
        if own.size != y.size:
            raise PrimumError(f"'{attribute}' has {own.size} labels, the people are {y.size}.")
        whos += [(attribute, str(g), own == g) for g in np.unique(own)]
    return [
        _row(measure, attribute, group, y[who], before[who], after[who], limits[measure], alpha, seed)
        for attribute, group, who in whos
        for measure, (before, after) in measures.items()
    ]


def _row(
    measure: str,
    attribute: str,
    group: str,
    y: Floats,
    before: Floats,
    after: Floats,
    most: float,
    alpha: float,
    seed: int,
) -> dict[str, Any]:
    gain = after - before if measure == "net benefit" else before - after
    n, events = len(y), int(y.sum())
    few = min(events, n - events) < LEAST
    if np.abs(gain).max(initial=0.0) < 1e-9:
        value = low = high = 0.0
        verdict = SAME
    else:
        found = sample(gain, low=-most, high=most)
        b = bound("gaffke" if measure == "net benefit" else "student")
        value = float(gain.mean())
        low, high = b.lower(found, alpha, seed=seed), -b.lower(found.mirrored, alpha, seed=seed)
        verdict = UNKNOWN if few else OPEN if low <= 0 <= high else GAINS if low > 0 else LOSES
    return {
        "measure": measure, "attribute": attribute, "group": group, "n": n, "events": events,
        "free": float(before.mean()), "held": float(after.mean()), "value": value, "low": float(low),
        "high": float(high), "verdict": verdict,
        "reason": f"fewer than {LEAST} people with, or without, the outcome" if few else "",
    }  # fmt: skip


def _log_loss(y: Floats, p: Floats) -> Floats:
    r = np.clip(p, EDGE, 1 - EDGE)
    return np.where(y == 1, -np.log(r), -np.log1p(-r))
