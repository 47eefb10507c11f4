"""The fast table of rates says what the estimates say, one by one."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from primum.errors import PrimumError
from primum.measure import table
from primum.measure.estimate import Settings
from primum.measure.metric import METRICS
from primum.measure.rates_table import columns, in_closed_form
from primum.tally.count import count

CLOSED = [m.id for m in METRICS.values() if m.needs == "counts" and m.interval != "linear"]


def people(n=400, seed=0, high=1.0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "y": rng.integers(0, 2, n),
            "s": rng.random(n) * high,
            "g": rng.choice(["a", "b", *(f"c{i}" for i in range(40))], n, p=[0.6, 0.2, *[0.005] * 40]),
            "h": rng.choice(["x", "y"], n),
            "w": rng.random(n),
        }
    )


@pytest.mark.parametrize("at", [0.0, 0.37, 0.9, 1.0])
@pytest.mark.parametrize("high", [1.0, 10.0])
def test_it_is_the_table_of_the_estimates(monkeypatch, at, high):
    tally = count(people(high=high), "y", "s", ["g", "h"], thresholds=[at * high], score_range=(0, high))
    fast = tally.measure(CLOSED, at=at * high)
    assert in_closed_form(tally, CLOSED, Settings(at=at * high))
    monkeypatch.setattr(table, "in_closed_form", lambda *_: False)
    slow = tally.measure(CLOSED, at=at * high)
    assert_frame_equal(fast, slow, check_exact=True)
    assert set(fast["status"]) > {"ok", "not estimable"} or set(fast["status"]) == {"ok", "not estimable"}
    assert fast.height == len(CLOSED) * (1 + len(tally.by("g").groups) + 2 + len(tally.groups))


def test_it_is_for_people_who_count_once_and_are_strangers():
    settings = Settings(at=0.5)
    frame = people().with_columns(f=pl.int_range(400) // 3)
    assert in_closed_form(count(frame, "y", "s", "g"), ["ppv"], settings)
    assert not in_closed_form(count(frame, "y", "s", "g", weight="w"), ["ppv"], settings)
    assert not in_closed_form(count(frame, "y", "s", "g", cluster="f"), ["ppv"], settings)
    assert not in_closed_form(count(frame, "y", "s", "g"), ["ppv", "auroc"], settings)


def test_a_decision_without_a_threshold_is_refused_as_before():
    with pytest.raises(PrimumError, match="ppv need a decision threshold"):
        count(people(), "y", "s", "g").measure(["ppv"])


def test_an_empty_group_has_reasons():
    tally = count(people(), "y", "s", "g").select([("a",), ("nobody",)])
    schema = dict.fromkeys(table.COLUMNS, pl.String) | dict.fromkeys(
        ("at", "value", "low", "high", "level", "n_effective"), pl.Float64
    )
    found = columns(
        tally, ["sensitivity"], Settings(at=0.5), schema | dict.fromkeys(("n", "events", "nonevents"), pl.Int64)
    )
    assert found["reason"].to_list() == ["", "nobody in this group"]
    assert np.isnan(found["value"][1])
