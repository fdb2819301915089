"""e+e- -> gamma* -> mu+ mu-, tau+ tau- by Pythia: lepton pairs with initial- and final-state radiation.

The sample ``taupair`` is made by :mod:`openbfactory.generate.tauspin`, with spins; muon pairs come from here.

Method: Pythia 8 makes the pair (electron structure functions, initial- and
final-state showers) and leaves the taus whole; the decay table decays them.
The angle to the electron is 1 + cos^2(theta) + (4 m^2/s) sin^2(theta) before
radiation (Berends, Kleiss, Jadach, Nucl. Phys. B 202 (1982) 63: Born term).

Approximation: the two taus decay independently and unpolarised (spin
correlations are left out; Pythia's matrix elements for them make 400 events a
second); the photon alone, no Z; radiation is that of a shower, without the
interference between initial and final state.  The mass of the pair follows the
exponentiated O(alpha) radiator to a few per cent; photons at large angles
(abs(cos theta) < 0.99, c.m.) agree with first order above 1.6 GeV, and are 20 %
too many between 0.5 and 1.6 GeV and 45 % too many between 0.1 and 0.5 GeV.
Pairs lighter than ``mass_min`` are left out.
"""

from __future__ import annotations

from openbfactory.core.random import Address
from openbfactory.events.record import Jagged
from openbfactory.experiment.machine import Machine
from openbfactory.generate.laboratory import fermion_pairs

#: sample name to what it is
LEPTON_PAIRS: dict[str, str] = {
    "taupair": "e+e- -> tau+ tau- (gamma)",
    "mumu": "e+e- -> mu+ mu- (gamma)",
}


def lepton_pair_primaries(sample: str, events: int, address: Address, machine: Machine) -> Jagged:
    """MCParticles of lepton-pair events before tau decays.

    Parameters
    ----------
    sample
        ``taupair`` or ``mumu``.
    events, address, machine
        As in :func:`openbfactory.generate.continuum.continuum_primaries`.

    Returns
    -------
    Jagged
        The virtual photon first, then leptons and photons; status 0 marks what is to decay.

    Raises
    ------
    UnknownNameError
        For another sample.
    GenerationError
        When Pythia fails.
    """
    return fermion_pairs(sample, LEPTON_PAIRS, events, address, machine)
