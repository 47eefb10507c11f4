"""SACRO-ML as a second opinion: run for real where it is installed, and asked for in words where it is not."""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
import types

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from primum.disclose.model_gate import gate
from primum.disclose.model_sacroml import ATTACKS, sacroml_report
from primum.disclose.presets import preset
from primum.errors import MissingExtraError, PrimumError

THERE = importlib.util.find_spec("sacroml") is not None
REAL = pytest.mark.skipif(not THERE, reason="sacroml is not installed (6 GB): pip install 'primum[secure]'")


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    a, b, c, d = train_test_split(X, y, test_size=0.5, stratify=y, random_state=1)
    return (a, c), (b, d)


def forest(train, **settings):
    return RandomForestClassifier(n_estimators=50, random_state=0, **settings).fit(*train)


@REAL
def test_the_real_attacks_report_on_a_forest(cancer, tmp_path):
    train, held = cancer
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    told = sacroml_report(forest(train), train, held, out=tmp_path)
    assert (root.level, list(root.handlers)) == before
    assert set(told) == set(ATTACKS)
    for name, report in told.items():
        assert {"metadata", "attack_experiment_logger"} <= set(report), name
        assert report["metadata"]["attack_params"]["output_dir"] == str(tmp_path / name)
        assert json.loads(json.dumps(report)) == report or "NaN" in json.dumps(report)
        assert (tmp_path / name / "report.json").is_file()
    first = told["lira"]["attack_experiment_logger"]["attack_instance_logger"]["instance_0"]
    assert first["AUC"] > 0.55  # an overfitted forest gives away who trained it


@REAL
@pytest.mark.parametrize("settings", [{}, {"min_samples_leaf": 40, "max_depth": 2}])
def test_the_gate_sees_every_structural_risk_that_it_sees(cancer, tmp_path, settings):
    """Both with 10 people, on an overfitted forest and on a small one; the gate may be the stricter one."""
    train, held = cancer
    model = forest(train, **settings)
    theirs = sacroml_report(model, train, held, out=tmp_path, attacks=("structural",))["structural"]
    flags = theirs["metadata"]["global_metrics"]
    ours = gate(model, *train, policy=preset("ons_sdap"), shadows=0).structural
    for name in ("k_anonymity_risk", "class_disclosure_risk", "smallgroup_risk"):
        assert ours[name]["risk"] or not flags[name], name
    assert flags["k_anonymity_risk"] == ours["k_anonymity_risk"]["risk"]


@pytest.mark.skipif(THERE, reason="sacroml is installed")
def test_it_is_asked_for_and_not_assumed(cancer, tmp_path):
    with pytest.raises(
        MissingExtraError, match=r"'sacroml', which is not installed\.\n.*pip install 'primum\[secure\]'"
    ):
        sacroml_report(None, *cancer, out=tmp_path)


def test_an_attack_that_is_not_known_is_refused(cancer, tmp_path):
    with pytest.raises(PrimumError, match="no attack of SACRO-ML 'liar'"):
        sacroml_report(None, *cancer, out=tmp_path, attacks=["liar"])


def standing_in(monkeypatch, **modules):
    """Put modules in the place of SACRO-ML's own."""
    for package in ("sacroml", "sacroml.attacks"):
        monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
    for name, content in modules.items():
        module = types.ModuleType(f"sacroml.attacks.{name}")
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, f"sacroml.attacks.{name}", module)


def test_each_attack_has_a_folder_of_its_own_and_prints_nothing(cancer, tmp_path, monkeypatch, caplog):
    """With a stand-in that has the shape of sacroml 2.0.1: what it is given, what comes back, what it may print."""

    class Target:
        def __init__(self, **given):
            self.given = given

    def attack(name):
        class Attack:
            def __init__(self, output_dir):
                self.out = output_dir

            def attack(self, target):
                logging.basicConfig(level=logging.INFO)
                logging.getLogger("sacroml.attacks").info("Smallest equivalence class size is 1")
                rows = np.int64(len(target.given["X_train"]))
                return {"attack": name, "rows": rows, "roc": np.array([0.0, 1.0]), "out": self.out}

        return Attack

    standing_in(
        monkeypatch, target={"Target": Target}, structural_attack={"StructuralAttack": attack("structural")},
        likelihood_attack={"LIRAAttack": attack("lira")},
    )  # fmt: skip
    root = logging.getLogger()
    before = (root.level, list(root.handlers), root.manager.disable)
    told = sacroml_report("model", *cancer, out=tmp_path, attacks=("structural", "lira"))
    out = str(tmp_path / "structural")
    assert told["structural"] == {"attack": "structural", "rows": 284, "roc": [0.0, 1.0], "out": out}
    assert set(told) == {"structural", "lira"}
    assert json.loads(json.dumps(told)) == told
    assert not caplog.records
    assert (root.level, list(root.handlers), root.manager.disable) == before


def test_a_package_that_it_needs_is_named(cancer, tmp_path, monkeypatch):
    def import_module(name):
        raise ModuleNotFoundError(f"No module named 'torch' ({name})", name="torch")

    monkeypatch.setattr("primum.disclose.model_sacroml.importlib.import_module", import_module)
    with pytest.raises(MissingExtraError, match=r"'torch', which is not installed"):
        sacroml_report(None, *cancer, out=tmp_path)
