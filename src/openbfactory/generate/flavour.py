"""Neutral mesons that mix: the coherent pair, the meson alone, and decays in which both flavours interfere.

Method: the flavour of a meson is a two-state system, (B0, anti-B0) = (0, 1).  A channel has an amplitude from each,
a = (A, (q/p)/|q/p| Abar), and the decay matrix M = sum a a^+ over its final states, of trace 1; a channel that tells
the flavour has one entry on the diagonal.  With U(t)[i, f] the amplitude to be f at proper time t when made as i (PDG
2024, review "CP violation in the quark sector"; CPT violation z as there)::

    U = [[g+ + z g-, sqrt(1 - z^2) |q/p| g-], [sqrt(1 - z^2) |p/q| g-, g+ - z g-]],
    g+- = (exp(i dm t / 2 - dGamma t / 4) +- exp(-i dm t / 2 + dGamma t / 4)) / 2,

the antisymmetric pair decays at t1, t2 to channels 1, 2 with the rate exp(-Gamma (t1 + t2)) sum K[a, b] conj(K[p, q])
M1[a, p] M2[b, q], where K[a, b] = sum_i U(t1 - t2)[i, a] eps[i, b].  Times, flavours and channels of both mesons are
drawn together from it by acceptance and rejection; each flavour has the branching fractions of its own Decay block.  A
meson alone has the rate exp(-Gamma t) sum U[i, a] conj(U[i, p]) M[a, p].  Where the final states of a channel
interfere (three helicities, a Dalitz plot), the pair becomes a node of the spin machinery with the two flavours as
states, so that the angles on both sides are correlated as they must be.

Approximation: a pair evolves with one set of parameters, those of its own channel, or, where that gives the mass
difference alone, those of the first channel of its mesons that gives more.  A meson that something else than an
Upsilon(4S) made mixes with the mass difference ``dm_incohMix_NAME`` of the decay file, without a difference of widths;
its antiparticle is then its one daughter.  One given from outside without a mother keeps its flavour, but for its CP
channels.  Two mesons from anything but a VSS_BMIX channel are not coherent.
"""

from __future__ import annotations

import cmath
import math

import numpy as np
from numba import njit

from openbfactory.generate.channels import choose_channel
from openbfactory.generate.columns import CHOSEN, LINK, NOT_CHOSEN, STATUS, TO_DECAY, UNDECAYED, Array, TableArrays
from openbfactory.generate.polarised import FLAVOUR_PAIR, FLAVOUR_PIONS, SpinTable
from openbfactory.generate.spin import NODES, SpinWork, close, finish, identity_back, rotate, set_axes
from openbfactory.kinematics.phasespace import two_body_momentum

#: number of the models in which both flavours interfere
FLAVOUR = 30
#: draws of the times and decays of a pair, or of a meson, before they are taken as impossible
TRIES = 20_000
#: evolution in a payload: mass difference [1/cm], dGamma / Gamma, |q/p|, real and imaginary part of z
EVOLUTION = 5
#: payload of a channel: evolution, share of the conjugate final state, (M00, Re M01, Im M01) of both, own numbers
CONJUGATE, MATRIX, CONJUGATE_MATRIX, OWN = EVOLUTION, EVOLUTION + 1, EVOLUTION + 4, EVOLUTION + 7


@njit(cache=True)
def evolve(e: Array, ctau: float, time: float, out: Array) -> None:
    """Fill ``out`` with U(time) exp(-|dGamma time| / 4); times are proper lengths [cm], ``e`` is an evolution."""
    slow = 0.25 * e[1] / ctau * time
    turn = 0.5 * e[0] * time
    if slow == 0.0 and e[3] == 0.0 and e[4] == 0.0:
        cosine, sine = math.cos(turn), math.sin(turn)
        out[0, 0] = out[1, 1] = cosine
        out[0, 1], out[1, 0] = complex(0.0, e[2] * sine), complex(0.0, sine / e[2])
        return
    light = cmath.exp(complex(-slow - abs(slow), turn))
    heavy = cmath.exp(complex(slow - abs(slow), -turn))
    plus, minus = 0.5 * (light + heavy), 0.5 * (light - heavy)
    z = complex(e[3], e[4])
    root = cmath.sqrt(1.0 - z * z)
    out[0, 0], out[0, 1] = plus + z * minus, root * e[2] * minus
    out[1, 0], out[1, 1] = root / e[2] * minus, plus - z * minus


@njit(cache=True)
def largest_rate(e: Array) -> float:
    """Bound of the squared norm of what :func:`evolve` fills."""
    ratio = max(e[2], 1.0 / e[2])
    z = complex(e[3], e[4])
    if z == 0.0:
        return ratio * ratio
    return (1.0 + abs(z) + abs(cmath.sqrt(1.0 - z * z)) * ratio) ** 2


@njit(cache=True)
def decay_matrix(table: TableArrays, channel: int, conjugate: bool, flavour: int, out: Array) -> None:
    """Fill the decay matrix (2, 2) of a channel of a meson that the decay file lists under ``flavour``."""
    out[:] = 0.0
    if channel < 0 or table.code[channel] != FLAVOUR:
        out[flavour, flavour] = 1.0
        return
    k = table.parameter_first[channel] + (CONJUGATE_MATRIX if conjugate else MATRIX)
    out[0, 0], out[1, 1] = table.parameters[k], 1.0 - table.parameters[k]
    out[0, 1] = complex(table.parameters[k + 1], table.parameters[k + 2])
    out[1, 0] = np.conj(out[0, 1])


@njit(cache=True)
def draw_channel(rng: np.random.Generator, species: int, mass: float, table: TableArrays) -> int:
    """Decay of a meson as :data:`CHOSEN` holds it."""
    channel, conjugate = -1, False
    if not table.stable[species]:
        channel = choose_channel(rng, species, mass, table.channel_first, table.cumulative, table.threshold,
                                 table.fraction)
    if channel < 0:
        return NOT_CHOSEN
    if table.code[channel] == FLAVOUR:
        conjugate = rng.random() < table.parameters[table.parameter_first[channel] + CONJUGATE]
    return 2 * channel + (1 if conjugate else 0)


@njit(cache=True)
def pair_rate(table: TableArrays, chosen: Array, flavours: Array, amplitude: Array, matrices: Array) -> float:
    """Rate of a pair with the amplitude K to its chosen decays; fills their decay matrices."""
    mixed = False
    for slot in range(2):
        channel = chosen[slot] >> 1 if chosen[slot] >= 0 else -1
        mixed = mixed or (channel >= 0 and table.code[channel] == FLAVOUR)
    if not mixed:
        k = amplitude[flavours[0], flavours[1]]
        return k.real * k.real + k.imag * k.imag
    for slot in range(2):
        channel = chosen[slot] >> 1 if chosen[slot] >= 0 else -1
        decay_matrix(table, channel, chosen[slot] & 1 == 1, flavours[slot], matrices[slot])
    rate = 0.0
    for a in range(2):
        for b in range(2):
            for p in range(2):
                for q in range(2):
                    weight = matrices[0, a, p] * matrices[1, b, q]
                    rate += (amplitude[a, b] * np.conj(amplitude[p, q]) * weight).real
    return rate


@njit(cache=True)
def draw_pair(rng: np.random.Generator, table: TableArrays, channel: int, masses: Array, daughters: Array, ctau: Array,
              chosen: Array, amplitude: Array, matrices: Array) -> None:
    """Fill species, proper decay lengths and decays of a coherent pair of mesons.

    ``amplitude`` (2, 2) becomes K, ``matrices`` (2, 2, 2) the decay matrices where flavours interfere.  Two species are
    the flavours that both mesons can have; of four, the first two are for the first meson.  A pair whose decays never
    happen together stays undecayed.
    """
    first, count = table.daughter_first[channel], table.daughter_first[channel + 1] - table.daughter_first[channel]
    e = table.parameters[table.parameter_first[channel]:table.parameter_first[channel] + EVOLUTION]
    u = np.empty((2, 2), np.complex128)
    bound, flavours = largest_rate(e), np.empty(2, np.int64)
    for _ in range(TRIES):
        for slot in range(2):
            k = first + (2 if slot == 1 and count == 4 else 0) + (1 if rng.random() < 0.5 else 0)
            s = table.daughters[k]
            daughters[slot] = s
            flavours[slot] = 0 if table.pdg[s] > 0 else 1
            ctau[slot] = table.ctau[s] / (1.0 - 0.5 * abs(e[1])) * rng.standard_exponential()
            chosen[slot] = draw_channel(rng, s, masses[slot], table)
        life, difference = table.ctau[daughters[0]], ctau[0] - ctau[1]
        evolve(e, life, difference, u)
        for a in range(2):
            amplitude[a, 0], amplitude[a, 1] = -u[1, a], u[0, a]
        rate = pair_rate(table, chosen, flavours, amplitude, matrices)
        if e[1] != 0.0:
            rate *= math.exp(-0.5 * abs(e[1]) / life * (ctau[0] + ctau[1] - abs(difference)))
        if rng.random() * bound < rate:
            return
    chosen[0] = chosen[1] = UNDECAYED


@njit(cache=True)
def fill_density(e: Array, ctau: float, time: float, made: int, out: Array) -> None:
    """Fill the flavour density (2, 2) of a meson made alone with a flavour, at its proper time [cm]."""
    u = np.empty((2, 2), np.complex128)
    evolve(e, ctau, time, u)
    for a in range(2):
        for p in range(2):
            out[a, p] = u[made, a] * np.conj(u[made, p])


@njit(cache=True)
def density_at(table: TableArrays, channel: int, species: int, time: float, out: Array) -> None:
    """Fill the flavour density (2, 2) of a meson made alone when it decays to a channel in which flavours interfere."""
    e = table.parameters[table.parameter_first[channel]:table.parameter_first[channel] + EVOLUTION]
    fill_density(e, table.ctau[species], time, 0 if table.pdg[species] > 0 else 1, out)


@njit(cache=True)
def draw_alone(rng: np.random.Generator, table: TableArrays, channel: int, species: int) -> tuple[float, bool]:
    """Proper decay length of a meson made with its flavour, and whether it decays to the conjugate final state.

    The channel is one in which both flavours interfere.
    """
    first = table.parameter_first[channel]
    e = table.parameters[first:first + EVOLUTION]
    density, matrix = np.empty((2, 2), np.complex128), np.empty((2, 2), np.complex128)
    made, life, bound = (0 if table.pdg[species] > 0 else 1), table.ctau[species], largest_rate(e)
    for _ in range(TRIES):
        time = life / (1.0 - 0.5 * abs(e[1])) * rng.standard_exponential()
        conjugate = rng.random() < table.parameters[first + CONJUGATE]
        fill_density(e, life, time, made, density)
        decay_matrix(table, channel, conjugate, made, matrix)
        if rng.random() * bound < overlap(density, matrix):
            break
    return time, conjugate


@njit(cache=True)
def overlap(density: Array, matrix: Array) -> float:
    """Rate of a flavour density to a decay matrix."""
    return ((density[0, 0] * matrix[0, 0] + density[1, 1] * matrix[1, 1]).real
            + (density[0, 1] * matrix[0, 1] + density[1, 0] * matrix[1, 0]).real)


@njit(cache=True)
def mix_alone(rng: np.random.Generator, table: TableArrays, species: int, mass: float) -> tuple[float, int, int]:
    """Proper decay length of a meson made alone, its species at the decay, and the decay as :data:`CHOSEN` holds it.

    A meson that decays to a channel in which flavours interfere keeps its species.
    """
    e = np.array([table.mixing[species], 0.0, 1.0, 0.0, 0.0])
    density, matrix = np.empty((2, 2), np.complex128), np.empty((2, 2), np.complex128)
    made = 0 if table.pdg[species] > 0 else 1
    while True:
        turned = rng.random() < 0.5
        other = table.conjugate[species] if turned else species
        chosen = draw_channel(rng, other, mass, table)
        decay_matrix(table, chosen >> 1, chosen & 1 == 1, 1 - made if turned else made, matrix)
        time = table.ctau[species] * rng.standard_exponential()
        fill_density(e, table.ctau[species], time, made, density)
        if rng.random() <= overlap(density, matrix):
            if chosen >= 0 and table.code[chosen >> 1] == FLAVOUR:
                other = species
            return time, other, chosen


@njit(cache=True)
def interferes(held: SpinTable, chosen: int) -> bool:
    """True when the final states of a chosen decay depend on the flavours."""
    if chosen < 0:
        return False
    kind = held.kind[chosen >> 1]
    return kind in (FLAVOUR_PAIR, FLAVOUR_PIONS)


@njit(cache=True)
def entangle(spin: SpinWork, amplitude: Array, matrices: Array) -> None:
    """Give the two mesons of the node just made their flavours as states, and the decay matrices of their channels."""
    n = spin.top[0]
    for m in range(spin.dims[n, 0]):
        common = spin.amplitude[n, m, 0, 0]
        for a in range(2):
            for b in range(2):
                spin.amplitude[n, m, a, b] = common * amplitude[a, b]
    spin.dims[n, 1] = spin.dims[n, 2] = 2
    for slot in range(2):
        spin.back[n, slot, :2, :2] = matrices[slot]


@njit(cache=True)
def follow_pair(spin: SpinWork, ints: Array, row: int, first: int, held: SpinTable) -> None:
    """Link the mesons of the node just made, whose records begin at ``first``, where their decays interfere."""
    n, waiting = spin.top[0], 0
    for slot in range(2):
        if spin.dims[n, slot + 1] == 2 and n + 1 < NODES and ints[first + slot, STATUS] == TO_DECAY \
                and interferes(held, ints[first + slot, CHOSEN]):
            ints[first + slot, LINK] = 2 * n + slot
            waiting += 1
    spin.left[n] = waiting
    if waiting > 0:
        spin.top[0] = n + 1
        return
    identity_back(spin, n)
    finish(spin, n)
    close(spin, ints[row, LINK])


@njit(cache=True)
def flavour_pair(rng: np.random.Generator, spin: SpinWork, table: Array, d1: int, d2: int, mass: float, masses: Array,
                 momenta: Array) -> None:
    """Fill the momenta and the node of a scalar's decay to two mesons with ``table`` (2, d1, d2), flavour first."""
    n = spin.top[0]
    cosine, phi = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
    for m in range(2):
        for a in range(d1):
            for b in range(d2):
                spin.amplitude[n, m, a, b] = table[(m * d1 + a) * d2 + b]
    p, sine = two_body_momentum(mass, masses[0], masses[1]), math.sqrt(max(1.0 - cosine * cosine, 0.0))
    x, y, z = p * sine * math.cos(phi), p * sine * math.sin(phi), p * cosine
    momenta[0, 0] = math.sqrt(p * p + masses[0] * masses[0])
    momenta[0, 1], momenta[0, 2], momenta[0, 3] = x, y, z
    momenta[1, 0] = mass - momenta[0, 0]
    momenta[1, 1], momenta[1, 2], momenta[1, 3] = -x, -y, -z
    rotate(spin.rotation[n], 2, momenta)
    for slot in range(2):
        spin.position[n, slot], spin.dims[n, slot + 1] = slot, d1 if slot == 0 else d2
        set_axes(spin.rotation[n], slot == 0, cosine, phi, spin.axes[n, slot])
