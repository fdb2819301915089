"""Mass of the tau.

Oracles: pseudomasses drawn from the form that is fitted (the edge comes back within 4 standard deviations, false alarms
6e-5; a wrong range of edges does not), kinematics in closed form (the pseudomass of a collinear neutrino is the mass of
the tau), momenta multiplied by planted factors, and one small run from collisions to the report; an
ntuple of its data gives the edge of a fit to the same candidates, and ntuples with planted mistakes are refused.
"""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from openbfactory.analyses import RunOptions, find_analysis, preset_of
from openbfactory.analyses.tau_mass.background import drawn as drawn_background
from openbfactory.analyses.tau_mass.background import slope
from openbfactory.analyses.tau_mass.beam_energy import beam_energy
from openbfactory.analyses.tau_mass.config import load_config
from openbfactory.analyses.tau_mass.data import needed
from openbfactory.analyses.tau_mass.measurement import MEGA, bias, edge
from openbfactory.analyses.tau_mass.momentum_scale import LEAST, masses, momentum_scale
from openbfactory.analyses.tau_mass.run import run
from openbfactory.analyses.tau_mass.samples import tau_request
from openbfactory.analyses.tau_mass.tracks import Tracks, selected
from openbfactory.analyses.tau_mass.variations import a1_weights, changed, moved
from openbfactory.core.errors import InputError, UnknownNameError
from openbfactory.core.random import Address
from openbfactory.events.cut_grammar import split_names
from openbfactory.events.ntuples import write_ntuple
from openbfactory.experiment import load_card
from openbfactory.fit.pseudomass import Sample
from openbfactory.fit.shapes.pseudomass import FORMS, pseudomass_edge_linear
from openbfactory.generate import FILTERS, DecayCounts, filtered, generate_events
from openbfactory.kinematics.fourvector import boost
from openbfactory.kinematics.pseudomass import pseudomass
from openbfactory.physics.particles import species
from openbfactory.pipeline.tables import SampleTable
from openbfactory.reconstruct.decay_string import parse_decay
from openbfactory.reconstruct.expressions import compile_condition, compile_variable
from openbfactory.select.cuts import compile_cut

CONFIG, MACHINE = load_config(), load_card("belle2").machine
TRUE = (1.7771, 0.003, 0.45, -1.0, 2.0)


def drawn(n, form="quadratic", seed=1):
    """Pseudomasses of a form with the numbers TRUE."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(*CONFIG.range, 12 * n)
    density = FORMS[form](x, *CONFIG.range, *TRUE)
    return x[rng.random(len(x)) * density.max() < density][:n]


@pytest.mark.parametrize("form", ["quadratic", "linear"])
def test_the_edge_comes_back(form):
    value, sigma = edge(drawn(20_000, form), CONFIG.range, form)
    assert abs(value - MEGA * TRUE[0]) < 4 * sigma
    assert 0.1 < sigma < 1.0
    moved, _ = edge(drawn(20_000, form) + 0.005, (1.705, 1.855), form)
    assert abs(moved - MEGA * TRUE[0]) > 4 * sigma


def test_the_linear_form_is_normalised():
    x = np.linspace(*CONFIG.range, 20_001)
    assert np.trapezoid(pseudomass_edge_linear(x, *CONFIG.range, *TRUE), x) == pytest.approx(1, abs=1e-6)


def test_the_bias_is_the_edge_minus_the_generated_mass():
    found = bias({m: drawn(20_000, seed=k) + (m - TRUE[0]) for k, m in enumerate((1.772, 1.7771, 1.782))}, (1.71, 1.84))
    value, sigma = found.mean
    assert abs(value) < 4 * sigma
    assert abs(found.slope[0]) < 4 * found.slope[1]


def test_too_few_candidates_are_an_error():
    with pytest.raises(InputError, match="a fit needs"):
        edge(drawn(20_000)[:50], CONFIG.range)
    with pytest.raises(InputError, match="D0 candidates"):
        momentum_scale(d_mesons(LEAST - 1), CONFIG.d0)
    with pytest.raises(InputError, match="B candidate"):
        beam_energy(*(b_mesons(10, 10.58, 1),) * 2, (b_mesons(10, 10.58, 1),) * 2, MACHINE.p4, CONFIG.b)
    with pytest.raises(UnknownNameError, match="quick"):
        preset_of(CONFIG.presets, "quik")


def test_missing_columns_are_named_at_once():
    table = SampleTable({"__event__": np.zeros(3), "px0": np.zeros(3)}, 3, 0, DecayCounts())
    with pytest.raises(InputError) as caught:
        selected(table, CONFIG.tau, MACHINE)
    text = str(caught.value)
    assert "thrust" in text
    assert "eop2" in text


@pytest.mark.parametrize("a", [-9.0, -0.01, 0.0, 4.0])
def test_the_background_is_drawn_with_the_slope_of_its_samples(a):
    ends, rng = (1.5, 1.95), np.random.default_rng(8)
    mass = drawn_background(rng, 40_000, a, ends)
    assert ends[0] < mass.min() < mass.max() < ends[1]
    x = np.linspace(*ends, 10_001)
    density = np.exp(a * x) / np.trapezoid(np.exp(a * x), x)
    mean, square = (np.trapezoid(density * f, x) for f in (x, x * x))
    sigma = np.sqrt(square - mean**2)
    assert abs(mass.mean() - mean) < 4 * sigma / 200
    assert abs(slope(mass, ends) - a) < 4 / (200 * sigma)  # the variance is the information on the slope
    assert slope(mass[:0], ends) == 0


def test_changes_of_samples_without_a_fit_are_no_numbers():
    few = Sample(drawn(60), np.arange(60))
    assert np.isnan(changed(few, few, CONFIG.range).value)
    assert np.isnan(moved(few, Sample(few.mass, few.collision + 100), CONFIG.range).value)
    near = moved(few, Sample(few.mass + 0.002, few.collision), CONFIG.range)
    assert near.value == pytest.approx(2.0, rel=1e-6)
    assert near.uncertainty == pytest.approx(0.0, abs=1e-9)


def test_weights_of_another_a1_are_those_of_its_propagator():
    rng = np.random.default_rng(5)
    p = rng.normal(0, 0.4, (4000, 3, 3))
    tracks = Tracks(p, np.ones((4000, 3)), np.arange(4000), p)
    assert a1_weights(tracks, (1.23, 0.4)) == pytest.approx(np.ones(4000))
    light = a1_weights(tracks, (1.10, 0.4))
    p4 = tracks.p4("pi+", "pi+", "pi+").sum(axis=1)
    mass = np.sqrt(p4[:, 0] ** 2 - np.sum(p4[:, 1:] ** 2, axis=1))
    assert light.mean() == pytest.approx(1.0)
    assert light[mass < 1.1].mean() > light[mass > 1.3].mean()


def test_a_neutrino_along_the_rest_gives_the_mass_of_the_tau():
    tau, energy, visible = species("tau-").mass, 0.5 * MACHINE.sqrt_s, 1.4
    momentum = np.sqrt(energy**2 - tau**2)
    away = 0.5 * (tau**2 - visible**2) / tau
    rest = np.array([np.hypot(away, visible), 0, 0, -away])  # the neutrino ahead: both fly along the tau
    along = boost(tuple(np.array([v]) for v in rest), tuple(np.array([v]) for v in (energy, 0, 0, momentum)))
    lab = boost(along, tuple(np.array([v]) for v in MACHINE.p4))
    found = pseudomass(np.stack(lab, axis=1), MACHINE.p4)
    assert found[0] == pytest.approx(tau, rel=1e-9)
    assert pseudomass(np.stack(lab, axis=1), MACHINE.p4, MACHINE.sqrt_s + 0.01)[0] > tau


def d_mesons(n, factor=1.0, seed=2):
    """D0 -> K- pi+ and conjugates with smeared momenta."""
    rng = np.random.default_rng(seed)
    flight = rng.normal((0.5, 0.5, 2.0), 0.5, (n, 3))
    frame = (np.sqrt(species("D0").mass ** 2 + np.sum(flight**2, axis=1)), *flight.T)
    parts = isotropic(rng, n, *(species(name).mass for name in ("D0", "K+", "pi+")))
    p = np.stack([np.stack(boost(q, frame)[1:], axis=1) for q in parts], axis=1)
    sign = rng.choice([-1.0, 1.0], n)
    return Tracks(factor * p * rng.normal(1, 0.004, (n, 2, 1)), np.stack([sign, -sign], axis=1), np.arange(n))


def test_the_momentum_scale_is_found_and_corrected():
    nominal = momentum_scale(d_mesons(6_000), CONFIG.d0)
    planted = d_mesons(6_000, 1.001, seed=3)
    found = momentum_scale(planted, CONFIG.d0).minus(nominal)
    value, sigma = found.mean
    assert abs(value - 1e-3) < 4 * sigma
    assert value > 5 * sigma
    left, _ = momentum_scale(found.correct(planted), CONFIG.d0).minus(nominal).mean
    assert abs(left) < 4 * sigma
    mass, slope = masses(planted)
    more = masses(Tracks(planted.p * np.array([1 + 1e-6, 1.0])[:, None], planted.charge, planted.event))[0]
    np.testing.assert_allclose((more - mass) / 1e-6, slope[:, 0], rtol=1e-3)


def isotropic(rng, n, mass, one, two):
    """Both four-momenta of a two-body decay at rest, as tuples of columns."""
    size = np.sqrt((mass**2 - (one + two) ** 2) * (mass**2 - (one - two) ** 2)) / (2 * mass)
    axis = rng.standard_normal((n, 3))
    axis *= size / np.linalg.norm(axis, axis=1, keepdims=True)
    return [(np.full(n, np.hypot(m, size)), *(s * axis.T)) for m, s in ((one, 1), (two, -1))]


def b_mesons(n, energy, seed):
    """B+ -> anti-D0 pi+, D0 -> K pi, of pairs with a mean mass, as three tracks."""
    rng = np.random.default_rng(seed)
    b, d, k, pi = (species(name).mass for name in ("B+", "D0", "K+", "pi+"))
    half = 0.5 * rng.normal(energy, 0.004, n)
    axis = rng.standard_normal((n, 3))
    axis *= (np.sqrt(np.maximum(half**2 - b**2, 0)) / np.linalg.norm(axis, axis=1))[:, None]
    beams = tuple(np.full(n, v) for v in MACHINE.p4)
    meson = boost((np.hypot(b, np.linalg.norm(axis, axis=1)), *axis.T), beams)
    charm, pion = isotropic(rng, n, b, d, pi)
    inner = [boost(boost(q, charm), meson) for q in isotropic(rng, n, d, k, pi)]
    p = np.stack([np.stack(q[1:], axis=1) for q in (*inner, boost(pion, meson))], axis=1)
    return Tracks(p, np.ones((n, 3)), np.arange(n))


def test_a_shift_of_the_energy_is_found():
    low, high = (10.5785 + s for s in CONFIG.b.steps)
    found = beam_energy(b_mesons(4_000, 10.5795, 1), b_mesons(4_000, 10.5785, 2),
                        (b_mesons(4_000, low, 3), b_mesons(4_000, high, 3)), MACHINE.p4, CONFIG.b)
    assert abs(found.value - MACHINE.sqrt_s - 1e-3) < 4 * found.uncertainty
    assert found.value - MACHINE.sqrt_s > 4 * found.uncertainty


def test_the_filter_leaves_what_can_be_selected():
    events, _ = generate_events("taupair", 3000, Address(1, "taupair"), MACHINE)
    kept = filtered(events, "tau-edge", MACHINE)
    assert 0.02 < len(kept) / 3000 < 0.08
    with pytest.raises(UnknownNameError, match="tau-edge"):
        filtered(events, "tau-edg", MACHINE)
    assert set(FILTERS) == {"tau-edge", "few-charged"}


def test_the_generated_mass_is_that_of_the_decay_file(tmp_path):
    file = tmp_path / "heavy.dec"
    file.write_text("Particle tau- 1.8 0.0\nParticle tau+ 1.8 0.0\n")
    events, _ = generate_events("taupair", 200, Address(1, "taupair"), MACHINE, decays=file)
    p = events["MCParticles"]
    tau = np.abs(p["PDG"]) == 15
    mass = np.sqrt(p["E"] ** 2 - p["px"] ** 2 - p["py"] ** 2 - p["pz"] ** 2, where=tau, out=np.zeros(p.size))
    np.testing.assert_allclose(mass[tau], 1.8, atol=1e-6)
    np.testing.assert_allclose(np.add.reduceat(np.where(p["status"] == 1, p["E"], 0), p.offsets[:-1]),
                               p["E"][p.offsets[:-1]], rtol=1e-6)


def test_every_string_is_understood():
    for channel in (CONFIG.tau, CONFIG.d0, CONFIG.b):
        parse_decay(channel.decay)
        for cut in (channel.cut, *channel.cuts.values()):
            compile_condition(cut)
        for variable in channel.request(("0.1", "1")).variables:
            compile_variable(variable.partition(" = ")[2])
    compile_cut(CONFIG.tau.selection)
    compile_cut(CONFIG.tau.trigger)


@pytest.fixture(scope="module")
def small():
    """Little of everything."""
    names = ("radial 7e-5", "beams +-1e-4, same sqrt(s)", "a1 width +50 MeV")
    return CONFIG.model_copy(update={"variations": tuple(v for v in CONFIG.variations if v.name in names),
                                     "mass_steps": (0.0,), "generic_samples": ("uubar",)})


@pytest.fixture(scope="module")
def finished(tmp_path_factory, small):
    """Folder and record of a finished run."""
    folder = tmp_path_factory.mktemp("tau_mass") / "run"
    return folder, run(RunOptions(luminosity=0.2, output=folder, seed=4), small)


def test_a_run_ends_in_a_report_and_is_resumed_elsewhere(finished, small, tmp_path):
    assert find_analysis("tau_mass").entry == "openbfactory.analyses.tau_mass.run:run"
    folder, found = finished
    mass, forms = found["mass"], found["forms"]
    sigma = np.hypot(mass["statistical"], forms["quadratic"]["bias"]["mean"][1])
    assert abs(mass["value"] - mass["generated"]) < 5 * sigma
    assert set(forms) == {"quadratic", "linear"}
    assert found["luminosity"]["value"] == pytest.approx(0.2, rel=0.05)
    planted = found["planted"]
    value, sigma = planted["found_momentum"]
    assert abs(value - 1e-3) < 4 * sigma
    assert abs(planted["after"]["value"]) < 4 * planted["after"]["uncertainty"]
    assert set(found["systematics"]) >= {"boost vector", "detector misalignment", "ISR and FSR and decays", "trigger"}
    assert found["backgrounds"]["uubar"]["uncertainty"] > 0
    page = (folder / "report.html").read_text()
    assert "Mass of the τ lepton" in page
    assert "Systematic uncertainties" in page
    shutil.copytree(folder, tmp_path / "moved")
    again = run(RunOptions(luminosity=0.2, output=tmp_path / "moved", seed=4, resume=True), small)
    assert json.dumps(again, sort_keys=True) == json.dumps(found, sort_keys=True)


def candidates(folder):
    """Columns of the simulated data of a run, without the truth."""
    parts = [pq.read_table(f) for f in sorted((folder / "tables" / "data" / "tau").rglob("*.parquet"))]
    whole = pa.concat_tables(parts, promote_options="permissive")
    return {name: whole[name].to_numpy() for name in whole.column_names if not name.startswith("mc")}


def test_an_ntuple_takes_the_place_of_simulated_data(finished, small, tmp_path):
    folder, _ = finished
    columns, file = candidates(folder), tmp_path / "taus.root"
    write_ntuple(file, columns)
    shutil.copytree(folder, tmp_path / "run")
    options = RunOptions(luminosity=0.2, output=tmp_path / "run", seed=4, resume=True, data=file)
    found = run(options, small)
    mass, _ = fit_of(columns)
    form = found["forms"]["quadratic"]
    assert form["edge"][0] == pytest.approx(mass, abs=1e-3)
    assert found["mass"]["value"] == pytest.approx(mass - form["bias"]["mean"][0], abs=1e-3)
    assert found["mass"]["generated"] is found["luminosity"]["value"] is found["purity"] is None
    assert found["backgrounds"] == {}
    assert found["beam_energy"]["sqrt_s"] == pytest.approx(MACHINE.sqrt_s)
    assert np.all(np.array(found["momentum_scale"]["factors"]) == 0)
    assert found["beam_energy"]["uncertainty"] > 0
    assert found["systematics"]["momentum scale"] > 0
    assert "background" not in found["systematics"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "taus.root" in page
    assert "generated with" not in page
    assert "Nothing is corrected" in page


def fit_of(columns):
    """Edge of the candidates of a table without any correction."""
    tracks = selected(SampleTable(columns, 0, 0, DecayCounts()), CONFIG.tau, MACHINE)
    return edge(pseudomass(tracks.p4("pi+", "pi+", "pi+").sum(axis=1), MACHINE.p4), CONFIG.range)


def test_an_ntuple_with_mistakes_is_refused_before_anything_is_made(finished, tmp_path):
    columns, none = candidates(finished[0]), np.full(1, np.nan)
    wrong = {
        "columns.root": ({k: v for k, v in columns.items() if k not in ("thrust", "px2")}, ("thrust", "px2", "pz2")),
        "empty.parquet": ({k: v[:0] for k, v in columns.items()}, ("no candidate",)),
        "nan.parquet": ({k: v * none if k in ("hie", "eop0") else v for k, v in columns.items()},
                        ("hie", "L1PSNM(hie)", "eop0")),
        "mev.parquet": ({k: v * 1000 if k[:2] in ("px", "py", "pz") else v for k, v in columns.items()},
                        ("candidates pass selection and trigger, 0 of them", "the median", "aligned == 1")),
        "cut.parquet": ({k: v * 0 if k == "thrust" else v for k, v in columns.items()},
                        ("0 of 3", "0.87 < thrust: 0 candidates"))}
    for name, (content, told) in wrong.items():
        write_ntuple(tmp_path / name, content)
        with pytest.raises(InputError) as caught:
            run(RunOptions(output=tmp_path / "out", data=tmp_path / name))
        text = str(caught.value)
        assert name in text
        assert all(word in text for word in told), text
    assert not (tmp_path / "out").exists()


def test_the_page_lists_the_columns_of_an_ntuple():
    page = (Path(__file__).resolve().parents[2] / "docs" / "tau-mass.md").read_text()
    for column, variable in needed(CONFIG).items():
        assert f"`{column} = {variable}`" in page
    command = next(line for line in page.splitlines() if line.startswith("obf reconstruct"))
    words, request = shlex.split(command), tau_request(CONFIG, true=False)
    given = {w: words[k + 1] for k, w in enumerate(words) if w.startswith("--")}
    assert given["--decay"] == request.decay
    assert given["--cut"] == request.cut
    assert given["--daughter-cut"] == f"tau-: {request.cuts['tau-']}"
    assert split_names(given["--variables"]) == list(request.variables)
