"""What a search for subgroups hands back: those confirmed, and every one that was looked at, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.measure.lattice import Lattice
from primum.measure.search_settings import SearchSettings

if TYPE_CHECKING:
    import polars as pl

STATUSES = ("too few", "same people", "not selected", "not confirmed", "confirmed")
FEW, SAME, PASSED_OVER, UNCONFIRMED, CONFIRMED = range(5)


@dataclass(frozen=True, slots=True)
class Subgroup:
    """A confirmed subgroup. All numbers come from the confirming half, which had no part in choosing it.

    Attributes
    ----------
    attribute, group, levels, depth
        "sex × site", "female · north", and the same as pairs.
    direction
        Whether the metric is "lower" or "higher" than in everyone outside.
    value, outside, difference, low, high, interval_level
        The metric inside and outside, and the difference with its interval (of the same strictness as the test:
        two-sided at 1 − 2 · level · confirmed / selected for BH, so that false coverage is at most 2 · level).
    n, support, support_outside
        People of the subgroup, those that the metric counts, and those outside.
    p_searched, p, p_adjusted
        In the half searched, in the confirming half (one-sided), and adjusted for the false discovery rate.
    explained_by
        A broader confirmed subgroup within which this one does not differ from the rest, or "".
    driven_by
        A narrower confirmed subgroup without which this one does not differ from everyone outside, or "".
    """

    attribute: str
    group: str
    levels: tuple[tuple[str, str], ...]
    depth: int
    direction: str
    value: float
    outside: float
    difference: float
    low: float
    high: float
    interval_level: float
    n: int
    support: int
    support_outside: int
    p_searched: float
    p: float
    p_adjusted: float
    explained_by: str = ""
    driven_by: str = ""

    @property
    def name(self) -> str:
        """Return "sex × site: female · north"."""
        return f"{self.attribute}: {self.group}"


@dataclass(frozen=True, eq=False)
class Evidence:
    """Per subgroup of the lattice: status, people that count inside and outside (2 halves), values and p-values."""

    status: npt.NDArray[np.int8]
    support: npt.NDArray[np.float64]
    support_outside: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]
    outside: npt.NDArray[np.float64]
    p_searched: npt.NDArray[np.float64]
    p: npt.NDArray[np.float64]
    p_adjusted: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Discovery:
    """Subgroups that differ from everyone outside, and all that were looked at.

    Attributes
    ----------
    confirmed
        Most certain first.
    settings
        What was asked.
    people
        Number searched, and number confirming.
    left_out
        People without an outcome or a score.
    statuses
        How many subgroups ended how.
    """

    confirmed: tuple[Subgroup, ...]
    settings: SearchSettings
    people: tuple[int, int]
    left_out: int
    statuses: dict[str, int]
    lattice: Lattice
    evidence: Evidence

    @property
    def distinct(self) -> tuple[Subgroup, ...]:
        """Return the confirmed subgroups that no other one explains or drives."""
        return tuple(s for s in self.confirmed if not (s.explained_by or s.driven_by))

    @cached_property
    def searched(self) -> pl.DataFrame:
        """Return every subgroup, flagged or not, as a frame with its counts, its status and why.

        `n` counts people of both halves, `support_*` those that the metric counts; `value`, `outside` and
        `difference` come from the confirming half, null where undefined.
        """
        import polars as pl

        e, names = self.evidence, list(self.lattice.names())
        numbers = {
            "n": self.lattice.counts.sum(axis=(1, 2)),
            "support_searched": e.support[:, 0].astype(np.int64),
            "support_confirming": e.support[:, 1].astype(np.int64),
            "value": e.value, "outside": e.outside, "difference": e.value - e.outside,
            "p_searched": e.p_searched, "p": e.p, "p_adjusted": e.p_adjusted,
        }  # fmt: skip
        frame = pl.DataFrame(
            names, schema={"attribute": pl.String, "group": pl.String, "depth": pl.Int64}, orient="row"
        )
        status = pl.Series("status", [STATUSES[s] for s in e.status], dtype=pl.String)
        frame = frame.with_columns(status, pl.Series("why", list(self._why()), dtype=pl.String))
        return frame.with_columns(pl.Series(k, v) for k, v in numbers.items()).with_columns(
            pl.col(pl.Float64).fill_nan(None)
        )

    def _why(self) -> Iterator[str]:
        s, e = self.settings, self.evidence
        for i, status in enumerate(e.status.tolist()):
            inside, outside = int(e.support[i, 0]), int(e.support_outside[i, 0])
            if status == FEW:
                where, k = ("inside", inside) if inside < s.fewest_searched else ("outside", outside)
                yield f"{k} {s.who} searched {where}, {s.fewest_searched} needed"
            elif status == SAME:
                yield "the same people as a subgroup with an attribute less"
            elif status == PASSED_OVER:
                yield f"p = {e.p_searched[i]:.2g} in the half searched, above {s.selection_level:.2g}"
            elif status == UNCONFIRMED:
                yield f"selected, but adjusted p = {e.p_adjusted[i]:.2g} in the confirming half, above {s.level:g}"
            else:
                yield f"adjusted p = {e.p_adjusted[i]:.2g} in the confirming half"

    def rows(self) -> list[dict[str, Any]]:
        """Return the confirmed subgroups as flat, JSON-ready rows."""
        flat = [{k: v for k, v in asdict(s).items() if k != "levels"} for s in self.confirmed]
        return [{k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in r.items()} for r in flat]

    def __repr__(self) -> str:
        looked = ", ".join(f"{k:,} {name}" for name, k in self.statuses.items())
        return f"<Discovery {self.settings.metric} in {sum(self.statuses.values()):,} subgroups: {looked}>"


def count_statuses(status: npt.NDArray[np.int8]) -> dict[str, int]:
    """Return how many subgroups ended how, every status named."""
    found = Counter(status.tolist())
    return {name: found.get(i, 0) for i, name in enumerate(STATUSES)}
