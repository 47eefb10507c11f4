"""PRM-S01 to S07: what missing values say, whom they cost, and what would change the findings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from primum.finding import Estimate, Finding, Status, Verdict, judge
from primum.usecase import OVERALL

TITLES = {
    "PRM-S01": "Informative missingness",
    "PRM-S02": "Unknown membership",
    "PRM-S03": "Who is lost among complete cases",
    "PRM-S04": "Another way with missing values",
    "PRM-S05": "A missing input at prediction",
    "PRM-S06": "If the unmeasured differ from what was drawn for them",
    "PRM-S07": "Error of what is filled in",
}
Row = Mapping[str, Any]
NO_MARGIN = "no margin is declared for it"
ALPHA = 0.05
FEW = "too few people in a cell"


def missing_findings(chapter: Row, model: str) -> list[Finding]:
    """Return what the chapter found; only what differs from nothing (or cannot be told) is in the list."""
    return [
        *_gaps(chapter),
        *_membership(chapter),
        *_lost(chapter),
        *_strategies(chapter),
        *_inputs(chapter, model),
        *_tipping(chapter),
        *_masking(chapter),
    ]


def _gaps(chapter: Row) -> list[Finding]:
    found = [
        _finding("PRM-S01", r, metric="outcome_rate", comparator="those measured", words=gap_words(r),
                 estimate=_estimate(r, "Newcombe"), verdict=Verdict.NOT_APPLICABLE, reason=NO_MARGIN)
        for r in chapter["gaps"]
        if known(r["p_holm"]) and r["p_holm"] < ALPHA
    ]  # fmt: skip
    if chapter["gaps"] and not found:
        words = "No column was found in which those who were not measured have the outcome more or less often."
        nothing = _nothing(chapter["n"], chapter["events"], "nothing was found")
        found.append(
            Finding("PRM-S01", TITLES["PRM-S01"], "", "outcome_rate", OVERALL, "everyone", "those measured", nothing,
                    None, Verdict.NOT_APPLICABLE, NO_MARGIN, words=words)
        )  # fmt: skip
    return found


def gap_words(r: Row) -> str:
    """Say what a gap in a column has to do with the outcome, and whether the other features account for it."""
    who = "" if r["attribute"] == OVERALL else f" among {r['group']} ({r['attribute']})"
    more = "more" if r["difference"] > 0 else "less"
    words = (
        f"{r['variable']}{who}: {r['missing_rate']:.1%} of the {r['missing']:,} people who were not measured have the "
        f"outcome, and {r['measured_rate']:.1%} of the {r['measured']:,} who were: {more} often when it is missing."
    )
    if known(r.get("odds_ratio")):
        words += f" {accounted(r)}"
    if r.get("odds_reason"):
        words += f" {r['odds_reason'][0].upper()}{r['odds_reason'][1:]}."
    if known(r.get("rest_low")) and (r["rest_low"] > 0 or r["rest_high"] < 0):
        words += f" In this group the difference is {abs(100 * r['rest_difference']):.0f} points "
        words += f"{'more' if r['rest_difference'] > 0 else 'less'} than in everybody else."
    return words


def accounted(r: Row) -> str:
    """Say whether the other features account for the difference: the odds ratio given them, against the plain one."""
    plain = math.inf
    if 0 < r["missing_rate"] < 1 and 0 < r["measured_rate"] < 1:
        plain = _logit(r["missing_rate"]) - _logit(r["measured_rate"])
    left = math.log(r["odds_ratio"])
    if r["odds_low"] <= 1 <= r["odds_high"]:
        how = "may account for all of it"
    elif left * plain < 0:
        how = "more than account for it, and turn it round"
    elif abs(left) < abs(plain) / 2:
        how = "account for most of it, not for all"
    else:
        how = "do not account for it"
    ratio = f"{r['odds_ratio']:.2f} [{r['odds_low']:.2f} to {r['odds_high']:.2f}]"
    crude = f", without this comparison {math.exp(plain):.2f}" if math.isfinite(plain) else ""
    return f"The other features {how}: among people alike in them the odds ratio is {ratio}{crude}."


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def _deviations(size: float) -> str:
    return f"{abs(size):g} standard deviation{'' if abs(size) == 1 else 's'}"


def _membership(chapter: Row) -> list[Finding]:
    found = []
    for r in chapter["membership"]:
        if not r["missing"] and not r["few"]:
            continue
        many = "fewer than a handful of" if r["missing"] is None else f"{r['missing']:,}"
        words = f"{r['attribute']} is not recorded for {many} of {r['n']:,} people."
        if known(r["difference"]):
            words += f" {r['missing_rate']:.1%} of them have the outcome, {r['measured_rate']:.1%} of the others."
        estimate = _estimate(r, "Newcombe") if known(r["difference"]) else _nothing(r["n"], 0, r["reason"] or FEW)
        row = {"attribute": r["attribute"], "group": "(missing)"}
        found.append(
            _finding("PRM-S02", row, metric="outcome_rate", comparator="those known", words=words, estimate=estimate,
                     verdict=Verdict.NOT_APPLICABLE if known(r["difference"]) else Verdict.NOT_ASSESSABLE,
                     reason=NO_MARGIN if known(r["difference"]) else r["reason"])
        )  # fmt: skip
    return found


def _lost(chapter: Row) -> list[Finding]:
    found = []
    for r in chapter.get("complete", []):
        if r["outcome"] != "all" or not known(r["difference"]):
            continue
        if not (r["difference_low"] > 0 or r["difference_high"] < 0):
            continue
        more = "more" if r["difference"] > 0 else "fewer"
        words = (
            f"{r['group']} ({r['attribute']}): {r['share']:.1%} have a gap somewhere and would be lost among complete "
            f"cases, {abs(100 * r['difference']):.0f} points {more} than of everybody else."
        )
        n = r["n"]
        estimate = Estimate(r["difference"], r["difference_low"], r["difference_high"], "Newcombe", n, 0, n)
        found.append(
            _finding("PRM-S03", r, metric="share_lost", comparator="everyone else", words=words, estimate=estimate,
                     verdict=Verdict.NOT_APPLICABLE, reason=NO_MARGIN)
        )  # fmt: skip
    return found


def _strategies(chapter: Row) -> list[Finding]:
    margin = chapter["declared"]["margin"]
    found = []
    for s in chapter.get("strategies", []):
        if s["failed"]:
            row = {"attribute": OVERALL, "group": "everyone"}
            nothing = _nothing(chapter["n"], chapter["events"], s["failed"])
            found.append(
                _finding("PRM-S04", row, model=s["name"], metric="net_benefit", comparator="as it is",
                         words=f"{s['name']} could not be tried: {s['failed']}", estimate=nothing,
                         verdict=Verdict.NOT_APPLICABLE, reason=s["failed"])
            )  # fmt: skip
    for r in chapter.get("against_own", []):
        if r["metric"] == "net_benefit":
            words = f"{_who(r)}: with '{r['strategy']}' net benefit changes by {_thousand(r)} per 1,000."
            found += _judged("PRM-S04", r, margin, str(r["strategy"]), "as it is", words)
    return found


def _inputs(chapter: Row, model: str) -> list[Finding]:
    margin = chapter["declared"]["margin"]
    rows = chapter.get("inputs", [])
    metric = "net_benefit" if any(r["metric"] == "net_benefit" for r in rows) else "sensitivity"
    found: list[Finding] = []
    for r in rows:
        if r["metric"] == metric:
            what = "net benefit" if metric == "net_benefit" else "sensitivity"
            words = f"{_who(r)}: without {r['loss']}, {what} changes by {_thousand(r)} per 1,000."
            limit = margin if metric == "net_benefit" else None
            found += _judged("PRM-S05", r, limit, model, f"with {r['loss']}", words)
    for r in chapter.get("inputs_failed", []):
        row = {"attribute": OVERALL, "group": "everyone"}
        words = f"Without {r['loss']} the model gives no score at all: {r['why']}"
        found.append(
            _finding("PRM-S05", row, model=model, metric=metric, comparator=f"with {r['loss']}", words=words,
                     estimate=_nothing(chapter["n"], chapter["events"], r["why"]), verdict=Verdict.NOT_ASSESSABLE,
                     reason=r["why"])
        )  # fmt: skip
    return found


def _judged(code: str, r: Row, margin: float | None, model: str, comparator: str, words: str) -> list[Finding]:
    """Return one finding; without a margin, none where the interval holds 0 (everyone's is always told)."""
    if not known(r["value"]):
        return []
    reason = "" if margin else NO_MARGIN
    verdict = judge(r["low"], r["high"], margin, better="higher") if margin else Verdict.NOT_APPLICABLE
    if (
        r["low"] <= 0 <= r["high"]
        and (verdict in {Verdict.NO_HARM, Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE})
        and r["attribute"] != OVERALL
    ):
        return []
    e = Estimate(r["value"], r["low"], r["high"], "paired", r["n"], r["events"], r["n"] - r["events"])
    return [
        _finding(code, r, model=model, metric=str(r["metric"]), comparator=comparator, words=words, estimate=e,
                 verdict=verdict, reason=reason, margin=margin)
    ]  # fmt: skip


def _tipping(chapter: Row) -> list[Finding]:
    found = []
    for r in chapter.get("tipping", []):
        if r["up"] is None and r["down"] is None:
            continue
        estimate = Estimate(r["difference"], r["low"], r["high"], "Rubin's rules", r["n"], r["events"],
                            r["n"] - r["events"])  # fmt: skip
        found.append(
            _finding("PRM-S06", r, metric="sensitivity", comparator="everyone else", words=tipping_words(r),
                     estimate=estimate, verdict=Verdict.INCONCLUSIVE,
                     reason="the finding rests on what was not measured")
        )  # fmt: skip
    return found


def tipping_words(r: Row) -> str:
    """Say how far the unmeasured would have to lie from what was drawn for them, until the verdict is another one."""
    who = f"{r['group']} ({r['attribute']}), {r['column']}"
    if r["up"] is None and r["down"] is None:
        return (
            f"{who}: if the {r['gaps']:,} unmeasured lay {_deviations(r['least'])} lower or "
            f"{r['most']:g} higher than was drawn for them, sensitivity would still be '{r['verdict']}'."
        )
    ways = [
        f"{_deviations(r[key])} ({abs(r[key]) * r['unit']:.3g}) {word}: '{r[f'{key}_verdict']}'"
        for key, word in (("down", "lower"), ("up", "higher"))
        if r[key] is not None
    ]
    return (
        f"{who}: the verdict on sensitivity, '{r['verdict']}', tips if the {r['gaps']:,} unmeasured truly lie "
        f"{' or '.join(ways)}."
    )


def _masking(chapter: Row) -> list[Finding]:
    found = []
    for r in chapter.get("masking", []):
        if r["attribute"] == OVERALL or r["column"] != "all columns" or not known(r["ratio_low"]):
            continue
        if not (r["ratio_low"] > 1 or r["ratio_high"] < 1):
            continue
        words = (
            f"{r['group']} ({r['attribute']}): what '{r['strategy']}' fills in errs {r['ratio']:.2f} times as much as "
            "for everybody else, where values were hidden at random."
        )
        estimate = Estimate(r["ratio"], r["ratio_low"], r["ratio_high"], "log limits", r["n"], 0, r["n"])
        found.append(
            _finding("PRM-S07", r, model=r["strategy"], metric="error_ratio", comparator="everyone else", words=words,
                     estimate=estimate, verdict=Verdict.NOT_APPLICABLE, reason=NO_MARGIN)
        )  # fmt: skip
    return found


def known(value: Any) -> bool:
    """Whether there is a finite number."""
    return value is not None and math.isfinite(value)


def _estimate(r: Row, method: str) -> Estimate:
    events = int(r["measured_events"]) + int(r["missing_events"])
    return Estimate(r["difference"], r["low"], r["high"], method, r["n"], events, r["n"] - events)


def _nothing(n: int, events: int, why: str) -> Estimate:
    nan = math.nan
    return Estimate(nan, nan, nan, "none", n, events, n - events, Status.NOT_ESTIMABLE, why)


def _who(r: Row) -> str:
    return "Everyone" if r["attribute"] == OVERALL else f"{r['group']} ({r['attribute']})"


def _thousand(r: Row) -> str:
    return f"{1000 * r['value']:+.1f} [{1000 * r['low']:+.1f} to {1000 * r['high']:+.1f}]"


def _finding(
    code: str, r: Row, *, metric: str, comparator: str, words: str, estimate: Estimate, verdict: Verdict, reason: str,
    model: str = "", margin: float | None = None,
) -> Finding:  # fmt: skip
    return Finding(
        code, TITLES[code], model, metric, str(r["attribute"]), str(r["group"]), comparator, estimate, margin, verdict,
        reason, words=words,
    )  # fmt: skip
