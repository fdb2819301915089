"""Variables of the event: numbers, counts, shape, missing momentum, trigger.

Shape and missing momentum are those of the tracks (with the pion mass) and
photons of ``event`` in ``data/standard_lists.yaml``, in the c.m. frame where
it says so; the axis of the hemispheres is the thrust axis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.errors import UnknownNameError
from openbfactory.events.trigger import fired
from openbfactory.reconstruct.definitions import Definition, table, within
from openbfactory.reconstruct.event_shape import EventShape, event_shape
from openbfactory.reconstruct.particles import offsets_of
from openbfactory.reconstruct.standard_lists import standard_lists
from openbfactory.reconstruct.vectors import in_rest_frame, length, mass_of, square, theta
from openbfactory.reconstruct.view import View

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
D = Definition

CONES, CONE_WIDTH = 9, np.pi / 18.0
ORDERS = 5


@dataclass(frozen=True, slots=True)
class Visible:
    """Tracks and photons of every event.

    Attributes
    ----------
    p4, cms : (m, 4) float64
        Four-momenta [GeV] in laboratory and c.m. frame, sorted by event.
    offsets : (events + 1,) int64
        Those of event ``i`` are ``offsets[i]:offsets[i + 1]``.
    total : (events, 4) float64
        Their sum, laboratory.
    photons : (events,) float64
        Energy of the photons, laboratory.
    """

    p4: Array
    cms: Array
    offsets: Index
    total: Array
    photons: Array


def visible(v: View) -> Visible:
    """Tracks and photons of every event, chosen once."""
    found: Visible = v.owner.cached("visible", lambda: _visible(v.owner))
    return found


def _visible(owner: Any) -> Visible:
    chosen = standard_lists().event
    parts = [(made.rows[made.mask(entry.cut)]) for entry in chosen.values() for made in [owner.get(entry.of)]]
    particles, n = owner.particles, len(owner.events)
    photons: Any = np.bincount(particles["event"][parts[1]], particles["p4"][parts[1], 0], minlength=n)
    rows = np.concatenate(parts)
    rows = rows[np.argsort(particles["event"][rows], kind="stable")]
    p4, event = particles["p4"][rows], particles["event"][rows]
    total: Any = np.stack([np.bincount(event, p4[:, a], minlength=n) for a in range(4)], axis=1)
    return Visible(p4, in_rest_frame(p4, owner.beam), offsets_of(event, n), total, photons)


def shape(v: View) -> EventShape:
    """Event shape of every event."""
    def make() -> EventShape:
        seen = visible(v)
        return event_shape(np.ascontiguousarray(seen.cms), seen.offsets[:-1], seen.offsets[1:],
                           float(mass_of(v.owner.beam)))

    found: EventShape = v.owner.cached("shape", make)
    return found


def _along(v: View) -> tuple[Array, Index, Visible]:
    """Momentum along the thrust axis of each particle, its event, and the particles."""
    seen = visible(v)
    event = np.repeat(np.arange(len(seen.total)), np.diff(seen.offsets))
    found: Array = np.sum(seen.cms[:, 1:] * shape(v).thrustAxis[event], axis=1)
    return found, event, seen


def _cone(v: View, index: int) -> Array:
    """Sum of momenta within a cone of 10 degrees width about the thrust axis, both ends together."""
    along, event, seen = _along(v)
    p = length(seen.cms[:, 1:])
    away = np.arccos(np.clip(np.abs(along) / np.where(p > 0, p, 1.0), 0.0, 1.0))
    inside = np.minimum((away / CONE_WIDTH).astype(np.int64), CONES - 1) == index
    flow: Any = np.bincount(event[inside], p[inside], minlength=len(seen.total))
    found: Array = flow[v.event]
    return found


def hemisphere(v: View, side: int) -> Array:
    """Sum (n, 4) of the c.m. four-momenta on one side (+1 or -1) of the plane across the thrust axis."""
    along, event, seen = _along(v)
    inside = along * side > 0
    total: Any = np.stack(
        [np.bincount(event[inside], seen.cms[inside, a], minlength=len(seen.total)) for a in range(4)], axis=1)
    found: Array = total[v.event]
    return found


def _missing(v: View) -> Array:
    found: Array = v.owner.beam - visible(v).total[v.event]
    return found


def _missing_cms(v: View) -> Array:
    return in_rest_frame(_missing(v), v.owner.beam)


def _part(name: str, index: int) -> Callable[[View], Array]:
    """Column of an array of the event shape."""
    return _per_event(lambda v: getattr(shape(v), name)[:, index])


def _per_event(values: Callable[[View], Any]) -> Callable[[View], Array]:
    """Values (events,) picked for the event of each particle."""
    def pick(v: View) -> Array:
        found: Array = np.asarray(values(v), np.float64)[v.event]
        return found

    return pick


def _order(values: Callable[[View], Array]) -> Callable[[View, int], Array]:
    """Column of a moment by order."""
    def pick(v: View, order: int) -> Array:
        found: Array = values(v)[v.event, within(order, ORDERS, "order")]
        return found

    return pick


def _harmonic(v: View, order: int, axis: str) -> Array:
    if axis != "thrust":
        raise UnknownNameError("axis", axis, ["thrust"])
    return _order(lambda w: shape(w).harmonicMomentThrust)(v, order)


def _cone_about(v: View, index: int, axis: str) -> Array:
    if axis != "thrust":
        raise UnknownNameError("axis", axis, ["thrust"])
    return _cone(v, within(index, CONES, "cone"))


def counts(v: View, name: str) -> Array:
    """Number of records of a collection in every event, 0 where the file has none."""
    lists = v.owner.events.lists
    return lists[name].counts.astype(np.float64) if name in lists else np.zeros(len(v.owner.events))


def _counted(v: View, name: str, condition: Any) -> Array:
    """Number of particles of a list that pass, in every event."""
    made = v.owner.get(name)
    passed = condition(made.view()) if condition is not None else np.ones(len(made), bool)
    return np.bincount(made.event[passed], minlength=len(v.owner.events)).astype(np.float64)


def _trigger(word: str) -> Callable[[View, str], Array]:
    def line(v: View, name: str) -> Array:
        lists = v.owner.events.lists
        if "TRGSummary" not in lists:
            return np.full(len(v), np.nan)
        found: Array = fired(lists["TRGSummary"][word], name)[v.event].astype(np.float64)
        return found

    return line


def _summary(column: str) -> Callable[[View], Array]:
    def pick(v: View) -> Array:
        lists = v.owner.events.lists
        return lists["TRGSummary"][column][v.event] if "TRGSummary" in lists else np.full(len(v), np.nan)

    return pick


_SIDES = (("forward", 1), ("backward", -1))
_NUMBERS = (
    D("evtNum", "1", "number of the event", _per_event(lambda v: v.owner.events.event)),
    D("runNum", "1", "number of the run; 0, events have none", lambda v: np.zeros(len(v))),
    D("expNum", "1", "number of the experiment; 0, events have none", lambda v: np.zeros(len(v))),
    D("eventWeight", "1", "weight of the event", _per_event(lambda v: v.owner.events.weight),
      source="estimate; defined here"),
    D("nTracks", "1", "tracks of the event", _per_event(lambda v: counts(v, "Tracks"))),
    D("nCleanedTracks", "1", "tracks of the event (as pions) that pass a cut",
      lambda v, c: _counted(v, "pi+:all", c)[v.event], ("condition",)),
    D("nCleanedECLClusters", "1", "calorimeter clusters without track (as photons) that pass a cut",
      lambda v, c: _counted(v, "gamma:all", c)[v.event], ("condition",)),
    D("nNeutralECLClusters", "1", "calorimeter clusters without track",
      _per_event(lambda v: _counted(v, "gamma:all", None))),
    D("nECLClusters", "1", "calorimeter clusters of the event", _per_event(lambda v: counts(v, "ECLClusters"))),
    D("nKLMClusters", "1", "clusters of the K_L and muon detector", _per_event(lambda v: counts(v, "KLMClusters"))),
)
_SHAPE = (
    D("thrust", "1", "thrust of the event, c.m.", _per_event(lambda v: shape(v).thrust)),
    *(D(f"thrustAxis{a}", "1", f"{a.lower()} of the thrust axis, c.m.",
        _part("thrustAxis", i))
      for i, a in enumerate("XYZ")),
    D("thrustAxisCosTheta", "1", "cosine of the polar angle of the thrust axis, c.m.",
      _per_event(lambda v: shape(v).thrustAxis[:, 2])),
    D("sphericity", "1", "sphericity of the event, c.m.", _per_event(lambda v: shape(v).sphericity)),
    D("aplanarity", "1", "aplanarity of the event, c.m.", _per_event(lambda v: shape(v).aplanarity)),
    D("foxWolframR", "1", "H_i / H_0 of the event, c.m.", _order(lambda v: shape(v).foxWolframR), ("integer",)),
    *(D(f"foxWolframR{k}", "1", f"H_{k} / H_0 of the event, c.m.",
        _part("foxWolframR", k))
      for k in range(1, ORDERS)),
    D("harmonicMoment", "1", "harmonic moment i about the thrust axis over sqrt(s), c.m.", _harmonic, ("integer",
      "word")),
    *(D(f"harmonicMomentThrust{k}", "1", f"harmonic moment {k} about the thrust axis over sqrt(s), c.m.",
        _part("harmonicMomentThrust", k)) for k in range(ORDERS)),
    D("cleoCone", "GeV", "momentum in cone i of 10 degrees about the thrust axis, c.m.", _cone_about, ("integer",
      "word")),
    *(D(f"cleoConeThrust{k}", "GeV", f"momentum {10 * k} to {10 * k + 10} degrees from the thrust axis, c.m.",
        lambda v, k=k: _cone(v, k)) for k in range(CONES)),
    *(D(f"{name}HemisphereMass", "GeV", f"mass of what goes {name} along the thrust axis, c.m.",
        lambda v, s=s: mass_of(hemisphere(v, s))) for name, s in _SIDES),
    *(D(f"{name}HemisphereEnergy", "GeV", f"energy of what goes {name} along the thrust axis, c.m.",
        lambda v, s=s: hemisphere(v, s)[:, 0]) for name, s in _SIDES),
    *(D(f"{name}HemisphereMomentum", "GeV", f"momentum of what goes {name} along the thrust axis, c.m.",
        lambda v, s=s: length(hemisphere(v, s)[:, 1:])) for name, s in _SIDES),
    *(D(f"{name}Hemisphere{a}", "GeV", f"{a.lower()} of that momentum", lambda v, s=s, i=i: hemisphere(v, s)[:, i + 1])
      for name, s in _SIDES for i, a in enumerate("XYZ")),
)
_MISSING = (
    D("missingMomentumOfEvent", "GeV", "beams minus tracks and photons: momentum",
      lambda v: length(_missing(v)[:, 1:])),
    *(D(f"missingMomentumOfEvent_P{a}", "GeV", f"{a} of the missing momentum", lambda v, i=i: _missing(v)[:, i])
      for i, a in enumerate("xyz", 1)),
    D("missingMomentumOfEvent_theta", "rad", "polar angle of the missing momentum",
      lambda v: theta(_missing(v)[:, 1:])),
    D("missingMomentumOfEventCMS", "GeV", "missing momentum, c.m.", lambda v: length(_missing_cms(v)[:, 1:])),
    D("missingMomentumOfEventCMS_theta", "rad", "its polar angle, c.m.", lambda v: theta(_missing_cms(v)[:, 1:])),
    D("missingEnergyOfEventCMS", "GeV", "missing energy, c.m.", lambda v: _missing_cms(v)[:, 0]),
    D("missingMass2OfEvent", "GeV^2", "square of the missing mass", lambda v: square(_missing(v))),
    D("visibleEnergyOfEventCMS", "GeV", "energy of tracks and photons, c.m.",
      lambda v: mass_of(v.owner.beam) - _missing_cms(v)[:, 0]),
    D("totalPhotonsEnergyOfEvent", "GeV", "energy of the photons", _per_event(lambda v: visible(v).photons)),
)
_TRIGGER = (
    D("L1Trigger", "1", "1 where any first-level line is kept", _summary("L1Trigger")),
    D("L1FTDL", "1", "1 where a first-level line fired", _trigger("L1FTDL"), ("word",)),
    D("L1PSNM", "1", "1 where a first-level line is kept after prescale", _trigger("L1PSNM"), ("word",)),
    D("HighLevelTrigger", "1", "1 where the event passes the hadron skim of the high-level trigger",
      _summary("HLTHadron")),
)
EVENT = table("Event", _NUMBERS, _MISSING, _TRIGGER) | table("Event shape", _SHAPE)
