"""PRM-D02 to PRM-D10: stigma and discrimination in data and pipeline, each with what it is and what to do about it.

None of these judges by itself: a verdict needs a margin that was declared beforehand. Without one a finding describes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from primum.finding import Estimate, Finding, Status, Verdict, judge
from primum.usecase_proxies import Discrimination

DESCRIBES = "describes; no margin declared"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """A check as a reader meets it.

    Attributes
    ----------
    code, title
        Stable code, and name.
    metric
        What its findings measure.
    what
        One paragraph for a clinician: what is measured, and why it matters to patients.
    do
        What to do where it is high.
    margin
        Key of the margin that gives a verdict; "" where none can.
    """

    code: str
    title: str
    metric: str
    what: str
    do: str
    margin: str = ""


STRENGTH = Check(
    "PRM-D02",
    "How well the features tell the group",
    "added_auroc",
    "A model that is never told a patient's sex, origin or income may still know it, from weight, postcode or the "
    "number of earlier visits. Take one patient of the group and one of another: the number says how often the "
    "features rank the first as more typical of the group. 50 % is a coin toss, 100 % means that leaving the attribute "
    "out hides nothing. Where legitimate features are declared, what counts is how much the others add to them.",
    "Do not rely on leaving the attribute out where this is high: look at the numbers of each group instead. For a "
    "feature that tells the group and is no accepted reason for the decision, ask what it is there for.",
    "added auroc",
)
INFLUENCE = Check(
    "PRM-D03",
    "Proxies that the model leans on",
    "proxy_influence",
    "A feature can stand in for a group and yet hardly matter to the score, or matter to it and say nothing of groups. "
    "Both together are the concern: the share of the model's importance that a feature has, times how well it tells "
    "the group (0 for a coin toss, 1 for certainty). It ranks features for a conversation; it is no measure of harm, "
    "since a feature may tell the group because the illness does.",
    "Go through the first features with clinicians and patients: is each a cause or sign of the illness, or a trace of "
    "how a group lives and is treated? See the next check for what happens without them.",
)
FLOW = Check(
    "PRM-D04",
    "What reaches the score through a proxy",
    "gap_change",
    "The model is trained again without the feature. If the difference of the mean risk between a group and everybody "
    "else shrinks, part of it came through this feature and through nothing else. If it stays, other features carry "
    "the same, and removing this one changes nothing but accuracy.",
    "Where the gap shrinks and accuracy hardly falls, the model does without this feature. Where accuracy falls, the "
    "feature carries something about the illness too: do not remove it before its cost to each group is known.",
)
DIRECT = Check(
    "PRM-D05",
    "What the attribute alone does",
    "decisions_changed",
    "Everything about a patient stays as it is, only the attribute is changed, as if the form had been filled in "
    "otherwise. The numbers say by how much the risk moves and how many decisions turn round. This is the model's "
    "direct use of the attribute. It is not what would become of a patient who belongs to another group.",
    "Have a clinical reason for every attribute that turns decisions round, and write it down. Without one, train the "
    "model without it, and check what each group loses by that.",
    "direct use",
)
DISPARITY = Check(
    "PRM-D06",
    "Who is refused, and whether legitimate reasons explain it",
    "conditional_disparity",
    "A group's share of those who are refused minus its share of those who are accepted: above 0, the group has more "
    "than its part of the refusals. Compared within strata of patients who are alike in the declared reasons, the "
    "difference may vanish, or turn round (Simpson's paradox): then the reasons explain it. What remains is not "
    "explained by them.",
    "Where the disparity remains within the strata, look for what else the decision rests on. Where it vanishes, ask "
    "whether the reasons are themselves unequal before calling them legitimate.",
    "conditional disparity",
)
BURDEN = Check(
    "PRM-D07",
    "Who bears the false alarms",
    "false_alarm_share_ratio",
    "People flagged for nothing pay for those who are found: with time, worry, or being watched. The ratio is the "
    "group's share of the false alarms over its share of the people: 1 is its part, 2 twice as many. A group in which "
    "the illness is common has more false alarms at any threshold, so read it beside the false-positive rate among "
    "those who do not have it.",
    "Where a group bears more, ask its patients what a false alarm means to them, make the next step cheap and private "
    "and consider a second, milder step before anything that stays on file.",
    "false alarms",
)
PERSISTENCE = Check(
    "PRM-D08",
    "How much of the score nobody can change",
    "persistence",
    "The share of the differences between patients' scores that rests on features nobody can change, or that stay on "
    "file for ever. A person flagged for these will be flagged again, whatever they do. The first number is what only "
    "these features carry, the second also what they share with others: the truth lies between.",
    "Where much rests on them, give flags an end date, let features expire, and let people contest what is on file.",
    "persistence",
)
ATTRITION = Check(
    "PRM-D09",
    "Who was lost on the way",
    "share_lost",
    "Before a model errs, people vanish: not invited, not linked, without a recorded outcome, without the measurements "
    "that the score needs. A model cannot serve, and an audit cannot judge, people who are not in the data. The number "
    "is the share of a group lost at the step, next to the share lost among everybody else.",
    "Find out why at the step where a group loses most, before the model is changed: no repair reaches people who are "
    "not there.",
    "share lost",
)
STIGMA = Check(
    "PRM-D10",
    "Three sides of stigma",
    "three_sides_of_stigma",
    "A flag stigmatises a group when its members are flagged for nothing more often than others, when many can see the "
    "flag, and when it cannot be shaken off. The three sides are shown next to each other and not multiplied: no "
    "single number could be defended to those whom it concerns.",
    "Each side can be made smaller by itself: fewer false alarms in the group, fewer people who see the flag, flags "
    "that end.",
)
CHECKS = (STRENGTH, INFLUENCE, FLOW, DIRECT, DISPARITY, BURDEN, PERSISTENCE, ATTRITION, STIGMA)


@dataclass(frozen=True)
class Judge:
    """Turns estimates into findings by the declared margins.

    Attributes
    ----------
    told
        The section of the use case.
    model
        The model that is looked at.
    """

    told: Discrimination
    model: str

    def finding(
        self,
        check: Check,
        e: Estimate,
        words: str,
        where: Row,
        *,
        comparator: str = "",
        metric: str = "",
        baseline: float = 0.0,
        judged: bool = True,
    ) -> Finding:
        """Return one finding on the attribute and group of a row.

        With a margin, harm is shown when the whole interval lies above baseline + margin; what is not `judged` only
        describes.
        """
        margin = self.told.margins.get(check.margin) if check.margin and judged else None
        verdict, reason = Verdict.NOT_APPLICABLE, e.reason or DESCRIBES
        if margin is not None:
            reason = e.reason
            verdict = (
                judge(e.low - baseline, e.high - baseline, margin, better="lower") if e.ok else Verdict.NOT_ASSESSABLE
            )
        return Finding(
            check.code, check.title, self.model, metric or check.metric, where["attribute"], where["group"],
            comparator, e, margin, verdict, reason, words=words,
        )  # fmt: skip


def estimate(row: Row, *, n: int = 0, events: int = 0, method: str = "linearised", level: float = 0.95) -> Estimate:
    """Return value, low and high of a row as an estimate, not estimable with the row's reason where there is none."""
    value, low, high = (_number(row.get(k)) for k in ("value", "low", "high"))
    if not math.isfinite(value):
        why = str(row.get("reason") or "cannot be told from these people")
        return Estimate(value, low, high, "none", n, events, n - events, Status.NOT_ESTIMABLE, why, level)
    return Estimate(value, low, high, method, n, events, n - events, level=level)


def strength_words(row: Row) -> str:
    """Return how well a group is told, in one sentence."""
    who = f"{row['attribute']}, {row['group']}"
    if not math.isfinite(_number(row["together"]["value"])):
        return f"{who}: how well the features tell it is not estimable, {row['together'].get('reason', '')}."
    said = f"{who}: the features together tell it in {_percent(row['together'])} of pairs"
    if row.get("added"):
        return (
            f"{said}; the legitimate ones alone in {_percent(row['legitimate'])}, so the others add "
            f"{_points(row['added'])}."
        )
    return f"{said}."


def influence_words(row: Row) -> str:
    """Return why a feature is on the list, in one sentence."""
    return (
        f"{row['feature']} tells {row['attribute']} ({row['group']}) in {_percent(row['auroc'])} of pairs and has "
        f"{_share(row['importance'])} of the model's importance: {_number(row['value']):.2f} of 1."
    )


def flow_words(row: Row) -> str:
    """Return what training without a feature did to a group, in one sentence."""
    return (
        f"Without {row['feature']}, the mean risk of {row['group']} ({row['attribute']}) lies "
        f"{_signed(row['without'])} points from everybody else's instead of {_signed(row['with'])} "
        f"({_points(row)}); the AUROC of the outcome changes by {_points(row['auroc'])}."
    )


def direct_words(row: Row) -> str:
    """Return what changing the attribute alone does to a group, in one sentence."""
    return (
        f"{row['attribute']}, {row['group']}: were only this recorded otherwise, the risk would move by "
        f"{_share(row['size'])} on average ({_signed(row['signed']['value'])} points net), and {_percent(row)} of "
        "decisions would turn round."
    )


def disparity_words(row: Row) -> str:
    """Return a group's disparity before and within strata, in one sentence."""
    said = f"{row['attribute']}, {row['group']}: share of {row['bad']} minus share of {row['good']}"
    if row["given"] is None:
        return f"{said} {_points(row['crude'])}. No reasons were declared, so nothing is explained or unexplained."
    turned = " The disparity turns round." if row["reversed"] else ""
    return f"{said} {_points(row['crude'])}, within the strata {_points(row['given'])}.{turned}"


def burden_words(row: Row) -> str:
    """Return a group's false alarms, in one sentence."""
    ratio = row["share_ratio"]
    if not math.isfinite(_number(ratio["value"])):
        return f"{row['attribute']}, {row['group']}: no ratio of false alarms, {ratio['reason']}."
    per_true = row["per_true"]
    known = math.isfinite(_number(per_true["value"]))
    each = f", {_number(per_true['value']):.1f} for each person found" if known else ""
    return (
        f"{row['attribute']}, {row['group']}: {_number(row['per_1000']['value']):.0f} false alarms per 1,000{each}; "
        f"{_number(ratio['value']):.2f} times its share of the people{_span(ratio, 1.0, 2)}."
    )


def persistence_words(row: Row) -> str:
    """Return how much of a group's score rests on what cannot be changed, in one sentence."""
    who = f"{row['attribute']}, {row['group']}"
    if not math.isfinite(_number(row["value"])):
        return f"{who}: how much of the score cannot be changed is not estimable, {row['reason']}."
    return (
        f"{who}: {_percent(row)} of the differences in score rest on {row['what']} features alone, up to "
        f"{_percent(row['alone'])} with what they share with others."
    )


def attrition_words(attribute: str, row: Row) -> str:
    """Return who is lost at a step, in one sentence."""
    lost, more = row["lost"], row["more"]
    verb = "are reached by" if row["kind"] == "reached" else "are lost at" if row["kind"] == "kept" else "fail"
    said = f"{attribute}, {row['group']}: {_percent(lost)} {verb} '{row['step']}'"
    if not math.isfinite(_number(more["value"])):
        return f"{said}."
    return f"{said}, {_points(more)} compared with everybody else."


def stigma_words(row: Row) -> str:
    """Return the three sides, in one sentence."""
    ratio, part = _number(row["burden"]["value"]), row["persistence"]
    first = f"{ratio:.2f} times its share of false alarms" if math.isfinite(ratio) else "burden not estimable"
    last = f"{_percent(part)} of the score cannot be changed" if part else "what cannot be changed was not declared"
    return f"{row['attribute']}, {row['group']}: {first}; a flag is seen by: {row['visible_to']}; {last}."


def no_number() -> Estimate:
    """Return the estimate of what is not put into one number."""
    nan = math.nan
    return Estimate(
        nan, nan, nan, "none", 0, 0, 0, Status.NOT_ESTIMABLE, "three sides, shown next to each other and not multiplied"
    )


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _share(value: Any) -> str:
    number = _number(value["value"] if isinstance(value, Mapping) else value)
    return f"{100 * number:.1f} %" if math.isfinite(number) else "an unknown share"


def _percent(row: Row) -> str:
    return _share(row) + _span(row, 100.0, 1)


def _points(row: Row) -> str:
    value = _number(row["value"])
    return f"{_signed(value)} points{_span(row, 100.0, 1)}" if math.isfinite(value) else "by an unknown amount"


def _signed(value: Any) -> str:
    number = 100 * _number(value)
    if not math.isfinite(number):
        return "an unknown number of"
    sign = "−" if round(number, 1) < 0 else "+" if round(number, 1) > 0 else ""
    return f"{sign}{abs(round(number, 1)):.1f}"


def _span(row: Row, scale: float, places: int) -> str:
    low, high = (scale * _number(row.get(k)) for k in ("low", "high"))
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    low, high = (round(x, places) + 0.0 for x in (low, high))  # no minus before a zero
    return f" [{low:.{places}f} to {high:.{places}f}]".replace("-", "−")
