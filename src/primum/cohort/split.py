"""Folds for cross-fitting: stratified by outcome, with the rows of a person or family kept together."""

from __future__ import annotations

from typing import Any

import numpy as np

from primum.errors import PrimumError

Ints = np.ndarray[tuple[int], np.dtype[np.int64]]


def clusters(person: Ints | None, family: Ints | None) -> Ints | None:
    """Return one code a row, equal for rows linked through a person or a family; None when neither is named.

    Links chain: when a person appears in two families, all rows of both belong together (connected components
    of the graph of persons and families).
    """
    if person is None or family is None:
        return person if family is None else family
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    persons, first = np.unique(person, return_inverse=True)
    families, second = np.unique(family, return_inverse=True)
    nodes = persons.size + families.size
    edges = (np.ones(first.size, dtype=np.int8), (first, persons.size + second))
    _, component = connected_components(coo_array(edges, shape=(nodes, nodes)), directed=False)
    return np.asarray(component[first], dtype=np.int64)


def folds(outcome: np.ndarray[Any, Any], clusters: Ints | None, n_folds: int, seed: int) -> Ints:
    """Return the fold (0 … n_folds − 1) of each row.

    Clusters of the same size and number of events are dealt out evenly, in random order; what does not divide
    goes to the folds that need it most. Without clusters this is ordinary stratification: fold sizes differ
    by at most one event and one non-event. Every fold holds an event.

    Parameters
    ----------
    outcome
        0 or 1, shape (n,).
    clusters
        Code of the cluster of each row, shape (n,); None when every row is a person of its own.
    n_folds, seed
        How many folds, and the seed; the same seed gives the same folds.

    Raises
    ------
    PrimumError
        If fewer people (or clusters) than folds have the outcome, or have it not.
    """
    y = np.asarray(outcome, dtype=np.int64)
    code = np.arange(y.size) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    size = np.bincount(code)
    events = np.bincount(code, weights=y, minlength=size.size).astype(np.int64)
    _enough(y, events, size, n_folds, clustered=clusters is not None)

    rng = np.random.default_rng([seed, 1])
    fold_of = np.full(size.size, -1, dtype=np.int64)
    load = np.zeros((2, n_folds))  # events and non-events in each fold
    totals = np.maximum(np.array([[events.sum()], [size.sum() - events.sum()]], dtype=float), 1.0)
    most = int(size.max()) + 1
    kind_of = size * most + events  # clusters of one kind: the same size and number of events
    for kind in np.unique(kind_of)[::-1]:  # largest clusters first
        n, k = divmod(int(kind), most)
        members = rng.permutation(np.flatnonzero(kind_of == kind))
        one = np.array([[k], [n - k]], dtype=float)
        each, left = divmod(members.size, n_folds)
        fold_of[members[: each * n_folds]] = np.tile(np.arange(n_folds), each)
        load += each * one
        for member in members[members.size - left :] if left else ():
            fold = _neediest(load, one, totals)
            fold_of[member] = fold
            load[:, fold] += one[:, 0]
    return fold_of[code]


def _neediest(load: np.ndarray[Any, Any], one: np.ndarray[Any, Any], totals: np.ndarray[Any, Any]) -> int:
    """Return the fold that a cluster unbalances least; for events, folds without one come first."""
    cost = (one * load / totals**2).sum(axis=0) + 1e-9 * load.sum(axis=0) / totals.sum()
    if one[0, 0] > 0:
        cost = cost + np.where((load[0] == 0).any() & (load[0] > 0), 1e6, 0.0)
    return int(np.argmin(cost))


def _enough(y: Ints, events: Ints, size: Ints, n_folds: int, *, clustered: bool) -> None:
    for have, word in ((events > 0, "with"), (events < size, "without")):
        people = int(y.sum()) if word == "with" else int(y.size - y.sum())
        if int(have.sum()) < n_folds:
            spread = f", in {int(have.sum()):,} independent persons or families" if clustered else ""
            raise PrimumError(
                f"Only {people:,} rows {word} the outcome{spread}: too few for {n_folds} folds.",
                expected=f"at least {n_folds}, one for each fold",
                mend=f"set 'folds' to {int(have.sum())} or fewer"
                if have.sum() >= 2
                else "more people are needed to train a model",
            )
