"""Fits of vertices and decay trees of smeared D*+ -> D0 (K- pi+) pi+ decays, finders and rest of event of simulated
B pairs, all made beforehand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Work = Callable[[int], object]
FIELD, CTAU = 1.5, 0.0123
BEAM = np.array([12e-4, 0.3e-4, 0.03])
SIGMA = np.array([20e-4, 0.5e-3, 2e-5, 25e-4, 0.5e-3])


def smeared_dstars(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Helices (3 n, 5), covariances (3 n, 15), masses (5,) of D*+, D0, K-, pi+, slow pi+; truth of the D0."""
    from openbfactory.kinematics import fourvector, helix, phasespace
    from openbfactory.physics.particles import mass

    rng, m = np.random.default_rng(1), np.array([mass(c) for c in (413, 421, 321, 211, 211)])

    def decay(p: tuple[np.ndarray, ...], parent: float, daughters: np.ndarray) -> list[tuple[np.ndarray, ...]]:
        rest = phasespace.phase_space(parent, daughters, n, rng)
        return [fourvector.boost(tuple(rest[:, i].T), p) for i in range(len(daughters))]

    momentum = rng.normal(0, 1.5, (3, n))
    charm, slow = decay((np.sqrt(m[0] ** 2 + np.sum(momentum**2, axis=0)), *momentum), m[0], m[[1, 4]])
    kaon, pion = decay(charm, m[1], m[[2, 3]])
    origin = rng.normal(size=(n, 3)) * BEAM
    ctau = rng.exponential(CTAU, n)
    vertex = origin + (ctau / m[1])[:, None] * np.column_stack(charm[1:])
    at, p = np.concatenate([vertex, vertex, origin]), np.hstack([kaon, pion, slow])[1:].T
    true = helix.helices_of_particles(at, np.ascontiguousarray(p), np.repeat([-1.0, 1.0, 1.0], n), FIELD)
    cov = np.zeros((3 * n, 15))
    cov[:, [0, 5, 9, 12, 14]] = SIGMA**2
    truth = {"vertex": vertex, "ctau": ctau, "p": np.column_stack(charm[1:])}
    return true + SIGMA * rng.normal(size=true.shape), cov, m, truth


def two_track_vertices() -> Work:
    """Vertex fits of K- and pi+."""
    from openbfactory.kinematics.vertexfit import fit_vertices

    made = 50_000
    helices, cov, *_ = smeared_dstars(made)

    def work(n: int) -> object:
        first = np.arange(n) % made
        return fit_vertices(helices, cov, np.stack([first, first + made], axis=1).ravel(), 2 * np.arange(n + 1),
                            field=FIELD)

    return work


def dstar_tree(m: np.ndarray) -> object:
    """The tree of the decay from the masses (5,) of its particles."""
    from openbfactory.kinematics.decaytree import Particle, decay_tree

    return decay_tree([Particle(-1, "composite", m[0]), Particle(0, "composite", m[1], flies=True),
                       *(Particle(j, "track", m[i]) for i, j in ((2, 1), (3, 1), (4, 0)))])


def dstar_trees() -> Work:
    """Fits of the whole tree, the D*+ from the beam spot."""
    from openbfactory.kinematics.treefit import fit_trees

    made = 20_000
    helices, cov, m, _ = smeared_dstars(made)
    tree = dstar_tree(m)

    def work(n: int) -> object:
        first = np.arange(n) % made
        rows = np.stack([first, first, first, first + made, first + 2 * made], axis=1)
        return fit_trees(tree, rows, helices, cov, field=FIELD, mean=np.zeros(3), prior_covariance=np.diag(BEAM**2))

    return work


def simulated(n: int) -> object:
    """Reconstruction of simulated B+ B- events, with helices and covariances in place."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.reconstruct import Reconstruction
    from openbfactory.simulate import simulate

    card = load_card("belle2")
    truth = generate_events("charged", n, Address(1, "charged", n), card.machine)[0]
    return Reconstruction.of_card(simulate(truth, card, Address(1, "charged", n, "simulate")), card)


def finders() -> Work:
    """K_S, Lambda and conversions, kinks, and bremsstrahlung of every track taken as an electron."""
    from openbfactory.kinematics.helix import momenta_at_poca
    from openbfactory.reconstruct.bremsstrahlung import recover_bremsstrahlung
    from openbfactory.reconstruct.kinks import find_kinks
    from openbfactory.reconstruct.v0 import find_v0

    made: dict[int, object] = {}

    def work(n: int) -> object:
        r = made[n] if n in made else made.setdefault(n, simulated(n))
        tracks, clusters, h = r.events["Tracks"], r.events["ECLClusters"], r.helices()
        cov, p = tracks["cov"], momenta_at_poca(h, r.field)
        cluster = np.column_stack([clusters[c] for c in ("clusterE", "clusterTheta", "clusterPhi", "clusterR")])
        p4 = np.column_stack([np.linalg.norm(p, axis=1), p])
        return (find_v0(tracks.offsets, h, cov, field=r.field),
                find_kinks(tracks.offsets, h, cov, tracks["nPXDHits"] + tracks["nSVDHits"], field=r.field),
                recover_bremsstrahlung(tracks.offsets, h, p4, np.ones(len(h), bool), clusters.offsets, cluster,
                                       clusters["clusterTrackMatch"] == 0))

    return work


def rests() -> Work:
    """Rest of event of the first track: sums, missing momentum, continuum suppression, vertex of its tracks."""
    from openbfactory.kinematics.helix import momenta_at_poca
    from openbfactory.reconstruct import missing, tag_vertex
    from openbfactory.reconstruct.continuum import continuum_variables, two_sides
    from openbfactory.reconstruct.rest_of_event import rest_of_event, rows_of_tracks

    made: dict[int, object] = {}

    def work(n: int) -> object:
        r = made[n] if n in made else made.setdefault(n, simulated(n))
        tracks, clusters, h = r.events["Tracks"], r.events["ECLClusters"], r.helices()
        events = np.flatnonzero(tracks.counts > 0)
        used, p = tracks.offsets[events], momenta_at_poca(h, r.field)
        rest = rest_of_event(events, {"tracks": tracks.offsets, "clusters": clusters.offsets}, tracks=used[:, None],
                             cluster_track=rows_of_tracks(clusters.offsets, tracks.offsets, clusters["trackIndex"]))
        p4 = np.column_stack([np.hypot(np.linalg.norm(p, axis=1), 0.13957), p])
        e, theta, phi = (clusters[c] for c in ("clusterE", "clusterTheta", "clusterPhi"))
        photons = e[:, None] * np.column_stack([np.ones_like(e), np.sin(theta) * np.cos(phi),
                                                np.sin(theta) * np.sin(phi), np.cos(theta)])
        total, charge = missing.rest_momentum(rest, p4, photons), tracks["charge"]
        sides = two_sides(p4[used], charge[used], np.ones(len(events), np.int64), rest, p4, charge, photons, r.beam)
        return (missing.rest_variables(rest, total, charge, e, r.beam),
                missing.missing_variables(p4[used], total, r.beam), continuum_variables(sides, 10.58),
                tag_vertex.tag_vertices(rest.tracks, h, tracks["cov"], r.ip,
                                        tag_vertex.boost_constraint(r.ip_covariance, r.beam)))

    return work
