"""Named background decays of B+ -> K+ nu nubar: expected events beside those of the published likelihood.

``python -m validation.knunu_named RUN [EVENTS [NAME ...]]`` makes events with B+ -> K+ K_L K_L, K+ K_S K_L, K+ n nbar
(the other B generic) with the amplitudes and rates of the model, reconstructs them as ``obf run knunu`` does, judges
them with the classifiers of a finished run, and prints the events above eta = 0.92 in 362 fb^-1; and again with other
responses of the calorimeter to neutral hadrons (the classifiers stay), beside the signal.  The published number is the
shift of the template of B+B- by the uncertainty of the rate, divided by that uncertainty.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from openbfactory.analyses.knunu.classifiers import load_models
from openbfactory.analyses.knunu.config import SIGNAL, load_config
from openbfactory.analyses.knunu.modelling import DetectorVariations, load_modelling
from openbfactory.analyses.knunu.variations import cluster_energies
from openbfactory.core.random import Address
from openbfactory.events.record import Events
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


def responses(model: DetectorVariations) -> dict[str, DetectorVariations]:
    """The model, and others: every K_L cluster kept, energies of clusters that are not from photons scaled."""
    def changed(klong: float, scale: float) -> DetectorVariations:
        return model.model_copy(update={
            "klong_efficiency": model.klong_efficiency.model_copy(update={"value": klong}),
            "unmatched_scale": model.unmatched_scale.model_copy(update={"value": scale})})

    own = (model.klong_efficiency.value, model.unmatched_scale.value)
    return {f"K_L clusters {klong:g}, energy {scale:g}": changed(klong, scale)
            for klong, scale in (own, (1.0, 1.0), (1.0, 1.3), (1.0, 2.0))}


def made(name: str, events: int) -> tuple[Events, np.ndarray]:
    """Generated events, and what each stands for in the data set."""
    card, config = load_card("belle2"), load_config()
    per_event = 2.0 * card.machine.expected("charged") / events
    if name == SIGNAL:
        truth, _ = generate_events(SIGNAL, events, Address(5, SIGNAL), card.machine)
        return truth, np.full(events, per_event * config.branching_fraction.value)
    decay = load_modelling().named[name].reweighting
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "named.dec"
        file.write_text(f"Alias mine B+\nDecay mine\n1.0 {DECAYS[name]} PHSP;\nEnddecay\n"
                        "Decay Upsilon(4S)\n1.0 mine B- VSS;\nEnddecay\nEnd\n")
        truth, _ = generate_events("bbbar", events, Address(5, name), card.machine, decays=file)
    return truth, per_event * REWEIGHTINGS[decay].rate() * factors(truth["MCParticles"], decay)[decay]


def expected(name: str, run: Path, events: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Events by eta and q2_rec for each of :func:`responses`: values and uncertainties."""
    card, region, classifiers = load_card("belle2"), load_config().region, load_models(run)
    truth, weight = made(name, events)
    detected = simulate(truth, card, Address(5, name, stage="simulate"))
    cases = responses(load_modelling().detector)
    energies = [cluster_energies(detected, Address(5, name, stage="modelling"), case, varied=False)[0]
                for case in cases.values()]
    tag = InclusiveTagConfig(magnetic_field=card.detector.field.value)
    found = {}
    for case, table in zip(cases, reconstruct_with_energies(detected, card.machine, tag, energies), strict=True):
        columns = {n: np.asarray(c, np.float32) for n, c in table.columns.items()}
        sums, squares = np.zeros((2, 4, 3))
        for eta in (m.outputs(columns)["eta"] for m in classifiers):
            for total, power in ((sums, 1), (squares, 2)):
                total += np.histogram2d(eta, columns["q2_rec"], (region.eta, region.q2_rec),
                                        weights=weight[table.event] ** power)[0] / len(classifiers)
        found[case] = sums, np.sqrt(squares)
    return found


def main() -> None:
    """Print the table."""
    run, events = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    for name in sys.argv[3:] or (SIGNAL, *DECAYS):
        other = None if name == SIGNAL else published(name)
        print(name if other is None else f"{name}, published {other.sum():.0f}, by eta and q2_rec\n{other.round(1)}")
        for k, (case, (values, errors)) in enumerate(expected(name, run, events).items()):
            print(f"  {case}: {values.sum():.0f} +- {np.sqrt((errors**2).sum()):.0f} events above eta = 0.92")
            if k == 0:
                print(f"{values.round(1)}\n+- {errors.round(1)}")


if __name__ == "__main__":
    main()
