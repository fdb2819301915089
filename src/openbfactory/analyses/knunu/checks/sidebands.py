"""``obf run knunu.sidebands``: events with D -> K_L X in samples enriched in pions or leptons, from fits of q2_rec."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses import RunOptions
from openbfactory.analyses.knunu.checks.control import (
    TRACKS,
    Columns,
    ControlMaker,
    Size,
    background_events,
    control_samples,
    sized,
    two_worlds,
)
from openbfactory.analyses.knunu.checks.settings import section
from openbfactory.analyses.knunu.checks.shell import Check, Finding, finish
from openbfactory.analyses.knunu.checks.spectra import Spectrum, spectrum_fit, spectrum_sections
from openbfactory.analyses.knunu.classifiers import source_run
from openbfactory.analyses.knunu.config import B_PAIRS, BACKGROUNDS
from openbfactory.analyses.knunu.data_like import load_data_like
from openbfactory.core.config import Config, digest
from openbfactory.core.provenance import Provenance
from openbfactory.core.quantities import Quantity, references_in
from openbfactory.experiment import load_card
from openbfactory.fit.build import Template
from openbfactory.report.records import Number

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


class Sidebands(Config):
    """Section ``sidebands``."""

    presets: dict[str, Size]
    eta: dict[str, float]
    q2_rec: dict[str, tuple[float, ...]]
    corrected: tuple[str, ...]
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
    settings, card = section("sidebands", Sidebands), load_card(options.detector)
    size = sized(settings.presets, options)
    source = source_run(options).resolve()
    maker = ControlMaker(str(source), two_worlds(options.detector, settings.corrected), tuple(settings.eta))
    events = background_events(card.machine, size)
    tables = control_samples(NAME, maker, events, options, {"analysis": NAME})
    spectra = [spectrum(channel, tables, size, settings) for channel in CHANNELS]
    off_resonance = (settings.continuum.uncertainty or 0.0) / settings.continuum.value
    width = {"other": settings.other_b.value, "continuum": off_resonance}
    fit, single = spectrum_fit(spectra, "klong", width), [spectrum_fit([s], "klong", width) for s in spectra]
    planted = load_data_like().klong_from_charm
    findings = [Finding("scale", "factor on D → K_{L} X", Number(value=fit.scale, uncertainty=fit.uncertainty),
                        Number(value=planted.value), Number(value=settings.published.value,
                                                            uncertainty=settings.published.uncertainty))]
    findings += [Finding(f"scale_{s.name.split()[0]}", f"the same, {s.name} alone",
                         Number(value=f.scale, uncertainty=f.uncertainty),
                         remark=f"χ^{{2}} of {s.bins} bins {s.chi2_before:.0f} before, {s.chi2(f):.0f} after")
                 for s, f in zip(spectra, single, strict=True)]
    used = digest({"settings": settings.model_dump(mode="json"), "events": events, "card": card.digest()})
    provenance = Provenance(used, options.seed, tuple(sorted(references_in(settings))))
    chi2 = {s.name.split()[0]: {"bins": s.bins, "before": s.chi2_before, "after": s.chi2(fit)} for s in spectra}
    check = Check(NAME, "Sidebands enriched in pions and leptons", "K_{L} from D mesons carry energy away unseen: "
                  "their rate is measured where the signal is not, with a pion or lepton in the place of the kaon.",
                  tuple(findings), spectrum_sections(spectra, fit, LABELS, size.luminosity), APPROXIMATIONS, events,
                  provenance, {"chi2": chi2, "source": str(source)})
    return finish(check, options)


def selected(columns: Columns, channel: str, settings: Sidebands) -> Array:
    """Candidates of a channel (n,) above the least eta of their signal track."""
    names = list(TRACKS)
    found = np.zeros(len(columns["eta"]), bool)
    for track in CHANNELS[channel]:
        found |= (columns["track"] == names.index(track)) & (columns["eta"] > settings.eta[track])
    return found


def spectrum(channel: str, tables: dict[str, Columns], size: Size, settings: Sidebands) -> Spectrum:
    """Data of a channel with the templates of its components."""
    edges = np.array(settings.q2_rec[channel])
    data = np.zeros(len(edges) - 1)
    sums = {name: np.zeros((2, len(data))) for name in LABELS}
    for process in BACKGROUNDS:
        table = tables[f"data.{process}"]
        data += np.histogram(table["q2_rec"][selected(table, channel, settings)], edges)[0]
        table = tables[f"simulation.{process}"]
        inside = selected(table, channel, settings)
        weight = (1.0 if process in B_PAIRS else settings.continuum.value) / size.factors[process]
        for name in LABELS:
            mine = inside & (table["klong"] == (name == "klong")) if process in B_PAIRS else inside
            if (name == "continuum") != (process in B_PAIRS):
                counts = np.histogram(table["q2_rec"][mine], edges)[0]
                sums[name] += np.array([weight * counts, weight**2 * counts])
    return Spectrum(f"{channel} sample", edges, data, {n: Template(s[0], np.sqrt(s[1])) for n, s in sums.items()})
