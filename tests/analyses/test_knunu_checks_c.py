"""Half splits, sidebands and the closure test. Oracles: planted numbers, chi2 of equal worlds, spreads over seeds."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from openbfactory.analyses.knunu import classifiers
from openbfactory.analyses.knunu.checks.half_split import HalfSplit
from openbfactory.analyses.knunu.checks.settings import section
from openbfactory.analyses.knunu.checks.splitting import drawn, fit_splits, halves_of, merged, tensions
from openbfactory.analyses.knunu.config import load_config
from openbfactory.experiment import load_card
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
    return merged(samples, load_config().region.binning)


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


def test_candidates_of_a_run_are_read_with_outputs_and_weights(tmp_path, monkeypatch):
    """A run of two chunks: fold by chunk, rows of variations left out, weights to the size of the data set."""

    class Model:
        def __init__(self, shift: float) -> None:
            self.shift = shift

        def outputs(self, columns):
            return {"BDT1": columns["x"], "BDT2": columns["x"], "eta": columns["x"] + self.shift}

    monkeypatch.setattr(classifiers, "load_models", lambda run: (Model(0.9), Model(0.0)))
    machine, config = load_card("belle2").machine, load_config()
    (tmp_path / "run.json").write_text(json.dumps({"samples": {"charged": 1000, "uubar_off": 500}}))
    for sample in ("charged", "uubar_off"):
        (tmp_path / "chunks" / sample).mkdir(parents=True)
        for index in range(2):
            table = pa.table({"x": [0.05, 0.95, 0.06], "variation": [0, 0, 1], "weight": [2.0, 3.0, 1.0]})
            pq.write_table(table, tmp_path / "chunks" / sample / f"{index:05d}.parquet")
    found = classifiers.judged_candidates(tmp_path, config, machine)
    assert found["charged"]["half"].tolist() == [0, 0, 1]
    assert found["charged"]["eta"] == pytest.approx([0.95, 1.85, 0.95])
    assert found["charged"]["weight"] == pytest.approx(np.array([2, 3, 3]) * machine.expected("charged") / 1000)
    off = machine.expected("uubar", off_resonance=True) / 500
    assert found["uubar_off"]["weight"] == pytest.approx(np.array([2, 3, 3]) * off)


def test_every_split_is_of_a_variable_of_the_tag():
    known = {*VARIABLES, "half"}
    assert set(section("half_split", HalfSplit).splits) <= known
