"""Charm events enriched in one decay: e+e- -> c cbar with a charmed hadron above a momentum whose decay is forced.

Method: collisions are hadronised as in the sample ``ccbar``; those without a target hadron (of either charge) above
``p_min`` in the c.m. frame are dropped before anything decays; one target of each event, drawn at random where there
are more, decays as asked, everything else as the decay file says.  The collisions that were needed are counted
(``DecayCounts.tried``): N events stand for a luminosity of tried / (cross section of ccbar x fractions), but for events
with two targets, which count once here (a few in a thousand).

Approximation: a heavier excited hadron counts with its own momentum, not with that of its daughter; the target
``omegac`` takes the momentum of a Lambda_c+ or Sigma_c, because fragmentation makes too few: the other particles of
such an event do not balance its charge and flavour, and its rate is an estimate.  With ``rest=dropped`` the event holds
the target alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path

import numpy as np

from openbfactory.core.config import Config, load
from openbfactory.core.errors import GenerationError
from openbfactory.core.quantities import Quantity
from openbfactory.core.random import Address
from openbfactory.events.record import Jagged
from openbfactory.experiment.machine import Machine
from openbfactory.generate.columns import TO_DECAY, Array
from openbfactory.generate.continuum import continuum_primaries
from openbfactory.generate.counts import DecayCounts
from openbfactory.generate.laboratory import balanced
from openbfactory.generate.parameters import Parameter, Values
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.particles import conjugate_name, species

#: collisions that are hadronised at a time
BLOCK = 5000
#: blocks without any target before the search ends
FRUITLESS = 40
#: blocks that measure the share of collisions with a target, for the cross section
PILOT = 10
#: what every target takes
PARAMETERS = (Parameter("p_min", 2.3, "least momentum of the hadron in the c.m. frame", "GeV", 0.0, 5.0),
              Parameter("rest", "kept", "whether the other particles of the event stay", choices=("kept", "dropped")))


class Target(Config):
    """A target: hadrons of fragmentation, their forced decays, the fractions of these."""

    title: str
    hadrons: tuple[str, ...]
    decays: dict[str, tuple[str, ...]]
    fractions: dict[str, Quantity]
    made_from: tuple[str, ...] = ()
    rate: Quantity | None = None

    @property
    def fraction(self) -> float:
        """Product of the branching fractions."""
        return float(np.prod([q.value for q in self.fractions.values()]))


class _Targets(Config):
    """Content of ``data/charm.yaml``."""

    targets: dict[str, Target]


@dataclass(frozen=True, slots=True)
class _Found:
    """Events with a target: their particles, the target of each, the collisions up to each (both (n,))."""

    particles: Jagged
    chosen: Array
    tried: Array


@cache
def targets() -> Mapping[str, Target]:
    """Every target by name."""
    return load(Path(__file__).with_name("data") / "charm.yaml", _Targets).targets


def decay_text(name: str, values: Values) -> str:
    """Decay file with the forced decays of a target, for aliases of its hadrons."""
    decays, lines = targets()[name].decays, [""]
    for mother in decays:
        bar = conjugate_name(mother)
        lines += [f"Alias {_alias(mother)} {mother}"]
        lines += [f"Alias {_alias(bar)} {bar}"] if bar != mother else []
        lines += [f"ChargeConj {_alias(mother)} {_alias(bar)}"]
    for mother, channels in decays.items():
        lines += [f"Decay {_alias(mother)}"]
        lines += [f"{' '.join(_alias(w) if w in decays else w for w in text.split())};" for text in channels]
        lines += ["Enddecay"]
        lines += [f"CDecay {_alias(conjugate_name(mother))}"] if conjugate_name(mother) != mother else []
    return "\n".join([*lines, ""])


def _alias(name: str) -> str:
    return f"target_{name}"


def charm_events(name: str, events: int, address: Address, machine: Machine, table: DecayTable,
                 values: Values) -> tuple[Jagged, DecayCounts]:
    """Primary particles of events with a target, whose species is the alias that decays as forced, and the record.

    Raises
    ------
    GenerationError
        When no collision has a target above the momentum asked for.
    """
    parts: list[_Found] = []
    number = block = 0
    while number < events:
        found = _block(name, float(values["p_min"]), address.at(f"{address.stage}/block{block}"), machine)
        parts.append(found)
        number, block = number + len(found.chosen), block + 1
        if not number and block >= FRUITLESS:
            message = f"none of {block * BLOCK} collisions has a {targets()[name].title.split(' ->')[0]} above " \
                      f"{values['p_min']} GeV"
            raise GenerationError(message)
    if not parts:
        return continuum_primaries("ccbar", 0, address, machine), DecayCounts()
    tried = np.concatenate([k * BLOCK + f.tried for k, f in enumerate(parts)])
    first = np.cumsum([0, *(f.particles.offsets[-1] for f in parts)])
    chosen = np.concatenate([f.chosen + first[k] for k, f in enumerate(parts)])[:events]
    particles = Jagged.concatenate([f.particles for f in parts])
    particles = _marked(particles, chosen, name, table).take(np.arange(events))
    if values["rest"] == "dropped":
        keep = np.zeros(particles.size, bool)
        keep[particles.offsets[:-1]] = keep[chosen] = True
        particles = particles.select(keep)
    return particles, DecayCounts(tried=int(tried[events - 1]))


def _block(name: str, p_min: float, address: Address, machine: Machine) -> _Found:
    """Events with a target among :data:`BLOCK` collisions."""
    target = targets()[name]
    codes = [species(h).pdg for h in (target.made_from or target.hadrons)]
    particles = continuum_primaries("ccbar", BLOCK, address, machine)
    event = particles.event_index()
    eligible = np.isin(np.abs(particles["PDG"]), np.abs(codes)) & (_p_star(particles, event) > p_min)
    rows = np.flatnonzero(eligible)
    order = np.lexsort((address.at(f"{address.stage}/choice").generator().random(len(rows)), event[rows]))
    rows = rows[order]
    chosen = rows[np.flatnonzero(np.diff(event[rows], prepend=-1))]
    kept = event[chosen]
    inside = chosen - particles.offsets[kept]
    subset = particles.take(kept)
    return _Found(subset, subset.offsets[:-1] + inside, kept + 1)


def _p_star(particles: Jagged, event: Array) -> Array:
    """Momentum of each particle in the rest frame of the first record of its event, GeV."""
    p4 = np.stack([particles[n] for n in ("E", "px", "py", "pz")], axis=1)
    total = p4[particles.offsets[event]]
    mass2 = total[:, 0] ** 2 - np.sum(total[:, 1:] ** 2, axis=1)
    energy = (p4[:, 0] * total[:, 0] - np.sum(p4[:, 1:] * total[:, 1:], axis=1)) / np.sqrt(mass2)
    own = p4[:, 0] ** 2 - np.sum(p4[:, 1:] ** 2, axis=1)
    p_star: Array = np.sqrt(np.maximum(energy**2 - own, 0.0))
    return p_star


def _marked(particles: Jagged, chosen: Array, name: str, table: DecayTable) -> Jagged:
    """The particles with the column ``species``, in which the chosen ones are aliases of the target."""
    target, pdg = targets()[name], particles["PDG"].copy()
    if target.made_from:
        code = species(target.hadrons[0]).pdg
        pdg[chosen] = np.where(pdg[chosen] > 0, code, -code)
        mass = np.sqrt(np.maximum(particles["E"] ** 2 - sum(particles[n] ** 2 for n in ("px", "py", "pz")), 0.0))
        mass[chosen] = species(target.hadrons[0]).mass
        particles = balanced(particles, mass)
    decays = particles["status"] == TO_DECAY
    kind = np.full(len(pdg), -1, np.int32)
    kind[decays] = table.species_index(pdg[decays])
    for hadron in target.hadrons:
        for one in (hadron, conjugate_name(hadron)):
            kind[chosen[pdg[chosen] == species(one).pdg]] = table.index[_alias(one)]
    return Jagged(particles.offsets, particles.columns | {"PDG": pdg, "species": kind})


def cross_section(name: str, values: Values, machine: Machine) -> tuple[float, float]:
    """Cross section of the sample and its standard deviation [nb]: collisions with a target times its fractions.

    The share of collisions is measured with a pilot of fixed seed; branching fractions count as exact.
    """
    passed = _pilot(name, float(values["p_min"]), machine.sqrt_s)
    share, target = passed / (PILOT * BLOCK), targets()[name]
    error = float(np.sqrt(share * (1 - share) / (PILOT * BLOCK)))
    scale = machine.cross_section("ccbar") * target.fraction
    if target.rate:
        everything = _pilot(name, 0.0, machine.sqrt_s)
        share, error = (target.rate.value * passed / max(everything, 1),
                        target.rate.value * float(np.sqrt(passed)) / max(everything, 1))
    return scale * share, scale * error


@lru_cache(maxsize=16)
def _pilot(name: str, p_min: float, sqrt_s: float) -> int:
    """Collisions of the pilot with a target."""
    machine = _machine(sqrt_s)
    blocks = [_block(name, p_min, Address(1, "charm-pilot", k).at("generate"), machine) for k in range(PILOT)]
    return sum(len(b.chosen) for b in blocks)


@cache
def _machine(sqrt_s: float) -> Machine:
    """A collider of an energy for the pilot."""
    from openbfactory.experiment import load_card

    machine = load_card("belle2").machine
    return machine.at_energy_shift(sqrt_s - machine.sqrt_s)


def charm_samples() -> dict[str, tuple[str, partial[tuple[Jagged, DecayCounts]], partial[str],
                                       partial[tuple[float, float]]]]:
    """Title, maker, decay file and cross section of every sample, by name."""
    return {f"charm-{name}": (f"e+e- -> c cbar with {target.title}", partial(charm_events, name),
                              partial(decay_text, name), partial(cross_section, name))
            for name, target in targets().items()}
