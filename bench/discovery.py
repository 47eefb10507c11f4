"""All subgroups up to three of ten attributes with five levels each: the error rate of every one.

primum also splits the people, tests and confirms.
"""

from __future__ import annotations

import numpy as np
from alone import Contender

ROWS, ATTRIBUTES, LEVELS = 100_000, 10, 5
SUPPORT = 0.002  # below the smallest crossing of three, above most crossings of four


def people(rows, attributes, levels, seed=20260101):
    """Make people with independent attributes, an outcome of one in ten, and one subgroup with decisions by coin."""
    rng = np.random.default_rng(seed)
    columns = {f"a{i}": rng.integers(0, levels, rows) for i in range(attributes)}
    y = rng.random(rows) < 0.1
    d = rng.random(rows) < np.where(y, 0.7, 0.2)
    coin = (columns["a0"] == 1) & (columns["a1"] == 2)
    return columns, y, np.where(coin, rng.random(rows) < 0.5, d)


def with_primum(columns, y, d, *, text=False):
    import polars as pl

    from primum.measure.discovery import discover_frame

    frame = pl.DataFrame(columns | {"y": y, "d": d})
    if text:
        frame = frame.with_columns(pl.col(list(columns)).cast(pl.String))

    def work():
        return discover_frame(frame, "y", "d", list(columns), "accuracy", seed=1)

    return work, lambda r: error_sums(r.lattice.counts.sum(axis=1))


def with_primum_coded(columns, y, d):
    """Search cells that are coded already: what is left after counting."""
    import polars as pl

    from primum.measure.cells import from_frame, split
    from primum.measure.discovery import _search
    from primum.measure.search_settings import searchable, settings_of

    m = searchable("accuracy")
    settings = settings_of(m, None, 3, 30, None, 0.05, "BH", "worse", 25.0, 1)
    cells = from_frame(pl.DataFrame(columns | {"y": y, "d": d}), "y", "d", list(columns), None)
    return lambda: _search(split(cells, 1), m, settings), lambda r: error_sums(r.lattice.counts.sum(axis=1))


def with_primum_tally(columns, y, d):
    """Search a tally that was counted by all attributes: nearly one group a person, the worst there is."""
    import polars as pl

    import primum
    from primum.measure.discovery import discover

    frame = pl.DataFrame(columns | {"y": y.astype(np.int8), "s": d * 0.5 + 0.1})
    tally = primum.count(frame, outcome="y", score="s", by=list(columns), thresholds=[0.3])
    return lambda: discover(tally, "accuracy", seed=1), lambda r: error_sums(r.lattice.counts.sum(axis=1))


def error_sums(counts):
    n = counts.sum(axis=-1)
    return {
        "subgroups": len(n),
        "errors": int(counts[:, 1:3].sum()),
        "worst": float(np.max((counts[:, 1] + counts[:, 2]) / n)),
    }


def with_divexplorer(columns, y, d):
    import pandas as pd
    from divexplorer import DivergenceExplorer

    frame = pd.DataFrame(columns | {"error": (y != d).astype(int)})

    def work():
        explorer = DivergenceExplorer(frame)
        return explorer.get_pattern_divergence(
            min_support=SUPPORT, attributes=list(columns), boolean_outcomes=["error"], show_coincise=False
        )

    def summary(r):
        r = r[r["length"].between(1, 3)]
        return {"subgroups": len(r), "worst": float(r["error"].max())}

    return work, summary


def with_sliceline(columns, y, d):
    from sliceline.slicefinder import Slicefinder

    X, errors = np.column_stack(list(columns.values())), (y != d).astype(float)

    def work():
        return Slicefinder(alpha=0.95, k=10, max_l=3, min_sup=int(SUPPORT * len(y)), verbose=False).fit(X, errors)

    return work, lambda r: {
        "subgroups": "top 10",
        "worst": max((float(x["slice_average_error"]) for x in r.top_slices_statistics_), default=None),
    }


def of(make, **how):
    """Return the maker of one contender: it makes its own people, as there are no two files alike in this question."""

    def made(_file):
        return make(*people(ROWS, ATTRIBUTES, LEVELS), **how)

    return made


CONTENDERS = {
    "primum, rows of numbers": Contender("primum", ("polars",), of(with_primum), 4),
    "primum, rows of text": Contender("primum", ("polars",), of(with_primum, text=True), 4),
    "primum, after coding": Contender(
        "primum", ("polars",), of(with_primum_coded), 4, note="what is left after counting"
    ),
    "primum, tally by all attributes": Contender(
        "primum", ("polars",), of(with_primum_tally), 2, note="from a tally with nearly one group a person"
    ),
    "divexplorer": Contender("peers", ("divexplorer",), of(with_divexplorer), note=f"support {SUPPORT:g}"),
    "sliceline": Contender("peers", ("sliceline",), of(with_sliceline), note=f"best 10 only, support {SUPPORT:g}"),
}
