"""Heat maps over recorded shares, and tipping points: solved ones against searched ones, by hand and by simulation."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.errors import PrimumError
from primum.finding import Verdict
from primum.measure.between import difference
from primum.measure.estimate import Settings
from primum.measure.recording_corrected import corrected
from primum.measure.recording_sensitivity import against_reference, label_bias_sensitivity
from primum.tally.count import count

AT = Settings(at=0.5)


def cells(tp, fp, fn, tn, g):
    rows = [(1, 0.9)] * tp + [(0, 0.8)] * fp + [(1, 0.1)] * fn + [(0, 0.2)] * tn
    return pl.DataFrame(rows, schema=["s", "risk"], orient="row").with_columns(g=pl.lit(g))


@pytest.fixture(scope="module")
def view():
    """Women 100 recorded of 1,000 (60 found, PPV .30), men 60 of 1,000 (36 found, PPV .24)."""
    return count(pl.concat([cells(60, 140, 40, 760, "F"), cells(36, 114, 24, 826, "M")]), "s", "risk", "g")


def point(found, metric, change, worse):
    return next(t for t in found.tipping if (t.metric, t.change, t.worse_recorded) == (metric, change, worse))


def test_tipping_points_by_hand(view):
    """PPV .30 against .24: equal once men are recorded .24/.30 = 80 % as completely."""
    found = label_bias_sensitivity(view, ["ppv", "prevalence", "sensitivity"], "F", "M", settings=AT)
    ppv = point(found, "ppv", "sign", "M")
    assert ppv.ratio == pytest.approx(0.8)
    assert (ppv.c_group, ppv.c_comparator, ppv.exact) == (1.0, pytest.approx(0.8), True)
    assert "if M is recorded 80% as completely as F, the gap disappears" in ppv.words
    assert not point(found, "ppv", "sign", "F").found  # women found to be recorded less: their PPV only rises
    assert point(found, "prevalence", "sign", "M").ratio == pytest.approx(0.6)
    for worse in "FM":  # recorded at random, sensitivity does not move at all
        t = point(found, "sensitivity", "sign", worse)
        assert not t.found
        assert "no worse recording" in t.words


def test_net_benefit_tips_where_its_formula_says(view):
    """(1+w) P(D,S)/c − w P(D) at w = 1: women −.08, men −.078; women's is men's at .12/c − .2 = −.078."""
    found = label_bias_sensitivity(view, ["net_benefit"], "F", "M", settings=AT)
    assert point(found, "net_benefit", "sign", "F").ratio == pytest.approx(0.12 / 0.122)
    assert not point(found, "net_benefit", "sign", "M").found


NAMES = ["ppv", "npv", "fpr", "specificity", "prevalence", "net_benefit", "standardised_net_benefit", "accuracy",
         "auroc", "oe_ratio", "brier", "nne", "fp_per_tp", "interventions_avoided"]  # fmt: skip


@pytest.mark.parametrize("e0", [0.0, 0.01])
@pytest.mark.parametrize("name", NAMES)
def test_at_the_solved_point_the_gap_is_what_is_claimed(view, name, e0):
    margin = 0.03
    found = label_bias_sensitivity(
        view, [name], "F", "M", settings=AT, margins={name: margin}, c_group=[1.0], c_comparator=[1.0], e0=e0
    )
    assert {t.change for t in found.tipping} == {"sign", "margin", "verdict"}
    for t in found.tipping:
        if not t.found or t.change == "verdict":
            continue
        assert t.exact
        pair = {"F": (e0, 1 - t.c_group), "M": (e0, 1 - t.c_comparator)}
        a, b = (x[name] for x in corrected(view, pair, [name], AT))
        assert a.value - b.value == pytest.approx(float(t.to), abs=1e-8)
        assert min(t.c_group, t.c_comparator) == pytest.approx(t.ratio)
        assert t.ratio <= 1


def test_a_metric_that_is_no_quotient_is_searched(view):
    found = label_bias_sensitivity(view, ["balanced_accuracy"], "F", "M", settings=AT)
    a, b = (
        x["balanced_accuracy"].value for x in corrected(view, {"F": (0, 0), "M": (0, 0)}, ["balanced_accuracy"], AT)
    )
    moving = "F" if a < b else "M"  # specificity rises as missed cases are taken out of the non-cases
    t = point(found, "balanced_accuracy", "sign", moving)
    assert t.found
    assert not t.exact
    x, y = (e["balanced_accuracy"].value for e in corrected(
        view, {"F": (0, 1 - t.c_group), "M": (0, 1 - t.c_comparator)}, ["balanced_accuracy"], AT))  # fmt: skip
    assert x - y == pytest.approx(0, abs=1e-6)


def test_nothing_before_the_tipping_point_crosses(view):
    """The solved point is the first: on a fine grid above it the gap keeps its sign."""
    t = point(label_bias_sensitivity(view, ["ppv"], "F", "M", settings=AT), "ppv", "sign", "M")
    for c in np.linspace(1, t.ratio + 1e-6, 40):
        a, b = (x["ppv"].value for x in corrected(view, {"F": (0, 0), "M": (0, 1 - c)}, ["ppv"], AT))
        assert a - b > -1e-12


def test_the_verdict_turns_where_the_interval_says(view):
    found = label_bias_sensitivity(view, ["prevalence"], "F", "M", settings=AT, margins={"prevalence": 0.02})
    t = point(found, "prevalence", "verdict", "M")
    assert t.found

    def verdict(c):
        a, b = (x["prevalence"] for x in corrected(view, {"F": (0, 0), "M": (0, 1 - c)}, ["prevalence"], AT))
        d = difference(a, b)
        return Verdict.HARM if d.low > 0.02 or d.high < -0.02 else Verdict.INCONCLUSIVE

    assert verdict(1.0) is not verdict(t.ratio - 1e-3) or t.to == Verdict.NO_HARM
    assert verdict(1.0) is verdict(t.ratio + 1e-3)


def test_the_nearest_of_both_directions(view):
    found = label_bias_sensitivity(view, ["ppv"], "F", "M", settings=AT, margins={"ppv": 0.05})
    near = {t.change: t for t in found.nearest}
    for change, t in near.items():
        others = [x.ratio for x in found.tipping if x.change == change and x.found]
        assert t.ratio == max(others)


def test_the_heat_map_is_the_difference_at_each_pair(view):
    grid = [0.5, 0.8, 1.0]
    (m,) = label_bias_sensitivity(
        view, ["fpr"], "F", "M", settings=AT, margins={"fpr": 0.05}, c_group=grid, c_comparator=[0.7, 1.0]
    ).maps
    assert m.gap.shape == (3, 2)
    a, b = (x["fpr"] for x in corrected(view, {"F": (0, 0.5), "M": (0, 0.3)}, ["fpr"], AT))
    d = difference(a, b)
    assert (m.gap[0, 0], m.low[0, 0], m.high[0, 0]) == pytest.approx((d.value, d.low, d.high))
    rows = m.rows()
    assert len(rows) == 6
    assert {r["verdict"] for r in rows} <= {str(v) for v in Verdict}
    assert rows[0]["c_group"] == 0.5


def test_pairs_that_the_record_rules_out_have_no_gap(view):
    (m,) = label_bias_sensitivity(
        view, ["ppv"], "F", "M", settings=AT, margins={"ppv": 0.1}, c_group=[0.2, 1.0], c_comparator=[1.0]
    ).maps
    assert np.isnan(m.gap[0, 0])  # 60 recorded of 200 selected: at c = .2 there would be 300 cases among them
    assert m.verdict[0, 0] == Verdict.NOT_ASSESSABLE
    assert np.isfinite(m.gap[1, 0])


def test_every_group_against_the_reference(view):
    more = count(
        pl.concat([cells(60, 140, 40, 760, "F"), cells(36, 114, 24, 826, "M"), cells(10, 30, 10, 150, "X")]),
        "s", "risk", "g",
    )  # fmt: skip
    found = against_reference(more, ["ppv"], "F", settings=AT)
    assert list(found) == ["M", "X"]
    assert {t.comparator for b in found.values() for t in b.tipping} == {"F"}
    assert all(isinstance(t.row()["found"], bool) for b in found.values() for t in b.tipping)


def test_a_false_alarm_about_recording_is_found_by_simulation():
    """Two groups alike in truth, men recorded half as often: the register's gap in PPV vanishes at the true ratio."""
    rng = np.random.default_rng(4)
    n = 400_000
    g = np.where(rng.random(n) < 0.5, "F", "M")
    risk = rng.beta(1, 6, n)
    y = rng.random(n) < risk
    s = y & (rng.random(n) < np.where(g == "F", 0.8, 0.4))
    view = count(pl.DataFrame({"s": s.astype(int), "risk": risk, "g": g}), "s", "risk", "g")
    found = label_bias_sensitivity(view, ["ppv", "prevalence"], "F", "M", settings=Settings(at=0.2))
    for name in ("ppv", "prevalence"):
        assert point(found, name, "sign", "M").ratio == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group": "W"}, "no group 'W'"),
        ({"group": "M"}, "compared with itself"),
        ({"c_group": [0.0, 0.5]}, "share of cases recorded of 0"),
        ({"equal": 1.5}, "share of cases recorded of 1.5"),
        ({"c_group": [0.02], "e0": 0.05}, "add up to"),
    ],
)
def test_impossible_questions(view, change, message):
    options = {"group": "F", "comparator": "M", "settings": AT} | change
    with pytest.raises(PrimumError, match=message):
        label_bias_sensitivity(view, ["ppv"], **options)


def test_an_unknown_reference(view):
    with pytest.raises(PrimumError, match="no group 'women'"):
        against_reference(view, ["ppv"], "women", settings=AT)
