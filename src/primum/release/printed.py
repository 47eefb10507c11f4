"""Numbers as a release prints them: no more digits than the people behind them carry, limits rounded outwards.

Verdicts are taken from what is printed, never from something finer: a reader can check them, and they add nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from primum.disclose.digits import digits
from primum.disclose.presets import Policy
from primum.finding import Estimate
from primum.measure.compare import Comparison

SLACK = 1e-9


def printed(e: Estimate, policy: Policy, *, n: int | None = None) -> Estimate:
    """Return an estimate with the digits of R7; the interval may grow by less than one unit of the last digit.

    Parameters
    ----------
    e
        An estimate from protected counts.
    policy
        Its `max_digits` is the most that is printed.
    n
        People on whom the digits depend; those of the estimate if left out.
    """
    people = e.n if n is None else n
    if not e.ok or people < 1:
        return e
    unit = 10 ** digits(people, ceiling=int(policy["max_digits"]))
    low = math.floor(e.low * unit + SLACK) / unit if math.isfinite(e.low) else e.low
    high = math.ceil(e.high * unit - SLACK) / unit if math.isfinite(e.high) else e.high
    # how many independent people would say the same is a count that nobody registered
    return replace(e, value=round(e.value * unit) / unit, low=low, high=high, n_effective=None)


def compared(found: Sequence[Comparison], policy: Policy) -> list[Comparison]:
    """Return comparisons with the digits of the smaller of the two sides."""
    out = []
    for c in found:
        n = max(min(c.own.n, c.other.n), 1)
        ratio = None if c.ratio is None else printed(c.ratio, policy, n=n)
        difference = printed(c.difference, policy, n=n)
        own, other = (printed(e, policy) for e in (c.own, c.other))
        out.append(replace(c, own=own, other=other, difference=difference, ratio=ratio))
    return out


def rows(table: Any, policy: Policy, n: int) -> Any:
    """Return JSON-ready contents with every fraction rounded to the digits of n people; whole numbers stay.

    What stands under a key that ends with "low" or "high" is a limit, and is rounded outwards, as in `printed`.
    """
    unit = 10 ** digits(max(n, 1), ceiling=int(policy["max_digits"]))
    return _rounded(table, unit, "")


def _rounded(table: Any, unit: int, key: str) -> Any:
    if isinstance(table, dict):
        return {k: _rounded(v, unit, str(k)) for k, v in table.items()}
    if isinstance(table, list | tuple):
        return [_rounded(v, unit, key) for v in table]
    if not isinstance(table, float) or not math.isfinite(table) or table.is_integer():
        return table
    if key.endswith("low"):
        return math.floor(table * unit + SLACK) / unit
    return math.ceil(table * unit - SLACK) / unit if key.endswith("high") else round(table * unit) / unit


def trimmed(words: str, n: int, policy: Policy) -> str:
    """Return a sentence whose decimals stop where the digits of n people stop: 0.290 of 300 people is 0.29."""
    if n < 1:
        return words
    places = digits(n, ceiling=int(policy["max_digits"]))
    return re.sub(rf"(\d\.\d{{{places}}})0+(?!\d)", r"\1", words)
