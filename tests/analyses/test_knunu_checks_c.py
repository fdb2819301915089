"""Half splits, sidebands and the closure test. Oracles: planted numbers, chi2 of equal worlds, spreads over seeds."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from openbfactory.analyses.knunu import finished
from openbfactory.analyses.knunu.checks import closure, control_sample, sidebands
from openbfactory.analyses.knunu.checks.half_split import HalfSplit
from openbfactory.analyses.knunu.checks.settings import section
from openbfactory.analyses.knunu.checks.spectra import spectrum_fit
from openbfactory.analyses.knunu.checks.splitting import drawn, fit_splits, fittable, halves_of, tensions
from openbfactory.analyses.knunu.checks.worlds import World, klong_of_charm
from openbfactory.analyses.knunu.config import B_PAIRS, BACKGROUNDS, load_config
from openbfactory.core.errors import FitError
from openbfactory.experiment import load_card
from openbfactory.generate import generate_events
from openbfactory.pipeline.chunks import ChunkTask
from openbfactory.reconstruct.variables import VARIABLES

CUTS = {"side": 0.0, "q2_rec": 4.0, "count": None}


def candidates(seed: int = 1):
    """Toy candidates: signal at large eta and small q2, two backgrounds, 20 events of data for each of them."""
    rng, samples = np.random.default_rng(seed), {}
    for name, size, weight in (("knunu", 1200, 0.3), ("charged", 600, 10.0), ("uubar", 300, 10.0),
                               ("uubar_off", 300, 1.5)):
        eta = 1 - 0.08 * rng.random(size) if name == "knunu" else 0.92 + 0.08 * rng.random(size) ** 2
        q2 = -1 + 26 * (rng.beta(1, 4, size) if name == "knunu" else rng.random(size))
        samples[name] = {"eta": eta, "q2_rec": q2, "weight": np.full(size, weight), "side": rng.normal(size=size),
                         "count": rng.poisson(6, size)}
    return finished.merged(samples, load_config().region.binning)


def test_halves_of_one_world_agree_and_the_covariance_of_splits_is_right():
    """40 pseudo-experiments: pulls of each split have a spread of 1, chi2 a mean of 3 (false alarms below 1e-4)."""
    found = candidates()
    masks = halves_of(found, CUTS)
    share = [found.expected[m].sum() / found.expected.sum() for m in masks.values()]
    assert np.all(np.abs(np.array(share) - 0.5) < 0.35)
    pulls, chi2 = [], []
    for seed in range(40):
        data = drawn(found, np.random.default_rng(seed))
        each, total = tensions(data, masks, fit_splits(data, masks, 0.5))
        pulls.append(list(each.values()))
        chi2.append(total)
    assert np.all(np.abs(np.std(pulls, axis=0) - 1.0) < 0.5)
    assert np.mean(chi2) == pytest.approx(3.0, abs=4 * np.sqrt(6 / 40))


def test_a_signal_in_one_half_and_tracks_lost_in_one_half_are_seen():
    found = candidates()
    masks = halves_of(found, CUTS)
    signal = found.sample == "knunu"
    lost = np.where(signal & masks["side"], 0.0, np.where(signal, -20.0, 0.0))  # 21 times the signal in one half
    data = drawn(found, np.random.default_rng(3), lost)
    pulls, total = tensions(data, masks, fit_splits(data, masks, 0.5))
    assert pulls["side"] > 5
    assert total > 25
    data = drawn(found, np.random.default_rng(4), 0.3 * masks["side"])
    first, second = fit_splits(data, {"side": masks["side"]}, 0.5)["side"]
    share = second.ratio[0] / first.ratio[0]
    assert share == pytest.approx(0.7, abs=4 * np.hypot(first.ratio[1], second.ratio[1]))
    assert share < 0.85


def test_too_small_a_run_is_refused_and_splits_without_candidates_are_left_out():
    found = candidates()
    masks = halves_of(found, CUTS)
    masks["never"] = np.zeros(len(found.bin), bool)
    assert set(fittable(found, masks, "side")) == set(CUTS)
    with pytest.raises(FitError, match="too few simulated candidates"):
        fittable(found, masks, "never")


def test_candidates_of_a_run_are_read_with_outputs_and_weights(tmp_path, monkeypatch):
    """A run of two chunks: fold by chunk, rows of variations left out, weights to the size of the data set."""

    class Model:
        def __init__(self, shift: float) -> None:
            self.shift = shift

        def outputs(self, columns):
            return {"BDT1": columns["x"], "BDT2": columns["x"], "eta": columns["x"] + self.shift}

    monkeypatch.setattr(finished, "load_models", lambda run: (Model(0.9), Model(0.0)))
    machine, config = load_card("belle2").machine, load_config()
    (tmp_path / "run.json").write_text(json.dumps({"samples": {"charged": 1000, "uubar_off": 500}}))
    for sample in ("charged", "uubar_off"):
        (tmp_path / "chunks" / sample).mkdir(parents=True)
        for index in range(2):
            table = pa.table({"x": [0.05, 0.95, 0.06], "variation": [0, 0, 1], "weight": [2.0, 3.0, 1.0]})
            pq.write_table(table, tmp_path / "chunks" / sample / f"{index:05d}.parquet")
    found = finished.judged_candidates(tmp_path, config, machine)
    assert found["charged"]["half"].tolist() == [0, 0, 1]
    assert found["charged"]["eta"] == pytest.approx([0.95, 1.85, 0.95])
    assert found["charged"]["weight"] == pytest.approx(np.array([2, 3, 3]) * machine.expected("charged") / 1000)
    off = machine.expected("uubar", off_resonance=True) / 500
    assert found["uubar_off"]["weight"] == pytest.approx(np.array([2, 3, 3]) * off)


def test_every_split_is_of_a_variable_of_the_tag():
    known = {*VARIABLES, "half"}
    assert set(section("half_split", HalfSplit).splits) <= known


def table(rng, size: int, klong: float, peak: float = 12.0):
    """Toy candidates of every signal track: those with a K_L at smaller q2_rec."""
    found = rng.random(size) < klong
    return {"q2_rec": rng.normal(np.where(found, peak - 2, peak + 2), 3), "klong": found,
            "track": rng.integers(0, 3, size), "eta": 0.66 + 0.34 * rng.random(size), "mcQ2": np.full(size, np.nan)}


@pytest.mark.parametrize("planted", [1.0, 1.3])
def test_the_factor_on_charm_with_a_klong_is_found(planted):
    """Pull of the found factor below 4; a factor of 1 is excluded where 1.3 was planted, and chi2 falls."""
    rng, settings = np.random.default_rng(5), section("sidebands", sidebands.Sidebands)
    size = settings.presets["quick"]
    tables = {}
    for process in BACKGROUNDS:
        b = process in B_PAIRS
        tables[f"simulation.{process}"] = table(rng, int((20000 if b else 500) * size.factors[process]), 0.6 * b)
        data = table(rng, 26000 if b else 700, 0.6 * b)
        keep = data["klong"] | (rng.random(len(data["eta"])) < 1 / 1.3)
        if b and planted == 1.0:
            keep = rng.random(len(keep)) < 1 / 1.3
        tables[f"data.{process}"] = {n: c[keep | (not b)] for n, c in data.items()}
    spectra = [sidebands.spectrum(channel, tables, size, settings) for channel in sidebands.CHANNELS]
    fit = spectrum_fit(spectra, "klong", {"other": 0.05, "continuum": 0.036})
    assert abs(fit.scale - planted) < 4 * fit.uncertainty
    assert fit.uncertainty < 0.06
    before, after = sum(s.chi2_before for s in spectra), sum(s.chi2(fit) for s in spectra)
    assert after < 2 * sum(len(s.data) for s in spectra)
    assert (before - after > 20) == (planted > 1)


def test_the_closure_finds_the_planted_branching_fraction():
    """Signal 30 times enhanced on 16 times as much background; the expected uncertainty falls as 1/sqrt(luminosity)."""
    rng, settings = np.random.default_rng(6), section("closure", closure.Closure)
    size = settings.presets["quick"]

    def drawn_table(number: int, signal: bool):
        eta = 0.66 + 0.34 * rng.random(number) if signal else 0.66 + 0.34 * rng.random(number) ** 3
        q2 = rng.normal(0.25, 0.7, number) if signal else rng.uniform(-2, 6, number)
        return {"q2_rec": q2, "eta": eta, "mcQ2": np.full(number, 0.25 if signal else np.nan)}

    tables = {"data.pik0": drawn_table(900, True), "simulation.pik0": drawn_table(6000, True)}
    for process in BACKGROUNDS:
        tables[f"data.{process}"] = drawn_table(500, False)
        tables[f"simulation.{process}"] = drawn_table(int(500 * size.factors[process]), False)
    found = closure.slices(tables, size, settings, 30 / 6000)
    fit = closure.fitted(found, settings)
    assert abs(fit.scale - 30) < 4 * fit.uncertainty
    assert fit.uncertainty < 5
    one, four = (closure.fitted([s.scaled(f, simulated=False) for s in found], settings) for f in (100.0, 400.0))
    assert one.scale == pytest.approx(1, abs=1e-6)
    assert one.uncertainty / four.uncertainty == pytest.approx(2, abs=0.1)
    assert closure.fitted([s.scaled(100.0, simulated=True) for s in found], settings).uncertainty > one.uncertainty


def test_charm_with_a_klong_is_that_of_a_walk_up_the_tree_and_is_planted_without_weights(monkeypatch):
    """Truth walked particle by particle; the planted factor changes only which events are there."""
    card = load_card("belle2")
    events, _ = generate_events("charged", 400, ChunkTask("x", 0, 0, 400, 3).address, card.machine)
    truth, expected = events["MCParticles"], []
    for event in range(400):
        rows = slice(truth.offsets[event], truth.offsets[event + 1])
        code, mother = np.abs(truth["PDG"][rows]), truth["mother"][rows]
        hit = False
        for at in np.flatnonzero(code == 130):
            while mother[at] >= 0 and not hit:
                at = mother[at]
                hit = code[at] in (411, 421, 431)
        expected.append(hit)
    found = klong_of_charm(events)
    assert found.tolist() == expected
    assert 0.2 < found.mean() < 0.6  # two B mesons with about one D each, a quarter of which makes a K_L

    class Model:
        def outputs(self, columns):
            return {"BDT2": np.ones(len(columns["p"])), "eta": np.ones(len(columns["p"]))}

    monkeypatch.setattr(control_sample, "models_of", lambda run: (Model(), Model()))
    worlds = {"data": World("belle2", {"hadronic_energy": 0.9}, klong=1e9),
              "simulation": World("belle2")}
    maker = control_sample.ControlMaker("none", worlds, ("pion", "muon"))
    data, summary = maker(ChunkTask("data.charged", 0, 0, 150, 3))
    assert summary == {"events": 150}
    assert set(data["track"].to_pylist()) == {0, 2}
    assert all(data["klong"].to_pylist())
    plain, _ = maker(ChunkTask("simulation.charged", 0, 0, 150, 3))
    assert not all(plain["klong"].to_pylist())
    pions = np.array(plain["track"]) == 0
    assert np.mean(np.abs(np.array(plain["mcKaonPDG"])[pions]) == 211) > 0.8
