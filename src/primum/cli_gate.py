"""`primum gate`: what a model file keeps of the people it was trained on, before it is put before an output checker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from primum.errors import PrimumError, unknown

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from primum.disclose.model_gate import Gate

BLOCKED = 1
MARKS = {"blocked": "✗", "review": "?", "safe": "·"}


def register(app: typer.Typer, told: Callable[..., Any]) -> None:
    """Add the command to the command line; `told` explains what stops it."""
    app.command()(told(gate))


def gate(
    model: Annotated[Path, typer.Argument(help="Model file: .skops, .onnx, or a trusted pickle.")],
    *,
    data: Annotated[Path, typer.Option(help="All rows that the model was trained on.")],
    outcome: Annotated[str, typer.Option(help="Column of 0 and 1.")],
    preset: Annotated[str, typer.Option(help="Whose rules: a preset of primum or a YAML file of your own.")],
    features: Annotated[
        list[str] | None,
        typer.Option(help="Columns in the model's order; several with commas. All others if left out."),
    ] = None,
    person: Annotated[str | None, typer.Option(help="Column that says whose row it is.")] = None,
    household: Annotated[str | None, typer.Option(help="Column that names the household.")] = None,
    holdout: Annotated[Path | None, typer.Option(help="Rows of people drawn alike that the model never saw.")] = None,
    shadows: Annotated[int, typer.Option(help="Models trained for the attack on membership; even, 4 or more.")] = 16,
    seed: Annotated[int, typer.Option(help="Seed of the attack.")] = 0,
    out: Annotated[Path | None, typer.Option(help="JSON file to write. It names true counts and stays inside.")] = None,
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Load a pickled model. It can run any code: only your own.")
    ] = False,
) -> None:
    """Judge whether a model file may be put before an output checker; exit with 1 when it is blocked."""
    import sys

    from primum.cohort.read import read_path
    from primum.disclose.model_gate import gate as judged
    from primum.disclose.presets import preset as policy_of

    if out is not None and out.exists():
        raise PrimumError(f"'{out}' is there already; it was left as it is.", mend="choose another name with --out")
    policy = policy_of(preset)
    rows = read_path(data).collect()
    y, persons, households = (_column(rows, name) for name in (outcome, person, household))
    aside = {outcome, person, household}
    names = [n.strip() for given in features or [] for n in given.split(",")] or [
        c for c in rows.columns if c not in aside
    ]
    loaded = _load(model, trusted=trust_pickle)
    X = _table(loaded, _chosen(rows, names), model.name)
    held = None
    if holdout is not None:
        others = read_path(holdout).collect()
        _apart(persons, _column(others, person))
        held = (_table(loaded, _chosen(others, names), model.name), _binary(_column(others, outcome), outcome))
    result = judged(
        loaded, X, _binary(y, outcome), policy=policy, persons=persons, households=households, seed=seed,
        shadows=shadows, holdout=held, tick=_tick if sys.stderr.isatty() else None)  # fmt: skip
    for line in _said(result, model.name):
        typer.echo(line)
    if out is not None:
        out.write_text(json.dumps(result.document(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        typer.echo(f"gate:   {out}")
    if result.status == "blocked":
        raise typer.Exit(BLOCKED)


class Graph:
    """An ONNX graph as a model with `predict_proba`; it can be scored and not looked into."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.classes_ = [0, 1]

    def predict_proba(self, X: pl.DataFrame) -> np.ndarray:
        """Return probabilities of 0 and 1, shape (people, 2)."""
        import numpy as np

        from primum.learn.onnx_file import onnx_scores

        risk = onnx_scores(self.path, X)
        return np.column_stack([1 - risk, risk])


def _load(path: Path, *, trusted: bool) -> Any:
    """Load a model by the name of its file."""
    from primum.learn.own import PICKLES, _load_pickle
    from primum.learn.skops_file import load_skops

    if not path.is_file():
        raise PrimumError(f"There is no file '{path}'.", mend="check the path of the model")
    kind = path.suffix.lower()
    if kind == ".skops":
        return load_skops(path)
    if kind in PICKLES:
        return _load_pickle(path, trusted=trusted)
    if kind == ".onnx":
        return Graph(path)
    raise PrimumError(f"'{path.name}' is no kind of model file that is known.", expected=".skops, .onnx or a pickle")


def _table(model: Any, features: pl.DataFrame, name: str) -> Any:
    """Return features as the model was given them when it was trained."""
    from primum.learn.estimator import _table as table

    return features if isinstance(model, Graph) else table(model, features, name)


def _column(rows: pl.DataFrame, name: str | None) -> Any:
    if name is None:
        return None
    if name not in rows.columns:
        raise unknown("column", name, rows.columns)
    return rows[name].to_numpy()


def _apart(trained: Any, held: Any) -> None:
    """Refuse a holdout that holds training people."""
    if trained is not None and set(trained.tolist()) & set(held.tolist()):
        raise PrimumError(
            "Some people are both in the training data and in the holdout.",
            expected="a holdout of people that the model never saw",
            mend="take them out of the holdout",
        )


def _chosen(rows: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    for name in names:
        if name not in rows.columns:
            raise unknown("column", name, rows.columns)
    return rows.select(names)


def _binary(values: Any, name: str) -> Any:
    """Return the outcome as whole numbers; refuse anything but 0 and 1, and name no value."""
    import numpy as np

    numbers = np.asarray(values)
    if numbers.dtype.kind not in "fiub" or not np.isin(numbers, [0, 1]).all():
        raise PrimumError(
            f"The column '{name}' does not hold 0 and 1 alone.", mend="code the outcome, drop missing ones"
        )
    return numbers.astype(np.int64)


def _tick(done: int, total: int) -> None:
    typer.echo(f"\rattack on membership: {done} of {total} models trained", nl=done == total, err=True)


def _said(result: Gate, name: str) -> list[str]:
    """Return the gate in lines: the verdict, what led to it, the five structural risks."""
    words = {"blocked": "blocked: the file may not leave", "review": "review: an output checker must look"}
    about = f"{result.model['kind']}, trained on {result.model['people']:,} people"
    lines = [f"{name}  {words.get(result.status, result.status)}", f"        {about}; {result.policy}", ""]
    for f in result.findings:
        lines.append(f"  {MARKS[f.status]} {f.rule:<4} {f.where}: {f.words}")
        if f.mend and f.status == "blocked":
            lines.append(f"           to mend: {f.mend}")
    for attack in () if result.attack is None else result.attack.judged:
        found = ", ".join(f"{h.tpr:.1%} of members at {h.rate:.1%} false alarms" for h in attack.hits)
        lines.append(
            f"    attack {attack.attack}: AUC {attack.auc:.3f} ({attack.low:.3f} to {attack.high:.3f}); {found}"
        )
    shown = [k for k, v in result.structural.items() if v["risk"]]
    return [*lines, "", f"structural risks: {', '.join(shown) or 'none'} ({len(shown)} of {len(result.structural)})"]
