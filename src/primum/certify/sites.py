"""Several hospitals, no patient rows: each sends its e-values, and what is shown depends on which harm is meant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from primum.certify.bound import bound as bound_named
from primum.certify.differences import difference_sample
from primum.certify.monitor import Group, Monitor, needed
from primum.certify.utility import Utility
from primum.errors import PrimumError
from primum.tally.paired import PairedTally

Null = Literal["any", "every", "average"]
ALL = "all hospitals"
SAYS = {
    "any": "no group is harmed in any hospital",
    "every": "no group is harmed in every hospital (or: no group is harmed, if the effect is the same everywhere)",
    "average": "no group is harmed on average over the hospitals",
}


@dataclass(frozen=True)
class GroupEvidence:
    """What one hospital says of one group.

    Attributes
    ----------
    n
        Patients (or cases, where the utility is taken among cases).
    log_e, log_harm
        Logarithms of the e-values against harm and of harm, at the same time.
    least
        How many patients it takes at least, were every decision the same as before.
    """

    n: int
    log_e: float
    log_harm: float
    least: int


@dataclass(frozen=True)
class SiteEvidence:
    """All that a hospital sends: numbers a group, no rows and no counts by outcome or decision."""

    site: str
    utility: str
    margin: float
    groups: Mapping[Group, GroupEvidence]

    def to_document(self) -> dict[str, Any]:
        """Return it, ready for JSON."""
        rows = [{"attribute": a, "group": g, **vars(e)} for (a, g), e in self.groups.items()]
        return {"site": self.site, "utility": self.utility, "margin": self.margin, "groups": rows}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> SiteEvidence:
        """Return the evidence that was sent as such a document.

        Raises
        ------
        PrimumError
            If a part is missing or no number.
        """
        try:
            groups = {
                (str(r["attribute"]), str(r["group"])): GroupEvidence(
                    int(r["n"]), float(r["log_e"]), float(r["log_harm"]), int(r["least"])
                )
                for r in document["groups"]
            }
            return cls(str(document["site"]), str(document["utility"]), float(document["margin"]), groups)
        except (KeyError, TypeError, ValueError) as broken:
            raise PrimumError(
                f"This is no evidence of a hospital ({broken!r}).", expected="what `SiteEvidence.to_document` returned"
            ) from None


@dataclass(frozen=True)
class SiteVerdict:
    """One line of the combination: a group in a hospital, or over all of them."""

    site: str
    attribute: str
    group: str
    n: int
    e: float
    verdict: Literal["certified", "harmed", "not assessable"]
    words: str


@dataclass(frozen=True)
class Together:
    """What several hospitals show together.

    Attributes
    ----------
    null
        Which harm was tested.
    granted
        Whether that harm is excluded for every group, at level alpha.
    e
        The e-value against it: the smallest of the lines.
    lines
        One a group and hospital, or one a group.
    words
        In one or two sentences.
    """

    null: str
    alpha: float
    granted: bool
    e: float
    lines: tuple[SiteVerdict, ...]
    words: str


def evidence(site: str, monitor: Monitor) -> SiteEvidence:
    """Return what a hospital sends of its monitor."""
    least = needed(monitor)
    groups = {
        (w.attribute, w.group): GroupEvidence(w.safe.n, w.safe.log_e, w.harm.log_e, least[w.attribute, w.group])
        for w in monitor.watches
    }
    return SiteEvidence(site, monitor.utility.name, monitor.margin, groups)


def combine(sites: Sequence[SiteEvidence], *, null: Null, alpha: float) -> Together:
    """Return what hospitals show together by their e-values.

    Parameters
    ----------
    sites
        One of each hospital, with other patients in each.
    null
        The harm to exclude. "any": a group is harmed in at least one hospital (the strong certificate); the smallest
        e-value over groups and hospitals. "every": a group is harmed in every hospital, or the effect is the same
        everywhere; the product over hospitals, then the smallest over groups; hospitals must be independent.
        "average" is refused.
    alpha
        Probability of a false certificate, declared beforehand.

    A group that a hospital does not mention has e = 1 there: no evidence. Harm is named where the opposite e-value
    reaches (number of lines)/α, so that any line is wrongly named with probability at most α.

    Raises
    ------
    PrimumError
        For null="average", no hospitals, one twice, or hospitals that declared different utilities or margins.
    """
    if null == "average":
        raise PrimumError(
            "The product of e-values says nothing about harm on average over hospitals: a large gain in one hospital "
            "multiplies away the evidence that patients of another are harmed.",
            expected="null='any' (harmed in at least one hospital) or null='every' (harmed in all of them)",
            mend="let each of the S hospitals send lower bounds at level α/S (`site_bounds`), and combine them by the "
            "shares of patients with `average_bound`; or put all patients, interleaved, into one monitor",
        )
    if null not in SAYS:
        raise PrimumError(f"null={null!r} is not known.", available=["any", "every"])
    _same(sites)
    if not 0 < alpha < 1:
        raise PrimumError(f"The level is {alpha!r}.", expected="a probability between 0 and 1, declared beforehand")
    groups = _some({g for s in sites for g in s.groups})
    nothing = GroupEvidence(0, 0.0, 0.0, 0)
    cells: list[tuple[str, Group, GroupEvidence]] = []
    for g in groups:
        own = [(s.site, s.groups.get(g, nothing)) for s in sites]
        if null == "any":
            cells += [(site, g, e) for site, e in own]
        else:
            parts = [e for _, e in own]
            total = GroupEvidence(
                sum(e.n for e in parts),
                math.fsum(e.log_e for e in parts),
                math.fsum(e.log_harm for e in parts),
                max(e.least for e in parts),
            )
            cells.append((ALL, g, total))
    lines = tuple(_line(site, g, e, alpha, len(cells), null) for site, g, e in cells)
    granted = all(line.verdict == "certified" for line in lines)
    return Together(null, alpha, granted, min(line.e for line in lines), lines, _words(lines, null, granted))


@dataclass(frozen=True)
class SiteBounds:
    """Lower bounds of one hospital: group → (patients, bound), each valid at `level`."""

    site: str
    level: float
    low: Mapping[Group, tuple[int, float]]
    worst: float


def site_bounds(
    site: str, pairs: PairedTally, *, utility: Utility, alpha: float, sites: int, bound: str = "gaffke", seed: int = 0
) -> SiteBounds:
    """Return a hospital's lower bounds of each group's mean change, at level alpha / sites."""
    b, level = bound_named(bound), alpha / sites
    low: dict[Group, tuple[int, float]] = {}
    for attribute in pairs.attributes:
        view = pairs.by(attribute)
        for (label,), n in zip(view.groups, view.n, strict=True):
            sample = difference_sample(n, utility)
            low[attribute, label] = (sample.n, b.lower(sample, level, seed=seed))
    return SiteBounds(site, level, low, utility.limits[0])


def average_bound(
    bounds: Sequence[SiteBounds],
    shares: Mapping[str, float] | Mapping[str, Mapping[Group, float]],
    *,
    margin: float,
    alpha: float,
) -> Together:
    """Return what hospitals show of harm on average: Σ_s π_s · lower bound of hospital s, against −margin.

    By Bonferroni all S bounds hold together with probability 1 − α, so their weighted sum is a lower bound of the
    average. A hospital without patients of a group contributes the worst value possible.

    Parameters
    ----------
    bounds
        From `site_bounds`, at level α/S or below.
    shares
        Each hospital's share π_s of the patients meant (by group, if they differ), summing to 1; known, not estimated
        from the same patients.
    margin, alpha
        As declared.

    Raises
    ------
    PrimumError
        If shares do not sum to 1 or name other hospitals, or a bound was made at a laxer level.
    """
    names = [b.site for b in bounds]
    if not names or len(set(names)) < len(names) or set(shares) != set(names):
        raise PrimumError(
            f"There are bounds of {names} and shares of {sorted(shares)}.", expected="one of each hospital"
        )
    lax = [b.site for b in bounds if b.level > alpha / len(bounds) * (1 + 1e-9)]
    if lax:
        raise PrimumError(
            f"The bounds of {', '.join(lax)} were made at a level above α/S = {alpha / len(bounds):g}.",
            mend=f"make them with sites={len(bounds)}",
        )
    lines = []
    for g in _some({g for b in bounds for g in b.low}):
        pi = {s: float(v[g] if isinstance(v, Mapping) else v) for s, v in shares.items()}
        if min(pi.values()) < 0 or abs(sum(pi.values()) - 1) > 1e-9:
            raise PrimumError(f"The shares of hospitals sum to {sum(pi.values()):g}.", expected="1, none negative")
        low = sum(pi[b.site] * b.low.get(g, (0, b.worst))[1] for b in bounds)
        n = sum(b.low.get(g, (0, b.worst))[0] for b in bounds)
        safe = low > -margin
        said = f"{g[1]}: on average over hospitals the change is at least {low:+.4f} a patient" + (
            f", above −{margin:g}." if safe else f"; a loss beyond {margin:g} is not excluded."
        )
        lines.append(SiteVerdict(ALL, *g, n, math.nan, "certified" if safe else "not assessable", said))
    granted = all(line.verdict == "certified" for line in lines)
    return Together("average", alpha, granted, math.nan, tuple(lines), _words(tuple(lines), "average", granted))


def _line(site: str, group: Group, e: GroupEvidence, alpha: float, lines: int, null: str) -> SiteVerdict:
    where = f"{group[1]} in {site}"
    value = math.exp(min(e.log_e, 700.0))
    if e.log_harm >= math.log(lines / alpha):
        what = "the repaired model does harm" + (" in at least one hospital." if null == "every" else ".")
        return SiteVerdict(site, *group, e.n, value, "harmed", f"{where}: {what}")
    if e.log_e >= math.log(1 / alpha):
        return SiteVerdict(site, *group, e.n, value, "certified", f"{where}: no harm beyond the margin.")
    reason = f"{e.n:,} patients, evidence {value:.3g} of the {1 / alpha:.3g} needed"
    if e.n < e.least:
        reason += f"; with fewer than {e.least:,} no result could have been enough"
    return SiteVerdict(site, *group, e.n, value, "not assessable", f"{where}: not assessable ({reason}).")


def _words(lines: tuple[SiteVerdict, ...], null: str, granted: bool) -> str:  # noqa: FBT001 - private
    if granted:
        return f"Granted: {SAYS[null]}, beyond the margin."
    open_ = [x for x in lines if x.verdict == "not assessable"]
    harmed = [x for x in lines if x.verdict == "harmed"]
    text = f"Refused: that {SAYS[null]} is not shown."
    if harmed:
        text += f" Harm is shown for {', '.join(f'{x.group} in {x.site}' for x in harmed)}."
    if open_:
        text += f" {len(open_)} of {len(lines)} are not assessable: " + ", ".join(
            f"{x.group} in {x.site} (n = {x.n:,})" for x in open_
        )
        text += "."
    return text


def _some(groups: set[Group]) -> list[Group]:
    """Return the groups in order; without any there is nothing to grant."""
    if not groups:
        raise PrimumError("No hospital says anything of any group.", expected="at least one group of patients")
    return sorted(groups)


def _same(sites: Sequence[SiteEvidence]) -> None:
    names = [s.site for s in sites]
    if not names or len(set(names)) < len(names):
        raise PrimumError(f"The hospitals are {names}.", expected="at least one, and each once")
    declared = {(s.utility, s.margin) for s in sites}
    if len(declared) > 1:
        told = "; ".join(f"{s.site}: {s.utility}, margin {s.margin:g}" for s in sites)
        raise PrimumError(
            f"The hospitals did not test the same thing: {told}.",
            expected="one utility and one margin, declared together",
        )
