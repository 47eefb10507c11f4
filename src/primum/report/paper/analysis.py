"""Methods, second part: models, threshold, groups, repairs, disclosure control, software (TRIPOD+AI 12 to 18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from primum.assure.evidence import scenario_of
from primum.learn.train import WORDS
from primum.report import words
from primum.report.numbers import fixed, general, known
from primum.report.paper import printed
from primum.report.paper.design import asked, asked_for, trained
from primum.report.paper.manuscript import (
    Block,
    Heading,
    Inline,
    bullets,
    cite,
    joined,
    listed,
    phrase,
    sentences,
    text,
    written,
)
from primum.report.say import say
from primum.report.source import Audited, chapter, divisions, models, primary, threshold
from primum.usecase import OVERALL, UseCase

PACKAGES = {
    "numpy": "harris2020",
    "scipy": "virtanen2020",
    "scikit-learn": "pedregosa2011",
    "interpret-core": "nori2019",
}
BOUNDS = {"gaffke": "learnedmiller2019", "phan": "phan2021", "betting": "waudbysmith2024"}
FURTHER = ("recording", "missing", "proxies", "prior", "diagnosis")
JOINED = "(other groups together)"
"""What a release calls the groups that it joined; nobody declared it."""

SOURCES = {
    "ebm": "nori2019", "logistic": "pedregosa2011", "boosting": "pedregosa2011", "scorecard": "sullivan2004",
}  # fmt: skip
"""Kind of learner → the reference that describes it."""


def models_used(run: Audited) -> list[Block]:
    """Return what the models are, how they were trained and calibrated."""
    own = trained(run)
    out: list[Block] = [Heading(say("paper.models.heading")), *bullets([_model(m) for m in models(run)])]
    if own:
        out.append(
            sentences(
                _trained(run.usecase, own),
                phrase("paper.models.steps", source=cite("cox1958")),
                say("paper.models.weights") if run.usecase.weight else "",
                say("paper.models.live"),
            )
        )
    elsewhere = len(own) < len(run.usecase.models)
    return [*out, *asked(run, "12c" if own else "12g", *(["16"] if elsewhere else []))]


def _trained(usecase: UseCase, own: list[str]) -> str:
    """Say how the models were trained, and which rows were kept together."""
    person, family = usecase.identifiers.repeated_visits, bool(usecase.identifiers.family)
    unit = "either" if person and family else "person" if person else "family" if family else ""
    several = "one" if len(own) == 1 else "many"
    about = {"models": words.capital(listed(own)), "folds": usecase.folds}
    if not unit:
        return say(f"paper.models.trained.{several}", **about)
    return say(f"paper.models.trained_together.{several}", unit=say(f"paper.models.unit.{unit}"), **about)


def _model(m: Mapping[str, Any]) -> tuple[Inline, ...]:
    settings = m.get("settings") or {}
    sort = str(settings.get("kind") or m.get("kind") or "")
    kind = str(settings.get("words") or WORDS.get(sort, sort))
    about = str(m.get("description") or "").rstrip(".")
    own = settings.get("settings")
    simple = (str, int, float, list)
    values = {k: v for k, v in own.items() if isinstance(v, simple) and k != "n_jobs"} if isinstance(own, dict) else {}
    told = "; ".join(f"{k.replace('_', ' ')} {_value(v)}" for k, v in values.items())
    key = SOURCES.get(sort)
    given: list[str | tuple[Inline, ...]] = [
        phrase("paper.models.model_source", name=m["name"], kind=kind, source=cite(key))
        if key
        else say("paper.models.model", name=m["name"], kind=kind)
    ]
    given += [say("paper.models.about", about=about)] if about else []
    given += [say("paper.models.settings", settings=told)] if told else []
    if m.get("scale") == "points":
        low, high = m.get("range", (None, None))
        given.append(say("paper.models.points", low=general(low), high=general(high)))
    return joined(given)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return say("paper.models.yes" if value else "paper.models.no")
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return general(value) if isinstance(value, float) else str(value)


def decision(run: Audited) -> list[Block]:
    """Return the decision, its threshold and why it lies there."""
    usecase, d = run.usecase, run.usecase.decision
    at = threshold(run, primary(run))
    scale = usecase.primary.scale
    kind = "risk" if scale == "probability" else "score"
    limit = _cut(at, scale)
    others = listed([_cut(t, scale) for t in d.other_thresholds])
    share = printed.percent(d.capacity)
    return [
        Heading(say("paper.decision.heading")),
        sentences(
            say("paper.decision.act", act=words.lower(d.act.rstrip("."))),
            say(f"paper.decision.{kind}", at=limit)
            if d.capacity is None
            else say(f"paper.decision.{kind}_room", at=limit, share=share),
            words.exchange(at, scale=scale, capacity=d.capacity is not None),
            say("paper.decision.others", thresholds=others) if others else "",
            say("paper.decision.errors", miss=d.miss.rstrip("."), alarm=d.false_alarm.rstrip(".")),
            phrase("paper.decision.chosen", chosen=written(d.chosen, asked_for("15"))),
        ),
    ]


def _cut(at: float | None, scale: str) -> str:
    return printed.threshold(at) if scale == "probability" or at is None else general(at)


def groups_used(run: Audited) -> list[Block]:
    """Return the groups, what they are compared with, and which comparisons were exploratory."""
    declared = {g.title: g for g in run.usecase.groups}
    lines = []
    for attribute, levels, cross in divisions(run):
        g = declared.get(attribute)
        names = [words.group_name("", x) for x in levels if x != JOINED]
        lines.append(
            say(
                "paper.groups.exploratory" if g is not None and g.is_exploratory else "paper.groups.confirmatory",
                attribute=words.capital(attribute),
                groups=say("paper.groups.combined") if cross else listed(names),
                comparator=words.comparator(OVERALL if g is None else g.reference),
            )
        )
    lead = text(say("paper.groups.lead"))
    return [Heading(say("paper.groups.heading")), lead, *bullets(lines), *asked(run, "14")]


def repairs_tried(run: Audited) -> list[Block]:
    """Return how repairs were fitted and judged."""
    held, declared = chapter(run, "repairs"), run.usecase.no_harm
    if not held.get("repairs") or declared is None:
        return []
    tried = [
        say("paper.fix.repair", name=r["name"], method=r["method"], groups=listed(r["by"])) for r in held["repairs"]
    ]
    n = held.get("people") or {}
    model = held.get("model", primary(run))
    people = {"fit": fixed(n["fix"]), "judge": fixed(n["certify"])} if n else {}
    train = n.get("train")
    utility = str((held.get("utility") or {}).get("words") or say("paper.fix.utility"))
    over = list(dict.fromkeys(str(g["attribute"]) for r in held["repairs"] for g in r.get("groups", [])))
    rule = phrase(
        "paper.fix.rule",
        groups=listed(over),
        size=general(1000 * declared.margin),
        utility=utility,
        alpha=printed.percent(declared.alpha),
        bound=say(f"paper.bound.{declared.bound}"),
        bound_source=cite(BOUNDS[declared.bound]),
        source=cite("berger1982"),
    )
    who = ""
    if people:
        who = (
            say("paper.fix.people_train", model=model, train=fixed(train), **people)
            if train
            else say("paper.fix.people", **people)
        )
    return [
        Heading(say("paper.fix.heading")),
        sentences(
            say("paper.fix.declared", model=model, repairs=listed(tried)),
            who,
            rule,
            say("paper.fix.several", count=fixed(len(tried)), alpha=printed.percent(declared.alpha))
            if len(tried) > 1
            else "",
            phrase("paper.fix.chosen", chosen=written(declared.chosen, say("paper.fix.who_chose"))),
        ),
    ]


def further(run: Audited) -> list[Block]:
    """Say which other parts the audit had; they are not told here."""
    there = [say(f"paper.further.{name}") for name in FURTHER if chapter(run, name)]
    scenario = scenario_of(run)
    there += [say("paper.further.claims")] if scenario is not None and scenario.claims else []
    if not there:
        return []
    return [Heading(say("paper.further.heading")), text(say("paper.further.text", parts=listed(there)))]


def disclosure(run: Audited) -> list[Block]:
    """Return how people were protected, where the numbers come from a release."""
    held = run.manifest.get("release")
    if not held:
        return []
    policy, t = str(held.get("words") or held.get("preset") or ""), held.get("t")
    rounding = str(held.get("rounding") or "")
    rules = [
        say("paper.disclosure.exception", rule=e.get("rule"), reason=str(e.get("reason", "")).rstrip("."))
        for e in held.get("exceptions") or []
    ]
    return [
        Heading(say("paper.disclosure.heading")),
        sentences(
            say("paper.disclosure.protected_by", policy=policy) if policy else say("paper.disclosure.protected"),
            say("paper.disclosure.joined"),
            say("paper.disclosure.least", most=int(t) - 1) if known(t) else "",
            say("paper.disclosure.rounding", rounding=rounding) if rounding else "",
            say("paper.disclosure.computed"),
            say("paper.disclosure.exceptions", rules=listed(rules)) if rules else "",
        ),
    ]


def software(run: Audited) -> list[Block]:
    """Return with what the numbers were made, and how to make them again."""
    m = run.manifest
    kinds, files = {x.train for x in run.usecase.models}, [str(x.file) for x in run.usecase.models if x.file]
    needed = {
        "scikit-learn": kinds != {None}, "interpret-core": "ebm" in kinds, "pydantic": False,
        "skops": any(f.endswith(".skops") for f in files), "onnxruntime": any(f.endswith(".onnx") for f in files),
    }  # fmt: skip
    packages = {k: str(v) for k, v in dict(m.get("packages") or {}).items() if needed.get(k, True)}
    version = m.get("primum", "")
    own = (
        say("paper.software.primum_python", version=version, python=m["python"])
        if m.get("python")
        else say("paper.software.primum", version=version)
    )
    named: list[tuple[Inline, ...]] = [
        (f"{name} {v}", " ", cite(PACKAGES[name])) if name in PACKAGES else (f"{name} {v}",)
        for name, v in packages.items()
    ]
    made = (
        phrase("paper.software.packages", primum=own, packages=joined(named, ", "))
        if named
        else say("paper.software.alone", primum=own)
    )
    seed = say("paper.software.seed", seed=m.get("seed", run.usecase.seed))
    return [Heading(say("paper.software.heading")), sentences(made, seed)]


def open_science(run: Audited) -> list[Block]:
    """Return what only people can tell: ethics, money, protocol, data, code, patients."""
    return [
        Heading(say("paper.open.heading")),
        *asked(run, "17", "18a", "18b", "18c", "18d", "18e", "18f", "19"),
    ]
