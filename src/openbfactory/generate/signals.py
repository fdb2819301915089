"""Signal samples of charged B pairs: one B decays as the signal does, the other as the decay file says.

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


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal decay of the B+: what it is, its channels with equal shares, and what it rests on."""

    title: str
    decay: str
    channels: tuple[str, ...]
    references: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Decay file of the sample, to be laid over the main one."""
        lines = "".join(f"1.0 {channel};\n" for channel in self.channels)
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
}
