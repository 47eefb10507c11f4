"""R2, class disclosure: nobody may learn that all or none of a group have something sensitive."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from primum.disclose.presets import Policy
from primum.disclose.rules_ruling import Ruling, Status, worst


def class_rule(counts: Mapping[str, int], policy: Policy, *, structural: Collection[str] = ()) -> Ruling:
    """Return whether the categories of a sensitive variable may be shown for one group.

    Parameters
    ----------
    counts
        People of the group by category; for a rate: numerator and complement.
    policy
        Says what a share of 0 or 1 leads to, and from which share g on a person must look.
    structural
        Categories that cannot occur in this group (men are not pregnant); their zeros tell nothing new.

    Notes
    -----
    An empty group has no shares and is left to R1.
    """
    total = sum(counts.values())
    if not total:
        return Ruling("R2", "safe", "nobody in this group")
    certain: Status = "fail" if policy["certainty"] == "fail" else "review"
    possible = [name for name in counts if name not in structural]
    rulings = []
    for name, n in counts.items():
        why = f"{name}: {n} of {total}"
        if (name in structural and n == 0) or (possible == [name] and n == total):
            rulings.append(Ruling("R2", "safe", f"flagged: {why}, declared structural"))
        elif n in {0, total}:
            rulings.append(Ruling("R2", certain, why))
        elif policy["g"] is not None and n >= policy["g"] * total:
            rulings.append(Ruling("R2", "review", f"{why}, a share of {policy['g']:g} or more"))
    return worst("R2", rulings)
