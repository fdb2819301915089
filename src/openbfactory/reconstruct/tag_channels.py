"""What the hadronic tag combines, keeps and looks at: the content of ``data/hadronic_tag.yaml``, checked.

A file of the same layout may hold other channels, cuts or inputs; :func:`load_channels` reports every mistake in it at
once.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from openbfactory.core.config import Config, load, validate
from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import ConfigError, InputError
from openbfactory.core.quantities import Quantity
from openbfactory.physics.particles import conjugate_name, mass, species
from openbfactory.reconstruct import best_combinations as best
from openbfactory.reconstruct.config import DATA
from openbfactory.reconstruct.decay_string import Decay, parse_decay
from openbfactory.reconstruct.expressions import compile_condition, compile_variable
from openbfactory.reconstruct.families import check_decay
from openbfactory.reconstruct.vocabulary.truth import TRUTH

CHANNELS = DATA / "hadronic_tag.yaml"
#: label of the lists
LABEL = "tag"
#: numbers attached to candidates
PROBABILITY, MODE, RANK = "SignalProbability", "decayModeID", "preCut_rank"
_QUANTITIES = {"M": best.MASS, "Q": best.RELEASE, "deltaE": best.ENERGY}


class WindowConfig(Config):
    """Window of a quantity about its nominal value, and the width by which candidates are ordered; GeV."""

    quantity: Literal["M", "Q", "deltaE"]
    below: float = Field(gt=0)
    above: float = Field(gt=0)
    width: float = Field(gt=0)


class ChannelConfig(Config):
    """A decay, with a window of its own where it needs one."""

    decay: str
    window: WindowConfig | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"decay": value} if isinstance(value, str) else value


class Stage(Config):
    """One particle: where its candidates come from, how many are kept, what the classifiers see."""

    particle: str
    of: str | None = None
    cut: str = ""
    rank: str = ""
    channels: tuple[ChannelConfig, ...] = ()
    window: WindowConfig | None = None
    before: int = Field(ge=1, le=1000)
    after: int = Field(ge=1, le=1000)
    probability: float = Field(ge=0, lt=1)
    mass_constraint: bool = False
    vertex: bool = False
    inputs: tuple[str, ...] = Field(min_length=1)
    source: str = Field(min_length=1)

    @property
    def list_name(self) -> str:
        """Name of the list of its candidates."""
        return f"{self.particle}:{LABEL}"

    @property
    def folder(self) -> str:
        """Name of the folder of its classifiers."""
        return re.sub(r"[^\w+*-]", "_", self.particle)

    def modes(self) -> list[Mode]:
        """Ways to make it in the order of their ``decayModeID``."""
        taken = [Mode(self.of, None, None)] if self.of else []
        return taken + [Mode(c.decay, parse_decay(c.decay), c.window or self.window) for c in self.channels]

    def most_daughters(self) -> int:
        """Largest number of daughters of a channel; two for lists that are taken as they are."""
        return max([2, *(len(mode.decay.daughters) for mode in self.modes() if mode.decay)])


class Mode:
    """One way to make a particle: a list that is taken as it is, or a decay with its window."""

    __slots__ = ("decay", "name", "window")

    def __init__(self, name: str | None, decay: Decay | None, window: WindowConfig | None) -> None:
        self.name, self.decay, self.window = name or "", decay, window

    def limits(self, mbc: float) -> best.Window:
        """Window for combinations; ``mbc`` is the smallest beam-constrained mass [GeV]."""
        assert self.decay is not None
        assert self.window is not None
        w, centre = self.window, 0.0
        if w.quantity != "deltaE":
            centre = mass(species(self.decay.name).pdg)
        if w.quantity == "Q":
            centre -= sum(mass(species(d.name).pdg) for d in self.decay.daughters)
        return best.Window(_QUANTITIES[w.quantity], centre - w.below, centre + w.above, centre, w.width, mbc)


class TagSettings(Config):
    """Settings of the classifiers, with sources; see ``data/hadronic_tag.yaml``."""

    trees: Quantity
    leaves: Quantity
    learning_rate: Quantity
    min_rows_in_leaf: Quantity
    min_signal: Quantity
    max_background: Quantity
    beam_constrained_mass: Quantity


class TagChannels(Config):
    """Stages of the hadronic tag in their order, and settings."""

    settings: TagSettings
    stages: tuple[Stage, ...] = Field(min_length=1)

    @property
    def heads(self) -> tuple[str, ...]:
        """Particles that no other stage uses: those that tag."""
        used = {d.name for s in self.stages for m in s.modes() if m.decay for d in m.decay.daughters}
        used |= {conjugate_name(name) for name in used}
        return tuple(s.particle for s in self.stages if s.particle not in used)


def load_channels(path: str | Path = CHANNELS) -> TagChannels:
    """Channels of a YAML file, the packaged one by default.

    Raises
    ------
    ConfigError
        With every mistake.
    """
    found = load(path, TagChannels)
    check_channels(found, str(path))
    return found


def channels_of(document: Any, source: str) -> TagChannels:
    """Channels of a parsed document; see :func:`load_channels`."""
    found = validate(document, TagChannels, source=source)
    check_channels(found, source)
    return found


def check_channels(channels: TagChannels, source: str) -> None:
    """Refuse channels whose names, charges, daughters, cuts or inputs are wrong.

    Raises
    ------
    ConfigError
        With every finding.
    """
    findings = Findings(source)
    made: set[str] = set()
    for i, stage in enumerate(channels.stages):
        where = f"stages[{i}]"
        if stage.particle in made:
            findings.error("twice", f"{where}.particle", f"'{stage.particle}' has two stages")
        if not stage.of and not stage.channels:
            findings.error("empty", where, f"'{stage.particle}' has neither 'of' nor channels")
        for path, problem in _problems(stage, made):
            findings.error("channel", f"{where}.{path}", problem)
        made |= {stage.particle}
        if not findings.errors:
            made |= {conjugate_name(stage.particle)}
    findings.raise_if_errors(ConfigError)


def _problems(stage: Stage, made: set[str]) -> Iterator[tuple[str, str]]:
    """Path and text of everything that is wrong with a stage; ``made`` holds the particles of those before."""
    for k, channel in enumerate(stage.channels):
        try:
            decay = parse_decay(channel.decay)
            check_decay(decay, {}, allow_charge_violation=False)
        except InputError as problem:
            yield f"channels[{k}]", str(problem)
            continue
        if not decay.daughters or decay.name != stage.particle:
            yield f"channels[{k}]", f"'{channel.decay}' is no decay of {stage.particle}"
        for d in decay.daughters:
            if d.name not in made or d.label or d.daughters:
                near = nearest(d.name, made)
                yield f"channels[{k}]", f"no stage before makes '{d.list_name}'" + (f", near: {near}" if near else "")
        if channel.window is None and stage.window is None:
            yield f"channels[{k}]", "it has no window"
    for name, text, read in [("cut", stage.cut, compile_condition), *(
            (f"inputs '{t}'", t.format(0, 1, 2, 3), compile_variable) for t in stage.inputs)]:
        try:
            read(text)
        except InputError as problem:
            yield name, str(problem)
        truth = [word for word in re.findall(r"\w+", text) if word in TRUTH]
        if truth:
            yield name, f"'{truth[0]}' is truth, which no selection may look at"


def expanded(inputs: tuple[str, ...], daughters: int) -> tuple[str, ...]:
    """Inputs with every ``{}`` filled by the numbers of the daughters, each variable once."""
    found: list[str] = []
    for text in inputs:
        places = text.count("{}")
        if not places:
            found.append(text)
        elif places < daughters or (places == daughters and not text.startswith("daughterInvM")):
            found += [text.format(*chosen) for chosen in itertools.combinations(range(daughters), places)]
    return tuple(dict.fromkeys(found))
