"""Time threshold repairs beside peers: equalized odds, and a floor of sensitivity; each alone in its own process.

Peers (oxonfair, fairlearn) are looked for in the interpreter that runs this file, or in another one given by --peers.
Everyone gets the same scores, outcomes and groups as arrays. Quote ratios, never seconds.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
import warnings
from importlib.util import find_spec

import numpy as np

AT, FLOOR, GAP = 0.2, 0.8, 0.02


def people(rows, groups, seed=20260101):
    """Make people whose score is right in group 0 and too high, the more the higher its number, in the others."""
    rng = np.random.default_rng(seed)
    g, s = rng.integers(0, groups, rows), rng.beta(1, 6, rows)
    return s, (rng.random(rows) < s ** (1 + g / groups / 2)).astype(int), g


def tallied(s, y, g):
    import polars as pl

    from primum.tally.count import count

    return count(pl.DataFrame({"s": s, "y": y, "g": g}), "y", "s", ["g"], thresholds=[AT])


def searched(s, y, g, search, *, counting):
    view = tallied(s, y, g)
    work = (lambda: search(tallied(s, y, g))) if counting else (lambda: search(view))
    return work, lambda found: found.decide(s, g.astype(str))


def with_primum_odds(s, y, g, *, counting=False):
    from primum.mitigate.equalized_odds import equalized_odds

    return searched(s, y, g, lambda view: equalized_odds(view, AT, gap=GAP, exchange=0.5), counting=counting)


def with_primum_floor(s, y, g, *, counting=False):
    from primum.mitigate.level_up import level_up

    return searched(s, y, g, lambda view: level_up(view, AT, FLOOR), counting=counting)


def with_primum_estimator(s, y, g):
    from primum.mitigate.base import GivenScore
    from primum.mitigate.level_up import LevelUp

    names = g.astype(str)
    work = lambda: LevelUp(GivenScore(), threshold=AT, prefit=True, floor=FLOOR).fit(s, y, group=names)  # noqa: E731
    return work, lambda model: model.predict(s, group=names)


def with_oxonfair(s, y, g, constraint):
    from oxonfair import FairPredictor
    from oxonfair import group_metrics as gm

    data = {"data": np.column_stack([1 - s, s]), "target": y, "groups": g}
    model = FairPredictor(None, data)  # reads its input; only the search is timed
    asked = (gm.equalized_odds, GAP) if constraint == "odds" else (gm.recall.min, FLOOR)
    return lambda: model.fit(gm.accuracy, *asked), lambda found: found.predict(data)


def with_fairlearn(s, y, g):
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.base import BaseEstimator

    class Given(BaseEstimator):
        def __sklearn_is_fitted__(self):
            return True

        def fit(self, *_):
            return self

        def predict_proba(self, X):
            return np.column_stack([1 - X[:, 0], X[:, 0]])

    x = s[:, None]
    new = lambda: ThresholdOptimizer(  # noqa: E731
        estimator=Given(), constraints="equalized_odds", objective="accuracy_score", prefit=True,
        predict_method="predict_proba",
    )  # fmt: skip
    return lambda: new().fit(x, y, sensitive_features=g), lambda m: m.predict(x, sensitive_features=g, random_state=0)


QUESTIONS = {
    "equalized odds, most accurate with a gap of .02": {
        "primum, from the tally": ("primum", with_primum_odds, 7),
        "primum, counting too": ("primum", lambda *a: with_primum_odds(*a, counting=True), 7),
        "oxonfair, search only": ("oxonfair", lambda *a: with_oxonfair(*a, "odds"), 3),
        "fairlearn, randomised": ("fairlearn", with_fairlearn, 1),
    },
    "every group's sensitivity at least .8": {
        "primum, from the tally": ("primum", with_primum_floor, 7),
        "primum, counting too": ("primum", lambda *a: with_primum_floor(*a, counting=True), 5),
        "primum, the estimator": ("primum", with_primum_estimator, 3),
        "oxonfair, search only": ("oxonfair", lambda *a: with_oxonfair(*a, "floor"), 1),
    },
}


def alone(question, name, options):
    """Run one contender in this process and print what it took as JSON."""
    package, make, repeats = QUESTIONS[question][name]
    if not find_spec(package):
        print(json.dumps({"missing": package}))
        return
    warnings.simplefilter("ignore")
    s, y, g = people(options.rows, options.groups)
    work, decide = make(s, y, g)
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        if walls[-1] > 10:
            break
    d = np.asarray(decide(result)).astype(bool).ravel()
    rates = np.array([[d[(g == k) & (y == v)].mean() for v in (1, 0)] for k in range(options.groups)])
    gap = np.ptp(rates, axis=0)
    told = {"accuracy": float((d == y).mean()), "gaps": gap.tolist(), "lowest": float(rates[:, 0].min())}
    print(json.dumps({"wall": min(walls), "cpu": min(cpus)} | told))


def ask(question, options):
    print(f"\n{question}: {options.rows:,} people, {options.groups} groups")
    print(f"{'':28}{'wall':>9}{'cpu':>9}{'× primum':>10}   accuracy  widest gap TPR, FPR  lowest TPR")
    first = None
    for name, (package, *_) in QUESTIONS[question].items():
        python = sys.executable if package == "primum" else options.peers
        command = [python, __file__, "--rows", str(options.rows), "--groups", str(options.groups)]
        try:
            done = subprocess.run(
                [*command, "--alone", question, name],
                capture_output=True,
                text=True,
                check=False,
                timeout=options.limit,
            )
        except subprocess.TimeoutExpired:
            print(f"{name:28}not finished after {options.limit} s")
            continue
        if done.returncode:
            print(f"{name:28}did not finish: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
            continue
        r = json.loads(done.stdout.splitlines()[-1])
        if "missing" in r:
            print(f"{name:28}not installed")
            continue
        first = first or r["cpu"]
        gaps = ", ".join(f"{x:.4f}" for x in r["gaps"])
        took = f"{r['wall']:9.4f}{r['cpu']:9.4f}{r['cpu'] / first:10.1f}"
        print(f"{name:28}{took}   {r['accuracy']:.5f}   {gaps:>19}  {r['lowest']:10.4f}")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int)
    options.add_argument("--groups", type=int)
    options.add_argument("--limit", type=int, default=600, help="seconds for one contender")
    options.add_argument("--peers", default=sys.executable, help="an interpreter that has oxonfair and fairlearn")
    options.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.alone:
        alone(*chosen.alone, chosen)
        return
    print(f"Python {platform.python_version()}; seconds: best wall and best CPU of several runs; ratios of CPU")
    odds, floor = QUESTIONS
    asked = [(odds, 100_000, 2), (odds, 100_000, 5), (floor, 100_000, 5), (floor, 500_000, 300)]
    for question, rows, groups in asked:
        chosen.rows, chosen.groups = rows, groups
        ask(question, chosen)


if __name__ == "__main__":
    main()
