"""``obf run knunu.half_split``: pairs of mu in two halves of the data, for many criteria; and a fault in one half."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import chi2 as chi2_distribution

from openbfactory.analyses import RunOptions
from openbfactory.analyses.knunu.checks.half_split_content import sections
from openbfactory.analyses.knunu.checks.settings import made_of, section
from openbfactory.analyses.knunu.checks.shell import Check, Finding, finish
from openbfactory.analyses.knunu.checks.splitting import Half, drawn, fit_splits, fittable, halves_of, tensions
from openbfactory.analyses.knunu.config import BACKGROUNDS, SIGNAL, load_config
from openbfactory.analyses.knunu.finished import (
    Candidates,
    generated_events,
    judged_candidates,
    merged,
    source_run,
)
from openbfactory.core.config import Config
from openbfactory.core.quantities import Quantity
from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.report.records import Number

#: the split in whose second half the fault is planted
FAULTY = "cosTheta"
APPROXIMATIONS = (
    "Templates and data are of the same simulated events: the limited number of simulated events is no part of the "
    "uncertainties.",
    "The fit has normalisations of the backgrounds as its only systematic parameters; the others would be common to "
    "both halves.",
    "The data are a pseudo-experiment of the simulation with mu = 1 at the luminosity of the data set.",
)


class Split(Config):
    """One criterion: title, and where the two halves part (None: the median)."""

    title: str
    cut: float | None = None


class HalfSplit(Config):
    """Section ``half_split``: criteria, constraint of backgrounds, share of tracks lost by the fault, published."""

    splits: dict[str, Split]
    background_normalisation: Quantity
    fault: Quantity
    largest: Quantity


def run(options: RunOptions) -> dict[str, Any]:
    """Result record; the report is in the output folder.

    Raises
    ------
    OpenBFactoryError
        Without a finished run, with one that is too small, or when a fit has no minimum.
    """
    settings, config, card = section("half_split", HalfSplit), load_config(), load_card(options.detector)
    source = source_run(options)
    events = generated_events(source)
    found = merged(judged_candidates(source, config, card.machine), config.region.binning)
    asked = halves_of(found, {n: s.cut for n, s in settings.splits.items()})
    masks = fittable(found, asked, FAULTY)
    address, size = Address(options.seed, "data", stage="pseudo-experiment"), settings.background_normalisation.value
    data = drawn(found, address.generator())
    fits = fit_splits(data, masks, size)
    pulls, total = tensions(data, masks, fits)
    lost = settings.fault.value * masks[FAULTY]
    faulty = drawn(found, address.at("fault").generator(), lost)
    broken = fit_splits(faulty, {FAULTY: masks[FAULTY]}, size)[FAULTY]
    options.output.mkdir(parents=True, exist_ok=True)
    titles = {n: split.title for n, split in settings.splits.items()}
    shown = sections(titles, fits, pulls, broken, settings.fault.value, card.machine.integrated_luminosity())
    check = Check(
        "knunu.half_split", "Half splits", "A part of the detector, of the time or of phase space that is not "
        "understood gives another signal strength than the rest of the data.",
        _findings(settings, pulls, total, broken), shown, APPROXIMATIONS,
        events, made_of(options, settings, (options.detector,), events, SIGNAL, *BACKGROUNDS, others=(config,)),
        {"pairs": {n: {"mu": [h.mu for h in f], "uncertainty": [h.sigma for h in f],
                       "data_over_expectation": [h.ratio[0] for h in f], "tension": pulls[n]} for n, f in fits.items()},
         "source": str(source)}, _warnings(found, [titles[n] for n in asked if n not in masks]))
    return finish(check, options)


def _findings(settings: HalfSplit, pulls: dict[str, float], total: float, broken: tuple[Half, Half]
              ) -> tuple[Finding, ...]:
    """chi2 of all splits, the largest tension, and the fault."""
    count, worst = len(pulls), max(pulls, key=lambda n: abs(pulls[n]))
    p_value = float(chi2_distribution.sf(total, count))
    (first, sigma1), (second, sigma2) = (h.ratio for h in broken)
    share = second / first
    spread = share * float(np.hypot(sigma1 / first, sigma2 / second))
    return (
        Finding("chi2", f"χ^{{2}} of {count} splits", Number(value=total, uncertainty=(2.0 * count) ** 0.5),
                Number(value=float(count)), remark=f"correlations of the splits are in it; p = {p_value:.2f}"),
        Finding("largest", "largest tension [σ]", Number(value=abs(pulls[worst])),
                published=Number(value=settings.largest.value), remark=settings.splits[worst].title),
        Finding("fault", "share of kaons lost in the forward half", Number(value=1.0 - share, uncertainty=spread),
                Number(value=settings.fault.value), remark="planted fault, from data over expectation of both halves"))


def _warnings(found: Candidates, left_out: list[str]) -> tuple[str, ...]:
    """What a reader must know of the size of the run."""
    rows, total = int(found.background.sum()), float(found.expected[found.background].sum())
    told = [f"{rows} simulated background candidates stand for {total:.0f} events of the data set: bins that few of "
              "them reach are left out"] if rows < total else []
    return tuple(told + ([f"splits without enough candidates: {', '.join(left_out)}"] if left_out else []))
