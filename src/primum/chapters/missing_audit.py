"""What is missing, for whom, and what it has to do with the outcome: counts alone, nothing is trained or filled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.learn.prepare import Matrix
from primum.measure.delong import auroc_interval
from primum.measure.informative import measured_or_not, shares_differ
from primum.measure.intervals import mover, wilson
from primum.measure.missing_selection import adjusted_odds_ratio, logistic, without_overlap
from primum.measure.multiplicity import holm
from primum.measure.table import EVERYONE
from primum.measure.unknown_membership import Bounds, difference_bounds, rate_bounds
from primum.tally.resample import Histogram
from primum.tally.score import ScoreTally
from primum.usecase import MISSING, OVERALL

if TYPE_CHECKING:
    from primum.cohort.cohort import Cohort
    from primum.usecase import UseCase

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Row = dict[str, Any]
MOST_LEVELS = 20
BOUNDED = ("sensitivity", "specificity")


def plain_attributes(usecase: UseCase) -> list[str]:
    """Return the titles of the groups that are no crossings."""
    return [g.title for g in usecase.groups if g.intersection is None]


def groups_of(usecase: UseCase, cohort: Cohort) -> list[tuple[str, str, Bools]]:
    """Return (attribute, group, members), everyone first; crossings are left out."""
    found = [(OVERALL, EVERYONE, np.ones(cohort.n, dtype=np.bool_))]
    for attribute in plain_attributes(usecase):
        labels = cohort.groups[attribute].to_numpy()
        found += [(attribute, g, np.asarray(labels == g)) for g in cohort.levels[attribute]]
    return found


def gap_rows(usecase: UseCase, cohort: Cohort, matrix: Matrix, columns: list[str], few: int) -> list[Row]:
    """Return, for each column and group, who was measured, and the outcome of those who were and were not.

    `rest_difference` is how much more (or less) it matters in a group than in everybody else; everyone's rows carry
    the odds ratio by being not measured, given all other features and membership, or `odds_reason`: why there is none;
    `p_holm` adjusts for all rows.
    """
    y, rows = cohort.outcome.astype(np.int64), []
    groups = groups_of(usecase, cohort)
    for column in columns:
        gone = np.isnan(matrix.values[:, matrix.names.index(column)])
        total = _counts(gone, y)
        for attribute, group, own in groups:
            counts = _counts(gone[own], y[own])
            row: Row = {"variable": column, "attribute": attribute, "group": group}
            row |= measured_or_not(counts, level=usecase.level, few=few)
            row |= dict.fromkeys(("odds_ratio", "odds_low", "odds_high"), math.nan) | {"odds_reason": ""}
            row |= dict.fromkeys(("rest_difference", "rest_low", "rest_high"), math.nan)
            if attribute == OVERALL and math.isfinite(row["difference"]):
                row |= _given_others(usecase, cohort, matrix, column)
            elif attribute != OVERALL and math.isfinite(row["difference"]):
                rest = measured_or_not(total - counts, level=usecase.level, few=few)
                row |= _against(row, rest)
            rows.append(row)
    adjusted = holm([math.nan if r["p"] is None else r["p"] for r in rows])
    return [r | {"p_holm": float(p)} for r, p in zip(rows, adjusted, strict=True)]


def _given_others(usecase: UseCase, cohort: Cohort, matrix: Matrix, column: str) -> Row:
    """Return the odds ratio by a gap in a column, or why there is none: nearly all with the gap are of one group."""
    y, gone = cohort.outcome.astype(np.int64), np.isnan(matrix.values[:, matrix.names.index(column)])
    for attribute in plain_attributes(usecase):
        level = without_overlap(gone, y, cohort.groups[attribute].to_numpy())
        if level is not None:
            named = "not recorded" if level == MISSING else level
            return {"odds_reason": f"nearly all unmeasured are {named} ({attribute}): too few others to compare"}
    others = seen_of_everybody(usecase, cohort, matrix, fill=True, but=column)
    ratio = adjusted_odds_ratio(gone, y, others, level=usecase.level)
    return dict(zip(("odds_ratio", "odds_low", "odds_high"), ratio, strict=True))


def _counts(gone: Bools, y: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.bincount(gone.astype(np.int64) * 2 + y, minlength=4).reshape(2, 2)


def _against(row: Row, rest: Row) -> Row:
    if not math.isfinite(rest["difference"]):
        return {}
    low, high = mover(*((r["difference"], r["low"], r["high"]) for r in (row, rest)))
    value = row["difference"] - rest["difference"]
    return {"rest_difference": value, "rest_low": float(low), "rest_high": float(high)}


def seen_of_everybody(usecase: UseCase, cohort: Cohort, matrix: Matrix, *, fill: bool = False, but: str = "") -> Floats:
    """Return what is known of every person as columns: features without gaps, and membership.

    With `fill`, features with gaps are filled with their median and their gaps marked, all but `but`.
    """
    parts: list[Floats] = []
    for j, name in enumerate(matrix.names):
        x = matrix.values[:, j]
        gone = np.isnan(x)
        if name == but or gone.all() or (gone.any() and not fill):
            continue
        if name in matrix.levels:
            sizes = np.bincount(x[~gone].astype(np.int64))
            largest = np.argsort(-sizes, kind="stable")[:MOST_LEVELS]
            parts += [np.where(gone, 0.0, x == code) for code in largest[1:].tolist()]
        else:
            parts.append(np.where(gone, np.median(x[~gone]), x))
        if gone.any():
            parts.append(gone.astype(np.float64))
    for attribute in plain_attributes(usecase):
        labels = cohort.groups[attribute].to_numpy()
        parts += [np.asarray(labels == g, dtype=np.float64) for g in cohort.levels[attribute][1:]]
    wide = np.column_stack([np.empty((cohort.n, 0)), *parts])
    return np.asarray(wide[:, wide.std(axis=0) > 0])


def predicted_by_gaps(usecase: UseCase, cohort: Cohort, matrix: Matrix, part: npt.NDArray[np.int64]) -> list[Row]:
    """Return how well the pattern of gaps alone, by models that never saw the person, tells outcome and membership.

    AUROC .5: the gaps say nothing. Above: whoever sees only which values are missing can guess.
    """
    gone = np.isnan(matrix.values)
    gone = gone[:, gone.any(axis=0) & ~gone.all(axis=0)].astype(np.float64)
    targets = [("the outcome", "", cohort.outcome == 1)]
    targets += [(a, g, own) for a, g, own in groups_of(usecase, cohort) if a != OVERALL]
    rows = []
    for of, group, is_so in targets:
        yes = is_so.astype(np.int64)
        fewest = int(min(yes.sum(), len(yes) - yes.sum()))
        row: Row = {"of": of, "group": group, "n": len(yes), "events": int(yes.sum())}
        row |= dict.fromkeys(("auroc", "low", "high"), math.nan)
        if gone.shape[1] and fewest >= 20:
            score = np.empty(len(yes))
            for k in range(int(part.max()) + 1):
                own = part == k
                score[own] = logistic(gone[~own], yes[~own]).chance(gone[own])
            h = _histogram(score, yes)
            low, high, _ = auroc_interval(h, usecase.level)
            from primum.measure.ranking import auroc

            row |= {"auroc": float(auroc(h)), "low": low, "high": high}
        rows.append(row)
    return rows


def _histogram(score: Floats, yes: npt.NDArray[np.int64]) -> Histogram:
    values, at = np.unique(score, return_inverse=True)
    n = np.zeros((2, len(values)))
    np.add.at(n, (yes, at), 1.0)
    return Histogram(n=n, w=n, ww=n, ws=n * values, wss=n * values**2, selected=values > 1)


def lost_rows(usecase: UseCase, cohort: Cohort, complete: Bools, few: int) -> list[Row]:
    """Return who would be lost if people with a gap were dropped: by group, and by outcome within the group.

    `difference` is the share lost less that of everybody else (of the same outcome).
    """
    y, rows = cohort.outcome == 1, []
    whole = {"all": np.ones(cohort.n, dtype=np.bool_), "with": y, "without": ~y}
    for attribute, group, own in groups_of(usecase, cohort):
        cells = [int((own & such & one).sum()) for such in (y, ~y) for one in (complete, ~complete)]
        hidden = any(0 < k < few for k in cells)  # one hidden cell could be found from the others: all are
        for outcome, such in whole.items():
            here, rest = own & such, ~own & such
            n, k = int(here.sum()), int((here & ~complete).sum())
            row: Row = {"attribute": attribute, "group": group, "outcome": outcome, "n": n, "lost": k}
            low, high = wilson(k, n, usecase.level)
            row |= {"share": k / n if n else math.nan, "low": float(low), "high": float(high), "few": hidden}
            found = shares_differ((k, int((rest & ~complete).sum())), (n, int(rest.sum())), usecase.level)
            row |= dict(zip(("difference", "difference_low", "difference_high"), found, strict=True))
            if hidden:
                names = ("lost", "share", "low", "high", "difference", "difference_low", "difference_high")
                row |= dict.fromkeys(names, None)
            rows.append(row)
    return rows


def membership_rows(usecase: UseCase, cohort: Cohort, few: int) -> list[Row]:
    """Return, for each attribute, how many people have no known membership, and how often they have the outcome."""
    y, rows = cohort.outcome.astype(np.int64), []
    for attribute in plain_attributes(usecase):
        gone = np.asarray(cohort.groups[attribute].to_numpy() == MISSING)
        rows.append({"attribute": attribute} | measured_or_not(_counts(gone, y), level=usecase.level, few=few))
    return rows


def bound_rows(usecase: UseCase, tally: ScoreTally | None, at: float) -> list[Row]:
    """Return what sensitivity and specificity of each group could be, whoever the people of unknown membership are."""
    if tally is None:
        return []
    rows: list[Row] = []
    for attribute in plain_attributes(usecase):
        view = tally.by(attribute)
        names = [g[0] for g in view.groups]
        if MISSING not in names or len(names) < 2:
            continue
        c = view.at(at)
        halves = {"sensitivity": (c.tp, c.fn), "specificity": (c.tn, c.fp)}
        for metric in BOUNDED:
            good, bad = halves[metric]
            lost = names.index(MISSING)
            spare = (float(good[lost]), float(bad[lost]))
            known = [g for g in names if g != MISSING]
            bounds = {
                g: rate_bounds((float(good[i]), float(bad[i])), spare, level=usecase.level)
                for i, g in enumerate(names)
                if g != MISSING
            }
            for g in known:
                rest = (sum(float(good[names.index(h)]) for h in known if h != g),
                        sum(float(bad[names.index(h)]) for h in known if h != g))  # fmt: skip
                gap = difference_bounds(bounds[g], rate_bounds(rest, spare, level=usecase.level))
                rows.append(_bound(attribute, g, metric, bounds[g], gap))
    return rows


def _bound(attribute: str, group: str, metric: str, own: Bounds, gap: Bounds) -> Row:
    return {
        "attribute": attribute, "group": group, "metric": metric, "known": own.known, "low": own.low, "high": own.high,
        "outer_low": own.outer_low, "outer_high": own.outer_high, "gap": gap.known, "gap_low": gap.low,
        "gap_high": gap.high, "gap_outer_low": gap.outer_low, "gap_outer_high": gap.outer_high,
    }  # fmt: skip
