"""First-level trigger lines and the hadron skim of the high-level trigger.

Trigger tracks: found tracks above a transverse momentum with enough
drift-chamber hits, seen with the efficiency of the card, their z0 smeared with
the resolution of the track trigger.  Trigger clusters: calorimeter clusters
above an energy; E* is the energy of a photon in the centre of mass.

| line | requires |
|---|---|
| fff | three tracks |
| ffo | two tracks with an azimuth of more than ``opening`` between them, no Bhabha |
| stt | a track above ``single_momentum`` with z0 within ``single_z`` |
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

Approximation: offline clusters and tracks in place of trigger cells and track
segments, no timing, no secondary-particle or injection veto, no neural network:
the track trigger's z0 is the offline one with the resolution of the card.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.units import pt_per_tesla_cm
from openbfactory.events.trigger import L1_LINES
from openbfactory.simulate.parameters import TriggerNumbers

Array = npt.NDArray[Any]

PION = 0.13957039
#: the bit of each line
FFF, FFO, STT, HIE, C4, LML0, LML1, LML12, CDCKLM, SINGLE_PHOTON = (1 << i for i in range(len(L1_LINES)))
#: a Bhabha pair (not a line)
BHABHA = 1 << len(L1_LINES)


@njit(cache=True, error_model="numpy")
def track_bits(helix: Array, hits: Array, first: int, last: int, card: TriggerNumbers, rng: np.random.Generator,
               phi: Array, is_trigger: Array) -> tuple[int, int]:
    """Number of trigger tracks and the bits of the track lines of one event; ``phi``, ``is_trigger`` are scratch."""
    count, bits = 0, 0
    for k in range(first, last):
        pt = card.field * pt_per_tesla_cm / abs(helix[k, 2])
        is_trigger[k] = pt > card.least_pt and hits[k, 2] >= card.least_hits and rng.random() < card.efficiency
        if not is_trigger[k]:
            continue
        phi[count] = helix[k, 1]
        for j in range(count):
            if math.cos(phi[count] - phi[j]) < card.opening:
                bits |= FFO
        p = pt * math.sqrt(1.0 + helix[k, 4] * helix[k, 4])
        z = helix[k, 3] + card.z_resolution * rng.standard_normal()
        if p > card.single_momentum and abs(z) < card.single_z:
            bits |= STT
        count += 1
    return count, bits | FFF * (count >= 3)


@njit(cache=True, error_model="numpy")
def in_centre_of_mass(energy: float, theta: float, phi: float, total: Array, out: Array) -> None:
    """Write E*, theta*, phi* of a photon; ``total`` (5,) is the four-momentum of the beams and its mass."""
    px, pz = energy * math.sin(theta) * math.cos(phi), energy * math.cos(theta)
    py = energy * math.sin(theta) * math.sin(phi)
    product = px * total[1] + py * total[2] + pz * total[3]
    out[0] = (energy * total[0] - product) / total[4]
    factor = (product / (total[0] + total[4]) - energy) / total[4]
    px, py, pz = px + factor * total[1], py + factor * total[2], pz + factor * total[3]
    out[1], out[2] = math.atan2(math.sqrt(px * px + py * py), pz), math.atan2(py, px)


@njit(cache=True, error_model="numpy")
def is_bhabha(stars: Array, n: int, card: TriggerNumbers) -> bool:
    """Whether two clusters (n, 3) of E*, theta*, phi* look like a Bhabha pair."""
    for i in range(n):
        if stars[i, 0] < card.bhabha_least:
            continue
        for j in range(i):
            if (stars[j, 0] > card.bhabha_least and max(stars[i, 0], stars[j, 0]) > card.bhabha_large
                    and abs(stars[i, 1] + stars[j, 1] - math.pi) < card.bhabha_angle
                    and math.cos(stars[i, 2] - stars[j, 2]) < -math.cos(card.bhabha_angle)):
                return True
    return False


@njit(cache=True, error_model="numpy")
def cluster_bits(rows: Array, first: int, last: int, tracks: int, card: TriggerNumbers, stars: Array) -> int:
    """Bits of the calorimeter lines of one event, and of a Bhabha pair; ``stars`` (n, 3) is scratch."""
    n, largest, total, low, single, photon = 0, 0.0, 0.0, 0, False, False
    for j in range(first, last):
        energy, theta = rows[j, 0], rows[j, 1]
        if energy < card.least_energy:
            continue
        in_centre_of_mass(energy, theta, rows[j, 2], card.total, stars[n])
        barrel = card.barrel_min < theta < card.barrel_max
        single |= barrel and stars[n, 0] > card.single_energy
        photon |= barrel and stars[n, 0] > card.photon_energy
        largest, total, low, n = max(largest, energy), total + energy, low + (energy > card.low_energy), n + 1
    bits = LML1 * single + SINGLE_PHOTON * (photon and low == 1 and tracks == 0)
    if is_bhabha(stars, n, card):
        return bits | BHABHA
    bits |= HIE * (total > card.total_energy) + C4 * (n >= 4)
    return bits + LML0 * (n >= 3 and largest > card.low_energy) + LML12 * (n >= 3 and largest > card.high_energy)


@njit(cache=True, error_model="numpy")
def hadronic(helix: Array, first: int, last: int, rows: Array, begin: int, end: int, card: TriggerNumbers,
             star: Array) -> bool:
    """Whether an event passes the hadron skim."""
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
        if rows[j, 9] < 0.0 and rows[j, 0] > card.least_energy:
            in_centre_of_mass(rows[j, 0], rows[j, 1], rows[j, 2], card.total, star)
            visible += star[0]
    return count >= card.skim_tracks and visible > card.skim_fraction * card.total[4]


@njit(cache=True, error_model="numpy")
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
    events = len(track_offsets) - 1
    out = np.zeros((events, 3), np.int64)
    phi, is_trigger = np.zeros(len(helix) + 1), np.zeros(len(helix) + 1, np.bool_)
    largest = 1
    for event in range(events):
        largest = max(largest, cluster_offsets[event + 1] - cluster_offsets[event])
    stars = np.zeros((largest, 3))
    for event in range(events):
        first, last = track_offsets[event], track_offsets[event + 1]
        begin, end = cluster_offsets[event], cluster_offsets[event + 1]
        count, of_tracks = track_bits(helix, hits, first, last, card, rng, phi, is_trigger)
        of_clusters = cluster_bits(rows, begin, end, count, card, stars)
        muon = False
        for j in range(muon_offsets[event], muon_offsets[event + 1]):
            muon |= muons[j, 3] >= 0.0 and is_trigger[first + int(muons[j, 3])]
        word = of_tracks | of_clusters | CDCKLM * muon
        if of_clusters & BHABHA:
            word &= ~(FFO | BHABHA)
        for line in range(len(card.prescales)):
            bit, prescale = 1 << line, card.prescales[line]
            if word & bit and prescale > 0.0 and (prescale == 1.0 or rng.random() * prescale < 1.0):
                out[event, 1] |= bit
            if prescale == 0.0:
                word &= ~bit
        out[event, 0] = word
        out[event, 2] = hadronic(helix, first, last, rows, begin, end, card, stars[0])
    return out
