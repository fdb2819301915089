"""B -> K S and B -> K* S with a long-lived scalar S: the decay file of a sample.

Method: one B of each event decays to a kaon and S, the other as the main file says; S flies with its lifetime and
decays at its vertex (phase space; a pair of taus with the spins of a scalar's decay).  The K* of B -> K* S is
longitudinal (SVS).

Approximation: neutral B pairs of these samples do not mix; S -> hadrons is one channel of two bodies.
"""

from __future__ import annotations

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import ConfigError
from openbfactory.core.units import hbar, speed_of_light
from openbfactory.generate.parameters import Parameter, Values
from openbfactory.physics.particles import species

#: daughters, share and model of each channel of a decay of S
DECAYS: dict[str, tuple[tuple[float, str, str], ...]] = {
    "ee": ((1.0, "e+ e-", "PHSP"),),
    "mumu": ((1.0, "mu+ mu-", "PHSP"),),
    "tautau": ((1.0, "tau+ tau-", "HELAMP 1.0 0.0 1.0 0.0"),),
    "pipi": ((2.0 / 3.0, "pi+ pi-", "PHSP"), (1.0 / 3.0, "pi0 pi0", "PHSP")),
    "KK": ((0.5, "K+ K-", "PHSP"), (0.25, "K_S0 K_S0", "PHSP"), (0.25, "K_L0 K_L0", "PHSP")),
}
_LIMITS = (Parameter("mass", 1.0, "mass of S", "GeV", 0.002, 4.7),
           Parameter("ctau", 1.0, "proper decay length of S", "cm", 1e-6, 1e6),
           Parameter("decay", "mumu", "what S decays to", choices=tuple(DECAYS)))
CHARGED = (Parameter("kaon", "K+", "the kaon of the signal", choices=("K+", "K*+")), *_LIMITS)
NEUTRAL = (Parameter("kaon", "K*0", "the kaon of the signal", choices=("K_S0", "K*0")), *_LIMITS)


def scalar_text(values: Values) -> str:
    """Text of the decay file of B -> K(*) S.

    Raises
    ------
    ConfigError
        When the decay of the B or of S is closed at this mass.
    """
    mass, kaon, decay = float(values["mass"]), str(values["kaon"]), str(values["decay"])
    charged = kaon in ("K+", "K*+")
    b, bar = ("B+", "B-") if charged else ("B0", "anti-B0")
    findings = Findings("parameters of S")
    lightest = max(sum(species(d).mass for d in daughters.split()) for _, daughters, _ in DECAYS[decay])
    if mass <= lightest:
        findings.error("closed", "decay", f"S of {mass:g} GeV cannot decay to {decay}",
                       expected=f"a mass above {lightest:.4g} GeV")
    if mass >= species(b).mass - species(kaon).mass:
        findings.error("closed", "mass", f"{b} cannot decay to {kaon} and S of {mass:g} GeV")
    findings.raise_if_errors(ConfigError)
    width = hbar * speed_of_light / float(values["ctau"])
    model = "SVS" if "*" in kaon else "PHSP"
    channels = [f"{share!r} {daughters} {kind};" for share, daughters, kind in DECAYS[decay]]
    return "\n".join(["", f"Particle dark_S {mass!r} {width!r}", "Alias Bsignal " + b, "Alias anti-Bsignal " + bar,
                      "ChargeConj Bsignal anti-Bsignal", "Decay Upsilon(4S)", f"0.5 Bsignal {bar} VSS;",
                      f"0.5 {b} anti-Bsignal VSS;", "Enddecay", "Decay Bsignal", f"1.0 {kaon} dark_S {model};",
                      "Enddecay", "CDecay anti-Bsignal", "Decay dark_S", *channels, "Enddecay", ""])
