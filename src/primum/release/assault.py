"""The attack on a finished release folder: everything that a reader sees, against everything that follows from it.

In this order, cheapest first: is each number of people registered; does anything stand beside a withheld group; do
printed statistics say more than the counts; did anything change by a few people since an earlier release; and can any
count that is not shown be pinned from all that is, row by row, by linear and by integer programs. What is not decided
in time has failed.

Not covered: what a reader knows of single persons from elsewhere; models of one release against each other beyond
their totals; with rounded counts, score steps of different attributes against each other; text drawn as pixels.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from primum.disclose.attack import Verdict
from primum.disclose.presets import Policy
from primum.errors import PrimumError
from primum.execute.progress import Progress, Silent
from primum.release import bundle
from primum.release.earlier import apart_models, changed, changed_beside, gathered, same_people, sealed
from primum.release.gather import Seen, gather
from primum.release.hidden import True_
from primum.release.inverted import inverted
from primum.release.leak import Leak
from primum.release.numbers_seen import unregistered
from primum.release.pinned import Pinned, apart, pinned, small_rows
from primum.release.registered import Registered
from primum.release.unshown import beside_withheld, pictures

FORMAT = "primum attack 1"
STEPS = ("gather", "numbers", "withheld groups", "statistics", "earlier releases", "counts")
MOST = 12
ADVICE = {
    "withheld group": "where a group with few people is named, it is often the declared reference of its attribute, or "
    "a word in the title, the population or the question: declare another reference, join the group with others "
    "(labels, bins), or write the words without it, and audit again",
    "small count": "if the sentence is yours (a title, a population, an intended use), write it without numbers of "
    "people and audit again; if it is not, report this",
    "pinned": "leave out an attribute or an intersection, or join groups in the use case",
    "difference": "release the same people as before, or wait until enough people have joined or left",
    "not read": "take the file out: what cannot be read cannot be cleared",
    "picture": "hand the picture over with the counts behind it, or leave it out",
    "inversion": "report this: a printed statistic says more than the counts that it should come from",
}
"""Kind of leak → what to do about it."""
ADVICE["not registered"] = ADVICE["small count"]
TOGETHER = (
    "let only one of these releases leave: the same audit under other rules or at another threshold tells what lies "
    "between the two; make later ones by the rules of the first"
)
LATE = "allow the attack more time with --time-limit, or leave out an attribute or an intersection"


@dataclass(frozen=True)
class Assault:
    """What the attack tried and found.

    Attributes
    ----------
    name
        The release.
    passed
        Whether nothing leaked, and everything was decided in time.
    leaks
        What was found; those with the level "review" are for a person and do not fail.
    verdicts
        One for each count attacked.
    seen
        How much was gathered: files, lines, texts, registered counts, earlier releases.
    sizes
        (system, unknowns, equations, counts attacked, programs solved).
    verified
        How well the files were found to be those that were sealed.
    seconds
        By step.
    """

    name: str
    passed: bool
    leaks: tuple[Leak, ...]
    verdicts: tuple[Verdict, ...]
    seen: Mapping[str, int]
    sizes: tuple[tuple[str, int, int, int, int], ...]
    verified: str
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Leak, ...]:
        """What refuses the release."""
        return tuple(leak for leak in self.leaks if leak.level == "fail")

    @property
    def how(self) -> Mapping[str, int]:
        """How many counts were settled by which step."""
        return dict(Counter(v.how for v in self.verdicts))

    @property
    def summary(self) -> str:
        """The outcome in a sentence or two."""
        tried = f"{len(self.verdicts):,} counts were attacked in {sum(self.seconds.values()):.0f} s"
        if self.passed:
            return f"{tried}; none was pinned, and nothing else was found."
        first = self.failed[0]
        more = f", and {len(self.failed) - 1} more" if len(self.failed) > 1 else ""
        return f"{tried}; found: {first.where}: {first.said}{more}"

    @property
    def advice(self) -> str:
        """What to do about what was found, for each kind of it; "" where nothing was."""
        late = any(v.how == "no time" for v in self.verdicts if not v.passed)
        kinds = dict.fromkeys(leak.kind for leak in self.failed)
        pinned_ = LATE if late else TOGETHER if self.seen.get("earlier") else ADVICE["pinned"]
        told = dict.fromkeys(pinned_ if kind == "pinned" else ADVICE.get(kind, "") for kind in kinds)
        return "; ".join(t for t in told if t)

    def lines(self) -> list[str]:
        """Return the whole attack in lines that a person reads."""
        s = self.seen
        out = [
            f"release:  {self.name}; {self.verified}",
            (
                f"gathered: {s['files']:,} files, {s['lines']:,} rows, {s['texts']:,} texts, "
                f"{s['counts']:,} registered counts, {s['earlier']:,} earlier releases"
            ),
            f"attacked: {len(self.verdicts):,} counts in {len(self.sizes):,} systems, by "
            + ", ".join(f"{how} {n:,}" for how, n in sorted(self.how.items(), key=lambda x: -x[1])),
            "time:     " + ", ".join(f"{step} {t:.1f} s" for step, t in self.seconds.items()),
        ]
        out += [] if s["earlier"] else ["earlier:  none was given, so what two releases tell together was not tried"]
        out += [f"found:    {k.kind}: {k.where}: {k.said}" for k in self.failed[:MOST]]
        out += [f"          {len(self.failed) - MOST:,} more"] if len(self.failed) > MOST else []
        reviews = [k for k in self.leaks if k.level == "review"]
        out += [f"look at:  {k.kind}: {k.where}: {k.said}" for k in reviews[:MOST]]
        out += [f"to mend:  {self.advice}"] if self.advice else []
        return [*out, "outcome:  nothing was pinned" if self.passed else "outcome:  this release must not leave"]

    def dump(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "format": FORMAT, "name": self.name, "passed": self.passed, "verified": self.verified,
            "seen": dict(self.seen), "how": dict(self.how), "seconds": dict(self.seconds),
            "systems": [list(x) for x in self.sizes], "leaks": [asdict(x) for x in self.leaks],
            "failed": [{"where": v.where, "how": v.how, "why": v.why} for v in self.verdicts if not v.passed],
        }  # fmt: skip


def assault(
    folder: Path | str,
    *,
    ledger: Path | str | None = None,
    earlier: Sequence[Path | str] = (),
    truth: True_ | None = None,
    policy: Policy | None = None,
    time_limit: float = 60.0,
    progress: Progress | None = None,
    key: bytes | None = None,
) -> Assault:
    """Attack a release folder.

    Parameters
    ----------
    folder
        The release: `counts.json` and whatever stands beside it.
    ledger
        The project's ledger; all exports in it are taken into account.
    earlier
        Folders of earlier releases, under any preset; those about the same people are attacked with this one as one.
    truth
        (attribute, label) → (model, outcome, decision) → true people of each group without numbers of its own. Given
        inside only: then groups that are not named are attacked too, and the smallest must be wholly in the open.
    policy
        The rules, if they are known better than from `counts.json`: whether a certain zero may be told.
    time_limit
        Seconds for all of it; what is not decided by then has failed.
    progress
        Told of each step.
    key
        The project's key, of the ledger and of the seals.

    Raises
    ------
    PrimumError
        If it is no release folder, its files are not those that were sealed, an earlier release is missing from the
        ledger, the ledger was edited or its clock ran backwards, or the time limit is not positive.
    """
    if not time_limit > 0:
        raise PrimumError(f"A time limit of {time_limit} seconds.", expected="more than 0")
    deadline, listen = time.monotonic() + time_limit, progress or Silent()
    clock: dict[str, float] = {}
    root = Path(folder)

    def begin(step: str) -> None:
        now = time.monotonic()
        for name, start in clock.items():
            if start > 1e-3 and name not in spent:
                spent[name] = round(now - start, 3)
        clock[step] = now
        listen.step(STEPS.index(step), len(STEPS), step)

    spent: dict[str, float] = {}
    begin("gather")
    seen = gather(root)
    verified = _verified(root, key)
    leaks = [Leak("not read", p.partition(": ")[0], p.partition(": ")[2] or p) for p in seen.problems]
    begin("numbers")
    leaks += unregistered(seen)
    begin("withheld groups")
    few = [place for place, counts in (truth or {}).items() if few_people(counts, seen.registered.t)]
    leaks += [*beside_withheld(seen, few), *pictures(seen)]
    begin("statistics")
    leaks += inverted(seen)
    begin("earlier releases")
    before, unread = gathered(root, ledger, earlier, key)
    leaks += unread
    together = [seen.registered]
    for other in before:
        leaks += changed_beside(seen.registered, other)
        if same_people(seen.registered, other):
            together.append(apart_models(seen.registered, other))
        else:
            leaks += changed(seen.registered, other)
    begin("counts")
    zeros = policy["zeros"] == "fail" if policy is not None else False
    found = pinned(together, truth=truth, deadline=deadline, zeros=zeros)
    verdicts = (*small_rows(seen.registered), *apart(seen.registered), *found.verdicts)
    leaks += [Leak("pinned", v.where, v.why) for v in verdicts if not v.passed]
    leaks += _unplaced(found)
    spent["counts"] = round(time.monotonic() - clock["counts"], 3)
    passed = not any(leak.level == "fail" for leak in leaks)
    return Assault(
        name=seen.registered.name, passed=passed, leaks=tuple(leaks), verdicts=verdicts, seen=_size(seen, before),
        sizes=found.sizes, verified=verified, seconds={k: spent[k] for k in STEPS if k in spent},
    )  # fmt: skip


def few_people(counts: Mapping[Any, int], t: int) -> bool:
    """Whether fewer than t people have a label, by the first model that tells."""
    models = list(dict.fromkeys(m for m, *_ in counts))
    return bool(models) and sum(n for (m, *_), n in counts.items() if m == models[0]) < t


def _verified(root: Path, key: bytes | None) -> str:
    head = sealed(root)
    return bundle.verify(root, key) if head.get("files") else "it is not sealed yet"


def _unplaced(found: Pinned) -> list[Leak]:
    said = "It is registered for a group that the register does not describe, so that nothing can be shown about it."
    return [Leak("not read", where, said) for where in found.unplaced]


def _size(seen: Seen, before: Sequence[Registered]) -> dict[str, int]:
    return {
        "files": len(seen.files), "lines": len(seen.lines), "texts": len(seen.prose),
        "counts": len(seen.registered.rows), "earlier": len(before),
    }  # fmt: skip
