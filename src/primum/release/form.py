"""The control form of a release, drafted in plain text: what a person completes, checks and signs.

One text in each language of `strings/`; a language is one file. Numbers are written without separators, so that no
reader and no program takes a thousand for a fraction. primum never declares an output safe in law.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from primum.disclose.presets import Policy
from primum.errors import PrimumError, unknown
from primum.release.exceptions import Exemption
from primum.release.logs import generalised
from primum.release.outputs import Output
from primum.release.phenotypes import Signature
from primum.yaml_text import parse

WIDTH = 96
REVIEWS = ("share", "certainty", "institution", "model", "phenotype", "filter", "hash", "own", "file")
Review = tuple[str, str]
"""A kind in `REVIEWS`, and where."""
_BEHIND = "n-behind-figures.csv"
_UNITS = (("persons", "t"), ("households", "t_household"), ("institutions", "t_institution"))


@dataclass(frozen=True)
class Attacked:
    """What became of the attack on the release.

    Attributes
    ----------
    protected
        Withheld counts that were attacked.
    releases, earlier_exports, earlier_numbers
        Published numbers of this export, earlier exports and their numbers that were taken into account.
    incomparable
        Earlier numbers that could not be compared.
    steps
        How many counts each step decided: "row space", "linear program", "integer program".
    seconds
        How long it took.
    passed
        Whether nothing leaked; there is no form otherwise.
    """

    protected: int
    releases: int
    earlier_exports: int = 0
    earlier_numbers: int = 0
    incomparable: int = 0
    steps: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    passed: bool = True


@dataclass(frozen=True)
class Scanned:
    """What became of the search through the files: how many, planted values, content that may not leave."""

    files: int
    canaries: int = 0
    failures: int = 0


@dataclass(frozen=True)
class Facts:
    """All that a form tells.

    Attributes
    ----------
    name, date, version, plan
        The export, its day (ISO 8601), the version of primum, the first characters of the plan's hash.
    policy
        The rules.
    population, outcome, models
        Which people in words, the outcome, the models assessed.
    outputs
        Every file.
    units
        Unweighted "persons", "households" and "institutions"; None where they were not counted.
    withheld
        Class of reason → number as the public log tells it.
    attacked, scanned
        What the attack and the search found.
    weighted
        Whether the estimates are.
    exceptions, signatures, review
        Rules set aside, phenotypes signed off, and what the checker must judge.
    project, researcher, bundle
        Left blank for a person where they are empty.
    ledger
        Whether the project keeps one, so that earlier exports were compared.
    light
        Whether the bundle has the prefix of a small output.
    """

    name: str
    date: str
    version: str
    plan: str
    policy: Policy
    population: str
    outcome: str
    models: Sequence[str]
    outputs: Sequence[Output]
    units: Mapping[str, int | None]
    withheld: Mapping[str, str]
    attacked: Attacked
    scanned: Scanned
    weighted: bool = False
    exceptions: Sequence[Exemption] = ()
    signatures: Sequence[Signature] = ()
    review: Sequence[Review] = ()
    project: str = ""
    researcher: str = ""
    bundle: str = ""
    light: bool = False
    ledger: bool = True


def languages() -> tuple[str, ...]:
    """Return the languages there are: "en", "nl"."""
    folder = files("primum.release").joinpath("strings")
    return tuple(sorted(p.name.removesuffix(".yaml") for p in folder.iterdir() if p.name.endswith(".yaml")))


@cache
def strings(language: str) -> Mapping[str, Any]:
    """Return the words of a language.

    Raises
    ------
    PrimumError
        If it is not there.
    """
    if language not in languages():
        raise unknown("language", language, languages())
    text = files("primum.release").joinpath("strings", f"{language}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = parse(text)
    return found


def draft(facts: Facts, language: str = "en") -> str:
    """Return the control form.

    Raises
    ------
    PrimumError
        For a language that is not there, an attack that succeeded, a file that may not leave, or a kind of review
        that is not known: there is no form for what is not released.
    """
    _leaves(facts)
    say = strings(language)
    parts = (_request, _rules, _people, _outputs, _withheld, _rounding, _attack, _scan, _exceptions, _review, _process,
             _declaration)  # fmt: skip
    lines = [say["title"], "=" * len(say["title"]), "", *_wrapped(say["intro"].format(version=facts.version))]
    for number, part in enumerate(parts, start=1):
        title = f"{number}. {say['heading'][part.__name__[1:]]}"
        lines += ["", title, "-" * len(title), *part(facts, say)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _leaves(facts: Facts) -> None:
    if not facts.attacked.passed or facts.scanned.failures:
        what = "The attack on it succeeded" if not facts.attacked.passed else "A file holds what may not leave"
        raise PrimumError(
            f"There is no control form for '{facts.name}'. {what}.",
            mend="withhold or merge more, and make the release again",
        )
    blocked = [o.path for o in facts.outputs if o.status == "blocked"]
    if blocked:
        raise PrimumError(f"'{blocked[0]}' is blocked and may not leave.", mend="leave the file out")
    for kind, _ in facts.review:
        if kind not in REVIEWS:
            raise unknown("kind of review", kind, REVIEWS)


def _request(facts: Facts, say: Mapping[str, Any]) -> Iterator[str]:
    ask, blank = say["request"], say["blank"]
    given = {
        "project": facts.project or blank, "researcher": facts.researcher or blank, "organisation": blank,
        "contact": blank, "purpose": blank, "name": facts.name, "date": facts.date, "bundle": facts.bundle or blank,
        "files": str(len(facts.outputs)), "plan": facts.plan, "outcome": facts.outcome,
        "models": ", ".join(facts.models),
    }  # fmt: skip
    for key, value in given.items():
        yield from _wrapped(f"{ask[key]}: {value}")
    if facts.light:
        yield from _wrapped(ask["light"])


def _rules(facts: Facts, say: Mapping[str, Any]) -> Iterator[str]:
    ask, policy = say["rules"], facts.policy
    own = say["presets"].get(policy.name, {"title": policy.title, "note": policy.note})
    for key, value in (("preset", f"{policy.name}, {own['title']}"), ("date", policy.date), ("note", own["note"])):
        yield from _wrapped(f"{ask[key]}: {value}")
    if policy.floor:
        yield from _wrapped(ask["floor"].format(name=policy.floor))
    yield from _wrapped(ask["advice"])
    for name in say["numbers"]:
        fact = policy.facts[name]
        value = _value(name, fact.value, say)
        line = ask["number"].format(name=say["numbers"][name], value=value, status=say["status"][fact.status])
        yield from _wrapped(f"- {line}")
    changed = [
        ask["override"].format(name=say["numbers"][name], new=_value(name, new, say), old=_value(name, old, say))
        for name, old, new in policy.overrides
    ]
    yield from _wrapped(f"{ask['overrides']}: {'; '.join(changed) or say['none']}")


def _people(facts: Facts, say: Mapping[str, Any]) -> Iterator[str]:
    ask = say["people"]
    yield from _wrapped(f"{ask['population']}: {facts.population}")
    set_aside = {e.rule.removeprefix("R1 ") for e in facts.exceptions}
    for unit, key in _UNITS:
        n, least = facts.units.get(unit), facts.policy[key]
        if n is None and least is None:
            continue
        told = "" if n is None else _told(n, int(facts.policy["t"]), say)
        which = f"{unit}_review" if least == "review" else unit
        if unit in set_aside:
            which = "set_aside"
        if n is None:
            which = "not_counted"
        limit = say["none"] if least is None else least
        yield from _wrapped(ask[which].format(t=limit, n=told, unit=say["unit"][unit]))
    yield from _wrapped(ask["weighted" if facts.weighted else "unweighted"])
    yield from _wrapped(ask["group"])


def _outputs(facts: Facts, say: Mapping[str, Any]) -> Iterator[str]:
    ask = say["outputs"]
    yield from _wrapped(ask["intro"])
    for o in facts.outputs:
        numbers = ask["nobody"] if o.n is None else ask["line"].format(n=o.n, smallest=o.smallest)
        line = f"{say['kind'][o.kind]}, {say['statistic'][o.statistic]}; {numbers}; {say['output_status'][o.status]}"
        yield f"- {o.path}"
        yield from _wrapped(f"    {line}")
    if any(o.path == _BEHIND for o in facts.outputs):
        yield from _wrapped(ask["figures"].format(file=_BEHIND))


def _withheld(facts: Facts, say: Mapping[str, Any]) -> Iterator[str]:
    ask, t = say["withheld"], facts.policy["t"]
    yield from _wrapped(ask["intro"].format(t=t))
    for reason, told in facts.withheld.items():
        bound = say["some"] if told == "some" else say["more"] if told.endswith("more") else say["fewer"]
        n = told if told.isdigit() else bound.format(t=t)
        yield from _wrapped(f"- {ask['line'].format(reason=say['reason'][reason], n=n)}")
    yield from _wrapped(ask["marker"])
    yield from _wrapped(ask["joined"])


def _rounding(facts: Facts, say: Mapping[str, Any]) -> Iterator[str]:
    ask, policy = say["rounding"], facts.policy
    yield from _wrapped(ask[policy["rounding"]].format(base=policy["base"]))
    yield from _wrapped(ask["rates"].format(digits=policy["max_digits"]))


def _attack(facts: Facts, say: Mapping[str, Any]) -> Iterator[str]:
    ask, did, policy = say["attack"], facts.attacked, facts.policy
    t = int(policy["t"])
    if did.protected:
        yield from _wrapped(ask["passed"].format(t=t, w=policy["w"]))
        yield from _wrapped(_attacked(facts, say))
    else:
        yield from _wrapped(ask["nothing"])
    yield from _wrapped(ask["numbers"].format(releases=did.releases))
    if did.earlier_exports:
        yield from _wrapped(ask["earlier"].format(exports=did.earlier_exports, numbers=did.earlier_numbers))
    else:
        yield from _wrapped(ask["no_earlier" if facts.ledger else "no_ledger"])
    if did.incomparable:
        yield from _wrapped(ask["incomparable"].format(n=did.incomparable))
    if did.protected:
        steps = ", ".join(say["step"][how] for how, n in sorted(did.steps.items()) if n)
        if steps:
            yield from _wrapped(ask["steps"].format(steps=steps))
        limit = f"{policy['audit_time_limit']:g}"
        yield from _wrapped(ask["time"].format(seconds=max(math.ceil(did.seconds), 1), limit=limit))
    yield from _wrapped(ask["limits"])


def _attacked(facts: Facts, say: Mapping[str, Any]) -> str:
    """Return how many counts were attacked, unless that and the classes told would give a class that is not told."""
    t, ask = int(facts.policy["t"]), say["attack"]
    if any(not told.isdigit() for told in facts.withheld.values()):
        return str(ask["no_number"])
    return str(ask["number"].format(n=_told(facts.attacked.protected, t, say)))


def _scan(facts: Facts, say: Mapping[str, Any]) -> Iterator[str]:
    ask = say["scan"]
    yield from _wrapped(ask["passed"].format(files=facts.scanned.files))
    if facts.scanned.canaries:
        yield from _wrapped(ask["canaries"].format(n=facts.scanned.canaries))
    yield from _wrapped(ask["limits"])


def _exceptions(facts: Facts, say: Mapping[str, Any]) -> Iterator[str]:
    ask = say["exceptions"]
    if not facts.exceptions:
        yield from _wrapped(ask["none"])
    for e in facts.exceptions:
        told = ask["line"].format(rule=say["rule"][e.rule], reason=e.reason, person=e.person, date=e.date)
        yield from _wrapped(f"- {told}")
    for s in facts.signatures:
        yield from _wrapped(f"- {ask['signed'].format(phenotype=s.phenotype, person=s.person, date=s.date)}")


def _review(facts: Facts, say: Mapping[str, Any]) -> Iterator[str]:
    ask = say["review"]
    if not facts.review:
        yield from _wrapped(ask["none"])
    for kind, where in dict.fromkeys(facts.review):
        yield from _wrapped(f"[ ] {ask[kind].format(where=where)}")


def _process(facts: Facts, say: Mapping[str, Any]) -> Iterator[str]:
    yield from _wrapped(say["process"]["intro"])
    name = facts.policy.name if facts.policy.name in say["presets"] else facts.policy.floor or "strict_lp"
    for item in say["presets"][name]["process"]:
        told = say["process"]["line"].format(text=item["text"], status=say["status"][item["status"]])
        yield from _wrapped(f"- {told}")


def _declaration(facts: Facts, say: Mapping[str, Any]) -> Iterator[str]:  # noqa: ARG001  every part is called alike
    ask, blank = say["declaration"], say["blank"]
    yield from _wrapped(ask["intro"])
    for key in ("checked", "needed", "told", "knowledge", "judged"):
        yield from _wrapped(f"[ ] {ask[key]}")
    yield ""
    yield from (f"{ask[key]}: {blank}" for key in ("name", "place", "signature"))
    yield ""
    yield from (f"{ask[key]}: {blank}" for key in ("checker", "decision"))


def _told(n: int, t: int, say: Mapping[str, Any]) -> str:
    """Return a number of people or cells; below t by its bound only."""
    told = generalised(n, t)
    return told if told.isdigit() else str(say["fewer"].format(t=t))


def _value(name: str, value: Any, say: Mapping[str, Any]) -> str:
    """Return a number of a policy in words."""
    if value is None:
        return str(say["rules"]["no_rule"])
    if isinstance(value, str):
        return str(say["values"][value])
    return f"{value:g}{' %' if name == 'p_pct' else ''}".replace(".", say["decimal"])


def _wrapped(text: str) -> list[str]:
    """Return a paragraph as lines; what follows "- " or "[ ] " is indented."""
    text = text.rstrip()
    lead = len(text) - len(text.lstrip())
    mark = next((len(m) for m in ("- ", "[ ] ") if text.startswith(m)), 0)
    return textwrap.wrap(
        text.strip(), WIDTH, initial_indent=" " * lead, subsequent_indent=" " * (lead + mark), break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
