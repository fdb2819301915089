"""Start values and limits of the parameters of a fit, from the data."""

from __future__ import annotations

import numpy as np

from openbfactory.analyses.lifetimes.dataset import DataSet


def start_of(data: DataSet) -> dict[str, float]:
    """Start value of every parameter, from the data."""
    mean, typical = _scales(data)
    side = float(np.mean(data.side_time)) if len(data.side_time) else mean
    return {"tau": mean, "bias": 0.0, "scale1": 1.0, "scale2": 2.0, "fraction1": 0.9, "scale3": 4.0,
            "fraction2": 0.08, "purity": min(data.purity[0], 0.999), "background_bias": 0.0, "background_scale": 1.2,
            "background_tau1": max(0.5 * side, 0.5 * typical), "background_tau2": max(2.0 * side, 2.0 * typical),
            "background_lived": 0.5, "background_share": 0.5}


def limits_of(data: DataSet) -> dict[str, tuple[float, float]]:
    """Limits of every parameter, from the data."""
    mean, typical = _scales(data)
    return {"tau": (0.05 * mean, 20 * mean), "bias": (-10 * typical, 10 * typical), "scale1": (0.3, 3.0),
            "scale2": (1.2, 30.0), "fraction1": (0.5, 1.0), "scale3": (1.5, 50.0), "fraction2": (0.0, 0.5),
            "purity": (0.0, 1.0), "background_bias": (-10 * typical, 10 * typical), "background_scale": (0.3, 5.0),
            "background_tau1": (0.02 * typical, 50 * typical), "background_tau2": (0.05 * typical, 200 * typical),
            "background_lived": (0.0, 1.0), "background_share": (0.0, 1.0)}


def _scales(data: DataSet) -> tuple[float, float]:
    """Mean decay time without outliers, and the median of its uncertainties, fs."""
    typical = float(np.median(data.sigma))
    return max(float(np.mean(np.clip(data.time, *np.percentile(data.time, [1, 99])))), 0.2 * typical), typical
