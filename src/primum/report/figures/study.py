"""The figures of a propagation study: dose-response curves of each group, judged on the truth and on the record."""

from __future__ import annotations

from typing import Any, Protocol

import polars as pl

from primum.report.figures.figure import Figure, headed, values, whole
from primum.report.figures.style import DASHES, INK, SERIES, fit_label
from primum.report.numbers import percent
from primum.report.say import say
from primum.report.words import lower, metric_title

SHOWN = ("uncorrected", "group-blind", "equalized odds", "no harm", "surrogate loss", "PURPLE", "oracle")
"""Arms that are drawn; all of them are in the tables."""
DRAWN = (("sensitivity", "truth"), ("sensitivity", "record"), ("net_benefit", "truth"))
COLUMNS, WIDE = 3, 620


class Studied(Protocol):
    """A finished study, as figures read it."""

    @property
    def study(self) -> Any: ...  # noqa: D102
    @property
    def curves(self) -> pl.DataFrame: ...  # noqa: D102


def study_figures(run: Studied) -> list[Figure]:
    """Return the dose-response figures of every bias; their chapter is "study N", N the number of the bias."""
    found = []
    for i, bias in enumerate(run.study.biases):
        for metric, on in DRAWN:
            figure = _curves(run, i, bias.name, metric, on)
            if figure is not None:
                found.append(figure)
    return found


def _curves(run: Studied, number: int, bias: str, metric: str, on: str) -> Figure | None:
    own = run.curves.filter(
        pl.col("bias") == bias, pl.col("metric") == metric, pl.col("judged_on") == on,
        pl.col("group") != "everyone", pl.col("arm").is_in(SHOWN), pl.col("mean").is_not_null(),
    ).sort("group", "arm", "dose")  # fmt: skip
    if not own.height:
        return None
    names = [a for a in SHOWN if a in own["arm"].unique().to_list()]
    rows = [
        {**r, "group": fit_label(r["group"], 150)}
        for r in own.select("group", "arm", "dose", "mean", "low", "high").rows(named=True)
    ]
    groups = list(dict.fromkeys(r["group"] for r in rows))
    columns = min(COLUMNS, len(groups))
    title = lower(metric_title(metric))
    middle = [r["mean"] for r in rows]
    room = 0.25 * (max(middle) - min(middle)) or 0.1 * abs(max(middle)) or 0.01
    bottom, ceiling = min(middle) - room, max(middle) + room
    scale = {"domain": [bottom, ceiling], "nice": False, "zero": False}
    drawn = [{**r, **{k: _within(r[k], bottom, ceiling) for k in ("low", "high")}} for r in rows]
    x = {
        "field": "dose",
        "type": "quantitative",
        "title": say("figure.study.x"),
        "axis": {"format": "%", "tickCount": 3},
    }
    y = {"field": "mean", "type": "quantitative", "scale": scale, "title": title}
    colours = [INK if n == "oracle" else SERIES[i % len(SERIES)] for i, n in enumerate(names)]
    domain = {"domain": names, "range": colours}
    colour = {
        "field": "arm", "type": "nominal", "sort": names, "scale": domain,
        "legend": {"title": None, "orient": "top", "columns": 4},
    }  # fmt: skip
    dash = {
        "field": "arm", "type": "nominal", "sort": names, "legend": None,
        "scale": {"domain": names, "range": [DASHES[i % len(DASHES)] for i in range(len(names))]},
    }  # fmt: skip
    layers = [
        {
            "mark": {"type": "rule", "strokeWidth": 1, "opacity": 0.6},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour},
        },
        {
            "mark": {"type": "line", "strokeWidth": 1.8},
            "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 22, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": colour},
        },
    ]
    spec = whole(
        {
            "data": values(drawn),
            "facet": {
                "field": "group", "type": "nominal", "sort": groups, "title": None,
                "header": {"labelFontSize": 12, "labelFontWeight": "bold", "labelColor": INK, "labelAnchor": "start"},
            },
            "columns": columns,
            "spec": {"width": WIDE // columns - 20, "height": 190, "layer": layers},
        }
    )  # fmt: skip
    return Figure(
        f"study-{number + 1}-{metric}-{on}".replace("_", "-"),
        say(f"figure.study.title.{on}", metric=metric_title(metric), bias=bias),
        _alt(own, metric, on, bias),
        spec,
        [
            {**headed(group=r["group"], algorithm=r["arm"], dose=r["dose"]), metric_title(metric): r["mean"],
             **headed(low=r["low"], high=r["high"])}
            for r in rows
        ],
        f"study {number + 1}",
        note=say("figure.study.note"),
    )  # fmt: skip


def _within(value: float | None, low: float, high: float) -> float | None:
    return None if value is None else min(max(value, low), high)


def _alt(own: pl.DataFrame, metric: str, on: str, bias: str) -> str:
    top = own.filter(pl.col("dose") == own["dose"].max(), pl.col("arm") == "uncorrected")
    shown = percent if metric != "net_benefit" else lambda v, _=0: f"{v:.4f}"
    told = ", ".join(f"{r['group']} {shown(r['mean'], 1)}" for r in top.rows(named=True))
    return say(f"figure.study.alt.{on}", metric=metric_title(metric), bias=bias, told=told)
