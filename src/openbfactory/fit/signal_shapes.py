"""Signal shapes between simulated masses: a double-sided Crystal Ball whose parameters are interpolated in mass.

Method: each simulated sample is fitted with a double-sided Crystal Ball (:mod:`.shapes.crystal_ball`); the shift of its
mean from the generated mass, the logarithm of its width, its tails and its efficiency are interpolated by monotonic
cubic pieces (F. Fritsch, J. Butland, SIAM J. Sci. Stat. Comput. 5 (1984) 300).  The templates integrate the shape over
the bins of a spectrum.

Validity: between the smallest and largest simulated mass; nothing is extrapolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.fit.costs import ShapeCost
from openbfactory.fit.resonance import Hypothesis
from openbfactory.fit.shapes.crystal_ball import PARAMETERS, double_crystal_ball
from openbfactory.fit.specification import FloatArray
from openbfactory.fit.unbinned import fit_unbinned

#: limits of the fitted shape in core widths, and of its parameters
REACH = 12.0
LIMITS = {"a_left": (0.5, 5.0), "a_right": (0.5, 5.0), "n_left": (0.5, 30.0), "n_right": (0.5, 30.0)}
#: points of a bin at which the shape is integrated
NODES = 8


@dataclass(frozen=True, slots=True)
class SignalSample:
    """Shape and efficiency of a simulated resonance.

    Attributes
    ----------
    mass
        Generated mass.
    parameters
        Of the double-sided Crystal Ball: mean, sigma, a_left, n_left, a_right, n_right.
    efficiency
        Selected over generated events.
    """

    mass: float
    parameters: tuple[float, ...]
    efficiency: float


def fit_signal(values: FloatArray, mass: float, generated: float) -> SignalSample:
    """Shape and efficiency of a simulated sample of reconstructed masses.

    Parameters
    ----------
    values : (events,)
        Reconstructed masses of the selected events; those beyond 12 core widths of the median do not shape it.
    mass, generated
        Generated mass, and number of generated events.

    Raises
    ------
    InputError
        When there are fewer than 50 selected events.
    FitError
        When the shape has no minimum.
    """
    x = np.asarray(values, np.float64)
    if len(x) < 50 or not generated >= len(x):
        findings = Findings(f"signal of mass {mass:g}")
        findings.error("events", "", f"{len(x)} of {generated:g} events", expected="at least 50, of as many generated")
        raise InputError(findings)
    middle = float(np.median(x))
    width = float(np.subtract(*np.quantile(x, [0.84, 0.16]))) / 2
    low, high = middle - REACH * width, middle + REACH * width
    start = {"mean": middle, "sigma": width, "a_left": 1.5, "n_left": 3.0, "a_right": 1.5, "n_right": 3.0}
    limits = {"mean": (middle - 3 * width, middle + 3 * width), "sigma": (0.1 * width, 3 * width), **LIMITS}
    cost = ShapeCost(x[(x > low) & (x < high)], (low, high), double_crystal_ball, PARAMETERS)
    found = fit_unbinned(cost, start, limits=limits)
    return SignalSample(mass, tuple(found[name][0] for name in PARAMETERS), len(x) / generated)


class SignalShapes:
    """Shapes and efficiencies between simulated masses.

    Raises
    ------
    InputError
        When there are fewer than two samples, or two of one mass.
    """

    def __init__(self, samples: Sequence[SignalSample]) -> None:
        ordered = sorted(samples, key=lambda s: s.mass)
        masses = np.array([s.mass for s in ordered])
        if len(ordered) < 2 or not (np.diff(masses) > 0).all():
            findings = Findings("signal shapes")
            findings.error("masses", "", f"found {masses.tolist()}", expected="at least two, all different")
            raise InputError(findings)
        table = np.array([s.parameters for s in ordered])
        table[:, 0] -= masses
        table[:, 1] = np.log(table[:, 1])
        self.low, self.high = float(masses[0]), float(masses[-1])
        self._parameters = PchipInterpolator(masses, table)
        self._efficiency = PchipInterpolator(masses, [s.efficiency for s in ordered])

    def at(self, mass: float) -> SignalSample:
        """Shape and efficiency at a mass.

        Raises
        ------
        InputError
            Outside the simulated masses.
        """
        if not self.low <= mass <= self.high:
            findings = Findings("signal shapes")
            findings.error("mass", "", f"found {mass:g}", expected=f"{self.low:g} to {self.high:g}, as simulated")
            raise InputError(findings)
        row = self._parameters(mass)
        return SignalSample(mass, (float(row[0] + mass), float(np.exp(row[1])), *map(float, row[2:])),
                            float(self._efficiency(mass)))

    def hypothesis(self, mass: float, edges: FloatArray, *, window: float = 20.0, luminosity: float = 1.0,
                   label: str = "") -> Hypothesis:
        """Hypothesis of a resonance search at a mass.

        Parameters
        ----------
        edges : (bins + 1,)
            Edges of the spectrum.
        window
            Half width of the fitted window in core widths, cut at the ends of the spectrum.
        luminosity
            Integrated luminosity; the scale of the result is 1 / (efficiency x luminosity).
        """
        sample = self.at(mass)
        ends = np.asarray(edges, np.float64)
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        half = 0.5 * np.diff(ends)[:, None]
        points = 0.5 * (ends[1:] + ends[:-1])[:, None] + half * nodes
        density = double_crystal_ball(points, float(ends[0]), float(ends[-1]), *sample.parameters)
        reach = window * sample.parameters[1]
        inside = (max(float(ends[0]), mass - reach), min(float(ends[-1]), mass + reach))
        return Hypothesis(mass, (density * weights).sum(axis=1) * half[:, 0], inside,
                          1.0 / (sample.efficiency * luminosity), label)
