"""What every test shares: the real data's folder, Hypothesis profiles, and a closed door to the network."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from primum.execute.run import Run
    from primum.usecase import UseCase

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile("default", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=1000)
# `pytest --hypothesis-profile=thorough` chooses one; continuous integration repeats itself exactly.
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Give the folder of real test data; skip when this machine has none."""
    path = Path(os.environ.get("PRIMUM_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip(f"no test data at {path}: set PRIMUM_DATA to the folder that holds it")
    return path


def make_people(n: int = 1000, seed: int = 1) -> pl.DataFrame:
    """Return made-up people: two features, three ways of grouping them, an outcome, scores, and who they are."""
    rng = np.random.default_rng([seed, n])
    age, marker = rng.integers(18, 90, n), rng.normal(size=n).round(3)
    sex = rng.choice(["Female", "Male"], n)
    region = rng.choice(["North", "South", "East"], n, p=[0.6, 0.3, 0.1])
    chance = 1 / (1 + np.exp(2.5 - 0.03 * (age - 50) - 0.9 * marker))
    ill = rng.random(n) < chance
    noise = np.where(sex == "Female", 0.2, 0.9) * rng.normal(size=n)
    score = 1 / (1 + np.exp(2.5 - 0.03 * (age - 50) - 0.9 * marker - noise))
    points = np.clip(np.ceil(score * 10), 1, 10).astype(int)
    return pl.DataFrame(
        {
            "id": np.arange(1, n + 1), "sex": sex, "region": region, "age": age, "marker": marker,
            "ill": ill.astype(int), "risk": score.round(6), "points": points,
            "healthy": (1 - score).round(6), "weight": rng.uniform(0.5, 2, n).round(3),
        }
    ).with_columns(pl.when(pl.col("id") % 40 == 0).then(None).otherwise(pl.col("sex")).alias("sex"))  # fmt: skip


def make_question(**changes: Any) -> dict[str, Any]:
    """Return a use case about such people, as plain data; `changes` replace its parts."""
    question: dict[str, Any] = {
        "name": "small", "title": "A small audit", "question": "Whom does the score find?",
        "intended_use": "tests", "population": "made-up people", "features": ["age", "marker"],
        "outcome": {"name": "illness", "when": [{"column": "ill", "equals": 1}], "recorded_by": "a generator"},
        "identifiers": {"person": "id"},
        "groups": [{"column": "sex"}, {"column": "region", "reference": "North"},
                   {"name": "age", "column": "age", "bins": [40, 65]}, {"intersection": ["sex", "age"]}],
        "decision": {"act": "invite", "threshold": 0.2},
        "margins": {"sensitivity": 0.1, "auroc": 0.05},
        "models": [{"name": "score", "score": "risk"}], "replicates": 200,
    }  # fmt: skip
    return question | changes


@pytest.fixture(scope="session")
def people() -> Callable[..., pl.DataFrame]:
    """Give the maker of people: `people(n, seed)`."""
    return make_people


@pytest.fixture(scope="session")
def question() -> Callable[..., dict[str, Any]]:
    """Give the maker of use cases as plain data: `question(models=[…])`."""
    return make_question


@pytest.fixture(scope="session")
def small_case() -> Callable[..., UseCase]:
    """Give the maker of use cases: `small_case(models=[…])`."""
    from primum.usecase import UseCase

    return lambda **changes: UseCase.model_validate(make_question(**changes))


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory, small_case: Callable[..., UseCase]) -> Run:
    """Give a finished audit of 1,000 made-up people with a score; nothing is trained. Leave it as it is."""
    from primum.audit import audit

    return audit(small_case(), data=make_people(), out=tmp_path_factory.mktemp("small") / "run")


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory, small_case: Callable[..., UseCase]) -> Run:
    """Give a finished audit of 800 made-up people with a logistic model beside the score. Leave it as it is."""
    from primum.audit import audit

    models = [{"name": "logistic", "train": "logistic"}, {"name": "score", "score": "risk"}]
    return audit(small_case(models=models), data=make_people(800), out=tmp_path_factory.mktemp("trained") / "run")


@pytest.fixture(scope="session")
def depression_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Give the finished audit of the built-in use case with three models; it takes a minute. Leave it as it is."""
    from primum.audit import audit

    return audit("nhanes-depression", out=tmp_path_factory.mktemp("depression") / "run")


class NetworkTouchedError(RuntimeError):
    """A test tried to reach another machine."""


def _here(address: Any) -> bool:
    """Say whether `address` is on this machine: loopback, or no internet address at all."""
    host = address[0] if isinstance(address, tuple) else address
    if host is None or isinstance(host, bytes):
        host = (host or b"localhost").decode()
    if not isinstance(host, str) or host in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that opens a connection to, or looks up the name of, another machine."""

    def guard(true: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(self: socket.socket, address: Any) -> Any:
            if self.family in {socket.AF_INET, socket.AF_INET6} and not _here(address):
                raise NetworkTouchedError(f"the audit stays on this machine; a test reached for {address!r}")
            return true(self, address)

        return guarded

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, guard(getattr(socket.socket, name)))

    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **options: Any) -> Any:
        if not _here(host):
            raise NetworkTouchedError(f"the audit stays on this machine; a test looked up {host!r}")
        return look_up(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
