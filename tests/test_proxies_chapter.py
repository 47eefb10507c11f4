"""The chapter on stigma and discrimination: found where it was put, told in plain words, judged by margins only."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from primum.chapters import proxies as chapter
from primum.check import proxies as check
from primum.cohort.read import from_frame
from primum.cohort.select import assemble
from primum.errors import PrimumError
from primum.execute.progress import Silent
from primum.execute.run import Run
from primum.finding import Verdict
from primum.plan import freeze
from primum.report.figures.figure import svg
from primum.report.figures.proxies import proxies as figures
from primum.report.figures.rows import Source
from primum.report.say import say
from primum.report.views import proxies as view
from primum.usecase_proxies import MARGINS, Discrimination, proxies_slips

TOLD = {
    "legitimate": ["need"], "immutable": ["sex"], "historic": ["visits"], "visible_to": "the whole clinic",
    "cost": "a note on file", "retrained": 2, "chosen": "for this test",
}  # fmt: skip


def made(n=2400, seed=1):
    """Return people whose outcome rests on need; women have more recorded visits, and a model leans on both."""
    rng = np.random.default_rng([seed, 21])
    female = rng.random(n) < 0.5
    need, noise = rng.normal(size=(2, n))
    visits = rng.poisson(np.where(female, 5.0, 2.0))
    ill = rng.random(n) < 1 / (1 + np.exp(2.1 - 1.2 * need - 0.5 * female - 0.3 * visits))
    measured = rng.random(n) > np.where(female, 0.25, 0.02)  # whose outcome is known
    return pl.DataFrame(
        {
            "id": np.arange(n), "house": np.arange(n) // 2, "sex": np.where(female, "Female", "Male"),
            "town": rng.choice(["North", "South"], n), "need": need.round(3), "visits": visits,
            "noise": noise.round(3), "weight": rng.uniform(0.5, 2, n).round(2),
            "ill": pl.Series(ill.astype(int)).set(pl.Series(~measured), None),
            "risk": (1 / (1 + np.exp(1.4 - 1.2 * need - 0.12 * visits))).round(5),
        }
    )  # fmt: skip


def asked(small_case, **changes):
    question = {
        "features": ["sex", "need", "visits", "noise"],
        "groups": [{"column": "sex"}, {"column": "town"}],
        "models": [{"name": "risk", "train": "logistic"}],
        "decision": {"act": "visit at home", "threshold": 0.3},
    }
    return small_case(**(question | changes))


def told(case, frame, path, section=None, **changes):
    run = Run(path, case, freeze(case))
    cohort = assemble(case, from_frame(frame))
    part = Discrimination.model_validate(TOLD | (section or {}))
    found = chapter.proxies_chapter(
        run, cohort, part, estimators={}, base=None, trust_pickle=False, progress=Silent(), **changes
    )
    return run, found


@pytest.fixture(scope="module")
def ran(small_case, tmp_path_factory):
    margins = {"added auroc": 0.05, "direct use": 0.02, "conditional disparity": 0.03, "false alarms": 0.2,
               "persistence": 0.05, "share lost": 0.1}  # fmt: skip
    before = [
        {"step": "invited", "people": {"sex": {"Female": 2600, "Male": 1300}}},
        {"step": "linked", "people": {"sex": {"Female": 1300, "Male": 1250}}},
    ]
    return told(asked(small_case), made(), tmp_path_factory.mktemp("proxies"), {"margins": margins, "before": before})


def rows(run, part, **wanted):
    found = [r for r in run.chapters["proxies"][part] if all(r[k] == v for k, v in wanted.items())]
    assert found
    return found


def finding(findings, what, group, metric=""):
    return next(f for f in findings if f.check == what.code and f.group == group and (not metric or f.metric == metric))


def test_the_proxy_is_found_and_the_rest_is_not(ran):
    run, findings = ran
    visits = rows(run, "features", attribute="sex", feature="visits", group="Female")[0]
    noise = rows(run, "features", attribute="sex", feature="noise", group="Female")[0]
    assert visits["low"] > 0.75
    assert noise["low"] < 0.5 < noise["high"]
    assert visits["given"]["low"] > 0.2
    assert not [r for r in run.chapters["proxies"]["features"] if r["attribute"] == "sex" and r["feature"] == "sex"]
    assert run.chapters["proxies"]["own"] == {"sex": ["sex"], "town": []}
    for r in rows(run, "strength", attribute="town"):
        assert r["together"]["low"] < 0.5 < r["together"]["high"]
    f = finding(findings, check.STRENGTH, "Female")
    assert f.verdict is Verdict.HARM
    assert f.estimate.low > 0.05
    assert finding(findings, check.STRENGTH, "North").verdict is not Verdict.HARM


def test_proxies_are_ranked_by_how_they_tell_and_matter(ran):
    run, _ = ran
    first = rows(run, "influence", attribute="sex")[0]
    assert first["feature"] == "visits"
    share = {r["feature"]: r["share"] for r in run.chapters["proxies"]["importance"]}
    assert sum(share.values()) == pytest.approx(1)
    assert first["value"] == pytest.approx(share["visits"] * 2 * (first["auroc"]["value"] - 0.5))
    assert first["legitimate"] is False
    assert rows(run, "influence", feature="need")[0]["legitimate"] is True
    assert "need" not in run.chapters["proxies"]["retrained"]  # an accepted reason is not taken away


def test_what_reaches_the_score_through_the_proxy(ran, small_case, tmp_path):
    """A model that is not told the sex learns it from visits; told the sex, it does without them."""
    blind, findings = told(
        asked(small_case, features=["need", "visits", "noise"]), made(), tmp_path, {"immutable": [], "retrained": 1}
    )
    r = rows(blind, "flow", feature="visits", attribute="sex", group="Female")[0]
    assert r["with"] > 0.1
    assert abs(r["without"]) < 0.03
    assert r["value"] == pytest.approx(r["without"] - r["with"])
    assert r["high"] < -0.05
    assert [f for f in findings if f.metric == "gap_change without visits" and f.attribute == "sex"]
    assert {r["why"] for r in blind.chapters["proxies"]["not_used"]} == {"the model is not given it"}
    known = rows(ran[0], "flow", feature="visits", attribute="sex", group="Female")[0]
    assert abs(known["value"]) < 0.03 < known["without"]


def test_the_attribute_alone_turns_decisions_round(ran):
    run, findings = ran
    female = rows(run, "direct", group="Female")[0]
    assert female["signed"]["high"] < 0
    assert female["value"] > 0.02
    assert finding(findings, check.DIRECT, "Female").verdict is Verdict.HARM
    assert run.chapters["proxies"]["not_used"] == [{"attribute": "town", "why": "the model is not given it"}]


def test_disparity_and_burden_agree_with_the_decisions(small_case, tmp_path):
    frame = made().filter(pl.col("ill").is_not_null())
    run, findings = told(asked(small_case, models=[{"name": "risk", "score": "risk"}]), frame, tmp_path)
    flagged, female = (frame["risk"] >= 0.3).to_numpy(), (frame["sex"] == "Female").to_numpy()
    r = rows(run, "disparity", group="Female")[0]
    assert r["crude"]["value"] == pytest.approx(female[~flagged].mean() - female[flagged].mean())
    false = flagged & (frame["ill"] == 0).to_numpy()
    b = rows(run, "burden", group="Female")[0]
    assert b["per_1000"]["value"] == pytest.approx(1000 * false[female].mean())
    assert b["share_ratio"]["value"] == pytest.approx(female[false].mean() / female.mean())
    assert {f.verdict for f in findings} == {Verdict.NOT_APPLICABLE}
    assert {f.reason for f in findings if f.check == "PRM-D07"} == {check.DESCRIBES}
    assert run.chapters["proxies"]["why_not"]["model"] == chapter.BROUGHT
    assert not run.chapters["proxies"]["influence"]
    section = view.section(stub(run, findings))
    assert any(getattr(b, "text", "").startswith("Not told here: the score was brought") for b in section.blocks)


def test_a_burden_turns_the_sign(small_case, tmp_path):
    frame, case = made(), asked(small_case, models=[{"name": "risk", "score": "risk"}])
    one = told(case, frame, tmp_path / "a")[0]
    two, findings = told(case, frame, tmp_path / "b", {"selected_is": "burden"})
    for a, b in zip(*(r.chapters["proxies"]["disparity"] for r in (one, two)), strict=True):
        assert a["crude"]["value"] == pytest.approx(-b["crude"]["value"])
        assert a["given"]["value"] == pytest.approx(-b["given"]["value"])
    assert "share of those it is imposed on" in finding(findings, check.DISPARITY, "Female").words


def test_need_explains_a_disparity(small_case, tmp_path):
    """Those in the South need more and are visited by need alone: the strata take the disparity away."""
    frame = made(4000)
    need = frame["need"].to_numpy() + 1.2 * (frame["town"] == "South").to_numpy()
    third = np.digitize(need, np.quantile(need, [1 / 3, 2 / 3]))
    frame = frame.with_columns(need=pl.Series(need), risk=pl.Series(np.array([0.1, 0.35, 0.6])[third]))
    case = asked(small_case, models=[{"name": "risk", "score": "risk"}], decision={"act": "a", "threshold": 0.5})
    flip = frame["risk"].to_numpy().copy()
    flip[np.random.default_rng(4).random(4000) < 0.2] = 0.55  # some of every stratum are visited
    run, _ = told(case, frame.with_columns(risk=pl.Series(flip)), tmp_path)
    r = rows(run, "disparity", group="South")[0]
    assert r["crude"]["high"] < -0.1
    assert abs(r["given"]["value"]) < 0.03
    assert run.chapters["proxies"]["strata"] == ["need"]


def test_what_cannot_be_changed(ran):
    run, findings = ran
    everyone = {r["what"]: r for r in rows(run, "persistence", group="everyone")}
    assert set(everyone) == {"immutable", "historic", "immutable or historic"}
    whole = everyone["immutable or historic"]
    assert whole["explained"]["value"] > 0.8
    assert max(everyone["immutable"]["value"], everyone["historic"]["value"]) <= whole["value"] + 0.01
    assert whole["value"] <= whole["alone"]["value"] + 0.05
    assert finding(findings, check.PERSISTENCE, "everyone").verdict is Verdict.HARM


def test_the_ledger_begins_before_the_data(ran):
    run, findings = ran
    female = rows(run, "attrition", attribute="sex", group="Female")
    assert [r["step"] for r in female] == ["invited", "linked", "included", "outcome recorded", "visit at home"]
    assert female[1]["lost"]["value"] == 0.5
    assert female[3]["lost"]["value"] == pytest.approx(0.25, abs=0.04)
    assert female[4]["kind"] == "reached"
    town = rows(run, "attrition", attribute="town", group="North")
    assert town[0]["step"] == "included"
    lost = [f for f in findings if f.check == "PRM-D09" and f.group == "Female"]
    assert lost[0].verdict is Verdict.HARM
    assert "are lost at 'linked'" in lost[0].words


def test_stigma_has_three_sides_and_no_number(ran):
    run, findings = ran
    for f in (f for f in findings if f.check == "PRM-D10"):
        assert f.verdict is Verdict.NOT_APPLICABLE
        assert np.isnan(f.estimate.value)
        assert "the whole clinic" in f.words
    r = rows(run, "stigma", group="Female")[0]
    assert r["burden"]["value"] == rows(run, "burden", group="Female")[0]["share_ratio"]["value"]
    assert r["persistence"]["value"] == rows(run, "persistence", group="Female")[0]["value"]


def test_every_check_has_its_paragraph_and_findings_survive_the_file(ran):
    run, findings = ran
    assert [c.code for c in check.CHECKS] == [f"PRM-D{i:02}" for i in range(2, 11)]
    assert {f.check for f in findings} == {c.code for c in check.CHECKS}
    assert {c.margin for c in check.CHECKS if c.margin} == set(MARGINS)
    for c in check.CHECKS:
        assert len(c.what.split()) > 30
        assert len(c.do.split()) > 15
        assert "fair" not in f"{c.what} {c.do}".lower().split()
    keys = [(f.check, f.metric, f.attribute, f.group) for f in findings]
    assert len(keys) == len(set(keys))
    assert chapter.findings(run.chapters["proxies"], check.Judge(Discrimination.model_validate(TOLD), "risk"))


def stub(run, findings):
    return SimpleNamespace(
        path=None, usecase=run.usecase, plan=run.plan, chapters=run.chapters, findings=findings, manifest={}
    )


def test_the_page_and_the_pictures_say_so(ran):
    run, findings = ran
    seen = stub(run, findings)
    section = view.section(seen)
    drawn = figures(Source(seen))
    assert [f.name for f in drawn] == ["proxies-told", "proxies-false-alarms", "proxies-attrition"]
    assert all(f.chapter == "proxies" and f.table for f in drawn)
    assert all(svg(f).startswith("<svg") for f in drawn)
    said = [getattr(b, "text", "") for b in section.blocks]
    for c in check.CHECKS:
        assert f"{c.title} ({c.code})" in said
        assert c.what in said
        assert f"What to do. {c.do}" in said
    assert any(s.startswith("By declared margins") for s in said)
    assert say("proxies.own_scores") in said
    grids = [b.grid for b in section.blocks if b.is_ == "table"]
    assert len(grids) == len(check.CHECKS)
    for grid in grids:
        assert grid.lines
        assert all(line.section or len(line.cells) < len(grid.columns) for line in grid.lines)
    assert view.section(SimpleNamespace(chapters={})) is None
    assert figures(Source(SimpleNamespace(chapters={}))) == []


def test_families_and_weights_reach_the_intervals(small_case, tmp_path):
    """Every person twice, in one family: intervals stay nearly those of the half, not 1/√2 of them."""
    half = made(1200).filter(pl.col("ill").is_not_null())
    twice = pl.concat([half, half.with_columns(id=pl.col("id") + 5000)])
    score = {"models": [{"name": "risk", "score": "risk"}]}
    one, _ = told(asked(small_case, **score), half, tmp_path / "a")
    linked = {"identifiers": {"person": "id", "family": "family"}}
    two, _ = told(asked(small_case, **score, **linked), twice.with_columns(family=pl.col("id") % 5000), tmp_path / "b")

    def width(run, part, key=None):
        r = rows(run, part, attribute="sex", group="Female")[0]
        r = r if key is None else r[key]
        return r["high"] - r["low"]

    for part, key in (("disparity", "crude"), ("burden", "per_1000"), ("burden", "share_ratio")):
        assert width(two, part, key) == pytest.approx(width(one, part, key), rel=0.1)
    assert width(two, "strength", "together") == pytest.approx(width(one, "strength", "together"), rel=0.2)
    heavy, _ = told(asked(small_case, **score, weight="weight"), half, tmp_path / "c")
    w, f = half["weight"].to_numpy(), (half["sex"] == "Female").to_numpy()
    false = (half["risk"] >= 0.3).to_numpy() & (half["ill"] == 0).to_numpy()
    ratio = rows(heavy, "burden", group="Female")[0]["share_ratio"]
    assert ratio["value"] == pytest.approx((w @ (false & f) / (w @ false)) / (w @ f / w.sum()))
    assert width(heavy, "burden", "share_ratio") > width(one, "burden", "share_ratio")


def test_an_audited_score_is_taken_as_it_is(small_case, tmp_path):
    frame = made().filter(pl.col("ill").is_not_null())
    score = frame["risk"].to_numpy()
    run, _ = told(asked(small_case), frame, tmp_path, score=score)
    female = rows(run, "burden", group="Female")[0]["per_1000"]["value"]
    false = (score >= 0.3) & (frame["ill"] == 0).to_numpy()
    assert female == pytest.approx(1000 * false[(frame["sex"] == "Female").to_numpy()].mean())


def test_in_an_audit_the_decisions_are_those_of_the_audit(small_case, tmp_path):
    """The whole way: declared in the use case, told in the report, with the scores that every chapter counts."""
    from primum.audit import audit

    case = asked(small_case, discrimination=TOLD | {"retrained": 0}, groups=[{"column": "sex"}])
    run = audit(case, data=made(900), out=tmp_path / "run")
    held = run.chapters["proxies"]
    assert held["own_scores"] is False
    told_ = {r["group"]: r["false_alarms"] for r in run.chapters["groups"]["consequences"] if r["attribute"] == "sex"}
    for r in held["burden"]:
        assert r["per_1000"]["value"] == pytest.approx(told_[r["group"]])
    page = run.report(tmp_path / "report").read_text(encoding="utf8")
    assert "Stigma and discrimination, in the data" in page
    assert "Who bears the false alarms?" in page
    for c in check.CHECKS:
        assert c.code in page


def test_without_features_only_burdens_and_losses_are_told(small_case, tmp_path):
    case = asked(small_case, features=[], models=[{"name": "risk", "score": "risk"}])
    empty = {"legitimate": [], "immutable": [], "historic": []}
    run, findings = told(case, made(600), tmp_path, empty)
    held = run.chapters["proxies"]
    assert held["why_not"]["features"] == chapter.NO_FEATURES
    assert {f.check for f in findings} == {"PRM-D06", "PRM-D07", "PRM-D09", "PRM-D10"}
    assert {f.metric for f in findings if f.check == "PRM-D06"} == {"demographic_disparity"}
    assert view.section(stub(run, findings)) is not None
    assert figures(Source(stub(run, findings)))


def test_too_few_people_are_told(small_case, tmp_path):
    frame = made(300).with_columns(town=pl.when(pl.col("id") < 15).then(pl.lit("Island")).otherwise(pl.col("town")))
    run, _ = told(asked(small_case), frame, tmp_path, {"retrained": 0, "learner": "trees"})
    assert {"attribute": "town", "group": "Island", "why": chapter.telling.FEW} in run.chapters["proxies"]["left_out"]
    assert not run.chapters["proxies"]["flow"]
    few = made(40).with_columns(ill=pl.Series(np.r_[1, 1, np.zeros(38, dtype=int)]))
    run, _ = told(asked(small_case), few, tmp_path / "few")
    assert "too few for 3 folds" in run.chapters["proxies"]["why_not"]["features"]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"margins": {"direct use": 0.0}}, "greater than 0"),
        ({"margins": {"direkt use": 0.1}}, "no margin 'direkt use'"),
        ({"legitimate": ["a", "a"]}, "there twice"),
        ({"before": [{"step": "x", "people": {"sex": {"F": 3}}}, {"step": "y", "people": {"sex": {"F": 4}}}]},
         "4 people at 'y' and 3 before it"),
        ({"before": [{"step": "x", "people": {"sex": {"F": -3}}}]}, "greater than or equal to 0"),
        ({"stigma": 3}, "Extra inputs"),
    ],
)  # fmt: skip
def test_what_the_section_refuses(section, words):
    with pytest.raises(ValidationError, match=words):
        Discrimination.model_validate(section)


def test_slips_against_the_rest_of_the_use_case(small_case):
    case = asked(small_case)
    info = {"groups": case.groups, "features": case.features}
    section = Discrimination.model_validate(
        {"groups": ["gender"], "legitimate": ["needs"], "strata": ["noise"],
         "before": [{"step": "x", "people": {"sexes": {"F": 1}}}]}
    )  # fmt: skip
    slips = proxies_slips(info, section)
    assert [s.path for s in slips] == [
        ("discrimination", "groups"), ("discrimination", "before", 0, "people"), ("discrimination", "legitimate", 0),
    ]  # fmt: skip
    assert slips[2].near == "need"
    assert proxies_slips(info, Discrimination()) == []


def test_groups_counted_elsewhere_must_be_those_of_the_data(small_case, tmp_path):
    case = asked(small_case, models=[{"name": "risk", "score": "risk"}])
    with pytest.raises(PrimumError, match="people of 'F'"):
        told(case, made(300), tmp_path, {"before": [{"step": "invited", "people": {"sex": {"F": 900, "Male": 400}}}]})
    with pytest.raises(PrimumError, match="more people in Female, Male than before it"):
        told(
            case,
            made(300),
            tmp_path / "b",
            {"before": [{"step": "asked", "people": {"sex": {"Female": 9, "Male": 4}}}]},
        )
