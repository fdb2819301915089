"""A B+ -> K+ nu nubar likelihood for B -> K X with a light X that is not seen.

The decay has one value of q2, m_X^2.  With the joint number density M_ij of the null model (events in fit bin i from
bin j of generated q2, :mod:`openbfactory.interpret.wet`) and its branching fraction B0_j in that bin, a branching
fraction B(B -> K X) gives

    n_i = M_ij B(B -> K X) / B0_j        events, j the bin of m_X^2.

They enter as a new sample of each channel with the experimental variations of the Standard-Model signal, scaled by a
``normfactor`` in :data:`UNIT`; the Standard-Model decay stays, its parameter fixed at 1 with its own uncertainties.

A finite lifetime: only X that leave the detector count, B x P(escape); P is averaged over the directions of X in the
rest frame of the B with the boost of the collisions.

Approximation: the efficiency of the bin of q2 that holds m_X^2, with its statistical noise; the detector is a sphere;
the momentum of the B in the c.m. frame (0.3 GeV) is left out; X that decay inside are lost, never vetoed.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.interpret.wet import NumberDensity
from openbfactory.physics import knunu

Array = npt.NDArray[np.float64]

#: name of the parameter of interest, its unit and its largest value
POI, UNIT, LARGEST = "BF_KX", 1e-5, 100.0


def largest_mass() -> float:
    """Largest mass of X [GeV] for which the published kinematics has a signal."""
    return math.sqrt(knunu.q2_max())


def two_body_workspace(document: Mapping[str, Any], densities: Mapping[str, NumberDensity], mass: float, *,
                       poi: str = "mu") -> dict[str, Any]:
    """Workspace with B -> K X as signal, in units of 1e-5, and the Standard-Model decay fixed.

    Parameters
    ----------
    document
        Checked workspace; not changed.
    densities
        By channel, for every channel with a sample that ``poi`` scales.
    mass
        Mass of X [GeV].
    poi
        ``normfactor`` of the Standard-Model signal.

    Raises
    ------
    InputError
        When the mass is not reached, or a channel with signal has no density of its own number of bins.
    """
    result: dict[str, Any] = copy.deepcopy(dict(document))
    findings = Findings("B -> K X")
    if not 0.0 <= mass < largest_mass():
        findings.error("mass", "", f"found {mass:g} GeV", expected=f"0 to {largest_mass():.3f}")
    found = False
    for channel in result["channels"]:
        for sample in list(channel["samples"]):
            if not any(m["name"] == poi and m["type"] == "normfactor" for m in sample["modifiers"]):
                continue
            density, found = densities.get(channel["name"]), True
            if density is None or len(density.events) != len(sample["data"]):
                findings.error("density", channel["name"], "no number density of the bins of this channel",
                               expected=f"{len(sample['data'])} rows")
            elif not findings.errors:
                channel["samples"].append(_new_sample(sample, events_of(density, mass) * UNIT, poi))
    if not found:
        findings.error("poi", poi, "no sample is scaled by this parameter")
    findings.raise_if_errors(InputError)
    for measurement in result["measurements"]:
        kept = [p for p in measurement["config"]["parameters"] if p["name"] not in (poi, POI)]
        measurement["config"] = {"poi": POI, "parameters": [
            *kept, {"name": poi, "inits": [1.0], "bounds": [[0.0, 10.0]], "fixed": True},
            {"name": POI, "inits": [0.1], "bounds": [[-LARGEST, LARGEST]]}]}
    return result


def events_of(density: NumberDensity, mass: float) -> Array:
    """Expected events in each fit bin for a branching fraction of 1."""
    j = int(np.searchsorted(density.edges, mass * mass, side="right")) - 1
    j = min(max(j, int(np.searchsorted(density.edges, 0.0))), len(density.edges) - 2)
    fraction = knunu.branching_fraction(float(density.edges[j]), float(density.edges[j + 1]))
    events: Array = density.events[:, j] / fraction
    return events


def _new_sample(sample: Mapping[str, Any], events: Array, poi: str) -> dict[str, Any]:
    """Sample of B -> K X with the relative variations of the Standard-Model one."""
    ratio = events / np.asarray(sample["data"], np.float64)
    modifiers: list[dict[str, Any]] = [{"name": POI, "type": "normfactor", "data": None}]
    for modifier in sample["modifiers"]:
        data = modifier["data"]
        if modifier["name"] == poi or modifier["type"] in ("staterror", "shapesys"):
            continue
        if modifier["type"] == "histosys":
            data = {key: (np.asarray(data[key]) * ratio).tolist() for key in ("lo_data", "hi_data")}
        modifiers.append({**modifier, "data": data})
    return {"name": "B_KX", "data": events.tolist(), "modifiers": modifiers}


def escape_probability(mass: float, ctau: float, radius: float, boost: float) -> float:
    """Share of X from B -> K X that decay beyond a radius.

    Parameters
    ----------
    mass
        Mass of X [GeV]; a massless X always escapes.
    ctau
        Proper decay length [cm].
    radius
        Of the sphere that X has to leave [cm].
    boost
        beta gamma of the B in the laboratory.
    """
    if mass <= 0.0 or math.isinf(ctau):
        return 1.0
    if ctau <= 0.0:
        return 0.0
    p = float(knunu.kaon_momentum(mass * mass))
    nodes, weights = np.polynomial.legendre.leggauss(64)
    energy, gamma = math.hypot(p, mass), math.hypot(1.0, boost)
    along = gamma * p * nodes + boost * energy
    momentum = np.hypot(along, p * np.sqrt(1 - nodes**2))
    return float(0.5 * np.sum(weights * np.exp(-radius * mass / (momentum * ctau))))
