"""The ledger: what is kept comes back, what was edited is refused, and earlier exports count in the attack."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest

from primum.disclose import ledger
from primum.disclose.attack import Target, attack
from primum.disclose.differencing import versions
from primum.disclose.releases import Atoms, Release, exact, marginals
from primum.errors import PrimumError

ATOMS = Atoms(("group", "outcome"), (("A", "B"), ("neg", "pos")), np.array([[60, 40], [56, 4]]))
NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
KEY = b"the key of the project"


@pytest.fixture
def path(tmp_path):
    """A ledger of three exports, a day apart."""
    file = tmp_path / "ledger.jsonl"
    for i, table in enumerate([("group",), ("outcome",), ()]):
        now = NOON + dt.timedelta(days=i)
        ledger.append(file, f"export {i + 1}", ATOMS, exact(ATOMS, table), population="v1", key=KEY, now=now)
    return file


def read(path):
    return ledger.read(path, key=KEY, now=NOON + dt.timedelta(days=9))


def changed(path, line, **values):
    """Edit one line by hand."""
    lines = path.read_text().splitlines()
    lines[line] = json.dumps(json.loads(lines[line]) | values)
    path.write_text("\n".join(lines) + "\n")


def test_what_is_written_is_read(path):
    entries = read(path)
    assert [e.name for e in entries] == ["export 1", "export 2", "export 3"]
    back = ledger.told(entries[0])
    assert [(r.where, r.support.tolist(), r.low, r.high) for r in back] == [
        (f"export 1: {r.where}", r.support.tolist(), r.low, r.high) for r in exact(ATOMS, ("group",))
    ]


def test_the_same_exports_give_the_same_file(path, tmp_path):
    again = tmp_path / "again.jsonl"
    for i, table in enumerate([("group",), ("outcome",), ()]):
        now = NOON + dt.timedelta(days=i)
        ledger.append(again, f"export {i + 1}", ATOMS, exact(ATOMS, table), population="v1", key=KEY, now=now)
    assert again.read_bytes() == path.read_bytes()


def test_true_counts_of_atoms_are_not_kept(path):
    assert '"counts"' not in path.read_text()


def test_open_intervals_survive(tmp_path):
    ones = np.array([True, False, True, True])
    release = Release("x", ones, -np.inf, np.inf)
    entry = ledger.append(tmp_path / "l", "e", ATOMS, [release], population="v1", now=NOON)
    back = ledger.told(entry)[0]
    assert (back.low, back.high, back.support.tolist()) == (-np.inf, np.inf, ones.tolist())


@pytest.mark.parametrize(
    "values", [{"name": "another"}, {"population": "v2"}, {"numbers": []}, {"time": "2026-11-02T12:30:00+00:00"}]
)
def test_an_edited_line_is_refused(path, values):
    changed(path, 0, **values)
    with pytest.raises(PrimumError, match=r"Line 1 of the ledger .* was edited"):
        read(path)


def test_making_the_hashes_anew_needs_the_key(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[2]["name"] = "harmless"
    entry = ledger._entry(json.dumps(lines[2]), 3, path)
    lines[2]["hash"] = ledger._hash(entry, None)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(PrimumError, match="Line 3"):
        read(path)


def test_another_key_is_refused(path):
    with pytest.raises(PrimumError, match="another key"):
        ledger.read(path, key=b"wrong", now=NOON + dt.timedelta(days=9))


@pytest.mark.parametrize("order", [[0, 2], [1, 2], [0, 2, 1], [0, 0, 1, 2]])
def test_removed_and_swapped_lines_are_refused(path, order):
    lines = path.read_text().splitlines()
    path.write_text("".join(lines[i] + "\n" for i in order))
    with pytest.raises(PrimumError, match="does not follow"):
        read(path)


def test_a_release_cut_off_the_end_is_missed(path):
    entries = read(path)
    folders = {e.name: e.hash for e in entries}
    ledger.require(entries, folders)
    path.write_text("".join(line + "\n" for line in path.read_text().splitlines()[:2]))
    with pytest.raises(PrimumError, match="'export 3' is missing from the ledger"):
        ledger.require(read(path), folders)


def test_a_release_with_another_hash_is_refused(path):
    with pytest.raises(PrimumError, match="hashes differ"):
        ledger.require(read(path), {"export 1": "0" * 64})


def test_a_missing_ledger_is_named(tmp_path):
    with pytest.raises(PrimumError, match="There is no ledger"):
        ledger.read(tmp_path / "nothing.jsonl")


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "primum ledger 1"}', "null"])
def test_half_a_line_is_refused(path, text):
    with path.open("a") as file:
        file.write(text + "\n")
    with pytest.raises(PrimumError, match=r"Line 4 of the ledger .* cannot be read"):
        read(path)


def test_another_format_is_refused(path):
    changed(path, 0, format="primum ledger 9")
    with pytest.raises(PrimumError, match="has the format 'primum ledger 9'"):
        read(path)


@pytest.mark.parametrize(
    ("back", "said"), [(dt.timedelta(days=1), "still to come"), (dt.timedelta(seconds=90), "went backwards")]
)
def test_a_clock_that_runs_backwards_writes_nothing(path, back, said):
    before = path.read_bytes()
    now = NOON + dt.timedelta(days=2) - back
    with pytest.raises(PrimumError, match=said):
        ledger.append(path, "late", ATOMS, [], population="v1", key=KEY, now=now)
    assert path.read_bytes() == before


def test_a_name_is_given_once(path):
    with pytest.raises(PrimumError, match="already holds an export 'export 2'"):
        ledger.append(path, "export 2", ATOMS, [], population="v1", key=KEY, now=NOON + dt.timedelta(days=5))


def test_releases_over_other_atoms_are_refused(path):
    odd = Release("odd", np.ones(3, dtype=bool), 1, 1)
    with pytest.raises(PrimumError, match="such as 'odd'"):
        ledger.append(path, "x", ATOMS, [odd], population="v1", key=KEY, now=NOON + dt.timedelta(days=5))


def test_t3_an_earlier_export_gives_the_hidden_cell_away(path):
    cells = exact(ATOMS, ("group", "outcome"))
    target = Target("B/pos", dict(marginals(ATOMS, ("group", "outcome")))["B", "pos"])
    assert attack(cells[:3], [target], t=10).passed
    before, left = ledger.earlier(read(path), ATOMS, population="v1")
    assert left == []
    found = attack([*cells[:3], *before], [target], t=10)
    assert [(v.low, v.high, v.passed) for v in found.verdicts] == [(4, 4, False)]


def test_an_export_of_fewer_variables_is_spread_over_more(path):
    counts = np.arange(12).reshape(2, 3, 2)
    wide = Atoms(("outcome", "eth", "group"), (("pos", "neg"), ("x", "y", "z"), ("B", "A")), counts)
    before, left = ledger.earlier(read(path), wide, population="v1")
    assert left == []
    supports = {r.where: r.support.tolist() for r in before}
    for (key, support), release in zip(marginals(wide, ("group",)), exact(wide, ("group",)), strict=True):
        assert key
        assert supports[f"export 1: {release.where}"] == support.tolist()


def test_an_export_that_cannot_be_placed_is_for_a_person(path):
    other = Atoms(("group",), (("A", "B", "C"),), np.array([1, 2, 3]))
    before, left = ledger.earlier(read(path), other, population="v1")
    assert before == []
    assert "export 1: group=A" in left
    assert ledger.earlier(read(path), ATOMS, population="v2") == ([], [])


def test_t5_two_versions_through_the_ledger(path):
    more = Atoms(ATOMS.names, ATOMS.levels, ATOMS.counts + np.array([[1, 0], [0, 0]]))
    now = NOON + dt.timedelta(days=5)
    ledger.append(path, "export 4", more, exact(more, ()), population="v2", key=KEY, now=now)
    entries = read(path)
    old, new = ([Release("everyone", r.support, r.low, r.high) for r in ledger.told(e)] for e in entries[2:])
    assert [d.low for d in versions(old, new, t=10)] == [1]
