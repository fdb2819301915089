"""Workspaces made from workspaces: joined, pruned, renamed, scaled.

Every result is checked like a file that is read.  A name of a parameter means one
parameter wherever it stands: workspaces that are joined share the nuisances that
carry the same name, and rename those that must not be shared first.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import UnknownNameError, WorkspaceError
from openbfactory.fit.workspace import Workspace, parse_workspace

#: what scales with the yields, by type of modifier
_ABSOLUTE = frozenset({"histosys", "shapesys", "staterror"})


def join(workspaces: Sequence[Workspace], poi: str | None = None, measurement: str = "joined") -> Workspace:
    """One workspace with the channels of all, whose equally named parameters are the same.

    Parameters
    ----------
    poi
        Parameter of interest; that of the first workspace by default.
    measurement
        Name of the one measurement of the result.

    Raises
    ------
    WorkspaceError
        When two workspaces have a channel of the same name, or settings of a parameter that contradict each other.
    """
    if not workspaces:
        message = "nothing to join"
        raise ValueError(message)
    findings = Findings("join")
    owners: dict[str, str] = {}
    settings: dict[str, tuple[dict[str, Any], str]] = {}
    for workspace in workspaces:
        for name in workspace.channel_names:
            if name in owners:
                findings.error("same-channel", name, f"a channel of both {owners[name]} and {workspace.source}",
                               expected="channels of different names: rename one")
            owners.setdefault(name, workspace.source)
        for setting in workspace.document["measurements"][0]["config"]["parameters"]:
            known, source = settings.setdefault(setting["name"], (setting, workspace.source))
            if known != setting:
                findings.error("other-setting", setting["name"], f"{source} and {workspace.source} set it differently",
                               expected="the same bounds, start and auxiliary data: mend or rename one")
    findings.raise_if_errors(WorkspaceError)
    chosen = poi or workspaces[0].measurement().poi
    document = {
        "channels": [c for w in workspaces for c in w.document["channels"]],
        "observations": [o for w in workspaces for o in w.document["observations"]],
        "measurements": [{"name": measurement, "config": {
            "poi": chosen, "parameters": [setting for setting, _ in settings.values()]}}],
        "version": "1.0.0",
    }
    return parse_workspace(document, " + ".join(w.source for w in workspaces))


def split(workspace: Workspace) -> dict[str, Workspace]:
    """A workspace for each channel, by its name."""
    return {name: workspace.select([name]) for name in workspace.channel_names}


def rename(workspace: Workspace, *, channels: Mapping[str, str] | None = None,
           samples: Mapping[str, str] | None = None, parameters: Mapping[str, str] | None = None) -> Workspace:
    """The workspace with other names, given as old to new.

    Raises
    ------
    UnknownNameError
        When an old name does not exist.
    WorkspaceError
        When the new names make the workspace wrong.
    """
    new = {"channel": channels or {}, "sample": samples or {}, "parameter": parameters or {}}
    known = {"channel": set(workspace.channel_names), "sample": _samples(workspace), "parameter": _modifiers(workspace)}
    for kind, names in new.items():
        for name in names:
            if name not in known[kind]:
                raise UnknownNameError(kind, name, sorted(known[kind]))
    document = copy.deepcopy(workspace.document)
    for channel in (*document["channels"], *document["observations"]):
        channel["name"] = new["channel"].get(channel["name"], channel["name"])
    for sample in _all_samples(document):
        sample["name"] = new["sample"].get(sample["name"], sample["name"])
        for modifier in sample["modifiers"]:
            modifier["name"] = new["parameter"].get(modifier["name"], modifier["name"])
    for measurement in document["measurements"]:
        config = measurement["config"]
        config["poi"] = new["parameter"].get(config["poi"], config["poi"])
        for setting in config["parameters"]:
            setting["name"] = new["parameter"].get(setting["name"], setting["name"])
    return parse_workspace(document, workspace.source)


def prune(workspace: Workspace, *, channels: Collection[str] = (), samples: Collection[str] = (),
          parameters: Collection[str] = (), types: Collection[str] = ()) -> Workspace:
    """The workspace without some channels, samples, parameters (modifiers) or types of modifier.

    Names may be patterns such as ``stat_*``.

    Raises
    ------
    UnknownNameError
        When a pattern fits nothing.
    WorkspaceError
        When what is left is not a workspace.
    """
    known = {"channel": workspace.channel_names, "sample": sorted(_samples(workspace)),
             "parameter": sorted(_modifiers(workspace)), "modifier type": sorted(_types(workspace))}
    wanted = dict(zip(known, (channels, samples, parameters, types), strict=True))
    gone = {kind: {n for n in known[kind] if _fits(n, patterns)} for kind, patterns in wanted.items()}
    for kind, patterns in wanted.items():
        for pattern in patterns:
            if not _any_fits(known[kind], pattern):
                raise UnknownNameError(kind, pattern, known[kind])
    document = copy.deepcopy(workspace.document)
    for channel in document["channels"]:
        channel["samples"] = [s for s in channel["samples"] if s["name"] not in gone["sample"]]
        for sample in channel["samples"]:
            sample["modifiers"] = [m for m in sample["modifiers"] if m["name"] not in gone["parameter"]
                                   and m["type"] not in gone["modifier type"]]
    document["channels"] = [c for c in document["channels"] if c["name"] not in gone["channel"] and c["samples"]]
    kept = {c["name"] for c in document["channels"]}
    document["observations"] = [o for o in document["observations"] if o["name"] in kept]
    _drop_settings(document)
    return parse_workspace(document, workspace.source)


def scaled(workspace: Workspace, factor: float) -> Workspace:
    """The workspace at ``factor`` times the luminosity: yields, absolute uncertainties and data.

    The relative sizes of all uncertainties stay, those of the size of the simulation among them.  Observations are
    multiplied too and need not be whole numbers any more.

    Raises
    ------
    ValueError
        When the factor is not above 0.
    """
    if not factor > 0:
        message = f"a luminosity factor is above 0, found {factor:g}"
        raise ValueError(message)
    document = copy.deepcopy(workspace.document)
    for sample in _all_samples(document):
        sample["data"] = [factor * v for v in sample["data"]]
        for modifier in sample["modifiers"]:
            if modifier["type"] in _ABSOLUTE:
                modifier["data"] = _times(modifier["data"], factor)
    for observation in document["observations"]:
        observation["data"] = [factor * v for v in observation["data"]]
    return parse_workspace(document, f"{workspace.source} x {factor:g}")


def _times(data: Any, factor: float) -> Any:
    """Numbers of a modifier, lists and the two lists of a shape alike, times a factor."""
    if isinstance(data, Mapping):
        return {key: _times(value, factor) for key, value in data.items()}
    return [factor * float(v) for v in data]


def _drop_settings(document: dict[str, Any]) -> None:
    """Remove settings of parameters that are not used any more; their measurement loses its parameter of interest."""
    used = {m["name"] for s in _all_samples(document) for m in s["modifiers"]}
    for measurement in document["measurements"]:
        config = measurement["config"]
        config["parameters"] = [p for p in config["parameters"] if p["name"] in used]
        config["poi"] = config["poi"] if config["poi"] in used else ""


def _all_samples(document: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    return (s for c in document["channels"] for s in c["samples"])


def _samples(workspace: Workspace) -> set[str]:
    return {s["name"] for s in _all_samples(workspace.document)}


def _modifiers(workspace: Workspace) -> set[str]:
    return {m["name"] for s in _all_samples(workspace.document) for m in s["modifiers"]}


def _types(workspace: Workspace) -> set[str]:
    return {m["type"] for s in _all_samples(workspace.document) for m in s["modifiers"]}


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _any_fits(names: Iterable[str], pattern: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)
