"""A few simulated events for the event display: a K_S, a decay in flight, a K_L, photons and neutrinos."""

from __future__ import annotations

import numpy as np

from openbfactory.core.random import Address
from openbfactory.events.record import Events, Jagged
from openbfactory.experiment import load_card
from openbfactory.physics.particles import mass
from openbfactory.simulate import simulate

#: PDG code, momentum, mother, status, production vertex
PARTICLES = [
    (300553, (0.46, 0.0, 3.0), -1, 4, (0, 0, 0)),
    (521, (0.5, 0.2, 1.6), 0, 2, (0, 0, 0)), (-521, (-0.04, -0.2, 1.4), 0, 2, (0, 0, 0)),
    (321, (1.1, 0.7, 0.9), 1, 1, (0.002, 0.001, 0.006)), (12, (-0.4, -0.3, 0.5), 1, 1, (0.002, 0.001, 0.006)),
    (-12, (-0.2, -0.2, 0.2), 1, 1, (0.002, 0.001, 0.006)),
    (310, (0.5, -0.6, 0.3), 2, 12, (0, -0.001, 0.005)), (130, (-0.9, 0.8, 0.6), 2, 1, (0, -0.001, 0.005)),
    (22, (0.3, -0.9, 0.2), 2, 1, (0, -0.001, 0.005)), (13, (-1.4, 0.9, 0.7), 2, 1, (0, -0.001, 0.005)),
    (-211, (0.12, 0.12, 0.03), 2, 1, (0, -0.001, 0.005)), (-321, (0.2, 0.35, -0.3), 2, 1, (0, -0.001, 0.005)),
    (211, (0.4082, -0.1681, 0.15), 6, 1, (2.5, -3.0, 1.505)), (-211, (0.0918, -0.4319, 0.15), 6, 1, (2.5, -3.0, 1.505)),
]


def generated_events(n: int = 12) -> Events:
    """``n`` copies of one generated event."""
    codes = np.array([p[0] for p in PARTICLES])
    momenta, places = np.array([p[1] for p in PARTICLES]), np.array([p[4] for p in PARTICLES], float)
    energy = np.sqrt(np.sum(momenta**2, axis=1) + np.array([mass(int(c)) for c in codes]) ** 2)
    columns = {"PDG": codes.astype(np.int32), **{k: momenta[:, i] for i, k in enumerate(("px", "py", "pz"))},
               "E": energy, **{k: places[:, i] for i, k in enumerate("xyz")}, "t": np.zeros(len(codes)),
               "mother": np.array([p[2] for p in PARTICLES], np.int32),
               "status": np.array([p[3] for p in PARTICLES], np.int32)}
    offsets = np.arange(0, n * len(codes) + 1, len(codes), dtype=np.int64)
    return Events.of_process("toy", n, first=100,
                             MCParticles=Jagged(offsets, {k: np.tile(v, n) for k, v in columns.items()}))


def detected_events(n: int = 12, card: str = "belle2") -> Events:
    """The same after a detector."""
    return simulate(generated_events(n), load_card(card), Address(5, "toy"))
