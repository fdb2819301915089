"""The folders of compiled kernels. Oracle: their definition, on packages written by the test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import openbfactory
from openbfactory.core.kernel_cache import KEPT, imported_files, source_digest

PACKAGE = Path(openbfactory.__file__).parent


def written(root, **files):
    """A package whose files ``room__name`` hold the given text."""
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    source_digest.cache_clear()
    imported_files.cache_clear()
    return root


def test_a_change_counts_for_the_files_that_import_it_and_no_others(tmp_path):
    files = {"room__deep": "x = 1\n", "room__middle": "from openbfactory.room import (\n    deep,\n)\n",
             "top": "if True:\n    from openbfactory.room.middle import y\n", "alone": "z = 1\n"}
    root = written(tmp_path, **files)
    before = {name: source_digest(root / f"{name}.py", root) for name in ("top", "alone", "room/middle")}
    written(tmp_path, room__deep="x = 2\n")
    after = {name: source_digest(root / f"{name}.py", root) for name in before}
    assert after["top"] != before["top"]
    assert after["room/middle"] != before["room/middle"]
    assert after["alone"] == before["alone"]
    written(tmp_path, room__deep="x = 1\n")
    assert source_digest(root / "top.py", root) == before["top"]


def test_files_that_import_each_other_are_read_once(tmp_path):
    root = written(tmp_path, a="import openbfactory.b\n", b="import openbfactory.a\n")
    assert source_digest(root / "a.py", root) == source_digest(root / "b.py", root)


def test_every_file_that_the_walk_calls_counts():
    """Oracle: what the interpreter has in the module's namespace."""
    from openbfactory.generate import kernels

    def files_below(path, seen):
        for found in imported_files(path):
            if found not in seen:
                seen.add(found)
                files_below(found, seen)
        return seen

    counted = files_below(Path(kernels.__file__), set())
    called = {Path(sys.modules[value.__module__].__file__) for value in vars(kernels).values()
              if getattr(value, "__module__", "").startswith("openbfactory")} - {Path(kernels.__file__)}
    assert len(called) > 5
    assert called <= counted


def settings_of(tmp_path, code, **more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_CACHE", "OBF_CACHE"))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**kept, "OBF_CACHE_DIR": str(tmp_path), **more})
    return done.stdout.strip()


def test_kernels_are_kept_in_the_folder_and_old_ones_are_dropped(tmp_path):
    place = tmp_path / "kernels" / "kinematics.fourvector"
    for n in range(KEPT + 4):
        (place / f"old{n}").mkdir(parents=True)
    code = ("from openbfactory.kinematics.fourvector import invariant_mass as f; f(1.0, 0.0, 0.0, 0.0);"
            "print(f.stats.cache_path, sum(f.stats.cache_hits.values()))")
    path, hits = settings_of(tmp_path, code).split()
    assert Path(path) == place / source_digest(PACKAGE / "kinematics" / "fourvector.py")
    assert hits == "0"
    assert settings_of(tmp_path, code).split()[1] == "1"
    assert settings_of(tmp_path, "import numba; import numba.core.caching\n" + code).split()[1] == "1"
    assert len(list(place.iterdir())) == KEPT + 1
    assert settings_of(tmp_path, code, NUMBA_CACHE_DIR=str(tmp_path / "mine")).startswith(str(tmp_path / "mine"))
