"""Oracle: truth of events that the tagger has not seen, by an independent sample with another signal decay.

A wrong charge of every track is planted, which must turn the flavour round.  False-alarm rate of the statistical tests
1e-5 each, fixed seeds.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from openbfactory.core.errors import PipelineError
from openbfactory.core.random import Address
from openbfactory.events import write
from openbfactory.experiment import load_card
from openbfactory.generate import generate_events
from openbfactory.pipeline.candidates import Request, reconstruct_file
from openbfactory.pipeline.flavour_training import train_flavour_tagger
from openbfactory.reconstruct import Reconstruction
from openbfactory.reconstruct.flavour_features import features, whole_events
from openbfactory.reconstruct.flavour_tagger import load_tagger
from openbfactory.reconstruct.flavour_truth import flavour_truth
from openbfactory.report.flavour import write_flavour_report
from openbfactory.select.tagging import tagging_performance
from openbfactory.simulate import simulate

DECAYS = """Alias B0signal B0
Alias anti-B0signal anti-B0
ChargeConj B0signal anti-B0signal
Decay Upsilon(4S)
1.0 B0signal anti-B0signal B0 anti-B0 VSS_BMIX dm;
Enddecay
Decay B0signal
1.0 K+ pi- PHSP;
Enddecay
CDecay anti-B0signal
End
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tagger")
    done = train_flavour_tagger(4000, made / "tagger", seed=5, trees=20)
    assert done.performance.events == len(done.qr)
    write_flavour_report(done.record, done.qr, done.flavour, made / "page.html")
    return made


def test_it_tags_events_that_it_has_not_seen(folder: Path) -> None:
    card = load_card("belle2")
    address = Address(77, "nunubar", 0)
    events = simulate(generate_events("nunubar", 1500, address, card.machine)[0], card, address.at("simulate"))
    r = Reconstruction.of_card(events, card)
    seen = features(r, whole_events(r))
    tagger = load_tagger(folder / "tagger")
    found = tagger.tag(seen)
    truth, _ = flavour_truth(r, seen.offsets, seen.tracks, seen.charge)
    measured = tagging_performance(found.qr, truth)
    assert measured.effective > 0.2
    assert measured.efficiency > 0.97
    seen.charge[:] *= -1  # planted: every track has the wrong charge
    turned = tagger.tag(seen)
    assert np.allclose(turned.qr, -found.qr)
    assert np.mean(np.sign(turned.qr) * truth) < -0.2


def test_the_folder_is_complete_and_again_the_same(folder: Path, tmp_path: Path, obf) -> None:
    record = json.loads((folder / "tagger" / "flavour-tagger.json").read_text())
    assert record["provenance"]["seed"] == 5
    assert len(record["categories"]) == 13
    assert sum(b["events"] for b in record["measured"]["bins"]) <= record["measured"]["events"]
    page = (folder / "page.html").read_text()
    assert page.count("<img") == 2
    assert "30.0" in page
    train_flavour_tagger(600, tmp_path / "a", seed=2)
    code, out, err = obf("train", "flavour-tagger", "--events", 600, "--seed", 2, "--output", tmp_path / "b")
    assert code == 0, err
    assert "effective efficiency" in out
    assert (tmp_path / "b" / "flavour-tagger.html").exists()
    for name in (p.name for p in (tmp_path / "a").iterdir()):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_too_few_events_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="at least 600"):
        train_flavour_tagger(100, tmp_path)


def test_flavour_and_times_of_the_other_b(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B0 -> K+ pi- beside a generic B: flavour by truth, times against the generated ones; the example of the page."""
    (tmp_path / "user.dec").write_text(DECAYS)
    card, address = load_card("belle2"), Address(31, "bbbar", 0)
    made = generate_events("bbbar", 1500, address, card.machine, decays=tmp_path / "user.dec")[0]
    write(tmp_path / "events.parquet", simulate(made, card, address.at("simulate")))
    names = ("FBDT_qrCombined", "qrCombined", "mcFlavorOfOtherB", "DeltaT", "DeltaTErr", "mcDeltaT", "mcDeltaTau",
             "TagVz", "mcTagVz", "TagVzErr", "TagVpVal", "isSignal", "mcPDG", "ancestorBIndex", "DeltaZ", "z")
    request = Request("B0 -> K+:loose pi-:base", "Mbc > 5.27 and abs(deltaE) < 0.1", fit="vertex", variables=names,
                      after="isSignal == 1", flavour_tagger=str(folder / "tagger"))
    reconstruct_file(tmp_path / "events.parquet", request, tmp_path / "b.parquet")
    import pyarrow.parquet as pq

    found = {name: column.to_numpy() for name, column in
             zip(names, (pq.read_table(tmp_path / "b.parquet")[name] for name in names), strict=True)}
    known = found["qrCombined"] != 0
    assert known.mean() > 0.97
    assert np.mean(found["qrCombined"][known] == found["mcFlavorOfOtherB"][known]) > 0.99
    assert tagging_performance(found["FBDT_qrCombined"], found["mcFlavorOfOtherB"]).effective > 0.2
    good = np.isfinite(found["DeltaT"])
    assert good.mean() > 0.97
    pull = (found["DeltaT"] - found["mcDeltaT"])[good] / found["DeltaTErr"][good]
    low, middle, high = np.quantile(pull, [0.1587, 0.5, 0.8413])
    assert 0.8 < (high - low) / 2 < 1.6
    assert abs(middle) < 0.4  # charm of the other side pulls its vertex along the boost
    assert np.allclose(found["DeltaZ"][good], (found["z"] - found["TagVz"])[good])
    off = found["mcDeltaT"] - found["mcDeltaTau"]  # the motion of the B in the c.m. frame
    assert 0.02 < np.std(off) / np.std(found["mcDeltaTau"]) < 0.3
    assert np.std(found["mcDeltaTau"]) == pytest.approx(np.sqrt(2) * 1.517, rel=0.2)
    (tmp_path / "tagger").symlink_to(folder / "tagger")
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    page = Path(__file__).resolve().parents[2] / "docs" / "flavour.md"
    exec(page.read_text().split("```python\n")[1].split("```")[0], scope)
    assert len(scope["b"]) > 500
