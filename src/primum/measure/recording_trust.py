"""Which numbers of a report can be trusted under which error of the record: the table, as data.

Each line says what a metric measured on the record is, compared with the same metric measured on the truth, in one
group, for a model that finds cases more often than non-cases. A test simulates every line.
Sources: Menon et al. (2015), ICML; Fogliato, Chouldechova & G'Sell (2020), AISTATS, arXiv 2003.13808; derivations
in `recording`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from primum.errors import unknown

Effect = Literal["survives", "too low", "too high", "pulled to one half", "either way"]
Correction = Literal["none needed", "c alone", "c and the error of the rest", "not by c"]

AT_RANDOM, BY_SEVERITY, MADE_UP = "missed at random", "mild cases missed", "false positives at random"
ERRORS: dict[str, str] = {
    AT_RANDOM: "Cases go unrecorded at the same rate whatever their score, and no one is recorded without the outcome.",
    BY_SEVERITY: "Cases with a low score go unrecorded more often than cases with a high score.",
    MADE_UP: "Every case is recorded, and so are some people without the outcome, at the same rate whatever the score.",
}


@dataclass(frozen=True)
class Trust:
    """What a recording error does to one metric.

    Attributes
    ----------
    metric, error
        Metric id, and which of `ERRORS`.
    effect
        The metric on the record against that on the truth.
    correction
        What must be known to undo it: nothing, the group's share of cases recorded c, both error rates, or more.
    formula
        The size of the effect, π being the true prevalence, where there is a formula.
    words
        The same for a reader.
    """

    metric: str
    error: str
    effect: Effect
    correction: Correction
    formula: str
    words: str


def _random(metric: str, effect: Effect, formula: str, words: str, correction: Correction = "c alone") -> Trust:
    return Trust(metric, AT_RANDOM, effect, correction, formula, words)


def _severity(metric: str, effect: Effect, words: str, correction: Correction = "not by c") -> Trust:
    return Trust(metric, BY_SEVERITY, effect, correction, "", words)


def _made_up(metric: str, effect: Effect, formula: str, words: str) -> Trust:
    needed: Correction = "none needed" if effect == "survives" else "c and the error of the rest"
    return Trust(metric, MADE_UP, effect, needed, formula, words)


TRUST: tuple[Trust, ...] = (
    _random("sensitivity", "survives", "TPR", "The cases on record are a random draw of all cases.", "none needed"),
    _random("fnr", "survives", "1 − TPR", "The cases on record are a random draw of all cases.", "none needed"),
    _random("selection_rate", "survives", "P(D)", "It does not look at the outcome.", "none needed"),
    _random("prevalence", "too low", "c π", "Only a share c of the cases is there to count."),
    _random("ppv", "too low", "c PPV", "Some false alarms are cases that nobody recorded."),
    _random("npv", "too high", "1 − c (1 − NPV)", "Some of those left alone are cases that nobody recorded."),
    _random("fpr", "too high", "[FPR (1−π) + TPR π (1−c)] / (1 − cπ)", "Missed cases sit among the non-cases."),
    _random("specificity", "too low", "1 − the false-positive rate", "Missed cases sit among the non-cases."),
    _random("auroc", "pulled to one half", "(1−ρ) AUC + ρ/2, ρ = π (1−c)/(1 − cπ)", "Missed cases rank high."),
    _random("oe_ratio", "too low", "c O/E", "A model that is right seems to promise too many cases."),
    _random("net_benefit", "too low", "c TP/n − w (FP/n + (1−c) TP/n)", "Cases found are booked as false alarms."),
    _random("brier", "either way", "", "Missed cases count as good forecasts at low risk, as bad at high risk."),
    _random("accuracy", "either way", "", "Missed cases that were not found count as right, those found as wrong."),
    _severity("sensitivity", "too high", "The cases on record are those that were easy to find."),
    _severity("fnr", "too low", "The cases on record are those that were easy to find."),
    _severity("selection_rate", "survives", "It does not look at the outcome.", "none needed"),
    _severity("prevalence", "too low", "Only a share of the cases, the mean of c over them, is there.", "c alone"),
    _severity("ppv", "too low", "It is multiplied by the share recorded among the cases found, not among all."),
    _severity("npv", "too high", "Most of the missed cases are among those left alone."),
    _severity("fpr", "too high", "Missed cases still score higher than non-cases."),
    _severity("specificity", "too low", "Missed cases still score higher than non-cases."),
    _severity("auroc", "either way", "Missed cases pull it down; that easy cases remain pushes it up."),
    _severity("oe_ratio", "too low", "A model that is right seems to promise too many cases.", "c alone"),
    _severity("net_benefit", "too low", "Cases found are booked as false alarms."),
    _made_up("sensitivity", "too low", "a mixture of TPR and FPR", "Some of the recorded are not cases."),
    _made_up("fnr", "too high", "1 − sensitivity", "Some of the recorded are not cases."),
    _made_up("fpr", "survives", "FPR", "The people not recorded are a random draw of all non-cases."),
    _made_up("specificity", "survives", "1 − FPR", "The people not recorded are a random draw of all non-cases."),
    _made_up("selection_rate", "survives", "P(D)", "It does not look at the outcome."),
    _made_up("prevalence", "too high", "π + e₀ (1 − π)", "People without the outcome are counted as cases."),
    _made_up("ppv", "too high", "PPV + e₀ (1 − PPV)", "False alarms that are recorded look like cases found."),
    _made_up("npv", "too low", "(1 − e₀) NPV", "People rightly left alone look like missed cases."),
    _made_up("auroc", "pulled to one half", "½ + P(Y=1 | S=1) (AUC − ½)", "False cases rank like non-cases."),
    _made_up("oe_ratio", "too high", "O/E (1 + e₀ (1 − π)/π)", "A model that is right seems to promise too few cases."),
    _made_up("net_benefit", "too high", "NB + (1 + w) e₀ FP/n", "False alarms that are recorded pay as cases found."),
)


def trust(metric: str, error: str = AT_RANDOM) -> Trust:
    """Return the line of one metric and one recording error.

    Raises
    ------
    PrimumError
        For an error that is not listed, or a metric for which nothing was derived.
    """
    if error not in ERRORS:
        raise unknown("recording error", error, list(ERRORS))
    lines = {t.metric: t for t in TRUST if t.error == error}
    if metric not in lines:
        raise unknown("metric", metric, list(lines), where=f"the table of '{error}'")
    return lines[metric]


def gap_survives(metric: str, error: str = AT_RANDOM) -> bool:
    """Say whether a difference between groups in this metric can be read off the record when they differ in recording.

    Only metrics that survive in each group do: a metric that is multiplied by the group's own c shows a gap where
    there is none, and hides one where there is.
    """
    return trust(metric, error).effect == "survives"


def trust_rows() -> list[dict[str, Any]]:
    """Return the table as plain rows, with `error_words` and whether a gap between groups survives."""
    return [
        asdict(t) | {"error_words": ERRORS[t.error], "gap_survives": gap_survives(t.metric, t.error)} for t in TRUST
    ]
