"""Inclusive decays, soft pions, taus with hadrons and weak decays of Pythia's modes in the engine. Oracle: numerical
integrals of the rates, the density matrix of the D*, closed forms, conservation laws. Fixed seeds, false-alarm
probability 1e-3 a test, and wrong forms that must be caught."""

import numpy as np
import pytest
from scipy import integrate, stats
from tests.generate.test_spin import UP, chain, cosine, seen

from openbfactory.core.random import Address
from openbfactory.generate import decay_events
from openbfactory.generate.engine import prepared
from openbfactory.generate.inclusivemodels import fits_inclusive
from openbfactory.physics import xsll
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.goity_roberts import soft_pion_amplitude
from openbfactory.physics.kagan_neubert import default_spectrum, mass_quantiles
from openbfactory.physics.particles import species

N = 8000


def squared(p):
    return p[0] ** 2 - p[1] ** 2 - p[2] ** 2 - p[3] ** 2


def total(tree, *paths):
    return tuple(sum(tree[path][k] for path in paths) for k in range(4))


def ks(values, density, low, high, n=4001):
    """p-value of values with a density."""
    x = np.linspace(low, high, n)
    running = integrate.cumulative_trapezoid([density(v) for v in x.tolist()], x, initial=0)
    return stats.kstest(values, lambda v: np.interp(v, x, running / running[-1])).pvalue


def test_nothing_of_the_packaged_file_falls_back():
    table = load_decay_table()
    assert not [str(m) for m in table.models[table.model[prepared(table)[1]]]]


def test_charmless_mass_and_balance(primaries):
    """Mass bins: no mass in a bin of weight 0, twice the rate at the edge of one of twice the weight."""
    tree = chain(primaries, "B+", {"B+": "Xu0 mu+ nu_mu VUB 4.8 1.29 0.22 3 0.3 0 0.9 0.5 1.6 1", "Xu0": ""}, n=N)
    mass = np.sqrt(squared(tree["0"]))
    assert mass.min() > 0.9
    below, above = np.sum((mass > 1.5) & (mass < 1.6)), np.sum((mass > 1.6) & (mass < 1.7))
    assert above / below == pytest.approx(2.0, abs=0.35)
    for k in range(4):
        np.testing.assert_allclose(total(tree, "0", "1", "2")[k], tree[""][k], atol=1e-9)
    muon = species("mu+").mass
    np.testing.assert_allclose(squared(tree["1"]), muon**2, atol=1e-9)


def test_charmless_without_fermi_motion_and_gluons(primaries):
    """A b quark nearly as heavy as the B: dGamma/dx = 2 x^2 (3 - 2 x)."""
    mass = species("B0").mass
    tree = chain(primaries, "B0", {"B0": f"Xu- e+ nu_e VUB {mass - 1e-4} 5 0 1 0 1", "Xu-": ""}, n=N)
    x = 2 * np.hypot(0.000511, np.linalg.norm(seen(tree, "1"), axis=0)) / mass
    assert stats.kstest(x, lambda v: 2 * v**3 - v**4).pvalue > 1e-3
    assert stats.kstest(x, lambda v: v**3).pvalue < 1e-6


def test_photon_energy(primaries):
    tree = chain(primaries, "B+", {"B+": "Xsu gamma BTOXSGAMMA 2", "Xsu": ""}, n=N)
    mass = np.sqrt(squared(tree["0"]))
    quantiles = mass_quantiles(default_spectrum(), 1.1, 4.5)
    assert stats.kstest(mass, lambda m: np.interp(m, quantiles, np.linspace(0, 1, len(quantiles)))).pvalue > 1e-3
    assert stats.kstest(mass * 1.02, lambda m: np.interp(m, quantiles, np.linspace(0, 1, len(quantiles)))).pvalue < 1e-6


@pytest.mark.parametrize("root", ["B+", "B-"])
def test_lepton_pairs(primaries, root):
    """With little Fermi motion s and the angle follow the quark decay; l+ and l- change places with b and anti-b."""
    x = {"B+": "Xsu", "B-": "anti-Xsu"}[root]
    tree = chain(primaries, root, {root: f"{x} mu+ mu- BTOXSLL 4.8 0.2 0.0 0.001 0.05", x: ""}, n=N)
    quark, muon = species("B+").mass, species("mu+").mass
    s = squared(total(tree, "1", "2"))
    low, high = np.log(4 * muon**2), 2 * np.log(quark - 0.2)
    assert ks(np.log(s), lambda v: np.exp(v) * xsll.lepton_rate(quark, 0.2, muon, np.exp(v)), low, high) > 1e-3
    assert ks(np.log(s), lambda v: np.exp(v), low, high) < 1e-6
    pair = dict(tree, **{"12": total(tree, "1", "2")})
    c = cosine(seen(pair, "1", "12"), seen(pair, "12"))
    chosen = np.linspace(14.0, 16.0, 9)
    expected = []
    for value in chosen.tolist():
        zero, one, two = xsll.angle_terms(quark, 0.2, muon, value)
        end = np.sqrt((value - (quark + 0.2) ** 2) * (value - (quark - 0.2) ** 2) * (1 - 4 * muon**2 / value))
        expected.append((one * end / 3) / (zero + two * end**2 / 3))
    inside = (s > 14) & (s < 16)
    sign = 1.0 if root == "B-" else -1.0
    error = c[inside].std() / np.sqrt(inside.sum())
    assert abs(c[inside].mean() - sign * np.mean(expected)) < 3.3 * error
    assert abs(np.mean(expected)) > 5 * error


def test_neutrino_pairs(primaries):
    blocks = {"B0": "Xsd nu_e anti-nu_e BTOXSNUNU_FERMI 4.8 0.1 0.0 0.001 0.05 4.68 0.1", "Xsd": ""}
    tree = chain(primaries, "B0", blocks, n=N)
    s = squared(total(tree, "1", "2")) / 4.68**2
    assert ks(s, lambda v: xsll.neutrino_rate(v, 0.1 / 4.68), 0, (1 - 0.1 / 4.68) ** 2) > 1e-3
    assert ks(s, lambda v: 1 - v, 0, 1) < 1e-6
    default = chain(primaries, "B0", {"B0": "Xsd nu_e anti-nu_e BTOXSNUNU_FERMI", "Xsd": ""}, n=N)
    assert np.sqrt(squared(default["0"])).min() > 1.1


def test_wrong_parameters_do_not_fit():
    b, codes = 5.28, [-44, -11, 12]
    assert fits_inclusive("VUB", codes, [4.8, 1.29, 0.22, 1, 0.3, 1], b)
    assert not fits_inclusive("VUB", codes, [4.8, 1.29, 0.22, 2, 0.3, 1], b)
    assert not fits_inclusive("VUB", codes, [4.8, 1.29, 0.22, 2, 0.9, 1, 0.3, 1], b)
    assert not fits_inclusive("VUB", codes, [4.8, 1.29, 0.22, 1, 5.5, 1], b)  # no mass of X can be reached
    assert not fits_inclusive("BTOXSGAMMA", [30353, 22], [1], b)
    assert not fits_inclusive("BTOXSLL", [30353, -11, 13], [], b)
    assert fits_inclusive("BTOXSLL", [30353, -11, 11], [4.8, 0.2, 0.0, 0.41], b)
    assert not fits_inclusive("BTOXSLL", [30353, -11, 11], [4.8, 0.2, 0.0, 0.001], b)
    assert not fits_inclusive("BTOXSNUNU_FERMI", [30353, 12, -12], [4.8], b)


def test_systems_hadronise_at_their_mass(primaries):
    """X_s of every mass down to K pi decays to hadrons with its charge and strangeness, more of them when heavier."""
    model = "BTOXSGAMMA 2 1 5.2794 4.8 4.8 -0.3 0.9 0.0841 80 80 0.6373 4.5"
    text = f"noPhotos\nDecay B+\n1.0 Xsu gamma {model};\nEnddecay\n"
    table, b = load_decay_table(overlay=text), species("B+")
    particles, counts = decay_events(primaries(b.pdg, 1500, b.mass), table, Address(5, "x"))
    assert not counts.fallback
    assert counts.undecayed == 0
    first = particles.offsets[:-1]
    mass = np.sqrt(squared(tuple(particles[k][first + 1] for k in ("E", "px", "py", "pz"))))
    final = particles["status"] == 1
    event = np.repeat(np.arange(1500), np.diff(particles.offsets))
    for name, k in (("E", 0), ("px", 1), ("py", 2), ("pz", 3)):
        sums = np.bincount(event[final], weights=particles[name][final], minlength=1500)
        np.testing.assert_allclose(sums, b.mass if k == 0 else 0.0, atol=1e-8)
    mother = particles["mother"]
    hadrons = (mother == 1) & (np.arange(particles.size) > first[event] + 1)
    numbers = np.bincount(event[hadrons], minlength=1500)
    assert mass.min() < 0.85
    assert numbers.min() == 2
    assert numbers[mass > 2.5].mean() > numbers[mass < 1.2].mean() + 1.0
    charge = np.bincount(event[hadrons], weights=table.charge3[table.species_index(particles["PDG"][hadrons])],
                         minlength=1500)
    assert np.all(charge == 3)


def test_soft_pion_keeps_the_polarisation(primaries):
    """<cos^2> of D* -> D pi is F_L 3/5 + (1 - F_L) / 5 with F_L from the amplitudes at the same momenta."""
    tree = chain(primaries, "B+", {"B+": "D*- pi+ e+ nu_e GOITY_ROBERTS", "D*-": "anti-D0 pi- VSS", "anti-D0": ""},
                 n=N, pz=0.0)
    c = cosine(seen(tree, "00", "0"), seen(tree, "0"))
    share, out = np.empty(N), np.zeros((3, 2), complex)
    root = np.sqrt(0.5)
    states = np.array([[-root, -1j * root, 0], [0, 0, 1], [root, -1j * root, 0]])
    for i in range(N):
        momenta = np.array([[tree[p][k][i] for k in range(4)] for p in ("0", "1", "2", "3")])
        whole = soft_pion_amplitude(True, species("B+").mass, species("D*+").mass, momenta, out)
        along = states @ (momenta[0, 1:] / np.linalg.norm(momenta[0, 1:]))
        share[i] = (abs(along @ out) ** 2).sum() / whole
    expected, error = share.mean() * 0.4 + 0.2, np.std(c**2) / np.sqrt(N)
    assert abs(np.mean(c**2) - expected) < 3.3 * error
    assert abs(expected - 1 / 3) > 4 * error  # a D* that forgets its spin is caught


@pytest.mark.parametrize("root", ["B+", "B-"])
def test_soft_pion_and_its_conjugate_are_mirrors(primaries, root):
    """The triple product of D, pion and lepton is odd, with one sign for B+ and the other for B- (widths give phases):
    of an event of B+ and its mirror image, whose rates are w and w', the event is drawn with w / (w + w')."""
    decay = {"B+": "D- pi+ e+ nu_e", "B-": "D+ pi- e- anti-nu_e"}[root]
    tree = chain(primaries, root, {root: f"{decay} GOITY_ROBERTS", decay.split()[0]: ""}, n=N, pz=0.0)
    flavour = 1 if root == "B+" else -1
    p = np.array([[tree[path][k] for k in range(4)] for path in ("0", "1", "2", "3")]).transpose(2, 0, 1)
    p[:, :, 1:] *= flavour
    sign, out, mirror = np.sign(np.linalg.det(p[:, :3, 1:])), np.zeros((3, 2), complex), np.array([1, -1, -1, -1])
    b, d = species("B+").mass, species("D+").mass
    weights = np.array([[soft_pion_amplitude(False, b, d, np.ascontiguousarray(q), out)
                         for q in (event, event * mirror)] for event in p])
    expected = np.mean(sign * (weights[:, 0] - weights[:, 1]) / weights.sum(axis=1))
    assert abs(sign.mean() - expected) < 3.3 / np.sqrt(N)
    assert abs(expected) > 5 / np.sqrt(N)  # a conjugate decay that is no mirror image is caught


@pytest.mark.parametrize(("root", "decay", "sign"),
                         [("tau-", "K- K0 nu_tau", 1), ("tau+", "K+ anti-K0 anti-nu_tau", -1)])
def test_tau_to_hadrons_follows_its_spin(primaries, root, decay, sign):
    """<cos> of the hadrons along the spin is (m^2 - 2 Q^2) / (m^2 + 2 Q^2) / 3, with the other sign for tau+."""
    tree = chain(primaries, root, {root: f"{decay} PYTHIA 21", decay.split()[1]: ""}, n=N, density=UP, pz=0.0)
    hadrons = total(tree, "0", "1")
    q2, m2 = squared(hadrons), species("tau-").mass ** 2
    z = hadrons[3] / np.sqrt(hadrons[1] ** 2 + hadrons[2] ** 2 + hadrons[3] ** 2)
    expected = sign * np.mean((m2 - 2 * q2) / (m2 + 2 * q2)) / 3
    assert abs(z.mean() - expected) < 3.3 * z.std() / np.sqrt(N)


def test_tau_with_hadrons_hands_its_spin_back(primaries):
    """B+ -> tau+ nu: hadrons of tau+ of negative helicity go along its line of flight where m^2 > 2 Q^2."""
    tree = chain(primaries, "B+", {"B+": "tau+ nu_tau SLN", "tau+": "pi+ gamma anti-nu_tau PYTHIA 21"}, n=N, pz=0.0)
    hadrons = dict(tree, h=total(tree, "00", "01"))
    c = cosine(seen(hadrons, "h", "0"), seen(hadrons, "0"))
    q2, m2 = squared(hadrons["h"]), species("tau-").mass ** 2
    expected = np.mean((m2 - 2 * q2) / (m2 + 2 * q2)) / 3
    assert abs(c.mean() - expected) < 3.3 * c.std() / np.sqrt(N)
    assert abs(expected) > 5 * c.std() / np.sqrt(N)


def test_weak_decay_of_a_baryon(primaries):
    """dGamma/dE_e ~ p (q2 - m^2) / q2 y (C - 2 y), y = M E_e, q2 the squared mass of the rest."""
    tree = chain(primaries, "Lambda_c+", {"Lambda_c+": "e+ nu_e Lambda0 PYTHIA 22", "Lambda0": ""}, n=N)
    mass, rest, electron = species("Lambda_c+").mass, species("Lambda0").mass, species("e-").mass
    energy = np.sqrt((seen(tree, "0") ** 2).sum(axis=0) + electron**2)
    c = mass**2 + electron**2 - rest**2

    def density(e):
        q2, y = mass**2 + electron**2 - 2 * mass * e, mass * e
        return max(np.sqrt(max(e * e - electron**2, 0)) * (q2 - rest**2) / q2 * y * (c - 2 * y), 0.0)

    high = c / (2 * mass)
    assert ks(energy, density, electron, high) > 1e-3
    assert ks(energy, lambda e: density(e) / (e * (c / mass - 2 * e) + 1e-9), electron, high) < 1e-6
