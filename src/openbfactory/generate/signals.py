"""Signal samples of B pairs: one B decays as the signal does, the other as the decay file says; neutral ones mix.

Those by phase space are made for the reweighting of the same name (:mod:`openbfactory.generate.reweighting`).
"""

from __future__ import annotations

from dataclasses import dataclass

#: B pairs in which either B is the signal
_PAIRS = """Alias B+signal B+
Alias B-signal B-
ChargeConj B+signal B-signal
Decay Upsilon(4S)
0.5 B+signal B- VSS;
0.5 B+ B-signal VSS;
Enddecay
"""
#: the same for neutral B mesons that mix; dm is defined in the main file
_NEUTRAL_PAIRS = """Alias B0signal B0
Alias anti-B0signal anti-B0
ChargeConj B0signal anti-B0signal
Decay Upsilon(4S)
1.0 B0signal anti-B0signal B0 anti-B0 VSS_BMIX dm;
Enddecay
"""


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal decay of the B+ or B0: what it is, its channels with their shares (equal ones), and what it rests on.

    ``more`` holds forced decays of daughters, for aliases that the channels name.
    """

    title: str
    decay: str
    channels: tuple[str, ...]
    references: tuple[str, ...] = ()
    neutral: bool = False
    shares: tuple[float, ...] = ()
    more: str = ""

    @property
    def process(self) -> str:
        """Name of the cross section of the pair."""
        return "mixed" if self.neutral else "charged"

    @property
    def text(self) -> str:
        """Decay file of the sample, to be laid over the main one."""
        shares = self.shares or (1.0,) * len(self.channels)
        lines = "".join(f"{s} {channel};\n" for s, channel in zip(shares, self.channels, strict=True))
        if self.neutral:
            return f"{_NEUTRAL_PAIRS}Decay B0signal\n{lines}Enddecay\nCDecay anti-B0signal\n"
        return f"{_PAIRS}Decay B+signal\n{lines}Enddecay\nCDecay B-signal\n{self.more}"


#: a J/psi that decays to muons
_DIMUON = """Alias J/psisignal J/psi
Decay J/psisignal
1.0 mu+ mu- PHOTOS VLL;
Enddecay
"""
#: neutral charm mesons whose D0 decays to K- pi+
_DZERO = """Alias D0signal D0
Alias anti-D0signal anti-D0
ChargeConj D0signal anti-D0signal
Alias D*0signal D*0
Alias anti-D*0signal anti-D*0
ChargeConj D*0signal anti-D*0signal
Decay anti-D*0signal
0.647 anti-D0signal pi0 VSS;
0.353 anti-D0signal gamma VSP_PWAVE;
Enddecay
CDecay D*0signal
Decay anti-D0signal
1.0 K+ pi- PHSP;
Enddecay
CDecay D0signal
"""
#: signals by the name of their sample
SIGNALS: dict[str, Signal] = {
    "kstarnunu": Signal("B -> K* nu nubar (Standard Model)", "B+ -> K*+ nu nubar",
                        tuple(f"K*+ nu_{f} anti-nu_{f} KSTARNUNU_REV" for f in ("e", "mu", "tau")),
                        ("bsz-2016", "buras-2015")),
    "kklkl": Signal("B -> K K_L K_L by phase space, see the reweighting KKLKL", "B+ -> K+ K_L0 K_L0",
                    ("K+ K_L0 K_L0 PHSP",), ("babar-kkk-2012",)),
    "kkskl": Signal("B -> K K_S K_L by phase space, see the reweighting KKSKL", "B+ -> K+ K_S0 K_L0",
                    ("K+ K_S0 K_L0 PHSP",), ("babar-kkk-2012",)),
    "knnbar": Signal("B -> K n nbar by phase space, see the reweighting Knnbar", "B+ -> K+ n0 anti-n0",
                     ("K+ n0 anti-n0 PHSP",), ("belle-ppbark-2007",)),
    "jpsik": Signal("B -> J/psi K, J/psi -> mu+ mu-, a control sample", "B+ -> J/psi K+", ("J/psisignal K+ SVS",),
                    ("pdg2024",), more=_DIMUON),
    # branching fractions of B+ -> anti-D(*)0 pi+, K+
    "d0h": Signal("B -> D(*)0 h with h = pi, K and D0 -> K pi, a control sample", "B+ -> anti-D0 h+",
                  ("anti-D0signal pi+ PHSP", "anti-D0signal K+ PHSP", "anti-D*0signal pi+ SVS",
                   "anti-D*0signal K+ SVS"), ("pdg2024",), shares=(4.61e-3, 3.64e-4, 5.17e-3, 4.19e-4), more=_DZERO),
    "pik0": Signal("B -> pi K0, the closure test of the inclusive tag", "B+ -> pi+ K0", ("K0 pi+ PHSP",)),
    "nunubar": Signal("B0 -> nu nubar by phase space, for studies of the other B", "B0 -> nu nubar",
                      ("nu_e anti-nu_e PHSP",), neutral=True),
}
