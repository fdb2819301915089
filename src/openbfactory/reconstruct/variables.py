"""The variables of the inclusive tag, declared once: dtype, unit, meaning, source, classifier.

Names are those of basf2 where it has one.  Which variables enter which
classifier follows the published lists (12 inputs of the first, 35 of the
second); the orders of the Fox-Wolfram moments (normalised and modified) are not
known one by one, and those chosen here are marked ``MOMENT_CHOICE``.

Frames: lab unless the meaning says c.m.; the c.m. frame is reached by a pure
boost, so its z axis is that of the lab (it differs from the beam axis by a few
mrad).  "ROE" is everything selected except the signal kaon, and "kaon" stands for the signal
track where a control sample has another one (``signal_track`` of the configuration).
"""

from __future__ import annotations

from dataclasses import dataclass

ANALYSIS = "belle2-knunu-2023"
MOMENT_CHOICE = "estimate; belle2-knunu-2023 uses moments of this kind, the order is a choice made here"
BASF2 = "basf2-variables; variable of this name"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a candidate.

    Attributes
    ----------
    name, unit, meaning
        What it is.
    source
        Where the definition, or its place among the inputs, comes from.
    bdt
        Classifiers that use it.
    dtype
        Type of the column.
    """

    name: str
    unit: str
    meaning: str
    source: str = ANALYSIS
    bdt: tuple[int, ...] = ()
    dtype: str = "float64"


_KAON = (
    Variable("q2_rec", "GeV^2", "s/4 + m_K^2 - sqrt(s) E*_K of the signal kaon", "bfactory-highlights-2023"),
    Variable("pCMS", "GeV", "momentum of the signal kaon, c.m.", BASF2),
    Variable("p", "GeV", "momentum of the signal kaon", BASF2),
    Variable("kaonID", "1", "L_K / sum L of the signal kaon", BASF2),
    Variable("charge", "e", "charge of the signal kaon", BASF2, dtype="int64"),
    Variable("dr", "cm", "transverse distance of the POCA of the kaon to the interaction point", bdt=(2,)),
    Variable("dz", "cm", "z distance of the POCA of the kaon to the interaction point", BASF2),
    Variable("cosTheta", "1", "cosine of the polar angle of the kaon", bdt=(2,)),
    Variable("drToTagVertex", "cm", "transverse distance of the kaon to the vertex of the ROE tracks", bdt=(2,)),
    Variable("dzToTagVertex", "cm", "z distance (signed) of the kaon to that vertex at its POCA", bdt=(2,)),
)
_ROE = (
    Variable("roeVertexDx", "cm", "x of the vertex of the ROE tracks minus the interaction point", bdt=(2,)),
    Variable("roeVertexDz", "cm", "z of the vertex of the ROE tracks minus the interaction point", bdt=(2,)),
    Variable("roeVertexPValue", "1", "probability of that vertex fit", bdt=(2,)),
    Variable("roeVertexState", "1", "0 for a good fit, else why there is none (kinematics.vertexfit.STATES)",
             "estimate", dtype="int64"),
    Variable("roeTrackPtVariance", "GeV^2", "variance of the transverse momenta of the ROE tracks", bdt=(2,)),
    Variable("roePTheta", "rad", "polar angle of the momentum of the ROE", bdt=(1, 2)),
    Variable("roeP", "GeV", "magnitude of the momentum of the ROE", bdt=(1, 2)),
    Variable("roeDeltae", "GeV", "E*_ROE - sqrt(s) / 2", bdt=(1, 2)),
    Variable("thrustOm", "1", "thrust of the ROE, c.m.", BASF2),
    Variable("cosTBTO", "1", "|cosine| of the angle of the kaon and the thrust axis of the ROE, c.m.", bdt=(1, 2)),
)
_EVENT = (
    Variable("nLeptons", "1", "electron and muon candidates among the selected tracks", bdt=(2,), dtype="int64"),
    Variable("nPhotons", "1", "selected photons", bdt=(2,), dtype="int64"),
    Variable("nTracks", "1", "selected tracks", bdt=(2,), dtype="int64"),
    Variable("nKShort", "1", "K_S candidates", "estimate", dtype="int64"),
    Variable("totalCharge2", "e^2", "square of the sum of charges of the selected tracks", bdt=(2,), dtype="int64"),
    Variable("visibleEnergy", "GeV", "energy of tracks, photons and K_S", ANALYSIS),
    Variable("missingMomentumOfEvent_theta", "rad", "polar angle of the missing momentum", BASF2),
    Variable("missingMomentumOfEventCMS_theta", "rad", "polar angle of the missing momentum, c.m.", bdt=(2,)),
    Variable("missingMass2OfEvent", "GeV^2", "missing mass squared, (beams - visible)^2", bdt=(2,)),
    Variable("thrust", "1", "thrust of the event, c.m.", BASF2),
    Variable("thrustAxisCosTheta", "1", "cosine of the polar angle of the thrust axis (z >= 0), c.m.", bdt=(1, 2)),
    Variable("sphericity", "1", "sphericity of the event, c.m.", bdt=(2,)),
    Variable("aplanarity", "1", "aplanarity of the event, c.m.", BASF2),
)
_BOTH, _SECOND = (1, 2), (2,)
_FOX_WOLFRAM = tuple(
    Variable(f"foxWolframR{order}", "1", f"H_{order} / H_0 of the event, c.m.", MOMENT_CHOICE if used else BASF2, used)
    for order, used in ((1, _BOTH), (2, _SECOND), (3, _SECOND), (4, ())))
_HARMONIC = tuple(
    Variable(f"harmonicMomentThrust{order}", "1", f"harmonic moment {order} about the thrust axis over sqrt(s), c.m.",
             ANALYSIS if used else BASF2, used)
    for order, used in ((0, _BOTH), (1, ()), (2, _BOTH), (3, ()), (4, ())))
_PARTNER = ("charged ROE", "neutral ROE", "missing momentum")
_KSFW = (
    Variable("et", "GeV", "sum of transverse momenta, c.m. (KSFW)", BASF2),
    Variable("mm2", "GeV^2", "missing mass squared of KSFW, c.m. energy at rest", BASF2),
    *(Variable(f"hso{x}{order}", "1", f"modified Fox-Wolfram moment {order} of kaon and {_PARTNER[x]}, c.m.",
               MOMENT_CHOICE if used else BASF2, used)
      for x, order, used in ((0, 0, ()), (0, 1, ()), (0, 2, _BOTH), (0, 3, ()), (0, 4, ()), (1, 0, ()),
                             (1, 2, _SECOND), (1, 4, ()), (2, 0, _BOTH), (2, 2, _BOTH), (2, 4, ()))),
    *(Variable(f"hoo{order}", "1", f"modified Fox-Wolfram moment {order} within the ROE, c.m.",
               MOMENT_CHOICE if used else BASF2, used)
      for order, used in ((0, _BOTH), (1, ()), (2, ()), (3, ()), (4, ()))),
)
_CHARM_VETO = (
    Variable("DzeroM", "GeV", "mass of the best D0 (kaon and one ROE track of opposite charge)", bdt=(2,)),
    Variable("DzeroVertexChi2", "1", "chi2 of the vertex fit of the best D0 (1 degree of freedom)", bdt=(2,)),
    Variable("DzeroMedianPValue", "1", "median of the vertex probabilities of all D0 candidates", bdt=(2,)),
    Variable("DplusM", "GeV", "mass of the best D+ (kaon and two ROE tracks of opposite charge)", ANALYSIS),
    Variable("DplusVertexChi2", "1", "chi2 of the vertex fit of the best D+ (3 degrees of freedom)", bdt=(2,)),
    Variable("DplusVertexDr", "cm", "transverse distance of the vertex of the best D+ to the interaction point",
             bdt=(2,)),
)
#: truth columns: only for labels and for composition
TRUTH: dict[str, Variable] = {v.name: v for v in (
    Variable("mcIsSignal", "1", "the kaon is that of B -> K nu nubar (others: see truth)", "estimate", dtype="bool"),
    Variable("mcKaonPDG", "1", "PDG code of the particle behind the kaon track, 0 for none", "estimate", dtype="int32"),
    Variable("mcMotherPDG", "1", "PDG code of its mother, 0 for none", "estimate", dtype="int32"),
    Variable("mcQ2", "GeV^2", "generated q2 of the B -> K nu nubar of the event, NaN for none", "estimate"),
)}
#: every variable of a candidate that does not look at truth
VARIABLES: dict[str, Variable] = {
    v.name: v for v in (*_KAON, *_ROE, *_EVENT, *_FOX_WOLFRAM, *_HARMONIC, *_KSFW, *_CHARM_VETO)}
#: inputs of the first and second classifier, in a fixed order
BDT1_INPUTS: tuple[str, ...] = tuple(v.name for v in VARIABLES.values() if 1 in v.bdt)
BDT2_INPUTS: tuple[str, ...] = tuple(v.name for v in VARIABLES.values() if 2 in v.bdt)
