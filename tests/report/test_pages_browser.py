"""The pages as a reader meets them: opened from disk in headless Chromium, and printed on A4."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from primum.finding import Verdict
from primum.report.pages.form import html
from primum.report.pages.judged import FAMILIES
from primum.report.pages.model_card import model_card
from primum.report.pages.summary import SMALLEST, summary
from primum.report.pages.write import write
from primum.report.source import GROUP_CHECK, primary

CONTRAST = """() => {
const rgb = (c) => c.match(/[\\d.]+/g).map(Number);
const linear = (v) => (v / 255 <= .03928 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4);
const lum = ([r, g, b]) => .2126 * linear(r) + .7152 * linear(g) + .0722 * linear(b);
const ground = (e) => {
  for (; e; e = e.parentElement) {
    const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c;
  }
  return [255, 255, 255];
};
const speaks = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
return Math.min(...[...document.querySelectorAll('body *')].filter((e) => !e.closest('style') && speaks(e)).map((e) => {
  const a = lum(rgb(getComputedStyle(e).color)), b = lum(ground(e));
  return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
}));
}"""
LANGUAGES = {"summary.en": "en", "summary.nl": "nl", "model-card": "en", "datasheet": "en"}


@pytest.fixture(scope="module")
def files(finished, tmp_path_factory):
    return write(finished, tmp_path_factory.mktemp("pages"))


@pytest.fixture
def opened(browser):
    """Open a page, and keep what it asked for and complained about."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.requests, page.complaints = [], []
    page.on("request", lambda r: page.requests.append(r.url))
    page.on("console", lambda m: page.complaints.append(f"{m.type}: {m.text}"))
    page.on("pageerror", lambda e: page.complaints.append(str(e)))
    yield page
    page.close()


def sheets(page, text, tmp_path):
    """Return the text of every sheet of A4 on which a page is printed."""
    from pypdf import PdfReader

    file = tmp_path / "printed.html"
    file.write_text(text, encoding="utf8")
    page.goto(file.as_uri())
    printed = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    width, height = (float(x) / 72 * 25.4 for x in printed.pages[0].mediabox[2:])
    assert (round(width), round(height)) == (210, 297)
    return [re.sub(r"\s+", " ", p.extract_text()) for p in printed.pages]


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_page_is_one_file_that_asks_for_nothing(opened, files, name):
    opened.goto(files[name].as_uri())
    opened.wait_for_timeout(100)
    assert opened.requests == [files[name].as_uri()]
    assert opened.complaints == []
    text = files[name].read_text(encoding="utf8")
    assert not re.search(r"<script|<svg|<img|<link|<iframe|<!--|@import|url\(|https?://|style=| on\w+=", text)
    assert len(text.encode()) < 200_000


@pytest.mark.parametrize("name", LANGUAGES)
def test_its_style_is_the_one_that_its_policy_allows(opened, files, name):
    opened.goto(files[name].as_uri())
    assert opened.evaluate("getComputedStyle(document.querySelector('h1')).fontWeight") == "700"
    assert opened.evaluate("getComputedStyle(document.body).margin") == "0px"
    barred = opened.evaluate(
        """() => { const s = document.createElement('style'); s.textContent = 'body { margin: 7px }';
        document.head.append(s); return getComputedStyle(document.body).margin === '0px'; }"""
    )
    assert barred


@pytest.mark.parametrize(("name", "code"), LANGUAGES.items())
def test_it_is_accessible(opened, files, name, code):
    opened.goto(files[name].as_uri())
    assert opened.evaluate("document.documentElement.lang") == code
    assert opened.evaluate("document.title.length") > 5
    levels = opened.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert opened.evaluate("['header', 'main', 'footer'].map(t => document.querySelectorAll(t).length)") == [1, 1, 1]
    assert opened.evaluate(
        """() => [...document.querySelectorAll('table')].every(t => t.caption && t.caption.textContent.trim()
        && [...t.querySelectorAll('th')].every(h => h.getAttribute('scope'))
        && [...t.tBodies[0].rows].every(r => r.cells.length === t.tHead.rows[0].cells.length))"""
    )
    ids = opened.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert opened.evaluate("[...document.querySelectorAll('a')].every(a => document.querySelector(a.hash))")
    assert opened.evaluate(CONTRAST) >= 4.5
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.className") == "skip"


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_sticks_out_sideways(opened, files, name, width):
    opened.set_viewport_size({"width": width, "height": 900})
    opened.goto(files[name].as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("code", ["en", "nl"])
def test_the_summary_is_one_sheet(opened, finished, tmp_path, code):
    (sheet,) = sheets(opened, summary(finished, code), tmp_path)
    assert "primum" in sheet[-120:], "the last line of the page is on the sheet"
    size = float(re.search(r"\.summary \{ font-size: ([\d.]+)pt", summary(finished, code))[1])
    assert size >= 8


@pytest.mark.parametrize("code", ["en", "nl"])
def test_a_summary_with_much_to_say_is_still_one_sheet(opened, run, tmp_path, code):
    """Long texts, every kind of margin declared, harm and silence for many groups."""
    base = [f for f in run.findings if f.check == GROUP_CHECK and f.model == primary(run) and f.metric == "sensitivity"]
    kinds = (Verdict.HARM, Verdict.INCONCLUSIVE, Verdict.SUPPRESSED)
    run.findings = [
        replace(f, metric=metrics[0], verdict=kinds[i % 3], reason="not when all 4 groups are compared at once")
        for metrics in FAMILIES.values()
        for i, f in enumerate(base)
    ]
    u = run.usecase
    decision = u.decision.model_copy(update={"act": "invite " * 60, "miss": "goes " * 90, "false_alarm": "waits " * 90})
    long = {"intended_use": "word and " * 200, "population": "people of all kinds " * 90, "title": "a title " * 60}
    outcome = u.outcome.model_copy(update={"recorded_by": "by somebody " * 90})
    run.usecase = u.model_copy(update={**long, "decision": decision, "outcome": outcome})
    text = summary(run, code)
    (sheet,) = sheets(opened, text, tmp_path)
    assert "primum" in sheet[-120:]
    assert float(re.search(r"\.summary \{ font-size: ([\d.]+)pt", text)[1]) >= SMALLEST


def test_tables_of_the_card_fit_the_sheet(opened, finished, tmp_path):
    """In print no table is wider than the paper: it would be cut off, or everything would be shrunk."""
    opened.set_viewport_size({"width": 688, "height": 1000})  # 182 mm between the margins, at 96 pixels an inch
    opened.emulate_media(media="print")
    for code in ("en", "nl"):
        text = html(model_card(finished, code), finished)
        assert len(sheets(opened, text, tmp_path)) < 10
        wide = opened.evaluate(
            """() => [...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().right)
            .filter(right => right > innerWidth + 1).length"""
        )
        assert wide == 0
        rows = opened.evaluate(
            """() => [...document.querySelectorAll('table')].every(t => new Set([...t.tBodies[0].rows].map(
            r => Math.round(r.cells[1].getBoundingClientRect().left))).size === 1)"""
        )
        assert rows, "cells of a column stand below each other"


def test_the_bar_shows_the_thousand_in_print(opened, finished, tmp_path):
    from primum.report.page_one_thousand import thousand

    sheets(opened, summary(finished, "en"), tmp_path)
    widths = opened.evaluate("[...document.querySelectorAll('.bar span')].map(e => e.getBoundingClientRect().width)")
    shares = [v / 1000 for v in thousand(finished).values()]
    assert widths == pytest.approx([s * sum(widths) for s in shares], abs=1.5)
    assert opened.evaluate("document.querySelector('.bar').getAttribute('aria-hidden')") == "true"
