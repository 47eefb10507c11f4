"""Counting rows with several classes: each class against the rest, decisions, and what people share between classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from primum.errors import PrimumError, unknown
from primum.tally.cluster import Clusters, Shared
from primum.tally.count import count
from primum.tally.derive import check_columns, member_key
from primum.tally.engine import collected, native, told
from primum.tally.grid import Grid
from primum.tally.multiclass import STRIDE, ClassTally, Pairs
from primum.tally.named import coded, series

OK, NO_OUTCOME, OTHER_OUTCOME, NO_SCORE, OUT_OF_RANGE, BAD_SUM, OTHER_DECISION = range(7)
JOINT = 10  # classes up to which pairs of classes are counted unasked
View = tuple[str, ...]


@dataclass(frozen=True)
class _Plan:
    """What to count, as the user said it; `scores` maps class → column in the order of the classes."""

    outcome: str
    scores: dict[str, str]
    attributes: list[str]
    grids: list[Grid]
    weight: str | None
    cluster: str | None
    decision: str | None
    tolerance: float


def count_classes(
    frame: Any,
    outcome: str,
    scores: Mapping[Any, str],
    by: Sequence[str] | str = (),
    *,
    classes: Sequence[Any] | None = None,
    thresholds: Mapping[Any, float | Sequence[float]] | None = None,
    decision: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    views: Sequence[Sequence[str]] | None = None,
    missing: str = "refuse",
    tolerance: float = 1e-3,
    joint: bool | None = None,
    score_name: str = "scores",
) -> ClassTally:
    """Count rows whose outcome is one of several classes into a `ClassTally`.

    Parameters
    ----------
    frame
        Any frame narwhals knows; one row a person.
    outcome
        Column of classes (words or numbers); missing outcomes are left out and counted in `left_out`.
    scores
        Class → column of its probability. Of each row they sum to 1.
    by
        Columns of group membership; missing membership becomes the group "(missing)".
    classes
        The classes in order, to check that every one has a score. Those of `scores` if left out.
    thresholds
        Class → threshold or thresholds of its own score, one against the rest.
    decision
        Column of the class that was decided on. The class with the highest score if left out; of equal ones the first.
    weight, cluster, views, missing
        As for `primum.count`.
    tolerance
        How far from 1 the scores of a row may sum.
    joint
        Whether to count what people share between classes, which intervals of means over classes need. Left out: up
        to ten classes. Without it these intervals are the mean of the limits, which is wider.

    Raises
    ------
    PrimumError
        For missing columns, fewer than two classes, a class without a score, an outcome or decision that is no class,
        scores out of [0, 1] or that do not sum to 1, missing scores (unless excluded), or bad weights.
    """
    if missing not in {"refuse", "exclude"}:
        raise PrimumError(f"missing='{missing}' is not known.", available=["refuse", "exclude"])
    named = {str(k): v for k, v in scores.items()}
    names = list(named) if classes is None else [str(c) for c in classes]
    _check_classes(names, named, thresholds)
    declared = {str(k): np.atleast_1d(np.asarray(v, dtype=np.float64)) for k, v in (thresholds or {}).items()}
    grids = [Grid(thresholds=tuple(sorted({float(t) for t in declared.get(c, ())}))) for c in names]
    plan = _Plan(
        outcome, {c: named[c] for c in names}, [by] if isinstance(by, str) else list(by), grids, weight, cluster,
        decision, tolerance,
    )  # fmt: skip
    data = native(frame)
    schema = data.collect_schema()
    columns = [("outcome", outcome), ("decision", decision), *(("score", v) for v in plan.scores.values())]
    columns += [*(("group", n) for n in plan.attributes), ("cluster", cluster), ("weight", weight)]
    for kind, column in columns:
        if column is not None and column not in schema:
            raise unknown(f"{kind} column", column, schema.names(), where="the data")
    check_columns(schema, [("score", v) for v in plan.scores.values()])
    wanted = views if views is not None else [*((n,) for n in plan.attributes), plan.attributes]
    together = list(dict.fromkeys([(), *(tuple(v) for v in wanted)]))
    with told(data):
        keys = _derived(data, schema, plan)
        _check(keys, plan, missing)
        ovr = [
            count(
                keys.to_native(), f"is{k}", f"s{k}", [f"g{i}" for i in range(len(plan.attributes))],
                thresholds=grids[k].thresholds, weight="w" if weight else None, missing="exclude",
                outcome_name=f"{outcome} is {c}", score_name=score_name,
            )
            for k, c in enumerate(names)
        ]  # fmt: skip
        ovr = [replace(t, attributes=tuple(plan.attributes)) for t in ovr]
        return _tally(keys, schema, plan, ovr, together, joint=joint)


def _check_classes(names: list[str], scores: dict[str, str], thresholds: Mapping[Any, Any] | None) -> None:
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise PrimumError(
            f"The classes {names} are not at least two different ones.",
            mend="for one outcome that is there or not, use primum.count",
        )
    lacking = [c for c in names if c not in scores]
    if lacking:
        raise PrimumError(
            f"The class '{lacking[0]}' has no score.",
            expected="a column of probabilities for every class",
            available=list(scores),
            mend=f"scores={{…, '{lacking[0]}': 'its column'}}",
        )
    for c in [*scores, *map(str, thresholds or {})]:
        if c not in names:
            raise unknown("class", c, names, where="classes")


def _derived(data: Any, schema: Any, plan: _Plan) -> Any:
    """Return a column for every key: groups, cluster, true and decided class, each score and its coarse cell, flaw."""
    engine = data.implementation
    wide = data.select(
        *[member_key(n, schema[n], engine, f"g{i}", wide=False) for i, n in enumerate(plan.attributes)],
        *([member_key(plan.cluster, schema[plan.cluster], engine, "c", wide=False)] if plan.cluster else []),
        *([nw.col(plan.weight).cast(nw.Float64).alias("w")] if plan.weight else [nw.lit(1.0).alias("w")]),
        _position(plan.outcome, schema[plan.outcome], list(plan.scores)).alias("true"),
        *([_position(plan.decision, schema[plan.decision], list(plan.scores)).alias("pick")] if plan.decision else []),
        *[nw.col(v).cast(nw.Float64).alias(f"s{k}") for k, v in enumerate(plan.scores.values())],
    )
    s = [nw.col(f"s{k}") for k in range(len(plan.scores))]
    unknown_score, within, total = s[0].is_null() | s[0].is_nan(), (s[0] >= 0) & (s[0] <= 1), s[0]
    for x in s[1:]:
        unknown_score = unknown_score | x.is_null() | x.is_nan()
        within, total = within & (x >= 0) & (x <= 1), total + x
    even = (total >= 1 - plan.tolerance) & (total <= 1 + plan.tolerance)
    flaw = nw.when(within).then(nw.when(even).then(nw.lit(OK)).otherwise(nw.lit(BAD_SUM))).otherwise(
        nw.lit(OUT_OF_RANGE)
    )  # fmt: skip
    flaw = nw.when(unknown_score).then(nw.lit(NO_SCORE)).otherwise(flaw)
    if plan.decision:
        flaw = nw.when(nw.col("pick") < 0).then(nw.lit(OTHER_DECISION)).otherwise(flaw)
    true = nw.col("true")
    flaw = nw.when(true == -2).then(nw.lit(OTHER_OUTCOME)).otherwise(flaw)
    flaw = nw.when(true == -1).then(nw.lit(NO_OUTCOME)).otherwise(flaw)
    wide = wide.with_columns(flaw.cast(nw.Int64).alias("flaw"))
    fine = nw.col("flaw") == OK
    wide = wide.with_columns(
        *[nw.when(fine).then((true == k).cast(nw.Int64)).alias(f"is{k}") for k in range(len(s))],
        *[nw.when(fine).then(x).otherwise(nw.lit(0.0)).alias(f"s{k}") for k, x in enumerate(s)],
        *([] if plan.decision else [nw.max_horizontal(*s).alias("top")]),
    )
    pick = nw.lit(len(s) - 1)
    if not plan.decision:
        for k in range(len(s) - 2, -1, -1):
            pick = nw.when(s[k] == nw.col("top")).then(nw.lit(k)).otherwise(pick)
    cells = [
        (g.segment(x) * 2 + (true == k).cast(nw.Int64) + k * STRIDE).cast(nw.Int64).alias(f"cell{k}")
        for k, (g, x) in enumerate(zip(plan.grids, s, strict=True))
    ]
    wide = wide.with_columns(*cells, *([] if plan.decision else [pick.cast(nw.Int64).alias("pick")]))
    decided = (true * len(s) + nw.col("pick") + len(s) * STRIDE).alias(f"cell{len(s)}")
    return wide.with_columns(decided, (nw.col("w") * nw.col("w")).alias("ww"))


def _position(column: str, dtype: Any, classes: list[str]) -> Any:
    """Return the position of each value among the classes; −1 for missing, −2 for anything else."""
    x = nw.col(column)
    none = x.is_null() | x.is_nan() if dtype.is_float() else x.is_null()
    found = nw.lit(-2)
    for k, c in reversed(list(enumerate(classes))):
        if dtype == nw.Boolean:
            if c.lower() in {"true", "false", "1", "0"}:
                found = nw.when(x == nw.lit(c.lower() in {"true", "1"})).then(nw.lit(k)).otherwise(found)
        elif dtype.is_numeric():
            if (number := _number(c)) is not None:
                found = nw.when(x.cast(nw.Float64) == number).then(nw.lit(k)).otherwise(found)
        else:
            found = nw.when(x.cast(nw.String) == c).then(nw.lit(k)).otherwise(found)
    return nw.when(none).then(nw.lit(-1)).otherwise(found).cast(nw.Int64)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _check(keys: Any, plan: _Plan, missing: str) -> None:
    found = collected(keys.group_by("flaw").agg(nw.len().alias("n")))
    many = dict(zip(found["flaw"].to_list(), found["n"].to_list(), strict=True))
    total, classes = sum(many.values()), list(plan.scores)
    if not total:
        raise PrimumError("There are no rows to count.", mend="check the filters of the population")
    if k := many.get(OTHER_OUTCOME):
        raise PrimumError(
            f"The outcome '{plan.outcome}' is none of the classes in {k:,} of {total:,} rows.",
            expected="one of the classes, or missing",
            available=classes,
            mend="give every class a score, or leave these rows out before counting",
        )
    if k := many.get(OTHER_DECISION):
        raise PrimumError(
            f"The decision '{plan.decision}' is missing or none of the classes in {k:,} of {total:,} rows.",
            available=classes,
        )
    if k := many.get(OUT_OF_RANGE):
        raise PrimumError(
            f"Scores lie outside [0, 1] in {k:,} of {total:,} rows.", expected="a probability for every class"
        )
    if k := many.get(BAD_SUM):
        raise PrimumError(
            f"The scores of {k:,} of {total:,} rows do not sum to 1 (within {plan.tolerance:g}).",
            expected=f"probabilities of {len(classes)} classes that exclude each other",
            mend="divide each by their sum, or say tolerance=… if they were rounded",
        )
    if (k := many.get(NO_SCORE)) and missing == "refuse":
        raise PrimumError(
            f"{k:,} of {total:,} rows lack a score for some class.",
            expected="a score of every class for everybody",
            mend="say missing='exclude'; the people left out are then counted by group",
        )


def _of_one(linked: Clusters, k: int) -> Clusters:
    """Return what clusters share of class `k` alone, with the codes of its own tally."""
    views: dict[View, dict[View, Shared]] = {}
    for view, groups in linked.views.items():
        views[view] = {}
        for g, s in groups.items():
            here = (s.i // STRIDE == k) & (s.j // STRIDE == k)
            first = k * STRIDE
            views[view][g] = Shared(s.i[here] - first, s.j[here] - first, s.value[here], s.clusters)
    return replace(linked, views=views)


def _tally(keys: Any, schema: Any, plan: _Plan, ovr: list[Any], views: list[View], *, joint: bool | None) -> ClassTally:
    size, groups = len(plan.scores), ovr[0].groups
    by = [f"g{i}" for i in range(len(plan.attributes))]
    good = keys.filter(nw.col("flaw") == OK)
    sums = [nw.len().alias("n"), nw.col("w").sum(), nw.col("ww").sum()]
    rows = collected(good.group_by([*by, f"cell{size}"]).agg(*sums))
    place = {g: i for i, g in enumerate(groups)}

    def where(rows: Any) -> Any:
        found, code = coded([series(rows[g]) for g in by], len(rows))
        return np.array([place[g] for g in found], dtype=np.int64)[code]

    cell = rows[f"cell{size}"].to_numpy().astype(np.int64) - size * STRIDE
    at = where(rows) * size**2 + cell
    tables = {k: np.bincount(at, weights=rows[k].to_numpy(), minlength=len(groups) * size**2) for k in ("n", "w", "ww")}
    shape = (len(groups), size, size)
    pairs, linked = None, None
    if plan.cluster:
        linked = _clusters(good, schema, plan, views)
        ovr = [replace(t, clusters=_of_one(linked, k)) for k, t in enumerate(ovr)]
    if joint or (joint is None and size <= JOINT):
        parts = []
        for k, m in combinations(range(size), 2):
            two = [f"cell{k}", f"cell{m}"]
            r = collected(good.group_by([*by, *two]).agg(nw.col("ww").sum()))
            codes = [r[x].to_numpy().astype(np.int64) for x in two]
            parts.append((where(r), *codes, r["ww"].to_numpy().astype(np.float64)))
        pairs = Pairs(*(np.concatenate(x) for x in zip(*parts, strict=True)))
    return ClassTally(
        classes=tuple(plan.scores),
        ovr=tuple(ovr),
        n=tables["n"].reshape(shape).astype(np.int64),
        w=tables["w"].reshape(shape).astype(np.float64),
        ww=tables["ww"].reshape(shape).astype(np.float64),
        pairs=pairs,
        clusters=linked,
    )


def _clusters(good: Any, schema: Any, plan: _Plan, views: list[View]) -> Clusters:
    """Return Σ_c T_cᵢ T_cⱼ over the cells of all classes and decisions; people without a cluster are on their own."""
    from scipy.sparse import coo_array

    assert plan.cluster is not None
    by = [f"g{i}" for i in range(len(plan.attributes))]
    cells = [f"cell{k}" for k in range(len(plan.scores) + 1)]
    nobody = nw.col("c").is_null()
    if schema[plan.cluster].is_float():
        nobody = nobody | nw.col("c").is_nan()
    known = [collected(good.filter(~nobody).group_by(["c", *by, cell]).agg(nw.col("w").sum())) for cell in cells]
    alone = collected(good.filter(nobody).select(*by, *cells, "w"))
    found, code = coded([pl.concat([series(x["c"]) for x in known])], sum(len(x) for x in known))
    own = np.tile(len(found) + np.arange(len(alone)), len(cells))
    who = np.concatenate([code, own]).astype(np.int64)
    tables = [*known, *[alone for _ in cells]]
    cell = np.concatenate([x[c].to_numpy() for x, c in zip(tables, cells * 2, strict=True)]).astype(np.int64)
    weight = np.concatenate([x["w"].to_numpy() for x in tables]).astype(np.float64)
    members = {a: pl.concat([series(x[f"g{i}"]) for x in tables]) for i, a in enumerate(plan.attributes)}
    shared: dict[View, dict[View, Shared]] = {}
    crossing: dict[View, int] = {}
    for view in views:
        for a in view:
            if a not in members:
                raise unknown("attribute", a, plan.attributes, where="views")
        groups, group = coded([members[a] for a in view], len(who))
        order = np.argsort(group, kind="stable")
        ends = np.searchsorted(group[order], np.arange(len(groups) + 1))
        shared[view], times = {}, np.zeros(int(who.max(initial=0)) + 1, dtype=np.int64)
        for g, a, b in zip(groups, ends[:-1], ends[1:], strict=True):
            here = order[a:b]
            rows, row = np.unique(who[here], return_inverse=True)
            kinds, column = np.unique(cell[here], return_inverse=True)
            t = coo_array((weight[here], (row, column)), shape=(len(rows), len(kinds))).tocsr()
            s = (t.T @ t).tocoo()
            i, j = s.coords
            shared[view][g] = Shared(kinds[i], kinds[j], np.asarray(s.data, dtype=np.float64), len(rows))
            times[rows] += 1
        crossing[view] = int((times > 1).sum())
    return Clusters(plan.cluster, shared, crossing)
