"""A whole audit of people whose scores are given: every chapter, from the Parquet file to the report."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from alone import Contender
from people import BY

QUESTION = {
    "name": "bench",
    "title": "Synthetic biobank",
    "question": "Would this model find the people who need it, in every group?",
    "intended_use": "benchmarks",
    "population": "made-up people",
    "outcome": {"name": "illness", "when": [{"column": "y", "equals": 1}], "recorded_by": "a generator"},
    "groups": [*({"column": k} for k in BY), {"intersection": BY[:2]}],
    "decision": {"act": "invite", "threshold": 0.1},
    "margins": {"sensitivity": 0.1, "auroc": 0.05},
    "models": [{"name": "risk", "score": "risk"}],
}


def with_primum(file, *, report):
    """Audit once into a new folder, and write the report if asked for."""
    import primum
    from primum.usecase import UseCase

    case = UseCase.model_validate(QUESTION)

    def work():
        with tempfile.TemporaryDirectory(prefix="primum-bench-") as folder:
            run = primum.audit(case, data=file, out=Path(folder) / "run")
            if report:
                run.report()
            return run

    return work, lambda run: {"findings": len(run.findings), "chapters": len(run.chapters)}


CONTENDERS = {
    "primum, audit": Contender("primum", ("polars",), partial(with_primum, report=False), large=True),
    "primum, audit and report": Contender(
        "primum", ("polars",), partial(with_primum, report=True), large=True, note="HTML, PDF, tables, figures"
    ),
}
