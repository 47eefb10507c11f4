"""`primum certificate`: what it prints, and what it says of a file that was edited."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from primum.certify.certificate import certify
from primum.certify.document import write
from primum.certify.utility import net_benefit
from primum.cli import _told
from primum.cli_certificate import certificate
from primum.tally.paired import count_pairs

runner = CliRunner()
app = typer.Typer()
app.command()(_told(certificate))


def issued(tmp_path, *, after=None, **terms):
    rng = np.random.default_rng(4)
    y, before = (rng.random(3000) < 0.2).astype(int), (rng.random(3000) < 0.4).astype(int)
    sex = np.where(np.arange(3000) % 3, "women", "men")
    after = np.where((y == 1) & (rng.random(3000) < 0.1), 1, before) if after is None else after(y, before)
    pairs = count_pairs(y, before, after, {"sex": sex})
    found = certify(pairs, utility=net_benefit(0.2), margin=0.01, alpha=0.05, **terms)
    write(found, tmp_path / "c.json", date="2026-11-21", plan="ab" * 32)
    return tmp_path / "c.json"


def test_a_granted_one_is_told_in_plain_words(tmp_path):
    file = issued(tmp_path, worst_off=("sex", "men"), recorded={"women": (0.8, 1.0)})
    done = runner.invoke(app, [str(file)], env={"COLUMNS": "100"})
    assert done.exit_code == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert said.startswith("GRANTED: Certificate granted: in none of 2 groups")
    for part in (
        "about 3,000 people", "error probability 0.05", "No group may lose 10 net true positives per 1,000 or more.",
        "worst off: sex: men; gains", "Issued: 2026-11-21; plan abababababababab…", "- women: gains,",
        "If the record misses cases", "Promise: If any group listed truly loses", "It holds if - The people counted",
        "It does not say - It speaks of means over groups", "The file is as it was written (sha256 ",
        "it is not a signature",
    ):  # fmt: skip
        assert part in said, part
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_a_refusal_is_a_document_too(tmp_path):
    file = issued(tmp_path, after=lambda y, before: np.where(y == 1, 0, before))
    done = runner.invoke(app, [str(file)])
    assert done.exit_code == 0
    assert done.stdout.startswith("REFUSED: Certificate refused")
    assert "harmed" in done.stdout


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"granted": False}, "was edited after it was written"),
        ({"margin": 0.001}, "was edited after it was written"),
        ({"margin": "small"}, "is not a certificate of version 1"),
        ({"sha256": "0" * 64}, "was edited after it was written"),
        ({"also": 1}, "has an unknown 'also'"),
    ],
)
def test_an_edited_one_is_refused_with_code_1(tmp_path, edit, said):
    file = issued(tmp_path)
    file.write_text(json.dumps(json.loads(file.read_text()) | edit))
    done = runner.invoke(app, [str(file)])
    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"kind": "something else"}', "\udcff", "[" * 100_000])
def test_what_is_no_certificate_is_bad_input(tmp_path, content):
    file = tmp_path / "c.json"
    if content is not None:
        file.write_bytes(content.encode("utf-8", "surrogateescape"))
    done = runner.invoke(app, [str(file)])
    assert done.exit_code == 2
    assert "certificate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_is_no_certificate(tmp_path):
    done = runner.invoke(app, [str(tmp_path)])
    assert done.exit_code == 2
    assert "is not a certificate that can be read" in done.stderr
