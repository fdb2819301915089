"""Every species of Upsilon(4S) -> B Bbar against EvtGen with the same decay files: multiplicity and spectrum of |p|.

Multiplicities: all particles of the tree and those without daughters, with photon radiation and without; tolerance 1 %
or three standard deviations of both samples (their spread from event to event).  Spectra (histograms of 20 MeV): the
largest distance of the cumulative distributions, tolerance that of a two-sample test at a probability of 1e-4.  Also
the numbers of charged particles and of photons an event.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from validation.figures import draw
from validation.generic import CHUNK, bbbar_chunks, has_daughters
from validation.histograms import Histogram
from validation.rows import Row, reference_input

EVENTS = 100_000
#: species with fewer in both samples together have no row
FEWEST = 60
#: fewest of a species in the reference for a row of its spectrum
SPECTRUM = 2000
#: two-sample test at a probability of 1e-4: sqrt(ln(2 / 1e-4) / 2)
CRITICAL = 2.226
#: species of the figures
PICTURE = (211, -321, 2212, 22, 11, 13, 310, 111, 421, -411, 413, 113)
Array = npt.NDArray[Any]


class Sums:
    """Running sums of counts, squares of counts and spectra of the species of one set."""

    def __init__(self, codes: Array, edges: Array) -> None:
        self.order = np.argsort(codes)
        self.codes, self.edges = codes[self.order], edges
        self.count, self.square = (np.zeros(len(codes)) for _ in range(2))
        self.spectrum = np.zeros((len(codes), len(edges) - 1))

    def add(self, event: Array, codes: Array, momentum: Array) -> None:
        """Add the particles of a chunk."""
        place = np.clip(np.searchsorted(self.codes, codes), 0, len(self.codes) - 1)
        known = self.codes[place] == codes
        size, bins = len(self.codes), len(self.edges) - 1
        counts = np.bincount(event[known] * size + place[known], minlength=CHUNK * size).reshape(CHUNK, size)
        self.count += counts.sum(axis=0)
        self.square += (counts.astype(float) ** 2).sum(axis=0)
        where = np.clip(np.searchsorted(self.edges, momentum[known], side="right") - 1, 0, bins - 1)
        self.spectrum += np.bincount(place[known] * bins + where, minlength=size * bins).reshape(size, bins)


def rows() -> list[Row]:
    """Rows of both samples."""
    return _sample("bbbar_photos", True) + _sample("bbbar_without_photos", False)


def _sample(file: str, photons: bool) -> list[Row]:
    """Rows of one sample."""
    reference = np.load(reference_input("evtgen", f"{file}.npz"))
    edges = reference["p_edges"]
    sets = {name: Sums(reference[f"{name}_pdg"], edges) for name in ("final", "all")}
    charged, photon = np.zeros(60), np.zeros(60)
    for particles in bbbar_chunks(EVENTS, photons=photons):
        event = np.repeat(np.arange(CHUNK), particles.counts)
        codes = np.asarray(particles["PDG"])
        momentum = np.sqrt(sum(np.asarray(particles[k]) ** 2 for k in ("px", "py", "pz")))
        root = np.asarray(particles["mother"]) < 0
        final = ~has_daughters(particles) & ~root
        sets["final"].add(event[final], codes[final], momentum[final])
        sets["all"].add(event[~root], codes[~root], momentum[~root])
        track = final & np.isin(np.abs(codes), (11, 13, 211, 321, 2212))
        for total, mask in ((charged, track), (photon, final & (codes == 22))):
            total += np.bincount(np.minimum(np.bincount(event[mask], minlength=CHUNK), 59), minlength=60)
    label = "with photons" if photons else "without photons"
    made = [row for name, sums in sets.items() for row in _rows(f"{label}, {name}", reference, name, sums)]
    numbers = [Histogram(f"B Bbar {label}, {what} an event", (np.arange(61) - 0.5,), here, here, reference[key])
               for what, here, key in (("charged particles", charged, "event_nch"), ("photons", photon, "event_ngam"))]
    if photons:
        _picture(reference, sets["all"], numbers)
    return made + [h.row() for h in numbers]


def _rows(label: str, reference: Any, name: str, sums: Sums) -> list[Row]:
    """Rows of multiplicities and spectra of one set."""
    size = int(reference["n_events"])
    counts, spectra = reference[f"{name}_count"][sums.order], reference[f"{name}_p"][sums.order]
    made = []
    for k, code in enumerate(sums.codes.tolist()):
        there, here = float(counts[k]), float(sums.count[k])
        if there + here < FEWEST:
            continue
        what = f"B Bbar {label}, {_name(code)}"
        expected, found = there / size, here / EVENTS
        variance = max(float(sums.square[k]) / EVENTS - found**2, found, expected)
        spread = 3 * np.sqrt(variance * (1 / size + 1 / EVENTS))
        ratio = f"ratio {found / expected:.4f}" if expected > 0 else ""
        made.append(Row(f"{what}: number an event", expected, found, float(max(0.01 * expected, spread)), ratio))
        if there >= SPECTRUM:
            histogram = Histogram(what, (sums.edges,), sums.spectrum[k], sums.spectrum[k], spectra[k])
            made.append(Row(f"{what}: distance of the spectra", 0.0, histogram.distance(),
                            float(CRITICAL * np.sqrt(1 / there + 1 / max(here, 1.0)))))
    return made


def _name(code: int) -> str:
    """Name of a species, or its code."""
    from openbfactory.physics.particles import species_of

    try:
        return f"{species_of(code).name} ({code})"
    except LookupError:
        return str(code)


def _picture(reference: Any, sums: Sums, numbers: list[Histogram]) -> None:
    """Figure of spectra."""
    spectra = dict(zip(reference["all_pdg"].tolist(), reference["all_p"], strict=True))
    made = []
    for code in PICTURE:
        k = int(np.searchsorted(sums.codes, code))
        scale = int(reference["n_events"]) / EVENTS
        made.append(Histogram(f"|p| of {_name(code)} [GeV]", (sums.edges,), sums.spectrum[k], sums.spectrum[k],
                              spectra[code], scale))
    draw("bbbar_spectra", made + numbers)
