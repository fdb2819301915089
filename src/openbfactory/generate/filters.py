"""Choices of events by their truth before the detector, so that only what can be selected is simulated.

Collisions that a filter leaves out still count: a sample of N collisions stands for the same luminosity with a filter
as without.  What a filter loses is what the detector would have brought in from outside of it, so its limits are wider
than those of the selection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.registry import lookup
from openbfactory.events.record import Events, Jagged
from openbfactory.experiment.machine import Machine
from openbfactory.generate.columns import STABLE
from openbfactory.generate.tauprongs import CHARGED
from openbfactory.kinematics.pseudomass import pseudomass
from openbfactory.physics.particles import species

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: deepest chain of decays below a tau
DEPTH = 8
#: least true pseudomass of the filter ``tau-edge``, GeV: 40 MeV below the fits
LEAST_PSEUDOMASS = 1.66
#: charged particles of the filter ``few-charged``: those of 3 + 1 prongs, and some that the detector may lose or add
FEW = (4, 6)


def tau_edge(events: Events, machine: Machine) -> Mask:
    """Events (n,) with a tau of three charged particles whose pseudomass (as pions) is large, the other tau with one.

    Particles from decays of K_S count; conversions in matter and Dalitz pairs do not.
    """
    particles = events["MCParticles"]
    event, owner = particles.event_index(), _ancestors(particles, 15)
    code = np.abs(particles["PDG"])
    charged = np.isin(code, CHARGED) & (particles["status"] == STABLE) & (owner >= 0)
    charged &= (code != CHARGED[0]) | (particles["mother"] + particles.offsets[event] == owner)
    prongs = np.bincount(owner[charged], minlength=particles.size)
    p = np.stack([particles[n][charged] for n in ("px", "py", "pz")], axis=1)
    energy = np.sqrt(np.sum(p * p, axis=1) + species("pi+").mass ** 2)
    p4: Any = np.stack([np.bincount(owner[charged], w, minlength=particles.size) for w in (energy, *p.T)], axis=1)
    three = np.flatnonzero(prongs == 3)
    big = three[pseudomass(p4[three], machine.p4) > LEAST_PSEUDOMASS]
    one = np.bincount(event[prongs == 1], minlength=len(events)) == 1
    found: Mask = (np.bincount(event[big], minlength=len(events)) == 1) & one
    return found


def few_charged(events: Events, machine: Machine) -> Mask:
    """Events (n,) with 4 to 6 charged particles that leave generation and may reach the tracker (pt > 50 MeV)."""
    particles = events["MCParticles"]
    seen = np.isin(np.abs(particles["PDG"]), CHARGED) & (particles["status"] == STABLE)
    seen &= np.hypot(particles["px"], particles["py"]) > 0.05
    count = np.bincount(particles.event_index()[seen], minlength=len(events))
    found: Mask = (count >= FEW[0]) & (count <= FEW[1])
    return found


def _ancestors(particles: Jagged, code: int) -> npt.NDArray[np.int64]:
    """Row of the particle of a PDG code (or its antiparticle) that each record comes from, -1 for none."""
    rows = np.arange(particles.size)
    above = np.where(particles["mother"] < 0, rows, particles["mother"] + particles.offsets[particles.event_index()])
    found = np.where(np.abs(particles["PDG"]) == code, rows, -1)
    for _ in range(DEPTH):
        found = np.where(found >= 0, found, found[above])
    return found.astype(np.int64)


#: every filter by name
FILTERS: dict[str, Callable[[Events, Machine], Mask]] = {"tau-edge": tau_edge, "few-charged": few_charged}


def filtered(events: Events, name: str, machine: Machine) -> Events:
    """The events that pass a filter.

    Raises
    ------
    UnknownNameError
        With the nearest filter.
    """
    return events.take(np.flatnonzero(lookup("filters", name, FILTERS)(events, machine)))
