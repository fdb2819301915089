"""Inference on the published B+ -> K+ nu nubar likelihood, and the literature's worked examples.

References: impacts and statistical parts found by an independent evaluation of the likelihood of arXiv:2507.12393, and
its posterior mode; totals of EOS 1.0.17; L. Lyons et al., NIM A 270 (1988) 110; A. Valassi, NIM A 500 (2003) 391.
"""

from __future__ import annotations

import json
import math

import numpy as np

from validation.rows import Row, reference_input

#: group of nuisances -> patterns, impact on mu of the inclusive channels
IMPACTS = {
    "BB normalisation": (["mu_bkg_charged", "mu_bkg_mixed"], 0.86), "simulated samples": (["uncorr_*"], 0.61),
    "D** l nu": (["corr_exoticD_c1"], 0.42), "K K_L K_L": (["corr_KLKL_c1"], 0.40),
    "branching fractions": (["corr_br_*"], 0.38), "unmatched energy": (["corr_neutralUnmatched_c1"], 0.24),
    "K_L efficiency": (["corr_KLeff_c1"], 0.20), "K n nbar": (["corr_nnbar_c1"], 0.19),
}

#: toys of a statistical part
TOYS = 1200

#: spread of the estimate under Poisson fluctuations of the counts, all nuisances profiled
STATISTICAL = {"all": 0.91, "inclusive": 0.97, "hadronic": 1.72}


def rows() -> list[Row]:
    """Rows of impacts, statistical parts, the Gaussian cross-check, the effective theory and combinations."""
    return [*_published(), *_effective_theory(), *_two_body(), *_combinations()]


def _published() -> list[Row]:
    """Rows of the published likelihood."""
    from openbfactory.fit.estimate import analyse
    from openbfactory.fit.gaussian import gaussian_fit
    from openbfactory.fit.impacts import group_impacts
    from openbfactory.fit.toys import statistical_split
    from openbfactory.fit.workspace import read_workspace

    workspace = read_workspace(reference_input("belle2-knunu", "combined_likelihood.json"))
    names = workspace.channel_names
    sets = {"all": names, "inclusive": names[:4], "hadronic": names[4:]}
    found = []
    for key, channels in sets.items():
        analysis = analyse(workspace, channels=channels)
        best = float(analysis.fit.minimum.x[analysis.index])
        gaussian = gaussian_fit(analysis, variance="expected")
        found.append(Row(f"{key}: mu of the Gaussian cross-check", best, float(gaussian.values[0]), 1e-6))
        spread = statistical_split(analysis, TOYS).statistical
        found.append(Row(f"{key}: statistical part by toys", STATISTICAL[key], spread, 0.09 * STATISTICAL[key]))
        if key == "inclusive":
            impacts = group_impacts(analysis, {k: v[0] for k, v in IMPACTS.items()})
            found += [Row(f"impact: {k}", v[1], impacts[k], 0.03 if k.startswith("BB") else 0.006)
                      for k, v in IMPACTS.items()]
    return found


def _effective_theory() -> list[Row]:
    """Rows of the weak effective theory."""
    from openbfactory.fit.estimate import analyse
    from openbfactory.fit.posterior import Coordinate, posterior
    from openbfactory.fit.workspace import parse_workspace
    from openbfactory.interpret.wet import SQUARES, read_number_density, wet_workspace
    from openbfactory.physics.wet import binned_rates

    totals = binned_rates(np.linspace(0.0, 22.885, 101)).sum(axis=1)
    found = [Row(f"B -> K nu nubar, |{c}|^2", r, float(t), 2e-6 * r)
             for c, r, t in zip("VST", (1.100240e-07, 3.151409e-07, 4.603453e-07), totals, strict=True)]
    document = json.loads(reference_input("belle2-knunu", "combined_likelihood.json").read_text())
    names = [c["name"] for c in document["channels"]]
    densities = {n: read_number_density(reference_input("belle2-knunu", f"number_density_{f}.csv"))
                 for n, f in ((names[0], "ita_regA"), (names[1], "ita_regB"), (names[4], "hta"))}
    analysis = analyse(parse_workspace(wet_workspace(document, densities), "wet"), SQUARES[0])
    index = analysis.fit.likelihood.model.parameters.index
    found += [Row(f"best fit (reference: posterior mode), |{c}|", r, math.sqrt(analysis.fit.minimum.x[index(n)]), 0.25)
              for c, n, r in zip("VST", SQUARES, (11.3, 0.0, 8.21), strict=True)]
    sampled = posterior(analysis, [Coordinate(c, n, 0.0, 20.0, 11, lambda v: v * v)
                                   for c, n in zip("VST", SQUARES, strict=True)])
    for c, low, high in (("V", 1.86, 16.2), ("S", 0.0, 15.4), ("T", 0.0, 11.2)):
        ends = sampled.interval(c, 0.95)
        found += [Row(f"95 % interval of |{c}|, lower end", low, ends[0], 0.4),
                  Row(f"95 % interval of |{c}|, upper end", high, ends[1], 0.4)]
    return found


def _two_body() -> list[Row]:
    """Rows of B -> K X: the mass that the published likelihood prefers, and the branching fraction there.

    Reference: arXiv:2602.09666, (2.1 +0.2 -0.1) GeV and (9.2 +1.8 -3.4) 1e-6, from the same data in finer detail; the
    tolerances are its uncertainties and half a step of the masses tried here.
    """
    from openbfactory.fit.estimate import estimate
    from openbfactory.fit.workspace import parse_workspace
    from openbfactory.interpret.two_body import UNIT, two_body_workspace
    from openbfactory.interpret.wet import read_number_density

    document = json.loads(reference_input("belle2-knunu", "combined_likelihood.json").read_text())
    names = [c["name"] for c in document["channels"]]
    densities = {n: read_number_density(reference_input("belle2-knunu", f"number_density_{f}.csv"))
                 for n, f in ((names[0], "ita_regA"), (names[1], "ita_regB"), (names[4], "hta"))}
    found = {m: estimate(parse_workspace(two_body_workspace(document, densities, m)), tests=(0.0,))
             for m in np.linspace(1.4, 2.8, 15)}
    best = max(found, key=lambda m: found[m].significance["0"] or 0.0)
    return [Row("B -> K X: preferred mass [GeV]", 2.1, float(best), 0.25),
            Row("B -> K X: branching fraction there [1e-6]", 9.2, 1e6 * UNIT * found[best].value, 3.4)]


def _combinations() -> list[Row]:
    """Rows of the worked examples."""
    from openbfactory.fit.combine import Measurement, combine

    covariance = np.array([[2.74, 1.15, 0.86, 1.31], [1.15, 1.67, 0.82, 1.32],
                           [0.86, 0.82, 2.12, 1.05], [1.31, 1.32, 1.05, 2.93]])
    sigma = np.sqrt(np.diag(covariance))
    charm = combine([Measurement(f"tau{i}", v, {"total": float(s)}) for i, (v, s) in
                     enumerate(zip((9.5, 11.9, 11.1, 8.9), sigma, strict=True))],
                    {"total": covariance / np.outer(sigma, sigma)})
    pairs = combine([Measurement(n, v, {"total": s}, n[0]) for n, v, s in
                     (("eA", 10.5, 1.0), ("eB", 13.5, 3.0), ("tA", 9.5, 3.0), ("tB", 14.0, 3.0))])
    return [Row("charm lifetime of four experiments [1e-13 s]", 11.16, float(charm.values[0]), 0.006),
            Row("its uncertainty", 1.13, float(charm.uncertainties[0]), 0.006),
            Row("two branching fractions, first [%]", 10.80, float(pairs.values[0]), 0.006),
            Row("two branching fractions, second [%]", 11.75, float(pairs.values[1]), 0.006)]
