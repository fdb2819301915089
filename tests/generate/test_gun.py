"""Particle gun. Oracle: the limits asked for, uniform distributions (Kolmogorov, false alarm 1e-4 each, fixed seeds),
masses of the particle table, the same events for the same address, exit codes of the command line."""

import numpy as np
import pytest
from scipy.stats import kstest

from openbfactory.core.errors import ConfigError, GenerationError
from openbfactory.core.random import Address
from openbfactory.events import read
from openbfactory.events.check import Tally, check_events
from openbfactory.generate import generate_events, particle_gun
from openbfactory.physics.particles import mass


def flat(values, low, high):
    return kstest(values, "uniform", args=(low, high - low)).pvalue


def momentum(p):
    return np.sqrt(p["px"] ** 2 + p["py"] ** 2 + p["pz"] ** 2)


def test_everything_asked_for_is_there():
    events = particle_gun(["pi+", "K-"], 5000, Address(1, "gun"), momentum=(0.2, 3.0), theta=(30, 120),
                          radius=(1.0, 20.0), opening=40.0, z=(-2.0, 5.0), time=(0.0, 3.0), per_event=2, first=7)
    p = events["MCParticles"]
    assert (len(events), p.size, events.event[0]) == (5000, 10_000, 7)
    assert set(p["PDG"][::2]) == {211}
    assert set(p["PDG"][1::2]) == {-321}
    assert np.all((p["status"] == 1) & (p["mother"] == -1))
    size = momentum(p)
    np.testing.assert_allclose(p["E"] ** 2 - size**2, [mass(211) ** 2, mass(321) ** 2] * 5000, atol=1e-12)
    turn = (np.arctan2(p["y"], p["x"]) - np.arctan2(p["py"], p["px"]) + np.pi) % (2 * np.pi) - np.pi
    for values, low, high in ((size, 0.2, 3.0), (p["pz"] / size, np.cos(np.radians(120)), np.cos(np.radians(30))),
                              (np.hypot(p["x"], p["y"]), 1.0, 20.0), (p["z"], -2.0, 5.0), (p["t"], 0.0, 3.0),
                              (turn, -np.radians(40), np.radians(40))):
        assert flat(values, low, high) > 1e-4
        assert flat(values, low, high + 0.1 * (high - low)) < 1e-4  # the planted fault
    tally = Tally()
    check_events(tally, events)
    assert not tally.hits


def test_other_spectra_and_charges():
    made = {"theta": (20, 140), "angle": "theta", "charges": "both"}
    p = particle_gun(-13, 10_000, Address(2, "gun"), momentum=(0.1, 4.0), spectrum="logp", **made)["MCParticles"]
    assert flat(np.log(momentum(p)), np.log(0.1), np.log(4.0)) > 1e-4
    assert flat(np.arccos(p["pz"] / momentum(p)), np.radians(20), np.radians(140)) > 1e-4
    assert abs(np.mean(p["PDG"] == 13) - 0.5) < 0.02
    p = particle_gun("gamma", 10_000, Address(2, "gun"), momentum=(0.1, 4.0), spectrum="pt", **made)["MCParticles"]
    assert flat(np.hypot(p["px"], p["py"]), 0.1, 4.0) > 1e-4
    assert set(p["PDG"]) == {22}


def test_unstable_particles_decay():
    p = particle_gun(["pi0", "K_S0"], 100, Address(3, "gun"))["MCParticles"]
    first = p.offsets[:-1]
    assert set(p["PDG"][first]) == {111, 310}
    assert set(p["status"][first]) == {2, 12}
    final = p["status"] == 1
    for k in ("E", "px", "py", "pz"):
        np.testing.assert_allclose(np.bincount(p.event_index()[final], p[k][final]), p[k][first], atol=1e-9)


def test_the_sample_is_the_function(machine):
    settings = {"particles": "pi+,K-", "momentum": "0.5", "radius": "0,10", "per_event": "2"}
    address = Address(4, "gun")
    events, counts = generate_events("gun", 50, address, machine, settings=settings)
    again = particle_gun(["pi+", "K-"], 50, address.at(f"{address.stage}/initial"), momentum=(0.5, 0.5),
                         radius=(0.0, 10.0), per_event=2)
    for name, values in again["MCParticles"].columns.items():
        np.testing.assert_array_equal(events["MCParticles"][name], values)
    np.testing.assert_allclose(momentum(again["MCParticles"]), 0.5)
    assert counts.total == 0


def test_wrong_requests_are_all_named():
    with pytest.raises(ConfigError) as caught:
        particle_gun(["pi+", "kaon+", "K_L"], 10, Address(1, "gun"), momentum=(2.0, 1.0), theta=(0, 190), per_event=0,
                     charges="any")
    text = str(caught.value)
    assert "unknown particle 'K_L'" in text
    assert "did you mean 'K_L0'" in text
    assert [f.path for f in caught.value.findings] == ["momentum", "theta", "particles", "particles", "per_event",
                                                       "charges"]
    with pytest.raises(ConfigError, match=r"spectrum=pt"):
        particle_gun("pi+", 10, Address(1, "gun"), theta=(0, 90), spectrum="pt")
    with pytest.raises(GenerationError, match="-1 events"):
        particle_gun("pi+", -1, Address(1, "gun"))


def test_command_line(obf, tmp_path):
    output = tmp_path / "gun.parquet"
    code, out, _ = obf("generate", "gun", "--particles", "pi+,K-", "--momentum", "0.1,4", "--theta", "17,150",
                       "--radius", "0,30", "--set", "per_event=2", "--events", 20, "--output", output)
    assert code == 0
    assert "20 events, 0 decays" in out
    assert read(output)["MCParticles"].size == 40
    code, _, error = obf("generate", "gun", "--particles", "pion+", "--momentum", "fast", "--events", 20, "--output",
                         tmp_path / "x.parquet")
    assert code == 1
    assert "unknown particle 'pion+'" in error
    assert "error[parameter] momentum: found 'fast'; expected LO,HI" in error
    code, _, error = obf("generate", "charged", "--theta", "17,150", "--events", 20, "--output", tmp_path / "x.parquet")
    assert code == 1
    assert "the sample 'charged' takes no parameters" in error
