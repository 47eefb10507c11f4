"""Corrections of a risk, cell by cell, until it agrees with what happened in many overlapping groups."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.mitigate.base import outcomes
from primum.mitigate.membership import Membership
from primum.mitigate.training import sample_weights

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
EVERYONE = ("everyone", "everyone")


@dataclass(frozen=True)
class Update:
    """One step: everybody of this group whose risk lies in this bin gets `shift` more, within the limits.

    `n` people were moved in fitting; the Brier score of all fitting people was `brier` afterwards.
    """

    attribute: str
    group: str
    bin: int
    shift: float
    n: int
    brier: float


@dataclass(frozen=True)
class Violation:
    """A group and bin whose observed share differs from its mean risk by `excess`, more than α, and why it stays."""

    attribute: str
    group: str
    bin: int
    n: int
    excess: float
    why: str


@dataclass(frozen=True)
class Corrections:
    """What multicalibration learnt.

    Attributes
    ----------
    edges
        Inner edges of the bins of risk.
    updates
        In the order in which they are applied.
    start
        Brier score of the fitting people before.
    left
        Cells that are not α-calibrated on the fitting people.
    small
        Cells with somebody in, but too few people to be looked at.
    known
        For each attribute, the groups seen in fitting.
    depth
        Of intersections.
    limits
        Risks that no shift goes beyond: half the lowest, and as near to 1 as half of what the highest lacks.
    """

    edges: Floats
    updates: tuple[Update, ...]
    start: float
    left: tuple[Violation, ...]
    small: int
    known: dict[str, tuple[str, ...]]
    depth: int
    limits: tuple[float, float]

    @property
    def brier(self) -> Floats:
        """Brier score of the fitting people before, and after each update."""
        return np.array([self.start, *(u.brier for u in self.updates)])

    def apply(self, score: Floats, people: Membership) -> Floats:
        """Return corrected risks; who belongs to a group not seen in fitting keeps the score.

        Raises
        ------
        PrimumError
            If the attributes are not those of fitting.
        """
        if people.attributes != tuple(self.known):
            raise PrimumError(
                f"Group membership is given by {list(people.attributes)}.",
                expected=f"the attributes of fitting, in their order: {list(self.known)}",
            )
        groups, member = lattice(people, self.depth)
        index = {g: k for k, g in enumerate(groups)}
        new = np.zeros(len(score), dtype=bool)
        for j, attribute in enumerate(people.attributes):
            new |= ~np.isin(people.labels[:, j], self.known[attribute])
        risk = np.array(score, dtype=np.float64)
        for u in self.updates:
            k = index.get((u.attribute, u.group))
            if k is not None:
                moved = (member == k).any(1) & (np.searchsorted(self.edges, risk, side="right") == u.bin) & ~new
                risk[moved] = _shifted(risk[moved], u.shift, self.limits)
        return risk


def lattice(people: Membership, depth: int) -> tuple[list[tuple[str, str]], Ints]:
    """Return all groups (everyone, each attribute's, intersections up to `depth`) and who is in which.

    The second has shape (people, memberships of a person): indices into the first.
    """
    groups, columns = [EVERYONE], [np.zeros(len(people.labels), dtype=np.int64)]
    for size in range(1, min(depth, len(people.attributes)) + 1):
        for chosen in combinations(range(len(people.attributes)), size):
            joined = np.array([" · ".join(row) for row in people.labels[:, chosen].tolist()], dtype=np.str_)
            names, at = np.unique(joined, return_inverse=True)
            attribute = " × ".join(people.attributes[j] for j in chosen)
            columns.append(at + len(groups))
            groups += [(attribute, str(n)) for n in names]
    return groups, np.stack(columns, axis=1)


def multicalibrate(
    score: Floats,
    outcome: npt.ArrayLike,
    people: Membership,
    *,
    weight: npt.ArrayLike | None = None,
    alpha: float = 0.01,
    edges: Floats | None = None,
    least: int = 100,
    rounds: int = 1000,
    rate: float = 0.3,
    depth: int = 1,
    held_out: npt.NDArray[np.bool_] | None = None,
) -> Corrections:
    """Correct risks until every group is α-calibrated in every bin of risk.

    In each round the cell (group, bin) whose correction lowers the Brier score most, among those off by more than α,
    is shifted by its mean residual. An update that does not lower the Brier score of the fitting people is not made,
    and each that is made lowers it by α² × the cell's share × rate (2 − rate) or more, unless a limit of risk
    intervenes; so the loop ends. With people held out, an update is made only if it lowers *their* squared error in
    the cell by more than half a standard error; otherwise the next cell is tried.
    Source: Hébert-Johnson, Kim, Reingold & Rothblum (2018), ICML, PMLR 80:1939-1948.

    Parameters
    ----------
    score
        Probabilities from a model not trained on these people, shape (people,).
    outcome
        0/1, shape (people,).
    people
        Their groups.
    weight
        Sample weights.
    alpha
        Greatest difference between observed share and mean risk that is left alone.
    edges
        Inner edges of the bins; default: tenths of the score.
    least
        People that a cell needs.
    rounds
        At most.
    rate
        Part of the residual that is added, above 0 to 1. Large steps mix people of different risk in one bin, from
        which they cannot be told apart again.
    depth
        1: groups of single attributes; 2: intersections of two as well; and so on.
    held_out
        Who only checks, shape (people,).

    Raises
    ------
    PrimumError
        If a setting is out of range.
    """
    y = outcomes(outcome).astype(np.float64)
    in_range(alpha, least, rounds, rate, depth)
    w = sample_weights(weight, len(y))
    check = np.zeros(len(y), dtype=bool) if held_out is None else held_out
    fitting = ~check
    cuts = np.unique(np.quantile(score[fitting], np.arange(1, 10) / 10)) if edges is None else np.asarray(edges)
    groups, member = lattice(people, depth)
    bins = len(cuts) + 1
    size = len(groups) * bins
    risk = np.array(score, dtype=np.float64)
    updates: list[Update] = []

    counting = _Counting(y, w, fitting, member, cuts, size)
    table, total = counting.sums(risk, np.arange(len(y))), w[fitting].sum()
    brier = start = float(w[fitting] @ (y[fitting] - risk[fitting]) ** 2 / total)
    limits = float(risk[fitting].min() / 2), float((1 + risk[fitting].max()) / 2)
    while True:
        n, mass, short = table[:3]
        excess = np.divide(short, mass, out=np.zeros(size), where=mass > 0)
        wrong = np.flatnonzero((n >= least) & (np.abs(excess) > alpha))
        shown = _shown(table[3:], rate * excess) if check.any() else np.ones(size, dtype=bool)
        failed: dict[int, str] = {}
        for c in wrong[np.argsort(-mass[wrong] * excess[wrong] ** 2, kind="stable")].tolist():
            if len(updates) >= rounds:
                failed[c] = "the rounds were used up"
                continue
            if not shown[c]:
                failed[c] = "correcting it did not help people held out"
                continue
            rows = np.flatnonzero((member == c // bins).any(1))
            rows = rows[np.searchsorted(cuts, risk[rows], side="right") == c % bins]
            moved = _shifted(risk[rows], rate * excess[c], limits)
            better = w[rows] * ((y[rows] - risk[rows]) ** 2 - (y[rows] - moved) ** 2)
            gain = float(better[fitting[rows]].sum() / total)
            if not brier - gain < brier:
                failed[c] = "no shift within the limits of risk helps"
                continue
            table -= counting.sums(risk, rows)
            risk[rows] = moved
            table += counting.sums(risk, rows)
            brier -= gain
            attribute, name = groups[c // bins]
            moved_people = int(fitting[rows].sum())
            updates.append(Update(attribute, name, c % bins, float(rate * excess[c]), moved_people, brier))
            break
        else:
            break
    left = [
        Violation(*groups[c // bins], c % bins, int(n[c]), float(excess[c]), why) for c, why in sorted(failed.items())
    ]
    known = {a: tuple(np.unique(people.labels[fitting, j]).tolist()) for j, a in enumerate(people.attributes)}
    small = int(((n > 0) & (n < least)).sum())
    return Corrections(cuts, tuple(updates), start, tuple(left), small, known, depth, limits)


@dataclass(frozen=True)
class _Counting:
    """People, to be counted by cell as their risks change."""

    y: Floats
    w: Floats
    fitting: npt.NDArray[np.bool_]
    member: Ints
    cuts: Floats
    size: int

    def sums(self, risk: Floats, rows: npt.NDArray[np.intp]) -> Floats:
        """Return people, Σw, Σwr of each cell in fitting, then people, Σw, Σwr, Σw², Σw²r, Σw²r² held out."""
        key = self.member[rows] * (len(self.cuts) + 1)
        key += np.searchsorted(self.cuts, risk[rows], side="right")[:, None]
        r, v, fitting = self.y[rows] - risk[rows], self.w[rows], self.fitting[rows]
        one, each, found = np.ones_like(v), self.member.shape[1], []
        for who, columns in (
            (fitting, (one, v, v * r)),
            (~fitting, (one, v, v * r, v**2, v**2 * r, (v * r) ** 2)),
        ):
            cells = key[who].ravel()
            found += [np.bincount(cells, weights=np.repeat(c[who], each), minlength=self.size) for c in columns]
        return np.stack(found)


def _shifted(risk: Floats, shift: float, limits: tuple[float, float]) -> Floats:
    """Return shifted risks; one that lies beyond a limit already is not moved towards it by a shift away from it."""
    return np.clip(risk + shift, np.minimum(risk, limits[0]), np.maximum(risk, limits[1]))


def _shown(held: Floats, shift: Floats) -> npt.NDArray[np.bool_]:
    """Say of each cell whether people held out gain by the shift, by more than half a standard error of their sum.

    Chance is then let through less often than with none at all, and what is wrong is corrected more often than with
    a whole one. A person's gain is w (2 r shift − shift²); limits of risk are left aside.
    """
    n, w, wr, ww, wwr, wwrr = held
    total = 2 * shift * wr - shift**2 * w
    squares = 4 * shift**2 * wwrr - 4 * shift**3 * wwr + shift**4 * ww
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(np.maximum(n * squares - total**2, 0) / (n - 1))
        return np.asarray((n > 1) & (total > 0) & (total > 0.5 * error))


def in_range(alpha: float, least: int, rounds: int, rate: float, depth: int) -> None:
    """Check settings.

    Raises
    ------
    PrimumError
        If one is out of range.
    """
    for name, value, right, told in (
        ("alpha", alpha, 0 < alpha < 1, "above 0 and below 1"),
        ("least", least, least >= 1, "at least 1 person"),
        ("rounds", rounds, rounds >= 0, "at least 0"),
        ("rate", rate, 0 < rate <= 1, "above 0, at most 1"),
        ("depth", depth, depth >= 1, "at least 1"),
    ):
        if not right:
            raise PrimumError(f"{name} is {value!r}.", expected=told)
