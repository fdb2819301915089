"""Sections of the report of the tau mass: calibrations, systematic uncertainties."""

from __future__ import annotations

import re

import numpy as np

from openbfactory.analyses.tau_mass import figures
from openbfactory.analyses.tau_mass.measurement import MEGA
from openbfactory.analyses.tau_mass.result import Result
from openbfactory.analyses.tau_mass.systematics import Change
from openbfactory.report.content import Paragraph, Section, Table


def calibration_section(result: Result) -> Section:
    """Momentum scale, energy, planted shifts."""
    scale, energy, closure = result.known.momentum, result.known.energy, result.closure
    d0, b, _ = result.mesons
    rows = []
    for k, charge in enumerate(("−", "+")):
        for i in range(len(scale.cosines) - 1):
            rows.append((charge, minus(f"{scale.cosines[i]:g}") + f" to {scale.cosines[i + 1]:g}",
                         minus(f"{1e3 * scale.factors[k, i]:+.2f} ± {1e3 * scale.uncertainties[k, i]:.2f}")))
    rows += [({"K": "K", "pi": "π"}[name.rstrip("+-")] + ("^{−}" if name.endswith("-") else "^{+}"), "all",
              minus(f"{1e3 * v:+.2f} ± {1e3 * s:.2f}"))
             for name, (v, s) in scale.species.items()]
    p, found = closure.planted, closure.known
    shifts = (("momentum scale − 1 [10^{−3}]", f"{1e3 * (p.momentum - 1):.2f}",
               minus("{:.2f} ± {:.2f}".format(*(1e3 * v for v in found.momentum.mean)))),
              ("√s − nominal [MeV]", f"{MEGA * p.energy:.2f}",
               f"{MEGA * (found.energy.value - result.machine.sqrt_s):.2f} ± {MEGA * found.energy.uncertainty:.2f}"),
              ("change of the pseudomass, not corrected [MeV]", "–", _text(closure.before)),
              ("change of the pseudomass, corrected [MeV]", "0", _text(closure.after)),
              ("corrected mass [MeV]", f"{result.generated:.2f}", "{:.2f} ± {:.2f}".format(*closure.mass)))
    planted = Table(("quantity", "planted", "found"), shifts,
                    "Shifts planted in another data set; pseudomasses are compared with those of true momenta and "
                    "energy. Uncertainties after the correction hold those of momentum scale and energy.",
                    numeric=frozenset({1, 2}))
    factors = Table(("charge or species", "cos θ", "factor − 1 [10^{−3}]"), tuple(rows),
                    "Momentum scale, measured over true" + (", assumed." if result.data else "."),
                    numeric=frozenset({2}))
    if result.data:
        return Section("Calibrations", (
            Paragraph(f"Nothing is corrected: √s = {MEGA * energy.value:.2f} MeV is that of the card and momenta are "
                      f"those of the file. What is uncertain of them, {MEGA * energy.uncertainty:.2f} MeV and the "
                      f"numbers below, comes from calibrations of simulated samples: {energy.candidates} events with "
                      f"B^{{+}} → D̅^{{0}}π^{{+}}, {scale.candidates} decays D^{{0}} → K^{{−}}π^{{+}}."),
            factors, planted))
    return Section("Calibrations", (
        Paragraph(f"√s = {MEGA * energy.value:.2f} ± {MEGA * energy.uncertainty:.2f} MeV from {energy.candidates} "
                  f"events with B^{{+}} → D̅^{{0}}π^{{+}}, where the card has {MEGA * result.machine.sqrt_s:.2f} MeV; "
                  f"the mean mass of B pairs moves by {energy.response:.2f} of a change of √s."),
        figures.pair_masses(b, result.mesons[2], result.machine, result.config.b.window),
        factors,
        figures.d0_masses(d0, scale.correct(d0)),
        planted))


def minus(text: str) -> str:
    """Text with signs as they are printed."""
    return text.replace("+-", "±").replace("sqrt(s)", "√s").replace("-", "−")


def _text(change: Change) -> str:
    """A change with its uncertainty, with more digits where that is small."""
    digits = 3 if change.uncertainty == 0 or change.uncertainty >= 5e-4 else 4
    more = f" ± {change.uncertainty:.{digits}f}" if change.uncertainty else ""
    return minus(f"{change.value:+.{digits}f}{more}") if np.isfinite(change.value) else "no fit"


def _name(text: str) -> str:
    """Name of a change; minus signs stand before digits alone, not in words or exponents."""
    return re.sub(r"(?<![\w-])-(?=\d)", "−", text.replace("+-", "±").replace("sqrt(s)", "√s"))


def systematics_section(result: Result) -> Section:
    """The table of systematic uncertainties, published beside ours."""
    published, here = result.config.systematics, result.systematics
    rows = []
    for name in dict.fromkeys([*published, *here]):
        told = "; ".join(f"{_name(n)}: {_text(c)}" + (f" (× {c.counted:g} counted)" if c.counted != 1 else "")
                         for n, c in result.changes.get(name, {}).items())
        rows.append((name, published.get(name, "–"),
                     f"{here[name]:.3f}" if name in here else "–", told))
    rows.append(("sum in quadrature", f"{result.config.published.systematic:g}", f"{result.systematic:.2f}", ""))
    return Section("Systematic uncertainties", (
        Paragraph("Every row is a run or a fit that differs: the change of the mass. Runs of other cards and "
                  "generators take the collisions of a part of the data, and the uncertainty after ± is that of the "
                  "difference; "
                  "a row whose changes are not larger says how much was simulated, not how large the effect is. "
                  "Changes are larger than what is known of a source so that they stand out; the share that counts "
                  "stands beside them."),
        Table(("source", "published [MeV]", "this run [MeV]", "changes [MeV]"), tuple(rows),
              "Systematic uncertainties.", numeric=frozenset({1, 2}), emphasis=frozenset({len(rows) - 1}))))
