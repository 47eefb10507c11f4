"""Findings in plain sentences, for a clinician who has had no course in statistics.

Three rules hold everywhere. People are counted, not only shares ("62 of 91"). What cannot be told from chance is said
to be so, never to be absent. Groups are never ranked by their point estimates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from primum.finding import Finding, Status, Verdict
from primum.measure.metric import METRICS
from primum.report.numbers import (
    NBSP,
    RATES,
    count,
    fixed,
    half_up,
    known,
    of_metric,
    percent,
    span,
    threshold,
)
from primum.usecase import MISSING, OVERALL, UseCase

PLAIN = {
    "n": "people",
    "prevalence": "have it",
    "selection_rate": "selected",
    "sensitivity": "found, of those who have it",
    "specificity": "left alone, of those who do not have it",
    "ppv": "have it, of those selected",
    "npv": "do not have it, of those left alone",
    "fpr": "falsely alarmed, of those who do not have it",
    "fnr": "missed, of those who have it",
    "accuracy": "decided rightly",
    "balanced_accuracy": "decided rightly, both kinds weighed alike",
    "brier": "mean squared error of the predicted risk",
    "auroc": "chance that someone who has it scores higher than someone who does not",
    "average_precision": "average share of rightly selected people",
    "oe_ratio": "people who had it, for each one predicted",
    "calibration_intercept": "predicted risks too low (above 0) or too high (below 0)",
    "calibration_slope": "predicted risks too extreme (below 1) or too timid (above 1)",
    "net_benefit": "rightly found people, less the false alarms at their declared price",
    "standardised_net_benefit": "net benefit as a share of the most that is possible",
    "nne": "people looked at for each one found",
    "fp_per_tp": "false alarms for each person found",
    "interventions_avoided": "people in 100 who are spared, with no case more missed, against selecting everyone",
    "debiased_calibration_error": "mean squared gap between predicted and observed risk, less what chance adds",
    "ici": "mean gap between predicted and observed risk",
    "e50": "gap between predicted and observed risk that half of the people stay below",
    "e90": "gap between predicted and observed risk that nine in ten people stay below",
}
_PER_100 = {
    "prevalence": ("people", "have it"),
    "selection_rate": ("people", "are selected"),
    "sensitivity": ("who have it", "are found"),
    "specificity": ("who do not have it", "are left alone"),
    "ppv": ("selected", "have it"),
    "npv": ("left alone", "do not have it"),
    "fpr": ("who do not have it", "are falsely alarmed"),
    "fnr": ("who have it", "are missed"),
    "accuracy": ("people", "are decided rightly"),
}
SHAPES = {
    Verdict.HARM: ("▼", "harm"),
    Verdict.NO_HARM: ("●", "none"),
    Verdict.INCONCLUSIVE: ("◆", "open"),
    Verdict.NOT_ASSESSABLE: ("○", "few"),
    Verdict.SUPPRESSED: ("■", "gone"),
    Verdict.NOT_APPLICABLE: ("–", "gone"),
}
MEANINGS = {
    Verdict.HARM: "the whole interval of the difference lies beyond the margin that was declared beforehand",
    Verdict.NO_HARM: "the whole interval lies inside the margin; differences smaller than the margin remain possible",
    Verdict.INCONCLUSIVE: "the interval reaches both sides of the margin: these numbers cannot tell it from chance",
    Verdict.NOT_ASSESSABLE: "too few people with (or without) the outcome to judge; this is not a good result",
    Verdict.SUPPRESSED: "withheld, so that nobody can be recognised; nothing is known from this report",
    Verdict.NOT_APPLICABLE: "the check does not apply here",
}
SUPPRESSED = "inconclusive (suppressed)"
ABSENT = "Not part of this release."
_AT_ONCE = re.compile(r"(?:(not) when|holds when) all (\d+) groups are compared at once")
INTERVALS = (
    "Numbers in square brackets are 95{n}% intervals: the range of true values that fit these data well. "
    "A wide range means that few people stand behind the number."
)


def intervals(level: float) -> str:
    """Return the one explanation of intervals that the report gives."""
    return INTERVALS.replace("95{n}%", percent(level, 0 if known(level) and abs(level * 100 % 1) < 1e-9 else 1))


def group_name(attribute: str, group: str) -> str:
    """Return a group as a reader says it; missing membership is 'not recorded'."""
    if attribute == OVERALL:
        return "Everyone"
    if group == MISSING:
        return f"{capital(attribute)} not recorded" if attribute else "not recorded"
    return group.replace(MISSING, "not recorded")


def full_name(attribute: str, group: str) -> str:
    """Return a group so that it stands alone in a sentence: 'Asian (ethnicity)'; intersections name their parts."""
    name = group_name(attribute, group)
    alone = attribute == OVERALL or group == MISSING or " · " in group
    return name if alone else f"{name} ({attribute})"


def metric_title(metric: str) -> str:
    """Return the technical name of a metric, as the registry has it."""
    return METRICS[metric].title if metric in METRICS else metric.replace("_", " ")


def chip(finding: Finding) -> dict[str, str]:
    """Return verdict, shape, class and full text of the mark that stands behind a group."""
    shape, name = SHAPES[shown(finding)]
    more = f" (+{count(finding.more_events)})" if finding.more_events else ""
    words = "no harm shown within margin" if finding.verdict is Verdict.NO_HARM else verdict(finding)
    return {"shape": shape, "kind": name, "text": words + more, "title": sentence(finding)}


def shown(finding: Finding) -> Verdict:
    """Return the verdict, "suppressed" also where only the number behind it is withheld."""
    hidden = finding.estimate.status is Status.SUPPRESSED and not known(finding.estimate.value)
    return Verdict.SUPPRESSED if hidden else finding.verdict


def verdict(finding: Finding) -> str:
    """Return the verdict in words."""
    told = shown(finding)
    return SUPPRESSED if told is Verdict.SUPPRESSED else str(told)


def decision(usecase: UseCase, at: float | None, *, scale: str = "probability") -> str:
    """Return who is acted on: 'Invite: people whose predicted risk of depression is 10 % or more'."""
    act = usecase.decision.act.rstrip(".")
    who = (
        f"people whose predicted risk of {usecase.outcome.name} is {threshold(at)} or more"
        if scale == "probability"
        else f"people who score {threshold(at, scale)} or more"
    )
    rule = f"{act[:1].upper()}{act[1:]}: {who}."
    share = usecase.decision.capacity
    return f"{rule} This is as many as there is room for, {percent(share)} of all." if share else rule


def exchange(at: float | None, *, scale: str = "probability", capacity: bool = False) -> str:
    """Return what the threshold says about the two kinds of mistake, (1 − t) / t false alarms for a miss."""
    if scale != "probability":
        return "The threshold is a number of points, so it does not say how many false alarms one miss is worth."
    if at is None or not 0 < at < 1:
        return ""
    odds = (1 - at) / at
    lead = "A threshold here makes sense only if one miss is" if capacity else "One miss is taken to be"
    if abs(odds - 1) < 0.05:
        return f"{lead} as bad as one false alarm."
    if odds > 1:
        return f"{lead} as bad as {_odds(odds)} false alarms."
    return f"{lead} less bad than one false alarm: {_odds(1 / odds)} misses weigh as much."


def _odds(odds: float) -> str:
    return fixed(odds, 0 if odds >= 10 or abs(odds - half_up(odds)) < 0.05 else 1)


def per_thousand(consequence: Mapping[str, Any], sensitivity: Mapping[str, Any] | None, usecase: UseCase) -> str:
    """Return what happens to 1,000 people, in natural frequencies with the interval of those found."""
    per, outcome = count(consequence["per"]), usecase.outcome.name
    ill = consequence["with_outcome"]
    if not known(ill):
        return f"What happens to {per} people cannot be said: {consequence.get('reason') or 'nothing was counted'}."
    if half_up(float(ill)) == 0:
        return (
            f"Of {per} people nearly none have {outcome}; "
            f"the model selects {count(consequence['false_alarms'])} of them for nothing."
        )
    found = count(consequence["found"])
    missed = half_up(float(ill)) - half_up(float(consequence["found"]))  # so that the two add up to the whole
    if sensitivity is not None and known(sensitivity.get("low")):
        found += NBSP + span(sensitivity["low"], sensitivity["high"], scale=float(ill))
    return (
        f"Of {per} people, {count(ill)} have {outcome}. The model finds {found} of them and misses "
        f"{count(missed)}; {count(consequence['false_alarms'])} others are selected for nothing."
    )


def needs(finding: Finding, outcome: str) -> str:
    """Return what stands in the way of a judgement: '26 cases; 120 more are needed to tell …'."""
    few = finding.more_kind != "events"
    have = finding.estimate.nonevents if few else finding.estimate.events
    kind = f"people without {outcome}" if few else ("case" if have == 1 else "cases")
    text = f"{'no' if have == 0 else count(have)} {kind} among {count(finding.estimate.n)} people"
    if finding.more_events and finding.margin:
        text += f"; {count(finding.more_events)} more are needed to tell {_shortfall(finding)} from chance"
    elif finding.reason and have:
        text += f"; {finding.reason}"
    return text + "."


def sentence(finding: Finding, outcome: str = "the outcome") -> str:
    """Return a finding in one sentence; checks that compare no groups bring their own words."""
    if finding.margin is None or not finding.comparator:
        return finding.words or finding.reason or finding.title
    name, e = full_name(finding.attribute, finding.group), finding.estimate
    if shown(finding) is Verdict.SUPPRESSED:
        return f"{name}: {SUPPRESSED}."
    if finding.verdict is Verdict.NOT_ASSESSABLE:
        return f"{name}: {needs(finding, outcome)}"
    if not known(e.value):
        return f"{name}: {finding.reason or e.reason or str(finding.verdict)}."
    limit = _shortfall(finding)
    ends = {
        Verdict.HARM: f"The whole interval lies beyond {limit}, the most that was declared acceptable.",
        Verdict.NO_HARM: f"Even the worst end of the interval is less than {limit}.",
        Verdict.INCONCLUSIVE: f"Whether there is {limit} cannot be told from chance with these numbers.",
    }
    return f"{_difference(finding)}. {ends.get(finding.verdict, f'{finding.reason or finding.verdict}.')}"


def at_once(finding: Finding) -> str:
    """Return whether harm that is shown for a group also holds with all groups compared at once; "" if not known."""
    told = _AT_ONCE.search(finding.reason)
    if finding.verdict is not Verdict.HARM or told is None:
        return ""
    if told[1]:
        return (
            f"This holds for this group looked at alone; with {told[2]} groups compared at once, "
            "a difference within the margin is not excluded."
        )
    return f"It also holds with all {told[2]} groups compared at once."


def comparator(name: str) -> str:
    """Return the group or the ideal compared with, as a reader says it."""
    if name.startswith("ideal ("):
        return f"the ideal, {name[7:-1]}"
    return "everyone else" if name in {OVERALL, "everyone", "everyone else", "rest"} else group_name("", name)


def margin(metric: str, size: float) -> str:
    """Return a declared margin: '10 percentage points of sensitivity'."""
    if metric in RATES:
        number = fixed(100 * size, 0 if abs(100 * size - half_up(100 * size)) < 0.005 else 1)
        return f"{number} percentage points of {lower(metric_title(metric))}"
    return f"{size:g} of {lower(metric_title(metric))}"


def acceptable(metric: str, size: float) -> str:
    """Return a declared margin without a technical word: 'at most 10 in 100 fewer than in the group compared with'."""
    if metric not in RATES:
        return margin(metric, size)
    shown = 100 * size
    number = fixed(shown, 0 if abs(shown - half_up(shown)) < 0.005 else 1)
    return f"{number} in 100 {'more' if metric in {'fpr', 'fnr'} else 'fewer'} than in the group compared with"


def lower(text: str) -> str:
    """Return a text that begins with a small letter, unless it is an abbreviation."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def capital(text: str) -> str:
    """Return a text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def _shortfall(finding: Finding) -> str:
    size = finding.margin or 0.0
    if finding.metric in RATES:
        shown = 100 * size
        number = fixed(shown, 0 if abs(shown - half_up(shown)) < 0.005 else 1)
        article = "an" if number.startswith(("8", "11", "18")) else "a"
        noun = "excess" if finding.metric in {"fpr", "fnr"} else "shortfall"
        return f"{article} {number}-point {noun}"
    return f"a difference of {size:g}"


def _difference(finding: Finding) -> str:
    """Return who fares how differently from whom, with the interval of the difference."""
    e, other = finding.estimate, comparator(finding.comparator)
    name = full_name(finding.attribute, finding.group)
    if finding.metric not in RATES:
        how = "lower" if e.value < 0 else "higher"
        number = of_metric(finding.metric, abs(e.value))
        against = other if finding.comparator.startswith("ideal") else f"for {other}"
        return f"{name}: {metric_title(finding.metric)} is {number} {how} than {against} {span(e.low, e.high, 2)}"
    base, verb = _PER_100.get(finding.metric, ("people", f"count for {metric_title(finding.metric)}"))
    size = half_up(100 * abs(e.value))
    if size == 0:
        what = f"as many {verb} as among {other}"
    else:
        verb = f"{verb.replace('are ', 'is ', 1).replace('have ', 'has ', 1)}" if size == 1 else verb
        what = f"{fixed(size)} {'fewer' if e.value < 0 else 'more'} {verb} than among {other}"
    return f"{name}: of every 100 {base}, {what} {_more_or_fewer(e.low, e.high, finding.margin or 0.0)}"


def _more_or_fewer(low: float, high: float, size: float) -> str:
    """Return the interval of a difference in 100 without signs: '[17–41 fewer]', '[5 fewer to 10 more]'.

    An end that would round to the margin is given with a decimal, so that it never seems to contradict the verdict.
    """
    if not (known(low) and known(high)):
        return ""
    close = half_up(100 * size) in {half_up(abs(100 * low)), half_up(abs(100 * high))}
    places = 1 if close else 0
    a, b = half_up(100 * low, places), half_up(100 * high, places)
    if a < 0 < b:
        return f"[{fixed(-a, places)} fewer to{NBSP}{fixed(b, places)} more]"
    small, large = sorted((abs(a), abs(b)))
    return f"[{fixed(small, places)}–{fixed(large, places)}{NBSP}{'fewer' if a < 0 else 'more'}]"
