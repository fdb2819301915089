"""Figures of the signal embedding: outputs of the classifiers and inputs, embedded beside genuine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.report.classifiers import normalised_shapes
from openbfactory.report.comparisons import efficiency_comparison
from openbfactory.report.content import Paragraph, Picture, Section
from openbfactory.report.records import EfficiencyComparison, EfficiencyCurve
from openbfactory.report.style import HERE, LINES, PUBLISHED

Tables = Mapping[str, Mapping[str, npt.NDArray[Any]]]

#: label and colour of each sample
LOOKS = {"data": ("embedded, data", "black"), "simulation": ("embedded, simulation", HERE),
         "signal-simulation": ("genuine signal", PUBLISHED), "signal-data": ("genuine, card of data", LINES[3])}
#: shown variables: label and edges
SHOWN = {"BDT1": ("BDT1", np.linspace(0, 1, 26)), "BDT2": ("BDT2", np.linspace(0, 1, 26)),
         "eta": (r"$\eta$", np.linspace(0.66, 1, 18)), "q2_rec": (r"$q^2_{rec}$ [GeV$^2$]", np.linspace(-2, 24, 27)),
         "roeDeltae": (r"$\Delta E$ of the rest of event [GeV]", np.linspace(-4, 2, 25)),
         "cosTBTO": (r"$|\cos(K, T_{ROE})|$", np.linspace(0, 1, 21))}


def report_sections(tables: Tables, kaons: Mapping[str, int], eta: float) -> tuple[Section, ...]:
    """Outputs, efficiency against eta, inputs."""
    text = ("The muons of the J/ψ and what points to them are taken out, the kaon is replaced by that of a simulated "
            "B^{+} → K^{+} ν ν̅ boosted to the B of the event. Embedded and genuine signal must look alike.")
    outputs = [overlay(tables, n) for n in ("BDT1", "BDT2", "eta")]
    inputs = [overlay(tables, n) for n in ("q2_rec", "roeDeltae", "cosTBTO")]
    return (Section("Outputs of the classifiers", (Paragraph(text), *outputs, efficiencies(tables, kaons, eta))),
            Section("Inputs", tuple(inputs)))


def overlay(tables: Tables, name: str) -> Picture:
    """Normalised shapes of embedded data and simulation and of genuine signal, with errors of the data as points."""
    label, edges = SHOWN[name]
    drawn = normalised_shapes({k: tables[k][name] for k in ("data", "simulation", "signal-simulation")}, edges, label,
                              LOOKS)
    return Picture(drawn, f"{name} of embedded events in data and simulation, and of genuine signal, each normalised.",
                   f"{name}, embedded and genuine")


def efficiencies(tables: Tables, kaons: Mapping[str, int], eta: float) -> Picture:
    """Efficiency above each edge of eta."""
    edges = np.linspace(eta - 0.02, 1.0, 6)
    curves = []
    for key, (label, _) in LOOKS.items():
        p = np.array([np.sum(tables[key]["eta"] > low) / kaons[key] for low in edges[:-1]])
        error = np.sqrt(p * (1 - p) / kaons[key])
        curves.append(EfficiencyCurve.symmetric(label, edges, p, error))
    drawn = EfficiencyComparison(curves=tuple(curves), xlabel=r"$\eta$ above the left edge of the bin",
                                 ylabel="efficiency")
    return Picture(efficiency_comparison(drawn), "Efficiency above the left edge of each bin, of kaons that pass the "
                   "identification; the points are correlated.", "efficiency against eta")
