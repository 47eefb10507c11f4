"""The ledger: every number that ever left the room in a project, one line an export, each chained to the one before.

The file stays inside. A line holds the hash of the line before, so an edited, removed or swapped line shows; with the
project's key the hashes are keyed (HMAC-SHA-256) and cannot be made anew by who edits the file. Lines cut off the end
show only against what is known from elsewhere: the hashes that earlier release folders carry (see `require`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from primum.disclose.releases import Atoms, Release
from primum.errors import PrimumError

FORMAT = "primum ledger 1"
START = "0" * 64
SKEW = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class Entry:
    """One export.

    Attributes
    ----------
    number
        From 1.
    time
        When it was written, UTC, ISO 8601.
    name
        The export.
    population
        Which people it is about, such as the version of the data; numbers about the same people are attacked together.
    names, levels
        The variables of its atoms.
    numbers
        (place, runs of atoms as (first, length), low, high) of each release; limits None for infinite.
    previous, hash
        The chain.
    format
        The version of this format.
    """

    number: int
    time: str
    name: str
    population: str
    names: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    numbers: tuple[tuple[str, tuple[tuple[int, int], ...], float | None, float | None], ...]
    previous: str
    hash: str = ""
    format: str = FORMAT


def append(
    path: str | Path,
    name: str,
    atoms: Atoms,
    releases: Sequence[Release],
    *,
    population: str,
    key: bytes | None = None,
    now: dt.datetime | None = None,
) -> Entry:
    """Add an export to the ledger, after checking all that is in it; return its entry.

    Parameters
    ----------
    path
        The file; made when it does not exist.
    name
        The export; each has a name of its own.
    atoms
        The variables that the releases are written over. Their counts are not kept.
    releases
        Every number that leaves.
    population
        Which people, such as the version of the data.
    key
        The project's key.
    now
        The time; that of this machine by default.

    Raises
    ------
    PrimumError
        If the ledger was edited, the name is taken, a release does not fit the atoms, or the clock runs backwards.
    """
    moment = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
    path = Path(path)
    entries = read(path, key=key, now=moment) if path.exists() else ()
    if name in {e.name for e in entries}:
        raise PrimumError(
            f"The ledger already holds an export '{name}'.", mend="give this one a name of its own, with its date"
        )
    wrong = [r.where for r in releases if len(r.support) != atoms.size]
    if wrong:
        raise PrimumError(
            f"{len(wrong)} releases are not written over these {atoms.size} atoms, such as '{wrong[0]}'.",
            expected="one place in the support for each atom",
        )
    entry = Entry(
        number=len(entries) + 1,
        time=moment.isoformat(timespec="seconds"),
        name=name,
        population=population,
        names=tuple(atoms.names),
        levels=tuple(tuple(own) for own in atoms.levels),
        numbers=tuple((r.where, _runs(r.support), _finite(r.low), _finite(r.high)) for r in releases),
        previous=entries[-1].hash if entries else START,
    )
    _timely(entry, entries[-1] if entries else None, moment, path)
    entry = replace(entry, hash=_hash(entry, key))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(entry), ensure_ascii=False, allow_nan=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return entry


def read(path: str | Path, *, key: bytes | None = None, now: dt.datetime | None = None) -> tuple[Entry, ...]:
    """Return all exports, first to last, after checking the chain and the clock.

    Raises
    ------
    PrimumError
        If the file is missing, a line is not readable, edited, removed or swapped, or the clock went backwards.
    """
    path = Path(path)
    if not path.is_file():
        raise PrimumError(
            f"There is no ledger {path}.",
            expected="the file that the project's first export began",
            mend="put it back from the copy inside; without it earlier exports cannot be taken into account",
        )
    moment = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
    entries: list[Entry] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        entry = _entry(line, number, path)
        before = entries[-1] if entries else None
        _chained(entry, before, number, path, key)
        _timely(entry, before, moment, path)
        entries.append(entry)
    return tuple(entries)


def require(entries: Sequence[Entry], releases: Mapping[str, str]) -> None:
    """Refuse to go on when an earlier release is not in the ledger.

    Parameters
    ----------
    entries
        The ledger.
    releases
        Name → hash of each earlier release, as its folder carries it.

    Raises
    ------
    PrimumError
        If a release is missing, or its hash is another one.
    """
    known = {e.name: e.hash for e in entries}
    for name, own in releases.items():
        if name not in known:
            raise PrimumError(
                f"The earlier release '{name}' is missing from the ledger.",
                available=known,
                mend="put back the ledger that has it: what it told cannot be taken into account otherwise",
            )
        if not hmac.compare_digest(known[name], own):
            raise PrimumError(
                f"The earlier release '{name}' is not the one in the ledger: their hashes differ.",
                expected=f"{known[name][:12]}…",
                mend="the folder or the ledger was edited by hand; use the ones that were written together",
            )


def earlier(entries: Sequence[Entry], atoms: Atoms, *, population: str) -> tuple[list[Release], list[str]]:
    """Return earlier numbers about the same people, over the atoms of today, and those that cannot be placed.

    An earlier export with fewer variables is spread over the new ones. One with a variable or labels that today's
    atoms do not have cannot be compared; its places are returned for a person to look at.

    Parameters
    ----------
    entries
        The ledger.
    atoms
        The variables of this export.
    population
        Only exports about these people; compare others with `differencing.versions`.
    """
    placed: list[Release] = []
    left: list[str] = []
    shape = tuple(len(own) for own in atoms.levels)
    at = np.indices(shape).reshape(len(shape), -1)
    for entry in entries:
        if entry.population != population:
            continue
        now = dict(zip(atoms.names, atoms.levels, strict=True))
        fits = all(set(now.get(k, ())) == set(own) for k, own in zip(entry.names, entry.levels, strict=True))
        if not fits:
            left += [f"{entry.name}: {place}" for place, *_ in entry.numbers]
            continue
        index = np.zeros(atoms.size, dtype=np.intp)
        for name, own in zip(entry.names, entry.levels, strict=True):
            order = np.array([own.index(label) for label in now[name]])
            index = index * len(own) + order[at[atoms.names.index(name)]]
        size = int(np.prod([len(own) for own in entry.levels], dtype=np.int64))
        placed += [replace(r, support=r.support[index]) for r in _releases(entry, size)]
    return placed, left


def told(entry: Entry) -> list[Release]:
    """Return the numbers of one export over its own atoms."""
    return _releases(entry, int(np.prod([len(own) for own in entry.levels], dtype=np.int64)))


def _releases(entry: Entry, size: int) -> list[Release]:
    found = []
    for where, runs, low, high in entry.numbers:
        support = np.zeros(size, dtype=np.bool_)
        for first, length in runs:
            support[first : first + length] = True
        limits = (-np.inf if low is None else low, np.inf if high is None else high)
        found.append(Release(f"{entry.name}: {where}", support, *limits))
    return found


def _runs(support: Any) -> tuple[tuple[int, int], ...]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(support, dtype=np.int8), [0]])))
    return tuple((int(a), int(b - a)) for a, b in edges.reshape(-1, 2))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _hash(entry: Entry, key: bytes | None) -> str:
    content = {k: v for k, v in asdict(entry).items() if k != "hash"}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    return hashlib.sha256(text).hexdigest() if key is None else hmac.new(key, text, hashlib.sha256).hexdigest()


def _entry(line: str, number: int, path: Path) -> Entry:
    """Return one line as an entry."""
    try:
        raw = json.loads(line)
        if raw["format"] != FORMAT:
            raise PrimumError(f"Line {number} of {path} has the format '{raw['format']}'.", expected=FORMAT)
        runs = [(w, tuple((int(a), int(b)) for a, b in r), low, high) for w, r, low, high in raw["numbers"]]
        levels = tuple(tuple(own) for own in raw["levels"])
        return Entry(**(raw | {"names": tuple(raw["names"]), "levels": levels, "numbers": tuple(runs)}))
    except (ValueError, TypeError, KeyError) as error:
        raise PrimumError(
            f"Line {number} of the ledger {path} cannot be read.",
            expected="one JSON object a line, as primum wrote it",
            mend="put the file back from the copy inside; a line that was half written may be deleted by a person "
            "who is sure that its export never left",
        ) from error


def _chained(entry: Entry, before: Entry | None, number: int, path: Path, key: bytes | None) -> None:
    """Check the hashes of a line."""
    if entry.number != number or entry.previous != (before.hash if before else START):
        raise PrimumError(
            f"Line {number} of the ledger {path} does not follow the one before: a line was removed or swapped.",
            expected=f"export {number}, chained to the one before",
            mend="put the file back from the copy inside",
        )
    if not hmac.compare_digest(entry.hash, _hash(entry, key)):
        raise PrimumError(
            f"Line {number} of the ledger {path} ('{entry.name}') was edited, or written under another key.",
            expected="the line as it was written, and the project's key",
            mend="put the file back from the copy inside; the ledger is never edited",
        )


def _timely(entry: Entry, before: Entry | None, now: dt.datetime, path: Path) -> None:
    """Check the clock of a line."""
    time = dt.datetime.fromisoformat(entry.time)
    if before is not None and time < dt.datetime.fromisoformat(before.time):
        raise PrimumError(
            f"The clock went backwards in the ledger {path}: '{entry.name}' is dated {entry.time}, before "
            f"'{before.name}' of {before.time}.",
            mend="find out which machine's clock was wrong; a person must confirm the order of the exports",
        )
    if time > now + SKEW:
        raise PrimumError(
            f"'{entry.name}' in the ledger {path} is dated {entry.time}, which is still to come: now it is "
            f"{now.isoformat(timespec='seconds')}.",
            expected="exports of the past",
            mend="set this machine's clock, or find out whose clock was wrong",
        )
