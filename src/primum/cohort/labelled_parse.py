"""Parse a file of a statistics package in a process of its own.

The parser is C, and some damaged files make it write past its memory; a process of its own turns that into an error.
Run as `python -m primum.cohort.labelled_parse FILE ENCODING FOLDER`: leaves frame.arrow and meta.json in FOLDER, or
error.txt and exit code 3.
"""

from __future__ import annotations

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

REFUSED = 3
Parsed = tuple["pl.DataFrame", dict[str, Any]]


def parse_apart(path: Path, encoding: str) -> tuple[Parsed | None, str]:
    """Return (frame, meta) and "", or None and why the file cannot be read.

    `meta` has `labels` (column → text), `value_labels` (column → pairs of value and text) and `missing_ranges`.
    """
    import polars as pl

    with TemporaryDirectory(prefix="primum-") as folder:
        command = [sys.executable, "-m", __name__, str(path.resolve()), encoding, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
        if done.returncode == 0:
            frame = pl.read_ipc(BytesIO((Path(folder) / "frame.arrow").read_bytes()))
            return (frame, json.loads((Path(folder) / "meta.json").read_text(encoding="utf-8"))), ""
        if done.returncode == REFUSED:
            return None, (Path(folder) / "error.txt").read_text(encoding="utf-8")
    return None, "the parser broke down on it"


def parse(path: Path, encoding: str) -> Parsed:
    """Return the frame and what the file says about its columns."""
    import pyreadstat

    suffix = path.suffix.lower()
    readers: dict[str, Any] = {
        ".sav": pyreadstat.read_sav,
        ".zsav": pyreadstat.read_sav,
        ".dta": pyreadstat.read_dta,
        ".sas7bdat": pyreadstat.read_sas7bdat,
        ".xpt": pyreadstat.read_xport,
    }
    options: dict[str, Any] = {"output_format": "polars"}
    if suffix in {".sav", ".zsav"}:
        options["user_missing"] = True
    if encoding.lower().replace("-", "") != "utf8":
        options["encoding"] = encoding
    frame, meta = readers[suffix](path, **options)
    return frame, {
        "labels": meta.column_names_to_labels,
        "value_labels": {c: list(pairs.items()) for c, pairs in meta.variable_value_labels.items()},
        "missing_ranges": getattr(meta, "missing_ranges", None) or {},
    }


def main() -> int:
    """Parse the file named on the command line."""
    path, encoding, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    try:
        frame, meta = parse(path, encoding)
        frame.write_ipc(folder / "frame.arrow")
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    except Exception as error:  # noqa: BLE001 - whatever it is, the file cannot be read, and the parent says so
        (folder / "error.txt").write_text(str(error).strip() or type(error).__name__, encoding="utf-8")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
