"""The measurement behind a claim: looked up in a finished run, never computed anew."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from primum.finding import Estimate, Finding, Status
from primum.measure.metric import METRICS
from primum.usecase import MISSING, OVERALL, UseCase
from primum.usecase_scenario import Claim, Scenario

TABLES = "tables of performance"
EVERYONE = "everyone"
WHO = {"events": "with the outcome", "nonevents": "without the outcome", "selected": "selected",
       "unselected": "not selected"}  # fmt: skip
"""Denominator of a metric → the people in it, in words."""
WHOLE = 1e-6
IDEAL = "ideal ("
"""Beginning of a comparator that is no group but the best value there is."""
MINUS = "\N{MINUS SIGN}"
SHORT = 12
"""Digits of a hash that leave: it cannot be turned back, and a whole one could be tried against guesses (R16)."""


class Finished(Protocol):
    """A finished run as this room reads it; `primum.execute.run.Run` is one."""

    @property
    def usecase(self) -> UseCase: ...  # noqa: D102
    @property
    def plan(self) -> Any: ...  # noqa: D102 - has hash and created
    @property
    def chapters(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def findings(self) -> Sequence[Finding]: ...  # noqa: D102
    @property
    def manifest(self) -> dict[str, Any]: ...  # noqa: D102


@dataclass(frozen=True)
class Evidence:
    """One measurement, with what it takes to find it again.

    Attributes
    ----------
    check
        The code of the check, or "tables of performance".
    model, metric, attribute, group, comparator
        What was measured, in whom, against whom ("" for nobody).
    estimate
        Value, interval, people and method.
    plan, version
        Hash of the frozen plan (a release tells its beginning only) and version of primum.
    disclosure
        Whether anything was withheld.
    ideal
        The value from which a claim of "within" counts, on the scale of `estimate`: 1 for a slope, 0 for most.
    assumptions
        What the interval takes for granted.
    imprecise
        Why the audit itself held the number for too imprecise, or "".
    behind, of
        The people in the denominator of the number, and who they are: "with the outcome", "without the outcome",
        "selected", "not selected", or "everyone". Where those selected cannot be counted here, everyone.

    Of a number that is withheld, the people are 0 here and are shown nowhere.
    """

    check: str
    model: str
    metric: str
    attribute: str
    group: str
    comparator: str
    estimate: Estimate
    plan: str
    version: str
    disclosure: str
    assumptions: tuple[str, ...]
    imprecise: str
    behind: int
    of: str
    words: str = ""
    ideal: float = 0.0

    @property
    def number(self) -> str:
        """The number in words: what it is, value and interval; shares in per cent, their differences in points."""
        e = self.estimate
        what = METRICS[self.metric].title if self.metric in METRICS else self.metric.replace("_", " ")
        if self.comparator.startswith(IDEAL):
            what += "" if self.ideal or "(0)" in self.comparator else f", less its {self.comparator}"
        elif self.comparator and self.metric in METRICS:
            what += f", less that of {self.comparator}"
        if e.status is Status.SUPPRESSED:
            return f"{what}: withheld, {e.reason or 'to protect people'}"
        number = f"no number ({e.reason or e.status})"
        if e.ok:
            number = f"{in_units(self.metric, e.value, e.low, e.high, gap=bool(self.comparator))} ({e.method})"
        return f"{what}: {number}"

    @property
    def measured(self) -> str:
        """The number in words, with the people behind it and the plan; of one that is withheld, nobody's number."""
        if self.estimate.status is Status.SUPPRESSED:
            return self.number
        return f"{self.number}, {self.people}, plan {self.plan[:12]}"

    @property
    def people(self) -> str:
        """The people that the number is about, in words."""
        n = f"{self.estimate.n:,} people"
        if self.of != EVERYONE:
            return f"{self.behind:,} people {self.of}, of {self.estimate.n:,}"
        return f"{n}, {self.estimate.events:,} of them with the outcome" if self.metric in METRICS else n


def scenario_of(run: Finished) -> Scenario | None:
    """Return the scenario of a use case, or None."""
    found = getattr(run.usecase, "scenario", None)
    return found if isinstance(found, Scenario) else None


def released(run: Finished) -> bool:
    """Whether a run was measured from protected counts, to leave the room."""
    return bool(run.manifest.get("release"))


def of_finding(run: Finished, f: Finding) -> Evidence:
    """Return a finding as evidence; one that the audit could not assess keeps its reason."""
    imprecise = f.reason or "the audit could not assess it" if str(f.verdict) == "not assessable" else ""
    e = f.estimate  # of a number that is withheld, nobody says how many people there are
    e = replace(e, n=e.n or 0, events=e.events or 0, nonevents=e.nonevents or 0)
    return _evidence(run, f.check, f.model, f.metric, f.attribute, f.group, f.comparator, e, imprecise, f.words)


def for_claim(run: Finished, claim: Claim) -> Evidence | None:
    """Return the measurement that a declared claim asks for, or None where this audit has none.

    A number that a release withholds, of the group or of its comparator, comes back without its people.
    """
    model = claim.model or run.usecase.primary.name
    attribute, group = claim.attribute or OVERALL, claim.group or ""
    if claim.check is not None:
        for f in run.findings:
            if (
                (f.check, f.metric, f.attribute) == (claim.check, claim.metric, attribute)
                and group in {f.group, ""}
                and f.model in {model, ""}
                and claim.comparator in {f.comparator, None}
            ):
                return of_finding(run, f)
        return None
    metric = str(claim.metric)
    own = _own(run, model, metric, attribute, group)
    if claim.comparator is None:
        return _withheld(run, claim, own) if own is None else _from_row(run, own, "")
    rows = run.chapters.get("groups", {}).get("comparisons", [])
    gap = _pick(
        rows, model=model, metric=metric, attribute=attribute, group=group, comparator=claim.comparator,
        comparison="difference",
    )  # fmt: skip
    if gap is not None:
        return _from_row(run, gap, _imprecise(own))
    return _withheld(run, claim, own, _own(run, model, metric, attribute, claim.comparator))


def _withheld(run: Finished, claim: Claim, *rows: Mapping[str, Any] | None) -> Evidence | None:
    """Return the evidence of a number that is withheld; None where it is missing for another reason."""
    hidden = next((r for r in rows if r is not None and r["status"] == Status.SUPPRESSED), None)
    if hidden is None and not released(run):
        return None
    model, attribute = claim.model or run.usecase.primary.name, claim.attribute or OVERALL
    reason = str(hidden["reason"]) if hidden and hidden["reason"] else "this release shows no such number"
    nan = math.nan
    estimate = Estimate(nan, nan, nan, "none", 0, 0, 0, Status.SUPPRESSED, reason)
    return _evidence(
        run, TABLES, model, str(claim.metric), attribute, claim.group or "everyone", claim.comparator or "",
        estimate, "", "",
    )  # fmt: skip


def _own(run: Finished, model: str, metric: str, attribute: str, group: str) -> Mapping[str, Any] | None:
    """Return the row of a group (or of everyone), at the threshold acted on where it has one."""
    chapter = "performance" if attribute == OVERALL else "groups"
    rows = run.chapters.get(chapter, {}).get("estimates", [])
    who = {} if attribute == OVERALL else {"group": group}
    return _pick(rows, model=model, metric=metric, attribute=attribute, comparison="estimate", **who)


def _pick(rows: Sequence[Mapping[str, Any]], **wanted: Any) -> Mapping[str, Any] | None:
    return next((r for r in rows if all(r.get(k) == v for k, v in wanted.items())), None)


def _imprecise(row: Mapping[str, Any] | None) -> str:
    if row is None or row["status"] != Status.IMPRECISE:
        return ""
    return str(row["reason"] or Status.IMPRECISE)


def _from_row(run: Finished, row: Mapping[str, Any], imprecise: str) -> Evidence:
    value, low, high = (math.nan if row[k] is None else float(row[k]) for k in ("value", "low", "high"))
    estimate = Estimate(
        value, low, high, row["method"], row["n"] or 0, row["events"] or 0, row["nonevents"] or 0,
        Status(row["status"]), row["reason"], row["level"], row["n_effective"],
    )  # fmt: skip
    where = (row["model"], row["metric"], row["attribute"], row["group"], row["comparator"])
    return _evidence(run, TABLES, *where, estimate, imprecise or _imprecise(row), "")


def _evidence(
    run: Finished,
    check: str,
    model: str,
    metric: str,
    attribute: str,
    group: str,
    comparator: str,
    e: Estimate,
    imprecise: str,
    words: str,
) -> Evidence:
    behind, of = _behind(run, model, metric, attribute, group, e)
    return Evidence(
        check, model, metric, attribute, group, comparator, e, plan_of(run),
        str(run.manifest.get("primum", "not stated")),
        "withheld" if e.status is Status.SUPPRESSED else "nothing withheld", _assumptions(e), imprecise,
        behind, of, words,
    )  # fmt: skip


def plan_of(run: Finished) -> str:
    """Return the hash of the frozen plan; a release tells its beginning."""
    return str(run.plan.hash)[:SHORT] if released(run) else str(run.plan.hash)


def against_ideal(found: Evidence) -> Evidence:
    """Return evidence for a claim of "within" with its number itself, where the best value is 1, and that value.

    A check on calibration tells by how much a slope differs from 1; a reader knows slopes.
    """
    own = found.comparator == ""
    if found.metric not in METRICS or METRICS[found.metric].better != "one":
        return found
    if not own and not found.comparator.startswith(IDEAL):
        return found
    return replace(found, ideal=1.0, estimate=found.estimate if own else moved(found.estimate, 1.0))


def moved(e: Estimate, by: float) -> Estimate:
    """Return an estimate on a scale whose 0 lies elsewhere; one without a value is left as it is."""
    if not by or not e.ok:
        return e
    value, low, high = (round(v + by, 12) for v in (e.value, e.low, e.high))  # a release has rounded them
    return replace(e, value=value, low=low, high=high)


def is_share(metric: str) -> bool:
    """Whether a number is a share of people, which is read in per cent."""
    told = METRICS.get(metric)
    return metric.startswith("share_") or metric == "balanced_accuracy" or (told is not None and told.rate is not None)


def in_units(metric: str, value: float, *limits: float, gap: bool) -> str:
    """Return a number with its limits: shares in per cent, their differences in percentage points, others as they are.

    Nothing gets more decimals than it has: zeros would hide that a release rounds.
    """
    share = is_share(metric)
    said = [_short(100 * v, 1) if share else _short(v, 3) for v in (value, *limits)]
    unit = "" if not share else " percentage points" if gap else " %"
    between = f" [{' to '.join(said[1:])}]" if limits else ""
    return f"{said[0]}{between}{unit}" if gap else f"{said[0]}{unit}{between}"


def group_name(group: str) -> str:
    """Return the name of a group; of people whose group is not known, "not recorded"."""
    return "not recorded" if group == MISSING else group.replace(MISSING, "not recorded")


def _short(x: float, places: int) -> str:
    return f"{round(x, places) + 0.0:g}".replace("-", MINUS)


def _behind(run: Finished, model: str, metric: str, attribute: str, group: str, e: Estimate) -> tuple[int, str]:
    """Return how many people are in the denominator of a number, and who they are."""
    kind = METRICS[metric].denominator if metric in METRICS else "everyone"
    if e.status is Status.SUPPRESSED:
        return 0, WHO.get(kind, EVERYONE)
    if kind in {"selected", "unselected"}:
        chosen = selected(run, model, attribute, group)
        if chosen is None:
            return e.n, EVERYONE
        return (chosen if kind == "selected" else e.n - chosen), WHO[kind]
    if metric in METRICS and METRICS[metric].rate is None:  # a number over all people, not a share of some
        return e.n, EVERYONE
    return {"events": e.events, "nonevents": e.nonevents}.get(kind, e.n), WHO.get(kind, EVERYONE)


def selected(run: Finished, model: str, attribute: str, group: str) -> int | None:
    """Return how many people of a group are selected; None where weights or rounding hide it."""
    row = _own(run, model, "selection_rate", attribute, group)
    if row is None or row["value"] is None or row["n"] is None or released(run) or run.usecase.weight is not None:
        return None
    chosen = float(row["value"]) * row["n"]
    return round(chosen) if abs(chosen - round(chosen)) < WHOLE else None


def fewest(metric: str, e: Estimate) -> int:
    """Return the people that a least number is held against: with or without the outcome, or the fewer of the two."""
    if e.status is Status.SUPPRESSED:
        return 0
    kind = METRICS[metric].denominator if metric in METRICS else "everyone"
    if kind == "events":
        return e.events
    if kind == "nonevents":
        return e.nonevents
    return min(e.events, e.nonevents) if metric in METRICS else e.n


def _assumptions(e: Estimate) -> tuple[str, ...]:
    if e.status is Status.SUPPRESSED:
        return ()
    said = [f"interval by {e.method} at {100 * e.level:g} %, one claim at a time", "the outcome is as recorded"]
    if e.n_effective is None:
        said.append("people are independent of each other")
    else:
        said.append(f"clusters or weights leave as much information as {e.n_effective:,.0f} independent people")
    return tuple(said)
