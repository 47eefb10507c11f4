"""R17, sensitive phenotypes: what needs a person's signature before anything about it leaves.

A project keeps a file of its own phenotypes, each with the reason and who signs; without the signatures there is no
release. Beside it stand a few categories chosen by the authors of primum (marked "own"). They are hints, no list of
any law or bureau: what they find is put before the output checker in the control form, and a project that wants them
signed says so in its file. They read names only, in English, Dutch and German, and cannot know a phenotype that is
named otherwise.

The file::

    primum: 1
    hints: review            # or: signed; or: off (a person has looked)
    phenotypes:
      - name: depression
        words: [depress*, phq-9]
        why: a diagnosis that can cost a person a job
        signs: [J. de Vries, A. Bakker]   # these persons, or a role: "principal investigator"
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from primum.errors import PrimumError, unknown
from primum.yaml_text import parse

OWN, FILE = "own", "project file"
HINTS = ("review", "signed", "off")
_KEYS = ("name", "words", "why", "signs")
_SIGNER = "a person of the project"


@dataclass(frozen=True)
class Phenotype:
    """Something that needs a look, or a signature, before it leaves.

    Attributes
    ----------
    name
        What it is called.
    words
        How it is found among names: whole words, or beginnings of words where they end with "*".
    why
        Why it is sensitive.
    signs
        The persons of whom one signs; empty where `role` says who.
    role
        Who signs, where no persons are named.
    source
        "project file", or "own" for a hint of primum.
    to_sign
        Whether there is no release without a signature.
    found
        The names in which it was found.
    """

    name: str
    words: tuple[str, ...]
    why: str
    signs: tuple[str, ...] = ()
    role: str = _SIGNER
    source: str = FILE
    to_sign: bool = True
    found: tuple[str, ...] = ()


@dataclass(frozen=True)
class Signature:
    """A person who signed a phenotype off, on a day (ISO 8601)."""

    phenotype: str
    person: str
    date: str


@dataclass(frozen=True)
class Project:
    """The phenotypes of a project, and what is done with the hints of primum."""

    phenotypes: tuple[Phenotype, ...] = ()
    hints: str = "review"


def _hint(name: str, why: str, *words: str) -> Phenotype:
    return Phenotype(name, words, why, source=OWN, to_sign=False)


CATEGORIES: tuple[Phenotype, ...] = (
    _hint("self-harm", "stigma, and harm to relatives", "self-harm*", "selfharm*", "suicid*", "zelfdod*",
          "zelfbeschadig*", "zelfmoord*", "selbstmord*", "suizid*", "selbstverletz*", "overdos*"),
    _hint("criminal offence", "it can cost a person a job, or their freedom", "crim*", "offence*", "offens*",
          "convict*", "prison*", "arrest*", "delict*", "misdrijf*", "misdrijven", "verdachte*", "detentie*",
          "straftat*", "kriminal*"),
    _hint("HIV and sexually transmitted infection", "stigma", "hiv", "aids", "std", "sti", "soa", "syphilis*",
          "gonorr*", "chlamydia*", "hepatitis*"),
    _hint("psychiatric", "stigma, and loss of work or insurance", "psychiat*", "psychos*", "psychot*", "depress*",
          "bipola*", "schizo*", "anxiety", "angststoornis*", "eating disorder*", "eetstoornis*", "autis*", "adhd",
          "dementia", "dementie", "demenz*", "ggz"),
    _hint("substance use", "stigma, and for some substances an offence", "alcohol*", "alkohol*", "drug use*",
          "drugs*", "drogen*", "opioid*", "cocain*", "heroin*", "addict*", "verslav*", "sucht*"),
    _hint("sexual and reproductive life", "private life, and in some places an offence", "sexual*", "seksue*",
          "sexuel*", "abort*", "transgender*", "gender ident*", "genderident*", "zwangerschapsafbrek*"),
    _hint("violence and abuse", "it endangers victims and names offenders", "abuse*", "violen*", "maltreat*",
          "mishandel*", "misbruik*", "huiselijk geweld*", "missbrauch*", "rape"),
    _hint("heritable disease", "it tells about relatives who never consented", "huntington*", "genetic*", "genetisch*",
          "erfelijk*", "brca*", "heredit*"),
)  # fmt: skip
"""Hints, chosen by the authors of primum; the last word is a person's."""


def read(path: str | Path) -> Project:
    """Return the phenotypes in a project's file.

    Raises
    ------
    PrimumError
        If there is no such file, or it has mistakes.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PrimumError(
            f"'{path}' cannot be read ({type(error).__name__}).", expected="a YAML file of phenotypes"
        ) from None
    return loads(text, str(path))


def loads(text: str, where: str = "the file of phenotypes") -> Project:
    """Return the phenotypes in a YAML text.

    Raises
    ------
    PrimumError
        If it is no YAML, a key is unknown or lacking, or a phenotype is named twice.
    """
    try:
        data = parse(text)
    except yaml.YAMLError:
        raise PrimumError(f"{where} is no YAML.", mend="look for a colon or a bracket without its fellow") from None
    if not isinstance(data, dict) or data.get("primum") != 1:
        raise PrimumError(f"{where} does not say 'primum: 1'.", expected="primum: 1, then phenotypes: [...]")
    for key in data:
        if key not in {"primum", "hints", "phenotypes"}:
            raise unknown("key", str(key), ["phenotypes", "hints"], where=where)
    hints = "off" if data.get("hints") is False else str(data.get("hints", "review"))  # YAML reads off as false
    if hints not in HINTS:
        raise unknown("way to treat hints", hints, HINTS, where=where)
    entries = data.get("phenotypes", [])
    if not isinstance(entries, list):
        raise PrimumError(f"'phenotypes' in {where} is no list.", expected="- name: ..., why: ..., signs: ...")
    found = tuple(_phenotype(entry, f"phenotype {i} of {where}") for i, entry in enumerate(entries, start=1))
    names = [p.name.casefold() for p in found]
    if twice := [n for n in names if names.count(n) > 1]:
        raise PrimumError(f"The phenotype '{twice[0]}' is named twice in {where}.", mend="keep one of them")
    return Project(found, hints)


def needed(names: Iterable[str], project: Project | None = None) -> list[Phenotype]:
    """Return the phenotypes that a release is about: those of the project first, then the hints of primum.

    Parameters
    ----------
    names
        What the release names: outcome, attributes, groups shown, features, title.
    project
        The project's own; only hints without one.

    Returns
    -------
    Each with the names in which it was found. A hint is left out where the project's own phenotypes found the same.
    """
    said = list(dict.fromkeys(names))
    own = project or Project()
    hinted = () if own.hints == "off" else CATEGORIES
    listed = [*own.phenotypes, *(replace(h, to_sign=own.hints == "signed") for h in hinted)]
    found = [replace(p, found=tuple(name for name in said if _in(p, name))) for p in listed]
    covered = {name for p in found if p.source == FILE for name in p.found}
    return [p for p in found if p.found and (p.source == FILE or set(p.found) - covered)]


def sign(texts: Iterable[str], *, on: dt.date | str) -> tuple[Signature, ...]:
    """Return the signatures in texts such as "depression: J. de Vries".

    Raises
    ------
    PrimumError
        If a text has no phenotype or no person.
    """
    found = []
    for text in texts:
        phenotype, _, person = (" ".join(part.split()) for part in text.partition(":"))
        if not phenotype or sum(c.isalpha() for c in person) < 2:
            raise PrimumError(
                f"'{text}' is no signature.", expected="PHENOTYPE: NAME", mend="write --signed 'depression: NAME'"
            )
        found.append(Signature(phenotype, person, str(on)[:10]))
    return tuple(found)


def require(wanted: Sequence[Phenotype], signed: Sequence[Signature]) -> dict[str, Signature]:
    """Return who signed each phenotype that needs it; refuse to go on without.

    Parameters
    ----------
    wanted
        What `needed` found.
    signed
        What was signed.

    Raises
    ------
    PrimumError
        If a signature is lacking, is by a person who may not sign, or is for a phenotype that is not there.
    """
    known = [p.name for p in wanted]
    by_name = {s.phenotype.casefold(): s for s in signed}
    for s in signed:
        if s.phenotype.casefold() not in {k.casefold() for k in known}:
            raise (
                unknown("phenotype", s.phenotype, known, where="what this release is about")
                if known
                else PrimumError(
                    f"There is nothing to sign for '{s.phenotype}' in this release.", mend="leave the signature out"
                )
            )
    done: dict[str, Signature] = {}
    for p in wanted:
        signature = by_name.get(p.name.casefold())
        if signature is None and p.to_sign:
            who = " or ".join(p.signs) or p.role
            raise PrimumError(
                f"The phenotype '{p.name}' needs a signature before any export: {p.why}. Found in "
                f"{', '.join(repr(n) for n in p.found[:3])}.",
                expected=f"signed by {who}",
                mend=f'add --signed "{p.name}: NAME" when they have agreed',
            )
        if signature is None:
            continue
        if p.signs and signature.person.casefold() not in {s.casefold() for s in p.signs}:
            raise PrimumError(
                f"'{signature.person}' may not sign the phenotype '{p.name}'.",
                available=p.signs,
                mend="ask one of them, or change the project's file together",
            )
        done[p.name] = signature
    return done


def _phenotype(entry: Any, where: str) -> Phenotype:
    if not isinstance(entry, dict):
        raise PrimumError(f"{where} is no phenotype.", expected="name, why, signs and, if need be, words")
    for key in entry:
        if key not in _KEYS:
            raise unknown("key", str(key), _KEYS, where=where)
    text = {k: entry.get(k) for k in ("name", "why")}
    if lacking := [k for k, v in text.items() if not isinstance(v, str) or not v.strip()]:
        raise PrimumError(f"{where} has no {' and no '.join(lacking)}.", expected="a text")
    words, signs = entry.get("words", [text["name"]]), entry.get("signs")
    if not isinstance(words, list) or not words or not all(isinstance(w, str) and w.strip(" *") for w in words):
        raise PrimumError(f"The 'words' of {where} are no list of words.", expected="words: [depress*, phq-9]")
    people: tuple[str, ...] = ()
    role = _SIGNER
    if isinstance(signs, str) and signs.strip():
        role = signs.strip()
    elif isinstance(signs, list) and signs and all(isinstance(s, str) and s.strip() for s in signs):
        people = tuple(" ".join(s.split()) for s in signs)
    else:
        raise PrimumError(
            f"{where} does not say who signs.", expected="signs: a role, or [persons]", mend="name who must agree"
        )
    return Phenotype(" ".join(str(text["name"]).split()), tuple(words), str(text["why"]).strip(" ."), people, role)


def _in(phenotype: Phenotype, name: str) -> bool:
    plain = _plain(name)
    return any(re.search(_pattern(word), plain) for word in phenotype.words)


def _pattern(word: str) -> str:
    """Return a search for a whole word, or for the beginning of one."""
    stem = re.escape(_plain(word.rstrip("*")).strip())
    return rf"(?<![a-z0-9]){stem}" + ("" if word.endswith("*") else r"(?![a-z0-9])")


def _plain(text: str) -> str:
    """Return lower case without accents, with one space for every run of spaces, hyphens and underscores."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[\s_\-‐‑–]+", " ", bare.casefold())
