"""Published figures.  Oracles: the published workspace itself, and the sums of its yields."""

from __future__ import annotations

import json

import numpy as np
import pytest

from openbfactory.core.config import validate
from openbfactory.core.errors import ConfigError, UnknownNameError
from openbfactory.physics.published import PublishedYields, load_published

BACKGROUNDS = ("charged", "mixed", "ccbar", "ssbar", "uubar", "ddbar", "taupair")


def test_yields_are_those_of_the_workspace(shared_data):
    workspace = json.loads((shared_data / "belle2-knunu" / "combined_likelihood.json").read_text())
    samples = {c["name"][0]: {s["name"]: s["data"] for s in c["samples"]} for c in workspace["channels"]}
    counts = {o["name"][0]: o["data"] for o in workspace["observations"]}
    published = load_published("knunu").yields
    for name, first, second in (("on_resonance", "B", "A"), ("off_resonance", "D", "C")):
        assert published[name].data == tuple(counts[first] + counts[second])
        assert set(published[name].samples) == set(samples[first])
        for sample, row in published[name].samples.items():
            np.testing.assert_allclose(row, samples[first][sample] + samples[second][sample], atol=0.00501)
    for ours, theirs in zip(published["hadronic_tag"].samples.values(), samples["s"].values(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.00501)


def test_quantities_that_are_sums_are_the_sums_of_the_yields():
    knunu = load_published("knunu")
    on = knunu.yields["on_resonance"]
    background = np.array(on.total(*BACKGROUNDS))
    total = {name: sum(on.samples[name]) for name in on.samples}
    assert knunu["signal_in_region"].value == pytest.approx(total["signal"], abs=0.01)
    assert knunu["background_in_region"].value == pytest.approx(background.sum(), abs=0.01)
    assert knunu["data_in_region"].value == sum(on.data)
    assert knunu["background_high_eta"].value == pytest.approx(background[9:].sum(), abs=0.01)
    assert knunu["signal_high_eta"].value == pytest.approx(sum(on.samples["signal"][9:]), abs=0.01)
    fractions = [(total["charged"] + total["mixed"]), sum(total[n] for n in BACKGROUNDS[2:6]), total["taupair"]]
    for name, value in zip(("BBbar", "continuum", "taupair"), fractions, strict=True):
        assert knunu[f"fraction_{name}"].value == pytest.approx(value / background.sum(), abs=6e-4)


def test_signal_is_flat_in_eta_as_the_transform_makes_it():
    signal = np.reshape(load_published("knunu").yields["on_resonance"].samples["signal"], (4, 3)).sum(axis=1)
    np.testing.assert_allclose(signal, 40.0, atol=0.05)


def test_mistakes_are_named():
    with pytest.raises(UnknownNameError, match="did you mean 'knunu'"):
        load_published("knun")
    with pytest.raises(UnknownNameError, match="did you mean 'mu_combined'"):
        load_published("knunu")["mu_combine"]
    with pytest.raises(ConfigError, match="signal has 1"):
        validate({"title": "t", "source": "s", "axes": [{"name": "x", "unit": "1", "edges": [0, 1, 2]}],
                  "samples": {"signal": [1.0]}, "data": [1, 2]}, PublishedYields, source="yields")
