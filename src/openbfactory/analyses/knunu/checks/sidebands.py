"""``obf run knunu.sidebands``: events with D -> K_L X in samples enriched in pions or leptons, from fits of q2_rec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses import RunOptions
from openbfactory.analyses.knunu.checks.control import ControlConfig, Size, control_samples
from openbfactory.analyses.knunu.checks.control_sample import TRACKS, Columns
from openbfactory.analyses.knunu.checks.settings import made_of, section
from openbfactory.analyses.knunu.checks.shell import Check, Finding, finish
from openbfactory.analyses.knunu.checks.spectra import Spectrum, spectrum_fit, spectrum_of, spectrum_sections
from openbfactory.analyses.knunu.config import B_PAIRS, BACKGROUNDS
from openbfactory.analyses.knunu.data_like import load_data_like
from openbfactory.core.quantities import Quantity
from openbfactory.pipeline.tables import rows_of
from openbfactory.report.records import Number
from openbfactory.select.binning import Axis, Binning, weighted_sum

Array = npt.NDArray[Any]
NAME = "knunu.sidebands"
#: signal tracks of each channel of the fit, and what the components are called
CHANNELS = {"pion": ("pion",), "lepton": ("electron", "muon")}
LABELS = {"klong": r"$B\bar{B}$ with $D\to K_L X$", "other": r"other $B\bar{B}$", "continuum": "continuum"}
APPROXIMATIONS = (
    "An event counts once for the component D → K_{L} X, however many D mesons make a K_{L}.",
    "The simulation has the energy of hadronic clusters and the efficiency of K_{L} clusters that other modules "
    "measure; its continuum has the normalisation of off-resonance data.",
    "The normalisation of other B decays is constrained: the spectra of the two components are too alike to free both.",
    "Candidates above the cut on the first classifier and a low limit on eta are used, with one signal track an event.",
)


class Sidebands(ControlConfig):
    """Section ``sidebands``."""

    eta: dict[str, float]
    q2_rec: dict[str, tuple[float, ...]]
    continuum: Quantity
    other_b: Quantity
    published: Quantity


def run(options: RunOptions) -> dict[str, Any]:
    """Result record; candidates, record and report are in the output folder.

    Raises
    ------
    OpenBFactoryError
        Without a finished run of knunu, for input that is not right, or when the fit has no minimum.
    """
    settings = section("sidebands", Sidebands)
    made = control_samples(NAME, settings, settings.eta, options)
    spectra = [spectrum(channel, made.tables, made.size, settings) for channel in CHANNELS]
    off_resonance = (settings.continuum.uncertainty or 0.0) / settings.continuum.value
    width = {"other": settings.other_b.value, "continuum": off_resonance}
    fit, single = spectrum_fit(spectra, "klong", width), [spectrum_fit([s], "klong", width) for s in spectra]
    planted = load_data_like().klong_from_charm
    findings = [Finding("scale", "factor on D → K_{L} X", Number(value=fit.scale, uncertainty=fit.uncertainty),
                        Number(value=planted.value), Number.of(settings.published))]
    findings += [Finding(f"scale_{s.name.split()[0]}", f"the same, {s.name} alone",
                         Number(value=f.scale, uncertainty=f.uncertainty),
                         remark=f"χ^{{2}} of {s.bins} bins {s.chi2_before:.0f} before, {s.chi2(f):.0f} after")
                 for s, f in zip(spectra, single, strict=True)]
    chi2 = {s.name.split()[0]: {"bins": s.bins, "before": s.chi2_before, "after": s.chi2(fit)} for s in spectra}
    check = Check(NAME, "Sidebands enriched in pions and leptons", "K_{L} from D mesons carry energy away unseen: "
                  "their rate is measured where the signal is not, with a pion or lepton in the place of the kaon.",
                  tuple(findings), spectrum_sections(spectra, fit, LABELS, made.size.luminosity), APPROXIMATIONS,
                  made.events, made_of(options, settings, made.cards, made.events, *BACKGROUNDS),
                  {"chi2": chi2, "source": str(made.source)})
    return finish(check, options)


def selected(columns: Columns, channel: str, settings: Sidebands) -> Array:
    """Candidates of a channel (n,) above the least eta of their signal track."""
    names = list(TRACKS)
    found = np.zeros(len(columns["eta"]), bool)
    for track in CHANNELS[channel]:
        found |= (columns["track"] == names.index(track)) & (columns["eta"] > settings.eta[track])
    return found


def spectrum(channel: str, tables: Mapping[str, Columns], size: Size, settings: Sidebands) -> Spectrum:
    """Data of a channel with the templates of its components."""
    binning = Binning(axes=(Axis(name="q2_rec", edges=settings.q2_rec[channel]),))
    kept = {name: rows_of(table, selected(table, channel, settings)) for name, table in tables.items()}
    parts: dict[str, list[tuple[Columns, float]]] = {name: [] for name in LABELS}
    for process in BACKGROUNDS:
        table, weight = kept[f"simulation.{process}"], 1.0 / size.factors[process]
        if process in B_PAIRS:
            parts["klong"].append((rows_of(table, table["klong"]), weight))
            parts["other"].append((rows_of(table, ~table["klong"]), weight))
        else:
            parts["continuum"].append((table, settings.continuum.value * weight))
    return spectrum_of(f"{channel} sample", weighted_sum(binning, [(kept[f"data.{p}"], 1.0) for p in BACKGROUNDS]),
                       {name: weighted_sum(binning, part) for name, part in parts.items()})
