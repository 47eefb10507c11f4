"""Attack a model: can one tell who was in its training data? A light likelihood-ratio attack, and the plainest one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.disclose.model_attack import RATES, Judged, judge
from primum.errors import PrimumError

CLIP = 1e-6
LEAST_SPREAD = 0.05
FEWEST = 20
Tick = Callable[[int, int], None]


class UnattackableError(PrimumError):
    """The attack cannot be run on this model and these people."""


@dataclass(frozen=True)
class Membership:
    """What the attacks found.

    Attributes
    ----------
    target
        "the model itself" or "a twin trained on half of the data".
    members, others
        People that were, and were not, in the target's training data.
    shadows
        Models trained to learn from.
    judged
        The likelihood-ratio attack and the worst case.
    alpha, margin
        Chance of any false alarm, and the margin of the AUC, both declared beforehand.
    """

    target: str
    members: int
    others: int
    shadows: int
    judged: tuple[Judged, ...]
    alpha: float
    margin: float

    @property
    def leaks(self) -> tuple[str, ...]:
        """Return what was shown, attack by attack."""
        return tuple(f"{j.attack}: {words}" for j in self.judged for words in j.leaks)

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        head = {"target": self.target, "members": self.members, "others": self.others, "n_shadow_models": self.shadows}
        settings = {"alpha": self.alpha, "margin": self.margin}
        return head | settings | {j.attack: j.plain() for j in self.judged}


def membership(
    model: Any,
    X: Any,
    y: npt.ArrayLike,
    *,
    persons: npt.ArrayLike | None = None,
    holdout: tuple[Any, npt.ArrayLike] | None = None,
    shadows: int = 16,
    seed: int = 0,
    alpha: float = 0.05,
    margin: float = 0.02,
    tick: Tick | None = None,
) -> Membership:
    """Attack a model's training data.

    Shadow models are trained by the recipe of the model on random halves of the people, in pairs, each pair on a half
    and its complement, so that everybody is in half of them. From the confidence that shadows with and without a person
    have in that person's outcome, log(p / (1 − p)), two normal distributions are fitted, with one common variance each
    (Carlini et al. advise so below 64 shadows), and the target's confidence is scored by their likelihood ratio. The
    worst case scores the confidence itself.

    Parameters
    ----------
    model
        A fitted classifier that scikit-learn can clone.
    X, y
        Its training data, (rows, columns), and outcome, (rows,) 0 and 1.
    persons
        Identifier of each row; halves are drawn by person, and rows of one person are added up.
    holdout
        (X, y) of other people, drawn as the training people were. The model itself is then attacked. Without it a twin
        trained on half of the people is.
    shadows
        How many; an even number from 4 up.
    seed
        Draws halves and seeds the shadow models.
    alpha, margin
        Chance of any false alarm over all looks; margin of the AUC above .5.
    tick
        Called with (done, all) after each training; what it raises stops the attack, and nothing is kept.

    Raises
    ------
    PrimumError
        For an odd or too small number of shadows.
    UnattackableError
        For too few people, or a model that cannot be trained again.

    Notes
    -----
    Source: Carlini et al. (2022), IEEE S&P, "Membership inference attacks from first principles", in the online form.
    Not valid where the holdout differs from the training people otherwise than by chance: the attack then tells apart
    two populations. A stronger adversary may exist; no leak shown is not no leak. Weights of training are not known.
    """
    outcome = np.asarray(y, dtype=np.int64)
    check_shadows(shadows)
    own = np.arange(len(outcome)) if persons is None else np.unique(np.asarray(persons), return_inverse=True)[1]
    pool, labels, who = X, outcome, np.asarray(own, dtype=np.int64)
    if holdout is not None:
        pool = stack(X, holdout[0])
        labels = np.concatenate([outcome, np.asarray(holdout[1], dtype=np.int64)])
        who = np.concatenate([who, who.max() + 1 + np.arange(len(labels) - len(outcome))])
    n = int(who.max()) + 1
    if n < 2 * FEWEST or min(labels.sum(), len(labels) - labels.sum()) < FEWEST:
        raise UnattackableError(
            f"{n} people and {int(labels.sum())} events are too few to attack a model with.",
            expected=f"at least {2 * FEWEST} people, {FEWEST} with and {FEWEST} without the outcome",
        )
    halves = _halves(n, shadows + (holdout is None), seed)
    total = shadows + (holdout is None)
    kept = np.empty((shadows, n))
    inside = np.empty((shadows, n), dtype=np.bool_)
    for i in range(shadows):
        inside[i] = next(halves)
        kept[i] = _by_person(confidence(_trained(model, pool, labels, inside[i][who], seed + i + 1), pool, labels), who)
        _tell(tick, i + 1, total)
    if holdout is None:
        member = next(halves)
        target = _trained(model, pool, labels, member[who], seed)
        _tell(tick, total, total)
    else:
        member, target = np.arange(n) <= int(who[: len(outcome)].max()), model
    seen = _by_person(confidence(target, pool, labels), who)
    ratio = likelihood_ratio(seen, kept, inside)
    looks = 2 * (1 + len(RATES))
    judged = tuple(
        judge(name, score[member], score[~member], alpha=alpha, looks=looks, margin=margin)
        for name, score in (("lira", ratio), ("worst_case", seen))
    )
    words = "a twin trained on half of the data" if holdout is None else "the model itself"
    return Membership(words, int(member.sum()), int((~member).sum()), shadows, judged, alpha, margin)


def check_shadows(shadows: int) -> None:
    """Refuse a number of shadow models that cannot be paired.

    Raises
    ------
    PrimumError
        For an odd number, or one below 4.
    """
    if shadows < 4 or shadows % 2:
        raise PrimumError(f"{shadows} shadow models.", expected="an even number from 4 up")


def confidence(model: Any, X: Any, y: np.ndarray) -> np.ndarray:
    """Return log(p / (1 − p)) of the probability that a model gives to the outcome each row had, shape (rows,)."""
    risk = np.clip(np.asarray(model.predict_proba(X), dtype=np.float64)[:, 1], CLIP, 1 - CLIP)
    return np.asarray(np.where(y == 1, 1, -1) * np.log(risk / (1 - risk)))


def likelihood_ratio(seen: np.ndarray, kept: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the log likelihood ratio of "in" against "out" for each person, shape (people,).

    Parameters
    ----------
    seen
        Confidence of the target, shape (people,).
    kept
        Confidence of each shadow model, shape (shadows, people).
    inside
        Whether the shadow was trained on the person, shape (shadows, people); everybody is in some and out of some.
    """
    terms = []
    for chosen in (inside, ~inside):
        n = chosen.sum(axis=0)
        mean = np.where(chosen, kept, 0).sum(axis=0) / n
        squares = np.where(chosen, (kept - mean) ** 2, 0).sum() / max(int((n - 1).sum()), 1)
        spread = max(float(np.sqrt(squares)), LEAST_SPREAD)
        terms.append(-0.5 * ((seen - mean) / spread) ** 2 - np.log(spread))
    return np.asarray(terms[0] - terms[1])


def take(X: Any, rows: np.ndarray) -> Any:
    """Return chosen rows of a frame or array."""
    return X.iloc[np.flatnonzero(rows)] if hasattr(X, "iloc") else X[np.flatnonzero(rows)]


def stack(X: Any, more: Any) -> Any:
    """Return two frames or arrays, one below the other."""
    if hasattr(X, "iloc"):
        import pandas as pd

        return pd.concat([X, more], ignore_index=True)
    if hasattr(X, "tocsr"):
        from scipy.sparse import vstack

        return vstack([X, more]).tocsr()
    return np.concatenate([np.asarray(X), np.asarray(more)])


def twin(model: Any, seed: int) -> Any:
    """Return an untrained copy of a model with every `random_state` set.

    Raises
    ------
    UnattackableError
        If scikit-learn cannot clone it.
    """
    from sklearn.base import clone

    try:
        fresh = clone(model)
    except (TypeError, RuntimeError) as failure:
        raise UnattackableError(
            f"A {type(model).__name__} cannot be trained again: {str(failure).splitlines()[0][:200]}",
            expected="an estimator that scikit-learn can clone, so that it can be trained on parts of the data",
            mend="give the gate the estimator itself, not a wrapper or an exported graph",
        ) from failure
    for name, value in fresh.get_params(deep=True).items():
        if name.split("__")[-1] in {"random_state", "seed"} and (value is None or isinstance(value, int)):
            fresh.set_params(**{name: seed})
    return fresh


def _trained(model: Any, X: Any, y: np.ndarray, rows: np.ndarray, seed: int) -> Any:
    import warnings

    fresh = twin(model, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks on convergence would be printed once a shadow
        try:
            return fresh.fit(take(X, rows), y[rows])
        except ValueError as failure:
            raise UnattackableError(
                f"A shadow model could not be trained on half of the data ({type(failure).__name__}).",
                mend="give more training people",
            ) from None


def _halves(n: int, count: int, seed: int) -> Iterator[np.ndarray]:
    """Yield random halves of n people, each followed by its complement; an odd last one is drawn by itself."""
    rng = np.random.default_rng([seed, n])
    for _ in range((count + 1) // 2):
        half = np.zeros(n, dtype=np.bool_)
        half[rng.permutation(n)[: n // 2]] = True
        yield half
        yield ~half


def _by_person(values: np.ndarray, who: np.ndarray) -> np.ndarray:
    return np.bincount(who, weights=values)


def _tell(tick: Tick | None, done: int, total: int) -> None:
    if tick is not None:
        tick(done, total)
