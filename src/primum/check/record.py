"""PRM-R01: is the outcome equally well recorded in every group, where a better measurement exists?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from primum.finding import Estimate, Finding, Status, Verdict, judge
from primum.measure.intervals import mover, wilson
from primum.measure.kernel import divide
from primum.tally.moment import MomentTally
from primum.usecase import OVERALL

CODE, TITLE = "PRM-R01", "The record against the truth"


def record_rows(tally: MomentTally, attribute: str) -> list[dict[str, Any]]:
    """Return, per group, how many of those who truly have the outcome are recorded.

    `tally` counts, by one attribute, the recorded outcome (column "recorded", 0/1) of people whose truth is positive.
    """
    k, n = tally.x[:, 0], tally.n[:, 0]
    low, high = wilson(n - k, n)
    share = divide(n - k, n)
    return [
        {
            "attribute": attribute,
            "group": " · ".join(g) or "everyone",
            "n_truth": int(n[i]),
            "recorded": int(k[i]),
            "missed": int(n[i] - k[i]),
            "share_missed": float(share[i]),
            "low": float(low[i]),
            "high": float(high[i]),
            "status": str(Status.OK if n[i] else Status.NOT_ESTIMABLE),
            "reason": "" if n[i] else "nobody here truly has the outcome",
        }
        for i, g in enumerate(tally.groups)
    ]


def record_findings(tally: MomentTally, attribute: str, margin: float) -> list[Finding]:
    """Return one finding per group: its share left unrecorded against that of everyone else."""
    k, n = tally.x[:, 0], tally.n[:, 0].astype(np.float64)
    if len(tally.groups) < 2:
        return []
    findings = []
    for i, group in enumerate(tally.groups):
        label, people = " · ".join(group), int(n[i])
        own, rest = _missed(k[i], n[i]), _missed(k.sum() - k[i], n.sum() - n[i])
        low, high = (float(x) for x in mover(own, rest))
        ok = np.isfinite(low) and np.isfinite(high)
        if ok:
            estimate = Estimate(float(own[0] - rest[0]), low, high, "Newcombe", people, people, 0)
            words = f"of {people:,} people who truly have it, {own[0]:.0%} are not in the record"
        else:
            estimate = _unknown(people, "nobody here truly has the outcome")
            words = "nobody here truly has it"
        findings.append(
            Finding(
                check=CODE,
                title=TITLE,
                model="",
                metric="share_unrecorded",
                attribute=attribute,
                group=label,
                comparator="everyone else",
                estimate=estimate,
                margin=margin,
                verdict=judge(low, high, margin, better="lower"),
                reason=estimate.reason,
                words=f"{attribute}, {label}: {words} (everyone else {rest[0]:.0%}).",
            )
        )
    return findings


def nothing_to_compare() -> Finding:
    """Return the finding of a use case without a better measurement of the outcome."""
    return Finding(
        check=CODE,
        title=TITLE,
        model="",
        metric="share_unrecorded",
        attribute=OVERALL,
        group="everyone",
        comparator="",
        estimate=_unknown(0, "no better measurement was declared"),
        margin=None,
        verdict=Verdict.NOT_APPLICABLE,
        reason="no better measurement of the outcome was declared",
        words="Whether the outcome is equally well recorded in every group cannot be seen in these data.",
    )


def _unknown(people: int, reason: str) -> Estimate:
    nan = float("nan")
    return Estimate(nan, nan, nan, "none", people, people, 0, Status.NOT_ESTIMABLE, reason)


def _missed(k: float, n: float) -> tuple[npt.NDArray[np.float64], Any, Any]:
    low, high = wilson(n - k, n)
    return divide(n - k, n), low, high
