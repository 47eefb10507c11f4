"""The sections that follow the groups, in order; a section that has nothing to say is not there."""

from __future__ import annotations

from primum.report.section import Section
from primum.report.source import Audited
from primum.report.views import (
    capacity,
    claims,
    clauses,
    diagnosis,
    missing,
    paper,
    prior,
    privacy,
    proxies,
    recording,
    repairs,
    shapes,
    stigma,
)

PEOPLE, GROUPS, FIRST = 2, 5, 6
"""Numbers of the chapters on the people and on the groups, and of the first of these."""


def sections(run: Audited) -> list[Section]:
    """Return the sections of a run."""
    found = (
        capacity.section(run), recording.section(run), missing.section(run), proxies.section(run), prior.section(run),
        shapes.section(run), diagnosis.section(run), repairs.section(run), stigma.section(run),
        claims.section(run), clauses.section(run),
        privacy.section(run), paper.section(run),
    )  # fmt: skip
    return [s for s in found if s is not None]
