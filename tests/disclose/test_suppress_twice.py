"""Complementary suppression on many small families of tables: a quick choice against the cheapest one (exact MILP)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from primum.disclose.presets import preset
from primum.disclose.protect import protect
from primum.disclose.releases import Atoms


def family(rng):
    """Return random counts and linked tables: two-way with margins, or one- and two-way tables of three variables."""
    if rng.random() < 0.3:
        atoms = Atoms(("a", "b", "c"), (("0", "1"), ("0", "1"), ("0", "1", "2")), rng.integers(0, 31, (2, 2, 3)))
        pairs = list(itertools.combinations("abc", 2))
        return atoms, [(), ("a",), pairs[int(rng.integers(3))], pairs[int(rng.integers(3))]]
    shape = (int(rng.integers(2, 5)), int(rng.integers(2, 4)))
    levels = tuple(tuple(map(str, range(k))) for k in shape)
    return Atoms(("a", "b"), levels, rng.integers(0, 41, shape)), [(), ("a",), ("b",), ("a", "b")]


@pytest.mark.parametrize("seed", range(8))
def test_a_quick_choice_hides_at_most_twice_what_is_needed(seed):
    rng = np.random.default_rng([seed, 2])
    for _ in range(5):
        atoms, tables = family(rng)
        tables = list(dict.fromkeys(tables))
        best = protect(atoms, preset("cbs"), tables=tables, exact=True)
        quick = protect(atoms, preset("cbs"), tables=tables, exact=False)
        assert len(quick.withheld) <= 2 * len(best.withheld)
        assert bool(quick.withheld) == bool(best.withheld)
