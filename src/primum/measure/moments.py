"""Measures of a continuous outcome as functions of sums of powers, and what a reader must know about each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from primum.errors import unknown

Complex = npt.NDArray[np.complex128]
SAME_OUTCOME = "everybody in this group has the same outcome"
SAME_PREDICTION = "everybody in this group has the same prediction"
CALIBRATION = "Cox (1958), Biometrika 45:562-565; Steyerberg (2019), Clinical Prediction Models, ch. 15"


class Moments:
    """Means, variances and covariances from Σ w z, shape (..., 7); `about` is the prediction that z is centred on.

    Error is prediction − outcome. Works on complex sums, so that derivatives are exact.
    """

    def __init__(self, sums: Any, about: Any) -> None:
        w, p, e, pp, pe, ee, size = (sums[..., k] for k in range(7))
        self.error, self.square, self.absolute = e / w, ee / w, size / w
        shift = p / w
        self.prediction = about + shift
        self.outcome = self.prediction - self.error
        self.var_prediction = pp / w - shift * shift
        self.var_error = self.square - self.error * self.error
        shared = pe / w - shift * self.error
        self.cov = self.var_prediction - shared  # of prediction and outcome
        self.var_outcome = self.cov - shared + self.var_error


@dataclass(frozen=True)
class MomentMetric:
    """A measure of a continuous outcome.

    Attributes
    ----------
    id, title, words, formula, reference, better
        As in `primum.measure.kernel.Metric`.
    kernel
        Moments → values.
    range
        Lowest and highest possible value.
    scale
        On which the interval is symmetric: "plain", "log", "log of 1 − value" or "Fisher".
    unit
        Power of the outcome's unit: 1 for an error, 2 for a squared error, 0 for a pure number.
    parameters
        How many numbers are fitted: the degrees of freedom that the residuals lose.
    varied
        What must vary within the group: "outcome", "prediction", both, or nothing.
    ratio
        Whether a ratio of two groups has a meaning.
    """

    id: str
    title: str
    words: str
    formula: str
    kernel: Callable[[Moments], Any]
    reference: str
    better: Literal["higher", "lower", "one", "zero", "none"]
    range: tuple[float, float] = (-float("inf"), float("inf"))
    scale: Literal["plain", "log", "log of 1 − value", "Fisher"] = "plain"
    unit: int = 1
    parameters: int = 1
    varied: tuple[str, ...] = ()
    ratio: bool = False


_POSITIVE = (0.0, float("inf"))
_METRICS = (
    MomentMetric(
        "mean_outcome", "Mean outcome", "what happened, on average", "mean y", lambda m: m.outcome, "a mean", "none"
    ),
    MomentMetric(
        "mean_prediction", "Mean prediction", "what was predicted, on average", "mean ŷ", lambda m: m.prediction,
        "a mean", "none",
    ),
    MomentMetric(
        "mae", "Mean absolute error", "how far off, on average", "mean |ŷ − y|", lambda m: m.absolute,
        "Willmott & Matsuura (2005), Clim Res 30:79-82; grows with the spread of the outcome", "lower",
        _POSITIVE, "log", ratio=True,
    ),
    MomentMetric(
        "mse", "Mean squared error", "squared error, on average", "mean (ŷ − y)²", lambda m: m.square,
        "grows with the spread of the outcome: do not compare groups by it alone", "lower", _POSITIVE, "log", 2,
        ratio=True,
    ),
    MomentMetric(
        "rmse", "Root mean squared error", "how far off, large errors counting more", "√ mean (ŷ − y)²",
        lambda m: np.sqrt(m.square), "grows with the spread of the outcome: do not compare groups by it alone",
        "lower", _POSITIVE, "log", ratio=True,
    ),
    MomentMetric(
        "bias", "Mean error", "predicted too high (above 0) or too low (below 0)", "mean (ŷ − y)",
        lambda m: m.error, "Bland & Altman (1986), Lancet 327:307-310", "zero",
    ),
    MomentMetric(
        "observed_expected", "Observed / expected", "what happened for each unit predicted", "Σ y / Σ ŷ",
        lambda m: m.outcome / m.prediction, CALIBRATION, "one", unit=0,
    ),
    MomentMetric(
        "r2", "R²", "share of the group's own spread that is explained", "1 − Σ (y − ŷ)² / Σ (y − ȳ)²",
        lambda m: 1 - m.square / m.var_outcome,
        "Kvålseth (1985), Am Stat 39:279-285; below 0 when worse than the group's mean; depends on its spread",
        "higher", (-float("inf"), 1.0), "log of 1 − value", 0, varied=("outcome",),
    ),
    MomentMetric(
        "pearson_r", "Correlation", "how well predictions and outcomes go together", "cov(y, ŷ) / √(var y · var ŷ)",
        lambda m: m.cov / np.sqrt(m.var_outcome * m.var_prediction),
        "Fisher (1921), Metron 1:3-32; blind to bias and to scale", "higher", (-1.0, 1.0), "Fisher", 0, 2,
        varied=("outcome", "prediction"),
    ),
    MomentMetric(
        "calibration_slope", "Calibration slope", "predictions too extreme (below 1) or too timid (above 1)",
        "b in y = a + b · ŷ (least squares)", lambda m: m.cov / m.var_prediction, CALIBRATION, "one", unit=0,
        parameters=2, varied=("prediction",),
    ),
    MomentMetric(
        "calibration_intercept", "Calibration intercept", "where the calibration line meets a prediction of 0",
        "a in y = a + b · ŷ (least squares)",
        lambda m: m.outcome - m.cov / m.var_prediction * m.prediction, CALIBRATION, "zero", parameters=2,
        varied=("prediction",),
    ),
)  # fmt: skip
MOMENT_METRICS: dict[str, MomentMetric] = {m.id: m for m in _METRICS}


def moment_metric(name: str) -> MomentMetric:
    """Return the measure of a continuous outcome with this id.

    Raises
    ------
    PrimumError
        For an unknown id, with the nearest spelling.
    """
    if name not in MOMENT_METRICS:
        raise unknown("metric of a continuous outcome", name, list(MOMENT_METRICS))
    return MOMENT_METRICS[name]
