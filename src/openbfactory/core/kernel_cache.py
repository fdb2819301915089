"""Where compiled kernels are kept: one folder for each state of the package's sources.

numba keeps compiled functions on disk and looks only at the file of the function
itself, not at the kernels of other files that it calls; after a change it would
run old code.  The folder is therefore named after a hash of all sources.  A
``NUMBA_CACHE_DIR`` of the user's own is left alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

#: folders of former states that are kept
KEPT = 3


def cache_root() -> Path:
    """Folder of the package's caches: ``OBF_CACHE_DIR``, or that of the system's convention."""
    own = os.environ.get("OBF_CACHE_DIR")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openbfactory"


def source_digest(package: Path) -> str:
    """Hash (16 characters) of the names and contents of all sources of the package."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def use_kernel_cache() -> None:
    """Point numba at the folder of this state of the sources, unless the user chose one."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    root = cache_root() / "kernels"
    folder = root / source_digest(Path(__file__).parents[1])
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            former = sorted((p for p in root.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
            for old in former[KEPT + 1:]:
                shutil.rmtree(old, ignore_errors=True)
    except OSError:
        return
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
