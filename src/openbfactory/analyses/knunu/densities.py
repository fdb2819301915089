"""Joint number densities of the signal: expected events in fit bin and generated q2, for reinterpretation.

A run writes ``number_density_CHANNEL.csv`` for the channels on resonance, in the layout of the published ones (one row
a fit bin, 101 columns: events without q2, then 100 bins up to 22.885 GeV^2), which ``obf interpret`` reads.

Approximation: a fit bin without a simulated candidate takes the distribution in q2 of all bins together.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.config import Region
from openbfactory.analyses.knunu.templates import CHANNELS, Expectation
from openbfactory.interpret.wet import PUBLISHED_EDGES
from openbfactory.select.binning import Axis, Binning, Histogram

Floats = npt.NDArray[np.float64]


def joint_binning(region: Region) -> Binning:
    """The bins of the fit times 100 bins of generated q2."""
    return Binning(axes=(*region.binning.axes, Axis(name="mcQ2", edges=tuple(PUBLISHED_EDGES[1:].tolist()),
                                                    unit="GeV^2")))


def number_densities(joint: Histogram, signal: Expectation, control_bins: int) -> dict[str, Floats]:
    """Expected events by channel, shape (fit bins, 101); rows add up to the template of the signal.

    Parameters
    ----------
    joint
        Histogram of the signal in :func:`joint_binning`, scaled to the data set.
    signal
        Template of the signal.
    control_bins
        Number of flat bins below the signal region.
    """
    yields = signal.template.yields
    table = joint.values.reshape(len(yields), -1, order="F")
    shape = table.sum(axis=0) / max(float(table.sum()), 1e-300)
    table = np.where(table.sum(axis=1, keepdims=True) > 0, table, shape)
    scale = np.divide(yields, table.sum(axis=1), out=np.zeros(len(yields)), where=table.sum(axis=1) > 0)
    full = np.column_stack([np.zeros(len(yields)), table * scale[:, None]])
    return {name: full[control_bins:] if upper else full[:control_bins] for name, off, upper in CHANNELS if not off}


def write_densities(densities: dict[str, Floats], folder: Path) -> None:
    """Write a CSV file a channel; numbers keep every digit."""
    for name, table in densities.items():
        np.savetxt(folder / f"number_density_{name}.csv", table, delimiter=",", fmt="%.17g")
