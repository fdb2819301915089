"""The examples of the page on candidates run as they stand, on toy events. Oracle: the text itself."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from openbfactory.cli import main
from openbfactory.events import write
from openbfactory.events.ntuples import read_ntuple

sys.path.insert(0, str(Path(__file__).resolve().parent / "reconstruct"))
from toy_events import generic_events

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "candidates.md").read_text()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("events.parquet", generic_events(150, 4))
    return tmp_path


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_python_examples_run(folder):
    scope: dict[str, object] = {}
    for block in blocks("python"):
        exec(block, scope)
    assert len(scope["best"]) > 0
    assert len(scope["mask"]) == len(scope["table"]) == len(scope["best"])
    np.testing.assert_array_equal(scope["table"]["M"], scope["best"]["M"])


def test_commands_run(folder, monkeypatch, capsys):
    lines = [line for block in blocks("console") for line in block.splitlines()]
    assert [line.split()[1] for line in lines] == ["generate", "simulate", "reconstruct", "reconstruct", "list", "list"]
    for line in lines[2:]:
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
    assert read_ntuple("dstar.root").metadata["decay"].startswith("D*+")
    assert set(read_ntuple("ks.parquet").columns) >= {"M", "dr", "flightTime"}
    assert "mRecoil" in capsys.readouterr().out
