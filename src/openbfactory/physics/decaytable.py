"""Decay tables: a decay file resolved and flattened into arrays that compiled kernels walk.

Method: aliases, definitions, copies and charge conjugates are resolved; branching fractions are normalised to 1;
mass windows and line shapes are those of :mod:`openbfactory.physics.resonances`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import UnknownNameError
from openbfactory.core.units import speed_of_light
from openbfactory.physics.decaystatements import Channel, DecayStatements
from openbfactory.physics.particles import Species, conjugate_name, species_file, species_table
from openbfactory.physics.resonances import ShapeMaker, resonances_of, set_mass_windows

Array = npt.NDArray[Any]

#: where the decays of a species come from: nowhere, the packaged main file, a main file of the user, a file that is
#: laid over, the text that a sample lays over
NOWHERE, PACKAGED, MAIN, USER, OVERLAY = range(-1, 4)
#: channels whose daughters are heavier than the mother by more than this are closed [GeV]
CLOSED_MARGIN = 1e-9


@dataclass(frozen=True)
class DecayTable:
    """Species and channels as flat arrays.

    Attributes
    ----------
    names : (S,)
        Name of each species; aliases are species of their own with the code of what they stand for.
    pdg, charge3, spin2 : (S,) int32
    conjugate : (S,) int32
        Index of the antiparticle.
    stable : (S,) bool
        True where the species leaves generation undecayed (also where the file has no channels).
    origin : (S,) int8
        Where the decays come from: one of the numbers above.
    mass, width, ctau : (S,) float64
        GeV, GeV, cm.
    mass_low, mass_high : (S,) float64
        Window of the line shape [GeV]; both equal ``mass`` for narrow species.
    channel_first : (S + 1,) int64
        Channels of species ``s`` are ``channel_first[s]:channel_first[s + 1]``.
    fraction, cumulative : (C,) float64
        Normalised branching fraction, and their running sum within the species (last entry 1).
    model : (C,) int32
        Index into ``models``.
    line : (C,) int32
        Line of the channel in its file.
    photos : (C,) bool
        Channels that radiate photons: all after ``yesPhotos``, none after ``noPhotos``, else those marked ``PHOTOS``.
    threshold : (C,) float64
        Sum of the lower mass edges of the daughters [GeV].
    daughter_first, parameter_first : (C + 1,) int64
    daughters : int32
        Species indices.
    parameters : float64
        Model parameters; NaN where a parameter is a word.
    shape : (C,) int32
        Row of the line shape of the mother in this channel, -1 for none.
    wave : (C,) int32
        Orbital angular momentum of two daughters of which one is broad, -1 where their masses carry no factor.
    radius : (C,) float64
        Radius of the barrier factor of these two [1/GeV].
    shapes : (N, 3, nodes) float64
        Line shapes: masses, density and its integral, see :class:`openbfactory.physics.lineshapes.Shape`.
    mixing : (S,) float64
        Mass difference [1/cm] of a neutral meson that mixes when it is made alone (``Define dm_incohMix_NAME``, 1/s).
    """

    names: Array
    models: Array
    pdg: Array
    charge3: Array
    spin2: Array
    conjugate: Array
    stable: Array
    origin: Array
    mass: Array
    width: Array
    ctau: Array
    mass_low: Array
    mass_high: Array
    channel_first: Array
    fraction: Array
    cumulative: Array
    model: Array
    line: Array
    photos: Array
    threshold: Array
    daughter_first: Array
    daughters: Array
    parameter_first: Array
    parameters: Array
    shape: Array
    wave: Array
    radius: Array
    shapes: Array
    mixing: Array
    digest: str = ""

    @cached_property
    def index(self) -> dict[str, int]:
        """Index of each species name."""
        return {str(name): i for i, name in enumerate(self.names)}

    @cached_property
    def index_of_pdg(self) -> dict[int, int]:
        """Index of the (first, never an alias) species of each PDG code."""
        found: dict[int, int] = {}
        for i, code in enumerate(self.pdg.tolist()):
            found.setdefault(code, i)
        return found

    def species_index(self, pdg: Array) -> Array:
        """Species index of each PDG code.

        Raises
        ------
        UnknownNameError
            For a code that is not in the table.
        """
        order = np.argsort(self.pdg, kind="stable")
        position = np.clip(np.searchsorted(self.pdg[order], pdg), 0, len(order) - 1)
        found: Array = order[position]
        wrong = self.pdg[found] != pdg
        if np.any(wrong):
            raise UnknownNameError("PDG code", str(pdg[wrong][0]), [str(c) for c in self.pdg])
        return found

    def channels_of(self, name: str) -> range:
        """Channel indices of a species."""
        s = self.index[name]
        return range(int(self.channel_first[s]), int(self.channel_first[s + 1]))

    def daughters_of(self, channel: int) -> tuple[str, ...]:
        """Names of the daughters of a channel."""
        chosen = self.daughters[self.daughter_first[channel]:self.daughter_first[channel + 1]]
        return tuple(str(self.names[d]) for d in chosen)

    def parameters_of(self, channel: int) -> Array:
        """Model parameters of a channel."""
        chosen: Array = self.parameters[self.parameter_first[channel]:self.parameter_first[channel + 1]]
        return chosen

    def arrays(self) -> dict[str, Array]:
        """Every array by name (what a cache file holds)."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "digest"}


def compile_table(statements: DecayStatements, findings: Findings, digest: str = "",
                  origins: dict[str, int] | None = None) -> DecayTable:
    """Decay table of resolved statements; mistakes are added to ``findings``.

    ``origins`` says for each mother where its decays come from, :data:`MAIN` if None.

    A table is returned also when there are errors (with the wrong channels left out), so that one pass finds all.
    """
    species = _all_species(statements, findings)
    names = list(species)
    index = {name: i for i, name in enumerate(names)}
    conjugates = _conjugates(statements, species, findings)
    channels = _all_channels(statements, species, conjugates, findings)
    values = list(species.values())
    stable_names = set(species_file().stable.names)
    stable_codes = {species[n].pdg for n in stable_names}
    stable = np.array([s.pdg in stable_codes or not channels.get(n) for n, s in species.items()])
    columns = _channel_columns(names, index, channels, statements, findings)
    ctau = np.array([s.ctau for s in values])
    mass, width = np.array([s.mass for s in values]), np.array([s.width for s in values])
    resonances = resonances_of(statements, species, findings)
    none = np.zeros((0, 0))
    table = DecayTable(
        names=np.array(names), pdg=np.array([s.pdg for s in values], np.int32),
        charge3=np.array([s.charge3 for s in values], np.int32), spin2=np.array([s.spin2 for s in values], np.int32),
        conjugate=np.array([index[conjugates.get(n, n)] for n in names], np.int32), stable=stable,
        origin=np.array([(origins or {}).get(n, MAIN if n in channels and origins is None else NOWHERE) for n in names],
                        np.int8),
        mass=mass, width=width, ctau=ctau, mass_low=mass.copy(), mass_high=mass.copy(),
        threshold=np.zeros(len(columns["fraction"])), shape=none, wave=none, radius=none, shapes=none,
        mixing=_mixing(values, statements), digest=digest, **columns)
    set_mass_windows(table, resonances)
    made: dict[str, Any] = dict(ShapeMaker(table, resonances).columns())
    return replace(table, **made)


def _mixing(values: list[Species], statements: DecayStatements) -> Array:
    """Mass difference [1/cm] of each species made alone, 0 for one that does not mix."""
    known = {s.pdg: statements.defines.get(f"dm_incohMix_{name}", 0.0) for name, s in species_table().items()}
    per_second = np.array([known.get(abs(s.pdg), 0.0) for s in values])
    made: Array = np.where(np.isfinite(per_second), per_second, 0.0) * 1e-9 / speed_of_light
    return made


def _all_species(statements: DecayStatements, findings: Findings) -> dict[str, Species]:
    """Species by name: the table, with the masses of the file, and the aliases."""
    species = dict(species_table())
    for name, (mass, width) in statements.particles.items():
        if name not in species:
            findings.unknown_name(statements.place("Particle", name), name, species, what="particle")
            continue
        old = species[name]
        species[name] = Species(name, old.pdg, mass, old.width if width < 0 else width, old.charge3, old.spin2)
    for name in statements.aliases:
        base, seen = name, {name}
        while base in statements.aliases:
            base = statements.aliases[base]
            if base in seen:
                findings.error("recursive-alias", statements.place("Alias", name),
                               f"alias '{name}' leads back to itself")
                break
            seen.add(base)
        else:
            if base not in species:
                findings.unknown_name(statements.place("Alias", name), base, species, what="particle")
                continue
            old = species[base]
            species[name] = Species(name, old.pdg, old.mass, old.width, old.charge3, old.spin2)
    return species


def _conjugates(statements: DecayStatements, species: dict[str, Species], findings: Findings) -> dict[str, str]:
    """Name of the antiparticle of each species."""
    known = species_table()
    pairs = {name: conjugate_name(name) if name in known else name for name in species}
    for first, second in statements.conjugates.items():
        for name in (first, second):
            if name not in species:
                findings.unknown_name(statements.place("ChargeConj", first), name, species, what="particle")
        if first in species and second in species:
            pairs[first] = second
    return pairs


def _all_channels(statements: DecayStatements, species: dict[str, Species], conjugates: dict[str, str],
                  findings: Findings) -> dict[str, list[Channel]]:
    """Channels of each mother, copies and charge conjugates made."""
    channels = dict(statements.decays)
    _check_models(statements, findings)
    for new, old in statements.copies.items():
        if old not in channels:
            findings.error("missing-decay", statements.place("CopyDecay", new), f"'{old}' has no Decay block to copy")
            continue
        channels.setdefault(new, channels[old])
    for name, line in statements.charge_conjugate.items():
        source = conjugates.get(name)
        if source is None:
            findings.unknown_name(f"line {line}", name, species, what="particle")
        elif source == name:
            findings.error("self-conjugate", f"line {line}", f"'{name}' is its own antiparticle, or its alias lacks "
                           "ChargeConj")
        elif source not in channels:
            findings.error("missing-decay", f"line {line}", f"CDecay {name}: '{source}' has no Decay block")
        elif name in channels:
            findings.warning("duplicate-decay", f"line {line}", f"'{name}' has both Decay and CDecay; Decay is used")
        else:
            channels[name] = [Channel(c.fraction, tuple(conjugates.get(d, d) for d in c.daughters), c.model,
                                      c.parameters, c.photos, c.line) for c in channels[source]]
    for name in list(channels):
        if name not in species:
            findings.unknown_name(f"line {statements.lines.get(name, 0)}", name, species, what="particle")
            del channels[name]
    return channels


def _channel_columns(names: list[str], index: dict[str, int], channels: dict[str, list[Channel]],
                     statements: DecayStatements, findings: Findings) -> dict[str, Array]:
    """Columns of all channels, species by species."""
    first, fraction, cumulative, model, line, photos = [0], [], [], [], [], []
    daughter_first, daughters, parameter_first, parameters = [0], [], [0], []
    models: dict[str, int] = {}
    for name in names:
        kept = [c for c in channels.get(name, []) if _known_daughters(c, index, findings)]
        total = sum(c.fraction for c in kept)
        running = 0.0
        for channel in kept if total > 0 else []:
            model_name, words = _resolved_model(channel, statements)
            running += channel.fraction / total
            fraction.append(channel.fraction / total)
            cumulative.append(running)
            model.append(models.setdefault(model_name, len(models)))
            line.append(channel.line)
            photos.append(statements.photos == "yes" or (channel.photos and statements.photos != "no"))
            daughters += [index[d] for d in channel.daughters]
            daughter_first.append(len(daughters))
            parameters += [_parameter(word, statements) for word in words]
            parameter_first.append(len(parameters))
        if kept and total > 0:
            cumulative[-1] = 1.0
        first.append(len(fraction))
    return {"channel_first": np.array(first, np.int64), "fraction": np.array(fraction, np.float64),
            "cumulative": np.array(cumulative, np.float64), "models": np.array(list(models) or ["PHSP"]),
            "model": np.array(model, np.int32), "line": np.array(line, np.int32), "photos": np.array(photos, np.bool_),
            "daughter_first": np.array(daughter_first, np.int64), "daughters": np.array(daughters, np.int32),
            "parameter_first": np.array(parameter_first, np.int64), "parameters": np.array(parameters, np.float64)}


def _check_models(statements: DecayStatements, findings: Findings) -> None:
    """Add an error for each channel whose model nobody knows."""
    known = known_models()
    for channels in statements.decays.values():
        for channel in channels:
            model = _resolved_model(channel, statements)[0]
            if model not in known:
                findings.unknown_name(f"line {channel.line}", model, known, what="decay model")


@cache
def known_models() -> frozenset[str]:
    """Names of all decay models of EvtGen: those that decaylanguage lists, and two that it lacks."""
    from decaylanguage.dec.enums import known_decay_models

    return frozenset((*known_decay_models, "KSTARNUNU", "BTOXSNUNU"))


def _known_daughters(channel: Channel, index: dict[str, int], findings: Findings) -> bool:
    """True when every daughter is known; only Pythia may be left to choose the daughters itself."""
    if not channel.daughters and channel.model != "PYTHIA":
        findings.error("no-daughters", f"line {channel.line}", "a channel without daughters")
        return False
    unknown = [d for d in channel.daughters if d not in index]
    for name in unknown:
        if not any(f.path == f"line {channel.line}" and f"'{name}'" in f.message for f in findings):
            findings.unknown_name(f"line {channel.line}", name, index, what="particle")
    return not unknown


def _resolved_model(channel: Channel, statements: DecayStatements) -> tuple[str, tuple[str, ...]]:
    """Model and parameters with model aliases resolved."""
    return statements.model_aliases.get(channel.model, (channel.model, channel.parameters))


def _parameter(word: str, statements: DecayStatements) -> float:
    """Value of a parameter: a number, a defined name, or NaN for a word."""
    try:
        return float(word)
    except ValueError:
        sign, name = (-1.0, word[1:]) if word.startswith("-") else (1.0, word)
        return sign * statements.defines.get(name, float("nan"))
