"""After deployment: patient after patient, is the repair still harmless? A certificate that may come, and may go."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.certify.certificate import check_terms
from primum.certify.eprocess import EProcess, least_people
from primum.certify.utility import Utility
from primum.errors import PrimumError, unknown
from primum.tally.paired import PairedTally, binary, members

Group = tuple[str, str]
FORMAT = "primum-monitor/1"
SHUFFLE = 41
RENEW = 100


@dataclass(frozen=True)
class Watch:
    """The evidence about one group: against harm, for the certificate, and of harm, for its revocation.

    Attributes
    ----------
    attribute, group
        Which group.
    safe
        Bets that the group's mean change of utility is larger than −margin.
    harm
        Bets that it is smaller than −tolerated.
    certified, harmed
        When either process first reached its bar; "" if not yet.
    """

    attribute: str
    group: str
    safe: EProcess
    harm: EProcess
    certified: str = ""
    harmed: str = ""

    @property
    def status(self) -> str:
        """Return "harmed", "certified" or "not assessable" (too few patients so far to say either)."""
        return "harmed" if self.harmed else "certified" if self.certified else "not assessable"


@dataclass(frozen=True)
class Monitor:
    """A running no-harm certificate: updated with patients, stopped whenever one likes.

    Every group has a process of its own. The certificate is issued once each of them has reached 1/α: a false one
    needs the process of a harmed group to get there, and the probability that it *ever* does is at most α, however
    many groups there are, however they overlap, and whenever one looks. It is revoked when the opposite process of
    some group reaches G/α: the probability that any of G groups is ever wrongly named is at most α.

    Not valid where a patient's outcome becomes known only because of the new decision, or where patients of a batch
    are related. If patients change with time, the certificate says that the group was not harmed all along; whether
    it is harmed *now* is for the opposite process, which puts in fresh wealth after every 100 patients (`RENEW`), so
    that good years do not drown bad months.

    Attributes
    ----------
    utility, margin, alpha, tolerated
        Declared before the first patient. `tolerated` is the mean loss beyond which harm is called; 0 is any.
    watches
        One a group.
    updates
        How many batches came.
    last
        The date of the last.
    certified, revoked
        When; "" if not. `revoked_for` is the group.
    seed
        For the order in which counted patients are dealt.
    """

    utility: Utility
    margin: float
    alpha: float
    tolerated: float
    watches: tuple[Watch, ...]
    updates: int = 0
    last: str = ""
    certified: str = ""
    revoked: str = ""
    revoked_for: Group | None = None
    seed: int = 0

    @property
    def status(self) -> str:
        """Return "revoked", "certified" or "watching"."""
        return "revoked" if self.revoked else "certified" if self.certified else "watching"

    @property
    def e(self) -> float:
        """The e-value against "some group is harmed" now: the smallest over the groups."""
        return min(w.safe.e for w in self.watches)

    @property
    def words(self) -> str:
        """The state in one plain sentence."""
        if self.revoked and self.revoked_for is not None:
            was = f", after it had been issued on {self.certified}" if self.certified else ""
            return (
                f"Revoked on {self.revoked}{was}: in {self.revoked_for[1]} ({self.revoked_for[0]}) the repaired model "
                "does harm."
            )
        if self.certified:
            return f"Certified on {self.certified}; no group has shown harm up to {self.last}."
        waiting = [w for w in self.watches if not w.certified]
        names = ", ".join(f"{w.group} (n = {w.safe.n:,})" for w in waiting[:6])
        more = f" and {len(waiting) - 6} more" if len(waiting) > 6 else ""
        return f"Not certified yet, and no harm shown: still waiting for {names}{more}."

    def of(self, attribute: str, group: str) -> Watch:
        """Return the evidence about one group.

        Raises
        ------
        PrimumError
            If it is not watched.
        """
        for watch in self.watches:
            if (watch.attribute, watch.group) == (attribute, group):
                return watch
        raise unknown("group", f"{attribute}: {group}", [f"{w.attribute}: {w.group}" for w in self.watches])

    def update(self, pairs: PairedTally, *, when: str | dt.date) -> Monitor:
        """Return the monitor after a batch of counted patients.

        Counts do not say who came first; patients of a batch are dealt in an order drawn from the seed, which is as
        good as any for patients who are exchangeable. So the result depends on how patients were put into batches,
        but not on anything else; `update_in_order` does not even depend on that.

        Raises
        ------
        PrimumError
            If an attribute is missing, a group was not declared, or the date is before the last.
        """
        date = self._date(when)
        counts = {a: pairs.by(a) for a in dict.fromkeys(w.attribute for w in self.watches)}
        for attribute, tally in counts.items():
            self._declared(attribute, (g[0] for g, n in zip(tally.groups, tally.n, strict=True) if n.any()))
        new = []
        for i, watch in enumerate(self.watches):
            tally = counts[watch.attribute]
            at = tally.groups.index((watch.group,)) if (watch.group,) in tally.groups else None
            values = np.zeros(0) if at is None else _spread_out(tally.n[at], self.utility)
            np.random.default_rng([self.seed, SHUFFLE, self.updates, i]).shuffle(values)
            new.append(values)
        return self._after(new, date)

    def update_in_order(
        self,
        outcome: npt.ArrayLike,
        first: npt.ArrayLike,
        second: npt.ArrayLike,
        groups: Mapping[str, Any],
        *,
        when: str | dt.date,
    ) -> Monitor:
        """Return the monitor after patients given in the order in which they came, in batches of any size.

        Parameters
        ----------
        outcome, first, second
            Outcome, decision of the model in use, decision of the repaired one: 0/1, shape (people,).
        groups
            Attribute → labels, shape (people,).
        when
            The date, ISO.

        Raises
        ------
        PrimumError
            As `update`; or values are not 0/1.
        """
        date = self._date(when)
        y, a, b = (
            binary(v, name)
            for v, name in ((outcome, "outcome"), (first, "first decision"), (second, "second decision"))
        )
        if not y.size == a.size == b.size:
            raise PrimumError(f"There are {y.size} outcomes and {a.size} and {b.size} decisions.", expected="one each")
        change, counted = self.utility.gain[y, a, b], self.utility.counted[y]
        new = []
        for watch in self.watches:
            if watch.attribute not in groups:
                raise unknown("attribute", watch.attribute, list(groups), where="this batch")
            found, place = members({watch.attribute: groups[watch.attribute]}, y.size)
            self._declared(watch.attribute, (g[0] for g in found))
            at = found.index((watch.group,)) if (watch.group,) in found else -1
            new.append(change[counted & (place == at)])
        return self._after(new, date)

    def to_document(self) -> dict[str, Any]:
        """Return the whole state, ready for JSON."""
        return {"format": FORMAT} | asdict(self) | {"status": self.status, "words": self.words}

    def to_json(self) -> str:
        """Return the whole state as JSON; numbers keep their last digit."""
        return json.dumps(self.to_document(), indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Monitor:
        """Return the monitor that wrote this.

        Raises
        ------
        PrimumError
            If it is no saved monitor, or of another version.
        """
        try:
            state = json.loads(text)
        except json.JSONDecodeError as broken:
            raise PrimumError(
                f"This is no saved monitor: {broken}.", expected="the JSON that `to_json` wrote"
            ) from None
        found = state.get("format") if isinstance(state, dict) else None
        if found != FORMAT:
            raise PrimumError(f"This is no saved monitor: its format is {found!r}.", expected=FORMAT)
        try:
            return _rebuild(state)
        except (KeyError, TypeError, ValueError) as broken:
            raise PrimumError(
                f"The saved monitor is incomplete or was changed ({broken!r}).", mend="go back to an older copy"
            ) from None

    def _after(self, new: Sequence[npt.NDArray[np.float64]], date: str) -> Monitor:
        watches = []
        for watch, values in zip(self.watches, new, strict=True):
            safe, harm = watch.safe.after(values), watch.harm.after(-values)
            certified = watch.certified or (date if safe.crossed else "")
            harmed = watch.harmed or (date if harm.crossed else "")
            watches.append(replace(watch, safe=safe, harm=harm, certified=certified, harmed=harmed))
        worst = max((w for w in watches if w.harmed), key=lambda w: w.harm.peak, default=None)
        revoked, culprit = self.revoked, self.revoked_for
        if not revoked and worst is not None:
            revoked, culprit = date, (worst.attribute, worst.group)
        all_in = all(w.certified for w in watches)
        certified = self.certified or (date if all_in and not revoked else "")
        return replace(
            self,
            watches=tuple(watches),
            updates=self.updates + 1,
            last=date,
            certified=certified,
            revoked=revoked,
            revoked_for=culprit,
        )

    def _date(self, when: str | dt.date) -> str:
        try:
            date = (when if isinstance(when, dt.date) else dt.date.fromisoformat(str(when))).isoformat()[:10]
        except ValueError:
            raise PrimumError(f"The date is {when!r}.", expected="a date such as 2031-05-01") from None
        if self.last and date < self.last:
            raise PrimumError(
                f"This batch is of {date}, the last one was of {self.last}.",
                expected="batches in the order of time",
                mend="evidence that is put in late, because it was seen, is no longer valid",
            )
        return date

    def _declared(self, attribute: str, found: Any) -> None:
        known = [w.group for w in self.watches if w.attribute == attribute]
        for label in found:
            if label not in known:
                raise unknown("group", label, known, where=f"'{attribute}' of this monitor")


def start(
    groups: Mapping[str, Sequence[str]],
    *,
    utility: Utility | None,
    margin: float | None,
    alpha: float | None,
    horizon: int | Mapping[Group, int] | None = None,
    tolerated: float = 0.0,
    seed: int = 0,
) -> Monitor:
    """Return a monitor that has not seen a patient.

    Parameters
    ----------
    groups
        Attribute → every group that may come.
    utility, margin, alpha
        As for a certificate: what a decision is worth, the mean loss that is still acceptable, the probability of a
        false certificate (and, separately, of a false revocation).
    horizon
        How many patients of a group are expected, for all or for each group; None for an open end. A wrong guess
        costs power only.
    tolerated
        A mean loss up to this is not called harm: 0 (any loss) to `margin`.
    seed
        For the order in which counted patients are dealt.

    Raises
    ------
    PrimumError
        If there are no groups, one is named twice, something is not declared, or a number is out of range.
    """
    utility, margin, alpha = check_terms(utility, margin, alpha)
    if not 0 <= tolerated <= margin:
        raise PrimumError(
            f"A loss of {tolerated:g} is to be tolerated.",
            expected=f"from 0 (any loss is harm) to the margin {margin:g}",
        )
    named = [(a, g) for a, labels in groups.items() for g in labels]
    if not named or len(set(named)) < len(named):
        raise PrimumError(
            f"The groups to watch are {dict(groups)!r}.", expected="attribute: list of its groups, each once"
        )
    low, high = utility.limits
    watches = []
    for at in named:
        expected = horizon.get(at) if isinstance(horizon, Mapping) else horizon
        safe = EProcess(-margin, low, high, alpha, expected)
        harm = EProcess(tolerated, -high, -low, alpha / len(named), expected, RENEW)
        watches.append(Watch(*at, safe, harm))
    return Monitor(utility, margin, alpha, float(tolerated), tuple(watches), seed=seed)


def needed(monitor: Monitor) -> dict[Group, int]:
    """Return how many patients each group needs at least, were all decisions the same as before."""
    return {
        (w.attribute, w.group): least_people(w.safe.null, w.safe.low, w.safe.high, monitor.alpha, w.safe.horizon)
        for w in monitor.watches
    }


def _spread_out(n: npt.NDArray[np.int64], utility: Utility) -> npt.NDArray[np.float64]:
    """Return one change of utility a counted patient, shape (people,), from counts [y, d₀, d₁]."""
    counted = utility.counted
    return np.repeat(utility.gain[counted].ravel(), n[counted].ravel())


def _rebuild(state: dict[str, Any]) -> Monitor:
    u = state["utility"]
    worth = tuple(tuple(map(float, row)) for row in u["worth"])
    utility = Utility(u["name"], worth, u["among"], u["words"], u["threshold"])  # type: ignore[arg-type] # two pairs
    watches = tuple(
        Watch(**{**w, "safe": EProcess(**w["safe"]), "harm": EProcess(**w["harm"])}) for w in state["watches"]
    )
    own = ("margin", "alpha", "tolerated", "updates", "last", "certified", "revoked", "seed")
    culprit = state["revoked_for"]
    return Monitor(
        utility=utility,
        watches=watches,
        revoked_for=None if culprit is None else (culprit[0], culprit[1]),
        **{k: state[k] for k in own},
    )
