"""Truth matching.

Oracles: decays built by hand, with the bits that the field's documentation
gives for them (basf2, "DecayString" and "MCMatching"); a second
implementation of the missing-particle rules with Python sets on random trees.
"""

from __future__ import annotations

import numpy as np
import pytest
from toy_events import BEAM, FIELD

from openbfactory.events.columns import COLLECTIONS
from openbfactory.events.record import Events, Jagged
from openbfactory.kinematics.helix import helices_of_particles
from openbfactory.physics.particles import species
from openbfactory.reconstruct import Reconstruction
from openbfactory.reconstruct import truth_matching as tm

STABLE = (11, 13, 211, 321, 2212)


def events_of(*decays):
    """One event a decay, a nested tuple (name, daughter, daughter ...): a track for every charged stable particle, a
    cluster for every photon, in the order written."""
    lists = {name: {c.name: [] for c in COLLECTIONS[name].columns if not c.optional}
             for name in ("MCParticles", "Tracks", "PIDLikelihoods", "ECLClusters")}
    counts = {name: [] for name in lists}
    rng = np.random.default_rng(1)
    for decay in decays:
        before = {name: len(columns[COLLECTIONS[name].names[0]]) for name, columns in lists.items()}
        add(lists, decay, -1, before["MCParticles"], rng)
        for name, columns in lists.items():
            counts[name].append(len(columns[COLLECTIONS[name].names[0]]) - before[name])
    jagged = {}
    for name, columns in lists.items():
        offsets = np.concatenate([[0], np.cumsum(counts[name])]).astype(np.int64)
        jagged[name] = Jagged(offsets, {
            c: np.array(v, COLLECTIONS[name][c].dtype).reshape((-1, 15) if c == "cov" else -1)
            for c, v in columns.items()})
    return Events.of_process("by hand", len(decays), **jagged)


def add(lists, decay, mother, first, rng):
    name, *daughters = (decay,) if isinstance(decay, str) else decay
    particle, truth = species(name), lists["MCParticles"]
    index = len(truth["PDG"]) - first
    p = rng.normal(0, 0.6, 3)
    values = {"PDG": particle.pdg, "px": p[0], "py": p[1], "pz": p[2],
              "E": float(np.sqrt(p @ p + particle.mass**2)), "x": 0, "y": 0, "z": 0, "t": 0, "mother": mother,
              "status": 2 if daughters else 1}
    for column, value in values.items():
        truth[column].append(value)
    if not daughters and abs(particle.pdg) in STABLE:
        charge = particle.charge3 // 3
        helix = helices_of_particles(np.zeros((1, 3)), p[None], np.array([float(charge)]), FIELD)[0]
        row = dict(zip(("d0", "phi0", "omega", "z0", "tanLambda"), helix, strict=True))
        row |= {"charge": charge, "cov": np.eye(5)[np.triu_indices(5)] * 1e-6, "nPXDHits": 2, "nSVDHits": 8,
                "nCDCHits": 50, "mcIndex": index}
        for column, value in row.items():
            lists["Tracks"][column].append(value)
        for column, values_ in lists["PIDLikelihoods"].items():
            values_.append(0.0 if column != "logL_pi" else 1.0)
    if not daughters and particle.pdg == 22:
        size = np.sqrt(p @ p)
        row = {"clusterE": size, "clusterTheta": np.arccos(p[2] / size), "clusterPhi": np.arctan2(p[1], p[0]),
               "clusterR": 140, "clusterReg": 2, "clusterTiming": 0, "clusterErrorTiming": 1, "clusterE1E9": 0.9,
               "clusterE9E21": 0.9, "clusterTrackMatch": 0, "trackIndex": -1, "minC2TDist": 99, "mcIndex": index}
        for column, value in row.items():
            lists["ECLClusters"][column].append(value)
    for daughter in daughters:
        add(lists, daughter, index, first, rng)


def candidates(decay, *events):
    """Candidates of a decay string without any cut, each of whose tracks is right where there is one such."""
    r = Reconstruction(events_of(*events), beam=BEAM, field=FIELD)
    return r, r.combine(decay)


def best(decay, event):
    """mcErrors with the fewest bits among the candidates of one event, and isSignal of that candidate."""
    _, made = candidates(decay, event)
    errors, signal = made["mcErrors"], made["isSignal"]
    i = int(np.argmin(errors))
    return int(errors[i]), signal[i]


FSR = ("B+", "K+", "e+", "e-", "gamma")
VIA_PSI = ("B+", "K+", ("J/psi", "e+", "e-", "gamma"))
PSI = ("B+", "K+", ("J/psi", "e+", "e-"))


@pytest.mark.parametrize(("arrow", "event", "expected"), [
    ("->", ("B+", "K+", "e+", "e-"), 0), ("=direct=>", ("B+", "K+", "e+", "e-"), 0),
    ("=norad=>", ("B+", "K+", "e+", "e-"), 0), ("=exact=>", ("B+", "K+", "e+", "e-"), 0),
    ("->", FSR, 0), ("=direct=>", FSR, 0), ("=norad=>", FSR, tm.MISS_FSR | tm.MISS_PHOTOS),
    ("=exact=>", FSR, tm.MISS_FSR | tm.MISS_PHOTOS),
    ("->", VIA_PSI, 0), ("=direct=>", VIA_PSI, tm.MISSING_RESONANCE),
    ("=norad=>", VIA_PSI, tm.MISS_FSR | tm.MISS_PHOTOS),
    ("=exact=>", VIA_PSI, tm.MISSING_RESONANCE | tm.MISS_FSR | tm.MISS_PHOTOS),
])
def test_arrows_as_documented(arrow, event, expected):
    """The table of the field's documentation: B+ -> K+ e+ e-, with radiated photon, and through J/psi."""
    errors, signal = best(f"B+:x {arrow} K+:all e+:all e-:all", event)
    assert errors == expected
    assert signal == (expected == 0)


@pytest.mark.parametrize(("decay", "event", "expected"), [
    ("D*+:x -> [D0:x -> K-:all pi+:all] pi+:all", ("D*+", ("D0", "K-", "pi+"), "pi+"), 0),
    ("D0:x -> K-:all pi+:all", ("D0", "K-", "pi+", ("pi0", "gamma", "gamma")), tm.MISS_GAMMA),
    ("D0:x =exact=> K-:all pi+:all", ("D0", "K-", "pi+", ("pi0", "gamma", "gamma")),
     tm.MISS_GAMMA | tm.MISSING_RESONANCE),
    ("D0:x -> K-:all pi+:all ?gamma", ("D0", "K-", "pi+", ("pi0", "gamma", "gamma")), 0),
    ("D0:x -> K-:all mu+:all", ("D0", "K-", "mu+", "nu_mu"), tm.MISS_NEUTRINO),
    ("D0:x -> K-:all mu+:all ?nu", ("D0", "K-", "mu+", "nu_mu"), 0),
    ("D0:x -> K-:all pi+:all", ("D0", "K-", "pi+", "pi+", "pi-"), tm.MISS_MASSIVE),
    ("D0:x -> K-:all pi+:all ...", ("D0", "K-", "pi+", "pi+", "pi-"), 0),
    ("D0:x -> pi-:all pi+:all", ("D0", "pi-", "pi+", "K_L0"), tm.MISS_MASSIVE | tm.MISS_KLONG),
    ("D0:x -> pi-:all pi+:all", ("D0", "K-", "pi+"), tm.MIS_ID),
    ("D0:x -> (misID)pi-:all pi+:all", ("D0", "K-", "pi+"), 0),
    ("D0:x -> K-:all pi+:all", ("D+", "K-", "pi+", "pi+"), tm.ADDED_WRONG_PARTICLE | tm.MISS_MASSIVE),
    ("@Xsd:x -> K+:all pi-:all", ("K*0", "K+", "pi-"), 0),
    ("Xsd:x -> K+:all pi-:all", ("K*0", "K+", "pi-"), tm.ADDED_WRONG_PARTICLE),
    ("B+:x -> mu+:all", ("B+", "mu+", "nu_mu"), tm.MISS_NEUTRINO),
    ("B+:x -> mu+:all ?nu", ("B+", "mu+", "nu_mu"), 0),
    ("K_S0:x -> pi+:all pi-:all", ("K_S0", "pi+", "pi-"), 0),
    ("pi0:x -> gamma:all gamma:all", ("pi0", "gamma", "gamma"), 0),
    ("D0:x -> pi+:all pi-:all", ("anti-D0", "pi+", "pi-"), 0),
    ("tau+:x -> pi+:all [pi0:x -> gamma:all gamma:all] ?nu",
     ("tau+", ("rho+", "pi+", ("pi0", "gamma", "gamma")), "anti-nu_tau"), 0),
    ("tau+:x =direct=> pi+:all [pi0:x -> gamma:all gamma:all] ?nu",
     ("tau+", ("rho+", "pi+", ("pi0", "gamma", "gamma")), "anti-nu_tau"), tm.MISSING_RESONANCE),
])
def test_single_decays(decay, event, expected):
    errors, signal = best(decay, event)
    assert errors == expected
    assert signal == (expected == 0)


def test_wrong_combination_of_two_decays():
    """The kaon of one D and the pion of the other meet at the Y(4S): matched to it, wrong particle added."""
    event = ("Upsilon(4S)", ("B+", "K+", "pi-", "pi+"), ("B-", "K-", "pi+", "pi-"))
    _, made = candidates("D0:x -> K-:all pi+:all", event)
    top = made["mcPDG"] == 300553
    assert top.any()
    assert np.all(made["mcErrors"][top].astype(int) & tm.ADDED_WRONG_PARTICLE)
    assert np.all(made["isSignal"][top] == 0)


def test_unmatched_tracks_give_no_answer():
    events = events_of(("D0", "K-", "pi+"))
    events["Tracks"].columns["mcIndex"][0] = -1
    made = Reconstruction(events, beam=BEAM, field=FIELD).combine("D0:x -> K-:all pi+:all")
    assert len(made) == 2  # either track may be the kaon
    assert (made["mcErrors"] == tm.INTERNAL_ERROR).all()
    assert np.isnan(made["isSignal"]).all()
    assert np.isnan(made["mcPDG"]).all()
    assert not made.mask("isSignal == 1").any()
    assert not made.mask("isSignal != 1").any()


def test_decays_in_flight_are_matched_to_what_decayed():
    events = events_of(("D0", "K-", "pi+"))
    events["Tracks"].columns["mcIndex"][1] = -1
    columns = {c.name: np.zeros(1, c.dtype) for c in COLLECTIONS["MCSecondaries"].columns}
    columns |= {"PDG": np.array([-13]), "process": np.array([1]), "mcIndex": np.array([2]), "trackIndex": np.array([1])}
    events = events.with_lists(MCSecondaries=Jagged(np.array([0, 1]), columns))
    r = Reconstruction(events, beam=BEAM, field=FIELD)
    plain, accepted = r.combine("D0:x -> K-:all pi+:all"), r.combine("D0:y -> K-:all (decay)pi+:all")
    right = plain["PDG"] == 421
    assert plain["mcErrors"][right] == tm.DECAY_IN_FLIGHT
    assert accepted["isSignal"][right] == 1
    assert r.combine("D0:z -> K-:all mu+:all")["mcErrors"].min() == tm.DECAY_IN_FLIGHT | tm.MIS_ID


def test_ancestors_and_generated_variables():
    event = ("Upsilon(4S)", ("B+", ("anti-D0", "K+", "pi-"), "pi+"), ("B-", "mu-", "anti-nu_mu"))
    r, made = candidates("anti-D0:x -> K+:all pi-:all", event)
    good = made["isSignal"] == 1
    assert good.sum() == 1
    first = made.view().rows[good]
    cut = r.cut("D0:good", made, "isSignal == 1")
    np.testing.assert_array_equal(cut.rows, first)
    for name, value in (("genMotherPDG", 521), ("genMotherPDG(1)", 300553), ("mcMother(PDG)", 521), ("mcPDG", -421),
                        ("mcDaughter(0, PDG)", 321), ("mcDaughter(1, PDG)", -211), ("genParticleID", 2),
                        ("genMotherID", 1), ("genNStepsToDaughter(0)", 1), ("daughter(0, genMotherPDG)", -421),
                        ("daughter(0, mcMother(mcMother(PDG)))", 521), ("nMCMatches", 1), ("isMC", 1)):
        assert cut[name] == value, name
    truth = r.events["MCParticles"]
    assert cut["matchedMC(p)"] == pytest.approx(np.linalg.norm([truth[c][2] for c in ("px", "py", "pz")]))
    assert cut["mcP"] == pytest.approx(cut["matchedMC(p)"])
    kaons = r.fill_generated("K+:gen")
    assert len(kaons) == 1
    assert kaons["genMotherPDG"] == -421
    tag = r.combine("B-:y -> mu-:all")
    assert tag["genNMissingDaughter(14)"][tag["mcPDG"] == -521] == 1
    assert tag["genNMissingDaughter(22)"][tag["mcPDG"] == -521] == 0


def test_data_have_no_truth():
    events = events_of(("D0", "K-", "pi+")).without_truth()
    r = Reconstruction(events, beam=BEAM, field=FIELD)
    made = r.combine("D0:x -> K-:all pi+:all")
    for name in ("isSignal", "mcErrors", "mcPDG", "genMotherPDG", "matchedMC(p)", "genNStepsToDaughter(0)",
                 "mcDecayTime"):
        assert np.isnan(made[name]).all(), name
    assert not made["isMC"].any()
    assert len(r.fill_generated("K+:gen")) == 0


def python_errors(particles, truth, row):
    """Bits of what is missing, by sets: the rules once more."""
    pdg, mother, radiated = (truth[k].tolist() for k in ("pdg", "mother", "radiated"))

    def generated(top):
        if tm.is_final(pdg[top]):
            return []
        own = [i for i in range(len(pdg)) if mother[i] == top]
        return [x for i in own for x in (i, *generated(i))]

    def below(r):
        return [d for d in particles.daughters[r] if d >= 0]

    def matched(r):
        return {x for d in below(r) for x in ({int(particles["mc"][d])} | matched(d))}

    accepted = set()

    def accept(r):
        for i in generated(int(particles["mc"][r])) if particles["mc"][r] >= 0 else []:
            yes = tm._accepted(pdg[i], bool(radiated[i]), int(particles["ignored"][r]))
            (accepted.add if yes else accepted.discard)(i)
        for d in below(r):
            accept(d)

    accept(row)
    bits = 0
    for i in generated(int(particles["mc"][row])):
        if i in matched(row) | accepted:
            continue
        code = abs(pdg[i])
        if not tm.is_final(code):
            bits |= tm.MISSING_RESONANCE
        elif code == 22:
            bits |= tm.MISS_FSR | tm.MISS_PHOTOS if radiated[i] else tm.MISS_GAMMA
        elif code in (12, 14, 16):
            bits |= tm.MISS_NEUTRINO
        else:
            bits |= tm.MISS_MASSIVE | (tm.MISS_KLONG if code == 130 else 0)
    return bits


def test_missing_particles_agree_with_a_second_implementation():
    event = ("Upsilon(4S)", ("B+", ("anti-D*0", ("anti-D0", "K+", "pi-", ("pi0", "gamma", "gamma")), "gamma"), "mu+",
                             "nu_mu", "gamma"), ("B-", ("D0", ("K*-", "K-", ("pi0", "gamma", "gamma")), "pi+"), "pi-"))
    missing = (tm.MISSING_RESONANCE | tm.MISS_FSR | tm.MISS_PHOTOS | tm.MISS_GAMMA | tm.MISS_NEUTRINO | tm.MISS_MASSIVE
               | tm.MISS_KLONG)
    compared = set()
    for words in ("->", "=exact=>"):
        for tail in ("", "?nu ?gamma", "..."):
            r, made = candidates(f"B+:x -> [anti-D0:y {words} K+:all pi-:all {tail}] mu+:all", event)
            truth = tm.truth_columns(r)
            errors = made["mcErrors"].astype(int)
            for row, bits in zip(made.rows, errors, strict=True):
                expected = python_errors(r.particles, truth, row)
                assert bits & missing & ~tm.MISSING_RESONANCE == expected & ~tm.MISSING_RESONANCE
                assert bits & expected & tm.MISSING_RESONANCE == expected & tm.MISSING_RESONANCE
                compared.add(expected)
    assert len(compared) > 4




def test_clones_are_the_later_tracks_of_a_particle():
    """By hand: kaon, pion, and the pion's track once more; a fake has no particle. Other events do not count."""
    events = events_of(("D0", "K-", "pi+", "pi+"), ("D0", "K-", "pi+", "mu+"))
    index = events["Tracks"].columns["mcIndex"]
    index[2] = index[1]
    index[5] = -1
    r = Reconstruction(events, beam=BEAM, field=FIELD)
    tracks = r["pi+:all"]
    assert np.sum(tracks["isCloneTrack"] == 1) == 1
    assert np.sum(np.isnan(tracks["isCloneTrack"])) == 1
    made = r.combine("D0:x -> K-:all pi+:all")
    first = r.particles["event"][made.rows] == 0
    assert np.array_equal(np.unique(made["isOrHasCloneTrack"][first]), [0, 1])
    assert np.all(made["isOrHasCloneTrack"][~first] == 0)
    assert np.all(np.isnan(made["isCloneTrack"]))
