"""The calorimeter of the belle2 card against published figures: resolutions, efficiencies, discriminants, hadrons.

References: Belle II Technical Design Report and Belle NIM (resolutions), arXiv:2007.09642 (pulse shapes); where a row
says "recalled" the figure is common knowledge of the experiment that nobody could trace to a page.
"""

from __future__ import annotations

import numpy as np

from openbfactory.experiment import load_card
from openbfactory.reconstruct.photon_suppression import features, packaged, probability
from validation import detector_guns as guns
from validation.rows import Row

PHOTONS, HADRONS = 200_000, 60_000


def rows() -> list[Row]:
    """Rows of all comparisons."""
    return [*_photons(), *_pi0(), *_discriminants(), *_hadrons(), *_background()]


def _photons() -> list[Row]:
    """Energy and position resolution, and efficiency."""
    of = guns.photons(PHOTONS)
    barrel, ratio = (of["theta"] > 35) & (of["theta"] < 126), of["energy"] / of["p"]
    endcap = ((of["theta"] > 14) & (of["theta"] < 30)) | ((of["theta"] > 133) & (of["theta"] < 153))

    def near(energy: float, where: np.ndarray) -> np.ndarray:
        return where & (np.abs(np.log(of["p"] / energy)) < 0.15) & (ratio > 0.5)

    found = [Row(f"ECL: energy resolution at {e} GeV, barrel [%]", ref, 100 * guns.spread_above(ratio[near(e, barrel)]),
                 tolerance, "recalled; spread above the true energy")
             for e, ref, tolerance in ((0.1, 7.0, 0.7), (1.0, 2.25, 0.25), (4.0, 1.7, 0.1))]
    found.append(Row("ECL: energy resolution, endcaps over barrel", 1.3, guns.spread_above(ratio[near(1.0, endcap)])
                     / guns.spread_above(ratio[near(1.0, barrel)]), 0.1, "recalled"))
    off, middle = np.radians(of["theta"]) - of["angle"], (of["theta"] > 70) & (of["theta"] < 110)
    found += [Row(f"ECL: position resolution at {e} GeV, barrel [mrad]", ref,
                  1e3 * guns.narrow(off[near(e, middle)]), tolerance,
                  "0.5 cm / sqrt(E), Belle NIM, recalled; 70-110 degrees") for e, ref, tolerance in
              ((1.0, 4.0, 0.4), (0.1, 12.0, 1.5))]
    kept = barrel & (of["p"] > 0.2)
    found.append(Row("ECL: photon efficiency above 0.2 GeV, barrel [%]", 97.0, 100 * float(np.mean(ratio[kept] > 0.5)),
                     2.0, "recalled, 95-99; losses by conversions included"))
    return found


def _pi0() -> list[Row]:
    """Width of the pi0 mass peak."""
    mass = np.concatenate([pi0_masses(events) for events in guns.stream(
        "pi0", 50_000, guns.card_with(beam_background=0.0), momentum=(0.8, 1.2), theta=(40.0, 120.0))])
    width = guns.narrow(mass[np.abs(mass - 0.135) < 0.03])
    return [Row("ECL: pi0 mass resolution at 1 GeV [MeV]", 5.5, 1e3 * width, 0.6,
                "recalled, 5-6; photons above 50 MeV")]


def pi0_masses(events: object, least: float = 0.05) -> np.ndarray:
    """Masses [GeV] of the two clusters of events that have two above ``least``."""
    clusters = events["ECLClusters"]  # type: ignore[index]
    clusters = clusters.select(clusters["clusterE"] > least)
    two = clusters.take(clusters.counts == 2)
    e, theta, phi = (two[k].reshape(-1, 2) for k in ("clusterE", "clusterTheta", "clusterPhi"))
    cosine = (np.cos(theta).prod(axis=1) + np.sin(theta).prod(axis=1) * np.cos(phi[:, 0] - phi[:, 1]))
    return np.asarray(np.sqrt(2 * e.prod(axis=1) * (1 - cosine)))


def fake_rates(total: int, hadrons: int, energy: float, width: float = 0.25) -> tuple[float, float]:
    """Photons as hadrons where 80 % of the K_L are kept, near a cluster energy: shower shapes and pulse shapes."""
    photon, hadron = guns.photons(total), guns.neutral_hadrons(hadrons)
    with np.errstate(invalid="ignore"):
        a, b = (np.abs(np.log(of["energy"] / energy)) < width for of in (photon, hadron))
    a &= np.isfinite(photon["pulse"])
    b &= np.isfinite(hadron["pulse"])
    return (guns.fake_rate(photon["zernike"][a], hadron["zernike"][b]),
            guns.fake_rate(photon["pulse"][a], hadron["pulse"][b]))


def _discriminants() -> list[Row]:
    """Pulse shapes against shower shapes, and the trained probabilities on generic events of single particles."""
    found = []
    for energy, factor in ((0.2, 3.0), (1.0, 10.0)):
        shape, pulse = fake_rates(PHOTONS, 5 * HADRONS, energy)
        found.append(Row(f"ECL: fake rate of shower shapes over pulse shapes, {energy} GeV (at least {factor:g})",
                         factor, min(shape / pulse, factor), 0.0,
                         f"arXiv:2007.09642; {shape / pulse:.1f} (photons as hadrons {shape:.3f}, {pulse:.4f})"))
    return found


def _hadrons() -> list[Row]:
    """K_L, charged hadrons and their switches."""
    base = guns.neutral_hadrons(HADRONS)
    seen = np.isfinite(base["energy"])
    share = [np.isfinite(guns.neutral_hadrons(HADRONS, efficiency=e)["energy"]).mean() for e in (1.0, 0.83)]
    lower = guns.neutral_hadrons(HADRONS, energy=0.9)["energy"]
    found = [
        Row("ECL: K_L that interact [%]", 55.0, 100 * float(seen.mean()), 8.0,
            "0.8 interaction lengths, recalled; clusters above 20 MeV"),
        Row("ECL: median visible energy of K_L [GeV]", 0.25, float(np.median(base["energy"][seen])), 0.15, "recalled"),
        Row("ECL: K_L efficiency after k_long_ecl_efficiency 0.83, ratio", 0.83, share[1] / share[0], 0.01,
            "17 % of arXiv:2311.14647, one line of the card"),
        Row("ECL: visible energy of K_L after hadronic_energy 0.9, ratio", 0.9,
            float(np.nanmean(lower) / np.nanmean(base["energy"])), 0.03, "one line of the card; threshold of 20 MeV")]
    card = guns.card_with(beam_background=0.0)
    number, within, mips = 0, 0, []
    for events in guns.stream("pi+", HADRONS, card, momentum=(0.5, 3.0), theta=(40.0, 120.0), charges="both"):
        c = events["ECLClusters"]
        extra = (c["trackIndex"] < 0) & (c["clusterE"] < 0.2)
        number += int(extra.sum())
        within += int(np.sum(c["minC2TDist"][extra] < 50))
    for events in guns.stream("mu-", HADRONS // 2, card, momentum=(0.8, 3.0), theta=(40.0, 120.0)):
        c = events["ECLClusters"]
        mips.append(c["clusterE"][c["trackIndex"] >= 0])
    return [*found,
            Row("ECL: clusters of 20-200 MeV without track a pion", 0.25, number / HADRONS, 0.05, "recalled, 0.2-0.3"),
            Row("ECL: of these within 50 cm of the track", 0.9, within / number, 0.15, "recalled: most"),
            Row("ECL: median deposit of muons [GeV]", 0.2, float(np.median(np.concatenate(mips))), 0.03,
                "minimum ionising, Belle NIM, recalled")]


def _background() -> list[Row]:
    """Beam background, and what the trained probabilities do to it."""
    events = [*guns.stream("nu_e", HADRONS // 2, load_card("belle2"))]
    energy = np.concatenate([e["ECLClusters"]["clusterE"] for e in events])
    inputs = [np.concatenate([e["ECLClusters"][k] for e in events]) for k in (
        "clusterE", "clusterReg", "clusterTiming", "clusterErrorTiming", "clusterPulseShapeDiscriminationMVA",
        "minC2TDist")]
    kept = probability(features(*inputs), packaged().beamBackgroundSuppression) > 0.4
    each = HADRONS // 2
    return [Row("ECL: background clusters an event below 60 MeV", 5.5, float(np.sum(energy < 0.06)) / each, 2.5,
                "recalled, 3-8"),
            Row("ECL: background clusters an event above 60 MeV", 0.75, float(np.sum(energy > 0.06)) / each, 0.25,
                "recalled, 0.5-1"),
            Row("ECL: background with beamBackgroundSuppression > 0.4 [%]", 0.0, 100 * float(kept.mean()), 10.0,
                "no published figure; for comparison of later cards")]
