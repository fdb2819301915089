"""Continuum suppression: the candidate against its rest of event, with the names of basf2.

Everything is in the c.m. frame.  ``thrustBm`` and ``thrustOm`` are the thrusts of the candidate's particles and of the
rest of event, ``cosTBTO`` the absolute cosine of the angle of both axes, ``cosTBz`` that of the candidate's axis and z,
``R2`` the ratio of the Fox-Wolfram moments H_2 / H_0 of all particles, ``CleoConeCS(i)`` the momentum of all particles
in the i-th cone about the candidate's thrust axis and ``CleoConeCS(i, ROE)`` that of the rest of event; the KSFW
moments are those of :mod:`openbfactory.reconstruct.ksfw`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openbfactory.reconstruct.event_axes import CONES, cleo_cones, fox_wolfram_moments
from openbfactory.reconstruct.event_shape import thrusts
from openbfactory.reconstruct.ksfw import KSFW_NAMES, ksfw_moments
from openbfactory.reconstruct.missing import to_cms
from openbfactory.reconstruct.rest_of_event import RestOfEvent

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sides:
    """Particles of candidates and of their rest of event, in the c.m. frame.

    Attributes
    ----------
    p4 : (m, 4) float64
        E, px, py, pz [GeV].
    charge : (m,) int64
        Charges.
    begin, split, end : (n,) int64
        Candidate ``i`` is made of the rows ``begin[i]:split[i]``, its rest of event of ``split[i]:end[i]``.
    """

    p4: Array
    charge: Index
    begin: Index
    split: Index
    end: Index


def two_sides(signal_p4: Array, signal_charge: Index, counts: Index, rest: RestOfEvent, track_p4: Array,
              track_charge: Index, cluster_p4: Array, beam: Array, *, composite_p4: Array | None = None) -> Sides:
    """Particles of both sides, boosted into the c.m. frame.

    Parameters
    ----------
    signal_p4, signal_charge : (s, 4), (s,)
        Final-state particles of the candidates [GeV, laboratory], those of the first candidate first.
    counts : (n,) int64
        Number of them in each candidate.
    rest
        Rest of event of the candidates.
    track_p4, track_charge, cluster_p4, composite_p4
        Of every track, cluster and composite, as for :func:`openbfactory.reconstruct.missing.rest_momentum`.
    beam : (4,) float64
        Four-momentum of the collision [GeV].
    """
    none = np.zeros((0, 4))
    groups = [(counts, signal_p4, signal_charge),
              (rest.tracks.counts, track_p4[rest.tracks.rows], track_charge[rest.tracks.rows]),
              (rest.photons.counts, cluster_p4[rest.photons.rows], np.zeros(len(rest.photons.rows), np.int64)),
              (rest.composites.counts, (none if composite_p4 is None else composite_p4)[rest.composites.rows],
               np.zeros(len(rest.composites.rows), np.int64))]
    candidate = np.concatenate([np.repeat(np.arange(len(counts)), c) for c, _, _ in groups])
    order = np.argsort(candidate, kind="stable")
    p4 = to_cms(np.concatenate([p for _, p, _ in groups])[order], beam)
    charge = np.concatenate([q for _, _, q in groups])[order].astype(np.int64)
    sizes = np.sum([c for c, _, _ in groups], axis=0)
    end = np.cumsum(sizes).astype(np.int64)
    begin = end - sizes
    return Sides(np.ascontiguousarray(p4), charge, begin, begin + counts, end)


def continuum_variables(sides: Sides, sqrt_s: float) -> dict[str, Array]:
    """Variables (n,) of continuum suppression by name; NaN where a side has no momentum.

    Parameters
    ----------
    sides
        Particles of both sides.
    sqrt_s
        Centre-of-mass energy [GeV].
    """
    own, own_axis = thrusts(sides.p4, sides.begin, sides.split)
    other, other_axis = thrusts(sides.p4, sides.split, sides.end)
    moments = fox_wolfram_moments(sides.p4, sides.begin, sides.end, 3)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = moments[:, 2] / moments[:, 0]
    found = {"thrustBm": own, "thrustOm": other, "cosTBTO": np.abs(np.sum(own_axis * other_axis, axis=1)),
             "cosTBz": np.abs(own_axis[:, 2]), "R2": ratio}
    for label, begin in (("", sides.begin), (", ROE", sides.split)):
        cones = cleo_cones(sides.p4, begin, sides.end, own_axis)
        found |= {f"CleoConeCS({i + 1}{label})": cones[:, i].copy() for i in range(CONES)}
    rows = ksfw_moments(sides.p4, sides.charge, sides.begin, sides.split, sides.end, sqrt_s)
    return found | {f"KSFWVariables({name})": rows[:, i].copy() for i, name in enumerate(KSFW_NAMES)}
