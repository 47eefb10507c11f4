"""SACRO-ML's own attacks, where it is installed: a second opinion beside the gate of `primum`."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import MissingExtraError, unknown

ATTACKS = {
    "structural": ("structural_attack", "StructuralAttack"),
    "worst_case": ("worst_case_attack", "WorstCaseAttack"),
    "lira": ("likelihood_attack", "LIRAAttack"),
}


def sacroml_report(
    model: Any,
    training: tuple[Any, npt.ArrayLike],
    holdout: tuple[Any, npt.ArrayLike],
    *,
    out: Path,
    attacks: Sequence[str] = ("structural", "worst_case", "lira"),
) -> dict[str, Any]:
    """Run SACRO-ML's attacks on a model and return what they report, by attack.

    Parameters
    ----------
    model
        A fitted scikit-learn classifier.
    training, holdout
        (X, y) that it was trained on, and (X, y) of people that it has not seen; numbers only.
    out
        A folder inside the room: SACRO-ML writes its reports and shadow models there. None of it may leave.
    attacks
        Names out of `ATTACKS`.

    Raises
    ------
    MissingExtraError
        If sacroml is not installed: `pip install 'primum[secure]'`. It brings torch and xgboost, some 6 GB.
    PrimumError
        For an attack that is not known.

    Notes
    -----
    Written against sacroml 2.0 (MIT). SACRO-ML judges with the thresholds of the ACRO defaults (10 people, 10 degrees
    of freedom), not with those of a preset; where the two differ, the stricter one counts.
    """
    for name in attacks:
        if name not in ATTACKS:
            raise unknown("attack of SACRO-ML", name, list(ATTACKS))
    target_module = _need("sacroml.attacks.target")
    target = target_module.Target(
        model=model,
        dataset_name="training data",
        X_train=np.asarray(training[0]),
        y_train=np.asarray(training[1]),
        X_test=np.asarray(holdout[0]),
        y_test=np.asarray(holdout[1]),
    )
    reports = {}
    for name in attacks:
        file, kind = ATTACKS[name]
        attack = getattr(_need(f"sacroml.attacks.{file}"), kind)(output_dir=str(out / name))
        reports[name] = attack.attack(target)
    return reports


def _need(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] != "sacroml":
            raise
        raise MissingExtraError("sacroml", "secure", "A second opinion by SACRO-ML") from missing
