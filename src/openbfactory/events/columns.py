"""Every column of the event data model, declared once: dtype, unit, meaning.

A collection is a list of records an event.  Readers, writers, checks and the
documentation all use the tables below; a column that is not here does not
exist.  Truth columns inside detector collections are named ``mc*``; only truth
matching and classifier training may read them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name, dtype, unit, meaning, width (numbers a record); files may leave out optional ones."""

    name: str
    dtype: str
    unit: str
    meaning: str
    width: int = 1
    optional: bool = False

    def empty(self, size: int = 0) -> np.ndarray:
        """Array of zeros with the dtype and width of the column."""
        return np.zeros(size if self.width == 1 else (size, self.width), dtype=self.dtype)


@dataclass(frozen=True, slots=True)
class Collection:
    """A named list of records an event; ``parallel`` names one of equal length."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    parallel: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns in order."""
        return tuple(c.name for c in self.columns)

    @property
    def required(self) -> tuple[Column, ...]:
        """Columns that every file has."""
        return tuple(c for c in self.columns if not c.optional)

    def __getitem__(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)


EVENT: tuple[Column, ...] = (
    Column("event", "int64", "1", "number of the event in its sample, from 0"),
    Column("weight", "float64", "1", "weight of the event"),
    Column("process", "int32", "1", "process, an index into the names of the file (text in files)"),
)

MC_PARTICLES = Collection(
    "MCParticles",
    "generated particles, the initial system first (a particle gun has none), mothers before daughters",
    (
        Column("PDG", "int32", "1", "PDG code"),
        Column("px", "float64", "GeV", "momentum x, lab frame"),
        Column("py", "float64", "GeV", "momentum y, lab frame"),
        Column("pz", "float64", "GeV", "momentum z, lab frame"),
        Column("E", "float64", "GeV", "energy, lab frame"),
        Column("x", "float64", "cm", "production vertex x"),
        Column("y", "float64", "cm", "production vertex y"),
        Column("z", "float64", "cm", "production vertex z"),
        Column("t", "float64", "ns", "production time"),
        Column("mother", "int32", "1", "index of the mother in the same list, -1 for none"),
        Column("status", "int32", "1", "1 stable in generation, 2 decayed, 4 initial system, 12 decayed at a displaced "
               "vertex (K_S, hyperons): the detector may undo it, with all that came of it"),
        Column("polarisation", "float64", "1", "spin polarisation vector of a muon in its rest frame (boosted from the "
               "lab without rotation), 0 where not known", width=3, optional=True),
    ),
)

TRACKS = Collection(
    "Tracks",
    "reconstructed tracks as helices at the point of closest approach to the origin",
    (
        Column("charge", "int32", "e", "charge"),
        Column("d0", "float64", "cm", "signed distance to the z axis; POCA = (d0 sin phi0, -d0 cos phi0, z0)"),
        Column("phi0", "float64", "rad", "azimuth of the momentum at the POCA, in [-pi, pi]"),
        Column("omega", "float64", "1/cm", "signed curvature, charge / radius"),
        Column("z0", "float64", "cm", "z at the POCA"),
        Column("tanLambda", "float64", "1", "pz / pT"),
        Column("cov", "float64", "mixed", "upper triangle of the 5 x 5 covariance in the order d0 phi0 omega z0 "
               "tanLambda, row by row", width=15),
        Column("nPXDHits", "int32", "1", "hits in the pixel detector"),
        Column("nSVDHits", "int32", "1", "hits in the strip detector"),
        Column("nCDCHits", "int32", "1", "hits in the drift chamber"),
        Column("mcIndex", "int32", "1", "index of the particle in MCParticles, -1 for none"),
    ),
)

MC_SECONDARIES = Collection(
    "MCSecondaries",
    "particles made in the detector by decays in flight and in material",
    (
        Column("PDG", "int32", "1", "PDG code"),
        Column("px", "float64", "GeV", "momentum x, lab frame"),
        Column("py", "float64", "GeV", "momentum y, lab frame"),
        Column("pz", "float64", "GeV", "momentum z, lab frame"),
        Column("x", "float64", "cm", "production vertex x"),
        Column("y", "float64", "cm", "production vertex y"),
        Column("z", "float64", "cm", "production vertex z"),
        Column("t", "float64", "ns", "production time"),
        Column("process", "int32", "1", "1 decay, 2 conversion, 3 hadronic interaction, 4 bremsstrahlung"),
        Column("mcIndex", "int32", "1", "index of the generated ancestor in MCParticles"),
        Column("trackIndex", "int32", "1", "index of its track in Tracks, -1 for none (mcIndex of that track is -1)"),
    ),
)

#: mass hypotheses and subdetectors of the likelihoods
HYPOTHESES = {"e": "electron", "mu": "muon", "pi": "pion", "K": "kaon", "p": "proton", "d": "deuteron"}
SUBDETECTORS = ("SVD", "CDC", "TOP", "ARICH", "TOF", "ACC", "ECL", "KLM")

PID_LIKELIHOODS = Collection(
    "PIDLikelihoods",
    "log-likelihoods of the mass hypotheses, one record a track",
    (
        *(Column(f"logL_{h}", "float64", "1", f"combined log-likelihood of the {n} hypothesis")
          for h, n in HYPOTHESES.items()),
        *(Column(f"logL_{h}_{s}", "float32", "1", f"part of {s} of the log-likelihood of the {n} hypothesis",
                 optional=True) for s in SUBDETECTORS for h, n in HYPOTHESES.items()),
    ),
    parallel="Tracks",
)

ECL_CLUSTERS = Collection(
    "ECLClusters",
    "clusters of the electromagnetic calorimeter",
    (
        Column("clusterE", "float64", "GeV", "energy"),
        Column("clusterTheta", "float64", "rad", "polar angle of the cluster seen from the origin"),
        Column("clusterPhi", "float64", "rad", "azimuth of the cluster seen from the origin"),
        Column("clusterR", "float64", "cm", "distance of the cluster from the origin"),
        Column("clusterReg", "int32", "1", "1 forward, 2 barrel, 3 backward"),
        Column("clusterTiming", "float64", "ns", "time relative to the collision"),
        Column("clusterErrorTiming", "float64", "ns", "uncertainty of the time (99 % half width)"),
        Column("clusterE1E9", "float64", "1", "energy of the central crystal over that of 3 x 3"),
        Column("clusterE9E21", "float64", "1", "energy of 3 x 3 crystals over that of 5 x 5 without corners"),
        Column("clusterLAT", "float64", "1", "lateral distribution of the energy: about 0.3 for photons, larger for "
               "hadrons", optional=True),
        Column("clusterSecondMoment", "float64", "1", "second moment of the shower, 1 for isolated photons",
               optional=True),
        Column("clusterNHits", "float64", "1", "number of crystals", optional=True),
        Column("clusterHighestE", "float64", "GeV", "energy of the crystal with the highest energy", optional=True),
        Column("clusterZernikeMVA", "float64", "1", "discriminant of the Zernike moments: 1 photon, 0 hadron",
               optional=True),
        Column("clusterHasPulseShapeDiscrimination", "int32", "1", "1 where pulse shapes are known", optional=True),
        Column("clusterPulseShapeDiscriminationMVA", "float64", "1", "discriminant of the pulse shapes: 1 "
               "electromagnetic, 0 hadronic, NaN without pulse shapes", optional=True),
        Column("clusterTrackMatch", "int32", "1", "1 where a track points to the cluster"),
        Column("trackIndex", "int32", "1", "index of that track in Tracks, -1 for none"),
        Column("minC2TDist", "float64", "cm", "distance to the nearest track at the calorimeter, NaN without tracks"),
        Column("mcIndex", "int32", "1", "index of the particle in MCParticles, -1 for none (beam background)"),
    ),
)

KLM_CLUSTERS = Collection(
    "KLMClusters",
    "clusters of the K_L and muon detector",
    (
        Column("klmClusterTheta", "float64", "rad", "polar angle seen from the origin"),
        Column("klmClusterPhi", "float64", "rad", "azimuth seen from the origin"),
        Column("klmClusterLayers", "int32", "1", "number of layers with hits"),
        Column("trackIndex", "int32", "1", "index of the track that points to it, -1 for none"),
        Column("mcIndex", "int32", "1", "index of the particle in MCParticles, -1 for none"),
    ),
)

TRG_SUMMARY = Collection(
    "TRGSummary",
    "trigger decisions, one record an event; bits in the order of events.trigger.L1_LINES",
    (
        Column("L1FTDL", "int64", "1", "first-level lines that fired, as bits"),
        Column("L1PSNM", "int64", "1", "those that are kept after prescale, as bits"),
        Column("L1Trigger", "int32", "1", "1 where any line is kept"),
        Column("HLTHadron", "int32", "1", "1 where the event passes the hadron skim of the high-level trigger"),
    ),
)

#: reweightings with columns of their own, and what they do; the second number is 1 where there are variations
_REWEIGHTINGS = {
    "Knunu": ("B -> K nu nubar from phase space to the Standard Model", 0),
    "Kstarnunu": ("B -> K* nu nubar from phase space to the Standard Model", 0),
    "KKLKL": ("B+ -> K+ K_L K_L from phase space to the amplitude of K+ K_S K_S", 1),
    "KKSKS": ("B+ -> K+ K_S K_S from phase space to its measured amplitude", 1),
    "KKSKL": ("B+ -> K+ K_S K_L from phase space to a p wave", 1),
    "Knnbar": ("B+ -> K+ n nbar from phase space to an enhancement at threshold", 1),
}

MC_WEIGHTS = Collection(
    "MCWeights",
    "factors of named reweightings, one record an event, to be multiplied with the weight of the event",
    tuple(Column(f"{name}{side}", "float64", "1", f"{meaning}{text}", optional=True)
          for name, (meaning, varied) in _REWEIGHTINGS.items()
          for side, text in (("", ""), ("_up", ", rate one standard deviation up"),
                             ("_down", ", rate one standard deviation down"))[:1 + 2 * varied]),
)

#: every collection of the event data model by name
COLLECTIONS: dict[str, Collection] = {
    c.name: c for c in (MC_PARTICLES, MC_WEIGHTS, MC_SECONDARIES, TRACKS, PID_LIKELIHOODS, ECL_CLUSTERS, KLM_CLUSTERS,
                        TRG_SUMMARY)
}
