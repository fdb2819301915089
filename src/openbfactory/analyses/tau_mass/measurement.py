"""The mass: pseudomasses, the edge in a form, and the bias of its estimate from samples of known masses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.beam_energy import BeamEnergy
from openbfactory.analyses.tau_mass.config import Range
from openbfactory.analyses.tau_mass.momentum_scale import MomentumScale
from openbfactory.analyses.tau_mass.tracks import Tracks
from openbfactory.experiment import Machine
from openbfactory.fit.pseudomass import fit_edge
from openbfactory.kinematics.pseudomass import pseudomass

Array = npt.NDArray[np.float64]

#: GeV to MeV
MEGA = 1e3


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known of momenta and energy."""

    momentum: MomentumScale
    energy: BeamEnergy

    @classmethod
    def nominal(cls, machine: Machine) -> Calibration:
        """Momenta and energy as they are believed to be."""
        return cls(MomentumScale.none(), BeamEnergy(machine.sqrt_s, 0.0))

    def believed(self, machine: Machine) -> Calibration:
        """Momenta and energy as they are believed to be, with the uncertainties of this calibration."""
        return Calibration(replace(self.momentum, factors=np.zeros_like(self.momentum.factors), species={}),
                           replace(self.energy, value=machine.sqrt_s))


@dataclass(frozen=True, slots=True)
class Bias:
    """Estimate minus generated mass [MeV]: of each sample with its uncertainty, by generated mass [GeV]; warnings."""

    points: Mapping[float, tuple[float, float]]
    warnings: tuple[str, ...] = ()

    @property
    def _weights(self) -> tuple[Array, Array, Array]:
        found = np.array(list(self.points.values()))
        return np.array(list(self.points)), found[:, 0], found[:, 1] ** -2

    @property
    def mean(self) -> tuple[float, float]:
        """Weighted mean over the generated masses, and its standard deviation."""
        _, value, weight = self._weights
        return float(value @ weight / weight.sum()), float(weight.sum() ** -0.5)

    @property
    def slope(self) -> tuple[float, float]:
        """Change of the bias with the generated mass, and its standard deviation."""
        mass, value, weight = self._weights
        x = MEGA * (mass - mass @ weight / weight.sum())
        size = float(weight @ x**2)
        return (float(value @ (weight * x) / size), size**-0.5) if size else (0.0, 0.0)


def pseudomasses(tracks: Tracks, machine: Machine, known: Calibration) -> Array:
    """Pseudomasses (n,) [GeV] of selected taus, with corrected momenta and energy."""
    p4 = known.momentum.correct(tracks).p4("pi+", "pi+", "pi+").sum(axis=1)
    return pseudomass(p4, machine.p4, known.energy.value)


def edge(mass: Array, limits: Range, form: str = "quadratic") -> tuple[float, float]:
    """Edge and its standard deviation, MeV."""
    value, sigma = fit_edge(mass, limits, form)["p1"]
    return MEGA * value, MEGA * sigma


def bias(samples: Mapping[float, Array], limits: Range, form: str = "quadratic") -> Bias:
    """Bias of the estimate from pseudomasses of samples by generated mass [GeV]."""
    found, said = {}, []
    for generated, mass in samples.items():
        best = fit_edge(mass, limits, form)
        value, sigma = best["p1"]
        found[generated] = (MEGA * (value - generated), MEGA * sigma)
        said += [f"sample of {generated:g} GeV: {w}" for w in best.warnings]
    return Bias(found, tuple(said))
