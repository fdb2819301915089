"""Covariance of tracks from the layers.

Oracle: generalised least squares written here from scratch: the trajectory is propagated piecewise (rotation of
the momentum, kinks at every layer), its derivatives are finite differences, the residuals have the dense covariance
of measurement and scattering.  A planted fault (scattering left out) must be caught.  Crossings: the closed form of
:mod:`openbfactory.simulate.surface`.
"""

import numpy as np
import pytest

from openbfactory.simulate import lanes
from openbfactory.simulate.covariance import cholesky, fit_covariances
from openbfactory.simulate.lanes import LANES, arcsine, cross_layers
from openbfactory.simulate.parameters import tracking_numbers
from openbfactory.simulate.surface import arc_to_radius
from openbfactory.simulate.tracking import hold, new_scratch

PT_PER_CM = 0.00299792458 * 1.5


def advance(state, s):
    """Position and momentum after a transverse arc length; a positive particle turns clockwise."""
    x, y, z, px, py, pz, charge = state
    pt = np.hypot(px, py)
    angle = -charge * PT_PER_CM / pt * s
    chord = s * np.sinc(angle / 2 / np.pi)
    direction = np.arctan2(py, px) + angle / 2
    turned = np.arctan2(py, px) + angle
    return np.array([x + chord * np.cos(direction), y + chord * np.sin(direction), z + s * pz / pt,
                     pt * np.cos(turned), pt * np.sin(turned), pz, charge])


def at_perigee(helix, charge):
    d0, phi0, omega, z0, tanl = helix
    pt = charge * PT_PER_CM / omega
    return np.array([d0 * np.sin(phi0), -d0 * np.cos(phi0), z0, pt * np.cos(phi0), pt * np.sin(phi0), pt * tanl,
                     charge])


def kinked(state, phi, lam):
    """Momentum turned by ``phi`` around z and by ``lam`` in the polar angle, its size kept."""
    p, pt = np.linalg.norm(state[3:6]), np.hypot(state[3], state[4])
    azimuth, dip = np.arctan2(state[4], state[3]) + phi, np.arctan2(state[5], pt) + lam
    out = state.copy()
    out[3:6] = p * np.array([np.cos(dip) * np.cos(azimuth), np.cos(dip) * np.sin(azimuth), np.sin(dip)])
    return out


def residuals(state, kinks, arcs, planes):
    """(k, 2) of u and z where a perturbed track meets the planes normal to the nominal one; numbers in order."""
    out, done = [], 0.0
    for (phi, lam), s, (point, along) in zip(kinks, arcs, planes, strict=True):
        state, done = advance(state, s - done), s
        for _ in range(4):
            u = np.hypot(state[3], state[4])
            miss = (state[:2] - point[:2]) @ along
            state = advance(state, -miss / ((state[3:5] / u) @ along))
        normal = np.array([along[1], -along[0]])
        out.append([(state[:2] - point[:2]) @ normal, state[2] - point[2]])
        state = kinked(state, phi, lam)
    return np.array(out)


def least_squares(helix, charge, mass, layers, arcs, hits, scattering=1.0):
    """Covariance (5, 5) of the perigee."""
    used = arcs > 0
    used[np.flatnonzero(hits * used)[-1] + 1:] = False
    layers, arcs, hits = layers[used], arcs[used], hits[used]
    start = at_perigee(helix, charge)
    planes = []
    for s in arcs:
        point = advance(start, s)
        planes.append((point[:3], point[3:5] / np.hypot(point[3], point[4])))
    still = np.zeros((len(arcs), 2))

    def derivative(parameter, kink, step):
        ends = []
        for sign in (1, -1):
            h, k = helix.copy(), still.copy()
            if parameter is not None:
                h[parameter] += sign * step
            else:
                k[kink] = sign * step
            ends.append(residuals(at_perigee(h, charge), k, arcs, planes))
        return (ends[0] - ends[1]) / (2 * step)

    design = np.array([derivative(i, None, step) for i, step in
                       enumerate([1e-4, 1e-5, 1e-5 * abs(helix[2]), 1e-4, 1e-5])])
    p = np.linalg.norm(start[3:6])
    beta = p / np.hypot(p, mass)
    rows, variances = [], []
    for k, layer in enumerate(layers):
        for which, variance in ((0, layer[7]), (1, layer[8])) if layer[9] == 0 else ((2, layer[7]),):
            if hits[k] > 0 and variance > 0:
                weights = {0: (1, 0), 1: (0, 1)}.get(which) or np.array([1, layer[9]]) / np.hypot(1, layer[9])
                rows.append((k, weights))
                variances.append(variance / hits[k])
    pick = np.zeros((len(rows), len(layers), 2))
    for n, (k, weights) in enumerate(rows):
        pick[n, k] = weights
    noise = np.diag(variances)
    for k, layer in enumerate(layers):
        point, along = planes[k]
        cosine = abs(point[:2] @ along) / np.hypot(*point[:2])
        theta2 = scattering * layer[10] / (p * beta) ** 2 * np.hypot(1, helix[4]) / cosine
        for j, variance in ((0, theta2 * (1 + helix[4] ** 2)), (1, theta2)):
            effect = np.einsum("nkj,kj->n", pick, derivative(None, (k, j), 1e-4))
            noise += variance * np.outer(effect, effect)
    h = np.einsum("nkj,ikj->ni", pick, design)
    return np.linalg.inv(h.T @ np.linalg.solve(noise, h))


def in_lanes(helix, mass, radius, layers):
    """Scratch whose lanes are copies of one track, with its crossings."""
    scratch = new_scratch(len(layers))
    p = PT_PER_CM / abs(helix[2]) * np.hypot(1, helix[4])
    for t in range(LANES):
        hold(scratch.state, t, helix, p, mass, radius, np.inf)
    cross_layers(scratch.state, layers, scratch.half, scratch.arcs)
    return scratch


def filtered(helix, mass, radius, layers, missing):
    """Covariance (5, 5) of the filter, arcs and hits."""
    s = in_lanes(helix, mass, radius, layers)
    s.layer_hits[:] = np.where((s.arcs > 0) & (layers[:, 3:4] >= 0), layers[:, 4:5], 0.0)
    s.layer_hits[missing] = 0.0
    outermost = np.flatnonzero(s.layer_hits[:, 0])[-1]
    s.arcs[outermost + 1:] = -1.0
    fit_covariances(s.state, layers, s.half, s.arcs, s.layer_hits, np.ones(5), s.factor, s.broken)
    assert not s.broken.any()
    matrices = []
    for t in (0, LANES - 1):
        factor = np.zeros((5, 5))
        factor[np.triu_indices(5)] = s.factor.reshape(15, LANES)[:, t]
        matrix = factor.T @ factor
        assert matrix[np.triu_indices(5)] == pytest.approx(s.state.reshape(-1, LANES)[:15, t], rel=1e-6)
        matrices.append(matrix)
    assert np.array_equal(*matrices)
    return matrices[0], s.arcs[:, 0].copy(), s.layer_hits[:, 0].copy()


TRACKS = [
    # d0, phi0, pT, charge, z0, tanLambda, mass, production radius, layers without a hit
    (0.001, 0.3, 1.0, 1, 0.02, 0.0, 0.1396, 0.0, []),
    (-0.002, 2.0, 0.3, -1, 0.1, 0.8, 0.4937, 0.0, [2]),
    (0.0, -1.0, 4.0, 1, -0.05, 1.5, 0.1396, 0.0, [1, 2, 4]),
    (1.5, 0.7, 0.4, -1, 2.0, -0.4, 0.1396, 6.0, []),
    (-3.0, -2.5, 0.8, 1, -4.0, 0.5, 0.9383, 9.0, [5]),
    (4.0, 1.0, 1.2, -1, 3.0, 0.3, 0.1396, 25.0, []),
    (0.0, 0.1, 0.09, 1, 0.0, 0.2, 0.1396, 0.0, []),
]


@pytest.fixture(scope="module")
def layers(belle2):
    return tracking_numbers(belle2.detector).layers


@pytest.mark.parametrize("track", TRACKS)
def test_filter_is_least_squares(layers, track):
    d0, phi0, pt, charge, z0, tanl, mass, radius, missing = track
    helix = np.array([d0, phi0, charge * PT_PER_CM / pt, z0, tanl])
    ours, arcs, hits = filtered(helix, mass, radius, layers, missing)
    theirs = least_squares(helix, charge, mass, layers, arcs, hits)
    scale = np.sqrt(np.outer(np.diag(theirs), np.diag(theirs)))
    assert np.diag(ours) == pytest.approx(np.diag(theirs), rel=0.01)
    assert np.max(np.abs(ours - theirs) / scale) < 0.01
    wrong = least_squares(helix, charge, mass, layers, arcs, hits, scattering=0.9)
    assert np.max(np.abs(np.diag(wrong) / np.diag(theirs) - 1)) > 0.02


@pytest.mark.parametrize(("pt", "d0", "z0", "relative"), [
    (0.3, 51, 54, 0.17), (0.5, 32, 35, 0.17), (1.0, 20, 22, 0.18), (2.0, 14, 16, 0.21), (5.0, 9.4, 13, 0.34)])
def test_resolution_against_straight_line_estimate(layers, pt, d0, z0, relative):
    """An independent estimate with straight lever arms and two complete pixel layers, 90 degrees."""
    helix = np.array([0.0, 0.3, PT_PER_CM / pt, 0.0, 0.0])
    sigma = np.sqrt(np.diag(filtered(helix, 0.1396, 0.0, layers, [])[0]))
    assert sigma[0] * 1e4 == pytest.approx(d0, rel=0.14)
    assert sigma[3] * 1e4 == pytest.approx(z0, rel=0.25)
    assert 100 * sigma[2] / helix[2] == pytest.approx(relative, rel=0.12)


@pytest.mark.parametrize("track", TRACKS)
def test_crossings_are_the_closed_form(layers, track):
    d0, phi0, pt, charge, z0, tanl, mass, radius, _ = track
    helix = np.array([d0, phi0, charge * PT_PER_CM / pt, z0, tanl])
    s = in_lanes(helix, mass, radius, layers)
    arcs = np.array([arc_to_radius(helix[0], helix[2], r) if r > radius else -1.0 for r in layers[:, 0]])
    z = helix[3] + arcs * helix[4]
    arcs[(z < layers[:, 1]) | (z > layers[:, 2])] = -1.0
    crossed = arcs > 0
    assert s.arcs == pytest.approx(np.repeat(arcs[:, None], LANES, axis=1), rel=1e-11)
    assert s.half[crossed, 0] == pytest.approx(np.sin(0.5 * helix[2] * arcs[crossed]), rel=1e-11)
    assert (s.half[~crossed] == 0).all()


def test_arcsine():
    x = np.linspace(0, 1, 2001)
    assert [arcsine(v) for v in x] == pytest.approx(np.arcsin(x), rel=2e-13)


def test_broken_matrices_are_repaired_and_counted():
    factor, broken, c = np.zeros((15, LANES)), np.zeros(LANES), np.ones((lanes.STATE_SIZE // LANES, LANES))
    c[:15] = 0.0
    c[[0, 5, 9, 12, 14]] = 1.0
    c[1, 3] = 1.0 + 1e-9
    cholesky(c.reshape(-1), factor.reshape(-1), broken)
    assert broken.tolist() == [0, 0, 0, 1] + [0] * (LANES - 4)
    matrix, lower = np.zeros((5, 5)), np.zeros((5, 5))
    matrix[np.triu_indices(5)], lower[np.triu_indices(5)] = c[:15, 3], factor[:, 3]
    matrix = matrix + np.triu(matrix, 1).T
    assert np.linalg.eigvalsh(matrix).min() > 0
    assert np.allclose(lower.T @ lower, matrix, rtol=0, atol=1e-12)
    cholesky(c.reshape(-1), factor.reshape(-1), broken)
    assert not broken.any()
