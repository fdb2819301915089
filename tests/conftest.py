"""Fixtures that every test may use."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of this folder first: the examples of the pages take long, and no worker shall wait for them at the end."""
    items.sort(key=lambda item: item.path.parent != HERE)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the reference inputs; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"reference inputs are absent ({SHARED})")
    return SHARED


@pytest.fixture
def obf(monkeypatch, capsys):
    """The command line in this process: arguments to exit code, output and errors, never a traceback."""
    from openbfactory.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["obf", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        out = capsys.readouterr()
        assert "Traceback" not in out.out + out.err
        return leaving.value.code or 0, out.out, out.err

    return run
