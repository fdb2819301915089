"""Identification of charged particles with the belle2 card against published working points.

Efficiencies and fake rates of ``kaonID``, ``pionID``, ``muonID``, ``electronID``, ``protonID`` for both charges,
0.1-4 GeV, 17-150 degrees; efficiencies leave out decays in flight, as control samples of reconstructed decays do, and
fakes of pions include them.  "Seen" are tracks in the acceptance of TOP or ARICH.  References: efficiencies at the
cuts of the standard lists of basf2 (release 03), arXiv:2503.11351 (muons), arXiv:2311.14647 (kaons of B -> K nu nubar);
rows that say "recalled" are figures that nobody could trace to a page.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from validation import detector_guns as guns
from validation.rows import Row

TRACKS = 80_000
E, MU, PI, K, P = range(5)
NAMES = {"e-": E, "mu-": MU, "pi+": PI, "K+": K, "p+": P}
#: name of the identity, species, and its cuts at efficiencies of 95, 90 and 85 % for 1-4 GeV
STANDARD = (("pionID", "pi+", (0.001, 0.019, 0.098)), ("kaonID", "K+", (5e-6, 0.027, 0.167)),
            ("protonID", "p+", (None, 0.043, 0.251)), ("electronID", "e-", (0.093, 0.301, 0.709)),
            ("muonID", "mu-", (0.187, 0.418, 0.909)))


def rate(name: str, identity: int, cut: float, low: float, high: float, *, total: int = TRACKS,
         where: Callable[[np.ndarray], np.ndarray] | None = None, decays: bool = False, **switches: float) -> float:
    """Percentage of the tracks of a species with an identity above a cut, in a range of momentum."""
    of = guns.tracks(name, total, **switches)
    chosen = (of["p"] > low) & (of["p"] < high) & (decays | ~of["decayed"])
    if where is not None:
        chosen &= where(of["theta"])
    return 100 * float(np.mean(of["identity"][chosen, identity] > cut))


def seen(theta: np.ndarray) -> np.ndarray:
    """Tracks [deg] in the acceptance of TOP or ARICH."""
    return ((theta > 17) & (theta < 30)) | ((theta > 32) & (theta < 128))


def backward(theta: np.ndarray) -> np.ndarray:
    """Tracks [deg] behind TOP."""
    return theta > 130


def rows() -> list[Row]:
    """Rows of all comparisons."""
    return [*_kaons(), *_leptons(), *_standard()]


def _kaons() -> list[Row]:
    """Kaons, and pions as kaons."""
    recalled = "recalled"
    return [
        Row("PID: K with kaonID > 0.5, 0.5-1.5 GeV, seen [%]", 90.0, rate("K+", K, 0.5, 0.5, 1.5, where=seen), 3.0,
            recalled),
        Row("PID: K with kaonID > 0.5, 2-3 GeV, seen [%]", 82.5, rate("K+", K, 0.5, 2, 3, where=seen), 4.0, recalled),
        Row("PID: pi with kaonID > 0.5, 0.5-3 GeV [%]", 5.5, rate("pi+", K, 0.5, 0.5, 3, decays=True), 1.5, recalled),
        Row("PID: pi with kaonID > 0.5, 3-4 GeV [%]", 12.5, rate("pi+", K, 0.5, 3, 4, decays=True), 2.5, recalled),
        Row("PID: K with kaonID > 0.5, 0.4-1 GeV, backward [%]", 85.0, rate("K+", K, 0.5, 0.4, 1, where=backward), 10.0,
            recalled),
        Row("PID: pi with kaonID > 0.5, 0.4-1 GeV, backward [%]", 20.0,
            rate("pi+", K, 0.5, 0.4, 1, where=backward, decays=True), 5.0, recalled),
        Row("PID: K with kaonID > 0.9, 0.5-3 GeV, all decays [%]", 68.0, rate("K+", K, 0.9, 0.5, 3, decays=True), 6.0,
            "kaons of B+ -> K+ nu nubar, recalled"),
        Row("PID: pi with kaonID > 0.9, 0.5-3 GeV [%]", 1.2, rate("pi+", K, 0.9, 0.5, 3, decays=True), 0.6,
            "the same selection, recalled"),
        Row("PID: K efficiency after kaon_confusion 2.4, ratio", 0.9, rate("K+", K, 0.9, 0.5, 3, kaon_confusion=2.4)
            / rate("K+", K, 0.9, 0.5, 3), 0.02, "kaonID > 0.9; correction of B+ -> K+ nu nubar, one line of the card"),
        Row("PID: pi as K after pion_confusion 2.6, ratio", 2.0, rate("pi+", K, 0.9, 0.5, 3, decays=True,
            pion_confusion=2.6) / rate("pi+", K, 0.9, 0.5, 3, decays=True), 0.2, "the same")]


def _leptons() -> list[Row]:
    """Muons and electrons, and hadrons as such."""
    recalled = "recalled"
    muons, pions = guns.tracks("mu-", TRACKS), guns.tracks("pi+", TRACKS)
    fast = [(of["p"] > 1) & (of["p"] < 4) for of in (muons, pions)]
    cut = np.quantile(muons["identity"][fast[0], MU], 0.1)
    return [
        Row("PID: mu with muonID > 0.9, 1-3 GeV [%]", 87.5, rate("mu-", MU, 0.9, 1, 3), 2.5, recalled),
        Row("PID: mu with muonID > 0.9, 0.4-0.7 GeV [%]", 50.0, rate("mu-", MU, 0.9, 0.4, 0.7), 10.0, recalled),
        Row("PID: pi with muonID > 0.9, 1-3 GeV [%]", 5.5, rate("pi+", MU, 0.9, 1, 3, decays=True), 1.5, recalled),
        Row("PID: K with muonID > 0.9, 1-3 GeV [%]", 1.5, rate("K+", MU, 0.9, 1, 3, decays=True), 0.5, recalled),
        Row("PID: pi as mu at 90 % of the muons, 1-4 GeV [%]", 4.1,
            100 * float(np.mean(pions["identity"][fast[1], MU] > cut)), 1.0, "arXiv:2503.11351, likelihoods"),
        Row("PID: e with electronID > 0.9, 1-3 GeV [%]", 90.0, rate("e-", E, 0.9, 1, 3), 4.0, recalled),
        Row("PID: pi with electronID > 0.9, 1-3 GeV [%]", 0.55, rate("pi+", E, 0.9, 1, 3, decays=True), 0.45, recalled),
        Row("PID: e with electronID > 0.9, 0.2-0.6 GeV [%]", 77.5, rate("e-", E, 0.9, 0.2, 0.6), 7.5, recalled),
        Row("PID: pi with electronID > 0.9, 0.2-0.6 GeV [%]", 3.0, rate("pi+", E, 0.9, 0.2, 0.6, decays=True), 2.0,
            recalled)]


def _standard() -> list[Row]:
    """Efficiencies at the cuts of the standard lists."""
    return [Row(f"PID: {name} > {cut:g}, 1-4 GeV, {species} [%]", float(percent),
                rate(species, NAMES[species], cut, 1, 4), 5.0, "basf2 standard lists, release 03")
            for name, species, cuts in STANDARD for cut, percent in zip(cuts, (95, 90, 85), strict=True)
            if cut is not None]
