"""Templates of the fit: what is expected in each bin, with its simulation uncertainty.

A template of a sample is the number of its candidates in each bin of q2_rec and
eta, scaled by (cross section x luminosity) / (events generated).  A bin where
a sample has no simulated candidate is not free of it: its expectation is then
estimated from the sample's own row and column sums (q2_rec and eta
independent), with 100 % uncertainty, and the bin is listed in the result.

Every systematic effect shifts the bins of a template by a relative size
(:mod:`openbfactory.analyses.knunu.shifts`); names, types and sizes follow the
published likelihood (arXiv:2507.12393), so effects that it leaves out for a sample,
such as those of neutral clusters for ddbar and tau pairs, are left out here.

Approximation: the number of filled bins falls as the simulated luminosity
grows; with a few times the data luminosity there are almost none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.config import B_PAIRS, CONTINUUM, SIGNAL, KnunuConfig, Simulated
from openbfactory.analyses.knunu.shifts import Shift, add_shifts, shift_and_noise
from openbfactory.fit.build import Template, build_workspace
from openbfactory.fit.workspace import Workspace
from openbfactory.select.binning import Histogram

#: relative noise of shifts that nobody needs to know of
NEGLIGIBLE = 1e-4

#: parameter -> sample -> relative shift of each flat bin at one standard deviation
Shifts: TypeAlias = dict[str, dict[str, npt.NDArray[np.float64]]]

#: channel of the workspace: (name, whether off resonance, whether above ``signal_eta``)
CHANNELS = (("SR_on_resonance", False, True), ("CR_on_resonance", False, False),
            ("SR_off_resonance", True, True), ("CR_off_resonance", True, False))


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """What one sample contributes to each flat bin at the luminosity of the data set.

    Attributes
    ----------
    template
        Events and one standard deviation from the simulation, (bins,).
    filled : (bins,) bool
        True where no candidate was simulated and the expectation is the estimate from row and column sums.
    """

    template: Template
    filled: npt.NDArray[np.bool_] = field(repr=False)


def expectation(histogram: Histogram, one_event: float = 0.0) -> Expectation:
    """Expectation of a histogram of candidates weighted to the luminosity of the data set.

    Parameters
    ----------
    one_event
        Events of the data set that one generated event stands for: what a sample without any candidate is given, in
        equal parts to all bins.
    """
    shape = tuple(a.size for a in histogram.binning.axes)
    values = histogram.values.reshape(shape, order="F")
    yields, errors = histogram.values.copy(), np.sqrt(histogram.variances)
    filled = np.zeros(yields.shape, bool)
    if (total := values.sum()) > 0:
        product = np.outer(values.sum(axis=1), values.sum(axis=0)).reshape(-1, order="F") / total
        filled = (histogram.counts == 0) & (product > 0)
        yields[filled] = product[filled]
        errors[filled] = product[filled]
    elif one_event > 0:
        filled[:], yields[:], errors[:] = True, one_event / yields.size, one_event / yields.size
    return Expectation(Template(yields, errors), filled)


def relative_shifts(variations: Mapping[str, Mapping[str, Shift]], config: KnunuConfig) -> Shifts:
    """Relative shift of each flat bin by parameter and sample, of the variations (by sample and name) that there are.

    Sizes that are the same in all bins and those that are quoted are among them; a parameter that no sample has is
    absent.  A sample has the shift of its pool; on and off resonance have one.
    """
    systematics, size = config.systematics, config.region.binning.size
    found: Shifts = {}
    for name in dict.fromkeys(n for of_sample in variations.values() for n in of_sample):
        rule = systematics.event.get(_kind(name)) or systematics.detector.get(name)
        if rule is not None:
            found[parameter_name(name)] = {n: pair[0] for n, pair in _simulated(name, rule, variations, config).items()}
    for name, quoted in systematics.quoted.items():
        found.setdefault(parameter_name(name), _both(quoted.samples, np.asarray(quoted.relative)))
    for name, constant in systematics.constant.items():
        found[parameter_name(name)] = _both(constant.samples, np.full(size, constant.size.value),
                                            constant.off_resonance)
    return {parameter: shifts for parameter, shifts in found.items() if shifts}


def noisy_parameters(variations: Mapping[str, Mapping[str, Shift]], config: KnunuConfig) -> tuple[str, ...]:
    """Parameters whose shifts are smaller than their noise: what they do to the fit is chance, not an effect.

    Sums of squares over bins and samples, weighted with the events.
    """
    found = []
    for name in dict.fromkeys(n for of_sample in variations.values() for n in of_sample):
        rule = config.systematics.event.get(_kind(name)) or config.systematics.detector.get(name)
        pairs = {} if rule is None else _simulated(name, rule, variations, config)
        events = {n: variations[n][name].sums[0] for n in pairs if name in variations.get(n, {})}
        effect, noise = (sum(float((events[n] * pairs[n][k] ** 2).sum()) for n in events) for k in (0, 1))
        if effect < noise and noise > NEGLIGIBLE**2 * sum(float(e.sum()) for e in events.values()):
            found.append(parameter_name(name))
    return tuple(found)


def parameter_name(variation: str) -> str:
    """Parameter of a variation as the publication names it: ``corr_KLKL_c1``, and ``corr_pid_c3`` for ``pid_3``."""
    number = variation.removeprefix(f"{_kind(variation)}_") if _kind(variation) != variation else "1"
    return f"corr_{_kind(variation)}_c{number}"


def _kind(variation: str) -> str:
    """Name of a variation without its number."""
    head, _, tail = variation.rpartition("_")
    return head if head and tail.isdigit() else variation


def _simulated(name: str, rule: Simulated, variations: Mapping[str, Mapping[str, Shift]],
               config: KnunuConfig) -> dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Relative shifts of one variation and their noise, by sample."""
    shape = tuple(a.size for a in config.region.binning.axes)
    shifts: dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]] = {}
    for sample in rule.samples:
        pool = next((p for p in rule.pools if sample in p), (sample,))
        names = [n for member in pool for n in (member, f"{member}_off")]
        total = add_shifts({name: variations[n][name]} for n in names if name in variations.get(n, {}))
        if name in total:
            shifts[sample] = shifts[f"{sample}_off"] = shift_and_noise(total[name], shape)
    return shifts


def _both(samples: Iterable[str], relative: npt.NDArray[np.float64],
          off_resonance: bool | None = None) -> dict[str, npt.NDArray[np.float64]]:
    """The relative shift of samples at both energies, or at one."""
    names = [[n] * (off_resonance is not True) + [f"{n}_off"] * (off_resonance is not False) for n in samples]
    return {n: relative for both in names for n in both}


def knunu_workspace(expectations: Mapping[str, Expectation], config: KnunuConfig, shifts: Shifts | None = None, *,
                    simulation: float = 1.0) -> Workspace:
    """The likelihood: four channels (q2_rec fastest, then eta), expected events as data.

    Parameters
    ----------
    expectations
        Sample name (``knunu``, ``charged`` ... ``taupair``, ``uubar_off`` ...) to expectation.
    shifts
        From :func:`relative_shifts`; without them there are normalisations and the size of the simulation alone.
    simulation
        Factor on the size of the simulated samples; infinite leaves out their parameters.
    """
    split = config.region.control_bins
    templates: dict[str, dict[str, Template]] = {}
    for channel, off_resonance, signal_region in CHANNELS:
        bins = slice(split, None) if signal_region else slice(0, split)
        names = CONTINUUM if off_resonance else (SIGNAL, *B_PAIRS, *CONTINUUM)
        templates[channel] = {n: _template(n + ("_off" if off_resonance else ""), bins, expectations, shifts or {},
                                           simulation) for n in names}
    normalisations = dict.fromkeys((*B_PAIRS, *CONTINUUM), config.systematics.background_normalisation.value)
    return build_workspace(templates, signal=(SIGNAL,), normalisations=normalisations,
                           normalisation_name="mu_bkg_{sample}", poi="mu", poi_bounds=_mu_bounds(expectations),
                           measurement="knunu")


def _template(sample: str, bins: slice, expectations: Mapping[str, Expectation], shifts: Shifts,
              simulation: float) -> Template:
    """Template of a sample in some of the bins, with its shifts."""
    whole = expectations[sample].template
    assert whole.uncertainties is not None
    errors = whole.uncertainties[bins] / math.sqrt(simulation) if math.isfinite(simulation) else None
    yields = whole.yields[bins]
    return Template(yields, errors, {p: yields * by[sample][bins] for p, by in shifts.items() if sample in by})


def channel_counts(regions: Mapping[str, Histogram], config: KnunuConfig,
                   generator: np.random.Generator | None = None) -> dict[str, list[float]]:
    """Events by channel of samples that stand for data, such as those of another card judged by the same classifiers.

    Parameters
    ----------
    regions
        Histogram of the fit region of each sample, scaled to the data set; ``_off`` ends names of those off resonance.
    generator
        Draws counts from Poisson distributions around the sums; without it the sums themselves are returned.
    """
    split, counts = config.region.control_bins, {}
    for channel, off_resonance, signal_region in CHANNELS:
        chosen = [h.values for n, h in regions.items() if n.endswith("_off") == off_resonance]
        total = np.sum(chosen, axis=0)[split:] if signal_region else np.sum(chosen, axis=0)[:split]
        counts[channel] = (total if generator is None else generator.poisson(total)).astype(float).tolist()
    return counts


def _mu_bounds(expectations: Mapping[str, Expectation], reach: float = 200.0) -> tuple[float, float]:
    """Bounds of mu: down to where 90 % of the background of some bin is used up, and far above."""
    signal = expectations[SIGNAL].template.yields
    background = np.sum([expectations[n].template.yields for n in (*B_PAIRS, *CONTINUUM)], axis=0)
    filled = signal > 0
    return max(-reach, -0.9 * float((background[filled] / signal[filled]).min(initial=reach))), reach
