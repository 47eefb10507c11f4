"""PRM-H01, PRM-H02: what a repair changes for each group, and whether it may replace the model in use."""

from __future__ import annotations

import math
from collections.abc import Sequence

from primum.certify.certificate import Certificate
from primum.certify.group_verdict import CERTIFIED, HARMED, GroupVerdict
from primum.certify.robust import RobustVerdict
from primum.finding import Estimate, Finding, Status, Verdict
from primum.usecase import OVERALL

GROUP, GROUP_TITLE = "PRM-H01", "What a repair changes for a group"
WHOLE, WHOLE_TITLE = "PRM-H02", "No-harm certificate of a repair"
VERDICTS = {CERTIFIED: Verdict.NO_HARM, HARMED: Verdict.HARM}
METRIC = "utility_change"


def repair_findings(repair: str, before: str, certificate: Certificate, advice: str) -> list[Finding]:
    """Return one finding a group, and one for the repair as a whole: harm in one group is harm."""
    found = [
        _group(repair, before, certificate.margin, g, d)
        for g, d in zip(certificate.groups, certificate.deciding, strict=True)
    ]
    verdicts = [f.verdict for f in found]
    whole = Verdict.NO_HARM if certificate.granted else Verdict.NOT_ASSESSABLE
    if Verdict.HARM in verdicts:
        whole = Verdict.HARM
    people = sum(g.events + g.nonevents for g in certificate.groups if g.attribute == certificate.groups[0].attribute)
    events = sum(g.events for g in certificate.groups if g.attribute == certificate.groups[0].attribute)
    nan = math.nan
    return [
        *found,
        Finding(
            check=WHOLE,
            title=WHOLE_TITLE,
            model=repair,
            metric=METRIC,
            attribute=OVERALL,
            group="every group",
            comparator=before,
            estimate=Estimate(
                nan, nan, nan, "none", people, events, people - events, Status.NOT_ESTIMABLE,
                "a certificate is about each group, not about a mean over them",
            ),
            margin=certificate.margin,
            verdict=whole,
            reason="" if certificate.granted else f"refused: {', '.join(_refused(certificate.deciding))}",
            words=advice,
        ),
    ]  # fmt: skip


def failed_finding(repair: str, before: str, why: str) -> Finding:
    """Return the finding of a repair that could not be fitted."""
    nan = math.nan
    return Finding(
        check=WHOLE,
        title=WHOLE_TITLE,
        model=repair,
        metric=METRIC,
        attribute=OVERALL,
        group="every group",
        comparator=before,
        estimate=Estimate(nan, nan, nan, "none", 0, 0, 0, Status.NOT_ESTIMABLE, why),
        margin=None,
        verdict=Verdict.NOT_APPLICABLE,
        reason=why,
        words=f"{repair} could not be tried: {why}",
    )


def _group(repair: str, before: str, margin: float, g: GroupVerdict, decides: GroupVerdict | RobustVerdict) -> Finding:
    """Return the finding of one group: over the declared range of recording, at its worse end, where there is one."""
    firm = decides if isinstance(decides, RobustVerdict) else None
    worse = g.estimate if firm is None else min(firm.at_low, firm.at_high, key=lambda e: e.low)
    return Finding(
        check=GROUP,
        title=GROUP_TITLE,
        model=repair,
        metric=METRIC,
        attribute=g.attribute,
        group=g.group,
        comparator=before,
        estimate=worse,
        margin=margin,
        verdict=VERDICTS.get(decides.verdict, Verdict.NOT_ASSESSABLE),
        reason=worse.reason,
        more_events=g.need if firm is None else None,
        more_kind=g.unit,
        words=g.words if firm is None else f"As recorded: {g.words} {firm.words}",
    )


def _refused(groups: Sequence[GroupVerdict | RobustVerdict]) -> list[str]:
    return [f"{g.group} ({g.attribute}) {g.verdict}" for g in groups if g.verdict != CERTIFIED]
