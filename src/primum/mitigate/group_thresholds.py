"""A threshold for each group: what threshold repairs learn from a tally, apply to people, and tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from primum.errors import PrimumError
from primum.measure.kernel import divide
from primum.measure.steps import Steps
from primum.measure.utility import net_benefit
from primum.mitigate.base import Repair, declared_threshold, outcomes, risks
from primum.mitigate.membership import Membership, coded, membership
from primum.tally.count import count
from primum.tally.grid import Grid
from primum.tally.score import Counts, ScoreTally

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Force = Literal["+", "-"] | None
NOBODY, EVERYONE = "nobody in this group is selected", "everyone in this group is selected"


@dataclass(frozen=True, eq=False)
class GroupThresholds:
    """The threshold of each group, and what it did to the people on whom it was chosen.

    Attributes
    ----------
    groups
        Labels; a group of several attributes is "a · b".
    declared
        The common threshold: of whoever is in none of these groups, and of a group that keeps it.
    grid
        The score axis on which thresholds lie.
    common, labels
        The bin from which on people are selected: at the declared threshold, and of each group, shape (groups,).
    reasons
        Why a group keeps the common threshold, or what else must be known of it; "" otherwise.
    people
        Without and with the outcome, shape (groups, 2).
    before, after
        Weighted counts at the declared threshold and at each group's own, each of shape (groups,).
    exchange
        The threshold whose odds are the exchange rate of net benefit; None where there is none.
    """

    groups: tuple[str, ...]
    declared: float
    grid: Grid
    common: int
    labels: Ints
    reasons: tuple[str, ...]
    people: Ints
    before: Counts
    after: Counts
    exchange: float | None = None

    @property
    def thresholds(self) -> Floats:
        """The score from which on people are selected, shape (groups,); NaN: nobody, however high the score."""
        top = int(self.grid.labels(self.grid.high))
        own = np.where(self.labels > top, np.nan, self.grid.value(self.labels))
        return np.where(self.labels == self.common, self.declared, own)

    def decide(self, score: npt.ArrayLike, cells: npt.NDArray[np.str_] | None) -> Ints:
        """Return who is selected, 0/1, shape (people,). Whoever is in no known group has the common threshold."""
        reached = self.grid.labels(usable(score, self.grid))
        if cells is None:
            return np.asarray(reached >= self.common, dtype=np.int64)
        own = dict(zip(self.groups, self.labels.tolist(), strict=True))
        names, at = coded(cells)
        cut = np.array([own.get(c, self.common) for c in names.tolist()], dtype=np.int64)
        return np.asarray(reached >= cut[at], dtype=np.int64)

    def rows(self) -> list[dict[str, Any]]:
        """Return one JSON-ready row a group: threshold, people, and shares before and after on these people."""
        columns: dict[str, Any] = {"threshold": self.thresholds}
        for when, c in (("before", self.before), ("after", self.after)):
            columns[f"selected_{when}"] = divide(c.tp + c.fp, c.tp + c.fp + c.fn + c.tn)
            columns[f"sensitivity_{when}"] = divide(c.tp, c.tp + c.fn)
            columns[f"specificity_{when}"] = divide(c.tn, c.tn + c.fp)
            if self.exchange is not None and 0 < self.exchange < 1:
                columns[f"net_benefit_{when}"] = net_benefit(c, self.exchange)
        rows = []
        for i, group in enumerate(self.groups):
            numbers = {k: float(v[i]) if np.isfinite(v[i]) else None for k, v in columns.items()}
            n, events = int(self.people[i].sum()), int(self.people[i, 1])
            changed = bool(self.labels[i] != self.common)
            rows.append(
                {"group": group, "n": n, "events": events, "changed": changed, **numbers, "reason": self.reasons[i]}
            )
        return rows


def chosen(
    view: ScoreTally, at: float, labels: Ints, reasons: list[str], *, common: int | None = None
) -> GroupThresholds:
    """Return these labels as thresholds of groups; what selects nobody or everyone is said.

    `at` is the common threshold and the exchange rate; with the bin `common` instead, there is no exchange rate.
    """
    exchange = at if common is None and view.grid.probability else None
    common = view.grid.cut(at) if common is None else common
    before, after = view.at_label(common), view.at_label(labels)
    told = []
    for i, reason in enumerate(reasons):
        picked, rest = after.tp[i] + after.fp[i], after.fn[i] + after.tn[i]
        extreme = NOBODY if picked <= 0 < rest else EVERYONE if rest <= 0 < picked else ""
        told.append(reason or (extreme if labels[i] != common else ""))
    names = tuple(" · ".join(g) for g in view.groups)
    return GroupThresholds(names, at, view.grid, common, labels, tuple(told), view.people(), before, after, exchange)


def nearest(s: Steps, common: int) -> Ints:
    """Return, for each step of a group, the label nearest to the common one that selects the same people of it.

    Between two neighbouring scores every threshold selects the same people; of these the one nearest to the declared
    threshold is used, so that a group moves only as far as what is known of it says.
    """
    lowest = np.append(0, s.labels[:-1] + 1)
    return np.asarray(np.clip(common, lowest, s.labels), dtype=np.int64)


def allowed(near: Ints, common: int, force: Force) -> npt.NDArray[np.bool_]:
    """Return which labels may be chosen: with "+" none that selects fewer people, with "-" none that selects more.

    Raises
    ------
    PrimumError
        For another `force`.
    """
    if force not in {None, "+", "-"}:
        raise PrimumError(
            f"force={force!r} is not known.",
            available=["'+': nobody's selection rate is lowered", "'-': nobody's is raised", "None: both may happen"],
        )
    if force == "+":
        return np.asarray(near <= common)
    return np.asarray(near >= common) if force == "-" else np.ones(len(near), dtype=bool)


def ranked(s: Steps, worth: Floats, near: Ints, common: int, grid: Grid) -> Ints:
    """Return the steps from best to worst: by worth, then nearest to the common threshold, then the lower one."""
    distance = np.abs(grid.value(near) - grid.value(common))
    order = np.argsort(distance, kind="stable")  # two sorted runs: one pass
    loss = np.round(worth / (-1e-9 * max(s.everyone, 1.0)))
    return np.asarray(order[np.argsort(loss[order], kind="stable")], dtype=np.int64)


def too_few(view: ScoreTally, fewest: int, of: dict[int, str]) -> list[str]:
    """Return, for each group, why it has too few people for a threshold of its own, or "".

    `of` names the outcomes of which there must be enough: {1: "with", 0: "without"}.
    """
    least = max(fewest, 1)
    reasons = []
    for row in view.people().tolist():
        short = next((o for o in of if row[o] < least), None)
        known = "" if short is None else f"{row[short]} people {of[short]} the outcome, fewer than {least}"
        if not sum(row):
            known = "nobody in this group"
        reasons.append(f"keeps the common threshold: {known}" if known else "")
    return reasons


def usable(score: npt.ArrayLike, grid: Grid) -> Floats:
    """Return the scores as numbers.

    Raises
    ------
    PrimumError
        If one is missing or outside the range of the score.
    """
    s = np.asarray(score, dtype=np.float64)
    wrong = int((~((s >= grid.low) & (s <= grid.high))).sum())
    if wrong:
        raise PrimumError(
            f"{wrong} of {s.size} scores are missing or out of range.",
            expected=f"a number from {grid.low:g} to {grid.high:g} for everybody",
        )
    return s


def tallied(score: Floats, y: npt.ArrayLike, members: Membership, at: float, weight: Any = None) -> ScoreTally:
    """Return the tally of these people by the groups of all attributes together, with `at` as an edge."""
    names, codes = members.coded_cells
    own = pl.Series(names.tolist()).gather(codes)
    columns = {"score": usable(score, Grid()), "outcome": outcomes(y), "group": own}
    if weight is not None:
        columns["weight"] = np.asarray(weight, dtype=np.float64)
    frame = pl.DataFrame(columns)
    by = None if weight is None else "weight"
    return count(frame, "outcome", "score", ["group"], thresholds=[at], weight=by)


class ThresholdRepair(Repair):
    """A repair that leaves every risk as it is and decides from another threshold in some groups.

    `predict_proba` is the base model's. `predict` uses the group's threshold, and the common one where the group is
    missing, was never seen, or is not given. Thresholds are read off the people given to `fit`: if the base model was
    trained on the same people (`prefit=False`), its risks look better there than they are, so give a fitted model and
    people it has not seen wherever there are enough.

    Attributes
    ----------
    thresholds_
        `GroupThresholds`.
    attributes_
        Names of the attributes that make the groups.
    """

    thresholds_: GroupThresholds
    cost_without_group = (
        "Without group membership everyone is decided at the common threshold: exactly the decisions of the model in "
        "use, and nothing of what the repair had gained."
    )

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any, sample_weight: Any = None) -> Self:
        """Fit the base model (unless `prefit`) and choose the threshold of each group.

        Raises
        ------
        PrimumError
            Without a declared threshold or group membership, for labels that are missing or not 0/1.
        """
        at = declared_threshold(self.threshold)
        members = membership(group, len(outcomes(y)))
        self._fit_base(X, y, sample_weight)
        view = tallied(self._base(X), y, members, at, sample_weight)
        self.attributes_ = members.attributes
        self.thresholds_ = self._choose(view, at)
        return self

    def predict_proba(self, X: Any, *, group: Any = None) -> Floats:  # noqa: ARG002 - thresholds change no risk
        """Return the base model's probabilities, shape (people, 2)."""
        return risks(self._base(X))

    def predict(self, X: Any, *, group: Any = None) -> Ints:
        """Return the decision, 1 where the risk reaches the threshold of the person's group, shape (people,)."""
        score = self._base(X)
        return self.thresholds_.decide(score, None if group is None else membership(group, len(score)).cells)

    def describe(self) -> dict[str, Any]:
        """Return what was learnt, JSON-ready."""
        return {
            "repair": type(self).__name__,
            "attributes": list(self.attributes_),
            "threshold": self.thresholds_.declared,
            "groups": self.thresholds_.rows(),
            "cost_without_group": self.cost_without_group,
        }

    def _choose(self, view: ScoreTally, at: float) -> GroupThresholds:
        raise NotImplementedError
