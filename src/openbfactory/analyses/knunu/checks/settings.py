"""Settings of the checks (sections of ``checks.yaml``), what a user asks of them, and the provenance of a check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from openbfactory.analyses import RunOptions
from openbfactory.core.config import Config, digest, read_yaml, validate
from openbfactory.core.provenance import Provenance
from openbfactory.core.quantities import references_in
from openbfactory.experiment import load_card
from openbfactory.generate import SAMPLES
from openbfactory.pipeline.candidates import Request

C = TypeVar("C", bound=Config)

#: numbers of all checks
PATH = Path(__file__).with_name("checks.yaml")


class Combination(Config):
    """Decay string, cuts of its particles and of the mother, and what the candidates of an event are ranked by."""

    decay: str
    cuts: dict[str, str]
    cut: str
    rank: str = ""

    def requested(self, *variables: str) -> Request:
        """Request of the candidates with some variables."""
        return Request(self.decay, self.cut, self.cuts, variables, rank=self.rank)


def section(name: str, model: type[C]) -> C:
    """Settings of one check.

    Raises
    ------
    ConfigError
        With all findings.
    """
    document, _ = read_yaml(PATH)
    return validate(document[name], model, source=f"{PATH.name}: {name}")


def events_asked(options: RunOptions, preset: float, per_luminosity: float) -> int:
    """Events of a preset, or those of the luminosity [fb^-1] that a user asks for, at so many per fb^-1."""
    return round(preset if options.luminosity is None else options.luminosity * per_luminosity)


def made_of(options: RunOptions, settings: Config, cards: Iterable[str], samples: Mapping[str, int],
            *processes: str, others: Iterable[Config] = ()) -> Provenance:
    """Provenance of a check: its settings, the cards of its samples, their events, what the generated processes cite.

    Parameters
    ----------
    cards
        Names or paths.
    processes
        Names in the registry of samples.
    others
        Settings of other modules that it uses.
    """
    loaded, used = [load_card(c) for c in dict.fromkeys(cards)], (settings, *others)
    cited = {key for p in processes for key in SAMPLES[p].references}.union(*map(references_in, (*loaded, *used)))
    hashed = digest({"settings": [u.digest() for u in used], "cards": [c.digest() for c in loaded],
                     "samples": dict(samples)})
    return Provenance(hashed, options.seed, tuple(sorted(cited)))
