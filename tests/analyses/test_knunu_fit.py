"""The systematic model of B+ -> K+ nu nubar and the studies of its fit.

Oracle: the published likelihood (names, types, sizes; rebuilt from its own templates by the code of a run it must give
the same uncertainty and impacts); pyhf; closed forms; faults that are planted and must be found.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pyhf
import pytest

from openbfactory.analyses.knunu.config import B_PAIRS, CONTINUUM, SIGNAL, load_config
from openbfactory.analyses.knunu.evaluation import evaluate
from openbfactory.analyses.knunu.measurement import measure, measure_counts
from openbfactory.analyses.knunu.modelling import load_modelling
from openbfactory.analyses.knunu.shifts import Shift, relative_shift, shift_and_noise, shift_of
from openbfactory.analyses.knunu.studies import study, throw_toys
from openbfactory.analyses.knunu.templates import (
    CHANNELS,
    Expectation,
    channel_counts,
    knunu_workspace,
    noisy_parameters,
    parameter_name,
    relative_shifts,
)
from openbfactory.analyses.knunu.variations import VARIATIONS
from openbfactory.core.errors import WorkspaceError
from openbfactory.core.random import Address
from openbfactory.fit.build import Template, asimov
from openbfactory.fit.estimate import analyse, estimate
from openbfactory.fit.workspace import read_workspace
from openbfactory.physics.published import load_published

CONFIG = load_config()
SHAPE = (3, 4)


# ---------------------------------------------------------------- the published likelihood, taken apart and rebuilt

def published_parts(folder):
    """Document, and per sample (ours: ``knunu``, ``uubar_off``): template and relative shifts of 12 flat bins."""
    document = json.loads((folder / "belle2-knunu" / "combined_likelihood.json").read_text())
    channels = {c["name"][0]: {s["name"]: s for s in c["samples"]} for c in document["channels"][:4]}
    expectations, shifts = {}, {}
    for low, high, suffix in (("B", "A", ""), ("D", "C", "_off")):
        for name in channels[low]:
            ours = (SIGNAL if name == "signal" else name) + suffix
            pair = [channels[low][name], channels[high][name]]
            data = np.concatenate([s["data"] for s in pair])
            errors = np.concatenate([m["data"] for s in pair for m in s["modifiers"] if m["type"] == "staterror"])
            expectations[ours] = Expectation(Template(data, errors), np.zeros(12, bool))
            for parameter in [m["name"] for m in pair[0]["modifiers"] if m["type"] == "histosys"]:
                up = np.concatenate([m["data"]["hi_data"] for s in pair for m in s["modifiers"]
                                     if m["name"] == parameter])
                shifts.setdefault(parameter, {})[ours] = up / data - 1
    return document, expectations, shifts


@pytest.fixture(scope="module")
def published(shared_data):
    return published_parts(shared_data)


def structure(document, sample_names):
    """(parameter, type) -> samples at each energy that it acts on; the size of the simulation by sample and bins."""
    found: dict[tuple[str, str], set[str]] = {}
    statistical = []
    for channel in document["channels"][:4]:
        off = "off" in channel["name"]
        for sample in channel["samples"]:
            name = sample_names.get(sample["name"], sample["name"]) + ("_off" if off else "")
            for modifier in sample["modifiers"]:
                if modifier["type"] == "staterror":
                    statistical.append((name, len(sample["data"])))
                else:
                    found.setdefault((modifier["name"], modifier["type"]), set()).add(name)
    return found, sorted(statistical)


def varied_histograms(seed=3, numbered=(("br", 5), ("pid", 7), ("ff", 3))):
    """Shifts of every variation that a run makes, for every sample, from random rows."""
    rng = Address(seed, "rows").generator()
    names = [n if n not in dict(numbered) else f"{n}_{k}" for n in CONFIG.systematics.event if n != "contW"
             for k in range(1, dict(numbered).get(n, 1) + 1)] + list(CONFIG.systematics.detector)
    flat, weight = rng.integers(0, 12, 500), np.ones(500)
    every = {n: shift_of(flat, weight, rng.normal(0.01, 0.02, 500), 12) for n in names}
    samples = [SIGNAL, *B_PAIRS, *CONTINUUM, *(f"{c}_off" for c in CONTINUUM)]
    return dict.fromkeys(samples, every)


def test_model_has_names_types_and_samples_of_the_published_one(published):
    """All 41 parameters and 156 + 40 nuisances of the four inclusive channels; with five branching fractions 192."""
    document, expectations, _ = published
    theirs, their_statistics = structure(document, {"signal": SIGNAL})
    shifts = relative_shifts(varied_histograms(numbered=(("br", 9), ("pid", 7), ("ff", 3))), CONFIG)
    ours, our_statistics = structure(knunu_workspace(expectations, CONFIG, shifts).document, {})
    assert {k: sorted(v) for k, v in ours.items()} == {k: sorted(v) for k, v in theirs.items()}
    assert our_statistics == their_statistics
    assert sum(bins for _, bins in our_statistics) == 156
    assert len(ours) - 1 + 156 == 196
    few = relative_shifts(varied_histograms(), CONFIG)
    fewer, _ = structure(knunu_workspace(expectations, CONFIG, few).document, {})
    assert len(fewer) - 1 + 156 == 192


def test_every_variation_that_chunks_have_is_in_the_model():
    """Names of the columns and of the second reconstructions, as chunks are made: 36 parameters, none left aside."""
    model, rng = load_modelling(), Address(9, "names").generator()
    samples = [SIGNAL, *B_PAIRS, *CONTINUUM, *(f"{c}_off" for c in CONTINUUM)]
    detector = {n.removesuffix("_up").removesuffix("_down") for n in VARIATIONS[1:]}
    variations = {s: dict.fromkeys((*model.names(s), *detector), rows_of(rng, 100, 0.01)) for s in samples}
    shifts = relative_shifts(variations, CONFIG)
    names = {n for s in samples for n in variations[s]}
    assert {parameter_name(n) for n in names} <= set(shifts)
    assert len(shifts) + len((*B_PAIRS, *CONTINUUM)) == 36
    for name, rule in (CONFIG.systematics.event | CONFIG.systematics.detector).items():
        if name != "contW":  # made by another module
            acting = {s for p, by in shifts.items() if p.split("_")[1] == name for s in by if not s.endswith("_off")}
            assert acting == set(rule.samples), name


def test_sizes_that_are_not_simulated_are_the_published_ones(published):
    """B pairs 2 %, off-resonance 5 %, efficiency 3 %; luminosity 1 % of the text, 1e-5 in that likelihood."""
    _, expectations, theirs = published
    ours = relative_shifts({}, CONFIG)
    assert set(ours) == {"corr_lumi_c1", "corr_bb_c1", "corr_contD_c1", "corr_bdt_c1", "corr_contW_c1"}
    for parameter in ("corr_bb_c1", "corr_contD_c1", "corr_bdt_c1"):
        for sample, relative in theirs[parameter].items():
            filled = expectations[sample].template.yields > 1e-5
            assert ours[parameter][sample][filled] == pytest.approx(relative[filled], abs=1e-5)
    assert ours["corr_lumi_c1"]["ccbar"] == pytest.approx(0.01)
    shape = [sum(theirs["corr_contW_c1"][c] * expectations[c].template.yields for c in CONTINUUM[:-1]),
             sum(expectations[c].template.yields for c in CONTINUUM[:-1])]
    assert ours["corr_contW_c1"]["ccbar"] == pytest.approx(shape[0] / shape[1], abs=6e-4)


def test_published_templates_through_our_builder_give_the_published_fit(published, shared_data):
    """Oracle: the fit of the file itself: likelihood, mu 5.414 +- 1.468, and its impacts."""
    document, expectations, shifts = published
    observed = {o["name"][0]: o["data"] for o in document["observations"]}
    counts = {name: observed[letter] for (name, *_), letter in zip(CHANNELS, "ABCD", strict=True)}
    rebuilt, found = measure_counts(knunu_workspace(expectations, CONFIG, shifts), counts, CONFIG)
    file = read_workspace(shared_data / "belle2-knunu" / "combined_likelihood.json")
    original = estimate(file.select(file.channel_names[:4]))
    assert found.fit.value == pytest.approx(original.value, abs=1e-5)
    assert found.fit.uncertainty == pytest.approx(original.uncertainty, abs=1e-5)
    assert found.fit.twice_nll == pytest.approx(original.twice_nll, abs=1e-6)
    assert found.split.statistical == pytest.approx(0.972, abs=1e-3)
    for group in CONFIG.systematics.impacts:
        assert found.impacts[group.title] == pytest.approx(group.likelihood, abs=0.0051)
    assert abs(found.gaussian[0].difference) < 1e-6
    assert 0 < abs(found.gaussian[1].difference) < 0.3 * found.fit.uncertainty
    model = pyhf.Workspace(rebuilt.document).model()
    theta = np.asarray(model.config.suggested_init())
    data = pyhf.Workspace(rebuilt.document).data(model)
    assert len(theta) == 1 + 196
    ours = analyse(rebuilt, "mu").fit.likelihood
    start = np.where(np.isfinite(ours.model.parameters.center), ours.model.parameters.center,
                     ours.model.parameters.inits)
    assert float(pyhf.infer.mle.twice_nll(theta, data, model)[0]) == pytest.approx(ours.twice_nll(start), rel=1e-9)


# ---------------------------------------------------------------- small models of our own

def flat_model(background=400.0, signal=40.0, relative_error=0.0):
    """Every sample the same in all bins; B pairs rise with q2_rec, so that the signal has a shape of its own."""
    rise, fall = np.tile([0.5, 1.0, 1.5], 4), np.tile([1.6, 1.0, 0.4], 4)
    sizes = {SIGNAL: signal * fall * np.repeat([0.4, 0.7, 1.1, 1.8], 3), "charged": background * rise,
             "mixed": background * rise[::-1] / 2}
    sizes |= dict.fromkeys(CONTINUUM, background * fall / 4) | {f"{c}_off": background * fall / 30 for c in CONTINUUM}
    return {n: Expectation(Template(y, relative_error * y), np.zeros(12, bool)) for n, y in sizes.items()}


def test_counts_from_outside_are_fitted_and_a_planted_shift_is_found():
    """Data made with the K_L K_L rate two standard deviations up: the pull of its parameter says 2 (and no other)."""
    expectations = flat_model(background=4e5, signal=4e4)
    shape = np.linspace(0.30, 0.05, 12)
    shifts = relative_shifts({}, CONFIG) | {"corr_KLKL_c1": {"charged": shape}}
    workspace = asimov(knunu_workspace(expectations, CONFIG, shifts))
    moved = dict(expectations, charged=Expectation(
        Template(expectations["charged"].template.yields * (1 + 2 * shape), None), np.zeros(12, bool)))
    regions = {n: HistogramOf(e.template.yields) for n, e in moved.items()}
    _, found = measure_counts(workspace, channel_counts(regions, CONFIG), CONFIG)
    pulls = {p.name: p.pull for p in found.fit.parameters if p.pull is not None}
    assert pulls["corr_KLKL_c1"] == pytest.approx(2.0, abs=0.1)
    assert max(abs(v) for n, v in pulls.items() if n != "corr_KLKL_c1") < 0.3
    assert found.fit.value == pytest.approx(1.0, abs=0.05)
    with pytest.raises(WorkspaceError):
        measure_counts(workspace, {CHANNELS[0][0]: [1.0, 2.0]}, CONFIG)


class HistogramOf:
    """Just the values of a histogram."""

    def __init__(self, values):
        self.values = values


def test_impact_of_one_group_in_closed_form():
    """Signal efficiency: mu e with e = 1 +- 0.03 has an impact 0.03 mu, whatever else is in the model."""
    for mu in (1.0, 5.4):
        workspace = asimov(knunu_workspace(flat_model(), CONFIG, relative_shifts({}, CONFIG)), mu=mu)
        assert study(workspace, CONFIG, "").impacts["global signal efficiency"] == pytest.approx(0.03 * mu, rel=1e-3)


def test_measurement_of_an_expectation_holds_everything_that_is_reported():
    """Totals of its distributions are the counts; larger simulation makes the uncertainty smaller, down to none."""
    expectations = flat_model(relative_error=0.1)
    found = measure(expectations, CONFIG, seed=4, shifts=relative_shifts({}, CONFIG), toys=4)
    assert found.expected.value == pytest.approx(1.0, abs=1e-6)
    assert found.expectation_published_mu.fit.value == pytest.approx(5.4, abs=1e-6)
    sizes = list(found.simulation.values())
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] > found.expected_large_simulation.uncertainty
    total = sum(e.template.yields.sum() for n, e in expectations.items() if not n.endswith("_off"))
    for each in found.expectation.distributions:
        if each.channel in ("q2_rec", "eta"):
            assert each.observed.sum() == pytest.approx(total)
            assert sum(v.sum() for v in each.after.values()) == pytest.approx(total, rel=1e-6)
            assert (each.after_uncertainty < each.before_uncertainty).all()
    assert found.expectation.split.total ** 2 == pytest.approx(
        found.expectation.split.statistical ** 2 + found.expectation.split.systematic ** 2)
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [row["title"] for row in record["impacts"]] == [g.title for g in CONFIG.systematics.impacts]
    assert record["toys"]["count"] == 4
    assert {g.published for g in CONFIG.systematics.impacts} <= set(load_published("knunu").quantities)


def test_toys_have_no_bias_and_the_width_of_the_uncertainty():
    """60 toys of a Gaussian-like model: mean 0 and width 1 at 4 standard deviations of the toys (1e-4)."""
    workspace = asimov(knunu_workspace(flat_model(background=4e4, signal=4e3), CONFIG))
    toys = throw_toys(analyse(workspace, "mu"), 60, seed=8)
    assert toys.failed == 0
    assert abs(toys.pull_mean[0]) < 4 * toys.pull_mean[1]
    assert abs(toys.pull_width[0] - 1) < 4 * toys.pull_width[1]
    assert abs(toys.coverage[0] - 0.683) < 4 * math.sqrt(0.683 * 0.317 / 60)


# ---------------------------------------------------------------- variations

def rows_of(rng, size, relative, share=1.0):
    """Shift of ``size`` rows in random bins, of which a share moves by ``relative / share``."""
    flat = rng.integers(0, 12, size)
    moved = np.where(rng.random(size) < share, relative / share, 0.0)
    return shift_of(flat, np.ones(size), moved * np.ones(size), 12)


def test_a_shift_of_all_rows_is_exact_in_every_bin_however_few_rows():
    found = relative_shift(rows_of(Address(1, "few").generator(), 9, 0.02), SHAPE)
    assert found == pytest.approx(np.full(12, 0.02), abs=1e-9)
    assert relative_shift(Shift(np.zeros((5, 12))), SHAPE) == pytest.approx(np.zeros(12))


def test_few_rows_are_smoothed_and_many_keep_their_shape():
    """2 % from rows that change fully: 600 rows scatter by 2 % a bin, smoothed a third of it; a true step survives."""
    rng = Address(2, "smooth").generator()
    raw, smooth = [], []
    noises = []
    for _ in range(60):
        shift = rows_of(rng, 600, 0.02, share=0.02)
        raw.append(shift.sums[1] / shift.sums[0])
        value, noise = shift_and_noise(shift, SHAPE)
        smooth.append(value)
        noises.append(noise)
    assert np.sqrt(np.mean((np.array(smooth) - 0.02) ** 2) / np.mean(np.square(noises))) == pytest.approx(1, abs=0.3)
    assert np.std(smooth) < 0.55 * np.std(raw)
    assert np.mean(smooth) == pytest.approx(np.mean(raw), abs=1e-3)
    flat = rng.integers(0, 12, 200_000)
    step = np.where(flat // 3 == 3, 0.10, 0.01)
    found = relative_shift(shift_of(flat, np.ones(len(flat)), (rng.random(len(flat)) < step) * 1.0, 12), SHAPE)
    assert found == pytest.approx(np.where(np.arange(12) // 3 == 3, 0.10, 0.01), abs=0.006)


class Judge:
    """A classifier whose eta is a column."""

    def outputs(self, columns):
        return {"BDT1": columns["eta"], "BDT2": columns["eta"], "eta": columns["eta"]}


def chunk(rng, size, **more):
    return {"event": np.arange(size, dtype=np.int32), "q2_rec": rng.uniform(-1, 25, size).astype(np.float32),
            "mcQ2": np.full(size, np.nan, np.float32), "eta": rng.uniform(0.92, 1, size).astype(np.float32), **more}


def test_weights_and_variations_of_chunks_are_filled():
    """A table without such columns is nominal; weights 2 double it; the detector's rows count in its shift alone."""
    rng = Address(3, "chunks").generator()
    models = [Judge(), Judge()]
    plain = chunk(rng, 400)
    bare = evaluate([(0, plain)], models, CONFIG.region)
    assert bare.shifts == {}
    assert bare.region.values.sum() == 400
    ones = np.ones(400, np.float32)
    weighted = evaluate([(0, plain | {"weight": 2 * ones, "KLKL_up": 1.2 * ones, "KLKL_down": 0.8 * ones}),
                         (1, plain)], models, CONFIG.region)
    assert weighted.region.values == pytest.approx(3 * bare.region.values)
    assert relative_shift(weighted.shifts["KLKL"], SHAPE) == pytest.approx(np.full(12, 0.2), abs=1e-6)
    twice = {n: np.concatenate([c, c[:300]]) for n, c in plain.items()}
    twice["variation"] = np.repeat([0, 2], [400, 300]).astype(np.int32)
    found = evaluate([(0, twice)], models, CONFIG.region, detector=("gamma", "unmatched"))
    assert found.region.values == pytest.approx(bare.region.values)
    sums = found.shifts["unmatched"].sums.sum(axis=1)
    assert sums[:2] == pytest.approx([400, -100])
    assert sums[4] == pytest.approx(100)  # the noise is that of the rows that went, not of two samples
    assert found.shifts["gamma"].sums[1].sum() == -400


def test_the_two_sides_of_a_detector_variation_make_one_shift():
    """Up has all 100 rows and 20 new ones, down has 60: shift (120 - 60) / 2, noise of the 60 that differ, 60 / 4."""
    rng = Address(7, "sides").generator()
    plain = chunk(rng, 120)
    parts = [(0, 0, 100), (1, 0, 120), (2, 0, 60)]
    table = {n: np.concatenate([c[a:b] for _, a, b in parts]) for n, c in plain.items()}
    table["variation"] = np.concatenate([np.full(b - a, k, np.int32) for k, a, b in parts])
    found = evaluate([(0, table)], [Judge(), Judge()], CONFIG.region, detector=("gamma_up", "gamma_down"))
    assert set(found.shifts) == {"gamma"}
    sums = found.shifts["gamma"].sums.sum(axis=1)
    assert sums == pytest.approx([100, 30, 100, 20, 15])


def test_pools_and_twins_share_one_relative_shift():
    """Charged and mixed pairs are pooled for the detector, and off-resonance samples take part, as published."""
    one, two = rows_of(Address(4, "a").generator(), 900, 0.03), rows_of(Address(5, "b").generator(), 900, 0.05)
    variations = {"charged": {"KLeff": one, "br_2": one}, "mixed": {"KLeff": two, "br_2": two},
                  "ccbar": {"KLeff": one}, "ccbar_off": {"KLeff": two}, "ddbar": {"KLeff": one}}
    found = relative_shifts(variations, CONFIG)
    assert found["corr_KLeff_c1"]["charged"] == pytest.approx(found["corr_KLeff_c1"]["mixed"])
    assert found["corr_KLeff_c1"]["charged"].mean() == pytest.approx(0.04, abs=1e-3)
    assert found["corr_KLeff_c1"]["uubar_off"] == pytest.approx(found["corr_KLeff_c1"]["ccbar"])
    assert "ddbar" not in found["corr_KLeff_c1"]
    assert found["corr_br_c2"]["mixed"] == pytest.approx(np.full(12, 0.05), abs=1e-6)
    assert parameter_name("trackingEff") == "corr_trackingEff_c1"


def test_shifts_below_their_noise_are_named():
    """Of 300 rows three come and three go (no effect), or all move by 3 % (an exact one)."""
    flat, moved = Address(8, "noise").generator().integers(0, 12, 300), np.zeros(300)
    moved[:6] = [1, -1, 1, -1, 1, -1]
    variations = {"charged": {"KLKL": shift_of(flat, np.ones(300), moved, 12),
                              "DKL": shift_of(flat, np.ones(300), np.full(300, 0.03), 12),
                              "pid_1": shift_of(flat, np.ones(300), np.zeros(300), 12)}}
    assert noisy_parameters(variations, CONFIG) == ("corr_KLKL_c1",)


def test_scaling_a_sample_leaves_relative_shifts_and_their_noise():
    shift = rows_of(Address(6, "scale").generator(), 300, 0.02, share=0.1)
    assert relative_shift(shift.scaled(7.0), SHAPE) == pytest.approx(relative_shift(shift, SHAPE))
    assert replace(shift).sums is shift.sums
