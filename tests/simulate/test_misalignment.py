"""Misaligned silicon layers.

Oracles: closed forms of what a deformation does to straight tracks (scaled or shifted impact parameters, turned
directions), and a card whose modes are all zero.
"""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.core.errors import CardError
from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.experiment.misalignment import Misalignment
from openbfactory.simulate import simulate
from openbfactory.simulate.misalignment import misalign

RADII = np.array([1.4, 13.5])


def moved(helix, **modes):
    """Change of helices (n, 5) that cross all layers."""
    helix = np.atleast_2d(np.array(helix, float))
    after = helix.copy()
    hits = np.tile([2, 4, 50], (len(helix), 1)).astype(np.int32)
    assert misalign(after, hits, RADII, np.array(Misalignment(**modes).numbers)) == len(helix)
    return after - helix


def test_closed_forms_of_straight_tracks():
    phi = np.linspace(-3, 3, 7)
    straight = np.stack([np.full(7, 0.02), phi, np.full(7, 1e-9), np.full(7, 0.1), np.full(7, 0.7)], axis=1)
    # sensors stand further out than thought: all transverse lengths seem shorter, and tracks steeper
    change = moved(straight, radial=1e-3)
    assert np.allclose(change[:, 0], -1e-3 * 0.02, rtol=2e-3)
    assert np.allclose(change[:, 4], 0.7e-3, rtol=2e-3)
    change = moved(straight, expansion=1e-3)
    assert np.allclose(change[:, 3], -1e-4, rtol=1e-6)
    assert np.allclose(change[:, 4], -0.7e-3, rtol=1e-6)
    # dz = telescope * r is a change of slope alone
    change = moved(straight, telescope=1e-3)
    assert np.allclose(change[:, [0, 3]], 0, atol=1e-6)
    assert np.allclose(change[:, 4], -1e-3, rtol=1e-3)
    # curl: r dphi = c r^2; the chord between the layers turns by c (r1 + r2), and the intercept is c r1 r2
    change = moved(straight, curl=1e-5)
    assert np.allclose(change[:, 1], -1e-5 * (1.4 + 13.5), rtol=2e-2)
    assert np.allclose(np.abs(change[:, 0]), 1e-5 * 1.4 * 13.5, rtol=2e-2)
    # elliptical: the sign of the change goes as cos(2 phi)
    change = moved(straight, elliptical=1e-3)
    assert np.all(np.sign(np.round(change[:, 4], 6)) == np.sign(np.round(0.7 * np.cos(2 * phi), 6)))


def test_curved_tracks_keep_their_curvature_and_no_mode_changes_nothing():
    rng = np.random.default_rng(1)
    helices = np.stack([rng.normal(0, 0.1, 50), rng.uniform(-3, 3, 50), rng.uniform(-0.01, 0.01, 50),
                        rng.normal(0, 0.1, 50), rng.normal(0, 1, 50)], axis=1)
    assert np.allclose(moved(helices), 0, atol=1e-9)
    assert np.all(moved(helices, skew=1e-3, bowing=1e-4, twist=1e-5)[:, 2] == 0)


def test_a_card_with_modes_changes_the_tracks(gun):
    card = load_card("belle2")
    bent = card.model_copy(update={"detector": card.detector.model_copy(
        update={"misalignment": Misalignment(telescope=1e-3)})})
    rng = np.random.default_rng(2)
    events = gun(211, rng.uniform(1, 2, 200), rng.uniform(0.8, 2.0, 200))
    ideal, other = (simulate(events, c, Address(1, "gun"))["Tracks"] for c in (card, bent))
    silicon = ideal["nPXDHits"] + ideal["nSVDHits"] >= 2
    assert np.allclose((other["tanLambda"] - ideal["tanLambda"])[silicon], -1e-3, rtol=0.05)
    assert np.array_equal(ideal["omega"], other["omega"])


def test_unknown_modes_are_findings(tmp_path):
    path = tmp_path / "bent.yaml"
    path.write_text("extends: belle2\ndetector:\n  misalignment: {telescop: 1.0e-3}\n")
    with pytest.raises(CardError, match="telescop"):
        load_card(str(path))
