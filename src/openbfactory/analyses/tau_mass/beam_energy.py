"""Energy of the beams from B mesons, a measurement of its own.

A B of a pair has half of the pair's mass, 2 sqrt(m_B^2 + p*^2); its mean follows the nominal sqrt(s) through spread,
radiation and line shape, and the response is measured with samples at other energies.  The energy of a data set is the
difference from a simulation at a known energy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.config import BMeson, Range
from openbfactory.analyses.tau_mass.tracks import Tracks
from openbfactory.core.errors import InputError
from openbfactory.kinematics.pseudomass import in_centre_of_mass
from openbfactory.physics.particles import species

Array = npt.NDArray[np.float64]

#: events with a B candidate below which nothing is measured
LEAST = 100


@dataclass(frozen=True, slots=True)
class BeamEnergy:
    """sqrt(s) [GeV] and its standard deviation; response of the mean mass of B pairs to it."""

    value: float
    uncertainty: float
    response: float = 1.0
    candidates: int = 0


def pair_energy(tracks: Tracks, beams: Array, window: Range) -> tuple[float, float, int]:
    """Mean of 2 sqrt(m_B^2 + p*^2) [GeV] over events with B -> D0 pi candidates, its standard deviation, events.

    Raises
    ------
    InputError
        With too few candidates.
    """
    star = in_centre_of_mass(tracks.p4("K+", "pi+", "pi+").sum(axis=1), beams)
    energy = 2 * np.sqrt(species("B+").mass ** 2 + np.sum(star[:, 1:] ** 2, axis=1))
    inside = (energy > window[0]) & (energy < window[1])
    event, count = np.unique(tracks.event[inside], return_inverse=True)
    if len(event) < LEAST:
        message = f"energy of the beams: {len(event)} events with a B candidate, at least {LEAST} are needed"
        raise InputError(message)
    mean = np.bincount(count, energy[inside]) / np.bincount(count)
    return float(mean.mean()), float(mean.std() / np.sqrt(len(mean))), len(mean)


def beam_energy(data: Tracks, simulated: Tracks, moved: tuple[Tracks, Tracks], beams: Array,
                chosen: BMeson) -> BeamEnergy:
    """sqrt(s) that puts the mean mass of B pairs where it is seen.

    Parameters
    ----------
    simulated, moved
        Candidates at the nominal energy, and at both ``steps`` from it.
    beams
        Nominal four-momentum of the collision.
    """
    nominal = float(np.sqrt(beams[0] ** 2 - beams[1:] @ beams[1:]))
    seen, expected = (pair_energy(t, beams, chosen.window) for t in (data, simulated))
    low, high = (pair_energy(t, beams, chosen.window)[0] for t in moved)
    response = (high - low) / (chosen.steps[1] - chosen.steps[0])
    return BeamEnergy(nominal + (seen[0] - expected[0]) / response, float(np.hypot(seen[1], expected[1])) / response,
                      response, seen[2])
