"""The report as one HTML file that opens offline: no request leaves it, and its only script moves the threshold."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from primum.errors import MissingExtraError
from primum.report import slider, words
from primum.report.grid import Grid, flat
from primum.report.numbers import NBSP
from primum.report.page_one import page_one
from primum.report.say import say, spoken
from primum.report.section import numbered
from primum.report.sections import FIRST, GROUPS, sections
from primum.report.source import Audited, chapter, models, primary
from primum.report.views import further, groups, joint, people, searched
from primum.report.views import run as again

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from primum.report.figures import Figure

TITLES = {"groups-": "groups", "difference": "difference", "calibration": "calibration", "decision": "decision"}
"""How the name of a figure of the groups begins -> the key of the question that it answers."""
_ID = re.compile(r'\b(id="|url\(#|href="#)')


def html(
    run: Audited, figures: Mapping[str, str | bytes], drawn: Iterable[Figure] = (), *, export: bool = False
) -> str:
    """Return the whole report.

    Parameters
    ----------
    run
        A finished run.
    figures
        Name of a figure -> its SVG, or its PNG.
    drawn
        The figures themselves, for titles, alt texts and tables; a figure without a picture shows its table only.
    export
        Whether the page may leave the room: all drawings are then pixels, and what concerns the machine is left out.

    Raises
    ------
    MissingExtraError
        If jinja2 is not installed.
    PrimumError
        With `export`, if the run was not protected for release.
    """
    page = page_one(run, export=export)
    environment = templates()
    style, script = resource("style.css"), resource("threshold.js")
    content = slider.data(run)
    pictures = by_chapter(figures, drawn)
    told = sections(run)
    return environment.get_template("report.html").render(
        run=run,
        usecase=run.usecase,
        style=safe(style),
        script=safe(script),
        policy=policy(style, script),
        tallies=safe(slider.script_text(content)) if content else None,
        slider=content,
        slider_table=slider.table(run),
        page=page,
        export=export,
        absent=words.absent(),
        drawing=_pixels if export else safe,
        environment=partial(again.environment, export=export),
        limits=again.limits(run, export=export),
        intervals=words.intervals(run.usecase.level),
        figures=pictures,
        sections=told,
        numbers={**numbered(told, FIRST), "groups": GROUPS, "last": FIRST + len(told)},
        pictures=_sorted(pictures.get("groups", [])),
        primary=primary(run),
        models=[m["name"] for m in models(run)],
        people=people,
        groups=groups,
        joint=joint,
        further=further,
        searched=searched,
        title=lambda metric: words.lower(words.metric_title(metric)),
        again=again,
        inside=_inside(run, threshold=bool(content)),
        source=chapter(run, "people").get("source", ""),
        notes=chapter(run, "people").get("notes", []),
        used={r["metric"] for r in chapter(run, "performance").get("estimates", [])},
    )


def _inside(run: Audited, *, threshold: bool) -> list[tuple[str, str]]:
    """Return the places within the chapter of the groups to which the contents lead."""
    held = chapter(run, "groups")
    model = primary(run)
    places = {
        "threshold": ("threshold.title", threshold),
        "at-once": ("page.groups.at_once", bool(joint.metrics(run, model) or joint.alike(run, model))),
        "small-groups": ("page.groups.small", bool(joint.metrics(run, model, "shrunk"))),
        "policies": ("page.groups.policies", bool(further.policies(run, model))),
        "exposure": ("page.groups.exposure", bool(further.exposure(run, model))),
        "gap-parts": ("page.groups.gap", bool(further.gap_metrics(run, model))),
        "searched": ("page.groups.searched", bool(held.get("discovery"))),
    }
    return [(place, say(key)) for place, (key, there) in places.items() if there]


def policy(style: str, script: str) -> str:
    """Return the content-security policy: nothing may be fetched, and only our own style and script may act."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _pixels(svg: str) -> Markup:
    from primum.report.image import inline

    return safe(inline(svg))


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def resource(name: str) -> str:
    """Return a text file of this package."""
    return (files("primum.report") / name).read_text(encoding="utf8")


def templates() -> Environment:
    """Return the templates, with their filters and the words of the language.

    Raises
    ------
    MissingExtraError
        If jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as cause:
        raise MissingExtraError("jinja2", "report", "Writing the HTML report") from cause
    environment = Environment(
        loader=PackageLoader("primum.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["whole"] = whole
    environment.filters["day"] = lambda text: str(text)[:10]
    environment.globals |= {"say": say, "spoken": spoken, "marked": marked}
    return environment


def marked(key: str, **values: object) -> Markup:
    """Return a text of the report as markup: it is escaped, and so are the values that are not markup themselves."""
    from markupsafe import Markup, escape

    text = say(key, **{name: f"{{{name}}}" for name in values})
    return Markup(str(escape(text))).format(**values)  # noqa: S704 - escaped here


def whole(text: str) -> Markup:
    """Escape a sentence and keep each number together with its interval on one line."""
    from markupsafe import Markup, escape

    escaped = str(escape(text))
    return Markup(re.sub(rf"([^\s]*{NBSP})?\[[^\]<]{{1,40}}\]", r'<span class="nb">\g<0></span>', escaped))  # noqa: S704 - escaped above


def safe(text: str) -> Markup:
    """Return text that we made ourselves as markup."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - our own resources and the SVG that we drew


def by_chapter(pictures: Mapping[str, str | bytes], drawn: Iterable[Figure]) -> dict[str, list[dict[str, Any]]]:
    """Return the figures by chapter, each with its picture as markup and the table behind it."""
    out: dict[str, list[dict[str, Any]]] = {}
    for figure in drawn:
        if figure.page_one:
            continue
        table: Grid = flat(say("page.behind", title=figure.title), figure.table)
        entry = {
            "name": figure.name, "title": figure.title, "alt": figure.alt, "note": figure.note, "table": table,
            "picture": _picture(figure, pictures.get(figure.name)),
        }  # fmt: skip
        out.setdefault(figure.chapter, []).append(entry)
    return out


def _sorted(figures: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the figures of the groups under the question that each answers."""
    out: dict[str, list[dict[str, Any]]] = {key: [] for key in [*TITLES.values(), "more"]}
    for figure in figures:
        out[next((key for start, key in TITLES.items() if figure["name"].startswith(start)), "more")].append(figure)
    return [(say(f"page.pictures.{key}"), found) for key, found in out.items() if found]


def _picture(figure: Figure, picture: str | bytes | None) -> Markup:
    """Return a picture as part of the page: an SVG as it is, a PNG inside an image element."""
    from primum.report.image import image

    if picture is None:
        return safe("")
    return safe(image(picture, figure.alt) if isinstance(picture, bytes) else embed(picture, figure.name))


def embed(svg: str, name: str) -> str:
    """Return an SVG fit to stand among others in one page: no prolog, no identifiers that meet another's."""
    text = svg[svg.index("<svg") :]
    return _ID.sub(rf"\g<1>{re.escape(name)}-", text)
