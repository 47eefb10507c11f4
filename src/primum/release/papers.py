"""The papers that go with a release: the control forms, what every file shows, and the public log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import primum
from primum.atomic import write_bytes
from primum.disclose.recode import PERSONS, Recoded
from primum.disclose.rounding import Mode, rounded
from primum.execute.run import Run
from primum.execute.store import write_json
from primum.release import bundle, outputs
from primum.release.about import reviews
from primum.release.assault import Assault
from primum.release.form import Attacked, Facts, Scanned, draft, languages
from primum.release.order import Order, units


def papers(
    new: Run,
    run: Run,
    counts: Mapping[str, Any],
    folder: Path,
    wanted: Order,
    recoded: Recoded,
    attacked: Assault,
    target: Path,
) -> None:
    """Write the control forms, the description of every file, and the public log.

    Parameters
    ----------
    new, run
        The release measured again, and the audit that was made in the room.
    counts
        The register.
    folder, target
        Where the release is made, and where it will stand.
    wanted, recoded, attacked
        By which rules, with what protected, and what the attack found.
    """
    told = new.manifest["release"]
    write_json(folder / "public-log.json", told["log"])
    forms = [f"control-form.{language}.txt" for language in languages()]
    acro = ["results.json"] if wanted.policy.name == "ons_sdap" else []
    for name in (*forms, *acro, "outputs.csv", "n-behind-figures.csv", "release.json"):
        (folder / name).touch()  # they describe themselves too
    paths = [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file()]
    described = outputs.describe(paths, counts, population=new.usecase.population)
    write_bytes(folder / "outputs.csv", outputs.to_table(described))
    write_bytes(folder / "n-behind-figures.csv", outputs.figures_table(described, counts))
    if acro:
        write_json(
            folder / "results.json",
            outputs.acro_results(described, told | {"exceptions": [e.row() for e in wanted.exemptions]}),
        )
    facts = _facts(new, run, described, wanted, recoded, attacked, folder, target)
    for language in languages():
        write_bytes(folder / f"control-form.{language}.txt", draft(facts, language).encode())


def _facts(
    new: Run,
    run: Run,
    described: tuple[outputs.Output, ...],
    wanted: Order,
    recoded: Recoded,
    attacked: Assault,
    folder: Path,
    target: Path,
) -> Facts:
    told, people = new.manifest["release"], next(iter(recoded.everyone.values()))
    known: dict[str, int | None] = dict.fromkeys(("persons", "households", "institutions"))
    others = {u: t for u, t in units(run, wanted.exemptions).items() if u != PERSONS}
    counted = {u: _rounded(int(next(iter(t.values())).n.sum()), wanted) for u, t in others.items()}
    small = bundle.light(folder)
    several = PERSONS in run.units  # records of the same person: how many persons they are would tell the difference
    return Facts(
        name=wanted.name,
        date=wanted.date,
        version=primum.__version__,
        plan=new.plan.hash[:12],
        policy=wanted.policy,
        population=new.usecase.population,
        outcome=new.usecase.outcome.name,
        models=list(recoded.cuts),
        outputs=described,
        units={**known, **counted, "persons": None if several else int(people.n.sum())},
        withheld=told["withheld"],
        attacked=Attacked(
            protected=len(attacked.verdicts),
            releases=attacked.seen["counts"],
            earlier_exports=attacked.seen["earlier"],
            steps=dict(attacked.how),
            seconds=sum(attacked.seconds.values()),
        ),
        scanned=Scanned(files=len(described)),
        weighted=new.usecase.weight is not None,
        exceptions=wanted.exemptions,
        signatures=wanted.signatures,
        review=reviews(recoded, run, wanted),
        bundle=bundle.archive_path(target, wanted.policy.name, small=small).name,
        light=small,
        ledger=wanted.ledger is not None or bool(wanted.earlier),
    )


def _rounded(n: int, wanted: Order) -> int:
    """Return a number of units as the policy rounds it; keyed rounding has no key for units, so it goes to the base."""
    mode: Mode = "conventional" if wanted.policy["rounding"] == "keyed" else wanted.policy["rounding"]
    return rounded(n, mode, int(wanted.policy["base"]))
