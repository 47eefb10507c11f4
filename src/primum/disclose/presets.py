"""Presets: the rules of a bureau as a data file, every number with its source, its status and its date."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from primum.errors import PrimumError, unknown
from primum.yaml_text import parse

STATUSES = ("verified", "secondary", "from memory", "own")
_HEAD = ("primum", "name", "title", "note", "date", "advice", "floor", "numbers")
_FACTS = ("value", "source", "status", "date")
_CHOICES: dict[str, tuple[str, ...]] = {  # each from lax to strict
    "zeros": ("allow", "review", "fail if sensitive", "fail"),
    "certainty": ("review", "fail"),
    "rounding": ("none", "conventional", "midpoint-6", "keyed"),
    "model_export": ("review", "blocked"),
}
_LOWER = ("g", "d1", "nk_k", "max_digits")  # the lower, the stricter
_HIGHER = ("t", "t_household", "t_institution", "w", "nk_n", "p_pct", "df_min", "tail", "base")
_FREE = ("audit_time_limit",)
_NEEDED = ("t", "w", "tail", "base", "max_digits", "audit_time_limit")
NUMBERS = (*_CHOICES, *_LOWER, *_HIGHER, *_FREE)


@dataclass(frozen=True)
class Fact:
    """One number of a preset: where it is from, how well that is known ("verified" … "own"), and as of when."""

    value: Any
    source: str
    status: str
    date: str


@dataclass(frozen=True)
class Policy:
    """What may leave.

    Attributes
    ----------
    name, title, note, date, advice
        The preset, as its file tells it.
    floor
        The preset below whose strictness no number may fall; None for a bureau's own preset.
    facts
        Each number by name; `policy["t"]` is its value, None where there is no rule.
    overrides
        (name, value in the preset, value now) of every number that was changed.
    """

    name: str
    title: str
    note: str
    date: str
    advice: str
    floor: str | None
    facts: Mapping[str, Fact]
    overrides: tuple[tuple[str, Any, Any], ...] = ()

    def __getitem__(self, name: str) -> Any:
        return self.facts[name].value

    @property
    def words(self) -> str:
        """Name, date and every override, for the report."""
        changed = "; ".join(f"{name} {new} instead of {old}" for name, old, new in self.overrides)
        return f"preset {self.name} of {self.date}, {self.advice}" + (f"; changed: {changed}" if changed else "")


def names() -> tuple[str, ...]:
    """Return the names of the presets that come with primum."""
    return tuple(sorted(p.name.removesuffix(".yaml") for p in _folder().iterdir() if p.name.endswith(".yaml")))


def preset(which: str | Path, **overrides: Any) -> Policy:
    """Return a policy by its name or from a file of one's own, with numbers changed towards the strict side.

    Raises
    ------
    PrimumError
        For an unknown preset, a file with mistakes, or a number weaker than the bureau's floor.
    """
    path = Path(which)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise PrimumError(f"There is no file '{path}'.", available=names(), mend="check the path, or use a name")
        policy = _own(read(path.read_text(encoding="utf-8"), str(path)), path)
    elif str(which) in names():
        policy = read(_folder().joinpath(f"{which}.yaml").read_text(encoding="utf-8"), f"the preset '{which}'")
    else:
        raise unknown("preset", str(which), names())
    floor = preset(policy.floor) if policy.floor else policy
    facts, changed = dict(policy.facts), []
    if "t" in overrides and policy["w"] == policy["t"]:
        overrides = {"w": overrides["t"]} | overrides  # the width follows the threshold unless it is given
    for name, value in overrides.items():
        if name not in NUMBERS:
            raise unknown("number of a policy", name, NUMBERS)
        changed.append((name, facts[name].value, value))
        facts[name] = Fact(_checked(name, value, "the override"), "changed by the user", "own", policy.date)
    policy = replace(policy, facts=facts, overrides=tuple(changed))
    _not_weaker(policy, floor)
    return policy


def _own(policy: Policy, path: Path) -> Policy:
    """Return a user's policy; it may not go by the name of one of primum's, and says so when it has no floor."""
    if policy.name in names():
        raise PrimumError(
            f"The rules in '{path}' call themselves '{policy.name}', which is a preset of primum.",
            expected="a name of their own",
            available=names(),
            mend="change 'name'; to make a preset stricter, use --t or name it as 'floor'",
        )
    if policy.floor is None:
        policy = replace(policy, advice=f"rules of one's own without the floor of a bureau; {policy.advice}")
    return policy


def read(text: str, where: str = "the preset") -> Policy:
    """Return the policy in a YAML text.

    Raises
    ------
    PrimumError
        If it is no YAML, a key is unknown or lacking, or a number has no value of its kind, source, status or date.
    """
    try:
        data = parse(text)
    except yaml.YAMLError as problem:
        raise PrimumError(f"{where}: this is no YAML.", mend="start from a copy of a preset of primum") from problem
    _keys(data, _HEAD, where)
    if data["primum"] != 1:
        raise PrimumError(f"{where}: format {data['primum']!r}.", expected="primum: 1")
    if data["floor"] is not None and data["floor"] not in names():
        raise unknown("preset", str(data["floor"]), names(), where=f"'floor' of {where}")
    _keys(data["numbers"], NUMBERS, f"'numbers' of {where}")
    facts = {}
    for name in NUMBERS:
        fact = data["numbers"][name]
        _keys(fact, _FACTS, f"'{name}' of {where}")
        if fact["status"] not in STATUSES:
            raise unknown("status", str(fact["status"]), STATUSES, where=f"'{name}' of {where}")
        if not fact["source"] or not fact["date"]:
            raise PrimumError(f"'{name}' of {where} has no source or no date.", mend="say where the number is from")
        value = _checked(name, fact["value"], where)
        facts[name] = Fact(value, str(fact["source"]), fact["status"], str(fact["date"]))
    name, title, note, date, advice = (str(data[k]) for k in ("name", "title", "note", "date", "advice"))
    return Policy(name, title, note, date, advice, data["floor"], facts)


def write(policy: Policy) -> str:
    """Return a policy as YAML that `read` reads back to the same numbers."""
    head = {"primum": 1} | {k: getattr(policy, k) for k in _HEAD if k not in {"primum", "numbers"}}
    numbers = {name: {k: getattr(fact, k) for k in _FACTS} for name, fact in policy.facts.items()}
    return str(yaml.safe_dump(head | {"numbers": numbers}, sort_keys=False, allow_unicode=True))


def _folder() -> Any:
    return files("primum.disclose").joinpath("presets")


def _keys(data: Any, wanted: tuple[str, ...], where: str) -> None:
    if not isinstance(data, dict):
        raise PrimumError(f"{where}: no keys.", expected=", ".join(wanted))
    for key in data:
        if key not in wanted:
            raise unknown("key", str(key), wanted, where=where)
    if lacking := [k for k in wanted if k not in data]:
        raise PrimumError(f"{where} lacks {', '.join(lacking)}.", expected="every number, with source, status and date")


def _checked(name: str, value: Any, where: str) -> Any:
    """Return a value of a number if it is one of its kind."""
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise unknown(f"value of '{name}'", str(value), _CHOICES[name], where=where)
        return value
    if (value is None and name not in _NEEDED) or (name == "t_institution" and value == "review"):
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    share = name in {"g", "d1", "nk_k"}
    whole = name not in {"g", "d1", "nk_k", "p_pct", "audit_time_limit"}
    right = number and (not share or value <= 1) and (not whole or float(value).is_integer())
    if not right or (name == "base" and value not in {5, 10}) or (name == "t" and value < 2):
        kind = "a share from 0 to 1" if share else "a whole number" if whole else "a number from 0 up"
        kind = {"base": "5 or 10", "t": "a whole number of 2 or more"}.get(name, kind)
        raise PrimumError(f"'{name}' of {where} is {value!r}.", expected=kind)
    return value


def _not_weaker(policy: Policy, floor: Policy) -> None:
    """Refuse a policy that is laxer than its floor in any number."""
    for name in NUMBERS:
        least, own = floor[name], policy[name]
        if name in _FREE or own == least or (name == "base" and floor["rounding"] == "none"):
            continue
        if name == "rounding":
            weaker = own == "none"
        elif name in _CHOICES:
            weaker = _CHOICES[name].index(own) < _CHOICES[name].index(least)
        else:
            weaker = _rank(name, own) < _rank(name, least)
        if weaker:
            raise PrimumError(
                f"'{name}' is {own!r}, weaker than the floor of '{floor.name}'.",
                expected=f"{least!r} or stricter",
                mend="keep the bureau's number; an exception is asked from its output checker, with a reason",
            )


def _rank(name: str, value: Any) -> float:
    """Return how strict a value is; no rule is the laxest, a person's judgement the next."""
    if value is None:
        return -math.inf
    if value == "review":
        return 0.0
    return -float(value) if name in _LOWER else float(value)
