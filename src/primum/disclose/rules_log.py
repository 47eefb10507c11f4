"""R19, accountability without leakage: how much was withheld and why, never where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

CLASSES = ("small count", "complementary", "class disclosure", "other rule")


def public_log(reasons: Iterable[str], t: int) -> dict[str, str]:
    """Return the number of withheld cells by class of reason, for the reader.

    Parameters
    ----------
    reasons
        The class of reason of each withheld cell; a class that is none of `CLASSES` counts as "other rule".
    t
        A number below it is not told but for its bound; 0 is told.
    """
    found = Counter(reason if reason in CLASSES else "other rule" for reason in reasons)
    return {name: _told(found[name], t) for name in CLASSES}


def private_log(cells: Mapping[str, tuple[int, str]]) -> list[str]:
    """Return one line a withheld cell with its true count and reason. It stays in the room."""
    return [f"{where}: {n} ({reason})" for where, (n, reason) in sorted(cells.items())]


def _told(n: int, t: int) -> str:
    return str(n) if n == 0 or n >= t else f"fewer than {t}"
