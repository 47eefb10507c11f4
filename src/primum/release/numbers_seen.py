"""Every number of people in a release against the register: what is not a registered count, or a sum of them, is found.

Columns are known by their heads. A whole number under a head that is neither a kind of people nor known to hold
something else counts as people: a new table must say what it holds, or is found.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cached_property, lru_cache

from primum.measure.table import EVERYONE
from primum.release.gather import SEALS, Seen
from primum.release.leak import Leak
from primum.release.read_page import Line, Prose
from primum.release.registered import MEANINGS, Registered
from primum.release.spoken import NUMBER, ROUND, Spoken, spoken, whole
from primum.usecase import MISSING, OVERALL

PEOPLE = ("n", "events", "nonevents", "selected", "unselected")
COLUMNS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("n", "people", "persons", "patients", "participants", "count", "counts", "total", "size",
                     "n people", "n scored", "number", "mensen", "everyone"), PEOPLE),
    **dict.fromkeys(("events", "cases", "have it", "with outcome", "with the outcome", "positives"), ("events",)),
    **dict.fromkeys(("nonevents", "non events", "without outcome", "without the outcome", "negatives"), ("nonevents",)),
    **dict.fromkeys(("tp", "found", "true positives"), ("tp",)),
    **dict.fromkeys(("fn", "missed", "false negatives"), ("fn",)),
    **dict.fromkeys(("fp", "false alarms", "falsely alarmed", "false positives"), ("fp",)),
    **dict.fromkeys(("tn", "left alone", "true negatives", "rightly left alone"), ("tn",)),
    **dict.fromkeys(("selected", "invited", "flagged"), ("selected", "tp", "fp")),
    "smallest": MEANINGS,
}  # fmt: skip
"""Head of a column → which sums of registered counts may stand in it."""
OTHER = re.compile(
    r"^(?:value|low|high|level|margin|p|p value|p margin|adjusted|holm|joint low|joint high|statistic|df|q|per|z|t|at"
    r"|threshold|declared|predicted|observed|fpr|fnr|ppv|npv|share|rate|ratio|difference|here|elsewhere|limits|interval"
    r"|line|item|items|number of items|section|page|place|rank|order|id|ids|code|codes|version|schema version|format"
    r"|year|date|day|created|time|seconds|seed|resolution|depth|digits|base|n effective|window|due|capacity|source"
    r"|groups compared|groups|suppressed|withheld|supported|refuted|inconclusive|human judgement|not testable.*"
    r"|computed|drafted|given|not applicable|claims|reference|step|bin|w|primum|kind|nne|score|range|priority|clause"
    r"|article|length|bytes|files|sha256|hash|ledger|.*estimates?"
    r"|numbers?|how much|least|exceptions|weight"
    r"|beta|alpha|power|half width|more events|cells|width|height|plan|key|status"
    r"|.*\b(?:low|high)"
    r"|.*(?:share|rate|ratio|gap|difference|margin|threshold|probability|sensitivity|specificity|auroc|auprc|brier"
    r"|slope|calibration|precision|prevalence|benefit|value|predicted|observed|score|per 1,?000|of 100|version|date"
    r"|limit|interval|ici|e50|e90|intercept|oe|index|selection))$"
)
"""Heads of columns that hold something else."""
NEEDED = frozenset({"more needed", "more events", "more kind", "needed"})
"""Heads of columns about people who are still needed."""
_STEPS = {"t", "threshold", "predicted", "fpr", "score", "observed"}
_WHOLE = re.compile(r"^(\d{1,3}(?:[,\u202f\u00a0\u2009]\d{3})+|\d+)(?:\.0+)?$")
_PAIR = re.compile(r"(?<![\w.,])\d+ of \d+(?![\w.,]\d)")
_DECIMAL = re.compile(r"^-?\d*\.\d*[1-9]\d*$")
_PER = re.compile(
    r"(?:of|per|every)[\s\u00a0](?:each[\s\u00a0])?(?:1[,.\u202f]?000|100)\b|\b1,000[\s\u00a0]people", re.IGNORECASE
)
OWN_FILES = frozenset({SEALS})
DECLARED = re.compile(r"(?:^|> )(?:usecase\.yaml|[a-z.-]*schema\.json|checklists/.*|findings\.schema\.json)$")
"""Files that hold what was declared, or laws and lists; numbers in them are people only where the words say so."""
_UNRECORDED = re.compile(r"not recorded|unknown|niet vastgelegd|onbekend|missing", re.IGNORECASE)
Groups = tuple[tuple[str | None, str], ...]


class Allowed:
    """Which numbers of people follow from the register, for any groups."""

    def __init__(self, registered: Registered) -> None:
        self.registered = registered
        self._held: dict[tuple[str | None, str, str | None], dict[str, frozenset[int]]] = {}

    @cached_property
    def labels(self) -> dict[str, list[tuple[str | None, str]]]:
        """Text of a label → the groups that it may mean."""
        found: dict[str, list[tuple[str | None, str]]] = {}
        for _, attribute, group in self.registered.by_place:
            own = found.setdefault(group.lower(), [])
            if (attribute, group) not in own:
                own.append((attribute, group))
        for name in (EVERYONE, OVERALL, "all", "iedereen"):
            found.setdefault(name, [(None, EVERYONE)])
        return found

    def missing(self, text: str) -> list[tuple[str | None, str]]:
        """Return the groups without a record that a text such as "Education not recorded" means."""
        if not _UNRECORDED.search(text):
            return []
        own = self.labels.get(MISSING, [])
        return [g for g in own if g[0] and g[0].lower() in text.lower()] or own

    def of(self, group: tuple[str | None, str], model: str | None = None) -> dict[str, frozenset[int]]:
        """Return the counts of one group by meaning."""
        key = (*group, model)
        if key not in self._held:
            self._held[key] = self.registered.counts_of(*group, model if model in self.registered.models else None)
        return self._held[key]

    def values(self, groups: Groups, meanings: Collection[str], model: str | None = None) -> frozenset[int]:
        """Return all numbers with these meanings, of any of the groups."""
        found: set[int] = set()
        for group in groups:
            held = self.of(group, model)
            for meaning in meanings:
                found |= held.get(meaning, frozenset())
        return frozenset(found)

    @cached_property
    def everybody(self) -> Groups:
        """Every group that has numbers."""
        return tuple(dict.fromkeys((a, g) for _, a, g in self.registered.by_place))

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], list[tuple[str | None, str]]]]:
        return [(re.compile(rf"(?<!\w){re.escape(label)}(?!\w)"), groups) for label, groups in self.labels.items()]

    def named(self, text: str) -> Groups:
        """Return the groups that a text names, with everyone."""
        low = text.lower()
        found = [g for pattern, groups in self._patterns if pattern.search(low) for g in groups]
        found += self.missing(text)
        return tuple(dict.fromkeys([*found, (None, EVERYONE)]))


def unregistered(seen: Seen) -> list[Leak]:
    """Return every number of people in a release that the register does not know."""
    allowed, shares, typeset = Allowed(seen.registered), _shares(seen), _Typeset(seen)
    found: dict[tuple[str, str], Leak] = {}
    for line in seen.lines:
        if line.file not in OWN_FILES:
            for leak in _line(line, allowed, shares):
                found.setdefault((leak.where, leak.said), leak)
    for prose in seen.prose:
        for leak in () if prose.row else _prose(prose, allowed, typeset):
            found.setdefault((leak.where, leak.said), leak)
    return list(found.values())


def _shares(seen: Seen) -> set[tuple[str, str, str]]:
    """Return the columns that hold shares: everything between 0 and 1, some of it with decimals."""
    most: dict[tuple[str, str, str], float] = {}
    fine: set[tuple[str, str, str]] = set()
    for line in seen.lines:
        for column, text in line.cells:
            key = (line.file, line.table, column)
            if _DECIMAL.match(text):
                fine.add(key)
                most[key] = max(most.get(key, 0.0), abs(float(text)))
            elif _WHOLE.match(text):
                most[key] = max(most.get(key, 0.0), float(whole(text.partition(".")[0])))
    return {key for key in fine if most[key] <= 1}


@lru_cache(maxsize=4096)
def head(column: str) -> str:
    """Return the head of a column in plain form."""
    return " ".join(column.replace("_", " ").replace("\u00a0", " ").replace("-", " ").lower().split())


def groups_of(line: Line, allowed: Allowed) -> Groups | None:
    """Return the groups that a line is about; None where it does not say."""
    attribute, group = line.get("attribute", "Attribute"), line.get("group", "Group", "level")
    if group and attribute in {"", OVERALL} and group.lower() == EVERYONE:
        return ((None, EVERYONE),)
    if attribute and group:
        return ((attribute, group),)
    for _, text in line.cells[:2]:
        hit = allowed.labels.get(text.lower()) or allowed.missing(text)
        if hit:
            return tuple(hit)
    return None


def _line(line: Line, allowed: Allowed, shares: set[tuple[str, str, str]]) -> Iterator[Leak]:
    groups = groups_of(line, allowed)
    model = line.get("model", "Model") or None
    heads = [head(c) for c, _ in line.cells]
    rated = "per" in heads or bool(_PER.search(f"{line.table} {line.section}"))
    declared = bool(DECLARED.search(line.file))
    for (column, text), name in zip(line.cells, heads, strict=True):
        where = f"{line.file}: {line.table[:60]}, {column}"
        got = _WHOLE.match(text.strip())
        if got is None:
            if name not in NEEDED:
                yield from _spoken(text, where, groups or allowed.everybody, allowed, rated=rated)
            continue
        value = whole(got[1])
        if value == 0 or (value == 1 and (line.file, line.table, column) in shares):
            continue
        known = _meanings(line, column, name, rated=rated, declared=declared)
        if not known:
            continue
        if _STEPS & set(heads):
            known = MEANINGS
        if value not in allowed.values(groups or allowed.everybody, known, model):
            yield _found(value, where, _who(groups), allowed.registered.t)


def _meanings(line: Line, column: str, name: str, *, rated: bool, declared: bool) -> tuple[str, ...]:
    """Return which sums may stand in a column; none where it holds something that is not people."""
    if name == "value":
        return PEOPLE if line.get("metric", "Metric") in {"n", "people"} else ()
    meanings = COLUMNS.get(name)
    if meanings is None and (declared or OTHER.match(name) or _PER.search(column)):
        return ()
    if rated and meanings != PEOPLE:
        return ()
    return MEANINGS if meanings is None else meanings


class _Typeset:
    """What a PDF may draw: numbers that stand in the release's pages and tables too, where rows and heads are known."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    @cached_property
    def numbers(self) -> frozenset[int]:
        """Every whole number of the other files."""
        texts = [t for line in self.seen.lines for _, t in line.cells]
        texts += [p.text for p in self.seen.prose if not p.file.endswith(".pdf")]
        return frozenset(whole(m[1]) for t in set(texts) for m in NUMBER.finditer(t))

    @cached_property
    def needed(self) -> frozenset[int]:
        """The numbers of people who are still needed, as the tables tell them."""
        texts = [t for line in self.seen.lines for c, t in line.cells if head(c) in NEEDED]
        found = frozenset(whole(m[1]) for t in set(texts) for m in NUMBER.finditer(t))
        return frozenset(n for n in found if n >= self.seen.registered.t)

    @cached_property
    def _things(self) -> frozenset[str]:
        """Pairs such as "15 of 35" that count groups or checks where a page has the whole sentence."""
        texts = {p.text for p in self.seen.prose if not p.file.endswith(".pdf")}
        texts |= {t for line in self.seen.lines for _, t in line.cells if " of " in t}
        return frozenset(p for t in texts for n in spoken(t) if n.thing for p in _PAIR.findall(n.text))

    def thing(self, number: Spoken) -> bool:
        """Whether a number in a line of a PDF, which may be cut off, is one of such a pair."""
        pairs = [p for p in _PAIR.findall(number.text) if str(number.value) in p.split()]
        return bool(pairs) and all(p in self._things for p in pairs)


def _prose(prose: Prose, allowed: Allowed, typeset: _Typeset) -> Iterator[Leak]:
    where = f"{prose.file}: {prose.where[:80]}"
    if not prose.file.endswith(".pdf"):
        yield from _spoken(prose.text, where, allowed.named(prose.text), allowed, rated=False)
        return
    told = _told(prose.text, where, allowed.everybody, allowed, rated=False)
    yield from (leak for number, leak in told if number.value not in typeset.needed and not typeset.thing(number))
    for number in spoken(prose.text):
        if typeset.thing(number):
            continue
        counts = not (number.rate or number.thing or number.needed or _is_rule(number, allowed.registered))
        if counts and number.value and number.value not in typeset.numbers:
            yield _found(number.value, where, f"“{number.text}”, which no page or table says", allowed.registered.t)


def _spoken(text: str, where: str, groups: Groups, allowed: Allowed, *, rated: bool) -> Iterator[Leak]:
    yield from (leak for _, leak in _told(text, where, groups, allowed, rated=rated))


def _told(text: str, where: str, groups: Groups, allowed: Allowed, *, rated: bool) -> Iterator[tuple[Spoken, Leak]]:
    """Yield each number of people in a text that does not follow from the groups' counts, and what to say of it."""
    known: frozenset[int] | None = None
    for number in spoken(text):
        if number.value == 0 or number.rate or number.thing or _is_rule(number, allowed.registered):
            continue
        if rated and number.value <= 1000 and " of " not in number.text:
            continue
        if known is None:
            known = allowed.values(tuple(dict.fromkeys([*groups, (None, EVERYONE)])), MEANINGS[:-1])
        if number.value not in known:
            yield number, _found(number.value, where, f"“{number.text}”", allowed.registered.t)


def _is_rule(number: Spoken, registered: Registered) -> bool:
    """Whether a number is that of a rule, not a count."""
    declared = {int(n) for n in registered.raw.get("declared", [])}
    if number.rule and number.value in declared:
        return True
    if number.needed:
        return number.value >= registered.t or number.value in _weighed(registered)
    rules = {registered.t, int(registered.w), registered.base, registered.t + 1, registered.t - 1}
    return number.rule and (number.value in rules or number.value in ROUND)


def _weighed(registered: Registered) -> set[int]:
    """Return how many false alarms a miss weighs at each declared threshold."""
    return {round((1 - cut) / cut) for cut in registered.models.values() if cut}


def _who(groups: Groups | None) -> str:
    if not groups:
        return "a group that is not told"
    return " or ".join(EVERYONE if a is None else f"{a} = {g}" for a, g in groups[:3])


def _found(value: int, where: str, who: str, t: int) -> Leak:
    kind = "small count" if 0 < value < t else "not registered"
    return Leak(kind, where, f"{value:,} people, {who}: it is no registered count, nor a sum of them.")
