"""Checks of event files that come from outside: layout, types and values.

Method: a reader first compares the names in the file with the declared columns,
then casts every column where no value changes, and then looks at the values of
every batch.  Findings are counted by kind and column over the whole file, so
that a file with a million bad values gives one line, with the first of them.

Left out: whether the kinematics balance (a decay that does not conserve
momentum is accepted); particle codes unknown to the particle table are accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import EventFileError
from openbfactory.events.columns import COLLECTIONS, EVENT, Collection, Column
from openbfactory.events.record import Events, Jagged

Array = npt.NDArray[Any]

#: codes of an initial system: the Y(4S) and a virtual photon
INITIAL_SYSTEMS = (300553, 10022)
#: process whose events have no initial system: particles without a collision
PARTICLE_GUN = "gun"
#: collection that an index column points into
INDEX_INTO = {"mcIndex": "MCParticles", "trackIndex": "Tracks"}
#: columns that may hold NaN (absent) or, for likelihoods, minus infinity
MAY_BE_ABSENT = frozenset({"minC2TDist", "clusterPulseShapeDiscriminationMVA"})
#: an initial system above this energy is taken for MeV
LARGEST_ENERGY_GEV = 100.0
#: invariant mass squared below which a particle counts as space-like, GeV^2 (20 MeV)
SMALLEST_MASS_SQUARED = -4e-4


@dataclass(slots=True)
class Hit:
    """One kind of finding about one column, counted."""

    severity: str
    message: str
    expected: str | None
    count: int
    first: str


@dataclass(slots=True)
class Tally:
    """Findings about values, counted by kind and column.

    Attributes
    ----------
    rows
        Number of events already seen in the file.
    """

    rows: int = 0
    hits: dict[tuple[str, str], Hit] = field(default_factory=dict)

    def add(self, code: str, path: str, bad: Array, message: str, *, offsets: Array | None = None,
            expected: str | None = None, severity: str = "error") -> None:
        """Count the true entries of ``bad``, one an event or (with ``offsets``) one a record."""
        count = int(np.count_nonzero(bad))
        if not count:
            return
        hit = self.hits.get((code, path))
        if hit is None:
            hit = self.hits[code, path] = Hit(severity, message, expected, 0, self._place(int(np.argmax(bad)), offsets))
        hit.count += count

    def fault(self, code: str, path: str, message: str, expected: str | None = None) -> None:
        """Add an error about a whole column."""
        self.hits.setdefault((code, path), Hit("error", message, expected, 1, ""))

    def _place(self, index: int, offsets: Array | None) -> str:
        """Where in the file: the row of the event, and the record in its list."""
        if offsets is None:
            return f"row {self.rows + index}"
        row = int(np.searchsorted(offsets, index, side="right")) - 1
        return f"row {self.rows + row}, record {index - int(offsets[row])}"

    def report(self, findings: Findings) -> None:
        """Move everything counted into ``findings``."""
        for (code, path), hit in self.hits.items():
            times = "once, in" if hit.count == 1 else f"{hit.count} times, first in"
            text = f"{hit.message} ({times} {hit.first})" if hit.first else hit.message
            add = findings.warning if hit.severity == "warning" else findings.error
            add(code, path, text, expected=hit.expected)
        self.hits.clear()


def check_layout(findings: Findings, found: Mapping[str, Sequence[str] | None],
                 lists: Iterable[str] | None = None) -> dict[str, tuple[Column, ...]]:
    """Columns to read of every collection; what is wrong with the names goes to ``findings``.

    Parameters
    ----------
    found
        Top-level name in the file to the names of its records, None where it holds no records.
    lists
        Collections asked for; None for all in the file.  Others are not looked at.

    Raises
    ------
    EventFileError
        With all findings, when a name is missing or unknown.
    """
    wanted = None if lists is None else list(lists)
    _check_wanted(findings, found, wanted or ())
    for column in EVENT:
        if column.name not in found:
            findings.error("missing-column", column.name, f"the file has no column '{column.name}'",
                           expected=column.meaning)
    layout: dict[str, tuple[Column, ...]] = {}
    for name, fields in found.items():
        if name in COLLECTIONS and (wanted is None or name in wanted):
            layout[name] = _check_collection(findings, COLLECTIONS[name], fields)
        elif wanted is None and name not in COLLECTIONS and all(name != c.name for c in EVENT):
            findings.unknown_name(name, name, [*COLLECTIONS, *(c.name for c in EVENT)], what="collection")
    if not layout and wanted is None:
        findings.error("missing-collection", "", "the file has no collection of particles, tracks or clusters",
                       expected=f"at least one of {', '.join(COLLECTIONS)}")
    for name in layout:
        partner = COLLECTIONS[name].parallel
        if partner and partner not in found:
            findings.error("missing-collection", partner, f"'{name}' has one record for each of '{partner}', "
                           "which is absent")
    findings.raise_if_errors(EventFileError)
    return layout


def _check_wanted(findings: Findings, found: Mapping[str, Sequence[str] | None], wanted: Iterable[str]) -> None:
    """Find collections asked for that do not exist, or not in the file."""
    for name in wanted:
        if name not in COLLECTIONS:
            findings.unknown_name(name, name, COLLECTIONS, what="collection")
        elif name not in found:
            findings.error("missing-collection", name, f"the file has no collection '{name}'",
                           expected=f"a list of records ({', '.join(COLLECTIONS[name].names)})")


def _check_collection(findings: Findings, collection: Collection, fields: Sequence[str] | None) -> tuple[Column, ...]:
    """Declared columns of a collection that are in the file."""
    if fields is None:
        findings.error("wrong-type", collection.name, "holds no records",
                       expected=f"a list of records ({', '.join(collection.names)})")
        return ()
    for name in fields:
        if name not in collection.names:
            findings.unknown_name(f"{collection.name}.{name}", name, collection.names, what="column")
    for column in collection.columns:
        optional = column.optional or column.name.startswith("mc")
        if column.name not in fields and not optional:
            findings.error("missing-column", f"{collection.name}.{column.name}",
                           f"'{collection.name}' has no column '{column.name}'",
                           expected=f"{column.meaning} [{column.unit}]")
    return tuple(c for c in collection.columns if c.name in fields)


def cast(tally: Tally, path: str, values: Array, column: Column, offsets: Array | None = None) -> Array:
    """``values`` with the declared dtype; a value that would change is counted and set to zero."""
    shape = (len(values),) if column.width == 1 else (len(values), column.width)
    if values.shape != shape:
        found = "one number" if values.ndim == 1 else f"{' x '.join(map(str, values.shape[1:]))} numbers"
        tally.fault("wrong-type", path, f"found {found} a record",
                    f"{column.width} number{'s' if column.width > 1 else ''} a record")
        return column.empty(len(values))
    if values.dtype == column.dtype:
        return np.ascontiguousarray(values)
    if values.dtype.kind not in "biuf":
        tally.fault("wrong-type", path, f"found values of type {values.dtype}", column.dtype)
        return column.empty(len(values))
    with np.errstate(invalid="ignore", over="ignore"):
        result = values.astype(column.dtype)
        changed = (result != values) if column.dtype.startswith("int") else np.zeros(len(values), bool)
        if values.dtype == np.uint64 and column.dtype.startswith("int"):
            changed |= result < 0
    tally.add("wrong-type", path, _any(changed), f"value of type {values.dtype} does not fit", offsets=offsets,
              expected=column.dtype)
    result[changed] = 0
    return result


def _any(bad: Any) -> Array:
    """One truth value a record where a record has several numbers."""
    array = np.asarray(bad)
    return np.asarray(array.any(axis=tuple(range(1, array.ndim))))


def check_events(tally: Tally, events: Events) -> None:
    """Count what is wrong with the values of a batch of events."""
    finite = np.isfinite(events.weight)
    tally.add("not-finite", "weight", ~finite, "the weight is not a finite number")
    for name, jagged in events.lists.items():
        _check_finite(tally, name, jagged)
        _check_indices(tally, name, jagged, events)
        partner = COLLECTIONS[name].parallel
        if partner in events.lists:
            differs = jagged.counts != events[str(partner)].counts
            tally.add("parallel", name, differs, f"the number of records differs from that of '{partner}'")
    if "MCParticles" in events.lists:
        shot = np.isin(events.process, [k for k, name in enumerate(events.process_names) if name == PARTICLE_GUN])
        _check_particles(tally, events["MCParticles"], shot)
    if "ECLClusters" in events.lists:
        clusters = events["ECLClusters"]
        tally.add("negative-energy", "ECLClusters.clusterE", clusters["clusterE"] < 0, "the energy is negative",
                  offsets=clusters.offsets)
    tally.rows += len(events)


def _check_finite(tally: Tally, name: str, jagged: Jagged) -> None:
    """Count values that are not finite numbers."""
    for column, values in jagged.columns.items():
        if values.dtype.kind != "f" or column in MAY_BE_ABSENT:
            continue
        bad = ~np.isfinite(values)
        if column.startswith("logL_"):
            bad &= values != -np.inf
        tally.add("not-finite", f"{name}.{column}", _any(bad), "the value is not a finite number",
                  offsets=jagged.offsets)


def _check_indices(tally: Tally, name: str, jagged: Jagged, events: Events) -> None:
    """Count indices that point outside the list that they are for."""
    for column, target in INDEX_INTO.items():
        if column not in jagged.columns:
            continue
        index = jagged[column]
        bad: Array = index < -1
        if target in events.lists:
            bad |= index >= np.repeat(events[target].counts, jagged.counts)
        tally.add("index-range", f"{name}.{column}", bad, f"the index is outside '{target}'", offsets=jagged.offsets,
                  expected=f"-1 or an index into '{target}' of the same event")


def _check_particles(tally: Tally, particles: Jagged, shot: Array) -> None:
    """Count broken family trees, negative energies and events (not of a particle gun) without an initial system."""
    offsets, mother, energy = particles.offsets, particles["mother"], particles["E"]
    local = np.arange(len(mother)) - np.repeat(offsets[:-1], particles.counts)
    outside = (mother < -1) | (mother >= np.repeat(particles.counts, particles.counts))
    tally.add("mother-range", "MCParticles.mother", outside, "the mother is outside the list", offsets=offsets,
              expected="-1 or an index into the same list")
    tally.add("mother-order", "MCParticles.mother", (mother >= local) & ~outside,
              "the mother does not come before the particle", offsets=offsets, expected="mothers before daughters")
    tally.add("negative-energy", "MCParticles.E", energy < 0, "the energy is negative", offsets=offsets)
    with np.errstate(invalid="ignore", over="ignore"):
        square = energy**2 - particles["px"] ** 2 - particles["py"] ** 2 - particles["pz"] ** 2
        tally.add("space-like", "MCParticles.E", square < SMALLEST_MASS_SQUARED,
                  "the energy is less than the momentum", offsets=offsets, severity="warning")
    tally.add("empty-event", "MCParticles", particles.counts == 0, "the event has no particles", severity="warning")
    filled = np.flatnonzero(particles.counts)
    first = offsets[filled]
    odd = np.zeros(len(particles), bool)
    odd[filled] = ~np.isin(particles["PDG"][first], INITIAL_SYSTEMS) | (mother[first] != -1)
    tally.add("initial-system", "MCParticles", odd & ~shot, "the first record is not an initial system",
              severity="warning", expected="300553 or 10022 (a virtual photon), without a mother")
    odd[:] = False
    odd[filled] = energy[first] > LARGEST_ENERGY_GEV
    tally.add("energy-unit", "MCParticles.E", odd, f"the first record has more than {LARGEST_ENERGY_GEV:.0f} GeV",
              severity="warning", expected="GeV")
