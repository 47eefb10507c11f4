"""Expert rules: a risk is at least, or at most, this much when something holds; some are always selected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from primum.errors import PrimumError, unknown
from primum.usecase_data import Condition

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rule:
    """One rule. Where a condition cannot be told because a value is missing, the rule does not apply.

    Attributes
    ----------
    name
        What readers see.
    when
        Conditions that must all hold.
    at_least, at_most
        Limits on the risk; either may be None.
    select
        "always" raises the risk to the threshold, "never" keeps it below; or None.
    reason
        Whose rule it is and why.
    """

    name: str
    when: tuple[Condition, ...]
    at_least: float | None = None
    at_most: float | None = None
    select: Literal["always", "never"] | None = None
    reason: str = ""


def rule(
    name: str,
    when: Iterable[Mapping[str, Any] | Condition],
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    select: Literal["always", "never"] | None = None,
    reason: str = "",
) -> Rule:
    """Return a rule from plain data; conditions are written as in a use case ({"column": "age", "at_least": 65}).

    Raises
    ------
    PrimumError
        If there is no condition or no consequence, a condition is malformed, a risk is no probability, or the
        consequences contradict each other.
    """
    try:
        found = tuple(c if isinstance(c, Condition) else Condition.model_validate(dict(c)) for c in when)
    except ValidationError as failure:
        first = failure.errors()[0]
        raise PrimumError(
            f"A condition of the rule '{name}' cannot be read: {first['msg']}",
            expected="column, and one of equals, one_of, none_of, at_least, at_most, above, below, known",
        ) from failure
    if not found:
        raise PrimumError(
            f"The rule '{name}' has no condition.", mend="say when it holds; a rule for all is a threshold"
        )
    if at_least is None and at_most is None and select is None:
        raise PrimumError(f"The rule '{name}' has no consequence.", expected="at_least, at_most or select")
    if select not in {None, "always", "never"}:
        raise unknown("selection", str(select), ["always", "never"])
    for what, value in (("at least", at_least), ("at most", at_most)):
        if value is not None and not 0 <= value <= 1:
            raise PrimumError(
                f"The rule '{name}' asks for a risk of {what} {value!r}.",
                expected="a probability between 0 and 1",
                mend=f"if this is percent, write {value / 100:g}" if 1 < value <= 100 else "",
            )
    if at_least is not None and at_most is not None and at_least > at_most:
        raise PrimumError(f"The rule '{name}' asks for at least {at_least:g} and at most {at_most:g}: nothing is both.")
    return Rule(name, found, at_least, at_most, select, reason)


def bounds(r: Rule, threshold: float | None) -> tuple[float, float]:
    """Return the least and greatest risk under a rule.

    Raises
    ------
    PrimumError
        If it selects and no threshold was declared, or its consequences contradict each other at the threshold.
    """
    low, high = 0.0 if r.at_least is None else r.at_least, 1.0 if r.at_most is None else r.at_most
    if r.select is not None:
        if threshold is None:
            raise PrimumError(
                f"The rule '{r.name}' selects {r.select}, and no threshold was declared.", expected="threshold=…"
            )
        if r.select == "always":
            low = max(low, threshold)
        else:
            high = min(high, float(np.nextafter(threshold, 0.0)))
    if low > high:
        raise PrimumError(f"The rule '{r.name}' contradicts itself at the threshold {threshold:g}.")
    return low, high


def applies(
    r: Rule, X: Any, names: Sequence[str], levels: Mapping[str, Sequence[str]] | None = None
) -> tuple[Bools, Bools]:
    """Return for whom a rule holds, and for whom that cannot be told because a value is missing, shape (people,).

    Three-valued logic: one condition that fails settles it, whatever is missing elsewhere.
    """
    holds, fails = np.ones(len(X), dtype=bool), np.zeros(len(X), dtype=bool)
    for condition in r.when:
        if condition.column not in names:
            raise unknown("column", condition.column, list(names), where=f"what the rule '{r.name}' is given")
        column = _column(X, list(names).index(condition.column), (levels or {}).get(condition.column))
        true, lost = _test(condition, column, r.name)
        holds &= true
        fails |= ~true & ~lost
    return holds, ~holds & ~fails


def words(r: Rule, threshold: float | None = None) -> str:
    """Return a rule as a sentence."""
    parts = [_said(c) for c in r.when]
    then = []
    if r.at_least is not None:
        then.append(f"the risk is at least {r.at_least:g}")
    if r.at_most is not None:
        then.append(f"the risk is at most {r.at_most:g}")
    if r.select is not None:
        at = "" if threshold is None else f" (threshold {threshold:g})"
        then.append(f"the person is {r.select} selected{at}")
    return f"When {' and '.join(parts)}, {' and '.join(then)}."


def _said(c: Condition) -> str:
    signs = {
        "equals": "=", "one_of": "is one of", "none_of": "is none of", "at_least": "≥", "at_most": "≤", "above": ">",
        "below": "<",
    }  # fmt: skip
    said = [f"{c.column} {s} {getattr(c, k)}" for k, s in signs.items() if getattr(c, k) is not None]
    if c.known is not None:
        said.append(f"{c.column} is {'known' if c.known else 'not known'}")
    return " and ".join(said)


def _column(X: Any, j: int, levels: Sequence[str] | None) -> npt.NDArray[Any]:
    """Return a column as floats (NaN missing) or as objects (None missing); codes become their levels."""
    raw = X[:, j] if isinstance(X, np.ndarray) else X[list(X.columns)[j]]
    values = raw.to_list() if hasattr(raw, "to_list") else np.asarray(raw).tolist()
    if levels is not None:
        return np.array([None if v is None or v != v else levels[int(v)] for v in values], dtype=object)  # noqa: PLR0124 - NaN
    if any(isinstance(v, str) for v in values):
        return np.array([v if isinstance(v, str) else None for v in values], dtype=object)
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _test(c: Condition, column: npt.NDArray[Any], name: str) -> tuple[Bools, Bools]:
    text = column.dtype == object
    lost = np.array([v is None for v in column], dtype=bool) if text else np.isnan(column)
    if c.known is not None:
        return (~lost if c.known else lost), np.zeros(len(column), dtype=bool)
    true = np.ones(len(column), dtype=bool)
    for key, compare in (
        ("at_least", np.greater_equal),
        ("at_most", np.less_equal),
        ("above", np.greater),
        ("below", np.less),
    ):
        limit = getattr(c, key)
        if limit is not None:
            if text:
                raise PrimumError(f"The rule '{name}' compares '{c.column}' with {limit:g}, and it holds text.")
            true &= compare(column, limit)
    among = [c.equals] if c.equals is not None else c.one_of if c.one_of is not None else c.none_of
    if among is not None:
        wanted = {str(v) for v in among} if text else {_number(v, c.column, name) for v in among}
        inside = np.array([v in wanted for v in column.tolist()], dtype=bool)
        true &= ~inside if c.none_of is not None else inside
    return true & ~lost, lost


def _number(value: Any, column: str, name: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise PrimumError(
            f"The rule '{name}' compares '{column}', which holds numbers, with '{value}'.",
            expected="a number",
            mend="give levels={…} where the column holds codes of categories",
        ) from None
