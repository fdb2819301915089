"""The collider of a card: beams, luminous region, cross sections, data sets.

Frame: the laboratory with z along the solenoid axis and both beams in the x-z
plane; electrons fly towards +z, positrons towards -z.

Method: each beam energy is Gaussian around its nominal value; directions are
fixed.  The vertex is Gaussian in x, y and z.  Approximation: no crossing-angle
rotation of the luminous region, no correlation of energy and position, all
collisions at t = 0 (the true spread is about 10 ps), and the energy is that of
the beams: initial-state radiation and the line shape of the resonance are the
generators' business.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openbfactory.core.config import Config
from openbfactory.core.errors import GenerationError, UnknownNameError
from openbfactory.core.quantities import Quantity
from openbfactory.core.units import events_expected
from openbfactory.experiment.dimensions import (
    Angle,
    CrossSection,
    Energy,
    EnergyResolution,
    LengthResolution,
    Luminosity,
    SignedEnergy,
)

Array = npt.NDArray[np.float64]

#: electron mass in GeV (CODATA 2018)
ELECTRON_MASS = 0.51099895e-3


class Beam(Config):
    """One beam: energy, angle to the z axis (towards +x) and energy spread."""

    energy: Energy
    angle: Angle
    spread: EnergyResolution

    def momentum(self, energy: Array, direction: int) -> Array:
        """Four-momenta (n, 4) [E, px, py, pz] in GeV for energies (n,); ``direction`` is +1 or -1 along z."""
        p = np.sqrt(energy * energy - ELECTRON_MASS * ELECTRON_MASS)
        angle = self.angle.value
        return np.stack([energy, p * np.sin(angle), np.zeros_like(p), direction * p * np.cos(angle)], axis=-1)


class LuminousRegion(Config):
    """Standard deviations of the collision point, centred at the origin."""

    x: LengthResolution
    y: LengthResolution
    z: LengthResolution


class CrossSections(Config):
    """Cross sections by process at the resonance; ``resonant`` ones vanish off resonance."""

    resonant: dict[str, CrossSection]
    continuum: dict[str, CrossSection]


class DataSets(Config):
    """Integrated luminosities on and off the resonance."""

    on_resonance: Luminosity
    off_resonance: Luminosity


class Machine(Config):
    """A collider: everything about the initial state.

    Attributes
    ----------
    her, ler
        Electron (towards +z) and positron (towards -z) beam.
    off_resonance_shift
        Change of sqrt(s) of the off-resonance data; both beam energies scale.
    fixed_energy
        True makes every collision at the nominal energy, without spread and without initial-state radiation: for
        comparisons with generators that know one energy only.
    """

    name: str
    her: Beam
    ler: Beam
    luminous_region: LuminousRegion
    off_resonance_shift: SignedEnergy
    cross_sections: CrossSections
    luminosity: DataSets
    fixed_energy: bool = False

    def _scale(self, off_resonance: bool) -> float:
        return 1.0 + self.off_resonance_shift.value / self.sqrt_s if off_resonance else 1.0

    @property
    def p4(self) -> Array:
        """Nominal four-momentum (4,) [E, px, py, pz] of the collision on resonance, GeV, lab frame."""
        one = np.ones(1)
        return (self.her.momentum(self.her.energy.value * one, +1)
                + self.ler.momentum(self.ler.energy.value * one, -1))[0]

    @property
    def sqrt_s(self) -> float:
        """Nominal centre-of-mass energy on resonance in GeV."""
        return float(_mass(self.p4[np.newaxis])[0])

    @property
    def boost_vector(self) -> Array:
        """Velocity (3,) of the centre of mass in the lab (c = 1)."""
        return self.p4[1:] / self.p4[0]

    def nominal_p4(self, *, off_resonance: bool = False) -> Array:
        """Nominal four-momentum (4,) of the collision, on or off resonance."""
        return self.p4 * self._scale(off_resonance)

    @property
    def processes(self) -> list[str]:
        """Names of all processes, resonant ones first."""
        return [*self.cross_sections.resonant, *self.cross_sections.continuum]

    def cross_section(self, process: str, *, off_resonance: bool = False) -> float:
        """Cross section in nb; off resonance continuum scales as 1/s and resonant processes vanish.

        Raises
        ------
        UnknownNameError
            With the nearest process.
        """
        if process in self.cross_sections.continuum:
            return self.cross_sections.continuum[process].value / self._scale(off_resonance) ** 2
        if process in self.cross_sections.resonant:
            return 0.0 if off_resonance else self.cross_sections.resonant[process].value
        raise UnknownNameError("process", process, self.processes)

    def at_off_resonance(self) -> Machine:
        """The same collider at its off-resonance energy: what is nominal there; resonant processes vanish.

        Both beam energies scale; the continuum cross sections scale as 1/s; ``luminosity.on_resonance`` is that of
        the off-resonance data, so that every stage may treat the result like any machine.
        """
        luminosity = self.luminosity.model_copy(update={"on_resonance": self.luminosity.off_resonance})
        return self._moved(self.off_resonance_shift.value, luminosity)

    def at_energy_shift(self, shift: float) -> Machine:
        """The same collider with its nominal sqrt(s) moved by ``shift`` [GeV], both beam energies scaled.

        Continuum cross sections scale as 1/s; resonant ones, which hold at the resonance alone, vanish.

        Raises
        ------
        GenerationError
            When the shift is not a number or takes all the energy.
        """
        if not -self.sqrt_s < shift < self.sqrt_s:
            message = f"sqrt(s) of {self.name} is {self.sqrt_s:.4f} GeV and cannot move by {shift} GeV"
            raise GenerationError(message)
        return self if shift == 0.0 else self._moved(shift, self.luminosity)

    def at_fixed_energy(self) -> Machine:
        """The same collider with every collision at the nominal energy, without spread and initial radiation."""
        return self.model_copy(update={"fixed_energy": True})

    def _moved(self, shift: float, luminosity: DataSets) -> Machine:
        """The same collider with another nominal sqrt(s)."""
        scale = 1.0 + shift / self.sqrt_s

        def scaled(quantity: Quantity, factor: float) -> Quantity:
            return quantity.model_copy(update={"value": quantity.value * factor})

        her, ler = (b.model_copy(update={"energy": scaled(b.energy, scale)}) for b in (self.her, self.ler))
        sections = self.cross_sections
        continuum = {k: scaled(v, scale**-2) for k, v in sections.continuum.items()}
        resonant = {k: scaled(v, 0.0) for k, v in sections.resonant.items()}
        # built anew: a copy would keep the cached momenta of the resonance
        return Machine(name=self.name, her=her, ler=ler, luminous_region=self.luminous_region,
                       off_resonance_shift=scaled(self.off_resonance_shift, 0.0),
                       cross_sections=sections.model_copy(update={"continuum": continuum, "resonant": resonant}),
                       luminosity=luminosity, fixed_energy=self.fixed_energy)

    def integrated_luminosity(self, *, off_resonance: bool = False) -> float:
        """Integrated luminosity in fb^-1."""
        return (self.luminosity.off_resonance if off_resonance else self.luminosity.on_resonance).value

    def expected(self, process: str, luminosity: float | None = None, *, off_resonance: bool = False) -> float:
        """Number of events of ``process`` in ``luminosity`` [fb^-1] (default: the whole data set)."""
        size = self.integrated_luminosity(off_resonance=off_resonance) if luminosity is None else luminosity
        return events_expected(self.cross_section(process, off_resonance=off_resonance), size)

    def initial_states(self, events: int, rng: np.random.Generator, *, off_resonance: bool = False,
                       threshold: float = 0.0) -> tuple[Array, Array]:
        """Four-momenta and vertices of ``events`` collisions.

        Parameters
        ----------
        events
            Number n of collisions.
        rng
            Generator of an address.
        off_resonance
            Whether the beams run at the off-resonance energy.
        threshold
            Energies with sqrt(s) at or below this value [GeV] are drawn again.

        Returns
        -------
        p4 : (n, 4)
            [E, px, py, pz] in GeV, lab frame.
        vertex : (n, 4)
            [t, x, y, z] in ns and cm.

        Raises
        ------
        GenerationError
            When the threshold is out of reach of the beams.
        """
        p4 = self._momenta(rng.standard_normal((events, 2)), off_resonance)
        for _ in range(100):
            low = np.flatnonzero(_mass(p4) <= threshold) if threshold > 0 else np.empty(0, np.int64)
            if not len(low):
                break
            p4[low] = self._momenta(rng.standard_normal((len(low), 2)), off_resonance)
        else:
            message = f"sqrt(s) of {self.name} does not reach the threshold {threshold} GeV"
            raise GenerationError(message)
        region = self.luminous_region
        vertex = np.zeros((events, 4))
        vertex[:, 1:] = rng.standard_normal((events, 3)) * [region.x.value, region.y.value, region.z.value]
        return p4, vertex

    def _momenta(self, normal: Array, off_resonance: bool) -> Array:
        """Total four-momenta (n, 4) for standard normal numbers (n, 2) of the two beams."""
        scale = self._scale(off_resonance)
        normal = 0.0 * normal if self.fixed_energy else normal
        her = scale * self.her.energy.value + self.her.spread.value * normal[:, 0]
        ler = scale * self.ler.energy.value + self.ler.spread.value * normal[:, 1]
        return self.her.momentum(her, +1) + self.ler.momentum(ler, -1)


def _mass(p4: Array) -> Array:
    """Invariant masses (n,) of four-momenta (n, 4)."""
    return np.sqrt(np.maximum(p4[:, 0] ** 2 - np.sum(p4[:, 1:] ** 2, axis=1), 0.0))
