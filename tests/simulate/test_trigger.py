"""Trigger lines.

Oracle: events made so that the requirement of each line is met or missed by a wide margin; binomial errors of
efficiencies and prescales (fixed seeds, 5 standard deviations); a boost to the centre of mass written here.
"""

import numpy as np
import pytest

from openbfactory.core.errors import UnknownNameError
from openbfactory.events.trigger import L1_LINES, fired
from openbfactory.experiment import load_card
from openbfactory.experiment.trigger import Prescales
from openbfactory.simulate.trigger import in_centre_of_mass
from openbfactory.simulate.trigger_card import trigger_numbers

N = 4000
RIGHT = np.full(N, np.pi / 2)


def share(out, line, word="L1FTDL"):
    return fired(out["TRGSummary"][word], line).mean()


def many(gun, pdg, p, phi, n, theta=np.pi / 2, vertex=None):
    """``n`` particles an event at equal angles from ``phi``."""
    size = N // n * n
    angle = (phi + 2 * np.pi / n * np.arange(size)) % (2 * np.pi) - np.pi
    return gun(pdg, np.full(size, p), np.full(size, theta), phi=angle, per_event=n, vertex=vertex)


def test_lines_of_the_card_are_the_lines():
    assert tuple(Prescales.model_fields) == L1_LINES
    with pytest.raises(UnknownNameError, match="fff"):
        fired(np.zeros(3, np.int64), "ffff")


def test_tracks(gun, run, quiet):
    # four of five axial segments, three of four stereo segments
    found = 0.975 * 0.95 * (0.97**5 + 5 * 0.03 * 0.97**4)
    neural = 0.97**4 + 4 * 0.03 * 0.97**3
    three, two = run(many(gun, 13, 1.0, 0.1, 3), quiet), run(many(gun, 13, 1.0, 0.1, 2), quiet)
    assert share(three, "fff") == pytest.approx(found**3, abs=5 * 0.4 / np.sqrt(N / 3))
    assert share(three, "ffy") == pytest.approx(share(three, "fff"), abs=0.01)
    assert share(two, "fff") == share(two, "ffy") == 0
    assert share(two, "ffo") == pytest.approx(found**2, abs=5 * 0.4 / np.sqrt(N / 2))
    one = run(gun(13, np.full(N, 1.0), RIGHT), quiet)
    assert share(one, "ffo") == 0
    # |z| < 15 cm keeps 93 to 100 % of the neural tracks from the origin
    assert 0.93 * found * neural - 0.02 < share(one, "stt") < found * neural + 0.02
    assert share(two, "fyo") == pytest.approx(share(two, "ffo"), abs=0.01)
    unseen = quiet.detector.trigger.segments.model_copy(update={"least_stereo": 5})
    trigger = quiet.detector.trigger.model_copy(update={"segments": unseen})
    flat = quiet.model_copy(update={"detector": quiet.detector.model_copy(update={"trigger": trigger})})
    without = run(many(gun, 13, 1.0, 0.1, 2), flat)
    assert share(without, "ffo") > 0.8
    assert share(without, "fyo") == share(without, "stt") == 0
    assert share(run(gun(13, np.full(N, 0.5), RIGHT), quiet), "stt") == 0
    far = np.tile([0.0, 0.0, 40.0], (N, 1))
    assert share(run(gun(13, np.full(N, 1.0), RIGHT, vertex=far), quiet), "stt") < 0.05
    assert share(run(gun(13, np.full(N, 2.0), RIGHT), quiet), "cdcklm") > 0.8


def test_calorimeter(gun, run, quiet):
    single = run(gun(22, np.full(N, 3.0), RIGHT), quiet)
    assert share(single, "lml1") > 0.98
    assert share(single, "single_photon") > 0.98
    assert share(single, "hie") > 0.98
    assert share(single, "c4") == 0
    assert share(run(gun(22, np.full(N, 0.5), RIGHT), quiet), "hie") == 0
    four = run(many(gun, 22, 0.6, 0.0, 4), quiet)
    assert share(four, "c4") > 0.93
    assert share(four, "lml12") > 0.95
    assert share(four, "single_photon") == 0
    assert share(run(many(gun, 22, 0.4, 0.0, 4), quiet), "lml12") == 0
    assert share(run(many(gun, 22, 0.4, 0.0, 4), quiet), "lml0") > 0.95


def test_bhabha_pairs_are_vetoed(gun, run, quiet):
    machine = quiet.machine
    velocity = machine.p4[1:] / machine.p4[0]
    gamma, half = machine.p4[0] / machine.sqrt_s, machine.sqrt_s / 2
    rng = np.random.default_rng(1)
    cosine, azimuth = rng.uniform(-0.3, 0.3, N // 2), rng.uniform(-np.pi, np.pi, N // 2)
    sine = np.sqrt(1 - cosine**2)
    n = np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine], axis=1)
    star = half * np.stack([n, -n], axis=1).reshape(-1, 3)
    along = star @ velocity
    lab = star + velocity * (gamma**2 / (gamma + 1) * along + gamma * half)[:, None]
    p = np.linalg.norm(lab, axis=1)
    out = run(gun(22, p, np.arccos(lab[:, 2] / p), phi=np.arctan2(lab[:, 1], lab[:, 0]), per_event=2), quiet)
    both = out["ECLClusters"].counts == 2
    assert both.mean() > 0.9
    assert fired(out["TRGSummary"]["L1FTDL"], "hie")[both].mean() < 0.05
    assert share(run(many(gun, 22, 5.3, 0.0, 4), quiet), "lml1") > 0.9
    star_found = np.zeros(3)
    total = trigger_numbers(quiet).total
    in_centre_of_mass(p[0], np.arccos(lab[0, 2] / p[0]), np.arctan2(lab[0, 1], lab[0, 0]), total, 0.0, star_found)
    assert star_found[0] == pytest.approx(half, rel=1e-9)
    assert star_found[1] == pytest.approx(np.arccos(cosine[0]), rel=1e-9)


def test_prescales(gun, run, quiet):
    trigger = quiet.detector.trigger
    scaled = trigger.model_copy(update={"prescales": trigger.prescales.model_copy(update={"hie": 10, "lml1": 0})})
    card = quiet.model_copy(update={"detector": quiet.detector.model_copy(update={"trigger": scaled})})
    out = run(gun(22, np.full(N, 3.0), RIGHT), card)
    assert share(out, "hie") > 0.98
    assert share(out, "hie", "L1PSNM") == pytest.approx(0.1 * share(out, "hie"), abs=5 * 0.3 / np.sqrt(N))
    assert share(out, "lml1") == 0
    words = out["TRGSummary"]["L1PSNM"]
    assert np.array_equal(out["TRGSummary"]["L1Trigger"] == 1, words != 0)


def test_hadron_skim(gun, run, quiet):
    assert run(many(gun, 211, 1.5, 0.0, 4), quiet)["TRGSummary"]["HLTHadron"].mean() > 0.9
    assert run(many(gun, 211, 1.5, 0.0, 2), quiet)["TRGSummary"]["HLTHadron"].mean() == 0
    assert run(many(gun, 211, 0.3, 0.0, 3), quiet)["TRGSummary"]["HLTHadron"].mean() == 0


def test_other_detector_has_its_own_lines(gun, run):
    out = run(gun(13, np.full(N, 1.0), RIGHT), load_card("belle"))
    assert share(out, "stt") == 0
