"""Missing-value codes, declared or detected; never taken for numbers, and each one found is reported.

Detection of leftover codes in numeric columns (`high_codes`, `low_codes`) follows how surveys choose them:
the largest number that fits the field, far beyond any true value. A value is a code only if

* it is written with one repeated digit: 777, 999, 7777, 9999, 99999 … (also 555, 666, 888 and longer ones,
  which mean "more than", "less than", "not ascertained": not numbers of the same kind as the rest), or
  77, 88, 99;
* nothing but codes lies above it, and the largest other value is far below: at most a third of it, for two
  digits at most 1/2.5. So 99 in an age, 777 in a laboratory value or 99999 above incomes of 41,310 stay;
* two-digit codes occur at least twice, since one isolated 77 may be the longest stay in hospital;
* 7 and 9 only in a yes/no item whose other answers are exactly 1 and 2;
* or it is negative (-1, -7, -8, -9, -88, -99, -999 …) in a column that has no other negative value; -1 only
  beside five or more different values that reach 5, since -1, 0, 1 is a scale.

A column with fewer than ten other values is left alone. All of it runs on lazy frames through aggregates.
"""

from __future__ import annotations

from typing import Any

import polars as pl
from polars import selectors as cs

from primum.cohort.missingwords import WORDS
from primum.cohort.table import collect
from primum.errors import unknown

TINY = 5.397605346934028e-79
TINY_BELOW = 1e-70
HIGH = [float(str(d) * k) for k in range(3, 8) for d in (5, 6, 7, 8, 9)]
HIGH = sorted([7.0, 9.0, 77.0, 88.0, 99.0, *HIGH])
LOW = [*sorted(-float(str(d) * k) for k in range(1, 7) for d in (7, 8, 9)), -1.0]
FEWEST = 10

Frame = pl.DataFrame | pl.LazyFrame


def clean(frame: Frame, declared: dict[str, list[Any]], *, detect: bool = True) -> tuple[Frame, list[dict[str, Any]]]:
    """Turn missing-value codes into missing values.

    NaN becomes missing. SAS's stand-in for zero (5.397605e-79) becomes 0, or missing where 0 or itself is
    declared to mean missing. A text column that holds only numbers once its codes are gone becomes numeric.

    Parameters
    ----------
    frame
        Rows; a lazy frame stays lazy (it is passed over a few times for counts).
    declared
        Column, or '*' for all -> values that mean missing. They always count, whatever `detect` says.
    detect
        Recognise common codes.

    Returns
    -------
    The frame, and one row a code found: `column`, `code`, `count`, `how` ("declared" or "detected"),
    `becomes` ("missing" or "0").

    Raises
    ------
    PrimumError
        A declared column that does not exist.
    """
    schema = frame.lazy().collect_schema()
    for column in declared:
        if column != "*" and column not in schema:
            raise unknown("column", column, schema.names(), where="data: missing_codes")
    codes = {c: [*declared.get("*", []), *declared.get(c, [])] for c in schema}
    frame = frame.with_columns(cs.float().fill_nan(None), (cs.categorical() | cs.enum()).cast(pl.String))
    touched: set[str] = set()
    frame, found = _declared(frame, codes, touched)
    if detect:
        frame, words = _words(frame, touched)
        frame = _numeric(frame, touched, schema)
        frame, zeros = zero_for_tiny(frame)
        frame, numbers = _leftover(frame)
        found += words + zeros + numbers
    else:
        frame = _numeric(frame, touched, schema)
    order = {c: i for i, c in enumerate(schema)}
    return frame, sorted(found, key=lambda row: (order[row["column"]], row["how"], str(row["code"])))


def zero_for_tiny(frame: Frame) -> tuple[Frame, list[dict[str, Any]]]:
    """Turn the smallest number that SAS writes, which stands for zero, into 0."""
    names = [c for c, t in frame.lazy().collect_schema().items() if t.is_float()]
    if not names:
        return frame, []
    tiny = {c: (pl.col(c).abs() < TINY_BELOW) & (pl.col(c) != 0) for c in names}
    counts = _one(frame, [tiny[c].sum().alias(c) for c in names])
    hit = [c for c in names if counts[c]]
    frame = frame.with_columns(pl.when(tiny[c]).then(0.0).otherwise(pl.col(c)).alias(c) for c in hit)
    return frame, [_row(c, TINY, counts[c], "detected", "0") for c in hit]


def _one(frame: Frame, asked: list[pl.Expr]) -> dict[str, Any]:
    """Run one pass of aggregates."""
    if not asked:
        return {}
    return collect(frame.lazy().select(asked), "the data").row(0, named=True)


def _row(column: str, code: Any, count: int, how: str, becomes: str = "missing") -> dict[str, Any]:
    code = int(code) if isinstance(code, float) and code.is_integer() else code
    return {"column": column, "code": code, "count": int(count), "how": how, "becomes": becomes}


def _null(column: str, hit: pl.Expr) -> pl.Expr:
    return pl.when(~hit.fill_null(value=False)).then(pl.col(column)).alias(column)


def _declared(frame: Frame, codes: dict[str, list[Any]], touched: set[str]) -> tuple[Frame, list[dict[str, Any]]]:
    schema = frame.lazy().collect_schema()
    tests = {
        (c, str(code), i): (code, test)
        for c, wanted in codes.items()
        for i, code in enumerate(dict.fromkeys(wanted))
        if (test := _is(c, code, schema[c])) is not None
    }
    keys = list(tests)
    counts = _one(frame, [tests[key][1].sum().alias(str(i)) for i, key in enumerate(keys)])
    found: list[dict[str, Any]] = []
    hits: dict[str, pl.Expr] = {}
    for i, key in enumerate(keys):
        code, test = tests[key]
        if counts[str(i)]:
            column = key[0]
            found.append(_row(column, code, counts[str(i)], "declared"))
            hits[column] = hits[column] | test if column in hits else test
    touched.update(c for c in hits if schema[c] == pl.String)
    return frame.with_columns(_null(c, hit.fill_null(value=False)) for c, hit in hits.items()), found


def _is(column: str, code: Any, dtype: pl.DataType) -> pl.Expr | None:
    """Return the test for one declared code, or None where it cannot occur in a column of this type."""
    cell = pl.col(column)
    if dtype == pl.Boolean:
        return cell == code if isinstance(code, bool) else None
    if dtype == pl.String:
        same = cell.str.strip_chars() == str(code).strip()
        number = _float(code)
        return same if number is None else same | (cell.cast(pl.Float64, strict=False) == number)
    number = _float(code)
    if number is None or not (dtype.is_numeric()):
        return None
    if abs(number) < TINY_BELOW and dtype.is_float():  # 0 declared: its stand-in counts too
        small = cell.abs() < TINY_BELOW
        return small if number == 0 else small & (cell != 0)
    return cell.cast(pl.Float64) == number


def _float(code: Any) -> float | None:
    if isinstance(code, bool):
        return None
    try:
        return float(code)
    except (TypeError, ValueError):
        return None


def _words(frame: Frame, touched: set[str]) -> tuple[Frame, list[dict[str, Any]]]:
    """Find '?', blanks, 'NA', "Don't know" … in text columns."""
    names = [c for c, t in frame.lazy().collect_schema().items() if t == pl.String]
    hits = {c: _plain(c).is_in(WORDS) for c in names}
    asked = [hits[c].sum().alias(c) for c in names]
    some = [c for c, n in _one(frame, asked).items() if n]
    found = []
    for column in some:
        seen = collect(
            frame.lazy()
            .filter(hits[column])
            .group_by(pl.col(column).str.strip_chars().alias("code"))
            .agg(pl.len().alias("count")),
            "the data",
        )
        found += [_row(column, code, count, "detected") for code, count in seen.sort("code").iter_rows()]
    touched.update(some)
    return frame.with_columns(_null(c, hits[c]) for c in some), found


def _plain(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().str.to_lowercase().str.replace_all("’", "'", literal=True)


def _numeric(frame: Frame, touched: set[str], schema: pl.Schema) -> Frame:
    """Make a text column numeric when all that is left of it are numbers."""
    names = [c for c in schema if c in touched]
    asked = []
    for i, c in enumerate(names):
        value = pl.col(c).str.strip_chars()
        number = value.cast(pl.Float64, strict=False)
        asked += [
            value.count().alias(f"{i} n"),
            number.is_finite().sum().alias(f"{i} float"),
            value.str.contains(r"^[+-]?0\d+$|^[+-]?\d{17,}$").sum().alias(f"{i} code"),
        ]
    seen = _one(frame, asked)
    numbers = [
        c
        for i, c in enumerate(names)
        if seen[f"{i} n"] and seen[f"{i} float"] == seen[f"{i} n"] and not seen[f"{i} code"]
    ]
    return frame.with_columns(pl.col(c).str.strip_chars().cast(pl.Float64, strict=False) for c in numbers)


def _leftover(frame: Frame) -> tuple[Frame, list[dict[str, Any]]]:
    """Find 7777, 9999, -9 … in numeric columns: the ends of each column first, then a closer look at few."""
    names = [c for c, t in frame.lazy().collect_schema().items() if t.is_numeric()]
    ends = _one(
        frame,
        [end for c in names for end in (pl.col(c).min().alias(f"{c} min"), pl.col(c).max().alias(f"{c} max"))],
    )
    suspects = [c for c in names if ends[f"{c} max"] in HIGH or ends[f"{c} min"] in LOW]
    found: list[dict[str, Any]] = []
    nulls = []
    for column in suspects:
        counts = _closer(frame, column)
        codes = high_codes(counts) + low_codes(counts)
        if codes:
            nulls.append(_null(column, pl.col(column).cast(pl.Float64).is_in(codes)))
            found += [_row(column, code, counts["codes"][code], "detected") for code in codes]
    return frame.with_columns(nulls), found


def _closer(frame: Frame, column: str) -> dict[str, Any]:
    """Describe one column: its candidates with counts, and the values that are no candidates."""
    value = pl.col(column).cast(pl.Float64)
    rest = value.filter(~value.is_in([*HIGH, *LOW]))
    seen = _one(
        frame,
        [
            rest.count().alias("n"),
            rest.min().alias("min"),
            rest.max().alias("max"),
            rest.approx_n_unique().alias("distinct"),
            *((value == code).sum().alias(str(code)) for code in (*HIGH, *LOW)),
        ],
    )
    seen["codes"] = {code: seen[str(code)] for code in (*HIGH, *LOW) if seen[str(code)]}
    return seen


def high_codes(column: dict[str, Any]) -> list[float]:
    """Return the codes at the top of a column: see the rule at the head of this module.

    Parameters
    ----------
    column
        `n`, `min`, `max`, `distinct` of the values that are no candidates, and `codes`: candidate -> count.
    """
    if column["n"] < FEWEST or column["max"] is None:
        return []
    highest, codes = column["max"], []
    yes_no = column["min"] == 1 and column["max"] == 2 and column["distinct"] == 2
    for code in sorted(c for c in column["codes"] if c > column["max"]):
        if code < 10:
            isolated = yes_no
        elif code < 100:
            isolated = code >= 2.5 * highest and column["codes"][code] >= 2 and column["distinct"] >= 2
        else:
            isolated = code >= 3 * highest and column["distinct"] >= 2
        if isolated:
            codes.append(code)
        else:
            highest = code
    return codes


def low_codes(column: dict[str, Any]) -> list[float]:
    """Return the negative codes of a column: see the rule at the head of this module."""
    if column["n"] < FEWEST or column["min"] is None or column["min"] < 0:
        return []
    scale = column["distinct"] < 5 or column["max"] < 5
    return [code for code in column["codes"] if code < 0 and not (code == -1 and scale)]
