"""Deterministic rounding of counts, and what a reader knows of a count that was rounded (R14).

Rounding comes after suppression and never replaces it: a rounded 5 still says "between 3 and 7". It is never random
afresh, because noise that is drawn again averages out. The keyed mode draws once per set of atoms, from a secret key.
The midpoint-6 formula is from memory; confirm it before you quote it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

Mode = Literal["none", "conventional", "midpoint-6", "keyed"]
MODES: tuple[Mode, ...] = ("none", "conventional", "midpoint-6", "keyed")
_KEY_BYTES = 16


def rounded(count: int, mode: Mode, base: int = 5, *, key: bytes = b"", support: npt.ArrayLike | None = None) -> int:
    """Return the count that is shown.

    Parameters
    ----------
    count
        The true count.
    mode
        "none"; "conventional" (nearest multiple of the base, half upwards); "midpoint-6" (1–6 shows as 3, 7–12 as 9);
        "keyed" (up or down, with chances that keep the mean, by an HMAC of the cell's atoms).
    base
        5 or 10.
    key, support
        For "keyed": the project's secret and the cell's atoms; the same atoms always round the same way.

    Raises
    ------
    PrimumError
        For a negative count, another mode or base, or a keyed rounding without a key of 16 bytes or without atoms.
    """
    if count < 0 or mode not in MODES or base not in {5, 10}:
        raise PrimumError(
            f"Rounding {count} by '{mode}' to base {base}.", expected=f"a count, one of {MODES}, and base 5 or 10"
        )
    if mode == "none" or count == 0:
        return count
    if mode == "midpoint-6":
        return 6 * ((count + 5) // 6) - 3
    if mode == "conventional":
        return base * ((2 * count + base) // (2 * base))
    if len(key) < _KEY_BYTES or support is None:
        raise PrimumError(
            "Keyed rounding has no key or no atoms.",
            expected="a secret of at least 16 bytes that stays in the room, and the cell's atoms",
            mend="make one with secrets.token_bytes(32) and keep it with the project",
        )
    down, rest = divmod(count, base)
    atoms = np.packbits(np.asarray(support, dtype=np.bool_)).tobytes()
    drawn = int.from_bytes(hmac.new(key, atoms, hashlib.sha256).digest()[:8], "big") / 2**64
    return base * (down + int(drawn * base < rest))


def preimage(shown: int, mode: Mode, base: int = 5) -> tuple[int, int]:
    """Return the least and the greatest count that may stand behind a number shown.

    Raises
    ------
    PrimumError
        For a number that this mode never shows.
    """
    if mode == "none":
        return shown, shown
    if mode == "keyed":
        return max(shown - base + 1, 0), shown + base - 1
    fits: Any = [x for x in range(max(shown - base - 3, 0), shown + base + 4) if rounded(x, mode, base) == shown]
    if not fits:
        raise PrimumError(f"Rounding '{mode}' to base {base} never shows {shown}.", mend="check the mode and the base")
    return min(fits), max(fits)
