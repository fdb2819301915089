"""Flavour tagger and B0 mixing: effective efficiency, calibration, and the oscillation of tagged decays.

A tagger is trained and measured on B0 -> nu nubar events.  It is then applied to B0 -> D- (K+ pi- pi-) pi+ beside a
generic B, of the whole chain: what it says of them, and the difference of the decay times of unmixed and mixed events,
whose asymmetry is fitted with the frequency, the lifetime and a dilution for each bin of r, the motion of the B in the
c.m. frame taken into account.  The resolution of the times comes from an independent sample.  References: the published
effective efficiencies (data); frequency and lifetime of the decay file.  Figures: ``python -m
validation.flavour_figures``.
"""

from __future__ import annotations

import itertools
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import wofz

from validation.rows import Row

Array = npt.NDArray[Any]
#: events of the training, of each chunk, chunks of the resolution and of the fit
TRAINING, CHUNK, RESOLUTION, FIT = 60_000, 10_000, (0, 1), (2, 3, 4, 5)
DECAYS = """Alias B0signal B0
Alias anti-B0signal anti-B0
ChargeConj B0signal anti-B0signal
Alias MyD- D-
Alias MyD+ D+
ChargeConj MyD- MyD+
Decay Upsilon(4S)
1.0 B0signal anti-B0signal B0 anti-B0 VSS_BMIX dm;
Enddecay
Decay B0signal
1.0 MyD- pi+ PHSP;
Enddecay
CDecay anti-B0signal
Decay MyD-
1.0 K+ pi- pi- PHSP;
Enddecay
CDecay MyD+
End
"""
#: frequency [1/ps] and lifetime [ps] of the packaged decay file and particle table
DM, TAU = 0.507, 1.519
COLUMNS = ("DeltaT", "DeltaTErr", "mcDeltaT", "mcDeltaTau", "FBDT_qrCombined", "mcFlavorOfOtherB", "isSignal",
           "daughter(1, charge)", "TagVz", "mcTagVz", "useCMSFrame(px)", "useCMSFrame(py)", "useCMSFrame(pz)", "M")


@cache
def trained() -> Any:
    """Trained tagger with its record; its folder is gone, it stays in memory."""
    from openbfactory.pipeline.flavour_training import train_flavour_tagger
    from openbfactory.reconstruct.flavour_tagger import load_tagger

    with tempfile.TemporaryDirectory() as folder:
        done = train_flavour_tagger(TRAINING, folder, seed=3)
        return done, load_tagger(folder)


@cache
def candidates(chunks: tuple[int, ...]) -> dict[str, Array]:
    """Columns of the candidates B0 -> D- pi+ of some chunks, one an event."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.reconstruct import Reconstruction
    from openbfactory.simulate import simulate

    card, found = load_card("belle2"), []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "user.dec"
        path.write_text(DECAYS)
        for chunk in chunks:
            address = Address(21, "dpi", chunk)
            made, _ = generate_events("bbbar", CHUNK, address, card.machine, decays=path)
            r = Reconstruction.of_card(simulate(made, card, address.at("simulate")), card)
            r.flavour_tagger = trained()[1]
            r.combine("D-:kpipi -> K+:loose pi-:base pi-:base", "1.85 < M < 1.89")
            b = r.combine("B0:dpi -> D-:kpipi pi+:base", "Mbc > 5.27 and abs(deltaE) < 0.05")
            r.fit(b, "tree")
            r.rank(b, "abs(deltaE)", highest=False, keep=1)
            found.append(b.table(COLUMNS))
    table = {name: np.concatenate([part[name] for part in found]) for name in COLUMNS}
    boost = card.machine.p4[1:] / np.linalg.norm(card.machine.p4[1:])
    along = np.stack([table[f"useCMSFrame(p{axis})"] for axis in "xyz"], axis=1) @ boost
    table["slope"] = along / table["M"] * card.machine.p4[0] / np.linalg.norm(card.machine.p4[1:])
    good = np.isfinite(table["DeltaT"]) & (table["DeltaTErr"] < 2.5) & (table["FBDT_qrCombined"] != 0)
    return {name: values[good] for name, values in table.items()}


def decay_convolved(x: Array, sigma: Array, rate: Array) -> Array:
    """exp(-rate t), t > 0, convolved with a Gaussian of width ``sigma`` about 0, at ``x``; complex as the rate is."""
    z = (rate * sigma - x / sigma) / np.sqrt(2.0)
    right = z.real > 0
    part = np.exp(-0.5 * (x / sigma) ** 2) * wofz(1j * np.where(right, z, -z))
    far = np.where(right, 0.0, 0.5 * (rate * sigma) ** 2 - rate * x)
    return np.asarray(0.5 * np.where(right, part, 2.0 * np.exp(far) - part))


def pair_density(t: Array, error: Array, slope: Array, tau: float, dm: float, shape: Array) -> tuple[Array, Array]:
    """Densities (n,) of the measured time for exp(-|dt| / tau) / 2 tau, and that times cos(dm dt).

    One B flies along the boost and one against it: for a true difference ``dt`` the one along the boost is
    ``dt + slope (|dt| + e)``, where ``e``, twice the time of the earlier decay, is exponential with the lifetime.

    Parameters
    ----------
    slope : (n,)
        p* cos(theta*) / (m beta) of the candidate, with the velocity beta of the boost.
    shape : (k, 3)
        Fraction, mean and width of the Gaussians of the resolution, in units of the ``error``.
    """
    plain, wave = np.zeros(len(t)), np.zeros(len(t))
    safe = np.where(np.abs(slope) < 1e-3, 1e-3, slope)
    early = 1.0 / (np.abs(safe) * tau) + 0j
    for fraction, mean, width in shape:
        x, s = t - mean * error, width * error
        for side, tilt in ((1.0, safe), (-1.0, -safe)):
            other = decay_convolved(side * np.sign(tilt) * x, s, early)
            for rate, out in ((1.0 / tau + 0j, plain), (1.0 / tau + 1j * dm, wave)):
                r = rate / (1.0 + tilt)
                late = decay_convolved(side * x, s, r)
                both = early / (early - np.sign(tilt) * r) * (late - np.sign(tilt) * other) / (1.0 + tilt)
                out += fraction * both.real / (2.0 * tau)
    return plain, wave


@cache
def resolution() -> Array:
    """Three Gaussians (3, 3) of the difference of fitted and generated times over its error, fitted to their sample."""
    from iminuit import Minuit

    c = candidates(RESOLUTION)
    pull = ((c["DeltaT"] - c["mcDeltaT"]) / c["DeltaTErr"])[c["isSignal"] == 1]

    def parts(f1: float, f2: float, m1: float, m2: float, s1: float, s2: float, s3: float) -> Array:
        return np.array([[f1, m1, s1], [f2, m2, s2], [1.0 - f1 - f2, m2, s3]])

    def cost(*p: float) -> float:
        density = sum(f * np.exp(-0.5 * ((pull - m) / s) ** 2) / s for f, m, s in parts(*p))
        return -2.0 * float(np.log(np.maximum(density, 1e-12)).sum())

    fit = Minuit(cost, 0.6, 0.3, 0.0, -0.3, 1.0, 2.0, 5.0, name=("f1", "f2", "m1", "m2", "s1", "s2", "s3"))
    fit.limits = [(0.2, 0.9), (0.02, 0.5), (-2, 2), (-3, 3), (0.5, 3), (1, 6), (3, 30)]
    fit.migrad()
    if not fit.valid:
        message = "the fit of the resolution did not converge"
        raise RuntimeError(message)
    return parts(*fit.values)


@cache
def mixing() -> dict[str, Any]:
    """Fit of frequency, lifetime and dilutions by bins of r, and what it was made with."""
    from iminuit import Minuit

    from openbfactory.select.tagging import R_EDGES

    c = candidates(FIT)
    unmixed = -np.sign(c["FBDT_qrCombined"]) * np.sign(c["daughter(1, charge)"])  # B0 -> D- pi+ and a tag of anti-B0
    place = np.clip(np.searchsorted(R_EDGES, np.abs(c["FBDT_qrCombined"]), side="right") - 1, 0, len(R_EDGES) - 2)
    t, error, shape = c["DeltaT"], c["DeltaTErr"], resolution()

    def cost(p: Array) -> float:
        plain, wave = pair_density(t, error, c["slope"], p[1], p[0], shape)
        return -2.0 * float(np.log(np.maximum(0.5 * (plain + unmixed * p[2:][place] * wave), 1e-12)).sum())

    names = ["dm", "tau", *(f"dilution {i}" for i in range(len(R_EDGES) - 1))]
    fit = Minuit(cost, np.array([0.45, 1.4, *(0.5 * (a + b) for a, b in itertools.pairwise(R_EDGES))]),
                 name=names)
    fit.errordef = 1.0
    fit.migrad()
    fit.hesse()
    r = [float(np.abs(c["FBDT_qrCombined"])[place == i].mean()) for i in range(len(R_EDGES) - 1)]
    return {"values": np.array(fit.values), "errors": np.array(fit.errors), "valid": fit.valid, "r": r, "t": t,
            "error": error, "unmixed": unmixed, "place": place, "candidates": len(t)}


def rows() -> list[Row]:
    """Rows of the table."""
    from openbfactory.select.tagging import calibration_chi2, tagging_performance

    done = trained()[0]
    found = done.performance
    words = f"{100 * found.effective:.2f} +- {100 * found.error:.2f} % of {found.events} simulated events"
    c = candidates(FIT)
    there = tagging_performance(c["FBDT_qrCombined"], c["mcFlavorOfOtherB"])
    off = (c["DeltaT"] - c["mcDeltaT"])[c["isSignal"] == 1]
    place = (c["TagVz"] - c["mcTagVz"])[c["isSignal"] == 1]
    low, high = np.quantile(place, [0.1587, 0.8413])
    fit = mixing()
    (dm, tau), (dm_error, tau_error) = fit["values"][:2], fit["errors"][:2]
    return [
        Row("flavour: effective efficiency, categories, beside 30.0 % in data", 0.300, found.effective, 0.05, words),
        Row("flavour: effective efficiency, categories, beside the graph network's 37.4 % in data", 0.374,
            found.effective, 0.02, words),
        Row("flavour: chi2 of the calibration of r, 7 bins", 7.0, calibration_chi2(found), 5 * np.sqrt(14.0)),
        Row("flavour: effective efficiency beside B0 -> D- pi+", found.effective, there.effective,
            4 * float(np.hypot(found.error, there.error)), f"{there.events} candidates with a time"),
        Row("flavour: vertex of the other B along z beside B0 -> D- pi+, central 68 % [um]", 53.0,
            float(1e4 * (high - low) / 2), 10.0, "reference recalled, not traced"),
        Row("flavour: fitted minus generated time, median over spread", 0.0, float(np.median(off) / np.std(off)), 0.25,
            f"central 68 % {np.subtract(*np.quantile(off, [0.8413, 0.1587])) / 2:.2f} ps; charm pulls the vertex"),
        Row("flavour: frequency of B0 mixing [1/ps]", DM, float(dm), 4 * float(dm_error),
            f"+- {dm_error:.4f}, {fit['candidates']} candidates"),
        Row("flavour: lifetime of the B0 from the difference of times [ps]", TAU, float(tau), 4 * float(tau_error),
            f"+- {tau_error:.3f}"),
        *(Row(f"flavour: dilution of the oscillation in r bin {i + 1}", r, float(fit["values"][2 + i]),
              4 * float(fit["errors"][2 + i])) for i, r in enumerate(fit["r"])),
    ]
