"""`primum gate`: what it reads, prints, writes and refuses."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from primum.cli import _told
from primum.cli_gate import register

runner = CliRunner()


@pytest.fixture(scope="module")
def app():
    app = typer.Typer()

    @app.callback()
    def nothing():
        pass

    register(app, _told)
    return app


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import joblib
    import skops.io
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.tree import DecisionTreeClassifier

    here = tmp_path_factory.mktemp("gate")
    rng = np.random.default_rng(0)
    n = 400
    frame = pl.DataFrame({"id": np.arange(n) // 2, "age": rng.normal(50, 9, n).round(2), "marker": rng.normal(size=n)})
    ill = (rng.random(n) < 1 / (1 + np.exp(-frame["marker"].to_numpy()))).astype(int)
    frame = frame.with_columns(ill=ill)
    frame[:300].write_csv(here / "train.csv")
    frame[300:].write_csv(here / "held.csv")
    X, y = frame.select("age", "marker").to_numpy()[:300], ill[:300]
    tree = DecisionTreeClassifier(max_depth=2, min_samples_leaf=30, random_state=0).fit(X, y)
    joblib.dump(tree, here / "tree.joblib")  # skops does not trust the inside of a tree
    joblib.dump(KNeighborsClassifier().fit(X, y), here / "knn.joblib")
    line = LogisticRegression().fit(frame.select("age", "marker").to_pandas()[:300], y)
    skops.io.dump(line, here / "line.skops")
    return here


def _run(app, folder, model, *more, preset="ons_sdap"):
    asked = ["gate", str(folder / model), "--data", str(folder / "train.csv"), "--outcome", "ill", "--preset", preset,
             "--shadows", "4"]  # fmt: skip
    return runner.invoke(app, [*asked, *(["--trust-pickle"] if model == "tree.joblib" else []), *more])


def test_a_small_tree_is_for_review(app, folder):
    told = _run(app, folder, "tree.joblib", "--features", "age,marker", "--holdout", str(folder / "held.csv"))
    assert told.exit_code == 0, told.output
    assert "review: an output checker must look" in told.output
    assert "DecisionTreeClassifier, trained on 300 people" in told.output
    assert "On the model itself" in told.output
    assert "attack lira: AUC" in told.output
    assert "structural risks: smallgroup_risk (1 of 5)" in told.output


def test_the_preset_that_lets_no_model_out_blocks_it(app, folder):
    told = _run(app, folder, "tree.joblib", "--features", "age", "--features", "marker", preset="cbs")
    assert told.exit_code == 1
    assert "blocked: the file may not leave" in told.output
    assert "The preset 'cbs' lets no model file out" in told.output


def test_persons_are_counted_where_their_column_is_named(app, folder):
    told = _run(app, folder, "line.skops", "--person", "id")
    assert "trained on 150 people" in told.output  # and the column is no feature


def test_a_pickle_runs_only_when_trusted_and_knn_is_blocked(app, folder):
    refused = _run(app, folder, "knn.joblib", "--features", "age,marker")
    assert refused.exit_code == 2
    assert "reading a pickle runs whatever code" in refused.output
    told = _run(app, folder, "knn.joblib", "--features", "age,marker", "--trust-pickle")
    assert told.exit_code == 1
    assert "keeps every training record" in told.output


def test_an_onnx_graph_cannot_be_looked_into(app, folder):
    pytest.importorskip("onnxruntime")
    skl2onnx = pytest.importorskip("skl2onnx")
    import joblib

    graph = skl2onnx.to_onnx(
        joblib.load(folder / "tree.joblib"), np.zeros((1, 2), np.float32), options={"zipmap": False}
    )
    (folder / "tree.onnx").write_bytes(graph.SerializeToString())
    told = _run(app, folder, "tree.onnx", "--features", "age,marker")
    assert told.exit_code == 1, told.output
    assert "does not know what a Graph keeps" in told.output


def test_the_file_holds_everything_and_is_not_written_over(app, folder, tmp_path):
    out = tmp_path / "gate.json"
    told = _run(app, folder, "tree.joblib", "--features", "age,marker", "--out", str(out))
    assert told.exit_code == 0
    content = json.loads(out.read_text())
    assert (content["status"], content["model"]["columns"]) == ("review", 2)
    again = _run(app, folder, "tree.joblib", "--features", "age,marker", "--out", str(out))
    assert again.exit_code == 2
    assert "is there already" in again.output


def test_what_it_refuses(app, folder, tmp_path):
    for more, words in (
        (["--preset", "cbx"], "There is no preset 'cbx'"),
        (["--features", "age,markr"], "There is no column 'markr'"),
        (["--features", "id,marker", "--outcome", "age"], "does not hold 0 and 1 alone"),
        (["--features", "age"], "was fitted with 2 columns"),
        (["--features", "age,marker", "--shadows", "3"], "even number from 4 up"),
        (
            ["--features", "age,marker", "--person", "id", "--holdout", str(folder / "train.csv")],
            "Some people are both",
        ),
        (["--data", str(tmp_path / "none.csv")], "none.csv"),
    ):
        told = _run(app, folder, "tree.joblib", *more)
        assert told.exit_code == 2, (more, told.output)
        assert words in told.output, (more, told.output)
    assert "There is no file" in _run(app, folder, "none.skops").output
    (tmp_path / "model.txt").write_text("x")
    assert "no kind of model file" in _run(app, tmp_path, "model.txt", "--data", str(folder / "train.csv")).output


def test_no_value_of_a_record_is_printed(app, folder):
    told = _run(app, folder, "knn.joblib", "--features", "age,marker", "--trust-pickle").output
    frame = pl.read_csv(folder / "train.csv")
    assert not any(f"{v}" in told for v in frame["marker"].to_list())
