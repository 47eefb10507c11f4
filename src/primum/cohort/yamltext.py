"""YAML written by hand: words that need no quotes stay bare, everything else is quoted safely."""

from __future__ import annotations

import re
from typing import Any

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*( [A-Za-z0-9_][A-Za-z0-9_.]*)*")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def scalar(value: Any) -> str:
    """Return a value as YAML that reads back as the same value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        digits = repr(value)
        if "e" in digits and "." not in digits:  # YAML 1.1 wants the point
            digits = digits.replace("e", ".0e")
        return digits if value - value == 0 else f'"{digits}"'
    return text(str(value))


def text(words: str) -> str:
    """Return text as YAML: bare where that is safe, otherwise in double quotes on one line."""
    if _BARE.fullmatch(words) and words.lower() not in _WORDS:
        return words
    return '"' + "".join(_escaped(sign) for sign in words) + '"'


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return "\\" + sign
    code = ord(sign)
    if sign.isprintable():
        return sign
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def flow(items: list[Any]) -> str:
    """Return a list on one line."""
    return "[" + ", ".join(scalar(item) for item in items) + "]"
