"""What a run found, and its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from openbfactory.analyses.lifetimes import figures
from openbfactory.analyses.lifetimes.changes import Changes, size
from openbfactory.analyses.lifetimes.config import Mode
from openbfactory.analyses.lifetimes.dataset import DataSet
from openbfactory.analyses.lifetimes.measurement import Measurement
from openbfactory.core.provenance import Provenance
from openbfactory.fit.unbinned_toys import PullSummary, UnbinnedToys
from openbfactory.pipeline.tables import SampleTable


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that a run found.

    ``shifts`` are changes of the lifetime by source and variation, ``toys`` the pulls of the lifetime in toys and the
    number of toys without a minimum, ``parts`` the lifetimes of parts of the data set.  A data set that was read from
    a ``file`` has no ``signal`` sample.
    """

    name: str
    mode: Mode
    title: str
    luminosity: float
    signal: SampleTable | None
    sizes: Mapping[str, int]
    data: DataSet
    found: Measurement
    shifts: Changes
    toys: tuple[PullSummary, int] | None
    parts: UnbinnedToys | None
    provenance: Provenance
    file: str = ""

    @property
    def selected(self) -> float:
        """Signal candidates in the signal region: those generated, or what the purity says of an ntuple."""
        return len(self.data.residual) if self.data.simulated else self.data.purity[0] * len(self.data.time)

    @property
    def at_published(self) -> float:
        """Statistical uncertainty [fs] at the published yield."""
        return self.found.fit["tau"][1] * float(np.sqrt(self.selected / self.mode.published.yield_))

    @property
    def at_published_luminosity(self) -> float:
        """Statistical uncertainty [fs] at the published luminosity."""
        return self.found.fit["tau"][1] * float(np.sqrt(self.luminosity / self.mode.published.luminosity))

    @property
    def systematics(self) -> dict[str, tuple[float, float]]:
        """Systematic uncertainty [fs] by source, and the statistical uncertainty of that."""
        return {source: size(source, changes) for source, changes in self.shifts.items()}

    @property
    def systematic(self) -> float:
        """All systematic uncertainties in quadrature, fs."""
        return float(np.sqrt(sum(value**2 for value, _ in self.systematics.values())))


def record(result: Result) -> dict[str, Any]:
    """Plain dictionary for JSON."""
    fit, data = result.found.fit, result.data
    return {
        "analysis": f"lifetimes.{result.name}", "title": result.title, "unit": "fs", "data": result.file or None,
        "luminosity": {"value": result.luminosity, "unit": "fb^-1"},
        "lifetime": {"value": fit["tau"][0], "statistical": fit["tau"][1], "systematic": result.systematic,
                     "generated": result.mode.generated if data.simulated else None},
        "parameters": {n: {"value": fit[n][0], "uncertainty": fit[n][1]} for n in fit.names},
        "warnings": list(fit.warnings), "signal_candidates": result.selected,
        "candidates": {"signal region": len(data.time), "sidebands": len(data.side_time)},
        "purity": data.purity[0], "resolution": {
            "mean_sigma": float(np.mean(data.sigma)), "median_sigma": float(np.median(data.sigma)),
            "core": figures.core(data) if data.simulated else None},
        "statistical_at_published_yield": result.at_published,
        "statistical_at_published_luminosity": result.at_published_luminosity,
        "decay_times": figures.fitted_times(result.mode, data, result.found, result.luminosity).model_dump(mode="json"),
        "shifts": {k: {n: c.record for n, c in v.items()} for k, v in result.shifts.items()},
        "systematics": {k: {"value": v, "uncertainty": u} for k, (v, u) in result.systematics.items()},
        "toys": asdict(result.toys[0]) | {"failed": result.toys[1]} if result.toys else None,
        "parts": asdict(result.parts.summary("tau")) | {"failed": result.parts.failed} if result.parts else None,
        "published": result.mode.published.model_dump(mode="json", by_alias=True),
        "samples": dict(result.sizes), "collisions_tried": result.signal.decays.tried if result.signal else None,
        "failed_fits": result.signal.failed_fits if result.signal else None, "provenance": result.provenance.to_dict(),
    }
