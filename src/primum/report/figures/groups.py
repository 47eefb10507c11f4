"""The figures of the groups: found of those who have it, every other key metric, and the differences."""

from __future__ import annotations

import re
from typing import Any

from primum.finding import Status, Verdict
from primum.report.figures.figure import Figure, headed
from primum.report.figures.forest import Section, forest, stood, value_words
from primum.report.figures.forest_layers import Axis
from primum.report.figures.rows import Source, cap
from primum.report.numbers import RATES, count, counted, general, known, of_metric, withheld, withheld_word
from primum.report.say import say, spoken
from primum.report.source import headline
from primum.report.words import capital, comparator, margin, metric_title

PAGE_ONE_ROWS, ROWS, TALL = 24, 66, 36
MORE = ("sensitivity", "specificity", "ppv", "auroc", "calibration_slope", "oe_ratio", "net_benefit")
OPEN: dict[str, dict[str, Any]] = {
    "auroc": {"clamp": (0.3, 1.0), "ideal": 0.5},
    "calibration_slope": {"clamp": (-0.5, 2.6), "ideal": 1.0},
    "calibration_intercept": {"clamp": (-2.0, 2.0), "ideal": 0.0},
    "oe_ratio": {"clamp": (0.25, 4.0), "log": True, "ideal": 1.0},
    "net_benefit": {"clamp": (-0.5, 1.0), "ideal": 0.0},
}


def page_one(source: Source) -> Figure | None:
    """Return the forest of the first page: the share found of those who have it, in at most a page's rows."""
    metric = headline(source.run)
    sections, left = _sections(source, metric, source.plain_attributes, PAGE_ONE_ROWS)
    if not sections:
        return None
    return _figure(source, metric, sections, left, f"page-one-{metric}", page_one=True)


def metric_forests(source: Source) -> list[Figure]:
    """Return one forest a key metric, all attributes in it."""
    out = []
    for metric in dict.fromkeys([*source.run.usecase.margins, *MORE]):
        for ending, attributes in _parts(source, metric):
            sections, left = _sections(source, metric, attributes, ROWS)
            if sections:
                out.append(_figure(source, metric, sections, left, f"groups-{metric}{ending}"))
    return out


def difference_forests(source: Source) -> list[Figure]:
    """Return, for each metric with a declared margin, the differences to the comparator."""
    out = []
    for metric, size in source.run.usecase.margins.items():
        for ending, attributes in _parts(source, metric):
            found = [(a, [_difference(r) for r in source.forest_rows(metric, a)]) for a in attributes]
            found = [(a, [r for r in rows if known(r["value"]) or r["verdict_words"]]) for a, rows in found]
            sections, left = _trim([(a, rows) for a, rows in found if rows], ROWS)
            if sections:
                out.append(_difference_figure(source, metric, size, sections, left, ending))
    return out


def axis_of(metric: str) -> Axis:
    """Return how a metric is drawn: words a reader knows, with the technical name in brackets."""
    title, key = metric_title(metric), f"report.metric.{metric}.plain"
    plain = spoken()(key) if spoken().has(key) else title
    words = capital(plain)
    if title.lower() not in words.lower():
        words = say("figure.forest.axis", plain=words, metric=_lower(title))
    if metric in RATES:
        return Axis(metric, words, _column(plain), fixed=metric == "sensitivity", better=better(metric))
    return Axis(
        metric,
        words,
        say("figure.forest.estimate"),
        "plain",
        **{"clamp": (-100.0, 100.0), **OPEN.get(metric, {})},
        ideal_words=_ideal(metric),
        better=better(metric),
    )


def _ideal(metric: str) -> str:
    return say(f"figure.forest.ideal.{metric}", value=general(OPEN[metric]["ideal"])) if metric in OPEN else ""


def better(metric: str) -> str:
    """Return what is better for patients: "higher", "lower", or "zero" for closeness on both sides."""
    from primum.measure.metric import METRICS

    side = str(METRICS[metric].better) if metric in METRICS else "higher"
    return side if side in {"higher", "lower"} else "zero"


def _column(plain: str) -> str:
    first = plain.split(",", maxsplit=1)[0]
    return say("figure.forest.column", name=capital(first))


def _lower(title: str) -> str:
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def _difference(row: dict[str, Any]) -> dict[str, Any]:
    out = {**row, "value": row["difference"], "low": row["difference_low"], "high": row["difference_high"]}
    if row["difference_withheld"]:
        out["status"], out["reason"] = str(Status.SUPPRESSED), withheld_word()
    elif not known(out["value"]) and row["status"] == "ok":
        out["status"] = str(Status.NOT_ESTIMABLE)
    return out


def _difference_figure(
    source: Source, metric: str, size: float, sections: list[Section], left: int, ending: str
) -> Figure:
    rate, name = metric in RATES, _lower(metric_title(metric))
    axis = Axis(
        metric,
        say("figure.difference.axis_points" if rate else "figure.difference.axis", metric=name),
        say("figure.difference.column"),
        "points" if rate else "plain",
        (-1.0, 1.0) if rate else (-2.0, 2.0),
        ideal=0.0,
        ideal_words=say("figure.difference.ideal"),
        better=better(metric),
        comparison="difference",
    )
    rows = [r for _, part in sections for r in part]
    for r in rows:
        r["comparator_value"], r["margin"] = 0.0, r["margin"] or size
    table = [
        headed(
            attribute=r["attribute"],
            group=r["group"],
            compared_with=comparator(r["comparator"]) if r["comparator"] else "",
            difference=_cell(r, "value"),
            low=_cell(r, "low"),
            high=_cell(r, "high"),
            margin=r["margin"],
            verdict=r["verdict_words"],
        )
        for r in rows
    ]
    words = margin(metric, size)
    return Figure(
        f"differences-{_file(metric)}{ending}",
        say("figure.difference.title_crossed" if ending else "figure.difference.title", metric=name),
        say(
            "figure.difference.alt", axis=axis.title, groups=len(rows), model=source.primary, margin=words,
            told=_told(rows, axis),
        ),
        forest(sections, axis, more=_left_out(left), key=say("figure.difference.key", margin=words)),
        table,
        note=say("figure.difference.note"),
    )  # fmt: skip


def _cell(row: dict[str, Any], key: str) -> Any:
    return withheld_word() if withheld(row) else row[key]


def _parts(source: Source, metric: str) -> list[tuple[str, list[str]]]:
    """Return what goes into one figure: all attributes, or intersections apart where that would be too tall."""
    rows = {a: len(source.forest_rows(metric, a)) for a in source.attributes}
    crossed = [a for a in source.attributes if a not in source.plain_attributes]
    if not crossed or sum(rows.values()) <= TALL:
        return [("", source.attributes)]
    return [("", source.plain_attributes), ("-intersections", crossed)]


def _sections(source: Source, metric: str, attributes: list[str], most: int) -> tuple[list[Section], int]:
    """Return the rows by attribute, everyone first, and how many groups were left out."""
    found = [(a, source.forest_rows(metric, a)) for a in attributes]
    if not any(known(r["value"]) for _, rows in found for r in rows):
        return [], 0
    sections, left = _trim([(a, rows) for a, rows in found if rows], most)
    whole = source.everyone(metric)
    if whole is not None:
        sections.insert(0, ("", [{**whole, "label": capital(spoken()("common.everyone")), "everyone": True}]))
    return sections, left


def _trim(found: list[Section], most: int) -> tuple[list[Section], int]:
    room = _shares([len(rows) for _, rows in found], most)
    sections = [(a, cap(rows, share)) for (a, rows), share in zip(found, room, strict=True)]
    return sections, sum(len(rows) for _, rows in found) - sum(len(rows) for _, rows in sections)


def _shares(sizes: list[int], most: int) -> list[int]:
    """Divide `most` rows among sections: small sections keep all theirs, large ones share what is left."""
    out = [0] * len(sizes)
    todo = sorted(range(len(sizes)), key=lambda i: sizes[i])
    for place, i in enumerate(todo):
        out[i] = min(sizes[i], max(2, most // (len(todo) - place)))
        most -= out[i]
    return out


def _figure(
    source: Source, metric: str, sections: list[Section], left: int, name: str, *, page_one: bool = False
) -> Figure:
    axis = axis_of(metric)
    rows = [r for _, part in sections for r in part]
    groups = [r for r in rows if not r.get("everyone")]
    sizes = sorted({r["margin"] for r in groups if known(r.get("margin"))})
    key = note = ""
    if sizes and any(known(r.get("comparator_value")) for r in groups):
        size = margin(metric, sizes[0])
        key = say(f"figure.forest.key.{axis.better}", comparator=_compared_with(groups), margin=size)
        note = say("figure.forest.note")
        if any("(+" in r["verdict_words"] for r in groups):
            note = " ".join([note, say("figure.forest.needed")])
    whole = source.everyone(metric)
    alt = [say("figure.forest.alt", axis=axis.title, groups=len(groups), model=source.primary)]
    if whole is not None and known(whole.get("value")):
        cases = count(whole.get("events"))
        alt.append(say("figure.forest.everyone", value=value_words(whole, axis), cases=cases))
    crossed = name.endswith("-intersections")
    return Figure(
        name=_file(name),
        title=say("figure.forest.title_crossed" if crossed else "figure.forest.title", axis=axis.title),
        alt=" ".join([*alt, _told(groups, axis)]).strip(),
        spec=forest(sections, axis, more=_left_out(left), key=key),
        table=[_table_row(r) for r in rows],
        page_one=page_one,
        note=note,
    )


def _compared_with(rows: list[dict[str, Any]]) -> str:
    names = {comparator(r["comparator"]) for r in rows if r.get("comparator")}
    return names.pop() if len(names) == 1 else say("figure.forest.comparator")


def _told(rows: list[dict[str, Any]], axis: Axis) -> str:
    """Say how far the groups lie apart, who is shown to be harmed, and how many there are of each verdict."""
    parts = []
    seen = [r["value"] for r in rows if known(r["value"]) and r["status"] == "ok"]
    if seen:
        low, high = (of_metric(axis.metric, v, comparison=axis.comparison) for v in (min(seen), max(seen)))
        some = any(withheld(r) for r in rows)
        parts.append(say("figure.forest.between_shown" if some else "figure.forest.between", low=low, high=high))
    harmed = [r for r in rows if r.get("verdict") == Verdict.HARM]
    if harmed:
        said = [
            say(
                "figure.forest.harmed_group", attribute=r["attribute"], group=r["label"], value=value_words(r, axis),
                cases=counted(r["events"]),
            )
            for r in harmed[:4]
        ]  # fmt: skip
        parts.append(
            say("figure.forest.harmed_more" if len(harmed) > 4 else "figure.forest.harmed", groups="; ".join(said))
        )
    counts = {v: sum(r.get("verdict") == v for r in rows) for v in Verdict}
    judged = [f"{spoken()(f'report.verdict.{v.name.lower()}.name')}: {k}" for v, k in counts.items() if k]
    return " ".join([*parts, say("figure.forest.verdicts", verdicts=", ".join(judged))] if judged else parts)


def _table_row(row: dict[str, Any]) -> dict[str, Any]:
    hidden = withheld_word() if withheld(row) else None

    def number(key: str) -> Any:
        value = row.get(key)
        return value if known(value) else hidden

    reason = str(row.get("reason") or "")
    return headed(
        attribute="" if row.get("everyone") else row.get("attribute"),
        group=row.get("group"),
        people=number("n"),
        cases=number("events"),
        estimate=number("value"),
        low=number("low"),
        high=number("high"),
        comparator_estimate=row.get("comparator_value"),
        margin=row.get("margin"),
        verdict=row.get("verdict_words") or "",
        status=hidden or (stood(Status(row["status"]), reason) if row.get("status") else reason),
    )


def _left_out(left: int) -> str:
    if not left:
        return ""
    return say("figure.forest.left", groups=left)


def _file(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "figure"
