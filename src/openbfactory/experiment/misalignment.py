"""Misalignment of the silicon detectors: deformations that the reconstruction does not know of."""

from __future__ import annotations

from openbfactory.core.config import Config


class Misalignment(Config):
    """Displacements of sensors at cylindrical coordinates (r, phi, z) [cm, rad] from where the reconstruction has them.

    The weak modes of a barrel by their usual names; 0 for none.

    Attributes
    ----------
    radial, elliptical
        dr = radial * r, dr = elliptical * r cos(2 phi).
    expansion, telescope, skew
        dz = expansion * z, dz = telescope * r, dz = skew * r cos(phi).
    curl, twist
        r dphi = curl * r^2, r dphi = twist * r z [1/cm].
    bowing
        dr = bowing * z^2 [1/cm].
    """

    radial: float = 0.0
    elliptical: float = 0.0
    expansion: float = 0.0
    telescope: float = 0.0
    skew: float = 0.0
    curl: float = 0.0
    twist: float = 0.0
    bowing: float = 0.0

    @property
    def numbers(self) -> tuple[float, ...]:
        """All amplitudes in the order of the attributes."""
        return (self.radial, self.elliptical, self.expansion, self.telescope, self.skew, self.curl, self.twist,
                self.bowing)
