"""Classes of equal output: how many training people a model cannot tell apart, and what it says with certainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from primum.disclose.model_crowd import Crowd, behind, short
from primum.disclose.model_finding import GateFinding, GateStatus
from primum.disclose.presets import Policy

DIGITS = 12
TABLE = 0.5


@dataclass(frozen=True)
class Classes:
    """Training people by the probability that the model gives them.

    Attributes
    ----------
    at
        Class of each row, shape (rows,).
    output
        Probability of the outcome of each class, shape (classes,).
    sure
        Whether that is exactly 0 or 1, shape (classes,).
    persons
        Distinct people in each class, shape (classes,).
    cells
        Distinct people by class and outcome, shape (classes, 2).
    """

    at: np.ndarray
    output: np.ndarray
    sure: np.ndarray
    persons: np.ndarray
    cells: np.ndarray

    @property
    def table(self) -> bool:
        """Whether the outputs form a table: at most half as many classes as rows."""
        return len(self.output) <= TABLE * len(self.at)


def equal_outputs(model: Any, X: Any, y: np.ndarray, people: Crowd) -> Classes:
    """Return the classes of equal predicted probability among the training people.

    Parameters
    ----------
    model
        A fitted classifier with `predict_proba`.
    X, y
        Its training data, (rows, columns), and outcome, (rows,) 0 and 1.
    people
        Whose the rows are.

    Notes
    -----
    Probabilities are compared to 12 decimals, so that the order of sums makes no new class.
    """
    risk = np.asarray(model.predict_proba(X), dtype=np.float64)[:, 1]
    output, at = np.unique(np.round(risk, DIGITS), return_inverse=True)
    at, k = np.ravel(at), len(output)
    sure = np.bincount(at[(risk <= 0) | (risk >= 1)], minlength=k) > 0
    cells = behind(people, 2 * at + (y == 1), 2 * k).reshape(k, 2)
    return Classes(at, output, sure, behind(people, at, k), cells)


def risks(classes: Classes, people: Crowd) -> dict[str, bool]:
    """Return the three structural risks that outputs show, under the names that SACRO-ML gives them.

    `k_anonymity_risk`: a class has fewer than t people. `class_disclosure_risk`: in a class everybody or nobody has the
    outcome. `smallgroup_risk`: in a class 1 to t − 1 people have the outcome, or have it not.
    """
    few = (classes.cells > 0) & (classes.cells < people.t)
    return {
        "k_anonymity_risk": bool(short(people, classes.at, len(classes.output)).any()),
        "class_disclosure_risk": bool((classes.cells == 0).any()),
        "smallgroup_risk": bool(few.any()),
    }


def output_findings(classes: Classes, people: Crowd, policy: Policy) -> list[GateFinding]:
    """Return findings on classes of equal output (R1, R2).

    A model whose outputs form a table is judged as one. A model of continuous inputs gives nearly everyone an output of
    their own; that tells of the inputs, not of what the model remembers, and is left to a person and to the attack.
    """
    t, k = people.t, len(classes.output)
    few = short(people, classes.at, k)
    alone = int((classes.persons == 1).sum())
    found = []
    status: GateStatus
    if few.any() and classes.table:
        words = f"Its {k} different outputs are a table in which {int(few.sum())} classes have fewer than {t} people."
        found.append(GateFinding("R1", "model.predict_proba", "blocked", words, f"let each output hold {t} people"))
    elif few.any():
        words = (
            f"{alone} of {people.people} people have an output of their own, as in every model of continuous inputs; "
        )
        words += "what that tells of them is for the attack to say."
        found.append(GateFinding("R1", "model.predict_proba", "review", words))
    else:
        words = f"Each of {k} different outputs is shared by at least {t} people."
        found.append(GateFinding("R1", "model.predict_proba", "safe", words))
    sure = classes.sure
    if sure.any():
        n = int(classes.persons[sure].sum())
        small = bool((few & sure).any())
        status = "blocked" if small or policy["certainty"] == "fail" else "review"
        words = f"The model is certain (a probability of exactly 0 or 1) of {n} of its training people."
        found.append(
            GateFinding("R2", "model.predict_proba", status, words, "train with larger leaves, or more shrinkage")
        )
    elif classes.table:
        one = ((classes.cells == 0).any(axis=1)) & (classes.persons > 0)
        if one.any():
            status = "blocked" if policy["certainty"] == "fail" else "review"
            words = f"In {int(one.sum())} classes of equal output everybody or nobody has the outcome."
            found.append(GateFinding("R2", "model.predict_proba", status, words, "let the classes be larger"))
    return found
