"""Three-body weights. Oracle: numerical integration over the Dalitz plane with formulas written again here, the closed
forms of resonance amplitudes, the Kroll-Wada spectrum. Fixed seeds, false-alarm probability 1e-3 a test."""

import numpy as np
import pytest
from scipy import stats

from openbfactory.core.random import Address
from openbfactory.generate import decay_events
from openbfactory.kinematics.fourvector import unboost
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.isobars import SHAPES, isobar_decays, isobar_intensity
from openbfactory.physics.particles import species

N = 20_000


def decays(primaries, mother, channel, seed=1):
    table = load_decay_table(overlay=f"noPhotos\nDecay {mother}\n1.0 {channel};\nEnddecay\n")
    s = species(mother)
    particles, counts = decay_events(primaries(s.pdg, N, s.mass, pz=1.5), table, Address(seed, "x"))
    assert not counts.fallback
    assert counts.excess < 1e-3 * N
    first = particles.offsets[:-1]
    rows = [tuple(particles[k][first + i] for k in ("E", "px", "py", "pz")) for i in range(4)]
    assert np.abs(sum(np.stack(r) for r in rows[1:]) - np.stack(rows[0])).max() < 1e-9
    return [unboost(row, rows[0]) for row in rows[1:]]


def invariant(a, b):
    e, x, y, z = (a[k] + b[k] for k in range(4))
    return e * e - x * x - y * y - z * z


def plane(mother, m, size=400):
    """Squared pair masses on a grid of s12 (rows) and the angle, and the phase-space weight of the rows."""
    s12 = np.linspace((m[0] + m[1]) ** 2, (mother - m[2]) ** 2, size + 1)
    s12 = 0.5 * (s12[1:] + s12[:-1])[:, None]
    cosine = np.linspace(-1, 1, 202)[None, :]
    cosine = 0.5 * (cosine[:, 1:] + cosine[:, :-1])
    lam = lambda a, b, c: np.sqrt(np.maximum(a * a + b * b + c * c - 2 * (a * b + b * c + c * a), 0))  # noqa: E731
    p, q = lam(s12, m[0] ** 2, m[1] ** 2) / np.sqrt(s12), lam(mother**2, s12, m[2] ** 2) / np.sqrt(s12)
    total = mother**2 + m[0] ** 2 + m[1] ** 2 + m[2] ** 2 - s12
    difference = (mother**2 - m[2] ** 2) * (m[0] ** 2 - m[1] ** 2) / s12 + p * q * cosine
    return s12[:, 0], np.stack(np.broadcast_arrays((total - difference) / 2, (total + difference) / 2, s12)), p * q


def along_pair(mother, masses, weight):
    """Cumulative distribution of s12."""
    s12, s, volume = plane(mother, masses)
    density = (weight(s) * volume).sum(1)
    return lambda x: np.interp(x, s12, np.cumsum(density) / density.sum())


def energies(mother, m, s):
    return [(mother**2 + m[i] ** 2 - s[i]) / (2 * mother) for i in range(3)]


def omega(mother, m):
    def weight(s):
        e = energies(mother, m, s)
        p1, p2 = e[0] ** 2 - m[0] ** 2, e[1] ** 2 - m[1] ** 2
        return p1 * p2 - ((m[0] ** 2 + m[1] ** 2 + 2 * e[0] * e[1] - s[2]) / 2) ** 2
    return weight


def eta_charged(mother, m):
    def weight(s):
        q = mother - sum(m)
        t = [e - x for e, x in zip(energies(mother, m, s), m, strict=True)]
        x, y = np.sqrt(3) * (t[0] - t[1]) / q, 3 * t[2] / q - 1
        return 1 - 1.128 * y + 0.153 * y**2 + 0.085 * x**2 + 0.173 * y**3
    return weight


def eta_neutral(mother, m):
    def weight(s):
        z = sum((3 * e - mother) ** 2 for e in energies(mother, m, s)) * 2 / 3 / (mother - sum(m)) ** 2
        return 1 - 2 * 0.3 * z
    return weight


CASES = [("eta", "pi- pi+ pi0 ETA_FULLDALITZ -1.128 0.153 0.0 0.085 0.0 0.173", eta_charged),
         ("eta", "pi0 pi0 pi0 ETA_PI0DALITZ -0.3", eta_neutral)]


@pytest.mark.parametrize(("mother", "channel", "make"), CASES)
def test_eta(primaries, mother, channel, make):
    m = [species(d).mass for d in channel.split()[:3]]
    a, b, _ = decays(primaries, mother, channel)
    cdf = along_pair(species(mother).mass, m, make(species(mother).mass, m))
    assert stats.kstest(invariant(a, b), cdf).pvalue > 1e-3
    flat = along_pair(species(mother).mass, m, lambda s: np.ones_like(s[0]))
    assert stats.kstest(invariant(a, b), flat).pvalue < 1e-4  # a missing weight is caught


def test_omega(primaries):
    a, b, _ = decays(primaries, "omega", "pi- pi+ pi0 OMEGA_DALITZ")
    m = [species(d).mass for d in ("pi-", "pi+", "pi0")]
    cdf = along_pair(species("omega").mass, m, omega(species("omega").mass, m))
    assert stats.kstest(invariant(a, b), cdf).pvalue > 1e-3
    flat = along_pair(species("omega").mass, m, lambda s: np.ones_like(s[0]))
    assert stats.kstest(invariant(a, b), flat).pvalue < 1e-6  # a missing weight is caught


def test_pi0_to_electrons(primaries):
    a, b, _ = decays(primaries, "pi0", "e+ e- gamma PI0_DALITZ")
    mother, electron = species("pi0").mass, species("e-").mass
    x = np.exp(np.linspace(np.log(4 * electron**2), np.log(mother**2), 20001))
    x = np.minimum(x, mother**2 * (1 - 1e-12))
    rate = ((1 - x / mother**2) ** 3 * np.sqrt(np.maximum(1 - 4 * electron**2 / x, 0)) * (1 + 2 * electron**2 / x)
            / (1 - x / species("rho0").mass ** 2) ** 2)  # in log(x)
    cdf = np.cumsum(rate) / rate.sum()
    q2 = invariant(a, b)
    assert stats.kstest(q2, lambda v: np.interp(v, x, cdf)).pvalue > 1e-3
    wrong = np.cumsum(rate * (1 - 4 * electron**2 / x) / (1 + 2 * electron**2 / x))  # a sign of the mass term
    assert stats.kstest(q2, lambda v: np.interp(v, x, wrong / wrong[-1])).pvalue < 1e-6


@pytest.mark.parametrize("spin", [0, 1, 2])
def test_resonance_is_a_legendre_polynomial_with_barriers(spin):
    """With the mass of the pair in the denominators Z_1 = 4 p q cos and Z_2 = Z_1^2 - (4 p q)^2 / 3."""
    mother, m, pole, width = 1.87, np.array([0.494, 0.14, 0.14]), 0.9, 0.05
    s12, s, _ = plane(mother, m, 40)
    cosine = np.linspace(-1, 1, 202)
    cosine = 0.5 * (cosine[1:] + cosine[:-1])
    terms = np.array([2.0, spin, pole, width, 1.0, 0.0, SHAPES["barrier-mass"]])
    lam = lambda a, b, c: np.sqrt(a * a + b * b + c * c - 2 * (a * b + b * c + c * a))  # noqa: E731
    for i in (3, 20, 36):
        p, q = (lam(s12[i], m[0]**2, m[1]**2), lam(mother**2, s12[i], m[2]**2)) / np.sqrt(s12[i]) / 2
        found = np.array([isobar_intensity(terms, mother, m, s[:, i, j].copy()) for j in range(201)])
        shape = {0: 1 + 0 * cosine, 1: (4 * p * q * cosine) ** 2, 2: (16 * p * p * q * q * (cosine**2 - 1 / 3)) ** 2}
        assert np.allclose(found / found.max(), shape[spin] / shape[spin].max(), atol=1e-9)


def test_d_decay_follows_its_amplitude(primaries):
    decay = next(d for d in isobar_decays() if d.daughters == (-321, 211, 111))
    mother, m = species("D0").mass, np.array([species(d).mass for d in ("K-", "pi+", "pi0")])
    _, s, volume = plane(mother, m, 250)
    flat = s.reshape(3, -1)
    w = np.array([isobar_intensity(decay.terms.ravel(), mother, m, flat[:, k].copy()) for k in range(flat.shape[1])])
    density = (w.reshape(s.shape[1:]) * volume).ravel()
    kaon, pion, neutral = decays(primaries, "D0", "K- pi+ pi0 D_DALITZ")
    for k, pair in ((2, (kaon, pion)), (1, (kaon, neutral)), (0, (pion, neutral))):
        order = np.argsort(flat[k])
        cdf = np.cumsum(density[order]) / density.sum()
        assert stats.kstest(invariant(*pair), lambda x, c=cdf, o=order, k=k: np.interp(x, flat[k][o], c)).pvalue > 1e-3
    anti = decays(primaries, "anti-D0", "pi0 K+ pi- D_DALITZ", seed=2)
    assert stats.ks_2samp(invariant(anti[1], anti[2]), invariant(kaon, pion)).pvalue > 1e-3
    assert stats.ks_2samp(invariant(anti[1], anti[0]), invariant(kaon, pion)).pvalue < 1e-6


def test_every_channel_of_the_main_file_is_known():
    from openbfactory.generate.dalitz import DALITZ_MODELS
    from openbfactory.generate.preparation import prepared

    table = load_decay_table()
    fallback = prepared(table)[1]
    names = np.array([str(table.models[m]) for m in table.model])
    assert set(names[fallback]) & set(DALITZ_MODELS) == set()
