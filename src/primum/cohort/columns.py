"""Which columns a use case needs, and whether the data have them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from primum.errors import PrimumError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from primum.usecase import Condition, UseCase


def needed(usecase: UseCase) -> dict[str, list[str]]:
    """Return column -> where the use case names it, for every column it reads; derived columns included."""
    uses: dict[str, list[str]] = {}

    def use(columns: Iterable[str | None], where: str) -> None:
        for column in columns:
            if column is not None:
                uses.setdefault(column, []).append(where)

    def conditions(tests: Sequence[Condition] | None, where: str) -> None:
        use((test.column for test in tests or ()), where)

    for rule in usecase.derive:
        use(rule.sum or rule.mean or (), f"derive: {rule.name}")
    conditions(usecase.include, "include")
    conditions(usecase.outcome.when, "outcome: when")
    conditions(usecase.outcome.truth, "outcome: truth")
    use(usecase.features, "features")
    use([usecase.weight], "weight")
    for key in ("person", "family", "site"):
        use([getattr(usecase.identifiers, key)], f"identifiers: {key}")
    use((group.column for group in usecase.groups), "groups")
    use((model.score for model in usecase.models), "models: score")
    return uses


def check(usecase: UseCase, present: Sequence[str]) -> list[str]:
    """Return the columns to read, in the order of the data.

    Raises
    ------
    PrimumError
        If a column is neither in the data nor derived (with the names that there are, nearest first), or if a
        derived column takes the name of one in the data.
    """
    derived = [rule.name for rule in usecase.derive]
    taken = [name for name in derived if name in present]
    if taken:
        raise PrimumError(
            f"The derived column '{taken[0]}' has the name of a column in the data.",
            expected="a name that is not taken",
            mend="rename it under 'derive' and wherever it is used",
        )
    uses = needed(usecase)
    known = [*derived, *present]
    absent = [column for column in uses if column not in set(known)]
    if absent:
        raise _missing(absent, uses, known)
    wanted = set(uses)
    return [column for column in present if column in wanted]


def label(column: str, labels: Mapping[str, str]) -> str:
    """Return a column's meaning in words: its label, or its name spelled apart (CamelCase, snake_case)."""
    if labels.get(column):
        return labels[column]
    apart = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])|[_.]+", " ", column).split()
    if not apart:
        return column
    words = [w if w.isupper() and len(w) > 1 else w.lower() for w in apart]
    first = words[0]
    return " ".join([first if first.isupper() else first[0].upper() + first[1:], *words[1:]])


def _missing(absent: Sequence[str], uses: Mapping[str, list[str]], known: Sequence[str]) -> PrimumError:
    near = {column: nearest(column, known) for column in absent}
    first = [name for name in near.values() if name]
    told = ", ".join(f"'{column}' ({uses[column][0]})" for column in absent[:8])
    more = f" and {len(absent) - 8} more" if len(absent) > 8 else ""
    guesses = [f"'{name}' for '{column}'" for column, name in near.items() if name]
    return PrimumError(
        f"The data have no column {told}{more}.",
        expected="columns that are in the data, or derived under 'derive'",
        available=[*dict.fromkeys(first), *(name for name in known if name not in set(first))],
        mend=f"did you mean {'; '.join(guesses[:8])}?" if guesses else "use one of the names above",
    )
