"""V0 and photon conversions: pairs of tracks of opposite charge with a common vertex.

Method, as in the V0 finder of basf2: every pair of opposite charges; the crossing of their circles starts a vertex fit,
whose chi2 must pass; the masses of the refitted momenta under each hypothesis must lie in one of the windows (K_S ->
pi+ pi-, Lambda -> p pi-, its antiparticle, gamma -> e+ e-).  The tracks of a conversion are parallel where they touch,
which leaves the vertex free along them: where such a pair has no good fit, the point half way between the circles is
kept with state ``UNFITTED`` and without a covariance.

A track may belong to many candidates, and a candidate to several hypotheses; :func:`select_v0` picks one hypothesis
and, if asked, the best candidate of each track.

Approximation: a vertex behind the first hit of a track is not refused; fitted vertices of conversions lie some mm too
far out, because the tracks are parallel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.config import Config
from openbfactory.core.errors import UnknownNameError
from openbfactory.core.units import pt_per_tesla_cm
from openbfactory.kinematics.helix import perigee_at
from openbfactory.kinematics.treestart import crossing
from openbfactory.kinematics.vertexfit import NO_PRIOR, OK, STATES, WORK, chi2_probabilities, fit_one, refit_momentum
from openbfactory.physics.particles import mass
from openbfactory.reconstruct.finders import cited

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: state of a conversion whose vertex is only the point between its tracks
UNFITTED = len(STATES)
#: name of each hypothesis to its bit, and PDG codes of mother, positive and negative daughter
HYPOTHESES: dict[str, tuple[int, int, int, int]] = {
    "K_S0": (1, 310, 211, -211), "Lambda0": (2, 3122, 2212, -211), "anti-Lambda0": (4, -3122, 211, -2212),
    "gamma": (8, 22, -11, 11)}
#: columns of the kernel: vertex, covariance (6), momenta of both, chi2, masses by hypothesis
WIDTH = 20


class V0Config(Config):
    """Cuts of the V0 finder; units GeV and cm.

    Attributes
    ----------
    v0_chi2_max, v0_radius_max, v0_gap_max
        Chi2 of the vertex, its transverse distance to the z axis, gap in z of the tracks before the fit.
    ks_mass_min, ks_mass_max, lambda_mass_min, lambda_mass_max
        Windows of the fitted masses.
    conversion_mass_max, conversion_radius_min, conversion_gap_max, conversion_distance_max
        Conversions: mass as a pair of electrons, transverse distance of the vertex, and for pairs without a good fit
        gap in z and transverse distance of the tracks.
    """

    v0_chi2_max: float = cited("v0_chi2_max", gt=0)
    v0_radius_max: float = cited("v0_radius_max", gt=0)
    v0_gap_max: float = cited("v0_gap_max", gt=0)
    ks_mass_min: float = cited("ks_mass_min", gt=0)
    ks_mass_max: float = cited("ks_mass_max", gt=0)
    lambda_mass_min: float = cited("lambda_mass_min", gt=0)
    lambda_mass_max: float = cited("lambda_mass_max", gt=0)
    conversion_mass_max: float = cited("conversion_mass_max", gt=0)
    conversion_radius_min: float = cited("conversion_radius_min", ge=0)
    conversion_gap_max: float = cited("conversion_gap_max", gt=0)
    conversion_distance_max: float = cited("conversion_distance_max", gt=0)


@dataclass(frozen=True, slots=True)
class V0List:
    """Pairs with a common vertex, of all hypotheses.

    Attributes
    ----------
    offsets : (events + 1,) int64
        Pairs of event ``i`` are the rows ``offsets[i]:offsets[i + 1]``.
    daughters : (n, 2) int64
        Rows of the positive and of the negative track.
    hypotheses : (n,) int64
        Bits of the hypotheses whose mass window holds, see ``HYPOTHESES``.
    state : (n,) int64
        0, or ``UNFITTED``.
    vertex, covariance : (n, 3), (n, 6) float64
        Vertex [cm] and upper triangle of its covariance, NaN where unfitted.
    chi2, pValue : (n,) float64
        Of the vertex fit (1 degree of freedom), NaN where unfitted.
    momenta : (n, 2, 3) float64
        Momenta of both tracks at the vertex [GeV].
    masses : (n, 4) float64
        Mass under each hypothesis [GeV].
    """

    offsets: Index
    daughters: Index
    hypotheses: Index
    state: Index
    vertex: Array
    covariance: Array
    chi2: Array
    pValue: Array
    momenta: Array
    masses: Array


@njit(cache=True, error_model="numpy")
def pair_mass(p: Array, m1: float, m2: float) -> float:
    """Mass [GeV] of two momenta (6,) with given masses."""
    e = (math.sqrt(m1 * m1 + p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
         + math.sqrt(m2 * m2 + p[3] * p[3] + p[4] * p[4] + p[5] * p[5]))
    x, y, z = p[0] + p[3], p[1] + p[4], p[2] + p[5]
    return math.sqrt(max(e * e - x * x - y * y - z * z, 0.0))


@njit(cache=True, error_model="numpy")
def momentum_near(h: Array, x: Array, field: float, p: Array, at: int) -> float:
    """Fill ``p[at:at + 3]`` with the momentum [GeV] at the POCA to ``x``; returns the distance across z there [cm]."""
    d, phi, _ = perigee_at(h[0], h[1], h[2], x[0], x[1])
    pt = abs(field * pt_per_tesla_cm / h[2])
    p[at], p[at + 1], p[at + 2] = pt * math.cos(phi), pt * math.sin(phi), pt * h[4]
    return d


@njit(cache=True, error_model="numpy")
def _windows(p: Array, x: Array, masses: Array, cuts: Array, margin: float, out: Array) -> int:
    """Fill ``out`` (4,) with the masses; returns the bits of the windows (wider by ``margin``) that hold."""
    found = 0
    for k in range(4):
        out[k] = pair_mass(p, masses[k, 0], masses[k, 1])
    if out[0] > cuts[3] - margin and out[0] < cuts[4] + margin:
        found |= 1
    for k in range(1, 3):
        if out[k] > cuts[5] - margin and out[k] < cuts[6] + margin:
            found |= 1 << k
    if out[3] < cuts[7] + margin and math.hypot(x[0], x[1]) > cuts[8]:
        found |= 8
    return found


@njit(cache=True, error_model="numpy")
def _judge(helix: Array, cov: Array, pair: Index, field: float, masses: Array, cuts: Array, prior: Array, start: Array,
           vertex: Array, vertex_cov: Array, work: Array, row: Array) -> tuple[int, int]:
    """Bits of the hypotheses that a pair passes, and its state; fills the columns ``row`` (WIDTH,)."""
    h1, h2 = helix[pair[0]], helix[pair[1]]
    gap = crossing(h1, h2, start)
    if not (gap < cuts[2] and math.hypot(start[0], start[1]) < cuts[1]):
        return 0, OK
    p, found = row[9:15], row[16:20]
    distance = momentum_near(h1, start, field, p, 0) - momentum_near(h2, start, field, p, 3)
    before = _windows(p, start, masses, cuts, 0.05, found)
    if before == 0:
        return 0, OK
    chi2, _, state = fit_one(helix, cov, pair, start, start, prior, vertex, vertex_cov, work)
    if state == OK and chi2 < cuts[0] and math.hypot(vertex[0], vertex[1]) < cuts[1]:
        row[15] = chi2
        place = 3
        for a in range(3):
            row[a] = vertex[a]
            for b in range(a, 3):
                row[place] = vertex_cov[a, b]
                place += 1
        for j in range(2):
            p[3 * j], p[3 * j + 1], p[3 * j + 2] = refit_momentum(helix[pair[j]], work[j], vertex, field)
        return _windows(p, vertex, masses, cuts, 0.0, found), OK
    if before & 8 and found[3] < cuts[7] and gap < cuts[9] and abs(distance) < cuts[10]:
        for a in range(3):
            row[a] = start[a]
        for a in range(3, 9):
            row[a] = math.nan
        row[15] = math.nan
        return 8, UNFITTED
    return 0, state


@njit(cache=True, error_model="numpy")
def _find_v0(offsets: Index, helix: Array, cov: Array, mask: Mask, field: float, masses: Array, cuts: Array,
             prior: Array, counts: Index) -> tuple[Array, Index]:
    """Columns (n, WIDTH) of the pairs found and their integers (n, 4): tracks, bits, state; fills ``counts``."""
    room, n = 1024, 0
    rows, numbers = np.empty((room, WIDTH)), np.empty((room, 4), np.int64)
    start, vertex, vertex_cov, work = np.empty(3), np.empty(3), np.empty((3, 3)), np.empty((2, WORK))
    for e in range(len(offsets) - 1):
        before = n
        for i in range(offsets[e], offsets[e + 1]):
            if not mask[i] or not helix[i, 2] > 0.0:
                continue
            for j in range(offsets[e], offsets[e + 1]):
                if not mask[j] or not helix[j, 2] < 0.0:
                    continue
                if n == room:
                    room *= 2
                    more, numbers_more = np.empty((room, WIDTH)), np.empty((room, 4), np.int64)
                    more[:n], numbers_more[:n] = rows, numbers
                    rows, numbers = more, numbers_more
                numbers[n, 0], numbers[n, 1] = i, j
                numbers[n, 2], numbers[n, 3] = _judge(helix, cov, numbers[n, :2], field, masses, cuts, prior, start,
                                                      vertex, vertex_cov, work, rows[n])
                n += 1 if numbers[n, 2] != 0 else 0
        counts[e] = n - before
    return rows[:n].copy(), numbers[:n].copy()


def find_v0(offsets: Index, helix: Array, cov: Array, *, field: float, config: V0Config | None = None,
            mask: Mask | None = None) -> V0List:
    """V0 and conversions of every event.

    Parameters
    ----------
    offsets : (events + 1,) int64
        Tracks of event ``i`` are the rows ``offsets[i]:offsets[i + 1]``.
    helix, cov : (n, 5), (n, 15) float64
        Helix parameters relative to the origin and upper triangles of their covariances.
    field
        Field along z [T].
    config
        Cuts.
    mask : (n,) bool
        Tracks that may be used, all by default; those whose parameters are not finite never make a pair.
    """
    config = config or V0Config()
    cuts = np.array([getattr(config, name) for name in V0Config.model_fields])
    masses = np.array([[mass(abs(plus)), mass(abs(minus))] for _, _, plus, minus in HYPOTHESES.values()])
    usable = np.isfinite(helix).all(axis=1) & (True if mask is None else mask)
    counts = np.zeros(len(offsets) - 1, np.int64)
    rows, numbers = _find_v0(offsets, helix, cov, usable, field, masses, cuts, NO_PRIOR, counts)
    chi2 = rows[:, 15].copy()
    p_value = chi2_probabilities(chi2, np.ones(len(chi2), np.int64))
    return V0List(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), numbers[:, :2].copy(),
                  numbers[:, 2].copy(), numbers[:, 3].copy(), rows[:, :3].copy(), rows[:, 3:9].copy(), chi2, p_value,
                  rows[:, 9:15].reshape(-1, 2, 3).copy(), rows[:, 16:].copy())


@dataclass(frozen=True, slots=True)
class V0Candidates:
    """Candidates of one hypothesis.

    Attributes
    ----------
    offsets : (events + 1,) int64
        Candidates of event ``i`` are the rows ``offsets[i]:offsets[i + 1]``.
    rows : (n,) int64
        Rows of the :class:`V0List`.
    p4 : (n, 4) float64
        E, px, py, pz [GeV] at the vertex, lab frame.
    mass : (n,) float64
        Mass [GeV].
    cosPointing, distance : (n,) float64
        Cosine of the angle of the momentum and the way from the interaction point; length of that way [cm].
    """

    offsets: Index
    rows: Index
    p4: Array
    mass: Array
    cosPointing: Array
    distance: Array


def select_v0(found: V0List, hypothesis: str, ip: Array, *, best_of_track: bool = False,
              cos_pointing_min: float = -1.0, distance_min: float = 0.0) -> V0Candidates:
    """Candidates of one hypothesis.

    Parameters
    ----------
    found
        All pairs.
    hypothesis
        ``K_S0``, ``Lambda0``, ``anti-Lambda0`` or ``gamma``.
    ip : (3,) float64
        Interaction point [cm].
    best_of_track
        Keep candidates in the order of chi2 (unfitted last) as long as neither track was used by a better one.
    cos_pointing_min, distance_min
        Cuts on pointing and distance [cm].

    Raises
    ------
    UnknownNameError
        For another hypothesis, with the nearest one.
    """
    if hypothesis not in HYPOTHESES:
        raise UnknownNameError("V0 hypothesis", hypothesis, HYPOTHESES)
    bit, _, plus, minus = HYPOTHESES[hypothesis]
    p = found.momenta.sum(axis=1)
    way = found.vertex - ip
    distance, size = np.linalg.norm(way, axis=1), np.linalg.norm(p, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.einsum("ni,ni->n", p, way) / (distance * size)
    kept = (found.hypotheses & bit != 0) & (cosine >= cos_pointing_min) & (distance >= distance_min)
    if best_of_track:
        key = np.where(found.state == OK, found.chi2, np.inf)
        kept &= _best_of_track(np.argsort(key, kind="stable"), kept, found.daughters)
    rows = np.flatnonzero(kept)
    energy = sum(np.sqrt(mass(abs(code)) ** 2 + np.sum(found.momenta[rows, j] ** 2, axis=1))
                 for j, code in enumerate((plus, minus)))
    offsets = np.concatenate([[0], np.cumsum(kept)])[found.offsets].astype(np.int64)
    return V0Candidates(offsets, rows, np.column_stack([energy, p[rows]]),
                        found.masses[rows, int(math.log2(bit))], cosine[rows], distance[rows])


@njit(cache=True, error_model="numpy")
def _best_of_track(order: Index, kept: Mask, daughters: Index) -> Mask:
    """Mask of candidates whose tracks no earlier one in the ``order`` used."""
    used = set()
    used.add(-1)
    out = np.zeros(len(kept), np.bool_)
    for i in order:
        if kept[i] and daughters[i, 0] not in used and daughters[i, 1] not in used:
            out[i] = True
            used.add(daughters[i, 0])
            used.add(daughters[i, 1])
    return out
