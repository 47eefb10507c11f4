from __future__ import annotations

import math
import re

import pytest

from primum.measure.metric import METRICS
from primum.report import numbers
from primum.report.words import metric_title, plain

NB = numbers.NBSP


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        (0.5, 0, "1"), (1.5, 0, "2"), (2.5, 0, "3"), (-0.5, 0, "−1"), (-0.4, 0, "0"), (1234.4, 0, "1,234"),
        (0.285, 2, "0.29"), (0.145, 2, "0.15"), (math.nan, 0, "–"), (None, 0, "–"), (math.inf, 1, "–"),
    ],
)  # fmt: skip
def test_fixed_rounds_half_up_and_keeps_undefined_a_dash(value, places, expected):
    assert numbers.fixed(value, places) == expected


def test_zero_and_undefined_do_not_look_alike():
    assert numbers.rate(0.0, 0.0, 0.1) == f"0{NB}%{NB}[0–10]"
    assert numbers.rate(None, None, None) == numbers.rate(math.nan) == "–"


def test_intervals_never_let_a_minus_meet_a_dash():
    assert numbers.span(0.57, 0.66, scale=100) == "[57–66]"
    assert numbers.span(-0.2, -0.04, scale=100) == f"[−20{NB}to{NB}−4]"
    assert numbers.span(None, 0.1) == numbers.span(0.1, math.nan) == ""


def test_units_follow_the_metric():
    assert numbers.of_metric("sensitivity", 0.62, 0.57, 0.66) == f"62{NB}%{NB}[57–66]"
    shown = numbers.of_metric("sensitivity", -0.12, -0.2, -0.04, comparison="difference")
    assert shown == f"−12.0{NB}[−20.0{NB}to{NB}−4.0]{NB}points"
    assert numbers.of_metric("sensitivity", 0.8, 0.7, 0.9, comparison="ratio") == f"0.80{NB}[0.70–0.90]"
    assert numbers.of_metric("auroc", 0.8123, 0.78, 0.84) == f"0.81{NB}[0.78–0.84]"
    assert numbers.of_metric("brier", 0.0712, 0.07, 0.08).startswith("0.071")
    assert numbers.of_metric("n", 5068) == "5,068"


def test_thresholds_are_percent_only_on_the_probability_scale():
    assert numbers.threshold(0.1) == f"10{NB}%"
    assert numbers.threshold(0.125) == f"12.5{NB}%"
    assert numbers.threshold(7.0, "points") == "7"
    assert numbers.threshold(None) == "–"


def test_found_and_missed_add_up_after_rounding():
    # 90.4 have it and 74.6 are found: 75 and 16 would make 91 of 90
    assert numbers.missed_of(90.4, 74.6) == "15"
    assert numbers.missed_of(None, 3) == "–"


def test_every_metric_has_a_number_format_and_plain_words():
    for name, m in METRICS.items():
        assert plain(name) != metric_title(name)
        low, high = m.range
        value = 0.25 if high <= 1 else 7.125
        shown = numbers.of_metric(name, value, max(low, value / 2), value * 1.5)
        assert re.search(r"\d", shown)
        assert not re.search(r"[a-z]{3,}", shown.replace("points", ""))
        assert numbers.of_metric(name, None, None, None) == "–"


def test_small_numbers_keep_the_decimals_that_tell_them_apart():
    assert (
        numbers.of_metric("debiased_calibration_error", 0.00042, -0.0001, 0.0009)
        == f"0.0004{NB}[−0.0001{NB}to{NB}0.0009]"
    )
    assert numbers.of_metric("ici", 0.0213, 0.01, 0.034) == f"2.1{NB}points{NB}[1.0–3.4]"
    assert numbers.of_metric("nne", 4.0418, 3.71, 4.5) == f"4.0{NB}[3.7–4.5]"
    assert numbers.of_metric("interventions_avoided", -12.34, -20, 3) == f"−12.3{NB}[−20.0{NB}to{NB}3.0]"
    assert numbers.of_metric("nne", math.inf) == "–"


@pytest.mark.parametrize(
    ("p", "shown"),
    [(0.7612, "0.76"), (0.0501, "0.050"), (0.0995, "0.10"), (0.0005, "0.001"), (0.0004, f"<{NB}0.001"), (1.0, "1.00"),
     (None, "–"), (math.nan, "–")],
)  # fmt: skip
def test_p_values_are_never_nought(p, shown):
    assert numbers.p_value(p) == shown
