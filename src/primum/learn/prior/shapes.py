"""What a model makes of each feature, group by group: curves that a clinician can read and challenge.

Numbers: accumulated local effects (Apley & Zhu 2020, J R Stat Soc B 82:1059-1086) on the log odds, which move people
only within their own interval and so invent nobody; for a model without interactions they are its curves. Categories
and missing values: partial dependence (Friedman 2001, Ann Stat 29:1189-1232). All are centred at the group's mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.learn.calibrate import logit
from primum.learn.prepare import Matrix
from primum.learn.prior.columns import place
from primum.learn.prior.grid import is_discrete, public_grid
from primum.usecase import MISSING, OVERALL

Floats = npt.NDArray[np.float64]
Risk = Callable[[Floats], Floats]
FEW, MOST_LEVELS, SALT = 20, 20, 0x54A9


@dataclass(frozen=True)
class _Sample:
    """The people moved about, and how everyone and each group are found among them and among all."""

    rows: npt.NDArray[np.int64]
    groups: tuple[tuple[str, str, npt.NDArray[np.bool_]], ...]


def shapes(
    risks: Risk | Sequence[Risk],
    matrix: Matrix,
    groups: Mapping[str, Sequence[str]] | None = None,
    *,
    features: Sequence[str] | None = None,
    grids: Mapping[str, npt.ArrayLike] | None = None,
    most: int = 3000,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Return the shapes of a model as rows.

    Parameters
    ----------
    risks
        (people, features) → (people,) risks in [0, 1]; several, such as the models of the folds, give their mean with
        the least and the greatest as low and high. This is how much the curve hangs on who was trained on, and no
        confidence interval; one model has none.
    matrix
        The people: values (NaN where missing), names, and the levels of categories.
    groups
        Attribute → (people,) labels.
    features
        Which; all if left out.
    grids
        Feature → grid points in increasing order, at least two; public ones are made where none are given.
    most
        People moved about, drawn by the seed; those behind each point are counted among all.

    Returns
    -------
    list of dict
        feature, kind ("number", "value" of few, "category", "missing"), x (a number, or None), label, effect (log odds
        against the group's mean), low, high, attribute, group, n (people in the interval that ends at x; of the first
        point, in the first interval; with that very value for the other kinds), small (n below 20).

    Raises
    ------
    PrimumError
        For an unknown feature, a grid that does not increase, or labels of another length.

    Notes
    -----
    Where nobody of a group is in an interval, the curve there is everyone's. People beyond the grid are counted in
    its first or last interval. A shape says what the model does, not what causes the outcome.
    """
    models = [risks] if callable(risks) else list(risks)
    chosen = _sampled(matrix, groups or {}, most, seed)
    rows: list[dict[str, Any]] = []
    for name in features if features is not None else matrix.names:
        j = place(name, matrix.names)
        if name in matrix.levels:
            rows += _category(models, matrix, chosen, j)
        else:
            rows += _number(models, matrix, chosen, j, (grids or {}).get(name))
    return rows


def swing(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return, for each feature and group, how far its curve reaches and how it departs from everyone's.

    Only points with enough people of the group count. `ratio` is the odds at the highest against the lowest point;
    `apart` the largest difference of steps between the group's curve and everyone's, in log odds.
    """
    told = []
    order = list(dict.fromkeys((r["feature"], r["attribute"], r["group"]) for r in rows))
    points = {(r["feature"], r["attribute"], r["group"], r["label"]): r for r in rows}
    for feature, attribute, group in order:
        own = [r for r in rows if (r["feature"], r["attribute"], r["group"]) == (feature, attribute, group)]
        firm = [r for r in own if not r["small"]]
        if len(firm) < 2:
            continue
        effect = np.array([r["effect"] for r in firm])
        base = np.array([points[feature, OVERALL, OVERALL, r["label"]]["effect"] for r in firm])
        gap = effect - base
        told.append(
            {
                "feature": feature, "attribute": attribute, "group": group, "n": sum(r["n"] for r in _counted(own)),
                "ratio": float(np.exp(effect.max() - effect.min())), "lowest": firm[int(effect.argmin())]["label"],
                "highest": firm[int(effect.argmax())]["label"], "apart": float(gap.max() - gap.min()),
            }
        )  # fmt: skip
    return told


def _counted(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows whose people add up: the first point of an interval grid repeats its neighbour's."""
    first = next((i for i, r in enumerate(rows) if r["kind"] == "number"), None)
    return [r for i, r in enumerate(rows) if i != first]


def _sampled(matrix: Matrix, groups: Mapping[str, Sequence[str]], most: int, seed: int) -> _Sample:
    n = len(matrix.values)
    rows = np.arange(n)
    if n > most:
        rows = np.sort(np.random.default_rng([seed, SALT]).choice(n, most, replace=False))
    found = [(OVERALL, OVERALL, np.ones(n, dtype=bool))]
    for attribute, labels in groups.items():
        own = np.asarray(labels, dtype=np.str_)
        if own.size != n:
            raise PrimumError(f"'{attribute}' has {own.size} labels, the people are {n}.", expected="one a person")
        found += [(attribute, str(g), own == g) for g in np.unique(own)]
    return _Sample(rows, tuple(found))


def _number(models: Sequence[Risk], matrix: Matrix, chosen: _Sample, j: int, own: Any) -> list[dict[str, Any]]:
    everyone = matrix.values[:, j]
    discrete = own is None and is_discrete(everyone)
    grid = public_grid(everyone) if own is None else np.asarray(own, dtype=np.float64)
    name = matrix.names[j]
    if own is not None and (grid.ndim != 1 or grid.size < 2 or not (np.diff(grid) > 0).all()):
        raise PrimumError(f"The grid of '{name}' does not increase.", expected="two or more numbers, increasing")
    known = ~np.isnan(everyone)
    if grid.size < 2:
        return []
    at = np.clip(np.searchsorted(grid, everyone, side="left"), 1, grid.size - 1)
    x = matrix.values[chosen.rows]
    seen, step = known[chosen.rows], at[chosen.rows]
    low, high = x[seen].copy(), x[seen].copy()
    low[:, j], high[:, j] = grid[step[seen] - 1], grid[step[seen]]
    moved = [low, high]
    if gaps := bool((~known).any()):
        moved += [x[seen], x[seen].copy()]
        moved[3][:, j] = np.nan
    told = [_logits(m, moved) for m in models]
    deltas = [v[1] - v[0] for v in told]
    lost = [v[3] - v[2] for v in told] if gaps else None
    point = np.searchsorted(grid, everyone, side="left") if discrete else at
    rows = []
    for attribute, group, who in chosen.groups:
        of = who[chosen.rows][seen]
        n = np.bincount(point[who & known], minlength=grid.size)[: grid.size]
        if not discrete:
            n[0] = n[1]
        share = np.bincount(at[who & known], minlength=grid.size)[: grid.size]
        curves = np.array([_accumulated(d, step[seen], of, share) for d in deltas])
        label = [f"{z:g}" for z in grid]
        rows += _rows(name, "value" if discrete else "number", grid.tolist(), label, curves, n, attribute, group)
        if lost is not None:
            curves = np.array([[v[of].mean() if of.any() else np.nan] for v in lost])
            gone = np.array([(who & ~known).sum()])
            rows += _rows(name, "missing", [None], [MISSING], curves, gone, attribute, group)
    return rows


def _accumulated(delta: Floats, step: Any, of: Any, share: Any) -> Floats:
    """Return the curve of one group at the grid points, centred at the mean over its people, shape (points,)."""
    k = len(share)
    own_n = np.bincount(step[of], minlength=k)
    all_n = np.bincount(step, minlength=k)
    own = np.bincount(step[of], weights=delta[of], minlength=k)
    every = np.bincount(step, weights=delta, minlength=k)
    mean = np.where(own_n > 0, own / np.maximum(own_n, 1), every / np.maximum(all_n, 1))
    curve = np.cumsum(mean)
    middle = np.concatenate([[0.0], (curve[1:] + curve[:-1]) / 2])
    weight = share if share.sum() else all_n
    return np.asarray(curve - middle @ weight / weight.sum())


def _logits(model: Risk, versions: Sequence[Floats]) -> Floats:
    """Return the log odds of the same people in several versions, asked for at once, shape (versions, people)."""
    return logit(model(np.concatenate(versions))).reshape(len(versions), -1)


def _category(models: Sequence[Risk], matrix: Matrix, chosen: _Sample, j: int) -> list[dict[str, Any]]:
    name, column = matrix.names[j], matrix.values[:, j]
    codes = np.where(np.isnan(column), -1, column).astype(np.int64)
    labels = [MISSING if c < 0 else matrix.levels[name][c] for c in np.unique(codes)]
    levels = np.unique(codes)
    if len(levels) > MOST_LEVELS:
        often = np.argsort(-np.array([(codes == c).sum() for c in levels]), kind="stable")[:MOST_LEVELS]
        keep = np.sort(often)
        levels, labels = levels[keep], [labels[i] for i in keep]
    versions = [matrix.values[chosen.rows].copy() for _ in levels]
    for x, c in zip(versions, levels, strict=True):
        x[:, j] = np.nan if c < 0 else float(c)
    curves = np.stack([_logits(m, versions) for m in models])
    rows = []
    for attribute, group, who in chosen.groups:
        of = who[chosen.rows]
        n = np.array([(who & (codes == c)).sum() for c in levels])
        mean = curves[:, :, of].mean(axis=2) if of.any() else np.full(curves.shape[:2], np.nan)
        weight = n if n.sum() else np.ones(len(levels))
        mean = mean - (mean @ weight / weight.sum())[:, None]
        rows += _rows(name, "category", [None] * len(levels), labels, mean, n, attribute, group)
    return rows


def _rows(
    name: str, kind: str, x: Sequence[Any], label: Sequence[str], curves: Floats, n: Any, attribute: str, group: str
) -> list[dict[str, Any]]:
    mean = curves.mean(axis=0)
    several = len(curves) > 1
    return [
        {
            "feature": name, "kind": kind, "x": x[k], "label": label[k], "effect": float(mean[k]),
            "low": float(curves[:, k].min()) if several else None,
            "high": float(curves[:, k].max()) if several else None,
            "attribute": attribute, "group": group, "n": int(n[k]), "small": bool(n[k] < FEW),
        }
        for k in range(len(mean))
    ]  # fmt: skip
