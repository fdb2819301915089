"""Named background decays of B+ -> K+ nu nubar: expected events beside those of the published likelihood.

``python -m validation.knunu_named RUN [EVENTS]`` makes events with B+ -> K+ K_L K_L, K+ K_S K_L, K+ n nbar (the other B
generic) with the amplitudes and rates of the model, reconstructs them as ``obf run knunu`` does, judges them with the
classifiers of a finished run, and prints the events above eta = 0.92 in 362 fb^-1.  The published number is the
shift of the template of B+B- by the uncertainty of the rate, divided by that uncertainty.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from openbfactory.analyses.knunu.classifiers import load_models
from openbfactory.analyses.knunu.config import load_config
from openbfactory.analyses.knunu.modelling import load_modelling
from openbfactory.analyses.knunu.variations import cluster_energies
from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.generate import REWEIGHTINGS, generate_events
from openbfactory.generate.reweighting import factors
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.inclusive_tag import reconstruct_with_energies
from openbfactory.simulate import simulate
from validation.rows import SHARED

DECAYS = {"KLKL": "K+ K_L0 K_L0", "KLKS": "K+ K_S0 K_L0", "nnbar": "K+ n0 anti-n0"}


def published(name: str) -> np.ndarray | None:
    """Events of the named decay in the published template of B+B-, by eta (0.92, 0.94, ...) and q2_rec."""
    path = SHARED / "belle2-knunu" / "combined_likelihood.json"
    if not path.exists():
        return None
    uncertainty, parts = REWEIGHTINGS[load_modelling().named[name].reweighting].uncertainty, {}
    for channel in json.loads(path.read_text())["channels"]:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                if modifier["name"] == f"corr_{name}_c1" and sample["name"] == "charged":
                    shift = np.subtract(modifier["data"]["hi_data"], modifier["data"]["lo_data"])
                    parts[channel["name"][0]] = np.abs(shift) / 2 / uncertainty
    return np.concatenate([parts["B"], parts["A"]]).reshape(4, 3)


def expected(name: str, run: Path, events: int) -> tuple[np.ndarray, np.ndarray]:
    """The same from simulated events: values and uncertainties."""
    card, config, model = load_card("belle2"), load_config(), load_modelling()
    chosen, classifiers = REWEIGHTINGS[model.named[name].reweighting], load_models(run)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "named.dec"
        file.write_text(f"Alias mine B+\nDecay mine\n1.0 {DECAYS[name]} PHSP;\nEnddecay\n"
                        "Decay Upsilon(4S)\n1.0 mine B- VSS;\nEnddecay\nEnd\n")
        truth, _ = generate_events("bbbar", events, Address(5, name), card.machine, decays=file)
    detected = simulate(truth, card, Address(5, name, stage="simulate"))
    energies = cluster_energies(detected, Address(5, name, stage="modelling"), model.detector, varied=False)
    tag = InclusiveTagConfig(magnetic_field=card.detector.field.value)
    table = reconstruct_with_energies(detected, card.machine, tag, [*energies])[0]
    weight = factors(truth["MCParticles"], model.named[name].reweighting)[model.named[name].reweighting][table.event]
    per_event = 2.0 * card.machine.expected("charged") * chosen.rate() / events
    judged = [m.outputs({n: np.asarray(c, np.float32) for n, c in table.columns.items()})["eta"] for m in classifiers]
    sums, squares = np.zeros((2, 4, 3))
    for eta in judged:
        for total, power in ((sums, 1), (squares, 2)):
            found, _, _ = np.histogram2d(eta, table.columns["q2_rec"], (config.region.eta, config.region.q2_rec),
                                         weights=(weight * per_event) ** power)
            total += found / len(judged)
    return sums, np.sqrt(squares)


def main() -> None:
    """Print the table."""
    run, events = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    for name in DECAYS:
        values, errors = expected(name, run, events)
        other = published(name)
        print(f"{name}: {values.sum():.1f} +- {np.sqrt((errors**2).sum()):.1f} events above eta = 0.92"
              + ("" if other is None else f", published {other.sum():.1f}"))
        for k, eta in enumerate(("0.92", "0.94", "0.96", "0.98")):
            print(f"  eta from {eta}: {np.round(values[k], 1)} +- {np.round(errors[k], 1)}"
                  + ("" if other is None else f", published {np.round(other[k], 1)}"))


if __name__ == "__main__":
    main()
