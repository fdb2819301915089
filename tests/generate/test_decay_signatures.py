"""Decays told by a hash of their daughters. Oracle: find_decays, and a walk through the mothers in Python."""

import numpy as np

from openbfactory.core.random import Address
from openbfactory.generate import generate_events
from openbfactory.generate.truthdecays import count_decays_with, decay_signatures, find_decays, signature_of


def test_signatures_find_the_same_decays_and_counts_are_those_of_a_walk(machine):
    events, _ = generate_events("charged", 1500, Address(8, "charged"), machine)
    particles = events["MCParticles"]
    rows, signatures = decay_signatures(particles, (521,))
    assert len(rows) == 2 * len(events)
    some = 0
    for daughters in ((421, 12, 11), (423, 12, 13), (421, 211), (423, 213), (321, 130, 130), (423, 431), (421, 20213)):
        found = rows[signatures == signature_of(np.array(daughters[::-1], np.int64))]
        expected = find_decays(particles, 521, daughters)
        assert np.array_equal(np.searchsorted(particles.offsets, found, side="right") - 1, expected.event)
        some += len(found)
    assert some > 200
    pdg, mother = np.abs(particles["PDG"]), particles["mother"]
    expected = []
    for begin, end in zip(particles.offsets[:-1], particles.offsets[1:], strict=True):
        above = set()
        for i in range(begin, end):
            m = mother[i] if pdg[i] == 130 else -1
            while m >= 0:
                if pdg[begin + m] in (411, 421, 431):
                    above.add(m)
                m = mother[begin + m]
        expected.append(len(above))
    assert np.array_equal(count_decays_with(particles, 130, (411, 421, 431)), expected)
    assert max(expected) > 1


def test_a_neutral_kaon_counts_as_what_it_became_and_hashes_differ():
    """All sets of up to three of 13 codes have different hashes."""
    codes = [11, 12, 13, 111, 130, 211, 310, 321, 411, 421, 2112, 2212, 100443]
    sets = {tuple(sorted((a, b, c))) for a in codes for b in codes for c in codes}
    sets |= {tuple(sorted((a, b))) for a in codes for b in codes}
    assert len({int(signature_of(np.array(s, np.int64))) for s in sets}) == len(sets)
