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
        A number below it is not told but for its bound; 0 is told. Where one class alone is told by its bound, the
        smallest of the others is too: the sum of all is known to who counts the markers.
    """
    found = Counter(reason if reason in CLASSES else "other rule" for reason in reasons)
    told = {name: _told(found[name], t) for name in CLASSES}
    small = [name for name in CLASSES if 0 < found[name] < t]
    others = sorted((found[name], name) for name in CLASSES if found[name] >= t)
    if len(small) == 1 and others:  # who counts the markers could subtract: one more class is told by its bound
        told[others[0][1]] = f"{t} or more"
    return told


def private_log(cells: Mapping[str, tuple[int, str]]) -> list[str]:
    """Return one line a withheld cell with its true count and reason. It stays in the room."""
    return [f"{where}: {n} ({reason})" for where, (n, reason) in sorted(cells.items())]


def _told(n: int, t: int) -> str:
    return str(n) if n == 0 or n >= t else f"fewer than {t}"
