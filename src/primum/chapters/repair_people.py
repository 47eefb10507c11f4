"""Who trains, who mends and who certifies: three parts that share nobody, families and repeated visits together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.cohort.cohort import Cohort
from primum.cohort.split import clusters, folds
from primum.errors import PrimumError

Rows = npt.NDArray[np.int64]
SLICES = 20
SEED_STEP = 77
FIX = 0.3
"""Share of the people not held out on whom a trained model's repairs are fitted."""


@dataclass(frozen=True)
class Parts:
    """Row numbers of three disjoint parts of the people.

    Attributes
    ----------
    train
        Train the model; empty where the score was brought along.
    fix
        The repairs are fitted on them.
    certify
        Nobody has looked at them before the certificates.
    """

    train: Rows
    fix: Rows
    certify: Rows


def three_parts(cohort: Cohort, *, held_out: float, trained: bool, seed: int, known: npt.NDArray[np.bool_]) -> Parts:
    """Divide the people, stratified by outcome; nobody linked through a person or family is in two parts.

    Parameters
    ----------
    held_out
        Share of people for the certificates, rounded to twentieths, at least one.
    trained
        Whether a model has to be trained; else all who are not held out mend.
    known
        Who has a score, shape (people,); others are left out.

    Raises
    ------
    PrimumError
        If there are fewer than 20 people (or clusters) with, or without, the outcome.
    """
    rows = np.flatnonzero(known)
    together = clusters(cohort.person, cohort.family)
    try:
        piece = folds(cohort.outcome[rows], None if together is None else together[rows], SLICES, seed + SEED_STEP)
    except PrimumError as error:
        raise PrimumError(
            "There are too few people to fit repairs on some and certify them on others: " + error.what,
            mend="leave 'repairs' out of the use case, or bring more people",
        ) from None
    order = np.random.default_rng([seed, SEED_STEP]).permutation(SLICES)
    keep = min(max(round(held_out * SLICES), 1), SLICES - 2)
    certify, rest = order[:keep], order[keep:]
    cut = len(rest) - max(round(FIX * len(rest)), 1) if trained else 0
    return Parts(*(rows[np.isin(piece, which)] for which in (rest[:cut], rest[cut:], certify)))
