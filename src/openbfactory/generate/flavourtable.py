"""Channels of neutral mesons in which both flavours interfere, and pairs that mix: what the kernels need to know.

Models, their parameters, and the amplitudes A of B0 and Abar of anti-B0 (all times q/p; phases in rad, mass differences
in 1/s):

* VSS_BMIX: dm, and where they are given dGamma / Gamma, |q/p|, its phase; z from the 13th on.  Parameters 5 to 12 are
  those of doubly suppressed tags: a channel that has other than 1, 0, 0, 0 there is not known.
* SSD_CP: dm, dGamma / Gamma, |q/p| and its phase, A, Abar (magnitude and phase each); with 12 or 14 parameters the
  amplitudes of the conjugate final state, and the real and imaginary part of z.  With 8, a final state that is not its
  own conjugate has A(fbar) = conj(Abar(f)), Abar(fbar) = conj(A(f)).
* SVV_CP: weak phase beta, dm, eta, and G1+, G0+, G1- (magnitude and phase): H+- = (G1+ +- G1-) / sqrt(2), H0 = G0+ /
  sqrt(2); q/p Abar = eta exp(-2 i beta) A for the first two, the opposite for G1-.
* BTO3PI_CP: dm and alpha; :mod:`openbfactory.physics.rhopi`.
"""

from __future__ import annotations

import cmath
import math
from functools import lru_cache
from typing import Final

import numpy as np

from openbfactory.core.units import speed_of_light
from openbfactory.generate.columns import Array
from openbfactory.generate.dalitz import HEAD, PAYLOAD, prepared_dalitz
from openbfactory.generate.flavour import EVOLUTION
from openbfactory.generate.helicity import helicity_table
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.rhopi import rhopi_matrix

#: models in which both flavours interfere, with their numbers of parameters
FLAVOUR_MODELS: Final = {"SSD_CP": (8, 12, 14), "SVV_CP": (9,), "BTO3PI_CP": (2,)}
#: codes of the mesons that have such decays
_MIXING: Final = (511, 531)


def _evolution(dm: float, rest: tuple[float, ...] = (0.0, 1.0, 0.0, 0.0)) -> list[float]:
    """Evolution of a meson from its mass difference [1/s] and (dGamma / Gamma, |q/p|, Re z, Im z)."""
    return [dm * 1e-9 / speed_of_light, *rest]


def _sane(evolution: list[float]) -> bool:
    """True for an evolution that a meson can have."""
    return all(math.isfinite(v) for v in evolution) and abs(evolution[1]) < 2.0 and evolution[2] > 0.0


def _matrix(amplitudes: Array) -> list[float]:
    """(M00, Re M01, Im M01) of amplitudes (flavours, final states), of trace 1."""
    m = amplitudes @ np.conj(amplitudes.T)
    size = float(np.trace(m).real)
    if size == 0.0:
        return [0.5, 0.0, 0.0]
    m = m / size
    return [float(m[0, 0].real), float(m[0, 1].real), float(m[0, 1].imag)]


def _daughters(table: DecayTable, channel: int) -> list[int]:
    """Species indices of the daughters of a channel."""
    return table.daughters[table.daughter_first[channel]:table.daughter_first[channel + 1]].tolist()


def _codes(table: DecayTable, channel: int) -> tuple[int, ...]:
    """Codes of the daughters of a channel."""
    return tuple(int(table.pdg[d]) for d in _daughters(table, channel))


def flavour_payload(table: DecayTable, channel: int, mother: int) -> Array | None:
    """Payload of a channel in which both flavours interfere, None when parameters or particles do not fit."""
    model, values = str(table.models[table.model[channel]]), table.parameters_of(channel)
    if (len(values) not in FLAVOUR_MODELS[model] or not np.all(np.isfinite(values))
            or abs(int(table.pdg[mother])) not in _MIXING or table.ctau[mother] <= 0.0):
        return None
    found: list[float] | None
    if model == "SSD_CP":
        found = _scalar_payload(table, channel, values.tolist())
    elif model == "SVV_CP":
        amplitudes = vector_amplitudes(table, channel, mother)
        if amplitudes is None:
            return None
        found = [*_evolution(values[1]), 0.0, *_matrix(amplitudes.reshape(2, -1)), *([0.0] * 3)]
    else:
        found = _pions_payload(table, channel, mother)
    return None if found is None or not _sane(found[:EVOLUTION]) else np.array(found)


def _scalar_payload(table: DecayTable, channel: int, values: list[float]) -> list[float] | None:
    """Payload of SSD_CP."""
    daughters = _daughters(table, channel)
    conjugates = [int(table.conjugate[d]) for d in daughters]
    if len(daughters) != 2 or values[2] <= 0.0:
        return None
    turn = cmath.exp(1j * values[3])
    a, abar = cmath.rect(values[4], values[5]), cmath.rect(values[6], values[7])
    own = len(values) == 8 and sorted(conjugates) == sorted(daughters)
    other = (abar.conjugate(), a.conjugate())
    if len(values) > 8:
        other = (cmath.rect(values[8], values[9]), cmath.rect(values[10], values[11]))
    z = (values[12], values[13]) if len(values) == 14 else (0.0, 0.0)
    plain, turned = np.array([[a], [turn * abar]]), np.array([[other[0]], [turn * other[1]]])
    sizes = float(np.sum(np.abs(plain) ** 2)), 0.0 if own else float(np.sum(np.abs(turned) ** 2))
    if sum(sizes) == 0.0:
        return None
    evolution = _evolution(values[0], (values[1], values[2], *z))
    return [*evolution, sizes[1] / sum(sizes), *_matrix(plain), *_matrix(turned)]


def vector_amplitudes(table: DecayTable, channel: int, mother: int) -> Array | None:
    """Helicity amplitudes (2, 3, 3) of an SVV_CP channel, flavour first; None when it does not fit."""
    values, daughters = table.parameters_of(channel).tolist(), _daughters(table, channel)
    if len(daughters) != 2 or len(values) != 9:
        return None
    spins = (int(table.spin2[mother]), int(table.spin2[daughters[0]]), int(table.spin2[daughters[1]]))
    codes = (int(table.pdg[mother]), int(table.pdg[daughters[0]]), int(table.pdg[daughters[1]]))
    one, zero, odd = (cmath.rect(values[k], values[k + 1]) for k in (3, 5, 7))
    mixing, made = values[2] * cmath.exp(-2j * values[0]), []
    for even, parity in ((1.0, 1.0), (mixing, -mixing)):
        h = [even * one + parity * odd, even * zero, even * one - parity * odd]
        polar = [x for value in h for x in cmath.polar(value)]
        found = helicity_table("SVV_HELAMP", spins, codes, polar)
        if found is None:
            return None
        made.append(found * math.sqrt(sum(abs(value) ** 2 for value in h)))
    amplitudes = np.array(made)
    return np.asarray(amplitudes / math.sqrt(float(np.sum(np.abs(amplitudes) ** 2))))


def _pions_payload(table: DecayTable, channel: int, mother: int) -> list[float] | None:
    """Payload of BTO3PI_CP; behind it stands what :func:`openbfactory.generate.dalitz.dalitz` needs."""
    codes, values = _codes(table, channel), tuple(table.parameters_of(channel).tolist())
    if sorted(codes) != [-211, 111, 211] or abs(int(table.pdg[mother])) != 511:
        return None
    masses = tuple(float(table.mass[d]) for d in _daughters(table, channel))
    own = prepared_dalitz("BTO3PI_CP", int(table.pdg[mother]), codes, values, (float(table.mass[mother]),), masses)
    ordered = tuple(masses[int(k)] for k in own[:HEAD - 2])
    matrix = _pions_matrix(tuple(own[PAYLOAD:].tolist()), float(table.mass[mother]), ordered)
    return [*_evolution(values[0]), 0.0, *matrix, *([0.0] * 3), *own.tolist()]


@lru_cache(maxsize=8)
def _pions_matrix(terms: tuple[float, ...], mother: float, m: tuple[float, ...]) -> list[float]:
    """(M00, Re M01, Im M01) of the whole Dalitz plot."""
    first, mixed = rhopi_matrix(np.array(terms), mother, np.array(m))
    return [first, mixed.real, mixed.imag]


def pair_payload(table: DecayTable, channel: int) -> Array | None:
    """Payload of a pair that mixes, None when parameters or particles do not fit."""
    values, daughters, codes = table.parameters_of(channel).tolist(), _daughters(table, channel), _codes(table, channel)
    if len(values) not in (1, 2, 3, 4, 8, 12, 14) or not all(math.isfinite(v) for v in values):
        return None
    if len(codes) not in (2, 4) or codes[0] != -codes[1] or codes[2:] not in ((), codes[:2]) or codes[0] == 0:
        return None
    amplitudes = values[4:12]
    if amplitudes and not (amplitudes[0] == 1.0 and amplitudes[2] == 0.0 and _tags(amplitudes[4:])):
        return None
    rest = (values[1:2] or [0.0]) + (values[2:3] or [1.0]) + (values[12:] or [0.0, 0.0])
    evolution = _evolution(values[0], tuple(rest))
    if len(values) == 1:
        evolution = _fuller(table, daughters, evolution)
    return np.array(evolution) if _sane(evolution) and table.ctau[daughters[0]] > 0.0 else None


def _tags(amplitudes: list[float]) -> bool:
    """True when amplitudes of the conjugate tag are absent or those of a pure flavour."""
    return not amplitudes or (amplitudes[0] == 0.0 and amplitudes[2] == 1.0)


def _fuller(table: DecayTable, daughters: list[int], evolution: list[float]) -> list[float]:
    """Evolution of the first SSD_CP channel of the mesons that has more than a mass difference."""
    for s in dict.fromkeys(daughters):
        for c in range(int(table.channel_first[s]), int(table.channel_first[s + 1])):
            if str(table.models[table.model[c]]) == "SSD_CP":
                payload = flavour_payload(table, c, s)
                if payload is not None and payload[1:EVOLUTION].tolist() != [0.0, 1.0, 0.0, 0.0]:
                    return [evolution[0], *payload[1:EVOLUTION].tolist()]
    return evolution


