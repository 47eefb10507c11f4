"""R15, rare labels: the name of a category that few people have is itself a disclosure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from primum.errors import PrimumError

OTHER = "other/suppressed"


def shown_labels(counts: Mapping[str, int], t: int, *, vocabulary: Collection[str]) -> dict[str, str]:
    """Return the label under which each category is shown.

    Parameters
    ----------
    counts
        Distinct people by label.
    t
        The least number of people behind a name.
    vocabulary
        The labels that were declared; free text is never shown.

    Returns
    -------
    Each label mapped to itself or to "other/suppressed". When the rare ones together are fewer than t, the smallest
    of the others joins them, because the total would give them away.

    Raises
    ------
    PrimumError
        If a label with t people or more was not declared. The message does not print it.
    """
    undeclared = sum(1 for label, n in counts.items() if n >= t and label not in vocabulary)
    if undeclared:
        raise PrimumError(
            f"{undeclared} labels of this variable were not declared.",
            expected="a declared vocabulary; free text is never exported",
            mend="declare the labels, or map them before counting",
        )
    order = sorted(counts, key=lambda label: (counts[label], label))
    hidden = [label for label in order if counts[label] < t]
    rest = order[len(hidden) :]
    while rest and 0 < sum(counts[label] for label in hidden) < t:
        hidden.append(rest.pop(0))
    return {label: OTHER if label in hidden else label for label in counts}
