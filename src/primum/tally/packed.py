"""One whole number for group, outcome and score bin: people are put in their place instead of being grouped by columns.

The levels of every attribute are looked up first, in a pass that reads nothing else. The names of groups are the same
as everywhere (`named.names`). Attributes that are no text, category, whole number or truth value, and more
groups than a number can hold, are left to the ordinary way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from primum.tally.derive import BAD_WEIGHT
from primum.tally.engine import collected
from primum.tally.grid import Grid
from primum.tally.named import Group, names

Ints = npt.NDArray[np.int64]
_FLAWS = -BAD_WEIGHT + 1  # labels below zero say what is wrong; 0 stands for a label that is right
_STRANGE = 4 * _FLAWS  # outcome 0, 1, unknown or bad × what is wrong
_SLOTS = 2**25  # cells that may be there, each with a place in memory
_FEW = 2  # so many possible cells a person are worth a place each
_SORTED = 2**23  # people of a stream that may be in memory, to be sorted
_BATCH = 2**18  # people at a time: what is made of them stays in the processor's cache
_DIGIT = 16  # bits of a number that are sorted at a time
_MOST = 2**20  # groups that may be there, most of which nobody may be in


class Packing:
    """How the levels of the attributes make one number, and back.

    Parameters
    ----------
    data
        The rows, in polars.
    schema
        Their columns and types.
    attributes
        Columns to group by.
    grid
        The score axis.
    """

    def __init__(self, data: Any, schema: Any, attributes: Sequence[str], grid: Grid, *, stream: bool) -> None:
        rows = data.lazy().to_native()
        self.labels = int(grid.labels(grid.high)) + 1
        self.cells = 2 * self.labels + _STRANGE
        self.levels, self.people = _levels(rows, schema, attributes, stream=stream)
        self.widths = [len(v) for v in self.levels]

    def fits(self) -> bool:
        """Whether there are few enough groups."""
        if any(v.dtype == pl.Float64 for v in self.levels):  # whole numbers that lie far apart
            return False
        return float(np.prod(self.widths, dtype=np.float64)) <= _MOST

    def key(self) -> pl.Expr:
        """Return the expression of the number, from the columns g0 …, y and label."""
        key = pl.lit(0, dtype=pl.Int64)
        for i, (values, width) in enumerate(zip(self.levels, self.widths, strict=True)):
            key = key * width + _code(pl.col(f"g{i}"), values)
        y, label = pl.col("y"), pl.col("label")
        strange = 2 * self.labels + y * _FLAWS + pl.min_horizontal(label, pl.lit(0)) + _FLAWS - 1
        cell = pl.when((y <= 1) & (label >= 0)).then(y * self.labels + label).otherwise(strange)
        return key * self.cells + cell

    def added(self, keys: pl.LazyFrame, sums: Sequence[str], *, stream: bool) -> dict[str, Any]:
        """Return every key that occurs, its people and its sums.

        A stream of many people is added up batch by batch, every possible cell with a place of its own: what is in
        memory does not depend on the number of people. Rows in memory are added up in their order, so that the same
        rows give the same sums to the last digit.
        """
        slots = int(np.prod(self.widths, dtype=np.int64)) * self.cells
        plan = nw.from_native(keys)
        if not stream:
            return _in_order(collected(plan, stream=False).to_native(), sums, slots)
        if slots <= _SLOTS and self.people * _FEW >= slots and hasattr(keys, "collect_batches"):
            return _in_place(keys, sums, slots)
        if self.people <= _SORTED:
            return _in_order(collected(plan).to_native(), sums, slots)
        rows = collected(plan.group_by("key").agg(nw.len().alias("n"), *[nw.col(k).sum() for k in sums]))
        return {k: rows[k].to_numpy() for k in ("key", "n", *sums)}

    def unpacked(self, key: Ints) -> tuple[tuple[Group, ...], Ints, Ints, Ints]:
        """Return the groups that occur, sorted, and the position of the group, the outcome and the label of each."""
        code, cell = np.divmod(key, self.cells)
        del key
        y = cell // self.labels
        label = cell - y * self.labels
        wrong = cell >= 2 * self.labels
        strange = cell[wrong] - 2 * self.labels
        y[wrong], label[wrong] = strange // _FLAWS, strange % _FLAWS - _FLAWS + 1
        del cell
        there = np.zeros(int(np.prod(self.widths, dtype=np.int64)), dtype=bool)
        there[code] = True
        found = np.flatnonzero(there)
        parts: list[list[str]] = []
        left = found
        for values, width in zip(reversed(self.levels), reversed(self.widths), strict=True):
            left, at = np.divmod(left, width)
            shown = names(values)
            parts.append([shown[i] for i in at.tolist()])
        members = list(zip(*reversed(parts), strict=True)) if parts else [()] * len(found)
        groups = tuple(sorted(set(members)))
        place = {g: i for i, g in enumerate(groups)}
        position = np.zeros(len(there), dtype=np.int64)
        position[found] = [place[m] for m in members]
        return groups, position[code], y, label


def packable(schema: Any, attributes: Sequence[str]) -> bool:
    """Whether every attribute is text, a category, a whole number or a truth value."""
    kinds = (nw.String, nw.Categorical, nw.Enum, nw.Boolean)
    return all(schema[a].is_integer() or schema[a] in kinds for a in attributes)


def _ahead(batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Read the next batch while this one is added up."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def _in_place(keys: pl.LazyFrame, sums: Sequence[str], slots: int) -> dict[str, Any]:
    """Add up batch by batch. Two sums share a complex number, so that a place in memory is fetched once for both."""
    n = np.full(slots, 0, dtype=np.int64)  # written to in order first: np.zeros would fetch pages when they are needed
    pairs = [tuple(sums[i : i + 2]) for i in range(0, len(sums), 2)]
    totals = [np.full(slots, 0, dtype=np.complex128) for _ in pairs]
    for batch in _ahead(keys.collect_batches(chunk_size=_BATCH, engine="streaming")):
        key = batch["key"].to_numpy()
        np.add.at(n, key, 1)
        for pair, total in zip(pairs, totals, strict=True):
            both = np.empty(len(key), dtype=np.complex128)
            both.real, both.imag = batch[pair[0]].to_numpy(), batch[pair[-1]].to_numpy()
            np.add.at(total, key, both)
    found = np.flatnonzero(n)
    cells: dict[str, Any] = {"key": found, "n": n[found]}
    del n  # one after the other, so that little is in memory at once
    for pair in reversed(pairs):
        total = totals.pop()
        cells |= {pair[-1]: total.imag[found], pair[0]: total.real[found]}
    return cells


def _in_order(rows: pl.DataFrame, sums: Sequence[str], slots: int) -> dict[str, Any]:
    key = rows["key"].to_numpy()
    if slots <= 2 * len(key):
        n = np.bincount(key, minlength=slots)
        found = np.flatnonzero(n)
        return {"key": found, "n": n[found]} | {
            k: np.bincount(key, weights=rows[k].to_numpy(), minlength=slots)[found] for k in sums
        }
    order = _sorting(key, slots)
    key = key[order]
    new = np.ones(len(key), dtype=bool)
    np.not_equal(key[1:], key[:-1], out=new[1:])
    first = np.flatnonzero(new)
    index = np.cumsum(new) - 1
    return {"key": key[first], "n": np.diff(first, append=len(key))} | {
        k: np.bincount(index, weights=rows[k].to_numpy()[order], minlength=len(first)) for k in sums
    }


def _sorting(key: Ints, slots: int) -> Ints:
    """Return the order of numbers from 0 to `slots`, equal ones as they came: 16 bits at a time, which NumPy counts."""
    order: Ints = np.argsort(key.astype(np.uint16), kind="stable")
    for shift in range(_DIGIT, slots.bit_length(), _DIGIT):
        order = order[np.argsort((key >> shift).astype(np.uint16)[order], kind="stable")]
    return order


def _levels(rows: pl.LazyFrame, schema: Any, attributes: Sequence[str], *, stream: bool) -> tuple[list[pl.Series], int]:
    """Return the values of each attribute, sorted, what is missing last, and the number of people.

    Whole numbers come with all that lie between them; an empty series of floats when they lie too far apart.
    """
    wanted = [pl.len().alias("people")]
    for i, attribute in enumerate(attributes):
        x = pl.col(attribute)
        if schema[attribute].is_integer():
            gone = x.null_count()
            wanted += [x.min().alias(f"low{i}"), x.max().alias(f"high{i}"), gone.alias(f"gone{i}")]
        else:
            text = x if schema[attribute] == nw.Boolean else x.cast(pl.String)
            wanted.append(text.unique().implode().alias(f"values{i}"))
    seen = collected(nw.from_native(rows.select(wanted)), stream=stream).to_native()
    levels = []
    for i in range(len(attributes)):
        if f"values{i}" in seen.columns:
            levels.append(_in_words(seen[f"values{i}"].explode()))
        else:
            levels.append(_between(*(seen[f"{k}{i}"].item() for k in ("low", "high", "gone"))))
    return levels, int(seen["people"].item())


def _between(low: int | None, high: int | None, gone: int) -> pl.Series:
    if low is None or high is None:
        return pl.Series([None], dtype=pl.Int64)
    if high - low >= _MOST or high >= 2**62 or low < -(2**62):
        return pl.Series([], dtype=pl.Float64)  # too far apart
    return pl.Series([*range(low, high + 1), *([None] if gone else [])], dtype=pl.Int64)


def _in_words(values: pl.Series) -> pl.Series:
    if values.dtype == pl.Boolean:
        return pl.Series([False, True, *([None] if values.null_count() else [])], dtype=pl.Boolean)
    return values.sort(nulls_last=True)


def _code(x: pl.Expr, values: pl.Series) -> pl.Expr:
    """Return the expression of the position of a value among `values`."""
    if values.dtype == pl.String:
        code = x.cast(pl.Enum(values.drop_nulls())).to_physical().cast(pl.Int64)
    else:
        code = x.cast(pl.Int64) - int(values[0] or 0)
    return code.fill_null(len(values) - 1) if values.null_count() else code
