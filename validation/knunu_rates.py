"""Rates of the decays that ``obf run knunu`` reweights, as the generator makes them.

``python -m validation.knunu_rates [DECAYS]`` decays B+ mesons by the charmless channels that Pythia hadronises and by
the listed channels of the named decays, with the fractions of the decay file.  It prints for each named reweighting the
rate of the decay and the mean sum of shape factors a B+: ``generated`` in ``analyses/knunu/modelling.yaml``.  Dividing
by that makes the total rate that of the model, whatever made the decay.  Nothing else makes them: every other channel
has charm or another final state.
"""

from __future__ import annotations

import sys
from math import sqrt

import numpy as np

from openbfactory.core.random import Address
from openbfactory.events.columns import MC_PARTICLES
from openbfactory.events.record import Jagged
from openbfactory.generate import REWEIGHTINGS, decay_events
from openbfactory.generate.bpair import overlay
from openbfactory.generate.truthdecays import find_decays
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.particles import species

#: decays of B+ and their reweighting, None for those that are only scaled
NAMED = {"K+ K_L K_L": "KKLKL", "K+ K_S K_S": "KKSKS", "K+ K_S K_L": "KKSKL", "K+ n nbar": "Knnbar", "K*+ n nbar": None}
_KSTAR = (521, (323, 2112, 2112))
LISTED = (("K+", "K0", "anti-K0"), ("anti-n0", "n0", "K+"), ("anti-n0", "n0", "K*+"))


def channels() -> tuple[str, float]:
    """Decay block of B+ with the channels that count, and the sum of their fractions."""
    table = load_decay_table(overlay=overlay("charged"))
    lines, total = [], 0.0
    for c in table.channels_of("B+"):
        names, model = table.daughters_of(c), str(table.models[table.model[c]])
        codes = [abs(int(table.pdg[table.index[n]])) for n in names]
        charm = any("4" in str(code)[:3] for code in codes)
        if table.fraction[c] > 0 and ((model == "PYTHIA" and not charm) or names in LISTED):
            parameters = " ".join(f"{p:g}" for p in table.parameters_of(c))
            lines.append(f"{table.fraction[c]:.10g} {' '.join(names)} {model} {parameters};")
            total += float(table.fraction[c])
    return "Decay B+\n" + "\n".join(lines) + "\nEnddecay\n", total


def sums(decays: int, text: str, block: int = 50_000) -> dict[str, np.ndarray]:
    """Name to (decays, sum of factors, sum of their squares)."""
    table, b = load_decay_table(overlay=text), species("B+")
    found = {name: np.zeros(3) for name in NAMED}
    for k in range(decays // block):
        columns = {c.name: c.empty(block) for c in MC_PARTICLES.required}
        columns["PDG"][:], columns["mother"][:], columns["E"][:] = b.pdg, -1, b.mass
        particles, _ = decay_events(Jagged(np.arange(block + 1), columns), table, Address(1, "rates", k))
        for name, reweighting in NAMED.items():
            mother, daughters = REWEIGHTINGS[reweighting].decays[0] if reweighting else _KSTAR
            these = find_decays(particles, mother, daughters)
            factors = np.ones(len(these.event))
            if reweighting and len(these.event):
                factors = REWEIGHTINGS[reweighting].factor(particles, these)
            found[name] += [len(factors), factors.sum(), (factors**2).sum()]
    return found


def main() -> None:
    """Print the table."""
    decays = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    text, total = channels()
    print(text)
    print(f"{decays} decays by channels of {total:.6f}")
    for name, (number, first, second) in sums(decays, text).items():
        print(f"{name:12s} rate {number / decays * total:.4g} +- {sqrt(number) / decays * total:.2g}, "
              f"sum of factors {first / decays * total:.4g} +- {sqrt(second) / decays * total:.2g}")


if __name__ == "__main__":
    main()
