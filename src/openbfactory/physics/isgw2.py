"""Form factors of the quark model ISGW2 (D. Scora, N. Isgur, Phys. Rev. D 52, 2783), ground states and excitations.

Method: with m_b, m_q, m_d the masses of the heavy quark, the quark it becomes and the spectator, beta the oscillator
parameters of the mesons, beta_BX^2 their mean square, t_m = (M - m)^2, and barred masses spin-averaged, the form
factors are quark-model overlaps times::

    F_n = sqrt(m~_X / m~_B) (beta_X beta_B / beta_BX^2)^(n/2) (1 + r^2 (t_m - t) / 6 N)^(-N),   n = 3, 5; N = 2, 3
    r^2 = 3 / (4 m_b m_q) + 3 m_d^2 / (2 m_B m_X beta_BX^2)
          + 16 ln(alpha_s(0.1) / alpha_s(m_q)) / (m_B m_X (33 - 2 n_f))

(radial excitations n = 3, N = 4; appendix C of the reference).  The constants are data (isgw2.yaml); the scale of
the radiative corrections to vector mesons, sqrt(M m_q) with M the mass of the meson, is the choice of EvtGen.

Approximation: the overall dependence on the mass of a broad daughter is left to its line shape.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import yaml
from numba import njit

from openbfactory.physics.covariant import fill_scalar, fill_tensor, fill_vector
from openbfactory.physics.particles import DATA, species_table

Array = npt.NDArray[Any]

#: numbers of the multiplets
MULTIPLETS: dict[str, int] = {"1S0": 0, "3S1": 1, "2 1S0": 2, "2 3S1": 3, "1P1": 4, "3P1": 5, "3P0": 6, "3P2": 7}
#: squared scale of the strong coupling [GeV^2], where the coupling is frozen [GeV] and at what value
_LAMBDA2, _FROZEN, _COUPLING = 0.04, 0.6, 0.6
#: quark mass [GeV] from which four flavours count
_CHARM: Final = 1.85
#: where daughters are slower than this share of t_m the form factors stay constant
_NEAR: Final = 0.99


@cache
def _constants() -> dict[tuple[int, int], Array]:
    """Constants of each decay by the absolute codes of mother and daughter."""
    document = yaml.safe_load((DATA / "isgw2.yaml").read_text(encoding="utf-8"))
    table, found = species_table(), {}
    for multiplet, mothers, daughters, quark, beta, mean, flavours, factor in document["daughters"]:
        for key in mothers:
            m = document["mothers"][key]
            average = m["radial"] if multiplet.startswith("2 ") else m["mean"]
            row = np.array([MULTIPLETS[multiplet], m["heavy"], m["spectator"], m["beta"] ** 2, average, m["flavours"],
                            quark, beta * beta, mean, flavours, factor], np.float64)
            for mother in m["names"]:
                for daughter in daughters:
                    if mother in table and daughter in table:
                        found[abs(table[mother].pdg), abs(table[daughter].pdg)] = row
    return found


def isgw2_constants(mother: int, daughter: int) -> Array | None:
    """Constants (11,) of a decay by the codes of mother and daughter; None where the model has none."""
    return _constants().get((abs(mother), abs(daughter)))


@njit(cache=True)
def _coupling(quark: float, scale: float) -> float:
    """Strong coupling at a scale, with the flavours below a quark."""
    if scale <= _FROZEN:
        return _COUPLING
    flavours = 4.0 if quark >= _CHARM else 3.0
    return 12.0 * math.pi / (33.0 - 2.0 * flavours) / math.log(scale * scale / _LAMBDA2)


@njit(cache=True)
def _matching(a: Array) -> tuple[float, float, float]:
    """C_ji, gamma_ji and z_ji of the matching to the heavy-quark theory."""
    heavy, quark = a[1], a[6]
    power = -6.0 / (33.0 - 2.0 * a[5])
    z = quark / heavy
    c = (_coupling(heavy, heavy) / _coupling(quark, quark)) ** power
    return c, -2.0 - 2.0 * z / (1.0 - z) * math.log(z), z


@njit(cache=True)
def _ground_scalar(a: Array, overlap: float, out: Array) -> None:
    """Sum and difference of f_+ and f_- of a 1S0 state."""
    heavy, spectator, bb2, mean_b, quark, bx2, mean_x = a[1], a[2], a[3], a[4], a[6], a[7], a[8]
    mtb, mtx = heavy + spectator, quark + spectator
    c, gamma, z = _matching(a)
    chi = -1.0 - gamma / (1.0 - z)
    alpha = _coupling(quark, math.sqrt(heavy * quark)) / math.pi
    recoil = spectator * quark * bb2 * (1.0 / quark + 1.0 / heavy) / (mtx * (bb2 + bx2))
    ratio = math.sqrt(mean_b * mtx / (mtb * mean_x))
    out[0] = overlap / ratio * c * (1.0 + (gamma - 2.0 / 3.0 * chi) * alpha) * (2.0 - mtx / quark * (1.0 - recoil))
    out[1] = overlap * ratio * c * (1.0 + (gamma + 2.0 / 3.0 * chi) * alpha) * mtb / quark * (1.0 - recoil)


@njit(cache=True)
def _ground_vector(a: Array, overlap: float, w: float, mother: float, out: Array) -> None:
    """f, g and sum and difference of a_+ and a_- of a 3S1 state."""
    heavy, spectator, bb2, mean_b, quark, bx2, mean_x = a[1], a[2], a[3], a[4], a[6], a[7], a[8]
    mtb, mtx, mix = heavy + spectator, quark + spectator, 0.5 * (a[3] + a[7])
    sum_inverse, difference_inverse = 1.0 / quark + 1.0 / heavy, 1.0 / quark - 1.0 / heavy
    c, gamma, z = _matching(a)
    chi = -1.0 - gamma / (1.0 - z)
    alpha = _coupling(quark, math.sqrt(mother * quark)) / math.pi
    common = 4.0 / (3.0 * (1.0 - z)) + 2.0 * (1.0 + z) * gamma / (3.0 * (1.0 - z) ** 2)
    beta_sum, beta_difference = -1.0 - chi + common, 1.0 / 3.0 - chi - common + gamma
    masses = math.sqrt(mean_x * mean_b / (mtx * mtb))
    tail = spectator * bx2 * (1.0 - spectator * bx2 / (2.0 * mtb * mix)) / ((1.0 + w) * quark * heavy * mix)
    out[0] = (a[10] * mtb * (1.0 + w + 0.5 * spectator * (w - 1.0) * sum_inverse) * overlap * masses
              * c * (1.0 + (gamma - 2.0 / 3.0) * alpha))
    out[1] = (0.5 * (1.0 / quark - spectator * bb2 * difference_inverse / (2.0 * mtx * mix)) * overlap / masses
              * c * (1.0 + (gamma + 2.0 / 3.0) * alpha))
    out[2] = (c * (tail - beta_sum * alpha / mtb) * overlap
              * math.sqrt(mtb**3 * mean_x / (mean_b**3 * mtx)))
    out[3] = (-(mtb / heavy - 0.5 * spectator * bx2 * sum_inverse / mix + w * mtb * tail) * overlap / masses
              * c * (1.0 + beta_difference * alpha) / mtx)


@njit(cache=True)
def _radial_scalar(a: Array, overlap: float, w: float, out: Array) -> None:
    """Sum and difference of f_+ and f_- of a 2 1S0 state."""
    heavy, spectator, bb2, mean_b, quark, bx2, mean_x = a[1], a[2], a[3], a[4], a[6], a[7], a[8]
    mtb, mtx, mix = heavy + spectator, quark + spectator, 0.5 * (a[3] + a[7])
    ratio = math.sqrt(mean_b * mtx / (mtb * mean_x))
    tau = spectator * spectator * bx2 * (w - 1.0) / (bb2 * mix)
    u = (bb2 - bx2) / (2.0 * mix) + bb2 * tau / (3.0 * mix)
    v = bb2 * (1.0 + quark / heavy) / (6.0 * mix) * (7.0 - bb2 / mix * (5.0 + tau))
    out[0] = overlap / ratio * math.sqrt(1.5) * ((1.0 - spectator / quark) * u - spectator * v / quark)
    out[1] = overlap * ratio * math.sqrt(1.5) * mtb / quark * (u + spectator * v / mtx)


@njit(cache=True)
def _radial_vector(a: Array, overlap: float, w: float, out: Array) -> None:
    """f, g and sum and difference of a_+ and a_- of a 2 3S1 state."""
    heavy, spectator, bb2, mean_b, quark, bx2, mean_x = a[1], a[2], a[3], a[4], a[6], a[7], a[8]
    mtb, mtx, mix = heavy + spectator, quark + spectator, 0.5 * (a[3] + a[7])
    inverse = 1.0 / quark - 1.0 / heavy
    rb, rx = math.sqrt(mean_b / mtb), math.sqrt(mean_x / mtx)
    tau = spectator * spectator * bx2 * (w - 1.0) / (bb2 * mix)
    u = (bb2 - bx2) / (2.0 * mix) + bb2 * tau / (3.0 * mix)
    out[0] = a[10] * math.sqrt(1.5) * mtb * (1.0 + w) * u * overlap * rb * rx
    out[1] = math.sqrt(0.375) * overlap / (rb * rx) * (
        (1.0 / quark - spectator * bb2 * inverse / (2.0 * mtx * mix)) * u
        + spectator * bb2 * bx2 * inverse / (3.0 * mtx * mix * mix))
    out[2] = overlap * rx / rb**3 * math.sqrt(2.0 / 3.0) * bb2 / (quark * heavy * mix) * (
        -7.0 * spectator**2 * bx2 * bx2 * (1.0 + tau / 7.0) / (8.0 * mtb * mix * mix)
        + 5.0 * spectator * bx2 * (1.0 + tau / 5.0) / (4.0 * mix)
        + 3.0 * spectator**2 * bx2 * bx2 / (8.0 * mtb * bb2 * mix) - 3.0 * spectator * bx2 / (4.0 * bb2))
    out[3] = overlap / (rb * rx) * math.sqrt(1.5) * mtb / (heavy * mtx) * (
        1.0 - bb2 * (1.0 + tau / 7.0) / mix
        - spectator * bx2 * (1.0 - 5.0 * bb2 * (1.0 + tau / 5.0) / (3.0 * mix)) / (2.0 * mtb * mix)
        - 7.0 * spectator**2 * bb2 * bx2 / (12.0 * quark * mtb * mix * mix) * (
            1.0 - bx2 / mix + bb2 * tau / (7.0 * mix)))


@njit(cache=True)
def _axial_singlet(a: Array, overlap: float, w: float, out: Array) -> None:
    """f, g and sum and difference of a_+ and a_- of a 1P1 state (with a heavy quark: light spin 3/2)."""
    heavy, spectator, bb2, mean_b, quark, mean_x = a[1], a[2], a[3], a[4], a[6], a[8]
    mtb, mtx, mix, beta = heavy + spectator, quark + spectator, 0.5 * (a[3] + a[7]), math.sqrt(a[3])
    plus, minus = 1.0 / quark + 1.0 / heavy, 1.0 / quark - 1.0 / heavy
    rb, rx = math.sqrt(mean_b / mtb), math.sqrt(mean_x / mtx)
    f5r, f5v, f5s = overlap * rb * rx, overlap / (rb * rx), overlap * rx / rb**3
    if quark == spectator:
        out[0] = f5r * mtb * beta / math.sqrt(2.0) * (
            plus + spectator * mtx * (w - 1.0) ** 2 / (3.0 * quark * bb2))
        out[1] = f5v * (mtb * beta / (4.0 * math.sqrt(2.0) * heavy * quark * mtx)
                        + (w - 1.0) * spectator / (6.0 * math.sqrt(2.0) * beta * mtx))
        out[2] = spectator * f5s / (math.sqrt(2.0) * beta * mtb) * (
            1.0 - spectator / quark + 0.5 * spectator * bb2 * plus / mix)
        out[3] = spectator * f5v / (math.sqrt(2.0) * beta * quark) * (
            (4.0 - w) / 3.0 - spectator * quark * bb2 * plus / (2.0 * mtx * mix))
        return
    out[0] = -2.0 * mtb * beta / math.sqrt(3.0) * f5r * (
        1.0 / quark + mtx * spectator * (w - 1.0) / (2.0 * bb2) * (
            (w + 1.0) / (2.0 * quark) - spectator * bb2 * minus / (2.0 * mtx * mix)))
    out[1] = -spectator * f5v / (2.0 * math.sqrt(3.0) * beta * mtx) * (
        (w + 1.0) / 2.0 + bb2 * mtb / (2.0 * spectator * quark * heavy))
    out[2] = -math.sqrt(3.0) * spectator * f5s / (2.0 * beta * mtb) * (
        1.0 - spectator / (3.0 * quark) - spectator * bb2 / (3.0 * mix) * (0.5 * minus - plus))
    out[3] = -spectator * f5v / (2.0 * math.sqrt(3.0) * beta * mtx) * (
        (2.0 - w) * mtx / quark + spectator * bb2 / mix * (0.5 * minus - plus))


@njit(cache=True)
def _axial_triplet(a: Array, overlap: float, w: float, out: Array) -> None:
    """f, g and sum and difference of a_+ and a_- of a 3P1 state (with a heavy quark: light spin 1/2)."""
    heavy, spectator, bb2, mean_b, quark, bx2, mean_x = a[1], a[2], a[3], a[4], a[6], a[7], a[8]
    mtb, mtx, mix, beta = heavy + spectator, quark + spectator, 0.5 * (a[3] + a[7]), math.sqrt(a[3])
    minus = 1.0 / quark - 1.0 / heavy
    rb, rx = math.sqrt(mean_b / mtb), math.sqrt(mean_x / mtx)
    f5l, f5q, f5c = overlap * rb * rx, overlap / (rb * rx), overlap * rx / rb**3
    if quark == spectator:
        out[0] = -mtb * beta * f5l * (minus + spectator * mtx * (w - 1.0) / bb2 * (
            (5.0 + w) / (6.0 * quark) - 0.5 * spectator * bb2 * minus / (mtx * mix)))
        out[1] = -spectator * (5.0 + w) * f5q / (12.0 * mtx * beta)
        common = 0.5 * spectator * quark * bb2 * minus / (mtx * mix)
        out[2] = -spectator * mtx * f5c / (2.0 * quark * mtb * beta) * (1.0 - common)
        out[3] = spectator * f5q / (2.0 * quark * beta) * ((w + 2.0) / 3.0 - common)
        return
    out[0] = f5l * math.sqrt(2.0 / 3.0) * mtb * beta * (
        0.5 / quark - 1.5 / heavy + spectator * mtx * (w - 1.0) / bb2 * (
            1.0 / quark - 0.5 * spectator * bb2 * minus / (mtx * mix)))
    out[1] = f5q / math.sqrt(6.0) * spectator / (beta * mtx) * (1.0 - bb2 * mtb / (4.0 * spectator * quark * heavy))
    out[2] = spectator**2 * bx2 * f5c / (math.sqrt(6.0) * mtb * quark * beta * mix)
    out[3] = -math.sqrt(2.0 / 3.0) * spectator * f5q / (beta * mtx) * (1.0 + spectator * bx2 / (2.0 * quark * mix))


@njit(cache=True)
def _tensor(a: Array, overlap: float, w: float, out: Array) -> None:
    """k, h and sum and difference of b_+ and b_- of a 3P2 state."""
    heavy, spectator, bb2, mean_b, quark, bx2, mean_x = a[1], a[2], a[3], a[4], a[6], a[7], a[8]
    mtb, mtx, mix, beta = heavy + spectator, quark + spectator, 0.5 * (a[3] + a[7]), math.sqrt(a[3])
    plus, minus = 1.0 / quark + 1.0 / heavy, 1.0 / quark - 1.0 / heavy
    rb, rx = math.sqrt(mean_b / mtb), math.sqrt(mean_x / mtx)
    tail = 1.0 - spectator * bx2 / (2.0 * mtb * mix)
    out[0] = overlap * rx / rb * spectator / (math.sqrt(2.0) * beta) * (1.0 + w)
    out[1] = overlap / (rb**3 * rx) * spectator / (math.sqrt(8.0) * beta * mtb) * (
        1.0 / quark - 0.5 * spectator * bb2 * minus / (mtx * mix))
    out[2] = (overlap * rx / rb**5 * spectator**2 * bx2 / (math.sqrt(32.0) * beta * quark * heavy * mtb * mix) * tail)
    out[3] = -overlap / (rb**3 * rx) * spectator / (math.sqrt(2.0) * beta * heavy * mtx) * (
        1.0 - 0.5 * spectator * heavy * bx2 * plus / (mtb * mix) + spectator * bx2 * tail / (4.0 * quark * mix))


@njit(cache=True)
def isgw2_amplitudes(a: Array, mother: float, daughter: float, q2: float, p: float, out: Array) -> None:
    """Fill ``out`` with H_+, H_-, H_0, H_t; ``a`` is from :func:`isgw2_constants`."""
    multiplet, heavy, spectator, mean_b, quark, mean_x = int(a[0]), a[1], a[2], a[4], a[6], a[8]
    largest = (mother - daughter) ** 2
    t = q2 if q2 <= largest else _NEAR * largest
    mix = 0.5 * (a[3] + a[7])
    radius = (3.0 / (4.0 * heavy * quark) + 1.5 * spectator**2 / (mean_b * mean_x * mix)
              + 16.0 / (mean_b * mean_x * (33.0 - 2.0 * a[9])) * math.log(_COUPLING / _coupling(quark, quark)))
    w = 1.0 + (largest - t) / (2.0 * mean_b * mean_x)
    size, narrow = math.sqrt((quark + spectator) / (heavy + spectator)), math.sqrt(a[3] * a[7]) / mix
    if multiplet <= 1:
        overlap = size * narrow**1.5 / (1.0 + radius * (largest - t) / 12.0) ** 2
    elif multiplet <= 3:
        overlap = size * narrow**1.5 / (1.0 + radius * (largest - t) / 24.0) ** 4
    else:
        overlap = size * narrow**2.5 / (1.0 + radius * (largest - t) / 18.0) ** 3
    if multiplet == 0:
        _ground_scalar(a, overlap, out)
    elif multiplet == 1:
        _ground_vector(a, overlap, w, mother, out)
    elif multiplet == 2:
        _radial_scalar(a, overlap, w, out)
    elif multiplet == 3:
        _radial_vector(a, overlap, w, out)
    elif multiplet == 4:
        _axial_singlet(a, overlap, w, out)
    elif multiplet == 5:
        _axial_triplet(a, overlap, w, out)
    elif multiplet == 6:
        rb, rx = math.sqrt(mean_b / (heavy + spectator)), math.sqrt(mean_x / (quark + spectator))
        common = overlap * math.sqrt(2.0 / (3.0 * a[3])) * spectator
        out[0], out[1] = -common * rx / rb, common * rb / rx * (heavy + spectator) / (quark + spectator)
    else:
        _tensor(a, overlap, w, out)
    if multiplet in (0, 2, 6):
        fill_scalar(0.5 * (out[0] + out[1]), 0.5 * (out[0] - out[1]), mother, daughter, q2, p, out)
        return
    f, g, plus, minus = out[0], out[1], 0.5 * (out[2] + out[3]), 0.5 * (out[2] - out[3])
    if multiplet == 7:
        fill_tensor(f, g, plus, minus, mother, daughter, q2, p, out)
    else:
        fill_vector(f, g, plus, minus, mother, daughter, q2, p, out)
