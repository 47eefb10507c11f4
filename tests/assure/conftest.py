"""A finished audit with a scenario: two claims that numbers judge, one that a person judges, and a tension."""

from __future__ import annotations

from typing import Any

import pytest

from primum.execute.run import Run
from primum.usecase_scenario import Scenario


def told(**changes: Any) -> dict[str, Any]:
    return {
        "setting": "A general practice, once a year.",
        "actors": [{"name": "the doctor", "part": "decides"}, {"name": "the patient", "part": "is judged"}],
        "on_error": [
            {"error": "miss", "to": "the patient", "what": "goes on without help"},
            {"error": "false alarm", "to": "the patient", "what": "worries for nothing", "noticed": "at the visit"},
        ],
        "claims": [
            {
                "name": "ranks", "says": "It ranks better than a coin.", "metric": "auroc", "direction": "at least",
                "threshold": 0.6, "requirement": "technical robustness and safety",
                "rebuttals": ["The ill are sicker."],
            },
            {
                "name": "finds-all", "says": "It misses nobody.", "metric": "sensitivity", "direction": "at least",
                "threshold": 0.99, "requirement": "technical robustness and safety",
            },
            {
                "name": "men", "says": "Men are found as often.", "metric": "sensitivity", "attribute": "sex",
                "group": "Male", "comparator": "everyone else", "direction": "at least", "threshold": -0.5,
                "requirement": "diversity, non-discrimination and fairness",
            },
            {
                "name": "explained", "says": "Patients are told.", "judge": "the ethics committee",
                "requirement": "transparency",
            },
        ],
        "tensions": [{"name": "ranking against finding", "between": ["ranks", "finds-all"], "owner": "the board"}],
        "texts": {"tripod-ai": {"17": "Approved by the committee."}},
        "not_applicable": {"tripod-ai": {"6c": "nobody is treated before the score"}},
    } | changes  # fmt: skip


@pytest.fixture(scope="session")
def scenario():
    """Give the maker of scenarios as plain data: `scenario(claims=[…])`."""
    return told


@pytest.fixture(scope="session")
def with_scenario():
    """Give a function that puts a scenario into a finished run, leaving that run as it is."""

    def put(run: Run, **changes: Any) -> Run:
        usecase = run.usecase.model_copy(update={"scenario": Scenario.model_validate(told(**changes))})
        return Run(run.path, usecase, run.plan, run.manifest, run.chapters, run.findings, run.tallies)

    return put
