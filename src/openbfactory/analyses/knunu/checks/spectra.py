"""Fit of the spectra of control samples with one component of free scale, and their figures before and after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.fit.build import Template
from openbfactory.fit.templates import template_fit
from openbfactory.report.content import Picture, Section, Table
from openbfactory.report.distributions import stacked_histogram
from openbfactory.report.records import Contribution, DataPoints, StackedHistogram
from openbfactory.report.style import LINES
from openbfactory.select.binning import Histogram

Array = npt.NDArray[Any]

#: bounds of the scale
BOUNDS = (-10.0, 20.0)


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Counts of a channel in bins, and what the simulation expects of each component."""

    name: str
    edges: Array
    data: Array
    templates: Mapping[str, Template]

    def expected(self, factors: Mapping[str, float]) -> Array:
        """Expected events (bins,) with factors on the components, 1 where not given."""
        return np.sum([factors.get(n, 1.0) * t.yields for n, t in self.templates.items()], axis=0)

    def variance(self, factors: Mapping[str, float]) -> Array:
        """Variance (bins,) of data less expectation, with that of the simulation."""
        simulated = [(factors.get(n, 1.0) * t.uncertainties) ** 2 for n, t in self.templates.items()
                     if t.uncertainties is not None]
        return self.expected(factors) + np.sum(simulated, axis=0)

    def scaled(self, factor: float, *, simulated: bool) -> Spectrum:
        """The spectrum at another luminosity, expected events as data; ``simulated`` keeps its uncertainty."""
        templates = {n: Template(factor * t.yields, None if t.uncertainties is None or not simulated
                                 else factor * t.uncertainties) for n, t in self.templates.items()}
        return Spectrum(self.name, self.edges, factor * self.expected({}), templates)

    @property
    def chi2_before(self) -> float:
        """chi2 of the data and the simulation as it is."""
        return self._chi2({})

    def chi2(self, fit: SpectrumFit) -> float:
        """chi2 of the data and the components with the factors of a fit."""
        return self._chi2(fit.factors)

    @property
    def bins(self) -> int:
        """Number of bins where events are expected: those that chi2 sums."""
        return int(np.sum(self.expected({}) > 0))

    def _chi2(self, factors: Mapping[str, float]) -> float:
        """chi2 of the bins where events are expected."""
        expected = self.expected(factors)
        used = expected > 0
        return float(np.sum((self.data - expected)[used] ** 2 / self.variance(factors)[used]))


def spectrum_of(name: str, data: Histogram, simulated: Mapping[str, Histogram]) -> Spectrum:
    """Spectrum of histograms in one axis: of the data, and of each component."""
    templates = {n: Template(h.values, h.uncertainties) for n, h in simulated.items()}
    return Spectrum(name, np.array(data.binning.axes[0].edges), data.values, templates)


@dataclass(frozen=True, slots=True)
class SpectrumFit:
    """Scale of the free component with its uncertainty, and the factor of every component."""

    scale: float
    uncertainty: float
    factors: dict[str, float]


def spectrum_fit(spectra: Sequence[Spectrum], free: str, constraints: Mapping[str, float]) -> SpectrumFit:
    """Fit of one scale to all spectra; other components have normalisations with relative constraints.

    Raises
    ------
    FitError
        When the fit has no minimum.
    """
    templates = {s.name: {n: t for n, t in s.templates.items() if t.yields.any()} for s in spectra}
    fit = template_fit(templates, {s.name: s.data for s in spectra}, (free,), constraints, BOUNDS, "scale")
    return SpectrumFit(fit.value, fit.uncertainty, {free: fit.value, **fit.factors})


def spectrum_sections(spectra: Sequence[Spectrum], fit: SpectrumFit, labels: Mapping[str, str],
                      luminosity: float) -> tuple[Section, ...]:
    """Figures of all spectra before and after the fit, with their chi2."""
    sections = []
    for spectrum in spectra:
        before, after = (_stack(spectrum, f, labels, luminosity) for f in ({}, fit.factors))
        sections.append(Section(spectrum.name.capitalize(), (
            Picture(before, f"The simulation as it is: χ^{{2}} = {spectrum.chi2_before:.1f} for {spectrum.bins} "
                    "bins.", f"q2 of {spectrum.name} before the fit"),
            Picture(after, f"With the factors of the fit: χ^{{2}} = {spectrum.chi2(fit):.1f}.",
                    f"q2 of {spectrum.name} after the fit"))))
    rows = tuple((name, f"{value:.3f}") for name, value in fit.factors.items())
    sections.append(Section("Factors of the components", (
        Table(("component", "factor"), rows, "Factors of the fit of all samples together.", numeric=frozenset({1})),)))
    return tuple(sections)


def _stack(spectrum: Spectrum, factors: Mapping[str, float], labels: Mapping[str, str], luminosity: float) -> Any:
    """Figure of the data on the stacked components."""
    parts = []
    for color, (name, label) in zip((LINES[1], LINES[0], "#b0b0b0"), labels.items(), strict=False):
        template, factor = spectrum.templates[name], factors.get(name, 1.0)
        assert template.uncertainties is not None
        parts.append(Contribution(key=name, values=factor * template.yields, label=label, color=color,
                                  variances=(factor * template.uncertainties) ** 2))
    points = DataPoints.counted(spectrum.data, "data-like simulation")
    return stacked_histogram(StackedHistogram(
        edges=spectrum.edges, contributions=tuple(parts), xlabel=r"$q^2_{\mathrm{rec}}$", unit=r"GeV$^2$", data=points,
        luminosity=luminosity, note=spectrum.name))
