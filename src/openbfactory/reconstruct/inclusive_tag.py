"""The inclusive tag of B+ -> K+ nu nubar: events to one candidate each.

The signal track is the kaon, or a pion, electron or muon for control samples.

Order: tracks, photons and K_S of all events; the event cuts and the signal
track; then, only for events that pass, event shape, modified Fox-Wolfram
moments and vertex fits.  Missing momentum is the nominal beams minus
everything selected.

Approximation: the mass of a track is that of its likeliest hypothesis (see
:mod:`openbfactory.reconstruct.tracks`); K_L clusters enter nothing but the
calorimeter photons they look like.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import EventFileError
from openbfactory.events.columns import COLLECTIONS
from openbfactory.events.record import Events, Jagged
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.event_shape import event_shape, thrusts
from openbfactory.reconstruct.ksfw import KSFW_NAMES, ksfw_moments
from openbfactory.reconstruct.kshort import KShortList, find_kshort
from openbfactory.reconstruct.photons import PhotonList, photon_list
from openbfactory.reconstruct.selection import (
    CHARGE,
    KSHORT,
    LEPTONS,
    PHOTONS,
    SIGNAL_TRACKS,
    TRACKS,
    EventSums,
    Particles,
    cms_particles,
    cut_masks,
    event_sums,
)
from openbfactory.reconstruct.tracks import KAON, PION, TrackList, masses, track_list
from openbfactory.reconstruct.truth import has_truth, match_signal
from openbfactory.reconstruct.variables import VARIABLES
from openbfactory.reconstruct.vertices import candidate_vertices

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Columns = dict[str, npt.NDArray[Any]]
#: variables of candidates to the mask of those that are wanted
Judge = Callable[[Columns], Mask]

#: lists that must be there
NEEDED = ("Tracks", "PIDLikelihoods", "ECLClusters")
#: signal tracks that are leptons; they do not count among the leptons of the event
LEPTON_TRACKS = ("electron", "muon")


class InitialState(Protocol):
    """What the inclusive tag must know about the collision."""

    @property
    def p4(self) -> Array:
        """Nominal four-momentum (4,) [E, px, py, pz] in GeV, lab frame."""


@dataclass(frozen=True, slots=True)
class Collision:
    """A collision with a given nominal four-momentum ``p4`` (4,), such as that of off-resonance data."""

    p4: Array


@dataclass(frozen=True, slots=True)
class CandidateTable:
    """Candidates, one a row.

    Attributes
    ----------
    columns
        Name to array (n,): the variables of :mod:`openbfactory.reconstruct.variables`; the ``mc*`` columns only
        where the events carry truth.
    event, weight : (n,)
        Number and weight of the event of each candidate.
    cutflow
        Step to the sum of weights left after it, in order; the first step, ``all``, is every event that came in.
    failed_fits
        Number of vertex fits without result, by kind; their variables are NaN.
    """

    columns: Columns
    event: Index
    weight: Array
    cutflow: dict[str, float]
    failed_fits: dict[str, int]

    def __len__(self) -> int:
        return len(self.event)


@dataclass(frozen=True, slots=True)
class _Objects:
    """Selected objects of all events."""

    tracks: TrackList
    prompt: Mask
    photons: PhotonList
    kshort: KShortList
    beam: Array
    m_signal: float


@dataclass(frozen=True, slots=True)
class _Unfitted:
    """Candidates before vertex fits: indices of their events, rows of their signal tracks, variables; the cutflow."""

    index: Index
    signal: Index
    columns: Columns
    cutflow: dict[str, float]


def check_input(events: Events) -> None:
    """Refuse events without the detector lists and columns that reconstruction reads.

    Raises
    ------
    EventFileError
        With every finding.
    """
    findings = Findings("events to reconstruct")
    for name in NEEDED:
        if name not in events.lists:
            findings.error("missing-list", name, "the events have no such list",
                           expected="detector objects, made by simulation or read from a file")
            continue
        for column in COLLECTIONS[name].columns:
            if column.name not in events[name].columns and not (column.optional or column.name.startswith("mc")):
                findings.error("missing-column", f"{name}.{column.name}", "the list has no such column")
    if not findings:
        tracks, pid = events["Tracks"].offsets, events["PIDLikelihoods"].offsets
        if not np.array_equal(tracks, pid):
            findings.error("not-parallel", "PIDLikelihoods", f"{len(pid) - 1} events and {pid[-1]} records",
                           expected=f"one record for each of the {tracks[-1]} tracks")
        for name in NEEDED:
            if len(events[name]) != len(events):
                findings.error("wrong-length", name, f"lists of {len(events[name])} events",
                               expected=f"lists of {len(events)} events")
    findings.raise_if_errors(EventFileError)


def reconstruct_inclusive_tag(events: Events, machine: InitialState, config: InclusiveTagConfig, *,
                              ip: Array | None = None, ip_covariance: Array | None = None) -> CandidateTable:
    """Candidates of the inclusive tag, at most one an event.

    Parameters
    ----------
    events
        Events with ``Tracks``, ``PIDLikelihoods`` and ``ECLClusters``; truth only fills the ``mc*`` columns.
    machine
        The collision: anything with the nominal four-momentum ``p4``.
    config
        Cuts.
    ip : (3,) float64
        Interaction point [cm], the origin by default.
    ip_covariance : (3, 3) float64
        Covariance [cm^2] of the interaction point; constrains the tag vertex where given.

    Raises
    ------
    EventFileError
        When a list or a column is missing.
    """
    return reconstruct_with_energies(events, machine, config, [None], ip=ip, ip_covariance=ip_covariance)[0]


def reconstruct_with_energies(events: Events, machine: InitialState, config: InclusiveTagConfig,
                              energies: Sequence[Array | None], *, keep: Judge | None = None, ip: Array | None = None,
                              ip_covariance: Array | None = None) -> list[CandidateTable]:
    """Candidates of the same events for each of several sets of cluster energies.

    What no cluster enters (tracks, K_S, the signal track of an event, vertices) is made once, so that a further set
    costs a quarter of the first.

    Parameters
    ----------
    energies
        Energies of all clusters [GeV], (clusters,); None stands for those that were measured.  Clusters of energy 0 are
        no photons.
    keep
        Which candidates are wanted, as a mask from their variables; those of vertex fits, which are made for the wanted
        candidates alone, are not among them.  All by default.

    Returns
    -------
    tables
        One for each set of energies, with the cutflow before ``keep``; ``failed_fits`` are those of all together.

    Raises
    ------
    EventFileError
        When a list or a column is missing.
    """
    check_input(events)
    point = np.zeros(3) if ip is None else np.array(ip, np.float64)
    tracks = track_list(events["Tracks"], events["PIDLikelihoods"], config, point)
    kshort = find_kshort(tracks, config, point)
    prompt, m_signal = tracks.good & ~kshort.used, float(masses()[_mass_of(config)])
    found = []
    for energy in energies:
        clusters = events["ECLClusters"]
        if energy is not None:
            clusters = Jagged(clusters.offsets, clusters.columns | {"clusterE": energy})
        objects = _Objects(tracks, prompt, photon_list(clusters, config, point), kshort,
                           np.array(machine.p4, np.float64), m_signal)
        found.append(_unfitted(events, objects, config, keep))
    index = np.unique(np.concatenate([f.index for f in found]))
    signal = np.empty(len(index), np.int64)
    for f in found:
        signal[np.searchsorted(index, f.index)] = f.signal
    vertices = candidate_vertices(index, signal, tracks, prompt, point, ip_covariance, config.magnetic_field, m_signal,
                                  float(masses()[PION]))
    fitted = vertices.columns | {"roeVertexState": vertices.roeVertexState}
    tables = []
    for f in found:
        rows = np.searchsorted(index, f.index)
        tables.append(_table(events, config, f, {n: c[rows] for n, c in fitted.items()}, vertices.failed))
    return tables


def _unfitted(events: Events, objects: _Objects, config: InclusiveTagConfig, keep: Judge | None) -> _Unfitted:
    """Candidates with every variable that needs no vertex fit."""
    sums = event_sums(objects.tracks, objects.prompt, objects.photons, objects.kshort, objects.beam, objects.m_signal,
                      config)
    index, cutflow = _apply_cuts(events, sums, config)
    columns, particles = _signal_and_roe(objects, sums, index, config)
    columns |= _shape_columns(particles, objects.beam)
    if keep is not None:
        wanted = keep(columns)
        index, columns = index[wanted], {n: c[wanted] for n, c in columns.items()}
    return _Unfitted(index, sums.signal[index], columns, cutflow)


def _table(events: Events, config: InclusiveTagConfig, found: _Unfitted, fitted: Columns,
           failed: dict[str, int]) -> CandidateTable:
    """The table of candidates with their fits and, where the events carry it, truth."""
    columns = found.columns | fitted
    columns = {name: columns[name] for name in VARIABLES}
    if has_truth(events):
        columns |= match_signal(events, found.index, found.signal, config.signal_track)
    return CandidateTable(columns, events.event[found.index], events.weight[found.index], found.cutflow, failed)


def _apply_cuts(events: Events, sums: EventSums, config: InclusiveTagConfig) -> tuple[Index, dict[str, float]]:
    """Indices of the events that pass every cut, and the cutflow."""
    passed = np.ones(len(events), np.bool_)
    cutflow = {"all": float(events.weight.sum())}
    for name, mask in cut_masks(sums, config).items():
        passed &= mask
        cutflow[name] = float(events.weight[passed].sum())
    return np.flatnonzero(passed).astype(np.int64), cutflow


def _mass_of(config: InclusiveTagConfig) -> int:
    """Hypothesis whose mass the signal track has."""
    return KAON if config.signal_mass == "kaon" else SIGNAL_TRACKS[config.signal_track]


def _signal_and_roe(objects: _Objects, sums: EventSums, index: Index,
                    config: InclusiveTagConfig) -> tuple[Columns, Particles]:
    """Columns of the signal track, the rest of event and the missing momentum; and the c.m. particles."""
    tracks, beam, signal = objects.tracks, objects.beam, sums.signal[index]
    particles = cms_particles(index, sums, tracks, objects.prompt, objects.photons, objects.kshort, beam,
                              objects.m_signal)
    s = _square(beam)
    p4 = tracks.p4[signal].copy()
    momentum = np.linalg.norm(p4[:, 1:], axis=1)
    p4[:, 0] = np.hypot(momentum, objects.m_signal)
    roe = sums.visible[index] - tracks.p4[signal]
    missing = beam - roe - p4
    signal_cms = particles.p4[particles.begin]
    roe_cms = _to_cms(roe, beam)
    missing_cms = -(roe_cms + signal_cms)
    counts = sums.counts[index]
    columns = {
        "q2_rec": s / 4 + objects.m_signal**2 - np.sqrt(s) * signal_cms[:, 0],
        "pCMS": np.linalg.norm(signal_cms[:, 1:], axis=1), "p": momentum, "kaonID": tracks.pid[signal, KAON],
        "charge": tracks.charge[signal], "dr": np.abs(tracks.d0[signal]), "dz": tracks.dz[signal],
        "cosTheta": p4[:, 3] / momentum,
        "roeTrackPtVariance": particles.ptVariance,
        "roePTheta": _theta(roe), "roeP": np.linalg.norm(roe[:, 1:], axis=1),
        "roeDeltae": roe_cms[:, 0] - np.sqrt(s) / 2,
        "nLeptons": counts[:, LEPTONS] - (config.signal_track in LEPTON_TRACKS),
        "nPhotons": counts[:, PHOTONS], "nTracks": counts[:, TRACKS],
        "nKShort": counts[:, KSHORT], "totalCharge2": counts[:, CHARGE] ** 2,
        "visibleEnergy": roe[:, 0] + p4[:, 0],
        "missingMomentumOfEvent_theta": _theta(missing), "missingMomentumOfEventCMS_theta": _theta(missing_cms),
        "missingMass2OfEvent": _square(missing.T),
    }
    return columns, particles


def _shape_columns(particles: Particles, beam: Array) -> Columns:
    """Columns of event shape and modified Fox-Wolfram moments."""
    sqrt_s = float(np.sqrt(_square(beam)))
    begin, end = particles.begin, particles.end
    shape = event_shape(particles.p4, begin, end, sqrt_s)
    roe_thrust, roe_axis = thrusts(particles.p4, begin + 1, end)
    signal = particles.p4[begin, 1:]
    cosine = np.sum(signal * roe_axis, axis=1) / np.linalg.norm(signal, axis=1)
    columns: Columns = {
        "thrust": shape.thrust, "thrustAxisCosTheta": shape.thrustAxis[:, 2].copy(), "thrustOm": roe_thrust,
        "cosTBTO": np.abs(cosine), "sphericity": shape.sphericity, "aplanarity": shape.aplanarity,
    }
    columns |= {f"foxWolframR{k}": shape.foxWolframR[:, k].copy() for k in range(1, 5)}
    columns |= {f"harmonicMomentThrust{k}": shape.harmonicMomentThrust[:, k].copy() for k in range(5)}
    moments = ksfw_moments(particles.p4, particles.charge, begin, begin + 1, end, sqrt_s)
    return columns | {name: moments[:, k].copy() for k, name in enumerate(KSFW_NAMES)}


def _square(p: Array) -> Any:
    """Invariant square of a four-momentum (4, ...)."""
    return p[0] ** 2 - p[1] ** 2 - p[2] ** 2 - p[3] ** 2


def _to_cms(p: Array, beam: Array) -> Array:
    """Four-momenta (n, 4) in the rest frame of ``beam`` (4,), by a pure boost."""
    mass = np.sqrt(_square(beam))
    energy = (beam[0] * p[:, 0] - p[:, 1:] @ beam[1:]) / mass
    factor = (p[:, 0] + energy) / (beam[0] + mass)
    return np.column_stack([energy, p[:, 1:] - factor[:, None] * beam[1:]])


def _theta(p: Array) -> Array:
    """Polar angle (n,) of four-momenta (n, 4)."""
    return np.arctan2(np.hypot(p[:, 1], p[:, 2]), p[:, 3])
