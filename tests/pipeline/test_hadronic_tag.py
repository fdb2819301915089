"""Oracle: truth of the simulated events; a tiny training of few channels, trained, stopped, resumed and applied.

Separation is asked of events that were not trained on: the area under the curve of right and wrong candidates (0.5 for
a classifier that knows nothing) has a statistical uncertainty below 0.06 for the numbers here, the bounds are at least
three of them above 0.5.
"""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import yaml

from openbfactory.core.errors import ClassifierError, PipelineError, ResumeError
from openbfactory.core.random import Address
from openbfactory.events import open_writer
from openbfactory.events.ntuples import read_ntuple
from openbfactory.experiment import load_card
from openbfactory.generate import generate_events
from openbfactory.pipeline.tag_samples import taggable
from openbfactory.pipeline.tag_training import train_hadronic_tag
from openbfactory.pipeline.tagging import tags_of
from openbfactory.reconstruct import Reconstruction
from openbfactory.reconstruct.hadronic_tag import load_tag
from openbfactory.reconstruct.tag_channels import CHANNELS, load_channels
from openbfactory.simulate import simulate

EVENTS = 500
KEPT = {"pi+": [], "K+": [], "gamma": [], "pi0": ["pi0 -> gamma gamma"],
        "D0": ["D0 -> K- pi+", "D0 -> K- pi+ pi0", "D0 -> K- pi+ pi+ pi-"],
        "B+": ["B+ -> anti-D0 pi+", "B+ -> anti-D0 pi+ pi0", "B+ -> anti-D0 pi+ pi+ pi-"]}


@pytest.fixture(scope="module")
def card():
    return load_card("belle2")


@pytest.fixture(scope="module")
def channels(tmp_path_factory):
    """A YAML file with few of the packaged channels."""
    document = yaml.safe_load(CHANNELS.read_text())
    document["stages"] = [s for s in document["stages"] if s["particle"] in KEPT]
    for stage in document["stages"]:
        stage["channels"] = [c for c in stage.get("channels", [])
                             if (c if isinstance(c, str) else c["decay"]) in KEPT[stage["particle"]]]
    path = tmp_path_factory.mktemp("channels") / "few.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture(scope="module")
def trained(channels, tmp_path_factory):
    """Folder of a training."""
    folder = tmp_path_factory.mktemp("tag") / "tag"
    done = train_hadronic_tag(folder, events=EVENTS, seed=7, channels=channels, enrichment=4)
    assert done.trained == 10
    assert done.resumed == 0
    return folder


@pytest.fixture(scope="module")
def fresh(card, channels):
    """Events that no training saw: generated pairs that a B in a channel may tag."""
    events = generate_events("charged", 4000, Address(99, "charged"), card.machine)[0]
    events = events.take(np.flatnonzero(taggable(events, load_channels(channels))))
    return simulate(events, card, Address(99, "charged", 0, "simulate"))


def _area(p, right):
    """Area under the curve of right against wrong candidates."""
    a, b = np.sort(p[~right]), p[right]
    return float(np.mean(np.searchsorted(a, b) + 0.5 * (np.searchsorted(a, b, "right") - np.searchsorted(a, b)))
                 / len(a))


def test_probability_separates(trained, fresh, card):
    """Right candidates have larger probabilities than wrong ones, at the bottom and for the D0."""
    r = Reconstruction.of_card(fresh, card)
    load_tag(trained).apply(r)
    for name, least in (("K+:tag", 0.7), ("D0:tag", 0.65)):
        p, right = r[name]["extraInfo(SignalProbability)"], r[name]["isSignal"] == 1
        assert min(right.sum(), (~right).sum()) > 25, name
        assert _area(p, right) > least, name
        assert np.all((p > 0) & (p < 1))
    modes = r["D0:tag"]["extraInfo(decayModeID)"]
    assert set(modes) == {0.0, 1.0, 2.0}
    assert np.array_equal(r["D0:tag"]["nDaughters"], np.choose(modes.astype(int), [2, 3, 4]))
    assert np.all(np.abs(r["pi0:tag"]["M"] - 0.1349768) < 1e-4)


def test_tags(trained, fresh, card):
    """Tags are ordered by probability, within the cuts; the filter kept every event that has a right one."""
    tags, session = tags_of(fresh, card, load_tag(trained), best=3)
    assert len(tags) > 20
    assert np.all(tags["Mbc"] > 5.2)
    assert np.all(np.abs(tags["deltaE"]) < 0.2)
    event, p = tags.event, tags["extraInfo(SignalProbability)"]
    assert np.all((np.diff(p) <= 0) | (np.diff(event) > 0))
    assert np.sum(tags["isSignal"] == 1) > 10
    for counts in session.counts.values():
        assert counts.found >= counts.classified >= counts.likely >= counts.kept
    assert session.counts["D0", "D0 -> K- pi+ pi+ pi-"].classified > 0


def test_filter_keeps_what_can_be_right(trained, card):
    """Generic events with a right tag are among those that the filter chooses."""
    truth = generate_events("charged", 3000, Address(5, "charged"), card.machine)[0]
    tag = load_tag(trained)
    chosen = taggable(truth, tag.channels)
    events = simulate(truth, card, Address(5, "charged", 0, "simulate"))
    tags, _ = tags_of(events, card, tag, best=20)
    right = np.unique(tags.event[tags["isSignal"] == 1])
    assert len(right) >= 4
    assert np.all(chosen[right])
    assert chosen.mean() < 0.2


def test_signal_side(trained, fresh, card):
    """Lists of the tag stand in decay strings of the signal side; no track is used twice."""
    r = Reconstruction.of_card(fresh, card)
    load_tag(trained).apply(r)
    r.rank("B+:tag", "extraInfo(SignalProbability)", keep=1)
    r.combine("B+:sig -> K+:loose")
    y4s = r.combine("Upsilon(4S) -> B-:tag B+:sig")
    assert len(y4s) > 5
    assert np.all(y4s["daughter(0, charge)"] == -y4s["daughter(1, charge)"])
    assert np.all(np.isfinite(y4s["daughter(0, extraInfo(SignalProbability))"]))


def test_truth_is_not_looked_at(trained, fresh, card):
    """The tags of the same events without truth are the same, to the last bit."""
    tag, tables = load_tag(trained), []
    for events in (fresh, fresh.without_truth()):
        tags, _ = tags_of(events, card, tag, best=5)
        tables.append(tags.table(["Mbc", "deltaE", "extraInfo(SignalProbability)", "extraInfo(decayModeID)"]))
        assert np.isnan(tags["isSignal"]).all() == (events is not fresh)
    for name, column in tables[0].items():
        assert np.array_equal(column, tables[1][name]), name


def test_resume_gives_the_same_bytes(trained, channels, tmp_path):
    """A training of which later stages are missing goes on and ends in the same files; others are refused."""
    folder = tmp_path / "tag"
    shutil.copytree(trained, folder)
    shutil.rmtree(folder / "classifiers" / "B+")
    (folder / "classifiers" / "D0" / "01.json").unlink()
    with pytest.raises(ResumeError, match="--resume"):
        train_hadronic_tag(folder, events=EVENTS, seed=7, channels=channels, enrichment=4)
    with pytest.raises(ResumeError, match="another run"):
        train_hadronic_tag(folder, events=EVENTS, seed=8, channels=channels, enrichment=4, resume=True)
    done = train_hadronic_tag(folder, events=EVENTS, seed=7, channels=channels, enrichment=4, resume=True)
    assert (done.trained, done.resumed) == (6, 4)
    names = sorted(p.relative_to(trained) for p in trained.rglob("*") if p.is_file() and p.name != ".lock")
    assert names == sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and p.name != ".lock")
    for name in names:
        assert (folder / name).read_bytes() == (trained / name).read_bytes(), name


def test_bad_folders_are_named(trained, tmp_path):
    """No folder, missing, changed or foreign classifiers: one error with every finding."""
    with pytest.raises(ClassifierError, match="no trained hadronic tag"):
        load_tag(tmp_path / "nothing")
    folder = tmp_path / "tag"
    shutil.copytree(trained, folder)
    d0 = folder / "classifiers" / "D0"
    (d0 / "00.json").unlink()
    record = json.loads((d0 / "01.json").read_text())
    trees = d0 / record["file"]
    trees.write_text(trees.read_text().replace("leaf_value=", "leaf_value=0", 1))
    other = json.loads((d0 / "02.json").read_text()) | {"training": "0123456789abcdef", "file": None, "checksum": ""}
    (d0 / "02.json").write_text(json.dumps(other))
    with pytest.raises(ClassifierError) as problem:
        load_tag(folder)
    for part in ("there is no classifier for D0, 'D0 -> K- pi+'", "the checksum of the trees", "another training"):
        assert part in str(problem.value)
    header = json.loads((folder / "tag.json").read_text())
    header["channels"]["stages"][0]["after"] = 3
    (folder / "tag.json").write_text(json.dumps(header))
    with pytest.raises(ClassifierError, match="the file was changed"):
        load_tag(folder)
    with pytest.raises(PipelineError, match="at least two events"):
        train_hadronic_tag(tmp_path / "new", events=1)


def test_command_line(trained, fresh, tmp_path, obf):
    """``obf tag`` and ``obf reconstruct --tag`` write ntuples; a card that is not that of the training is told."""
    source = tmp_path / "events.parquet"
    with open_writer(source, {"sample": "charged", "seed": 99, "card": "belle2"}) as writer:
        writer.append(fresh.take(np.arange(60)))
    code, out, err = obf("tag", source, "--classifiers", trained, "--output", tmp_path / "tags.root",
                         "--counts", tmp_path / "counts.json")
    assert code == 0, err
    assert "beyond the limit" in out
    assert "other-card" not in err
    columns = read_ntuple(tmp_path / "tags.root").columns
    assert {"Mbc", "deltaE", "SignalProbability", "decayModeID", "isSignal"} <= set(columns)
    assert np.all(columns["rank"] == 1)
    assert "D0: D0 -> K- pi+" in json.loads((tmp_path / "counts.json").read_text())
    code, out, err = obf("tag", source, "--classifiers", trained, "--output", tmp_path / "b.root", "--detector",
                         "belle")
    assert "other-card" in err
    code, out, err = obf("reconstruct", source, "--tag", trained, "--decay", "Upsilon(4S) -> B-:tag [B+ -> K+:loose]",
                         "--variables", "daughter(0, Mbc)", "--output", tmp_path / "y.parquet")
    assert code == 0, err
    code, out, err = obf("tag", source, "--classifiers", tmp_path, "--output", tmp_path / "c.root")
    assert code == 1
    assert "no trained hadronic tag" in err
