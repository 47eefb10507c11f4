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
