"""Rates of kaonID > cut for kaons and pions of D0 -> K- pi+: fits, truth, and the corrections data over simulation.

Signal among candidates that pass and fail comes from fits of the D0 mass (:mod:`openbfactory.fit.passing`), in bins of
momentum and polar angle of the track; :class:`Corrections` gives the ratios to other measurements.

Approximation: corrections depend on the momentum alone; the polar angle is looked at, not corrected for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.checks.settings import Combination
from openbfactory.core.quantities import Quantity
from openbfactory.fit.passing import Passing, fit_passing
from openbfactory.pipeline.candidates import Request
from openbfactory.pipeline.tables import SampleTable
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.report.records import Number
from openbfactory.select.intervals import share

Array = npt.NDArray[np.float64]

#: tracks of the D0: name, daughter, PDG code
TRACKS = {"kaon": (0, 321), "pion": (1, 211)}
#: variables of each track, and those of the bins
VARIABLES, BINNED = ("p", "cosTheta", "kaonID", "mcPDG"), ("p", "cosTheta")
#: samples: those that are fitted, and independent ones whose truth says what was planted
FITTED, TRUTH = ("data", "simulation"), ("truth-of-data", "truth-of-simulation")


class KaonId(Combination):
    """Section ``kaon_id`` of ``checks.yaml``; masses in GeV."""

    presets: dict[str, int]
    chunk_size: int
    sample: str
    range: tuple[float, float]
    peak: tuple[float, float]
    edges: dict[str, tuple[float, ...]]
    published: dict[str, Quantity]

    @property
    def request(self) -> Request:
        """What to reconstruct."""
        of_tracks = [f"{name}_{v} = daughter(0, daughter({i}, {v}))" for name, (i, _) in TRACKS.items()
                     for v in VARIABLES]
        return self.requested("mass = daughter(0, M)", *of_tracks)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A rate in data and simulation, and the generated ones (value, standard deviation)."""

    data: tuple[float, float]
    simulation: tuple[float, float]
    planted_data: tuple[float, float]
    planted_simulation: tuple[float, float]

    @property
    def found(self) -> Number:
        """Data over simulation."""
        return Number.of(self.data).over(Number.of(self.simulation))

    @property
    def planted(self) -> Number:
        """The same with truth, from independent samples."""
        return Number.of(self.planted_data).over(Number.of(self.planted_simulation))


@dataclass(frozen=True, slots=True)
class Corrections:
    """Ratios data over simulation of kaons and pions, value and standard deviation, by bin of the momentum [GeV]."""

    edges: tuple[float, ...]
    values: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)

    def weights(self, name: str, p: Array) -> tuple[Array, Array]:
        """Factor of each track (n,) and its standard deviation; outside of the bins that of the nearest."""
        rows = np.clip(np.searchsorted(self.edges, p, side="right") - 1, 0, len(self.edges) - 2)
        table = np.array(self.values[name])
        return table[rows, 0], table[rows, 1]

    def mean(self, name: str, p: Array) -> tuple[float, float]:
        """Mean factor of tracks and its standard deviation, independent in the bins."""
        rows = np.clip(np.searchsorted(self.edges, p, side="right") - 1, 0, len(self.edges) - 2)
        shares = np.bincount(rows, minlength=len(self.edges) - 1) / max(len(p), 1)
        table = np.array(self.values[name])
        return float(shares @ table[:, 0]), float(np.sqrt(np.sum((shares * table[:, 1]) ** 2)))

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return {"variable": "p", "edges": list(self.edges), **{k: [list(v) for v in t] for k, t in self.values.items()}}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Corrections:
        """Corrections of such a dictionary, as the record of ``knunu.kaon_id`` has it."""
        return cls(tuple(document["edges"]), {k: tuple((v, e) for v, e in document[k]) for k in TRACKS})


def rate(table: SampleTable, name: str, cut: float, chosen: KaonId, inside: npt.NDArray[np.bool_] | None = None,
         tail: Mapping[str, float] | None = None) -> Passing:
    """Fitted share of tracks above the cut on kaonID."""
    keep = np.ones(len(table), bool) if inside is None else inside
    return fit_passing(table["mass"][keep], table[f"{name}_kaonID"][keep] > cut, chosen.range, chosen.peak, tail)


def generated(table: SampleTable, name: str, cut: float, inside: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Share of true tracks above the cut, with its standard deviation."""
    above = table[f"{name}_kaonID"][inside & (np.abs(table[f"{name}_mcPDG"]) == TRACKS[name][1])] > cut
    return share(above.sum(), len(above))


def ratios(tables: Mapping[str, SampleTable], name: str, cut: float, chosen: KaonId,
           variable: str = "") -> list[Ratio]:
    """Ratios of a track in the bins of a variable, one of all for no variable."""
    edges = np.array(chosen.edges[variable] if variable else (-np.inf, np.inf))
    column = f"{name}_{variable or 'p'}"
    shapes = {k: rate(tables[k], name, cut, chosen).tail for k in FITTED} if variable else {}
    found = []
    for low, high in pairwise(edges):
        inside = {k: (t[column] >= low) & (t[column] < high) for k, t in tables.items()}
        fits = [rate(tables[k], name, cut, chosen, inside[k], shapes.get(k)) for k in FITTED]
        truth = [generated(tables[k], name, cut, inside[k]) for k in TRUTH]
        found.append(Ratio(*((f.efficiency, f.uncertainty) for f in fits), *truth))
    return found


def corrections_of(tables: Mapping[str, SampleTable], chosen: KaonId) -> tuple[Corrections, dict[str, list[Ratio]]]:
    """Corrections by momentum, and all ratios by ``track`` or ``track variable``."""
    cut = InclusiveTagConfig().kaon_id_min
    found = {f"{name} {v}".strip(): ratios(tables, name, cut, chosen, v) for name in TRACKS for v in ("", *BINNED)}
    values = {name: tuple((r.found.value, r.found.uncertainty or 0.0) for r in found[f"{name} p"]) for name in TRACKS}
    return Corrections(chosen.edges["p"], values), found
