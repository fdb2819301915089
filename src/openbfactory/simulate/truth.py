"""The generated particles as contiguous columns for the kernels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import EventFileError
from openbfactory.events.columns import MC_PARTICLES
from openbfactory.events.record import Events

Array = npt.NDArray[Any]


class Truth(NamedTuple):
    """Columns of MCParticles that the detector responds to; ``polarisation`` is (0, 3) where the events have none."""

    offsets: Array
    pdg: Array
    status: Array
    px: Array
    py: Array
    pz: Array
    x: Array
    y: Array
    z: Array
    t: Array
    polarisation: Array


def truth_of(events: Events) -> Truth:
    """Columns of the generated particles, checked to be finite.

    Raises
    ------
    EventFileError
        Without MCParticles, or with momenta or positions that are not finite.
    """
    findings = Findings("events")
    if "MCParticles" not in events.lists:
        findings.error("missing-list", "MCParticles", "there are no generated particles to simulate",
                       expected="events from `obf generate` or a file with MCParticles")
        findings.raise_if_errors(EventFileError)
    particles = events["MCParticles"]
    columns = {}
    for name in ("PDG", "status", "px", "py", "pz", "x", "y", "z", "t"):
        columns[name] = np.require(particles[name], MC_PARTICLES[name].dtype, ["C", "W"])
        bad = np.flatnonzero(~np.isfinite(columns[name]))
        if len(bad):
            event = int(np.searchsorted(particles.offsets, bad[0], side="right")) - 1
            findings.error("not-finite", f"MCParticles.{name}", f"{len(bad)} values are not finite, the first in "
                           f"event {event}", expected="finite numbers")
    findings.raise_if_errors(EventFileError)
    offsets = np.require(particles.offsets, np.int64, ["C", "W"])
    given = particles.columns.get("polarisation")
    spin = np.zeros((0, 3)) if given is None else np.require(given, np.float64, ["C", "W"])
    c = columns
    return Truth(offsets, c["PDG"], c["status"], c["px"], c["py"], c["pz"], c["x"], c["y"], c["z"], c["t"], spin)
