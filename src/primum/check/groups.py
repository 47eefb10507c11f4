"""PRM-G01: does the model do worse in a group than in its comparator, beyond the declared margin?"""

from __future__ import annotations

import math
from dataclasses import replace

from primum.finding import Estimate, Finding, Verdict, judge
from primum.measure.compare import Comparison
from primum.measure.intervals import z_value
from primum.measure.kernel import Metric
from primum.measure.power import people_needed, scaled, z_power
from primum.usecase import Precision, UseCase

CODE, TITLE = "PRM-G01", "Performance of a group against its comparator"
IDEAL = {"one": 1.0, "zero": 0.0}
LARGER = "in a larger study of the same make-up, about {0} here {1}"
NEAR = "it lies so near the margin that how many more people would settle it cannot be said"


def group_findings(usecase: UseCase, model: str, attribute: str, compared: list[Comparison]) -> list[Finding]:
    """Return one finding per group and metric with a declared margin.

    Metrics with an ideal value (observed/expected 1, calibration intercept 0, slope 1) are judged against that ideal
    in the group itself; all others by their difference to the comparator.
    """
    return [_finding(usecase, model, attribute, c) for c in compared if c.metric.id in usecase.margins]


def _finding(usecase: UseCase, model: str, attribute: str, c: Comparison) -> Finding:
    margin, m = usecase.margins[c.metric.id], c.metric
    precision = usecase.precision.get(m.id, Precision())
    if m.better in IDEAL:
        shown, better, comparator = _from_ideal(c.own, IDEAL[m.better]), "zero", f"ideal ({IDEAL[m.better]:g})"
    else:
        shown, better, comparator = c.difference, m.better, c.comparator
    where = Finding(
        check=CODE, title=TITLE, model=model, metric=m.id, attribute=attribute, group=c.group,
        comparator=comparator, estimate=shown, margin=margin, verdict=Verdict.NOT_ASSESSABLE,
    )  # fmt: skip
    if not c.own.ok or not math.isfinite(c.own.low):
        return _lacking(replace(where, reason=c.own.reason), c, precision)
    if not shown.ok:
        return _told(replace(where, reason=shown.reason), c)
    verdict = judge(shown.low, shown.high, margin, better=better)
    few, wide = shortfall(c.own, m, precision)
    if few:
        signal = (
            "; yet all of the interval lies beyond the margin: a signal to follow up" if verdict is Verdict.HARM else ""
        )
        return _lacking(replace(where, reason=few + signal), c, precision)
    if wide and verdict is not Verdict.HARM:
        return _lacking(replace(where, reason=wide), c, precision)
    if verdict is Verdict.INCONCLUSIVE:
        return _lacking(replace(where, verdict=verdict), c, precision)
    return _told(replace(where, verdict=verdict), c)


def _lacking(f: Finding, c: Comparison, precision: Precision) -> Finding:
    """Return the finding with how many more people would settle it."""
    assert f.margin is not None
    kind = "non-events" if c.metric.denominator == "nonevents" else "events"
    more, words = _more(c, f.margin, precision)
    if more:
        who = "people without the outcome" if kind == "non-events" else "cases"
        words = words.format(f"{more:,} more {who}", f"would tell a shortfall of {f.margin:g} from chance")
    return _told(replace(f, more_events=more, more_kind=kind), c, f"; {words}" if c.other.ok else "")


def shortfall(e: Estimate, m: Metric, precision: Precision) -> tuple[str, str]:
    """Return why an estimate rests on too few people and why it is too wide, by what was declared, or "" twice."""
    behind = {"events": e.events, "nonevents": e.nonevents}.get(m.denominator, min(e.events, e.nonevents))
    kind = "people without the outcome" if m.denominator == "nonevents" else "people with the outcome"
    few = (
        f"only {behind} {kind}; at least {precision.events} were declared necessary"
        if behind < precision.events
        else ""
    )
    half = (e.high - e.low) / 2
    return few, "" if half <= precision.half_width else wider(half, precision.half_width)


def wider(half: float, declared: float) -> str:
    """Return that half an interval is wider than was declared: rounded up, with three decimals where two hide it."""
    places = 2 if round(half, 2) > declared else 3
    up = math.ceil(half * 10**places - 1e-9) / 10**places
    return f"the interval is ±{up:.{places}f}, wider than the declared ±{declared:g}"


def _more(c: Comparison, margin: float, precision: Precision) -> tuple[int | None, str]:
    """Return how many more events (or non-events) the group needs, and how to say it.

    A comparator that stays as it is leaves wanted² − comparator² of the squared half-width to the group; where that
    goes to 0 the number goes to infinity, and two nearly equal intervals ask for very different numbers. So where the
    comparator takes more than half (its half-width is beyond 0.7 of what is wanted) both are thought to grow, until
    each takes half, or as the make-up of the study lets them. Both ways meet where one takes over, so that the number
    changes by about twice what a limit does at most. There is none when the group has enough already: what is seen
    lies too close to the margin.
    """
    e, m = c.own, c.metric
    have = e.nonevents if m.denominator == "nonevents" else e.events
    wanted = margin / (z_value(e.level) + z_power(0.8)) * z_value(e.level)
    need, words = math.inf, "about {0} {1}"
    if m.denominator in {"events", "nonevents"} and m.rate and c.other.ok:
        behind = c.other.nonevents if m.denominator == "nonevents" else c.other.events
        good = c.other.value if m.better == "higher" else 1 - c.other.value
        alone, need = (people_needed(good, margin, n, level=e.level) for n in (math.inf, behind))
        against = have / max(behind, 1)
    elif e.ok:
        half = (e.high - e.low) / 2
        rest = 0.0 if m.better in IDEAL or not c.other.ok else (c.other.high - c.other.low) / 2
        alone, room = scaled(have, half, wanted), wanted**2 - rest**2
        need = scaled(have, half, math.sqrt(room)) if room > 0 else math.inf
        against = (rest / half) ** 2 if half > 0 else 0.0
    else:
        alone, against = math.inf, 0.0
    if need > 2 * alone:
        words, need = LARGER, alone * max(2.0, 1 + against)
    if not math.isfinite(need):
        need, words = precision.events, "at least {0} are needed before anything can be said"
    need = max(need, precision.events)
    return (math.ceil(need) - have, words) if need > have else (None, NEAR)


def _from_ideal(e: Estimate, ideal: float) -> Estimate:
    if not e.ok:
        return e
    return replace(e, value=e.value - ideal, low=e.low - ideal, high=e.high - ideal)


def _told(f: Finding, c: Comparison, more: str = "") -> Finding:
    """Return the finding with its plain sentence."""
    name, e = c.metric.title, f.estimate
    number = f"{name} is not estimable"
    if e.ok:
        number = f"{name} differs by {e.value:+.3f} [{e.low:+.3f}, {e.high:+.3f}] from {f.comparator}"
    reason = f"; {f.reason}" if f.reason else ""
    return replace(f, words=f"{f.attribute}, {f.group}: {f.verdict}. {number}{reason}{more}.")
