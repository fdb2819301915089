"""The decay engine. Oracle: conservation laws, exponential lifetimes, the coherent mixing probability, and EvtGen's
mean multiplicities (coarse). Statistical tests: fixed seeds, false-alarm probability 1e-3 each."""

import numpy as np
import pytest
from scipy import stats

from openbfactory.core.random import Address
from openbfactory.core.units import speed_of_light
from openbfactory.generate import DecayCounts, decay_events
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.particles import species_of, species_table

N = 2000
MIX = "Decay Upsilon(4S)\n1.0 B0 anti-B0 VSS_BMIX dm;\nEnddecay\n"
MIX += "".join(f"Decay {b}\n1.0 {d} PHSP;\nEnddecay\n" for b, d in (("B0", "D- pi+"), ("anti-B0", "D+ pi-")))
CHARGES = {s.pdg: s.charge3 for s in species_table().values()}


@pytest.fixture(scope="module")
def table():
    return load_decay_table()


@pytest.fixture
def events(primaries, table):
    return decay_events(primaries(300553, N, 10.58, pz=3.0), table, Address(1, "bbbar"))


def test_energy_and_momentum_are_conserved(events):
    particles, _ = events
    index, final = particles.event_index(), particles["status"] == 1
    for name in ("E", "px", "py", "pz"):
        total = np.bincount(index[final], particles[name][final], minlength=N)
        np.testing.assert_allclose(total, particles[name][particles.offsets[:-1]], atol=1e-9)


def test_structure(events, table):
    particles, counts = events
    first = particles.offsets[:-1][particles.event_index()]
    place = np.arange(particles.size) - first
    assert np.all(particles["mother"] < place)
    assert np.all((particles["mother"] >= 0) == (place > 0))
    assert set(np.unique(particles["status"])) <= {1, 2}
    has_daughter = np.zeros(particles.size, bool)
    has_daughter[(first + particles["mother"])[place > 0]] = True
    np.testing.assert_array_equal(has_daughter, particles["status"] == 2)
    assert counts.total == np.count_nonzero(has_daughter)
    assert sum(counts.models.values()) == counts.total
    stable = set(table.pdg[table.stable].tolist())
    assert set(np.unique(particles["PDG"][~has_daughter]).tolist()) <= stable
    assert not {130, 211, 321, 2112, 13} & set(np.unique(np.abs(particles["PDG"][has_daughter])).tolist())
    assert {310, 3122, 111, 511, 521} <= set(np.unique(np.abs(particles["PDG"][has_daughter])).tolist())


def test_every_decay_conserves_charge(events):
    particles, _ = events
    charge = np.array([CHARGES[c] for c in particles["PDG"].tolist()])
    mother = particles.offsets[:-1][particles.event_index()] + particles["mother"]
    child = particles["mother"] >= 0
    total = np.bincount(mother[child], charge[child], minlength=particles.size)
    decayed = particles["status"] == 2
    np.testing.assert_array_equal(total[decayed], charge[decayed])


def test_same_address_same_events_whatever_came_before(primaries, table):
    def run(chunk):
        return decay_events(primaries(300553, 300, 10.58), table, Address(3, "bbbar", chunk))[0]

    first, second = run(0), run(1)
    again, before = run(1), run(0)
    for name in first.columns:
        np.testing.assert_array_equal(second[name], again[name])
        np.testing.assert_array_equal(first[name], before[name])
    assert not np.array_equal(first["E"][:1000], second["E"][:1000])


def test_lifetimes_are_exponential_and_vertices_displaced(events):
    particles, _ = events
    first = particles.offsets[:-1][particles.event_index()]
    mother = first + particles["mother"]
    for pdg in (521, 511, 411, 310):
        born = np.flatnonzero((np.abs(particles["PDG"]) == pdg) & (particles["status"] == 2))
        child = np.full(particles.size, -1)
        child[mother[::-1]] = np.arange(particles.size)[::-1]
        flight = particles["t"][child[born]] - particles["t"][born]
        mass = species_of(pdg).mass
        proper = flight * mass / particles["E"][born] * speed_of_light
        assert stats.kstest(proper, stats.expon(scale=species_of(pdg).ctau).cdf).pvalue > 1e-3, pdg
        path = np.stack([particles[k][child[born]] - particles[k][born] for k in "xyz"])
        p = np.stack([particles[k][born] for k in ("px", "py", "pz")])
        np.testing.assert_allclose(path, p / particles["E"][born] * flight * speed_of_light, atol=1e-12)


def test_b_mesons_follow_the_polarisation_of_the_upsilon(primaries, table):
    axis = np.array([0.6, 0.0, 0.8])
    particles, _ = decay_events(primaries(300553, N, 10.58), load_decay_table(overlay=MIX), Address(4, "x"), axis=axis)
    b = particles.offsets[:-1] + 1
    p = np.stack([particles[k][b] for k in ("px", "py", "pz")])
    cosine = axis @ (p / np.linalg.norm(p, axis=0))
    assert stats.kstest(cosine, lambda c: 0.5 + 0.75 * (c - c**3 / 3)).pvalue > 1e-3
    assert stats.kstest(cosine, stats.uniform(-1, 2).cdf).pvalue < 1e-3  # an unpolarised Upsilon is caught


def test_mixing_is_coherent(primaries):
    table = load_decay_table(overlay=MIX)
    n = 20_000
    particles, _ = decay_events(primaries(300553, n, 10.58), table, Address(5, "x"))
    b1, b2 = particles.offsets[:-1] + 1, particles.offsets[:-1] + 2
    same = particles["PDG"][b1] == particles["PDG"][b2]
    ctau = species_of(511).ctau
    x = 0.507e12 * ctau / (speed_of_light * 1e9)
    chi = x**2 / (2 * (1 + x**2))
    assert abs(same.mean() - chi) < 3.3 * np.sqrt(chi * (1 - chi) / n)
    child = np.zeros((2, n))
    mother = particles.offsets[:-1][particles.event_index()] + particles["mother"]
    for k, b in enumerate((b1, b2)):
        first = np.searchsorted(np.sort(mother), b)
        daughter = np.argsort(mother, kind="stable")[first]
        child[k] = (particles["t"][daughter] - particles["t"][b]) * species_of(511).mass / particles["E"][b]
    phase = 0.507e3 * np.abs(child[0] - child[1])
    asymmetry = np.average(1 - 2 * same, weights=np.cos(phase)) * np.cos(phase).mean()
    expected = np.mean(np.cos(phase) ** 2)
    assert abs(asymmetry - expected) < 3.3 * np.sqrt(expected / n)


def test_kept_records_and_aliases(primaries):
    table = load_decay_table(overlay="noPhotos\nAlias myD0 D0\nDecay myD0\n1.0 K- pi+ PHSP;\nEnddecay\n")
    given = primaries(421, 50, 1.86484, pz=2.0)
    given.columns["species"] = np.full(50, table.index["myD0"], np.int32)
    given["status"][::2] = 7
    particles, counts = decay_events(given, table, Address(6, "x"))
    assert counts.total == 25
    kept = particles.offsets[:-1][::2]
    np.testing.assert_array_equal(particles["status"][kept], 7)
    decayed = particles.take(np.arange(1, 50, 2))
    np.testing.assert_array_equal(decayed["PDG"].reshape(25, 3), np.tile([421, -321, 211], (25, 1)))


def test_models_that_fall_back_are_counted(primaries):
    overlay = "Decay B+\n0.5 D*- pi+ pi+ PHSP;\n0.5 anti-D*0 rho+ SVV_HELAMP 1 0 1 0;\nEnddecay\n"
    overlay += "Decay B-\n1.0 D0 mu- anti-nu_mu BGL 1.0;\nEnddecay\n"
    table = load_decay_table(overlay=overlay)
    _, counts = decay_events(primaries(521, 400, 5.27941), table, Address(7, "x"))
    assert 150 < counts.fallback["SVV_HELAMP"] < counts.models["SVV_HELAMP"]  # others have their parameters
    assert "PHSP" not in counts.fallback
    assert counts.fractions()["SVV_HELAMP"] == counts.fallback["SVV_HELAMP"] / counts.total
    _, wrong = decay_events(primaries(-521, 10, 5.27941), table, Address(7, "x"))
    assert wrong.fallback["BGL"] == 10  # wrong number of parameters
    both = counts + wrong
    assert both.total == counts.total + wrong.total
    assert sum([counts, wrong], start=DecayCounts()) == both


def test_no_events(primaries, table):
    particles, counts = decay_events(primaries(300553, 0, 10.58), table, Address(1, "x"))
    assert len(particles) == 0
    assert counts == DecayCounts()


def test_multiplicities_of_evtgen(primaries, shared_data):
    reference = np.load(shared_data / "evtgen" / "bbbar_photos.npz")
    folder = shared_data / "evtgen"
    table = load_decay_table(folder / "DECAY_BELLE2_evtgen.dec", folder / "bb.dec")
    n = 4000
    particles, _ = decay_events(primaries(300553, n, 10.58), table, Address(8, "x"))
    found = dict(zip(*np.unique(particles["PDG"][particles["status"] == 1], return_counts=True), strict=True))
    for pdg, count in zip(reference["final_pdg"], reference["final_count"], strict=True):
        rate = count / int(reference["n_events"])
        if rate > 0.3:
            assert abs(found[pdg] / n - rate) < 0.02 * rate + 4.5 * np.sqrt(rate / n), pdg
