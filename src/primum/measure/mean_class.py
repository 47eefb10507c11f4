"""Means over classes, with intervals that know that every class is measured on the same people.

A measure θ = Σ a_k θ_k has influence Σ a_k ψ_k, and variance Σ a_k a_l ψ_kᵀ M_kl ψ_l, where M_kl sums Σ w² (or, with
clusters, Σ_c T_c T_cᵀ) over the coarse cells of classes k and l. Where classes do not share people (sensitivity:
everybody has one true class) Wilson limits are combined instead, which holds better in small groups.
Sources: Binder (1983), Int Stat Rev 51:279-292; Zou & Donner (2008), Stat Med 27:1693-1702. Means over classes: Hand &
Till (2001), Mach Learn 45:171-186; Sokolova & Lapalme (2009), Inf Process Manag 45:427-437.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.finding import Estimate
from primum.measure.estimate import LINEAR, ROBUST, Limits, confusion
from primum.measure.kernel import Metric
from primum.measure.linear import few_clusters, influence, interval
from primum.tally.multiclass import STRIDE, ClassTally
from primum.tally.resample import Histogram, histogram, segmented

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SUM, MOVER = "mean of the limits", "MOVER on Wilson"
APART = {"sensitivity": True, "fnr": True, "ppv": False}
"""Rates whose people differ between classes: by true class (also at thresholds), or by decided class."""


@dataclass(frozen=True)
class Part:
    """One class in a mean: its position, its weight, its estimate, and its threshold (None: as decided)."""

    k: int
    share: float
    estimate: Estimate
    at: float | None


def mean_limits(
    view: ClassTally, i: int, m: Metric, value: float, parts: Sequence[Part], *, weighted: bool, level: float
) -> Limits:
    """Return the interval of a mean of one metric over classes in group `i`.

    `weighted` says that the weights are the classes' own shares, which are estimated too.
    """
    decided = m.threshold and parts[0].at is None
    ready = all(np.isfinite(p.estimate.low) and np.isfinite(p.estimate.high) for p in parts)
    if ready and not weighted and view.clusters is None and m.id in APART and (decided or APART[m.id]):
        low = value - np.sqrt(sum((p.share * (p.estimate.value - p.estimate.low)) ** 2 for p in parts))
        high = value + np.sqrt(sum((p.share * (p.estimate.high - p.estimate.value)) ** 2 for p in parts))
        return Limits(float(low), float(high), MOVER, _told(view, i, np.nan, np.nan)[1])
    if m.interval == "bootstrap" or (not decided and view.pairs is None and view.clusters is None):
        if not ready:
            return Limits(np.nan, np.nan, SUM)
        low, high = (sum(p.share * getattr(p.estimate, side) for p in parts) for side in ("low", "high"))
        return Limits(float(low), float(high), SUM)
    if decided:
        psi = _decided_influence(view, i, m, parts, weighted=weighted)
        var, alone = (decided_variance(view, i, psi, level, robust=r) for r in (True, False))
    else:
        psi, cells, squares = _score_influence(view, i, m, parts, weighted=weighted)
        alone = _between_classes(view, i, psi, cells, squares)
        var = alone if view.clusters is None else _clustered(view, i, psi, cells, level)
    return Limits(*interval(value, var, m, level), *_told(view, i, var, alone))


def _told(view: ClassTally, i: int, var: float, alone: float) -> tuple[str, float | None]:
    """Return the method, and with weights or clusters the effective number of people."""
    if view.clusters is None and np.array_equal(view.w[i], view.n[i]):
        return LINEAR, None
    size = float(view.w[i].sum() ** 2 / view.ww[i].sum())
    size = size * alone / var if view.clusters is not None and var > 0 else size
    return ROBUST if view.clusters is not None else LINEAR, size if np.isfinite(size) else None


def decided_variance(view: ClassTally, i: int, psi: Floats, level: float, *, robust: bool = True) -> float:
    """Return the variance of an estimate from its influence on the table of true by decided class, shape (K, K)."""
    n = float(view.n[i].sum())
    if view.clusters is None or not robust:
        return float((psi**2 * view.ww[i]).sum() * n / (n - 1)) if n > 1 else float("nan")
    first = len(view.classes) * STRIDE
    return _clustered(view, i, psi.ravel(), np.arange(first, first + psi.size), level)


def slope_of(table: Floats, kernel: Callable[[Floats], Any]) -> Floats:
    """Return the influence on a function of a table of true by decided class, shape (K, K), by central differences."""
    added = 1e-5 * table.sum()
    one = (np.eye(table.size) * added).reshape(-1, *table.shape)
    up, down = kernel(table + one), kernel(table - one * (table > 0))
    step = np.where(table.ravel() > 0, 2 * added, added)
    return np.asarray((up - down) / step, dtype=np.float64).reshape(table.shape)


def _decided_influence(view: ClassTally, i: int, m: Metric, parts: Sequence[Part], *, weighted: bool) -> Floats:
    size = len(view.classes)
    psi = np.zeros((size, size))
    for p in parts:
        h = histogram(view.decided(p.k), i, 0.5)
        own = influence(m, h, confusion, 0.5)
        both = np.zeros((2, 2))  # outcome, selected
        for column, selected in enumerate(h.selected):
            both[:, int(selected)] = own[:, column]
        is_class = (np.arange(size) == p.k).astype(np.int64)
        psi += p.share * both[is_class][:, is_class]
    return psi + _by_shares(view, i, parts)[:, None] if weighted else psi


def _by_shares(view: ClassTally, i: int, parts: Sequence[Part]) -> Floats:
    """Return the influence, by true class, that comes from the shares of the classes, shape (K,)."""
    total = sum(float(view.w[i, p.k].sum()) for p in parts)
    value = sum(p.share * p.estimate.value for p in parts)
    psi = np.zeros(len(view.classes))
    for p in parts:
        psi[p.k] = (p.estimate.value - value) / total
    return psi


def _score_influence(
    view: ClassTally, i: int, m: Metric, parts: Sequence[Part], *, weighted: bool
) -> tuple[Floats, Ints, Floats]:
    """Return the influence on coarse cells of all classes, their codes, and their Σ w², shape (cells,) each."""

    def same(h: Histogram) -> Histogram:
        return h

    shares = _by_shares(view, i, parts) if weighted else np.zeros(len(view.classes))
    psis, codes, squares = [], [], []
    for p in parts:
        tally = view.ovr[p.k]
        h, cells = segmented(tally, i, p.at)
        at = tally.grid.low if p.at is None else p.at
        psi = p.share * influence(m, h, confusion if m.needs == "counts" else same, at)
        psi[1] += np.where(h.w[1] > 0, shares[p.k], 0.0)
        psis.append(psi.ravel())
        codes.append(cells + p.k * STRIDE)
        squares.append(h.ww.ravel())
    return np.concatenate(psis), np.concatenate(codes), np.concatenate(squares)


def _between_classes(view: ClassTally, i: int, psi: Floats, cells: Ints, squares: Floats) -> float:
    """Return the variance for independent people; NaN if pairs of classes were not counted."""
    n = float(view.n[i].sum())
    if view.pairs is None or n <= 1:
        return float("nan")
    one, two, value = view.pairs.of(i)
    place = np.zeros(int(max(cells.max(), one.max(initial=0), two.max(initial=0))) + 1)
    place[cells] = psi
    both = float((psi**2 * squares).sum() + 2 * (place[one] * place[two] * value).sum())
    return both * n / (n - 1)


def _clustered(view: ClassTally, i: int, psi: Floats, cells: Ints, level: float) -> float:
    """Return the variance over clusters, enlarged where they are few."""
    shared = view.shared(i)
    if shared is None or shared.clusters < 2:
        return float("nan")
    place = np.zeros(int(max(cells.max(), shared.i.max(initial=0), shared.j.max(initial=0))) + 1)
    place[cells] = psi
    var = float((place[shared.i] * place[shared.j] * shared.value).sum())
    return var * shared.clusters / (shared.clusters - 1) * few_clusters(shared.clusters, level)
