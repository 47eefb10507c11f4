"""Who is labelled for nothing, how much of a group is labelled, and what that says about one person: from counts alone.

A false alarm labels somebody without the outcome. Counted per 1,000 people it says what a group lives through; as the
group's share of all false alarms over its share of the people (see `primum.measure.burden`), what it bears. None of
this is a verdict: a verdict needs a margin that was declared beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.chapters.measured import grouped
from primum.finding import Estimate, Status
from primum.measure.between import REST
from primum.measure.burden import burdens, people_per_independent
from primum.measure.intervals import mover, wilson
from primum.measure.kernel import divide
from primum.measure.table import EVERYONE, Settings, estimates
from primum.tally.resample import segmented
from primum.usecase import OVERALL, UseCase

if TYPE_CHECKING:
    from primum.execute.run import Run
    from primum.tally.score import Counts, ScoreTally

Floats = npt.NDArray[np.float64]
Row = dict[str, Any]
MEASURED = ("prevalence", "selection_rate", "ppv", "fpr")


def stigma_of(run: Run) -> dict[str, Any]:
    """Return the chapter from the tallies of a finished run; empty where it has none, or no threshold."""
    usecase, model = run.usecase, run.usecase.primary.name
    told = next((m for m in run.chapters.get("models", {}).get("models", []) if m["name"] == model), None)
    if told is None or told["threshold"] is None or model not in run.tallies:
        return {}
    tally = run.tallies[model]
    views = {g.title: grouped(tally, g, usecase, _order(run, g.title)) for g in usecase.groups}
    return stigma_chapter(usecase, model, float(told["threshold"]), tally.by(), views)


def stigma_chapter(
    usecase: UseCase, model: str, at: float, everyone: ScoreTally, views: Mapping[str, ScoreTally]
) -> dict[str, Any]:
    """Return who is labelled, and who for nothing, for everyone and every group.

    Parameters
    ----------
    usecase
        For the level of the intervals.
    model, at
        The model, and the threshold from which on people are selected.
    everyone
        The tally of everyone together.
    views
        Title of the groups → tally by them. A tally that was protected gives protected numbers.
    """
    rows = _rows(everyone, at, usecase, OVERALL)
    for title, view in views.items():
        rows += _rows(view, at, usecase, title)
    return {"model": model, "at": at, "rows": rows, "together": together(everyone, at)}


def _rows(view: ScoreTally, at: float, usecase: UseCase, attribute: str) -> list[Row]:
    settings = Settings(at=at, replicates=usecase.replicates, seed=usecase.seed, level=usecase.level)
    found = estimates(view, MEASURED, settings)
    people = view.people()
    design = people_per_independent(view, [e["fpr"] for e in found])
    counts = view.at(at)
    borne = burdens(counts, people, design=design, level=usecase.level)
    total = np.asarray(counts.tp + counts.fp + counts.fn + counts.tn, dtype=np.float64)
    shares = [divide(x, x.sum()) for x in (np.asarray(counts.fp, dtype=np.float64), total)]
    more = _more(counts, total, people, design, usecase.level)
    return [
        {
            "attribute": attribute, "group": " · ".join(g) or EVERYONE, "n": int(people[i].sum()),
            "events": int(people[i, 1]), "nonevents": int(people[i, 0]),
            "prevalence": plain(found[i]["prevalence"]), "labelled": plain(found[i]["selection_rate"]),
            "alarmed": _share(borne[i].per_1000), "more": None if len(view.groups) == 1 else more[i],
            "wrong": _flipped(found[i]["ppv"]), "fpr": plain(found[i]["fpr"]),
            "share_of_alarms": _number(shares[0][i]), "share_of_people": _number(shares[1][i]),
            "times_its_share": plain(borne[i].share_ratio), "comparator": REST,
        }
        for i, g in enumerate(view.groups)
    ]  # fmt: skip


def _more(counts: Counts, total: Floats, people: npt.NDArray[np.int64], design: Floats, level: float) -> list[Row]:
    """Return the share of a group that is alarmed for nothing, less that of everyone else, with Newcombe's interval."""
    fp = np.asarray(counts.fp, dtype=np.float64)
    n = people.sum(1)
    size = n / design
    parts = []
    for k, of, m in ((fp, total, size), (fp.sum() - fp, total.sum() - total, size.sum() - size)):
        p = divide(k, of)
        low, high = wilson(np.nan_to_num(p) * m, m, level)
        parts.append((p, low, high))
    low, high = mover(parts[0], parts[1])
    value = parts[0][0] - parts[1][0]
    return [
        {
            "value": _number(value[i]), "low": _number(low[i]), "high": _number(high[i]), "method": "Newcombe",
            "n": int(n[i]), "reason": "" if np.isfinite(value[i]) else "nobody in this group, or nobody else",
            "status": str(Status.OK if np.isfinite(value[i]) else Status.NOT_ESTIMABLE),
        }
        for i in range(len(n))
    ]  # fmt: skip


def together(everyone: ScoreTally, at: float) -> Row | None:
    """Return how false alarms come together in clusters (families, sites); None where nobody belongs together.

    Of all pairs of people without the outcome in one cluster, the share with both alarmed, over the square of the
    share alarmed: 1 where they fall independently of each other, above 1 where they heap. It is a point without an
    interval, and says nothing where few pairs exist.
    """
    if everyone.clusters is None or not everyone.groups:
        return None
    shared = everyone.shared(0)
    h, codes = segmented(everyone, 0, at)
    if shared is None or not len(h.selected):
        return None
    matrix = shared.dense(codes)
    without = np.r_[np.ones(len(h.selected)), np.zeros(len(h.selected))]
    alarmed = without * np.r_[h.selected, h.selected]
    pairs = [float(a @ matrix @ a - a @ h.ww.ravel()) for a in (alarmed, without)]  # ordered, of different people
    share = float(alarmed @ h.w.ravel()) / max(float(without @ h.w.ravel()), 1e-300)
    if not (pairs[1] > 1e-9 and share > 0):
        return {"name": everyone.clusters.name, "clusters": shared.clusters, "both": None, "times": None}
    both = max(pairs[0], 0.0) / pairs[1]
    return {
        "name": everyone.clusters.name, "clusters": shared.clusters, "alarmed": share, "both": both,
        "times": both / share**2,
    }  # fmt: skip


def plain(e: Estimate) -> Row:
    """Return an estimate as a JSON-ready row."""
    numbers = {k: _number(getattr(e, k)) for k in ("value", "low", "high")}
    return {**numbers, "method": e.method, "n": e.n, "reason": e.reason, "status": str(e.status)}


def _share(per_1000: Estimate) -> Row:
    row = plain(per_1000)
    return row | {k: None if row[k] is None else row[k] / 1000 for k in ("value", "low", "high")}


def _flipped(ppv: Estimate) -> Row:
    """Return the share of those labelled who do not have it: 1 − PPV."""
    row = plain(ppv)
    low, high = (None if row[k] is None else 1 - row[k] for k in ("high", "low"))
    return row | {"value": None if row["value"] is None else 1 - row["value"], "low": low, "high": high}


def _number(value: Any) -> float | None:
    number = float(value)
    return number if np.isfinite(number) else None


def _order(run: Run, title: str) -> list[str]:
    rows = run.chapters.get("groups", {}).get("estimates", [])
    return list(dict.fromkeys(r["group"] for r in rows if r["attribute"] == title))
