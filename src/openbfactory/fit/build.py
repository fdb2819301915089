"""Builds likelihood workspaces from templates, and replaces their data.

The layout is that of the published B+ -> K+ nu nubar likelihood (arXiv:2507.12393,
HEPData 10.17182/hepdata.166082): every sample of every channel has its own
``staterror``, so there is one parameter a bin and category for the size of the
simulated sample; ``normsys`` for the normalisation of a sample, shared by the
channels; a ``normfactor`` on the signal; ``histosys`` for every other effect,
symmetric, one parameter wherever its name stands.

Approximation: an empty bin of a template gets ``floor`` +- ``floor`` events, as in
that likelihood (1e-6 +- 1e-6), whatever uncertainty is given for it.  The
uncertainty of one simulated event in a bin where none was found is therefore not
in the model; merge bins where it matters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import FitError, WorkspaceError
from openbfactory.fit.compilation import compile_model
from openbfactory.fit.specification import BoolArray, FloatArray
from openbfactory.fit.workspace import Workspace, parse_workspace

#: events in an empty bin of a template
FLOOR = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Expected events of one sample in one channel.

    Attributes
    ----------
    yields
        Expected events by bin (sum of weights).
    uncertainties
        Standard deviation by bin from the size of the simulated sample (root of
        the sum of squared weights); None for no such uncertainty.
    shifts
        Parameter to the change of the expected events by bin at plus one standard deviation (minus one: the opposite).
    """

    yields: FloatArray
    uncertainties: FloatArray | None = None
    shifts: Mapping[str, FloatArray] = field(default_factory=dict)


def build_workspace(templates: Mapping[str, Mapping[str, Template]], *, signal: Collection[str] = ("signal",),
                    normalisations: Mapping[str, float] | None = None, normalisation_name: str = "norm_{sample}",
                    observations: Mapping[str, Iterable[float]] | None = None, poi: str = "mu",
                    poi_bounds: tuple[float, float] = (0.0, 10.0), floor: float = FLOOR,
                    measurement: str = "measurement") -> Workspace:
    """Workspace of templates by channel and sample, in the order given.

    Parameters
    ----------
    templates
        Template of each sample of each channel.
    signal
        Samples that the parameter of interest scales.
    normalisations
        Relative uncertainty of the normalisation of a sample, between 0 and 1.
    normalisation_name
        Name of its parameter, ``{sample}`` for that of the sample.
    observations
        Observed events by channel; the expected events by default.
    poi, poi_bounds
        Name and bounds of the parameter of interest; it starts at 1.
    floor
        Events in an empty bin of a template; 0 leaves it empty.

    Raises
    ------
    WorkspaceError
        With all findings, when the input has mistakes.
    """
    normalisations = dict(normalisations or {})
    _check_names(templates, signal, normalisations)
    channels: list[dict[str, Any]] = [
        {"name": channel, "samples": [
            _sample(channel, sample, template, floor, poi if sample in signal else None,
                    {normalisation_name.format(sample=sample): normalisations[sample]} if sample in normalisations
                    else {})
            for sample, template in samples.items()]}
        for channel, samples in templates.items()
    ]
    observed = {c["name"]: np.sum([s["data"] for s in c["samples"]], axis=0) for c in channels}
    observed.update({name: np.asarray(list(data), dtype=np.float64) for name, data in (observations or {}).items()})
    document: dict[str, Any] = {
        "channels": channels,
        "measurements": [{"name": measurement, "config": {"poi": poi, "parameters": [
            {"name": poi, "inits": [float(np.clip(1.0, *poi_bounds))], "bounds": [[float(b) for b in poi_bounds]]}]}}],
        "observations": [{"name": name, "data": data.tolist()} for name, data in observed.items()],
        "version": "1.0.0",
    }
    return parse_workspace(document, "templates")


def asimov(workspace: Workspace, mu: float = 1.0, poi: str | None = None) -> Workspace:
    """The workspace with the expected events as data.

    Parameters
    ----------
    mu
        Value of the parameter of interest; every other parameter has its start
        value, or the auxiliary measurement where there is one.
    poi
        Parameter of interest, that of the measurement by default.

    Raises
    ------
    UnknownNameError
        When there is no such parameter.
    FitError
        When a bin has a negative expectation.
    """
    return _with_data(workspace, _expected(workspace, mu, poi))


def pseudo_experiment(workspace: Workspace, generator: np.random.Generator, mu: float = 1.0,
                      poi: str | None = None) -> Workspace:
    """The workspace with data drawn from Poisson distributions of the expected events.

    The auxiliary measurements keep their values (a conditional pseudo-experiment).

    Parameters
    ----------
    generator
        Source of random numbers.
    mu, poi
        As for :func:`asimov`.

    Raises
    ------
    UnknownNameError, FitError
        As :func:`asimov`.
    """
    return _with_data(workspace, generator.poisson(_expected(workspace, mu, poi)).astype(np.float64))


def _check_names(templates: Mapping[str, Mapping[str, Template]], signal: Collection[str],
                 normalisations: Mapping[str, float]) -> None:
    """Refuse names of samples that do not exist, and normalisation uncertainties out of range."""
    findings = Findings("templates")
    samples = {name for group in templates.values() for name in group}
    if not any(s in samples for s in signal):
        findings.unknown_name("signal", ", ".join(signal), samples, what="sample")
    for name, relative in normalisations.items():
        if name not in samples:
            findings.unknown_name("normalisations", name, samples, what="sample")
        if not 0 < relative < 1:
            findings.error("normalisation", f"normalisations.{name}", f"found {relative:g}",
                           expected="a relative uncertainty between 0 and 1")
    findings.raise_if_errors(WorkspaceError)


def _sample(channel: str, name: str, template: Template, floor: float, poi: str | None,
            normalisations: Mapping[str, float]) -> dict[str, Any]:
    """JSON object of a sample."""
    yields = np.asarray(template.yields, dtype=np.float64)
    empty = yields == 0
    modifiers: list[dict[str, Any]] = []
    if poi is not None:
        modifiers.append({"name": poi, "type": "normfactor", "data": None})
    modifiers += [{"name": parameter, "type": "normsys", "data": {"hi": 1 + float(size), "lo": 1 - float(size)}}
                  for parameter, size in normalisations.items()]
    if template.uncertainties is not None:
        uncertainties = np.asarray(template.uncertainties, dtype=np.float64)
        if uncertainties.shape == yields.shape:
            uncertainties = np.where(empty, floor, uncertainties)
        modifiers.append({"name": f"stat_{name}_{channel}", "type": "staterror", "data": uncertainties.tolist()})
    data = np.where(empty, floor, yields)
    modifiers += [_histosys(parameter, data, np.asarray(shift, dtype=np.float64), empty)
                  for parameter, shift in template.shifts.items()]
    return {"name": name, "data": data.tolist(), "modifiers": modifiers}


def _histosys(parameter: str, data: FloatArray, shift: FloatArray, empty: BoolArray) -> dict[str, Any]:
    """JSON object of a symmetric shift; one of another length stays as it is, for the check of the workspace."""
    if shift.shape == data.shape:
        change = np.where(empty, 0.0, shift)
        shapes = {"hi_data": (data + change).tolist(), "lo_data": (data - change).tolist()}
    else:
        shapes = {"hi_data": shift.tolist(), "lo_data": shift.tolist()}
    return {"name": parameter, "type": "histosys", "data": shapes}


def _expected(workspace: Workspace, mu: float, poi: str | None) -> FloatArray:
    """Expected events by bin at a value of the parameter of interest."""
    chosen = workspace.measurement()
    model = compile_model(workspace, chosen.name)
    parameters = model.parameters
    theta = np.where(np.isfinite(parameters.center), parameters.center, parameters.inits)
    theta[parameters.index(poi or chosen.poi)] = mu
    expected = model.expected(theta)
    if not (expected >= 0).all():
        message = f"the expectation at {poi or chosen.poi} = {mu:g} is negative in {int((expected < 0).sum())} bins"
        raise FitError(message)
    return expected


def _with_data(workspace: Workspace, values: FloatArray) -> Workspace:
    """The workspace with other observations."""
    return workspace.with_observations({name: data.tolist() for name, data in workspace.split(values).items()})
