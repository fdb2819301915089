"""Three-body and semileptonic models against single chains of EvtGen: chi2 of each histogram, with the same user decay
files.  A chi2 agrees within five standard deviations (5 sqrt(2 ndf)) of its number of bins.

Where EvtGen is known to differ the row says what was done: pi0 -> e+ e- gamma is compared after putting the sign of the
mass term of EvtGen right, (1 + 2 m^2 / q2) / (1 - 4 m^2 / q2), and D0 -> pi pi pi0 after weighting events from the
magnitudes of today's EvtGen to those of the version that made the reference.  Mesons with a broad line shape are left
to the comparison of line shapes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from validation.rows import Row, reference_input

EVENTS = 60_000
#: chain: mother, and how its observables are made from the three daughters
DALITZ = {"05_D0_Kpipi0": "D0", "05_D0_KSKK": "D0", "05_D0_pipipi0": "D0", "05_Dp_KSpipi0": "D+", "05_Dp_Kpipi": "D+",
          "05_Dp_pipipi": "D+", "05_Ds_KKpi": "D_s+", "05_Ds_pipipi": "D_s+"}
SEMILEPTONIC = {"01c_B0_Denu_ISGW2": "B0", "01_B0_Dstenu_ISGW2": "B0", "11_D0_Kenu_ISGW2": "D0",
                "11_Ds_etaenu_ISGW2": "D_s+"}
#: magnitudes of D0 -> pi pi pi0 in the version of EvtGen that made the reference, constant first
OLD_MAGNITUDES = (0.57, 1.0, 0.588, 0.714, 0.21, 0.33, 0.82, 2.25, 2.51, 2.00, 0.015, 0.063, 0.058, 0.112, 1.04, 0.069)


def decayed(chain: str, mother: str) -> tuple[Any, list[Any]]:
    """Reference file of a chain and the four-momenta (4, n) of the first three daughters."""
    from openbfactory.core.random import Address
    from openbfactory.events.columns import MC_PARTICLES
    from openbfactory.events.record import Jagged
    from openbfactory.generate import decay_events
    from openbfactory.physics.decaycache import load_decay_table

    reference = np.load(reference_input("evtgen", "chains", f"{chain}.npz"))
    lines = [line for line in str(reference["decay"]).splitlines() if line.strip() != "End"]
    table = load_decay_table(overlay="\n".join(lines))
    s = table.index[mother]
    columns = {c.name: c.empty(EVENTS) for c in MC_PARTICLES.columns}
    columns["PDG"][:], columns["mother"][:], columns["E"][:] = table.pdg[s], -1, table.mass[s]
    particles, counts = decay_events(Jagged(np.arange(EVENTS + 1), columns), table, Address(3, "chains"))
    if counts.excess > 1e-3 * EVENTS:
        print(f"  {chain}: {counts.excess} weights above their bound")
    first = particles.offsets[:-1]
    return reference, [np.stack([particles[k][first + i] for k in ("E", "px", "py", "pz")]) for i in (1, 2, 3)]


def square(*vectors: Any) -> Any:
    """Squared mass of a sum."""
    e, x, y, z = sum(vectors)
    return e * e - x * x - y * y - z * z


def compared(what: str, counts: Any, edges: Any, values: Any, weights: Any = None) -> Row:
    """Row of the chi2 of a sample against a histogram, bins with at least ten expected entries."""
    weights = np.ones(len(values)) if weights is None else weights
    here, _ = np.histogram(values, edges, weights=weights)
    spread, _ = np.histogram(values, edges, weights=weights * weights)
    scale = here.sum() / counts.sum()
    expected = counts * scale
    used = expected >= 10
    error = np.maximum(spread, expected * (spread.sum() / here.sum())) + expected * scale
    chi2 = float(((here - expected)[used] ** 2 / error[used]).sum())
    ndf = int(used.sum()) - 1
    return Row(f"{what}: chi2 of {ndf} degrees of freedom", ndf, chi2, float(5 * np.sqrt(2 * ndf)))


def _dalitz_rows() -> list[Row]:
    """Projections of the D decays."""
    rows = []
    for chain, mother in DALITZ.items():
        reference, p = decayed(chain, mother)
        weights, note = None, ""
        if chain == "05_D0_pipipi0":
            weights, note = _older_weights(p), " (weighted to the older magnitudes)"
        for name, (i, j) in {"s01": (0, 1), "s02": (0, 2), "s12": (1, 2)}.items():
            rows.append(compared(f"{chain} {name}{note}", reference[f"{name}_counts"].astype(float),
                                 reference[f"{name}_edges"], square(p[i], p[j]), weights))
    return rows


def _older_weights(p: list[Any]) -> Any:
    """Weights of D0 -> pi+ pi- pi0 events from today's to the older magnitudes."""
    from openbfactory.physics.isobars import isobar_decays, isobar_intensity
    from openbfactory.physics.particles import species

    decay = next(d for d in isobar_decays() if d.daughters == (-211, 211, 111))
    older = decay.terms.copy()
    older[:, 4:6] *= (np.array(OLD_MAGNITUDES) / np.hypot(older[:, 4], older[:, 5]))[:, None]
    masses = np.array([species(n).mass for n in ("pi-", "pi+", "pi0")])
    plus, minus, neutral = p
    s = np.ascontiguousarray(np.stack([square(plus, neutral), square(neutral, minus), square(minus, plus)]).T)
    mother = species("D0").mass
    new, old = decay.terms.ravel(), older.ravel()
    weights = np.array([isobar_intensity(old, mother, masses, x) / isobar_intensity(new, mother, masses, x) for x in s])
    return weights / weights.mean()


def _semileptonic_rows() -> list[Row]:
    """q2, lepton energy and angle."""
    from openbfactory.kinematics.fourvector import unboost

    rows = []
    for chain, mother in SEMILEPTONIC.items():
        reference, (_, lepton, neutrino) = decayed(chain, mother)
        pair = lepton + neutrino
        inside = np.stack(unboost(tuple(lepton), tuple(pair)))[1:]
        cosine = (inside * pair[1:]).sum(0) / np.linalg.norm(inside, axis=0) / np.linalg.norm(pair[1:], axis=0)
        for name, values in (("q2", square(lepton, neutrino)), ("El", lepton[0]), ("costhl", cosine)):
            rows.append(compared(f"{chain} {name}", reference[f"{name}_counts"].astype(float),
                                 reference[f"{name}_edges"], values))
    return rows


def rows() -> list[Row]:
    """Rows of all chains."""
    from openbfactory.physics.particles import species

    found = _dalitz_rows() + _semileptonic_rows()
    reference, (minus, plus, neutral) = decayed("06_omega_3pi", "omega")
    for name, values in (("m2_pipi", square(minus, plus)), ("E0", neutral[0])):
        found.append(compared(f"06_omega_3pi {name}", reference[f"{name}_counts"].astype(float),
                              reference[f"{name}_edges"], values))
    reference, (_, pion, other) = decayed("09_psi2S_Jpsipi0pi0", "psi(2S)")
    found.append(compared("09_psi2S_Jpsipi0pi0 mpipi", reference["mpipi_counts"].astype(float),
                          reference["mpipi_edges"], np.sqrt(square(pion, other))))
    reference, (positron, electron, _) = decayed("06_pi0_eegamma", "pi0")
    edges = reference["log10_mee_edges"]
    x = 4 * species("e-").mass ** 2 / 10 ** (edges[1:] + edges[:-1])
    chosen = x < 0.1  # further down a bin is too wide for one factor
    counts = np.where(chosen, reference["log10_mee_counts"] * (1 + x / 2) / np.maximum(1 - x, 0.1), 0.0)
    values = 0.5 * np.log10(square(positron, electron))
    kept = values >= edges[np.argmax(chosen)]
    found.append(compared("06_pi0_eegamma log10_mee (mass term of EvtGen put right)", counts, edges, values[kept]))
    return found
