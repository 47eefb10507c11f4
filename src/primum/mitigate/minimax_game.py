"""The game of a learner against the worst-off groups: weights grow where errors are large."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
ERRORS = ("log loss", "squared", "0/1", "false negatives", "false positives")
ONE_SIDED = ERRORS[3:]
EDGE = 1e-12
LEAST_GAP, SLACK = 0.01, 1e-9


@dataclass(frozen=True)
class Board:
    """People, groups and the error that is played for.

    Attributes
    ----------
    outcome
        0/1, shape (people,).
    member
        Who belongs to which group, shape (people, groups); groups may overlap.
    weight
        Sample weights, shape (people,).
    error
        One of `ERRORS`.
    cut
        Risk from which the decision is 1, for the last three.
    """

    outcome: npt.NDArray[np.int64]
    member: Bools
    weight: Floats
    error: str
    cut: float

    @property
    def counted(self) -> Bools:
        """Over whom a group's error is a mean: cases for false negatives, non-cases for false positives."""
        if self.error in ONE_SIDED:
            return np.asarray(self.outcome == (self.error == "false negatives"))
        return np.ones(len(self.outcome), dtype=bool)

    def each(self, risk: Floats) -> Floats:
        """Return each person's error, shape (people,)."""
        y = self.outcome
        if self.error == "log loss":
            p = np.clip(risk, EDGE, 1 - EDGE)
            return np.asarray(-np.where(y == 1, np.log(p), np.log1p(-p)), dtype=np.float64)
        if self.error == "squared":
            return np.asarray((y - risk) ** 2, dtype=np.float64)
        return np.asarray((risk >= self.cut) != (y == 1), dtype=np.float64)

    def of_groups(self, risk: Floats) -> Floats:
        """Return the error of each group, shape (groups,); NaN where it counts nobody."""
        w = (self.weight * self.counted)[:, None] * self.member
        mass = w.sum(0)
        mean: Floats = np.divide(self.each(risk) @ w, mass, out=np.full(mass.shape, np.nan), where=mass > 0)
        return mean

    def of_all(self, risk: Floats) -> float:
        """Return everyone's error; for false negatives and positives it is 0/1, so that neither is free."""
        return float(np.average(self.each(risk), weights=self.weight))

    def shares(self) -> Floats:
        """Return 1/(weight counted in the group) for each person and group it counts, shape (people, groups)."""
        w = self.counted[:, None] * self.member
        mass = self.weight @ w
        return np.divide(w, mass, out=np.zeros(w.shape), where=mass > 0)


@dataclass(frozen=True)
class Played:
    """Rounds of a game.

    Attributes
    ----------
    models
        One a round, up to the best round.
    risk
        Mean of their risks, of all people of the board, shape (people,).
    weights
        λ before each round, shape (rounds, groups).
    errors
        Of each round's model by group, on the training people, shape (rounds, groups).
    """

    models: tuple[Any, ...]
    risk: Floats
    weights: Floats
    errors: Floats


Respond = Callable[[Floats], tuple[Any, Floats]]


def play(
    board: Board,
    respond: Respond,
    *,
    rounds: int,
    rate: float | None = None,
    decay: float = 0.5,
    bound: Floats | None = None,
    check: Bools | None = None,
    patience: int = 10,
) -> Played:
    """Play and return the mixture of the learner's answers.

    Minimax (`bound` is None): λ starts at the groups' shares and grows as λ_g exp(η_t ε_g); person weight
    Σ_g λ_g / n_g over the person's groups. Relaxed: overall error is minimised subject to ε_g ≤ bound_g;
    λ starts at 0, λ_g ← max(0, λ_g + η_t (ε_g − bound_g)); person weight 1/n + Σ_g λ_g / n_g.
    η_t = a t^−b. For an exact weighted learner and a convex error the mixture's worst group is within
    O(√(log groups / rounds)) of the best possible; for other errors that holds for a model drawn from the mixture,
    and trees or regularised models only come near.
    Source: Diana, Gill, Kearns, Kenthapadi & Roth (2021), AIES, arXiv 2011.03108.

    Parameters
    ----------
    board
        People, groups, error. Those in `check` get no weight.
    respond
        Person weights (people,), mean 1 over the training people → model and the risks of all people.
    rounds
        At most.
    rate
        a. None: 1 over the widest gap between groups in the first round (at most 100), so that gaps of any size
        move the weights alike.
    decay
        b.
    bound
        Greatest error allowed in each group, shape (groups,).
    check
        People held out, shape (people,): rounds end when the mixture has not become better on them `patience` times
        in a row, and the best mixture is returned.
    patience
        See above.
    """
    train = Board(board.outcome, board.member, board.weight * (1 if check is None else ~check), board.error, board.cut)
    judge = None if check is None else Board(board.outcome, board.member, board.weight * check, board.error, board.cut)
    share, basis = train.shares(), train.weight / train.weight.sum()
    strength = np.zeros(board.member.shape[1]) if bound is not None else (train.weight @ board.member)
    if bound is None:
        strength = strength / strength.sum()
    a, risk, models, told, path = rate, np.zeros(len(board.outcome)), [], [], []
    best: tuple[tuple[float, float], int, Floats] | None = None
    for t in range(1, rounds + 1):
        steer = train.weight * (share @ strength) + (basis if bound is not None else 0.0)
        model, answer = respond(steer * ((train.weight > 0).sum() / steer.sum()))
        errors = train.of_groups(answer)
        models.append(model)
        told.append(errors)
        path.append(strength)
        risk = risk + (answer - risk) / t
        if judge is not None:
            score = _standing(judge, risk, bound)
            if best is None or score < best[0]:
                best = (score, t, risk)
            elif t - best[1] >= patience:
                break
        if a is None:
            a = 1 / max(float(errors.max() - errors.min()), LEAST_GAP)
        eta = a * t**-decay
        if bound is None:
            power = np.log(np.maximum(strength, 1e-300)) + eta * errors
            strength = np.exp(power - power.max())
            strength = strength / strength.sum()
        else:
            strength = np.maximum(0.0, strength + eta * (errors - bound))
    last = len(models) if best is None else best[1]
    return Played(tuple(models[:last]), risk if best is None else best[2], np.array(path)[:last], np.array(told)[:last])


def _standing(judge: Board, risk: Floats, bound: Floats | None) -> tuple[float, float]:
    """Return what is to be small on people held out: the worst group (or excess over the bound), then everyone."""
    errors = judge.of_groups(risk)
    worst = np.nanmax(errors) if bound is None else max(0.0, float(np.nanmax(errors - bound)))
    return round(float(worst), 9), judge.of_all(risk)


def spare(
    board: Board, minimax: Played, base: Played, respond: Respond, *, slack: float, **options: Any
) -> tuple[Played, str]:
    """Choose, among models whose worst group is as well off as minimax makes it, the one that costs the others least.

    The base model, if its worst group is within the slack: then nothing is gained by any change. Otherwise the
    relaxed game whose bound is the minimax value, if it keeps it and has less overall error than the mixture: it
    keeps the weight of every group above 0, so no group's error is raised for nothing. Otherwise the mixture.

    Parameters
    ----------
    board
        People on whom candidates are compared: those held out, if any.
    minimax, base
        The mixture, and the model trained without weights.
    respond
        As in `play`.
    slack
        Part of the minimax value that may be given up in the worst group.
    options
        Of `play`.

    Returns
    -------
    Played, str
        The chosen one and its name.
    """
    check = options.get("check")
    judge = board if check is None else Board(board.outcome, board.member, board.weight * check, board.error, board.cut)
    value = float(np.nanmax(judge.of_groups(minimax.risk)))
    cap = value * (1 + slack) + SLACK
    if np.nanmax(judge.of_groups(base.risk)) <= cap:
        return base, "the base model"
    trained_on = Board(
        board.outcome, board.member, board.weight * (1 if check is None else ~check), board.error, board.cut
    )
    bound = np.full(board.member.shape[1], float(np.nanmax(trained_on.of_groups(minimax.risk))))
    relaxed = play(board, respond, bound=bound, **options)
    spares = np.nanmax(judge.of_groups(relaxed.risk)) <= cap and judge.of_all(relaxed.risk) < judge.of_all(minimax.risk)
    return (relaxed, "the relaxed mixture at the minimax value") if spares else (minimax, "the minimax mixture")


def checked_error(error: str, *, relaxed: bool) -> None:
    """Refuse an error that is unknown, or that is degenerate without overall error.

    Raises
    ------
    PrimumError
        If it is one of the two.
    """
    if error not in ERRORS:
        raise unknown("error", error, ERRORS)
    if error in ONE_SIDED and not relaxed:
        trivial = "positive" if error == "false negatives" else "negative"
        raise PrimumError(
            f"The least worst-group rate of {error} is 0: call everybody {trivial}.",
            expected="an error that both kinds of mistake enter: " + ", ".join(ERRORS[:3]),
            mend=f"relax it: limit=… is the rate of {error} that no group may exceed, at least overall error",
        )
