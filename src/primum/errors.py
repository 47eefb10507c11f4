"""The one error that users meet: what was given, what was expected, what there is, how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class PrimumError(Exception):
    """Bad input, told in full.

    Parameters
    ----------
    what
        One sentence: what is wrong, with the value that was given.
    expected
        What would have been right.
    available
        Names or values that exist; shown shortened, nearest spelling first.
    mend
        What to do about it.
    """

    def __init__(self, what: str, *, expected: str = "", available: Iterable[object] = (), mend: str = "") -> None:
        self.what = what
        self.expected = expected
        self.available = [str(a) for a in available]
        self.mend = mend
        super().__init__(self.text())

    def text(self) -> str:
        """Return the whole message, one line a part."""
        lines = [self.what]
        if self.expected:
            lines.append(f"  expected:  {self.expected}")
        if self.available:
            shown = ", ".join(self.available[:12])
            more = len(self.available) - 12
            lines.append(f"  available: {shown}" + (f" … and {more} more" if more > 0 else ""))
        if self.mend:
            lines.append(f"  to mend:   {self.mend}")
        return "\n".join(lines)


class MissingExtraError(PrimumError):
    """An optional package is not installed; says which one line installs it."""

    def __init__(self, package: str, extra: str, why: str) -> None:
        super().__init__(
            f"{why} needs the package '{package}', which is not installed.",
            mend=f"pip install 'primum[{extra}]'",
        )


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known spelling closest to `name`, or None when nothing is close."""
    pool = list(known)
    lower = {k.lower(): k for k in pool}
    hits = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.6)
    return lower[hits[0]] if hits else None


def unknown(kind: str, name: str, known: Sequence[str], *, where: str = "") -> PrimumError:
    """Return the error for a name that does not exist, with the nearest spelling first."""
    near = nearest(name, known)
    rest = [k for k in known if k != near]
    return PrimumError(
        f"There is no {kind} '{name}'{' in ' + where if where else ''}.",
        available=([near] if near else []) + rest,
        mend=f"did you mean '{near}'?" if near else f"use one of the {len(known)} names above",
    )
