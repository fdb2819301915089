"""Samples end to end. Oracle: momentum of the collision, the number of signal decays, the declared columns."""

import numpy as np
import pytest

from openbfactory.core.errors import GenerationError, UnknownNameError
from openbfactory.core.random import Address
from openbfactory.events.columns import MC_PARTICLES
from openbfactory.generate import SAMPLES, generate_events
from openbfactory.physics import knunu


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.collision])
def test_every_sample(machine, name):
    events, counts = generate_events(name, 200, Address(1, name), machine, first=1000)
    particles = events["MCParticles"]
    assert (events.event[0], len(events), events.process_names) == (1000, 200, (name,))
    for column in MC_PARTICLES.required:
        assert particles[column.name].dtype == column.dtype
    first = particles.offsets[:-1]
    assert np.all(particles["status"][first] == 4)
    assert set(np.abs(particles["PDG"][first])) <= {300553, 10022}
    index, final = particles.event_index(), particles["status"] == 1
    for k in ("E", "px", "py", "pz"):
        np.testing.assert_allclose(np.bincount(index[final], particles[k][final], minlength=200), particles[k][first],
                                   atol=1e-9)
    assert counts.undecayed <= 1


def test_signal_events_have_one_signal_decay_of_either_charge(machine):
    events, counts = generate_events("knunu", 2000, Address(2, "knunu"), machine)
    particles = events["MCParticles"]
    first, index = particles.offsets[:-1], particles.event_index()
    place = particles["mother"] + first[index]
    from_b = (particles["mother"] >= 0) & (np.abs(particles["PDG"][place]) == 521)
    neutrino = np.isin(particles["PDG"], (12, 14, 16)) & from_b
    lepton = np.isin(np.abs(particles["PDG"]), (11, 13, 15)) & from_b
    lone = np.bincount(place[neutrino], minlength=particles.size) - np.bincount(place[lepton], minlength=particles.size)
    signal = np.flatnonzero((lone > 0) & (np.bincount(place[from_b], minlength=particles.size) == 3))
    assert counts.models["KNUNU"] == 2000
    plus = np.count_nonzero(particles["PDG"][signal] == 521)
    assert abs(plus / len(signal) - 0.5) < 3.3 * 0.5 / np.sqrt(len(signal))
    kaon = np.flatnonzero((np.abs(particles["PDG"]) == 321) & np.isin(place, signal) & from_b)
    b = place[kaon]
    q2 = (sum((particles[k][b] - particles[k][kaon]) ** 2 * s
              for k, s in (("E", 1), ("px", -1), ("py", -1), ("pz", -1))))
    share = knunu.branching_fraction(0, 8) / knunu.branching_fraction()
    assert abs(np.mean(q2 < 8) - share) < 3.3 * np.sqrt(share * (1 - share) / len(q2)) + 0.01


def test_b_pairs_are_what_the_sample_says(machine):
    def flavours(name):
        particles = generate_events(name, 300, Address(3, name), machine)[0]["MCParticles"]
        upsilon = np.flatnonzero(particles["PDG"] == 300553)
        of_upsilon = particles["mother"] + particles.offsets[particles.event_index()] == np.repeat(upsilon,
                                                                                                  particles.counts)
        return set(np.abs(particles["PDG"][of_upsilon]).tolist()) - {22}

    assert flavours("charged") == {521}
    assert flavours("mixed") == {511}
    assert flavours("bbbar") >= {511, 521}


def test_user_decays_are_used(machine, tmp_path):
    path = tmp_path / "user.dec"
    path.write_text("Decay B+\n1.0 K+ pi0 PHSP;\nEnddecay\nCDecay B-\n")
    particles = generate_events("charged", 20, Address(4, "charged"), machine, decays=path)[0]["MCParticles"]
    assert set(np.abs(particles["PDG"]).tolist()) <= {10022, 300553, 521, 321, 111, 22, 11}


def test_wrong_requests(machine):
    with pytest.raises(UnknownNameError) as caught:
        generate_events("chargd", 10, Address(1, "x"), machine)
    assert caught.value.nearest == "charged"
    with pytest.raises(GenerationError, match="-1 events"):
        generate_events("charged", -1, Address(1, "x"), machine)
    events, _ = generate_events("charged", 0, Address(1, "x"), machine)
    assert len(events) == 0


@pytest.mark.parametrize(("name", "daughters"), [("kstarnunu", (323, 12, 12)), ("kklkl", (321, 130, 130)),
                                                 ("kkskl", (321, 310, 130)), ("knnbar", (321, 2112, 2112)),
                                                 ("jpsik", (321, 443))])
def test_one_signal_in_each_event(name, daughters, machine):
    from openbfactory.generate.truthdecays import find_decays

    events, _ = generate_events(name, 100, Address(1, name), machine)
    found = find_decays(events["MCParticles"], 521, daughters)
    assert len(found.event) >= 100
    assert len(np.unique(found.event)) == 100
    signs = events["MCParticles"]["PDG"][found.rows[:, 0]]
    assert 20 < np.sum(signs > 0) < 80


def test_control_sample_has_its_shares_and_forced_decays(machine):
    """Shares of B -> D(*)0 pi and D(*)0 K (4.61 : 0.364 : 5.17 : 0.419) and D0 -> K pi; false alarms below 1e-4."""
    from openbfactory.generate.truthdecays import find_decays

    events, _ = generate_events("d0h", 400, Address(1, "d0h"), machine)
    truth = events["MCParticles"]
    counts = {d: len(find_decays(truth, 521, d).event) for d in ((421, 211), (423, 211), (421, 321), (423, 321))}
    assert sum(counts.values()) >= 400
    assert abs(counts[421, 211] - 0.436 * 400) < 4 * 10
    assert abs(counts[421, 321] + counts[423, 321] - 0.074 * 400) < 4 * 5.3
    assert len(np.unique(find_decays(truth, 421, (321, 211)).event)) == 400
