"""R18: an exception has a rule that can be set aside, a reason, a person and a day; nothing else is one."""

from __future__ import annotations

import datetime as dt

import pytest

from primum.errors import PrimumError
from primum.release import exceptions
from primum.release.exceptions import EXCEPTED, RULES, Exemption, covering, parse, parse_all, read

NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
REASON = "every person lives in a household of their own"


def made(text=f"R1 households: {REASON}", by="J. de Vries", on="2026-11-01"):
    return parse(text, by=by, on=on, now=NOON)


def test_an_exception_is_read():
    assert made() == Exemption("R1 households", REASON, "J. de Vries", "2026-11-01")


def test_spaces_and_capitals_do_not_matter():
    assert made(f"r1   Households :  {REASON} ", by="  J.  de Vries ") == made()


def test_a_reason_may_hold_a_colon():
    assert made("R2: structural: men of this register are never pregnant").reason.startswith("structural: men")


def test_without_a_day_it_is_today():
    assert made(on=None).date == "2026-11-02"


def test_it_goes_to_plain_data_and_back():
    both = parse_all([f"R4: {REASON}", f"R1 households: {REASON}"], by="J. de Vries", on="2026-11-01", now=NOON)
    assert [e.rule for e in both] == ["R1 households", "R4"]
    assert read([e.row() for e in both], now=NOON) == both


@pytest.mark.parametrize(
    "text", ["R1 households", "R1 households:", "R1 households:   ", "R2: -", "R2: ok fine", "R3: n/a"]
)
def test_an_exception_without_a_reason_is_refused(text):
    with pytest.raises(PrimumError, match=r"has no reason|is no exception"):
        made(text)


@pytest.mark.parametrize("by", [None, "", "  ", "?", "7"])
def test_an_exception_without_a_person_is_refused(by):
    with pytest.raises(PrimumError, match=r"names no person(.|\n)*--by NAME"):
        made(by=by)


def test_a_day_to_come_is_refused():
    with pytest.raises(PrimumError, match="still to come: today is 2026-11-02"):
        made(on="2026-11-03")
    assert made(on=NOON).date == "2026-11-02"


def test_clocks_may_differ_by_minutes_over_midnight():
    late = dt.datetime(2026, 11, 2, 23, 58, tzinfo=dt.UTC)
    assert parse(f"R2: {REASON}", by="J. de Vries", on="2026-11-03", now=late).date == "2026-11-03"
    early = late - dt.timedelta(minutes=5)
    with pytest.raises(PrimumError, match="still to come"):
        parse(f"R2: {REASON}", by="J. de Vries", on="2026-11-03", now=early)


@pytest.mark.parametrize(("on", "said"), [("yesterday", "dated 'yesterday'"), ("2026-02-30", "no such day")])
def test_a_day_that_is_none_is_refused(on, said):
    with pytest.raises(PrimumError, match=said):
        made(on=on)


def test_persons_are_never_excepted():
    for text in ("R1", "R1 persons"):
        with pytest.raises(PrimumError, match=r"cannot be set aside(.|\n)*no threshold of persons falls below"):
            made(f"{text}: {REASON}")


@pytest.mark.parametrize("rule", ["R11", "R12", "R13", "R16", "R18", "R19"])
def test_what_guards_the_release_cannot_be_set_aside(rule):
    with pytest.raises(PrimumError, match=f"Rule {rule} cannot be set aside"):
        made(f"{rule}: {REASON}")


def test_phenotypes_are_signed_not_excepted():
    with pytest.raises(PrimumError, match="--signed 'PHENOTYPE: NAME'"):
        made(f"R17: {REASON}")


def test_every_rule_is_decided_one_way_or_the_other():
    known = {k.split(" ")[0] for k in EXCEPTED}
    for rule in RULES:
        if rule in EXCEPTED:
            assert made(f"{rule}: {REASON}").rule == rule
        else:
            with pytest.raises(PrimumError, match="cannot be set aside"):
                made(f"{rule}: {REASON}")
    assert known <= set(RULES)


def test_a_rule_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(PrimumError, match=r"There is no rule 'R20'"):
        made(f"R20: {REASON}")
    with pytest.raises(PrimumError, match=r"did you mean 'R1 households'"):
        made(f"houshold R1 households: {REASON}")


@pytest.mark.parametrize("reason", ["only 6 households live in this group", "a share of 0.97 is public already"])
def test_a_number_in_a_reason_would_leave_the_room(reason):
    with pytest.raises(PrimumError, match="holds a number") as told:
        made(f"R1 households: {reason}")
    assert "6" not in str(told.value).replace("16", "")
    assert "0.97" not in str(told.value)


def test_names_with_digits_are_no_numbers():
    assert made("R2: everybody in this ward had COVID-19 and the newspapers said so").rule == "R2"


def test_one_exception_a_rule():
    with pytest.raises(PrimumError, match="several exceptions to R2"):
        parse_all([f"R2: {REASON}", f"R2: {REASON} indeed"], by="J. de Vries", now=NOON)


def test_plain_data_are_checked_again():
    row = made().row()
    with pytest.raises(PrimumError, match="lacks person"):
        read([row | {"person": None}], now=NOON)
    with pytest.raises(PrimumError, match="still to come"):
        read([row | {"date": "2027-01-01"}], now=NOON)


def test_the_exception_that_covers_a_rule():
    held = (made(),)
    assert covering(held, "R1 households") is held[0]
    assert covering(held, "R2") is None
    with pytest.raises(PrimumError, match="cannot be set aside"):
        covering(held, "R12")


def test_what_can_be_set_aside_is_told():
    assert all(exceptions.EXCEPTED.values())
    with pytest.raises(PrimumError, match=r"available: R1 households"):
        made("nothing at all")


@pytest.mark.parametrize(
    "reason",
    [
        "the seven residents of the island share a home", "a dozen veterans of the village live apart",
        "de zeven bewoners van het eiland wonen samen", "a handful of families knew of it beforehand",
    ],
)  # fmt: skip
def test_a_number_in_words_is_a_number(reason):
    with pytest.raises(PrimumError, match="holds a number"):
        made(f"R1 households: {reason}")
    assert made("R1 households: every one of them was drawn from a household of their own").reason


@pytest.mark.parametrize("by", ["A. Nurse, 3 in East have it", "A. Nurse of the seven in East"])
def test_the_name_of_a_person_holds_no_number(by):
    with pytest.raises(PrimumError, match=r"name of who answers .* holds a number"):
        made(by=by)
