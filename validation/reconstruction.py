"""Fits and event shape: pulls of decay trees, lifetimes and resolutions after the simulated detector, Pythia's shapes.

Pulls: D*+ -> D0 (K- pi+) pi+ with exactly Gaussian measurements.  Lifetimes: D0, D+ and K_S of events that went through
generation and the belle2 card, matched to truth, fitted and compared with the lifetimes that were generated: D mesons
by the unbinned fit with per-event resolution, K_S by an exponential times the card's efficiency against the distance
from the axis.  References of resolutions: the Belle II lifetime measurements (D0: 70 fs, D+: 60 fs) and the vertex of
the other B in its Monte Carlo (53 um), all recalled and not traced.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from validation.rows import Row

Array = npt.NDArray[Any]
TOYS = 20_000
EVENTS = 20_000
DECAYS = """Decay D*+
1.0 D0 pi+ VSS;
Enddecay
CDecay D*-
Decay D0
1.0 K- pi+ PHSP;
Enddecay
CDecay anti-D0
Decay D+
1.0 K- pi+ pi+ PHSP;
Enddecay
CDecay D-
Decay K_S0
1.0 pi+ pi- PHSP;
Enddecay
End
"""
#: transverse flight lengths of K_S [cm]
KS_FROM, KS_TO = 0.1, 10.0


def rows() -> list[Row]:
    """Rows of all comparisons."""
    return [*_pulls(), *_charm(), *_kshort(), *_tag(), *_shapes()]


def toy_pulls() -> tuple[Any, dict[str, Array]]:
    """Fits of D*+ -> D0 (K- pi+) pi+ with Gaussian measurements, and the pulls of the D0 of good ones."""
    from benchmarks.vertices import BEAM, FIELD, dstar_tree, smeared_dstars

    from openbfactory.core.units import speed_of_light
    from openbfactory.kinematics.treefit import fit_trees

    helices, cov, m, truth = smeared_dstars(TOYS)
    first = np.arange(TOYS)
    at = np.stack([first, first, first, first + TOYS, first + 2 * TOYS], axis=1)
    fits = fit_trees(dstar_tree(m), at, helices, cov, field=FIELD, mean=np.zeros(3),
                     prior_covariance=np.diag(BEAM**2))
    good = fits.pValue > 1e-5
    sigma = np.sqrt(np.einsum("nii->ni", fits.covariance[:, 1]))
    pulls = {"decay time": (fits.decayTime[:, 1] - truth["ctau"] / speed_of_light) / fits.decayTimeErr[:, 1],
             "mass": (fits.mass[:, 1] - m[1]) / fits.massErr[:, 1]}
    for a, axis in enumerate("xyz"):
        pulls[f"vertex {axis}"] = (fits.vertex[:, 1, a] - truth["vertex"][:, a]) / sigma[:, 4 + a]
        pulls[f"p{axis}"] = (fits.p4[:, 1, 1 + a] - truth["p"][:, a]) / sigma[:, a]
    return fits, {name: pull[good] for name, pull in pulls.items()}


def _pulls() -> list[Row]:
    """Mean and width of the pulls of a decay tree, and its probability."""
    fits, pulls = toy_pulls()
    good = fits.pValue > 1e-5
    found = [Row("tree D*+ -> D0 pi+: good fits", 1.0, float(good.mean()), 1e-3)]
    for name, pull in pulls.items():
        found += [Row(f"tree D*+ -> D0 pi+: pull of D0 {name}, mean", 0.0, float(pull.mean()), 0.02),
                  Row(f"tree D*+ -> D0 pi+: pull of D0 {name}, width", 1.0, float(pull.std()), 0.02)]
    below = np.array([np.mean(fits.pValue[good] < p) for p in (0.01, 0.1, 0.5)])
    return found + [Row(f"tree D*+ -> D0 pi+: probability below {p}", p, float(b), float(4 * np.sqrt(p / TOYS)))
                    for p, b in zip((0.01, 0.1, 0.5), below, strict=True)]


@cache
def detected(sample: str, events: int) -> Any:
    """Events of a sample with the decays above after the belle2 card, and their reconstruction."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.reconstruct.reconstruction import Reconstruction
    from openbfactory.simulate import simulate

    card = load_card("belle2")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "user.dec"
        path.write_text(DECAYS)
        made, _ = generate_events(sample, events, Address(11, sample, 0), card.machine, decays=path)
    return Reconstruction.of_card(simulate(made, card, Address(11, sample, 0, "simulate")), card)


def true_times(r: Any, mother: Array, daughter: Array) -> Array:
    """Decay times [ns] of generated particles (rows), from the production vertex of one daughter each."""
    from openbfactory.core.units import speed_of_light
    from openbfactory.kinematics.fourvector import mass

    mc = r.events["MCParticles"]
    p = [mc[c][mother] for c in ("px", "py", "pz")]
    way = np.sqrt(sum((mc[c][daughter] - mc[c][mother]) ** 2 for c in "xyz"))
    return np.asarray(way * mass(mc["E"][mother], *p) / np.sqrt(sum(c * c for c in p)) / speed_of_light)


def charm_times(name: str) -> tuple[Array, Array, Array]:
    """Fitted times, uncertainties and true times [ns] of matched D mesons; p* > 2.5 GeV, pixel hits on all tracks."""
    from openbfactory.reconstruct.tree_fits import fit_tree

    r = detected("ccbar", EVENTS)
    cut = "useCMSFrame(p) > 2.5 and daughter(0, nPXDHits) > 0 and daughter(1, nPXDHits) > 0"
    if name == "D0":
        r.combine("D0:v -> K-:all pi+:all", f"1.82 < M < 1.91 and {cut}")
        made = r.combine("D*+:v -> D0:v pi+:all", "massDifference(0) < 0.16")
    else:
        made = r.combine("D+:v -> K-:all pi+:all pi+:all", f"1.83 < M < 1.91 and {cut} and daughter(2, nPXDHits) > 0")
    fit_tree(made, ip_constraint=True)
    prefix = "D0_" if name == "D0" else ""
    time, error = (made[f"extraInfo({prefix}{what})"] for what in ("decayTime", "decayTimeErr"))
    good = (made["isSignal"] == 1) & (made["chiProb"] > 1e-3) & (error < 5e-4)
    mother = r.particles.daughters[made.rows[good]][:, 0] if name == "D0" else made.rows[good]
    track, mc = r.particles.daughters[mother][:, 0], r.particles["mc"]
    return time[good], error[good], true_times(r, mc[mother], mc[track])


def _charm() -> list[Row]:
    """Lifetimes, resolutions and pulls of D mesons after the detector."""
    from openbfactory.fit.costs import DecayCost
    from openbfactory.fit.unbinned import fit_unbinned
    from openbfactory.physics.particles import species

    found = []
    for name, reference in (("D0", 70.0), ("D+", 60.0)):
        time, error, true = charm_times(name)
        fit = fit_unbinned(DecayCost(1e3 * time, 1e3 * error), {"tau": 0.5, "bias": 0.0, "scale1": 1.0},
                           limits={"tau": (0.1, 3), "bias": (-0.1, 0.1), "scale1": (0.5, 2)})
        tau, sigma = fit["tau"]
        lifetime = species(name).ctau / 29.9792458 * 1e3
        low, high = np.quantile((time - true) / error, [0.1587, 0.8413])
        n = f"{len(time)} candidates"
        found += [Row(f"{name} lifetime after the detector [ps]", lifetime, tau, 3 * sigma, n),
                  Row(f"{name} decay time: fitted minus generated, mean [fs]", 0.0, float(1e6 * np.mean(time - true)),
                      float(3e6 * np.std(time - true) / np.sqrt(len(time))), n),
                  Row(f"{name} decay time: central 68 % of the pull", 1.0, (high - low) / 2, 0.06, n),
                  Row(f"{name} decay-time uncertainty, median [fs]", reference, float(1e6 * np.median(error)), 5.0,
                      "p* > 2.5 GeV, pixel hits on all tracks")]
    return found


def _kshort() -> list[Row]:
    """Lifetime of K_S -> pi+ pi- from the V0 finder and the tree fit."""
    from openbfactory.core.units import speed_of_light
    from openbfactory.experiment import load_card
    from openbfactory.kinematics.decaytree import Particle, decay_tree
    from openbfactory.kinematics.treefit import fit_trees
    from openbfactory.physics.particles import mass, species
    from openbfactory.reconstruct.v0 import find_v0, select_v0

    r = detected("charged", EVENTS // 3)
    cov = np.ascontiguousarray(r.events["Tracks"]["cov"], np.float64)
    offsets = r.events["Tracks"].offsets
    pairs = find_v0(offsets, r.helices(), cov, field=r.field)
    chosen = select_v0(pairs, "K_S0", r.ip, best_of_track=True, cos_pointing_min=0.95)
    daughters = pairs.daughters[chosen.rows]
    tree = decay_tree([Particle(-1, "composite", mass(310), flies=True),
                       *(Particle(0, "track", mass(211)) for _ in range(2))])
    spread = r.ip_covariance + 0.03**2 * np.eye(3)  # K_S come from charm and B as well
    fits = fit_trees(tree, np.column_stack([np.full(len(daughters), -1), daughters]), r.helices(), cov, field=r.field,
                     mean=r.ip, prior_covariance=spread)
    way, p = fits.vertex[:, 0] - r.ip, fits.p4[:, 0]
    flight, slope = np.hypot(way[:, 0], way[:, 1]), np.hypot(p[:, 1], p[:, 2]) / mass(310)
    index, events = r.events["Tracks"]["mcIndex"][daughters], r.events["Tracks"].event_index()[daughters[:, 0]]
    mc = r.events["MCParticles"]
    parent = np.where(index >= 0, mc["mother"][mc.offsets[events][:, None] + np.maximum(index, 0)], -1)
    same = (parent[:, 0] >= 0) & (parent[:, 0] == parent[:, 1])
    code = mc["PDG"][mc.offsets[events] + np.maximum(parent[:, 0], 0)]
    good = same & (code == 310) & (fits.state == 0) & (flight > KS_FROM) & (flight < KS_TO)
    time, per_cm = flight[good] / slope[good] / speed_of_light, 1.0 / slope[good] / speed_of_light
    radius = np.linspace(KS_FROM, KS_TO, 200)
    curve = load_card("belle2").detector.tracking.displacement
    weight = np.interp(radius, curve.x, curve.y) ** 2

    def cost(tau: float) -> float:
        norm = np.trapezoid(np.exp(-np.outer(per_cm, radius) / tau) * weight, radius, axis=1) * per_cm
        return float(np.sum(time / tau + np.log(norm)))

    best = optimize.minimize_scalar(cost, bounds=(0.01, 1.0), method="bounded", options={"xatol": 1e-7}).x
    step = 0.01 * best
    sigma = step / np.sqrt(cost(best + step) + cost(best - step) - 2 * cost(best))
    return [Row("K_S0 lifetime after the detector [ns]", species("K_S0").ctau / speed_of_light, float(best),
                float(3 * sigma), f"{good.sum()} candidates, {KS_FROM} to {KS_TO} cm from the axis")]


def _tag() -> list[Row]:
    """Resolution of the vertex of the other B along z."""
    from openbfactory.reconstruct.rest_of_event import masked, rest_of_event, with_composites
    from openbfactory.reconstruct.tag_vertex import boost_constraint, tag_vertices
    from openbfactory.reconstruct.v0 import find_v0, select_v0

    r = detected("mixed", EVENTS // 6)
    mc, tracks = r.events["MCParticles"], r.events["Tracks"]
    n, cov = len(r.events), np.ascontiguousarray(tracks["cov"], np.float64)
    of_b, place = _families(mc)
    event, index = tracks.event_index(), tracks["mcIndex"]
    owner = np.where(index >= 0, of_b[mc.offsets[event] + np.maximum(index, 0)], -1)
    used = np.full((n, 40), -1)
    for e in range(n):  # the candidate is everything that comes from the first B
        mine = np.flatnonzero(owner[tracks.offsets[e]:tracks.offsets[e + 1]] == 0)[:40]
        used[e, :len(mine)] = tracks.offsets[e] + mine
    rest = masked(rest_of_event(np.arange(n), {"tracks": tracks.offsets}, tracks=used),
                  tracks=(tracks["nPXDHits"] > 0) & (abs(tracks["d0"]) < 1))
    pairs = find_v0(tracks.offsets, r.helices(), cov, field=r.field)
    kshort = select_v0(pairs, "K_S0", r.ip, best_of_track=True, cos_pointing_min=0.98, distance_min=0.5)
    rest = with_composites(rest, kshort.offsets, pairs.daughters[kshort.rows])
    tags = tag_vertices(rest.tracks, r.helices(), cov, r.ip, boost_constraint(r.ip_covariance, r.beam, across=0.0017))
    off = (tags.position[:, 2] - place)[tags.state == 0]
    low, high = np.quantile(off, [0.1587, 0.8413])
    return [Row("vertex of the other B along z, central 68 % [um]", 53.0, float(1e4 * (high - low) / 2), 10.0,
                f"{np.mean(tags.state == 0):.1%} have a fit")]


def _families(mc: Any) -> tuple[Array, Array]:
    """Number of the B (0, 1) that each generated particle comes from, -1 for none; decay z of the second one."""
    event, code, mother = mc.event_index(), np.abs(mc["PDG"]), mc["mother"]
    above = np.where(mother >= 0, mc.offsets[event] + mother, -1)
    is_b = code == 511
    primary = is_b & ~((above >= 0) & is_b[above])
    number = np.where(primary, np.cumsum(primary) - 1 - (np.cumsum(primary) - primary)[mc.offsets[event]], -1)
    for i in range(len(code)):  # mothers come before daughters
        if number[i] < 0 and above[i] >= 0:
            number[i] = number[above[i]]
    place = np.full(len(mc), np.nan)
    from_b = (above >= 0) & is_b[above] & ~is_b & (number == 1)
    place[event[from_b]] = mc["z"][from_b]
    return number, place


def _shapes() -> list[Row]:
    """Largest differences of thrust, sphericity and aplanarity from Pythia's own on generated events."""
    import pythia8mc

    from openbfactory.reconstruct.event_shape import event_shape
    from openbfactory.reconstruct.missing import to_cms

    r = detected("ccbar", EVENTS)
    mc = r.events["MCParticles"]
    seen = (mc["status"] == 1) & ~np.isin(np.abs(mc["PDG"]), (12, 14, 16)) & (mc.event_index() < 500)
    stable = mc.select(seen)
    p = to_cms(np.column_stack([stable[c] for c in ("E", "px", "py", "pz")]), r.beam)
    begin, end = stable.offsets[:500].copy(), stable.offsets[1:501].copy()
    ours = event_shape(p, begin, end, 10.58)
    thrust, sphericity = pythia8mc.Thrust(1), pythia8mc.Sphericity(2.0, 1)
    theirs = np.empty((500, 3))
    for i in range(500):
        record = pythia8mc.Event()
        record.append(90, -11, 0, 0, 0.0, 0.0, 0.0, 1.0, 1.0)
        for e, x, y, z in p[begin[i]:end[i]]:
            record.append(22, 1, 0, 0, float(x), float(y), float(z), float(e), 0.0)
        thrust.analyze(record)
        sphericity.analyze(record)
        theirs[i] = thrust.thrust(), sphericity.sphericity(), sphericity.aplanarity()
    return [Row(f"{name} of 500 events, largest difference from Pythia", 0.0,
                float(np.max(np.abs(getattr(ours, name) - theirs[:, k]))), 1e-7)
            for k, name in enumerate(("thrust", "sphericity", "aplanarity"))]


