"""Tracks: helix, hits, distance to the interaction point; acceptance of the subdetectors."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from openbfactory.core.quantities import QuantityTable, load_quantities
from openbfactory.core.units import degree
from openbfactory.kinematics.helix import move_pivot
from openbfactory.reconstruct.config import DATA
from openbfactory.reconstruct.definitions import Definition, table
from openbfactory.reconstruct.particles import TRACK
from openbfactory.reconstruct.vectors import phi, theta
from openbfactory.reconstruct.view import View, picked

Array = npt.NDArray[np.float64]
D = Definition
#: places of the variances in the upper triangle of the helix covariance
_VARIANCES = {"d0": 0, "phi0": 5, "omega": 9, "z0": 12, "tanLambda": 14}


@cache
def acceptance() -> QuantityTable:
    """Angles and momenta of the acceptance variables."""
    return load_quantities(DATA / "acceptance.yaml")


def of_track(name: str) -> Callable[[View], Array]:
    """Column of ``Tracks``, NaN for particles that are no track."""
    return lambda v: picked(v.owner.events["Tracks"][name], v.track_rows())


def _error(name: str) -> Callable[[View], Array]:
    return lambda v: np.sqrt(picked(v.owner.events["Tracks"]["cov"][:, _VARIANCES[name]], v.track_rows()))


def displacement(v: View) -> Array:
    """Vector (n, 3) [cm] from the interaction point: of a track its nearest point to it, else the vertex."""
    owner = v.owner
    moved = owner.cached("displacement", lambda: _pocas(move_pivot(owner.helices(), owner.ip)))
    found: Array = v.column("vertex") - owner.ip
    tracks = np.flatnonzero(v.column("kind") == TRACK)
    found[tracks] = moved[v.column("row")[tracks]]
    return found


def _pocas(helix: Array) -> Array:
    return np.column_stack([helix[:, 0] * np.sin(helix[:, 1]), -helix[:, 0] * np.cos(helix[:, 1]), helix[:, 3]])


def between(values: Array, *names: str) -> Array:
    """1 where an angle [rad] is in one of the named ranges ``NAME_min`` to ``NAME_max``."""
    cuts, found = acceptance(), np.zeros(len(values), bool)
    for name in names:
        found |= (values > cuts[f"{name}_min"] * degree) & (values < cuts[f"{name}_max"] * degree)
    return found.astype(np.float64)


def _theta(v: View) -> Array:
    return theta(v.lab[:, 1:])


def _pt_above(v: View, limit: str, region: str) -> Array:
    """1 where a charged particle in a region has the transverse momentum to reach it; 1 for neutral ones."""
    pt = np.hypot(v.lab[:, 1], v.lab[:, 2])
    needs = (v.column("charge") != 0) & (between(_theta(v), region) > 0)
    return (~needs | (pt > acceptance()[limit])).astype(np.float64)


def _in_ecl(v: View) -> Array:
    return between(_theta(v), "ecl_forward", "ecl_barrel", "ecl_backward")


_HELIX = (
    D("d0", "cm", "signed distance of the track to the z axis", of_track("d0")),
    D("phi0", "rad", "azimuth of the momentum at the point nearest to the z axis", of_track("phi0")),
    D("omega", "1/cm", "signed curvature", of_track("omega")),
    D("z0", "cm", "z at the point nearest to the z axis", of_track("z0")),
    D("tanLambda", "1", "pz over pt", of_track("tanLambda")),
    *(D(f"{name}Err", unit, f"uncertainty of {name}", _error(name)) for name, unit in
      (("d0", "cm"), ("phi0", "rad"), ("omega", "1/cm"), ("z0", "cm"), ("tanLambda", "1"))),
    D("nPXDHits", "1", "hits in the pixel detector", of_track("nPXDHits")),
    D("nSVDHits", "1", "hits in the strip detector", of_track("nSVDHits")),
    D("nCDCHits", "1", "hits in the drift chamber", of_track("nCDCHits")),
    D("nVXDHits", "1", "hits in pixel and strip detector", lambda v: of_track("nPXDHits")(v) + of_track("nSVDHits")(v)),
)
_DISTANCE = (
    D("dx", "cm", "x relative to the interaction point: nearest point of a track, vertex of others",
      lambda v: displacement(v)[:, 0]),
    D("dy", "cm", "y relative to the interaction point", lambda v: displacement(v)[:, 1]),
    D("dz", "cm", "z relative to the interaction point", lambda v: displacement(v)[:, 2]),
    D("dr", "cm", "transverse distance to the interaction point",
      lambda v: np.hypot(displacement(v)[:, 0], displacement(v)[:, 1])),
    D("dphi", "rad", "azimuth of the vertex seen from the interaction point", lambda v: phi(displacement(v))),
    D("dcosTheta", "1", "cosine of the polar angle of the vertex seen from the interaction point",
      lambda v: np.cos(theta(displacement(v)))),
)
_ACCEPTANCE = (
    D("thetaInCDCAcceptance", "1", "1 where theta is that of the drift chamber",
      lambda v: between(_theta(v), "cdc_theta")),
    D("thetaInTOPAcceptance", "1", "1 where theta is that of the TOP counter",
      lambda v: between(_theta(v), "top_theta")),
    D("thetaInARICHAcceptance", "1", "1 where theta is that of the ARICH", lambda v: between(_theta(v), "arich_theta")),
    D("thetaInECLAcceptance", "1", "1 where theta is that of the calorimeter without its gaps", _in_ecl),
    D("thetaInKLMAcceptance", "1", "1 where theta is that of the K_L and muon detector",
      lambda v: between(_theta(v), "klm_theta")),
    D("ptInTOPAcceptance", "1", "1 where pt suffices to reach the TOP counter",
      lambda v: _pt_above(v, "top_pt_min", "top_theta")),
    D("ptInBarrelECLAcceptance", "1", "1 where pt suffices to reach the barrel calorimeter",
      lambda v: _pt_above(v, "ecl_pt_min", "ecl_barrel")),
    D("ptInBarrelKLMAcceptance", "1", "1 where pt suffices to reach the barrel of the K_L and muon detector",
      lambda v: _pt_above(v, "klm_pt_min", "klm_barrel")),
    D("inCDCAcceptance", "1", "1 inside the drift chamber", lambda v: between(_theta(v), "cdc_theta")),
    D("inTOPAcceptance", "1", "1 inside the TOP counter",
      lambda v: between(_theta(v), "top_theta") * _pt_above(v, "top_pt_min", "top_theta")),
    D("inARICHAcceptance", "1", "1 inside the ARICH", lambda v: between(_theta(v), "arich_theta")),
    D("inECLAcceptance", "1", "1 inside the calorimeter", lambda v: _in_ecl(v) * _pt_above(v, "ecl_pt_min",
      "ecl_barrel")),
    D("inKLMAcceptance", "1", "1 inside the K_L and muon detector",
      lambda v: between(_theta(v), "klm_theta") * _pt_above(v, "klm_pt_min", "klm_barrel")),
)
TRACKS = table("Tracks", _HELIX, _DISTANCE) | table("Acceptance", _ACCEPTANCE)
