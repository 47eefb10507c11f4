"""Of a use case: which repairs are tried, and what 'no group is worse off' means here."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from primum.usecase_part import Flag, Number, Part, Scalar, Slip, Whole, Words, refuse, whole_keys

Method = Literal[
    "group calibration", "multicalibration", "utility thresholds", "levelling-up thresholds", "reweighing",
    "decoupled", "minimax", "prepend", "equalized odds", "equal sensitivity", "demographic parity",
    "exponentiated gradient",
]  # fmt: skip
METHODS: tuple[str, ...] = get_args(Method)
TRAINED = ("reweighing", "decoupled", "minimax", "exponentiated gradient")
"""Repairs that train the model anew; the others change the scores or the thresholds of a model that is there."""
COMPARATORS = ("equalized odds", "equal sensitivity", "demographic parity", "exponentiated gradient")
"""Repairs that make groups equal and promise nothing to any of them; they are here to be compared with."""
CORNERS = ("true positive", "false positive", "false negative", "true negative")

ALPHA_HELP = "0.05 lets 1 in 20 certificates of a harmful repair through; there is no usual value for every decision"
MARGIN_HELP = (
    "the largest loss per person that every group could bear: 0.005 is a net loss of 5 cases found per 1,000 people. "
    "Patients and clinicians choose it before results are seen; there is no usual value"
)


class NoHarm(Part):
    """When a repaired model is acceptable: no declared group loses more than the margin."""

    margin: Annotated[Number, Field(gt=0, lt=1)] = Field(description=MARGIN_HELP)
    alpha: Annotated[Number, Field(gt=0, lt=0.5)] = Field(description=ALPHA_HELP)
    chosen: str = Field("not stated", description="who chose margin and alpha, and how")
    utility: Literal["net benefit", "sensitivity", "specificity"] | dict[str, Number] = Field(
        "net benefit", description="what a decision is worth: net benefit at the threshold, or one number a corner"
    )
    groups: list[Words] | None = Field(
        None, min_length=1, description="names of the groups that must not lose; all but the exploratory if left out"
    )
    worst_off: dict[str, str] | None = Field(
        None, min_length=1, max_length=1, description="attribute: group that ought to gain, named beforehand"
    )
    recorded: (
        dict[
            str,
            Annotated[dict[str, tuple[Number, Number]], BeforeValidator(whole_keys), Field(min_length=1)],
        ]
        | None
    ) = Field(None, description="attribute -> group -> [lowest, highest] share of true cases that the record may hold")
    bound: Literal["gaffke", "phan", "betting"] = Field("gaffke", description="how a group's mean is bounded")
    largest_weight: Annotated[Number, Field(gt=0)] | None = Field(
        None, description="greatest weight a person can have, declared beforehand; needed with survey weights"
    )
    largest_cluster: Annotated[Whole, Field(ge=1)] | None = Field(
        None, description="most people in one family (or visits of one person), declared beforehand; needed with them"
    )
    held_out: Annotated[Number, Field(gt=0, lt=1)] = Field(
        0.5, description="share of people kept untouched for the certificates"
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        slips = []
        if isinstance(self.utility, dict) and set(self.utility) != set(CORNERS):
            slips.append(Slip(("utility",), f"a utility of your own gives one number to each of {', '.join(CORNERS)}"))
        for attribute, groups in (self.recorded or {}).items():
            slips += [
                Slip(
                    ("recorded", attribute, group),
                    f"from {low:g} to {high:g} is no range of shares: 0 < lowest ≤ highest ≤ 1",
                )
                for group, (low, high) in groups.items()
                if not 0 < low <= high <= 1
            ]
        refuse(slips)
        return self


class Repair(Part):
    """One repair to try on the primary model."""

    name: str = Field(
        pattern=r"^\w[\w .,+()×-]*$", max_length=80, description="short; letters, digits, spaces and . , + ( ) × -"
    )
    method: Method
    by: list[Words] = Field(min_length=1, description="names of the groups it may tell apart")
    settings: dict[str, Scalar] = Field(default_factory=dict, description="options of the method")
    walk: Flag = Field(
        default=True, description="where it is refused whole, look for the furthest step towards it that is not"
    )
    description: str = ""

    @field_validator("by")
    @classmethod
    def _each_once(cls, by: list[str]) -> list[str]:
        refuse([Slip((i,), f"'{b}' is there twice") for i, b in enumerate(by) if b in by[:i]])
        return by


def repair_slips(info: dict[str, Any], repairs: list[Repair]) -> list[Slip]:
    """Return what is wrong with the repairs of a use case whose other parts were read into `info`."""
    if not repairs:
        return []
    slips: list[Slip] = []
    if info.get("no_harm", ...) is None:
        slips.append(
            Slip(
                ("repairs",),
                "repairs are judged by what no group may lose, and no_harm is not declared: give it a margin "
                f"({MARGIN_HELP}) and an alpha ({ALPHA_HELP})",
            )
        )
    plain = [g.title for g in info.get("groups", [])]
    for i, repair in enumerate(repairs):
        slips += [
            Slip(("repairs", i, "by", j), f"there are no groups '{b}'; there are {', '.join(plain)}")
            for j, b in enumerate(repair.by)
            if b not in plain
        ]
        models = info.get("models") or []
        if any(m.name == repair.name for m in models):
            slips.append(
                Slip(("repairs", i, "name"), f"'{repair.name}' is the name of a model: give the repair its own")
            )
        if models and models[0].train is None and repair.method in TRAINED:
            slips.append(
                Slip(
                    ("repairs", i, "method"),
                    f"{repair.method} trains the model anew, and the primary model '{models[0].name}' is not trained "
                    f"here; a score can be repaired by {', '.join(m for m in METHODS if m not in TRAINED)}",
                )
            )
    return slips


def no_harm_slips(info: dict[str, Any], no_harm: NoHarm) -> list[Slip]:
    """Return what is wrong with `no_harm` in a use case whose other parts were read into `info`."""
    slips: list[Slip] = []
    titles = [g.title for g in info.get("groups", [])]
    for at, names in (
        ("groups", no_harm.groups or []),
        ("worst_off", no_harm.worst_off or {}),
        ("recorded", no_harm.recorded or {}),
    ):
        slips += [
            Slip(("no_harm", at), f"there are no groups '{n}'; there are {', '.join(titles)}")
            for n in names
            if titles and n not in titles
        ]
    if no_harm.recorded and no_harm.utility == "specificity":
        slips.append(
            Slip(
                ("no_harm", "recorded"),
                "specificity is a mean among people without the outcome, and who they are depends on what is not "
                "recorded: declare utility: net benefit, or leave 'recorded' out",
            )
        )
    linked = info.get("identifiers")
    for name, needed in (
        ("largest_weight", info.get("weight") is not None),
        ("largest_cluster", linked is not None and (linked.family or linked.repeated_visits or linked.variance_by)),
    ):
        if needed and getattr(no_harm, name) is None:
            slips.append(Slip(("no_harm", name), f"{name} is needed here: the certificate's bounds rest on it"))
    decision = info.get("decision")
    if no_harm.utility == "net benefit" and decision is not None and decision.threshold is None:
        slips.append(
            Slip(
                ("no_harm", "utility"),
                "net benefit needs a declared threshold, and the decision has a capacity: declare a threshold, or "
                "utility: sensitivity",
            )
        )
    return slips
