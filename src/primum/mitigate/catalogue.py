"""The repairs by the names that a use case gives them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from primum.errors import PrimumError, unknown
from primum.usecase_repair import METHODS

CLASSES: dict[str, tuple[str, str, Mapping[str, Any]]] = {
    "group calibration": ("group_calibration", "GroupCalibration", {}),
    "multicalibration": ("multicalibration", "MultiCalibration", {}),
    "utility thresholds": ("utility_thresholds", "UtilityThresholds", {}),
    "levelling-up thresholds": ("level_up", "LevelUp", {}),
    "reweighing": ("reweighing", "Reweighing", {}),
    "decoupled": ("decoupled", "Decoupled", {}),
    "minimax": ("minimax", "Minimax", {}),
    "prepend": ("prepend", "Prepend", {}),
    "equalized odds": ("comparators", "FairlearnThresholds", {"constraint": "equalized_odds"}),
    "equal sensitivity": ("comparators", "FairlearnThresholds", {"constraint": "true_positive_rate_parity"}),
    "demographic parity": ("comparators", "FairlearnThresholds", {"constraint": "demographic_parity"}),
    "exponentiated gradient": ("comparators", "FairlearnReduction", {}),
}
"""Name → module, class, and settings that make it this method."""
OURS = ("self", "estimator", "threshold", "prefit", "seed", "random_state")
NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def build(
    method: str, estimator: Any, *, threshold: float, prefit: bool, settings: Mapping[str, Any], seed: int
) -> Any:
    """Return an unfitted repair.

    Parameters
    ----------
    method
        One of `METHODS`.
    estimator
        The base model; fitted already when `prefit`.
    threshold
        Of the decision.
    settings
        Options of the method, as its class names them.
    seed
        For methods with chance in them.

    Raises
    ------
    PrimumError
        If there is no such method, or it has no such option, or does not take the value.
    """
    if method not in CLASSES:
        raise unknown("repair", method, METHODS, where="primum")
    module, name, fixed = CLASSES[method]
    kind = getattr(import_module(f"primum.mitigate.{module}"), name)
    options = inspect.signature(kind.__init__).parameters
    open_ = [o for o in options if o not in OURS and o not in fixed]
    for option in settings:
        if option not in open_:
            raise PrimumError(
                f"The repair '{method}' has no setting '{option}'.",
                available=open_,
                mend="leave it out, or use one of these",
            )
    hints = get_type_hints(kind.__init__)
    for option, value in settings.items():
        _check(method, option, value, hints[option])
    chance = {o: seed for o in ("seed", "random_state") if o in options}
    return kind(estimator, threshold=threshold, prefit=prefit, **fixed, **settings, **chance)


def _check(method: str, option: str, value: Any, hint: Any) -> None:
    """Refuse a value that is not of the declared type, before any method computes with it."""
    scalars = [s for s in _scalars(hint) if s is not NoneType]
    if not scalars:
        raise PrimumError(
            f"The setting '{option}' of the repair '{method}' is no number or word, and cannot be given here.",
            mend=f"leave it out; in Python, {option}=… of the estimator takes it",
        )
    if not any(_is(value, s) for s in scalars):
        names = [NAMES[s] if isinstance(s, type) else repr(s) for s in scalars]
        raise PrimumError(f"The setting '{option}' of the repair '{method}' is {value!r}.", expected=" or ".join(names))


def _scalars(hint: Any) -> list[Any]:
    """Return the plain types and literal values that an annotation allows; anything else a use case cannot say."""
    if hint is Any:  # a number of folds, or a splitter
        return [int]
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    if hint in NAMES or hint is NoneType:
        return [hint]
    union = get_origin(hint) in {Union, UnionType}
    return [s for part in get_args(hint) for s in _scalars(part)] if union else []


def _is(value: Any, kind: Any) -> bool:
    """Say whether a value is of a type (a whole number is a number, true and false are none), or that literal."""
    if not isinstance(kind, type):
        return bool(type(value) is type(kind) and value == kind)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)
