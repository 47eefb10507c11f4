"""Columns and groups of a caller's frame, of whatever kind: taken out as arrays, put back, never changed in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.simulate.bias import Bools, Floats, Rates, Realised
from primum.simulate.chances import logistic, mean_logits
from primum.usecase import MISSING

EVERYBODY = "everybody"
Frame = nw.DataFrame[Any]


@dataclass(frozen=True)
class Groups:
    """Who belongs to which group: `codes` points into `labels`, shape (people,)."""

    labels: tuple[str, ...]
    codes: npt.NDArray[np.int64]

    def rates(self, rates: Rates, otherwise: float, what: str) -> Floats:
        """Return each person's rate, shape (people,); groups that are not named have `otherwise`.

        Raises
        ------
        PrimumError
            If a group is named that does not occur.
        """
        return self.per_group(rates, otherwise, what)[self.codes]

    def per_group(self, rates: Rates, otherwise: float, what: str) -> Floats:
        """Return one rate a group, in the order of `labels`."""
        if not isinstance(rates, Mapping):
            return np.full(len(self.labels), float(rates))
        for name in rates:
            if name not in self.labels:
                raise unknown("group", str(name), self.labels, where=what)
        return np.array([float(rates.get(label, otherwise)) for label in self.labels])

    def realised(self, quantity: str, among: Bools, expected: Floats, happened: Bools | Floats) -> tuple[Realised, ...]:
        """Return, by group, the mean of what was expected and of what happened, among some people."""
        codes, k = self.codes[among], len(self.labels)
        n = np.bincount(codes, minlength=k)
        with np.errstate(invalid="ignore"):
            means = [np.bincount(codes, weights=v[among], minlength=k) / n for v in (expected, happened.astype(float))]
        rows = zip(self.labels, n.tolist(), means[0].tolist(), means[1].tolist(), strict=True)
        return tuple(Realised(g, quantity, count, e, r) for g, count, e, r in rows)


def opened(frame: Any, name: str) -> Frame:
    """Return the caller's frame as one that all engines share.

    Raises
    ------
    PrimumError
        If it is no frame that is in memory.
    """
    found = nw.from_native(frame, eager_only=True, pass_through=True)
    if not isinstance(found, nw.DataFrame):
        raise PrimumError(
            f"{name} needs a frame in memory; given {type(frame).__name__}.",
            expected="a polars, pandas or pyarrow frame",
            mend="collect a lazy frame first: frame.collect()",
        )
    return found


def needs(frame: Frame, name: str, *columns: str | None) -> None:
    """Refuse columns that are not there.

    Raises
    ------
    PrimumError
        If one is missing.
    """
    for column in columns:
        if column is not None and column not in frame.columns:
            raise unknown("column", column, frame.columns, where=f"the frame given to {name}")


def groups(frame: Frame, by: str | Sequence[str] | None, name: str) -> Groups:
    """Return group membership by one column or several; missing membership is a group of its own.

    Raises
    ------
    PrimumError
        If a column is missing.
    """
    if by is None:
        return Groups((EVERYBODY,), np.zeros(len(frame), dtype=np.int64))
    columns = [by] if isinstance(by, str) else list(by)
    needs(frame, name, *columns)
    codes, labels = np.zeros(len(frame), dtype=np.int64), [""]
    for j, column in enumerate(columns):
        found, here = _coded(frame[column].to_list(), gaps(frame, column))
        labels = [f"{a} · {b}" if j else b for a in labels for b in found]
        codes = codes * len(found) + here
    used, codes = np.unique(codes, return_inverse=True)
    return Groups(tuple(labels[k] for k in used), codes.astype(np.int64))


def _coded(values: list[Any], missing: Bools) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the labels that occur, sorted, and each person's place among them."""
    seen: dict[Any, int] = {}
    kept = (None if gone else v for v, gone in zip(values, missing.tolist(), strict=True))
    codes = np.fromiter((seen.setdefault(v, len(seen)) for v in kept), dtype=np.int64, count=len(values))
    texts = [MISSING if v is None else str(v) for v in seen]
    labels = sorted(set(texts))
    return labels, np.array([labels.index(t) for t in texts], dtype=np.int64)[codes] if texts else codes


def gaps(frame: Frame, column: str) -> Bools:
    """Return where a column has missing values (NaN is one), shape (people,)."""
    series = frame[column]
    found = np.asarray(series.is_null().to_numpy(), dtype=np.bool_)
    if series.dtype.is_float():
        found = found | np.isnan(series.cast(nw.Float64).to_numpy().astype(np.float64))
    return found


def numbers(frame: Frame, column: str, name: str) -> Floats:
    """Return a column as numbers, missing values as NaN, shape (people,).

    Raises
    ------
    PrimumError
        If it is missing or holds no numbers.
    """
    needs(frame, name, column)
    series = frame[column]
    if not (series.dtype.is_numeric() or series.dtype == nw.Boolean):
        raise PrimumError(
            f"{name}: the column '{column}' holds {series.dtype}, not numbers.", mend="code it as numbers first"
        )
    values = series.cast(nw.Float64).to_numpy()
    return np.asarray(values, dtype=np.float64)


def label(frame: Frame, column: str, name: str) -> tuple[Bools, Bools]:
    """Return who has the label, and whose label is known; both have shape (people,).

    Raises
    ------
    PrimumError
        If the column is missing, or holds something else than 0, 1 and missing values.
    """
    values = numbers(frame, column, name)
    known = ~np.isnan(values)
    if not np.isin(values[known], (0, 1)).all():
        raise PrimumError(f"{name}: the label '{column}' has values other than 0 and 1.", expected="0, 1, or missing")
    return known & (values == 1), known


def put(frame: Frame, into: str, source: str, values: npt.NDArray[Any]) -> Frame:
    """Return the frame with `into` holding `values`, where they differ from `source`; else `source` as it is.

    The kind of the column stays that of `source` (whole numbers become numbers with a fraction where needed).
    """
    before = frame[source]
    old = numbers(frame, source, "put")
    same = (old == values) | (np.isnan(old) & np.isnan(values))
    if same.all():
        return frame.with_columns(before.alias(into)) if into != source else frame
    kind = before.dtype
    whole = bool(np.all(np.isnan(values) | (values == np.floor(values))))
    if kind.is_integer() and not whole:
        kind = nw.Float64()
    new = nw.new_series(into, np.nan_to_num(values), nw.Float64, backend=frame.implementation).cast(kind)
    frame = frame.with_columns(new)
    return hide(frame, into, np.isnan(values))


def hide(frame: Frame, column: str, lost: Bools) -> Frame:
    """Return the frame with missing values where `lost` is true; nothing changes where nothing is lost."""
    if not lost.any():
        return frame
    mask = nw.new_series("__lost", ~lost, nw.Boolean, backend=frame.implementation)
    held = frame.with_columns(mask).with_columns(nw.when(nw.col("__lost")).then(nw.col(column)).alias(column))
    return held.drop("__lost")


def given(frame: Frame, column: str, values: npt.NDArray[Any], kind: Any) -> Frame:
    """Return the frame with a new column."""
    return frame.with_columns(nw.new_series(column, values, kind, backend=frame.implementation))


def standardised(values: Floats, among: Bools, column: str, name: str) -> Floats:
    """Return (values − mean)/standard deviation, both of the people `among`; 0 for people outside of them.

    Raises
    ------
    PrimumError
        If a value is missing or all are alike.
    """
    here = values[among]
    if here.size and not np.isfinite(here).all():
        raise PrimumError(
            f"{name}: {int((~np.isfinite(here)).sum())} of the {here.size} people who need a '{column}' have none.",
            mend="fill it in, or leave those people out",
        )
    spread = float(here.std()) if here.size else 0.0
    if here.size and spread == 0:
        raise PrimumError(f"{name}: '{column}' has the same value for everybody, so nothing can depend on it.")
    return np.where(among, (values - here.mean()) / spread, 0.0) if here.size else np.zeros(values.size)


def sloped(members: Groups, mean: Floats, slope: Floats, z: Floats, among: Bools, what: str) -> Floats:
    """Return chances 1/(1 + exp(−a_g − slope_g·z)) whose mean in group g, among some people, is mean_g.

    `mean` and `slope` have shape (groups,), the rest (people,); people outside `among` have chance 1.
    """
    found = np.ones(z.size)
    for g in range(len(members.labels)):
        who = among & (members.codes == g)
        if who.any():
            x = mean_logits(float(mean[g]), slope[g] * z[who], what)
            found[who] = logistic(x)
    return found
