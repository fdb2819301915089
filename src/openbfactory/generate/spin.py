"""Spin of the decaying particles: density matrices down the tree, decay matrices back up.

Method: I. Knowles, Nucl. Phys. B 310 (1988) 571; J. Collins, Nucl. Phys. B 304 (1988) 794; P. Richardson,
hep-ph/0110108 (the scheme of EvtGen, D. Lange, Nucl. Instrum. Meth. A 462 (2001) 152).  A decay has the amplitude
A[m, a, b] of the spin states of the mother and of at most two daughters; further states are summed before.  Its
kinematics follow sum rho[m, m'] A[m, a, b] conj(A[m', a, b]).  The daughters then decay one after the other, each from
the density matrix that the mother's density and the decay matrices of the daughters before it leave.  This is exact for
a whole tree, whatever its depth, as long as every decay on the way has an amplitude; a decay by phase space ends the
chain there with the identity as decay matrix.

States are helicity states, from +s down to -s.  The axes of a particle are kept as a rotation relative to its rest
frame, reached from the laboratory by one pure boost.

Validity: spins up to 2; photons are spin-1 particles whose amplitudes with helicity 0 are zero.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array
from openbfactory.kinematics.fourvector import boost_from_rest, boost_to_rest

#: open decays that can wait for their daughters; deeper ones are taken as unpolarised
NODES: Final = 64
#: spin states of one particle, at most
STATES: Final = 5
#: links of records: no spin information, or the density given for the primaries
UNPOLARISED, PRIMARY = -1, -2


class SpinWork(NamedTuple):
    """Decays whose daughters are still to decay, as a stack of nodes.

    Attributes
    ----------
    amplitude : (NODES + 1, 5, 5, 5) complex128
        States of the mother and of the two daughters.
    dims : (NODES + 1, 3) int64
        Numbers of states.
    density, rotation : (NODES + 1, 5, 5) complex128, (NODES + 1, 3, 3) float64
        Spin density of the mother, and its axes (columns) in its rest frame.
    back : (NODES + 1, 2, 5, 5) complex128
        Decay matrices of the daughters.
    axes : (NODES + 1, 2, 3, 3) float64
        Axes of the daughters in their rest frames.
    position : (NODES + 1, 2) int64
        Which daughter a slot is, -1 for none.
    parent : (NODES + 1,) int64
        Link of the mother.
    left : (NODES + 1,) int64
        Daughters still to decay.
    top : (1,) int64
        Nodes in use.
    """

    amplitude: Array
    dims: Array
    density: Array
    rotation: Array
    back: Array
    axes: Array
    position: Array
    parent: Array
    left: Array
    top: Array


def spin_work() -> SpinWork:
    """An empty stack of nodes."""
    n, s = NODES + 1, STATES
    return SpinWork(np.zeros((n, s, s, s), np.complex128), np.ones((n, 3), np.int64),
                    np.zeros((n, s, s), np.complex128), np.zeros((n, 3, 3)), np.zeros((n, 2, s, s), np.complex128),
                    np.zeros((n, 2, 3, 3)), np.full((n, 2), -1, np.int64), np.full(n, UNPOLARISED, np.int64),
                    np.zeros(n, np.int64), np.zeros(1, np.int64))


@njit(cache=True)
def fill_wigner(twice: int, cosine: float, out: Array) -> None:
    """Fill ``out`` with d^J[m, k](theta), J = twice / 2, states from +J down (PDG 2024, Clebsch-Gordan table)."""
    c, s = math.sqrt(0.5 * (1.0 + cosine)), math.sqrt(0.5 * (1.0 - cosine))
    if twice == 0:
        out[0, 0] = 1.0
    elif twice == 1:
        out[0, 0], out[0, 1], out[1, 0], out[1, 1] = c, -s, s, c
    elif twice == 2:
        sine = math.sqrt(2.0) * s * c
        out[0, 0], out[0, 1], out[0, 2] = c * c, -sine, s * s
        out[1, 0], out[1, 1], out[1, 2] = sine, cosine, -sine
        out[2, 0], out[2, 1], out[2, 2] = s * s, sine, c * c
    else:
        for i in range(twice + 1):
            for k in range(twice + 1):
                out[i, k] = _wigner_element(twice, i, k, c, s)


_FACTORIALS: Final = (1.0, 1.0, 2.0, 6.0, 24.0)


@njit(cache=True)
def _wigner_element(twice: int, i: int, k: int, c: float, s: float) -> float:
    """Element of d^J for m = J - i, m' = J - k, from the cosine and sine of the half angle (Wigner's formula)."""
    total, f = 0.0, _FACTORIALS
    for t in range(max(0, i - k), min(twice - k, i) + 1):
        term = c ** (twice + i - k - 2 * t) * s ** (k - i + 2 * t)
        term /= f[twice - k - t] * f[t] * f[k - i + t] * f[i - t]
        total += term if (k - i + t) % 2 == 0 else -term
    return total * math.sqrt(f[twice - i] * f[i] * f[twice - k] * f[k])


@njit(cache=True, inline="always")
def enter(spin: SpinWork, link: int, states: int, density: Array, rotation: Array) -> bool:
    """Fill density and rotation of the next node for a mother with the given link; True when it is polarised.

    ``density`` and ``rotation`` are those of primaries.
    """
    n = spin.top[0]
    rho, axes = spin.density[n], spin.rotation[n]
    spin.parent[n] = link if link >= 0 else UNPOLARISED
    spin.left[n] = 0
    spin.dims[n, 0], spin.dims[n, 1], spin.dims[n, 2] = states, 1, 1
    spin.position[n, 0] = spin.position[n, 1] = -1
    if link >= 0:
        parent, slot = link // 2, link % 2
        _daughter_density(spin, parent, slot, rho)
        axes[:] = spin.axes[parent, slot]
        return True
    if link == PRIMARY and len(density) == states:
        rho[:states, :states] = density
        axes[:] = rotation
        return True
    for i in range(states):
        rho[i, :states] = 0.0
        rho[i, i] = 1.0 / states
    axes[:] = 0.0
    axes[0, 0] = axes[1, 1] = axes[2, 2] = 1.0
    return False


@njit(cache=True)
def _daughter_density(spin: SpinWork, n: int, slot: int, out: Array) -> None:
    """Fill the density of a daughter: that of its mother and the decay matrix of the other daughter."""
    amplitude, rho = spin.amplitude[n], spin.density[n]
    dm, da, db = spin.dims[n]
    size = da if slot == 0 else db
    other = spin.back[n, 1 - slot]
    out[:size, :size] = 0.0
    trace = 0.0
    for m in range(dm):
        for k in range(dm):
            r = rho[m, k]
            if r == 0.0:
                continue
            for a in range(da):
                for b in range(db):
                    left = r * amplitude[m, a, b]
                    if left == 0.0:
                        continue
                    if slot == 0:
                        for q in range(db):
                            if other[b, q] != 0.0:
                                for p in range(da):
                                    out[a, p] += left * other[b, q] * np.conj(amplitude[k, p, q])
                    else:
                        for p in range(da):
                            if other[a, p] != 0.0:
                                for q in range(db):
                                    out[b, q] += left * other[a, p] * np.conj(amplitude[k, p, q])
    for i in range(size):
        trace += out[i, i].real
    for i in range(size):
        for j in range(size):
            out[i, j] /= trace


@njit(cache=True)
def _decay_matrix(spin: SpinWork, n: int, out: Array) -> None:
    """Fill the decay matrix of the mother of a node whose daughters are done, with the trace of the identity."""
    amplitude, first, second = spin.amplitude[n], spin.back[n, 0], spin.back[n, 1]
    dm, da, db = spin.dims[n]
    out[:dm, :dm] = 0.0
    for m in range(dm):
        for a in range(da):
            for b in range(db):
                left = amplitude[m, a, b]
                if left == 0.0:
                    continue
                for p in range(da):
                    if first[a, p] == 0.0:
                        continue
                    for q in range(db):
                        if second[b, q] != 0.0:
                            for k in range(dm):
                                out[m, k] += left * first[a, p] * second[b, q] * np.conj(amplitude[k, p, q])
    trace = 0.0
    for m in range(dm):
        trace += out[m, m].real
    for m in range(dm):
        for k in range(dm):
            out[m, k] *= dm / trace


@njit(cache=True)
def close(spin: SpinWork, link: int) -> None:
    """A daughter of a node is done, its decay matrix set; complete nodes give theirs to their mothers."""
    while link >= 0:
        n = link // 2
        spin.left[n] -= 1
        if spin.left[n] > 0:
            return
        finish(spin, n)
        link = spin.parent[n]


@njit(cache=True, inline="always")
def matters(spin: SpinWork, link: int) -> bool:
    """True when a particle is still to decay whose density depends on the decay matrix given to ``link``."""
    while link >= 0:
        n = link // 2
        if spin.left[n] > 1:
            return True
        link = spin.parent[n]
    return False


@njit(cache=True)
def finish(spin: SpinWork, n: int) -> None:
    """Remove a node without waiting daughters, its decay matrix handed to its mother."""
    link = spin.parent[n]
    if matters(spin, link):
        _decay_matrix(spin, n, spin.back[link // 2, link % 2])
    spin.top[0] = n


@njit(cache=True, inline="always")
def identity_back(spin: SpinWork, n: int) -> None:
    """Set the decay matrices of the daughters of a node to the identity: nothing is known of their decays."""
    for slot in range(2):
        size = spin.dims[n, slot + 1]
        back = spin.back[n, slot]
        for i in range(size):
            back[i, :size] = 0.0
            back[i, i] = 1.0


@njit(cache=True)
def rotate(axes: Array, count: int, momenta: Array) -> None:
    """Rotate the momenta of the daughters from the spin axes of the mother to those of its rest frame."""
    for i in range(count):
        p = momenta[i]
        x, y, z = p[1], p[2], p[3]
        for k in range(3):
            p[k + 1] = axes[k, 0] * x + axes[k, 1] * y + axes[k, 2] * z


@njit(cache=True)
def set_axes(axes: Array, first: bool, cosine: float, phi: float, out: Array) -> None:
    """Fill helicity axes (columns) of one of two daughters, in the rest frame of the mother.

    The first moves along (theta, phi) of the spin axes of the mother and has R(phi, theta, 0); the second has these
    turned by pi about y.
    """
    sine, cp, sp = math.sqrt(max(1.0 - cosine * cosine, 0.0)), math.cos(phi), math.sin(phi)
    sign = 1.0 if first else -1.0
    for k in range(3):
        x, y, z = axes[k, 0], axes[k, 1], axes[k, 2]
        out[k, 0] = sign * (cosine * (cp * x + sp * y) - sine * z)
        out[k, 1] = cp * y - sp * x
        out[k, 2] = sign * (sine * (cp * x + sp * y) + cosine * z)


@njit(cache=True)
def axes_from_laboratory(mother: Array, m0: float, p: Array, mass: float, daughter: Array, axes: Array) -> None:
    """Turn axes of a daughter from (boost from the rest frame of its mother) to (boost from the laboratory).

    ``mother``, ``daughter`` are four-momenta in the laboratory, ``p`` that of the daughter in the rest frame of the
    mother.
    """
    for k in range(3):
        e, x, y, z = boost_from_rest(0.0, axes[0, k], axes[1, k], axes[2, k], p[0], p[1], p[2], p[3], mass)
        e, x, y, z = boost_from_rest(e, x, y, z, mother[0], mother[1], mother[2], mother[3], m0)
        e, x, y, z = boost_to_rest(e, x, y, z, daughter[0], daughter[1], daughter[2], daughter[3], mass)
        axes[0, k], axes[1, k], axes[2, k] = x, y, z
