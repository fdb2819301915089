"""Oracles: closed forms (back-to-back pair, planar three-fold star, isotropic sphere), NumPy's Legendre polynomials,
sums written out, and the event shape and KSFW moments of this room on the same momenta."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import legendre

from openbfactory.reconstruct import event_axes as ea
from openbfactory.reconstruct.continuum import Sides, continuum_variables, two_sides
from openbfactory.reconstruct.event_shape import event_shape
from openbfactory.reconstruct.ksfw import ksfw_moments
from openbfactory.reconstruct.missing import to_cms
from openbfactory.reconstruct.rest_of_event import rest_of_event

SQRT_S = 10.58
ONE = (np.array([0]), np.array([2]))


def _massless(momenta: np.ndarray) -> np.ndarray:
    return np.column_stack([np.linalg.norm(momenta, axis=1), momenta])


def _events(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    end = np.cumsum(rng.integers(3, 15, n))
    return _massless(rng.normal(0, [0.5, 0.6, 1.0], (end[-1], 3))), np.concatenate([[0], end[:-1]]), end


def test_back_to_back_pair() -> None:
    u = np.array([0.6, 0.0, 0.8])
    p = _massless(np.array([2 * u, -2 * u]))
    both = ea.hemispheres(p, *ONE, u)
    assert np.allclose(both.forward[0], [2, *(2 * u)])
    assert np.allclose(both.backward[0], [2, *(-2 * u)])
    found = both.variables()
    assert found["forwardHemisphereMass"][0] == pytest.approx(0, abs=1e-7)
    assert found["backwardHemisphereMomentum"][0] == pytest.approx(2)
    assert found["backwardHemisphereZ"][0] == pytest.approx(-1.6)
    assert np.allclose(ea.cleo_cones(p, *ONE, u)[0], [4, 0, 0, 0, 0, 0, 0, 0, 0])
    assert np.allclose(ea.harmonic_moments(p, *ONE, u, SQRT_S)[0], np.array([4, 0] * 4 + [4]) / SQRT_S)
    assert np.allclose(ea.fox_wolfram_moments(p, *ONE)[0], [16, 0] * 4 + [16])
    across = ea.cleo_cones(p, *ONE, np.array([0.0, 1.0, 0.0]))[0]
    assert np.allclose(across, [0] * 8 + [4])


def test_planar_three_fold_star() -> None:
    """About one arm the others lie at 120 degrees, folded to 60; the hemisphere of that arm is massless."""
    angle = 2 * np.pi * np.arange(3) / 3
    p = _massless(np.column_stack([np.sin(angle), np.zeros(3), np.cos(angle)]))
    begin, end, z = np.array([0]), np.array([3]), np.array([0.0, 0.0, 1.0])
    cones = ea.cleo_cones(p, begin, end, z)[0]
    assert cones[0] == pytest.approx(1)
    assert cones[5] + cones[6] == pytest.approx(2)
    found = ea.hemispheres(p, begin, end, z).variables()
    assert found["forwardHemisphereMass"][0] == pytest.approx(0, abs=1e-7)
    assert found["backwardHemisphereMass"][0] == pytest.approx(np.sqrt(3))
    expected = [3 + 6 * legendre.legval(-0.5, np.eye(9)[order]) for order in range(9)]
    assert np.allclose(ea.fox_wolfram_moments(p, begin, end)[0], expected)


def test_isotropic_sphere() -> None:
    """Cones hold the solid angle of their interval; hemispheres hold half of the energy and have the same mass."""
    n = 4000
    i = np.arange(n) + 0.5
    z, phi = 1 - 2 * i / n, np.pi * (1 + 5**0.5) * i
    rho = np.sqrt(1 - z * z)
    p = _massless(np.column_stack([rho * np.cos(phi), rho * np.sin(phi), z]))
    begin, end, axis = np.array([0]), np.array([n]), np.array([0.3, -0.5, 0.7])
    edges = np.cos(np.deg2rad(10 * np.arange(10)))
    assert np.allclose(ea.cleo_cones(p, begin, end, axis)[0] / n, edges[:-1] - edges[1:], atol=0.004)
    found = ea.hemispheres(p, begin, end, axis).variables()
    assert found["forwardHemisphereEnergy"][0] == pytest.approx(n / 2, rel=0.01)
    assert found["forwardHemisphereMass"][0] == pytest.approx(n / 2 * np.sqrt(0.75), rel=0.01)
    moments = ea.fox_wolfram_moments(p, begin, end)[0]
    assert np.all(abs(moments[1:] / moments[0]) < 1e-3)
    assert np.all(abs(ea.harmonic_moments(p, begin, end, axis, SQRT_S)[0, 1:]) * SQRT_S / n < 0.01)


def test_moments_are_those_of_numpy_and_of_the_event_shape() -> None:
    p, begin, end = _events(25, seed=1)
    shape = event_shape(p, begin, end, SQRT_S)
    fox, harmonic = ea.fox_wolfram_moments(p, begin, end), ea.harmonic_moments(p, begin, end, shape.thrustAxis, SQRT_S)
    assert np.allclose(fox[:, :5] / fox[:, :1], shape.foxWolframR)
    assert np.allclose(harmonic[:, :5], shape.harmonicMomentThrust)
    for n in range(25):
        momenta = p[begin[n]:end[n], 1:]
        size = np.linalg.norm(momenta, axis=1)
        cosine = np.clip(momenta @ momenta.T / np.outer(size, size), -1, 1)
        for order in range(9):
            value = legendre.legval(cosine, np.eye(9)[order])
            assert fox[n, order] == pytest.approx(np.sum(np.outer(size, size) * value), abs=1e-9)


def test_hemispheres_and_cones_hold_everything_once() -> None:
    p, begin, end = _events(25, seed=2)
    axis = np.random.default_rng(3).normal(size=(25, 3))
    both, cones = ea.hemispheres(p, begin, end, axis), ea.cleo_cones(p, begin, end, axis)
    for n in range(25):
        rows = p[begin[n]:end[n]]
        assert np.allclose(both.forward[n] + both.backward[n], rows.sum(0))
        assert np.allclose(both.forward[n], rows[rows[:, 1:] @ axis[n] > 0].sum(0))
        angle = np.degrees(np.arccos(abs(rows[:, 1:] @ axis[n]) / rows[:, 0] / np.linalg.norm(axis[n])))
        assert np.allclose(cones[n], np.histogram(angle, np.arange(0, 91, 10), weights=rows[:, 0])[0])


def test_continuum_variables_in_closed_form() -> None:
    """Candidate along x and rest of event along z: axes at right angles."""
    p = _massless(np.array([[1.0, 0, 0], [-1, 0, 0], [0, 0, 1.5], [0, 0, -1.5]]))
    sides = Sides(p, np.array([1, -1, 1, -1]), np.array([0]), np.array([2]), np.array([4]))
    found = continuum_variables(sides, SQRT_S)
    assert found["thrustBm"][0] == pytest.approx(1)
    assert found["thrustOm"][0] == pytest.approx(1)
    assert found["cosTBTO"][0] == pytest.approx(0, abs=1e-9)
    assert found["cosTBz"][0] == pytest.approx(0, abs=1e-9)
    assert found["R2"][0] == pytest.approx((4 + 9 - 2 * 6 / 2) / 25)  # P_2 is 1 along and -1/2 across
    assert found["CleoConeCS(1)"][0] == pytest.approx(2)
    assert found["CleoConeCS(9)"][0] == pytest.approx(3)
    assert found["CleoConeCS(1, ROE)"][0] == 0
    assert found["CleoConeCS(9, ROE)"][0] == pytest.approx(3)
    ksfw = ksfw_moments(p, sides.charge, sides.begin, sides.split, sides.end, SQRT_S)[0]
    assert found["KSFWVariables(et)"][0] == ksfw[0]
    assert found["KSFWVariables(hoo4)"][0] == ksfw[17]


def test_an_empty_side_gives_nan_that_passes_no_cut() -> None:
    p = _massless(np.array([[1.0, 0, 0], [-1, 0, 0]]))
    found = continuum_variables(Sides(p, np.array([1, -1]), np.array([0]), np.array([2]), np.array([2])), SQRT_S)
    for name in ("thrustOm", "cosTBTO"):
        assert np.isnan(found[name][0])
    nothing = continuum_variables(Sides(p[:0], np.empty(0, np.int64), *(np.array([0]),) * 3), SQRT_S)
    assert np.isnan(nothing["R2"][0])
    assert np.isnan(nothing["CleoConeCS(1)"][0])


def test_two_sides_hold_the_particles_of_candidate_and_rest() -> None:
    rng = np.random.default_rng(4)
    beam = np.array([11.006, 0.456, 0.0, 2.998])
    tracks, clusters = (_massless(rng.normal(size=(m, 3))) for m in (9, 5))
    charge = rng.choice([-1, 1], 9)
    used = np.array([[0, 2], [1, -1], [5, 6]])
    rest = rest_of_event(np.array([0, 0, 1]), {"tracks": np.array([0, 4, 9]), "clusters": np.array([0, 2, 5])},
                         tracks=used, cluster_track=np.array([-1, 3, -1, 5, -1]))
    counts = np.array([2, 1, 2])
    rows = used[used >= 0]
    sides = two_sides(tracks[rows], charge[rows], counts, rest, tracks, charge, clusters, beam)
    assert list(sides.split - sides.begin) == [2, 1, 2]
    assert list(sides.end - sides.split) == [2 + 1, 3 + 1, 3 + 2]
    assert np.allclose(sides.p4[sides.begin[2]:sides.split[2]], to_cms(tracks[[5, 6]], beam))
    others = np.concatenate([tracks[[4, 7, 8]], clusters[[2, 4]]])
    assert np.allclose(sides.p4[sides.split[2]:sides.end[2]], to_cms(others, beam))
    assert list(sides.charge[sides.split[2]:sides.end[2]]) == [*charge[[4, 7, 8]], 0, 0]
