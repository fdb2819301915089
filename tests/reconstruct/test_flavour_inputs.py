"""Oracles: the definitions written out with NumPy, and a semileptonic decay at rest in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.reconstruct.event_shape import thrusts
from openbfactory.reconstruct.flavour_inputs import COLUMNS, flavour_inputs
from openbfactory.reconstruct.missing import to_cms
from openbfactory.reconstruct.rest_of_event import rest_of_event

BEAM = np.array([11.006, 0.456, 0.0, 2.998])
REST = np.array([10.58, 0.0, 0.0, 0.0])


def _random(n: int, seed: int) -> np.ndarray:
    p = np.random.default_rng(seed).normal(0, 0.6, (n, 3))
    return np.column_stack([np.hypot(np.linalg.norm(p, axis=1), 0.14), p])


def test_inputs_are_those_of_the_definitions() -> None:
    tracks, clusters = _random(40, 1), _random(30, 2)
    offsets = {"tracks": np.array([0, 12, 24, 40]), "clusters": np.array([0, 10, 20, 30])}
    rest = rest_of_event(np.array([0, 1, 2, 2]), offsets, tracks=np.array([[0, 3], [13, -1], [25, 26], [39, 30]]))
    charge = np.random.default_rng(3).choice([-1, 1], 40)
    found = flavour_inputs(rest, tracks, clusters, BEAM, charge=charge, dr=np.arange(40.0))
    assert set(found.columns) == {*COLUMNS, "charge", "dr"}
    assert np.array_equal(found.columns["dr"], found.tracks)
    for i in range(4):
        t = rest.tracks.rows[rest.tracks.offsets[i]:rest.tracks.offsets[i + 1]]
        g = rest.clusters.rows[rest.clusters.offsets[i]:rest.clusters.offsets[i + 1]]
        every = to_cms(np.concatenate([tracks[t], clusters[g]]), BEAM)
        total = every.sum(0)
        _, axis = thrusts(every, np.array([0]), np.array([len(every)]))
        for k, entry in enumerate(range(found.offsets[i], found.offsets[i + 1])):
            p, miss = every[k], -total[1:]
            x = total - p
            w = p[1:] + miss
            others = np.delete(every, k, axis=0)
            expected = [np.sqrt(max(x[0] ** 2 - x[1:] @ x[1:], 0)), np.linalg.norm(miss),
                        p[1:] @ miss / np.linalg.norm(p[1:]) / np.linalg.norm(miss),
                        others[others[:, 1:] @ w > 0, 0].sum(), abs(p[1:] @ axis[0]) / np.linalg.norm(p[1:]),
                        np.linalg.norm(p[1:]), np.hypot(p[1], p[2]), p[3] / np.linalg.norm(p[1:])]
            assert [found.columns[name][entry] for name in COLUMNS] == pytest.approx(expected)


def test_a_semileptonic_decay_at_rest() -> None:
    """B -> D l nu at rest, the D as one cluster: X is the D, the neutrino is the missing momentum, EW90 is zero."""
    lepton, neutrino = np.array([1.5, 0.0, 0.0, 1.5]), np.array([1.0, 0.6, 0.0, 0.8])
    m_b = 5.28
    hadron = np.array([m_b - 2.5, *-(lepton + neutrino)[1:]])
    rest = rest_of_event(np.array([0]), {"tracks": np.array([0, 1]), "clusters": np.array([0, 1])})
    found = flavour_inputs(rest, lepton[None], hadron[None], REST).columns
    assert found["recoilMass"][0] == pytest.approx(np.sqrt(hadron[0] ** 2 - hadron[1:] @ hadron[1:]))
    assert found["pMissCMS"][0] == pytest.approx(1.0)
    assert found["cosThetaMissCMS"][0] == pytest.approx(0.8)
    assert found["EW90"][0] == 0
    assert found["useCMSFrame(cosTheta)"][0] == pytest.approx(1)


def test_a_composite_counts_and_nothing_gives_no_rows() -> None:
    rest = rest_of_event(np.array([0, 0]), {"tracks": np.array([0, 1]), "clusters": np.array([0, 1])},
                         tracks=np.array([[0], [-1]]))
    found = flavour_inputs(rest, _random(1, 4), _random(1, 5), REST, charge=np.array([1]))
    assert list(np.diff(found.offsets)) == [0, 1]
    assert len(found.columns["charge"]) == 1
    none = flavour_inputs(rest_of_event(np.empty(0, np.int64), {"tracks": np.array([0, 1])}), _random(1, 4),
                          np.zeros((0, 4)), REST)
    assert len(none.tracks) == 0
