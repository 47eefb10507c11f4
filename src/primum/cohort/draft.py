"""Draft a use case from a data set: complete and loadable, with every guess marked for a human."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from primum.cohort.embedded import SOURCES, embedded
from primum.cohort.guess import Guesses, Outcome, Score, guess
from primum.cohort.missing import clean
from primum.cohort.profile import Column, profile
from primum.cohort.read import read_path
from primum.cohort.table import Table, collect
from primum.cohort.yamltext import flow, scalar, text
from primum.errors import PrimumError

if TYPE_CHECKING:
    from collections.abc import Iterable

ROWS = 200_000
"""Rows that are looked at; enough for guesses, and a folder larger than memory is not read whole."""
FEATURES = 60
CHECK = "please check"


def draft(path: str | Path, *, beside: Path | None = None) -> str:
    """Return the YAML text of a use case for the data at `path`.

    Parameters
    ----------
    path
        A file, folder or glob, or the name of an embedded data set.
    beside
        The folder where the text will be saved; the path of the data is then written relative to it. Left out,
        the path is absolute.

    Raises
    ------
    PrimumError
        When the data cannot be read, or hold no column that could be named.
    """
    named = str(path) in SOURCES
    table = embedded(str(path)) if named else read_path(path)
    frame, found = clean(collect(table.frame.lazy().head(ROWS), table.source), {}, detect=True)
    assert isinstance(frame, pl.DataFrame)
    columns = profile(frame, table.labels)
    if not columns or frame.height < 2:
        raise PrimumError(
            f"'{path}' holds {frame.height} rows and {len(columns)} columns with a name: too little to draft from.",
            expected="at least two rows and one column with a name",
        )
    guesses = guess(frame, columns)
    place = f"source: {text(str(path))}" if named else f"path: {text(_place(path, beside))}"
    parts = [
        _head(path, table, frame),
        _data(place, table, found, frame, columns),
        _population(guesses),
        _outcome(guesses, columns),
        _features(guesses),
        _identifiers(guesses),
        _groups(guesses),
        _decision(guesses),
        _models(guesses),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _place(path: str | Path, beside: Path | None) -> str:
    full = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - resolve() would follow links
    if beside is None:
        return str(full)
    try:
        return os.path.relpath(full, beside.absolute())
    except ValueError:  # another drive
        return str(full)


def _note(what: str) -> str:
    """Return the mark of a guess, on one line whatever the names hold."""
    return "# GUESS: " + _line(f"{what}, {CHECK}")


def _line(words: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in words)


def _head(path: str | Path, table: Table, frame: pl.DataFrame) -> list[str]:
    stem = re.sub(r"\.(csv|tsv|txt|gz|parquet)$", "", Path(path).name.lower())
    name = re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:60].strip("-") or "my-use-case"
    rows = f"{frame.height:,}" + (" (the first; there may be more)" if frame.height == ROWS else "")
    return [
        _line(f"# A draft, made from {table.source}: {rows} rows, {frame.width} columns."),
        "# Every line marked GUESS was guessed from names and values. Read it, correct it, and take the mark away.",
        "primum: 1",
        f"name: {scalar(name)}",
        f"title: {text('Audit of ' + _line(Path(path).name))}  {_note('the title of the report')}",
        "question: Does the score find the people who need it in every group?  "
        + _note("the clinical question in one sentence"),
        f"intended_use: not stated  {_note('who would use the score, where, for what')}",
        *(["# " + _line(note) for note in table.notes]),
    ]


def _data(
    place: str, table: Table, found: list[dict[str, Any]], frame: pl.DataFrame, columns: list[Column]
) -> list[str]:
    lines = ["data:", f"  {place}", "  detect_missing_codes: true"]
    found = [*table.missing_codes, *found]
    if found:
        lines.append(f"  {_note('these codes were found and are treated as missing (or as zero)')}")
        lines += [
            _line(f"  #   {text(f['column'])}: {scalar(f['code'])} ({f['count']:,} times) becomes {f['becomes']}")
            for f in found[:40]
        ]
        lines += [f"  #   … and {len(found) - 40} more"] if len(found) > 40 else []
    zeros = [z for c in columns if (z := _zeros(frame, c)) is not None]
    if zeros:
        lines.append("  # Zeros that may stand for 'not measured'; take the marks away where they do:")
        lines.append("  # missing_codes:")
        lines += [
            f"  #   {text(c.name)}: [0]  {_note(f'{n:,} zeros; 95 % of the others are {after:g} or more')}"
            for c, n, after in zeros
        ]
    return lines


def _zeros(frame: pl.DataFrame, column: Column) -> tuple[Column, int, float] | None:
    """Return zeros of a measurement whose other values lie well above zero, with the 5th percentile of those."""
    if not column.measured or column.low != 0 or column.distinct < 20:
        return None
    value = frame[column.name].drop_nulls().cast(pl.Float64)
    above, zeros = value.filter(value > 0), int((value == 0).sum())
    middle, low = float(above.median() or 0), float(above.quantile(0.05) or 0)  # type: ignore[arg-type]
    between = int((above < 0.25 * middle).sum())
    apart = middle >= 10 and low >= 0.3 * middle and 3 * between < zeros < 0.3 * len(value)
    return (column, zeros, low) if apart else None


def _population(guesses: Guesses) -> list[str]:
    lines = [f"population: not stated  {_note('who the people are, in words')}"]
    ages = [c for kind, c in guesses.groups if kind == "age" and c.measured]
    if ages and (ages[0].low or 0) < 18:
        lines += [
            f"# include:  {_note('the youngest is ' + format(ages[0].low, 'g') + '; are adults meant?')}",
            f"#   - {{column: {text(ages[0].name)}, at_least: 18}}",
        ]
    return lines


def _conditions(outcome: Outcome) -> list[str]:
    return [f"{{column: {text(c)}, {test}: {scalar(value)}}}" for c, test, value in outcome.conditions]


def _values(name: str, columns: list[Column]) -> list[str]:
    """Return a comment with the values of a column."""
    column = next(c for c in columns if c.name == name)
    shown = ", ".join(f"{scalar(_tidy(v))} ({n:,})" for v, n in column.values[:8])
    gone = column.rows - column.known
    return (
        [_line(f"    # values of {text(name)}: {shown}" + (f", missing ({gone:,})" if gone else ""))] if shown else []
    )


def _outcome(guesses: Guesses, columns: list[Column]) -> list[str]:
    best = guesses.outcome
    why = best.why or "nothing looks like an outcome: this is only some column"
    share = f"{best.share:.1%} have it"
    lines = [
        "outcome:",
        f"  name: {text(_line(best.name).strip() or 'outcome')}  {_note('as a reader says it')}",
        f"  {_note(f'{why}; {share}')}",
        "  when:",
        *(f"    - {condition}" for condition in _conditions(best)),
        *_values(best.conditions[0][0], columns),
        f"  recorded_by: not stated  {_note('who or what wrote it down, and how')}",
    ]
    if best.horizon is not None:
        lines.append(
            f"  # {guesses.early:,} people without the event were followed up for less time; here they do not have it."
        )
    horizons = sorted({(s.days, s.span) for s in guesses.other_scores if s.days and best.horizon})
    for days, span in horizons:
        event, time = best.conditions[0], best.conditions[-1]
        limit = time[2] * days / (best.horizon or 1)
        names = ", ".join(s.column.name for s in guesses.other_scores if s.days == days)
        other = Outcome("", [event, (time[0], time[1], limit)], best.present, "")
        lines.append(_line(f"  # Instead, for the scores of another horizon ({span}: {names}):"))
        lines += [f"  #   - {condition}" for condition in _conditions(other)]
    if guesses.other_outcomes:
        lines.append("  # Other columns that may be the outcome; put one of these lines under `when` instead:")
        lines += [
            f"  #   - {condition}  # {other.share:.1%} have it"
            for other in guesses.other_outcomes
            for condition in _conditions(other)
        ]
    return lines


def _features(guesses: Guesses) -> list[str]:
    used = "described by group; a model is trained on them only if you ask for one below"
    kept, more = guesses.features[:FEATURES], guesses.features[FEATURES:]
    lines = [f"features:  {_note(used if guesses.scores else 'what a model may know when it is used')}"]
    lines += [f"  - {text(c.name)}" + (_comment(c.label) if c.label else "") for c in kept]
    if more:
        lines.append(f"  # {len(more)} more that could be features:")
        lines += [f"  # - {text(c.name)}" for c in more]
    if guesses.leaks:
        lines.append("  # Left out, because they may leak the outcome:")
        lines += [f"  # - {text(c.name)}  {_note(why)}" for c, why in guesses.leaks]
    if guesses.left_out:
        lines.append("  # Left out, because they hold one value, or a different one for everybody, or free text:")
        lines += [f"  # - {text(c.name)}" for c in guesses.left_out]
    return lines


def _comment(words: str) -> str:
    return "  # " + _line(words)


def _identifiers(guesses: Guesses) -> list[str]:
    lines = []
    if guesses.person is not None:
        person = guesses.person
        repeated = person.distinct < person.rows
        words = f"{person.distinct:,} different values in {person.rows:,} rows"
        lines.append(f"  person: {text(person.name)}  {_note(words)}")
        lines += ["  repeated_visits: true"] if repeated else []
    if guesses.family is not None:
        lines.append(f"  family: {text(guesses.family.name)}  {_note('rows of one family stay together')}")
    if guesses.site is not None:
        lines.append(f"  site: {text(guesses.site.name)}  {_note(f'{guesses.site.distinct} sites')}")
    if lines:
        return ["identifiers:", *lines]
    return ["# identifiers:  # no column looks like one: say it here if a person has several rows", "#   person: …"]


def _groups(guesses: Guesses) -> list[str]:
    lines = ["groups:"]
    titles = []
    for kind, column in guesses.groups:
        title = kind or (_line(column.name).strip() or "groups")
        title = f"{title} (groups)" if title.casefold() == "overall" else title
        titles.append(title)
        why = "its name" if kind else "nothing looks like sex, race or age: this is only some column"
        lines += [f"  - name: {text(title)}  {_note(why)}", f"    column: {text(column.name)}"]
        if column.measured:
            lines += _bins(kind, column)
        elif column.values:
            shown = ", ".join(f"{scalar(v)} ({n:,})" for v, n in column.values[:8])
            lines.append(_line(f"    # values: {shown}"))
            if column.numeric:
                pairs = ", ".join(f"{text(str(_tidy(v)))}: …" for v, _ in sorted(column.values)[:8])
                lines.append(_line(f"    # labels: {{{pairs}}}"))
        if column.missing:
            lines.append(f"    # {column.missing:.1%} missing; they are a group of their own")
        lines.append("    reference: overall  # or name the group that the others are compared with")
    if len(titles) > 1:
        lines.append(f"  # - intersection: {flow(titles[:2])}")
    if guesses.other_groups:
        lines.append("  # Other columns that divide the people:")
        lines += [f"  # - column: {text(c.name)}  # {c.distinct:,} different values" for c in guesses.other_groups]
    return lines


def _bins(kind: str, column: Column) -> list[str]:
    """Return inner edges inside the range of the column: usual ones for ages, thirds of the range otherwise."""
    low, high = column.low or 0.0, column.high or 0.0
    edges: list[float] = [e for e in (18, 35, 50, 65, 80) if low < e < high] if kind == "age" else []
    if kind == "education" and low < 12 < high <= 40:
        edges = [e for e in (12, 16) if low < e < high]
    if kind == "income" and high <= 10:
        edges = [e for e in (1, 2, 4) if low < e < high]
    if not edges:
        thirds = [float(f"{low + (high - low) * k / 3:.2g}") for k in (1, 2)]
        edges = [e for e in dict.fromkeys(thirds) if low < e < high] or [(low + high) / 2]
    return [f"    bins: {flow(edges)}  {_note(f'inner edges; values go from {low:g} to {high:g}')}"]


def _decision(guesses: Guesses) -> list[str]:
    share = guesses.outcome.share
    threshold = next((t for t in (0.05, 0.1, 0.2, 0.3, 0.4) if t >= share), 0.5)
    odds = (1 - threshold) / threshold
    return [
        "decision:",
        f"  act: act on the people above the threshold  {_note('what happens to them')}",
        f"  threshold: {threshold}  {_note(f'near the share with the outcome ({share:.1%})')}",
        f"  # A threshold of {threshold} says that missing one person is as bad as {odds:.3g} false alarms.",
        "  chosen: not by a clinician; drafted from the data  # who chose the threshold, and how",
        "margins:",
        f"  sensitivity: 0.10  {_note('the largest shortfall of a group that is acceptable')}",
    ]


def _models(guesses: Guesses) -> list[str]:
    lines, names = ["models:"], set[str]()
    for score in guesses.scores:
        lines += _score(score, names, "  ")
    if not guesses.scores:
        lines.append(f"  {_note('no column looks like recorded predictions, so models are trained here')}")
        lines += [f"  - {{name: {kind}, train: {kind}}}" for kind in ("boosting", "logistic", "ebm")]
    else:
        lines.append("  # Models can also be trained here, on the features above:")
        lines += [f"  # - {{name: {kind}, train: {kind}}}" for kind in ("boosting", "logistic", "ebm")]
    if guesses.other_scores:
        lines.append("  # Other columns that look like predictions:")
        for score in guesses.other_scores:
            lines += _score(score, names, "  # ")
    if guesses.points:
        lines.append("  # Columns that look like risk points; the threshold is then in points, too:")
        for score in guesses.points:
            low, high = score.column.low or 0, score.column.high or 1
            more = [f"scale: points, range: {flow([low, high])}"]
            lines.append(f"  # - {{{', '.join([*_fields(score, names), *more])}}}  {_why(score)}")
    return lines


def _fields(score: Score, names: set[str]) -> Iterable[str]:
    column = score.column
    name = re.sub(r"[^\w .,+()-]", "_", column.name, flags=re.ASCII).strip()[:70]
    name = name if re.match(r"\w", name) else f"score {name}".strip()
    while name.casefold() in names:
        name += "_"
    names.add(name.casefold())
    yield f"name: {text(name)}"
    yield f"score: {text(column.name)}"
    yield f"higher_means: {'less' if _falls(score) else 'more'} risk"
    if column.missing:
        yield "missing_scores: exclude"


def _falls(score: Score) -> bool:
    return score.auroc is not None and score.auroc < 0.5


def _why(score: Score) -> str:
    if score.auroc is None:
        return _note("its direction could not be seen")
    area = max(score.auroc, 1 - score.auroc)
    way = "lower" if _falls(score) else "higher"
    return _note(f"those with the outcome have {way} values (AUROC {area:.3f})")


def _score(score: Score, names: set[str], indent: str) -> list[str]:
    first, *rest = _fields(score, names)
    note = {
        "higher_means": f"  {_why(score)}",
        "missing_scores": f"  # {score.column.rows - score.column.known:,} have no score",
    }
    deeper = "    " if indent.strip() == "" else indent + "  "
    return [
        f"{indent}- {first}",
        *(f"{deeper}{line}{note.get(line.split(':')[0], '')}" for line in rest),
    ]


def _tidy(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
