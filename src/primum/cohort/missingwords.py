"""Words that stand for a value that is not there. Everything else is an answer.

Not among them, on purpose: 'None' (a test not done, no disease), 'Unknown' and 'Other' (often a category of
their own). Declare those under `data: missing_codes` where they mean missing.
"""

from __future__ import annotations

NO_VALUE = frozenset(
    {
        "",
        "?",
        ".",
        "na",
        "n/a",
        "n.a.",
        "#n/a",
        "nan",
        "<na>",
        "null",
        "#null!",
        "nat",
        "missing",
        "(missing)",
    }
)
NO_ANSWER = frozenset(
    {
        "don't know",
        "dont know",
        "do not know",
        "refused",
        "refuse",
        "refused to answer",
        "refuse to answer",
        "prefer not to answer",
        "prefer not to say",
        "don't know/refused",
        "don't know/not sure",
        "don't know / not sure",
        "don't know/not sure/refused",
        "refused/don't know",
        "not ascertained",
        "no answer",
    }
)
WORDS = sorted(NO_VALUE | NO_ANSWER)


def is_missing_word(text: str) -> bool:
    """Say whether `text` stands for a value that is not there."""
    return text.strip().lower().replace("’", "'") in NO_VALUE | NO_ANSWER
