"""R19, R16 and T26: the public log points at no cell, the private one stays inside, and no line holds a value."""

from __future__ import annotations

import datetime as dt
import json
import traceback

import polars as pl
import pytest

from primum.audit import audit
from primum.disclose.ledger import SKEW
from primum.errors import PrimumError
from primum.release import logs
from primum.tally.count import count

NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
CELLS = {"score | sex = X | missed": (4, "small count"), "score | sex = F | missed": (31, "complementary")}
RECORD, AGE = "PT-00917364", "ninety-one"


# the public log -------------------------------------------------------------------------------------------------------


def test_fewer_than_t_withheld_cells_are_told_by_their_bound():
    told = logs.public(["small count"] * 3 + ["complementary"] * 12, 10, date="2026-11-02T09:30:00")
    assert told["withheld"] == {
        "small count": "fewer than 10", "complementary": "10 or more", "class disclosure": "0", "other rule": "0",
    }  # fmt: skip
    assert told["date"] == "2026-11-02"


def test_the_public_log_is_the_same_wherever_few_cells_sit():
    def told(n):
        return json.dumps(logs.public(["small count"] * n, 10, date=NOON.date(), exceptions=1))

    assert len({told(n) for n in range(1, 10)}) == 1
    assert told(0) != told(1) != told(10)


def test_a_threshold_that_hides_nothing_is_refused():
    with pytest.raises(PrimumError, match="t = 1 hides nothing"):
        logs.public([], 1, date="2026-11-02")


@pytest.mark.parametrize(("n", "words"), [(0, "0"), (1, "fewer than 5"), (4, "fewer than 5"), (5, "5"), (17, "17")])
def test_a_number_that_may_point_at_one_cell_is_generalised(n, words):
    assert logs.generalised(n, 5) == words


# the private log ------------------------------------------------------------------------------------------------------


def test_the_private_log_keeps_true_counts_in_the_room(tmp_path):
    file = tmp_path / "private.jsonl"
    for i in range(2):
        logs.append_private(file, f"export {i}", CELLS, away_from=tmp_path / "released", now=NOON + dt.timedelta(i))
    lines = logs.read_private(file, now=NOON + dt.timedelta(2))
    assert [e["name"] for e in lines] == ["export 0", "export 1"]
    assert lines[0]["withheld"][1] == {"where": "score | sex = X | missed", "count": 4, "reason": "small count"}
    assert file.stat().st_mode & 0o077 == 0


def test_the_private_log_never_lies_in_the_release(tmp_path):
    inside = tmp_path / "released" / "tables" / ".." / "private.jsonl"
    (tmp_path / "released" / "tables").mkdir(parents=True)
    with pytest.raises(PrimumError, match="would lie in the release folder"):
        logs.append_private(inside, "export", CELLS, away_from=tmp_path / "released", now=NOON)
    assert not inside.exists()


def test_a_class_of_reason_that_is_none_is_refused(tmp_path):
    with pytest.raises(PrimumError, match="'shy' is no class of reason"):
        logs.append_private(tmp_path / "p", "export", {"x": (1, "shy")}, now=NOON)


@pytest.mark.parametrize("line", ["{", "[]", '{"format": "else"}', '{"format": "primum private log 1", "number": 2}'])
def test_a_line_that_cannot_be_read_is_refused(tmp_path, line):
    file = tmp_path / "private.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(PrimumError, match="Line 1 of the private log"):
        logs.append_private(file, "export", CELLS, now=NOON)
    assert file.read_text() == line + "\n"


def test_a_log_from_the_future_is_refused(tmp_path):
    file = tmp_path / "private.jsonl"
    logs.append_private(file, "export", CELLS, now=NOON)
    assert logs.read_private(file, now=NOON - SKEW)
    for early in (SKEW + dt.timedelta(seconds=1), dt.timedelta(days=400)):
        with pytest.raises(PrimumError, match="still to come"):
            logs.append_private(file, "next", CELLS, now=NOON - early)
    with pytest.raises(PrimumError, match="clock went backwards"):
        logs.append_private(file, "next", CELLS, now=NOON - SKEW / 2)
    assert len(file.read_text().splitlines()) == 1


def test_a_clock_that_went_backwards_is_refused():
    with pytest.raises(PrimumError, match="went backwards in the log"):
        logs.timely([NOON.isoformat(), (NOON - dt.timedelta(seconds=1)).isoformat()], "the log", now=NOON)
    for text in ("yesterday", "2026-11-02T12:00:00"):
        with pytest.raises(PrimumError, match="cannot be read"):
            logs.timely([text], "the log", now=NOON)
    logs.timely([], "the log", now=NOON)


# scrubbed lines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "scrubbed"),
    [
        ("12 of 4,013 people left out", "# of # people left out"),
        ("a share of 0.731905846 (73.2%)", "a share of # (#)"),
        ("0,118264539 met een komma", "# met een komma"),
        ("from -3.5e-07 to 1e6.", "from # to #."),
        ("record PT-00917364 of HOSP-8842, VISIT-731204", "record # of #, #"),
        ("born 1931-03-17 at 9:30", "born # at #:#"),
        ("the value 'ninety-one' and \"Kiribati\"", "the value '#' and \"#\""),
        ("the bureau's value `x`; the patients' names", "the bureau's value `#`; the patients' names"),
        ("named 'O'Brien' here", "named '#' here"),
        ("postcode-9999ZZ, rare-drug-QF12, zq-label-7731", "#, #, #"),
        ("R12 and PRM-G01 failed; UTF-8", "R12 and PRM-G01 failed; UTF-8"),
        ("nothing to take out", "nothing to take out"),
    ],
)  # fmt: skip
def test_a_line_loses_its_numbers_and_quoted_values(line, scrubbed):
    assert logs.scrub(line) == scrubbed
    assert logs.scrub(scrubbed) == scrubbed


def test_names_that_are_no_data_are_kept():
    line = "the column 'phq9_total' of 'tables/q1.csv' holds 'ninety-one' and 27"
    assert logs.scrub(line, keep=["phq9_total", "tables/q1.csv"]) == (
        "the column 'phq9_total' of 'tables/q1.csv' holds '#' and #"
    )


def test_words_that_are_known_to_be_data_go_quoted_or_not():
    assert logs.scrub("nobody from Kiribati, KIRIBATI or Fiji", also=["kiribati"]) == "nobody from #, # or Fiji"


def test_the_canaries_of_a_release_do_not_pass():
    numbers = [0.731905846, 0.118264539, 0.904417283, 0.266390571, 0.583027914]
    texts = ["1931-03-17", "zq-label-7731", "rare-drug-QF12", "postcode-9999ZZ", RECORD, "FAM-55019", "HOSP-8842"]
    for value in (*map(str, numbers), *(f"{100 * x:.2f} %" for x in numbers), *texts):
        told = logs.scrub(f"reading {value} failed at {value}, with {value}.")
        assert not any(c.isdigit() for c in told), value


# T26: errors on a record ----------------------------------------------------------------------------------------------


def with_record(people, column, value=AGE):
    """Return people as text, one of whom is the record, with this value in a column."""
    rows = people(300).cast(dict.fromkeys(("id", "age", "ill", "risk", "weight"), pl.String))
    one = pl.int_range(pl.len()) == 150
    return rows.with_columns(
        pl.when(one).then(pl.lit(RECORD)).otherwise(pl.col("id")).alias("id"),
        pl.when(one).then(pl.lit(value)).otherwise(pl.col(column)).alias(column),
    )


CASES = {
    "bins": ("age", {}, "column 'age' holds text"),
    "filter": ("age", {"include": [{"column": "age", "at_least": 18}]}, "column 'age' holds text"),
    "sum": ("age", {"derive": [{"name": "total", "sum": ["age", "marker"]}]}, "'age', which holds string"),
    "outcome": ("ill", {"outcome": {"name": "illness", "when": [{"column": "ill", "above": 0}], "recorded_by": "a"}},
                "column 'ill' holds text"),
    "score": ("risk", {}, "score 'risk' .* holds string"),
    "weight": ("weight", {"weight": "weight"}, "weight 'weight' holds string"),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(CASES))
def test_t26_an_error_on_a_record_names_column_type_and_rule_and_prints_no_value(case, people, small_case, tmp_path):
    column, changes, said = CASES[case]
    file = tmp_path / "rows.csv"
    with_record(people, column).write_csv(file)
    with pytest.raises(PrimumError, match=said) as error:
        audit(small_case(data={"path": str(file)}, **changes), out=tmp_path / "run")
    written = "".join(traceback.format_exception(error.value)) + logs.told(error.value, keep=[column])
    for secret in (RECORD, "00917364", AGE):
        assert secret not in written
    assert error.value.expected
    assert f"'{column}'" in logs.told(error.value, keep=[column])


def engine_error():
    """Return an error in which an engine quotes the value on which it failed."""
    rows = pl.LazyFrame({"id": [RECORD, "b"], "ill": [1, 0], "risk": [AGE, "0.2"], "g": ["x", "y"]})
    with pytest.raises(PrimumError) as error:
        count(rows.with_columns(pl.col("risk").cast(pl.Float64)), outcome="ill", score="risk", by=["g"])
    return error.value


def list_error():
    """Return an error that lists the labels there are, a rare one among them."""
    return PrimumError("There is no group 'Nort' in 'region'.", available=["North", "Kiribati"], mend="look again")


def range_error():
    """Return an error that tells the highest score of all."""
    rows = pl.DataFrame({"ill": [1, 0], "risk": [91.7319058, 0.2], "g": ["x", "y"]})
    with pytest.raises(PrimumError) as error:
        count(rows, outcome="ill", score="risk", by=["g"])
    return error.value


@pytest.mark.parametrize("make", [engine_error, list_error, range_error])
def test_t26_a_log_tells_less_than_a_message_does_inside_the_room(make):
    told = logs.told(make(), keep=["risk", "region"])
    for secret in (RECORD, AGE, "ninety", "Kiribati", "91.73", "91"):
        assert secret not in told
    assert "'risk'" in told or "'region'" in told or "polars" in told
    assert "\n" not in told


def test_an_error_of_another_make_is_told_by_its_kind_only():
    assert AGE not in logs.told(ValueError(f"invalid literal: {AGE!r}"))
    assert logs.told(ValueError("x")).startswith("ValueError: ")
