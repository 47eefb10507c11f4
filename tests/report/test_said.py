"""The texts of the report and the places that say them: no key is lacking, and none is left over.

A key is said where `say("…")`, `told("…")` or `spoken()("…")` names it, in code or in a template. Where a part is known
at run time only, f"area.{kind}.name" or "area." ~ kind, every key of that form is meant. A key, or its beginning, may
also stand in the code as a text of its own, from which the whole is made later.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import primum.report
from primum.report.language import folder, language, placeholders, read

FOLDER = Path(primum.report.__file__).parent
OTHERS = (
    "say.py",
    "page.html",
    "page_form.html",
    "page_macros.html",
    "page_summary.html",
)  # which say texts of others, or their own
SOURCES = sorted(
    p
    for p in FOLDER.rglob("*")
    if p.suffix in {".py", ".html"} and "pages" not in p.relative_to(FOLDER).parts and p.name not in OTHERS
)
CALL = re.compile(r"""\b(say|told|marked|spoken\(\))\(\s*(f?)(["'])(.*?)\3(\s*~)?""", re.DOTALL)
STEM = re.compile(r"""(f?)(["'])([a-z_]+\.[^"\n ]*?[^"\n]*?)\2""")
TEXTS = language("en").texts
MAIN = sorted(k for k in TEXTS if k.startswith("main."))


def calls():
    """Return (key as it is written, told or not) -> a file that says it."""
    found = {}
    for path in SOURCES:
        for call, _, _, key, glued in CALL.findall(path.read_text(encoding="utf8")):
            whole = key if call == "spoken()" else f"main.{key}"
            found[whole + ("{}" if glued else ""), call == "told"] = path.name
    return found


def form(key, end=""):
    """Return the pattern of the keys that are meant where {…} is known at run time only."""
    return re.compile(".+".join(map(re.escape, re.split(r"\{[^{}]*\}", key))) + end)


CALLS = calls()


def lacking(said):
    """Return the keys that are said and are not there; of those that are told, both forms must be."""
    for key, told in said:
        ends = (r"\.one", r"\.many") if told else ("",)
        if not all(any(map(form(key, end).fullmatch, TEXTS)) for end in ends):
            yield key


def test_a_key_that_is_said_is_there():
    assert len(CALLS) > 500
    assert list(lacking(CALLS)) == []
    wrong = [("main.page.skipp", False), ("main.nothing.{kind}.name", False), ("main.page.skip", True)]
    assert list(lacking(wrong)) == [key for key, _ in wrong]


def left_over(keys):
    """Return the keys that nothing says."""
    patterns = [form(key, r"\.(one|many)" if told else "") for key, told in CALLS if not key.startswith("main.{")]
    for path in SOURCES:
        text = CALL.sub("", path.read_text(encoding="utf8"))
        stems = [stem.removeprefix("main.") for _, _, stem in STEM.findall(text)]
        patterns += [form(f"main.{stem}", r"(\..+)?") for stem in stems]
    return [k for k in keys if not any(p.fullmatch(k) for p in patterns)]


def test_no_text_is_left_over():
    assert left_over(MAIN) == []
    assert left_over(["main.words.nobody_says_this", "main.page.skip.twice"]) == [
        "main.words.nobody_says_this", "main.page.skip.twice",
    ]  # fmt: skip


def test_no_key_stands_in_two_files():
    files = [p for p in folder().iterdir() if p.name.split(".")[0] == "en" and p.name.endswith(".yaml")]
    seen = Counter(k for p in files for k in read(p.read_text(encoding="utf8"), p.name))
    assert [k for k, n in seen.items() if n > 1] == []


def test_one_and_many_say_the_same():
    """One may leave out the number, nothing else; it brings no placeholder that many lacks."""
    ones = [k.removesuffix(".one") for k in MAIN if k.endswith(".one") and f"{k.removesuffix('.one')}.many" in TEXTS]
    assert ones
    odd = [k for k in ones if not placeholders(TEXTS[f"{k}.one"]) <= placeholders(TEXTS[f"{k}.many"])]
    assert odd == []


def test_no_key_was_read_as_true_or_false():
    """A bare yes, no, on or off is no text for YAML."""
    assert [k for k in TEXTS if re.search(r"\b(True|False|None)\b", k)] == []
