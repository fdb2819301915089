"""Single particles through the packaged detector, in chunks: what the tables and curves of the calorimeter and of the
identification are made of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.random import Address
from openbfactory.events import Events
from openbfactory.events.columns import HYPOTHESES
from openbfactory.experiment import load_card
from openbfactory.experiment.card import Card
from openbfactory.generate import particle_gun
from openbfactory.simulate import simulate

Array = npt.NDArray[Any]
CHUNK = 50_000


def card_with(**switches: float) -> Card:
    """The belle2 card with switches changed."""
    card = load_card("belle2")
    changed = card.detector.switches.model_copy(update=switches)
    return card.model_copy(update={"detector": card.detector.model_copy(update={"switches": changed})})


def stream(particles: str | list[str], total: int, card: Card, seed: int = 1, **gun: Any) -> Iterator[Events]:
    """Simulated events of single particles, in chunks."""
    name = particles if isinstance(particles, str) else "+".join(particles)
    for chunk, begin in enumerate(range(0, total, CHUNK)):
        address = Address(seed, f"gun {name}", chunk)
        yield simulate(particle_gun(particles, min(CHUNK, total - begin), address, **gun), card, address)


def truth(events: Events) -> tuple[Array, Array]:
    """Momentum [GeV] and polar angle [deg] of the first particle of each event."""
    p = events["MCParticles"]
    first = p.offsets[:-1]
    size = np.sqrt(p["px"][first] ** 2 + p["py"][first] ** 2 + p["pz"][first] ** 2)
    return size, np.degrees(np.arccos(p["pz"][first] / size))


@cache
def photons(total: int) -> dict[str, Array]:
    """Photons of 0.02-8 GeV: momentum, theta, and energy, angle and discriminants of the largest cluster (NaN: none).

    Without beam background; conversions in matter happen.
    """
    parts: list[list[Array]] = []
    for events in stream("gamma", total, card_with(beam_background=0.0), momentum=(0.02, 8.0), theta=(10.0, 160.0),
                         spectrum="logp"):
        p, theta = truth(events)
        columns = [p, theta]
        rows, found = _largest(events)
        for name in ("clusterE", "clusterTheta", "clusterZernikeMVA", "clusterPulseShapeDiscriminationMVA"):
            values = np.full(len(p), np.nan)
            values[found] = events["ECLClusters"][name][rows]
            columns.append(values)
        parts.append(columns)
    names = ("p", "theta", "energy", "angle", "zernike", "pulse")
    return {name: np.concatenate([part[k] for part in parts]) for k, name in enumerate(names)}


def _largest(events: Events) -> tuple[Array, Array]:
    """Row of the cluster with the highest energy, and which events have one."""
    clusters = events["ECLClusters"]
    order = np.lexsort((clusters["clusterE"], clusters.event_index()))
    found = np.flatnonzero(clusters.counts)
    return order[clusters.offsets[found + 1] - 1], found


@cache
def neutral_hadrons(total: int, efficiency: float = 1.0, energy: float = 1.0) -> dict[str, Array]:
    """K_L of 0.1-4 GeV that do not decay: momentum, visible energy (NaN: none), discriminants; with two switches."""
    card = card_with(beam_background=0.0, k_long_ecl_efficiency=efficiency, hadronic_energy=energy)
    parts: list[list[Array]] = []
    for events in stream("K_L0", total, card, momentum=(0.1, 4.0), theta=(32.2, 128.7)):
        p, _ = truth(events)
        columns = [p]
        rows, found = _largest(events)
        for name in ("clusterE", "clusterZernikeMVA", "clusterPulseShapeDiscriminationMVA"):
            values = np.full(len(p), np.nan)
            values[found] = events["ECLClusters"][name][rows]
            columns.append(values)
        secondaries = events["MCSecondaries"]
        whole = np.ones(len(p), bool)
        whole[secondaries.event_index()[secondaries["process"] == 1]] = False
        parts.append([column[whole] for column in columns])
    names = ("p", "energy", "zernike", "pulse")
    return {name: np.concatenate([part[k] for part in parts]) for k, name in enumerate(names)}


@cache
def tracks(name: str, total: int, kaon_confusion: float = 1.0, pion_confusion: float = 1.0) -> dict[str, Array]:
    """Tracks of particles of 0.1-4 GeV, both charges: momentum, theta, identities (n, 6), and whether it decayed."""
    parts: list[list[Array]] = []
    card = card_with(kaon_confusion=kaon_confusion, pion_confusion=pion_confusion)
    for events in stream(name, total, card, momentum=(0.1, 4.0), theta=(17.0, 150.0), charges="both"):
        p, theta = truth(events)
        found, secondaries = events["Tracks"], events["MCSecondaries"]
        decayed = np.zeros(len(p), bool)
        decayed[secondaries.event_index()[secondaries["process"] == 1]] = True
        own = found["mcIndex"] == 0
        event = found.event_index()[own]
        logs = np.stack([events["PIDLikelihoods"][f"logL_{h}"][own] for h in HYPOTHESES], axis=1)
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        parts.append([p[event], theta[event], weights / weights.sum(axis=1, keepdims=True), decayed[event]])
    names = ("p", "theta", "identity", "decayed")
    return {key: np.concatenate([part[k] for part in parts]) for k, key in enumerate(names)}


def spread_above(values: Array, true: float = 1.0) -> float:
    """Root mean square of what lies above the true value, from it: the Gaussian core of a peak with a tail below."""
    above = values[values > true] - true
    return float(np.sqrt(np.mean(above**2)))


def narrow(values: Array) -> float:
    """Half the width of the shortest interval that holds 68.3 % of the values."""
    ordered = np.sort(values)
    kept = int(0.6827 * len(ordered))
    return float(np.min(ordered[kept:] - ordered[:len(ordered) - kept]) / 2)


def fake_rate(photon: Array, hadron: Array, efficiency: float = 0.8) -> float:
    """Fraction of photons below the cut on a discriminant that keeps ``efficiency`` of the hadrons."""
    photon, hadron = photon[np.isfinite(photon)], hadron[np.isfinite(hadron)]
    return float(np.mean(photon < np.quantile(hadron, efficiency)))
