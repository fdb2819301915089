"""Decay files read, resolved and cached. Oracle: files written here, whose content is known; DECAY_BELLE2.DEC's
published counts (272 Decay blocks, 91 CDecay, 77 Alias)."""

import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import DecayFileError
from openbfactory.physics import decaycache
from openbfactory.physics.decaycache import load_decay_table, main_statements
from openbfactory.physics.decaycheck import check_decay_file
from openbfactory.physics.decayfile import parse_statements
from openbfactory.physics.decaytable import MAIN, USER, compile_table

TEXT = """
Define dm 0.5e12
ModelAlias myPole SLBKPOLE 1.0 0.3 1.0 2.1;
Alias myD+ D+
Alias myD- D-
ChargeConj myD+ myD-
Decay myD+
0.2 K- pi+ pi+ PHSP;
0.6 anti-K0 e+
    nu_e PHOTOS myPole;   # a channel over two lines
Enddecay
CDecay myD-
CopyDecay D+ myD+
Decay Upsilon(4S)
1.0 B0 anti-B0 VSS_BMIX dm;
Enddecay
End
"""


def compiled(text):
    findings = Findings("text")
    return compile_table(parse_statements(text, findings), findings), findings


def test_statements_are_resolved():
    table, findings = compiled(TEXT)
    assert not findings.items
    first, second = table.channels_of("myD-")
    assert table.daughters_of(first) == ("K+", "pi-", "pi-")
    assert table.daughters_of(second) == ("K0", "e-", "anti-nu_e")
    assert table.fraction[first] == pytest.approx(0.25)
    assert table.cumulative[second] == 1.0
    assert table.photos[second]
    assert not table.photos[first]
    np.testing.assert_array_equal(table.parameters_of(second), [1.0, 0.3, 1.0, 2.1])
    assert table.line[second] == 9
    assert len(table.channels_of("D+")) == 2
    (mixing,) = table.channels_of("Upsilon(4S)")
    assert table.parameters_of(mixing)[0] == 0.5e12
    assert table.pdg[table.index["myD-"]] == -411
    assert table.conjugate[table.index["myD+"]] == table.index["myD-"]


def test_the_shipped_file_is_read_whole():
    statements = main_statements()
    assert (len(statements.decays), len(statements.charge_conjugate), len(statements.aliases)) == (272, 91, 77)


def test_the_compiled_file():
    table = load_decay_table()
    assert len(table.channels_of("B+")) == 1182
    assert len(table.channels_of("B0")) == 1381
    last = table.channel_first[1:][np.diff(table.channel_first) > 0] - 1
    np.testing.assert_array_equal(table.cumulative[last], 1.0)
    assert table.stable[table.index["K_L0"]]
    assert not table.stable[table.index["K_S0"]]
    rho = table.index["rho0"]
    assert 0.27 < table.mass_low[rho] < 0.29
    assert table.ctau[rho] == 0.0
    mother = np.repeat(np.arange(len(table.names)), np.diff(table.channel_first))
    closed = (table.threshold > table.mass_high[mother] + 1e-9) & (table.mass[mother] < 5.3)
    assert table.fraction[closed].max() < 1e-3


@pytest.mark.parametrize(("text", "code", "line"), [
    ("Decay B+\n1.0 K+ pi0 PHSP\n0.5 K+ eta PHSP;\nEnddecay\n", "missing-semicolon", "line 2"),
    ("Decay B+\n1.0 K+ pi0 PHSP;\n", "syntax", "line 2"),
    ("Decay B+\n1.0 K+ piO PHSP;\nEnddecay\n", "unknown-particle", "line 2"),
    ("Decay B+\n1.0 K+ pi0 PHPS;\nEnddecay\n", "unknown-decay-model", "line 2"),
    ("Decay B+\n-0.5 K+ pi0 PHSP;\n1.0 K+ eta PHSP;\nEnddecay\n", "negative-fraction", "line 2"),
    ("Alias xx yy\nAlias yy xx\nDecay xx\n1.0 K+ pi0 PHSP;\nEnddecay\n", "recursive-alias", "line 1"),
    ("CDecay pi0\n", "self-conjugate", "line 1"),
    ("CopyDecay myB+ B+\n", "missing-decay", "line 1"),
    ("Decay B++\n1.0 K+ pi0 PHSP;\nEnddecay\n", "unknown-particle", "line 1"),
])
def test_mistakes_are_named_with_their_line(text, code, line):
    _, findings = compiled(text)
    assert (code, line) in {(f.code, f.path) for f in findings}


def test_all_mistakes_at_once(tmp_path):
    path = tmp_path / "user.dec"
    path.write_text("Decay B+\n0.5 K+ piO PHSP;\n0.6 psi(2S) D_s+ PHSP;\n0.1 tau+ nu_mu SLN;\n0.1 K+ K+ pi- PHSP;\n"
                    "0.1 p+ pi0 PHSP;\nEnddecay\nDecay K_L0\n1.0 pi+ pi- PHSP;\nEnddecay\n")
    found = {(f.severity, f.code) for f in check_decay_file(path)}
    assert found >= {("error", "unknown-particle"), ("warning", "closed-channel"), ("warning", "tau-number"),
                     ("warning", "baryon-number"), ("note", "fractions"), ("note", "stable")}


def test_an_alias_that_nothing_decays_to_is_a_warning(tmp_path):
    path = tmp_path / "user.dec"
    text = "Alias mine B+\nDecay mine\n1.0 K+ pi0 PHSP;\nEnddecay\n"
    path.write_text(text)
    assert ("warning", "unreached-alias", "line 1") in {(f.severity, f.code, f.path) for f in check_decay_file(path)}
    path.write_text(text + "Decay Upsilon(4S)\n1.0 mine B- VSS;\nEnddecay\n")
    assert not check_decay_file(path).items


def test_the_shipped_file_has_no_errors():
    from openbfactory.physics.decayfile import default_decay_file

    findings = check_decay_file(default_decay_file())
    assert not findings.errors
    assert any(f.path == "line 9808" and f.code == "electron-number" for f in findings)  # K_S0 -> pi+ e- nu_e


def test_a_user_file_is_laid_over(tmp_path):
    path = tmp_path / "user.dec"
    path.write_text("Decay D0\n1.0 K- pi+ PHSP;\nEnddecay\n")
    table = load_decay_table(decays=path)
    assert len(table.channels_of("D0")) == 1
    assert len(table.channels_of("B+")) == 1182


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(DecayFileError, match="cannot read"):
        load_decay_table(tmp_path / "absent.dec")
    (tmp_path / "binary.dec").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DecayFileError, match="not UTF-8"):
        load_decay_table(decays=tmp_path / "binary.dec")


def test_the_cache_is_used_and_survives_damage(tmp_path, monkeypatch):
    monkeypatch.setenv("OBF_CACHE_DIR", str(tmp_path / "cache"))
    main = tmp_path / "main.dec"
    main.write_text(TEXT)
    decaycache._table.cache_clear()
    fresh = load_decay_table(main)
    (stored,) = (tmp_path / "cache").glob("table-*.npz")
    decaycache._table.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(decaycache, "compile_table", None)
        again = load_decay_table(main)
    for name, array in fresh.arrays().items():
        np.testing.assert_array_equal(array, getattr(again, name))
    stored.write_bytes(stored.read_bytes()[:100])
    decaycache._table.cache_clear()
    assert len(load_decay_table(main).fraction) == len(fresh.fraction)
    decaycache._table.cache_clear()


WORDS = st.sampled_from(["Decay", "Enddecay", "B+", "K+", "pi0", "PHSP", ";", "\n", "0.5", "-1", "Alias", "CDecay",
                         "SVS",                     "Define", "#", "PHOTOS", "x",
                         "End", "ModelAlias", "CopyDecay", "ChargeConj", ",", "'", "é"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(WORDS, max_size=25))
def test_nothing_but_findings_comes_out(words):
    compiled(" ".join(words))


VALID = TEXT + """Particle D+ 1.87 0.0
ChangeMassMin rho0 0.4
SetLineshapePW D_1+ D*+ pi0 2
LSFLAT omega
BlattWeisskopf K*0 3.5
BlattWeisskopfBirth K*0 1.5
IncludeBirthFactor K*0 no
PythiaBothParam ParticleDecays:mixB = off
JetSetPar PARJ(21)=0.36
yesPhotos
"""


@settings(max_examples=80, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.sampled_from(["delete", "swap", "insert", "copy"]),
                          st.sampled_from([" ", "\n", ";", "#", "-", "1e999", "x", "0", "é", ",", "'", "Decay "])),
                min_size=1, max_size=12))
def test_mutations_of_a_valid_file_give_findings_only(mutations):
    text = VALID
    for place, kind, piece in mutations:
        place = min(place, len(text))
        if kind == "delete":
            text = text[:place] + text[place + 7:]
        elif kind == "swap":
            text = text[:place] + text[place:place + 2][::-1] + text[place + 2:]
        elif kind == "insert":
            text = text[:place] + piece + text[place:]
        else:
            text = text[:place] + text[max(place - 40, 0):place] + text[place:]
    table, findings = compiled(text)
    assert all(f.code and f.message for f in findings)
    assert np.all(np.isfinite(table.shapes))
    assert np.all(np.isfinite(table.fraction))


@settings(max_examples=40, deadline=2000)
@given(st.text(max_size=300))
def test_any_text_gives_findings_only(text):
    compiled(text)


def test_the_valid_file_has_no_findings():
    assert not compiled(VALID)[1].items


def test_time_is_bounded_by_the_length_of_the_file():
    block = "Decay B{}\n" + "0.1 K+ pi0 PHSP;\n" * 20 + "0.1 K+ pi0 PHSP\nEnddecay\n"
    text = "".join(block.format(i) for i in range(200))
    begin = time.process_time()
    _, findings = compiled(text)
    assert time.process_time() - begin < 5
    assert len([f for f in findings if f.code == "missing-semicolon"]) == 200
    _, findings = compiled(text.replace("PHSP\n", "PHSP +;\n").replace("Enddecay", ""))
    assert time.process_time() - begin < 20
    found = [f for f in findings if f.code == "syntax"]
    assert 20 <= len(found) <= 23


def test_statements_after_a_mistake_keep_their_lines():
    _, findings = compiled("Decay B+\n1.0 K+ pi0 PHSP\nEnddecay\nNonsense\nDecay B0\n1.0 K+ pi- PHSP;\n"
                           "0.1 K+ piO PHSP;\nEnddecay\n")
    assert {(f.code, f.path) for f in findings} == {("missing-semicolon", "line 2"), ("syntax", "line 4"),
                                                    ("unknown-particle", "line 7")}


@pytest.mark.parametrize(("text", "code", "severity", "line"), [
    ("Decay B+\n1.0 K+ pi0 PHSP;\nEnddecay\nDecay B+\n1.0 K+ eta PHSP;\nEnddecay\n", "duplicate-decay", "warning", 4),
    ("Decay B+\n1.0 K+ pi0 PHSP;\nEnddecay\nCDecay B+\n", "missing-decay", "error", 4),
    ("Decay B+\n1.0 K+ pi0 PHSP;\nEnddecay\nDecay B-\n1.0 K- pi0 PHSP;\nEnddecay\nCDecay B-\n", "duplicate-decay",
     "warning", 7),
    ("Decay B+\n1e999 K+ pi0 PHSP;\nEnddecay\n", "negative-fraction", "error", 2),
    ("Define x 1e999\n", "not-finite", "error", 1),
    ("ChangeMassMax rho0 1e999\n", "not-finite", "error", 1),
    ("Alias mine nobody\n", "unknown-particle", "error", 1),
    ("ChargeConj B+ nobody\n", "unknown-particle", "error", 1),
    ("Particle nobody 1.0\n", "unknown-particle", "error", 1),
])
def test_further_findings(text, code, severity, line):
    assert (code, severity, f"line {line}") in {(f.code, f.severity, f.path) for f in compiled(text)[1]}


def test_photon_switches():
    def photos(text):
        table, findings = compiled("Decay B+\n0.5 K+ pi0 PHOTOS PHSP;\n0.5 K+ eta PHSP;\nEnddecay\n" + text)
        assert not findings.items
        return table.photos.tolist()

    assert photos("") == photos("normalPhotos\n") == [True, False]
    assert photos("yesPhotos\n") == [True, True]
    assert photos("noPhotos\n") == [False, False]


def test_one_file_over_another(tmp_path):
    main, user = tmp_path / "main.dec", tmp_path / "user.dec"
    main.write_text("Define x 2.0\nModelAlias pole SLPOLE x;\nyesPhotos\nDecay B+\n1.0 K+ pi0 PHSP;\nEnddecay\n"
                    "CDecay B-\nDecay D0\n1.0 K- pi+ PHSP;\nEnddecay\n")
    user.write_text("Define x 3.0\nDecay B-\n1.0 K- eta PHSP;\nEnddecay\nCopyDecay D*0 D0\nnormalPhotos\n")
    table = load_decay_table(main, user)
    assert [table.daughters_of(c) for c in table.channels_of("B-")] == [("K-", "eta")]
    assert [table.daughters_of(c) for c in table.channels_of("B+")] == [("K+", "pi0")]
    assert [table.daughters_of(c) for c in table.channels_of("D*0")] == [("K-", "pi+")]
    assert not table.photos.any()
    assert not table.channels_of("D+")
    assert (table.origin[table.index["B+"]], table.origin[table.index["B-"]]) == (MAIN, USER)


def test_a_second_start_is_quick(tmp_path, monkeypatch):
    load_decay_table()
    decaycache._table.cache_clear()
    begin = time.process_time()
    load_decay_table()
    assert time.process_time() - begin < 1.0
