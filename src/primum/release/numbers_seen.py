"""Every number of people in a release against the register: what is not a registered count, or a sum of them, is found.

Columns are known by their heads. A whole number under a head that is neither a kind of people nor known to hold
something else counts as people: a new table must say what it holds, or is found. What may stand without being a count
follows from the release itself: the names of its groups, the declared numbers in its register, the sizes of its files,
the numbers of people still needed that its findings tell, and the words of primum's own texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache

from primum.disclose.presets import preset
from primum.errors import PrimumError
from primum.measure.table import EVERYONE
from primum.release.gather import SEALS, Seen
from primum.release.leak import Leak
from primum.release.own_words import own
from primum.release.read_page import GROUPS, WHOLE, Line, Prose
from primum.release.registered import JOINED, MEANINGS, Registered
from primum.release.spoken import NUMBER, Spoken, numeric, spoken, whole
from primum.release.vocabulary import NOUNS, ROUND
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
    r"^(?:value|low|high|level|ideal|margin|p|p value|p margin|adjusted|holm|joint low|joint high|statistic|df|q|per|z"
    r"|t|at"
    r"|threshold|declared|predicted|observed|fpr|fnr|ppv|npv|share|rate|ratio|difference|here|elsewhere|limits|interval"
    r"|line|item|items|number of items|section|page|place|rank|order|id|ids|code|codes|version|schema version|format"
    r"|year|date|day|created|time|seconds|seed|resolution|depth|digits|base|n effective|window|due|capacity|source"
    r"|groups compared|groups|suppressed|withheld|supported|refuted|inconclusive|human judgement|not testable.*"
    r"|computed|drafted|given|not applicable|claims|reference|step|bin|w|primum|kind|nne|score|range|priority|clause"
    r"|article|length|bytes|files|sha256|hash|ledger|.*estimates?"
    r"|numbers?|how much|least|exceptions|weight"
    r"|folds|.*replicates|beta|alpha|power|half width|more events|cells|width|height|plan|key|status"
    r"|.*\b(?:low|high)"
    r"|.*(?:share|rate|ratio|gap|difference|margin|threshold|probability|sensitivity|specificity|auroc|auprc|brier"
    r"|slope|calibration|precision|prevalence|benefit|value|predicted|observed|score|per 1,?000|of 100|version|date"
    r"|limit|interval|ici|e50|e90|intercept|oe|index|selection))$"
)
"""Heads of columns that hold something else."""
NEEDED = frozenset({"more needed", "more events", "more kind", "needed"})
"""Heads of columns about people who are still needed."""
_STEPS = {"t", "threshold", "predicted", "fpr", "score", "observed"}
NAMES = frozenset({"group", "level", "label", "comparator", "reference", "key", "field", "head", "shown", "ranked",
                   "groups", "withheld"})  # fmt: skip
"""Heads of columns that hold the name of a group."""
AMOUNTS = frozenset({"value", "how much", "amount", "waarde", "hoeveel"})
MEASURES = ("metric", "Metric", "measure", "Measure", "name", "statistic", "label", "field", "key")
"""Heads under which an amount of something stands, and under which the row says of what."""
FINDINGS = "findings.json"
LEAST = ("t", "t_household", "t_institution", "df_min", "tail")
"""Rules of a preset about the least number of people."""
_PAIR = re.compile(r"(?<![\w.,])\d+ of \d+(?![\w.,]\d)")
_DECIMAL = re.compile(r"^-?\d*\.\d*[1-9]\d*$")
_PER = re.compile(
    r"(?:of|per|every)[\s\u00a0](?:each[\s\u00a0])?(?:1[,.\u202f]?000|100)\b|\b1,000[\s\u00a0]people", re.IGNORECASE
)
DECLARED = re.compile(r"(?:^|> )(?:usecase\.yaml|[a-z.-]*schema\.json|checklists/.*|findings\.schema\.json)$")
"""Files that hold what was declared, or laws and lists; numbers in them are people only where the words say so."""
_UNRECORDED = re.compile(r"not recorded|unknown|niet vastgelegd|onbekend|missing", re.IGNORECASE)
Groups = tuple[tuple[str | None, str], ...]


class Allowed:
    """Which numbers of people follow from the register, for any groups."""

    def __init__(self, registered: Registered, needed: Collection[int] = ()) -> None:
        self.registered = registered
        self.needed = frozenset(needed)
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
        alone = own if _UNRECORDED.fullmatch(text.strip()) else []
        return [g for g in own if g[0] and g[0].lower() in text.lower()] or alone

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

    def told(self, groups: Groups, meanings: Collection[str], model: str | None = None) -> frozenset[int]:
        """Return all numbers that may be told of these groups: also those of everyone beside the tallies."""
        found = self.values(groups, meanings, model)
        return found | self.beside if (None, EVERYONE) in groups else found

    @cached_property
    def beside(self) -> frozenset[int]:
        """The registered counts of everyone beside the tallies, and of everyone else."""
        counts = set(self.registered.beside.values())
        return frozenset(counts | {n - c for n in self.of((None, EVERYONE)).get("n", ()) for c in counts if c < n})

    @cached_property
    def policy(self) -> frozenset[int]:
        """The least numbers of the preset that the release names; none where it is a bureau's own file."""
        try:
            rules = preset(self.registered.preset)
        except PrimumError:
            return frozenset()
        return frozenset(rules[n] for n in LEAST if isinstance(rules[n], int))

    def is_name(self, text: str, column: str) -> bool:
        """Whether a number is the name of a group, under a head where names stand."""
        if text.strip().lower() not in self.parts:
            return False
        return not column or column in NAMES or column in {head(a) for a in self.registered.attributes}

    @cached_property
    def parts(self) -> frozenset[str]:
        """The names of all groups, and those that are crossed one by one."""
        names = [n for d in self.registered.attributes.values() for n in (*d.shown, *d.withheld)]
        return frozenset(part.lower() for n in names for part in (n, *n.split(JOINED)))

    def without_names(self, text: str) -> str:
        """Return a text without the names of groups that hold numbers: "18–29", "1 child", "5 (satisfaction)"."""
        return text if self._names is None else self._names.sub("·", text)

    @cached_property
    def _names(self) -> re.Pattern[str] | None:
        counted = re.compile(rf"\b(?:{NOUNS})\b", re.IGNORECASE)
        bare = [re.escape(n) for n in self.parts if n.isdigit()]
        named = [re.escape(n) for n in self.parts if not n.isdigit() and (numeric(n) or counted.search(n))]
        titles = "|".join(sorted((re.escape(a) for a in self.registered.attributes), key=len, reverse=True))
        ways = [rf"(?<![\w.,])(?:{'|'.join(sorted(named, key=len, reverse=True))})(?!\w|[.,]\d)"] if named else []
        if bare:
            number = "|".join(sorted(bare, key=len, reverse=True))
            ways += [rf"(?:\b(?:group|groep|level)|(?<!\w)(?:{titles}))\s*(?:=|:|is)?\s*(?:{number})(?!\w|[.,]\d)",
                     rf"(?<![\w.,])(?:{number})(?=\s?\((?:{titles})\))",
                     rf"(?:(?<={JOINED})(?:{number})(?!\w|[.,]\d)|(?<![\w.,])(?:{number})(?={JOINED}))"]  # fmt: skip
        return re.compile("|".join(ways), re.IGNORECASE) if ways else None

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
    allowed, shares, typeset = Allowed(seen.registered, _needed(seen)), _shares(seen), _Typeset(seen)
    sizes = {name: (seen.folder / name).stat().st_size for name in seen.files}
    found: dict[tuple[str, str], Leak] = {}
    for line in seen.lines:
        for leak in _line(line, allowed, shares, sizes if line.file == SEALS else {}):
            found.setdefault((leak.where, leak.said), leak)
    for prose in seen.prose:
        for leak in () if prose.row else _prose(prose, allowed, typeset):
            found.setdefault((leak.where, leak.said), leak)
    return list(found.values())


def _needed(seen: Seen) -> set[int]:
    """Return how many more people its findings say are needed: computed from what is shown, and told in sentences."""
    cells = ((head(c), t) for line in seen.lines if line.file == FINDINGS for c, t in line.cells)
    return {whole(got[1]) for name, text in cells if name in NEEDED and (got := WHOLE.match(text))}


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
            elif WHOLE.match(text):
                most[key] = max(most.get(key, 0.0), float(whole(text.partition(".")[0])))
    return {key for key in fine if most[key] <= 1}


@lru_cache(maxsize=4096)
def head(column: str) -> str:
    """Return the head of a column in plain form."""
    return " ".join(column.replace("_", " ").replace("\u00a0", " ").replace("-", " ").lower().split())


def group_of(line: Line) -> str:
    """Return the name of the group that a line is about, "" where it does not say; a level may be 0.95 as well."""
    level = line.get("level")
    return line.get(*GROUPS) or ("" if _DECIMAL.match(level) else level)


def groups_of(line: Line, allowed: Allowed) -> Groups | None:
    """Return the groups that a line is about; None where it does not say."""
    attribute, group = line.get("attribute", "Attribute"), group_of(line)
    if group and attribute in {"", OVERALL} and group.lower() == EVERYONE:
        return ((None, EVERYONE),)
    if attribute and group:
        return ((attribute, group),)
    for i, (column, text) in enumerate(line.cells[:2]):
        if i and text.isdigit() and head(column) not in NAMES:
            continue
        hit = allowed.labels.get(text.lower()) or allowed.missing(text)
        if hit:
            return tuple(hit)
    return None


def _line(line: Line, allowed: Allowed, shares: set[tuple[str, str, str]], sizes: Mapping[str, int]) -> Iterator[Leak]:
    groups = groups_of(line, allowed)
    model = line.get("model", "Model") or None
    heads = [head(c) for c, _ in line.cells]
    rated = "per" in heads or bool(_PER.search(f"{line.table} {line.section}"))
    declared = bool(DECLARED.search(line.file))
    for i, ((column, text), name) in enumerate(zip(line.cells, heads, strict=True)):
        where = f"{line.file}: {line.table[:60]}, {column}"
        got = WHOLE.match(text)
        if got is None:
            told = _told(text, where, lambda: groups or allowed.everybody, allowed, rated=rated, needed=name in NEEDED)
            yield from (leak for _, leak in told)
            continue
        value = whole(got[1])
        if value == 0 or (value == 1 and (line.file, line.table, column) in shares) or sizes.get(column) == value:
            continue
        if name not in COLUMNS and allowed.is_name(text, "" if i == 0 and len(heads) > 1 else name):
            continue
        known = _meanings(line, column, name, rated=rated, declared=declared)
        if not known:
            continue
        if _STEPS & set(heads):
            known = MEANINGS
        if value not in allowed.told(groups or allowed.everybody, known, model):
            yield _found(value, where, _who(groups), allowed.registered.t)


def _meanings(line: Line, column: str, name: str, *, rated: bool, declared: bool) -> tuple[str, ...]:
    """Return which sums may stand in a column; none where it holds something that is not people."""
    if name in AMOUNTS:
        said = (head(line.get(*MEASURES)), *(head(t) for c, t in line.cells[:1] if c != column))
        return next((COLUMNS[s] for s in said if s in COLUMNS), ())
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
        yield from (leak for _, leak in _told(prose.text, where, lambda: allowed.named(prose.text), allowed))
        return
    told = _told(prose.text, where, lambda: allowed.everybody, allowed)
    for number, leak in told:  # a cell drawn alone, such as "7 cases", has lost its head
        needed = number.value in typeset.needed or (number.value in allowed.needed and not number.label)
        if not needed and not typeset.thing(number):
            yield leak
    for number in spoken(allowed.without_names(prose.text)):
        if typeset.thing(number):
            continue
        counts = not (number.rate or number.thing or number.needed or _is_rule(number, allowed))
        if counts and number.value and number.value not in typeset.numbers:
            yield _found(number.value, where, f"“{number.text}”, which no page or table says", allowed.registered.t)


def _told(
    text: str, where: str, groups: Callable[[], Groups], allowed: Allowed, *, rated: bool = False, needed: bool = False
) -> Iterator[tuple[Spoken, Leak]]:
    """Yield each number of people in a text that does not follow from the groups' counts, and what to say of it."""
    known: frozenset[int] | None = None
    for number in spoken(allowed.without_names(text)) if spoken(text) else ():
        asked = replace(number, needed=True) if needed else number
        if number.value == 0 or number.rate or number.thing or _is_rule(asked, allowed) or own(number.written):
            continue
        if rated and not number.label and number.value <= 1000 and " of " not in number.text:
            continue
        if known is None:
            known = allowed.told(tuple(dict.fromkeys([*groups(), (None, EVERYONE)])), MEANINGS[:-1])
        if number.value not in known:
            yield number, _found(number.value, where, f"“{number.text}”", allowed.registered.t)


def _is_rule(number: Spoken, allowed: Allowed) -> bool:
    """Whether a number is that of a rule, not a count."""
    registered = allowed.registered
    declared = {int(n) for n in registered.raw.get("declared", [])}
    if number.rule and number.value in declared:
        return True
    if number.needed:
        return number.value >= registered.t or number.value in allowed.needed | _weighed(registered)
    rules = {registered.t, int(registered.w), registered.t + 1, registered.t - 1}
    rules |= {registered.base} if registered.rounding != "none" else set()
    return number.rule and (number.value in rules | allowed.policy or number.value in ROUND)


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
