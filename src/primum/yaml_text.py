"""YAML as plain data, primum's own or a user's: word lists, rules, clause maps."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The reader in C does the same ten times as fast; not every installation has it."""


def parse(text: str) -> Any:
    """Return what a YAML text says, as plain Python data.

    Raises
    ------
    yaml.YAMLError
        If it is no YAML; each caller says what the text was.
    """
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - both loaders make plain data only
