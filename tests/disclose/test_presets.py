"""Presets as files: every number has a source, nothing is laxer than its floor, mistakes are named."""

from __future__ import annotations

import pytest
import yaml

from primum.disclose.presets import NUMBERS, STATUSES, names, preset, read, write
from primum.errors import PrimumError

EVERY = ("cbs", "ons_sdap", "opensafely", "strict_lp", "uk_biobank")


def test_the_five_presets_are_there():
    assert names() == EVERY


@pytest.mark.parametrize("name", EVERY)
def test_t34_round_trip(name):
    policy = preset(name)
    again = read(write(policy))
    assert again == policy
    assert read(write(again)) == again
    assert f"preset {name} of 2026-11" in policy.words
    assert "verify with your output checker" in policy.words


@pytest.mark.parametrize("name", EVERY)
def test_every_number_has_source_status_and_date(name):
    for fact in preset(name).facts.values():
        assert fact.source
        assert fact.status in STATUSES
        assert fact.date == "2026-11"


def test_the_numbers_of_the_specification():
    table = {
        "cbs": (10, 10, "review", 0.90, 0.50, None, None, None, 10),
        "ons_sdap": (10, 10, "review", None, None, 2, 0.90, 10, 10),
        "uk_biobank": (5, None, None, None, None, None, None, None, None),
        "opensafely": (8, None, None, 0.90, None, None, None, None, None),
        "strict_lp": (20, 20, 20, 0.90, 0.50, 2, 0.85, 10, 20),
    }
    keys = ("t", "t_household", "t_institution", "g", "d1", "nk_n", "nk_k", "p_pct", "df_min")
    for name, numbers in table.items():
        assert tuple(preset(name)[k] for k in keys) == numbers
    assert preset("cbs").facts["g"].status == "from memory"
    assert preset("cbs").facts["t"].status == "secondary"
    assert (preset("opensafely")["rounding"], preset("strict_lp")["base"]) == ("conventional", 10)


def test_the_words_tell_every_override():
    policy = preset("cbs", t=15)
    assert (policy["t"], policy["w"]) == (15, 15)
    assert "t 15 instead of 10" in policy.words
    assert preset("cbs", t=15, w=12)["w"] == 12


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("cbs", {"t": 5}),
        ("cbs", {"g": 0.95}),
        ("cbs", {"d1": 0.6}),
        ("cbs", {"zeros": "allow"}),
        ("cbs", {"certainty": "review"}),
        ("opensafely", {"rounding": "none"}),
        ("strict_lp", {"base": 5}),
        ("cbs", {"t_household": None}),
        ("cbs", {"model_export": "review"}),
        ("strict_lp", {"t_institution": "review"}),
    ],
)
def test_nothing_weaker_than_the_floor(name, change):
    with pytest.raises(PrimumError, match=f"weaker than the floor of '{name}'"):
        preset(name, **change)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("cbs", {"t": 10}),
        ("cbs", {"g": 0.8}),
        ("cbs", {"t_institution": 10}),
        ("cbs", {"rounding": "conventional"}),
        ("cbs", {"audit_time_limit": 5}),
        ("uk_biobank", {"t_household": 3}),
        ("cbs", {"base": 10}),
    ],
)
def test_stricter_is_welcome(name, change):
    policy = preset(name, **change)
    for key, value in change.items():
        assert policy[key] == value


def test_unknown_names_are_refused():
    with pytest.raises(PrimumError, match=r"no preset 'cbz'[\s\S]*did you mean 'cbs'"):
        preset("cbz")
    with pytest.raises(PrimumError, match="no number of a policy 'tt'"):
        preset("cbs", tt=5)
    with pytest.raises(PrimumError, match="There is no file"):
        preset("own.yaml")


def own(tmp_path, change):
    data = yaml.safe_load(write(preset("cbs")))
    change(data)
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def test_a_file_of_ones_own_with_a_floor(tmp_path):
    def stricter(data):
        data.update(name="ward 7", floor="cbs")
        data["numbers"]["t"]["value"] = 12
        data["numbers"]["w"]["value"] = 12

    assert preset(own(tmp_path, stricter))["t"] == 12

    def weaker(data):
        stricter(data)
        data["numbers"]["t"]["value"] = 6

    with pytest.raises(PrimumError, match="'t' is 6, weaker than the floor of 'cbs'"):
        preset(own(tmp_path, weaker))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda d: d["numbers"].pop("t"), "lacks t"),
        (lambda d: d.update(extra=1), "no key 'extra'"),
        (lambda d: d["numbers"]["t"].pop("source"), "'t' of .* lacks source"),
        (lambda d: d["numbers"]["t"].update(source=""), "no source or no date"),
        (lambda d: d["numbers"]["t"].update(status="sure"), "no status 'sure'"),
        (lambda d: d["numbers"]["t"].update(value="ten"), "'t' of .* is 'ten'"),
        (lambda d: d["numbers"]["t"].update(value=True), "'t' of .* is True"),
        (lambda d: d["numbers"]["t"].update(value=1), "a whole number of 2 or more"),
        (lambda d: d["numbers"]["g"].update(value=90), "a share from 0 to 1"),
        (lambda d: d["numbers"]["base"].update(value=7), "5 or 10"),
        (lambda d: d["numbers"]["rounding"].update(value="random"), "no value of 'rounding' 'random'"),
        (lambda d: d.update(floor="cbz"), "no preset 'cbz' in 'floor'"),
        (lambda d: d.update(primum=2), "format 2"),
        (lambda d: d.update(numbers=[]), "no keys"),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path, change, match):
    with pytest.raises(PrimumError, match=match):
        preset(own(tmp_path, change))


def test_no_yaml_is_refused():
    with pytest.raises(PrimumError, match="this is no YAML"):
        read("a: [1")
    assert set(preset("cbs").facts) == set(NUMBERS)


def test_rules_of_ones_own_may_not_go_by_the_name_of_a_preset(tmp_path):
    text = write(preset("cbs")).replace("value: 10", "value: 2")
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PrimumError, match="call themselves 'cbs'"):
        preset(file)
    file.write_text(text.replace("name: cbs", "name: mine"), encoding="utf-8")
    assert "without the floor of a bureau" in preset(file).words
