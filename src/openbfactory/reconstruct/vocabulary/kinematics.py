"""Momenta, masses, recoil, beam constraints and decay angles.

Frames: the frame of the view (laboratory unless ``useCMSFrame`` or another
says so) for momenta and angles; masses do not depend on it.  The c.m. frame is
reached by a pure boost, its axes are those of the laboratory.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from openbfactory.physics.particles import mass
from openbfactory.reconstruct.definitions import Definition, table
from openbfactory.reconstruct.momentum_covariance import momentum_covariance
from openbfactory.reconstruct.vectors import (
    angle,
    cosine,
    in_rest_frame,
    length,
    mass_of,
    phi,
    square,
    theta,
)
from openbfactory.reconstruct.view import View

Array = npt.NDArray[np.float64]
D = Definition
B_PLUS = 521


def nominal_mass(v: View) -> Array:
    """Mass (n,) of the table of particles [GeV]."""
    codes = np.abs(v.column("pdg"))
    kinds, inverse = np.unique(codes, return_inverse=True)
    return np.array([mass(int(code)) for code in kinds], np.float64)[inverse] if len(codes) else np.empty(0)


def daughters_p4(v: View, paths: tuple[tuple[int, ...], ...]) -> Array:
    """Sum (n, 4) of the four-momenta of some daughters, NaN where one is not there."""
    total = np.zeros((len(v), 4))
    for path in paths:
        total += daughter_p4(v, path)
    return total


def daughter_p4(v: View, path: tuple[int, ...]) -> Array:
    """Four-momentum (n, 4) of a daughter, NaN where there is none."""
    rows = v.daughters(path)
    found = np.full((len(v), 4), np.nan)
    there = rows >= 0
    if there.any():
        found[there] = v.at(rows[there], there).p4
    return found


def sum_of_daughters(v: View) -> Array:
    """Sum (n, 4) of the four-momenta of all daughters in the laboratory; the particle's own where it has none."""
    rows = v.particles.daughters[v.rows]
    there: npt.NDArray[np.bool_] = np.asarray(rows >= 0)
    total: Array = np.sum(np.where(there[:, :, np.newaxis], v.particles["p4"][rows], 0.0), axis=1)
    return np.where(np.any(there, axis=1)[:, np.newaxis], total, v.lab)


def cms(v: View) -> Array:
    """Four-momenta (n, 4) in the c.m. frame of the beams."""
    return in_rest_frame(v.lab, v.owner.beam)


def sqrt_s(v: View) -> float:
    """Energy of the collision [GeV]."""
    return float(mass_of(v.owner.beam))


def _recoil(v: View) -> Array:
    """Beams minus the particle (n, 4) in the frame of the view."""
    return v.seen(v.owner.beam - v.lab)


def _released(v: View) -> Array:
    return mass_of(v.lab) - np.nansum(v.of_daughters(lambda d: mass_of(d.lab)), axis=1)


def _nominal_released(v: View) -> Array:
    return nominal_mass(v) - np.nansum(v.of_daughters(nominal_mass), axis=1)


def _mbc(v: View) -> Array:
    half, p = 0.5 * sqrt_s(v), length(cms(v)[:, 1:])
    difference = half * half - p * p
    return np.where(difference >= 0.0, np.sqrt(np.maximum(difference, 0.0)), np.nan)


def _mass_error(v: View) -> Array:
    """Uncertainty of the mass: sqrt(g C g) with g = (-px, -py, -pz, E) / M."""
    p4, c = v.lab, momentum_covariance(v.owner, v.rows)
    gradient = np.column_stack([-p4[:, 1:], p4[:, 0]])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt(np.einsum("ni,nij,nj->n", gradient, c, gradient)) / mass_of(p4)


def _error(i: int) -> Callable[[View], Array]:
    return lambda v: np.sqrt(momentum_covariance(v.owner, v.rows)[:, i, i])


def _momentum_error(v: View) -> Array:
    p, c = v.lab[:, 1:], momentum_covariance(v.owner, v.rows)[:, :3, :3]
    return np.sqrt(np.einsum("ni,nij,nj->n", p, c, p)) / length(p)


def _transverse_error(v: View) -> Array:
    p, c = v.lab[:, 1:3], momentum_covariance(v.owner, v.rows)[:, :2, :2]
    return np.sqrt(np.einsum("ni,nij,nj->n", p, c, p)) / length(p)


def _cos_by(v: View) -> Array:
    """(2 E_B E_Y - m_B^2 - m_Y^2) / (2 p_B p_Y) in the c.m. frame."""
    energy, m = 0.5 * sqrt_s(v), mass(B_PLUS)
    y = cms(v)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = ((2.0 * energy * y[:, 0] - m * m - square(y))
                        / (2.0 * np.sqrt(max(energy**2 - m * m, 0.0)) * length(y[:, 1:])))
    return found


def _daughter_angle(v: View, *paths: tuple[int, ...]) -> Array:
    p = [daughter_p4(v, path)[:, 1:] for path in paths]
    if len(p) == 1:
        return angle(v.p4[:, 1:], p[0])
    return angle(p[0], p[1]) if len(p) == 2 else angle(p[0] + p[1], p[2])


def _decay_angle(v: View, path: tuple[int, ...]) -> Array:
    beam = in_rest_frame(np.tile(v.owner.beam, (len(v), 1)), v.lab)
    lab = v.from_frame(None)
    return angle(in_rest_frame(daughter_p4(lab, path), v.lab)[:, 1:], -beam[:, 1:])


def _helicity_momentum(v: View) -> Array:
    """Cosine of the mother's momentum and the difference of two daughters, or the normal of three, in its frame."""
    counts = v.n_daughters()
    p = [in_rest_frame(daughter_p4(v, (i,)), v.p4)[:, 1:] for i in range(3)]
    line = np.where((counts == 3)[:, None], np.cross(p[1] - p[0], p[2] - p[0]), p[1] - p[0])
    return np.where((counts == 2) | (counts == 3), cosine(v.p4[:, 1:], line), np.nan)


def _helicity(v: View, i: int, j: int) -> Array:
    lab = v.from_frame(None)
    frame = daughter_p4(lab, (i,))
    return -cosine(in_rest_frame(daughter_p4(lab, (i, j)), frame)[:, 1:], in_rest_frame(v.lab, frame)[:, 1:])


def _helicity_beam(v: View, i: int) -> Array:
    lab = v.from_frame(None)
    beam = in_rest_frame(np.tile(v.owner.beam, (len(v), 1)), v.lab)
    return -cosine(in_rest_frame(daughter_p4(lab, (i,)), v.lab)[:, 1:], beam[:, 1:])


def _acoplanarity(v: View) -> Array:
    """Angle between the planes of the two decays 0 -> 0:0 0:1 and 1 -> 1:0 1:1 in the rest frame of the mother."""
    lab = v.from_frame(None)
    p = {path: in_rest_frame(daughter_p4(lab, path), v.lab)[:, 1:] for path in ((0, 0), (0, 1), (1, 0), (1, 1))}
    return angle(np.cross(p[0, 0], p[0, 1]), np.cross(p[1, 0], p[1, 1]))


def _acoplanarity_cosine(v: View, i: int, j: int) -> Array:
    """Cosine of the angle of the normals p(0) x p(0:i) and p(1) x p(1:j), each pair in the frame of its mother."""
    lab, normals = v.from_frame(None), []
    for first, second in ((0, i), (1, j)):
        daughter = daughter_p4(lab, (first,))
        normals.append(np.cross(in_rest_frame(daughter, v.lab)[:, 1:],
                                in_rest_frame(daughter_p4(lab, (first, second)), daughter)[:, 1:]))
    return cosine(normals[0], normals[1])


def _triple(v: View, *paths: tuple[int, ...]) -> Array:
    lab = v.from_frame(None)
    a, b, c = (in_rest_frame(daughter_p4(lab, path), v.lab)[:, 1:] for path in paths)
    found: Array = np.sum(a * np.cross(b, c), axis=1)
    return found


_MOMENTUM = (
    D("px", "GeV", "momentum x", lambda v: v.p4[:, 1]),
    D("py", "GeV", "momentum y", lambda v: v.p4[:, 2]),
    D("pz", "GeV", "momentum z", lambda v: v.p4[:, 3]),
    D("pt", "GeV", "transverse momentum", lambda v: np.hypot(v.p4[:, 1], v.p4[:, 2])),
    D("p", "GeV", "magnitude of the momentum", lambda v: length(v.p4[:, 1:])),
    D("E", "GeV", "energy", lambda v: v.p4[:, 0]),
    D("theta", "rad", "polar angle", lambda v: theta(v.p4[:, 1:])),
    D("phi", "rad", "azimuth, in [-pi, pi]", lambda v: phi(v.p4[:, 1:])),
    D("cosTheta", "1", "cosine of the polar angle", lambda v: v.p4[:, 3] / length(v.p4[:, 1:])),
    D("pxErr", "GeV", "uncertainty of px, lab", _error(0)),
    D("pyErr", "GeV", "uncertainty of py, lab", _error(1)),
    D("pzErr", "GeV", "uncertainty of pz, lab", _error(2)),
    D("pErr", "GeV", "uncertainty of p, lab", _momentum_error),
    D("ptErr", "GeV", "uncertainty of pt, lab", _transverse_error),
    D("E_uncertainty", "GeV", "uncertainty of the energy, lab", _error(3)),
    D("charge", "e", "charge", lambda v: v.column("charge")),
    D("PDG", "1", "PDG code of the hypothesis", lambda v: v.column("pdg")),
    D("nDaughters", "1", "number of daughters", lambda v: v.n_daughters()),
)
_MASSES = (
    D("M", "GeV", "mass from the four-momentum (after a fit: the fitted one)", lambda v: mass_of(v.lab)),
    D("InvM", "GeV", "mass of the sum of the daughters' four-momenta", lambda v: mass_of(sum_of_daughters(v))),
    D("dM", "GeV", "M minus the nominal mass", lambda v: mass_of(v.lab) - nominal_mass(v)),
    D("ErrM", "GeV", "uncertainty of M", _mass_error),
    D("SigM", "1", "dM over ErrM", lambda v: (mass_of(v.lab) - nominal_mass(v)) / _mass_error(v)),
    D("SigMBF", "1", "(InvM minus nominal mass) over ErrM: before a mass fit",
      lambda v: (mass_of(sum_of_daughters(v)) - nominal_mass(v)) / _mass_error(v)),
    D("massBefore", "GeV", "mass before a fit: that of the daughters as they are",
      lambda v: mass_of(sum_of_daughters(v)),
      source="basf2-variables; recalled, the definition was not checked"),
    D("Q", "GeV", "M minus the sum of the daughters' masses", _released),
    D("dQ", "GeV", "Q minus that of the nominal masses", lambda v: _released(v) - _nominal_released(v)),
    D("massDifference", "GeV", "M minus the mass of a daughter",
      lambda v, i: mass_of(v.lab) - mass_of(daughter_p4(v.from_frame(None), i)), ("index",)),
    D("daughterInvM", "GeV", "mass of the sum of some daughters", lambda v, *i: mass_of(daughters_p4(v, i)),
      ("index+",)),
    D("daughterInvariantMass", "GeV", "older name of daughterInvM", lambda v, *i: mass_of(daughters_p4(v, i)),
      ("index+",)),
)
_BEAM = (
    D("Mbc", "GeV", "sqrt(s / 4 - p*^2), NaN where negative", _mbc),
    D("deltaE", "GeV", "E* - sqrt(s) / 2", lambda v: cms(v)[:, 0] - 0.5 * sqrt_s(v)),
    D("Ecms", "GeV", "energy of the collision in its rest frame", sqrt_s),
    D("beamE", "GeV", "energy of the collision, frame of the view",
      lambda v: v.seen(np.tile(v.owner.beam, (len(v), 1)))[:, 0]),
    D("beamPx", "GeV", "momentum x of the collision", lambda v: v.seen(np.tile(v.owner.beam, (len(v), 1)))[:, 1]),
    D("beamPy", "GeV", "momentum y of the collision", lambda v: v.seen(np.tile(v.owner.beam, (len(v), 1)))[:, 2]),
    D("beamPz", "GeV", "momentum z of the collision", lambda v: v.seen(np.tile(v.owner.beam, (len(v), 1)))[:, 3]),
    D("cosThetaBetweenParticleAndNominalB", "1", "cosine of the angle to the B, if the rest is one massless particle",
      _cos_by),
)
_RECOIL = (
    D("pRecoil", "GeV", "momentum recoiling against the particle", lambda v: length(_recoil(v)[:, 1:])),
    D("pxRecoil", "GeV", "x of the recoil momentum", lambda v: _recoil(v)[:, 1]),
    D("pyRecoil", "GeV", "y of the recoil momentum", lambda v: _recoil(v)[:, 2]),
    D("pzRecoil", "GeV", "z of the recoil momentum", lambda v: _recoil(v)[:, 3]),
    D("pRecoilTheta", "rad", "polar angle of the recoil momentum", lambda v: theta(_recoil(v)[:, 1:])),
    D("pRecoilPhi", "rad", "azimuth of the recoil momentum", lambda v: phi(_recoil(v)[:, 1:])),
    D("eRecoil", "GeV", "energy recoiling against the particle", lambda v: _recoil(v)[:, 0]),
    D("mRecoil", "GeV", "recoil mass, 0 where its square is negative", lambda v: mass_of(v.owner.beam - v.lab)),
    D("m2Recoil", "GeV^2", "square of the recoil mass", lambda v: square(v.owner.beam - v.lab)),
)
_ANGLES = (
    D("daughterAngle", "rad", "angle between two daughters; of one: to the particle; of three: third to the sum of two",
      _daughter_angle, ("index", "index?", "index?")),
    D("decayAngle", "rad", "angle of a daughter to the reversed c.m. momentum in the rest frame of the particle",
      _decay_angle, ("index",)),
    D("cosHelicityAngleMomentum", "1", "cosine of the momentum and the difference of two daughters (normal of three)",
      _helicity_momentum),
    D("cosHelicityAngle", "1", "helicity cosine of daughter j of daughter i", _helicity, ("integer", "integer")),
    D("cosHelicityAngleBeamMomentum", "1", "helicity cosine of a daughter with the collision as mother", _helicity_beam,
      ("integer",)),
    D("acoplanarityAngle", "rad", "angle between the decay planes of two daughters, rest frame of the particle",
      _acoplanarity),
    D("cosAcoplanarityAngle", "1", "cosine of that angle with daughter i of the first and j of the second",
      _acoplanarity_cosine, ("integer", "integer")),
    D("momentaTripleProduct", "GeV^3", "p_i . (p_j x p_k) of three daughters, rest frame of the particle", _triple,
      ("index", "index", "index")),
)
KINEMATICS = table("Kinematics and masses", _MOMENTUM, _MASSES, _BEAM, _RECOIL, _ANGLES)
