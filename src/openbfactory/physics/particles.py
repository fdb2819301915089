"""The species table: mass, width, lifetime, charge and spin of every particle that a decay file may name.

Method: names and codes follow EvtGen's decay files (map of the `particle` package), values are those of the
Particle Data Group table in the same package, converted from MeV once, here.  Species that the table lacks, and
values that it holds only as limits, come from ``data/species.yaml`` with their sources.

Left out: uncertainties; quarks and diquarks have constituent masses, which only set the lower edge of partonic
channels.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from openbfactory.core.config import Config, load
from openbfactory.core.errors import UnknownNameError
from openbfactory.core.units import MeV, hbar, speed_of_light

DATA = Path(str(files("openbfactory.physics"))) / "data"

#: PDG code of the initial systems
UPSILON_4S = 300553
VIRTUAL_PHOTON = 10022


class ExtraSpecies(Config):
    """One species that the table of the Particle Data Group lacks."""

    pdg: int
    mass: float
    charge3: int
    spin2: int
    source: str
    width: float = 0.0
    self_conjugate: bool = False
    note: str | None = None


class OverriddenSpecies(Config):
    """Values that replace those of the table."""

    source: str
    mass: float | None = None
    width: float | None = None
    note: str | None = None


class StableSpecies(Config):
    """Names of species that leave generation undecayed, or that decay at displaced vertices."""

    names: tuple[str, ...]
    source: str


class LineShapeLimits(Config):
    """Limits of the mass line shapes."""

    narrow_width: float
    window: float
    decay_radius: float
    birth_radius: float
    source: str


class PartonMasses(Config):
    """Constituent masses of the quarks by PDG code."""

    masses: dict[int, float]
    source: str


class SpeciesFile(Config):
    """Content of ``data/species.yaml``."""

    overrides: dict[str, OverriddenSpecies]
    extra: dict[str, ExtraSpecies]
    stable: StableSpecies
    displaced: StableSpecies
    partons: PartonMasses
    limits: LineShapeLimits


@dataclass(frozen=True, slots=True)
class Species:
    """One species.

    Attributes
    ----------
    name
        Name in decay files.
    pdg
        PDG code.
    mass, width
        In GeV; the width is 0 where it is not known.
    charge3
        Charge in units of e/3.
    spin2
        Twice the spin.
    """

    name: str
    pdg: int
    mass: float
    width: float
    charge3: int
    spin2: int

    @property
    def ctau(self) -> float:
        """Proper decay length in cm; 0 for a species without known width."""
        return hbar * speed_of_light / self.width if self.width > 0 else 0.0

    @property
    def is_parton(self) -> bool:
        """True for quarks, gluons, diquarks and the flavour codes of Pythia."""
        return is_parton(self.pdg)

    @property
    def baryon_number(self) -> int:
        """Baryon number of a hadron, 0 for leptons and partons."""
        code = abs(self.pdg)
        if code > 1_000_000_000:
            return (code // 10 % 1000) * (1 if self.pdg > 0 else -1)
        baryon = not self.is_parton and code // 1000 % 10 > 0 and code // 100 % 10 > 0 and code // 10 % 10 > 0
        return (1 if self.pdg > 0 else -1) if baryon else 0

    def lepton_number(self, family: int) -> int:
        """Lepton number of a family: 0 electron, 1 muon, 2 tau."""
        code = abs(self.pdg)
        if code not in (11 + 2 * family, 12 + 2 * family):
            return 0
        return 1 if self.pdg > 0 else -1


def is_parton(pdg: int) -> bool:
    """True for quarks, gluons, diquarks and the flavour codes of Pythia."""
    code = abs(pdg)
    return code <= 8 or code in (21, 81, 82) or (1000 < code < 10_000 and code // 10 % 10 == 0)


@cache
def species_file() -> SpeciesFile:
    """Species beyond the table, stable species and limits of line shapes."""
    return load(DATA / "species.yaml", SpeciesFile)


@cache
def evtgen_codes() -> dict[str, int]:
    """PDG code of every name that EvtGen's decay files use."""
    import particle.data

    with (particle.data.basepath / "pdgid_to_evtgenname.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.reader(stream) if row and not row[0].startswith("#")]
    return {row[1]: int(row[0]) for row in rows[1:]}


@cache
def species_table() -> dict[str, Species]:
    """Every species by its name in decay files, in a fixed order."""
    from particle import Particle

    known = {int(p.pdgid): p for p in Particle.all()}
    table = {}
    for name, code in evtgen_codes().items():
        entry = known.get(code)
        if entry is not None:
            pole = _constituent_mass(code) if is_parton(code) else (entry.mass or 0.0) * MeV
            table[name] = Species(name, code, pole, max(entry.width or 0.0, 0.0) * MeV, int(entry.three_charge or 0),
                                  _spin2(entry.J))
        elif is_parton(code):
            table[name] = Species(name, code, _constituent_mass(code), 0.0, 0, 0)
    names = {code: name for name, code in evtgen_codes().items()}
    for name, extra in species_file().extra.items():
        table[name] = Species(name, extra.pdg, extra.mass, extra.width, extra.charge3, extra.spin2)
        if not extra.self_conjugate:
            other = names[-extra.pdg]
            table[other] = Species(other, -extra.pdg, extra.mass, extra.width, -extra.charge3, extra.spin2)
    for name, override in species_file().overrides.items():
        old = table[name]
        table[name] = Species(name, old.pdg, override.mass if override.mass is not None else old.mass,
                              override.width if override.width is not None else old.width, old.charge3, old.spin2)
    return table


def species(name: str) -> Species:
    """Species of a name in decay files.

    Raises
    ------
    UnknownNameError
        With the nearest known name.
    """
    table = species_table()
    if name not in table:
        raise UnknownNameError("particle", name, table)
    return table[name]


@cache
def _by_code() -> dict[int, Species]:
    """First species of each PDG code."""
    found: dict[int, Species] = {}
    for entry in species_table().values():
        found.setdefault(entry.pdg, entry)
    return found


def species_of(pdg: int) -> Species:
    """Species of a PDG code.

    Raises
    ------
    UnknownNameError
        When no decay file can name it.
    """
    found = _by_code().get(int(pdg))
    if found is None:
        raise UnknownNameError("PDG code", str(pdg), [str(code) for code in _by_code()])
    return found


def conjugate_name(name: str) -> str:
    """Name of the antiparticle (the name itself for a self-conjugate species)."""
    code = -species(name).pdg
    return _by_code()[code].name if code in _by_code() else name


def mass(pdg: int) -> float:
    """Mass in GeV of a PDG code."""
    return species_of(pdg).mass


def _constituent_mass(pdg: int) -> float:
    """Constituent mass of a quark or diquark, 0 for other partons."""
    masses, code = species_file().partons.masses, abs(pdg)
    if 1000 < code < 10_000:
        return masses[code // 1000] + masses[code // 100 % 10]
    return masses.get(code, 0.0)


def _spin2(spin: float | None) -> int:
    """Twice the spin, 0 where it is not known."""
    return 0 if spin is None or math.isnan(spin) else round(2 * spin)
