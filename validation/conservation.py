"""Conservation laws of every event and of every single decay of 100 000 generic events, and of smaller other samples.

Energy and momentum: 1e-9 GeV.  Charge, baryon number and the three lepton numbers: exactly, decay by decay, with the
numbers of :mod:`particle`'s PDG codes.  Channels with which the decay file itself breaks a law (K_S0 -> pi+ e- nu_e)
are left out and counted in the remark.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from validation.generic import bbbar_chunks
from validation.rows import Row

EVENTS = 100_000
#: other samples and their numbers of events
OTHERS = {"uubar": 10_000, "ccbar": 10_000, "taupair": 10_000, "knunu": 10_000}
LARGEST = 1e-9
NAMES = ("charge", "baryon number", "electron number", "muon number", "tau number")
#: channels of DECAY_BELLE2.DEC that break a law, in absolute codes: K_S0 -> pi+ e- nu_e
OF_THE_FILE = {(310, (11, 12, 211))}
Array = npt.NDArray[Any]


def rows() -> list[Row]:
    """Rows of all samples."""
    made = _rows(f"{EVENTS} B pairs", bbbar_chunks(EVENTS, photons=True, seed=7))
    for sample, events in OTHERS.items():
        made += _rows(f"{events} {sample} events", _sample(sample, events))
    return made


def _sample(name: str, events: int) -> Iterator[Any]:
    """MCParticles of a sample in chunks."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events

    machine = load_card("belle2").machine
    for chunk in range(events // 10_000):
        yield generate_events(name, 10_000, Address(7, name, chunk), machine)[0]["MCParticles"]


def _rows(label: str, chunks: Iterator[Any]) -> list[Row]:
    """Rows of one sample."""
    worst_event = worst_decay = 0.0
    broken, of_file, decays = np.zeros(5, np.int64), 0, 0
    for particles in chunks:
        first = np.repeat(particles.offsets[:-1], particles.counts)
        mothers = np.asarray(particles["mother"])
        child = mothers >= 0
        above = (first + mothers)[child]
        decayed = np.bincount(above, minlength=len(mothers)) > 0
        event = np.repeat(np.arange(len(particles)), particles.counts)
        for name in ("E", "px", "py", "pz"):
            p = np.asarray(particles[name])
            sums = np.bincount(above, p[child], minlength=len(p))
            worst_decay = max(worst_decay, float(np.abs(sums - p)[decayed].max()))
            total = np.bincount(event[~decayed], p[~decayed], minlength=len(particles))
            initial = np.bincount(event[mothers < 0], p[mothers < 0], minlength=len(particles))
            worst_event = max(worst_event, float(np.abs(total - initial).max()))
        codes = np.asarray(particles["PDG"])
        for k, value in enumerate(_numbers(codes)):
            sums = np.bincount(above, value[child], minlength=len(value))
            wrong = np.flatnonzero((np.abs(sums - value) > 0.1) & decayed)
            listed = sum(_breaks_in_file(codes, child, above, row) for row in wrong.tolist())
            broken[k] += len(wrong) - listed
            of_file += listed
        decays += int(decayed.sum())
    made = [Row(f"{label}: largest imbalance of an event [GeV]", 0.0, worst_event, LARGEST),
            Row(f"{label}: largest imbalance of a decay [GeV]", 0.0, worst_decay, LARGEST, f"{decays} decays")]
    remark = f"and {of_file} decays as the file lists them" if of_file else ""
    return made + [Row(f"{label}: decays that break {name}", 0.0, float(n), 0.0, remark if "electron" in name else "")
                   for name, n in zip(NAMES, broken, strict=True)]


def _breaks_in_file(codes: Array, child: Array, above: Array, row: int) -> bool:
    """True for a decay that the decay file itself lists without conserving a lepton number."""
    daughters = np.abs(codes[np.flatnonzero(child)[above == row]])
    found = (abs(int(codes[row])), tuple(sorted(int(d) for d in daughters if d != 22)))
    return found in OF_THE_FILE


def _numbers(codes: Array) -> list[Array]:
    """Three times the charge, baryon number and lepton numbers of records."""
    different, place = np.unique(codes, return_inverse=True)
    table = np.array([_of_code(int(code)) for code in different])
    return [table[place, k] for k in range(5)]


def _of_code(code: int) -> tuple[float, float, float, float, float]:
    """Three times the charge, baryon number and lepton numbers of one species."""
    from particle import pdgid

    from openbfactory.physics.particles import species_of

    sign = 1.0 if code > 0 else -1.0
    # codes up to 100 above the gauge bosons are EvtGen's own (43, 44: X_u), not those of the PDG
    charge = species_of(code).charge3 if 40 < abs(code) < 100 else pdgid.three_charge(code)
    if charge is None:
        charge = species_of(code).charge3
    baryon = sign if pdgid.is_baryon(code) else 0.0
    leptons = [sign if abs(code) in pair else 0.0 for pair in ((11, 12), (13, 14), (15, 16))]
    return (float(charge), baryon, leptons[0], leptons[1], leptons[2])
