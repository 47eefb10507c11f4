"""Tables protected: the numbered cases of the specification, and properties against an attacker of our own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from primum.disclose.presets import preset
from primum.disclose.protect import WITHHELD, protect
from primum.disclose.releases import Atoms, from_tally, marginals, people, place
from primum.disclose.rules_metrics import SUPPRESSED, compare
from primum.disclose.suppress import Family, interval, merged
from primum.errors import PrimumError

MARGINS = [(), ("group",), ("outcome",)]
ALL = [*MARGINS, ("group", "outcome")]
T1 = [[60, 40], [56, 4], [50, 30]]
T2 = [[60, 1], [56, 4], [50, 30]]


def table(rows, groups="ABCDEFGH"):
    return Atoms(("group", "outcome"), (tuple(groups[: len(rows)]), ("neg", "pos")), np.array(rows))


def cell(group, outcome):
    return place(("group", "outcome"), (group, outcome))


def policy(t):
    return preset("cbs", t=t) if t >= 10 else preset("uk_biobank", t=t)


def bounds(atoms, tables, hidden, *wanted):
    """What a reader can bound each wanted sum by when the cells named in `hidden` are withheld."""
    cells = [(place(v, k), s) for v in tables for k, s in marginals(atoms, v)]
    assert set(hidden) <= {name for name, _ in cells}
    supports = np.array([s for _, s in cells])
    sums, secrets, truth = merged(supports, np.array(wanted), atoms.counts.reshape(-1))
    none = np.zeros(len(cells), dtype=bool)
    family = Family(sums, secrets, truth, none.astype(float), none)
    mask = np.array([name in hidden for name, _ in cells])
    return [interval(family, mask, s) for s in secrets]


def inner(atoms, *which):
    supports = {place(("group", "outcome"), k): s for k, s in marginals(atoms, ("group", "outcome"))}
    return [supports[w] for w in which]


# -- T1 and T2: one table -------------------------------------------------------------------------------------------


def test_t1_a_single_hidden_cell_is_recovered_from_the_margins():
    atoms = table(T1)
    assert bounds(atoms, ALL, {cell("B", "pos")}, *inner(atoms, cell("B", "pos"))) == [(4, 4)]


def test_t1_a_complement_in_the_row_only_is_recovered():
    atoms = table(T1)
    hidden = {cell("B", "pos"), cell("B", "neg")}
    assert bounds(atoms, ALL, hidden, *inner(atoms, cell("B", "neg"), cell("B", "pos"))) == [(56, 56), (4, 4)]


@pytest.mark.parametrize("t", [5, 8, 10, 20, 34])
def test_t1_the_cheapest_safe_pattern_is_b_and_c(t):
    atoms = table(T1)
    found = protect(atoms, policy(t), tables=ALL)
    assert found.withheld == {cell(g, y) for g in "BC" for y in ("neg", "pos")}
    wanted = inner(atoms, cell("B", "neg"), cell("B", "pos"), cell("C", "neg"), cell("C", "pos"))
    assert bounds(atoms, ALL, found.withheld, *wanted) == [(26, 60), (0, 34), (46, 80), (0, 34)]


@pytest.mark.parametrize("t", [35, 40])
def test_t1_at_a_higher_threshold_all_six_inner_cells_go(t):
    atoms = table(T1)
    found = protect(atoms, policy(t), tables=ALL, keep=MARGINS)
    assert found.withheld == {cell(g, y) for g in "ABC" for y in ("neg", "pos")}
    wanted = inner(atoms, cell("B", "pos"), cell("C", "pos"))
    assert bounds(atoms, ALL, found.withheld, *wanted) == [(0, 60), (0, 74)]


def test_t2_four_tiny_cells_do_not_protect_each_other():
    atoms = table(T2)
    four = [cell(g, y) for g in "AB" for y in ("neg", "pos")]
    assert bounds(atoms, ALL, set(four), *inner(atoms, *four)) == [(56, 61), (0, 5), (55, 60), (0, 5)]
    found = protect(atoms, policy(10), tables=ALL)
    assert found.withheld == {cell(g, y) for g in "ABC" for y in ("neg", "pos")}
    wanted = inner(atoms, *(cell(g, "pos") for g in "ABC"))
    assert bounds(atoms, ALL, found.withheld, *wanted) == [(0, 35)] * 3


def test_t2_passes_at_a_threshold_of_five():
    found = protect(table(T2), policy(5), tables=ALL)
    assert found.withheld == {cell(g, y) for g in "AB" for y in ("neg", "pos")}


# -- T3 and T4: linked tables ---------------------------------------------------------------------------------------


def test_t3_a_one_way_table_gives_the_hidden_cell_of_a_two_way_table_away():
    atoms = table([[60, 40], [56, 4]])
    tables = [("group",), ("group", "outcome")]
    assert bounds(atoms, tables, {cell("B", "pos")}, *inner(atoms, cell("B", "pos"))) == [(4, 4)]
    found = protect(atoms, policy(10), tables=tables)
    assert cell("B", "pos") in found.withheld
    assert len(found.withheld) > 1
    low, high = bounds(atoms, tables, found.withheld, *inner(atoms, cell("B", "pos")))[0]
    assert high >= 10
    assert high - low >= 10


T4 = np.array([[[29, 46], [30, 40], [45, 38], [39, 2]], [[44, 36], [49, 39], [38, 34], [36, 3]]])
T4_TABLES = [("ethnicity", "outcome"), ("outcome", "sex")]


def t4():
    return Atoms(("sex", "ethnicity", "outcome"), (("0", "1"), ("0", "1", "2", "3"), ("0", "1")), T4)


def of(atoms, variables, *key):
    return dict(marginals(atoms, variables))[key]


def test_t4_a_group_hidden_in_its_own_table_is_found_in_another():
    atoms = t4()
    hidden = {"ethnicity=3 · outcome=0", "ethnicity=3 · outcome=1"}
    wanted = [of(atoms, ("ethnicity", "outcome"), "3", y) for y in "10"]
    wanted += [of(atoms, ("sex", "ethnicity", "outcome"), s, "3", "1") for s in "01"]
    assert bounds(atoms, T4_TABLES, hidden, *wanted) == [(5, 5), (75, 75), (0, 5), (0, 5)]


@pytest.mark.parametrize(("other", "high"), [("2", 77), ("0", 87), ("1", 84)])
def test_t4_withholding_one_more_group_protects_it(other, high):
    atoms = t4()
    hidden = {f"ethnicity={e} · outcome={y}" for e in ("3", other) for y in "01"}
    assert bounds(atoms, T4_TABLES, hidden, of(atoms, ("ethnicity", "outcome"), "3", "1")) == [(0, high)]


def test_t4_protection_finds_the_leak_by_itself():
    found = protect(t4(), policy(10), tables=T4_TABLES)
    support = of(found.atoms, ("ethnicity", "outcome"), "3", "1")
    low, high = found.interval(support)
    assert low <= 5 < 10 <= high
    assert high - low >= 10
    assert found.shown(ethnicity="3", outcome="1") is None


def test_a_small_group_between_two_nested_cells_is_protected_although_nobody_asked_for_it():
    # men are in no table, but everyone without women is 6 people (T6)
    atoms = Atoms(("sex", "outcome"), (("men", "women"), ("0", "1")), np.array([[4, 2], [80, 34]]))
    found = protect(atoms, policy(10), tables=[(), ("sex",)])
    assert found.shown(sex="men") is None
    low, high = found.interval(of(found.atoms, ("sex",), "men"))
    assert high - low >= 10


# -- T23 and the rest -----------------------------------------------------------------------------------------------


def test_one_marker_stands_for_every_withheld_cell():
    found = protect(table(T1), policy(10), tables=ALL)
    assert {c.text for c in found.cells if c.shown is None} == {WITHHELD}
    assert len({c.reason for c in found.cells if c.shown is None}) == 2


def test_the_public_log_names_no_place_and_no_small_number():
    log = protect(table(T1), policy(10), tables=ALL).public_log()
    assert log["small count"] == log["complementary"] == "fewer than 10"
    assert not any("=" in text for text in (*log, *log.values()))


def test_rounded_tables_are_told_as_intervals_that_hold_the_truth():
    found = protect(table(T1), preset("opensafely"), tables=ALL)
    for release in found.releases():
        assert release.high > release.low
        assert release.low <= people(found.atoms, release.support) <= release.high
    assert found.shown(group="A", outcome="pos") == 40
    assert all(c.shown % 5 == 0 for c in found.cells if c.shown is not None)


def test_zeros_of_a_sensitive_variable_are_withheld_with_protection():
    # T17: B has 0 of 30; hiding the empty cell alone, with the total of B public, is no protection
    atoms = Atoms(("group", "ill"), (("A", "B", "C"), ("no", "yes")), np.array([[60, 40], [0, 30], [25, 35]]))
    tables = [(), ("group",), ("ill",), ("group", "ill")]
    found = protect(atoms, preset("cbs"), tables=tables, sensitive=["ill"])
    low, high = found.interval(of(found.atoms, ("group", "ill"), "B", "no"))
    assert (low, high >= 10) == (0, True)
    open_ = protect(atoms, preset("uk_biobank"), tables=tables, sensitive=["ill"])
    assert open_.shown(group="B", ill="no") == 0


def test_cells_that_another_rule_withholds_are_protected_as_well():
    found = protect(table([[60, 40], [56, 44], [50, 30]]), policy(10), tables=ALL, also={cell("C", "pos"): "R3"})
    assert cell("C", "pos") in found.withheld
    low, high = found.interval(inner(found.atoms, cell("C", "pos"))[0])
    assert high - low >= 10


def test_a_tally_becomes_atoms():
    import polars as pl

    from primum.tally.count import count

    frame = pl.DataFrame({"s": [0.1, 0.6, 0.7, 0.2, 0.9], "y": [0, 1, 0, 1, 1], "sex": ["f", "f", "m", "m", "m"]})
    atoms = from_tally(count(frame, "y", "s", by=["sex"], thresholds=[0.5]), 0.5)
    assert atoms.names == ("sex", "outcome", "prediction")
    assert atoms.counts.tolist() == [[[1, 0], [0, 1]], [[0, 1], [1, 1]]]


# -- T31: an attacker of our own ------------------------------------------------------------------------------------


def attack(counts, released, secret):
    """Bound a sum by integer programs on the bare atoms, written apart from the package."""
    ends = []
    for sign in (1, -1):
        rows = np.array([s for s, _ in released], dtype=float)
        values = np.array([n for _, n in released], dtype=float)
        cap = np.vstack([rows, secret.astype(float)])
        low, high = np.append(values, 0), np.append(values, counts.sum() + 100)
        found = milp(
            sign * secret.astype(float),
            integrality=np.ones(len(secret)),
            bounds=Bounds(0, np.inf),
            constraints=LinearConstraint(cap, low, high),
        )
        assert found.status == 0
        ends.append(round(sign * found.fun))
    return ends


def random_atoms(rng):
    if rng.random() < 0.4:
        return Atoms(("a", "b", "c"), (("0", "1"), ("0", "1"), ("0", "1", "2")), rng.integers(0, 31, (2, 2, 3)))
    shape = tuple(rng.integers(2, 5, 2))
    return Atoms(("a", "b"), tuple(tuple(map(str, range(k))) for k in shape), rng.integers(0, 31, shape))


def random_tables(rng, atoms):
    every = [c for k in range(len(atoms.names) + 1) for c in itertools.combinations(atoms.names, k)]
    kept = [c for c in every if rng.random() < 0.6]
    return kept or [every[-1]]


@pytest.mark.parametrize("seed", range(6))
def test_t31_no_small_cell_is_pinned_by_an_independent_attacker(seed):
    rng = np.random.default_rng([seed, 31])
    t = 10
    for _ in range(5):
        atoms = random_atoms(rng)
        tables = random_tables(rng, atoms)
        found = protect(atoms, policy(t), tables=tables)
        counts = found.atoms.counts.reshape(-1)
        released = [(c.support, c.shown) for c in found.cells if c.shown is not None]
        assert all(n == counts[s].sum() and (n == 0 or n >= t) for s, n in released)
        # every cell of every table, the tables' finer and coarser ones, and every nested difference
        targets = [
            s
            for k in range(len(atoms.names) + 1)
            for v in itertools.combinations(found.atoms.names, k)
            for _, s in marginals(found.atoms, v)
            if set(v) <= {n for x in tables for n in x}
        ]
        supports = [s for s, _ in released]
        targets += [b & ~a for a in supports for b in supports if (a & ~b).sum() == 0 and (b & ~a).any()]
        for secret in {s.tobytes(): s for s in targets if 0 < counts[s].sum() < t}.values():
            if not released:
                continue
            low, high = attack(counts, released, secret)
            assert not (low >= 1 and high <= t - 1)
            assert high >= t or not any((secret == c.support).all() for c in found.cells)


def test_t31_brute_force_on_a_tiny_table():
    atoms = table([[9, 3], [6, 5]])
    found = protect(atoms, policy(5), tables=ALL)
    released = [(c.support, c.shown) for c in found.cells if c.shown is not None]
    fits = [x for x in itertools.product(range(24), repeat=4) if all(np.array(x)[s].sum() == n for s, n in released)]
    hidden = [i for i, c in enumerate(atoms.counts.reshape(-1)) if c < 5]
    assert hidden == [1]
    values = {x[1] for x in fits}
    assert max(values) >= 5
    assert max(values) - min(values) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cbs", "ons_sdap", "uk_biobank", "opensafely", "strict_lp"])
def test_t31_five_hundred_random_cohorts_a_preset(name):
    rng = np.random.default_rng([500, 31])
    t = preset(name)["t"]
    for _ in range(500):
        atoms = random_atoms(rng)
        found = protect(atoms, preset(name), tables=random_tables(rng, atoms))
        counts = found.atoms.counts.reshape(-1)
        released = [(c.support, c.count) for c in found.cells if c.shown is not None]  # more than a reader has
        for c in found.cells:
            if c.shown is None and 0 < counts[c.support].sum() < t and released:
                low, high = attack(counts, released, c.support)
                assert high >= t
                assert not (low >= 1 and high <= t - 1)


# -- T36 ------------------------------------------------------------------------------------------------------------


def test_t36_small_groups_are_inconclusive_and_never_fair():
    n, events = np.array([180, 90, 24, 6]), np.array([40, 20, 5, 1])
    atoms = table(np.column_stack([n - events, events]).tolist())
    # 6 events in the two small groups together: beside overall numbers a third group would have to go
    found = protect(atoms, policy(10), tables=[("group", "outcome")])
    values = {g: None if found.shown(group=g, outcome="pos") is None else 0.7 for g in "ABCD"}
    states = compare(values).states
    assert states == {"A": "shown", "B": "shown", "C": SUPPRESSED, "D": SUPPRESSED}
    assert SUPPRESSED == "inconclusive (suppressed)"
    beside = protect(atoms, policy(10), tables=ALL)
    assert beside.shown(group="C", outcome="pos") is beside.shown(group="D", outcome="pos") is None


# -- T32 and T33 ----------------------------------------------------------------------------------------------------


def test_t32_a_higher_threshold_never_shows_more_on_t1():
    shown = [protect(table(T1), policy(t), tables=ALL).withheld for t in (5, 8, 10, 20, 34, 35, 40)]
    assert len(set(shown[:5])) == 1
    assert shown[4] < shown[5] <= shown[6]


@pytest.mark.parametrize("seed", range(5))
def test_t32_a_higher_threshold_never_shows_more(seed):
    rng = np.random.default_rng([seed, 32])
    atoms = random_atoms(rng)
    tables = random_tables(rng, atoms)
    patterns = [protect(atoms, policy(t), tables=tables).withheld for t in (5, 7, 10, 12, 15)]
    for lax, strict in itertools.pairwise(patterns):
        assert lax <= strict


@pytest.mark.parametrize("name", ["cbs", "opensafely", "strict_lp"])
def test_t33_protecting_what_is_protected_changes_nothing(name):
    once = protect(table(T2), preset(name), tables=ALL)
    twice = protect(once, preset(name))
    assert [(c.where, c.shown, c.reason) for c in twice.cells] == [(c.where, c.shown, c.reason) for c in once.cells]


def test_t33_the_order_of_tables_groups_and_variables_changes_nothing():
    rng = np.random.default_rng(33)
    first = Atoms(("a", "b", "c"), (("x", "y"), ("p", "q"), ("0", "1", "2")), rng.integers(0, 31, (2, 2, 3)))
    turned = Atoms(
        ("c", "a", "b"), (("2", "0", "1"), ("y", "x"), ("p", "q")), first.counts.transpose(2, 0, 1)[[2, 0, 1]][:, ::-1]
    )
    tables = [(), ("a",), ("b", "c"), ("a", "c"), ("a", "b", "c")]
    one = protect(first, policy(10), tables=tables)
    other = protect(turned, policy(10), tables=[t[::-1] for t in tables[::-1]])
    assert {c.where: c.shown for c in one.cells} == {c.where: c.shown for c in other.cells}
    assert one.withheld


@pytest.mark.parametrize("seed", range(6))
def test_a_greedy_choice_hides_at_most_twice_what_is_needed(seed):
    rng = np.random.default_rng([seed, 34])
    atoms = table(rng.integers(0, 41, (4, 2)).tolist())
    best = protect(atoms, policy(10), tables=ALL, exact=True)
    quick = protect(atoms, policy(10), tables=ALL, exact=False)
    assert len(quick.withheld) <= 2 * len(best.withheld)


# -- Mistakes -------------------------------------------------------------------------------------------------------


def test_a_margin_that_must_stay_and_gives_a_count_away_is_refused():
    atoms = table([[60, 40], [56, 4]])
    with pytest.raises(PrimumError, match="what must stay published gives a small count away"):
        protect(atoms, policy(10), tables=ALL, keep=ALL)


def test_an_audit_out_of_time_releases_nothing():
    with pytest.raises(PrimumError, match="ran out of time, so nothing is released"):
        protect(table(T1), preset("cbs", audit_time_limit=0), tables=ALL)


def test_unknown_names_are_refused():
    with pytest.raises(PrimumError, match="There is no variable 'grup'"):
        protect(table(T1), policy(10), tables=[("grup",)])
    with pytest.raises(PrimumError, match="There is no variable 'sex'"):
        protect(table(T1), policy(10), tables=ALL, keep=[("sex",)])
    with pytest.raises(PrimumError, match="There is no cell 'group=Z'"):
        protect(table(T1), policy(10), tables=ALL, also={"group=Z": "R3"})
    with pytest.raises(PrimumError, match="There is no cell 'group=Z'"):
        protect(table(T1), policy(10), tables=ALL).shown(group="Z")


def test_protected_tables_cannot_get_other_tables():
    found = protect(table(T1), policy(10), tables=ALL)
    with pytest.raises(PrimumError, match="protected already"):
        protect(found, policy(10), tables=[()])


def test_atoms_are_counts_of_people():
    with pytest.raises(PrimumError, match="negative or no whole number"):
        Atoms(("a",), (("x", "y"),), np.array([1.5, 2]))
    with pytest.raises(PrimumError, match="shape"):
        Atoms(("a",), (("x", "y"),), np.array([1, 2, 3]))
    with pytest.raises(PrimumError, match="occurs twice"):
        Atoms(("a",), (("x", "x"),), np.array([1, 2]))
