"""Lifetimes of charmed hadrons.

Oracles: decay times drawn from known densities (the lifetime comes back within 4 standard deviations, false alarms
6e-5; with background that is taken for signal it does not), sums of what was drawn, and runs against each other.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import numpy as np
import pytest

from openbfactory.analyses import RunOptions, find_analysis, preset_of
from openbfactory.analyses.lifetimes import systematics
from openbfactory.analyses.lifetimes.changes import Change, size
from openbfactory.analyses.lifetimes.config import load_config
from openbfactory.analyses.lifetimes.data import make_data
from openbfactory.analyses.lifetimes.dataset import FEMTO, inside
from openbfactory.analyses.lifetimes.measurement import LEAST, Measurement, Model, fit, measure, model_of, settled_model
from openbfactory.analyses.lifetimes.ntuple import read_data
from openbfactory.analyses.lifetimes.subsamples import subsamples
from openbfactory.analyses.lifetimes.systematics import of_detectors, of_feed_down, of_mass, of_models
from openbfactory.analyses.lifetimes.toys import toys
from openbfactory.core.errors import EventFileError, FitError, InputError, UnknownNameError
from openbfactory.core.random import Address
from openbfactory.events.ntuples import write_ntuple
from openbfactory.experiment import load_card
from openbfactory.generate import DecayCounts, generate_events
from openbfactory.pipeline.candidates import candidates_of
from openbfactory.pipeline.tables import SampleTable
from openbfactory.simulate import simulate

MODE = load_config().modes["dplus"]
TAU, SIDE = 1033.0, 250.0


def table(rng, n, tau, mass, *, signal):
    """Candidates with exponential times of mean ``tau`` [fs]."""
    sigma = rng.gamma(6.0, 14.0, n) + 20
    true = rng.exponential(tau, n)
    columns = {MODE.mass: mass(n), MODE.time: (true + 1.05 * sigma * rng.standard_normal(n)) / FEMTO,
               MODE.uncertainty: sigma / FEMTO, MODE.truth: true / FEMTO, "isSignal": np.full(n, float(signal)),
               MODE.is_genuine: np.full(n, float(signal)), "__event__": np.arange(n)}
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


def test_no_luminosity_is_an_error(tmp_path):
    with pytest.raises(InputError, match="positive"):
        find_analysis("lifetimes.d0").run(RunOptions(luminosity=0.0, output=tmp_path / "a"))


def test_a_table_without_a_column_is_an_error(samples):
    columns = {k: v for k, v in samples[0].columns.items() if k != MODE.uncertainty}
    with pytest.raises(UnknownNameError, match="decayTimeErr"):
        make_data(MODE, SampleTable(columns, 1, 0, DecayCounts()), {}, 1.0, np.random.default_rng(1))


def test_a_parameter_at_its_limit_is_warned_of(samples):
    data = data_of(samples)
    pulled = replace(data, time=np.abs(data.time) + 1e-3, sigma=np.full(len(data.time), 1e5))
    with contextlib.suppress(FitError):
        assert any("limit" in words for words in fit(pulled, Model(1, background=False)).warnings)


def test_changes_have_the_uncertainty_of_a_difference(samples):
    data, model = data_of((samples[0].where(np.arange(12_000) < 2000), samples[1]), scale=3.0), Model(1, lives=1)
    best = fit(data, model)
    found = of_models(data, model)["background model"]
    assert all(0 < c.uncertainty < 0.7 * best["tau"][1] for c in found.values() if np.isfinite(c.value))
    assert all(abs(found[f"{side} sideband alone"].value) < 4 * found[f"{side} sideband alone"].uncertainty
               for side in ("lower", "upper"))  # both have the same background
    truth = found["signal alone, by truth"]
    assert abs(truth.value) < 4 * truth.uncertainty  # what is drawn is what is fitted
    odd = of_models(replace(data, side_time=4 * data.side_time), model)["background model"]["signal alone, by truth"]
    assert abs(odd.value) > 4 * odd.uncertainty  # a planted fault: sidebands are not like the background of the signal
    bent = replace(data, side_time=np.where(data.side_lower, 3 * data.side_time, data.side_time))
    low = of_models(bent, model)["background model"]["lower sideband alone"]
    assert abs(low.value) > 4 * low.uncertainty  # a planted fault: three times the lifetime in the lower sideband
    none = found["no background"]
    assert not none.counted
    assert abs(none.value) > 5 * none.uncertainty  # a planted fault: background taken for signal
    moved = SampleTable(samples[0].columns | {MODE.time: 1.01 * samples[0][MODE.time]}, 1, 0, DecayCounts())
    shift = of_detectors(MODE, samples[0], {"scale": {"1 %": moved, "nothing": samples[0]}})["scale"]
    assert shift["1 %"].value == pytest.approx(0.01 * TAU, rel=0.05)
    assert shift["1 %"].uncertainty < 1.0
    assert shift["nothing"].value == shift["nothing"].uncertainty == 0
    assert size("scale", {"noise": Change(1.0, 2.0), "effect": Change(5.0, 3.0)})[0] == pytest.approx(13**0.5)
    assert size("background model", {"noise": Change(1.0, 2.0), "effect": Change(5.0, 3.0)})[0] == pytest.approx(4)


def test_other_bins_and_the_nominal_mass_move_the_lifetime_little(samples):
    """Decay times are proportional to the mass: 0.05 MeV of 1869.7 MeV; bins of the same densities are noise."""
    data = data_of((samples[0].where(np.arange(12_000) < 3000), samples[1]), scale=2.0)
    found = of_models(data, Model(1, lives=1))
    assert set(found["bins of the uncertainties"]) == {"20 bins", "80 bins"}
    assert all(abs(c.value) < 0.3 * fit(data, Model(1, lives=1))["tau"][1] for c in found["bins of the uncertainties"]
               .values())
    up, down = found["purity"].values()
    assert up.value < 0 < down.value  # a purity too high takes background of a short lifetime for signal
    assert not up.counted
    assert of_mass(MODE, 1000.0)["input mass"]["+0.05 MeV"].value == pytest.approx(1000 * 0.05 / 1869.7, rel=1e-3)


def test_parts_scatter_as_their_uncertainties_say_and_a_wrong_lifetime_is_seen(samples):
    """11 900 decays of exactly known densities in 39 parts: means within 4 standard deviations."""
    data = data_of(samples, scale=0.01)
    found = Measurement(fit(data, Model(1, background=False)), Model(1, background=False), ((), ()))
    parts = subsamples(data, found, TAU)
    assert parts.values.shape[0] + parts.failed == len(data.time) // 300
    mean, error = parts.summary("tau").mean
    assert abs(mean + 1 / np.sqrt(300)) < 4 * error
    assert 0.55 < parts.summary("tau").width[0] < 1.45
    assert abs(subsamples(data, found, 1.1 * TAU).summary("tau").mean[0]) > 4 * error  # a planted fault
    assert subsamples(replace(data, time=data.time[:900], sigma=data.sigma[:900], block=data.block[:900]), found,
                      TAU) is None


def ntuple(samples, path, *leave_out):
    """Signal and background candidates as an analyst would write them."""
    parts = [samples[0].columns, samples[1]["ccbar"].columns]
    columns = {n: np.concatenate([p[n] for p in parts]) for n in (MODE.mass, MODE.time, MODE.uncertainty, "__event__")}
    columns |= {n: np.zeros(len(columns["__event__"])) for n in ("__experiment__", "__run__")}
    write_ntuple(path, {n: c for n, c in columns.items() if n not in leave_out})
    return path


@pytest.mark.parametrize("suffix", ["root", "parquet"])
def test_an_ntuple_gives_its_candidates(samples, tmp_path, suffix):
    """Oracle: counts of what was written."""
    data = read_data(ntuple(samples, tmp_path / f"a.{suffix}"), MODE)
    mass = np.concatenate([samples[0][MODE.mass], samples[1]["ccbar"][MODE.mass]])
    assert len(data.time) == inside(mass, MODE.window).sum()
    assert len(data.side_time) == inside(mass, *MODE.sidebands).sum()
    assert not data.simulated
    best = settled_model(data, model_of(MODE, data))[0]["tau"]
    assert abs(best[0] - TAU) < 4 * best[1]


def test_every_mistake_of_an_ntuple_is_said_at_once(samples, tmp_path):
    with pytest.raises(EventFileError) as missing:
        read_data(ntuple(samples, tmp_path / "a.root", MODE.time, MODE.uncertainty), MODE)
    assert all(name in str(missing.value) for name in (MODE.time, MODE.uncertainty))
    shifted = samples[0].columns | {MODE.mass: np.full(12_000, 2.5), MODE.uncertainty: np.full(12_000, 80.0)}
    far = SampleTable(shifted, 1, 0, DecayCounts())
    with pytest.raises(EventFileError, match="signal region") as several:
        read_data(ntuple((far, {"ccbar": far}), tmp_path / "b.root"), MODE)
    assert "sidebands" in str(several.value)
    assert "ns" in str(several.value)
    with pytest.raises(InputError, match="--luminosity"):
        find_analysis("lifetimes.dplus").run(RunOptions(data=tmp_path / "a.root", output=tmp_path / "out"))
    with pytest.raises(InputError, match=r"knunu|inclusive") as refused:
        find_analysis("knunu").run(RunOptions(data=tmp_path / "a.root", output=tmp_path / "out"))
    assert "lifetimes.dplus" in str(refused.value)


def test_an_ntuple_is_measured_without_truth_and_a_variation_without_a_minimum_is_said(samples, tmp_path, monkeypatch):
    monkeypatch.setattr(systematics, "_by_sideband", lambda nominal, lower: systematics.NONE)
    few = {"ccbar": samples[1]["ccbar"].where(np.arange(2_000) < 300)}
    path = ntuple((samples[0].where(np.arange(12_000) < 3_300), few), tmp_path / "a.parquet")
    found = find_analysis("lifetimes.dplus").run(RunOptions(data=path, luminosity=0.06, output=tmp_path / "out"))
    assert found["lifetime"]["generated"] is None
    assert found["resolution"]["core"] is None
    assert found["parts"]["toys"] >= 10
    nothing = {"value": None, "uncertainty": None, "counted": False}
    assert found["shifts"]["background model"]["lower sideband alone"] == nothing
    page = (tmp_path / "out" / "report.html").read_text()
    assert "generated lifetime" not in page
    assert "a.parquet" in page
    assert "lower sideband alone: no minimum" in page


def test_late_decays_of_heavier_hadrons_move_the_lifetime(samples):
    data, model = data_of(samples), Model(1, background=False)
    late = SampleTable(samples[0].columns | {MODE.time: samples[0][MODE.time] + 450 / FEMTO}, 1, 0, DecayCounts())
    found = of_feed_down(MODE, data, model, {"xi": (late, 0.01)})["feed-down"]["xi"]
    joined = np.concatenate([data.time, FEMTO * late[MODE.time][:120]]), np.concatenate([data.sigma, data.sigma[:120]])
    again = fit(replace(data, time=joined[0], sigma=joined[1]), model)
    assert found.value == pytest.approx(again["tau"][0] - fit(data, model)["tau"][0], rel=0.5)
    assert 0 < found.uncertainty < found.value


def test_toys_have_no_bias_and_cover(samples):
    data = data_of((samples[0].where(np.arange(12_000) < 1500), samples[1]), scale=1.0)
    best, model = settled_model(data, model_of(MODE, data))
    summary, failed = toys(data, Measurement(best, model, ((), ())), 30, 3, "test")
    assert failed < 4
    assert abs(summary.mean[0]) < 4 * summary.mean[1]
    assert 0.5 < summary.width[0] < 1.6  # 4 standard deviations of 30 toys


def test_a_combination_with_another_particle_is_vetoed():
    card = load_card("belle2")
    truth = generate_events("charm-xic0", 250, Address(3, "veto", 0).at("generate"), card.machine)[0]
    seen = simulate(truth, card, Address(3, "veto", 0).at("simulate"))
    request = load_config().modes["lambdac"].request(load_config().trigger)
    kept, all_ = (candidates_of(seen, card, r)[0] for r in (request, replace(request, vetoes={})))
    signal = all_["isSignal"] == 1
    assert signal.sum() > 30
    assert (kept["isSignal"] == 1).sum() < 0.5 * signal.sum()


def test_what_is_generated_is_that_of_the_particle_table():
    config = load_config()
    assert config.modes["omegac"].generated == pytest.approx(273.1, abs=0.1)
    assert config.modes["d0"].generated == pytest.approx(410.3, abs=0.1)


def test_every_string_of_every_mode_is_understood():
    for mode in load_config().modes.values():
        for background in (False, True):
            mode.request(load_config().trigger, background=background).check()
    with pytest.raises(UnknownNameError, match="quick"):
        preset_of(load_config().presets, "quik")


def test_a_run_ends_in_a_report_and_a_resumed_run_in_the_same_bytes(tmp_path):
    analysis = find_analysis("lifetimes.d0")
    first = analysis.run(RunOptions(luminosity=0.07, output=tmp_path / "a", seed=5))
    assert first["signal_candidates"] > 120
    value, sigma = first["lifetime"]["value"], first["lifetime"]["statistical"]
    assert abs(value - first["lifetime"]["generated"]) < 4 * sigma
    assert set(first["systematics"]) == {"resolution model", "momentum scale", "detector alignment", "fit bias",
                                         "input mass"}
    alignment = first["systematics"]["detector alignment"]
    assert 0 <= alignment["value"] < 0.1 * value
    assert 0 < alignment["uncertainty"] < 0.3 * sigma  # the same events: noise is not read as an effect
    page = (tmp_path / "a" / "report.html").read_text()
    assert "Lifetime of the D" in page
    assert "Systematic uncertainties" in page
    bytes_ = (tmp_path / "a" / "result.json").read_bytes()
    (tmp_path / "a" / "chunks" / "charm-d0" / "00000.parquet").unlink()
    again = analysis.run(RunOptions(luminosity=0.07, output=tmp_path / "a", seed=5, resume=True))
    assert (tmp_path / "a" / "result.json").read_bytes() == bytes_
    assert json.loads(bytes_)["lifetime"] == again["lifetime"]
