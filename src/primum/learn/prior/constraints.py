"""What the effects of a model may look like: directions, bounds, and which features may act together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from primum.errors import PrimumError, unknown

Direction = Literal["rises", "falls"]
DIRECTIONS: tuple[Direction, ...] = ("rises", "falls")
MOST_SETS = 64


@dataclass(frozen=True)
class Monotone:
    """The risk never falls (or never rises) as a feature grows, everything else being equal.

    Attributes
    ----------
    feature, direction
        "rises": more of it is never less risk.
    reason
        Why this is held to be true; printed in the report.
    """

    feature: str
    direction: Direction
    reason: str = ""

    @property
    def sign(self) -> int:
        """+1 or −1."""
        return 1 if self.direction == "rises" else -1


@dataclass(frozen=True)
class Bounded:
    """The log odds change by no less than `low` and no more than `high` for one unit of a feature."""

    feature: str
    low: float
    high: float
    reason: str = ""


@dataclass(frozen=True)
class Constraints:
    """Everything that a model is held to.

    Attributes
    ----------
    monotone, bounded
        At most one of each a feature, none against another.
    allowed
        Sets of features that may act together; None leaves it to the learner, an empty tuple forbids all.
    forbidden
        Pairs of features that may not act together.
    """

    monotone: tuple[Monotone, ...] = ()
    bounded: tuple[Bounded, ...] = ()
    allowed: tuple[tuple[str, ...], ...] | None = None
    forbidden: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        _contradictions(self)

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature that is named, once."""
        together = [f for group in (*(self.allowed or ()), *self.forbidden) for f in group]
        return tuple(
            dict.fromkeys([*(m.feature for m in self.monotone), *(b.feature for b in self.bounded), *together])
        )

    def sign(self, feature: str) -> int:
        """Return +1, −1 or 0."""
        return next((m.sign for m in self.monotone if m.feature == feature), 0)

    def box(self, feature: str) -> tuple[float, float] | None:
        """Return the bounds of a feature's effect, narrowed by its direction; None without any."""
        declared = next((b for b in self.bounded if b.feature == feature), None)
        if declared is None:
            return None
        sign = self.sign(feature)
        return (
            max(declared.low, 0.0) if sign > 0 else declared.low,
            min(declared.high, 0.0) if sign < 0 else declared.high,
        )

    def checked(self, names: Sequence[str], categories: Iterable[str] = ()) -> Constraints:
        """Return itself, once every feature is known to exist and to have an order where one is needed.

        Raises
        ------
        PrimumError
            For a feature that is not there, or a direction or bound of categories.
        """
        for feature in self.features:
            if feature not in names:
                raise unknown("feature", feature, list(names), where="the model")
        unordered = set(categories)
        for feature in [m.feature for m in self.monotone] + [b.feature for b in self.bounded]:
            if feature in unordered:
                raise PrimumError(
                    f"'{feature}' holds categories, which have no order to rise or fall along.",
                    expected="a feature of numbers",
                    mend="give the categories numbers in their order (1, 2, 3), or leave this rule out",
                )
        return self

    def words(self) -> list[str]:
        """Return one plain sentence a rule."""
        said = [f"More {m.feature} is never {'less' if m.sign > 0 else 'more'} risk." for m in self.monotone]
        said += [
            f"One unit of {b.feature} multiplies the odds by {math.exp(b.low):.3g} to {math.exp(b.high):.3g}."
            for b in self.bounded
        ]
        if self.allowed is not None:
            sets = "; ".join(" with ".join(s) for s in self.allowed)
            said.append(f"Only these may act together: {sets}." if sets else "No features may act together.")
        return said + [f"{a} and {b} may not act together." for a, b in self.forbidden]


def constraints(
    monotone: Mapping[str, str] | Iterable[Monotone] = (),
    bounded: Iterable[Bounded] = (),
    *,
    allowed: Iterable[Sequence[str]] | None = None,
    forbidden: Iterable[Sequence[str]] = (),
) -> Constraints:
    """Return constraints from plain data.

    Parameters
    ----------
    monotone
        Feature → "rises" or "falls"; or `Monotone` rules.
    bounded
        From `bounded_effect`.
    allowed, forbidden
        As in `Constraints`.

    Raises
    ------
    PrimumError
        For a direction that does not exist, a set of one, or rules that contradict each other.
    """
    rules = [Monotone(f, d) for f, d in monotone.items()] if isinstance(monotone, Mapping) else list(monotone)  # type: ignore[arg-type] # checked below
    for rule in rules:
        if rule.direction not in DIRECTIONS:
            raise unknown("direction", str(rule.direction), DIRECTIONS)
    pairs = [tuple(p) for p in forbidden]
    for found in (*pairs, *(tuple(s) for s in allowed or ())):
        if len(set(found)) != len(found) or len(found) < 2 or (found in pairs and len(found) != 2):
            raise PrimumError(
                f"{list(found)} is no set of features that act together.",
                expected="two different features (two or more in an allowed set)",
            )
    return Constraints(
        tuple(rules),
        tuple(bounded),
        None if allowed is None else tuple(tuple(s) for s in allowed),
        tuple((a, b) for a, b in pairs),
    )


def bounded_effect(feature: str, low: float, high: float, *, scale: str, per: float = 1.0, reason: str = "") -> Bounded:
    """Return the bounds of an effect.

    Parameters
    ----------
    low, high
        For `per` units of the feature.
    scale
        "odds ratio" or "log odds ratio": said in words, because −0.2 to 0.3 and 0.8 to 1.3 are easily mistaken.

    Raises
    ------
    PrimumError
        For another scale, an odds ratio that is not above 0, or bounds in the wrong order.
    """
    if scale not in {"odds ratio", "log odds ratio"}:
        raise unknown("scale", scale, ["odds ratio", "log odds ratio"])
    if not (math.isfinite(per) and per > 0):
        raise PrimumError(f"The bounds of '{feature}' are per {per!r} units.", expected="a number of units above 0")
    if scale == "odds ratio":
        if not low > 0:
            raise PrimumError(
                f"The odds ratio of '{feature}' is bounded by {low!r}.",
                expected="odds ratios, which are above 0 (1 means no effect)",
                mend="if these are log odds ratios (0 means no effect), say scale='log odds ratio'",
            )
        low, high = math.log(low), math.log(high) if high > 0 else high
    if not low <= high:
        raise PrimumError(f"The effect of '{feature}' is bounded from {low:g} to {high:g}.", expected="low ≤ high")
    return Bounded(feature, low / per, high / per, reason)


def together(found: Constraints, names: Sequence[str]) -> list[set[str]] | None:
    """Return the sets of features that may act together, covering all of them; None where nothing is declared.

    Features outside every allowed set stand alone. Forbidden pairs split sets: a set that holds both becomes two,
    each without one of them.

    Raises
    ------
    PrimumError
        If forbidden pairs split them into more than `MOST_SETS` sets.
    """
    if found.allowed is None and not found.forbidden:
        return None
    if found.allowed is None:
        sets = [set(names)]
    else:
        sets = [set(s) for s in found.allowed]
        sets += [{n} for n in names if not any(n in s for s in sets)]
    for a, b in found.forbidden:
        sets = [part for s in sets for part in ([s - {a}, s - {b}] if {a, b} <= s else [s])]
        sets = [s for i, s in enumerate(sets) if not any(s < t or (s == t and j < i) for j, t in enumerate(sets))]
        if len(sets) > MOST_SETS:
            raise PrimumError(
                f"{len(found.forbidden)} forbidden pairs split the features into more than {MOST_SETS} sets.",
                mend="say which features may act together (allowed) instead of which may not",
            )
    return sets


def pairs_kept_apart(found: Constraints, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return every pair of features that may not act together."""
    sets = together(found, names)
    if sets is None:
        return []
    return [(a, b) for a, b in combinations(names, 2) if not any({a, b} <= s for s in sets)]


def _contradictions(found: Constraints) -> None:
    """Refuse rules that cannot hold together."""
    seen: dict[str, Any] = {}
    for m in found.monotone:
        if seen.setdefault(m.feature, m.direction) != m.direction:
            raise PrimumError(
                f"The risk is to rise and to fall with '{m.feature}': these rules contradict each other.",
                expected="one direction a feature",
                mend="keep one; a risk that falls and then rises has no direction, and needs no rule",
            )
    boxes: dict[str, Bounded] = {}
    for b in found.bounded:
        if b.feature in boxes:
            raise PrimumError(f"The effect of '{b.feature}' is bounded twice.", mend="keep one pair of bounds")
        boxes[b.feature] = b
        sign = found.sign(b.feature)
        if (sign > 0 and b.high < 0) or (sign < 0 and b.low > 0):
            raise PrimumError(
                f"The risk {seen[b.feature]} with '{b.feature}', but its log odds ratio is bounded from {b.low:g} to "
                f"{b.high:g}: these rules contradict each other.",
                mend="keep one of them",
            )
    for a, b2 in found.forbidden:
        clash = next((s for s in found.allowed or () if {a, b2} <= set(s)), None)
        if clash is not None:
            raise PrimumError(
                f"'{a}' and '{b2}' may act together ({', '.join(clash)}) and may not: these rules contradict "
                "each other.",
                mend="keep one of them",
            )
