"""Figures of the report of a lifetime."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from openbfactory.analyses.lifetimes.config import Mode
from openbfactory.analyses.lifetimes.dataset import DataSet
from openbfactory.analyses.lifetimes.measurement import Measurement
from openbfactory.fit.lifetimes import BACKGROUND_NAMES
from openbfactory.fit.shapes.decay_mixture import mean_densities
from openbfactory.fit.unbinned_toys import UnbinnedToys
from openbfactory.report.content import Picture
from openbfactory.report.fitted import Curve, FittedDistribution, ParameterScan, fitted_distribution, parameter_scan

Array = npt.NDArray[np.float64]

#: uncertainties that a curve is averaged over
AVERAGED = 1500


def core(data: DataSet) -> float:
    """Half of the central 68 % of measured minus generated time, fs."""
    low, high = np.percentile(data.residual, [15.87, 84.13])
    return float(0.5 * (high - low))


def _counted(data: DataSet, edges: Array, values: Array, label: str = "", **more: Any) -> FittedDistribution:
    """Values counted in bins, with what else is drawn."""
    counts = np.histogram(values, edges)[0]
    return FittedDistribution(label=label or data.label, simulated=data.simulated, edges=tuple(edges),
                              counts=tuple(map(float, counts)), **more)


def mass(mode: Mode, data: DataSet, luminosity: float) -> Picture:
    """Masses with signal region and sidebands."""
    edges = np.linspace(*mode.pool, 81)
    spans = [("signal region", *mode.window)]
    spans += [("" if i else "sidebands", *side) for i, side in enumerate(mode.sidebands)]
    drawn = _counted(data, edges, data.mass, spans=tuple(spans), xlabel="mass", unit="GeV", luminosity=luminosity)
    return Picture(fitted_distribution(drawn), "Masses of the candidates; the shaded ranges are used.", "mass")


def _range(mode: Mode, data: DataSet) -> Array:
    """Edges of the bins of time, fs."""
    low = min(-3.0 * float(np.mean(data.sigma)), float(np.percentile(data.time, 0.2)))
    return np.linspace(low, 6.5 * mode.generated, 81)


def _curves(edges: Array, sigma: Array, side: Array, found: Measurement) -> tuple[Array, Array]:
    """Densities of signal and background at the centres of the bins."""
    fit, k = found.fit, found.model.gaussians
    names = ["tau", "bias", *(f"scale{i + 1}" for i in range(k)), *(f"fraction{i + 1}" for i in range(k - 1))]
    signal = np.array([fit[n][0] for n in names])
    if found.model.background:
        background = np.array([fit[n][0] for n in BACKGROUND_NAMES])
    else:
        background = np.array([0.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    centres = 0.5 * (edges[1:] + edges[:-1])
    step = max(1, len(sigma) // AVERAGED), max(1, len(side) // AVERAGED)
    s = mean_densities(centres, sigma[::step[0]], signal, k, background)[0]
    b = mean_densities(centres, side[::step[1]] if len(side) else sigma[:1], signal, k, background)[1]
    return s, b


def fitted_times(mode: Mode, data: DataSet, found: Measurement, luminosity: float) -> FittedDistribution:
    """Decay times of the signal region with the fit, counted in bins."""
    edges = _range(mode, data)
    s, b = _curves(edges, data.sigma, data.side_sigma, found)
    purity = found.fit["purity"][0] if found.model.background else 1.0
    width, x = np.diff(edges)[0] * len(data.time), 0.5 * (edges[1:] + edges[:-1])
    total, other = width * (purity * s + (1 - purity) * b), width * (1 - purity) * b
    curves = [Curve(label="fit", x=tuple(x), y=tuple(total))]
    if found.model.background:
        curves.append(Curve(label="background", x=tuple(x), y=tuple(other), filled=True))
    return _counted(data, edges, data.time, expected=tuple(total), curves=tuple(curves), xlabel="decay time", unit="fs",
                    luminosity=luminosity, log=True)


def decay_times(mode: Mode, data: DataSet, found: Measurement, luminosity: float) -> Picture:
    """Decay times of the signal region with the fit."""
    return Picture(fitted_distribution(fitted_times(mode, data, found, luminosity)), "Decay times in the signal region "
                   "and the fit; what lies below zero is resolution.", "decay times")


def sideband_times(mode: Mode, data: DataSet, found: Measurement, luminosity: float) -> Picture:
    """Decay times of the sidebands with the fit."""
    edges = _range(mode, data)
    _, b = _curves(edges, data.sigma, data.side_sigma, found)
    total, x = b * np.diff(edges)[0] * len(data.side_time), 0.5 * (edges[1:] + edges[:-1])
    drawn = _counted(data, edges, data.side_time, expected=tuple(total), xlabel="decay time", unit="fs",
                     curves=(Curve(label="fit", x=tuple(x), y=tuple(total)),), luminosity=luminosity, log=True)
    return Picture(fitted_distribution(drawn), "Decay times in the sidebands, where there is background alone.",
                   "decay times of the sidebands")


def uncertainties(data: DataSet) -> Picture:
    """Uncertainties of the decay time in the signal region."""
    edges = np.linspace(0, float(np.percentile(data.sigma, 98)), 61)
    drawn = _counted(data, edges, data.sigma, xlabel="uncertainty of the decay time", unit="fs")
    return Picture(fitted_distribution(drawn), "Uncertainty of the decay time of each candidate, from the fit of its "
                   "decay.", "uncertainties of decay times")


def residuals(data: DataSet, found: Measurement) -> Picture:
    """Measured minus generated times."""
    reach = 5 * core(data)
    edges = np.linspace(-reach, reach, 81)
    drawn = _counted(data, edges, data.residual, "true signal", xlabel="measured - generated decay time", unit="fs")
    return Picture(fitted_distribution(drawn), f"Resolution: half of the central 68 % is {core(data):.0f} fs; truth is "
                   "used for this figure alone.", "resolution of decay times")


def scan(mode: Mode, data: DataSet, found: Measurement) -> Picture:
    """Profile likelihood of the lifetime."""
    value, sigma = found.fit["tau"]
    mark = "generated" if data.simulated else "particle table"
    drawn = ParameterScan(x=found.scan[0], rise=found.scan[1], value=value, uncertainty=sigma, unit="fs",
                          marks={mark: mode.generated}, xlabel="lifetime", simulated=data.simulated)
    return Picture(parameter_scan(drawn), "Likelihood as a function of the lifetime, all other parameters refitted.",
                   "likelihood scan")


def pulls(data: DataSet, parts: UnbinnedToys) -> Picture:
    """Pulls of the parts of the data set."""
    found, edges = parts.pulls("tau"), np.linspace(-4, 4, 21)
    centres, expected = 0.5 * (edges[1:] + edges[:-1]), len(found) * np.diff(norm.cdf(edges))
    normal = Curve(label="normal distribution", x=tuple(centres), y=tuple(expected))
    drawn = _counted(data, edges, found, "parts of the data set", xlabel="pull of the lifetime", curves=(normal,),
                     counted="parts")
    return Picture(fitted_distribution(drawn), "Lifetimes of parts of the data set that share no event, less the one "
                   "expected, over their uncertainties.", "pulls of the parts")
