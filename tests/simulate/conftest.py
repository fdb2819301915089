"""Particle guns: small events of known particles."""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.core.random import Address
from openbfactory.events.record import Events, Jagged
from openbfactory.experiment import load_card
from openbfactory.simulate import simulate

MASS = {11: 0.000511, 13: 0.10566, 211: 0.13957, 321: 0.49368, 2212: 0.93827, 22: 0.0, 130: 0.49761, 2112: 0.93957}


def shoot(pdg, p, theta, phi=None, vertex=None, per_event=1):
    """Events of particles with given PDG, momentum, angles and vertex (n, 3)."""
    n = len(p)
    pdg = np.broadcast_to(np.asarray(pdg, np.int32), (n,)).copy()
    phi = np.random.default_rng(11).uniform(-np.pi, np.pi, n) if phi is None else phi
    vertex = np.zeros((n, 3)) if vertex is None else vertex
    mass = np.array([MASS.get(abs(int(code)), 0.0) for code in pdg])
    columns = {
        "PDG": pdg, "px": p * np.sin(theta) * np.cos(phi), "py": p * np.sin(theta) * np.sin(phi),
        "pz": p * np.cos(theta), "E": np.hypot(p, mass), "x": vertex[:, 0].copy(), "y": vertex[:, 1].copy(),
        "z": vertex[:, 2].copy(), "t": np.zeros(n), "mother": np.full(n, -1, np.int32),
        "status": np.ones(n, np.int32)}
    offsets = np.arange(0, n + 1, per_event, dtype=np.int64)
    return Events.of_process("gun", len(offsets) - 1, MCParticles=Jagged(offsets, columns))


@pytest.fixture(scope="session")
def gun():
    return shoot


@pytest.fixture(scope="session")
def belle2():
    return load_card("belle2")


@pytest.fixture(scope="session")
def varied(belle2):
    """A card with switches changed: plain numbers."""

    def change(**switches):
        new = belle2.detector.switches.model_copy(update=switches)
        return belle2.model_copy(update={"detector": belle2.detector.model_copy(update={"switches": new})})

    return change


@pytest.fixture(scope="session")
def quiet(varied):
    """The card without beam background, secondaries, clones, fakes and wrong charges."""
    card = varied(beam_background=0.0, decays_in_flight=0.0, material=0.0, cloned_tracks=0.0, fake_tracks=0.0)
    tracking = card.detector.tracking.model_copy(update={"wrong_charge": None})
    return card.model_copy(update={"detector": card.detector.model_copy(update={"tracking": tracking})})


@pytest.fixture(scope="session")
def run():
    def simulated(events, card, seed=1):
        return simulate(events, card, Address(seed, "gun"))

    return simulated
