"""K_L and muon detector: clusters of K_L, matches of tracks, and muon identification with its fakes against momentum.

References (most are quoted without a source that could be traced, tolerances accordingly): efficiency of K_L clusters
rising about linearly from 0 at 0.3 GeV to 70 to 80 % at 3 GeV, angles within 20 mrad in the barrel and 10 mrad in the
endcaps (Belle II TDR); no muons below 0.6 GeV in the barrel; muonID > 0.9 above 1 GeV: 85 to 90 % of muons, 4 to 7 % of
pions, 1 to 2 % of kaons; at 90 % efficiency 4.1 % of pions by likelihoods (arXiv:2503.11351, abstract); Belle, 1 to
3 GeV: 89 % of muons and 1.4 % of pions (Nucl. Instrum. Meth. A 491 (2002) 69, abstract).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from openbfactory.core.random import Address
from openbfactory.events.record import Events
from openbfactory.experiment import load_card
from openbfactory.generate.gun import particle_gun
from openbfactory.simulate import simulate
from openbfactory.simulate.trigger_training import half_width
from validation.rows import Row

Array = npt.NDArray[np.float64]

CHUNK = 100_000
HYPOTHESES = ("e", "mu", "pi", "K", "p", "d")
#: columns of :func:`charged_tracks`
P, PT, THETA, MATCHED, MUON_ID = range(5)
#: columns of :func:`long_lived`: momentum, polar angle, number of clusters, residuals in theta and sin(theta) phi
CLUSTERS, D_THETA, D_PHI = 2, 3, 4
MEMORY = "reference not traced"


def _events(name: str, particles: int, card: str, momentum: tuple[float, float]) -> list[tuple[Events, Events]]:
    """Generated and simulated events of a gun, one particle each."""
    made = []
    for chunk in range(-(-particles // CHUNK)):
        address = Address(3, f"muons-{name}", chunk)
        events = particle_gun(name, min(CHUNK, particles - chunk * CHUNK), address, momentum=momentum,
                              theta=(18.0, 150.0), charges="both" if name != "K_L0" else "given")
        made.append((events, simulate(events, load_card(card), address)))
    return made


def _momenta(events: Events) -> tuple[Array, Array, Array]:
    """Momentum, transverse momentum and polar angle of the first particle of every event."""
    mc = events["MCParticles"]
    px, py, pz = (mc[name][mc.offsets[:-1]] for name in ("px", "py", "pz"))
    pt = np.hypot(px, py)
    return np.hypot(pt, pz), pt, np.arctan2(pt, pz)


@cache
def charged_tracks(name: str, particles: int, card: str = "belle2") -> Array:
    """Found tracks (n, 5) of simulated particles: p, pT, theta, whether a cluster is matched, muonID."""
    rows = []
    for events, out in _events(name, particles, card, (0.3, 4.0)):
        tracks, clusters = out["Tracks"], out["KLMClusters"]
        event = np.repeat(np.arange(len(events)), tracks.counts)
        logs = np.column_stack([out["PIDLikelihoods"][f"logL_{h}"] for h in HYPOTHESES])
        muon_id = 1.0 / np.exp(logs - logs[:, 1:2]).sum(axis=1)
        matched = np.zeros(len(event))
        of_cluster, track = np.repeat(np.arange(len(events)), clusters.counts), clusters["trackIndex"]
        matched[tracks.offsets[of_cluster[track >= 0]] + track[track >= 0]] = 1.0
        first = tracks["mcIndex"] == 0
        rows.append(np.column_stack([*(v[event] for v in _momenta(events)), matched, muon_id])[first])
    return np.concatenate(rows)


@cache
def long_lived(particles: int, card: str = "belle2") -> Array:
    """Simulated K_L (n, 5): p, theta, number of clusters, residuals of the first cluster [rad]."""
    rows = []
    for events, out in _events("K_L0", particles, card, (0.1, 4.0)):
        clusters, (p, _, theta) = out["KLMClusters"], _momenta(events)
        mc = events["MCParticles"]
        phi = np.arctan2(mc["py"], mc["px"])[mc.offsets[:-1]]
        table = np.column_stack([p, theta, clusters.counts, np.zeros((len(p), 2))])
        has = clusters.counts > 0
        k = clusters.offsets[:-1][has]
        table[has, D_THETA] = clusters["klmClusterTheta"][k] - theta[has]
        turned = clusters["klmClusterPhi"][k] - phi[has]
        table[has, D_PHI] = np.sin(theta[has]) * (turned - 2 * np.pi * np.round(turned / (2 * np.pi)))
        rows.append(table)
    return np.concatenate(rows)


def fake_at(efficiency: float, low: float, high: float, particles: int, card: str, name: str = "pi+") -> float:
    """Share of a species above the cut on muonID that keeps a share of the muons, momenta between limits [GeV]."""
    muons, others = charged_tracks("mu+", particles, card), charged_tracks(name, particles, card)
    muons = muons[(muons[:, P] > low) & (muons[:, P] < high), MUON_ID]
    others = others[(others[:, P] > low) & (others[:, P] < high), MUON_ID]
    return float(np.mean(others > np.quantile(muons, 1.0 - efficiency)))


def passing(name: str, low: float, high: float, particles: int, card: str = "belle2") -> float:
    """Share of the tracks of a species between momenta [GeV] with muonID > 0.9."""
    tracks = charged_tracks(name, particles, card)
    return float(np.mean(tracks[(tracks[:, P] > low) & (tracks[:, P] < high), MUON_ID] > 0.9))


def rows() -> list[Row]:
    """Rows of the table."""
    n = 200_000
    kaons = long_lived(n)
    in_detector = kaons[(kaons[:, 1] > np.radians(18)) & (kaons[:, 1] < np.radians(150))]

    def efficiency(p: float) -> float:
        return float(np.mean(in_detector[np.abs(in_detector[:, 0] - p) < 0.1, CLUSTERS] > 0))

    barrel = (kaons[:, 1] > np.radians(47)) & (kaons[:, 1] < np.radians(122)) & (kaons[:, CLUSTERS] > 0)
    endcap = (kaons[:, 1] < np.radians(35)) & (kaons[:, CLUSTERS] > 0)
    muons = charged_tracks("mu+", n)
    slow = muons[(muons[:, PT] < 0.58) & (np.abs(muons[:, THETA] - np.pi / 2) < 0.5), MATCHED]
    tdr = "Belle II TDR, not read"
    return [
        Row("K_L in the muon detector at 0.3 GeV", 0.0, efficiency(0.3), 0.03, tdr),
        Row("K_L in the muon detector at 3 GeV", 0.75, efficiency(3.0), 0.05, tdr),
        Row("K_L angle in the barrel [mrad]", 20.0, 1e3 * half_width(kaons[barrel, D_THETA]), 1.0, tdr),
        Row("K_L angle in the endcap [mrad]", 10.0, 1e3 * half_width(kaons[endcap, D_THETA]), 1.0, tdr),
        Row("muons below 0.58 GeV of pT matched in the barrel", 0.0, float(slow.mean()), 0.001, "acceptance of basf2"),
        Row("muonID > 0.9, 1 to 4 GeV: muons", 0.875, passing("mu+", 1.0, 4.0, n), 0.03, MEMORY),
        Row("muonID > 0.9, 1 to 4 GeV: pions", 0.05, passing("pi+", 1.0, 4.0, n), 0.02, MEMORY),
        Row("muonID > 0.9, 1 to 4 GeV: kaons", 0.015, passing("K+", 1.0, 4.0, n), 0.01, MEMORY),
        Row("pions at 90 % of muons, 1 to 4 GeV", 0.041, fake_at(0.9, 1.0, 4.0, n, "belle2"), 0.01, "arXiv:2503.11351"),
        Row("Belle: pions at 89 % of muons, 1 to 3 GeV", 0.014, fake_at(0.89, 1.0, 3.0, n, "belle"), 0.005,
            "NIM A 491 (2002) 69"),
    ]
