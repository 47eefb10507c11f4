"""The published JSON Schema of `findings.json`."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def text() -> str:
    """Return the schema as it is published."""
    return (files("primum.report") / "findings.schema.json").read_text(encoding="utf8")


def schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12)."""
    return dict(json.loads(text()))
