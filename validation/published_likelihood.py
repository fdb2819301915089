"""The published B+ -> K+ nu nubar likelihood: fits made with Newton's method in another program, converged to 1e-11."""

from __future__ import annotations

from validation.rows import Row, reference_input

#: channels -> mu, Hessian uncertainty, interval, 2NLL with pyhf's constants, Z(0), Z(1)
REFERENCE = {
    "all": (4.59905, 1.33401, -1.326, 1.349, -23.33428, 3.46018, 2.71608),
    "inclusive": (5.41437, 1.46827, -1.466, 1.485, -51.57039, 3.53591, 2.93255),
    "hadronic": (2.17861, 2.12727, -1.967, 2.364, 56.36155, 1.11503, 0.58244),
}
TOLERANCE = (1e-5, 1e-5, 1e-3, 1e-3, 1e-5, 1e-5, 1e-5)
NAMES = ("mu", "uncertainty", "interval low", "interval high", "2NLL", "Z(0)", "Z(1)")


def rows() -> list[Row]:
    """Rows of the three sets of channels."""
    from openbfactory.fit.estimate import estimate
    from openbfactory.fit.workspace import read_workspace

    workspace = read_workspace(reference_input("belle2-knunu", "combined_likelihood.json"))
    names = workspace.channel_names
    sets = {"all": names, "inclusive": [n for n in names if n != "sgn1_had"], "hadronic": ["sgn1_had"]}
    found = []
    for key, channels in sets.items():
        fit = estimate(workspace, "mu", channels=channels)
        here = (fit.value, fit.uncertainty, *fit.interval, fit.twice_nll, fit.significance["0"], fit.significance["1"])
        found += [Row(f"{key}: {n}", r, float("nan") if h is None else h, t)
                  for n, r, h, t in zip(NAMES, REFERENCE[key], here, TOLERANCE, strict=True)]
    return found
