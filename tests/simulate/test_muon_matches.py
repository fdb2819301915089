"""Matches of tracks and clusters of the muon detector.

Oracle: kinematics (a muon of a decay goes where the pion went; in the barrel nothing arrives below the transverse
momentum of the card), and the same card with decays switched off.
"""

import numpy as np

from openbfactory.experiment import load_card

N = 20_000


def matched(out):
    """Whether the first track of each event has a cluster."""
    event = np.repeat(np.arange(len(out)), out["KLMClusters"].counts)
    found = np.zeros(len(out), bool)
    found[event[out["KLMClusters"]["trackIndex"] == 0]] = True
    return found[out["Tracks"].counts > 0]


def test_muons_of_decays_match_the_track_that_decayed(gun, run, varied):
    p, theta = np.full(N, 1.0), np.full(N, 1.4)
    none = varied(beam_background=0.0, decays_in_flight=0.0, material=0.0)
    strong = varied(beam_background=0.0, decays_in_flight=5.0, material=0.0)
    events = gun(211, p, theta)
    with_decays, without = matched(run(events, strong)).mean(), matched(run(events, none)).mean()
    assert with_decays > without + 0.01
    out = run(events, strong)
    unmatched = np.mean(out["KLMClusters"]["trackIndex"] < 0)
    assert unmatched < 0.5


def test_barrel_needs_transverse_momentum(gun, run, quiet):
    slow = run(gun(13, np.full(N, 0.8), np.full(N, np.radians(42.0))), quiet)
    assert slow["KLMClusters"].size == 0
    fast = run(gun(13, np.full(N, 0.8), np.full(N, np.radians(80.0))), quiet)
    assert 0.5 < matched(fast).mean() < 0.9
    forward = run(gun(13, np.full(N, 0.8), np.full(N, np.radians(28.0))), quiet)
    assert forward["KLMClusters"].size > 0.4 * N
    assert load_card("belle").detector.klm.barrel_minimum_pt.value == 0.6
