"""A ScoreTally as one file: a zip of head.json, cells.parquet and shared.parquet, versioned and checksummed."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from primum.errors import PrimumError
from primum.tally.cluster import Clusters, Shared
from primum.tally.grid import Grid
from primum.tally.score import SUMS, ScoreTally

FORMAT = "primum score tally"
VERSION = 1
_CELLS = ("group", "outcome", "label", "n", *SUMS)
_WHEN = (1980, 1, 1, 0, 0, 0)  # the same tally gives the same bytes


def to_bytes(tally: ScoreTally) -> bytes:
    """Return the tally as the bytes of a file."""
    parts = {"cells.parquet": _parquet({k: getattr(tally, k) for k in _CELLS})}
    head: dict[str, Any] = {
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
    }
    if tally.clusters is not None:
        head["clusters"], parts["shared.parquet"] = _shared_out(tally.clusters)
    head["checksums"] = {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
    text = json.dumps(head, ensure_ascii=False, indent=1)
    sealed = json.dumps({"checksum": hashlib.sha256(text.encode()).hexdigest()})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as z:
        for name, content in {"head.json": text.encode(), "seal.json": sealed.encode(), **parts}.items():
            z.writestr(zipfile.ZipInfo(name, _WHEN), content)
    return buffer.getvalue()


def read(path: str | Path) -> ScoreTally:
    """Read a tally.

    Raises
    ------
    PrimumError
        If the file is missing, foreign, of another version, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as z:
            parts = {name: z.read(name) for name in z.namelist()}
        text = parts.pop("head.json")
        seal = json.loads(parts.pop("seal.json"))["checksum"]
        head = json.loads(text)
        known = head["format"], head["version"]
    except FileNotFoundError:
        raise PrimumError(f"There is no file '{path}'.") from None
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        ValueError,
        TypeError,
        NotImplementedError,
        EOFError,
    ) as e:
        raise PrimumError(
            f"'{path}' is not a tally, or is damaged ({type(e).__name__}).", expected="a file that primum wrote"
        ) from None
    if known != (FORMAT, VERSION):
        raise PrimumError(
            f"'{path}' is a '{known[0]}' of version {known[1]}.", expected=f"a '{FORMAT}' of version {VERSION}"
        )
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
    if hashlib.sha256(text).hexdigest() != seal or sums != head["checksums"]:
        raise PrimumError(f"'{path}' is damaged: its checksum does not agree.", mend="count again, or copy it again")
    return _tally(head, parts)


def _tally(head: dict[str, Any], parts: dict[str, bytes]) -> ScoreTally:
    cells = pl.read_parquet(io.BytesIO(parts["cells.parquet"]))
    column = {k: cells[k].to_numpy() for k in _CELLS}
    clusters = _shared_in(head["clusters"], parts["shared.parquet"]) if "clusters" in head else None
    return ScoreTally(
        attributes=tuple(head["attributes"]),
        groups=tuple(tuple(g) for g in head["groups"]),
        group=column["group"],
        outcome=column["outcome"],
        label=column["label"],
        n=column["n"],
        w=column["w"],
        ww=column["ww"],
        ws=column["ws"],
        wss=column["wss"],
        grid=Grid(**{**head["grid"], "thresholds": tuple(head["grid"]["thresholds"])}),
        outcome_name=head["outcome"],
        score_name=head["score"],
        left_out={tuple(k): v for k, v in head["left_out"]},
        clusters=clusters,
    )


def _parquet(columns: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


def _shared_out(clusters: Clusters) -> tuple[dict[str, Any], bytes]:
    """Return the sums of clusters as a head (view, group, number of clusters) and one long table."""
    listed: list[list[Any]] = []
    parts: list[tuple[int, Shared]] = []
    for view, groups in clusters.views.items():
        for group, shared in groups.items():
            parts.append((len(listed), shared))
            listed.append([list(view), list(group), shared.clusters])
    table = {
        "part": np.concatenate([np.full(len(s.i), k) for k, s in parts]) if parts else np.zeros(0, dtype=np.int64),
        **{x: np.concatenate([getattr(s, x) for _, s in parts]) if parts else np.zeros(0) for x in ("i", "j", "value")},
    }
    crossing = [[list(view), k] for view, k in clusters.crossing.items()]
    return {"name": clusters.name, "parts": listed, "crossing": crossing}, _parquet(table)


def _shared_in(head: dict[str, Any], content: bytes) -> Clusters:
    table = pl.read_parquet(io.BytesIO(content))
    part = table["part"].to_numpy()
    i, j, value = (table[x].to_numpy() for x in ("i", "j", "value"))
    crossing = {tuple(view): k for view, k in head["crossing"]}
    views: dict[tuple[str, ...], dict[tuple[str, ...], Shared]] = {view: {} for view in crossing}
    for k, (view, group, clusters) in enumerate(head["parts"]):
        here = part == k
        views[tuple(view)][tuple(group)] = Shared(i[here], j[here], value[here], clusters)
    return Clusters(name=head["name"], views=views, crossing=crossing)
