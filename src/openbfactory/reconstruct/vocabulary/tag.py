"""The other B: its flavour, its vertex, and the difference of the decay times.

Flavour: :mod:`openbfactory.reconstruct.flavour_tagger`, on the whole rest of event with the tagger's own cuts; a tagger
must be there (``Reconstruction.flavour_tagger``).  Vertex: the tracks of that rest of event with a hit in the pixel
detector and without those of K_S, fitted robustly in a tube from the interaction region along the momentum of the other
B (that of the collision without the candidate's), see :mod:`openbfactory.reconstruct.tag_vertex`.  Times are in ps as
in basf2, unlike everywhere else.

The candidate needs a fitted vertex: without one, and without a fit of the other side, all of this is NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from openbfactory.core import units
from openbfactory.core.errors import InputError, UnknownNameError
from openbfactory.reconstruct.definitions import Definition, table
from openbfactory.reconstruct.flavour_categories import CATEGORIES
from openbfactory.reconstruct.flavour_features import cleaned, v0_pairs
from openbfactory.reconstruct.flavour_tagger import Tagged
from openbfactory.reconstruct.flavour_truth import ancestor_rows, flavour_truth, other_b
from openbfactory.reconstruct.rest_of_event import masked
from openbfactory.reconstruct.tag_vertex import boost_direction, delta_t, tag_vertices, tube_constraint
from openbfactory.reconstruct.v0 import select_v0
from openbfactory.reconstruct.view import View
from openbfactory.reconstruct.vocabulary.rest import candidates_key, rest
from openbfactory.reconstruct.vocabulary.truth import first_daughters, matches
from openbfactory.reconstruct.vocabulary.vertices import vertex_covariance

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
D = Definition

#: method of the combination
METHODS = ("FBDT",)
#: edges of the bins of r, the first bin is 0
BELLE_EDGES = (0.1, 0.25, 0.5, 0.625, 0.75, 0.875)


def tagged(v: View) -> Tagged:
    """Flavour of the other B of each candidate, made once for the same candidates.

    Raises
    ------
    InputError
        Without a tagger.
    """
    tagger = v.owner.flavour_tagger
    if tagger is None:
        message = ("the flavour of the other B needs a flavour tagger: train one with 'obf train flavour-tagger' and "
                   "give its folder with --flavour-tagger, or set Reconstruction.flavour_tagger")
        raise InputError(message)
    found: Tagged = v.owner.cached(candidates_key(v, "flavour"), lambda: tagger(v.owner, rest(v).rest))
    return found


def _qr(v: View, method: str = "FBDT") -> Array:
    if method not in METHODS:
        raise UnknownNameError("method of the flavour tagger", method, METHODS)
    return tagged(v).qr


def _category(v: View, name: str) -> Array:
    if name not in CATEGORIES:
        raise UnknownNameError("category", name, CATEGORIES)
    return tagged(v).qp[name]


def _belle_bin(v: View, method: str = "FBDT") -> Array:
    return np.searchsorted(BELLE_EDGES, np.abs(_qr(v, method)), side="right").astype(np.float64)


def _true_flavour(v: View) -> Array:
    """Flavour of the B that most tracks of the rest of event come from; NaN for data."""
    def make() -> Array:
        tracks = cleaned(v.owner, rest(v).rest).tracks
        charge = v.owner.events["Tracks"]["charge"].astype(np.float64)
        found, _ = flavour_truth(v.owner, tracks.offsets, tracks.rows, charge[tracks.rows])
        return found.astype(np.float64)

    if "MCParticles" not in v.owner.events.lists:
        return np.full(len(v), np.nan)
    found: Array = v.owner.cached(candidates_key(v, "true flavour"), make)
    return found


def _ancestor(v: View) -> Array:
    """Index of the generated B that the match comes from, -1 for none; NaN for data."""
    if "MCParticles" not in v.owner.events.lists:
        return np.full(len(v), np.nan)
    rows = ancestor_rows(v.owner, matches(v))
    return np.where(rows >= 0, rows - v.owner.events["MCParticles"].offsets[v.event], -1).astype(np.float64)


def _other(v: View) -> Index:
    """Row of the generated other B, -1 for none."""
    found: Index = v.owner.cached(candidates_key(v, "other b"), lambda: other_b(v.owner, matches(v)))
    return found


def _other_flavour(v: View) -> Array:
    if "MCParticles" not in v.owner.events.lists:
        return np.full(len(v), np.nan)
    rows = _other(v)
    return np.where(rows >= 0, np.sign(v.owner.events["MCParticles"]["PDG"][rows]), 0).astype(np.float64)


def _decay_points(v: View, rows: Index) -> Array:
    """Decay vertices (n, 3) [cm] and times (n,) [ns] of generated particles, together (n, 4); NaN for -1."""
    found = np.full((len(v), 4), np.nan)
    if "MCParticles" in v.owner.events.lists:
        truth, below = v.owner.events["MCParticles"], np.where(rows >= 0, first_daughters(v)[rows], -1)
        there = below >= 0
        found[there] = np.column_stack([truth[c][below[there]] for c in "xyzt"])
    return found


def _true_delta(v: View) -> Array:
    """Generated difference of the decay places along the boost over beta gamma c [ns]."""
    signal, tag = _decay_points(v, matches(v)), _decay_points(v, _other(v))
    none = np.zeros((len(v), 3, 3))
    return delta_t(signal[:, :3], none, tag[:, :3], none, v.owner.beam)["DeltaT"]


def _proper(v: View, rows: Index) -> Array:
    """Proper decay times [ns] of generated particles."""
    found = np.full(len(v), np.nan)
    if "MCParticles" in v.owner.events.lists:
        truth, there = v.owner.events["MCParticles"], rows >= 0
        p4 = np.column_stack([truth[c][rows[there]] for c in ("E", "px", "py", "pz")])
        mass = np.sqrt(np.maximum(p4[:, 0] ** 2 - np.sum(p4[:, 1:] ** 2, axis=1), 0.0))
        found[there] = (_decay_points(v, rows)[there, 3] - truth["t"][rows[there]]) * mass / p4[:, 0]
    return found


def tag_side(v: View) -> dict[str, Array]:
    """Variables of the vertex of the other B, made once for the same candidates."""
    found: dict[str, Array] = v.owner.cached(candidates_key(v, f"tag side {np.sum(v.column('fit'))}"),
                                             lambda: _tag_side(v))
    return found


def _tag_side(v: View) -> dict[str, Array]:
    owner = v.owner
    own = owner.events["Tracks"]
    pairs = v0_pairs(owner)
    kshort = select_v0(pairs, "K_S0", owner.ip, best_of_track=True, cos_pointing_min=0.98, distance_min=0.5)
    good = own["nPXDHits"] > 0
    good[pairs.daughters[kshort.rows].ravel()] = False
    tracks = masked(cleaned(owner, rest(v).rest), tracks=good).tracks
    tube = tube_constraint(owner.ip_covariance, owner.beam[1:] - v.lab[:, 1:])
    fits = tag_vertices(tracks, owner.helices(), np.ascontiguousarray(own["cov"], np.float64),
                        np.broadcast_to(owner.ip, (len(v), 3)).copy(), np.ascontiguousarray(tube))
    with np.errstate(invalid="ignore"):
        found = delta_t(v.column("vertex"), vertex_covariance(v), fits.position, fits.covariance, owner.beam)
        sigma = np.sqrt(np.einsum("nii->ni", fits.covariance))
        signal = np.sqrt(vertex_covariance(v)[:, 2, 2])
    b = boost_direction(owner.beam)
    found |= {f"TagV{axis}Err": sigma[:, i] for i, axis in enumerate("xyz")}
    found |= {"DeltaT": found["DeltaT"] / units.ps, "DeltaTErr": found["DeltaTErr"] / units.ps,
              "DeltaZErr": np.hypot(sigma[:, 2], signal), "TagVpVal": fits.pValue, "TagVNDF": fits.ndf,
              "TagVChi2": fits.chi2, "TagVNTracks": tracks.counts.astype(np.float64),
              "TagVEffectiveTracks": fits.tracks,
              "TagVLBoostErr": np.sqrt(np.einsum("nij,i,j->n", fits.covariance, b, b))}
    return found


def _of_tag(name: str) -> Callable[[View], Array]:
    return lambda v: tag_side(v)[name]


_FLAVOUR = (
    D("qrOutput", "1", "flavour times dilution of the other B from the flavour tagger, +1 like a B0", _qr, ("word",)),
    D("FBDT_qrCombined", "1", "the same, qrOutput(FBDT)", _qr),
    D("qOutput", "1", "flavour of the other B from the flavour tagger: +1, -1, 0 without a tag",
      lambda v, method: np.sign(_qr(v, method)), ("word",)),
    D("rBinBelle", "1", "bin of r of the flavour tagger: 0 below 0.1, then edges 0.25, 0.5, 0.625, 0.75, 0.875",
      _belle_bin, ("word",), source="basf2-variables; edges recalled, not checked"),
    D("qpCategories", "1", f"output of a category of the flavour tagger: {', '.join(CATEGORIES)}", _category,
      ("word",)),
)
_VERTEX = (
    *(D(f"TagV{axis}", "cm", f"{axis} of the vertex of the other B", _of_tag(f"TagV{axis}")) for axis in "xyz"),
    *(D(f"TagV{axis}Err", "cm", f"uncertainty of {axis} of the vertex of the other B", _of_tag(f"TagV{axis}Err"))
      for axis in "xyz"),
    D("TagVpVal", "1", "probability of the vertex fit of the other B", _of_tag("TagVpVal")),
    D("TagVNDF", "1", "degrees of freedom of that fit, not a whole number", _of_tag("TagVNDF")),
    D("TagVChi2", "1", "chi2 of that fit", _of_tag("TagVChi2")),
    D("TagVNTracks", "1", "tracks that the fit was given", _of_tag("TagVNTracks")),
    D("TagVEffectiveTracks", "1", "sum of the weights of its tracks", _of_tag("TagVEffectiveTracks"),
      source="estimate; defined here"),
    D("TagVLBoost", "cm", "vertex of the other B along the boost", _of_tag("TagVLBoost")),
    D("TagVLBoostErr", "cm", "uncertainty of that", _of_tag("TagVLBoostErr")),
)
_TIME = (
    D("DeltaT", "ps", "difference of the decay times, candidate minus other B, along the boost", _of_tag("DeltaT")),
    D("DeltaTErr", "ps", "uncertainty of DeltaT", _of_tag("DeltaTErr")),
    D("DeltaZ", "cm", "difference of the vertices along z", _of_tag("DeltaZ")),
    D("DeltaZErr", "cm", "uncertainty of DeltaZ", _of_tag("DeltaZErr")),
    D("DeltaBoost", "cm", "difference of the vertices along the boost", _of_tag("DeltaBoost")),
    D("DeltaBoostErr", "cm", "uncertainty of DeltaBoost", _of_tag("DeltaBoostErr")),
)
_TRUTH = (
    D("qrCombined", "1", "flavour of the B that most tracks of the rest of event come from, 0 for none",
      _true_flavour),
    D("isRelatedRestOfEventB0Flavor", "1", "the same as qrCombined", _true_flavour,
      source="basf2-variables; recalled, the definition was not checked"),
    D("mcFlavorOfOtherB", "1", "flavour of the generated other B at its decay, 0 without a match", _other_flavour),
    D("mcTagBFlavor", "1", "the same as mcFlavorOfOtherB", _other_flavour),
    D("ancestorBIndex", "1", "index in its event of the B that the match comes from, -1 for none", _ancestor),
    D("mcDeltaT", "ps", "generated difference of the decay places along the boost over beta gamma c",
      lambda v: _true_delta(v) / units.ps),
    D("mcDeltaTau", "ps", "generated difference of the proper decay times",
      lambda v: (_proper(v, matches(v)) - _proper(v, _other(v))) / units.ps),
    *(D(f"mcTagV{axis}", "cm", f"{axis} of the decay of the other B",
        lambda v, i=i: _decay_points(v, _other(v))[:, i]) for i, axis in enumerate("xyz")),
)
TAG = table("Other B", _FLAVOUR, _VERTEX, _TIME) | table("Truth", _TRUTH)
