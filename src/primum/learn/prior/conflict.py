"""Where a published effect does not fit these people: the data's own estimate against the prior, group by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.learn.label_noise import CONTRADICTED, NOT_ASSESSABLE, UNCONTRADICTED, group_labels
from primum.learn.prior.columns import labels_of, names_of, numbers_of, place, weights_of
from primum.learn.prior.newton import posterior_mode
from primum.learn.prior.prior_logistic import prior_terms
from primum.learn.prior.published import EffectPrior
from primum.measure.intervals import z_value
from primum.usecase import OVERALL

LEAST = 10
Floats = npt.NDArray[np.float64]


def prior_conflict(
    X: Any,
    y: npt.ArrayLike,
    priors: Sequence[EffectPrior],
    *,
    group: Any,
    names: Sequence[str] | None = None,
    widen: float = 1.0,
    penalty: float = 0.0,
    level: float = 0.95,
    sample_weight: npt.ArrayLike | None = None,
) -> list[dict[str, Any]]:
    """Compare each published effect with the estimate from the data alone, for everyone and in every group.

    z = (β̂ − m) / √(se² + sd²): what the prior predictive of β̂ makes of the β̂ that was seen. Groups of one effect
    share the error 1 − level by Holm's method; everyone together is a test of its own.

    Parameters
    ----------
    X, y
        Features (people, features) in the units of the priors, and the outcome.
    priors
        Published effects.
    group
        One label a person, or a frame with one column an attribute (joined).
    names
        Names of the columns of X; a frame brings its own.
    widen, penalty
        As in `PriorLogistic`; the penalty never touches the effects that are compared.
    level
        Of intervals and tests.

    Returns
    -------
    list of dict
        One row an effect and group: data estimate with its interval and the prior's, z, p, Holm's p and a verdict:
        "contradicted", "not contradicted" or "not assessable" (fewer than 10 people with, or without, the outcome; or
        no finite estimate).

    Notes
    -----
    Source: Evans & Moshonov (2006), Bayesian Analysis 1:893-914, with the estimate as the statistic; Box (1980), J R
    Stat Soc A 143:383-430. The normal approximation is poor with few events, and where a feature hardly varies in a
    group. "Not contradicted" is no proof that the effect holds: look at the interval.
    """
    found_names = names_of(X, names)
    x = numbers_of(X)
    outcome, w = labels_of(y, len(x)), weights_of(sample_weight, len(x))
    g = group_labels(group, len(x))
    prior_terms(priors, found_names, x, widen=widen, penalty=penalty)  # refuses what cannot be
    everyone = np.ones(len(x), dtype=bool)
    whos = [(OVERALL, everyone), *((str(name), g == name) for name in np.unique(g))]
    rows = [
        row
        for who, rows_of in whos
        for row in _of_group(
            who, x[rows_of], outcome[rows_of], None if w is None else w[rows_of], priors, found_names,
            widen=widen, penalty=penalty, level=level,
        )
    ]  # fmt: skip
    order = {p.feature: i for i, p in enumerate(priors)}
    rows.sort(key=lambda r: order[r["feature"]])
    for prior in priors:
        own = [r for r in rows if r["feature"] == prior.feature and r["group"] != OVERALL]
        for r, p in zip(own, _holm([r["p"] for r in own]), strict=True):
            r["p_holm"] = p
    for r in rows:
        if r["verdict"] != NOT_ASSESSABLE:
            r["verdict"] = CONTRADICTED if r["p_holm"] < 1 - level else UNCONTRADICTED
        r["words"] = _words(r)
    return rows


def _of_group(
    who: str,
    x: Floats,
    y: Floats,
    w: Floats | None,
    priors: Sequence[EffectPrior],
    names: Sequence[str],
    *,
    widen: float,
    penalty: float,
    level: float,
) -> list[dict[str, Any]]:
    z0 = z_value(level)
    events = int(y.sum())
    mode, reason = None, ""
    vary = x.std(axis=0) > 0 if len(x) else np.zeros(x.shape[1], dtype=bool)
    if min(events, len(y) - events) < LEAST:
        reason = f"fewer than {LEAST} people with, or without, the outcome"
    else:
        free = np.array([n in {p.feature for p in priors} for n in names])
        precision = np.where(free, 0.0, penalty * x.var(axis=0))[vary]
        try:
            mode = posterior_mode(x[:, vary], y, precision=precision, weight=w)
        except PrimumError:
            reason = "the data alone give no finite estimate"
    rows = []
    for prior in priors:
        wide, j = prior.widened(widen), place(prior.feature, names)
        value = se = z = p = np.nan
        why = reason or ("" if vary[j] else "the feature does not vary here")
        if mode is not None and vary[j]:
            at = 1 + int(vary[:j].sum())
            value, se = float(mode.beta[at]), float(mode.sd[at])
            z = (value - wide.mean) / float(np.hypot(se, wide.sd))
            p = _two_sided(z)
        rows.append(
            {
                "feature": prior.feature, "group": who, "n": len(y), "events": events, "value": value,
                "low": value - z0 * se, "high": value + z0 * se, "prior": wide.mean,
                "prior_low": wide.mean - z0 * wide.sd, "prior_high": wide.mean + z0 * wide.sd, "z": z, "p": p,
                "p_holm": p, "verdict": NOT_ASSESSABLE if why else UNCONTRADICTED, "reason": why,
            }
        )  # fmt: skip
    return rows


def _two_sided(z: float) -> float:
    from scipy.special import ndtr

    return float(2 * ndtr(-abs(z)))


def _holm(p: Sequence[float]) -> list[float]:
    """Return Holm's p-values; undefined ones stay so and are not counted. Holm (1979), Scand J Stat 6:65-70."""
    values = np.array(p, dtype=np.float64)
    at = np.flatnonzero(np.isfinite(values))
    order = at[np.argsort(values[at], kind="stable")]
    values[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(order), 0, -1)), 1.0)
    return [float(v) for v in values]


def _words(r: dict[str, Any]) -> str:
    if r["verdict"] == NOT_ASSESSABLE:
        return f"The effect of {r['feature']} cannot be compared here: {r['reason']}."
    apart = "differs from" if r["verdict"] == CONTRADICTED else "is not shown to differ from"
    here, low, high, known = (f"{np.exp(r[k]):.3g}" for k in ("value", "low", "high", "prior"))
    return (
        f"One unit of {r['feature']} multiplies the odds by {here} [{low} to {high}] here, which {apart} the published "
        f"{known}."
    )
