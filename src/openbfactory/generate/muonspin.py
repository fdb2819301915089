"""Polarisation of muons from tau -> mu nu nu, for their decay in flight.

Method: the longitudinal polarisation in the rest frame of the tau follows the energy of the muon and the Michel
parameters (:func:`openbfactory.generate.taudecay.lepton_polarisation`); with P the polarisation, p and k the
four-momenta of muon and tau, the spin four-vector

    s = P [(p.k) p - m^2 k] / (m sqrt((p.k)^2 - m^2 M^2))

is the same in every frame (L. Michel, Proc. Phys. Soc. A 63 (1950) 514; PDG 2024, muon decay parameters); in the
laboratory it is boosted to the rest frame of the muon.

Approximation: the spin of the tau does not turn the muon's (its terms average out over both signs of the tau's spin);
no transverse polarisation; a radiated photon counts as missing energy of the muon.
"""

from __future__ import annotations

import numpy as np

from openbfactory.events.record import Jagged
from openbfactory.generate.columns import Array
from openbfactory.generate.parameters import Values
from openbfactory.generate.taudecay import lepton_polarisation, michel_of
from openbfactory.physics.particles import species

_MUON, _TAU = 13, 15


def muon_polarisation(particles: Jagged, values: Values | None = None) -> Array:
    """Polarisation vectors (size, 3) in the rest frames of muons from taus, zero for every other particle.

    Parameters
    ----------
    particles
        MCParticles of events in the laboratory.
    values
        Michel parameters by name; V-A where not given.
    """
    found = np.zeros((particles.size, 3))
    code, mother = particles["PDG"], particles["mother"]
    place = np.where(mother >= 0, mother + particles.offsets[particles.event_index()], 0)
    muon = np.flatnonzero((np.abs(code) == _MUON) & (mother >= 0) & (np.abs(code[place]) == _TAU))
    muon = muon[code[muon] * code[place[muon]] > 0]
    p, k = ([particles[c][rows] for c in ("E", "px", "py", "pz")] for rows in (muon, place[muon]))
    m, heavy = species("mu-").mass, species("tau-").mass
    product = p[0] * k[0] - p[1] * k[1] - p[2] * k[2] - p[3] * k[3]
    top = (heavy * heavy + m * m) / (2.0 * heavy)
    x = np.clip(product / heavy / top, m / top, 1.0)
    size = lepton_polarisation(x, heavy, m, michel_of(values or {}))
    size = np.clip(size, -1.0, 1.0) * np.sign(code[muon])
    norm = size / (m * np.sqrt(np.maximum(product**2 - (m * heavy) ** 2, 1e-30)))
    spin = [norm * (product * a - m * m * b) for a, b in zip(p, k, strict=True)]
    # s.p = 0: the boost to the rest frame of the muon leaves s - p s0 / (E + m)
    for axis in range(3):
        found[muon, axis] = spin[axis + 1] - p[axis + 1] * spin[0] / (p[0] + m)
    return found
