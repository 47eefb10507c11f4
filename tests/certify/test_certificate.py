"""The certificate: verdicts by hand, error rate by simulation, what it refuses, real data where all lose."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primum.certify.certificate import certify
from primum.certify.gaffke import p_many
from primum.certify.utility import SENSITIVITY, net_benefit
from primum.errors import PrimumError
from primum.tally.paired import PairedTally, count_pairs

NB = net_benefit(0.2)
TERMS = {"utility": NB, "margin": 0.01, "alpha": 0.05}


def cells(n, prevalence, a, b, c, e):
    """Return the expected counts of the discordance model: cases found a, lost b; non-cases alarmed c, spared e."""
    kinds = np.array([[[1 - c - e, c], [e, 0]], [[1 - a - b, a], [b, 0]]])
    return np.array([1 - prevalence, prevalence])[:, None, None] * kinds * n


GOOD, NEUTRAL = (0.10, 0.01, 0.01, 0.01), (0.01, 0.01, 0.005, 0.005)
SIZES = (("A", 3000, 0.12), ("B", 1500, 0.10), ("C", 600, 0.15), ("D", 250, 0.12))


def tally(groups):
    """Return the tally of {label: counts}."""
    labels = sorted(groups)
    n = np.array([np.round(groups[k]) for k in labels]).astype(int)
    return PairedTally(("g",), tuple((k,) for k in labels), n)


def drawn(rng, boundary=None, model=GOOD):
    groups = {}
    for label, n, prevalence in SIZES:
        abce = (0.02, 0.02 + 0.01 / prevalence, 0, 0) if label == boundary else model
        shares = cells(1, prevalence, *abce).ravel()
        groups[label] = rng.multinomial(n, shares).reshape(2, 2, 2)
    return tally(groups)


def test_verdicts_by_hand():
    found = certify(
        tally({
            "gain": cells(5000, 0.12, *GOOD),
            "lose": cells(50_000, 0.12, 0.02, 0.06, 0, 0),
            "harm": cells(3000, 0.12, 0.0, 0.2, 0, 0),
            "few": cells(40, 0.12, *GOOD),
        }),
        **TERMS,
        worst_off=("g", "gain"),
    )  # fmt: skip
    by = {g.group: g for g in found.groups}
    assert {k: v.verdict for k, v in by.items()} == {
        "gain": "certified", "lose": "certified", "harm": "harmed", "few": "not assessable",
    }  # fmt: skip
    assert (by["gain"].found, by["gain"].lost, by["gain"].spared, by["gain"].alarmed) == (60, 6, 44, 44)
    assert by["gain"].estimate.value == pytest.approx((60 - 6) / 5000)
    assert by["lose"].estimate.high < 0
    assert "loses, but by less than the margin" in by["lose"].words
    assert by["harm"].estimate.high < -0.01
    assert by["few"].need > 100
    assert f"At least {by['few'].need:,} more people are needed" in by["few"].words
    assert all((v.p < 0.05) == (v.verdict == "certified") for v in by.values())
    assert not found.granted
    assert found.improves is True
    assert not found.improvement
    assert "refused" in found.words
    assert "Harmed: harm. Not assessable: few." in found.words


def test_granted_when_every_group_passes():
    found = certify(tally({k: cells(n * 4, p, *GOOD) for k, n, p in SIZES}), **TERMS, worst_off=("g", "D"))
    assert found.granted
    assert found.improvement
    assert "D, named beforehand as worst off, gains: this is an improvement." in found.words
    assert "intersection-union" in found.guarantee
    assert any("not a promise to a person" in line for line in found.does_not_say)
    level = certify(tally({k: cells(n * 4, p, *NEUTRAL) for k, n, p in SIZES}), **TERMS, worst_off=("g", "D"))
    assert (level.granted, level.improves, level.improvement) == (True, False, False)
    assert "is not shown" in level.words
    assert certify(tally({"a": cells(5000, 0.1, *NEUTRAL)}), **TERMS).improves is None


@pytest.mark.parametrize("bound", ["gaffke", "phan", "betting", "student"])
def test_every_bound_can_be_used(bound):
    found = certify(tally({"a": cells(3000, 0.12, *GOOD)}), **TERMS, bound=bound)
    assert found.groups[0].estimate.method == found.bound == bound
    assert found.granted


def test_sensitivity_counts_cases():
    n = cells(1000, 0.12, 0.05, 0.01, 0.3, 0.0)
    one = certify(tally({"a": n}), utility=SENSITIVITY, margin=0.002, alpha=0.05).groups[0]
    assert (one.n, one.unit, one.events, one.nonevents) == (120, "cases", 120, 880)
    assert one.estimate.value == pytest.approx((6 - 1) / 120)
    assert "more cases are needed" in one.words


def granted_by_rule(counts):
    """Return which audits are granted, from counts (audits, groups, 8): every group's p-value is below .05."""
    merged = counts[..., [6, 1, 0, 2, 5]]  # d = −1, −w, 0, +w, +1
    merged[..., 2] += counts[..., 3] + counts[..., 4] + counts[..., 7]
    values = np.array([-1, -0.25, 0, 0.25, 1])
    p = np.stack([p_many(merged[:, k], values, (-1.0, 1.0), -0.01) for k in range(counts.shape[1])], axis=1)
    return (p < 0.05).all(axis=1)


def audits(repeats, seed, boundary=None, model=GOOD):
    rng = np.random.default_rng([2026, seed])
    shares = [
        cells(1, q, *((0.02, 0.02 + 0.01 / q, 0, 0) if label == boundary else model)).ravel() for label, _, q in SIZES
    ]
    return np.stack([rng.multinomial(n, s, repeats) for (_, n, _), s in zip(SIZES, shares, strict=True)], axis=1)


@pytest.mark.parametrize(
    ("boundary", "model", "low", "high"),
    [("D", GOOD, 0.0, 0.055), ("A", GOOD, 0.0, 0.055), (None, GOOD, 0.65, 0.8), (None, NEUTRAL, 0.1, 0.2)],
    ids=["smallest harmed", "largest harmed", "all gain", "nothing changes"],
)
def test_error_rate_and_power_of_the_whole_certificate(boundary, model, low, high):
    # at the boundary, t gives .111 and "no point estimate below the margin" .520; power .942 with t, .513 with e-values
    counts = audits(2000, len(boundary or ""), boundary, model)
    rate = granted_by_rule(counts)
    assert low <= rate.mean() <= high
    if boundary:  # "no point estimate below the margin" passes about half of these
        d = NB.gain.ravel()
        assert ((counts @ d / counts.sum(axis=-1)) > -0.01).all(axis=1).mean() == pytest.approx(0.5, abs=0.06)
    for k in range(8):  # the rule is what certify does
        pairs = PairedTally(("g",), tuple((s[0],) for s in SIZES), counts[k].reshape(-1, 2, 2, 2))
        assert certify(pairs, **TERMS).granted == rate[k]


def test_permuted_labels_do_not_certify_more():
    """Labels without meaning cannot hide the harm of all: everybody is at the boundary, whatever they are called."""
    rng = np.random.default_rng(31)
    shares = cells(1, 0.12, 0.02, 0.02 + 0.01 / 0.12, 0, 0).ravel()
    whole = rng.multinomial(3000, shares, 500)
    one = np.array([rng.multivariate_hypergeometric(n, 1500) for n in whole])
    split = granted_by_rule(np.stack([one, whole - one], axis=1))
    assert granted_by_rule(whole[:, None]).mean() <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 500)
    assert split.mean() < 0.03
    assert split.mean() <= granted_by_rule(one[:, None]).mean()


@settings(max_examples=8)
@given(st.integers(0, 10_000))
def test_renaming_groups_changes_nothing(seed):
    pairs = drawn(np.random.default_rng(seed))
    turned = PairedTally(("g",), tuple((f"x{k[0]}",) for k in pairs.groups), pairs.n)
    one, two = certify(pairs, **TERMS), certify(turned, **TERMS)
    assert one.granted == two.granted
    assert [g.estimate for g in one.groups] == [g.estimate for g in two.groups]


@settings(max_examples=8)
@given(st.integers(0, 10_000))
def test_one_more_group_never_helps(seed):
    pairs = drawn(np.random.default_rng(seed), model=NEUTRAL)
    fewer = PairedTally(pairs.attributes, pairs.groups[:-1], pairs.n[:-1])
    assert certify(fewer, **TERMS).granted >= certify(pairs, **TERMS).granted


def test_overlapping_groups_and_intersections():
    rng = np.random.default_rng(1)
    n = 4000
    y, a = rng.integers(0, 2, (2, n))
    groups = {"sex": rng.choice(["f", "m"], n), "age": rng.choice(["old", "young", None], n)}
    pairs = count_pairs(y, a, a, groups)
    found = certify(pairs, **TERMS, groups=["sex", "sex × age"])
    assert [g.group for g in found.groups if g.attribute == "sex"] == ["f", "m"]
    both = [g for g in found.groups if g.attribute == "sex × age"]
    assert [g.group for g in both][:3] == ["f · (missing)", "f · old", "f · young"]
    assert sum(g.n for g in both) == n
    assert certify(pairs, **TERMS, groups=[("sex", "age")]).groups == tuple(both)
    assert {g.attribute for g in certify(pairs, **TERMS).groups} == {"sex", "age"}


def test_no_change_seen_is_still_data():
    few, many = (certify(tally({"a": cells(n, 0.1, 0, 0, 0, 0)}), **TERMS) for n in (200, 300))
    assert (few.granted, many.granted) == (False, True)
    assert few.groups[0].need == 99


def test_the_same_model_is_granted_by_construction():
    pairs = tally({"a": cells(10, 0.5, 0, 0, 0, 0), "b": np.zeros((2, 2, 2))})
    found = certify(pairs, **TERMS, same=True, worst_off=("g", "a"))
    assert found.granted
    assert found.improves is False
    assert [g.estimate.method for g in found.groups] == ["by construction"] * 2
    assert "decide alike" in found.groups[0].words
    with pytest.raises(PrimumError, match="declared to be the same, and decide differently about 13 people"):
        certify(tally({"a": cells(100, 0.5, 0.2, 0.06, 0, 0)}), **TERMS, same=True)


def test_an_empty_group_is_listed_and_blocks():
    pairs = tally({"a": cells(5000, 0.12, *GOOD), "b": np.zeros((2, 2, 2))})
    found = certify(pairs, **TERMS, declared={"g": ["a", "b", "c"]}, worst_off=("g", "c"))
    assert [(g.group, g.verdict, g.n) for g in found.groups] == [
        ("a", "certified", 5000), ("b", "not assessable", 0), ("c", "not assessable", 0),
    ]  # fmt: skip
    assert not found.granted
    assert found.improves is None
    assert found.groups[1].need == 299
    assert "nobody of this group" in found.groups[2].words
    assert "At least 299 people are needed" in found.groups[2].words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"utility": None}, "No utility was declared"),
        ({"utility": "nb"}, "The utility is 'nb'"),
        ({"margin": None}, "No margin was declared(.|\n)*ask clinicians for the smallest mean loss"),
        ({"margin": 0}, "The margin is 0"),
        ({"margin": 1.0}, "below 1, the most that one patient can lose"),
        ({"margin": float("nan")}, "The margin is nan"),
        ({"alpha": None}, "No alpha was declared(.|\n)*how often a harmful repair may slip through"),
        ({"alpha": 0.5}, "alpha is 0.5"),
        ({"alpha": 5}, "alpha is 5"),
        ({"bound": "gafke"}, "did you mean 'gaffke'"),
        ({"groups": ["sax"]}, "no attribute 'sax'"),
        ({"groups": []}, "no groups to judge"),
        ({"groups": "g × age"}, "no attribute 'age'"),
        ({"worst_off": ("g", "z")}, "no group 'g × z'"),
    ],
)
def test_nothing_is_assumed(changes, words):
    with pytest.raises(PrimumError, match=words):
        certify(tally({"a": cells(100, 0.12, *GOOD)}), **(TERMS | changes))


def test_the_threshold_has_no_default():
    with pytest.raises(PrimumError, match=r"needs a threshold(.|\n)*There is no usual value"):
        net_benefit(None)
    with pytest.raises(PrimumError, match="There are no groups"):
        certify(count_pairs([0, 1], [0, 1], [1, 0]), **TERMS)


@pytest.fixture(scope="module")
def readmission(data_dir):
    """Half of diabetes-130: outcome, decisions at one threshold and after equalized odds, race, exchange threshold."""
    pytest.importorskip("fairlearn")
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_curve
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    path = data_dir / "readmission" / "readmission.parquet"
    if not path.exists():
        pytest.skip("the readmission data are not there")
    frame = pl.read_parquet(path).with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    y = (frame["readmitted"] == "Yes").to_numpy().astype(int)
    race = frame["race"].to_numpy()
    x = frame.drop("race", "readmitted")
    words = [c for c in x.columns if x[c].dtype == pl.String]
    x = x.to_dummies(words).drop([f"{c}_null" for c in words if x[c].null_count()]).to_numpy().astype(float)
    assert x.shape[1] == 27
    train, test = train_test_split(np.arange(len(y)), test_size=0.5, stratify=y, random_state=445)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(x[train], y[train])
    risk = model.predict_proba(x)[:, 1]
    fpr, tpr, cuts = roc_curve(y[train], risk[train], drop_intermediate=False)
    t0 = cuts[np.argmax(tpr - fpr)]
    assert t0 == pytest.approx(0.090626, abs=2e-6)
    decided = {}
    for constraint in ("true_positive_rate_parity", "equalized_odds"):
        repair = ThresholdOptimizer(
            estimator=model, constraints=constraint, objective="balanced_accuracy_score", prefit=True,
            predict_method="predict_proba",
        )  # fmt: skip
        repair.fit(x[train], y[train], sensitive_features=race[train])
        decided[constraint] = repair.predict(x[test], sensitive_features=race[test], random_state=0)
    return y[test], risk[test] >= t0, decided, race[test], float(y[train].mean())


def test_equalized_odds_harms_readmitted_patients_of_every_race(readmission):
    y, before, decided, race, t = readmission
    table = {
        "true_positive_rate_parity": {
            "African American": (-0.00286, 0.00141), "Asian": (-0.00258, 0.00861), "Caucasian": (-0.00004, 0.00018),
            "Hispanic": (-0.00374, 0.00429), "Other": (-0.00022, 0.00183), "Unknown": (-0.00326, 0.00344),
        },
        "equalized_odds": {
            "African American": (-0.00284, 0.00212), "Asian": (-0.00804, 0.01306), "Caucasian": (-0.00230, 0.00090),
            "Hispanic": (-0.01287, 0.00642), "Other": (-0.00752, 0.00710), "Unknown": (-0.00949, 0.00507),
        },
    }  # fmt: skip
    from primum.certify.differences import difference_sample

    for constraint, rows in table.items():
        pairs = count_pairs(y, before, decided[constraint], {"race": race})
        seen = {g[0]: difference_sample(n, net_benefit(t)) for g, n in zip(pairs.groups, pairs.n, strict=True)}
        for group, (value, error) in rows.items():
            assert seen[group].mean == pytest.approx(value, abs=2e-5)
            assert np.sqrt(seen[group].variance / seen[group].n) == pytest.approx(error, abs=2e-5)
        found = certify(pairs, utility=net_benefit(t), margin=0.002, alpha=0.05, worst_off=("race", "Unknown"))
        assert not found.granted
        assert found.improves is False
    assert all(g.estimate.value < 0 for g in found.groups)
    assert not any(g.verdict == "certified" for g in found.groups)
