"""The datasheet of the data behind an audit: seven parts after Gebru et al. (2021), in our own words.

References
----------
Gebru T, Morgenstern J, Vecchione B, et al. Datasheets for datasets. Commun ACM 2021;64(12):86-92.
"""

from __future__ import annotations

from collections.abc import Sequence

from primum.report.numbers import known
from primum.report.pages import tables
from primum.report.pages.facts import filters, inputs, people
from primum.report.pages.form import form
from primum.report.pages.names import Voice, voice
from primum.report.pages.page import Block, Page, released
from primum.report.section import Bullets, Text
from primum.report.source import Audited, chapter
from primum.report.views.labels import labels
from primum.report.views.run import condition

KIND = "datasheet"
TOPICS = {
    "motivation": ("purpose", "makers", "funding", "more"),
    "composition": (
        "rows", "size", "sample", "content", "target", "missing", "related", "parts", "noise", "links", "secret",
        "upsetting", "groups", "recognised", "sensitive", "more",
    ),
    "collection": (
        "how", "means", "sampling", "who", "when", "review", "direct", "told", "consent", "withdraw", "impact", "more",
    ),
    "preparation": ("done", "raw", "software", "more"),
    "uses": ("already", "where", "other", "effects", "avoid", "more"),
    "distribution": ("others", "how", "when", "licence", "rights", "export", "more"),
    "maintenance": ("keeper", "contact", "errata", "updates", "retention", "versions", "extend", "more"),
}  # fmt: skip
"""Chapter → topics, as many as the paper has questions: 57."""
Blocks = Sequence[Block]


def datasheet(run: Audited, code: str = "en") -> Page:
    """Return the datasheet of the data that the run was made from.

    What people write about them stands in the scenario of the use case: `texts`, `datasheet`, for example
    `collection.consent`.

    Raises
    ------
    PrimumError
        If there is no such language, or the use case gives a text for a topic that the datasheet does not have.
    """
    return form(run, voice(run, code), KIND, TOPICS, ANSWERS)


def _purpose(run: Audited, v: Voice) -> Blocks:
    return [Text(v.say("datasheet.motivation.purpose.auto", question=v.own(run.usecase.question)))]


def _rows(run: Audited, v: Voice) -> Blocks:
    return [Text(v.say("datasheet.composition.rows.auto", population=v.sentence(run.usecase.population)))]


def _size(run: Audited, v: Voice) -> Blocks:
    (n, events), say, key = people(run), v.say, "datasheet.composition.size"
    if not known(n):
        return [Text(say(f"{key}.withheld"))]
    outcome = v.own(run.usecase.outcome.name)
    told = say(f"{key}.auto", n=say.count(n), events=say.count(events), outcome=outcome)
    return [Text(told), *tables.inside(run, v, tables.flow(run, v))]


def _content(run: Audited, v: Voice) -> Blocks:
    names, key = inputs(run, v), "datasheet.composition.content"
    if not names:
        return [Text(v.say(f"{key}.none"))]
    return [Text(v.say(f"{key}.auto", n=v.say.count(len(names)), inputs="; ".join(names)))]


def _target(run: Audited, v: Voice) -> Blocks:
    outcome = run.usecase.outcome
    names = labels(chapter(run, "people"))
    rule = v.own("; ".join(condition(c, names) for c in outcome.when))
    by = v.own(outcome.recorded_by).rstrip(".")
    return [Text(v.say("datasheet.composition.target.auto", outcome=v.sentence(outcome.name), by=by, rule=rule))]


def _missing(run: Audited, v: Voice) -> Blocks:
    found = tables.inside(run, v, *tables.missing(run, v))
    return found or [Text(v.say("datasheet.composition.missing.none"))]


def _related(run: Audited, v: Voice) -> Blocks:
    ids, key = run.usecase.identifiers, "datasheet.composition.related"
    names = [c for c in (ids.person, ids.family, ids.site) if c is not None]
    if not names:
        return [Text(v.say(f"{key}.none"))]
    return [Text(v.say(f"{key}.auto", ids=v.say.listed([v.own(n) for n in names])))]


def _parts(run: Audited, v: Voice) -> Blocks:
    key = "datasheet.composition.parts"
    if any(m.train is not None for m in run.usecase.models):
        return [Text(v.say(f"{key}.trained", folds=v.say.count(run.usecase.folds)))]
    return [Text(v.say(f"{key}.none"))]


def _noise(run: Audited, v: Voice) -> Blocks:
    if released(run):
        return tables.inside(run, v)
    signs = [v.own(str(i["title"])) for i in chapter(run, "people").get("leakage") or []]
    told = [Text(v.say("datasheet.composition.noise.signs", signs="; ".join(signs)))] if signs else []
    return [*told, *tables.inside(run, v, tables.codes(run, v))]


def _groups(run: Audited, v: Voice) -> Blocks:
    return [Text(v.say("datasheet.composition.groups.auto")), *tables.counts(run, v)]


def _sensitive(run: Audited, v: Voice) -> Blocks:
    names = [v.attribute(g.title) for g in run.usecase.groups if not g.intersection]
    outcome = v.own(run.usecase.outcome.name)
    return [Text(v.say("datasheet.composition.sensitive.auto", groups=v.say.listed(names), outcome=outcome))]


def _how(run: Audited, v: Voice) -> Blocks:
    by = v.own(run.usecase.outcome.recorded_by).rstrip(".")
    notes = [] if released(run) else [v.own(str(n)) for n in chapter(run, "people").get("notes") or []]
    return [Text(v.say("datasheet.collection.how.auto", by=by)), Bullets(notes)]


def _sampling(run: Audited, v: Voice) -> Blocks:
    weight = run.usecase.weight
    return [Text(v.say("datasheet.collection.sampling.weight", weight=v.own(weight)))] if weight else []


def _done(run: Audited, v: Voice) -> Blocks:
    told, key, out = filters(run, v), "datasheet.preparation.done", []
    if told:
        out.append(Text(v.say(f"{key}.filters", filters=told)))
    derived = [
        f"{d.name} = {'sum' if d.sum else 'mean'}({', '.join(d.sum or d.mean or [])})" for d in run.usecase.derive
    ]
    if derived:
        out.append(Text(v.say(f"{key}.derived", derived=v.own("; ".join(derived)))))
    return out


def _software(run: Audited, v: Voice) -> Blocks:
    return [Text(v.say("datasheet.preparation.software.auto", version=str(run.manifest.get("primum", ""))))]


def _already(run: Audited, v: Voice) -> Blocks:
    return [Text(v.say("datasheet.uses.already.auto", title=f"{v.sentence(run.usecase.title)}."))]


def _effects(run: Audited, v: Voice) -> Blocks:
    table = tables.population(run, v)
    if released(run):
        return []
    return [Text(v.say("datasheet.uses.effects.shares")), table] if table.grid else []


ANSWERS = {
    "motivation.purpose": _purpose,
    "composition.rows": _rows,
    "composition.size": _size,
    "composition.content": _content,
    "composition.target": _target,
    "composition.missing": _missing,
    "composition.related": _related,
    "composition.parts": _parts,
    "composition.noise": _noise,
    "composition.groups": _groups,
    "composition.sensitive": _sensitive,
    "collection.how": _how,
    "collection.sampling": _sampling,
    "preparation.done": _done,
    "preparation.software": _software,
    "uses.already": _already,
    "uses.effects": _effects,
}
