"""A reader with bad intentions: what can be found out from the counts of a release, and from nothing else.

Written apart from `primum.disclose`: it takes `Recoded.rows()`, the public code book and the preset's numbers, puts the
people into the full cross of all true levels × outcome × score step, and asks linear programs for the least and the
greatest value that each hidden count can have. Atoms that no row and no question tells apart are added up first, which
changes nothing. People with and without the outcome, and each model's scores, are separate programs, because no row
ties them together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, product

import numpy as np
import polars as pl
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_diag, csr_array

REST = "(other groups together)"
JOINED = " · "
ATOMS = 700  # the largest cross of attributes that is attacked at once
SLACK = 1e-6


@dataclass(eq=False)
class Cohort:
    """People, and how they are divided: labels by attribute, outcome 0/1, scores by model (NaN: none), weights."""

    labels: dict[str, np.ndarray]
    outcome: np.ndarray
    scores: dict[str, np.ndarray]
    cuts: dict[str, float]
    groups: list[tuple[str, tuple[str, ...]]]
    weight: np.ndarray | None = None

    @cached_property
    def book(self) -> dict[str, tuple[str, ...]]:
        """The code book that a reader may have: every label that occurs."""
        return {a: tuple(np.unique(x).tolist()) for a, x in self.labels.items()}

    def tallies(self):
        """Count every model by all attributes."""
        from primum.tally.count import count

        frame = {**self.labels, "y": self.outcome} | ({} if self.weight is None else {"w": self.weight})
        return {
            m: count(
                pl.DataFrame({**frame, "s": pl.Series(s, nan_to_null=True)}),
                "y",
                "s",
                by=list(self.labels),
                thresholds=[self.cuts[m]],
                missing="exclude",
                weight=None if self.weight is None else "w",
            )
            for m, s in self.scores.items()
        }

    def count(self, model, where, y, low=-np.inf, high=np.inf):
        """Count the people that a model scores, of some labels, with an outcome, with a score in [low, high)."""
        s = self.scores[model]
        own = (self.outcome == y) & (s >= low) & (s < high)
        for name, label in where.items():
            own &= self.labels[name] == label
        return int(own.sum())


def random_cohort(rng):
    """Return 60 to 5,000 people in 2 to 5 attributes of 2 to 8 levels, 1 to 3 models, and some intersections."""
    n = int(np.exp(rng.uniform(np.log(60), np.log(5000))))
    labels = {}
    for k in range(int(rng.integers(2, 6))):
        size = int(rng.integers(2, 9))
        share = rng.dirichlet(np.full(size, rng.choice([0.4, 1, 3])))
        own = rng.choice(size, n, p=share)
        if labels and rng.random() < 0.3:  # one attribute says much about another
            first = next(iter(labels.values()))
            own = np.where(rng.random(n) < 0.7, (first != first[0]).astype(int), own)
        labels[f"v{k}"] = np.array([f"L{x}" for x in own])
    risk = np.clip(rng.beta(1.5, 4, n) + 0.2 * (labels["v0"] == "L0"), 0.01, 0.99)
    outcome = (rng.random(n) < risk * rng.uniform(0.3, 1.5)).astype(int)
    scores, cuts = {}, {}
    for m in range(int(rng.integers(1, 4))):
        s = np.clip(risk + rng.normal(0, 0.1, n), 0, 0.999)
        s = np.round(s, int(rng.choice([1, 2, 6])))
        lost = int(rng.choice([0, 0, 0, 3, n // 10])) if m else 0
        s[rng.choice(n, lost, replace=False)] = np.nan
        scores[f"m{m}"], cuts[f"m{m}"] = np.clip(s, 0, 0.999), float(rng.choice([0.1, 0.2, 0.3, 0.45]))
    groups = [(a, (a,)) for a in labels]
    crosses = [c for k in (2, 3) for c in combinations(labels, k)]
    chosen = [crosses[i] for i in rng.permutation(len(crosses))[: int(rng.integers(0, 4))]]
    groups += [(" × ".join(c), c) for c in chosen]
    return Cohort(labels, outcome, scores, cuts, groups)


@dataclass(frozen=True)
class Told:
    """What a reader knows: between `low` and `high` people of these groups have the outcome and such a score."""

    names: tuple[str, ...]
    groups: frozenset
    y: int
    start: float
    end: float
    low: int
    high: int


def preimage(shown, policy):
    """Return what a count shown may stand for, when a reader knows that 1 to t − 1 are never shown."""
    base, mode, t = policy["base"], policy["rounding"], policy["t"]
    if mode == "none":
        return shown, shown
    fits = [x for x in range(max(shown - base, 0), shown + base + 1) if base * ((2 * x + base) // (2 * base)) == shown]
    fits = [x for x in fits if x == 0 or x >= t]
    return min(fits), max(fits)


def read(rows, cohort, policy, model):
    """Return everything that the rows tell about one model's people."""
    book, titles, cut = cohort.book, dict(cohort.groups), cohort.cuts[model]
    first_model = next(iter(cohort.scores))  # people without a model are those of the first
    own = [r for r in rows if r["model"] == model or (r["model"] is None and model == first_model)]
    ends = sorted({x for r in own if r["low"] is not None for x in (r["low"], r["high"])})
    bottom, top = ends[0], ends[-1]
    sides = {(bottom, cut), (cut, top)}
    told, first = [], set()
    ranked: dict[str, set] = {}
    decided: dict[str, set] = {}
    for r in own:
        if r["attribute"] is not None and r["group"] != REST and r["low"] is not None:
            kind = decided if (r["low"], r["high"]) in sides else ranked
            kind.setdefault(r["attribute"], set()).add(tuple(r["group"].split(JOINED)))
    for r in own:
        low, high = preimage(r["count"], policy)
        start, end = (bottom, top) if r["low"] is None else (r["low"], r["high"])
        if r["attribute"] is None:
            told.append(Told((), frozenset([()]), r["outcome"], start, end, low, high))
            continue
        names = titles[r["attribute"]]
        every = set(product(*(book[n] for n in names)))
        if r["group"] != REST:
            groups = {tuple(r["group"].split(JOINED))}
        elif (start, end) not in sides:
            groups = every - ranked[r["attribute"]]
        else:
            place = (r["attribute"], r["outcome"], start)
            second = place in first or decided[r["attribute"]] == every  # the remainder of fewer groups, with steps
            if second and r["attribute"] not in ranked:
                continue
            groups = every - (ranked if second else decided)[r["attribute"]]
            first.add(place)
        told.append(Told(names, frozenset(groups), r["outcome"], start, end, low, high))
    return told


def totals(told):
    """Add what follows for everyone: in each table the groups and the remainder together are all people."""
    found = []
    for names, y, start, end in sorted({(t.names, t.y, t.start, t.end) for t in told if t.names}):
        parts = [t for t in told if (t.names, t.y, t.start, t.end) == (names, y, start, end)]
        groups = {g for t in parts for g in t.groups}
        if len(groups) == sum(len(t.groups) for t in parts) and groups == set().union(*(t.groups for t in parts)):
            found.append((parts, groups))
    return found


def problem(told, cohort, attributes, y, edges, where=None):
    """Return the system of one outcome over levels of `attributes` × steps between `edges`.

    Returns
    -------
    Rows, lowest and highest sums, and the atoms (labels, step).
    """
    book = cohort.book
    atoms = [(g, k) for g in product(*(book[a] for a in attributes)) for k in range(len(edges) - 1)]
    at = {e: i for i, e in enumerate(edges)}
    labels = list(product(*(book[a] for a in attributes)))
    steps = len(edges) - 1
    rows, low, high = [], [], []

    def add(names, groups, start, end, least, most):
        axes = [attributes.index(n) for n in names]
        member = np.array([tuple(g[a] for a in axes) in groups for g in labels])
        step = np.zeros(steps, dtype=bool)
        step[at[start] : at[end]] = True
        rows.append(np.outer(member, step).reshape(-1))
        low.append(least)
        high.append(most)

    tables: dict = {}
    for t in told:
        if t.y == y:
            tables.setdefault((t.names, t.groups), []).append(t)
    for (names, groups), parts in tables.items():
        if set(names) <= set(attributes):
            for p in parts:
                if p.start in at and p.end in at:
                    add(names, groups, p.start, p.end, p.low, p.high)
            for i, e in enumerate(edges[:-1]):  # steps that fill the space between two edges together
                inside = [p for p in parts if e <= p.start and p.end <= edges[i + 1]]
                if sum(p.end - p.start for p in set(inside)) >= edges[i + 1] - e - 1e-9 and len(inside) > 1:
                    own = {(p.start, p.end): p for p in inside}.values()
                    if abs(sum(p.end - p.start for p in own) - (edges[i + 1] - e)) < 1e-9:
                        add(names, groups, e, edges[i + 1], sum(p.low for p in own), sum(p.high for p in own))
    for parts, groups in totals([t for t in told if t.y == y and not set(t.names) <= set(attributes)]):
        p = parts[0]
        full = len(groups) == np.prod([len(book[n]) for n in p.names])
        if full and p.start in at and p.end in at:
            add((), frozenset([()]), p.start, p.end, sum(q.low for q in parts), sum(q.high for q in parts))
    return np.array(rows, dtype=bool), np.array(low), np.array(high), atoms


def bounds(rows, low, high, targets, *, whole=False, never=None):
    """Return the least and the greatest of each target, shape (targets, 2), all from one program a side.

    Each target has a copy of the system in which atoms that it does not tell apart are added up. `never` marks atoms
    that a reader knows to be impossible; with `whole`, people come in whole numbers.
    """
    if never is not None:
        rows, targets = rows[:, ~never], targets[:, ~never]
    packed = np.packbits(rows, axis=1)
    _, once = np.unique(np.column_stack([packed, low, high]), axis=0, return_index=True)
    rows, low, high = rows[once], low[once], high[once]
    _, same = np.unique(np.packbits(rows, axis=0), axis=1, return_inverse=True)
    blocks, aims = [], []
    for target in targets:
        _, keep = np.unique(same.reshape(-1) * 2 + target, return_index=True)
        blocks.append(csr_array(rows[:, keep].astype(float)))
        aims.append(target[keep].astype(float))
    aim, block = np.concatenate(aims), block_diag(blocks, format="csr")
    ends = np.cumsum([0, *(len(x) for x in aims)])
    found = []
    for sign in (1, -1):
        answer = milp(
            sign * aim,
            integrality=np.full(len(aim), int(whole)),
            bounds=Bounds(0, np.inf),
            constraints=LinearConstraint(block, np.tile(low, len(aims)), np.tile(high, len(aims))),
        )
        assert answer.status == 0, f"the rows contradict one another: {answer.message}"
        found.append(np.add.reduceat(answer.x * aim, ends[:-1]))
    return np.column_stack([np.ceil(found[0] - SLACK), np.floor(found[1] + SLACK)]).astype(int)


def leaks(rows, cohort, policy, rng, *, sample=10, whole=False):
    """Return what the rows give away: (what, true count, least, greatest)."""
    t, w = policy["t"], policy["w"]
    zeros = policy["certainty"] != "fail" and policy["zeros"] in {"allow", "review"}
    secret = range(1, t) if zeros else range(t)
    found = []

    def judge(what, true, ends):
        if ends[1] < t or ends[1] - ends[0] < w:
            found.append((what, true, int(ends[0]), int(ends[1])))

    models = [m for m in cohort.scores if any(r["model"] == m for r in rows)]
    for model in models:
        told = read(rows, cohort, policy, model)
        ends = sorted({x for p in told for x in (p.start, p.end)})
        sides = [ends[0], cohort.cuts[model], ends[-1]]
        for attributes in _crosses(cohort):
            people: dict = {}
            for y in (0, 1):
                system = problem(told, cohort, attributes, y, sides)
                goals = _goals(cohort, model, attributes, y, sides, secret, rng, sample)
                goals += _whole_groups(cohort, model, attributes, y, sides) if len(attributes) == 1 else []
                if not goals:
                    continue
                answers = bounds(*system[:3], np.array([_mask(system[3], attributes, g) for g in goals]), whole=whole)
                for (where, steps, true), answer in zip(goals, answers, strict=True):
                    if len(steps) == 2 and len(attributes) == 1:
                        people.setdefault(where, []).append((true, answer))
                    if true in secret:
                        judge((model, dict(where), y, steps), true, answer)
            for where, both in people.items():
                true = sum(b[0] for b in both)
                if len(both) == 2 and 0 < true < t:
                    judge((model, dict(where)), true, sum(b[1] for b in both))
        for attributes in [(), *((a,) for a in cohort.labels)]:  # score steps of one attribute at a time
            for y in (0, 1):
                system = problem(told, cohort, attributes, y, ends)
                goals = _goals(cohort, model, attributes, y, ends, range(1, t), rng, sample if attributes else 10**6)
                if goals:
                    masks = np.array([_mask(system[3], attributes, g) for g in goals])
                    for (where, steps, true), answer in zip(goals, bounds(*system[:3], masks), strict=True):
                        judge((model, dict(where), y, [ends[k] for k in steps]), true, answer)
    return found + _between(rows, t, policy)


def _crosses(cohort):
    """Return the sets of attributes attacked together: each one, each intersection, and intersections that meet."""
    size = {a: len(x) for a, x in cohort.book.items()}
    crosses = [names for _, names in cohort.groups if len(names) > 1]
    sets = {frozenset([a]) for a in cohort.labels} | {frozenset(c) for c in crosses}
    for k in (2, 3):
        sets |= {frozenset().union(*c) for c in combinations(crosses, k)}
    if np.prod(list(size.values())) <= ATOMS:
        sets.add(frozenset(size))
    order = sorted(tuple(a for a in cohort.labels if a in s) for s in sets)
    return [s for s in order if len(s) == 1 or np.prod([size[a] for a in s]) <= ATOMS]


def _goals(cohort, model, attributes, y, edges, secret, rng, sample):
    """Return small true cells of these attributes and of their margins: (labels, steps, true count)."""
    found = []
    s, own = cohort.scores[model], cohort.outcome == y
    own &= ~np.isnan(s)
    step, steps = np.searchsorted(edges, s[own], side="right") - 1, len(edges) - 1
    book = cohort.book
    for names in (c for k in range(len(attributes) + 1) for c in combinations(attributes, k)):
        if bool(names) != bool(attributes):
            continue
        key, size = np.zeros(own.sum(), dtype=np.int64), 1
        for n in names:
            key, size = key * len(book[n]) + np.searchsorted(book[n], cohort.labels[n][own]), size * len(book[n])
        cells = np.bincount(key * steps + step, minlength=size * steps)
        labels = list(product(*(book[n] for n in names)))
        small = np.flatnonzero((cells >= secret[0]) & (cells <= secret[-1])).tolist()
        found += [(tuple(zip(names, labels[i // steps], strict=True)), (i % steps,), int(cells[i])) for i in small]
    if len(found) > sample:
        found = [found[i] for i in sorted(rng.choice(len(found), sample, replace=False))]
    return found


def _whole_groups(cohort, model, attributes, y, edges):
    """Return every label of one attribute at all steps together."""
    (name,) = attributes
    steps = tuple(range(len(edges) - 1))
    return [(((name, g),), steps, cohort.count(model, {name: g}, y)) for g in cohort.book[name]]


def _mask(atoms, attributes, goal):
    where, steps, _ = goal
    wanted = [(attributes.index(n), x) for n, x in where]
    return np.array([k in steps and all(g[a] == x for a, x in wanted) for g, k in atoms], dtype=bool)


def _between(rows, t, policy):
    """Return groups that two models count with a difference of a few people."""
    if policy["rounding"] != "none":
        return []
    sums: dict = {}
    for r in rows:
        if r["model"] is not None and r["group"] != REST:
            place = (r["attribute"], r["group"], r["outcome"])
            sums.setdefault(place, {}).setdefault(r["model"], {})[r["low"], r["high"]] = r["count"]
    found = []
    for place, models in sums.items():
        people = {m: _tiled(steps) for m, steps in models.items()}
        for a, b in combinations(people.values(), 2):
            if 0 < abs(a - b) < t:
                found.append((place, abs(a - b), a, b))
    return found


def _tiled(steps):
    """Return the sum of steps that do not overlap, from the lowest score up."""
    total, end = 0, min(low for low, _ in steps)
    while options := [s for s in steps if s[0] == end]:
        step = max(options, key=lambda s: s[1])
        total, end = total + steps[step], step[1]
    return total


SIZES = (0, 20, 100, 500, 10**9)


def campaign(policy, seeds, *, sample=4, sigma=None):
    """Attack random cohorts, and count what they may still show; with a sigma, of people with log-normal weights.

    Returns
    -------
    Leaks; cohorts of which nothing leaves; and groups by size, shape (sizes, 4): all, of which people and outcomes are
    shown at least, decisions are shown, score steps are shown.
    """
    from primum.disclose.recode import recode
    from primum.errors import PrimumError

    found, nothing, groups = [], 0, np.zeros((len(SIZES) - 1, 4), dtype=int)
    for seed in seeds:
        rng = np.random.default_rng([seed, 500])
        cohort = random_cohort(rng)
        if sigma is not None:
            drawn = np.random.default_rng([seed, 501]).lognormal(9, sigma, len(cohort.outcome))
            cohort = replace(cohort, weight=drawn.round(3))
        people = {(a, g): int((x == g).sum()) for a, x in cohort.labels.items() for g in cohort.book[a]}
        try:
            recoded = recode(cohort.tallies(), cohort.cuts, cohort.groups, policy)
        except PrimumError:
            nothing += 1
            recoded = None
        else:
            found += [(seed, *leak) for leak in leaks(recoded.rows(), cohort, policy, rng, sample=sample)]
        for (a, g), n in people.items():
            d = recoded.divisions[a] if recoded else None
            told = [True, d and (g,) in (*d.shown, *d.counted), d and (g,) in d.shown, d and (g,) in d.ranked]
            groups[np.searchsorted(SIZES, n, side="right") - 1] += np.array([bool(x) for x in told])
    return found, nothing, groups


def told(policy, cohorts, nothing, groups):
    """Return the row of a table: what share of the groups of each size may still be assessed."""
    shares = [f"{100 * g[2] / max(g[0], 1):.0f} %" for g in groups]
    total = groups.sum(axis=0)
    every = [f"{100 * k / total[0]:.0f} %" for k in total[1:]]
    return f"| `{policy.name}` | {cohorts} | {nothing} | {total[0]:,} | " + " | ".join([*every, *shares]) + " |"


def made(cells, names, groups, *, cut=0.5, models=("m0",)):
    """Return a cohort from (labels, outcome, selected, people) cells; selected people score 0.7, the others 0.2."""
    labels = {n: np.array([g[i] for g, *_, k in cells for _ in range(k)]) for i, n in enumerate(names)}
    outcome = np.array([y for _, y, _, k in cells for _ in range(k)])
    score = np.array([0.7 if high else 0.2 for _, _, high, k in cells for _ in range(k)])
    return Cohort(labels, outcome, {m: score.copy() for m in models}, dict.fromkeys(models, cut), groups)


def known_impossible(rows, cohort, policy, attributes, model="m0"):
    """Return what a reader finds out about small cells who knows which combinations of labels do not exist."""
    told, t, w = read(rows, cohort, policy, model), policy["t"], policy["w"]
    exist = set(zip(*(cohort.labels[n].tolist() for n in attributes), strict=True))
    found = []
    for y in (0, 1):
        edges = sorted({x for p in told for x in (p.start, p.end)})
        edges = [edges[0], cohort.cuts[model], edges[-1]]
        system = problem(told, cohort, attributes, y, edges)
        goals = _goals(cohort, model, attributes, y, edges, range(1, t), np.random.default_rng(0), 10**6)
        if not goals:
            continue
        never = np.array([g not in exist for g, _ in system[3]])
        masks = np.array([_mask(system[3], attributes, g) for g in goals])
        for goal, (least, most) in zip(goals, bounds(*system[:3], masks, never=never), strict=True):
            if most < t or most - least < w:
                found.append((goal, int(least), int(most)))
    return found
