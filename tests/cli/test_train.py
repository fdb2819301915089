"""``obf train trigger``. Oracle: a card of one's own that was changed becomes one without findings."""

from openbfactory.experiment import DETECTORS, check_card, load_card

QUICK = ("--tracks", "20000", "--epochs", "2")


def test_network_for_an_edited_card(tmp_path, obf):
    path = tmp_path / "mine.yaml"
    text = DETECTORS["belle2"].read_text().replace("cells: [160, 160", "cells: [160, 168")
    path.write_text(text)
    assert [f.code for f in check_card(path)] == ["network-of-other-geometry"]
    assert obf("generate", "gun", "--events", "20", "--seed", "1", "--output", tmp_path / "gun.parquet")[0] == 0
    code, _, err = obf("simulate", tmp_path / "gun.parquet", "--detector", path, "--output", tmp_path / "out.parquet")
    assert (code, "network-of-other-geometry" in err) == (0, True)
    code, out, err = obf("train", "trigger", "--detector", path, "--output", tmp_path / "mine.json", *QUICK)
    assert code == 0, err
    assert "27 inputs, 81 hidden neurons" in out
    assert "network: mine.json" in out
    path.write_text(text.replace("belle2-trigger.json", "mine.json"))
    assert not check_card(path)
    assert load_card(path).detector.trigger.segments.network.tracks == 20000


def test_what_cannot_be_trained(tmp_path, obf):
    assert obf("train", "trigger", "--output", tmp_path / "x.yaml")[0] == 1
    code, _, err = obf("train", "trigger", "--detector", "belle", "--output", tmp_path / "x.json", *QUICK)
    assert code == 1
    assert "no track segments" in err
