"""Checks of what a well-formed workspace says: names, signs, lengths that must agree.

Each check adds its findings to a report and returns nothing; they run on
whatever part of the workspace is well formed.  Where pyhf takes the last of two
things with the same name, or ignores something, this package says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from openbfactory.core.diagnostics import nearest
from openbfactory.fit.parameters import ParameterSet, default_sets, summed
from openbfactory.fit.specification import (
    COMPATIBLE_TYPES,
    BoolArray,
    Channel,
    FloatArray,
    Measurement,
    Modifier,
    ParameterSetting,
    Sample,
    Specification,
)
from openbfactory.fit.workspace_schema import Report, show

#: a bin with fewer expected events than this, and ten times more data than that, gets a warning
SMALL_EXPECTATION = 1e-2

#: largest number of parameters, and of bins times parameters, that a model may have (memory: 8 bytes times the square)
MAX_PARAMETERS = 5000
MAX_BINS_TIMES_PARAMETERS = 50_000_000


def check_specification(spec: Specification, report: Report) -> None:
    """Add every finding about the meaning of a workspace to ``report``."""
    _unique(((c.name, f"{c.path}.name") for c in spec.channels), "channel", report)
    _unique(((m.name, f"{m.path}.name") for m in spec.measurements), "measurement", report)
    for channel in spec.channels:
        _unique(((s.name, f"{s.path}.name") for s in channel.samples), "sample", report)
        for sample in channel.samples:
            _check_sample(sample, report)
    _check_observations(spec, report)
    _check_parameter_names(spec.channels, report)
    sets = default_sets(spec.channels)
    misspelt = {m.name for c in spec.channels for s in c.samples for m in s.modifiers if not m.type}
    _check_size(spec, sets, report)
    for measurement in spec.measurements:
        if measurement.poi not in misspelt:
            _check_poi(measurement, sets, report)
        _check_measurement(measurement, sets, report)


def _unique(names: Iterable[tuple[str, str]], what: str, report: Report) -> None:
    """Report every name that was used before."""
    seen: dict[str, str] = {}
    for name, path in names:
        if name in seen:
            report.error(f"duplicate-{what}", path, f"the {what} name '{show(name)}' is used before, at {seen[name]}")
        seen.setdefault(name, path)


def _first(mask: BoolArray) -> str:
    """Index of the first true entry, in brackets."""
    return f"[{np.flatnonzero(mask)[0]}]"


def _check_negative(data: FloatArray | None, path: str, code: str, what: str, report: Report, *,
                    error: bool = True) -> None:
    """Report the first negative entry and the number of them."""
    if data is None or not (data < 0).any():
        return
    negative = data < 0
    count = int(negative.sum())
    more = f" and {count - 1} more" if count > 1 else ""
    message = f"{what} {data[negative][0]:g} is negative{more}"
    if error:
        report.error(code, path + _first(negative), message, expected="a number >= 0")
    else:
        report.warning(code, path + _first(negative), message)


def _check_sample(sample: Sample, report: Report) -> None:
    """Signs of yields and variations, and modifiers given twice."""
    _check_negative(sample.data, f"{sample.path}.data", "negative-yield", "the expected yield", report)
    _unique(((f"{m.type}/{m.name}", m.path) for m in sample.modifiers), "modifier", report)
    for modifier in sample.modifiers:
        path = f"{modifier.path}.data"
        if modifier.type == "histosys":
            for key, values in (("lo_data", modifier.lo), ("hi_data", modifier.hi)):
                _check_negative(values, f"{path}.{key}", "negative-variation", "the varied yield", report, error=False)
        elif modifier.type == "normsys":
            for key, values in (("lo", modifier.lo), ("hi", modifier.hi)):
                if values is not None and values[0] <= 0:
                    report.error("normsys-factor", f"{path}.{key}", f"found {values[0]:g}",
                                 expected="a factor > 0 (the interpolation takes its logarithm)")
        elif modifier.data is not None:
            _check_negative(modifier.data, path, "negative-uncertainty", "the uncertainty", report)

def _check_ignored(uses: list[tuple[Channel, Sample, Modifier]], report: Report) -> None:
    """Warn of a ``shapesys`` or ``staterror`` uncertainty on a yield of zero, which has no effect."""
    if not uses:
        return
    yields, uncertainty = summed(uses)
    ignored = int(((yields == 0) & (uncertainty > 0)).sum())
    if ignored:
        modifier = uses[0][2]
        report.warning("uncertainty-ignored", f"{modifier.path}.data", f"{ignored} uncertainties of the "
                       f"{modifier.type} '{show(modifier.name)}' are on a yield of zero: they have no effect")


def _check_observations(spec: Specification, report: Report) -> None:
    """One observation a channel, of its length, not negative, and possible."""
    channels = {c.name: c for c in spec.channels}
    _unique(((o.name, f"{o.path}.name") for o in spec.observations), "observation", report)
    observed = {o.name for o in spec.observations}
    for channel in spec.channels:
        if channel.name not in observed:
            report.error("missing-observation", "observations", f"no observation for channel '{show(channel.name)}'",
                         near=nearest(channel.name, observed - set(channels)))
    for observation in spec.observations:
        path = f"{observation.path}.data"
        _check_negative(observation.data, path, "negative-observation", "the observation", report)
        seen_in = channels.get(observation.name)
        if seen_in is None:
            report.warning("unused-observation", f"{observation.path}.name",
                           f"no channel is named '{show(observation.name)}'",
                           near=nearest(observation.name, set(channels) - observed))
        elif len(observation.data) not in (0, seen_in.bins) and seen_in.bins:
            report.error("wrong-length", path, f"has {len(observation.data)} numbers",
                         expected=f"{seen_in.bins}, the bins of channel '{show(seen_in.name)}'")
        elif len(observation.data) == seen_in.bins:
            _check_possible(seen_in, observation.data, path, report)


def _check_possible(channel: Channel, data: FloatArray, path: str, report: Report) -> None:
    """Report bins with data where nothing, or next to nothing, is expected."""
    if any(len(s.data) != channel.bins for s in channel.samples):
        return
    expected = np.zeros(channel.bins)
    variable = np.zeros(channel.bins, bool)
    for sample in channel.samples:
        expected += sample.data
        for modifier in sample.modifiers:
            if modifier.type == "histosys" and modifier.lo is not None and modifier.hi is not None:
                variable |= (modifier.lo != sample.data) | (modifier.hi != sample.data)
    impossible = (data > 0) & (expected <= 0) & ~variable
    if impossible.any():
        report.error("zero-expectation", path + _first(impossible),
                     f"{data[impossible][0]:g} events observed where no sample expects any",
                     expected="an expectation > 0 in every bin with data")
    small = (data > 10 * expected) & (expected > 0) & (expected < SMALL_EXPECTATION)
    if small.any():
        report.warning("small-expectation", path + _first(small),
                       f"{data[small][0]:g} events observed where {expected[small][0]:g} are expected")


def _check_parameter_names(channels: Iterable[Channel], report: Report) -> None:
    """One parameter, one meaning: types that share a name, and places that a type may be used in."""
    uses: dict[str, dict[str, list[tuple[Channel, Sample, Modifier]]]] = defaultdict(lambda: defaultdict(list))
    for channel in channels:
        for sample in channel.samples:
            for modifier in sample.modifiers:
                if modifier.type:
                    uses[modifier.name][modifier.type].append((channel, sample, modifier))
    for name, by_type in uses.items():
        if len(by_type) > 1 and not set(by_type) <= COMPATIBLE_TYPES:
            kinds = sorted(by_type)
            first = by_type[kinds[-1]][0][2]
            report.error("incompatible-types", first.path,
                         f"the parameter '{show(name)}' is used by {' and '.join(kinds)}",
                         expected="one type a name (only histosys and normsys may share one)")
        _check_shared(name, by_type, report)


def _check_shared(name: str, by_type: dict[str, list[tuple[Channel, Sample, Modifier]]], report: Report) -> None:
    """Places in which ``shapesys``, ``shapefactor`` and ``staterror`` of one name may stand together."""
    for _, _, modifier in by_type.get("shapesys", [])[1:]:
        report.error("shared-shapesys", modifier.path, f"the shapesys '{show(name)}' is used before",
                     expected="another name: a shapesys belongs to one sample of one channel")
    factors = sorted(by_type.get("shapefactor", []), key=lambda use: use[0].name)
    for channel, _, modifier in factors[1:]:
        if channel.bins > factors[0][0].bins:
            report.error("shapefactor-length", modifier.path,
                         f"the channel has {channel.bins} bins, '{show(name)}' has {factors[0][0].bins} components",
                         expected="channels with the same number of bins")
    places: dict[str, set[str]] = defaultdict(set)
    for channel, sample, _ in by_type.get("staterror", []):
        places[sample.name].add(channel.name)
    if len({frozenset(p) for p in places.values()}) > 1:
        report.error("staterror-places", by_type["staterror"][0][2].path,
                     f"the staterror '{show(name)}' is in different channels for different samples",
                     expected="another name in each channel")
    _check_ignored(by_type.get("staterror", []), report)
    _check_ignored(by_type.get("shapesys", [])[:1], report)


def _check_size(spec: Specification, sets: dict[str, ParameterSet], report: Report) -> None:
    """A model that would need more memory than a laptop has is refused."""
    bins = sum(c.bins for c in spec.channels)
    size = sum(s.size for s in sets.values())
    if size > MAX_PARAMETERS or bins * size > MAX_BINS_TIMES_PARAMETERS:
        report.error("too-large", "channels", f"{bins} bins and {size} parameters",
                     expected=f"at most {MAX_PARAMETERS} parameters and {MAX_BINS_TIMES_PARAMETERS} bins x parameters")


def _check_poi(measurement: Measurement, sets: dict[str, ParameterSet], report: Report) -> None:
    """The parameter of interest must exist and be one number."""
    path = f"{measurement.path}.config"
    if measurement.poi and measurement.poi not in sets:
        report.error("unknown-poi", f"{path}.poi", f"no modifier defines '{show(measurement.poi)}'",
                     near=nearest(measurement.poi, [s.name for s in sets.values() if s.scalar]))
    elif measurement.poi and not sets[measurement.poi].scalar:
        report.error("poi-by-bin", f"{path}.poi", f"'{show(measurement.poi)}' has a component a bin",
                     expected="a parameter that is one number")


def _check_measurement(measurement: Measurement, sets: dict[str, ParameterSet], report: Report) -> None:
    """Settings of one measurement."""
    path = f"{measurement.path}.config"
    _unique(((p.name, p.path) for p in measurement.parameters), "parameter", report)
    for setting in measurement.parameters:
        if setting.name in sets:
            _check_setting(setting, sets[setting.name], report)
        else:
            report.warning("unused-parameter", setting.path, f"no modifier defines '{show(setting.name)}'",
                           near=nearest(setting.name, sets))
    if "lumi" in sets and sets["lumi"].types == {"lumi"}:
        given = next((p for p in measurement.parameters if p.name == "lumi"), None)
        needed = [k for k in ("auxdata", "sigmas", "inits", "bounds") if given is None or getattr(given, k) is None]
        if needed:
            report.error("lumi-setting", f"{path}.parameters", f"a lumi modifier is used, {', '.join(needed)} not set",
                         expected="auxdata, sigmas, inits and bounds for the parameter 'lumi'")


def _check_setting(setting: ParameterSetting, known: ParameterSet, report: Report) -> None:
    """Lengths, signs and use of the settings of one parameter."""
    allowed = {"none": set[str](), "poisson": {"auxdata", "factors"}, "normal": {"auxdata"}}[known.constraint]
    if known.types & {"lumi", "staterror"}:
        allowed.add("sigmas")
    for key in ("inits", "bounds", "auxdata", "factors", "sigmas"):
        values: FloatArray | None = getattr(setting, key)
        if values is None:
            continue
        where = f"{setting.path}.{key}"
        if key not in allowed | {"inits", "bounds"}:
            report.error("setting-not-used", where,
                         f"a {' and '.join(sorted(known.types))} parameter has no {key}")
        elif len(values) != known.size:
            report.error("wrong-length", where, f"has {len(values)} entries",
                         expected=f"{known.size}, the components of '{show(setting.name)}'")
        elif key in {"sigmas", "factors"} and not (values > 0).all():
            report.error("not-positive", where, f"found {values.min():g}", expected="numbers > 0")
        elif key == "auxdata" and known.constraint == "poisson" and (values < 0).any():
            report.error("negative-auxdata", where, f"found {values.min():g}", expected="numbers >= 0")
    _check_start(setting, known, report)


def _check_start(setting: ParameterSetting, known: ParameterSet, report: Report) -> None:
    """Start values must lie inside the bounds."""
    inits = known.inits if setting.inits is None else setting.inits
    bounds = known.bounds if setting.bounds is None else setting.bounds
    if len(inits) != len(bounds):
        return
    outside = (inits < bounds[:, 0]) | (inits > bounds[:, 1])
    if outside.any():
        index = int(np.flatnonzero(outside)[0])
        report.error("start-outside-bounds", setting.path,
                     f"the start value {inits[index]:g} is outside [{bounds[index, 0]:g}, {bounds[index, 1]:g}]")
