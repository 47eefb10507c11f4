from __future__ import annotations

import re
from dataclasses import replace

import pytest

from primum.disclose.recode import REST
from primum.errors import PrimumError
from primum.finding import Verdict
from primum.report.numbers import half_up
from primum.report.page_one_thousand import thousand
from primum.report.pages import names
from primum.report.pages.judged import FAMILIES, OPPOSITE, hidden, judged, shares, unknown
from primum.report.pages.names import CLOSE, OPEN, voice
from primum.report.pages.summary import LARGEST, LONG, SMALLEST, points, short, summary
from primum.report.source import GROUP_CHECK, estimates, primary
from primum.usecase import MISSING, OVERALL

NEVER = re.compile(
    r"\bfair\b|unbiased|complian|certified|trust score|AUROC|sensitiv|specific|confidence|calibrat", re.IGNORECASE
)


def text(html):
    """Return what a reader reads, tags gone and white space plain."""
    body = re.sub(r"<style>.*?</style>|<head>.*?</head>", " ", html, flags=re.S)  # noqa: FURB167
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).replace("&#39;", "'")


def released(run):
    """Make the run one that was measured from protected counts: as the release writes it."""
    run.manifest["release"] = {"preset": "cbs", "date": "2026-03-02"}
    for name in ("recording", "missing", "repairs", "record", "diagnosis"):
        run.chapters.pop(name, None)
    run.chapters["people"] |= {"flow": [], "missingness": [], "unrecorded": {}, "missing_codes": [], "notes": []}
    return run


def withhold(run, attribute, group):
    """Withhold all numbers of a group."""
    for row in run.chapters["groups"]["estimates"]:
        if (row["attribute"], row["group"]) == (attribute, group):
            row.update(dict.fromkeys(("value", "low", "high", "n", "events", "nonevents")))
            row.update({"status": "suppressed", "reason": "withheld"})
    run.findings = [
        replace(f, verdict=Verdict.SUPPRESSED) if (f.attribute, f.group) == (attribute, group) else f
        for f in run.findings
    ]


def verdict(run, kind, metric="sensitivity"):
    """Return (attribute, group) of every finding of this kind about the primary model."""
    return [
        (f.attribute, f.group)
        for f in run.findings
        if f.check == GROUP_CHECK and f.model == primary(run) and f.metric == metric and f.verdict is kind
    ]


def test_the_thousand_are_those_of_the_counts(finished):
    """Against the formulae: found = 1,000 × prevalence × sensitivity, selected for nothing = 1,000 × (1 − π)(1 − s)."""
    rows = {
        r["metric"]: r["value"]
        for r in estimates(finished)
        if r["attribute"] == OVERALL and r["model"] == primary(finished)
    }
    counts = thousand(finished)
    pi, found, spared = rows["prevalence"], rows["sensitivity"], rows["specificity"]
    assert counts["found"] == half_up(1000 * pi * found)
    assert counts["found"] + counts["missed"] == half_up(1000 * pi)
    assert counts["alarmed"] == half_up(1000 * (1 - pi) * (1 - spared))
    assert sum(counts.values()) == 1000


@pytest.mark.parametrize(("n", "step"), [(5068, 1), (999, 10), (99, 100)])
def test_a_release_tells_no_more_digits_than_its_people_allow(run, n, step):
    released(run)
    run.chapters["people"]["n"] = n
    counts = thousand(run)
    assert all(v % step == 0 for v in counts.values())
    assert sum(counts.values()) == 1000


@pytest.mark.parametrize("code", ["en", "nl"])
def test_the_page_says_what_happens(finished, code):
    said = text(summary(finished, code))
    n = {"en": "5,068", "nl": "5.068"}[code]
    counts = thousand(finished)
    assert n in said
    for value in counts.values():
        assert f" {value:.0f} " in said
    row = next(r for r in estimates(finished) if r["metric"] == "sensitivity" and r["attribute"] == OVERALL)
    value, low, high = (int(half_up(100 * row[k])) for k in ("value", "low", "high"))
    frequency = {
        "en": f"Of 100 people who have depression, the model finds {value} (between {low} and {high}).",
        "nl": f"Van elke 100 mensen met depressie vindt het model er {value} (tussen {low} en {high}).",
    }
    assert frequency[code] in said


def test_the_page_has_no_jargon(finished):
    own = text(summary(finished, "en"))
    assert not NEVER.search(own)
    assert "certifies nothing" in own


def test_less_well_only_where_harm_is_shown(finished):
    harmed = verdict(finished, Verdict.HARM)
    assert harmed, "the sample must show harm for the test to mean anything"
    said = text(summary(finished, "en"))
    part = said[said.index("For which groups does it work less well?") : said.index("For which groups can nobody say")]
    plain = [g for a, g in harmed if "×" not in a]
    assert all(g in part for g in plain)
    fine = [g for a, g in verdict(finished, Verdict.NO_HARM) if "×" not in a]
    assert not [g for g in fine if f"{g} (" in part]


def test_a_harmed_group_is_told_in_numbers_of_people(finished):
    f = next(f for j in judged(finished) if j.family == "found" for f in j.harmed if "×" not in f.attribute)
    value, low, high, other = (int(half_up(100 * x)) for x in shares(finished, f))
    said = text(summary(finished, "en"))
    assert f"{value} of 100 are found (between {low} and {high}). Everyone else: {other}." in said
    rows = [r for r in estimates(finished) if (r["attribute"], r["group"]) == (f.attribute, f.group)]
    row = next(r for r in rows if (r["model"], r["metric"]) == (f.model, "sensitivity"))
    assert value == half_up(100 * row["value"])
    assert other == half_up(100 * (row["value"] - f.estimate.value))


def test_shares_are_turned_where_the_sentence_counts_the_others(run):
    """Specificity 0.8 of a group, 0.1 lower than elsewhere: 20 of 100 are selected for nothing, elsewhere 10."""
    base = next(f for f in run.findings if f.check == GROUP_CHECK and f.model == primary(run))
    f = replace(base, metric="specificity", estimate=replace(base.estimate, value=-0.1))
    row = next(
        r
        for r in estimates(run)
        if (r["model"], r["metric"], r["attribute"], r["group"]) == (f.model, "specificity", f.attribute, f.group)
    )
    row |= {"value": 0.8, "low": 0.7, "high": 0.85}
    assert shares(run, f) == pytest.approx((0.2, 0.15, 0.3, 0.1))
    assert {"specificity", "fnr", "npv"} == OPPOSITE


@pytest.mark.parametrize("metric", [m for ms in FAMILIES.values() for m in ms])
def test_every_kind_of_margin_makes_a_page(run, metric):
    kinds = [Verdict.HARM, Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE, Verdict.SUPPRESSED]
    run.findings = [replace(f, metric=metric, verdict=kinds[i % 4]) for i, f in enumerate(run.findings)]
    for code in ("en", "nl"):
        said = text(summary(run, code))
        assert "{" not in said
        assert "nan" not in said


def test_chance_is_mentioned_where_all_groups_at_once_do_not_show_it(run):
    run.findings = [
        replace(f, reason="by its own interval; not when all 4 groups are compared at once")
        if f.verdict is Verdict.HARM
        else f
        for f in run.findings
    ]
    assert "a difference smaller than the limit cannot be ruled out" in text(summary(run, "en"))
    run.findings = [replace(f, reason="") for f in run.findings]
    assert "cannot be ruled out" not in text(summary(run, "en"))


def test_nobody_can_say_is_told_by_group_and_counted_for_intersections(finished):
    said = text(summary(finished, "en"))
    part = said[said.index("For which groups can nobody say yet?") : said.index("What was not looked at?")]
    open_ = verdict(finished, Verdict.INCONCLUSIVE) + verdict(finished, Verdict.NOT_ASSESSABLE)
    named = [g for a, g in open_ if a == "ethnicity" and g != MISSING]
    assert named
    assert all(g in part for g in named)
    both = sum("×" in a for a, _ in open_)
    assert f"{both} combined groups" in part
    assert "not good news" in part


def test_without_verdicts_nothing_is_claimed(run):
    run.findings = []
    said = text(summary(run, "en"))
    assert "No limit was set before the test, so no group was judged." in said
    run.findings = [replace(f, verdict=Verdict.NO_HARM) for f in judged_findings()]
    said = text(summary(run, "en"))
    assert "That does not prove that the model works equally well for everyone." in said
    assert "The test could judge every group" in said


def judged_findings():
    from primum.finding import Estimate, Finding

    e = Estimate(0.0, -0.02, 0.02, "Newcombe", 500, 60, 440)
    return [
        Finding(GROUP_CHECK, "", "boosting", "sensitivity", "sex", "Women", "everyone else", e, 0.1, Verdict.NO_HARM)
    ]


def test_a_release_withholds(run):
    released(run)
    withhold(run, "ethnicity", "Mexican American")
    en, nl = (text(summary(run, c)) for c in ("en", "nl"))
    assert "How the model does is withheld, so that nobody can be recognised, for: ethnicity: Mexican American" in en
    assert "Hoe het model het doet, is niet vrijgegeven" in nl
    assert "Mexican American (ethnicity): " not in en
    assert "What was not looked at, or is not told here?" in en
    assert "Made for release" in en
    assert "Inside version" not in en


def test_a_group_withheld_on_one_margin_only_is_not_said_to_be_hidden(run):
    base = next(f for f in run.findings if f.check == GROUP_CHECK and f.model == primary(run))
    run.findings = [
        replace(base, metric="sensitivity", verdict=Verdict.NO_HARM),
        replace(base, metric="auroc", verdict=Verdict.SUPPRESSED),
    ]
    told = judged(run)
    assert hidden(told) == []
    assert [unknown(j, []) for j in told] == [[], [(base.attribute, base.group)]]
    run.findings = [replace(f, verdict=Verdict.SUPPRESSED) for f in run.findings]
    assert hidden(judged(run)) == [(base.attribute, base.group)]


def test_an_inside_page_says_that_it_may_not_leave(finished):
    assert "Inside version: must not leave the room." in text(summary(finished, "en"))
    assert "Interne versie: mag de beveiligde ruimte niet uit." in text(summary(finished, "nl"))


def test_withheld_people_are_said_to_be_withheld(run):
    released(run)
    for row in run.chapters["performance"]["estimates"]:
        row |= {"n": None, "events": None}
    run.chapters["people"] |= {"n": None, "events": None}
    assert "How many people took part is withheld." in text(summary(run, "en"))
    assert "Hoeveel mensen meededen, is niet vrijgegeven." in text(summary(run, "nl"))


def test_a_run_without_performance_still_makes_a_page(run):
    for name in ("groups", "performance"):
        run.chapters.pop(name)
    run.findings = []
    said = text(summary(run, "en"))
    assert "These numbers were not computed." in said
    for row in (run.chapters.setdefault("groups", {}).setdefault("consequences", []),):
        row.append({"model": primary(run), "attribute": OVERALL, "with_outcome": None, "found": None,
                    "false_alarms": None, "left_alone": None, "per": 1000, "reason": "nobody has it"})  # fmt: skip
    assert "This cannot be said: nobody has it." in text(summary(run, "en"))
    released(run)
    assert "These numbers are withheld" in text(summary(run, "en"))


def test_a_run_with_a_capacity(small_run, run):
    decision = run.usecase.decision.model_copy(update={"threshold": None, "capacity": 0.085})
    run.usecase = run.usecase.model_copy(update={"decision": decision})
    assert "er is plaats voor 8,5% van de mensen" in text(summary(run, "nl")).lower()
    assert "Is 10% the right limit?" in text(summary(run, "en"))
    released(run)
    assert "the right limit" not in text(summary(run, "en")), "the limit would be the score of one person"


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (0.1, "missing one person is as bad as 9 times selecting someone for nothing"),
        (0.5, "missing one person is as bad as selecting one person for nothing"),
        (0.8, "missing someone 4 times is as bad as selecting one person for nothing"),
        (0.3, "as bad as 2.3 times"),
    ],
)
def test_the_threshold_in_words(run, at, said):
    """(1 − t) / t false alarms are as bad as one miss."""
    for model in run.chapters["models"]["models"]:
        model["threshold"] = at
    assert said in text(summary(run, "en"))


def test_points_are_no_chances(run):
    for model in run.chapters["models"]["models"]:
        model |= {"scale": "points", "threshold": 7.0, "range": [0, 20]}
    said = text(summary(run, "en"))
    assert "If the model gives someone 7 points or more" in said
    assert "Are 7 points the right limit?" in said
    assert "as bad as" not in said


def test_foreign_words_are_marked_and_translated_words_are_not(run):
    html = summary(run, "nl")
    assert '<span lang="en">Inviting adults for a depression interview</span>' in html
    assert "Wie voor niets geselecteerd" not in html
    assert "betekent dit: ‘<span" in html
    assert OPEN not in html
    assert "met depressie" in html
    assert "lang=" not in summary(run, "en").replace('<html lang="en">', "")


def test_a_use_case_brings_its_own_words(run):
    scenario = {
        "setting": "a clinic", "actors": [{"name": "nurse", "part": "decides"}],
        "decision": "the nurse", "texts": {"nl": {
            run.usecase.title: "Volwassenen uitnodigen", "goes without the offer of help": "krijgt geen hulp",
            "Women": "vrouwen", "the nurse": "de verpleegkundige"}},
    }  # fmt: skip
    from primum.usecase_scenario import Scenario

    run.usecase = run.usecase.model_copy(update={"scenario": Scenario.model_validate(scenario)})
    said = text(summary(run, "nl"))
    assert "Volwassenen uitnodigen" in said
    assert "Wie gemist wordt, krijgt geen hulp." in said
    assert "Wie over een patiënt beslist: de verpleegkundige." in said
    assert "Who decides about a patient: the nurse." in text(summary(run, "en"))


def test_names_of_groups(finished):
    en, nl = voice(finished, "en"), voice(finished, "nl")
    assert en.full("ethnicity", MISSING) == "ethnicity not recorded"
    assert nl.full("ethnicity", MISSING) == "afkomst onbekend"
    assert (en.full("age", "<35"), nl.full("age", "≥65")) == ("under 35 (age)", "65 en hoger (leeftijd)")
    assert en.group("age", "35–49") == "35–49"
    assert en.full("sex × ethnicity", f"Women · {MISSING}") == "Women · not recorded"
    assert nl.attribute("sex × ethnicity") == "geslacht en afkomst"
    assert (en.group("sex", REST), nl.group("sex", REST)) == ("other groups together", "andere groepen samen")
    assert names.REMAINDER == REST
    assert [en.comparator(c) for c in ("everyone else", "overall", "ideal (0.5)", "Men")] == [
        "everyone else", "everyone else", "0.5", "Men",
    ]  # fmt: skip
    assert nl.own("Blue eyes") == f"{OPEN}Blue eyes{CLOSE}"
    assert nl.own("35–49") == "35–49"


def test_groups_are_told_together_by_attribute(finished):
    v = voice(finished, "en")
    pairs = [
        ("sex", "Men"),
        ("age", "<35"),
        ("age", MISSING),
        ("ethnicity", "Other"),
        ("sex × ethnicity", "Men · Other"),
    ]
    assert v.together(pairs, 8) == "sex: Men; age: under 35, not recorded; ethnicity: Other; 1 combined group"
    assert v.together(pairs, 2) == "sex: Men; age: under 35; 2 more groups; 1 combined group"


def test_long_texts_end_at_a_sentence_or_a_word():
    assert short("One. Two.") == "One. Two."
    told = short("A first sentence that is long enough. " + "word " * 100, 60)
    assert told == "A first sentence that is long enough."
    told = short("word " * 100, 60)
    assert told.endswith(" …")
    assert len(told) <= 62
    foreign = short(f"{OPEN}{'word ' * 100}{CLOSE}", 60)
    assert foreign.startswith(OPEN)
    assert foreign.endswith(f" …{CLOSE}")
    assert LONG > 100


def test_type_shrinks_with_the_letters_and_stops_at_both_ends():
    assert (points(1), points(10**6)) == (LARGEST, SMALLEST)
    sizes = [points(n) for n in range(2000, 9000, 500)]
    assert sizes == sorted(sizes, reverse=True)


def test_an_unknown_language_is_refused(finished):
    with pytest.raises(PrimumError, match="Nothing is written in 'de'"):
        summary(finished, "de")


def test_markup_in_a_use_case_stays_text(run):
    decision = run.usecase.decision.model_copy(update={"act": "<script>alert(1)</script>"})
    run.usecase = run.usecase.model_copy(update={"decision": decision, "title": f"a {CLOSE}<b>{OPEN} title"})
    for code in ("en", "nl"):
        html = summary(run, code)
        assert "<script" not in html
        assert "<b>" not in html
        assert html.count("<span lang") == html.count("</span>") - html.count('<span class="')
