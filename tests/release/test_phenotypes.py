"""R17: without the signatures that a project asks for there is no release; hints are put before the checker."""

from __future__ import annotations

import pytest

from primum.errors import PrimumError
from primum.release import phenotypes
from primum.release.phenotypes import CATEGORIES, FILE, OWN, Project, Signature, loads, needed, require, sign

TEXT = """
primum: 1
phenotypes:
  - name: depression
    words: [depress*, phq-9]
    why: a diagnosis that can cost a person a job
    signs: [J. de Vries, A. Bakker]
  - name: self-harm
    why: harm to relatives
    signs: principal investigator
"""
PROJECT = loads(TEXT)
NAMES = ["Depression (PHQ-9 of 10 or more)", "sex", "age"]


def test_what_a_release_is_about_is_found():
    found = needed(NAMES, PROJECT)
    assert [(p.name, p.source, p.found) for p in found] == [("depression", FILE, (NAMES[0],))]


def test_words_are_found_whatever_their_case_hyphens_and_accents():
    for name in ("PHQ_9 score", "phq 9", "antidepressants or DEPRESSIE", "Dépression"):
        assert [p.name for p in needed([name], PROJECT) if p.source == FILE] == ["depression"], name
    assert not [p for p in needed(["antidepressants", "phq-90"], PROJECT) if p.source == FILE]


def test_a_missing_signature_names_phenotype_signers_and_how():
    with pytest.raises(PrimumError, match="'depression' needs a signature before any export") as told:
        require(needed(NAMES, PROJECT), ())
    assert "signed by J. de Vries or A. Bakker" in str(told.value)
    assert '--signed "depression: NAME"' in str(told.value)


def test_a_role_is_named_where_no_person_is():
    with pytest.raises(PrimumError, match="signed by principal investigator"):
        require(needed(["Self harm last year"], PROJECT), ())


def test_a_signature_lets_it_pass():
    signed = sign(["Depression:  j. de vries"], on="2026-11-02")
    assert require(needed(NAMES, PROJECT), signed) == {
        "depression": Signature("Depression", "j. de vries", "2026-11-02")
    }


def test_only_those_named_may_sign():
    with pytest.raises(PrimumError, match=r"'P. Janssen' may not sign(.|\n)*J. de Vries, A. Bakker"):
        require(needed(NAMES, PROJECT), sign(["depression: P. Janssen"], on="2026-11-02"))


def test_a_signature_for_something_else_is_refused():
    with pytest.raises(PrimumError, match=r"There is no phenotype 'depresion'(.|\n)*did you mean 'depression'"):
        require(needed(NAMES, PROJECT), sign(["depresion: A. Bakker"], on="2026-11-02"))
    with pytest.raises(PrimumError, match="nothing to sign"):
        require(needed(["sex"]), sign(["depression: A. Bakker"], on="2026-11-02"))


@pytest.mark.parametrize("text", ["depression", "depression:", ": A. Bakker", "depression: ?"])
def test_half_a_signature_is_none(text):
    with pytest.raises(PrimumError, match="is no signature"):
        sign([text], on="2026-11-02")


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("suicide attempt", "self-harm"), ("zelfbeschadiging", "self-harm"), ("Suizidversuch", "self-harm"),
        ("convicted of a crime", "criminal offence"), ("strafbaar: misdrijven", "criminal offence"),
        ("HIV status", "HIV and sexually transmitted infection"), ("PHQ-9 depression", "psychiatric"),
        ("verslavingszorg", "substance use"), ("Huntington's disease", "heritable disease"),
        ("child abuse", "violence and abuse"), ("seksuele gerichtheid", "sexual and reproductive life"),
    ],
)  # fmt: skip
def test_hints_are_found_and_need_no_signature(name, category):
    found = needed([name])
    assert [(p.name, p.source, p.to_sign) for p in found] == [(category, OWN, False)]
    assert require(found, ()) == {}


@pytest.mark.parametrize(
    "name", ["sex", "age", "race", "readmission within 30 days", "discrimination", "insulin", "region"]
)
def test_everyday_names_are_no_hint(name):
    assert needed([name]) == []


def test_a_project_may_ask_for_hints_to_be_signed_or_not_at_all():
    strict, none = loads("primum: 1\nhints: signed"), loads("primum: 1\nhints: off")
    with pytest.raises(PrimumError, match="'psychiatric' needs a signature"):
        require(needed(NAMES, strict), ())
    assert require(needed(NAMES, strict), sign(["psychiatric: A. Bakker"], on="2026-11-02"))
    assert needed(NAMES, none) == []


def test_a_hint_says_no_more_than_the_project_itself():
    assert [p.name for p in needed(NAMES, PROJECT)] == ["depression"]
    assert [p.name for p in needed([*NAMES, "psychosis"], PROJECT)] == ["depression", "psychiatric"]


def test_every_category_is_marked_as_our_own():
    assert CATEGORIES
    assert all(p.source == OWN and p.why and p.words for p in CATEGORIES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("phenotypes: [", "is no YAML"),
        ("phenotypes: []", "does not say 'primum: 1'"),
        ("- a", "does not say 'primum: 1'"),
        ("primum: 1\nfenotypes: []", "There is no key 'fenotypes'"),
        ("primum: 1\nhints: sometimes", "There is no way to treat hints 'sometimes'"),
        ("primum: 1\nhints: [a]", "There is no way to treat hints"),
        ("primum: 1\nphenotypes: depression", "is no list"),
        ("primum: 1\nphenotypes: [depression]", "is no phenotype"),
        ("primum: 1\nphenotypes: [{name: a, signs: b}]", "has no why"),
        ("primum: 1\nphenotypes: [{name: a, why: b}]", "does not say who signs"),
        ("primum: 1\nphenotypes: [{name: a, why: b, signs: []}]", "does not say who signs"),
        ("primum: 1\nphenotypes: [{name: a, why: b, signs: c, words: ['*']}]", "no list of words"),
        ("primum: 1\nphenotypes: [{name: a, why: b, sings: c}]", "There is no key 'sings'"),
        ("primum: 1\nphenotypes: [{name: a, why: b, signs: c}, {name: A, why: b, signs: c}]", "named twice"),
    ],
)
def test_a_file_with_mistakes_is_refused(text, said):
    with pytest.raises(PrimumError, match=said):
        loads(text)


def test_a_file_is_read(tmp_path):
    file = tmp_path / "phenotypes.yaml"
    file.write_text(TEXT)
    assert phenotypes.read(file) == PROJECT
    assert loads("primum: 1") == Project()
    with pytest.raises(PrimumError, match="cannot be read"):
        phenotypes.read(tmp_path / "none.yaml")
