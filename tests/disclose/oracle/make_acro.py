"""Ask acro (https://github.com/AI-SDC/ACRO, MIT) about single tables, and keep what it answers.

    python -m venv /tmp/acro && /tmp/acro/bin/pip install acro==1.0.2
    /tmp/acro/bin/python tests/disclose/oracle/make_acro.py

writes acro.json beside this file. acro is no dependency of primum, not even for tests.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
from acro import ACRO

HERE = Path(__file__).parent
TABLES = {
    "T1": [[60, 40], [56, 4], [50, 30]],
    "T2": [[60, 1], [56, 4], [50, 30]],
    "T17": [[60, 40], [0, 30]],
    "nine": [[60, 40], [56, 9], [50, 30]],
    "ten": [[60, 40], [56, 10], [50, 30]],
    "safe": [[60, 40], [56, 44], [50, 30]],
    "T3 two-way": [[60, 40], [56, 44]],
    "T3 three people dropped": [[60, 37], [56, 44]],
}
T3 = [[60, 40], [56, 4]]
AMOUNTS = {
    "T21a": [9500, *[50] * 10],
    "T21b": [1000, 900, *[10] * 10],
    "p per cent": [1000, 300, *[9] * 10],
    "even": [100] * 12,
    "nine people": [100] * 9,
}
FREEDOM = {"6 residual degrees": (8, 2), "9 residual degrees": (11, 2), "10 residual degrees": (12, 2)}


def frame(rows):
    """Return one row a person of a table: group, outcome."""
    people = [("ABCDEFGH"[i], o) for i, r in enumerate(rows) for o, k in zip(("neg", "pos"), r, strict=True)
              for _ in range(k)]  # fmt: skip
    return pd.DataFrame(people, columns=["group", "outcome"])


def answers():
    """Return what acro says of each output: its status, and the checks that failed in each cell."""
    session = ACRO()
    for rows in TABLES.values():
        people = frame(rows)
        session.crosstab(people.group, people.outcome)
    people = frame(TABLES["T3 two-way"])
    session.crosstab(people.group, pd.Series(["all"] * len(people), name="everyone"))
    for amounts in AMOUNTS.values():
        costs = pd.DataFrame({"group": "A", "cost": [float(x) for x in amounts]})
        session.crosstab(costs.group, costs.group.rename("same"), values=costs.cost, aggfunc="mean")
    rng = np.random.default_rng(0)
    for n, parameters in FREEDOM.values():
        x = np.column_stack([np.ones(n), rng.normal(size=(n, parameters - 1))])
        session.ols(rng.normal(size=n), x)
    names = [*TABLES, "T3 one-way", *AMOUNTS, *FREEDOM]
    outputs = list(session.results.results.values())
    found = {}
    for name, output in zip(names, outputs, strict=True):
        told = output.outcome.to_dict("index") if hasattr(output.outcome, "to_dict") else {}
        cells = {str(g): {str(o): str(x).strip("; ") for o, x in r.items()} for g, r in told.items()}
        found[name] = {"status": output.status, "cells": cells}
    return found


def suppressed():
    """Return status and table of T3's two outputs when acro may suppress: one-way, and two-way with a hidden cell."""
    session = ACRO(mitigation="suppress")
    people = frame(T3)
    session.crosstab(people.group, pd.Series(["all"] * len(people), name="everyone"))
    session.crosstab(people.group, people.outcome)
    found = []
    for output in session.results.results.values():
        table = output.output[0]
        shown = {str(g): {str(o): None if pd.isna(n) else float(n) for o, n in r.items()} for g, r in
                 table.to_dict("index").items()}  # fmt: skip
        found.append({"status": output.status, "shown": shown})
    return found


def main():
    """Write acro.json."""
    logging.disable(logging.CRITICAL)
    kept = {
        "acro": importlib.metadata.version("acro"),
        "config": "default",
        "tables": TABLES,
        "amounts": AMOUNTS,
        "freedom": {k: list(v) for k, v in FREEDOM.items()},
        "answers": answers(),
        "T3": T3,
        "T3 suppressed": suppressed(),
    }
    (HERE / "acro.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
