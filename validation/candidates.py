"""Particle lists, combination and truth matching on c cbar events of the whole chain.

References: loops in plain Python over the generated particles and over the tracks, which know nothing of lists; masses
of the Particle Data Group.  Number of events: 6000, seed 11.
"""

from __future__ import annotations

import itertools

import numpy as np

from openbfactory.core.random import Address
from openbfactory.events import Events
from openbfactory.experiment import load_card
from openbfactory.generate import generate_events
from openbfactory.physics.particles import mass
from openbfactory.reconstruct import ParticleList, Reconstruction
from openbfactory.simulate import simulate
from validation.rows import Row

EVENTS = 6000
COMBINED = 150
DSTAR, DZERO, KAON, PION, PHOTON = 413, 421, 321, 211, 22


def generated_decays(events: Events) -> list[tuple[int, list[int]]]:
    """Event and generated indices (K, pi, slow pi) of every D*+ -> D0 pi+, D0 -> K- pi+, photons aside."""
    truth, found = events["MCParticles"], []
    for e in range(len(events)):
        begin, end = truth.offsets[e], truth.offsets[e + 1]
        code, mother = truth["PDG"][begin:end].tolist(), truth["mother"][begin:end].tolist()
        below: dict[int, list[int]] = {}
        for i, m in enumerate(mother):
            if m >= 0 and code[i] != PHOTON:
                below.setdefault(m, []).append(i)
        for i, c in enumerate(code):
            sign = 1 if c > 0 else -1
            own = {code[d]: d for d in below.get(i, [])}
            if abs(c) != DSTAR or set(own) != {sign * DZERO, sign * PION}:
                continue
            last = {code[d]: d for d in below.get(own[sign * DZERO], [])}
            if set(last) == {-sign * KAON, sign * PION} and len(below[own[sign * DZERO]]) == 2:
                found.append((e, [last[-sign * KAON], last[sign * PION], own[sign * PION]]))
    return found


def expected(events: Events, kaons: ParticleList, pions: ParticleList) -> int:
    """Number of those decays whose three tracks are in the lists."""
    tracks, lists = events["Tracks"], (kaons, pions, pions)
    allowed = [set(made.owner.particles["row"][made.rows].tolist()) for made in lists]
    n = 0
    for event, particles in generated_decays(events):
        rows = range(tracks.offsets[event], tracks.offsets[event + 1])
        seen = {int(tracks["mcIndex"][row]): row for row in rows}
        n += all(p in seen and seen[p] in ok for p, ok in zip(particles, allowed, strict=True))
    return n


def brute_force(events: Events, r: Reconstruction, kaons: ParticleList, pions: ParticleList) -> int:
    """Number of K pi pi of the charges of a D*+ or D*- with a K pi mass from 1.8 to 1.93 GeV, of all tracks."""
    p4, row = r.particles["p4"], r.particles["row"]
    n = 0
    for e in range(COMBINED):
        own_k, own_pi = ([i for i in made.rows if r.particles["event"][i] == e] for made in (kaons, pions))
        for k, a, b in itertools.product(own_k, own_pi, own_pi):
            qk, qa, qb = (r.particles["charge"][i] for i in (k, a, b))
            if len({row[k], row[a], row[b]}) == 3 and qa == qb == -qk:
                p = p4[k] + p4[a]
                m2 = p[0] ** 2 - p[1:] @ p[1:]
                n += 1.8 < np.sqrt(max(m2, 0.0)) < 1.93
    return n


def rows() -> list[Row]:
    """Rows of the table."""
    card = load_card("belle2")
    address = Address(11, "ccbar", 0)
    truth = generate_events("ccbar", EVENTS, address, card.machine)[0]
    events = simulate(truth, card, address.at("simulate"))
    r = Reconstruction.of_card(events, card)
    kaons, pions = r.get("K-:goodTrack"), r.get("pi+:all")
    r.combine("D0:kpi -> K-:goodTrack pi+:all", "1.7 < M < 2.03")
    made = r.combine("D*+:kpi -> D0:kpi pi+:all")
    signal = made["isSignal"] == 1
    window = made.mask("1.8 < daughter(0, M) < 1.93") & (made.event < COMBINED)
    d0, difference = made["daughter(0, M)"][signal], made["massDifference(0)"][signal]
    return [
        Row("D*+ -> D0(K pi) pi: decays whose tracks are all in the lists, and signal candidates",
            expected(events, kaons, pions), int(signal.sum()), 0.0, f"{EVENTS} c cbar events"),
        Row("combinations K pi pi with 1.8 < M(K pi) < 1.93 GeV, by loops", brute_force(events, r, kaons, pions),
            int(window.sum()), 0.0, f"{COMBINED} events"),
        Row("median mass of true D0 -> K pi [GeV]", mass(DZERO), float(np.median(d0)),
            5 * 1.2533 * float(np.std(d0)) / np.sqrt(len(d0)), "5 standard deviations"),
        Row("median mass difference of true D*+ [GeV]", mass(DSTAR) - mass(DZERO), float(np.median(difference)),
            5 * 1.2533 * float(np.std(difference)) / np.sqrt(len(difference)), "5 standard deviations"),
    ]
