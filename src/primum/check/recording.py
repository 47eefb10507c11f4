"""PRM-R02, PRM-R03: how wrong the record must be before a finding tips, and how groups compare against the truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from primum.finding import Estimate, Finding, Status, Verdict, judge
from primum.measure.metric import metric
from primum.usecase import UseCase

TIPPING, TIPPING_TITLE = "PRM-R02", "How wrong the record must be before a finding tips"
TRUTH, TRUTH_TITLE = "PRM-R03", "A group against its comparator, on the truth"
WITHIN = "this lies within what was declared possible"


def tipping_finding(model: str, attribute: str, tip: Mapping[str, Any]) -> Finding:
    """Return a tipping point as a finding: inconclusive where it lies within the declared shares, else no verdict."""
    within = tip["declared"] == "within"
    return Finding(
        check=TIPPING,
        title=TIPPING_TITLE,
        model=model,
        metric=tip["metric"],
        attribute=attribute,
        group=tip["group"],
        comparator=tip["comparator"],
        estimate=Estimate(
            tip["ratio"], math.nan, math.nan, "solved" if tip["exact"] else "searched", 0, 0, 0,
            Status.OK if tip["found"] else Status.NOT_ESTIMABLE,
            "" if tip["found"] else "no possible departure changes the finding",
        ),
        margin=None,
        verdict=Verdict.INCONCLUSIVE if within else Verdict.NOT_APPLICABLE,
        reason=WITHIN if within else "it says how the finding depends on the record; it tests nothing",
        words=tip["words"],
    )  # fmt: skip


def truth_finding(usecase: UseCase, attribute: str, group: str, comparator: str, name: str, gap: Estimate) -> Finding:
    """Return the verdict on a difference against the truth, from its interval and the declared margin."""
    m, margin = metric(name), usecase.margins[name]
    better = m.better if m.better in {"higher", "lower"} else "zero"
    verdict = judge(gap.low, gap.high, margin, better=better) if gap.ok else Verdict.NOT_ASSESSABLE
    said = f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]" if gap.ok else f"not estimable, {gap.reason}"
    return Finding(
        check=TRUTH,
        title=TRUTH_TITLE,
        model=usecase.primary.name,
        metric=name,
        attribute=attribute,
        group=group,
        comparator=comparator,
        estimate=gap,
        margin=margin,
        verdict=verdict,
        reason=gap.reason,
        words=f"{attribute}, {group}: {verdict}. On the truth, {m.title.lower()} differs from {comparator} by {said}.",
    )
