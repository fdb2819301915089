"""Figures of the report of the tau mass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.config import Range, TauMass
from openbfactory.analyses.tau_mass.measurement import MEGA, Bias, Calibration, pseudomasses
from openbfactory.analyses.tau_mass.momentum_scale import masses
from openbfactory.analyses.tau_mass.tracks import Tracks
from openbfactory.experiment import Machine
from openbfactory.fit.shapes.pseudomass import FORMS
from openbfactory.fit.unbinned import UnbinnedResult
from openbfactory.kinematics.pseudomass import in_centre_of_mass
from openbfactory.physics.particles import species
from openbfactory.report.content import Picture
from openbfactory.report.fit_records import ComparedMeasurement, MeasurementComparison
from openbfactory.report.fits import measurement_comparison
from openbfactory.report.fitted import Curve, FittedDistribution, ParameterScan, fitted_distribution, parameter_scan
from openbfactory.report.style import HERE, INK, corner, figure, style

Array = npt.NDArray[np.float64]

#: bins of a distribution
BINS = 60


def edge(mass: Array, background: Array, fits: Mapping[str, UnbinnedResult], limits: Range,
         luminosity: float | None) -> Picture:
    """Pseudomasses in the range of the fit with the fitted forms; the pulls are those of the first.

    Without a luminosity the data are not simulated.
    """
    counts, edges = np.histogram(mass, BINS, limits)
    beside = np.histogram(background, 15, limits)
    fine, width = np.linspace(*limits, 301), edges[1] - edges[0]
    scale = width * counts.sum()
    centres = 0.5 * (edges[1:] + edges[:-1])
    first = next(iter(fits))
    curves = [Curve(label=f"fit, {name} form", x=tuple(fine),
                    y=tuple(scale * FORMS[name](fine, *limits, *best.values))) for name, best in fits.items()]
    if len(background):
        heights = beside[0] * width / (beside[1][1] - beside[1][0])
        curves.append(Curve(label="other processes (no part of the fit)", filled=True, **_area(heights, beside[1])))
    drawn = FittedDistribution(edges=tuple(edges), counts=tuple(map(float, counts)),
                               expected=tuple(scale * FORMS[first](centres, *limits, *fits[first].values)),
                               curves=tuple(curves), xlabel=r"pseudomass $M_{min}$", unit="GeV",
                               **_origin(luminosity))
    return Picture(fitted_distribution(drawn), "Pseudomasses and the fits; the edge lies at the mass of the tau.",
                   "pseudomasses")


def _area(heights: Array, edges: Array) -> dict[str, tuple[float, ...]]:
    """Outline of a histogram, for a curve that is filled."""
    return {"x": tuple(np.repeat(edges, 2)[1:-1].tolist()), "y": tuple(np.repeat(heights, 2).tolist())}


def _origin(luminosity: float | None) -> dict[str, Any]:
    """What a distribution says of the data."""
    return {"luminosity": round(luminosity, 2)} if luminosity is not None else {"label": "data", "simulated": False}


def resolution(tracks: Tracks, machine: Machine, limits: Range) -> tuple[Picture, float]:
    """Measured minus true-momentum pseudomasses, and half of their central 68 % in MeV."""
    nominal = Calibration.nominal(machine)
    assert tracks.true is not None
    known = np.asarray(np.isfinite(tracks.true).all(axis=(1, 2)))
    true = pseudomasses(Tracks(tracks.true, tracks.charge, tracks.event).take(known), machine, nominal)
    away = MEGA * (pseudomasses(tracks.take(known), machine, nominal) - true)[(true > limits[0]) & (true < limits[1])]
    low, high = np.percentile(away, [15.87, 84.13]) if len(away) else (-1.0, 1.0)
    core = float(0.5 * (high - low))
    counts, edges = np.histogram(away, BINS, (-6 * core, 6 * core))
    drawn = FittedDistribution(edges=tuple(edges), counts=tuple(map(float, counts)), label="tau pairs",
                               spans=(("central 68 %", float(low), float(high)),),
                               xlabel="measured − true pseudomass", unit="MeV")
    return Picture(fitted_distribution(drawn), f"Resolution: half of the central 68 % is {core:.1f} MeV; truth is used "
                   "for this figure alone.", "resolution of the pseudomass"), core


def scan(points: tuple[tuple[float, ...], tuple[float, ...]], best: UnbinnedResult, *, simulated: bool) -> Picture:
    """Profile likelihood of the edge."""
    value, sigma = best["p1"]
    drawn = ParameterScan(x=tuple(MEGA * x for x in points[0]), rise=points[1], value=MEGA * value,
                          uncertainty=MEGA * sigma, unit="MeV", xlabel=r"edge $P_1$", simulated=simulated)
    return Picture(parameter_scan(drawn), "Likelihood as a function of the edge, all other parameters refitted.",
                   "likelihood scan")


def biases(found: Bias) -> Picture:
    """Bias of the estimate against the generated mass, with its mean."""
    with style():
        drawn = figure(6.6, 4.6)
        axes = drawn.subplots()
        x = [MEGA * m for m in found.points]
        value, sigma = found.mean
        axes.axhspan(value - sigma, value + sigma, color=HERE, alpha=0.25, lw=0,
                     label=f"mean ${value:.2f}$ ± {sigma:.2f}")
        axes.errorbar(x, [v for v, _ in found.points.values()], yerr=[s for _, s in found.points.values()], fmt="o",
                      color=INK, capsize=3, label="simulation")
        axes.margins(x=0.15, y=0.35)
        axes.set_xlabel("generated mass [MeV]")
        axes.set_ylabel(r"$P_1 - m_\tau$ [MeV]")
        axes.legend(loc="upper right")
        corner(axes, simulated=True)
    return Picture(drawn, "Bias of the estimate from samples of other generated masses.", "bias of the estimate")


def d0_masses(raw: Tracks, calibrated: Tracks) -> Picture:
    """D0 masses before and after the calibration."""
    middle = species("D0").mass
    edges = np.linspace(middle - 0.03, middle + 0.03, BINS + 1)
    before, after = (np.histogram(masses(t)[0], edges)[0].astype(float) for t in (raw, calibrated))
    drawn = FittedDistribution(edges=tuple(edges), counts=tuple(after), label="calibrated", xlabel=r"$m(K^-\pi^+)$",
                               curves=(Curve(label="as measured", filled=True, **_area(before, edges)),), unit="GeV")
    return Picture(fitted_distribution(drawn), "Masses of D^{0} → K^{−}π^{+} from D^{*+} decays.", "D0 masses")


def pair_masses(data: Tracks, simulated: Tracks, machine: Machine, window: Range) -> Picture:
    """Masses of B pairs, in the data set and in the simulation at the nominal energy."""
    edges = np.linspace(*window, 41)

    def counted(tracks: Tracks) -> Array:
        star = in_centre_of_mass(tracks.p4("K+", "pi+", "pi+").sum(axis=1), machine.p4)
        energy = 2 * np.sqrt(species("B+").mass ** 2 + np.sum(star[:, 1:] ** 2, axis=1))
        return np.histogram(energy, edges)[0].astype(float)

    counts, other = counted(data), counted(simulated)
    other *= counts.sum() / max(other.sum(), 1.0)
    curves = (Curve(label="nominal energy, other events", filled=True, **_area(other, edges)),)
    drawn = FittedDistribution(edges=tuple(edges), counts=tuple(counts), xlabel=r"$2E^*_B$", unit="GeV", curves=curves)
    text = "Twice the energy of the B meson in the centre of mass, from its momentum and mass."
    return Picture(fitted_distribution(drawn), text, "energies of B mesons")


def world(config: TauMass, value: float, inner: float, total: float, *, measured: bool = False) -> Picture:
    """The mass beside published ones, and the generated one where it is not measured."""
    rows = [ComparedMeasurement(label=w.name, value=w.value, inner=(w.statistical[1], w.statistical[0]),
                                up=float(np.hypot(w.statistical[0], w.systematic[0])),
                                down=float(np.hypot(w.statistical[1], w.systematic[1]))) for w in config.world]
    name = "this data set" if measured else "this run (simulated)"
    rows.append(ComparedMeasurement(label=name, value=value, inner=(inner, inner), up=total, down=total, average=True))
    drawn = MeasurementComparison(measurements=tuple(rows), xlabel=r"$m_\tau$ [MeV]",
                                  prediction=None if measured else (MEGA * species("tau-").mass, 0.005),
                                  prediction_label="generated")
    text = "Published masses of the tau and that of this data set; inner bars are statistical."
    return Picture(measurement_comparison(drawn), text, "world comparison", wide=True)
