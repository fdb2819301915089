"""Mean energy loss of charged particles in the layers, its correction by track fits, and its straggling.

Method: a layer takes ``loss / cos(incidence)`` times the Bethe formula over its minimum,

    -dE/dx ~ 1/beta^2 [ln(2 m_e beta^2 gamma^2 / I) - beta^2 - delta/2]

(pdg2024, eq. 34.5 with heavy particles' largest transfer; silicon: I = 173 eV, plasma energy 31.05 eV, asymptotic
density effect).  The curvature that a fit sees is that of the momentum along the track, weighted: with hits spread
evenly over the arc S a change of curvature at s counts with

    w(f) = 1 - f^3 (10 - 15 f + 6 f^2),   f = s / S

(the response of the least-squares parabola).  The fit corrects for the loss of its mass hypothesis; the true mass
minus that is the bias that stays.  The width of the weighted loss (Landau's full width over 2.355, which adds up
linearly) is noise of the curvature.  Slow particles are followed layer by layer until they stop.

Approximation: materials differ in thickness only, not in the shape of dE/dx; mean and most probable loss count as the
same; correlations that straggling makes between curvature and the other parameters are left out; d0 and z0 are not
biased; tracks keep their radius.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel
from openbfactory.simulate.lanes import D0, LANES, LOST, NOISE, RADIUS, SPREAD, TANL
from openbfactory.simulate.surface import arc_to_radius

Array = npt.NDArray[np.float64]

ELECTRON, EXCITATION, PLASMA = 0.51099895e6, 173.0, 31.05  # eV
#: ln(beta gamma) of the first entry of the table, step, entries
LOG_FIRST, LOG_STEP, ENTRIES = math.log(0.03), 0.1, 128
#: particles below this beta gamma are followed until they stop
SLOW = 0.7


def bethe(beta_gamma: Array) -> Array:
    """dE/dx by the formula above, in arbitrary units."""
    g2 = beta_gamma**2
    beta2 = g2 / (1.0 + g2)
    density = np.maximum(np.log(PLASMA / EXCITATION) + np.log(beta_gamma) - 0.5, 0.0)
    return np.asarray((np.maximum(np.log(2.0 * ELECTRON * g2 / EXCITATION), 1.0) - beta2 - density) / beta2)


def loss_table() -> Array:
    """dE/dx over its minimum (ENTRIES,) at steps of ln(beta gamma)."""
    values = bethe(np.exp(LOG_FIRST + LOG_STEP * np.arange(ENTRIES)))
    return np.asarray(values / values.min())


@kernel
def loss_ratio(beta_gamma: float, table: Array) -> float:
    """dE/dx over its minimum, from :func:`loss_table`."""
    x = (math.log(beta_gamma) - LOG_FIRST) / LOG_STEP
    if x <= 0.0:
        return table[0]
    k = int(x)
    if k >= len(table) - 1:
        return table[-1]
    return table[k] + (table[k + 1] - table[k]) * (x - k)


@kernel
def incidence(d0: float, omega: float, radius: float) -> float:
    """Cosine between a track in the transverse plane and the normal of a cylinder that it crosses, at least 0.1."""
    sine = (omega * (radius * radius - d0 * d0) - 2.0 * d0) / (2.0 * radius)
    return math.sqrt(max(1.0 - sine * sine, 0.01))


@kernel
def weigh_losses(state: Array, layers: Array, loss: Array, half: Array, arcs: Array, straggling: float) -> None:
    """Write the loss of minimum-ionising particles as the curvatures see it, and the noise from straggling.

    Parameters
    ----------
    state : (STATE_SIZE,)
        The tracks, see :mod:`openbfactory.simulate.lanes`; ``LOST`` [GeV] and ``NOISE`` [1/cm^2] are written.
    layers : (k, LAYER_WIDTH)
        Layers from the inside out, see :mod:`openbfactory.simulate.covariance`.
    loss : (k,)
        Loss at normal incidence [GeV].
    half, arcs : (k, LANES)
        Sine of half the angle turned and arc length to each layer [cm], negative where it is not crossed.
    straggling
        Width of the loss over the loss, times beta^2.
    """
    for t in range(LANES):
        state[LOST + t], state[NOISE + t] = 0.0, 1e-9
    for k in range(len(layers)):
        for t in range(LANES):
            state[NOISE + t] = max(state[NOISE + t], arcs[k, t])
    for k in range(len(layers)):
        if loss[k] == 0.0:
            continue
        radius, amount = layers[k, 0], loss[k] * layers[k, 0]
        for t in range(LANES):
            f, sine = arcs[k, t] / state[NOISE + t], 2.0 * half[k, t] * math.sqrt(1.0 - half[k, t] * half[k, t])
            weight = 1.0 - f * f * f * (10.0 + f * (6.0 * f - 15.0)) if arcs[k, t] > 0.0 else 0.0
            state[LOST + t] += weight * amount / max((state[RADIUS + t] + state[D0 + t]) * sine, 0.1 * radius)
    for t in range(LANES):
        state[LOST + t] *= math.sqrt(1.0 + state[TANL + t] * state[TANL + t])
        noise = straggling * state[LOST + t] * state[SPREAD + t]
        state[NOISE + t] = noise * noise


@kernel
def momentum_bias(loss: float, p: float, mass: float, fitted: float, table: Array) -> float:
    """Relative shift of the momentum that a fit with another mass leaves.

    Parameters
    ----------
    loss
        ``LOST`` of :func:`weigh_losses` [GeV].
    p
        Momentum [GeV].
    mass, fitted
        True mass and that of the fit [GeV].
    """
    if mass == fitted:
        return 0.0
    energy = math.hypot(p, mass)
    true = loss * loss_ratio(p / mass, table) * energy
    assumed = loss * loss_ratio(p / fitted, table) * math.hypot(p, fitted)
    return max(min((assumed - true) / (p * p), 0.5), -0.5)


@kernel
def stopping_arc(helix: tuple[float, float, float, float, float], radius: float, p: float, mass: float,
                 material: Array, scale: float, table: Array) -> float:
    """Arc [cm] from the POCA to the layer where a particle stops, -1 where it does not.

    ``radius`` [cm] is that of the production vertex; the last column of ``material`` is the loss [GeV].
    """
    d0, _, omega, z0, tanl = helix
    slope, kinetic = math.sqrt(1.0 + tanl * tanl), math.hypot(p, mass) - mass
    for k in range(len(material)):
        if material[k, 0] <= radius or material[k, 4] == 0.0:
            continue
        s = arc_to_radius(d0, omega, material[k, 0])
        if s < 0.0:
            return -1.0
        z = z0 + s * tanl
        if z < material[k, 1] or z > material[k, 2]:
            continue
        beta_gamma = math.sqrt(kinetic * (kinetic + 2.0 * mass)) / mass
        kinetic -= (scale * material[k, 4] * slope / incidence(d0, omega, material[k, 0])
                    * loss_ratio(beta_gamma, table))
        if kinetic <= 0.0:
            return s
    return -1.0
