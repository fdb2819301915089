"""The verb ``reconstruct`` and ``list variables`` as a user's shell sees them.

Oracle: the Python API on the same events; exit codes (0 done, 1 a named error
without a traceback, 2 bad usage).
"""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from openbfactory.cli import main
from openbfactory.events import write
from openbfactory.events.ntuples import read_ntuple
from openbfactory.experiment import load_card
from openbfactory.pipeline import Request, reconstruct_file
from openbfactory.reconstruct import Reconstruction

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reconstruct"))
from toy_events import generic_events

DECAY = "D*+ -> [^D0 -> K- pi+:all] ^pi+:all"


def obf(*arguments, code=0):
    """Output of a command with a given exit code; anything but a named error is raised."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["obf", *map(str, arguments)]
    found = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        found = int(end.code or 0)
    finally:
        sys.argv = before
    assert found == code, err.getvalue()
    return SimpleNamespace(stdout=out.getvalue(), stderr=err.getvalue())


@pytest.fixture(scope="module")
def events():
    return generic_events(40, 8)


@pytest.fixture(scope="module")
def source(events, tmp_path_factory):
    path = tmp_path_factory.mktemp("reconstruct") / "toy.parquet"
    write(path, events, {"sample": "toy", "seed": 8})
    return path


def test_ntuple_is_what_the_python_api_gives(source, events, tmp_path):
    out = tmp_path / "d.root"
    done = obf("reconstruct", source, "--decay", DECAY, "--cut", "massDifference(0) < 0.3", "--daughter-cut",
               "D0: 1 < M < 2", "--variables", "M, useCMSFrame(p),daughter(0, p)", "--output", out)
    r = Reconstruction.of_card(events, load_card("belle2"))
    made = r.combine(DECAY, "massDifference(0) < 0.3", cuts={"D0": "1 < M < 2"})
    assert f"{len(made)} candidates in {len(np.unique(made.event))} of 40 events" in done.stdout
    found = read_ntuple(out)
    assert len(found) == len(made) > 0
    assert found["__event__"].tolist() == made.event.tolist()
    np.testing.assert_array_equal(found["daughter(0, M)"], made["daughter(0, M)"])
    np.testing.assert_array_equal(found["daughter(1, useCMSFrame(p))"], made["daughter(1, useCMSFrame(p))"])
    np.testing.assert_array_equal(found["daughter(0, daughter(0, p))"], made["daughter(0:0, p)"])
    assert len(found.columns) == 6 + 6


def test_batches_do_not_matter(source, tmp_path):
    request = Request("D0 -> K- pi+:all", "1 < M < 2", variables=("M", "isSignal"), rank="-abs(dM)", best=2)
    for size in (7, 1000):
        reconstruct_file(source, request, tmp_path / f"{size}.parquet", card="belle2", chunk_size=size)
    a, b = (read_ntuple(tmp_path / f"{size}.parquet") for size in (7, 1000))
    for name in a.columns:
        np.testing.assert_array_equal(a[name], b[name])
    assert a["__ncandidates__"].max() == 2
    assert (a["__candidate__"] < a["__ncandidates__"]).all()


def test_fit_and_empty_results(source, tmp_path):
    done = obf("reconstruct", source, "--decay", "K_S0:x -> pi+:all pi-:all", "--cut", "0.3 < M < 0.7",
               "--fit", "vertex", "--cut-after", "chiProb > 0.001 and 0.48 < M < 0.515 and dr > 0.3", "--variables",
               "M,dr,flightTime", "--output",
               tmp_path / "k.parquet")
    assert "whose fit failed" in done.stdout
    found = read_ntuple(tmp_path / "k.parquet")
    assert len(found)
    assert np.abs(np.median(found["M"]) - 0.4976) < 0.004
    obf("reconstruct", source, "--decay", "D0 -> K- pi+", "--cut", "M < 0", "--output", tmp_path / "e.root")
    empty = read_ntuple(tmp_path / "e.root")
    assert len(empty) == 0
    assert empty["M"].dtype == np.float64


def test_tree_fit(source, tmp_path):
    done = obf("reconstruct", source, "--decay", "D*+ -> [D0 -> K- pi+:all] pi+:all", "--daughter-cut",
               "D0: 1.5 < M < 2.2", "--fit", "tree", "--ip", "--fix-mass", "D0", "--variables",
               "M,chiProb,t = extraInfo(D0_decayTime)", "--output", tmp_path / "t.parquet")
    assert "whose fit failed" in done.stdout
    found = read_ntuple(tmp_path / "t.parquet")
    assert np.isfinite(found["t"][found["chiProb"] >= 0]).all()


@pytest.mark.parametrize(("arguments", "words"), [
    (["--decay", "D0 -> K- pi"], "unknown particle 'pi'"),
    (["--decay", "D0 -> K- pi+ ]"], "character 14"),
    (["--decay", "D0 -> K-:lose pi+"], "did you mean 'K+:loose'"),
    (["--decay", "D0 -> K- pi+", "--cut", "MM < 2"], "did you mean 'M'"),
    (["--decay", "D0 -> K- pi+", "--variables", "M,daughter(0,"], "bracket to close character 11"),
    (["--decay", "D0 -> K- pi+", "--variables", "M,,p"], "between the commas"),
    (["--decay", "D0 -> K- K-"], "the daughters have charge -2"),
    (["--decay", "D0 -> K- pi+", "--daughter-cut", "K_S0: M > 1"], "no particle 'K_S0' stands in brackets"),
    (["--decay", "D0"], "no list 'D0' was made"),
    (["--decay", "D0 -> K- pi+", "--fit", "vertex", "--cut-after", "chiprob > 0"], "did you mean 'chiProb'"),
    (["--decay", "D0 -> K- pi+", "--fit", "vertex", "--ip"], "ask for the fit 'tree'"),
    (["--decay", "D0 -> K- pi+", "--detector", "belle3"], "belle"),
])
def test_mistakes_are_named(source, tmp_path, arguments, words):
    done = obf("reconstruct", source, *arguments, "--output", tmp_path / "x.root", code=1)
    assert words in done.stderr
    assert not list(tmp_path.iterdir())


def test_bad_usage(source, tmp_path):
    obf("reconstruct", source, "--decay", "D0 -> K- pi+", "--daughter-cut", "M > 1", "--output", tmp_path / "x.root",
        code=2)
    done = obf("reconstruct", source, "--decay", "D0 -> K- pi+", "--output", tmp_path / "x.csv", code=1)
    assert "suffix" in done.stderr


def test_variables_are_found_by_word():
    lines = obf("list", "variables", "--search", "recoil").stdout.splitlines()
    assert any(line.startswith("mRecoil ") and "GeV" in line for line in lines)
    assert all("recoil" in line.lower() for line in lines)
    assert "did you mean" in obf("list", "variables", "--search", "kaonIDD", code=1).stderr
    assert any(line.startswith("daughter(index, expression)") for line in obf("list", "variables").stdout.splitlines())
    assert "pi0:eff40" in obf("list", "lists").stdout
