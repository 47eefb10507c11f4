"""Methods, third part: measures, intervals, how groups were judged, multiplicity (TRIPOD+AI 12d, 12e)."""

from __future__ import annotations

from dataclasses import dataclass

from primum.measure.metric import METRICS
from primum.report import words
from primum.report.numbers import count, general
from primum.report.paper import printed
from primum.report.paper.design import trained
from primum.report.paper.manuscript import Block, Heading, Inline, cite, joined, listed, phrase, sentences
from primum.report.say import say
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
    """How an interval is made: the key of its words, and its sources."""

    key: str
    sources: tuple[str, ...] = ()


WAYS = {
    "Wilson": Way("wilson", ("wilson1927",)),
    "Wilson, effective people": Way("effective", ("wilson1927", "binder1983")),
    "Wilson, effective people, cluster-robust": Way("effective_clusters", ("wilson1927", "binder1983")),
    "DeLong": Way("delong", ("delong1988",)),
    "Newcombe (AUROC)": Way("newcombe_auroc", ("newcombe2006",)),
    "MOVER on Wilson": Way("parts", ("zou2008",)),
    "reciprocal of Wilson": Way("reciprocal", ("wilson1927",)),
    "linearised": Way("linearised", ("binder1983",)),
    "linearised, cluster-robust": Way("linearised_clusters", ("binder1983",)),
    "simulated curves": Way("simulated"),
    "Newcombe": Way("newcombe", ("newcombe1998",)),
    "independent sum of limits": Way("both", ("zou2008",)),
}


def measures(run: Audited, table: str) -> list[Block]:
    """Return the measures, their intervals, and how groups were judged."""
    return [
        Heading(say("paper.measures.heading")),
        sentences(*_defined(run, table)),
        sentences(*_intervals(run)),
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


def _defined(run: Audited, table: str) -> list[str | tuple[Inline, ...]]:
    there = {r["metric"] for r in estimates(run)}
    names = [m for m in METRICS if m in there and m not in {"n", "prevalence"}]
    cut = [m for m in names if METRICS[m].threshold or METRICS[m].needs == "counts"]
    rest = [m for m in names if m not in cut]
    return [
        say("paper.measures.prevalence") if "prevalence" in there else "",
        phrase("paper.measures.threshold", measures=listed([printed.name(m) for m in cut]), source=_works(cut)),
        phrase("paper.measures.range", measures=listed([_name(m) for m in rest]), source=_works(rest)) if rest else "",
        say("paper.measures.net_benefit") if "net_benefit" in names else "",
        say("paper.measures.table", table=table) if table else "",
    ]


def _name(metric: str) -> str:
    return say("paper.name.auroc_in_full") if metric == "auroc" else printed.name(metric)


def _works(metrics: list[str]) -> Inline:
    keys = tuple(dict.fromkeys(k for m in metrics for k in sources(m)))
    return cite(*keys) if keys else ""


def _intervals(run: Audited) -> list[str | tuple[Inline, ...]]:
    level = printed.level(run.usecase.level)
    own = {method: [printed.name(m) for m in metrics] for method, metrics in used(run).items()}
    ways = [_way("estimates", method, names) for method, names in own.items()]
    ways += [_way("differences", method, names) for method, names in _differences(run).items()]
    out: list[str | tuple[Inline, ...]] = [
        phrase("paper.intervals.ways", level=level, ways=joined(ways, "; "))
        if ways
        else say("paper.intervals.none", level=level)
    ]
    kind = "trained" if trained(run) else "brought"
    out += [say(f"paper.intervals.conditional.{kind}")]
    out += [say("paper.intervals.weighted")] if run.usecase.weight else []
    out += [say("paper.intervals.independent")] if _independent(run) else []
    if any("cluster" in str(r.get("method")) for r in estimates(run)):
        ids = run.usecase.identifiers
        units = [say(f"paper.models.unit.{n}") for n in ("person", "family") if getattr(ids, n)]
        by = ids.variance_by or listed(units) or say("paper.intervals.clusters")
        out.append(say("paper.intervals.linked", unit=by))
    if any("simulated" in str(r.get("method")) for r in estimates(run)) or chapter(run, "groups").get("joint"):
        out.append(say("paper.intervals.random", count=count(run.usecase.replicates)))
    return out


def _independent(run: Audited) -> bool:
    """Whether nothing was declared that links people or weighs them."""
    ids = run.usecase.identifiers
    return not (run.usecase.weight or ids.family or ids.repeated_visits or ids.variance_by)


def _way(kind: str, method: str, names: list[str]) -> tuple[Inline, ...]:
    """Return how intervals of some measures are made, with the sources."""
    way = WAYS.get(method)
    said = say(f"paper.way.{way.key}") if way else say("paper.way.other", method=method)
    if way is None or not way.sources:
        return (say(f"paper.intervals.{kind}", way=said, measures=listed(names)),)
    return phrase(f"paper.intervals.{kind}_source", way=said, measures=listed(names), source=cite(*way.sources))


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
    sizes = listed([words.margin(m, v) for m, v in margins.items()])
    return [
        sentences(
            say("paper.judged.margins", margins=sizes),
            say("paper.judged.differences") if plain else "",
            say("paper.judged.ideal") if ideal else "",
            _one_sided(run),
            say("paper.judged.few"),
        )
    ]


def _one_sided(run: Audited) -> str:
    """Return at what error a verdict stands; the repairs have their own."""
    level, declared = run.usecase.level, run.usecase.no_harm
    error = printed.with_unit(general(round(50 * (1 - level), 6)), "percent")
    about = {"level": printed.level(level), "error": error}
    if declared is None or not chapter(run, "repairs").get("repairs"):
        return say("paper.judged.one_sided", **about)
    return say("paper.judged.one_sided_repairs", alpha=printed.percent(declared.alpha), **about)


def _multiplicity(run: Audited) -> list[Block]:
    rows = chapter(run, "groups").get("joint", [])
    kinds = {str(r.get("adjustment")) for r in rows}
    if not rows:
        return []
    marked = "Benjamini-Hochberg" in kinds
    return [
        sentences(
            phrase("paper.judged.multiplicity", source=cite("hothorn2008")),
            phrase("paper.judged.exploratory", source=cite("benjamini1995")) if marked else "",
        )
    ]
