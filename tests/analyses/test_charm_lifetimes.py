"""Lifetimes of charmed hadrons.

Oracles: decay times drawn from known densities (the lifetime comes back within 4 standard deviations, false alarms
6e-5; with background that is taken for signal it does not), sums of what was drawn, and runs against each other.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from openbfactory.analyses import RunOptions, find_analysis, preset_of
from openbfactory.analyses.lifetimes.config import load_config
from openbfactory.analyses.lifetimes.data import FEMTO, inside, make_data
from openbfactory.analyses.lifetimes.measurement import LEAST, Model, fit, measure, model_of
from openbfactory.core.errors import InputError, UnknownNameError
from openbfactory.generate import DecayCounts
from openbfactory.pipeline.tables import SampleTable
from openbfactory.reconstruct.decay_string import parse_decay
from openbfactory.reconstruct.expressions import compile_condition, compile_variable

MODE = load_config().modes["dplus"]
TAU, SIDE = 1033.0, 250.0


def table(rng, n, tau, mass, *, signal):
    """Candidates with exponential times of mean ``tau`` [fs]."""
    sigma = rng.gamma(6.0, 14.0, n) + 20
    true = rng.exponential(tau, n)
    columns = {MODE.mass: mass(n), MODE.time: (true + 1.05 * sigma * rng.standard_normal(n)) / FEMTO,
               MODE.uncertainty: sigma / FEMTO, MODE.truth: true / FEMTO, "isSignal": np.full(n, float(signal)),
               "__event__": np.arange(n)}
    return SampleTable(columns, n, 0, DecayCounts())


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(3)
    signal = table(rng, 12_000, TAU, lambda n: rng.normal(1.8695, 0.005, n), signal=True)
    generic = table(rng, 2_000, SIDE, lambda n: rng.uniform(*MODE.pool, n), signal=False)
    return signal, {"ccbar": generic}


def data_of(samples, scale=4.0, seed=1):
    return make_data(MODE, samples[0], samples[1], scale, np.random.default_rng(seed))


def test_the_data_set_holds_what_is_expected(samples):
    data = data_of(samples)
    density = 2_000 * 4 / (MODE.pool[1] - MODE.pool[0])
    assert len(data.side_time) == pytest.approx(density * data.sizes[1], rel=0.08)
    assert data.background == pytest.approx(density * data.sizes[0])
    window = inside(samples[0][MODE.mass], MODE.window)
    assert len(data.time) == pytest.approx(window.sum() + data.background, rel=0.02)
    purity, error = data.purity
    assert abs(purity - window.sum() / len(data.time)) < 4 * error
    assert len(data.residual) == window.sum()


def test_the_lifetime_comes_back_and_neglected_background_is_seen(samples):
    data = data_of(samples, scale=12.0)
    found = measure(data, model_of(MODE, data))
    value, sigma = found.fit["tau"]
    assert abs(value - TAU) < 4 * sigma
    assert sigma == pytest.approx(TAU / np.sqrt(len(data.residual)), rel=0.2)
    assert min(found.scan[1]) == pytest.approx(0, abs=0.05)
    assert found.scan[1][0] == pytest.approx(9, abs=1)
    neglected = fit(data, Model(1, background=False))["tau"]
    assert abs(neglected[0] - TAU) > 4 * neglected[1]


def test_little_background_is_neglected_and_said_of_the_model(samples):
    data = data_of(samples, scale=0.01)
    assert len(data.side_time) < LEAST
    assert not model_of(MODE, data).background


def test_no_candidate_is_an_error(samples):
    with pytest.raises(InputError, match="no candidate in the signal region"):
        make_data(MODE, samples[0].where(np.zeros(12_000, bool)), {}, 1.0, np.random.default_rng(1))


def test_every_string_of_every_mode_is_understood():
    for mode in load_config().modes.values():
        parse_decay(mode.decay)
        for cut in (mode.cut, mode.after, *mode.cuts.values()):
            compile_condition(cut)
        for variable in (mode.mass, mode.time, mode.uncertainty, mode.truth):
            compile_variable(variable)
    with pytest.raises(UnknownNameError, match="quick"):
        preset_of(load_config().presets, "quik")


def test_a_run_ends_in_a_report_and_a_resumed_run_in_the_same_bytes(tmp_path):
    analysis = find_analysis("lifetimes.d0")
    first = analysis.run(RunOptions(luminosity=0.07, output=tmp_path / "a", seed=5))
    assert first["signal_candidates"] > 120
    value, sigma = first["lifetime"]["value"], first["lifetime"]["statistical"]
    assert abs(value - first["lifetime"]["generated"]) < 4 * sigma
    assert set(first["systematics"]) == {"resolution model", "momentum scale", "detector alignment"}
    assert 0 < first["systematics"]["detector alignment"] < 0.1 * value
    page = (tmp_path / "a" / "report.html").read_text()
    assert "Lifetime of the D" in page
    assert "Systematic uncertainties" in page
    bytes_ = (tmp_path / "a" / "result.json").read_bytes()
    (tmp_path / "a" / "chunks" / "charm-d0" / "00000.parquet").unlink()
    again = analysis.run(RunOptions(luminosity=0.07, output=tmp_path / "a", seed=5, resume=True))
    assert (tmp_path / "a" / "result.json").read_bytes() == bytes_
    assert json.loads(bytes_)["lifetime"] == again["lifetime"]
