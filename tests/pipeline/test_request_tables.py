"""Tables of several requests. Oracle: those of each request alone, column by column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openbfactory.core.errors import ConfigError, CutError, GenerationError
from openbfactory.core.units import events_expected
from openbfactory.experiment import load_card
from openbfactory.generate import SAMPLES, enriched_events
from openbfactory.pipeline.candidates import Request
from openbfactory.pipeline.tables import (
    CandidateMaker,
    Execution,
    RequestsMaker,
    SampleSetting,
    candidate_tables,
    request_tables,
    rows_of,
)

REQUESTS = {"kaons": Request("K+:goodTrack", "p > 0.5", variables=("p", "charge")),
            "none": Request("K+:all", "p > 100", variables=("cosTheta",)),
            "clusters": Request("K_L0:allecl", "clusterE > 0.1", variables=("energy = clusterE",))}


def test_tables_of_several_requests_are_those_of_each_alone(tmp_path: Path) -> None:
    settings, run = {"mine": SampleSetting("charged")}, Execution(tmp_path / "all", chunk_size=40)
    found = request_tables("t", RequestsMaker("belle2", REQUESTS, settings), {"mine": 80}, run, {})["mine"]
    assert list(found) == list(REQUESTS)
    for name, request in REQUESTS.items():
        alone = candidate_tables("t", CandidateMaker("belle2", request, settings), {"mine": 80},
                                 Execution(tmp_path / name, chunk_size=40), {})["mine"]
        assert list(found[name].columns) == list(alone.columns)
        for column, values in alone.columns.items():
            assert np.array_equal(found[name][column], values)
            assert found[name][column].dtype == values.dtype
        assert (found[name].events, len(found[name]) > 0) == (80, name != "none")
    part = rows_of(found["kaons"].columns, found["kaons"]["charge"] > 0)
    assert set(part["charge"]) == {1.0}
    wrong = RequestsMaker("belle2", {"bad": Request("K+:all", "q > 1")}, settings)
    with pytest.raises(CutError):
        request_tables("t", wrong, {"mine": 1}, run, {})


def test_events_of_an_enriched_sample_are_its_cross_section() -> None:
    machine = load_card("belle2").machine
    sample = SAMPLES["charm-d0"]
    assert sample.cross_section is not None
    sigma = sample.cross_section({p.name: p.default for p in sample.parameters}, machine)[0]
    assert enriched_events("charm-d0", machine, 3.0) == pytest.approx(events_expected(sigma, 3.0))
    wide, narrow = (enriched_events("phigamma", machine, 1.0, {"theta_min": a}) for a in (20, 40))
    assert wide > narrow > 0
    with pytest.raises(ConfigError):
        enriched_events("phigamma", machine, 1.0, {"theta": 1})
    with pytest.raises(GenerationError, match="no cross section"):
        enriched_events("charged", machine, 1.0)
