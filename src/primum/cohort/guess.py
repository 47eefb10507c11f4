"""What the columns of a data set may be: outcome, groups, identifiers, recorded predictions, leaks. Only guesses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from primum.cohort.profile import Column, auroc, words_of

_EVENT = {
    "death": 9, "dead": 9, "died": 9, "mortality": 9, "hospdead": 8, "outcome": 8, "event": 8, "readmitted": 8,
    "readmission": 8, "recid": 8, "target": 7, "label": 6, "relapse": 7, "recurrence": 7, "icu": 4, "nicu": 4,
    "stroke": 5, "cancer": 6, "sepsis": 6, "disease": 6, "diagnosis": 5, "status": 4, "case": 4, "y": 5,
    "class": 4, "selector": 5, "num": 2, "diabetes": 3, "depression": 5,
}  # fmt: skip
_PEOPLE = {"asian", "black", "white", "hispanic", "latino", "male", "female", "married", "immigrant", "veteran"}
_DEATH = {"death", "dead", "died", "mortality", "deceased", "hospdead"}
_YES = {"1", "yes", "y", "true", "dead", "died", "death", "positive", "pos", "case", "present", "event"}
_NO = {"0", "no", "n", "false", "alive", "negative", "neg", "control", "absent", "none"}
_TIME = {"time", "days", "futime", "followup", "survtime", "tte", "months", "duration"}
_PREDICTION = ("surv", "prob", "pred", "prog", "prg", "risk", "score", "phat", "yhat", "pr", "p")
_LATER = {"los", "slos", "hday", "dnr", "dnrday", "followup"}
_LATER_PARTS = ("charge", "cost", "cst", "dispos", "expend")
MIN_PEOPLE = 20
_UNITS = {"d": 1.0, "w": 7.0, "m": 30.0, "y": 365.0}
_MONTHS = {("y", "m"): 12 / 365, ("m", "y"): 1 / 360}  # a year is twelve months, not 365/30 of them
_HORIZON = re.compile(r"(\d+)[ ._-]?(d|day|w|wk|week|m|mo|month|y|yr|year)s?$", re.IGNORECASE)
GROUP_KINDS: dict[str, tuple[str, ...]] = {
    "sex": ("sex", "gender"),
    "race or ethnicity": ("race", "ethnic", "raceeth", "racehispanic"),
    "age": ("age",),
    "income": ("income", "poverty"),
    "education": ("edu", "education"),
    "insurance": ("insur", "payer", "payor"),
    "site": ("site", "hospital", "centre", "center", "clinic"),
}


@dataclass(frozen=True)
class Outcome:
    """A guess at the outcome: conditions (column, test, value) that must all hold, and who has it."""

    name: str
    conditions: list[tuple[str, str, Any]]
    present: pl.Series
    """Boolean; null where the outcome is unknown."""
    why: str
    horizon: float | None = None

    @property
    def share(self) -> float:
        """Share of those with a known outcome who have it."""
        return float(self.present.mean() or 0)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Score:
    """A column that may hold predictions."""

    column: Column
    auroc: float | None
    days: float | None
    """The horizon that its name tells, in days."""
    span: str = ""
    """The same as it stands in the name: '2m'."""


@dataclass
class Guesses:
    """All guesses on one data set."""

    outcome: Outcome
    other_outcomes: list[Outcome] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    other_scores: list[Score] = field(default_factory=list)
    points: list[Score] = field(default_factory=list)
    groups: list[tuple[str, Column]] = field(default_factory=list)
    other_groups: list[Column] = field(default_factory=list)
    person: Column | None = None
    family: Column | None = None
    site: Column | None = None
    features: list[Column] = field(default_factory=list)
    leaks: list[tuple[Column, str]] = field(default_factory=list)
    left_out: list[Column] = field(default_factory=list)
    early: int = 0
    """People without the event who were not followed up to the horizon."""


def guess(frame: pl.DataFrame, columns: list[Column]) -> Guesses:
    """Guess the role of every column of a cleaned frame."""
    events = sorted((o for c in columns if (o := _event(frame, c)) is not None), key=lambda pair: -pair[0])
    outcomes = [outcome for _, outcome in events]
    probable = [Score(c, None, *_horizon(c.name)) for c in columns if _is_probability(c)]
    best, early = (outcomes[0] if outcomes else _anything(frame, columns)), 0
    timed = _within(frame, columns, outcomes, probable)
    if timed is not None:
        best, early, event = timed
        outcomes = [event, *(o for o in outcomes if o is not event)]
    out = Guesses(best, [o for o in outcomes if o is not best][:6], early=early)
    used = {c for c, _, _ in best.conditions}
    _scores(frame, columns, probable, out, used)
    _identifiers(columns, out)
    _groups(columns, out, used)
    _features(frame, columns, out, used)
    return out


def _event(frame: pl.DataFrame, column: Column) -> tuple[float, Outcome] | None:
    """Return how much a column looks like an outcome, or None."""
    words = column.words
    named = max((_EVENT.get(word, 0) for word in [*words, column.name.lower()]), default=0)
    named = max(0, named - max(0, len(words) - 3))  # a word in a long survey question says less
    if column.measured or not 2 <= column.distinct <= (2 if not named else 6):
        return None
    values = [v for v, _ in column.values]
    cell = pl.col(column.name)
    test: str
    value: Any
    if column.dtype == pl.Boolean:
        test, value = ("equals", True)
    elif column.numeric and column.distinct > 2 and column.low == 0:
        test, value = ("at_least", 1)
    elif column.numeric:
        test, value = ("equals", 1 if 1 in values and set(values) <= {0, 1} else _tidy(values[-1]))
    elif column.dtype == pl.String:
        yes = [v for v in values if v.strip().lower() in _YES]
        rest = [(v, n) for v, n in reversed(column.values) if v.strip().lower() not in _NO and v.strip()]
        rare = [v for v, n in rest[:-1] if n >= 0.01 * column.known] or [v for v, _ in rest]
        if not yes and not rare:
            return None
        test, value = ("equals", (yes or rare)[0])
    else:
        return None
    hit = cell >= value if test == "at_least" else cell == value
    present = frame.select(hit.alias("y"))["y"]
    coded = {str(v).strip().lower().removesuffix(".0") for v in values}
    clear = 2 if column.distinct == 2 and (coded <= _YES | _NO) else 0
    if not named and (not clear or set(words) & _PEOPLE):
        return None
    rank = named + clear - 3 * column.missing - (4 if _is_group(column) else 0)
    return rank, Outcome(
        column.name, [(column.name, test, value)], present, "its name" if named else "it has two values"
    )


def _anything(frame: pl.DataFrame, columns: list[Column]) -> Outcome:
    """Return some outcome where nothing looks like one, so that the draft can be loaded and edited."""
    column = min(columns, key=lambda c: (not 2 <= c.distinct <= 6, c.distinct))
    if column.values:
        value = column.values[-1][0]
        if isinstance(value, bool | int | float | str) and str(value).strip():
            present = frame.select((pl.col(column.name) == value).alias("y"))["y"]
            return Outcome(column.name, [(column.name, "equals", _tidy(value))], present, "")
    present = frame.select(pl.col(column.name).is_not_null().alias("y"))["y"]
    return Outcome(column.name, [(column.name, "known", True)], present, "")


def _is_probability(column: Column) -> bool:
    if not column.numeric or column.low is None or column.high is None or column.whole:
        return False
    return column.low >= 0 and column.high <= 1 and column.distinct >= 20 and _looks_predicted(column)


def _looks_predicted(column: Column) -> bool:
    return any(
        word == hint or (len(hint) > 2 and word.startswith(hint)) for word in column.words for hint in _PREDICTION
    )


def _horizon(name: str) -> tuple[float | None, str]:
    found = _HORIZON.search(name)
    if not found:
        return None, ""
    unit = found[2][0].lower()
    return int(found[1]) * _UNITS[unit], found[1] + unit


def _within(
    frame: pl.DataFrame, columns: list[Column], outcomes: list[Outcome], scores: list[Score]
) -> tuple[Outcome, int, Outcome] | None:
    """Look for an event, its time, and scores whose names tell a horizon.

    The unit of time is not written anywhere, so each unit is tried: the right one makes the share of people with
    the event within the horizon agree with the mean prediction.
    """
    spans = [s.days for s in scores if s.days]
    times = [c for c in columns if c.measured and (c.low or 0) >= 0 and set(c.words) & _TIME]
    if not spans or not times or not outcomes:
        return None
    days = min(set(spans), key=lambda d: (-spans.count(d), d))
    mates = [s for s in scores if s.days == days]
    best: tuple[float, Outcome, int, Outcome] | None = None
    for event in outcomes[:3]:
        for time in times:
            near = time.name[0].lower() == event.name[0].lower() or len(times) == 1
            for unit, length in _UNITS.items():
                limit = _tidy(round(_MONTHS.get((mates[0].span[-1:], unit), 1 / length) * days, 2))
                hit = event.present & (frame[time.name] <= limit)
                for score in mates:
                    both = pl.DataFrame({"y": hit, "s": frame[score.column.name]}).drop_nulls()
                    if not both.height or (area := auroc(both["y"], both["s"])) is None:
                        continue
                    predicted = float(both["s"].mean())  # type: ignore[arg-type]
                    predicted = 1 - predicted if area < 0.5 else predicted
                    observed = float(both["y"].mean())  # type: ignore[arg-type]
                    gap = abs(predicted - observed) - abs(area - 0.5) / 5 + (0 if near else 0.1)
                    if abs(predicted - observed) > 0.1 or abs(area - 0.5) < 0.1:
                        continue
                    if best is None or gap < best[0]:
                        words = {"d": "days", "w": "weeks", "m": "months", "y": "years"}[unit]
                        why = (
                            f"the name '{score.column.name}' tells a horizon; counted in {words}, {observed:.1%} "
                            f"have the event by then and {predicted:.1%} were predicted to"
                        )
                        early = int((~event.present & (frame[time.name] < limit)).sum())
                        name = f"{event.name} within {limit} {words}"
                        conditions = [*event.conditions, (time.name, "at_most", limit)]
                        best = (gap, Outcome(name, conditions, hit, why, days), early, event)
    return None if best is None else (best[1], best[2], best[3])


def _scores(frame: pl.DataFrame, columns: list[Column], probable: list[Score], out: Guesses, used: set[str]) -> None:
    """Sort recorded predictions into those for the guessed outcome and the others."""
    for score in probable:
        area = auroc(out.outcome.present, frame[score.column.name])
        full = Score(score.column, area, score.days, score.span)
        fits = out.outcome.horizon is None or score.days == out.outcome.horizon
        (out.scores if fits and score.column.name not in used else out.other_scores).append(full)
    taken = used | {s.column.name for s in probable}
    for column in columns:
        likely = column.numeric and set(column.words) & {"score", "decile", "points"}
        if likely and column.name not in taken and column.distinct > 4:
            out.points.append(Score(column, auroc(out.outcome.present, frame[column.name]), None))


def _identifiers(columns: list[Column], out: Guesses) -> None:
    for column in columns:
        words, name = set(column.words), column.name.lower()
        key = bool(words & {"id", "nbr", "no", "number", "num", "key", "mrn", "seqn", "sno", "pid", "seqno"})
        whole = column.dtype == pl.String or (column.numeric and column.whole)
        many = column.distinct > max(MIN_PEOPLE, 0.3 * column.rows)
        if not whole or not many or column.missing > 0.05:
            continue
        own = column.distinct == column.rows
        patient = bool(words & {"patient", "subject", "person", "participant", "pid", "mrn", "seqn", "sno"})
        visit = bool(words & {"encounter", "visit", "admission", "stay", "record", "row"})
        if words & {"family", "household"} and key:
            out.family = column
        elif patient or name in {"id", "seqn", "sno", "seqno"}:
            if out.person is None or (column.distinct < out.person.distinct and not own):
                out.person = column
        elif key and own and not visit:
            out.person = out.person or column
    for column in columns:
        if column.categories and len(column.words) <= 3 and set(column.words) & set(GROUP_KINDS["site"]):
            out.site = out.site or column


def _is_group(column: Column) -> bool:
    return any(_kind_fits(column, hints) for hints in GROUP_KINDS.values())


def _kind_fits(column: Column, hints: tuple[str, ...]) -> bool:
    return any(w == h or (len(h) > 3 and w.startswith(h)) for w in column.words for h in hints)


def _groups(columns: list[Column], out: Guesses, used: set[str]) -> None:
    for kind, hints in GROUP_KINDS.items():
        fitting = [
            c
            for c in columns
            if c.name not in used
            and _kind_fits(c, hints)
            and ((c.categories and c.distinct <= 20) or (c.measured and kind in {"age", "income", "education"}))
            and not (kind == "site" and (len(c.words) > 3 or c.distinct == 2))
            and not (kind == "age" and c.measured and ((c.high or 0) > 130 or (c.low or 0) < 0))
        ]
        fitting.sort(
            key=lambda c: (c.missing > 0.5, -len(c.values) if kind.startswith("race") else 0, c.missing, len(c.name))
        )
        if fitting:
            out.groups.append((kind, fitting[0]))
            out.other_groups += fitting[1:]
    taken = {c.name for _, c in out.groups} | {c.name for c in out.other_groups} | used
    out.other_groups += [c for c in columns if c.dtype == pl.String and 2 <= c.distinct <= 12 and c.name not in taken]
    if not out.groups:
        rest = sorted((c for c in columns if c.name not in used), key=lambda c: (not c.categories, c.distinct))
        out.groups.append(("", rest[0] if rest else columns[0]))


def _features(frame: pl.DataFrame, columns: list[Column], out: Guesses, used: set[str]) -> None:
    """Choose what a trained model may use: nothing that is an identifier, a prediction, or known only later."""
    scores = {s.column.name for s in (*out.scores, *out.other_scores)}
    names = {c.name for c in (out.person, out.family) if c is not None}
    also = {c for o in out.other_outcomes for c, _, _ in o.conditions if _as_bad(o, out.outcome)}
    for column in columns:
        if column.name in used | scores | names:
            continue
        why = _leak(frame, column, out.outcome)
        if not why and column.name in also:
            why = "may be another form of the outcome"
        if why:
            out.leaks.append((column, why))
        elif _tells_nothing(column):
            out.left_out.append(column)
        else:
            out.features.append(column)
    leaks = {c.name for c, _ in out.leaks}
    out.other_groups = [c for c in out.other_groups if c.name not in leaks]
    if not out.features:
        out.features = [c for c in columns if c.name not in used] or columns[:1]


def _tells_nothing(column: Column) -> bool:
    """Say whether a column holds one value, free text, or a different whole number for everybody."""
    if column.distinct < 2 or (column.numeric and column.whole and column.distinct == column.rows):
        return True
    return not (column.numeric or column.dtype == pl.Boolean or column.categories)


def _as_bad(other: Outcome, outcome: Outcome) -> bool:
    """Say whether having the other event nearly decides the outcome."""
    among = outcome.present.filter(other.present.fill_null(value=False))
    return len(among) > 0 and float(among.mean() or 0) > 0.9  # type: ignore[arg-type]


def _leak(frame: pl.DataFrame, column: Column, outcome: Outcome) -> str:
    """Return why a column may give the outcome away, or nothing."""
    if set(column.words) & _LATER or any(part in column.name.lower() for part in _LATER_PARTS):
        return "may be known only later"
    event = {w for w in words_of(outcome.conditions[0][0]) if _EVENT.get(w, 0) >= 4}
    if set(column.words) & (_DEATH if event & _DEATH else event):
        return "its name tells of the outcome"
    value = frame[column.name]
    if column.numeric:
        area = auroc(outcome.present, value)
    elif column.categories or column.dtype == pl.Boolean:
        shares = pl.DataFrame({"y": outcome.present.cast(pl.Float64), "x": value.cast(pl.String)})
        area = auroc(outcome.present, shares.select(pl.col("y").mean().over("x"))["y"])
    else:
        return ""
    alone = max(area, 1 - area) if area is not None else 0.5
    return f"alone it tells the outcome with AUROC {alone:.3f}" if alone > 0.95 else ""


def _tidy(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
