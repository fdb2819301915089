"""Truth: the match of a particle, what is wrong with it, and its ancestors.

Everything is NaN for data and for particles without a match, but ``mcErrors``
(512 for those) and ``nMCMatches``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from openbfactory.reconstruct.base_particles import generated_particles
from openbfactory.reconstruct.definitions import Definition, table
from openbfactory.reconstruct.particles import TRACK
from openbfactory.reconstruct.truth_matching import (
    ADDED_WRONG_PARTICLE,
    MIS_ID,
    MISS_GAMMA,
    MISS_KLONG,
    MISS_MASSIVE,
    MISS_NEUTRINO,
    count_missing,
    match_truth,
    truth_columns,
)
from openbfactory.reconstruct.vectors import length, mass_of, phi, theta
from openbfactory.reconstruct.view import View, picked

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
D = Definition


def matches(v: View) -> Index:
    """Rows (n,) among all generated particles, -1 for none."""
    if not match_truth(v.owner):
        return np.full(len(v), -1, np.int64)
    found: Index = v.column("mc")
    return found


def _errors(v: View) -> Array:
    return v.column("mc_errors").astype(np.float64) if match_truth(v.owner) else np.full(len(v), np.nan)


def _correct(accepted: int = 0) -> Callable[[View], Array]:
    """1 where no bit but the accepted ones is set, NaN without a match."""
    def compute(v: View) -> Array:
        matched = matches(v) >= 0
        return np.where(matched, (v.column("mc_errors") & ~accepted) == 0, np.nan)

    return compute


def _extended(v: View) -> Array:
    same = np.abs(of_match("PDG")(v)) == np.abs(v.column("pdg"))
    return np.where(matches(v) >= 0, same * _correct(MIS_ID | ADDED_WRONG_PARTICLE)(v), np.nan)


def of_match(name: str) -> Callable[[View], Array]:
    """Column of ``MCParticles`` for the match."""
    def compute(v: View) -> Array:
        rows = matches(v)
        return picked(v.owner.events["MCParticles"][name], rows) if truth_columns(v.owner) else np.full(len(v), np.nan)

    return compute


def _p4(v: View) -> Array:
    return np.stack([of_match(c)(v) for c in ("E", "px", "py", "pz")], axis=1)


def ancestors(v: View, steps: int) -> Index:
    """Rows of the ancestor ``steps`` generations above the match, -1 for none."""
    truth, rows = truth_columns(v.owner), matches(v)
    if truth is None:
        return rows
    for _ in range(steps):
        rows = np.where(rows >= 0, truth["mother"][rows], -1)
    return rows


def _of_ancestor(name: str) -> Callable[..., Array]:
    def compute(v: View, i: int = 0) -> Array:
        rows = ancestors(v, i + 1)
        if truth_columns(v.owner) is None:
            return np.full(len(v), np.nan)
        return picked(v.owner.events["MCParticles"][name], rows)

    return compute


def _local(v: View, rows: Index) -> Array:
    """Index in the list of the event, NaN for none."""
    truth = truth_columns(v.owner)
    return np.full(len(v), np.nan) if truth is None else np.where(rows >= 0, rows - truth["offsets"][v.event], np.nan)


def _mother_momentum(v: View) -> Array:
    return np.sqrt(sum((_of_ancestor(c)(v) ** 2 for c in ("px", "py", "pz")), np.zeros(len(v))))


def first_daughters(v: View) -> Index:
    """Row of the first generated daughter of every generated particle, -1 for none."""
    def make() -> Index:
        truth = truth_columns(v.owner)
        assert truth is not None
        found = np.full(len(truth["pdg"]), -1, np.int64)
        born = np.flatnonzero(truth["mother"] >= 0)[::-1]
        found[truth["mother"][born]] = born
        return found

    rows: Index = v.owner.cached("first_daughters", make)
    return rows


def _decay(name: str) -> Callable[[View], Array]:
    """Place or time where the match decays: that of its first daughter."""
    def compute(v: View) -> Array:
        rows = matches(v)
        if truth_columns(v.owner) is None:
            return np.full(len(v), np.nan)
        daughters = np.where(rows >= 0, first_daughters(v)[rows], -1)
        return picked(v.owner.events["MCParticles"][name], daughters)

    return compute


def _lifetime(v: View) -> Array:
    p4 = _p4(v)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = (_decay("t")(v) - of_match("t")(v)) * mass_of(p4) / p4[:, 0]
    return found


def _steps(v: View, path: tuple[int, ...]) -> Array:
    """Generations from the match of a daughter up to the match, NaN where it is no ancestor."""
    top, truth = matches(v), truth_columns(v.owner)
    if truth is None:
        return np.full(len(v), np.nan)
    daughters = v.daughters(path)
    rows = np.where(daughters >= 0, v.particles["mc"][daughters], -1)
    found, steps = np.full(len(v), np.nan), 0
    while np.any(rows >= 0):
        found[(rows == top) & (rows >= 0)] = steps
        rows = np.where(rows >= 0, truth["mother"][rows], -1)
        steps += 1
    return found


def _n_missing(v: View, *codes: int) -> Array:
    """Generated particles of some kinds in the decay of the match that the particle does not hold."""
    top, truth = matches(v), truth_columns(v.owner)
    if truth is None:
        return np.full(len(v), np.nan)
    kinds = np.abs(np.array(codes, np.int64))
    found = count_missing(v.rows, kinds, v.particles.daughters, v.particles["mc"], v.particles["event"],
                          truth["offsets"], truth["pdg"], truth["mother"])
    return np.where(top >= 0, found, np.nan)


def of_generated(v: View, rows: Index, compute: Callable[[View], Array]) -> Array:
    """Variable (n,) of the generated particles ``rows``, NaN for -1."""
    table_rows = generated_particles(v.owner)
    if not len(table_rows):
        return np.full(len(v), np.nan)
    return v.of_rows(np.where(rows >= 0, table_rows[rows], -1), compute)


def nth_daughter(v: View, rows: Index, index: int) -> Index:
    """Row of the generated daughter number ``index`` of generated particles, -1 for none."""
    truth = truth_columns(v.owner)
    if truth is None:
        return rows
    mothers = truth["mother"]

    def make() -> Index:
        order = np.argsort(mothers, kind="stable")
        first = np.searchsorted(mothers[order], mothers[order])
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order)) - first
        return place

    place: Index = v.owner.cached("place_among_sisters", make)
    chosen = np.flatnonzero((place == index) & (mothers >= 0))
    found = np.full(len(mothers), -1, np.int64)
    found[mothers[chosen]] = chosen
    return np.where(rows >= 0, found[rows], -1)


def _track_clones(v: View) -> Array:
    """1 for each track of the events whose particle an earlier track of the event has, 0 for others, NaN without it."""
    def make() -> Array:
        tracks = v.owner.events["Tracks"]
        if "mcIndex" not in tracks.columns:
            return np.full(tracks.size, np.nan)
        index = tracks["mcIndex"].astype(np.int64)
        _, first, inverse = np.unique(np.column_stack([tracks.event_index(), index]), axis=0, return_index=True,
                                      return_inverse=True)
        clone = first[inverse.reshape(-1)] != np.arange(tracks.size)
        return np.where(index >= 0, clone, np.nan)

    found: Array = v.owner.cached("track_clones", make)
    return found


def _is_clone(v: View) -> Array:
    return picked(_track_clones(v), np.where(v.column("kind") == TRACK, v.column("row"), -1))


def _has_clone(v: View) -> Array:
    """Whether any of the tracks at the bottom of a particle is a clone."""
    clones, sources = _track_clones(v), v.particles.sources[v.rows]
    track = (sources >= 0) & (sources < len(clones))
    found: Array = np.any(track & (picked(clones, np.where(track, sources, -1)) == 1), axis=1)
    return found.astype(np.float64)


_LOOSE = "basf2-variables; recalled, the definition was not checked"
_SIGNAL = (
    D("isSignal", "1", "1 where nothing is wrong with the match, as the decay string asks; NaN without one",
      _correct()),
    D("isExtendedSignal", "1", "the same with MisID and AddedWrongParticle accepted, for the right |PDG code|",
      _extended,
      source=_LOOSE),
    D("isPrimarySignal", "1", "isSignal; all matches come from the generator", _correct()),
    D("isSignalAcceptMissingNeutrino", "1", "isSignal with missing neutrinos accepted", _correct(MISS_NEUTRINO)),
    D("isSignalAcceptMissingMassive", "1", "isSignal with missing massive particles accepted",
      _correct(MISS_MASSIVE | MISS_KLONG)),
    D("isSignalAcceptMissingGamma", "1", "isSignal with missing photons accepted", _correct(MISS_GAMMA)),
    D("isSignalAcceptMissing", "1", "isSignal with anything missing accepted",
      _correct(MISS_NEUTRINO | MISS_MASSIVE | MISS_KLONG | MISS_GAMMA)),
    D("isSignalAcceptWrongFSPs", "1", "isSignal with misidentified final-state particles accepted", _correct(MIS_ID)),
    D("isWrongCharge", "1", "1 where the match has the opposite PDG code",
      lambda v: np.where(matches(v) >= 0, of_match("PDG")(v) == -v.column("pdg"), np.nan), source=_LOOSE),
    D("isMisidentified", "1", "1 where the match has another |PDG code|",
      lambda v: np.where(matches(v) >= 0, np.abs(of_match("PDG")(v)) != np.abs(v.column("pdg")), np.nan),
      source=_LOOSE),
    D("isCloneTrack", "1", "1 for a track whose particle has another, earlier track; NaN for all but matched tracks",
      _is_clone),
    D("isOrHasCloneTrack", "1", "1 where a track of the particle is a clone, 0 otherwise", _has_clone),
    D("mcErrors", "1", "bits: 1 MissFSR, 2 MissingResonance, 4 DecayInFlight, 8 MissNeutrino, 16 MissGamma, "
      "32 MissMassiveParticle, 64 MissKlong, 128 MisID, 256 AddedWrongParticle, 512 InternalError, 1024 MissPHOTOS, "
      "2048 AddedRecoBremsPhoton", _errors),
    D("nMCMatches", "1", "1 with a match, 0 without", lambda v: matches(v) >= 0),
    D("isMC", "1", "1 where the events carry truth", lambda v: float(truth_columns(v.owner) is not None)),
)
_MATCH = (
    D("mcPDG", "1", "PDG code of the match", of_match("PDG")),
    D("mcE", "GeV", "energy of the match", of_match("E")),
    D("mcPX", "GeV", "momentum x of the match", of_match("px")),
    D("mcPY", "GeV", "momentum y of the match", of_match("py")),
    D("mcPZ", "GeV", "momentum z of the match", of_match("pz")),
    D("mcP", "GeV", "momentum of the match", lambda v: length(_p4(v)[:, 1:])),
    D("mcPT", "GeV", "transverse momentum of the match", lambda v: length(_p4(v)[:, 1:3])),
    D("mcPhi", "rad", "azimuth of the match", lambda v: phi(_p4(v)[:, 1:])),
    D("mcTheta", "rad", "polar angle of the match", lambda v: theta(_p4(v)[:, 1:])),
    D("mcCosTheta", "1", "cosine of the polar angle of the match", lambda v: np.cos(theta(_p4(v)[:, 1:]))),
    D("mcMass", "GeV", "mass of the match", lambda v: mass_of(_p4(v)), source="estimate; defined here"),
    *(D(f"mc{a}", "cm", f"{a.lower()} of the decay vertex of the match", _decay(a.lower()), source=_LOOSE)
        for a in "XYZ"),
    *(D(f"mcDecayVertex{a}", "cm", f"{a.lower()} of the decay vertex of the match", _decay(a.lower())) for a in "XYZ"),
    *(D(f"mcProdVertex{a}", "cm", f"{a.lower()} of the production vertex of the match", of_match(a.lower()))
        for a in "XYZ"),
    D("mcDecayTime", "ns", "time of the decay of the match", _decay("t")),
    D("mcLifeTime", "ns", "proper time from production to decay of the match", _lifetime),
    D("mcInitial", "1", "1 where the match is the initial system",
      lambda v: np.where(matches(v) >= 0, of_match("status")(v) == 4, np.nan)),
    D("mcVirtual", "1", "1 where the match is a virtual photon",
      lambda v: np.where(matches(v) >= 0, of_match("PDG")(v) == 10022, np.nan), source=_LOOSE),
    D("mcParticleStatus", "1", "status of the match: 1 stable, 2 decayed, 4 initial", of_match("status"),
      source=_LOOSE),
    D("matchedMC", "", "a variable of the match", lambda v, e: of_generated(v, matches(v), e), ("expression",)),
    D("mcDaughter", "", "a variable of a generated daughter of the match",
      lambda v, i, e: of_generated(v, nth_daughter(v, matches(v), i), e), ("integer", "expression")),
    D("mcMother", "", "a variable of the generated mother of the match",
      lambda v, e: of_generated(v, ancestors(v, 1), e), ("expression",)),
)
_ANCESTRY = (
    D("genMotherPDG", "1", "PDG code of the mother of the match; i generations further up", _of_ancestor("PDG"),
      ("integer?",)),
    D("genMotherID", "1", "index of the mother of the match in its event; i generations further up",
      lambda v, i=0: _local(v, ancestors(v, i + 1)), ("integer?",)),
    D("genMotherP", "GeV", "momentum of the mother of the match", _mother_momentum),
    D("genParticleID", "1", "index of the match in its event", lambda v: _local(v, matches(v))),
    D("genNStepsToDaughter", "1", "generations from the match to that of a daughter", _steps, ("index",)),
    D("genNMissingDaughter", "1",
      "generated particles of some |PDG codes| below the match that are not in the particle",
      _n_missing, ("integer+",)),
)
TRUTH = table("Truth", _SIGNAL, _MATCH, _ANCESTRY)
