"""The figures of the groups: found of those who have it, every other key metric, and the differences."""

from __future__ import annotations

import re
from typing import Any

from primum.finding import Status, Verdict
from primum.report.figures.figure import Figure
from primum.report.figures.forest import Section, forest, value_words
from primum.report.figures.forest_layers import Axis
from primum.report.figures.rows import Source, cap
from primum.report.numbers import RATES, WITHHELD, count, counted, known, of_metric, withheld
from primum.report.source import headline
from primum.report.words import PLAIN, SUPPRESSED, capital, comparator, margin, metric_title

PAGE_ONE_ROWS, ROWS, TALL = 24, 66, 36
MORE = ("sensitivity", "specificity", "ppv", "auroc", "calibration_slope", "oe_ratio", "net_benefit")
OPEN: dict[str, dict[str, Any]] = {
    "auroc": {"clamp": (0.3, 1.0), "ideal": 0.5, "ideal_words": "0.5 is chance"},
    "calibration_slope": {"clamp": (-0.5, 2.6), "ideal": 1.0, "ideal_words": "1 is ideal"},
    "calibration_intercept": {"clamp": (-2.0, 2.0), "ideal": 0.0, "ideal_words": "0 is ideal"},
    "oe_ratio": {"clamp": (0.25, 4.0), "log": True, "ideal": 1.0, "ideal_words": "1 is ideal"},
    "net_benefit": {"clamp": (-0.5, 1.0), "ideal": 0.0, "ideal_words": "0 helps nobody"},
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
    plain, title = PLAIN.get(metric, metric_title(metric)), metric_title(metric)
    words = capital(plain)
    words = words if title.lower() in words.lower() else f"{words} ({_lower(title)})"
    if metric in RATES:
        return Axis(metric, words, _column(plain), fixed=metric == "sensitivity", better=better(metric))
    return Axis(
        metric,
        words,
        "Estimate [95 %]",
        "plain",
        **{"clamp": (-100.0, 100.0), **OPEN.get(metric, {})},
        better=better(metric),
    )


def better(metric: str) -> str:
    """Return what is better for patients: "higher", "lower", or "zero" for closeness on both sides."""
    from primum.measure.metric import METRICS

    side = str(METRICS[metric].better) if metric in METRICS else "higher"
    return side if side in {"higher", "lower"} else "zero"


def _column(plain: str) -> str:
    first = plain.split(",", maxsplit=1)[0]
    return f"{first[:1].upper()}{first[1:]} [95 %]"


def _lower(title: str) -> str:
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def _difference(row: dict[str, Any]) -> dict[str, Any]:
    out = {**row, "value": row["difference"], "low": row["difference_low"], "high": row["difference_high"]}
    if row["difference_withheld"]:
        out["status"], out["reason"] = str(Status.SUPPRESSED), WITHHELD
    elif not known(out["value"]) and row["status"] == "ok":
        out["status"] = "not estimable"
    return out


def _difference_figure(
    source: Source, metric: str, size: float, sections: list[Section], left: int, ending: str
) -> Figure:
    rate, name = metric in RATES, _lower(metric_title(metric))
    axis = Axis(
        metric,
        f"Difference in {name}, group minus comparator" + (", in percentage points" if rate else ""),
        "Difference [95 %]",
        "points" if rate else "plain",
        (-1.0, 1.0) if rate else (-2.0, 2.0),
        ideal=0.0,
        ideal_words="no difference",
        better=better(metric),
        comparison="difference",
    )
    rows = [r for _, part in sections for r in part]
    for r in rows:
        r["comparator_value"], r["margin"] = 0.0, r["margin"] or size
    table = [
        {
            "Attribute": r["attribute"],
            "Group": r["group"],
            "Compared with": comparator(r["comparator"]) if r["comparator"] else "",
            "Difference": WITHHELD if withheld(r) else r["value"],
            **{k: WITHHELD if withheld(r) else r[k.lower()] for k in ("Low", "High")},
            "Margin": r["margin"],
            "Verdict": r["verdict_words"],
        }
        for r in rows
    ]
    words = margin(metric, size)
    return Figure(
        f"differences-{_file(metric)}{ending}",
        f"Difference in {name} between each group and its comparator" + (", intersections" if ending else ""),
        f"{axis.title}, {len(rows)} groups, model {source.primary}; margin {words}. {_told(rows, axis)}",
        forest(sections, axis, more=_left_out(left), key=f"Blue band: within the declared margin, {words}."),
        table,
        note="Harm is shown when the whole interval lies beyond the margin, no harm when it lies within.",
    )


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
        sections.insert(0, ("", [{**whole, "label": "Everyone", "everyone": True}]))
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
        side = {"higher": "below", "lower": "above", "zero": "on both sides of"}[axis.better]
        size = margin(metric, sizes[0])
        key = f"Blue line: {_compared_with(groups)}. Blue band: the declared margin {side} it, {size}."
        note = "The verdict follows from the interval of the difference to the comparator, not from the point."
        if any("(+" in r["verdict_words"] for r in groups):
            key += " (+n): cases still needed."
    whole = source.everyone(metric)
    alt = f"{axis.title}, {len(groups)} groups, 95 % intervals, model {source.primary}."
    if whole is not None and known(whole.get("value")):
        alt += f" Everyone: {value_words(whole, axis)}, {count(whole.get('events'))} cases."
    return Figure(
        name=_file(name),
        title=f"{axis.title}, by group" + (", intersections" if name.endswith("-intersections") else ""),
        alt=f"{alt} {_told(groups, axis)}".strip(),
        spec=forest(sections, axis, more=_left_out(left), key=key),
        table=[_table_row(r) for r in rows],
        page_one=page_one,
        note=note,
    )


def _compared_with(rows: list[dict[str, Any]]) -> str:
    names = {comparator(r["comparator"]) for r in rows if r.get("comparator")}
    return names.pop() if len(names) == 1 else "the group it is compared with"


def _told(rows: list[dict[str, Any]], axis: Axis) -> str:
    """Say how far the groups lie apart, who is shown to be harmed, and how many there are of each verdict."""
    parts = []
    seen = [r["value"] for r in rows if known(r["value"]) and r["status"] == "ok"]
    if seen:
        low, high = (of_metric(axis.metric, v, comparison=axis.comparison) for v in (min(seen), max(seen)))
        which = "groups that are shown" if any(withheld(r) for r in rows) else "groups"
        parts.append(f"Estimates of the {which} lie between {low} and {high}.")
    harmed = [r for r in rows if r.get("verdict") == Verdict.HARM]
    if harmed:
        said = [
            f"{r['attribute']} {r['label']}, {value_words(r, axis)}, {counted(r['events'])} cases" for r in harmed[:4]
        ]
        parts.append(f"Harm is shown for {'; '.join(said)}{' and others' if len(harmed) > 4 else ''}.")
    counts = {str(v): sum(r.get("verdict") == v for r in rows) for v in Verdict}
    judged = [f"{SUPPRESSED if v == Verdict.SUPPRESSED else v}: {k}" for v, k in counts.items() if k]
    return " ".join([*parts, f"Verdicts: {', '.join(judged)}." if judged else ""]).strip()


def _table_row(row: dict[str, Any]) -> dict[str, Any]:
    hidden = WITHHELD if withheld(row) else None

    def number(key: str) -> Any:
        value = row.get(key)
        return value if known(value) else hidden

    return {
        "Attribute": "" if row.get("everyone") else row.get("attribute"),
        "Group": row.get("group"),
        "People": number("n"),
        "Cases": number("events"),
        "Estimate": number("value"),
        "Low": number("low"),
        "High": number("high"),
        "Comparator's estimate": row.get("comparator_value"),
        "Margin": row.get("margin"),
        "Verdict": row.get("verdict_words") or "",
        "Status": hidden or ": ".join(p for p in (str(row.get("status") or ""), str(row.get("reason") or "")) if p),
    }


def _left_out(left: int) -> str:
    if not left:
        return ""
    return f"{left} more: table of estimates"


def _file(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "figure"
