"""The signal region stays hidden until it is opened.

Oracle: two sets of data that differ in the signal region alone give the same blinded record; opened, they differ.
"""

import json

import numpy as np
import pytest

from openbfactory.analyses.knunu import measurement
from openbfactory.analyses.knunu.blinding import HIDDEN
from openbfactory.analyses.knunu.config import BACKGROUNDS, CONTINUUM, SIGNAL, load_config
from openbfactory.analyses.knunu.templates import Expectation
from openbfactory.fit.build import Template
from openbfactory.physics.published import load_published


@pytest.fixture(scope="module")
def expectations():
    """Templates with the published yields."""
    found = {}
    for channel, names, end in (("on_resonance", (SIGNAL, *BACKGROUNDS), ""), ("off_resonance", CONTINUUM, "_off")):
        published = load_published("knunu").yields[channel]
        for name in names:
            key = "signal" if name == SIGNAL else name
            yields, errors = np.array(published.samples[key]), np.array(published.uncertainties[key])
            found[name + end] = Expectation(Template(yields, errors), np.zeros(12, bool))
    return found


def measured(expectations, monkeypatch, shift, *, unblind):
    """Record of the measurement with events added to the first bin of the signal region."""
    original = measurement.pseudo_experiment

    def shifted(*arguments, **options):
        data = original(*arguments, **options)
        counts = next(o["data"] for o in data.document["observations"] if o["name"] == HIDDEN[0])
        return data.with_observations({HIDDEN[0]: [counts[0] + shift, *counts[1:]]})

    with monkeypatch.context() as patch:
        patch.setattr(measurement, "pseudo_experiment", shifted)
        return json.dumps(measurement.measure(expectations, load_config(), 3, unblind=unblind).to_dict())


def test_blinded_measurement_does_not_know_the_signal_region(expectations, monkeypatch):
    first, second = (measured(expectations, monkeypatch, n, unblind=False) for n in (0, 500))
    assert first == second
    assert not set(HIDDEN) & set(json.loads(first)["data"])
    assert json.loads(first)["pseudo_experiment"] is None


def test_opened_measurement_does(expectations, monkeypatch):
    first, second = (json.loads(measured(expectations, monkeypatch, n, unblind=True)) for n in (0, 500))
    assert second["data"][HIDDEN[0]][0] == first["data"][HIDDEN[0]][0] + 500
    assert first["pseudo_experiment"]["value"] != second["pseudo_experiment"]["value"]
    assert first["expected"] == second["expected"]
