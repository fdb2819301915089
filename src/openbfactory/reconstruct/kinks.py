"""Kinks: a charged track that ends where another of the same charge begins, from decays in flight.

Method: pairs of tracks of equal charge, the mother from near the interaction point, the daughter without hits in the
silicon where the kink lies behind it; the crossing of their circles starts a vertex fit, whose chi2, transverse
distance and angle between the momenta must pass.  With the momenta ``p`` of mother and ``q`` of daughter at the kink
and a daughter of mass ``m``, the decay to one unseen particle of mass ``k`` has the mother's mass
``M^2 = (E_q + sqrt(k^2 + |p - q|^2))^2 - p^2``: K -> mu nu and K -> pi pi0 peak at the kaon mass.

Each daughter keeps its best mother (smallest chi2).  Approximation: where a track ends is not known beyond its hits;
the covariances are those at the origin, carried to the kink.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.config import Config
from openbfactory.kinematics.helix import perigee_at
from openbfactory.kinematics.treestart import crossing
from openbfactory.kinematics.vertexfit import NO_PRIOR, OK, WORK, chi2_probabilities, fit_one, refit_momentum
from openbfactory.physics.particles import mass
from openbfactory.reconstruct.finders import cited

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: columns of the kernel: vertex, covariance (6), momenta of mother and daughter, chi2, angle
WIDTH = 17
#: hypotheses: name to PDG codes of mother, daughter and the unseen particle
HYPOTHESES: dict[str, tuple[int, int, int]] = {"K -> mu nu": (321, 13, 14), "K -> pi pi0": (321, 211, 111),
                                               "pi -> mu nu": (211, 13, 14)}


class KinkConfig(Config):
    """Cuts of the kink finder; units cm and rad.

    Attributes
    ----------
    kink_radius_min, kink_radius_max
        Transverse distance of the kink to the z axis.
    kink_chi2_max, kink_gap_max
        Chi2 of the vertex (1 degree of freedom); gap in z of the tracks before the fit.
    kink_angle_min
        Angle between the momenta.
    kink_mother_d0_max
        Distance of the mother to the z axis.
    kink_silicon_radius
        The daughter of a kink outside of this radius has no silicon hits.
    """

    kink_radius_min: float = cited("kink_radius_min", ge=0)
    kink_radius_max: float = cited("kink_radius_max", gt=0)
    kink_chi2_max: float = cited("kink_chi2_max", gt=0)
    kink_angle_min: float = cited("kink_angle_min", ge=0)
    kink_mother_d0_max: float = cited("kink_mother_d0_max", gt=0)
    kink_silicon_radius: float = cited("kink_silicon_radius", ge=0)
    kink_gap_max: float = cited("kink_gap_max", gt=0)


@dataclass(frozen=True, slots=True)
class KinkList:
    """Kinks, each daughter in one at most.

    Attributes
    ----------
    offsets : (events + 1,) int64
        Kinks of event ``i`` are the rows ``offsets[i]:offsets[i + 1]``.
    mother, daughter : (n,) int64
        Rows of the tracks.
    vertex, covariance : (n, 3), (n, 6) float64
        Kink [cm] and upper triangle of its covariance.
    motherMomentum, daughterMomentum : (n, 3) float64
        Momenta at the kink [GeV].
    chi2, pValue, angle : (n,) float64
        Of the vertex fit (1 degree of freedom); angle between the momenta [rad].
    transverse : (n,) float64
        Momentum of the daughter across the mother [GeV].
    mass : dict
        Mass of the mother [GeV] (n,) under each of ``HYPOTHESES``.
    """

    offsets: Index
    mother: Index
    daughter: Index
    vertex: Array
    covariance: Array
    motherMomentum: Array
    daughterMomentum: Array
    chi2: Array
    pValue: Array
    angle: Array
    transverse: Array
    mass: dict[str, Array]


@njit(cache=True, error_model="numpy")
def _judge(helix: Array, cov: Array, pair: Index, silicon: int, field: float, cuts: Array, prior: Array, start: Array,
           vertex: Array, vertex_cov: Array, work: Array, row: Array) -> bool:
    """Whether mother and daughter make a kink; fills the columns ``row`` (WIDTH,)."""
    gap = crossing(helix[pair[0]], helix[pair[1]], start)
    radius = math.hypot(start[0], start[1])
    if not (gap < cuts[6] and radius > 0.8 * cuts[0] and radius < 1.2 * cuts[1]):
        return False
    chi2, _, state = fit_one(helix, cov, pair, start, start, prior, vertex, vertex_cov, work)
    if state != OK or not chi2 < cuts[2]:
        return False
    radius = math.hypot(vertex[0], vertex[1])
    if radius < cuts[0] or radius > cuts[1] or (silicon > 0 and radius > cuts[5]):
        return False
    h = helix[pair[0]]
    _, _, s = perigee_at(h[0], h[1], h[2], vertex[0], vertex[1])
    if s < 0.0:
        return False
    for j in range(2):
        row[9 + 3 * j], row[10 + 3 * j], row[11 + 3 * j] = refit_momentum(helix[pair[j]], work[j], vertex, field)
    product = row[9] * row[12] + row[10] * row[13] + row[11] * row[14]
    size = math.sqrt((row[9] ** 2 + row[10] ** 2 + row[11] ** 2) * (row[12] ** 2 + row[13] ** 2 + row[14] ** 2))
    row[16] = math.acos(max(min(product / size, 1.0), -1.0))
    row[15] = chi2
    place = 3
    for a in range(3):
        row[a] = vertex[a]
        for b in range(a, 3):
            row[place] = vertex_cov[a, b]
            place += 1
    return row[16] > cuts[3]


@njit(cache=True, error_model="numpy")
def _find_kinks(offsets: Index, helix: Array, cov: Array, usable: Mask, silicon: Index, field: float, cuts: Array,
                prior: Array, rows: Array, tracks: Index, counts: Index) -> int:
    """Fill one row for each daughter with a good kink; returns their number."""
    n = 0
    start, vertex, vertex_cov, work = np.empty(3), np.empty(3), np.empty((3, 3)), np.empty((2, WORK))
    row, pair = np.empty(WIDTH), np.empty(2, np.int64)
    for e in range(len(offsets) - 1):
        before = n
        for j in range(offsets[e], offsets[e + 1]):
            best = math.inf
            for i in range(offsets[e], offsets[e + 1]):
                if i == j or not (usable[i] and usable[j]) or helix[i, 2] * helix[j, 2] <= 0.0:
                    continue
                if abs(helix[i, 0]) > cuts[4] or silicon[i] == 0 or abs(helix[j, 0]) < abs(helix[i, 0]):
                    continue
                pair[0], pair[1] = i, j
                if _judge(helix, cov, pair, silicon[j], field, cuts, prior, start, vertex, vertex_cov, work,
                          row) and row[15] < best:
                    best = row[15]
                    tracks[n, 0], tracks[n, 1] = i, j
                    for c in range(WIDTH):
                        rows[n, c] = row[c]
            n += 1 if best < math.inf else 0
        counts[e] = n - before
    return n


def find_kinks(offsets: Index, helix: Array, cov: Array, silicon_hits: Index, *, field: float,
               config: KinkConfig | None = None, mask: Mask | None = None) -> KinkList:
    """Kinks of every event.

    Parameters
    ----------
    offsets : (events + 1,) int64
        Tracks of event ``i`` are the rows ``offsets[i]:offsets[i + 1]``.
    helix, cov : (n, 5), (n, 15) float64
        Helix parameters relative to the origin and upper triangles of their covariances.
    silicon_hits : (n,) int64
        Hits of each track in pixels and strips.
    field
        Field along z [T].
    config
        Cuts.
    mask : (n,) bool
        Tracks that may be used, all by default.
    """
    config = config or KinkConfig()
    cuts = np.array([getattr(config, name) for name in KinkConfig.model_fields])
    usable = np.isfinite(helix).all(axis=1) & (True if mask is None else mask)
    rows, tracks = np.empty((len(helix) + 1, WIDTH)), np.empty((len(helix) + 1, 2), np.int64)
    counts = np.zeros(len(offsets) - 1, np.int64)
    n = _find_kinks(offsets, helix, cov, usable, np.ascontiguousarray(silicon_hits, np.int64), field, cuts, NO_PRIOR,
                    rows, tracks, counts)
    rows, tracks = rows[:n], tracks[:n]
    p, q, chi2 = rows[:, 9:12].copy(), rows[:, 12:15].copy(), rows[:, 15].copy()
    return KinkList(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), tracks[:, 0].copy(), tracks[:, 1].copy(),
                    rows[:, :3].copy(), rows[:, 3:9].copy(), p, q, chi2,
                    chi2_probabilities(chi2, np.ones(n, np.int64)), rows[:, 16].copy(),
                    np.linalg.norm(q, axis=1) * np.sin(rows[:, 16]),
                    {name: kink_mass(p, q, mass(daughter), mass(unseen))
                     for name, (_, daughter, unseen) in HYPOTHESES.items()})


def kink_mass(p: Array, q: Array, daughter: float, unseen: float) -> Array:
    """Mass (n,) [GeV] of the mother of a kink.

    Parameters
    ----------
    p, q : (n, 3) float64
        Momenta of mother and daughter [GeV].
    daughter, unseen
        Masses of the daughter and of the unseen particle [GeV].
    """
    energy = (np.sqrt(daughter**2 + np.sum(q**2, axis=1)) + np.sqrt(unseen**2 + np.sum((p - q) ** 2, axis=1)))
    square: Array = np.sqrt(np.maximum(energy**2 - np.sum(p**2, axis=1), 0.0))
    return square
