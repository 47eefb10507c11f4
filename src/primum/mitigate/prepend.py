"""PREPEND with repair: "for this group, use that model instead", accepted only if no group becomes worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from primum.certify.certificate import CROSS, JOIN, check_terms
from primum.certify.utility import Utility, net_benefit
from primum.certify.walk import walk
from primum.errors import PrimumError, unknown
from primum.learn.calibrate import expit, logit, recalibrate
from primum.mitigate.base import Repair, declared_threshold, outcomes, risks
from primum.mitigate.decision_list import Update, grow, readings
from primum.mitigate.division import divide_people
from primum.mitigate.membership import Membership, membership
from primum.mitigate.training import cross_scores, sample_weights, trained
from primum.mitigate.unchanged import views_of
from primum.tally.paired import count_pairs
from primum.tally.paired_units import count_units

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Group = tuple[str, str]
Loss = Literal["utility", "brier"]
FIT, SELECT, CERTIFY = "the models", "choosing updates", "the certificate"
OFFERS = ("recalibrate", "refit")


@dataclass(frozen=True)
class Candidate:
    """A model that groups may get.

    Attributes
    ----------
    name
        What readers see.
    group
        The one group that it was made for; None for any.
    kind
        "recalibrate" (of the base model's risk), "threshold" (that of a group, as a shift of the risk) or "model".
    model
        The fitted model, where there is one.
    intercept, slope
        Of the base model's log odds, where there is none.
    """

    name: str
    group: Group | None
    kind: str
    model: Any = None
    intercept: float = 0.0
    slope: float = 1.0

    def risk(self, X: Any, base: Floats) -> Floats:
        """Return the risks of people with features X and these risks by the base model, shape (people,)."""
        if self.model is None:
            return expit(self.intercept + self.slope * logit(base))
        return np.asarray(self.model.predict_proba(X), dtype=np.float64)[:, 1]


class Prepend(Repair):
    """A model with a growing list of exceptions, none of which makes any group worse.

    Of the people given, a part fits the model (unless `prefit`) and the candidates, another part chooses updates
    (`decision_list.grow`): after each, no group's loss there, nor everybody's, is larger than it ever was. With
    `certify=True` a third part tests the list against the base model, round after round in fixed sequence, and keeps
    as many rounds as are certified harmless.

    Not valid as a promise for other people without `certify`; and where a group's outcome is recorded less often, it
    learns the record.

    Parameters
    ----------
    estimator, prefit
        The base model, and whether it is fitted already, on other people.
    threshold
        Risk from which a decision is taken; needed for loss "utility" and for `certify`.
    offers
        Which candidates are made for each group: "recalibrate" (logistic recalibration of the base model), "refit"
        (the estimator trained on the group alone).
    models
        Candidates of your own: fitted models that any group may get, or (attribute, group) → fitted model, or a
        number: a threshold of its own, which shifts the group's log odds so that it decides as from there.
    loss
        "utility": what a decision falls short of the best one for this patient, by `utility`, over the worst that it
        can (with net benefit at a threshold below .5: 1 for a missed case, t/(1 − t) for a false alarm); "brier":
        squared error of the risk.
    utility
        Net benefit at the threshold if left out.
    drop, smallest
        An update lowers its group's mean loss by more than `drop`, and the group has at least the share `smallest` of
        the people.
    fewest
        People with, and without, the outcome whom a group needs for a candidate of its own.
    select_size
        Share of people on whom updates are chosen, where models are fitted here.
    certify, margin, alpha, groups, bound, test_size, largest_cluster, largest_weight
        Whether to certify, and the declarations of the certificate, as in `NoHarm`.
    seed
        Of divisions and draws.

    Attributes
    ----------
    candidates_, updates_
        Models (number 1 on; 0 is the base model), and the list.
    rounds_
        How many updates are in use.
    history_
        After each round: everybody's mean loss and each group's, on the people who chose.
    walk_, certificate_
        With `certify`.
    split_
        Part → row numbers.
    """

    cost_without_group = (
        "Without group membership nobody is known to be an exception: everyone gets the base model, and nothing of "
        "what the list had gained."
    )

    def __init__(
        self,
        estimator: Any,
        *,
        threshold: float | None = None,
        prefit: bool = False,
        offers: Sequence[str] = OFFERS,
        models: Sequence[Any] | Mapping[Group, Any] | None = None,
        loss: Loss = "utility",
        utility: Utility | None = None,
        drop: float = 0.001,
        smallest: float = 0.01,
        fewest: int = 20,
        select_size: float = 0.5,
        certify: bool = False,
        margin: float | None = None,
        alpha: float | None = None,
        groups: Sequence[str | tuple[str, ...]] | None = None,
        bound: str = "gaffke",
        test_size: float = 0.4,
        largest_cluster: int | None = None,
        largest_weight: float | None = None,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.prefit = prefit
        self.offers = offers
        self.models = models
        self.loss = loss
        self.utility = utility
        self.drop = drop
        self.smallest = smallest
        self.fewest = fewest
        self.select_size = select_size
        self.certify = certify
        self.margin = margin
        self.alpha = alpha
        self.groups = groups
        self.bound = bound
        self.test_size = test_size
        self.largest_cluster = largest_cluster
        self.largest_weight = largest_weight
        self.seed = seed

    def fit(
        self, X: Any, y: npt.ArrayLike, *, group: Any = None, cluster: Any = None, sample_weight: Any = None
    ) -> Self:
        """Fit model and candidates, choose updates, certify them if asked.

        Raises
        ------
        PrimumError
            If membership or a label is missing, a declaration is missing, a name unknown, or a group is absent from a
            part.
        """
        outcome = outcomes(y)
        people = membership(group, outcome.size)
        w = sample_weights(sample_weight, outcome.size)
        self._check()
        self.groups_ = people.groups
        self.attributes_ = people.attributes
        self.split_ = self._divide(outcome, people, cluster)
        rows = self.split_["fit"]
        mine, own = _take(X, rows), None if sample_weight is None else w[rows]
        self._fit_base(mine, outcome if self.prefit else outcome[rows], own)
        self.candidates_ = self._candidates(mine, outcome[rows], _members(people, rows), own)

        rows = self.split_["select"]
        mine, members = _take(X, rows), _members(people, rows)
        table = self._losses(mine, outcome[rows])
        cells, at = np.unique(members.labels, axis=0, return_inverse=True)
        at, size = at.ravel(), cells.shape[0]
        counted = (w[rows] * self._counted(outcome[rows])).astype(np.float64)
        total = np.stack([np.bincount(at, counted * column, size).astype(np.float64) for column in table.T], axis=1)
        weight = np.bincount(at, counted, size).astype(np.float64)
        inside = self._inside(cells)
        self.updates_ = grow(total, weight, inside, self._allowed(), drop=self.drop, smallest=self.smallest)
        self.rounds_ = self.updates_[-1].round if self.updates_ else 0
        self.history_ = self._history(total, weight, inside)
        if self.certify:
            self._certify(X, outcome, people, cluster, sample_weight)
        return self

    def predict_proba(self, X: Any, *, group: Any = None) -> Floats:
        """Return risks; without `group`, and for groups without an exception, the base model's. Shape (people, 2)."""
        score = self._base(X)
        return risks(score if group is None else self._after(X, score, membership(group, score.size), self.rounds_))

    def unchanged_groups(self, people: Membership, views: Sequence[tuple[str, ...]]) -> frozenset[Group]:
        """Return the groups among these people that no exception in use can reach."""
        return self._out_of_reach(people, views, self.rounds_)

    def describe(self) -> dict[str, Any]:
        """Return the list in use, the candidates taken and the losses, JSON-ready."""
        return {
            "repair": "prepend",
            "loss": self.loss,
            "updates": [self._told(u) for u in self._used(self.rounds_)],
            "found": self.updates_[-1].round if self.updates_ else 0,
            "rounds": self.rounds_,
            "history": self.history_,
            "people": {k: int(v.size) for k, v in self.split_.items()},
            "walk": self.walk_.to_document() if self.certify else None,
            "cost_without_group": self.cost_without_group,
        }

    def _check(self) -> None:
        for offer in self.offers:
            if offer not in OFFERS:
                raise unknown("offer", str(offer), OFFERS)
        if self.loss not in {"utility", "brier"}:
            raise unknown("loss", str(self.loss), ["utility", "brier"])
        if self.loss == "utility" or self.certify:
            self.utility_ = self.utility or net_benefit(declared_threshold(self.threshold))
        if self.certify:
            check_terms(self.utility_, self.margin, self.alpha)

    def _divide(self, y: Ints, people: Membership, cluster: Any) -> dict[str, Ints]:
        fits = bool(self.offers) or not self.prefit
        rest = 1 - (self.test_size if self.certify else 0.0)
        shares = {FIT: rest * (1 - self.select_size), SELECT: rest * self.select_size} if fits else {SELECT: rest}
        if self.certify:
            shares[CERTIFY] = self.test_size
        nobody = np.zeros(0, dtype=np.int64)
        parts = (
            divide_people(y, people, shares, cluster=cluster, seed=self.seed)
            if len(shares) > 1
            else {SELECT: np.arange(y.size)}
        )
        return {
            "fit": parts.get(FIT, nobody),
            "select": parts[SELECT],
            "certify": parts.get(CERTIFY, nobody),
        }

    def _candidates(self, X: Any, y: Ints, people: Membership, weight: Floats | None) -> list[Candidate]:
        """Return the candidates: those made for each group, then those given."""
        made = []
        if self.offers:
            score = self._base(X) if self.prefit else cross_scores(self.estimator, X, y, weight, seed=self.seed)
            for a, g in self.groups_:
                own = people.of(a, g)
                if min(int(y[own].sum()), int((1 - y[own]).sum())) < max(self.fewest, 1):
                    continue
                w = None if weight is None else weight[own]
                if "recalibrate" in self.offers:
                    c = recalibrate(score[own], y[own], w)
                    made.append(Candidate(f"recalibrated for {g}", (a, g), "recalibrate", None, c.intercept, c.slope))
                if "refit" in self.offers:
                    model = trained(self.estimator, _take(X, np.flatnonzero(own)), y[own], w, seed=self.seed)
                    made.append(Candidate(f"trained on {g} alone", (a, g), "model", model))
        return made + self._given()

    def _given(self) -> list[Candidate]:
        if self.models is None:
            return []
        if not isinstance(self.models, Mapping):
            return [Candidate(f"given model {k + 1}", None, "model", m) for k, m in enumerate(self.models)]
        found = []
        for at, value in self.models.items():
            group = (at[0], at[1])
            if group not in self.groups_:
                raise unknown("group", ": ".join(at), [f"{a}: {g}" for a, g in self.groups_])
            for m in value if isinstance(value, list | tuple) else [value]:
                if isinstance(m, int | float):
                    found.append(self._moved(group, float(m)))
                else:
                    found.append(Candidate(f"given for {group[1]}", group, "model", m))
        return found

    def _moved(self, group: Group, own: float) -> Candidate:
        cut = declared_threshold(self.threshold)
        if not 0 < own < 1 or not 0 < cut < 1:
            raise PrimumError(f"A threshold of {own!r} for {group[1]} is none.", expected="a risk between 0 and 1")
        shift = float(logit(np.array(cut)) - logit(np.array(own)))
        return Candidate(f"decided from {own:g} in {group[1]}", group, "threshold", None, shift, 1.0)

    def _counted(self, y: Ints) -> Floats:
        if self.loss == "brier":
            return np.ones(y.size)
        return self.utility_.counted[y].astype(np.float64)

    def _losses(self, X: Any, y: Ints) -> Floats:
        """Return the loss by base model and candidates, in [0, 1] for those counted, shape (people, models)."""
        base = self._base(X)
        every = np.column_stack([base, *(c.risk(X, base) for c in self.candidates_)])
        if self.loss == "brier":
            return np.asarray((every - y[:, None]) ** 2)
        worth = np.array(self.utility_.worth)
        regret = worth.max(axis=0) - worth
        decision = (every >= declared_threshold(self.threshold)).astype(np.int64)
        return np.asarray(regret[decision, y[:, None]] / regret[:, self.utility_.counted].max())

    def _allowed(self) -> npt.NDArray[np.bool_]:
        columns = [[False] + [c.group is None or c.group == g for c in self.candidates_] for g in self.groups_]
        return np.array(columns, dtype=bool)

    def _inside(self, cells: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
        at = {a: j for j, a in enumerate(self.attributes_)}
        return np.array([cells[:, at[a]] == g for a, g in self.groups_])

    def _used(self, rounds: int) -> list[Update]:
        return [u for u in self.updates_ if u.round <= rounds]

    def _after(self, X: Any, base: Floats, people: Membership, rounds: int) -> Floats:
        """Return risks after so many rounds."""
        if people.attributes != self.attributes_:
            raise PrimumError(
                f"Membership is given by {list(people.attributes)}, the list was made by {list(self.attributes_)}.",
                expected="the same attributes, in the same order",
            )
        cells, at = np.unique(people.labels, axis=0, return_inverse=True)
        which = readings(self._used(rounds), self._inside(cells))[-1][at.ravel()]
        result = base.copy()
        for m in np.unique(which[which > 0]).tolist():
            rows = np.flatnonzero(which == m)
            result[rows] = self.candidates_[m - 1].risk(_take(X, rows), base[rows])
        return result

    def _out_of_reach(self, people: Membership, views: Sequence[tuple[str, ...]], rounds: int) -> frozenset[Group]:
        reach = [self.groups_[u.group] for u in self._used(rounds) if u.version < 0]
        result: set[Group] = set()
        for view in views:
            at = [people.attributes.index(a) for a in view]
            if any(a not in view for a, _ in reach):
                continue
            for labels in np.unique(people.labels[:, at], axis=0).tolist():
                own = dict(zip(view, labels, strict=True))
                if all(own[a] != g for a, g in reach):
                    result.add((CROSS.join(view), JOIN.join(labels)))
        return frozenset(result)

    def _history(self, total: Floats, weight: Floats, inside: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
        """Return mean losses after each round, of everybody and by group; None where nobody is counted."""
        versions = readings(self.updates_, inside)
        ends = [0] + [k + 1 for k, u in enumerate(self.updates_) if u.round != _next_round(self.updates_, k)]
        size = inside @ weight
        result = []
        for k, end in enumerate(ends):
            lost = total[np.arange(total.shape[0]), versions[end]]
            by_group = inside @ lost
            groups = {
                f"{a}: {g}": float(by_group[i] / size[i]) if size[i] else None for i, (a, g) in enumerate(self.groups_)
            }
            result.append({"round": k, "everybody": float(lost.sum() / weight.sum()), "groups": groups})
        return result

    def _certify(self, X: Any, y: Ints, people: Membership, cluster: Any, weight: Any) -> None:
        """Walk along the rounds on people who had no part, and keep those certified."""
        rows, cut = self.split_["certify"], declared_threshold(self.threshold)
        mine, members = _take(X, rows), _members(people, rows)
        codes = None if cluster is None else np.asarray(cluster, dtype=object)[rows]
        w = None if weight is None else np.asarray(weight, dtype=np.float64)[rows]
        base, columns = self._base(mine), {a: members.labels[:, j] for j, a in enumerate(members.attributes)}
        found = max(self.rounds_, 1)
        views = views_of(self.groups, members.attributes)

        def pairs(strength: float) -> Any:
            after = self._after(mine, base, members, round(strength * found))
            parts = (y[rows], (base >= cut).astype(np.int64), (after >= cut).astype(np.int64), columns)
            if codes is None and w is None:
                return count_pairs(*parts)
            return count_pairs(*parts), count_units(
                *parts, clusters=codes, weights=w, max_weight=self.largest_weight, max_size=self.largest_cluster,
                views=views,
            )  # fmt: skip

        self.walk_ = walk(
            [k / found for k in range(found + 1)],
            pairs,
            utility=self.utility_,
            margin=self.margin,  # type: ignore[arg-type] # checked before fitting
            alpha=self.alpha,  # type: ignore[arg-type]
            groups=self.groups,
            bound=self.bound,
            untouched=lambda s: self._out_of_reach(members, views, round(s * found)),
            seed=self.seed,
        )
        self.rounds_ = round(self.walk_.strength * found) if self.updates_ else 0
        refused = self.walk_.refused
        kept = self.walk_.reached if self.rounds_ or refused is None else refused
        self.certificate_ = kept.certificate

    def _told(self, u: Update) -> dict[str, Any]:
        attribute, group = self.groups_[u.group]
        what = self.candidates_[u.model - 1].name if u.version < 0 else f"as after entry {u.version}"
        return {"round": u.round, "attribute": attribute, "group": group, "gets": what, "repair": u.version >= 0}


def _next_round(updates: Sequence[Update], k: int) -> int:
    return updates[k + 1].round if k + 1 < len(updates) else -1


def _members(people: Membership, rows: Ints) -> Membership:
    return Membership(people.attributes, people.labels[rows])


def _take(X: Any, rows: Ints) -> Any:
    from sklearn.utils import _safe_indexing

    return _safe_indexing(X, rows)
