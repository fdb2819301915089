"""Shower and pulse shapes.

Oracle: closed forms of the discriminants (they are calibrated probabilities), the published factors by which pulse
shapes lower the fake rate of shower shapes (arXiv:2007.09642: more than 3 at 0.2 GeV, more than 10 at 1 GeV), means of
the card. Fixed seeds; bounds are 5 standard deviations unless said otherwise.
"""

import numpy as np
import pytest

from openbfactory.core.random import Address
from openbfactory.simulate import showers

N = 60_000


def shapes(card, kind, energy, share=0.0, seed=1):
    """Columns by name of clusters of one kind and energy."""
    rows = np.zeros((N, 11))
    rows[:, 0], rows[:, 7], rows[:, 8] = energy, kind, share
    numbers = showers.shower_numbers(card.detector)
    out = showers.measure_shapes(rows, numbers, Address(seed, f"showers {kind} {energy}").generator())
    return dict(zip(showers.COLUMNS, out.T, strict=True))


def fake_rate(card, energy, name, efficiency=0.8):
    """Fraction of photons below the cut that keeps so many hadrons, of clusters with pulse shapes."""
    photon, hadron = (shapes(card, k, energy) for k in (showers.PHOTON, showers.HADRON))
    has = [of["clusterHasPulseShapeDiscrimination"] == 1 for of in (photon, hadron)]
    return np.mean(photon[name][has[0]] < np.quantile(hadron[name][has[1]], efficiency))


@pytest.mark.parametrize(("energy", "factor"), [(0.2, 3.0), (1.0, 10.0)])
def test_pulse_shapes_beat_shower_shapes_as_published(belle2, energy, factor):
    ratio = (fake_rate(belle2, energy, "clusterZernikeMVA")
             / fake_rate(belle2, energy, "clusterPulseShapeDiscriminationMVA"))
    assert factor < ratio < 2.0 * factor


@pytest.mark.parametrize("name", ["clusterZernikeMVA", "clusterPulseShapeDiscriminationMVA"])
@pytest.mark.parametrize("energy", [0.15, 1.0])
def test_discriminants_are_probabilities(belle2, name, energy):
    photon, hadron = (shapes(belle2, k, energy)[name] for k in (showers.PHOTON, showers.HADRON))
    photon, hadron = photon[np.isfinite(photon)], hadron[np.isfinite(hadron)]
    number = min(len(photon), len(hadron))
    values, true = np.concatenate([photon[:number], hadron[:number]]), np.arange(2 * number) < number

    def worst(values):
        places = np.digitize(values, np.linspace(0, 1, 11))
        found = [(np.mean(true[places == b]) - np.mean(values[places == b])) / (0.5 / np.sqrt(np.sum(places == b)))
                 for b in np.unique(places)]
        return np.max(np.abs(found))

    assert worst(values) < 5
    assert worst(values**2) > 5  # the planted fault


def test_means_of_the_card_and_correlations(belle2):
    of = shapes(belle2, showers.PHOTON, 1.0)
    card = belle2.detector.ecl.shower
    for name, pair in (("clusterE1E9", card.shapes.photon.E1E9), ("clusterLAT", card.shapes.photon.LAT)):
        assert np.mean(of[name]) == pytest.approx(pair[0].value, abs=0.01)
    assert np.median(of["clusterSecondMoment"]) == pytest.approx(1.0, abs=0.01)
    assert np.corrcoef(of["clusterLAT"], of["clusterSecondMoment"])[0, 1] == pytest.approx(0.36, abs=0.05)
    assert np.corrcoef(of["clusterE1E9"], of["clusterZernikeMVA"])[0, 1] > 0.4
    wide = shapes(belle2, showers.HADRON, 1.0)
    assert np.mean(wide["clusterLAT"]) > np.mean(of["clusterLAT"]) + 0.1
    assert np.mean(wide["clusterZernikeMVA"]) < 0.3
    assert np.all(of["clusterHighestE"] <= 1.0)
    assert np.mean(shapes(belle2, showers.PHOTON, 0.03)["clusterE1E9"]) > np.mean(of["clusterE1E9"]) + 0.05
    assert np.mean(shapes(belle2, showers.PHOTON, 0.03)["clusterNHits"]) < 0.5 * np.mean(of["clusterNHits"])


def test_between_photons_and_hadrons(belle2):
    mean = [np.nanmean(shapes(belle2, k, 0.1)["clusterPulseShapeDiscriminationMVA"])
            for k in (showers.PHOTON, showers.BACKGROUND, showers.SPLIT_OFF, showers.HADRON)]
    assert mean == sorted(mean, reverse=True)
    merged = shapes(belle2, showers.PHOTON, 1.0, share=0.4)["clusterZernikeMVA"]
    assert np.mean(merged) < np.mean(shapes(belle2, showers.PHOTON, 1.0)["clusterZernikeMVA"]) - 0.2


def test_pulses_need_a_crystal_above_threshold_and_a_readout(belle2):
    from openbfactory.experiment import load_card

    of = shapes(belle2, showers.PHOTON, 0.08)
    has = of["clusterHasPulseShapeDiscrimination"] == 1
    np.testing.assert_array_equal(has, of["clusterHighestE"] > 0.05)
    np.testing.assert_array_equal(has, np.isfinite(of["clusterPulseShapeDiscriminationMVA"]))
    assert not np.any(shapes(load_card("belle"), showers.PHOTON, 1.0)["clusterHasPulseShapeDiscrimination"])
