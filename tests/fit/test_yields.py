"""Events before and after a fit. Oracle: closed forms of one bin; the published likelihood's own counts."""

from __future__ import annotations

import math

import pytest
from histfactory_examples import simple_document, two_channels

from openbfactory.fit.estimate import analyse
from openbfactory.fit.workspace import parse_workspace
from openbfactory.fit.yields import channel_yields


def test_one_bin():
    """60 observed, 50 background known to 5 (linear): after the fit the sum is the data and known to sqrt(60)."""
    document = simple_document()
    document["channels"][0]["samples"][1]["modifiers"] = [
        {"name": "shape", "type": "histosys", "data": {"hi_data": [55.0], "lo_data": [45.0]}}]
    document["measurements"][0]["config"]["parameters"] = [{"name": "mu", "inits": [3.0], "bounds": [[0.0, 9.0]]}]
    found, = channel_yields(analyse(parse_workspace(document)))
    assert found.before["signal"] == pytest.approx([30.0])
    assert found.before_uncertainty == pytest.approx([5.0])
    assert found.after["signal"] + found.after["background"] == pytest.approx([60.0], abs=1e-4)
    assert found.after_uncertainty == pytest.approx([math.sqrt(60)], rel=1e-4)


def test_channels_and_samples_keep_their_names_and_bins():
    found = {c.channel: c for c in channel_yields(analyse(parse_workspace(two_channels())))}
    assert set(found) == {"SR", "CR"}
    assert set(found["SR"].after) == {"signal", "background"}
    assert found["CR"].before["background"] == pytest.approx([100.0, 90.0])
    assert len(found["CR"].to_dict()["after_uncertainty"]) == 2


def test_published_counts(shared_data):
    found = channel_yields(analyse(shared_data / "belle2-knunu" / "combined_likelihood.json"))
    assert sum(c.observed.sum() for c in found) == 19427
    after = sum(float(v.sum()) for c in found for v in c.after.values())
    assert after == pytest.approx(19422.8, abs=0.1)
    for channel in found:
        assert channel.after_uncertainty.sum() < channel.before_uncertainty.sum()
