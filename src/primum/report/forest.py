"""The strip behind one row of page one: a point, its interval, and the margin around the group compared with."""

from __future__ import annotations

from typing import Any

from primum.report.numbers import known

WIDTH, HEIGHT, PAD = 260, 26, 12


def strip(
    value: Any, low: Any, high: Any, *, other: float | None = None, margin: float = 0.0, better: str = "higher",
    kind: str = "open",
) -> str:  # fmt: skip
    """Return an SVG strip from 0 to 100 %; it repeats what the cells beside it say, so it is hidden from readers.

    Parameters
    ----------
    value, low, high
        Share and interval limits, in [0, 1]; no point is drawn where there is none.
    other
        Share in the group compared with: a line, with the margin as a band on its harmful side.
    margin, better
        The declared margin and the direction that is better for patients.
    kind
        Class of the verdict, which picks colour and shape.
    """
    middle = HEIGHT / 2
    parts = [f'<path class="rail" d="M{PAD} {middle}H{WIDTH - PAD}"/>']
    if other is not None and known(other):
        a, b = (other - margin, other) if better == "higher" else (other, other + margin)
        left, right = _x(max(a, 0.0)), _x(min(b, 1.0))
        parts.insert(0, f'<rect class="band" x="{left}" y="1" width="{right - left:.1f}" height="{HEIGHT - 2}"/>')
        parts.append(f'<path class="other" d="M{_x(other)} 1V{HEIGHT - 1}"/>')
    if known(value):
        if known(low) and known(high):
            a, b = _x(float(low)), _x(float(high))
            parts.append(f'<path class="whisker {kind}" d="M{a} {middle}H{b}M{a} {middle - 4}v8M{b} {middle - 4}v8"/>')
        parts.append(
            f'<path class="mark {kind}" transform="translate({_x(float(value))} {middle})" d="{_MARKS[kind]}"/>'
        )
    return _wrap("".join(parts), HEIGHT)


def axis() -> str:
    """Return the scale that stands above the strips."""
    ticks = "".join(
        f'<path class="tick" d="M{_x(t)} 14v5"/><text x="{_x(t)}" y="10" text-anchor="middle">{round(100 * t)}</text>'
        for t in (0, 0.25, 0.5, 0.75, 1)
    )
    return _wrap(ticks, 20)


def thousand(found: float, missed: float, false_alarms: float, left_alone: float) -> str:
    """Return 1,000 people as one bar in four parts; the words beside it say the same."""
    total = found + missed + false_alarms + left_alone
    parts, x = [], 0.0
    for name, number in (
        ("found", found), ("missed", missed), ("alarmed", false_alarms), ("alone", left_alone)
    ):  # fmt: skip
        width = 1000 * number / total if total else 0.0
        parts.append(f'<rect class="{name}" x="{x:.1f}" y="0" width="{max(width - 2, 0):.1f}" height="22"/>')
        x += width
    return (
        '<svg class="thousand" viewBox="0 0 1000 22" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        + "".join(parts)
        + "</svg>"
    )


_MARKS = {
    "harm": "M-6 -5H6L0 6Z",
    "none": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0",
    "open": "M0 -6.5L6.5 0L0 6.5L-6.5 0Z",
    "few": "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0",
    "gone": "M-4 -4H4V4H-4Z",
}


def _x(share: float) -> float:
    return round(PAD + (WIDTH - 2 * PAD) * min(max(share, 0.0), 1.0), 1)


def _wrap(inner: str, height: int) -> str:
    return (
        f'<svg class="strip" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'aria-hidden="true" focusable="false">{inner}</svg>'
    )
