"""Small events of every collection, random but well formed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from openbfactory.events import Events, Jagged
from openbfactory.events.columns import COLLECTIONS


def make_events(size: int, *, first: int = 0, seed: int = 1, detector: bool = True, process: str = "charged") -> Events:
    """``size`` events; siblings share a vertex, an event has 1 to 12 particles."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 13, size)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    total = int(offsets[-1])
    local = np.arange(total) - np.repeat(offsets[:-1], counts)
    mother = np.where(local == 0, -1, (local - 1) // 3).astype(np.int32)
    p = rng.normal(size=(3, total))
    place = [v[np.repeat(offsets[:-1], counts) + mother + 1] for v in rng.normal(scale=0.01, size=(4, total))]
    codes = np.where(local == 0, 300553, rng.choice([211, -321, 22, 130], total)).astype(np.int32)
    particles = {"PDG": codes, "px": p[0], "py": p[1], "pz": p[2], "E": np.sqrt((p**2).sum(axis=0) + 0.02),
                 "x": place[0], "y": place[1], "z": place[2], "t": place[3], "mother": mother,
                 "status": np.where(local == 0, 4, 1).astype(np.int32)}
    events = Events.of_process(process, size, first=first, MCParticles=Jagged(offsets, particles))
    return events.with_lists(**_detector(rng, counts)) if detector else events


def _detector(rng: np.random.Generator, counts: np.ndarray) -> dict[str, Jagged]:
    lists = {}
    for name in ("Tracks", "PIDLikelihoods", "ECLClusters", "KLMClusters"):
        own = np.minimum(counts, 4) if name != "KLMClusters" else counts // 6
        offsets = np.concatenate([[0], np.cumsum(own)]).astype(np.int64)
        columns = {}
        for c in COLLECTIONS[name].columns:
            shape = (offsets[-1],) if c.width == 1 else (offsets[-1], c.width)
            columns[c.name] = rng.random(shape) if c.dtype == "float64" else rng.integers(0, 1, shape).astype(c.dtype)
        lists[name] = Jagged(offsets, columns)
    return lists


@pytest.fixture(scope="session")
def events_of() -> Callable[..., Events]:
    """Factory of small events."""
    return make_events
