"""Compare and average the measurements of B(B+ -> K+ nu nubar) of all experiments, as a figure.

Usage: python examples/world_comparison.py OUTPUT.png
"""

import sys
from pathlib import Path

from openbfactory.fit.combine import Measurement
from openbfactory.fit.combine_likelihood import combine_likelihood
from openbfactory.physics.knunu import branching_fraction
from openbfactory.physics.published import load_published
from openbfactory.report.fit_records import ComparedMeasurement, MeasurementComparison
from openbfactory.report.fits import measurement_comparison
from openbfactory.report.style import to_png

#: those that do not share data
INDEPENDENT = ("babar_hadronic_429", "babar_semileptonic_418", "belle_hadronic_711", "belle_semileptonic_711",
               "belle2_combined_362")
#: alone in the figure
OTHERS = ("belle2_inclusive_362", "belle2_hadronic_362")


def main():
    """Print the average and draw the figure."""
    quantities = load_published("knunu_world").quantities
    chosen = [Measurement(n, quantities[n].value, {"total": quantities[n].uncertainty}) for n in INDEPENDENT]
    average = combine_likelihood(chosen)
    print(f"average ({average.value:.2f} -{average.down:.2f} +{average.up:.2f}) 1e-5, "
          f"chi2/ndf {average.chi2:.1f}/{average.ndf}, probability {average.probability:.2f}")
    rows = [ComparedMeasurement(label="average", value=average.value, down=average.down, up=average.up, average=True)]
    for name in (*INDEPENDENT, *OTHERS):
        experiment, tag, luminosity = name.split("_")
        label = {"babar": "BaBar", "belle": "Belle", "belle2": "Belle II"}[experiment]
        q = quantities[name]
        rows.append(ComparedMeasurement(label=f"{label} {tag} ({luminosity} fb$^{{-1}}$)", value=q.value,
                                        down=q.uncertainty, up=q.uncertainty))
    record = MeasurementComparison(
        measurements=tuple(rows), xlabel=r"$\mathcal{B}(B^{+}\to K^{+}\nu\bar{\nu})\ [10^{-5}]$",
        prediction=(1e5 * branching_fraction(), 0.04),
        note=rf"$\chi^2/\mathrm{{ndf}} = {average.chi2:.1f}/{average.ndf}$")
    Path(sys.argv[1]).write_bytes(to_png(measurement_comparison(record)))


if __name__ == "__main__":
    main()
