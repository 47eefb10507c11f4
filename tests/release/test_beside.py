"""Who was left out and what is missing leave only in counts of nobody or of t people and more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from primum.disclose.presets import preset
from primum.disclose.recode import recode
from primum.release.beside import LEFT, MISSES, beside
from primum.release.flow import flow
from primum.release.gaps import SMALL, gaps

if TYPE_CHECKING:
    from primum.disclose.recode import Recoded
    from primum.execute.run import Run

T = 10


@pytest.fixture(scope="module")
def protected(small_run: Run) -> Recoded:
    cuts = {m["name"]: m["threshold"] for m in small_run.chapters["models"]["models"]}
    groups = [(g.title, tuple(g.intersection) if g.intersection else (g.title,)) for g in small_run.usecase.groups]
    found = recode(small_run.tallies, cuts, groups, preset("uk_biobank", t=T), units=small_run.units)
    return replace(found, divisions={k: d for k, d in found.divisions.items() if len(d.names) == 1 and not d.withheld})


def told(run: Run, **people: Any) -> Run:
    """Return the same run with other contents in its chapter of the people."""
    return replace(run, chapters=run.chapters | {"people": run.chapters["people"] | people})


def steps(run: Run, *removed: int) -> Run:
    n = int(next(iter(run.tallies.values())).n.sum()) + sum(removed)
    rows: list[dict[str, Any]] = [{"step": "rows read", "n": n, "removed": 0, "why": ""}]
    for i, r in enumerate(removed):
        n -= r
        rows.append({"step": f"step {i}", "n": n, "removed": r, "why": f"{r} did not meet this"})
    return told(run, flow=rows)


def missing(run: Run, **gaps: int) -> Run:
    n = int(next(iter(run.tallies.values())).n.sum())
    row = {"attribute": "overall", "level": "everyone", "n": n, "share": 0.0, "low": 0.0, "high": 1.0}
    return told(run, missingness=[row | {"variable": v, "missing": m} for v, m in gaps.items()])


def removed(run: Run, protected: Recoded) -> list[tuple[str, int]]:
    return [(s["step"], s["removed"]) for s in flow(run, protected, ()).steps]


def shown(run: Run, protected: Recoded) -> dict[str, int | None]:
    return {r["variable"]: r["missing"] for r in gaps(run, protected, ())[0]}


def test_steps_that_remove_enough_are_told_one_by_one(small_run: Run, protected: Recoded) -> None:
    got = flow(steps(small_run, 40, 12), protected, ()).steps
    n = sum(protected.total)
    assert [(s["step"], s["n"], s["removed"]) for s in got] == [
        ("rows read", n + 52, 0), ("step 0", n + 12, 40), ("step 1", n, 12),
    ]  # fmt: skip
    assert all(s["why"] == "" for s in got)  # what is said inside holds the true number


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ((3, 40), [("rows read", 0), ("step 0; step 1", 43)]),
        ((40, 3), [("rows read", 0), ("step 0; step 1", 43)]),
        ((4, 3, 5, 11), [("rows read", 0), ("step 0; step 1; step 2; step 3", 23)]),
        ((1, 1, 1, 1, 0, 56), [("rows read", 0), ("step 0; step 1; step 2; step 3; step 4; step 5", 60)]),
        ((40, 0, 12), [("rows read", 0), ("step 0", 40), ("step 1", 0), ("step 2", 12)]),
        ((0, 0), [("rows read", 0), ("step 0", 0), ("step 1", 0)]),
        ((3, 4), []),
    ],
)
def test_a_small_step_joins_all_the_others(
    small_run: Run, protected: Recoded, given: tuple[int, ...], want: list[tuple[str, int]]
) -> None:
    assert removed(steps(small_run, *given), protected) == want


def test_a_flow_that_removes_a_few_in_all_says_why_it_is_not_there(small_run: Run, protected: Recoded) -> None:
    assert "too few can be told apart" in flow(steps(small_run, 3, 4), protected, ()).why
    assert "not made from rows" in flow(told(small_run, flow=[]), protected, ()).why
    assert "households and persons" in flow(steps(small_run, 40), protected, ("persons", "households")).why


def test_people_without_a_score_are_a_step_of_their_own(small_run: Run, protected: Recoded) -> None:
    run = steps(small_run, 40)
    rows = [r | {"n": r["n"] + 25} for r in run.chapters["people"]["flow"]]
    assert removed(told(run, flow=rows), protected)[-1] == ("given a score", 25)
    rows = [r | {"n": r["n"] - 22} for r in rows]
    assert removed(told(run, flow=rows), protected)[-1] == ("step 0; given a score", 43)


def test_gaps_of_few_people_are_withheld(small_run: Run, protected: Recoded) -> None:
    n = int(next(iter(small_run.tallies.values())).n.sum())
    run = missing(small_run, none=0, few=9, some=30, most=n - 3, every=n)
    assert shown(run, protected) == {"none": 0, "few": None, "some": 30, "most": None, "every": n}
    row = next(r for r in gaps(run, protected, ())[0] if r["variable"] == "few")
    assert row["status"] == "suppressed"
    assert row["share"] is None


def test_being_withheld_does_not_tell_that_a_gap_is_small(small_run: Run, protected: Recoded) -> None:
    assert shown(missing(small_run, few=9, some=30, more=80), protected) == {"few": None, "some": None, "more": 80}
    assert gaps(missing(small_run, few=9, none=0), protected, ()) == ([], SMALL)
    assert shown(missing(small_run, few=9, near=77, more=80), protected) == {"few": None, "near": None, "more": 80}


def test_two_forms_of_a_questionnaire(small_run: Run, protected: Recoded) -> None:
    n = int(next(iter(small_run.tallies.values())).n.sum())
    assert shown(missing(small_run, a=400, b=n - 397), protected) == {"a": None, "b": n - 397}
    assert shown(missing(small_run, a=400, b=n - 400), protected) == {"a": 400, "b": n - 400}


def test_a_question_that_was_asked_of_one_group_alone(small_run: Run, protected: Recoded) -> None:
    title = next(iter(protected.divisions))
    view = next(iter(small_run.tallies.values())).by(title)
    sizes = {g[0]: int(k) for g, k in zip(view.groups, view.people().sum(axis=1), strict=True)}
    (asked, of), *others = sizes.items()

    def run(silent: int) -> Run:
        whole = sum(k for _, k in others) + silent
        rows = missing(small_run, a=whole).chapters["people"]["missingness"]
        own = [rows[0] | {"attribute": title, "level": g, "n": k, "missing": k} for g, k in others]
        own.append(rows[0] | {"attribute": title, "level": asked, "n": of, "missing": silent})
        return told(small_run, missingness=[*rows, *own])

    assert list(shown(run(0), protected).values()) == [sum(k for _, k in others)]
    assert list(shown(run(4), protected).values()) == [None]
    assert list(shown(run(of - 4), protected).values()) == [None]
    assert list(shown(run(of // 2), protected).values()) == [sum(k for _, k in others) + of // 2]


def test_gaps_that_differ_by_a_few_people_are_not_both_told(small_run: Run, protected: Recoded) -> None:
    assert shown(missing(small_run, a=37, b=40), protected) == {"a": None, "b": 40}
    assert shown(missing(small_run, a=40, b=40), protected) == {"a": 40, "b": 40}
    assert shown(missing(small_run, a=30, b=40), protected) == {"a": 30, "b": 40}


def test_a_gap_as_large_as_a_withheld_group_is_withheld(small_run: Run, protected: Recoded) -> None:
    (title, d), *_ = protected.divisions.items()
    group = d.shown[0]
    size = int(next(iter(small_run.tallies.values())).by(*d.names).select([group]).n.sum())
    hidden = replace(d, shown=d.shown[1:], withheld={group: size})
    less = replace(protected, divisions={title: hidden})
    for m in (size, size + 3, size - 9):
        assert shown(missing(small_run, a=m), protected) == {"a": m}
        assert shown(missing(small_run, a=m), less) == {"a": None}
    assert shown(missing(small_run, a=size - 10), less) == {"a": size - 10}


def test_nothing_is_told_of_gaps_when_people_are_counted_apart_from_rows(small_run: Run, protected: Recoded) -> None:
    assert gaps(missing(small_run, a=40), protected, ("households",)) == (
        [], "Missing values do not leave: it is not known how many households stand behind them.",
    )  # fmt: skip
    run = missing(small_run, a=40)
    rows = [r | {"n": r["n"] + 1} for r in run.chapters["people"]["missingness"]]
    assert "more people than those who have a score" in gaps(told(run, missingness=rows), protected, ())[1]


def test_all_that_is_told_is_registered_and_rounded_alike(small_run: Run, protected: Recoded) -> None:
    run = steps(missing(small_run, a=43, b=0), 47, 12)
    five = replace(protected, policy=preset("uk_biobank", t=T, rounding="conventional", base=5))
    found = beside(run, five, ())
    n = sum(protected.total)
    assert found.rows() == [
        {"what": "n", "of": "rows read", "count": n + 55, "parts": 4},
        {"what": LEFT, "of": "step 0", "count": 45, "parts": 1},
        {"what": "n", "of": "step 0", "count": n + 10, "parts": 3},
        {"what": LEFT, "of": "step 1", "count": 10, "parts": 1},
        {"what": "n", "of": "step 1", "count": n, "parts": 2},
        {"what": MISSES, "of": "a", "count": 45, "parts": 1},
    ]
    assert found.why == {}


def test_the_same_count_is_drawn_once_whatever_it_is_called(small_run: Run, protected: Recoded) -> None:
    """Twelve variables that the same people lack would otherwise tell their number by the mean of twelve draws."""
    keyed = replace(protected, policy=preset("uk_biobank", t=T, rounding="keyed", base=5))
    run = missing(small_run, **dict.fromkeys("abcdefghijkl", 47))
    rows, _ = gaps(run, keyed, (), key=b"a secret of the project")
    assert len({r["missing"] for r in rows}) == 1
    assert rows[0]["missing"] in {45, 50}
