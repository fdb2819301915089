"""K_L of known momentum: e+e- -> gamma phi, phi -> K_S K_L, with the photon and K_S -> pi+ pi- reconstructed.

Kinematics: with Q = p(beams) - p(K_S) and the direction n of the photon, the K_L has its mass for the photon energy
E = (Q^2 - m_L^2) / (2 Q.(1, n)), so that the momentum Q - E (1, n) needs no energy of the calorimeter.  The mass of
K_S and K_L and the measured over the predicted energy of the photon then tell the process from others.

Chance: the direction turned by half a turn about the K_S has the same angle to the pions of the K_S (their split-offs
are what lies near), and no K_L where both are further apart than the cone of the search.

Approximation: no photons of the beams beside the hard one, and no other process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.config import Config
from openbfactory.physics.particles import species
from openbfactory.pipeline.candidates import Request
from openbfactory.pipeline.tables import SampleTable
from openbfactory.reconstruct.vectors import angle, direction, length, theta, unit
from openbfactory.select.intervals import beyond_chance

Array = npt.NDArray[np.float64]

#: what the K_S and the photon leave in a table
PAIR = tuple(f"{name}{i} = daughter({i}, {name})" for i in range(2) for name in ("px", "py", "pz", "E"))
CLUSTER = tuple(f"{short} = daughter(2, {name})" for short, name in (
    ("energy", "clusterE"), ("theta", "clusterTheta"), ("phi", "clusterPhi"), ("time", "clusterTiming"),
    ("width", "clusterErrorTiming")))


class RadiativePhi(Config):
    """Cuts on K_S and photon, windows of the mass of the phi and of the photon's energy, acceptance of the K_L.

    ``separation`` is the least angle of K_S and K_L [rad], ``polar`` in degrees.
    """

    pair: str
    theta_min: float
    mass: tuple[float, float]
    photon: tuple[float, float]
    momentum: tuple[float, float]
    polar: tuple[float, float]
    separation: float

    def requests(self) -> dict[str, Request]:
        """``pairs`` of K_S and photon; ``triples``: the same with each calorimeter cluster without track."""
        return {"pairs": Request("vpho -> K_S0:merged gamma:all", self.pair, variables=PAIR),
                "triples": Request("vpho -> K_S0:merged gamma:all K_L0:allecl", self.pair, variables=(*PAIR, *CLUSTER))}


@dataclass(frozen=True, slots=True)
class Clusters:
    """Clusters (m,): row of their K_L, energy [GeV], angles [rad] to the K_L and to the direction of chance."""

    row: npt.NDArray[np.int64]
    energy: Array
    angle: Array
    chance: Array

    def take(self, mask: npt.NDArray[np.bool_]) -> Clusters:
        """Some of them."""
        return Clusters(self.row[mask], self.energy[mask], self.angle[mask], self.chance[mask])


@dataclass(frozen=True, slots=True)
class Klongs:
    """K_L (n,): momentum [GeV], predicted mass of the phi before its window; clusters of their events."""

    momentum: Array
    masses: Array
    clusters: Clusters

    def __len__(self) -> int:
        return len(self.momentum)


@dataclass(frozen=True, slots=True)
class Prediction:
    """Momentum (n, 3) of the K_L and that of the K_S, mass of the phi, measured over predicted photon energy."""

    klong: Array
    kshort: Array
    mass: Array
    photon: Array


def predict(table: SampleTable | dict[str, npt.NDArray[Any]], beams: Array) -> Prediction:
    """What K_S and photon say about the K_L.

    Parameters
    ----------
    beams : (4,)
        Four-momentum of the collision [GeV], lab frame.
    """
    kshort, photon = (np.stack([table[f"p{c}{i}"] for c in "xyz"], axis=1) for i in range(2))
    energy = np.sqrt(np.sum(kshort**2, axis=1) + species("K_S0").mass ** 2)
    q0, q = beams[0] - energy, beams[1:] - kshort
    n = unit(photon)
    expected = 0.5 * (q0**2 - np.sum(q * q, axis=1) - species("K_L0").mass ** 2) / (q0 - np.sum(q * n, axis=1))
    klong = q - expected[:, None] * n
    mass2 = (beams[0] - expected) ** 2 - np.sum((beams[1:] - expected[:, None] * n) ** 2, axis=1)
    return Prediction(klong, kshort, np.sqrt(np.maximum(mass2, 0.0)), np.asarray(table["E1"] / expected, np.float64))


def find_klongs(pairs: SampleTable, triples: SampleTable, cuts: RadiativePhi, beams: Array) -> Klongs:
    """K_L of the events of both requests, at most one an event, with the clusters of their events."""
    found = predict(pairs, beams)
    size, polar = length(found.klong), np.degrees(theta(found.klong))
    good = angle(found.klong, found.kshort) > cuts.separation
    for value, (low, high) in ((found.photon, cuts.photon), (size, cuts.momentum), (polar, cuts.polar)):
        good &= (value > low) & (value < high)
    masses = found.mass[good]
    good &= (found.mass > cuts.mass[0]) & (found.mass < cuts.mass[1])
    event, first = np.unique(pairs["__event__"][good], return_index=True)
    kept = np.flatnonzero(good)[first]
    row = np.clip(np.searchsorted(event, triples["__event__"]), 0, len(event) - 1)
    same = np.full(len(row), len(event) > 0)
    for name, column in (("__event__", event), ("px0", pairs["px0"][kept]), ("px1", pairs["px1"][kept])):
        same &= triples[name] == column[row] if len(event) else same
    same &= np.abs(triples["time"]) < triples["width"]
    near = triples.where(same)
    clusters = _clusters(near, row[same], found.klong[kept], found.kshort[kept])
    return Klongs(size[kept], masses, clusters)


def _clusters(near: SampleTable, row: npt.NDArray[np.int64], klong: Array, kshort: Array) -> Clusters:
    """Clusters with their angles."""
    at, axis = direction(near["theta"], near["phi"]), unit(kshort)
    turned = 2 * np.sum(klong * axis, axis=1)[:, None] * axis - klong
    return Clusters(row, np.asarray(near["energy"], np.float64), angle(at, klong[row]), angle(at, turned[row]))


def efficiency(klongs: Klongs, cone: float, least: float, rows: npt.NDArray[np.bool_] | None = None,
               ) -> tuple[float, float]:
    """Part of the K_L with a cluster above ``least`` [GeV] within ``cone`` [rad], chance taken off, and its error."""
    chosen = klongs.clusters.take(klongs.clusters.energy > least)
    seen, chance = (np.bincount(chosen.row[a < cone], minlength=len(klongs)) > 0
                    for a in (chosen.angle, chosen.chance))
    return beyond_chance(seen, chance) if rows is None else beyond_chance(seen[rows], chance[rows])
