"""B -> K X with an unseen X.

Oracle: the definition of the number density (summed over q2 with the Standard-Model rates it gives the published
signal), closed forms of the escape probability, and numerical integration (SciPy).
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from openbfactory.core.errors import InputError
from openbfactory.fit.estimate import analyse, estimate
from openbfactory.fit.workspace import parse_workspace, read_workspace
from openbfactory.interpret.two_body import POI, UNIT, escape_probability, events_of, largest_mass, two_body_workspace
from openbfactory.interpret.wet import PUBLISHED_EDGES, NumberDensity, read_number_density
from openbfactory.physics import knunu

#: efficiency of the toy below in its two fit bins, and the number of B pairs times two
EFFICIENCY, PAIRS = (0.10, 0.02), 1e8


@pytest.fixture
def density():
    rates = np.array([knunu.branching_fraction(a, b) for a, b in pairwise(PUBLISHED_EDGES)])
    return NumberDensity(PUBLISHED_EDGES, np.outer(EFFICIENCY, PAIRS * rates))


@pytest.fixture
def document(density):
    signal = density.events.sum(axis=1)
    return {"channels": [{"name": "A", "samples": [
        {"name": "signal", "data": signal.tolist(), "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
        {"name": "rest", "data": [100.0, 400.0], "modifiers": []}]}],
        "observations": [{"name": "A", "data": (
            signal + [100.0, 400.0] + 5e-6 * PAIRS * np.array(EFFICIENCY)).tolist()}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}], "version": "1.0.0"}


@pytest.mark.parametrize("mass", [0.0, 0.5, 2.0, 4.7])
def test_events_are_efficiency_times_decays(density, mass):
    assert events_of(density, mass) == pytest.approx(PAIRS * np.array(EFFICIENCY), rel=1e-6)


def test_a_planted_branching_fraction_is_found(density, document):
    result = estimate(analyse(parse_workspace(two_body_workspace(document, {"A": density}, 2.0))))
    assert result.poi == POI
    assert result.value * UNIT == pytest.approx(5e-6, rel=1e-4)


def test_wrong_input_is_named(density, document):
    with pytest.raises(InputError) as caught:
        two_body_workspace(document, {}, largest_mass() + 1)
    assert {f.code for f in caught.value.findings} == {"mass", "density"}
    with pytest.raises(InputError, match="no sample"):
        two_body_workspace(document, {"A": density}, 1.0, poi="nu")


def test_escape_without_boost_is_an_exponential():
    """beta gamma of the B zero: P = exp(-R m / (p c tau))."""
    p = float(knunu.kaon_momentum(1.0))
    assert escape_probability(1.0, 200.0, 300.0, 0.0) == pytest.approx(math.exp(-300 / (200 * p)), rel=1e-12)
    assert escape_probability(0.0, 1.0, 300.0, 0.3) == 1.0
    assert escape_probability(1.0, 0.0, 300.0, 0.3) == 0.0


def test_escape_with_boost_is_the_mean_over_directions():
    mass, boost = 2.0, 0.3
    p, gamma = float(knunu.kaon_momentum(mass**2)), math.hypot(1, boost)

    def at(cosine):
        along = gamma * p * cosine + boost * math.hypot(p, mass)
        return 0.5 * math.exp(-300 * mass / (math.hypot(along, p * math.sqrt(1 - cosine**2)) * 500))

    assert escape_probability(mass, 500.0, 300.0, boost) == pytest.approx(quad(at, -1, 1)[0], rel=1e-6)


def test_published_likelihood_prefers_a_mass_near_two(shared_data):
    """The excess of the publication lies at small q2_rec; a Standard-Model decay fixed leaves it to X."""
    folder = shared_data / "belle2-knunu"
    document = read_workspace(folder / "combined_likelihood.json").document
    names = [c["name"] for c in document["channels"]]
    densities = {names[k]: read_number_density(folder / f"number_density_{f}.csv")
                 for k, f in ((0, "ita_regA"), (1, "ita_regB"), (4, "hta"))}
    z = {m: estimate(parse_workspace(two_body_workspace(document, densities, m)), tests=(0.0,)).significance["0"]
         for m in (0.5, 2.0, 3.5)}
    assert z[2.0] > 3
    assert z[0.5] < 1
    assert z[3.5] < 0
