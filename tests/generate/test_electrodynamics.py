"""Radiative return, two photons, scattering at large angles. Oracles: closed forms of total cross sections, quadrature
of angular distributions, helicities of a transverse vector, lifetimes, published cross sections of other generators.

Statistical tests have fixed seeds; bounds are 5 standard deviations (false alarm below 1e-6 each).
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from openbfactory.core.errors import ConfigError
from openbfactory.core.random import Address
from openbfactory.events import read, write
from openbfactory.events.check import Tally, check_events
from openbfactory.generate import SAMPLES, generate_events, isrmeson, settled, twobody, twophoton
from openbfactory.generate.laboratory import electron_frame

COLUMNS = ("E", "px", "py", "pz")
NEW = ("ee", "gg", "eemumu", "eeee", "eepipi", "phigamma")
ALPHA, ELECTRON = 7.2973525693e-3, 0.51099895e-3


def made(machine, name, events, **settings):
    return generate_events(name, events, Address(1, name), machine, settings=settings)[0]


def four(p, mask):
    return np.stack([p[k][mask] for k in COLUMNS], axis=1)


def rest(v, system):
    m = np.sqrt(system[:, 0] ** 2 - np.sum(system[:, 1:] ** 2, axis=1))
    energy = (v[:, 0] * system[:, 0] - np.sum(v[:, 1:] * system[:, 1:], axis=1)) / m
    return np.column_stack([energy, v[:, 1:] - system[:, 1:] * ((v[:, 0] + energy) / (system[:, 0] + m))[:, None]])


def parameters(name, **settings):
    return settled(name, SAMPLES[name].parameters, settings)


@pytest.mark.parametrize("name", NEW)
def test_balance_and_layout(machine, tmp_path, name):
    events = made(machine, name, 400)
    p = events["MCParticles"]
    final, index, first = p["status"] == 1, p.event_index(), p.offsets[:-1]
    for k in COLUMNS:
        np.testing.assert_allclose(np.bincount(index[final], p[k][final]), p[k][first], atol=1e-9)
    tally = Tally()
    check_events(tally, events)
    assert not tally.hits
    write(tmp_path / "x.hepmc3", events.take(np.arange(20)))
    assert len(read(tmp_path / "x.hepmc3")) == 20


def test_bhabha_and_photons(machine):
    s = machine.sqrt_s**2
    edge = math.cos(math.radians(10))
    closed = {"ee": quad(lambda c: (3 + c * c) ** 2 / (1 - c) ** 2 / 4, -edge, edge)[0],
              "gg": math.log((1 + edge) / (1 - edge)) - edge}
    for name, integral in closed.items():
        value, _ = twobody.cross_section(name, parameters(name), machine)
        assert value == pytest.approx(2 * math.pi * ALPHA**2 / s * integral * 0.3893794e6, rel=1e-4)
        assert value == pytest.approx(machine.cross_section(name), rel=0.2)  # BABAYAGA.NLO, with all radiation
    fixed = machine.at_fixed_energy()
    for name, code in (("ee", 11), ("gg", 22)):
        p = made(fixed, name, 20_000, theta_min=20.0)["MCParticles"]
        chosen = np.flatnonzero(p["PDG"] == code)
        if name == "gg":
            chosen = chosen[::2]
        v = rest(four(p, chosen), four(p, p.offsets[:-1]))
        c = v[:, 1:] @ electron_frame(fixed)[:, 2] / np.linalg.norm(v[:, 1:], axis=1)
        edge = math.cos(math.radians(20))

        def density(x, name=name):
            return twobody.angular_density(name, np.array(x))

        moments = [quad(lambda x, k=k: x**k * density(x), -edge, edge)[0] for k in range(3)]
        assert np.abs(c).max() <= edge + 1e-9
        for k in (1, 2):
            assert np.mean(c**k) == pytest.approx(moments[k] / moments[0], abs=5 * np.std(c**k) / np.sqrt(len(c)))


@pytest.mark.parametrize("scalar", [False, True])
@pytest.mark.parametrize("w", [0.35, 1.0, 5.0])
def test_pairs_of_real_photons(scalar, w):
    """Integrated angles against the total cross sections of Breit and Wheeler, and of scalar electrodynamics."""
    p = twophoton.process_of("eepipi" if scalar else "eemumu", {"w_min": 0.3})
    found = quad(lambda c: twophoton.pair_density(c, w, p), -1, 1, epsabs=0)[0]
    b = math.sqrt(1 - 4 * p.mass**2 / w**2)
    reach = math.log((1 + b) / (1 - b))
    if scalar:
        closed = 2 * math.pi * ALPHA**2 / w**2 * (b * (2 - b * b) - 0.5 * (1 - b**4) * reach)
        closed /= (1 + (w / p.rho) ** 2) ** 2
    else:
        closed = 2 * math.pi * ALPHA**2 / w**2 * ((3 - b**4) * reach - 2 * b * (2 - b * b))
    assert found == pytest.approx(closed, rel=1e-6)


def test_two_photon_cross_sections(machine):
    """The leading diagram against AAFH with all of them (Belle II Physics Book: 18.9 nb for W > 0.5 GeV)."""
    value, error = twophoton.cross_section("eemumu", parameters("eemumu"), machine)
    assert error < 0.02 * value
    assert value == pytest.approx(machine.cross_section("eemumu"), rel=0.15)
    value, _ = twophoton.cross_section("eepipi", parameters("eepipi"), machine)
    assert value == pytest.approx(machine.cross_section("eepipi"), rel=0.02)


def test_equivalent_photons(machine):
    """Q^2 and y of the electrons from their four-momenta; most electrons stay in the beams."""
    fixed = machine.at_fixed_energy()
    p = made(fixed, "eemumu", 5000, w_min=1.0)["MCParticles"]
    total = four(p, p.offsets[:-1])
    minus, plus, muons = (rest(four(p, p["PDG"] == code), total) for code in (11, -11, 13))
    pair = muons + rest(four(p, p["PDG"] == -13), total)
    w = np.sqrt(pair[:, 0] ** 2 - np.sum(pair[:, 1:] ** 2, axis=1))
    assert w.min() > 1.0
    axis, half = electron_frame(fixed)[:, 2], 0.5 * fixed.sqrt_s
    y = 1 - minus[:, 0] / half
    mass = np.sqrt(np.maximum(minus[:, 0] ** 2 - np.sum(minus[:, 1:] ** 2, axis=1), 0))
    assert mass == pytest.approx(ELECTRON, abs=1e-4)
    sine = np.linalg.norm(np.cross(minus[:, 1:], axis), axis=1) / np.linalg.norm(minus[:, 1:], axis=1)
    q2 = 2 * half * minus[:, 0] * (1 - np.sqrt(np.maximum(1 - sine**2, 0))) + ELECTRON**2 * y**2 / (1 - y)
    assert np.all(q2 <= 1.05 * y * (1 - plus[:, 0] / half) * 4 * half**2 + 1e-9)
    assert np.median(q2) < 0.02
    assert np.mean(np.degrees(np.arcsin(sine)) < 10) > 0.9
    # W^2 falls like the luminosity of photons times ln(W) / W^4 dW^2: twice the mass is rare
    assert 0.02 < np.mean(w > 3.0) < 0.12


def test_radiator_is_the_integral_over_angles(machine):
    s = machine.sqrt_s**2
    for x in (0.3, 0.99):
        def density(u, x=x):  # in u = ln(1 - cos), 1 - b^2 cos^2 = v (2 - v) + cos^2 / gamma^2
            v, inverse = math.exp(u), 4 * ELECTRON**2 / s
            c2 = (1 - v) ** 2
            left = v * (2 - v) + inverse * c2
            return ALPHA / math.pi / x * v * (2 * (1 - x) * v * (2 - v) / left**2 + x * x * (1 / left - 0.5))

        whole = 2 * quad(density, -40, 0, limit=500)[0]
        part = 2 * quad(density, math.log(1 - math.cos(math.radians(30))), 0)[0]
        assert isrmeson.radiator(x, s, 0.0) == pytest.approx(whole, rel=2e-3)
        assert isrmeson.radiator(x, s, 30.0) == pytest.approx(part, rel=2e-3)


def test_cross_section_of_the_return(machine):
    """gamma phi at 10.58 GeV: 12 pi^2 Gamma_ee W / (M s), and the entry of the card."""
    value, _ = isrmeson.cross_section(parameters("phigamma"), machine)
    assert value == pytest.approx(machine.cross_section("phigamma"), rel=0.01)
    assert isrmeson.cross_section(parameters("phigamma", theta_min=20.0), machine)[0] < 0.2 * value
    heavier, _ = isrmeson.cross_section(parameters("phigamma", meson="J/psi"), machine)
    assert heavier > value
    with pytest.raises(ConfigError, match="meson"):
        parameters("phigamma", meson="rho")


def test_phi_to_kaons(machine):
    """phi -> K_S K_L: sin^2 of the helicity angle, the photon's angle by quadrature, lifetime of the K_S in the lab."""
    events = made(machine, "phigamma", 12_000, theta_min=20.0)
    p = events["MCParticles"]
    first, index = p.offsets[:-1], p.event_index()
    mother = np.where(p["mother"] >= 0, p["mother"] + first[index], -1)
    total = four(p, first)
    phi, photon = np.flatnonzero(p["PDG"] == 333), first + 1
    assert np.array_equal(index[phi], np.arange(12_000))
    seen = rest(four(p, photon), total)
    c = seen[:, 1:] @ electron_frame(machine)[:, 2] / seen[:, 0]
    edge = math.cos(math.radians(20))
    x = 1 - 1.0195**2 / machine.sqrt_s**2
    parts = [quad(lambda v, k=k: v**k * ((1 - x + x * x / 2) / (1 - v * v) - x * x / 4), -edge, edge)[0]
             for k in (0, 2)]
    assert np.mean(c * c) == pytest.approx(parts[1] / parts[0], abs=5 * np.std(c * c) / np.sqrt(len(c)))
    short = np.flatnonzero((p["PDG"] == 310) & np.isin(mother, phi))
    assert len(short) / 12_000 == pytest.approx(0.339, abs=0.03)
    inside = rest(four(p, short), four(p, mother[short]))
    flight = -rest(total[index[short]], four(p, mother[short]))
    cosine = (np.sum(inside[:, 1:] * flight[:, 1:], axis=1)
              / np.linalg.norm(inside[:, 1:], axis=1) / np.linalg.norm(flight[:, 1:], axis=1))
    assert np.mean(cosine**2) == pytest.approx(0.2, abs=5 * 0.17 / np.sqrt(len(cosine)))
    pion = np.flatnonzero(np.isin(mother, short))
    rows, leading = np.unique(mother[pion], return_index=True)
    away = [p[k][pion[leading]] - p[k][rows] for k in "xyz"]
    momentum = [p[k][rows] for k in COLUMNS[1:]]
    size = np.sqrt(sum(m * m for m in momentum))
    np.testing.assert_allclose(np.sqrt(sum(a * a for a in away)) * size,
                               sum(a * m for a, m in zip(away, momentum, strict=True)), rtol=1e-6, atol=1e-9)
    proper = np.sqrt(sum(a * a for a in away)) / size * 0.497611
    assert proper.mean() == pytest.approx(2.6844, rel=5 / np.sqrt(len(proper)))
    assert set(p["status"][short].tolist()) == {12}


def test_jpsi_keeps_its_polarisation(machine):
    """J/psi -> mu+ mu- of a transverse J/psi: 1 + cos^2 of the helicity angle, mean cos^2 0.4."""
    p = made(machine, "phigamma", 20_000, meson="J/psi")["MCParticles"]
    first, index = p.offsets[:-1], p.event_index()
    mother = np.where(p["mother"] >= 0, p["mother"] + first[index], -1)
    muon = np.flatnonzero((p["PDG"] == 13) & (p["PDG"][mother] == 443))
    inside, flight = (rest(v, four(p, mother[muon])) for v in (four(p, muon), four(p, first)[index[muon]]))
    cosine = (np.sum(inside[:, 1:] * flight[:, 1:], axis=1)
              / np.linalg.norm(inside[:, 1:], axis=1) / np.linalg.norm(flight[:, 1:], axis=1))
    assert len(muon) > 1000
    assert np.mean(cosine**2) == pytest.approx(0.4, abs=5 * 0.3 / np.sqrt(len(cosine)))
