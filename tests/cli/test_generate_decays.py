"""`obf generate` and `obf check` with decay files. Oracle: exit codes and messages of the command line contract."""


import pytest

SIGNAL = "Decay B+\n1.0 K+ pi0 {};\nEnddecay\n"


@pytest.fixture
def user(tmp_path):
    def write(text):
        path = tmp_path / "user.dec"
        path.write_text(text)
        return path

    return write


def test_a_model_that_is_not_there_stops_and_phase_space_must_be_asked_for(obf, user, tmp_path):
    decays, output = user(SIGNAL.format("NOSUCH 1 2")), tmp_path / "x.parquet"
    arguments = ("generate", "charged", "--events", 50, "--decays", decays, "--output", output)
    code, _, error = obf(*arguments)
    assert code == 1
    assert "line 2: unknown decay model 'NOSUCH'" in error
    assert not output.exists()
    assert obf(*arguments, "--fallback", "guess")[0] == 2
    code, out, _ = obf(*arguments, "--fallback", "phsp")
    assert code == 0
    assert "NOSUCH: " in out
    assert "made by phase space in its place" in out
    assert output.exists()


def test_a_decay_that_is_never_used_fails(obf, user, tmp_path):
    decays, output = user("Alias mine B+\nDecay mine\n1.0 K+ pi0 PHSP;\nEnddecay\n"), tmp_path / "x.parquet"
    code, _, error = obf("generate", "charged", "--events", 50, "--decays", decays, "--output", output)
    assert code == 1
    assert "Decay mine: mine was never used in 50 events: no decay of this sample makes mine" in error
    assert not output.exists()


def test_rare_decays_are_printed(obf, user, tmp_path):
    decays = user("Decay B+\n0.99999 K+ pi0 PHSP;\n0.00001 K+ eta PHSP;\nEnddecay\nCDecay B-\n")
    code, out, _ = obf("generate", "charged", "--events", 20, "--decays", decays, "--output", tmp_path / "x.parquet")
    assert code == 0
    assert "warning[unused-decay] line 3: B+ -> K+ eta was never used in 20 events; 0.0002 are expected" in out


def test_check_names_models_and_parameters(obf, user):
    code, out, _ = obf("check", user(SIGNAL.format("SVV_HELAMP 1 0")))
    assert code == 1
    assert "error[parameter-count] line 2: B+ -> K+ pi0: SVV_HELAMP has 2 parameters; expected 6" in out
    assert obf("check", user(SIGNAL.format("PHSP")))[0] == 0
