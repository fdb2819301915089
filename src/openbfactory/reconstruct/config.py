"""The cuts of the inclusive tag: one frozen record with cited defaults."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from openbfactory.core.config import Config
from openbfactory.core.quantities import QuantityTable, load_quantities

DATA = Path(str(files("openbfactory.reconstruct"))) / "data"


@cache
def cited_defaults() -> QuantityTable:
    """Default cuts with units and sources."""
    return load_quantities(DATA / "inclusive_tag.yaml")


def _cited(name: str, **limits: float) -> Any:
    """A field whose default is the cited number of the same name."""
    return Field(default_factory=lambda: cited_defaults()[name], **limits)  # type: ignore[call-overload]


class InclusiveTagConfig(Config):
    """Cuts of the inclusive tag; units GeV, cm, ns, rad, T.

    Attributes
    ----------
    track_pt_min, track_dr_max, track_dz_max, track_energy_max
        Tracks: transverse momentum, distance to the interaction point across and along z, energy.
    theta_min, theta_max
        Polar angles of the central detector, for tracks and photons.
    photon_energy_min
        Photons: energy of a cluster that no track points to.
    ks_mass_min, ks_mass_max, ks_p_value_min, ks_cos_pointing_min, ks_flight_time_min
        K_S: mass, vertex probability, cosine of momentum and flight, proper flight time.
    n_tracks_min, n_tracks_max, visible_energy_min, theta_miss_min, theta_miss_max
        Event: number of tracks, lab energy of tracks, photons and K_S, polar angle of the missing momentum (lab).
    kaon_id_min, kaon_pxd_hits_min
        Signal kaon: kaonID must be above, hits in the pixel detector at least.
    electron_id_min, muon_id_min
        What counts as a lepton candidate, and the cut on a signal track of that species.
    pion_id_min
        Cut on a pion as signal track.
    signal_track
        Species of the signal track: the kaon of the measurement, or that of a control sample. A lepton as signal
        track does not count among the leptons of the event.
    signal_mass
        Mass of the signal track: its own, or always the kaon's (a control sample seen as the measurement sees it).
    magnetic_field
        Field along z, for the momenta of helices; set it from the detector card.
    mass_hypothesis
        ``most_likely``: the mass of a track is that of its likeliest of e, mu, pi, K, p; ``pion``: always the pion's.
        The signal track always has the mass that ``signal_mass`` says.
    """

    track_pt_min: float = _cited("track_pt_min", ge=0)
    track_dr_max: float = _cited("track_dr_max", gt=0)
    track_dz_max: float = _cited("track_dz_max", gt=0)
    track_energy_max: float = _cited("track_energy_max", gt=0)
    theta_min: float = _cited("theta_min", ge=0, le=3.1416)
    theta_max: float = _cited("theta_max", ge=0, le=3.1416)
    photon_energy_min: float = _cited("photon_energy_min", ge=0)
    ks_mass_min: float = _cited("ks_mass_min", gt=0)
    ks_mass_max: float = _cited("ks_mass_max", gt=0)
    ks_p_value_min: float = _cited("ks_p_value_min", ge=0, le=1)
    ks_cos_pointing_min: float = _cited("ks_cos_pointing_min", ge=-1, le=1)
    ks_flight_time_min: float = _cited("ks_flight_time_min")
    n_tracks_min: int = _cited("n_tracks_min", ge=0)
    n_tracks_max: int = _cited("n_tracks_max", ge=0)
    visible_energy_min: float = _cited("visible_energy_min", ge=0)
    theta_miss_min: float = _cited("theta_miss_min", ge=0, le=3.1416)
    theta_miss_max: float = _cited("theta_miss_max", ge=0, le=3.1416)
    kaon_id_min: float = _cited("kaon_id_min", ge=0, le=1)
    kaon_pxd_hits_min: int = _cited("kaon_pxd_hits_min", ge=0)
    pion_id_min: float = _cited("pion_id_min", ge=0, le=1)
    electron_id_min: float = _cited("electron_id_min", ge=0, le=1)
    muon_id_min: float = _cited("muon_id_min", ge=0, le=1)
    magnetic_field: float = _cited("magnetic_field", gt=0)
    mass_hypothesis: Literal["most_likely", "pion"] = "most_likely"
    signal_track: Literal["kaon", "pion", "electron", "muon"] = "kaon"
    signal_mass: Literal["own", "kaon"] = "own"

    @property
    def signal_id_min(self) -> float:
        """Least identity fraction of the signal track."""
        return float(getattr(self, f"{self.signal_track}_id_min"))

    @model_validator(mode="after")
    def _ordered(self) -> InclusiveTagConfig:
        """Refuse windows that nothing can pass."""
        for name in ("theta", "ks_mass", "n_tracks", "theta_miss"):
            low, high = getattr(self, f"{name}_min"), getattr(self, f"{name}_max")
            if low > high:
                message = f"{name}_min ({low}) not above {name}_max ({high})"
                raise ValueError(message)
        return self
