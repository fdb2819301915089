"""``obf run knunu.closure``: the branching fraction of B+ -> pi+ K0, measured as that of B+ -> K+ nu nubar is."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.knunu.checks.control import ControlConfig, Size, control_samples, sized
from openbfactory.analyses.knunu.checks.control_sample import Columns
from openbfactory.analyses.knunu.checks.settings import made_of, section
from openbfactory.analyses.knunu.checks.shell import Check, Finding, finish
from openbfactory.analyses.knunu.checks.spectra import (
    Spectrum,
    SpectrumFit,
    spectrum_fit,
    spectrum_of,
    spectrum_sections,
)
from openbfactory.analyses.knunu.config import B_PAIRS, BACKGROUNDS, CONTINUUM
from openbfactory.core.quantities import Quantity
from openbfactory.experiment import Machine, load_card
from openbfactory.pipeline.tables import rows_of
from openbfactory.report.content import Paragraph, Section
from openbfactory.report.records import Number
from openbfactory.report.text import format_number
from openbfactory.select.binning import Axis, Binning, weighted_sum

NAME, SIGNAL = "knunu.closure", "pik0"
#: what branching fractions are shown in
UNIT = 1e-5
LABELS = {"signal": r"$B^+\to\pi^+K^0$", "bbbar": r"$B\bar{B}$", "continuum": "continuum"}
APPROXIMATIONS = (
    "The data hold the signal many times enhanced, so that a small simulated luminosity shows it; the expected "
    "uncertainty is that of the published data set without enhancement.",
    "q^{2}_rec and eta of the backgrounds are independent in their templates: few of them are simulated at large eta.",
    "The normalisations of the backgrounds are the only systematic parameters.",
    "The simulation has the energy of hadronic clusters and the efficiency of K_{L} that other modules measure.",
)


class Closure(ControlConfig):
    """Section ``closure``; ``enhancement`` is the factor on the branching fraction in the data, by preset."""

    signal_events: int
    enhancement: dict[str, float]
    q2_rec: tuple[float, ...]
    eta: tuple[float, ...]
    branching_fraction: Quantity
    background_normalisation: Quantity
    published: Quantity
    world_average: Quantity


def run(options: RunOptions) -> dict[str, Any]:
    """Result record; candidates, record and report are in the output folder.

    Raises
    ------
    OpenBFactoryError
        Without a finished run of knunu, for input that is not right, or when the fit has no minimum.
    """
    settings, machine = section("closure", Closure), load_card(options.detector).machine
    size, enhanced = sized(settings.presets, options), preset_of(settings.enhancement, options.preset)
    decays = signal_decays(machine, size.luminosity, settings)
    made = control_samples(NAME, settings, ("pion",), options, {
        f"data.{SIGNAL}": round(enhanced * decays), f"simulation.{SIGNAL}": settings.signal_events})
    found = slices(made.tables, size, settings, decays / settings.signal_events)
    fit = fitted(found, settings)
    whole = machine.integrated_luminosity()
    large = fitted([s.scaled(whole / size.luminosity, simulated=False) for s in found], settings)
    small = fitted([s.scaled(whole / size.luminosity, simulated=True) for s in found], settings)
    unit = settings.branching_fraction.value / UNIT
    told = (f"Expected uncertainty at {whole:.0f} fb^{{−1}} without enhancement, in 10^{{−5}}: "
            f"{unit * large.uncertainty:.2f} with a large simulation, {unit * small.uncertainty:.2f} with the events "
            f"simulated here; published: {_in_unit(settings.published).uncertainty:.1f}.")
    check = Check(NAME, "Closure with B^{+} → π^{+} K^{0}", "A known decay with one track and unseen particles: the "
                  "same method must give its branching fraction.", _findings(fit, large, enhanced, settings),
                  (*spectrum_sections(found, fit, LABELS, size.luminosity), Section("Data set", (Paragraph(told),))),
                  APPROXIMATIONS, made.events,
                  made_of(options, settings, made.cards, made.events, SIGNAL, *BACKGROUNDS),
                  {"enhancement": enhanced, "signal_efficiency": float(sum(s.templates["signal"].yields.sum()
                                                                           for s in found) / decays),
                   "expected_uncertainty": {"large_simulation": unit * UNIT * large.uncertainty,
                                            "this_simulation": unit * UNIT * small.uncertainty},
                   "source": str(made.source)})
    return finish(check, options)


def _findings(fit: SpectrumFit, large: SpectrumFit, enhanced: float, settings: Closure) -> tuple[Finding, ...]:
    """Branching fraction found, and its expected uncertainty in the published data set."""
    unit, published = settings.branching_fraction.value / UNIT, settings.published
    return (
        Finding("branching_fraction", "branching fraction of B^{+} → π^{+} K^{0}",
                Number(value=unit * fit.scale / enhanced, uncertainty=unit * fit.uncertainty / enhanced),
                Number(value=unit), _in_unit(published),
                "10^{−5}", f"in data with {enhanced:g} times as many signal decays; world average "
                f"{format_number(_in_unit(settings.world_average))}"),
        Finding("expected_uncertainty", "its expected uncertainty in the published data set",
                Number(value=unit * large.uncertainty), None, Number(value=_in_unit(published).uncertainty or 0),
                "10^{−5}", "statistical, with a large simulation; that published is the whole one"))


def _in_unit(quantity: Quantity) -> Number:
    """A branching fraction in the unit of the report."""
    return Number(value=quantity.value / UNIT, uncertainty=(quantity.uncertainty or 0.0) / UNIT)


def signal_decays(machine: Machine, luminosity: float, settings: Closure) -> float:
    """Signal decays expected in a luminosity [fb^-1]."""
    return 2.0 * machine.expected("charged", luminosity) * settings.branching_fraction.value


def fitted(found: list[Spectrum], settings: Closure) -> SpectrumFit:
    """Fit of the signal in all slices of eta."""
    width = settings.background_normalisation.value
    return spectrum_fit(found, "signal", {"bbbar": width, "continuum": width})


def slices(tables: Mapping[str, Columns], size: Size, settings: Closure, weight: float) -> list[Spectrum]:
    """Spectra of q2_rec in slices of eta; ``weight`` is that of a simulated signal event."""
    binning = Binning(axes=(Axis(name="q2_rec", edges=settings.q2_rec), Axis(name="eta", edges=settings.eta)))
    counted = {"signal": {SIGNAL: weight}, "bbbar": {p: 1.0 / size.factors[p] for p in B_PAIRS},
               "continuum": {p: 1.0 / size.factors[p] for p in CONTINUUM}}
    kept = {name: t if name.endswith(SIGNAL) else rows_of(t, ~np.isfinite(t["mcQ2"])) for name, t in tables.items()}
    data = weighted_sum(binning, [(kept[f"data.{p}"], 1.0) for weights in counted.values() for p in weights])
    simulated = {name: weighted_sum(binning, [(kept[f"simulation.{p}"], w) for p, w in weights.items()])
                 for name, weights in counted.items()}
    templates = {n: (h if n == "signal" else h.factorised()).slices("eta") for n, h in simulated.items()}
    return [spectrum_of(f"eta from {low:g} to {high:g}", part, {n: t[k] for n, t in templates.items()})
            for k, (part, (low, high)) in enumerate(zip(data.slices("eta"), pairwise(settings.eta), strict=True))]
