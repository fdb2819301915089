"""Oracles: the plain vertex fit (nothing to remove), toy vertices with known truth, planted tracks from elsewhere.

Statistical thresholds have a false-alarm rate of 1e-5 each with fixed seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from openbfactory.core.units import speed_of_light
from openbfactory.kinematics import helix, vertexfit
from openbfactory.kinematics.adaptivefit import fit_adaptive
from openbfactory.reconstruct import tag_vertex
from openbfactory.reconstruct.rest_of_event import Remaining

FIELD = 1.5
SIGMA = np.array([20e-4, 0.5e-3, 2e-5, 25e-4, 0.5e-3])
BEAM = np.array([11.006, 0.456, 0.0, 2.998])
REGION = np.diag([12e-4, 2e-4, 0.03]) ** 2


def _tracks(n: int, k: int, seed: int, far: int = 0) -> tuple[np.ndarray, ...]:
    """``n`` vertices along the boost with ``k`` tracks, the last ``far`` of which come from elsewhere."""
    rng = np.random.default_rng(seed)
    origin = rng.normal(size=(n, 3)) @ np.sqrt(REGION)
    vertex = origin + tag_vertex.boost_direction(BEAM) * rng.exponential(0.013, n)[:, None]
    place = np.repeat(vertex[:, None], k, 1)
    if far:
        place[:, -far:] += rng.normal(0, 0.08, (n, far, 3))
    momentum = rng.normal(0, 0.6, (n * k, 3))
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    momentum[:, :2] *= (np.maximum(pt, 0.15) / pt)[:, None]
    momentum[:, 2] = np.clip(momentum[:, 2], -0.8, 1.5)
    true = helix.helices_of_particles(place.reshape(-1, 3), momentum, rng.choice([-1.0, 1.0], n * k), FIELD)
    cov = np.zeros((n * k, 15))
    cov[:, [0, 5, 9, 12, 14]] = SIGMA**2
    return vertex, true + SIGMA * rng.normal(size=true.shape), cov, np.arange(n * k), np.arange(n + 1) * k


def _pulls(position: np.ndarray, covariance: np.ndarray, vertex: np.ndarray) -> np.ndarray:
    return (position - vertex) / np.sqrt(np.einsum("nii->ni", covariance))


def test_without_outliers_it_is_nearly_the_plain_fit() -> None:
    _, h, cov, members, offsets = _tracks(300, 5, seed=1)
    wide = fit_adaptive(h, cov, members, offsets, mean=np.zeros(3), cutoff=30.0)
    plain = vertexfit.fit_vertices(h, cov, members, offsets, field=FIELD)
    assert np.all(wide.state == 0)
    sigma = np.sqrt(np.einsum("nii->ni", plain.covariance))
    assert np.all(abs(wide.position - plain.position) < 0.02 * sigma)
    assert np.allclose(wide.chi2, plain.chi2, rtol=1e-3, atol=1e-3)
    assert np.allclose(wide.ndf, plain.ndf, atol=1e-6)
    assert np.allclose(wide.covariance, plain.covariance, rtol=1e-2, atol=0.02 * sigma.min() ** 2)


def test_tracks_from_elsewhere_lose_their_weight() -> None:
    n, k = 1500, 7
    vertex, h, cov, members, offsets = _tracks(n, k, seed=2, far=2)
    constraint = tag_vertex.boost_constraint(REGION, BEAM)
    robust = fit_adaptive(h, cov, members, offsets, mean=np.zeros(3), prior_covariance=constraint)
    plain = vertexfit.fit_vertices(h, cov, members, offsets, field=FIELD, prior_mean=np.zeros(3),
                                   prior_covariance=constraint)
    assert np.mean(robust.state == 0) > 0.99
    weight = robust.weight.reshape(n, k)
    assert weight[:, :-2].mean() > 0.9
    assert weight[:, -2:].mean() < 0.25
    good = robust.state == 0
    core = [np.quantile(abs(p[good]), 0.6827, axis=0) for p in (
        _pulls(robust.position, robust.covariance, vertex), _pulls(plain.position, plain.covariance, vertex))]
    assert np.all(core[0] < 1.35)
    assert core[1][2] > 2.0  # the planted tracks pull the plain fit along the boost


def test_pulls_are_nearly_unit_normal() -> None:
    n = 2500
    vertex, h, cov, members, offsets = _tracks(n, 5, seed=3)
    tags = tag_vertex.tag_vertices(Remaining(offsets, members), h, cov, np.zeros(3),
                                   tag_vertex.boost_constraint(REGION, BEAM))
    pulls = _pulls(tags.position, tags.covariance, vertex)
    assert np.all(abs(pulls.mean(0)) < 4.4 / math.sqrt(n))
    assert abs(pulls[:, 2].std() - 1) < 0.15
    assert tags.tracks.mean() > 4.7
    assert 0.4 < tags.pValue.mean() < 0.8


def test_the_tube_follows_the_momentum() -> None:
    p = np.array([[0.0, 0.3, 1.0], [0.2, 0.0, -1.0]])
    tube = tag_vertex.tube_constraint(np.tile(REGION, (2, 1, 1)), p, along=0.5)
    for matrix, axis in zip(tube, p / np.linalg.norm(p, axis=1)[:, None], strict=True):
        assert axis @ matrix @ axis == pytest.approx(0.25 + axis @ REGION @ axis)
        across = np.cross(axis, [1.0, 0, 0])
        assert across @ matrix @ across == pytest.approx(across @ REGION @ across)


def test_delta_t_is_the_flight_along_the_boost() -> None:
    b = tag_vertex.boost_direction(BEAM)
    gamma_beta = np.linalg.norm(BEAM[1:]) / math.sqrt(BEAM[0] ** 2 - BEAM[1:] @ BEAM[1:])
    times = np.array([1.5e-3, -0.4e-3])
    signal = np.zeros((2, 3)) + b * (times * gamma_beta * speed_of_light)[:, None]
    cov = np.tile(np.diag([1e-6, 1e-6, 4e-6]), (2, 1, 1))
    found = tag_vertex.delta_t(signal, cov, np.zeros((2, 3)), cov, BEAM)
    assert np.allclose(found["DeltaT"], times)
    assert np.allclose(found["DeltaBoostErr"], math.sqrt(2 * (b @ np.diag([1e-6, 1e-6, 4e-6]) @ b)))
    assert np.allclose(found["DeltaTErr"] * gamma_beta * speed_of_light, found["DeltaBoostErr"])


def test_failures_are_flagged_and_hold_nan() -> None:
    _, h, cov, _, _ = _tracks(2, 3, seed=4)
    h[0] = np.nan
    tags = tag_vertex.tag_vertices(Remaining(np.array([0, 3, 3, 6]), np.arange(6)), h, cov, np.zeros(3), REGION)
    assert list(tags.state) == [vertexfit.SINGULAR, vertexfit.TOO_FEW, vertexfit.OK]
    for values in (tags.chi2, tags.pValue, tags.tracks, tags.position[:, 2]):
        assert np.all(np.isnan(values[:2]))
        assert np.isfinite(values[2])
