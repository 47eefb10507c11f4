"""Two releases of one audit: under different rules each holds on its own, and together they can be subtracted."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from primum.audit import audit
from primum.disclose.presets import preset
from primum.disclose.recode import recode
from primum.release.assault import Assault, assault
from primum.release.earlier import apart_models, gathered, same_people
from primum.release.pinned import pinned
from primum.release.register import register
from primum.release.registered import REST, Registered, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from primum.execute.run import Run
    from primum.usecase import UseCase

LEVELS = {"first": (3, 40), "second": (30, 60), "third": (7, 50), "fourth": (20, 70)}
"""Level of education → people with and without the outcome."""


def told(preset: str, t: int, groups: Mapping[str, Sequence[str]], **more: Any) -> dict[str, Any]:
    """Return counts.json of people by level and outcome; a group joins the levels that it lists."""
    rows = []
    for group, levels in {"everyone": list(LEVELS), **groups}.items():
        for y in (0, 1):
            count = sum(LEVELS[level][1 - y] for level in levels)
            attribute = None if group == "everyone" else "education"
            rows.append({"model": None, "attribute": attribute, "group": group, "outcome": y, "low": None, "high": None,
                         "count": count})  # fmt: skip
    shown = [g for g in groups if g != REST]
    hidden = sorted(set(LEVELS) - set(shown))
    return {
        "format": "primum counts 1", "preset": preset, "t": t, "w": t, "rounding": "none", "base": 5, "outcome": "ill",
        "models": {}, "counts": rows,
        "attributes": {"education": {"shown": shown, "remainder": REST, "withheld": hidden, "unnamed": False}}, **more,
    }  # fmt: skip


STRICT = told("cbs", 10, {"second": ["second"], "fourth": ["fourth"], REST: ["first", "third"]})
LAX = told("uk_biobank", 5, {"third": ["third"], "fourth": ["fourth"], REST: ["first", "second"]})


def write(folder: Path, content: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True)
    (folder / "counts.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def said(found: Assault) -> str:
    return "\n".join(f"{k.kind}: {k.where}: {k.said}" for k in found.leaks)


@pytest.mark.parametrize(("now", "before"), [(STRICT, LAX), (LAX, STRICT)])
def test_two_presets_of_one_audit_are_subtracted(tmp_path: Path, now: dict[str, Any], before: dict[str, Any]) -> None:
    one, other = write(tmp_path / "one", now), write(tmp_path / "other", before)
    assert assault(one).passed
    assert assault(other).passed
    found = assault(one, earlier=[other])
    assert not found.passed
    assert "education = first, with the outcome: It is 3." in said(found)  # 33 together, less 30 of the other release
    assert "let only one of these releases leave" in found.advice


@pytest.mark.parametrize("rounding", ["none", "conventional"])
def test_an_exact_release_and_a_rounded_one(tmp_path: Path, rounding: str) -> None:
    other = {**LAX, "rounding": rounding, "counts": [
        r | {"count": 5 * round(r["count"] / 5) if rounding != "none" else r["count"]} for r in LAX["counts"]
    ]}  # fmt: skip
    found = assault(write(tmp_path / "one", STRICT), earlier=[write(tmp_path / "other", other)])
    first = [v for v in found.verdicts if v.where == "education = first, with the outcome"]
    assert [v.passed for v in first] == [False]
    assert all(v.low <= 3 <= v.high < 10 for v in first)


def test_score_steps_of_two_thresholds_are_subtracted(tmp_path: Path) -> None:
    def steps(*ends: float, counts: Sequence[int]) -> dict[str, Any]:
        content = told("cbs", 10, {})
        content["models"], content["attributes"] = {"score": {"threshold": None}}, {}
        content["counts"] = [
            {"model": "score", "attribute": None, "group": "everyone", "outcome": 1, "low": a, "high": b, "count": n}
            for a, b, n in zip((None, *ends), (*ends, None), counts, strict=True)
        ]
        return content

    one = write(tmp_path / "one", steps(0.30, counts=(124, 276)))
    other = write(tmp_path / "other", steps(0.25, counts=(120, 280)))
    assert assault(one).passed
    assert "everyone, with the outcome, score 0.25 to 0.3: It is 4." in said(assault(one, earlier=[other]))


def test_releases_of_one_name_are_all_looked_at(tmp_path: Path) -> None:
    now = write(tmp_path / "now" / "release", STRICT)
    same = write(tmp_path / "a" / "release", STRICT)
    other = write(tmp_path / "b" / "release", LAX)
    before, leaks = gathered(now, None, [same, other, other], None)
    assert leaks == []
    assert len({"release", *(r.name for r in before)}) == 3
    for order in ([same, other], [other, same]):
        assert "education = first, with the outcome: It is 3." in said(assault(now, earlier=order))


def test_what_lay_in_another_gap_or_step_before_is_compared_too(tmp_path: Path) -> None:
    """The 47 without b are among the 50 without a: two releases about the same people tell of three."""

    def beside(what: str, of: str, n: int) -> dict[str, Any]:
        return {**STRICT, "beside": [{"what": what, "of": of, "count": n, "parts": 1}]}

    old = write(tmp_path / "old", beside("missing", "a", 50))
    assert "It changed by 3 people" in said(
        assault(write(tmp_path / "near", beside("missing", "b", 47)), earlier=[old])
    )
    assert assault(write(tmp_path / "far", beside("missing", "b", 30)), earlier=[old]).passed
    assert assault(write(tmp_path / "other", beside("left out", "b", 47)), earlier=[old]).passed


@pytest.mark.parametrize(
    ("rounding", "count", "parts", "want"),
    [
        ("none", 3000, 4, (3000, 3000)), ("conventional", 3000, 2, (2995, 3005)),
        ("midpoint-6", 3000, 2, (2994, 3006)), ("keyed", 3000, 3, (2988, 3012)),
    ],
)  # fmt: skip
def test_a_sum_of_rounded_counts_is_known_less_well_than_one(
    rounding: str, count: int, parts: int, want: tuple[float, float]
) -> None:
    row = {"what": "n", "of": "rows read", "count": count, "parts": parts}
    assert parse({**STRICT, "rounding": rounding, "beside": [row]}, "x").reach_beside("n, rows read") == want


def test_counts_beside_the_tallies_are_attacked_and_compared(tmp_path: Path) -> None:
    def beside(n: int) -> dict[str, Any]:
        return {**STRICT, "beside": [{"what": "left out", "of": "no outcome", "count": n}]}

    old = write(tmp_path / "old", beside(50))
    page = "<p>50 people were left out.</p>"
    assert assault(write(tmp_path / "same", beside(50)), earlier=[old]).passed
    assert "It changed by 4 people" in said(assault(write(tmp_path / "new", beside(54)), earlier=[old]))
    assert "left out, no outcome: 4 is shown" in said(assault(write(tmp_path / "few", beside(4))))
    (old / "page.html").write_text(page)
    assert assault(old).passed
    (old / "page.html").write_text(page.replace("50", "51"))
    assert "51 people" in said(assault(old))


def test_it_is_said_that_no_earlier_release_was_given(tmp_path: Path) -> None:
    one = write(tmp_path / "one", STRICT)
    assert any("none was given" in line for line in assault(one).lines())
    assert not any("none was given" in x for x in assault(one, earlier=[write(tmp_path / "b", STRICT)]).lines())


@pytest.fixture(scope="module")
def audited(
    small_case: Callable[..., UseCase], people: Callable[..., pl.DataFrame], tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """Give an audit with small groups."""
    case = small_case(groups=[{"column": "region"}, {"name": "age", "column": "age", "bins": [25, 40, 65, 85]}])
    return audit(case, data=people(700), out=tmp_path_factory.mktemp("two") / "run")


def protected(run: Run, name: str, **changes: Any) -> Registered:
    policy = preset(name, **changes)
    cuts = {m["name"]: float(m["threshold"]) for m in run.chapters["models"]["models"]}
    groups = [(g.title, (g.title,)) for g in run.usecase.groups]
    return parse(register(recode(run.tallies, cuts, groups, policy), run), f"{name} {changes}")


RULES: list[tuple[str, dict[str, Any]]] = [
    ("uk_biobank", {}), ("uk_biobank", {"t": 10, "w": 10}), ("opensafely", {}), ("uk_biobank", {"t": 20, "w": 20}),
]  # fmt: skip


@pytest.mark.parametrize("now", range(len(RULES)))
def test_what_is_found_from_two_releases_of_a_real_audit_is_true(audited: Run, now: int) -> None:
    """Every interval found from two releases holds the true count; what is pinned is what subtraction gives."""
    one, other = (protected(audited, name, **changes) for name, changes in (RULES[now], RULES[(now + 1) % len(RULES)]))
    assert same_people(one, other)
    found = pinned([one, apart_models(one, other)], deadline=time.monotonic() + 120)
    assert found.unplaced == ()
    tally = audited.tallies["score"]
    looked = 0
    for v in found.verdicts:
        got = re.fullmatch(
            r"score: (region|age) = ([^,·]+), (with|without) the outcome, (selected|not selected)", v.where
        )
        if got is None or "not named" in got[2] or "all that" in got[2]:
            continue
        view = tally.by(got[1])
        c = view.at(0.2, "n")
        cells = {("with", "selected"): c.tp, ("with", "not selected"): c.fn, ("without", "selected"): c.fp,
                 ("without", "not selected"): c.tn}  # fmt: skip
        names = [" · ".join(g) for g in view.groups]
        if got[2] in names:
            looked += 1
            assert v.low <= int(cells[got[3], got[4]][names.index(got[2])]) <= v.high
    assert looked >= 12
