"""Figures of the check with B+ -> D0 h+: energy difference, ratios, the event without its D0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import ks_2samp

from openbfactory.analyses.knunu.checks.d0h_fit import Shapes, Yields, curves
from openbfactory.analyses.knunu.checks.d0h_sample import REST
from openbfactory.report.classifiers import normalised_shapes
from openbfactory.report.content import Paragraph, Picture, Section, Table
from openbfactory.report.fitted import binned_fit
from openbfactory.report.style import HERE

Tables = Mapping[str, Mapping[str, npt.NDArray[Any]]]

BINS = 46
#: variables of the event without the D0 that are drawn: label and edges
SHOWN = {"q2_rec": (r"$q^2_{rec}$ [GeV$^2$]", np.linspace(1, 6, 26)),
         "roeDeltae": (r"$\Delta E$ of the rest of event [GeV]", np.linspace(-4, 2, 25)),
         "cosTBTO": (r"$|\cos(K, T_{ROE})|$", np.linspace(0, 1, 21))}


def report_sections(tables: Tables, shapes: Shapes, found: Mapping[str, Yields],
                    factors: Mapping[str, tuple[float, float]], limits: tuple[float, float]) -> tuple[Section, ...]:
    """Fits, yields, the event without the D0."""
    fits = [energy_difference(world, tables[world], shapes, found[world], limits) for world in tables]
    seen = {k: [f"{found[w].of(k)[0]:.0f} ± {found[w].of(k)[1]:.0f}" for w in tables] for k in factors}
    rows = tuple((f"D{kind.replace('pi', 'π')}", *seen[kind],
                  f"{factors[kind][0]:.3f} ± {factors[kind][1]:.3f}") for kind in factors)
    yields = Table(("decay", *tables, "mean correction of the simulation"), rows, "Yields of h that pass.",
                   numeric=frozenset({1, 2, 3}))
    rest = ("Kaon and pion of the D^{0} are taken out; the h is the signal kaon of the inclusive tag. What remains is "
            "the other B, as in signal events at a q^{2} of the squared D^{0} mass.")
    return (Section("Energy difference", (*fits, yields)),
            Section("The event without its D^{0}", (Paragraph(rest), *(overlay(tables, n) for n in SHOWN),
                                                    distances(tables))))


def energy_difference(world: str, table: Mapping[str, npt.NDArray[Any]], shapes: Shapes, found: Yields,
                      limits: tuple[float, float]) -> Picture:
    """Energy difference of candidates that pass, with the fit."""
    counts, edges = np.histogram(table["deltaE"][table["passed"] > 0], BINS, limits)
    parts = curves(found, shapes, limits, 0.5 * (edges[1:] + edges[:-1]))
    names = {r"$DK$": "K", r"$D\pi$": "pi", "background": "background"}
    lines = {label: parts[k] * np.diff(edges)[0] for label, k in names.items()}
    drawn = binned_fit(edges, counts, {"fit": sum(lines.values()), **lines}, names,
                       xlabel=r"$\Delta E$ with the pion mass", unit="GeV", note=world)
    return Picture(drawn, f"Energy difference in the {world}: kaons lie 50 MeV below pions.",
                   f"energy difference, {world}")


def overlay(tables: Tables, name: str) -> Picture:
    """Normalised shapes of a variable of the event without the D0 in both worlds."""
    label, edges = SHOWN[name]
    looks = dict(zip(tables, zip(tables, ("black", HERE), strict=True), strict=True))
    drawn = normalised_shapes({world: t[name] for world, t in tables.items()}, edges, label, looks)
    return Picture(drawn, f"{name} of the event without the D^{{0}} in data and simulation.", name)


def distances(tables: Tables) -> Table:
    """Two-sample tests of q2_rec and the inputs of the first classifier."""
    rows, sizes = [], [int(np.isfinite(t[REST[0]]).sum()) for t in tables.values()]
    for name in REST:
        a, b = (t[name][np.isfinite(t[name])] for t in tables.values())
        test = ks_2samp(a, b) if min(len(a), len(b)) else None
        rows.append((name, f"{np.mean(a):.3f}", f"{np.mean(b):.3f}", "–" if test is None else f"{test.pvalue:.2f}"))
    return Table(("variable", *(f"mean, {w}" for w in tables), "Kolmogorov p-value"), tuple(rows),
                 f"q2_rec and the inputs of BDT1 for {sizes[0]} and {sizes[1]} events; the data differ in hadronic "
                 "energy and K_{L} as well.", numeric=frozenset({1, 2, 3}))
