"""Decays of particles with spin: angles from the density matrix, amplitudes for the daughters.

Two-body decays take their angles from accept-reject with a closed bound, the largest sum of |H|^2 over the states of
one total helicity.  Other models first make the decay as if unpolarised; an amplitude then turns it as a rigid body
until its weight is accepted.  Semileptonic decays (J. Korner, G. Schuler, Z. Phys. C 46, 93) leave the states of the
meson and of the charged lepton; axes of the lepton are those of its helicity in the frame of the pair.

Amplitudes of leptonic and hadronic tau decays (Y.-S. Tsai, Phys. Rev. D 4 (1971) 2821): tau -> V nu has
H_0 = M / m, H_-1 = sqrt(2); tau -> l nu nubar is a projection on the direction of the antineutrino of the lepton.
V -> l+ l-: helicities +- have 1, ++ have sqrt(2) m / M.  A tau to three pions is a projection on its polarimeter.
V' -> V pi pi in an S wave: e' . e with the polarisation of V seen from V', e + (gamma - 1)(e . n) n, n its direction.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from openbfactory.generate.columns import LINK, MASS, STATUS, TO_DECAY, Array
from openbfactory.generate.pairframe import lepton_axes, meson_axes, pair_frame
from openbfactory.generate.spin import (
    NODES,
    SpinWork,
    axes_from_laboratory,
    close,
    fill_wigner,
    finish,
    identity_back,
    rotate,
    set_axes,
)
from openbfactory.kinematics.phasespace import two_body_momentum

#: kinds of decays with an amplitude
NONE, TWO_BODY, FERMION_PAIR, TAU_VECTOR, MESON_LEPTONS, LEPTONIC, NORMAL, POLARIMETER, TRANSFER, MESON_PAIR = range(10)
#: kinds of decays of neutral mesons in which both flavours interfere; the flavours are the states of the mother
FLAVOUR_PAIR, FLAVOUR_PIONS = 20, 21
#: kind of decays with a soft pion, whose kernel fills the amplitude
PIONIC = 22

class SpinTable(NamedTuple):
    """What the kernels know of the spins of a decay table.

    Attributes
    ----------
    kind : (C,) int32
        How the amplitude of a channel is made.
    states : (S,) int64
        Spin states of each species, 2J + 1.
    wants : (S,) bool
        Species with a decay whose amplitude depends on its polarisation.
    first : (C + 1,) int64
    helicities : complex128
        Helicity amplitudes of two-body channels, row by row.
    """

    kind: Array
    states: Array
    wants: Array
    first: Array
    helicities: Array


@njit(cache=True)
def draw_angles(rng: np.random.Generator, density: Array, states: int, weight: Array, wigner: Array) -> tuple[float,
                                                                                                             float]:
    """Polar cosine and azimuth of the first daughter; ``weight`` (states,) is the rate of each total helicity."""
    bound = 0.0
    for k in range(states):
        bound = max(bound, weight[k])
    while True:
        cosine, phi = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
        fill_wigner(states - 1, cosine, wigner)
        value = 0.0
        for m in range(states):
            for q in range(m + 1):
                r = density[m, q]
                if r == 0.0:
                    continue
                term = r.real
                if q < m:
                    turn = phi * (q - m)
                    term = 2.0 * (r.real * math.cos(turn) - r.imag * math.sin(turn))
                for k in range(states):
                    if weight[k] > 0.0:
                        value += term * wigner[m, k] * wigner[q, k] * weight[k]
        if rng.random() * bound <= value:
            return cosine, phi


@njit(cache=True, inline="always")
def two_body(rng: np.random.Generator, spin: SpinWork, table: Array, d1: int, d2: int, polarised: bool, passed: bool,
             mass: float, masses: Array, momenta: Array) -> None:
    """Fill the momenta and the node of a two-body decay with helicity amplitudes ``table`` (d1 * d2,).

    When the spin is not ``passed`` to anybody, only the momenta are filled.
    """
    n = spin.top[0]
    states = spin.dims[n, 0]
    wigner, weight = np.empty((5, 5)), np.zeros(5)
    base = (states - d1 + d2 - 1) // 2
    for a in range(d1):
        for b in range(d2):
            h = table[a * d2 + b]
            if h != 0.0:
                weight[base + a - b] += h.real * h.real + h.imag * h.imag
    if polarised and states > 1:
        cosine, phi = draw_angles(rng, spin.density[n], states, weight, wigner)
    else:
        cosine, phi = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
        if passed:
            fill_wigner(states - 1, cosine, wigner)
    for m in range(states if passed else 0):
        turn = phi * (0.5 * (states - 1) - m)
        phase = complex(math.cos(turn), math.sin(turn))
        for a in range(d1):
            for b in range(d2):
                h = table[a * d2 + b]
                spin.amplitude[n, m, a, b] = phase * wigner[m, base + a - b] * h if h != 0.0 else 0.0
    p, sine = two_body_momentum(mass, masses[0], masses[1]), math.sqrt(max(1.0 - cosine * cosine, 0.0))
    x, y, z = p * sine * math.cos(phi), p * sine * math.sin(phi), p * cosine
    momenta[0, 0] = math.sqrt(p * p + masses[0] * masses[0])
    momenta[0, 1], momenta[0, 2], momenta[0, 3] = x, y, z
    momenta[1, 0] = mass - momenta[0, 0]
    momenta[1, 1], momenta[1, 2], momenta[1, 3] = -x, -y, -z
    rotate(spin.rotation[n], 2, momenta)
    for slot in range(2 if passed else 0):
        spin.position[n, slot], spin.dims[n, slot + 1] = slot, d1 if slot == 0 else d2
        set_axes(spin.rotation[n], slot == 0, cosine, phi, spin.axes[n, slot])


@njit(cache=True)
def pair_table(mass: float, lepton: float, out: Array) -> None:
    """Fill the helicity amplitudes of V -> l+ l-, in the axes of the second lepton turned by pi about y."""
    flip = math.sqrt(2.0) * lepton / mass
    out[0], out[1], out[2], out[3] = flip, -1.0, 1.0, -flip


@njit(cache=True)
def tau_vector_table(mass: float, vector: float, first: bool, negative: bool, out: Array) -> None:
    """Fill the helicity amplitudes of tau -> V nu; ``first``: the vector is the first daughter."""
    out[:6] = 0.0
    neutrino = 1 if negative else 0
    side = 2 if negative else 0
    out[2 + neutrino if first else 3 * neutrino + 1] = mass / vector
    sign = 1.0 if first else -1.0
    out[2 * side + neutrino if first else 3 * neutrino + side] = sign * math.sqrt(2.0)


@njit(cache=True)
def meson_leptons(spin: SpinWork, meson: int, lepton: int, neutrino: int, h: Array, negative: bool, flip: bool,
                  states: int, masses: Array, momenta: Array) -> None:
    """Fill the node of a decay of a scalar to a meson (2J + 1 ``states``) and two leptons.

    ``h`` holds H_+, H_-, H_0, H_t; ``negative``: the charged lepton is negative; ``flip``: the amplitudes are those of
    the conjugate decay.
    """
    n = spin.top[0]
    e, k, axes = momenta[lepton], momenta[neutrino], np.empty((3, 3))
    cosine, q = pair_frame(e, k, axes)
    if q <= 0.0:
        return
    meson_axes(axes, spin.axes[n, 0])
    lepton_axes(axes, cosine, q, e, k, masses[lepton], False, spin.axes[n, 1])
    spin.position[n, 0], spin.position[n, 1] = meson, lepton
    spin.dims[n, 1], spin.dims[n, 2] = states, 2
    _meson_lepton_amplitude(spin.amplitude[n, 0], h, cosine, masses[lepton] / (math.sqrt(2.0) * q), negative, flip,
                            states)


@njit(cache=True)
def _meson_lepton_amplitude(out: Array, h: Array, cosine: float, chirality: float, negative: bool, flip: bool,
                            states: int) -> None:
    """Fill the amplitude of meson and lepton states; ``chirality`` is m_l / sqrt(2 q2)."""
    wigner = np.empty((5, 5))
    fill_wigner(2, cosine, wigner)
    middle = (states - 1) // 2
    left = negative != flip
    out[:states, :2] = 0.0
    for helicity in range(-1, 2):
        if abs(helicity) > middle:
            continue
        value = h[0] if helicity == 1 else (h[1] if helicity == -1 else h[2])
        row = 1 - helicity
        same = value * wigner[row, 2 if left else 0]
        turned = value * wigner[row, 1] - (h[3] if helicity == 0 else 0.0)
        place, state = middle - helicity, 1 if left else 0
        if flip:
            # d^1 with both signs of its indices turned
            place, state = middle + helicity, 1 - state
            if helicity == 0:
                same = -same
            else:
                turned = -turned
        out[place, state] = same
        out[place, 1 - state] = chirality * turned


@njit(cache=True)
def oriented(rng: np.random.Generator, spin: SpinWork, count: int, momenta: Array, first: int, second: int) -> None:
    """Turn a decay as a rigid body until its one amplitude, e_m . n or a spinor along n, is accepted.

    n is the direction of ``momenta[first]``, or of its vector product with ``momenta[second]`` when that is not
    negative.  The mother has 2 or 3 states; for two states ``second`` = -2 means the projection on -n.
    """
    node = spin.top[0]
    states, rho = spin.dims[node, 0], spin.density[node]
    amplitude = spin.amplitude[node, :, 0, 0]
    turn, n = np.empty((3, 3)), np.empty(3)
    while True:
        p = momenta[first]
        if second >= 0:
            k = momenta[second]
            n[0], n[1], n[2] = p[2] * k[3] - p[3] * k[2], p[3] * k[1] - p[1] * k[3], p[1] * k[2] - p[2] * k[1]
        else:
            n[0], n[1], n[2] = p[1], p[2], p[3]
        size = math.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
        n /= size if size > 0.0 else 1.0
        if states == 3:
            amplitude[0], amplitude[1] = complex(-n[0], -n[1]) / math.sqrt(2.0), n[2]
            amplitude[2] = complex(n[0], -n[1]) / math.sqrt(2.0)
        else:
            sign = -1.0 if second == -2 else 1.0
            c, s = math.sqrt(max(0.5 * (1.0 + sign * n[2]), 0.0)), math.sqrt(max(0.5 * (1.0 - sign * n[2]), 0.0))
            t = math.sqrt(n[0] * n[0] + n[1] * n[1])
            phase = complex(sign * n[0] / t, -sign * n[1] / t) if t > 0.0 else complex(1.0, 0.0)
            amplitude[0], amplitude[1] = c, s * phase
        value = 0.0
        for m in range(states):
            for q in range(states):
                value += (rho[m, q] * amplitude[m] * np.conj(amplitude[q])).real
        if rng.random() <= value:
            rotate(spin.rotation[node], count, momenta)
            return
        random_rotation(rng, turn)
        rotate(turn, count, momenta)


@njit(cache=True)
def transfer(rng: np.random.Generator, spin: SpinWork, polarised: bool, count: int, momenta: Array,
             mass: float) -> None:
    """Turn V' -> V pi pi as a rigid body and fill its node: V (daughter 0, of the given mass) keeps the polarisation.

    Axes of V are those of its mother; A[m, a] = e_m . (e_a + (gamma - 1)(e_a . n) n)*.
    """
    node = spin.top[0]
    rho, amplitude = spin.density[node], spin.amplitude[node]
    turn, along = np.empty((3, 3)), np.empty(3, np.complex128)
    p = momenta[0]
    gamma = p[0] / mass
    size = math.sqrt(max(p[0] * p[0] - mass * mass, 1e-300))
    while True:
        x, y, z = p[1] / size, p[2] / size, p[3] / size
        along[0], along[1], along[2] = complex(-x, -y) / math.sqrt(2.0), z, complex(x, -y) / math.sqrt(2.0)
        value = 1.0
        for m in range(3 if polarised else 0):
            for q in range(3):
                value += (gamma * gamma - 1.0) * (rho[m, q] * along[m] * np.conj(along[q])).real
        if not polarised or rng.random() * gamma * gamma <= value:
            break
        random_rotation(rng, turn)
        rotate(turn, count, momenta)
    for m in range(3):
        for a in range(3):
            amplitude[m, a, 0] = (1.0 if m == a else 0.0) + (gamma - 1.0) * along[m] * np.conj(along[a])
    spin.axes[node, 0] = spin.rotation[node]
    spin.position[node, 0], spin.dims[node, 1] = 0, 3
    rotate(spin.rotation[node], count, momenta)


@njit(cache=True)
def random_rotation(rng: np.random.Generator, out: Array) -> None:
    """Fill a rotation drawn uniformly."""
    z, phi, psi = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random(), 2.0 * math.pi * rng.random()
    s, c1, s1, c2, s2 = math.sqrt(1.0 - z * z), math.cos(phi), math.sin(phi), math.cos(psi), math.sin(psi)
    out[0, 0], out[0, 1], out[0, 2] = c1 * z * c2 - s1 * s2, -c1 * z * s2 - s1 * c2, c1 * s
    out[1, 0], out[1, 1], out[1, 2] = s1 * z * c2 + c1 * s2, -s1 * z * s2 + c1 * c2, s1 * s
    out[2, 0], out[2, 1], out[2, 2] = -s * c2, s * s2, z


@njit(cache=True, inline="always")
def follow(spin: SpinWork, floats: Array, ints: Array, row: int, first: int, daughters: Array, momenta: Array,
           masses: Array, held: SpinTable) -> None:
    """Link the daughters of the node just made, whose records begin at ``first``; close it when none waits."""
    n = spin.top[0]
    identity_back(spin, n)
    waiting = 0
    for slot in range(2):
        i = spin.position[n, slot]
        if i < 0 or spin.dims[n, slot + 1] == 1 or ints[first + i, STATUS] != TO_DECAY:
            continue
        if not held.wants[daughters[i]] or n + 1 >= NODES:
            continue
        axes_from_laboratory(floats[row], floats[row, MASS], momenta[i], masses[i], floats[first + i],
                             spin.axes[n, slot])
        ints[first + i, LINK] = 2 * n + slot
        waiting += 1
    spin.left[n] = waiting
    if waiting > 0:
        spin.top[0] = n + 1
        return
    link = spin.parent[n]
    if link >= 0:
        finish(spin, n)
        close(spin, link)
    else:
        spin.top[0] = n
