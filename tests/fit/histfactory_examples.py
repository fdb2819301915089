"""Workspaces for the tests of the fit room: small ones by hand, random ones by hypothesis."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st


def simple_document(observed: float = 60.0) -> dict[str, Any]:
    """One bin, signal 10 mu, background 50 with a relative uncertainty of 10 %."""
    return {
        "channels": [{"name": "SR", "samples": [
            {"name": "signal", "data": [10.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
            {"name": "background", "data": [50.0], "modifiers": [
                {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}]},
        ]}],
        "observations": [{"name": "SR", "data": [observed]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


def two_channels() -> dict[str, Any]:
    """Two channels of 3 and 2 bins with every modifier type but lumi."""
    document = simple_document()
    document["channels"] = [
        {"name": "SR", "samples": [
            {"name": "signal", "data": [3.0, 5.0, 8.0], "modifiers": [
                {"name": "mu", "type": "normfactor", "data": None},
                {"name": "shape", "type": "histosys",
                 "data": {"lo_data": [2.5, 4.8, 8.3], "hi_data": [3.4, 5.3, 7.6]}}]},
            {"name": "background", "data": [50.0, 40.0, 30.0], "modifiers": [
                {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
                {"name": "stat_SR", "type": "staterror", "data": [3.0, 2.0, 2.0]}]},
        ]},
        {"name": "CR", "samples": [
            {"name": "background", "data": [100.0, 90.0], "modifiers": [
                {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
                {"name": "uncorrelated", "type": "shapesys", "data": [5.0, 4.0]}]},
        ]},
    ]
    document["observations"] = [{"name": "SR", "data": [55.0, 44.0, 39.0]}, {"name": "CR", "data": [95.0, 97.0]}]
    return document


def _modifiers(rng: np.random.Generator, wanted: set[str], channel: str, sample: str,
               data: np.ndarray) -> list[dict[str, Any]]:
    spread = lambda width: (data * (1 + width * rng.normal(size=len(data)))).tolist()  # noqa: E731
    choices = {
        "histosys": {"name": "theta", "data": {"lo_data": spread(0.1), "hi_data": spread(0.1)}},
        "histosys 2": {"name": f"shape_{sample}", "data": {"lo_data": spread(0.2), "hi_data": spread(0.2)}},
        "normsys": {"name": "theta", "data": {"hi": 1 + 0.3 * rng.uniform(), "lo": 1 - 0.3 * rng.uniform()}},
        "normsys 2": {"name": f"norm_{sample}", "data": {"hi": 0.9, "lo": 1.2}},
        "normfactor": {"name": "mu", "data": None},
        "normfactor 2": {"name": f"k_{channel}", "data": None},
        "lumi": {"name": "lumi", "data": None},
        "shapefactor": {"name": f"free_{channel}", "data": None},
        "shapesys": {"name": f"uncorrelated_{channel}_{sample}",
                     "data": (0.2 * data * rng.integers(0, 2, len(data))).tolist()},
        "staterror": {"name": f"stat_{channel}", "data": (0.1 * data).tolist()},
        "staterror 2": {"name": f"stat_{channel}_{sample}", "data": (0.3 * data).tolist()},
    }
    return [{"name": c["name"], "type": key.split()[0], "data": c["data"]}
            for key, c in choices.items() if key in wanted]


MODIFIERS = ("histosys", "histosys 2", "normsys", "normsys 2", "normfactor", "normfactor 2", "lumi", "shapefactor",
             "shapesys", "staterror", "staterror 2")


@st.composite
def workspaces(draw: st.DrawFn, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Random valid workspaces with every modifier type, shared parameters, zero yields and settings."""
    kinds = [m for m in MODIFIERS if m not in without]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels, observations = [], []
    for channel in draw(st.permutations(["A", "B", "C"]))[:draw(st.integers(1, 3))]:
        bins = draw(st.integers(1, 4))
        samples = []
        for sample in draw(st.permutations(["s", "b", "c"]))[:draw(st.integers(1, 3))]:
            data = np.round(rng.uniform(0.5, 80, bins), 3)
            data[rng.uniform(size=bins) < 0.1] = 0.0
            wanted = draw(st.sets(st.sampled_from(kinds), min_size=1))
            samples.append({"name": sample, "data": data.tolist(),
                            "modifiers": _modifiers(rng, wanted, channel, sample, data)})
        channels.append({"name": channel, "samples": samples})
        total = np.sum([s["data"] for s in samples], axis=0)
        observations.append({"name": channel, "data": rng.poisson(total).astype(float).tolist()})
    names = [m["name"] for c in channels for s in c["samples"] for m in s["modifiers"]]
    parameters: list[dict[str, Any]] = []
    if "lumi" in names:
        parameters.append({"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.5, 1.5]], "inits": [1.0]})
    if "mu" in names and draw(st.booleans()):
        parameters.append({"name": "mu", "inits": [0.5], "bounds": [[0.0, 20.0]]})
    if "theta" in names and draw(st.booleans()):
        parameters.append({"name": "theta", "auxdata": [0.3], "fixed": draw(st.booleans())})
    return {"channels": channels, "observations": observations, "version": "1.0.0",
            "measurements": [{"name": "m", "config": {"poi": "mu" if "mu" in names else "", "parameters": parameters}}]}
