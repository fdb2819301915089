"""Weak decays to a lepton pair and hadrons with the quarks' matrix element: Pythia's modes 22 and 23 for known hadrons.

Method: phase space with the squared V-A amplitude of free quarks, (p_M . p_1)(p_2 . p_3), with 1 and 2 the leptons in
the order of the decay file and 3 everything else together (T. Sjostrand, S. Mrenna, P. Skands, JHEP 05 (2006) 026,
section 13.3.2).  With y = M E_1 and C = M^2 + m_1^2 - m_2^2 - m_3^2 it is y (C - 2 y) / 2, at most C^2 / 16.

Approximation: no form factors, no spins.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array
from openbfactory.kinematics.phasespace import decay_to


@njit(cache=True)
def weak_decay(rng: np.random.Generator, mass: float, masses: Array, count: int, momenta: Array,
               scratch: Array) -> None:
    """Fill ``momenta`` of a decay to (lepton, lepton, hadrons...)."""
    rest, first, second = 0.0, masses[0], masses[1]
    for i in range(2, count):
        rest += masses[i]
    largest = mass * mass + first * first - second * second - rest * rest
    while True:
        decay_to(rng, mass, masses, count, momenta, scratch)
        e, x, y, z = mass, 0.0, 0.0, 0.0
        for i in range(2):
            e -= momenta[i, 0]
            x -= momenta[i, 1]
            y -= momenta[i, 2]
            z -= momenta[i, 3]
        p = momenta[1]
        product = p[0] * e - p[1] * x - p[2] * y - p[3] * z
        if rng.random() * largest * largest <= 16.0 * mass * momenta[0, 0] * product:
            return
