"""The folder of compiled kernels. Oracle: its definition, on a package written by the test."""

from __future__ import annotations

import os
import subprocess
import sys

from openbfactory.core.kernel_cache import KEPT, source_digest


def test_a_change_in_any_source_changes_the_folder(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "room" / "b.py").write_text("y = 1\n")
    first = source_digest(tmp_path)
    assert source_digest(tmp_path) == first
    (tmp_path / "room" / "b.py").write_text("y = 2\n")
    assert source_digest(tmp_path) != first
    (tmp_path / "room" / "b.py").write_text("y = 1\n")
    assert source_digest(tmp_path) == first


def folder_of(tmp_path, **more):
    environment = {k: v for k, v in os.environ.items() if k not in {"NUMBA_CACHE_DIR", "OBF_CACHE_DIR"}}
    code = "import os, openbfactory; print(os.environ['NUMBA_CACHE_DIR'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**environment, "OBF_CACHE_DIR": str(tmp_path), **more})
    return done.stdout.strip()


def test_the_folder_is_made_and_old_ones_are_dropped(tmp_path):
    for n in range(6):
        (tmp_path / "kernels" / f"old{n}").mkdir(parents=True)
    found = folder_of(tmp_path)
    assert found.startswith(str(tmp_path / "kernels"))
    assert len(list((tmp_path / "kernels").iterdir())) == KEPT + 1
    assert folder_of(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "mine")) == str(tmp_path / "mine")
