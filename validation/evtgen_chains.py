"""Single decay chains against EvtGen: every observable of every chain as a histogram, compared by chi squared.

EvtGen ran each chain with the text kept beside its histograms; the same text is run here.  A row holds the degrees of
freedom, chi squared, and how much larger it may be (probability 1e-5).  Where EvtGen is known to be wrong

- the chain is compared with the file of its mended version (a tensor among the daughters of HELAMP, the order of the
  leptons in VLL), and the remark says how far EvtGen as it is lies from that;
- our events are weighted to EvtGen's formula (pi0 -> e+ e- gamma: the sign of the mass term) or to the magnitudes that
  the version of EvtGen had (D0 -> pi+ pi- pi0);
- the sign of an angle is turned (``HypNonLepton`` from a polarised mother);
- the loop functions of ``BTOSLLBALL`` and ``BTOSLLALI`` are written as EvtGen does (see ``physics.wilson``).

EvtGen's own particle table, which is not in its decay files, cuts the masses of some species below; its values, as its
histograms show them, are laid over (:data:`PARTICLES`).  Masses of a broad meson from another broad meson (a_1 -> rho
pi, K_1 -> rho K, K* pi) differ: EvtGen draws the lighter mass before the heavier one and without regard to it, here the
two have the joint density of :mod:`openbfactory.physics.lineshapes`.

:mod:`validation.chain_closed_forms` compares with the closed form.  The chains with photons are in
:mod:`validation.chain_photons`, those with mixing and CP violation in :mod:`validation.chain_times`.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from validation.chain_closed_forms import closed_form_rows
from validation.chain_observables import axes_of, observables_of
from validation.chain_tree import Tree
from validation.chain_weights import WEIGHTS
from validation.figures import draw
from validation.histograms import Histogram, chi_squared, filled
from validation.rows import Row, reference_input

EVENTS = 60_000
Array = npt.NDArray[np.float64]

#: spin density of the root by the name that the files use
DENSITIES = {"vec": np.diag([0.5, 0.0, 0.5]), "up": np.diag([1.0, 0.0])}
#: mass, width and lower edge of EvtGen's particle table, for both charges [GeV]
PARTICLES = {
    ("K*+", "K*-"): (0.89167, 0.0503, 0.66167), ("K*0", "anti-K*0"): (0.89555, 0.0473, 0.66555),
    ("rho+", "rho-", "rho0"): (0.77526, 0.1491, 0.27526), ("D*0", "anti-D*0"): (2.00685, 0.0, 0.0),
    ("D_2*+", "D_2*-"): (2.4654, 0.0467, 2.1534), ("D_2*0", "anti-D_2*0"): (2.4607, 0.0475, 2.1517),
    ("D_10", "anti-D_10"): (2.4208, 0.0317, 2.1488), ("D'_1+", "D'_1-"): (2.445, 0.25, 2.145),
    ("a_1+", "a_1-", "a_10"): (1.23, 0.42, 0.63), ("K_1+", "K_1-"): (1.272, 0.09, 1.072),
    ("b_1+", "b_1-", "b_10"): (1.2295, 0.142, 0.9795), ("f_0",): (0.99, 0.06, 0.985),
    ("D_0*0", "anti-D_0*0"): (2.3, 0.274, 2.001), ("D_s1+", "D_s1-"): (2.4595, 0.001, 2.4445),
    ("omega",): (0.78265, 0.00849, 0.65), ("D*+", "D*-"): (2.01026, 8.34e-5, 2.00986),
}
#: chains of other modules, by the beginning of their names
ELSEWHERE = ("12_", "15_photos")
#: chains in which EvtGen is wrong, and the file that is right
MENDED = {"03_Upsilon_tautau_pipi": "03_Upsilon_tautau_pipi_swapped",
          "03_psi2S_tautau_pipi": "03_psi2S_tautau_pipi_swapped",
          "09_B0_K2gamma": "09_B0_K2gamma_fixed", "13_Y2S_chib2": "13_Y2S_chib2_fixed"}
#: models whose argument asks for what EvtGen does, in the place of the publication
AS_EVTGEN = {"BTOSLLBALL": "BTOSLLBALL 1 1", "BTOSLLALI": "BTOSLLALI 1"}
#: records of an event that have one structure, where later ones (hadrons of Pythia) differ
RECORDS = {"10_Bp_Xsgamma_pythia": 3}
#: figures and their panels
PICTURES = {
    "angles": ("01_B0_Dstenu_ISGW2 chi", "01_B0_Dstenu_ISGW2 costhV", "02_Bp_JpsiKstp cos1", "02_Bp_JpsiKstp phi",
               "03_Bp_Dsttaunu_rho cosx_B", "07_taupol_3pi cosbeta", "09_Bp_psi2SK_Jpsipipi cosl_B",
               "13_Y2S_chib2_fixed cosg2", "03_Upsilon_tautau_pipi phi", "13_Bp_D1pi phi", "01g_B0_D2enu_TVS costhX",
               "13_Lc_Lambdapi cosp"),
    "spectra": ("01_B0_Dstenu_ISGW2 q2", "01d_B0_Denu_HQET2 q2", "03_Bp_Dtaunu_mu q2", "11_Dp_Kstenu_SLPOLE q2",
                "11_D0_Kmunu_SLBKPOLE El", "07_tau_mu x", "03_Bp_Dsttaunu_rho Epi", "06_pi0_eegamma log10_mee",
                "09_psi2S_Jpsipi0pi0 mpipi", "07_tau_3pi0 m3pi", "06_omega_3pi n2", "01_B0_Dstenu_ISGW2 p_slowpi"),
    "dalitz": ("05_D0_Kpipi0 s01", "05_D0_Kpipi0 s12", "05_D0_KSKK s12", "05_D0_pipipi0 s01", "05_Dp_KSpipi0 s12",
               "05_Dp_Kpipi s_low", "05_Ds_KKpi s01", "05_Ds_pipipi s_high"),
    "masses": ("14_Bp_rho0K m_rho", "14_Bp_D0Kst m_Kst", "14_Bp_D0a1_rho0pi m_a1", "14_Bp_D0strho m_D0st",
               "14_Bp_f0K m_f0", "14_D0_Ka1 m_a1", "14_Bp_JpsiK1_rhoK m_K1", "14_Bp_D2stpi m_D2st"),
    "rare": ("10_B0_Kstmumu q2", "10_B0_Kstmumu costhl", "10_Bp_Kmumu q2", "10_Bs_phimumu_ALI q2",
             "10_Bp_Xsgamma Eg_fine", "11_Bp_Xuenu_VUB mX", "11_Bp_Xuenu_VUB El", "11_Bp_Dpienu_GR mXpi"),
}


def chain_names() -> list[str]:
    """Names of all chains that have a file."""
    return sorted(path.stem for path in reference_input("evtgen", "chains").glob("*.npz"))


def reference_of(name: str) -> dict[str, Any]:
    """Arrays of the file of a chain."""
    with np.load(reference_input("evtgen", "chains", f"{name}.npz")) as file:
        return dict(file)


def observables_in(reference: dict[str, Any]) -> list[str]:
    """Names of the observables of a file."""
    return [key.removesuffix("_counts") for key in reference if key.endswith("_counts")]


def events_of(name: str, reference: dict[str, Any], events: int) -> tuple[Any, dict[str, int]]:
    """MCParticles of a chain, and the decays whose model is not there."""
    from openbfactory.core.random import Address
    from openbfactory.events.columns import MC_PARTICLES
    from openbfactory.events.record import Jagged
    from openbfactory.generate import decay_events
    from openbfactory.physics.decaycache import load_decay_table
    from openbfactory.physics.particles import species

    found = re.search(r"Root: (\S+) at rest, mass ([0-9.]+) GeV, spin '(\w+)'", str(reference["note"]))
    if found is None:
        message = f"the note of {name} does not name its root"
        raise ValueError(message)
    columns = {c.name: c.empty(events) for c in MC_PARTICLES.columns}
    columns["PDG"][:], columns["mother"][:], columns["E"][:] = species(found[1]).pdg, -1, float(found[2])
    text = str(reference["decay"])
    for model, asked in AS_EVTGEN.items():
        text = text.replace(model, asked)
    table = load_decay_table(reference_input("evtgen", "DECAY_BELLE2_evtgen.dec"),
                             overlay=particle_statements() + text)
    particles, counts = decay_events(Jagged(np.arange(events + 1), columns), table, Address(1, f"validation/{name}"),
                                     density=DENSITIES.get(found[3]))
    return particles, counts.fallback


def particle_statements() -> str:
    """Statements of a decay file that set :data:`PARTICLES`."""
    lines = []
    for names, (mass, width, low) in PARTICLES.items():
        for name in names:
            lines += [f"Particle {name} {mass} {width}", f"ChangeMassMin {name} {low}"]
    return "\n".join(lines) + "\n"


def chain_comparison(name: str, events: int = EVENTS) -> tuple[list[Histogram], list[Row]]:
    """Histograms of all observables of one chain, and rows of its closed forms."""
    own = reference_of(name)
    particles, fallback = events_of(name, own, events)
    if fallback:
        return [], [Row(f"{name}: decays without their model", 0.0, float(sum(fallback.values())), 0.0,
                        ", ".join(fallback))]
    tree = Tree(particles, RECORDS.get(name))
    reference = reference_of(MENDED[name]) if name in MENDED else own
    made = [_histogram(name, observable, tree, reference, own) for observable in observables_in(reference)]
    return [h for h in made if h is not None], closed_form_rows(name, tree)


def _histogram(name: str, observable: str, tree: Tree, reference: dict[str, Any],
               own: dict[str, Any]) -> Histogram | None:
    """Histogram of one observable, None when it is not known here."""
    known, counts = observables_of(name), reference[f"{observable}_counts"]
    axes = (observable,) if counts.ndim == 1 else axes_of(observable, known)
    if axes is None or not all(axis in known for axis in axes):
        return None
    edges = tuple(reference[f"{observable}_edges{suffix}"] for suffix in ("", "_y")[:counts.ndim])
    values = [known[axis](tree) for axis in axes]
    weigh, remark = WEIGHTS.get(name, (None, ""))
    if name == "13_Lc_Lambdapi_up" and "cosz" in axes:
        values[0], remark = -values[0], "EvtGen has the sign of the asymmetry turned"
    if any(model in str(own["decay"]) for model in AS_EVTGEN):
        remark = "loop functions as EvtGen writes them"
    if name in MENDED:
        theirs, right = own[f"{observable}_counts"], counts
        chi2, ndf = chi_squared(theirs.ravel(), theirs.ravel(), right.ravel(), right.sum() / theirs.sum())
        remark = f"with {MENDED[name]}, from which EvtGen's own file is off by chi2 {chi2:.0f} of {ndf - 1}"
    here, squares = filled(tuple(values), edges, weigh(tree) if weigh else None)
    return Histogram(f"{name} {observable}", edges, here, squares, counts, remark=remark)


def chain_rows(name: str, events: int = EVENTS) -> list[Row]:
    """Rows of all observables of one chain."""
    histograms, rows = chain_comparison(name, events)
    return [h.row() for h in histograms] + rows


def rows() -> list[Row]:
    """Rows of all chains; an observable that nobody compares has a row that says so."""
    made: list[Row] = []
    panels: dict[str, Histogram] = {}
    wanted = {what for names in PICTURES.values() for what in names}
    names = [name for name in chain_names() if not name.startswith(ELSEWHERE)]
    for name in names:
        histograms, others = chain_comparison(name)
        made += [h.row() for h in histograms] + others
        panels |= {h.what: h for h in histograms if h.what in wanted}
        missing = set(observables_in(reference_of(name))) - {h.what.split()[1] for h in histograms}
        if histograms:
            made += [Row(f"{name} {what}: not compared", 1.0, 0.0, 0.0) for what in sorted(missing)]
    for picture, whats in PICTURES.items():
        draw(f"chains_{picture}", [panels[what] for what in whats if what in panels])
    print(f"  {len(made)} rows of {len(names)} chains")
    return made
