"""The examples of the README and the quick start run as they stand. Oracle: the text itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def code_blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def test_readme_example_runs(capsys):
    blocks = code_blocks("README.md", "python")
    assert len(blocks) == 1
    scope: dict[str, object] = {}
    exec(blocks[0], scope)
    printed = capsys.readouterr().out
    assert "signalKaon" in printed
    assert len(scope["events"]) == 10_000
    assert {"Tracks", "MCParticles", "ECLClusters"} <= set(scope["events"].fields)


@pytest.mark.parametrize("page", ["README.md", "docs/quickstart.md", "docs/candidates.md", "docs/likelihoods.md",
                                  "docs/samples.md", "docs/display.md", "docs/detector/trigger.md",
                                  "docs/flavour.md", "docs/hadronic-tag.md", "docs/knunu.md", "docs/tau-mass.md"])
def test_commands_in_the_pages_exist(page):
    """Every ``obf VERB --option`` of a page is one that the command line knows."""
    import typer

    from openbfactory.cli import app

    known = typer.main.get_command(app).commands
    lines = [line for block in code_blocks(page, "console") for line in block.splitlines() if "obf " in line]
    assert lines
    for line in lines:
        words = line.split("#")[0].split("obf ", 1)[1].split()
        command = known[words[0]]
        command = getattr(command, "commands", {}).get(words[1], command) if len(words) > 1 else command
        options = {o for p in command.params for o in p.opts}
        assert {w for w in words if w.startswith("--")} <= options, line


def test_examples_of_the_likelihoods_page_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    for block in code_blocks("docs/likelihoods.md", "python"):
        exec(block, scope)
    assert "limit" in capsys.readouterr().out
    assert scope["excess"].mass == pytest.approx(5.0, abs=0.05)


def test_own_detector_example_sees_the_changed_card():
    """More K_L clusters mean more energy in the rest of the event: the three lines rise."""
    done = subprocess.run([sys.executable, str(ROOT / "examples" / "own_detector.py")], capture_output=True, text=True,
                          check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    energies = [float(x) for x in re.findall(r"roeDeltae ([-+.\d]+)", done.stdout)]
    assert len(energies) == 3
    assert energies == sorted(energies)


def test_relative_links_exist():
    for page in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / page).read_text()):
            assert (ROOT / target).exists(), f"{page}: {target}"
