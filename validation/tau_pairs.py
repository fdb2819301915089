"""Tau decays and the spin correlation of tau pairs: closed forms, and EvtGen's angles for polarised taus."""

from __future__ import annotations

from typing import Any

import numpy as np

from validation.rows import Row, reference_input

EVENTS = 100_000
#: chain and polarisation along z; the mass of a vector follows another line shape, its angles are compared
CHAINS = {"07_tau_pi": 0.0, "07_tau_mu": 0.0, "07_taupol_mu": 1.0, "07_taupol_e": 1.0, "07_taupol_3pi": 1.0,
          "07_taupol_3pi0": 1.0, "07_tau_3pi0": 0.0}


def rows() -> list[Row]:
    """Rows of all chains (chi2 / ndf, tolerance 4 standard deviations) and of the pair."""
    return [row for name, spin in CHAINS.items() for row in _chain(name, spin)] + _pairs()


def _chain(name: str, spin: float) -> list[Row]:
    """Rows of the observables of one chain."""
    from openbfactory.core.random import Address
    from openbfactory.generate.tauspin import polarised_taus
    from openbfactory.physics.decaycache import load_decay_table

    reference = np.load(reference_input("evtgen", "chains", f"{name}.npz"))
    table = load_decay_table(overlay=str(reference["decay"]).replace("End\n", ""))
    made = polarised_taus(EVENTS, Address(5, name, 0), table, (0.0, 0.0, spin))
    p = np.stack([made[k] for k in ("E", "px", "py", "pz")], axis=1).reshape(EVENTS, -1, 4)[:, 1:]
    return [_row(f"{name}: {what}", reference, what, values) for what, values in _observables(name, p).items()]


def _observables(name: str, p: Any) -> dict[str, Any]:
    """Observables of a chain, named as in its file, from the daughters (n, daughters, 4)."""
    mass, visible = 1.77686, p[:, :3].sum(axis=1) if "3pi" in name else p[:, 0]
    found = {"cosz": visible[:, 3] / np.linalg.norm(visible[:, 1:], axis=1)}
    if "3pi" in name:
        pairs = {"m12": (1, 2), "m02": (0, 2), "m01": (0, 1), "m3pi": (0, 1, 2)}
        found |= {k: _mass(p[:, list(which)].sum(axis=1)) for k, which in pairs.items()} | {"E2": p[:, 2, 0]}
    elif "pi" not in name:
        found |= {"x": 2 * p[:, 0, 0] / mass, "Enubar": p[:, 1, 0], "Enutau": p[:, 2, 0]}
    return found


def _mass(p: Any) -> Any:
    """Invariant masses of (n, 4)."""
    return np.sqrt(np.maximum(p[:, 0] ** 2 - np.sum(p[:, 1:] ** 2, axis=1), 0.0))


def _row(what: str, reference: Any, name: str, values: Any) -> Row:
    """chi2 / ndf of a histogram against the reference, both normalised."""
    there = reference[f"{name}_counts"]
    here = np.histogram(values, reference[f"{name}_edges"])[0]
    scale, used = here.sum() / there.sum(), here + there > 40
    chi2 = np.sum((here - scale * there)[used] ** 2 / (here + scale**2 * there)[used]) / used.sum()
    return Row(f"{what}, chi2 / ndf", 1.0, float(chi2), float(4 * np.sqrt(2 / used.sum())))


def _pairs() -> list[Row]:
    """Energy correlation of tau- -> pi- nu and tau+ -> pi+ nu at 10.58 GeV against its closed form."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate.tauspin import tau_pair_events
    from openbfactory.kinematics.fourvector import unboost
    from openbfactory.physics.decaycache import load_decay_table

    text = "noPhotos\n" + "".join(f"Decay tau{a}\n1.0 pi{a} {nu} TAUSCALARNU;\nEnddecay\n"
                                  for a, nu in (("-", "nu_tau"), ("+", "anti-nu_tau")))
    table = load_decay_table(overlay=text)
    made, _ = tau_pair_events(EVENTS, Address(6, "taupair", 0), load_card("belle2").machine, table)

    def rows_of(code: int) -> tuple[Any, ...]:
        at = np.flatnonzero(made["PDG"] == code)
        return tuple(made[k][at] for k in ("E", "px", "py", "pz"))

    taus = [rows_of(code) for code in (15, -15)]
    pair = tuple(a + b for a, b in zip(*taus, strict=True))
    s = pair[0] ** 2 - sum(k * k for k in pair[1:])
    cosines = []
    for tau, code in zip(taus, (-211, 211), strict=True):
        inside, pion = (unboost(v, pair) for v in (tau, rows_of(code)))
        direction = np.stack(inside[1:]) / np.linalg.norm(np.stack(inside[1:]), axis=0)
        own = np.stack(unboost(pion, inside)[1:])
        cosines.append(np.sum(direction * own, axis=0) / np.linalg.norm(own, axis=0))
    ratio = 4 * 1.77693**2 / s
    expected = np.mean((2 / (1 + ratio / 2) - 1) / 9)
    found = cosines[0] * cosines[1]
    what = "tau pairs: <cos1 cos2> of tau -> pi nu on both sides, closed form"
    return [Row(what, float(expected), float(found.mean()), float(4 * found.std() / np.sqrt(EVENTS)))]
