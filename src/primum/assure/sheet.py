"""Filled clause maps and checklists as CSV: one file a listing, one row an item."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from primum.assure.evidence import Finished
from primum.assure.filled import Filled, fill
from primum.assure.listing import KINDS, Listing, builtin, names
from primum.atomic import write_bytes

HEADS = (
    "item", "asks for (own words)", "same in other frameworks", "filled by", "state", "why", "evidence supplied",
    "what the audit supplies", "draft, a human must confirm", "human text still needed", "human text given",
    "statement", "verification of the item", "text", "version", "source",
)  # fmt: skip


def write_csv(run: Finished, folder: str | Path) -> dict[str, Path]:
    """Write every built-in clause map and checklist into a folder and return name → path.

    Raises
    ------
    PrimumError
        If a file cannot be written, or the use case gives a text for an item that is not there.
    """
    written = {}
    for kind in KINDS:
        for name in names(kind):
            listing = builtin(kind, name)
            written[name] = write_bytes(Path(folder) / f"{name}.csv", to_csv(listing, fill(run, listing)))
    return written


def to_csv(listing: Listing, rows: list[Filled]) -> bytes:
    """Return the items of one listing as CSV: UTF-8, one header line.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADS)
    for r in rows:
        cells = (
            r.id, r.asks, r.refers, r.fill, r.said, r.why, "; ".join(r.evidence), r.writes, r.draft, r.human, r.text,
            r.words, r.verified, r.listing, r.version, listing.source,
        )  # fmt: skip
        writer.writerow([f"'{c}" if c[:1] in "=+-@\t\r" and c.strip("-–") else c for c in cells])
    return out.getvalue().encode("utf8")
