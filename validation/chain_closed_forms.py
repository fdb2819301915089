"""Closed forms for the chains in which EvtGen is wrong, so that the table shows that this program is right there."""

from __future__ import annotations

import numpy as np

from validation.chain_tree import Array, Tree, helicity, mass, polar
from validation.histograms import density_row
from validation.rows import Row

#: squared amplitudes of chi_b2 -> gamma Upsilon for total helicities 0, 1, 2
_FROM_CHI = (1.0, 3.0, 6.0)


def closed_form_rows(name: str, tree: Tree) -> list[Row]:
    """Rows of the closed forms of a chain, none where EvtGen is right."""
    if "tautau" in name:
        return [_tau_pair(name, tree)]
    if name.startswith("09_B0_K2gamma"):
        return [density_row(f"{name} cosK, sin^2 cos^2", helicity("00", tree), lambda c: c * c * (1 - c * c), -1, 1)]
    if name.startswith("13_Y2S_chib2"):
        return [density_row(f"{name} cosg2, spin 2 with populations 6:3:2:3:6", helicity("10", tree), _chi_b2, -1, 1)]
    if name == "13_Lc_Lambdapi_up":
        return [density_row(f"{name} cosz, 1 + P alpha cos", polar("0", tree), lambda c: 1 - 0.84 * c, -1, 1)]
    if name == "06_pi0_eegamma":
        logarithm = np.log10(mass("0+1", tree))
        return [density_row(f"{name} log10_mee, Kroll and Wada", logarithm, _kroll_wada, -2.99, -0.88)]
    return []


def _tau_pair(name: str, tree: Tree) -> Row:
    """Mean product of the pion cosines, (2 f - 1) / 9 with f = 1 / (1 + 1 / (2 gamma^2))."""
    product = helicity("00", tree) * helicity("10", tree)
    gamma = mass("", tree)[0] / (2 * mass("0", tree)[0])
    expected = (2 / (1 + 1 / (2 * gamma**2)) - 1) / 9
    return Row(f"{name} <cos1 cos2>", float(expected), float(product.mean()),
               float(4.5 * product.std() / np.sqrt(len(product))), "closed form")


def _chi_b2(c: Array) -> Array:
    """Photon of chi_b2 -> gamma Upsilon by E1 when chi_b2 comes from Upsilon(2S) -> gamma chi_b2 by E1."""
    from openbfactory.generate.spin import fill_wigner

    population, rate = np.array([6.0, 3.0, 2.0, 3.0, 6.0]), np.zeros(5)
    for photon in (1, -1):
        for k, square in enumerate(_FROM_CHI):
            # helicity of the Upsilon: +1, 0, -1 for a photon of helicity +1
            rate[2 - photon * k] += square
    wigner, found = np.empty((5, 5)), np.zeros(c.shape)
    for index, value in np.ndenumerate(c):
        fill_wigner(4, float(value), wigner)
        found[index] = population @ (wigner**2) @ rate
    return found


def _kroll_wada(x: Array) -> Array:
    """Density in log10(m_ee): beta (1 + 2 m^2 / q2) (1 - q2 / M^2)^3 / (1 - q2 / m_rho^2)^2."""
    from openbfactory.physics.particles import species

    q2, m2 = 10.0 ** (2 * x), species("e-").mass ** 2
    beta = np.sqrt(np.maximum(1 - 4 * m2 / q2, 0.0))
    form = 1 / (1 - q2 / species("rho0").mass ** 2) ** 2
    return beta * (1 + 2 * m2 / q2) * np.maximum(1 - q2 / species("pi0").mass ** 2, 0.0) ** 3 * form
