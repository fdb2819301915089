"""Fit of the edge of a pseudomass, and the same fit with iminuit's own cost."""

from __future__ import annotations

from collections.abc import Callable

Work = Callable[[int], object]

#: candidates, limits of the fit [GeV], numbers that they are drawn with
CANDIDATES, LIMITS, TRUE = 1_000_000, (1.70, 1.85), (1.7771, 0.003, 0.45, -1.0, 2.0)


def drawn() -> object:
    """Pseudomasses of the quadratic form."""
    import numpy as np

    from openbfactory.fit.shapes.pseudomass import pseudomass_edge

    rng = np.random.default_rng(1)
    x = rng.uniform(*LIMITS, 5 * CANDIDATES)
    density = pseudomass_edge(x, *LIMITS, *TRUE)
    return x[rng.random(len(x)) * density.max() < density][:CANDIDATES]


def edge_fit() -> Work:
    """Unbinned fit of the edge, 5 parameters, Migrad and Hesse."""
    from openbfactory.fit.pseudomass import fit_edge

    x = drawn()
    return lambda n: [fit_edge(x, LIMITS) for _ in range(n)]


def plain_edge_fit() -> Work:
    """The same with iminuit's UnbinnedNLL and the form in numpy, as one writes it by hand."""
    from iminuit import Minuit, cost

    from openbfactory.fit.pseudomass import LIMITS as PARAMETER_LIMITS
    from openbfactory.fit.pseudomass import START
    from openbfactory.fit.shapes.pseudomass import pseudomass_edge

    x = drawn()

    def density(x: object, p1: float, p2: float, p3: float, p4: float, p5: float) -> object:
        return pseudomass_edge(x, *LIMITS, p1, p2, p3, p4, p5)

    def work(n: int) -> object:
        for _ in range(n):
            minuit = Minuit(cost.UnbinnedNLL(x, density), **START)
            for name, limits in PARAMETER_LIMITS.items():
                minuit.limits[name] = limits
            minuit.migrad().hesse()
        return minuit

    return work
