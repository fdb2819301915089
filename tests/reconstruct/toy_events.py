"""Toy detector events with truth for the tests of this room: not a simulation, only plausible numbers."""

from __future__ import annotations

import numpy as np

from openbfactory.core.forest import Forest
from openbfactory.events.columns import COLLECTIONS
from openbfactory.events.record import Events, Jagged
from openbfactory.kinematics import helix
from openbfactory.reconstruct.flavour_categories import CATEGORIES, COMBINED
from openbfactory.reconstruct.flavour_tagger import FlavourTagger

FIELD = 1.5
BEAM = np.array([11.006, 0.456, 0.0, 2.998])
SQRT_S = float(np.sqrt(BEAM[0] ** 2 - np.sum(BEAM[1:] ** 2)))
MASS = np.array([0.000511, 0.10566, 0.13957, 0.49368, 0.93827])
CODE = np.array([-11, -13, 211, 321, 2212])
SIGMA = np.array([20e-4, 0.5e-3, 5e-6, 25e-4, 0.5e-3])
B_PLUS = 5.27934


def _boost(p: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Four-momenta ``p`` (n, 4) from the rest frame of ``frame`` (n, 4) to the lab."""
    mass = np.sqrt(frame[:, 0] ** 2 - np.sum(frame[:, 1:] ** 2, axis=1))
    energy = (frame[:, 0] * p[:, 0] + np.sum(frame[:, 1:] * p[:, 1:], axis=1)) / mass
    factor = (p[:, 0] + energy) / (frame[:, 0] + mass)
    return np.column_stack([energy, p[:, 1:] + factor[:, None] * frame[:, 1:]])


def _directions(rng: np.random.Generator, n: int) -> np.ndarray:
    u = rng.normal(size=(n, 3))
    return u / np.linalg.norm(u, axis=1)[:, None]


def _covariance(sigma: np.ndarray) -> np.ndarray:
    """Upper triangle (n, 15) of a covariance with two correlations."""
    full = np.zeros((len(sigma), 5, 5))
    for i in range(5):
        full[:, i, i] = sigma[:, i] ** 2
    for i, j, rho in ((0, 1, -0.6), (3, 4, -0.6)):
        full[:, i, j] = full[:, j, i] = rho * sigma[:, i] * sigma[:, j]
    rows = np.triu_indices(5)
    return np.ascontiguousarray(full[:, rows[0], rows[1]])


def generic_events(n: int, seed: int, *, tracks: int = 11, photons: int = 11, signal: bool = False,
                   ks_fraction: float = 0.3) -> Events:
    """``n`` events of Poisson many tracks and photons; the signal ones begin with B+ -> K+ nu nubar.

    The truth is flat: initial system, two B, then all stable particles with a B as mother.
    """
    rng = np.random.default_rng(seed)
    n_tracks, n_photons = rng.poisson(tracks, n), rng.poisson(photons, n)
    if signal:
        n_tracks, n_photons = rng.poisson(tracks / 2, n), rng.poisson(photons / 2, n)
    has_ks = rng.random(n) < ks_fraction
    parts = [_event(rng, int(n_tracks[i]), int(n_photons[i]), signal, bool(has_ks[i])) for i in range(n)]
    lists = {}
    for name, position in (("MCParticles", 0), ("Tracks", 1), ("PIDLikelihoods", 2), ("ECLClusters", 3)):
        columns = {c.name: np.concatenate([p[position][c.name] for p in parts]).astype(c.dtype)
                   for c in COLLECTIONS[name].columns if not c.optional}
        counts = [len(p[position][COLLECTIONS[name].names[0]]) for p in parts]
        lists[name] = Jagged(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), columns)
    return Events.of_process("signal" if signal else "generic", n, **lists)


Columns = dict[str, np.ndarray]


def _event(rng: np.random.Generator, n_tracks: int, n_photons: int, signal: bool,
           has_ks: bool) -> tuple[Columns, Columns, Columns, Columns]:
    """Truth, tracks, likelihoods and clusters of one event."""
    b = _directions(rng, 1) * 0.33
    p_b = _boost(np.vstack([np.column_stack([[np.hypot(B_PLUS, 0.33)], b]), np.column_stack(
        [[np.hypot(B_PLUS, 0.33)], -b])]), np.repeat(BEAM[None], 2, 0))
    kind = rng.choice(5, n_tracks, p=[0.05, 0.05, 0.7, 0.16, 0.04])
    momentum = _directions(rng, n_tracks) * rng.gamma(2.0, 0.25, n_tracks)[:, None]
    parent = rng.integers(0, 2, n_tracks) if not signal else np.ones(n_tracks, int)
    p4 = _boost(np.column_stack([np.hypot(np.linalg.norm(momentum, axis=1), MASS[kind]), momentum]), p_b[parent])
    vertex = rng.normal(0, [6e-4, 1e-4, 0.02], (1, 3)) + np.array([[0, 0, 0], [0, 0, 0.008]])[parent]
    charge = rng.choice([-1, 1], n_tracks)
    pdg = CODE[kind] * charge
    neutrinos = np.empty((0, 4))
    if signal:
        q2 = rng.uniform(0.5, 22)
        k, neutrinos = _three_body(rng, q2)
        p4 = np.vstack([_boost(k[None], p_b[:1]), p4])
        neutrinos = _boost(neutrinos, np.repeat(p_b[:1], 2, 0))
        kind, charge, pdg = np.append(3, kind), np.append(1, charge), np.append(321, pdg)
        parent, vertex = np.append(0, parent), np.vstack([np.zeros((1, 3)), vertex])
    if has_ks:
        pions, at = _k_short(rng, p_b[1])
        p4, vertex = np.vstack([p4, pions]), np.vstack([vertex, at])
        kind, charge, pdg = np.append(kind, [2, 2]), np.append(charge, [1, -1]), np.append(pdg, [211, -211])
        parent = np.append(parent, [1, 1])
    truth = _truth(p_b, pdg, p4, vertex, parent, neutrinos, signal)
    rows = 3 + np.arange(len(kind))
    seen = np.hypot(p4[:, 1], p4[:, 2]) > 0.06
    tracks, likelihoods = _tracks(rng, p4[seen], vertex[seen], charge[seen], kind[seen], rows[seen])
    return truth, tracks, likelihoods, _clusters(rng, n_photons)


def _three_body(rng: np.random.Generator, q2: float) -> tuple[np.ndarray, np.ndarray]:
    """Kaon (4,) and neutrinos (2, 4) of B -> K nu nubar in the B frame."""
    energy = (B_PLUS**2 + MASS[3] ** 2 - q2) / (2 * B_PLUS)
    p = np.sqrt(energy**2 - MASS[3] ** 2)
    u = _directions(rng, 1)[0]
    pair = np.append(B_PLUS - energy, -p * u)
    half = 0.5 * np.sqrt(q2)
    v = _directions(rng, 1)
    return np.append(energy, p * u), _boost(np.vstack([np.append(half, half * v), np.append(half, -half * v)]),
                                            np.repeat(pair[None], 2, 0))


def _k_short(rng: np.random.Generator, p_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pions (2, 4) and their vertices (2, 3) of a K_S from the origin."""
    m = 0.497611
    p = _directions(rng, 1) * rng.uniform(0.4, 1.5)
    ks = _boost(np.column_stack([np.hypot(np.linalg.norm(p), m), p]), p_b[None])
    k = np.sqrt(m * m / 4 - MASS[2] ** 2)
    u = _directions(rng, 1) * k
    pions = _boost(np.vstack([np.append(m / 2, u), np.append(m / 2, -u)]), np.repeat(ks, 2, 0))
    flight = rng.exponential(2.684) * ks[0, 1:] / m
    return pions, np.repeat(flight[None], 2, 0)


def _truth(p_b: np.ndarray, pdg: np.ndarray, p4: np.ndarray, vertex: np.ndarray, parent: np.ndarray,
           neutrinos: np.ndarray, signal: bool) -> Columns:
    everything = np.vstack([BEAM[None], p_b, p4, neutrinos])
    code = np.concatenate([[300553, 521, -521], pdg, [14, -14][: len(neutrinos)]])
    mother = np.concatenate([[-1, 0, 0], 1 + parent, np.full(len(neutrinos), 1)])
    n = len(code)
    place = np.vstack([np.zeros((3, 3)), vertex, np.zeros((len(neutrinos), 3))])
    status = np.where(np.arange(n) < 3, 2, 1)
    return {"PDG": code, "E": everything[:, 0], "px": everything[:, 1], "py": everything[:, 2],
            "pz": everything[:, 3], "x": place[:, 0], "y": place[:, 1], "z": place[:, 2], "t": np.zeros(n),
            "mother": mother, "status": status}


def _tracks(rng: np.random.Generator, p4: np.ndarray, vertex: np.ndarray, charge: np.ndarray, kind: np.ndarray,
            rows: np.ndarray) -> tuple[Columns, Columns]:
    n = len(p4)
    pt = np.hypot(p4[:, 1], p4[:, 2])
    sigma = SIGMA * (1 + 0.3 / np.maximum(pt, 0.1))[:, None]
    cov = _covariance(sigma)
    true = helix.helices_of_particles(vertex, np.ascontiguousarray(p4[:, 1:]), charge.astype(float), FIELD)
    noise = rng.normal(size=(n, 5))
    noise[:, 1] = -0.6 * noise[:, 0] + 0.8 * noise[:, 1]
    noise[:, 4] = -0.6 * noise[:, 3] + 0.8 * noise[:, 4]
    h = true + sigma * noise
    tracks = {"charge": charge, "d0": h[:, 0], "phi0": h[:, 1], "omega": h[:, 2], "z0": h[:, 3], "tanLambda": h[:, 4],
              "cov": cov, "nPXDHits": np.full(n, 2), "nSVDHits": np.full(n, 8), "nCDCHits": np.full(n, 50),
              "mcIndex": rows}
    order = {"e": 0, "mu": 1, "pi": 2, "K": 3, "p": 4, "d": 5}
    likelihoods = {f"logL_{name}": np.where(kind == k, 6.0, 0.0) + rng.normal(0, 1.5, n) for name, k in order.items()}
    return tracks, likelihoods


def _clusters(rng: np.random.Generator, n: int) -> Columns:
    theta = np.arccos(rng.uniform(-0.9, 0.97, n))
    matched = rng.random(n) < 0.1
    return {"clusterE": rng.gamma(1.2, 0.25, n) + 0.05, "clusterTheta": theta,
            "clusterPhi": rng.uniform(-np.pi, np.pi, n), "clusterR": np.full(n, 150.0), "clusterReg": np.full(n, 2),
            "clusterTiming": np.zeros(n), "clusterErrorTiming": np.ones(n), "clusterE1E9": np.full(n, 0.5),
            "clusterE9E21": np.full(n, 0.9), "clusterTrackMatch": matched, "trackIndex": np.full(n, -1),
            "minC2TDist": np.full(n, 50.0), "mcIndex": np.full(n, -1)}


def toy_tagger(strength: float = 0.4) -> FlavourTagger:
    """Flavour tagger whose categories give the same output for every track, and their combination its first input."""
    def forest(names: tuple[str, ...], feature: int, thresholds: list[float], leaves: list[float]) -> Forest:
        n = len(thresholds)
        return Forest(names, np.array([0 if n else -1]), np.full(n, feature, np.int64),
                      np.array([~i for i in range(n)], np.int64), np.array([*range(1, n), ~n][:n], np.int64),
                      np.array(thresholds), np.zeros(n, np.bool_), np.array(leaves))

    categories = {name: forest(c.inputs, 0, [], [np.log(strength / (1 - strength))]) for name, c in CATEGORIES.items()}
    return FlavourTagger(categories, forest(COMBINED, 0, [-0.1, 0.1], [-1.0, 0.0, 1.0]))
