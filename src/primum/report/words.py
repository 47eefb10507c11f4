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
    general,
    half_up,
    known,
    of_metric,
    percent,
    span,
    threshold,
)
from primum.report.say import say, spoken, told
from primum.usecase import MISSING, OVERALL, UseCase

SHAPES = {
    Verdict.HARM: ("▼", "harm"),
    Verdict.NO_HARM: ("●", "none"),
    Verdict.INCONCLUSIVE: ("◆", "open"),
    Verdict.NOT_ASSESSABLE: ("○", "few"),
    Verdict.SUPPRESSED: ("■", "gone"),
    Verdict.NOT_APPLICABLE: ("–", "gone"),
}
SIGNAL = "a signal to follow up"
_AT_ONCE = re.compile(r"(?:(not) when|holds when) all (\d+) groups are compared at once")
_MORE = frozenset({"fpr", "fnr"})


def plain(metric: str) -> str:
    """Return what a metric counts, without a technical word; its title where there are no such words."""
    key = f"report.metric.{metric}.plain"
    return spoken()(key) if spoken().has(key) else metric_title(metric)


def meaning(verdict: Verdict) -> str:
    """Return what a verdict means."""
    if verdict is Verdict.SUPPRESSED:
        return say("words.suppressed_means")
    return spoken()(f"report.verdict.{verdict.name.lower()}.means")


def named(verdict: Verdict) -> str:
    """Return a verdict in words; "suppressed" is told as what it is to a reader, inconclusive."""
    return spoken()(f"report.verdict.{verdict.name.lower()}.name")


def absent() -> str:
    """Return what stands in place of what a release leaves out."""
    return say("words.absent")


def intervals(level: float) -> str:
    """Return the one explanation of intervals that the report gives."""
    places = 0 if known(level) and abs(level * 100 % 1) < 1e-9 else 1
    return spoken()("report.legend.intervals", level=percent(level, places))


def group_name(attribute: str, group: str) -> str:
    """Return a group as a reader says it; missing membership is 'not recorded'."""
    if attribute == OVERALL:
        return capital(spoken()("common.everyone"))
    gone = spoken()("common.part_not_recorded")
    if group == MISSING:
        return spoken()("common.not_recorded", attribute=capital(attribute)) if attribute else gone
    return group.replace(MISSING, gone)


def full_name(attribute: str, group: str) -> str:
    """Return a group so that it stands alone in a sentence: 'Asian (ethnicity)'; intersections name their parts."""
    name = group_name(attribute, group)
    alone = attribute == OVERALL or group == MISSING or " · " in group
    return name if alone else spoken()("common.in_group", group=name, attribute=attribute)


def metric_title(metric: str) -> str:
    """Return the technical name of a metric; of one that the language has no words for, as the registry has it."""
    key = f"report.metric.{metric}.title"
    if spoken().has(key):
        return spoken()(key)
    return METRICS[metric].title if metric in METRICS else metric.replace("_", " ")


def chip(finding: Finding) -> dict[str, str]:
    """Return verdict, shape, class and full text of the mark that stands behind a group."""
    shape, name = SHAPES[shown(finding)]
    more = f" (+{count(finding.more_events)})" if finding.more_events else ""
    words = say("words.chip_no_harm") if finding.verdict is Verdict.NO_HARM else verdict(finding)
    return {"shape": shape, "kind": name, "text": words + more, "title": sentence(finding)}


def shown(finding: Finding) -> Verdict:
    """Return the verdict, "suppressed" also where only the number behind it is withheld."""
    hidden = finding.estimate.status is Status.SUPPRESSED and not known(finding.estimate.value)
    return Verdict.SUPPRESSED if hidden else finding.verdict


def verdict(finding: Finding) -> str:
    """Return the verdict in words."""
    return named(shown(finding))


def decision(usecase: UseCase, at: float | None, *, scale: str = "probability") -> str:
    """Return who is acted on: 'Invite: people whose predicted risk of depression is 10 % or more'."""
    kind = "probability" if scale == "probability" else "points"
    act, outcome = capital(usecase.decision.act.rstrip(".")), usecase.outcome.name
    rule = say(f"words.decision.{kind}", act=act, outcome=outcome, at=threshold(at, scale))
    share = usecase.decision.capacity
    return f"{rule} {say('words.decision.capacity', share=percent(share))}" if share else rule


def exchange(at: float | None, *, scale: str = "probability", capacity: bool = False) -> str:
    """Return what the threshold says about the two kinds of mistake, (1 − t) / t false alarms for a miss."""
    if scale != "probability":
        return say("words.exchange.points")
    if at is None or not 0 < at < 1:
        return ""
    odds, kind = (1 - at) / at, "capacity" if capacity else "declared"
    if abs(odds - 1) < 0.05:
        return say(f"words.exchange.{kind}.same")
    if odds > 1:
        return say(f"words.exchange.{kind}.more", n=_odds(odds))
    return say(f"words.exchange.{kind}.less", n=_odds(1 / odds))


def _odds(odds: float) -> str:
    return fixed(odds, 0 if odds >= 10 or abs(odds - half_up(odds)) < 0.05 else 1)


def per_thousand(consequence: Mapping[str, Any], sensitivity: Mapping[str, Any] | None, usecase: UseCase) -> str:
    """Return what happens to 1,000 people, in natural frequencies with the interval of those found."""
    per, outcome = count(consequence["per"]), usecase.outcome.name
    ill = consequence["with_outcome"]
    if not known(ill):
        reason = consequence.get("reason") or say("words.thousand.nothing")
        return say("words.thousand.unknown", per=per, reason=reason)
    alarms = count(consequence["false_alarms"])
    if half_up(float(ill)) == 0:
        return say("words.thousand.none", per=per, outcome=outcome, alarms=alarms)
    found = count(consequence["found"])
    missed = half_up(float(ill)) - half_up(float(consequence["found"]))  # so that the two add up to the whole
    if sensitivity is not None and known(sensitivity.get("low")):
        found += NBSP + span(sensitivity["low"], sensitivity["high"], scale=float(ill))
    told = {"ill": count(ill), "found": found, "missed": count(missed), "alarms": alarms}
    return say("words.thousand.told", per=per, outcome=outcome, **told)


def needs(finding: Finding, outcome: str) -> str:
    """Return what stands in the way of a judgement: '26 cases; with 120 more, …'."""
    has, have = _has(finding, outcome)
    if finding.more_events and finding.margin:
        return say("words.needs.more", has=has, n=count(finding.more_events), gap=_gap(finding))
    if finding.reason and have:
        return say("words.needs.reason", has=has, reason=finding.reason)
    return say("words.needs.alone", has=has)


def _has(finding: Finding, outcome: str) -> tuple[str, int | None]:
    """Return how many people a judgement rests on, in words and as a number."""
    kind, have = _behind(finding)
    about = {"number": count(have), "people": count(finding.estimate.n), "outcome": outcome}
    key = f"words.needs.{kind}"
    return (say(f"{key}.none", **about) if have == 0 else told(key, have or 0, **about)), have


def _behind(finding: Finding) -> tuple[str, int | None]:
    if finding.more_kind == "events":
        return "cases", finding.estimate.events
    return "others", finding.estimate.nonevents


def signals(finding: Finding) -> bool:
    """Whether a group is too small to judge, while the whole interval of its difference lies beyond the margin."""
    return shown(finding) is Verdict.NOT_ASSESSABLE and SIGNAL in finding.reason


def signal(finding: Finding, outcome: str = "", own: tuple[str, str] | None = None) -> str:
    """Return the sentence about a group that is too small to judge and worse than the margin.

    `own` is what was measured in the group and in those compared with; without it the difference is told.
    """
    e, other = finding.estimate, comparator(finding.comparator)
    number = of_metric(finding.metric, e.value, e.low, e.high, comparison="difference")
    value = say("words.signal.difference", difference=number, other=other)
    if own is not None:
        value = say("words.signal.own", own=own[0], other=other, rest=own[1])
    name, who = full_name(finding.attribute, finding.group), _behind(finding)[0]
    return say(f"words.signal.{who}", group=name, value=value, outcome=outcome or say("words.outcome"))


def leaning(finding: Finding) -> str:
    """Return where the whole interval of a difference lies: "worse", "better", off the ideal ("apart"), "open"."""
    e = finding.estimate
    if not (known(e.low) and known(e.high)) or e.low <= 0 <= e.high:
        return "open"
    if finding.comparator.startswith("ideal"):
        return "apart"
    lower = finding.metric in METRICS and METRICS[finding.metric].better == "lower"
    return "worse" if (e.value < 0) != lower else "better"


def sentence(finding: Finding, outcome: str = "") -> str:
    """Return a finding in one sentence; checks that compare no groups bring their own words."""
    if finding.margin is None or not finding.comparator:
        return finding.words or finding.reason or finding.title
    name, e = full_name(finding.attribute, finding.group), finding.estimate
    if shown(finding) is Verdict.SUPPRESSED:
        return say("words.said", group=name, said=say("words.ends.other", reason=verdict(finding)))
    if signals(finding):
        return signal(finding, outcome)
    if finding.verdict is Verdict.NOT_ASSESSABLE:
        return say("words.said", group=name, said=needs(finding, outcome or say("words.outcome")))
    reason = finding.reason or named(finding.verdict)
    if not known(e.value):
        reason = finding.reason or e.reason or named(finding.verdict)
        return say("words.said", group=name, said=say("words.ends.other", reason=reason))
    judged = finding.verdict in {Verdict.HARM, Verdict.NO_HARM, Verdict.INCONCLUSIVE}
    end = finding.verdict.name.lower() if judged else "other"
    if finding.verdict is Verdict.INCONCLUSIVE:
        end = f"inconclusive.{leaning(finding)}"
    return f"{_difference(finding)} {say(f'words.ends.{end}', gap=_gap(finding), reason=reason)}"


def at_once(finding: Finding) -> str:
    """Return whether harm that is shown for a group also holds with all groups compared at once; "" if not known."""
    found = _AT_ONCE.search(finding.reason)
    if finding.verdict is not Verdict.HARM or found is None:
        return ""
    return say("words.at_once.alone" if found[1] else "words.at_once.holds", n=found[2])


def comparator(name: str) -> str:
    """Return the group or the ideal compared with, as a reader says it."""
    if name.startswith("ideal ("):
        return say("words.ideal", value=name[7:-1])
    rest = name in {OVERALL, "everyone", "everyone else", "rest"}
    return spoken()("common.everyone_else") if rest else group_name("", name)


def margin(metric: str, size: float) -> str:
    """Return a declared margin: '10 percentage points of sensitivity'."""
    title = lower(metric_title(metric))
    if metric in RATES:
        return say("words.margin.rate", n=_in_100(size), metric=title)
    return say("words.margin.other", n=general(size), metric=title)


def acceptable(metric: str, size: float) -> str:
    """Return a declared margin without a technical word: 'at most 10 in 100 fewer than in the group compared with'."""
    if metric not in RATES:
        return margin(metric, size)
    return say("words.acceptable.more" if metric in _MORE else "words.acceptable.fewer", n=_in_100(size))


def lower(text: str) -> str:
    """Return a text that begins with a small letter, unless it is an abbreviation."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def capital(text: str) -> str:
    """Return a text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def _in_100(size: float) -> str:
    shown = 100 * size
    return fixed(shown, 0 if abs(shown - half_up(shown)) < 0.005 else 1)


def _gap(finding: Finding) -> str:
    """Return the margin as a gap in the direction of harm: 'a 10-point shortfall'."""
    size = finding.margin or 0.0
    if finding.metric not in RATES:
        return say("words.gap.other", n=general(size))
    number = _in_100(size)
    article = "an" if number.startswith(("8", "11", "18")) else "a"
    return say(f"words.gap.{'excess' if finding.metric in _MORE else 'shortfall'}.{article}", n=number)


def _difference(finding: Finding) -> str:
    """Return who fares how differently from whom, with the interval of the difference."""
    e, other = finding.estimate, comparator(finding.comparator)
    about = {"group": full_name(finding.attribute, finding.group), "metric": metric_title(finding.metric)}
    if finding.metric not in RATES:
        kind = "ideal" if finding.comparator.startswith("ideal") else "group"
        key = f"words.difference.{kind}.{'lower' if e.value < 0 else 'higher'}"
        number = of_metric(finding.metric, abs(e.value))
        return say(key, **about, n=number, other=other, interval=span(e.low, e.high, 2))
    limits = _more_or_fewer(e.low, e.high, finding.margin or 0.0)
    known_ = spoken().has(f"main.words.per_100.{finding.metric}.same")
    key = f"words.per_100.{finding.metric if known_ else 'other'}"
    size = half_up(100 * abs(e.value))
    if size == 0:
        return say(f"{key}.same", **about, other=other, interval=limits)
    key = f"{key}.{'fewer' if e.value < 0 else 'more'}"
    return told(key, size, number=fixed(size), **about, other=other, interval=limits)


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
        return say("words.limits.both", low=fixed(-a, places), high=fixed(b, places), nb=NBSP)
    ends = [fixed(end, places) for end in sorted((abs(a), abs(b)))]
    return say(f"words.limits.{'fewer' if a < 0 else 'more'}", low=ends[0], high=ends[1], nb=NBSP)
