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
    """A signal decay of the B+ or B0: what it is, its channels with equal shares, and what it rests on."""

    title: str
    decay: str
    channels: tuple[str, ...]
    references: tuple[str, ...] = ()
    neutral: bool = False

    @property
    def process(self) -> str:
        """Name of the cross section of the pair."""
        return "mixed" if self.neutral else "charged"

    @property
    def text(self) -> str:
        """Decay file of the sample, to be laid over the main one."""
        lines = "".join(f"1.0 {channel};\n" for channel in self.channels)
        if self.neutral:
            return f"{_NEUTRAL_PAIRS}Decay B0signal\n{lines}Enddecay\nCDecay anti-B0signal\n"
        return f"{_PAIRS}Decay B+signal\n{lines}Enddecay\nCDecay B-signal\n"


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
    "nunubar": Signal("B0 -> nu nubar by phase space, for studies of the other B", "B0 -> nu nubar",
                      ("nu_e anti-nu_e PHSP",), neutral=True),
}
