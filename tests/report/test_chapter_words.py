"""The words of the chapters on gaps, the record, causes, proxies, prior knowledge and repairs: all that data can say.

A verdict comes out of the computation as a word of its own; every one that can come has its text in the language.
"""

from __future__ import annotations

from typing import get_args

import pytest

from primum.certify.group_verdict import Said
from primum.certify.utility import Among
from primum.chapters.missing_shifted import HIGHER, LOWER, OPEN
from primum.check import diagnosis
from primum.errors import PrimumError
from primum.finding import Verdict
from primum.learn.label_noise import CONTRADICTED, NOT_ASSESSABLE, UNCONTRADICTED
from primum.learn.prior import price
from primum.learn.prior.constraints import DIRECTIONS
from primum.measure.recording_trust import ERRORS, Effect
from primum.report.say import say
from primum.report.views import missing_ways, repairs
from primum.report.words import capital

SIGNS = (
    diagnosis.IMPROVING, diagnosis.LEVELLED, diagnosis.UNTOLD, diagnosis.SERVED_WORSE, diagnosis.NO_SIGN,
    diagnosis.NOT_TRIED, diagnosis.LESS, diagnosis.UNEQUAL, diagnosis.UNSEEN,
)  # fmt: skip
CLEARER = {diagnosis.LESS: "less than in the others can be explained"}
OF_A_GROUP = {
    "certified": "no loss beyond the margin", "harmed": "harmed", "not assessable": "cannot be told"
}  # fmt: skip
"""A repair is certified or refused as a whole, so a group of it is neither."""
PRICES = (price.GAINS, price.LOSES, price.OPEN, price.SAME, price.UNKNOWN)


def test_every_verdict_is_told_as_the_computation_has_it():
    for area, verdicts in (
        ("missing.tips.verdict", (LOWER, HIGHER, OPEN)),
        ("diagnosis.sign", SIGNS),
        ("prior.price.verdict", PRICES),
        ("prior.conflict.verdict", (CONTRADICTED, UNCONTRADICTED, NOT_ASSESSABLE)),
        ("recording.tipping.declared", ("never", "not declared", "within", "beyond")),
        ("proxies.persistence.of", ("immutable", "historic", "immutable or historic")),
    ):
        assert [say(f"{area}.{v}") for v in verdicts] == [CLEARER.get(v, v) for v in verdicts]
    assert [say(f"repairs.verdict.{v}") for v in get_args(Said)] == [OF_A_GROUP[v] for v in get_args(Said)]


def test_what_is_declared_or_derived_has_words():
    assert [say(f"recording.trust.error.{e}") for e in ERRORS] == [capital(e) for e in ERRORS]
    assert len({say(f"recording.effect.{e}") for e in get_args(Effect)}) == len(get_args(Effect))
    assert len({say(f"prior.broken.{d}", feature="age") for d in DIRECTIONS}) == len(DIRECTIONS)
    assert [say(f"repairs.rule.among.{a}") for a in get_args(Among)] == ["people", "cases", "non-cases"]
    assert all(say(f"diagnosis.remedy.{k}") for k in diagnosis.ORDER)
    assert all(f" a {k} that " in say(f"proxies.declared.{k}") for k in ("help", "burden"))


def test_what_has_no_words_is_refused():
    with pytest.raises(PrimumError, match=r"no text 'main\.repairs\.verdict\.spoilt'"):
        repairs._said("spoilt")


def test_a_tip_is_told_by_the_margin_or_by_the_interval():
    row = {
        "column": "age", "attribute": "sex", "group": "Male", "gaps": 9, "unit": 10, "least": -2, "most": 2,
        "verdict": str(Verdict.NO_HARM), "down": -1, "down_verdict": LOWER, "up": None, "up_verdict": "",
    }  # fmt: skip
    column, line = missing_ways.tips({"tipping": [row]}).lines
    assert (column.head, line.head) == ("age", "Male (sex)")
    assert [(c.text, c.note) for c in line.cells] == [
        ("9", ""), (str(Verdict.NO_HARM), ""), ("1.00 SD (10)", LOWER), ("not within 2.00 SD", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "gained", "change", "told"),
    [
        (0.1, 0.2, 0.0, -0.1, "Widened; A lost."),
        (0.1, 0.1, 0.0, 0.0, "As wide as before; no group lost on this average."),
        (0.2, 0.1, 0.1, 0.0, "Narrowed: A, the worst-off, gained; no group lost on this average."),
        (0.2, 0.1, 0.0, -0.1, "Narrowed: A, the worst-off, did not gain; A lost. Levelling down."),
    ],
)
def test_who_paid(before, after, gained, change, told):
    entry = {"gap_before": before, "gap_after": after, "narrowed": before - after, "gained": gained, "worst": "A",
             "groups": [{"group": "A", "change": change}], "strict": change < 0, "words": ""}  # fmt: skip
    assert repairs.who_paid(entry) == told


def test_many_names_are_cut():
    assert [repairs._listed(list("ABCD")[:n]) for n in (0, 1, 3, 4)] == ["", "A", "A, B and C", "A, B and 2 more"]
