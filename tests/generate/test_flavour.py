"""Neutral mesons that mix and CP violation in their decays. Oracle: the closed forms of the PDG review "CP violation in
the quark sector", SciPy's matrix exponential of the effective Hamiltonian, and numerical integrals over a Dalitz plot.
Statistical tests: fixed seeds, 4 standard deviations or a probability of 1e-4; planted faults must be caught."""

import numpy as np
import pytest
from scipy import integrate, linalg, stats

from openbfactory.core.random import Address
from openbfactory.generate import decay_events
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.particles import species_of
from openbfactory.physics.rhopi import rhopi_amplitudes, rhopi_terms

N = 20_000
DM = 0.507  # 1/ps
TAU = species_of(511).ctau / 0.0299792458  # ps
TAG = ("D- e+ nu_e PHSP", "D+ e- anti-nu_e PHSP")
PAIR = "noPhotos\nDecay Upsilon(4S)\n1.0 B0 anti-B0 VSS_BMIX dm;\nEnddecay\n"
QUIET = "".join(f"Decay {p}\nEnddecay\n" for p in ("J/psi", "K_S0", "D+", "D-", "D*+", "D*-"))


def blocks(b0, anti):
    """Decay blocks of B0 and anti-B0 with equal shares."""
    return "".join(f"Decay {name}\n" + "".join(f"{1 / len(lines)} {line};\n" for line in lines) + "Enddecay\n"
                   for name, lines in (("B0", b0), ("anti-B0", anti)))


def run(primaries, overlay, n=N, pdg=300553, mass=10.58, seed=1):
    particles, counts = decay_events(primaries(pdg, n, mass), load_decay_table(overlay=QUIET + overlay),
                                     Address(seed, "flavour"))
    assert not counts.fallback
    return particles


def sides(particles):
    """Proper times [ps], codes of the mesons and of their first daughters, each (2, events)."""
    first = particles.offsets[:-1]
    mother = first[particles.event_index()] + particles["mother"]
    order = np.argsort(mother, kind="stable")
    times, codes, daughters = [], [], []
    for k in (1, 2):
        b = first + k
        child = order[np.searchsorted(mother[order], b)]
        p2 = sum(particles[name][b] ** 2 for name in ("px", "py", "pz"))
        mass = np.sqrt(particles["E"][b] ** 2 - p2)
        times.append((particles["t"][child] - particles["t"][b]) * mass / particles["E"][b] * 1e3)
        codes.append(particles["PDG"][b])
        daughters.append(particles["PDG"][child])
    return np.array(times), np.array(codes), np.array(daughters)


def tagged(particles, accepted):
    """Delta t = t(CP) - t(tag) and the flavour of the tag (+1: B0) of events with one decay with a first daughter."""
    times, codes, daughters = sides(particles)
    is_cp, is_tag = np.isin(daughters, accepted), np.abs(daughters) == 411
    one = (is_cp[0] & is_tag[1]) | (is_cp[1] & is_tag[0])
    cp = np.where(is_cp[0], 0, 1)[one]
    events = np.flatnonzero(one)
    return (times[cp, events] - times[1 - cp, events]), np.sign(codes[1 - cp, events])


def sine_and_cosine(dt, tag):
    """S and C of the asymmetry S sin(dm dt) - C cos(dm dt), with their uncertainties."""
    s, c = np.sin(DM * dt), np.cos(DM * dt)
    return ((np.sum(tag * s) / np.sum(s * s), np.sum(s * s) ** -0.5),
            (-np.sum(tag * c) / np.sum(c * c), np.sum(c * c) ** -0.5))


def near(found, expected):
    return abs(found[0] - expected) < 4 * found[1]


def expected_sc(lam):
    return 2 * lam.imag / (1 + abs(lam) ** 2), (1 - abs(lam) ** 2) / (1 + abs(lam) ** 2)


@pytest.mark.parametrize("words", ["1.0 0.0 -1.0 0.0", "1.0 0.0 1.0 0.0", "1.0 1.387 1.0 -1.387", "1.0 0.3 0.6 -0.9"])
def test_asymmetry_of_a_final_state_of_definite_cp(primaries, words):
    line = f"J/psi K_S0 SSD_CP dm 0.0 1.0 -0.78 {words}"
    particles = run(primaries, PAIR + blocks((line, TAG[0]), (line, TAG[1])))
    dt, tag = tagged(particles, (443,))
    a, pa, b, pb = (float(w) for w in words.split())
    s, c = expected_sc(np.exp(-0.78j) * b * np.exp(1j * pb) / (a * np.exp(1j * pa)))
    found = sine_and_cosine(dt, tag)
    assert near(found[0], s)
    assert near(found[1], c)
    if abs(s) > 0.2:
        assert not near(sine_and_cosine(-dt, tag)[0], s)  # times exchanged
        assert not near(sine_and_cosine(np.abs(dt), tag)[0], s)  # each meson on its own clock


def test_both_mesons_to_the_same_cp_eigenstate(primaries):
    line = "J/psi K_S0 SSD_CP dm 0.0 1.0 -0.78 1.0 0.0 -1.0 0.0"
    times, _, _ = sides(run(primaries, PAIR + blocks((line,), (line,))))
    def forbidden_at_zero(t, sign=-1.0):
        k = 1 / TAU
        part = (DM * np.sin(DM * t) - k * np.cos(DM * t)) * np.exp(-k * t) / (k * k + DM * DM) + k / (k * k + DM * DM)
        whole = TAU * (1 + sign / (1 + (DM * TAU) ** 2))
        return (TAU * (1 - np.exp(-k * t)) + sign * part) / whole

    dt = np.abs(times[0] - times[1])
    assert stats.kstest(dt, forbidden_at_zero).pvalue > 1e-4
    assert stats.kstest(dt, lambda t: forbidden_at_zero(t, 1.0)).pvalue < 1e-4


def test_final_state_that_is_not_its_own_conjugate(primaries):
    r, strong, phase = 0.5, 0.7, -0.78
    words = f"1.0 0.0 {r} {strong} {r} {strong} 1.0 0.0"
    line = f"D*- pi+ SSD_CP dm 0.0 1.0 {phase} {words}"
    particles = run(primaries, PAIR + blocks((line, TAG[0]), (line, TAG[1])), n=2 * N)
    seen = 0
    for code, lam in ((-413, r * np.exp(1j * (strong + phase))), (413, np.exp(1j * (phase - strong)) / r)):
        dt, tag = tagged(particles, (code,))
        s, c = expected_sc(lam)
        found = sine_and_cosine(dt, tag)
        assert near(found[0], s)
        assert near(found[1], c)
        seen += len(dt)
    assert abs(len(dt) / seen - 0.5) < 4 * 0.5 / np.sqrt(seen)


def exact_pair_rate(m, vectors, t1, t2):
    """Rate of a coherent pair with amplitude vectors, from the effective Hamiltonian (2, 2)."""
    one, two = (linalg.expm(-1j * m * t) for t in (t1, t2))  # [final, initial]
    pair = np.outer(one[:, 0], two[:, 1]) - np.outer(one[:, 1], two[:, 0])
    return abs(vectors[0] @ pair @ vectors[1]) ** 2


@pytest.mark.parametrize(("y", "size", "z"), [(0.5, 1.0, 0.0), (0.0, 1.2, 0.0), (0.4, 0.9, 0.15 + 0.1j)])
def test_widths_mixing_and_cpt_violation_of_the_pair(primaries, y, size, z):
    words = f"dm {2 * y} {size} -0.78 1.0 0.0 -1.0 0.0 -1.0 0.0 1.0 0.0 {np.real(z)} {np.imag(z)}"
    line = f"J/psi K_S0 SSD_CP {words}"
    dt, tag = tagged(run(primaries, PAIR + blocks((line, TAG[0]), (line, TAG[1]))), (443,))
    qp, root = size * np.exp(-0.78j), np.sqrt(1 - z * z + 0j)
    half = -0.5 * DM - 0.5j * y / TAU  # so that g- = i sin(dm t / 2) without a difference of widths
    m = -0.5j / TAU * np.eye(2) + half * np.array([[z, root / qp], [root * qp, -z]])
    cp = np.array([1.0, -1.0])
    grid = np.linspace(-12, 12, 481)
    for flavour, tag_vector in ((1, np.array([1.0, 0.0])), (-1, np.array([0.0, 1.0]))):
        density = np.array([integrate.simpson([exact_pair_rate(m, (cp, tag_vector), d + u, u)
                                               for u in np.linspace(max(-d, 0), max(-d, 0) + 20, 41)], dx=0.5)
                            for d in grid[::4]])
        cumulative = integrate.cumulative_simpson(density, x=grid[::4], initial=0)
        inside = dt[(tag == flavour) & (np.abs(dt) < 12)]
        result = stats.kstest(inside, lambda x, c=cumulative: np.interp(x, grid[::4], c / c[-1]))
        assert result.pvalue > 1e-4
        wrong = stats.kstest(-inside, lambda x, c=cumulative: np.interp(x, grid[::4], c / c[-1]))
        assert wrong.pvalue < 1e-4


def test_meson_alone_oscillates_from_its_birth(primaries):
    line = "J/psi K_S0 SSD_CP dm 0.0 1.0 -0.78 1.0 0.0 -1.0 0.0"
    overlay = "noPhotos\n" + blocks((line,), (line,))
    s = np.sin(0.78)
    for pdg, sign in ((511, -1.0), (-511, 1.0)):
        particles = run(primaries, overlay, pdg=pdg, mass=5.27966)
        first = particles.offsets[:-1]
        t = (particles["t"][first + 1] - particles["t"][first]) * 1e3

        def cumulative(x, a=sign * s):
            k = 1 / TAU
            wave = (DM - np.exp(-k * x) * (k * np.sin(DM * x) + DM * np.cos(DM * x))) / (k * k + DM * DM)
            return (TAU * (1 - np.exp(-k * x)) + a * wave) / (TAU + a * DM / (k * k + DM * DM))

        assert stats.kstest(t, cumulative).pvalue > 1e-4
        assert stats.kstest(t, lambda x: cumulative(x, 0.0)).pvalue < 1e-4


@pytest.mark.parametrize(("vector", "name", "dm"), [(513, "B0", DM), (533, "B_s0", 17.8)])
def test_meson_made_alone_mixes(primaries, vector, name, dm):
    daughters = ("D- e+ nu_e", "D+ e- anti-nu_e") if name == "B0" else ("D_s- e+ nu_e", "D_s+ e- anti-nu_e")
    overlay = "noPhotos\nDecay D_s+\nEnddecay\nDecay D_s-\nEnddecay\n" + "".join(
        f"Decay {b}\n1.0 {line} PHSP;\nEnddecay\n" for b, line in zip((name, f"anti-{name}"), daughters, strict=True))
    code = vector - 2
    particles = run(primaries, overlay, pdg=vector, mass=species_of(vector).mass)
    first = particles.offsets[:-1]
    assert np.all(particles["PDG"][first + 1] == code)
    mixed = particles["PDG"][first + 3] == -code
    assert np.all(particles["mother"][first + 3] == 1)
    tau = species_of(code).ctau / 0.0299792458
    x2 = (dm * tau) ** 2
    chi = x2 / (2 * (1 + x2))
    assert abs(mixed.mean() - chi) < 4 * np.sqrt(chi * (1 - chi) / N)
    child = first + 3
    gamma = particles["E"][first + 1] / species_of(code).mass
    t = (particles["t"][child] - particles["t"][first + 1]) / gamma * 1e3
    assert stats.kstest(t, stats.expon(scale=tau).cdf).pvalue > 1e-4
    product = np.where(mixed, -1.0, 1.0) * np.cos(dm * t)  # mean of cos^2
    assert abs(product.mean() - np.mean(np.cos(dm * t) ** 2)) < 4 * product.std() / np.sqrt(N)
    later = child[mixed] + 1  # daughters of the antiparticle, made where it decays at once
    assert np.all(particles["mother"][later] == 3)
    np.testing.assert_array_equal(particles["t"][later], particles["t"][child[mixed]])
    off = run(primaries, overlay + f"Define dm_incohMix_{name} 0.0\n", pdg=vector, mass=species_of(vector).mass, n=200)
    assert not np.any(off["PDG"] == -code)


VECTORS = "Decay K*0\n1.0 K+ pi- VSS;\nEnddecay\nDecay anti-K*0\n1.0 K- pi+ VSS;\nEnddecay\n" + \
    "Decay J/psi\n1.0 mu+ mu- VLL;\nEnddecay\nDecay pi0\nEnddecay\n"


def test_vectors_dilute_the_asymmetry_by_their_odd_part(primaries):
    line = "J/psi K*0 SVV_CP 0.39 dm 1 0.490 2.5 1.10 0.0 0.4 -0.17"
    lines = line, line.replace("K*0", "anti-K*0")
    particles = run(primaries, PAIR + VECTORS + blocks((lines[0], TAG[0]), (lines[1], TAG[1])))
    odd = 0.4**2 / (0.49**2 + 1.1**2 / 2 + 0.4**2)
    found = sine_and_cosine(*tagged(particles, (443,)))
    assert near(found[0], -np.sin(0.78) * (1 - 2 * odd))
    assert near(found[1], 0.0)
    assert not near(found[0], -np.sin(0.78))


def test_helicities_of_both_sides_are_correlated(primaries):
    # amplitudes of helicity 0 (even) and of the odd combination alone, weak phase 45 degrees: even with even and odd
    # with odd happen with the probability of <sin^2(dm dt / 2)>
    line = f"J/psi K*0 SVV_CP {np.pi / 4} dm 1 0.0 0.0 {np.sqrt(2)} 0.0 1.0 0.0"
    particles = run(primaries, PAIR + VECTORS + blocks((line,), (line.replace("K*0", "anti-K*0"),)))
    size = int(particles.offsets[1])
    assert np.all(np.diff(particles.offsets) == size)
    p = np.stack([particles[k].reshape(-1, size) for k in ("E", "px", "py", "pz")], axis=-1)
    code, mother = particles["PDG"].reshape(-1, size), particles["mother"].reshape(-1, size)
    squares = []
    for slot in (1, 2):
        vector = int(np.flatnonzero((mother[0] == slot) & (np.abs(code[0]) == 313))[0])
        kaon = int(np.flatnonzero(mother[0] == vector)[0])
        squares.append(helicity_cosine(p[:, slot], p[:, vector], p[:, kaon]) ** 2)
    x2 = (DM * TAU) ** 2
    same = x2 / (2 * (1 + x2))
    expected = 0.5 * same * (0.6**2 + 0.2**2) + (1 - same) * 0.6 * 0.2
    product = squares[0] * squares[1]
    error = product.std() / np.sqrt(N)
    assert abs(product.mean() - expected) < 4 * error
    assert abs(np.roll(squares[0], 1) @ squares[1] / N - expected) > 4 * error  # sides of different events


def helicity_cosine(b, vector, meson):
    """Cosine of a meson in its vector to the direction of that in the frame of B."""
    def boosted(p, frame):
        mass = np.sqrt(frame[:, 0] ** 2 - np.sum(frame[:, 1:] ** 2, axis=1))
        energy = (p[:, 0] * frame[:, 0] - np.sum(p[:, 1:] * frame[:, 1:], axis=1)) / mass
        factor = (p[:, 0] + energy) / (frame[:, 0] + mass)
        return np.column_stack([energy, p[:, 1:] - factor[:, None] * frame[:, 1:]])

    v, k = boosted(vector, b), boosted(meson, b)
    k = boosted(k, v)
    return np.sum(k[:, 1:] * v[:, 1:], axis=1) / np.linalg.norm(k[:, 1:], axis=1) / np.linalg.norm(v[:, 1:], axis=1)


def test_aliases_name_the_mesons_of_a_pair(primaries):
    alias = "noPhotos\nAlias myB0 B0\nAlias myBbar anti-B0\nChargeConj myB0 myBbar\n"
    line = "J/psi K_S0 SSD_CP dm 0.0 1.0 -0.78 1.0 0.0 -1.0 0.0"
    signal = f"Decay myB0\n1.0 {line};\nEnddecay\nCDecay myBbar\n"
    alias += "Decay Upsilon(4S)\n1.0 B0 anti-B0 myB0 myBbar VSS_BMIX dm;\nEnddecay\n"
    particles = run(primaries, alias + signal + blocks(TAG[:1], TAG[1:]))
    times, codes, daughters = sides(particles)
    assert np.all(daughters[1] == 443)
    assert np.all(np.abs(daughters[0]) == 411)
    assert np.all(np.sign(codes[0]) == -np.sign(daughters[0]))
    assert set(np.unique(codes[1])) == {-511, 511}
    assert near(sine_and_cosine(times[1] - times[0], np.sign(codes[0]))[0], np.sin(0.78))


def test_a_pair_whose_decays_exclude_each_other_stays_undecayed(primaries):
    line = "J/psi K_S0 SSD_CP dm 0.0 1.0 0.0 1.0 0.0 -1.0 0.0"  # twice the same CP eigenstate without CP violation
    table = load_decay_table(overlay=QUIET + PAIR + blocks((line,), (line,)))
    particles, counts = decay_events(primaries(300553, 5, 10.58), table, Address(1, "x"))
    assert counts.undecayed == 10
    assert particles.size == 15


def test_parameters_that_do_not_fit_are_reported(primaries):
    line = "J/psi K_S0 SSD_CP dm 0.0 1.0"
    overlay = PAIR.replace("dm;", "dm 0 1 0 0.9 0 0.1 0;") + blocks((line,), (line,))
    _, counts = decay_events(primaries(300553, 10, 10.58), load_decay_table(overlay=QUIET + overlay), Address(1, "x"))
    assert counts.fallback == {"SSD_CP": 20, "VSS_BMIX": 10}


@pytest.mark.parametrize("pdg", [511, -511])
def test_rho_pi_dalitz_plot(primaries, pdg):
    line = "pi- pi+ pi0 BTO3PI_CP 0.0 1.365"
    particles = run(primaries, "noPhotos\nDecay pi0\nEnddecay\n" + blocks((line,), (line,)), pdg=pdg, mass=5.27966)
    p = np.stack([particles[k].reshape(-1, 4) for k in ("E", "px", "py", "pz")], axis=-1)

    def square(i, k):
        q = p[:, i] + p[:, k]
        return q[:, 0] ** 2 - np.sum(q[:, 1:] ** 2, axis=1)

    masses, mother = np.array([species_of(c).mass for c in (211, -211, 111)]), 5.27966
    terms = rhopi_terms(1.365)
    edges = np.linspace(0, 27, 28)
    grid = (np.linspace(0.08, 26.6, 700), np.linspace(0.08, 26.6, 700))
    weight, wrong = np.zeros(27), np.zeros(27)
    for plus in grid[0]:
        for minus in grid[1]:
            rest = mother**2 + np.sum(masses**2) - plus - minus
            e1, e2 = (mother**2 + 0.13957**2 - minus) / (2 * mother), (mother**2 + 0.13957**2 - plus) / (2 * mother)
            p1, p2 = e1**2 - 0.13957**2, e2**2 - 0.13957**2
            if min(p1, p2) < 0 or rest < 0.078:
                continue
            cosine = (rest - 2 * 0.13957**2 - 2 * e1 * e2) / (-2 * np.sqrt(p1 * p2) + 1e-12)
            if abs(cosine) >= 1:
                continue
            a = rhopi_amplitudes(terms, mother, masses, np.array([minus, plus, rest]))
            k = int(plus)
            weight[k] += abs(a[0 if pdg > 0 else 1]) ** 2
            wrong[k] += abs(a[1 if pdg > 0 else 0]) ** 2
    counts, _ = np.histogram(square(2, 3), edges)
    for w, good in ((weight, True), (wrong, False)):
        expected = w / w.sum() * counts.sum()
        used = expected > 30
        chi2 = np.sum((counts - expected)[used] ** 2 / (expected + (0.02 * expected) ** 2)[used])
        assert (stats.chi2.sf(chi2, used.sum()) > 1e-4) == good
