"""Photon radiation in decays against EvtGen + PHOTOS, chain by chain and in Upsilon(4S) -> B Bbar.

Photons above a quarter of the mother's mass are compared with the exact spectrum of V -> l+ l- gamma where it is known
(J/psi -> mu+ mu-): PHOTOS without its matrix element makes 14 % more of them, this program follows the matrix element.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from validation.rows import Row, reference_input

EVENTS = 100_000
#: file, root and its mass as in the file; VLL and SVS make the photons of their spectra as phase space does
CHAINS = {"15_photos_Jpsi_mumu": ("J/psi", 3.0969), "15_photos_D0_Kpi": ("D0", 1.86483),
          "15_photos_B0_Denu": ("B0", 5.27964),
          "15_photos_tau_enunu": ("tau-", 1.77686), "15_photos_Bm_KJpsi_mumu": ("B-", 5.27933)}
PAIRS = 40_000


def rows() -> list[Row]:
    """Photon multiplicities, spectra and lost energies; tolerance 4 standard deviations of both samples."""
    return [row for name in CHAINS for row in _chain(name)] + _b_pairs()


def _chain(name: str) -> list[Row]:
    """Rows of one chain."""
    root, mass = CHAINS[name]
    reference = np.load(reference_input("evtgen", "chains", f"{name}.npz"))
    lines = [line for line in str(reference["decay"]).splitlines() if not line.startswith("Define")]
    energy, event = _photons(root, mass, "\n".join(lines) + "\n")
    count = np.bincount(event, minlength=EVENTS)
    spread = 4 * float(reference["ng_std"]) * np.sqrt(1 / EVENTS + 1 / int(reference["n_events"]))
    found = [Row(f"{name}: photons a decay", float(reference["ng_mean"]), float(count.mean()), float(spread))]
    edges, scale = reference["log10_Eg_edges"], EVENTS / int(reference["n_events"])
    here, there = np.histogram(np.log10(energy), edges)[0], reference["log10_Eg_counts"]
    used = (edges[1:] < np.log10(mass / 4)) & (there > 20)
    chi2 = np.sum((here - scale * there)[used] ** 2 / (here + scale**2 * there)[used]) / used.sum()
    found.append(Row(f"{name}: photon energies, chi2 / ndf", 1.0, float(chi2), float(4 * np.sqrt(2 / used.sum()))))
    total = np.bincount(event, energy, minlength=EVENTS)
    for low, high in ((0.01, 0.1), (0.1, mass / 4)):
        expected = _count(reference["log10_Erad_edges"], reference["log10_Erad_counts"], low, high)
        made = _count(edges, np.histogram(np.log10(total[total > 0]), reference["log10_Erad_edges"])[0], low, high)
        a, b = expected / int(reference["n_events"]), made / EVENTS
        found.append(Row(f"{name}: share of decays that radiate {low:g} to {high:.2g} GeV", a, b,
                         float(4 * np.sqrt(a / int(reference["n_events"]) + b / EVENTS))))
    return found


def _count(edges: Any, counts: Any, low: float, high: float) -> int:
    """Entries of the bins (log10) between two energies."""
    inside = (edges[:-1] >= np.log10(low) - 1e-6) & (edges[1:] <= np.log10(high) + 1e-6)
    return int(counts[inside].sum())


def _photons(root: str, mass: float, text: str) -> tuple[Any, Any]:
    """Energies of all photons in the frame of the root, and their events."""
    from openbfactory.core.random import Address
    from openbfactory.events.columns import MC_PARTICLES
    from openbfactory.events.record import Jagged
    from openbfactory.generate import decay_events
    from openbfactory.physics.decaycache import load_decay_table
    from openbfactory.physics.particles import species

    columns = {c.name: c.empty(EVENTS) for c in MC_PARTICLES.columns}
    columns["PDG"][:], columns["mother"][:], columns["E"][:] = species(root).pdg, -1, mass
    table = load_decay_table(overlay=text)
    particles, _ = decay_events(Jagged(np.arange(EVENTS + 1), columns), table, Address(1, "photons"))
    photon = particles["PDG"] == 22
    event = np.repeat(np.arange(EVENTS), particles.counts)
    return particles["E"][photon], event[photon]


def _b_pairs() -> list[Row]:
    """Photons and leptons of Upsilon(4S) -> B Bbar: rates, and the largest distance of the cumulative |p| spectra."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.kinematics.fourvector import unboost

    reference = np.load(reference_input("evtgen", "bbbar_photos.npz"))
    files = {"decay_file": reference_input("evtgen", "DECAY_BELLE2_evtgen.dec"),
             "decays": reference_input("evtgen", "bb.dec")}
    machine, size = load_card("belle2").machine, int(reference["n_events"])
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
