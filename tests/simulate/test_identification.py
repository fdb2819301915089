"""Identification of charged particles.

Oracle: published working points, loosely (those measured with D* decays leave out decays in flight): kaonID > 0.9
keeps about 68 % of the kaons of B+ -> K+ nu nubar with 1.2 % of the pions; kaonID > 0.5 about 90 % at 0.5-1.5 GeV;
muonID > 0.9 85-90 % above 1 GeV. Consistency: the ratio of two likelihoods is calibrated (a track with kaonID in a bin
is a kaon with that probability) where no track is confused.
"""

import numpy as np
import pytest

N = 30_000
NAMES = ("logL_e", "logL_mu", "logL_pi", "logL_K", "logL_p", "logL_d")


def probabilities(out):
    """Likelihood fractions (n, 6): electronID, muonID, pionID, kaonID, protonID, deuteronID."""
    logs = np.stack([out["PIDLikelihoods"][k] for k in NAMES], axis=1)
    assert np.all(np.isfinite(logs))
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def signal_kaons(seed):
    """Momenta and polar angles in the lab of kaons of a two-body-like spectrum, p* up to 2.56 GeV."""
    rng = np.random.default_rng(seed)
    p = np.sqrt(rng.uniform(0.04, 2.56**2, N))
    cosine = rng.uniform(-1, 1, N)
    pz = 1.0403 * p * cosine + 0.2868 * np.hypot(p, 0.49368)
    pt = p * np.sqrt(1 - cosine**2)
    return np.hypot(pt, pz), np.arctan2(pt, pz)


def fraction(gun, run, card, pdg, p, theta, hypothesis, cut):
    """Of the tracks of the particles themselves; secondaries are left out."""
    out = run(gun(pdg, p, theta), card)
    return np.mean(probabilities(out)[out["Tracks"]["mcIndex"] >= 0, hypothesis] > cut)


def test_signal_kaon_working_point(gun, run, belle2):
    p, theta = signal_kaons(1)
    assert 0.62 < fraction(gun, run, belle2, 321, p, theta, 3, 0.9) < 0.80
    assert 0.006 < fraction(gun, run, belle2, 211, p, theta, 3, 0.9) < 0.018


def test_loose_kaons(gun, run, belle2, quiet):
    rng = np.random.default_rng(2)
    p, theta = rng.uniform(0.5, 1.5, N), np.arccos(rng.uniform(-0.8, 0.9, N))
    assert 0.82 < fraction(gun, run, quiet, 321, p, theta, 3, 0.5) < 0.94
    assert 0.02 < fraction(gun, run, belle2, 211, p, theta, 3, 0.5) < 0.08


def test_leptons(gun, run, belle2):
    rng = np.random.default_rng(3)
    p, theta = rng.uniform(1, 3, N), np.arccos(rng.uniform(-0.6, 0.8, N))
    assert 0.84 < fraction(gun, run, belle2, 13, p, theta, 1, 0.9) < 0.95
    assert 0.01 < fraction(gun, run, belle2, 211, p, theta, 1, 0.9) < 0.07
    assert 0.86 < fraction(gun, run, belle2, 11, p, theta, 0, 0.9) < 0.97
    assert fraction(gun, run, belle2, 211, p, theta, 0, 0.9) < 0.01


def test_binary_ratio_is_calibrated(gun, run, quiet):
    """Equal numbers of K and pi without confusion and decays: the fraction of kaons at a ratio r is r."""
    detector = quiet.detector
    none = {k: getattr(detector.pid.confusion, k).model_copy(update={"value": 0.0})
            for k in ("electron", "muon", "pion", "kaon", "proton")}
    devices = tuple(d.model_copy(update={"expected_outliers": None}) for d in detector.pid.devices)
    pid = detector.pid.model_copy(update={"confusion": detector.pid.confusion.model_copy(update=none),
                                          "devices": devices})
    card = quiet.model_copy(update={"detector": detector.model_copy(update={"pid": pid})})
    rng = np.random.default_rng(4)
    p, theta = rng.uniform(1.0, 3.0, 2 * N), np.arccos(rng.uniform(-0.5, 0.8, 2 * N))
    pdg = np.where(np.arange(2 * N) % 2, 211, 321)
    out = run(gun(pdg, p, theta), card)
    q = probabilities(out)
    ratio = q[:, 3] / (q[:, 2] + q[:, 3])
    kaon = pdg[out["Tracks"].event_index()] == 321
    for low in (0.1, 0.3, 0.5, 0.7):
        chosen = (ratio > low) & (ratio < low + 0.2)
        assert kaon[chosen].mean() == pytest.approx(ratio[chosen].mean(), abs=0.06)


def test_resolution_switch_is_one_number(gun, run, belle2, varied):
    """Planted fault: identification observables twice as wide; the same test sees it."""
    p, theta = signal_kaons(5)
    nominal = fraction(gun, run, belle2, 321, p, theta, 3, 0.9)
    assert fraction(gun, run, varied(pid_resolution=2.0), 321, p, theta, 3, 0.9) < nominal - 0.05


def test_confusion_switches_are_one_number_each(gun, run, belle2, varied):
    """The corrections of B+ -> K+ nu nubar, about 0.9 of the kaons and twice the pions (5 standard deviations)."""
    p, theta = signal_kaons(8)
    kaons = [fraction(gun, run, card, 321, p, theta, 3, 0.9) for card in (belle2, varied(kaon_confusion=2.4))]
    pions = [fraction(gun, run, card, 211, p, theta, 3, 0.9) for card in (belle2, varied(pion_confusion=2.6))]
    assert kaons[1] / kaons[0] == pytest.approx(0.9, abs=0.03)
    assert pions[1] / pions[0] == pytest.approx(2.0, abs=0.5)
    assert fraction(gun, run, varied(pion_confusion=2.6), 321, p, theta, 3, 0.9) == pytest.approx(kaons[0], abs=0.02)


def test_other_detector_same_code(gun, run):
    """Belle: time of flight and threshold counters in place of rings, no pixels."""
    from openbfactory.experiment import load_card

    belle = load_card("belle")
    switches = belle.detector.switches.model_copy(update={"decays_in_flight": 0.0})
    belle = belle.model_copy(update={"detector": belle.detector.model_copy(update={"switches": switches})})
    rng = np.random.default_rng(6)
    p, theta = rng.uniform(0.5, 1.5, N), np.arccos(rng.uniform(-0.5, 0.8, N))
    out = run(gun(321, p, theta), belle)
    assert out["Tracks"]["nPXDHits"].max() == 0
    assert np.mean(probabilities(out)[:, 3] > 0.5) > 0.75
    assert fraction(gun, run, belle, 211, p, theta, 3, 0.5) < 0.10


@pytest.mark.parametrize("name", ["belle2", "belle"])
def test_subdetectors_sum_to_the_combined_likelihood(gun, run, name):
    from openbfactory.experiment import load_card

    rng = np.random.default_rng(7)
    events = gun(321, rng.uniform(0.2, 3, 2000), rng.uniform(0.4, 2.5, 2000))
    likelihoods = run(events, load_card(name))["PIDLikelihoods"]
    present = {"belle2": ("SVD", "CDC", "TOP", "ARICH", "ECL", "KLM"), "belle": ("CDC", "TOF", "ACC", "ECL", "KLM")}
    present = present[name]
    assert {k.split("_")[2] for k in likelihoods.columns if k not in NAMES} == set(present)
    for k in NAMES:
        parts = np.array([likelihoods[f"{k}_{s}"] for s in present], float)
        assert parts.sum(axis=0) == pytest.approx(likelihoods[k], rel=1e-5, abs=1e-5)
        assert np.all(np.any(parts != 0, axis=1))
