"""Of a use case: how completely the outcome may be recorded, and whether some people were measured better."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from primum.usecase_part import Number, Part, Slip, Words, refuse, whole_keys

Share = tuple[Number, Number]


class Recording(Part):
    """What is known, or feared, about the record of the outcome."""

    groups: list[Words] | None = Field(
        None, min_length=1, description="names of the groups looked at; all but the exploratory if left out"
    )
    shares: dict[str, Annotated[dict[str, Share], BeforeValidator(whole_keys), Field(min_length=1)]] | None = Field(
        None, description="attribute -> group -> [lowest, highest] share of true cases that the record may hold"
    )
    source: str = Field("not stated", description="where these shares come from")
    made_up: Annotated[Number, Field(ge=0, lt=1)] = Field(
        0.0, description="share of people without the outcome who are recorded as having it"
    )
    validation: Literal["random", "by record", "not random"] | None = Field(
        None, description="how those with the better measurement (outcome: truth) were chosen"
    )

    @field_validator("shares")
    @classmethod
    def _possible(cls, shares: dict[str, dict[str, Share]] | None) -> dict[str, dict[str, Share]] | None:
        refuse(
            Slip((a, g), f"from {low:g} to {high:g} is no range of shares: 0 < lowest ≤ highest ≤ 1")
            for a, groups in (shares or {}).items()
            for g, (low, high) in groups.items()
            if not 0 < low <= high <= 1
        )
        return shares


def recording_slips(info: dict[str, Any], recording: Recording) -> list[Slip]:
    """Return what is wrong with `recording` in a use case whose other parts were read into `info`."""
    titles = [g.title for g in info.get("groups", [])]
    slips = [
        Slip(("recording", at), f"there are no groups '{n}'; there are {', '.join(titles)}")
        for at, names in (("groups", recording.groups or []), ("shares", recording.shares or {}))
        for n in names
        if titles and n not in titles
    ]
    outcome = info.get("outcome")
    if recording.validation is not None and outcome is not None and outcome.truth is None:
        slips.append(
            Slip(
                ("recording", "validation"),
                "validation says how people with a better measurement were chosen, and outcome names no truth",
            )
        )
    return slips
