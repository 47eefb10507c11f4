"""PRM-P01 to P03 and D01: what the people, their data and the plan say before any performance is measured."""

from __future__ import annotations

from typing import Any

from primum.finding import Estimate, Finding, Status, Verdict
from primum.usecase import OVERALL

NAN = float("nan")


def _nothing(n: int, events: int) -> Estimate:
    return Estimate(NAN, NAN, NAN, "none", n, events, n - events, Status.NOT_ESTIMABLE, "not a number")


def people_findings(chapter: dict[str, Any]) -> list[Finding]:
    """Return findings about leakage, missing codes and representativeness."""
    n, events = chapter["n"], chapter["events"]
    found = [
        _finding("PRM-P01", "Leakage", "leakage", leak["title"], _nothing(n, events), _severity(leak), leak["what"])
        for leak in chapter["leakage"]
    ]
    unseen = (chapter.get("not_available") or {}).get("leakage")
    if unseen:
        nothing = _nothing(n, events)
        found.append(_finding("PRM-P01", "Leakage", "leakage", "everyone", nothing, Verdict.NOT_ASSESSABLE, unseen))
    elif not chapter["leakage"]:
        words = (
            "No feature gives the outcome away, nobody known by an identifier stands on both sides of a split, no rows "
            "are copied."
        )
        found.append(_finding("PRM-P01", "Leakage", "leakage", "everyone", _nothing(n, events), Verdict.NO_HARM, words))
    for code in chapter["missing_codes"]:
        becomes = code.get("becomes", "missing")
        words = (
            f"{code['count']:,} values '{code['code']}' of {code['column']} were taken for {becomes} ({code['how']})."
        )
        found.append(
            _finding(
                "PRM-P02",
                "Missing codes",
                "missing",
                code["column"],
                _nothing(n, events),
                Verdict.NOT_APPLICABLE,
                words,
            )
        )
    for r in chapter["representativeness"]:
        ok = r["low"] is not None and r["high"] is not None
        e = Estimate(r["difference"], r["low"], r["high"], "Wilson", r["n"], 0, 0) if ok else _nothing(n, events)
        verdict = Verdict.INCONCLUSIVE
        words = (
            f"{r['attribute']}, {r['level']}: {r['share']:.1%} here, {r['declared']:.1%} in the population."
            if ok
            else ""
        )
        found.append(
            Finding("PRM-P03", "Representativeness", "", "share", r["attribute"], r["level"], "declared population", e,
                    None, verdict, "no margin is declared for it", words=words)
        )  # fmt: skip
    return found


def plan_findings(deviations: list[dict[str, Any]]) -> list[Finding]:
    """Return one finding for every change since the plan was first frozen."""
    return [
        _finding(
            "PRM-D01", "Deviation from the plan", "plan", str(d["field"]), _nothing(0, 0), Verdict.NOT_APPLICABLE,
            f"{d['field']} was {d['before']} when the plan was frozen, and is {d['now']} now.",
        )
        for d in deviations
    ]  # fmt: skip


def _severity(leak: dict[str, Any]) -> Verdict:
    return {"problem": Verdict.HARM, "warning": Verdict.INCONCLUSIVE}.get(leak["severity"], Verdict.NOT_APPLICABLE)


def _finding(check: str, title: str, metric: str, group: str, e: Estimate, verdict: Verdict, words: str) -> Finding:
    return Finding(check, title, "", metric, OVERALL, group, "", e, None, verdict, words=words)
