"""Sums over the rest of event, and the missing four-momentum, with the names and definitions of basf2.

``p`` are four-momenta in the laboratory, a star marks the c.m. frame (a boost without rotation)::

    roeMbc    = sqrt(s / 4 - p*_roe^2)          roeDeltae = E*_roe - sqrt(s) / 2
    roeEextra = energy of the remaining clusters, also of those with a track; roeNeextra without these

Missing four-momentum of a candidate ``Y`` (``missing_momentum``, option 0 to 7)::

    0  p* = -(p*_Y + p*_roe), E* = sqrt(s) - E*_Y - E*_roe      1  as 0, E* = |p*|
    2  p* as 0, E* = sqrt(s) / 2 - E*_Y                         3  p* = -p*_Y, E* as 2
    4  E* as 2, p* = p*_B - p*_Y, p*_B against p*_roe of size   5  laboratory: beams - Y - roe
       0.340 GeV                                                6  as 5, E = |p|
    7  p* along that of 0 with |p*| = E* as 2 (Delta E = 0)

With the neutrino of option 1 (laboratory: 6; Delta E = 0: 7) added to the candidate::

    weMbc     0  c.m.     1  laboratory, from energy and momentum of the beams     2  c.m. with option 7
    weDeltae  0  c.m.     1  laboratory
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openbfactory.core.errors import InputError
from openbfactory.kinematics.fourvector import unboost
from openbfactory.reconstruct.rest_of_event import RestOfEvent

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: momentum of a B in the c.m. frame at the Upsilon(4S) in option 4 [GeV]; source basf2-variables
B_MOMENTUM = 0.340
#: number of definitions of the missing four-momentum
OPTIONS = 8


def to_cms(p4: Array, beam: Array) -> Array:
    """Four-momenta (n, 4) in the rest frame of the ``beam`` (4,)."""
    columns = unboost(tuple(np.asarray(p4, np.float64).T), tuple(beam))
    return np.column_stack(columns) if len(p4) else np.empty((0, 4))


def invariant(p4: Array) -> Array:
    """Invariant masses (n,) of four-momenta (n, 4); 0 where the square is negative."""
    square: Array = np.sqrt(np.maximum(p4[:, 0] ** 2 - np.sum(p4[:, 1:] ** 2, axis=1), 0.0))
    return square


def rest_momentum(rest: RestOfEvent, track_p4: Array, cluster_p4: Array, *, klm_p4: Array | None = None,
                  composite_p4: Array | None = None) -> Array:
    """Four-momenta (n, 4) of the rest of event: tracks, photons, composites and, where given, K_L.

    Parameters
    ----------
    rest
        Rest of event of n candidates.
    track_p4, cluster_p4, klm_p4, composite_p4 : (rows, 4) float64
        E, px, py, pz [GeV] of every track, calorimeter cluster, K_L cluster and composite.
    """
    total = rest.tracks.total(track_p4) + rest.photons.total(cluster_p4)
    if klm_p4 is not None:
        total += rest.klm.where(rest.neutralKlm[rest.klm.rows]).total(klm_p4)
    if composite_p4 is not None:
        total += rest.composites.total(composite_p4)
    return total


def rest_variables(rest: RestOfEvent, p4: Array, charge: Index, cluster_energy: Array, beam: Array) -> dict[str, Array]:
    """Variables (n,) of the rest of event by their names in basf2.

    Parameters
    ----------
    rest
        Rest of event of n candidates.
    p4 : (n, 4) float64
        Its four-momentum, from :func:`rest_momentum`.
    charge : (tracks,) int64
        Charges of all tracks.
    cluster_energy : (clusters,) float64
        Energies of all clusters [GeV].
    beam : (4,) float64
        Four-momentum of the collision [GeV].
    """
    half, cms = 0.5 * float(invariant(beam[None])[0]), to_cms(p4, beam)
    p2 = np.sum(cms[:, 1:] ** 2, axis=1)
    photons, size = rest.photons, np.linalg.norm(p4[:, 1:], axis=1)
    return {
        "roeE": p4[:, 0], "roePx": p4[:, 1], "roePy": p4[:, 2], "roePz": p4[:, 3], "roeP": size,
        "roePt": np.hypot(p4[:, 1], p4[:, 2]), "roePTheta": np.arctan2(np.hypot(p4[:, 1], p4[:, 2]), p4[:, 3]),
        "roeM": invariant(p4), "roeMbc": np.sqrt(np.maximum(half * half - p2, 0.0)), "roeDeltae": cms[:, 0] - half,
        "roeCharge": rest.tracks.total(charge.astype(np.float64)),
        "roeEextra": rest.clusters.total(cluster_energy), "roeNeextra": photons.total(cluster_energy),
        "nROE_Tracks": rest.tracks.counts.astype(np.float64), "nROE_Photons": photons.counts.astype(np.float64),
        "nROE_ECLClusters": rest.clusters.counts.astype(np.float64),
        "nROE_NeutralECLClusters": photons.counts.astype(np.float64),
        "nROE_KLMClusters": rest.klm.counts.astype(np.float64),
        "nROE_Composites": rest.composites.counts.astype(np.float64),
    }


def missing_momentum(signal: Array, rest: Array, beam: Array, option: int = 0) -> Array:
    """Missing four-momenta (n, 4) [GeV], c.m. frame (laboratory for options 5 and 6).

    Parameters
    ----------
    signal, rest : (n, 4) float64
        Four-momenta of the candidates and of their rest of event, laboratory.
    beam : (4,) float64
        Four-momentum of the collision.
    option
        Definition, see the head of the module.

    Raises
    ------
    InputError
        For another option.
    """
    if option not in range(OPTIONS):
        message = f"no definition {option} of the missing four-momentum; there are 0 to {OPTIONS - 1}"
        raise InputError(message)
    if option in (5, 6):
        missing = beam - signal - rest
        if option == 6:
            missing[:, 0] = np.linalg.norm(missing[:, 1:], axis=1)
        return missing
    sqrt_s, y, r = float(invariant(beam[None])[0]), to_cms(signal, beam), to_cms(rest, beam)
    missing = -(y + r)
    missing[:, 0] += sqrt_s
    half = 0.5 * sqrt_s - y[:, 0]
    if option == 1:
        missing[:, 0] = np.linalg.norm(missing[:, 1:], axis=1)
    elif option == 7:
        with np.errstate(invalid="ignore", divide="ignore"):
            missing[:, 1:] *= (half / np.linalg.norm(missing[:, 1:], axis=1))[:, None]
    elif option in (3, 4):
        missing[:, 1:] = -y[:, 1:]
    if option == 4:
        size = np.linalg.norm(r[:, 1:], axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            missing[:, 1:] -= np.where(size > 0.0, B_MOMENTUM / size, np.nan)[:, None] * r[:, 1:]
    if option in (2, 3, 4, 7):
        missing[:, 0] = half
    return missing


def missing_variables(signal: Array, rest: Array, beam: Array, option: int = 0) -> dict[str, Array]:
    """Variables (n,) of the missing four-momentum by their names in basf2; arguments as of :func:`missing_momentum`."""
    missing = missing_momentum(signal, rest, beam, option)
    size = np.linalg.norm(missing[:, 1:], axis=1)
    m2 = missing[:, 0] ** 2 - size**2
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = m2 / missing[:, 0]
    return {
        "weMissE": missing[:, 0], "weMissP": size, "weMissPx": missing[:, 1], "weMissPy": missing[:, 2],
        "weMissPz": missing[:, 3], "weMissM2": m2, "weMissM2OverMissE": ratio,
        "weMissPTheta": np.arctan2(np.hypot(missing[:, 1], missing[:, 2]), missing[:, 3]),
    }


def corrected_mbc(signal: Array, rest: Array, beam: Array, option: int = 0) -> Array:
    """Mbc (n,) [GeV] of candidate and neutrino (``weMbc``), 0 where its square is negative.

    Raises
    ------
    InputError
        For an option other than 0, 1, 2.
    """
    s = float(invariant(beam[None])[0]) ** 2
    if option == 1:
        p = signal[:, 1:] + missing_momentum(signal, rest, beam, 6)[:, 1:]
        square = ((0.5 * s + p @ beam[1:]) / beam[0]) ** 2 - np.sum(p**2, axis=1)
    else:
        which = {0: 1, 2: 7}.get(option, -1)
        p = to_cms(signal, beam)[:, 1:] + missing_momentum(signal, rest, beam, which)[:, 1:]
        square = 0.25 * s - np.sum(p**2, axis=1)
    found: Array = np.sqrt(np.maximum(square, 0.0))
    return found


def corrected_deltae(signal: Array, rest: Array, beam: Array, option: int = 0) -> Array:
    """Delta E (n,) [GeV] of candidate and neutrino (``weDeltae``).

    Raises
    ------
    InputError
        For an option other than 0, 1.
    """
    sqrt_s = float(invariant(beam[None])[0])
    if option == 1:
        total = signal + missing_momentum(signal, rest, beam, 6)
        product = total[:, 0] * beam[0] - total[:, 1:] @ beam[1:]
        found: Array = (product - 0.5 * sqrt_s**2) / sqrt_s
        return found
    missing = missing_momentum(signal, rest, beam, 1 if option == 0 else -1)
    energy: Array = to_cms(signal, beam)[:, 0] + missing[:, 0] - 0.5 * sqrt_s
    return energy
