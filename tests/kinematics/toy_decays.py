"""Toy decays with known truth and Gaussian measurements, for fits: not a simulation, only plausible numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openbfactory.core.units import pt_per_tesla_cm, speed_of_light
from openbfactory.kinematics import helix
from openbfactory.kinematics.decaytree import DecayTree, Particle, decay_tree
from openbfactory.kinematics.phasespace import phase_space

FIELD = 1.5
SIGMA = np.array([20e-4, 0.5e-3, 2e-5, 25e-4, 0.5e-3])
UPPER = np.triu_indices(5)
BEAM = np.array([20e-4, 5e-4, 0.03])
RADIUS = 150.0


@dataclass
class Toy:
    """Candidates of one decay: what a detector gives, and the truth (momenta (n, k, 4), vertices, proper times)."""

    tree: DecayTree
    rows: np.ndarray
    helix: np.ndarray
    cov: np.ndarray
    cluster: np.ndarray
    cluster_cov: np.ndarray
    p4: np.ndarray
    made: np.ndarray
    decays: np.ndarray
    time: np.ndarray

    def measured(self) -> dict[str, np.ndarray]:
        """Arguments of the fit."""
        return {"rows": self.rows, "helix": self.helix, "cov": self.cov, "cluster": self.cluster,
                "cluster_cov": self.cluster_cov}


def boosted(p: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Four-momenta ``p`` (n, 4) from the rest frame of ``frame`` (n, 4) to the lab."""
    mass = np.sqrt(frame[:, 0] ** 2 - np.sum(frame[:, 1:] ** 2, axis=1))
    energy = (frame[:, 0] * p[:, 0] + np.sum(frame[:, 1:] * p[:, 1:], axis=1)) / mass
    factor = (p[:, 0] + energy) / (frame[:, 0] + mass)
    return np.column_stack([energy, p[:, 1:] + factor[:, None] * frame[:, 1:]])


def covariances(rng: np.random.Generator, n: int) -> np.ndarray:
    """Positive-definite (n, 5, 5) covariances with correlations."""
    mix = np.eye(5) + 0.3 * rng.normal(size=(n, 5, 5))
    matrix = mix @ mix.transpose(0, 2, 1)
    size = np.sqrt(np.einsum("nii->ni", matrix))
    return matrix / (size[:, :, None] * size[:, None, :]) * np.outer(SIGMA, SIGMA)


def toy(particles: list[Particle], charges: list[int], n: int, seed: int, *, lifetimes: dict[int, float] | None = None,
        inflate: float = 1.0, spread: float = 1.5) -> Toy:
    """``n`` candidates of a decay; ``charges`` of its particles, ``lifetimes`` [ns] of those that fly by index."""
    rng, k = np.random.default_rng(seed), len(particles)
    p4, born, made, decays = np.empty((n, k, 4)), np.empty((n, k, 4)), np.empty((n, k, 3)), np.full((n, k, 3), np.nan)
    time = np.zeros((n, k))
    p = rng.normal(0, spread, (n, 3))
    born[:, 0] = np.column_stack([np.hypot(np.linalg.norm(p, axis=1), particles[0].mass), p])
    made[:, 0] = rng.normal(size=(n, 3)) * BEAM
    for i, particle in enumerate(particles):
        p4[:, i] = born[:, i]
        if particle.kind != "composite":
            continue
        decays[:, i] = made[:, i]
        if particle.flies:
            time[:, i] = rng.exponential((lifetimes or {})[i], n)
            p4[:, i], decays[:, i] = _fly(born[:, i], made[:, i], charges[i],
                                          time[:, i] * speed_of_light / particle.mass)
        daughters = [j for j in range(k) if particles[j].mother == i]
        out = phase_space(particle.mass, [particles[j].mass for j in daughters], n, rng)
        for place, j in enumerate(daughters):
            born[:, j], made[:, j] = boosted(out[:, place], p4[:, i]), decays[:, i]
    return _measure(rng, particles, charges, born, p4, made, decays, time, inflate)


def _fly(p: np.ndarray, x: np.ndarray, charge: int, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Momentum and place after a flight of length over momentum ``tau``, in steps of the equation of motion."""
    kappa = charge * FIELD * pt_per_tesla_cm
    angle = -kappa * tau
    out, place = p.copy(), x + tau[:, None] * p[:, 1:]
    if charge:
        out[:, 1] = np.cos(angle) * p[:, 1] - np.sin(angle) * p[:, 2]
        out[:, 2] = np.sin(angle) * p[:, 1] + np.cos(angle) * p[:, 2]
        place[:, 0] = x[:, 0] - (out[:, 2] - p[:, 2]) / kappa
        place[:, 1] = x[:, 1] + (out[:, 1] - p[:, 1]) / kappa
    return out, place


def _measure(rng: np.random.Generator, particles: list[Particle], charges: list[int], born: np.ndarray, p4: np.ndarray,
             made: np.ndarray, decays: np.ndarray, time: np.ndarray, inflate: float) -> Toy:
    n, k = len(p4), len(particles)
    rows, helices, clusters = np.full((n, k), -1), [], []
    for i, particle in enumerate(particles):
        if particle.kind == "track":
            rows[:, i] = n * len(helices) + np.arange(n)
            helices.append(helix.helices_of_particles(made[:, i].copy(), born[:, i, 1:].copy(),
                                                      np.full(n, float(charges[i])), FIELD))
        elif particle.kind != "composite":
            rows[:, i] = n * len(clusters) + np.arange(n)
            clusters.append(_cluster(born[:, i], made[:, i]))
    true = np.concatenate(helices) if helices else np.zeros((1, 5))
    cov = covariances(rng, len(true))
    smeared = true + inflate * np.einsum("nij,nj->ni", np.linalg.cholesky(cov), rng.normal(size=true.shape))
    cluster = np.concatenate(clusters) if clusters else np.zeros((1, 4))
    sigma = np.column_stack([0.02 * cluster[:, 0] + 1e-3, np.full(len(cluster), 4e-3), np.full(len(cluster), 4e-3)])
    cluster[:, :3] += inflate * sigma * rng.normal(size=sigma.shape)
    cluster_cov = np.zeros((len(cluster), 6))
    cluster_cov[:, [0, 3, 5]] = sigma**2
    return Toy(decay_tree(particles), rows, smeared, np.ascontiguousarray(cov[:, UPPER[0], UPPER[1]]), cluster,
               cluster_cov, p4, made, decays, time)


def _cluster(p4: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Energy, theta, phi, radius of straight lines at the sphere."""
    u = p4[:, 1:] / np.linalg.norm(p4[:, 1:], axis=1)[:, None]
    forward = np.sum(x * u, axis=1)
    c = x + (-forward + np.sqrt(forward**2 + RADIUS**2 - np.sum(x * x, axis=1)))[:, None] * u
    return np.column_stack([p4[:, 0], np.arccos(c[:, 2] / RADIUS), np.arctan2(c[:, 1], c[:, 0]),
                            np.full(len(c), RADIUS)])


M = {"K": 0.493677, "pi": 0.13957, "p": 0.93827, "mu": 0.10566, "D0": 1.86484, "D+": 1.86966, "D*+": 2.01026,
     "Lambda_c+": 2.28646, "D_s+": 1.96835, "phi": 1.01946, "Lambda": 1.115683, "Omega-": 1.67245, "Omega_c": 2.6952,
     "B0": 5.27966, "K_S": 0.497611, "pi0": 0.1349768, "J/psi": 3.0969, "eta": 0.547862}
#: name to particles, charges and lifetimes [ns]
DECAYS: dict[str, tuple[list[Particle], list[int], dict[int, float]]] = {
    "D*+ -> [D0 -> K- pi+] pi+": (
        [Particle(-1, "composite", M["D*+"]), Particle(0, "composite", M["D0"], flies=True),
         Particle(1, "track", M["K"]), Particle(1, "track", M["pi"]), Particle(0, "track", M["pi"])],
        [1, 0, -1, 1, 1], {1: 4.1e-4}),
    "D+ -> K- pi+ pi+": (
        [Particle(-1, "composite", M["D+"], flies=True), Particle(0, "track", M["K"]), Particle(0, "track", M["pi"]),
         Particle(0, "track", M["pi"])], [1, -1, 1, 1], {0: 1.03e-3}),
    "Lambda_c+ -> p K- pi+": (
        [Particle(-1, "composite", M["Lambda_c+"], flies=True), Particle(0, "track", M["p"]),
         Particle(0, "track", M["K"]), Particle(0, "track", M["pi"])], [1, 1, -1, 1], {0: 2.0e-4}),
    "D_s+ -> [phi -> K+ K-] pi+": (
        [Particle(-1, "composite", M["D_s+"], flies=True), Particle(0, "composite", M["phi"]),
         Particle(1, "track", M["K"]), Particle(1, "track", M["K"]), Particle(0, "track", M["pi"])],
        [1, 0, 1, -1, 1], {0: 5.0e-4}),
    "Omega_c0 -> [Omega- -> [Lambda0 -> p pi-] K-] pi+": (
        [Particle(-1, "composite", M["Omega_c"], flies=True), Particle(0, "composite", M["Omega-"], flies=True),
         Particle(1, "composite", M["Lambda"], flies=True), Particle(2, "track", M["p"]),
         Particle(2, "track", M["pi"]), Particle(1, "track", M["K"]), Particle(0, "track", M["pi"])],
        [0, -1, 0, 1, -1, -1, 1], {0: 2.7e-4, 1: 0.082, 2: 0.263}),
    "B0 -> [D- -> K+ pi- pi-] pi+": (
        [Particle(-1, "composite", M["B0"], flies=True), Particle(0, "composite", M["D+"], flies=True),
         Particle(1, "track", M["K"]), Particle(1, "track", M["pi"]), Particle(1, "track", M["pi"]),
         Particle(0, "track", M["pi"])], [0, -1, 1, -1, -1, 1], {0: 1.5e-3, 1: 1.03e-3}),
    "D0 -> [K_S0 -> pi+ pi-] [pi0 -> gamma gamma], masses of K_S0 and pi0 fixed": (
        [Particle(-1, "composite", M["D0"]), Particle(0, "composite", M["K_S"], flies=True, fix_mass=True),
         Particle(0, "composite", M["pi0"], fix_mass=True), Particle(1, "track", M["pi"]),
         Particle(1, "track", M["pi"]), Particle(2, "cluster", 0.0), Particle(2, "cluster", 0.0)],
        [0, 0, 0, 1, -1, 0, 0], {1: 0.0895}),
    "B0 -> [J/psi -> mu+ mu-] K_L0, masses of B0 and J/psi fixed": (
        [Particle(-1, "composite", M["B0"], fix_mass=True), Particle(0, "composite", M["J/psi"], fix_mass=True),
         Particle(1, "track", M["mu"]), Particle(1, "track", M["mu"]), Particle(0, "direction", M["K_S"])],
        [0, 0, 1, -1, 0], {}),
}
