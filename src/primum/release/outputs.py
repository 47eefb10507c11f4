"""What leaves, file by file: what it shows, of whom, how many people stand behind it, and how it was protected.

Every file of a release has a class of statistic; a file without one does not leave. All numbers of people are
unweighted and protected: they come from the registered counts, and none of them is counted here from anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from primum import __version__
from primum.disclose.rules_counts import count_rule
from primum.errors import PrimumError, unknown
from primum.measure.table import EVERYONE
from primum.report.tables import to_csv

KINDS = ("table", "figure", "page", "document", "text", "data")
STATUSES = ("safe", "protected", "review", "blocked")
STATISTICS: dict[str, tuple[str, ...]] = {
    "counts": ("R1", "R11", "R12", "R15"),
    "rates": ("R1", "R2", "R6", "R7"),
    "differences": ("R6", "R7"),
    "ranking": ("R6", "R7", "R8"),
    "curve": ("R6", "R8"),
    "calibration": ("R6", "R7", "R8"),
    "decision curve": ("R6", "R8"),
    "findings": ("R1", "R6", "R7"),
    "whole report": ("R1", "R2", "R6", "R7", "R8", "R12", "R15", "R16"),
    "register of counts": ("R1", "R11", "R12", "R14"),
    "declared text": ("R15", "R16"),
    "papers of the release": ("R18", "R19"),
    "own output": ("R1",),
}
"""Classes of statistics, and the rules that each has passed before it is written."""
WITHOUT_PEOPLE = ("declared text", "papers of the release")
_STRICT_PLOTS = {
    "beeswarm": "a bar of mean absolute values",
    "waterfall": "a bar of mean absolute values",
    "force": "a bar of mean absolute values",
    "scatter": "a two-dimensional hexagonal plot with suppressed bins",
    "residual": "means in bins of at least t people",
    "rug": "means in bins of at least t people",
    "ice": "a partial dependence curve on a public grid",
    "prototype": "an average of at least t people",
    "nearest": "an average of at least t people",
    "counterfactual": "the average shift of at least t people",
    "misclassified": "counts of misclassified people by group",
}
_FAMILIES: tuple[tuple[str, str, str, str], ...] = (
    (r"report\.html", "page", "whole report", "the whole report, one page"),
    (r"report\.pdf", "document", "whole report", "the whole report, typeset"),
    (r"pages/.*\.html", "page", "whole report", "a page made from the report"),
    (r"pages/.*\.json", "data", "whole report", "what a page says, as data"),
    (r"paper/.*", "document", "whole report", "text and tables for a paper, from the report"),
    (r"counts\.json", "data", "register of counts", "every count on which a number of this release stands"),
    (r"findings\.json", "data", "findings", "findings with their verdicts"),
    (r"(claims|assurance)\.json", "data", "findings", "claims and the measurements that support or refute them"),
    (r"checklists/.*\.csv", "table", "declared text", "a checklist: which evidence is supplied for each item"),
    (r"(usecase\.yaml|[a-z.-]*\.schema\.json)", "text", "declared text", "what was declared; no data"),
    (r"control-form\.[a-z]{2}\.txt", "text", "papers of the release", "the control form"),
    (r"(outputs\.csv|n-behind-figures\.csv)", "table", "papers of the release", "this list, from protected counts"),
    (r"public-log\.json", "data", "papers of the release", "how much was withheld, by class of reason"),
    (r"(release|results)\.json", "data", "papers of the release", "what this release is, and its files"),
    (r"checksums/.*\.txt", "text", "papers of the release", "keyed checksums of the files"),
    (r"(tables|figures)/(flow|table_one|outcome_unknown|missingness|missing_codes|models|representativeness)\..*",
     "", "counts", "who the people are"),
    (r"tables/(findings)\.csv", "table", "findings", "findings with their verdicts"),
    (r"(tables|figures)/(roc|precision[-_]recall)\..*", "", "curve", "a curve over the steps of the score"),
    (r"(tables|figures)/(calibration|group_calibration).*", "", "calibration", "predicted against observed risk"),
    (r"(tables|figures)/(decision[-_]curve|group_decision_curves).*", "", "decision curve",
     "net benefit over thresholds"),
    (r"(tables|figures)/groups-(auroc|calibration-slope|oe-ratio).*", "", "ranking", "a measure of each group"),
    (r"(tables|figures)/(groups|page-one|performance|thresholds|consequences|capacity).*", "", "rates",
     "rates of each group"),
    (r"(tables|figures)/(differences|comparisons|models_compared|all_groups_at_once|groups_alike).*", "",
     "differences", "each group against its comparator"),
    (r"(tables|figures)/(gap_parts|exposure|interactions|policies|borrowed_strength|disparity|false_alarms).*", "",
     "differences", "what the differences between groups are made of"),
)  # fmt: skip
_UNREGISTERED = "a file of a known class: a table, figure or page that primum measured again from protected counts"


@dataclass(frozen=True)
class Output:
    """One file that leaves.

    Attributes
    ----------
    path, kind, shows, statistic
        Where it is in the release, what sort of file it is, what it shows, and its class in `STATISTICS`.
    models, attributes
        Of which models and ways of dividing people; none where everybody or everything is shown.
    population
        Which people, in words.
    n, smallest
        Unweighted people behind it, and the least count above 0 on which it stands; None where it shows nobody.
    rules
        What it has passed.
    status, how
        One of `STATUSES`, and how it was protected or what must be looked at.
    """

    path: str
    kind: str
    shows: str
    statistic: str
    models: tuple[str, ...]
    attributes: tuple[str, ...]
    population: str
    n: int | None
    smallest: int | None
    rules: tuple[str, ...]
    status: str
    how: str = ""

    def row(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def describe(
    paths: Iterable[str],
    counts: Mapping[str, Any],
    *,
    population: str,
    about: Mapping[str, Mapping[str, Any]] | None = None,
    review: Mapping[str, str] | None = None,
    own: Sequence[Output] = (),
) -> tuple[Output, ...]:
    """Return a description of every file, sorted by path.

    Parameters
    ----------
    paths
        Every file of the release, relative, with "/".
    counts
        The register, as in counts.json.
    population
        Who the people are, in words.
    about
        Path → what is known better: shows, statistic, kind, models, attributes.
    review
        Path → what an output checker must look at in it.
    own
        Outputs of the user, made by `own_output`.

    Raises
    ------
    PrimumError
        For a file without a registered class: it is blocked.
    """
    given, looks, added = about or {}, review or {}, {o.path: o for o in own}
    listed = sorted(set(paths))
    return tuple(added.get(p) or _output(p, counts, population, given.get(p, {}), looks.get(p, "")) for p in listed)


def own_output(
    path: str, shows: str, numbers: Mapping[str, int] | None, *, t: int, population: str, kind: str = "figure"
) -> Output:
    """Return the description of a user's own figure or table; it always goes to review.

    Parameters
    ----------
    path, shows, population, kind
        As in `Output`.
    numbers
        Unweighted people by the name of each mark of it: bar, point, cell.
    t
        The least count above 0.

    Raises
    ------
    PrimumError
        Without counts, with a count below t, or for a display of single persons (R9).
    """
    words = set(re.findall(r"[a-z]+", f"{path} {shows}".lower()))
    for plot, instead in _STRICT_PLOTS.items():
        if plot in words:
            raise PrimumError(
                f"'{path}' shows single persons: a {plot} plot is blocked (R9).", mend=f"replace it by {instead}"
            )
    if not numbers:
        raise PrimumError(
            f"The figure '{path}' comes without counts.",
            expected="the unweighted number of people behind every mark of it",
            mend="hand over the counts with the figure, or leave it out: what cannot be checked does not leave",
        )
    ruling = count_rule(numbers, t)
    if not ruling.passes:
        few = sum(0 < n < t for n in numbers.values())
        raise PrimumError(
            f"The figure '{path}' has {few} of {len(numbers)} marks with fewer than {t} people (R1).",
            mend="merge marks until each has enough people, and draw it again",
        )
    if kind not in KINDS:
        raise unknown("kind of output", kind, KINDS)
    smallest = min((n for n in numbers.values() if n), default=None)
    how = "made by the user; primum did not measure it and has not attacked it"
    return Output(path, kind, shows, "own output", (), (), population, sum(numbers.values()), smallest,
                  STATISTICS["own output"], "review", how)  # fmt: skip


def behind_figures(outputs: Iterable[Output], counts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the unweighted people behind every figure, one row for each group that it shows.

    A figure of everybody has one row. Numbers are those of the register; `n` is the sum of the two before it.
    """
    rows = []
    for output in outputs:
        if output.kind != "figure" or output.statistic == "own output":
            continue
        places: list[tuple[str | None, str]] = [(a, g) for a in output.attributes for g in _groups(counts, a)]
        for attribute, group in places or [(None, EVERYONE)]:
            without, with_it = (people(counts, attribute, group, y) for y in (0, 1))
            if without is None or with_it is None:
                continue
            rows.append(
                {"figure": output.path, "attribute": attribute or "", "group": group, "without_outcome": without,
                 "with_outcome": with_it, "n": without + with_it}
            )  # fmt: skip
    return rows


def people(counts: Mapping[str, Any], attribute: str | None, group: str, outcome: int) -> int | None:
    """Return the registered people of a group with (1) or without (0) the outcome; None where none are registered.

    A count of people is taken as it stands. Otherwise the first model's counts are added up over the coarsest score
    steps that cover its range; the finer ones tell of the same people.
    """
    rows = [
        r
        for r in counts["counts"]
        if r["attribute"] == attribute and r["group"] == group and int(r["outcome"]) == outcome
    ]
    direct = [r for r in rows if r["model"] is None]
    if direct:
        return int(direct[0]["count"])
    models = [r["model"] for r in rows]
    if not models:
        return None
    left = [r for r in rows if r["model"] == models[0]]
    total, at = 0, min(float(r["low"]) for r in left)
    while True:
        step = max((r for r in left if float(r["low"]) == at), key=lambda r: float(r["high"]), default=None)
        if step is None or float(step["high"]) <= at:
            return total
        total, at = total + int(step["count"]), float(step["high"])


def to_table(outputs: Iterable[Output]) -> bytes:
    """Return outputs.csv."""
    return to_csv([o.row() | {"rules": " ".join(o.rules)} for o in outputs])


def figures_table(outputs: Iterable[Output], counts: Mapping[str, Any]) -> bytes:
    """Return n-behind-figures.csv."""
    return to_csv(behind_figures(outputs, counts))


def acro_results(outputs: Iterable[Output], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return results.json, laid out like that of ACRO, so that a checker's viewer can list the files.

    The fields are those that ACRO 1.0.2 writes and reads (uid, status, type, fair, properties, files, outcome, command,
    summary, timestamp, comments, exception); the words are our own. No file went through ACRO. ACRO itself opens only
    files that carry its own version. As in ACRO, what was protected is "review": a person looks at how.

    Parameters
    ----------
    outputs
        Every file.
    told
        What the release says of itself: "date" and, if there are any, "exceptions" (rule, reason, person, date).
    """
    date, exceptions = str(told["date"]), told.get("exceptions", ())
    asked = "; ".join(f"{e['rule']}: {e['reason']} ({e['person']}, {e['date']})" for e in exceptions)
    results = {}
    for i, o in enumerate(outputs):
        status = {"safe": "pass", "protected": "review", "review": "review"}.get(o.status, "fail")
        numbers = f"; unweighted n {o.n}, smallest count {o.smallest}" if o.n is not None else ""
        results[f"output_{i}"] = {
            "uid": f"output_{i}",
            "status": status,
            "type": "table" if o.kind == "table" else "custom",
            "fair": {},
            "properties": {"statistic": o.statistic, "models": list(o.models), "attributes": list(o.attributes)},
            "files": [{"name": o.path, "sdc": {"summary": {"suppressed": o.status == "protected"}, "cells": {}}}],
            "outcome": {},
            "command": "primum release",
            "summary": f"{status}; {o.how or 'nothing had to be withheld'}{numbers}",
            "timestamp": f"{date[:10]}T00:00:00",
            "comments": [f"{o.shows}. Rules: {', '.join(o.rules)}. Written by primum, not by ACRO."],
            "exception": (asked or o.how) if status != "pass" else "",
        }
    return {"version": f"primum {__version__}", "results": results}


def _output(path: str, counts: Mapping[str, Any], population: str, given: Mapping[str, Any], look: str) -> Output:
    kind, statistic, shows = _family(path, given)
    attributes = tuple(given["attributes"]) if "attributes" in given else _attributes(path, counts)
    models = tuple(given["models"]) if "models" in given else tuple(counts.get("models", {}))
    made = Output(path, kind, shows, statistic, models, attributes, population, None, None, STATISTICS[statistic],
                  "safe", "shows no people")  # fmt: skip
    made = replace(made, models=(), attributes=()) if statistic in WITHOUT_PEOPLE else _numbered(made, counts)
    return replace(made, status="review", how=look) if look else made


def _family(path: str, given: Mapping[str, Any]) -> tuple[str, str, str]:
    pattern = next((f for f in _FAMILIES if re.fullmatch(f[0], path)), None)
    statistic = given.get("statistic", pattern[2] if pattern else None)
    if statistic is None or (pattern is None and "shows" not in given):
        raise PrimumError(
            f"'{path}' has no registered class of statistic: it is blocked.",
            expected=_UNREGISTERED,
            mend="leave it out, or hand it over as an output of your own with the counts behind it",
        )
    if statistic not in STATISTICS:
        raise unknown("class of statistic", str(statistic), list(STATISTICS))
    suffix = PurePosixPath(path).suffix
    usual = {".csv": "table", ".png": "figure", ".html": "page", ".json": "data", ".txt": "text"}.get(
        suffix, "document"
    )
    kind = str(given.get("kind") or (pattern[1] if pattern else "") or usual)
    if kind not in KINDS:
        raise unknown("kind of output", kind, KINDS)
    return kind, str(statistic), str(given.get("shows", pattern[3] if pattern else ""))


def _attributes(path: str, counts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ways of dividing people that a file shows: the one in its name, else all of them."""
    from primum.report.figures.panels import file_name  # charts are heavy

    known = list(counts.get("attributes", {}))
    stem = PurePosixPath(path).stem
    if path.startswith("figures/"):
        named = [a for a in known if stem.endswith(f"-{file_name(a)}")]
        if named:
            return (max(named, key=len),)
        if stem.endswith("-overall") or stem in {"roc", "precision-recall", "flow"}:
            return ()
    if stem in {"roc", "calibration", "decision_curve", "precision_recall", "flow", "performance", "models"}:
        return ()
    return tuple(known)


def _numbered(output: Output, counts: Mapping[str, Any]) -> Output:
    """Return an output with the people behind it, and how it was protected."""
    both = [people(counts, None, EVERYONE, y) for y in (0, 1)]
    if None in both:
        raise PrimumError(
            f"Nobody is registered behind '{output.path}'.",
            expected="counts of everyone in counts.json",
            mend="make the release again; a number without a registered count does not leave",
        )
    wanted = {None, *output.attributes}
    standing = [int(r["count"]) for r in counts["counts"] if r["attribute"] in wanted and _of(r, output)]
    how = _how(output, counts)
    status = "protected" if how else "safe"
    n = sum(k for k in both if k is not None)
    return replace(output, n=n, smallest=min((c for c in standing if c), default=None), status=status,
                   how=how or "nothing had to be withheld")  # fmt: skip


def _of(row: Mapping[str, Any], output: Output) -> bool:
    return row["model"] is None or not output.models or row["model"] in output.models


def _how(output: Output, counts: Mapping[str, Any]) -> str:
    own = [counts["attributes"][a] for a in output.attributes if a in counts.get("attributes", {})]
    how = []
    curves = output.statistic in {"calibration", "decision curve", "ranking"}
    few = curves and any(len(a.get("ranked", a["shown"])) < len(a["shown"]) for a in own)
    if few or any(a.get("withheld") or a.get("unnamed") for a in own):
        how.append("groups withheld")
    if any(a.get("remainder") for a in own):
        how.append("small groups joined")
    if counts.get("rounding", "none") != "none":
        base = "" if counts["rounding"] == "midpoint-6" else f" to {counts['base']}"
        how.append(f"counts rounded, {counts['rounding']}{base}")
    return "; ".join(how)


def _groups(counts: Mapping[str, Any], attribute: str) -> list[str]:
    return list(dict.fromkeys(r["group"] for r in counts["counts"] if r["attribute"] == attribute))
