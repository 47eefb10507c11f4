"""The files of a run: JSON with NaN as null, each whole or not there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from primum.atomic import write_bytes
from primum.errors import PrimumError


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
