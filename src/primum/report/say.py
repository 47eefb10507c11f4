"""The language in which the report speaks: English, unless it was asked to speak another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from primum.errors import PrimumError
from primum.report.language import Language, language, languages

ENGLISH = "en"
MAIN = "main"
_SPOKEN: ContextVar[str] = ContextVar("language of the report", default=ENGLISH)


def spoken() -> Language:
    """Return the language of the report that is being written."""
    return language(_SPOKEN.get())


def say(key: str, **values: object) -> str:
    """Return a text of the report, `main.` and the key, its placeholders filled in.

    Raises
    ------
    PrimumError
        If there is no such key, or a value for a placeholder is lacking.
    """
    return spoken()(f"{MAIN}.{key}", **values)


def told(key: str, n: float, **values: object) -> str:
    """Return the text `key.one` where n is 1, else `key.many`; the number, as it is shown, is among the values."""
    return say(f"{key}.one" if n == 1 else f"{key}.many", **values)


@contextmanager
def speaking(code: str) -> Iterator[Language]:
    """Speak a language for as long as the context lasts.

    Raises
    ------
    PrimumError
        If there is no such language, or it has the pages only.
    """
    wanted = language(code)
    if lacking := [k for k in language(ENGLISH).texts if k.startswith(f"{MAIN}.") and not wanted.has(k)]:
        whole = [c for c in languages() if any(k.startswith(f"{MAIN}.") for k in language(c).texts)]
        raise PrimumError(
            f"The report is not written in '{code}': it lacks {len(lacking)} of its texts, the first '{lacking[0]}'.",
            available=whole,
            mend=f"use one of these, or add the texts under '{MAIN}' to its file",
        )
    before = _SPOKEN.set(code)
    try:
        yield wanted
    finally:
        _SPOKEN.reset(before)
