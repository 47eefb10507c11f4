"""The gate for model files: what is in it, what it gives away, and whether it may be put before an output checker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.disclose.model_additive import additive_findings, is_additive
from primum.disclose.model_crowd import Crowd, crowd
from primum.disclose.model_edges import edge_findings
from primum.disclose.model_equivalence import equal_outputs, output_findings, risks
from primum.disclose.model_finding import GateFinding, GateStatus, gravest, together
from primum.disclose.model_freedom import LEAST_FREEDOM, freedom_findings, is_linear, parameters
from primum.disclose.model_leaves import is_tree_model, leaf_findings
from primum.disclose.model_membership import Membership, Tick, UnattackableError, check_shadows, membership
from primum.disclose.model_parts import Part, kinds, take_apart
from primum.disclose.model_records import STORES, extremes, hidden_records, stores_records
from primum.disclose.model_unnecessary import Unnecessary, unnecessary
from primum.disclose.presets import Policy
from primum.errors import PrimumError

# fmt: off
PLAIN = frozenset({  # kinds that keep sums and coefficients, or nothing that no other check looks at
    "BaseBagging", "BaseMultilayerPerceptron", "BaseSearchCV", "BaseThresholdClassifier", "BaseWeightBoosting",
    "Binarizer", "CalibratedClassifierCV", "ColumnTransformer", "CountVectorizer", "CrowdedBins", "DummyClassifier",
    "DummyRegressor", "FeatureUnion", "FrozenEstimator", "FunctionTransformer", "GaussianNB", "KBinsDiscretizer",
    "LabelBinarizer", "LabelEncoder", "LinearDiscriminantAnalysis", "MaxAbsScaler", "MinMaxScaler",
    "MissingIndicator", "Normalizer", "OneVsRestClassifier", "PCA", "Pipeline", "PolynomialFeatures",
    "PowerTransformer", "QuadraticDiscriminantAnalysis", "QuantileTransformer", "RFE", "RobustScaler",
    "SelectFromModel", "SelectKBest", "SelectPercentile", "SimpleImputer", "SplineTransformer", "StandardScaler",
    "TfidfTransformer", "Trained", "TruncatedSVD", "VarianceThreshold", "_BaseDiscreteNB", "_BaseEncoder",
    "_BaseStacking", "_BaseVoting", "_CalibratedClassifier", "_SigmoidCalibration",
})
# fmt: on
LIMITS = (
    "Model files cannot be shown to be safe: at best a person must look.",
    "Records that are disguised (scaled, shuffled by column, inside compiled objects) are not found.",
    "Thresholds of trees lie between the values of two people and are not judged.",
    "A stronger attack may exist than the two that were tried.",
)


@dataclass(frozen=True)
class Gate:
    """What the gate says of one model.

    Attributes
    ----------
    status
        "blocked", or "review" at best: a model is never safe of itself.
    findings
        Everything that was seen, gravest first.
    structural
        The five structural risks of SACRO-ML by name, measured as `primum` defines them, each with its words.
    attack
        The attack on membership; None where it was not run.
    model
        Kind of the model, people, rows and columns it was trained on, numbers it learned.
    policy
        The policy in words.
    """

    status: GateStatus
    findings: tuple[GateFinding, ...]
    structural: dict[str, dict[str, Any]]
    attack: Membership | None
    model: dict[str, Any]
    policy: str

    @property
    def why(self) -> tuple[str, ...]:
        """Return what blocks the model; what a person must look at where nothing blocks it."""
        return tuple(f"{f.rule} {f.where}: {f.words}" for f in self.findings if f.status == self.status)

    def document(self) -> dict[str, Any]:
        """Return everything as JSON-ready data, for the room: it names true counts."""
        return {
            "format": "primum gate 1",
            "for": "the room and its output checker; it names true counts and does not leave",
            "status": self.status,
            "policy": self.policy,
            "model": self.model,
            "findings": [f.plain() for f in self.findings],
            "structural": self.structural,
            "attack_experiment_logger": None if self.attack is None else self.attack.plain(),
            "limits": list(LIMITS),
        }

    def public(self) -> dict[str, Any]:
        """Return what may be said of the model outside: status, risks and rules, no counts and no places."""
        rules = sorted({f.rule for f in self.findings if f.status == self.status})
        flags = {name: risk["risk"] for name, risk in self.structural.items()}
        return {"status": self.status, "policy": self.policy, "rules": rules, "structural": flags}


def gate(
    model: Any,
    X: Any,
    y: npt.ArrayLike,
    *,
    policy: Policy,
    persons: npt.ArrayLike | None = None,
    households: npt.ArrayLike | None = None,
    institutions: npt.ArrayLike | None = None,
    seed: int = 0,
    shadows: int = 16,
    holdout: tuple[Any, npt.ArrayLike] | None = None,
    tick: Tick | None = None,
) -> Gate:
    """Judge whether a model file may be put before an output checker (R10).

    Parameters
    ----------
    model
        A fitted classifier of two classes with `predict_proba`.
    X, y
        All of its training data as given to `fit`, (rows, columns), and the outcome, (rows,) 0 and 1.
    policy
        The bureau's numbers. Where its `model_export` is "blocked", so is every model.
    persons, households, institutions
        Identifiers a row; without persons every row is somebody else.
    seed, shadows, holdout, tick
        Of the attack on membership, see `membership`. shadows=0 leaves it out, which blocks the model.

    Raises
    ------
    PrimumError
        If the model is not fitted, gives no probabilities of two classes, fails on the data, or outcome and
        identifiers do not fit the rows.
    """
    if shadows:
        check_shadows(shadows)
    X = np.asarray(X) if isinstance(X, list) else X
    outcome = _outcome(model, y)
    people = crowd(len(outcome), policy, persons=persons, households=households, institutions=institutions)
    if np.shape(X)[0] != people.rows:
        raise PrimumError(f"X has {np.shape(X)[0]} rows, y has {people.rows}.", expected="one outcome a row")
    try:
        classes = equal_outputs(model, X, outcome, people)
    except (ValueError, TypeError, KeyError, AttributeError) as failure:
        raise PrimumError(
            f"The model fails on these data ({type(failure).__name__}).",
            expected="the columns that it was trained on, as it was given them",
            mend="call its predict_proba on the same data; what it says may name values, so it is not repeated here",
        ) from None
    parts = take_apart(model, X)
    found = _about(policy, people)
    for part in parts:
        found += _part(part, outcome, people, policy)
    found += hidden_records(model, parts, outcome, people)
    found += extremes(model, parts, people, found)
    found += freedom_findings(parts, outcome, people, policy) + output_findings(classes, people, policy)
    spare = unnecessary(model, X, outcome, people, seed=seed)
    structural = _structural(parts, people, policy, risks(classes, people), spare)
    if spare.risk:
        found.append(GateFinding("R10", "model", "review", spare.words, f"set min_samples_leaf={people.t}"))
    attack, why_not = None, "The attack on membership was left out"
    if shadows:
        try:
            attack = membership(
                model, X, outcome, persons=persons, holdout=holdout, shadows=shadows, seed=seed, tick=tick
            )
        except UnattackableError as failure:
            why_not = failure.what.rstrip(".")
    found.append(_attacked(attack, why_not))
    status = gravest(["review", *(f.status for f in found)])
    order = sorted(together(found), key=lambda f: ("blocked", "review", "safe").index(f.status))
    told = {
        "kind": type(model).__name__, "parts": len(parts), "rows": people.rows, "people": people.people,
        "columns": int(np.shape(X)[1]), "numbers_learned": parameters(parts), "seed": seed,
    }  # fmt: skip
    return Gate(status, tuple(order), structural, attack, told, policy.words)


def _outcome(model: Any, y: npt.ArrayLike) -> np.ndarray:
    """Return the outcome as 0 and 1, once the model is known to speak of two classes."""
    classes = getattr(model, "classes_", None)
    if not hasattr(model, "predict_proba") or classes is None or len(classes) != 2:
        raise PrimumError(
            f"A {type(model).__name__} that is fitted and gives probabilities of two classes is needed.",
            expected="predict_proba, and classes_ with two entries",
            mend="fit it first; of several classes keep one against the rest",
        )
    given = np.asarray(y)
    if given.ndim != 1 or not np.isin(given, classes).all():
        raise PrimumError("The outcome holds values that the model does not know.", available=list(classes))
    return np.asarray(given == classes[1], dtype=np.int64)


def _about(policy: Policy, people: Crowd) -> list[GateFinding]:
    """Return what follows from the policy alone."""
    found = []
    if policy["model_export"] == "blocked":
        words = f"The preset '{policy.name}' lets no model file out, whatever is in it."
        found.append(
            GateFinding("R10", "policy", "blocked", words, "ask the bureau; an exception needs reason and name")
        )
    if people.uncounted:
        words = f"The preset counts {' and '.join(people.uncounted)} too, and no identifier of them was given."
        found.append(GateFinding("R1", "policy", "review", words, "give the identifiers"))
    return found


def _part(part: Part, y: np.ndarray, people: Crowd, policy: Policy) -> list[GateFinding]:
    """Return findings on one part; a kind that is not known is blocked."""
    found = stores_records(part)
    thing = part.thing
    if is_tree_model(thing):
        found += leaf_findings(part, y, people, policy)
    if is_additive(thing):
        found += additive_findings(part, people)
    found += edge_findings(part, people, policy)
    names = kinds(thing)
    known = names & (PLAIN | set(STORES)) or is_tree_model(thing) or is_additive(thing) or is_linear(thing)
    if not known:
        words = f"The gate does not know what a {type(thing).__name__} keeps."
        mend = "send a tree, forest, boosted trees, explainable boosting machine or linear model of scikit-learn"
        found.append(GateFinding("R10", part.where, "blocked", words, mend))
    return found


def _structural(
    parts: list[Part], people: Crowd, policy: Policy, outputs: dict[str, bool], spare: Unnecessary
) -> dict[str, dict[str, Any]]:
    """Return the five structural risks, each with what it means here."""
    t, least = people.t, policy["df_min"] if policy["df_min"] is not None else LEAST_FREEDOM
    k = parameters(parts)
    words = {
        "k_anonymity_risk": f"a class of equal outputs has fewer than {t} people",
        "class_disclosure_risk": "in a class of equal outputs everybody or nobody has the outcome",
        "smallgroup_risk": f"in a class of equal outputs 1 to {t - 1} people have the outcome, or have it not",
    }
    free = people.people - k
    return {
        "dof_risk": {"risk": free < least, "means": f"fewer than {least} degrees of freedom are left", "left": free},
        **{name: {"risk": risk, "means": words[name]} for name, risk in outputs.items()},
        "unnecessary_risk": {"risk": spare.risk, "means": "the same model with larger leaves does as well",
                             "words": spare.words},
    }  # fmt: skip


def _attacked(attack: Membership | None, why_not: str) -> GateFinding:
    """Return what the attack on membership means for the gate."""
    if attack is None:
        words = f"{why_not}: nobody has tried to tell who was in the training data."
        return GateFinding(
            "R10", "membership", "blocked", words, "run the gate with shadow models on the bare estimator"
        )
    best = max(attack.judged, key=lambda j: j.auc)
    if attack.leaks:
        words = f"On {attack.target}, an attack tells who was in the training data ({'; '.join(attack.leaks)})."
        return GateFinding("R10", "membership", "blocked", words, "train a smaller or more regularised model")
    words = (
        f"On {attack.target}, two attacks could not be shown to tell who was in the training data (AUC {best.auc:.3f}, "
    )
    words += f"{best.low:.3f} to {best.high:.3f}). That is no proof."
    return GateFinding("R10", "membership", "review", words)
