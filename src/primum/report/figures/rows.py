"""What the figures read from a run: rows of the primary model in the order given, with verdicts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from primum.finding import Finding, Status, Verdict
from primum.report.numbers import known, withheld, withheld_word
from primum.report.source import Audited, chapter, divisions, models, primary, threshold, verdicts
from primum.report.words import chip, group_name, shown
from primum.usecase import OVERALL


@dataclass(frozen=True)
class Source:
    """Look-ups into a finished run for its primary model."""

    run: Audited

    def chapter(self, name: str) -> dict[str, Any]:
        """Return a chapter, empty when it was not asked for."""
        return chapter(self.run, name)

    @property
    def primary(self) -> str:
        """The name of the primary model."""
        return primary(self.run)

    @property
    def model_names(self) -> list[str]:
        """Return all models, the primary one first."""
        return [str(m["name"]) for m in models(self.run)] or [self.primary]

    @property
    def threshold(self) -> float | None:
        """The decision threshold of the primary model."""
        return threshold(self.run, self.primary)

    @property
    def probability(self) -> bool:
        """Whether the primary model's score is a probability."""
        return all(m.get("scale") != "points" for m in models(self.run)[:1])

    @property
    def outcome(self) -> str:
        """The outcome in words."""
        return self.run.usecase.outcome.name

    @property
    def attributes(self) -> list[str]:
        """Return the titles of the groupings, in the order of the use case."""
        return [name for name, _, _ in divisions(self.run)]

    @property
    def plain_attributes(self) -> list[str]:
        """Return the groupings that are not intersections (all of them if there are no others)."""
        return [name for name, _, crossed in divisions(self.run) if not crossed] or self.attributes

    def estimates(self, metric: str, chapter: str = "groups") -> list[dict[str, Any]]:
        """Return the primary model's estimates of a metric at the decision threshold (or of no threshold)."""
        rows, model = self.chapter(chapter).get("estimates", []), self.primary
        return [
            r
            for r in rows
            if r["metric"] == metric and r["model"] == model and r["comparison"] == "estimate" and self._here(r)
        ]

    def comparisons(self, metric: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Return (attribute, group) -> difference to the comparator."""
        rows, model = self.chapter("groups").get("comparisons", []), self.primary
        return {
            (r["attribute"], r["group"]): r
            for r in rows
            if r["metric"] == metric and r["model"] == model and r["comparison"] == "difference" and self._here(r)
        }

    def verdicts(self, metric: str) -> dict[tuple[str, str], Finding]:
        """Return (attribute, group) -> the finding on a shortfall in this metric."""
        return verdicts(self.run, self.primary, metric)

    def everyone(self, metric: str) -> dict[str, Any] | None:
        """Return the estimate for all people together."""
        rows = self.estimates(metric, "performance") or [r for r in self.estimates(metric) if r["attribute"] == OVERALL]
        return rows[0] if rows else None

    def forest_rows(self, metric: str, attribute: str) -> list[dict[str, Any]]:
        """Return one flat row a group: estimate, comparator, margin, difference, verdict."""
        compared, judged = self.comparisons(metric), self.verdicts(metric)
        own = [r for r in self.estimates(metric) if r["attribute"] == attribute]
        by_group = {r["group"]: r for r in own}
        return [self._row(r, compared.get(_key(r)), judged.get(_key(r)), by_group) for r in own]

    def _row(
        self,
        row: dict[str, Any],
        compared: dict[str, Any] | None,
        finding: Finding | None,
        by_group: dict[str, dict[str, Any]],
    ) -> dict[str, Any]:
        difference = compared or {}
        comparator = str(difference.get("comparator") or (finding.comparator if finding else "") or "")
        out = {k: row.get(k) for k in ("attribute", "group", "n", "events", "nonevents", "value", "low", "high")}
        out["status"], out["reason"] = str(row.get("status") or Status.OK), str(row.get("reason") or "")
        if withheld(row):
            out["reason"] = withheld_word()
        out["comparator"], out["label"] = comparator, group_name("", str(row["group"]))
        out["difference"], out["difference_low"], out["difference_high"] = (
            difference.get(k) for k in ("value", "low", "high")
        )
        if out["difference"] is None and finding is not None and known(finding.estimate.value):
            out["difference"] = finding.estimate.value
            out["difference_low"], out["difference_high"] = finding.estimate.low, finding.estimate.high
        judged = shown(finding) if finding else None
        out["difference_withheld"] = out["difference"] is None and (
            judged is Verdict.SUPPRESSED or withheld(difference)
        )
        out["margin"] = finding.margin if finding else None
        out["comparator_value"] = self._comparator_value(out, comparator, by_group)
        out["verdict"] = str(judged) if judged else ""
        out["verdict_words"] = chip(finding)["text"] if finding else ""
        return out

    def _comparator_value(
        self, row: dict[str, Any], comparator: str, by_group: dict[str, dict[str, Any]]
    ) -> float | None:
        if known(row["value"]) and known(row["difference"]):
            return float(row["value"]) - float(row["difference"])
        named = by_group.get(comparator, {}).get("value")
        return None if named is None or not known(named) else float(named)

    def events(self, attribute: str, group: str) -> int | None:
        """Return how many people with the outcome a group has; None where that is withheld."""
        own = next((r for r in self.chapter("groups").get("estimates", []) if _key(r) == (attribute, group)), None)
        if own is None:
            return 0
        return None if own["events"] is None else int(own["events"])

    def withheld(self, attribute: str, group: str) -> bool:
        """Whether something about a group may not be told, so that a curve which is not there is not for want of cases.

        In a release this holds for every curve that is missing.
        """
        rows = self.chapter("groups").get("estimates", [])
        return bool(self.run.manifest.get("release")) or any(
            r["group"] == group and r["attribute"] == attribute and withheld(r) for r in rows
        )

    def _here(self, row: dict[str, Any]) -> bool:
        at, here = row.get("at"), self.threshold
        return at is None or not known(at) or here is None or math.isclose(at, here, rel_tol=1e-6, abs_tol=1e-9)


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return row["attribute"], row["group"]


def cap(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return at most `most` rows in their order; the gravest verdicts, then the most cases, stay."""
    if len(rows) <= most:
        return rows
    grave = [Verdict.HARM, Verdict.INCONCLUSIVE, Verdict.NO_HARM, Verdict.NOT_ASSESSABLE]
    rank = {str(v): i for i, v in enumerate(grave)}
    ranked = sorted(rows, key=lambda r: (rank.get(r.get("verdict", ""), 4), -(r.get("events") or 0)))
    keep = {id(r) for r in ranked[:most]}
    return [r for r in rows if id(r) in keep]
