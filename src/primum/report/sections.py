"""The sections that follow the groups, in order; a section that has nothing to say is not there."""

from __future__ import annotations

from primum.report.section import Section
from primum.report.source import Audited
from primum.report.views import capacity, diagnosis, recording, repairs

FIRST = 6
"""Number of the first of these chapters."""


def sections(run: Audited) -> list[Section]:
    """Return the sections of a run."""
    return [
        s
        for s in (capacity.section(run), recording.section(run), diagnosis.section(run), repairs.section(run))
        if s is not None
    ]
