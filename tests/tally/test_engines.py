"""One body of tests, every engine: the same rows give the same counts, bit for bit, and the same sums.

`ENGINES` and `QUESTIONS` are also what docs/engines.md is made from, by scripts/engines_table.py.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from primum.errors import PrimumError
from primum.tally.count import count
from primum.tally.score import SUMS, ScoreTally
from primum.usecase import MISSING

HERE = "127.0.0.1"
pytestmark = [
    pytest.mark.filterwarnings("ignore:Dask support is moving:FutureWarning"),
    pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword:Warning"),
]


@dataclass(frozen=True)
class Engine:
    """An engine: what it needs installed, how it opens a Parquet file; `only` some questions where each takes long."""

    needs: tuple[str, ...]
    open: Callable[[Path], Any]
    extra: str = ""
    slow: bool = False
    only: tuple[str, ...] = ()

    def lacks(self) -> str:
        """Return what is not installed."""
        java = shutil.which("java") or "JAVA_HOME" in os.environ
        lacking = [p for p in self.needs if find_spec(p) is None]
        return ", ".join([*lacking, *(["Java 17"] if "pyspark" in self.needs and not java else [])])

    def versions(self) -> str:
        """Return the versions of what it needs."""
        names = {"ibis": "ibis-framework"}
        return ", ".join(f"{p} {version(names.get(p, p))}" for p in self.needs)


def _pandas(path: Path) -> Any:
    import pandas as pd

    return pd.read_parquet(path)


def _polars(path: Path) -> Any:
    import polars as pl

    return pl.read_parquet(path)


def _polars_lazy(path: Path) -> Any:
    import polars as pl

    return pl.scan_parquet(path)


def _duckdb(path: Path) -> Any:
    import duckdb

    return duckdb.connect().read_parquet(str(path))


def _dask(path: Path) -> Any:
    import dask
    import dask.dataframe as dd

    dask.config.set(scheduler="synchronous")
    return dd.read_parquet(path).repartition(npartitions=3)


def _ibis_duckdb(path: Path) -> Any:
    import ibis

    return ibis.duckdb.connect().read_parquet(path)


def _ibis_polars(path: Path) -> Any:
    import ibis

    return ibis.polars.connect().read_parquet(path, table_name="rows")


def _ibis_sqlite(path: Path) -> Any:
    import sqlite3

    import ibis

    place = path.with_suffix(".sqlite")
    with contextlib.closing(sqlite3.connect(place)) as database, database:
        database.execute("DROP TABLE IF EXISTS people")
        database.execute("CREATE TABLE people (y INTEGER, s REAL, text TEXT)")
        table = pq.read_table(path, columns=["y", "s", "text"])
        database.executemany("INSERT INTO people VALUES (?, ?, ?)", zip(*table.to_pydict().values(), strict=True))
    return ibis.sqlite.connect(place).table("people")


def _spark(path: Path) -> Any:
    return spark_session("local[2]").read.parquet(str(path))


def _spark_cluster(path: Path) -> Any:
    return spark_session(standalone()).read.parquet(str(path))


ENGINES = {
    "polars": Engine(("polars",), _polars),
    "polars, lazy": Engine(("polars",), _polars_lazy),
    "pandas": Engine(("pandas", "pyarrow"), _pandas, "files"),
    "pyarrow": Engine(("pyarrow",), pq.read_table, "files"),
    "DuckDB": Engine(("duckdb", "pyarrow"), _duckdb, "duckdb"),
    "Dask": Engine(("dask", "pandas", "pyarrow"), _dask, "dask"),
    "Ibis on DuckDB": Engine(("ibis", "duckdb", "pyarrow"), _ibis_duckdb, "ibis"),
    "Ibis on polars": Engine(("ibis", "polars", "pyarrow"), _ibis_polars, "ibis"),
    "Spark, local": Engine(("pyspark", "pyarrow", "pandas"), _spark, "spark", slow=True),
    "Spark, two workers": Engine(
        ("pyspark", "pyarrow", "pandas"), _spark_cluster, "spark", slow=True,
        only=("decisions only", "missing membership, numbers with gaps", "families", "scores out of range"),
    ),
}  # fmt: skip


@functools.cache
def spark_session(master: str) -> Any:
    """Start Spark, without a web page and on this machine only."""
    os.environ["SPARK_LOCAL_IP"] = HERE
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    if (other := SparkSession.getActiveSession()) is not None:
        other.stop()
    settings = {
        "spark.ui.enabled": "false", "spark.driver.host": HERE, "spark.driver.bindAddress": HERE,
        "spark.sql.shuffle.partitions": "4", "spark.driver.memory": "1g", "spark.executor.memory": "512m",
        "spark.executor.cores": "1",
    }  # fmt: skip
    builder = SparkSession.builder.master(master).appName("primum")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


@functools.cache
def standalone() -> str:
    """Start a master and two workers as processes on loopback; they end with this one."""
    import atexit

    import pyspark

    home = Path(pyspark.__file__).parent
    port = 17_077
    url = f"spark://{HERE}:{port}"
    env = os.environ | {"SPARK_LOCAL_IP": HERE, "SPARK_HOME": str(home), "SPARK_DAEMON_MEMORY": "256m"}
    run, deploy = str(home / "bin" / "spark-class"), "org.apache.spark.deploy"
    commands = [[run, f"{deploy}.master.Master", "--host", HERE, "--port", str(port), "--webui-port", "0"]]
    for _ in range(2):
        work = tempfile.mkdtemp(prefix="primum-spark-")
        atexit.register(shutil.rmtree, work, ignore_errors=True)
        worker = [run, f"{deploy}.worker.Worker", url, "--host", HERE, "-c", "1", "-m", "1g"]
        commands.append([*worker, "--webui-port", "0", "-d", work])
    for command in commands:
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(process.wait)
        atexit.register(process.terminate)
        time.sleep(3)
    return url


# -- rows -------------------------------------------------------------------------------------------------------------


def rows(n: int = 4000, seed: int = 0) -> pa.Table:
    """Return people with every kind of column that hospitals have."""
    rng = np.random.default_rng(seed)
    s = np.concatenate([rng.beta(1.2, 8, n - 500), rng.integers(0, 101, 500) / 100])
    hole = rng.random(n) < 0.05

    def some(values: Any, kind: Any = None) -> pa.Array:
        return pa.array(values, type=kind, mask=hole)

    def at(values: list[Any], kind: Any = None) -> list[Any]:
        return [values[i] for i in rng.integers(0, len(values), n)]

    return pa.table(
        {
            "y": rng.integers(0, 2, n),
            "y_bool": some(rng.random(n) < 0.3),
            "y_decimal": pa.array([Decimal(int(v)) for v in rng.integers(0, 2, n)], type=pa.decimal128(3, 1)),
            "y_float": some(rng.integers(0, 2, n).astype(float)),
            "s": s,
            "s32": s.astype(np.float32),
            "s_holes": pa.array(np.where(rng.random(n) < 0.03, np.nan, s), mask=hole, from_pandas=False),
            "s_decimal": pa.array([Decimal(f"{v:.4f}") for v in s], type=pa.decimal128(8, 4)),
            "points": rng.integers(0, 28, n),
            "text": some(at(["a", "b", "Ålesund · nord", "it's"])),
            "whole": rng.integers(-1, 3, n),
            "holes": some(rng.integers(1, 4, n)),
            "flag": some(rng.random(n) < 0.5),
            "number": pa.array(np.array(at([1.0, 2.5, float("nan"), 1e-7, 1e17])), mask=hole, from_pandas=False),
            "decimal": some(at([Decimal("1.50"), Decimal("2.00")]), pa.decimal128(5, 2)),
            "category": some(at(["x", "y", "z"])).dictionary_encode(),
            "day": some(np.array(at(["2020-01-01", "2021-02-03"]), dtype="datetime64[D]")),
            "w": rng.choice([0.5, 1.0, 2.25], n),
            "w_decimal": pa.array([Decimal(str(v)) for v in rng.choice([0.5, 1.25], n)], type=pa.decimal128(5, 2)),
            "w_int": rng.integers(0, 4, n),
            "family": some(rng.integers(0, n // 3, n)),
            "household": some([f"h{i}" for i in rng.integers(0, n // 3, n)]),
        }
    )


QUESTIONS: dict[str, dict[str, Any]] = {
    "rates by text and whole numbers": {"by": ["text", "whole"], "thresholds": [0.123]},
    "decisions only": {"by": ["text", "whole"], "thresholds": [0.1, 0.25], "decisions_only": True},
    "missing membership, numbers with gaps": {"by": ["holes", "text"]},
    "true and false": {"outcome": "y_bool", "by": ["flag"]},
    "decimals": {"outcome": "y_decimal", "score": "s_decimal", "by": ["decimal"], "weight": "w_decimal"},
    "not-a-number and 1e17 as groups": {"outcome": "y_float", "by": ["number"]},
    "categories": {"by": ["category"]},
    "dates": {"by": ["day"]},
    "missing scores left out": {"score": "s_holes", "by": ["text"], "missing": "exclude"},
    "single precision": {"score": "s32", "by": ["whole"]},
    "points": {"score": "points", "by": ["whole"], "score_range": (0, 27), "thresholds": [10]},
    "weights": {"by": ["text"], "weight": "w"},
    "whole weights": {"by": ["text"], "weight": "w_int"},
    "families": {"by": ["text", "flag"], "cluster": "family", "weight": "w"},
    "households": {"by": ["whole"], "cluster": "household", "thresholds": [0.123]},
    "everybody": {},
}
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "scores out of range": ({"score": "points"}, r"values of 'points' lie outside \[0, 1\] \(from 2 to 27\)"),
    "missing scores": ({"score": "s_holes"}, "of 4,000 values of 's_holes' are missing or not a number"),
    "another outcome": ({"outcome": "points"}, "neither 0 nor 1 in"),
    "negative weights": ({"weight": "whole"}, "The weight 'whole' runs from -1 to 2"),
    "missing weights": ({"weight": "holes"}, "The weight 'holes' is missing for some people"),
    "words": ({"outcome": "text"}, "The outcome 'text' is stored as"),
    "no such column": ({"score": "sss"}, "There is no score column 'sss'"),
}


def ask(frame: Any, question: dict[str, Any]) -> ScoreTally:
    """Count."""
    return count(frame, **({"outcome": "y", "score": "s"} | question))


def identical(a: ScoreTally, b: ScoreTally) -> None:
    """Check that counts are the same, and sums to twelve digits."""
    assert (a.attributes, a.groups, a.left_out, a.grid) == (b.attributes, b.groups, b.left_out, b.grid)
    for name in ("group", "outcome", "label", "n"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in SUMS:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12, atol=0)
    assert (a.clusters is None) == (b.clusters is None)
    if a.clusters is None or b.clusters is None:
        return
    assert a.clusters.crossing == b.clusters.crossing
    for view, groups in a.clusters.views.items():
        assert groups.keys() == b.clusters.views[view].keys()
        for group, shared in groups.items():
            other = b.clusters.views[view][group]
            assert shared.clusters == other.clusters
            cells = np.unique(np.concatenate([shared.i, other.i]))
            np.testing.assert_allclose(shared.dense(cells), other.dense(cells), rtol=1e-12, atol=1e-12)


def by_hand(table: pa.Table, question: dict[str, Any]) -> dict[tuple[Any, ...], list[float]]:
    """Count in plain Python, for what needs no rule but its own words."""
    asked = {"outcome": "y", "score": "s", "by": []} | question
    data = {c: table[c].to_pylist() for c in {asked["outcome"], asked["score"], *asked["by"]}}
    found: dict[tuple[Any, ...], list[float]] = {}
    for i, s in enumerate(data[asked["score"]]):
        g = tuple(MISSING if data[c][i] is None else str(data[c][i]) for c in asked["by"])
        cell = found.setdefault((g, data[asked["outcome"]][i], s >= 0.25), [0, 0.0])
        cell[0] += 1
        cell[1] += s
    return found


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pq.write_table(rows(), path)
    return path


@pytest.fixture(scope="module")
def opened(parquet):
    """Open the rows with an engine; skip when it is not installed."""
    frames: dict[str, Any] = {}

    def get(name: str) -> Any:
        engine = ENGINES[name]
        if engine.lacks():
            pytest.skip(f"{name} needs {engine.lacks()}: pip install 'primum[{engine.extra}]'")
        if name.startswith("Spark") or name not in frames:  # Spark has one session at a time
            frames[name] = engine.open(parquet)
        return frames[name]

    return get


def every_engine(kind: str, words: Any) -> Any:
    """Ask every engine every question, or those that are its own."""
    return pytest.mark.parametrize(
        ("engine", kind),
        [
            pytest.param(n, q, marks=pytest.mark.slow if e.slow else (), id=f"{q}-{n}")
            for n, e in ENGINES.items()
            for q in words
            if not e.only or q in e.only
        ],
    )


@every_engine("question", QUESTIONS)
def test_counts_are_the_same_everywhere(opened, engine, question):
    identical(ask(opened(engine), QUESTIONS[question]), ask(opened("polars"), QUESTIONS[question]))


@every_engine("mistake", MISTAKES)
def test_mistakes_are_told_alike_everywhere(opened, engine, mistake):
    question, words = MISTAKES[mistake]
    with pytest.raises(PrimumError, match=words):
        ask(opened(engine), question)


def test_the_yardstick_is_what_one_counts_by_hand(opened):
    question = {"by": ["text", "whole"], "thresholds": [0.25]}
    found = by_hand(rows(), question)
    tally = ask(opened("polars"), question | {"decisions_only": True})
    cells = {
        (tally.groups[g], y, b == 1): [n, s]
        for g, y, b, n, s in zip(tally.group, tally.outcome, tally.label, tally.n, tally.ws, strict=True)
    }
    assert cells.keys() == found.keys()
    for key, (n, s) in found.items():
        assert cells[key] == [n, pytest.approx(s, rel=1e-12)]


def test_groups_have_the_same_names_however_they_are_stored(opened):
    frame = opened("polars")
    assert [g[0] for g in ask(frame, QUESTIONS["not-a-number and 1e17 as groups"]).groups] == [
        MISSING, "1", "1e+17", "1e-07", "2.5",
    ]  # fmt: skip
    assert [g[0] for g in ask(frame, QUESTIONS["decimals"]).groups] == [MISSING, "1.5", "2"]
    assert [g[0] for g in ask(frame, QUESTIONS["true and false"]).groups] == [MISSING, "false", "true"]
    assert [g[0] for g in ask(frame, QUESTIONS["dates"]).groups] == [MISSING, "2020-01-01", "2021-02-03"]


def test_an_engine_that_cannot_says_so_and_what_to_use_instead(parquet):
    if ENGINES["Ibis on DuckDB"].lacks():
        pytest.skip("needs ibis: pip install 'primum[ibis]'")
    with pytest.raises(PrimumError, match="ibis could not count these rows") as caught:
        ask(_ibis_sqlite(parquet), {"by": ["text"]})
    assert "scan_parquet" in str(caught.value)
    assert "DuckDB" in str(caught.value)
