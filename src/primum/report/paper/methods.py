"""The methods of a paper, with every number of the run filled in; what a person must write is a visible slot."""

from __future__ import annotations

from collections.abc import Sequence

from primum.report.paper import analysis, design, measured
from primum.report.paper.manuscript import Block, Heading, PaperTable
from primum.report.paper.table_set import number_of
from primum.report.say import say
from primum.report.source import Audited

METHODS = "Methods"
"""What the chapter is called in every language."""


def methods(run: Audited, tables: Sequence[PaperTable]) -> list[Block]:
    """Return the methods in the order of TRIPOD+AI.

    Parameters
    ----------
    run
        A finished run, or a release of one: what it lacks is not told.
    tables
        The tables of the paper, for their numbers.
    """
    return [
        Heading(say("paper.methods.heading"), level=1, part=METHODS),
        *design.design(run),
        *design.participants(run),
        *design.outcome(run),
        *design.predictors(run),
        *design.sample(run),
        *design.missing(run),
        *analysis.models_used(run),
        *analysis.decision(run),
        *analysis.groups_used(run),
        *measured.measures(run, number_of(tables, "measures")),
        *analysis.repairs_tried(run),
        *analysis.further(run),
        *analysis.disclosure(run),
        *analysis.software(run),
        *analysis.open_science(run),
    ]
