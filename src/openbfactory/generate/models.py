"""Decay models: the names of decay files and the kernels that make their momenta.

Each model has a number that kernels switch on.  A channel whose model is not in :data:`DECAY_MODELS`, or whose
parameters or daughters do not fit it, decays by phase space and is counted; :mod:`openbfactory.generate.modelcheck`
makes it an error unless the user asked for that.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from openbfactory.generate.columns import Array, TableArrays
from openbfactory.generate.dalitz import DALITZ_MODELS, knows_dalitz, prepared_dalitz
from openbfactory.generate.flavour import FLAVOUR
from openbfactory.generate.flavourtable import flavour_payload, pair_payload
from openbfactory.generate.inclusivemodels import fits_inclusive, inclusive_payload
from openbfactory.generate.partonicmodels import hadronic_thresholds, is_partonic
from openbfactory.generate.raredecay import envelopes
from openbfactory.generate.semileptonic import MASSES, largest_weight
from openbfactory.generate.softpion import fits_soft_pion, soft_pion_payload
from openbfactory.generate.spintable import fits_pair, helicities_of
from openbfactory.generate.taumodels import current_neutrino, fits_tau, three_pion_payload
from openbfactory.physics.btosll import rare_parameters
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.formfactors import PARAMETRISATIONS, kernel_parameters
from openbfactory.physics.knunu import q2_quantiles
from openbfactory.physics.neutrinopairs import NEUTRINO_PAIRS

#: numbers of the kernels
PHASE_SPACE: Final = 0
PARTONIC: Final = 1
HELICITY: Final = 2
MIXING_PAIR: Final = 3
SEMILEPTONIC: Final = 4
KAON_NEUTRINOS: Final = 5
LEPTONIC_TAU: Final = 6
PAIR: Final = 7
HADRONIC_TAU: Final = 8
LEPTON_PAIR: Final = 9
WEAK: Final = 10
SOFT_PION: Final = 11
INCLUSIVE: Final = 12
DALITZ: Final = 20

#: kernel of every model that is done, and what it is
DECAY_MODELS: dict[str, tuple[int, str]] = {
    "PHSP": (PHASE_SPACE, "n-body phase space"),
    "PYTHIA": (PARTONIC, "partons hadronised by Pythia"),
    "VSS": (HELICITY, "vector to two scalars"),
    "TSS": (HELICITY, "tensor to two scalars"),
    "SVS": (HELICITY, "scalar to a vector and a scalar"),
    "STS": (HELICITY, "scalar to a tensor and a scalar"),
    "SVV_HELAMP": (HELICITY, "scalar to two vectors, helicity amplitudes"),
    "SVP_HELAMP": (HELICITY, "scalar to a vector and a photon, helicity amplitudes"),
    "HELAMP": (HELICITY, "two bodies, helicity amplitudes"),
    "PARTWAVE": (HELICITY, "two bodies, partial waves"),
    "VVS_PWAVE": (HELICITY, "vector to a vector and a scalar, partial waves"),
    "TVS_PWAVE": (HELICITY, "tensor to a vector and a scalar, partial waves"),
    "VSP_PWAVE": (HELICITY, "vector to a scalar and a photon, magnetic dipole"),
    "VVP": (HELICITY, "axial vector to a vector and a photon"),
    "HypNonLepton": (HELICITY, "weak decay of a hyperon with asymmetry and phase"),
    "VLL": (PAIR, "vector to two leptons"),
    "TAUVECTORNU": (PAIR, "tau to a vector meson and a neutrino"),
    "VSS_BMIX": (MIXING_PAIR, "vector to a coherent pair of neutral mesons that mix"),
    "HQET2": (SEMILEPTONIC, "B -> D(*) l nu, form factors of Caprini, Lellouch and Neubert"),
    "SSD_CP": (FLAVOUR, "neutral B to two bodies, one of spin 0, CP violation through mixing"),
    "SVV_CP": (FLAVOUR, "neutral B to two vectors, three amplitudes, CP violation through mixing"),
    "BTO3PI_CP": (FLAVOUR, "neutral B to pi+ pi- pi0 through rho pi, CP violation through mixing"),
    "BGL": (SEMILEPTONIC, "B -> D(*) l nu, form factors of Boyd, Grinstein and Lebed"),
    "HQET3": (SEMILEPTONIC, "B -> D(*) l nu, form factors of Caprini, Lellouch and Neubert with scalar parts"),
    "SLPOLE": (SEMILEPTONIC, "semileptonic decay with pole form factors"),
    "SLBKPOLE": (SEMILEPTONIC, "semileptonic decay with form factors of Becirevic and Kaidalov"),
    "ISGW2": (SEMILEPTONIC, "semileptonic decay in the quark model ISGW2, to ground states and excitations"),
    "LLSW": (SEMILEPTONIC, "B -> D** l nu, form factors of Leibovich, Ligeti, Stewart and Wise"),
    "BCL": (SEMILEPTONIC, "B -> pi, rho, omega l nu, series in z"),
    "KNUNU": (KAON_NEUTRINOS, "B -> K nu nubar, in the Standard Model or with three coefficients of f_+"),
    "KSTARNUNU": (SEMILEPTONIC, "B -> K* nu nubar, form factors of QCD sum rules"),
    "KSTARNUNU_REV": (SEMILEPTONIC, "B -> K* nu nubar, series in z for V, A_1 and A_12"),
    "BTOSLLBALL": (LEPTON_PAIR, "B -> P l+ l-, V l+ l- at NNLL, form factors by number"),
    "BTOSLLALI": (LEPTON_PAIR, "B -> P l+ l-, V l+ l- at NNLL, form factors of Ali et al."),
    "TAULNUNU": (LEPTONIC_TAU, "leptonic tau decay, V-A"),
    "TAUHADNU": (HADRONIC_TAU, "tau to three pions and a neutrino, current of Kuhn and Santamaria"),
    "GOITY_ROBERTS": (SOFT_PION, "B -> D(*) pi l nu, soft pion without resonances on the D side"),
    "VUB": (INCLUSIVE, "inclusive B -> X_u l nu, triple differential rate with Fermi motion"),
    "BTOXSGAMMA": (INCLUSIVE, "inclusive B -> X_s gamma, Kagan and Neubert"),
    "BTOXSLL": (INCLUSIVE, "inclusive B -> X_s l l at next-to-next-to-leading order"),
    "BTOXSNUNU": (INCLUSIVE, "inclusive B -> X_s nu nubar with Fermi motion"),
    "BTOXSNUNU_FERMI": (INCLUSIVE, "inclusive B -> X_s nu nubar with Fermi motion"),
    "SLN": (HELICITY, "pseudoscalar to a lepton and a neutrino"),
    "D_DALITZ": (DALITZ, "D -> three pseudoscalars, sums of resonances as measured"),
    "OMEGA_DALITZ": (DALITZ, "vector to three pseudoscalars"),
    "ETA_PI0DALITZ": (DALITZ, "eta(') -> 3 pi0 with a slope"),
    "ETA_FULLDALITZ": (DALITZ, "eta -> pi pi pi0, polynomial of third order"),
    "ETAPRIME_DALITZ": (DALITZ, "eta' -> pi pi eta, polynomial of second order"),
    "PI0_DALITZ": (DALITZ, "pi0 -> e+ e- gamma, Kroll-Wada"),
    "VVPIPI": (DALITZ, "quarkonium to quarkonium and two pions"),
    "YMSTOYNSPIPICLEOBOOST": (DALITZ, "Upsilon(mS) -> Upsilon(nS) pi pi, two amplitudes"),
    "TAUSCALARNU": (HELICITY, "tau to a pseudoscalar and a neutrino"),
}

#: matrix elements of Pythia for weak decays of known particles, leptons first
WEAK_MODES = (22, 23)
_LEPTONS, _NEUTRINOS = (11, 13, 15), (12, 14, 16)


def table_arrays(table: DecayTable) -> tuple[TableArrays, Array]:
    """Decay table as kernels take it, and a mask (C,) of the channels that fall back to phase space."""
    numbers = np.array([DECAY_MODELS.get(str(name), (PHASE_SPACE, ""))[0] for name in table.models], np.int32)
    known = np.array([str(name) in DECAY_MODELS for name in table.models])
    code, fallback = numbers[table.model], ~known[table.model]
    kind, bound, threshold = np.zeros(len(code), np.int32), np.ones(len(code)), hadronic_thresholds(table)
    mothers = np.repeat(np.arange(len(table.names)), np.diff(table.channel_first))
    payloads: dict[int, Array] = {}
    # KNUNU with parameters is a semileptonic decay with two massless leptons
    code[(code == KAON_NEUTRINOS) & (np.diff(table.parameter_first) > 0)] = SEMILEPTONIC
    for c in np.flatnonzero(code > PHASE_SPACE).tolist():
        if code[c] == PARTONIC and (neutrino := current_neutrino(table, c, int(mothers[c]))) >= 0:
            code[c], payloads[c] = HADRONIC_TAU, np.array([float(neutrino)])
        elif code[c] == PARTONIC and not is_partonic(table, c):
            number = _code_of_hadrons(table, c)
            code[c], fallback[c] = max(number, PHASE_SPACE), number < PHASE_SPACE
        elif not _fits(table, c, int(code[c]), int(mothers[c])):
            threshold[c] *= 2.0 if code[c] == MIXING_PAIR and len(_daughters(table, c)) == 4 else 1.0
            code[c], fallback[c] = PHASE_SPACE, True
        elif code[c] == SEMILEPTONIC:
            kind[c] = PARAMETRISATIONS[str(table.models[table.model[c]])][0]
            payloads[c] = _with_bounds(table, c, int(kind[c]), int(mothers[c]))
        elif code[c] == DALITZ:
            kind[c] = DALITZ_MODELS[str(table.models[table.model[c]])][0]
            payloads[c] = _dalitz_payload(table, c, int(mothers[c]))
        elif code[c] == LEPTON_PAIR:
            payloads[c] = _with_envelopes(table, c, int(mothers[c]))
        elif code[c] == SOFT_PION:
            payloads[c] = soft_pion_payload(table, c, int(mothers[c]))
        elif code[c] == INCLUSIVE:
            kind[c], payloads[c] = _inclusive(table, c, int(mothers[c]))
        elif code[c] == HADRONIC_TAU:
            payloads[c] = three_pion_payload(table, c, int(mothers[c]))
        elif code[c] in (FLAVOUR, MIXING_PAIR):
            found = pair_payload(table, c) if code[c] == MIXING_PAIR else flavour_payload(table, c, int(mothers[c]))
            payloads[c] = np.empty(0) if found is None else found
            kind[c] = DALITZ_MODELS.get(str(table.models[table.model[c]]), (0,))[0]
    parameter_first, parameters = _with_payloads(table, payloads)
    arrays = TableArrays(table.pdg, table.stable, table.mass, table.width, table.mass_low, table.mass_high, table.ctau,
                         table.conjugate, table.channel_first, table.cumulative, table.fraction, threshold,
                         table.daughter_first, table.daughters, parameter_first, parameters, code, kind, bound,
                         q2_quantiles().copy(), table.shape, table.wave, table.radius,
                         table.shapes, table.mixing)
    return arrays, fallback


def _with_payloads(table: DecayTable, payloads: dict[int, Array]) -> tuple[Array, Array]:
    """Parameters of all channels, with those of some channels replaced by what their kernel needs."""
    if not payloads:
        return table.parameter_first, table.parameters
    pieces = [payloads.get(c, table.parameters_of(c)) for c in range(len(table.fraction))]
    first = np.concatenate(([0], np.cumsum([len(p) for p in pieces]))).astype(np.int64)
    return first, np.concatenate(pieces).astype(np.float64)


def _mother_masses(table: DecayTable, mother: int) -> tuple[float, ...]:
    """Masses of a mother for which bounds must hold: its mass, and points of its line shape."""
    mass, low, high = float(table.mass[mother]), float(table.mass_low[mother]), float(table.mass_high[mother])
    return (mass,) if low == high else (mass, *np.linspace(low, high, 7).tolist())


def _dalitz_payload(table: DecayTable, channel: int, mother: int) -> Array:
    """What the kernel of three-body decays needs to know about a channel."""
    daughters = _daughters(table, channel)
    return prepared_dalitz(str(table.models[table.model[channel]]), int(table.pdg[mother]),
                           tuple(int(table.pdg[d]) for d in daughters), tuple(table.parameters_of(channel).tolist()),
                           _mother_masses(table, mother), tuple(float(table.mass[d]) for d in daughters))


def heavy_sign(pdg: int) -> float:
    """Sign of the lepton angle in the weight: +1 for bottom, -1 for charm (and lighter) mothers."""
    return 1.0 if abs(pdg) // 100 % 10 == 5 else -1.0


def _daughters(table: DecayTable, channel: int) -> list[int]:
    """Species indices of the daughters of a channel."""
    return table.daughters[table.daughter_first[channel]:table.daughter_first[channel + 1]].tolist()


def has_model(table: DecayTable, channel: int, mother: int) -> bool:
    """True when the model of a channel is there and its daughters and parameters fit."""
    code = DECAY_MODELS.get(str(table.models[table.model[channel]]), (None, ""))[0]
    if code in (None, PHASE_SPACE):
        return code is not None
    if code == KAON_NEUTRINOS and len(table.parameters_of(channel)):
        code = SEMILEPTONIC
    if code == PARTONIC and not is_partonic(table, channel):
        return current_neutrino(table, channel, mother) >= 0 or _code_of_hadrons(table, channel) >= PHASE_SPACE
    return _fits(table, channel, int(code or 0), mother)


def _code_of_hadrons(table: DecayTable, channel: int) -> int:
    """Kernel of a PYTHIA channel of known particles by its mode number (matrix element of Pythia), -1 for none."""
    parameters, codes = table.parameters_of(channel), [abs(int(table.pdg[d])) for d in _daughters(table, channel)]
    mode = float(parameters[0]) if len(parameters) else 0.0
    if mode == 0:
        return PHASE_SPACE
    leptons = {*_LEPTONS, *_NEUTRINOS}
    if mode in WEAK_MODES and len(codes) > 2 and {codes[0], codes[1]} <= leptons and not {*codes[2:]} & leptons:
        return WEAK
    return -1


def _inclusive(table: DecayTable, channel: int, mother: int) -> tuple[int, Array]:
    """Kernel and payload of an inclusive channel."""
    lepton = max((float(table.mass[d]) for d in _daughters(table, channel) if abs(int(table.pdg[d])) in _LEPTONS),
                 default=0.0)
    return inclusive_payload(str(table.models[table.model[channel]]), table.parameters_of(channel).tolist(),
                             float(table.mass[mother]), lepton)


def _broad_system(table: DecayTable, channel: int) -> bool:
    """True when one daughter of a channel has no fixed mass (the system X of an inclusive decay)."""
    daughters = _daughters(table, channel)
    return int(np.sum(table.mass_high[daughters] > table.mass_low[daughters])) == 1


def _fits(table: DecayTable, channel: int, code: int, mother: int) -> bool:
    """True when daughters and parameters of a channel are those that its kernel needs."""
    codes = [abs(int(table.pdg[d])) for d in _daughters(table, channel)]
    parameters = table.parameters_of(channel)
    if code == PARTONIC:
        return True
    if code == SOFT_PION:
        return fits_soft_pion(int(table.pdg[mother]), [int(table.pdg[d]) for d in _daughters(table, channel)])
    if code == INCLUSIVE:
        return _broad_system(table, channel) and fits_inclusive(
            str(table.models[table.model[channel]]), [int(table.pdg[d]) for d in _daughters(table, channel)],
            parameters.tolist(), float(table.mass[mother]))
    if code == SEMILEPTONIC:
        pair = str(table.models[table.model[channel]]) in NEUTRINO_PAIRS
        return (len(codes) == 3 and sum(c in _LEPTONS for c in codes) == (0 if pair else 1)
                and sum(c in _NEUTRINOS for c in codes) == (2 if pair else 1)
                and (not pair or _opposite(table, channel)) and len(_form_factors(table, channel, mother)) > 0)
    if code == LEPTON_PAIR:
        return (len(codes) == 3 and sum(c in _LEPTONS for c in codes) == 2 and _opposite(table, channel)
                and len(_form_factors(table, channel, mother)) > 0)
    if code == DALITZ:
        return (bool(np.all(np.isfinite(parameters))) and float(table.threshold[channel]) < float(table.mass[mother])
                and knows_dalitz(str(table.models[table.model[channel]]), int(table.pdg[mother]),
                                 tuple(int(table.pdg[d]) for d in _daughters(table, channel)), len(parameters)))
    if code == KAON_NEUTRINOS:
        return len(codes) == 3 and codes[1] == codes[2] and codes[1] in _NEUTRINOS
    if code == LEPTONIC_TAU:
        return (len(codes) == 3 and sum(c in _LEPTONS for c in codes) == 1 and codes.count(16) == 1
                and abs(int(table.pdg[mother])) == 15)
    if code == HADRONIC_TAU:
        model, daughters = str(table.models[table.model[channel]]), np.array(_daughters(table, channel), np.int64)
        return abs(int(table.pdg[mother])) == 15 and fits_tau(table, model, daughters, channel)
    if code == MIXING_PAIR:
        return pair_payload(table, channel) is not None and helicities_of(table, channel, mother) is not None
    if code == FLAVOUR:
        single = str(table.models[table.model[channel]]) == "SSD_CP"
        return flavour_payload(table, channel, mother) is not None and (
            not single or helicities_of(table, channel, mother) is not None)
    if code == PAIR:
        return fits_pair(table, channel, mother)
    return helicities_of(table, channel, mother) is not None


def _opposite(table: DecayTable, channel: int) -> bool:
    """True when the leptons of a channel are a particle and its antiparticle."""
    return sum(c for c in table.pdg[_daughters(table, channel)].tolist() if abs(c) in _LEPTONS + _NEUTRINOS) == 0


def _form_factors(table: DecayTable, channel: int, mother: int) -> Array:
    """Parameters of a semileptonic or rare channel as its kernel takes them, empty when they do not fit."""
    meson = next(d for d in _daughters(table, channel) if abs(int(table.pdg[d])) > 16)
    model, codes = str(table.models[table.model[channel]]), (int(table.pdg[mother]), int(table.pdg[meson]))
    if DECAY_MODELS[model][0] == LEPTON_PAIR:
        found = rare_parameters(model, table.parameters_of(channel), *codes)
    else:
        found = kernel_parameters(model, table.parameters_of(channel), *codes,
                                  (float(table.mass[mother]), float(table.mass[meson])))
    return np.empty(0) if found is None else found


def _with_bounds(table: DecayTable, channel: int, kind: int, mother: int) -> Array:
    """Parameters of a semileptonic channel, and the largest weight at the masses that its meson can have."""
    daughters, parameters = _daughters(table, channel), _form_factors(table, channel, mother)
    lepton = min((d for d in daughters if abs(int(table.pdg[d])) <= 16), key=lambda d: int(abs(table.pdg[d])) % 2 == 0)
    meson = next(d for d in daughters if abs(int(table.pdg[d])) > 16)
    bounds = _bounds(kind, tuple(parameters.tolist()), float(table.mass[mother]), float(table.mass_low[meson]),
                     float(table.mass_high[meson]), float(table.mass[lepton]), heavy_sign(int(table.pdg[mother])))
    return np.concatenate((parameters, bounds))


def _with_envelopes(table: DecayTable, channel: int, mother: int) -> Array:
    """Parameters of a decay to a meson and two charged leptons, and its envelopes at the masses of its meson."""
    daughters, parameters = _daughters(table, channel), _form_factors(table, channel, mother)
    lepton = next(d for d in daughters if abs(int(table.pdg[d])) in _LEPTONS)
    meson = next(d for d in daughters if abs(int(table.pdg[d])) > 16)
    found = envelopes(parameters, float(table.mass[mother]), float(table.mass_low[meson]),
                      float(table.mass_high[meson]), float(table.mass[lepton]))
    return np.concatenate((parameters, found))


@lru_cache(maxsize=1024)
def _bounds(kind: int, parameters: tuple[float, ...], mother: float, low: float, high: float, lepton: float,
            sign: float) -> Array:
    """Largest weight (MASSES,) of a semileptonic decay at equidistant masses of the meson."""
    masses = [low] if low == high else np.linspace(low, high, MASSES).tolist()
    found = [largest_weight(kind, np.array(parameters), mother, m, lepton, sign) for m in masses]
    return np.resize(np.array(found), MASSES)
