"""What page one says about groups in sentences: where harm is shown, where nobody can tell, what is withheld."""

from __future__ import annotations

from primum.finding import Finding, Verdict
from primum.report import words
from primum.report.numbers import count, known, of_metric
from primum.report.page_one_groups import Found
from primum.report.say import say, spoken
from primum.report.sections import GROUPS
from primum.report.source import Audited, decided, estimates, headline, models, threshold, verdicts

MOST_LINES, MOST_SIGNALS = 4, 8
OPEN = (Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE, Verdict.SUPPRESSED)


def harmed(run: Audited, found: Found, crossed: set[str]) -> list[str]:
    """Return where harm is shown: single groups in full, intersections by name, in the declared order."""
    single, inner = _apart(found, Verdict.HARM, crossed)
    said = [(words.sentence(f, run.usecase.outcome.name), words.at_once(f)) for f in single[:MOST_LINES]]
    lines = [" ".join(filter(None, parts)) for parts in said]
    if len(single) > MOST_LINES:
        lines.append(say("page_one.harm.more", n=count(len(single) - MOST_LINES), chapter=GROUPS))
    if inner:
        lines.append(say("page_one.harm.crossed", groups=few(_short(inner))))
    return lines


def not_assessable(run: Audited, found: Found, crossed: set[str]) -> list[str]:
    """Return what is open: small groups that seem to be failed, groups too small to judge, and gaps of unknown size."""
    lines = _signals(run, [f for f in found.values() if words.signals(f)])
    single, inner = _apart({k: f for k, f in found.items() if not words.signals(f)}, Verdict.NOT_ASSESSABLE, crossed)
    lines += [words.sentence(f, run.usecase.outcome.name) for f in single[:MOST_LINES]]
    if len(single) > MOST_LINES:
        lines.append(say("page_one.too_few.more", groups=few(_long(single[MOST_LINES:]))))
    if inner:
        lines.append(say("page_one.too_few.crossed", groups=few(_short(inner), 3)))
    return lines + _undecided(found, crossed)


def _signals(run: Audited, found: list[Finding]) -> list[str]:
    """Return the groups, intersections too, that are too small to judge, but worse than the margin."""
    lines = [words.signal(f, run.usecase.outcome.name, _own(run, f)) for f in found[:MOST_SIGNALS]]
    rest = _long(found[MOST_SIGNALS:])
    return [*lines, say("page_one.too_few.signals", groups=", ".join(rest))] if rest else lines


def _own(run: Audited, f: Finding) -> tuple[str, str] | None:
    """Return the share in the group itself with its interval, and that of those compared with; None if not known."""
    row = decided(estimates(run), f.model, f.metric, f.attribute, f.group, threshold(run, f.model))
    if row is None or not known(row["value"]) or not known(f.estimate.value):
        return None
    rest = of_metric(f.metric, float(row["value"]) - f.estimate.value)
    return of_metric(f.metric, row["value"], row["low"], row["high"]), rest


def _undecided(found: Found, crossed: set[str]) -> list[str]:
    """Return the groups that do worse (or better), only whether by more than the margin is not known."""
    single, inner = _apart(found, Verdict.INCONCLUSIVE, crossed)
    lines = []
    for way in ("worse", "better"):
        mine = [f for f in [*single, *inner] if words.leaning(f) == way]
        groups = ", ".join([_with_difference(f) for f in mine[:MOST_LINES]] + _long(mine[MOST_LINES:]))
        lines += [say(f"page_one.undecided.{way}", groups=groups)] if mine else []
    return lines


def _with_difference(f: Finding) -> str:
    e = f.estimate
    number = of_metric(f.metric, e.value, e.low, e.high, comparison="difference")
    return say("page_one.undecided.group", group=words.full_name(f.attribute, f.group), difference=number)


def withheld(found: Found, crossed: set[str]) -> list[str]:
    """Return the groups about which this report may not speak."""
    single, inner = _apart(found, Verdict.SUPPRESSED, crossed)
    lines = [say("page_one.withheld.groups", groups=few(_long(single)))] if single else []
    return lines + ([say("page_one.withheld.crossed", groups=few(_short(inner)))] if inner else [])


def others(run: Audited, model: str) -> list[str]:
    """Return where harm is shown by the other declared margins, and by the other models."""
    first, names = headline(run), [str(m["name"]) for m in models(run)]
    margins = [_harm_by(run, model, m, words.lower(words.metric_title(m))) for m in run.usecase.margins if m != first]
    rivals = [_harm_by(run, name, first, name) for name in names if name != model]
    lines = [say("page_one.others.margins", said="; ".join(filter(None, margins))) if any(margins) else ""]
    lines.append(say("page_one.others.models", said="; ".join(filter(None, rivals))) if any(rivals) else "")
    return [line for line in lines if line]


def _harm_by(run: Audited, model: str, metric: str, title: str) -> str:
    found = list(verdicts(run, model, metric).values())
    if not found:
        return ""
    harm = _long([f for f in found if f.verdict is Verdict.HARM])
    gone = sum(words.shown(f) is Verdict.SUPPRESSED for f in found)
    open_ = count(sum(words.shown(f) in OPEN for f in found) - gone)
    key = "page_one.others.harm" if harm else "page_one.others.none"
    said = say(key, name=title, groups=few(harm, 3), open=open_, n=count(len(found)))
    worse = _long([f for f in found if words.signals(f)]) if metric != headline(run) else []
    said = say("page_one.others.signal", said=said, groups=few(worse, 3)) if worse else said
    return say("page_one.others.withheld", said=said, n=count(gone)) if gone else said


def few(names: list[str], most: int = 4) -> str:
    """Return the first names, and how many more there are."""
    first = ", ".join(names[:most])
    return spoken()("common.more", first=first, n=count(len(names) - most)) if len(names) > most else first


def _apart(found: Found, verdict: Verdict, crossed: set[str]) -> tuple[list[Finding], list[Finding]]:
    """Return the findings of a verdict about single groups, and about intersections."""
    all_ = [f for f in found.values() if words.shown(f) is verdict]
    return [f for f in all_ if f.attribute not in crossed], [f for f in all_ if f.attribute in crossed]


def _long(found: list[Finding]) -> list[str]:
    return [words.full_name(f.attribute, f.group) for f in found]


def _short(found: list[Finding]) -> list[str]:
    return [words.group_name(f.attribute, f.group) for f in found]
