"""The precision-recall curve from a tally."""

from __future__ import annotations

from typing import Any

import numpy as np

from primum.measure.steps import steps
from primum.tally.score import ScoreTally


def precision_recall(view: ScoreTally, group: int = 0, *, points: int = 200) -> list[dict[str, Any]]:
    """Return sensitivity (recall) and PPV (precision) along falling thresholds, at most about `points` of them.

    Every threshold "score ≥ t" that occurs is exact; where there are more than `points`, those are kept at which
    sensitivity has grown by a step, and the last. `prevalence` is the PPV of selecting everybody. Empty where nobody
    has the outcome. Source: Davis & Goadrich (2006), ICML 233-240. Not valid for comparing groups of different
    prevalence: PPV follows prevalence, and points must not be joined by straight lines.
    """
    s = steps(view, group)
    if s.events <= 0:
        return []
    tp, fp, labels = s.tp[::-1], s.fp[::-1], s.labels[::-1]
    if len(tp) > points:
        step = np.floor(tp / s.events * (points - 1))
        keep = np.r_[True, step[1:] != step[:-1]]
        keep[-1] = True
        tp, fp, labels = tp[keep], fp[keep], labels[keep]
    some = tp + fp > 0
    values = view.grid.value(labels[some])
    prevalence = float(s.events / (s.events + s.nonevents))
    return [
        {"t": float(t), "sensitivity": float(a / s.events), "ppv": float(a / (a + b)), "prevalence": prevalence}
        for t, a, b in zip(values, tp[some], fp[some], strict=True)
    ]
