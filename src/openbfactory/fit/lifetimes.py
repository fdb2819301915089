"""Costs of lifetime fits: signal region and sideband with a background of their own, and constraints.

The signal region holds signal and background, the sideband background alone; put together with
:class:`openbfactory.fit.costs.Simultaneous` they share the parameters of the background.
"""

from __future__ import annotations

import math

import numpy as np

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.fit.costs import OnePassCost, column, reject
from openbfactory.fit.shapes.decay_mixture import BACKGROUND, mixture_deviance
from openbfactory.fit.specification import FloatArray

#: parameters of the background of a lifetime fit
BACKGROUND_NAMES = ("background_bias", "background_scale", "background_tau1", "background_tau2", "background_lived",
                    "background_share")

#: events of the sideband that a bin of the ratio of densities has on average, at least
LEAST = 25


class LifetimeCost(OnePassCost):
    """Decay times of a sample of some purity; :mod:`.shapes.decay_mixture` has the densities.

    Parameters: ``purity``, ``tau``, ``bias``, ``scale1`` ..., ``fraction1`` ... (one fewer), those of the background.
    With ``gaussians=0`` the sample is background alone, and only its parameters are there.

    Parameters
    ----------
    t, sigma
        Decay times and their uncertainties, in one unit, shape (events,).
    ratio
        Density of the uncertainty in the background over that in the signal, at each event; see
        :func:`density_ratio`.  1 if None.
    gaussians
        Gaussians of the resolution of the signal: 1, 2, 3, or 0 for background alone.

    Raises
    ------
    InputError
        When the data have mistakes.
    """

    def __init__(self, t: FloatArray, sigma: FloatArray, ratio: FloatArray | None = None, gaussians: int = 1) -> None:
        findings = Findings("decay times")
        self._t, self._sigma = (column(v, name, findings) for v, name in ((t, "t"), (sigma, "sigma")))
        self._ratio = column(np.ones(len(self._t)) if ratio is None else ratio, "ratio", findings)
        for name, values in (("sigma", self._sigma), ("ratio", self._ratio)):
            if len(values) != len(self._t):
                findings.error("length", name, f"has {len(values)} events", expected=f"{len(self._t)}")
        reject(self._sigma <= 0, "sigma", "is not positive", findings)
        if gaussians not in (0, 1, 2, 3):
            findings.error("gaussians", "", f"found {gaussians}", expected="0, 1, 2 or 3")
        findings.raise_if_errors(InputError)
        self._count = gaussians
        signal = ("purity", "tau", "bias", *(f"scale{k + 1}" for k in range(gaussians)),
                  *(f"fraction{k + 1}" for k in range(gaussians - 1)))
        super().__init__((*signal, *BACKGROUND_NAMES) if gaussians else BACKGROUND_NAMES)

    def _pass(self, point: FloatArray) -> tuple[float, FloatArray]:
        """-2 ln L and its gradient at a point, infinite where a lifetime or a scale is not positive."""
        k, background = self._count, point[-BACKGROUND:].copy()
        signal = point[1:-BACKGROUND].copy() if k else np.array([1.0, 0.0, 1.0])
        if not ((background[1:4] > 0).all() and signal[0] > 0 and (signal[2:2 + k] > 0).all()):
            return math.inf, np.zeros(len(point))
        gradient = np.zeros(1 + len(signal) + BACKGROUND)
        value = float(mixture_deviance(self._t, self._sigma, self._ratio, point[0] if k else 0.0, signal, max(k, 1),
                                       background, gradient))
        return value, gradient if k else gradient[-BACKGROUND:]


class NormalConstraint:
    """A parameter known from elsewhere: ((x - value) / uncertainty)^2.

    Raises
    ------
    InputError
        When the uncertainty is not positive.
    """

    def __init__(self, name: str, value: float, uncertainty: float) -> None:
        if not uncertainty > 0:
            message = f"the uncertainty of {name} has to be positive, found {uncertainty}"
            raise InputError(message)
        self._name, self._known, self._uncertainty = name, value, uncertainty

    @property
    def parameters(self) -> tuple[str, ...]:
        """Name of the parameter."""
        return (self._name,)

    def value(self, theta: FloatArray) -> float:
        """Square of the pull."""
        return float(((theta[0] - self._known) / self._uncertainty) ** 2)

    def gradient(self, theta: FloatArray) -> FloatArray:
        """Its derivative."""
        return np.array([2.0 * (theta[0] - self._known) / self._uncertainty**2])


def density_ratio(signal_region: FloatArray, sideband: FloatArray, purity: float, *, bins: int = 40) -> FloatArray:
    """Density of an uncertainty in the background over that in the signal, at each event of the signal region.

    Histograms with equal numbers of events of the signal region a bin, at most ``bins`` and no more than leave
    :data:`LEAST` events of the sideband to one: with fewer, bins without any would make background certain signal, and
    pull the lifetime to that of the background.  The signal is what remains of the signal region after the background
    (of the sideband, scaled to 1 - purity) is taken away.

    Parameters
    ----------
    signal_region, sideband
        Uncertainties in the two regions.
    purity
        Share of signal in the signal region.
    """
    bins = max(1, min(bins, len(sideband) // LEAST))
    edges = np.unique(np.quantile(signal_region, np.linspace(0, 1, bins + 1)))
    if len(edges) < 3 or not len(sideband):
        return np.ones(len(signal_region))
    edges[0], edges[-1] = -np.inf, np.inf
    inside = np.searchsorted(edges, signal_region, side="right") - 1
    total = np.bincount(inside, minlength=len(edges) - 1) / len(signal_region)
    other = np.histogram(sideband, edges)[0] / len(sideband)
    signal = np.maximum(total - (1 - purity) * other, 0.05 * total)
    ratio: FloatArray = (np.maximum(other, 1e-6) / signal * signal.sum())[inside]
    return ratio
