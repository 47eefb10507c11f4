"""Scores that the data already hold: checked, and turned so that higher means more risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from primum.errors import PrimumError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from primum.cohort.cohort import Numbers
    from primum.usecase import Model


def score_columns(frame: pl.DataFrame, models: Sequence[Model]) -> dict[str, Numbers]:
    """Return model name -> score (n,) for every model whose score is a column.

    A probability for which higher means less risk becomes 1 − s; points are mirrored in their range. NaN
    stays only where the model says `missing_scores: exclude`.

    Raises
    ------
    PrimumError
        If a score is missing, infinite, text, or outside its scale.
    """
    return {model.name: _score(frame[model.score], model) for model in models if model.score is not None}


def _score(values: pl.Series, model: Model) -> Numbers:
    if not (values.dtype.is_numeric() or values.dtype == pl.Null):
        raise PrimumError(
            f"{_called(model)} holds {str(values.dtype).lower()}.",
            expected="numbers",
            mend="declare values that mean missing under data: missing_codes, or correct the column",
        )
    score = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    endless = int(np.isinf(score).sum())
    if endless:
        raise PrimumError(
            f"{_called(model)} is infinite for {endless:,} people.",
            expected="finite numbers",
            mend="declare the value as missing under data: missing_codes, or correct the scores",
        )
    known = ~np.isnan(score)
    lost = int(score.size - known.sum())
    if lost == score.size:
        raise PrimumError(
            f"{_called(model)} is missing for everybody ({lost:,} people).",
            expected="a column with scores",
        )
    if lost and model.missing_scores == "refuse":
        raise PrimumError(
            f"{_called(model)} is missing for {lost:,} of {score.size:,} people.",
            expected="a score for everybody",
            mend=f"fill them in, or audit those who have one: 'missing_scores: exclude' under the model "
            f"'{model.name}' (who is left out is then counted in every group)",
        )
    return _turned(score, known, model)


def _turned(score: Numbers, known: Numbers, model: Model) -> Numbers:
    least, most = model.limits
    low, high = float(score[known].min()), float(score[known].max())
    if low < least or high > most:
        outside = int(((score[known] < least) | (score[known] > most)).sum())
        told = f"from {low:g} to {high:g}"
        if model.scale == "points":
            raise PrimumError(
                f"{_called(model)} runs {told}, outside its declared range.",
                expected=f"points from {least:g} to {most:g}; {outside:,} people lie outside",
                mend="correct the 'range' of this model, or declare the odd values under data: missing_codes",
            )
        raise PrimumError(
            f"{_called(model)} runs {told}: {outside:,} people lie outside [0, 1].",
            expected="probabilities from 0 to 1",
            mend=f"if these are points, say 'scale: points' and 'range: [{low:g}, {high:g}]' under the model "
            f"'{model.name}'; if they are per cent, divide by 100",
        )
    if model.higher_means == "more risk":
        return score
    return np.round(least + most - score, 12)  # 1 − 0.9 is 0.1, not 0.09999999999999998: it reaches a threshold of 0.1


def _called(model: Model) -> str:
    return f"The score '{model.score}' of the model '{model.name}'"
