"""The samples that can be generated, by name, and the one function that makes their events."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from openbfactory.core.errors import GenerationError
from openbfactory.core.random import Address
from openbfactory.core.registry import lookup
from openbfactory.core.units import events_expected
from openbfactory.events.record import Events, Jagged
from openbfactory.experiment.machine import Machine
from openbfactory.generate import charm, darksector, fourleptonevents, isrmeson, twobody, twophoton
from openbfactory.generate.bpair import overlay, upsilon_primaries
from openbfactory.generate.columns import INITIAL
from openbfactory.generate.continuum import CONTINUUM, fragmentation_parameters, quark_pair_events
from openbfactory.generate.counts import DecayCounts
from openbfactory.generate.darksector import muon_pair_events
from openbfactory.generate.engine import decay_events
from openbfactory.generate.gun import GUN, gun_primaries
from openbfactory.generate.laboratory import electron_frame, flag_displaced
from openbfactory.generate.longlived import CHARGED, NEUTRAL, scalar_text
from openbfactory.generate.modelcheck import require_models
from openbfactory.generate.muonspin import muon_polarisation
from openbfactory.generate.parameters import Parameter, Values, settled
from openbfactory.generate.reweighting import check_phase_space
from openbfactory.generate.signals import SIGNALS, Signal
from openbfactory.generate.taudecay import Michel, michel_of
from openbfactory.generate.taupair import LEPTON_PAIRS, lepton_pair_primaries
from openbfactory.generate.tauspin import tau_pair_events
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.decaytable import DecayTable

#: events, address and machine to the primary particles of each event
Primaries = Callable[[int, Address, Machine], Jagged]
#: the same with a decay table and the values of the parameters, and the record of the decays made already
Correlated = Callable[[int, Address, Machine, DecayTable, Values], tuple[Jagged, DecayCounts]]


@dataclass(frozen=True, slots=True)
class Sample:
    """A kind of event that can be generated.

    Attributes
    ----------
    name, title
        Name for the command line, and what it is.
    process
        Name of its cross section in the machine card; ``bbbar`` is the sum of ``charged`` and ``mixed``.
    primaries
        Maker of the primary particles; not needed with ``correlated``.
    overlay
        Name of the packaged decay file laid over the main one, empty for none.
    decays
        The decay whose branching fraction scales the cross section (either B); empty for none.
    references
        Reference keys of what the sample rests on.
    correlated
        Maker of primary particles that takes the decay table and the parameters, in the place of ``primaries``.
    parameters
        Numbers and choices that the user may set.
    decay_text
        Text of a decay file, made from the parameters, that is laid over all others.
    cross_section
        Cross section and its standard deviation [nb] for parameters and machine, where no card has it.
    polarised
        Whether muons from taus carry their polarisation.
    collision
        Whether events begin with the system of a collision (those of a particle gun do not).
    """

    name: str
    title: str
    process: str
    primaries: Primaries | None = None
    overlay: str = ""
    decays: str = ""
    references: tuple[str, ...] = ()
    correlated: Correlated | None = None
    parameters: tuple[Parameter, ...] = ()
    decay_text: Callable[[Values], str] | None = None
    cross_section: Callable[[Values, Machine], tuple[float, float]] | None = None
    polarised: bool = False
    collision: bool = True


_B_PAIRS = ("decay-belle2", "pdg2024", "pythia83", "evtgen-2001", "bgl-1997", "grinstein-kobach-2017",
            "belle-dlnu-2016")
_KNUNU = ("hpqcd-2022", "hpqcd-2022-rates", "belle2-knunu-likelihood")
_PAIRS = ("decay-belle2", "pdg2024", "pythia83", "basf2-fragmentation")


#: pairs that measure the cross section of the sample taupair-edge
PILOT = 5_000
#: Michel parameters of the leptonic decays of the sample taupair
MICHEL = tuple(Parameter(name, value, f"Michel parameter {name} of leptonic tau decays", low=-1.0, high=1.0)
               for name, value in asdict(Michel()).items())


def _tau_pairs(events: int, address: Address, machine: Machine, table: DecayTable,
               values: Values) -> tuple[Jagged, DecayCounts]:
    """Tau pairs with the Michel parameters of the user."""
    return tau_pair_events(events, address, machine, table, michel=michel_of(values))


def _tau_edge(events: int, address: Address, machine: Machine, table: DecayTable,
              values: Values) -> tuple[Jagged, DecayCounts]:
    """Tau pairs of 3 x 1 charged particles near the edge of the pseudomass."""
    return tau_pair_events(events, address, machine, table, michel=michel_of(values),
                           least=float(values["pseudomass_min"]))


def _edge_cross_section(values: Values, machine: Machine) -> tuple[float, float]:
    """Cross section of the sample taupair-edge and its standard deviation [nb], from a pilot of fixed seed."""
    table = load_decay_table(None, None, "", any_model=True)
    tried = _tau_edge(PILOT, Address(1, "tau-pilot"), machine, table, values)[1].tried
    value = machine.cross_section("taupair") * PILOT / tried
    return value, value * math.sqrt((1 - PILOT / tried) / PILOT)


def _pairs() -> dict[str, Sample]:
    """Samples of quark and lepton pairs."""
    made = {name: Sample(name, title, name, references=_PAIRS, parameters=fragmentation_parameters(),
                         correlated=partial(quark_pair_events, name)) for name, title in CONTINUUM.items()}
    made |= {name: Sample(name, title, name, partial(lepton_pair_primaries, name), references=_PAIRS,
                          correlated=_tau_pairs if name == "taupair" else None,
                          parameters=MICHEL if name == "taupair" else (), polarised=name == "taupair")
             for name, title in LEPTON_PAIRS.items()}
    made["taupair-edge"] = Sample(
        "taupair-edge", "e+e- -> tau+ tau- (gamma) of 3 x 1 charged particles with a large pseudomass", "",
        references=_PAIRS, correlated=_tau_edge, polarised=True, cross_section=_edge_cross_section,
        parameters=(*MICHEL, Parameter("pseudomass_min", 1.65, "least pseudomass of the three", "GeV", 0.5, 1.77)))
    return made


def _dark_sector() -> dict[str, Sample]:
    """Samples of e+e- -> mu+ mu- X, and of B -> K(*) S."""
    every = ("ee", "mumu", "tautau", "invisible")
    titles = {"zprime": ("mumu-z", "e+e- -> mu+ mu- Z', a vector of L_mu - L_tau", ("mumu", "tautau", "invisible")),
              "scalar": ("mumu-scalar", "e+e- -> mu+ mu- S, a leptophilic scalar", every),
              "alp": ("mumu-alp", "e+e- -> mu+ mu- a, an axion-like particle", every)}
    made = {name: Sample(name, title, "", references=_PAIRS, correlated=partial(muon_pair_events, model),
                         parameters=darksector.parameters(decays), decay_text=partial(darksector.decay_text, model),
                         cross_section=partial(darksector.cross_section, model))
            for model, (name, title, decays) in titles.items()}
    for name, title, process, chosen in (
            ("bk-scalar", "Upsilon(4S) -> B+ B-, one B -> K(*) S with a long-lived scalar S", "charged", CHARGED),
            ("bk0-scalar", "Upsilon(4S) -> B0 anti-B0, one B -> K(*) S with a long-lived scalar S", "mixed", NEUTRAL)):
        made[name] = Sample(name, title, process, upsilon_primaries, references=_B_PAIRS, parameters=chosen,
                            decay_text=scalar_text)
    return made


def _electrodynamics() -> dict[str, Sample]:
    """Samples of scattering at large angles, of two photons and of the radiative return."""
    titles = {"ee": "e+e- -> e+ e- at large angles", "gg": "e+e- -> gamma gamma at large angles"}
    made = {name: Sample(name, title, name, references=("pdg2024",), correlated=partial(twobody.two_body_events, name),
                         parameters=twobody.PARAMETERS, cross_section=partial(twobody.cross_section, name))
            for name, title in titles.items()}
    titles = {"eemumu": "e+e- -> e+ e- mu+ mu- by two photons", "eeee": "e+e- -> e+ e- e+ e- by two photons",
              "eepipi": "e+e- -> e+ e- pi+ pi- by two photons"}
    made |= {name: Sample(name, title, name, references=("pdg2024",), parameters=twophoton.PARAMETERS,
                          correlated=partial(twophoton.two_photon_events, name),
                          cross_section=partial(twophoton.cross_section, name)) for name, title in titles.items()}
    titles = {"mumutautau": "e+e- -> mu+ mu- tau+ tau- at tree level",
              "mumumumu": "e+e- -> mu+ mu- mu+ mu- at tree level"}
    made |= {name: Sample(name, title, "", references=("decay-belle2", "pdg2024"),
                          correlated=partial(fourleptonevents.four_lepton_events, name),
                          cross_section=partial(fourleptonevents.cross_section, name))
             for name, title in titles.items()}
    made["phigamma"] = Sample("phigamma", "e+e- -> gamma phi (or another vector meson) by the radiative return",
                              "phigamma", references=("decay-belle2", "pdg2024", "benayoun-1999"),
                              parameters=isrmeson.PARAMETERS, correlated=isrmeson.radiative_return,
                              cross_section=isrmeson.cross_section)
    return made


def _charm() -> dict[str, Sample]:
    """Samples of c cbar enriched in one decay of a charmed hadron."""
    return {name: Sample(name, title, "", references=_PAIRS, parameters=charm.PARAMETERS, correlated=maker,
                         decay_text=text, cross_section=sigma)
            for name, (title, maker, text, sigma) in charm.charm_samples().items()}


def _text(signal: Signal, values: Values) -> str:
    """Decay file of a signal; it has no parameters."""
    return signal.text


def _signals() -> dict[str, Sample]:
    """Samples of one signal decay beside a generic B."""
    pair = {True: "B0 anti-B0", False: "B+ B-"}
    return {name: Sample(name, f"Upsilon(4S) -> {pair[s.neutral]}, one {s.title}, the other generic", s.process,
                         upsilon_primaries,
                         decays=s.decay, references=(*_B_PAIRS, *s.references), decay_text=partial(_text, s))
            for name, s in SIGNALS.items()}


#: every sample by name
SAMPLES: dict[str, Sample] = {
    "bbbar": Sample("bbbar", "Upsilon(4S) as the decay file says", "bbbar", upsilon_primaries,
                    references=_B_PAIRS),
    "charged": Sample("charged", "Upsilon(4S) -> B+ B-", "charged", upsilon_primaries, "charged",
                      references=_B_PAIRS),
    "mixed": Sample("mixed", "Upsilon(4S) -> B0 anti-B0, with mixing", "mixed", upsilon_primaries, "mixed",
                    references=_B_PAIRS),
    "knunu": Sample("knunu", "Upsilon(4S) -> B+ B-, one B -> K nu nubar (Standard Model), the other generic", "charged",
                    upsilon_primaries, "knunu", "B+ -> K+ nu nubar", (*_B_PAIRS, *_KNUNU)),
    **_signals(),
    **_pairs(),
    **_charm(),
    **_dark_sector(),
    **_electrodynamics(),
    "gun": Sample("gun", "particles of chosen species, momenta, angles and origins, without a collision", "",
                  references=("pdg2024",), correlated=gun_primaries, parameters=GUN, collision=False),
}


def enriched_events(sample: str, machine: Machine, luminosity: float,
                    settings: Mapping[str, float | str] | None = None) -> float:
    """Events of a sample with a cross section of its own in a luminosity [fb^-1], with values of its parameters.

    Raises
    ------
    UnknownNameError, ConfigError
        For a wrong sample or parameter.
    GenerationError
        When the sample has no cross section of its own: the card has those of processes.
    """
    chosen = lookup("samples", sample, SAMPLES)
    if chosen.cross_section is None:
        message = f"the sample '{sample}' has no cross section of its own"
        raise GenerationError(message)
    sigma, _ = chosen.cross_section(settled(sample, chosen.parameters, settings), machine)
    return events_expected(sigma, luminosity)


def _table(chosen: Sample, values: Values, decay_file: str | Path | None, decays: str | Path | None,
           any_model: bool) -> DecayTable:
    """Decay table of a sample with the files of the user."""
    text = overlay(chosen.overlay) if chosen.overlay else ""
    text += chosen.decay_text(values) if chosen.decay_text else ""
    return load_decay_table(decay_file, decays, text, any_model=any_model)


def check_reweightings(names: Iterable[str], sample: str, *, decay_file: str | Path | None = None,
                       decays: str | Path | None = None, settings: Mapping[str, float | str] | None = None) -> None:
    """Raise where a reweighting cannot be used for a sample; parameters as in :func:`generate_events`.

    Raises
    ------
    UnknownNameError
        For an unknown sample or reweighting, with the nearest one.
    DecayFileError
        With every channel of such a decay that another model than phase space makes.
    """
    chosen = lookup("samples", sample, SAMPLES)
    values = settled(sample, chosen.parameters, settings)
    check_phase_space(_table(chosen, values, decay_file, decays, any_model=True), names)


def generate_events(sample: str, events: int, address: Address, machine: Machine, *, first: int = 0,
                    decay_file: str | Path | None = None,
                    decays: str | Path | None = None,
                    settings: Mapping[str, float | str] | None = None,
                    fallback: bool = False) -> tuple[Events, DecayCounts]:
    """Events of a sample with their MCParticles, and the record of the decays made.

    Parameters
    ----------
    sample
        Name in :data:`SAMPLES`.
    events
        Number of events.
    address
        Where random numbers are drawn; the same address gives the same events.
    machine
        The collider.
    first
        Number of the first event.
    decay_file, decays
        Main decay file in the place of DECAY_BELLE2.DEC, and a user file laid over it.
    settings
        Values of parameters of the sample by name; defaults where not given.
    fallback
        Whether channels of the user's files without their model decay by phase space; they are counted.

    Raises
    ------
    ConfigError
        With every parameter that the sample does not know or cannot take.
    UnknownNameError
        For an unknown sample, with the nearest one.
    DecayFileError
        With every mistake of the decay files, and every channel without its model.
    GenerationError
        When the number of events is negative or Pythia fails.
    """
    chosen = lookup("samples", sample, SAMPLES)
    if events < 0:
        message = f"cannot generate {events} events"
        raise GenerationError(message)
    values = settled(sample, chosen.parameters, settings)
    table = _table(chosen, values, decay_file, decays, fallback)
    if not fallback:
        require_models(table, " + ".join(str(path) for path in (decay_file, decays) if path))
    initial, made = address.at(f"{address.stage}/initial"), DecayCounts()
    if chosen.primaries is None and chosen.correlated is None:
        message = f"the sample '{sample}' has no maker of primary particles"
        raise GenerationError(message)
    if chosen.correlated:
        primaries, made = chosen.correlated(events, initial, machine, table, values)
    elif chosen.primaries:
        primaries = chosen.primaries(events, initial, machine)
    particles, counts = decay_events(primaries, table, address, axis=electron_frame(machine)[:, 2])
    if chosen.collision:
        particles["status"][particles.offsets[:-1]] = INITIAL
    flag_displaced(particles)
    if chosen.polarised:
        particles.columns["polarisation"] = muon_polarisation(particles, values)
    return Events.of_process(chosen.name, events, first=first, MCParticles=particles), made + counts
