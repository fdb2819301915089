"""Decay strings.  Oracles: the examples of the field's documentation read by hand; strings made from trees."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbfactory.core.errors import CutError
from openbfactory.reconstruct import decay_string as ds
from openbfactory.reconstruct.decay_string import Decay, parse_decay, split_list_name

#: examples of the basf2 documentation ("DecayString") and of its standard scripts
EXAMPLES = [
    "B+", "anti-D0", "K-", "pi+", "B+ -> anti-D0 pi+", "anti-D0 -> K- pi+", "B+ -> [anti-D0 -> K- pi+] pi+",
    "^B+ -> [^anti-D0 -> K- ^pi+] ^pi+", "@Xsd -> K+ pi-", "@Xsd:0 -> K_S0:all", "@Xsd:1 -> K+:loose pi-:loose",
    "@Xsd:2 -> K+:loose pi-:loose pi0:all", "B0:Xsdee -> Xsd:comb e+:loose e-:loose",
    "D0:decayInFlight -> K-:loose (decay)pi+:loose", "D0:misID -> (misID)K-:loose (misID)pi+:loose",
    "D0:decayInFlightMisID -> (misID)(decay)K-:loose (decay)(misID)pi+:loose",
    "K_S0:missNu -> pi+:loose e-:loose ?nu", "Xsu:missMassive -> K+:loose pi0:all ... ?gamma",
    "B+:inclusive -> mu-:loose ... ?nu ?gamma", "B+:brems -> K+:loose e-:corrected e+:corrected ?addbrems",
    "B+:default -> K+:loose e+:loose e-:loose", "B+:direct =direct=> K+:loose e+:loose e-:loose",
    "B+:norad =norad=> K+:loose e+:loose e-:loose", "B+:exact =exact=> K+:loose e+:loose e-:loose",
    "D*+ -> [D0 -> K- pi+] pi+", "Upsilon(4S) -> [B0:sig -> J/psi:mumu K_S0:merged] B0:generic",
    "anti-p-:all", "nu_mu", "D_s*+ -> [D_s+ -> K+ K- pi+] gamma:loose", "B+ -> K+",
    "eta' -> pi+ pi- [eta -> gamma gamma]",
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_of_the_field_are_read_and_written(text):
    assert str(parse_decay(text)) == text.replace("(decay)(misID)", "(misID)(decay)")
    assert parse_decay(" " + text.replace(" ", "  \t") + "\n") == parse_decay(text)


def test_an_example_in_full():
    decay = parse_decay("^B+:x =direct=> [^anti-D0 -> K+:loose (misID)pi-] @pi+ ... ?nu")
    d0 = Decay("anti-D0", -421, "", True, 0, "->", (Decay("K+", 321, "loose"), Decay("pi-", -211, markers=ds.MISID)))
    assert decay == Decay("B+", 521, "x", True, 0, "=direct=>", (d0, Decay("pi+", 211, markers=ds.UNSPECIFIED)),
                          ("...", "?nu"))
    assert decay.selected_paths() == [(), (0,)]
    assert decay.ignored == ds.RADIATED_PHOTONS | ds.MASSIVE | ds.NEUTRINO
    assert d0.ignored == ds.RADIATED_PHOTONS | ds.INTERMEDIATE
    assert parse_decay("B0 =norad=> pi+ pi-").ignored == ds.INTERMEDIATE
    assert parse_decay("B0 =exact=> pi+ pi- ?gamma ?addbrems").ignored == ds.GAMMA | ds.BREMS


def test_arrows_need_no_space():
    assert parse_decay("D0->K- pi+") == parse_decay("D0 -> K- pi+")
    assert parse_decay("pi-->mu-:a nu_mu") == parse_decay("pi- -> mu-:a nu_mu")
    assert parse_decay("D0=exact=>K- pi+") == parse_decay("D0 =exact=> K- pi+")


def test_conjugates():
    assert str(parse_decay("D*+:a -> [D0 -> K-:l pi+ ?nu] ^pi+").conjugate()) == \
        "D*-:a -> [anti-D0 -> K+:l pi- ?nu] ^pi-"
    assert str(parse_decay("Lambda0 -> p+ pi-").conjugate()) == "anti-Lambda0 -> anti-p- pi+"
    assert str(parse_decay("K_S0 -> pi+ pi-").conjugate()) == "K_S0 -> pi- pi+"


@pytest.mark.parametrize(("text", "character", "words"), [
    ("", 1, "empty"),
    ("D0 ->", 6, "expected '[' or a particle"),
    ("-> K- pi+", 1, "unexpected '->'"),
    ("D0 -> K- -> pi+", 10, "brackets"),
    ("D0 --> K- pi+", 4, "write ->"),
    ("D0 => K- pi+", 4, "=direct=>"),
    ("D0 -> K- pi+ ?nue", 17, "unexpected"),
    ("D0 -> K- ... pi+", 14, "keywords come after all particles"),
    ("D0 -> [K_S0 -> pi+ pi- pi0", 27, "']' to close character 7"),
    ("D0 -> K- pi+]", 13, "no opening bracket"),
    ("B+ -> ^[anti-D0 -> K+ pi-] pi+", 8, "inside the bracket"),
    ("B+ -> [anti-D0] pi+", 15, "expected an arrow"),
    ("D0 -> K-: pi+", 9, "label follows"),
    ("D0 -> (misid)K- pi+", 7, "markers are"),
    ("D0 -> K- $pi+", 10, "unexpected character '$'"),
    ("[" * 40 + "D0 -> K- pi+" + "]" * 40, 21, "nested too deeply"),
])
def test_errors_point_at_the_character(text, character, words):
    with pytest.raises(CutError) as caught:
        parse_decay(text)
    message = str(caught.value)
    assert f"character {character}:" in message
    assert words in message
    assert message.rstrip().endswith("^")


def test_all_unknown_particles_are_named_at_once_with_the_nearest():
    with pytest.raises(CutError) as caught:
        parse_decay("D*+ -> [DO -> K- pi+] pi+ Kshort")
    assert [(f.path, f.nearest) for f in caught.value.findings] == [("character 9", "D0"), ("character 27", None)] or \
        [f.path for f in caught.value.findings] == ["character 9", "character 27"]


def test_names_of_lists():
    assert split_list_name("K+:loose") == ("K+", "loose")
    assert split_list_name("J/psi:mumu") == ("J/psi", "mumu")
    assert split_list_name("gamma") == ("gamma", "")
    for wrong in ("K+:loose pi+", "D0 -> K- pi+", "^K+"):
        with pytest.raises(CutError):
            split_list_name(wrong)


NAMES = st.sampled_from(["B+", "anti-D0", "K-", "pi+", "K_S0", "Upsilon(4S)", "J/psi", "D_s*+", "eta'", "anti-p-",
                         "Xsd"])
LEAVES = st.builds(lambda name, label, selected, markers: Decay(name, parse_decay(name).pdg, label, selected, markers),
                   NAMES, st.sampled_from(["", "all", "eff40_May2020Fit", "v1.2"]), st.booleans(),
                   st.sampled_from([0, ds.MISID, ds.DECAY, ds.MISID | ds.DECAY, ds.UNSPECIFIED]))
TREES = st.recursive(LEAVES, lambda inner: st.builds(
    lambda head, arrow, daughters, words: Decay(head.name, head.pdg, head.label, head.selected, head.markers, arrow,
                                                tuple(daughters), tuple(words)),
    LEAVES, st.sampled_from([*ds.ARROWS]), st.lists(inner, min_size=1, max_size=4),
    st.lists(st.sampled_from([*ds.KEYWORDS]), unique=True, max_size=4)), max_leaves=12)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(TREES)
def test_random_trees_come_back(tree):
    assert parse_decay(str(tree)) == tree
    assert tree.conjugate().conjugate() == tree


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(
    ["B+", "D0", "->", "=exact=>", "[", "]", "^", "@", "...", "?nu", "(misID)", ":", "K-:a", " ", "-", ">", "?"]),
    max_size=14).map("".join)))
def test_any_text_is_read_or_refused_by_name(text):
    try:
        decay = parse_decay(text)
    except CutError:
        return
    assert parse_decay(str(decay)) == decay
