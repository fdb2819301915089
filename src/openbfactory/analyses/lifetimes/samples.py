"""Tables of candidates of a run: signal, generic background, other detectors, heavier hadrons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from openbfactory.analyses import RunOptions
from openbfactory.analyses.lifetimes.config import Lifetimes, Mode
from openbfactory.core.units import events_expected
from openbfactory.experiment import load_card
from openbfactory.generate import SAMPLES, settled
from openbfactory.pipeline.tables import CandidateMaker, SampleSetting, SampleTable, candidate_tables

#: fewest events of a sample of heavier hadrons
FEWEST = 2000


@dataclass(frozen=True, slots=True)
class Samples:
    """Makes the tables of a mode for a run; each set has a folder below that of the run."""

    name: str
    mode: Mode
    config: Lifetimes
    options: RunOptions

    def expected(self, sample: str, luminosity: float) -> int:
        """Events of an enriched sample in a luminosity [fb^-1]."""
        chosen = SAMPLES[sample]
        assert chosen.cross_section is not None
        machine = load_card(self.options.detector).machine
        sigma, _ = chosen.cross_section(settled(sample, chosen.parameters, {}), machine)
        return round(events_expected(sigma, luminosity))

    def tables(self, sizes: Mapping[str, int], folder: str = "", card: str = "", *,
               background: bool = False) -> dict[str, SampleTable]:
        """Candidates of every sample, of a card other than that of the run if one is named."""
        options, card = self.options, card or self.options.detector
        maker = CandidateMaker(card, self.mode.request(self.config.trigger, background=background),
                               {sample: SampleSetting(sample) for sample in sizes})
        execution = options.execution(folder, self.config.chunk_size)
        return candidate_tables(f"lifetimes.{self.name}", maker, sizes, execution, {
            "analysis": f"lifetimes.{self.name}", "card": load_card(card).digest()})

    def varied(self, events: int) -> tuple[SampleTable, dict[str, dict[str, SampleTable]]]:
        """Signal of the card of the run, and of the cards that differ from it by source and change."""
        sample, below = self.mode.sample, self.options.output / "variations"
        found: dict[str, dict[str, SampleTable]] = {}
        nominal = self.tables({sample: events}, "variations/nominal")[sample]
        for source, changes in self.config.variations.items():
            for change in changes:
                (section, values), = change.items()
                (key, value), = values.items()
                card = _varied(self.options.detector, below, key, {section: {key: value}})
                table = self.tables({sample: events}, f"variations/{key}", str(card))[sample]
                found.setdefault(source, {})[f"{key} {value:g}"] = table
        return nominal, found

    def heavier(self, luminosity: float) -> dict[str, tuple[SampleTable, float]]:
        """Samples of heavier hadrons that decay to this one, with the weight of their events."""
        found = {}
        for sample in self.mode.feed_down:
            expected = self.expected(sample, luminosity)
            events = max(expected, FEWEST)
            found[sample.removeprefix("charm-")] = (self.tables({sample: events}, sample)[sample], expected / events)
        return found


def _varied(base: str, folder: Path, name: str, change: dict[str, dict[str, float]]) -> Path:
    """Card file that differs from another in some numbers of the detector."""
    below = str(Path(base).resolve()) if base.endswith((".yaml", ".yml")) else base
    path = folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"extends": below, "detector": change}), encoding="utf-8")
    return path.resolve()
