"""Methods, second part: models, threshold, groups, repairs, disclosure control, software (TRIPOD+AI 12 to 18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from primum.assure.evidence import scenario_of
from primum.learn.train import WORDS
from primum.report import words
from primum.report.numbers import fixed, known
from primum.report.paper import printed
from primum.report.paper.design import asked, quoted, trained
from primum.report.paper.manuscript import Block, Heading, Inline, bullets, cite, listed, text
from primum.report.source import Audited, chapter, divisions, models, primary, threshold
from primum.usecase import OVERALL

PACKAGES = {
    "numpy": "harris2020",
    "scipy": "virtanen2020",
    "scikit-learn": "pedregosa2011",
    "interpret-core": "nori2019",
}
BOUNDS = {"gaffke": "learnedmiller2019", "phan": "phan2021", "betting": "waudbysmith2024"}
BOUND_NAMES = {"gaffke": "Gaffke's bound", "phan": "the bound of Phan and others", "betting": "a betting bound"}
FURTHER = {
    "recording": "how far incomplete recording of the outcome could change the verdicts",
    "missing": "missing inputs",
    "proxies": "proxies of group membership",
    "prior": "models with prior knowledge",
    "diagnosis": "where differences between groups may come from",
}
JOINED = "(other groups together)"
"""What a release calls the groups that it joined; nobody declared it."""
LIVE = "the models were trained for this evaluation only; no final model was fitted to everybody"


def models_used(run: Audited) -> list[Block]:
    """Return what the models are, how they were trained and calibrated."""
    lines = [_model(m) for m in models(run)]
    own = trained(run)
    out: list[Block] = [Heading("Models"), *bullets(lines)]
    if own:
        ids = run.usecase.identifiers
        together = [n for n, there in (("person", ids.repeated_visits), ("family", bool(ids.family))) if there]
        keep = f", with all rows of a {' or '.join(together)} in one part" if together else ""
        weights = " Survey weights entered the training." if run.usecase.weight else ""
        out.append(
            text(
                f"{words.capital(listed(own))} {'was' if len(own) == 1 else 'were'} trained by "
                f"{run.usecase.folds}-fold cross-fitting, stratified by the outcome{keep}: every person's risk comes "
                "from a model that saw nothing of that person. All steps, from the handling of gaps to tuning and "
                "recalibration, were repeated within each training part. Risks were recalibrated by intercept and "
                "slope on the log-odds scale ",
                cite("cox1958"),
                f", also without the people to whom it was applied. No resampling or class weights were used.{weights} "
                f"{words.capital(LIVE)}.",
            )
        )
    asks = [("12c", "why these models were chosen")] if own else [("12g", "how the predictions were calculated")]
    if len(own) < len(run.usecase.models):
        asks.append(("16", "how these people differ from those on whom models made elsewhere were developed"))
    return [*out, *asked(run, asks)]


def _model(m: Mapping[str, Any]) -> list[Inline]:
    settings = m.get("settings") or {}
    sort = str(settings.get("kind") or m.get("kind") or "")
    kind = str(settings.get("words") or WORDS.get(sort, sort))
    about = str(m.get("description") or "").rstrip(".")
    own = settings.get("settings")
    simple = (str, int, float, list)
    values = {k: v for k, v in own.items() if isinstance(v, simple) and k != "n_jobs"} if isinstance(own, dict) else {}
    told = "; ".join(f"{k.replace('_', ' ')} {_value(v)}" for k, v in values.items())
    given: list[Inline] = [f"{m['name']}: {kind}"]
    key = {"ebm": "nori2019", "logistic": "pedregosa2011", "boosting": "pedregosa2011"}.get(sort)
    given += [" ", cite(key)] if key else []
    given.append(f". {about}." if about else ".")
    given += [f" Settings: {told}."] if told else []
    if m.get("scale") == "points":
        low, high = m.get("range", (None, None))
        given.append(f" A score in points, from {low:g} to {high:g}.")
    return given


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def decision(run: Audited) -> list[Block]:
    """Return the decision, its threshold and why it lies there."""
    usecase, d = run.usecase, run.usecase.decision
    at = threshold(run, primary(run))
    scale = usecase.primary.scale
    limit = (
        f"a predicted risk of {printed.threshold(at)} or more"
        if scale == "probability"
        else f"a score of {at:g} or more"
    )
    if d.capacity is not None:
        limit += f", which is as many as there was room for ({printed.percent(d.capacity)} of people)"
    price = words.exchange(at, scale=scale, capacity=d.capacity is not None)
    also = listed([printed.threshold(t) if scale == "probability" else f"{t:g}" for t in d.other_thresholds])
    others = f" Other thresholds that were declared: {also}." if also else ""
    return [
        Heading("Decision threshold"),
        text(
            f"The decision to be supported is to {words.lower(d.act.rstrip('.'))}. People were selected at {limit}. "
            f"{price}{others} A miss means that the person {d.miss.rstrip('.')}; a false alarm that the person "
            f"{d.false_alarm.rstrip('.')}. How the threshold was chosen, in the words of those who declared it: ",
            quoted(d.chosen, "who chose the threshold, and how (TRIPOD+AI 15)"),
            ".",
        ),
    ]


def groups_used(run: Audited) -> list[Block]:
    """Return the groups, what they are compared with, and which comparisons were exploratory."""
    declared = {g.title: g for g in run.usecase.groups}
    lines = []
    for attribute, levels, cross in divisions(run):
        g = declared.get(attribute)
        against = "everyone else" if g is None or g.reference == OVERALL else g.reference
        names = (
            "combinations of the groups above"
            if cross
            else listed([words.group_name("", x) for x in levels if x != JOINED])
        )
        role = "exploratory" if g is not None and g.is_exploratory else "confirmatory"
        lines.append(f"{words.capital(attribute)}: {names}; compared with {against}; {role}.")
    return [
        Heading("Groups"),
        text("People were divided in these ways, declared beforehand:"),
        *bullets(lines),
        *asked(run, [("14", "why these groups were chosen, and how differences between them were approached")]),
    ]


def repairs_tried(run: Audited) -> list[Block]:
    """Return how repairs were fitted and judged."""
    held, declared = chapter(run, "repairs"), run.usecase.no_harm
    if not held.get("repairs") or declared is None:
        return []
    names = listed([f"{r['name']} ({r['method']} by {listed(r['by'])})" for r in held["repairs"]])
    n = held.get("people") or {}
    parts = f"{fixed(n['fix'])} people fitted the repairs and {fixed(n['certify'])} others judged them" if n else ""
    train = f"{fixed(n['train'])} people trained the model, " if n.get("train") else ""
    utility = str((held.get("utility") or {}).get("words") or "net true positives")
    over = list(dict.fromkeys(str(g["attribute"]) for r in held["repairs"] for g in r.get("groups", [])))
    return [
        Heading("Repairs of the model"),
        text(
            f"These repairs of {held.get('model', primary(run))} were declared and tried: {names}. {train}{parts}. "
            f"A repair was acceptable (a certificate was granted) only if every group of {listed(over)} was shown not "
            f"to lose as much as {1000 * declared.margin:g} {utility} per 1,000 people, each group by its own "
            f"one-sided test at {printed.percent(declared.alpha)} with {BOUND_NAMES[declared.bound]} ",
            cite(BOUNDS[declared.bound]),
            "; as every group had to pass, no correction for their number is needed ",
            cite("berger1982"),
            ". How margin and error were chosen: ",
            quoted(declared.chosen, "who chose the no-harm margin and the error, and how"),
            ".",
        ),
    ]


def further(run: Audited) -> list[Block]:
    """Say which other parts the audit had; they are not told here."""
    there = [what for name, what in FURTHER.items() if chapter(run, name)]
    scenario = scenario_of(run)
    there += ["claims about the model, declared beforehand"] if scenario is not None and scenario.claims else []
    if not there:
        return []
    return [
        Heading("Further analyses"),
        text(f"The same audit also looked at {listed(there)}. These analyses are in its report and not repeated here."),
    ]


def disclosure(run: Audited) -> list[Block]:
    """Return how people were protected, where the numbers come from a release."""
    held = run.manifest.get("release")
    if not held:
        return []
    policy, t = str(held.get("words") or held.get("preset") or ""), held.get("t")
    least = (
        f" No count from 1 to {int(t) - 1} is shown; an attack on all that is printed could work none out."
        if known(t)
        else ""
    )
    rounding = str(held.get("rounding") or "")
    rounded = f" Counts: {rounding}." if rounding else ""
    reasons = [f"{e.get('rule')} ({str(e.get('reason', '')).rstrip('.')})" for e in held.get("exceptions") or []]
    spared = f" Rules set aside, with the reason: {listed(reasons)}." if reasons else ""
    return [
        Heading("Disclosure control"),
        text(
            "Counts were protected before anything was measured from them"
            f"{f' ({policy})' if policy else ''}. Groups with too few people were joined or withheld.{least}{rounded}"
            " Measures, intervals and verdicts were computed from the protected counts, with no more digits than these "
            "allow. Where a group is withheld, its verdict is 'inconclusive (suppressed)', and no rank or largest "
            f"difference that depends on it is given.{spared}"
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
    python = f" in Python {m['python']}" if m.get("python") else ""
    parts: list[Inline] = [f"The analysis was made with primum {m.get('primum', '')}{python}"]
    for i, (name, version) in enumerate(packages.items()):
        parts.append(f"{', with ' if i == 0 else ', '}{name} {version}")
        parts += [" ", cite(PACKAGES[name])] if name in PACKAGES else []
    seed = m.get("seed", run.usecase.seed)
    parts.append(f". The seed of everything random was {seed}. The same plan, data and versions give the same numbers.")
    return [Heading("Software"), text(*parts)]


def open_science(run: Audited) -> list[Block]:
    """Return what only people can tell: ethics, money, protocol, data, code, patients."""
    return [
        Heading("Ethics, funding and open science"),
        *asked(
            run,
            [
                ("17", "ethics approval and consent"),
                ("18a", "funding"),
                ("18b", "conflicts of interest"),
                ("18c", "where the protocol is found"),
                ("18d", "registration"),
                ("18e", "availability of the data"),
                ("18f", "availability of the code"),
                ("19", "involvement of patients and the public"),
            ],
        ),
    ]
