"""Machine of a card.

Oracle: two-body kinematics in closed form, and the published values of the nominal
SuperKEKB preset (sqrt(s) = 10.5796 GeV, beta*gamma = 0.2868, p = (0.457, 0, 2.999) GeV,
spread of sqrt(s) 4.99 MeV).
"""

import numpy as np
import pytest

from openbfactory.core.errors import GenerationError, UnknownNameError
from openbfactory.core.random import Address
from openbfactory.experiment import load_card

MACHINE = load_card("belle2").machine


def mass(p4):
    return np.sqrt(p4[..., 0] ** 2 - np.sum(p4[..., 1:] ** 2, axis=-1))


def test_nominal_collision():
    assert pytest.approx(10.5796, abs=1e-4) == MACHINE.sqrt_s
    assert MACHINE.p4[1:] == pytest.approx([0.457, 0.0, 2.999], abs=5e-4)
    beta = np.linalg.norm(MACHINE.boost_vector)
    assert beta / np.sqrt(1 - beta**2) == pytest.approx(0.2868, abs=1e-4)


def test_closed_form_of_s():
    angle = MACHINE.her.angle.value + MACHINE.ler.angle.value
    closed = np.sqrt(2 * MACHINE.her.energy.value * MACHINE.ler.energy.value * (1 + np.cos(angle)))
    assert pytest.approx(closed, rel=1e-7) == MACHINE.sqrt_s


def test_units_are_native():
    assert MACHINE.her.angle.value == pytest.approx(0.0415)
    assert MACHINE.luminous_region.z.value == pytest.approx(0.025)
    assert MACHINE.luminous_region.z.unit == "cm"
    assert load_card("belle").machine.luminous_region.z.value == pytest.approx(0.6)


def test_spread_and_vertex():
    p4, vertex = MACHINE.initial_states(200_000, Address(1, "test").generator())
    assert np.std(mass(p4)) == pytest.approx(4.99e-3, rel=0.01)  # 0.16 % statistical: 6 sigma
    assert np.mean(mass(p4)) == pytest.approx(MACHINE.sqrt_s, abs=6e-5)
    assert np.std(vertex, axis=0) == pytest.approx([0, 10e-4, 0.2e-4, 250e-4], rel=0.01)


def test_addressed():
    a, b = (MACHINE.initial_states(5, Address(1, "x", 3).generator())[0] for _ in range(2))
    assert np.array_equal(a, b)


def test_off_resonance():
    p4, _ = MACHINE.initial_states(50_000, Address(2, "off").generator(), off_resonance=True)
    assert np.mean(mass(p4)) == pytest.approx(MACHINE.sqrt_s - 0.060, abs=1.5e-4)
    assert MACHINE.cross_section("charged", off_resonance=True) == 0
    ratio = MACHINE.cross_section("ccbar", off_resonance=True) / MACHINE.cross_section("ccbar")
    assert ratio == pytest.approx((MACHINE.sqrt_s / (MACHINE.sqrt_s - 0.06)) ** 2)


def test_threshold():
    p4, _ = MACHINE.initial_states(100_000, Address(3, "low").generator(), threshold=10.575)
    assert mass(p4).min() > 10.575
    with pytest.raises(GenerationError, match="threshold"):
        MACHINE.initial_states(10, Address(3, "low").generator(), threshold=11.0)


def test_cross_sections():
    total = MACHINE.cross_section("charged") + MACHINE.cross_section("mixed")
    assert total == pytest.approx(1.110, abs=1e-9)
    assert MACHINE.expected("taupair") == pytest.approx(0.919e6 * 362)
    with pytest.raises(UnknownNameError, match="taupair"):
        MACHINE.cross_section("taupairs")


def test_belle():
    belle = load_card("belle").machine
    assert belle.sqrt_s == pytest.approx(10.58, abs=2e-3)
    beta = np.linalg.norm(belle.boost_vector)
    assert beta / np.sqrt(1 - beta**2) == pytest.approx(0.425, abs=2e-3)


def test_off_resonance_machine_equals_the_flag():
    """Oracle: the same collider asked with ``off_resonance=True``."""
    from openbfactory.experiment import load_card

    machine = load_card("belle2").machine
    off = machine.at_off_resonance()
    assert off.sqrt_s == pytest.approx(machine.sqrt_s - 0.060, abs=1e-9)
    assert off.p4 == pytest.approx(machine.nominal_p4(off_resonance=True), rel=1e-6)
    assert off.cross_section("uubar") == pytest.approx(machine.cross_section("uubar", off_resonance=True))
    assert off.cross_section("charged") == 0.0
    assert off.integrated_luminosity() == 42.0
    assert off.sqrt_s != machine.sqrt_s
