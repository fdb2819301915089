"""Dark-sector samples. Oracles: widths and branching fractions in closed form, spin correlation of tau pairs of a
scalar and a pseudoscalar, lifetimes, moments of the weights, conservation laws; pyhepmc reads the files.

Statistical tests have fixed seeds; bounds are 5 standard deviations (false alarm below 1e-6 each).
"""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.core.errors import ConfigError, GenerationError
from openbfactory.core.random import Address
from openbfactory.core.units import hbar, speed_of_light
from openbfactory.generate import SAMPLES, darksector, generate_events, settled
from openbfactory.generate.laboratory import electron_frame
from openbfactory.generate.muonx import propose, scratch, squared
from openbfactory.physics.particles import species

COLUMNS = ("E", "px", "py", "pz")
MUON = species("mu-").mass


def made(machine, name, events, decays=None, **settings):
    return generate_events(name, events, Address(1, name), machine, settings=settings, decays=decays)[0]["MCParticles"]


def four(p, mask):
    return np.stack([p[k][mask] for k in COLUMNS], axis=1)


def mass_of(v):
    return np.sqrt(np.maximum(v[:, 0] ** 2 - np.sum(v[:, 1:] ** 2, axis=1), 0))


def rest(v, system):
    """Momenta in the rest frame of a system."""
    m = mass_of(system)
    energy = (v[:, 0] * system[:, 0] - np.sum(v[:, 1:] * system[:, 1:], axis=1)) / m
    return np.column_stack([energy, v[:, 1:] - system[:, 1:] * ((v[:, 0] + energy) / (system[:, 0] + m))[:, None]])


def balance(p):
    final, index, first = p["status"] == 1, p.event_index(), p.offsets[:-1]
    return max(np.abs(np.bincount(index[final], p[k][final]) - p[k][first]).max() for k in COLUMNS)


@pytest.mark.parametrize(("name", "code", "settings"), [
    ("mumu-z", 55, {"mass": 4, "decay": "tautau"}), ("mumu-z", 55, {"mass": 0.05}),
    ("mumu-scalar", 54, {"mass": 6, "decay": "mumu", "width": 0.3}), ("mumu-alp", 54, {"mass": 9.9}),
    ("mumu-alp", 54, {"mass": 0.01, "coupling": 1e-4})])
def test_events(machine, name, code, settings):
    p = made(machine, name, 300, **settings)
    assert balance(p) < 1e-9
    x = p["PDG"] == code
    assert np.count_nonzero(x) == 300
    assert np.count_nonzero((np.abs(p["PDG"]) == 13) & (p["mother"] == 0)) == 600
    if settings["mass"] < 5:
        assert mass_of(four(p, x)) == pytest.approx(settings["mass"], rel=1e-3, abs=1e-5)


def test_moments_follow_the_matrix_element(machine):
    """Energy of X and angles at fixed energy against weighted proposals; photons move the means by less than this."""
    events, kind = 8000, darksector.KINDS["zprime"][0]
    fixed = machine.at_fixed_energy()
    p = made(fixed, "mumu-z", events, mass=2.0, coupling=1e-3, decay="invisible")
    total = four(p, p.offsets[:-1])[p.event_index()]
    inside = rest(four(p, slice(None)), total)
    axis = electron_frame(fixed)[:, 2]
    x, minus = inside[p["PDG"] == 55], inside[p["PDG"] == 13]
    ours = {"energy": x[:, 0], "slower": minus[:, 0],
            "cos2": (minus[:, 1:] @ axis) ** 2 / np.sum(minus[:, 1:] ** 2, axis=1),
            "xcos2": (x[:, 1:] @ axis) ** 2 / np.sum(x[:, 1:] ** 2, axis=1)}
    rng, out, work, rows = np.random.Generator(np.random.PCG64(5)), np.empty((3, 4)), scratch(), []
    for _ in range(30_000):
        weight = propose(rng, fixed.sqrt_s, MUON, 2.0, out)
        weight *= squared(out[0], out[1], out[2], MUON, 2.0, kind, work)
        rows.append([weight, out[2, 0], out[0, 0], out[0, 3] ** 2 / (out[0, 1:] @ out[0, 1:]),
                     out[2, 3] ** 2 / (out[2, 1:] @ out[2, 1:])])
    w = np.array(rows)
    for i, values in enumerate(ours.values(), 1):
        mean = np.average(w[:, i], weights=w[:, 0])
        error = np.sqrt(np.sum(w[:, 0] ** 2 * (w[:, i] - mean) ** 2)) / w[:, 0].sum()
        assert values.mean() == pytest.approx(mean, abs=5 * np.hypot(error, values.std() / np.sqrt(events)))
        assert abs(np.average(w[:, i]) - mean) > 5 * error or i == 4  # planted fault: the proposals alone


def test_cross_sections(machine):
    values = settled("mumu-z", SAMPLES["mumu-z"].parameters, {"mass": 1.0, "coupling": 0.1})
    value, error = darksector.cross_section("zprime", values, machine)
    double, _ = darksector.cross_section("zprime", {**values, "coupling": 0.2}, machine)
    assert value == pytest.approx(0.0992 * 0.01, rel=0.02)
    assert error < 0.02 * value
    assert double == pytest.approx(4 * value, rel=0.02)
    closed = settled("mumu-z", SAMPLES["mumu-z"].parameters, {"mass": 9.99})
    assert darksector.cross_section("zprime", closed, machine.at_energy_shift(-1.0)) == (0.0, 0.0)


def test_widths():
    """mu mu : tau tau : nu nu of L_mu - L_tau far above threshold is 1 : 1 : 1 (two neutrinos); alpha_X M / 3 each."""
    widths = darksector.partial_widths("zprime", 1e4, 0.3)
    assert widths["mumu"] == pytest.approx(0.3**2 / (4 * np.pi) * 1e4 / 3, rel=1e-6)
    assert widths["tautau"] == pytest.approx(widths["mumu"], rel=1e-6)
    assert widths["invisible"] == pytest.approx(widths["mumu"], rel=1e-6)
    scalar, alp = (darksector.partial_widths(m, 4.0, 1.0) for m in ("scalar", "alp"))
    beta = np.sqrt(1 - 4 * species("tau-").mass ** 2 / 16)
    assert scalar["tautau"] / alp["tautau"] == pytest.approx(beta**2, rel=1e-12)
    assert list(darksector.partial_widths("scalar", 0.1, 1.0)) == ["ee"]


def test_branching_fractions(machine):
    p = made(machine, "mumu-z", 4000, mass=5.0)
    widths = darksector.partial_widths("zprime", 5.0, 0.01)
    expected = widths["tautau"] / sum(widths.values())
    share = np.count_nonzero(p["PDG"] == 15) / 4000
    assert share == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / 4000))


@pytest.mark.parametrize(("name", "sign"), [("mumu-scalar", -1), ("mumu-alp", 1)])
def test_taus_of_a_scalar_and_a_pseudoscalar(machine, tmp_path, name, sign):
    """Mean cosine of the angle between the pions across the axis of the taus: -pi^2 / 32 and +pi^2 / 32."""
    path, events = tmp_path / "pions.dec", 3000
    path.write_text("Decay tau-\n1.0 pi- nu_tau TAUSCALARNU;\nEnddecay\nCDecay tau+\nnoPhotos\n")
    p = made(machine, name, events, decays=path, mass=5.0, decay="tautau")
    code = p["PDG"]
    scalar = four(p, code == 54)
    tau, one, two = (rest(four(p, code == c), scalar) for c in (15, -211, 211))
    axis = tau[:, 1:] / np.linalg.norm(tau[:, 1:], axis=1)[:, None]
    across = [v[:, 1:] - axis * np.sum(v[:, 1:] * axis, axis=1)[:, None] for v in (one, two)]
    cosine = np.sum(across[0] * across[1], axis=1) / np.prod([np.linalg.norm(v, axis=1) for v in across], axis=0)
    assert cosine.mean() == pytest.approx(sign * np.pi**2 / 32, abs=5 * 0.71 / np.sqrt(events))


@pytest.mark.parametrize(("name", "settings", "pair"), [
    ("bk-scalar", {"mass": 0.5, "ctau": 3.0, "decay": "pipi"}, {211, 111}),
    ("bk-scalar", {"kaon": "K*+", "ctau": 0.1}, {13}),
    ("bk0-scalar", {"mass": 4.0, "decay": "tautau"}, {15}),
    ("bk0-scalar", {"mass": 1.5, "decay": "KK"}, {321, 310, 130})])
def test_long_lived_scalars(machine, name, settings, pair):
    p = made(machine, name, 1500, **settings)
    assert balance(p) < 1e-9
    index, first = p.event_index(), p.offsets[:-1]
    mother = np.where(p["mother"] >= 0, p["mother"] + first[index], -1)
    scalar = np.flatnonzero(p["PDG"] == 54)
    assert np.array_equal(index[scalar], np.arange(1500))
    born_of = p["PDG"][mother[scalar]]
    assert set(np.abs(born_of).tolist()) == ({521} if name == "bk-scalar" else {511})
    assert np.mean(born_of > 0) == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(1500))
    child = np.flatnonzero(np.isin(mother, scalar) & (p["PDG"] != 22))
    assert set(np.abs(p["PDG"][child]).tolist()) == pair
    leading = np.unique(mother[child], return_index=True)[1]
    flight = np.sqrt(sum((p[k][child[leading]] - p[k][scalar]) ** 2 for k in "xyz"))
    momentum = np.sqrt(sum(p[k][scalar] ** 2 for k in COLUMNS[1:]))
    proper = flight / momentum * settings.get("mass", 1.0)
    expected = settings.get("ctau", 1.0)
    assert proper.mean() == pytest.approx(expected, rel=5 / np.sqrt(1500))
    assert np.mean(proper > expected) == pytest.approx(np.exp(-1), abs=5 * 0.48 / np.sqrt(1500))


def test_kstar_is_longitudinal(machine):
    """cos of the kaon in the K* to the flight of the K*: density 3/2 cos^2, mean cos^2 0.6."""
    p = made(machine, "bk-scalar", 3000, kaon="K*+", ctau=1e-4)
    index, first = p.event_index(), p.offsets[:-1]
    mother = np.where(p["mother"] >= 0, p["mother"] + first[index], 0)
    scalar = np.flatnonzero(p["PDG"] == 54)
    star = np.flatnonzero((np.abs(p["PDG"]) == 323) & np.isin(mother, mother[scalar]))
    pion = np.flatnonzero(np.isin(np.abs(p["PDG"]), (211, 111)) & np.isin(mother, star))
    b = four(p, mother[mother[pion]])
    inside = rest(four(p, pion), four(p, mother[pion]))
    flight = -rest(b, four(p, mother[pion]))
    cosine = (np.sum(inside[:, 1:] * flight[:, 1:], axis=1)
              / np.linalg.norm(inside[:, 1:], axis=1) / np.linalg.norm(flight[:, 1:], axis=1))
    assert np.mean(cosine**2) == pytest.approx(0.6, abs=5 * 0.26 / np.sqrt(len(cosine)) + 0.005)


def test_lifetime_of_a_weakly_coupled_particle(machine):
    """An axion-like particle of 0.1 GeV: c tau = hbar c / Gamma(ee)."""
    p = made(machine, "mumu-alp", 2000, mass=0.1, coupling=1e-3)
    width = darksector.partial_widths("alp", 0.1, 1e-3)["ee"]
    index, first = p.event_index(), p.offsets[:-1]
    x, electron = np.flatnonzero(p["PDG"] == 54), p["PDG"] == 11
    mother = p["mother"][electron] + first[index[electron]]
    flight = np.sqrt(sum((p[k][electron][np.argsort(mother)] - p[k][x]) ** 2 for k in "xyz"))
    proper = flight / np.sqrt(sum(p[k][x] ** 2 for k in COLUMNS[1:])) * 0.1
    assert proper.mean() == pytest.approx(hbar * speed_of_light / width, rel=5 / np.sqrt(2000))


def test_closed_decays(machine):
    for name, settings, words in (("mumu-z", {"mass": 0.1, "decay": "mumu"}, "cannot decay to mumu"),
                                  ("bk-scalar", {"mass": 1.0, "decay": "tautau"}, "cannot decay to tautau"),
                                  ("bk-scalar", {"mass": 4.69, "kaon": "K*+", "decay": "tautau"}, "cannot decay to K"),
                                  ("mumu-z", {"mass": 11}, "from 0.003 to 10")):
        with pytest.raises(ConfigError, match=words):
            made(machine, name, 5, **settings)
    with pytest.raises(GenerationError, match="threshold"):
        generate_events("mumu-z", 5, Address(1, "x"), machine.at_energy_shift(-1.0),
                        settings={"mass": 9.9, "coupling": 1e-4})


def test_hepmc3_round_trip(machine, tmp_path):
    import pyhepmc

    from openbfactory.events import read, write

    for name, settings in (("mumu-z", {"mass": 5}), ("bk-scalar", {})):
        events, _ = generate_events(name, 20, Address(1, name), machine, settings=settings)
        path = tmp_path / f"{name}.hepmc3"
        write(path, events)
        with pyhepmc.open(str(path)) as stream:
            counts = [len(event.particles) for event in stream]
        assert counts == events["MCParticles"].counts.tolist()
        again = read(path)
        np.testing.assert_array_equal(again["MCParticles"]["PDG"], events["MCParticles"]["PDG"])
        np.testing.assert_allclose(again["MCParticles"]["E"], events["MCParticles"]["E"], rtol=1e-14)


def test_soft_photons_of_the_muons(machine):
    """Photons between 1 and 10 MeV: ln(10) 2 alpha / pi [c / r ln(c + r) - 1], c = p1.p2 / m^2, r^2 = c^2 - 1."""
    p = made(machine.at_fixed_energy(), "mumu-alp", 20_000, mass=5.0, decay="invisible")
    first, index = p.offsets[:-1], p.event_index()
    photon = rest(four(p, p["PDG"] == 22), four(p, first)[index[p["PDG"] == 22]])[:, 0]
    minus, plus = (four(p, p["PDG"] == c) for c in (13, -13))
    c = (minus[:, 0] * plus[:, 0] - np.sum(minus[:, 1:] * plus[:, 1:], axis=1)) / MUON**2
    root = np.sqrt(c * c - 1)
    rate = 2 * 7.2973525693e-3 / np.pi * (c / root * np.log(c + root) - 1)
    expected = np.log(10) * rate.sum()
    found = np.count_nonzero((photon > 0.001) & (photon < 0.01))
    assert found == pytest.approx(expected, abs=5 * np.sqrt(expected))
    assert found != pytest.approx(1.5 * expected, abs=5 * np.sqrt(expected))
    assert balance(p) < 1e-9
