"""The categories of the flavour tagger: which tracks they look at, with which inputs, and what they search.

They are those of the category-based tagger of Belle II (F. Abudinen et al., Eur. Phys. J. C 82 (2022) 283, section 4).
Each searches a track whose charge says the flavour of its B: a lepton of b -> c l nu has the charge of the b quark's W,
one of b -> c -> s l nu the opposite charge, a kaon of b -> c -> s has that of the strange quark, a slow pion that of
the D*.  ``sign`` is charge times flavour (+1 for B0) of what is searched.

Approximation: the inputs are the kinematic, identity and vertex variables that exist here, not the same list; a track
is searched by what it is (:data:`TARGETS`) and has the charge that the category expects.
"""

from __future__ import annotations

from dataclasses import dataclass

#: kinds of tracks that are searched, bits of the truth of a track
TARGETS: tuple[str, ...] = ("electron", "intermediate electron", "muon", "intermediate muon", "kaon", "slow pion",
                            "fast hadron", "lambda", "right charge")
_IDENTITY = ("electronID", "muonID", "kaonID", "pionID", "protonID")
_MOTION = ("useCMSFrame(p)", "useCMSFrame(pt)", "useCMSFrame(cosTheta)", "p", "cosTheta")
_REST = ("recoilMass", "pMissCMS", "cosThetaMissCMS", "EW90", "cosTPTO")
_EVENT = ("nROE_Tracks", "NumberOfKShortsInRoe", "ptTracksRoe")
_PLACE = ("dr", "dz")
_PAIR = ("chargeWithFast", "cosWithFast", "pFastCMS")

#: what a track must have to be looked at: column, lowest and highest value
Window = tuple[str, float, float]
_ANY = 1e9


@dataclass(frozen=True, slots=True)
class Category:
    """One category.

    Attributes
    ----------
    name
        Name in basf2.
    targets
        Kinds of tracks that it searches.
    sign
        Charge times flavour of the B0 (+1) of what it searches.
    inputs
        Inputs of its classifier.
    window
        Tracks that it looks at.
    several
        Number of tracks whose outputs are combined, the best ones.
    """

    name: str
    targets: tuple[str, ...]
    sign: int
    inputs: tuple[str, ...]
    window: Window
    several: int = 1


_LEPTON = (*_MOTION, *_IDENTITY, *_REST, *_PLACE, *_EVENT)
_KAON = (*_MOTION, *_IDENTITY, *_REST, *_PLACE, *_EVENT)
_SLOW = (*_MOTION, *_IDENTITY, *_REST, *_PLACE, *_EVENT)
_ONE: tuple[Category, ...] = (
    Category("Electron", ("electron",), 1, _LEPTON, ("electronID", 0.02, _ANY)),
    Category("IntermediateElectron", ("intermediate electron",), -1, _LEPTON, ("electronID", 0.02, _ANY)),
    Category("Muon", ("muon",), 1, _LEPTON, ("muonID", 0.02, _ANY)),
    Category("IntermediateMuon", ("intermediate muon",), -1, _LEPTON, ("muonID", 0.02, _ANY)),
    Category("KinLepton", ("electron", "muon"), 1, _LEPTON, ("leptonID", 0.02, _ANY)),
    Category("IntermediateKinLepton", ("intermediate electron", "intermediate muon"), -1, _LEPTON,
             ("leptonID", 0.02, _ANY)),
    Category("Kaon", ("kaon",), 1, _KAON, ("kaonID", 0.02, _ANY), several=3),
    Category("SlowPion", ("slow pion",), -1, _SLOW, ("useCMSFrame(p)", 0.0, 0.35)),
    Category("FastHadron", ("fast hadron",), 1, (*_SLOW, *_PAIR), ("useCMSFrame(p)", 0.5, _ANY)),
    Category("Lambda", ("lambda",), -1, (*_MOTION, "protonID", "kaonID", "lambdaMass", "lambdaDistance",
                                         "lambdaCosPointing", "lambdaP", *_EVENT), ("lambdaMass", 1.09, 1.14),
             several=3),
    Category("FSC", ("slow pion",), -1, (*_MOTION, *_IDENTITY, "cosTPTO", *_PAIR, *_EVENT),
             ("useCMSFrame(p)", 0.0, 0.35)),
    Category("MaximumPstar", ("right charge",), 1, (*_MOTION, *_IDENTITY, *_REST, *_PLACE, *_EVENT),
             ("isFast", 0.5, _ANY)),
)
#: the pair of a kaon and a slow pion: it looks at kaons, with the outputs of both categories and their geometry
KAON_PION = Category("KaonPion", ("kaon",), 1,
                     ("y(Kaon)", "y(SlowPion)", "cosKaonPion", "chargeKaonPion", "useCMSFrame(p)", "kaonID"),
                     ("kaonID", 0.02, _ANY))
#: every category by name; the last one looks at the outputs of the others
CATEGORIES: dict[str, Category] = {c.name: c for c in (*_ONE, KAON_PION)}
#: inputs of the combination of all categories
COMBINED: tuple[str, ...] = tuple(f"qp({name})" for name in CATEGORIES)
