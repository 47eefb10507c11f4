"""Write docs/evidence/coverage.md: how often the intervals of single groups contain the truth."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import expit, logit, ndtr

from primum.measure.compare import compare
from primum.measure.estimate import Settings, estimates
from primum.tally.count import count

OUT = Path(__file__).parents[1] / "docs" / "evidence" / "coverage.md"
SIZES = (20, 100, 500, 2_000, 20_000)
PREVALENCES = (0.01, 0.05, 0.1, 0.3, 0.5)
REPEATS = {20: 400, 100: 400, 500: 300, 2_000: 200, 20_000: 100}
METRICS = ("sensitivity", "ppv", "auroc", "net_benefit", "brier", "oe_ratio", "calibration_slope")
SPREAD, AT = 1.2, 0.1


def people(rng: np.random.Generator, n: int, prevalence: float) -> pl.DataFrame:
    """Return people whose risks are calibrated: the logit is normal in those with and without the outcome."""
    y = rng.random(n) < prevalence
    lp = logit(prevalence) + np.where(y, 0.5, -0.5) * SPREAD**2 + SPREAD * rng.standard_normal(n)
    return pl.DataFrame({"y": y.astype(np.int64), "s": expit(lp), "g": rng.integers(0, 2, n).astype(str)})


def truth(prevalence: float) -> dict[str, float]:
    """Return the true values, from the formulae of the model where there are any, else from ten million people."""
    cut = logit(AT)
    found = 1 - ndtr((cut - logit(prevalence) - 0.5 * SPREAD**2) / SPREAD)
    alarmed = 1 - ndtr((cut - logit(prevalence) + 0.5 * SPREAD**2) / SPREAD)
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    brier = 0.0
    for share, shift, outcome in ((prevalence, 0.5, 1.0), (1 - prevalence, -0.5, 0.0)):
        risk = expit(logit(prevalence) + shift * SPREAD**2 + SPREAD * nodes)
        brier += share * float((weights * (risk - outcome) ** 2).sum())
    tp, fp = prevalence * found, (1 - prevalence) * alarmed
    return {
        "sensitivity": found,
        "ppv": tp / (tp + fp),
        "auroc": float(ndtr(SPREAD / np.sqrt(2))),
        "net_benefit": tp - fp * AT / (1 - AT),
        "brier": brier,
        "oe_ratio": 1.0,
        "calibration_slope": 1.0,
    }


def covered(n: int, prevalence: float) -> dict[str, tuple[float, float]]:
    """Return metric → (share of intervals that contain the truth, share of samples that have an interval)."""
    rng = np.random.default_rng([n, round(1000 * prevalence)])
    true, settings = truth(prevalence), Settings(at=AT)
    names = [*METRICS, "difference in sensitivity"]
    hit, had = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for _ in range(REPEATS[n]):
        tally = count(people(rng, n, prevalence), "y", "s", ["g"], thresholds=[AT])
        found = estimates(tally.by(), METRICS, settings)[0]
        rows = [(name, e, true[name]) for name, e in found.items()]
        if len(tally.groups) == 2:
            rows.append(("difference in sensitivity", compare(tally, ["sensitivity"], settings)[0].difference, 0.0))
        for name, e, value in rows:
            if np.isfinite(e.low) and np.isfinite(e.high):
                had[name] += 1
                hit[name] += e.low <= value <= e.high
    return {k: (hit[k] / had[k] if had[k] else float("nan"), had[k] / REPEATS[n]) for k in names}


def main() -> None:
    """Simulate and write the page."""
    started = time.time()
    table = {(n, p): covered(n, p) for n in SIZES for p in PREVALENCES}
    lines = [
        "# Single groups: how often the intervals contain the truth",
        "",
        f"Written by `python scripts/evidence_coverage.py`. 95 % intervals; calibrated risks, threshold {AT}, AUROC",
        f"{truth(0.1)['auroc']:.3f}. Repeats by size: " + ", ".join(f"{n:,}: {r}" for n, r in REPEATS.items()) + ".",
        "By chance a share of .95 moves by ±.021 in 400 repeats and by ±.043 in 100. In brackets: the share of samples",
        "that have an interval at all, where it is not 1; the others end in a reason.",
        "",
        "Fewer than ten people with the outcome stand behind every cell with n × prevalence below 10. A use case",
        "declares how many it needs, and below that the report says *not assessable* whatever the interval.",
    ]
    for name in [*METRICS, "difference in sensitivity"]:
        lines += ["", f"## {name}", "", "| n | " + " | ".join(f"prevalence {p:g}" for p in PREVALENCES) + " |"]
        lines.append("| --- |" + " --- |" * len(PREVALENCES))
        for n in SIZES:
            cells = []
            for p in PREVALENCES:
                share, there = table[n, p][name]
                cells.append(("–" if np.isnan(share) else f"{share:.3f}") + ("" if there == 1 else f" ({there:.2f})"))
            lines.append(f"| {n:,} | " + " | ".join(cells) + " |")
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{OUT} in {time.time() - started:.0f} s")


if __name__ == "__main__":
    main()
