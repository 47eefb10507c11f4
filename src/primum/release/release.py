"""A release from start to end: protected, measured again, written, attacked, sealed; in place whole, or not at all."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import primum
from primum.atomic import write_bytes
from primum.disclose import containers, ledger
from primum.disclose.recode import Recoded, recode
from primum.errors import PrimumError
from primum.execute.progress import Progress, Silent
from primum.execute.run import FINDINGS_VERSION, Run
from primum.execute.store import plain, write_json
from primum.release import bundle, logs
from primum.release.about import about, assessable, private_cells
from primum.release.assault import Assault, assault, few_people
from primum.release.beside import beside
from primum.release.exceptions import covering
from primum.release.gather import gather
from primum.release.measured import measure
from primum.release.numbers_seen import unregistered
from primum.release.order import Order, units
from primum.release.papers import papers
from primum.release.record import record
from primum.release.register import Hidden, register, truth
from primum.release.unshown import beside_withheld

FORMAT = "primum release 1"
ALONE = "no ledger and no earlier release: nothing protects against what this and an earlier release tell together"
STEPS = ("protect", "measure", "report", "attack", "papers", "seal")


@dataclass(frozen=True)
class Released:
    """A finished release.

    Attributes
    ----------
    folder, zip
        What may leave, after the output checker has looked.
    assault
        What the attack tried and found.
    assessable
        Groups with a verdict of their own inside and in the release, each as (so many, of how many).
    seconds
        By step.
    """

    folder: Path
    zip: Path
    assault: Assault
    assessable: Mapping[str, tuple[int, int]]
    seconds: Mapping[str, float]


def release(run: Run, wanted: Order, out: Path, *, progress: Progress | None = None, pdf: bool = True) -> Released:
    """Write a release folder and its zip.

    Parameters
    ----------
    run
        The finished audit, as it was made in the room. It is only read; the private log is added to its folder.
    wanted
        By which rules, and who answers for it; see `order`.
    out
        The folder of the release; it must not be there.
    pdf
        Whether to typeset the report too.

    Raises
    ------
    PrimumError
        If nothing may leave, the folder is there, the attack pins a count or runs out of time, or a file holds what
        may not leave. Nothing is then written to the folder.
    """
    listen, seconds = progress or Silent(), dict.fromkeys(STEPS, 0.0)
    target, archive = Path(out), bundle.archive_path(Path(out), wanted.policy.name)
    for path in (target, archive, bundle.archive_path(target, wanted.policy.name, small=True)):
        if path.exists():
            raise PrimumError(f"'{path}' is there already; it was left as it is.", mend="choose another with --out")
    if target.resolve().is_relative_to(run.path.resolve()):
        raise PrimumError(
            f"'{target}' lies in the folder of the audit, which stays in the room.",
            mend="choose a folder outside of it with --out",
        )
    _name_is_free(wanted)
    inside = target.parent / f".{target.name}.part"
    shutil.rmtree(inside, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    inside.mkdir(mode=0o700)  # until it was attacked, nobody else reads it
    kept = None if wanted.ledger is None or not wanted.ledger.exists() else wanted.ledger.stat().st_size
    listen.start(list(STEPS))
    try:
        with _Step("protect", listen, seconds):
            recoded = _protected(run, wanted)
        with _Step("measure", listen, seconds):
            extra = beside(run, recoded, units(run, wanted.exemptions), key=wanted.key)
            counts = register(recoded, run, extra)
            told = about(recoded, wanted)
            new = measure(run, recoded, inside / "run", about=told, beside=extra)
        folder = inside / "release"
        with _Step("report", listen, seconds):
            _written(new, counts, folder, pdf=pdf)
        with _Step("attack", listen, seconds):
            hidden = truth(recoded, run)
            attacked = assault(
                folder,
                ledger=wanted.ledger,
                earlier=wanted.earlier,
                truth=hidden,
                policy=wanted.policy,
                time_limit=float(wanted.policy["audit_time_limit"]),
                key=wanted.key or None,
            )
            _held(attacked)
        with _Step("papers", listen, seconds):
            papers(new, run, counts, folder, wanted, recoded, attacked, target)
        with _Step("seal", listen, seconds):
            (folder / "release.json").unlink()
            _clean(folder)
            _read_again(folder, hidden)
            entry = record(wanted, counts, run)
            _sealed(folder, wanted, run, entry)
            archive = bundle.archive_path(target, wanted.policy.name, small=bundle.light(folder))
            made = bundle.bundle(folder, inside / archive.name)
            logs.append_private(
                run.path / "private-log.jsonl",
                wanted.name,
                private_cells(hidden, wanted.policy),
                away_from=folder,
                exceptions=[e.row() for e in wanted.exemptions],
                notes=[] if wanted.ledger or wanted.earlier else [ALONE],
            )
            folder.rename(target)
            made.rename(archive)
    except BaseException:
        _withdrawn(wanted, kept)
        raise
    finally:
        shutil.rmtree(inside, ignore_errors=True)
    return Released(target, archive, attacked, assessable(run.findings, new.findings), seconds)


def _name_is_free(wanted: Order) -> None:
    """Refuse a name that the ledger holds already, before any work is done."""
    if wanted.ledger is None or not wanted.ledger.exists():
        return
    if wanted.name in {e.name for e in ledger.read(wanted.ledger, key=wanted.key or None)}:
        raise PrimumError(
            f"The ledger already holds an export '{wanted.name}'.", mend="give this one a name of its own with --name"
        )


def _withdrawn(wanted: Order, size: int | None) -> None:
    """Take the entry of a release that was not made out of the ledger again; it is its last line, and ours."""
    if wanted.ledger is None or not wanted.ledger.exists():
        return
    if size is None:
        wanted.ledger.unlink()
    elif wanted.ledger.stat().st_size > size:
        os.truncate(wanted.ledger, size)


@dataclass
class _Step:
    """Tells a step to the listener, and takes its time."""

    name: str
    listen: Progress
    seconds: dict[str, float]
    begun: float = 0.0

    def __enter__(self) -> None:
        self.listen.chapter(self.name)
        self.begun = time.perf_counter()

    def __exit__(self, kind: object, *_: object) -> None:
        self.seconds[self.name] = round(time.perf_counter() - self.begun, 3)
        if kind is None:
            self.listen.done(self.name)


def _protected(run: Run, wanted: Order) -> Recoded:
    cuts = {m["name"]: float(m["threshold"]) for m in run.chapters["models"]["models"]}
    groups = [(g.title, tuple(g.intersection) if g.intersection else (g.title,)) for g in run.usecase.groups]
    return recode(
        run.tallies,
        cuts,
        groups,
        wanted.policy,
        units=units(run, wanted.exemptions),
        key=wanted.key,
        zeros=True if covering(wanted.exemptions, "R2") else None,
    )


def _written(new: Run, counts: Mapping[str, Any], folder: Path, *, pdf: bool) -> None:
    """Write everything that a reader reads."""
    from primum.assure.case import assurance
    from primum.assure.document import write as write_case
    from primum.report.render import render

    write_json(folder / "counts.json", counts)
    findings = {
        "schema_version": FINDINGS_VERSION,
        "plan": new.plan.hash[:12],
        "created": new.plan.created[:10],
        "findings": [f.row() for f in new.findings],
    }
    write_json(folder / "findings.json", findings)
    render(new, folder, pdf=pdf, export=True)
    write_case(assurance(new), folder / "claims.json")


def _held(attacked: Assault) -> None:
    if not attacked.passed:
        raise PrimumError(
            f"The attack on this release succeeded, so it does not exist. {attacked.summary}",
            expected="no count below the threshold can be found out",
            mend=attacked.advice or "allow the attack more time with --time-limit",
        )


def _read_again(folder: Path, hidden: Hidden) -> None:
    """Read the finished folder once more, now with its papers, for numbers that nobody registered."""
    seen = gather(folder)
    few = [place for place, counts in hidden.items() if few_people(counts, seen.registered.t)]
    leaks = [k for k in (*unregistered(seen), *beside_withheld(seen, few)) if k.level == "fail"]
    if leaks:
        raise PrimumError(
            f"The papers of this release say too much: {leaks[0].where}: {leaks[0].said}",
            mend="report this; the release was not made",
        )


def _sealed(folder: Path, wanted: Order, run: Run, entry: ledger.Entry | None) -> None:
    head: dict[str, Any] = {
        "format": FORMAT,
        "name": wanted.name,
        "date": wanted.date,
        "primum": primum.__version__,
        "preset": wanted.policy.name,
        "policy": wanted.policy.words,
        "plan": run.plan.hash[:12],
        "exceptions": [e.row() for e in wanted.exemptions],
        "ledger": None if entry is None else {"number": entry.number, "hash": entry.hash},
    }
    head["files"] = bundle.seal(folder, wanted.key)
    if wanted.policy.name == "ons_sdap" and wanted.key:
        for path, line in bundle.checksums(head["files"]).items():
            write_bytes(folder / path, line.encode())
        head["files"] = bundle.seal(folder, wanted.key)
    head = bundle.signed(plain(head), wanted.key or None)
    text = json.dumps(head, ensure_ascii=False, indent=1, allow_nan=False)
    write_bytes(folder / "release.json", text.encode())


def _clean(folder: Path) -> None:
    """Refuse files with content that may not leave."""
    found = [h for h in containers.forbidden(folder) if h.level == "fail"]
    if found:
        where = found[0].file.relative_to(folder) if found[0].file.is_relative_to(folder) else found[0].file
        raise PrimumError(
            f"{len(found)} places in the files may not leave, such as {found[0].what} in '{where}'.",
            mend=found[0].form,
        )
