"""One sentence of advice on a repair, by rule: it follows from the verdicts, and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from primum.certify.certificate import Certificate
from primum.certify.group_verdict import HARMED, NOT_ASSESSABLE, GroupVerdict

MOST = 3


def advice(
    certificate: Certificate, *, walk: Mapping[str, Any] | None, ledger: Sequence[Mapping[str, Any]], comparator: bool
) -> str:
    """Return what the verdicts advise.

    The rules, first that holds: no decision changed: nothing to adopt. A group harmed: do not use. Refused for want
    of people: gather them; a certified step may be taken meanwhile. Robust certificate refused though the plain one
    was granted: not before the record is checked. Granted: may be tried, with or without a gain for the group named
    as worst off.
    """
    harmed = [g for g in certificate.groups if g.verdict == HARMED]
    few = [g for g in certificate.groups if g.verdict == NOT_ASSESSABLE]
    parts = []
    if not any(g.found or g.lost or g.spared or g.alarmed for g in certificate.groups):
        parts.append("it changes no decision about anybody here: there is nothing to adopt")
    elif harmed:
        parts.append(f"do not use it: {_names(harmed)} would lose more than the declared margin")
    elif few:
        parts.append(f"no certificate: for {_names(few)} it cannot be told whether they lose{_need(few)}")
    elif not certificate.granted:
        parts.append(
            "no certificate: no group is shown to lose by the record, but this would not hold if the record misses "
            "cases as it may"
        )
    elif certificate.improves:
        assert certificate.worst_off is not None
        parts.append(
            f"certified: no group loses more than the margin, and {certificate.worst_off[1]} gains; it may be tried in "
            "practice, with monitoring"
        )
    else:
        gain = f", but a gain for {certificate.worst_off[1]} is not shown" if certificate.worst_off is not None else ""
        parts.append(f"certified: no group loses more than the margin{gain}; it may be tried, with monitoring")
    if walk and walk["reached"] > 0:
        parts.append(f"a step of {walk['reached']:.0%} towards it is certified")
    down = [e["attribute"] for e in ledger if e["weak"]]
    if down:
        whom = ", ".join(dict.fromkeys(down))
        parts.append(f"in the people here the gap by {whom} narrows with a loss for somebody")
    if comparator:
        parts.append("it is tried for comparison only")
    return "; ".join(parts) + "."


def _names(groups: Sequence[GroupVerdict]) -> str:
    names = [g.group for g in groups]
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def _need(groups: Sequence[GroupVerdict]) -> str:
    known = [g for g in groups if g.need]
    if not known:
        return ""
    most = max(known, key=lambda g: g.need or 0)
    return f" (most wanting: {most.group}, about {most.need:,} more {most.unit})"
