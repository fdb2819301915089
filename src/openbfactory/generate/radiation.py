"""Photons radiated in a decay: soft limit exact, many photons, energy and momentum conserved.

Method: photons are emitted one after the other in falling energy w, as a Poisson process whose rate in the rest frame
of the mother is the current of all charges,

    dN = alpha / (4 pi^2) dw / w dOmega |sum_i Q_i b_i x n / (1 - b_i . n)|^2,

with Q_i, b_i charge and velocity of the daughters after the emission in their own rest frame, n the photon direction
(D. R. Yennie, S. C. Frautschi, H. Suura, Ann. Phys. 13 (1961) 379: the sum over emissions exponentiates).  There
the current of a charged mother drops out.  A candidate is drawn around one daughter with the bound 2 / (1 - b c) times
the number of charges; the interference of all charges then thins it.  The daughter that emitted and the others together
move back to back along the old axis in the new rest frame; the mass and the inner motion of the others stay.  The ratio
y of the phase spaces M' p' / (M p) weights the current (exact for scalars; 1 - x in the collinear limit); a daughter of
spin 1/2 adds (1 - y)^2 (1 / (1 - b c) - 1/2).  Then V -> l+ l- gamma follows its matrix element for m^2 << M^2, and the
collinear limit the splitting function (1 + z^2) / (1 - z) - m^2 / (p k) with z = 1 - x (S. Catani, S. Dittmaier,
Z. Trocsanyi, Phys. Lett. B 500 (2001) 149).

Validity: soft and collinear photons for any decay; hard photons at large angles for two scalars and V -> l+ l-.
Approximation: hard photons at large angles in other decays have no matrix element of their own (structure-dependent
emission is left out); the rate of the decay does not change; spins of the daughters do not know the photon.
Photons below ``cutoff`` times half the mass of the mother are not made.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import as_file, files
from typing import NamedTuple

import numpy as np
from numba import njit

from openbfactory.core.quantities import QuantityTable, load_quantities
from openbfactory.generate.columns import Array
from openbfactory.kinematics.fourvector import boost_from_rest
from openbfactory.kinematics.phasespace import two_body_momentum
from openbfactory.physics.decaytable import DecayTable


class RadiationArrays(NamedTuple):
    """What the kernel must know of a decay table.

    Attributes
    ----------
    photos : (C,) bool
        Channels that radiate.
    charge : (S,) float64
        Charge of each species in units of e.
    half : (S,) bool
        Species of spin 1/2.
    photon : int
        Species of the photon.
    strength : float
        alpha / pi.
    cutoff : float
        Smallest energy of a photon in units of half the mass of the mother.
    """

    photos: Array
    charge: Array
    half: Array
    photon: int
    strength: float
    cutoff: float


@cache
def radiation_data() -> QuantityTable:
    """Constants of ``data/radiation.yaml``."""
    with as_file(files("openbfactory.generate") / "data" / "radiation.yaml") as path:
        return load_quantities(path)


def radiation_arrays(table: DecayTable) -> RadiationArrays:
    """Arrays of a decay table for :func:`radiate`."""
    data = radiation_data()
    return RadiationArrays(table.photos, table.charge3 / 3.0, table.spin2 == 1, table.index_of_pdg[22],
                           data["alpha"] / math.pi, data["cutoff"])


@njit(cache=True, inline="always")
def radiate(rng: np.random.Generator, mass: float, radiation: RadiationArrays, daughters: Array, masses: Array,
            count: int, momenta: Array, rates: Array, recoiled: Array) -> int:
    """Number of daughters after photons were added to a decay of a mother of the given mass.

    ``daughters``, ``masses`` and ``momenta`` (n, 4) in the rest frame of the mother change in place; photons follow
    behind the ``count`` daughters.  ``rates`` (n,) and ``recoiled`` (n, 4) are scratch.
    """
    charges = 0
    for i in range(count):
        if radiation.charge[daughters[i]] != 0.0:
            charges += 1
    if charges == 0 or count < 2:
        return count
    lowest, body, current = 0.5 * radiation.cutoff * mass, count, mass
    total, energy = _emission_rates(mass, radiation, daughters, masses, body, charges, momenta, rates)
    while total > 0.0 and count < len(momenta):
        energy *= math.exp(-rng.standard_exponential() / total)
        if energy <= lowest:
            break
        choice, emitter = rng.random() * total, 0
        while emitter < body - 1 and choice >= rates[emitter]:
            choice -= rates[emitter]
            emitter += 1
        if _emit(rng, current, energy, emitter, radiation, daughters, masses, body, charges, momenta, momenta[count],
                 recoiled):
            daughters[count], masses[count] = radiation.photon, current
            current = math.sqrt(current * (current - 2.0 * energy))
            total, _ = _emission_rates(current, radiation, daughters, masses, body, charges, momenta, rates)
            count += 1
    for m in range(count - 1, body - 1, -1):
        _undo_recoil(m, body, count, masses[m], momenta)
        masses[m] = 0.0
    return count


@njit(cache=True, inline="always")
def _emission_rates(mass: float, radiation: RadiationArrays, daughters: Array, masses: Array, count: int, charges: int,
                    momenta: Array, rates: Array) -> tuple[float, float]:
    """Sum of the bounds of the rates dN / dln(w), with ``rates`` filled, and the largest energy of a photon."""
    total, largest = 0.0, 0.0
    for i in range(count):
        rates[i] = 0.0
        charge = radiation.charge[daughters[i]]
        p = math.sqrt(momenta[i, 1] ** 2 + momenta[i, 2] ** 2 + momenta[i, 3] ** 2)
        if charge != 0.0 and p > 0.0 and masses[i] > 0.0:
            e = momenta[i, 0]
            rates[i] = 2.0 * charges * radiation.strength * charge * charge * e / p * math.log((e + p) / masses[i])
            rest = masses[i] + math.sqrt(max(mass * (mass - 2.0 * e) + masses[i] ** 2, 0.0))
            largest = max(largest, 0.5 * (mass - rest * rest / mass))
            total += rates[i]
    return total, largest


@njit(cache=True)
def _emit(rng: np.random.Generator, mass: float, energy: float, emitter: int, radiation: RadiationArrays,
          daughters: Array, masses: Array, count: int, charges: int, momenta: Array, photon: Array,
          recoiled: Array) -> bool:
    """Whether a photon candidate is accepted; then ``photon`` and the recoiling ``momenta`` are filled.

    ``photon`` is in the old rest frame of the daughters, ``momenta`` in their new one.
    """
    m, e0 = masses[emitter], momenta[emitter, 0]
    rest = math.sqrt(max(mass * (mass - 2.0 * e0) + m * m, 0.0))
    square = mass * (mass - 2.0 * energy)
    if square <= (m + rest) ** 2:
        return False
    reduced = math.sqrt(square)
    p0 = math.sqrt(momenta[emitter, 1] ** 2 + momenta[emitter, 2] ** 2 + momenta[emitter, 3] ** 2)
    p = two_body_momentum(reduced, m, rest)
    e = math.sqrt(m * m + p * p)
    beta = p0 / e0
    low, high = m * m / (e0 * (e0 + p0)), 1.0 + beta
    u = low * math.exp(rng.random() * math.log(high / low))
    backward, forward = (u - low) / beta, (high - u) / beta
    sine2, cosine = backward * forward, 1.0 - backward
    denominator = m * m / (e + p) + p * backward
    y = reduced * p / (mass * p0)
    soft, hard, draw = 0.5 * u * p * p * sine2 / (denominator * denominator) * y, 0.0, rng.random()
    if radiation.half[daughters[emitter]]:
        hard = 0.5 * u * (1.0 - y) ** 2 * (e / denominator - 0.5) / charges
    if draw >= soft + hard:
        return False
    dx, dy, dz = momenta[emitter, 1] / p0, momenta[emitter, 2] / p0, momenta[emitter, 3] / p0
    _direction(rng, dx, dy, dz, cosine, math.sqrt(sine2), photon)
    _recoil(emitter, count, mass - e0 + p0, reduced - e + p, dx, dy, dz, momenta, recoiled)
    recoiled[emitter, 0], recoiled[emitter, 1], recoiled[emitter, 2], recoiled[emitter, 3] = e, p * dx, p * dy, p * dz
    if charges > 1 and draw >= hard + soft / charges * _interference(emitter, denominator, radiation, daughters, count,
                                                                     recoiled, photon):
        return False
    momenta[:count] = recoiled[:count]
    for k in range(1, 4):
        photon[k] *= energy
    photon[0] = energy
    return True


@njit(cache=True)
def _direction(rng: np.random.Generator, dx: float, dy: float, dz: float, cosine: float, sine: float,
               out: Array) -> None:
    """Fill ``out[1:4]`` with a unit vector at the given angle to (dx, dy, dz) and a random azimuth."""
    phi = 2.0 * math.pi * rng.random()
    a, b = sine * math.cos(phi), sine * math.sin(phi)
    transverse = math.sqrt(dx * dx + dy * dy)
    if transverse < 1e-9:
        out[1], out[2], out[3] = a + cosine * dx, b + cosine * dy, cosine * dz
        return
    ux, uy = -dy / transverse, dx / transverse
    out[1] = cosine * dx + a * ux - b * dz * uy
    out[2] = cosine * dy + a * uy + b * dz * ux
    out[3] = cosine * dz + b * transverse


@njit(cache=True)
def _recoil(emitter: int, count: int, old: float, new: float, dx: float, dy: float, dz: float, momenta: Array,
            recoiled: Array) -> None:
    """Boost all but the emitter along -(dx, dy, dz); ``old`` and ``new`` are their E + p along that direction."""
    ratio = new / old
    for j in range(count):
        if j == emitter:
            continue
        e, along = momenta[j, 0], momenta[j, 1] * dx + momenta[j, 2] * dy + momenta[j, 3] * dz
        plus, minus = (e - along) * ratio, (e + along) / ratio
        shift = 0.5 * (minus - plus) - along
        recoiled[j, 0] = 0.5 * (plus + minus)
        recoiled[j, 1] = momenta[j, 1] + shift * dx
        recoiled[j, 2] = momenta[j, 2] + shift * dy
        recoiled[j, 3] = momenta[j, 3] + shift * dz


@njit(cache=True)
def _interference(emitter: int, denominator: float, radiation: RadiationArrays, daughters: Array, count: int,
                  momenta: Array, photon: Array) -> float:
    """Square of the current of all charges over the sum of their squares; at most the number of charges."""
    sx, sy, sz, single = 0.0, 0.0, 0.0, 0.0
    for j in range(count):
        charge = radiation.charge[daughters[j]]
        if charge == 0.0:
            continue
        e, x, y, z = momenta[j, 0], momenta[j, 1], momenta[j, 2], momenta[j, 3]
        along = x * photon[1] + y * photon[2] + z * photon[3]
        factor = charge / (denominator if j == emitter else e - along)
        vx, vy, vz = x - along * photon[1], y - along * photon[2], z - along * photon[3]
        sx += factor * vx
        sy += factor * vy
        sz += factor * vz
        single += factor * factor * (vx * vx + vy * vy + vz * vz)
    return (sx * sx + sy * sy + sz * sz) / single if single > 0.0 else 0.0


@njit(cache=True)
def _undo_recoil(photon: int, body: int, count: int, mass: float, momenta: Array) -> None:
    """Bring daughters and later photons into the rest frame that the daughters had before ``photon`` was emitted."""
    e, x, y, z = mass - momenta[photon, 0], -momenta[photon, 1], -momenta[photon, 2], -momenta[photon, 3]
    reduced = math.sqrt(mass * (mass - 2.0 * momenta[photon, 0]))
    for j in range(count):
        if j < body or j > photon:
            p = momenta[j]
            p[0], p[1], p[2], p[3] = boost_from_rest(p[0], p[1], p[2], p[3], e, x, y, z, reduced)
