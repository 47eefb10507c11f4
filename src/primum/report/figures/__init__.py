"""The figures of the report: Vega-Lite specifications with their data inside, drawn as static SVG and PNG."""

from __future__ import annotations

from primum.report.figures.calibration import calibration
from primum.report.figures.decision import decision_curves
from primum.report.figures.diagnosis import diagnosis
from primum.report.figures.figure import Figure, png, svg
from primum.report.figures.groups import difference_forests, metric_forests, page_one
from primum.report.figures.missing import missing
from primum.report.figures.people import flow, missingness
from primum.report.figures.precision_recall import precision_recall
from primum.report.figures.proxies import proxies
from primum.report.figures.recording import recording
from primum.report.figures.repairs import repairs
from primum.report.figures.roc import roc
from primum.report.figures.rows import Source
from primum.report.figures.shapes import shapes
from primum.report.source import Audited

__all__ = ["Figure", "figures", "png", "svg"]


def figures(run: Audited) -> list[Figure]:
    """Return every figure of a run, in the order of the report.

    Only the primary model is drawn group by group; the others appear in the figures of everyone. A figure is
    left out when the run has no chapter, or nothing estimable, for it.
    """
    source = Source(run)
    found: list[Figure | None] = [
        page_one(source),
        flow(source),
        missingness(source),
        roc(source),
        precision_recall(source),
        *calibration(source),
        *decision_curves(source),
        *metric_forests(source),
        *difference_forests(source),
        *recording(source),
        *missing(source),
        *proxies(source),
        *shapes(source),
        *diagnosis(source),
        *repairs(source),
    ]
    whole: dict[str, Figure] = {}
    for figure in found:
        if figure is not None:
            whole.setdefault(figure.name, figure)
    return list(whole.values())
