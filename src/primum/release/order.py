"""What is asked of a release: the rules, who answers for what, and where the room keeps its secrets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from primum.disclose.presets import Policy, preset
from primum.disclose.recode import HOUSEHOLDS, INSTITUTIONS, PERSONS, REST
from primum.errors import PrimumError
from primum.execute.run import Run
from primum.measure.table import EVERYONE
from primum.release import phenotypes
from primum.release.exceptions import Exemption, covering, parse_all

_KEY_BYTES = 16
LEVELS = (
    (HOUSEHOLDS, "t_household", "R1 households", "family"),
    (INSTITUTIONS, "t_institution", "R1 institutions", "site"),
)


@dataclass(frozen=True)
class Order:
    """What a release is made by.

    Attributes
    ----------
    policy
        The rules.
    name, date
        Of the release; the day, ISO 8601.
    exemptions, signatures
        Rules set aside, and phenotypes signed off, each by a named person.
    ledger
        The file of everything that ever left; None for no ledger.
    key
        The project's secret, for seals and keyed rounding; empty without one.
    earlier
        Folders of earlier releases about the same people.
    project
        The project's own phenotypes; None without any.
    """

    policy: Policy
    name: str
    date: str
    exemptions: tuple[Exemption, ...] = ()
    signatures: tuple[phenotypes.Signature, ...] = ()
    ledger: Path | None = None
    key: bytes = b""
    earlier: tuple[Path, ...] = ()
    project: phenotypes.Project | None = None


def order(
    run: Run,
    preset_name: str | Path,
    *,
    name: str = "",
    exceptions: Sequence[str] = (),
    by: str | None = None,
    signed: Sequence[str] = (),
    project: str | Path | None = None,
    ledger: str | Path | None = None,
    key_file: str | Path | None = None,
    earlier: Sequence[str | Path] = (),
    now: dt.datetime | None = None,
    **overrides: Any,
) -> Order:
    """Return what a release is made by, after checking that it can be made at all.

    Parameters
    ----------
    run
        The audit, as it was made in the room.
    preset_name
        Name or file of the rules; `overrides` change its numbers towards the strict side.
    name
        Of the release; by default from the audit, the preset and the day.
    exceptions, by
        "RULE: reason" of each rule that is set aside, and who answers for it.
    signed
        "PHENOTYPE: NAME" of each phenotype that needs a signature.
    project
        File of the project's own phenotypes.
    ledger, key_file, earlier
        See `Order`.

    Raises
    ------
    PrimumError
        For an unknown or too weak preset, an exception or signature that lacks something, a missing identifier of
        households or institutions, a threshold that is somebody's score, or a run that is a release already.
    """
    if "release" in run.manifest:
        raise PrimumError(
            f"'{run.path}' is a release already.",
            expected="the folder of an audit, as it was made in the room",
            mend="give the run folder of the audit",
        )
    _can_leave(run)
    moment = now or dt.datetime.now().astimezone()
    policy = preset(preset_name, **overrides)
    exempt = parse_all(exceptions, by=by, now=moment)
    _weights_answered_for(run, exempt)
    if policy["rounding"] == "keyed" and int(policy["t"]) % int(policy["base"]):
        raise PrimumError(
            f"Keyed rounding to base {policy['base']} may show a count of {policy['t']} as fewer than {policy['t']}.",
            expected=f"a threshold t that is a multiple of {policy['base']}",
            mend=f"raise it: --t {int(policy['base']) * -(-int(policy['t']) // int(policy['base']))}",
        )
    _known_units(run, policy, exempt)
    _public_threshold(run)
    key = _key(key_file)
    if policy["rounding"] == "keyed" and not key:
        raise PrimumError("Keyed rounding needs the project's key.", mend="give its file with --key-file")
    signatures = phenotypes.sign(signed, on=moment.date())
    own = phenotypes.read(project) if project is not None else None
    phenotypes.require(phenotypes.needed(names(run), own), signatures)
    for folder in earlier:
        if not (Path(folder) / "counts.json").is_file():
            raise PrimumError(f"'{folder}' is not the folder of a release.", expected="a folder with counts.json")
    day = moment.date().isoformat()
    return Order(
        policy=policy,
        name=name or f"{run.usecase.name}-{policy.name}-{day}",
        date=day,
        exemptions=exempt,
        signatures=signatures,
        ledger=None if ledger is None else Path(ledger),
        key=key,
        earlier=tuple(Path(e) for e in earlier),
        project=own,
    )


def _can_leave(run: Run) -> None:
    """Refuse labels that mean something else in a release."""
    for g in run.usecase.groups:
        taken = {REST, EVERYONE} & {r["group"] for r in _estimated(run) if r["attribute"] == g.title}
        if taken:
            raise PrimumError(
                f"A group of '{g.title}' is called '{min(taken)}', which means something else in a release.",
                mend="give it another name under 'labels' in the use case",
            )


def _weights_answered_for(run: Run, exemptions: Sequence[Exemption]) -> None:
    """Refuse a weighted audit for which nobody answers: what weights give away cannot be seen from the counts alone."""
    if run.usecase.weight is None or covering(exemptions, "R3 weights") is not None:
        return
    raise PrimumError(
        "This audit is weighted. Thresholds and dominance are looked at, but whoever knows the weights may tell from a "
        "mean weight how many people of a stratum are in a cell (few different weights), or where somebody heavy is.",
        expected="a person who has judged this for these weights",
        mend="audit again without 'weight'; or, where weights take many values, none much larger than the others, and "
        "are not known outside, say so with --exception 'R3 weights: reason' --by NAME",
    )


def _estimated(run: Run) -> list[dict[str, Any]]:
    return list(run.chapters.get("groups", {}).get("estimates", []))


def units(run: Run, exemptions: Sequence[Exemption]) -> dict[str, Any]:
    """Return the tallies of persons, households and institutions by which this release is protected."""
    set_aside = {unit for unit, _, rule, _ in LEVELS if covering(exemptions, rule) is not None}
    return {unit: dict(found) for unit, found in run.units.items() if unit == PERSONS or unit not in set_aside}


def _known_units(run: Run, policy: Policy, exemptions: Sequence[Exemption]) -> None:
    for unit, key, rule, column in LEVELS:
        if not isinstance(policy[key], int) or unit in run.units or covering(exemptions, rule) is not None:
            continue
        one = unit.removesuffix("s")
        raise PrimumError(
            f"The preset '{policy.name}' needs at least {policy[key]} {unit} behind every count, and this audit does "
            f"not know who belongs to which {one}.",
            expected=f"identifiers: {{{column}: COLUMN}} in the use case",
            mend=f"declare the column and audit again; or, where every person has a {one} of their own, say so with "
            f"--exception '{rule}: reason' --by NAME",
        )


def _public_threshold(run: Run) -> None:
    if run.usecase.decision.threshold is None:
        raise PrimumError(
            "The threshold of this audit was set by its capacity: it is the score of one of the people.",
            expected="a declared decision threshold, which depends on nobody",
            mend="declare the nearest whole per cent as decision: {threshold: …} and audit again",
        )


def _key(file: str | Path | None) -> bytes:
    if file is None:
        return b""
    path = Path(file)
    if not path.is_file():
        raise PrimumError(f"There is no key file '{path}'.", mend="make one: head -c 32 /dev/urandom > FILE")
    key = path.read_bytes().strip()
    if len(key) < _KEY_BYTES:
        raise PrimumError(
            f"The key in '{path}' has {len(key)} bytes.",
            expected=f"at least {_KEY_BYTES}",
            mend="make one: head -c 32 /dev/urandom > FILE; keep it in the room, for this project alone",
        )
    return key


def names(run: Run) -> list[str]:
    """Return what a release names: the use case, its outcome, groups and features."""
    usecase = run.usecase
    return [usecase.name, usecase.title, usecase.outcome.name, *(g.title for g in usecase.groups), *usecase.features]
