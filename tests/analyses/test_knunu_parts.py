"""Parts of the B+ -> K+ nu nubar analysis. Oracle: numbers worked out by hand, definitions of the publication."""

import numpy as np
import pytest

from openbfactory.analyses import ANALYSES, RunOptions, find_analysis
from openbfactory.analyses.knunu import run as run_module
from openbfactory.analyses.knunu.config import BACKGROUNDS, CONTINUUM, SIGNAL, load_config, plan_samples
from openbfactory.analyses.knunu.evaluation import evaluate, with_eta
from openbfactory.analyses.knunu.run import setting_of
from openbfactory.analyses.knunu.templates import CHANNELS, expectation, knunu_workspace, relative_shifts
from openbfactory.analyses.knunu.training import Rows, judge, passing, train_first, train_second
from openbfactory.core.errors import CardError, FitError, UnknownNameError
from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.reconstruct.variables import BDT1_INPUTS, BDT2_INPUTS
from openbfactory.select.binning import fill


def test_registry_offers_the_nearest_name():
    assert "knunu" in ANALYSES
    with pytest.raises(UnknownNameError, match="did you mean 'knunu'"):
        find_analysis("knuno")


def test_presets_and_detectors_that_do_not_exist_are_named():
    with pytest.raises(UnknownNameError, match="did you mean 'quick'"):
        setting_of(RunOptions(preset="quik"))
    with pytest.raises(UnknownNameError, match="did you mean 'belle2'"):
        setting_of(RunOptions(detector="bele2"))
    with pytest.raises(CardError, match="unreadable"):
        setting_of(RunOptions(detector="nowhere/card.yaml"))


def test_full_preset_is_the_published_data_set():
    """362 /fb at 0.569 nb is 206 million B+ B- pairs; off resonance is 42 / 362 of the continuum, scaled by s."""
    config, machine = load_config(), load_card("belle2").machine
    plans = {p.name: p for p in plan_samples(config.presets["full"], None, machine)}
    assert set(plans) == {SIGNAL, *BACKGROUNDS, *(f"{n}_off" for n in CONTINUUM)}
    assert plans["charged"].events == pytest.approx(0.569e6 * 362, rel=1e-6)
    assert plans["ccbar_off"].events == pytest.approx(plans["ccbar"].events * 42 / 362, rel=0.02)


def test_luminosity_scales_what_is_generated_and_the_weights():
    small, large = (setting_of(RunOptions(luminosity=x)) for x in (0.01, 0.1))
    for a, b in zip(small.plans, large.plans, strict=True):
        assert b.events == pytest.approx(10 * a.events, rel=0.01)
        assert small.weight(a) == pytest.approx(10 * large.weight(b), rel=0.01)


def test_weights_give_the_data_set():
    """Weight times events is cross section times luminosity; for the signal 2 N(B+B-) times the branching fraction."""
    setting = setting_of(RunOptions(luminosity=0.02))
    expected = {p.name: setting.weight(p) * p.events for p in setting.plans}
    assert expected["charged"] == pytest.approx(0.569e6 * 362)
    assert expected["taupair"] == pytest.approx(0.919e6 * 362)
    assert expected[SIGNAL] == pytest.approx(2 * 0.569e6 * 362 * 4.97e-6)


@pytest.mark.parametrize("events", [2, 3, 4001, 19_999, 20_001, 182_080])
def test_every_sample_has_as_many_chunks_in_each_fold(events):
    setting = setting_of(RunOptions())
    size = setting.chunk_size(events)
    assert size <= setting.config.chunk_size
    assert -(-events // size) % 2 == 0


def region_histogram(q2, eta, weight=2.0):
    binning = load_config().region.binning
    return fill(binning, {"q2_rec": np.asarray(q2), "eta": np.asarray(eta)}, np.full(len(q2), weight))


def test_expectation_of_a_bin_without_candidates():
    """Four events in bin (0, 0), two in (1, 0), two in (0, 1): bin (1, 1) gets 2 * 2 / 8 = 0.5 +- 0.5."""
    found = expectation(region_histogram([0, 0, 5, 0], [0.93, 0.93, 0.93, 0.95]))
    assert found.template.yields[:5] == pytest.approx([4, 2, 0, 2, 0.5])
    assert found.template.uncertainties[:5] == pytest.approx([np.sqrt(8), 2, 0, 2, 0.5])
    assert found.filled.tolist() == [False, False, False, False, True] + [False] * 7


def test_expectation_without_any_candidate_is_empty():
    found = expectation(region_histogram([], []))
    assert not found.filled.any()
    assert not found.template.yields.any()


def test_sample_without_any_candidate_may_have_one_event():
    """A run too small to find a background must not claim that there is none: 24 events +- 100 % in twelve bins."""
    found = expectation(region_histogram([], []), one_event=24.0)
    assert found.filled.all()
    assert found.template.yields == pytest.approx([2.0] * 12)
    assert found.template.uncertainties == pytest.approx([2.0] * 12)


def flat_expectations(per_bin=20.0):
    config = load_config()
    centres_q2, centres_eta = np.meshgrid([0, 5, 10], [0.93, 0.95, 0.97, 0.99])
    histogram = region_histogram(np.tile(centres_q2.ravel(), 4), np.tile(centres_eta.ravel(), 4), per_bin / 4)
    names = [SIGNAL, *BACKGROUNDS, *(f"{n}_off" for n in CONTINUUM)]
    return config, {n: expectation(histogram) for n in names}


def test_workspace_has_the_layout_of_the_publication():
    """On and off resonance, split at eta = 0.94: 9 + 3 + 9 + 3 bins; 8 and 5 samples; 1 parameter a bin each."""
    config, expectations = flat_expectations()
    workspace = knunu_workspace(expectations, config, relative_shifts({}, config))
    assert workspace.channel_names == [name for name, _, _ in CHANNELS]
    sizes = {c["name"]: (len(c["samples"]), len(c["samples"][0]["data"])) for c in workspace.document["channels"]}
    assert sizes == {"SR_on_resonance": (8, 9), "CR_on_resonance": (8, 3), "SR_off_resonance": (5, 9),
                     "CR_off_resonance": (5, 3)}
    from openbfactory.fit.estimate import analyse

    fit = analyse(workspace, "mu").fit
    constant = 5  # luminosity, B pairs, off-resonance normalisation, continuum shape, signal efficiency
    assert len(fit.minimum.x) == 1 + 7 + constant + 12 * 8 + 12 * 5


def toy_rows(rng, signal, size, shift):
    columns = {n: rng.normal(shift, 1.0, size).astype(np.float32) for n in dict.fromkeys((*BDT1_INPUTS, *BDT2_INPUTS))}
    columns |= {"q2_rec": rng.uniform(-1, 20, size).astype(np.float32), "mcQ2": np.full(size, 3.0, np.float32)}
    return Rows(columns, np.full(size, signal), 1.0)


@pytest.fixture(scope="module")
def trained():
    settings = load_config().training
    settings = settings.model_copy(update={
        "bdt1": settings.bdt1.model_copy(update={"trees": 10}), "bdt2": settings.bdt2.model_copy(update={"trees": 10})})
    rng = Address(5, "toy").generator()
    halves = [{SIGNAL: toy_rows(rng, True, 2000, 0.25), "charged": toy_rows(rng, False, 4000, 0.0)} for _ in range(2)]
    first = [train_first(f, halves[1 - f], 4000.0, settings, 1) for f in (0, 1)]
    above = [passing(halves[f], first[f]) for f in (0, 1)]
    models = [train_second(f, first[f], above[1 - f], settings, 1) for f in (0, 1)]
    return settings, halves, above, models


def test_bdt1_cut_keeps_the_asked_fraction_of_generated_signal(trained):
    """Oracle: the definition; binomial, 5 sigma on independent rows."""
    settings, halves, _, models = trained
    for fold in (0, 1):
        outputs = models[fold].outputs(halves[fold][SIGNAL].columns)["BDT1"]
        expected = settings.bdt1_signal_efficiency.value
        spread = 5 * np.sqrt(expected * (1 - expected) / 4000)
        assert (outputs > models[fold].bdt1_cut).sum() / 4000 == pytest.approx(expected, abs=2 * spread)


def test_eta_slices_hold_equal_signal(trained):
    """1 - eta is the efficiency of all generated signal: each 0.02 holds 0.02 * 4000 = 80 of the sample itself."""
    _, halves, _, models = trained
    signal = {f: [halves[f][SIGNAL].columns] for f in (0, 1)}
    ready = with_eta(models, signal, {0: 4000.0, 1: 4000.0})
    found = evaluate(((f, halves[f][SIGNAL].columns) for f in (0, 1)), ready, load_config().region)
    assert found.shown["eta"].counts.reshape(4, 2).sum(axis=1) == pytest.approx([160] * 4, abs=6)
    assert found.region.counts.sum() == pytest.approx(640, abs=6)


def test_classifiers_of_a_fold_never_saw_its_chunks(trained):
    """Planted fault: judged on their own training rows they look better."""
    _, halves, above, models = trained
    check = judge(models[0], (halves[1], halves[0]), (above[1], above[0])).checks["BDT1"]
    cheated = judge(models[0], (halves[1], halves[1]), (above[1], above[0])).checks["BDT1"]
    assert check.auc_train > check.auc_test > 0.6
    assert cheated.auc_test == cheated.auc_train


def test_candidates_pass_the_first_classifier_of_the_fold_that_did_not_see_them(trained):
    """What is kept of a chunk is what its fold keeps later: the cut of the model, row by row."""
    _, halves, above, models = trained
    for fold in (0, 1):
        columns = halves[fold]["charged"].columns
        expected = models[fold].outputs(columns)["BDT1"] > models[fold].bdt1_cut
        assert len(above[fold]["charged"].signal) == expected.sum() > 0
        assert np.array_equal(above[fold]["charged"].columns["roeP"], columns["roeP"][expected])


def test_pilot_is_an_even_number_of_chunks_of_every_sample():
    """0.5 of 2 /fb: half the chunks rounded up to pairs; the quick preset is a pilot and nothing else."""
    setting, quick = setting_of(RunOptions(preset="full", luminosity=8)), setting_of(RunOptions())
    for plan in setting.plans:
        chunks = -(-plan.events // setting.chunk_size(plan.events))
        assert setting.pilot_chunks(plan.name) % 2 == 0
        assert chunks / 4 <= setting.pilot_chunks(plan.name) < chunks / 4 + 2
    assert quick.manifest["pilot"]["charged"] == sum(t.sample == "charged" for t in quick.tasks)


def test_too_few_rows_to_train_is_a_named_error():
    rng = Address(6, "toy").generator()
    rows = {SIGNAL: toy_rows(rng, True, 30, 1.0), "charged": toy_rows(rng, False, 5, 0.0)}
    with pytest.raises(FitError, match="5 background"):
        train_first(0, rows, 60.0, load_config().training, 1)


def test_manifest_knows_what_decides_the_result():
    first = setting_of(RunOptions(seed=1)).manifest
    assert setting_of(RunOptions(seed=1, workers=7)).manifest == first
    assert setting_of(RunOptions(seed=2)).manifest != first
    assert setting_of(RunOptions(detector="belle")).manifest != first
    assert run_module.SIGNAL == SIGNAL


def test_references_name_every_stage():
    """Generation (decay file, Pythia, form factor), card and analysis: a run's report lists what each used."""
    found = set(setting_of(RunOptions()).references)
    assert {"decay-belle2", "pythia83", "hpqcd-2022", "basf2-beamparameters", "belle2-knunu-likelihood"} <= found
