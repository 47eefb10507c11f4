"""The house rules that can be checked: size, words, floors, pinned versions."""

from __future__ import annotations

import ast
import os
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src" / "primum").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED = sorted(
    path
    for folder in ("report", "usecases")
    for path in (ROOT / "src" / "primum" / folder).rglob("*")
    if path.suffix in {".html", ".j2", ".jinja", ".typ", ".js", ".yaml", ".md"} or path.name == "words.py"
)
# What a report may never claim. "unfair", "fairness" and "cannot be called fair" are not claims; these are.
CLAIMS = re.compile(
    r"\bunbiased\b|\bbias[- ]free\b|\bfree (?:of|from) bias\b|\bcompliant\b|\bfair (?:model|to everyone)\b"
    r"|\b(?:is|are|was|were|proven|certified|demonstrably|completely|perfectly) fair\b",
    re.IGNORECASE,
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


NOT_PINNED = {"secure"}
"""Extras that are never installed here: 6 GB for attacks that primum only calls."""


def wishes() -> list[Requirement]:
    project = PROJECT["project"]
    chosen = {name: lines for name, lines in project["optional-dependencies"].items() if name not in NOT_PINNED}
    extras = [line for lines in chosen.values() for line in lines]
    lines = [
        *project["dependencies"],
        *extras,
        *PROJECT["dependency-groups"]["dev"],
        *PROJECT["build-system"]["requires"],
    ]
    return [wish for wish in map(Requirement, lines) if wish.name != "primum"]


def test_there_is_a_house():
    assert len(SOURCES) > 10


def test_files_are_short():
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: n for name, n in lines.items() if n > 500} == {}, "hard stop: 500 lines a file"
    assert statistics.median(lines.values()) <= 150


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_module_says_what_it_is(path):
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert told, f"{name_of(path)} has no docstring"
    assert told.splitlines()[0].rstrip().endswith((".", ":", "?", "…", ")")), "the first line is a sentence"


def test_imports_go_down_only():
    tool = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which("lint-imports")
    assert tool, "import-linter is not installed: it is in the dev group"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, tool, "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def claims(text: str) -> list[str]:
    return [found.group(0) for found in CLAIMS.finditer(text)]


@pytest.mark.parametrize("path", SHIPPED, ids=name_of)
def test_shipped_words_claim_nothing(path):
    assert claims(path.read_text(encoding="utf-8")) == []


def test_a_claim_would_be_noticed():
    assert claims("This model is fair, unbiased and compliant; a fair model.") == [
        "is fair", "unbiased", "compliant", "fair model",
    ]  # fmt: skip
    assert claims("A check on fairness; a shortfall is unfair; fairly sure; a fair number of people") == []


def test_constraints_are_names_and_versions_only():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert lines[0].startswith("#")
    assert [line for line in pinned if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []
    assert pinned == sorted(set(pinned))
    assert "primum" not in pins()


def test_every_direct_dependency_is_pinned_within_its_bounds():
    pinned = pins()
    assert [str(wish) for wish in wishes() if canonicalize_name(wish.name) not in pinned] == []
    outside = [
        str(w) for w in wishes() if not w.specifier.contains(pinned[canonicalize_name(w.name)], prereleases=True)
    ]
    assert outside == []


def test_every_extra_but_the_heavy_ones_is_in_all():
    extras = PROJECT["project"]["optional-dependencies"]
    (everything,) = (Requirement(line) for line in extras["all"])
    assert everything.extras == set(extras) - {"all", "spark", *NOT_PINNED}


def test_this_python_is_one_that_is_promised():
    assert SpecifierSet(PROJECT["project"]["requires-python"]).contains(Version("3.11"))
    assert sys.version_info[:2] >= (3, 11)


@pytest.mark.parametrize("path", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"])
def test_links_between_pages_lead_somewhere(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text)
    assert [link for link in links if not (ROOT / path).parent.joinpath(link).exists()] == []


def test_python_in_the_readme_is_python():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        ast.parse(block)


def test_the_changelog_has_only_fragments():
    known = {"feature", "bugfix", "doc", "removal", "misc"}
    for path in (ROOT / "changelog.d").glob("*.md"):
        if path.name != "README.md":
            assert re.fullmatch(rf"(\d+|\+[\w-]+)\.({'|'.join(known)})(\.\d+)?\.md", path.name), path.name
