"""Lifetimes of charmed hadrons: independent pseudo-experiments through the whole chain.

For each mode one enriched sample is generated, simulated, reconstructed and selected as the analysis does it, and cut
into disjoint data sets of equal numbers of events; each gets its background, is fitted, and gives a pull: the root of
the rise of -2 ln L from the estimate to the generated lifetime, with the sign of their difference.  (The difference
over the uncertainty of the fit is in the remarks: of n decays it has mean -1/sqrt(n) even where nothing is wrong,
because the uncertainty grows with the estimate.)  Reference: mean 0 and width 1; the tolerance is the promised 0.1 or
3 standard deviations of so many experiments, whichever is larger; all modes together have 0.1.

Caveat: signal candidates are independent, the background of all experiments of a mode is drawn from the same generic
candidates (``POOL`` of them, each moved by its uncertainty), in the amount expected.

What is made stays in ``out/validation/lifetimes``, and is not made again.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from openbfactory.analyses import RunOptions
from openbfactory.analyses.lifetimes.config import load_config
from openbfactory.analyses.lifetimes.data import make_data
from openbfactory.analyses.lifetimes.measurement import fit, model_of, settled_model
from openbfactory.analyses.lifetimes.samples import Samples
from openbfactory.core.errors import FitError
from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.generate import DecayCounts, generate_events
from openbfactory.pipeline.candidates import candidates_of
from openbfactory.pipeline.tables import SampleTable
from openbfactory.simulate import simulate
from validation.rows import Row

Array = npt.NDArray[np.float64]

#: events of the enriched sample, and experiments that they are cut into
EXPERIMENTS = {"d0": (300_000, 250), "dplus": (240_000, 100), "ds": (240_000, 120), "lambdac": (120_000, 120),
               "omegac": (200_000, 100)}
#: luminosity of the generic background of all modes, fb^-1
POOL = 0.15
FOLDER, SEED, CHUNK = Path("out/validation/lifetimes"), 21, 5000


@dataclass(frozen=True, slots=True)
class Pulls:
    """Pulls of a mode, by the fit's uncertainty and by the likelihood; mean signal and side candidates of one."""

    hessian: Array
    likelihood: Array
    failed: int
    signal: float
    sideband: float
    error: float


def pool() -> dict[str, SampleTable]:
    """Generic background of every mode that has one, from the same events."""
    config, card = load_config(), load_card("belle2")
    modes = [n for n in EXPERIMENTS if config.modes[n].sidebands]
    paths = {n: FOLDER / f"pool-{n}.parquet" for n in modes}
    if not all(p.exists() for p in paths.values()):
        FOLDER.mkdir(parents=True, exist_ok=True)
        parts: dict[str, list[pa.Table]] = {n: [] for n in modes}
        for sample in config.generic_samples:
            events = round(card.machine.expected(sample, POOL))
            for first in range(0, events, CHUNK):
                address = Address(SEED, sample, first // CHUNK)
                truth = generate_events(sample, min(CHUNK, events - first), address.at("generate"), card.machine)[0]
                seen = simulate(truth, card, address.at("simulate"))
                for n in modes:
                    columns, _ = candidates_of(seen, card, config.modes[n].request(config.trigger, background=True))
                    if len(columns["__event__"]):
                        parts[n].append(pa.table(columns))
        for n, tables in parts.items():
            pq.write_table(pa.concat_tables(tables, promote_options="permissive"), paths[n])
    found = {n: pq.read_table(p) for n, p in paths.items()}
    return {n: SampleTable({c: t[c].to_numpy() for c in t.column_names}, 0, 0, DecayCounts())
            for n, t in found.items()}


def experiments(name: str, background: dict[str, SampleTable]) -> Pulls:
    """Pulls of the experiments of a mode."""
    config, (events, number) = load_config(), EXPERIMENTS[name]
    mode, folder = config.modes[name], FOLDER / name
    options = RunOptions(output=folder, seed=SEED, resume=folder.exists())
    samples = Samples(name, mode, config, options)
    table = samples.tables({mode.sample: events})[mode.sample]
    luminosity = events / number / samples.expected(mode.sample, 1e6) * 1e6
    made, likelihood, sizes, failed = [], [], [], 0
    for k in range(number):
        rows = (table["__event__"] >= k * events // number) & (table["__event__"] < (k + 1) * events // number)
        generic = {"generic": background[name]} if name in background else {}
        data = make_data(mode, table.where(rows), generic, luminosity / POOL, np.random.default_rng([SEED, k]))
        try:
            best, model = settled_model(data, model_of(mode, data))
        except FitError:
            failed += 1
            continue
        if any(words.startswith("tau ") for words in best.warnings):  # the lifetime at its limit, and warned of
            failed += 1
            continue
        value, sigma = best["tau"]
        made.append((value - mode.generated) / sigma)
        known = dict(zip(best.names, best.values.tolist(), strict=True)) | {"tau": mode.generated}
        with contextlib.suppress(FitError):
            rise = fit(data, model, known, ("tau",)).twice_nll - best.twice_nll
            likelihood.append(np.sign(made[-1]) * np.sqrt(max(rise, 0.0)))
        sizes.append((len(data.residual), len(data.side_time), sigma))
    return Pulls(np.array(made), np.array(likelihood), failed, *np.mean(sizes, axis=0).tolist())


def rows() -> list[Row]:
    """Rows of the validation table."""
    background = pool()
    found = {name: experiments(name, background) for name in EXPERIMENTS}
    made = []
    for name, p in found.items():
        made += _rows(f"lifetimes.{name}", p)
    everything = np.concatenate([p.hessian for p in found.values()])
    whole = replace(found["d0"], hessian=everything, likelihood=np.concatenate([p.likelihood for p in found.values()]))
    return [*made, *_rows("lifetimes, all modes", whole)[:2]]


def _rows(name: str, p: Pulls) -> list[Row]:
    """Mean and width of pulls, and the experiments without a minimum."""
    n = len(p.likelihood)
    said = (f"{n} experiments of {p.signal:.0f} signal and {p.sideband:.0f} sideband candidates, {p.error:.1f} fs each;"
            f" by the uncertainty {p.hessian.mean():+.2f}, {p.hessian.std(ddof=1):.2f}")
    return [Row(f"{name}: mean of the pulls", 0.0, float(p.likelihood.mean()), max(0.1, 3 / np.sqrt(n)), said),
            Row(f"{name}: width of the pulls", 1.0, float(p.likelihood.std(ddof=1)), max(0.1, 3 / np.sqrt(2 * n))),
            Row(f"{name}: experiments without a minimum inside the limits", 0.0, float(p.failed),
                0.02 * (len(p.hessian) + p.failed))]
