"""The biases of a study by the names that its file gives them; and the record as somebody really kept it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from primum.errors import PrimumError, unknown
from primum.simulate.bias import Bias, Composition, Injected, Seed, Step, check_dose, compose, seeds, settings_of
from primum.simulate.cells import groups, label, opened, put

STREAM = 51_101
AS_RECORDED = "as recorded"
RECORD = "(record)"
"""Column of the label that models are trained on: the truth at dose 0, the biased record after injection."""
KINDS: dict[str, tuple[str, str]] = {
    AS_RECORDED: ("primum.stress.biases", "AsRecorded"),
    "under-diagnosis": ("primum.simulate.underdiagnosis", "UnderDiagnosis"),
    "under-diagnosis by severity": ("primum.simulate.underdiagnosis", "UnderDiagnosisBySeverity"),
    "label noise": ("primum.simulate.noise", "LabelNoise"),
    "disparate testing": ("primum.simulate.testing", "DisparateTesting"),
    "selective labels": ("primum.simulate.testing", "SelectiveLabels"),
    "spending for need": ("primum.simulate.proxy", "SpendingForNeed"),
    "proxy label": ("primum.simulate.proxy", "ProxyLabel"),
    "measurement error": ("primum.simulate.measurement", "MeasurementError"),
    "item shift": ("primum.simulate.items", "ItemShift"),
    "missingness": ("primum.simulate.missingness", "Missingness"),
    "selection": ("primum.simulate.selection", "Selection"),
}
"""Name → module and class."""
OURS = ("dose", "name", "into", "tested_into", "weight_into")
LABELLED = ("under-diagnosis", "under-diagnosis by severity", "label noise", "disparate testing", "selective labels",
            "proxy label", AS_RECORDED)  # fmt: skip
"""Those whose `label` is the record, whatever the file says of it."""


@dataclass(frozen=True)
class AsRecorded:
    """Take the label that somebody really recorded: with chance `dose` where it differs from the one that is there.

    Dose 0 is the truth, 1 the record as it was kept; between, as if that share of its errors had been made. A label
    that was not recorded at all becomes missing.

    Attributes
    ----------
    column
        Column of 0 and 1 with the record.
    label
        Column of 0 and 1 to replace.
    group
        Column or columns; only for the account of what happened.
    dose
        From 0 to 1.

    Raises
    ------
    PrimumError
        If a column is missing or has other values.
    """

    column: str
    label: str = RECORD
    group: str | Sequence[str] | None = None
    dose: float = 1.0
    name: str = AS_RECORDED

    def __post_init__(self) -> None:
        check_dose(self.name, self.dose)

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return the frame with the recorded label, and the account of what was done."""
        data, start = opened(frame, self.name), seeds(seed)
        ill, known = label(data, self.label, self.name)
        told, there = label(data, self.column, self.name)
        members = groups(data, self.group, self.name)
        differs = known & ((told != ill) | ~there)
        swap = differs & (np.random.default_rng([*start, STREAM]).random(len(data)) < self.dose)
        after = np.where(swap, np.where(there, told, np.nan), ill)
        out = put(data, self.label, self.label, np.where(known, after, np.nan))
        expected = np.where(differs, np.where(ill, 1 - self.dose, self.dose), ill)
        realised = (
            *members.realised("recorded, share of the cases", ill, expected, after == 1),
            *members.realised("recorded, share of the non-cases", known & ~ill, expected, after == 1),
        )
        people = (len(data), len(data))
        step = Step(self.name, self.dose, start, (self.label,), people, int(swap.sum()), settings_of(self), realised)
        return Injected(out.to_native(), (step,))


def build(parts: Sequence[Mapping[str, Any]], group: str, *, name: str = "") -> Composition:
    """Return the bias that a study's file describes, at dose 1.

    Parameters
    ----------
    parts
        Each with `kind`, one of `KINDS`, and the settings of that injector; `dose`, where given, scales the part.
    group
        The study's attribute: that of every part which names none.

    Raises
    ------
    PrimumError
        For an unknown kind or setting, one that is missing, or a value that the injector refuses.
    """
    return compose([_one(part, group) for part in parts], name=name)


def _one(part: Mapping[str, Any], group: str) -> Bias:
    settings = dict(part)
    kind = str(settings.pop("kind", ""))
    if kind not in KINDS:
        raise unknown("kind of bias", kind, list(KINDS))
    module, cls = KINDS[kind]
    maker = getattr(import_module(module), cls)
    options = inspect.signature(maker).parameters
    ours = [o for o in OURS if o != "dose" and not (o == "into" and kind == "spending for need")]
    open_ = [o for o in options if o not in ours and not (o == "label" and kind in LABELLED)]
    for name in settings:
        if name not in open_:
            raise unknown("setting", name, open_, where=f"the bias '{kind}'")
    if kind in LABELLED:
        settings["label"] = RECORD
    if "group" in options:
        settings.setdefault("group", group)
    lacking = [o for o, p in options.items() if p.default is inspect.Parameter.empty and o not in settings]
    if lacking:
        raise PrimumError(f"The bias '{kind}' lacks '{lacking[0]}'.", expected=", ".join(open_))
    try:
        bias: Bias = maker(**settings)
    except TypeError as error:
        raise PrimumError(f"The bias '{kind}' cannot use what it was given: {error}.") from None
    return bias
