"""Which kernel of :mod:`openbfactory.generate.taudecay` each tau channel of a decay table has, and its constants."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from openbfactory.generate.columns import Array
from openbfactory.generate.taudecay import MARGIN, Michel, isotropic_spectrum, pion_envelope, vector_weight
from openbfactory.physics.decaytable import DecayTable

#: numbers of the kernels
OTHER: Final = 0
LEPTON: Final = 1
SCALAR: Final = 2
VECTOR: Final = 3
THREE_PIONS: Final = 4

#: bins of the squared mass of three pions, and trials a bin, for the bounds of the weight
BINS, TRIALS = 48, 3000
#: mode of Pythia for tau decays to hadrons, x (3 - 2 x) in the energy of the neutrino: the averaged current
CURRENT_MODE: Final = 21
#: parameters of a channel to three pions
PION_PARAMETERS: Final = 7
#: seed of the search for the largest weights
SEARCH_SEED = 1
#: kernels of the models of decay files
_MODELS = {"TAULNUNU": LEPTON, "TAUSCALARNU": SCALAR, "TAUVECTORNU": VECTOR, "TAUHADNU": THREE_PIONS}


class TauArrays(NamedTuple):
    """Constants of the tau channels.

    Attributes
    ----------
    kind, position, slot : (C,) int32
        Kernel; position of the neutrino, or of the pion whose charge differs; row of ``bounds``.
    bound : (C,) float64
        Largest lepton spectrum, or largest weight of the mass of a vector.
    scalars : (C, 2) float64
        Masses of the two scalars that a vector decays to.
    bounds, cumulative : (n, BINS) float64
        Largest weights of three pions by squared mass, and their running sums.
    michel : (4,) float64
        rho, eta, xi, delta.
    """

    kind: Array
    position: Array
    slot: Array
    bound: Array
    scalars: Array
    bounds: Array
    cumulative: Array
    michel: Array


def tau_arrays(table: DecayTable, michel: Michel) -> tuple[TauArrays, Array]:
    """Constants of the tau channels, and a mask (C,) of channels whose model has no kernel."""
    size = len(table.fraction)
    kind, position, slot = (np.zeros(size, np.int32) for _ in range(3))
    bound, fallback, found = np.zeros(size), np.zeros(size, np.bool_), dict[tuple[float, ...], int]()
    rows: list[Array] = [np.ones(BINS)]
    scalars = np.zeros((size, 2))
    for tau in ("tau-", "tau+"):
        mass = float(table.mass[table.index[tau]])
        for c in table.channels_of(tau):
            daughters = table.daughters[table.daughter_first[c]:table.daughter_first[c + 1]]
            codes = table.pdg[daughters].tolist()
            model = str(table.models[table.model[c]])
            kind[c] = _MODELS.get(model, OTHER) if fits_tau(table, model, daughters, c) else OTHER
            neutrinos = [i for i, code in enumerate(codes) if abs(code) == 16]
            position[c] = neutrinos[-1] if neutrinos else len(codes) - 1
            fallback[c] = model not in ("PHSP", "PYTHIA") and kind[c] == OTHER
            masses = table.mass[daughters]
            if kind[c] == LEPTON:
                bound[c] = _largest_spectrum(mass, float(masses[0]), michel)
            elif kind[c] == VECTOR:
                scalars[c], bound[c] = _vector(table, mass, int(daughters[0]))
            elif kind[c] == THREE_PIONS:
                position[c] = _odd_pion(codes)
                parameters = table.parameters_of(c)
                key = (mass, *masses.tolist(), float(position[c]), *parameters.tolist())
                if key not in found:
                    found[key] = len(rows)
                    rows.append(_envelope(mass, tuple(masses.tolist()), int(position[c]), tuple(parameters.tolist())))
                slot[c] = found[key]
    bounds = np.stack(rows)
    parameters4 = np.array([michel.rho, michel.eta, michel.xi, michel.delta])
    return TauArrays(kind, position, slot, bound, scalars, bounds, np.cumsum(bounds, axis=1), parameters4), fallback


def current_neutrino(table: DecayTable, channel: int, mother: int) -> int:
    """Position of nu_tau in a tau channel that the file leaves to Pythia's tau spectrum (mode 21), -1 for others.

    Leptons beside it (tau -> e e e nu nu) count with the hadrons.
    """
    codes = np.abs(table.pdg[table.daughters[table.daughter_first[channel]:table.daughter_first[channel + 1]]]).tolist()
    fits = abs(int(table.pdg[mother])) == 15 and table.parameters_of(channel).tolist() == [CURRENT_MODE]
    return codes.index(16) if fits and codes.count(16) == 1 and len(codes) > 2 else -1


def three_pion_payload(table: DecayTable, channel: int, tau: int) -> Array:
    """Parameters of a channel to three pions, the position of the odd pion, bounds and their running sum."""
    daughters = table.daughters[table.daughter_first[channel]:table.daughter_first[channel + 1]]
    odd, parameters = _odd_pion(table.pdg[daughters].tolist()), table.parameters_of(channel)
    bounds = _envelope(float(table.mass[tau]), tuple(table.mass[daughters].tolist()), odd, tuple(parameters.tolist()))
    return np.concatenate((parameters, [float(odd)], bounds, np.cumsum(bounds)))


@lru_cache(maxsize=64)
def _envelope(mass: float, masses: tuple[float, ...], odd: int, parameters: tuple[float, ...]) -> Array:
    """Largest weights of a channel to three pions, by squared mass of the pions."""
    bounds = np.zeros(BINS)
    pion_envelope(np.random.default_rng(SEARCH_SEED), mass, np.array(masses), odd, np.array(parameters), TRIALS, bounds)
    return bounds


def fits_tau(table: DecayTable, model: str, daughters: Array, channel: int) -> bool:
    """True when the daughters are those that the kernel of the model takes, in its order."""
    codes = [abs(c) for c in table.pdg[daughters].tolist()]
    if not codes or codes[-1] != 16 or codes.count(16) != 1:
        return False
    if model == "TAULNUNU":
        return codes in ([11, 12, 16], [13, 14, 16])
    if model == "TAUSCALARNU":
        return len(codes) == 2 and table.spin2[daughters[0]] == 0
    if model == "TAUVECTORNU":
        return len(codes) == 2 and table.spin2[daughters[0]] == 2 and _to_scalars(table, int(daughters[0]))
    return (model == "TAUHADNU" and len(codes) == 4 and set(codes[:3]) <= {111, 211}
            and _odd_pion(table.pdg[daughters].tolist()) >= 0 and len(table.parameters_of(channel)) == PION_PARAMETERS)


def _to_scalars(table: DecayTable, species: int) -> bool:
    """True when a species has a channel to two scalars that never decays otherwise by more than one per cent."""
    share = 0.0
    for c in range(int(table.channel_first[species]), int(table.channel_first[species + 1])):
        daughters = table.daughters[table.daughter_first[c]:table.daughter_first[c + 1]]
        if len(daughters) != 2:
            return False
        share += float(table.fraction[c]) if np.all(table.spin2[daughters] == 0) else 0.0
    return share > 0.99


def _vector(table: DecayTable, mother: float, species: int) -> tuple[Array, float]:
    """Masses of the scalars of the first channel of a vector, and the largest weight of its mass."""
    first = table.daughter_first[table.channel_first[species]]
    masses = table.mass[table.daughters[first:first + 2]]
    low, high = max(masses.sum(), table.mass_low[species]), min(mother, table.mass_high[species])
    pole, width = float(table.mass[species]), float(table.width[species])
    weights = [vector_weight(mother, q * q, pole, width, *masses.tolist()) for q in np.linspace(low, high, 2001)[1:-1]]
    return masses, MARGIN * max(weights)


def _odd_pion(codes: list[int]) -> int:
    """Position of the pion whose charge differs from the two others, -1 when there is none."""
    pions = codes[:3]
    single = [i for i, code in enumerate(pions) if pions.count(code) == 1]
    return single[0] if len(single) == 1 else -1


def _largest_spectrum(mother: float, lepton: float, michel: Michel) -> float:
    """Largest value of the lepton spectrum, with a margin."""
    x0 = 2.0 * mother * lepton / (mother**2 + lepton**2)
    return MARGIN * max(isotropic_spectrum(x, x0, michel.rho, michel.eta) * np.sqrt(x * x - x0 * x0)
                        for x in np.linspace(x0, 1.0, 401).tolist())
