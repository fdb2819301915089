"""B0 anti-B0 pairs from the Upsilon(4S) against EvtGen: mixing, CP asymmetries and the angles of J/psi K*.

The files ``*_coherent`` are compared (EvtGen with the coherent evolution); the others of the same chains, EvtGen's
default, have no asymmetry, and the remarks say how far they lie from the coherent ones.  J/psi K* exists with the
default alone: its angles do not depend on it when both tags are taken together, its times are compared with the closed
form.  S and C are compared with the closed forms (PDG 2024, review "CP violation in the quark sector").
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from validation.chain_tree import Array, cosine, signed_angle, to_rest
from validation.figures import draw
from validation.histograms import Histogram, chi_squared, density_row, filled
from validation.rows import Row

EVENTS = 200_000
#: mass difference [1/ps] of the decay files
DM = 0.507
#: standard deviations that S, C and the mixed fraction may be off
DEVIATIONS = 4.5
MIXING = ("12_Y4S_B0B0bar_mix", "12_Y4S_B0B0bar_mix_coherent")
VECTORS = "12_Y4S_JpsiKstS_SVVCP"
#: chains with an asymmetry, with S
ASYMMETRIES = {"12_Y4S_JpsiKS_CP_coherent": math.sin(0.78), "12_Y4S_JpsiKL_CP_coherent": -math.sin(0.78),
               "12_Y4S_pipi_CP_coherent": -math.sin(2 * 1.387 + 0.78)}
#: share of the CP-odd amplitude of the decay file in J/psi K*
ODD = 0.4**2 / (0.49**2 + 1.1**2 / 2 + 0.4**2)


class Pairs:
    """Times [ps], codes and daughters of the two mesons of each event."""

    def __init__(self, particles: Any) -> None:
        self.p = np.stack([np.asarray(particles[k]) for k in ("E", "px", "py", "pz")], axis=1)
        self.codes, first = np.asarray(particles["PDG"]), particles.offsets[:-1]
        self.event = np.repeat(np.arange(len(particles)), particles.counts)
        mother = first[self.event] + np.asarray(particles["mother"])
        order = np.argsort(mother, kind="stable")
        self.rows = np.array([first + 1, first + 2])
        child = order[np.searchsorted(mother[order], self.rows)]
        flight = np.asarray(particles["t"])[child] - np.asarray(particles["t"])[self.rows]
        p = self.p[self.rows]
        mass = np.sqrt(p[..., 0] ** 2 - np.sum(p[..., 1:] ** 2, axis=-1))
        self.times = flight * mass / p[..., 0] * 1e3
        self.flavours, self.first = np.sign(self.codes[self.rows]), self.codes[child]

    def tagged(self) -> tuple[Array, Array, Array]:
        """Delta t = t(CP) - t(tag), flavour of the tag, and the event, where one meson decays to J/psi."""
        cp = self.first == 443
        events = np.flatnonzero(cp[0] != cp[1])
        side = np.where(cp[0], 0, 1)[events]
        return (self.times[side, events] - self.times[1 - side, events], self.flavours[1 - side, events], events)

    def of(self, code: int, events: Array) -> Array:
        """Four-momentum of the particle with a code that an event has once."""
        rows = np.flatnonzero(self.codes == code)
        return np.asarray(self.p[rows[np.isin(self.event[rows], events)]])


def pairs_of(name: str, events: int = EVENTS) -> tuple[Pairs, dict[str, Any]]:
    """Our pairs of a chain and EvtGen's histograms; mesons left undecayed get a decay, for their times."""
    from validation.evtgen_chains import events_of, reference_of

    reference = reference_of(name)
    text = str(reference["decay"])
    for meson, line in (("B0", "D- e+ nu_e"), ("anti-B0", "D+ e- anti-nu_e")):
        text = text.replace(f"Decay {meson}\nEnddecay", f"Decay {meson}\n1.0 {line} PHSP;\nEnddecay\n"
                            "Decay D+\nEnddecay\nDecay D-\nEnddecay")
    particles, fallback = events_of(name, reference | {"decay": text}, events)
    if fallback:
        message = f"{name} has decays without their model: {', '.join(fallback)}"
        raise ValueError(message)
    return Pairs(particles), reference


def _histogram(name: str, observable: str, values: tuple[Array, ...], reference: dict[str, Any],
               remark: str = "") -> Histogram:
    """Histogram of an observable, of one or two dimensions."""
    edges = tuple(reference[f"{observable}_edges{suffix}"] for suffix in ("", "_y")[:len(values)])
    here, squares = filled(values, edges, None)
    return Histogram(f"{name} {observable}", edges, here, squares, reference[f"{observable}_counts"], remark=remark)


def mixing_comparison(name: str) -> tuple[list[Histogram], list[Row]]:
    """Times of mixed and unmixed pairs, and the mixed fraction chi_d = x^2 / (2 (1 + x^2))."""
    from openbfactory.physics.particles import species

    pairs, reference = pairs_of(name)
    mixed = pairs.flavours[0] == pairs.flavours[1]
    dt, b = pairs.times[0] - pairs.times[1], pairs.p[pairs.rows[0], 1:]
    size = np.linalg.norm(b, axis=1)
    values = {"dt_unmixed": dt[~mixed], "dt_mixed": dt[mixed], "t_sum": pairs.times.sum(axis=0), "t0": pairs.times[0],
              "cosB": b[:, 2] / size}
    momentum = math.sqrt(0.25 * 10.58**2 - species("B0").mass ** 2)
    x2 = (DM * species("B0").ctau / 0.0299792458) ** 2
    chi = x2 / (2 * (1 + x2))
    error = math.sqrt(chi * (1 - chi) / len(mixed))
    return ([_histogram(name, k, (v,), reference) for k, v in values.items()],
            [Row(f"{name} mixed fraction", chi, float(mixed.mean()), DEVIATIONS * error, "closed form"),
             Row(f"{name} pB", momentum, float(size.mean()), 1e-6, "closed form; EvtGen, with its mass of the B0, has "
                 f"{float(reference['pB_mean']):.5f}")])


def asymmetry_rows(name: str, dt: Array, tag: Array, s: float, c: float = 0.0) -> list[Row]:
    """Rows of S and C of the asymmetry S sin(dm dt) - C cos(dm dt)."""
    sine, wave = np.sin(DM * dt), np.cos(DM * dt)
    found = ((float(np.sum(tag * sine) / np.sum(sine**2)), float(np.sum(sine**2)) ** -0.5, s, "S"),
             (float(-np.sum(tag * wave) / np.sum(wave**2)), float(np.sum(wave**2)) ** -0.5, c, "C"))
    return [Row(f"{name} {word}", expected, value, DEVIATIONS * error, "closed form")
            for value, error, expected, word in found]


def asymmetry_comparison(name: str) -> tuple[list[Histogram], list[Row]]:
    """Times of a CP eigenstate by the flavour of the tag, S and C."""
    from validation.evtgen_chains import chain_names, reference_of

    pairs, reference = pairs_of(name)
    dt, tag, _ = pairs.tagged()
    other = name.removesuffix("_coherent")
    made = []
    for observable, flavour in (("dt_B0tag", 1), ("dt_B0bartag", -1)):
        remark = ""
        if other in chain_names():
            theirs, right = reference_of(other)[f"{observable}_counts"], reference[f"{observable}_counts"]
            chi2, bins = chi_squared(theirs, theirs, right, right.sum() / theirs.sum())
            remark = f"EvtGen's incoherent default is off by chi2 {chi2:.0f} of {bins - 1}"
        made.append(_histogram(name, observable, (dt[tag == flavour],), reference, remark))
    return made, asymmetry_rows(name, dt, tag, ASYMMETRIES[name])


def vector_comparison(name: str = VECTORS) -> tuple[list[Histogram], list[Row]]:
    """Angles of J/psi K*, and the times of the tags against the closed form."""
    from openbfactory.physics.particles import species

    pairs, reference = pairs_of(name)
    dt, tag, events = pairs.tagged()
    side = np.where(pairs.first[0, events] == 443, 0, 1)
    b = pairs.p[pairs.rows[side, events]]
    psi, muon, kaon = (to_rest(pairs.of(code, events), b) for code in (443, -13, 310))
    vector = np.column_stack([np.sqrt(np.sum(b**2 * [1, -1, -1, -1], axis=1)) - psi[:, 0], -psi[:, 1:]])
    first, second = cosine(to_rest(muon, psi)[:, 1:], psi[:, 1:]), cosine(to_rest(kaon, vector)[:, 1:], vector[:, 1:])
    angle = signed_angle(psi[:, 1:], muon[:, 1:], kaon[:, 1:])
    made = [_histogram(name, "cos1", (first,), reference), _histogram(name, "cos2", (second,), reference),
            _histogram(name, "phi", (angle,), reference), _histogram(name, "c1_c2", (first, second), reference)]
    tau, s = species("B0").ctau / 0.0299792458, -math.sin(0.78) * (1 - 2 * ODD)
    rows = [density_row(f"{name} dt, {word} tag", dt[tag == sign], lambda t, q=sign: np.exp(-np.abs(t) / tau)
                        * (1 + q * s * np.sin(DM * t)), -12, 12) for word, sign in (("B0", 1), ("anti-B0", -1))]
    return made, rows + asymmetry_rows(name, dt, tag, s)


def rows() -> list[Row]:
    """Rows of all chains of pairs."""
    histograms: list[Histogram] = []
    made: list[Row] = []
    for found in (*map(mixing_comparison, MIXING), *map(asymmetry_comparison, ASYMMETRIES), vector_comparison()):
        histograms, made = histograms + found[0], made + found[1]
    draw("chains_times", [h for h in histograms if h.here.ndim == 1 and not h.what.startswith(f"{MIXING[0]} ")])
    return [h.row() for h in histograms] + made
