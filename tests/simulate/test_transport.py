"""Decays in flight, conversions, interactions, bremsstrahlung.

Oracle: exponential laws with the lifetimes and thicknesses written out here, two-body momenta in closed form, the
moments of the muon-decay spectrum (mean x = 7/10, mean cosine = polarisation / 9 integrated over x), published
branching fractions.  Fixed seeds and 5 standard deviations (false alarm 6e-7 each).
"""

import numpy as np
import pytest

from openbfactory.simulate.inflight import decay_in_flight, michel, new_room
from openbfactory.simulate.species import species_masses
from openbfactory.simulate.transport import CONVERSION, DECAY, INTERACTION, RADIATION

N = 20_000
RIGHT = np.full(N, np.pi / 2)


def within(found, expected, n=N):
    return found == pytest.approx(expected, abs=5 * np.sqrt(max(expected * (1 - expected), 1e-5) / n))


@pytest.fixture(scope="module")
def material(belle2):
    return sum(r.material * r.coverage for r in belle2.detector.tracking.layers.rows)


@pytest.mark.parametrize(("pdg", "p", "length"), [(211, 1.0, 780.4 / 0.13957), (321, 0.8, 371.1 / 0.49368)])
def test_decay_rate(gun, run, varied, pdg, p, length):
    card = varied(beam_background=0.0, material=0.0)
    secondaries = run(gun(pdg, np.full(N, p), RIGHT), card)["MCSecondaries"]
    decayed = np.unique(secondaries.event_index()[secondaries["process"] == DECAY])
    # the path to 125 cm is the arc of the circle
    radius = p / (0.00299792458 * 1.5)
    path = 2 * radius * np.arcsin(125 / (2 * radius))
    assert within(len(decayed) / N, 1 - np.exp(-path / (p * length)))
    r = np.hypot(secondaries["x"], secondaries["y"])
    assert r.max() <= 125.0 + 1e-6
    assert not within(len(decayed) / N, 1 - np.exp(-1.3 * path / (p * length)))


def test_pion_decays_balance(gun, run, varied):
    """The muon's momentum in the pion's frame is (m_pi^2 - m_mu^2) / 2 m_pi; mother and daughter meet in a kink."""
    card = varied(beam_background=0.0, material=0.0, cloned_tracks=0.0, fake_tracks=0.0)
    out = run(gun(211, np.full(N, 0.4), RIGHT, phi=np.zeros(N)), card)
    s = out["MCSecondaries"]
    muon = s["PDG"] == -13
    assert muon.sum() > 300
    px, py, pz, x, y = (s[k][muon] for k in ("px", "py", "pz", "x", "y"))
    r = np.hypot(x, y)
    # a positive particle from the origin along x turns clockwise: its azimuth is twice that of the point
    phi = 2 * np.arctan2(y, x)
    energy = np.hypot(np.sqrt(px**2 + py**2 + pz**2), 0.1056584)
    pion, e_pion = 0.4, np.hypot(0.4, 0.1395704)
    along = px * np.cos(phi) + py * np.sin(phi)
    rest = (e_pion * energy - pion * along) / 0.1395704
    expected = (0.1395704**2 + 0.1056584**2) / (2 * 0.1395704)
    assert rest == pytest.approx(np.full(len(rest), expected), rel=1e-4)
    tracks = out["Tracks"]
    events = s.event_index()[muon]
    mother = {e: i for i, e in enumerate(tracks.event_index()) if tracks["mcIndex"][i] == 0}
    late = [(mother[e], radius) for e, radius in zip(events, r, strict=True) if e in mother and radius < 80]
    hits = np.array([tracks["nCDCHits"][i] for i, _ in late])
    assert len(late) > 50
    assert hits.max() < 40  # no hits behind the kink
    linked = s["trackIndex"] >= 0
    where = tracks.offsets[s.event_index()[linked]] + s["trackIndex"][linked]
    assert linked.sum() > 50
    assert np.all(tracks["mcIndex"][where] == -1)
    assert np.all(np.isin(np.flatnonzero(tracks["mcIndex"] < 0), where))


def test_muon_decay_spectrum():
    rng, out, axis = np.random.default_rng(1), np.zeros(4), np.array([0.0, 0.0, 0.8])
    rows = np.array([(michel(0.1056584, axis, rng, out), out.copy())[1] for _ in range(N)])
    x = 2 * rows[:, 0] / 0.1056584
    assert x.mean() == pytest.approx(0.7, abs=5 * 0.2 / np.sqrt(N))
    assert np.mean(rows[:, 3] / rows[:, 0]) == pytest.approx(0.8 / 9, abs=5 * 0.58 / np.sqrt(N))
    assert abs(np.mean(rows[:, 1] / rows[:, 0])) < 5 * 0.58 / np.sqrt(N)


def test_kaon_channels_and_polarisation():
    masses, rng = species_masses(), np.random.default_rng(2)
    room = new_room()
    codes, out, axes = room.codes, room.momenta, room.axes
    single, three, backward = 0, 0, 0.0
    for _ in range(N):
        n = decay_in_flight(-321, (masses[3], 0.0, 0.0, 0.0), np.zeros(3), masses, rng, room)
        found = sorted(codes[:n])
        if found == [13]:
            single += 1
            momentum = np.linalg.norm(out[0, 1:])
            assert momentum == pytest.approx((masses[3] ** 2 - masses[1] ** 2) / (2 * masses[3]), rel=1e-6)
            backward = max(backward, abs(axes[0] @ out[0, 1:] / momentum + 1))
        three += found == [-211, -211, 211]
    assert within(single / N, 0.6356)
    assert within(three / N, 0.0558)
    assert backward < 1e-6  # the electron prefers the direction against the muon


def test_conversions(gun, run, varied, belle2, material):
    card = varied(beam_background=0.0)
    out = run(gun(22, np.full(N, 1.0), RIGHT), card)
    s = out["MCSecondaries"]
    first = (s["process"] == CONVERSION) & (s["PDG"] == 11)
    assert within(first.sum() / N, 1 - np.exp(-7 / 9 * material))
    r = np.hypot(s["x"], s["y"])[first]
    pipe = belle2.detector.tracking.layers.rows[0]
    assert within(np.sum(np.isclose(r, (pipe.inner + pipe.outer) / 2)) / N, 1 - np.exp(-7 / 9 * pipe.material))
    i = s.offsets[:-1][s.counts == 2]  # no further emissions
    total = np.hypot(s["px"][i] + s["px"][i + 1], s["py"][i] + s["py"][i + 1])
    assert len(i) > 300
    assert np.mean(np.abs(total - 1) < 1e-9) > 0.97  # the rest has one lost partner and a radiated photon
    tracks = out["Tracks"]
    assert tracks.size > 0.5 * first.sum()
    assert np.all(tracks["mcIndex"] == -1)
    assert run(gun(22, np.full(N, 1.0), RIGHT), varied(material=0.0))["MCSecondaries"].size == 0


def test_interactions(gun, run, varied, belle2, material):
    card = varied(beam_background=0.0, decays_in_flight=0.0)
    s = run(gun(2212, np.full(N, 2.0), RIGHT), card)["MCSecondaries"]
    hit = s["process"] == INTERACTION
    rate = belle2.detector.matter.interactions.value * material
    # secondaries interact again with the same small chance; some are below the least momentum
    assert hit.sum() / N == pytest.approx(rate, rel=0.25)
    assert np.all(s["PDG"][hit] == 2212)
    assert np.sqrt(s["px"] ** 2 + s["py"] ** 2 + s["pz"] ** 2).max() < 2.0


def test_electrons_radiate(gun, run, varied):
    card = varied(beam_background=0.0, fake_tracks=0.0, cloned_tracks=0.0)
    out = run(gun(11, np.full(N, 1.0), RIGHT), card)
    s = out["MCSecondaries"]
    radiated = s["process"] == RADIATION
    assert 0.05 < radiated.sum() / N < 0.35
    tracks = out["Tracks"].select(out["Tracks"]["mcIndex"] >= 0)
    p = 0.00299792458 * 1.5 / np.abs(tracks["omega"])
    lost = np.mean(p < 0.95)
    assert 0.03 < lost < 0.25
    plain = run(gun(13, np.full(N, 1.0), RIGHT), card)["Tracks"]
    assert np.mean(0.00299792458 * 1.5 / np.abs(plain["omega"]) < 0.95) < 0.001


@pytest.mark.parametrize("pdg", [13, -13])
def test_polarised_muons(gun, run, varied, pdg):
    """Muons polarised along z: the positron prefers the spin, the electron the opposite; 1 + a cos / 3 integrated."""
    events = gun(pdg, np.full(N, 0.3), RIGHT)
    spin = np.zeros((N, 3))
    spin[:, 2] = 1.0
    events["MCParticles"].columns["polarisation"] = spin
    s = run(events, varied(beam_background=0.0, material=0.0, decays_in_flight=1000.0))["MCSecondaries"]
    electron = np.abs(s["PDG"]) == 11
    assert electron.sum() > 5000
    up = np.mean(s["pz"][electron] > 0)
    expected = 0.5 - np.sign(pdg) / 12
    assert within(up, expected, electron.sum())
    assert not within(up, 1 - expected, electron.sum())


def test_k_long_decays(gun, run, varied, belle2):
    """Lifetime 51.16 ns, four channels with their fractions; the mass of pi+ pi- pi0 is that of the K_L."""
    card = varied(beam_background=0.0, material=0.0, fake_tracks=0.0, cloned_tracks=0.0)
    out = run(gun(130, np.full(4 * N, 0.5), np.full(4 * N, np.pi / 2)), card)
    s = out["MCSecondaries"]
    first = s["process"] == DECAY
    decayed = np.unique(s.event_index()[first])
    length = 29.9792458 * 51.16 * 0.5 / 0.497611
    assert within(len(decayed) / (4 * N), 1 - np.exp(-125 / length), 4 * N)
    event, code = s.event_index()[first], np.abs(s["PDG"][first])
    number = {c: np.bincount(event[code == c], minlength=4 * N)[decayed] for c in (11, 13, 22, 211)}
    electrons = np.mean((number[11] == 1) & (number[22] == 0))
    assert electrons == pytest.approx(0.4064, abs=0.03)  # pions that decay on their way add muons and electrons
    assert np.mean(number[22] == 6) == pytest.approx(0.1958, abs=0.02)
    assert np.mean(number[22] == 2) == pytest.approx(0.1268, abs=0.02)
    assert np.hypot(s["x"], s["y"])[first].max() < 125
    whole = np.zeros(4)
    one = int(decayed[(number[22] == 2) & (number[211] == 2) & (number[13] == 0)][0])
    for i in np.flatnonzero(first & (s.event_index() == one)):
        mass = 0.1395704 if abs(s["PDG"][i]) == 211 else 0.0
        p = np.array([s[k][i] for k in ("px", "py", "pz")])
        whole += [np.sqrt(p @ p + mass**2), *p]
    assert np.sqrt(whole[0] ** 2 - whole[1:] @ whole[1:]) == pytest.approx(0.497611, abs=1e-4)
    assert run(gun(130, np.full(100, 0.5), np.full(100, np.pi / 2)),
               varied(decays_in_flight=0.0, fake_tracks=0.0))["MCSecondaries"].size == 0
