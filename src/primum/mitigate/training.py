"""Training the base model: with weights whatever it is made of, seeded, and scored on people it has not seen."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SALT = 0x7EA1


def trained(estimator: Any, X: Any, y: npt.ArrayLike, weight: npt.ArrayLike | None = None, *, seed: int = 0) -> Any:
    """Return a fitted copy of the estimator; wherever it left `random_state` open, the seed decides.

    Parameters
    ----------
    estimator
        Any classifier with scikit-learn's manners; of a pipeline, the last step gets the weights.
    X, y
        People and their outcome.
    weight
        Sample weights, shape (people,), or None.
    seed
        For every `random_state` that is None.

    Raises
    ------
    PrimumError
        If there are weights and the estimator cannot use any.
    """
    from sklearn.base import clone

    model = clone(estimator)
    opened = [k for k, v in model.get_params().items() if k.split("__")[-1] == "random_state" and v is None]
    if opened:
        drawn = int(np.random.default_rng([seed, SALT]).integers(2**31 - 1))
        model.set_params(**dict.fromkeys(opened, drawn))
    if weight is None:
        return model.fit(X, y)
    name = weight_name(model)
    try:
        return model.fit(X, y, **{name: np.asarray(weight, dtype=np.float64)})
    except (TypeError, ValueError) as failure:
        if "sample_weight" not in str(failure):
            raise
        raise _weightless(model, str(failure).splitlines()[0]) from failure


def weight_name(model: Any) -> str:
    """Return the name by which a model's `fit` takes sample weights.

    Raises
    ------
    PrimumError
        If it takes none.
    """
    from sklearn import get_config

    if get_config()["enable_metadata_routing"]:
        return "sample_weight"
    if hasattr(model, "steps"):
        last, final = model.steps[-1]
        return f"{last}__{weight_name(final)}"
    asked = inspect.signature(model.fit).parameters
    if "sample_weight" in asked or any(p.kind is inspect.Parameter.VAR_KEYWORD for p in asked.values()):
        return "sample_weight"
    raise _weightless(model)


def cross_scores(
    estimator: Any, X: Any, y: Ints, weight: npt.ArrayLike | None = None, *, cv: Any = 5, seed: int = 0
) -> Floats:
    """Return the risk of each person from a model that was trained without this person, shape (people,).

    Parameters
    ----------
    estimator, X, y, weight, seed
        As in `trained`.
    cv
        Number of folds (stratified by outcome, shuffled by the seed), or a splitter or list of splits: give one that
        keeps families or repeat visits together.

    Raises
    ------
    PrimumError
        If a class has fewer than two people, or the splits do not score everybody once.
    """
    from sklearn.model_selection import StratifiedKFold, check_cv
    from sklearn.utils import _safe_indexing

    if isinstance(cv, int):
        folds = min(cv, *np.bincount(y, minlength=2).tolist())
        if folds < 2:
            raise PrimumError(
                f"{cv} folds and {int(y.sum())} people with the outcome are too few for cross-fitting.",
                expected="at least 2 folds, and 2 people with and 2 without the outcome",
                mend="give a fitted model with prefit=True and people it was not trained on",
            )
        drawn = int(np.random.default_rng([seed, SALT, 1]).integers(2**31 - 1))
        cv = StratifiedKFold(folds, shuffle=True, random_state=drawn)
    w = None if weight is None else np.asarray(weight, dtype=np.float64)
    score, times = np.zeros(len(y)), np.zeros(len(y), dtype=int)
    for seen, unseen in check_cv(cv, y, classifier=True).split(X, y):
        model = trained(estimator, _safe_indexing(X, seen), y[seen], None if w is None else w[seen], seed=seed)
        score[unseen] = np.asarray(model.predict_proba(_safe_indexing(X, unseen)), dtype=np.float64)[:, 1]
        times[unseen] += 1
    if (times != 1).any():
        raise PrimumError(
            f"The splits leave {int((times == 0).sum())} people without a score and score "
            f"{int((times > 1).sum())} more than once.",
            expected="splits that leave out everybody exactly once",
        )
    return score


def sample_weights(weight: npt.ArrayLike | None, n: int) -> Floats:
    """Return sample weights, ones where none are given, shape (people,).

    Raises
    ------
    PrimumError
        If they are not finite, negative, all zero, or of another length.
    """
    if weight is None:
        return np.ones(n)
    w = np.asarray(weight, dtype=np.float64).ravel()
    if w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any() or not w.any():
        raise PrimumError(
            f"The {w.size} sample weights cannot be used for {n} people.",
            expected="one finite number, at least 0, for each person, not all 0",
        )
    return w


def held_out(outcome: Ints, share: float | None, *, seed: int) -> npt.NDArray[np.bool_]:
    """Draw people who only check, the same share with and without the outcome, shape (people,).

    Raises
    ------
    PrimumError
        If the share is not between 0 and 1, or leaves nobody with (or without) the outcome on one side.
    """
    check = np.zeros(len(outcome), dtype=bool)
    if share is None:
        return check
    if not 0 < share < 1:
        raise PrimumError(f"validation_fraction is {share!r}.", expected="above 0 and below 1, or None")
    rng = np.random.default_rng([seed, SALT, 2])
    for level in (0, 1):
        rows = np.flatnonzero(outcome == level)
        take = round(share * len(rows))
        if not 0 < take < len(rows):
            raise PrimumError(
                f"Holding out {share:.0%} of {len(rows)} people with outcome {level} leaves one side empty.",
                expected="people with and without the outcome on both sides",
                mend="hold out another share, or nobody (validation_fraction=None)",
            )
        check[rng.permutation(rows)[:take]] = True
    return check


def not_prefit(prefit: bool, repair: str) -> None:  # noqa: FBT001 - a parameter of the estimator
    """Refuse a fitted model where the repair is a new training.

    Raises
    ------
    PrimumError
        If `prefit` is set.
    """
    if prefit:
        raise PrimumError(
            f"{repair} trains the model anew, so prefit=True says nothing here.",
            expected="prefit=False and an estimator that can be trained",
            mend="to repair a fitted model without training it, use GroupCalibration or MultiCalibration",
        )


def _weightless(model: Any, told: str = "") -> PrimumError:
    return PrimumError(
        f"{type(model).__name__} takes no sample weights" + (f": {told}" if told else "."),
        expected="an estimator whose fit has sample_weight",
        mend="use one that has (logistic regression, trees, boosting); with metadata routing on, "
        "call set_fit_request(sample_weight=True) on the step that uses them",
    )
