"""Trees: how many training people stand behind each leaf, and whether a leaf says that all or none of them are ill."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from primum.disclose.model_crowd import Crowd, behind, short
from primum.disclose.model_finding import GateFinding, grave, gravest, number
from primum.disclose.model_parts import Part, kinds, matrix_of
from primum.disclose.presets import Policy
from primum.disclose.rules_classes import class_rule

LATER = "In later trees a leaf value is no share, and only the counts are judged."


@dataclass(frozen=True)
class Leaves:
    """The leaves of one tree.

    Attributes
    ----------
    at
        Leaf of each training row, 0 … k − 1, shape (rows,).
    fitted
        Training rows that the tree itself counted in each leaf, shape (k,).
    root
        Training rows that it counted in all.
    shares
        Whether a leaf value tells a share of the outcome: trees and forests, and the first tree of a boosted model.
    splits
        Number of inner nodes.
    """

    at: np.ndarray
    fitted: np.ndarray
    root: int
    shares: bool
    splits: int


def is_tree_model(thing: Any) -> bool:
    """Say whether an object is a tree, forest or boosted trees of scikit-learn."""
    known = {"BaseDecisionTree", "BaseForest", "BaseGradientBoosting", "BaseHistGradientBoosting"}
    return bool(kinds(thing) & known)


def leaf_findings(part: Part, y: np.ndarray, people: Crowd, policy: Policy) -> list[GateFinding]:
    """Return findings on the leaves of a tree, a forest or boosted trees (R1, R2).

    Training rows are passed down each tree again and distinct people counted: the counts in a forest's trees are of
    bootstrap samples. Where fewer rows were in the sample than fall into the leaf, the smaller number counts, because
    the value stands on those alone.
    """
    if part.X is None:
        words = "People in the leaves could not be counted: what this part was trained on is not known."
        return [GateFinding("R1", part.where, "blocked", words, "give the gate the bare model and its training data")]
    small = pure = split = total = 0
    least, root = people.rows, 0
    seen: set[tuple[int, int]] = set()
    for tree in trees(part.thing, part.X):
        k = len(tree.fitted)
        total, root = total + k, max(root, tree.root)
        persons = np.minimum(behind(people, tree.at, k), tree.fitted)
        small += int((short(people, tree.at, k, cap=tree.fitted) | (persons == 0)).sum())
        least = min(least, int(persons.min()))
        if tree.shares:
            sides = behind(people, 2 * tree.at + (y == 1), 2 * k).reshape(k, 2)
            split += int(((sides > 0) & (sides < people.t)).any(axis=1).sum())
            rows = np.bincount(2 * tree.at + (y == 1), minlength=2 * k).reshape(k, 2)
            pure += int((rows == 0).any(axis=1).sum())
            seen |= {(int(a), int(b)) for a, b in np.unique(rows, axis=0)}
    worst = [grave(class_rule({"without": a, "with": b}, policy)) for a, b in sorted(seen)]
    found = []
    if root > people.rows:
        words = f"The model was trained on {root} rows; the data given have {people.rows}."
        found.append(GateFinding("R10", part.where, "blocked", words, "give the gate all of the training data"))
    if small:
        words = (
            f"{small} of {total} leaves stand on fewer than {people.t} people (or households), the least on {least}."
        )
        mend = f"train with min_samples_leaf={people.t} or more"
        found.append(GateFinding("R1", part.where, "blocked", words, mend))
    else:
        words = f"Each of {total} leaves stands on at least {people.t} people."
        found.append(GateFinding("R1", part.where, "safe", words))
    if split:
        words = f"In {number(split, 'leaf', 'leaves')} 1 to {people.t - 1} people have the outcome, or have it not; "
        words += "their number follows from the share and the count in the file."
        found.append(GateFinding("R1", part.where, "review", words, "train with larger leaves"))
    status = gravest(worst)
    if status != "safe":
        words = (
            f"In {number(pure, 'leaf', 'leaves')} everybody or nobody has the outcome."
            if pure
            else f"In some leaves {policy['g']:.0%} or more of the people share the outcome."
        )
        boosted = "Boosting" in type(part.thing).__name__
        words = f"{words} This is the first tree. {LATER}" if boosted else words
        found.append(GateFinding("R2", part.where, status, words, "train with larger leaves"))
    return found


def trees(thing: Any, X: Any) -> Iterator[Leaves]:
    """Yield the leaves of every tree in a tree model of scikit-learn."""
    names = kinds(thing)
    if "BaseHistGradientBoosting" in names:
        given = thing._preprocess_X(X, reset=False) if hasattr(thing, "_preprocess_X") else X  # noqa: SLF001
        values = matrix_of(given)
        known, index = thing._bin_mapper.make_known_categories_bitsets()  # noqa: SLF001
        for i, stage in enumerate(thing._predictors):  # noqa: SLF001
            for predictor in stage:
                yield _histogram_leaves(predictor, values, (known, index), first=i == 0)
        return
    members = [thing] if "BaseDecisionTree" in names else list(np.ravel(np.asarray(thing.estimators_, dtype=object)))
    boosted = "BaseGradientBoosting" in names
    values = np.asarray(matrix_of(X), dtype=np.float32)
    for i, member in enumerate(members):
        tree = member.tree_
        ends = np.flatnonzero(tree.children_left < 0)
        at = np.searchsorted(ends, tree.apply(values))
        yield Leaves(at, tree.n_node_samples[ends], int(tree.n_node_samples[0]), not boosted or i == 0,
                     int(tree.node_count - len(ends)))  # fmt: skip


def _histogram_leaves(predictor: Any, values: np.ndarray, known: tuple[Any, Any], *, first: bool) -> Leaves:
    """Pass rows down one tree of histogram gradient boosting, as its own prediction does."""
    nodes = predictor.nodes
    at = np.zeros(len(values), dtype=np.int64)
    rows = np.arange(len(values))
    while len(rows := rows[nodes["is_leaf"][at[rows]] == 0]):
        here = nodes[at[rows]]
        x = values[rows, here["feature_idx"]]
        left = x <= here["num_threshold"]
        sort = here["is_categorical"] == 1
        if sort.any():
            left[sort] = _categories_left(x[sort], here[sort], predictor.raw_left_cat_bitsets, known)
        left = np.where(np.isnan(x), here["missing_go_to_left"] == 1, left)
        at[rows] = np.where(left, here["left"], here["right"])
    ends = np.flatnonzero(nodes["is_leaf"])
    return Leaves(np.searchsorted(ends, at), nodes["count"][ends].astype(np.int64), int(nodes["count"][0]), first,
                  len(nodes) - len(ends))  # fmt: skip


def _categories_left(x: np.ndarray, nodes: np.ndarray, bitsets: np.ndarray, known: tuple[Any, Any]) -> np.ndarray:
    """Say which categories go left; one that training did not hold goes the way of a missing value."""
    sets, index = known
    valid = np.isfinite(x) & (x >= 0) & (x < 256)
    codes = np.where(valid, x, 0).astype(np.int64)
    word, bit = codes // 32, (codes % 32).astype(np.uint32)
    chosen = valid & ((bitsets[nodes["bitset_idx"], word] >> bit) & 1 == 1)
    met = valid & ((sets[index[nodes["feature_idx"]], word] >> bit) & 1 == 1)
    return np.asarray(np.where(met, chosen, nodes["missing_go_to_left"] == 1))
