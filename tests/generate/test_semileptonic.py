"""Semileptonic, rare and leptonic decays. Oracle: numerical integration of the differential rates, the Michel spectrum,
the published q2 distribution of B -> K nu nubar. Fixed seeds, false-alarm probability 1e-3 a test."""

import numpy as np
import pytest
from scipy import stats

from openbfactory.core.random import Address
from openbfactory.generate import decay_events
from openbfactory.kinematics.fourvector import unboost
from openbfactory.physics import knunu
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.formfactors import amplitudes, kernel_parameters
from openbfactory.physics.particles import species

N = 20_000
BGL = [0.02596, -0.06049, 0.01311, 0.01713, 0.00753, -0.09346]


def decays(primaries, mother, channel, n=N, stable=(), seed=1):
    text = f"noPhotos\nDecay {mother}\n1.0 {channel};\nEnddecay\n"
    table = load_decay_table(overlay=text)
    table.stable[[table.index[s] for s in stable]] = True
    s = species(mother)
    particles, counts = decay_events(primaries(s.pdg, n, s.mass, pz=1.5), table, Address(seed, "x"))
    table.stable[[table.index[x] for x in stable]] = False
    assert not counts.fallback
    first = particles.offsets[:-1]
    rows = [tuple(particles[k][first + i] for k in ("E", "px", "py", "pz")) for i in range(4)]
    return [unboost(row, rows[0]) for row in rows[1:]]


def invariant(*vectors):
    e, x, y, z = (sum(v[k] for v in vectors) for k in range(4))
    return e * e - x * x - y * y - z * z


def pair_angle(lepton, neutrino):
    pair = tuple(a + b for a, b in zip(lepton, neutrino, strict=True))
    inside = np.stack(unboost(lepton, pair)[1:])
    direction = np.stack(pair[1:])
    return (inside * direction).sum(0) / np.linalg.norm(inside, axis=0) / np.linalg.norm(direction, axis=0)


def expected_rate(name, parameters, mother, meson, lepton, eta):
    """Rate on a grid of q2 (rows) and cos(theta) (columns)."""
    q2 = np.linspace(lepton**2, (mother - meson) ** 2, 402)[1:-1]
    c = np.linspace(-1, 1, 201)
    h = np.array([amplitudes(name, parameters, mother, meson, q) for q in q2])[:, :, None]
    p = np.sqrt(((mother - meson) ** 2 - q2) * ((mother + meson) ** 2 - q2))
    x = lepton**2 / q2[:, None]
    w = ((1 - eta * c) ** 2 * h[:, 0] ** 2 + (1 + eta * c) ** 2 * h[:, 1] ** 2 + 2 * (1 - c * c) * h[:, 2] ** 2
         + x * ((1 - c * c) * (h[:, 0] ** 2 + h[:, 1] ** 2) + 2 * (h[:, 3] - h[:, 2] * c) ** 2))
    return q2, c, (p * q2 * (1 - lepton**2 / q2) ** 2)[:, None] * w


CASES = [
    ("B0", "D*- e+ nu_e", "BGL", BGL, 1.0),
    ("anti-B0", "D+ mu- anti-nu_mu", "BGL", [0.0126, -0.094, 0.34, -0.1, 0.0115, -0.057, 0.12, 0.4], 1.0),
    ("B0", "D*- tau+ nu_tau", "HQET3", [0.912, 1.205, 1.15, 1.404, 0.854], 1.0),
    ("D0", "K- e+ nu_e", "SLBKPOLE", [1.0, 0.303, 1.0, 2.112], -1.0),
    ("D_s+", "phi e+ nu_e", "SLPOLE", [1.0, -0.558, 0, 1, 0.85, -0.558, 0, 1, 1.5, -0.79, 0, 1, 0, -0.558, 0, 1], -1.0),
]


@pytest.mark.parametrize(("mother", "daughters", "name", "parameters", "eta"), CASES)
def test_q2_and_angle(primaries, mother, daughters, name, parameters, eta):
    meson, lepton, _ = daughters.split()
    channel = f"{daughters} {name} {' '.join(map(str, parameters))}"
    m, a, b = decays(primaries, mother, channel, stable=(meson, lepton))
    q2, c, rate = expected_rate(name, parameters, species(mother).mass, species(meson).mass, species(lepton).mass, eta)
    # a narrow line shape of the meson moves q2 by less than the bins resolve
    along_q2, along_c = np.cumsum(rate.sum(1)), np.cumsum(rate.sum(0))
    edges = np.interp(np.linspace(0, 1, 13), along_q2 / along_q2[-1], q2)
    edges[0], edges[-1] = -1, 1e3
    found, _ = np.histogram(invariant(a, b), edges)
    assert stats.chisquare(found, np.full(12, len(m[0]) / 12)).pvalue > 1e-3
    cosine = pair_angle(a, b)
    assert stats.kstest(cosine, lambda x: np.interp(x, c + 0.005, along_c / along_c[-1])).pvalue > 1e-3


def test_a_wrong_sign_of_the_angle_is_caught(primaries):
    _, a, b = decays(primaries, "B0", f"D*- e+ nu_e BGL {' '.join(map(str, BGL))}", stable=("D*-",))
    _, c, rate = expected_rate("BGL", BGL, species("B0").mass, species("D*-").mass, 0.000511, -1.0)
    along = np.cumsum(rate.sum(0))
    assert stats.kstest(pair_angle(a, b), lambda x: np.interp(x, c + 0.005, along / along[-1])).pvalue < 1e-6


def test_kaon_neutrino_spectrum(primaries):
    k, a, b = decays(primaries, "B+", "K+ nu_e anti-nu_e KNUNU")
    q2 = invariant(a, b)
    total = knunu.branching_fraction()
    nodes = np.linspace(0, knunu.q2_max(), 2001)
    cdf = np.array([knunu.branching_fraction(0, x) for x in nodes]) / total
    assert stats.kstest(q2, lambda x: np.interp(x, nodes, cdf)).pvalue > 1e-3
    assert stats.kstest(pair_angle(a, b), lambda x: 0.5 + 0.75 * (x - x**3 / 3)).pvalue > 1e-3
    assert np.all(k[0] >= species("K+").mass - 1e-12)
    flat = invariant(*decays(primaries, "B+", "K+ nu_e anti-nu_e PHSP")[1:])
    assert stats.kstest(flat, lambda x: np.interp(x, nodes, cdf)).pvalue < 1e-6  # phase space is caught


@pytest.mark.parametrize("model", ["TAULNUNU", "PHSP"])
def test_michel_spectrum(primaries, model):
    lepton, *_ = decays(primaries, "tau-", f"e- anti-nu_e nu_tau {model}")
    x = 2 * lepton[0] / species("tau-").mass
    p = stats.kstest(x, lambda v: np.clip(2 * v**3 - v**4, 0, 1)).pvalue
    assert p > 1e-3 if model == "TAULNUNU" else p < 1e-6


def test_hqet2_is_hqet3_in_another_order():
    masses = (5.28, 2.01)
    vector = kernel_parameters("HQET2", np.array([1.2, 0.9, 1.4, 0.85]), 511, -413, masses)
    assert vector.tolist() == [0.9, 1.2, 1.0, 1.4, 0.85]
    assert kernel_parameters("HQET2", np.array([1.185, 1.081]), 511, -411, masses).tolist() == [1.081, 1.185, 0.0]
    assert kernel_parameters("HQET2", np.array([1.185, 1.081]), 511, -413, masses) is None
