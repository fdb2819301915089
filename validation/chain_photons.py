"""Photon radiation in single chains against EvtGen + PHOTOS: every observable of the files ``15_photos_*``.

Counts are compared decay by decay (no normalisation of their own).  Where the exact matrix element is known (J/psi ->
mu+ mu-) hard photons follow it; PHOTOS without its matrix element makes 14 % more of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from validation.figures import draw
from validation.histograms import Histogram
from validation.rows import Row

EVENTS = 100_000
Array = npt.NDArray[np.float64]
#: figure of the spectra
PICTURE = ("15_photos_Jpsi_mumu log10_Eg", "15_photos_Jpsi_mumu mll", "15_photos_B0_Denu log10_Eg",
           "15_photos_D0_Kpi log10_Eg", "15_photos_tau_enunu log10_Eg", "15_photos_Bm_KJpsi_mumu log10_theta",
           "15_photos_Bm_KJpsi_mumu log10_Erad_B", "15_photos_Bm_KJpsi_mumu mllK")


def chain_histograms(name: str, events: int = EVENTS) -> list[Histogram]:
    """Histograms of the observables of one chain."""
    from validation.evtgen_chains import events_of, observables_in, reference_of

    reference = reference_of(name)
    particles, _ = events_of(name, reference, events)
    values = photon_observables(particles)
    scale = int(reference["n_events"]) / events
    made = []
    for observable in observables_in(reference):
        edges, counts = reference[f"{observable}_edges"], reference[f"{observable}_counts"]
        here = np.histogram(values[observable], edges)[0]
        made.append(Histogram(f"{name} {observable}", (edges,), here, here, counts, scale))
    return made


def photon_observables(particles: Any) -> dict[str, Array]:
    """Values of all observables, one an event or one a photon."""
    events = len(particles)
    event = np.repeat(np.arange(events), particles.counts)
    codes, mothers = np.asarray(particles["PDG"]), np.asarray(particles["mother"])
    p = np.stack([np.asarray(particles[k]) for k in ("E", "px", "py", "pz")], axis=1)
    photon = codes == 22
    total = np.bincount(event[photon], p[photon, 0], minlength=events)
    first = np.bincount(event[photon & (mothers == 0)], p[photon & (mothers == 0), 0], minlength=events)
    final = np.asarray(particles["status"]) == 1
    leptons, kaon = final & np.isin(np.abs(codes), (11, 13)), final & (np.abs(codes) == 321)
    pair = _mass(_summed(p, event, leptons, events))
    return {"ng": np.bincount(event[photon], minlength=events).astype(float), "Erad": total,
            "log10_Erad": np.log10(total[total > 0]), "log10_Eg": np.log10(p[photon, 0]), "mll": pair, "mll_fine": pair,
            "log10_theta": _nearest_angle(p, event, photon, leptons, events), "Erad_B": first,
            "log10_Erad_B": np.log10(first[first > 0]), "mllK": _mass(_summed(p, event, leptons | kaon, events))}


def _summed(p: Array, event: Array, chosen: Array, events: int) -> Array:
    """Four-momentum (events, 4) of the chosen records of each event."""
    return np.stack([np.bincount(event[chosen], p[chosen, k], minlength=events) for k in range(4)], axis=1)


def _mass(p: Array) -> Array:
    """Invariant masses of (n, 4)."""
    found: Array = np.sqrt(np.maximum(p[:, 0] ** 2 - np.sum(p[:, 1:] ** 2, axis=1), 0.0))
    return found


def _nearest_angle(p: Array, event: Array, photon: Array, leptons: Array, events: int) -> Array:
    """log10 of the angle of the hardest photon to the nearer lepton, for events with a photon."""
    order = np.lexsort((p[:, 0], event))
    order = order[photon[order]]
    if len(order) == 0 or not leptons.any():
        return np.zeros(0)
    last = np.append(event[order][1:] != event[order][:-1], True)
    hardest = np.full(events, -1)
    hardest[event[order][last]] = order[last]
    angles = np.full(events, np.inf)
    rows = np.flatnonzero(leptons & (hardest[event] >= 0))
    a, b = p[rows, 1:], p[hardest[event[rows]], 1:]
    angle = np.arctan2(np.linalg.norm(np.cross(a, b), axis=1), np.sum(a * b, axis=1))
    np.minimum.at(angles, event[rows], angle)
    found: Array = np.log10(angles[np.isfinite(angles)])
    return found


def rows() -> list[Row]:
    """Rows of all chains with photons."""
    from validation.evtgen_chains import chain_names

    histograms = [h for name in chain_names() if name.startswith("15_photos") for h in chain_histograms(name)]
    draw("photons", [h for h in histograms if h.what in PICTURE])
    return [h.row() for h in histograms]
