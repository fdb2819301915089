"""Weights of simulated events: nominal factors of the background model, and named variations of them.

An event has a ``weight`` (1: as generated), the product of all nominal factors, and for each variation NAME that its
sample can have two factors relative to it, ``NAME_up`` and ``NAME_down``.  Names are those of the published likelihood.

- ``KLKL``, ``KLKS``, ``nnbar``: B+ -> K+ K_L K_L, K+ K_S K_L, K+ n nbar get the amplitudes of
  :mod:`openbfactory.physics.threebody` and their total rates, whether a listed channel or hadronised quarks made them;
  the variation is that of the rate.  K+ K_S K_S and K*+ n nbar are only corrected.
- ``DKL``: D0, D+, D_s+ from a B with a K_L below them are scaled.
- ``exoticD``: B -> D** l nu and the gap modes; ``br_1`` to ``br_5``: groups of listed channels.
- ``trackingEff``: every charged particle in acceptance counts, found (1 + d) and lost (1 - d e / (1 - e), e the
  efficiency in the chunk), so that the mean of the weights of all events stays 1.
- ``pid_1`` to ``pid_7``: the signal track by true kind and momentum.
- ``ff_1`` to ``ff_3``: principal axes of the covariance of f_+, as shapes: the rate of the signal stays.

Approximation: the branching fractions of a group move together; hadronised quarks have no branching fraction and do
not move; a named decay made by hadronised quarks has the shape factor of a phase-space decay; tracks are lost or found
by weight, the rest of the event does not know of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from openbfactory.analyses.knunu.config import B_PAIRS, SIGNAL
from openbfactory.core.config import Config, load
from openbfactory.core.quantities import Quantity
from openbfactory.events.record import Events, Jagged
from openbfactory.generate import REWEIGHTINGS
from openbfactory.generate.bpair import overlay
from openbfactory.generate.reweighting import factors
from openbfactory.generate.truthdecays import count_decays_with, decay_signatures, signature_of
from openbfactory.physics import knunu, wet
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.truth import found_and_lost, generated_q2

Array = npt.NDArray[Any]
Group = Literal["vector_semileptonic", "scalar_semileptonic", "single_charm", "double_charm", "no_open_charm", "exotic"]

B_PLUS, B_ZERO, K_LONG = 521, 511, 130
#: mesons whose decays to K_L are scaled
CHARM = (411, 421, 431)
_LEPTONS, _D, _DSTAR = (11, 13, 15), (411, 421), (413, 423)


class NamedDecay(Config):
    """A B+ decay that a named reweighting turns into its model; ``generated`` is the mean sum of its factors a B+."""

    reweighting: str
    generated: Quantity
    varied: bool = True


class ScaledDecay(Config):
    """A B+ decay whose total rate is corrected."""

    daughters: tuple[int, ...]
    rate: Quantity
    generated: Quantity


class Branching(Config):
    """Listed channels of a group, with their relative uncertainty."""

    group: Group
    uncertainty: Quantity


class CharmToKlong(Config):
    """Scale of D -> K_L X and its relative uncertainty."""

    scale: Quantity
    uncertainty: Quantity


class Identification(Config):
    """A kind of true particle and momenta [GeV] of the signal track: correction and its relative uncertainty."""

    particle: int
    p: tuple[float, float]
    correction: Quantity
    uncertainty: Quantity


class DetectorVariations(Config):
    """Scales of clusters (:mod:`openbfactory.analyses.knunu.variations`); one pair of chunks of ``every`` has them."""

    every: int = Field(ge=0)
    neutralGamma: Quantity
    unmatched_scale: Quantity
    neutralUnmatched: Quantity
    klong_efficiency: Quantity
    KLeff: Quantity


class Modelling(Config):
    """Everything in ``modelling.yaml``."""

    named: dict[str, NamedDecay]
    scaled: dict[str, ScaledDecay]
    charm_to_klong: CharmToKlong
    exotic_charm_uncertainty: Quantity
    branching: dict[str, Branching]
    tracking_uncertainty: Quantity
    identification: dict[str, Identification]
    form_factor_directions: int = Field(ge=0, le=3)
    detector: DetectorVariations

    def names(self, sample: str) -> tuple[str, ...]:
        """Variations that a sample (``knunu``, ``charged``, ``uubar_off`` ...) has, in the order of its columns."""
        named = [n for n, d in self.named.items() if d.varied]
        own = {"charged": [*named, "exoticD", "DKL", *self.branching], "mixed": ["exoticD", "DKL", *self.branching],
               SIGNAL: [f"ff_{k + 1}" for k in range(self.form_factor_directions)]}
        return (*own.get(sample, []), "trackingEff", *self.identification)


@cache
def load_modelling() -> Modelling:
    """The packaged model."""
    return load(Path(__file__).with_name("modelling.yaml"), Modelling)


def group_of(codes: list[int]) -> Group:
    """Group of a channel of a B by the absolute PDG codes of its daughters."""
    charm = [c for c in codes if _has_charm(c)]
    if any(c in _LEPTONS for c in codes) and charm:
        narrow = len(codes) == 3
        if narrow and charm[0] in _DSTAR:
            return "vector_semileptonic"
        return "scalar_semileptonic" if narrow and charm[0] in _D else "exotic"
    if not charm:
        return "no_open_charm"
    return "single_charm" if len(charm) == 1 else "double_charm"


def _has_charm(code: int) -> bool:
    """Whether an absolute PDG code is that of an open-charm hadron."""
    digits = code % 10_000
    quarks = (digits // 1000, digits // 100 % 10, digits // 10 % 10)
    return quarks.count(4) == 1 and quarks[1] > 0


@cache
def listed_channels() -> tuple[Array, Array, tuple[Group, ...]]:
    """Signatures of all listed B decays in rising order, and for each the index of its group; the groups.

    Channels of quarks are none; a channel with a K0 has a signature for each thing that the K0 may turn into.
    """
    table, found = load_decay_table(overlay=overlay("charged") + overlay("mixed")), {}
    for name in ("B+", "B0"):
        for c in table.channels_of(name):
            codes = [abs(int(table.pdg[table.index[d]])) for d in table.daughters_of(c)]
            if table.fraction[c] > 0.0 and str(table.models[table.model[c]]) != "PYTHIA":
                kinds = [(130, 310) if k == 311 else (12,) if k in (12, 14, 16) else (k,) for k in codes if k != 22]
                for chosen in product(*kinds):
                    found[int(signature_of(np.array(chosen, np.int64)))] = group_of(codes)
    groups = tuple(sorted(set(found.values())))
    signatures = np.array(sorted(found), np.int64)
    return signatures, np.array([groups.index(found[int(s)]) for s in signatures]), groups


def _groups(signatures: Array) -> tuple[Array, tuple[Group, ...]]:
    """Index of the group of each decay, -1 for decays that are not listed; the groups."""
    known, index, names = listed_channels()
    place = np.minimum(np.searchsorted(known, signatures), len(known) - 1)
    return np.where(known[place] == signatures, index[place], -1), names


class EventWeights:
    """Weights of the events of a chunk, gathered step by step.

    Attributes
    ----------
    weight : (n,)
        Product of the nominal factors.
    sides
        ``NAME_up`` and ``NAME_down`` to factors relative to ``weight``, (n,).
    """

    def __init__(self, events: int) -> None:
        self.weight = np.ones(events)
        self.sides: dict[str, Array] = {}

    def vary(self, name: str, up: Array, down: Array) -> None:
        """Add a variation."""
        self.sides[f"{name}_up"], self.sides[f"{name}_down"] = up, down

    def vary_rate(self, name: str, number: Array, uncertainty: float) -> None:
        """Add the variation of a rate, for events with a number (n,) of such decays."""
        self.vary(name, (1.0 + uncertainty) ** number, (1.0 - uncertainty) ** number)

    def columns(self) -> dict[str, Array]:
        """``weight`` and all variations."""
        return {"weight": self.weight, **self.sides}


def event_weights(truth: Events, sample: str, model: Modelling) -> EventWeights:
    """Weights that follow from generated particles alone.

    Parameters
    ----------
    truth
        Events with MCParticles.
    sample
        Name of the sample.
    """
    found = EventWeights(len(truth))
    if sample == SIGNAL:
        _vary_form_factor(found, generated_q2(truth), model.form_factor_directions)
    if sample in B_PAIRS:
        particles = truth["MCParticles"]
        rows, signatures = decay_signatures(particles, (B_PLUS, B_ZERO))
        event = np.searchsorted(particles.offsets, rows, side="right") - 1
        if sample == "charged":
            _named_decays(found, particles, event, signatures, model)
        _groups_of_channels(found, event, signatures, model)
        number = count_decays_with(particles, K_LONG, CHARM)
        found.weight *= model.charm_to_klong.scale.value ** number
        found.vary_rate("DKL", number, model.charm_to_klong.uncertainty.value)
    return found


def _named_decays(found: EventWeights, particles: Jagged, event: Array, signatures: Array, model: Modelling) -> None:
    """Amplitudes and rates of the named decays of B+."""
    size = len(found.weight)
    for name, decay in model.named.items():
        chosen = REWEIGHTINGS[decay.reweighting]
        codes = np.array(chosen.decays[0][1], np.int64)
        number = np.bincount(event[signatures == signature_of(codes)], minlength=size)
        having = np.flatnonzero(number)
        columns = factors(particles.take(having), decay.reweighting, generated=decay.generated.value)
        found.weight[having] *= columns[decay.reweighting]
        if decay.varied:
            found.vary_rate(name, number, chosen.uncertainty)
    for scaled in model.scaled.values():
        number = np.bincount(event[signatures == signature_of(np.array(scaled.daughters, np.int64))], minlength=size)
        found.weight *= (scaled.rate.value / scaled.generated.value) ** number


def _groups_of_channels(found: EventWeights, event: Array, signatures: Array, model: Modelling) -> None:
    """Variations of groups of listed channels; the named decays have their own."""
    named = [signature_of(np.array(REWEIGHTINGS[d.reweighting].decays[0][1], np.int64)) for d in model.named.values()]
    group, names = _groups(signatures)
    group = np.where(np.isin(signatures, named), -1, group)
    size = len(found.weight)
    chosen: dict[str, tuple[Group, float]] = {"exoticD": ("exotic", model.exotic_charm_uncertainty.value)}
    chosen |= {n: (b.group, b.uncertainty.value) for n, b in model.branching.items()}
    for name, (wanted, uncertainty) in chosen.items():
        found.vary_rate(name, np.bincount(event[group == names.index(wanted)], minlength=size), uncertainty)


@cache
def _form_factor_shapes(direction: int, side: int, nodes: int = 2001) -> tuple[Array, Array]:
    """q2 [GeV^2] and the ratio of shapes for one standard deviation of f_+ along a principal axis."""
    values, fit = wet.form_factor_values(), wet.constants().form_factors
    vectors, squares, _ = np.linalg.svd(np.array(fit.covariance)[:3, :3])
    shifted = values.copy()
    shifted[:3] += side * vectors[:, direction] * np.sqrt(squares[direction])
    q2 = np.linspace(0.0, knunu.q2_max(), nodes)
    ratio = (wet.form_factors(q2, shifted)[0] / wet.form_factors(q2, values)[0]) ** 2
    rate = knunu.differential_rate(q2)
    return q2, ratio * np.trapezoid(rate, q2) / np.trapezoid(rate * ratio, q2)


def _vary_form_factor(found: EventWeights, q2: Array, directions: int) -> None:
    """Variations of the shape in q2; events without a signal decay keep 1."""
    for k in range(directions):
        sides = [np.where(np.isfinite(q2), np.interp(q2, *_form_factor_shapes(k, side)), 1.0) for side in (1, -1)]
        found.vary(f"ff_{k + 1}", *sides)


def vary_tracking(found: EventWeights, detected: Events, tag: InclusiveTagConfig, model: Modelling) -> None:
    """Add ``trackingEff``: efficiency of tracks one standard deviation up and down."""
    seen, lost = found_and_lost(detected, tag.track_pt_min, tag.theta_min, tag.theta_max)
    step = model.tracking_uncertainty.value
    other = step * seen.sum() / max(lost.sum(), 1)
    up, down = (1.0 + step) ** seen * (1.0 - other) ** lost, (1.0 - step) ** seen * (1.0 + other) ** lost
    found.vary("trackingEff", up, down)


def candidate_weights(events: Mapping[str, Array], candidates: Mapping[str, Array],
                      model: Modelling) -> dict[str, Array]:
    """Columns of weights for candidates: those of their events and the identification of the signal track.

    Parameters
    ----------
    events
        Columns of :meth:`EventWeights.columns`, taken at the candidates, (k,).
    candidates
        ``p`` [GeV] and ``mcKaonPDG`` of the candidates.
    """
    columns = dict(events)
    columns["weight"] = columns["weight"].copy()
    code, p = np.abs(candidates["mcKaonPDG"]), candidates["p"]
    for name, part in model.identification.items():
        inside = (code == part.particle) & (p >= part.p[0]) & (p < part.p[1])
        columns["weight"][inside] *= part.correction.value
        for side, sign in (("up", 1.0), ("down", -1.0)):
            columns[f"{name}_{side}"] = np.where(inside, 1.0 + sign * part.uncertainty.value, 1.0)
    return columns
