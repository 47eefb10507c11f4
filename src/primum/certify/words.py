"""What a certificate says in plain sentences; every sentence follows by rule from numbers that stand beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from primum.certify.utility import Utility
from primum.finding import Estimate

if TYPE_CHECKING:
    from primum.certify.certificate import Certificate

DOES_NOT_SAY = (
    "It speaks of means over groups. A mean over a group is not a promise to a person: some may be worse off.",
    "The exchange rate and the margin are value choices. Other values may give another answer.",
    "It says nothing of groups that are not listed.",
    "It says nothing of other populations or later times. Patients, practice and records drift: keep monitoring.",
    "A refusal does not prove harm, and a certificate does not say that the model is good: it compares two models.",
)


def amount(value: float, utility: Utility, *, digits: int = 1) -> str:
    """Return a difference per 1,000: "2.1 fewer net true positives"."""
    size = f"{abs(value) * 1000:.{digits}f}"
    if float(size) == 0:
        return f"no change in {utility.words}"
    return f"{size} {'more' if value > 0 else 'fewer'} {utility.words}"


def side(value: float) -> str:
    """Return a limit per 1,000 with its sign: "−3.0"."""
    return f"{value * 1000:+.1f}".replace("-", "−")


def group_words(
    group: str,
    value: Estimate,
    verdict: str,
    utility: Utility,
    margin: float,
    unit: str,
    *,
    need: int | None = None,
    reason: str = "",
) -> str:
    """Return the verdict on one group in one or two sentences."""
    among = "people" if utility.among == "everyone" else utility.among
    allowed = f"the declared margin is {margin * 1000:g} per 1,000"
    if not math.isfinite(value.value):
        more = f" At least {need:,} {unit} are needed, even if no decision about them changes." if need else ""
        return f"{group}: not assessable, {value.reason or reason}.{more}"
    if value.method == "by construction":
        return f"{group}: no harm by construction, the two models decide alike."
    seen = (
        f"{amount(value.value, utility)} per 1,000 {among} (limits {side(value.low)} to {side(value.high)}; {allowed})"
    )
    if verdict == "harmed":
        return f"{group}: harmed, {seen}."
    if verdict == "not assessable":
        more = f"At least {need:,} more {unit} are needed." if need else f"{reason[:1].upper()}{reason[1:]}."
        shown = "loses; whether by less than the margin is not assessable" if value.high < 0 else "not assessable"
        return f"{group}: {shown}, {seen}. {more}"
    shown = "loses, but by less than the margin" if value.high < 0 else "gains" if value.low > 0 else ""
    return f"{group}: {shown or 'no harm beyond the margin'}, {seen}."


def headline(certificate: Certificate) -> str:
    """Return the certificate in one or two sentences."""
    old, new = certificate.names
    what = f"{certificate.utility.name}, margin {certificate.margin * 1000:g} per 1,000, α = {certificate.alpha:g}"
    if certificate.granted:
        text = f"Certificate granted: in none of {len(certificate.groups)} groups is {new} worse than {old} ({what})."
        return text + _gain(certificate)
    blocked = [v for v in certificate.deciding if v.verdict != "certified"]
    harmed = [v.group for v in blocked if v.verdict == "harmed"]
    unclear = [v.group for v in blocked if v.verdict == "not assessable"]
    parts = [f"{said}: {', '.join(who)}." for said, who in (("Harmed", harmed), ("Not assessable", unclear)) if who]
    return " ".join([f"Certificate refused for {new} against {old} ({what}).", *parts])


def _gain(certificate: Certificate) -> str:
    if certificate.worst_off is None:
        return ""
    group = certificate.worst_off[1]
    if certificate.improves:
        return f" {group}, named beforehand as worst off, gains: this is an improvement."
    return f" That {group}, named beforehand as worst off, gains is not shown."


def guarantee_words(alpha: float, bound: str) -> str:
    """Return the guarantee of the whole certificate."""
    return (
        f"If any group listed truly loses the margin or more, this certificate is issued with probability {alpha:g} at "
        "most. No correction for the number of groups is needed, and groups may overlap, because every group must "
        f"pass its own test at that level (intersection-union test, Berger 1982). Per group: {bound}"
    )


def assumptions(
    *, names: tuple[str, str], recorded: Sequence[str], at_random: bool, units: str, same: bool
) -> tuple[str, ...]:
    """Return what must hold for the guarantee to hold."""
    old, new = names
    if same:
        return (f"{new} and {old} decide alike for everybody: declared, and true of everybody counted.",)
    lines = [
        "The people counted were drawn at random, independently, from those whom the models will meet.",
        f"None of them was used to build, repair or choose {new} or {old}.",
        "Utility, margin, α, groups and the group named as worst off were declared before these outcomes were seen.",
        "Decisions and group membership are as they will be in use.",
    ]
    if units:
        lines.append(
            f"Units of observation are {units}: they are independent of each other, people inside one need not be."
        )
    if recorded:
        chance = (
            "Whether a case is recorded does not depend on the decision, within a group (D ⊥ S | Y, g)."
            if at_random
            else "Whether a case is recorded may depend on anything, within the declared range."
        )
        lines.append(f"The share of cases that is recorded lies in the declared range: {'; '.join(recorded)}.")
        lines.append(f"{chance} Nobody without the condition is recorded as a case.")
        lines.append("For groups without a declared range, cases are taken to be as recorded.")
    else:
        lines.append("Outcomes are taken as recorded. If one group's cases are missed, this certificate may be false.")
    return tuple(lines)
