"""Boosts and masses. Oracle: closed forms (invariance of the mass, velocity addition, a round trip)."""

import numpy as np

from openbfactory.kinematics.fourvector import boost, mass, momentum, unboost


def vectors(seed, n=1000):
    rng = np.random.default_rng(seed)
    p = rng.normal(size=(3, n))
    m = rng.uniform(0.1, 5.0, n)
    return (np.sqrt(m**2 + (p**2).sum(0)), *p), m


def test_mass_and_momentum():
    p, m = vectors(1)
    np.testing.assert_allclose(mass(*p), m, rtol=1e-12)
    np.testing.assert_allclose(momentum(*p[1:]), np.sqrt(p[0] ** 2 - m**2), rtol=1e-12)


def test_boost_keeps_the_mass_and_is_undone():
    p, m = vectors(2)
    system, _ = vectors(3)
    moved = boost(p, system)
    np.testing.assert_allclose(mass(*moved), m, rtol=1e-10)
    for there, back in zip(p, unboost(moved, system), strict=True):
        np.testing.assert_allclose(back, there, atol=1e-11)


def test_a_system_is_at_rest_in_its_own_frame():
    p, m = vectors(4)
    e, px, py, pz = unboost(p, p)
    np.testing.assert_allclose(e, m, rtol=1e-11)
    assert np.abs([px, py, pz]).max() < 1e-12


def test_velocities_add_as_einstein_says():
    one, zero = np.array([1.0]), np.array([0.0])
    fast = (np.cosh(0.7) * one, zero, zero, np.sinh(0.7) * one)
    faster = boost(fast, (np.cosh(1.1) * one, zero, zero, np.sinh(1.1) * one))
    np.testing.assert_allclose(np.arctanh(faster[3] / faster[0]), 1.8, rtol=1e-12)
