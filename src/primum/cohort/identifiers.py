"""Who belongs together: persons, families, sites; and what each row weighs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from primum.errors import PrimumError

if TYPE_CHECKING:
    from primum.cohort.cohort import Codes, Numbers
    from primum.usecase import Identifiers


def codes(values: pl.Series, *, shared: bool) -> Codes:
    """Return integer codes from 0, shape (n,), in order of value.

    Missing values share one code when `shared` (a site nobody wrote down); otherwise each is a cluster of its
    own.
    """
    if values.dtype.is_float():
        values = values.fill_nan(None)
    ranked = values.rank("dense").cast(pl.Int64) - 1
    out = ranked.fill_null(-1).to_numpy().copy()
    absent = out < 0
    start = int(out.max(initial=-1)) + 1
    out[absent] = start if shared else start + np.arange(int(absent.sum()))
    return np.asarray(out, dtype=np.int64)


def persons(values: pl.Series, identifiers: Identifiers) -> Codes:
    """Return the code of each row's person.

    Raises
    ------
    PrimumError
        If a person has several rows and the use case does not say so.
    """
    person = codes(values, shared=False)
    rows = np.bincount(person)
    repeated = int((rows > 1).sum())
    if repeated and not identifiers.repeated_visits:
        raise PrimumError(
            f"{repeated:,} persons have more than one row: '{identifiers.person}' occurs up to "
            f"{rows.max():,} times ({person.size:,} rows, {rows.size:,} persons).",
            expected="one row a person",
            mend="remove the duplicates, keep one visit a person with a filter under 'include', or say "
            "'repeated_visits: true' under 'identifiers'",
        )
    return person


def weights(values: pl.Series) -> Numbers:
    """Return the weights, shape (n,).

    Raises
    ------
    PrimumError
        If a weight is missing, negative, infinite or text, or all are zero.
    """
    name = values.name
    if not values.dtype.is_numeric():
        raise PrimumError(f"The weight '{name}' holds {str(values.dtype).lower()}.", expected="numbers, zero or more")
    weight = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    for bad, word in (
        (np.isnan(weight), "missing"),
        (np.isinf(weight), "infinite"),
        (weight < 0, "negative"),
    ):
        if bad.any():
            raise PrimumError(
                f"The weight '{name}' is {word} for {int(bad.sum()):,} of {weight.size:,} people.",
                expected="finite numbers, zero or more, for everybody",
                mend=f"correct them, or leave these people out under 'include' (column: {name})",
            )
    if not weight.any():
        raise PrimumError(f"The weight '{name}' is zero for everybody.", expected="some weight above zero")
    return np.asarray(weight, dtype=np.float64)
