from __future__ import annotations

import re

import pytest

from primum.errors import PrimumError
from primum.finding import Status, Verdict
from primum.measure.metric import METRICS
from primum.report import words
from primum.report.language import language, languages, placeholders, read
from primum.report.numbers import NBSP
from primum.report.pages.judged import FAMILIES
from primum.report.pages.names import builtin
from primum.usecase import DESCRIPTIVE, METRIC_IDS
from primum.usecase_file import builtin as usecases
from primum.usecase_file import load

JARGON = re.compile(
    r"AUROC|sensitivi|specifici|confidence|interval|calibrat|kalibrat|net benefit|nettobaat|prevalen|p-value|metric"
    r"|false positive|vals-positief|bootstrap|threshold|cohort",
    re.IGNORECASE,
)
NEVER = re.compile(
    r"\bfair\b|unfair|unbiased|complian|certified|trust score|\beerlijk|onbevooroordeeld|gecertificeerd", re.IGNORECASE
)
OWN = re.compile(r"certified|certifies", re.IGNORECASE)
"""What the report says of its own no-harm certificates."""


def pages(code):
    """Return the texts of the pages for everybody; those of the report itself may come later."""
    return {k: t for k, t in language(code).texts.items() if not k.startswith("main.")}


def test_english_and_dutch_are_there():
    assert {"en", "nl"} <= set(languages())


@pytest.mark.parametrize("code", languages())
def test_every_language_has_the_keys_of_english(code):
    assert pages(code).keys() == pages("en").keys()


@pytest.mark.parametrize("code", languages())
def test_every_language_has_the_placeholders_of_english(code):
    english = language("en").texts
    assert all(placeholders(t) == placeholders(english[k]) for k, t in language(code).texts.items())


@pytest.mark.parametrize("code", languages())
def test_every_verdict_status_and_metric_has_words(code):
    say = language(code)
    assert all(
        say(f"report.verdict.{v.name.lower()}.name") and say(f"report.verdict.{v.name.lower()}.means") for v in Verdict
    )
    assert all(say(f"report.status.{s.name.lower()}") for s in Status)
    assert all(say(f"report.metric.{m}.title") and say(f"report.metric.{m}.plain") for m in METRICS)


@pytest.mark.parametrize("code", languages())
def test_every_margin_can_be_told_in_plain_words(code):
    assert {m for ms in FAMILIES.values() for m in ms} == set(METRIC_IDS) - set(DESCRIPTIVE)
    assert sum(map(len, FAMILIES.values())) == len(set(METRIC_IDS) - set(DESCRIPTIVE))
    for family in FAMILIES:
        keys = (f"summary.harm.{family}.lead", f"summary.harm.{family}.line", f"summary.open.{family}")
        assert all(language(code).has(k) for k in keys)


def test_english_says_what_the_main_report_says():
    say = language("en")
    assert {m: say(f"report.metric.{m}.title") for m in METRICS} == {k: m.title for k, m in METRICS.items()}
    kept = [v for v in Verdict if v is not Verdict.SUPPRESSED]
    assert [say(f"report.verdict.{v.name.lower()}.name") for v in kept] == [str(v) for v in kept]
    assert say("report.legend.intervals", level=f"95{NBSP}%") == words.intervals(0.95)


def test_an_unknown_language_is_refused_with_those_there_are():
    with pytest.raises(PrimumError, match=r"Nothing is written in 'xx'.\n  available: en, nl") as told:
        language("xx")
    assert "add its file" in told.value.mend
    with pytest.raises(PrimumError, match="did you mean 'nl'"):
        language("nl-NL")


def test_an_unknown_key_and_a_lacking_value_are_refused():
    with pytest.raises(PrimumError, match=r"no text 'summary\.titel' in the language 'nl'"):
        language("nl")("summary.titel")
    with pytest.raises(PrimumError, match=r"'common\.more' has no value for 'n'"):
        language("en")("common.more", first="A")


def test_texts_that_are_no_texts_are_refused():
    with pytest.raises(PrimumError, match=r"'a\.b' of 'x' is not a text"):
        read("a: {b: 1}", "x")
    with pytest.raises(PrimumError, match="'a' of 'x' is not a text"):
        read("a: [one, two]", "x")
    with pytest.raises(PrimumError, match="cannot be read"):
        read("a: {b", "x")
    assert read("a: {b: one\n  two}", "x") == {"a.b": "one two"}


def test_numbers_are_written_as_the_language_does():
    en, nl = language("en"), language("nl")
    assert (en.count(5068), nl.count(5068), nl.count(-1234567)) == ("5,068", "5.068", "−1.234.567")
    assert (en.percent(0.085), nl.percent(0.085), nl.percent(0.1)) == ("8.5%", "8,5%", "10%")
    assert (en.general(0.05), nl.general(0.05), nl.general(12.0)) == ("0.05", "0,05", "12")
    assert (en.of_100(0.624), en.of_100(None), nl.of_100(None)) == ("62", "withheld", "niet vrijgegeven")
    assert (en.between(0.57, 0.66), nl.between(0.57, 0.66), en.between(None, 0.5)) == (
        "between 57 and 66", "tussen 57 en 66", "",
    )  # fmt: skip
    assert nl.measured("sensitivity", 0.69, 0.65, 0.74) == f"69%{NBSP}[65–74]"
    assert nl.measured("net_benefit", 0.003, -0.005, 0.021) == f"0,003{NBSP}[−0,005 tot 0,021]"
    assert en.measured("ici", 0.0123, 0.01, 0.02) == f"1.2%{NBSP}[1.0–2.0]"
    assert (nl.measured("n", 1234), nl.measured("auroc", None)) == ("1.234", "niet vrijgegeven")


def test_lists_and_days():
    en, nl = language("en"), language("nl")
    assert [en.listed(x) for x in ([], ["A"], ["A", "B"], ["A", "B", "C"])] == ["", "A", "A and B", "A, B and C"]
    assert nl.listed(["A", "B", "C", "D"], 2) == "A, B en nog 2"
    assert en.listed(["A", "B"], 2) == "A and B"
    assert (en.day("2026-03-02T09:30:00+00:00"), nl.day("2026-03-02")) == ("2 March 2026", "2 maart 2026")
    assert [en.day(x) for x in ("", "yesterday", "2026-13-01")] == ["", "", ""]
    assert all(len(language(c)("language.months").split()) == 12 for c in languages())


@pytest.mark.parametrize("code", languages())
def test_words_that_must_not_be_there(code):
    texts = language(code).texts
    assert not [k for k, t in texts.items() if NEVER.search(OWN.sub("", t) if k.startswith("main.") else t)]
    assert not [k for k, t in texts.items() if k.startswith("summary.") and JARGON.search(t)]


@pytest.mark.parametrize("code", languages())
def test_sentences_of_the_summary_are_short(code):
    texts = [t for k, t in language(code).texts.items() if k.startswith("summary.")]
    lengths = [len(s.split()) for t in texts for s in re.split(r"(?<=[.?!:;])\s", t)]
    assert max(lengths) <= 24
    assert sum(lengths) / len(lengths) <= 12


@pytest.mark.parametrize("name", list(usecases()))
def test_built_in_use_cases_are_told_in_dutch(name):
    """What the summary quotes of a built-in use case has a translation, word for word."""
    u, told = load(name), builtin("nl")
    texts = [
        u.title, u.question, u.intended_use, u.population, u.outcome.name, u.outcome.recorded_by, u.decision.act,
        u.decision.chosen, u.decision.miss, u.decision.false_alarm, *(g.title for g in u.groups),
        *(label for g in u.groups for label in (g.labels or {}).values()),
    ]  # fmt: skip
    assert [t for t in texts if " ".join(t.split()) not in told] == []
