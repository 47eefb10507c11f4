"""Use cases as files: every mistake at once, with its line, in plain words; nothing but one clear error."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from primum.errors import PrimumError
from primum.usecase import UseCase
from primum.usecase_file import UseCaseError, builtin, dumps, folder, load, loads, schema
from primum.usecase_yaml import read, write

GOOD = """\
primum: 1
name: small
title: A small question
question: Who needs help?
intended_use: Invite people
population: Adults
outcome:
  name: ill
  when:
    - {column: y, equals: no}
  recorded_by: a nurse
groups:
  - name: sex
    column: sex
    labels: {1: Male, 2: Female}
  - column: age
    bins: [35, 50]
decision:
  act: invite
  threshold: 0.1
models:
  - name: own
    score: risk
"""


def change(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def refused(text: str) -> UseCaseError:
    with pytest.raises(UseCaseError) as caught:
        loads(text, "mine.yaml")
    return caught.value


def test_a_good_use_case_loads_and_survives_writing():
    usecase = loads(GOOD)
    assert usecase.outcome.when[0].equals == "no"
    assert usecase.groups[0].labels == {"1": "Male", "2": "Female"}
    assert loads(dumps(usecase)) == usecase


MISTAKES = [
    ("title: A small question\n", "", 1, "title", "'title' is missing"),
    ("  recorded_by: a nurse\n", "", 7, "outcome.recorded_by", "add 'recorded_by:' to outcome"),
    ("    bins: [35, 50]", "    bins: [50, 35]", 17, "groups[1].bins", "increasing order"),
    ("    bins: [35, 50]", "    bins: 35", 17, "groups[1].bins", r"put it in brackets: \[35\]"),
    ("    bins: [35, 50]", "    bins: [35, fifty]", 17, "groups[1].bins[1]", "given 'fifty'\n.*a number"),
    ("  threshold: 0.1", "  treshold: 0.1", 20, "decision.treshold", "did you mean 'threshold'"),
    ("  threshold: 0.1", '  threshold: "10 %"', 20, "decision.threshold", "given '10 %'\n.*\n.*write 0.1"),
    ("  threshold: 0.1", "  threshold: 0,1", 20, "decision.threshold", "given '0,1'\n.*\n.*write 0.1"),
    ("  threshold: 0.1", "  threshold: 10", 20, "decision.threshold", "outside 0 to 1"),
    ("  threshold: 0.1", "  threshold:", 18, "decision", "exactly one of threshold, capacity"),
    ("  threshold: 0.1", "  threshold: 0.1\n  bins: [1]", 21, "decision.bins", "'bins' belongs in groups"),
    ("  act: invite", "  act: true", 19, "decision.act", 'put quotes round it: "true"'),
    ("  act: invite", "  act: 5", 19, "decision.act", 'put quotes round it: "5"'),
    ("  act: invite", "  act:", 19, "decision.act", "given nothing"),
    ("    score: risk", "    train: bosting", 23, "models[0].train", "did you mean 'boosting'"),
    ("    score: risk", "    score: risk\n    train: ebm", 22, "models[0]", "score"),
    ("population: Adults", "population: Adults\nfolds: 2.5", 7, "folds", "a whole number"),
    ("population: Adults", "population: Adults\nfolds: 1", 7, "folds", "at least 2"),
    ("population: Adults", "population: Adults\nlevel: 95", 7, "level", "a number below 1"),
    ("population: Adults", "population: Adults\nmargins: {sensitivty: 0.1}", 7,
     "margins.sensitivty", "'sensitivity'"),
    ("population: Adults", "population: Adults\nmargins:\n  auroc: 5", 8, "margins.auroc", "at most 1"),
    ("population: Adults", "population: Adults\nthreshold: 1", 7, "threshold", "belongs in claim or decision"),
    ("population: Adults", "population: Adults\npopulation: All", 7, "population", "is there twice"),
    ("population: Adults", "population: Adults\n2: x", 7, "2", "the key 2 is not text"),
    ("population: Adults", "population: Adults\nchapters: [people, grops]", 7, "chapters[1]", "'groups'"),
    ("population: Adults", "population: Adults\nidentifiers: {repeated_visits: yes, person: p}", 7,
     "identifiers.repeated_visits", "write true"),
    ("population: Adults", "population: Adults\ninclude:\n- column: a\n  one_of: [1, [2]]", 9,
     "include[0].one_of[1]", "a number, text, or true or false"),
    ("y, equals: no}", "y, equals: [no]}", 10, "outcome.when[0].equals", "a number, text, or"),
    ("name: small", "name: Small", 2, "name", "lower-case letters"),
    ("primum: 1", "primum: 2", 1, "primum", "expected: 1"),
    ("outcome:\n", "outcome: ill\nother:\n", 7, "outcome", "given 'ill'\n.*indented lines"),
    ("labels: {1: Male, 2: Female}", "labels: {1: Male, 2: 3}", 15, "groups[0].labels.2", 'round it: "3"'),
    ("labels: {1: Male, 2: Female}", "reference: [a]", 15, "groups[0].reference", "expected: text"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "path", "words"), MISTAKES, ids=[m[1][:40] for m in MISTAKES])
def test_a_mistake_has_its_line_its_place_and_its_mending(old, new, line, path, words):
    error = refused(change(old, new))
    first = next(m for m in error.mistakes if m.path == path)
    assert first.line == line
    assert re.search(rf"(?s)line {line}: .*{words}", str(error))
    assert "input" not in str(error).lower()  # pydantic's own words


def test_all_mistakes_come_at_once_in_order():
    text = change("title: A small question\n", "titel: x\n")
    text = (
        text.replace("threshold: 0.1", "threshold: a").replace("score: risk", "scale: pints").replace("35, 50", "9, 2")
    )
    error = refused(text)
    assert [m.path for m in error.mistakes if m.line] == [m.path for m in sorted(error.mistakes)]
    assert {"titel", "title", "decision.threshold", "models[0].scale", "groups[1].bins"} <= {
        m.path for m in error.mistakes
    }
    assert str(error).startswith(f"mine.yaml has {len(error.mistakes)} mistakes:\n  line 1: title")


def test_what_editors_take_for_text_is_text():
    data = read("[no, yes, on, off, 2020-01-01, 007, 1:30, 1e-3, 5.4e-79, 12, -1.5, true, ~, null, .5, 1.]", "x").data
    assert data == [
        "no",
        "yes",
        "on",
        "off",
        "2020-01-01",
        "007",
        "1:30",
        1e-3,
        5.4e-79,
        12,
        -1.5,
        True,
        None,
        None,
        0.5,
        1.0,
    ]


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(trees)
def test_what_is_written_is_read_back(tree):
    assert read(write(tree), "x").data == tree


FLOOD = "a: &a [x]\n" + "".join(
    f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "mine.yaml is empty"),
        ("# only a comment\n", "mine.yaml is empty"),
        ("- a\n- b\n", "mine.yaml is not a use case"),
        ("just text", "key: value"),
        ("name: a\n\ttitle: b\n", "line 2, column 1: a tab where YAML wants spaces"),
        ("name: a: b\n", "line 1, column 8: a colon where none can be"),
        ("name: [a\n", "line 2, column 1"),
        ("name: a\n  title: b\n", "line 2, column 8"),
        ("a: 'b\n", "line 2"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1: a second document"),
        ("a: !!python/object:os.system x\n", "line 1, column 4: a tag"),
        ("a: *b\n", "line 1, column 4"),
        ("a: &b [*b]\n", "line 1: an alias"),
        ("a: @b\n", "put text that begins with a special character"),
        ("a: \x00\n", "line 1: the character '.x00' is not allowed"),
        ("[" * 3000, "nested too deeply|line 1"),
        (FLOOD, "too large"),
        ("a: " + "9" * 5000, "cannot be read|not a use case|mistakes"),
        ("? [a]\n: b\n", "line 1"),
        ("? {a: b}\n: b\n", "line 1"),
        ("<<: 5\n", "line 1"),
    ],
)  # fmt: skip
def test_text_that_is_no_use_case_is_told_with_its_line(text, words):
    with pytest.raises(PrimumError, match=words):
        loads(text, "mine.yaml")


def test_files_that_cannot_be_read(tmp_path):
    good = tmp_path / "good.yaml"
    good.write_text(GOOD, encoding="utf-8-sig")
    assert load(good) == load(str(good)) == loads(GOOD)
    assert folder(good) == tmp_path
    (tmp_path / "latin.yaml").write_bytes("name: a\ntitle: Größe".encode("latin-1"))
    with pytest.raises(PrimumError, match="not UTF-8 text: line 2 has the byte 0xf6"):
        load(tmp_path / "latin.yaml")
    with pytest.raises(PrimumError, match=r"did you mean 'good\.yaml'"):
        load(tmp_path / "goood.yaml")
    with pytest.raises(PrimumError, match="is a folder"):
        load(tmp_path)
    with pytest.raises(PrimumError, match="There is no file"):
        load(tmp_path / "nowhere" / "x.yaml")
    with pytest.raises(PrimumError, match="cannot be read"):
        load("a\0b.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * 2_000_001)
    with pytest.raises(PrimumError, match="far too many for a use case"):
        load(tmp_path / "big.yaml")


def test_an_unknown_built_in_name_gets_the_nearest():
    with pytest.raises(PrimumError, match="did you mean 'nhanes-depression'"):
        load("nhanes-depresion")
    with pytest.raises(PrimumError, match=r"a file of your own ends in \.yaml"):
        load("zzz")


def test_the_built_in_use_cases_load_and_fit_the_schema():
    cases = builtin()
    assert {"nhanes-depression", "nhanes-diabetes"} <= set(cases)
    described = schema()
    jsonschema.Draft202012Validator.check_schema(described)
    for name, title in cases.items():
        usecase = load(name)
        assert (usecase.name, usecase.title) == (name, title)
        assert loads(dumps(usecase)) == usecase
        jsonschema.validate(usecase.dump(), described)
        assert folder(name) is None


def test_the_schema_describes_every_key_and_refuses_mistakes():
    described = schema()
    validator = jsonschema.Draft202012Validator(described)
    data = yaml.safe_load(GOOD.replace("equals: no", "equals: 1").replace("1: Male, 2", '"1": Male, "2"'))
    assert validator.is_valid(data)
    for path, value in (
        ("titel", "x"), ("level", 95), ("margins", {"auc": 0.1}), ("margins", {"auroc": -1}),
        ("precision", {"auc": {}}), ("models", []), ("name", "Two Words"), ("folds", "five"),
        ("chapters", ["nope"]), ("groups", [{"colum": "x"}]),
    ):  # fmt: skip
        assert not validator.is_valid({**data, path: value}), path
    undescribed = [k for k, v in described["properties"].items() if "description" not in v and "$ref" not in v]
    assert undescribed == []
    described["title"] = "spoiled"
    assert schema()["title"] == "primum use case"
    assert json.loads(json.dumps(schema())) == schema()


# ---- nothing but one clear error, whatever the file holds


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(p for k, v in steps for p in places(v, (*path, k)))]


BUILT_IN = {name: load(name).dump() for name in builtin()}
PLACES = {name: places(data)[1:] for name, data in BUILT_IN.items()}
odd = (
    scalars
    | st.sampled_from(
        [
            [],
            {},
            [[]],
            {"a": 1},
            "overall",
            "(missing)",
            1e308,
            -1,
            0,
            2**70,
            "no",
            True,
            [1, 2],
            ["sex", "sex"],
        ]
    )
    | trees
)


@st.composite
def mutated(draw):
    name = draw(st.sampled_from(sorted(BUILT_IN)))
    data = copy.deepcopy(BUILT_IN[name])
    for _ in range(draw(st.integers(1, 4))):
        *parents, last = draw(st.sampled_from(PLACES[name]))
        node = data
        try:
            for part in parents:
                node = node[part]
            how = draw(st.sampled_from(["delete", "rename", "retype", "repeat"]))
            if how == "delete":
                del node[last]
            elif how == "rename" and isinstance(node, dict):
                node[draw(st.text(max_size=8) | st.just(str(last)[:-1]) | st.integers() | st.booleans())] = node.pop(
                    last
                )
            elif how == "repeat" and isinstance(node, list):
                node.append(copy.deepcopy(node[last]))
            else:
                node[last] = draw(odd)
        except (KeyError, IndexError, TypeError):  # an earlier mutation took the place away
            continue
    return data


def loads_or_tells(text: str) -> None:
    told = ""
    lines = [1]
    try:
        assert isinstance(loads(text, "mine.yaml"), UseCase)
    except PrimumError as error:
        told = str(error)
        lines = [m.line for m in error.mistakes if m.what] if isinstance(error, UseCaseError) else [1]
    assert told == "" or told.startswith("mine.yaml")
    assert lines
    assert all(1 <= line <= text.count("\n") + 1 for line in lines)


@given(mutated())
def test_a_mutated_use_case_loads_or_ends_in_one_clear_error(data):
    loads_or_tells(write(data))


@given(st.data())
def test_a_garbled_text_loads_or_ends_in_one_clear_error(data):
    text = list(write(BUILT_IN["nhanes-depression"]))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 30))] = data.draw(
            st.text(max_size=4) | st.sampled_from(list("\t:-[]{}&*!|>'\"%@`#,\n"))
        )
    loads_or_tells("".join(text))


@given(st.text(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"%@`#,?<~ \n\t0.", max_size=60))
def test_any_text_ends_in_one_clear_error(text):
    with pytest.raises(PrimumError):
        loads(text, "mine.yaml")


@given(st.binary(max_size=80))
def test_any_bytes_end_in_one_clear_error(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(raw)
    with pytest.raises(PrimumError):
        load(path)
