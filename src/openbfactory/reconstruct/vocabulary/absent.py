"""Variables of the field that this program does not have, and why: a user of them is told, not offered another name."""

from __future__ import annotations

_CRYSTALS = "the simulation makes clusters, not crystals"
_ZERNIKE = "the simulation gives clusterZernikeMVA, not single Zernike moments"
_TRAINED = "it is a classifier trained on full simulation"
_WIRES = "the simulation counts hits, it does not number layers"
_TAG = "it needs the classifiers of the full event interpretation"

#: name of basf2 to the reason
ABSENT: dict[str, str] = {
    **dict.fromkeys(("nECLOutOfTimeCrystals", "nRejectedECLShowers"), _CRYSTALS),
    **dict.fromkeys(("clusterAbsZernikeMoment40", "clusterAbsZernikeMoment51"), _ZERNIKE),
    **dict.fromkeys(("pionIDNN", "kaonIDNN", "pidChargedBDTScore", "clusterBelleQuality", "klmClusterKlId"), _TRAINED),
    "hadronicSplitOffSuppression": "basf2 has given it up for fakePhotonSuppression",
    "clusterNumberOfHadronDigits": "the simulation gives clusterPulseShapeDiscriminationMVA, not pulses of crystals",
    **dict.fromkeys(("clusterHasNPhotons", "clusterHasNeutralHadron"), "clusters have no hypothesis"),
    **dict.fromkeys(("firstSVDLayer", "firstPXDLayer", "firstCDCLayer", "nExtraCDCHits", "trackFindingFailureFlag",
                     "klmClusterInnermostLayer"), _WIRES),
    **dict.fromkeys(("eIDBelle", "muIDBelle"), "only the parts of the hadron identity of Belle are there"),
    **dict.fromkeys(("FANN_qrCombined", "qrGNN", "qrTFLAT"), "the flavour tagger here is FBDT_qrCombined"),
    "nROE_RemainingTracks": _TAG,
    **dict.fromkeys(("pi0Prob", "etaProb"), "it needs classifiers trained for the veto"),
    **dict.fromkeys(("klmClusterTiming", "klmClusterIsBKLM"), "KLM clusters have no time or part of the detector"),
    "productionIdentifier": "events have no production",
}
