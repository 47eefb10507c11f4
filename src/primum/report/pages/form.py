"""Pages made of many topics: each is filled in by the audit, by a person in the use case, or waits for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from primum.errors import unknown
from primum.report.pages.names import Voice
from primum.report.pages.page import Block, Item, Page, Part, notice, render, stamp
from primum.report.source import Audited

Answer = Callable[[Audited, Voice], Sequence[Block]]


def form(
    run: Audited,
    voice: Voice,
    kind: str,
    topics: Mapping[str, Sequence[str]],
    answers: Mapping[str, Answer],
    *,
    settled: frozenset[str] = frozenset(),
    **values: str,
) -> Page:
    """Return a page of topics; what people wrote stands in the scenario of the use case, `texts`, under `kind`.

    Parameters
    ----------
    kind
        The page, as its texts are keyed ("model_card"); in the use case with a hyphen ("model-card").
    topics
        Chapter → its topics, in order. A topic is called "chapter.topic" in the use case.
    answers
        "chapter.topic" → what the audit tells of it.
    settled
        The topics that wait for nobody once the audit can tell of them.
    values
        For the title.

    Raises
    ------
    PrimumError
        If the use case gives a text for a topic that the page does not have.
    """
    name = kind.replace("_", "-")
    scenario = run.usecase.scenario
    given = scenario.texts.get(name, {}) if scenario else {}
    known = [f"{part}.{topic}" for part, listed in topics.items() for topic in listed]
    for topic in given:
        if topic not in known:
            raise unknown("topic", topic, known, where=f"the page '{name}'")
    say, parts = voice.say, []
    for part, listed in topics.items():
        items = []
        for topic in (f"{part}.{t}" for t in listed):
            blocks = [b for b in answers[topic](run, voice) if _full(b)] if topic in answers else []
            text = voice.own(given[topic]) if topic in given else ""
            waits = say.has(f"{kind}.{topic}.asks") and not text and not (topic in settled and blocks)
            asks = say(f"{kind}.{topic}.asks") if waits else ""
            items.append(Item(topic.split(".")[1], say(f"{kind}.{topic}.title"), blocks, text, asks))
        parts.append(Part(part, say(f"{kind}.{part}.title"), items))
    title = say(f"{kind}.title", **values)
    return Page(kind, title, say(f"{kind}.lead"), voice, stamp(run, voice), notice(run, voice), parts)


def html(page: Page, run: Audited) -> str:
    """Return such a page as HTML."""
    return render("page_form.html", page.voice, page=page, eyebrow=page.voice.own(run.usecase.title))


def _full(block: Block) -> bool:
    grid = getattr(block, "grid", None)
    return bool(grid) if grid is not None else bool(getattr(block, "text", None) or getattr(block, "lines", None))
