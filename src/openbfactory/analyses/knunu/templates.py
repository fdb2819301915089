"""Templates of the fit: what is expected in each bin, with its simulation uncertainty.

A template of a sample is the number of its candidates in each bin of q2_rec and
eta, scaled by (cross section x luminosity) / (events generated).  A bin where
a sample has no simulated candidate is not free of it: its expectation is then
estimated from the sample's own row and column sums (q2_rec and eta
independent), with 100 % uncertainty, and the bin is listed in the result.

Approximation: the number of filled bins falls as the simulated luminosity
grows; with a few times the data luminosity there are almost none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.config import B_PAIRS, CONTINUUM, SIGNAL, KnunuConfig
from openbfactory.fit.build import Template, build_workspace
from openbfactory.fit.workspace import Workspace
from openbfactory.select.binning import Histogram

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

    def part(self, bins: slice) -> Template:
        """The template in some of the bins."""
        assert self.template.uncertainties is not None
        return Template(self.template.yields[bins], self.template.uncertainties[bins])


def expectation(histogram: Histogram) -> Expectation:
    """Expectation of a histogram of candidates weighted to the luminosity of the data set."""
    shape = tuple(a.size for a in histogram.binning.axes)
    values = histogram.values.reshape(shape, order="F")
    yields, errors = histogram.values.copy(), np.sqrt(histogram.variances)
    filled = np.zeros(yields.shape, bool)
    if (total := values.sum()) > 0:
        product = np.outer(values.sum(axis=1), values.sum(axis=0)).reshape(-1, order="F") / total
        filled = (histogram.counts == 0) & (product > 0)
        yields[filled] = product[filled]
        errors[filled] = product[filled]
    return Expectation(Template(yields, errors), filled)


def knunu_workspace(expectations: Mapping[str, Expectation], config: KnunuConfig, *,
                    simulation_statistics: bool = True) -> Workspace:
    """The likelihood: four channels (q2_rec fastest, then eta), expected events as data.

    Parameters
    ----------
    expectations
        Sample name (``knunu``, ``charged`` ... ``taupair``, ``uubar_off`` ...) to expectation.
    simulation_statistics
        False leaves out the parameters of the size of the simulated samples.
    """
    split = config.region.control_bins
    size = config.uncertainties["background_normalisation"].value
    templates: dict[str, dict[str, Template]] = {}
    for channel, off_resonance, signal_region in CHANNELS:
        bins = slice(split, None) if signal_region else slice(0, split)
        names = CONTINUUM if off_resonance else (SIGNAL, *B_PAIRS, *CONTINUUM)
        parts = {n: expectations[n + ("_off" if off_resonance else "")].part(bins) for n in names}
        templates[channel] = parts if simulation_statistics else {n: Template(t.yields) for n, t in parts.items()}
    normalisations = dict.fromkeys((*B_PAIRS, *CONTINUUM), size)
    normalisations[SIGNAL] = config.uncertainties["signal_efficiency"].value
    return build_workspace(templates, signal=(SIGNAL,), normalisations=normalisations, poi="mu",
                           poi_bounds=_mu_bounds(expectations), measurement="knunu")


def _mu_bounds(expectations: Mapping[str, Expectation], reach: float = 200.0) -> tuple[float, float]:
    """Bounds of mu: down to where 90 % of the background of some bin is used up, and far above."""
    signal = expectations[SIGNAL].template.yields
    background = np.sum([expectations[n].template.yields for n in (*B_PAIRS, *CONTINUUM)], axis=0)
    filled = signal > 0
    return max(-reach, -0.9 * float((background[filled] / signal[filled]).min(initial=reach))), reach
