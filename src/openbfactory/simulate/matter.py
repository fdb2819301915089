"""What material does to particles: conversions, bremsstrahlung, hadronic interactions.

Method: along the path of a particle the thickness of every layer crossed, in
radiation lengths, adds up until it exceeds an exponential random depth.

- photons convert with 7/9 of a pair a radiation length; the energy of the
  electron follows ``1 - 4/3 y (1 - y)`` (complete screening);
- electrons radiate one photon of a fraction y above 2 % of their energy from
  ``(4/3 (1 - y) + y^2) / y``; the track keeps its direction and its curvature
  becomes that of the remaining momentum;
- hadrons interact with X0 / lambda_I of the card; a hadron of the same kind
  with a flat fraction of the momentum and a transverse kick goes on.

(pdg2024, sections 34.4 and 34.5.)

Approximation: pairs and bremsstrahlung are collinear; one emission a track,
without its effect on d0 and phi0; no other fragments of a hadronic interaction
and no charge exchange; the material between tracker and calorimeter is left out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel
from openbfactory.simulate.surface import arc_to_radius

Array = npt.NDArray[Any]

#: pair conversions per radiation length
PAIRS = 7.0 / 9.0
#: least fraction of the energy that counts as radiated, and photons above it per radiation length
LEAST_RADIATED = 0.02
RADIATED = 4.0 / 3.0 * (math.log(1.0 / LEAST_RADIATED) - (1.0 - LEAST_RADIATED)) + 0.5 * (1.0 - LEAST_RADIATED**2)
#: columns of the material table: radius, z_min, z_max, radiation lengths
MATERIAL_WIDTH = 4


@kernel
def pair_share(rng: np.random.Generator) -> float:
    """Fraction of the energy of a photon that the electron of the pair takes."""
    while True:
        y = rng.random()
        if rng.random() <= 1.0 - 4.0 / 3.0 * y * (1.0 - y):
            return y


@kernel
def radiated_share(rng: np.random.Generator) -> float:
    """Fraction of the energy of an electron that its photon takes."""
    while True:
        y = LEAST_RADIATED ** rng.random()
        if rng.random() <= 0.75 * (4.0 / 3.0 * (1.0 - y) + y * y):
            return y


@kernel
def photon_layer(x: float, y: float, z: float, px: float, py: float, pz: float, depth: float,
                 material: Array) -> float:
    """Path [cm] to the layer where a photon has crossed ``depth`` radiation lengths, -1 where it never does."""
    p = math.sqrt(px * px + py * py + pz * pz)
    ux, uy, uz = px / p, py / p, pz / p
    transverse, along, rho2 = ux * ux + uy * uy, x * ux + y * uy, x * x + y * y
    if transverse < 1e-12:
        return -1.0
    for k in range(len(material)):
        radius = material[k, 0]
        if radius * radius <= rho2:
            continue
        root = math.sqrt(along * along + transverse * (radius * radius - rho2))
        path = (root - along) / transverse
        at = z + path * uz
        if at < material[k, 1] or at > material[k, 2]:
            continue
        # root / radius is the cosine between path and normal
        depth -= material[k, 3] / max(root / radius, 0.05)
        if depth <= 0.0:
            return path
    return -1.0


@kernel
def track_layer(helix: tuple[float, float, float, float, float], radius: float, depth: float, material: Array) -> float:
    """Arc [cm] from the POCA to the layer where a track has crossed ``depth`` radiation lengths, -1 for never.

    ``radius`` is that of the production vertex.
    """
    d0, _, omega, z0, tanl = helix
    slope = math.sqrt(1.0 + tanl * tanl)
    for k in range(len(material)):
        if material[k, 0] <= radius:
            continue
        s = arc_to_radius(d0, omega, material[k, 0])
        if s < 0.0:
            return -1.0
        z = z0 + s * tanl
        if z < material[k, 1] or z > material[k, 2]:
            continue
        half = math.sin(0.5 * omega * s)
        across = 2.0 * half * math.sqrt(max(1.0 - half * half, 0.0)) / omega
        depth -= material[k, 3] * slope / max((1.0 + omega * d0) * across / material[k, 0], 0.1)
        if depth <= 0.0:
            return s
    return -1.0


@kernel
def kicked(px: float, py: float, pz: float, kick: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """A momentum with a flat fraction of the size, turned by a transverse momentum of mean ``kick`` [GeV]."""
    p = math.sqrt(px * px + py * py + pz * pz)
    size = p * rng.random()
    transverse = min(-kick * math.log(1.0 - rng.random()), size)
    forward = math.sqrt(size * size - transverse * transverse) / p
    pt = math.sqrt(px * px + py * py)
    angle = 2.0 * math.pi * rng.random()
    a, b = transverse * math.cos(angle) / pt, transverse * math.sin(angle) / (pt * p)
    return (forward * px - a * py + b * px * pz, forward * py + a * px + b * py * pz, forward * pz - b * pt * pt)
