"""Checks with K_L, energies and continuum: closed form (kinematics, exponentials), planted switches, equal cards.

Bounds are 4 standard deviations of the check's own uncertainty (false alarm below 1e-4 each); seeds are fixed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openbfactory.analyses import RunOptions
from openbfactory.analyses.knunu.checks import hadronic_scales, klong, off_resonance
from openbfactory.analyses.knunu.checks.continuum import continuum_samples
from openbfactory.analyses.knunu.checks.radiative_phi import Clusters, Klongs, efficiency, predict
from openbfactory.analyses.knunu.checks.settings import section
from openbfactory.analyses.knunu.checks.worlds import World
from openbfactory.analyses.knunu.continuum_shape import FILE, vary_continuum
from openbfactory.analyses.knunu.run import setting_of
from openbfactory.core.errors import InputError
from openbfactory.physics.particles import species
from openbfactory.select.reweighting import learn


def test_prediction_is_the_momentum_that_balances_the_event() -> None:
    rng = np.random.default_rng(1)
    short, long_, direction = rng.normal(size=(3, 50, 3))
    photon = 5.0 * direction / np.linalg.norm(direction, axis=1)[:, None]
    energies = [np.sqrt(np.sum(p**2, axis=1) + species(n).mass ** 2) for p, n in ((short, "K_S0"), (long_, "K_L0"))]
    total = np.column_stack([energies[0] + energies[1] + 5.0, short + long_ + photon])
    for i in range(50):  # every event has its own collision
        table = {f"p{c}{k}": np.array([p[i, j]]) for k, p in enumerate((short, photon)) for j, c in enumerate("xyz")}
        found = predict(table | {"E1": np.array([5.5])}, total[i])
        assert found.klong[0] == pytest.approx(long_[i], abs=1e-9)
        assert found.photon[0] == pytest.approx(1.1)
        mass2 = (energies[0] + energies[1])[i] ** 2 - np.sum((short + long_)[i] ** 2)
        assert found.mass[0] == pytest.approx(np.sqrt(mass2))


def test_chance_is_taken_off() -> None:
    rng, n = np.random.default_rng(2), 40_000
    seen, by_chance, turned = (np.flatnonzero(rng.random(n) < p) for p in (0.4, 0.2, 0.2))
    far, row = np.full(n, 1.0), np.concatenate([seen, by_chance, turned])
    angle = np.concatenate([0 * far[:len(seen) + len(by_chance)], far[:len(turned)]])
    clusters = Clusters(row, np.ones(len(row)), angle, np.where(np.arange(len(row)) < len(row) - len(turned), 1.0, 0.0))
    value, sigma = efficiency(Klongs(np.ones(n), np.ones(n), clusters), 0.5, 0.0)
    assert abs(value - 0.4) < 4 * sigma < 0.02
    assert abs(len(np.union1d(seen, by_chance)) / n - 0.4) > 10 * sigma  # not taken off, it is seen


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("card") / "changed.yaml"
    path.write_text("extends: belle2\nname: changed\ndetector:\n  switches: {k_long_ecl_efficiency: 0.5, "
                    "hadronic_energy: 0.7, photon_energy: 0.98}\n", encoding="utf-8")
    return str(path)


def test_planted_efficiency_is_found_and_equal_cards_give_one(tmp_path: Path, changed: str) -> None:
    config = section("klong", klong.Klong)
    options = RunOptions(output=tmp_path)
    one, other, half = (klong.klongs(n, c, 9000, config, options)
                        for n, c in (("one", "belle2"), ("other", "belle2"), ("half", changed)))
    values = [efficiency(k, config.cone, config.least) for k in (one, other, half)]
    planted = klong.probability(changed, config.least) / klong.probability("belle2", config.least)
    for (value, sigma), expected in ((values[1], 1.0), (values[2], planted)):
        ratio = value / values[0][0]
        assert abs(ratio - expected) < 4 * ratio * np.hypot(sigma / value, values[0][1] / values[0][0])
    assert values[2][0] < values[0][0] - 4 * values[0][1]


def test_planted_energies_are_found_and_equal_cards_give_one(tmp_path: Path, changed: str) -> None:
    config = section("hadronic_energy", hadronic_scales.HadronicEnergy)
    options = RunOptions(output=tmp_path)
    simulated, same, other = (hadronic_scales.sample(n, c, e, config, options) for n, c, e in (
        ("simulated", "belle2", 6000), ("same", "belle2", 4000), ("other", changed, 4000)))
    edges = np.linspace(*config.clusters.range, 10), np.linspace(*config.pi0.range, config.pi0.bins + 1)
    for data, planted in ((same, (1.0, 1.0)), (other, (0.7, 0.98))):
        hadrons = hadronic_scales.hadron_scale(data, simulated, edges[0], 0.2)
        photons = hadronic_scales.photon_scale(data, simulated, edges[1], 0.02)
        assert abs(hadrons.value - planted[0]) < 4 * hadrons.uncertainty < 0.3
        assert abs(photons.value - planted[1]) < 4 * photons.uncertainty < 0.015


def test_planted_rate_of_continuum_is_found_and_equal_rates_give_one(tmp_path: Path) -> None:
    worlds = {"data": World("belle2", rates=dict.fromkeys(("uubar", "ddbar", "ssbar", "ccbar", "taupair"), 1.4)),
              "simulation": World("belle2"), "same": World("belle2")}
    tables, samples = continuum_samples(worlds, {"data": 6e-4, "simulation": 6e-4, "same": 6e-4},
                                        RunOptions(output=tmp_path), 10_000)
    assert samples["data.uubar"] == pytest.approx(1.4 * samples["simulation.uubar"], abs=1)
    for name, planted in (("data", 1.4), ("same", 1.0)):
        found = off_resonance.normalisation(tables[name], tables["simulation"], 1.0)
        assert abs(found.value - planted) < 4 * found.uncertainty < 0.3
    share = off_resonance.share(tables["same"], None)
    other = off_resonance.share(tables["simulation"], None)
    assert abs(share.value - other.value) < 4 * np.hypot(share.uncertainty, other.uncertainty)


def test_variation_of_the_continuum_is_the_whole_correction(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    data, simulated = {"x": rng.normal(0.2, 1, 4000)}, {"x": rng.normal(0.0, 1, 4000)}
    weights = learn(data, simulated, ("x",), seed=1)
    weights.save(tmp_path / FILE)
    setting = setting_of(RunOptions(source=tmp_path))
    assert setting.continuum is not None
    assert setting.shape == weights.digest()
    with pytest.raises(InputError, match="holds no reweighting"):
        setting_of(RunOptions(source=tmp_path / "elsewhere"))
    varied = vary_continuum(simulated, weights)
    inside = weights(simulated) < 2
    shift = 0.5 * (varied["contW_up"] - varied["contW_down"])
    assert shift[inside] == pytest.approx(weights(simulated)[inside] - 1, abs=1e-6)
    assert (varied["contW_down"] >= 0).all()
