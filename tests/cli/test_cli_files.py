"""The verbs ``generate``, ``simulate`` and ``list`` as a user's shell sees them.

Oracle: the files of the Python API; the contract of exit codes (0 done, 1 a
named error without a traceback, 2 bad usage); the registries.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from openbfactory.core.random import Address
from openbfactory.events import metadata, read

OBF = [sys.executable, "-c", "from openbfactory.cli import main; main()"]


def obf(*arguments, code=0, timeout=120):
    """Output of a command with a given exit code, never a traceback."""
    done = subprocess.run([*OBF, *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, "COLUMNS": "200"})
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "tau.parquet"
    done = obf("generate", "taupair", "--events", 60, "--seed", 7, "--output", path)
    assert "60 events" in done.stdout
    assert "chunk taupair/0 done (1 of 1)" in done.stderr
    return path


def test_generated_file(generated):
    events = read(generated)
    assert events.event.tolist() == list(range(60))
    assert (events["MCParticles"]["PDG"][events["MCParticles"].offsets[:-1]] == 10022).all()
    assert metadata(generated) == {"format": 1, "sample": "taupair", "seed": 7, "card": "belle2"}


def test_reweighting_columns_are_written_and_carried(tmp_path):
    user = tmp_path / "user.dec"
    user.write_text("Decay B+\n1.0 K+ nu_e anti-nu_e PHSP;\nEnddecay\nCDecay B-\n")
    for suffix in ("parquet", "root"):
        obf("generate", "charged", "--events", 20, "--decays", user, "--reweight", "Knunu", "--reweight", "Knnbar",
            "--output", tmp_path / f"k.{suffix}")
        obf("simulate", tmp_path / f"k.{suffix}", "--output", tmp_path / f"s.{suffix}")
    made = [read(tmp_path / name)["MCWeights"] for name in ("k.parquet", "k.root", "s.parquet", "s.root")]
    assert list(made[0].columns) == ["Knunu", "Knnbar", "Knnbar_up", "Knnbar_down"]
    assert (made[0]["Knunu"] != 1).all()
    assert (made[0]["Knnbar_up"] == 1).all()
    for other in made[1:]:
        for name, values in made[0].columns.items():
            np.testing.assert_array_equal(other[name], values)
    assert metadata(tmp_path / "s.parquet")["reweight"] == ["Knunu", "Knnbar"]


def test_simulated_file_is_what_a_run_makes_in_memory(generated, tmp_path):
    """The same addresses as in a run, so the same objects; another seed gives others."""
    from openbfactory.experiment import load_card
    from openbfactory.simulate import simulate

    obf("simulate", generated, "--detector", "belle2", "--output", tmp_path / "a.parquet")
    expected = simulate(read(generated), load_card("belle2"), Address(7, "taupair", 0).at("simulate"))
    found = read(tmp_path / "a.parquet")
    for name, jagged in expected.lists.items():
        for column, values in jagged.columns.items():
            np.testing.assert_array_equal(found[name][column], values)
    obf("simulate", generated, "--seed", 8, "--output", tmp_path / "b.root")
    assert not np.array_equal(read(tmp_path / "b.root")["ECLClusters"].counts, found["ECLClusters"].counts)


@pytest.mark.parametrize(("arguments", "code", "text"), [
    (["generate", "taupiar", "--events", 5, "--output", "a.parquet"], 1, "did you mean 'taupair'"),
    (["generate", "taupair", "--events", 5, "--output", "a.csv"], 1, "unknown-format"),
    (["generate", "taupair", "--events", 5, "--output", "a.parquet", "--detector", "bele2"], 1, "mean 'belle2'"),
    (["generate", "taupair", "--events", 5, "--output", "a.parquet", "--decays", "absent.dec"], 1, "cannot read"),
    (["generate", "taupair", "--events", 0, "--output", "a.parquet"], 2, "events"),
    (["generate", "taupair", "--output", "a.parquet"], 2, "--events"),
    (["generate", "taupair", "--events", 5, "--workers", 1, "--scheduler", "tcp://x:1", "--output", "a.parquet"], 2,
     "give one of them"),
    (["simulate", "absent.parquet", "--output", "a.parquet"], 1, "cannot read the file"),
    (["generate", "knunu", "--events", "1", "--reweight", "Knun", "--output", "a.root"], 1, "Knunu"),
    (["generate", "knunu", "--events", "1", "--reweight", "Knunu", "--output", "a.root"], 1, "made by KNUNU"),
    (["generate", "charged", "--events", "1", "--reweight", "Knunu", "--output", "a.hepmc3"], 1, "no weight columns"),
    (["simulate", "absent.parquet", "--output", "a.hepmc3"], 1, "holds generated particles only"),
    (["list", "detector"], 2, "detectors"),
])
def test_wrong_requests(arguments, code, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert text in " ".join(obf(*arguments, code=code).stderr.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "texts"), [
    ("analyses", ["knunu"]), ("samples", ["charged", "taupair"]), ("models", ["PHSP", "phase space"]),
    ("detectors", ["belle2", "7.004 GeV", "crossing 83 mrad", "362 /fb", "uubar 1.61 nb"]),
    ("variables", ["q2_rec", "GeV^2"]), ("reweightings", ["KKLKL", "threshold", "1.05e-05 +- 20 %"]),
])
def test_lists(kind, texts):
    said = obf("list", kind).stdout
    for text in texts:
        assert text in said


def test_help_is_quick_and_heavy_libraries_stay_out():
    code = ("import sys, openbfactory.cli; "
            "print([m for m in ('numba', 'pyarrow', 'dask', 'awkward', 'scipy') if m in sys.modules])")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.strip() == "[]"
    begin = time.perf_counter()
    obf("--help")
    assert time.perf_counter() - begin < 5  # 0.4 s on a free machine
