"""Everything that a run found, as one frozen record: what ``result.json`` holds and the report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from openbfactory.analyses.knunu.config import KnunuConfig, SamplePlan
from openbfactory.analyses.knunu.evaluation import SampleHistograms
from openbfactory.analyses.knunu.measurement import Measurement
from openbfactory.analyses.knunu.templates import Expectation, Shifts, noisy_parameters
from openbfactory.analyses.knunu.training import TrainingSummary
from openbfactory.analyses.knunu.variations import VARIATIONS
from openbfactory.core.provenance import Provenance
from openbfactory.generate import DecayCounts


@dataclass(frozen=True, slots=True)
class WeightSummary:
    """Weights of a sample, over all generated events.

    Attributes
    ----------
    mean
        Mean of the weights.
    effective
        Events of weight 1 with the same statistics: (sum w)^2 / sum w^2.
    variations
        Name to the sums of weights up and down over the nominal one.
    candidates
        Candidates of the nominal and every other reconstruction in the chunks that have all of them.
    """

    mean: float = 1.0
    effective: float = 0.0
    variations: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    candidates: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return {"mean": self.mean, "effective": self.effective,
                "variations": {k: list(v) for k, v in self.variations.items()}, "candidates": dict(self.candidates)}


def weight_summary_of(chunks: Sequence[Mapping[str, Any]]) -> WeightSummary:
    """Weights of a sample from the summaries of its chunks."""
    events = sum(c["events"] for c in chunks)
    total, squares = (sum(c["weights"]["weight"][k] for c in chunks) for k in (0, 1))
    names = [n for n in chunks[0]["weights"] if n != "weight"]
    varied = [c["candidates"] for c in chunks if len(c["candidates"]) == len(VARIATIONS)]
    return WeightSummary(
        total / events, total * total / squares if squares > 0 else 0.0,
        {n: (sum(c["weights"][n][0] for c in chunks) / total, sum(c["weights"][n][1] for c in chunks) / total)
         for n in names},
        {name: sum(c[k] for c in varied) for k, name in enumerate(VARIATIONS)} if varied else {})


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """One sample of the run.

    Attributes
    ----------
    plan
        What was asked for.
    weight
        Events of the data set that one generated event stands for.
    cutflow
        Step to events left, from all generated events to selected candidates.
    generated_q2
        Generated events in the bins of the generated q2 (signal; zeros otherwise).
    decays
        Decays and those that fell back to phase space.
    weights
        Weights of the model of the simulation.
    pilot_events, pilot_bytes, later_bytes
        Events of the pilot chunks, and the size of the files of the pilot and of the chunks after it.
    """

    plan: SamplePlan
    weight: float
    cutflow: dict[str, float]
    generated_q2: tuple[int, ...]
    decays: DecayCounts
    weights: WeightSummary = field(default_factory=WeightSummary)
    pilot_events: int = 0
    pilot_bytes: int = 0
    later_bytes: int = 0


@dataclass(frozen=True, slots=True)
class KnunuResult:
    """Result of a run.

    Attributes
    ----------
    luminosity, off_luminosity
        Data set that the expectations are scaled to, fb^-1.
    samples, histograms, expectations
        By name of the sample; histograms are scaled to the data set.
    shifts
        Parameter to sample to the relative shift of each flat bin, from all systematic effects of the model.
    training
        One a fold.
    """

    config: KnunuConfig
    title: str
    luminosity: float
    off_luminosity: float
    samples: Mapping[str, SampleSummary]
    histograms: Mapping[str, SampleHistograms]
    expectations: Mapping[str, Expectation]
    shifts: Shifts
    training: tuple[TrainingSummary, ...]
    measurement: Measurement
    provenance: Provenance

    @property
    def noisy(self) -> tuple[str, ...]:
        """Parameters whose shifts are smaller than their noise from the size of the simulated samples."""
        return noisy_parameters({name: h.shifts for name, h in self.histograms.items()}, self.config)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON; the workspaces are files of their own."""
        return {
            "analysis": "knunu",
            "title": self.title,
            "luminosity": {"value": self.luminosity, "off_resonance": self.off_luminosity, "unit": "fb^-1"},
            "fit": self.measurement.to_dict(),
            "samples": {name: {
                "process": s.plan.process, "off_resonance": s.plan.off_resonance, "events": s.plan.events,
                "weight": s.weight, "cutflow": [[step, left] for step, left in s.cutflow.items()],
                "expected": [float(v) for v in self.expectations[name].template.yields],
                "filled_bins": [int(i) for i in self.expectations[name].filled.nonzero()[0]],
                "decays": asdict(s.decays), "weights": s.weights.to_dict(),
            } for name, s in self.samples.items()},
            "shifts_below_noise": list(self.noisy),
            "shifts": {p: {n: v.tolist() for n, v in by.items()} for p, by in self.shifts.items()},
            "training": [t.to_dict() for t in self.training],
            "binning": self.config.region.binning.model_dump(mode="json"),
            "provenance": self.provenance.to_dict(),
        }
