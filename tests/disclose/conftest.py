"""An attacker written apart from the package, for the tests of protection."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


def _load(name: str):
    spec = importlib.util.spec_from_file_location(f"disclose_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_load("recode_attacker")


@pytest.fixture(scope="session")
def attacker():
    """Give random cohorts, and the attacker who sees only rows."""
    return sys.modules["disclose_recode_attacker"]
