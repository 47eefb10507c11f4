"""What happens to 1,000 people: one rule of rounding for page one and for the summary, so that the two agree."""

from __future__ import annotations

from typing import Any

from primum.disclose.digits import digits
from primum.report.numbers import alone_of, half_up, known
from primum.report.source import Audited, chapter, decided, estimates, pick, primary
from primum.usecase import OVERALL

PER = 1000


def consequence(run: Audited) -> dict[str, Any] | None:
    """Return what happens to 1,000 people by the primary model, or None where it was not computed."""
    row = pick(chapter(run, "groups").get("consequences", []), model=primary(run), attribute=OVERALL)
    return None if row is None else dict(row)


def thousand(run: Audited) -> dict[str, float]:
    """Return how many of 1,000 people are found, missed, selected for nothing and left alone; {} where not known.

    The four add up to 1,000. In a release they have no more digits than the people behind them allow.
    """
    row = consequence(run)
    if row is None or not all(known(row[k]) for k in ("with_outcome", "found", "false_alarms", "left_alone")):
        return {}
    step = _step(run) if run.manifest.get("release") else 1.0
    scale = PER / float(row["per"])
    ill, found, alarmed = (
        step * half_up(scale * float(row[k]) / step) for k in ("with_outcome", "found", "false_alarms")
    )
    found, alarmed = min(found, ill), min(alarmed, PER - ill)
    return {"found": found, "missed": ill - found, "alarmed": alarmed, "alone": alone_of(PER, ill, alarmed)}


def _step(run: Audited) -> float:
    """Return to how many of 1,000 people a release rounds: what is known from n people has so many digits."""
    row = decided(estimates(run), primary(run), "n", OVERALL, "everyone", None) or {}
    n = row.get("n", chapter(run, "people").get("n"))
    return 10.0 ** (3 - digits(int(n))) if known(n) and n >= 1 else float(PER)
