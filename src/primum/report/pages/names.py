"""What a use case calls things, in the language of a page; what nobody translated is quoted and marked as foreign."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from primum.report.language import Language, folder, language
from primum.report.source import Audited
from primum.usecase import MISSING, OVERALL
from primum.yaml_text import parse

OPEN, CLOSE = "\u2068", "\u2069"
"""Around words in another language than the page's (Unicode isolates); a page turns them into a marked span."""
OF_USECASE = "en"
"""The language that use cases are taken to be written in."""
EVERYONE = frozenset({OVERALL, "everyone", "everyone else", "rest"})
REMAINDER = "(other groups together)"
_IDEAL = re.compile(r"ideal \((.*)\)")


@dataclass(frozen=True)
class Voice:
    """A language, and what it calls the things of one use case.

    Attributes
    ----------
    say
        The language.
    words
        Text of the use case, word for word → how the page says it.
    binned
        The attributes whose groups are ranges of numbers.
    crossed
        Attribute → the attributes that it crosses.
    """

    say: Language
    words: Mapping[str, str]
    binned: frozenset[str] = frozenset()
    crossed: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def own(self, text: str) -> str:
        """Return a text of the use case in the language of the page, or marked as foreign."""
        plain = " ".join(text.replace(OPEN, "").replace(CLOSE, "").split())
        if plain in self.words:
            return self.words[plain]
        if self.say.code == OF_USECASE or not re.search(r"[^\W\d]", plain):
            return plain
        return f"{OPEN}{plain}{CLOSE}"

    def phrase(self, key: str, what: str) -> str:
        """Return a sentence into which a text of the use case fits; another one if that text is foreign."""
        text = self.own(what).rstrip(".")
        foreign = text.startswith(OPEN)
        shown = self.say("common.quoted", text=text) if foreign else text
        return self.say(f"{key}_quoted" if foreign else key, what=shown)

    def sentence(self, text: str) -> str:
        """Return a text of the use case as a sentence: a capital first, no full stop at the end."""
        told = self.own(text).rstrip(".")
        at = 1 if told.startswith(OPEN) else 0
        return told[:at] + told[at : at + 1].upper() + told[at + 1 :]

    def attribute(self, attribute: str) -> str:
        """Return the name of a way of dividing people."""
        parts = self.crossed.get(attribute, ())
        if attribute in self.words or attribute != " × ".join(parts):
            return self.own(attribute)
        return " × ".join(map(self.own, parts))

    def group(self, attribute: str, group: str) -> str:
        """Return the name of a group by itself."""
        if attribute == OVERALL:
            return self.say("common.everyone")
        if group == MISSING:
            return self.say("common.not_recorded", attribute=self.attribute(attribute))
        if group == REMAINDER:
            return self.say("common.remainder")
        if " · " in group:
            groups = group.split(" · ")
            parts = self.crossed.get(attribute, ())
            parts = parts if len(parts) == len(groups) else [""] * len(groups)
            return " · ".join(self._part(a, g) for a, g in zip(parts, groups, strict=True))
        return self._one(attribute, group)

    def within(self, attribute: str, group: str) -> str:
        """Return the name of a group beside others of its attribute, which has been named already."""
        return self.say("common.part_not_recorded") if group == MISSING else self.group(attribute, group)

    def full(self, attribute: str, group: str) -> str:
        """Return the name of a group so that it stands alone: 'Asian (ethnicity)'."""
        name = self.group(attribute, group)
        if attribute == OVERALL or group == MISSING or " · " in group:
            return name
        return self.say("common.in_group", group=name, attribute=self.attribute(attribute))

    def together(self, groups: Sequence[tuple[str, str]], most: int) -> str:
        """Return (attribute, group) pairs by attribute: 'sex: Male; age: under 35; 2 more groups; 1 combined group'.

        Those over `most`, and intersections, are counted.
        """
        single = [(a, g) for a, g in groups if a not in self.crossed]
        named: dict[str, list[str]] = {}
        for a, g in single[:most]:
            named.setdefault(a, []).append(self.within(a, g))
        parts = [self.say("common.many", attribute=self.attribute(a), groups=", ".join(n)) for a, n in named.items()]
        for many, key in ((len(single) - most, "more"), (len(groups) - len(single), "combined")):
            if many > 0:
                one = f"summary.open.{key}_one"
                parts.append(self.say(one) if many == 1 else self.say(f"summary.open.{key}", n=self.say.count(many)))
        return "; ".join(parts)

    def comparator(self, name: str) -> str:
        """Return whom a group is compared with."""
        if name in EVERYONE:
            return self.say("common.everyone_else")
        ideal = _IDEAL.fullmatch(name)
        return self.own(ideal[1]) if ideal else self.group("", name)

    def _one(self, attribute: str, group: str) -> str:
        """Return a group that is not crossed; '<35' becomes 'under 35', '≥65' becomes '65 and over'."""
        if attribute in self.binned and group not in self.words:
            if group.startswith("<"):
                return self.say("common.under", n=group[1:])
            if group.startswith("≥"):
                return self.say("common.over", n=group[1:])
        return self.own(group)

    def _part(self, attribute: str, group: str) -> str:
        return self.say("common.part_not_recorded") if group == MISSING else self._one(attribute, group)


def voice(run: Audited, code: str) -> Voice:
    """Return the voice of a run in a language.

    What the use case says is taken from its scenario (`texts`, under the code of the language), else from the built-in
    translations of the built-in use cases.

    Raises
    ------
    PrimumError
        If there is no such language.
    """
    say = language(code)
    scenario = run.usecase.scenario
    given = {" ".join(k.split()): v for k, v in (scenario.texts.get(code, {}) if scenario else {}).items()}
    groups = run.usecase.groups
    binned = frozenset(g.title for g in groups if g.bins and not g.labels)
    return Voice(say, {**builtin(code), **given}, binned, {g.title: g.intersection for g in groups if g.intersection})


@lru_cache
def builtin(code: str) -> Mapping[str, str]:
    """Return the words of the built-in use cases in a language; none where nobody translated them."""
    file = folder() / "usecases" / f"{code}.yaml"
    if not file.is_file():
        return {}
    data = parse(file.read_text(encoding="utf-8"))
    pairs = [*((t["said"], t["here"]) for t in data["texts"]), *data["words"].items()]
    return {" ".join(said.split()): " ".join(here.split()) for said, here in pairs}
