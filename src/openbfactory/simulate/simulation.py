"""The detector as a whole: truth in, tracks, clusters and likelihoods out.

Each process has its own random stream (``simulate:tracking``, ``simulate:ecl``
...), so that a change of one subdetector leaves the others as they were.
"""

from __future__ import annotations

import threading
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.random import Address
from openbfactory.events.columns import (
    ECL_CLUSTERS,
    HYPOTHESES,
    KLM_CLUSTERS,
    MC_SECONDARIES,
    SUBDETECTORS,
    TRACKS,
    TRG_SUMMARY,
    Collection,
)
from openbfactory.events.record import Events, Jagged
from openbfactory.experiment.card import Card
from openbfactory.simulate import (
    clusters,
    ecl,
    ghosts,
    klm,
    merging,
    parameters,
    pid,
    showers,
    tracking,
    transport,
    trigger,
)
from openbfactory.simulate.misalignment import misalign, silicon_radii
from openbfactory.simulate.species import species_masses
from openbfactory.simulate.transport import Particles
from openbfactory.simulate.trigger_card import trigger_numbers
from openbfactory.simulate.truth import truth_of
from openbfactory.simulate.undone import undo_decays

Array = npt.NDArray[Any]

#: the generator of each thread
_OWN = threading.local()


@dataclass(frozen=True, slots=True)
class Counts:
    """What the simulation left out or repaired.

    Attributes
    ----------
    unknown
        Stable particles that the detector does not know; neutrinos are not counted.
    outside
        Particles made beyond the front faces of the calorimeter.
    repaired
        Covariances of tracks that were not positive-definite.
    undone
        Decays of K_S and hyperons that did not happen because matter came first.
    wrong_charge, clones, fakes
        Tracks with the wrong charge, second tracks of a particle, and tracks that no particle made.
    """

    unknown: int = 0
    outside: int = 0
    repaired: int = 0
    undone: int = 0
    wrong_charge: int = 0
    clones: int = 0
    fakes: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def lines(self) -> list[str]:
        """One line of text for every count that is not zero."""
        texts = {"unknown": "stable particles are unknown to the detector and left nothing",
                 "outside": "particles were made outside the detector and left nothing",
                 "repaired": "covariances of tracks were not positive-definite and have been repaired",
                 "undone": "decays of K_S and hyperons did not happen because they hit matter first",
                 "wrong_charge": "tracks have the wrong charge",
                 "clones": "tracks are second tracks of a particle",
                 "fakes": "tracks come from no particle"}
        return [f"{getattr(self, name)} {text}" for name, text in texts.items() if getattr(self, name)]


def _generator(address: Address, process: str) -> np.random.Generator:
    """The random numbers of a process: one object for all, set to their beginning.

    Kernels without reference counting never give back a generator that they were called with.
    """
    fresh = address.at(f"simulate:{process}").generator()
    if not hasattr(_OWN, "generator"):
        _OWN.generator = fresh
    _OWN.generator.bit_generator.state = fresh.bit_generator.state
    generator: np.random.Generator = _OWN.generator
    return generator


def simulate(events: Events, card: Card, address: Address) -> Events:
    """The events with detector objects, as :func:`simulate_counted` gives them."""
    return simulate_counted(events, card, address)[0]


def simulate_counted(events: Events, card: Card, address: Address) -> tuple[Events, Counts]:
    """The events with Tracks, PIDLikelihoods, ECLClusters, KLMClusters, TRGSummary, MCSecondaries; what was left out.

    Parameters
    ----------
    events
        Events with MCParticles (GeV, cm, ns; lab frame).
    card
        Machine and detector.
    address
        Where random numbers are drawn; the same address gives the same objects.

    Raises
    ------
    EventFileError
        Without MCParticles, or with momenta or positions that are not finite.
    """
    truth, detector, masses = truth_of(events), card.detector, species_masses()
    ecl_card, klm_card = parameters.calorimeter_numbers(detector), parameters.muon_numbers(detector)
    pid_card = parameters.identification_numbers(detector)

    matter = parameters.transport_numbers(detector)
    status = truth.status.copy()
    undone = undo_decays(truth, np.ascontiguousarray(events["MCParticles"]["mother"]), matter.material,
                         matter.interactions * matter.material_scale, _generator(address, "undone"), status,
                         np.zeros(len(status), np.bool_))
    particles = transport.transport(truth._replace(status=status), masses, matter,
                                    _generator(address, "transport"))
    track_card = parameters.tracking_numbers(detector)
    found = tracking.find_tracks(particles, track_card, masses, _generator(address, "tracking"))
    tracks, wrong, clones, fakes = ghosts.add_ghosts(found, particles, track_card, masses,
                                                     _generator(address, "ghosts"))
    if any(detector.misalignment.numbers):
        misalign(tracks.helix, tracks.hits, silicon_radii(track_card.layers), np.array(detector.misalignment.numbers))
    muons = klm.reach(particles, tracks.of_particle, klm_card, _generator(address, "klm"))
    deposits = ecl.deposit(particles, tracks.of_particle, masses, ecl_card, _generator(address, "ecl"))
    single = clusters.measure(deposits.offsets, deposits.rows, ecl_card, _generator(address, "clusters"))
    del deposits  # what is not needed any more goes at once: memory
    offsets, rows, points = merging.merge(single.offsets, single.rows, ecl_card.merge_distance)
    shapes = showers.measure_shapes(rows, showers.shower_numbers(detector),
                                    _generator(address, "showers"))
    distance = merging.track_distances(offsets, points, tracks.offsets, tracks.helix, ecl_card.surface)

    energy = merging.sums_of_tracks(offsets, rows[:, 9], rows[:, 0], tracks.offsets)
    matched = merging.sums_of_tracks(muons.offsets, muons.rows[:, 3], np.ones(len(muons.rows)), tracks.offsets)
    likelihoods = _likelihoods(tracks.offsets, *pid.identify(
        particles, tracks.row, tracks.hits, energy, matched, pid_card, klm_card, ecl_card.charged, masses[:6],
        pid.ionisation_table(pid_card.curve), _generator(address, "pid")), pid_card.devices)
    decisions = trigger.decide(tracks.offsets, tracks.helix, tracks.hits, offsets, rows, muons.offsets, muons.rows,
                               trigger_numbers(card), _generator(address, "trigger"))
    secondaries, objects = _secondaries(particles, tracks.of_particle), _tracks(tracks, particles)
    unknown, outside = particles.unknown, particles.outside
    del particles
    return events.with_lists(
        MCSecondaries=secondaries,
        Tracks=objects,
        PIDLikelihoods=likelihoods,
        ECLClusters=_ecl_clusters(offsets, rows, shapes, distance),
        KLMClusters=_typed(KLM_CLUSTERS, muons.offsets, list(muons.rows.T)),
        TRGSummary=_typed(TRG_SUMMARY, np.arange(len(events) + 1, dtype=np.int64), [
            decisions[:, 0], decisions[:, 1], decisions[:, 1] != 0, decisions[:, 2]])
    ), Counts(unknown, outside, tracks.repaired, undone, wrong, clones, fakes)


def _tracks(tracks: tracking.TrackColumns, particles: Particles) -> Jagged:
    """Tracks as a collection; those of secondaries and fakes have no generated particle."""
    codes = particles.codes[tracks.row]
    own = (codes[:, transport.SECONDARY] < 0) & (tracks.kind != ghosts.FAKE)
    primary = np.where(own, codes[:, transport.ANCESTOR], -1)
    columns = [tracks.charge, *tracks.helix.T, tracks.covariance, *tracks.hits.T, primary]
    return _typed(TRACKS, tracks.offsets, columns)


def _secondaries(particles: Particles, of_particle: Array) -> Jagged:
    """Particles made in the detector as a collection."""
    codes, chosen = particles.codes, particles.codes[:, transport.SECONDARY] >= 0
    offsets = np.concatenate([[0], np.cumsum(chosen)])[particles.offsets].astype(np.int64)
    rows = particles.numbers[chosen]
    return _typed(MC_SECONDARIES, offsets, [
        codes[chosen, transport.PDG], *rows[:, transport.PX:transport.T + 1].T, codes[chosen, transport.PROCESS],
        codes[chosen, transport.ANCESTOR], of_particle[chosen]])


def _likelihoods(offsets: Array, total: Array, parts: Array, devices: Array) -> Jagged:
    """Log-likelihoods as a collection: the sums, and the subdetectors of the card."""
    present = sorted({int(d) for d in devices[:, 9]} | {pid.CALORIMETER, pid.MUON_DETECTOR})
    columns = {f"logL_{h}": total[k] for k, h in enumerate(HYPOTHESES)}
    for d in present:
        for k, h in enumerate(HYPOTHESES):
            columns[f"logL_{h}_{SUBDETECTORS[d]}"] = parts[d, k]
    return Jagged(offsets.copy(), columns)


def _ecl_clusters(offsets: Array, rows: Array, shapes: Array, distance: Array) -> Jagged:
    """Calorimeter clusters as a collection."""
    energy, theta, phi, r, region, time, error, _, _, track, particle = rows.T
    return _typed(ECL_CLUSTERS, offsets, [energy, theta, phi, r, region, time, error, *shapes.T, track >= 0, track,
                                          distance, particle])


def _typed(collection: Collection, offsets: Array, columns: list[Array]) -> Jagged:
    """Columns in the declared order with the declared types."""
    return Jagged(offsets, {c.name: np.ascontiguousarray(values, dtype=c.dtype)
                            for c, values in zip(collection.columns, columns, strict=True)})
