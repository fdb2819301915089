"""Upper limits.

Oracle: pyhf's asymptotic calculator (qtilde) with scanned values; the closed
form of a Gaussian measurement; coverage by toys is not claimed here.
"""

from __future__ import annotations

import math

import pyhf
import pytest
from histfactory_examples import simple_document, two_channels
from scipy.optimize import brentq
from scipy.stats import norm

from openbfactory.core.errors import InputError
from openbfactory.fit.estimate import analyse
from openbfactory.fit.limits import HypothesisTest, UpperLimit, upper_limit


@pytest.mark.parametrize("observed", [52.0, 60.0, 45.0])
def test_tests_agree_with_pyhf(observed):
    document = simple_document(observed)
    limits = UpperLimit(analyse(document))
    workspace = pyhf.Workspace(document)
    model = workspace.model()
    for mu in (0.7, 1.5, 3.0):
        tested = limits.test(mu)
        cls, tails, band = pyhf.infer.hypotest(mu, workspace.data(model), model, test_stat="qtilde",
                                               return_tail_probs=True, return_expected_set=True)
        assert tested.cls == pytest.approx(float(cls), rel=2e-3, abs=1e-5)
        assert tested.p_sb == pytest.approx(float(tails[0]), rel=2e-3, abs=1e-5)
        a = tested.asimov_root
        mine = [float(norm.sf(a - n) / norm.cdf(n)) for n in (-2, -1, 0, 1, 2)]
        assert mine == pytest.approx([float(b) for b in band], rel=3e-3, abs=1e-5)


def test_limits_agree_with_pyhf():
    document = two_channels()
    result = upper_limit(document)
    workspace = pyhf.Workspace(document)
    model = workspace.model()
    observed, expected = pyhf.infer.intervals.upper_limits.toms748_scan(
        workspace.data(model), model, 0.01, 9.9, rtol=1e-4)
    assert result.observed == pytest.approx(float(observed), rel=2e-3)
    assert result.expected == pytest.approx([float(e) for e in expected], rel=2e-3)
    assert list(result.expected) == sorted(result.expected)


def test_gaussian_measurement():
    # 10000 mu on 1e6 events: mu = n/10000 - 100 with sigma 0.1, far enough from 0 for 2NLL to be a parabola
    document = simple_document(1e6 + 2000.0)
    samples = document["channels"][0]["samples"]
    samples[0]["data"], samples[1]["data"], samples[1]["modifiers"] = [1e4], [1e6], []
    analysis = analyse(document)
    sigma, best = 0.1, 0.2
    one_sided = upper_limit(analysis, level=0.9, cls=False)
    assert one_sided.observed == pytest.approx(best + sigma * norm.isf(0.1), rel=2e-3)
    cls = upper_limit(analysis, level=0.9)
    exact = brentq(lambda m: norm.sf((m - best) / sigma) / norm.cdf(best / sigma) - 0.1, 0.2, 1)
    assert cls.observed == pytest.approx(exact, rel=2e-3)
    assert cls.observed > one_sided.observed
    assert cls.expected[2] == pytest.approx(sigma * norm.isf(0.05), rel=2e-3)


def test_far_tail_of_the_test_statistic():
    tested = HypothesisTest(1.0, 3.0, 2.0)
    assert tested.p_sb == pytest.approx(norm.sf(13 / 4))
    assert tested.p_b == pytest.approx(norm.sf(5 / 4))


def test_no_sensitivity_excludes_nothing():
    """Tails far out: CLs is continuous in the sensitivity a and goes to exp(-s^2 / 2); a root of 0 excludes nothing."""
    for a in (1e-2, 1e-4, 1e-6, 1e-9, 0.0):
        assert HypothesisTest(1.0, 0.5, a).cls == pytest.approx(math.exp(-0.125), rel=2 * a + 1e-4)
    assert HypothesisTest(1.0, 0.0, 0.0).cls == 1.0
    near = HypothesisTest(1.0, 2.0, 1.5)
    assert near.cls == pytest.approx(near.p_sb / near.p_b, rel=1e-12)


def test_published_limit(shared_data):
    analysis = analyse(shared_data / "belle2-knunu" / "combined_likelihood.json")
    result = upper_limit(analysis, level=0.90)
    assert analysis.fit.minimum.x[analysis.index] < result.observed < 10
    assert 1.0 < result.expected[2] < 3.5
    assert all(math.isfinite(v) for v in result.expected)
    record = result.to_dict()
    assert record["expected"]["+0"] == result.expected[2]
    assert upper_limit(analysis, level=0.9999999).observed is None


def test_bad_level():
    with pytest.raises(InputError, match="between 0"):
        upper_limit(simple_document(), level=95.0)
