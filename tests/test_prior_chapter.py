"""The chapter on prior knowledge: from what is declared to findings, tables, shapes and sentences."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from primum.certify.document import read as read_certificate
from primum.chapters.prior import constraints_of, prior_chapter, priors_of
from primum.cohort.read import from_frame
from primum.cohort.select import assemble
from primum.errors import PrimumError
from primum.execute.progress import Silent
from primum.execute.run import Run
from primum.finding import Verdict
from primum.learn import boosting
from primum.plan import freeze
from primum.report.figures.rows import Source
from primum.report.figures.shapes import shapes as figures
from primum.report.section import Table
from primum.report.views.prior import section
from primum.report.views.shapes import section as shape_section
from primum.usecase_prior import Prior, prior_slips

NO_HARM = {"margin": 0.01, "alpha": 0.05, "groups": ["sex", "region"]}
DECLARED = {
    "monotone": {"marker": "rises"},
    "forbidden": [["age", "marker"]],
    "published": [
        {"feature": "marker", "odds_ratio": 0.5, "low": 0.4, "high": 0.625, "source": "made up, wrong way"},
        {"feature": "age", "coefficient": 0.3, "se": 0.05, "per": 10, "source": "made up"},
    ],
    "rules": [
        {"name": "all old", "when": [{"column": "age", "at_least": 60}], "select": "always", "reason": "a test"},
    ],
}  # fmt: skip


def told(case, frame, declared, folder):
    run = Run(path=folder, usecase=case, plan=freeze(case))
    cohort = assemble(case, from_frame(frame))
    found = prior_chapter(run, cohort, declared, estimators={}, base=None, trust_pickle=False, progress=Silent())
    return run, found


@pytest.fixture(scope="module")
def whole(tmp_path_factory, small_case, people):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(boosting.SETTINGS, "max_iter", 15)
        case = small_case(models=[{"name": "boosted", "train": "boosting"}], no_harm=NO_HARM)
        return told(case, people(1200), Prior.model_validate(DECLARED), tmp_path_factory.mktemp("prior") / "run")


def test_every_constraint_has_its_price_by_group(whole):
    run, findings = whole
    rows = run.chapters["prior"]["price"]
    assert {r["measure"] for r in rows} == {"log loss", "brier", "net benefit"}
    assert {"overall", "sex", "region", "age", "sex × age"} >= {r["attribute"] for r in rows} > {"overall", "sex"}
    cost = {(f.attribute, f.group): f for f in findings if f.check == "PRM-K02"}
    for r in rows:
        if r["measure"] == "net benefit":
            verdict = cost[r["attribute"], r["group"]].verdict
            assert (verdict == Verdict.HARM) == (r["verdict"] == "loses")
    broken = [r for r in run.chapters["prior"]["violations"] if r["attribute"] == "overall"]
    assert broken[0]["share"] > 0  # the unconstrained model goes against it somewhere


def test_a_publication_that_points_the_wrong_way_is_found(whole):
    run, findings = whole
    everyone = {r["feature"]: r for r in run.chapters["prior"]["conflict"] if r["attribute"] == "overall"}
    assert everyone["marker"]["verdict"] == "contradicted"
    assert everyone["age"]["verdict"] == "not contradicted"
    assert len([r for r in run.chapters["prior"]["conflict"] if r["attribute"] == "overall"]) == 2
    fit = [f for f in findings if f.check == "PRM-K01" and f.group == "overall"]
    assert [(f.metric, f.verdict) for f in fit] == [("effect of marker", Verdict.INCONCLUSIVE)]


def test_expert_rules_are_certified_by_what_was_declared(whole):
    run, findings = whole
    rules = run.chapters["prior"]["rules"]
    assert rules["touched"][0]["selected_in_addition"] > 0
    judged = {(f.attribute, f.group): f.verdict for f in findings if f.check == "PRM-K03"}
    assert rules["granted"] == all(v == Verdict.NO_HARM for v in judged.values())
    assert read_certificate(next(run.path.glob("certificates/*.json")))["sha256"] == rules["certificate"]["sha256"]


def test_the_page_tells_all_of_it(whole):
    run, _ = whole
    page = section(run)
    captions = [b.grid.caption for b in page.blocks if isinstance(b, Table)]
    assert len(captions) == 5
    assert all(bool(b.grid) for b in page.blocks if isinstance(b, Table))
    shown = shape_section(run)
    assert [m["name"] for m in run.chapters["shapes"]["models"]] == ["boosted", "boosted under the constraints"]
    assert len([b for b in shown.blocks if isinstance(b, Table)]) == 2 + 4
    assert len(figures(Source(run))) == 4
    under = [r for r in run.chapters["shapes"]["models"][1]["rows"] if r["feature"] == "marker"]
    effects = [r["effect"] for r in under if r["attribute"] == "overall" and r["kind"] == "number"]
    assert effects == sorted(effects)


def test_a_score_alone_has_no_constraints_but_its_rules(small_case, people, tmp_path):
    declared = Prior.model_validate({"rules": DECLARED["rules"]})
    run, findings = told(small_case(no_harm=NO_HARM), people(900), declared, tmp_path / "run")
    assert "shapes" not in run.chapters
    assert {f.check for f in findings} == {"PRM-K03"}
    with pytest.raises(PrimumError, match="trained here, and 'score' is not"):
        told(small_case(), people(300), Prior(monotone={"marker": "rises"}), tmp_path / "other")


def test_contradictions_and_scales_are_refused_before_anything_is_trained():
    with pytest.raises(PrimumError, match="contradict each other"):
        constraints_of(
            Prior.model_validate(
                {"monotone": {"a": "rises"},
                 "bounded": [{"feature": "a", "low": 0.5, "high": 0.8, "scale": "odds ratio"}]}
            )
        )  # fmt: skip
    with pytest.raises(PrimumError, match="odds ratio of 'a' is"):
        priors_of(Prior.model_validate({"published": [{"feature": "a", "odds_ratio": -0.4, "low": -1.0, "high": 0.2,
                                                       "source": "x"}]}))  # fmt: skip


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"monotone": {"a": "up"}}, "'rises' or 'falls'"),
        ({"published": [{"feature": "a", "odds_ratio": 2.0, "source": "x"}]}, "needs its interval"),
        ({"published": [{"feature": "a", "coefficient": 0.2, "source": "x"}]}, "or its standard error"),
        ({"published": [{"feature": "a", "source": "x"}]}, "exactly one of odds_ratio, coefficient"),
        ({"rules": [{"name": "r", "when": [{"column": "a", "above": 1.0}]}]}, "needs a consequence"),
        (
            {"rules": [{"name": "r", "when": [{"column": "a", "above": 1.0}], "at_least": 0.3, "at_most": 0.2}]},
            "nothing is",
        ),
        ({"bounded": [{"feature": "a", "low": 1, "high": 2, "scale": "odds ratio"}] * 2}, "there twice"),
    ],
)
def test_a_part_that_cannot_be(part, message):
    with pytest.raises(ValidationError, match=message):
        Prior.model_validate(part)


def test_slips_across_the_use_case(small_case):
    case = small_case()
    info = {"features": case.features, "models": case.models, "no_harm": None}
    declared = Prior.model_validate(DECLARED | {"monotone": {"markr": "rises"}})
    said = [s.words for s in prior_slips(info, declared)]
    assert any("no feature 'markr'" in w for w in said)
    assert any("trained here; 'score' is not" in w for w in said)
    assert any("declare no_harm" in w for w in said)
    fine = small_case(models=[{"name": "b", "train": "boosting"}], no_harm=NO_HARM)
    assert (
        prior_slips(
            {"features": fine.features, "models": fine.models, "no_harm": fine.no_harm}, Prior.model_validate(DECLARED)
        )
        == []
    )
