"""b -> s l l amplitudes. Oracle: the covariant matrix element with explicit Dirac matrices, Feynman-parameter integrals
of the loop functions, symmetries of the coefficients."""

import numpy as np
import pytest
from scipy import integrate

from openbfactory.physics.btosll import rare_amplitudes, rare_parameters, rare_weight
from openbfactory.physics.particles import species
from openbfactory.physics.wilson import AS_EVTGEN, AS_PUBLISHED, C_10, light_quark_factor, loop, wilson_coefficients

ONE, ZERO = np.eye(2), np.zeros((2, 2))
SIGMA = [np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]
GAMMA = [np.block([[ONE, ZERO], [ZERO, -ONE]])] + [np.block([[ZERO, s], [-s, ZERO]]) for s in SIGMA]
GAMMA5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]
METRIC = np.diag([1.0, -1, -1, -1])
EPSILON = np.zeros((4, 4, 4, 4))
for _p in np.array(np.meshgrid(*[range(4)] * 4)).reshape(4, -1).T:
    if len(set(_p)) == 4:
        EPSILON[tuple(_p)] = np.linalg.det(np.eye(4)[_p])
M_B = 4.4


def slash(p):
    return sum(g * x for g, x in zip(GAMMA, METRIC @ p, strict=True))


def configuration(mother, meson, lepton, q2, cosine):
    """Momenta (contravariant) of meson, l- and l+ in the frame of the pair, which moves along +z from the mother."""
    p = np.sqrt(((mother - meson) ** 2 - q2) * ((mother + meson) ** 2 - q2)) / 2 / mother
    root, k = np.sqrt(q2), np.sqrt(q2 / 4 - lepton**2)
    size = mother * p / root
    recoil = np.array([np.hypot(meson, size), 0, 0, -size])
    sine = np.sqrt(1 - cosine**2)
    minus = np.array([root / 2, k * sine, 0, k * cosine])
    plus = np.array([root / 2, -k * sine, 0, -k * cosine])
    return p, recoil, minus, plus


def squared(vector, axial, minus, plus, lepton):
    """Sum over lepton spins of |ubar (V + A gamma5) v|^2 for currents with lower indices."""
    total = sum((v * np.eye(4) + 0) @ g for v, g in zip(vector, GAMMA, strict=True))
    total = total + sum(a * g @ GAMMA5 for a, g in zip(axial, GAMMA, strict=True))
    barred = GAMMA[0] @ total.conj().T @ GAMMA[0]
    return np.trace((slash(minus) + lepton * np.eye(4)) @ total @ (slash(plus) - lepton * np.eye(4)) @ barred).real


def factors(a):
    """Form factors of the exponential kind as functions of s."""
    rows = a[4:].reshape(-1, 5)
    return lambda s: [f * np.exp(s * (x + s * (y + s * z))) for _, f, x, y, z in rows]


def covariant_scalar(mother, meson, lepton, q2, cosine, a):
    p, recoil, minus, plus = configuration(mother, meson, lepton, q2, cosine)
    c7, c9 = wilson_coefficients(q2, 0j, AS_PUBLISHED)
    f_plus, f_zero, f_tensor = factors(a)(q2 / mother**2)
    q = minus + plus
    total = METRIC @ (q + 2 * recoil)
    along = METRIC @ q
    lower = (f_zero - f_plus) * (mother**2 - meson**2) / q2
    vector = (c9 * f_plus + 2 * M_B * c7 * f_tensor / (mother + meson)) * total
    axial = C_10 * (f_plus * total + lower * along)
    return p, squared(vector, axial, minus, plus, lepton)


def covariant_vector(mother, meson, lepton, q2, cosine, a):
    """Currents of A. Ali et al., hep-ph/9910221, eqs. 3.4 to 3.12, with hatted quantities in units of M."""
    p, recoil, minus, plus = configuration(mother, meson, lepton, q2, cosine)
    c7, c9 = wilson_coefficients(q2, 0j, AS_PUBLISHED)
    a1, a2, a0, v, t1, t2, t3 = factors(a)(q2 / mother**2)
    q, b = minus + plus, minus + plus + recoil
    m, mb, s = meson / mother, M_B / mother, q2 / mother**2
    scalar = (1 + m) * a1 - (1 - m) * a2 - 2 * m * a0
    first = [2 * c9 * v / (1 + m) + 4 * mb * c7 * t1 / s,
             (1 + m) * (c9 * a1 + 2 * mb / s * (1 - m) * c7 * t2),
             ((1 - m) * c9 * a2 + 2 * mb * c7 * (t3 + (1 - m**2) * t2 / s)) / (1 - m**2),
             (c9 * scalar - 2 * mb * c7 * t3) / s]
    second = [2 * C_10 * v / (1 + m), (1 + m) * C_10 * a1, C_10 * a2 / (1 + m), C_10 * scalar / s]
    # sum over polarisations: lower indices of -g + k k / m^2
    states = METRIC @ (-METRIC + np.outer(recoil, recoil) / meson**2) @ METRIC
    values, vectors = np.linalg.eigh(states)
    total = 0.0
    for value, e in zip(values, vectors.T, strict=True):
        if value < 1e-9:
            continue
        currents = []
        for x, y, z, w in (first, second):
            t = (x * np.einsum("mnrs,n,r,s->m", EPSILON, METRIC @ e, b, recoil) / mother**2 - 1j * y * e
                 + 1j * (e @ b) / mother**2 * METRIC @ (z * (b + recoil) + w * q))
            currents.append(t)
        total += value * squared(*currents, minus, plus, lepton)
    return p, total * mother**2


CASES = [("B-", "K-", "mu-", covariant_scalar), ("anti-B0", "anti-K*0", "mu-", covariant_vector),
         ("B-", "K-", "tau-", covariant_scalar), ("anti-B0", "anti-K*0", "tau-", covariant_vector)]


@pytest.mark.parametrize(("mother", "meson", "lepton", "covariant"), CASES)
def test_helicity_amplitudes_give_the_covariant_matrix_element(mother, meson, lepton, covariant):
    masses = [species(x).mass for x in (mother, meson, lepton)]
    a = rare_parameters("BTOSLLALI", np.array([]), species(mother).pdg, species(meson).pdg)
    h, ratios = np.empty(10), []
    low, high = 4 * masses[2] ** 2, (masses[0] - masses[1]) ** 2
    for x in (0.05, 0.3, 0.7, 0.97):
        q2 = low + x * (high - low)
        for cosine in (-0.9, -0.2, 0.5, 0.8):
            p, value = covariant(*masses, q2, cosine, a)
            rare_amplitudes(a, masses[0], masses[1], q2, p, h)
            ratios.append(rare_weight(h, q2, masses[2], p, cosine) / (p * np.sqrt(1 - low / q2) * value))
    assert np.allclose(ratios, ratios[0], rtol=1e-9)


def test_a_wrong_sign_of_the_dipole_is_caught():
    masses = [species(x).mass for x in ("anti-B0", "anti-K*0", "mu-")]
    a = rare_parameters("BTOSLLALI", np.array([]), -511, -313)
    wrong, h, ratios = a.copy(), np.empty(10), []
    wrong[4 + 5 * 4 + 1] *= -1
    for q2 in (2.0, 12.0):
        p, value = covariant_vector(*masses, q2, 0.3, a)
        rare_amplitudes(wrong, masses[0], masses[1], q2, p, h)
        ratios.append(rare_weight(h, q2, masses[2], p, 0.3) / value / p)
    assert abs(ratios[0] / ratios[1] - 1) > 0.1


@pytest.mark.parametrize(("z", "s"), [(0.0841, 0.1), (0.0841, 0.6), (1.0, 0.3), (1e-9, 0.2)])
def test_loop_function_is_the_feynman_integral(z, s):
    root = np.sqrt(max(1 - 4 * z / s, 0))
    points = [0.5 * (1 - root), 0.5 * (1 + root)] if root else None
    log = integrate.quad(lambda x: x * (1 - x) * np.log(abs(z - x * (1 - x) * s)), 0, 1, points=points)[0]
    real = -4 / 9 - 8 / 3 * log
    imaginary = 8 / 3 * np.pi * integrate.quad(lambda x: x * (1 - x), points[0], points[1])[0] if root else 0.0
    assert loop(z, s, z) == pytest.approx(complex(real, imaginary), abs=1e-6)


def test_massless_loop_and_how_evtgen_writes_it():
    # h(0, s) with ln s: the limit of a light quark after the logarithm of its mass is dropped
    light = loop(1e-12, 0.3, 1e-12)
    assert light == pytest.approx(complex(8 / 27 - 4 / 9 * np.log(0.3), 4 / 9 * np.pi), abs=1e-6)
    # charm threshold at 4 m_c^2 = 7.75 GeV^2 here, above the largest q2 as EvtGen writes it
    assert wilson_coefficients(9.0, 0j, AS_PUBLISHED)[1].imag - wilson_coefficients(9.0, 0j, AS_EVTGEN)[1].imag > 0.05
    assert wilson_coefficients(5.0, 0j, AS_PUBLISHED)[1].real == pytest.approx(
        wilson_coefficients(5.0, 0j, AS_EVTGEN)[1].real, rel=0.1)


def test_known_size_of_the_coefficients():
    # C_7 about -0.3 plus charm loops, C_9 between 4 and 5, in the literature of b -> s l l
    for q2 in (1.0, 4.0, 15.0):
        c7, c9 = wilson_coefficients(q2, 0j, AS_PUBLISHED)
        assert -0.45 < c7.real < -0.28
        assert 3.9 < c9.real < 5.2


def test_light_quark_loops_distinguish_matter_and_antimatter():
    b, anti = (rare_parameters("BTOSLLBALL", np.array([]), code, 211) for code in (-521, 521))
    assert complex(b[1], b[2]) == pytest.approx(light_quark_factor())
    assert b[2] == -anti[2] != 0
    assert not rare_parameters("BTOSLLBALL", np.array([]), 521, 321)[1:3].any()
    assert not rare_parameters("BTOSLLALI", np.array([]), 531, 333)[1:3].any()
    assert rare_parameters("BTOSLLBALL", np.array([6.0]), 531, 313)[2] != 0
    assert rare_parameters("BTOSLLBALL", np.array([]), 531, 313) is None


@pytest.mark.parametrize("parameters", [[9.0], [1.5], [1.0, 2.0], [1.0, 0.0, 0.0], [np.nan]])
def test_parameters_that_fit_nothing(parameters):
    assert rare_parameters("BTOSLLBALL", np.array(parameters), 521, 321) is None


def test_dipole_of_the_sum_rules_stays_finite_at_small_q2():
    a = rare_parameters("BTOSLLBALL", np.array([6.0]), 511, 313)
    h, values = np.empty(10), []
    for q2 in (1.1e-6, 1e-4, 1e-2):
        p = (5.28**2 - 0.892**2) / 2 / 5.28
        rare_amplitudes(a, 5.28, 0.892, q2, p, h)
        values.append(h[4] * np.sqrt(q2))
    assert np.allclose(values, values[0], rtol=0.1)
