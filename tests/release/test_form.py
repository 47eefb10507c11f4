"""The control form: complete, the same in every language, and silent about what may not be told."""

from __future__ import annotations

import re
import string
from dataclasses import replace
from functools import cache

import pytest

from primum.disclose import presets
from primum.disclose.presets import Policy, names, read, write
from primum.disclose.rules_log import CLASSES, public_log
from primum.errors import PrimumError
from primum.release import form
from primum.release.exceptions import EXCEPTED, Exemption
from primum.release.form import Attacked, Facts, Scanned, draft, languages, strings
from primum.release.outputs import KINDS, STATISTICS, STATUSES, Output
from primum.release.phenotypes import Signature

OUTPUTS = (
    Output("figures/roc.png", "figure", "a curve", "curve", ("score",), (), "adults", 1843, 14, ("R8",), "safe"),
    Output("n-behind-figures.csv", "table", "n", "papers of the release", (), (), "adults", None, None, (), "safe"),
    Output("tables/groups.csv", "table", "rates", "rates", ("score",), ("sex",), "adults", 1843, 12, ("R1",),
           "protected", "groups withheld"),
)  # fmt: skip


preset = cache(presets.preset)


def facts(which="cbs", **changes):
    policy = which if isinstance(which, Policy) else preset(which)
    given = {
        "name": "depression-1", "date": "2026-11-02", "version": "0.1.0", "plan": "823b52929eaa", "policy": policy,
        "population": "adults of the register, 2019", "outcome": "depression", "models": ["score", "ebm"],
        "outputs": OUTPUTS, "units": {"persons": 1843, "households": 1502, "institutions": None},
        "withheld": public_log(["small count"] * 3 + ["complementary"] * 14, policy["t"]),
        "attacked": Attacked(protected=17, releases=420, steps={"linear program": 15, "row space": 2}, seconds=0.31),
        "scanned": Scanned(files=31),
    }  # fmt: skip
    return Facts(**(given | changes))


def flat(tree, path=()):
    """Yield (path, text) of every text in nested words."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if isinstance(value, (dict, list)):
            yield from flat(value, (*path, key))
        else:
            yield (*path, key), value


def placeholders(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(str(text)) if name is not None)


def one_line(text):
    return " ".join(text.split())


# words ----------------------------------------------------------------------------------------------------------------


def test_every_language_has_the_same_keys_in_the_same_order():
    assert languages() == ("en", "nl")
    keys = [[path for path, _ in flat(strings(language))] for language in languages()]
    assert keys[0] == keys[1]


def test_every_language_has_the_same_placeholders():
    for (path, english), (_, other) in zip(flat(strings("en")), flat(strings("nl")), strict=True):
        assert isinstance(english, str), path
        assert isinstance(other, str), path
        assert placeholders(english) == placeholders(other), path


def test_statuses_of_what_is_known_are_the_same_in_every_language():
    for (path, english), (_, other) in zip(flat(strings("en")), flat(strings("nl")), strict=True):
        if path[0] == "presets" and path[-1] == "status":
            assert english == other, path
            assert english in strings("en")["status"]


def test_little_is_left_in_english():
    same = [p for (p, a), (_, b) in zip(flat(strings("en")), flat(strings("nl")), strict=True) if a == b]
    allowed = {"status", "blank", "document", "line", "number", "step", "contact"}
    assert [p for p in same if p[-1] not in allowed] == []


def test_everything_that_a_form_may_name_has_words():
    for language in languages():
        say = strings(language)
        assert set(say["statistic"]) == set(STATISTICS)
        assert set(say["kind"]) == set(KINDS)
        assert set(say["output_status"]) == set(STATUSES)
        assert set(say["reason"]) == set(CLASSES)
        assert set(say["rule"]) == set(EXCEPTED)
        assert set(say["review"]) == {*form.REVIEWS, "none"}
        assert set(say["presets"]) == set(names())
        assert set(say["numbers"]) == set(preset("cbs").facts)


def test_every_word_is_used():
    """Each text occurs in some form, so that a new one is neither forgotten nor left over."""
    whole = {language: one_line("".join(many(language))) for language in languages()}
    for language in languages():
        for path, text in flat(strings(language)):
            if path[-1] == "status" and path[0] == "presets":
                continue
            parts = [p for p in re.split(r"\{[a-z]+\}", one_line(str(text))) if p.strip(" ,:;().")]
            assert all(p.strip() in whole[language] for p in parts), path


def many(language):
    """Yield forms in which everything occurs that can."""
    asked = [Exemption(rule, "because of a reason", "A. Bakker", "2026-11-01") for rule in EXCEPTED]
    everything = [
        replace(OUTPUTS[0], path=f"f{i}.png", statistic=s, kind=KINDS[i % len(KINDS)],
                status=("safe", "protected", "review")[i % 3])
        for i, s in enumerate(STATISTICS)
    ]  # fmt: skip
    for which in names():
        yield draft(facts(which), language)
    for mode in ("conventional", "keyed", "midpoint-6"):
        yield draft(facts(preset("cbs", rounding=mode, zeros="fail", model_export="blocked")), language)
    own = read(write(replace(preset("ons_sdap", t=12), name="hospital", floor="ons_sdap")))
    yield draft(facts(own, units={"persons": 1843, "households": 4, "institutions": 3}), language)
    loose = read(write(preset("cbs")).replace("value: fail if sensitive", "value: allow").replace(
        "value: blocked", "value: review"))  # fmt: skip
    units = {"persons": 1843, "households": 1502, "institutions": 61}
    yield draft(facts(replace(loose, facts=loose.facts | {"t_institution": loose.facts["t"]}), units=units), language)
    yield draft(
        facts(
            outputs=(*everything, OUTPUTS[1]), exceptions=asked, review=[(k, "somewhere") for k in form.REVIEWS],
            signatures=[Signature("self-harm", "A. Bakker", "2026-11-01")], weighted=True, light=True,
            attacked=Attacked(20, 9, 2, 80, 4, {"row space": 11, "linear program": 11, "integer program": 11,
                                                 "told": 4, "two tables": 5}, 3.2),
            scanned=Scanned(31, canaries=20),
        ),
        language,
    )  # fmt: skip
    yield draft(facts(attacked=Attacked(0, 9)), language)
    yield draft(facts(withheld=public_log([], 10)), language)
    yield draft(facts(withheld={"small count": "some", "complementary": "10 or more"}, ledger=False), language)
    # no form is drafted with a blocked file; its word stands here for the listing of what was asked
    yield strings(language)["output_status"]["blocked"]


# what a form tells ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("which", names())
def test_a_form_is_drafted_for_every_preset(which, language):
    text = draft(facts(which), language)
    assert text.endswith("\n")
    assert "{" not in text
    assert max(len(line) for line in text.splitlines()) <= 120
    headings = [strings(language)["heading"][k] for k in strings(language)["heading"]]
    assert [h for h in headings if h not in text] == []
    assert "primum" in text
    assert "823b52929eaa" in text
    assert which in text


def test_a_form_is_the_same_every_time():
    assert draft(facts(), "nl") == draft(facts(), "nl")


def test_the_form_never_declares_an_output_safe():
    for language, sentence in (
        ("en", "never declares an output safe in law"),
        ("nl", "nooit dat output juridisch veilig"),
    ):
        text = one_line(draft(facts(), language))
        assert sentence in text
        assert not re.search(r"\b(fair|unbiased|compliant|certified)\b", text)


def test_rules_come_with_every_override_and_how_well_they_are_known():
    text = one_line(draft(facts(preset("cbs", t=20, rounding="conventional")), "en"))
    assert "least number of persons behind a count: 20 (chosen by the authors of primum)" in text
    assert "least number of persons behind a count: 20 instead of 10" in text
    assert "rounding: to the nearest multiple instead of none" in text
    assert "least degrees of freedom: 10 (read in a page that quotes the source)" in text


def test_units_are_told_with_their_thresholds_and_unweighted():
    text = one_line(draft(facts(weighted=True), "en"))
    assert "Persons, unweighted, at least 10 behind every count: 1843" in text
    assert "Households, at least 10 behind every count: 1502" in text
    assert "Institutions: not counted" in text
    assert "Every count in this export and every threshold is unweighted" in text
    assert "Er is niet gewogen" in draft(facts(), "nl")


def test_few_units_are_not_told_exactly():
    text = one_line(draft(facts(units={"persons": 1843, "households": 1502, "institutions": 3}), "nl"))
    assert "Instellingen, ter beoordeling: minder dan 10" in text


def test_every_file_is_listed_with_its_people():
    text = draft(facts(), "nl")
    assert (
        "- tables/groups.csv\n    tabel, aandelen met betrouwbaarheidsintervallen; n 1843, kleinste 12; beveiligd"
        in text
    )
    assert "papers" not in text
    assert "n-behind-figures.csv\n    tabel, stukken bij deze export; bevat geen gegevens over personen" in text


def test_fewer_than_t_withheld_cells_are_told_by_their_bound():
    english, dutch = one_line(draft(facts(), "en")), one_line(draft(facts(), "nl"))
    assert "small counts (primary): fewer than 10" in english
    assert "kleine aantallen (primair): minder dan 10" in dutch
    assert "(secundair): 10 of meer" in dutch


def test_the_attack_tells_no_number_that_gives_a_class_away():
    """Three small counts and 14 others are 17: told together, 17 and 14 would tell the 3."""
    told = {n: public_log(["small count"] * n + ["complementary"] * 14, 10) for n in range(1, 10)}
    forms = {
        draft(facts(attacked=Attacked(n + 14, 9, steps={"row space": n, "linear program": 14}), withheld=told[n]), "en")
        for n in told
    }
    assert len(forms) == 1
    text = one_line(next(iter(forms)))
    assert "How many withheld counts were attacked is not told" in text
    assert "Decided by: linear programming, adding and subtracting." in text


def test_the_attack_tells_how_many_counts_when_every_class_is_told():
    withheld = public_log(["small count"] * 11 + ["complementary"] * 14, 10)
    assert "Withheld counts attacked: 25." in draft(facts(attacked=Attacked(25, 9), withheld=withheld), "en")


def test_the_attack_tells_what_it_took_into_account():
    attacked = Attacked(25, 420, 2, 831, 4, {"linear program": 14, "integer program": 11}, 2.1)
    text = one_line(draft(facts(attacked=attacked), "nl"))
    assert "Voor elk onderdrukt aantal is geprobeerd het te herleiden uit alles wat een lezer kan zien" in text
    assert "Eerdere exports van dit project waarmee rekening is gehouden: 2, met 831 aantallen" in text
    assert "4 eerdere aantallen berusten op andere selecties" in text
    assert "Beslist door: geheeltallig programmeren, lineair programmeren." in text
    assert "Tijd: 3 s van de toegestane 60 s" in text


def test_a_threshold_that_was_set_aside_is_not_said_to_hold():
    asked = Exemption("R1 households", "everybody lives alone in this register", "A. Bakker", "2026-11-01")
    text = one_line(draft(facts(exceptions=[asked]), "en"))
    assert "Households: 1502; the threshold of 10 was set aside, see the exceptions" in text
    assert "Households, at least" not in text
    assert "Huishoudens: niet geteld" in draft(facts(units={"persons": 1843}), "nl")
    assert "Huishoudens, minimaal" not in draft(facts(units={"persons": 1843}), "nl")


def test_exceptions_and_signatures_are_never_silent():
    asked = Exemption("R1 households", "everybody lives alone in this register", "A. Bakker", "2026-11-01")
    signature = Signature("self-harm", "J. de Vries", "2026-11-02")
    text = one_line(draft(facts(exceptions=[asked], signatures=[signature]), "nl"))
    assert "R1, huishoudens: everybody lives alone in this register (A. Bakker, 2026-11-01)" in text
    assert "Voor het gevoelige kenmerk 'self-harm' is akkoord gegeven door J. de Vries, 2026-11-02" in text
    assert "Er wordt geen uitzondering gevraagd" in draft(facts(), "nl")


def test_what_the_checker_must_judge_is_a_list_to_tick():
    text = draft(facts(review=[("share", "sex = F"), ("phenotype", "depression"), ("share", "sex = F")]), "en")
    assert text.count("[ ] A share close to 0 or 1 in a group (R2): sex = F.") == 1
    assert "[ ] A sensitive phenotype (R17): depression." in text


def test_a_person_signs():
    text = draft(facts(), "nl")
    for line in (
        "Naam: ....",
        "Handtekening: ....",
        "Outputcontroleur: ....",
        "Projectnummer: ....",
        "Aangevraagd door: ...",
    ):
        assert line in text
    assert "Projectnummer: 9876" in draft(facts(project="9876"), "nl")


def test_the_process_of_cbs_is_told_with_how_well_it_is_known():
    text = one_line(draft(facts(), "nl"))
    assert "vóór twaalf uur 's middags is aangeboden, geldt als één output. (in de bron zelf gelezen)" in text
    assert "niet op kwaliteit" in text
    assert "LIGHT" not in draft(facts("opensafely"), "nl")
    assert "staat LIGHT voor de naam" in one_line(draft(facts(light=True, bundle="LIGHT_a.zip"), "nl"))


def test_numbers_have_no_separators():
    for language in languages():
        text = draft(facts(units={"persons": 1234567, "households": 99343}), language)
        assert "1234567" in text
        assert "99343" in text


def test_rules_of_a_projects_own_are_told_with_their_floor():
    own = read(write(replace(preset("cbs"), name="hospital", title="Our own", note="Ours", floor="cbs")))
    text = one_line(draft(facts(own), "nl"))
    assert "Regels: hospital, Our own" in text
    assert "nergens soepeler dan die van 'cbs'" in text
    assert "Het CBS controleert op onthulling" in text


# what has no form -----------------------------------------------------------------------------------------------------


def test_a_release_that_leaks_has_no_form():
    with pytest.raises(PrimumError, match=r"no control form for 'depression-1'\. The attack on it succeeded"):
        draft(facts(attacked=Attacked(17, 420, passed=False)))
    with pytest.raises(PrimumError, match="A file holds what may not leave"):
        draft(facts(scanned=Scanned(31, failures=1)))
    with pytest.raises(PrimumError, match=r"'figures/roc\.png' is blocked"):
        draft(facts(outputs=(replace(OUTPUTS[0], status="blocked"),)))


def test_unknown_languages_and_reviews_are_refused():
    with pytest.raises(PrimumError, match="There is no language 'fr'"):
        draft(facts(), "fr")
    with pytest.raises(PrimumError, match=r"There is no kind of review 'shares'(.|\n)*did you mean 'share'"):
        draft(facts(review=[("shares", "x")]))
