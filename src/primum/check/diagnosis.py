"""PRM-H03: where a group's gap may come from, and which remedy fits: labels, measurements, more data, modelling.

The order is that of Petersen, Holm, Ganz & Feragen (2023), Patterns 4:100790: a gap has its cause in the record, in a
lower optimum that can be reached for the group (noisier measurement, unobserved causes), or in performance below what
can be reached (too few people, a model that cannot hold two groups at once). Nothing is said where nothing is shown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from primum.finding import Estimate, Finding, Status, Verdict

CODE, TITLE = "PRM-H03", "Where a gap may come from"
METRIC = "gain_from_twice_the_data"
MARGIN = 0.01
"""A change is one of more than a point of explained share: this tool's choice, not a declared one."""
IMPROVING, LEVELLED, UNTOLD = "still improving", "levelled off within the margin", "cannot be told"
SERVED_WORSE, NO_SIGN, NOT_TRIED = "served worse by the shared model", "no sign", "not tried"
LESS = "less can be explained"
UNEQUAL, UNSEEN = "cases are recorded unequally", "cannot be seen"
LABELS, MEASUREMENTS, DATA, MODELLING = "labels", "measurements", "data", "modelling"
ORDER = (LABELS, MEASUREMENTS, DATA, MODELLING)
NOT_JUDGED = "causes are looked for here; harm is judged in the chapter on groups"


def curve_verdict(low: float, high: float, margin: float = MARGIN) -> str:
    """Return what the interval of the gain from twice the training people says: above the margin, below it, or open."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return UNTOLD
    if high < margin:
        return LEVELLED
    return IMPROVING if low > margin else UNTOLD


def own_verdict(low: float, high: float, margin: float = MARGIN) -> str:
    """Return what the interval of (own model − shared model) says: a sign of two groups in conflict, or none."""
    return SERVED_WORSE if curve_verdict(low, high, margin) == IMPROVING else NO_SIGN


def explained_verdict(low: float, high: float, margin: float = MARGIN) -> str:
    """Return what the interval of (explained in this group − among all others) says: less, no less, or open."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return UNTOLD
    if low > -margin:
        return NO_SIGN
    return LESS if high < -margin else UNTOLD


def record_sign(finding: Finding | None, declared: Mapping[str, Sequence[float]] | None, group: str) -> dict[str, str]:
    """Return whether a group's cases are recorded less often than others': verdict, and one sentence.

    Parameters
    ----------
    finding
        PRM-R01 of this group: the record against a better measurement; None without one.
    declared
        Group → (lowest, highest) share of true cases that the record may hold, of this attribute; None without.
    """
    if finding is not None:
        said = finding.words.removeprefix(f"{finding.attribute}, {finding.group}: ").rstrip(".")
        verdict = {Verdict.HARM: UNEQUAL, Verdict.NO_HARM: NO_SIGN}.get(finding.verdict, UNTOLD)
        return {"verdict": verdict, "words": f"Held against the better measurement, {said}."}
    if declared and group in declared:
        low, high = declared[group]
        others = [r[0] for g, r in declared.items() if g != group]
        span = f"{low:.0%} to {high:.0%}" if high > low else f"{low:.0%}"
        words = f"It is declared that {span} of true cases here are recorded"
        if high < min(others, default=1.0):
            rest = f"at least {min(others):.0%} in the other groups" if others else "nothing is declared for others"
            return {"verdict": UNEQUAL, "words": f"{words}, and {rest}."}
        if low >= max((r[1] for g, r in declared.items() if g != group), default=1.0):
            return {"verdict": NO_SIGN, "words": f"{words}, no fewer than in the other groups."}
        return {"verdict": UNTOLD, "words": f"{words}; the ranges of the groups overlap."}
    return {"verdict": UNSEEN, "words": "Whether cases are recorded equally cannot be seen in these data."}


def remedies(row: Mapping[str, Any]) -> list[str]:
    """Return the remedies that the evidence on a group points to, in the order in which to try them.

    The curve that counts is that of the model that serves the group best. That less can be explained is taken for a
    sign of noisier measurement (or of causes not measured) only where more data of the same kind no longer help.
    """
    own = (row.get("own") or {}).get("verdict") == SERVED_WORSE
    curve = (row.get("own_curve" if own else "curve") or {}).get("verdict", UNTOLD)
    less = (row.get("explained") or {}).get("verdict") == LESS
    shown = {
        LABELS: row["label"]["verdict"] == UNEQUAL,
        MEASUREMENTS: less and curve == LEVELLED,
        DATA: curve == IMPROVING,
        MODELLING: own,
    }
    return [remedy for remedy in ORDER if shown[remedy]]


def suggestion(row: Mapping[str, Any]) -> str:
    """Return the remedies as one plain sentence; "" where nothing is shown."""
    said = [_phrase(remedy, row) for remedy in remedies(row)]
    if not said:
        return ""
    first = "first " if len(said) > 1 else ""
    text = ", then ".join([first + said[0], *said[1:]])
    return f"{text[0].upper()}{text[1:]}."


def evidence(row: Mapping[str, Any]) -> list[str]:
    """Return what the suggestion rests on, one sentence each: labels, measurements, data, modelling."""
    said = [row["label"]["words"]]
    parts = [_of_explained(row.get("explained")), _of_curve(row), _of_own(row)]
    return said + [p for p in parts if p]


def diagnosis_findings(model: str, rows: Sequence[Mapping[str, Any]], why_not: str) -> list[Finding]:
    """Return one finding a group. None of them judges harm.

    `why_not` says why nothing could be trained again; "" if something was.
    """
    return [_finding(model, row, why_not) for row in rows]


def _finding(model: str, row: Mapping[str, Any], why_not: str) -> Finding:
    curve = row.get("curve") or {}
    value, low, high = (_number(curve.get(k)) for k in ("value", "low", "high"))
    reason = "" if math.isfinite(value) else why_not or str(curve.get("reason") or "too few people to train on")
    words = row["suggestion"] or "Nothing is shown that would point to a cause."
    return Finding(
        check=CODE,
        title=TITLE,
        model=model,
        metric=METRIC,
        attribute=row["attribute"],
        group=row["group"],
        comparator="",
        estimate=Estimate(
            value, low, high, "linearised", row["n"], row["events"], row["n"] - row["events"],
            Status.NOT_ESTIMABLE if reason else Status.OK, reason,
        ),
        margin=None,
        verdict=Verdict.NOT_APPLICABLE,
        reason=why_not or NOT_JUDGED,
        words=f"{row['attribute']}, {row['group']}: {words} {' '.join(row['evidence'])}",
    )  # fmt: skip


def _phrase(remedy: str, row: Mapping[str, Any]) -> str:
    if remedy != DATA:
        return {
            LABELS: "mend the record of this group's cases",
            MEASUREMENTS: "look for better measurements in this group",
            MODELLING: "let the model treat this group differently",
        }[remedy]
    if (row.get("own") or {}).get("verdict") == SERVED_WORSE:
        return "collect more data on this group"
    mix = row.get("composition") or {}
    own, others = (mix.get(k, {}).get("verdict") == IMPROVING for k in ("own", "others"))
    return {
        (True, False): "collect more data on this group",
        (False, True): "collect more data, on the others too",
        (True, True): "collect more data, on this group and on others",
        (False, False): "collect more data",
    }[own, others]


def _of_curve(row: Mapping[str, Any]) -> str:
    own = (row.get("own") or {}).get("verdict") == SERVED_WORSE
    curve = row.get("own_curve" if own else "curve")
    if not curve:
        return ""
    of = " to its own model" if own else ""
    if curve["verdict"] == UNTOLD:
        seen = f"twice of them: {_points(curve)}" if math.isfinite(_number(curve.get("value"))) else ""
        why = f" ({curve.get('reason') or seen})" if curve.get("reason") or seen else ""
        return f"Whether more training data{of} would help this group cannot be told{why}."
    gain = f"twice the training data{of} changed what is explained of its outcome by {_points(curve)}"
    if curve["verdict"] == LEVELLED:
        return f"More data of the same kind no longer help: {gain}."
    mix = row.get("composition") or {}
    parts = [
        f"with only {who} doubled, {_points(mix[key])}"
        for key, who in (("own", "its own people"), ("others", "the others"))
        if mix.get(key) and math.isfinite(_number(mix[key].get("value")))
    ]
    return f"More data still help: {'; '.join([gain, *parts])}."


def _of_own(row: Mapping[str, Any]) -> str:
    own = row.get("own")
    if not own:
        return ""
    if own["verdict"] == SERVED_WORSE:
        return (
            f"A model trained on this group alone serves it better than the shared one: {_points(own)} of its outcome."
        )
    if own["verdict"] == NOT_TRIED:
        return f"A model of its own was not tried: {own['reason']}."
    return "A model trained on this group alone is not shown to serve it better."


def _of_explained(known: Mapping[str, Any] | None) -> str:
    if not known or not math.isfinite(_number(known.get("value"))):
        return ""
    here, rest = (_percent(_number(known.get(k))) for k in ("value", "rest"))
    said = f"Of this group's outcome {here} is explained, of the others' {rest}"
    return f"{said}: less, which is a sign of harder cases, no proof." if known["verdict"] == LESS else f"{said}."


def _points(known: Mapping[str, Any]) -> str:
    value, low, high = (100 * _number(known.get(k)) for k in ("value", "low", "high"))
    limits = f" [{_signed(low)} to {_signed(high)}]" if math.isfinite(low) else ""
    return f"{'+' if round(value, 1) > 0 else ''}{_signed(value)} points{limits}"


def _signed(value: float) -> str:
    return f"{'−' if round(value, 1) < 0 else ''}{abs(round(value, 1)):.1f}"


def _percent(value: float) -> str:
    return (
        f"{'−' if round(100 * value) < 0 else ''}{abs(round(100 * value))} %"
        if math.isfinite(value)
        else "an unknown share"
    )


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
