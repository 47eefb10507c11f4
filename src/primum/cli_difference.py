"""`primum audit --diff OLD NEW`: what changed between two audits, on the screen and as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from primum.errors import PrimumError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from primum.assure.difference import Changes
    from primum.execute.run import Run

MOST = 15
COLUMNS = ("before", "now", "measured before", "measured now")
FILES = ("difference.json", "difference.md")


def difference(old: Path, new: Path, out: Path | None = None, console: Console | None = None) -> Changes:
    """Print what changed from one finished audit to a later one, and return it; `out` is a folder for two files.

    Raises
    ------
    PrimumError
        If a folder is no finished audit from inside the room, the audits are not of the same question, or the files
        are there already.
    """
    from rich.console import Console

    from primum.assure.difference import diff
    from primum.atomic import write_bytes
    from primum.execute.store import write_json

    runs = [_opened(folder) for folder in (old, new)]
    if out is not None and (there := [f for f in FILES if (out / f).exists()]):
        raise PrimumError(
            f"'{out / there[0]}' is there already; it was left as it is.", mend="choose another folder with --out"
        )
    found = diff(*runs)
    tell(found, console or _screen(Console))
    if out is not None:
        page = found.markdown().encode("utf8")
        paths = [write_json(out / FILES[0], found.to_document()), write_bytes(out / FILES[1], page)]
        for path in paths:
            (console or _screen(Console)).print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)
    return found


def tell(changes: Changes, console: Console) -> None:
    """Print changes: claims first, then findings, people, plan and versions."""
    from primum.assure import difference_text as text

    def say(words: str) -> None:
        console.print(words, markup=False, highlight=False, soft_wrap=True)

    for name, mark in (("first", changes.old), ("second", changes.new)):
        people = f", {mark['people']:,} people, {mark['events']:,} cases" if mark["people"] is not None else ""
        say(f"{name + ':':<8}plan {mark['plan'][:12]}, frozen {mark['created'][:16].replace('T', ' ')}{people}")
    if not changes:
        say(text.NOTHING)
        return
    for note in changes.notes:
        say(f"Note: {note}")
    say(text.worse(changes))
    _claims(changes, console)
    rows, gone = text.findings(changes)
    _findings(rows, console)
    parts = (
        ("Findings that came or went", gone),
        ("People", [text.person(r) for r in changes.people]),
        ("Plan", [f"{name}: {before}, now {now}" for name, before, now in text.plan(changes)]),
        ("Versions", [f"{r['software']} {r['before']}, now {r['now']}" for r in changes.versions]),
    )
    for title, told in parts:
        if told:
            say(f"\n{title}")
            for line in told[:MOST]:
                say(f"  {line}")
            _left(len(told), say)


def _claims(changes: Changes, console: Console) -> None:
    from primum.assure.difference_text import value

    rows = [
        (r["says"], r["before"], r["now"], value(r, "before"), value(r, "now")) for r in changes.claims
    ]  # fmt: skip
    _table("Claims whose state changed", ("claim", *COLUMNS), rows, console)


def _findings(rows: Sequence[dict[str, Any]], console: Console) -> None:
    from primum.assure.difference_text import apart, value, where

    told = [
        (where(r), r["before"], r["now"] + apart(r), value(r, "before"), value(r, "now")) for r in rows
    ]  # fmt: skip
    _table("Other findings that changed", ("finding", *COLUMNS), told, console)


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    if not rows:
        return
    table = Table(title=f"\n{title}", title_justify="left", box=None, pad_edge=False, title_style="bold")
    for i, head in enumerate(heads):
        table.add_column(head, overflow="fold", ratio=(5, 2, 2, 2, 2)[i])
    for row in rows[:MOST]:
        table.add_row(*map(escape, row))
    console.print(table)
    _left(len(rows), lambda words: console.print(words, markup=False, highlight=False))


def _left(many: int, say: Any) -> None:
    if many > MOST:
        say(f"  … and {many - MOST:,} more; --out DIR writes them all")


def _opened(folder: Path) -> Run:
    """Return the finished audit in a folder.

    Raises
    ------
    PrimumError
        If it is a release, unfinished, damaged, or no audit at all.
    """
    from primum.execute.run import Run

    if (folder / "release.json").is_file() or folder.suffix == ".zip":
        raise PrimumError(
            f"'{folder}' is a release: its numbers are protected, and a change in them may be a change in protection.",
            expected="the folder of an audit inside the room",
            mend="compare the run folders that the releases were made from",
        )
    return Run.load(folder)


def _screen(kind: type[Console]) -> Console:
    import os

    screen = kind()
    return screen if screen.is_terminal or os.environ.get("COLUMNS") else kind(width=120)
