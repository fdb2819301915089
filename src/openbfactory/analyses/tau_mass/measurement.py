"""The mass: unbinned fit of the edge of the pseudomass, bias of its estimate, the corrected result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.calibration import BeamEnergy, MomentumScale
from openbfactory.analyses.tau_mass.samples import Tracks
from openbfactory.core.errors import FitError, InputError
from openbfactory.experiment import Machine
from openbfactory.fit.costs import ShapeCost
from openbfactory.fit.shapes.pseudomass import FORMS, PARAMETERS
from openbfactory.fit.unbinned import UnbinnedResult, fit_unbinned
from openbfactory.kinematics.pseudomass import pseudomass
from openbfactory.physics.particles import species

Array = npt.NDArray[np.float64]
Range = tuple[float, float]

#: GeV to MeV
MEGA = 1e3
#: candidates that a fit of five parameters needs
LEAST = 100
#: distances of the scanned edges from the estimate, in standard deviations
SCAN = np.linspace(-3, 3, 13)
#: numbers that are fixed where there is no minimum, one set after the other
SIMPLER: tuple[dict[str, float], ...] = ({}, {"p5": 0.0}, {"p2": 0.005, "p5": 0.0}, {"p2": 0.005, "p4": 0.0, "p5": 0.0})
LIMITS = {"p1": (1.74, 1.82), "p2": (1e-3, 0.03), "p3": (0.0, 0.636), "p4": (-30.0, 30.0), "p5": (-300.0, 300.0)}


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known of momenta and energy."""

    momentum: MomentumScale
    energy: BeamEnergy

    @classmethod
    def nominal(cls, machine: Machine) -> Calibration:
        """Momenta and energy as they are believed to be."""
        return cls(MomentumScale.none(), BeamEnergy(machine.sqrt_s, 0.0))


@dataclass(frozen=True, slots=True)
class Bias:
    """Estimate minus generated mass [MeV]: of each sample with its uncertainty, by generated mass [GeV]."""

    points: Mapping[float, tuple[float, float]]

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


def fit(mass: Array, limits: Range, form: str = "quadratic", start: Mapping[str, float] | None = None,
        fixed: tuple[str, ...] = ()) -> UnbinnedResult:
    """Estimates of the edge; p1 and p2 in GeV.  Where there is no minimum some are fixed, with a warning.

    Raises
    ------
    InputError
        With too few candidates in the range.
    FitError
        When no minimum is found.
    """
    inside = mass[(mass > limits[0]) & (mass < limits[1])]
    if len(inside) < LEAST:
        message = f"{len(inside)} tau candidates between {limits[0]:g} and {limits[1]:g} GeV: a fit needs {LEAST}"
        raise InputError(message)
    everything = {"p1": species("tau-").mass, "p2": 0.005, "p3": 0.4, "p4": 0.0, "p5": 0.0} | dict(start or {})
    cost = ShapeCost(inside, limits, FORMS[form], PARAMETERS)
    for fewer in SIMPLER:
        values = everything | fewer
        try:
            found = fit_unbinned(cost, values, limits=LIMITS, fixed={*fixed, *fewer})
        except FitError:
            if fewer == SIMPLER[-1]:
                raise
            continue
        said = f"{', '.join(fewer)} fixed: there is no minimum with more parameters for {len(inside)} candidates"
        return replace(found, warnings=(*found.warnings, said)) if fewer else found
    raise AssertionError


def edge(mass: Array, limits: Range, form: str = "quadratic") -> tuple[float, float]:
    """Edge and its standard deviation, MeV."""
    value, sigma = fit(mass, limits, form)["p1"]
    return MEGA * value, MEGA * sigma


def bias(samples: Mapping[float, Array], limits: Range, form: str = "quadratic") -> Bias:
    """Bias of the estimate from pseudomasses of samples by generated mass [GeV]."""
    found = {}
    for generated, mass in samples.items():
        value, sigma = edge(mass, limits, form)
        found[generated] = (value - MEGA * generated, sigma)
    return Bias(found)


def scan(mass: Array, limits: Range, best: UnbinnedResult) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Edges [GeV] and the rise of -2 ln L, all other parameters refitted."""
    value, sigma = best["p1"]
    known = dict(zip(best.names, best.values.tolist(), strict=True))
    points = [value + k * sigma for k in SCAN]
    rises = [fit(mass, limits, start=known | {"p1": p}, fixed=("p1",)).twice_nll - best.twice_nll for p in points]
    return tuple(points), tuple(max(float(r), 0.0) for r in rises)
