"""A release is measured from protected counts: what is shown, with which digits, and what is withheld."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from primum.audit import audit
from primum.disclose.presets import preset
from primum.disclose.recode import REST, recode
from primum.errors import PrimumError
from primum.finding import Estimate, Finding, Status, Verdict
from primum.release.about import about, assessable, private_cells
from primum.release.measured import measure
from primum.release.order import order, units
from primum.release.printed import printed, rows, trimmed
from primum.release.register import truth
from primum.release.withheld import named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from primum.disclose.recode import Recoded
    from primum.execute.run import Run
    from primum.usecase import UseCase

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
NO_HOUSEHOLDS = {
    "exceptions": ["R1 households: every person was drawn from a household of their own"],
    "by": "A. Nurse",
}


def recoded(run: Run, which: str = "uk_biobank", **overrides: Any) -> Recoded:
    cuts = {m["name"]: m["threshold"] for m in run.chapters["models"]["models"]}
    groups = [(g.title, tuple(g.intersection) if g.intersection else (g.title,)) for g in run.usecase.groups]
    return recode(run.tallies, cuts, groups, preset(which, **overrides), units=run.units)


@pytest.fixture(scope="module")
def released(small_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return measure(small_run, recoded(small_run), tmp_path_factory.mktemp("released"), about={"preset": "uk_biobank"})


def _rows(run: Run, **wanted: Any) -> list[dict[str, Any]]:
    return [r for r in run.chapters["groups"]["estimates"] if all(r[k] == v for k, v in wanted.items())]


def test_digits_follow_the_people_and_limits_go_outwards() -> None:
    e = Estimate(23 / 60, 0.2711, 0.5091, "Wilson", 60, 23, 37)
    got = printed(e, preset("cbs"))
    assert (got.value, got.low, got.high) == (0.4, 0.2, 0.6)
    wide = printed(Estimate(0.12345, 0.12301, 0.12399, "Wilson", 5000, 600, 4400), preset("cbs"))
    assert (wide.value, wide.low, wide.high) == (0.123, 0.123, 0.124)
    gone = Estimate(math.nan, math.nan, math.nan, "", 0, 0, 0, Status.SUPPRESSED, "withheld")
    assert printed(gone, preset("cbs")) is gone


def test_a_sentence_has_no_digits_that_nobody_stands_behind() -> None:
    assert trimmed("differs by -0.290 [-0.470, +0.010] of 120", 300, preset("cbs")) == (
        "differs by -0.29 [-0.47, +0.01] of 120"
    )
    assert trimmed("differs by -0.290", 3000, preset("cbs")) == "differs by -0.290"


def test_rates_are_those_of_the_protected_counts(small_run: Run, released: Run) -> None:
    counts = recoded(small_run).decided["score"]["sex"]
    c = counts.at(0.2, "n")
    for i, (group,) in enumerate(counts.groups):
        if group == REST:
            continue
        row = _rows(released, attribute="sex", group=group, metric="sensitivity")[0]
        n = int(counts.people()[i].sum())
        places = 2 if n < 1000 else 3
        assert row["value"] == round(float(c.tp[i] / (c.tp[i] + c.fn[i])), places)
        assert row["n"] == n


def test_without_small_groups_a_release_tells_what_the_audit_told(small_run: Run, released: Run) -> None:
    inside = {
        (f.attribute, f.group): f for f in small_run.findings if f.check == "PRM-G01" and f.metric == "sensitivity"
    }
    told = {(f.attribute, f.group): f for f in released.findings if f.check == "PRM-G01" and f.metric == "sensitivity"}
    assert len(told) >= 6
    for place, f in told.items():
        if f.verdict is Verdict.SUPPRESSED:
            continue
        true = inside[place].estimate
        assert f.estimate.value == pytest.approx(true.value, abs=0.006)
        assert f.estimate.low <= true.low + 1e-9
        assert f.estimate.high >= true.high - 1e-9
        assert f.estimate.high - f.estimate.low <= true.high - true.low + 0.0201


def test_a_withheld_group_has_a_row_without_numbers_and_no_gap(small_run: Run, tmp_path: Path) -> None:
    strict = recoded(small_run, "strict_lp")
    run = measure(small_run, strict, tmp_path, about={})
    hidden = [
        (d.title, g) for d in strict.divisions.values() for g in (*named(d, strict), *d.counted) if g not in d.shown
    ]
    assert hidden
    for title, group in hidden:
        label = " · ".join(group)
        rows = _rows(run, attribute=title, group=label, metric="sensitivity")
        assert [r["status"] for r in rows] == ["suppressed"]
        assert math.isnan(rows[0]["value"])
        place = (title, label, "sensitivity")
        gaps = [(c["attribute"], c["group"], c["metric"]) for c in run.chapters["groups"]["comparisons"]]
        assert place not in gaps
        verdicts = {f.verdict for f in run.findings if (f.attribute, f.group, f.metric) == place}
        assert verdicts == {Verdict.SUPPRESSED}


def test_people_who_are_withheld_are_null_and_not_nobody() -> None:
    gone = Estimate(math.nan, math.nan, math.nan, "", 0, 0, 0, Status.SUPPRESSED, "withheld")
    f = Finding("PRM-G01", "t", "m", "auroc", "a", "g", "", gone, 0.1, Verdict.SUPPRESSED)
    row = f.row()
    assert (row["n"], row["events"], row["nonevents"]) == (None, None, None)
    assert Finding.from_row(row).estimate.n == 0


def test_a_run_of_a_release_holds_nothing_that_was_measured_inside(small_run: Run, released: Run) -> None:
    assert set(released.chapters) == {"models", "people", "performance", "groups", "stigma"}
    assert released.manifest["seconds"] == {}
    assert "platform" not in released.manifest
    assert released.manifest["created"] == small_run.plan.created[:10]
    assert released.chapters["models"]["models"][0]["settings"] == {}
    assert released.tallies == {}


def test_order_refuses_what_cannot_be_released(small_run: Run, released: Run) -> None:
    with pytest.raises(PrimumError, match=r"needs at least 10 households.*does not know who belongs"):
        order(small_run, "cbs", now=NOW)
    with pytest.raises(PrimumError, match="preset"):
        order(small_run, "cbss", now=NOW)
    with pytest.raises(PrimumError, match="weaker than the floor"):
        order(small_run, "cbs", now=NOW, t=5, **NO_HOUSEHOLDS)
    with pytest.raises(PrimumError, match="is a release already"):
        order(released, "uk_biobank", now=NOW)
    with pytest.raises(PrimumError, match="is not the folder of a release"):
        order(small_run, "uk_biobank", now=NOW, earlier=["nowhere"])
    with pytest.raises(PrimumError, match="no key file"):
        order(small_run, "uk_biobank", now=NOW, key_file="nowhere")
    got = order(small_run, "cbs", now=NOW, **NO_HOUSEHOLDS)
    assert got.name == "small-cbs-2026-11-22"
    assert [e.rule for e in got.exemptions] == ["R1 households"]


def test_a_threshold_that_is_somebodys_score_does_not_leave(
    small_case: Callable[..., UseCase], people: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    run = audit(small_case(decision={"act": "invite", "capacity": 0.2}), data=people(), out=tmp_path / "run")
    with pytest.raises(PrimumError, match="the score of one of the people"):
        order(run, "uk_biobank", now=NOW)


def test_households_are_counted_and_a_group_of_few_of_them_is_withheld(
    small_case: Callable[..., UseCase], people: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    frame = people(6000)
    east = frame["region"] == "East"
    home = np.where(east.to_numpy(), np.arange(6000) % 4, np.arange(6000))  # everybody in the east lives in 4 homes
    case = small_case(identifiers={"person": "id", "family": "home"})
    run = audit(case, data=frame.with_columns(pl.Series("home", home)), out=tmp_path / "run")
    assert set(run.units) == {"households"}
    again = type(run).load(run.path)
    assert int(again.units["households"]["score"].n.sum()) == len(set(home.tolist()))
    wanted = order(run, "cbs", now=NOW)
    kept = units(run, wanted.exemptions)
    groups = [(g.title, (g.title,)) for g in run.usecase.groups if g.intersection is None]
    got = recode(run.tallies, {"score": 0.2}, groups, wanted.policy, units=kept)
    assert ("East",) not in got.divisions["region"].shown
    free = recode(run.tallies, {"score": 0.2}, groups, wanted.policy, units={})
    assert ("East",) in free.divisions["region"].shown


def test_the_log_counts_by_class_and_keeps_true_counts_private(small_run: Run) -> None:
    strict = recoded(small_run, "strict_lp")
    cells = private_cells(truth(strict, small_run), strict.policy)
    assert cells
    assert {why for _, why in cells.values()} <= {"small count", "complementary", "class disclosure"}
    told = about(strict, order(small_run, "uk_biobank", now=NOW))
    assert set(told["withheld"]) == {"small count", "complementary", "class disclosure", "other rule"}
    assert not any(where in str(told) for where in cells)


def test_assessable_counts_questions_on_both_sides(small_run: Run, released: Run) -> None:
    told = assessable(small_run.findings, released.findings)
    left, of = told["release"]
    inside, had = told["inside"]
    assert 0 < left <= of
    assert inside <= had
    assert left <= inside


def test_withheld_groups_are_named_together_or_not_at_all(small_run: Run) -> None:
    strict = recoded(small_run, "strict_lp")
    region = strict.divisions["region"]

    def told(sizes: dict[str, int]) -> list[tuple[str, ...]]:
        return named(replace(region, withheld={(k,): n for k, n in sizes.items()}), strict)

    assert told({"A": 60, "B": 30}) == [("A",), ("B",)]
    assert told({"A": 60, "B": 60, "C": 1}) == []  # two named and one not: the third would be known to be small
    assert told({"A": 21, "B": 20}) == []  # each has 20 or more of 41: both would be pinned to 20 or 21


def test_every_intersection_that_is_not_shown_is_named_alike(small_run: Run) -> None:
    """Whether somebody is in an intersection is not told: an absent name would be a known nobody."""
    strict = recoded(small_run, "strict_lp")
    crossed = strict.divisions["sex × age"]
    all_ = {(a, b) for a in ("Female", "Male") for b in ("<40", "40–64", "≥65")}
    told = set(named(crossed, strict)) | set(crossed.shown)
    assert all_ <= told | {g for g in all_ if not {g[0]} & {x[0] for x in told}} or told == set()
    without = replace(crossed, withheld={g: n for g, n in crossed.withheld.items() if g != ("Male", "≥65")})
    assert set(named(without, strict)) == set(named(crossed, strict))


def test_reserved_names_are_refused(
    small_case: Callable[..., UseCase], people: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    odd = people().with_columns(pl.col("region").replace("East", "everyone"))
    run = audit(small_case(), data=odd, out=tmp_path / "odd")
    with pytest.raises(PrimumError, match="means something else in a release"):
        order(run, "uk_biobank", now=NOW)


def test_limits_in_tables_go_outwards_too() -> None:
    """A limit that holds for all groups at once never lies inside that of a group alone, for being rounded inwards."""
    told = rows(
        {"value": 0.1234, "low": 0.1238, "joint_high": 0.1231, "steps": [{"low": 0.5, "t": 0.5555}]}, preset("cbs"), 120
    )
    assert told == {"value": 0.12, "low": 0.12, "joint_high": 0.13, "steps": [{"low": 0.5, "t": 0.56}]}
    alone = printed(Estimate(-0.068, -0.0912, -0.0441, "Newcombe", 2590, 277, 2313), preset("cbs"))
    assert rows({"low": -0.0912, "high": -0.0441}, preset("cbs"), 2590) == {"low": alone.low, "high": alone.high}
