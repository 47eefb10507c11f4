"""What every test shares: the real data's folder, Hypothesis profiles, and a closed door to the network."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile(
    "default", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
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
