"""A whole run of the analysis. Oracle: the same run made another way, byte for byte."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from openbfactory.analyses import RunOptions
from openbfactory.analyses.knunu import run as run_module
from openbfactory.analyses.knunu.chunk import ChunkMaker
from openbfactory.analyses.knunu.classifiers import load_models
from openbfactory.analyses.knunu.config import load_config
from openbfactory.analyses.knunu.finished import source_run
from openbfactory.core.errors import InputError
from openbfactory.fit.estimate import estimate
from openbfactory.fit.workspace import parse_workspace, read_workspace
from openbfactory.interpret.wet import SQUARES, read_number_density, wet_workspace
from openbfactory.pipeline.costs import CostLog
from openbfactory.pipeline.engines import open_engine
from openbfactory.pipeline.progress import Progress
from openbfactory.pipeline.store import open_store

LUMINOSITY = "0.04"


def command(output: Path, *options: str) -> list[str]:
    return [sys.executable, "-c", "from openbfactory.cli import main; main()", "run", "knunu", "--luminosity",
            LUMINOSITY, "--seed", "5", "--output", str(output), *options]


def digests(folder: Path) -> dict[str, str]:
    """Hash of every file that a run leaves, but what it cost."""
    files = [p for p in folder.rglob("*") if p.suffix in {".parquet", ".json", ".html", ".csv", ".txt"}
             and p.name != "cost.txt"]
    return {str(p.relative_to(folder)): hashlib.blake2b(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The run in one process."""
    folder = tmp_path_factory.mktemp("knunu") / "run"
    done = subprocess.run(command(folder, "--workers", "0"), capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def test_one_worker_gives_the_same_bytes(reference, tmp_path):
    done = subprocess.run(command(tmp_path / "one", "--workers", "1"), capture_output=True, text=True, check=False,
                          timeout=400)
    assert done.returncode == 0, done.stderr[-2000:]
    assert digests(tmp_path / "one") == digests(reference)


def test_killed_and_resumed_with_two_workers_gives_the_same_bytes(reference, tmp_path):
    """Killed with -9 once some chunks are there, then resumed; without --resume the folder is refused."""
    folder = tmp_path / "two"
    process = subprocess.Popen(command(folder, "--workers", "2"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    deadline = time.monotonic() + 300
    while len(list(folder.glob("chunks/*/*.json"))) < 4:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (folder / "result.json").exists()
    refused = subprocess.run(command(folder), capture_output=True, text=True, check=False, timeout=100)
    assert refused.returncode == 1
    assert "--resume" in refused.stderr
    done = subprocess.run(command(folder, "--workers", "2", "--resume"), capture_output=True, text=True, check=False,
                          timeout=400)
    assert done.returncode == 0, done.stderr[-2000:]
    assert digests(folder) == digests(reference)


def test_chunks_after_the_pilot_keep_what_passes_and_nothing_else(tmp_path, monkeypatch):
    """Oracle: the same chunk with every candidate; made again after a loss they have the same bytes."""
    config = load_config()
    quick = config.presets["quick"].model_copy(update={"pilot": 0.003})
    small = config.model_copy(update={"presets": {"quick": quick}, "chunk_size": 600})
    monkeypatch.setattr(run_module, "load_config", lambda: small)
    setting = run_module.setting_of(RunOptions(luminosity=0.006, seed=6))
    maker = ChunkMaker("belle2", setting.tag, tuple(p.name for p in setting.plans if p.off_resonance),
                       modelling=setting.modelling)

    def produce(resume: bool) -> list[Path]:
        with open_store(tmp_path / "run", setting.manifest, resume=resume) as store, open_engine(0, None) as engine:
            run_module._produce(setting, maker, store, engine, Progress("", quiet=True),
                                CostLog(tmp_path / "run"))
        return sorted((tmp_path / "run" / "chunks" / "charged").glob("*.parquet"))

    chunks, last = produce(resume=False), setting.pilot_chunks("charged")
    rows = [pq.read_metadata(path).num_rows for path in chunks]
    assert 2 <= last < len(chunks)
    assert min(rows[:last]) > 10 * max(rows[last:]) > 0
    task = next(t for t in setting.tasks if t.sample == "charged" and t.index == last)
    whole, _ = maker(task)
    assert set(pq.read_table(chunks[last])["event"].to_pylist()) < set(whole["event"].to_pylist())
    before = digests(tmp_path / "run")
    for path in (tmp_path / "run" / "chunks").glob("*/*1.json"):
        path.unlink()
    produce(resume=True)
    assert digests(tmp_path / "run") == before


def test_record_holds_what_scripts_rely_on(reference):
    record = json.loads((reference / "result.json").read_text())
    fit = record["fit"]["expected"]
    assert fit["value"] == pytest.approx(1.0, abs=1e-4)
    assert fit["uncertainty"] > record["fit"]["expected_large_simulation"]["uncertainty"] > 0
    assert record["provenance"]["seed"] == 5
    assert record["provenance"]["references"]
    backgrounds = ("charged", "mixed", "ccbar", "ssbar", "uubar", "ddbar")  # some five candidates at this luminosity
    assert sum(sum(record["samples"][name]["expected"]) for name in backgrounds) > 0
    flow = record["samples"]["knunu"]["cutflow"]
    counts = [value for _, value in flow]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == record["samples"]["knunu"]["events"]


def test_finished_run_is_opened_and_hidden_again_without_making_anything(reference, tmp_path, monkeypatch, capsys):
    """Opened: nothing but the fits is made again; hidden again: the bytes of before. (The page is not drawn here.)"""
    monkeypatch.setattr(run_module, "write_report", lambda *_: None)
    folder = tmp_path / "run"
    shutil.copytree(reference, folder)
    before, options = digests(folder), RunOptions(luminosity=float(LUMINOSITY), seed=5, output=folder, resume=True)
    run_module.run(replace(options, unblind=True))
    after = digests(folder)
    assert {n for n in after if after[n] != before.get(n)} == {"result.json", "workspace_pseudo_experiment.json"}
    assert json.loads((folder / "result.json").read_text())["fit"]["unblinded"]
    assert "training" not in capsys.readouterr().err
    run_module.run(options)
    assert digests(folder) == before


def test_workspace_fits_on_its_own(reference, tmp_path):
    """Oracle: the run's own record, through ``obf fit``."""
    out = tmp_path / "fit.json"
    done = subprocess.run([sys.executable, "-c", "from openbfactory.cli import main; main()", "fit",
                           str(reference / "workspace.json"), "--json", str(out)], capture_output=True, text=True,
                          check=False, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads((reference / "result.json").read_text())["fit"]["expected"]
    assert json.loads(out.read_text())["uncertainty"] == pytest.approx(record["uncertainty"], rel=1e-6)


def test_report_is_one_file_that_names_what_fell_back(reference):
    page = (reference / "report.html").read_text()
    assert "<script" not in page
    assert "not a product of, affiliated with, or endorsed by" in page
    assert "published" in page
    record = json.loads((reference / "result.json").read_text())
    for model in record["samples"]["charged"]["decays"]["fallback"]:
        assert model in page


def test_the_workspace_is_reinterpreted_with_its_own_number_densities(reference):
    """Each row adds up to the signal of its bin; vector coefficients of the Standard Model give the same events."""
    workspace = read_workspace(reference / "workspace.json")
    densities = {name: read_number_density(reference / f"number_density_{name}.csv")
                 for name in ("SR_on_resonance", "CR_on_resonance")}
    for channel in workspace.document["channels"]:
        for sample in channel["samples"]:
            if channel["name"] in densities and sample["name"] == "knunu":
                rows = densities[channel["name"]].events.sum(axis=1)
                assert rows == pytest.approx(sample["data"], rel=1e-9)
    new = parse_workspace(wet_workspace(workspace.document, densities))
    coefficient = estimate(new, SQUARES[0], tests=()).value ** 0.5
    assert coefficient == pytest.approx(6.613, abs=0.15)  # the two rates of the Standard Model differ by 3 %


def test_classifiers_of_a_run_come_back(reference, tmp_path):
    """Outputs of the stored classifiers, on candidates of the run, are those of its own histogram; damage is named."""
    models = load_models(reference)
    table = pq.read_table(sorted((reference / "chunks" / "knunu").glob("*.parquet"))[0])
    outputs = models[0].outputs({name: table[name].to_numpy() for name in table.column_names})
    inside = outputs["eta"][np.isfinite(outputs["eta"])]
    assert inside.size
    assert np.all((inside >= 0) & (inside <= 1))
    assert source_run(RunOptions(output=reference.parent / "knunu.x", source=reference)) == reference
    with pytest.raises(InputError, match="no finished run"):
        source_run(RunOptions(output=tmp_path / "knunu.x"))
    with pytest.raises(InputError, match="no such file"):
        load_models(tmp_path)
