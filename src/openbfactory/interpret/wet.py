"""A B+ -> K+ nu nubar likelihood for the weak effective theory, by reweighting its signal in generated q2.

Input: the workspace (pyhf JSON) and, for each channel with signal, the joint number
density M_ij: expected events of the null model in fit bin i and generated q2 bin j
(arXiv:2507.12393; method: arXiv:2402.08417).  A model with rate B_j in bin j scales the
signal of bin i by sum_j M_ij B_j / B0_j / sum_j M_ij, with B0 the rate of the null model
(:mod:`openbfactory.physics.knunu`).

The rate is V |C_VL + C_VR|^2 + S |C_SL + C_SR|^2 + T |C_TL|^2 without interference, so
the signal becomes three samples, each with the experimental variations of the old one
and a ``normfactor``: the square of its coefficient.  The result is an ordinary workspace
that every HistFactory program fits.  The old parameter of interest and the old
form-factor variations go; the form factors enter as eight ``histosys``, one a principal
axis of their covariance, shared by all channels.

Approximation: the dependence on a form-factor axis is interpolated between -1, 0 and
+1 standard deviations; products of two axes, and of an axis with an experimental
variation, are left out.  Events without a generated q2 scale with the vector part.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.physics import knunu, wet

Array = npt.NDArray[np.float64]

#: edges of generated q2 [GeV^2] of the published number densities: one bin for events without q2, then 100
PUBLISHED_EDGES = np.concatenate([[-1.0], np.linspace(0.0, 22.885, 101)])

#: form-factor variations of the published workspace, which this model replaces
PUBLISHED_FORM_FACTORS = ("corr_ff_c1", "corr_ff_c2", "corr_ff_c3")

#: parameters of the three samples, the squares of the coefficients
SQUARES = ("C_V_squared", "C_S_squared", "C_T_squared")

#: largest coefficient
MAX_COEFFICIENT = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class NumberDensity:
    """Expected signal events of one channel in fit bin and generated q2 bin.

    Attributes
    ----------
    edges
        Edges in q2 [GeV^2], (q2 bins + 1); a bin not wholly in [0, largest q2] is not reweighted.
    events
        Shape (fit bins, q2 bins).
    """

    edges: Array
    events: Array


def read_number_density(path: str | Path, edges: Array = PUBLISHED_EDGES) -> NumberDensity:
    """Number density of a CSV file, one row a fit bin.

    Raises
    ------
    InputError
        When the file cannot be read as numbers, or its shape does not fit the edges.
    """
    findings = Findings(str(path))
    events = np.zeros((0, 0))
    try:
        events = np.loadtxt(path, delimiter=",", ndmin=2, dtype=np.float64)
    except (OSError, ValueError) as problem:
        findings.error("number-density", "", f"cannot read the table: {problem}")
    findings.raise_if_errors(InputError)
    if events.shape[1] != len(edges) - 1:
        findings.error("number-density", "", f"has {events.shape[1]} columns", expected=f"{len(edges) - 1}")
    if not (np.isfinite(events).all() and (events >= 0).all() and (events.sum(axis=1) > 0).all()):
        findings.error("number-density", "", "has entries that are no expected events",
                       expected="finite numbers >= 0, a positive sum in each row")
    findings.raise_if_errors(InputError)
    return NumberDensity(np.asarray(edges, np.float64), events)


def signal_factors(density: NumberDensity, parameters: Array | None = None) -> Array:
    """Factor on the signal of each fit bin for a coefficient of 1, one row a combination, shape (3, bins)."""
    edges, events = density.edges, density.events
    inside = (edges[:-1] >= 0) & (edges[1:] <= knunu.q2_max())
    alternative = wet.binned_rates(edges, parameters)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    half = 0.5 * np.diff(edges)[:, None]
    points = 0.5 * (edges[1:] + edges[:-1])[:, None] + half * nodes
    null = (np.where(points >= 0, knunu.differential_rate(np.maximum(points, 0.0)), 0.0) * weights).sum(1) * half[:, 0]
    ratio = np.divide(alternative, null, out=np.zeros_like(alternative), where=inside & (null > 0))
    ratio[0, ~inside] = 1 / wet.constants()["C_VL_SM"] ** 2
    factors: Array = ratio @ events.T / events.sum(axis=1)
    return factors


def wet_workspace(document: Mapping[str, Any], densities: Mapping[str, NumberDensity], *, poi: str = "mu",
                  replaced: Collection[str] = PUBLISHED_FORM_FACTORS) -> dict[str, Any]:
    """Workspace whose signal is the three parts of the weak effective theory.

    Parameters
    ----------
    document
        Checked workspace; not changed.
    densities
        By channel, for every channel with a sample that ``poi`` scales.
    poi
        ``normfactor`` of the old signal, which goes.
    replaced
        Variations of the old signal that go.

    Raises
    ------
    InputError
        When densities are missing, too many, or of another number of bins.
    """
    result: dict[str, Any] = copy.deepcopy(dict(document))
    _check(result, densities, poi)
    for channel in result["channels"]:
        samples = []
        for sample in channel["samples"]:
            if any(m["name"] == poi and m["type"] == "normfactor" for m in sample["modifiers"]):
                samples += _parts(sample, densities[channel["name"]], {poi, *replaced})
            else:
                samples.append(sample)
        channel["samples"] = samples
    start = (wet.constants()["C_VL_SM"] ** 2, 0.0, 0.0)
    settings = [{"name": n, "inits": [s], "bounds": [[0.0, MAX_COEFFICIENT**2]]}
                for n, s in zip(SQUARES, start, strict=True)]
    used = {m["name"] for c in result["channels"] for s in c["samples"] for m in s["modifiers"]}
    for measurement in result["measurements"]:
        config = measurement["config"]
        kept = [p for p in config["parameters"] if p["name"] in used]
        measurement["config"] = {"poi": SQUARES[0], "parameters": [*kept, *settings]}
    return result


def _check(document: Mapping[str, Any], densities: Mapping[str, NumberDensity], poi: str) -> None:
    """Refuse densities that do not fit the workspace."""
    findings = Findings("number densities")
    bins = {c["name"]: len(s["data"]) for c in document["channels"] for s in c["samples"]
            if any(m["name"] == poi and m["type"] == "normfactor" for m in s["modifiers"])}
    if not bins:
        findings.error("poi", poi, "no sample is scaled by this parameter")
    for channel, number in bins.items():
        if channel not in densities:
            findings.error("missing", channel, "the channel has signal and no number density")
        elif len(densities[channel].events) != number:
            findings.error("bins", channel, f"the density has {len(densities[channel].events)} rows",
                           expected=f"{number}, the bins of the channel")
    for channel in densities:
        if channel not in bins:
            findings.unknown_name(channel, channel, bins, what="channel with signal")
    findings.raise_if_errors(InputError)


def _parts(sample: Mapping[str, Any], density: NumberDensity, dropped: Collection[str]) -> list[dict[str, Any]]:
    """The three samples that replace a signal sample."""
    central = signal_factors(density)
    nominal = np.asarray(sample["data"], np.float64) * central
    axes = np.eye(len(wet.form_factor_values()))
    varied = [tuple(np.asarray(sample["data"]) * signal_factors(density, wet.form_factor_values(sign * axis))
                    for sign in (-1.0, 1.0)) for axis in axes]
    # in a staterror the samples add in quadrature: the relative uncertainty of the old signal is kept
    total = nominal.sum(axis=0) / math.sqrt(len(nominal)) / np.asarray(sample["data"], np.float64)
    parts = []
    for row, name in enumerate(wet.COMBINATIONS):
        modifiers = [_scaled(m, central[row], total) for m in sample["modifiers"] if m["name"] not in dropped]
        modifiers.append({"name": SQUARES[row], "type": "normfactor", "data": None})
        modifiers += [{"name": f"form_factor_{k}", "type": "histosys",
                       "data": {"lo_data": low[row].tolist(), "hi_data": high[row].tolist()}}
                      for k, (low, high) in enumerate(varied)]
        parts.append({"name": f"{sample['name']}_{name}", "data": nominal[row].tolist(), "modifiers": modifiers})
    return parts


def _scaled(modifier: Mapping[str, Any], factor: Array, total: Array) -> dict[str, Any]:
    """A modifier of the old signal for one of its parts."""
    data = modifier["data"]
    if modifier["type"] == "histosys":
        data = {key: (np.asarray(data[key]) * factor).tolist() for key in ("lo_data", "hi_data")}
    elif modifier["type"] in {"staterror", "shapesys"}:
        data = (np.asarray(data) * total).tolist()
    return {**modifier, "data": data}
