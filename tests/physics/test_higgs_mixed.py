"""A scalar that mixes with the Higgs boson.

Oracle: published size of B(B -> K S) near 0.4 sin^2(theta) for a light S (B. Batell et al., arXiv:0911.4938), closed
forms of the widths, the Higgs boson's own decay to tau leptons (LHC Higgs working group: 0.256 MeV at 125 GeV).
"""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from openbfactory.physics import higgs_mixed
from openbfactory.physics.particles import species


def test_a_light_scalar_is_made_as_often_as_published():
    assert higgs_mixed.branching_fraction_b(0.3, "K+") == pytest.approx(0.43, rel=0.25)
    assert higgs_mixed.branching_fraction_b(0.3, "K*0") == pytest.approx(0.43, rel=0.35)


def test_leptonic_width_is_that_of_the_higgs_boson_at_its_mass():
    assert higgs_mixed.width(125.0, "tautau") == pytest.approx(0.256e-3, rel=0.02)


def test_ratio_of_leptons_is_that_of_masses_and_velocities():
    m, s = species("mu-").mass, 0.5
    e = species("e-").mass
    ratio = (m / e) ** 2 * (1 - 4 * m * m / s**2) ** 1.5
    assert higgs_mixed.width(s, "mumu") / higgs_mixed.width(s, "ee") == pytest.approx(ratio, rel=1e-5)


@pytest.mark.parametrize("mass", [0.1, 0.25, 0.5, 0.99, 1.5, 2.5, 3.9, 4.4])
def test_branching_fractions_add_up_and_lengths_go_with_the_square(mass):
    shares = [higgs_mixed.branching_fraction_s(mass, c) for c in (*higgs_mixed.LEPTONS, "hadrons")]
    assert sum(shares) == pytest.approx(1.0, rel=1e-12)
    assert higgs_mixed.ctau(mass, 1e-3) == pytest.approx(100 * higgs_mixed.ctau(mass, 1e-2), rel=1e-12)


def test_the_hadronic_width_is_continuous_and_grows():
    masses = [0.3 + 0.01 * k for k in range(440)]
    widths = [higgs_mixed.width(m, "hadrons") for m in masses]
    for edge in (1.0, 2.0):
        assert higgs_mixed.width(edge - 1e-9, "hadrons") == pytest.approx(higgs_mixed.width(edge + 1e-9, "hadrons"),
                                                                         rel=1e-6)
    assert all(b >= a for a, b in pairwise(widths))


def test_nothing_beyond_the_thresholds():
    assert higgs_mixed.branching_fraction_b(4.9) == 0.0
    assert higgs_mixed.width(0.2, "mumu") == 0.0
    assert higgs_mixed.width(0.25, "hadrons") == 0.0
    assert math.isclose(higgs_mixed.branching_fraction_s(0.1, "ee"), 1.0)
