"""What changes the mass without another run: other forms, ranges and selections, uncertainties of the calibrations.

A fit of other candidates, or of the same ones in another way, fluctuates with the first: the variance of the difference
is that of the variances (R. Barlow, arXiv:hep-ex/0207026, section 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.config import Range, TauMass
from openbfactory.analyses.tau_mass.measurement import MEGA, Bias, Calibration, bias, edge, pseudomasses
from openbfactory.analyses.tau_mass.tracks import Tracks
from openbfactory.core.errors import FitError, InputError
from openbfactory.experiment import Machine

Array = npt.NDArray[np.float64]

#: sources of which the largest change counts
LARGEST = ("fit range", "detector material density", "fit function")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the mass and its statistical uncertainty [MeV], and the share of it that is counted."""

    value: float
    uncertainty: float
    counted: float = 1.0

    @property
    def record(self) -> dict[str, float | None]:
        """Plain dictionary, None for what is not a number."""
        return {"value": self.value if np.isfinite(self.value) else None, "counted": self.counted,
                "uncertainty": self.uncertainty if np.isfinite(self.uncertainty) else None}


#: changes by source and name
Changes = dict[str, dict[str, Change]]


@dataclass(frozen=True, slots=True)
class Samples:
    """Selected taus of the data and of the simulation by generated mass [GeV], with and without the trigger.

    ``background`` holds pseudomasses [GeV] of other processes in the data.  ``reference`` are simulated taus of the
    nominal card that runs of other cards are compared with, ``pairs`` the number of pairs near the edge that were
    generated for them; they are the data where those are simulated.  ``luminosity`` [fb^-1] is that of the data, None
    where nobody knows.
    """

    data: Tracks
    background: Array
    simulated: Mapping[float, Tracks]
    data_all: Tracks
    simulated_all: Mapping[float, Tracks]
    reference: Tracks
    pairs: int
    luminosity: float | None

    @property
    def measured(self) -> bool:
        """Whether the data come from a file."""
        return self.luminosity is None


@dataclass(frozen=True, slots=True)
class Estimate:
    """Edge and its standard deviation [MeV] in a form, and its bias."""

    edge: tuple[float, float]
    bias: Bias

    @property
    def mass(self) -> float:
        """Edge minus bias, MeV."""
        return self.edge[0] - self.bias.mean[0]

    def minus(self, other: Estimate) -> Change:
        """Change of the mass from another estimate of the same events."""
        variances = [a * a - b * b for a, b in ((self.edge[1], other.edge[1]), (self.bias.mean[1], other.bias.mean[1]))]
        return Change(self.mass - other.mass, float(np.sqrt(sum(abs(v) for v in variances))))


def estimate(samples: Samples, machine: Machine, known: Calibration, limits: Range, form: str, *,
             trigger: bool = True, background: bool = True) -> Estimate:
    """Edge of the data and its bias, of a choice of fit and selection."""
    nominal = Calibration.nominal(machine)
    chosen, others = (samples.data, samples.simulated) if trigger else (samples.data_all, samples.simulated_all)
    found = bias({m: pseudomasses(t, machine, nominal) for m, t in others.items()}, limits, form)
    mass = pseudomasses(chosen, machine, known)
    mass = np.concatenate([mass, samples.background]) if background else mass
    return Estimate(edge(mass, limits, form), found)


def of_the_fit(samples: Samples, machine: Machine, known: Calibration, config: TauMass,
               forms: Mapping[str, Estimate]) -> Changes:
    """Changes by other fits and selections, and by the uncertainties of bias and calibrations."""
    nominal, name = forms[config.forms[0]], config.forms[0]
    slope, points = nominal.bias.slope, nominal.bias.points
    away = nominal.mass - MEGA * float(np.mean([*points]))
    changes: Changes = {
        "estimator bias": {"statistics of the simulation": Change(nominal.bias.mean[1], 0.0)},
        "mass dependence of the bias": {f"slope {slope[0]:+.4f} ± {slope[1]:.4f}":
                                        Change(slope[0] * away, slope[1] * max(abs(away), nominal.edge[1]))},
        "fit function": {f"{other} form": found.minus(nominal) for other, found in forms.items() if other != name}}

    def add(source: str, text: str, limits: Range = config.range, **other: bool) -> None:
        try:
            found = estimate(samples, machine, known, limits, name, **other).minus(nominal)
        except (FitError, InputError):
            found = Change(float("nan"), float("nan"))
        changes.setdefault(source, {})[text] = found

    for low, high in config.other_ranges:
        add("fit range", f"{low:g} to {high:g} GeV", (low, high))
    add("trigger", "not asked for", trigger=False)
    if not samples.measured:
        add("background", "left out", background=False)
    return changes | of_the_calibration(samples.data, machine, known, config.range)


def of_the_calibration(tracks: Tracks, machine: Machine, known: Calibration, limits: Range) -> Changes:
    """Changes by one standard deviation of the energy, and along each axis of the momentum scale's covariance."""
    near = pseudomasses(tracks, machine, known)
    inside = (near > limits[0]) & (near < limits[1])

    def shifted(calibration: Calibration) -> float:
        return MEGA * float(np.mean((pseudomasses(tracks, machine, calibration) - near)[inside]))

    energy, scale = known.energy, known.momentum
    moved = replace(known, energy=replace(energy, value=energy.value + energy.uncertainty))
    size, axes = np.linalg.eigh(scale.covariance)
    steps = np.sqrt(np.maximum(size, 0.0))[:, None] * axes.T
    along = [shifted(replace(known, momentum=replace(scale, factors=scale.factors + s.reshape(scale.factors.shape))))
             for s in steps]
    return {"beam energy": {f"sqrt(s) {MEGA * energy.uncertainty:+.2f} MeV": Change(shifted(moved), 0.0)},
            "momentum scale": {"uncertainty of the factors": Change(float(np.sqrt(np.sum(np.square(along)))), 0.0)}}


def total(source: str, changes: Mapping[str, Change]) -> float:
    """Systematic uncertainty of a source [MeV]: the largest counted change, or the root of the sum of squares."""
    sizes = [abs(c.value) * c.counted for c in changes.values() if np.isfinite(c.value)]
    return max(sizes, default=0.0) if source in LARGEST else float(np.sqrt(np.sum(np.square(sizes))))
