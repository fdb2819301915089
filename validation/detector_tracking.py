"""Tracks and matter of the simulated detector, with the particle gun and the belle2 card.

Pulls of the helix for prompt, displaced and kinked tracks; covariances against global least squares in plain numpy
(:mod:`validation.track_least_squares`); resolutions, efficiencies, fakes, K_S and conversions against published
figures.  Those come from the design report and from performance papers as recalled; nobody traced them to a table.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from validation.rows import Row
from validation.track_least_squares import PT_PER_CM, Track, least_squares

Array = npt.NDArray[Any]
NAMES = ("d0", "phi0", "omega", "z0", "tanLambda")
#: edges of the bins of pulls: momentum [GeV] and polar angle [deg]
P_EDGES, THETA_EDGES = np.array([0.2, 0.5, 1.0, 2.0, 4.0]), np.array([30.0, 60.0, 100.0, 130.0])
PULLS, GUN = 600_000, 100_000


def rows() -> list[Row]:
    """Rows of all comparisons."""
    return [*_pulls(), *_covariances(), *_resolutions(), *_efficiencies(), *_ghosts(), *_kshort(), *_conversions()]


@cache
def card_of(name: str = "belle2", **switches: float) -> Any:
    """A card with changed switches."""
    from openbfactory.experiment import load_card

    card = load_card(name)
    new = card.detector.switches.model_copy(update=switches)
    return card.model_copy(update={"detector": card.detector.model_copy(update={"switches": new})})


def shoot(particles: Any, number: int, card: Any, seed: int = 1, **options: Any) -> tuple[Any, Any]:
    """Events of a particle gun after the detector, and what the simulation counted."""
    from openbfactory.core.random import Address
    from openbfactory.generate.gun import particle_gun
    from openbfactory.simulate import Counts, simulate_counted

    events = particle_gun(particles, number, Address(seed, "gun"), **options)
    out, counts = simulate_counted(events, card, Address(seed, "gun", 0, "simulate"))
    assert isinstance(counts, Counts)
    return out, counts


def true_helices(columns: Any, index: Array) -> Array:
    """Helices (n, 5) of particles, from the circle through their production vertex."""
    px, py, pz, x, y, z = (columns[k][index] for k in ("px", "py", "pz", "x", "y", "z"))
    code, pt = columns["PDG"][index], np.hypot(px, py)
    charge = np.where(np.isin(np.abs(code), (11, 13)), -np.sign(code), np.sign(code))
    radius = pt / PT_PER_CM
    cx, cy = x + charge * radius * py / pt, y - charge * radius * px / pt
    phi = np.arctan2(charge * cx, -charge * cy)
    turn = (np.arctan2(py, px) - phi + np.pi) % (2 * np.pi) - np.pi
    return np.column_stack([charge * (np.hypot(cx, cy) - radius), phi, charge / radius,
                            z + pz / pt * radius * charge * turn, pz / pt])


def pulls_of(tracks: Any, chosen: Array, truth: Array) -> Array:
    """Pulls (n, 5) of chosen tracks."""
    off = np.column_stack([tracks[k][chosen] for k in NAMES]) - truth
    off[:, 1] = (off[:, 1] + np.pi) % (2 * np.pi) - np.pi
    return np.asarray(off / np.sqrt(tracks["cov"][chosen][:, [0, 5, 9, 12, 14]]))


def core(pull: Array) -> tuple[float, float]:
    """Mean and width of the core: median and half of the central 68.27 %."""
    low, middle, high = np.quantile(pull, [0.15865, 0.5, 0.84135])
    return float(middle), float(high - low) / 2


def _pulls() -> list[Row]:
    """Worst mean and width of the pulls over bins of momentum and angle, and how many covariances were repaired."""
    plain = card_of(fake_tracks=0.0, cloned_tracks=0.0, beam_background=0.0)
    found, repaired, size = [], 0, 0
    span = {"momentum": (0.2, 4.0), "theta": (30.0, 130.0), "charges": "both"}
    samples: dict[str, Any] = {
        "prompt": (("pi+",), plain, {"spectrum": "logp", **span}),
        "from 0.5 to 30 cm": (("pi+",), plain, {"spectrum": "logp", "radius": (0.5, 30.0), "opening": 40.0, **span})}
    for name, (particles, card, options) in samples.items():
        events, counts = shoot(particles, PULLS, card, **options)
        tracks, mc = events["Tracks"], events["MCParticles"]
        chosen = np.flatnonzero(tracks["mcIndex"] >= 0)
        index = mc.offsets[tracks.event_index()[chosen]] + tracks["mcIndex"][chosen]
        truth = true_helices(mc, index)
        p = np.sqrt(mc["px"][index] ** 2 + mc["py"][index] ** 2 + mc["pz"][index] ** 2)
        bins = np.digitize(p, P_EDGES) * 10 + np.digitize(90 - np.degrees(np.arctan(truth[:, 4])), THETA_EDGES)
        found += _worst(f"pulls of {name} tracks", pulls_of(tracks, chosen, truth), bins)
        repaired, size = repaired + counts.repaired, size + tracks.size
    many = card_of(fake_tracks=0.0, cloned_tracks=0.0, beam_background=0.0, decays_in_flight=100.0)
    events, counts = shoot("pi+", PULLS // 3, many, momentum=(0.5, 1.5), theta=(40.0, 120.0), charges="both")
    tracks, made = events["Tracks"], events["MCSecondaries"]
    chosen = np.flatnonzero((made["trackIndex"] >= 0) & (np.abs(made["PDG"]) == 13) & (made["process"] == 1))
    rows_of = tracks.offsets[made.event_index()[chosen]] + made["trackIndex"][chosen]
    found += _worst("pulls of muons from kinks", pulls_of(tracks, rows_of, true_helices(made, chosen)),
                    np.zeros(len(chosen), int))
    repaired, size = repaired + counts.repaired, size + tracks.size
    return [*found, Row("covariances that are not positive-definite", 0.0, float(repaired), 0.5, f"of {size} tracks")]


def _worst(name: str, pull: Array, bins: Array) -> list[Row]:
    """Rows of the worst mean and width over the bins of each parameter."""
    out, kinds = [], [b for b in np.unique(bins) if np.sum(bins == b) > 5000]
    for k, parameter in enumerate(NAMES):
        values = np.array([core(pull[bins == b, k]) for b in kinds])
        mean, width = values[np.argmax(np.abs(values[:, 0])), 0], values[np.argmax(np.abs(values[:, 1] - 1.0)), 1]
        remark = f"worst of {len(kinds)} bins, {len(pull)} tracks"
        out += [Row(f"{name}: {parameter}, mean", 0.0, float(mean), 0.02, remark),
                Row(f"{name}: {parameter}, width", 1.0, float(width), 0.02, remark)]
    return out


def kernel_covariance(helix: Array, mass: float, radius: float, missing: Array,
                      card: Any) -> tuple[Array, Track, float]:
    """Covariance (5, 5) of the simulation for one track, the track, and the loss that its curvature sees [GeV]."""
    from openbfactory.simulate import lanes
    from openbfactory.simulate.covariance import fit_covariances
    from openbfactory.simulate.energyloss import weigh_losses
    from openbfactory.simulate.parameters import tracking_numbers
    from openbfactory.simulate.tracking import hold, new_scratch

    numbers = tracking_numbers(card.detector)
    s = new_scratch(len(numbers.layers))
    p = PT_PER_CM / abs(helix[2]) * np.hypot(1, helix[4])
    for t in range(lanes.LANES):
        hold(s.state, t, helix, p, mass, radius, np.inf)
    lanes.cross_layers(s.state, numbers.layers, s.half, s.arcs)
    hits = (s.arcs > 0) & (numbers.layers[:, 3:4] >= 0) & ~missing[:, None]
    s.layer_hits[:] = np.where(hits, numbers.layers[:, 4:5], 0.0)
    s.arcs[np.flatnonzero(hits[:, 0])[-1] + 1:] = -1.0
    weigh_losses(s.state, numbers.layers, numbers.loss, s.half, s.arcs, 0.0)
    fit_covariances(s.state, numbers.layers, s.half, s.arcs, s.layer_hits, np.ones(5), s.factor, s.broken)
    matrix = np.zeros((5, 5))
    matrix[np.triu_indices(5)] = s.state.reshape(-1, lanes.LANES)[:15, 0]
    matrix = matrix + np.triu(matrix, 1).T
    track = Track(helix, np.sign(helix[2]), mass, s.arcs[:, 0].copy(), s.layer_hits[:, 0].copy())
    return matrix, track, float(s.state[lanes.LOST])


def _covariances(number: int = 120) -> list[Row]:
    """Largest difference of covariances from least squares, and of the loss that the curvature sees."""
    from openbfactory.simulate.parameters import tracking_numbers

    rng, card = np.random.default_rng(7), card_of()
    numbers = tracking_numbers(card.detector)
    worst, worst_diagonal, losses = 0.0, 0.0, []
    for _ in range(number):
        pt, radius = np.exp(rng.uniform(np.log(0.15), np.log(4.0))), float(rng.choice([0.0, rng.uniform(1, 30)]))
        d0 = rng.uniform(-0.6, 0.6) * radius + rng.normal(0, 0.01)
        helix = np.array([d0, rng.uniform(-3, 3), rng.choice([-1, 1]) * PT_PER_CM / pt, rng.normal(0, 1),
                          rng.uniform(-0.6, 1.3)])
        mass = float(rng.choice([0.13957, 0.49368, 0.93827]))
        missing = rng.random(len(numbers.layers)) < 0.1
        ours, track, lost = kernel_covariance(helix, mass, radius, missing, card)
        if np.count_nonzero(track.hits) < 6:
            continue
        theirs, response = least_squares(track, numbers.layers)
        scale = np.sqrt(np.outer(np.diag(theirs), np.diag(theirs)))
        worst = max(worst, float(np.max(np.abs(ours - theirs) / scale)))
        worst_diagonal = max(worst_diagonal, float(np.max(np.abs(np.diag(ours) / np.diag(theirs) - 1))))
        used = np.flatnonzero(track.arcs > 0)[:len(response)]
        cosine = np.array([_cosine(helix, r) for r in numbers.layers[used, 0]])
        path = np.hypot(1, helix[4]) / cosine
        seen = np.sum(response[:, 2] / helix[2] * numbers.loss[used] * path)
        losses.append(lost / seen)
    found = [Row("covariance: largest difference of variances from least squares", 0.0, worst_diagonal, 0.01,
                 f"{number} tracks, prompt and displaced"),
             Row("covariance: largest difference of an element from least squares", 0.0, worst, 0.01,
                 "in units of the standard deviations")]
    return [*found, Row("energy loss as the curvature sees it, over least squares: median", 1.0,
                        float(np.median(losses)), 0.1,
                        f"central 68 %: {np.quantile(losses, 0.16):.2f} to {np.quantile(losses, 0.84):.2f}")]


def _cosine(helix: Array, radius: float) -> float:
    """Cosine of the incidence on a cylinder."""
    sine = (helix[2] * (radius**2 - helix[0] ** 2) - 2 * helix[0]) / (2 * radius)
    return float(np.sqrt(max(1 - sine**2, 0.01)))


def resolution(tracks: Any, column: str) -> float:
    """Half of the central 68 % of the deviations from the true value 0 of prompt tracks from the origin [cm]."""
    return core(tracks[column][tracks["mcIndex"] >= 0])[1]


def _resolutions() -> list[Row]:
    """Impact parameters of two-track events and of tracks at 90 degrees; transverse momenta against the design."""
    plain = {"fake_tracks": 0.0, "cloned_tracks": 0.0, "beam_background": 0.0}
    found = []
    events, _ = shoot("mu-", GUN // 2, card_of(**plain), momentum=(4.0, 7.0), theta=(40.0, 130.0))
    for name, column, published, tolerance in (("d0", "d0", 12.5, 1.0), ("z0", "z0", 20.0, 4.0)):
        found.append(Row(f"{name} of two-track events [um]", published, 1e4 * resolution(events["Tracks"], column),
                         tolerance, "muons of 4-7 GeV, 40-130 degrees; recalled (simulation of 2019; d0 in data 14.1)"))
    table = ((0.3, 51, 54), (0.5, 32, 35), (1.0, 20, 22), (2.0, 14, 16), (5.0, 9.4, 13))
    for pt, d0, z0 in table:
        events, _ = shoot("pi+", GUN // 5, card_of("belle2:run2", **plain), momentum=(pt, pt), theta=(90.0, 90.0))
        tracks = events["Tracks"]
        remark = "an estimate with straight lever arms, aligned; two pixel layers"
        found += [Row(f"d0 at pT = {pt} GeV, 90 degrees [um]", d0, 1e4 * resolution(tracks, "d0"), 0.2 * d0, remark),
                  Row(f"z0 at pT = {pt} GeV, 90 degrees [um]", z0, 1e4 * resolution(tracks, "z0"), 0.3 * z0, remark)]
        relative = PT_PER_CM / np.abs(tracks["omega"][tracks["mcIndex"] >= 0]) / pt
        design = np.hypot(0.1 * pt, 0.3 / (pt / np.hypot(pt, 0.13957)))
        found.append(Row(f"pT at {pt} GeV, 90 degrees [%]", float(design), 100 * core(relative)[1], 0.2 * design,
                         "design, 0.1 % pT (+) 0.3 % / beta"))
    return found


def found_fraction(events: Any, least: int = 1) -> Array:
    """Whether each event has at least so many tracks of generated particles, no clones counted."""
    tracks = events["Tracks"]
    number = np.zeros(len(events), int)
    good = tracks["mcIndex"] >= 0
    pairs = np.unique(np.column_stack([tracks.event_index()[good], tracks["mcIndex"][good]]), axis=0)
    np.add.at(number, pairs[:, 0], 1)
    return np.asarray(number >= least)


def _efficiencies() -> list[Row]:
    """Efficiency against pT, recalled ranges as value and tolerance."""
    found = []
    for low, high, value, tolerance in ((0.05, 0.1, 0.525, 0.125), (0.1, 0.2, 0.85, 0.05), (0.2, 0.5, 0.94, 0.015),
                                        (0.5, 3.0, 0.97, 0.01)):
        events, _ = shoot("pi+", GUN // 2, card_of(), momentum=(low, high), theta=(25.0, 140.0), spectrum="pt",
                          charges="both")
        found.append(Row(f"efficiency of pions, pT {low}-{high} GeV", value, float(found_fraction(events).mean()),
                         tolerance, "a range, recalled"))
    return found


def _ghosts(number: int = 3000) -> list[Row]:
    """Clones and fakes among the tracks of B pairs."""
    from openbfactory.core.random import Address
    from openbfactory.generate import generate_events
    from openbfactory.simulate import simulate_counted

    card = card_of()
    made, _ = generate_events("mixed", number, Address(3, "mixed"), card.machine)
    events, counts = simulate_counted(made, card, Address(3, "mixed", 0, "simulate"))
    share = (counts.clones + counts.fakes) / events["Tracks"].size
    return [Row("clones and fakes over all tracks of B pairs", 0.04, share, 0.01,
                f"a range, recalled; {counts.clones} clones, {counts.fakes} fakes")]


def _kshort() -> list[Row]:
    """Both tracks of K_S -> pi+ pi- against the radius of the decay."""
    found = []
    for low, high, value, tolerance in ((0.0, 1.0, 0.875, 0.03), (28.0, 32.0, 0.45, 0.06)):
        radius, efficiency = kshort_efficiency()
        inside = (radius >= low) & (radius < high)
        found.append(Row(f"K_S efficiency, decays at {low:g}-{high:g} cm", value, float(efficiency[inside].mean()),
                         tolerance, f"both tracks, pT above 0.1 GeV; a range, recalled; {inside.sum()} decays"))
    return found


@cache
def kshort_efficiency() -> tuple[Array, Array]:
    """Decay radius [cm] of K_S -> pi+ pi- with both pions in the acceptance, and whether both tracks are found."""
    events, _ = shoot("K_S0", 4 * GUN, card_of(), momentum=(0.5, 3.0), theta=(40.0, 120.0))
    mc = events["MCParticles"]
    pt = np.hypot(mc["px"], mc["py"])
    theta = np.degrees(np.arctan2(pt, mc["pz"]))
    pions = (np.abs(mc["PDG"]) == 211) & (mc["mother"] == 0) & (theta > 17) & (theta < 150) & (pt > 0.1)
    event = mc.event_index()[pions]
    both = np.bincount(event, minlength=len(events)) == 2
    radius = np.zeros(len(events))
    radius[event] = np.hypot(mc["x"][pions], mc["y"][pions])
    return radius[both], found_fraction(events, 2)[both]


def _conversions() -> list[Row]:
    """Conversions before the drift chamber at 90 degrees, and those with both tracks."""
    card = card_of("belle2:run2", beam_background=0.0, fake_tracks=0.0)
    events, _ = shoot("gamma", 4 * GUN, card, momentum=(0.5, 2.0), theta=(90.0, 90.0))
    radius, both = conversions_of(events)
    inside = radius < 15.9
    share = float(inside.sum() / len(events))
    return [Row("photons that convert before the drift chamber, 90 degrees", 0.031, share, 0.002,
                "7/9 of 4.0 % of a radiation length"),
            Row("conversions with both tracks", 0.3, float(both[inside].mean()), 0.1, "a range, recalled; 0.5-2 GeV")]


def conversions_of(events: Any) -> tuple[Array, Array]:
    """Radius [cm] of the first conversion of each photon that has one, and whether both tracks are found."""
    made = events["MCSecondaries"]
    pair = made["process"] == 2
    event = made.event_index()[pair]
    first, begin = np.unique(event, return_index=True)
    found = np.bincount(event[made["trackIndex"][pair] >= 0], minlength=len(events))[first] >= 2
    return np.hypot(made["x"][pair], made["y"][pair])[begin], found
