"""Bad input, end to end: one clear message, exit code 2, never a traceback."""

from __future__ import annotations

import copy
import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from primum.audit import audit
from primum.cli import app
from primum.errors import PrimumError
from primum.execute.run import Run
from primum.usecase import CHAPTERS, METRIC_IDS, UseCase
from primum.usecase_file import loads

runner = CliRunner()


@pytest.fixture
def refused(tmp_path, question, people):
    """Give a function that audits people and question as changed, checks the exit, and returns what was said."""

    def run(*, change: dict[str, Any] | None = None, data: pl.DataFrame | None = None, raw: bytes | None = None) -> str:
        place = tmp_path / "people.csv"
        if raw is not None:
            place = tmp_path / "people.csv.gz" if raw[:2] == b"\x1f\x8b" else place
            place.write_bytes(raw)
        else:
            (people(300) if data is None else data).write_csv(place)
        case = tmp_path / "case.yaml"
        case.write_text(yaml.safe_dump(question(**(change or {})) | {"data": {"path": place.name}}), encoding="utf-8")
        done = runner.invoke(app, ["audit", str(case), "--out", str(tmp_path / "run")])
        assert done.exit_code == 2, (done.exit_code, done.stdout, done.stderr)
        assert "Traceback" not in done.output
        assert "report:" not in done.stdout
        if (tmp_path / "run").exists():
            with pytest.raises(PrimumError, match="is not finished"):
                Run.load(tmp_path / "run")
        return " ".join(done.stderr.split())

    return run


def test_a_missing_column_names_those_there_are(refused):
    said = refused(change={"features": ["age", "markr"]})
    assert "markr" in said
    assert "available: marker" in said
    assert "region" in said


@pytest.mark.parametrize(
    ("value", "words"), [(2, "Nobody has the outcome 'illness'"), (0, "Everybody has the outcome 'illness'")]
)
def test_an_outcome_with_one_class(refused, value, words):
    condition = {"column": "ill", "at_least": value}
    outcome = {"name": "illness", "when": [condition], "recorded_by": "x"}
    said = refused(change={"outcome": outcome})
    assert words in said
    assert "ill from 0 to 1" in said


def test_a_group_column_with_one_value(refused, people):
    said = refused(data=people(300).with_columns(pl.lit("North").alias("region")))
    assert "region" in said
    assert "North" in said


def test_a_group_column_with_ten_thousand_values(refused, people):
    said = refused(
        data=people(10_000).with_columns(pl.format("r{}", pl.col("id")).alias("region")),
        change={"groups": [{"column": "region"}]},
    )
    assert "10,000" in said


def test_scores_that_are_missing(refused, people):
    lost = people(300).with_columns(pl.when(pl.col("id") < 31).then(None).otherwise("risk").alias("risk"))
    said = refused(data=lost)
    assert "The score 'risk' of the model 'score' is missing for 30 of 300 people." in said
    assert "missing_scores: exclude" in said


def test_scores_outside_their_scale(refused):
    said = refused(change={"models": [{"name": "score", "score": "points"}]})
    assert "runs from 1 to 7" in said
    assert "range: [1, 7]" in said
    points = {"name": "score", "score": "points", "scale": "points", "range": [1, 6]}
    decision = {"act": "invite", "threshold": 5}
    assert "outside its declared range" in refused(change={"models": [points], "decision": decision})


def test_nobody_left(refused):
    said = refused(change={"include": [{"column": "age", "above": 200}]})
    assert "nobody" in said.lower()
    assert "age" in said


def test_people_twice(refused, people):
    data = people(300)
    said = refused(data=pl.concat([data, data.head(3)]))
    assert "'id'" in said
    assert "repeated_visits" in said


def test_a_truncated_file(refused, people):
    whole = gzip.compress(people(300).write_csv().encode())
    said = refused(raw=whole[: len(whole) // 2])
    assert "people.csv.gz" in said


def test_a_file_in_another_encoding(refused, people):
    data = people(300).with_columns(pl.col("region").replace("North", "Zürich"))
    said = refused(raw=data.write_csv().encode("latin1"))
    assert "encoding" in said


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x00" * 500, b"PAR1rubbish", b"a,b\n1,2\n", b'"never closed,\n1,2\n3', "id;sex\n1;ä\n".encode("utf-16")],
)
def test_a_garbled_file(refused, raw):
    assert refused(raw=raw)


def test_mistakes_in_the_use_case_come_together_with_their_lines(tmp_path):
    case = tmp_path / "case.yaml"
    case.write_text(
        "name: Small\ntitle: t\nquestion: q\nintended_use: u\npopulation: p\noutcom:\n  name: illness\n"
        "groups:\n  - colum: sex\ndecision: {act: a, threshold: 20}\nmargins: {sensitivty: 0.1}\nmodels: []\n",
        encoding="utf-8",
    )
    done = runner.invoke(app, ["audit", str(case)])
    assert done.exit_code == 2
    for words in ("line 1", "line 6", "outcome", "line 9", "column", "line 11", "sensitivity", "line 12"):
        assert words in done.stderr, words


def test_an_unknown_built_in_name():
    done = runner.invoke(app, ["audit", "nhanes-depresion"])
    assert done.exit_code == 2
    assert "did you mean 'nhanes-depression'?" in done.stderr


def test_something_else_than_a_use_case():
    with pytest.raises(PrimumError, match="A use case of type int cannot be audited"):
        audit(3)  # type: ignore[arg-type]


def test_an_estimator_that_is_none(small_case, people, tmp_path):
    with pytest.raises(PrimumError, match="mine"):
        audit(small_case(), data=people(300), out=tmp_path / "run", models={"mine": object()})


def test_data_that_are_none(small_case, tmp_path):
    with pytest.raises(PrimumError):
        audit(small_case(), data=42, out=tmp_path / "run")
    with pytest.raises(PrimumError):
        audit(small_case(), out=tmp_path / "run")


ODD = st.sampled_from(
    [
        None, True, 0, 1, -1, 0.5, 1e300, 2, 10, 40, "", "x", "sex", "age", "ill", "risk", "North", "overall",
        "(missing)", "outcome ", "score ", "Female", [], {}, [0.1], ["sex", "age"], {"column": "age"},
    ]
)  # fmt: skip
COLUMNS = st.sampled_from(
    ["id", "sex", "region", "age", "marker", "ill", "risk", "points", "healthy", "weight", "none"]
)
NUMBER = st.one_of(st.sampled_from([0.05, 0.2, 0.5, 0.99]), st.sampled_from([0, 1, 2, 5, 50, 200, -3, 1.0, 1e-9, 1e12]))
CONDITION = st.fixed_dictionaries(
    {"column": COLUMNS},
    optional={
        "equals": st.one_of(NUMBER, st.sampled_from(["Female", "North", "1"])), "at_least": NUMBER, "below": NUMBER,
        "known": st.booleans(), "one_of": st.lists(NUMBER, max_size=2),
    },
)  # fmt: skip
GROUP = st.one_of(
    st.fixed_dictionaries(
        {"column": COLUMNS},
        optional={
            "name": st.sampled_from(
                ["a", "sex", "outcome ", "score ", "weight ", "overall", "recorded ", "n", "group"]
            ),
            "bins": st.lists(NUMBER, min_size=1, max_size=3, unique=True).map(sorted),
            "reference": st.sampled_from(["overall", "Female", "North", "(missing)", "<40", "zzz"]),
            "population_shares": st.dictionaries(st.sampled_from(["Female", "Male", "North", "x"]), NUMBER, max_size=2),
        },
    ),
    st.just({"intersection": ["sex", "region"]}),
    st.just({"intersection": ["region", "sex"], "name": "both", "reference": "North · Female"}),
)
MODEL = st.fixed_dictionaries(
    {"name": st.sampled_from(["m", "m 2", "m-2", "M", "n", "Ä"]), "score": COLUMNS},
    optional={
        "higher_means": st.sampled_from(["more risk", "less risk"]),
        "scale": st.sampled_from(["probability", "points"]),
        "range": st.sampled_from([[0, 1], [0, 100], [1, 10], [-5, 5]]),
        "missing_scores": st.sampled_from(["refuse", "exclude"]),
    },
)  # fmt: skip
DECISION = st.one_of(
    st.fixed_dictionaries(
        {"act": st.just("a"), "threshold": NUMBER}, optional={"other_thresholds": st.lists(NUMBER, max_size=3)}
    ),
    st.fixed_dictionaries({"act": st.just("a"), "capacity": NUMBER}),
)
PARTS = {
    "include": st.lists(CONDITION, max_size=2),
    "outcome": st.fixed_dictionaries(
        {"name": st.just("o"), "recorded_by": st.just("r"), "when": st.lists(CONDITION, min_size=1, max_size=2)},
        optional={"truth": st.lists(CONDITION, min_size=1, max_size=1)},
    ),
    "groups": st.lists(GROUP, min_size=1, max_size=3),
    "models": st.lists(MODEL, min_size=1, max_size=2),
    "decision": DECISION,
    "margins": st.dictionaries(st.sampled_from(METRIC_IDS), NUMBER, max_size=4),
    "precision": st.dictionaries(
        st.sampled_from(METRIC_IDS), st.fixed_dictionaries({"events": NUMBER, "half_width": NUMBER}), max_size=2
    ),
    "chapters": st.lists(st.sampled_from(CHAPTERS), max_size=3, unique=True),
    "features": st.lists(COLUMNS, max_size=3),
    "identifiers": st.fixed_dictionaries(
        {}, optional={"person": COLUMNS, "family": COLUMNS, "repeated_visits": st.booleans()}
    ),
    "weight": COLUMNS,
    "derive": st.lists(st.fixed_dictionaries({"name": COLUMNS, "sum": st.lists(COLUMNS, min_size=1)}), max_size=1),
    "level": NUMBER,
    "seed": NUMBER,
}
CHANGES = st.lists(
    st.sampled_from(sorted(PARTS)).flatmap(lambda part: st.tuples(st.just(part), PARTS[part])), min_size=1, max_size=2
).map(dict)


def fuzzed(change: dict[str, Any], odd: list[tuple[int, Any]], question, people, folder: Path) -> str:
    """Audit a use case with changes and oddities; return how it ended."""
    plain = copy.deepcopy(question(**({"groups": [{"column": "sex"}, {"column": "region"}]} | change)))
    plain.pop("replicates")
    for where, value in odd:
        spots = list(_spots(plain))
        parent, key = spots[where % len(spots)]
        parent[key] = value
    try:
        case = loads(yaml.safe_dump(plain))
    except PrimumError as error:
        return f"refused as a use case: {error}"
    try:
        run = audit(case.model_copy(update={"replicates": 200}), data=people, out=folder, resume=False)
    except PrimumError as error:
        return f"refused with the data: {error}"
    assert run.manifest["status"] == "finished"
    Run.load(folder)
    return "audited"


def _spots(node: Any):
    """Yield every place in nested plain data that holds a value."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(items):
        yield node, key
        yield from _spots(value)


@pytest.fixture(scope="module")
def tiny(people) -> pl.DataFrame:
    return people(90)


QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@settings(QUIET, max_examples=30)
@given(change=CHANGES, odd=st.just([]) | st.lists(st.tuples(st.integers(0, 60), ODD), max_size=1))
def test_any_use_case_ends_in_an_audit_or_one_clear_error(change, odd, question, tiny, tmp_path_factory):
    fuzzed(change, odd, question, tiny, tmp_path_factory.mktemp("fuzz") / "run")


@pytest.mark.slow
@settings(QUIET, max_examples=1500)
@given(change=CHANGES, odd=st.just([]) | st.lists(st.tuples(st.integers(0, 60), ODD), max_size=2))
def test_any_use_case_at_length(change, odd, question, tiny, tmp_path_factory):
    fuzzed(change, odd, question, tiny, tmp_path_factory.mktemp("fuzz") / "run")


@settings(QUIET, max_examples=15)
@given(
    threshold=st.floats(0.01, 0.99), margin=st.floats(0.001, 1), capacity=st.booleans(), reference=st.booleans(),
    bins=st.lists(st.integers(10, 95), min_size=1, max_size=4, unique=True).map(sorted),
    metric=st.sampled_from([m for m in METRIC_IDS if m not in {"n", "prevalence", "selection_rate"}]),
    weight=st.booleans(), exclude=st.booleans(),
)  # fmt: skip
def test_any_sensible_use_case_is_audited(
    threshold, margin, capacity, reference, bins, metric, weight, exclude, question, tiny, tmp_path_factory
):
    decision = {"act": "a", "capacity" if capacity else "threshold": threshold}
    groups = [{"column": "age", "bins": bins}, {"column": "region", "reference": "North" if reference else "overall"}]
    case = UseCase.model_validate(
        question(decision=decision, groups=groups, margins={metric: margin}, weight="weight" if weight else None,
                 models=[{"name": "m", "score": "risk", "missing_scores": "exclude" if exclude else "refuse"}])
    )  # fmt: skip
    data = tiny.with_columns(pl.when(pl.col("id") % 7 > 0).then("risk").alias("risk")) if exclude else tiny
    try:
        run = audit(case, data=data, out=tmp_path_factory.mktemp("fuzz") / "run")
    except PrimumError as error:
        assert "one group" in str(error) or "A capacity of" in str(error), error  # noqa: PT017
    else:
        assert {f.metric for f in run.findings if f.check == "PRM-G01"} == {metric}
