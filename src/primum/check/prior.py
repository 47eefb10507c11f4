"""PRM-K01, PRM-K02, PRM-K03: publications that do not fit a group, constraints that cost one, rules that harm one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from primum.certify.certificate import Certificate
from primum.certify.group_verdict import CERTIFIED, HARMED
from primum.finding import Estimate, Finding, Status, Verdict

FIT, FIT_TITLE = "PRM-K01", "Does a published effect hold for this group?"
COST, COST_TITLE = "PRM-K02", "What the constraints cost a group"
RULES, RULES_TITLE = "PRM-K03", "What expert rules change for a group"
OF_COST = "net benefit"
Row = Mapping[str, Any]


def conflict_findings(rows: Sequence[Row], model: str) -> list[Finding]:
    """Return one finding for each group whose data contradict a publication, or are too few to tell.

    A contradiction is no harm by itself, so it is inconclusive: what the publication does to the group is shown by its
    price.
    """
    told = {"contradicted": Verdict.INCONCLUSIVE, "not assessable": Verdict.NOT_ASSESSABLE}
    return [
        Finding(
            FIT, FIT_TITLE, model, f"effect of {r['feature']}", r["attribute"], r["group"], "the publication",
            _estimate(r, "logistic regression without the prior"), None, told[r["verdict"]],
            r["reason"] or "the data contradict the published effect", words=r["words"],
        )
        for r in rows
        if r["verdict"] in told
    ]  # fmt: skip


def price_findings(rows: Sequence[Row], model: str) -> list[Finding]:
    """Return one finding a group: harm shown where net benefit is lost by keeping the constraints."""
    verdicts = {
        "gains": Verdict.NO_HARM, "loses": Verdict.HARM, "no difference shown": Verdict.INCONCLUSIVE,
        "nothing changes": Verdict.NO_HARM, "not assessable": Verdict.NOT_ASSESSABLE,
    }  # fmt: skip
    return [
        Finding(
            COST, COST_TITLE, f"{model} under the constraints", "utility_change", r["attribute"], r["group"], model,
            _estimate(r, "gaffke, two one-sided limits"), None, verdicts[r["verdict"]], r["reason"],
            words=f"Keeping the constraints changes the net benefit by {1000 * r['value']:+.1f} per 1,000 people: "
            f"{r['verdict']}.",
        )
        for r in rows
        if r["measure"] == OF_COST
    ]  # fmt: skip


def rule_findings(name: str, before: str, certificate: Certificate) -> list[Finding]:
    """Return one finding a group, from the certificate of the rules."""
    verdicts = {CERTIFIED: Verdict.NO_HARM, HARMED: Verdict.HARM}
    return [
        Finding(
            RULES, RULES_TITLE, name, "utility_change", g.attribute, g.group, before, g.estimate, certificate.margin,
            verdicts.get(g.verdict, Verdict.NOT_ASSESSABLE), g.estimate.reason, words=g.words,
        )
        for g in certificate.groups
    ]  # fmt: skip


def _estimate(r: Row, method: str) -> Estimate:
    undefined = not math.isfinite(r["value"])
    status = Status.NOT_ESTIMABLE if undefined else Status.IMPRECISE if r["reason"] else Status.OK
    return Estimate(
        r["value"], r["low"], r["high"], method, r["n"], r["events"], r["n"] - r["events"], status, r["reason"]
    )
