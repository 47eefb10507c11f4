"""The repairs by name: each can be built and fitted, and a setting that is wrong is told, never a traceback."""

from __future__ import annotations

import inspect
from importlib import import_module

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from primum.errors import PrimumError
from primum.mitigate.catalogue import CLASSES, OURS, build
from primum.usecase_repair import METHODS, TRAINED

RNG = np.random.default_rng(2)
N = 600
SEX = np.where(np.arange(N) % 3, "f", "m")
X = RNG.normal(size=(N, 2))
Y = (RNG.random(N) < 1 / (1 + np.exp(1 - X[:, 0]))).astype(int)
MODEL = LogisticRegression().fit(X[::2], Y[::2])
SLOW = "exponentiated gradient"
QUICK = [m for m in METHODS if m != SLOW]


def made(method, /, **settings):
    anew = method in TRAINED
    model = LogisticRegression() if anew else MODEL
    return build(method, model, threshold=0.3, prefit=not anew, settings=settings, seed=5)


def options(method):
    module, name, fixed = CLASSES[method]
    known = inspect.signature(getattr(import_module(f"primum.mitigate.{module}"), name).__init__).parameters
    return {o: p.default for o, p in known.items() if o not in OURS and o not in fixed}


def test_every_method_of_the_use_case_is_here():
    assert set(CLASSES) == set(METHODS)


@pytest.mark.parametrize("method", [*QUICK, pytest.param(SLOW, marks=pytest.mark.slow)])
def test_every_method_can_be_fitted_and_says_what_it_learnt(method):
    fitted = made(method).fit(X, Y, group=SEX)
    decided = fitted.predict(X, group=SEX)
    assert decided.shape == (N,)
    assert set(np.unique(decided)) <= {0, 1}
    assert fitted.describe()


def test_settings_seed_and_threshold_reach_the_estimator():
    model = made("levelling-up thresholds", floor=0.9, rate="sensitivity", fewest=3)
    assert (model.floor, model.rate, model.fewest, model.threshold, model.prefit) == (0.9, "sensitivity", 3, 0.3, True)
    assert made("levelling-up thresholds", floor="best").floor == "best"
    assert made("levelling-up thresholds", floor=1).floor == 1
    assert made("prepend").seed == 5
    assert made("equalized odds").random_state == 5
    assert made("equalized odds").constraint == "equalized_odds"


def test_what_there_is_not():
    with pytest.raises(PrimumError, match="magic"):
        made("magic")
    with pytest.raises(PrimumError, match="'reweighing' has no setting 'strength'"):
        made("reweighing", strength=1)
    with pytest.raises(PrimumError, match="has no setting 'threshold'"):
        made("prepend", threshold=0.1)
    with pytest.raises(PrimumError, match="has no setting 'constraint'"):
        made("equalized odds", constraint="demographic_parity")


@pytest.mark.parametrize(
    ("method", "option", "value", "expected"),
    [
        ("levelling-up thresholds", "fewest", "many", "a whole number"),
        ("levelling-up thresholds", "fewest", 2.5, "a whole number"),
        ("levelling-up thresholds", "fewest", True, "a whole number"),
        ("levelling-up thresholds", "floor", "highest", "a number or 'best'"),
        ("levelling-up thresholds", "rate", "recall", "'sensitivity' or 'specificity' or 'selected'"),
        ("utility thresholds", "force", "up", "'+' or '-'"),
        ("group calibration", "least_events", "ten", "a whole number"),
        ("group calibration", "method", 3, "a word"),
        ("group calibration", "cv", "five", "a whole number"),
        ("multicalibration", "validation_fraction", "a third", "a number"),
        ("minimax", "spare", "yes", "true or false"),
        ("minimax", "limit", "low", "a number"),
        ("prepend", "loss", "squared", "'utility' or 'brier'"),
        ("equalized odds", "objective", 1, "a word"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told(method, option, value, expected):
    with pytest.raises(PrimumError, match=f"'{option}' of the repair '{method}' is {value!r}") as refused:
        made(method, **{option: value})
    assert f"expected:  {expected}" in str(refused.value)


@pytest.mark.parametrize("option", ["offers", "models", "utility", "groups"])
def test_what_only_python_can_say_is_told(option):
    with pytest.raises(PrimumError, match=f"'{option}' of the repair 'prepend' is no number or word"):
        made("prepend", **{option: "refit"})


@pytest.mark.parametrize("method", [pytest.param(m, marks=[pytest.mark.slow] * (m == "minimax")) for m in QUICK])
def test_any_scalar_is_taken_or_told(method):
    """Whatever a use case gives as a setting: the repair works, or refuses in words of the house."""
    values = [-1, 0, 10**6, -0.5, 1e9, True, "", "best"]
    for option, default in options(method).items():
        for value in values:
            if option == "rounds" and isinstance(value, int) and value > 1000:
                continue
            try:
                made(method, **{option: value}).fit(X, Y, group=SEX).predict(X, group=SEX)
            except PrimumError:
                continue
            except (TypeError, ValueError, KeyError, IndexError, ZeroDivisionError, AttributeError) as error:
                pytest.fail(f"{method}: {option}={value!r} (default {default!r}) gives {error!r}")


def test_a_defect_in_a_method_is_not_taken_for_bad_input(monkeypatch):
    from primum.mitigate.level_up import LevelUp

    def broken(self, *_, **__):
        raise TypeError("a real defect")

    monkeypatch.setattr(LevelUp, "__init__", broken)
    with pytest.raises(TypeError, match="a real defect"):
        made("levelling-up thresholds")
