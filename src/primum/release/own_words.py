"""The words of primum's own files: a sentence that was written before any data can hold no count of them.

Numbers written out often stand in such sentences ("what may be concluded about one …"). They are told apart by where
they come from, not by a list of phrases: what stands in primum's own texts, word for word, tells nothing of anybody.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

KINDS = (".py", ".yaml", ".j2", ".html", ".typ", ".md", ".txt")
LEAST = 4
"""Words that a phrase must have: a shorter one may stand anywhere by chance."""


def own(phrase: str) -> bool:
    """Return whether a phrase of at least four words stands in one of primum's own files."""
    plain = _plain(phrase)
    return len(plain.split()) >= LEAST and f" {plain} " in _library()


@cache
def _library() -> str:
    return f" {_plain(' '.join(_texts(files('primum'))))} "


def _texts(folder: Traversable) -> list[str]:
    found = []
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.is_dir():
            found += _texts(entry)
        elif entry.name.endswith(KINDS):
            found.append(entry.read_text(encoding="utf-8"))
    return found


def _plain(text: str) -> str:
    """Return the words of a text alone: a sentence may be broken over lines and quotes."""
    joined = re.sub(r"[\"']\s*\n\s*[frb]*[\"']", "", text)
    return " ".join(re.findall(r"[^\W_]+", joined.lower()))
