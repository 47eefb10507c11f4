"""Protect linked tables before anything is measured: withhold small cells and what would give them away, then round.

Every rate, interval, gap and figure of a release is computed from what this returns, so it cannot leak what was hidden.
The pattern grows with the threshold: it is found for 2, 3, … t in turn, each starting from the one before, so that a
stricter policy never shows a cell that a laxer one hides. Names and labels are put in alphabetical order first, so
that the order of tables, groups and pages changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from primum.disclose.presets import Policy
from primum.disclose.releases import Atoms, Release, Support, marginals, place
from primum.disclose.rounding import preimage, rounded
from primum.disclose.rules_differencing import nested
from primum.disclose.rules_log import private_log, public_log
from primum.disclose.suppress import Family, interval, merged, solve
from primum.errors import PrimumError, unknown

WITHHELD = "withheld"
SMALL, COMPLEMENT, CERTAIN, OTHER_RULE = "small count", "complementary", "class disclosure", "other rule"
_GRAND_TOTAL = 1e6


@dataclass(frozen=True, eq=False)
class Cell:
    """One cell of a table.

    Attributes
    ----------
    where, variables, key
        Its name, the variables of its table, its labels.
    support
        Which atoms it adds up, shape (atoms,).
    shown
        The number that is printed, rounded if the policy says so; None where it is withheld.
    count, reason
        The true count, and why it is withheld. Both stay in the room.
    """

    where: str
    variables: tuple[str, ...]
    key: tuple[str, ...]
    support: Support
    shown: int | None
    count: int
    reason: str = ""

    @property
    def text(self) -> str:
        """What is printed: one marker stands for every withheld cell."""
        return WITHHELD if self.shown is None else str(self.shown)


@dataclass(frozen=True, eq=False)
class Protected:
    """Linked tables as they may leave.

    Attributes
    ----------
    atoms, tables, policy
        What was protected, the variables of each table, and by which rules.
    cells
        Every cell of every table; one that is in two tables is there once.
    sensitive, also, keep
        As they were given to `protect`.
    key
        The secret of keyed rounding.
    """

    atoms: Atoms
    tables: tuple[tuple[str, ...], ...]
    policy: Policy
    cells: tuple[Cell, ...]
    sensitive: tuple[str, ...] = ()
    also: tuple[tuple[str, str], ...] = ()
    keep: tuple[tuple[str, ...], ...] = ()
    key: bytes = b""

    @property
    def withheld(self) -> frozenset[str]:
        """The names of the cells withheld."""
        return frozenset(c.where for c in self.cells if c.shown is None)

    def shown(self, **labels: str) -> int | None:
        """Return the printed count of a cell by its labels, None where it is withheld: shown(sex="women").

        Raises
        ------
        PrimumError
            If there is no such cell.
        """
        for cell in self.cells:
            if dict(zip(cell.variables, cell.key, strict=True)) == labels:
                return cell.shown
        wanted = place(tuple(labels), tuple(labels.values()))
        raise unknown("cell", wanted, [c.where for c in self.cells], where="the tables")

    def releases(self) -> list[Release]:
        """Return every number that a reader sees, with what the reader knows of it."""
        found = []
        for cell in self.cells:
            if cell.shown is None:
                continue
            low, high = preimage(cell.shown, self.policy["rounding"], self.policy["base"])
            if low > 0:
                low = max(low, self.policy["t"])  # a reader knows that small counts are withheld
            found.append(Release(cell.where, cell.support, float(low), float(high)))
        return found

    def interval(self, support: Support) -> tuple[float, float]:
        """Return what a reader of the exact published counts can bound a sum over atoms by, in whole numbers.

        Rounding only widens this. The second is infinite where nothing bounds it.
        """
        supports = np.array([c.support for c in self.cells])
        sums, secrets, truth = merged(supports, support[None, :], self.atoms.counts.reshape(-1))
        none = np.zeros(len(self.cells), dtype=np.bool_)
        family = Family(sums, secrets, truth, none.astype(float), none)
        return interval(family, np.array([c.shown is None for c in self.cells]), secrets[0])

    def public_log(self) -> dict[str, str]:
        """Return how many cells were withheld by class of reason; small numbers are not told."""
        return public_log([c.reason for c in self.cells if c.shown is None], self.policy["t"])

    def private_log(self) -> list[str]:
        """Return each withheld cell with its true count and reason. It stays in the room."""
        return private_log({c.where: (c.count, c.reason) for c in self.cells if c.shown is None})


def protect(
    view: Atoms | Protected,
    policy: Policy,
    *,
    tables: Sequence[Sequence[str]] | None = None,
    keep: Sequence[Sequence[str]] = (),
    sensitive: Sequence[str] = (),
    also: Mapping[str, str] | None = None,
    key: bytes = b"",
    exact: bool | None = None,
) -> Protected:
    """Withhold what must be withheld, and round.

    Parameters
    ----------
    view
        Counts of distinct people, or tables that were protected before (their pattern stays, and may grow).
    policy
        The thresholds.
    tables
        The variables of each table; () is the grand total. None: the total and every table of one or two variables.
        Give every table of the report, and of earlier reports about these people, at once.
    keep
        Tables that must stay whole but for small cells.
    sensitive
        Variables of which nobody may learn that all or none of a group have a category (R2).
    also
        Names of cells (see `releases.place`, variables in alphabetical order) withheld for another rule, with the
        rule's name: too few households, a dominant contributor.
    key
        The project's secret, for keyed rounding.
    exact
        Whether to find the cheapest pattern; None: when there are at most 60 cells.

    Raises
    ------
    PrimumError
        If a name is unknown, the tables that must stay give a small count away, or the audit runs out of time.
    """
    if isinstance(view, Protected):
        if tables is not None or keep or sensitive or also:
            raise PrimumError(
                "These tables are protected already, and their list cannot change.",
                mend="protect the atoms again with every table at once",
            )
        atoms, chosen, keep = view.atoms, view.tables, view.keep
        sensitive, also, before, key = view.sensitive, dict(view.also), view.withheld, key or view.key
    else:
        named: list[tuple[str, ...]] = [()] if tables is None else [tuple(t) for t in tables]
        if tables is None:
            named += [(n,) for n in view.names] + list(combinations(view.names, 2))
        atoms, chosen, also, before = view, tuple(named), dict(also or {}), frozenset()
    own = _ordered(atoms)
    cells = _cells(own, chosen)
    for name in (*also, *before):
        if name not in {c.where for c in cells}:
            raise unknown("cell", name, [c.where for c in cells], where="the tables")
    reasons = _pattern(own, cells, policy, keep, sensitive, also, before, exact=exact)
    if isinstance(view, Protected):
        reasons |= {c.where: c.reason for c in view.cells if c.reason}
    return Protected(
        atoms=own,
        tables=chosen,
        policy=policy,
        cells=tuple(_shown(c, reasons.get(c.where, ""), policy, key) for c in cells),
        sensitive=tuple(sensitive),
        also=tuple(also.items()),
        keep=tuple(tuple(k) for k in keep),
        key=key,
    )


def _ordered(atoms: Atoms) -> Atoms:
    """Return the same atoms with names and labels in alphabetical order."""
    axes = sorted(range(len(atoms.names)), key=lambda a: atoms.names[a])
    counts = atoms.counts.transpose(axes)
    levels = [atoms.levels[a] for a in axes]
    for axis, own in enumerate(levels):
        counts = np.take(counts, sorted(range(len(own)), key=own.__getitem__), axis=axis)
    return Atoms(tuple(atoms.names[a] for a in axes), tuple(tuple(sorted(own)) for own in levels), counts)


def _cells(atoms: Atoms, tables: Sequence[Sequence[str]]) -> list[Cell]:
    """Return every cell of every table once, in alphabetical order."""
    counts = atoms.counts.reshape(-1)
    cells = []
    for variables in sorted({tuple(sorted(t)) for t in tables}, key=lambda t: (len(t), t)):
        for labels, support in marginals(atoms, variables):
            n = int(counts[support].sum())
            cells.append(Cell(place(variables, labels), variables, labels, support, n, n))
    if not cells:
        raise PrimumError("There is no table to protect.", expected="the variables of at least one table")
    return cells


def _pattern(
    atoms: Atoms,
    cells: list[Cell],
    policy: Policy,
    keep: Sequence[Sequence[str]],
    sensitive: Sequence[str],
    also: Mapping[str, str],
    before: frozenset[str],
    *,
    exact: bool | None,
) -> dict[str, str]:
    """Return the reason for each cell that is withheld."""
    counts, t, w = atoms.counts.reshape(-1), int(policy["t"]), int(policy["w"])
    supports = np.array([c.support for c in cells])
    own = np.array([c.count for c in cells])
    certain = _certain(cells, policy, sensitive)
    forced = certain | np.array([c.where in also for c in cells])
    between = nested(supports, counts, t)
    apart = [supports[b] & ~supports[a] for a, b, _ in between]
    people = np.array([*own, *(n for _, _, n in between)], dtype=np.int64)
    secrets = np.array([*supports, *apart])
    first = _distinct(secrets, len(cells))
    sums, wanted, truth = merged(supports, secrets, counts)
    total = np.array([not c.variables for c in cells])
    family = Family(
        sums,
        wanted,
        truth,
        np.log1p(own) + 1e-3 + _GRAND_TOTAL * total,
        _kept(atoms, cells, keep),
        time.monotonic() + float(policy["audit_time_limit"]),
    )
    hidden = np.array([c.where in before for c in cells]) | forced
    always = np.zeros(len(secrets), dtype=np.bool_)
    always[: len(cells)] = forced
    for u in range(2, t + 1):
        hidden = hidden | ((own > 0) & (own < u))
        relevant = np.flatnonzero(first & (((people > 0) & (people < u)) | always))
        if len(relevant):
            hidden = solve(family, hidden, relevant, u, w if u == t else min(u, w), exact=exact)
    reasons = {}
    for i in np.flatnonzero(hidden):
        where = cells[i].where
        why = CERTAIN if certain[i] else OTHER_RULE if where in also else COMPLEMENT
        reasons[where] = SMALL if 0 < own[i] < t else why
    return reasons


def _distinct(secrets: Support, cells: int) -> npt.NDArray[np.bool_]:
    """Return which secrets are the first of their kind; every cell is."""
    seen: set[bytes] = {secrets[i].tobytes() for i in range(cells)}
    first = np.ones(len(secrets), dtype=np.bool_)
    for i in range(cells, len(secrets)):
        this = secrets[i].tobytes()
        first[i] = this not in seen
        seen.add(this)
    return first


def _kept(atoms: Atoms, cells: list[Cell], keep: Sequence[Sequence[str]]) -> npt.NDArray[np.bool_]:
    stays = set()
    for table in keep:
        for name in table:
            if name not in atoms.names:
                raise unknown("variable", name, atoms.names, where="these atoms")
        stays.add(tuple(sorted(table)))
    return np.array([c.variables in stays for c in cells])


def _certain(cells: list[Cell], policy: Policy, sensitive: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return the cells that say that all or none of a group have a sensitive category, or that nobody is there."""
    found = np.zeros(len(cells), dtype=np.bool_)
    for name in sensitive:
        for i, cell in enumerate(cells):
            if name not in cell.variables:
                continue
            at = cell.variables.index(name)
            rest = cell.key[:at] + cell.key[at + 1 :]
            group = sum(
                c.count for c in cells if c.variables == cell.variables and c.key[:at] + c.key[at + 1 :] == rest
            )
            found[i] |= policy["certainty"] == "fail" and group > 0 and cell.count in {0, group}
    if policy["zeros"] == "fail":
        found |= np.array([c.count == 0 for c in cells])
    return found


def _shown(cell: Cell, reason: str, policy: Policy, key: bytes) -> Cell:
    shown = None
    if not reason:
        shown = rounded(cell.count, policy["rounding"], policy["base"], key=key, support=cell.support)
    return Cell(cell.where, cell.variables, cell.key, cell.support, shown, cell.count, reason)
