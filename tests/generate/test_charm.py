"""Charm events enriched in one decay.

Oracles: the plain ``ccbar`` sample of another seed (share of events with a target; false alarms 1e-4), the decay that
was asked for, and conservation of four-momentum.
"""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.core.errors import ConfigError, GenerationError
from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.generate import generate_events
from openbfactory.generate.charm import BLOCK, PILOT, cross_section, targets

DEFAULTS = {"p_min": 2.3, "rest": "kept"}


@pytest.fixture(scope="module")
def machine():
    return load_card("belle2").machine


def made(sample, events, machine, *, seed=1, **settings):
    return generate_events(sample, events, Address(seed, sample, 0).at("generate"), machine, settings=settings)


def p_star(mc, rows):
    """Momentum of records in the rest frame of the first record of their event."""
    p4 = np.stack([mc[n] for n in ("E", "px", "py", "pz")], axis=1)
    total = p4[mc.offsets[mc.event_index()[rows]]]
    metric = np.array([1.0, -1.0, -1.0, -1.0])
    energy = (p4[rows] * total * metric).sum(axis=1) / np.sqrt((total**2 * metric).sum(axis=1))
    return np.sqrt(energy**2 - (p4[rows] ** 2 * metric).sum(axis=1))


def daughters(mc, row):
    """PDG codes of the daughters of a record, sorted, without radiated photons."""
    event = mc.event_index()[row]
    first, last = mc.offsets[event], mc.offsets[event + 1]
    found = mc["PDG"][first:last][mc["mother"][first:last] == row - first]
    return sorted(found[found != 22].tolist())


def with_decay(mc, code, products):
    """Rows of particles of either charge that decay to given products."""
    rows = np.flatnonzero(np.abs(mc["PDG"]) == code)
    wanted = [sorted(products), sorted(-p for p in products)]
    return np.array([r for r in rows if daughters(mc, r) in wanted])


def test_every_event_has_the_decay(machine):
    events, counts = made("charm-d0", 150, machine)
    mc = events["MCParticles"]
    d0 = with_decay(mc, 421, [-321, 211])
    mothers = mc.offsets[mc.event_index()[d0]] + mc["mother"][d0]
    forced = mothers[np.abs(mc["PDG"][mothers]) == 413]
    assert set(mc.event_index()[forced]) == set(range(150))
    best = np.full(150, 0.0)
    np.maximum.at(best, mc.event_index()[forced], p_star(mc, forced))
    assert best.min() > 2.3
    assert counts.fallback == {}
    assert counts.tried > 150


def test_energy_is_conserved(machine):
    mc = made("charm-lambdac", 40, machine)[0]["MCParticles"]
    final = mc["status"] == 1
    for name in ("E", "px", "py", "pz"):
        total = np.bincount(mc.event_index()[final], weights=mc[name][final])
        assert np.allclose(total, mc[name][mc.offsets[:-1]], atol=1e-6)


def test_the_accounting_agrees_with_the_plain_sample(machine):
    plain = generate_events("ccbar", 4000, Address(77, "ccbar", 0).at("generate"), machine)[0]["MCParticles"]
    rows = np.flatnonzero(np.abs(plain["PDG"]) == 413)
    expected = len(set(plain.event_index()[rows[p_star(plain, rows) > 2.3]])) / 4000
    _, counts = made("charm-d0", 600, machine, seed=3)
    share = 600 / counts.tried
    sigma, error = cross_section("d0", DEFAULTS, machine)
    pilot = sigma / machine.cross_section("ccbar") / targets()["d0"].fraction
    assert abs(share - expected) < 3.9 * np.hypot(share / np.sqrt(600) * np.sqrt(1 - share),
                                                  np.sqrt(expected * (1 - expected) / 4000))
    assert abs(pilot - expected) < 3.9 * np.sqrt(expected * (1 - expected) * (1 / 4000 + 1 / (PILOT * BLOCK)))
    assert 0 < error < 0.02 * sigma
    # planted: without the cut on the momentum the share is another one
    everything = len(set(plain.event_index()[rows])) / 4000
    assert abs(pilot - everything) > 3.9 * np.sqrt(expected / 4000)


def test_the_rest_can_be_dropped(machine):
    mc = made("charm-omegac", 30, machine, rest="dropped")[0]["MCParticles"]
    assert np.all(np.abs(mc["PDG"][mc.offsets[:-1] + 1]) == 4332)
    # the system, Omega_c, Omega, pi, Lambda, K, p, pi; photons may be radiated
    assert set((mc.counts - np.bincount(mc.event_index()[mc["PDG"] == 22], minlength=30)).tolist()) == {8}


def test_one_address_gives_one_sample(machine):
    one, again = (made("charm-ds", 20, machine)[0]["MCParticles"] for _ in range(2))
    assert all(np.array_equal(one[n], again[n]) for n in one.columns)
    assert len(made("charm-ds", 0, machine)[0]) == 0


def test_what_cannot_be_had_is_said(machine):
    with pytest.raises(ConfigError, match="p_min"):
        made("charm-d0", 5, machine, p_min=9.0)
    with pytest.raises(ConfigError, match="p_max"):
        made("charm-d0", 5, machine, p_max=1.0)
    with pytest.raises(GenerationError, match="none of"):
        made("charm-lambdac", 5, machine, p_min=5.0)
