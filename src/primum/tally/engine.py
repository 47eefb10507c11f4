"""The engines that hold rows: how a frame is taken, how a result comes back, and what cannot be done where."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

from primum.errors import MissingExtraError, PrimumError

EXPECTED = "a frame of polars, pandas, pyarrow, DuckDB, Dask, PySpark or Ibis"


def native(frame: Any) -> Any:
    """Return a frame as narwhals sees it.

    Raises
    ------
    PrimumError
        For what is no frame.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Dask support is moving out of Narwhals")
            return nw.from_native(frame)
    except TypeError:
        raise PrimumError(f"Rows of type {type(frame).__name__} cannot be counted.", expected=EXPECTED) from None


def planned(data: Any) -> Any:
    """Return a polars frame in memory as a plan, which polars then carries out at once; other frames as they are."""
    return data.lazy() if data.implementation.is_polars() else data


def collected(result: Any, *, stream: bool = True) -> Any:
    """Return the rows of a result in memory; with `stream`, polars reads piece by piece what need not fit."""
    if not isinstance(result, nw.LazyFrame):
        return result
    if result.implementation.is_polars():
        return result.collect("polars", engine="streaming" if stream else "in-memory")
    return result.collect("polars")


@contextmanager
def told(data: Any) -> Iterator[None]:
    """Turn what an engine raises into an error that says which engine, what is wrong and what to use instead."""
    engine = data.implementation.value
    try:
        yield
    except (PrimumError, MemoryError, Warning):
        raise
    except ModuleNotFoundError as error:
        why = f"Counting rows held by {engine}"
        raise MissingExtraError(str(error.name), _EXTRA.get(engine, "files"), why) from error
    except Exception as error:
        if not _of_engine(error, engine):
            raise
        # the engine's own words may quote a record, so they are not repeated
        raise PrimumError(
            f"{engine} could not count these rows ({type(error).__name__}).",
            mend="check that the rows can be read; if they can, hand them over as polars.scan_parquet(…) or as a "
            "DuckDB relation, which know every operation that counting needs",
        ) from None


_EXTRA = {"duckdb": "duckdb", "dask": "dask", "pyspark": "spark", "ibis": "ibis"}


def _of_engine(error: Exception, engine: str) -> bool:
    """Whether an error comes from an engine or from the layer before it, rather than from here."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is not None and Path(trace.tb_frame.f_code.co_filename).is_relative_to(Path(__file__).parents[1]):
        return False  # raised here: a defect, not a limit of the engine
    root = type(error).__module__.partition(".")[0]
    known = {"polars", "duckdb", "pyspark", "py4j", "ibis", "dask", "distributed", "pyarrow", "narwhals", "_duckdb"}
    return root in known or isinstance(error, NotImplementedError) or engine not in {"polars", "pandas", "pyarrow"}
