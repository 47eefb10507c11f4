"""Simulate how often the comparisons between groups err, and write docs/evidence/gaps.md. Run by hand: ten minutes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from primum.measure.draw import draw_confusion
from primum.measure.equality import equal_rates, equality
from primum.measure.estimate import Settings
from primum.measure.gaps import PAIRS, gaps
from primum.measure.spread import between, rate_noise, spread_interval
from primum.measure.widest import widest
from primum.tally.grid import Grid
from primum.tally.score import ScoreTally

OUT = Path(__file__).resolve().parents[1] / "docs" / "evidence" / "gaps.md"
FAST = Settings(at=0.5, replicates=200)


def of_scores(group: Any, outcome: Any, score: Any) -> ScoreTally:
    """Return the tally of people, given as arrays."""
    grid = Grid()
    key, at = np.unique((group * 2 + outcome) * 2**17 + grid.labels(score), return_inverse=True)
    n, ws, wss = (np.bincount(at, weights=w) for w in (np.ones(len(score)), score, score**2))
    rest, label = np.divmod(key, 2**17)
    names = tuple((f"g{i:03d}",) for i in range(int(group.max()) + 1))
    return ScoreTally(("g",), names, rest // 2, rest % 2, label, n.astype(np.int64), n, n, ws, wss, grid)


def of_counts(tp: Any, fp: Any, fn: Any, tn: Any) -> ScoreTally:
    """Return a tally of confusion counts per group at threshold .5: scores are .2 and .8."""
    grid, n = Grid(), np.stack([tn, fp, fn, tp], axis=1).ravel().astype(np.int64)
    groups, keep = len(tp), n > 0
    cut = np.tile(grid.labels([0.2, 0.8, 0.2, 0.8]), groups)
    s, w = np.tile([0.2, 0.8, 0.2, 0.8], groups), n.astype(float)
    group, outcome = np.repeat(np.arange(groups), 4), np.tile([0, 0, 1, 1], groups)
    names = tuple((f"g{i:03d}",) for i in range(groups))
    cells = (x[keep] for x in (group, outcome, cut, n, w, w, w * s, w * s * s))
    return ScoreTally(("g",), names, *cells, grid)


def table(head: list[str], rows: list[list]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(c) for c in line) + " |" for line in lines) + "\n"


def null_range(repeats: int = 500) -> str:
    """Compare intervals of max − min sensitivity when every group has .70: 10 groups of 400, prevalence .20."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(repeats):
        cells = rng.multinomial(4000, np.tile([0.14, 0.06, 0.8], 10) / 10)
        drawn = rng.multinomial(4000, cells / 4000, size=400).reshape(400, 10, 3)
        rate = drawn[..., 0] / drawn[..., :2].sum(-1)
        low, high = np.quantile(np.ptp(rate, axis=1), [0.025, 0.975])
        tp, fn, tn = cells.reshape(10, 3).T
        w = widest(of_counts(tp, tn * 0, fn, tn), "sensitivity", FAST)
        found.append((w.value, low, high, low <= 0, w.low, w.high, w.low <= 0))
    gap, low, high, old, ours, top, new = np.mean(found, axis=0)
    rows = [
        ["percentile bootstrap", f"[{low:.3f}, {high:.3f}]", f"{old * repeats:.0f} of {repeats}"],
        ["`widest`", f"[{ours:.3f}, {top:.3f}]", f"{new * repeats:.0f} of {repeats}"],
    ]
    return f"Mean observed gap {gap:.3f}.\n\n" + table(["interval of max − min", "mean interval", "contains 0"], rows)


def equality_level(repeats: int = 1000) -> str:
    """Return how often `equal_rates` rejects at 5 % when all rates are equal."""
    rows, rng = [], np.random.default_rng(1)
    for groups in (2, 5, 10, 20):
        for n in (20, 100, 1000):
            row = [groups, n]
            for p in (0.01, 0.05, 0.2, 0.5):
                size = np.full(groups, n)
                found = [equal_rates(rng.binomial(size, p), size, rng, replicates=199)[1] for _ in range(repeats)]
                row.append(f"{np.mean(np.array(found) <= 0.05):.3f}")
            rows.append(row)
    return table(["groups", "people each", "rate .01", ".05", ".2", ".5"], rows)


def family_wise(against: str, repeats: int = 200) -> str:
    """Return how often any simultaneous interval misses when all rates are equal."""
    rows, rng = [], np.random.default_rng(2)
    for groups in (2, 5, 20):
        for n in (20, 100, 1000):
            row = [groups, n]
            for p in (0.01, 0.05, 0.2, 0.5):
                miss = 0
                for _ in range(repeats):
                    k = rng.binomial(n, p, groups)
                    found = gaps(of_counts(k, k * 0, k * 0, n - k), ["prevalence"], FAST, against)
                    miss += any(g.joint_low > 0 or g.joint_high < 0 for g in found)
                row.append(f"{miss / repeats:.3f}")
            rows.append(row)
    return table(["groups", "people each", "rate .01", ".05", ".2", ".5"], rows)


def power(repeats: int = 300) -> str:
    """Return how often the one group that differs by .12 in a rate of .70 is found, at 5 % family-wise."""
    rows, rng = [], np.random.default_rng(3)
    for groups in (5, 10, 20):
        for against in ("overall", "g000"):
            hits = np.zeros(3)
            for _ in range(repeats):
                rate = np.r_[np.full(groups - 1, 0.7), 0.58]
                k = rng.binomial(300, rate)
                found = gaps(of_counts(k, k * 0, k * 0, 300 - k), ["prevalence"], FAST, against)
                last = found[-1]
                hits += [last.adjusted <= 0.05, last.holm <= 0.05, last.p * len(found) <= 0.05]
            name = "everyone else" if against == "overall" else "a reference"
            rows.append([groups, name, *(f"{h / repeats:.3f}" for h in hits)])
    return table(["groups of 300", "against", "max-T", "Holm", "Bonferroni"], rows)


def other_metrics(repeats: int = 100) -> str:
    """Return the same for metrics that are not rates; risks are calibrated, with the same distribution everywhere."""
    rows, rng = [], np.random.default_rng(4)
    settings = Settings(at=0.2, replicates=200)
    for groups, n, centre in ((5, 200, -1.0), (10, 200, -1.0), (5, 1000, -2.5), (10, 1000, -2.5)):
        for metric in ("auroc", "net_benefit", "balanced_accuracy", "brier", "calibration_slope"):
            miss = np.zeros(3)
            for _ in range(repeats):
                s = expit(centre + 1.2 * rng.standard_normal(groups * n))
                view = of_scores(np.repeat(np.arange(groups), n), rng.binomial(1, s), s)
                for i, against in enumerate(("overall", PAIRS)):
                    found = gaps(view, [metric], settings, against)
                    miss[i] += any(g.joint_low > 0 or g.joint_high < 0 for g in found)
                miss[2] += equality(view, metric, settings).p <= 0.05
            events = n * float(np.mean(expit(centre + 1.2 * rng.standard_normal(100_000))))
            rows.append([metric, groups, n, f"{events:.0f}", *(f"{x / repeats:.3f}" for x in miss)])
    head = ["metric", "groups", "people each", "with the outcome", "against the rest", "all pairs", "equality test"]
    return table(head, rows)


def spreads(repeats: int = 4000) -> str:
    """Return the table of Lum et al. and the coverage of the interval."""
    rows, rng = [], np.random.default_rng(5)
    for n in (20, 50, 200, 1000):
        k = rng.binomial(n, 0.8, (repeats, 12))
        naive, corrected = (float(x.mean()) for x in between(k / n, rate_noise(k, n)))
        row = [n, f"{np.ptp(k / n, axis=1).mean():.3f}", f"{naive:.5f}", f"{corrected:+.5f}"]
        for true in (0.0, 0.03, 0.08):
            hit = 0
            for _ in range(300):
                rate = np.clip(0.8 + true * rng.standard_normal(12), 0.01, 0.99)
                p = rng.binomial(n, rate) / n
                drawn = rng.binomial(n, p, (400, 12))
                size = np.full(12, n)
                low, high = spread_interval(drawn / n, rate_noise(drawn, size))
                hit += low <= rate.var(ddof=1) <= high
            row.append(f"{hit / 300:.3f}")
        rows.append(row)
    head = ["people each", "E[max − min]", "naive variance", "corrected", "coverage, sd 0", "sd .03", "sd .08"]
    return table(head, rows)


def cost() -> str:
    """Return the seconds of 1,000 replicates for 318 groups, by the processor's clock."""
    rng = np.random.default_rng(6)
    cells = rng.multinomial(rng.integers(20, 5000, 318), [0.07, 0.09, 0.03, 0.81]).T
    view, spent = of_counts(*cells), []
    for _ in range(5):
        start = time.process_time()
        draw_confusion(view, 0.5, 1000, rng)
        middle = time.process_time()
        gaps(view, ["sensitivity"], Settings(at=0.5))
        spent.append((middle - start, time.process_time() - middle))
    draw, all_of_it = np.min(spent, axis=0)
    rows = [["drawing", f"{draw:.3f}"], ["every group against everyone else, all of it", f"{all_of_it:.3f}"]]
    return table(["1,000 replicates, 318 groups", "processor seconds"], rows)


CHAPTERS = (
    ("Largest gap when all groups are equal", null_range, "Ten groups of 400, prevalence .20, sensitivity .70 in all."),
    (
        "The test of equality holds its level",
        equality_level,
        """Share of 1,000 repeats with p ≤ .05 when all rates are equal; ±.014 by chance. With few hits it is
conservative: there are not enough ways to deal them.""",
    ),
    (
        "Simultaneous intervals, each group against everyone else",
        lambda: family_wise("overall"),
        "Share of 200 repeats in which any interval of a family excludes 0; ±.03 by chance around .05.",
    ),
    ("Simultaneous intervals, against a reference", lambda: family_wise("g000"), "As above."),
    (
        "Simultaneous intervals, all pairs",
        lambda: family_wise(PAIRS),
        "As above. The highest cell, .085, is .038 in 1,200 fresh repeats.",
    ),
    (
        "Other metrics",
        other_metrics,
        """Share of 100 repeats with a false alarm at 5 %; ±.043 by chance around .05.
In 400 fresh repeats the highest cell against the rest, .110, is .060.""",
    ),
    (
        "Power",
        power,
        "Share of 300 repeats in which the one differing group is found. Bonferroni here uses Newcombe's plain p.",
    ),
    (
        "Spread between groups",
        spreads,
        """Twelve groups. First columns: the true rate is .8 in all, 4,000 repeats (Lum, Zhang & Bower 2022).
Coverage: 300 repeats of the 95 % interval for the variance of true rates with this standard deviation.""",
    ),
    ("Cost", cost, "After counting; the number of people does not matter."),
)


def main() -> None:
    """Run every chapter and write the page."""
    text = "# Comparisons between groups: how often they err\n\nWritten by `python scripts/evidence_gaps.py`.\n"
    for title, chapter, words in CHAPTERS:
        start = time.perf_counter()
        text += f"\n## {title}\n\n{words}\n\n{chapter()}"
        OUT.parent.mkdir(parents=True, exist_ok=True)
        OUT.write_text(text, encoding="utf-8")
        print(f"{title}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
