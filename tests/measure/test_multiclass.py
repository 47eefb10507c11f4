"""Several classes: against scikit-learn, the binary measures, the bootstrap, and on readmissions."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.errors import PrimumError
from primum.measure.multiclass import CLASS_COLUMNS, frame
from primum.measure.table import COLUMNS
from primum.tally.count import count
from primum.tally.count_classes import count_classes

SCORES = {"A": "p0", "B": "p1", "C": "p2"}
CLASSES = list(SCORES)
MEANS = [
    "macro_auroc", "weighted_auroc", "macro_brier", "multiclass_brier", "macro_average_precision", "macro_sensitivity",
    "macro_specificity", "macro_ppv", "macro_f1", "weighted_f1", "weighted_sensitivity", "multiclass_accuracy",
    "multiclass_balanced_accuracy",
]  # fmt: skip


def people(n=600, seed=0, families=None, share=(0.6, 0.3, 0.1)):
    rng = np.random.default_rng(seed)
    fam = np.arange(n) if families is None else rng.integers(0, families, n)
    u = rng.normal(0, 1, (n, 3))[fam]
    x = u * (0 if families is None else 1) + rng.normal(0, 1, (n, 3)) + np.log(share)
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    y = (rng.random(n)[:, None] > p.cumsum(1)[:, :2]).sum(1)
    q = p**0.8 / (p**0.8).sum(1, keepdims=True)
    return pl.DataFrame(
        {"y": np.array(CLASSES)[y], **{f"p{k}": q[:, k] for k in range(3)}, "fam": fam,
         "g": rng.choice(["a", "b"], n), "w": rng.gamma(2, 0.5, n).round(3)}
    )  # fmt: skip


def one(table, metric, cls="", group="everyone", comparison="estimate"):
    keep = (pl.col("metric") == metric) & (pl.col("class") == cls) & (pl.col("group") == group)
    return table.filter(keep & (pl.col("comparison") == comparison)).row(0, named=True)


@pytest.mark.parametrize("weight", [None, "w"])
def test_values_are_those_of_scikit_learn(weight):
    from sklearn import metrics as m

    data = people()
    y, p = data["y"].to_numpy(), data.select("p0", "p1", "p2").to_numpy()
    w = np.ones(len(y)) if weight is None else data["w"].to_numpy()
    d = np.array(CLASSES)[p.argmax(1)]
    own = y[:, None] == CLASSES
    found = frame(count_classes(data, "y", SCORES, weight=weight), [*MEANS, "auroc", "f1", "ppv"], by=[])
    expected = {
        "weighted_auroc": m.roc_auc_score(y, p, multi_class="ovr", average="weighted", sample_weight=w)
        if weight is None
        else np.average([m.roc_auc_score(own[:, k], p[:, k], sample_weight=w) for k in range(3)], weights=w @ own),
        "macro_auroc": m.roc_auc_score(y, p, multi_class="ovr", sample_weight=w),
        "multiclass_brier": np.average(((p - own) ** 2).sum(1), weights=w),
        "macro_brier": np.average(((p - own) ** 2).mean(1), weights=w),
        "macro_average_precision": m.average_precision_score(own, p, sample_weight=w),
        "macro_sensitivity": m.recall_score(y, d, average="macro", sample_weight=w),
        "weighted_sensitivity": m.recall_score(y, d, average="weighted", sample_weight=w),
        "macro_ppv": m.precision_score(y, d, average="macro", sample_weight=w),
        "macro_f1": m.f1_score(y, d, average="macro", sample_weight=w),
        "weighted_f1": m.f1_score(y, d, average="weighted", sample_weight=w),
        "multiclass_accuracy": m.accuracy_score(y, d, sample_weight=w),
        "multiclass_balanced_accuracy": m.balanced_accuracy_score(y, d, sample_weight=w),
    }
    for name, value in expected.items():
        row = one(found, name)
        assert row["value"] == pytest.approx(value, abs=1e-4), name  # people of one bin are tied
        assert row["low"] < row["value"] < row["high"]
        assert (row["events"], row["n"]) == (None, len(y))
        assert (row["n_effective"] is None) == (weight is None)
    for k, c in enumerate(CLASSES):
        assert one(found, "f1", c)["value"] == pytest.approx(m.f1_score(y == c, d == c, sample_weight=w))
        assert one(found, "ppv", c)["value"] == pytest.approx(m.precision_score(y == c, d == c, sample_weight=w))
        assert one(found, "auroc", c)["events"] == (y == c).sum()
        assert one(found, "auroc", c)["value"] == pytest.approx(
            m.roc_auc_score(y == c, p[:, k], sample_weight=w), abs=1e-4
        )
    assert found.columns == list(CLASS_COLUMNS) == [*COLUMNS, "class"]


@pytest.mark.parametrize("cluster", [None, "fam"])
def test_a_class_is_measured_as_one_outcome_against_the_rest(cluster):
    data = people(families=120)
    names = ["auroc", "brier", "sensitivity", "net_benefit", "calibration_slope"]
    tally = count_classes(data, "y", SCORES, ["g"], thresholds={c: [0.2] for c in CLASSES}, cluster=cluster)
    found = frame(tally, names, by="g", at=0.2)
    for k, c in enumerate(CLASSES):
        plain = count(data.with_columns((pl.col("y") == c).cast(int).alias("is")), "is", f"p{k}", ["g"],
                      thresholds=[0.2], cluster=cluster).measure(names, by="g", at=0.2)  # fmt: skip
        own = found.filter(pl.col("class") == c)
        for x in ("value", "low", "high", "n_effective"):
            np.testing.assert_allclose(own[x].to_numpy(), plain[x].to_numpy(), rtol=1e-9)
        assert own["at"].to_list() == plain["at"].to_list()


def bootstrapped(data, draws, rng, *, by_family):
    """Return replicates of macro AUROC, Brier, macro F1, accuracy and weighted AUROC."""
    from scipy.stats import rankdata

    y, p = np.array([CLASSES.index(v) for v in data["y"]]), data.select("p0", "p1", "p2").to_numpy()
    own, decided = y[:, None] == np.arange(3), p.argmax(1)
    rows = {f: np.flatnonzero(data["fam"].to_numpy() == f) for f in data["fam"].unique()}
    out = []
    for _ in range(draws):
        if by_family:
            i = np.concatenate([rows[f] for f in rng.choice(list(rows), len(rows))])
        else:
            i = rng.integers(0, len(y), len(y))
        a, f1 = [], []
        for k in range(3):
            case = own[i, k]
            n1, n0 = case.sum(), (~case).sum()
            a.append((rankdata(p[i, k])[case].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))
            f1.append(2 * (case & (decided[i] == k)).sum() / (n1 + (decided[i] == k).sum()))
        brier = ((p[i] - own[i]) ** 2).sum(1).mean()
        shares = own[i].mean(0)
        out.append((np.mean(a), brier, np.mean(f1), (decided[i] == y[i]).mean(), shares @ a))
    return np.array(out)


@pytest.mark.parametrize("cluster", [None, "fam"])
def test_intervals_of_means_are_as_wide_as_the_bootstrap_says(cluster):
    data = people(900, seed=2, families=None if cluster is None else 150)
    boot = bootstrapped(data, 400, np.random.default_rng(0), by_family=cluster is not None)
    names = ["macro_auroc", "multiclass_brier", "macro_f1", "multiclass_accuracy", "weighted_auroc"]
    found = frame(count_classes(data, "y", SCORES, cluster=cluster), names, by=[])
    for name, values in zip(names, boot.T, strict=True):
        row = one(found, name)
        assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * values.std(), rel=0.13), name


def test_classes_not_counted_jointly_give_wider_intervals():
    data = people()
    joint, alone = (
        frame(count_classes(data, "y", SCORES, joint=j), ["macro_auroc", "macro_f1"], by=[]) for j in (None, False)
    )
    a, b = one(joint, "macro_auroc"), one(alone, "macro_auroc")
    assert a["value"] == b["value"]
    assert b["low"] < a["low"] < a["high"] < b["high"]
    assert (a["method"], b["method"]) == ("linearised", "mean of the limits")
    assert one(joint, "macro_f1") == one(alone, "macro_f1")


def test_a_group_without_a_class_has_no_mean_over_classes():
    data = people().with_columns(
        pl.when((pl.col("y") == "C") & (pl.col("g") == "b")).then(pl.lit("A")).otherwise("y").alias("y")
    )
    tally = count_classes(data, "y", SCORES, ["g"])
    names = [
        "macro_auroc",
        "multiclass_balanced_accuracy",
        "macro_f1",
        "weighted_auroc",
        "multiclass_accuracy",
        "auroc",
    ]
    found = frame(tally, names, by="g", against="a")
    for name in names[:4]:
        row = one(found, name, group="b")
        assert (row["status"], row["reason"]) == ("not estimable", "class 'C': nobody with the outcome in this group")
        assert np.isnan(row["value"])
        assert one(found, name, group="a")["status"] == "ok"
        assert one(found, name, group="b", comparison="difference")["status"] == "not estimable"
    assert one(found, "multiclass_accuracy", group="b")["status"] == "ok"
    present = frame(tally, ["macro_auroc", "macro_sensitivity"], by="g", over="present")
    for name, single in (("macro_auroc", "auroc"), ("macro_sensitivity", "sensitivity")):
        row = one(present, name, group="b")
        both = [one(frame(tally, [single], by="g"), single, c, "b")["value"] for c in "AB"]
        assert row["value"] == pytest.approx(np.mean(both))
        assert (row["status"], row["reason"]) == ("ok", "over 'A', 'B' only, without 'C'")
        assert row["low"] < row["value"] < row["high"]
        assert one(present, name, group="a")["reason"] == ""


def test_a_class_that_nobody_is_decided_to_be_has_no_predictive_value():
    data = people().with_columns(pl.lit("A").alias("d"))
    found = frame(count_classes(data, "y", SCORES, decision="d"), ["macro_ppv", "macro_f1", "f1"], by=[])
    assert one(found, "macro_ppv")["reason"].startswith("class 'B': nobody in this group reaches the threshold")
    assert one(found, "f1", "B")["value"] == 0
    assert one(found, "macro_f1")["status"] == "ok"


def test_differences_against_a_group_and_everyone_else():
    tally = count_classes(people(), "y", SCORES, ["g"])
    names = ["macro_auroc", "sensitivity", "macro_calibration_slope"]
    a, b = (frame(tally, names, by="g", against=x) for x in ("overall", "b"))
    for name, cls in (("macro_auroc", ""), ("sensitivity", "C")):
        d = one(a, name, cls, "a", "difference")
        assert d["value"] == pytest.approx(one(a, name, cls, "a")["value"] - one(a, name, cls, "b")["value"])
        assert d["low"] < d["value"] < d["high"]
        assert d["low"] == pytest.approx(one(b, name, cls, "a", "difference")["low"])
        assert one(a, name, cls, "a", "ratio")["low"] > 0
    assert a.filter(metric="macro_calibration_slope", comparison="ratio").is_empty()
    with pytest.raises(PrimumError, match="There is no group 'c' in 'g'"):
        frame(tally, names, by="g", against="c")


@pytest.mark.parametrize(
    ("metrics", "options", "words"),
    [
        (["macro_auc"], {}, r"There is no metric of classes 'macro_auc'(.|\n)*did you mean 'macro_auroc'"),
        (["auc"], {}, "There is no metric of classes 'auc'"),
        (["macro_n"], {}, "There is no metric of classes 'macro_n'"),
        (["macro_net_benefit"], {}, "macro_net_benefit need a threshold for every class"),
        (["auroc"], {"over": "some"}, r"over='some' is not known(.|\n)*all, present"),
        (["sensitivity"], {"at": {"A": 0.2}}, "The class 'B' has no threshold"),
        (["sensitivity"], {"at": {"D": 0.2}}, "There is no class 'D' in this tally"),
        (["sensitivity"], {"at": 0.1234}, "The threshold 0.1234 was not declared before counting"),
    ],
)
def test_questions_that_cannot_be_answered(metrics, options, words):
    with pytest.raises(PrimumError, match=words):
        frame(count_classes(people(50), "y", SCORES), metrics, **options)


def test_a_single_person_and_nobody():
    data = pl.DataFrame({"y": ["A", None], "p0": [0.8, 0.1], "p1": [0.1, 0.1], "p2": [0.1, 0.8], "g": ["a", "b"]})
    found = frame(
        count_classes(data, "y", SCORES, ["g"]), ["multiclass_accuracy", "macro_auroc", "multiclass_brier"], by="g"
    )
    row = one(found, "multiclass_accuracy", group="a")
    assert (row["value"], row["n"]) == (1, 1)
    assert row["low"] < 0.3
    assert one(found, "multiclass_brier", group="a")["status"] == "below the declared precision"
    for name in ("multiclass_accuracy", "macro_auroc", "multiclass_brier"):
        assert one(found, name, group="b")["reason"] == "nobody in this group"


def test_intervals_cover():
    truth = frame(count_classes(people(100_000, 99), "y", SCORES), MEANS, by=[])
    exact = dict(zip(truth["metric"], truth["value"], strict=True))
    hits, repeats = dict.fromkeys(MEANS, 0), 40
    for seed in range(repeats):
        found = frame(count_classes(people(250, seed), "y", SCORES), MEANS, by=[])
        for name, low, high in found.select("metric", "low", "high").iter_rows():
            hits[name] += low <= exact[name] <= high
    assert min(hits.values()) >= 0.8 * repeats, hits


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 300, 1000])
@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_cover_at_length(n, clustered):
    families = (lambda n: n // 4) if clustered else (lambda _: None)
    truth = frame(count_classes(people(300_000, 99, families(300_000)), "y", SCORES), MEANS, by=[])
    exact = dict(zip(truth["metric"], truth["value"], strict=True))
    hits, repeats = dict.fromkeys(MEANS, 0), 300
    for seed in range(repeats):
        tally = count_classes(people(n, seed, families(n)), "y", SCORES, cluster="fam" if clustered else None)
        for name, low, high in frame(tally, MEANS, by=[]).select("metric", "low", "high").iter_rows():
            hits[name] += low <= exact[name] <= high
    cover = {k: round(h / repeats, 3) for k, h in hits.items()}
    print(n, "clustered" if clustered else "independent", cover)
    assert min(cover.values()) >= (0.85 if n == 100 else 0.92), cover


def test_readmission_of_diabetics(data_dir):
    file = data_dir / "diabetes130" / "diabetic_data.csv.gz"
    if not file.exists():
        pytest.skip("no diabetes-130 among the test data")
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    numbers = ["time_in_hospital", "num_lab_procedures", "num_procedures", "num_medications", "number_outpatient",
               "number_emergency", "number_inpatient", "number_diagnoses"]  # fmt: skip
    raw = pl.read_csv(file, columns=["patient_nbr", "race", "discharge_disposition_id", "readmitted", *numbers],
                      null_values=["?"])  # fmt: skip
    raw = raw.filter(~pl.col("discharge_disposition_id").is_in([11, 13, 14, 19, 20, 21]))
    x = StandardScaler().fit_transform(np.log1p(raw.select(numbers).to_numpy()))
    fold = raw["patient_nbr"].hash(1).to_numpy() % 3
    y = raw["readmitted"].to_numpy()
    p = np.zeros((len(y), 3))
    classes = ["<30", ">30", "NO"]
    for k in range(3):
        model = LogisticRegression(max_iter=100).fit(x[fold != k], y[fold != k])
        assert model.classes_.tolist() == classes
        p[fold == k] = model.predict_proba(x[fold == k])
    data = raw.with_columns(*[pl.Series(f"p{k}", p[:, k]) for k in range(3)])
    scores = {c: f"p{k}" for k, c in enumerate(classes)}
    tally = count_classes(data, "readmitted", scores, ["race"], thresholds={"<30": 0.15}, cluster="patient_nbr")
    names = ["auroc", "macro_auroc", "multiclass_accuracy", "multiclass_balanced_accuracy", "multiclass_brier"]
    found = frame(tally, names)
    assert "(missing)" in found["group"].to_list()
    whole = one(found, "macro_auroc")
    assert 0.6 < whole["low"] < whole["high"] < 0.68
    assert whole["n"] == 99_343
    # most are decided not to come back: accuracy looks good, balanced accuracy does not
    assert one(found, "multiclass_accuracy")["low"] > 0.55
    assert one(found, "multiclass_balanced_accuracy")["high"] < 0.45
    assert one(found, "auroc", "<30")["n_effective"] < 99_343
    assert set(found["status"]) == {"ok"}
