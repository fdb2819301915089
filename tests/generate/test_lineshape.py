"""Line shapes. Oracle: the integral of the Breit-Wigner in closed form; energy limits."""

import numpy as np
from numba import njit
from scipy import stats

from openbfactory.generate.lineshape import breit_wigner


@njit
def many(rng, n, pole, width, low, high):
    out = np.empty(n)
    for i in range(n):
        out[i] = breit_wigner(rng, pole, width, low, high)
    return out


def test_masses_follow_the_breit_wigner_inside_their_window():
    pole, width, low, high = 0.775, 0.147, 0.28, 1.2
    m = many(np.random.Generator(np.random.PCG64DXSM(1)), 20_000, pole, width, low, high)
    angle = lambda x: np.arctan((x**2 - pole**2) / (pole * width))  # noqa: E731
    cdf = lambda x: (angle(x) - angle(low)) / (angle(high) - angle(low))  # noqa: E731
    assert low <= m.min() <= m.max() <= high
    assert stats.kstest(m, cdf).pvalue > 1e-3
    assert stats.kstest(m, stats.truncnorm((low - pole) / 0.07, (high - pole) / 0.07, pole, 0.07).cdf).pvalue < 1e-6


def test_a_narrow_window_is_kept():
    m = many(np.random.Generator(np.random.PCG64DXSM(1)), 100, 2.01, 8e-5, 2.00995, 2.01)
    assert 2.00995 <= m.min() <= m.max() <= 2.01
