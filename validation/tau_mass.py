"""Mass of the tau: toys of the fit, and a run whose planted shifts must be found.

Toys: pseudomasses drawn from the form that is fitted, with the numbers of a fit to simulated taus; the pulls of the
edge have mean 0 and width 1.  Run: ``LUMINOSITY`` of data and of each generated mass, with all calibrations; the bias
does not depend on the generated mass, the planted momentum scale and energy come back, and the corrected mass is the
generated one.  References: the generated numbers; the published statistical uncertainty and bias (the detector there
is another one, so a difference within the tolerance is agreement in kind only).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses import RunOptions
from openbfactory.analyses.tau_mass.config import load_config
from openbfactory.analyses.tau_mass.measurement import MEGA, edge
from openbfactory.analyses.tau_mass.run import run
from openbfactory.fit.shapes.pseudomass import pseudomass_edge
from validation.rows import Row

Array = npt.NDArray[np.float64]
#: toys, candidates of each, the numbers p1 ... p5 that they are drawn with
TOYS, CANDIDATES, TRUE = 200, 20_000, (1.7773, 0.0045, 0.47, -2.0, 2.0)
#: luminosity of the run, fb^-1
LUMINOSITY = 2.0


def toys() -> Array:
    """Pulls of the edge."""
    limits, pulls = load_config().range, []
    for k in range(TOYS):
        rng = np.random.default_rng(k)
        x = rng.uniform(*limits, 6 * CANDIDATES)
        density = pseudomass_edge(x, *limits, *TRUE)
        value, sigma = edge(x[rng.random(len(x)) * density.max() < density][:CANDIDATES], limits)
        pulls.append((value - MEGA * TRUE[0]) / sigma)
    return np.array(pulls)


def rows() -> list[Row]:
    """Rows of the validation table; tolerances are 4 standard deviations unless said."""
    pulls = toys()
    found = [Row("tau mass, toys: mean of the pulls of the edge", 0.0, float(pulls.mean()), 4 / np.sqrt(TOYS),
                 f"{TOYS} toys of {CANDIDATES} candidates"),
             Row("tau mass, toys: width of the pulls of the edge", 1.0, float(pulls.std()), 4 / np.sqrt(2 * TOYS))]
    config = load_config().model_copy(update={"variations": ()})
    with tempfile.TemporaryDirectory() as folder:
        made: dict[str, Any] = run(RunOptions(luminosity=LUMINOSITY, output=Path(folder) / "run", seed=7), config)
    mass, forms, planted = made["mass"], made["forms"], made["planted"]
    bias, other = forms["quadratic"]["bias"], forms["linear"]
    value, sigma = planted["found_momentum"]
    error = float(np.hypot(mass["statistical"], bias["mean"][1]))
    return [*found,
            Row("tau mass: corrected mass [MeV]", mass["generated"], mass["value"], 4 * error),
            Row("tau mass: corrected mass, linear form [MeV]", mass["generated"], other["mass"],
                4 * float(np.hypot(other["edge"][1], other["bias"]["mean"][1]))),
            Row("tau mass: slope of the bias with the generated mass", 0.0, bias["slope"][0], 4 * bias["slope"][1]),
            Row("tau mass: planted momentum scale", planted["momentum"] - 1, value, 4 * sigma),
            Row("tau mass: planted change of the energy [MeV]", MEGA * planted["energy"],
                MEGA * (planted["found_energy"] - made["beam_energy"]["nominal"]),
                4 * MEGA * planted["energy_uncertainty"]),
            Row("tau mass: change by planted shifts, corrected [MeV]", 0.0, planted["after"]["value"],
                4 * planted["after"]["uncertainty"], f"before the correction {planted['before']['value']:+.2f}"),
            Row("tau mass: corrected mass with planted shifts [MeV]", mass["generated"], planted["mass"][0],
                4 * planted["mass"][1]),
            Row("tau mass: statistical uncertainty at 190 fb^-1 [MeV]", 0.08,
                made["statistical_at_published_luminosity"], 0.02, "published; tolerance 25 %"),
            Row("tau mass: bias of the estimate [MeV]", 0.40, bias["mean"][0], 0.3 + 4 * bias["mean"][1],
                "published; another resolution, tolerance 0.3 MeV and 4 standard deviations")]
