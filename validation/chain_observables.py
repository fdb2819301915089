"""Observables of the decay chains, by the names that EvtGen's histograms have."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from validation.chain_tree import (
    Array,
    Tree,
    along_z,
    azimuth,
    cosine,
    energy,
    helicity,
    in_pair,
    mass,
    normal,
    polar,
    scaled_energy,
    signed_angle,
    square,
    through_pair,
)

Observables = dict[str, Callable[[Tree], Array]]

#: axes of two-dimensional histograms that do not follow from their names
AXES = {"dalitz": ("s01", "s02"), "dalitz2": ("s12", "s01"), "dalitz_sym": ("s_low", "s_high"),
        "logm_cose": ("log10_mee", "cose"), "q2_m": ("q2", "mXpi")}
#: short names of axes
SHORT = {"c1": "cos1", "c2": "cos2", "cX": "cosX", "cV": "cosV", "cl": "costhl", "cz": "cosz", "ch": "coshel",
         "cp": "cosp", "cg1": "cosz_g1", "cg2": "cosg2", "coslz": "cosl_z", "cosxW": "cosx_W", "xmu": "x_mu",
         "cK": "costhK"}


def axes_of(name: str, known: Observables) -> tuple[str, str] | None:
    """Names of the two axes of a two-dimensional histogram, None when they are not known."""
    if name == "dalitz" and "m2_pp0" in known:
        return "m2_pipi", "m2_pp0"
    if name in AXES:
        return AXES[name]
    words = name.split("_")
    for k in range(1, len(words)):
        pair = []
        for side in ("_".join(words[:k]), "_".join(words[k:])):
            other = {"cV": "costhV", "cX": "costhX"}.get(side, "")
            pair.append(other if other in known else SHORT.get(side, side))
        if pair[0] in known and pair[1] in known:
            return pair[0], pair[1]
    return None


def observables_of(name: str) -> Observables:
    """Observables of a chain by name; those of two dimensions follow from the definitions of their axes."""
    if name.startswith(("02", "04b", "13_B0_a2rho")):
        return _two()
    if name in ("13_Bp_D1pi", "13_Bp_Ds1D"):
        return _cascade()
    if name.startswith("03_Bp_D"):
        return _with_tau(name)
    if "tautau" in name:
        plus, minus = ("1", "0") if name.endswith("_swapped") else ("0", "1")
        return {"costau": partial(polar, plus), "cos1": partial(helicity, f"{plus}0"),
                "cos2": partial(helicity, f"{minus}0"), "phi": partial(azimuth, plus, f"{plus}0", f"{minus}0"),
                "acop": lambda t: cosine(t["00"][:, 1:], t["10"][:, 1:])}
    if "taunu" in name:
        return {"Ex": partial(energy, "00"), "cosx": partial(helicity, "00"), "x_mu": partial(scaled_energy, "00", "0")}
    if name.startswith("05"):
        return _dalitz(name)
    if "3pi" in name and name.startswith("07"):
        return _three_pions("0", "1", "2")
    if name.startswith("07"):
        return _tau_alone()
    if name.startswith("10_Bp_Xs"):
        return {"Eg": partial(energy, "1"), "Eg_fine": partial(energy, "1"), "mXs": partial(mass, "0"),
                "nparts": lambda t: t.sizes - 1}
    if name.startswith("10"):
        return _lepton_pair()
    if name == "11_Bp_Dpienu_GR":
        return _pion_and_leptons()
    if name.startswith(("01", "11")):
        return _semileptonic()
    return _simple() | _special(name) | _masses(name)


def _two(a: str = "0", b: str = "1") -> Observables:
    return {"cos1": partial(helicity, f"{a}0"), "cos2": partial(helicity, f"{b}0"),
            "phi": partial(azimuth, a, f"{a}0", f"{b}0"), "m1": partial(mass, a), "m2": partial(mass, b)}


def _cascade() -> Observables:
    def phi(tree: Tree) -> Array:
        return signed_angle(tree.seen("00", "0"), tree.seen("000", "0"), -tree.seen("", "0"))

    return {"mX": partial(mass, "0"), "cosX": partial(helicity, "00"), "cosV": partial(helicity, "000"),
            "mV": partial(mass, "00"), "phi": phi}


def _semileptonic() -> Observables:
    def light_cone(tree: Tree) -> Array:
        p = tree["0"]
        return p[:, 0] - np.linalg.norm(p[:, 1:], axis=1)

    return {"q2": partial(square, "1+2"), "costhl": partial(in_pair, "1", "1+2"), "El": partial(energy, "1"),
            "costhV": partial(helicity, "00"), "costhX": partial(helicity, "00"), "mV": partial(mass, "0"),
            "mX": partial(mass, "0"), "chi": partial(azimuth, "0", "00", "1"), "Pplus": light_cone,
            "costhDst": partial(helicity, "000"), "p_slowpi": lambda t: np.linalg.norm(t["01"][:, 1:], axis=1),
            "El_B": partial(energy, "1")}


def _lepton_pair() -> Observables:
    return {"q2": partial(square, "1+2"), "mll_low": partial(mass, "1+2"), "costhl": partial(in_pair, "1", "1+2"),
            "costhK": partial(helicity, "00"), "phi": partial(azimuth, "0", "00", "1"), "mKpi": partial(mass, "0")}


def _pion_and_leptons() -> Observables:
    return {"El": partial(energy, "2"), "q2": partial(square, "2+3"), "mXpi": partial(mass, "0+1"),
            "Epi": partial(energy, "1"), "costhl": partial(in_pair, "2", "2+3"), "cosD": partial(in_pair, "0", "0+1")}


def _dalitz(name: str) -> Observables:
    # pairs of which the lower and the higher mass are histogrammed
    pairs = ("0+1", "0+2") if name == "05_Dp_Kpipi" else ("0+2", "1+2")

    def both(tree: Tree) -> tuple[Array, Array]:
        return square(pairs[0], tree), square(pairs[1], tree)

    return {"s01": partial(square, "0+1"), "s02": partial(square, "0+2"), "s12": partial(square, "1+2"),
            "s_low": lambda t: np.minimum(*both(t)), "s_high": lambda t: np.maximum(*both(t))}


def _with_tau(name: str) -> Observables:
    found: Observables = {
        "q2": partial(square, "1+2"), "costhtau": partial(in_pair, "1", "1+2"), "Etau": partial(energy, "1"),
        "costhV": partial(helicity, "00"), "Ex": partial(energy, "10"), "cosx_B": partial(helicity, "10"),
        "cosx_W": partial(through_pair, "10", "1", "1+2"), "mrho": partial(mass, "10"),
        "cospsi": partial(helicity, "100"), "Epi": partial(energy, "100")}
    if name.endswith("_mu"):
        found["x_mu"] = partial(scaled_energy, "10", "1")
    if name.endswith("_a1"):
        # the hadrons of the tau together
        found |= {"Ex": partial(energy, "10+11+12"), "m3pi": partial(mass, "10+11+12"),
                  "cosx_B": lambda t: cosine(t.seen("10+11+12", "1"), t["1"][:, 1:]),
                  "cosx_W": partial(through_pair, "10+11+12", "1", "1+2")}
    return found


def _tau_alone() -> Observables:
    return {"cosz": partial(polar, "0"), "mV": partial(mass, "0"), "cospsi": partial(helicity, "00"),
            "Enubar": partial(energy, "1"), "Enutau": partial(energy, "2"), "m_nunu": partial(mass, "1+2"),
            "x": partial(scaled_energy, "0", "")}


def _three_pions(first: str, second: str, third: str) -> Observables:
    every = f"{first}+{second}+{third}"
    return {"cosz": partial(polar, every), "m3pi": partial(mass, every), "m12": partial(mass, f"{second}+{third}"),
            "m02": partial(mass, f"{first}+{third}"), "m01": partial(mass, f"{first}+{second}"),
            "cosbeta": lambda t: cosine(normal(first, second, every, t), t[every][:, 1:]),
            "E2": partial(energy, third)}


def _simple() -> Observables:
    return {"cosz": partial(polar, "0"), "coshel": partial(helicity, "00"), "mV": partial(mass, "0"),
            "cosp": partial(helicity, "00"), "cosX": partial(helicity, "00"), "mX": partial(mass, "0"),
            "cosK": partial(helicity, "00"), "Eg": partial(energy, "1"), "cospi": partial(helicity, "00"),
            "mpipi": partial(mass, "0")}


def _special(name: str) -> Observables:
    """Observables that a chain defines in its own way."""
    if name == "09_psi2S_Jpsipi0pi0":
        return {"mpipi": partial(mass, "1+2"), "cosz_V": partial(polar, "0"), "cosz_pi": partial(polar, "1"),
                "cospi": partial(in_pair, "1", "1+2"), "cosl_hel": partial(helicity, "00"),
                "cosl_z": lambda t: along_z(t.seen("00", "0")), "cosl_z_lab": partial(polar, "00")}
    if name == "09_Bp_psi2SK_Jpsipipi":
        return {"mpipi": partial(mass, "01+02"), "cosJ": partial(helicity, "00"), "cosl": partial(helicity, "000"),
                "cosl_B": lambda t: cosine(t.seen("000", "0", "00"), t["0"][:, 1:])}
    if name == "06_omega_3pi":
        return {"m2_pipi": partial(square, "0+1"), "m2_pp0": partial(square, "1+2"), "E0": partial(energy, "2"),
                "cosn_z": lambda t: along_z(normal("1", "0", "", t)),
                "n2": lambda t: np.sum(normal("0", "1", "", t) ** 2, axis=1)}
    if name == "06b_Bp_omegaK":
        return {"m_omega": partial(mass, "0"), "m2_pipi": partial(square, "00+01"), "m2_pp0": partial(square, "01+02"),
                "cosn": lambda t: cosine(normal("01", "00", "0", t), t["0"][:, 1:])}
    if name == "06_pi0_eegamma":
        return {"mee": partial(mass, "0+1"), "log10_mee": lambda t: np.log10(mass("0+1", t)),
                "cose": partial(in_pair, "0", "0+1"), "Eg": partial(energy, "2"), "Ee": partial(energy, "0")}
    if name.startswith("13_Y2S"):
        return {"cosz_g1": partial(polar, "0"), "cosg2": partial(helicity, "10"), "cosl": partial(helicity, "110")}
    return {}


def _masses(name: str) -> Observables:
    """Masses of the resonances of the chains of line shapes."""
    if not name.startswith("14"):
        return {}
    paths = {"m_f0": "1", "m_Kst": "0", "m_a1": "0", "m_rho": "00", "m_D0st": "1", "m_D1": "0", "m_D2st": "0",
             "m_sigma": "00"}
    if name.startswith("14_Bp_f0K"):
        paths["m_f0"] = "0"
    if name.startswith("14_Bp_JpsiK1"):
        paths = {"m_K1": "1", "m_rho": "10", "m_Kst": "10"}
    if name in ("14_Bp_D0strho", "14_Bp_rho0K"):
        paths["m_rho"] = "0"
    return {k: partial(mass, v) for k, v in paths.items()}
