"""Channels without their model, and decays that were asked for and not used. Oracle: planted mistakes; the mean number
of a decay from branching fractions multiplied by hand."""

import numpy as np
import pytest

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import DecayFileError
from openbfactory.core.random import Address
from openbfactory.generate import generate_events
from openbfactory.generate.asked import asked_decays, mean_numbers, unused_decays
from openbfactory.generate.counts import DecayCounts
from openbfactory.generate.modelcheck import PARAMETERS, check_decay_file, packaged_without_model, require_models
from openbfactory.generate.models import DECAY_MODELS, has_model
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.decaytable import PACKAGED

#: models whose channels of the packaged file may still decay by phase space
NOT_DONE: set[str] = set()

BAD = """Decay B+
0.2 anti-D*0 rho+ SVV_HELAMP 1 0 1 0;
0.2 anti-D0 pi+ SVS;
0.2 anti-D0 pi+ BTOXSETAP 1;
0.2 anti-D0 pi+ PHSP 3;
0.1 anti-D*0 rho+ SVV_HELAMP a b 1 0 1 0;
0.1 anti-D0 pi+ PHSP;
Enddecay
"""

SIGNAL = """Alias sigB+ B+
Alias sigB- B-
ChargeConj sigB+ sigB-
Alias sigD0 D0
Alias anti-sigD0 anti-D0
ChargeConj sigD0 anti-sigD0
Decay Upsilon(4S)
0.5 sigB+ B- VSS;
0.5 B+ sigB- VSS;
Enddecay
Decay sigB+
0.9 anti-sigD0 pi+ PHSP;
0.1 anti-D*0 pi+ SVS;
Enddecay
CDecay sigB-
Decay sigD0
1.0 K- pi+ PHSP;
Enddecay
CDecay anti-sigD0
"""


def user(tmp_path, text):
    path = tmp_path / "user.dec"
    path.write_text(text)
    return path


def test_every_channel_without_a_model_is_an_error_with_its_line(tmp_path):
    path = user(tmp_path, BAD)
    found = {(f.code, f.path) for f in check_decay_file(path) if f.severity == "error"}
    assert found == {("parameter-count", "line 2"), ("model-does-not-fit", "line 3"), ("unknown-decay-model", "line 4"),
                     ("parameter-count", "line 5"), ("undefined-parameter", "line 6")}


def test_nothing_is_generated_without_a_model(tmp_path, machine):
    path = user(tmp_path, BAD.replace("BTOXSETAP 1", "BTODDALITZCPK 1 2 3"))
    with pytest.raises(DecayFileError) as error:
        generate_events("bbbar", 10, Address(1, "bbbar"), machine, decays=path)
    codes = {f.code for f in error.value.findings}
    assert {"parameter-count", "model-does-not-fit", "model-not-done", "undefined-parameter"} <= codes
    _, counts = generate_events("bbbar", 200, Address(1, "bbbar"), machine, decays=path, fallback=True)
    assert counts.fallback["SVV_HELAMP"] > 0
    assert counts.fallback["BTODDALITZCPK"] > 0


def test_an_unknown_model_may_be_phase_space_when_asked(tmp_path, machine):
    path = user(tmp_path, "Decay B+\n1.0 anti-D0 pi+ NOSUCHMODEL 1;\nEnddecay\n")
    with pytest.raises(DecayFileError, match="NOSUCHMODEL"):
        generate_events("charged", 10, Address(1, "charged"), machine, decays=path)
    _, counts = generate_events("charged", 100, Address(1, "charged"), machine, decays=path, fallback=True)
    assert counts.fallback["NOSUCHMODEL"] > 20


def test_the_packaged_file_has_its_models():
    table = load_decay_table()
    require_models(table, "packaged")
    assert set(packaged_without_model(table)) <= NOT_DONE
    mother = np.repeat(np.arange(len(table.names)), np.diff(table.channel_first))
    for c in range(len(table.fraction)):
        model = str(table.models[table.model[c]])
        if has_model(table, c, int(mother[c])) and model in PARAMETERS:
            assert len(table.parameters_of(c)) in PARAMETERS[model], (model, table.line[c])
    assert set(PARAMETERS) <= set(DECAY_MODELS)
    assert set(np.unique(table.origin[mother])) == {PACKAGED}


def test_mean_numbers_are_products_of_branching_fractions(tmp_path):
    text = SIGNAL + "Decay anti-D*0\n0.6 anti-sigD0 pi0 VSS;\n0.4 anti-D0 gamma VSP_PWAVE;\nEnddecay\n"
    table = load_decay_table(decays=user(tmp_path, text))
    began = np.zeros(len(table.names))
    began[table.index["Upsilon(4S)"]] = 100.0
    mean = mean_numbers(table, began)
    assert mean[table.index["sigB+"]] == pytest.approx(50.0)
    asked = asked_decays(table, np.zeros(len(table.fraction)), {table.index["Upsilon(4S)"]: 100})
    (name,) = (k for k in asked if k.startswith("sigB+ -> anti-D*0"))
    assert asked[name].expected == pytest.approx(5.0)
    from_signal = 50 * (0.9 + 0.1 * 0.6)
    generic = mean[table.index["anti-D*0"]] - 50 * 0.1
    assert mean[table.index["anti-sigD0"]] == pytest.approx(from_signal + 0.6 * generic)


def test_a_signal_that_is_used_is_no_finding(tmp_path, machine):
    _, counts = generate_events("bbbar", 300, Address(2, "bbbar"), machine, decays=user(tmp_path, SIGNAL))
    assert not unused_decays(counts, "user.dec", 300)
    signal = counts.asked["sigB+"]
    assert abs(signal.done - 150) < 3.3 * np.sqrt(75)
    assert signal.expected == pytest.approx(150.0)
    doubled = (counts + counts).asked["sigB+"]
    assert (doubled.done, doubled.expected) == (2 * signal.done, pytest.approx(300.0))
    assert (DecayCounts() + counts).asked == counts.asked


def test_an_alias_that_nothing_makes_is_an_error(tmp_path, machine):
    text = SIGNAL.replace("0.9 anti-sigD0", "0.9 anti-D0")
    _, counts = generate_events("bbbar", 100, Address(2, "bbbar"), machine, decays=user(tmp_path, text))
    found = unused_decays(counts, "user.dec", 100)
    assert {(f.severity, f.path) for f in found} == {("error", "Decay sigD0"), ("error", "Decay anti-sigD0")}
    with pytest.raises(DecayFileError, match="was never used in 100 events"):
        found.raise_if_errors(DecayFileError)


def test_rare_decays_are_warnings_and_closed_ones_errors(tmp_path, machine):
    text = "Decay B+\n0.99 anti-D0 pi+ PHSP;\n0.01 K+ mu+ mu- PHSP;\nEnddecay\n"
    _, counts = generate_events("charged", 20, Address(7, "charged"), machine, decays=user(tmp_path, text))
    rare = unused_decays(counts, "user.dec", 20)
    assert {(f.severity, f.path) for f in rare} <= {("warning", "line 3")}
    often = sum([counts] * 400, start=DecayCounts())
    expected = {("error", "line 3")} if rare else set()
    assert {(f.severity, f.path) for f in unused_decays(often, "user.dec", 8000)} == expected
    _, counts = generate_events("charged", 20, Address(7, "charged"), machine,
                                decays=user(tmp_path, text + "Decay B_s0\n1.0 K+ K- PHSP;\nEnddecay\n"))
    assert ("error", "Decay B_s0") in {(f.severity, f.path) for f in unused_decays(counts, "user.dec", 20)}


def test_a_sample_that_sets_the_decay_itself_is_refused(tmp_path, machine):
    with pytest.raises(DecayFileError, match="sets the decays of Upsilon"):
        generate_events("charged", 10, Address(1, "charged"), machine, decays=user(tmp_path, SIGNAL))


def test_tau_decays_of_the_user_are_counted_in_tau_pairs(tmp_path, machine):
    text = "Decay tau-\n1.0 pi- nu_tau TAUSCALARNU;\nEnddecay\nCDecay tau+\n"
    _, counts = generate_events("taupair", 50, Address(3, "taupair"), machine, decays=user(tmp_path, text))
    assert counts.asked["tau-"].done == counts.asked["tau-"].expected == 50
    assert not unused_decays(counts, "user.dec", 50)


def test_no_decays_no_findings():
    assert unused_decays(DecayCounts(), "user.dec", 10).items == Findings("user.dec").items
