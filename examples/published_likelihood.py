"""Fit the published likelihood of B+ -> K+ nu nubar and scan its signal strength.

Usage: python examples/published_likelihood.py combined_likelihood.json
The file is at HEPData, doi 10.17182/hepdata.166082.
"""

import sys

from openbfactory.fit.estimate import analyse, estimate, scan


def main(path):
    """Print the estimate of each set of channels and the profile of all."""
    for title, channels in (("all channels", None), ("hadronic tag", ["sgn1_had"])):
        fit = estimate(path, "mu", channels=channels, unit=4.97e-6)
        low, high = fit.interval
        print(f"{title}: mu = {fit.value:.2f} {low:+.2f} {high:+.2f}, Z(0) = {fit.significance['0']:.2f}")
    profile = scan(analyse(path, "mu"), low=0.0, high=9.0, points=10)
    for mu, delta in zip(profile.values, profile.delta, strict=True):
        print(f"  mu = {mu:4.1f}   2NLL - minimum = {delta:6.2f}")


if __name__ == "__main__":
    main(sys.argv[1])
