"""PRM-M01: are the predicted risks right on the whole, within the declared margin?"""

from __future__ import annotations

from dataclasses import replace

from primum.finding import Estimate, Finding, Verdict, judge
from primum.measure.metric import METRICS
from primum.usecase import OVERALL, UseCase

CODE, TITLE = "PRM-M01", "Calibration overall"
IDEAL = {"oe_ratio": 1.0, "calibration_slope": 1.0, "calibration_intercept": 0.0}


def overall_findings(usecase: UseCase, model: str, found: dict[str, Estimate]) -> list[Finding]:
    """Return one finding per calibration metric; not applicable where no margin was declared or scores are points."""
    return [_finding(model, name, found[name], usecase.margins.get(name)) for name in IDEAL if name in found]


def _finding(model: str, name: str, e: Estimate, margin: float | None) -> Finding:
    ideal = IDEAL[name]
    shown = replace(e, value=e.value - ideal, low=e.low - ideal, high=e.high - ideal) if e.ok else e
    if not e.ok:
        verdict, reason = Verdict.NOT_ASSESSABLE, e.reason
        if "points" in e.reason:
            verdict = Verdict.NOT_APPLICABLE
    elif margin is None:
        verdict, reason = Verdict.NOT_APPLICABLE, "no margin was declared"
    else:
        verdict, reason = judge(shown.low, shown.high, margin, better="zero"), ""
    number = (
        f"{METRICS[name].title} {e.value:.2f} [{e.low:.2f}, {e.high:.2f}], ideal {ideal:g}"
        if e.ok
        else METRICS[name].title
    )
    return Finding(
        check=CODE, title=TITLE, model=model, metric=name, attribute=OVERALL, group="everyone",
        comparator=f"ideal ({ideal:g})", estimate=shown, margin=margin, verdict=verdict, reason=reason,
        words=f"Everyone: {verdict}. {number}{'; ' + reason if reason else ''}.",
    )  # fmt: skip
