"""The attack on registered counts: every system of a release, and of earlier ones about the same people, in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from primum.disclose.attack import Verdict
from primum.disclose.differencing import unsafe
from primum.release.bounds import Search, judged
from primum.release.hidden import True_, hidden, told
from primum.release.pieces import variables
from primum.release.registered import Registered
from primum.release.system import LARGEST, question, totals

Step = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Pinned:
    """What the attack on the counts found.

    Attributes
    ----------
    verdicts
        One for each count attacked, failures included.
    unplaced
        Registered counts that could not be written over the attributes.
    sizes
        (system, unknowns, equations, counts attacked, programs solved) of each system.
    """

    verdicts: tuple[Verdict, ...]
    unplaced: tuple[str, ...]
    sizes: tuple[tuple[str, int, int, int, int], ...]


def pinned(
    releases: Sequence[Registered],
    *,
    truth: True_ | None = None,
    deadline: float,
    zeros: bool = False,
    step: Step | None = None,
) -> Pinned:
    """Try to pin every count that the releases do not show.

    Parameters
    ----------
    releases
        The release first, then earlier ones about the same people.
    truth
        True counts of withheld groups, inside only.
    deadline
        Of `time.monotonic`; what is not decided by then has failed.
    zeros
        Whether a count that is nobody for certain is a failure.
    step
        Told of progress.
    """
    t, w = max(r.t for r in releases[:1]), max(r.w for r in releases[:1])
    held, about = variables(releases, truth or ())
    models = list(dict.fromkeys(m for r in releases for m in r.models))
    verdicts: list[Verdict] = []
    unplaced: dict[str, None] = {}
    sizes = []
    plans: list[tuple[str | None, frozenset[str] | None]] = [(None, None)]
    parts = components(releases, about)
    plans += [(m, None) for m in models] + [(m, p) for m in models for p in (frozenset[str](), *parts)]
    for i, (model, part) in enumerate(plans):
        steps = "decision" if part is None else " + ".join(sorted(part)) or "everyone"
        name = "people" if model is None else f"{model}, {steps}"
        if step is not None:
            step(i, len(plans), name)
        asked = question(releases, model, held, about, steps=part is not None, only=part)
        unplaced.update(dict.fromkeys(asked.unplaced))
        targets = hidden(asked, releases, held, about, truth=truth, steps=part is not None)
        if asked.layout.size > LARGEST or time.monotonic() > deadline:
            why = "The time ran out." if asked.layout.size <= LARGEST else f"{asked.layout.size} unknowns are too many."
            verdicts.append(Verdict(name, float("nan"), float("nan"), "no time", passed=False, why=why))
            continue
        shown, open_ = told(asked, targets)
        verdicts += [judged(h, low, high, "told", t=t, w=w, zeros=zeros) for h, low, high in shown]
        search = Search(asked.system(), t, w, deadline, zeros=zeros)
        verdicts += search.run(open_)
        sizes.append((name, asked.layout.size, len(asked.told), len(targets), search.programs))
    return Pinned(tuple(verdicts), tuple(unplaced), tuple(sizes))


def components(releases: Sequence[Registered], about: Mapping[str, str]) -> list[frozenset[str]]:
    """Return the sets of variables that crossing joins.

    Exact counts of everyone at each step keep them apart: what is told of one set bounds nothing of another. Where
    counts are rounded they are attacked together at the decision, and apart at the steps.
    """
    found: list[frozenset[str]] = [frozenset({n}) for n in dict.fromkeys(about.values())]
    for release in releases:
        for divided in release.attributes.values():
            joined = frozenset(about[n] for n in divided.of)
            touched = [f for f in found if f & joined]
            found = [f for f in found if not f & joined] + [joined.union(*touched)]
    return found


def small_rows(release: Registered) -> list[Verdict]:
    """Return the registered counts that are themselves 1 to t − 1, or can be nothing else."""
    found = []
    told = [(r.where, r.count, release.reach(r.count)) for r in release.rows]
    told += [(what, count, release.reach_beside(what)) for what, count in release.beside.items()]
    for where, count, (low, high) in told:
        if count and (high < release.t or low > high):
            why = f"{count} is shown, and fewer than {release.t} may not be."
            found.append(Verdict(where, min(low, high), high, "told", passed=False, why=why))
    return found


def apart(release: Registered) -> list[Verdict]:
    """Return where two models, or a model and the people, count 1 to t − 1 people apart in the same group."""
    found = []
    names: list[str | None] = [None, *release.models]
    places = dict.fromkeys((r.attribute, r.group, r.outcome) for r in release.rows)
    for attribute, group, outcome in places:
        reach = {m: r for m in names if (r := totals(release, m, attribute, group, outcome)) is not None}
        listed = list(reach)
        for i, a in enumerate(listed):
            for b in listed[i + 1 :]:
                low, high = reach[a][0] - reach[b][1], reach[a][1] - reach[b][0]
                if low <= 0 <= high:
                    continue
                near, far = sorted((abs(low), abs(high)))
                if unsafe(near, far, t=release.t, w=release.w):
                    where = f"{attribute or 'everyone'} = {group}, outcome {outcome}: {a or 'people'} against {b}"
                    why = f"They count {near:.0f} people apart, who are set apart by it."
                    found.append(Verdict(where, near, far, "told", passed=False, why=why))
    return found
