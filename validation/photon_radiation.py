"""Photon radiation in Upsilon(4S) -> B Bbar against EvtGen + PHOTOS; single chains are in `chain_photons`."""

from __future__ import annotations

from typing import Any

import numpy as np

from validation.rows import Row, reference_input

PAIRS = 40_000


def rows() -> list[Row]:
    """Photons and leptons of Upsilon(4S) -> B Bbar: rates, and the largest distance of the cumulative |p| spectra."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.kinematics.fourvector import unboost

    reference = np.load(reference_input("evtgen", "bbbar_photos.npz"))
    files = {"decay_file": reference_input("evtgen", "DECAY_BELLE2_evtgen.dec"),
             "decays": reference_input("evtgen", "bb.dec")}
    machine, size = load_card("belle2").machine.at_fixed_energy(), int(reference["n_events"])
    momenta: dict[int, list[Any]] = {22: [], 11: [], 13: []}
    for chunk in range(PAIRS // 10_000):
        events, _ = generate_events("bbbar", 10_000, Address(2, "bbbar", chunk), machine, **files)
        p = events["MCParticles"]
        first = np.repeat(p.offsets[:-1], p.counts)
        _, x, y, z = unboost(*(tuple(p[k][i] for k in ("E", "px", "py", "pz")) for i in (slice(None), first)))
        for code, kept in momenta.items():
            kept.append(np.sqrt(x * x + y * y + z * z)[(np.abs(p["PDG"]) == code) & (p["status"] == 1)])
    found = []
    for code, name in ((22, "photons"), (11, "electrons"), (13, "muons")):
        here = np.concatenate(momenta[code])
        chosen = np.abs(reference["final_pdg"]) == code
        rate, spectrum = reference["final_count"][chosen].sum() / size, reference["final_p"][chosen].sum(axis=0)
        found.append(Row(f"B Bbar with radiation: {name} an event", float(rate), len(here) / PAIRS, float(
            max(0.015 * rate, 4.5 * np.sqrt(rate / size + rate / PAIRS)))))
        mine = np.histogram(np.minimum(here, 3.01), reference["p_edges"])[0]
        distance = np.abs(np.cumsum(mine) / mine.sum() - np.cumsum(spectrum) / spectrum.sum()).max()
        found.append(Row(f"B Bbar with radiation: {name}, distance of the spectra", 0.0, float(distance),
                         float(0.01 + 1.6 / np.sqrt(len(here)))))
    return found
