"""Logs: a public one that tells how much was withheld and why, a private one with the true counts, and scrubbed lines.

The public log (R19) tells classes of reasons for the whole release, never a place, and a number below t only by its
bound. The private log stays in the room: one line an export, with every withheld place and its true count.
Lines that may leave are scrubbed of numbers and of quoted values (R16). Scrubbing knows nothing of the data: it takes
out every number that is no name of a rule or check, so it removes too much rather than too little. It cannot tell an
unquoted word that is a value from any other word; name such words in `also`.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from primum.disclose.ledger import SKEW
from primum.disclose.rules_log import CLASSES, public_log
from primum.errors import PrimumError

PUBLIC, PRIVATE = "primum public log 1", "primum private log 1"
REMOVED = "#"
_QUOTED = re.compile(
    r"(?<![A-Za-z])'(?:[^'\n]|(?<=[A-Za-z])'(?=[A-Za-z]))*'(?![A-Za-z])|\"[^\"\n]*\"|“[^”\n]*”|‘[^’\n]*’|`[^`\n]*`"
)
_TOKEN = re.compile(r"[^\s,;:()\[\]{}<>=\"'“”‘’`]*\d[^\s;:()\[\]{}<>=\"'“”‘’`]*")
_NAME = re.compile(
    r"R(?:[1-9]|1\d)|PRM-[A-Z]\d\d|HMAC-SHA-256|SHA-256|UTF-8|ISO-8601|COVID-19|ICD-(?:9|10|11)",
)
"""Names with digits that are no data: rules, checks, standards."""


def public(reasons: Iterable[str], t: int, *, date: dt.date | str, exceptions: int = 0) -> dict[str, Any]:
    """Return the public log as plain data.

    Parameters
    ----------
    reasons
        The class of reason of each withheld cell, as in `disclose.rules_log.CLASSES`.
    t
        A number of cells below it is told by its bound.
    date
        The day.
    exceptions
        How many rules were set aside; the control form tells which.

    Raises
    ------
    PrimumError
        If t is below 2.
    """
    if t < 2:
        raise PrimumError(f"A public log with t = {t} hides nothing.", expected="t of 2 or more")
    return {
        "format": PUBLIC,
        "date": str(date)[:10],
        "least": t,
        "withheld": public_log(reasons, t),
        "exceptions": exceptions,
        "note": "Numbers are for the whole release. What was withheld, and where, stays in the room.",
    }


def generalised(n: int, t: int) -> str:
    """Return how often something happened, as it may be told: 0, at least t, or "fewer than t"."""
    return public_log(["other rule"] * n, t)["other rule"]


def append_private(
    path: str | Path,
    name: str,
    cells: Mapping[str, tuple[int, str]],
    *,
    away_from: str | Path | None = None,
    exceptions: Sequence[Mapping[str, str]] = (),
    notes: Sequence[str] = (),
    now: dt.datetime | None = None,
) -> dict[str, Any]:
    """Add an export to the private log and return its line. It stays in the room.

    Parameters
    ----------
    path
        The file, one JSON object a line; made when it does not exist, readable by its owner only.
    name
        The export.
    cells
        Place of each withheld cell → (true count, class of reason).
    away_from
        The release folder, in which the file must not be.
    exceptions
        The rules that were set aside.
    notes
        What the room should remember of it.
    now
        The time; that of this machine by default.

    Raises
    ------
    PrimumError
        If the file would lie in the release, an earlier line cannot be read, the clock runs backwards, or a class of
        reason is not known.
    """
    file, moment = Path(path), (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
    if away_from is not None and file.resolve().is_relative_to(Path(away_from).resolve()):
        raise PrimumError(
            f"The private log '{file.name}' would lie in the release folder.",
            expected="a place in the room, outside everything that leaves",
            mend="put it beside the ledger",
        )
    odd = sorted({reason for _, reason in cells.values()} - set(CLASSES))
    if odd:
        raise PrimumError(f"'{odd[0]}' is no class of reason.", available=CLASSES)
    earlier = read_private(file, now=moment) if file.exists() else ()
    line = {
        "format": PRIVATE,
        "number": len(earlier) + 1,
        "time": moment.isoformat(timespec="seconds"),
        "name": name,
        "withheld": [
            {"where": where, "count": int(n), "reason": reason} for where, (n, reason) in sorted(cells.items())
        ],
        "exceptions": [dict(e) for e in exceptions],
        "notes": list(notes),
    }
    timely([*(str(e["time"]) for e in earlier), str(line["time"])], str(file), now=moment)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as f:
        f.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")
        f.flush()
        os.fsync(f.fileno())
    return line


def read_private(path: str | Path, *, now: dt.datetime | None = None) -> tuple[dict[str, Any], ...]:
    """Return the lines of a private log, first to last.

    Raises
    ------
    PrimumError
        If a line cannot be read, is out of order, or the clock went backwards.
    """
    file, lines = Path(path), []
    for number, text in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            line = json.loads(text)
            right = line["format"] == PRIVATE and line["number"] == number and isinstance(line["time"], str)
        except (ValueError, TypeError, KeyError):
            right = False
        if not right:
            raise PrimumError(
                f"Line {number} of the private log {file} cannot be read, or is not in its place.",
                expected="one JSON object a line, as primum wrote it",
                mend="put the file back from the copy inside",
            )
        lines.append(line)
    timely([str(line["time"]) for line in lines], str(file), now=now)
    return tuple(lines)


def timely(times: Sequence[str], where: str, *, now: dt.datetime | None = None) -> None:
    """Refuse a log whose clock went backwards or whose last line is still to come.

    Parameters
    ----------
    times
        ISO 8601 with a time zone, in the order of the log.
    where
        The log, for the message.
    now
        The time; that of this machine by default. Clocks may differ by `disclose.ledger.SKEW`.

    Raises
    ------
    PrimumError
        If a time cannot be read, is earlier than the one before it, or lies ahead.
    """
    moment = now or dt.datetime.now(dt.UTC)
    before: dt.datetime | None = None
    for text in times:
        try:
            own = dt.datetime.fromisoformat(text)
        except ValueError:
            own = None
        if own is None or own.tzinfo is None:
            raise PrimumError(f"A time in {where} cannot be read.", expected="ISO 8601 with a time zone, in UTC")
        if before is not None and own < before:
            raise PrimumError(
                f"The clock went backwards in {where}: {text} comes after {before.isoformat()}.",
                mend="find out which machine's clock was wrong; a person must confirm the order",
            )
        before = own
    if before is not None and before > moment + SKEW:
        raise PrimumError(
            f"The last line of {where} is dated {before.isoformat()}, which is still to come: now it is "
            f"{moment.isoformat(timespec='seconds')}.",
            expected="lines of the past",
            mend="set this machine's clock, or find out whose clock was wrong",
        )


def scrub(line: str, *, keep: Collection[str] = (), also: Collection[str] = (), quotes: bool = True) -> str:
    """Return a line without numbers and without quoted values; each becomes "#".

    Parameters
    ----------
    line
        What would be logged.
    keep
        Words that are no data: names of columns, of files of the release.
    also
        Words that must go wherever they stand, quoted or not: known labels and ids.
    quotes
        Whether to take out what is quoted and not in `keep`.
    """
    for word in sorted((w for w in also if w and w not in keep), key=len, reverse=True):
        line = re.sub(re.escape(word), REMOVED, line, flags=re.IGNORECASE)
    kept = {w for w in keep if w}
    if quotes:
        line = _QUOTED.sub(lambda m: m[0] if m[0][1:-1] in kept else m[0][0] + REMOVED + m[0][-1], line)
    spans = [m.span() for w in kept for m in re.finditer(re.escape(w), line)]
    return _TOKEN.sub(lambda m: _token(m, spans), line)


def told(error: BaseException, *, keep: Collection[str] = (), also: Collection[str] = ()) -> str:
    """Return what a log may say of an error: its words scrubbed, no list of values, no traceback, no cause (T26).

    Parameters
    ----------
    error
        Of a PrimumError its sentence, what was expected and how to mend it remain; of any other error its kind.
    keep, also
        As for `scrub`: pass the names of the columns as `keep`, so that the message still names its column.
    """
    if not isinstance(error, PrimumError):
        return f"{type(error).__name__}: no more is told of an error that is not primum's own"
    parts = (error.what, error.expected, error.mend)
    said = [scrub(part.splitlines()[0], keep=keep, also=also) for part in parts if part]
    return " | ".join(said)


def _token(found: re.Match[str], spans: Sequence[tuple[int, int]]) -> str:
    """Return a word with digits as it may stay."""
    text = found[0]
    word = text.rstrip(".,!?%")
    start, end = found.start(), found.start() + len(word)
    if _NAME.fullmatch(word) or any(a <= start and end <= b for a, b in spans):
        return text
    return REMOVED + text[len(word) :].replace("%", "")
