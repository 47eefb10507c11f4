"""Spending in place of need: care that groups get less of, and a label made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from primum.errors import PrimumError
from primum.simulate.bias import Injected, Rates, Seed, Step, check_dose, check_rates, seeds, settings_of
from primum.simulate.cells import groups, label, numbers, opened, put

COST_STREAM, LABEL_STREAM = 31_204, 31_205


@dataclass(frozen=True)
class SpendingForNeed:
    """Turn need into spending: cost = need · access_g^dose · exp(dose·noise·N(0, 1)).

    Attributes
    ----------
    need
        Column of numbers, at least 0; missing values stay missing.
    access
        Share of the needed care that group g gets, above 0 (1: all of it): one number, or group -> number (groups
        that are not named: 1).
    group
        Column or columns.
    noise
        Standard deviation of the log.
    into
        Column to write; the need itself where not given.
    dose
        From 0 to 1; at 0 spending is need.

    Raises
    ------
    PrimumError
        If access is not above 0, noise is negative, need is negative, a group does not occur, or a column is
        missing.
    """

    need: str
    access: Rates
    group: str | Sequence[str] | None = None
    noise: float = 0.0
    into: str | None = None
    dose: float = 1.0
    name: str = "spending for need"

    def __post_init__(self) -> None:
        check_dose(self.name, self.dose)
        check_rates(self.name, "access", self.access, high=float("inf"), above=True)
        check_rates(self.name, "noise", self.noise, high=float("inf"))

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return the frame with spending, and the record; realised is the mean of log(spending/need)."""
        data, start = opened(frame, self.name), seeds(seed)
        need = numbers(data, self.need, self.name)
        if (need < 0).any():
            raise PrimumError(f"{self.name}: '{self.need}' has values below 0.", expected="need of 0 or more")
        members = groups(data, self.group, self.name)
        log = self.dose * np.log(members.rates(self.access, 1.0, self.name))
        z = np.random.default_rng([*start, COST_STREAM]).standard_normal(len(data))
        shifted = log + self.dose * self.noise * z
        cost = need * np.exp(shifted)
        into = self.into or self.need
        out = put(data, into, self.need, cost)
        changed = int((np.isfinite(need) & (cost != need)).sum())
        realised = members.realised("log(spending/need), mean", np.isfinite(need), log, shifted)
        people = (len(data), len(data))
        step = Step(self.name, self.dose, start, (into,), people, changed, settings_of(self), realised)
        return Injected(out.to_native(), (step,))


@dataclass(frozen=True)
class ProxyLabel:
    """Call those the cases who cost most: the label becomes 1{cost among the highest share}.

    Each person's label is replaced with chance `dose`. The design of Obermeyer et al., Science 2019.

    Attributes
    ----------
    label
        Column of 0 and 1: those in need. People without label or without cost keep what they have.
    cost
        Column of numbers.
    share
        Share of the people called cases; that of the label where not given. People with equal cost at the limit
        are all called cases, so that the share can be larger.
    group
        Column or columns; only for the record.
    into
        Column to write; the label itself where not given.
    dose
        From 0 to 1.

    Raises
    ------
    PrimumError
        If the share is outside (0, 1), a column is missing, or the label has other values.
    """

    label: str
    cost: str
    share: float | None = None
    group: str | Sequence[str] | None = None
    into: str | None = None
    dose: float = 1.0
    name: str = "proxy label"

    def __post_init__(self) -> None:
        check_dose(self.name, self.dose)
        if self.share is not None:
            check_rates(self.name, "the share", self.share, high=1 - 1e-12, above=True)

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return the frame with the proxy label; the record tells by group the cases called cases."""
        data, start = opened(frame, self.name), seeds(seed)
        ill, known = label(data, self.label, self.name)
        cost = numbers(data, self.cost, self.name)
        members = groups(data, self.group, self.name)
        both = known & np.isfinite(cost)
        share = float(ill[both].mean()) if self.share is None and both.any() else (self.share or 0.0)
        called = np.zeros(len(data), dtype=np.bool_)
        if both.any() and share > 0:
            limit = np.sort(cost[both])[max(int(both.sum()) - max(round(share * int(both.sum())), 1), 0)]
            called = both & (cost >= limit)
        swap = both & (np.random.default_rng([*start, LABEL_STREAM]).random(len(data)) < self.dose)
        after = np.where(swap, called, ill)
        into = self.into or self.label
        out = put(data, into, self.label, np.where(known, after, np.nan))
        expected = self.dose * called + (1 - self.dose) * ill
        realised = (
            *members.realised("called cases, share of those in need", ill, expected, after),
            *members.realised("called cases, share of the others", known & ~ill, expected, after),
        )
        people, changed = (len(data), len(data)), int((known & (after != ill)).sum())
        step = Step(self.name, self.dose, start, (into,), people, changed, settings_of(self), realised)
        return Injected(out.to_native(), (step,))
