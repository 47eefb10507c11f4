"""With what, from what and how fast the numbers were made."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from primum.cohort.table import Table
    from primum.execute.run import Run

PACKAGES = (
    "numpy",
    "scipy",
    "polars",
    "narwhals",
    "scikit-learn",
    "interpret-core",
    "skops",
    "onnxruntime",
    "pydantic",
)


def environment(run: Run, table: Table, people: int, seconds: float) -> dict[str, Any]:
    """Return the manifest of a finished run; it names no machine, user or path."""
    import primum

    return {
        "primum": primum.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {p: v for p in PACKAGES if (v := _version(p))},
        "plan_hash": run.plan.hash,
        "created": run.plan.created,
        "seed": run.usecase.seed,
        "seconds": {**run.manifest["seconds"], "in all": round(seconds, 3)},
        "data": {"source": table.source, "people": people},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
