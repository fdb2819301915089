"""First-level trigger lines and the hadron skim of the high-level trigger.

Trigger tracks: found tracks above a transverse momentum with enough track
segments in the axial superlayers of the drift chamber (where the card has no
segments: enough hits), seen with the efficiency of the card.  Neural tracks:
:mod:`openbfactory.simulate.segments`; "near" is z within ``neural_z``.  Trigger
clusters: calorimeter clusters above an energy; E* is the energy of a photon in
the centre of mass.

| line | requires |
|---|---|
| fff, ffy | three tracks; one of them with a near neural track |
| ffo, fyo | two tracks with an azimuth of more than ``opening`` between them, no Bhabha; a near neural track |
| stt | a near neural track with a momentum above ``single_momentum``, no Bhabha |
| hie | total energy of the clusters above ``total_energy``, no Bhabha |
| c4 | four clusters, no Bhabha |
| lml0, lml12 | three clusters, one above ``low_energy``, ``high_energy``, no Bhabha |
| lml1 | one cluster with E* above ``single_energy`` in the barrel |
| cdcklm | a track with a cluster in the muon detector |
| single_photon | one cluster with E* above ``photon_energy`` in the barrel, no other above ``low_energy``, no track |

Bhabha: two clusters back to back in the centre of mass (in theta and phi) with
E* above ``bhabha.least_energy``, one of them above ``bhabha.large_energy``.
A line with prescale n keeps one event in n, drawn at random; 0 switches it off.
Hadron skim: enough tracks from the collision point and a visible energy (tracks
as pions, clusters without a track) above a fraction of sqrt(s), both in the
centre of mass.

Neural tracks of an event are made, fast tracks first, until the lines that need
one are decided: the others would change nothing.

Approximation: offline clusters in place of trigger cells, offline tracks as
candidates of the track trigger, no timing, no secondary-particle or injection
veto, no tracks or events of beam background.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel
from openbfactory.core.units import pt_per_tesla_cm
from openbfactory.events.trigger import L1_LINES
from openbfactory.simulate.segments import axial_segments, neural_track
from openbfactory.simulate.trigger_card import TriggerNumbers

Array = npt.NDArray[Any]

PION = 0.13957039
#: the bit of each line
FFF, FFO, STT, HIE, C4, LML0, LML1, LML12, CDCKLM, SINGLE_PHOTON, FFY, FYO = (1 << i for i in range(len(L1_LINES)))
#: a Bhabha pair (not a line)
BHABHA = 1 << len(L1_LINES)
#: momenta over that which stt asks for: tracks whose neural tracks are made first, and those that can pass
FAST, POSSIBLE = 1.05, 0.8


@kernel
def track_bits(helix: Array, hits: Array, first: int, last: int, card: TriggerNumbers, rng: np.random.Generator,
               ways: Array, segments: Array) -> tuple[int, int]:
    """Number of trigger tracks and the bits of the lines of tracks in the transverse plane of one event.

    ``ways`` (n, 2) is scratch; ``segments`` is set to the axial superlayers (bits) of each trigger track, else 0.
    """
    count, bits = 0, 0
    for k in range(first, last):
        pt = card.field * pt_per_tesla_cm / abs(helix[k, 2])
        segments[k] = 0
        if pt < card.least_pt or hits[k, 2] < card.least_hits or rng.random() >= card.efficiency:
            continue
        segments[k] = axial_segments(helix[k], card.segments, rng) if len(card.segments.superlayers) > 0 else 1
        if segments[k] == 0:
            continue
        x, y = math.cos(helix[k, 1]), math.sin(helix[k, 1])
        for j in range(count if bits == 0 else 0):
            if x * ways[j, 0] + y * ways[j, 1] < card.opening:
                bits = FFO
        ways[count, 0], ways[count, 1] = x, y
        count += 1
    return count, bits | FFF * (count >= 3)


@kernel
def neural_bits(helix: Array, first: int, last: int, of_tracks: int, card: TriggerNumbers, rng: np.random.Generator,
                segments: Array, measured: Array, inputs: Array, hidden: Array) -> int:
    """Bits of the lines with neural tracks of one event; ``measured``, ``inputs`` and ``hidden`` are scratch."""
    with_track = FFY * (of_tracks & FFF != 0) | FYO * (of_tracks & FFO != 0)
    bits, shift = 0, card.segments.event_time * rng.standard_normal()
    low, high = FAST * card.single_momentum, math.inf
    for turn in range(3):
        for k in range(first, last):
            if segments[k] == 0 or bits == with_track | STT or (turn == 2 and bits & with_track == with_track):
                continue
            pt = card.field * pt_per_tesla_cm / abs(helix[k, 2])
            p = pt * math.sqrt(1.0 + helix[k, 4] * helix[k, 4])
            if p <= low or p > high:
                continue
            found, z, theta, pt = neural_track(helix[k], segments[k], shift, card.segments, card.network, rng,
                                               measured, inputs, hidden)
            if found and abs(z) < card.neural_z:
                bits |= with_track | STT * (pt > card.single_momentum * math.sin(theta))
        low, high = (POSSIBLE * card.single_momentum if turn == 0 else 0.0), low
    return bits


@kernel
def in_centre_of_mass(energy: float, theta: float, phi: float, total: Array, least: float, out: Array) -> float:
    """E* of a photon; ``out`` (3,) gets E*, theta*, phi* when it is above ``least``.

    ``total`` (5,) is the four-momentum of the beams and its mass.
    """
    transverse = energy * math.sin(theta)
    px, py, pz = transverse * math.cos(phi), transverse * math.sin(phi), energy * math.cos(theta)
    product = px * total[1] + py * total[2] + pz * total[3]
    star = (energy * total[0] - product) / total[4]
    if star > least:
        factor = (product / (total[0] + total[4]) - energy) / total[4]
        px, py, pz = px + factor * total[1], py + factor * total[2], pz + factor * total[3]
        out[0], out[1], out[2] = star, math.atan2(math.sqrt(px * px + py * py), pz), math.atan2(py, px)
    return star


@kernel
def is_bhabha(stars: Array, n: int, card: TriggerNumbers) -> bool:
    """Whether two clusters (n, 3) of E*, theta*, phi* above the least energy look like a Bhabha pair."""
    for i in range(n):
        for j in range(i):
            if (max(stars[i, 0], stars[j, 0]) > card.bhabha_large
                    and abs(stars[i, 1] + stars[j, 1] - math.pi) < card.bhabha_angle
                    and math.cos(stars[i, 2] - stars[j, 2]) < -math.cos(card.bhabha_angle)):
                return True
    return False


@kernel
def cluster_bits(rows: Array, first: int, last: int, tracks: int, card: TriggerNumbers, stars: Array,
                 energies: Array) -> int:
    """Bits of the calorimeter lines of one event, and of a Bhabha pair.

    ``stars`` (n, 3) is scratch; ``energies`` is set to E* of the clusters above the least energy, 0 for the others.
    """
    n, large, largest, total, low, single, photon = 0, 0, 0.0, 0.0, 0, False, False
    for j in range(first, last):
        energy, theta = rows[j, 0], rows[j, 1]
        energies[j] = 0.0
        if energy < card.least_energy:
            continue
        star = in_centre_of_mass(energy, theta, rows[j, 2], card.total, card.bhabha_least, stars[large])
        energies[j] = star
        large += star > card.bhabha_least
        barrel = card.barrel_min < theta < card.barrel_max
        single |= barrel and star > card.single_energy
        photon |= barrel and star > card.photon_energy
        largest, total, low, n = max(largest, energy), total + energy, low + (energy > card.low_energy), n + 1
    bits = LML1 * single + SINGLE_PHOTON * (photon and low == 1 and tracks == 0)
    if is_bhabha(stars, large, card):
        return bits | BHABHA
    bits |= HIE * (total > card.total_energy) + C4 * (n >= 4)
    return bits + LML0 * (n >= 3 and largest > card.low_energy) + LML12 * (n >= 3 and largest > card.high_energy)


@kernel
def hadronic(helix: Array, first: int, last: int, rows: Array, begin: int, end: int, card: TriggerNumbers,
             energies: Array) -> bool:
    """Whether an event passes the hadron skim; ``energies`` as from :func:`cluster_bits`."""
    count, visible = 0, 0.0
    for k in range(first, last):
        h = helix[k]
        pt = card.field * pt_per_tesla_cm / abs(h[2])
        if pt < card.skim_pt or abs(h[0]) > card.skim_dr or abs(h[3]) > card.skim_dz:
            continue
        count += 1
        pz = pt * h[4]
        energy = math.sqrt(pt * pt + pz * pz + PION * PION)
        visible += (energy * card.total[0] - pt * math.cos(h[1]) * card.total[1]
                    - pt * math.sin(h[1]) * card.total[2] - pz * card.total[3]) / card.total[4]
    for j in range(begin, end):
        if rows[j, 9] < 0.0:
            visible += energies[j]
    return count >= card.skim_tracks and visible > card.skim_fraction * card.total[4]


@kernel
def decide_all(track_offsets: Array, helix: Array, hits: Array, cluster_offsets: Array, rows: Array,
               muon_offsets: Array, muons: Array, card: TriggerNumbers, rng: np.random.Generator, ways: Array,
               segments: Array, energies: Array, stars: Array, measured: Array, inputs: Array, hidden: Array,
               out: Array) -> None:
    """Write the trigger words of :func:`decide` to ``out``; the seven arrays before it are scratch."""
    neurons = len(hidden)
    for event in range(len(track_offsets) - 1):
        first, last = track_offsets[event], track_offsets[event + 1]
        begin, end = cluster_offsets[event], cluster_offsets[event + 1]
        count, of_tracks = track_bits(helix, hits, first, last, card, rng, ways, segments)
        if neurons > 0 and count > 0:
            of_tracks |= neural_bits(helix, first, last, of_tracks, card, rng, segments, measured, inputs, hidden)
        of_clusters = cluster_bits(rows, begin, end, count, card, stars, energies)
        muon = False
        for j in range(muon_offsets[event], muon_offsets[event + 1]):
            muon |= muons[j, 3] >= 0.0 and segments[first + int(muons[j, 3])] != 0
        word = of_tracks | of_clusters | CDCKLM * muon
        if of_clusters & BHABHA:
            word &= ~(FFO | FYO | STT | BHABHA)
        kept = 0
        for line in range(len(card.prescales)):
            bit, prescale = 1 << line, card.prescales[line]
            if word & bit and prescale > 0.0 and (prescale == 1.0 or rng.random() * prescale < 1.0):
                kept |= bit
            if prescale == 0.0:
                word &= ~bit
        out[event, 0], out[event, 1] = word, kept
        out[event, 2] = hadronic(helix, first, last, rows, begin, end, card, energies)


def decide(track_offsets: Array, helix: Array, hits: Array, cluster_offsets: Array, rows: Array, muon_offsets: Array,
           muons: Array, card: TriggerNumbers, rng: np.random.Generator) -> Array:
    """Trigger words (n, 3) of all events: lines fired, lines after prescale, hadron skim (0 or 1).

    Parameters
    ----------
    helix : (m, 5); hits : (m, 3)
        Tracks.
    rows
        Calorimeter clusters as in :mod:`openbfactory.simulate.clusters`.
    muons
        Clusters of the muon detector as in :mod:`openbfactory.simulate.klm`.
    """
    superlayers = len(card.segments.superlayers)
    out = np.zeros((len(track_offsets) - 1, 3), np.int64)
    most = int(np.diff(cluster_offsets).max(initial=0))
    decide_all(track_offsets, helix, hits, cluster_offsets, rows, muon_offsets, muons, card, rng,
               np.zeros((len(helix) + 1, 2)), np.zeros(len(helix) + 1, np.int64), np.zeros(len(rows)),
               np.zeros((most + 1, 3)), np.zeros((superlayers, 3)), np.zeros(3 * superlayers, np.float32),
               np.zeros(card.network.hidden.shape[1], np.float32), out)
    return out
