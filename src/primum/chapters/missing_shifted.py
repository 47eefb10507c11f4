"""Values not missing at random: what if the unmeasured of a group lie higher, or lower, than was drawn for them?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.chapters.missing_audit import groups_of
from primum.chapters.missing_compared import Bench
from primum.finding import judge
from primum.learn.impute.chained import shifted
from primum.learn.impute.crossfit import CrossFitted
from primum.learn.impute.strategies import Strategy
from primum.measure.intervals import z_value
from primum.measure.pooling import pool
from primum.usecase import OVERALL

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Row = dict[str, Any]
METRIC = "sensitivity"
MOST = 3
LOWER, HIGHER, OPEN = "lower than in everybody else", "higher than in everybody else", "not told from chance"


def shift_rows(bench: Bench, chosen: Strategy, fitted: CrossFitted) -> tuple[list[Row], list[Row]]:
    """Return sensitivity of every group under each shift, and where the verdict on the group tips.

    What was drawn for the gaps of one column in one group is moved by so many standard deviations of the column, and
    the same models (not trained anew) decide again; everybody else stays. The verdict compares the group with everybody
    else: by the declared margin of sensitivity, or by whether the interval of the difference excludes 0. The `MOST`
    numbers with most gaps are looked at.
    """
    x = bench.matrix.values
    gone = np.isnan(x)
    numbers = [j for j in bench.matrix.numbers if bench.matrix.names[j] in bench.columns and gone[:, j].any()]
    numbers = sorted(numbers, key=lambda j: -int(gone[:, j].sum()))[:MOST]
    group = None if not chosen.needs_group else bench.group
    if group is not None:
        from primum.learn.label_noise import group_labels

        group = group_labels(group, len(x))
    cuts = [bench.cut(one) for one in fitted.score]
    base = np.stack([s >= c for s, c in zip(fitted.score, cuts, strict=True)])
    full = [fitted.completed(d, x, group) for d in range(len(cuts))]
    rows: list[Row] = []
    for j in numbers:
        spread = float(np.nanstd(x[:, j]))
        moved = _moved(bench, fitted, full, cuts, j, spread)
        for attribute, name, members in groups_of(bench.usecase, bench.cohort):
            if attribute == OVERALL or not (members & gone[:, j]).any():
                continue
            for size in [0.0, *bench.declared.shifts]:
                decided = base.copy()
                if size:
                    decided[:, members & gone[:, j]] = moved[size][:, members[gone[:, j]]]
                rows.append(
                    {"column": bench.matrix.names[j], "unit": spread, "attribute": attribute, "group": name,
                     "shift": size, "gaps": int((members & gone[:, j]).sum())} | _judged(bench, decided, members)
                )  # fmt: skip
    return rows, tipping(rows)


def _moved(
    bench: Bench, fitted: CrossFitted, full: list[Floats], cuts: list[float], column: int, spread: float
) -> dict[float, Bools]:
    """Return shift -> decisions about the people with a gap in the column, shape (draws, those people)."""
    gaps = np.isnan(bench.matrix.values[:, column])
    at = np.flatnonzero(gaps)
    out = {s: np.empty((len(cuts), at.size), dtype=bool) for s in bench.declared.shifts}
    for d, cut in enumerate(cuts):
        for k, one in enumerate(fitted.fitted[d]):
            own = np.flatnonzero(bench.part[at] == k)
            if not own.size:
                continue
            these = full[d][at[own]]
            everyone = np.ones(own.size, dtype=bool)
            tall = np.concatenate([shifted(these, everyone, column, s * spread) for s in out])
            risk = one.risk(tall).reshape(len(out), own.size)
            for i, s in enumerate(out):
                out[s][d, own] = risk[i] >= cut
    return out


def _judged(bench: Bench, decided: Bools, members: Bools) -> Row:
    """Return sensitivity of the group, its difference to everybody else, both pooled, and the verdict."""
    y, w = bench.cohort.outcome == 1, bench.cohort.weight
    weight = np.ones(len(y)) if w is None else w
    own, rest = (y & members, y & ~members)
    row: Row = {"n": int(members.sum()), "events": int(own.sum()), "value": math.nan, "difference": math.nan,
                "low": math.nan, "high": math.nan, "verdict": ""}  # fmt: skip
    if own.sum() < 2 or rest.sum() < 2:
        return row
    shares, sizes = [], []
    for such in (own, rest):
        total = weight[such].sum()
        shares.append(decided[:, such] @ weight[such] / total)
        sizes.append(total**2 / (weight[such] ** 2).sum())
    size = np.array(sizes)[:, None]
    nearer = (np.array(shares) * size + 0.5) / (size + 1)  # a share of 0 or 1 has a spread too
    spread = (nearer * (1 - nearer) / size).sum(axis=0)
    difference = shares[0] - shares[1]
    level = bench.usecase.level
    if len(difference) > 1:
        found = pool(difference, spread, complete_df=max(min(sizes) - 1, 1.0), level=level)
        value, low, high = found.value, found.low, found.high
    else:
        half = z_value(level) * math.sqrt(float(spread[0]))
        value, low, high = float(difference[0]), float(difference[0]) - half, float(difference[0]) + half
    margin = bench.usecase.margins.get(METRIC)
    if margin is not None:
        verdict = str(judge(low, high, float(margin), better="higher"))
    else:
        verdict = LOWER if high < 0 else HIGHER if low > 0 else OPEN
    return row | {"value": float(shares[0].mean()), "difference": value, "low": low, "high": high, "verdict": verdict}


def tipping(rows: list[Row]) -> list[Row]:
    """Return, for each column and group, the smallest shift either way at which the verdict is another one.

    `up` and `down` are None where no declared shift changes it.
    """
    found: list[Row] = []
    for key in dict.fromkeys((r["column"], r["attribute"], r["group"]) for r in rows):
        own = [r for r in rows if (r["column"], r["attribute"], r["group"]) == key]
        start = next(r for r in own if r["shift"] == 0)
        if not start["verdict"]:
            continue
        changed = [r for r in own if r["verdict"] != start["verdict"]]
        up = min((r["shift"] for r in changed if r["shift"] > 0), default=None)
        down = max((r["shift"] for r in changed if r["shift"] < 0), default=None)
        becomes = {r["shift"]: r["verdict"] for r in changed}
        found.append(
            {"column": key[0], "attribute": key[1], "group": key[2], "unit": start["unit"], "verdict": start["verdict"],
             "up": up, "down": down, "up_verdict": becomes.get(up, ""), "down_verdict": becomes.get(down, ""),
             "gaps": start["gaps"], "n": start["n"], "events": start["events"], "difference": start["difference"],
             "low": start["low"], "high": start["high"],
             "least": min(r["shift"] for r in own), "most": max(r["shift"] for r in own)}
        )  # fmt: skip
    return found
