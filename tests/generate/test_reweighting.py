"""Named reweightings of decays made by phase space. Oracle: the rates that they turn into, integrated numerically; the
largest squared amplitude that basf2 found for K+ K_L K_L. Fixed seeds, false-alarm probability 1e-3 a test."""

import numpy as np
import pytest
from scipy import stats

from openbfactory.core.errors import DecayFileError, UnknownNameError
from openbfactory.core.random import Address
from openbfactory.events.record import Events, Jagged
from openbfactory.generate import REWEIGHTINGS, check_reweightings, decay_events, reweighted
from openbfactory.generate.reweighting import factors, helicity_cosine, squared_mass
from openbfactory.generate.truthdecays import find_decays
from openbfactory.physics import knunu, kstarnunu, threebody
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.particles import species

N = 20_000


@pytest.fixture
def decays(primaries):
    def make(mother, *channels, n=N, photos=False, seed=1):
        text = "yesPhotos\n" if photos else "noPhotos\n"
        text += "".join(f"Decay {m}\n1.0 {c};\nEnddecay\n" for m, c in [(mother, channels[0]), *channels[1:]])
        s = species(mother)
        given = primaries(s.pdg, n, s.mass, pz=2.0)
        particles, counts = decay_events(given, load_decay_table(overlay=text), Address(seed, "x"))
        assert not counts.fallback
        return particles

    return make


def agrees(values, weights, cdf, edges):
    """Probability of the chi squared of a weighted histogram and a distribution function."""
    sums, _ = np.histogram(values, edges, weights=weights)
    squares, _ = np.histogram(values, edges, weights=weights**2)
    expected = np.diff(cdf(edges)) * len(values)
    return stats.chi2.sf(((sums - expected) ** 2 / np.maximum(squares, 1e-9)).sum(), len(sums))


def test_kaon_neutrinos_become_the_standard_model(decays):
    particles = decays("B+", "K+ nu_mu anti-nu_mu PHSP")
    weights = factors(particles, "Knunu")["Knunu"]
    found = find_decays(particles, 521, (321, 12, 12))
    q2 = squared_mass(found.daughters[:, 1] + found.daughters[:, 2])
    assert np.array_equal(found.event, np.arange(N))
    assert weights.mean() == pytest.approx(1, abs=4 * weights.std() / np.sqrt(N))

    def cdf(x):
        return np.array([knunu.branching_fraction(0, q) for q in x]) / knunu.branching_fraction()

    edges = np.linspace(0, 22.8, 20)
    assert agrees(q2, weights, cdf, edges) > 1e-3
    assert agrees(q2, np.ones(N), cdf, edges) < 1e-6  # phase space as it is is caught


def test_closed_form_of_the_weight():
    q2 = np.linspace(0.1, 22.8, 50)
    expected = knunu.differential_rate(q2) / knunu.branching_fraction() / knunu.phase_space_density(q2)
    np.testing.assert_allclose(knunu.phase_space_weight(q2), expected, rtol=1e-9)
    ratio = knunu.phase_space_weight(q2) / (knunu.kaon_momentum(q2) * knunu.form_factor_plus(q2)) ** 2
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-12)
    assert knunu.phase_space_weight(knunu.q2_max() + 1) == 0


def test_kstar_neutrinos_with_their_polarisation(decays):
    particles = decays("B0", "K*0 nu_e anti-nu_e PHSP", ("K*0", "K+ pi- VSS"))
    weights = factors(particles, "Kstarnunu")["Kstarnunu"]
    found = find_decays(particles, 511, (313, 12, 12))
    q2, mass = (squared_mass(found.daughters[:, 1] + found.daughters[:, 2]),
                np.sqrt(squared_mass(found.daughters[:, 0])))
    kaon = find_decays(particles, 313, (321, 211)).daughters[:, 0]
    cosine = helicity_cosine(kaon, found.daughters[:, 0], -found.mother)
    assert weights.mean() == pytest.approx(1, abs=4 * weights.std() / np.sqrt(N))
    near = np.abs(mass - kstarnunu.nominal_mass()) < 0.04
    nodes = np.linspace(0, kstarnunu.q2_max(), 1001)
    total = np.cumsum(kstarnunu.differential_rate(nodes))

    def cdf(x):
        return np.interp(x, nodes, total / total[-1])

    edges = np.linspace(0, 19, 15)
    assert agrees(q2[near], weights[near] / weights[near].mean(), cdf, edges) > 1e-3
    share = kstarnunu.mean_longitudinal_fraction()
    mean = (weights * cosine**2)[near].sum() / weights[near].sum()
    error = np.std((weights * (cosine**2 - mean))[near]) / np.sqrt(near.sum())
    assert mean == pytest.approx(0.2 + 0.4 * share, abs=4 * error)
    assert abs(np.mean(cosine**2) - mean) > 5 * error  # isotropic decays are caught


def test_kstar_rate_in_the_literature():
    # Buras et al., arXiv:1409.4557: F_L = 0.47 +- 0.03, B = (9.2 +- 1.0)e-6 for smaller CKM elements and the B0
    assert kstarnunu.mean_longitudinal_fraction() == pytest.approx(0.49, abs=0.03)
    assert 0.8e-5 < kstarnunu.branching_fraction() < 1.3e-5
    # angular momentum: longitudinal only at q2 = 0, isotropic at the largest q2
    assert kstarnunu.longitudinal_fraction(1e-6) == pytest.approx(1, abs=1e-4)
    assert kstarnunu.longitudinal_fraction(kstarnunu.q2_max() - 1e-6) == pytest.approx(1 / 3, abs=3e-3)


def test_kaon_pair_amplitude_of_basf2():
    neutral = species("K0").mass
    m = np.linspace(2 * neutral + 1e-9, 4.7, 4000)
    cosine = np.repeat(np.linspace(-1, 1, 21)[None], len(m), axis=0)
    values = threebody.kaon_pair_intensity(np.repeat(m[:, None], 21, axis=1), cosine)
    # the sum over both orders of the identical kaons is twice the amplitude; kaon masses differ by 0.06 MeV there
    assert 4 * values.max() == pytest.approx(871.39, rel=0.02)
    assert m[values.argmax() // 21] < 1.0


@pytest.mark.parametrize(("name", "channel", "daughters", "intensity", "particle", "share"), [
    ("KKLKL", "K+ K0 anti-K0 PHSP", (321, 130, 130), threebody.kaon_pair_intensity, "K0", 0.25),
    ("KKSKL", "K+ anti-K0 K0 PHSP", (321, 310, 130), threebody.p_wave_intensity, "K0", 0.5),
    ("Knnbar", "n0 anti-n0 K+ PHSP", (321, 2112, 2112), threebody.threshold_intensity, "n0", 1.0)])
def test_mass_and_angle_of_the_pair(decays, name, channel, daughters, intensity, particle, share):
    particles = decays("B+", channel, photos=True)
    columns = factors(particles, name)
    found = find_decays(particles, 521, daughters)
    assert len(found.event) == pytest.approx(share * N, abs=4 * np.sqrt(N * share * (1 - share)) + 1e-9)
    weights, count = columns[name][found.event], len(found.event)
    others = np.setdiff1d(np.arange(N), found.event)
    assert np.all(columns[name][others] == 1)
    assert weights.mean() == pytest.approx(1, abs=4 * weights.std() / np.sqrt(count))
    pair = found.daughters[:, 1] + found.daughters[:, 2]
    m = np.sqrt(squared_mass(pair))
    cosine = helicity_cosine(found.daughters[:, 1], pair, found.daughters[:, 0])
    light = species("K+")
    x = np.linspace(2 * species(particle).mass, species("B+").mass - light.mass, 4002)[1:-1]
    c, w = np.polynomial.legendre.leggauss(16)
    value = intensity(np.repeat(x[:, None], 16, 1), np.repeat(c[None], len(x), 0))
    density = threebody.momentum(np.full(1, species("B+").mass), x, light.mass) * threebody.momentum(
        x, species(particle).mass, species(particle).mass)
    total = np.cumsum(density * (value @ w))
    edges = np.interp(np.linspace(0.02, 0.98, 13), total / total[-1], x)
    assert agrees(m, weights, lambda v: np.interp(v, x, total / total[-1]), edges) > 1e-3
    mean = (density[:, None] * value * w * c**2).sum() / (density[:, None] * value * w).sum()
    spread = np.std(weights * (cosine**2 - mean)) / np.sqrt(count)
    assert (weights * cosine**2).sum() / weights.sum() == pytest.approx(mean, abs=4 * spread)
    uncertainty = REWEIGHTINGS[name].uncertainty
    np.testing.assert_allclose(columns[f"{name}_up"][found.event], weights * (1 + uncertainty))
    np.testing.assert_allclose(columns[f"{name}_down"][found.event], weights * (1 - uncertainty))


def test_two_decays_in_an_event_and_the_rate(decays):
    particles = decays("Upsilon(4S)", "B+ B- VSS", ("B+", "K+ n0 anti-n0 PHSP"), ("B-", "K- n0 anti-n0 PHSP"), n=500)
    weights = factors(particles, "Knnbar")["Knnbar"]
    found = find_decays(particles, 521, (321, 2112, 2112))
    assert np.array_equal(np.bincount(found.event), np.full(500, 2))
    single = REWEIGHTINGS["Knnbar"].factor(particles, found)
    np.testing.assert_allclose(weights, single.reshape(500, 2).prod(1))
    scaled = factors(particles, "Knnbar", generated=1.45e-6)["Knnbar"]
    np.testing.assert_allclose(scaled, weights * (2.9e-6 / 1.45e-6) ** 2)


def test_columns_beside_the_weight(decays):
    particles = decays("B+", "K+ nu_e anti-nu_e PHSP", n=50)
    events = reweighted(Events.of_process("x", 50, MCParticles=particles), ["Knnbar", "Knunu"])
    assert list(events["MCWeights"].columns) == ["Knunu", "Knnbar", "Knnbar_up", "Knnbar_down"]
    assert np.array_equal(events["MCWeights"].counts, np.ones(50))
    assert np.all(events["MCWeights"]["Knnbar_up"] == 1)
    assert "MCWeights" not in events.without_truth().lists
    assert np.all(events.weight == 1)
    with pytest.raises(UnknownNameError, match="Knnbar"):
        reweighted(events, ["Knnba"])


def test_other_models_than_phase_space_are_refused():
    check_reweightings(["KKLKL", "KKSKL", "Knunu", "Kstarnunu", "Knnbar"], "bbbar")
    check_reweightings(["Knnbar"], "knnbar")
    check_reweightings(["Kstarnunu"], "knunu")
    with pytest.raises(DecayFileError, match=r"K\+ nu_mu anti-nu_mu is made by KNUNU"):
        check_reweightings(["KKLKL", "Knunu"], "knunu")
    with pytest.raises(UnknownNameError, match="Knunu"):
        check_reweightings(["Knun"], "bbbar")


def test_decays_are_found_whatever_surrounds_them():
    # Upsilon -> B+ [K+ nu nubar gamma] B- [K- nu nubar pi0]: one matches, the other has a pion too many
    codes = [300553, 521, -521, 321, 14, -14, 22, -321, 16, -16, 111]
    mother = [-1, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    p = np.arange(11.0)
    columns = {"PDG": np.array(codes * 2, np.int32), "mother": np.array(mother * 2, np.int32),
               **{k: np.concatenate([p, p + 100]) for k in ("px", "py", "pz", "E")}}
    found = find_decays(Jagged(np.array([0, 11, 22]), columns), 521, (321, 12, 12))
    assert np.array_equal(found.event, [0, 1])
    assert np.array_equal(found.rows, [[3, 4, 5], [14, 15, 16]])
    assert np.array_equal(found.mother[:, 0], [1, 101])
