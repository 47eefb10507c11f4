"""The door to the network is closed to tests, and only that door."""

from __future__ import annotations

import socket

import pytest


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, ("192.0.2.1", 9)),
        (socket.AF_INET6, ("2001:db8::1", 9)),
        (socket.AF_INET, ("example.org", 80)),
    ],
)
def test_another_machine_cannot_be_reached(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as outside:
        outside.settimeout(1)
        with pytest.raises(RuntimeError, match="stays on this machine"):
            outside.connect(address)
        with pytest.raises(RuntimeError, match="stays on this machine"):
            outside.connect_ex(address)


def test_another_machine_cannot_be_looked_up():
    with pytest.raises(RuntimeError, match=r"looked up 'example\.org'"):
        socket.create_connection(("example.org", 80), timeout=1)


def test_this_machine_can_be_reached():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as near,
    ):
        far, _ = server.accept()
        with far:
            near.sendall(b"primum")
            assert far.recv(6) == b"primum"
