"""The report as a reader meets it: opened from disk in headless Chromium."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from primum.report import slider
from primum.report.numbers import NBSP

WIDTHS = (390, 1280)


@pytest.fixture
def opened(browser, page_file):
    """A page with the report in it, and what it asked for and complained about."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.requests, page.complaints = [], []
    page.on("request", lambda r: page.requests.append(r.url))
    page.on("console", lambda m: page.complaints.append(f"{m.type}: {m.text}"))
    page.on("pageerror", lambda e: page.complaints.append(str(e)))
    page.goto(page_file.as_uri())
    yield page
    page.close()


def cells(page):
    """Return the texts of the slider table, one list a group."""
    return page.evaluate(
        """() => [...document.querySelectorAll('#threshold-table tbody tr')].filter(r => r.cells.length > 1)
        .map(r => [...r.cells].slice(1).map(c => c.innerText.trim().replace(/\\s*\\n\\s*/g, ' | ')))"""
    )


def python_cells(run, model, index):
    """Return what Python computes for the same table."""
    content = slider.data(run)
    held = next(m for m in content["models"] if m["name"] == model)
    rows = []
    for g in held["groups"]:
        made = slider.row(g["events"], g["nonevents"], g["tp"][index], g["fp"][index], content["z"])
        rows.append([f"{c.text} | {c.note}" if c.note else c.text for c in made])
    return rows


def test_it_asks_for_nothing_and_complains_about_nothing(opened, page_file):
    opened.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    opened.click("text=Back to the declared threshold", force=True, trial=True)
    opened.wait_for_timeout(300)
    assert opened.requests == [page_file.as_uri()]
    assert opened.complaints == []


def test_the_page_bars_requests_and_foreign_scripts(opened, page_file):
    blocked = opened.evaluate(
        """async () => { try { await fetch('data:text/plain,x'); return false; } catch { return true; } }"""
    )
    assert blocked
    assert opened.evaluate(
        """() => { const s = document.createElement('script'); s.textContent = 'window.came = 1';
        document.body.append(s); return window.came === undefined; }"""
    )


@pytest.mark.parametrize("step", [0, 4, 24, 49, 98])
def test_moving_the_threshold_gives_the_numbers_of_python(opened, finished, step):
    before = cells(opened)
    assert before == python_cells(finished, "boosting", 9)
    opened.locator("#threshold-range").fill(str(step))
    after = cells(opened)
    assert after == python_cells(finished, "boosting", step)
    assert after != before
    assert opened.inner_text("#threshold-value") == f"{step + 1}{NBSP}%"


def test_full_precision_agrees_with_the_measures(opened, finished):
    opened.locator("#threshold-range").fill("14")
    shown = opened.evaluate(
        """() => [...document.querySelectorAll('#threshold-table tbody tr')].filter(r => r.cells.length > 1)
        .map(r => [6, 7, 8].map(i => r.cells[i].dataset.value))"""
    )
    for values, g in zip(shown, finished.chapters["groups"]["thresholds"]["boosting"]["groups"], strict=True):
        tp, fp = g["tp"][14], g["fp"][14]
        pairs = [(tp, g["events"]), (g["nonevents"] - fp, g["nonevents"]), (tp, tp + fp)]
        for value, (k, n) in zip(values, pairs, strict=True):
            assert (value == "") if n == 0 else (float(value) == k / n)


def test_another_model_and_the_way_back(opened, finished):
    opened.locator("#threshold-model").select_option(label="logistic")
    assert cells(opened) == python_cells(finished, "logistic", 9)
    opened.locator("#threshold-range").fill("40")
    assert opened.locator("#threshold-back").is_enabled()
    opened.locator("#threshold-back").click()
    assert cells(opened) == python_cells(finished, "logistic", 9)
    assert opened.locator("#threshold-back").is_disabled()


def test_the_keyboard_moves_the_threshold_and_a_screen_reader_hears_it(opened, finished):
    from playwright.sync_api import expect

    slider_ = opened.get_by_role("slider", name="Select people whose score is at least")
    slider_.focus()
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("ArrowLeft")
    assert cells(opened) == python_cells(finished, "boosting", 10)
    assert slider_.get_attribute("aria-valuetext") == f"11{NBSP}%"
    status = opened.get_by_role("status")
    expect(status).to_contain_text("threshold of 11")
    said = status.inner_text()
    assert re.match(
        r"At a threshold of 11.%: of 1,000 people, 90 have depression\. \d+ of them are found, \d+ missed", said
    )
    assert "8.1 false alarms" in opened.inner_text("#threshold-odds")
    opened.keyboard.press("Home")
    assert cells(opened) == python_cells(finished, "boosting", 0)


def test_empty_denominators_are_dashes_with_a_reason(opened):
    opened.locator("#threshold-range").fill("98")
    shown = [c for row in cells(opened) for c in row if c.startswith("–")]
    assert {"– | nobody has it", "– | nobody is selected"} <= set(shown)
    assert all(" | " in c for c in shown)


def test_the_skip_link_comes_first_and_works(opened):
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.className") == "skip"
    box = opened.locator(".skip").bounding_box()
    assert box["y"] >= 0
    opened.keyboard.press("Enter")
    assert opened.evaluate("document.activeElement.id") == "main"


def test_focus_can_be_seen(opened):
    opened.locator("#threshold-range").focus()
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_every_picture_has_a_name_or_is_told_beside(opened):
    bad = opened.evaluate(
        """() => [...document.querySelectorAll('svg')].filter(s => s.getAttribute('aria-hidden') !== 'true'
        && !(s.getAttribute('role') === 'img' && (s.getAttribute('aria-label') || '').length > 20)).length"""
    )
    assert bad == 0
    assert opened.locator("svg[role=img]").count() > 5


def test_landmarks_and_headings(opened):
    roles = opened.evaluate("['header', 'main', 'nav', 'footer'].map(t => document.querySelectorAll(t).length)")
    assert roles == [1, 1, 1, 1]
    levels = opened.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_every_table_tells_its_heads(opened):
    assert opened.evaluate(
        """() => [...document.querySelectorAll('table')].every(t => t.caption && t.caption.textContent.trim()
        && [...t.querySelectorAll('th')].every(h => h.getAttribute('scope')))"""
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out_sideways(opened, width):
    opened.set_viewport_size({"width": width, "height": 900})
    opened.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    out = opened.evaluate(
        """(w) => [...document.querySelectorAll('.page-one *, .controls *')].filter(e => !e.closest('svg, .hidden')
        && e.getBoundingClientRect().right > w + 1).map(e => e.outerHTML.slice(0, 80))""",
        width,
    )
    assert out == []


def test_text_has_contrast(opened):
    """WCAG 2.1 AA: at least 4.5 for every text of the page (pictures are checked with their palette)."""
    worst = opened.evaluate(
        """() => {
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
        const silent = 'svg, script, style, noscript, :disabled';
        return Math.min(...[...document.querySelectorAll('body *')].filter((e) => !e.closest(silent) && speaks(e))
          .map((e) => {
            const a = lum(rgb(getComputedStyle(e).color)), b = lum(ground(e));
            return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
          }));
        }"""
    )
    assert worst >= 4.5


def test_page_one_prints_on_one_sheet(opened, tmp_path):
    from pypdf import PdfReader

    file = tmp_path / "print.pdf"
    opened.pdf(path=str(file), prefer_css_page_size=True)
    first, second = (page.extract_text() for page in PdfReader(file).pages[:2])
    assert "Would this model find" in first
    assert "small counts are shown" in re.sub(r"\s+", " ", first)
    assert "The use case" in second


def test_without_script_the_table_stands_at_the_declared_threshold(browser, page_file, finished):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    row = page.locator("#threshold-table tbody tr").first.inner_text()
    assert python_cells(finished, "boosting", 9)[0][0] in row
    assert not page.locator(".controls").is_visible()
    assert page.locator("noscript").first.inner_text().startswith("Moving the threshold needs JavaScript")
    context.close()
