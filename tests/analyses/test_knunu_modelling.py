"""Weights and variations of the simulation. Oracles: ratios of rates on decays made by phase space, counts by hand, a
reconstruction of clusters that were scaled one by one. Fixed seeds, false-alarm probability 1e-3 a test."""

import numpy as np
import pytest

from openbfactory.analyses.knunu import modelling as module
from openbfactory.analyses.knunu.chunk import ChunkMaker
from openbfactory.analyses.knunu.modelling import EventWeights, event_weights, group_of, listed_channels, load_modelling
from openbfactory.analyses.knunu.record import weight_summary_of
from openbfactory.analyses.knunu.variations import VARIATIONS, cluster_energies, is_varied
from openbfactory.core.random import Address
from openbfactory.events.columns import MC_PARTICLES
from openbfactory.events.record import Events, Jagged
from openbfactory.generate import REWEIGHTINGS, decay_events, generate_events
from openbfactory.physics import knunu
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.particles import species
from openbfactory.pipeline.chunks import ChunkTask, card_of
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.inclusive_tag import reconstruct_inclusive_tag
from openbfactory.simulate import simulate

N = 4000
MODEL = load_modelling()
TASK = ChunkTask("charged", 0, 50, 500, 3)


def decayed(*blocks: tuple[str, str], mother: str = "B+", n: int = N) -> Events:
    """Events of one mother with given decays."""
    text = "noPhotos\n" + "".join(f"Decay {m}\n1.0 {c};\nEnddecay\n" for m, c in blocks)
    s = species(mother)
    columns = {c.name: c.empty(n) for c in MC_PARTICLES.required}
    columns["PDG"][:], columns["mother"][:], columns["E"][:] = s.pdg, -1, s.mass
    particles, _ = decay_events(Jagged(np.arange(n + 1), columns), load_decay_table(overlay=text), Address(1, "x"))
    return Events.of_process("charged", n, MCParticles=particles)


def sides(weights: EventWeights) -> dict[str, tuple[float, float]]:
    """Variations that are not 1 everywhere, with their means."""
    return {n.removesuffix("_up"): (float(up.mean()), float(weights.sides[n.replace("_up", "_down")].mean()))
            for n, up in weights.sides.items() if n.endswith("_up") and (up != 1).any()}


@pytest.mark.parametrize("name", ["KLKL", "KLKS", "nnbar"])
def test_named_decays_get_the_rate_of_their_model(name):
    """Mean weight: rate of the model over the generated one; the variation is the relative uncertainty of the rate."""
    chosen = REWEIGHTINGS[MODEL.named[name].reweighting]
    pair = {"KLKL": "K_L0 K_L0", "KLKS": "K_S0 K_L0", "nnbar": "n0 anti-n0"}[name]
    weights = event_weights(decayed(("B+", f"K+ {pair} PHSP")), "charged", MODEL)
    expected = chosen.rate() / MODEL.named[name].generated.value
    spread = weights.weight.std() / np.sqrt(N)
    assert weights.weight.mean() == pytest.approx(expected, abs=4 * spread)
    assert abs(weights.weight.mean() - 1) > 8 * spread or name == "KLKS"  # no correction at all would be caught
    assert sides(weights) == {name: pytest.approx((1 + chosen.uncertainty, 1 - chosen.uncertainty))}


def test_events_without_a_decay_have_weight_one_and_others_what_they_count():
    """Two D mesons with a K_L: the square of the factor; channels are in the group that they belong to."""
    plain = event_weights(decayed(("B+", "pi+ pi+ pi- PHSP")), "charged", MODEL)
    assert (plain.weight == 1).all()
    charm = event_weights(decayed(("B+", "anti-D0 D0 K+ PHSP"), ("D0", "K_L0 pi0 PHSP"),
                                  ("anti-D0", "K_L0 pi0 PHSP")), "charged", MODEL)
    assert charm.weight == pytest.approx(np.full(N, 1.3**2))
    assert sides(charm) == {"DKL": pytest.approx((1.1**2, 0.9**2)), "br_4": pytest.approx((1.12, 0.88))}
    semi = event_weights(decayed(("B+", "anti-D_10 e+ nu_e PHSP"), ("anti-D_10", "D*- pi+ PHSP"),
                                 ("D*-", "anti-D0 pi- PHSP"), ("anti-D0", "K+ pi- PHSP")), "charged", MODEL)
    assert (semi.weight == 1).all()
    assert sides(semi) == {"exoticD": pytest.approx((1.5, 0.5))}
    kstar = event_weights(decayed(("B+", "K*+ n0 anti-n0 PHSP"), n=50), "charged", MODEL)
    assert kstar.weight == pytest.approx(np.full(50, 5.7e-6 / 1.015e-5))


def test_groups_of_channels():
    """Two D mesons beside a kaon, radial and strange charm, charmonium; a K0 stands for K_S and K_L."""
    expected = {
        "vector_semileptonic": [[413, 11, 12]], "scalar_semileptonic": [[411, 15, 16]],
        "exotic": [[421, 211, 211, 11, 12], [431, 321, 11, 12], [10421, 11, 12]],
        "single_charm": [[421, 211], [4122, 2212]], "double_charm": [[433, 421]],
        "no_open_charm": [[443, 321], [100443, 321], [211, 12, 11]]}
    for group, channels in expected.items():
        assert {group_of(codes) for codes in channels} == {group}
    signatures, index, groups = listed_channels()
    assert len(np.unique(signatures)) == len(signatures) > 2000
    assert set(index) == set(range(len(groups)))


def test_form_factor_variations_are_shapes():
    """The rate stays; up and down mirror each other; the widest axis moves the ends of q2 by some per cent."""
    q2 = knunu.q2_quantiles()[:-1]
    for k in range(3):
        up, down = (np.interp(q2, *module._form_factor_shapes(k, side)) for side in (1, -1))
        assert up.mean() == pytest.approx(1, abs=2e-4)
        assert up + down == pytest.approx(np.full(len(q2), 2.0), abs=5e-3)
        assert 1e-3 < np.abs(up - 1).max() < 0.1 or k == 2
    truth, _ = generate_events("knunu", 300, Address(2, "knunu"), card_of("belle2").machine)
    weights = event_weights(truth, "knunu", MODEL)
    assert (weights.weight == 1).all()
    assert set(sides(weights)) >= {"ff_1", "ff_2"}
    assert {n for n in weights.sides if n.endswith("_up")} == {"ff_1_up", "ff_2_up", "ff_3_up"}


@pytest.fixture(scope="module")
def chunk():
    return ChunkMaker("belle2", InclusiveTagConfig(), (), modelling=MODEL)(TASK)


@pytest.fixture(scope="module")
def detected():
    card = card_of("belle2")
    truth, _ = generate_events(TASK.sample, TASK.events, TASK.address.at("generate"), card.machine, first=TASK.first)
    return simulate(truth, card, TASK.address.at("simulate"))


def test_columns_are_those_that_a_sample_can_have(chunk):
    table, summary = chunk
    names = [n.removesuffix("_up") for n in table.column_names if n.endswith("_up")]
    assert set(names) == set(MODEL.names("charged"))
    assert {"KLKL", "KLKS", "nnbar", "exoticD", "DKL", "br_1", "br_5", "trackingEff", "pid_1", "pid_7"} <= set(names)
    assert MODEL.names("uubar_off") == ("trackingEff", *(f"pid_{k}" for k in range(1, 8)))
    assert (np.bincount(table["variation"]) == summary["candidates"]).all()
    assert len(summary["candidates"]) == len(VARIATIONS)
    weights = weight_summary_of([summary])
    assert 0 < weights.effective < TASK.events
    assert weights.variations["trackingEff"] == pytest.approx((1, 1), abs=2e-3)
    inside = (np.abs(table["mcKaonPDG"]) == 321) & (np.array(table["p"]) < 1.0)
    assert np.array_equal(np.array(table["pid_1_up"]) > 1, inside)


def scaled(events: Events, name: str) -> np.ndarray:
    """Energies of clusters, one by one; K_L clusters of all events in order draw a number each."""
    clusters, truth = events["ECLClusters"], events["MCParticles"]
    drawn, energies = Address(TASK.seed, TASK.sample, TASK.index, "modelling").generator(), []
    change = {"up": 1, "down": -1}.get(name.rpartition("_")[2], 0)
    keep = 0.83 + (0.085 * change if "KLeff" in name else 0)
    for event in range(len(events)):
        for i in range(clusters.offsets[event], clusters.offsets[event + 1]):
            m = clusters["mcIndex"][i]
            code = abs(truth["PDG"][truth.offsets[event] + m]) if m >= 0 else 0
            gamma, other = (0.005 * change if "Gamma" in name else 0), (0.1 * change if "Unmatched" in name else 0)
            energy = clusters["clusterE"][i] * (1 + gamma if code == 22 else 0.9 * (1 + other))
            energies.append(0.0 if code == 130 and drawn.random() >= keep else energy)
    return np.array(energies)


def test_rows_of_a_variation_are_a_reconstruction_of_scaled_clusters(chunk, detected):
    """Planted fault: another variation's rows are not the same."""
    table, _ = chunk
    tag = InclusiveTagConfig(magnetic_field=card_of("belle2").detector.field.value)
    variation, before = np.array(table["variation"]), None
    for k, name in enumerate(VARIATIONS):
        clusters = detected["ECLClusters"]
        changed = Jagged(clusters.offsets, clusters.columns | {"clusterE": scaled(detected, name)})
        expected = reconstruct_inclusive_tag(detected.with_lists(ECLClusters=changed), card_of("belle2").machine, tag)
        signal = np.isfinite(expected.columns["mcQ2"])
        assert np.array_equal(np.array(table["event"])[variation == k], expected.event[~signal])
        for column in ("roeDeltae", "q2_rec", "nPhotons", "DzeroM", "foxWolframR1"):
            wanted = expected.columns[column][~signal]
            assert np.array_equal(np.array(table[column])[variation == k],
                                  wanted.astype(np.array(table[column]).dtype), equal_nan=True)
        energies = expected.columns["visibleEnergy"][~signal].sum()
        assert energies != before
        before = energies


def test_klong_clusters_are_nested_and_only_some_chunks_are_varied(detected):
    nominal, *others = cluster_energies(detected, TASK.address.at("modelling"), MODEL.detector, varied=True)
    up, down = others[-2:]
    assert (up > 0).sum() > (nominal > 0).sum() > (down > 0).sum() > 0.9 * len(nominal)
    assert ((down > 0) <= (nominal > 0)).all()
    assert ((nominal > 0) <= (up > 0)).all()
    assert np.array_equal(cluster_energies(detected, TASK.address.at("modelling"), MODEL.detector, varied=False)[0],
                          nominal)
    assert [is_varied(i, MODEL.detector) for i in range(6)] == [True, True, False, False, True, True]
    assert not is_varied(0, MODEL.detector.model_copy(update={"every": 0}))


def test_events_as_made_have_weight_one(chunk):
    """Without a model no cluster is touched: the same chunk differs from the modelled one."""
    table, _ = ChunkMaker("belle2", InclusiveTagConfig(), ())(TASK)
    assert set(np.array(table["weight"])) == {1.0}
    assert set(np.array(table["variation"])) == {0}
    assert not any(n.endswith("_up") for n in table.column_names)
    modelled = chunk[0]
    assert not np.array_equal(np.array(table["visibleEnergy"]),
                              np.array(modelled["visibleEnergy"])[np.array(modelled["variation"]) == 0])
