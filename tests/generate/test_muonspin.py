"""Polarisation of muons from taus, and the flag of displaced decays. Oracles: the closed form of the polarisation
against the energy of the muon in the frame of the tau, its direction, its mean in V-A; the list of species.

Statistical tests have fixed seeds; bounds are 5 standard deviations (false alarm below 1e-6 each).
"""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.core.random import Address
from openbfactory.events import read, write
from openbfactory.generate import generate_events
from openbfactory.generate.muonspin import muon_polarisation
from openbfactory.generate.taudecay import lepton_polarisation
from openbfactory.physics.particles import species

MUON, TAU = species("mu-").mass, species("tau-").mass
COLUMNS = ("E", "px", "py", "pz")


@pytest.fixture(scope="module")
def events(machine):
    return generate_events("taupair", 4000, Address(1, "taupair"), machine)[0]


def muons(p):
    """Rows of muons from taus, and of their taus."""
    mother = np.where(p["mother"] >= 0, p["mother"] + p.offsets[p.event_index()], 0)
    rows = np.flatnonzero((np.abs(p["PDG"]) == 13) & (np.abs(p["PDG"][mother]) == 15))
    return rows, mother[rows]


def in_frame(v, system, mass):
    """Three-momenta in the rest frame of a system of known mass (the boost has no rotation)."""
    energy = (v[:, 0] * system[:, 0] - np.sum(v[:, 1:] * system[:, 1:], axis=1)) / mass
    return v[:, 1:] - system[:, 1:] * ((v[:, 0] + energy) / (system[:, 0] + mass))[:, None], energy


def test_size_and_direction(events):
    p = events["MCParticles"]
    rows, taus = muons(p)
    spin, found = p["polarisation"], p["polarisation"][rows]
    muon, tau = (np.stack([p[c][r] for c in COLUMNS], axis=1) for r in (rows, taus))
    assert len(rows) > 1000
    assert np.count_nonzero(np.any(spin != 0, axis=1)) == len(rows)
    _, energy = in_frame(muon, tau, TAU)
    x = np.clip(energy / ((TAU**2 + MUON**2) / (2 * TAU)), 2 * TAU * MUON / (TAU**2 + MUON**2), 1)
    expected = lepton_polarisation(x, TAU, MUON) * np.sign(p["PDG"][rows])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), np.abs(expected), rtol=1e-5)
    seen, _ = in_frame(tau, muon, MUON)  # in the frame of the muon the tau flies against the muon
    along = -np.sum(found * seen, axis=1) / np.linalg.norm(seen, axis=1)
    np.testing.assert_allclose(along, expected, rtol=1e-4, atol=1e-6)
    minus = p["PDG"][rows] == 13
    assert along[minus].mean() < -0.9
    assert along[~minus].mean() > 0.9


def test_michel_parameter(events):
    p = events["MCParticles"]
    rows, _ = muons(p)
    whole = muon_polarisation(p)
    np.testing.assert_array_equal(whole, p["polarisation"])
    mirrored = muon_polarisation(p, {"xi_prime": -1.0})
    np.testing.assert_allclose(mirrored[rows], -whole[rows], rtol=1e-12)
    assert np.abs(muon_polarisation(p, {"xi_prime": 0.0})).max() < 1e-12


def test_files_keep_it(events, tmp_path):
    few = events.take(np.arange(50))
    for suffix in ("parquet", "root"):
        path = tmp_path / f"taus.{suffix}"
        write(path, few)
        np.testing.assert_array_equal(read(path)["MCParticles"]["polarisation"], few["MCParticles"]["polarisation"])
    path = tmp_path / "taus.hepmc3"
    write(path, few)
    assert "polarisation" not in read(path)["MCParticles"].columns


def test_displaced_decays_are_flagged(machine):
    p = generate_events("ssbar", 1500, Address(1, "ssbar"), machine)[0]["MCParticles"]
    code, status, first = p["PDG"], p["status"], p.offsets[:-1]
    flagged = {310, 3122, 3222, 3112, 3322, 3312, 3334}
    has_daughter = np.zeros(p.size, bool)
    inner = p["mother"] >= 0
    has_daughter[(p["mother"] + first[p.event_index()])[inner]] = True
    decayed = has_daughter & (status != 4)
    displaced = np.isin(np.abs(code), list(flagged))
    assert np.count_nonzero(status == 12) > 300
    np.testing.assert_array_equal(status[decayed & displaced], 12)
    np.testing.assert_array_equal(status[decayed & ~displaced], 2)
    assert set(np.abs(code[status == 12]).tolist()) >= {310, 3122}
    stable = set(np.abs(code[status == 1]).tolist())
    assert {130, 211, 321, 13, 2112} <= stable | {13}
    assert not stable & flagged
