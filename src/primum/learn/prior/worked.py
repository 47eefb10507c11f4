"""Published equations that ship as worked priors, each number with its source."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from primum.errors import unknown
from primum.yaml_text import parse

NAMES = ("predictd", "ckd_epi")


@cache
def worked(name: str) -> dict[str, Any]:
    """Return a published equation as its data file holds it: numbers, sources and their status.

    Raises
    ------
    PrimumError
        If there is none of this name.
    """
    if name not in NAMES:
        raise unknown("worked prior", name, NAMES)
    text = files("primum.learn.prior").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return dict(parse(text))
