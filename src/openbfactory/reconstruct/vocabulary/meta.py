"""Variables of variables: daughters, frames, conditions, lists, extra information."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.errors import UnknownNameError
from openbfactory.reconstruct.definitions import Definition, table
from openbfactory.reconstruct.vectors import angle, length, mass_of
from openbfactory.reconstruct.view import View
from openbfactory.reconstruct.vocabulary.kinematics import daughter_p4

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
D = Definition
Compute = Callable[[View], Array]


def _over_daughters(reduce: Callable[..., Any]) -> Callable[[View, Compute], Array]:
    """A reduction over the daughters; NaN where a particle has none."""
    def compute(v: View, e: Compute) -> Array:
        values = v.of_daughters(e)
        there = v.particles.daughters[v.rows][:, : values.shape[1]] >= 0
        with np.errstate(invalid="ignore"):
            found: Array = reduce(values, there)
        return np.where(there.any(axis=1), found, np.nan)

    return compute


def _difference(v: View, i: tuple[int, ...], j: tuple[int, ...], e: Compute) -> Array:
    return v.of_daughter(j, e) - v.of_daughter(i, e)


def _normalised(v: View, i: tuple[int, ...], j: tuple[int, ...], e: Compute) -> Array:
    a, b = v.of_daughter(i, e), v.of_daughter(j, e)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = (b - a) / (b + a)
    return found


def _daughter_frame(v: View, e: Compute, *paths: tuple[int, ...]) -> Array:
    """A variable in the rest frame of the sum of some daughters; NaN where one is not there."""
    lab = v.from_frame(None)
    frame = sum((daughter_p4(lab, path) for path in paths), np.zeros((len(v), 4)))
    return _in_frame(v, e, frame)


def _in_frame(v: View, e: Compute, frame: Array) -> Array:
    there, found = np.isfinite(frame).all(axis=1), np.full(len(v), np.nan)
    found[there] = e(View(v.owner, v.rows[there], frame[there]))
    return found


def _count_daughters(v: View, c: Callable[[View], Any]) -> Array:
    return np.nansum(v.of_daughters(lambda d: c(d).astype(np.float64)), axis=1)


def _per_event(v: View, name: str, condition: Any, weight: Callable[[View], Array] | None) -> Array:
    """Number (or sum of ``weight``) of the particles of a list that pass, in the event of each particle."""
    made = v.owner.get(name)
    rows = made.rows if condition is None else made.rows[condition(made.view())]
    seen = View(v.owner, rows)
    values = None if weight is None else weight(seen)
    found: Array = np.bincount(seen.event, values, minlength=len(v.owner.events)).astype(np.float64)[v.event]
    return found


def _sum_p4(v: View, names: tuple[str, ...]) -> Array:
    """Sum (n, 4) of the four-momenta of all particles of some lists in the event."""
    total = [np.zeros(len(v))] * 4
    for name in names:
        total = [total[a] + _per_event(v, name, None, _component(a)) for a in range(4)]
    return np.stack(total, axis=1)


def _component(a: int) -> Compute:
    return lambda w: w.lab[:, a]


def _average(v: View, name: str, e: Compute) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = _per_event(v, name, None, e) / _per_event(v, name, None, None)
    return found


def _largest(v: View, name: str, e: Compute) -> Array:
    made = v.owner.get(name)
    largest: Array = np.full(len(v.owner.events), -np.inf)
    np.maximum.at(largest, made.event, e(made.view()))
    largest[np.isinf(largest)] = np.nan
    found: Array = np.asarray(largest[v.event], np.float64)
    return found


def _nearest(v: View, name: str, farthest: bool) -> tuple[Index, Array]:
    """Row of the particle of a list at the smallest (largest) angle, -1 for none, and the angle [rad]."""
    made = v.owner.get(name)
    begin, end = made.offsets[v.event], made.offsets[v.event + 1]
    counts = end - begin
    mine = np.repeat(np.arange(len(v)), counts)
    first = np.cumsum(counts) - counts
    others = made.rows[np.repeat(begin - first, counts) + np.arange(len(mine))]
    away = angle(v.p4[mine, 1:], v.at(others, mine).p4[:, 1:])
    keyed = np.where(np.isnan(away) | (others == v.rows[mine]), np.inf, -away if farthest else away)
    rows, angles = np.full(len(v), -1, np.int64), np.full(len(v), np.nan)
    order = np.lexsort((keyed, mine))
    order = order[np.isfinite(keyed[order])]
    owners, first = np.unique(mine[order], return_index=True)
    rows[owners], angles[owners] = others[order[first]], away[order[first]]
    return rows, angles


def _in_list(v: View, name: str) -> Array:
    return np.isin(v.rows, v.owner.get(name).rows).astype(np.float64)


def _below_list(v: View, name: str, steps: int) -> Array:
    """1 for particles that are a daughter (or, within ``steps`` generations, further down) of one in a list."""
    rows, table_ = v.owner.get(name).rows, v.particles.daughters
    found = np.zeros(len(v), bool)
    for _ in range(steps):
        rows = table_[rows].reshape(-1)
        rows = np.unique(rows[rows >= 0])
        found |= np.isin(v.rows, rows)
        if not len(rows):
            break
    return found.astype(np.float64)


def _shares_source(v: View, name: str) -> Array:
    """1 where a detector object of the particle is in a particle of a list."""
    sources = v.particles.sources
    used = np.unique(sources[v.owner.get(name).rows])
    mine = sources[v.rows]
    shared: npt.NDArray[np.bool_] = np.isin(mine, used[used >= 0]) & (mine >= 0)
    return np.any(shared, axis=1).astype(np.float64)


def _extra(v: View, name: str) -> Array:
    values = v.particles.extra.get(name)
    if values is None and not len(v):
        return np.zeros(0)  # nothing is attached to no particles
    if values is None:
        known = sorted(v.particles.extra)
        raise UnknownNameError("extra information", name, known or ["(nothing is attached yet)"])
    return values[v.rows]


def _by_rank(v: View, name: str, ranked: str, e: Compute, rank: int) -> Array:
    """A variable of the particle of a list with a given rank in the event, NaN for none."""
    made = v.owner.get(name)
    label = ranked if ranked.endswith("_rank") else f"{ranked}_rank"
    view = made.view()
    chosen = np.flatnonzero(_extra(view, label) == rank)
    found = np.full(len(v.owner.events), np.nan)
    found[view.event[chosen[::-1]]] = e(View(v.owner, view.rows[chosen]))[::-1]
    return found[v.event]


_DAUGHTERS = (
    D("daughter", "", "a variable of a daughter", lambda v, i, e: v.of_daughter(i, e), ("index", "expression")),
    D("grandDaughter", "", "a variable of daughter j of daughter i", lambda v, i, j, e: v.of_daughter((i, j), e),
      ("integer", "integer", "expression")),
    D("daughterSumOf", "", "sum of a variable over the daughters",
      _over_daughters(lambda x, t: np.sum(np.where(t, x, 0.0), axis=1)), ("expression",)),
    D("daughterProductOf", "", "product of a variable over the daughters",
      _over_daughters(lambda x, t: np.prod(np.where(t, x, 1.0), axis=1)), ("expression",)),
    D("daughterAverageOf", "", "mean of a variable over the daughters",
      _over_daughters(lambda x, t: np.sum(np.where(t, x, 0.0), axis=1) / np.maximum(t.sum(axis=1), 1)),
      ("expression",)),
    D("daughterLowest", "", "smallest value of a variable among the daughters",
      _over_daughters(lambda x, t: np.min(np.where(t, x, np.inf), axis=1)), ("expression",)),
    D("daughterHighest", "", "largest value of a variable among the daughters",
      _over_daughters(lambda x, t: np.max(np.where(t, x, -np.inf), axis=1)), ("expression",)),
    D("daughterDiffOf", "", "a variable of daughter j minus that of daughter i", _difference,
      ("index", "index", "expression")),
    D("daughterNormDiffOf", "", "(x_j - x_i) / (x_j + x_i) of two daughters", _normalised,
      ("index", "index", "expression")),
    D("daughterMotherDiffOf", "", "a variable of the particle minus that of a daughter",
      lambda v, i, e: e(v) - v.of_daughter(i, e), ("index", "expression")),
    D("countDaughters", "1", "number of daughters that pass a cut", _count_daughters, ("condition",)),
    D("hasDaughters", "1", "1 for composites", lambda v: v.n_daughters() > 0, source="estimate; defined here"),
)
_FRAMES = (
    D("useCMSFrame", "", "a variable in the c.m. frame of the beams", lambda v, e: e(v.from_frame(v.owner.beam)),
      ("expression",)),
    D("useLabFrame", "", "a variable in the laboratory", lambda v, e: e(v.from_frame(None)), ("expression",)),
    D("useRestFrame", "", "a variable in the rest frame of the particle", lambda v, e: e(v.from_frame(v.lab)),
      ("expression",)),
    D("useDaughterRestFrame", "", "a variable in the rest frame of the sum of some daughters", _daughter_frame,
      ("expression", "index+")),
    D("useRecoilFrame", "", "a variable in the rest frame of the recoil",
      lambda v, e: _in_frame(v, e, v.owner.beam - v.lab),
      ("expression",)),
    D("useTagSideRecoilRestFrame", "", "a variable in the rest frame of the recoil against a daughter (the tag)",
      lambda v, e, i: _in_frame(v, e, v.owner.beam - daughter_p4(v.from_frame(None), i)), ("expression", "index")),
)
_CHOICES = (
    D("passesCut", "1", "1 where a cut is passed", lambda v, c: c(v), ("condition",)),
    D("conditionalVariableSelector", "", "the first variable where a cut is passed, else the second",
      lambda v, c, a, b: np.where(c(v), a(v), b(v)), ("condition", "expression", "expression")),
    D("modulo", "", "remainder of a variable divided by a whole number",
      lambda v, e, n: np.mod(np.trunc(e(v)), n) if n else np.full(len(v), np.nan), ("expression", "integer")),
    D("ifNANgiveX", "", "a variable, or a number where it is NaN", lambda v, e, x: np.where(np.isnan(e(v)), x, e(v)),
      ("expression", "number")),
    D("isInfinity", "1", "1 where a variable is infinite", lambda v, e: np.isinf(e(v)), ("expression",)),
    D("constant", "", "a number", lambda v, x: x, ("number",)),
    D("varFor", "", "a variable for particles of a |PDG code|, NaN for others",
      lambda v, code, e: np.where(np.abs(v.column("pdg")) == abs(code), e(v), np.nan), ("integer", "expression")),
    D("extraInfo", "", "a number attached to the particle by name", _extra, ("word",)),
)
_LISTS = (
    D("nParticlesInList", "1", "particles of a list in the event", lambda v, n: _per_event(v, n, None, None),
      ("list",)),
    D("countInList", "1", "particles of a list in the event that pass a cut",
      lambda v, n, c=None: _per_event(v, n, c, None), ("list", "condition?")),
    D("totalEnergyOfParticlesInList", "GeV", "sum of the energies of a list in the event",
      lambda v, n: _sum_p4(v, (n,))[:, 0], ("list",)),
    *(D(f"totalP{a}OfParticlesInList", "GeV", f"sum of the {a} momenta of a list in the event",
        lambda v, n, i=i: _sum_p4(v, (n,))[:, i], ("list",)) for i, a in enumerate("xyz", 1)),
    D("invMassInLists", "GeV", "mass of all particles of some lists in the event",
      lambda v, *n: mass_of(_sum_p4(v, n)), ("list+",)),
    D("totalECLEnergyOfParticlesInList", "GeV", "sum of the cluster energies of a list in the event",
      lambda v, n: _per_event(v, n, None, _cluster_energy), ("list",)),
    D("averageValueInList", "", "mean of a variable over a list in the event, NaN for an empty one", _average,
      ("list", "expression")),
    D("maxValueInList", "", "largest value of a variable in a list in the event, NaN for an empty one", _largest,
      ("list", "expression"), source="estimate; defined here"),
    D("maxPtInList", "GeV", "largest transverse momentum in a list in the event",
      lambda v, n: _largest(v, n, lambda w: length(w.lab[:, 1:3])), ("list",)),
    D("angleToClosestInList", "rad", "angle to the nearest other particle of a list",
      lambda v, n: _nearest(v, n, False)[1],
      ("list",)),
    D("closestInList", "", "a variable of the nearest other particle of a list",
      lambda v, n, e: v.of_rows(_nearest(v, n, False)[0], e), ("list", "expression")),
    D("angleToMostB2BInList", "rad", "angle to the most back-to-back particle of a list",
      lambda v, n: _nearest(v, n, True)[1], ("list",)),
    D("mostB2BInList", "", "a variable of the most back-to-back particle of a list",
      lambda v, n, e: v.of_rows(_nearest(v, n, True)[0], e), ("list", "expression")),
    D("isInList", "1", "1 where the particle is in a list", _in_list, ("list",)),
    D("isDaughterOfList", "1", "1 where the particle is a daughter of one in a list", lambda v, n: _below_list(v, n, 1),
      ("list",)),
    D("isDescendantOfList", "1", "1 where the particle is anywhere below one in a list",
      lambda v, n: _below_list(v, n, 50), ("list",)),
    D("sourceObjectIsInList", "1", "1 where a detector object of the particle is used in a list", _shares_source,
      ("list",)),
    D("getVariableByRank", "", "a variable of the particle of a list with rank r of a ranked variable", _by_rank,
      ("list", "word", "expression", "integer")),
)


def _cluster_energy(w: View) -> Array:
    rows = w.cluster_rows()
    return np.where(rows >= 0, w.owner.events["ECLClusters"]["clusterE"][rows], 0.0) if len(rows) else np.empty(0)


META = table("Variables of variables", _DAUGHTERS, _FRAMES, _CHOICES) | table("Particle lists", _LISTS)
