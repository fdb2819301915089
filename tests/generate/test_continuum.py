"""Quark pairs. Oracles: conservation laws, Pythia 8 itself read event by event, the Born angular distribution.

Statistical tests have fixed seeds; bounds are 5 standard deviations (false alarm below 1e-6 each) unless stated.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from openbfactory.core.errors import GenerationError, UnknownNameError
from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.generate import generate_events, pythia
from openbfactory.generate.continuum import CONTINUUM, continuum_primaries
from openbfactory.generate.laboratory import electron_frame, place, stable_codes
from openbfactory.physics.particles import species_of

EVENTS = 1500
PHOTON_MIN = pythia.pythia_data().photon_min.value
COLUMNS = ("E", "px", "py", "pz")


@pytest.fixture(scope="module")
def machine():
    return load_card("belle2").machine


@pytest.fixture(scope="module")
def decayed(machine):
    return {s: generate_events(s, EVENTS, Address(1, s, 0), machine) for s in CONTINUUM}


@pytest.fixture(scope="module")
def primaries(machine):
    return {s: continuum_primaries(s, EVENTS, Address(1, s, 0), machine) for s in CONTINUUM}


def per_event(jagged, values):
    """Sum of a number of each record over the event, without the initial system."""
    return np.add.reduceat(np.where(jagged["status"] == 4, 0, values), jagged.offsets[:-1])


def imbalance(jagged):
    """Largest difference between the final state and the initial system, GeV."""
    first = jagged.offsets[:-1]
    return max(np.abs(per_event(jagged, jagged[c]) - jagged[c][first]).max() for c in COLUMNS)


def lookup(codes, number):
    """A number of each PDG code."""
    unique, inverse = np.unique(codes, return_inverse=True)
    return np.array([number(int(c)) for c in unique])[inverse]


def charge(code):
    return 0 if code == 10022 else species_of(code).charge3


def quarks(code, flavour):
    """Quarks minus antiquarks of a flavour in an open-flavour meson or a baryon; 0 for flavour-neutral mesons."""
    digits = [abs(code) // 1000 % 10, abs(code) // 100 % 10, abs(code) // 10 % 10]
    sign = 1 if code > 0 else -1
    if abs(code) < 100 or abs(code) > 9999:
        return 0
    if digits[0]:
        return sign * digits.count(flavour)
    heavy, light = digits[1:]
    if heavy == light:
        return 0
    quark_is_heavy = heavy % 2 == 0  # heavy up-type: quark; heavy down-type: antiquark in the particle
    return sign * (((heavy == flavour) - (light == flavour)) * (1 if quark_is_heavy else -1))


@pytest.mark.parametrize("sample", CONTINUUM)
def test_layout_of_the_record(primaries, sample):
    particles = primaries[sample]
    first = particles.offsets[:-1]
    assert len(particles) == EVENTS
    assert set(particles["PDG"][first]) == {10022}
    assert set(particles["status"][first]) == {4}
    assert set(particles["mother"][first]) == {-1}
    rest = np.delete(np.arange(particles.size), first)
    assert set(particles["mother"][rest]) == {0}
    assert set(particles["status"][rest]) == {0, 1}
    stable = np.isin(particles["PDG"][rest], stable_codes())
    assert np.array_equal(particles["status"][rest] == 1, stable)
    assert {c: particles[c].dtype for c in ("PDG", "mother", "status")} == dict.fromkeys(
        ("PDG", "mother", "status"), np.dtype(np.int32))


@pytest.mark.parametrize("sample", CONTINUUM)
def test_energy_and_momentum(primaries, sample):
    assert imbalance(primaries[sample]) < 1e-10


def test_energy_and_momentum_would_be_missed(machine):
    """Planted fault: the collision has another energy than the event was made for, and nobody rescales."""
    p4, _ = machine.initial_states(200, Address(1, "x").generator())
    particles = continuum_primaries("uubar", 200, Address(1, "x"), machine)
    particles.columns["E"][particles.offsets[:-1]] = p4[::-1, 0]
    assert imbalance(particles) > 1e-4


@pytest.mark.parametrize("sample", CONTINUUM)
def test_initial_system_is_that_of_the_machine(primaries, machine, sample):
    particles = primaries[sample]
    p4, vertex = machine.initial_states(EVENTS, Address(1, sample, 0).at("collision").generator())
    first = particles.offsets[:-1]
    assert np.array_equal(np.stack([particles[c][first] for c in COLUMNS], axis=1), p4)
    where = np.stack([particles[c] for c in ("t", "x", "y", "z")], axis=1)
    assert np.array_equal(where, np.repeat(vertex, particles.counts, axis=0))


@pytest.mark.parametrize("sample", CONTINUUM)
def test_charge_baryon_number_and_flavour(primaries, sample):
    particles = primaries[sample]
    codes = particles["PDG"]
    assert not per_event(particles, lookup(codes, charge)).any()
    assert not per_event(particles, lookup(codes, lambda c: species_of(c).baryon_number)).any()
    k0 = np.isin(np.abs(codes), (130, 310))
    assert not k0.any()
    for flavour in (3, 4):
        assert not per_event(particles, lookup(codes, lambda c, f=flavour: quarks(c, f))).any()


def test_flavour_counter_knows_the_hadrons():
    content = {211: (0, 0), 321: (-1, 0), 311: (-1, 0), -321: (1, 0), 3122: (1, 0), 3312: (2, 0), 411: (0, 1),
               421: (0, 1), 431: (-1, 1), 4122: (0, 1), -4332: (-2, -1), 333: (0, 0), 443: (0, 0), 4132: (1, 1)}
    assert {c: (quarks(c, 3), quarks(c, 4)) for c in content} == content


def test_the_quark_is_in_the_hadrons(primaries):
    """Every ccbar event has a charm and an anticharm hadron, the light ones hardly ever (gluon splitting)."""
    charmed = {s: per_event(p, np.abs(lookup(p["PDG"], lambda c: quarks(c, 4)))) for s, p in primaries.items()}
    assert (charmed["ccbar"] == 2).mean() > 0.99
    assert max((charmed[s] > 0).mean() for s in ("uubar", "ddbar", "ssbar")) < 0.01
    strange = {s: per_event(p, np.abs(lookup(p["PDG"], lambda c: quarks(c, 3)))).mean() for s, p in primaries.items()}
    assert strange["ssbar"] > 1.5 * strange["uubar"]


def test_masses_of_narrow_hadrons_are_those_of_the_table(primaries):
    particles = primaries["ccbar"]
    mass = np.sqrt(np.maximum(particles["E"] ** 2 - sum(particles[c] ** 2 for c in COLUMNS[1:]), 0.0))
    for code in (411, 421, 413, 431, 211, 321, 4122):
        chosen = mass[np.abs(particles["PDG"]) == code]
        assert chosen == pytest.approx(species_of(code).mass, abs=1e-6)


def test_same_spectra_as_pythia_read_event_by_event(machine):
    """Two-sample Kolmogorov tests (false alarm 1e-4 each): pair mass, hardest photon, momenta of hadrons in the c.m."""
    settings = pythia.pair_settings("uubar", machine.sqrt_s)
    batch = pythia.batch(settings, 4000, 7)
    photon = batch.pdg == 22
    hardest = np.zeros(len(batch))
    np.maximum.at(hardest, batch.event_index()[photon], batch.energy[photon])
    pions = batch.energy[np.abs(batch.pdg) == 211]
    instance = pythia.pythia(settings)
    instance.rndm.init(8)
    masses, photons, pion_energy = [], [], []
    for _ in range(1500):
        assert instance.next()
        final = [p for p in instance.event if p.isFinal()]
        masses.append(instance.infoPython().mHat())
        photons.append(max((p.e() for p in final if p.id() == 22), default=0.0))
        pion_energy += [p.e() for p in final if abs(p.id()) == 211]
    assert stats.ks_2samp(batch.pair_mass, masses).pvalue > 1e-4
    assert stats.ks_2samp(hardest, photons).pvalue > 1e-4
    assert stats.ks_2samp(pions, pion_energy).pvalue > 1e-4
    assert stats.ks_2samp(0.99 * batch.pair_mass, masses).pvalue < 1e-4
    assert stats.ks_2samp(hardest[hardest > 1e-6], photons).pvalue < 1e-4
    assert stats.ks_2samp(0.9 * pions, pion_energy).pvalue < 1e-4


def test_placing_changes_little(machine):
    """Boosted back, energies differ from those that Pythia gave only by the spread of sqrt(s) and the soft photons."""
    batch = pythia.batch(pythia.pair_settings("ssbar", machine.sqrt_s), 500, 3)
    rest = np.tile([machine.sqrt_s, 0.0, 0.0, 0.0], (500, 1))
    particles = place(batch, rest, np.zeros((500, 4)), np.eye(3), photon_min=PHOTON_MIN)
    kept = ~((batch.pdg == 22) & (batch.energy < PHOTON_MIN) & (batch.status < 80))
    made = particles["status"] == 1
    assert np.array_equal(particles["PDG"][made], batch.pdg[kept])
    assert particles["E"][made] == pytest.approx(batch.energy[kept], abs=3 * PHOTON_MIN)
    assert particles["pz"][made] == pytest.approx(batch.pz[kept], abs=3 * PHOTON_MIN)


def test_electron_frame_is_a_rotation_to_the_electron(machine):
    rotation = electron_frame(machine)
    assert rotation.T @ rotation == pytest.approx(np.eye(3), abs=1e-14)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    total, mass = machine.p4, machine.sqrt_s
    electron = np.r_[mass / 2, rotation[:, 2] * mass / 2]  # massless, c.m. frame
    energy = (total[0] * electron[0] + total[1:] @ electron[1:]) / mass
    lab = electron[1:] + total[1:] * (electron[0] + energy) / (total[0] + mass)
    assert energy == pytest.approx(machine.her.energy.value, rel=1e-6)
    assert np.arctan2(lab[0], lab[2]) == pytest.approx(machine.her.angle.value, rel=1e-5)


def test_a_chunk_does_not_depend_on_the_others(machine):
    """Chunk 5 alone in a fresh instance gives the bytes of chunk 5 after chunks 0 to 4 and another sample."""
    def chunk(index):
        return continuum_primaries("ccbar", 150, Address(3, "ccbar", index), machine)

    pythia.pythia.cache_clear()
    alone = chunk(5)
    pythia.pythia.cache_clear()
    before = [chunk(i) for i in range(5)]
    continuum_primaries("uubar", 50, Address(3, "uubar", 0), machine)
    after = chunk(5)
    assert all(alone[c].tobytes() == after[c].tobytes() for c in alone.columns)
    assert alone["px"].tobytes() != before[0]["px"].tobytes()


def test_pieces_are_invisible(machine, monkeypatch):
    settings = pythia.pair_settings("ccbar", machine.sqrt_s)
    whole = pythia.batch(settings, 250, 9)
    monkeypatch.setattr(pythia, "PIECE", 100)
    parts = pythia.batch(settings, 250, 9)
    assert all(np.array_equal(getattr(whole, c), getattr(parts, c)) for c in ("offsets", "pdg", "px", "pair_mass"))


def test_off_resonance_events_have_the_energy_of_the_beams(machine):
    particles = continuum_primaries("ddbar", 400, Address(1, "ddbar"), machine.at_off_resonance())
    first = particles.offsets[:-1]
    mass = np.sqrt(particles["E"][first] ** 2 - sum(particles[c][first] ** 2 for c in COLUMNS[1:]))
    assert mass.mean() == pytest.approx(machine.sqrt_s + machine.off_resonance_shift.value, abs=5 * 0.005 / 20)
    assert imbalance(particles) < 1e-10


def test_no_events(machine):
    assert len(continuum_primaries("uubar", 0, Address(1, "uubar"), machine)) == 0


def test_wrong_requests_are_named(machine):
    with pytest.raises(UnknownNameError, match="did you mean 'uubar'"):
        continuum_primaries("uubr", 10, Address(1, "x"), machine)
    with pytest.raises(GenerationError, match="refuses"):
        pythia.pythia(("No:suchSetting = 1",))
    batch = pythia.batch(pythia.pair_settings("ccbar", machine.sqrt_s), 10, 3)
    low = np.tile([2.0, 0.0, 0.0, 0.0], (10, 1))
    with pytest.raises(GenerationError, match="heavier"):
        place(batch, low, np.zeros((10, 4)), np.eye(3), photon_min=PHOTON_MIN)


def charged(jagged_pdg, events, size):
    """Charged stable particles of each event."""
    return np.bincount(events[np.isin(np.abs(jagged_pdg), (11, 13, 211, 321, 2212))], minlength=size)


@pytest.mark.parametrize("sample", CONTINUUM)
def test_decayed_events_conserve_and_end(decayed, sample):
    events, counts = decayed[sample]
    particles = events["MCParticles"]
    final = particles["status"] == 1
    first = particles.offsets[:-1]
    assert events.process_names == (sample,)
    assert set(particles["status"].tolist()) == {1, 2, 4, 12}
    for c in COLUMNS:
        total = np.add.reduceat(np.where(final, particles[c], 0.0), first)
        assert total == pytest.approx(particles[c][first], abs=1e-9)
    assert not np.add.reduceat(np.where(final, lookup(particles["PDG"], charge), 0), first).any()
    assert np.isin(particles["PDG"][final], stable_codes()).all()
    assert counts.total > 2 * EVENTS
    assert counts.undecayed == 0


@pytest.mark.parametrize("sample", CONTINUUM)
def test_charged_multiplicity_is_that_of_pythia(decayed, machine, sample):
    """Mean charged multiplicity against Pythia with its own decays: 2 % for the tables, 5 standard deviations."""
    particles = decayed[sample][0]["MCParticles"]
    final = particles["status"] == 1
    ours = charged(particles["PDG"][final], particles.event_index()[final], EVENTS)
    alone = pythia.batch((*pythia.pair_settings(sample, machine.sqrt_s), "HadronLevel:Decay = on"), 4000, 4)
    theirs = charged(alone.pdg, alone.event_index(), len(alone))
    error = np.hypot(ours.std() / EVENTS**0.5, theirs.std() / len(alone) ** 0.5)
    tolerance = 0.02 * theirs.mean() + 5 * error
    assert ours.mean() == pytest.approx(theirs.mean(), abs=tolerance)
    primary = charged(alone.pdg[alone.status < 90], alone.event_index()[alone.status < 90], len(alone))
    assert primary.mean() != pytest.approx(theirs.mean(), abs=tolerance)  # hadrons left undecayed would be seen


def test_decayed_chunks_do_not_depend_on_the_others(decayed, machine):
    again = generate_events("ccbar", EVENTS, Address(1, "ccbar", 0), machine)[0]["MCParticles"]
    particles = decayed["ccbar"][0]["MCParticles"]
    assert all(again[c].tobytes() == particles[c].tobytes() for c in particles.columns)


def test_parameters_of_the_fragmentation_start_at_what_is_used_without_them():
    instance = pythia.pythia(pythia.pair_settings("uubar", 10.58))
    for tunable in pythia.pythia_data().tunable:
        assert instance.parm(tunable.setting) == tunable.value, tunable.name
    assert pythia.tuned({t.name: t.value for t in pythia.pythia_data().tunable}) == ()


def test_strangeness_of_the_string_makes_kaons(machine, decayed):
    more, _ = generate_events("uubar", EVENTS, Address(1, "uubar", 0), machine, settings={"probStoUD": 0.3})
    kaons = [int((np.abs(e["MCParticles"]["PDG"]) == 321).sum()) for e in (decayed["uubar"][0], more)]
    # 0.3 / 0.217 is 38 % more strange pairs; 5 standard deviations of some 1 000 kaons are 20 %
    assert kaons[1] > 1.1 * kaons[0]
