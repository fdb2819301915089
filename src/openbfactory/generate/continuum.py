"""e+e- -> gamma* -> u ubar, d dbar, s sbar, c cbar: quark pairs below the resonances.

Method: Pythia 8 makes the quark pair with initial-state radiation (electron
structure functions and a shower), showers and fragments it into primary
hadrons with the fragmentation parameters of Belle II; the decay table decays
them, as the experiment does.  The angle of the quarks to the electron is
1 + cos^2(theta) with the mass terms of the pair.

Validity: any sqrt(s) between the charmonium and the bottomonium thresholds.
Approximation: the photon alone (interference with the Z, a forward-backward
asymmetry below 1 %, is left out).  Pairs lighter than ``mass_min`` are left
out: 1 GeV (where single resonances take over), 3.8 GeV for charm.  Pythia's
cross sections with these limits are 1.46, 0.37, 0.36 and 1.32 nb (u, d, s, c);
those of the machine card, made with KKMC, are 1.61, 0.40, 0.38 and 1.30 nb.
The excess in u and d is the size of the perturbative rate between 0.3 and 1 GeV
(about 0.12 nb for u): a photon of 5 GeV and a resonance.  Normalised to the
card, all other light-quark events are therefore up to 9 % too many.  Between
1 and 2 GeV (4.5 % of the events) Pythia makes two hadrons without knowing the
resonances there.  The charm settings that Belle II keeps apart were not at
hand, charm uses the same ones.  Initial-state photons: see
:mod:`openbfactory.generate.taupair`.
"""

from __future__ import annotations

from openbfactory.core.random import Address
from openbfactory.events.record import Jagged
from openbfactory.experiment.machine import Machine
from openbfactory.generate.counts import DecayCounts
from openbfactory.generate.laboratory import fermion_pairs
from openbfactory.generate.parameters import Parameter, Values
from openbfactory.generate.pythia import pythia_data, tuned
from openbfactory.physics.decaytable import DecayTable

#: sample name to what it is
CONTINUUM: dict[str, str] = {
    "uubar": "e+e- -> u ubar (gamma)",
    "ddbar": "e+e- -> d dbar (gamma)",
    "ssbar": "e+e- -> s sbar (gamma)",
    "ccbar": "e+e- -> c cbar (gamma)",
}


def continuum_primaries(sample: str, events: int, address: Address, machine: Machine,
                        values: Values | None = None) -> Jagged:
    """MCParticles of quark-pair events before hadron decays.

    Parameters
    ----------
    sample
        ``uubar``, ``ddbar``, ``ssbar`` or ``ccbar``.
    events
        Number of events.
    address
        Where random numbers are drawn.
    machine
        The collider: energies and luminous region.
    values
        Parameters of the fragmentation by name (:func:`fragmentation_parameters`); the defaults where not given.

    Returns
    -------
    Jagged
        The virtual photon first, then photons and hadrons; status 0 marks what is to decay.

    Raises
    ------
    UnknownNameError
        For another sample.
    GenerationError
        When Pythia fails.
    """
    return fermion_pairs(sample, CONTINUUM, events, address, machine, tuned(values or {}))


def quark_pair_events(sample: str, events: int, address: Address, machine: Machine, table: DecayTable,
                      values: Values) -> tuple[Jagged, DecayCounts]:
    """MCParticles of quark-pair events before hadron decays, and an empty record of decays."""
    return continuum_primaries(sample, events, address, machine, values), DecayCounts()


def fragmentation_parameters() -> tuple[Parameter, ...]:
    """Parameters of the string fragmentation, by the names of Pythia without their group."""
    return tuple(Parameter(t.name, t.value, t.meaning, low=t.low, high=t.high) for t in pythia_data().tunable)
