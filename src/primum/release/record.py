"""The entry of a release in the ledger: every count that leaves, so that later releases are attacked with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from primum.disclose import ledger
from primum.execute.run import Run
from primum.release.earlier import entry_of
from primum.release.order import Order


def record(wanted: Order, counts: Mapping[str, Any], run: Run) -> ledger.Entry | None:
    """Add a release to the ledger and return its entry; None where the project keeps no ledger.

    Raises
    ------
    PrimumError
        If the ledger was edited, holds a release of this name, or its clock runs backwards.
    """
    if wanted.ledger is None:
        return None
    atoms, releases = entry_of(counts)
    population = run.usecase.population
    return ledger.append(wanted.ledger, wanted.name, atoms, releases, population=population, key=wanted.key or None)
