"""What tests of studies share: a small study as plain data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from primum.stress.specification import Study


def make_study(**changes: Any) -> dict[str, Any]:
    """Return a study of a few hundred milliseconds; `changes` replace its parts."""
    study: dict[str, Any] = {
        "name": "small", "title": "A small study", "question": "What do models learn?",
        "population": {"recipe": {"people": 4000}}, "truth": "Y", "group": "sex",
        "features": ["core", "x1", "ext", "x3", "young"], "threshold": 0.05,
        "biases": [
            {"name": "missed", "error": "missed at random",
             "parts": [{"kind": "under-diagnosis", "sensitivity": {"female": 0.6, "male": 0.4}}]},
        ],
        "doses": [0.0, 1.0], "arms": ["uncorrected", "group-blind", "oracle"], "seeds": 2,
    }  # fmt: skip
    return study | changes


@pytest.fixture(scope="session")
def study_of() -> Callable[..., Study]:
    """Give the maker of studies: `study_of(seeds=3)`."""
    return lambda **changes: Study.model_validate(make_study(**changes))
