"""R1, counts: every published count and every count that follows from published ones is 0 or at least t."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from primum.disclose.rules_ruling import Ruling


def count_rule(counts: Mapping[str, int], t: int) -> Ruling:
    """Return whether counts may be shown, published and implied ones alike.

    Parameters
    ----------
    counts
        Distinct unweighted units by name.
    t
        The least count above 0.
    """
    small = [f"{name} = {n}" for name, n in counts.items() if 0 < n < t]
    return Ruling("R1", "fail", f"below {t}: {', '.join(small)}") if small else Ruling("R1", "safe")


def implied_by_rate(numerator: int, denominator: int) -> dict[str, int]:
    """Return the counts that a rate stands on: numerator, denominator and complement."""
    return {"numerator": numerator, "denominator": denominator, "complement": denominator - numerator}


def implied_by_confusion(tp: int, fp: int, fn: int, tn: int, missing: int = 0) -> dict[str, int]:
    """Return every count that the measures of one group stand on."""
    cells = {"TP": tp, "FP": fp, "FN": fn, "TN": tn}
    sums = {"events": tp + fn, "non-events": fp + tn, "selected": tp + fp, "not selected": fn + tn}
    return cells | sums | {"people": tp + fp + fn + tn, "missing": missing}


def implied_by_table(rows: Sequence[Sequence[int]]) -> dict[str, int]:
    """Return cells, totals, and what is left of each row and column without a cell."""
    columns = list(zip(*rows, strict=True))
    found = {"total": sum(map(sum, rows))}
    for kind, lines in (("row", rows), ("column", columns)):
        for i, line in enumerate(lines):
            found[f"{kind} {i}"] = sum(line)
            found |= {f"{kind} {i} without {j}": sum(line) - n for j, n in enumerate(line)}
    return found | {f"cell {i}, {j}": n for i, row in enumerate(rows) for j, n in enumerate(row)}
