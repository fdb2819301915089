"""Sections of the report from the reason for the measurement to its validation."""

from __future__ import annotations

from collections.abc import Sequence

from openbfactory.analyses.knunu import figures
from openbfactory.analyses.knunu.config import B_PAIRS, BACKGROUNDS, CONTINUUM, SIGNAL
from openbfactory.analyses.knunu.record import KnunuResult
from openbfactory.analyses.knunu.validations import Validation
from openbfactory.generate import DecayCounts
from openbfactory.physics.published import PublishedMeasurement
from openbfactory.reconstruct.config import InclusiveTagConfig, cited_defaults
from openbfactory.reconstruct.variables import BDT1_INPUTS, BDT2_INPUTS, VARIABLES
from openbfactory.report.content import Block, Bullets, Paragraph, Section, Table
from openbfactory.report.records import CutflowColumn, CutflowStep, FallbackModel
from openbfactory.report.references import Reference, citation
from openbfactory.report.style import category_text
from openbfactory.report.tables import cutflow_table, fallback_table, provenance_table
from openbfactory.report.text import format_count, format_number, format_percent

#: steps of the cutflow in words
STEPS = {"all": "generated", "nTracks": "4 to 10 tracks", "visibleEnergy": "visible energy above 4 GeV",
         "thetaMiss": "missing momentum in the detector", "signalKaon": "an identified kaon"}


def why() -> Section:
    """What is measured and how."""
    return Section("Why", (
        Paragraph("A B meson decays to a kaon and two neutrinos once in some 200 000 times, through loops of heavy "
                  "particles: b → sνν̅. The Standard Model rate is known to a few percent because no charged leptons "
                  "take part, so heavy or invisible new particles would show as a different rate or another spectrum. "
                  "Two neutrinos leave no trace: nothing peaks, and everything rests on knowing the background."),
        Bullets((
            "**Inclusive tag.** One well identified kaon is the signal candidate; all other tracks and photons of the "
            "event are taken as the other B, whatever it decayed to. That keeps 8 % of the signal, twenty times more "
            "than full reconstruction of the other B.",
            "**Observables.** The mass squared of the neutrino pair, q^{2}_{rec} = s/4 + m_{K}^{2} − √s E*_{K} (the B "
            "taken at rest), and η, the output of the second classifier turned so that the signal is flat in it: above "
            "η = 0.92 there is 8 % of all signal.",
            "**Unit.** The signal strength μ is the branching fraction over 4.97 × 10^{−6}, the Standard Model without "
            "B^{+} → τ^{+}(→ K^{+}ν̅)ν.")),
    ))


def samples(result: KnunuResult) -> Section:
    """Data set, simulated samples, effective statistics."""
    rows = []
    for name, sample in result.samples.items():
        histogram = result.histograms[name].region
        total, variance = float(histogram.values.sum()), float(histogram.variances.sum())
        lumi = result.off_luminosity if sample.plan.off_resonance else result.luminosity
        size = "–" if name == SIGNAL else f"{lumi / sample.weight:.3g}"
        rows.append((_name(name), format_count(sample.plan.events), size, f"{sample.weight:.3g}",
                     f"{sample.weights.mean:.4g}",
                     format_count(float(histogram.counts.sum())),
                     format_count(total**2 / variance) if variance > 0 else "0",
                     format_count(float(f"{total:.3g}")), str(int(result.expectations[name].filled.sum()))))
    return Section("Data set and samples", (
        Paragraph(f"Everything is scaled to {result.luminosity:g} fb^{{−1}} at the Υ(4S) and "
                  f"{result.off_luminosity:g} fb^{{−1}} 60 MeV below it. Each sample is generated, simulated, "
                  "reconstructed and selected in chunks. One simulated event stands for as many events of the data set "
                  "as the column \"weight\" says; the effective number is that of unweighted events with the same "
                  "relative precision. The model of the simulation multiplies every event by a weight (rates and "
                  "shapes of named decays); its mean is close to one."),
        Table(("sample", "events generated", "fb^{−1} generated", "weight", "mean of the model's weights",
               "in the fit region", "effective", "expected in data", "bins filled in"), tuple(rows),
              "Samples. A bin of the fit without any simulated event of a sample is filled from the sample's row and "
              "column sums with 100 % uncertainty (last column).", numeric=frozenset(range(1, 9))),
        Paragraph("The data are one pseudo-experiment: counts drawn from the expectation of this run with μ = 1. They "
                  "can show that the fit works, not that the simulation is right; for that there are the validation "
                  "modules, whose data come from another detector and other physics."),
        provenance_table(result.provenance),
    ))


def selection(result: KnunuResult, references: Sequence[Reference]) -> Section:
    """Objects, event selection and what is left after each step."""
    cuts, tag = cited_defaults(), InclusiveTagConfig()

    def row(what: str, *names: str) -> tuple[str, str, str]:
        values = " to ".join(f"{getattr(tag, n):.4g}" for n in names)
        unit = cuts.quantities[names[0]].unit
        return what, f"{values} {unit if unit != '1' else ''}".strip(), citation(cuts.quantities[names[0]].source,
                                                                                 references)

    table = (row("tracks: transverse momentum at least", "track_pt_min"),
             row("tracks: distance to the interaction point, across, at most", "track_dr_max"),
             row("tracks: the same along the beam", "track_dz_max"),
             row("tracks and photons: polar angle", "theta_min", "theta_max"),
             row("photons: energy at least", "photon_energy_min"),
             row("K_{S}: mass of two pions", "ks_mass_min", "ks_mass_max"),
             row("event: number of tracks", "n_tracks_min", "n_tracks_max"),
             row("event: energy of tracks, photons and K_{S} at least", "visible_energy_min"),
             row("event: polar angle of the missing momentum", "theta_miss_min", "theta_miss_max"),
             row("kaon: share of the kaon among the likelihoods, above", "kaon_id_min"),
             row("kaon: hits in the pixel detector at least", "kaon_pxd_hits_min"))
    columns = []
    for name in (SIGNAL, *BACKGROUNDS):
        flow = result.samples[name].cutflow
        total = next(iter(flow.values()))
        steps = tuple(CutflowStep(name=STEPS.get(k, k), count=round(v), weight=v,
                                  efficiency=v / total if total else None) for k, v in flow.items())
        columns.append(CutflowColumn(key="signal" if name == SIGNAL else name, steps=steps))
    return Section("Selection", (
        Paragraph("Kaon identification is the only strong requirement. If several kaons pass, the one with the lowest "
                  "q^{2}_{rec} is taken."),
        Table(("requirement", "value", "source"), table, "Objects and events."),
        cutflow_table(columns, caption="Simulated events left after each step.", show="events"),
        cutflow_table(columns, caption="Efficiency of all steps up to each one.", show="efficiency"),
    ))


def classifiers(result: KnunuResult) -> Section:
    """The two classifiers: inputs, training, over-training, importance, outputs."""
    rows = []
    for fold, summary in enumerate(result.training):
        for name, check in summary.checks.items():
            rows.append((f"{name}, fold {fold}", *(format_count(n) for n in summary.rows[name]),
                         f"{check.auc_train:.4f}", f"{check.auc_test:.4f}", f"{check.signal.p_value:.2g}",
                         f"{check.background.p_value:.2g}"))
    gains = {n: {i.name: i.gain for i in result.training[0].importance[n]} for n in ("BDT1", "BDT2")}
    inputs = [(f"`{n}`", VARIABLES[n].meaning, *(format_percent(gains[b][n]) if n in gains[b] else ""
                                                 for b in ("BDT1", "BDT2")))
              for n in VARIABLES if n in BDT1_INPUTS or n in BDT2_INPUTS]
    return Section("The two classifiers", (
        Paragraph(f"BDT_{{1}} ({len(BDT1_INPUTS)} inputs) removes what is clearly not signal; BDT_{{2}} "
                  f"({len(BDT2_INPUTS)} inputs) is trained on what passes the cut on BDT_{{1}}, which keeps 34 % of "
                  "all signal. Both are trained on one half of the chunks and applied to the other half, both ways, so "
                  "every event is used and none is judged by a classifier that saw it."),
        figures.stack(result, "BDT1", r"$\mathrm{BDT}_1$ output", "",
                      "Output of the first classifier, all selected candidates of the pilot chunks: the signal (dashed "
                      "line, times 50) gathers at 1, the background at 0.", log=True),
        figures.stack(result, "BDT2", r"$\mathrm{BDT}_2$ output", "",
                      "Output of the second classifier, candidates above the cut on the first: what is left of the "
                      "background is mostly B pairs near 1.", log=True),
        *(figures.overtraining(result, name) for name in ("BDT1", "BDT2") if result.training[0].shapes),
        Table(("classifier", "signal rows", "background rows", "area, training", "area, independent", "KS p, signal",
               "KS p, background"), tuple(rows),
              "Over-training: area under the ROC curve on training and on independent rows, and Kolmogorov-Smirnov "
              "p-values of the two outputs. BDT_{2} is trained until the log loss of independent events is smallest, "
              "so its training rows look better; results come from independent rows only.",
              numeric=frozenset(range(1, 7))),
        figures.importance(result, "BDT1"),
        figures.importance(result, "BDT2"),
        Table(("input", "meaning", "share in BDT_{1}", "share in BDT_{2}"), tuple(inputs),
              "Inputs by name, with their share of the gain of all splits (fold 0). \"ROE\" is the rest of the event.",
              numeric=frozenset({2, 3})),
    ))


def efficiency(result: KnunuResult, published: PublishedMeasurement) -> Section:
    """Signal efficiency against generated q2."""
    ratios = {who: figures.fall(result, published, published_numbers=who == "published")
              for who in ("published", "here")}
    text = "; ".join(f"{who}: {'no event at 15 GeV^{2}' if r is None else f'{r:.0f}'}"
                     for who, r in ratios.items())
    return Section("Signal efficiency", (
        Paragraph("Kaons of high momentum, at low q^{2}, are easy to tell from background; slow ones are not. From "
                  f"q^{{2}} = 5 to 15 GeV^{{2}} the efficiency above η = 0.98 falls steeply ({text}). New "
                  "physics at high q^{2} would be seen with little efficiency: the reason why the joint densities of "
                  "this page are written out for reinterpretation."),
        figures.efficiency(result, published),
    ))


def backgrounds(result: KnunuResult, published: PublishedMeasurement) -> Section:
    """Background by stage and by bin, published beside ours."""
    return Section("Backgrounds", (
        Paragraph("At the end of the selection most background is B pairs: kaons from a D beside a lepton, or straight "
                  "from a B, with K_{L}, neutrinos or lost particles. The rest is continuum. Nothing was tuned to the "
                  "published numbers."),
        _stages(result, published),
        figures.yields(result, published),
        figures.stack(result, "q2_rec", r"$q^2_{\mathrm{rec}}$", "$\\mathrm{GeV}^2$",
                      "Reconstructed momentum transfer in the fit region (η > 0.92), scaled to the data set. "
                      "The signal (line, times 50) is at low values, background from B mesons at high ones."),
        figures.stack(result, "eta", r"$\eta(\mathrm{BDT}_2)$", "",
                      "Quantile-transformed classifier output in the fit region. The signal is flat by construction; "
                      "the background falls towards 1."),
        figures.yields_table(result, published),
    ))


def _stages(result: KnunuResult, published: PublishedMeasurement) -> Table:
    """Expected events after each step at the luminosity of the data set."""
    groups = ((SIGNAL,), B_PAIRS, CONTINUUM[:-1], CONTINUUM[-1:], BACKGROUNDS)
    theirs = published.yields["on_resonance"]
    rows: list[tuple[str, ...]] = []
    for step in next(iter(result.samples.values())).cutflow:
        sums = [sum(result.samples[n].weight * result.samples[n].cutflow[step] for n in g) for g in groups]
        rows.append((STEPS.get(step, step), *(format_count(float(f"{v:.3g}")) for v in sums), "–", "–"))
    above = {n: float(result.histograms[n].shown["BDT2"].values.sum()) for n in (SIGNAL, *BACKGROUNDS)}
    rows.append(("BDT_{1}", *(format_count(float(f"{sum(above[n] for n in g):.3g}")) for g in groups), "–", "–"))
    for edge in result.config.region.eta[:-1]:
        here = [figures.summed([figures.region_total(result, n, above=edge) for n in g]) for g in groups]
        keep = [i for i in range(len(theirs.data)) if result.config.region.binning.ranges(i)[1][0] >= edge - 1e-9]
        known = [sum(theirs.samples[k][i] for k in names for i in keep)
                 for names in (("signal",), tuple(n for n in BACKGROUNDS if n in theirs.samples))]
        rows.append((f"η > {edge:.2f}", *(format_number(n) for n in here), *(f"{v:.0f}" for v in known)))
    return Table(("after", "signal", "BB̅", "continuum", "τ^{+}τ^{−}", "background", "signal, published",
                  "background, published"), tuple(rows),
                 f"Expected events at {result.luminosity:g} fb^{{−1}} (μ = 1) after each step, and the published "
                 "expectation where there is one. Uncertainties are those of the simulated samples.",
                 numeric=frozenset(range(1, 8)))


def validation(found: Sequence[Validation]) -> Section:
    """Checks whose results lie beside the run."""
    text = Paragraph("Each check is a measurement of its own on data made with a different detector and different "
                     "physics, in which the talk's differences between data and simulation are planted. "
                     "`obf list analyses` names them; `obf run knunu.NAME` makes one, and its page has the figures.")
    blocks: list[Block] = [text]
    if not found:
        blocks.append(Paragraph("No results of checks were beside this run."))
    else:
        rows = tuple((f"`{v.name}`", v.title, "passed" if v.passed else "**not passed**", v.verdict) for v in found)
        blocks.append(Table(("check", "what it is", "outcome", "verdict"), rows,
                            "Checks whose results were beside this run when the page was made."))
    return Section("Validation", tuple(blocks))


def decays(result: KnunuResult) -> Section:
    """Decay models that fell back to phase space."""
    counts = sum((s.decays for s in result.samples.values()), start=DecayCounts())
    total = max(counts.total, 1)
    models = [FallbackModel(model=m, fraction=n / total, decays=n) for m, n in counts.fallback.items()]
    if not models:
        return Section("Decays", (Paragraph("Every decay used its own model."),))
    return Section("Decays", (
        Paragraph(f"{100 * sum(m.fraction for m in models):.1f} % of {total:,} decays used phase space in the place of "
                  "the model of the decay file.".replace(",", " ")),
        fallback_table(models),
    ))


def _name(sample: str) -> str:
    """Name of a sample in tables."""
    base = sample.removesuffix("_off")
    text = category_text("signal" if base == SIGNAL else base, None)
    return f"{text}, off resonance" if sample.endswith("_off") else text
