"""Coefficients: how many there are for how many people, and whether a few people alone decide one of them (R4)."""

from __future__ import annotations

from typing import Any

import numpy as np

from primum.disclose.model_additive import cells, is_additive
from primum.disclose.model_crowd import Crowd, behind
from primum.disclose.model_finding import GateFinding, GateStatus
from primum.disclose.model_leaves import is_tree_model
from primum.disclose.model_parts import Part, matrix_of
from primum.disclose.presets import Policy
from primum.disclose.rules_freedom import freedom_rule

LEAST_FREEDOM = 10  # where a policy has no number of its own, for the wording of the risk only


def is_linear(thing: Any) -> bool:
    """Say whether a part is a fitted model of one coefficient a column."""
    coef = getattr(thing, "coef_", None)
    return coef is not None and hasattr(thing, "intercept_") and not hasattr(thing, "support_vectors_")


def parameters(parts: list[Part]) -> int:
    """Return how many numbers a model learned from the outcome, without credit for shrinkage.

    Each inner node of a tree is two (which variable, where), each leaf one; each coefficient and intercept is one; each
    bin of an explainable boosting machine with people in it is one, and so is each risk of a points score.
    """
    total = 0
    for part in parts:
        thing = part.thing
        if is_tree_model(thing):
            total += _tree_numbers(thing)
        elif is_additive(thing):
            total += cells(thing)
        elif is_linear(thing):
            total += int(np.size(thing.coef_) + np.size(thing.intercept_) + np.size(getattr(thing, "risks_", ())))
        elif hasattr(thing, "coefs_") and hasattr(thing, "intercepts_"):
            total += sum(int(np.size(w)) for w in (*thing.coefs_, *thing.intercepts_))
        elif hasattr(thing, "theta_") and hasattr(thing, "var_"):
            total += int(np.size(thing.theta_) + np.size(thing.var_))
    return total


def freedom_findings(parts: list[Part], y: np.ndarray, people: Crowd, policy: Policy) -> list[GateFinding]:
    """Return findings on residual degrees of freedom, lone coefficients and saturated designs (R4, T29)."""
    found = []
    n, k = people.people, parameters(parts)
    told = freedom_rule(n, k, policy)
    if not told.passes:
        words = f"{k} numbers were learned from {n} people: {told.why} (shrinkage is given no credit)."
        found.append(GateFinding("R4", "model", "blocked", words, "train a smaller model"))
    elif k:
        status: GateStatus = "safe" if policy["df_min"] is not None else "review"
        words = f"{k} numbers were learned from {n} people; {n - k} degrees of freedom are left."
        found.append(GateFinding("R4", "model", status, words))
    for part in parts:
        if is_linear(part.thing):
            found += _design(part, y, people, policy)
    return found


def _design(part: Part, y: np.ndarray, people: Crowd, policy: Policy) -> list[GateFinding]:
    """Return findings on the design of a linear model."""
    if part.X is None:
        words = "The columns behind the coefficients are not known."
        return [GateFinding("R4", part.where, "blocked", words, "give the gate the bare model and its training data")]
    X = matrix_of(part.X)
    found, few, flat = [], 0, 0
    for j in range(X.shape[1]):
        values, counts = np.unique(X[:, j], return_counts=True)
        other = X[:, j] != values[counts.argmax()]
        n = int(behind(people, np.where(other, 0, -1), 1)[0])
        few += 0 < n < people.t
        flat += len(values) <= 2
    if few:
        words = f"{few} of {X.shape[1]} columns differ from their usual value in fewer than {people.t} people, "
        words += "who alone decide the coefficient."
        found.append(
            GateFinding("R4", f"{part.where}.coef_", "blocked", words, "leave these columns out, or join them")
        )
    coefficients = int(np.size(part.thing.coef_) + np.size(part.thing.intercept_))
    patterns, at = np.unique(X, axis=0, return_inverse=True)
    if len(patterns) <= coefficients:
        both = np.ravel(at) * 2 + (y == 1)
        table = behind(people, both, 2 * len(patterns))
        if not freedom_rule(people.people, coefficients, policy, cells=table.tolist()).passes:
            words = f"Its {coefficients} coefficients fit each of {len(patterns)} patterns exactly, so it is a table, "
            words += f"and that table has cells below {people.t}."
            found.append(GateFinding("R4", f"{part.where}.coef_", "blocked", words, "leave interactions out"))
    elif flat == X.shape[1]:
        words = f"Every predictor is a category: the {len(patterns)} patterns are a table that a person must look at."
        found.append(GateFinding("R4", f"{part.where}.coef_", "review", words))
    return found


def _tree_numbers(thing: Any) -> int:
    """Return two numbers a split and one a leaf, over all trees."""
    if hasattr(thing, "_predictors"):
        sizes = [np.asarray(p.nodes["is_leaf"]) for stage in thing._predictors for p in stage]  # noqa: SLF001
        return int(sum(2 * (leaf == 0).sum() + (leaf == 1).sum() for leaf in sizes))
    members = [thing] if hasattr(thing, "tree_") else np.ravel(np.asarray(thing.estimators_, dtype=object))
    ends = [int((m.tree_.children_left < 0).sum()) for m in members]
    return int(sum(2 * (m.tree_.node_count - e) + e for m, e in zip(members, ends, strict=True)))
