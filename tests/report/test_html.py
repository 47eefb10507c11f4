from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from primum.finding import Verdict
from primum.report import html as module
from primum.report import slider
from primum.report.html import embed, html, policy, whole
from primum.report.page_one import page_one

VOID = {"meta", "input", "br", "img", "link", "hr"}
SVG_VOID = {"path", "rect", "circle", "line", "use", "stop", "polygon", "polyline", "ellipse"}


class Balanced(HTMLParser):
    """Checks that tags nest, and collects ids, headings and tables."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.headings, self.text = [], [], [], []
        self.tables, self.captions = 0, 0
        self.links, self.labels = [], []

    def handle_startendtag(self, tag, attrs):
        self._seen(tag, dict(attrs))

    def handle_starttag(self, tag, attrs):
        self._seen(tag, dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def _seen(self, tag, attrs):
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.tables += tag == "table"
        self.captions += tag == "caption"
        if tag == "a":
            self.links.append(attrs["href"])
        self.labels += [i for k in ("aria-labelledby", "for") if k in attrs for i in attrs[k].split()]
        assert "style" not in attrs, f"inline style on <{tag}> is barred by the page's own policy"
        assert not [k for k in attrs if k.startswith("on")]
        for k in ("src", "href", "xlink:href"):
            assert attrs.get(k, "#").startswith("#"), f"<{tag} {k}={attrs[k]}> would leave the page"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in {"script", "style"}:
            self.text.append(data)


@pytest.fixture(scope="session")
def text(page_file):
    return page_file.read_text(encoding="utf8")


@pytest.fixture(scope="session")
def parsed(text):
    parser = Balanced()
    parser.feed(text)
    assert not parser.open
    return parser


def test_one_file_under_three_megabytes_that_fetches_nothing(text):
    assert len(text.encode()) < 3_000_000
    assert not re.search(r"@import|url\((?!#)|<link|<iframe|<img|fetch\(|XMLHttpRequest", text)
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)


def test_structure_is_sound(parsed):
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.headings[0] == 1
    assert parsed.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(parsed.headings, parsed.headings[1:], strict=False))
    assert parsed.captions == parsed.tables > 10
    assert {h[1:] for h in parsed.links} <= set(parsed.ids)
    assert set(parsed.labels) <= set(parsed.ids)


def test_order_is_that_of_the_design(text):
    parts = [
        "The question", "Overall", "Group by group", "What is open", "The record", "Repairs", "Stands up to",
        "Before use", "1. The use case", "2. The people", "3. The models", "4. Everyone together", "5. Every group",
        "6. If places are limited", "7. Repairs", "8. Privacy and disclosure",
        "9. Methods and references for a paper", "10. Limits", "11. How to do it again",
    ]  # fmt: skip
    places = [text.index(f">{p}") for p in parts]
    assert places == sorted(places)


def test_page_one_says_what_matters(finished):
    page = page_one(finished)
    assert page.overall.startswith("Of 1,000 people, 90 have depression. The model finds 75")
    assert page.exchange == "One miss is taken to be as bad as 9 false alarms."
    assert page.not_assessable[0] == (
        "Non-Hispanic Asian (ethnicity): 26 cases among 525 people; "
        "120 more would give 80 % power to notice a 10-point shortfall."
    )
    assert [line[:17] for line in page.harmed] == ["Mexican American "]
    lines = {line.name: line for d in page.divisions for line in d.lines}
    assert lines["Mexican American"].chip["text"] == "harm shown"
    assert lines["Not recorded"].found == "–"
    assert lines["Not recorded"].reason == "no people with the outcome in this group"
    assert not any("×" in d.title for d in page.divisions)
    assert any("antidepressant" in line for line in page.care)


def test_groups_stand_in_the_order_declared_and_never_by_their_numbers(finished):
    ages = next(d for d in page_one(finished).divisions if d.title == "Age")
    assert [line.name for line in ages.lines] == ["<35", "35–49", "50–64", "≥65"]


def test_too_many_groups_leave_only_what_is_not_reassuring(run, monkeypatch):
    monkeypatch.setattr("primum.report.page_one_groups.MOST_ROWS", 5)
    page = page_one(run)
    texts = {line.chip["text"] for d in page.divisions for line in d.lines}
    assert "no harm shown within margin" not in texts
    assert re.match(r"\d+ more groups, with no harm shown within the margin, are in chapter 5\.", page.left_out)


def test_words_that_promise_too_much_are_nowhere(parsed):
    said = " ".join(parsed.text)
    assert not re.search(r"\bunfair|\bfair(ness|ly)?\b|unbiased|complian", said, re.IGNORECASE)
    assert not re.search(r"\b(nan|None|undefined|Infinity)\b", said)


def test_what_was_not_done_is_said(parsed):
    said = " ".join(parsed.text)
    assert "No repair was tried." in said
    assert "Not part of this audit: missing inputs, shift, corrupted or poisoned data were not tried." in said
    assert "inside: must not leave the room" in said


def test_names_from_the_data_cannot_inject_markup(run):
    evil = "</script><script>alert(1)</script><b>"
    for row in run.chapters["groups"]["estimates"]:
        row["group"] = evil if row["group"] == "Women" else row["group"]
    for held in run.chapters["groups"]["thresholds"].values():
        for g in held["groups"]:
            g["group"] = evil if g["group"] == "Women" else g["group"]
    run.chapters["people"]["source"] = evil
    made = html(run, {})
    assert evil not in made
    assert "alert(1)" in made
    assert made.count("<script") == 2
    parser = Balanced()
    parser.feed(made)
    assert not parser.open


def test_policy_names_the_hashes_of_what_is_in_the_page(text):
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[0]
    assert policy(style, script).replace("'", "&#39;") in text
    assert "unsafe" not in text[: text.index("<body>")]


def test_chapters_that_were_not_asked_for_leave_an_honest_page(run):
    for name in ("people", "performance", "groups", "record"):
        run.chapters.pop(name)
    made = html(run, {})
    assert "The outcome was recorded by self-report" in made
    assert "How equally it was recorded is not part of this audit." in made
    assert "threshold-range" not in made


def test_a_record_with_a_better_measurement_is_told_by_group(run, sample):
    run.chapters["record"] = sample.record_with_truth()
    page = page_one(run)
    assert any("the record misses: Everyone 29" in line for line in page.record)
    assert any("nobody with measured diabetes in this group" in line for line in page.record)
    assert "The record beside the better measurement" in html(run, {})


def test_a_scale_of_points_is_not_shown_as_percent(run):
    for m in run.chapters["models"]["models"]:
        m |= {"scale": "points", "threshold": 10.0}
    page = page_one(run)
    assert page.decision == "Invite for an interview: people who score 10 or more."
    assert "does not say how many false alarms" in page.exchange


def test_unfinished_and_changed_plans_are_told_on_page_one(run):
    run.manifest["status"] = "running"
    care = page_one(run).care
    assert "The audit is not finished: chapters are missing." in care
    assert any("margins.sensitivity" in line for line in care)


def test_intervals_do_not_break_across_lines():
    shown = str(whole("finds 62\u00a0[57–66] of <them>"))
    assert shown == 'finds <span class="nb">62\u00a0[57–66]</span> of &lt;them&gt;'


def test_figures_do_not_share_identifiers():
    svg = '<?xml version="1.0"?><svg><clipPath id="clip1"/><g clip-path="url(#clip1)"/></svg>'
    assert embed(svg, "roc") == '<svg><clipPath id="roc-clip1"/><g clip-path="url(#roc-clip1)"/></svg>'


def test_every_figure_has_a_table_behind_it(text):
    figures = re.findall(r"<figure .*?</figure>", text, re.DOTALL)
    assert len(figures) > 5
    for figure in figures:
        assert re.search(r"<svg[^>]+role=\"img\"[^>]+aria-label=\"[^\"]{20,}", figure)
        assert "The numbers behind this figure" in figure


def test_without_jinja_the_message_names_the_extra(finished, monkeypatch):
    import sys

    from primum.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'primum\[report\]'"):
        html(finished, {})


def test_slider_data_is_sorted_and_knows_the_declared_threshold(run):
    held = run.chapters["groups"]["thresholds"]["boosting"]
    held["t"] = held["t"][50:] + held["t"][:50]
    for g in held["groups"]:
        g["tp"], g["fp"] = g["tp"][50:] + g["tp"][:50], g["fp"][50:] + g["fp"][:50]
    model = slider.data(run)["models"][0]
    assert model["t"] == sorted(model["t"])
    assert model["t"][model["declared"]] == pytest.approx(0.1)
    assert all(a >= b for g in model["groups"] for a, b in zip(g["tp"], g["tp"][1:], strict=False))


def test_slider_wilson_is_that_of_the_measures():
    from primum.measure.intervals import wilson, z_value

    for k, n in [(0, 5), (5, 5), (3, 7), (1, 1), (378, 458), (1, 10_000)]:
        low, high = wilson(k, n, 0.95)
        assert slider.wilson(k, n, z_value(0.95)) == pytest.approx((float(low), float(high)), abs=1e-14)


def test_slider_rows_with_empty_denominators_give_the_reason():
    cells = slider.row(0, 41, 0, 0, 1.96)
    assert [(c.text, c.note) for c in cells[5:]] == [
        ("–", "nobody has it"), ("100\u00a0%", "[91–100]"), ("–", "nobody is selected")
    ]  # fmt: skip
    assert slider.row(3, 0, 1, 0, 1.96)[6].note == "everybody has it"
    assert slider.row(0, 0, 0, 0, 1.96)[1].note == "nobody in this group"


def test_embedded_data_cannot_close_its_element():
    text = slider.script_text({"group": "</script><!--\u2028"})
    assert "<" not in text
    assert json.loads(text) == {"group": "</script><!--\u2028"}


def test_legend_explains_only_what_is_shown(finished):
    assert {entry["text"] for entry in page_one(finished).legend} == {
        str(v) for v in (Verdict.HARM, Verdict.NO_HARM, Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE)
    }


def test_titles_for_pictures_cover_the_figures_of_the_groups(finished):
    from primum.report.figures import figures

    names = [f.name for f in figures(finished) if f.chapter == "groups" and not f.page_one]
    assert all(name.startswith(tuple(module.TITLES)) for name in names), names


AT_ONCE = {
    "at-once": "All groups at once", "small-groups": "Small groups, borrowing strength",
    "policies": "Threshold policies side by side", "exposure": "Who is under-represented among the highest risks",
    "gap-parts": "Why the gap?", "searched": "Subgroups searched",
}  # fmt: skip


def test_what_is_new_stands_in_the_chapter_of_the_groups_and_in_the_contents(text):
    start, end = text.index(">5. Every group"), text.index(">6. If places")
    places = [text.index(f'<h3 id="{place}">{name}</h3>') for place, name in AT_ONCE.items()]
    assert start < places[0]
    assert places == sorted(places)
    assert places[-1] < end
    for place in AT_ONCE:
        assert f'<a href="#{place}">' in text
    for note in ("the more they flatter", "look better than its own people say", "four parts that add up"):
        assert note in text


def test_a_run_without_them_has_no_empty_headings(run):
    for part in ("joint", "equality", "shrunk", "structure", "policies", "exposure", "decomposition", "discovery"):
        run.chapters["groups"][part] = []
    run.chapters["groups"]["smooth"] = {}
    page = html(run, {})
    assert not [name for place, name in AT_ONCE.items() if f'id="{place}"' in page or f'href="#{place}"' in page]
    del run.chapters["groups"]
    assert "Every group" in html(run, {})


def test_other_models_than_the_primary_are_folded_away(text):
    assert "Sensitivity, all groups compared at once, boosting" in text
    folded = re.findall(r"<summary>([^<]*)</summary>", text)
    assert "The same for sensitivity, logistic" in folded
    assert "Threshold policies by ethnicity, boosting" in folded
