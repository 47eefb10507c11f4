"""What a text column is: whole numbers, numbers, true/false, or text; decided on all its rows."""

from __future__ import annotations

import polars as pl


def typed(lazy: pl.LazyFrame, notes: list[str], *, decimal_comma: bool = False) -> pl.LazyFrame:
    """Cast text columns to what they hold; blanks around values go, empty cells become missing.

    A column is a number only if every cell that is not empty is one. Whole numbers written with leading
    zeros (postcodes, record numbers) and those too long for 64 bits stay text. One pass over the rows.
    """
    names = lazy.collect_schema().names()
    bare = {name: _bare(pl.col(name)) for name in names}
    comma = {name: bare[name].str.replace(r"^([+-]?\d*),(\d+)$", "${1}.${2}") for name in names}
    asked = []
    for i, name in enumerate(names):
        cell = bare[name]
        asked += [
            cell.count().alias(f"{i} n"),
            cell.cast(pl.Int64, strict=False).count().alias(f"{i} int"),
            _number(cell).count().alias(f"{i} float"),
            cell.str.contains(r"^[+-]?0\d+$").sum().alias(f"{i} zeros"),
            cell.str.contains(r"^[+-]?\d{17,}$").sum().alias(f"{i} long"),
            cell.str.to_lowercase().is_in(["true", "false"]).sum().alias(f"{i} bool"),
        ]
        if decimal_comma:
            asked.append(_number(comma[name]).count().alias(f"{i} comma"))
    seen = lazy.select(asked).collect(engine="streaming").row(0, named=True)
    casts, kept = [], []
    for i, name in enumerate(names):
        n, cell = seen[f"{i} n"], bare[name]
        if n and seen[f"{i} float"] == n and (seen[f"{i} zeros"] or _too_long(seen, i)):
            kept.append(name)
        elif n and seen[f"{i} int"] == n:
            cell = cell.cast(pl.Int64, strict=False)
        elif n and seen[f"{i} float"] == n:
            cell = _number(cell)
        elif n and seen.get(f"{i} comma") == n:
            cell = _number(comma[name])
        elif n and seen[f"{i} bool"] == n:
            cell = cell.str.to_lowercase() == "true"
        casts.append(cell.alias(name))
    if kept:
        notes.append(
            "Read as text, because the numbers have leading zeros or too many digits: " + ", ".join(kept) + "."
        )
    return lazy.select(casts)


def _too_long(seen: dict[str, int], i: int) -> bool:
    return seen[f"{i} long"] > 0 and seen[f"{i} int"] < seen[f"{i} n"]


def _bare(cell: pl.Expr) -> pl.Expr:
    stripped = cell.str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _number(cell: pl.Expr) -> pl.Expr:
    """Return finite numbers; 'nan' and 'inf' are words."""
    value = cell.cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)
