"""Trains ``beamBackgroundSuppression`` and ``fakePhotonSuppression``: ``python -m validation.photon_training``.

Sample: generated and simulated generic events of the packaged card (B pairs and continuum).  Photons are clusters of
generated photons without a track; beam background has no generated particle; fake photons come from any other particle
but electrons.  Logistic regression with both classes weighted alike, and a small ridge.  Prints the areas under the
curves and the efficiencies at the cuts of common selections for an independent sample, and writes the weights.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.generate import generate_events
from openbfactory.reconstruct.photon_suppression import DISTANCE, FEATURES, FILE, features
from openbfactory.simulate import simulate

SAMPLES = ("charged", "mixed", "uubar", "ccbar")
RIDGE = 1e-4
#: cuts at which photons are commonly selected
CUTS = {"beamBackgroundSuppression": 0.4, "fakePhotonSuppression": 0.3}


def sample(seed: int, events: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Features of clusters without a track, and their class: 0 photon, 1 beam background, 2 fake photon."""
    card, parts, classes = load_card("belle2"), [], []
    for name in SAMPLES:
        made = generate_events(name, events, Address(seed, name), card.machine)[0]
        seen = simulate(made, card, Address(seed, name))
        c, particles = seen["ECLClusters"], seen["MCParticles"]
        index = c["mcIndex"]
        pdg = np.abs(particles["PDG"][np.maximum(index, 0) + particles.offsets[c.event_index()]])
        kind = np.where(index < 0, 1, np.where(pdg == 22, 0, np.where(pdg == 11, -1, 2)))
        kept = (c["trackIndex"] < 0) & (kind >= 0)
        of = features(*(c[k] for k in ("clusterE", "clusterReg", "clusterTiming", "clusterErrorTiming",
                                       "clusterPulseShapeDiscriminationMVA", "minC2TDist")))
        parts.append({k: v[kept] for k, v in of.items()})
        classes.append(kind[kept])
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}, np.concatenate(classes)


def fit(x: np.ndarray, photon: np.ndarray) -> np.ndarray:
    """Weights of the logistic regression, both classes with the same total weight."""
    weight = np.where(photon, 0.5 / photon.mean(), 0.5 / (1 - photon.mean()))
    scale = np.maximum(np.abs(x).max(axis=0), 1e-9)
    z, sign = x / scale, np.where(photon, 1.0, -1.0)

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        score = z @ w
        slope = -weight * sign * expit(-sign * score)
        return (float(np.mean(weight * np.logaddexp(0.0, -sign * score)) + 0.5 * RIDGE * w @ w / len(w)),
                z.T @ slope / len(z) + RIDGE * w / len(w))

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 2000}).x / scale


def area(score: np.ndarray, photon: np.ndarray) -> float:
    """Area under the curve of photon efficiency against that of the others."""
    rank = np.argsort(np.argsort(score))
    n = photon.sum()
    return float((rank[photon].sum() - n * (n - 1) / 2) / (n * (len(photon) - n)))


def main(events: int = 6000) -> None:
    """Train, print, write."""
    (train, kind), (check, other) = sample(11, events), sample(12, events // 2)
    lines = ["# Weights of the logistic regressions of openbfactory.reconstruct.photon_suppression; made by",
             "# python -m validation.photon_training from the packaged card"]
    for name, against, names in (("beamBackgroundSuppression", 1, FEATURES),
                                 ("fakePhotonSuppression", 2, (*FEATURES, *DISTANCE))):
        use, test = (kind == 0) | (kind == against), (other == 0) | (other == against)
        w = fit(np.column_stack([train[k][use] for k in names]), kind[use] == 0)
        score = expit(np.column_stack([check[k][test] for k in names]) @ w)
        photon, cut = other[test] == 0, CUTS[name]
        print(f"{name}: area {area(score, photon):.3f}; above {cut}: photons {np.mean(score[photon] > cut):.3f}, "
              f"others {np.mean(score[~photon] > cut):.3f}")
        lines += [f"{name}:", "  source: estimate; trained on simulated events of the packaged card", "  weights:"]
        lines += [f"    {k}: {v:.5g}" for k, v in zip(names, w, strict=True)]
    FILE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6000)
