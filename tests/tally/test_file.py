"""A tally kept in a file: it comes back whole, or not at all."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import polars as pl
import pytest

from primum.errors import PrimumError
from primum.tally import file
from primum.tally.count import count
from primum.tally.score import SUMS, ScoreTally


def tally() -> ScoreTally:
    rng = np.random.default_rng(0)
    n = 300
    frame = pl.DataFrame(
        {
            "y": rng.integers(0, 2, n),
            "s": [None, *rng.random(n - 1).tolist()],
            "sex": rng.choice(["Ålesund · nord", "m", None], n),
            "w": rng.random(n),
        }
    )
    return count(frame, "y", "s", ["sex"], thresholds=[0.123], weight="w", missing="exclude", outcome_name="død")


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "tally.parquet"
    path.write_bytes(file.to_bytes(tally()))
    return path


def test_it_comes_back_whole(kept):
    one, two = tally(), file.read(kept)
    assert (one.attributes, one.groups, one.left_out, one.grid) == (two.attributes, two.groups, two.left_out, two.grid)
    assert (one.outcome_name, one.score_name) == (two.outcome_name, two.score_name)
    for name in ("group", "outcome", "label", "n", *SUMS):
        a, b = getattr(one, name), getattr(two, name)
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes(), name
    both = one + two
    assert both.n.sum() == 2 * one.n.sum()
    assert file.to_bytes(two) == file.to_bytes(one)


def test_a_tally_of_nobody_by_nothing_comes_back(tmp_path):
    path = tmp_path / "t.parquet"
    empty = tally().select([])
    path.write_bytes(file.to_bytes(empty))
    assert file.read(path).groups == ()
    path.write_bytes(file.to_bytes(tally().by()))
    assert file.read(path).groups == ((),)


def test_no_file(tmp_path):
    with pytest.raises(PrimumError, match="There is no file"):
        file.read(tmp_path / "none.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"score,y\n0.1,1\n", b"\x00" * 500])
def test_a_foreign_file(tmp_path, content):
    path = tmp_path / "foreign.parquet"
    path.write_bytes(content)
    with pytest.raises(PrimumError, match="is not a tally, or is damaged"):
        file.read(path)


def test_another_parquet_file(tmp_path):
    path = tmp_path / "other.parquet"
    pl.DataFrame({"n": [1]}).write_parquet(path)
    with pytest.raises(PrimumError, match="is not a tally, or is damaged"):
        file.read(path)


@pytest.mark.parametrize(
    "head", [{"format": "something else", "version": 1}, [], 3, {}, {"format": file.FORMAT, "version": 1}]
)
def test_another_head(tmp_path, head):
    path = tmp_path / "other.parquet"
    pl.DataFrame({"n": [1]}).write_parquet(path, metadata={"primum": json.dumps(head)})
    with pytest.raises(PrimumError, match=r"other\.parquet"):
        file.read(path)


def test_a_later_version(kept, monkeypatch):
    monkeypatch.setattr(file, "VERSION", 2)
    kept.write_bytes(file.to_bytes(tally()))
    monkeypatch.undo()
    with pytest.raises(PrimumError, match=r"is a 'primum score tally' of version 2") as caught:
        file.read(kept)
    assert "version 1" in str(caught.value)


def test_a_truncated_file(kept):
    whole = kept.read_bytes()
    for size in np.linspace(0, len(whole) - 1, 60).astype(int):
        kept.write_bytes(whole[:size])
        with pytest.raises(PrimumError, match=r"tally\.parquet"):
            file.read(kept)


def test_flipped_bits_are_noticed_or_harmless(kept):
    """Every byte in turn somewhere: never a traceback, never other numbers."""
    whole, right = kept.read_bytes(), tally()
    rng = np.random.default_rng(1)
    messages = []
    for at in rng.choice(len(whole), 250, replace=False):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        kept.write_bytes(bytes(damaged))
        try:
            found = file.read(kept)
        except PrimumError as error:
            messages.append(str(error))
            continue
        assert (found.groups, found.grid, found.left_out) == (right.groups, right.grid, right.left_out)
        assert (found.outcome_name, found.score_name) == (right.outcome_name, right.score_name)
        for name in ("group", "outcome", "label", "n", *SUMS):
            np.testing.assert_array_equal(getattr(found, name), getattr(right, name))
    assert len(messages) > 100
    assert all("tally.parquet" in m for m in messages)


def rewrite(path, change) -> None:
    """Write the file again with one of its parts changed."""
    with zipfile.ZipFile(path) as z:
        parts = {name: z.read(name) for name in z.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w") as z:
        for name, content in parts.items():
            z.writestr(name, content)


def test_changed_numbers_are_noticed(kept):
    def change(parts):
        buffer = io.BytesIO()
        pl.read_parquet(parts["cells.parquet"]).with_columns(pl.col("n") + 1).write_parquet(buffer)
        parts["cells.parquet"] = buffer.getvalue()

    rewrite(kept, change)
    with pytest.raises(PrimumError, match="damaged"):
        file.read(kept)


@pytest.mark.parametrize("part", ["attributes", "groups", "outcome", "score", "left_out", "grid"])
def test_a_changed_head_is_noticed(kept, part):
    def change(parts):
        head = json.loads(parts["head.json"])
        changed = {
            "attributes": ["gender"],
            "groups": [["x"], *head["groups"][1:]],
            "outcome": "other",
            "score": "other",
            "left_out": [[["m"], 99]],
            "grid": head["grid"] | {"thresholds": [0.2]},
        }
        parts["head.json"] = json.dumps(head | {part: changed[part]}).encode()

    rewrite(kept, change)
    with pytest.raises(PrimumError, match="damaged"):
        file.read(kept)


@pytest.mark.parametrize("name", ["head.json", "seal.json", "cells.parquet"])
def test_a_file_that_lacks_a_part_is_refused(kept, name):
    rewrite(kept, lambda parts: parts.pop(name))
    with pytest.raises(PrimumError, match=r"tally\.parquet"):
        file.read(kept)
