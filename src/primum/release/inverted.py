"""Printed statistics turned back into counts: do they say more than the registered counts that they come from?

A rate must be that of registered counts, to its digits; an interval that of a registered fraction. One that is not
comes from something finer, which it may give away. A test statistic of a table whose inner cells are withheld is
inverted by listing every table with its margins.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from primum.disclose.digits import CEILING, digits
from primum.disclose.inversion import chi_square, half_unit, hidden_mean, rate, wilson_limits
from primum.measure.table import EVERYONE
from primum.release.gather import Seen
from primum.release.leak import Leak
from primum.release.numbers_seen import Allowed, groups_of, head
from primum.release.read_page import Line
from primum.release.registered import Registered
from primum.release.system import totals
from primum.release.weighted import is_weighted, rates, reached, too_fine

FRACTIONS = {
    "sensitivity": ("tp", "events"), "specificity": ("tn", "nonevents"), "ppv": ("tp", "selected"),
    "npv": ("tn", "unselected"), "selection_rate": ("selected", "n"), "prevalence": ("events", "n"),
    "fpr": ("fp", "nonevents"), "fnr": ("fn", "events"), "accuracy": ("right", "n"),
}  # fmt: skip
"""Metric → the counts whose quotient it is."""
DIRECT = re.compile(r"^(?:$|none$|count$|Wilson|Clopper|exact|Wald|Agresti|Jeffreys)")
"""Methods of intervals around a quotient of counts; others, such as shrinkage, print something else."""
AT_THRESHOLD = {"treat all", "treating all", "net benefit", "tp", "fp", "ppv", "falsely alarmed"}
"""Columns of tables that tell something at each of several thresholds."""
STATISTICS = ("statistic", "chi square", "chi2", "chi-square", "x2", "χ²")
LEAST = 1e-9
EXACT, NOISE = 14, 1e-13
SMALL = 1e-6


def inverted(seen: Seen) -> list[Leak]:
    """Return every printed statistic that says more than the register."""
    allowed = Allowed(seen.registered)
    found: dict[tuple[str, str], Leak] = {}
    for line in seen.lines:
        for leak in (*_estimate(line, allowed), *_digits(line, allowed), *_step(line, allowed), *_test(line, allowed)):
            found.setdefault((leak.where, leak.said), leak)
    for leak in (*_curves(seen.lines, allowed), *_means(seen.lines, seen.registered), *too_fine(seen.registered)):
        found.setdefault((leak.where, leak.said), leak)
    return list(found.values())


def _estimate(line: Line, allowed: Allowed) -> Iterator[Leak]:
    """Yield what is wrong with a rate and its interval."""
    metric, text = line.get("metric"), line.get("value")
    if metric not in FRACTIONS or line.get("comparator") or not _decimal(text):
        return
    if {"raw", "shrunk", "kept"} & {head(c) for c, _ in line.cells} or not DIRECT.match(line.get("method")):
        return
    if line.get("comparison") not in {"", "estimate"}:
        return
    groups = groups_of(line, allowed)
    model = line.get("model") or None
    cut = allowed.registered.models.get(model or "")
    at = line.get("at")
    if groups is None or (at and cut is not None and abs(float(at) - cut) > LEAST):
        return
    tops, bottoms = (sorted(allowed.values(groups, (m,), model)) for m in FRACTIONS[metric])
    if not tops or not bottoms:
        return
    value, places = float(text), _places(text)
    where = f"{line.file}: {line.table[:60]}, {metric} of {groups[0][1]}"
    pairs = {(k, n) for k in tops for n in bottoms if n and k <= n}
    heavy, known = is_weighted(allowed.registered), [k / n for k, n in pairs]
    if heavy:
        known = [r for g in groups for r in rates(allowed.registered, g, *FRACTIONS[metric], model)]
    if not any(abs(r - value) <= half_unit(places) + LEAST for r in known):
        solved = [] if heavy else rate(value, places, bottoms[:40])
        shown = ", ".join(f"{k}/{n}" for k, n in solved[:3]) or "no fraction of them"
        yield Leak("inversion", where, f"{text} is no quotient of the registered counts; it is {shown}.")
        return
    yield from _interval(line, where, pairs, bottoms)


def _digits(line: Line, allowed: Allowed) -> Iterator[Leak]:
    """Yield a measure with more decimals than the people of its group carry (R7)."""
    text, groups = line.get("value"), groups_of(line, allowed)
    if not line.get("metric") or not _decimal(text) or groups is None:
        return
    people = max(allowed.values(groups, ("n",)), default=0)
    most = digits(people) if people else CEILING
    if _places(text) > most:
        where = f"{line.file}: {line.table[:60]}, {line.get('metric')} of {groups[0][1]}"
        yield Leak("inversion", where, f"{text} has {_places(text)} decimals; {people:,} people carry {most}.")


def _step(line: Line, allowed: Allowed) -> Iterator[Leak]:
    """Yield a measure at a threshold that is no registered step: two close ones set apart who lies between them."""
    heads = {head(c): t for c, t in line.cells}
    text = heads.get("t") or heads.get("threshold", "")
    if not AT_THRESHOLD & set(heads) or not _decimal(text) or not 0 < float(text) < 1:
        return
    edges = allowed.registered.edges
    model = line.get("model_name", "model", "Model")
    near = edges.get(model) or frozenset(e for own in edges.values() for e in own)
    if near and min(abs(float(text) - e) for e in near) > LEAST:
        yield Leak("inversion", f"{line.file}: {line.table[:60]}", f"The threshold {text} is no registered score step.")


def _interval(line: Line, where: str, pairs: set[tuple[int, int]], sizes: Sequence[int]) -> Iterator[Leak]:
    """Yield a Wilson interval that is not that of a registered fraction; with clusters it is that of none."""
    low, high = line.get("low"), line.get("high")
    if line.get("method") != "Wilson" or not (_decimal(low) and _decimal(high)):
        return
    level = line.get("level")
    if level and abs(float(level) - 0.95) > LEAST:
        return
    places = max(_places(low), _places(high))
    half = half_unit(places)
    few = [n for n in sizes if 0 < n <= 20_000][:12]
    solved = {
        p for a, b in ((0.0, 0.0), (half, -half)) for p in wilson_limits(float(low) + a, float(high) + b, places, few)
    }
    if solved and not solved & pairs:
        k, n = min(solved)
        yield Leak("inversion", where, f"The interval {low} to {high} is that of {k}/{n}, which is not registered.")


def _test(line: Line, allowed: Allowed) -> Iterator[Leak]:
    """Yield a test statistic of a group whose own cells are withheld while its margins are public."""
    text = next((t for c, t in line.cells if head(c) in STATISTICS and _decimal(t)), "")
    groups = groups_of(line, allowed)
    if not text or not groups or groups[0] == (None, EVERYONE):
        return
    registered = allowed.registered
    held, everyone = allowed.of(groups[0]), allowed.of((None, EVERYONE))
    if held.get("events") or not held.get("n"):
        return
    for size in sorted(held["n"]):
        for events in sorted(everyone.get("events", ())):
            for n in sorted(everyone.get("n", ())):
                solved = chi_square(float(text), _places(text), group=size, events=events, n=n)
                if solved and (len(solved) <= 2 or max(solved) < registered.t):
                    said = f"{text} is reproduced by {' or '.join(map(str, solved))} people with the outcome only."
                    yield Leak("inversion", f"{line.file}: {line.table[:60]}, {groups[0][1]}", said)


def _curves(lines: Iterable[Line], allowed: Allowed) -> Iterator[Leak]:
    """Yield steps of ROC curves that hold 1 to t − 1 people of a kind."""
    curves: dict[tuple[str, str, str, tuple[tuple[str | None, str], ...]], list[tuple[str, str]]] = {}
    for line in lines:
        x, y = line.get("fpr", "Falsely alarmed"), line.get("sensitivity", "tpr", "Found")
        if _decimal(x) and _decimal(y) and not line.get("metric") and not line.get("policy", "capacity"):
            model = line.get("model", "Model", "name")
            groups = groups_of(line, allowed) or ((None, EVERYONE),)
            curves.setdefault((line.file, line.table, model, groups), []).append((x, y))
    t = allowed.registered.t
    for (file, table, model, groups), points in curves.items():
        if len(points) < 3:
            continue
        for axis, meaning in ((0, "nonevents"), (1, "events")):
            if is_weighted(allowed.registered):
                known = [r for g in groups for m in ([model] if model else allowed.registered.models)
                         for r in reached(allowed.registered, g, m, axis)]  # fmt: skip
                half = half_unit(max(_places(p[axis]) for p in points)) + LEAST
                if any(min((abs(float(p[axis]) - r) for r in known), default=1.0) > half for p in points):
                    said = f"A point of the curve is at no registered score step of the {meaning}."
                    yield Leak("inversion", f"{file}: {table[:60]}, model {model or '?'}", said)
                continue
            size = max(allowed.values(groups, (meaning,), model or None), default=0)
            reach = 2 * half_unit(max(_places(p[axis]) for p in points)) * size
            values = sorted({float(p[axis]) for p in points})
            for a, b in itertools.pairwise(values):
                least, most = (b - a) * size - reach, (b - a) * size + reach
                if least > SMALL and 1 <= most < t - SMALL:
                    said = (
                        f"A step of the curve holds {math.ceil(least - SMALL)} to {math.floor(most + SMALL)} {meaning}."
                    )
                    yield Leak("inversion", f"{file}: {table[:60]}, model {model or '?'}", said)
                    break


def _means(lines: Iterable[Line], registered: Registered) -> Iterator[Leak]:
    """Yield the mean of few people who are left when the groups with a mean are taken from everyone."""
    tables: dict[tuple[str, str, str, str], dict[tuple[str, str], tuple[float, int]]] = {}
    for line in lines:
        text, attribute, group = line.get("mean"), line.get("attribute"), line.get("group", "level")
        if _decimal(text) and group:
            key = (line.file, line.table, line.get("model"), line.get("variable", "metric"))
            tables.setdefault(key, {})[attribute, group] = (float(text), _places(text))
    for (file, table, _, _), means in tables.items():
        everyone = next((v for (_, g), v in means.items() if g == EVERYONE), None)
        n = _people(registered, None, EVERYONE)
        for title in dict.fromkeys(a for a, g in means if a in registered.attributes and g != EVERYONE):
            known = [(_people(registered, title, g), *v) for (a, g), v in means.items() if a == title]
            if everyone is None or n is None or any(k is None for k, *_ in known):
                continue
            left = n - sum(k for k, *_ in known if k is not None)
            if 0 < left < registered.t:
                low, high = hidden_mean(
                    n, everyone[0], [(k, m) for k, m, _ in known if k is not None], digits=everyone[1],
                    known_digits=max(p for *_, p in known),
                )  # fmt: skip
                said = f"The mean of the {left} others is {low:.3f} to {high:.3f}."
                yield Leak("inversion", f"{file}: {table[:60]}, {title}", said)


def _people(registered: Registered, attribute: str | None, group: str) -> int | None:
    values: Mapping[str, frozenset[int]] = registered.counts_of(attribute, group)
    if values.get("n"):
        return max(values["n"])
    both = [totals(registered, None, attribute, group, y) for y in (0, 1)]
    return None if None in both else int(sum(b[1] for b in both if b is not None))


def _decimal(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _places(text: str) -> int:
    """Return how many decimals are printed."""
    if "e" in text.lower():
        return max(0, -int(text.lower().partition("e")[2]) + _places(text.lower().partition("e")[0]))
    decimals = len(text.partition(".")[2])
    if decimals > EXACT:  # 0.012000000000000011 is 0.012 as a computer subtracts
        value = float(text)
        return next((d for d in range(EXACT) if abs(round(value, d) - value) < NOISE), decimals)
    return decimals
