"""e+e- -> Upsilon(4S): the initial systems of B-pair samples.

Method: the collision energy is that of the machine with its spread; energies below the threshold of the B pair are
drawn again.  The decay engine then decays the Upsilon(4S) as the decay file, with the overlay of the sample, says.

Approximation: the cross section is taken as flat over the energy spread (no line shape of the resonance) and
initial-state radiation is left out.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from openbfactory.core.random import Address
from openbfactory.events.columns import MC_PARTICLES
from openbfactory.events.record import Jagged
from openbfactory.experiment.machine import Machine
from openbfactory.generate.columns import TO_DECAY
from openbfactory.physics.particles import UPSILON_4S, species

#: energy above the threshold of the heavier B pair that a collision must have [GeV]
ABOVE_THRESHOLD = 1e-4


def overlay(name: str) -> str:
    """Text of a packaged decay file that a sample lays over the main one."""
    return (files("openbfactory.generate") / "data" / f"{name}.dec").read_text(encoding="utf-8")


def upsilon_primaries(events: int, address: Address, machine: Machine) -> Jagged:
    """MCParticles with the Upsilon(4S) alone, to be decayed.

    Parameters
    ----------
    events
        Number of events.
    address
        Where random numbers are drawn.
    machine
        The collider: four-momentum and vertex of the collisions.
    """
    threshold = 2.0 * max(species("B+").mass, species("B0").mass) + ABOVE_THRESHOLD
    p4, vertex = machine.initial_states(events, address.generator(), threshold=threshold)
    columns = {c.name: c.empty(events) for c in MC_PARTICLES.columns}
    columns["PDG"][:], columns["mother"][:], columns["status"][:] = UPSILON_4S, -1, TO_DECAY
    for k, name in enumerate(("E", "px", "py", "pz")):
        columns[name][:] = p4[:, k]
    for k, name in enumerate(("t", "x", "y", "z")):
        columns[name][:] = vertex[:, k]
    return Jagged(np.arange(events + 1, dtype=np.int64), columns)
