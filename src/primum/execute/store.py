"""Files that are either whole or not there: written beside, flushed, then renamed."""

from __future__ import annotations

import json
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from primum.errors import PrimumError

PART = ".part"
"""Ending of a file that is being written; what a killed audit left of them is cleared away by the next one."""


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file so that an interruption leaves the old one, or none, but never half of one.

    Raises
    ------
    PrimumError
        If the disk is full or the folder cannot be written; nothing half-written is left.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        beside.replace(path)
    except OSError as error:
        _forget(beside)
        raise PrimumError(
            f"'{path}' could not be written: {error.strerror or error}.",
            mend="free some space or choose another folder, then run the same command again; it resumes",
        ) from error
    except BaseException:  # Ctrl-C, or no memory: leave nothing behind
        _forget(beside)
        raise
    return path


def _forget(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)


def write_json(path: Path, data: Any) -> Path:
    """Write JSON with NaN as null."""
    text = json.dumps(plain(data), ensure_ascii=False, indent=1, allow_nan=False)
    return write_bytes(path, text.encode())


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises
    ------
    PrimumError
        If the file is not there or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PrimumError(f"There is no file '{path}'.", expected="the folder of a finished audit") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PrimumError(f"'{path}' is not readable as JSON: {error}.", mend="run the audit again") from None


def plain(value: Any) -> Any:
    """Return data with NumPy scalars as Python numbers, and NaN and infinities as None."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    return str(value)
