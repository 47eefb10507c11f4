"""Coded cells: attribute levels as small numbers, the confusion kind of each cell, and how many people are in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.tally.score import ScoreTally
from primum.usecase import MISSING

if TYPE_CHECKING:
    import polars as pl

Ints = npt.NDArray[np.int64]
KINDS = 4  # outcome × 2 + selected: TN, FP, FN, TP
_SPLIT = 0x5B11
FEW = 256  # whole numbers this close together are coded by arithmetic


@dataclass(frozen=True, eq=False)
class Cells:
    """People who share all their levels, outcome and decision; a cell may be there more than once.

    Attributes
    ----------
    attributes, levels
        Names, and the levels of each that occur, sorted.
    codes
        Per attribute the position of the level, shape (cells,) each.
    kind
        outcome × 2 + selected, shape (cells,).
    n
        People searched and people who confirm, shape (2, cells); before the split all are in the first row.
    left_out
        People without an outcome or a score.
    """

    attributes: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    codes: tuple[npt.NDArray[np.int32], ...]
    kind: npt.NDArray[np.int32]
    n: Ints
    left_out: int = 0


def split(cells: Cells, seed: int) -> Cells:
    """Return the cells with every person in one of two halves, each by the toss of a fair coin."""
    first = np.random.default_rng([seed, _SPLIT]).binomial(cells.n[0], 0.5)
    return replace(cells, n=np.stack([first, cells.n[0] - first]))


def split_tally(tally: ScoreTally, *, seed: int, share: float = 0.5) -> tuple[ScoreTally, ScoreTally]:
    """Split the people of a tally in two at random, without their rows.

    The people of a cell are exchangeable, so a binomial draw from its count is an exact random split of rows, each
    person tossing a coin. Sites may split before they merge or after: the law is the same. Sums of scores are shared
    within a cell in proportion (exact but for the width of a score bin).

    Not valid where people are counted more than once or belong to families: halves then share people. Split such
    data by person or family before counting.

    Parameters
    ----------
    tally
        Counts of people, unweighted.
    seed
        The same seed gives the same halves.
    share
        Chance of each person to be in the first part.

    Raises
    ------
    PrimumError
        For a weighted tally, or a share outside (0, 1).
    """
    if not 0 < share < 1:
        raise PrimumError(f"A share of {share:g} leaves one part empty.", expected="a share between 0 and 1")
    refuse_unequal(tally)
    first = np.random.default_rng([seed, _SPLIT]).binomial(tally.n, share)

    def part(n: Ints) -> ScoreTally:
        keep = n > 0
        ratio = n[keep] / tally.n[keep]
        sums = {k: getattr(tally, k)[keep] * ratio for k in ("ws", "wss")}
        cells = {k: getattr(tally, k)[keep] for k in ("group", "outcome", "label")}
        count = n[keep].astype(np.float64)
        return replace(tally, **cells, **sums, n=n[keep], w=count, ww=count.copy(), left_out={})

    return part(first), part(tally.n - first)


def refuse_unequal(tally: ScoreTally) -> None:
    """Raise unless everybody counts once and is independent of everybody else."""
    if tally.clusters is not None:
        raise PrimumError(
            f"This tally was counted with clusters ('{tally.clusters.name}'), and people of one cluster cannot be "
            "split at random cell by cell.",
            expected="a tally of independent people",
            mend="count one row a person, or one person a family, without cluster",
        )
    if not np.array_equal(tally.w, tally.n):
        raise PrimumError(
            "This tally is weighted, and weighted people cannot be split at random cell by cell.",
            expected="a tally that counts everybody once",
            mend="count again without weight; a search for subgroups is about the people in the data",
        )


def from_tallies(tallies: Sequence[ScoreTally], attributes: Sequence[str] | None, at: float) -> Cells:
    """Return the cells of one tally (to be split), or of two (searched, confirming), at one threshold.

    Raises
    ------
    PrimumError
        For weights, unknown attributes, or two tallies of different outcomes or attributes.
    """
    first = tallies[0]
    names = tuple(first.attributes if attributes is None else attributes)
    for tally in tallies:
        refuse_unequal(tally)
        if tally.outcome_name != first.outcome_name:
            raise PrimumError(f"The halves have different outcomes: '{first.outcome_name}' and '{tally.outcome_name}'.")
        for name in names:
            if name not in tally.attributes:
                raise unknown("attribute", name, tally.attributes, where="this tally")
    tables = [
        np.bincount(
            t.group * KINDS + t.outcome * 2 + (t.label >= t.grid.cut(at)),
            weights=t.n,
            minlength=KINDS * len(t.groups),
        ).astype(np.int64)
        for t in tallies
    ]
    groups = [g for t in tallies for g in t.groups]
    columns = [[g[t.attributes.index(name)] for t in tallies for g in t.groups] for name in names]
    levels = tuple(tuple(sorted(set(c))) for c in columns)
    people = np.concatenate(tables)
    halves = np.zeros((2, len(people)), dtype=np.int64)
    edge = len(tables[0])
    halves[0, :edge], halves[-1 if len(tallies) > 1 else 0, edge:] = people[:edge], people[edge:]
    keep = np.flatnonzero(people)
    codes = []
    for column, own in zip(columns, levels, strict=True):
        place = {level: i for i, level in enumerate(own)}
        codes.append(np.fromiter((place[v] for v in column), np.int32, len(groups))[keep // KINDS])
    left = sum(sum(t.left_out.values()) for t in tallies)
    return Cells(names, levels, tuple(codes), (keep % KINDS).astype(np.int32), halves[:, keep], left)


def from_frame(frame: Any, outcome: str, decision: str, attributes: Sequence[str], half: str | None) -> Cells:
    """Return one cell a row, in the halves of column `half` (0 searched, 1 confirming), or all in the first.

    Raises
    ------
    PrimumError
        For something that is no frame, an unknown column, or an outcome, decision or half other than 0/1.
    """
    import narwhals.stable.v2 as nw

    try:
        data = nw.from_native(frame)
    except TypeError:
        raise PrimumError(f"Rows of type {type(frame).__name__} cannot be searched.", expected="a data frame") from None
    known = data.collect_schema().names()
    for name in (outcome, decision, *attributes, *([half] if half else [])):
        if name not in known:
            raise unknown("column", name, known, where="the data")
    data = data.select(*dict.fromkeys((outcome, decision, *attributes, *([half] if half else []))))
    rows: pl.DataFrame = (data.collect("polars") if isinstance(data, nw.LazyFrame) else data).to_polars()
    y = _binary(rows[outcome], outcome)
    rows = rows if (known_y := y.is_not_null()).all() else rows.filter(known_y)
    yes = y.drop_nulls().to_numpy().astype(np.int32)
    selected = _whole(rows[decision], decision)
    second = _whole(rows[half], half) if half else np.zeros(len(rows), dtype=np.int32)
    levels, codes = zip(*(_coded(rows[name]) for name in attributes), strict=True) if attributes else ((), ())
    n = np.stack([1 - second, second]).astype(np.int64)
    return Cells(tuple(attributes), levels, codes, yes * 2 + selected, n, len(y) - len(rows))


def _binary(column: pl.Series, name: str) -> pl.Series:
    """Return a column of 0, 1 and null as floats."""
    import polars as pl

    values = column.cast(pl.Float64, strict=False).fill_nan(None)
    lost = values.null_count() - (column.fill_nan(None) if column.dtype.is_float() else column).null_count()
    bad = lost + int((~values.drop_nulls().is_in([0.0, 1.0])).sum())
    if bad:
        raise PrimumError(
            f"'{name}' is neither 0 nor 1 in {bad:,} of {len(column):,} rows.", expected="0, 1, true or false"
        )
    return values


def _whole(column: pl.Series, name: str) -> npt.NDArray[np.int32]:
    values = _binary(column, name)
    if values.null_count():
        raise PrimumError(f"'{name}' is missing for {values.null_count():,} people.", expected="0 or 1 for everybody")
    return values.to_numpy().astype(np.int32)


def _coded(column: pl.Series) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    """Return the levels as text, sorted, and each row's position among them; nulls are the level "(missing)"."""
    import polars as pl

    if column.dtype.is_integer() and not column.null_count() and len(column):
        low = column.min()
        if isinstance(low, int) and isinstance(high := column.max(), int) and high - low < FEW:
            offsets = column.to_numpy().astype(np.int64) - low
            present = np.flatnonzero(np.bincount(offsets))
            names = [str(low + int(v)) for v in present]
            levels = tuple(sorted(names))
            table = np.zeros(int(present[-1]) + 1, dtype=np.int32)
            table[present] = [levels.index(name) for name in names]
            return levels, table[offsets]
    column = column.fill_nan(None) if column.dtype.is_float() else column
    values = column.unique()
    names = [MISSING if v is None else v for v in values.cast(pl.String).to_list()]
    levels = tuple(sorted(set(names)))
    place = {name: i for i, name in enumerate(levels)}
    new = pl.Series([place[name] for name in names], dtype=pl.Int32)
    return levels, column.replace_strict(values, new, return_dtype=pl.Int32).to_numpy()
