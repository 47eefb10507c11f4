"""Who was used in fitting, remembered as digests, so that nobody is asked to certify what was learnt from them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

Digests = npt.NDArray[np.uint64]
SALT = 0xD16


@dataclass(frozen=True, eq=False)
class Seen:
    """Digests of people used in fitting.

    A digest does not show a row, but whoever holds it and knows a person's whole row can confirm that this person was
    in the fitting data. It is for the workplace, not for release.

    Attributes
    ----------
    key
        Of the digests.
    rows
        Of features and outcome, distinct and sorted.
    clusters
        Of cluster codes, distinct and sorted; None where none were given.
    twins
        Share of rows that coincide with another person's by chance, as found among the people of the fit. With coarse
        features it is large, and rows alone do not tell one person from another.
    """

    key: bytes
    rows: Digests
    clusters: Digests | None
    twins: float

    def refuse(self, X: Any, y: npt.ArrayLike, cluster: Any = None) -> None:
        """Raise if people were used in fitting.

        One cluster code in common is enough. Of rows, as many may coincide as chance explains: none where all rows of
        the fit were distinct. Part of the people being the same is overlooked where features are coarse and there are
        no cluster codes.

        Raises
        ------
        PrimumError
            "A repair fitted on certification data".
        """
        again = 0
        if cluster is not None and self.clusters is not None:
            again = int(np.isin(cluster_digests(cluster, self.key), self.clusters).sum())
        if not again:
            found = np.isin(row_digests(X, y, self.key), self.rows)
            by_chance = self.twins * found.size
            if found.sum() > by_chance + 4 * np.sqrt(by_chance * (1 - self.twins)):
                again = int(found.sum())
        if again:
            raise PrimumError(
                f"A repair fitted on certification data: {again:,} of these {len(np.asarray(y)):,} people were used in "
                "fitting.",
                expected="people who had no part in fitting the model in use or the repair",
                mend="certify on other people; what a repair does to those it was fitted on says nothing about others",
            )


def remember(X: Any, y: npt.ArrayLike, used: npt.NDArray[np.int64], cluster: Any = None, *, seed: int = 0) -> Seen:
    """Return digests of the people used in fitting.

    Parameters
    ----------
    X, y, cluster
        Everybody.
    used
        Row numbers of those used in fitting.
    seed
        Of the key.
    """
    key = np.random.default_rng([seed, SALT]).bytes(16)
    every = row_digests(X, y, key)
    _, at, count = np.unique(every, return_inverse=True, return_counts=True)
    twins = float((count[at] > 1).mean()) if every.size else 0.0
    codes = None if cluster is None else np.unique(cluster_digests(cluster, key)[used])
    return Seen(key, np.unique(every[used]), codes, twins)


def row_digests(X: Any, y: npt.ArrayLike, key: bytes) -> Digests:
    """Return a digest of each person's features and outcome, shape (people,)."""
    columns = [_codes(c, key) for c in (*_columns(X), np.asarray(y, dtype=np.float64).ravel())]
    table = np.ascontiguousarray(np.column_stack(columns))
    return np.array([_digest(row.tobytes(), key) for row in table], dtype=np.uint64)


def cluster_digests(cluster: Any, key: bytes) -> Digests:
    """Return a digest of each person's cluster code, shape (people,)."""
    values = cluster.to_list() if hasattr(cluster, "to_list") else np.asarray(cluster).ravel().tolist()
    return np.array([_digest(str(v).encode(), key) for v in values], dtype=np.uint64)


def _columns(X: Any) -> list[Any]:
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return [frame[c].to_numpy() for c in frame.columns]
    array = X.toarray() if hasattr(X, "toarray") else np.asarray(X)
    return list(array.reshape(len(array), -1).T)


def _codes(column: Any, key: bytes) -> Digests:
    """Return a column as 64-bit codes: of numbers their own bits, of anything else a digest of its text."""
    try:
        numbers = np.asarray(column, dtype=np.float64) + 0.0  # -0.0 is 0.0
    except (TypeError, ValueError):
        known: dict[Any, int] = {}
        for v in column:
            if v not in known:
                known[v] = _digest(str(v).encode(), key)
        return np.array([known[v] for v in column], dtype=np.uint64)
    numbers = np.where(np.isnan(numbers), np.nan, numbers)  # all missing values are one
    return np.asarray(numbers).view(np.uint64)


def _digest(raw: bytes, key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8, key=key).digest(), "little")
