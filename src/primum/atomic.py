"""Files that are either whole or not there: written beside, flushed, then renamed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

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
            mend="free some space or choose another folder, then run the same command again; an audit resumes",
        ) from error
    except BaseException:  # Ctrl-C, or no memory: leave nothing behind
        _forget(beside)
        raise
    return path


def _forget(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)
