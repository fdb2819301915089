"""Named reweightings: weights of events that turn a decay made by phase space into a better model of it.

Each finds its decay in the truth records and gives the product of the factors of all that an event has; an event
without the decay has 1.  A factor is the squared amplitude of the model over its mean in phase space: it changes the
shape and leaves the number of decays.  ``generated``, the branching fraction with which the sample was made, adds the
ratio of rates.  The variations are the factor times one plus and minus the relative uncertainty of the rate, applied
to events with the decay.  :func:`check_phase_space` refuses decays that another model makes.

The models are those of the measurement of B+ -> K+ nu nubar (arXiv:2311.14647) for its backgrounds; see
:mod:`openbfactory.physics.threebody` for their formulas and for what is estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import DecayFileError
from openbfactory.core.quantities import Quantity
from openbfactory.core.registry import lookup
from openbfactory.events.columns import MC_WEIGHTS
from openbfactory.events.record import Events, Jagged
from openbfactory.generate.columns import Array
from openbfactory.generate.truthdecays import NEUTRINO, FoundDecays, find_decays, kinds_of, momenta_of, mothers_of
from openbfactory.physics import knunu, kstarnunu, threebody
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.particles import species

#: particles and the decays found in them to one factor a decay
Factor = Callable[[Jagged, FoundDecays], Array]


@dataclass(frozen=True, slots=True)
class Reweighting:
    """A named reweighting.

    Attributes
    ----------
    name, title
        Name, also of its columns in MCWeights; what it does.
    decays
        Mother and daughters as absolute PDG codes, each way that counts; see
        :func:`openbfactory.generate.truthdecays.find_decays`.
    factor
        Shape: factors with mean 1 over phase space.
    rate, uncertainty
        Branching fraction of the model, and its relative uncertainty (0: no variations).
    references
        Reference keys.
    """

    name: str
    title: str
    decays: tuple[tuple[int, tuple[int, ...]], ...]
    factor: Factor
    rate: Callable[[], float]
    uncertainty: float = 0.0
    references: tuple[str, ...] = ()


def squared_mass(p: Array) -> Array:
    """Squared invariant mass of four-momenta (..., 4) [GeV^2]."""
    found: Array = p[..., 0] ** 2 - (p[..., 1:] ** 2).sum(axis=-1)
    return found


def helicity_cosine(particle: Array, frame: Array, other: Array) -> Array:
    """Cosine of a particle to another, both seen from the rest frame of a third, from invariants; (k, 4) each."""
    def product(a: Array, b: Array) -> Array:
        found: Array = a[:, 0] * b[:, 0] - (a[:, 1:] * b[:, 1:]).sum(axis=1)
        return found

    m2 = squared_mass(frame)
    a, b = product(particle, frame), product(other, frame)
    sizes = (a * a / m2 - squared_mass(particle)) * (b * b / m2 - squared_mass(other))
    cosine = (a * b / m2 - product(particle, other)) / np.sqrt(np.maximum(sizes, 1e-30))
    return np.clip(cosine, -1.0, 1.0)


def _kaon_neutrinos(particles: Jagged, found: FoundDecays) -> Array:
    return knunu.phase_space_weight(squared_mass(found.daughters[:, 1] + found.daughters[:, 2]))


def _kstar_neutrinos(particles: Jagged, found: FoundDecays) -> Array:
    """Spectrum in q2, and the polarisation of a K* that decays to a kaon."""
    kstar, q2 = found.daughters[:, 0], squared_mass(found.daughters[:, 1] + found.daughters[:, 2])
    mass = np.sqrt(np.maximum(squared_mass(kstar), 0.0))
    factor = kstarnunu.phase_space_weight(q2, mass)
    above = mothers_of(particles)
    kaon = np.full(particles.size, -1, np.int64)
    rows = np.flatnonzero(np.isin(kinds_of(particles, above), (321, 311, 310, 130)) & (above >= 0))
    kaon[above[rows]] = rows
    rows = kaon[found.rows[:, 0]]
    seen = rows >= 0
    cosine = helicity_cosine(momenta_of(particles, rows[seen]), kstar[seen], -found.mother[seen])
    factor[seen] *= kstarnunu.polarisation_weight(q2[seen], mass[seen], cosine)
    return factor


@cache
def _mean(intensity: threebody.Intensity, particle: str) -> float:
    pair = species(particle).mass
    return threebody.mean_over_phase_space(intensity, species("B+").mass, (pair, pair), species("K+").mass)


def _pair_beside_kaon(intensity: threebody.Intensity, particle: str, particles: Jagged, found: FoundDecays) -> Array:
    """Squared amplitude of (K+, pair) over its mean, from the mass of the pair and its helicity angle."""
    kaon, first, second = (found.daughters[:, i] for i in range(3))
    pair = first + second
    mass = np.sqrt(np.maximum(squared_mass(pair), (2.0 * species(particle).mass) ** 2))
    return intensity(mass, helicity_cosine(first, pair, kaon)) / _mean(intensity, particle)


def _quantity(name: str) -> Quantity:
    return threebody.inputs().quantities[name]


def _three_body(name: str, title: str, pair: tuple[int, int], intensity: threebody.Intensity, particle: str,
                numbers: str, *references: str) -> Reweighting:
    """Reweighting of B+ -> K+ and a pair."""
    rate, uncertainty = _quantity(f"{numbers}_rate"), _quantity(f"{numbers}_uncertainty")
    return Reweighting(name, title, ((521, (321, *pair)),), partial(_pair_beside_kaon, intensity, particle),
                       lambda: rate.value, uncertainty.value, (rate.reference, uncertainty.reference, *references))


_B = (521, 511)
#: every reweighting by name
REWEIGHTINGS: dict[str, Reweighting] = {r.name: r for r in (
    Reweighting("Knunu", "B -> K nu nubar by phase space to the Standard Model",
                tuple((b, (k, NEUTRINO, NEUTRINO)) for b in _B for k in (321, 311, 310, 130)), _kaon_neutrinos,
                knunu.branching_fraction, references=("hpqcd-2022", "hpqcd-2022-rates")),
    Reweighting("Kstarnunu", "B -> K* nu nubar by phase space to the Standard Model, with the polarisation of the K*",
                tuple((b, (k, NEUTRINO, NEUTRINO)) for b in _B for k in (323, 313)), _kstar_neutrinos,
                kstarnunu.branching_fraction, references=("bsz-2016", "buras-2015")),
    _three_body("KKLKL", "B+ -> K+ K_L K_L by phase space to the amplitude of K+ K_S K_S", (130, 130),
                threebody.kaon_pair_intensity, "K0", "KKLKL", "babar-kkk-2012"),
    _three_body("KKSKS", "B+ -> K+ K_S K_S by phase space to its measured amplitude", (310, 310),
                threebody.kaon_pair_intensity, "K0", "KKLKL", "babar-kkk-2012"),
    _three_body("KKSKL", "B+ -> K+ K_S K_L by phase space to a p wave of K_S K_L", (310, 130),
                threebody.p_wave_intensity, "K0", "KKSKL", "babar-kkk-2012"),
    _three_body("Knnbar", "B+ -> K+ n nbar by phase space to an enhancement at threshold", (2112, 2112),
                threebody.threshold_intensity, "n0", "Knnbar", "belle-ppbark-2007"),
)}


def _alike(codes: Iterable[int]) -> list[int]:
    """Absolute codes in order, with every neutral kaon and every neutrino as one kind."""
    same = {130: 311, 310: 311, 14: NEUTRINO, 16: NEUTRINO}
    return sorted(same.get(abs(code), abs(code)) for code in codes)


def check_phase_space(table: DecayTable, names: Iterable[str]) -> None:
    """Raise for channels that a reweighting would turn although another model than phase space makes them.

    Raises
    ------
    UnknownNameError
        For an unknown reweighting, with the nearest name.
    DecayFileError
        With every such channel.
    """
    findings = Findings("reweightings")
    mothers = np.repeat(np.arange(len(table.names)), np.diff(table.channel_first))
    for name in names:
        wanted = [(mother, _alike(codes)) for mother, codes in lookup("reweightings", name, REWEIGHTINGS).decays]
        codes = {mother for mother, _ in wanted}
        for c in np.flatnonzero(np.isin(np.abs(table.pdg[mothers]), list(codes)) & (table.fraction > 0.0)).tolist():
            daughters = table.daughters[table.daughter_first[c]:table.daughter_first[c + 1]]
            model, mother = str(table.models[table.model[c]]), int(mothers[c])
            found = (abs(int(table.pdg[mother])), _alike(table.pdg[daughters].tolist()))
            if model != "PHSP" and found in wanted:
                shown = " ".join(str(table.names[d]) for d in daughters)
                findings.error("not-phase-space", f"{name}, line {table.line[c]}",
                               f"{table.names[mother]} -> {shown} is made by {model}", expected="PHSP")
    findings.raise_if_errors(DecayFileError)


def factors(particles: Jagged, name: str, *, generated: float | None = None) -> dict[str, Array]:
    """Weight columns of a reweighting: the factor of each event and, where there are any, ``_up`` and ``_down``.

    Parameters
    ----------
    particles
        MCParticles.
    name
        Name in :data:`REWEIGHTINGS`.
    generated
        Branching fraction with which the sample has the decay; None leaves the number of decays as it is.

    Returns
    -------
    columns
        Name of the column to factors (events,).

    Raises
    ------
    UnknownNameError
        With the nearest name.
    """
    chosen = lookup("reweightings", name, REWEIGHTINGS)
    scale = 1.0 if generated is None else chosen.rate() / generated
    sides = {"": 0.0} | ({"_up": chosen.uncertainty, "_down": -chosen.uncertainty} if chosen.uncertainty else {})
    columns = {f"{name}{side}": np.ones(len(particles)) for side in sides}
    for mother, daughters in chosen.decays:
        found = find_decays(particles, mother, daughters)
        if not len(found.event):
            continue
        factor = scale * chosen.factor(particles, found)
        for side, change in sides.items():
            np.multiply.at(columns[f"{name}{side}"], found.event, factor * (1.0 + change))
    return columns


def reweighted(events: Events, names: Iterable[str], *, generated: Mapping[str, float] | None = None) -> Events:
    """The same events with the weight columns of named reweightings in ``MCWeights``.

    Parameters
    ----------
    names
        Names in :data:`REWEIGHTINGS`.
    generated
        Branching fraction with which the sample has the decay of a reweighting, by its name.

    Raises
    ------
    UnknownNameError
        With the nearest name.
    """
    columns: dict[str, Array] = {}
    for name in names:
        columns |= factors(events["MCParticles"], name, generated=(generated or {}).get(name))
    ordered = {c.name: columns.pop(c.name) for c in MC_WEIGHTS.columns if c.name in columns} | columns
    return events.with_lists(MCWeights=Jagged(np.arange(len(events) + 1, dtype=np.int64), ordered))
