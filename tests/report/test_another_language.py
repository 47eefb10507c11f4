"""The report in a made-up language, whose letters are all ж: what stays Latin comes from the data, or was forgotten."""

from __future__ import annotations

import json
import re

import pytest

from primum.errors import PrimumError
from primum.report import numbers, pdf_content, slider, words
from primum.report.figures import figures
from primum.report.html import html, marked
from primum.report.language import Language, language
from primum.report.notebook import summary_html
from primum.report.render import render
from primum.report.say import say, speaking

CODE = "zh"
LATIN = re.compile(r"[A-Za-z]{3,}")
LAYOUT = {"svg", "kind", "is", "style", "file", "language", "size", "page"}
COMMANDS = {"primum", "audit", "usecase", "yaml", "report", "RUN"}


def masked(text):
    """Return a text with every letter outside of its {placeholders} made a ж."""
    return re.sub(r"\{[^}]*\}|[A-Za-z]", lambda m: m[0] if m[0][0] == "{" else ("Ж" if m[0].isupper() else "ж"), text)


@pytest.fixture
def made_up(monkeypatch):
    """The language; a second one, 'de', lacks the report."""
    english = language("en").texts
    texts = {k: masked(t) for k, t in english.items()} | {"language.thousands": ".", "language.decimal": ","}
    held = {
        "en": Language("en", english),
        CODE: Language(CODE, texts),
        "de": Language("de", {k: t for k, t in english.items() if not k.startswith("main.page.")}),
    }
    monkeypatch.setattr("primum.report.say.language", held.__getitem__)
    monkeypatch.setattr("primum.report.say.languages", lambda: tuple(held))
    monkeypatch.setattr(numbers, "_FORMS", {})


def of_data(run):
    """Return the Latin words that a run brings along: names, reasons, what the use case says."""
    told = [run.chapters, run.manifest, run.usecase.model_dump(mode="json"), [f.row() for f in run.findings]]
    return {w.lower() for w in LATIN.findall(json.dumps(told, default=str, ensure_ascii=False))} | {
        w.lower() for w in COMMANDS
    }


def strings(told):
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        for key, value in told.items():
            yield from () if key in LAYOUT else strings(value)
    elif isinstance(told, list):
        for value in told:
            yield from strings(value)


@pytest.mark.usefixtures("made_up")
def test_no_english_is_left_in_the_page_and_in_the_pdf(finished):
    with speaking(CODE):
        drawn = figures(finished)
        page = html(finished, {}, drawn)
        printed = pdf_content.report(finished, drawn, dict.fromkeys((f.name for f in drawn), "<svg />"))
        short = summary_html(finished)
    assert f'<html lang="{CODE}">' in page
    assert printed["language"] == CODE
    page = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    page = re.sub(r'<section aria-labelledby="paper">.*?</section>', " ", page, flags=re.DOTALL)  # titles of articles
    named = re.findall(r'(?:aria-label|alt|title|content)="([^"]*)"', page[page.index("<body>") :])
    said = re.sub(r"<[^>]*>|&[a-z]+;", " ", page) + " ".join(named)
    known = of_data(finished)
    assert sorted({w for w in LATIN.findall(said) if w.lower() not in known}) == []
    printed["chapters"] = [c for c in printed["chapters"] if not any("doi:" in t for t in strings(c))]
    assert sorted({w for w in LATIN.findall(" ".join(strings(printed))) if w.lower() not in known}) == []
    assert sorted({w for w in LATIN.findall(re.sub(r"<[^>]*>", " ", short)) if w.lower() not in known}) == []


@pytest.mark.usefixtures("made_up")
def test_words_of_the_script_travel_with_its_numbers(finished):
    with speaking(CODE):
        told = slider.data(finished)["words"]
    assert (told["thousands"], told["decimal"], told["percent"]) == (".", ",", "{n}\u00a0%")
    assert not LATIN.search(" ".join(re.sub(r"\{\w+\}", "", t) for t in told.values()))
    assert "{at}" in told["said"]
    assert slider.data(finished)["words"]["nobody"] == "nobody in this group"


@pytest.mark.usefixtures("made_up")
def test_numbers_have_the_marks_of_the_language():
    def shown():
        return (
            numbers.fixed(-1234.56, 1), numbers.general(0.25), numbers.percent(0.125, 1), numbers.p_value(0.0001),
            numbers.of_metric("ici", 0.0213, 0.01, 0.034), numbers.threshold(7.5, "points"), numbers.counted(None),
        )  # fmt: skip

    english = (
        "−1,234.6", "0.25", "12.5\u00a0%", "<\u00a00.001", "2.1\u00a0points\u00a0[1.0–3.4]", "7.5", "withheld",
    )  # fmt: skip
    assert shown() == english
    with speaking(CODE):
        assert shown() == (
            "−1.234,6", "0,25", "12,5\u00a0%", "<\u00a00,001", "2,1\u00a0жжжжжж\u00a0[1,0–3,4]", "7,5", "жжжжжжжж",
        )  # fmt: skip
        assert words.group_name("overall", "everyone") == "Жжжжжжжж"
    assert shown() == english


@pytest.mark.usefixtures("made_up")
def test_a_whole_report_is_written_in_the_language_that_is_asked_for(small, tmp_path):
    written = render(small, tmp_path, figures=False, language=CODE)
    page = written["html"].read_text(encoding="utf8")
    assert f'<html lang="{CODE}">' in page
    assert "Жжжжж жжжж жжжжж жжжж жжж жжжжжж жжж жжжж жж, жж жжжжж жжжжж?" in page
    assert f"/Lang({CODE})".encode() in written["pdf"].read_bytes()
    assert say("page.skip") == "Skip to what was found"


@pytest.mark.usefixtures("made_up")
def test_a_language_that_is_not_whole_is_refused_before_anything_is_written(small, tmp_path):
    with pytest.raises(PrimumError, match="not written in 'de'"):
        render(small, tmp_path / "out", language="de")
    assert not (tmp_path / "out").exists()


def test_an_unknown_language_is_refused_before_anything_is_written(small, tmp_path):
    with pytest.raises(PrimumError, match="Nothing is written in 'xx'"):
        render(small, tmp_path / "out", language="xx")
    assert not (tmp_path / "out").exists()


def test_markup_comes_from_the_page_and_never_from_a_value():
    from markupsafe import Markup

    shown = marked("page.models.lead", model=Markup("<strong>A</strong>"))
    assert str(shown).startswith("Page one speaks of <strong>A</strong>. A model")
    assert "&lt;b&gt;" in str(marked("page.models.lead", model="<b>"))
    with pytest.raises(PrimumError, match="has no value for 'model'"):
        marked("page.models.lead")
