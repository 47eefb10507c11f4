"""The document: valid by its schema, read back whole, the same every time, refused once edited."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest

from primum.certify.certificate import certify
from primum.certify.document import digest, from_document, mistakes, read, schema, to_document, verify, write
from primum.certify.utility import net_benefit
from primum.errors import PrimumError
from primum.tally.paired import PairedTally


@pytest.fixture(scope="module")
def certificate():
    n = np.zeros((3, 2, 2, 2), dtype=int)
    n[:2, 0, 0, 0], n[:2, 1, 1, 1], n[:2, 1, 0, 1], n[0, 1, 1, 0] = 1500, 200, 40, 10
    return certify(
        PairedTally(("sex",), (("men",), ("women",), ("x",)), n), utility=net_benefit(0.1), margin=0.005, alpha=0.05,
        worst_off=("sex", "women"), recorded={"women": (0.5, 0.9), "x": (0.5, 0.5)}, names=("score 1", "score 2"),
    )  # fmt: skip


@pytest.fixture
def file(certificate, tmp_path):
    path = tmp_path / "certificate.json"
    write(certificate, path, date="2026-11-21", plan="7c1e")
    return path


def test_it_follows_its_schema(certificate):
    document = to_document(certificate, date="2026-11-21")
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(document, schema())
    verify(document)
    assert document["people"] == {"n": 3490, "events": 490}
    assert document["groups"][2]["estimate"]["value"] is None
    assert document["words"] == certificate.words


def test_it_comes_back_whole(certificate, file):
    document = read(file)
    assert document == to_document(certificate, date="2026-11-21", plan="7c1e")
    back = from_document(document)
    assert repr(back) == repr(certificate)  # NaN is not equal to itself
    assert back.deciding == certificate.deciding or np.isnan(back.deciding[-1].at_low.value)
    assert (document["date"], document["plan"]) == ("2026-11-21", "7c1e")


def test_it_is_the_same_every_time(certificate, file, tmp_path):
    write(certificate, tmp_path / "again.json", date="2026-11-21", plan="7c1e")
    assert (tmp_path / "again.json").read_bytes() == file.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.json", "certificate.json"]
    assert to_document(certificate)["sha256"] != to_document(certificate, date="2026-11-21")["sha256"]
    shuffled = dict(reversed(list(to_document(certificate).items())))
    assert digest(shuffled) == shuffled["sha256"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["granted"], True), (["margin"], 0.05), (["groups", 0, "lost"], 0), (["date"], "2026-11-22"),
        (["groups", 0, "estimate", "low"], 0.5), (["does_not_say", 0], "Nothing."), (["plan"], None),
    ],
)  # fmt: skip
def test_an_edited_file_is_refused(file, path, value):
    document = json.loads(file.read_text(encoding="utf-8"))
    place = document
    for step in path[:-1]:
        place = place[step]
    assert place[path[-1]] != value
    place[path[-1]] = value
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(PrimumError, match=r"certificate\.json was edited after it was written"):
        read(file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("alpha"), "lacks 'alpha'"),
        (lambda d: d.update(extra=1), "unknown 'extra'"),
        (lambda d: d.update(granted="yes"), "granted is not boolean"),
        (lambda d: d.update(granted=1), "granted is not boolean"),
        (lambda d: d.update(alpha=0.7), "alpha is out of range"),
        (lambda d: d.update(version=2), "version is not 1"),
        (lambda d: d.update(groups=[]), "groups has 0 entries"),
        (lambda d: d["groups"][1].update(verdict="fine"), r"groups\[1\]\.verdict is none of"),
        (lambda d: d["groups"][1].update(found=-1), r"groups\[1\]\.found is out of range"),
        (lambda d: d["groups"][1].update(found=1.5), r"groups\[1\]\.found is not integer"),
        (lambda d: d["robust"][0].update(recorded=[0.5]), r"robust\[0\]\.recorded has 1 entries"),
        (lambda d: d["utility"].update(among="some"), r"utility\.among is none of"),
    ],
)
def test_what_is_no_certificate_is_refused_as_jsonschema_would(file, change, words):
    document = read(file)
    change(document)
    document["sha256"] = digest(document)
    assert not jsonschema.Draft202012Validator(schema()).is_valid(document)
    with pytest.raises(PrimumError, match=words):
        verify(document)
    with pytest.raises(PrimumError, match=words):
        from_document(document)


def test_the_small_validator_knows_every_keyword_of_the_schema():
    known = {"type", "const", "enum", "minimum", "maximum", "minItems", "maxItems", "items", "properties", "required",
             "$ref", "$defs", "$schema", "title", "description", "additionalProperties"}  # fmt: skip

    def keywords(rule):
        yield from rule
        for name in ("properties", "$defs"):
            for part in rule.get(name, {}).values():
                yield from keywords(part)
        yield from keywords(rule["items"]) if "items" in rule else ()
        assert rule.get("additionalProperties", False) is False

    assert set(keywords(schema())) <= known
    assert mistakes([], schema(), schema()) == ["the file is not object"]


@pytest.mark.parametrize("text", ["", "[1, 2]", "{}", '{"margin": NaN}', "\x00"])
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PrimumError, match="is not a certificate"):
        read(path)
    with pytest.raises(PrimumError, match=r"none\.json' is not a certificate that can be read \(FileNotFoundError\)"):
        read(tmp_path / "none.json")


def test_a_date_is_a_date(certificate):
    with pytest.raises(PrimumError, match="'21 November' is no date"):
        to_document(certificate, date="21 November")
