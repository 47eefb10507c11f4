from __future__ import annotations

import math

import pytest

from primum.report import numbers

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
