"""What a search for subgroups is asked to do, checked before anything is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from primum.errors import PrimumError
from primum.measure.kernel import Metric
from primum.measure.metric import METRICS, metric
from primum.measure.versus import Versus

DEEPEST = 3


@dataclass(frozen=True)
class SearchSettings:
    """What was asked; see `primum.measure.discovery.discover`.

    `fewest_searched` is what `fewest_events` comes to in the half that is searched, `selection_level` the p-value
    that a subgroup had to reach there, `who` the people that are counted as support.
    """

    metric: str
    at: float | None
    depth: int
    fewest_events: int
    margin: float | None
    level: float
    fdr: str
    side: str
    by_chance: float
    seed: int
    who: str
    fewest_searched: int
    selection_level: float


def searchable(name: str) -> Metric:
    """Return the metric, if it is a rate or net benefit."""
    m = metric(name)
    if m.rate is None and m.id != "net_benefit":
        raise PrimumError(
            f"'{name}' is no rate, so it cannot be searched from counts at a threshold.",
            available=[k for k, v in METRICS.items() if v.rate is not None or k == "net_benefit"],
        )
    return m


def settings_of(
    m: Metric, at: float | None, depth: int, fewest: int, margin: float | None, level: float, fdr: str, side: str,
    by_chance: float, seed: int,
) -> SearchSettings:  # fmt: skip
    """Return checked settings; those that depend on the data are filled in by the search."""
    if depth not in range(1, DEEPEST + 1):
        raise PrimumError(f"A depth of {depth} is not searched.", expected=f"1 to {DEEPEST} attributes at once")
    if fewest < 1:
        raise PrimumError(f"fewest_events = {fewest} would assess empty subgroups.", expected="1 or more")
    if margin is not None and not 0 < margin < 1:
        raise PrimumError(f"A margin of {margin:g} makes no sense here.", expected="a number between 0 and 1, or None")
    if not 0 < level < 0.5:
        raise PrimumError(f"A false discovery rate of {level:g} cannot be held.", expected="between 0 and 0.5")
    if not by_chance > 0:
        raise PrimumError(f"by_chance = {by_chance:g} would select no subgroup.", expected="a number above 0")
    for what, given, known in (("fdr", fdr, ["BH", "BY"]), ("side", side, ["worse", "either"])):
        if given not in known:
            raise PrimumError(f"{what}='{given}' is not known.", available=known)
    if m.probability and at is not None and not 0 <= at < 1:
        raise PrimumError(f"Net benefit has no exchange rate at a threshold of {at:g}.", expected="0 ≤ at < 1")
    who = Versus(m, 0.0).who
    return SearchSettings(m.id, at, depth, fewest, margin, level, fdr, side, by_chance, seed, who, -1, float("nan"))


def check_attributes(names: Sequence[str]) -> None:
    """Raise unless there are attributes, each named once."""
    if isinstance(names, str) or not names:
        raise PrimumError("There is no attribute to search.", mend="say attributes=[…], or count with by=[…]")
    twice = [n for n in dict.fromkeys(names) if list(names).count(n) > 1]
    if twice:
        raise PrimumError(f"The attribute '{twice[0]}' is named twice.", expected="each attribute once")
