"""Rounding as readers expect it, and which unit a metric is shown in; nothing here depends on a language."""

from __future__ import annotations

import math
from typing import Any

NBSP = "\N{NO-BREAK SPACE}"
NONE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
RATES = frozenset(
    {
        "prevalence", "selection_rate", "sensitivity", "specificity", "ppv", "npv", "fpr", "fnr", "accuracy",
        "balanced_accuracy",
    }
)  # fmt: skip
COUNTS = frozenset({"n"})
GAPS = frozenset({"ici", "e50", "e90"})
PLACES = {
    "brier": 3, "net_benefit": 3, "debiased_calibration_error": 4, "nne": 1, "fp_per_tp": 1, "interventions_avoided": 1,
}  # fmt: skip


def known(value: Any) -> bool:
    """Whether there is a finite number."""
    return value is not None and math.isfinite(float(value))


def half_up(value: float, places: int = 0) -> float:
    """Round half away from zero, as readers do and as the page's script does."""
    scale = 10.0**places
    return math.copysign(math.floor(abs(value) * scale + 0.5 + 1e-9) / scale, value)


def fixed(value: Any, places: int = 0) -> str:
    """Return a number with a set number of decimals, a true minus, a decimal point and thousands by a comma."""
    if not known(value):
        return NONE
    rounded = half_up(float(value), places)
    text = f"{abs(rounded):,.{places}f}"
    return f"{MINUS}{text}" if rounded < 0 else text
