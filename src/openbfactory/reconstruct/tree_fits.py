"""Fits of the whole decay of each candidate of a list (``treeFit`` of basf2).

The decay is that of the candidates: tracks and calorimeter photons are measured, K_L and neutrons give a direction.  A
composite flies where its proper decay length is above ``SHORTEST`` and at least two trajectories (tracks, or composites
that fly) start at its end; the head flies only with a constraint to the interaction point.  Others, such as pi0 and
K_S -> pi0 pi0, decay where they are made.  Candidates whose decays differ (joined lists) are fitted group by group.

The fit sets momentum, vertex, ``chiProb`` and covariance of the head, and attaches to it: ``chiSquared``, ``ndf``,
``prodVertexX`` ... of where it was made, and for each composite that flies ``NAME_decayTime``, ``NAME_decayTimeErr``
[ns], ``NAME_flightDistance``, ``NAME_flightDistanceErr`` [cm] and ``NAME_M`` [GeV] with its name (of the head without
``NAME_``), all read by ``extraInfo(...)``.  Candidates that fail keep their momentum, get ``chiProb`` -1 and are
counted.  Daughters stay as they are: they may belong to several candidates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.experiment.detector import Detector
from openbfactory.kinematics.decaytree import MOST, Kind, Particle, decay_tree
from openbfactory.kinematics.treefit import TreeFits, fit_trees
from openbfactory.kinematics.vertexfit import OK
from openbfactory.physics.particles import mass, species, species_of
from openbfactory.reconstruct.cluster_measurements import neutral_measurements
from openbfactory.reconstruct.particles import COMPOSITE, ECL_CLUSTER, KLM_CLUSTER, TRACK

if TYPE_CHECKING:
    from openbfactory.reconstruct.lists import ParticleList

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: proper decay length [cm] from which a composite flies (the tau lepton has 0.0087 cm, the pi0 3e-6 cm)
SHORTEST = 1e-3
PHOTON = 22
#: numbers of a composite that flies
ATTACHED: tuple[str, ...] = ("decayTime", "decayTimeErr", "flightDistance", "flightDistanceErr", "M")


@dataclass(slots=True)
class _Nodes:
    """Particles of the decays: rows (n,) in the table of particles, -1 where absent, and the index of the mother."""

    rows: list[Index] = field(default_factory=list)
    mother: list[int] = field(default_factory=list)


def _expand(daughters: Index, rows: Index, mother: int, nodes: _Nodes) -> None:
    """Append the particles of ``rows`` and everything they decay to."""
    nodes.rows.append(rows)
    nodes.mother.append(mother)
    own = len(nodes.rows) - 1
    if own > MOST:
        message = f"decays of more than {MOST} particles cannot be fitted"
        raise InputError(message)
    for column in range(daughters.shape[1]):
        below = np.where(rows >= 0, daughters[np.maximum(rows, 0), column], -1)
        if np.any(below >= 0):
            _expand(daughters, below, own, nodes)


def _flying(kind: list[str], mother: list[int], long_lived: list[bool], head: bool) -> list[bool]:
    """Which particles fly, from the leaves to the head."""
    flies = [False] * len(kind)
    legs = [0] * len(kind)
    for i in range(len(kind) - 1, -1, -1):
        if kind[i] == "composite":
            flies[i] = long_lived[i] and legs[i] >= 2 and (i > 0 or head)
        if i > 0:
            prompt = kind[i] == "composite" and not flies[i]
            legs[mother[i]] += legs[i] if prompt else int(kind[i] == "track" or flies[i])
    return flies


def _particles(codes: Index, kinds: Index, mother: list[int], fixed: frozenset[int], head: bool) -> list[Particle]:
    """Decay of one group from PDG codes and kinds of its particles."""
    names: dict[int, Kind] = {COMPOSITE: "composite", TRACK: "track", ECL_CLUSTER: "cluster", KLM_CLUSTER: "direction"}
    kind = [names[int(k)] for k in kinds]
    kind = ["direction" if k == "cluster" and abs(c) != PHOTON else k for k, c in zip(kind, codes, strict=True)]
    ctau = [species_of(int(c)).ctau > SHORTEST for c in codes]
    flies = _flying(list(kind), mother, ctau, head)
    return [Particle(mother[i], kind[i], mass(int(codes[i])), flies[i],
                     kind[i] == "composite" and abs(int(codes[i])) in fixed) for i in range(len(codes))]


def fit_tree(made: ParticleList, *, ip_constraint: bool = False, mass_constraints: Iterable[str] = (),
             detector: Detector | None = None) -> list[tuple[Index, TreeFits]]:
    """Fits of the decays of a list; sets the results of the module head and gives each group's candidates and fits.

    Parameters
    ----------
    made
        List of composites.
    ip_constraint
        The head comes from the interaction region of the reconstruction.
    mass_constraints
        Names of composites whose mass is fixed to its nominal value, antiparticles included.
    detector
        The detector of the card, where the decays hold photons or K_L.

    Raises
    ------
    InputError
        For particles without daughters, without the detector, or where the decay does not determine the fit.
    UnknownNameError
        For the name of a particle, with the nearest one.
    """
    owner, table = made.owner, made.owner.particles
    fixed = frozenset(abs(species(name).pdg) for name in mass_constraints)
    if not len(made):
        return []
    nodes = _Nodes()
    _expand(table.daughters, made.rows, -1, nodes)
    rows = np.stack(nodes.rows, axis=1)
    there = rows >= 0
    kinds = np.where(there, table["kind"][rows], -1)
    codes = np.where(there, np.abs(table["pdg"][rows]), 0)
    if np.any(kinds[:, 0] != COMPOSITE):
        message = f"list '{made.name}' holds particles without daughters, which have no decay to fit"
        raise InputError(message)
    found, failed = [], 0
    _, first, group = np.unique(np.hstack([kinds, codes]), axis=0, return_index=True, return_inverse=True)
    for g, one in enumerate(first):
        chosen = np.flatnonzero(group.ravel() == g)
        kept = np.flatnonzero(there[one])
        number = {int(old): new for new, old in enumerate(kept)}
        mother = [number.get(nodes.mother[i], -1) for i in kept]
        particles = _particles(codes[one, kept], kinds[one, kept], mother, fixed, ip_constraint)
        objects = table["row"][rows[chosen][:, kept]]
        fits = _fit_group(made, particles, objects, kinds[one, kept] == KLM_CLUSTER, ip_constraint, detector)
        names = [species_of(int(c)).name if p.flies else "" for c, p in zip(codes[one, kept], particles, strict=True)]
        failed += _set(made, chosen, fits, names)
        found.append((chosen, fits))
    owner.failed_fits[made.name] = failed
    return found


def _fit_group(made: ParticleList, particles: list[Particle], objects: Index, klm: npt.NDArray[np.bool_],
               ip_constraint: bool, detector: Detector | None) -> TreeFits:
    """Fits of candidates of equal decays; ``klm`` marks the particles from K_L clusters."""
    owner = made.owner
    cluster = cluster_cov = None
    objects = objects.copy()
    if any(p.kind in ("cluster", "direction") for p in particles):
        if detector is None:
            findings = Findings(f"fit of '{made.name}'")
            findings.error("missing-detector", made.name, "the decay has neutral particles",
                           expected="the detector of the card")
            raise InputError(findings)
        cluster, cluster_cov = neutral_measurements(owner.events.lists, detector)
        objects[:, klm] += owner.events["ECLClusters"].size
    covariance = owner.ip_covariance if ip_constraint else None
    helix_cov = np.ascontiguousarray(owner.events["Tracks"]["cov"], np.float64)
    return fit_trees(decay_tree(particles), objects, owner.helices(), helix_cov, field=owner.field, cluster=cluster,
                     cluster_cov=cluster_cov, mean=owner.ip, prior_covariance=covariance)


def _set(made: ParticleList, chosen: Index, fits: TreeFits, names: list[str]) -> int:
    """Write the results of one group, flights of the composites with a name; gives the number of failures."""
    table, rows = made.owner.particles, made.rows[chosen]
    good = fits.state == OK
    for name in table.extra:  # of an earlier fit
        if name.startswith("prodVertex") or name.split("_")[-1] in ATTACHED:
            table.attach(name, rows, np.full(len(rows), np.nan))
    table.set_fit(rows[good], fits.p4[good, 0], fits.vertex[good, 0], fits.pValue[good], fits.covariance[good, 0])
    table.columns["p_value"][rows[~good]] = -1.0
    table.attach("chiSquared", rows, fits.chi2)
    table.attach("ndf", rows, np.where(good, float(fits.ndf), np.nan))
    if names[0]:
        for a, axis in enumerate("XYZ"):
            table.attach(f"prodVertex{axis}", rows, fits.origin[:, a])
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        if not name:
            continue
        seen[name] = seen.get(name, 0) + 1
        prefix = "" if i == 0 else f"{name}_" if seen[name] == 1 else f"{name}_{seen[name]}_"
        for what in ATTACHED[:4]:
            table.attach(f"{prefix}{what}", rows, getattr(fits, what)[:, i])
        table.attach(f"{prefix}M", rows, fits.mass[:, i])
    return int(np.count_nonzero(~good))
