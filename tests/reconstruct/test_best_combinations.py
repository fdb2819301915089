"""Oracle: all combinations of :mod:`openbfactory.reconstruct.combination` (no limit), cut and ordered in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from toy_events import BEAM, FIELD, generic_events

from openbfactory.core.errors import ConfigError
from openbfactory.reconstruct import Reconstruction, parse_decay
from openbfactory.reconstruct.best_combinations import ENERGY, MASS, RELEASE, Window, best_combinations, make_leg
from openbfactory.reconstruct.families import roles
from openbfactory.reconstruct.tag_channels import channels_of, expanded, load_channels
from openbfactory.reconstruct.vectors import in_rest_frame, mass_of

HALF = 0.5 * float(mass_of(BEAM))
DECAYS = {  # decay, window
    "D0:a -> K-:all pi+:all": Window(MASS, 1.6, 2.1, 1.865, 0.02),
    "D0:b -> K-:all pi+:all pi+:all pi-:all": Window(MASS, 1.8, 1.93, 1.865, 0.02),
    "D0:c -> pi-:all pi+:all": Window(MASS, 0.9, 2.8, 1.865, 0.1),
    "D*+:a -> D0:a pi+:all": Window(RELEASE, 0.0, 0.2, 0.006, 0.01),
    "B+:a -> anti-D0:a pi+:all pi+:all pi-:all": Window(ENERGY, -1.0, 1.0, 0.0, 0.1, 5.0),
    "B0:a -> D*-:a pi+:all": Window(ENERGY, -3.0, 3.0, 0.0, 0.1, 4.0),
}


@pytest.fixture(scope="module")
def made():
    """Lists of toy events, all combinations of each decay, and a probability of every particle."""
    r = Reconstruction(generic_events(25, 3, tracks=9, photons=3), beam=BEAM, field=FIELD)
    lists = {text: r.combine(text) for text in DECAYS}
    return r, lists, np.random.default_rng(1).uniform(0.05, 1.0, r.particles.size)


def _legs(r, tree, p):
    lists = [r.get(d.list_name) for d in tree.daughters]
    return lists, [make_leg(m.rows, m.offsets, in_rest_frame(r.particles["p4"][m.rows], BEAM), p[m.rows],
                            r.particles["flavour"][m.rows], r.particles.sources[m.rows]) for m in lists]


def _expected(r, made, p, w):
    """Event, daughters and score of every combination in the window."""
    rows = made.rows
    daughters = r.particles.daughters[rows]
    there = daughters >= 0
    p4 = in_rest_frame(r.particles["p4"][rows], BEAM)
    if w.quantity == ENERGY:
        x = p4[:, 0] - HALF
        inside = HALF**2 - np.sum(p4[:, 1:] ** 2, axis=1) > w.mbc**2
    else:
        x, inside = mass_of(p4), np.ones(len(p4), bool)
        if w.quantity == RELEASE:
            x = x - np.where(there, mass_of(r.particles["p4"][daughters]), 0.0).sum(axis=1)
    score = np.where(there, np.log(p[daughters]), 0.0).sum(axis=1) - 0.5 * ((x - w.centre) / w.width) ** 2
    inside &= (x > w.low) & (x < w.high)
    return [(int(e), tuple(sorted(d[d >= 0])), float(s)) for e, d, s in
            zip(made.event[inside], daughters[inside], score[inside], strict=True)]


@pytest.mark.parametrize("text", DECAYS)
@pytest.mark.parametrize("keep", [4000, 3])
def test_best_of_all_combinations(made, text, keep):
    """The best combinations of each event are those of the highest scores among all in the window."""
    r, lists, p = made
    tree = parse_decay(text)
    own, legs = _legs(r, tree, p)
    role = roles(tree, own)
    found, seen = best_combinations(legs, role.signs, role.keys, both=not role.mirrored, window=DECAYS[text], half=HALF,
                                    keep=keep)
    wanted = _expected(r, lists[text], p, DECAYS[text])
    assert len(wanted) > 20
    assert np.all(np.diff(found.event) >= 0)
    for e in range(len(r.events)):
        right = sorted((w for w in wanted if w[0] == e), key=lambda w: -w[2])
        got = [(e, tuple(sorted(d))) for d in found.daughters[found.event == e]]
        assert seen[e] == len(right)
        assert got == [w[:2] for w in right[:keep]]


def test_expanded_inputs():
    """Braces stand for every daughter, or every pair but the whole mass of two."""
    texts = ("dM", "daughter({}, p)", "daughterInvM({}, {})", "daughterAngle({}, {})")
    assert expanded(texts, 0) == ("dM",)
    assert expanded(texts, 2) == ("dM", "daughter(0, p)", "daughter(1, p)", "daughterAngle(0, 1)")
    assert len(expanded(texts, 4)) == 1 + 4 + 6 + 6


def test_packaged_channels():
    """The numbers of channels are those of the reference (29, 26; 15, 11, 10; 3, 2, 2; 2)."""
    channels = load_channels()
    numbers = {s.particle: len(s.channels) for s in channels.stages}
    assert channels.heads == ("B+", "B0")
    assert (numbers["B+"], numbers["B0"], numbers["D0"], numbers["D+"], numbers["D_s+"]) == (29, 26, 15, 11, 10)
    assert (numbers["D*+"], numbers["D*0"], numbers["D_s*+"], numbers["J/psi"]) == (3, 2, 2, 2)


def test_wrong_channels_are_named():
    """Every mistake of a list of channels is a finding: charge, unknown daughters, truth as input, no window."""
    document = load_channels().model_dump(mode="json")
    document["stages"] = [s for s in document["stages"] if s["particle"] in ("pi+", "K+", "D0")]
    d0 = document["stages"][-1]
    d0["channels"] = [{"decay": text} for text in ("D0 -> K- pi+ pi+", "D0 -> K_S0 pi0", "D+ -> K- pi+ pi+")]
    d0["window"] = None
    d0["inputs"] = ["dM", "mcPDG", "dMM"]
    with pytest.raises(ConfigError) as problem:
        channels_of(document, "mine")
    text = str(problem.value)
    for part in ("charge", "no stage before makes 'K_S0'", "is no decay of D0", "it has no window",
                 "'mcPDG' is truth", "unknown variable 'dMM'"):
        assert part in text, text
