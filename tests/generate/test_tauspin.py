"""Tau pairs with spin. Oracles: the spin matrix of e+e- -> tau+ tau- integrated by hand, Michel spectra in closed form,
the analysing power of vectors, the exponentiated O(alpha) radiator (Kuraev, Fadin, Sov. J. Nucl. Phys. 41 (1985) 466),
EvtGen, and of the enriched sample the filter of all pairs.

Statistical tests have fixed seeds; bounds are 5 standard deviations, KS tests fail falsely in 1e-4 of the cases.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from openbfactory.core.errors import GenerationError
from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.generate import filtered, generate_events
from openbfactory.generate.radiation import radiation_arrays
from openbfactory.generate.taudecay import Michel, lepton_polarisation
from openbfactory.generate.tauspin import polarised_taus, tau_pair_events
from openbfactory.kinematics.fourvector import unboost
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.particles import species

N = 50_000
PIONS = "".join(f"Decay tau{a}\n1.0 pi{a} {nu} TAUSCALARNU;\nEnddecay\n"
                for a, nu in (("-", "nu_tau"), ("+", "anti-nu_tau")))
TAU = species("tau-").mass


@pytest.fixture(scope="module")
def pairs():
    """Events with tau -> pi nu on both sides, without radiation in decays."""
    table = load_decay_table(overlay=f"noPhotos\n{PIONS}")
    return tau_pair_events(N, Address(1, "taupair", 0), load_card("belle2").machine, table)[0]


def rows(particles, code):
    at = np.flatnonzero(particles["PDG"] == code)
    return tuple(particles[k][at] for k in ("E", "px", "py", "pz"))


def directions(pairs):
    """Pions in the tau rest frames along (x, y, z) of the tau-, the reduced energy of the pair, and cos(theta)."""
    minus, plus = rows(pairs, 15), rows(pairs, -15)
    pair = tuple(a + b for a, b in zip(minus, plus, strict=True))
    inside = [unboost(p, pair) for p in (minus, plus, rows(pairs, -211), rows(pairs, 211))]
    z = np.stack(inside[0][1:], axis=1)
    z /= np.linalg.norm(z, axis=1)[:, None]
    electron = load_card("belle2").machine.her.momentum(np.full(len(z), 7.0), +1)
    beam = np.stack(unboost(tuple(electron.T), pair)[1:], axis=1)
    beam /= np.linalg.norm(beam, axis=1)[:, None]
    c = (beam * z).sum(1)
    x = (beam - c[:, None] * z) / np.sqrt(1 - c * c)[:, None]
    axes = np.stack([x, np.cross(z, x), z], axis=1)
    pions = []
    for pion, tau in ((inside[2], inside[0]), (inside[3], inside[1])):
        v = np.stack(unboost(pion, tau)[1:], axis=1)
        pions.append(np.einsum("nij,nj->ni", axes, v / np.linalg.norm(v, axis=1)[:, None]))
    return pions[0], pions[1], 4 * TAU**2 / (pair[0] ** 2 - sum(k**2 for k in pair[1:])), c


def test_spin_matrix(pairs):
    """Means of products of the pion directions: C_ij / T times -1/9; all nine, averaged over the angle."""
    a, b, r, c = directions(pairs)
    soft = r < 4 * TAU**2 / 10.3**2  # little initial radiation: the axes are those of the matrix element
    a, b, c, r = a[soft], b[soft], c[soft], float(np.mean(r[soft]))
    whole = 8 / 3 + 4 / 3 * r
    expected = np.diag([4 / 3 * (1 + r) / whole, -4 / 3 * (1 - r) / whole, (8 / 3 - 4 / 3 * r) / whole])
    found, spread = -9 * np.mean(a[:, :, None] * b[:, None, :], axis=0), 9 / 3 / math.sqrt(len(a))
    assert np.abs(found - expected).max() < 5 * spread
    assert np.abs(found - np.eye(3) * expected[2, 2]).max() > 5 * spread  # planted fault: all axes alike
    mixed = -9 * np.mean((a[:, 0] * b[:, 2] + a[:, 2] * b[:, 0]) * np.sign(c))
    integral = 2 * quad(lambda t: 2 * t * math.sqrt(1 - t * t) * math.sqrt(r), 0, 1)[0] / (whole / 2) / 1
    assert mixed == pytest.approx(integral, abs=5 * 9 * math.sqrt(2) / 3 / math.sqrt(len(a)))
    assert np.mean(a[:, 2]) == pytest.approx(0, abs=5 / math.sqrt(3 * len(a)))


def test_initial_radiation_follows_the_radiator(monkeypatch):
    """Fraction of pairs that lost more than x of s to the beams; 3 % for the difference of the two exponentiations."""
    monkeypatch.setattr("openbfactory.generate.tauspin.radiation_arrays",
                        lambda table: radiation_arrays(table)._replace(cutoff=1.0))
    machine, table = load_card("belle2").machine, load_decay_table(overlay=f"noPhotos\n{PIONS}")
    s = machine.sqrt_s ** 2
    _, _, ratio, _ = directions(tau_pair_events(N, Address(1, "taupair", 0), machine, table)[0])
    lost = 1 - 4 * TAU**2 / ratio / s

    def radiator(x):
        beta = 2 / (137.036 * np.pi) * (np.log(s / 0.51099895e-3**2) - 1)
        hard = 4 * (2 - x) * np.log(1 / x) - (1 + 3 * (1 - x) ** 2) / x * np.log(1 - x) - 6 + x
        return beta * x ** (beta - 1) * (1 + 0.75 * beta) - beta * (1 - x / 2) + beta**2 / 8 * hard

    def rate(x):
        return radiator(x) * np.sqrt(max(0.0, 1 - 4 * TAU**2 / s / (1 - x))) * (1 + 2 * TAU**2 / s / (1 - x)) / (1 - x)

    top, beta = 1 - 3.6**2 / s, 0.0877
    total = quad(lambda t: rate(t ** (1 / beta)) * t ** (1 / beta - 1) / beta, 0, top**beta, limit=400)[0]
    for cut in (0.01, 0.1, 0.3):
        expected = quad(rate, cut, top, limit=400)[0] / total
        spread = 5 * math.sqrt(expected * (1 - expected) / N)
        assert np.mean(lost > cut) == pytest.approx(expected, rel=0.03, abs=spread)


def leptons(michel, spin=1.0):
    table = load_decay_table(overlay="noPhotos\nDecay tau-\n1.0 mu- anti-nu_mu nu_tau TAULNUNU;\nEnddecay\n")
    made = polarised_taus(N, Address(2, "tau", 0), table, (0.0, 0.0, spin), michel=michel)
    p = rows(made, 13)
    return p[0], p[3] / np.sqrt(sum(k**2 for k in p[1:]))


@pytest.mark.parametrize("michel", [Michel(), Michel(0.6, 0.3, 0.7, 0.5), Michel(rho=0.75, xi=-1.0)])
def test_michel_spectra(michel):
    """Energy spectrum and asymmetry of polarised tau-; a spectrum of V-A is told from another."""
    energy, cosine = leptons(michel)
    m = species("mu-").mass
    top = (TAU**2 + m**2) / (2 * TAU)
    x0 = m / top
    x = np.linspace(x0, 1, 4001)

    def spectra(w):
        root = np.sqrt(x**2 - x0**2)
        even = root * (x * (1 - x) + 2 / 9 * w.rho * (4 * x**2 - 3 * x - x0**2) + w.eta * x0 * (1 - x))
        odd = root**2 * w.xi / 3 * (1 - x + 2 / 3 * w.delta * (4 * x - 3 + math.sqrt(1 - x0**2) - 1))
        return even, odd

    even, odd = spectra(michel)
    assert stats.kstest(energy / top, lambda v: np.interp(v, x, np.cumsum(even) / even.sum())).pvalue > 1e-4
    assert np.mean(cosine) == pytest.approx(-odd.sum() / even.sum() / 3, abs=5 / math.sqrt(3 * N))
    other, _ = spectra(Michel(0.5, 0.0, 1.0, 0.75))
    assert stats.kstest(energy / top, lambda v: np.interp(v, x, np.cumsum(other) / other.sum())).pvalue < 1e-6


def test_polarisation_of_the_lepton():
    """V-A: an electron of a tau- is left-handed; xi' scales it."""
    x = np.array([0.3, 0.9])
    assert lepton_polarisation(x, TAU, species("e-").mass) == pytest.approx(-1, abs=1e-3)
    assert lepton_polarisation(x, TAU, species("e-").mass, Michel(xi_prime=0.5)) == pytest.approx(-0.5, abs=1e-3)
    assert np.all(np.abs(lepton_polarisation(np.linspace(0.15, 1, 9), TAU, species("mu-").mass)) <= 1)


@pytest.mark.parametrize(("channel", "code"), [("rho- nu_tau TAUVECTORNU", -213), ("K*- nu_tau TAUVECTORNU", -323)])
def test_vectors_analyse_the_spin(channel, code):
    """dN/dcos = 1 + (m^2 - 2 Q^2) / (m^2 + 2 Q^2) cos, event by event in Q."""
    table = load_decay_table(overlay=f"noPhotos\nDecay tau-\n1.0 {channel};\nEnddecay\n")
    made = polarised_taus(N, Address(3, "tau", 0), table, (0.0, 0.0, 1.0))
    p = rows(made, code)
    space = sum(k**2 for k in p[1:])
    q2 = p[0] ** 2 - space
    power = (TAU**2 - 2 * q2) / (TAU**2 + 2 * q2)
    assert np.mean(p[3] / np.sqrt(space) - power / 3) == pytest.approx(0, abs=5 * 0.58 / math.sqrt(N))


def test_events_are_whole():
    """Conservation, charges, displaced taus, no daughters forgotten."""
    events, _ = generate_events("taupair", 2000, Address(1, "taupair", 0), load_card("belle2").machine)
    particles = events["MCParticles"]
    first, final = particles.offsets[:-1], particles["status"] == 1
    for k in ("E", "px", "py", "pz"):
        assert np.abs(np.add.reduceat(np.where(final, particles[k], 0.0), first) - particles[k][first]).max() < 1e-9
    stable = particles["PDG"][final]
    assert set(np.abs(stable).tolist()) <= {11, 13, 22, 211, 321, 130, 12, 14, 16}
    event = np.repeat(np.arange(2000), particles.counts)
    base = first[event]
    taus = np.flatnonzero(np.abs(particles["PDG"]) == 15)
    child = np.flatnonzero(np.abs(particles["PDG"]) == 16)
    mother = base[child] + particles["mother"][child]
    assert np.array_equal(np.sort(mother), taus)
    flight = np.sqrt(sum((particles[k][child] - particles[k][mother]) ** 2 for k in "xyz"))
    p = np.sqrt(sum(particles[k][mother] ** 2 for k in ("px", "py", "pz")))
    assert np.mean(flight * TAU / p) == pytest.approx(species("tau-").ctau, rel=5 / math.sqrt(4000))


def edge_pairs(sample, events, seed):
    """Events that pass the filter of the edge, E of their first tau in units of sqrt(s)/2, and the record."""
    machine = load_card("belle2").machine
    made, counts = generate_events(sample, events, Address(seed, sample, 0), machine)
    kept = filtered(made, "tau-edge", machine)
    particles = kept["MCParticles"]
    return len(kept), particles["E"][particles.offsets[:-1] + 1], counts


def test_the_sample_of_the_edge_is_what_the_filter_leaves_of_all_pairs():
    all_of_them, energy, _ = edge_pairs("taupair", 40_000, 1)
    number, other, counts = edge_pairs("taupair-edge", 2500, 2)
    share, near = all_of_them / 40_000, number / counts.tried
    assert abs(share - near) < 5 * math.hypot(math.sqrt(all_of_them) / 40_000, math.sqrt(number) / counts.tried)
    assert number > 0.4 * 2500
    assert stats.ks_2samp(energy, other).pvalue > 1e-4


def test_an_edge_that_no_decay_reaches_is_an_error(tmp_path):
    file = tmp_path / "user.dec"
    file.write_text(PIONS)
    with pytest.raises(GenerationError, match="3 x 1"):
        generate_events("taupair-edge", 5, Address(1, "x"), load_card("belle2").machine, decays=file)


@pytest.mark.parametrize("name", ["07_taupol_3pi", "07_taupol_mu"])
def test_against_evtgen(shared_data, name):
    """Polar angle of the visible system of a polarised tau; chi-squared fails falsely in 1e-4 of the cases."""
    reference = np.load(shared_data / "evtgen" / "chains" / f"{name}.npz")
    table = load_decay_table(overlay=str(reference["decay"]).replace("End\n", ""))
    made = polarised_taus(N, Address(4, "tau", 0), table, (0.0, 0.0, 1.0))
    visible = ~np.isin(np.abs(made["PDG"]), (12, 14, 15, 16))
    total = [np.add.reduceat(np.where(visible, made[k], 0.0), made.offsets[:-1]) for k in ("px", "py", "pz")]
    here = np.histogram(total[2] / np.sqrt(sum(k**2 for k in total)), reference["cosz_edges"])[0]
    there = reference["cosz_counts"]
    assert stats.chi2_contingency(np.stack([here, there])).pvalue > 1e-4
