"""Models saved by skops: types are checked against a list before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primum.errors import PrimumError
from primum.learn.need import need

if TYPE_CHECKING:
    from pathlib import Path

TRUSTED = frozenset(
    {
        "collections.OrderedDict",
        "interpret.glassbox._ebm._ebm.ExplainableBoostingClassifier",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "primum.learn.crowded_bins.CrowdedBins",
        "primum.learn.points.Points",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    }
)


def load_skops(path: Path) -> Any:
    """Load the model at `path`; only skops' own trusted types and those in `TRUSTED` are allowed.

    Raises
    ------
    PrimumError
        The file is no skops file, is damaged, or holds other types; they are listed by name.
    MissingExtraError
        skops is not installed.
    """
    io = need("skops.io", "skops", "models", f"Reading {path.name}")
    try:
        foreign = sorted(set(io.get_untrusted_types(file=path)) - TRUSTED)
        if not foreign:
            return io.load(path, trusted=sorted(TRUSTED & set(io.get_untrusted_types(file=path))))
    except Exception as failure:
        raise PrimumError(
            f"The model file {path.name} cannot be read: {type(failure).__name__}: {_first_line(failure)}",
            expected="a complete file by skops.io.dump, from a scikit-learn close to the one installed",
            mend="write the file again, and compare the package versions on both sides",
        ) from failure
    raise PrimumError(
        f"The model file {path.name} holds {len(foreign)} types that are not known to be harmless: "
        f"{', '.join(foreign)}.",
        expected="scikit-learn's own types, and the boosting models that primum knows",
        mend="if you trust whoever wrote the file, load it in Python and audit the object: "
        f"primum.audit(..., models={{'name': skops.io.load('{path.name}', trusted={foreign[:12]})}})",
    )


def _first_line(failure: Exception) -> str:
    lines = str(failure).strip().splitlines()
    return lines[0][:200] if lines else "no reason given"
