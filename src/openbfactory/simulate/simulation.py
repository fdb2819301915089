"""The detector as a whole: truth in, tracks, clusters and likelihoods out.

Each process has its own random stream (``simulate:tracking``, ``simulate:ecl``
...), so that a change of one subdetector leaves the others as they were.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.random import Address
from openbfactory.events.columns import ECL_CLUSTERS, KLM_CLUSTERS, PID_LIKELIHOODS, TRACKS, Collection
from openbfactory.events.record import Events, Jagged
from openbfactory.experiment.card import Card
from openbfactory.simulate import clusters, ecl, klm, merging, parameters, pid, surface, tracking
from openbfactory.simulate.species import species_masses
from openbfactory.simulate.truth import truth_of

Array = npt.NDArray[Any]


def simulate(events: Events, card: Card, address: Address) -> Events:
    """The events with Tracks, PIDLikelihoods, ECLClusters and KLMClusters.

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

    tracks = tracking.find_tracks(truth, parameters.tracking_numbers(detector), masses,
                                  address.at("simulate:tracking").generator())
    hits = surface.impacts(truth, detector.field.value, ecl_card.surface)
    muons = klm.reach(truth, hits, tracks.of_particle, klm_card, address.at("simulate:klm").generator())
    deposits = ecl.deposit(truth, hits, tracks.of_particle, masses, ecl_card,
                           address.at("simulate:ecl").generator())
    single = clusters.measure(deposits.offsets, deposits.rows, ecl_card, address.at("simulate:clusters").generator())
    offsets, rows = merging.merge(single.offsets, single.rows, ecl_card.merge_distance)
    distance = merging.track_distances(offsets, rows, tracks.offsets, tracks.helix, ecl_card.surface)

    energy = _of_tracks(tracks, offsets, rows[:, 9], rows[:, 0])
    matched = _of_tracks(tracks, muons.offsets, muons.rows[:, 3], np.ones(len(muons.rows)))
    event_of_track = np.repeat(np.arange(len(events), dtype=np.int64), np.diff(tracks.offsets))
    likelihoods = pid.identify(truth, event_of_track, tracks.particle, tracks.hits, energy, matched, pid_card, klm_card,
                               ecl_card.charged, masses[:6], pid.ionisation_table(pid_card.curve),
                               address.at("simulate:pid").generator())
    return events.with_lists(
        Tracks=_tracks(tracks),
        PIDLikelihoods=Jagged(tracks.offsets.copy(), {name: np.ascontiguousarray(likelihoods[:, k])
                                                      for k, name in enumerate(PID_LIKELIHOODS.names)}),
        ECLClusters=_ecl_clusters(offsets, rows, distance),
        KLMClusters=_typed(KLM_CLUSTERS, muons.offsets, list(muons.rows.T)))


def _of_tracks(tracks: tracking.TrackColumns, offsets: Array, track: Array, values: Array) -> Array:
    """Sum of ``values`` of the clusters matched to each track, (n,)."""
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    matched = track >= 0
    index = tracks.offsets[event[matched]] + track[matched].astype(np.int64)
    return np.bincount(index, weights=values[matched], minlength=len(tracks.charge)).astype(np.float64)


def _tracks(tracks: tracking.TrackColumns) -> Jagged:
    """Tracks as a collection."""
    columns = [tracks.charge, *tracks.helix.T, tracks.covariance, *tracks.hits.T, tracks.particle]
    return _typed(TRACKS, tracks.offsets, columns)


def _ecl_clusters(offsets: Array, rows: Array, distance: Array) -> Jagged:
    """Calorimeter clusters as a collection."""
    energy, theta, phi, r, region, time, error, e1e9, e9e21, track, particle = rows.T
    return _typed(ECL_CLUSTERS, offsets, [energy, theta, phi, r, region, time, error, e1e9, e9e21, track >= 0, track,
                                          distance, particle])


def _typed(collection: Collection, offsets: Array, columns: list[Array]) -> Jagged:
    """Columns in the declared order with the declared types."""
    return Jagged(offsets, {c.name: np.array(values, dtype=c.dtype, order="C")
                            for c, values in zip(collection.columns, columns, strict=True)})
