"""Where compiled kernels are kept: a folder for each file of kernels and each state of the sources that it rests on.

numba keeps compiled functions on disk and looks only at the file of the function itself, not at the kernels of other
files that it calls; after a change it would run old code.  Here the folder is named after a hash of the file and of
all files of the package that it imports, directly or not.  A change recompiles what depends on it and nothing else, and
copies of the package with equal sources share their kernels.  A ``NUMBA_CACHE_DIR`` of the user's own is left alone.

numba finds the class below through its setting ``NUMBA_CACHE_LOCATOR_CLASSES``; functions of other packages go where
numba would keep them.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

#: folders of former states that are kept for a file
KEPT = 8
#: numba's own classes, for the functions of other packages
OTHERS = ("UserProvidedCacheLocator", "InTreeCacheLocator", "UserWideCacheLocator", "IPythonCacheLocator")
#: folder of the package
PACKAGE = Path(__file__).parents[1]

_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(openbfactory[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)"
                     r"|import[ \t]+(openbfactory[\w.]*))", re.MULTILINE)


def cache_root() -> Path:
    """Folder of the package's caches: ``OBF_CACHE_DIR``, or that of the system's convention."""
    own = os.environ.get("OBF_CACHE_DIR")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openbfactory"


def use_kernel_cache() -> None:
    """Have numba keep the kernels of this package as this module says, unless the user chose a place."""
    if "NUMBA_CACHE_DIR" in os.environ or "NUMBA_CACHE_LOCATOR_CLASSES" in os.environ:
        return
    classes = ",".join((f"{__name__}.{KernelFolder.__name__}", *OTHERS))
    os.environ["NUMBA_CACHE_LOCATOR_CLASSES"] = classes
    if "numba" in sys.modules:  # it has read the environment already
        sys.modules["numba"].config.CACHE_LOCATOR_CLASSES = classes


class KernelFolder:
    """Folder of the kernels of one source file, in the form that numba asks for.

    Parameters
    ----------
    function
        The function that is compiled.
    file
        Its source file.
    """

    def __init__(self, function: Any, file: Path) -> None:
        self._line = function.__code__.co_firstlineno
        self._digest = source_digest(file)
        name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
        self._path = cache_root() / "kernels" / name / self._digest

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> KernelFolder | None:
        """Folder for a function of this package, None for others or where nothing can be written."""
        file = Path(inspect.getfile(py_func)).resolve()
        if not file.is_relative_to(PACKAGE.resolve()) or not Path(py_file).exists():
            return None
        found = cls(py_func, PACKAGE / file.relative_to(PACKAGE.resolve()))
        try:
            found.ensure_cache_path()
        except OSError:
            return None
        return found

    def ensure_cache_path(self) -> None:
        """Make the folder; drop those of former states beyond the last :data:`KEPT`."""
        if not self._path.is_dir():
            self._path.mkdir(parents=True, exist_ok=True)
            former = sorted(self._path.parent.iterdir(), key=lambda p: p.stat().st_mtime, reverse=True)
            for old in former[KEPT + 1:]:
                shutil.rmtree(old, ignore_errors=True)
        tempfile.TemporaryFile(dir=self._path).close()

    def get_cache_path(self) -> str:
        """Folder of the compiled functions."""
        return str(self._path)

    def get_source_stamp(self) -> str:
        """Hash of the file and of what it imports."""
        return self._digest

    def get_disambiguator(self) -> str:
        """Line of the function, for functions of equal names."""
        return str(self._line)


@cache
def source_digest(file: Path, package: Path = PACKAGE) -> str:
    """Hash (16 characters) of the names and contents of a file and of all files of its package that it imports."""
    digest, seen, waiting = hashlib.blake2b(digest_size=8), {file}, [file]
    while waiting:
        for found in imported_files(waiting.pop(), package):
            if found not in seen:
                seen.add(found)
                waiting.append(found)
    for path in sorted(seen):
        digest.update(f"{path.relative_to(package)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


@cache
def imported_files(file: Path, package: Path = PACKAGE) -> tuple[Path, ...]:
    """Files of the package that a file of it imports."""
    found: set[Path] = set()
    for module, names, plain in _IMPORT.findall(file.read_text("utf-8")):
        place = package.joinpath(*(module or plain).split(".")[1:])
        for name in re.findall(r"\w+", names):
            found |= _file_of(place / name)
        found |= _file_of(place)
    return tuple(sorted(found - {file}))


def _file_of(place: Path) -> set[Path]:
    """File of a module or package, empty when there is none."""
    return {path for path in (place.with_name(f"{place.name}.py"), place / "__init__.py") if path.is_file()}
