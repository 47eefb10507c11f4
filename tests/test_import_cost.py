"""What `import primum` and `primum --help` cost, and the one name that is a module and a function."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "torch",
    "sklearn",
    "scipy.stats",
    "matplotlib",
    "pandas",
    "pyspark",
    "polars",
    "narwhals",
    "numpy",
    "jinja2",
)


def python(*args: str, cwd: Path | None = None) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("COVERAGE", "COV_"))}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run([sys.executable, *args], capture_output=True, text=True, check=False, env=env, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def cpu(*args: str) -> float:
    """Return the least CPU seconds of five runs, byte-code cached by one run before."""
    python(*args)
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        python(*args)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


def test_import_is_cheap():
    assert cpu("-c", "import primum") < 0.3


def test_help_is_cheap():
    assert cpu("-m", "primum", "--help") < 0.5


@pytest.mark.parametrize(
    "code",
    [
        "import primum",
        "import primum; primum.UseCase, primum.load, primum.PrimumError, primum.Finding, primum.Estimate",
        "import primum; primum.load('nhanes-depression')",
        "import primum.cli",
    ],
)
def test_nothing_heavy_is_loaded(code):
    loaded = python("-c", f"{code}; import sys, json; print(json.dumps(sorted(sys.modules)))")
    assert sorted(set(json.loads(loaded)) & set(HEAVY)) == []


def test_every_public_name_is_there():
    import primum

    assert [n for n in primum.__all__ if getattr(primum, n, None) is None] == []
    assert set(primum.__all__) < set(dir(primum))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        primum.nothing  # noqa: B018


STUB = "def audit(x):\n    return ('ran', x)\n\nOTHER = 5\n"
INSERT = "import primum; primum.__path__.insert(0, '.')\n"


@pytest.mark.parametrize(
    "code",
    [
        "primum.audit(1); assert primum.audit(1) == ('ran', 1)",
        "from primum import audit; assert audit(1) == ('ran', 1)",
        "import primum.audit as m; assert m(1) == primum.audit(1) == ('ran', 1)",
        "import primum.audit; assert primum.audit(1) == ('ran', 1)",
        "from primum.audit import audit, OTHER; assert OTHER == 5 and primum.audit is audit",
        "import importlib; m = importlib.import_module('primum.audit'); assert m.audit is primum.audit",
        "primum.audit(1); from primum.audit import OTHER; assert primum.audit(1) == ('ran', 1)",
        "from primum import audit, load; import primum.plan; assert audit(1); assert primum.plan.freeze",
        "primum.audit = len; assert primum.audit('ab') == 2",
        "import pickle; assert pickle.loads(pickle.dumps(primum.audit)) is primum.audit",
        "import importlib; importlib.reload(primum); primum.__path__.insert(0, '.'); assert primum.audit(1)",
    ],
)
def test_audit_is_always_the_function(code, tmp_path):
    (tmp_path / "audit.py").write_text(STUB)
    python("-c", INSERT + code, cwd=tmp_path)
