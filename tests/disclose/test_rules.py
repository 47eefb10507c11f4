"""The rules, each on the numbered cases of the specification with their exact inputs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from primum.disclose.digits import digits, protected_rate
from primum.disclose.presets import preset
from primum.disclose.releases import Atoms, marginals
from primum.disclose.rules_classes import class_rule
from primum.disclose.rules_counts import count_rule, implied_by_confusion, implied_by_rate, implied_by_table
from primum.disclose.rules_differencing import differencing_rule, nested, versions_rule
from primum.disclose.rules_dominance import dominance_rule
from primum.disclose.rules_freedom import freedom_rule
from primum.disclose.rules_labels import OTHER, shown_labels
from primum.disclose.rules_log import private_log, public_log
from primum.disclose.rules_metrics import STANDS_ON, SUPPRESSED, compare, metric_rule
from primum.disclose.rules_quantiles import pseudo_quantile, public_bins, quantile_rule
from primum.disclose.rules_ruling import Ruling, worst
from primum.disclose.units import Units, count_units, enough_units, require, too_few
from primum.errors import PrimumError
from primum.measure.intervals import wilson

EVERY = ("cbs", "ons_sdap", "uk_biobank", "opensafely", "strict_lp")


# -- R1 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "status"), [(0, "safe"), (1, "fail"), (9, "fail"), (10, "safe")])
def test_r1_a_count_is_nought_or_at_least_t(n, status):
    assert count_rule({"n": n}, 10).status == status


def test_r1_implied_counts():
    assert implied_by_rate(57, 60) == {"numerator": 57, "denominator": 60, "complement": 3}
    confusion = implied_by_confusion(5, 20, 2, 13, missing=3)
    assert (confusion["events"], confusion["non-events"], confusion["selected"], confusion["people"]) == (7, 33, 25, 40)
    implied = implied_by_table([[60, 40], [56, 4], [50, 30]])
    assert (implied["total"], implied["row 1 without 0"], implied["column 1 without 1"]) == (240, 4, 70)
    assert "row 1 without 0 = 4" in count_rule(implied, 10).why


def test_t8_a_rate_that_names_its_fraction_is_not_printed():
    # the attack: of denominators up to 12 only 5/7 gives 0.714, and it gives 0.71 as well
    for shown, places in ((0.714, 3), (0.71, 2)):
        fits = [(k, n) for n in range(1, 13) for k in range(n + 1) if round(k / n, places) == shown]
        assert fits == [(5, 7)]
    for t in (5, 10):
        assert metric_rule("sensitivity", 5, 20, 2, 100, t).status == "fail"
    assert "FN = 2" in metric_rule("sensitivity", 5, 20, 2, 100, 5).why


def test_t9_an_interval_that_names_its_fraction_is_blocked():
    z = 1.96

    def limits(k, n):
        centre, half = (k + z * z / 2) / (n + z * z), z * np.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
        return round(centre - half, 3), round(centre + half, 3)

    assert [(k, n) for n in range(1, 200) for k in range(n + 1) if limits(k, n) == (0.121, 0.646)] == [(3, 9)]
    half = z * np.sqrt(0.16 / 17)
    assert z**2 * 0.8 * 0.2 / half**2 == pytest.approx(17)
    for t in (5, 10):
        assert not count_rule(implied_by_rate(3, 9), t).passes


def test_t19_repeated_measures_count_persons():
    units = count_units(
        np.repeat(["a", "b", "c", "d"], [10, 10, 5, 5]), households=np.repeat([1, 2, 3, 4], [10, 10, 5, 5])
    )
    assert units.persons == 4
    for name in EVERY:
        given = Units(4, 4, 20)
        assert enough_units(given, preset(name)).status == "fail"


def test_t20_one_family_fails_although_its_persons_are_enough():
    units = count_units(range(12), households=["h"] * 12, institutions=range(12))
    assert (units.persons, units.households) == (12, 1)
    told = enough_units(units, preset("cbs"))
    assert told.status == "fail"
    assert "1 households" in told.why
    assert enough_units(units, preset("uk_biobank")).status == "safe"
    cells = {"sex=men": units, "sex=women": Units(40, 30, 12), "sex=other": Units(0, 0, 0)}
    assert too_few(cells, preset("cbs")) == {"sex=men": "R1"}


def test_t22_weights_do_not_count():
    weights = np.full(6, 5000 / 6)
    units = count_units(range(6), households=range(6))
    assert weights.sum() == pytest.approx(5000)
    assert units.persons == 6
    assert not count_rule({"people": units.persons}, 10).passes
    with pytest.raises(PrimumError, match="distinct people, unweighted"):
        Atoms(("a",), (("x",),), np.array([weights.sum() + 0.5]))


def test_a_single_institution_is_for_a_person_to_look_at():
    assert enough_units(Units(50, 40, 1), preset("cbs")).status == "review"
    assert enough_units(Units(50, 40, 2), preset("cbs")).status == "safe"
    assert enough_units(Units(50, 40, 2), preset("strict_lp")).status == "fail"


def test_a_missing_household_id_is_refused_where_the_preset_needs_one():
    with pytest.raises(PrimumError, match="needs at least 10 households behind every count, and no household id"):
        require(preset("cbs"), households=False, institutions=False)
    with pytest.raises(PrimumError, match="no institution id was given"):
        require(preset("strict_lp"), households=True, institutions=False)
    require(preset("uk_biobank"), households=False, institutions=False)
    with pytest.raises(PrimumError, match="The households have 2 rows"):
        count_units([1, 2, 3], households=[1, 2])


# -- R2 -------------------------------------------------------------------------------------------------------------

CERTAIN = {"cbs": "fail", "strict_lp": "fail", "ons_sdap": "review", "uk_biobank": "review", "opensafely": "review"}


@pytest.mark.parametrize("name", EVERY)
def test_t16_nobody_missed_is_class_disclosure(name):
    assert count_rule({"TP": 14, "FN": 0, "FP": 13, "TN": 13}, 10).passes
    assert class_rule({"TP": 14, "FN": 0}, preset(name)).status == CERTAIN[name]


@pytest.mark.parametrize("name", EVERY)
def test_t17_everybody_having_it_is_class_disclosure(name):
    assert class_rule({"neg": 0, "pos": 30}, preset(name)).status == CERTAIN[name]
    assert class_rule({"neg": 60, "pos": 40}, preset(name)).status == "safe"


def test_t18_a_structural_zero_is_allowed_with_a_flag():
    men = class_rule({"pregnant": 0, "not pregnant": 150}, preset("cbs"), structural=["pregnant"])
    assert men.passes
    assert men.why.startswith("flagged")
    assert class_rule({"pregnant": 40, "not pregnant": 120}, preset("cbs")).status == "safe"
    assert class_rule({"pregnant": 0, "not pregnant": 150}, preset("cbs")).status == "fail"


def test_r2_a_share_of_g_is_for_a_person_to_look_at():
    assert class_rule({"yes": 90, "no": 10}, preset("cbs")).status == "review"
    assert class_rule({"yes": 89, "no": 11}, preset("cbs")).status == "safe"
    assert class_rule({"yes": 90, "no": 10}, preset("ons_sdap")).status == "safe"
    assert class_rule({"yes": 0, "no": 0}, preset("cbs")).status == "safe"


# -- R3 to R5 -------------------------------------------------------------------------------------------------------


def test_t21a_one_dominant_contributor():
    costs = [9500, *[50] * 10]
    for name in ("cbs", "ons_sdap", "strict_lp"):
        assert dominance_rule(costs, preset(name)).status == "fail"
    assert dominance_rule(costs, preset("uk_biobank")).status == "safe"


def test_t21b_two_dominant_contributors():
    costs = [1000, 900, *[10] * 10]
    told = {name: dominance_rule(costs, preset(name)).status for name in ("cbs", "ons_sdap", "strict_lp")}
    assert told == {"cbs": "safe", "ons_sdap": "fail", "strict_lp": "fail"}


def test_r3_the_p_per_cent_rule_alone():
    # the rest is 15 % of the largest, and the two largest have .88 of the sum
    costs = [100, 10, *[1.5] * 10]
    assert dominance_rule(costs, preset("ons_sdap")).status == "safe"
    assert dominance_rule(costs, preset("ons_sdap", p_pct=20)).why == "the largest is known to within 20 %"
    assert dominance_rule([-5, 10, 20], preset("cbs")).status == "review"
    assert dominance_rule([0, 0], preset("cbs")).status == "safe"
    with pytest.raises(PrimumError, match="missing or infinite"):
        dominance_rule([1, np.nan], preset("cbs"))


def test_r4_degrees_of_freedom_and_dummies():
    assert freedom_rule(40, 31, preset("cbs")).status == "fail"
    assert freedom_rule(40, 30, preset("cbs")).status == "safe"
    assert freedom_rule(400, 3, preset("cbs"), dummies={"rare": 395}).status == "fail"
    # a logit saturated in two binary predictors: 4 coefficients, 8 cells, one of them 1 of 3
    cells = [160, 40, 105, 45, 72, 48, 2, 1]
    assert "so it is a table" in freedom_rule(473, 4, preset("cbs"), cells=cells).why
    assert freedom_rule(473, 3, preset("cbs"), cells=cells).status == "safe"


@pytest.mark.parametrize(
    ("q", "n", "status"),
    [
        (0, 999, "fail"),
        (1, 999, "fail"),
        (0.5, 19, "fail"),
        (0.5, 20, "protected"),
        (0.05, 199, "fail"),
        (0.95, 200, "protected"),
    ],
)
def test_r5_a_quantile_needs_people_on_both_sides(q, n, status):
    assert quantile_rule(q, n, preset("cbs")).status == status


def test_r5_a_pseudo_quantile_is_a_mean_of_at_least_t_neighbours():
    values = np.arange(100.0)
    found = pseudo_quantile([*values, np.nan], 0.5, preset("cbs"))
    assert found == pytest.approx(49.5)
    # moving one person by 10 moves it by at most 10 / t
    values[50] += 10
    assert abs(pseudo_quantile(values, 0.5, preset("cbs")) - found) <= 1.0
    with pytest.raises(PrimumError, match="may not be shown: a minimum or maximum"):
        pseudo_quantile(values, 1, preset("cbs"))
    with pytest.raises(PrimumError, match="from 0 to 1"):
        quantile_rule(1.5, 100, preset("cbs"))


@pytest.mark.parametrize(("n", "q"), [(20, 0.5), (21, 0.5), (37, 0.5), (37, 0.6), (100, 0.1), (100, 0.9)])
def test_r5_a_pseudo_quantile_uses_enough_neighbours_around_the_quantile(n, q):
    rng = np.random.default_rng(5)
    values = rng.normal(size=n)
    base = pseudo_quantile(values, q, preset("cbs"))
    order = np.argsort(values)
    used = 0
    for i in order:
        less = values.copy()
        less[i] += 1e-9
        used += pseudo_quantile(less, q, preset("cbs")) != base
    assert used >= 10
    assert values[order[0]] < base < values[order[-1]]


def test_r5_bins_are_public_and_open_ended():
    assert public_bins([1, 5, 99, np.nan], [10, 50]).tolist() == [2, 0, 1]
    with pytest.raises(PrimumError, match="minimum and the maximum of the data"):
        public_bins([1, 5, 99], [1, 50, 99])
    with pytest.raises(PrimumError, match="not increasing"):
        public_bins([1], [5, 5])


# -- R6 and R7 ------------------------------------------------------------------------------------------------------


def test_t12_the_auc_of_seven_events_is_withheld_or_has_one_digit():
    assert metric_rule("auroc", 5, 20, 2, 13, 10).status == "fail"
    assert metric_rule("auroc", 5, 20, 2, 13, 5).status == "safe"
    assert round(205 / 231, digits(40)) == 0.9

    def candidates(places):
        """Numbers of events among 40 whose AUC, ties counting half, can print as 205/231 does."""
        shown = round(205 / 231, places)
        return [
            e
            for e in range(1, 40)
            if (np.abs(np.arange(2 * e * (40 - e) + 1) / (2 * e * (40 - e)) - shown) <= 0.5 / 10**places + 1e-12).any()
        ]

    assert candidates(4) == [3, 7, 14, 26, 33, 37]
    assert (len(candidates(3)), len(candidates(2))) == (29, 37)


def test_t13_the_mean_of_a_hidden_group_does_not_come_out():
    n, means = np.array([500, 300, 6]), np.array([0.21, 0.25, 0.80])
    overall = float(n @ means / n.sum())
    assert overall == pytest.approx(0.229280, abs=1e-6)

    def attack(places):
        half = 0.5 * 10**-places
        spread = [(n.sum() * (round(overall, places) + s * half) - n[:2] @ means[:2]) / 6 for s in (-1, 1)]
        return [round(x, 3) for x in spread]

    assert attack(4) == [0.796, 0.809]
    assert attack(3) == [0.695, 0.830]
    places = digits(806)
    assert places == 2
    low, high = attack(places)
    assert (low, high) == (0.225, 1.568)
    assert not (round(low, 1) == round(high, 1) == 0.8)


def test_t14_a_hidden_group_is_in_no_gap_rank_or_worst():
    found = compare({"A": 45 / 60, "B": 30 / 50, "C": None})
    assert found.gap == 0.15
    assert found.words == "over 2 releasable groups of 3"
    assert found.states["C"] == SUPPRESSED
    assert (found.ranks, found.worst) == (None, None)
    assert "C" not in found.values
    assert "0.46" not in repr(found)
    assert metric_rule("sensitivity", 2, 10, 5, 10, 10).status == "fail"


def test_r6_with_every_group_shown_ranks_and_worst_return():
    found = compare({"A": 0.75, "B": 0.6, "C": 0.6, "D": 0.9})
    assert found.worst in {"B", "C"}
    assert found.ranks == {"D": 1, "A": 2, "B": 3, "C": 3}
    assert compare({"A": 0.1, "B": 0.3}, lower_is_worse=False).worst == "B"
    assert compare({"A": 0.1, "B": None}).gap is None
    assert compare({"A": 0.0, "B": 0.0}).ratio is None


def test_r6_nothing_unregistered_is_shown():
    with pytest.raises(PrimumError, match="There is no registered measure 'sensitvity'"):
        metric_rule("sensitvity", 20, 20, 20, 20, 10)


@pytest.mark.parametrize("metric", STANDS_ON)
def test_r6_every_measure_passes_on_large_counts_and_fails_on_small(metric):
    assert metric_rule(metric, 50, 50, 50, 50, 10).status == "safe"
    assert metric_rule(metric, 3, 3, 3, 3, 10).status == "fail"
    assert metric_rule("auroc", 0, 50, 0, 50, 10).status == "fail"


@pytest.mark.parametrize(("n", "d"), [(1, 0), (9, 0), (10, 1), (99, 1), (100, 2), (999, 2), (1000, 3), (10**7, 3)])
def test_r7_digits(n, d):
    assert digits(n) == d
    assert digits(n, wanted=1) == min(d, 1)


def test_r7_a_rate_is_computed_from_protected_counts():
    rate = protected_rate(25, 60)
    assert rate.value == 0.4
    low, high = wilson(25, 60)
    assert (rate.low, rate.high) == (round(float(low), 1), round(float(high), 1))
    assert protected_rate(None, 60).value is None
    assert protected_rate(0, 0).value is None
    assert protected_rate(65, 60).value == 1.0
    with pytest.raises(PrimumError, match="A rate of -1/60"):
        protected_rate(-1, 60)
    with pytest.raises(PrimumError, match="Digits for 0 people"):
        digits(0)


# -- R13 ------------------------------------------------------------------------------------------------------------


def ages():
    # 0–17, 18, 19 and older
    return Atoms(("age",), (("0-17", "18", "19+"),), np.array([120, 4, 376]))


def test_t7_shifted_age_bands():
    atoms = ages()
    names = ["0-17", "18+", "0-18", "19+"]
    supports = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 1]], dtype=bool)
    told = differencing_rule(names, supports, atoms.counts, 10)
    assert told.status == "fail"
    assert "'0-18' without '0-17': 4" in told.why
    assert differencing_rule(names[:2], supports[:2], atoms.counts, 10).status == "safe"


def test_t6_all_without_women_are_six_men():
    atoms = Atoms(("sex",), (("men", "women"),), np.array([6, 114]))
    everyone, women = marginals(atoms, ())[0][1], marginals(atoms, ("sex",))[1][1]
    assert nested(np.array([everyone, women]), atoms.counts, 10) == [(1, 0, 6)]
    assert differencing_rule(["all", "women"], np.array([everyone, women]), atoms.counts, 10).status == "fail"


def test_t5_two_versions():
    assert versions_rule({"n": 1000}, {"n": 1001}, 10).status == "fail"
    assert versions_rule({"n": 1000}, {"n": 997}, 10).status == "fail"
    assert versions_rule({"n": 1000}, {"n": 1000}, 10).status == "safe"
    assert versions_rule({"n": 1000}, {"n": 1010}, 10).status == "safe"
    # the mean of one record more or less gives the record, rounded or not
    assert pytest.approx(65.0148, abs=1e-4) == 50 * 60.499032 - 49 * 60.406873
    assert pytest.approx(65.007) == 50 * 60.499 - 49 * 60.407


def test_r13_a_filter_that_is_not_over_atoms_is_for_a_person_to_look_at():
    told = differencing_rule(["all"], np.ones((1, 3), dtype=bool), ages().counts, 10, unexpressed=["bmi > 31.7"])
    assert told.status == "review"


def test_r13_against_every_pair_one_by_one():
    rng = np.random.default_rng(13)
    supports, counts = rng.random((12, 6)) < 0.5, rng.integers(0, 8, 6)
    slow = [
        (a, b, int(counts[supports[b]].sum() - counts[supports[a]].sum()))
        for a, b in itertools.product(range(12), repeat=2)
        if not (supports[a] & ~supports[b]).any()
    ]
    assert nested(supports, counts, 10) == [p for p in slow if 0 < p[2] < 10]


# -- R15 and R19 ----------------------------------------------------------------------------------------------------


def test_r15_a_category_seen_once_has_no_name():
    shown = shown_labels({"NL": 500, "DE": 40, "Kiribati": 1}, 10, vocabulary=["NL", "DE"])
    assert shown == {"NL": "NL", "DE": OTHER, "Kiribati": OTHER}  # DE joins: 541 in all would give the 1 away
    assert shown_labels({"NL": 500, "X": 6, "Y": 5}, 10, vocabulary=["NL"]) == {"NL": "NL", "X": OTHER, "Y": OTHER}
    assert shown_labels({"NL": 500, "X": 0}, 10, vocabulary=["NL"]) == {"NL": "NL", "X": OTHER}


def test_r15_undeclared_labels_are_refused_and_not_printed():
    with pytest.raises(PrimumError, match="1 labels of this variable were not declared") as told:
        shown_labels({"NL": 500, "zq-label-7731": 12}, 10, vocabulary=["NL"])
    assert "7731" not in str(told.value)


def test_r19_fewer_than_t_withheld_cells_are_not_counted_out():
    assert public_log(["small count"] * 3 + ["complementary"] * 12 + ["R3"], 10) == {
        "small count": "fewer than 10",
        "complementary": "12",
        "class disclosure": "0",
        "other rule": "fewer than 10",
    }
    assert private_log({"b": (4, "small count"), "a": (12, "complementary")}) == [
        "a: 12 (complementary)",
        "b: 4 (small count)",
    ]


def test_the_strictest_ruling_wins():
    assert worst("R1", []).status == "safe"
    assert worst("R1", [Ruling("R1", "review"), Ruling("R1", "fail"), Ruling("R1", "safe")]).status == "fail"
