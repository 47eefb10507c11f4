"""Groups: levels and their order, public bins, intersections, missing membership, and what is refused."""

from __future__ import annotations

import polars as pl
import pytest

from primum.cohort.groups import bin_labels, check_named_levels, group_columns
from primum.errors import PrimumError
from primum.usecase import MISSING, Groups


def one(values, **group):
    groups, levels = group_columns(pl.DataFrame({"x": values}, strict=False), [Groups(column="x", **group)])
    return groups.to_series().to_list(), next(iter(levels.values()))


def test_levels_stand_by_size_and_missing_last():
    column, levels = one(["b", None, "a", "b", None, None, None])
    assert column == ["b", MISSING, "a", "b", MISSING, MISSING, MISSING]
    assert levels == ["b", "a", MISSING]


def test_ties_stand_by_name():
    assert one(["b", "a"])[1] == ["a", "b"]


def test_whole_floats_lose_their_point():
    assert one([1.0, 2.0, 2.0, float("nan")])[1] == ["2", "1", MISSING]
    assert one([1.5, 2.0, 2.0])[1] == ["2.0", "1.5"]


def test_yes_no_and_categories():
    assert one([True, False, True])[1] == ["true", "false"]
    assert one(pl.Series(["u", "v", "v"], dtype=pl.Categorical))[1] == ["v", "u"]


def test_labels_rename_merge_and_order():
    column, levels = one(["c", "a", "b", "c", "c"], labels={"a": "first", "b": "first"})
    assert column == ["c", "first", "first", "c", "c"]
    assert levels == ["first", "c"]


def test_whole_number_bins():
    column, levels = one([34, 35, 49, 50, None], bins=[35, 50])
    assert column == ["<35", "35–49", "35–49", "≥50", MISSING]
    assert levels == ["<35", "35–49", "≥50", MISSING]


def test_fractions_bins_keep_the_edge():
    column, levels = one([0.5, 1.0, 1.99, 2.0], bins=[1, 2])
    assert column == ["<1", "1 to <2", "1 to <2", "≥2"]
    assert levels == ["<1", "1 to <2", "≥2"]


def test_bin_labels():
    assert bin_labels([35], whole=True) == ["<35", "≥35"]
    assert bin_labels([1, 2, 4], whole=True) == ["<1", "1", "2–3", "≥4"]
    assert bin_labels([0.5, 1], whole=False) == ["<0.5", "0.5 to <1", "≥1"]


def test_bins_can_be_renamed():
    assert one([1, 40], bins=[35], labels={"<35": "young"})[1] == ["young", "≥35"]


def test_empty_bins_are_not_groups():
    assert one([1, 90], bins=[35, 50])[1] == ["<35", "≥50"]


def test_intersection():
    frame = pl.DataFrame({"sex": ["f", "f", "m", None], "race": ["b", "w", "w", "w"]})
    groups = [
        Groups(column="sex"),
        Groups(name="ethnicity", column="race"),
        Groups(intersection=["sex", "ethnicity"]),
    ]
    columns, levels = group_columns(frame, groups)
    assert columns.columns == ["sex", "ethnicity", "sex × ethnicity"]
    assert columns["sex × ethnicity"].to_list() == ["f · b", "f · w", "m · w", f"{MISSING} · w"]
    assert levels["sex × ethnicity"] == ["f · w", "f · b", "m · w", f"{MISSING} · w"]
    assert columns.null_count().sum_horizontal().item() == 0


def test_constant_column():
    with pytest.raises(PrimumError, match=r"'x' put everybody into one group: 'a'"):
        one(["a", "a"])
    with pytest.raises(PrimumError, match=r"one group: '\(missing\)'"):
        one([None, None])


def test_ten_thousand_levels():
    with pytest.raises(PrimumError, match=r"'x' have 10,000 levels\.[\s\S]*at most 1,000[\s\S]*bins: \["):
        one(list(range(10_000)))
    with pytest.raises(PrimumError, match=r"10,000 levels\.[\s\S]*bins on a numeric column"):
        one([f"level {i}" for i in range(10_000)])
    assert len(one([str(i) for i in range(1000)])[1]) == 1000


def test_ten_thousand_crossings():
    frame = pl.DataFrame({"a": range(900), "b": range(900)}).with_columns(pl.col("b") % 30)
    crossed = frame.join(frame.select("b").unique(), how="cross")
    groups = [Groups(column="a"), Groups(column="b"), Groups(intersection=["a", "b"])]
    with pytest.raises(PrimumError, match=r"'a × b' have 27,000 levels"):
        group_columns(crossed.select("a", pl.col("b_right").alias("b")), groups)


def test_bins_on_text():
    with pytest.raises(PrimumError, match=r"'x' have bins, but the column 'x' holds text"):
        one(["a", "b"], bins=[1])


def test_labels_that_fit_nothing():
    with pytest.raises(PrimumError, match=r"no value 'Femal' in the column 'x'[\s\S]*did you mean 'Female'"):
        one(["Female", "Male"], labels={"Femal": "women"})


def test_reference_and_shares_name_groups():
    levels = {"x": ["Female", "Male"]}
    check_named_levels([Groups(column="x"), Groups(column="x", reference="Male")], levels)
    with pytest.raises(PrimumError, match=r"no group 'Femal' in 'x' \(its reference group\)[\s\S]*'Female'"):
        check_named_levels([Groups(column="x", reference="Femal")], levels)
    with pytest.raises(PrimumError, match=r"no group 'F' in 'x' \(its population shares\)"):
        check_named_levels([Groups(column="x", population_shares={"F": 0.5})], levels)


def test_an_empty_group_may_have_a_population_share():
    ages = {"age": ["<35", "35–49"]}
    check_named_levels([Groups(column="age", bins=[35, 50], population_shares={"≥50": 0.4})], ages)
    with pytest.raises(PrimumError, match="no group '>50'"):
        check_named_levels([Groups(column="age", bins=[35, 50], population_shares={">50": 0.4})], ages)
    with pytest.raises(PrimumError, match="no group '≥50'"):
        check_named_levels([Groups(column="age", bins=[35, 50], reference="≥50")], ages)
