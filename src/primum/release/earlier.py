"""Earlier releases of a project: what they told, from their folders and from the ledger, and what has changed since.

About the same people, what was told then and what is told now is attacked as one. About people of whom some joined or
left, every number that changed is a count of those who did.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from primum.disclose.differencing import unsafe
from primum.disclose.ledger import Entry, read, require, told
from primum.disclose.releases import Atoms, Release
from primum.errors import PrimumError
from primum.measure.table import EVERYONE
from primum.release.leak import Leak
from primum.release.registered import Registered, Row, load, parse
from primum.release.system import totals

PLACE = "primum place 1"


def entry_of(counts: Mapping[str, Any]) -> tuple[Atoms, list[Release]]:
    """Return a register as what the ledger keeps: one atom a count, each place told in full.

    Parameters
    ----------
    counts
        The content of `counts.json`.
    """
    registered = parse(counts, "this release")
    head = {k: v for k, v in counts.items() if k != "counts"}
    atoms = Atoms(("place",), (tuple(str(i) for i in range(len(registered.rows) + 1)),),
                  np.zeros(len(registered.rows) + 1, dtype=np.int64))  # fmt: skip
    found = [Release(json.dumps({"format": PLACE, "head": head}, ensure_ascii=False, sort_keys=True),
                     np.eye(1, atoms.size, dtype=bool)[0], -math.inf, math.inf)]  # fmt: skip
    for i, row in enumerate(registered.rows, start=1):
        place = {"model": row.model, "attribute": row.attribute, "group": row.group, "outcome": row.outcome,
                 "low": row.low, "high": row.high, "count": row.count}  # fmt: skip
        low, high = registered.known(row)
        support = np.zeros(atoms.size, dtype=np.bool_)
        support[i] = True
        found.append(Release(json.dumps(place, ensure_ascii=False), support, low, high))
    return atoms, found


def from_entry(entry: Entry) -> Registered | None:
    """Return the register of an export in the ledger; None if it was written by something else."""
    prefix = f"{entry.name}: "
    places = [r.where.removeprefix(prefix) for r in told(entry)]
    try:
        content = [json.loads(p) for p in places]
    except ValueError:
        return None
    heads = [c["head"] for c in content if isinstance(c, dict) and c.get("format") == PLACE]
    if len(heads) != 1:
        return None
    rows = [c for c in content if "count" in c]
    return replace(parse({**heads[0], "counts": rows}, entry.name), name=entry.name)


def sealed(folder: Path | str) -> dict[str, Any]:
    """Return the content of a folder's release.json; nothing where there is none yet.

    Raises
    ------
    PrimumError
        If it cannot be read.
    """
    path = Path(folder) / "release.json"
    if not path.is_file() or not path.stat().st_size:
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PrimumError(f"'{path}' is no JSON.", mend="make the release again; it is never edited by hand") from error
    return content if isinstance(content, dict) else {}


def gathered(
    folder: Path, ledger: Path | str | None, earlier: Sequence[Path | str], key: bytes | None
) -> tuple[list[Registered], list[Leak]]:
    """Return what was told before, each release once, and exports that a person must compare.

    Raises
    ------
    PrimumError
        If a folder is not a release, a release is missing from the ledger, the ledger was edited or its clock ran
        backwards.
    """
    found: dict[str, Registered] = {}
    hashes: dict[str, str] = {}
    told: set[str] = set()
    own = sealed(folder)
    for path in dict.fromkeys(Path(p).resolve() for p in earlier):
        if path == folder.resolve():
            raise PrimumError(f"'{path}' is the release itself.", mend="name earlier ones with --with")
        held, head = load(path), sealed(path)
        name = str(head.get("name") or held.name)
        unique = name if name not in {*found, folder.name} else f"{name} ({path})"
        found[unique] = replace(held, name=unique)
        told.add(name)
        if name not in hashes or head.get("ledger"):
            hashes[name] = str((head.get("ledger") or {}).get("hash") or "")
    begins = ledger is not None and not own and not earlier and not Path(ledger).exists()
    if ledger is None or begins:  # a release that is being made may be the first of its project
        return list(found.values()), []
    entries = read(ledger, key=key)
    if own.get("ledger"):
        hashes[str(own.get("name"))] = str(own["ledger"].get("hash") or "")
    require(entries, hashes)
    leaks = []
    for entry in entries:
        if entry.name == own.get("name") or entry.name in told:
            continue
        release = from_entry(entry)
        if release is None:
            said = "It was not written by `primum release`: a person must compare its numbers with these."
            leaks.append(Leak("difference", f"ledger: {entry.name}", said, "review"))
        else:
            name = entry.name if entry.name != folder.name else f"{entry.name} (ledger)"
            found[name] = replace(release, name=name)
    return list(found.values()), leaks


def same_people(now: Registered, before: Registered) -> bool:
    """Whether two releases may be about the same people: everyone's totals agree wherever both tell of them."""
    compared = False
    for outcome in (None, 0, 1):
        a, b = _everyone(now, outcome), _everyone(before, outcome)
        if a is not None and b is not None:
            compared = True
            if a[0] > b[1] or b[0] > a[1]:
                return False
    return compared


def _everyone(release: Registered, outcome: int | None) -> tuple[float, float] | None:
    reach = [r for m in (None, *release.models) if (r := totals(release, m, None, EVERYONE, outcome)) is not None]
    if not reach and outcome is not None:
        return None
    if not reach:
        both = [_everyone(release, y) for y in (0, 1)]
        return None if None in both else (sum(b[0] for b in both if b), sum(b[1] for b in both if b))
    return max(r[0] for r in reach), min(r[1] for r in reach)


def apart_models(now: Registered, before: Registered) -> Registered:
    """Return an earlier release whose models that were fitted anew have names of their own."""
    renamed = {}
    for model in before.models:
        pairs = _pairs(now, before, lambda r, m=model: r.model == m and r.attribute is None)
        if any(a[0] > b[1] or b[0] > a[1] for a, b in pairs):
            renamed[model] = f"{model} ({before.name})"
    if not renamed:
        return before
    rows = tuple(replace(r, model=renamed.get(r.model, r.model) if r.model else None) for r in before.rows)
    models = {renamed.get(m, m): cut for m, cut in before.models.items()}
    return replace(before, rows=rows, models=models)


def _pairs(now: Registered, before: Registered, wanted: Any) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    old = {_place(r): before.known(r) for r in before.rows if wanted(r)}
    return [(now.known(r), old[_place(r)]) for r in now.rows if wanted(r) and _place(r) in old]


def _place(row: Row) -> tuple[Any, ...]:
    return (row.model, row.attribute, row.group, row.outcome, row.low, row.high)


def changed(now: Registered, before: Registered) -> list[Leak]:
    """Return every number that changed by 1 to t − 1 people between two versions of a report (R13)."""
    old = {_place(r): r for r in before.rows}
    pairs = [(row.where, now.known(row), before.known(old[_place(row)])) for row in now.rows if _place(row) in old]
    for outcome in (None, 0, 1):
        a, b = _everyone(now, outcome), _everyone(before, outcome)
        if a is not None and b is not None:
            pairs.append((EVERYONE if outcome is None else f"{EVERYONE}, outcome {outcome}", a, b))
    return _few(pairs, now, before)


def changed_beside(now: Registered, before: Registered) -> list[Leak]:
    """Return every count beside the tallies that changed by 1 to t − 1, also where the people are the same.

    Of the same people, whatever is missing or left out may hold, or lie in, what was called otherwise before: each
    count is then compared with every one of its kind.
    """
    same = same_people(now, before)
    pairs = [
        (a if a == b else f"{a}; {b}", now.reach_beside(a), before.reach_beside(b))
        for a in now.beside
        for b in before.beside
        if a == b or (same and a.partition(", ")[0] == b.partition(", ")[0])
    ]
    return _few(pairs, now, before)


def _few(
    pairs: Sequence[tuple[str, tuple[float, float], tuple[float, float]]], now: Registered, before: Registered
) -> list[Leak]:
    """Return each place whose count, as it is known now and as it was known before, differs by few people."""
    found = []
    for where, a, b in pairs:
        low, high = a[0] - b[1], a[1] - b[0]
        if low == high == 0 or a == b:
            continue
        reach = (max(low, 0.0), high) if high >= -low else (max(-high, 0.0), -low)
        if unsafe(*reach, t=now.t, w=now.w):
            many = f"{reach[0]:.0f}" if reach[0] == reach[1] else f"{reach[0]:.0f} to {reach[1]:.0f}"
            said = f"It changed by {many} people since '{before.name}', fewer than {now.t}."
            found.append(Leak("difference", where, said))
    return found
