"""Methods, third part: measures, intervals, how groups were judged, multiplicity (TRIPOD+AI 12d, 12e)."""

from __future__ import annotations

from dataclasses import dataclass

from primum.measure.metric import METRICS
from primum.report import words
from primum.report.numbers import count
from primum.report.paper import printed
from primum.report.paper.manuscript import Block, Heading, Inline, cite, listed, text
from primum.report.source import Audited, chapter, estimates, models, verdicts

SOURCES: dict[str, tuple[str, ...]] = {
    "Altman": ("altman1994sensitivity", "altman1994predictive"),
    "Brodersen": ("brodersen2010",),
    "Brier": ("brier1950",),
    "Van Calster": ("vancalster2019",),
    "DeLong": ("delong1988",),
    "Davis": ("davis2006",),
    "Vickers & Elkin": ("vickers2006",),
    "Kerr": ("kerr2016",),
    "Romero-Brufau": ("romero2015",),
    "Vickers et al.": ("vickers2008",),
    "Kumar": ("kumar2019",),
    "Austin": ("austin2019",),
}
"""How a measure's own reference begins -> the works in the list."""


@dataclass(frozen=True)
class Way:
    """How an interval is made, in words, with its sources."""

    words: str
    keys: tuple[str, ...] = ()


WAYS = {
    "Wilson": Way("Wilson's score method", ("wilson1927",)),
    "Wilson, effective people": Way(
        "Wilson's score method with the effective number of people from the linearised variance",
        ("wilson1927", "binder1983"),
    ),
    "Wilson, effective people, cluster-robust": Way(
        "Wilson's score method with the effective number of people from the cluster-robust linearised variance",
        ("wilson1927", "binder1983"),
    ),
    "DeLong": Way("DeLong's method on the logit scale, with quantiles of Student's t", ("delong1988",)),
    "Newcombe (AUROC)": Way(
        "Newcombe's score method, where DeLong's breaks down (few people, or perfect separation)", ("newcombe2006",)
    ),
    "MOVER on Wilson": Way("combining the limits of their parts", ("zou2008",)),
    "reciprocal of Wilson": Way("the reciprocals of Wilson's limits", ("wilson1927",)),
    "linearised": Way("linearisation", ("binder1983",)),
    "linearised, cluster-robust": Way("cluster-robust linearisation", ("binder1983",)),
    "simulated curves": Way("simulating smoothed calibration curves about the one found"),
    "Newcombe": Way("Newcombe's hybrid score method", ("newcombe1998",)),
    "independent sum of limits": Way("combining the limits of both groups", ("zou2008",)),
}
JUDGED = (
    "A group was judged by the interval of its difference from the comparator, not by the point estimate. Harm is "
    "shown when the whole interval lies beyond the margin; no harm is shown within the margin when the whole interval "
    "lies inside it; otherwise the result is inconclusive. "
)
IDEAL = "Measures with an ideal value were judged by the distance from it in the group itself. "
LINKED = (
    "Some people belong together ({}). Intervals of estimates allow for that by the variance between clusters ({}). "
)


def measures(run: Audited, table: str) -> list[Block]:
    """Return the measures, their intervals, and how groups were judged."""
    return [
        Heading("Measures and statistical analysis"),
        text(*_defined(run, table)),
        text(*_intervals(run)),
        *_judgement(run),
        *_multiplicity(run),
    ]


def sources(metric: str) -> tuple[str, ...]:
    """Return the keys of the works that a measure's own reference names."""
    told = METRICS[metric].reference if metric in METRICS else ""
    parts = [p.strip() for p in told.split(";")]
    keys = [k for p in parts for start, found in SOURCES.items() if p.startswith(start) for k in found]
    if metric in {"sensitivity", "specificity", "fpr", "fnr"} and "altman1994sensitivity" in keys:
        return ("altman1994sensitivity",)
    return tuple(dict.fromkeys(keys))


def used(run: Audited) -> dict[str, list[str]]:
    """Return method -> measures whose estimates have intervals made so, in the order of the registry."""
    found: dict[str, set[str]] = {}
    for r in estimates(run):
        method = str(r.get("method") or "none")
        if method in {"none", "count"} or r["metric"] not in METRICS:
            continue
        name = "Newcombe (AUROC)" if method == "Newcombe" and r["metric"] == "auroc" else method
        found.setdefault(name, set()).add(r["metric"])
    return {k: [m for m in METRICS if m in v] for k, v in found.items()}


def _defined(run: Audited, table: str) -> list[Inline]:
    there = {r["metric"] for r in estimates(run)}
    names = [m for m in METRICS if m in there and m not in {"n", "prevalence"}]
    cut = [m for m in names if METRICS[m].threshold or METRICS[m].needs == "counts"]
    rest = [m for m in names if m not in cut]
    parts: list[Inline] = ["Prevalence was estimated. "] if "prevalence" in there else []
    parts += [f"At the decision threshold: {listed([printed.name(m) for m in cut])} ", _works(cut)]
    if rest:
        parts += [f". From the whole range of scores: {listed([_name(m) for m in rest])} ", _works(rest)]
    if "net_benefit" in names:
        parts.append(
            ". Net benefit counts people rightly found per person, less the false alarms at the price that the "
            "threshold implies"
        )
    where = f". {table} gives the definition of each measure" if table else ""
    return [*parts, f"{where}."]


def _name(metric: str) -> str:
    long = "area under the receiver operating characteristic curve (AUROC)"
    return long if metric == "auroc" else printed.name(metric)


def _works(metrics: list[str]) -> Inline:
    keys = tuple(dict.fromkeys(k for m in metrics for k in sources(m)))
    return cite(*keys) if keys else ""


def _intervals(run: Audited) -> list[Inline]:
    parts: list[Inline] = [f"Intervals are {printed.level(run.usecase.level)} confidence intervals"]
    for i, (method, metrics) in enumerate(used(run).items()):
        way = WAYS.get(method, Way(f"the method '{method}'"))
        names = listed([printed.name(m) for m in metrics])
        parts.append(f"{': ' if i == 0 else '; '}by {way.words} for {names}")
        parts += [" ", cite(*way.keys)] if way.keys else []
    for method in dict.fromkeys(_differences(run)):
        way = WAYS.get(method, Way(f"the method '{method}'"))
        parts.append(f"; by {way.words} for differences between groups in {listed(_differences(run)[method])}")
        parts += [" ", cite(*way.keys)] if way.keys else []
    parts.append(". ")
    if run.usecase.weight:
        parts.append("Estimates are weighted by the survey weights. ")
    clusters = [r for r in estimates(run) if "cluster" in str(r.get("method"))]
    if clusters:
        ids = run.usecase.identifiers
        by = ids.variance_by or " and ".join(n for n in ("person", "family") if getattr(ids, n)) or "declared clusters"
        parts.append(LINKED.format(f"by {by}", "few clusters widen them"))
    if any("simulated" in str(r.get("method")) for r in estimates(run)) or chapter(run, "groups").get("joint"):
        parts.append(f"Where numbers are drawn at random, {count(run.usecase.replicates)} replicates were declared.")
    return parts


def _differences(run: Audited) -> dict[str, list[str]]:
    """Return method -> titles of the measures whose differences between groups were made so."""
    found: dict[str, list[str]] = {}
    for metric in run.usecase.margins:
        if metric not in METRICS or METRICS[metric].better in {"one", "zero"}:
            continue
        listed_ = [f for m in models(run) for f in verdicts(run, m["name"], metric).values()]
        for method in sorted({f.estimate.method for f in listed_} - {"", "none", "count"}):
            found.setdefault(method, []).append(printed.name(metric))
    return found


def _judgement(run: Audited) -> list[Block]:
    margins = run.usecase.margins
    if not any(verdicts(run, m["name"], k) for m in models(run) for k in margins):
        return []
    ideal = any(METRICS[m].better in {"one", "zero"} for m in margins)
    plain = bool([m for m in margins if METRICS[m].better not in {"one", "zero"}])
    sizes = listed([f"{words.margin(m, v)}" for m, v in margins.items()])
    return [
        text(
            f"The margins, the largest shortfalls held acceptable, were declared beforehand: {sizes}. "
            f"{JUDGED if plain else ''}{IDEAL if ideal else ''}Groups with fewer people than declared necessary, or "
            "with a wider interval that does not show harm, are 'not assessable'."
        )
    ]


def _multiplicity(run: Audited) -> list[Block]:
    rows = chapter(run, "groups").get("joint", [])
    kinds = {str(r.get("adjustment")) for r in rows}
    if not rows:
        return []
    lead = (
        "Verdicts are given group by group and are not corrected for the number of groups, measures or models; "
        "simultaneous intervals, which hold for all groups of one division at once, stand beside them "
    )
    parts: list[Inline] = [lead, cite("hothorn2008")]
    if "Benjamini-Hochberg" in kinds:
        marked = (
            ". Exploratory comparisons are marked so; their q-values (false discovery rate) are in the audit's report "
        )
        parts += [marked, cite("benjamini1995")]
    return [text(*parts, ".")]
