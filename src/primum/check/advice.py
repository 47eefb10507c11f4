"""One sentence of advice on a repair, by rule: it follows from the verdicts, and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from primum.certify.certificate import Certificate
from primum.certify.group_verdict import CERTIFIED, HARMED, NOT_ASSESSABLE, GroupVerdict

MOST = 3
TOO_MANY = 1_000_000
OF_LEDGER = ("net_benefit", "sensitivity", "specificity")


def advice(
    certificate: Certificate, *, walk: Mapping[str, Any] | None, ledger: Sequence[Mapping[str, Any]], comparator: bool
) -> str:
    """Return what the verdicts advise.

    The rules, first that holds: no decision changed: nothing to adopt. A group harmed: do not use. Refused for want
    of people: gather them; a certified step may be taken meanwhile. Robust certificate refused though the plain one
    was granted: not before the record is checked. Granted: may be tried, with or without a gain for the group named
    as worst off. Where a range of recording was declared for a group, its verdict over that range counts.
    """
    pairs = list(zip(certificate.groups, certificate.deciding, strict=True))
    harmed = [g for g, d in pairs if d.verdict == HARMED]
    few = [g for g, d in pairs if d.verdict == NOT_ASSESSABLE and g.verdict != CERTIFIED]
    counted = [g for g, d in pairs if d is g and g in few]
    unchanged = not any(g.found or g.lost or g.spared or g.alarmed for g in certificate.groups)
    if unchanged:
        first = "it changes no decision about anybody here: there is nothing to adopt"
    elif harmed:
        first = f"do not use it: {_names(harmed)} would lose more than the declared margin"
    elif few:
        lose = f"it cannot be told whether they lose more than the margin{_need(counted)}"
        first = f"no certificate: for {_names(few)} {lose}"
    elif not certificate.granted:
        first = (
            "no certificate: no group is shown to lose by the record, but this would not hold if the record misses "
            "cases as it may"
        )
    elif certificate.improves:
        assert certificate.worst_off is not None
        first = (
            f"certified: no group loses more than the margin, and {certificate.worst_off[1]} gains; it may be tried in "
            "practice, with monitoring"
        )
    else:
        gain = f", but a gain for {certificate.worst_off[1]} is not shown" if certificate.worst_off is not None else ""
        first = f"certified: no group loses more than the margin{gain}; it may be tried, with monitoring"
    parts = [first]
    if walk and walk["reached"] > 0 and not unchanged:
        parts.append(f"A step of {100 * walk['reached']:.0f}\N{NO-BREAK SPACE}% towards it is certified")
    parts += [] if unchanged else _levelled_down(certificate.utility.name, ledger)
    if comparator:
        parts.append("It is tried for comparison only")
    return ". ".join(parts) + "."


def listed(names: Sequence[str]) -> str:
    """Return names as a list that can be read aloud: "a", "a and b", "a, b and 2 more"."""
    shown = [*names] if len(names) <= MOST else [*names[: MOST - 1], f"{len(names) - MOST + 1} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def _names(groups: Sequence[GroupVerdict]) -> str:
    return listed([g.group for g in groups])


def _need(groups: Sequence[GroupVerdict]) -> str:
    known = [g for g in groups if g.need]
    if not known:
        return ""
    most = max(known, key=lambda g: g.need or 0)
    many = most.need or 0
    about = f"about {_rounded(many):,}" if many < TOO_MANY else f"more than {TOO_MANY:,}"
    return f" (for {most.group} it takes {about} {most.unit} more)"


def _rounded(number: int) -> int:
    """Return a whole number with two digits that count: more is not known of a size that rests on estimates."""
    return int(float(f"{number:.2g}"))


def _levelled_down(utility: str, ledger: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return where a gap narrows because somebody loses: in what was declared to count, or else in any metric."""
    counts = [m for m in OF_LEDGER if utility.startswith(m.replace("_", " "))] or OF_LEDGER
    found = []
    for metric in counts:
        whom = list(dict.fromkeys(str(e["attribute"]) for e in ledger if e["weak"] and e["of"] == metric))
        if whom:
            found.append(
                f"Among the people here the gap in {metric.replace('_', ' ')} by {listed(whom)} narrows, with a loss "
                "for somebody"
            )
    return found
