"""Decays in flight of muons, pions, kaons and K_L: channels, kinematics, polarisation.

Channels and fractions: pdg2024.  Two bodies isotropic, three bodies by phase
space; ``mu -> e nu nu`` with the spectrum and asymmetry of V - A,

    dN / dx dcos = x^2 [(3 - 2 x) + a cos (2 x - 1)],   x = 2 E_e / m_mu

where ``a`` along an axis in the muon's rest frame is its polarisation as the
electron sees it (same sign for both charges): along the direction of the
mother for muons from two-body decays in the detector, as the events say for
muons of the generator that have a polarisation (those from tau pairs), else
along the muon's momentum with size beta (weak decays of heavier particles).
Neutral pions decay at once into two photons.

Approximation: no matrix elements of three-body kaon decays; electron mass,
radiation and the spin of muons from kaons' three-body decays are left out.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel
from openbfactory.kinematics.fourvector import boost_from_rest, boost_to_rest
from openbfactory.kinematics.phasespace import decay_to

Array = npt.NDArray[Any]

#: cumulated fractions of K+ -> mu nu, pi+ pi0, pi+ pi+ pi-, pi0 e nu, pi0 mu nu, pi+ pi0 pi0 (pdg2024)
KAON_FRACTIONS = (0.6356, 0.8423, 0.8981, 0.9488, 0.9824, 1.0)
#: cumulated fractions of K_L -> pi e nu, pi mu nu, pi0 pi0 pi0, pi+ pi- pi0 (pdg2024)
KAON_LONG_FRACTIONS = (0.4064, 0.6774, 0.8732, 1.0)
#: most daughters of a decay, neutral pions already as photons
MOST_DAUGHTERS = 6
PION_ZERO = 0.1349768
NEUTRAL_PION = 111


class Room(NamedTuple):
    """Where a decay is written: codes (MOST_DAUGHTERS,), momenta (E, px, py, pz) and polarisation vectors of muons.

    The others are scratch: momenta at rest (3, 4), codes, masses and invariant masses (3,).
    """

    codes: Array
    momenta: Array
    axes: Array
    rest: Array
    found: Array
    masses: Array
    invariants: Array


def new_room() -> Room:
    """Room for one decay at a time."""
    return Room(np.zeros(MOST_DAUGHTERS, np.int64), np.zeros((MOST_DAUGHTERS, 4)), np.zeros((MOST_DAUGHTERS, 3)),
                np.zeros((3, 4)), np.zeros(3, np.int64), np.zeros(3), np.zeros(3))


@kernel
def kaon_channel(u: float, codes: Array) -> int:
    """Write the daughters of a K+ for a uniform number; their count."""
    if u < KAON_FRACTIONS[0]:
        codes[0], codes[1] = -13, 14
        return 2
    if u < KAON_FRACTIONS[1]:
        codes[0], codes[1] = 211, NEUTRAL_PION
        return 2
    if u < KAON_FRACTIONS[2]:
        codes[0], codes[1], codes[2] = 211, 211, -211
    elif u < KAON_FRACTIONS[3]:
        codes[0], codes[1], codes[2] = -11, NEUTRAL_PION, 12
    elif u < KAON_FRACTIONS[4]:
        codes[0], codes[1], codes[2] = -13, NEUTRAL_PION, 14
    else:
        codes[0], codes[1], codes[2] = 211, NEUTRAL_PION, NEUTRAL_PION
    return 3


@kernel
def kaon_long_channel(u: float, sign: int, codes: Array) -> int:
    """Write the daughters of a K_L for a uniform number and the sign of the pion; their count."""
    codes[0], codes[1], codes[2] = 211 * sign, 11 * sign, -12 * sign
    if u >= KAON_LONG_FRACTIONS[2]:
        codes[1], codes[2] = -211 * sign, NEUTRAL_PION
    elif u >= KAON_LONG_FRACTIONS[1]:
        codes[0], codes[1], codes[2] = NEUTRAL_PION, NEUTRAL_PION, NEUTRAL_PION
    elif u >= KAON_LONG_FRACTIONS[0]:
        codes[1], codes[2] = 13 * sign, -14 * sign
    return 3


@kernel
def mass_of(code: int, masses: Array) -> float:
    """Mass [GeV] of a daughter; ``masses`` (10,) by species index."""
    code = abs(code)
    if code == 211:
        return masses[2]
    if code == 13:
        return masses[1]
    if code == 11:
        return masses[0]
    return PION_ZERO if code == NEUTRAL_PION else 0.0


@kernel
def michel(mass: float, axis: Array, rng: np.random.Generator, out: Array) -> None:
    """Write the electron (E, px, py, pz) of a muon at rest whose polarisation vector is ``axis`` (3,)."""
    while True:
        x, cosine, phi = rng.random(), 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
        sine = math.sqrt(1.0 - cosine * cosine)
        nx, ny, nz = sine * math.cos(phi), sine * math.sin(phi), cosine
        along = axis[0] * nx + axis[1] * ny + axis[2] * nz
        if 2.0 * rng.random() <= x * x * (3.0 - 2.0 * x + along * (2.0 * x - 1.0)):
            break
    energy = 0.5 * mass * x
    out[0], out[1], out[2], out[3] = energy, energy * nx, energy * ny, energy * nz


@kernel
def decay_in_flight(pdg: int, p: tuple[float, float, float, float], axis: Array, masses: Array,
                    rng: np.random.Generator, room: Room) -> int:
    """Write the daughters of a charged pion or kaon, a muon or a K_L in the laboratory; their number.

    Parameters
    ----------
    p
        Mother (E, px, py, pz) [GeV].
    axis : (3,)
        Polarisation vector of a muon in its rest frame, as the electron sees it.
    masses : (10,)
        Masses by species index [GeV].
    room
        Takes codes (neutrinos are left out), momenta and polarisation vectors.
    """
    kind, sign = abs(pdg), 1 if pdg > 0 else -1
    codes, out, axes, rest, found, daughter, invariants = room
    found[0], found[1], found[2] = 0, 0, 0
    if kind == 13:
        mother, n = masses[1], 1
        found[0] = 11 * sign
        michel(mother, axis, rng, rest[0])
    else:
        mother, n = masses[3], 2
        if kind == 211:
            mother = masses[2]
            found[0], found[1] = -13, 14
        elif kind == 130:
            mother, n = masses[7], kaon_long_channel(rng.random(), 1 if rng.random() < 0.5 else -1, found)
        else:
            n = kaon_channel(rng.random(), found)
        for j in range(3):
            daughter[j] = mass_of(found[j], masses)
        decay_to(rng, mother, daughter, n, rest, invariants)
        if sign < 0:
            for j in range(n):
                found[j] = found[j] if found[j] == NEUTRAL_PION else -found[j]
    count = 0
    for j in range(n):
        if abs(found[j]) == 12 or abs(found[j]) == 14:
            continue
        r = rest[j]
        e, x, y, z = boost_from_rest(r[0], r[1], r[2], r[3], p[0], p[1], p[2], p[3], mother)
        if found[j] == NEUTRAL_PION:
            count = two_photons(e, x, y, z, rng, codes, out, axes, count)
            continue
        codes[count] = found[j]
        axes[count, 0], axes[count, 1], axes[count, 2] = 0.0, 0.0, 0.0
        out[count, 0], out[count, 1], out[count, 2], out[count, 3] = e, x, y, z
        if abs(found[j]) == 13 and n == 2:
            _, ax, ay, az = boost_to_rest(p[0], p[1], p[2], p[3], e, x, y, z, masses[1])
            size = math.sqrt(ax * ax + ay * ay + az * az)
            axes[count, 0], axes[count, 1], axes[count, 2] = ax / size, ay / size, az / size
        count += 1
    return count


@kernel
def two_photons(e: float, x: float, y: float, z: float, rng: np.random.Generator, codes: Array, out: Array, axes: Array,
                count: int) -> int:
    """Append the photons of a neutral pion; the new count."""
    cosine, phi = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
    sine, half = math.sqrt(1.0 - cosine * cosine), 0.5 * PION_ZERO
    for side in (half, -half):
        dx, dy, dz = side * sine * math.cos(phi), side * sine * math.sin(phi), side * cosine
        out[count, 0], out[count, 1], out[count, 2], out[count, 3] = boost_from_rest(half, dx, dy, dz, e, x, y, z,
                                                                                    PION_ZERO)
        codes[count] = 22
        axes[count, 0], axes[count, 1], axes[count, 2] = 0.0, 0.0, 0.0
        count += 1
    return count
