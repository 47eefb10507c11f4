"""A short HTML fragment for notebooks: the sentence about everyone and the verdicts of page one."""

from __future__ import annotations

from html import escape

from primum.report.page_one import page_one
from primum.report.say import say
from primum.report.source import Audited


def summary_html(run: Audited) -> str:
    """Return page one in a few lines; plain HTML without style or script, so that any notebook shows it alike."""
    page = page_one(run)
    rows = [
        f"<tr><th scope='row'>{escape(d.title)}: {escape(line.name)}</th><td>{escape(line.cases)}</td>"
        f"<td>{escape(line.found)}</td><td>{_verdict(line.chip)}</td></tr>"
        for d in page.divisions
        for line in d.lines
    ]
    heads = "".join(f"<th scope='col'>{_said(f'head.{k}')}</th>" for k in ("group", "cases", "share", "verdict"))
    return (
        f"<section><p><strong>{escape(run.usecase.title)}</strong>, {_said('model', model=page.model)}</p>"
        f"<p>{escape(page.overall)} {escape(page.exchange)}</p>"
        f"<table><caption>{escape(page.metric_plain)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table><p>{_said('plan', plan=str(run.plan.hash)[:12])}</p></section>"
    )


def _verdict(chip: dict[str, str] | None) -> str:
    return f"{escape(chip['shape'])} {escape(chip['text'])}" if chip else escape(say("page.found.not_judged"))


def _said(key: str, **values: str) -> str:
    return escape(say(f"notebook.{key}", **values))
