"""A ScoreTally as one Parquet file: cells as columns, the rest as JSON in the file's metadata, with a checksum."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from primum.errors import PrimumError
from primum.tally.grid import Grid
from primum.tally.score import SUMS, ScoreTally

FORMAT = "primum score tally"
VERSION = 1
_CELLS = ("group", "outcome", "label", "n", *SUMS)


def to_bytes(tally: ScoreTally) -> bytes:
    """Return the tally as the bytes of a Parquet file."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "attributes": list(tally.attributes),
        "groups": [list(g) for g in tally.groups],
        "grid": {
            "low": tally.grid.low,
            "high": tally.grid.high,
            "thresholds": list(tally.grid.thresholds),
            "resolution": tally.grid.resolution,
        },
        "outcome": tally.outcome_name,
        "score": tally.score_name,
        "left_out": [[list(k), v] for k, v in sorted(tally.left_out.items())],
        "checksum": _checksum(tally),
    }
    buffer = io.BytesIO()
    cells = pl.DataFrame({k: getattr(tally, k) for k in _CELLS})
    cells.write_parquet(buffer, metadata={"primum": json.dumps(head, ensure_ascii=False)})
    return buffer.getvalue()


def read(path: Path) -> ScoreTally:
    """Read a tally.

    Raises
    ------
    PrimumError
        If the file is missing, foreign, of a later version, or damaged.
    """
    try:
        head: dict[str, Any] = json.loads(pl.read_parquet_metadata(path)["primum"])
        cells = pl.read_parquet(path)
    except FileNotFoundError:
        raise PrimumError(f"There is no file '{path}'.") from None
    except (pl.exceptions.PolarsError, OSError, KeyError, ValueError) as error:
        raise PrimumError(
            f"'{path}' is not a tally, or is damaged ({type(error).__name__}).", expected="a file that primum wrote"
        ) from None
    if head.get("format") != FORMAT or head.get("version") != VERSION:
        raise PrimumError(
            f"'{path}' is a '{head.get('format')}' of version {head.get('version')}.",
            expected=f"a '{FORMAT}' of version {VERSION}",
        )
    grid = Grid(**{**head["grid"], "thresholds": tuple(head["grid"]["thresholds"])})
    columns = {k: cells[k].to_numpy() for k in _CELLS}
    tally = ScoreTally(
        attributes=tuple(head["attributes"]),
        groups=tuple(tuple(g) for g in head["groups"]),
        **columns,
        grid=grid,
        outcome_name=head["outcome"],
        score_name=head["score"],
        left_out={tuple(k): v for k, v in head["left_out"]},
    )
    if _checksum(tally) != head["checksum"]:
        raise PrimumError(f"'{path}' is damaged: its checksum does not agree.", mend="count again, or copy it again")
    return tally


def _checksum(tally: ScoreTally) -> str:
    digest = hashlib.sha256()
    for name in _CELLS:
        digest.update(np.ascontiguousarray(getattr(tally, name)).tobytes())
    digest.update(repr((tally.attributes, tally.groups, tally.grid, tally.outcome_name)).encode())
    return digest.hexdigest()
