"""Toys of unbinned fits and kernel templates.

Oracle: the estimator of an exponential's lifetime (the mean, pull known), SciPy's Gaussian kernels and integration,
the density that events were drawn from.  Bands of five standard deviations.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import trapezoid

from openbfactory.core.errors import FitError, InputError
from openbfactory.fit.costs import MixtureCost, ShapeCost
from openbfactory.fit.shapes.kernel import KernelTemplate
from openbfactory.fit.shapes.polynomial import polynomial
from openbfactory.fit.unbinned import fit_unbinned
from openbfactory.fit.unbinned_toys import unbinned_toys


def exponential(x, low, high, tau):
    return np.exp(-x / tau) / tau / (np.exp(-low / tau) - np.exp(-high / tau))


def thrower(tau, events=400):
    def throw(rng):
        x = rng.exponential(tau, events)
        return ShapeCost(x[x < 20.0], (0.0, 20.0), exponential, ["tau"])

    return throw


def test_pulls_are_unit_normal_and_a_planted_bias_is_seen():
    right = unbinned_toys(thrower(1.0), {"tau": 1.0}, 200, limits={"tau": (0.1, 5.0)}).summary("tau")
    assert abs(right.mean[0]) < 5 * right.mean[1]
    assert abs(right.width[0] - 1) < 5 * right.width[1]
    assert abs(right.coverage[0] - 0.683) < 5 * right.coverage[1]
    assert right.toys == 200
    wrong = unbinned_toys(thrower(1.05), {"tau": 1.0}, 200, limits={"tau": (0.1, 5.0)}).summary("tau")
    assert wrong.mean[0] > 5 * wrong.mean[1]
    assert wrong.bias[0] == pytest.approx(0.05, abs=5 * wrong.bias[1])


def test_toys_do_not_depend_on_who_fits_them():
    def backwards(work, chunks):
        return [work(c) for c in reversed(list(chunks))][::-1]

    first = unbinned_toys(thrower(1.0), {"tau": 1.0}, 25, seed=3)
    again = unbinned_toys(thrower(1.0), {"tau": 1.0}, 25, seed=3, mapper=backwards)
    assert np.array_equal(first.values, again.values)
    assert len(first.values) == 25


def test_toys_that_make_no_sense():
    with pytest.raises(InputError, match="found 1 toys"):
        unbinned_toys(thrower(1.0), {"tau": 1.0}, 1)
    with pytest.raises(InputError, match="tauu"):
        unbinned_toys(thrower(1.0), {"tauu": 1.0}, 2)
    with pytest.raises(FitError):
        unbinned_toys(lambda rng: ShapeCost(rng.random(5), (0.0, 1.0), lambda x, a, b, c: np.zeros(len(x)), ["c"]),
                      {"c": 1.0}, 3)


def test_a_fixed_kernel_is_that_of_scipy():
    rng = np.random.default_rng(1)
    events, weights = rng.normal(5.0, 0.5, 400), rng.random(400)
    template = KernelTemplate(events, (0.0, 10.0), weights, adaptive=False)
    spread = np.sqrt(np.average((events - template.mean) ** 2, weights=weights))
    narrow = np.subtract(*np.quantile(events, [0.75, 0.25])) / 1.349
    width = 1.06 * min(spread, narrow) * (weights.sum() ** 2 / (weights**2).sum()) ** -0.2
    theirs = stats.gaussian_kde(events, weights=weights)
    theirs.set_bandwidth(width / np.sqrt(theirs.covariance[0, 0]) * theirs.factor)
    x = np.linspace(3.5, 6.5, 31)
    assert template(x, 0.0, 10.0) == pytest.approx(theirs(x), rel=2e-3, abs=1e-4)


@pytest.mark.parametrize("arguments", [(), (0.3, 1.2), (-0.2, 0.8)])
def test_the_template_is_normalised(arguments):
    template = KernelTemplate(np.random.default_rng(2).exponential(1.0, 3000), (0.0, 6.0))
    x = np.linspace(0.5, 4.0, 40_001)
    assert trapezoid(template(x, 0.5, 4.0, *arguments), x) == pytest.approx(1.0, abs=1e-6)


def test_mirrored_events_keep_the_edge():
    """At the edge of an exponential: without mirror images half of the density is lost."""
    template = KernelTemplate(np.random.default_rng(3).exponential(1.0, 40_000), (0.0, 8.0))
    x = np.array([0.02, 0.5, 1.0, 3.0])
    assert template(x, 0.0, 8.0) == pytest.approx(np.exp(-x) / (1 - np.exp(-8.0)), rel=0.06)


def test_adaptive_kernels_follow_a_peak_and_smooth_its_tail():
    rng = np.random.default_rng(4)
    events = np.concatenate([rng.normal(3.0, 0.05, 8000), rng.uniform(0.0, 6.0, 2000)])

    def truth(v):
        return 0.8 * stats.norm.pdf(v, 3.0, 0.05) + 0.2 / 6

    peak, tail = np.linspace(2.9, 3.1, 21), np.linspace(0.1, 2.4, 200)
    fixed, adaptive = (KernelTemplate(events, (0.0, 6.0), adaptive=a) for a in (False, True))
    assert adaptive(peak, 0.0, 6.0) == pytest.approx(truth(peak), rel=0.2)
    noise = [np.std(template(tail, 0.0, 6.0) / truth(tail)) for template in (fixed, adaptive)]
    assert noise[1] < 0.6 * noise[0]


def test_a_template_fits_a_mixture():
    rng = np.random.default_rng(5)
    template = KernelTemplate(rng.normal(1.0, 0.2, 20_000), (0.0, 2.0))
    data = np.concatenate([rng.normal(1.03, 0.2, 600), rng.uniform(0.0, 2.0, 900)])
    data = data[(data > 0) & (data < 2)]
    cost = MixtureCost(data, (0.0, 2.0), {"signal": (template, ["shift"]), "flat": (polynomial, [])})
    found = fit_unbinned(cost, {"signal": 500.0, "flat": 1000.0, "shift": 0.0}, limits={"signal": (0, 2000),
                                                                                        "flat": (0, 2000)})
    assert found["signal"][0] == pytest.approx(600, abs=5 * found["signal"][1])
    assert found["shift"][0] == pytest.approx(0.03, abs=5 * found["shift"][1])


def test_templates_that_make_no_sense():
    with pytest.raises(InputError) as caught:
        KernelTemplate(np.array([1.0, np.nan]), (2.0, 1.0), np.array([1.0]), width=0.0)
    assert {f.code for f in caught.value.findings} == {"limits", "weights", "width", "data"}
    with pytest.raises(InputError, match="at least 2"):
        KernelTemplate(np.array([5.0, 6.0]), (0.0, 1.0))
