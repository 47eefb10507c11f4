"""How much of a score rests on what nobody can change, or on what stays on file: among everybody and in each group.

A sum of one curve a feature stands in for the model, whatever it is: it is fitted to the score (its log odds, where it
is a risk), and judged on people it was not fitted to. What the stand-in loses without the block of features is the
share that *only* these carry; what the block tells alone also holds what other features share with it. The truth
about a model with correlated features is a range, and both ends are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.learn.calibrate import logit
from primum.learn.learning_curve import Known, mean
from primum.stress.proxies import Cells, Teller

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Some = npt.NDArray[np.bool_]
LEAST = 0.5
"""Share of a score's variation that the stand-in must explain before anything is said of its parts."""
EDGE = 1e-4


@dataclass(frozen=True)
class StandIn:
    """Squared errors of the stand-in on each person: with all features, without the block, with the block alone.

    Attributes
    ----------
    target
        What it stands in for, shape (people,).
    whole, without, alone
        Squared errors, shape (people,); NaN for people without a score.
    weight
        Weights, shape (people,), or None.
    """

    target: Floats
    whole: Floats
    without: Floats
    alone: Floats
    weight: Floats | None = None

    def explained(self, who: Some) -> Known:
        """Return the share of the score's variation among `who` that the stand-in explains."""
        return self._share(self.whole, who)

    def unique(self, who: Some) -> Known:
        """Return the share that only the block explains: what is lost without it."""
        return self._share(self.whole, who) - self._share(self.without, who)

    def by_block(self, who: Some) -> Known:
        """Return the share that the block explains alone."""
        return self._share(self.alone, who)

    def _share(self, loss: Floats, who: Some) -> Known:
        some = who & np.isfinite(self.target) & np.isfinite(loss)
        centre = mean(np.nan_to_num(self.target), some, self.weight).value
        spread = mean((np.nan_to_num(self.target) - centre) ** 2, some, self.weight)
        spent = mean(np.nan_to_num(loss), some, self.weight)
        if not spread.value > 1e-12:
            return Known(float("nan"), np.zeros(len(some)))
        moved = spent.influence / spread.value - spent.value / spread.value**2 * spread.influence
        return Known(1 - spent.value / spread.value, -moved)


def stand_in(
    features: Cells, score: Floats, block: Sequence[str], fold: Ints, *, risk: bool, weight: Floats | None = None
) -> StandIn:
    """Fit the stand-in for a score with, without, and with nothing but a block of features.

    Parameters
    ----------
    features
        Cells of what the model takes.
    score
        Its score, shape (people,); NaN where there is none.
    block
        Names of features.
    fold
        The fold in which each person is left out, shape (people,).
    risk
        Whether the score is a probability: then its log odds are stood in for.
    weight
        Weights, shape (people,).

    Raises
    ------
    PrimumError
        For a feature that is not there.
    """
    target = logit(np.clip(score, EDGE, 1 - EDGE)) if risk else np.asarray(score, dtype=np.float64)
    teller = Teller(features, target[:, None], fold, weight)
    inside = features.place(block)
    everything = list(range(len(features.names)))
    rest = [j for j in everything if j not in inside]
    whole, without, alone = ((target - teller.told(some)[:, 0]) ** 2 for some in (everything, rest, inside))
    return StandIn(target, whole, without, alone, weight)
