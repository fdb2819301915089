"""Spin from mothers to daughters. Oracle: closed forms of helicity angles (M. Jacob, G. Wick, Ann. Phys. 7, 404) and of
their correlations, the published angular distribution of B -> D* l nu, the mean of polarised tau decays, Wigner's
matrices as exponentials of generators. Fixed seeds, false-alarm probability 1e-3 a test; each family is also compared
with a wrong form, which must be caught."""

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import expm

from openbfactory.core.random import Address
from openbfactory.generate import decay_events
from openbfactory.generate.helicity import clebsch_gordan, helicity_table, partial_waves
from openbfactory.generate.spin import fill_wigner
from openbfactory.kinematics.fourvector import unboost
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.particles import species

N = 20_000
VECTOR, UP = np.diag([0.5, 0, 0.5]), np.diag([1.0, 0.0])


def chain(primaries, root, blocks, n=N, density=None, seed=3, pz=0.7):
    """Four-momenta of a chain by path; names in ``blocks`` without a block of their own stay as they are."""
    text = "noPhotos\n" + "".join(f"Decay {m}\n{f'1.0 {d};' if d else ''}\nEnddecay\n" for m, d in blocks.items())
    s = species(root)
    particles, counts = decay_events(primaries(s.pdg, n, s.mass, pz=pz), load_decay_table(overlay=text),
                                     Address(seed, "x"), density=density)
    assert not counts.fallback
    size = particles.size // n
    mothers = particles["mother"].reshape(n, size)
    assert np.all(mothers == mothers[0])
    rows = [tuple(particles[k].reshape(n, size)[:, i] for k in ("E", "px", "py", "pz")) for i in range(size)]
    paths, children = [""], [0] * size
    for i in range(1, size):
        m = mothers[0, i]
        paths.append(paths[m] + str(children[m]))
        children[m] += 1
    return dict(zip(paths, rows, strict=True))


def seen(tree, path, *frames):
    p, systems = tree[path], [tree[f] for f in ("", *frames)]
    for k, system in enumerate(systems):
        p = unboost(p, system)
        systems[k + 1:] = [unboost(s, system) for s in systems[k + 1:]]
    return np.stack(p[1:])


def cosine(a, b):
    return (a * b).sum(0) / np.linalg.norm(a, axis=0) / np.linalg.norm(b, axis=0)


def helicity(tree, path):
    frames = [path[:k] for k in range(1, len(path) - 1)]
    return cosine(seen(tree, path, *frames, path[:-1]), seen(tree, path[:-1], *frames))


def azimuth(tree, axis, a, b):
    z = seen(tree, axis) / np.linalg.norm(seen(tree, axis), axis=0)
    x, y = (v - z * (z * v).sum(0) for v in (seen(tree, a), seen(tree, b)))
    return np.arctan2((z * np.cross(x, y, axis=0)).sum(0), (x * y).sum(0))


def follows(values, even, power=0.0):
    """p-value of 1 + even c^2 + power c^4 in -1..1."""
    def cdf(c):
        total = 1 + even / 3 + power / 5
        return 0.5 + (c + even * c**3 / 3 + power * c**5 / 5) / (2 * total)
    return stats.kstest(values, cdf).pvalue


MUON = 1 - 4 * (species("mu+").mass / species("J/psi").mass) ** 2
#: root, blocks, path, coefficients of c^2 and c^4 (1e9: no constant term)
ANGLES = {
    "SVS, VSS": ("B+", {"B+": "anti-D*0 pi+ SVS", "anti-D*0": "anti-D0 pi0 VSS", "anti-D0": "", "pi0": ""}, "00", 1e9,
                 0),
    "VSP_PWAVE": ("B+", {"B+": "anti-D*0 pi+ SVS", "anti-D*0": "anti-D0 gamma VSP_PWAVE", "anti-D0": ""}, "00", -1, 0),
    "VLL": ("B+", {"B+": "J/psi K+ SVS", "J/psi": "mu+ mu- VLL"}, "00", -MUON, 0),
    "STS, TSS": ("B+", {"B+": "anti-D_2*0 pi+ STS", "anti-D_2*0": "D- pi+ TSS", "D-": ""}, "00", -6, 9),
    "TVS_PWAVE": ("B+", {"B+": "anti-D_2*0 pi+ STS", "anti-D_2*0": "D*- pi+ TVS_PWAVE 0 0 1 0 0 0",
                         "D*-": "anti-D0 pi- VSS", "anti-D0": ""}, "000", -1, 0),
    "VVS_PWAVE": ("B+", {"B+": "anti-D_10 pi+ SVS", "anti-D_10": "D*- pi+ VVS_PWAVE 0 0 0 0 1 0",
                         "D*-": "anti-D0 pi- VSS", "anti-D0": ""}, "00", 3, 0),
    "SVP_HELAMP": ("B+", {"B+": "K*+ gamma SVP_HELAMP 1 0 1 0", "K*+": "K+ pi0 VSS", "pi0": ""}, "00", -1, 0),
    "SVV_HELAMP": ("B0", {"B0": "J/psi K*0 SVV_HELAMP 1 0.3 2 0 1 1", "J/psi": "", "K*0": "K+ pi- VSS"}, "10", 3, 0),
    "VVP": ("B+", {"B+": "chi_c1 K+ SVS", "chi_c1": "J/psi gamma VVP", "J/psi": ""}, "00", 1, 0),
    "PARTWAVE": ("B+", {"B+": "K*0 pi+ SVS", "K*0": "K+ pi- PARTWAVE 1 0"}, "00", 1e9, 0),
    "HELAMP": ("B0", {"B0": "K_2*0 gamma HELAMP 1 0 1 0", "K_2*0": "K+ pi- TSS"}, "00", "sin2cos2", 0),
}


@pytest.mark.parametrize("name", ANGLES)
def test_helicity_angles(primaries, name):
    root, blocks, path, even, power = ANGLES[name]
    c = helicity(chain(primaries, root, blocks), path)
    if even == "sin2cos2":
        assert stats.kstest(c, lambda x: 0.5 + (x**3 / 3 - x**5 / 5) / (4 / 15)).pvalue > 1e-3
    else:
        assert follows(c, even, power) > 1e-3
    assert stats.kstest(c, stats.uniform(-1, 2).cdf).pvalue < 1e-6  # decays that forget the spin are caught


def test_dipion_keeps_the_polarisation(primaries):
    """V' -> V pi pi in an S wave: the leptons of V follow the spin of V', but for terms of order (E / m)^2 - 1."""
    tree = chain(primaries, "psi(2S)", {"psi(2S)": "J/psi pi0 pi0 VVPIPI", "J/psi": "mu+ mu- VLL", "pi0": ""},
                 density=VECTOR, pz=0.0)
    z = seen(tree, "00", "0")[2] / np.linalg.norm(seen(tree, "00", "0"), axis=0)
    even = MUON / (2 - MUON)
    assert follows(z, even) > 1e-3
    assert follows(z, 0) < 1e-6


PIONS = "TAUHADNU -0.108 0.775 0.149 1.364 0.400 1.23 0.4"


@pytest.mark.parametrize(("root", "hadrons", "model"), [
    ("tau-", "pi- pi- pi+", PIONS), ("tau+", "pi+ pi+ pi-", PIONS), ("tau-", "pi- pi- pi+ pi0", "PYTHIA 21"),
    ("tau+", "K+ pi+ pi-", "PYTHIA 21")])
def test_hadrons_of_a_polarised_tau(primaries, root, hadrons, model):
    """Mean direction of the hadrons: (m^2 - 2 Q^2) / (m^2 + 2 Q^2) / 3 for a transverse current."""
    neutrino = "nu_tau" if root == "tau-" else "anti-nu_tau"
    tree = chain(primaries, root, {root: f"{hadrons} {neutrino} {model}", "pi0": ""}, density=UP, pz=0.0)
    e, x, y, z = (sum(tree[str(k)][i] for k in range(len(hadrons.split()))) for i in range(4))
    q2, m2 = e * e - x * x - y * y - z * z, species(root).mass ** 2
    c = z / np.sqrt(x * x + y * y + z * z)
    expected = np.mean((m2 - 2 * q2) / (m2 + 2 * q2)) / 3 * (1 if root == "tau-" else -1)
    assert abs(c.mean() - expected) < 3.3 * c.std() / np.sqrt(len(c))
    assert abs(expected) > 3.3 * c.std() / np.sqrt(len(c))


def test_neutrinos_of_tau_decays_left_to_pythia(primaries):
    """Mode 21 is phase space times x (3 - 2 x), x = 2 E_nu / m."""
    def spectrum(model, seed):
        tree = chain(primaries, "tau-", {"tau-": f"pi- pi- pi+ pi0 nu_tau {model}", "pi0": ""}, pz=0.0, seed=seed)
        return 2 * tree["4"][0] / species("tau-").mass

    made, flat = spectrum("PYTHIA 21", 1), spectrum("PHSP", 2)
    order = np.argsort(flat)
    cdf = np.cumsum((flat * (3 - 2 * flat))[order])
    distance = np.abs(np.interp(np.sort(made), flat[order], cdf / cdf[-1]) - (np.arange(N) + 0.5) / N).max()
    assert distance < 1.95 * np.sqrt(2.3 / N)
    assert stats.ks_2samp(made, flat).pvalue < 1e-6


def test_polarised_vector(primaries):
    tree = chain(primaries, "J/psi", {"J/psi": "mu+ mu- VLL"}, density=VECTOR)
    z = seen(tree, "0")[2] / np.linalg.norm(seen(tree, "0"), axis=0)
    even = MUON / (2 - MUON)
    assert follows(z, even) > 1e-3
    assert follows(z, -even) < 1e-6


def test_azimuth_of_two_vectors(primaries):
    """dN/dphi of V V -> PP PP: 1 + 2 Re(H+ H-*) cos 2phi + 2 Im(H+ H-*) sin 2phi over the sum (sign included)."""
    blocks = {"B+": "anti-D*0 rho+ SVV_HELAMP 0.5 0.9 0.6 0.0 0.4 0.0", "anti-D*0": "anti-D0 pi0 VSS",
              "rho+": "pi+ pi0 VSS", "anti-D0": "", "pi0": ""}
    phi = azimuth(chain(primaries, "B+", blocks), "0", "00", "10")
    total = 0.25 + 0.36 + 0.16
    for function, expected in ((np.cos, 0.2 * np.cos(0.9) / total), (np.sin, 0.2 * np.sin(0.9) / total)):
        found = function(2 * phi)
        error = found.std() / np.sqrt(N)
        assert abs(found.mean() - expected) < 3.3 * error
        assert abs(found.mean() + expected) > 5 * error


def test_correlation_of_three_levels(primaries):
    """a_1 (helicity 0) -> rho pi, S wave: the rho keeps the direction of the spin, cos^2 to the axis of the a_1."""
    tree = chain(primaries, "D0", {"D0": "a_1+ K- SVS", "a_1+": "rho0 pi+ VVS_PWAVE 1 0 0 0 0 0",
                                   "rho0": "pi+ pi- VSS"})
    # the axis of the a_1 in the frame of the rho: with boosts along the chain it is the spin axis itself
    assert follows(cosine(seen(tree, "000", "0", "00"), seen(tree, "0")), 1e9) > 1e-3


def test_angles_of_vector_and_lepton(primaries):
    """B0 -> D*- l+ nu: mean of cos(2 chi) and of the term of H_0 against the published distribution."""
    values = "0.02596 -0.06049 0.01311 0.01713 0.00753 -0.09346"
    tree = chain(primaries, "B0", {"B0": f"D*- e+ nu_e BGL {values}", "D*-": "anti-D0 pi- VSS", "anti-D0": ""})
    from openbfactory.physics.formfactors import amplitudes

    m, d = species("B0").mass, species("D*-").mass
    pair = tuple(a + b for a, b in zip(tree["1"], tree["2"], strict=True))
    tree["w"] = pair
    lepton, vector = cosine(seen(tree, "1", "w"), seen(tree, "w")), helicity(tree, "00")
    chi = azimuth(tree, "0", "00", "1")
    q2 = np.linspace(1e-6, (m - d) ** 2, 402)[1:-1]
    h = np.array([amplitudes("BGL", values.split(), m, d, q) for q in q2]).T
    p = np.sqrt(((m - d) ** 2 - q2) * ((m + d) ** 2 - q2))
    plus, minus, zero, total = (np.sum(p * q2 * x) for x in (h[0] ** 2, h[1] ** 2, h[2] ** 2, (h[:3] ** 2).sum(0)))
    mixed, beats = np.sum(p * q2 * h[0] * h[1]), np.sum(p * q2 * h[2] * (h[1] - h[0]))
    # J. Korner, G. Schuler: means over the full angles of the published distribution
    longitudinal = zero / (plus + minus + zero)
    assert abs((vector**2).mean() - 0.2 - 0.4 * longitudinal) < 3.3 * 0.3 / np.sqrt(N)
    found, error = np.cos(2 * chi).mean(), np.sqrt(0.5 / N)
    assert abs(found + 0.5 * mixed / total) < 3.3 * error
    assert abs(found - 0.5 * mixed / total) > 5 * error
    # sin(theta) sin(2 theta_V) cos(chi) has the mean 0.4 H_0 (H_- - H_+)
    term = np.sqrt(1 - lepton**2) * 2 * vector * np.sqrt(1 - vector**2) * np.cos(chi)
    assert abs(term.mean() - 0.4 * beats / total) < 3.3 * term.std() / np.sqrt(N)


def test_tau_polarisation(primaries):
    for root, channel, sign in (("B+", "tau+ nu_tau SLN", 1), ("B-", "tau- anti-nu_tau SLN", 1)):
        side = "+" if sign == 1 and root == "B+" else "-"
        nu = "anti-nu_tau" if side == "+" else "nu_tau"
        tree = chain(primaries, root, {root: channel, f"tau{side}": f"pi{side} {nu} TAUSCALARNU"})
        c = helicity(tree, "00")
        assert stats.kstest(c, lambda x: (x + 1) ** 2 / 4).pvalue > 1e-3
        assert stats.kstest(-c, lambda x: (x + 1) ** 2 / 4).pvalue < 1e-6


def test_polarised_tau_to_leptons_and_vectors(primaries):
    z = seen(chain(primaries, "tau-", {"tau-": "e- anti-nu_e nu_tau TAULNUNU"}, density=UP), "0")
    assert abs((z[2] / np.linalg.norm(z, axis=0)).mean() + 1 / 9) < 3.3 * 0.577 / np.sqrt(N)
    tree = chain(primaries, "tau-", {"tau-": "rho- nu_tau TAUVECTORNU", "rho-": ""}, density=UP)
    z, m2 = seen(tree, "0"), tree["0"][0] ** 2 - sum(x**2 for x in tree["0"][1:])
    square = species("tau-").mass ** 2
    expected = ((square - 2 * m2) / (square + 2 * m2)).mean() / 3
    assert abs((z[2] / np.linalg.norm(z, axis=0)).mean() - expected) < 3.3 * 0.577 / np.sqrt(N)


def test_tau_pair_correlation(primaries):
    tree = chain(primaries, "Upsilon(4S)", {"Upsilon(4S)": "tau+ tau- VLL", "tau+": "pi+ anti-nu_tau TAUSCALARNU",
                                            "tau-": "pi- nu_tau TAUSCALARNU"})
    c1, c2 = helicity(tree, "00"), helicity(tree, "10")
    gamma = species("Upsilon(4S)").mass / 2 / species("tau-").mass
    share = 1 / (1 + 1 / (2 * gamma**2))
    assert abs((c1 * c2).mean() - (2 * share - 1) / 9) < 3.3 / 3 / np.sqrt(N)
    assert abs(c1.mean()) < 3.3 * 0.577 / np.sqrt(N)


def test_hyperons(primaries):
    blocks = {"Lambda_c+": "Lambda0 pi+ HypNonLepton -0.84 3", "Lambda0": "p+ pi- HypNonLepton 0.748 -6.5"}
    tree = chain(primaries, "Lambda_c+", blocks, density=UP)
    z = seen(tree, "0")
    assert abs((z[2] / np.linalg.norm(z, axis=0)).mean() + 0.84 / 3) < 3.3 * 0.577 / np.sqrt(N)
    assert abs(helicity(tree, "00").mean() + 0.84 * 0.748 / 3) < 3.3 * 0.577 / np.sqrt(N)


@pytest.mark.parametrize("twice", range(1, 5))
def test_wigner_matrices(twice):
    m = twice / 2 - np.arange(twice + 1)
    step = np.diag(np.sqrt(twice / 2 * (twice / 2 + 1) - m[1:] * (m[1:] + 1)), 1)
    out = np.zeros((5, 5))
    fill_wigner(twice, np.cos(1.1), out)
    np.testing.assert_allclose(out[:twice + 1, :twice + 1], expm(-0.55 * (step - step.T)).real, atol=1e-12)


def test_waves_and_coefficients():
    assert clebsch_gordan(4, 0, 2, 0, 2, 0) == pytest.approx(-np.sqrt(0.4))
    for spins in ((2, 2, 0), (4, 2, 0), (2, 2, 2), (1, 1, 2)):
        for total in range(abs(spins[1] - spins[2]), spins[1] + spins[2] + 1, 2):
            for wave in range(abs(spins[0] - total), spins[0] + total + 1, 2):
                table = partial_waves(spins, {(wave // 2, total): 1.0})
                assert np.sum(np.abs(table) ** 2) == pytest.approx(1.0)
    assert helicity_table("SVV_HELAMP", (0, 2, 2), (521, 443, 323), [1, 0]) is None
    assert helicity_table("VSS", (0, 0, 0), (521, 211, 111), []) is None
