"""Oracles: SciPy's general least squares with another choice of parameters (1e-6), finite differences, the vertex fit
of this room, unit-normal pulls and flat probabilities of toy decays with exact Gaussian measurements.

Statistical tests use fixed seeds; thresholds correspond to a false-alarm rate of 1e-5 each.  Uncertainties wrong by
15 % are planted and must be caught.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats
from toy_decays import BEAM, DECAYS, FIELD, RADIUS, Toy, toy

from openbfactory.core.errors import InputError
from openbfactory.core.units import pt_per_tesla_cm, speed_of_light
from openbfactory.kinematics import helix, measurements, vertexfit
from openbfactory.kinematics.decaytree import Particle, decay_tree
from openbfactory.kinematics.treefit import TreeFits, fit_trees

PRIOR = {"mean": np.zeros(3), "prior_covariance": np.diag(BEAM**2)}


def _toy(name: str, n: int, seed: int, **options: float) -> Toy:
    particles, charges, lifetimes = DECAYS[name]
    return toy(particles, charges, n, seed, lifetimes=lifetimes, **options)


def _fit(t: Toy, **options: object) -> TreeFits:
    return fit_trees(t.tree, **t.measured(), field=FIELD, **{**PRIOR, **options})


def test_derivatives_of_a_helix_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        point = np.concatenate([rng.normal(0, 3, 3), rng.normal(0, 0.8, 3)])
        bend = rng.choice([-1, 1]) * FIELD * pt_per_tesla_cm
        jacobian = np.zeros((5, 6))

        def model(q: np.ndarray, bend: float = bend, jacobian: np.ndarray | None = None) -> np.ndarray:
            out, slopes = np.zeros(5), np.zeros((5, 6)) if jacobian is None else jacobian
            measurements.helix_model(q[:3].copy(), q[3:].copy(), bend, out, slopes)
            return out

        value = model(point, jacobian=jacobian)
        true = helix.helix_of(*point, np.sign(bend), FIELD)
        assert np.allclose(value, true, rtol=1e-12, atol=1e-12)
        for j in range(6):
            step = np.zeros(6)
            step[j] = 1e-5
            numeric = (model(point + step) - model(point - step)) / 2e-5
            assert np.allclose(jacobian[:, j], numeric, rtol=1e-5, atol=1e-6 * (1 + abs(jacobian).max()))


def test_derivatives_of_a_cluster_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(2)
    for mass in (0.0, 0.4976):
        point = np.concatenate([rng.normal(0, 3, 3), rng.normal(0, 0.8, 3)])
        jacobian = np.zeros((3, 6))

        def model(q: np.ndarray, mass: float = mass, jacobian: np.ndarray | None = None) -> np.ndarray:
            out, slopes = np.zeros(3), np.zeros((3, 6)) if jacobian is None else jacobian
            measurements.cluster_model(q[:3].copy(), q[3:].copy(), mass, RADIUS, out, slopes)
            return out

        value = model(point, jacobian=jacobian)
        at = RADIUS * np.array([math.sin(value[1]) * math.cos(value[2]), math.sin(value[1]) * math.sin(value[2]),
                                math.cos(value[1])])
        assert np.linalg.norm(np.cross(at - point[:3], point[3:])) < 1e-10
        for j in range(6):
            step = np.zeros(6)
            step[j] = 1e-5
            assert np.allclose(jacobian[:, j], (model(point + step) - model(point - step)) / 2e-5, rtol=1e-6, atol=1e-8)


def _oracle(t: Toy, i: int, start: np.ndarray) -> optimize.OptimizeResult:
    """Least squares over the first vertex, flight lengths and momenta; trajectories by the closed forms of helices."""
    tree, k = t.tree, len(t.tree.kind)
    upper = np.triu_indices(5)

    def whitener(packed: np.ndarray, size: int) -> np.ndarray:
        cov = np.zeros((size, size))
        cov[np.triu_indices(size)] = packed
        cov = cov + np.triu(cov, 1).T
        return np.linalg.inv(np.linalg.cholesky(cov))

    assert len(upper[0]) == 15
    white = [whitener(t.cov[t.rows[i, j]], 5) if tree.kind[j] == 1 else
             whitener(t.cluster_cov[t.rows[i, j]], 3) if tree.kind[j] == 2 else None for j in range(k)]
    charge = np.zeros(k)
    for j in range(k - 1, -1, -1):
        charge[j] += np.sign(t.helix[t.rows[i, j], 2]) if tree.kind[j] == 1 else 0
        if j:
            charge[tree.mother[j]] += charge[j]

    def residual(q: np.ndarray) -> np.ndarray:
        born, p, e, out = np.zeros((k, 3)), np.zeros((k, 3)), np.zeros(k), []
        for j in range(k - 1, -1, -1):
            at = tree.column[j]
            if tree.kind[j]:
                p[j] = q[at:at + 3]
                e[j] = math.sqrt(tree.mass[j] ** 2 + p[j] @ p[j])
            born[j] = p[j]
            if not tree.kind[j] and at >= 0 and charge[j]:
                angle = charge[j] * FIELD * pt_per_tesla_cm * q[at] / np.linalg.norm(p[j])
                born[j, :2] = [p[j, 0] * math.cos(angle) - p[j, 1] * math.sin(angle),
                               p[j, 0] * math.sin(angle) + p[j, 1] * math.cos(angle)]
            if j:
                p[tree.mother[j]] += born[j]
                e[tree.mother[j]] += e[j]
        x = [q[:3]] * k
        for j in range(k):
            begin = q[:3] if j == 0 else x[tree.mother[j]]
            at = tree.column[j]
            if not tree.kind[j]:
                x[j] = begin
                if at >= 0:
                    u = born[j] / np.linalg.norm(born[j])
                    x[j] = begin + q[at] * u
                    if charge[j]:
                        pt = np.hypot(*born[j, :2])
                        x[j] = begin + np.array(helix.point_at(
                            0.0, math.atan2(born[j, 1], born[j, 0]), charge[j] * FIELD * pt_per_tesla_cm / pt, 0.0,
                            born[j, 2] / pt, q[at] * pt / np.linalg.norm(born[j])))
                if tree.fixed[j]:
                    out.append([1e6 * (math.sqrt(max(e[j] ** 2 - p[j] @ p[j], 0)) - tree.mass[j])])
            elif tree.kind[j] == 1:
                difference = np.array(helix.helix_of(*begin, *p[j], charge[j], FIELD)) - t.helix[t.rows[i, j]]
                difference[1] = np.angle(np.exp(1j * difference[1]))
                out.append(white[j] @ difference)
            else:
                c = t.cluster[t.rows[i, j]]
                u = p[j] / np.linalg.norm(p[j])
                far = optimize.brentq(lambda s, u=u, b=begin, c=c: np.sum((b + s * u) ** 2) - c[3] ** 2, 0, 2 * c[3],
                                      xtol=1e-13)
                y = begin + far * u
                phi = np.angle(np.exp(1j * (math.atan2(y[1], y[0]) - c[2])))
                out.append(white[j] @ [e[j] - c[0], math.acos(y[2] / c[3]) - c[1], phi])
        return np.concatenate([q[:3] / BEAM, *out])

    return optimize.least_squares(residual, start, x_scale="jac", jac="3-point", xtol=1e-15, ftol=1e-15, gtol=1e-15,
                                  max_nfev=200)


@pytest.mark.parametrize("name", [
    "D*+ -> [D0 -> K- pi+] pi+", "D+ -> K- pi+ pi+", "Omega_c0 -> [Omega- -> [Lambda0 -> p pi-] K-] pi+",
    "D0 -> [K_S0 -> pi+ pi-] [pi0 -> gamma gamma], masses of K_S0 and pi0 fixed"])
def test_the_minimum_is_that_of_a_general_minimiser(name: str) -> None:
    t = _toy(name, 3, seed=3)
    fits = _fit(t, full_covariance=True)
    flying = [j for j in t.tree.composites if t.tree.column[j] >= 0]
    size = {j: np.linalg.norm(fits.p4[:, j, 1:], axis=1) for j in flying}
    for i in range(3):
        assert fits.state[i] == 0
        start = fits.parameters[i].copy()
        sigma = np.sqrt(np.diag(fits.parameterCovariance[i]))
        start += sigma * np.random.default_rng(i).normal(size=len(start))  # begin elsewhere
        for j in flying:
            start[t.tree.column[j]] *= size[j][i]
        best = _oracle(t, i, start)
        assert fits.chi2[i] == pytest.approx(2 * best.cost, rel=1e-6, abs=1e-6)
        here = fits.parameters[i].copy()
        for j in flying:
            here[t.tree.column[j]] = fits.flightDistance[i, j]
            sigma[t.tree.column[j]] = fits.flightDistanceErr[i, j]
        assert np.all(abs(here - best.x) < 1e-4 * sigma)
        covariance = np.linalg.inv(best.jac.T @ best.jac)
        assert np.allclose(np.sqrt(np.diag(covariance)), sigma, rtol=2e-3)


def _pulls(t: Toy, fits: TreeFits) -> dict[str, np.ndarray]:
    """Pulls of everything that has an uncertainty."""
    found = {}
    for c, i in enumerate(t.tree.composites):
        truth = np.column_stack([t.p4[:, i, 1:], t.decays[:, i]])
        here = np.column_stack([fits.p4[:, i, 1:], fits.vertex[:, i]])
        sigma = np.sqrt(np.einsum("nii->ni", fits.covariance[:, c])[:, [0, 1, 2, 4, 5, 6]])
        for name, column in zip(("px", "py", "pz", "x", "y", "z"), ((here - truth) / sigma).T, strict=True):
            found[f"{i} {name}"] = column
        if t.tree.column[i] >= 0:
            found[f"{i} time"] = (fits.decayTime[:, i] - t.time[:, i]) / fits.decayTimeErr[:, i]
            flight = t.time[:, i] * speed_of_light / t.tree.mass[i] * np.linalg.norm(t.p4[:, i, 1:], axis=1)
            found[f"{i} flight"] = (fits.flightDistance[:, i] - flight) / fits.flightDistanceErr[:, i]
        if not t.tree.fixed[i]:
            found[f"{i} mass"] = (fits.mass[:, i] - t.tree.mass[i]) / fits.massErr[:, i]
    return found


@pytest.mark.parametrize("name", list(DECAYS))
def test_pulls_are_unit_normal_and_probability_is_flat(name: str) -> None:
    n = 2000
    t = _toy(name, n, seed=5)
    fits = _fit(t)
    good = fits.state == 0
    assert good.mean() > 0.998
    assert stats.kstest(fits.pValue[good], "uniform").pvalue > 1e-5
    assert np.mean(fits.pValue[good] < 1e-4) < 0.003
    good &= fits.pValue > 1e-4
    pulls = _pulls(t, fits)
    near = np.all(abs(np.array(list(pulls.values()))) < 6, axis=0)
    assert np.mean(near[good]) > 0.997  # a few take the other crossing of two circles, far away
    for what, pull in pulls.items():
        chosen = pull[good & near]
        assert abs(chosen.mean()) < 4.4 / math.sqrt(n), what
        assert abs(chosen.std() - 1) < 4.4 / math.sqrt(2 * n) + 0.005, what


def test_wrong_uncertainties_are_caught() -> None:
    n = 2000
    t = _toy("D*+ -> [D0 -> K- pi+] pi+", n, seed=6, inflate=1.15)
    fits = _fit(t)
    assert stats.kstest(fits.pValue, "uniform").pvalue < 1e-5
    assert abs(_pulls(t, fits)["1 time"].std() - 1) > 4.4 / math.sqrt(2 * n)


def test_the_turn_of_a_charged_flight_matters() -> None:
    """Where the field turns the Omega- the other way it misses its production vertex."""
    t = _toy("Omega_c0 -> [Omega- -> [Lambda0 -> p pi-] K-] pi+", 500, seed=7)
    flipped = t.helix.copy()
    flipped[t.rows[:, 5], 2] *= -1  # the kaon with the other charge
    fits = _fit(Toy(**{**t.__dict__, "helix": flipped}))
    assert np.mean(fits.pValue < 0.01) > 0.3
    assert np.mean(_fit(t).pValue < 0.01) < 0.03


def test_a_vertex_alone_is_that_of_the_vertex_fit() -> None:
    t = _toy("D+ -> K- pi+ pi+", 200, seed=8)
    tree = decay_tree([Particle(-1, "composite", 1.87), *(Particle(0, "track", m) for m in (0.49, 0.14, 0.14))])
    fits = fit_trees(tree, t.rows, t.helix, t.cov, field=FIELD)
    members = t.rows[:, 1:].ravel()
    plain = vertexfit.fit_vertices(t.helix, t.cov, members, np.arange(201) * 3, field=FIELD, start=t.decays[:, 0])
    assert fits.ndf == 3
    sigma = np.sqrt(np.einsum("nii->ni", plain.covariance))
    assert np.all(abs(fits.vertex[:, 0] - plain.position) < 0.05 * sigma)
    assert np.allclose(fits.chi2, plain.chi2, rtol=0.03, atol=0.03)
    assert np.allclose(fits.covariance[:, 0, 4:, 4:], plain.covariance, rtol=0.05, atol=0.05 * sigma.min() ** 2)


def test_fixed_masses_hold_and_improve_the_resolution() -> None:
    name = "D0 -> [K_S0 -> pi+ pi-] [pi0 -> gamma gamma], masses of K_S0 and pi0 fixed"
    t = _toy(name, 1000, seed=9)
    fits = _fit(t)
    assert np.allclose(fits.mass[:, 2], 0.1349768, atol=1e-7)
    assert np.allclose(fits.mass[:, 1], 0.497611, atol=1e-7)
    assert np.all(fits.massErr[:, 2] < 1e-6)
    free = [Particle(p.mother, p.kind, p.mass, p.flies) for p in DECAYS[name][0]]
    loose = fit_trees(decay_tree(free), **t.measured(), field=FIELD, **PRIOR)
    assert fits.massErr[:, 0].mean() < 0.9 * loose.massErr[:, 0].mean()
    assert abs(fits.p4[:, 2, 0] - t.p4[:, 2, 0]).mean() < 0.9 * abs(loose.p4[:, 2, 0] - t.p4[:, 2, 0]).mean()


def test_each_candidate_may_have_its_own_expected_point() -> None:
    t = _toy("D+ -> K- pi+ pi+", 20, seed=10)
    shift = np.random.default_rng(1).normal(0, 1e-3, (20, 3))
    both = _fit(t, mean=shift, prior_covariance=np.tile(np.diag(BEAM**2), (20, 1, 1)))
    for i in (0, 7, 19):
        one = _fit(Toy(**{**t.__dict__, "rows": t.rows[i:i + 1]}), mean=shift[i])
        assert one.chi2[0] == both.chi2[i]


def test_failures_are_flagged_and_pass_no_cut() -> None:
    t = _toy("D+ -> K- pi+ pi+", 6, seed=11)
    h, cov, rows = t.helix.copy(), t.cov.copy(), t.rows.copy()
    h[0, 0] = np.nan
    cov[1] = 0.0
    rows[2, 3] = -1
    rows[3, 2] = len(h)
    h[4, 2] = 0.0
    fits = _fit(Toy(**{**t.__dict__, "helix": h, "cov": cov, "rows": rows}))
    bad, singular = vertexfit.BAD_INPUT, vertexfit.SINGULAR
    assert list(fits.state) == [bad, singular, bad, bad, bad, vertexfit.OK]
    for values in (fits.chi2, fits.pValue, fits.mass[:, 0], fits.decayTime[:, 0], fits.flightDistance[:, 0]):
        assert not np.any((values[:5] > -1e9) | (values[:5] < 1e9))
        assert np.isfinite(values[5])
    pair = decay_tree([Particle(-1, "composite", 1.0), Particle(0, "track", 0.1), Particle(0, "track", 0.1)])
    same = np.stack([t.rows[:, 1]] * 3, axis=1)  # one track twice and no prior: no vertex
    assert np.all(fit_trees(pair, same, t.helix, t.cov, field=FIELD).state != 0)
    assert vertexfit.STATES[bad] == "bad input"


def test_no_candidates_keep_their_types() -> None:
    t = _toy("D+ -> K- pi+ pi+", 2, seed=12)
    fits = _fit(Toy(**{**t.__dict__, "rows": t.rows[:0]}))
    assert fits.p4.shape == (0, 4, 4)
    assert fits.state.dtype == np.int64
    assert fits.covariance.shape == (0, 1, 7, 7)


def test_mistakes_of_a_tree_are_found_at_once() -> None:
    with pytest.raises(InputError) as found:
        decay_tree([Particle(0, "composite", -1.0), Particle(0, "track", 0.1, flies=True), Particle(1, "photon", 0.0),
                    Particle(0, "composite", 0.0, fix_mass=True)])
    assert {f.code for f in found.value.findings} == {"wrong-mother", "wrong-mass", "not-composite", "unknown-kind",
                                                      "no-daughters"}
    with pytest.raises(InputError, match="2 to 32"):
        decay_tree([Particle(-1, "track", 0.1)])


def test_an_undetermined_fit_and_missing_clusters_are_refused() -> None:
    tree = decay_tree([Particle(-1, "composite", 1.0, flies=True), Particle(0, "cluster", 0.0),
                       Particle(0, "cluster", 0.0)])
    with pytest.raises(InputError, match="missing-clusters") as found:
        fit_trees(tree, np.zeros((1, 3), np.int64), np.zeros((1, 5)), np.zeros((1, 15)), field=FIELD)
    assert {f.code for f in found.value.findings} == {"missing-clusters", "undetermined"}
    with pytest.raises(InputError, match="wrong-shape"):
        fit_trees(tree, np.zeros((1, 2), np.int64), np.zeros((1, 5)), np.zeros((1, 15)), field=FIELD)


def test_fits_repeat_bit_by_bit() -> None:
    t = _toy("D*+ -> [D0 -> K- pi+] pi+", 50, seed=13)
    assert _fit(t).chi2.tobytes() == _fit(t).chi2.tobytes()


@pytest.mark.parametrize("name", list(DECAYS))
def test_garbage_is_flagged_or_the_result_is_finite(name: str) -> None:
    rng, t = np.random.default_rng(21), _toy(name, 150, seed=21)
    wild = np.array([np.nan, np.inf, -np.inf, 0.0, 1e300, 1e-300, -5.0, 1e6])
    spoilt = {}
    for what in ("helix", "cov", "cluster", "cluster_cov"):
        values = getattr(t, what).copy()
        rows = rng.integers(0, len(values), len(values) // 4 + 1)
        values[rows, rng.integers(0, values.shape[1], len(rows))] = rng.choice(wild, len(rows))
        spoilt[what] = values
    with np.errstate(all="ignore"):
        fits = _fit(Toy(**{**t.__dict__, **spoilt}))
    good, composites = fits.state == 0, t.tree.composites
    assert 0 < good.sum() < 150
    for values in (fits.chi2, fits.p4, fits.parameters, fits.mass[:, composites], fits.massErr[:, composites],
                   fits.covariance):
        assert np.all(np.isfinite(values[good]))
        assert np.all(np.isnan(values[~good]))
    assert np.all(np.einsum("ncii->nci", fits.covariance[good]) >= 0)
