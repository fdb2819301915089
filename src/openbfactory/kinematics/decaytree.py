"""The shape of a decay for a fit: who comes from whom, who flies, what is measured and what is fixed.

The free parameters of a fit are the point where the head is made, the three momentum components of every final-state
particle at its vertex, and for every composite that flies its flight length over its momentum (``tau``, in cm/GeV).
Momenta of composites are sums, their decay vertices follow from ``tau``: conservation of momentum and flight along
the momentum hold exactly and need no constraint.  Masses may be fixed in addition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Kind = Literal["composite", "track", "cluster", "direction"]

#: kinds of particles by number
COMPOSITE, TRACK, CLUSTER, DIRECTION = range(4)
KINDS: tuple[Kind, ...] = ("composite", "track", "cluster", "direction")
#: numbers that a measurement of each kind gives
MEASURED = (0, 5, 3, 2)
#: most particles of a tree
MOST = 32


@dataclass(frozen=True, slots=True)
class Particle:
    """One particle of a decay.

    Attributes
    ----------
    mother
        Index of its mother in the list, -1 for the head; mothers come before daughters.
    kind
        ``composite``; ``track`` (helix measured); ``cluster`` (energy and angles measured); ``direction`` (angles
        alone, such as a K_L; a fixed mass must supply the energy).
    mass
        Mass [GeV]: hypothesis of a final-state particle; nominal mass of a composite, for decay times and where fixed.
    flies
        The composite decays away from where it is made; otherwise at the same point.
    fix_mass
        The composite is fitted with its mass fixed to ``mass``.
    """

    mother: int
    kind: Kind
    mass: float
    flies: bool = False
    fix_mass: bool = False


@dataclass(frozen=True, slots=True)
class DecayTree:
    """A decay as arrays, made by :func:`decay_tree`.

    Attributes
    ----------
    mother, kind, mass, fixed : (k,)
        As in :class:`Particle`; ``kind`` as a number.
    column : (k,) int64
        First parameter of a final-state particle; ``tau`` of a composite that flies; -1 of others.
    made, decays : (k,) int64
        Vertex where a particle is made and where it decays; vertex 0 is where the head is made; -1 for none.
    uses, used : (vertices, parameters), (vertices,) int64
        Parameters that the position of each vertex depends on, and how many they are.
    parameters, constraints, measurements
        Numbers of free parameters, of fixed masses and of measured numbers.
    """

    mother: Index
    kind: Index
    mass: Array
    fixed: Mask
    column: Index
    made: Index
    decays: Index
    uses: Index
    used: Index
    parameters: int
    constraints: int
    measurements: int

    @property
    def composites(self) -> Index:
        """Indices of the composites."""
        return np.flatnonzero(self.kind == COMPOSITE).astype(np.int64)


def decay_tree(particles: Sequence[Particle]) -> DecayTree:
    """The arrays of a decay.

    Parameters
    ----------
    particles
        The head first, mothers before daughters.

    Raises
    ------
    InputError
        With every mistake of the list.
    """
    check_particles(particles)
    k = len(particles)
    kind = np.array([KINDS.index(p.kind) for p in particles], np.int64)
    mother = np.array([p.mother for p in particles], np.int64)
    column, made, decays = (np.full(k, -1, np.int64) for _ in range(3))
    n, vertices = 3, 1
    for i, p in enumerate(particles):
        made[i] = 0 if i == 0 else decays[p.mother]
        if p.kind != "composite":
            column[i], n = n, n + 3
            continue
        decays[i] = made[i]
        if p.flies:
            column[i], n = n, n + 1
            decays[i], vertices = vertices, vertices + 1
    uses, used = _dependences(mother, kind, column, made, decays, n, vertices)
    fixed = np.array([p.fix_mass for p in particles])
    measured = int(sum(MEASURED[c] for c in kind))
    return DecayTree(mother, kind, np.array([p.mass for p in particles]), fixed, column, made, decays, uses, used, n,
                     int(fixed.sum()), measured)


def _dependences(mother: Index, kind: Index, column: Index, made: Index, decays: Index, n: int,
                 vertices: int) -> tuple[Index, Index]:
    """Parameters that each vertex depends on: columns 0-2, and for each flight on the way all of its descendants."""
    depends = np.zeros((vertices, n), bool)
    depends[0, :3] = True
    for i in range(len(mother)):
        if kind[i] != COMPOSITE or decays[i] == made[i]:
            continue
        depends[decays[i]] |= depends[made[i]]
        for j in range(i, len(mother)):
            above = j
            while above > i:
                above = int(mother[above])
            if above == i and column[j] >= 0:
                depends[decays[i], column[j]:column[j] + (1 if kind[j] == COMPOSITE else 3)] = True
    used = depends.sum(axis=1).astype(np.int64)
    uses = np.zeros((vertices, n), np.int64)
    for v in range(vertices):
        uses[v, :used[v]] = np.flatnonzero(depends[v])
    return uses, used


def check_particles(particles: Sequence[Particle]) -> None:
    """Refuse a list that is no decay.

    Raises
    ------
    InputError
        With every mistake.
    """
    findings = Findings("decay tree")
    if not 2 <= len(particles) <= MOST:
        findings.error("wrong-size", "", f"{len(particles)} particles", expected=f"2 to {MOST}")
    mothers = [p.mother for p in particles]
    for i, p in enumerate(particles):
        path = f"particles[{i}]"
        if p.kind not in KINDS:
            findings.unknown_name(f"{path}.kind", p.kind, KINDS, what="kind")
        if (p.mother != -1) if i == 0 else not 0 <= p.mother < i:
            findings.error("wrong-mother", f"{path}.mother", f"mother {p.mother}",
                           expected="-1 for the head" if i == 0 else f"an index from 0 to {i - 1}")
        elif i > 0 and particles[p.mother].kind != "composite":
            findings.error("wrong-mother", f"{path}.mother", f"mother {p.mother} is a {particles[p.mother].kind}",
                           expected="a composite")
        if not (np.isfinite(p.mass) and p.mass >= 0.0):
            findings.error("wrong-mass", f"{path}.mass", f"mass {p.mass} GeV", expected="a number >= 0")
        if p.kind == "composite" and i not in mothers:
            findings.error("no-daughters", path, "a composite without daughters")
        if p.kind != "composite" and (p.flies or p.fix_mass):
            findings.error("not-composite", path, f"a {p.kind} cannot fly or have its mass fixed in the fit",
                           expected="flies and fix_mass for composites alone")
        if p.fix_mass and not p.mass > 0.0:
            findings.error("wrong-mass", f"{path}.mass", "a mass of zero cannot be fixed", expected="a mass above 0")
    findings.raise_if_errors(InputError)
