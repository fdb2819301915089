"""e+e- -> Upsilon(4S): the initial systems of B-pair samples.

Method: the mass of the Upsilon(4S) follows the energy spread of the beams, initial-state radiation and the line shape
of the resonance together (:mod:`openbfactory.generate.collisions`, :mod:`openbfactory.generate.resonance`).  The decay
engine then decays it as the decay file, with the overlay of the sample, says.

Approximation: those of the two modules; the spin of the Upsilon(4S) is along the electron of the nominal beams.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from openbfactory.core.random import Address
from openbfactory.events.columns import MC_PARTICLES
from openbfactory.events.record import Jagged
from openbfactory.experiment.machine import Machine
from openbfactory.generate.collisions import collide, particles_of
from openbfactory.generate.columns import TO_DECAY
from openbfactory.generate.resonance import upsilon_rate
from openbfactory.physics.particles import UPSILON_4S


def overlay(name: str) -> str:
    """Text of a packaged decay file that a sample lays over the main one."""
    return (files("openbfactory.generate") / "data" / f"{name}.dec").read_text(encoding="utf-8")


def upsilon_primaries(events: int, address: Address, machine: Machine) -> Jagged:
    """MCParticles with the Upsilon(4S), to be decayed.

    Parameters
    ----------
    events
        Number of events.
    address
        Where random numbers are drawn.
    machine
        The collider: four-momentum and vertex of the collisions.

    Returns
    -------
    Jagged
        The virtual photon (status 4), the Upsilon(4S) and the photons of the beams.  At fixed energy there are no
        photons, and the Upsilon(4S) comes first, alone.

    Raises
    ------
    GenerationError
        When the energy of the beams is below the threshold of the B pair.
    """
    made = collide(events, address, machine, upsilon_rate())
    if not machine.fixed_energy:
        code, status = np.full((events, 1), UPSILON_4S, np.int32), np.full((events, 1), TO_DECAY, np.int32)
        return particles_of(made, code, status, made.system[:, None, :])
    columns = {c.name: c.empty(events) for c in MC_PARTICLES.required}
    columns["PDG"][:], columns["mother"][:], columns["status"][:] = UPSILON_4S, -1, TO_DECAY
    for k, name in enumerate(("E", "px", "py", "pz")):
        columns[name][:] = made.total[:, k]
    for k, name in enumerate(("t", "x", "y", "z")):
        columns[name][:] = made.vertex[:, k]
    return Jagged(np.arange(events + 1, dtype=np.int64), columns)
