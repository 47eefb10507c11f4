"""First, do no harm: audits clinical prediction models for every group of patients.

>>> import primum
>>> run = primum.audit("nhanes-depression")  # doctest: +SKIP
>>> run.report("out/")  # doctest: +SKIP

Names are imported when they are first used, so that `import primum` stays cheap.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from primum.audit import audit
    from primum.errors import PrimumError
    from primum.execute.run import Run
    from primum.finding import Estimate, Finding
    from primum.mitigate.no_harm import NoHarm
    from primum.report.study import render_study
    from primum.stress.study import run_study
    from primum.tally.continuous import ContinuousTally
    from primum.tally.count import count
    from primum.tally.count_classes import count_classes
    from primum.tally.count_continuous import count_continuous
    from primum.tally.moment import MomentTally
    from primum.tally.multiclass import ClassTally
    from primum.tally.score import ScoreTally
    from primum.usecase import UseCase
    from primum.usecase_file import load

__version__ = "0.1.0"

__all__ = [
    "ClassTally",
    "ContinuousTally",
    "Estimate",
    "Finding",
    "MomentTally",
    "NoHarm",
    "PrimumError",
    "Run",
    "ScoreTally",
    "UseCase",
    "audit",
    "count",
    "count_classes",
    "count_continuous",
    "load",
    "render_study",
    "run_study",
]

_HOMES = {
    "ClassTally": "primum.tally.multiclass",
    "ContinuousTally": "primum.tally.continuous",
    "Estimate": "primum.finding",
    "Finding": "primum.finding",
    "MomentTally": "primum.tally.moment",
    "NoHarm": "primum.mitigate.no_harm",
    "PrimumError": "primum.errors",
    "Run": "primum.execute.run",
    "ScoreTally": "primum.tally.score",
    "UseCase": "primum.usecase",
    "audit": "primum.audit",
    "count": "primum.tally.count",
    "count_classes": "primum.tally.count_classes",
    "count_continuous": "primum.tally.count_continuous",
    "load": "primum.usecase_file",
    "render_study": "primum.report.study",
    "run_study": "primum.stress.study",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'primum' has no attribute '{name}'")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted([*__all__, "__version__"])


class _Package(ModuleType):
    """The package as a module on which `audit` is always the function.

    Python puts a submodule on its package once it is imported, which would hide the function `primum.audit`
    behind the module of the same name. `from primum.audit import …` still reaches the module.
    """

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute; where Python offers the submodule `audit`, keep its function."""
        if name in _HOMES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
