"""Provenance: what made a result, stored inside every result.

Provenance holds nothing that differs between two runs of the same thing (no
time stamp, host or folder), so that equal runs give equal bytes.
"""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

#: packages whose version can change a result
RECORDED_PACKAGES = (
    "numpy", "scipy", "numba", "awkward", "pyarrow", "particle", "decaylanguage",
    "pythia8mc", "lightgbm", "iminuit", "pyhf",
)


@cache
def package_version() -> str:
    """Version of openbfactory."""
    return importlib.metadata.version("openbfactory")


@cache
def library_versions() -> dict[str, str]:
    """Versions of Python and of every recorded package that is installed."""
    versions = {"python": platform.python_version()}
    for name in RECORDED_PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "absent"
    return versions


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made a result.

    Attributes
    ----------
    seed
        Run seed, None where nothing random was used.
    config_hash
        Hash of the configuration.
    references
        Sorted reference keys of the inputs used.
    version, libraries
        Version of openbfactory and of the libraries below it.
    """

    config_hash: str
    seed: int | None = None
    references: tuple[str, ...] = ()
    version: str = field(default_factory=package_version)
    libraries: dict[str, str] = field(default_factory=library_versions)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        document = asdict(self)
        document["references"] = list(self.references)
        return document
