"""Parameters of the simulated registry: every number has a source, every mistake is named at its line."""

from __future__ import annotations

import pytest

from primum.errors import PrimumError
from primum.simulate.calibration import settle
from primum.simulate.parameters import Parameters
from primum.simulate.parameters_file import builtin, changed, load, loads, numbers, places


@pytest.fixture(scope="module")
def text():
    from importlib.resources import files

    return files("primum.simulate").joinpath("denmark.yaml").read_text(encoding="utf-8")


def test_denmark_is_built_in():
    assert builtin() == ("denmark",)
    assert isinstance(load(), Parameters)
    assert load(load()) is load(load()) or load(load()) == load()


def test_every_number_says_where_it_comes_from():
    rows = numbers(load())
    assert len(rows) > 60
    assert all(len(row["source"]) > 9 for row in rows)
    assert {row["status"] for row in rows} == {"checked", "from memory, unconfirmed", "assumed"}
    assert all(row["source"].startswith(("assumed", "the direction")) for row in rows
               if row["status"] == "assumed" and "Bock" not in row["source"])  # fmt: skip


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("disorder.prevalence", 0.059), ("prescription.sensitivity", 0.513), ("prescription.severe_sensitivity", 0.634),
        ("diagnosis.sensitivity", 0.145), ("diagnosis.severe_sensitivity", 0.228), ("diagnosis.ppv", 0.754),
        ("diagnosis.ppv_by_grade", {"mild": 0.652, "moderate": 0.760, "severe": 0.828}),
        ("recognition.sensitivity", 0.501), ("recognition.mild_sensitivity", 0.338),
        ("followup.mortality_ratio", 2.07), ("people.earlier_contact_lifetime", {"female": 0.3766, "male": 0.3205}),
        ("comparisons.answers_sensitivity", 0.88), ("comparisons.answers_specificity", 0.85),
    ],
)  # fmt: skip
def test_published_numbers_are_the_published_ones(place, value):
    (row,) = [r for r in numbers(load()) if r["place"] == place]
    assert row["value"] == value
    assert row["status"] == "checked"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("value: 0.059", "value: 1.59", r"line \d+: disorder.prevalence.value: given 1.59, expected a number below 1"),
        ("  female_share:", "  femal_share:", r"there is no 'femal_share'[\s\S]*did you mean 'female_share'"),
        ("male: -0.45", "males: -0.45", r"effects.value.males: there is no 'males'[\s\S]*did you mean 'male'"),
        ("status: checked", "status: sure", r"there is no 'sure'\n.*one of checked, from memory, unconfirmed"),
        ("{mild: 0.40,", "{mild: 0.50,", r"severity.value: expected shares that add to 1; these add to 1.1"),
        ("first_year: 2008", 'first_year: "2008"', r"followup.first_year: given '2008', expected a whole number"),
        (', source: "The Danish municipal reform of 2007"', "", r"'source' is missing\n.*say where the number comes"),
        (', source: "The Danish municipal reform of 2007"', ', source: ""', r"expected 10 characters or more"),
        ("sex_ratio: {value: 1.375", 'sex_ratio: {value: "1.4"', r"given '1.4', expected a number"),
        ("steps: [0.75, 1.85, 2.75]", "steps: [0.75, 0.85, -2.75]", r"expected steps in increasing order"),
        ("value: 0.501, low", "value: 0.8, low", r"a value inside its own interval, 0.413 to 0.59"),
        ("last_year: 2017", "last_year: 2000", r"a last year that is not before the first, 2008"),
        ("{decade: -0.08", "{in_tears: -0.08", r"effects.value.in_tears: there is no 'in_tears'"),
        ("{18-29: 0.19", "{11-29: 0.19", r"bands of whole years from 18 to 99"),
        ("    irritability:\n", "    irritable:\n", r"there is no 'irritable'"),
        ("shares: {female: 0.826, male: 0.440}", "shares: {female: 0.826, male: 0.440}, effect_size: 0.1",
         r"'shares' with one step and without 'effect_size'"),
        ("primum: 1", "primum: 1\nprimum: 1", r"the key 'primum' is there twice"),
        ("value: 0.059", "value: .nan", r"expected a finite number"),
    ],
)  # fmt: skip
def test_mistakes_are_named(text, old, new, told):
    assert old in text
    with pytest.raises(PrimumError, match=told):
        loads(text.replace(old, new, 1))


def test_all_mistakes_at_once(text):
    wrong = text.replace("value: 0.059", "value: 1.59", 1).replace("status: checked", "status: sure", 1)
    with pytest.raises(PrimumError, match="2 mistakes"):
        loads(wrong)


@pytest.mark.parametrize(
    ("text", "told"), [("", "nothing is there"), ("just words", "no parameters"), ("a: [", "line")]
)
def test_what_is_no_file_of_parameters(text, told):
    with pytest.raises(PrimumError, match=told):
        loads(text)


def test_unknown_names_and_files(tmp_path):
    with pytest.raises(PrimumError, match="did you mean 'denmark'"):
        load("danmark")
    with pytest.raises(PrimumError, match="There is no file"):
        load(tmp_path / "mine.yaml")


def test_own_file(tmp_path, text):
    (tmp_path / "mine.yaml").write_text(text.replace("name: denmark", "name: mine"), encoding="utf-8")
    assert load(tmp_path / "mine.yaml").name == "mine"


def test_changed_numbers_are_marked():
    p = changed("denmark", {"prescription.sex_ratio": 1.0, "followup.last_year": 2020})
    assert p.prescription.sex_ratio.value == 1.0
    assert p.prescription.sex_ratio.source.startswith("changed by the caller")
    assert p.followup.last_year == 2020
    assert p.diagnosis == load().diagnosis
    assert "prescription.sex_ratio" in places(p)
    assert load().prescription.sex_ratio.value == 1.375


def test_changes_are_checked():
    with pytest.raises(PrimumError, match=r"no number 'prescription.sex_rati'[\s\S]*did you mean"):
        changed("denmark", {"prescription.sex_rati": 1.0})
    with pytest.raises(PrimumError, match=r"disorder.prevalence.value: given 2.0, expected a number below 1"):
        changed("denmark", {"disorder.prevalence": 2.0})


def test_numbers_that_cannot_all_hold():
    with pytest.raises(PrimumError, match=r"The numbers of diagnosis cannot all hold: asked for 0.9"):
        settle(changed("denmark", {"diagnosis.sensitivity": 0.9}))
    with pytest.raises(PrimumError, match="not enough healthy people"):
        settle(changed("denmark", {"diagnosis.ppv": 0.005}))
