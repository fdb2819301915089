"""What the detector saw of an event as plain records: tracks, clusters, V0, kinks, missing momentum.

Method: tracks are drawn from the POCA (from where they come into the calorimeter's front faces, if that is outside),
daughters of V0 and kinks from their vertex, to the front faces of the
calorimeter or the kink; those that curl, over one turn.  V0 pass the cuts of the inclusive tag for K_S.  The missing
momentum is that of the beams without all good tracks (with the likeliest mass) and photons.

Approximation: as in :mod:`openbfactory.kinematics.trajectories`; where a track really begins or ends is not known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from openbfactory.core.units import speed_of_light
from openbfactory.events import Events, Jagged
from openbfactory.events.trigger import L1_LINES
from openbfactory.experiment import Card
from openbfactory.kinematics.helix import momenta_at_poca
from openbfactory.kinematics.trajectories import arc_of, entry_arc, exit_arc, helix_points, line_points
from openbfactory.physics.particles import mass
from openbfactory.pipeline.scenes.detector import Shape
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.kinks import KinkList, find_kinks
from openbfactory.reconstruct.photons import photon_list
from openbfactory.reconstruct.tracks import HELIX, HYPOTHESES, TrackList, track_list
from openbfactory.reconstruct.v0 import HYPOTHESES as V0_HYPOTHESES
from openbfactory.reconstruct.v0 import V0List, find_v0, select_v0
from openbfactory.report.display import Arrow, Curve, Property, Tower, TriggerLine, Vertex

Array = npt.NDArray[np.float64]

#: height of the block [cm] of a cluster of 1 GeV (it grows with the root of the energy), width of blocks [cm]
HEIGHT, ECL_WIDTH, KLM_WIDTH = 40.0, 7.0, 16.0
#: length of the arrow of a missing momentum [cm / GeV], and at most [cm]
ARROW, LONGEST_ARROW = 35.0, 150.0
REGIONS = {1: "forward", 2: "barrel", 3: "backward"}


@dataclass(slots=True)
class Seen:
    """Reconstructed part of a scene."""

    curves: list[Curve] = field(default_factory=list)
    towers: list[Tower] = field(default_factory=list)
    vertices: list[Vertex] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    facts: list[Property] = field(default_factory=list)


@dataclass(slots=True)
class TrackPath:
    """A track that is to be drawn: from where to where, and to what it belongs."""

    start: float = 0.0
    stop: float | None = None
    belongs: list[str] = field(default_factory=list)


def reconstructed_of(event: Events, card: Card, shape: Shape, names: list[str]) -> Seen:
    """Reconstructed part of the scene of one event; ``names`` are those of its generated particles, for labels."""
    seen = Seen()
    if "Tracks" in event.lists:
        _tracks(event, card, shape, names, seen)
    if "ECLClusters" in event.lists:
        _ecl(event["ECLClusters"], names, seen)
    if "KLMClusters" in event.lists:
        _klm(event["KLMClusters"], shape, names, seen)
    if "Tracks" in event.lists and "PIDLikelihoods" in event.lists and "ECLClusters" in event.lists:
        _missing(event, card, seen)
    return seen


def trigger_of(event: Events) -> tuple[tuple[TriggerLine, ...], bool | None]:
    """First-level lines of one event, and whether it passes the hadron skim; None without trigger decisions."""
    if "TRGSummary" not in event.lists or not event["TRGSummary"].size:
        return (), None
    summary = event["TRGSummary"]
    fired, kept = int(summary["L1FTDL"][0]), int(summary["L1PSNM"][0])
    lines = tuple(TriggerLine(name, bool(fired >> i & 1), bool(kept >> i & 1)) for i, name in enumerate(L1_LINES))
    return lines, bool(summary["HLTHadron"][0])


def _truth(collection: Jagged, row: int, names: list[str]) -> list[Property]:
    """The generated particle behind a detector object."""
    if "mcIndex" not in collection.columns:
        return []
    index = int(collection["mcIndex"][row])
    return [Property("true particle", f"{names[index]} (mc-{index})" if 0 <= index < len(names) else "none",
                     truth=True)]


def _tracks(event: Events, card: Card, shape: Shape, names: list[str], seen: Seen) -> None:
    """Add the tracks, and the V0 and kinks that they make."""
    tracks, bz = event["Tracks"], card.detector.field.value
    helix = np.ascontiguousarray(np.column_stack([tracks[name] for name in HELIX]), np.float64)
    paths = [TrackPath() for _ in range(tracks.size)]
    _v0(find_v0(tracks.offsets, helix, tracks["cov"], field=bz), helix, paths, seen)
    silicon = (tracks["nPXDHits"] + tracks["nSVDHits"]).astype(np.int64)
    _kinks(find_kinks(tracks.offsets, helix, tracks["cov"], silicon, field=bz), helix, paths, seen)
    momenta = momenta_at_poca(helix, bz)
    identified = (track_list(tracks, event["PIDLikelihoods"], InclusiveTagConfig(), np.zeros(3))
                  if "PIDLikelihoods" in event.lists else None)
    for i, path in enumerate(paths):
        start = path.start if path.belongs else entry_arc(helix[i], 0.0, shape.surface) or 0.0
        stop = path.stop if path.stop is not None else exit_arc(helix[i], start, shape.surface)
        kind = HYPOTHESES[int(identified.hypothesis[i])] if identified else "pi"
        name = f"{kind}{'+' if tracks['charge'][i] > 0 else '-'}"
        lines = [*_kinematics(momenta[i]), *_track_lines(tracks, i, path), *_likelihoods(identified, i),
                 *_truth(tracks, i, names)]
        seen.curves.append(Curve(f"track-{i}", "tracks", kind, f"Track {i}: {name}",
                                 helix_points(helix[i], start, max(stop, start)), tuple(lines)))


def _kinematics(p: Array) -> list[Property]:
    """Momentum, transverse momentum and angles."""
    size = float(np.linalg.norm(p))
    return [Property("p", size, "GeV"), Property("pT", math.hypot(p[0], p[1]), "GeV"),
            Property("theta", math.degrees(math.acos(p[2] / size)) if size > 0.0 else 0.0, "deg"),
            Property("phi", math.degrees(math.atan2(p[1], p[0])), "deg")]


def _track_lines(tracks: Jagged, i: int, path: TrackPath) -> list[Property]:
    """Helix and hits of a track."""
    hits = " / ".join(str(int(tracks[f"n{device}Hits"][i])) for device in ("PXD", "SVD", "CDC"))
    lines = [Property("charge", int(tracks["charge"][i])), Property("d0", float(tracks["d0"][i]), "cm"),
             Property("z0", float(tracks["z0"][i]), "cm"), Property("hits PXD / SVD / CDC", hits)]
    return lines + [Property("belongs to", name) for name in path.belongs]


def _likelihoods(identified: TrackList | None, i: int) -> list[Property]:
    """Fractions of the likelihoods of a track, the likeliest first."""
    if identified is None or not np.isfinite(identified.pid[i]).all():
        return []
    order = np.argsort(-identified.pid[i], kind="stable")
    text = ", ".join(f"{HYPOTHESES[k]} {100 * identified.pid[i, k]:.3g} %" for k in order
                     if identified.pid[i, k] >= 1e-3)
    return [Property("likelihood", text)]


def _v0(found: V0List, helix: Array, paths: list[TrackPath], seen: Seen) -> None:
    """Add the V0 and conversions that pass the cuts, and let their tracks begin there."""
    cuts = InclusiveTagConfig()
    used: set[int] = set()
    for hypothesis, (_, code, _, _) in V0_HYPOTHESES.items():
        chosen = select_v0(found, hypothesis, np.zeros(3), best_of_track=True,
                           cos_pointing_min=cuts.ks_cos_pointing_min)
        for n, row in enumerate(chosen.rows):
            pair = [int(t) for t in found.daughters[row]]
            p = float(np.linalg.norm(chosen.p4[n, 1:]))
            time = chosen.distance[n] * mass(code) / p / speed_of_light
            poor = hypothesis != "gamma" and (time < cuts.ks_flight_time_min or
                                              not found.pValue[row] >= cuts.ks_p_value_min)
            if poor or used & set(pair):
                continue
            used |= set(pair)
            key, vertex = f"v0-{row}", found.vertex[row]
            label = "photon conversion" if hypothesis == "gamma" else hypothesis
            seen.vertices.append(Vertex(key, "vertices", "neutral", f"V0: {label}", vertex, (
                Property("mass", float(chosen.mass[n]), "GeV"), Property("p", p, "GeV"),
                Property("distance to the beam axis", math.hypot(vertex[0], vertex[1]), "cm"),
                Property("cos of pointing angle", float(chosen.cosPointing[n])),
                Property("tracks", " and ".join(map(str, pair))))))
            seen.curves.append(Curve(key, "vertices", "neutral", f"V0: {label}", line_points(np.zeros(3), vertex),
                                     faint=True))
            for t in pair:
                paths[t].start = arc_of(helix[t], vertex)
                paths[t].belongs.append(label)


def _kinks(found: KinkList, helix: Array, paths: list[TrackPath], seen: Seen) -> None:
    """Add the kinks, and let mother and daughter meet there."""
    for k in range(len(found.mother)):
        mother, daughter, place = int(found.mother[k]), int(found.daughter[k]), found.vertex[k]
        if paths[mother].belongs or paths[daughter].belongs:
            continue
        masses = ", ".join(f"{name} {value[k]:.3f}" for name, value in found.mass.items())
        seen.vertices.append(Vertex(f"kink-{k}", "vertices", "short", "Kink", place, (
            Property("mother", f"track {mother}"), Property("daughter", f"track {daughter}"),
            Property("angle", math.degrees(found.angle[k]), "deg"),
            Property("distance to the beam axis", math.hypot(place[0], place[1]), "cm"),
            Property("transverse momentum", float(found.transverse[k]), "GeV"),
            Property("mass of the mother", masses, "GeV"))))
        paths[mother].stop = arc_of(helix[mother], place, paths[mother].start)
        paths[daughter].start = arc_of(helix[daughter], place)
        paths[mother].belongs.append(f"kink with track {daughter} as daughter")
        paths[daughter].belongs.append(f"kink with track {mother} as mother")


def _direction(theta: float, phi: float) -> Array:
    """Unit vector of a polar angle and azimuth."""
    return np.array([math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi), math.cos(theta)])


def _ecl(clusters: Jagged, names: list[str], seen: Seen) -> None:
    """Add the clusters of the calorimeter; those of a track have its colour."""
    kinds = {c.key: c.kind for c in seen.curves}
    for i in range(clusters.size):
        energy, track = float(clusters["clusterE"][i]), int(clusters["trackIndex"][i])
        u = _direction(float(clusters["clusterTheta"][i]), float(clusters["clusterPhi"][i]))
        lines = [Property("E", energy, "GeV"),
                 Property("theta", math.degrees(float(clusters["clusterTheta"][i])), "deg"),
                 Property("phi", math.degrees(float(clusters["clusterPhi"][i])), "deg"),
                 Property("region", REGIONS.get(int(clusters["clusterReg"][i]), "unknown")),
                 Property("time", float(clusters["clusterTiming"][i]), "ns"),
                 Property("E1/E9", float(clusters["clusterE1E9"][i])),
                 Property("E9/E21", float(clusters["clusterE9E21"][i])),
                 Property("track", track if track >= 0 else "none")]
        seen.towers.append(Tower(
            f"ecl-{i}", "ecl", kinds.get(f"track-{track}", "gamma"), f"Cluster {i}", float(clusters["clusterR"][i]) * u,
            u, HEIGHT * math.sqrt(max(energy, 0.0)), ECL_WIDTH, (*lines, *_truth(clusters, i, names))))


def _klm(clusters: Jagged, shape: Shape, names: list[str], seen: Seen) -> None:
    """Add the clusters of the muon detector, with a faint line to them from the track or the origin."""
    ends = {c.key: (c.kind, c.points[-1]) for c in seen.curves if c.layer == "tracks"}
    for i in range(clusters.size):
        layers, track = int(clusters["klmClusterLayers"][i]), int(clusters["trackIndex"][i])
        theta, phi = float(clusters["klmClusterTheta"][i]), float(clusters["klmClusterPhi"][i])
        u = _direction(theta, phi)
        place, depth = shape.muon_place(u)
        kind, begin = ends.get(f"track-{track}", ("klm", np.zeros(3)))
        lines = [Property("layers", layers), Property("theta", math.degrees(theta), "deg"),
                 Property("phi", math.degrees(phi), "deg"), Property("track", track if track >= 0 else "none")]
        name = f"KLM cluster {i}" + ("" if track >= 0 else ": K_L candidate")
        seen.towers.append(Tower(f"klm-{i}", "klm", kind, name, place, u,
                                 depth * min(layers / max(shape.muon_layers, 1), 1.0), KLM_WIDTH,
                                 (*lines, *_truth(clusters, i, names))))
        seen.curves.append(Curve(f"klm-{i}", "klm", kind, name, line_points(begin, place), faint=True))


def _missing(event: Events, card: Card, seen: Seen) -> None:
    """Add the missing momentum, and what is said about the event as a whole."""
    config = InclusiveTagConfig()
    tracks = track_list(event["Tracks"], event["PIDLikelihoods"], config, np.zeros(3))
    photons = photon_list(event["ECLClusters"], config, np.zeros(3))
    total = tracks.p4[tracks.good].sum(axis=0) + photons.p4[photons.good].sum(axis=0)
    missing = card.machine.p4 - total
    size = float(np.linalg.norm(missing[1:]))
    lines = (Property("missing p", size, "GeV"), Property("missing E", float(missing[0]), "GeV"),
             Property("missing mass squared", float(missing[0] ** 2 - size**2), "GeV^2"),
             Property("missing theta", math.degrees(math.acos(missing[3] / size)) if size > 0.0 else 0.0, "deg"))
    seen.facts += [Property("good tracks", int(tracks.good.sum())), Property("good photons", int(photons.good.sum())),
                   Property("charge", int(tracks.charge[tracks.good].sum())),
                   Property("visible energy", float(total[0]), "GeV"), *lines]
    if size > 0.0:
        stop = missing[1:] / size * min(ARROW * size, LONGEST_ARROW)
        seen.arrows.append(Arrow("missing", "missing", "unseen", "Missing momentum", np.zeros(3), stop, lines))
