"""Minimax: the model whose worst-off group is as well off as possible, and nobody worse off for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.mitigate.base import Repair, outcomes, risks
from primum.mitigate.membership import Membership, membership
from primum.mitigate.minimax_game import ONE_SIDED, Board, Played, checked_error, play, spare
from primum.mitigate.training import held_out, not_prefit, sample_weights, trained

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Minimax(Repair):
    """A mixture of models trained against the worst-off groups (Diana et al. 2021).

    `predict_proba` is the mean of the mixture's risks: one risk a person, no lots drawn. For log loss and squared
    error it is at least as good in every group as a model drawn from the mixture (the errors are convex); for 0/1
    errors the guarantee is that of the draw. With `limit` it is the relaxed form: least overall error among models
    whose error exceeds the limit in no group. Risks trained under weights for false negatives or positives are no
    longer calibrated. A large error that cannot be helped (noise) draws all weight: `spare` then keeps the others
    at what they had.

    Parameters
    ----------
    estimator
        Any classifier that can be trained with sample weights. The theory asks for an exact learner.
    threshold
        Risk from which `predict` says 1; needed for false negatives and positives.
    prefit
        Must be False: minimax is a training.
    error
        "log loss", "squared", "0/1" (decision at the threshold, 0.5 without one), "false negatives" or "false
        positives" (both only with `limit`).
    limit
        None: minimax. A number, or one for each group, that no group's error may exceed: the relaxed form.
    rounds, rate, decay
        As in `play`.
    spare
        Whether, after minimax, groups are relieved of errors that help nobody.
    slack
        Part of the minimax value that the worst-off group may give up for that.
    least_events
        Groups with fewer people with (or without) the outcome steer nothing: their error is mostly chance.
    validation_fraction
        Share of people held out, who decide when to stop; None: all rounds are played.
    patience
        Rounds without improvement after which to stop.
    seed
        For who is held out, and an estimator that leaves `random_state` open.

    Attributes
    ----------
    models_
        The mixture.
    estimator_
        The base model: the same estimator without weights.
    game_
        Weights and errors of the rounds.
    chosen_
        Which candidate is answered with.
    """

    cost_without_group: ClassVar[str] = "Nothing: membership is used in training only."

    def __init__(
        self,
        estimator: Any,
        *,
        threshold: float | None = None,
        prefit: bool = False,
        error: str = "log loss",
        limit: float | Mapping[Any, float] | None = None,
        rounds: int = 100,
        rate: float | None = None,
        decay: float = 0.5,
        spare: bool = True,
        slack: float = 0.005,
        least_events: int = 20,
        validation_fraction: float | None = None,
        patience: int = 10,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.prefit = prefit
        self.error = error
        self.limit = limit
        self.rounds = rounds
        self.rate = rate
        self.decay = decay
        self.spare = spare
        self.slack = slack
        self.least_events = least_events
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.seed = seed

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any = None, sample_weight: Any = None) -> Self:
        """Play the game. Groups of several attributes may overlap: each (attribute, group) is one.

        Raises
        ------
        PrimumError
            With `prefit`; for an error that is unknown or degenerate, a setting out of range, a limit for a group
            that does not exist; if no group is large enough, or the estimator takes no weights.
        """
        not_prefit(self.prefit, "Minimax")
        checked_error(self.error, relaxed=self.limit is not None)
        self._checked()
        outcome = outcomes(y)
        people = membership(group, len(outcome))
        weight = sample_weights(sample_weight, len(outcome))
        held = held_out(outcome, self.validation_fraction, seed=self.seed)
        check = held if held.any() else None
        self.groups_, member, self.not_steering_ = self._steering(people, outcome, held)
        cut = 0.5 if self.threshold is None else float(self.threshold)
        board = Board(outcome, member, weight, self.error, cut)
        rows = np.flatnonzero(~held)
        given = None if sample_weight is None else weight

        def respond(w: Floats | None) -> tuple[Any, Floats]:
            model = self._trained_on(X, outcome, w, rows, len(rows) == len(outcome))
            return model, np.asarray(model.predict_proba(X), dtype=np.float64)[:, 1]

        self.estimator_, plain = respond(given)
        options: dict[str, Any] = {
            "rounds": self.rounds, "rate": self.rate, "decay": self.decay, "check": check, "patience": self.patience
        }  # fmt: skip
        self.limits_ = self._limits(len(people.attributes) > 1)
        self.game_ = play(board, respond, bound=self.limits_, **options)
        chosen, self.chosen_ = self.game_, "the minimax mixture" if self.limits_ is None else "the relaxed mixture"
        if self.limits_ is None and self.spare:
            none = np.zeros((0, member.shape[1]))
            base = Played((self.estimator_,), plain, none, none)
            chosen, self.chosen_ = spare(board, self.game_, base, respond, slack=self.slack, **options)
        self.models_ = chosen.models
        self.classes_ = np.array([0, 1])
        self.errors_ = {"base": board.of_groups(plain), "repaired": board.of_groups(chosen.risk)}
        self.overall_ = {"base": board.of_all(plain), "repaired": board.of_all(chosen.risk)}
        return self

    def predict_proba(self, X: Any, *, group: Any = None) -> Floats:  # noqa: ARG002 - not needed here
        """Return the mean of the mixture's risks, shape (people, 2)."""
        each = [np.asarray(m.predict_proba(X), dtype=np.float64)[:, 1] for m in self.models_]
        return risks(np.mean(each, axis=0))

    def describe(self) -> dict[str, Any]:
        """Return what was played and, for each group, its error before and after on the people of fitting."""
        tops = [np.inf] * len(self.groups_) if self.limits_ is None else self.limits_.tolist()
        limits = [top if np.isfinite(top) else None for top in tops]
        found = [
            {"attribute": a, "group": g, "error_before": float(b), "error_after": float(c), "limit": top}
            | {"within_limit": None if top is None else bool(c <= top * (1 + self.slack))}
            for (a, g), b, c, top in zip(
                self.groups_, self.errors_["base"], self.errors_["repaired"], limits, strict=True
            )
        ]
        return {
            "repair": "minimax" if self.limits_ is None else "relaxed minimax",
            "error": self.error,
            "chosen": self.chosen_,
            "models": len(self.models_),
            "rounds": len(self.game_.models),
            "overall_error": dict(self.overall_),
            "groups": found,
            "not_steering": [{"attribute": a, "group": g} for a, g in self.not_steering_],
            "final_weights": self.game_.weights[-1].tolist(),
        }

    def _trained_on(
        self,
        X: Any,
        y: npt.NDArray[np.int64],
        w: Floats | None,
        rows: npt.NDArray[np.int64],
        everybody: bool,  # noqa: FBT001
    ) -> Any:
        from sklearn.utils import _safe_indexing

        if everybody:
            return trained(self.estimator, X, y, w, seed=self.seed)
        mine = None if w is None else w[rows]
        return trained(self.estimator, _safe_indexing(X, rows), y[rows], mine, seed=self.seed)

    def _steering(
        self, people: Membership, y: npt.NDArray[np.int64], held: Bools
    ) -> tuple[tuple[tuple[str, str], ...], Bools, tuple[tuple[str, str], ...]]:
        """Return the groups that are large enough, who is in them, and the other groups."""
        large: list[tuple[str, str]] = []
        small: list[tuple[str, str]] = []
        columns = []
        for attribute, name in people.groups:
            own = people.of(attribute, name)
            events = int(y[own & ~held].sum())
            enough = min(events, int((own & ~held).sum()) - events) >= self.least_events
            (large if enough else small).append((attribute, name))
            if enough:
                columns.append(own)
        if not columns:
            raise PrimumError(
                f"No group has {self.least_events} people with and as many without the outcome.",
                expected="at least one such group",
                available=[g for _, g in small],
                mend="put groups together, or lower least_events: the error of a small group is mostly chance",
            )
        return tuple(large), np.stack(columns, axis=1), tuple(small)

    def _limits(self, several: bool) -> Floats | None:  # noqa: FBT001
        """Return the limit of each steering group."""
        if self.limit is None:
            return None
        if not isinstance(self.limit, Mapping):
            return np.full(len(self.groups_), float(self.limit))
        keys: dict[Any, int] = {g: k for k, g in enumerate(self.groups_)}
        if not several:
            keys |= {g: k for k, (_, g) in enumerate(self.groups_)}
        limits = np.full(len(self.groups_), np.inf)
        small = {*self.not_steering_, *(g for _, g in self.not_steering_)}
        for name, value in self.limit.items():
            if name in keys:
                limits[keys[name]] = float(value)
            elif name not in small:
                raise unknown("group", str(name), [str(k) for k in keys], where="the limits")
        return limits

    def _checked(self) -> None:
        if self.error in ONE_SIDED and self.threshold is None:
            raise PrimumError(
                f"{self.error.capitalize()} are mistakes of a decision, and no threshold was declared.",
                expected="threshold=…, a risk between 0 and 1",
            )
        limits = self.limit.values() if isinstance(self.limit, Mapping) else [self.limit or 0.0]
        for name, right, told in (
            ("rounds", self.rounds >= 1, "at least 1"),
            ("rate", self.rate is None or self.rate > 0, "above 0, or None"),
            ("decay", 0 <= self.decay <= 1, "from 0 to 1"),
            ("slack", self.slack >= 0, "at least 0"),
            ("least_events", self.least_events >= 1, "at least 1"),
            ("patience", self.patience >= 1, "at least 1"),
            ("limit", all(v >= 0 and np.isfinite(v) for v in limits), "at least 0 and finite"),
        ):
            if not right:
                raise PrimumError(f"{name} is {getattr(self, name)!r}.", expected=told)
