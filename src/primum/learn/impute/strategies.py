"""Every strategy for gaps by its name, what it is in words, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from primum.errors import PrimumError, unknown
from primum.learn.impute.by_group import GroupFiller
from primum.learn.impute.chained import ChainedFiller
from primum.learn.impute.complete import CompleteCases
from primum.learn.impute.filler import Filler
from primum.learn.impute.indicator import IndicatorFiller
from primum.learn.impute.native import NativeFiller
from primum.learn.impute.simple import SimpleFiller
from primum.learn.prepare import Matrix

AS_IT_IS = "as it is"
TREES = ("boosting", "ebm")


@dataclass(frozen=True)
class Strategy:
    """A way to deal with gaps.

    Attributes
    ----------
    name, words
        As declared, and what it does in one clause.
    make
        (matrix, draw, seed) -> unfitted filler.
    needs_group
        Whether it tells groups apart.
    several
        Whether it is drawn, so that one draw is not the answer.
    trees
        Whether only trees can be trained on what it gives.
    """

    name: str
    words: str
    make: Callable[[Matrix, int, int], Filler]
    needs_group: bool = False
    several: bool = False
    trees: bool = False


def _plain(kind: type[Filler]) -> Callable[[Matrix, int, int], Filler]:
    return lambda matrix, _draw, _seed: kind(matrix.names, matrix.levels)


def _chained(**options: Any) -> Callable[[Matrix, int, int], Filler]:
    return lambda matrix, draw, seed: ChainedFiller(matrix.names, matrix.levels, draw=draw, seed=seed, **options)


OWN = Strategy(AS_IT_IS, "gaps are left to the model, as in the audit", _plain(NativeFiller))
STRATEGIES: dict[str, Strategy] = {
    s.name: s
    for s in (
        Strategy("complete case", "people with a gap neither train nor get a score", _plain(CompleteCases)),
        Strategy("simple", "the median or the commonest category of all who train", _plain(SimpleFiller)),
        Strategy("by group", "the median or the commonest category of the own group", _plain(GroupFiller),
                 needs_group=True),
        Strategy("indicator", "a simple fill, and a column that says where", _plain(IndicatorFiller)),
        Strategy("chained", "draws by chained equations", _chained(), several=True),
        Strategy("chained with group", "draws by chained equations that know the group", _chained(with_group=True),
                 needs_group=True, several=True),
        Strategy("chained with group and outcome",
                 "draws by chained equations that know the group and, for those who train, the outcome",
                 _chained(with_group=True, with_outcome=True), needs_group=True, several=True),
        Strategy("native", "trees that split on what is missing", _plain(NativeFiller), trees=True),
    )
}  # fmt: skip


def strategy(name: str) -> Strategy:
    """Return the strategy of this name.

    Raises
    ------
    PrimumError
        For an unknown one, with the nearest spelling.
    """
    if name == AS_IT_IS:
        return OWN
    if name not in STRATEGIES:
        raise unknown("strategy for missing values", name, list(STRATEGIES))
    return STRATEGIES[name]


def checked_draws(chosen: Strategy, draws: int) -> int:
    """Return how many draws a strategy takes: the declared ones, or 1 where there is nothing to draw.

    Raises
    ------
    PrimumError
        For fewer than two draws of a strategy that is drawn.
    """
    if not chosen.several:
        return 1
    if draws < 2:
        raise PrimumError(
            f"'{chosen.name}' with {draws} draw{'' if draws == 1 else 's'}.",
            expected="at least two draws; twenty or more for a steady answer",
            mend="one draw taken for the truth understates what is not known",
        )
    return draws
