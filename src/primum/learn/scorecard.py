"""A points score that may be put before an output checker: round bins, whole points, and a crowd behind each number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from primum.learn.need import need

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from primum.learn.prepare import Matrix

LEAST = 10
SETTINGS: dict[str, Any] = {
    "numbers": "cut at multiples of 1, 2 or 5 times a power of ten, a tenth of four standard deviations or more",
    "people_in_a_bin": f"{LEAST} or more; smaller bins and categories are joined",
    "missing": f"a category of its own where {LEAST} or more people miss a value",
    "columns_chosen_by": "forward selection, score test at 5 %, one column for every 10 people with the outcome",
    "points": "whole numbers; the largest coefficient is 10 points; L2 penalty of 1",
    "risks": f"one for each band of totals that {LEAST} or more people share, with and without the outcome among them",
    "weights": "act on points and risks, not on bins",
}


def scorecard(matrix: Matrix, *, seed: int, least: int = LEAST) -> Any:
    """Return an unfitted pipeline: crowded bins of 0 and 1, then whole points.

    It keeps no record, no limit and no quantile of a variable, and no number that fewer than `least` people stand
    behind, so that it passes the gate for model files where that asks for no more people than `least`.

    Parameters
    ----------
    matrix
        Says which columns are categories; its values are not looked at.
    seed
        Not used: nothing is drawn.
    least
        The fewest people behind anything that is kept: the threshold of the room.

    Raises
    ------
    MissingExtraError
        scikit-learn is not installed.
    """
    del seed
    need("sklearn", "scikit-learn", "models", "Training a points score")
    from sklearn.pipeline import Pipeline

    from primum.learn.crowded_bins import CrowdedBins
    from primum.learn.points import Points

    return Pipeline(
        [("bins", CrowdedBins(categories=tuple(matrix.categories), least=least)), ("model", Points(least=least))]
    )


def chosen(fitted: Any) -> dict[str, Any]:
    """Return what this fit chose: how many columns, and how many different risks."""
    return {"columns": len(fitted["bins"].columns_), "risks": len(fitted["model"].risks_)}


def card(fitted: Any, names: Sequence[str], levels: Mapping[str, Sequence[str]] | None = None) -> list[dict[str, Any]]:
    """Return the score as a card to fill in by hand: one row a bin, with its points.

    Parameters
    ----------
    fitted
        A pipeline by `scorecard`, fitted.
    names, levels
        Names of the features, and the categories of those that hold codes, as in `prepare.Matrix`.

    Returns
    -------
    list of dict
        `feature`, `value` in words and `points`. Of a number exactly one row holds; of a category at most one, and no
        row is worth no points; a row "missing" comes on top of that of the usual value.
    """
    bins, points = fitted["bins"], fitted["model"].points_
    rows: list[dict[str, Any]] = []
    for j, name in enumerate(names):
        mine = [(c, int(p)) for c, p in zip(bins.columns_, points, strict=True) if c[0] == j]
        edges = sorted((c[2], p) for c, p in mine if c[1] == "from")
        sums, low = 0, -math.inf
        for edge, more in [*edges, (math.inf, 0)] if edges else []:
            rows.append({"feature": name, "value": _between(low, edge), "points": sums})
            sums, low = sums + more, edge
        for (_, kind, at), p in mine:
            if kind != "from":
                rows.append({"feature": name, "value": _named(kind, at, (levels or {}).get(name)), "points": p})
    return rows


def _between(low: float, high: float) -> str:
    if math.isinf(low):
        return f"below {high:g}"
    return f"{low:g} or more" if math.isinf(high) else f"{low:g} to below {high:g}"


def _named(kind: str, at: float, names: Sequence[str] | None) -> str:
    if kind != "is":
        return kind
    return str(names[int(at)]) if names is not None else f"{at:g}"
