"""SACRO-ML's own attacks, where it is installed: a second opinion beside the gate of `primum`."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    """Run SACRO-ML's attacks on a model and return what they report, by attack, as plain data.

    Parameters
    ----------
    model
        A fitted scikit-learn classifier.
    training, holdout
        (X, y) that it was trained on, and (X, y) of people that it has not seen; numbers only.
    out
        A folder inside the room: SACRO-ML writes its reports there, and pickled shadow models with the rows that each
        was trained on. None of it may leave.
    attacks
        Names out of `ATTACKS`.

    Raises
    ------
    MissingExtraError
        If sacroml, or a package that it needs, is not installed: `pip install 'primum[secure]'`. It brings torch and
        xgboost, some 6 GB.
    PrimumError
        For an attack that is not known.

    Notes
    -----
    Run against sacroml 2.0.1 (MIT). Each report holds `metadata.global_metrics` (for the structural attack the risks,
    under the names of `Gate.structural`) and `attack_experiment_logger` with every repetition. SACRO-ML judges with the
    thresholds of the ACRO defaults (10 people, 10 degrees of freedom), not with those of a preset; where the two
    differ, the stricter one counts. Its class disclosure asks for a predicted probability of 0 or 1, that of the gate
    for people of one output who all have, or all lack, the outcome. It draws without a seed, so reports differ a little
    from run to run. What it would print while it runs names true counts, so it is kept silent.
    """
    for name in attacks:
        if name not in ATTACKS:
            raise unknown("attack of SACRO-ML", name, list(ATTACKS))
    reports = {}
    with _silent():
        target = _need("sacroml.attacks.target").Target(
            model=model,
            dataset_name="training data",
            X_train=np.asarray(training[0]),
            y_train=np.asarray(training[1]),
            X_test=np.asarray(holdout[0]),
            y_test=np.asarray(holdout[1]),
        )
        for name in attacks:
            file, kind = ATTACKS[name]
            attack = getattr(_need(f"sacroml.attacks.{file}"), kind)(output_dir=str(out / name))
            reports[name] = _plain(attack.attack(target))
    return reports


@contextmanager
def _silent() -> Iterator[None]:
    """Keep SACRO-ML from printing counts, and undo what it does to the logging of this process when it is imported."""
    root = logging.getLogger()
    before, handlers, disabled = root.level, list(root.handlers), root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.setLevel(before)
        root.handlers[:] = handlers


def _plain(value: Any) -> Any:
    """Return a report with the arrays and scalars of NumPy as lists and numbers."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _need(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        package = (missing.name or "sacroml").split(".")[0]
        raise MissingExtraError(package, "secure", "A second opinion by SACRO-ML") from missing
