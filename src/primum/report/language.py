"""The words of the report and its pages, one file a language, and numbers as that language writes them.

Another language is one more file in `languages/`, with the same keys and the same placeholders. One that lacks the keys
under `main` has the pages for everybody only, not the report itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Formatter
from typing import Any

import yaml

from primum.errors import PrimumError, unknown
from primum.report.rounding import COUNTS, GAPS, MINUS, NBSP, PLACES, RATES, fixed, half_up, known
from primum.yaml_text import parse


@dataclass(frozen=True)
class Language:
    """A language: its code (BCP 47), and key → text with {placeholders}."""

    code: str
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return the text of a key, its placeholders filled in.

        Raises
        ------
        PrimumError
            If there is no such key, or a value for a placeholder is lacking.
        """
        if key not in self.texts:
            raise unknown("text", key, list(self.texts), where=f"the language '{self.code}'")
        try:
            return self.texts[key].format(**values)
        except (KeyError, IndexError) as lacking:
            raise PrimumError(
                f"The text '{key}' has no value for {lacking}.",
                expected=f"values for {', '.join(sorted(placeholders(self.texts[key])))}",
                available=values,
            ) from None

    @cached_property
    def marks(self) -> dict[int, str]:
        """What stands for the comma and the point of 1,234.5 (for `str.translate`); {} where they stay."""
        told = {",": self("language.thousands"), ".": self("language.decimal")}
        return str.maketrans({mark: said for mark, said in told.items() if mark != said})

    def has(self, key: str) -> bool:
        """Whether there is a text of this key."""
        return key in self.texts

    def fixed(self, value: Any, places: int = 0) -> str:
        """Return a number with a set number of decimals; withheld where there is none."""
        if not known(value):
            return self("common.withheld")
        return fixed(value, places).translate(self.marks)

    def count(self, value: Any) -> str:
        """Return a whole number."""
        return self.fixed(value)

    def general(self, value: float) -> str:
        """Return a number with as many decimals as it has, six at most: 0.1, 12, 2.5."""
        text = fixed(value, 6)
        places = len(text.split(".")[1].rstrip("0"))
        return self.fixed(value, places)

    def percent(self, share: Any, places: int | None = None) -> str:
        """Return a share as percent, with one decimal where it is not whole and no places are asked for."""
        if not known(share):
            return self("common.withheld")
        shown = 100 * float(share)
        if places is None:
            places = 0 if abs(shown - half_up(shown)) < 0.005 else 1
        return self("language.percent", n=self.fixed(shown, places))

    def of_100(self, share: Any) -> str:
        """Return a share as a number of 100 people."""
        return self.count(100 * float(share)) if known(share) else self("common.withheld")

    def between(self, low: Any, high: Any, scale: float = 100) -> str:
        """Return 'between 57 and 66', or "" where there are no limits."""
        if not (known(low) and known(high)):
            return ""
        return self("common.between", low=self.count(scale * float(low)), high=self.count(scale * float(high)))

    def interval(self, low: Any, high: Any, places: int = 0, scale: float = 1) -> str:
        """Return '[57–66]', or "" where there are no limits."""
        if not (known(low) and known(high)):
            return ""
        a, b = self.fixed(scale * float(low), places), self.fixed(scale * float(high), places)
        return self("common.interval_minus" if MINUS in a + b else "common.interval", low=a, high=b)

    def measured(self, metric: str, value: Any, low: Any = None, high: Any = None) -> str:
        """Return a metric's value with its interval, in the unit that fits it."""
        if not known(value):
            return self("common.withheld")
        if metric in COUNTS:
            return self.count(value)
        share = metric in RATES | GAPS
        places = (1 if metric in GAPS else 0) if share else PLACES.get(metric, 2)
        number = self.percent(value, places) if share else self.fixed(value, places)
        limits = self.interval(low, high, places, 100 if share else 1)
        return f"{number}{NBSP}{limits}" if limits else number

    def listed(self, names: Sequence[str], most: int | None = None) -> str:
        """Return 'A, B and C', or 'A, B and 4 more'."""
        if most is not None and len(names) > most:
            return self("common.more", first=", ".join(names[:most]), n=self.count(len(names) - most))
        if len(names) < 2:
            return "".join(names)
        return self("common.and", first=", ".join(names[:-1]), last=names[-1])

    def day(self, when: str) -> str:
        """Return a date from the beginning of an ISO 8601 time; "" when it is none."""
        parts = when[:10].split("-")
        if len(parts) != 3 or not all(p.isdigit() for p in parts) or not 1 <= int(parts[1]) <= 12:
            return ""
        month = self("language.months").split()[int(parts[1]) - 1]
        return self("language.day", day=int(parts[2]), month=month, year=parts[0])


def languages() -> tuple[str, ...]:
    """Return the codes of the languages that there are."""
    return tuple(sorted(p.name.removesuffix(".yaml") for p in folder().iterdir() if p.name.endswith(".yaml")))


@lru_cache
def language(code: str) -> Language:
    """Return a language.

    Raises
    ------
    PrimumError
        If there is no such language, with those there are.
    """
    if code not in languages():
        near = next((c for c in languages() if c == code[:2].lower()), None)
        raise PrimumError(
            f"Nothing is written in '{code}'.",
            available=languages(),
            mend=f"did you mean '{near}'?" if near else "use one of these, or add its file with the keys of en.yaml",
        )
    return Language(code, read((folder() / f"{code}.yaml").read_text(encoding="utf-8"), code))


def folder() -> Traversable:
    """Return the folder of the languages."""
    return files("primum.report") / "languages"


def read(text: str, name: str) -> dict[str, str]:
    """Return key → text from YAML; keys of nested mappings are joined by dots.

    Raises
    ------
    PrimumError
        If it is no YAML, or something in it is neither a text nor a mapping.
    """
    try:
        return dict(_flat(parse(text), "", name))
    except yaml.YAMLError as error:
        raise PrimumError(f"The texts of '{name}' cannot be read: {error}.", expected="YAML") from None


def _flat(data: Any, path: str, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key), name)
    elif isinstance(data, str):
        yield path, " ".join(data.split())
    else:
        raise PrimumError(f"'{path}' of '{name}' is not a text.", expected="text, in quotes if it looks like a number")


def placeholders(text: str) -> set[str]:
    """Return the names of the placeholders of a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}
