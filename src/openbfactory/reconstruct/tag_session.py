"""Stages of the hadronic tag on some events: candidates, inputs of classifiers, the best of each stage.

Method, as the full event interpretation (T. Keck et al., Comput. Softw. Big Sci. 3 (2019) 6): a stage combines the
best candidates of the stages before it; those that a pre-cut leaves get a probability to be right from a classifier of
their channel; the best of each particle go on.  Every number of candidates that a limit cuts away is counted.

Approximation: candidates have the sum of the momenta of their daughters; a vertex fit of the tracks among these gives
charm mesons a vertex and its probability, and leaves the momentum as it is (a K_S of two tracks is fitted in full).  A
pi0 gets the nominal mass by one factor on both photons: exact directions, equal relative uncertainties.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from openbfactory.physics.particles import conjugate_name, mass, species
from openbfactory.reconstruct.best_combinations import Leg, best_combinations, make_leg
from openbfactory.reconstruct.expressions import compile_condition, compile_variable
from openbfactory.reconstruct.families import append_mothers, roles
from openbfactory.reconstruct.list_fits import vertices_of_tracks
from openbfactory.reconstruct.lists import ParticleList
from openbfactory.reconstruct.reconstruction import Reconstruction
from openbfactory.reconstruct.tag_channels import MODE, PROBABILITY, RANK, Mode, Stage, TagChannels
from openbfactory.reconstruct.vectors import in_rest_frame, mass_of
from openbfactory.reconstruct.view import View

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(slots=True)
class StageCounts:
    """What became of the candidates of a channel.

    Attributes
    ----------
    found
        In the window (those that pass the cut, for detector objects).
    classified
        Within the limit of a channel and event: these reach the classifier.
    likely
        With a probability above that of the stage.
    kept
        Within the limit of a particle and event.
    """

    found: int = 0
    classified: int = 0
    likely: int = 0
    kept: int = 0

    def __iadd__(self, other: StageCounts) -> StageCounts:
        self.found += other.found
        self.classified += other.classified
        self.likely += other.likely
        self.kept += other.kept
        return self


@dataclass(slots=True)
class TagSession:
    """The hadronic tag of some events, stage by stage.

    Attributes
    ----------
    owner
        Reconstruction that the lists go to.
    channels
        What to combine.
    counts
        By particle and channel, for the stages that are finished.
    """

    owner: Reconstruction
    channels: TagChannels
    counts: dict[tuple[str, str], StageCounts] = field(default_factory=dict)
    _legs: dict[str, Leg] = field(default_factory=dict)
    _found: dict[str, int] = field(default_factory=dict)

    def begin(self, stage: Stage) -> int:
        """Number of particles before the candidates of a stage, when every list that it asks for is made."""
        none = View(self.owner, np.empty(0, np.int64))
        if stage.of:
            self.owner.get(stage.of)
        for text in (*stage.inputs, *([stage.rank] if stage.rank else [])):
            compile_variable(text.format(0, 1, 2))(none)
        compile_condition(stage.cut)(none)
        return self.owner.particles.size

    def candidates(self, stage: Stage) -> list[Index]:
        """Rows of the candidates of every channel of a stage that reach its classifier, sorted by event."""
        found = [self._combined(stage, mode) if mode.decay else self._taken(stage) for mode in stage.modes()]
        for k, rows in enumerate(found):
            self.owner.particles.attach(MODE, rows, np.full(len(rows), float(k)))
        return found

    def inputs(self, rows: Index, names: tuple[str, ...]) -> Array:
        """Table (n, k) of the inputs of a classifier; NaN where one is not there."""
        view, table = View(self.owner, rows), np.empty((len(rows), len(names)))
        for k, name in enumerate(names):
            table[:, k] = compile_variable(name)(view)
        table[np.isinf(table)] = np.nan
        return table

    def signal(self, rows: Index) -> npt.NDArray[np.bool_]:
        """True (n,) for candidates that are right, by truth; for training only."""
        found: npt.NDArray[np.bool_] = compile_variable("isSignal")(View(self.owner, rows)) == 1.0
        return found

    def forget(self, begin: int) -> None:
        """Forget the candidates from row ``begin`` on."""
        particles = self.owner.particles
        particles.keep_last(begin, np.zeros(particles.size - begin, np.bool_))

    def finish(self, stage: Stage, begin: int, rows: list[Index], probabilities: list[Array]) -> ParticleList:
        """List of the best candidates of a stage, ``NAME:tag``, for the stages after it.

        Parameters
        ----------
        begin
            Number of particles before the stage; those after it are its candidates.
        rows, probabilities
            Candidates of each channel and the outputs of their classifiers.
        """
        particles = self.owner.particles
        every, p = np.concatenate(rows), np.concatenate(probabilities)
        mode = np.repeat(np.arange(len(rows)), [len(r) for r in rows])
        particles.attach(PROBABILITY, every, p)
        event = particles["event"][every]
        order = np.lexsort((np.arange(len(p)), -p, event))
        order = order[p[order] > stage.probability]
        likely = np.bincount(mode[order], minlength=len(rows))
        place = np.arange(len(order)) - np.searchsorted(event[order], event[order])
        order = order[place < stage.after]
        kept = np.bincount(mode[order], minlength=len(rows))
        for k, m in enumerate(stage.modes()):
            self.counts[stage.particle, m.name] = StageCounts(
                self._found[m.name], len(rows[k]), int(likely[k]), int(kept[k]))
        chosen = self._compacted(every[order], begin)
        if stage.mass_constraint:
            p4 = particles["p4"]
            p4[chosen] *= (mass(species(stage.particle).pdg) / mass_of(p4[chosen]))[:, np.newaxis]
        made = self.owner.adopt(stage.list_name, chosen, f"hadronic tag {self.channels.digest()}")
        self._legs[stage.particle] = self._legs[conjugate_name(stage.particle)] = self._leg(made, p[order])
        return made

    def _compacted(self, chosen: Index, begin: int) -> Index:
        """Rows of the chosen candidates when the others of their stage are forgotten."""
        particles = self.owner.particles
        mask = np.zeros(particles.size - begin, np.bool_)
        new = chosen >= begin
        mask[chosen[new] - begin] = True
        number = begin - 1 + np.cumsum(mask)
        particles.keep_last(begin, mask)
        return np.where(new, number[np.where(new, chosen - begin, 0)] if len(mask) else chosen, chosen)

    def _leg(self, made: ParticleList, probability: Array) -> Leg:
        """What combinations need of a finished list."""
        particles, rows = self.owner.particles, made.rows
        sources = particles.sources[rows]
        width = max(1, int(np.count_nonzero(sources >= 0, axis=1).max(initial=1)))
        return make_leg(rows, made.offsets, in_rest_frame(particles["p4"][rows], self.owner.beam), probability,
                        particles["flavour"][rows], np.ascontiguousarray(sources[:, :width]))

    def _taken(self, stage: Stage) -> Index:
        """The best rows of a list by the variable of the stage."""
        assert stage.of is not None
        made = self.owner.get(stage.of)
        rows = made.rows[made.mask(stage.cut)] if stage.cut else made.rows
        event = self.owner.particles["event"][rows]
        keyed = compile_variable(stage.rank)(View(self.owner, rows)) if stage.rank else np.zeros(len(rows))
        order = np.lexsort((np.arange(len(rows)), np.where(np.isnan(keyed), np.inf, -keyed), event))
        rank = np.empty(len(rows), np.int64)
        rank[order] = np.arange(len(rows)) - np.searchsorted(event, event[order])
        self.owner.particles.attach(RANK, rows, (rank + 1).astype(np.float64))
        self._found[stage.of] = len(rows)
        return rows[rank < stage.before]

    def _combined(self, stage: Stage, mode: Mode) -> Index:
        """The best combinations of a channel."""
        tree, particles = mode.decay, self.owner.particles
        assert tree is not None
        lists = [self.owner.get(f"{d.name}:tag") for d in tree.daughters]
        role = roles(tree, lists)
        found, seen = best_combinations(
            [self._legs[d.name] for d in tree.daughters], role.signs, role.keys, both=not role.mirrored,
            window=mode.limits(self.channels.settings.beam_constrained_mass.value),
            half=0.5 * float(mass_of(self.owner.beam)), keep=stage.before)
        found.p4[:] = particles["p4"][found.daughters].sum(axis=1)
        rows = append_mothers(particles, tree, found, role)
        place = np.arange(len(rows)) - np.searchsorted(found.event, found.event)
        particles.attach(RANK, rows, (place + 1).astype(np.float64))
        if stage.vertex:
            vertices_of_tracks(self.owner, rows)
        self._found[mode.name] = int(seen.sum())
        return rows
