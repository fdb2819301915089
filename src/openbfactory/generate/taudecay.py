"""Decays of one tau with the vector that analyses its spin: leptonic, pi, K, rho, K*, three pions, more hadrons.

Method: a kernel makes an unpolarised decay in the rest frame of a tau- and its polarimeter vector h, with which the
rate of a tau of spin s is 1 + h . s (W. Fetscher, Phys. Rev. D 42 (1990) 1544; S. Jadach, J. Kuhn, Z. Was, Comput.
Phys. Commun. 64 (1991) 275).  Half a turn of the whole decay then makes it follow any polarisation.  The decay of a
tau+ is the mirror image of that of a tau- with the same h.

- leptonic: d2Gamma/dx dcos ~ sqrt(x^2 - x0^2) [F_IS(x) - cos F_AS(x)] with the Michel parameters rho, eta, xi, delta
  (PDG 2024, review of muon decay parameters); neutrinos as V-A between themselves;
- one scalar: h along it;
- vector to two scalars, three pions: |ubar_nu gamma_mu (1 - gamma_5) u_tau J^mu|^2 with J = q1 - q2, or the current of
  J. Kuhn, A. Santamaria, Z. Phys. C 48 (1990) 445 (a_1 -> rho pi and rho') with the parameters of the decay file;
- other hadrons: phase space of the hadrons times (m^2 - Q^2)(m^2 + 2 Q^2), the transverse current averaged over the
  orientation of the hadrons, h = (m^2 - 2 Q^2)/(m^2 + 2 Q^2) along them.

Approximation: no scalar currents; resonances inside four and more hadrons are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array
from openbfactory.generate.lineshape import breit_wigner
from openbfactory.kinematics.fourvector import boost_from_rest
from openbfactory.kinematics.phasespace import decay_to, two_body_momentum

#: largest value of (m^2 - Q^2)(m^2 + 2 Q^2) / m^4
_LARGEST_CURRENT = 1.125
#: factor of the largest weights that a search finds
MARGIN = 1.2


@dataclass(frozen=True, slots=True)
class Michel:
    """Michel parameters of leptonic tau decays; the default is V-A.

    Attributes
    ----------
    rho, eta
        Shape of the energy spectrum.
    xi, delta
        Size and shape of the dependence on the spin of the tau.
    xi_prime
        Longitudinal polarisation of the charged lepton, see :func:`lepton_polarisation`.
    """

    rho: float = 0.75
    eta: float = 0.0
    xi: float = 1.0
    delta: float = 0.75
    xi_prime: float = 1.0


def michel_of(values: Mapping[str, float | str]) -> Michel:
    """Michel parameters among the values of a sample; V-A where they are not given."""
    return Michel(**{f.name: float(values[f.name]) for f in fields(Michel) if f.name in values})


@njit(cache=True)
def isotropic_spectrum(x: float, x0: float, rho: float, eta: float) -> float:
    """F_IS(x), the spectrum of an unpolarised tau without its factor sqrt(x^2 - x0^2)."""
    return x * (1.0 - x) + 2.0 / 9.0 * rho * (4.0 * x * x - 3.0 * x - x0 * x0) + eta * x0 * (1.0 - x)


@njit(cache=True)
def spin_spectrum(x: float, x0: float, xi: float, delta: float) -> float:
    """F_AS(x), the part that goes with the spin."""
    edge = math.sqrt(1.0 - x0 * x0) - 1.0
    return xi / 3.0 * math.sqrt(max(x * x - x0 * x0, 0.0)) * (1.0 - x + 2.0 / 3.0 * delta * (4.0 * x - 3.0 + edge))


def lepton_polarisation(x: Array, mother: float, lepton: float, michel: Michel | None = None) -> Array:
    """Longitudinal polarisation of the l- of an unpolarised tau- (V-A: near -1), for x = E / E_max.

    -F_IP / F_IS with F_IP = sqrt(x^2 - x0^2) [9 xi' (1 + r - 2 x + 1) + 4 xi (delta - 3/4)(4 x - 4 + r)] / 54,
    r = sqrt(1 - x0^2) (PDG 2024, muon decay parameters).
    """
    m = michel or Michel()
    x0 = 2.0 * mother * lepton / (mother * mother + lepton * lepton)
    root = math.sqrt(1.0 - x0 * x0)
    part = np.sqrt(x * x - x0 * x0) / 54.0 * (9.0 * m.xi_prime * (-2.0 * x + 2.0 + root)
                                             + 4.0 * m.xi * (m.delta - 0.75) * (4.0 * x - 4.0 + root))
    whole = x * (1.0 - x) + 2.0 / 9.0 * m.rho * (4.0 * x * x - 3.0 * x - x0 * x0) + m.eta * x0 * (1.0 - x)
    found: Array = -part / whole
    return found


@njit(cache=True)
def _unit_vector(rng: np.random.Generator) -> tuple[float, float, float]:
    """A random direction."""
    z, phi = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
    s = math.sqrt(1.0 - z * z)
    return s * math.cos(phi), s * math.sin(phi), z


@njit(cache=True)
def leptonic(rng: np.random.Generator, mass: float, masses: Array, michel: Array, bound: float, momenta: Array,
             h: Array) -> None:
    """Fill ``momenta`` of (lepton, its antineutrino, nu_tau) and ``h``; ``bound`` is the largest spectrum."""
    m = masses[0]
    top = (mass * mass + m * m) / (2.0 * mass)
    x0 = m / top
    while True:
        x = x0 + (1.0 - x0) * rng.random()
        value = isotropic_spectrum(x, x0, michel[0], michel[1])
        if rng.random() * bound < value * math.sqrt(x * x - x0 * x0):
            break
    analysis = -spin_spectrum(x, x0, michel[2], michel[3]) / value
    analysis = min(max(analysis, -1.0), 1.0)
    nx, ny, nz = _unit_vector(rng)
    h[0], h[1], h[2] = analysis * nx, analysis * ny, analysis * nz
    e = x * top
    p = math.sqrt(max(e * e - m * m, 0.0))
    out = momenta[0]
    out[0], out[1], out[2], out[3] = e, p * nx, p * ny, p * nz
    _neutrinos(rng, mass, e, p, nx, ny, nz, momenta)


@njit(cache=True)
def _neutrinos(rng: np.random.Generator, mass: float, e: float, p: float, nx: float, ny: float, nz: float,
               momenta: Array) -> None:
    """Fill ``momenta[1]`` (antineutrino) and ``momenta[2]`` (nu_tau) with the V-A weight (p_tau . k1)(p_l . k2)."""
    q = math.sqrt(max((mass - e) ** 2 - p * p, 1e-18))
    inside, whole = mass * p / q, mass * (mass - e) / q  # momentum and energy of the tau in the frame of the pair
    middle = whole - 0.5 * q
    largest = middle * middle if q < 2.0 * inside else (whole - inside) * (whole - q + inside)
    while True:
        kx, ky, kz = _unit_vector(rng)
        along = inside * (kx * nx + ky * ny + kz * nz)
        if rng.random() * largest < (whole - along) * (whole - q + along):
            break
    half = 0.5 * q
    out = momenta[1]
    out[0], out[1], out[2], out[3] = boost_from_rest(half, half * kx, half * ky, half * kz, mass - e, -p * nx, -p * ny,
                                                     -p * nz, q)
    momenta[2, 0] = mass - e - out[0]
    momenta[2, 1], momenta[2, 2], momenta[2, 3] = -p * nx - out[1], -p * ny - out[2], -p * nz - out[3]


@njit(cache=True)
def _two_bodies(mass: float, hadron: float, nx: float, ny: float, nz: float, momenta: Array) -> None:
    """Fill ``momenta`` of (hadron, neutrino), the hadron along the given direction."""
    p = two_body_momentum(mass, hadron, 0.0)
    one, two = momenta[0], momenta[1]
    one[0], one[1], one[2], one[3] = math.sqrt(p * p + hadron * hadron), p * nx, p * ny, p * nz
    two[0], two[1], two[2], two[3] = p, -p * nx, -p * ny, -p * nz


@njit(cache=True)
def scalar(rng: np.random.Generator, mass: float, masses: Array, momenta: Array, h: Array) -> None:
    """Fill ``momenta`` of (scalar, nu_tau) and ``h``."""
    h[0], h[1], h[2] = _unit_vector(rng)
    _two_bodies(mass, masses[0], h[0], h[1], h[2], momenta)


@njit(cache=True)
def vector(rng: np.random.Generator, mass: float, masses: Array, m1: float, m2: float, momenta: Array, inner: Array,
           h: Array) -> None:
    """Fill ``momenta`` of (vector, nu_tau), ``inner`` of its two scalars in the rest frame of the vector, and ``h``."""
    nx, ny, nz = _unit_vector(rng)
    q = masses[0]
    _two_bodies(mass, q, nx, ny, nz, momenta)
    ratio = (mass * mass - q * q) / (q * q)
    while True:
        kx, ky, kz = _unit_vector(rng)
        cosine = kx * nx + ky * ny + kz * nz
        if rng.random() * (1.0 + ratio) < 1.0 + ratio * cosine * cosine:
            break
    k = two_body_momentum(q, m1, m2)
    e = math.sqrt(k * k + m1 * m1)
    inner[0, 0], inner[0, 1], inner[0, 2], inner[0, 3] = e, k * kx, k * ky, k * kz
    inner[1, 0], inner[1, 1], inner[1, 2], inner[1, 3] = q - e, -k * kx, -k * ky, -k * kz
    j0, jx, jy, jz = boost_from_rest(0.0, kx, ky, kz, momenta[0, 0], momenta[0, 1], momenta[0, 2], momenta[0, 3], q)
    analyse(complex(j0), complex(jx), complex(jy), complex(jz), nx, ny, nz, h)


@njit(cache=True)
def analyse(j0: complex, jx: complex, jy: complex, jz: complex, nx: float, ny: float, nz: float, h: Array) -> float:
    """Squared amplitude of a hadronic current J (over the neutrino energy), with ``h`` filled.

    The neutrino is left-handed and flies along -(nx, ny, nz); the amplitude is phi^+ (J0 + sigma . J) chi.
    """
    # spinor of negative helicity along -n is the spinor of spin up along n
    up, side = math.sqrt(max(0.5 * (1.0 + nz), 0.0)), math.sqrt(max(0.5 * (1.0 - nz), 0.0))
    transverse = math.sqrt(nx * nx + ny * ny)
    phase = complex(nx, ny) / transverse if transverse > 0.0 else complex(1.0, 0.0)
    a, b = complex(up, 0.0), (side * phase).conjugate()
    v1 = a * (j0 + jz) + b * (jx + 1j * jy)
    v2 = a * (jx - 1j * jy) + b * (j0 - jz)
    n1, n2 = v1.real**2 + v1.imag**2, v2.real**2 + v2.imag**2
    cross = v1 * v2.conjugate()
    rate = 0.5 * (n1 + n2)
    h[0], h[1], h[2] = cross.real / rate, cross.imag / rate, 0.5 * (n1 - n2) / rate
    return rate


@njit(cache=True)
def resonance(s: float, mass: float, width: float, m1: float, m2: float) -> complex:
    """P-wave Breit-Wigner with running width, 1 at s = 0."""
    square, low, high = mass * mass, (m1 + m2) ** 2, (m1 - m2) ** 2
    gamma = 0.0
    if s > low:
        p = (s - low) * (s - high) / s
        pole = (square - low) * (square - high) / square
        gamma = width * square / s * (p / pole) ** 1.5
    return square / complex(square - s, -math.sqrt(s) * gamma)


@njit(cache=True)
def vector_weight(mass: float, q2: float, pole: float, width: float, m1: float, m2: float) -> float:
    """Rate of a vector of squared mass q2 over a Breit-Wigner of constant width.

    dGamma/dQ^2 ~ (m^2 - Q^2)^2 (m^2 + 2 Q^2) (2 k / Q)^3 |F|^2, running width in F, k the momentum of its decay.
    """
    k = two_body_momentum(math.sqrt(q2), m1, m2)
    form = resonance(q2, pole, width, m1, m2)
    shape = (form.real**2 + form.imag**2) * ((q2 - pole * pole) ** 2 + (pole * width) ** 2) / pole**4
    m = mass * mass
    return (m - q2) ** 2 * (m + 2.0 * q2) / m**3 * (4.0 * k * k / q2) ** 1.5 * shape


@njit(cache=True)
def vector_mass(rng: np.random.Generator, mass: float, pole: float, width: float, low: float, high: float, m1: float,
                m2: float, bound: float) -> float:
    """Mass of the vector of a decay, between low and high; ``bound`` is the largest weight."""
    while True:
        q = breit_wigner(rng, pole, width, low, high)
        if rng.random() * bound < vector_weight(mass, q * q, pole, width, m1, m2):
            return q


@njit(cache=True)
def a1_width(s: float, pion: float, rho: float) -> float:
    """Running of the a_1 width: the function g(s) of Kuhn and Santamaria, eq. (3.16)."""
    threshold = s - 9.0 * pion * pion
    if threshold <= 0.0:
        return 0.0
    if s < (rho + pion) ** 2:
        return 4.1 * threshold**3 * (1.0 - 3.3 * threshold + 5.8 * threshold * threshold)
    return s * (1.623 + 10.38 / s - 9.32 / (s * s) + 0.65 / (s * s * s))


@njit(cache=True)
def three_pions_rate(momenta: Array, odd: int, masses: Array, parameters: Array, h: Array) -> float:
    """Squared amplitude of (pi, pi, pi, nu_tau) with ``h`` filled; ``odd`` is the pion whose charge differs."""
    first, second = (odd + 1) % 3, (odd + 2) % 3
    q = momenta[0] + momenta[1] + momenta[2]
    q2 = q[0] ** 2 - q[1] ** 2 - q[2] ** 2 - q[3] ** 2
    beta, rho, rho_width = parameters[0], parameters[1], parameters[2]
    a1, a1_gamma = parameters[5], parameters[6]
    running = a1_width(q2, masses[odd], rho) / a1_width(a1 * a1, masses[odd], rho)
    whole = a1 * a1 / complex(a1 * a1 - q2, -a1 * a1_gamma * running)
    j = np.zeros(4, np.complex128)
    for k in (first, second):
        pair = momenta[k] + momenta[odd]
        s = pair[0] ** 2 - pair[1] ** 2 - pair[2] ** 2 - pair[3] ** 2
        form = whole * (resonance(s, rho, rho_width, masses[k], masses[odd])
                        + beta * resonance(s, parameters[3], parameters[4], masses[k], masses[odd])) / (1.0 + beta)
        d = momenta[k] - momenta[odd]
        along = (d[0] * q[0] - d[1] * q[1] - d[2] * q[2] - d[3] * q[3]) / q2
        for i in range(4):
            j[i] += form * (d[i] - along * q[i])
    e = momenta[3, 0]
    return e * analyse(j[0], j[1], j[2], j[3], -momenta[3, 1] / e, -momenta[3, 2] / e, -momenta[3, 3] / e, h)


@njit(cache=True)
def _pair_density(s: float, q: float, mk: float, mo: float, ml: float, rho: float, width: float) -> float:
    """Density of a squared mass of (k, odd) drawn from a Breit-Wigner, over the range of the other one."""
    root, scale, pole = math.sqrt(s), rho * width, rho * rho
    first, last = math.atan(((mk + mo) ** 2 - pole) / scale), math.atan(((q - ml) ** 2 - pole) / scale)
    extent = 4.0 * two_body_momentum(root, mk, mo) * two_body_momentum(q, root, ml) * q / root
    return scale / (((s - pole) ** 2 + scale * scale) * (last - first) * extent) if extent > 0.0 else 0.0


@njit(cache=True)
def _propose_pions(rng: np.random.Generator, mass: float, masses: Array, odd: int, parameters: Array, q2: float,
                   momenta: Array, h: Array) -> float:
    """Weight of three pions of squared mass q2 and nu_tau, drawn around the two rho; fills ``momenta`` and ``h``."""
    step = 1 if rng.random() < 0.5 else 2
    k, spectator = (odd + step) % 3, (odd + 3 - step) % 3
    mk, mo, ml, q = masses[k], masses[odd], masses[spectator], math.sqrt(q2)
    rho, width = parameters[1], parameters[2]
    scale, pole = rho * width, rho * rho
    first, last = math.atan(((mk + mo) ** 2 - pole) / scale), math.atan(((q - ml) ** 2 - pole) / scale)
    s = pole + scale * math.tan(first + (last - first) * rng.random())
    root = math.sqrt(min(max(s, (mk + mo) ** 2), (q - ml) ** 2))
    p, inner = two_body_momentum(q, root, ml), two_body_momentum(root, mk, mo)
    ux, uy, uz = _unit_vector(rng)
    vx, vy, vz = _unit_vector(rng)
    nx, ny, nz = _unit_vector(rng)
    _two_bodies(mass, q, nx, ny, nz, momenta)
    system = momenta[0].copy()
    momenta[3] = momenta[1]
    energy = math.sqrt(p * p + root * root)
    for i in range(3):
        sign, m = (1.0 if i == k else -1.0), masses[i]
        if i == spectator:
            e, x, y, z = math.sqrt(p * p + m * m), -p * ux, -p * uy, -p * uz
        else:
            e, x, y, z = boost_from_rest(math.sqrt(inner * inner + m * m), sign * inner * vx, sign * inner * vy,
                                         sign * inner * vz, energy, p * ux, p * uy, p * uz, root)
        out = momenta[i]
        out[0], out[1], out[2], out[3] = boost_from_rest(e, x, y, z, system[0], system[1], system[2], system[3], q)
    both = momenta[odd] + momenta[spectator]
    other = both[0] ** 2 - both[1] ** 2 - both[2] ** 2 - both[3] ** 2
    density = _pair_density(root * root, q, mk, mo, ml, rho, width) + _pair_density(other, q, ml, mo, mk, rho, width)
    if not density > 0.0:
        return 0.0
    return (mass * mass - q2) / q2 * three_pions_rate(momenta, odd, masses, parameters, h) / density


@njit(cache=True)
def pion_envelope(rng: np.random.Generator, mass: float, masses: Array, odd: int, parameters: Array, trials: int,
                  bounds: Array) -> None:
    """Fill ``bounds`` with the largest weight found in equal bins of the squared mass of three pions, with a margin."""
    low = (masses[0] + masses[1] + masses[2]) ** 2
    step = (mass * mass - low) / len(bounds)
    momenta, h = np.empty((4, 4)), np.empty(3)
    for k in range(len(bounds)):
        bounds[k] = 0.0
        for _ in range(trials):
            q2 = low + step * (k + rng.random())
            bounds[k] = max(bounds[k], MARGIN * _propose_pions(rng, mass, masses, odd, parameters, q2, momenta, h))


@njit(cache=True)
def three_pions(rng: np.random.Generator, mass: float, masses: Array, odd: int, parameters: Array, bounds: Array,
                cumulative: Array, momenta: Array, h: Array) -> None:
    """Fill ``momenta`` of (pi, pi, pi, nu_tau) and ``h``; ``cumulative`` is the running sum of ``bounds``."""
    low = (masses[0] + masses[1] + masses[2]) ** 2
    step = (mass * mass - low) / len(bounds)
    while True:
        k = np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")
        q2 = low + step * (k + rng.random())
        if rng.random() * bounds[k] < _propose_pions(rng, mass, masses, odd, parameters, q2, momenta, h):
            return


@njit(cache=True)
def other_hadrons(rng: np.random.Generator, mass: float, masses: Array, count: int, neutrino: int, momenta: Array,
                  scratch: Array, h: Array) -> None:
    """Fill ``momenta`` of several hadrons and nu_tau (at position ``neutrino``), and ``h``."""
    m2 = mass * mass
    while True:
        decay_to(rng, mass, masses, count, momenta, scratch)
        e = momenta[neutrino, 0]
        q2 = m2 - 2.0 * mass * e
        if rng.random() * _LARGEST_CURRENT * m2 * m2 < (m2 - q2) * (m2 + 2.0 * q2):
            break
    for k in range(3):
        h[k] = -momenta[neutrino, k + 1] / e * (m2 - 2.0 * q2) / (m2 + 2.0 * q2)
