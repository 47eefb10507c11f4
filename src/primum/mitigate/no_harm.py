"""NoHarm: a repair taken as far as it can be certified harmless, on people who had no part in fitting it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils.validation import check_is_fitted

from primum.certify.certificate import JOIN, Certificate, certify, check_terms
from primum.certify.utility import Utility, net_benefit
from primum.certify.walk import walk
from primum.errors import PrimumError, unknown
from primum.mitigate.base import declared_threshold, outcomes, risks
from primum.mitigate.division import divide_people
from primum.mitigate.membership import Membership, membership
from primum.mitigate.path import PATHS, Path, blend, moved, strengths
from primum.mitigate.seen import Seen, remember
from primum.mitigate.training import trained
from primum.mitigate.unchanged import unchanged_groups, views_of
from primum.tally.paired import PairedTally, members
from primum.tally.paired_units import UnitTally, count_units

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BASE, REPAIR, CERTIFY = "the model in use", "the repair", "the certificate"


class NoHarm(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A model and its repair, used as far as no group of patients is shown to be worse off.

    `fit` divides people into three parts that share nobody (clusters stay together; outcome and group are spread
    evenly): on the first the model in use is trained, on the second the repair is fitted, on the third the way from
    the one to the other is walked in steps, λ = 0 … 1, until a step can no longer be certified. Predictions are those
    of the furthest certified λ. Where nothing can be certified they are the model in use, and `words_` says so.

    The probability that the λ in use harms any group beyond the margin is at most alpha, for people like those of the
    third part. It is not a promise to a person, nor to a group that was not judged.

    Parameters
    ----------
    base
        The model in use: a classifier with `predict_proba`.
    repair
        A `Repair`. With `estimator=None` it is put upon the fitted model in use. With an estimator of its own it is a
        new training: then model and repair are both fitted on the first two parts together.
    threshold, margin, alpha
        Risk from which a decision is taken; the largest mean loss of utility that does not matter; the probability of
        a false certificate. None has a default: `fit` explains how to choose.
    utility
        What a decision is worth; net benefit at the threshold if left out.
    groups
        Attributes or intersections ("sex × age") that must not lose; None: every attribute of `group`.
    worst_off
        (attribute, group) named beforehand, which ought to gain.
    steps
        How many steps the walk has.
    test_size, repair_size
        Share of people for the certificate, and for the repair.
    bound
        How a group's mean is bounded: "gaffke", "phan", "betting".
    recorded
        Ranges of the share of cases recorded, as in `certify`.
    path
        How the way is made: see `primum.mitigate.path.PATHS`.
    prefit
        False: everything is fitted here. "base": the model in use is fitted already, on other people. True: the
        repair as well; then everybody given certifies, and that none of them was used before is the caller's word.
    largest_cluster, largest_weight
        The most people in one cluster, and the greatest sample weight: declared, needed with `cluster` and
        `sample_weight`.
    random_state
        Seed of the division and of the bound's draws.

    Attributes
    ----------
    base_, repair_
        The fitted models.
    walk_, lambda_, certificate_
        The walk; the strength in use; its certificate, or the one refused first where λ is 0.
    words_
        The outcome in plain words.
    split_
        Part → row numbers: "base", "repair", "certify".
    groups_
        Attribute → labels that were judged. Whoever has another label is given the model in use.
    path_
        The path taken.
    """

    cost_without_group = (
        "Without group membership everyone gets the model in use: nobody is harmed by the change, and nothing of the "
        "repair is gained."
    )

    def __init__(
        self,
        base: Any,
        repair: Any,
        *,
        threshold: float | None = None,
        margin: float | None = None,
        alpha: float | None = None,
        utility: Utility | None = None,
        groups: Sequence[str | tuple[str, ...]] | None = None,
        worst_off: tuple[str, str] | None = None,
        steps: int = 10,
        test_size: float = 0.4,
        repair_size: float = 0.2,
        bound: str = "gaffke",
        recorded: Mapping[Any, tuple[float, float]] | None = None,
        path: Path = "auto",
        prefit: Literal["base"] | bool = False,
        largest_cluster: int | None = None,
        largest_weight: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.base = base
        self.repair = repair
        self.threshold = threshold
        self.margin = margin
        self.alpha = alpha
        self.utility = utility
        self.groups = groups
        self.worst_off = worst_off
        self.steps = steps
        self.test_size = test_size
        self.repair_size = repair_size
        self.bound = bound
        self.recorded = recorded
        self.path = path
        self.prefit = prefit
        self.largest_cluster = largest_cluster
        self.largest_weight = largest_weight
        self.random_state = random_state

    def fit(
        self, X: Any, y: npt.ArrayLike, *, group: Any = None, cluster: Any = None, sample_weight: Any = None
    ) -> Self:
        """Divide the people, fit model and repair, and walk.

        Parameters
        ----------
        X, y
            Features and outcome 0/1.
        group
            Membership: one label a person, or a frame with one column an attribute.
        cluster
            Code of the family, practice or person whose rows belong together.
        sample_weight
            Sampling weights; used in training and in the certificate.

        Raises
        ------
        PrimumError
            If threshold, margin or alpha is not declared, membership or a label is missing, or a group is absent from
            a part.
        """
        cut, terms = self._terms()
        way = strengths(self.steps)
        if self.path not in PATHS:
            raise unknown("path", str(self.path), list(PATHS))
        outcome = outcomes(y)
        people = membership(group, outcome.size)
        self.classes_ = np.array([0, 1])
        self.groups_ = {a: tuple(g for b, g in people.groups if b == a) for a in people.attributes}
        self.judged_ = self._judged(people)  # refuses unknown names before anything is fitted
        self.split_ = self._divide(outcome, people, cluster)
        self._fit_models(X, outcome, people, cluster, sample_weight)
        used = np.union1d(self.split_["base"], self.split_["repair"])
        self.seen_: Seen | None = remember(X, outcome, used, cluster, seed=self.random_state) if used.size else None

        rows = self.split_["certify"]
        own, judged = _rows(X, rows), _members(people, rows)
        weights = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)[rows]
        codes = None if cluster is None else np.asarray(cluster, dtype=object)[rows]
        self.path_ = self._choose_path(own, judged, cut)
        decide, count = self._along(own, judged), self._counter(outcome[rows], judged, codes, weights)
        now, still = decide(0.0)[1], unchanged_groups(self.repair_, judged, self._views())
        self.walk_ = walk(
            way if self.path_ != "switch" else (0.0, 1.0),
            lambda strength: count(now, decide(strength)[1]),
            **terms,
            declared=self.judged_,
            untouched=lambda _: still,
        )
        self.lambda_ = self.walk_.strength
        refused = self.walk_.refused
        chosen = self.walk_.reached if self.lambda_ > 0 or refused is None else refused
        assert chosen.certificate is not None
        self.certificate_ = chosen.certificate
        self.words_ = self.walk_.words
        return self

    def certify(
        self, X: Any, y: npt.ArrayLike, *, group: Any = None, cluster: Any = None, sample_weight: Any = None
    ) -> Certificate:
        """Return a certificate of the λ in use from other people than those of `fit`.

        Raises
        ------
        PrimumError
            "A repair fitted on certification data", if some of them were used in fitting (by features and outcome, or
            by cluster code); or if the memory of who was used has been forgotten.
        """
        check_is_fitted(self, "walk_")
        _, terms = self._terms()
        outcome = outcomes(y)
        people = membership(group, outcome.size)
        if self.seen_ is not None:
            self.seen_.refuse(X, outcome, cluster)
        elif self.prefit is not True:
            raise PrimumError(
                "Who was used in fitting has been forgotten, so nobody can be shown to be new.",
                mend="certify with the estimator as it was fitted, before `forget`",
            )
        decide = self._along(X, people)
        tally, units = self._counter(outcome, people, cluster, sample_weight)(decide(0.0)[1], decide(self.lambda_)[1])
        return certify(tally, **terms, declared=self.judged_, units=units, same=self.lambda_ == 0)

    def predict(self, X: Any, *, group: Any = None) -> Ints:
        """Return decisions at the certified λ; of the model in use without `group`. Shape (people,)."""
        return self._at(X, group)[1]

    def predict_proba(self, X: Any, *, group: Any = None) -> Floats:
        """Return probabilities at the certified λ; of the model in use without `group`. Shape (people, 2)."""
        return risks(self._at(X, group)[0])

    def forget(self) -> Self:
        """Drop the digests of who was used in fitting, before the model leaves the place where it was fitted."""
        check_is_fitted(self, "walk_")
        self.seen_ = None
        return self

    def describe(self) -> dict[str, Any]:
        """Return what was found, JSON-ready."""
        check_is_fitted(self, "walk_")
        told = self.repair_.describe() if hasattr(self.repair_, "describe") else {}
        return {
            "repair": "no harm",
            "strength": self.lambda_,
            "words": self.words_,
            "path": self.path_,
            "path_words": PATHS[self.path_],
            "people": {k: int(v.size) for k, v in self.split_.items()},
            "groups": {k: list(v) for k, v in self.groups_.items()},
            "full_repair": told,
            "walk": self.walk_.to_document(),
            "cost_without_group": self.cost_without_group,
        }

    def _terms(self) -> tuple[float, dict[str, Any]]:
        cut = declared_threshold(self.threshold)
        utility, margin, alpha = check_terms(self.utility or net_benefit(cut), self.margin, self.alpha)
        return cut, {
            "utility": utility,
            "margin": margin,
            "alpha": alpha,
            "groups": self.groups,
            "worst_off": self.worst_off,
            "bound": self.bound,
            "recorded": self.recorded,
            "seed": self.random_state,
        }

    def _divide(self, y: Ints, people: Membership, cluster: Any) -> dict[str, Ints]:
        everyone, nobody = np.arange(y.size), np.zeros(0, dtype=np.int64)
        if self.prefit is True:
            return {"base": nobody, "repair": nobody, "certify": everyone}
        together = self.prefit == "base" or getattr(self.repair, "estimator", None) is not None
        if together:
            shares = {REPAIR: 1 - self.test_size, CERTIFY: self.test_size}
        else:
            shares = {
                BASE: 1 - self.test_size - self.repair_size,
                REPAIR: self.repair_size,
                CERTIFY: self.test_size,
            }
        parts = divide_people(y, people, shares, cluster=cluster, seed=self.random_state)
        base = nobody if self.prefit else parts[REPAIR] if together else parts[BASE]
        return {"base": base, "repair": parts[REPAIR], "certify": parts[CERTIFY]}

    def _fit_models(self, X: Any, y: Ints, people: Membership, cluster: Any, weight: Any) -> None:
        w = None if weight is None else np.asarray(weight, dtype=np.float64)
        if self.prefit:
            check_is_fitted(self.base)
            self.base_ = self.base
        else:
            rows = self.split_["base"]
            self.base_ = trained(self.base, _rows(X, rows), y[rows], None if w is None else w[rows])
        if self.prefit is True:
            check_is_fitted(self.repair)
            self.repair_ = self.repair
            return
        self.repair_ = clone(self.repair)
        options = self.repair_.get_params(deep=False)
        if "threshold" in options and options["threshold"] not in {None, self.threshold}:
            raise PrimumError(
                f"The repair decides at {options['threshold']:g}, the certificate at {self.threshold:g}.",
                expected="one threshold",
            )
        changes: dict[str, Any] = {"threshold": self.threshold} if "threshold" in options else {}
        if options.get("estimator") is None:
            changes |= {"estimator": self.base_, "prefit": True}
        self.repair_.set_params(**changes)
        rows = self.split_["repair"]
        own = {} if w is None else {"sample_weight": w[rows]}
        if cluster is not None and "cluster" in inspect.signature(self.repair_.fit).parameters:
            own["cluster"] = np.asarray(cluster, dtype=object)[rows]
        self.repair_.fit(_rows(X, rows), y[rows], group=_members(people, rows), **own)

    def _choose_path(self, X: Any, people: Membership, cut: float) -> Path:
        """Return the path asked for, or the one that fits what the repair changes."""
        if self.path == "thresholds" and not hasattr(self.repair_, "thresholds_"):
            raise PrimumError(
                f"{type(self.repair_).__name__} has no thresholds to move.", mend="leave path='auto', or choose 'logit'"
            )
        if self.path != "auto":
            return self.path
        before, after = self._risk(X), self._repaired(X, people)
        if hasattr(self.repair_, "thresholds_") and hasattr(self.repair_, "attributes_"):
            return "thresholds" if np.allclose(before, after, rtol=0, atol=1e-12) else "switch"
        decided = np.asarray(self.repair_.predict(X, group=people))
        return "logit" if np.array_equal(decided, after >= cut) else "switch"

    def _risk(self, X: Any) -> Floats:
        return np.asarray(self.base_.predict_proba(X), dtype=np.float64)[:, 1]

    def _repaired(self, X: Any, people: Membership) -> Floats:
        return np.asarray(self.repair_.predict_proba(X, group=people), dtype=np.float64)[:, 1]

    def _along(self, X: Any, people: Membership | None) -> Callable[[float], tuple[Floats, Ints]]:
        """Return risks and decisions by strength; people of groups that were not judged get the model in use."""
        cut, before = declared_threshold(self.threshold), self._risk(X)
        decided = (before >= cut).astype(np.int64)
        if people is None:
            return lambda _: (before, decided)
        rows = self._known(people)
        after, full, cuts = before[rows], decided[rows], np.zeros(0)
        if rows.size:
            own, judged = _rows(X, rows), _members(people, rows)
            if self.path_ == "thresholds":
                found = self.repair_.thresholds_
                by = dict(zip(found.groups, moved(cut, found.thresholds, 1.0).tolist(), strict=True))
                cuts = np.array([by.get(c, cut) for c in judged.cells.tolist()])
            else:
                after = self._repaired(own, judged)
            if self.path_ in {"thresholds", "switch"}:
                full = np.asarray(self.repair_.predict(own, group=judged), dtype=np.int64)

        def at(strength: float) -> tuple[Floats, Ints]:
            if strength == 0 or not rows.size:
                return before, decided
            risk, decision = before.copy(), decided.copy()
            if self.path_ == "thresholds":
                decision[rows] = full if strength == 1 else before[rows] >= moved(cut, cuts, strength)
            elif self.path_ == "switch":
                risk[rows], decision[rows] = after, full
            else:
                risk[rows] = blend(before[rows], after, strength, scale=self.path_)
                decision[rows] = risk[rows] >= cut
            return risk, decision

        return at

    def _known(self, people: Membership) -> Ints:
        """Return the row numbers of those all of whose groups were judged."""
        if people.attributes != tuple(self.groups_):
            raise PrimumError(
                f"Membership is given by {list(people.attributes)}, the certificate is by {list(self.groups_)}.",
                expected="the same attributes, in the same order",
            )
        known = [np.isin(people.labels[:, j], labels) for j, labels in enumerate(self.groups_.values())]
        for view, labels in self.judged_.items():
            if len(view) > 1:
                cells = people.labels[:, [people.attributes.index(a) for a in view]]
                known.append(np.isin([JOIN.join(c) for c in cells.tolist()], list(labels)))
        return np.flatnonzero(np.all(known, axis=0))

    def _at(self, X: Any, group: Any) -> tuple[Floats, Ints]:
        check_is_fitted(self, "walk_")
        people = None if group is None or self.lambda_ == 0 else membership(group, _length(X))
        return self._along(X, people)(self.lambda_)

    def _counter(
        self, y: Ints, people: Membership, cluster: Any, weight: Any
    ) -> Callable[[Ints, Ints], tuple[PairedTally, UnitTally | None]]:
        """Return what counts two decisions about these people, in units where they are clustered or weighted."""
        columns = {a: people.labels[:, j] for j, a in enumerate(people.attributes)}
        found, at = members(columns, y.size)

        def count(before: Ints, after: Ints) -> tuple[PairedTally, UnitTally | None]:
            cell = ((at * 2 + y) * 2 + before) * 2 + after
            n = np.bincount(cell, minlength=8 * len(found)).reshape(-1, 2, 2, 2)
            tally = PairedTally(people.attributes, found, n)
            if cluster is None and weight is None:
                return tally, None
            units = count_units(
                y, before, after, columns, clusters=cluster, weights=weight, max_weight=self.largest_weight,
                max_size=self.largest_cluster, views=self._views(),
            )  # fmt: skip
            return tally, units

        return count

    def _views(self) -> list[tuple[str, ...]]:
        return views_of(self.groups, tuple(self.groups_))

    def _judged(self, people: Membership) -> dict[str | tuple[str, ...], Sequence[str]]:
        """Return the labels of everybody by view: a cell with nobody in the certificate's part is judged, too."""
        found: dict[str | tuple[str, ...], Sequence[str]] = {}
        for view in self._views():
            cells = np.unique(people.labels[:, [people.attributes.index(a) for a in view]], axis=0).tolist()
            found[view] = [JOIN.join(c) for c in cells if len(view) == 1 or not any(JOIN in label for label in c)]
        return found


def _rows(X: Any, rows: Ints) -> Any:
    from sklearn.utils import _safe_indexing

    return X if rows.size == _length(X) else _safe_indexing(X, rows)


def _members(people: Membership, rows: Ints) -> Membership:
    return Membership(people.attributes, people.labels[rows])


def _length(X: Any) -> int:
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)
