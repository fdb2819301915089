"""Trained probabilities of photons.

Oracle: the truth of an independent simulated sample (efficiencies at the cuts of common selections, loosely), the
direction of each input. Fixed seeds.
"""

import numpy as np
import pytest

from openbfactory.reconstruct.photon_suppression import DISTANCE, FEATURES, features, packaged, probability


def both(energy=0.1, region=2, time=0.0, dt99=10.0, pulse=0.8, distance=60.0):
    given = np.broadcast_arrays(energy, region, time, dt99, pulse, distance)
    inputs = [np.atleast_1d(np.asarray(v, float)) for v in given]
    of = features(*inputs)
    return (probability(of, packaged().beamBackgroundSuppression), probability(of, packaged().fakePhotonSuppression))


def test_every_feature_has_its_weight():
    assert tuple(packaged().beamBackgroundSuppression.weights) == FEATURES
    assert tuple(packaged().fakePhotonSuppression.weights) == (*FEATURES, *DISTANCE)


def test_directions():
    assert np.all(np.diff(both(time=[0.0, 10.0, 20.0, 30.0])[0]) < 0)  # late is background
    assert np.all(np.diff(both(pulse=[0.05, 0.5, 0.9])[1]) > 0)  # electromagnetic is a photon
    assert np.all(np.diff(both(distance=[5.0, 20.0, 80.0])[1]) > 0)  # near a track is a fake
    assert both(energy=0.5)[0] > both(energy=0.05)[0]


def test_what_is_absent_is_not_an_error():
    for values in both(pulse=np.nan, distance=np.nan):
        assert np.all((values > 0) & (values < 1))


@pytest.mark.parametrize("against", [1, 2])
def test_on_simulated_events(against):
    """A photon and two pions an event: photons stay, background and fakes go."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import particle_gun
    from openbfactory.simulate import simulate

    card = load_card("belle2")
    address = Address(3, "photons")
    shot = simulate(particle_gun(["gamma", "pi+", "pi-"], 4000, address, momentum=(0.06, 1.0), per_event=3,
                                 spectrum="logp"), card, address)
    c, index = shot["ECLClusters"], shot["ECLClusters"]["mcIndex"]
    kind = np.where(index < 0, 1, np.where(index == 0, 0, 2))
    of = features(*(c[k] for k in ("clusterE", "clusterReg", "clusterTiming", "clusterErrorTiming",
                                   "clusterPulseShapeDiscriminationMVA", "minC2TDist")))
    free = c["trackIndex"] < 0
    name, cut = (("beamBackgroundSuppression", 0.4), ("fakePhotonSuppression", 0.3))[against - 1]
    values = probability(of, getattr(packaged(), name))
    kept = [np.mean(values[free & (kind == k)] > cut) for k in (0, against)]
    assert kept[0] > 0.85
    assert kept[1] < (0.1 if against == 1 else 0.6)
