"""Reconstruction of a batch of events: particle lists by name, combinations, cuts, fits and ranks.

This is what an analyst talks to::

    r = Reconstruction.of_card(events, card)
    r.combine("D0:kpi -> K-:loose pi+:all", "1.8 < M < 1.93")
    dst = r.combine("D*+ -> D0:kpi pi+:all", "massDifference(0) < 0.16")
    dst["M"], dst["useCMSFrame(p)"], dst["isSignal"]

Lists of a particle and of its antiparticle are one; charge conjugation is
implied.  Names without label mean the default list of that particle
(``data/standard_lists.yaml``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import CutError, InputError, UnknownNameError
from openbfactory.events.record import Events
from openbfactory.experiment.detector import Detector
from openbfactory.physics.particles import conjugate_name, species
from openbfactory.reconstruct import base_particles as base
from openbfactory.reconstruct.cut_of_daughters import daughter_cuts
from openbfactory.reconstruct.decay_string import Decay, parse_decay, split_list_name
from openbfactory.reconstruct.expressions import Passes, compile_condition, compile_variable
from openbfactory.reconstruct.families import check_decay, combined_rows, event_blocks, mass_window
from openbfactory.reconstruct.flavour_tagger import FlavourTagger
from openbfactory.reconstruct.list_fits import fit_vertices_of
from openbfactory.reconstruct.lists import ParticleList
from openbfactory.reconstruct.objects import DetectorObjects
from openbfactory.reconstruct.particles import Particles
from openbfactory.reconstruct.standard_lists import MASS, Entry, default_label, recipe, standard_lists, standard_names
from openbfactory.reconstruct.tree_fits import fit_tree
from openbfactory.reconstruct.view import View

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: kinds of fits of a candidate
FITS = ("vertex", "tree")


class Reconstruction(DetectorObjects):
    """Particles and lists of some events.

    Attributes
    ----------
    events
        Detector objects, with truth where there is any.
    beam : (4,) float64
        Nominal four-momentum of the collision [GeV], lab frame.
    field
        Field along z [T].
    ip, ip_covariance : (3,), (3, 3) float64
        Interaction point [cm] and its covariance [cm^2].
    detector
        Detector of the card, for the resolution of clusters; None where none was given.
    particles
        Table of all particles.
    flavour_tagger
        What gives the flavour of the other B (:mod:`openbfactory.reconstruct.flavour_tagger`); None for none.
    failed_fits
        Number of fits without result, by list; those candidates stay, with ``chiProb`` -1.
    """

    def __init__(self, events: Events, *, beam: Array, field: float = 1.5, ip: Array | None = None,
                 ip_covariance: Array | None = None, detector: Detector | None = None) -> None:
        super().__init__(events, field, np.zeros(3) if ip is None else np.array(ip, np.float64), detector)
        self.beam: Array = np.array(beam, np.float64)
        self.ip_covariance: Array = np.zeros((3, 3)) if ip_covariance is None else np.array(ip_covariance, np.float64)
        self.particles = Particles()
        self.flavour_tagger: FlavourTagger | None = None
        self.failed_fits: dict[str, int] = {}
        self._lists: dict[tuple[int, str], ParticleList] = {}
        self._masks: dict[str, tuple[str, str, str]] = {}

    @classmethod
    def of_card(cls, events: Events, card: Any) -> Reconstruction:
        """Reconstruction with the beams, field and luminous region of a detector card."""
        region = card.machine.luminous_region
        covariance = np.diag([region.x.value**2, region.y.value**2, region.z.value**2])
        return cls(events, beam=card.machine.p4, field=card.detector.field.value, ip_covariance=covariance,
                   detector=card.detector)

    def __getitem__(self, name: str) -> ParticleList:
        return self.get(name)

    @property
    def names(self) -> list[str]:
        """Names of the lists that were made so far."""
        return [made.name for made in self._lists.values()]

    def get(self, name: str) -> ParticleList:
        """List of a name, made on first use where it is a standard one.

        Raises
        ------
        UnknownNameError
            With the nearest name.
        """
        particle, label = split_list_name(name)
        code = abs(species(particle).pdg)
        for tried in (label, default_label(particle)) if not label else (label,):
            if (code, tried) in self._lists:
                return self._lists[code, tried]
        if not label and not default_label(particle):
            findings = Findings(f"particle list '{name}'")
            known = [made for made in (*self.names, *standard_names()) if made.partition(":")[0] in
                     (particle, conjugate_name(particle))]
            findings.error("no-list", name, f"no list '{name}' was made, and there is no default list of this particle",
                           expected=" or ".join([*known, f"a decay in brackets, [{particle} -> ...]"]))
            raise CutError(findings)
        return self._standard(particle, label or default_label(particle))

    def fill(self, name: str, cut: str = "") -> ParticleList:
        """New list of a final-state particle: all tracks or clusters that pass a cut."""
        particle, _ = split_list_name(name)
        return self.cut(name, f"{particle}:all", cut)

    def cut(self, name: str, source: str | ParticleList, cut: str) -> ParticleList:
        """New list of the candidates of another one that pass a cut."""
        made = self.get(source) if isinstance(source, str) else source
        text = f"{made.name} [{cut}]"
        return self._known(name, text) or self._register(
            name, made.rows[made.mask(cut)], text, made.decay, made.self_conjugate)

    def fill_generated(self, name: str, cut: str = "") -> ParticleList:
        """New list of all generated particles of a kind that pass a cut (``fillParticleListFromMC``)."""
        particle, _ = split_list_name(name)
        rows = base.generated_particles(self)
        rows = rows[np.abs(self.particles["pdg"][rows]) == abs(species(particle).pdg)]
        text = f"generated [{cut}]"
        rows = rows[compile_condition(cut)(View(self, rows))]
        return self._known(name, text) or self._register(name, rows, text, None, conjugate_name(particle) == particle)

    def join(self, name: str, sources: Iterable[str]) -> ParticleList:
        """New list of all candidates of several ones, each once."""
        lists = [self.get(source) for source in sources]
        rows = np.unique(np.concatenate([made.rows for made in lists]))
        rows = rows[np.argsort(self.particles["event"][rows], kind="stable")]
        text = " + ".join(made.name for made in lists)
        return self._known(name, text) or self._register(name, rows, text, None, lists[0].self_conjugate)

    def adopt(self, name: str, rows: Index, recipe: str) -> ParticleList:
        """New list of particles of the table, sorted by event, that somebody else made as ``recipe`` says."""
        particle, _ = split_list_name(name)
        return self._known(name, recipe) or self._register(name, rows, recipe, None,
                                                           conjugate_name(particle) == particle)

    def combine(self, decay: str | Decay, cut: str = "", *, cuts: Mapping[str, str] | None = None,
                allow_charge_violation: bool = False) -> ParticleList:
        """New list of all combinations that make a decay, of both charges.

        Parameters
        ----------
        decay
            Decay string; particles that decay further in brackets are combined first.
        cut
            Cut string that the mother must pass.
        cuts
            Cut strings for the particles in brackets, by name as written (``"D0"``).

        Raises
        ------
        CutError
            For a wrong string, unknown names, a charge that is not conserved, or a list that exists already.
        """
        tree = parse_decay(decay) if isinstance(decay, str) else decay
        wanted = dict(cuts or {})
        check_decay(tree, wanted, allow_charge_violation=allow_charge_violation)
        if not tree.daughters:
            return self.get(tree.list_name) if not cut else self.cut(
                f"{tree.name}:{tree.label or default_label(tree.name)}_cut", tree.list_name, cut)
        return self._combine(tree, cut, wanted, top=True)

    def fit(self, source: str | ParticleList, kind: str = "vertex", *, ip_constraint: bool = False,
            mass_constraints: Iterable[str] = ()) -> ParticleList:
        """The same list after a fit of each candidate, which sets momentum, vertex, covariance and ``chiProb``.

        Parameters
        ----------
        kind
            ``vertex``: the tracks of a candidate meet in one point; ``tree``: the whole decay with the flights of what
            lives long, see :mod:`openbfactory.reconstruct.tree_fits`.
        ip_constraint
            The candidate comes from the interaction region (``tree``).
        mass_constraints
            Names of particles whose mass is fixed (``tree``).

        Raises
        ------
        UnknownNameError
            For another kind, or a particle that does not exist.
        InputError
            For a list that cannot be fitted so.
        """
        made = self.get(source) if isinstance(source, str) else source
        if ip_constraint and not np.linalg.det(self.ip_covariance) > 0.0:
            message = "the interaction region has no size: give 'ip_covariance', or a card"
            raise InputError(message)
        if kind == "tree":
            fit_tree(made, ip_constraint=ip_constraint, mass_constraints=mass_constraints, detector=self.detector)
            self.failed_fits.setdefault(made.name, 0)
        elif kind != "vertex":
            raise UnknownNameError("fit", kind, FITS)
        elif ip_constraint or [*mass_constraints]:
            message = "a vertex fit takes no constraints; ask for the fit 'tree'"
            raise InputError(message)
        else:
            self.failed_fits[made.name] = fit_vertices_of(self, made.rows)
        return made

    def rank(self, source: str | ParticleList, variable: str, *, highest: bool = True, keep: int = 0,
             same_rank: bool = False, name: str | None = None) -> ParticleList:
        """The candidates with the ``keep`` best ranks in each event (all for 0), with ``extraInfo(VARIABLE_rank)``.

        Parameters
        ----------
        variable
            What to rank by; candidates where it is NaN come last.
        highest
            The largest value is rank 1, else the smallest.
        same_rank
            Equal values get the same rank.
        name
            Name of the extra information, ``VARIABLE_rank`` by default.
        """
        made = self.get(source) if isinstance(source, str) else source
        values = compile_variable(variable)(made.view())
        keyed = np.where(np.isnan(values), np.inf, -values if highest else values)
        event = made.event
        order = np.lexsort((np.arange(len(keyed)), keyed, event))
        first = made.offsets[event[order]]
        place = np.arange(len(order)) - first + 1
        if same_rank and len(order):
            new = np.concatenate([[True], (np.diff(keyed[order]) != 0) | (np.diff(event[order]) != 0)])
            count = np.cumsum(new)
            place = count - count[first] + 1
        rank = np.empty(len(order), np.int64)
        rank[order] = place
        self.particles.attach(name or f"{variable}_rank", made.rows, rank.astype(np.float64))
        if keep:
            made.rows = made.rows[rank <= keep]
        return made

    def append_mask(self, name: str, tracks: str = "", clusters: str = "", klm: str = "") -> None:
        """Name a mask of the rest of event: cut strings of tracks (as pions), photons and K_L clusters that count.

        Raises
        ------
        CutError
            For wrong strings, or a name that another mask has.
        """
        cuts = (tracks, clusters, klm)
        for cut in cuts:
            compile_condition(cut)
        if self._masks.setdefault(name, cuts) != cuts:
            findings = Findings(f"mask '{name}'")
            findings.error("mask-exists", name, f"the mask exists already, with {self._masks[name]}",
                           expected="another name")
            raise CutError(findings)

    def mask(self, name: str) -> dict[str, Any]:
        """Masks of a name for :func:`openbfactory.reconstruct.rest_of_event.masked`.

        Raises
        ------
        UnknownNameError
            With the nearest mask.
        """
        if name not in self._masks:
            raise UnknownNameError("mask of the rest of event", name, self._masks or ["(none was made)"])
        tracks, clusters, klm = self._masks[name]
        photons = self.get("gamma:all")
        kept = np.ones(self.events["ECLClusters"].size, np.bool_)
        kept[self.particles["row"][photons.rows]] = photons.mask(clusters)
        found = {"tracks": self.get("pi+:all").mask(tracks), "clusters": kept}
        if "KLMClusters" in self.events.lists:
            made = self.get("K_L0:allklm")
            found["klm"] = np.ones(self.events["KLMClusters"].size, np.bool_)
            found["klm"][self.particles["row"][made.rows]] = made.mask(klm)
        return found

    def _combine(self, tree: Decay, cut: str, cuts: Mapping[str, str], *, top: bool) -> ParticleList:
        """List of a decay, made once; a negative code makes the conjugate."""
        if tree.pdg < 0 and conjugate_name(tree.name) != tree.name:
            tree = tree.conjugate()
        text = f"{tree} [{cut}] {sorted(cuts.items())}"
        name = tree.list_name if tree.label or top else f"{tree.name}:<{text}>"
        known = self._known(name, text)
        if known is not None:
            return known
        condition = compile_condition(cut)
        asked, codes = daughter_cuts(condition.tree), [abs(d.pdg) for d in tree.daughters]
        lists = []
        for i, d in enumerate(tree.daughters):
            own = cuts.get(d.list_name, cuts.get(conjugate_name(d.name) + f":{d.label}" * bool(d.label), ""))
            if i in asked and not d.label and codes.count(codes[i]) == 1:
                own = f"[{own}] and {asked[i]}" if own else asked[i]
            lists.append(self._combine(d, own, cuts, top=False) if d.daughters else self.get(d.list_name))
        condition(View(self, np.empty(0, np.int64)))  # makes the lists that the cut names
        window = mass_window(condition.tree)
        rows = [self._passing(combined_rows(self.particles, tree, lists, window, block), condition if cut else None)
                for block in event_blocks(lists)]
        return self._register(name, np.concatenate(rows), text, tree, conjugate_name(tree.name) == tree.name)

    def _passing(self, rows: Index, condition: Passes | None) -> Index:
        """Rows, the last of the table, that pass; the others are forgotten."""
        if condition is None:
            return rows
        mask = condition(View(self, rows))
        if len(rows) and self.particles.size > rows[-1] + 1:  # the cut made further particles: nothing may move
            return rows[mask]
        return self.particles.keep_last(self.particles.size - len(rows), mask)

    def _key(self, name: str) -> tuple[int, str]:
        particle, _, label = name.partition(":")
        return abs(species(particle).pdg), label

    def _known(self, name: str, text: str) -> ParticleList | None:
        """List of that name if it was made in the same way."""
        made = self._lists.get(self._key(name))
        if made is not None and made.recipe != text:
            findings = Findings(f"particle list '{name}'")
            findings.error("list-exists", name, f"the list exists already, made as {made.recipe}",
                           expected="another label")
            raise CutError(findings)
        return made

    def _register(self, name: str, rows: Index, text: str, decay: Decay | None, self_conjugate: bool) -> ParticleList:
        made = ParticleList(self, name, rows, text, decay, self_conjugate)
        self._lists[self._key(name)] = made
        return made

    def _standard(self, particle: str, label: str) -> ParticleList:
        """A standard list."""
        found = recipe(particle, label)
        name, entry = found.name, found.entry
        label = name.partition(":")[2]
        key = self._key(name)
        if key in self._lists:  # another name of a list that is there
            return self._lists[key]
        if entry.of is not None:
            return self.cut(name, entry.of, entry.cut)
        if entry.join:
            return self.join(name, entry.join)
        if entry.decay is not None:
            tree = parse_decay(entry.decay)
            made = self._combine(Decay(tree.name, tree.pdg, label, arrow=tree.arrow, daughters=tree.daughters),
                                 entry.cut, {}, top=True)
            if entry.fit:
                self._fit_standard(made, entry, key)
            return made
        rows = self._base_rows(particle, label)
        return self._register(name, rows, "detector objects", None, conjugate_name(particle) == particle)

    def _fit_standard(self, made: ParticleList, entry: Entry, key: tuple[int, str]) -> None:
        """Fit a standard list and cut it; a list that cannot be fitted is forgotten."""
        try:
            if entry.fit == MASS:
                self.fit(made, "tree", ip_constraint=True, mass_constraints=[made.name.partition(":")[0]])
            else:
                self.fit(made)
        except InputError:
            del self._lists[key]
            raise
        made.rows = made.rows[made.mask(entry.after)]

    def _base_rows(self, particle: str, label: str) -> Index:
        """Particles from detector objects."""
        code = abs(species(particle).pdg)
        if code == base.PHOTON:
            return base.photon_particles(self)
        if code == base.KLONG and label == "allecl":
            return base.klong_ecl_particles(self)
        if code == base.KLONG:
            if "KLMClusters" not in self.events.lists:
                return np.empty(0, np.int64)
            return base.klong_klm_particles(self, standard_lists().klong["momentum_per_layer"].value)
        return base.track_particles(self, code)

    def track_p4(self) -> Array:
        """E, px, py, pz (tracks, 4) [GeV] of every track as a pion."""
        return self.cached("track_p4", lambda: self.particles["p4"][self.get("pi+:all").rows].copy())


__all__ = ["ParticleList", "Reconstruction", "standard_names"]
