"""Mean multiplicities of Upsilon(4S) -> B Bbar against EvtGen + PHOTOS with the same decay files."""

from __future__ import annotations

import numpy as np

from validation.rows import Row, reference_input

EVENTS = 60_000
#: final-state species that are compared
SPECIES = {211: "pi+", 321: "K+", 2212: "p", 11: "e-", 13: "mu-", 130: "K_L0", 2112: "n", 12: "nu_e", 14: "nu_mu",
           16: "nu_tau", 22: "photon"}


def rows() -> list[Row]:
    """Rows of the final-state species; tolerance 1 % or three standard deviations of both samples."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events

    reference = np.load(reference_input("evtgen", "bbbar_photos.npz"))
    files = {"decay_file": reference_input("evtgen", "DECAY_BELLE2_evtgen.dec"),
             "decays": reference_input("evtgen", "bb.dec")}
    machine = load_card("belle2").machine
    counts = dict.fromkeys(SPECIES, 0)
    for chunk in range(EVENTS // 10_000):
        events, _ = generate_events("bbbar", 10_000, Address(1, "bbbar", chunk), machine, **files)
        particles = events["MCParticles"]
        stable = particles["PDG"][particles["status"] == 1]
        for code in SPECIES:
            counts[code] += int((np.abs(stable) == code).sum())
    size = int(reference["n_events"])
    both = {c: sum(int(n) for p, n in zip(reference["final_pdg"], reference["final_count"], strict=True) if abs(p) == c)
            for c in SPECIES}
    found = []
    for code, name in SPECIES.items():
        expected, here = both[code] / size, counts[code] / EVENTS
        spread = 3 * 1.5 * np.sqrt(expected / size + here / EVENTS)
        found.append(Row(f"{name} an event (both charges)", expected, here, float(max(0.01 * expected, spread))))
    return found
