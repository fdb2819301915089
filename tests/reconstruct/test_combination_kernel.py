"""The kernel of combination on random lists.  Oracle: all tuples in plain Python, told apart as sets of particles."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from openbfactory.reconstruct.combination import combine
from openbfactory.reconstruct.particles import offsets_of

EVENTS = 3
#: a particle: event, flavour, sources (one or two of few, so that many overlap), energy
PARTICLE = st.tuples(st.integers(0, EVENTS - 1), st.sampled_from([-1, 0, 1]),
                     st.sets(st.integers(0, 5), min_size=1, max_size=2), st.integers(1, 9))


@st.composite
def problems(draw):
    """Particles, the lists of a decay (the same list may stand at several places) and which sides are made."""
    particles = draw(st.lists(PARTICLE, min_size=1, max_size=9))
    n_lists = draw(st.integers(1, 2))
    lists = [sorted(draw(st.sets(st.integers(0, len(particles) - 1), max_size=7)),
                    key=lambda i: (particles[i][0], i)) for _ in range(n_lists)]
    places = draw(st.lists(st.tuples(st.integers(0, n_lists - 1), st.sampled_from([-1, 1])), min_size=1, max_size=3))
    return particles, lists, places, draw(st.booleans()), draw(st.sampled_from([math.inf, 9.5]))


def by_hand(particles, lists, places, both, high):
    """Every allowed choice, once for each side and set of (list, sign, particle), and no more."""
    found = set()
    for side in (1, -1) if both else (1,):
        for rows in itertools.product(*(lists[which] for which, _ in places)):
            chosen = [particles[i] for i in rows]
            right = all(f == 0 or f * sign == side for (_, f, _, _), (_, sign) in zip(chosen, places, strict=True))
            apart = all(not a[2] & b[2] for a, b in itertools.combinations(chosen, 2))
            if right and apart and len({c[0] for c in chosen}) == 1 and sum(c[3] for c in chosen) <= high:
                found.add((chosen[0][0], side, frozenset(_roles(particles, places, rows))))
    return found


def _roles(particles, places, rows):
    """What tells choices apart: the list, the sign (not of those without flavour), and the particle."""
    return [(which, sign if particles[i][1] else 0, i) for (which, sign), i in zip(places, rows, strict=True)]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(problems())
def test_random_lists_give_every_choice_once(problem):
    particles, lists, places, both, high = problem
    event, flavour = (np.array([p[k] for p in particles], np.int64) for k in (0, 1))
    sources = np.array([[*sorted(p[2]), -1][:2] for p in particles], np.int64)
    p4 = np.array([[p[3], 0.0, 0.0, 0.0] for p in particles])
    rows = [np.array(made, np.int64) for made in lists]
    given_lists = [(rows[which], offsets_of(event[rows[which]], EVENTS)) for which, _ in places]
    found = combine(given_lists, [sign for _, sign in places], [which for which, _ in places], both=both, p4=p4,
                    flavour=flavour, sources=sources, window=(-math.inf, high))
    ours = [(int(e), int(s), frozenset(_roles(particles, places, d)))
            for e, s, d in zip(found.event, found.flavour, found.daughters.tolist(), strict=True)]
    assert set(ours) == by_hand(particles, lists, places, both, high)
    assert len(ours) == len(set(ours))
    assert found.event.tolist() == sorted(found.event.tolist())
    np.testing.assert_allclose(found.p4, p4[found.daughters].sum(axis=1))
