"""B -> K(*) l l and B -> K(*) nu nubar in the decay engine. Oracle: numerical integration of the rates, the matrix
element of B -> K tau tau with both taus to pi nu from explicit Dirac matrices, CP symmetry. Fixed seeds, false-alarm
probability 1e-3 a test."""

import numpy as np
import pytest
from scipy import stats

from openbfactory.core.random import Address
from openbfactory.generate import decay_events
from openbfactory.physics.btosll import rare_amplitudes, rare_parameters, rare_weight
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.formfactors import amplitudes
from openbfactory.physics.particles import species
from openbfactory.physics.wilson import AS_PUBLISHED, C_10, wilson_coefficients

N = 20_000
REV = [0.38, -1.17, 2.42, 0.3, 0.39, 1.19, 0.27, 0.53, 0.48]


def decays(primaries, mother, *channels, n=N, seed=1):
    """Four-momenta (E, px, py, pz) of every particle of each event, (particles, n, 4)."""
    text = "noPhotos\n" + "".join(f"Decay {m}\n1.0 {c};\nEnddecay\n" for m, c in [(mother, channels[0]), *channels[1:]])
    s = species(mother)
    particles, counts = decay_events(primaries(s.pdg, n, s.mass), load_decay_table(overlay=text), Address(seed, "x"))
    assert not counts.fallback
    assert counts.excess <= 1e-4 * n
    return np.stack([particles[k].reshape(n, -1) for k in ("E", "px", "py", "pz")], axis=-1).transpose(1, 0, 2)


def dot(a, b):
    return a[:, 0] * b[:, 0] - (a[:, 1:] * b[:, 1:]).sum(1)


def to_rest(p, frame):
    m = np.sqrt(dot(frame, frame))
    energy = dot(p, frame) / m
    factor = -(p[:, 0] + energy) / (frame[:, 0] + m)
    return np.column_stack([energy, p[:, 1:] + factor[:, None] * frame[:, 1:]])


def cosine(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def rate(model, mother, meson, lepton):
    """Rate on a grid of q2 (log and linear, with its steps) and cos(theta)."""
    m, k, ml = (species(x).mass for x in (mother, meson, lepton))
    a = rare_parameters(model, np.array([]), species(mother).pdg, species(meson).pdg)
    low, high = 4 * ml**2, (m - k) ** 2
    edges = np.unique(np.concatenate([np.geomspace(low, high, 300), np.linspace(low, high, 500)]))
    q2, c, h = 0.5 * (edges[1:] + edges[:-1]), np.linspace(-0.99, 0.99, 100), np.empty(10)
    out = np.empty((len(q2), len(c)))
    for i, q in enumerate(q2):
        p = np.sqrt(((m - k) ** 2 - q) * ((m + k) ** 2 - q)) / 2 / m
        rare_amplitudes(a, m, k, q, p, h)
        out[i] = [rare_weight(h, q, ml, p, x) * (edges[i + 1] - edges[i]) for x in c]
    return edges, c, out


CASES = [("B+", "K+", "mu+", "mu-", "BTOSLLBALL"), ("B0", "K0", "e+", "e-", "BTOSLLALI"),
         ("B-", "K-", "tau-", "tau+", "BTOSLLBALL"), ("B_s0", "phi", "mu+", "mu-", "BTOSLLALI"),
         ("anti-B_s0", "phi", "e+", "e-", "BTOSLLALI")]


@pytest.mark.parametrize(("mother", "meson", "first", "second", "model"), CASES)
def test_q2_and_angle(primaries, mother, meson, first, second, model):
    table = load_decay_table()
    quiet = [table.index[s] for s in (meson, "tau+", "tau-")]
    table = load_decay_table(overlay=f"noPhotos\nDecay {mother}\n1.0 {meson} {first} {second} {model};\nEnddecay\n")
    table.stable[quiet] = True
    s = species(mother)
    particles, counts = decay_events(primaries(s.pdg, N, s.mass), table, Address(1, "x"))
    table.stable[quiet] = False
    assert not counts.fallback
    p = np.stack([particles[k].reshape(N, -1) for k in ("E", "px", "py", "pz")], axis=-1).transpose(1, 0, 2)
    pair = p[2] + p[3]
    edges, c, expected = rate(model, mother, meson, first)
    along = np.concatenate([[0], np.cumsum(expected.sum(1))]) / expected.sum()
    bins = np.interp(np.linspace(0, 1, 21), along, edges)
    bins[0], bins[-1] = 0, 100
    found, _ = np.histogram(dot(pair, pair), bins)
    assert stats.chisquare(found, np.full(20, N / 20)).pvalue > 1e-3
    # the lepton that has the sign of the b quark: l+ for anti-b
    counted = p[2] if (species(first).pdg < 0) == (s.pdg > 0) else p[3]
    angle = cosine(to_rest(counted, pair)[:, 1:], pair[:, 1:])
    cdf = np.cumsum(expected.sum(0)) / expected.sum()
    assert stats.kstest(angle, lambda x: np.interp(x, c + 0.01, cdf)).pvalue > 1e-3
    if meson == "phi":  # the other lepton has the mirrored angle: caught
        assert stats.kstest(-angle, lambda x: np.interp(x, c + 0.01, cdf)).pvalue < 1e-6


def longitudinal(h):
    return h[4] ** 2 + h[5] ** 2 + h[8] ** 2


def test_polarisation_of_the_vector_meson_reaches_its_decay(primaries):
    p = decays(primaries, "anti-B_s0", "phi mu+ mu- BTOSLLALI", ("phi", "K+ K- VSS"))
    inside = to_rest(p[4], p[1])
    seen = cosine(inside[:, 1:], p[1][:, 1:])
    m, k, ml = (species(x).mass for x in ("B_s0", "phi", "mu+"))
    a, h, total, zero = rare_parameters("BTOSLLALI", np.array([]), -531, 333), np.empty(10), 0.0, 0.0
    for q in np.linspace(4 * ml**2, (m - k) ** 2, 20002)[1:-1]:
        rare_amplitudes(a, m, k, q, np.sqrt(((m - k) ** 2 - q) * ((m + k) ** 2 - q)) / 2 / m, h)
        pm = np.sqrt(((m - k) ** 2 - q) * ((m + k) ** 2 - q))
        front = pm * q * np.sqrt(1 - 4 * ml**2 / q)
        total += front * ((h[:6] ** 2).sum() + (h[6:9] ** 2).sum())
        zero += front * longitudinal(h)
    fraction = zero / total
    # dN / dcos = 3/2 F_L cos^2 + 3/4 (1 - F_L) sin^2; lepton masses change F_L by less than 1 %
    assert np.mean(seen**2) == pytest.approx(0.2 + 0.4 * fraction, abs=4 * np.std(seen**2) / np.sqrt(N) + 0.003)
    assert abs(np.mean(seen**2) - 1 / 3) > 0.05


def test_cp_conjugates_are_mirror_images(primaries):
    """Angles of the K* decay and of the leptons; the azimuth changes sign."""
    found = []
    for mother, meson, kaon in (("B0", "K*0", "K+ pi-"), ("anti-B0", "anti-K*0", "K- pi+")):
        leptons = "mu+ mu-" if mother == "B0" else "mu- mu+"
        p = decays(primaries, mother, f"{meson} {leptons} BTOSLLBALL", (meson, f"{kaon} VSS"))
        pair = p[2] + p[3]
        z = p[1][:, 1:] / np.linalg.norm(p[1][:, 1:], axis=1)[:, None]
        across = [v - z * (v * z).sum(1)[:, None] for v in (p[4][:, 1:], p[2][:, 1:])]
        phi = np.arctan2((z * np.cross(*across)).sum(1), (across[0] * across[1]).sum(1))
        found.append([cosine(to_rest(p[2], pair)[:, 1:], pair[:, 1:]), cosine(to_rest(p[4], p[1])[:, 1:], p[1][:, 1:]),
                      phi if mother == "B0" else -phi])
    for b, anti in zip(*found, strict=True):
        assert stats.ks_2samp(b, anti).pvalue > 1e-3
    (c, k, phi), (c_anti, k_anti, phi_anti) = found
    # the interference of longitudinal and transverse K* (S_5 and S_4 of LHCb), equal in both
    one, other = (np.stack([2 * k * np.sqrt(1 - k * k) * np.sqrt(1 - c * c) * np.cos(phi) * f for f in (1.0, c)])
                  for c, k, phi in ((c, k, phi), (c_anti, k_anti, phi_anti)))
    error = one.std(1) / np.sqrt(N)
    assert np.all(np.abs(one.mean(1) - other.mean(1)) < 4 * np.sqrt(2) * error)
    assert np.abs(one.mean(1) / error).max() > 5
    assert np.mean(c) > 0.1


ONE, ZERO = np.eye(2), np.zeros((2, 2))
SIGMA = [np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]
GAMMA = np.array([np.block([[ONE, ZERO], [ZERO, -ONE]])] + [np.block([[ZERO, s], [-s, ZERO]]) for s in SIGMA])
GAMMA5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]
METRIC = np.array([1.0, -1, -1, -1])


def slash(p):
    return np.einsum("nm,m,mab->nab", p, METRIC, GAMMA)


def tau_tau_weight(p):
    """|M|^2 of B- -> K- tau- tau+, tau- -> pi- nu, tau+ -> pi+ nubar (columns of p: B K tau- tau+ pi- nu pi+ nubar)."""
    mother, kaon, minus, plus, pi_minus, nu, pi_plus, antinu = p
    q = minus + plus
    a = rare_parameters("BTOSLLBALL", np.array([]), -521, -321)
    m, k, mt, q2 = species("B-").mass, species("K-").mass, species("tau-").mass, dot(q, q)
    rows = a[4:].reshape(-1, 5)
    s = q2 / m**2
    f_plus, f_zero, f_tensor = [r[1] * np.exp(s * (r[2] + s * (r[3] + s * r[4]))) for r in rows]
    c7, c9 = np.array([wilson_coefficients(x, 0j, AS_PUBLISHED) for x in q2]).T
    vector = (c9 * f_plus + 2 * 4.4 * c7 * f_tensor / (m + k))[:, None] * (mother + kaon)
    axial = C_10 * (f_plus[:, None] * (mother + kaon) + ((f_zero - f_plus) * (m**2 - k**2) / q2)[:, None] * q)
    vertex = slash(vector) + slash(axial) @ GAMMA5
    left = np.eye(4) - GAMMA5
    chain = (slash(pi_minus) @ left @ (slash(minus) + mt * np.eye(4)) @ vertex @ (slash(plus) - mt * np.eye(4))
             @ slash(pi_plus) @ left)
    barred = GAMMA[0] @ chain.conj().transpose(0, 2, 1) @ GAMMA[0]
    return np.einsum("nab,nbc,ncd,nda->n", slash(nu), chain, slash(antinu), barred).real


def test_spin_of_the_taus_beside_a_kaon(primaries):
    pions = ("tau-", "pi- nu_tau TAUSCALARNU"), ("tau+", "pi+ anti-nu_tau TAUSCALARNU")
    ours = decays(primaries, "B-", "K- tau- tau+ BTOSLLBALL", *pions)
    flat = decays(primaries, "B-", "K- tau- tau+ PHSP", ("tau-", "pi- nu_tau PHSP"), ("tau+", "pi+ anti-nu_tau PHSP"),
                  n=2 * N, seed=2)
    weight = tau_tau_weight(flat)

    def seen(p):
        kaon, minus, plus = p[1], p[4], p[6]
        q = p[2] + p[3]
        cosines = [cosine(to_rest(x, t)[:, 1:], -to_rest(p[0], t)[:, 1:])
                   for x, t in ((minus, p[2]), (plus, p[3]))]
        n = np.cross(kaon[:, 1:], p[2][:, 1:])
        return np.stack([cosines[0], cosines[1], cosines[0] * cosines[1], dot(minus, plus), dot(kaon, minus - plus),
                         cosine(minus[:, 1:], n) * cosine(plus[:, 1:], n), dot(q, q)])

    a, b = seen(ours), seen(flat)
    mean = (b * weight).sum(1) / weight.sum()
    spread = np.sqrt(a.var(1) / N + ((weight * (b - mean[:, None])) ** 2).sum(1) / weight.sum() ** 2)
    assert np.all(np.abs(a.mean(1) - mean) < 4 * spread), (a.mean(1) - mean) / spread
    # unpolarised taus are caught
    lost = decays(primaries, "B-", "K- tau- tau+ BTOSLLBALL", ("tau-", "pi- nu_tau PHSP"),
                  ("tau+", "pi+ anti-nu_tau PHSP"))
    assert np.any(np.abs(seen(lost).mean(1) - mean) > 8 * spread)


def semileptonic_rate(name, parameters, mother, meson):
    q2 = np.linspace(0, (mother - meson) ** 2, 2002)[1:-1]
    h = np.array([amplitudes(name, parameters, mother, meson, q) for q in q2])
    p = np.sqrt(((mother - meson) ** 2 - q2) * ((mother + meson) ** 2 - q2))
    return q2, (p * q2)[:, None] * h[:, :3] ** 2


@pytest.mark.parametrize(("channel", "name", "parameters", "written"), [
    ("B+ K+ nu_mu anti-nu_mu", "KNUNU", [0.432, -0.664, -1.2], "KNUNU 0.432 -0.664 -1.2"),
    ("B+ K*+ anti-nu_e nu_e", "KSTARNUNU_REV", REV, "KSTARNUNU_REV"),
    ("anti-B0 anti-K*0 nu_tau anti-nu_tau", "KSTARNUNU", [0.47, 5.0, 0.37, -0.023, 0.4, 0.034], "KSTARNUNU")])
def test_neutrino_pairs(primaries, channel, name, parameters, written):
    mother, meson, *pair = channel.split()
    kaon = {"K*+": "K+ pi0", "anti-K*0": "K- pi+"}.get(meson)
    table = () if kaon is None else ((meson, f"{kaon} VSS"), ("pi0", "gamma gamma PHSP"))
    p = decays(primaries, mother, f"{meson} {' '.join(pair)} {written}", *table)
    q = p[2] + p[3]
    masses = np.sqrt(dot(p[1], p[1]))
    # q2 in units of its quantile is uniform, for masses near that of the rate
    chosen = np.abs(masses - species(meson).mass) < 0.05
    x, r = semileptonic_rate(name, parameters, species(mother).mass, species(meson).mass)
    total = np.cumsum(r.sum(1))
    uniform = np.interp(dot(q, q)[chosen], x, total / total[-1])
    assert stats.kstest(uniform, "uniform").pvalue > 1e-3
    assert stats.kstest(uniform**1.1, "uniform").pvalue < 1e-3
    if kaon:
        inside = cosine(to_rest(p[4], p[1])[:, 1:], p[1][:, 1:])[chosen]
        longitudinal = r[:, 2].sum() / r.sum()
        assert 0.2 < longitudinal < 0.6
        error = np.std(inside**2) / np.sqrt(len(inside))
        assert np.mean(inside**2) == pytest.approx(0.2 + 0.4 * longitudinal, abs=4 * error)


@pytest.mark.parametrize("channel", ["K*+ e+ mu- BTOSLLBALL", "K_2*+ e+ e- BTOSLLBALL", "K+ e+ e- BTOSLLBALL 9",
                                     "K+ nu_e anti-nu_mu KNUNU 0.4 -0.6 -1", "K+ nu_e anti-nu_e KNUNU 0.4",
                                     "K+ nu_e anti-nu_e KSTARNUNU"])
def test_channels_that_do_not_fit_fall_back(primaries, channel):
    s = species("B+")
    table = load_decay_table(overlay=f"noPhotos\nDecay B+\n1.0 {channel};\nEnddecay\n")
    _, counts = decay_events(primaries(s.pdg, 10, s.mass), table, Address(1, "x"))
    assert counts.fallback[channel.split()[3]] == 10
