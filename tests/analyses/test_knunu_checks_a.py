"""Checks of the signal kaon. Oracle: rates that are drawn; planted corrections are found, equal worlds give 1."""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.analyses.knunu.checks.pid_corrections import Corrections, KaonId, corrections_of
from openbfactory.analyses.knunu.checks.settings import section
from openbfactory.generate import DecayCounts
from openbfactory.pipeline.tables import SampleTable

#: rates of kaons and pions above the cut
PLAIN, CHANGED = (0.70, 0.05), (0.63, 0.10)


def _table(seed: int, rates: tuple[float, float], size: int = 2500) -> SampleTable:
    """D0 candidates on a little background, with kaonID of both tracks drawn."""
    rng = np.random.default_rng(seed)
    mass = np.where(rng.random(size) < 0.97, rng.normal(1.8645, np.where(rng.random(size) < 0.8, 0.005, 0.010)),
                    rng.uniform(1.80, 1.93, size))
    columns = {"mass": mass, "__event__": np.arange(size)}
    for name, rate, code in zip(("kaon", "pion"), rates, (321, 211), strict=True):
        columns |= {f"{name}_p": rng.uniform(0.5, 4.5, size), f"{name}_cosTheta": rng.uniform(-0.87, 0.96, size),
                    f"{name}_kaonID": np.where(rng.random(size) < rate, 0.99, 0.1),
                    f"{name}_mcPDG": np.full(size, code)}
    return SampleTable(columns, size, 0, DecayCounts())


@pytest.mark.parametrize(("rates", "planted"), [(PLAIN, (1.0, 1.0)), (CHANGED, (0.9, 2.0))])
def test_corrections_of_planted_rates_are_found(rates, planted):
    """Within 4.5 standard deviations of what is planted; equal worlds and changed ones exclude each other."""
    chosen = section("kaon_id", KaonId)
    chosen = chosen.model_copy(update={"edges": {"p": (0.5, 2.5, 4.5), "cosTheta": (-0.87, 0.96)}})
    tables = {"data": _table(1, rates), "simulation": _table(2, PLAIN),
              "truth-of-data": _table(3, rates), "truth-of-simulation": _table(4, PLAIN)}
    corrections, found = corrections_of(tables, chosen)
    for name, value in zip(("kaon", "pion"), planted, strict=True):
        (ratio,) = found[name]
        assert abs(ratio.found.value - value) < 4.5 * ratio.found.uncertainty
        assert abs(ratio.planted.value - value) < 4.5 * ratio.planted.uncertainty
        other = {1.0: {"kaon": 0.9, "pion": 2.0}[name]}.get(value, 1.0)
        assert abs(ratio.found.value - other) > 3 * ratio.found.uncertainty
    assert Corrections.from_dict(corrections.to_dict()) == corrections
    weight, error = corrections.weights("pion", np.array([0.1, 1.0, 3.0, 9.0]))
    assert weight[0] == weight[1] == corrections.values["pion"][0][0]
    assert error[2] == error[3] == corrections.values["pion"][1][1]


def test_embedded_events_have_the_signal_kaon_and_no_muons():
    """Of 60 control events: two tracks fewer, one kaon with likelihoods of a signal event and the charge of the B."""
    from openbfactory.analyses.knunu.checks.embedding import Embedding
    from openbfactory.analyses.knunu.checks.embedding_sample import control_candidates, embed, signal_kaons
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.reconstruct.config import InclusiveTagConfig
    from openbfactory.simulate import simulate

    card, chosen = load_card("belle2"), section("embedding", Embedding)
    control, signal = (simulate(generate_events(name, 60, Address(1, name).at("generate"), card.machine)[0], card,
                                Address(1, name).at("simulate")) for name in ("jpsik", "knunu"))
    found, kaons = control_candidates(control, card, chosen.requested()), signal_kaons(signal, InclusiveTagConfig())
    made = embed(control, found, signal, kaons, card, 0.0)
    assert 5 < len(made) <= min(len(found.event), len(kaons))
    tracks, before = made["Tracks"], control["Tracks"].counts[np.searchsorted(control.event, made.event)]
    assert (before - tracks.counts == 2).all()
    loglikelihood = made["PIDLikelihoods"]["logL_K"]
    own = np.isin(loglikelihood, signal["PIDLikelihoods"]["logL_K"][kaons])
    assert (np.bincount(tracks.event_index()[own], minlength=len(made)) == 1).all()
    charges = {int(e): int(q) for e, q in zip(control.event[found.event], found.charge, strict=True)}
    assert [charges[int(e)] for e in made.event] == tracks["charge"][own].tolist()


def test_yields_of_the_energy_difference_are_found():
    """500 kaons 50 MeV below 200 pions on 60 others: both within 4.5 standard deviations, exchanged they are not."""
    from openbfactory.analyses.knunu.checks.d0h_fit import fit_yields, shapes_of

    rng, limits = np.random.default_rng(3), (-0.11, 0.12)

    def table(kaons: int, pions: int, others: int) -> dict[str, np.ndarray]:
        code = np.repeat([321, 211, 0], (kaons, pions, others))
        size = rng.normal(0.0, np.where(rng.random(len(code)) < 0.8, 0.012, 0.02))
        true = (code > 0).astype(float)
        return {"deltaE": np.where(code, size - 0.05 * (code == 321), rng.uniform(*limits, len(code))), "code": code,
                "charm": true, "origin": 521 * true, "mother": 521 * true, "passed": np.ones(len(code))}

    found = fit_yields(table(500, 200, 60), shapes_of(table(3000, 9000, 100), limits), limits)
    for kind, planted in (("K", 500), ("pi", 200)):
        value, error = found.of(kind)
        assert abs(value - planted) < 4.5 * error
        assert abs(value - (700 - planted)) > 4.5 * error
