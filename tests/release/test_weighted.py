"""A release of weighted people: counts of people, rates from counts times mean weights, and an attack that looks."""

from __future__ import annotations

import csv
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from primum.audit import audit
from primum.disclose.recode import REST
from primum.errors import PrimumError
from primum.release import release as module
from primum.release.order import order
from primum.release.registered import parse
from primum.release.release import release
from primum.release.weighted import is_weighted, rates, reached, too_fine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from primum.execute.run import Run
    from primum.release.release import Released
    from primum.usecase import UseCase

NO_HOUSEHOLDS = {
    "exceptions": [
        "R1 households: every person was drawn from a household of their own",
        "R3 weights: the weights differ from person to person and nobody outside knows them",
    ],
    "by": "A. Nurse",
}


def surveyed(people: Callable[..., pl.DataFrame], n: int = 3000) -> pl.DataFrame:
    """Return people with the weights of a survey: some regions invited more often, non-response beside it."""
    frame, rng = people(n), np.random.default_rng(7)
    of = frame["region"].replace_strict(
        {"North": 40_000.0, "South": 15_000.0, "East": 4_000.0}, return_dtype=pl.Float64
    )
    return frame.with_columns(weight=(of * pl.Series(rng.lognormal(0, 0.5, n))).round(4))


@pytest.fixture(scope="module")
def inside(
    small_case: Callable[..., UseCase],
    people: Callable[..., pl.DataFrame],
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    return audit(small_case(weight="weight"), data=surveyed(people), out=tmp_path_factory.mktemp("weighted") / "run")


@pytest.fixture(scope="module")
def made(inside: Run, tmp_path_factory: pytest.TempPathFactory) -> Released:
    return release(inside, order(inside, "cbs", **NO_HOUSEHOLDS), tmp_path_factory.mktemp("out") / "cbs", pdf=False)


def test_a_weighted_audit_needs_somebody_who_answers_for_its_weights(inside: Run) -> None:
    alone = [e for e in NO_HOUSEHOLDS["exceptions"] if not e.startswith("R3")]
    with pytest.raises(PrimumError, match="how many people of a stratum") as told:
        order(inside, "cbs", exceptions=alone, by="A. Nurse")
    assert "--exception 'R3 weights: reason'" in told.value.mend


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def register(*rows: dict[str, Any], **changes: Any) -> Any:
    raw = {
        "format": "primum counts 1", "t": 10, "attributes": {"sex": {"shown": ["f", "m"]}},
        "models": {"score": {"threshold": 0.5}}, "counts": list(rows),
    }  # fmt: skip
    return parse(raw | changes, "made up")


def cell(group: str, y: int, low: float, high: float, count: int, weight: float, ratio: float = 1.1) -> dict[str, Any]:
    return {"model": "score", "attribute": None if group == "everyone" else "sex", "group": group, "outcome": y,
            "low": low, "high": high, "count": count, "weight": weight, "weight_ratio": ratio}  # fmt: skip


FOUR = (
    cell("f", 0, 0.0, 0.5, 60, 2.0), cell("f", 0, 0.5, 1.0, 40, 1.0),
    cell("f", 1, 0.0, 0.5, 20, 3.0), cell("f", 1, 0.5, 1.0, 30, 4.0),
)  # fmt: skip


def test_the_register_tells_people_and_their_mean_weights(made: Released) -> None:
    held = json.loads((made.folder / "counts.json").read_text(encoding="utf-8"))
    rows = [r for r in held["counts"] if r["model"] is not None]
    assert rows
    for r in rows:
        assert r["count"] >= 10 or r["count"] == 0
        assert (r["weight"] is None) == (r["count"] == 0)
    assert not any("weight" in r for r in held["counts"] if r["model"] is None)
    assert list(too_fine(parse(held, "made"))) == []
    weights = {float(r["weight"]) for r in rows if r["weight"]}
    assert all(float(f"{w:.4g}") == w for w in weights)


def test_rates_follow_from_the_register_and_agree_with_the_audit(inside: Run, made: Released) -> None:
    held = parse(json.loads((made.folder / "counts.json").read_text(encoding="utf-8")), "made")
    truly = {(r["attribute"], r["group"], r["metric"]): r for r in inside.chapters["groups"]["estimates"]}
    tops = {"sensitivity": ("tp", "events"), "prevalence": ("events", "n"), "specificity": ("tn", "nonevents")}
    seen = 0
    for r in table(made.folder, "groups"):
        if r["metric"] not in tops or r["status"] != "ok" or r["group"] == REST:
            continue
        value, low, high = (float(r[k]) for k in ("value", "low", "high"))
        again = rates(held, (r["attribute"], r["group"]), *tops[r["metric"]], "score")
        places = len(r["value"].partition(".")[2])
        assert min(abs(x - value) for x in again) <= 0.5 * 10.0**-places + 1e-9
        true = truly[r["attribute"], r["group"], r["metric"]]
        assert low <= true["value"] <= high
        n = int(r["n"])
        assert value == pytest.approx(true["value"], abs=0.5 * 10.0 ** -min(math.floor(math.log10(n)), 3) + 0.03)
        assert high - low >= true["high"] - true["low"] - 1e-9
        seen += 1
    assert seen >= 15


def test_numbers_of_people_are_not_weighted(made: Released) -> None:
    for r in [*table(made.folder, "groups"), *table(made.folder, "performance")]:
        if r["metric"] == "n" and r["status"] == "ok":
            assert float(r["value"]) == int(r["n"])
    everyone = next(r for r in table(made.folder, "performance") if r["metric"] == "n")
    assert everyone["value"].removesuffix(".0") == "3000"


def test_nothing_of_a_group_leaves_in_which_one_person_has_most_of_the_weight(
    small_case: Callable[..., UseCase], people: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    frame = surveyed(people)
    east = (frame["region"] == "East") & (frame["ill"] == 1) & (frame["risk"] >= 0.2)
    one = int(np.flatnonzero(east.to_numpy())[0])
    heavy = frame.with_columns(weight=pl.when(pl.int_range(len(frame)) == one).then(2e6).otherwise("weight"))
    for name, data, told in (("plain", frame, True), ("heavy", heavy, False)):
        run = audit(small_case(weight="weight"), data=data, out=tmp_path / name)
        held = module._protected(run, order(run, "cbs", **NO_HOUSEHOLDS)).rows()
        assert ("East" in {r["group"] for r in held if r["attribute"] == "region"}) == told


def test_a_single_huge_weight_is_refused(
    small_case: Callable[..., UseCase], people: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    frame = surveyed(people).with_columns(weight=pl.when(pl.col("id") == 1).then(1e12).otherwise("weight"))
    run = audit(small_case(weight="weight"), data=frame, out=tmp_path / "run")
    with pytest.raises(PrimumError, match="too much of the weight") as error:
        release(run, order(run, "cbs", **NO_HOUSEHOLDS), tmp_path / "out", pdf=False)
    assert "trim the weights" in str(error.value)
    assert not (tmp_path / "out").exists()


def test_weighted_rates_are_quotients_of_registered_sums() -> None:
    held = register(*FOUR)
    assert is_weighted(held)
    assert rates(held, ("sex", "f"), "tp", "events", "score") == [120 / 180]
    assert rates(held, ("sex", "f"), "events", "n") == [180 / 340]
    assert rates(held, ("sex", "m"), "tp", "events") == []
    assert not is_weighted(register({k: v for k, v in FOUR[0].items() if "weight" not in k}))


def test_two_remainders_of_one_name_may_both_be_meant() -> None:
    other = cell("f", 1, 0.5, 1.0, 12, 5.0)
    assert rates(register(*FOUR, other), ("sex", "f"), "tp", "events") == [60 / 120, 120 / 180]


def test_points_of_a_weighted_curve() -> None:
    steps = [cell("everyone", 1, 0.0, 0.2, 10, 1.0), cell("everyone", 1, 0.2, 0.5, 10, 2.0)]
    steps += [cell("everyone", 1, 0.5, 1.0, 10, 5.0), cell("everyone", 1, 0.0, 0.5, 20, 1.5)]
    assert reached(register(*steps), (None, "everyone"), "score", 1) == [0.0, 50 / 80, 70 / 80, 1.0]
    assert reached(register(*steps[:1], steps[2]), (None, "everyone"), "score", 1) == []  # a step is lacking


def test_a_mean_weight_with_too_many_digits_is_found() -> None:
    assert list(too_fine(register(*FOUR))) == []
    fine = list(too_fine(register(cell("f", 1, 0.5, 1.0, 30, 4.1))))
    assert "finer than 30 people carry: 0.5" in fine[0].said
    assert list(too_fine(register(cell("f", 1, 0.5, 1.0, 300, 4.15)))) == []
    ratio = list(too_fine(register(cell("f", 1, 0.5, 1.0, 30, 4.0, ratio=1.13))))
    assert "more decimals than 30 people carry" in ratio[0].said
