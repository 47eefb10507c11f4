"""A made-up run for the tests of the report, and the browser that opens it."""

from __future__ import annotations

import copy
import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _load(name: str):
    spec = importlib.util.spec_from_file_location(f"report_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def sample():
    """The module that makes the run."""
    return _load("sample")


@pytest.fixture(scope="session")
def finished(sample):
    """A finished run; leave it as it is."""
    return sample.sample_run()


@pytest.fixture
def run(finished):
    """A finished run to be changed at will."""
    return copy.deepcopy(finished)


@pytest.fixture(scope="session")
def page_file(finished, tmp_path_factory):
    """The HTML report of the run, with all figures, as a file."""
    from primum.report.render import render

    folder = tmp_path_factory.mktemp("report")
    return render(finished, folder, pdf=False)["html"]


RELEASE = {"preset": "cbs", "words": "at least 10 people behind every count", "date": "2026-03-09T11:22:33"}
HIDDEN = ("ethnicity", "Other or multiracial")


@pytest.fixture(scope="session")
def small(finished):
    """A finished run with one model and two ways of dividing the people: quick to draw, to print and to open."""
    run = copy.deepcopy(finished)
    model, kept = run.chapters["models"]["primary"], {"overall", "sex", "ethnicity"}
    groups, performance = run.chapters["groups"], run.chapters["performance"]

    def own(rows):
        return [r for r in rows if r["model"] == model and r["attribute"] in kept]

    run.usecase = run.usecase.model_copy(
        update={"models": run.usecase.models[:1], "groups": [g for g in run.usecase.groups if g.title in kept]}
    )
    run.chapters["models"]["models"] = [m for m in run.chapters["models"]["models"] if m["name"] == model]
    run.chapters["groups"] = {k: own(groups[k]) for k in ("estimates", "comparisons", "consequences")} | {
        k: {model: {a: g for a, g in groups[k][model].items() if a in kept}} for k in ("calibration", "decision_curves")
    }
    tally = groups["thresholds"][model]
    run.chapters["groups"]["thresholds"] = {
        model: {**tally, "groups": [g for g in tally["groups"] if g["attribute"] in kept]}
    }
    run.chapters["performance"] = {"estimates": own(performance["estimates"])} | {
        k: {model: performance[k][model]} for k in ("calibration", "decision_curve", "roc")
    }
    run.findings = [f for f in run.findings if f.model in {"", model} and f.attribute in kept]
    return run


@pytest.fixture(scope="session")
def released(small):
    """A run as a release measures it: one group is withheld, in every table and in every verdict."""
    from dataclasses import replace

    from primum.finding import Estimate, Status, Verdict

    run = copy.deepcopy(small)
    run.manifest["release"] = dict(RELEASE)
    groups, nothing = run.chapters["groups"], {"status": "suppressed", "reason": "withheld"}
    for row in groups["estimates"] + groups["comparisons"] + groups["consequences"]:
        if (row["attribute"], row["group"]) == HIDDEN:
            numbers = {k for k, v in row.items() if isinstance(v, (int, float)) and k not in {"at", "level", "per"}}
            row.update(dict.fromkeys(numbers) | nothing)
    for table in (*groups["calibration"].values(), *groups["decision_curves"].values()):
        table[HIDDEN[0]].pop(HIDDEN[1], None)
    for g in groups["thresholds"][run.chapters["models"]["primary"]]["groups"]:
        if (g["attribute"], g["group"]) == HIDDEN:
            g.update(dict.fromkeys(("events", "nonevents", "tp", "fp")) | nothing)
    none = Estimate(float("nan"), float("nan"), float("nan"), "", None, None, None, Status.SUPPRESSED, "withheld")
    gone = {"estimate": none, "verdict": Verdict.SUPPRESSED, "reason": "withheld", "more_events": None}
    run.findings = [replace(f, **gone) if (f.attribute, f.group) == HIDDEN else f for f in run.findings]
    return run


@pytest.fixture(scope="session")
def export_folder(released, tmp_path_factory):
    """The report of that run as it may leave, whole."""
    from primum.report.render import render

    folder = tmp_path_factory.mktemp("export")
    render(released, folder, export=True)
    return folder


@pytest.fixture(scope="session")
def inside_folder(small, tmp_path_factory):
    """The report of the small run for inside the room, whole."""
    from primum.report.render import render

    folder = tmp_path_factory.mktemp("inside")
    render(small, folder)
    return folder


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; a missing one is a failure where PRIMUM_REQUIRE_BROWSER=1, else a skip."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for n in names if (found := shutil.which(n))), None)
    if path is None:
        why = f"no browser is installed (looked for {', '.join(names)})"
        if os.environ.get("PRIMUM_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{why}, and PRIMUM_REQUIRE_BROWSER=1")
        pytest.skip(why)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        opened.close()
