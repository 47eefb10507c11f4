"""`primum certificate`: is this file as it was written, and what does it say?"""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from primum.errors import PrimumError

NOT_AS_WRITTEN = 1
WIDTH = 100
SEAL = "The hash finds accidents and careless edits; it is not a signature, and does not say who wrote the file."


def certificate(
    file: Annotated[Path, typer.Argument(help="A certificate: certificates/NAME.json in the folder of an audit.")],
) -> None:
    """Verify a no-harm certificate and print it in plain words; exit code 1 if it is not as it was written."""
    from primum.certify.document import read

    try:
        document = read(file)
    except PrimumError as error:
        if not _claims_to_be_one(file):
            raise
        typer.echo(str(error), err=True)
        raise typer.Exit(NOT_AS_WRITTEN) from None
    width = min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH)
    for depth, text in told(document):
        bullet = "" if depth == 0 else "- "
        start = "  " * depth
        typer.echo(
            textwrap.fill(
                text, max(width, 40), initial_indent=start[2:] + bullet, subsequent_indent=start, break_long_words=False
            )
        )


def told(document: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Give the lines of a verified document and how deep each is: 0 for a line of its own, 1 or 2 for an entry."""
    d = document
    old, new = d["names"]
    yield 0, ("GRANTED: " if d["granted"] else "REFUSED: ") + str(d["words"])
    yield 0, ""
    yield (
        0,
        f"Compared: {new} with {old}, about {d['people']['n']:,} people, {d['people']['events']:,} with the outcome.",
    )
    yield 0, f"Declared: {d['utility']['name']}; error probability {d['alpha']:g}; bound '{d['bound']}'."
    yield 0, f"No group may lose {1000 * d['margin']:g} {d['utility']['words']} per 1,000 or more."
    if d["worst_off"] is not None:
        gain = {True: "gains", False: "a gain is not shown", None: "not counted here"}[d["improves"]]
        yield 0, f"Named beforehand as worst off: {': '.join(d['worst_off'])}; {gain}."
    yield 0, f"Issued: {d['date'] or 'no day given'}; plan {d['plan'][:16] + '…' if d['plan'] else 'not given'}."
    yield 0, ""
    yield 0, "Group by group"
    for attribute, groups in groupby(d["groups"], key=lambda g: str(g["attribute"])):
        yield 1, attribute
        for g in groups:
            yield 2, str(g["words"])
    if d["robust"]:
        yield 0, ""
        yield 0, "If the record misses cases"
        for r in d["robust"]:
            yield 1, str(r["words"])
    yield 0, ""
    yield 0, f"Promise: {d['guarantee']}"
    for heading, name in (("It holds if", "assumptions"), ("It does not say", "does_not_say")):
        yield 0, ""
        yield 0, heading
        for line in d[name]:
            yield 1, str(line)
    yield 0, ""
    yield 0, f"The file is as it was written (sha256 {d['sha256'][:16]}…). {SEAL}"


def _claims_to_be_one(file: Path) -> bool:
    """Say whether a file that was refused is a certificate by its own words: then it was edited."""
    from primum.certify.document import KIND

    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("kind") == KIND
