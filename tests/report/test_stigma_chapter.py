"""Who is labelled for nothing: written-out formulas, brute force over pairs, and the promise of the interval."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from primum.chapters.stigma import stigma_chapter, stigma_of, together
from primum.check import stigma as check
from primum.tally.count import count

AT = 0.5


def tally_of(frame, *, cluster=None, weight=None):
    return count(frame, "y", "s", by="g", thresholds=[AT], cluster=cluster, weight=weight)


def wilson(k, n, z=1.959963984540054):
    p, d = k / n, 1 + z * z / n
    centre = (p + z * z / (2 * n)) / d
    half = z / d * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def row_of(run, attribute, group):
    return next(r for r in stigma_of(run)["rows"] if (r["attribute"], r["group"]) == (attribute, group))


def test_every_number_is_its_written_formula(small_run, people):
    frame = people()
    men = frame.filter(pl.col("sex") == "Male")
    rest = frame.filter(pl.col("sex").is_null() | (pl.col("sex") != "Male"))
    fp, selected, n = (
        men.filter((pl.col("risk") >= 0.2) & (pl.col("ill") == 0)).height, men.filter(pl.col("risk") >= 0.2).height,
        men.height,
    )  # fmt: skip
    other = rest.filter((pl.col("risk") >= 0.2) & (pl.col("ill") == 0)).height
    r = row_of(small_run, "sex", "Male")
    assert (r["n"], r["events"]) == (n, int(men["ill"].sum()))
    assert r["labelled"]["value"] == pytest.approx(selected / n)
    assert r["alarmed"]["value"] == pytest.approx(fp / n)
    assert (r["alarmed"]["low"], r["alarmed"]["high"]) == pytest.approx(wilson(fp, n))
    assert r["wrong"]["value"] == pytest.approx(fp / selected)
    assert (r["wrong"]["low"], r["wrong"]["high"]) == pytest.approx(wilson(fp, selected))
    assert r["share_of_alarms"] == pytest.approx(fp / (fp + other))
    assert r["share_of_people"] == pytest.approx(n / frame.height)
    assert r["times_its_share"]["value"] == pytest.approx(r["share_of_alarms"] / r["share_of_people"])
    # Newcombe (1998), method 10
    a, b = fp / n, other / rest.height
    (l1, u1), (l2, u2) = wilson(fp, n), wilson(other, rest.height)
    low = a - b - math.sqrt((a - l1) ** 2 + (u2 - b) ** 2)
    high = a - b + math.sqrt((u1 - a) ** 2 + (b - l2) ** 2)
    assert (r["more"]["value"], r["more"]["low"], r["more"]["high"]) == pytest.approx((a - b, low, high))


def test_shares_of_alarms_add_up_and_everyone_has_no_other(small_run):
    rows = stigma_of(small_run)["rows"]
    for attribute in dict.fromkeys(r["attribute"] for r in rows if r["attribute"] != "overall"):
        mine = [r for r in rows if r["attribute"] == attribute]
        assert sum(r["share_of_alarms"] for r in mine) == pytest.approx(1)
        assert sum(r["share_of_people"] for r in mine) == pytest.approx(1)
    assert rows[0]["more"] is None
    assert rows[0]["times_its_share"]["value"] is None
    assert rows[0]["times_its_share"]["reason"] == "everybody is in this group"


def test_a_group_in_which_nobody_is_labelled_has_reasons_and_no_zeros(small_case):
    frame = pl.DataFrame({"g": ["a"] * 40 + ["b"] * 40, "y": [0, 1] * 40, "s": [0.9] * 40 + [0.1] * 40})
    tally = tally_of(frame)
    usecase = small_case(groups=[{"column": "g"}])
    found = stigma_chapter(usecase, "score", AT, tally.by(), {"g": tally.by("g")})
    b = next(r for r in found["rows"] if r["group"] == "b")
    assert b["alarmed"]["value"] == 0
    assert b["alarmed"]["high"] > 0.05
    assert b["wrong"]["value"] is None
    assert b["wrong"]["reason"] == "nobody in this group reaches the threshold"
    assert check.about(b, "illness", found["rows"][0]).endswith("Nobody of them is labelled.")


def test_false_alarms_that_come_together_in_families_are_seen():
    rng = np.random.default_rng(5)
    family = np.repeat(np.arange(300), 3)
    heap = np.repeat(rng.random(300) < 0.2, 3)
    alarmed = np.where(rng.random(900) < 0.7, heap, rng.random(900) < 0.2)
    y = (rng.random(900) < 0.3).astype(int)
    frame = pl.DataFrame({"g": ["a"] * 900, "y": y, "s": np.where(alarmed, 0.9, 0.1), "family": family})
    found = together(tally_of(frame, cluster="family").by(), AT)
    # brute force over ordered pairs of different people without the outcome in one family
    both = pairs = 0
    for f in range(300):
        here = [i for i in range(3 * f, 3 * f + 3) if y[i] == 0]
        pairs += len(here) * (len(here) - 1)
        k = sum(bool(alarmed[i]) for i in here)
        both += k * (k - 1)
    share = float(alarmed[y == 0].mean())
    assert found["clusters"] == 300
    assert found["both"] == pytest.approx(both / pairs)
    assert found["times"] == pytest.approx(both / pairs / share**2)
    assert found["times"] > 2
    said = check.together(found, "illness")
    assert f"{found['times']:.1f} times as often" in said
    assert together(tally_of(frame).by(), AT) is None
    assert check.together(None, "illness") == ""


def test_independent_false_alarms_give_a_ratio_near_one():
    rng = np.random.default_rng(6)
    n = 6000
    frame = pl.DataFrame(
        {"g": ["a"] * n, "y": (rng.random(n) < 0.2).astype(int), "s": np.where(rng.random(n) < 0.3, 0.9, 0.1),
         "family": np.arange(n) // 4}
    )  # fmt: skip
    assert together(tally_of(frame, cluster="family").by(), AT)["times"] == pytest.approx(1, abs=0.1)


def test_nobody_who_belongs_together_cannot_be_told():
    frame = pl.DataFrame({"g": ["a"] * 20, "y": [0] * 20, "s": [0.9, 0.1] * 10, "family": list(range(20))})
    found = together(tally_of(frame, cluster="family").by(), AT)
    assert found["times"] is None
    assert "no two people without it belong together" in check.together(found, "illness")


def test_the_interval_of_a_difference_holds_as_often_as_it_promises(small_case):
    rng = np.random.default_rng(11)
    usecase = small_case(groups=[{"column": "g"}])
    truth = 0.8 * 0.3 - 0.8 * 0.2
    held = 0
    for _ in range(300):
        g = rng.random(600) < 0.3
        y = (rng.random(600) < 0.2).astype(int)
        s = np.where(rng.random(600) < np.where(g, 0.3, 0.2), 0.9, 0.1)
        tally = tally_of(pl.DataFrame({"g": np.where(g, "a", "b"), "y": y, "s": s}))
        rows = stigma_chapter(usecase, "score", AT, tally.by(), {"g": tally.by("g")})["rows"]
        more = next(r["more"] for r in rows if r["group"] == "a")
        held += more["low"] <= truth <= more["high"]
    assert 0.92 <= held / 300 <= 0.98


def test_a_run_without_threshold_or_tally_has_no_such_chapter(small_run):
    from primum.execute.run import Run

    bare = Run(small_run.path, small_run.usecase, small_run.plan, {}, small_run.chapters, small_run.findings)
    assert stigma_of(bare) == {}
    shown = small_run.chapters["groups"]["estimates"]
    for attribute in ("sex", "region", "sex × age"):
        order = list(dict.fromkeys(r["group"] for r in shown if r["attribute"] == attribute))
        assert [r["group"] for r in stigma_of(small_run)["rows"] if r["attribute"] == attribute] == order
