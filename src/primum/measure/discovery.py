"""Subgroup discovery: every intersection against everyone outside it, searched on one half, confirmed on the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from primum.errors import PrimumError
from primum.measure.cells import Cells, from_frame, from_tallies, split
from primum.measure.excess import adjusted, price
from primum.measure.kernel import Floats, Metric
from primum.measure.lattice import Lattice, counts_of, lattice
from primum.measure.redundancy import marked
from primum.measure.search_settings import SearchSettings, check_attributes, searchable, settings_of
from primum.measure.subgroup import (
    CONFIRMED,
    FEW,
    PASSED_OVER,
    SAME,
    UNCONFIRMED,
    Discovery,
    Evidence,
    Subgroup,
    count_statuses,
)
from primum.measure.versus import Versus
from primum.tally.score import ScoreTally


def discover(
    tally: ScoreTally | tuple[ScoreTally, ScoreTally],
    name: str,
    *,
    seed: int,
    attributes: Sequence[str] | None = None,
    at: float | None = None,
    depth: int = 3,
    fewest_events: int = 30,
    margin: float | None = None,
    level: float = 0.05,
    fdr: str = "BH",
    side: str = "worse",
    by_chance: float = 25.0,
) -> Discovery:
    """Search all subgroups of up to `depth` attributes for a metric that differs from everyone outside.

    The people are split in two. In the first half a subgroup is selected when its p-value is so small that about
    `by_chance` subgroups would be selected if none differed. Those selected are tested in the second half (Fisher's
    exact test for rates; Farrington-Manning against a margin; a z test of means for net benefit), one-sided in the
    direction found, with the false discovery rate held at `level` among them.

    Not valid when people are counted more than once or belong to families: halves then share people, and the tests
    take people as independent; count one row a person. A confirmed subgroup is a fact about these people and this
    score, not a cause.

    Parameters
    ----------
    tally
        Counts to be split at random cell by cell (no rows are needed), or two tallies: (to search, to confirm).
    name
        A metric that is a rate (sensitivity, fnr, fpr, specificity, ppv, selection_rate, accuracy …) or net_benefit.
    seed
        Of the split; the same seed gives the same result.
    attributes
        Attributes to cross; left out, all of the tally.
    at
        Decision threshold; left out with exactly one declared: that one.
    fewest_events
        People that the metric counts (for sensitivity: with the outcome; for ppv: selected; for accuracy: all; for
        net benefit: with the outcome) that a subgroup, and everyone outside, must have in both halves together. It
        is judged in the searched half, in proportion, so that the confirming half has no part in the choice.
    margin
        Only differences larger than this count; left out, any difference.
    level, fdr
        Level of the false discovery rate; "BH", or "BY" which holds under any dependence between subgroups.
    side
        "worse" looks for shortfalls only (both directions for metrics without merit, like selection_rate), "either"
        for both.
    by_chance
        Subgroups that may be selected by chance alone.

    Raises
    ------
    PrimumError
        For a metric that is no rate, a depth, level, margin or other setting out of range, no or an unknown
        attribute, a weighted tally, an undeclared threshold, or data in which no subgroup can be assessed.
    """
    m = searchable(name)
    tallies = (tally,) if isinstance(tally, ScoreTally) else tuple(tally)
    if len(tallies) != 2 and not isinstance(tally, ScoreTally):
        raise PrimumError(f"{len(tallies)} tallies were given.", expected="one tally, or two: (to search, to confirm)")
    grid = tallies[0].grid
    if at is None and m.threshold:
        if len(grid.thresholds) != 1:
            raise PrimumError(
                f"{name} needs a decision threshold.", available=[f"{t:g}" for t in grid.thresholds], mend="say at=…"
            )
        at = grid.thresholds[0]
    if m.probability and not grid.probability:
        raise PrimumError(f"{name} needs a risk; this score is in points.", mend="choose a rate instead")
    settings = settings_of(m, at, depth, fewest_events, margin, level, fdr, side, by_chance, seed)
    names = tallies[0].attributes if attributes is None else tuple(attributes)
    check_attributes(names)
    cells = from_tallies(tallies, names, grid.low if at is None else at)
    return _search(cells if len(tallies) == 2 else split(cells, seed), m, settings)


def discover_frame(
    frame: Any,
    outcome: str,
    decision: str,
    attributes: Sequence[str],
    name: str,
    *,
    seed: int,
    half: str | None = None,
    at: float | None = None,
    depth: int = 3,
    fewest_events: int = 30,
    margin: float | None = None,
    level: float = 0.05,
    fdr: str = "BH",
    side: str = "worse",
    by_chance: float = 25.0,
) -> Discovery:
    """Search the rows of a frame; as `discover`, with a column of 0/1 for the outcome and one for the decision.

    Parameters
    ----------
    half
        Column that says who is searched (0) and who confirms (1), made beforehand, for instance by family; left out,
        everyone tosses a coin.
    at
        For net benefit: the risk at which `decision` was taken.

    Raises
    ------
    PrimumError
        As `discover`; and for an unknown column, or an outcome, decision or half other than 0/1 (a missing outcome is
        left out and counted).
    """
    m = searchable(name)
    if m.probability and at is None:
        raise PrimumError(f"{name} needs the threshold at which '{decision}' was taken.", mend="say at=…")
    settings = settings_of(m, at, depth, fewest_events, margin, level, fdr, side, by_chance, seed)
    check_attributes(attributes)
    cells = from_frame(frame, outcome, decision, attributes, half)
    return _search(cells if half else split(cells, seed), m, settings)


def _search(cells: Cells, m: Metric, settings: SearchSettings) -> Discovery:
    people = cells.n.sum(axis=1)
    if not people.sum():
        raise PrimumError("There is nobody to search.", mend="check the filters of the population")
    fewest = round(settings.fewest_events * float(people[0] / people.sum()))
    settings = replace(settings, fewest_searched=max(1, fewest))
    found = lattice(cells, settings.depth)
    inside, outside = found.counts, found.total - found.counts
    versus = Versus(m, settings.at if settings.at is not None else 0.0)
    support, beyond = versus.support(counts_of(inside)), versus.support(counts_of(outside))
    status = np.full(len(inside), FEW, dtype=np.int8)
    enough = (support[:, 0] >= settings.fewest_searched) & (beyond[:, 0] >= settings.fewest_searched)
    status[enough] = PASSED_OVER
    status[enough & found.repeats()] = SAME
    tried = np.flatnonzero(status == PASSED_OVER)
    if not tried.size:
        raise _nothing(found, support[:, 0], beyond[:, 0], settings)
    p_searched, p, p_adjusted = (np.full(len(inside), np.nan) for _ in range(3))
    margin = settings.margin or 0.0
    p_searched[tried], lower = versus.search(
        counts_of(inside[tried, 0]), counts_of(outside[tried, 0]), settings.side, margin
    )
    settings = replace(settings, selection_level=min(0.1, settings.by_chance / len(tried)))
    chosen = p_searched[tried] <= settings.selection_level
    selected, lower = tried[chosen], lower[chosen]
    p[selected] = versus.confirm(counts_of(inside[selected, 1]), counts_of(outside[selected, 1]), lower, margin)
    p_adjusted[selected] = adjusted(p[selected], settings.fdr)
    sure = p_adjusted[selected] <= settings.level
    status[selected] = np.where(sure, CONFIRMED, UNCONFIRMED)
    own, other = (versus.value(counts_of(table[:, 1])) for table in (inside, outside))
    evidence = Evidence(status, support, beyond, own, other, p_searched, p, p_adjusted)
    order = np.lexsort((p_searched[selected[sure]], p[selected[sure]]))
    kept, direction = selected[sure][order], lower[sure][order]
    confirmed = _subgroups(found, evidence, versus, settings, kept, direction, len(selected))
    return Discovery(
        confirmed=marked(confirmed, found, kept, direction, versus, settings.level, margin),
        settings=settings, people=(int(people[0]), int(people[1])), left_out=cells.left_out,
        statuses=count_statuses(status), lattice=found, evidence=evidence,
    )  # fmt: skip


def _subgroups(
    found: Lattice, e: Evidence, versus: Versus, settings: SearchSettings, kept: Any, lower: Any, selected: int
) -> list[Subgroup]:
    if not len(kept):
        return []
    inside = found.counts[kept, 1]
    wide = 1 - 2 * settings.level * len(kept) / selected / price(selected, settings.fdr)
    low, high = versus.interval(counts_of(inside), counts_of(found.total[1] - inside), wide)
    result = []
    for j, i in enumerate(kept.tolist()):
        attribute, group = found.name(i)
        subset, code = found.where(i)
        levels = tuple((found.attributes[a], found.levels[a][c]) for a, c in zip(subset, code, strict=True))
        result.append(
            Subgroup(
                attribute=attribute, group=group, levels=levels, depth=len(subset),
                direction="lower" if lower[j] else "higher",
                value=float(e.value[i]), outside=float(e.outside[i]), difference=float(e.value[i] - e.outside[i]),
                low=float(low[j]), high=float(high[j]), interval_level=wide, n=int(inside[j].sum()),
                support=int(e.support[i, 1]), support_outside=int(e.support_outside[i, 1]),
                p_searched=float(e.p_searched[i]), p=float(e.p[i]), p_adjusted=float(e.p_adjusted[i]),
            )
        )  # fmt: skip
    return result


def _nothing(found: Lattice, inside: Floats, outside: Floats, s: SearchSettings) -> PrimumError:
    best = int(np.argmax(np.minimum(inside, outside)))
    attribute, group = found.name(best)
    return PrimumError(
        f"No subgroup can be assessed: {s.metric} counts {s.who}, and the best that was found is {int(inside[best]):,} "
        f"inside '{attribute}: {group}' and {int(outside[best]):,} outside, in the half searched.",
        expected=f"{s.fewest_searched} on either side in the half searched (fewest_events = {s.fewest_events})",
        mend="more people, broader levels, or a smaller fewest_events",
    )
