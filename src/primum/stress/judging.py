"""Decisions of arms, counted by group against the record and against the truth, and what the counts say."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from primum.measure.metric import METRICS
from primum.stress.arms import Answer
from primum.tally.count import count
from primum.tally.paired import PairedTally
from primum.tally.resample import histogram
from primum.tally.score import Counts, ScoreTally

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
COUNTED = ("prevalence", "selection_rate", "sensitivity", "fnr", "specificity", "fpr", "ppv", "npv", "accuracy",
           "net_benefit")  # fmt: skip
SCORED = ("auroc", "oe_ratio", "brier")
METRIC_NAMES = (*COUNTED, *SCORED)
MOVES = ("found", "lost", "spared", "alarmed")
EVERYONE = "everyone"
RECORD, TRUTH = "record", "truth"


def pairs(outcome: Ints, first: Ints, second: Ints, codes: Ints, labels: tuple[str, ...], name: str) -> PairedTally:
    """Return the counts of two decisions about the same people, by group."""
    key = ((codes * 2 + outcome) * 2 + first) * 2 + second
    n = np.bincount(key, minlength=8 * len(labels)).reshape(-1, 2, 2, 2)
    return PairedTally((name,), tuple((g,) for g in labels), n.astype(np.int64))


def scores(outcome: Ints, risk: Floats, names: npt.NDArray[np.str_]) -> ScoreTally:
    """Return the tally of a risk by group."""
    frame = pl.DataFrame({"y": outcome, "s": np.clip(risk, 0.0, 1.0), "g": pl.Series(names.tolist(), dtype=pl.String)})
    return count(frame.with_columns(pl.col("g").cast(pl.Categorical)), "y", "s", "g")


def judged(paired: PairedTally, scored: ScoreTally, exchange: float) -> list[dict[str, Any]]:
    """Return a row for each group and for everyone: people, cases, every metric, and the moves against the first.

    Moves are numbers of people: cases found and lost, non-cases spared and alarmed, by the second decision against
    the first. A metric that cannot be computed is NaN.
    """
    rows = []
    for view, tally in ((paired, scored), (paired.by(), scored.by())):
        at = {g: i for i, g in enumerate(tally.groups)}
        for g, n in zip(view.groups, view.n, strict=True):
            c = Counts(tp=n[1, :, 1].sum(), fp=n[0, :, 1].sum(), fn=n[1, :, 0].sum(), tn=n[0, :, 0].sum())
            row: dict[str, Any] = {"group": g[0] if g else EVERYONE, "n": int(n.sum()), "events": int(n[1].sum())}
            row |= {m: float(METRICS[m].kernel(c, exchange)) for m in COUNTED}
            if g in at:
                h = histogram(tally, at[g])
                row |= {m: float(METRICS[m].kernel(h, exchange)) for m in SCORED}
            else:
                row |= dict.fromkeys(SCORED, float("nan"))
            moves = (n[1, 0, 1], n[1, 1, 0], n[0, 1, 0], n[0, 0, 1])
            rows.append(row | {k: int(v) for k, v in zip(MOVES, moves, strict=True)})
    return rows


class Judge:
    """The people judged, with record and truth; judges one answer after another against the uncorrected one."""

    def __init__(
        self, truth: Floats, record: Floats, codes: Ints, labels: tuple[str, ...], attribute: str, exchange: float
    ) -> None:
        self.outcomes = {TRUTH: truth, RECORD: record}
        self.codes, self.labels, self.attribute, self.exchange = codes, labels, attribute, exchange
        self.names = np.array(labels, dtype=np.str_)[codes]
        self._tallies: dict[tuple[str, int], tuple[Floats, ScoreTally]] = {}

    def rows(self, answer: Answer, before: Answer) -> list[dict[str, Any]]:
        """Return the rows of `judged`, on the truth and on the record; nobody without a record is in the latter."""
        out = []
        for on, y in self.outcomes.items():
            there = np.isfinite(y)
            own = y[there].astype(np.int64)
            paired = pairs(
                own, before.selected[there].astype(np.int64), answer.selected[there].astype(np.int64),
                self.codes[there], self.labels, self.attribute,
            )  # fmt: skip
            out += [{"judged_on": on, **r} for r in judged(paired, self._scores(on, answer.risk, there), self.exchange)]
        return out

    def _scores(self, on: str, risk: Floats, there: npt.NDArray[np.bool_]) -> ScoreTally:
        """Return the tally of a risk; arms that change decisions alone share it."""
        known = next((t for (o, _), (r, t) in self._tallies.items() if o == on and np.array_equal(r, risk)), None)
        if known is None:
            known = scores(self.outcomes[on][there].astype(np.int64), risk[there], self.names[there])
            self._tallies[on, len(self._tallies)] = risk, known
        return known
