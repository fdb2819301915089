"""The native units and the conversion factors of every border.

Native: GeV (energy, momentum, mass; c = 1), cm (length), ns (time), tesla
(magnetic field), radian (angle), inverse femtobarn (integrated luminosity) and
nanobarn (cross section).  Multiply by a constant on the way in, divide on the
way out; nothing else in the package converts units.

Source: the choice is that of the Belle II analysis framework; the speed of
light is exact (SI), hbar is CODATA 2018.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import numpy.typing as npt

N = TypeVar("N", float, npt.NDArray[Any])

GeV: Final = 1.0
MeV: Final = 1e-3
keV: Final = 1e-6

cm: Final = 1.0
mm: Final = 0.1
um: Final = 1e-4
nm: Final = 1e-7
m: Final = 100.0

ns: Final = 1.0
ps: Final = 1e-3
fs: Final = 1e-6
s: Final = 1e9

tesla: Final = 1.0
rad: Final = 1.0
mrad: Final = 1e-3
degree: Final = 0.017453292519943295

nb: Final = 1.0
fb: Final = 1e-6
pb: Final = 1e-3
inverse_fb: Final = 1.0

#: speed of light in cm/ns (exact)
speed_of_light: Final = 29.9792458
#: reduced Planck constant in GeV ns (CODATA 2018)
hbar: Final = 6.582119569e-16
#: pT [GeV] = pt_per_tesla_cm * B [T] * R [cm] for unit charge (c in GeV/(T cm))
pt_per_tesla_cm: Final = 0.00299792458
#: (hbar c)^2 in GeV^2 nb (CODATA 2018: 0.3893793721 GeV^2 mb)
hbarc_squared: Final = 0.3893793721e6


def events_expected(cross_section: float, luminosity: float) -> float:
    """Number of events expected for a cross section [nb] and luminosity [fb^-1]."""
    return cross_section * luminosity / fb


def length_from_mm(value: N) -> N:
    """Length in cm of a length in mm (EvtGen, Pythia, HepMC3)."""
    return value * mm


def mm_from_length(value: N) -> N:
    """Length in mm of a length in cm (HepMC3)."""
    return value / mm


def time_from_mm_over_c(value: N) -> N:
    """Time in ns of a time given as a length c*t in mm (EvtGen, Pythia, HepMC3)."""
    return value * mm / speed_of_light


def mm_over_c_from_time(value: N) -> N:
    """Time as a length c*t in mm of a time in ns (HepMC3)."""
    return value * speed_of_light / mm


def width_from_ctau(ctau: float) -> float:
    """Total width in GeV of a particle with proper decay length ``ctau`` in cm.

    Raises
    ------
    ValueError
        If ``ctau`` is not positive.
    """
    if ctau <= 0:
        message = f"a decay length must be positive, found {ctau} cm"
        raise ValueError(message)
    return hbar * speed_of_light / ctau
