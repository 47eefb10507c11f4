"""Of a use case: where the rows are, which columns are derived, and what the outcome is."""

from __future__ import annotations

import codecs
from typing import Annotated, Self

from pydantic import Field, model_validator

from primum.errors import nearest
from primum.usecase_part import Flag, Number, Part, Scalar, Slip, Words, exactly_one, refuse

SOURCES = ("nhanes-2017-2018",)


class Condition(Part):
    """One condition on one column: one test, or a lower and an upper bound.

    Rows where the column is missing are neither true nor false.
    """

    column: Words
    equals: Scalar | None = None
    one_of: Annotated[list[Scalar], Field(min_length=1)] | None = None
    none_of: Annotated[list[Scalar], Field(min_length=1)] | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    above: Number | None = None
    below: Number | None = None
    known: Flag | None = Field(None, description="true: the column has a value; false: it has none")

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        tests = [k for k in type(self).model_fields if k != "column" and getattr(self, k) is not None]
        lower = self.at_least if self.at_least is not None else self.above
        upper = self.at_most if self.at_most is not None else self.below
        pair = len(tests) == 2 and lower is not None and upper is not None
        if not tests:
            refuse([Slip((), f"a condition needs a test: {', '.join(list(type(self).model_fields)[1:])}")])
        elif len(tests) > 1 and not pair:
            refuse([Slip((), f"one test a condition ({' and '.join(tests)} are given); write two conditions")])
        elif pair and lower is not None and upper is not None and lower > upper:
            refuse([Slip((), f"from {lower:g} to {upper:g} there is nothing: the lower bound comes first")])
        return self


class Derived(Part):
    """A column computed from others, row by row; missing when any part is missing."""

    name: Words
    sum: list[Words] | None = Field(None, min_length=1, description="columns to add up")
    mean: list[Words] | None = Field(None, min_length=1, description="columns to average over those that are known")

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        refuse(exactly_one(self, "sum", "mean"))
        return self


class Data(Part):
    """Where the rows are and which values mean 'missing'."""

    source: str | None = Field(None, description="an embedded data set: nhanes-2017-2018")
    path: str | None = Field(None, description="file, folder or glob; relative to the use-case file")
    url: str | None = Field(None, description="database URL: duckdb:///file.db, sqlite:///…, postgresql://…")
    table: str | None = Field(None, description="table or SELECT statement, with url")
    missing_codes: dict[str, Annotated[list[Scalar], Field(min_length=1)]] = Field(
        default_factory=dict, description="column (or '*' for all) -> values that mean missing"
    )
    detect_missing_codes: Flag = Field(
        default=True,
        description="recognise common codes (?, -1, 9999, 5.4e-79 …); each one found is reported",
    )
    encoding: str = Field("utf8", description="of text files: utf8, latin1, cp1252 …")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        slips = []
        places = [k for k in ("source", "path", "url") if getattr(self, k) is not None]
        if len(places) > 1:
            slips.append(Slip((), f"the data are in one place: source, path or url; given: {' and '.join(places)}"))
        if self.source is not None and self.source not in SOURCES:
            words = f"there is no embedded data set '{self.source}'; there is {', '.join(SOURCES)}"
            slips.append(Slip(("source",), words, nearest(self.source, SOURCES)))
        if (self.url is None) != (self.table is None):
            slips.append(Slip((), "url and table go together: a database, and what to read from it"))
        try:
            codecs.lookup(self.encoding.removesuffix("-lossy"))
        except (LookupError, ValueError):
            slips.append(
                Slip(("encoding",), f"there is no encoding '{self.encoding}'; usual ones: utf8, latin1, cp1252")
            )
        refuse(slips)
        return self


class Outcome(Part):
    """What is predicted, how it was recorded, and whether the record differs from a measured truth."""

    name: Words = Field(description="in words, as a reader says it: 'depression'")
    when: list[Condition] = Field(min_length=1, description="all must hold for the outcome to be present")
    recorded_by: Words = Field(description="who or what wrote it down, and how")
    truth: list[Condition] | None = Field(
        None,
        min_length=1,
        description="a better measurement of the same thing, if there is one; all must hold",
    )
    truth_name: str | None = Field(None, description="the better measurement in words: 'HbA1c ≥ 6.5 %'")
    unrecorded_margin: Number = Field(
        0.05, gt=0, le=1, description="largest acceptable excess, in one group, of true cases that are not recorded"
    )

    @model_validator(mode="after")
    def _truth_has_conditions(self) -> Self:
        if self.truth_name is not None and self.truth is None:
            refuse([Slip(("truth_name",), "truth_name names a truth, but no conditions are given under truth")])
        return self
