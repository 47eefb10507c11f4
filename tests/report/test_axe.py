"""The report as people meet it who cannot see, cannot hold a mouse or read on a phone: axe-core and WCAG 2.2 AA."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SEVERE = {"serious", "critical"}
RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ['violations'] });
  const rules = axe.getRules().length;
  return { rules, passes: found.passes.length, violations: found.violations.map((v) => ({
    impact: v.impact, id: v.id, help: v.help, where: v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)) })) };
}"""


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core; a missing one is a failure where PRIMUM_REQUIRE_BROWSER=1, else a skip."""
    try:
        import axe_playwright_python
    except ImportError:
        why = "axe-core is not installed (pip install axe-playwright-python)"
        if os.environ.get("PRIMUM_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{why}, and PRIMUM_REQUIRE_BROWSER=1")
        pytest.skip(why)
    return Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf8")


@pytest.fixture(params=["inside", "export"])
def page(request, browser):
    """A small report, open, and what it asked for."""
    folder = request.getfixturevalue(f"{request.param}_folder")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.requests, page.complaints, page.file = [], [], folder / "report.html"
    page.on("request", lambda r: page.requests.append(r.url))
    page.on("console", lambda m: page.complaints.append(m.text))
    page.on("pageerror", lambda e: page.complaints.append(str(e)))
    page.goto(page.file.as_uri())
    yield page
    page.close()


def violations(page, axe):
    """Return what axe-core finds."""
    page.evaluate(axe)
    found = page.evaluate(RUN)
    assert found["rules"] > 80
    assert found["passes"] > 20
    return found["violations"]


@pytest.mark.parametrize(("page", "width"), [("inside", 1280), ("export", 320)], indirect=["page"])
def test_axe_finds_nothing_serious(page, axe, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach((d, i) => { d.open = i % 4 === 0; })")
    found = violations(page, axe)
    assert not [v for v in found if v["impact"] in SEVERE], found
    assert not found, found


@pytest.mark.parametrize("page", ["export"], indirect=True)
def test_axe_would_find_a_fault(page, axe):
    page.evaluate(
        """() => { const i = document.createElement('img'); i.src = 'data:,'; document.querySelector('main').append(i);
        document.documentElement.removeAttribute('lang'); document.querySelector('h1').style.color = '#eee'; }"""
    )
    assert {"image-alt", "html-has-lang", "color-contrast"} <= {v["id"] for v in violations(page, axe)}


def test_the_page_asks_for_nothing(page):
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(200)
    outside = [url for url in page.requests if not url.startswith("data:image/png;base64,")]
    assert outside == [page.file.as_uri()]
    assert page.complaints == []


def test_it_reads_on_a_phone_without_scrolling_sideways(page):
    """WCAG 2.2, 1.4.10: 320 CSS pixels; tables and figures of data may scroll within themselves."""
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for width in (1024, 960, 864, 800, 704, 640, 480, 400, 320):
        page.set_viewport_size({"width": width, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    out = page.evaluate(
        """() => [...document.querySelectorAll('body *')]
        .filter((e) => !e.closest('.scroll, svg, .hidden, .skip') && e.getBoundingClientRect().right > 321)
        .map((e) => e.outerHTML.slice(0, 100))"""
    )
    assert out == []
    stuck = page.evaluate(
        """() => [...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth + 1
        && (e.tabIndex !== 0 || getComputedStyle(e).overflowX !== 'auto')).length"""
    )
    assert stuck == 0


def test_text_may_be_spaced_more_widely(page):
    """WCAG 2.2, 1.4.12: nothing is cut off with the line, letter and word spacing that some readers need."""
    page.set_viewport_size({"width": 640, "height": 900})
    page.evaluate(
        """() => { for (const e of document.querySelectorAll('body *')) {
        for (const [k, v] of [['line-height', '1.5'], ['letter-spacing', '.12em'], ['word-spacing', '.16em']])
        e.style.setProperty(k, v, 'important'); } }"""
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 640
    cut = page.evaluate(
        """() => [...document.querySelectorAll('p, li, dd, h1, h2, h3, .chip')].filter((e) => {
        const hides = ['hidden', 'clip'].includes(getComputedStyle(e).overflow);
        return e.offsetParent && !e.matches('.hidden') && hides && e.scrollHeight > e.clientHeight + 1;
        }).length"""
    )
    assert cut == 0


def test_what_can_be_pressed_is_large_enough(page):
    """WCAG 2.2, 2.5.8: 24 by 24 CSS pixels, or in a line of text."""
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, summary')].filter((e) => e.offsetParent)
        .map((e) => [e.outerHTML.slice(0, 60), e.getBoundingClientRect()])
        .filter(([, box]) => box.height < 24 || box.width < 24).map(([name]) => name)"""
    )
    assert small == []


@pytest.mark.slow
@pytest.mark.parametrize(("page", "width"), [("inside", 320), ("export", 1280)], indirect=["page"])
def test_axe_finds_nothing_serious_at_other_widths_with_all_open(page, axe, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert not violations(page, axe)


@pytest.mark.slow
def test_axe_finds_nothing_serious_in_a_large_report(browser, axe, page_file):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(page_file.as_uri())
    page.set_default_timeout(600_000)
    assert not [v for v in violations(page, axe) if v["impact"] in SEVERE]
    page.close()
