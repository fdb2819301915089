"""Form factors to excited mesons and light mesons. Oracle: total rates published for ISGW2 (Scora, Isgur, tables of
D, D*, pi, rho), ratios of tau to light leptons published for BCL and for LLSW, heavy-quark limit, V-A helicities."""

import numpy as np
import pytest

from openbfactory.core.units import hbar
from openbfactory.physics.formfactors import PARAMETRISATIONS, helicity_amplitudes, kernel_parameters
from openbfactory.physics.particles import species

FERMI = 1.1663788e-5
TENSOR = [0.71, -1.6, -0.5, 2.9]
LEADING = [0.71, -1.6, 0.0, 0.0]
HALF = [0.68, -0.2, 0.3]
RHO = [-0.86, 1.43, 0.26, 0.38, 0.16, 0.29, 0.72, 0.37, 0.33, -0.87, 1.88]


def rate(name, parameters, daughter, lepton=0.0, mother="B0"):
    """Rate in 1/ns for a CKM element of 1."""
    top, meson = species(mother), species(daughter)
    a = kernel_parameters(name, np.array(parameters, float), top.pdg, meson.pdg, (top.mass, meson.mass))
    q2, h = np.linspace(lepton**2 + 1e-6, (top.mass - meson.mass) ** 2 - 1e-6, 1500), np.empty(4)
    values = np.empty(len(q2))
    for i, q in enumerate(q2):
        p = np.sqrt(((top.mass - meson.mass) ** 2 - q) * ((top.mass + meson.mass) ** 2 - q)) / (2 * top.mass)
        helicity_amplitudes(PARAMETRISATIONS[name][0], a, top.mass, meson.mass, q, p, h)
        x = lepton**2 / q
        values[i] = p * q * (1 - x) ** 2 * ((h[:3] ** 2).sum() * (1 + x / 2) + 1.5 * x * h[3] ** 2)
    return FERMI**2 / (96 * np.pi**3 * top.mass**2) * np.trapezoid(values, q2) / hbar


@pytest.mark.parametrize(("daughter", "published"), [("D-", 11.9), ("D*-", 24.8), ("pi-", 9.6), ("rho-", 14.2)])
def test_total_rates_of_isgw2(daughter, published):
    assert rate("ISGW2", [], daughter) / 1e3 == pytest.approx(published, rel=0.01)  # 1e12 / s


def test_ratios_with_a_tau():
    tau = species("tau-").mass
    assert rate("BCL", RHO, "rho-", tau) / rate("BCL", RHO, "rho-") == pytest.approx(0.535, abs=0.003)
    assert rate("LLSW", TENSOR, "D_1-", tau) / rate("LLSW", TENSOR, "D_1-") == pytest.approx(0.10, abs=0.01)
    assert rate("LLSW", TENSOR, "D_2*-", tau) / rate("LLSW", TENSOR, "D_2*-") == pytest.approx(0.07, abs=0.01)


CASES = [("ISGW2", [], "D*-"), ("ISGW2", [], "D_1-"), ("ISGW2", [], "D'_1-"), ("ISGW2", [], "D_2*-"),
         ("LLSW", LEADING, "D_1-"), ("LLSW", LEADING, "D_2*-"), ("LLSW", HALF, "D'_1-"), ("BCL", RHO, "rho-")]


@pytest.mark.parametrize(("name", "parameters", "daughter"), CASES)
def test_left_handed_quarks_make_negative_helicities(name, parameters, daughter):
    top, meson = species("B0"), species(daughter)
    a = kernel_parameters(name, np.array(parameters, float), top.pdg, meson.pdg, (top.mass, meson.mass))
    h, mass = np.empty(4), meson.mass
    for share in (0.2, 0.5, 0.8):
        q2 = share * (top.mass - mass) ** 2
        p = np.sqrt(((top.mass - mass) ** 2 - q2) * ((top.mass + mass) ** 2 - q2)) / (2 * top.mass)
        helicity_amplitudes(PARAMETRISATIONS[name][0], a, top.mass, mass, q2, p, h)
        assert abs(h[1]) > abs(h[0])


def test_parameters_that_do_not_fit():
    b = species("B0")
    for name, parameters, daughter in (("LLSW", HALF, "D_2*-"), ("BCL", RHO, "pi-"), ("ISGW2", [1.0], "D-"),
                                       ("ISGW2", [], "J/psi"), ("LLSW", TENSOR, "D*-")):
        meson = species(daughter)
        assert kernel_parameters(name, np.array(parameters), b.pdg, meson.pdg, (b.mass, meson.mass)) is None
