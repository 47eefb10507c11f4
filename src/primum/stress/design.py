"""Features as numbers for a linear model: everything is learnt from the people who train."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from primum.learn.prepare import encode

if TYPE_CHECKING:
    import polars as pl

Floats = npt.NDArray[np.float64]
RARE = 10


def design(features: pl.DataFrame, train: npt.NDArray[np.bool_]) -> tuple[Floats, list[str]]:
    """Return the matrix of a linear model, shape (people, columns), and what each column is.

    Numbers: the training people's median where missing, and a column that says so. Categories: one column each but
    for the commonest; those seen fewer than ten times among the training people are put with the commonest. Columns
    in which the training people do not differ are left out.

    Parameters
    ----------
    features
        Numbers, true/false and text.
    train
        Who trains, shape (people,).

    Raises
    ------
    PrimumError
        As `learn.prepare.encode`: no features, dates, infinite numbers.
    """
    matrix = encode(features)
    columns: list[Floats] = []
    names: list[str] = []
    for j, name in enumerate(matrix.names):
        v = matrix.values[:, j]
        gone = np.isnan(v)
        if name in matrix.levels:
            code = np.where(gone, len(matrix.levels[name]), v).astype(np.int64)
            seen = np.bincount(code[train], minlength=len(matrix.levels[name]) + 1)
            for k in np.flatnonzero(seen >= RARE).tolist():
                if k != int(seen.argmax()):
                    columns.append((code == k).astype(np.float64))
                    names.append(f"{name}: {[*matrix.levels[name], 'missing'][k]}")
            continue
        known = v[train & ~gone]
        columns.append(np.where(gone, np.median(known) if known.size else 0.0, v))
        names.append(name)
        if gone[train].any():
            columns.append(gone.astype(np.float64))
            names.append(f"{name}: missing")
    keep = [j for j, c in enumerate(columns) if np.ptp(c[train]) > 0]
    x = np.column_stack([columns[j] for j in keep]) if keep else np.zeros((features.height, 0))
    return x, [names[j] for j in keep]
