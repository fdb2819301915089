"""Rest of event, missing momentum and continuum suppression of a candidate.

The rest of a candidate is what it does not use; a mask (set with
``Reconstruction.append_mask``, named in the brackets) says which tracks,
photons and K_L clusters count.  Without a name every object counts.  Tracks
have the pion mass, K_L clusters no momentum.  Definitions:
:mod:`openbfactory.reconstruct.rest_of_event`, :mod:`.missing` and
:mod:`openbfactory.reconstruct.continuum`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from openbfactory.core.errors import UnknownNameError
from openbfactory.reconstruct.continuum import continuum_variables, two_sides
from openbfactory.reconstruct.definitions import Definition, table, within
from openbfactory.reconstruct.event_axes import CONES
from openbfactory.reconstruct.ksfw import KSFW_NAMES
from openbfactory.reconstruct.list_fits import final_state
from openbfactory.reconstruct.missing import (
    OPTIONS,
    corrected_deltae,
    corrected_mbc,
    missing_variables,
    rest_momentum,
    rest_variables,
)
from openbfactory.reconstruct.rest_of_event import RestOfEvent, masked, rest_of_event, rows_of_tracks
from openbfactory.reconstruct.vectors import mass_of
from openbfactory.reconstruct.view import View

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
D = Definition

_LISTS = {"tracks": "Tracks", "clusters": "ECLClusters", "klm": "KLMClusters"}


@dataclass(frozen=True, slots=True)
class Rest:
    """Rest of event of candidates, its four-momentum (n, 4) and its variables."""

    rest: RestOfEvent
    p4: Array
    variables: dict[str, Array]


def candidates_key(v: View, what: str) -> str:
    """Name of something computed for these candidates."""
    return f"{what} {v.particles.version} {len(v)} {hash(v.rows.tobytes())}"


def rest(v: View, mask: str = "") -> Rest:
    """Rest of event of each candidate, made once for the same candidates and mask."""
    key = candidates_key(v, f"rest {mask}")
    found: Rest = v.owner.cached(key, lambda: _rest(v, mask))
    return found


def _rest(v: View, mask: str) -> Rest:
    owner, lists = v.owner, v.owner.events.lists
    sources = v.particles.sources[v.rows]
    offsets, used, pointing = {}, {}, {}
    for kind, name in _LISTS.items():
        if name in lists:
            first, size = owner.first_source(name), lists[name].size
            offsets[kind] = lists[name].offsets
            used[kind] = np.where((sources >= first) & (sources < first + size), sources - first, -1)
            if kind != "tracks":
                pointing[kind] = rows_of_tracks(lists[name].offsets, lists["Tracks"].offsets, lists[name]["trackIndex"])
    made = rest_of_event(v.event, offsets, **used, cluster_track=pointing.get("clusters"),
                         klm_track=pointing.get("klm"))
    made = replace(made, neutral=lists["ECLClusters"]["clusterTrackMatch"] == 0)
    if mask:
        made = masked(made, **owner.mask(mask))
    p4 = rest_momentum(made, owner.track_p4(), owner.cluster_p4())
    charge = lists["Tracks"]["charge"].astype(np.int64)
    return Rest(made, p4, rest_variables(made, p4, charge, lists["ECLClusters"]["clusterE"], owner.beam))


def _of_rest(name: str) -> Callable[..., Array]:
    return lambda v, mask="": rest(v, mask).variables[name]


def _option(word: str, most: int) -> int:
    """Number of a definition.

    Raises
    ------
    UnknownNameError
        When there is none of this number.
    """
    return within(int(word) if word.isdecimal() else -1, most, "option")


def _missing(name: str) -> Callable[..., Array]:
    def compute(v: View, mask: str = "", option: str = "0") -> Array:
        found: Array = missing_variables(v.lab, rest(v, mask).p4, v.owner.beam, _option(option, OPTIONS))[name]
        return found

    return compute


def _corrected(which: Callable[..., Array], most: int) -> Callable[..., Array]:
    return lambda v, mask="", option="0": which(v.lab, rest(v, mask).p4, v.owner.beam, _option(option, most))


def _charged(v: View, mask: str = "") -> Array:
    return _of_rest("nROE_Tracks")(v, mask)


def _in_list(v: View, name: str, mask: str = "") -> Array:
    """Particles of a list in the event all of whose detector objects are in the rest of event."""
    made, particles = v.owner.get(name), v.particles
    begin, end = made.offsets[v.event], made.offsets[v.event + 1]
    counts = end - begin
    mine = np.repeat(np.arange(len(v)), counts)
    others = made.rows[np.repeat(begin - (np.cumsum(counts) - counts), counts) + np.arange(len(mine))]
    left = rest(v, mask).rest
    first = v.owner.first_source
    free = np.concatenate([
        _keys(left.tracks.candidates(), left.tracks.rows), _keys(left.clusters.candidates(), left.clusters.rows
                                                                 + first("ECLClusters")),
        _keys(left.klm.candidates(), left.klm.rows + first("KLMClusters"))])
    sources = particles.sources[others]
    inside = np.isin(_keys(mine[:, np.newaxis], sources), free) | (sources < 0)
    return np.bincount(mine[np.all(inside, axis=1)], minlength=len(v)).astype(np.float64)


def _keys(candidate: Index, source: Index) -> Index:
    """One number for a candidate and a detector object."""
    found: Index = candidate * np.int64(2**40) + source
    return found


def continuum(v: View, mask: str = "") -> dict[str, Array]:
    """Variables of continuum suppression, made once for the same candidates and mask."""
    key = candidates_key(v, f"continuum {mask}")
    found: dict[str, Array] = v.owner.cached(key, lambda: _continuum(v, mask))
    return found


def _continuum(v: View, mask: str) -> dict[str, Array]:
    owner, particles = v.owner, v.particles
    remaining = rest(v, mask).rest
    if not len(v):
        return {name: np.empty(0) for name in _CONTINUUM_NAMES}
    members = np.stack(final_state(owner, v.rows), axis=1)
    there = members >= 0
    rows = members[there]
    charge = owner.events["Tracks"]["charge"].astype(np.int64)
    counts = np.count_nonzero(there, axis=1).astype(np.int64)
    sides = two_sides(particles["p4"][rows], particles["charge"][rows], counts,
                      remaining, owner.track_p4(), charge, owner.cluster_p4(), owner.beam)
    return continuum_variables(sides, float(mass_of(owner.beam)))


def _of_continuum(name: str) -> Callable[..., Array]:
    return lambda v, mask="": continuum(v, mask)[name]


def _cone(v: View, number: int, words: str = "", mask: str = "") -> Array:
    if words not in ("", "ROE"):
        raise UnknownNameError("particles", words, ["ROE"])
    return continuum(v, mask)[f"CleoConeCS({within(number - 1, CONES, 'cone') + 1}{', ROE' if words else ''})"]


def _ksfw(v: View, name: str, mask: str = "") -> Array:
    if name not in KSFW_NAMES:
        raise UnknownNameError("KSFW variable", name, KSFW_NAMES)
    return continuum(v, mask)[f"KSFWVariables({name})"]


_SHAPES = {
    "R2": "H_2 / H_0 of candidate and rest of event, c.m.", "thrustBm": "thrust of the candidate, c.m.",
    "thrustOm": "thrust of the rest of event, c.m.", "cosTBTO": "|cosine| of the angle of both thrust axes",
    "cosTBz": "|cosine| of the candidate's thrust axis and z",
}
_CONTINUUM_NAMES = (*_SHAPES, *(f"CleoConeCS({i + 1}{w})" for i in range(CONES) for w in ("", ", ROE")),
                    *(f"KSFWVariables({name})" for name in KSFW_NAMES))
_ROE = {
    "roeE": ("GeV", "energy"), "roeM": ("GeV", "mass"), "roeP": ("GeV", "momentum"),
    "roePt": ("GeV", "transverse momentum"), "roePx": ("GeV", "momentum x"), "roePy": ("GeV", "momentum y"),
    "roePz": ("GeV", "momentum z"), "roePTheta": ("rad", "polar angle of the momentum"),
    "roeMbc": ("GeV", "beam-constrained mass"), "roeDeltae": ("GeV", "c.m. energy minus sqrt(s) / 2"),
    "roeCharge": ("e", "sum of charges"), "roeEextra": ("GeV", "energy of all clusters"),
    "roeNeextra": ("GeV", "energy of the clusters without track"), "nROE_Tracks": ("1", "tracks"),
    "nROE_ECLClusters": ("1", "calorimeter clusters"), "nROE_NeutralECLClusters": ("1",
    "calorimeter clusters without track"),
    "nROE_Photons": ("1", "photons"), "nROE_KLMClusters": ("1", "clusters of the K_L and muon detector"),
}
_MISSING = {
    "weMissE": ("GeV", "missing energy"), "weMissP": ("GeV", "missing momentum"), "weMissPx": ("GeV",
    "missing momentum x"),
    "weMissPy": ("GeV", "missing momentum y"), "weMissPz": ("GeV", "missing momentum z"),
    "weMissPTheta": ("rad", "polar angle of the missing momentum"), "weMissM2": ("GeV^2", "missing mass squared"),
    "weMissM2OverMissE": ("GeV", "missing mass squared over missing energy"),
}
_REST = (
    *(D(name, unit, f"rest of event: {meaning}", _of_rest(name), ("word?",)) for name, (unit, meaning) in _ROE.items()),
    D("nROE_Charged", "1", "rest of event: charged particles", _charged, ("word?",)),
    D("nROE_ParticlesInList", "1", "particles of a list whose detector objects are all in the rest of event", _in_list,
      ("list", "word?")),
    *(D(name, unit, f"candidate and rest of event: {meaning} (mask, definition 0 to 7)", _missing(name),
        ("word?", "word?")) for name, (unit, meaning) in _MISSING.items()),
    D("weMbc", "GeV", "beam-constrained mass with the missing momentum as a neutrino (mask, definition 0 to 2)",
      _corrected(corrected_mbc, 3), ("word?", "word?")),
    D("weDeltae", "GeV", "deltaE with the missing momentum as a neutrino (mask, definition 0 or 1)",
      _corrected(corrected_deltae, 2), ("word?", "word?")),
)
_SUPPRESSION = (
    *(D(name, "1", meaning, _of_continuum(name), ("word?",)) for name, meaning in _SHAPES.items()),
    D("CleoConeCS", "GeV",
      "momentum in cone i (1 to 9) about the candidate's thrust axis; with ROE that of the rest alone",
      _cone, ("integer", "word?", "word?")),
    D("KSFWVariables", "", "modified Fox-Wolfram moment: et, mm2, hso00 to hso24, hoo0 to hoo4", _ksfw,
      ("word", "word?")),
)
REST = table("Rest of event", _REST) | table("Continuum suppression", _SUPPRESSION)
