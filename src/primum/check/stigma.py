"""Who is labelled for nothing, in words: what is measured, what may be concluded about one person, and what may not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from primum.finding import Finding

Row = Mapping[str, Any]
METRICS = ("fpr", "specificity", "ppv")
"""Metrics whose declared margins judge false alarms."""
LEAD = (
    "A model that selects people labels them. Whoever is selected without having {outcome} is labelled for nothing, "
    "and where one group gets many such labels, the label begins to stick to the group. This chapter counts them."
)
BURDEN = (
    "A group with more of the false alarms than of the people bears more than its part (above 1). Where the outcome is "
    "common there are more false alarms at any threshold; being frequent does not make them less of a burden."
)
INFERENCE = (
    "What may be concluded about one person? Membership in a group says nothing sure about anybody in it, and a label "
    "says less than it seems to: the columns count how often the conclusion would be wrong. Rates of a group describe "
    "the people who were counted; they are no property of the next person."
)
NO_MARGIN = (
    "No margin was declared for false alarms (specificity, fpr or ppv), so nothing in this chapter is a verdict; it "
    "describes."
)
MARGIN = "Verdicts are those of the margins declared beforehand; every other number describes."
HEAPED = (
    "People who belong together ({name}; {clusters:,} of them): of pairs without {outcome}, both were labelled for "
    "nothing in {both} %, {times:.1f} times as often as if false alarms fell on them independently. This is a point "
    "without an interval."
)
SCATTERED = "Whether false alarms come together in one {name} cannot be told: no two people without it belong together."


def judged(findings: list[Finding], model: str) -> dict[tuple[str, str], list[Finding]]:
    """Return the findings about false alarms that have a declared margin, by (attribute, group)."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for f in findings:
        if f.check == "PRM-G01" and f.model == model and f.metric in METRICS and f.margin is not None:
            found.setdefault((f.attribute, f.group), []).append(f)
    return found


def about(row: Row, outcome: str, everyone: Row | None = None) -> str:
    """Return what knowing the group, and knowing the label, says about one person, in one sentence."""
    ill, wrong = row["prevalence"]["value"], row["wrong"]["value"]
    who = "Somebody here" if everyone is None else f"Somebody of the group {row['group']} ({row['attribute']})"
    if ill is None:
        return f"{who}: nothing can be concluded, {row['prevalence']['reason'] or 'nobody was counted'}."
    said = f"{who} has {outcome} with a chance of {_of_100(ill)} in 100"
    if everyone is not None and everyone["prevalence"]["value"] is not None:
        said += f", against {_of_100(everyone['prevalence']['value'])} in 100 of everyone"
    said += f"; whoever concludes it from that alone is wrong {_of_100(1 - ill)} times in 100"
    if wrong is None:
        return f"{said}. Nobody of them is labelled."
    return f"{said}, and from a label {_of_100(wrong)} times."


def together(told: Row | None, outcome: str) -> str:
    """Return how false alarms come together in families or sites; "" where nobody belongs together."""
    if told is None:
        return ""
    if told["times"] is None:
        return SCATTERED.format(name=told["name"])
    both = f"{100 * told['both']:.1f}"
    return HEAPED.format(
        name=told["name"], clusters=told["clusters"], outcome=outcome, both=both, times=told["times"]
    )  # fmt: skip


def _of_100(share: float) -> str:
    return f"{100 * share:.0f}"
