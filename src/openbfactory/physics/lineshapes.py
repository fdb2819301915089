"""Line shapes of broad species, one for each of their decay channels, as tables that kernels draw masses from.

Method: the density of the mass m of a resonance that decays to two bodies in the wave L is
::

    f(m) = g(m) / ((m0^2 - m^2)^2 + m0^2 Gamma(m)^2),   g(m) = <p^(2 L + 1) F_L(R p)^2>,
    Gamma(m) = Gamma0 (m0 / m) g(m) / g(m0),

with p the momentum of the daughters and F_L the barrier factor of J. Blatt and V. Weisskopf (as in F. von Hippel and
C. Quigg, Phys. Rev. D 5 (1972) 624; the scheme of EvtGen, D. Lange, Nucl. Instrum. Meth. A 462 (2001) 152).  L is the
lowest wave that the spins allow, unless the file says ``SetLineshapePW``.  For broad daughters the average is over
their own masses; a kernel then draws these given m with the same factor.  A channel with more than two bodies has the
non-relativistic Breit-Wigner with constant width; one that is closed at m0 keeps Gamma0.

In a two-body decay of a narrow mother the factor p^(2 L + 1) F_L(R p)^2 of the birth of the resonance is left to the
kernel, because it depends on the mother (:attr:`Shapes.wave`, :attr:`Shapes.radius`).

Approximation: one channel, one Breit-Wigner: no interference, no coupled channels; parity does not enter the choice
of L; three and more bodies have no factor of their phase-space volume.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: nodes of a table: half of them equidistant in the angle of the Breit-Wigner, half denser towards the lower edge
NODES = 129
#: nodes of the mass distribution of a species, all channels together
SPECIES_NODES = 257
#: points of an average over the mass of one broad daughter, and over those of two
POINTS, POINTS_OF_TWO = 48, 16
#: narrower edges of a window than this leave no line shape [GeV]
SMALLEST = 1e-9
#: width of a spike of ``LSMANYDELTAFUNC`` [GeV], and the largest number of spikes
SPIKE, MOST_SPIKES = 1e-7, 32

#: kinds of line shapes
RELATIVISTIC, NON_RELATIVISTIC, FLAT, SPIKES = range(4)


@dataclass(frozen=True, slots=True)
class Resonance:
    """What a decay file says of the line shape of one species.

    Attributes
    ----------
    mass, width, low, high
        Pole, width and window [GeV].
    kind
        One of the kinds above.
    decay_radius, birth_radius
        R of the barrier factors [1/GeV].
    decay_factor, birth_factor
        Whether the factors of decay and birth are there.
    """

    mass: float
    width: float
    low: float
    high: float
    kind: int = RELATIVISTIC
    decay_radius: float = 3.0
    birth_radius: float = 1.0
    decay_factor: bool = True
    birth_factor: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """Density of a mass as straight lines between nodes, normalised to 1, and its integral at the nodes."""

    mass: Array
    density: Array
    cumulative: Array


def lowest_wave(twice_mother: int, twice_first: int, twice_second: int) -> int:
    """Lowest orbital angular momentum with which two spins can make that of the mother."""
    least = max(twice_mother - twice_first - twice_second, twice_first - twice_mother - twice_second,
                twice_second - twice_mother - twice_first, 0)
    return least // 2


def barrier(wave: int, z: Array) -> Array:
    """Square of the Blatt-Weisskopf factor times z^(2 L), up to a constant; z is R p.

    Waves above 4 take that of 4.
    """
    s = z * z
    if wave == 0:
        return np.ones_like(s)
    if wave == 1:
        return s / (1.0 + s)
    if wave == 2:
        return s**2 / (9.0 + s * (3.0 + s))
    if wave == 3:
        return s**3 / (225.0 + s * (45.0 + s * (6.0 + s)))
    return s**4 / (11025.0 + s * (1575.0 + s * (135.0 + s * (10.0 + s))))


def momentum(mass: Array, first: Array, second: Array) -> Array:
    """Momentum of two daughters, 0 where the decay is closed."""
    total, difference = first + second, first - second
    square = (mass**2 - total**2) * (mass**2 - difference**2)
    found: Array = np.where(mass > total, np.sqrt(np.maximum(square, 0.0)) / (2.0 * mass), 0.0)
    return found


def nodes_between(low: float, high: float, mass: float, width: float, count: int = NODES) -> Array:
    """Masses from low to high, dense at the pole and towards the lower edge."""
    half = count // 2
    scale = 0.5 * width
    angle = np.linspace(np.arctan((low - mass) / scale), np.arctan((high - mass) / scale), half)
    by_angle = np.clip(mass + scale * np.tan(angle), low, high)
    by_edge = low + (high - low) * np.linspace(0.0, 1.0, count - half) ** 2
    nodes = np.sort(np.concatenate((by_angle, by_edge)))
    nodes[0], nodes[-1] = low, high
    found: Array = nodes
    return found


def normalised(mass: Array, density: Array) -> Shape | None:
    """Shape of a density at nodes, None when it vanishes."""
    steps = np.concatenate(([0.0], np.cumsum(0.5 * np.diff(mass) * (density[1:] + density[:-1]))))
    if not np.isfinite(steps[-1]) or steps[-1] <= 0.0:
        return None
    return Shape(mass, density / steps[-1], steps / steps[-1])


def shape_of(resonance: Resonance, low: float, factor: Daughters | None) -> Shape | None:
    """Line shape from ``low``, for daughters of a two-body decay or None for others; None when the window is empty."""
    r = resonance
    low = max(low, r.low)
    if r.high - low < SMALLEST or r.width <= 0:
        return None
    if r.kind == SPIKES:
        return _spikes(r, low)
    m = nodes_between(low, r.high, r.mass, r.width)
    if r.kind == FLAT:
        return normalised(m, np.ones_like(m))
    if factor is None or r.kind == NON_RELATIVISTIC:
        return normalised(m, 1.0 / ((m - r.mass) ** 2 + 0.25 * r.width**2))
    g, g0 = factor.average(m), float(factor.average(np.array([r.mass]))[0])
    width = r.width * (r.mass / m) * g / g0 if g0 > 0 else np.full_like(m, r.width)
    density = 1.0 / ((r.mass**2 - m**2) ** 2 + (r.mass * width) ** 2)
    return normalised(m, density * g if r.decay_factor else np.where(g > 0, density, 0.0))


def _spikes(resonance: Resonance, low: float) -> Shape | None:
    """Masses at equal steps of one width from the lower edge."""
    count = min(int((resonance.high - resonance.low) / resonance.width) + 1, MOST_SPIKES)
    places = resonance.low + resonance.width * np.arange(count)
    places = places[places >= low - SPIKE]
    mass = (places[:, None] + SPIKE * np.array([0.0, 1e-3, 1.0 - 1e-3, 1.0])).ravel()
    return _padded(mass, np.tile([0.0, 1.0, 1.0, 0.0], len(places))) if len(places) else None


def _padded(mass: Array, density: Array) -> Shape | None:
    """Shape with as many nodes as the others."""
    more = NODES - len(mass)
    return normalised(np.concatenate((mass, mass[-1] + 1e-12 * np.arange(1, more + 1))),
                      np.concatenate((density, np.zeros(more))))


@dataclass(frozen=True, slots=True)
class Daughters:
    """Two daughters of a decay: wave, radius, and for each its mass or the distribution of its mass."""

    wave: int
    radius: float
    masses: tuple[float, float]
    shapes: tuple[Shape | None, Shape | None]

    def average(self, mass: Array) -> Array:
        """Mean of p^(2 L + 1) F_L^2 over the masses of the daughters, at each mass of the mother."""
        first, second = self.shapes
        if first is None and second is None:
            return self._factor(mass, np.array(self.masses[0]), np.array(self.masses[1]))
        if first is None or second is None:
            sharp = self.masses[0] if first is None else self.masses[1]
            shape = second if first is None else first
            assert shape is not None
            m, share = _points(shape, mass - sharp, POINTS)
            return share * np.mean(self._factor(mass[:, None], m, np.array(sharp)), axis=1)
        lightest = float(second.mass[0])
        m1, share1 = _points(first, mass - lightest, POINTS_OF_TWO)
        m2, share2 = _points(second, (mass[:, None] - m1).ravel(), POINTS_OF_TWO)
        m2, share2 = m2.reshape(*m1.shape, -1), share2.reshape(m1.shape)
        factor = np.mean(self._factor(mass[:, None, None], m1[:, :, None], m2), axis=2)
        found: Array = share1 * np.mean(share2 * factor, axis=1)
        return found

    def _factor(self, mass: Array, first: Array, second: Array) -> Array:
        p = momentum(mass, first, second)
        found: Array = p * barrier(self.wave, self.radius * p)
        return found


def _points(shape: Shape, largest: Array, count: int) -> tuple[Array, Array]:
    """Masses of equal probability below each largest mass (n, count), and the probability below it (n,)."""
    share = np.interp(largest, shape.mass, shape.cumulative, left=0.0)
    wanted = share[:, None] * (np.arange(count) + 0.5) / count
    return np.interp(wanted, shape.cumulative, shape.mass), share


def mixture(resonance: Resonance, low: float, shapes: list[tuple[float, Shape]]) -> Shape | None:
    """Distribution of the mass of a species: its channels, weighted with their branching fractions."""
    if not shapes:
        return None
    m = nodes_between(max(low, resonance.low), resonance.high, resonance.mass, resonance.width, SPECIES_NODES)
    total = sum(weight for weight, _ in shapes)
    density = sum(weight / total * np.interp(m, s.mass, s.density, left=0.0, right=0.0) for weight, s in shapes)
    return normalised(m, np.asarray(density))
