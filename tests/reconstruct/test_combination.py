"""Particle lists and combination.

Oracles: brute force in plain Python over all tuples of particles of small
events; the cuts of the standard lists written in numpy.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from toy_events import BEAM, FIELD, generic_events

from openbfactory.core.errors import CutError, InputError, UnknownNameError
from openbfactory.experiment import load_card
from openbfactory.reconstruct import families
from openbfactory.reconstruct.cut_of_daughters import daughter_cuts
from openbfactory.reconstruct.expressions import compile_condition
from openbfactory.reconstruct.families import mass_window
from openbfactory.reconstruct.reconstruction import Reconstruction
from openbfactory.reconstruct.standard_lists import standard_lists, standard_names


@pytest.fixture(scope="module")
def events():
    return generic_events(12, 3, tracks=7, photons=6)


@pytest.fixture
def r(events):
    return Reconstruction(events, beam=BEAM, field=FIELD)


def brute_force(r, lists, signs, conjugates):
    """Set of (event, sorted daughters with their side) of all allowed tuples of rows."""
    flavour, sources, event = r.particles["flavour"], r.particles.sources, r.particles["event"]
    found = {}
    for side in conjugates:
        for rows in itertools.product(*(made.rows for made in lists)):
            if len({event[i] for i in rows}) > 1:
                continue
            if any(flavour[i] != 0 and flavour[i] * s != side for i, s in zip(rows, signs, strict=True)):
                continue
            used = [x for i in rows for x in sources[i] if x >= 0]
            if len(used) == len(set(used)):
                found.setdefault((side, frozenset(int(i) for i in rows)), rows)
    return found


def ours(r, made):
    side = np.where(r.particles["flavour"][made.rows] < 0, -1, 1)
    sets = [frozenset(int(i) for i in row if i >= 0) for row in r.particles.daughters[made.rows]]
    return list(zip(side.tolist(), sets, strict=True))


@pytest.mark.parametrize(("decay", "lists", "signs", "sides"), [
    ("D0:a -> K-:all pi+:all", ["K-:all", "pi+:all"], [-1, 1], [1, -1]),
    ("D+:a -> K-:all pi+:all pi+:all", ["K-:all", "pi+:all", "pi+:all"], [-1, 1, 1], [1, -1]),
    ("D0:b -> pi+:all pi-:all", ["pi+:all", "pi-:all"], [1, -1], [1]),
    ("J/psi:x -> mu+:all mu-:all", ["mu+:all", "mu-:all"], [-1, 1], [1]),
    ("pi0:x -> gamma:all gamma:all", ["gamma:all", "gamma:all"], [1, 1], [1]),
    ("D0:c -> K-:all pi+:loose pi+:all pi-:all", ["K-:all", "pi+:loose", "pi+:all", "pi-:all"], [-1, 1, 1, -1],
     [1, -1]),
    ("eta_c:x -> p+:all anti-p-:all pi0:all", ["p+:all", "anti-p-:all", "pi0:all"], [1, -1, 1], [1]),
])
def test_every_combination_once(events, decay, lists, signs, sides):
    r = Reconstruction(events.take(np.arange(12 if len(signs) < 4 else 2)), beam=BEAM, field=FIELD)
    made = r.combine(decay)
    expected = brute_force(r, [r.get(name) for name in lists], signs, sides)
    found = ours(r, made)
    assert len(found) == len(set(found)) == len(expected) > 0
    assert set(found) == set(expected)
    assert (np.diff(made.event) >= 0).all()
    total = r.particles["p4"][r.particles.daughters[made.rows][:, : len(signs)]].sum(axis=1)
    np.testing.assert_allclose(made.view().lab, total)
    np.testing.assert_allclose(made["charge"], r.particles["charge"][r.particles.daughters[made.rows][
        :, : len(signs)]].sum(axis=1))


def test_nested_decays_share_no_track(r):
    made = r.combine("B-:x -> [D0:y -> K-:all pi+:all] [D*-:z -> [anti-D0:y -> K+:all pi-:all] pi-:all]")
    tracks = np.sort(r.particles.sources[made.rows], axis=1)
    assert tracks.shape[1] == 5
    assert (np.diff(tracks, axis=1) > 0).all()
    d0, star = r.get("D0:y"), r.get("D*+:z")
    expected = brute_force(r, [d0, star], [-1, 1], [1, -1])  # of the B+
    assert set(ours(r, made)) == set(expected)
    assert len(made) == len(expected) > 0
    assert set(np.unique(made["PDG"])) == {-521.0, 521.0}


def test_unflavoured_daughters_stand_for_both(r):
    """D0 -> pi+ pi- is made once and serves in D*+ and D*-."""
    made = r.combine("D*+:x -> [D0:cp -> pi+:all pi-:all] pi+:all")
    assert set(ours(r, made)) == set(brute_force(r, [r.get("D0:cp"), r.get("pi+:all")], [1, 1], [1, -1]))
    assert (r.get("D0:cp").view().column("flavour") == 0).all()
    pair = r.combine("psi(3770):x -> D0:cp anti-D0:cp")
    found = ours(r, pair)
    assert len(found) == len(set(found)) == len(brute_force(r, [r.get("D0:cp")] * 2, [1, -1], [1])) > 0


def test_conjugate_string_is_the_same_list(r):
    made = r.combine("anti-D0:q -> K+:all pi-:all")
    assert r.get("D0:q") is made
    assert r.combine("anti-D0:q -> K+:all pi-:all") is made
    with pytest.raises(CutError, match="another label"):
        r.combine("D0:q -> K-:all pi+:all", "M > 1")


def test_cut_and_window_select_the_same(r):
    loose = r.combine("D0:l -> K-:all pi+:all")
    tight = r.combine("D0:t -> K-:all pi+:all", "1.0 < M <= 1.6 and 2 >= M and p > 0.3")
    keep = (loose["M"] > 1.0) & (loose["M"] <= 1.6) & (loose["p"] > 0.3)
    np.testing.assert_array_equal(r.particles.daughters[tight.rows], r.particles.daughters[loose.rows[keep]])
    assert 0 < len(tight) < len(loose)
    from openbfactory.events.cut_grammar import parse
    assert mass_window(parse("1.0 < M <= 1.6 and 2 >= M and p > 0.3")) == pytest.approx((1.0, 1.6), abs=1e-5)
    assert mass_window(parse("M < 1.6 or p > 1")) == (-math.inf, math.inf)
    assert mass_window(parse("not M < 1.6")) == (-math.inf, math.inf)


def test_cuts_that_make_lists_leave_them_whole(events):
    """A cut that names lists nobody made yet, in a session that has none: the same as in one that has them all."""
    cut = ("countInList(gamma:loose, E > 0.2) > 1 and thrust > 0.6 and cosTBTO < 0.9 and roeE > 1 "
           "and angleToClosestInList(mu+:loose) > 0.1 and isSignal != 7")
    fresh, full = (Reconstruction(events, beam=BEAM, field=FIELD) for _ in range(2))
    for name in ("gamma:loose", "pi+:all", "mu+:loose"):
        full.get(name)
    found = [session.combine("D0:x -> K-:all pi+:all", cut) for session in (fresh, full)]
    assert 0 < len(found[0]) == len(found[1])
    for name in ("M", "p", "thrust", "cosTBTO", "mcErrors"):
        np.testing.assert_allclose(found[0][name], found[1][name], err_msg=name)
    for name in ("gamma:loose", "mu+:loose", "K+:all"):
        np.testing.assert_array_equal(fresh.get(name)["E"], full.get(name)["E"], err_msg=name)
        np.testing.assert_array_equal(fresh.get(name).event, full.get(name).event, err_msg=name)


def test_blocks_of_events_do_not_matter(events, monkeypatch):
    text, cut = "D+:x -> K-:all pi+:all pi+:all", "p > 0.2 and isSignal != 7"
    whole = Reconstruction(events, beam=BEAM, field=FIELD).combine(text, cut)
    monkeypatch.setattr(families, "BLOCK", 50)
    assert len(families.event_blocks([whole.owner.get("K+:all"), whole.owner.get("pi+:all")])) > 3
    parts = Reconstruction(events, beam=BEAM, field=FIELD).combine(text, cut)
    np.testing.assert_array_equal(parts["M"], whole["M"])
    np.testing.assert_array_equal(parts["mcErrors"], whole["mcErrors"])
    np.testing.assert_array_equal(parts.event, whole.event)


def test_cuts_of_particles_in_brackets(r):
    made = r.combine("D*+:w -> [D0 -> K-:all pi+:all] pi+:all", "massDifference(0) < 0.5", cuts={"D0": "1.0 < M < 1.5"})
    inner = made["daughter(0, M)"]
    assert len(made)
    assert ((inner > 1.0) & (inner < 1.5)).all()
    with pytest.raises(CutError) as caught:
        r.combine("D*+:v -> [D0 -> K-:all pi+:all] pi+:all", cuts={"DO": "M > 1"})
    assert caught.value.findings.items[0].nearest == "D0"


def test_standard_lists_are_their_cuts(r):
    every = r.get("K+:all")
    good = ((every["theta"] > np.radians(17)) & (every["theta"] < np.radians(150)) & (every["nCDCHits"] > 20)
            & (every["dr"] < 0.5) & (np.abs(every["dz"]) < 2))
    np.testing.assert_array_equal(r.get("K-:loose").rows, every.rows[good & (every["kaonID"] > 0.1)])
    np.testing.assert_array_equal(r.get("K+:90eff").rows, every.rows[good & (every["kaonID"] > 0.027)])
    assert r.get("K+").name == "K+:base"
    pi0 = r.get("pi0:eff40_May2020")
    assert pi0 is r.get("pi0:eff40")
    assert ((pi0["InvM"] > 0.12) & (pi0["InvM"] < 0.145)).all()
    assert len(r.get("gamma:all")) == int((r.events["ECLClusters"]["clusterTrackMatch"] == 0).sum())


@pytest.mark.parametrize("name", standard_names())
def test_every_standard_list_can_be_made(r, name):
    made = r.get(name)
    assert made.name == name
    assert (np.diff(made.event) >= 0).all()


def test_wrong_names_are_refused_with_the_nearest(r):
    with pytest.raises(UnknownNameError) as caught:
        r.get("K+:lose")
    assert caught.value.nearest == "K+:loose"
    with pytest.raises(CutError, match="charge"):
        r.combine("D0:z -> K-:all pi-:all")
    assert len(r.combine("D0:z -> K-:all pi-:all", allow_charge_violation=True))
    assert len(r.combine("B+:z -> mu-:all ... ?nu"))


def test_k_short_is_found_and_fitted(r):
    """The toy makes a K_S in every third event; the fit moves the vertex away from the beam."""
    made = r.get("K_S0:merged")
    assert len(made)
    assert ((made["M"] > 0.45) & (made["M"] < 0.55)).all()
    assert np.isfinite(made["x"]).all()
    assert set(r.failed_fits) == {"K_S0:all"}
    best = r.rank("K_S0:merged", "abs(dM)", highest=False, keep=1)
    assert np.abs(np.median(best["dM"])) < 0.004


def test_pi0_lists_with_a_mass_fit(events):
    r = Reconstruction.of_card(events, load_card("belle2"))
    plain, fitted = r.get("pi0:eff40"), r.get("pi0:eff40_May2020Fit")
    assert fitted.name == "pi0:eff40Fit"
    assert 0 < len(fitted) == len(plain) - r.failed_fits["pi0:eff40Fit"]
    np.testing.assert_allclose(fitted["M"], 0.1349768, atol=1e-6)
    assert (np.abs(plain["dM"]) > 1e-4).all()  # the plain list is not touched
    np.testing.assert_array_equal(np.isin(fitted["InvM"], plain["InvM"]), True)
    without = Reconstruction(events, beam=BEAM, field=FIELD)
    for _ in range(2):
        with pytest.raises(InputError):
            without.get("pi0:eff40Fit")


def test_fits_of_a_list(events):
    without = Reconstruction(events, beam=BEAM, field=FIELD)
    with pytest.raises(InputError, match="no size"):
        without.fit("K_S0:merged", "tree", ip_constraint=True)
    r = Reconstruction(events, beam=BEAM, field=FIELD, ip_covariance=np.diag([1e-6, 1e-8, 1e-3]))
    made = r.combine("D*+:f -> [D0:f -> K-:all pi+:all] pi+:all", "massDifference(0) < 0.3")
    before = made["M"]
    r.fit(made, "tree", ip_constraint=True, mass_constraints=["D0"])
    fitted = made["chiProb"] >= 0
    assert r.failed_fits["D*+:f"] == np.count_nonzero(~fitted)
    np.testing.assert_array_equal(made["M"][~fitted], before[~fitted])
    np.testing.assert_allclose(made["extraInfo(D0_M)"][fitted], 1.86484, atol=2e-5)
    assert np.isfinite(made["ErrM"][fitted]).all()
    r.fit("K_S0:merged")
    assert np.isfinite(r.get("K_S0:merged")["significanceOfDistance"]).all()
    with pytest.raises(UnknownNameError):
        r.fit(made, "trees")
    with pytest.raises(InputError, match="tree"):
        r.fit(made, "vertex", ip_constraint=True)


@pytest.mark.parametrize("cut", [
    "1.2 < daughter(0, M) < 1.7 and massDifference(0) < 0.5", "daughter(0, daughter(0, p)) > 0.4",
    "daughter(0, M) < 1.5 and [daughter(0, p) > 0.5 or daughter(0, useRestFrame(daughter(0, p))) < 0.6] and p > 0.2",
    "not [daughter(0, p) < 0.3] and -daughter(0, abs(dM)) ^ 2 > -0.5 and daughter(1, p) < 2 and daughter(0:0, p) > 0.1",
    "min(daughter(0, M), 1.4) == 1.4 and daughter(0, M) < daughter(1, p) + 1.6", "daughter(0, M) < 1.5 or p > 1",
])
def test_cuts_on_daughters_come_first_and_change_nothing(r, cut):
    """With a label the daughter's list is made whole; without one what the cut asks of it is applied first."""
    whole = r.combine(f"D*+:w{abs(hash(cut))} -> [D0:whole -> K-:all pi+:all] pi+:all", cut)
    early = r.combine(f"D*+:e{abs(hash(cut))} -> [D0 -> K-:all pi+:all] pi+:all", cut)
    for name in ("M", "daughter(0, M)", "daughter(0:0, p)", "daughter(1, p)", "charge"):
        np.testing.assert_array_equal(early[name], whole[name])
    assert len(whole)
    parts = daughter_cuts(compile_condition(cut).tree)
    assert set(parts) <= {0, 1}
    if " or p" in cut:
        assert not parts
    elif "0:0" not in cut and "min" not in cut:
        inner = r._lists[next((code, label) for code, label in r._lists if code == 421 and parts[0] in label)]
        assert len(inner) < len(r.get("D0:whole"))


def test_equal_daughters_keep_one_list(r):
    text = "X_1(3872) -> [pi0 -> gamma:all gamma:all] [pi0 -> gamma:all gamma:all]"
    text = text.replace("X_1(3872)", "f_2")
    cut = "daughter(0, M) < 0.3"
    made = r.combine(text, cut)
    sets = [frozenset(row) for row in r.particles.daughters[made.rows][:, :2].tolist()]
    assert len(sets) == len(set(sets))


def test_rank_orders_in_each_event(r):
    made = r.get("gamma:all")
    energy, event = made["E"], made.event
    r.rank(made, "E")
    rank = made["extraInfo(E_rank)"]
    for e in np.unique(event):
        mine = event == e
        assert sorted(rank[mine]) == list(range(1, mine.sum() + 1))
        assert (np.diff(energy[mine][np.argsort(rank[mine])]) <= 0).all()
    np.testing.assert_array_equal(made["getVariableByRank(gamma:all, E, E, 1)"],
                                  [energy[event == e].max() for e in event])
    r.cut("gamma:best", made, "")
    best = r.rank("gamma:best", "clusterReg", keep=1, same_rank=True)
    assert len(best) == len(made)  # all in the barrel: the same rank


def test_the_book_names_sources():
    book = standard_lists()
    assert all(entry.source for entry in book.lists.values())
