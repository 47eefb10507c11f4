"""Every metric there is, by its id. A new metric is added in its own file and named here once."""

from __future__ import annotations

from primum.errors import PrimumError, unknown
from primum.measure import calibration, calibration_error, ranking, rates, utility, workload
from primum.measure.kernel import NO_PEOPLE, Metric

_PEOPLE = Metric(
    id="n", title="People", words="people", formula="number of people", range=(0.0, float("inf")), better="none",
    needs="counts", kernel=lambda c, _t: c.tp + c.fp + c.fn + c.tn, interval="none",
    undefined=lambda c, _t: NO_PEOPLE if float(c.tp + c.fp + c.fn + c.tn) <= 0 else "", reference="a count",
)  # fmt: skip

METRICS: dict[str, Metric] = {
    m.id: m
    for m in (
        _PEOPLE,
        *rates.METRICS,
        *calibration.METRICS,
        *ranking.METRICS,
        *utility.METRICS,
        *workload.METRICS,
        *calibration_error.METRICS,
    )
}


def metric(name: str) -> Metric:
    """Return the metric with this id.

    Raises
    ------
    PrimumError
        For an unknown id, with the nearest spelling; for a measure that misleads, with the reason.
    """
    if name in calibration_error.REFUSED:
        raise PrimumError(
            calibration_error.REFUSED[name],
            expected="a measure that does not depend on the size of the group",
            mend="use debiased_calibration_error, which is about 0 for a calibrated score at every size; ici and the "
            "smoothed curve show where it goes wrong",
        )
    if name not in METRICS:
        raise unknown("metric", name, list(METRICS))
    return METRICS[name]
