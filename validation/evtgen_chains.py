"""Single decay chains against EvtGen: every observable of a chain as a histogram, compared by chi squared.

EvtGen ran each chain with the text kept beside its histograms; the same text is run here.  A row holds the degrees of
freedom, chi squared, and how much larger it may be (probability 1e-5).  Where EvtGen is wrong the chain with its mended
version is compared, or the row says what was turned: the files ``*_fixed`` (a tensor among the daughters of HELAMP),
``*_swapped`` (tau pairs from VLL), ``HypNonLepton`` from a polarised mother (the sign of the asymmetry).

Rows of masses, and of energies and q2 beside broad resonances, test the line shapes, which are simpler here
(:mod:`openbfactory.generate.lineshape`): they differ, the angles do not.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from validation.chain_observables import Tree, histogram_rows, observables_of
from validation.rows import Row, reference_input

EVENTS = 200_000
Array = npt.NDArray[np.float64]

#: spin density of the root by the name that the files use
DENSITIES = {"vec": np.diag([0.5, 0.0, 0.5]), "up": np.diag([1.0, 0.0])}
#: chains that are compared
CHAINS = (
    "01_B0_Dstenu_ISGW2", "01f_B0_D2enu_ISGW2", "01g_B0_D2enu_TVS", "01i_B0_D1pr_enu_ISGW2",
    "02_Bp_JpsiKstp", "02c_Bp_DsstDst", "04b_Bp_Dst0rho_gamma", "06b_Bp_omegaK",
    "03_Bp_Dtaunu_pi", "03_Bp_Dtaunu_mu", "03_Bp_Dsttaunu_pi", "03_Bp_Dsttaunu_rho", "03_Bp_Dsttaunu_a1",
    "03_Bp_taunu_mu", "03_Bp_taunu_pi", "03_Ds_taunu_pi", "03_Upsilon_tautau_pipi_swapped",
    "03_psi2S_tautau_pipi_swapped", "07_tau_Kst", "07_tau_mu", "07_tau_pi", "07_taupol_e", "07_taupol_mu",
    "07_taupol_rho", "07_tau_3pi0", "07_taupol_3pi", "07_taupol_3pi0", "08_B_D2stpi_TSS", "08_B_K2stpi", "08_D2st_Dpi",
    "09_B0_K2gamma_fixed", "09_Bp_Kstgamma", "09_Bp_psi2SK_Jpsipipi", "09_etap_rhogamma", "09_psi2S_Jpsipi0pi0",
    "11_D0_Kstenu_ISGW2", "11_Dp_Kstenu_SLPOLE", "11_Dp_Kstmunu_SLPOLE", "11_Dp_rhoenu_SLPOLE", "11_B0_rhoenu_ISGW2",
    "11_D0_Kmunu_SLBKPOLE", "13_B0_a2rho_HELAMP_fixed", "13_Bp_D1pi", "13_Bp_Ds1D", "13_Bp_Ds1D_gamma",
    "13_Bp_Dst0pi_gamma", "13_Bp_Dst0pi_pi0", "13_Jpsi_b1pi", "13_Jpsi_ll", "13_Lc_Lambdapi", "13_Lc_Lambdapi_up",
    "13_Y2S_chib1", "13_Y2S_chib2_fixed", "13_aLc_aLambdapi", "13_phi_rhopi", "14_B0_Kstf0", "14_Bp_D0Kst",
    "14_Bp_D0a1_rho0pi", "14_Bp_D0strho", "14_Bp_D1pi", "14_Bp_D2stpi", "14_Bp_D2stpi_Dst", "14_Bp_JpsiK1_Kstpi",
    "14_Bp_JpsiK1_rhoK", "14_Bp_rho0K", "14_D0_Ka1", "14_D0_Kstpi",
)


def run_chain(name: str, events: int = EVENTS) -> tuple[Tree, dict[str, Array]] | None:
    """Our events of a chain and EvtGen's histograms; None when a model of the chain is not there."""
    from openbfactory.core.random import Address
    from openbfactory.events.columns import MC_PARTICLES
    from openbfactory.events.record import Jagged
    from openbfactory.generate import decay_events
    from openbfactory.physics.decaycache import load_decay_table
    from openbfactory.physics.particles import species

    with np.load(reference_input("evtgen", "chains", f"{name}.npz")) as file:
        reference = dict(file)
    note, text = str(reference["note"]), str(reference["decay"])
    found = re.search(r"Root: (\S+) at rest, mass ([0-9.]+) GeV, spin '(\w+)'", note)
    if found is None:
        message = f"the note of {name} does not name its root"
        raise ValueError(message)
    columns = {c.name: c.empty(events) for c in MC_PARTICLES.columns}
    columns["PDG"][:], columns["mother"][:], columns["E"][:] = species(found[1]).pdg, -1, float(found[2])
    table = load_decay_table(reference_input("evtgen", "DECAY_BELLE2_evtgen.dec"), overlay=text)
    particles, counts = decay_events(Jagged(np.arange(events + 1), columns), table, Address(1, f"validation/{name}"),
                                     density=DENSITIES.get(found[3]))
    return None if counts.fallback else (Tree(particles), reference)


def chain_rows(name: str, events: int = EVENTS) -> list[Row]:
    """Rows of all observables of one chain."""
    made = run_chain(name, events)
    if made is None:
        return []
    tree, reference = made
    wanted: dict[str, Callable[[Tree], Array]] = observables_of(name)
    return histogram_rows(name, tree, reference, wanted)


def rows() -> list[Row]:
    """Rows of all chains whose models are there; the others are printed."""
    made: list[Row] = []
    for name in CHAINS:
        found = chain_rows(name)
        if not found:
            print(f"  {name}: a model of this chain is not there yet")
        made += found
    return made
