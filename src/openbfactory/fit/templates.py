"""Fit of one strength to templates: the workspace, its Gaussian fit, and what a measurement reads off it.

The strength scales the templates of the signal in all channels; other samples have normalisations with relative
constraints.  The bins have Poisson variances at the solution (:mod:`.gaussian`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from openbfactory.fit.build import Template, build_workspace
from openbfactory.fit.estimate import analyse
from openbfactory.fit.gaussian import gaussian_fit
from openbfactory.fit.interpolation import code4_coefficients, factor
from openbfactory.fit.specification import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class TemplateFit:
    """A strength and its uncertainty.

    Attributes
    ----------
    value, uncertainty
        Estimate and standard deviation.
    statistical
        The part of the standard deviation that comes from the counts.
    gains
        Channel to the change of the estimate by one more event in each bin.
    factors
        Factor of the normalisation of each constrained sample.
    """

    value: float
    uncertainty: float
    statistical: float
    gains: dict[str, FloatArray]
    factors: dict[str, float]


def template_fit(templates: Mapping[str, Mapping[str, Template]], observations: Mapping[str, FloatArray],
                 signal: Collection[str], normalisations: Mapping[str, float], bounds: tuple[float, float],
                 poi: str = "mu") -> TemplateFit:
    """Fit of the strength of a signal.

    Parameters
    ----------
    templates
        Template of each sample of each channel.
    observations
        Observed events of each channel.
    signal
        Samples that the strength scales.
    normalisations
        Relative uncertainties of the normalisations of samples; those of samples without templates are passed over.
    bounds
        Least and largest strength.
    poi
        Name of the strength in the workspace.

    Raises
    ------
    WorkspaceError
        For templates with mistakes, with all findings.
    FitError
        When the fit has no minimum.
    """
    names = {n for parts in templates.values() for n in parts}
    widths = {n: w for n, w in normalisations.items() if n in names}
    workspace = build_workspace(templates, signal=signal, normalisations=widths, observations=observations, poi=poi,
                                poi_bounds=bounds)
    analysis = analyse(workspace, poi)
    fit = gaussian_fit(analysis, variance="expected")
    at, parameters = fit.names.index(poi), analysis.fit.likelihood.model.parameters
    pulls = np.array([fit.theta[parameters.index(f"norm_{name}")] for name in widths])
    up, down = (1.0 + sign * np.array(list(widths.values())) for sign in (1, -1))
    factors = factor(pulls, np.log(up), np.log(down), code4_coefficients(up, down), "code4")[0]
    return TemplateFit(float(fit.values[at]), float(fit.uncertainties[at]),
                       float(np.sqrt(fit.gain[at] ** 2 @ np.maximum(fit.expected, 0.0))),
                       dict(workspace.split(fit.gain[at])), dict(zip(widths, factors.tolist(), strict=True)))
