"""First-level trigger and hadron skim: the neural track trigger against what the experiment says of its own, and the
efficiencies of every kind of event, with rates of the lines (``python -m validation.detector_trigger`` prints them).

References: z resolution of about 2 cm at high and about 5 cm at low transverse momentum, in simulation (S. McCarney,
BELLE2-MTHESIS-2020-004, abstract).  Efficiencies of the experiment's first level and hadron skim are quoted without a
source that could be traced (tolerances accordingly): B Bbar > 99.9 %, continuum 99.7 %, tau pairs 95 to 99 %, hadron
skim of B Bbar 99.5 %.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from openbfactory.core.random import Address
from openbfactory.events.record import Events
from openbfactory.events.trigger import L1_LINES, fired
from openbfactory.experiment import load_card
from openbfactory.generate import generate_events
from openbfactory.generate.gun import particle_gun
from openbfactory.simulate import simulate
from openbfactory.simulate.segments import track_in_three
from openbfactory.simulate.trigger_card import network_numbers, segment_numbers
from openbfactory.simulate.trigger_training import half_width
from validation.rows import Row

Array = npt.NDArray[np.float64]

#: kinds of events, and how many of each
PROCESSES = {"charged": 10_000, "mixed": 10_000, "uubar": 5_000, "ddbar": 5_000, "ssbar": 5_000, "ccbar": 5_000,
             "taupair": 20_000, "mumu": 20_000, "ee": 20_000, "gg": 20_000, "eemumu": 20_000, "eeee": 20_000,
             "eepipi": 20_000, "phigamma": 20_000}
RESONANT, CONTINUUM = ("charged", "mixed"), ("uubar", "ddbar", "ssbar", "ccbar")
#: columns of :func:`gun_tracks`
PT, P, Z, IN_PLANE, NEURAL, Z_FOUND, THETA_FOUND, PT_FOUND, THETA = range(9)
#: luminosity of the rates: 1e35 / cm^2 / s are 100 Hz a nb
HZ_NB = 100.0
#: limits of polar angle [deg] where a track crosses all superlayers
CENTRAL = (40.0, 115.0)


@cache
def gun_tracks(particles: int, *, z: float = 0.0, theta: tuple[float, float] = CENTRAL, seed: int = 1) -> Array:
    """Found tracks (n, 9) of simulated muons from the beam line with |z| up to ``z`` [cm]; columns as above.

    The helix that the detector finds gives the track segments.
    """
    card = load_card("belle2")
    segments, rows = card.detector.trigger.segments, []
    for chunk, n in enumerate([100_000] * (particles // 100_000) + [particles % 100_000]):
        if n == 0:
            continue
        address = Address(seed, "trigger", chunk)
        events = particle_gun("mu-", n, address, momentum=(0.2, 4.0), spectrum="pt", theta=theta, z=(-z, z),
                              charges="both")
        out = simulate(events, card, address)
        mc, tracks = events["MCParticles"], out["Tracks"]
        event = np.repeat(np.arange(n), tracks.counts)
        first = tracks["mcIndex"] == 0
        event = event[first]
        helix = np.column_stack([tracks[name][first] for name in ("d0", "phi0", "omega", "z0", "tanLambda")])
        found = track_in_three(helix, segment_numbers(card.detector), network_numbers(segments and segments.network),
                               address.at("segments").generator())
        px, py, pz = (mc[name][event] for name in ("px", "py", "pz"))
        pt = np.hypot(px, py)
        rows.append(np.column_stack([pt, np.hypot(pt, pz), mc["z"][event], found, np.arctan2(pt, pz)]))
    return np.concatenate(rows)


@cache
def triggered(process: str) -> Events:
    """Simulated events of a kind."""
    card, address = load_card("belle2"), Address(5, process)
    return simulate(generate_events(process, PROCESSES[process], address, card.machine)[0], card, address)


def efficiencies(process: str) -> dict[str, float]:
    """Efficiency of every line (before prescales), of all together after prescales (L1) and of the skim (HLT)."""
    summary = triggered(process)["TRGSummary"]
    found = {line: float(fired(summary["L1FTDL"], line).mean()) for line in L1_LINES}
    kept = summary["L1Trigger"] != 0
    return {**found, "L1": float(kept.mean()), "HLT": float((kept & (summary["HLTHadron"] != 0)).mean())}


def mean_efficiency(processes: tuple[str, ...], line: str) -> float:
    """Efficiency of several kinds of events, weighted with their cross sections."""
    weights = [load_card("belle2").machine.cross_section(p) for p in processes]
    return float(np.average([efficiencies(p)[line] for p in processes], weights=weights))


def of_events_with_tracks(process: str, least: int, pt: float) -> float:
    """First-level efficiency of events with at least ``least`` tracks above ``pt`` [GeV] from the collision."""
    events = triggered(process)
    tracks = events["Tracks"]
    good = (load_card("belle2").detector.field.value * 0.00299792458 / np.abs(tracks["omega"]) > pt) & (
        np.abs(tracks["d0"]) < 2) & (np.abs(tracks["z0"]) < 4)
    count = np.bincount(np.repeat(np.arange(len(events)), tracks.counts), weights=good, minlength=len(events))
    return float(np.mean(events["TRGSummary"]["L1Trigger"][count >= least] != 0))


def rows() -> list[Row]:
    """Rows of the table."""
    tracks = gun_tracks(200_000)
    neural = tracks[tracks[:, NEURAL] > 0]

    def width(low: float, high: float) -> float:
        chosen = (neural[:, PT] > low) & (neural[:, PT] < high)
        return half_width(neural[chosen, Z_FOUND] - neural[chosen, Z])

    thesis = "S. McCarney, BELLE2-MTHESIS-2020-004"
    memory = "reference not traced"
    with_tracks = {p: of_events_with_tracks(p, 3, 0.2) for p in CONTINUUM}
    sections = [load_card("belle2").machine.cross_section(p) for p in CONTINUUM]
    return [
        Row("trigger: z resolution [cm], pT 2 to 4 GeV", 2.0, width(2.0, 4.0), 0.7, thesis),
        Row("trigger: z resolution [cm], pT 0.3 to 0.35 GeV", 5.0, width(0.3, 0.35), 1.0, thesis),
        Row("first level: B Bbar", 0.9995, mean_efficiency(RESONANT, "L1"), 0.0005, f"{memory}: > 99.9 %"),
        Row("first level: continuum with three tracks above 0.2 GeV", 0.997,
            float(np.average(list(with_tracks.values()), weights=sections)), 0.003, memory),
        Row("first level: tau pairs with two tracks above 0.2 GeV", 0.97, of_events_with_tracks("taupair", 2, 0.2),
            0.02, f"{memory}: 95 to 99 %"),
        Row("hadron skim: B Bbar", 0.995, mean_efficiency(RESONANT, "HLT"), 0.01, memory),
    ]


def table() -> list[str]:
    """Lines of a table for the page: efficiency of every line for every kind of event, rates at 1e35 / cm^2 / s."""
    machine = load_card("belle2").machine
    names = [*L1_LINES, "L1", "HLT"]
    lines = ["| kind | nb | " + " | ".join(f"`{n}`" if n in L1_LINES else n for n in names) + " |",
             "|---" * (len(names) + 2) + "|"]
    rate = dict.fromkeys(names, 0.0)
    for process in PROCESSES:
        found, section = efficiencies(process), machine.cross_section(process)
        lines.append(f"| {process} | {section:.3g} | " + " | ".join(f"{100 * found[n]:.1f}" for n in names) + " |")
        for n in names:
            rate[n] += HZ_NB * section * found[n]
    return [*lines, "| **rate [Hz]** | | " + " | ".join(f"{rate[n]:.0f}" for n in names) + " |"]


if __name__ == "__main__":
    print("\n".join(table()))
