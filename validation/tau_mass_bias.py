"""Where the bias of the edge of the pseudomass comes from: ``python -m validation.tau_mass_bias RUN [PAIRS]``.

Two tables, in the form of a page.  One of generated pairs without detector and selection: pseudomasses of true momenta
with the energy and the frame of the pair itself (their edge is the generated mass: the closed form), of the collision
before radiation, and of the nominal collision; without radiation and spread, without photons of the decays, and
smeared.  One of the selected candidates of a finished run (``RUN/tables``): true momenta, shares of the residual added
to them, measured ones, and parts of the sample.  Changes from another step of the same events have the uncertainty of
the difference, by leaving out one of eight groups of events at a time (jackknife).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from openbfactory.analyses.tau_mass.config import load_config
from openbfactory.analyses.tau_mass.measurement import MEGA, Calibration, pseudomasses
from openbfactory.analyses.tau_mass.tracks import Tracks, selection_columns, tracks_of
from openbfactory.core.errors import FitError
from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.fit.pseudomass import GROUPS, LIMITS, START, EdgeCost
from openbfactory.fit.unbinned import UnbinnedResult, fit_unbinned
from openbfactory.generate import DecayCounts, generate_events
from openbfactory.generate.filters import _ancestors
from openbfactory.kinematics.fourvector import unboost
from openbfactory.kinematics.pseudomass import pseudomass
from openbfactory.physics.particles import species
from openbfactory.pipeline.generation import Energy
from openbfactory.pipeline.tables import SampleTable, columns_of
from openbfactory.select.cuts import compile_cut

Array = npt.NDArray[np.float64]

#: pairs of each generated sample, and of a chunk
PAIRS, CHUNK = 100_000, 10_000
#: standard deviation of the smearing of true pseudomasses [GeV]: half of the central 68 % of the residual
SMEARING = 0.0046
#: variables whose halves are compared
HALVES = ("thrust", "tag_mass", "visible", "missing_mass2", "neutral")


@dataclass(frozen=True, slots=True)
class Step:
    """Pseudomasses (n,) [GeV], the group of events (n,) of each, and whether their edge may be sharp."""

    mass: Array
    group: npt.NDArray[np.int64]
    sharp: bool = False


def fitted(mass: Array, form: str, starts: Sequence[Mapping[str, float]]) -> UnbinnedResult:
    """Best fit from several starts of a form whose width may vanish, as true pseudomasses end in a step.

    Raises
    ------
    FitError
        When there is no minimum, not even with two numbers fixed.
    """
    limits, message = load_config().range, f"no minimum of the {form} form"
    cost = EdgeCost(mass[(mass > limits[0]) & (mass < limits[1])], limits, form)
    for fewer in ({}, {"p5": 0.0}, {"p4": 0.0, "p5": 0.0}):
        found = []
        for start in starts:
            with suppress(FitError):
                found.append(fit_unbinned(cost, {**start, **fewer}, limits=LIMITS | {"p2": (2e-5, 0.03)},
                                          fixed={*fewer}))
        if found:
            return min(found, key=lambda f: f.twice_nll)
    raise FitError(message)


def edge(step: Step, form: str) -> UnbinnedResult:
    """Fit of a step; one that may be sharp from two widths and two edges."""
    widths, near = ((5e-3, 3e-4), (0.0, -2e-4)) if step.sharp else ((5e-3,), (0.0,))
    mass = species("tau-").mass
    return fitted(step.mass, form, [START | {"p1": mass + d, "p2": w} for w in widths for d in near])


def change(step: Step, below: Step, form: str) -> tuple[float, float]:
    """Edge of a step minus that of another of the same events, with its standard deviation [MeV]."""
    best = [edge(s, form) for s in (step, below)]

    def value(group: int) -> float:
        left = [fitted(s.mass[s.group != group], form, [dict(zip(b.names, b.values.tolist(), strict=True))])
                for s, b in zip((step, below), best, strict=True)]
        return left[0]["p1"][0] - left[1]["p1"][0]

    left = np.array([value(g) for g in range(GROUPS)])
    sigma = MEGA * float(np.sqrt((GROUPS - 1) / GROUPS * np.sum((left - left.mean()) ** 2)))
    return MEGA * (best[0]["p1"][0] - best[1]["p1"][0]), sigma


def generated(energy: Energy, decays: str, pairs: int) -> dict[str, Step]:
    """Steps of generated pairs: pseudomasses by energy and frame (the pair, the collision, the nominal one)."""
    machine, found = load_card("belle2").machine, []
    for k in range(max(pairs // CHUNK, 1)):
        events, _ = generate_events("taupair-edge", CHUNK, Address(1, "taupair-edge", k), energy.of(machine),
                                    decays=decays or None)
        particles = events["MCParticles"]
        owner, code = _ancestors(particles, 15), np.abs(particles["PDG"])
        pion = (code == 211) & (particles["status"] == 1) & (owner >= 0)
        p4 = np.stack([particles[n] for n in ("E", "px", "py", "pz")], axis=1).astype(np.float64)
        visible = _summed(p4[pion], owner[pion], len(p4))
        three = np.flatnonzero(np.bincount(owner[pion], minlength=len(p4)) == 3)
        event, first = particles.event_index(), particles.offsets[:-1]
        taus = (code == 15) & (particles["mother"] == 0)
        pair = _summed(p4[taus], event[taus], len(events))
        rows = event[three]
        found.append(np.stack([_of_frame(visible[three], pair[rows]), _of_frame(visible[three], p4[first][rows]),
                               pseudomass(visible[three], machine.p4), rows + k * CHUNK], axis=1))
    whole = np.concatenate(found)
    group = whole[:, 3].astype(np.int64) % GROUPS
    return {name: Step(whole[:, k], group, sharp=True) for k, name in enumerate(("pair", "collision", "nominal"))}


def _summed(p4: Array, owner: npt.NDArray[np.int64], count: int) -> Array:
    """Sums (count, 4) of four-momenta by what they belong to."""
    found: Array = np.stack([np.bincount(owner, w, minlength=count).astype(np.float64) for w in p4.T], axis=1)
    return found


def _of_frame(visible: Array, frame: Array) -> Array:
    """Pseudomasses (n,) with the energy and the frame of other four-momenta (n, 4)."""
    e, x, y, z = unboost(_columns(visible), _columns(frame))
    size, half = np.sqrt(x * x + y * y + z * z), 0.5 * np.sqrt(frame[:, 0] ** 2 - np.sum(frame[:, 1:] ** 2, axis=1))
    found: Array = np.sqrt(np.maximum(e * e - size * size + 2 * (half - e) * (e - size), 0.0))
    return found


def _columns(p4: Array) -> tuple[Array, Array, Array, Array]:
    e, x, y, z = (np.ascontiguousarray(c) for c in p4.T)
    return e, x, y, z


def generated_lines(pairs: int) -> list[str]:
    """Lines of the table of generated pairs."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "decays.dec"
        file.write_text("noPhotos\n", encoding="utf-8")
        whole, bare = generated(Energy(), "", pairs), generated(Energy(), str(file), pairs)
        fixed = generated(Energy(fixed=True), "", pairs)
    rng = np.random.default_rng(1)

    def smeared(step: Step) -> Step:
        return Step(step.mass + SMEARING * rng.standard_normal(len(step.mass)), step.group)

    steps = [("energy and frame of the pair (closed form: 0)", whole["pair"]),
             ("energy and frame of the collision: initial radiation", whole["collision"]),
             ("nominal energy: initial radiation, spread of the beams", whole["nominal"]),
             ("the same without photons of the decays", bare["nominal"]),
             ("the same without radiation and spread", fixed["nominal"]),
             ("nominal, smeared by 4.6 MeV", smeared(whole["nominal"])),
             ("without radiation and spread, smeared by 4.6 MeV", smeared(fixed["nominal"]))]
    return [line(name, step) for name, step in steps]


def candidates(folder: Path) -> tuple[dict[str, Array], Tracks]:
    """Columns and tracks of the selected candidates of the data of a run, those without the truth left out."""
    config, machine = load_config(), load_card("belle2").machine
    columns, parts = [], []
    files = sorted((folder / "tables" / "data" / "tau" / "chunks").rglob("*.parquet"))
    for k in range(0, len(files), 50):
        read: list[tuple[pa.Table, dict[str, object]]] = [(pq.read_table(f), {}) for f in files[k:k + 50]]
        table = SampleTable(columns_of(read), 0, 0, DecayCounts())
        more, tracks = selection_columns(table, machine), tracks_of(table, 4)
        assert tracks.true is not None
        keep = np.logical_and.reduce([compile_cut(c)(more) for c in (config.tau.selection, config.tau.trigger)])
        keep &= np.isfinite(tracks.true).all(axis=(1, 2))
        kept = tracks.take(keep)
        parts.append(replace(kept, p=kept.p[:, :3], charge=kept.charge[:, :3]))
        columns.append({name: np.asarray(more[name][keep], np.float64) for name in HALVES})
    whole = [np.concatenate([getattr(t, n) for t in parts]) for n in ("p", "charge", "event", "true")]
    return {n: np.concatenate([c[n] for c in columns]) for n in HALVES}, Tracks(*whole)


def selected_lines(folder: Path) -> list[str]:
    """Lines of the table of selected candidates."""
    columns, tracks = candidates(folder)
    machine, (low, high) = load_card("belle2").machine, load_config().range
    nominal, group = Calibration.nominal(machine), np.asarray(tracks.event, np.int64) % GROUPS
    assert tracks.true is not None
    true = pseudomasses(replace(tracks, p=tracks.true), machine, nominal)
    away = pseudomasses(tracks, machine, nominal) - true
    first = Step(true, group, sharp=True)
    measured = Step(true + away, group)
    lines = [line("true momenta, nominal energy", first)]
    for share in (0.5, 1.0):
        lines.append(line(f"with {share:g} of the residual (added to the true one: change)",
                          Step(true + share * away, group), first))
    lines += [line("measured", measured)]
    near = (true > low) & (true < high) & (np.abs(away) < 0.04)
    mean, sigma = MEGA * float(away[near].mean()), MEGA * float(away[near].std() / np.sqrt(near.sum()))
    lines.append(f"| mean residual of the pseudomass in the range of the fit | {mean:+.3f} ± {sigma:.3f} | |")
    for name in HALVES:
        middle = float(np.median(columns[name][near]))
        for sign, part in (("<", columns[name] < middle), (">", columns[name] >= middle)):
            lines.append(line(f"measured, {name} {sign} {middle:.3g}", Step(measured.mass[part], group[part])))
    return lines


def line(name: str, step: Step, below: Step | None = None) -> str:
    """One line: edge minus generated mass in both forms, or change of the edge in the first."""
    if below:
        return "| {} | {:+.2f} ± {:.2f} | |".format(name, *change(step, below, load_config().forms[0]))
    found = [edge(step, form)["p1"] for form in load_config().forms]
    values = [f"{MEGA * (value - species('tau-').mass):+.2f} ± {MEGA * sigma:.2f}" for value, sigma in found]
    return f"| {name} | {values[0]} | {values[1]} |"


def main() -> None:
    """Print both tables."""
    pairs = int(sys.argv[2]) if len(sys.argv) > 2 else PAIRS
    print("| | quadratic form [MeV] | linear form [MeV] |\n|---|---|---|")
    for lines in (generated_lines(pairs), selected_lines(Path(sys.argv[1]))):
        print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
