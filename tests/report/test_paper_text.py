"""The paper's text: every number from the run, every gap a visible slot, nothing that the run does not hold."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import pytest

from primum.finding import Status, Verdict
from primum.report import say
from primum.report.language import Language, language
from primum.report.paper import design, measured, results, table_set
from primum.report.paper.latex import manuscript_tex
from primum.report.paper.latex_text import escape
from primum.report.paper.manuscript import (
    MARK,
    Cite,
    Heading,
    Paragraph,
    Slot,
    cite,
    joined,
    listed,
    numbers_of,
    phrase,
    written,
)
from primum.report.paper.markdown import manuscript_md
from primum.report.paper.methods import METHODS
from primum.report.paper.table_set import number_of
from primum.report.paper.write import manuscript
from primum.report.views import paper as view
from primum.usecase import UseCase

MODEL = "boosting"


def words_of(paper):
    return "\n".join(b.text if isinstance(b, Heading) else b.plain for b in paper.blocks)


def under(paper, heading):
    """The text below a heading, up to the next."""
    out, inside = [], False
    for b in paper.blocks:
        if isinstance(b, Heading):
            inside = b.text == heading
        elif inside:
            out.append(b.plain)
    return "\n".join(out)


def changed(run, **update):
    run.usecase = UseCase.model_validate(run.usecase.model_dump(exclude_unset=True) | update)
    return run


def estimate_of(run, metric, attribute="overall", group="everyone", model=MODEL):
    rows = [*run.chapters["performance"]["estimates"], *run.chapters["groups"]["estimates"]]
    keys = (model, metric, attribute, group)
    return next(r for r in rows if (r["model"], r["metric"], r["attribute"], r["group"]) == keys)


def wilson(k, n, z=1.959963984540054):
    """Wilson (1927), written out."""
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return p, middle - half, middle + half


def test_the_methods_stand_in_the_order_of_tripod_ai(finished):
    heads = [b.text for b in manuscript(finished).blocks if isinstance(b, Heading)]
    order = [
        "Methods", "Design", "Data and participants", "Outcome", "Predictors", "Sample size", "Missing data", "Models",
        "Decision threshold", "Groups", "Measures and statistical analysis", "Software",
        "Ethics, funding and open science", "Results", "Participants", "Performance in everyone",
        "Performance by group", "Discussion",
    ]  # fmt: skip
    assert heads == order


def test_people_and_outcome_are_those_of_the_run(finished):
    paper = manuscript(finished)
    row = estimate_of(finished, "prevalence")
    assert (
        f"{row['n']:,} people were analysed; {row['events']} ({100 * row['events'] / row['n']:.1f}%) had depression"
        in (under(paper, "Participants"))
    )
    outcome = under(paper, "Outcome")
    assert "The outcome was depression, present where PHQ9 ≥ 10." in outcome
    assert "self-report on the nine-item Patient Health Questionnaire, total of 10 or more" in outcome


def test_performance_is_wilson_s_from_the_counts_of_the_sample(finished):
    row = estimate_of(finished, "sensitivity")
    k = round(row["value"] * row["events"])
    p, low, high = (100 * x for x in wilson(k, row["events"]))
    said = f"sensitivity {p:.1f}% (95% CI {low:.1f} to {high:.1f})"
    assert said in under(manuscript(finished), "Performance in everyone")


def test_margin_plan_seed_and_levels_are_told(finished):
    paper = manuscript(finished)
    assert "10 percentage points of sensitivity" in under(paper, "Measures and statistical analysis")
    assert finished.plan.hash[:12] in under(paper, "Design")
    assert finished.plan.hash[:13] not in words_of(paper)
    assert "20260101" in under(paper, "Software")
    assert "numpy 2.4.6" in under(paper, "Software")
    assert "margins.sensitivity: 0.05 in the plan, 0.1 here" in under(paper, "Design")


def test_a_plan_without_deviations_says_so(run):
    run.manifest["deviations"] = []
    assert "Nothing was changed after that." in under(manuscript(run), "Design")


def test_human_reasons_are_quoted_and_never_made_up(run):
    given = "“agreed by two psychiatrists and a patient panel”"
    assert given in under(manuscript(run), "Decision threshold")
    decision = run.usecase.decision.model_dump(exclude_unset=True)
    decision.pop("chosen")
    changed(run, decision=decision)
    said = under(manuscript(run), "Decision threshold")
    assert "[to be written by the authors: who chose the threshold, and how (TRIPOD+AI 15)]" in said
    assert "psychiatrists" not in said


def test_what_nobody_wrote_is_a_slot_and_a_text_of_the_scenario_fills_it(run):
    before = words_of(manuscript(run))
    assert "[to be written by the authors: ethics approval and consent (TRIPOD+AI 17)]" in before
    scenario = {
        "setting": "a practice", "actors": [{"name": "nurse", "part": "decides"}],
        "texts": {"tripod-ai": {"17": "Approved by the board of ethics, number 12"}},
        "not_applicable": {"tripod-ai": {"6c": "nobody was treated"}},
    }  # fmt: skip
    after = words_of(manuscript(changed(run, scenario=scenario)))
    assert "Ethics approval and consent: Approved by the board of ethics, number 12." in after
    assert "Treatments received, and how they were handled: not applicable, nobody was treated." in after
    assert "(TRIPOD+AI 17)" not in after


def test_written_and_slots():
    assert written("by us.", "x") == "“by us”"
    assert written(" ", "who chose") == written("not stated", "who chose") == Slot("who chose")
    assert Slot("x").text == "[to be written by the authors: x]"


def test_nothing_is_called_fair_or_compliant(finished):
    said = words_of(manuscript(finished)).lower()
    for word in ("unbiased", "compliant", "conforms", "is fair", "significant", "—"):
        assert word not in said


def test_harm_is_told_with_its_interval_its_margin_and_its_own_value(finished):
    harmed = [f for f in finished.findings if f.verdict is Verdict.HARM and f.model == MODEL]
    assert harmed  # the sample is made so that one group is failed
    said = under(manuscript(finished), "Performance by group")
    for f in harmed:
        e = f.estimate
        low, high = (f"{100 * x:.1f}".replace("-", "−") for x in (e.low, e.high))
        assert f"percentage points (95% CI {low} to {high}) from everyone else" in said
        own = estimate_of(finished, f.metric, f.attribute, f.group)
        assert f"its own sensitivity is {100 * own['value']:.1f}%" in said


def test_every_verdict_of_the_primary_model_is_counted(finished):
    said = under(manuscript(finished), "Performance by group")
    crossed = "sex × ethnicity"
    found = [f for f in finished.findings if f.check == "PRM-G01" and f.model == MODEL and f.attribute != crossed]
    assert f", {len(found)} groups:" in said
    for kind in {f.verdict for f in found}:
        assert f"{kind} in {sum(f.verdict is kind for f in found)}" in said


def test_too_few_people_whose_interval_lies_beyond_the_margin_are_not_buried(run):
    few = [f for f in run.findings if f.verdict is Verdict.NOT_ASSESSABLE and f.model == MODEL and f.estimate.ok]
    f = few[0]
    beyond = replace(f, estimate=replace(f.estimate, value=-0.401, low=-0.603, high=-0.201))
    run.findings = [beyond if g is f else g for g in run.findings]
    said = under(manuscript(run), "Performance by group")
    line = next(x for x in said.split("\n") if x.startswith("Too few people to judge, yet the whole interval"))
    assert "−40.1 (−60.3 to −20.1)" in line
    near = replace(f, estimate=replace(f.estimate, value=-0.401, low=-0.603, high=-0.099))
    run.findings = [near if g is beyond else g for g in run.findings]
    said = under(manuscript(run), "Performance by group")
    line = next(x for x in said.split("\n") if x.startswith("Not assessable"))
    assert "−40.1 (−60.3 to −9.9)" in line


def test_only_methods_of_this_run_are_cited(run):
    before = manuscript(run).cited
    assert {"tripod2024", "wilson1927", "newcombe1998", "delong1988", "vickers2006"} <= set(before)
    assert not {"learnedmiller2019", "berger1982", "newcombe2006", "kumar2019"} & set(before)
    for part in ("performance", "groups"):
        rows = run.chapters[part]["estimates"]
        run.chapters[part]["estimates"] = [r for r in rows if r["metric"] not in {"auroc", "net_benefit"}]
    after = manuscript(run).cited
    assert not {"delong1988", "vickers2006"} & set(after)
    assert set(after) < set(before)


def test_interval_methods_are_read_from_the_estimates(run):
    for part in ("performance", "groups"):
        for r in run.chapters[part]["estimates"]:
            if r["metric"] == "sensitivity":
                r["method"] = "Wilson, effective people, cluster-robust"
            if r["metric"] == "auroc" and r["group"] == "Women":
                r["method"] = "Newcombe"
            if r["metric"] == "ppv":
                r["method"] = "a new method"
    said = under(manuscript(run), "Measures and statistical analysis")
    assert "from the cluster-robust linearised variance for sensitivity" in said
    assert "Newcombe's score method, where DeLong's breaks down" in said
    assert "the method 'a new method' for positive predictive value" in said
    assert "newcombe2006" in manuscript(run).cited


def test_sources_of_a_measure_come_from_its_own_reference():
    assert measured.sources("sensitivity") == ("altman1994sensitivity",)
    assert measured.sources("standardised_net_benefit") == ("vickers2006", "kerr2016")
    assert measured.sources("interventions_avoided") == ("vickers2008",)
    assert measured.sources("n") == measured.sources("no such measure") == ()


def test_every_reference_of_every_measure_is_in_the_list():
    from primum.measure.metric import METRICS
    from primum.report.paper.references import library

    for name in METRICS:
        if name != "n":
            assert measured.sources(name), name
            assert set(measured.sources(name)) <= set(library())


@pytest.mark.parametrize(
    ("keys", "said"), [(("a",), "[1]"), (("b", "a"), "[1,2]"), (("c", "a", "b"), "[1-3]"), (("a", "c", "d"), "[1,3,4]")]
)
def test_numbers_of_citations(keys, said):
    assert numbers_of(["a", "b", "c", "d"], Cite(keys)) == said


def test_lists_of_names():
    assert listed([]) == ""
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["9th, no diploma", "high", "low"]) == "9th, no diploma; high and low"


# words ---------------------------------------------------------------------------------------------------------------


def test_citations_and_slots_stand_where_the_text_names_them():
    source, bound = cite("berger1982"), (cite("phan2021"), " too")
    given = {"groups": "sex", "size": "10", "utility": "x", "alpha": "5%", "bound": "a bound"}
    told = phrase("paper.fix.rule", source=source, bound_source=bound, **given)
    assert [p for p in told if not isinstance(p, str)] == [bound[0], source]
    assert told[2:4] == (" too", "; as every group had to pass, no correction for their number is needed ")
    assert told[0].endswith(" at 5% with a bound ")
    assert told[-1] == "."


def test_a_value_can_neither_be_a_placeholder_nor_stand_for_a_citation():
    told = phrase("paper.decision.chosen", chosen=f"{{alpha}} {MARK}chosen{MARK}")
    assert told == ("How the threshold was chosen, in the words of those who declared it: {alpha} chosen.",)


def test_parts_are_joined_and_empty_ones_left_out():
    one = cite("berger1982")
    assert joined(["a", "", (), ("b", one), one]) == ("a", " ", "b", one, " ", one)
    assert joined([]) == ()


def scrambled(text):
    """A text without a Latin letter, its placeholders kept."""
    return "".join(p if p.startswith("{") else re.sub("[A-Za-z]", "ж", p) for p in re.split(r"(\{[^}]*\})", text))


@pytest.fixture
def strange(monkeypatch):
    """The report speaks a language without Latin letters."""
    own = Language("xx", {k: scrambled(v) for k, v in language("en").texts.items()})
    monkeypatch.setattr(say, "language", lambda code: own if code == "xx" else language(code))
    with say.speaking("xx"):
        yield own


def test_no_heading_caption_or_column_is_written_in_the_code(run, sample, strange):
    run.chapters["record"] = sample.record_with_truth()
    paper = manuscript(with_repairs(run))
    heads = [b for b in paper.blocks if isinstance(b, Heading)]
    assert len(heads) > 20
    assert not [b.text for b in heads if re.search("[A-Za-z]", b.text)]
    assert [b.text for b in heads if b.part == METHODS] == [scrambled("Methods")]
    slots = [p for b in paper.blocks if isinstance(b, Paragraph) for p in b.parts if isinstance(p, Slot)]
    assert len(slots) > 15
    assert not [p.text for p in slots if re.search("[A-Za-z]", re.sub(r"\(жжжжжж\+жж .*\)", "", p.text))]
    names = {w for m in run.chapters["models"]["models"] for w in m["name"].split()}
    names |= {"depression", "net", "true", "positives", "own", "thresholds"}
    for t in paper.tables:
        said = [t.notes, *t.grid.columns] if "-people-by-" not in t.name else [t.notes]
        left = {w for x in said for w in re.findall("[A-Za-z]{2,}", x)}
        assert left <= names, t.name  # words of the run
        assert not re.match("[A-Za-z]", t.caption)
    assert rf"\renewcommand{{\refname}}{{{escape(scrambled('References'))}}}" in manuscript_tex(paper)
    for said in (manuscript_md(paper), manuscript_tex(paper)):
        assert not re.search("References|Tables|Supplementary", said)


# a release -----------------------------------------------------------------------------------------------------------


def released(run):
    """The run as a release has it: few chapters, a withheld group, no people behind it."""
    run.chapters = {k: run.chapters[k] for k in ("models", "performance", "groups")}
    people = {"n": 1, "events": 1, "flow": [], "table_one": {}, "missingness": [], "unrecorded": {}, "labels": {}}
    run.chapters["people"] = people | {"source": "Counts that were protected"}
    for m in run.chapters["models"]["models"]:
        m["settings"] = {}
    groups = run.chapters["groups"]
    run.chapters["groups"] = {k: groups[k] for k in ("estimates", "comparisons", "consequences")}
    nothing = dict.fromkeys(("value", "low", "high", "n", "events", "nonevents"))
    for r in run.chapters["groups"]["estimates"]:
        if r["group"] == "Non-Hispanic Asian":
            r.update(nothing | {"status": "suppressed", "reason": "withheld", "method": ""})
    nan = math.nan
    hidden = {"value": nan, "low": nan, "high": nan, "n": 0, "events": 0, "nonevents": 0, "status": Status.SUPPRESSED}
    gone = [
        replace(
            f, verdict=Verdict.SUPPRESSED, comparator="", more_events=None,
            estimate=replace(f.estimate, **hidden),
        )
        if f.group == "Non-Hispanic Asian"
        else f
        for f in run.findings
        if f.check == "PRM-G01"
    ]  # fmt: skip
    run.findings = gone
    run.manifest = {
        "status": "finished", "primum": "0.1.0", "seed": 1, "packages": {}, "deviations": [],
        "release": {
            "preset": "cbs", "words": "preset cbs of 2026-11", "rounding": "not rounded", "t": 10,
            "exceptions": [{"rule": "R1 households", "reason": "one a household", "person": "A. Name", "date": ""}],
        },
    }  # fmt: skip
    return run


def test_a_release_tells_what_is_withheld_and_keeps_silent_on_what_it_lacks(run):
    run = released(run)
    paper = manuscript(run)
    said = words_of(paper)
    assert "preset cbs of 2026-11" in under(paper, "Disclosure control")
    assert "No count from 1 to 9 is shown" in under(paper, "Disclosure control")
    assert "R1 households (one a household)" in said
    assert "A. Name" not in said
    assert str(run.plan.created)[:10] not in said
    assert "Counts that were protected" not in under(paper, "Data and participants")
    assert "Inconclusive (suppressed): Non-Hispanic Asian (ethnicity)" in said
    assert "nan" not in said.lower().replace("finan", "")
    table = table_set.people_by_group(run)
    line = next(x for x in table.lines if x.head == "Non-Hispanic Asian")
    assert [c.text for c in line.cells] == ["withheld", "withheld"]
    line = next(x for x in table_set.by_group(run, MODEL).lines if x.head == "Non-Hispanic Asian")
    assert {c.text for c in line.cells} == {"withheld"}
    line = next(x for x in table_set.differences(run, MODEL).lines if x.head == "Non-Hispanic Asian")
    assert line.cells[-1].text == "inconclusive (suppressed)"
    assert line.cells[2].text == "withheld"
    assert not [t for t in paper.tables if "-people-by-" in t.name]


def test_an_audit_inside_has_no_disclosure_control(finished):
    heads = [b.text for b in manuscript(finished).blocks if isinstance(b, Heading)]
    assert "Disclosure control" not in heads


def test_scores_that_were_brought_along_are_not_called_trained(run):
    run.chapters["models"]["models"] = [
        m | {"kind": "score column", "scale": "points", "range": [0, 20], "settings": {"column": "secret"}}
        for m in run.chapters["models"]["models"][:1]
    ]
    model = {"name": MODEL, "score": "points", "scale": "points", "range": [0, 20]}
    changed(run, models=[model], features=[], decision={"act": "invite", "threshold": 8})
    run.chapters["models"]["models"][0]["threshold"] = 8
    paper = manuscript(run)
    said = words_of(paper)
    assert "We evaluated 1 prediction model (boosting), made elsewhere" in said
    assert "cross-fitting" not in said
    assert "a score of 8 or more" in said
    assert "A score in points, from 0 to 20." in said
    assert "its predictors]" in under(paper, "Predictors")
    assert "secret" not in said
    assert "scikit" not in said


def test_the_record_against_a_better_measurement(run, sample):
    run.chapters["record"] = sample.record_with_truth()
    said = under(manuscript(run), "The record of the outcome")
    p, low, high = (100 * x for x in wilson(110, 420))
    assert f"Women (sex), {p:.1f}% (95% CI {low:.1f} to {high:.1f})" in said
    assert "HbA1c of 6.5 % or more" in said
    assert "not recorded" not in said  # nobody there to be missed


def test_people_left_out_are_told_step_by_step(run):
    run.chapters["people"]["flow"] = [
        {"step": "rows read", "n": 100, "removed": 0, "why": ""},
        {"step": "age ≥ 18", "n": 80, "removed": 20, "why": ""},
        {"step": "outcome known", "n": 75, "removed": 5, "why": ""},
    ]
    assert design.flow(run) == (
        "Of 100 rows read, 20 were left out at the step ‘age ≥ 18’ (80 remained) and 5 were left out at the step "
        "‘outcome known’ (75 remained)."
    )


def test_the_natural_frequencies_add_up(finished):
    said = results._natural(finished)
    row = finished.chapters["groups"]["consequences"][0]
    ill, found = round(row["with_outcome"]), round(row["found"])
    assert f"{ill} have depression: {MODEL} would select {found} of them and miss {ill - found}," in said


def with_repairs(run):
    """The run with two repairs: one that changes decisions and is refused, one that changes nothing."""
    women = {
        "attribute": "sex", "group": "Women", "n": 500, "events": 60, "nonevents": 440, "found": 2, "lost": 5,
        "spared": 31, "alarmed": 4, "value": -0.0062, "low": -0.0244, "high": 0.0094, "verdict": "not assessable",
        "decides": "not assessable", "need": 900, "reason": "",
    }  # fmt: skip
    men = women | {"group": "Men", "value": 0.012, "low": 0.002, "high": 0.022, "decides": "certified"}
    still = women | dict.fromkeys(("found", "lost", "spared", "alarmed"), 0)
    one = {
        "name": "calibrated", "method": "group calibration", "by": ["sex"], "failed": "", "granted": False,
        "comparator": False, "groups": [women, men], "advice": "no certificate.",
    }  # fmt: skip
    none = one | {"name": "own thresholds", "method": "utility thresholds", "granted": True, "groups": [still]}
    run.chapters["repairs"] = {
        "model": MODEL, "people": {"train": 900, "fix": 300, "certify": 1000}, "repairs": [one, none],
        "utility": {"words": "net true positives", "name": "net benefit at 0.1"},
    }  # fmt: skip
    return changed(run, no_harm={"margin": 0.01, "alpha": 0.05, "chosen": "by the patients' council"})


def test_repairs_tell_who_gains_who_loses_and_by_which_rule(run):
    run = with_repairs(run)
    paper = manuscript(run)
    said = under(paper, "Repairs of the model")
    assert "calibrated (group calibration by sex) and own thresholds (utility thresholds by sex)" in said
    assert "trained anew on 900 people, 300 people fitted the repairs and 1,000 others judged them" in said
    assert "only if every group of sex was shown not to lose as much as 10 net true positives per 1,000 people" in said
    assert "one-sided test at 5% with Gaffke's bound" in said
    assert "“by the patients' council”" in said
    assert {"learnedmiller2019", "berger1982"} <= set(paper.cited)
    assert number_of(paper.tables, "repairs") == "Table 5"
    table = next(t for t in paper.tables if t.number == "5")
    rows = [(x.head, [c.text for c in x.cells]) for x in table.grid.lines]
    assert rows == [
        ("Calibrated (certificate refused)", []),
        ("Women (sex)", ["500", "2/5", "31/4", "−6.2 (−24.4 to 9.4)", "not assessable"]),
        ("Men (sex)", ["500", "2/5", "31/4", "+12.0 (2.0 to 22.0)", "no loss beyond the margin"]),
    ]
    assert "one-sided limits at 95% each. No decision about anybody here changes with: own thresholds." in table.notes
    assert "Calibrated: no certificate." in under(paper, "Repairs")


# the chapter of the report -------------------------------------------------------------------------------------------


def test_the_report_has_the_methods_but_not_the_results_again(finished):
    section = view.section(finished)
    assert section.anchor == "paper"
    said = json.dumps([getattr(b, "text", "") or list(getattr(b, "lines", "")) for b in section.blocks])
    assert "The outcome was depression" in said
    assert "people were analysed" not in said
    assert "[1] Collins GS" in said
    assert "TRIPOD+AI items [1]." in said
    assert all(isinstance(b, Paragraph | Heading) for b in manuscript(finished).blocks)


def test_a_run_without_models_has_no_such_chapter(run):
    run.chapters["performance"], run.chapters["groups"] = {}, {}
    assert view.section(run) is None
