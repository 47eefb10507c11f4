"""What a release registers: its `counts.json`, which every other count in the release must follow from."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from primum.disclose.recode import REST
from primum.disclose.rounding import MODES, preimage
from primum.errors import PrimumError
from primum.measure.table import EVERYONE

__all__ = ["REST", "Divided", "Registered", "Row", "load", "parse"]

FORMAT = "primum counts 1"
FIELDS = frozenset({"format", "preset", "t", "w", "rounding", "base", "outcome", "declared", "models", "attributes",
                    "counts", "beside"})  # fmt: skip
JOINED = " · "
CROSSED = " × "
Place = tuple[str | None, str | None, str]
Step = tuple[str | None, str | None, int | None, float | None, float | None]
MEANINGS = (
    "events", "nonevents", "tp", "fn", "fp", "tn", "selected", "unselected", "right", "wrong", "n", "steps",
)  # fmt: skip
_BOTH = {
    "selected": ("tp", "fp"), "unselected": ("fn", "tn"), "right": ("tp", "tn"), "wrong": ("fp", "fn"),
    "n": ("events", "nonevents"),
}  # fmt: skip
MANY = 64


@dataclass(frozen=True)
class Row:
    """One registered count: people of a group, with an outcome (None: either), with scores in [low, high)."""

    model: str | None
    attribute: str | None
    group: str
    outcome: int | None
    low: float | None
    high: float | None
    count: int

    @property
    def place(self) -> Place:
        """Model, attribute and group."""
        return self.model, self.attribute, self.group

    @property
    def where(self) -> str:
        """A name that a person can read."""
        parts = [f"model {self.model}"] if self.model else []
        parts.append(f"{self.attribute} = {self.group}" if self.attribute else EVERYONE)
        parts += [f"outcome {self.outcome}"] if self.outcome is not None else []
        if self.low is not None or self.high is not None:
            parts.append(f"score {'…' if self.low is None else self.low} to {'…' if self.high is None else self.high}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Divided:
    """One way of dividing the people, as a reader is told of it.

    Attributes
    ----------
    title
        Its name.
    of
        The attributes it crosses; its own title alone where it crosses none.
    shown
        Groups with numbers.
    remainder
        The name of all others together; None where there are none.
    withheld
        Groups that are named and have no numbers of their own.
    unnamed
        Whether there are groups that are not even named; None where the release does not say.
    """

    title: str
    of: tuple[str, ...]
    shown: tuple[str, ...]
    remainder: str | None = None
    withheld: tuple[str, ...] = ()
    unnamed: bool | None = None


@dataclass(frozen=True, eq=False)
class Registered:
    """The registered counts of one release, and by which rules they were made."""

    name: str
    t: int
    w: float
    rounding: str
    base: int
    models: Mapping[str, float | None]
    attributes: Mapping[str, Divided]
    rows: tuple[Row, ...]
    preset: str = ""
    outcome: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def beside(self) -> Mapping[str, int]:
        """Counts of everyone beside the tallies, by what they count: who was left out, which values are missing."""
        rows = self.raw.get("beside") or ()
        return {f"{r['what']}, {r['of']}": int(r["count"]) for r in rows}

    @cached_property
    def _parts(self) -> Mapping[str, int]:
        """Of how many rounded counts each count of `beside` is a sum."""
        return {f"{r['what']}, {r['of']}": int(r.get("parts", 1)) for r in self.raw.get("beside") or ()}

    def reach_beside(self, what: str) -> tuple[float, float]:
        """Return what a reader knows of a count of `beside`, which may be a sum of several that were rounded."""
        count, parts = self.beside[what], self._parts[what]
        if parts == 1:
            return self.reach(count)
        one = {"none": 0.0, "conventional": self.base / 2, "midpoint-6": 3.0, "keyed": self.base - 1.0}[self.rounding]
        off = parts * one
        return max(count - off, 0.0), count + off

    def known(self, row: Row) -> tuple[float, float]:
        """Return what a reader knows of a registered count, who also knows that 1 to t − 1 are never shown."""
        return self.reach(row.count)

    def reach(self, count: int) -> tuple[float, float]:
        """Return what a reader knows of a count that is shown."""
        low, high = preimage(count, self.rounding, self.base)  # type: ignore[arg-type]
        if high < self.t:
            return (0.0, 0.0) if low == 0 else (float(low), float(high))
        return float(max(low, self.t) if low > 0 else low), float(high)

    def at(self, step: Step) -> tuple[Row, ...]:
        """Return the rows of one table: a model, an attribute, an outcome, and a score step."""
        return self._by_step.get(step, ())

    @cached_property
    def _by_step(self) -> Mapping[Step, tuple[Row, ...]]:
        found: dict[Step, list[Row]] = {}
        for r in self.rows:
            found.setdefault((r.model, r.attribute, r.outcome, r.low, r.high), []).append(r)
        return {step: tuple(rows) for step, rows in found.items()}

    def source(self, row: Row) -> str | None:
        """Return the model whose steps a count of people adds up; None where it was counted, and rounded, itself."""
        return self._sources.get(row)

    @cached_property
    def _sources(self) -> Mapping[Row, str]:
        found: dict[Row, str] = {}
        for row in self.rows:
            if row.model is not None or row.outcome is None:
                continue
            for model in self.models:
                own = [r for r in self.by_place.get((model, row.attribute, row.group), ()) if r.outcome == row.outcome]
                if row.count in _sums(own, None)["events" if row.outcome else "nonevents"]:
                    found[row] = model
                    break
        return found

    @cached_property
    def by_place(self) -> Mapping[Place, tuple[Row, ...]]:
        """The rows of each model and group."""
        found: dict[Place, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.place, []).append(row)
        return {place: tuple(rows) for place, rows in found.items()}

    def shows(self, attribute: str | None, group: str) -> bool:
        """Whether a group has numbers of its own."""
        return any((model, attribute, group) in self.by_place for model in (None, *self.models))

    @cached_property
    def withheld(self) -> tuple[tuple[str, str], ...]:
        """(attribute, label) of each group that is named without numbers."""
        return tuple((d.title, label) for d in self.attributes.values() for label in d.withheld)

    def counts_of(self, attribute: str | None, group: str, model: str | None = None) -> dict[str, frozenset[int]]:
        """Return the counts of people that follow from a group's rows, by meaning.

        "n", "events", "nonevents"; "tp", "fp", "fn", "tn" and their sums at the declared threshold; "steps":
        everything with scores between any two edges. For one model, or for all together.
        """
        found: dict[str, set[int]] = {}
        for name in (None, *self.models) if model is None else (None, model):
            rows = self.by_place.get((name, attribute, group), ())
            for meaning, values in _sums(rows, self.models.get(name) if name else None).items():
                found.setdefault(meaning, set()).update(values)
        return {meaning: frozenset(values) for meaning, values in found.items()}

    @cached_property
    def edges(self) -> Mapping[str, frozenset[float]]:
        """The score edges of each model."""
        found: dict[str, set[float]] = {m: set() for m in self.models}
        for row in self.rows:
            if row.model is not None:
                found.setdefault(row.model, set()).update(e for e in (row.low, row.high) if e is not None)
        return {m: frozenset(e) for m, e in found.items()}


def _sums(rows: Iterable[Row], cut: float | None) -> dict[str, set[int]]:
    """Return what a reader can add up from the rows of one group and one model."""
    bins: dict[int | None, dict[tuple[float, float], set[int]]] = {}
    for row in rows:
        ends = (-math.inf if row.low is None else row.low, math.inf if row.high is None else row.high)
        bins.setdefault(row.outcome, {}).setdefault(ends, set()).add(row.count)
    found: dict[str, set[int]] = {m: set() for m in MEANINGS}
    reach: dict[int | None, dict[tuple[float, float], set[int]]] = {y: _ranges(b) for y, b in bins.items()}
    for outcome, name, below, above in ((1, "events", "fn", "tp"), (0, "nonevents", "tn", "fp")):
        ranges = reach.get(outcome, {})
        least, most = min((r[0] for r in ranges), default=0.0), max((r[1] for r in ranges), default=0.0)
        named = {(least, most): name} | ({} if cut is None else {(least, cut): below, (cut, most): above})
        for ends, values in ranges.items():
            found["steps"] |= values
            if ends in named:
                found[named[ends]] |= values
    for ends, values in reach.get(1, {}).items():
        found["steps"] |= {a + b for a in values for b in reach.get(0, {}).get(ends, ())}
    for ends, values in reach.get(None, {}).items():
        found["steps" if ends != (-math.inf, math.inf) else "n"] |= values
    for name, parts in _BOTH.items():
        found[name] |= {a + b for a in found[parts[0]] for b in found[parts[1]]}
    return found


def _ranges(bins: Mapping[tuple[float, float], set[int]]) -> dict[tuple[float, float], set[int]]:
    """Return the sums of neighbouring score bins, by every way of covering a range; few ways, so all are listed."""
    ends = sorted({e for r in bins for e in r})
    found: dict[tuple[float, float], set[int]] = {}
    for first in ends:
        sums: dict[float, set[int]] = {first: {0}}
        for end in ends:
            for (low, high), values in bins.items():
                if high == end and low in sums and low >= first:
                    sums.setdefault(end, set()).update(a + b for a in sorted(sums[low])[:MANY] for b in values)
        found |= {(first, end): values for end, values in sums.items() if end != first}
    return found


def load(folder: Path | str) -> Registered:
    """Return the registered counts of a release folder.

    Raises
    ------
    PrimumError
        If there is no `counts.json`, it cannot be read, or a field is not what it must be.
    """
    folder = Path(folder)
    path = folder / "counts.json"
    if not path.is_file():
        raise PrimumError(
            f"'{folder}' holds no counts.json.",
            expected="the folder of a finished release, or one with all its counts registered",
            mend="name the folder that `primum release` wrote; without registered counts nothing may leave",
        )
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise PrimumError(f"'{path}' is no JSON.", mend="write the release again; it is never edited") from error
    return parse(raw, folder.name)


def parse(raw: Any, name: str) -> Registered:
    """Return registered counts from their JSON.

    Raises
    ------
    PrimumError
        If a field is lacking or is not what it must be.
    """
    try:
        if raw["format"] != FORMAT:
            raise PrimumError(f"The counts of '{name}' have the format {raw['format']!r}.", expected=FORMAT)
        rounding = str(raw.get("rounding") or "none")
        if rounding not in MODES:
            raise PrimumError(f"The counts of '{name}' are rounded '{rounding}'.", available=list(MODES))
        rows = _tidy([_row(r, name) for r in raw["counts"]], raw["attributes"] or {})
        models = {str(k): None if (v or {}).get("threshold") is None else float(v["threshold"])
                  for k, v in (raw.get("models") or {}).items()}  # fmt: skip
        attributes = {str(k): _divided(str(k), v, raw["attributes"]) for k, v in (raw["attributes"] or {}).items()}
        t = int(raw["t"])
        made = Registered(
            name=name, t=t, w=float(raw.get("w", t)), rounding=rounding, base=int(raw.get("base") or 5),
            models=models, attributes=attributes, rows=rows, preset=str(raw.get("preset", "")),
            outcome=str(raw.get("outcome", "")), raw=raw,
        )  # fmt: skip
        _ = made.beside  # its rows are read here too, so that a bad one is told now
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PrimumError(
            f"The counts of '{name}' cannot be read: {type(error).__name__}: {error}.",
            expected='{"format": "primum counts 1", "t": …, "attributes": {…}, "counts": [{"group": …, "count": …}]}',
            mend="write the release again; counts.json is never edited",
        ) from error
    return made


def _row(raw: Mapping[str, Any], name: str) -> Row:
    count = raw["count"]
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise PrimumError(f"The counts of '{name}' hold {count!r}.", expected="whole numbers of people, 0 or more")
    outcome = raw.get("outcome")
    low, high = (None if raw.get(k) is None or math.isinf(float(raw[k])) else float(raw[k]) for k in ("low", "high"))
    attribute = raw.get("attribute")
    return Row(
        None if raw.get("model") is None else str(raw["model"]),
        None if attribute is None else str(attribute),
        EVERYONE if attribute is None else str(raw["group"]),
        None if outcome is None else int(outcome),
        low,
        high,
        count,
    )


def _tidy(rows: list[Row], attributes: Mapping[str, Any]) -> tuple[Row, ...]:
    """Return each row once, the ends of the score axis as open, and of two remainders with one name the smaller.

    Groups that are ranked may be fewer than those whose decisions are shown, so that the remainder of either has the
    same name. The larger one follows from the smaller one and the groups.
    """
    reach: dict[str | None, list[Row]] = {}
    for row in rows:
        reach.setdefault(row.model, []).append(row)
    ends = {
        model: (
            None if any(r.low is None for r in own) else min(r.low for r in own if r.low is not None),
            None if any(r.high is None for r in own) else max(r.high for r in own if r.high is not None),
        )
        for model, own in reach.items()
    }
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        least, most = ends[row.model]
        open_ = replace(row, low=None if row.low == least else row.low, high=None if row.high == most else row.high)
        key: tuple[Any, ...] = (open_.place, open_.outcome, open_.low, open_.high)
        rest = row.attribute is not None and row.group in {REST, (attributes.get(row.attribute) or {}).get("remainder")}
        key = key if rest else (*key, open_.count)
        if key not in found or found[key].count > open_.count:
            found[key] = open_
    return tuple(found.values())


def _divided(title: str, raw: Mapping[str, Any], others: Iterable[str]) -> Divided:
    parts = tuple(title.split(CROSSED))
    known = set(others)
    of = tuple(raw.get("of") or (parts if len(parts) > 1 and (known & set(parts) or len(known) == 1) else (title,)))
    return Divided(
        title, tuple(map(str, of)), tuple(map(str, raw.get("shown") or ())), raw.get("remainder"),
        tuple(map(str, raw.get("withheld") or ())), None if raw.get("unnamed") is None else bool(raw["unnamed"]),
    )  # fmt: skip
