"""Ask for an optional package, or say which one line installs it."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from primum.errors import MissingExtraError


def need(module: str, package: str, extra: str, why: str) -> Any:
    """Import `module` and return it.

    Raises
    ------
    MissingExtraError
        The package is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.split(".")[0] != module.split(".", maxsplit=1)[0]:
            raise
        raise MissingExtraError(package, extra, why) from missing


def versions(*packages: str) -> dict[str, str]:
    """Return the installed version of each package; those that are absent are left out."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
