"""Simulate how often the bounds certify harm, and how often harmlessness, and write docs/evidence/no-harm.md.

Run by hand: about ten minutes.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import betaincinv

from primum.certify import betting, gaffke, phan, student
from primum.certify.bound import BOUNDS
from primum.certify.eprocess import wealth
from primum.certify.sample import sample

OUT = Path(__file__).resolve().parents[1] / "docs" / "evidence" / "no-harm.md"
W, EPS, ALPHA = 0.25, 0.01, 0.05
VALUES = np.array([-1, -W, 0, W, 1])
NAMES = ("student", "gaffke", "phan", "betting")


def scenario(name: str, prevalence: float = 0.12) -> Any:
    """Return the probability of each of `VALUES`: cases lost, alarms added, no change, alarms spared, cases found."""
    found, lost, alarmed, spared = {
        "sensitivity harm": (0.02, 0.02 + EPS / prevalence, 0, 0),
        "false-positive harm": (0, 0, EPS / ((1 - prevalence) * W), 0),
        "good": (0.10, 0.01, 0.01, 0.01),
        "neutral": (0.01, 0.01, 0.005, 0.005),
    }[name]
    p = np.array([prevalence * lost, (1 - prevalence) * alarmed, 0, (1 - prevalence) * spared, prevalence * found])
    p[2] = 1 - p.sum()
    return p


def p_values(counts: Any, bound: str) -> Any:
    """Return a p-value of δ ≤ −ε for each row of counts."""
    return {"student": student, "gaffke": gaffke, "phan": phan, "betting": betting}[bound].p_many(
        counts, VALUES, (-1, 1), -EPS
    )


def table(head: list[str], rows: list[list]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(c) for c in line) + " |" for line in lines) + "\n"


def share(hits: Any) -> str:
    """Return a share."""
    return f"{np.mean(hits):.4f}"


def passes(name: str, expected: dict[int, tuple[str, ...]], seed: int, repeats: dict[str, int]) -> str:
    """Return P(pass) by size and bound, with the numbers that were expected in brackets."""
    rng, rows = np.random.default_rng(seed), []
    for n, reference in expected.items():
        counts = rng.multinomial(n, scenario(name), size=max(repeats.values()))
        row = [f"{n:,}"]
        for bound, said in zip(NAMES, reference, strict=True):
            hit = p_values(counts[: repeats[bound]], bound) < ALPHA
            row.append(share(hit) + (f" ({said})" if said else ""))
        rows.append(row)
    return table(["n in the group", "Student t", "Gaffke", "Phan", "betting"], rows)


def four_groups(repeats: int = 4000) -> str:
    """Return how often a certificate over four groups is issued, by rule."""
    sizes, prevalences = (3000, 1500, 600, 250), (0.12, 0.10, 0.15, 0.12)
    worlds = {
        "smallest at the boundary": ["good"] * 3 + ["sensitivity harm"],
        "largest at the boundary": ["sensitivity harm"] + ["good"] * 3,
        "all good": ["good"] * 4,
        "all neutral": ["neutral"] * 4,
    }
    said = {
        "no point estimate below 0": (".142", ".000", ".946", ".075"),
        "every point estimate above −ε": (".520", ".482", ".998", ".991"),
        "every group, Student t at .05": (".111", ".060", ".942", ".781"),
        "every group, Student t at .05/4": (".042", ".021", ".846", ".676"),
        "every group, Gaffke at .05": ("",) * 4,
        "every group, Phan at .05": ("",) * 4,
        "every group, betting at .05": ("",) * 4,
        "least e-value, fixed n": (".0008", ".004", ".513", ".005"),
        "least e-value, at any time": (".0015", ".026", ".553", ".006"),
    }
    found: dict[str, list[str]] = {rule: [] for rule in said}
    for at, (_, groups) in enumerate(worlds.items()):
        rng = np.random.default_rng([0, at])
        hits: dict[str, list[Any]] = {rule: [] for rule in said}
        for n, pi, name in zip(sizes, prevalences, groups, strict=True):
            order = rng.choice(5, size=(repeats, n), p=scenario(name, pi)).astype(np.int8)
            counts = np.stack([(order == j).sum(1) for j in range(5)], axis=1)
            p = {b: p_values(counts, b) for b in NAMES}
            mean = counts @ VALUES / n
            x, m = (VALUES + 1) / 2, (1 - EPS) / 2
            paths = [wealth(x[part], m, ALPHA, n) for part in np.array_split(order, max(1, repeats // 500))]
            last, peak = (np.concatenate([f(path) for path in paths]) for f in (lambda w: w[:, -1], lambda w: w.max(1)))
            one = [mean >= 0, mean > -EPS + 1e-12, p["student"] < ALPHA, p["student"] < ALPHA / 4]
            one += [p[b] < ALPHA for b in ("gaffke", "phan", "betting")]
            one += [last >= -math.log(ALPHA), peak >= -math.log(ALPHA)]
            for rule, hit in zip(said, one, strict=True):
                hits[rule].append(hit)
        for rule, each in hits.items():
            reference = said[rule][at]
            found[rule].append(share(np.all(each, axis=0)) + (f" ({reference})" if reference else ""))
    return table(["rule", *worlds], [[rule, *row] for rule, row in found.items()])


def rollback(repeats: int = 20_000) -> str:
    """Return how often a rollback keeps the repair for any of four groups, all at the boundary."""
    rng, rows = np.random.default_rng(6), []
    for n in (250, 600, 1500, 5000):
        p = p_values(rng.multinomial(n, scenario("sensitivity harm"), size=4 * repeats), "gaffke").reshape(repeats, 4)
        rows.append([f"{n:,}", *(share((p < level).any(1)) for level in (ALPHA, ALPHA / 4))])
    return table(["n in each group", "each at .05", "each at .05/4"], rows)


def other_shapes(repeats: int = 500) -> str:
    """Return how often the bound lies above the true mean, for other quantities between 0 and 1."""
    shapes = {
        "uniform": (lambda rng, n: rng.uniform(size=n), 0.5),
        "Beta(8, 1/2): rarely low": (lambda rng, n: rng.beta(8, 0.5, size=n), 8 / 8.5),
        "Beta(1/2, 8): rarely high": (lambda rng, n: rng.beta(0.5, 8, size=n), 0.5 / 8.5),
        "1, or 0 for two in a hundred": (lambda rng, n: 1.0 * (rng.random(n) > 0.02), 0.98),
        "0.5, or 0 or 1 for one in twenty each": (
            lambda rng, n: rng.choice([0, 0.5, 1], n, p=[0.05, 0.9, 0.05]), 0.5),
    }  # fmt: skip
    rows = []
    for title, (draw, mean) in shapes.items():
        for n in (10, 30, 100):
            rng = np.random.default_rng([7, n])
            seen = [sample(draw(rng, n), low=0, high=1) for _ in range(repeats)]
            rows.append([title, n, *(share([BOUNDS[b].p_value(s, mean) < ALPHA for s in seen]) for b in NAMES)])
    return table(["quantity", "n", "Student t", "Gaffke", "Phan", "betting"], rows)


def cost() -> str:
    """Return milliseconds a bound."""
    rows = []
    for n in (250, 5000, 500_000_000):
        counts = np.random.default_rng(8).multinomial(n, scenario("good"))
        seen, row = sample(VALUES, counts, low=-1, high=1), [f"{n:,}"]
        for b in NAMES:
            BOUNDS[b].lower(seen, ALPHA)
            start = time.process_time()
            for _ in range(5):
                BOUNDS[b].lower(seen, ALPHA)
            row.append(f"{(time.process_time() - start) * 200:.1f}")
        rows.append(row)
    return table(["n", "Student t", "Gaffke", "Phan", "betting"], rows)


def main() -> None:
    """Write the page."""
    many = {"student": 20_000, "gaffke": 20_000, "phan": 20_000, "betting": 3000}
    gaffke_7 = gaffke.lower(sample([0, 1], [43, 7], low=0, high=1), ALPHA)
    parts = [
        "# No harm: how often a certificate is false, and how often it is given\n",
        "Written by `python scripts/evidence_no_harm.py`. Differences in net benefit at threshold .2, so a false alarm",
        "costs w = .25; margin ε = .01; level .05; prevalence .12. Among cases a share a is newly found and b is lost,",
        "among the others c is newly alarmed and e is spared. *Sensitivity harm*: a = .02, b = .02 + ε/.12;",
        "*false-positive harm*: c = ε/(.88 w); both lie exactly at δ = −ε, where at most 5 % may pass.",
        "*Good*: .10, .01, .01, .01. *Neutral*: .01, .01, .005, .005. In brackets: the number expected from an",
        "earlier program with other draws, where there is one. 20,000 repeats (standard error .0015 at .05, at most",
        ".0035), betting 3,000 (.004 at .05, at most .009). The expected numbers have standard errors of .004 (false",
        "passes) to .015 (power). Phan's draws are shared by all repeats of one n, as in use.\n",
        "## False passes: sensitivity harm at the boundary\n",
        passes("sensitivity harm", {
            100: (".292", ".000", "", ".000"), 250: (".105", ".024", "", ".001"), 600: (".077", ".032", "", ".010"),
            1500: (".076", ".038", "", ".005"), 5000: (".052", ".037", "", ".005"),
        }, 5, many),
        "## False passes: false-positive harm at the boundary\n",
        passes("false-positive harm", {
            100: (".0995", "0", "", ""), 250: (".059", "0", "", ""), 600: (".0905", ".0005", "", ""),
            1500: (".0625", ".008", "", ""), 5000: ("", "", "", ""),
        }, 9, many),
        "## Power: good\n",
        passes("good", {
            100: (".775", ".069", "", ".013"), 250: (".955", ".749", "", ".498"), 600: (".999", ".997", "", ".977"),
            1500: ("1", "1", "", "1"),
        }, 1, many),
        "## Power: neutral swaps\n",
        passes("neutral", {
            100: (".832", ".001", "", ".000"), 250: (".827", ".167", "", ".017"), 600: (".980", ".910", "", ".755"),
            1500: ("1", ".999", "", ".992"), 3000: ("1", "1", "", "1"),
        }, 2, many),
        "Student's t passes often because it passes harm as often; it is no test here.\n",
        "## Four groups\n",
        "Sizes 3,000, 1,500, 600, 250; prevalences .12, .10, .15, .12; groups not named are good. 4,000 repeats",
        "(standard error at most .008). The first two columns are false certificates. Every group has to pass at .05,",
        "with no correction for their number. *At any time*: every group's wealth has reached 20 at some time.\n",
        four_groups(),
        "## Rollback\n",
        "Where the repair is kept in those of four groups that pass (Gaffke) and undone in the others, the level has",
        "to be shared. All four at the boundary (sensitivity harm): how often any keeps a harmful repair.\n",
        rollback(),
        "## Other quantities between 0 and 1\n",
        "How often the 95 % lower bound lies above the true mean. 500 repeats, standard error .010 at .05.\n",
        other_shapes(),
        "## Exactness\n",
        f"Gaffke on 7 of 50: {gaffke_7:.6f}; Clopper-Pearson: {betaincinv(7, 44, ALPHA):.6f} (expected .0676).\n",
        "## Cost\n",
        "Processor milliseconds for one lower bound on five distinct values, once the draws for this n are made.\n",
        cost(),
    ]  # fmt: skip
    OUT.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
