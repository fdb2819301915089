"""A light scalar S that mixes with the Higgs boson: B -> K(*) S and the decays of S, for sin(theta).

The Lagrangian is::

    L = sin(theta) / v S [ sum_f m_f fbar f + (3 sqrt2 G_F m_t^2 V_ts* V_tb / 16 pi^2) m_b sbar_L b_R + h.c. ]

(R. Willey, H. Yu, Phys. Rev. D 26 (1982) 3086; B. Batell, M. Pospelov, A. Ritz, arXiv:0911.4938).  With C the whole
factor of sbar_L b_R::

    Gamma(B -> K S)  = C^2 / 4 ((m_B^2 - m_K^2) / (m_b - m_s))^2 f_0(m_S^2)^2 p / (8 pi m_B^2),
    Gamma(B -> K* S) = C^2 (m_B p / (m_b + m_s))^2 A_0(m_S^2)^2 p / (8 pi m_B^2),

    Gamma(S -> l l)   = sin^2 G_F m_l^2 m_S beta^3 / (4 sqrt2 pi),
    Gamma(S -> pi pi) = sin^2 3 beta / (32 pi v^2 m_S) [2/9 (m_S^2 + 11/2 m_pi^2)]^2
                        (low-energy theorem: R. Chivukula, A. Manohar, Phys. Lett. B 207 (1988) 86),
    Gamma(S -> q q)   = 3 times that of leptons with the mass of the quark,
    Gamma(S -> g g)   = sin^2 alpha_s^2 m_S^3 / (8 pi^3 v^2)        (three heavy quarks).

Approximation: the hadronic width below 1 GeV is that of two pions at leading order, above 2 GeV that of quarks and
gluons at leading order, between them a line in the logarithms: wrong by up to an order of magnitude near f_0(980).
A_0 is a single pole from its value at 0, which A_12 fixes.
"""

from __future__ import annotations

import math
from functools import cache

from openbfactory.core.quantities import QuantityTable, load_quantities
from openbfactory.core.units import hbar, speed_of_light
from openbfactory.physics import wet
from openbfactory.physics.particles import DATA, species

#: leptonic decays
LEPTONS = {"ee": "e-", "mumu": "mu-", "tautau": "tau-"}


@cache
def constants() -> QuantityTable:
    """Constants, with their sources."""
    return load_quantities(DATA / "higgs_mixed.yaml")


def _vacuum_square() -> float:
    """v^2 [GeV^2]."""
    return 1.0 / (math.sqrt(2.0) * constants()["G_F"])


def quark_coupling() -> float:
    """Factor C of S sbar_L b_R for sin(theta) = 1."""
    c = constants()
    loop = 3 * math.sqrt(2) * c["G_F"] * c["m_t"] ** 2 * c["V_tb_V_ts"] / (16 * math.pi**2)
    return loop * c["m_b"] / math.sqrt(_vacuum_square())


def momentum(mother: float, first: float, second: float) -> float:
    """Momentum of two daughters in the rest frame of their mother, 0 below threshold [GeV]."""
    if first + second >= mother:
        return 0.0
    a, b, c = mother**2, first**2, second**2
    return math.sqrt((a - b - c) ** 2 - 4 * b * c) / (2 * mother)


def branching_fraction_b(mass: float, kaon: str = "K+") -> float:
    """Branching fraction of B -> kaon S over sin^2(theta).

    Parameters
    ----------
    mass
        Of S [GeV].
    kaon
        ``K+`` (B+) or ``K*0`` (B0).
    """
    c = constants()
    b, k = (species("B+" if kaon == "K+" else "B0"), species(kaon))
    p = momentum(b.mass, k.mass, mass)
    if kaon == "K+":
        zero = float(wet.form_factors(mass * mass)[1])
        amplitude = quark_coupling() / 2 * (b.mass**2 - k.mass**2) / (c["m_b"] - c["m_s"]) * zero
    else:
        amplitude = quark_coupling() * b.mass * p / (c["m_b"] + c["m_s"]) * form_factor_a0(mass * mass)
    lifetime = b.ctau / speed_of_light
    return amplitude**2 * p / (8 * math.pi * b.mass**2) * lifetime / hbar


def form_factor_a0(q2: float) -> float:
    """Form factor A_0 of B -> K*: a pole, with A_0(0) = 8 m_B m_K* / (m_B^2 - m_K*^2) A_12(0)."""
    b, k = species("B0").mass, species("K*0").mass
    a12 = load_quantities(DATA / "neutrinopairs.yaml")["A12_0"]
    return 8 * b * k / (b * b - k * k) * a12 / (1 - q2 / constants()["pole_A0"] ** 2)


def width(mass: float, channel: str) -> float:
    """Partial width over sin^2(theta) [GeV].

    Parameters
    ----------
    mass
        Of S [GeV].
    channel
        ``ee``, ``mumu``, ``tautau`` or ``hadrons``.
    """
    if channel != "hadrons":
        return _fermions(mass, species(LEPTONS[channel]).mass, 1)
    c = constants()
    low, high = c["hadrons_low"], c["hadrons_high"]
    if mass <= low:
        return _pions(mass)
    if mass >= high:
        return _partons(mass)
    share = math.log(mass / low) / math.log(high / low)
    return math.exp((1 - share) * math.log(_pions(low)) + share * math.log(_partons(high)))


def total_width(mass: float) -> float:
    """Width over sin^2(theta) [GeV]."""
    return sum(width(mass, channel) for channel in (*LEPTONS, "hadrons"))


def branching_fraction_s(mass: float, channel: str) -> float:
    """Branching fraction of S, which the mixing does not change."""
    return width(mass, channel) / total_width(mass)


def ctau(mass: float, sine: float) -> float:
    """Proper decay length [cm] at a mixing sin(theta)."""
    return hbar * speed_of_light / (sine**2 * total_width(mass))


def _fermions(mass: float, fermion: float, colours: int) -> float:
    """Width of a pair of fermions over sin^2(theta)."""
    if 2 * fermion >= mass:
        return 0.0
    beta = math.sqrt(1 - (2 * fermion / mass) ** 2)
    return colours * constants()["G_F"] * fermion**2 * mass * beta**3 / (4 * math.sqrt(2) * math.pi)


def _pions(mass: float) -> float:
    """Width of two pions of both kinds over sin^2(theta), low-energy theorem."""
    pion = species("pi+").mass
    if 2 * pion >= mass:
        return 0.0
    beta = math.sqrt(1 - (2 * pion / mass) ** 2)
    vertex = 2 / 9 * (mass**2 + 5.5 * pion**2)
    return 3 * beta / (32 * math.pi * _vacuum_square() * mass) * vertex**2


def _partons(mass: float) -> float:
    """Width of quarks (above the threshold of their mesons) and gluons over sin^2(theta)."""
    c = constants()
    found = c["alpha_s"] ** 2 * mass**3 / (8 * math.pi**3 * _vacuum_square())
    for quark, meson in (("m_s", "K+"), ("m_c", "D+")):
        if mass > 2 * species(meson).mass:
            found += _fermions(mass, c[quark], 3)
    return found
