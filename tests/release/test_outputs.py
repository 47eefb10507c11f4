"""Every file that leaves is described: its class, the unweighted people behind it, and how it was protected."""

from __future__ import annotations

import csv
import io
from itertools import pairwise

import numpy as np
import pytest

from primum.errors import PrimumError
from primum.release import outputs as o

CUT = 0.2
STEPS = (0.0, 0.1, 0.2, 0.5, 1.0)
ATTRIBUTES = {
    "sex": {"shown": ["F", "M"], "remainder": None, "withheld": [], "unnamed": False},
    "age band": {"shown": ["40-64"], "remainder": "(other groups together)", "withheld": ["65+"], "unnamed": True},
}
PATHS = (
    "report.html", "report.pdf", "counts.json", "findings.json", "tables/groups.csv", "tables/flow.csv",
    "figures/roc.png", "figures/calibration-sex.png", "figures/calibration-age-band.png",
    "figures/groups-sensitivity.png", "figures/calibration-overall.png", "pages/summary.nl.html",
    "pages/model-card.json",
    "control-form.nl.txt", "outputs.csv", "public-log.json", "release.json", "checklists/tripod-ai.csv",
)  # fmt: skip


def a_register(rounding="none", seed=3):
    """Return made-up people and every count of them, in two layers of score steps as a release has them."""
    rng = np.random.default_rng(seed)
    n = 400
    sex, age = rng.choice(["F", "M"], n), rng.choice(["40-64", "(other groups together)"], n)
    ill, score = rng.integers(0, 2, n), rng.random(n)
    rows = []

    def add(attribute, group, who, edges):
        for y in (0, 1):
            for low, high in pairwise(edges):
                k = int((who & (ill == y) & (score >= low) & (score < high)).sum())
                cell = {"model": "score", "attribute": attribute, "group": group, "outcome": y}
                rows.append(cell | {"low": low, "high": high, "count": k})

    everyone = np.ones(n, dtype=bool)
    add(None, "everyone", everyone, STEPS)
    for label in ("F", "M"):
        add("sex", label, sex == label, (0.0, CUT, 1.0))
        add("sex", label, sex == label, STEPS)
    for label in ("40-64", "(other groups together)"):
        add("age band", label, age == label, (0.0, CUT, 1.0))
        for y in (0, 1):
            k = int(((age == label) & (ill == y)).sum())
            rows.append({"model": None, "attribute": "age band", "group": label, "outcome": y, "low": None,
                         "high": None, "count": k})  # fmt: skip
    rng.shuffle(rows)
    counts = {
        "format": "primum counts 1", "preset": "cbs", "t": 10, "w": 10, "rounding": rounding, "base": 5,
        "outcome": "illness", "models": {"score": {"threshold": CUT}}, "attributes": ATTRIBUTES, "counts": list(rows),
    }  # fmt: skip
    return counts, {"sex": sex, "age band": age, None: np.array(["everyone"] * n)}, ill


COUNTS, GROUPS, ILL = a_register()


def described(paths=PATHS, **more):
    return {d.path: d for d in o.describe(paths, COUNTS, population="adults of a register", **more)}


def test_people_are_counted_once_whatever_the_layers():
    for attribute, labels in GROUPS.items():
        for label in set(labels):
            for y in (0, 1):
                truth = int(((labels == label) & (y == ILL)).sum())
                assert o.people(COUNTS, attribute, label, y) == truth


def test_nobody_is_registered_of_a_group_that_is_withheld():
    assert o.people(COUNTS, "age band", "65+", 1) is None


def test_every_file_is_described_once_in_order():
    found = o.describe(reversed(PATHS), COUNTS, population="adults")
    assert [d.path for d in found] == sorted(PATHS)
    assert all(d.statistic in o.STATISTICS and d.kind in o.KINDS and d.status in o.STATUSES for d in found)


def test_numbers_are_the_registered_ones():
    whole, by_sex = described()["report.html"], described()["figures/calibration-sex.png"]
    assert whole.n == by_sex.n == 400
    assert by_sex.attributes == ("sex",)
    own = [r["count"] for r in COUNTS["counts"] if r["attribute"] in {None, "sex"}]
    assert by_sex.smallest == min(own)
    assert whole.smallest == min(r["count"] for r in COUNTS["counts"])


def test_the_smallest_count_is_above_zero():
    rows = [r | {"count": 0} if i == 0 else r for i, r in enumerate(COUNTS["counts"])]
    one = o.describe(["report.html"], COUNTS | {"counts": rows}, population="adults")[0]
    assert one.smallest > 0


def test_a_figure_shows_the_groups_in_its_name():
    found = described()
    assert found["figures/calibration-age-band.png"].attributes == ("age band",)
    assert found["figures/groups-sensitivity.png"].attributes == ("sex", "age band")
    assert found["figures/roc.png"].attributes == found["figures/calibration-overall.png"].attributes == ()


def test_the_longest_name_of_an_attribute_wins():
    both = COUNTS | {"attributes": ATTRIBUTES | {"band": ATTRIBUTES["sex"]}}
    one = o.describe(["figures/calibration-age-band.png"], both, population="adults")[0]
    assert one.attributes == ("age band",)


def test_what_was_protected_says_how():
    found = described()
    assert (found["figures/calibration-sex.png"].status, found["report.html"].status) == ("safe", "protected")
    assert found["figures/calibration-age-band.png"].how == "groups withheld; small groups joined"
    rounded = o.describe(["figures/roc.png"], a_register("conventional")[0], population="adults")[0]
    assert (rounded.status, rounded.how) == ("protected", "counts rounded, conventional to 5")
    assert o.describe(["figures/roc.png"], a_register("midpoint-6")[0], population="a")[0].how.endswith("midpoint-6")


def test_papers_show_nobody():
    for path in ("control-form.nl.txt", "outputs.csv", "public-log.json", "release.json", "checklists/tripod-ai.csv"):
        one = described()[path]
        assert (one.n, one.smallest, one.models, one.status) == (None, None, (), "safe")


def test_what_the_checker_must_look_at_is_in_review():
    one = described(review={"figures/roc.png": "a share of 0.93"})["figures/roc.png"]
    assert (one.status, one.how, one.n) == ("review", "a share of 0.93", 400)


@pytest.mark.parametrize("path", ["figures/my-plot.png", "tables/rows.csv", "notes.txt", "figures/shap-beeswarm.png"])
def test_a_file_without_a_class_is_blocked(path):
    with pytest.raises(PrimumError, match=f"'{path}' has no registered class of statistic: it is blocked"):
        described([path])


def test_what_the_caller_knows_better_wins():
    about = {"tables/rows.csv": {"statistic": "counts", "shows": "people by year", "attributes": [], "models": []}}
    one = described(["tables/rows.csv"], about=about)["tables/rows.csv"]
    assert (one.kind, one.shows, one.rules) == ("table", "people by year", o.STATISTICS["counts"])
    with pytest.raises(PrimumError, match="There is no class of statistic 'magic'"):
        described(["tables/rows.csv"], about={"tables/rows.csv": {"statistic": "magic", "shows": "x"}})
    with pytest.raises(PrimumError, match="There is no kind of output 'song'"):
        described(["report.html"], about={"report.html": {"kind": "song"}})


def test_a_register_without_anybody_is_refused():
    with pytest.raises(PrimumError, match=r"Nobody is registered behind 'report\.html'"):
        o.describe(["report.html"], COUNTS | {"counts": []}, population="adults")


# the user's own outputs -----------------------------------------------------------------------------------------------


def own(numbers, path="figures/visits.png", shows="visits by quarter"):
    return o.own_output(path, shows, numbers, t=10, population="adults")


@pytest.mark.parametrize("numbers", [None, {}])
def test_a_figure_of_ones_own_without_counts_is_refused(numbers):
    with pytest.raises(PrimumError, match=r"'figures/visits\.png' comes without counts(.|\n)*hand over the counts"):
        own(numbers)


def test_a_figure_of_ones_own_with_few_people_is_refused_without_telling_how_few():
    with pytest.raises(PrimumError, match=r"1 of 3 marks with fewer than 10 people \(R1\)") as told:
        own({"Q1": 43, "Q2": 7, "Q3": 0})
    assert "7" not in str(told.value)


def test_a_figure_of_ones_own_goes_to_review():
    one = own({"Q1": 43, "Q2": 12, "Q3": 0})
    assert (one.n, one.smallest, one.status) == (55, 12, "review")
    assert described(["figures/visits.png", "report.html"], own=[one])["figures/visits.png"] is one


@pytest.mark.parametrize("plot", ["beeswarm", "ice", "waterfall", "scatter", "counterfactual", "rug"])
def test_displays_of_single_persons_are_blocked_with_a_replacement(plot):
    with pytest.raises(PrimumError, match=rf"a {plot} plot is blocked \(R9\)(.|\n)*replace it by"):
        own({"all": 500}, shows=f"a {plot} of the features")
    assert own({"all": 500}, shows="police and service prices").n == 500  # "ice" is a word, not a part of one


# tables ---------------------------------------------------------------------------------------------------------------


def test_outputs_csv_holds_a_row_for_every_file():
    rows = list(csv.DictReader(io.StringIO(o.to_table(described().values()).decode())))
    assert [r["path"] for r in rows] == sorted(PATHS)
    groups = next(r for r in rows if r["path"] == "tables/groups.csv")
    assert (groups["n"], groups["rules"], groups["attributes"]) == ("400", "R1 R2 R6 R7", "sex; age band")


def test_the_people_behind_every_figure():
    rows = o.behind_figures(described().values(), COUNTS)
    figures = [p for p in PATHS if p.endswith(".png")]
    assert {r["figure"] for r in rows} == set(figures)
    for r in rows:
        truth = GROUPS[r["attribute"] or None] == r["group"]
        assert (r["without_outcome"], r["with_outcome"]) == ((truth & (ILL == 0)).sum(), (truth & (ILL == 1)).sum())
        assert r["n"] == r["without_outcome"] + r["with_outcome"]
    assert [r["group"] for r in rows if r["figure"] == "figures/roc.png"] == ["everyone"]
    assert {r["group"] for r in rows if r["figure"] == "figures/calibration-age-band.png"} == {
        "40-64", "(other groups together)",
    }  # fmt: skip
    assert o.figures_table(described().values(), COUNTS).startswith(b"figure,attribute,group,without_outcome")


def test_a_withheld_group_is_behind_no_figure():
    assert "65+" not in o.figures_table(described().values(), COUNTS).decode()


def test_results_are_laid_out_like_those_of_acro():
    asked = {"rule": "R2", "reason": "it is public", "person": "A. Bakker", "date": "2026-11-02"}
    found = o.acro_results(
        described(review={"figures/roc.png": "look"}).values(),
        {"date": "2026-11-02", "exceptions": [asked]},
    )
    fields = {"uid", "status", "type", "fair", "properties", "files", "outcome", "command", "summary", "timestamp",
              "comments", "exception"}  # fmt: skip
    assert set(found) == {"version", "results"}
    assert [r["files"][0]["name"] for r in found["results"].values()] == sorted(PATHS)
    for uid, r in found["results"].items():
        assert set(r) == fields
        assert r["uid"] == uid
        assert r["status"] in {"pass", "fail", "review"}
        assert r["timestamp"] == "2026-11-02T00:00:00"
    roc = next(r for r in found["results"].values() if r["files"][0]["name"] == "figures/roc.png")
    assert (roc["status"], roc["exception"]) == ("review", "R2: it is public (A. Bakker, 2026-11-02)")
    assert {r["status"] for r in found["results"].values() if r["summary"].startswith("pass")} == {"pass"}
    groups = next(r for r in found["results"].values() if r["files"][0]["name"] == "tables/groups.csv")
    assert groups["files"][0]["sdc"]["summary"]["suppressed"] is True
    assert groups["summary"].startswith(
        "review; groups withheld; small groups joined; unweighted n 400, smallest count"
    )


def test_every_table_and_figure_of_a_finished_report_has_a_class(small_run, tmp_path):
    """A new table of the report must be given a class before it can leave."""
    from primum.report.tables import tables

    stems = [*tables(small_run), "representativeness", "models_compared", "capacity", "precision_recall", "missingness"]
    found = described([f"tables/{name}.csv" for name in stems if name not in NOT_LEAVING])
    assert all(d.statistic != "declared text" for d in found.values())


NOT_LEAVING = {"leakage", "record", "subgroups_searched", "subgroups_confirmed", "diagnosis", "repairs",
               "repairs_by_group", "levelling_down"}  # fmt: skip
"""Tables of chapters that a release does not measure again."""
